"""The main screen: what the keys do in the panes."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from textual import work
from textual.worker import WorkerCancelled

from regbrowse.browser.ordering import Order
from regbrowse.browser.search import Place
from regbrowse.browser.states import TagDetails
from regbrowse.registry.digest import Digest
from regbrowse.registry.reference import Target
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui import copying, help_text
from regbrowse.tui.actions import Pane
from regbrowse.tui.screens.asking import AskingScreen
from regbrowse.tui.screens.dialogs import Choice, ChoiceScreen, OpenScreen, TextScreen
from regbrowse.tui.widgets.image_pane import TABS
from regbrowse.tui.widgets.notice import own_step
from regbrowse.tui.widgets.pane import ListPane
from regbrowse.tui.widgets.text_view import TextView
from regbrowse.tui.widgets.virtual_list import VirtualList

_NOTHING: Final = SafeText("")
_LOGIN_STEP: Final = SafeText("Log in: esc, then L.")


class BrowseScreen(AskingScreen):
    """Browses one registry."""

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
        await self._sort_again(from_top=True)
        if self.tags.order.needs_details:
            self.find_all_details()

    @work(exclusive=True, group="dialog")
    async def action_platform(self) -> None:
        if self.pane is Pane.TAGS and self.tags.current:
            self._enter_image(self.tags.current)
        if self._opening:
            with suppress(WorkerCancelled):
                await self._opening.wait()
        if self.pane is not Pane.IMAGE:  # the user went elsewhere meanwhile
            return
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
        if copying.is_reference(self.target):
            self.regbrowse.copy(copying.obvious(self.target))
        else:
            self.say("Not copied: this name is outside the grammar of references.")

    @work(exclusive=True, group="dialog")
    async def action_copy_menu(self) -> None:
        target = self.target
        state = self.image.state
        platform = state.chosen if state and state.target == target else None
        offers = copying.offers(target, self._digest_of(target), self._line_copy(), platform, v1=self._v1_of(target))
        if not offers:
            self.say("Nothing to copy: this name is outside the grammar of references.")
            return
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

    def _v1_of(self, target: Target) -> tuple[str, str] | None:
        reach, state = self.browser.reach, self.image.state
        known = self.browser.details(target.repository).get(safe_text(str(target.reference)))
        image_id = state.image_id if state and state.target == target else known.image_id if known else ""
        return (reach.url, image_id) if reach and image_id else None

    def _line_copy(self) -> SafeText:
        line = self.image.current_line if self.pane is Pane.IMAGE else None
        return line.copy if line else _NOTHING

    def action_search(self) -> None:
        self.focus_pane(Pane.SEARCH)

    def action_search_place(self) -> None:
        self.search.search_in_next()

    def action_search_here(self) -> None:
        self._search_in(Place.HERE)

    def action_search_docker_hub(self) -> None:
        self._search_in(Place.DOCKER_HUB)

    def action_search_everywhere(self) -> None:
        self._search_in(Place.EVERYWHERE)

    def _search_in(self, place: Place) -> None:
        self.focus_pane(Pane.SEARCH)
        self.search.search_in(place)

    def action_search_results(self) -> None:
        self.search.focus_results()

    @work(exclusive=True, group="dialog")
    async def action_open(self) -> None:
        target = await self.app.push_screen_wait(OpenScreen(self.browser.address))
        if target is not None:
            self.regbrowse.open_target(target)

    @work(exclusive=True, group="dialog")
    async def action_registries(self) -> None:
        await self.regbrowse.choose_registry(self.browser.address)

    @work(exclusive=True, group="dialog")
    async def action_connection(self) -> None:
        screen = TextScreen(f"Connection to {self.browser.address}", help_text.text(["Asking …"]))
        await self.app.push_screen(screen)
        lines: list[SafeText] = []
        async for step in self.regbrowse.registries.check(Target(self.browser.address, self.target.repository)):
            lines.append(step.line)
            if step.next_step:
                lines.append(safe_text(f"    {own_step(step.next_step, _LOGIN_STEP)}"))
            screen.set_lines(help_text.text(list(lines)))

    def action_refresh(self) -> None:
        self._refresh(self.pane)

    def action_refresh_all(self) -> None:
        for pane in (Pane.REPOSITORIES, Pane.TAGS, Pane.IMAGE):
            self._refresh(pane)

    def _refresh(self, pane: Pane) -> None:
        if pane is Pane.SEARCH and self.search.asks:
            self.search.ask_again()
        elif pane in (Pane.REPOSITORIES, Pane.SEARCH):
            self.load_repositories(fresh=True)
        elif pane is Pane.TAGS and self.tags.repository:
            self.load_tags(self.tags.repository, fresh=True)
        elif pane is Pane.IMAGE and self.image.state:
            self.load_image(self.image.state.target, fresh=True)
