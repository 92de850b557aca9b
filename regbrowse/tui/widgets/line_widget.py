"""What the list and the text views have in common: lines painted one by one, a title line that stays, a cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.css.styles import RenderStyles
from textual.dom import DOMNode
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from regbrowse.tui.widgets.cells import cut

Piece = tuple[str, str]
"""A text, which is `SafeText` or a constant of ours, and the ink it is painted with, one of `INKS`."""

Titles = Callable[[int], Iterable[Piece] | None]
"""Says for a width in cells what the line on top says. Where it gives None, it must do so for every width."""

INKS: Final = frozenset(
    {
        "plain", "strong", "muted", "title", "heading", "accent", "link", "bar", "good", "warning", "error",
        "key", "string", "number",
    }
)  # fmt: skip

MARK: Final = "▌"
MARGIN: Final = 2
"""Cells left of each line: the cursor's mark, and a space."""


def movement(prefix: str) -> list[BindingType]:
    """The keys that move a cursor, with identities such as `list.up` by which they can be remapped."""
    keys = {
        "up": ("up,k", "Up"),
        "down": ("down,j", "Down"),
        "page_up": ("pageup", "Page up"),
        "page_down": ("pagedown", "Page down"),
        "home": ("home,g", "First"),
        "end": ("end,G", "Last"),
        "select": ("enter", "Open"),
    }
    return [
        Binding(key, f"move_{name}", words, show=False, id=f"{prefix}.{name}") for name, (key, words) in keys.items()
    ]


class LineWidget(ScrollView, can_focus=True, inherit_bindings=False):
    """A widget of many lines, of which only those on the screen are ever asked for.

    A subclass gives `line_count`, `line_pieces`, `is_highlighted` and `cursor_lines`, and calls `lines_changed` when it
    has other lines.
    """

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    LineWidget {
        overflow-x: hidden;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        background: transparent;
        color: $foreground;
        scrollbar-color: $foreground 20%;
        scrollbar-color-hover: $foreground 30%;
        scrollbar-color-active: $foreground 40%;
        scrollbar-background: transparent;
        scrollbar-background-hover: transparent;
        scrollbar-background-active: transparent;

        & > .line--cursor { background: $foreground 7%; }
        & > .line--mark { color: $text-muted; }
        & > .ink--strong { text-style: bold; }
        & > .ink--muted { color: $text-muted; }
        & > .ink--title { color: $text-muted; }
        & > .ink--heading { color: $text-accent; text-style: bold; }
        & > .ink--accent { color: $text-accent; }
        & > .ink--link { color: $text-accent; }
        & > .ink--bar { color: $primary; }
        & > .ink--good { color: $text-success; }
        & > .ink--warning { color: $text-warning; }
        & > .ink--error { color: $text-error; }
        & > .ink--key { color: $text-primary; }
        & > .ink--string { color: $text-success; }
        & > .ink--number { color: $text-secondary; }

        &:focus {
            & > .line--cursor { background: $block-cursor-blurred-background; text-style: bold; }
            & > .line--mark { color: $accent; }
        }
        &:ansi {
            scrollbar-color: ansi_bright_black;
            scrollbar-color-hover: ansi_bright_black;
            scrollbar-color-active: ansi_bright_black;
            & > .line--cursor { background: transparent; }
        }
        &:nocolor, &:ansi {
            & > .ink--muted, & > .ink--title { text-style: dim; }
            & > .ink--link { text-style: underline; }
        }
    }
    """

    cursor: reactive[int] = reactive(0, init=False, repaint=False)

    def __init__(
        self,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._ink_styles: dict[tuple[str, bool], Style] = {}
        self._painted: dict[int, tuple[tuple[Piece, ...], bool]] = {}
        self._title_height = 0
        self._follows_cursor = True

    # What a subclass says

    @property
    def line_count(self) -> int:
        raise NotImplementedError

    def line_pieces(self, index: int, width: int) -> Iterable[Piece]:
        """What line `index` says in `width` cells; what is longer is cut."""
        raise NotImplementedError

    def is_highlighted(self, index: int) -> bool:
        """Whether the cursor is on line `index`."""
        raise NotImplementedError

    @property
    def cursor_lines(self) -> tuple[int, int]:
        """First and last line of what the cursor is on."""
        raise NotImplementedError

    def title_pieces(self, width: int) -> Iterable[Piece] | None:
        """The line that stays on top; None, at any width, if there is none."""
        return None

    # What it may use

    @property
    def line_width(self) -> int:
        """Cells that a line has for what it says."""
        return max(0, self.scrollable_content_region.width - MARGIN)

    @property
    def visible_lines(self) -> range:
        """The lines that are on the screen now."""
        first = self.scroll_offset.y
        height = self.scrollable_content_region.height - self._title_height
        return range(first, max(first, min(self.line_count, first + height)))

    def lines_changed(self) -> None:
        """Take up a new number of lines, and paint all that is visible."""
        self.lines_counted()
        self.refresh()

    def lines_counted(self) -> None:
        """Take up a new number of lines.

        Textual would lay out the whole screen again, with all its panes; but the scrollbar is all that changes.
        """
        self._title_height = 0 if self.title_pieces(0) is None else 1
        size = Size(0, self.line_count + self._title_height)
        if self.styles.is_auto_height or not self.scrollable_content_region:
            self.virtual_size = size
        elif size != self.virtual_size:
            self.set_reactive(LineWidget.virtual_size, size)
            self._scroll_update(size)

    def refresh_changed_lines(self) -> None:
        """Paint those lines again that say something else than what is painted."""
        width, height = self.scrollable_content_region.size
        changed = [Region(0, y, width, 1) for y in range(height) if self._painted.get(y) != self._said(y)]
        if changed:  # no region at all would mean everything
            self.refresh(*changed)

    def refresh_lines_between(self, first: int, last: int) -> None:
        """Paint the lines from `first` to `last` again, as far as they are visible."""
        visible = self.visible_lines
        first, last = max(first, visible.start), min(last, visible.stop - 1)
        if first <= last:
            top = first - visible.start + self._title_height
            self.refresh(Region(0, top, self.scrollable_content_region.width, last - first + 1))

    def scroll_to_line(self, line: int) -> None:
        """Make `line` the first visible one, at once."""
        if self.is_attached:
            self.scroll_to(y=line, animate=False, force=True, immediate=True)

    def show_lines(self, first: int, last: int) -> None:
        """Scroll as little as needed to see `first` to `last`, or as many of them as there is room for."""
        visible = self.visible_lines
        if not visible:
            return
        if last >= visible.stop:
            self.scroll_to_line(min(first, last + 1 - self.page))
        elif first < visible.start:
            self.scroll_to_line(first)

    @property
    def sees_cursor(self) -> bool:
        """Whether something of what the cursor is on is on the screen."""
        (first, last), visible = self.cursor_lines, self.visible_lines
        return first < visible.stop and last >= visible.start

    def show_cursor_again(self) -> None:
        """Scroll to the cursor after the text or the room for it changed, unless one had scrolled away from it."""
        if self._follows_cursor:
            self.show_lines(*self.cursor_lines)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._follows_cursor = self.sees_cursor

    @property
    def page(self) -> int:
        """How many lines there is room for, at least one."""
        return max(1, self.scrollable_content_region.height - self._title_height)

    def line_at(self, y: int) -> int | None:
        """The line at row `y` of the content, if there is one."""
        index = y - self._title_height + self.scroll_offset.y
        return index if y >= self._title_height and 0 <= index < self.line_count else None

    # Painting

    def on_mount(self) -> None:
        self.lines_changed()

    def notify_style_update(self) -> None:
        self._ink_styles.clear()
        self._component_styles.clear()
        super().notify_style_update()

    def get_component_styles(self, *names: str) -> RenderStyles:
        """The styles of inks, worked out when a line needs them: Textual would do it for all at each focus."""
        for name in names:
            if name not in self._component_styles:
                node = DOMNode(classes=name)
                node._attach(self)
                self.app.stylesheet.apply(node)
                self._component_styles[name] = node.styles
        return super().get_component_styles(*names)

    def render_line(self, y: int) -> Strip:
        pieces, highlighted = self._painted[y] = self._said(y)
        return self._strip(pieces, self.scrollable_content_region.width, highlighted=highlighted)

    def _said(self, y: int) -> tuple[tuple[Piece, ...], bool]:
        """What row `y` of the content says, and whether the cursor is on it."""
        if y < self._title_height:
            return tuple(self.title_pieces(self.line_width) or ()), False
        index = self.line_at(y)
        if index is None:
            return (), False
        return tuple(self.line_pieces(index, self.line_width)), self.is_highlighted(index)

    def _strip(self, pieces: Iterable[Piece], width: int, *, highlighted: bool) -> Strip:
        """One strip of `width` cells in as few segments as possible: each change of style costs bytes over SSH."""
        style = self._style("mark" if highlighted else "plain", highlighted=highlighted)
        run = cut(MARK + " " if highlighted else "  ", width)
        used, segments = len(run), []
        for text, ink in pieces:
            if used >= width:
                break
            text = cut(text, width - used)
            used += cell_len(text)
            if not text.isspace() and (wanted := self._style(ink, highlighted=highlighted)) != style:
                segments.append(Segment(run, style))
                style, run = wanted, ""
            run += text
        segments.append(Segment(run + " " * (width - used), style))
        return Strip([segment for segment in segments if segment.text], width)

    def _style(self, ink: str, *, highlighted: bool) -> Style:
        found = self._ink_styles.get((ink, highlighted))
        if found is None:
            found = self._ink_styles[ink, highlighted] = self._mixed(ink, highlighted=highlighted)
        return found

    def _mixed(self, ink: str, *, highlighted: bool) -> Style:
        """The ink's style upon the cursor's, so that the ink's colour is chosen against the cursor's background."""
        colours_tell = not (self.app.no_color or self.app.native_ansi_color)
        if highlighted and self.has_focus and not colours_tell:
            return self.get_visual_style().rich_style + Style(bold=True, reverse=ink != "mark")
        component = "line--mark" if ink == "mark" else f"ink--{ink}"
        return self.get_visual_style(*(("line--cursor",) if highlighted else ()), component).rich_style

    def watch_has_focus(self, has_focus: bool) -> None:
        self._ink_styles.clear()
        super().watch_has_focus(has_focus)
