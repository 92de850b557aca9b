"""A read-only text of many styled lines, with a cursor that goes from item to item and from link to link."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from regbrowse.registry.digest import Digest
from regbrowse.registry.text import SafeText
from regbrowse.tui.widgets.line_widget import LineWidget, Piece, Titles, movement

_NOTHING = SafeText("")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text.

    Attributes:
        pieces: What it says.
        item: The number of the thing it belongs to, such as a step or a layer; the lines of one stand together.
            None for a heading or a gap.
        link: The digest that it leads to.
        copy: What a copy of this line's item or link is.
    """

    pieces: tuple[Piece, ...] = ()
    item: int | None = None
    link: Digest | None = None
    copy: SafeText = _NOTHING


ComposeLines = Callable[[int], Sequence[Line]]
"""Makes the lines for a width in cells."""


class TextView(LineWidget):
    """Lines made for the width that there is. Those that begin an item or hold a link are where the cursor stops."""

    BINDINGS: ClassVar[list[BindingType]] = movement("view")
    DEFAULT_CSS = "TextView:focus > .line--cursor { text-style: none; }"

    class Followed(Message):
        """A link was followed."""

        def __init__(self, text_view: TextView, digest: Digest) -> None:
            super().__init__()
            self.text_view = text_view
            self.digest = digest

        @property
        def control(self) -> TextView:
            return self.text_view

    def __init__(
        self,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._compose_lines: ComposeLines = lambda _width: ()
        self._titles: Titles | None = None
        self._composed_width: int | None = None
        self._lines: Sequence[Line] = ()
        self._stops: list[int] = []
        self._wanted_item: int | None = None

    def show_text(
        self,
        compose_lines: ComposeLines,
        *,
        titles: Titles | None = None,
        keep_place: bool = False,
    ) -> None:
        """Show another text.

        Args:
            compose_lines: Makes the lines for a width in cells; called again when the width changes.
            titles: The line that stays on top, for a width in cells.
            keep_place: Stay at the item where the cursor is: the text is a later state of the one shown.
        """
        self._compose_lines, self._titles = compose_lines, titles
        self._composed_width = None
        if not keep_place:
            self.set_reactive(TextView.cursor, 0)
            self.scroll_to_line(0)
            self._follows_cursor = True
            self._wanted_item = None
        self._compose_if_needed()

    @property
    def lines(self) -> Sequence[Line]:
        return self._lines

    @property
    def current(self) -> Line | None:
        """The line where the cursor stands: an item's first, or one with a link. None if nothing of it can be seen."""
        return self._lines[self.cursor] if self._stops and self.sees_cursor else None

    def go_to_item(self, item: int) -> None:
        """Put the cursor on `item`; in a view that is hidden, once it is shown and its lines are made."""
        self._wanted_item = item
        self._go_to_wanted()

    def _go_to_wanted(self) -> None:
        if self._wanted_item is not None and self._composed_width is not None:
            found = next((stop for stop in self._stops if self._lines[stop].item == self._wanted_item), None)
            self._wanted_item = None
            if found is not None:
                self._go_to(found)

    def on_resize(self) -> None:
        self._compose_if_needed()
        if self._stops:
            self.show_cursor_again()

    def _compose_if_needed(self) -> None:
        width = self.line_width
        if width in (0, self._composed_width):
            return
        place = bisect_left(self._stops, self.cursor)
        self._composed_width = width
        self._lines = self._compose_lines(width)
        self._stops = _stops(self._lines)
        self.set_reactive(TextView.cursor, self._stops[min(place, len(self._stops) - 1)] if self._stops else 0)
        self.lines_changed()
        self._go_to_wanted()

    def _begins_item(self, line: int) -> bool:
        item = self._lines[line].item
        return item is not None and (line == 0 or self._lines[line - 1].item != item)

    def _block(self, stop: int) -> tuple[int, int]:
        """First and last line of what the cursor is on when it stands at line `stop`."""
        last, count = stop, len(self._lines)
        if stop < count and self._begins_item(stop):
            while last + 1 < count and self._lines[last + 1].item == self._lines[stop].item:
                last += 1
        return stop, last

    # Cursor

    def watch_cursor(self, old: int, new: int) -> None:
        self._follows_cursor = True
        self.refresh_lines_between(*self._block(old))
        self.refresh_lines_between(*self._block(new))

    def action_move_down(self) -> None:
        visible = self.visible_lines
        start = max(self.cursor, visible.start - 1) if self._block(self.cursor)[1] < visible.start else self.cursor
        following = bisect_right(self._stops, start)
        if following < len(self._stops) and self._stops[following] <= visible.stop:
            self._go_to(self._stops[following])
        else:
            self.scroll_to_line(visible.start + 1)

    def action_move_up(self) -> None:
        visible = self.visible_lines
        start = min(self.cursor, visible.stop)
        previous = bisect_left(self._stops, start) - 1
        first_seen = self.cursor >= visible.start
        if previous >= 0 and first_seen and self._block(self._stops[previous])[1] >= visible.start - 1:
            self._go_to(self._stops[previous], from_below=True)
        else:
            self.scroll_to_line(visible.start - 1)

    def action_move_page_down(self) -> None:
        self._turn(self.page)

    def action_move_page_up(self) -> None:
        self._turn(-self.page)

    def action_move_home(self) -> None:
        self._go_to(self._stops[0] if self._stops else 0)
        self.scroll_to_line(0)

    def action_move_end(self) -> None:
        self._go_to(self._stops[-1] if self._stops else 0)
        self.scroll_to_line(self.line_count)

    def action_move_select(self) -> None:
        link = self.current.link if self.current else None
        if link is not None:
            self.post_message(self.Followed(self, link))

    def _go_to(self, stop: int, *, from_below: bool = False) -> None:
        self.cursor = stop
        first, last = self._block(stop)
        if from_below:
            first = max(first, last + 1 - self.page)
        self.show_lines(first, last)

    def _turn(self, lines: int) -> None:
        """Scroll by a page, and take the cursor along to the nearest stop that is on it."""
        wanted = self.cursor + lines
        self.scroll_to_line(self.scroll_offset.y + lines)
        visible = self.visible_lines
        on_page = self._stops[bisect_left(self._stops, visible.start) : bisect_left(self._stops, visible.stop)]
        if on_page:
            self.cursor = min(on_page, key=lambda stop: abs(stop - wanted))

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        line = self.line_at(place.y) if place is not None else None
        stop = self._stop_of(line) if line is not None else None
        if stop is None:
            return
        event.stop()
        self._go_to(stop)
        if event.chain == 2:
            self.action_move_select()

    def _stop_of(self, line: int) -> int | None:
        """The stop whose block holds `line`."""
        previous = bisect_right(self._stops, line) - 1
        if previous < 0 or self._block(self._stops[previous])[1] < line:
            return None
        return self._stops[previous]

    # Lines

    @property
    def line_count(self) -> int:
        return len(self._lines)

    def line_pieces(self, index: int, width: int) -> Iterable[Piece]:
        return self._lines[index].pieces

    def is_highlighted(self, index: int) -> bool:
        if not self._stops or index < self.cursor:
            return False
        same_item = self._lines[index].item == self._lines[self.cursor].item
        return index == self.cursor or (same_item and self._begins_item(self.cursor))

    @property
    def cursor_lines(self) -> tuple[int, int]:
        return self._block(self.cursor)

    def title_pieces(self, width: int) -> Iterable[Piece] | None:
        return None if self._titles is None else self._titles(width)


def _stops(lines: Sequence[Line]) -> list[int]:
    """Where the cursor stops: at each line that has a link or begins an item."""
    stops, previous = [], None
    for index, line in enumerate(lines):
        if line.link is not None or (line.item is not None and line.item != previous):
            stops.append(index)
        previous = line.item
    return stops
