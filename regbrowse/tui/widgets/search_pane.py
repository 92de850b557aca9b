"""The Search pane: a line to type in, where to look, and what is found while one types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from regbrowse.browser.filtered import FilteredNames
from regbrowse.browser.search import MOST, Hit, Place, Question, SearchState, exact_first
from regbrowse.browser.states import Listing, Phase
from regbrowse.browser.wording import count
from regbrowse.registry.errors import InvalidReferenceError
from regbrowse.registry.reference import DOCKER_HUB, RegistryAddress, Target, parse_target
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.actions import Pane
from regbrowse.tui.widgets import search_words
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.notice import Notice, Spinner
from regbrowse.tui.widgets.pane import PaneFrame
from regbrowse.tui.widgets.search_hits import More, Names, Row, hit_pieces, more_pieces, name_pieces
from regbrowse.tui.widgets.virtual_list import VirtualList

_LETTERS: Final = 2
"""So many are typed before anybody is asked."""

_NARROW: Final = 46
"""Columns below which the frame names only the place that is searched."""

_HUB: Final = RegistryAddress(DOCKER_HUB)


class SearchInput(Input):
    """Where the words are typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.search_results", "To what was found", show=False),
        Binding("escape", "screen.back", "Back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(compact=True)
        self.cursor_blink = False


class SearchPane(PaneFrame):
    """Finds repositories, and opens what is a name.

    The names of the registry that is open are at hand, and looked through at each letter. Whatever else is searched is
    asked for by `Asked`, and its answer given to `show_found`.

    Args:
        registry: The one that is open.
    """

    PANE: ClassVar[Pane] = Pane.SEARCH

    DEFAULT_CSS = """
    SearchPane {
        height: 3;
        & > SearchInput { background: transparent; padding: 0 1; margin: 0 1; }
        & > #searching { height: 1; padding: 0 2; }
        & > #searching > Notice { width: 1fr; height: 1; padding: 0; display: block; }
        & > VirtualList, & > Notice, & > #searching { display: none; }
        &.-open { height: 16; max-height: 75%; }
        &.-open > VirtualList, &.-open > Notice.-shown, &.-open > #searching.-shown { display: block; }
        & > VirtualList { height: 1fr; }
        & > Notice.-beside { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    class Chosen(Message):
        """The user wants to go there."""

        def __init__(self, target: Target) -> None:
            super().__init__()
            self.target = target

    class Asked(Message):
        """The user wants to know something else than before.

        Attributes:
            question: What; None if it is nothing any more.
            at_once: The user waits for it, and types no further.
        """

        def __init__(self, question: Question | None, *, at_once: bool) -> None:
            super().__init__()
            self.question = question
            self.at_once = at_once

    def __init__(self, registry: RegistryAddress, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._registry = registry
        self._places = [place for place in Place if place is not Place.HERE or not registry.is_docker_hub]
        self.place = self._places[0]
        self._listing = Listing()
        self._filtered = FilteredNames()
        self._here_is_asked = False
        self._question: Question | None = None
        self._found: SearchState | None = None
        self._input = SearchInput()
        self._spinner = Spinner()
        self._asking = Notice()
        self._searching = Horizontal(self._spinner, self._asking, id="searching")
        self.notice = Notice()
        self.results: VirtualList[Row] = VirtualList(self._paint)

    def compose(self) -> ComposeResult:
        yield self._input
        yield self._searching
        yield self.notice
        yield self.results

    def on_mount(self) -> None:
        self.search_in(self.place)

    def on_resize(self) -> None:
        self._retitle()

    @property
    def focus_target(self) -> Widget:
        return self._input

    @property
    def asks(self) -> bool:
        """Whether somebody must be asked, since the names are not at hand."""
        return self.place is not Place.HERE or self._here_is_asked

    # Where

    def search_in(self, place: Place) -> None:
        """Search there from now on; on Docker Hub, here is there."""
        self.place = place if place in self._places else Place.DOCKER_HUB
        self._input.placeholder = search_words.HINTS[self.place]
        self._begin()

    def search_in_next(self) -> None:
        """Search in the next place from now on."""
        self.search_in(self._places[(self._places.index(self.place) + 1) % len(self._places)])

    def show_catalog(self, listing: Listing, *, grown: bool = True, asked: bool = False) -> None:
        """These are the repositories of the registry that is open.

        Args:
            grown: They may begin with those that were shown before.
            asked: The registry has a search of its own, which finds more than these.
        """
        self._listing = listing
        asked = asked and listing.problem is None  # else nobody knows whether it is of use
        names = listing.names or listing.known
        if names is not self._filtered.names:
            self._filtered.replace(names, grown=grown)
        if self.place is not Place.HERE:
            self._here_is_asked = asked
        elif asked != self._here_is_asked:
            self._here_is_asked = asked
            self._begin()
        elif not asked and self._text:
            self._find_names()

    # What

    @property
    def _text(self) -> str:
        return self._input.value.strip()

    def focus_results(self) -> None:
        """Go from the line to what was found: enter opens the first there already, so to the second."""
        if self.results.rows:
            self.results.focus()
            if self.results.cursor == 0 and len(self.results.rows) > 1:
                self.results.cursor = 1

    def ask_again(self) -> None:
        """Ask once more for what is shown."""
        if self._question:
            self._ask(self._question, at_once=True)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._find()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text, found = self._text, self._found
        if not text:
            return
        if self.asks and (found is None or found.question.words != text or found.phase is Phase.FAILED):
            self._ask(Question(self.place, text), at_once=True)
        elif hit := self._best(text):
            self._choose(hit)
        elif found is None or found.phase is not Phase.LOADING:
            self._open_by_name(text)

    @on(VirtualList.Selected)
    def _row_selected(self, event: VirtualList.Selected) -> None:
        event.stop()
        if isinstance(event.row, Hit):
            self._choose(event.row)
        elif self._question:
            self._ask(Question(self.place, self._question.words, MOST), at_once=True)

    def on_descendant_focus(self) -> None:
        self._unfold()

    def on_descendant_blur(self) -> None:
        self.call_after_refresh(self._unfold)

    def on_click(self, event: events.Click) -> None:
        if not self.has_focus_within:
            self._input.focus()

    def _begin(self) -> None:
        """Look in another place, or in another way: what was found before is not that."""
        if self.results.has_focus:
            self.screen.set_focus(self._input)
        self.results.set_rows(())
        self._ask(None)
        self._find()

    def _find(self) -> None:
        text = self._text
        self._filtered.set_filter(text)
        if not self.asks:
            if self._question:
                self._ask(None)
            self._find_names()
        elif len(text) < _LETTERS:
            if not text:
                self.results.set_rows(())
            self._ask(None)
        elif self._question is None or self._question.words != text:
            self._ask(Question(self.place, text))

    def _ask(self, question: Question | None, *, at_once: bool = False) -> None:
        """Have `question` asked. What was found before stays until there is something new."""
        if question is None or self._question is None or question.words != self._question.words:
            self._found = None
        self._question = question
        self.post_message(self.Asked(question, at_once=at_once))
        self._say_found()

    def show_found(self, state: SearchState) -> None:
        """This is the answer to what was asked, as far as it has come."""
        if state.question != self._question:
            return
        is_more = self._found is not None and self._found.question.words == state.question.words
        self._found = state
        if state.hits or state.phase is not Phase.LOADING:
            rows: Sequence[Row] = (*state.hits, More(MOST)) if state.has_more else state.hits
            keeps = is_more and self.results.has_focus
            self.results.set_rows(rows, keep_cursor=keeps, locate=lambda row: _index(rows, row))
        self._say_found()

    def _find_names(self) -> None:
        text = self._text
        found, complete = self._filtered.matches() if text else ((), True)
        found = exact_first(found, text) if complete else found
        self.results.set_rows(Names(self._registry, found), keep_cursor=not complete)
        self._say_awaited("")
        self.notice.say(*self._about_names(text, len(found)))
        self.notice.remove_class("-beside")
        self._retitle()
        self._unfold()
        if not complete:
            self.call_later(self._find_names_on)

    def _find_names_on(self) -> None:
        if not self.asks:  # it may be another place by now
            self._find_names()

    def _best(self, text: str) -> Hit | None:
        """What `enter` means in the line: the one of just that name, else the first."""
        rows = self.results.rows
        if isinstance(rows, Names):
            return rows.named(text) or next(iter(rows), None)
        hits = self._found.hits if self._found else ()
        return next((hit for hit in hits if hit.name == text), next(iter(hits), None))

    def _choose(self, hit: Hit) -> None:
        self.post_message(self.Chosen(hit.target))

    def _open_by_name(self, text: str) -> None:
        try:
            target = parse_target(text, _HUB if self.place is Place.DOCKER_HUB else self._registry)
        except InvalidReferenceError as error:
            self.notice.say(error.user_message, error.next_step, failed=True)
        else:
            self.post_message(self.Chosen(target))

    # What is said

    def _about_names(self, text: str, found: int) -> tuple[str, str]:
        if self._filtered.filter.problem:
            return self._filtered.filter.problem, ""
        if not text or (found and self._listing.phase is not Phase.LOADING):
            return "", ""
        if self._listing.phase is Phase.LOADING:
            return f"Searching {count(len(self._filtered.names))} repositories, more are coming …", ""
        by_name = search_words.by_name(safe_text(text, limit=80))
        next_step = f"{by_name}, {search_words.PLACE_KEY} searches Docker Hub."
        if self._listing.phase is Phase.FAILED and not self._listing.names:
            return f"{self._registry.host} does not list its repositories.", next_step
        return "No repository has that in its name.", next_step

    def _say_found(self) -> None:
        """Say who is asked, what nobody has found, and who could not be searched."""
        state = self._found
        is_known = state is not None and state.question == self._question and state.phase is not Phase.LOADING
        self._say_awaited(search_words.asking(state, self._who) if self._question and not is_known else "")
        if self._question is None:
            said = search_words.Said("", f"Asked from the second letter on, or at enter: {self._who}.")
        else:
            said = search_words.outcome(state, self._who) if state else search_words.Said()
        self.notice.say(said.sentence, said.next_step, failed=said.failed)
        self.notice.set_class(state is not None and bool(state.hits), "-beside")
        self._retitle()
        self._unfold()

    def _say_awaited(self, words: str) -> None:
        self._searching.set_class(bool(words), "-shown")
        self._spinner.turn(bool(words))
        self._asking.say(words)

    @property
    def _who(self) -> str:
        """Who answers, where it is one."""
        names = {Place.HERE: self._registry.host, Place.DOCKER_HUB: "Docker Hub"}
        return names.get(self.place, "every known registry")

    def _retitle(self) -> None:
        """Write how much was found on the upper edge, and where one looks on the lower one."""
        where = search_words.where(self._places, self.place, short=self.size.width < _NARROW)
        self.set_title(self._number(), SafeText("".join(text for text, _ in where)))
        self._border_subtitle = Content.assemble(*where)

    def _number(self) -> str:
        if not self.asks:
            return count(len(self.results.rows)) if self._text else ""
        state = self._found
        if state is None or state.phase is Phase.FAILED:
            return ""
        shown, total = len(state.hits), max(state.total, len(state.hits))
        more = "+" if state.phase is Phase.LOADING else ""
        return f"{count(total)}{more}" if total == shown else f"{count(shown)} of {count(total)}{more}"

    def _unfold(self) -> None:
        self.set_class(self.has_focus_within and bool(self._text), "-open")

    def _paint(self, row: Row, index: int, width: int) -> Iterable[Piece]:
        if isinstance(row, More):
            return more_pieces(row, self._found.total if self._found else 0)
        if not self.asks:
            return name_pieces(row, width, self._filtered.filter)
        return hit_pieces(row, width, self._filtered.filter, hosts=self.place is Place.EVERYWHERE)


def _index(rows: Sequence[Row], row: Row) -> int | None:
    return next((index for index, other in enumerate(rows) if other == row), None)
