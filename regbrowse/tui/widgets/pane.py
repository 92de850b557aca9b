"""A pane: a frame with a title that carries a count, and for the lists a filter, rows and a notice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from regbrowse.browser.filtered import FilteredNames
from regbrowse.browser.states import Listing, Phase
from regbrowse.browser.wording import count
from regbrowse.registry.text import SafeText
from regbrowse.tui.actions import Pane
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.notice import Notice, Spinner
from regbrowse.tui.widgets.virtual_list import VirtualList

_NOTHING: Final = SafeText("")

_NEARBY: Final = 64
"""Rows after the cursor that are looked at for its name while one types: a filter brings it up rather than down."""


class PaneFrame(Vertical):
    """The frame of a pane. Where the focus is, the frame shows it."""

    PANE: ClassVar[Pane]

    _edge_words: tuple[str, SafeText] = ("", _NOTHING)

    DEFAULT_CSS = """
    PaneFrame {
        border: round $foreground 25%;
        border-title-color: $text-muted;
        border-subtitle-color: $text-muted;
        padding: 0;
        background: $background;
        &:focus-within {
            border: round $accent;
            border-title-color: $text-accent;
            border-title-style: bold;
        }
        &:nocolor:focus-within, &:ansi:focus-within { border: heavy $accent; border-title-style: bold reverse; }
    }
    """

    def set_title(self, extra: str = "", subtitle: SafeText = _NOTHING) -> None:
        """Show the pane's number and name, then `extra`; `subtitle` on the lower edge."""
        words = (f"{self.PANE.number} {self.PANE.value}{' ' if extra else ''}{extra}", subtitle)
        if words == self._edge_words:
            return
        # Not `border_title`: to set that paints all that is in the pane anew
        self._edge_words = words
        self._border_title = Content(words[0])
        self._border_subtitle = Content(subtitle) if subtitle else None
        width, height = self.outer_size
        self.refresh(Region(-1, -1, width, 1), Region(-1, height - 2, width, 1))

    @property
    def focus_target(self) -> Widget:
        """What gets the focus when the pane does."""
        raise NotImplementedError


class FilterInput(Input):
    """The line in which a list is filtered as one types."""

    def __init__(self, leave: Callable[[bool], None]) -> None:
        """Make the line.

        Args:
            leave: Called at once when the user is done typing, with whether the filter is to go: the next key is not
                this line's any more.
        """
        super().__init__(placeholder="words  !without  /regex/", compact=True, select_on_focus=False)
        self.cursor_blink = False
        self._leave = leave

    async def _on_key(self, event: events.Key) -> None:
        # Not bindings, which are looked up later: of keys that come in a burst, those after `enter` belong to the list
        if self.screen.focused is not self:
            self.app.post_message(events.Key(event.key, event.character))
        elif event.key in ("enter", "down", "tab", "escape"):
            self._leave(event.key == "escape")
        else:
            return
        event.prevent_default().stop()


class NameList(VirtualList[SafeText]):
    """The names of a pane. As long as there are none it is not on the screen, and keeps the focus all the same."""

    def _on_hide(self, event: events.Hide) -> None:
        if self.has_class("-empty"):
            event.prevent_default()


class ListPane(PaneFrame):
    """A pane of names: repositories or tags."""

    GROWS: ClassVar[bool] = False
    """Whether later states of the list begin with the names of the earlier ones."""

    DEFAULT_CSS = """
    ListPane {
        & > #filter {
            height: 1; display: none; padding: 0 1;
            &.-shown { display: block; }
            & > #slash { width: 2; height: 1; padding: 0; display: block; }
            & > FilterInput { width: 1fr; background: transparent; }
        }
        & > VirtualList { height: 1fr; }
        & > VirtualList.-empty { display: none; }
        & > #loading { height: 1; padding: 0 1; }
        & > #loading > #asking { width: 1fr; height: 1; padding: 0; display: block; }
    }
    """

    class NameMessage(Message):
        """Something about one name."""

        def __init__(self, pane: ListPane, name: SafeText) -> None:
            super().__init__()
            self.pane = pane
            self.name = name

        @property
        def control(self) -> ListPane:
            return self.pane

    class Opened(NameMessage):
        """A row was opened: by enter, or by a second click."""

    class Highlighted(NameMessage):
        """The cursor is on another name now."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, ListPane.Highlighted) and message.pane is self.pane

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.listing = Listing(phase=Phase.EMPTY)
        self.filtered = FilteredNames()
        self.rows = NameList(self.paint, titles=self.titles)
        self.notice = Notice()
        self._filter_input = FilterInput(self._leave_filter)
        self._filter_line = Horizontal(Notice(id="slash"), self._filter_input, id="filter")
        self._spinner = Spinner()
        self._asking = Notice(id="asking")
        self._loading = Horizontal(self._spinner, self._asking, id="loading")
        self._looking = False
        self._before_filter: SafeText | None = None

    def compose(self) -> ComposeResult:
        yield self._filter_line
        yield self._loading
        yield self.notice
        yield self.rows

    def on_mount(self) -> None:
        self.query_one("#slash", Notice).say("/")
        self.show(self.listing, asking="")

    # What a subclass says

    def paint(self, name: SafeText, index: int, width: int) -> Iterable[Piece]:
        """What a row says."""
        raise NotImplementedError

    def titles(self, width: int) -> Iterable[Piece] | None:
        """The titles of the columns, if there are any."""
        return None

    def title_extra(self) -> str:
        """What the title says after the count."""
        return ""

    def say(self, listing: Listing) -> None:
        """Say in the notice what there is to say about `listing`."""
        raise NotImplementedError

    # Names

    def show(self, listing: Listing, *, asking: str, grown: bool = True, from_top: bool = False) -> None:
        """Show a state of the list.

        Args:
            asking: What is being done while it is loading.
            grown: Whether it may begin with the names that are shown; False if it was asked for again.
            from_top: Put the cursor on the first name; otherwise it stays where it is, which at the top is the top.
        """
        self.listing = listing
        self._loading.display = listing.phase is Phase.LOADING
        self._spinner.turn(listing.phase is Phase.LOADING)
        self._asking.say(asking)
        self.say(listing)
        is_at_top = not self.rows.cursor and not self.rows.scroll_offset.y
        names = listing.names if listing.names else listing.known
        self.set_names(names, grown=grown, from_top=from_top or is_at_top)

    def set_names(self, names: Sequence[SafeText], *, grown: bool = True, from_top: bool = False) -> None:
        """Make `names` what is filtered and shown."""
        if names is not self.filtered.names:
            self.filtered.replace(names, grown=self.GROWS and grown)
        self._show_matches(from_top=from_top)

    def forget(self) -> None:
        """Show nothing any more: the list of something else is to come."""
        self.clear_filter()
        self.show(Listing(phase=Phase.EMPTY), asking="")

    @property
    def current(self) -> SafeText | None:
        """The name under the cursor."""
        return self.rows.row

    @property
    def focus_target(self) -> Widget:
        return self.rows

    def retitle(self) -> None:
        """Write the title: the count, `+` while more come, how many match, and what the subclass adds."""
        names = len(self.listing.names)
        more = "+" if self.listing.phase in (Phase.LOADING, Phase.FAILED) and names else ""
        number = f"{count(names)}{more}" if names or self.listing.phase is Phase.READY else ""
        if self.filtered.text and names:
            number = f"{count(len(self.rows.rows))} of {number}"
        self.set_title(f"{number}{self.title_extra()}", self.border_words)

    @property
    def border_words(self) -> SafeText:
        """What stands on the lower edge."""
        return _NOTHING

    # Filter

    @property
    def is_filtered(self) -> bool:
        return bool(self.filtered.text)

    def start_filter(self) -> None:
        """Let the user type a filter."""
        self._before_filter = self.current
        self._filter_line.add_class("-shown")
        self.screen.set_focus(self._filter_input)  # at once: what is typed next belongs into it

    def clear_filter(self) -> None:
        """Show every name again, with the cursor where it is."""
        self._filter_line.remove_class("-shown")
        with self.prevent(Input.Changed):
            self._filter_input.value = ""
        self._set_filter("")

    @on(Input.Changed)
    def _filter_typed(self, event: Input.Changed) -> None:
        event.stop()
        self._set_filter(event.value)

    def _leave_filter(self, cleared: bool) -> None:
        self._set_filter(self._filter_input.value)
        if cleared or not self._filter_input.value:
            self.clear_filter()
        self.screen.set_focus(self.rows)

    def _set_filter(self, text: str) -> None:
        if text == self.filtered.text:
            return
        place = self.current or self._before_filter
        self.filtered.set_filter(text)
        self._show_matches(from_top=True)
        if not text and place in self.rows.rows:
            self.rows.cursor = self.rows.rows.index(place)

    def _show_matches(self, *, from_top: bool = False) -> None:
        matches, complete = self.filtered.matches()
        self.rows.set_rows(matches, keep_cursor=not from_top)
        self.rows.set_class(not len(self.filtered.names), "-empty")
        self._say_matches(len(matches), complete)
        self.retitle()
        if not complete and not self._looking:
            self._looking = True
            self.call_later(self._look_on)

    def _look_on(self) -> None:
        self._looking = False
        self._show_matches()

    def _say_matches(self, found: int, complete: bool) -> None:
        hidden = len(self.filtered.names)
        if self.filtered.filter.problem:
            self.notice.say(self.filtered.filter.problem)
        elif self.is_filtered and complete and not found and hidden:
            self.notice.say(f"No name matches. {count(hidden)} are hidden.", "esc clears the filter.")
        else:
            self.say(self.listing)

    # Rows

    @on(VirtualList.Selected)
    def _row_selected(self, event: VirtualList.Selected) -> None:
        event.stop()
        self.post_message(self.Opened(self, event.row))

    @on(VirtualList.Highlighted)
    def _row_highlighted(self, event: VirtualList.Highlighted) -> None:
        event.stop()
        self.post_message(self.Highlighted(self, event.row))

    def on_click(self, event: events.Click) -> None:
        self.focus_target.focus()


def shown_so_far(listing: Listing) -> str:
    """For a list that failed in its middle: that what is shown is not all."""
    return f"The list is not whole: {count(len(listing.names))} names came before that." if listing.names else ""
