"""The Search pane: a line to type in, and what it finds while one types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from regbrowse.browser.filtered import FilteredNames
from regbrowse.browser.states import Listing, Phase
from regbrowse.browser.wording import count
from regbrowse.registry.errors import InvalidReferenceError
from regbrowse.registry.reference import RegistryAddress, Target, parse_target
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.actions import Pane
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.notice import Notice
from regbrowse.tui.widgets.pane import PaneFrame
from regbrowse.tui.widgets.virtual_list import VirtualList

_NOTHING: Final = SafeText("")
_RANKED: Final = 5_000


class SearchInput(Input):
    """Where the words are typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.search_results", "To what was found", show=False),
        Binding("escape", "screen.back", "Back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(placeholder="repositories here, by words; or the name of an image", compact=True)
        self.cursor_blink = False


class SearchPane(PaneFrame):
    """Finds repositories in the catalog, and opens what is a name.

    Args:
        registry: Where a bare name is looked for.
    """

    PANE: ClassVar[Pane] = Pane.SEARCH

    DEFAULT_CSS = """
    SearchPane {
        height: 3;
        & > SearchInput { background: transparent; padding: 0 1; margin: 0 1; }
        & > VirtualList, & > Notice { display: none; }
        &.-open { height: 16; max-height: 75%; }
        &.-open > VirtualList, &.-open > Notice.-shown { display: block; }
        & > VirtualList { height: 1fr; }
    }
    """

    class Chosen(Message):
        """The user wants to go there."""

        def __init__(self, target: Target) -> None:
            super().__init__()
            self.target = target

    def __init__(self, registry: RegistryAddress, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._registry = registry
        self._listing = Listing()
        self._filtered = FilteredNames()
        self._input = SearchInput()
        self.notice = Notice()
        self.results: VirtualList[SafeText] = VirtualList(self._paint)

    def compose(self) -> ComposeResult:
        yield self._input
        yield self.notice
        yield self.results

    def on_mount(self) -> None:
        self.set_title()

    @property
    def focus_target(self) -> Widget:
        return self._input

    def show_catalog(self, listing: Listing, *, grown: bool = True) -> None:
        """These are the repositories in which to find; not `grown` if they were asked for again."""
        self._listing = listing
        names = listing.names or listing.known
        if names is not self._filtered.names:
            self._filtered.replace(names, grown=grown)
        if self._input.value:
            self._find()

    def focus_results(self) -> None:
        """Go from the line to what was found."""
        if self.results.rows:
            self.results.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._find()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        if self.results.rows:
            self._choose(self.results.rows[0] if text not in self.results.rows else safe_text(text))
        elif text:
            self._open_by_name(text)

    @on(VirtualList.Selected)
    def _result_selected(self, event: VirtualList.Selected) -> None:
        event.stop()
        self._choose(event.row)

    def on_descendant_focus(self) -> None:
        self._unfold()

    def on_descendant_blur(self) -> None:
        self.call_after_refresh(self._unfold)

    def on_click(self, event: events.Click) -> None:
        if not self.has_focus_within:
            self._input.focus()

    def _find(self) -> None:
        text = self._input.value.strip()
        self._filtered.set_filter(text)
        found, complete = self._filtered.matches() if text else ((), True)
        found = _exact_first(found, text) if complete else found
        self.results.set_rows(found, keep_cursor=not complete)
        self.notice.say(*self._what_was_found(text, len(found)))
        self.set_title(count(len(found)) if text else "")
        self._unfold()
        if not complete:
            self.call_later(self._find)

    def _what_was_found(self, text: str, found: int) -> tuple[str, str]:
        if self._filtered.filter.problem:
            return self._filtered.filter.problem, ""
        if not text or (found and self._listing.phase is not Phase.LOADING):
            return "", ""
        if self._listing.phase is Phase.LOADING:
            return f"Searching {count(len(self._filtered.names))} repositories, more are coming …", ""
        if self._listing.phase is Phase.FAILED and not self._listing.names:
            return (
                f"{self._registry.host} does not list its repositories.",
                f"enter opens “{safe_text(text, limit=80)}” by its name.",
            )
        return "No repository has that in its name.", f"enter opens “{safe_text(text, limit=80)}” by its name."

    def _unfold(self) -> None:
        self.set_class(self.has_focus_within and bool(self._input.value.strip()), "-open")

    def _choose(self, name: SafeText) -> None:
        self._input.value = ""
        self.post_message(self.Chosen(Target(self._registry, name)))

    def _open_by_name(self, text: str) -> None:
        try:
            self.post_message(self.Chosen(parse_target(text, self._registry)))
        except InvalidReferenceError as error:
            self.notice.say(error.user_message, error.next_step, failed=True)

    def _paint(self, name: SafeText, index: int, width: int) -> Iterable[Piece]:
        position = 0
        for start, end in self._filtered.filter.spans(name):
            yield SafeText(name[position:start]), "plain"
            yield SafeText(name[start:end]), "accent"
            position = end
        yield SafeText(name[position:]), "plain"


def _exact_first(found: Sequence[SafeText], text: str) -> Sequence[SafeText]:
    """The same names, those first that are just what was typed, whole or after a `/`; many stay as they are."""
    if len(found) > _RANKED:
        return found
    return sorted(found, key=lambda name: (name != text, not f"/{name}".endswith(f"/{text}")))
