"""The main screen: what the panes are filled with, and what the keys do in them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from textual import on, work
from textual.worker import Worker, WorkerCancelled

from regbrowse.browser.browser import Browser
from regbrowse.browser.details import VisibleRows
from regbrowse.browser.ordering import Order, sort_tags
from regbrowse.browser.states import Listing, Phase, TagDetails
from regbrowse.browser.wording import count
from regbrowse.registry.digest import Digest
from regbrowse.registry.reference import Reference, Target, digest_reference
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui import copying, help_text
from regbrowse.tui.actions import Pane
from regbrowse.tui.screens.dialogs import Choice, ChoiceScreen, OpenScreen, TextScreen
from regbrowse.tui.screens.panes import PanesScreen
from regbrowse.tui.widgets.image_pane import TABS
from regbrowse.tui.widgets.pane import ListPane
from regbrowse.tui.widgets.search_pane import SearchPane
from regbrowse.tui.widgets.tags_pane import TagsPane
from regbrowse.tui.widgets.text_view import TextView
from regbrowse.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    pass

_PREVIEW_AFTER: Final = 0.15
"""Seconds that the cursor rests on a tag before its image is asked for."""

_SORTED_AT_ONCE: Final = 2_000
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


class BrowseScreen(PanesScreen):
    """Browses one registry.

    Args:
        browser: The model of the registry.
        target: Where to begin.
    """

    def __init__(self, browser: Browser, target: Target) -> None:
        super().__init__(browser)
        self._start = target
        self._rows: VisibleRows | None = None
        self._places: dict[SafeText, SafeText] = {}
        self._trail: list[_Place] = []
        self._chosen: Digest | None = None
        self._opening: Worker[None] | None = None

    def on_mount(self) -> None:
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

    @work(exclusive=True, group="repositories")
    async def load_repositories(self, *, fresh: bool) -> None:
        """Show the catalog as it comes; if it is there, only when it has come anew."""
        before = self.repositories.listing if fresh else Listing()
        async for listing in self.browser.repositories(fresh=fresh):
            listing = _until_whole(listing, before)
            self.repositories.show(listing, asking=self._asking_catalog, grown=not before.names)
            self.search.show_catalog(listing, grown=not before.names)
            if listing.phase is not Phase.LOADING:
                self._mark_repository()
            self.refresh_bars()

    @property
    def _asking_catalog(self) -> str:
        return f"Asking {self.browser.address.host} for its repositories …"

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
            self.tags.show(listing, asking=f"Asking {self.browser.address.host} for the tags …")
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
    async def load_all_details(self) -> None:
        """Find the details of every tag, for an order that needs them; escape ends it."""
        repository, names = self.tags.repository, list(self.tags.listing.names)
        async for known in self.browser.all_details(repository, names):
            self.tags.progress = f"{self.tags.order.label} {count(known)}/{count(len(names))}, esc stops"
            self.tags.retitle()
        self.tags.progress = ""
        self.tags.know(self.browser.details(repository))
        await self._sort_again()

    async def _in_order(self, listing: Listing) -> list[SafeText]:
        """The names in the order that is chosen, also if it is chosen meanwhile."""
        while True:
            order, details = self.tags.order, dict(self.browser.details(self.tags.repository))
            if len(listing.names) <= _SORTED_AT_ONCE:
                return sort_tags(listing.names, order, details)
            names = await asyncio.to_thread(sort_tags, listing.names, order, details)
            if order is self.tags.order:
                return names

    async def _sort_again(self) -> None:
        listing = self.tags.listing
        if listing.phase is not Phase.LOADING:  # else they will be put in order as they come
            names = await self._in_order(listing)
            if listing is self.tags.listing:
                self.tags.show(replace(listing, names=names), asking="")
        self.tags.retitle()

    def _mark_repository(self) -> None:
        """Put the cursor on the repository that is open, if it was opened by its name."""
        wanted, rows = self.tags.repository, self.repositories.rows
        if wanted and self.pane is not Pane.REPOSITORIES and rows.row != wanted:
            with suppress(ValueError):
                rows.cursor = rows.rows.index(wanted)

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

    @on(SearchPane.Chosen)
    def _search_chosen(self, event: SearchPane.Chosen) -> None:
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

    # What the keys do

    def action_enter(self) -> None:
        if isinstance(self.focused, VirtualList | TextView):
            self.focused.action_move_select()

    def action_back(self) -> None:
        pane = self._widget(self.pane)
        if isinstance(pane, ListPane) and pane.is_filtered:
            pane.clear_filter()
        elif self.tags.progress:
            self.workers.cancel_group(self, "sort")
            self.tags.progress = ""
            self.tags.retitle()
        elif self.pane is Pane.IMAGE and self._trail:
            place = self._trail.pop()
            self._chosen = place.chosen
            self.load_image(place.target, item=place.item)
        elif self.pane is Pane.IMAGE:
            self.focus_pane(Pane.TAGS if self.tags.repository else Pane.REPOSITORIES)
        elif self.pane in (Pane.TAGS, Pane.SEARCH):
            self.focus_pane(Pane.REPOSITORIES)
        else:
            self.say("This is the outermost pane. q quits.")

    def action_filter(self) -> None:
        pane = self._widget(self.pane)
        if isinstance(pane, ListPane):
            pane.start_filter()

    async def action_sort(self) -> None:
        orders = list(Order)
        self.tags.order = orders[(orders.index(self.tags.order) + 1) % len(orders)]
        self.workers.cancel_group(self, "sort")
        self.tags.progress = ""
        await self._sort_again()
        if self.tags.order in (Order.NEWEST, Order.SIZE):
            self.load_all_details()

    @work(exclusive=True, group="dialog")
    async def action_platform(self) -> None:
        if self.pane is Pane.TAGS and self.tags.current:
            self._enter_image(self.tags.current)
        if self._opening:
            with suppress(WorkerCancelled):
                await self._opening.wait()
        state = self.image.state
        if state is None or len(state.choices) < 2:
            self.say("This image has one platform." if state else "No image is open.")
            return
        choices = [Choice(choice.label, safe_text(choice.digest.short)) for choice in state.choices]
        now = state.choices.index(state.chosen) if state.chosen in state.choices else 0
        chosen = await self.app.push_screen_wait(ChoiceScreen("Platform", choices, chosen=now))
        if chosen is not None:
            self._chosen = state.choices[chosen].digest
            self.load_image(state.target)

    def action_next_tab(self) -> None:
        self.image.tab += 1

    def action_previous_tab(self) -> None:
        self.image.tab -= 1

    def action_json(self) -> None:
        if self.pane is Pane.TAGS and self.tags.current:
            self._enter_image(self.tags.current)
        self.image.tab = TABS.index("Manifest")

    def action_copy(self) -> None:
        self.regbrowse.copy(copying.obvious(self.target))

    @work(exclusive=True, group="dialog")
    async def action_copy_menu(self) -> None:
        target = self.target
        offers = copying.offers(target, self._digest_of(target), self._line_copy())
        choices = [Choice(offer.label, offer.text) for offer in offers]
        chosen = await self.app.push_screen_wait(ChoiceScreen("Copy", choices))
        if chosen is not None:
            self.regbrowse.copy(offers[chosen].text)

    def _digest_of(self, target: Target) -> Digest | None:
        state = self.image.state
        if state and state.target == target and state.document:
            return state.document.digest
        known: TagDetails | None = self.browser.details(target.repository).get(safe_text(str(target.reference)))
        return known.digest if known else None

    def _line_copy(self) -> SafeText:
        line = self.image.current_line if self.pane is Pane.IMAGE else None
        return line.copy if line else _NOTHING

    def action_search(self) -> None:
        self.focus_pane(Pane.SEARCH)

    def action_search_results(self) -> None:
        self.search.focus_results()

    @work(exclusive=True, group="dialog")
    async def action_open(self) -> None:
        target = await self.app.push_screen_wait(OpenScreen(self.browser.address))
        if target is not None:
            self.regbrowse.open_target(target)

    @work(exclusive=True, group="dialog")
    async def action_registries(self) -> None:
        await self.regbrowse.choose_registry()

    @work(exclusive=True, group="dialog")
    async def action_connection(self) -> None:
        screen = TextScreen(f"Connection to {self.browser.address}", help_text.text(["Asking …"]))
        await self.app.push_screen(screen)
        lines: list[SafeText] = []
        async for step in self.regbrowse.registries.check(Target(self.browser.address, self.target.repository)):
            lines.append(step.line)
            if step.next_step:
                lines.append(safe_text(f"    {step.next_step}"))
            if screen.is_attached:
                screen.set_lines(help_text.text(list(lines)))

    def action_refresh(self) -> None:
        self._refresh(self.pane)

    def action_refresh_all(self) -> None:
        for pane in (Pane.REPOSITORIES, Pane.TAGS, Pane.IMAGE):
            self._refresh(pane)

    def _refresh(self, pane: Pane) -> None:
        if pane in (Pane.REPOSITORIES, Pane.SEARCH):
            self.load_repositories(fresh=True)
        elif pane is Pane.TAGS and self.tags.repository:
            self.load_tags(self.tags.repository, fresh=True)
        elif pane is Pane.IMAGE and self.image.state:
            self.load_image(self.image.state.target, fresh=True)


def _until_whole(listing: Listing, before: Listing) -> Listing:
    """`listing`, with the names of `before` as long as it is not whole: asked for again, a list does not disappear."""
    if before.names and listing.phase in (Phase.LOADING, Phase.FAILED):
        return replace(listing, names=before.names)
    return listing
