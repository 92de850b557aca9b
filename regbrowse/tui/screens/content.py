"""What the four panes are filled with: lists, rows and images, as they come and as one moves."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from textual import on, work
from textual.worker import Worker

from regbrowse.browser.browser import Browser
from regbrowse.browser.details import VisibleRows
from regbrowse.browser.ordering import sort_tags
from regbrowse.browser.search import Question
from regbrowse.browser.states import Listing, Phase, TagDetails
from regbrowse.browser.wording import count
from regbrowse.registry.digest import Digest
from regbrowse.registry.reference import Reference, Target, digest_reference
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.actions import Pane
from regbrowse.tui.screens.dialogs import Choice, ChoiceScreen
from regbrowse.tui.screens.panes import PanesScreen
from regbrowse.tui.widgets.pane import ListPane
from regbrowse.tui.widgets.search_pane import SearchPane
from regbrowse.tui.widgets.tags_pane import TagsPane
from regbrowse.tui.widgets.text_view import TextView

_PREVIEW_AFTER: Final = 0.15
"""Seconds that the cursor rests on a tag before its image is asked for."""

SEARCH_AFTER: Final = 0.35
"""Seconds after the last letter until what was typed is asked for."""

_SORTED_AT_ONCE: Final = 2_000
_ASKED_WITHOUT_QUESTION: Final = 500
"""Tags that are asked about for a sort without asking the user first."""

_NOTHING: Final = SafeText("")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one was in an image, to come back to it.

    Attributes:
        chosen: The platform that was chosen, if one was.
        item: What the cursor was on.
    """

    target: Target
    chosen: Digest | None
    item: int | None


class ContentScreen(PanesScreen):
    """Fills the panes from one registry.

    Args:
        browser: The model of the registry.
        target: Where to begin.
    """

    def __init__(self, browser: Browser, target: Target) -> None:
        super().__init__(browser)
        self._start = target
        self._turn = browser.turn
        self._rows: VisibleRows | None = None
        self._place: SafeText | None = None
        self._places: dict[SafeText, SafeText] = {}
        self._trail: list[_Place] = []
        self._chosen: Digest | None = None
        self._opening: Worker[None] | None = None

    def on_mount(self) -> None:
        self._search = self.regbrowse.registries.search(self.browser)
        self.repositories.show(Listing(), asking=self._asking_catalog)
        self.call_after_refresh(self._begin)

    def focus_pane(self, pane: Pane) -> None:
        """Go to a pane; coming to the tags shows the image of the one under the cursor."""
        super().focus_pane(pane)
        if pane is Pane.TAGS and self.image.display and self.tags.current and self.image.state is None:
            self._preview(self.tags.current, after=_PREVIEW_AFTER)

    def _begin(self) -> None:
        self.load_repositories(fresh=False)
        if self._start.repository:
            self.go_to(self._start)

    async def on_unmount(self) -> None:
        if self._rows:
            await self._rows.aclose()

    # Where one is

    def go_to(self, target: Target) -> None:
        """Open a repository, or an image in it, of this screen's registry."""
        self.open_repository(safe_text(target.repository), cursor=safe_text(str(target.reference or "")))
        if target.reference is not None:
            self._trail = []
            self._open_image(target)
            self.focus_pane(Pane.IMAGE)

    def open_repository(self, repository: SafeText, *, cursor: SafeText = _NOTHING) -> None:
        """List the tags of `repository`, with the cursor on the tag where it was, or on `cursor`."""
        is_open = repository == self.tags.repository
        if self.tags.current and self.tags.repository and not is_open:
            self._places[self.tags.repository] = self.tags.current
        if cursor:
            self._places[repository] = cursor
        if is_open and self.tags.listing.phase is not Phase.FAILED:
            self._put_cursor(repository)
            self.focus_pane(Pane.TAGS)
            return
        self.image.show_nothing()
        self._trail = []
        self.workers.cancel_group(self, "image")
        self.workers.cancel_group(self, "sort")
        self.tags.progress = ""
        self.tags.show_repository(repository)
        self.load_tags(repository, fresh=False)
        self.focus_pane(Pane.TAGS)
        self._mark_repository()

    @property
    def target(self) -> Target:
        """What the focused pane's cursor is on."""
        address = self.browser.address
        if self.pane is Pane.IMAGE and self.image.state:
            return self.image.state.target
        if self.pane in (Pane.TAGS, Pane.IMAGE) and self.tags.repository:
            tag = self.tags.current
            return Target(address, self.tags.repository, Reference(tag) if tag else None)
        repository = self.repositories.current
        return Target(address, repository) if repository else Target(address)

    # What is loaded

    @property
    def is_outdated(self) -> bool:
        """Whether one is somebody else by now than when what is shown was loaded."""
        return self._turn != self.browser.turn

    def start_again(self) -> None:
        """Load anew all that is shown, for somebody else: of what the one saw, only the places stay."""
        self._turn = self.browser.turn
        self._place = self.repositories.current
        self.repositories.show(Listing(), asking=self._asking_catalog, grown=False)
        self.load_repositories(fresh=False)
        self.search.search_in(self.search.place)
        if repository := self.tags.repository:
            if self.tags.current:
                self._places[repository] = self.tags.current
            self.tags.know({})
            self.tags.show(Listing(), asking=self._asking_tags, grown=False)
            self.load_tags(repository, fresh=False)
        if state := self.image.state:
            line = self.image.current_line
            self.image.show_nothing()
            self.load_image(state.target, item=line.item if line else None)

    @work(exclusive=True, group="repositories")
    async def load_repositories(self, *, fresh: bool) -> None:
        """Show the catalog as it comes; if it is there, only when it has come anew."""
        before = self.repositories.listing if fresh else Listing()
        async for listing in self.browser.repositories(fresh=fresh):
            listing = _until_whole(listing, before)
            self.repositories.show(listing, asking=self._asking_catalog, grown=not before.names)
            asked = self.browser.search is not None
            self.search.show_catalog(listing, grown=not before.names, asked=asked)
            if self._place:
                self._put_repository_cursor(self._place)
            elif listing.phase is not Phase.LOADING:
                self._mark_repository()
            self.refresh_bars()
        self._place = None

    @work(exclusive=True, group="search")
    async def find(self, question: Question, *, after: float) -> None:
        """Show what answers `question`, if no other is asked for so many seconds."""
        await asyncio.sleep(after)
        async for state in self._search.states(question):
            self.search.show_found(state)
            self.refresh_bars()

    @property
    def _asking_catalog(self) -> str:
        return f"Asking {self.browser.address.host} for its repositories …"

    @property
    def _asking_tags(self) -> str:
        return f"Asking {self.browser.address.host} for the tags …"

    @work(exclusive=True, group="tags")
    async def load_tags(self, repository: SafeText, *, fresh: bool) -> None:
        """Show the tags of `repository` as they come, in order when they are all there."""
        before = self.tags.listing if fresh else Listing()
        if self._rows:
            await self._rows.aclose()
        self._rows = self.browser.rows(repository, self._details_found)
        async for listing in self.browser.tags(repository, fresh=fresh):
            self.tags.know(self.browser.details(repository))
            listing = _until_whole(listing, before)
            many = len(listing.names) > _SORTED_AT_ONCE
            if listing.names and not (many and listing.phase is Phase.LOADING):
                listing = replace(listing, names=await self._in_order(listing))
            self.tags.show(listing, asking=self._asking_tags)
            self._put_cursor(repository)
            self.refresh_bars()

    def _details_found(self, tag: SafeText, details: TagDetails) -> None:
        self.tags.details_found(tag, details)
        if self.image.state:
            self.image.show_same(self.browser.same(self.image.state))

    @work(exclusive=True, group="image")
    async def load_image(
        self, target: Target, *, fresh: bool = False, after: float = 0.0, item: int | None = None
    ) -> None:
        """Show the image that `target` names, if the cursor still rests on it `after` so many seconds.

        Args:
            item: What the cursor is to be on at the end.
        """
        await asyncio.sleep(after)
        async for state in self.browser.image(target, chosen=self._chosen, fresh=fresh):
            self.image.show(state)
            self.refresh_bars()
        if item is not None:
            self.image.view.go_to_item(item)

    @work(exclusive=True, group="sort")
    async def find_all_details(self) -> None:
        """Find the details of every tag, for an order that needs them; escape ends it."""
        repository, names = self.tags.repository, list(self.tags.listing.names)
        if not await self._may_ask_for(len(names) - len(self.browser.details(repository))):
            return
        async for known in self.browser.all_details(repository, names):
            self.tags.progress = f"{self.tags.order.label} {count(known)}/{count(len(names))}, esc stops"
            self.tags.retitle()
        self.tags.progress = ""
        self.tags.know(self.browser.details(repository))
        await self._sort_again()

    async def _may_ask_for(self, missing: int) -> bool:
        """Whether the user wants as many requests as it takes to know about `missing` tags."""
        if missing <= _ASKED_WITHOUT_QUESTION:
            return True
        choices = [
            Choice(safe_text(f"Sort the {count(len(self.tags.listing.names) - missing)} tags that were seen")),
            Choice(safe_text(f"Ask for the other {count(missing)}, with two or three requests each")),
        ]
        chosen = await self.app.push_screen_wait(ChoiceScreen(f"Sort by {self.tags.order.label}", choices))
        return chosen == 1

    async def _in_order(self, listing: Listing) -> list[SafeText]:
        """The names in the order that is chosen, also if it is chosen meanwhile."""
        while True:
            order, details = self.tags.order, dict(self.browser.details(self.tags.repository))
            if len(listing.names) <= _SORTED_AT_ONCE:
                return sort_tags(listing.names, order, details)
            names = await asyncio.to_thread(sort_tags, listing.names, order, details)
            if order is self.tags.order:
                return names

    async def _sort_again(self, *, from_top: bool = False) -> None:
        listing = self.tags.listing
        if listing.phase is not Phase.LOADING:  # else they will be put in order as they come
            names = await self._in_order(listing)
            if listing is self.tags.listing:
                self.tags.show(replace(listing, names=names), asking="", from_top=from_top)
        self.tags.retitle()

    def _mark_repository(self) -> None:
        """Put the cursor on the repository that is open, if it was opened by its name."""
        wanted, rows = self.tags.repository, self.repositories.rows
        if wanted and self.pane is not Pane.REPOSITORIES and rows.row != wanted:
            with suppress(ValueError):
                rows.cursor = rows.rows.index(wanted)

    def _put_repository_cursor(self, place: SafeText) -> None:
        """Put the cursor where it was before all was loaded anew, unless the user has moved it meanwhile."""
        rows = self.repositories.rows
        if rows.cursor == 0 and place in rows.rows:
            rows.cursor = rows.rows.index(place)

    def _put_cursor(self, repository: SafeText) -> None:
        place = self._places.get(repository)
        rows = self.tags.rows.rows
        if place and place in rows:
            self.tags.rows.cursor = rows.index(place)
            del self._places[repository]

    def _open_image(self, target: Target, *, after: float = 0.0) -> None:
        self._chosen = None
        self._opening = self.load_image(target, after=after)

    # What happened

    @on(ListPane.Opened, "#repositories")
    def _repository_opened(self, event: ListPane.Opened) -> None:
        self.open_repository(event.name)

    @on(ListPane.Opened, "#tags")
    def _tag_opened(self, event: ListPane.Opened) -> None:
        self._enter_image(event.name)

    @on(ListPane.Highlighted, "#tags")
    def _tag_highlighted(self, event: ListPane.Highlighted) -> None:
        if self.image.display and self.pane is Pane.TAGS:
            self._preview(event.name, after=_PREVIEW_AFTER)

    @on(TagsPane.RowsShown)
    def _rows_shown(self, event: TagsPane.RowsShown) -> None:
        if self._rows:
            self._rows.show(event.tags)

    @on(SearchPane.Asked)
    def _search_asked(self, event: SearchPane.Asked) -> None:
        if event.question is None:
            self.workers.cancel_group(self, "search")
        else:
            self.find(event.question, after=0 if event.at_once else SEARCH_AFTER)

    @on(SearchPane.Chosen)
    def _search_chosen(self, event: SearchPane.Chosen) -> None:
        if event.target.registry != self.browser.address:
            self.focus_pane(Pane.REPOSITORIES)  # to be there when one comes back
        self.regbrowse.open_target(event.target)

    @on(TextView.Followed)
    def _link_followed(self, event: TextView.Followed) -> None:
        self._follow(event.digest)

    def _preview(self, tag: SafeText, *, after: float) -> None:
        target = Target(self.browser.address, self.tags.repository, Reference(tag))
        state = self.image.state
        if state is None or state.target != target or state.phase is Phase.FAILED:
            self._trail = []
            self._open_image(target, after=after)

    def _enter_image(self, tag: SafeText) -> None:
        self._preview(tag, after=0)
        self.focus_pane(Pane.IMAGE)

    def _follow(self, digest: Digest) -> None:
        """Go where a digest in a document leads: to another manifest, the configuration, or a layer."""
        state = self.image.state
        if state is None:
            return
        if self.image.follow_inside(digest):
            return
        if not self.image.names_manifest(digest):
            self.say("This digest names nothing that the registry can be asked for.")
            return
        line = self.image.current_line
        self._trail.append(_Place(state.target, self._chosen, line.item if line else None))
        self._open_image(Target(state.target.registry, state.target.repository, digest_reference(digest)))


def _until_whole(listing: Listing, before: Listing) -> Listing:
    """`listing`, with the names of `before` as long as it is not whole: asked for again, a list does not disappear."""
    if before.names and listing.phase in (Phase.LOADING, Phase.FAILED):
        return replace(listing, names=before.names)
    return listing
