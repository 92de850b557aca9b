"""The four panes of a screen: which are shown, which has the focus, and the bars above and below."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from regbrowse.browser.browser import Browser
from regbrowse.browser.states import Phase
from regbrowse.browser.wording import count
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui import actions, help_text
from regbrowse.tui.actions import Pane
from regbrowse.tui.screens.dialogs import Choice, ChoiceScreen, TextScreen
from regbrowse.tui.screens.palette import PaletteScreen
from regbrowse.tui.widgets.bars import Footer, Header
from regbrowse.tui.widgets.image_pane import ImagePane
from regbrowse.tui.widgets.pane import PaneFrame
from regbrowse.tui.widgets.repositories_pane import RepositoriesPane
from regbrowse.tui.widgets.search_pane import SearchPane
from regbrowse.tui.widgets.tags_pane import TagsPane

if TYPE_CHECKING:
    from regbrowse.tui.app import RegbrowseApp

WIDE: Final = 116
NARROW: Final = 60
"""Columns from which all panes stand side by side, and below which the focused one stands alone."""


class PanesScreen(Screen[None]):
    """Arranges the panes of one registry in the room that there is.

    Args:
        browser: The model of the registry.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings()]
    AUTO_FOCUS = ""

    DEFAULT_CSS = """
    PanesScreen {
        layout: vertical;
        & > #panes { height: 1fr; }
        & #repositories { width: 24%; min-width: 24; }
        & #tags { width: 38%; min-width: 36; }
        & #image { width: 1fr; }
        &.-reading #repositories { width: 20%; }
        &.-reading #tags { width: 30%; }
        &.-medium #repositories { width: 32%; }
        &.-medium.-outside #repositories { width: 60%; }
        &.-medium #tags { width: 1fr; min-width: 0; }
        &.-medium #image { width: 1fr; }
        &.-medium.-alone #repositories { width: 1fr; }
    }
    """

    def __init__(self, browser: Browser) -> None:
        super().__init__()
        self.browser = browser
        self.pane = Pane.REPOSITORIES
        self.header = Header()
        self.footer = Footer()
        self.search = SearchPane(browser.address, id="search")
        self.repositories = RepositoriesPane(id="repositories")
        self.tags = TagsPane(lambda: self.regbrowse.now(), id="tags")
        self.image = ImagePane(id="image")

    @property
    def regbrowse(self) -> RegbrowseApp:
        """The app, as what it is."""
        from regbrowse.tui.app import RegbrowseApp

        assert isinstance(self.app, RegbrowseApp)
        return self.app

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.search
        yield Horizontal(self.repositories, self.tags, self.image, id="panes")
        yield self.footer

    def on_mount(self) -> None:
        self._arrange()
        self.focus_pane(Pane.REPOSITORIES)
        self.set_interval(0.5, self.refresh_bars)

    @on(events.DescendantFocus)
    def _focus_moved(self) -> None:
        pane = self._pane_of(self.focused)
        if pane and pane is not self.pane:
            self.pane = pane
            self._arrange()
        self.refresh_bars()

    def on_resize(self) -> None:
        self._arrange()

    def _widget(self, pane: Pane) -> PaneFrame:
        return {
            Pane.SEARCH: self.search,
            Pane.REPOSITORIES: self.repositories,
            Pane.TAGS: self.tags,
            Pane.IMAGE: self.image,
        }[pane]

    def _pane_of(self, widget: Widget | None) -> Pane | None:
        frame = (
            next((node for node in widget.ancestors_with_self if isinstance(node, PaneFrame)), None) if widget else None
        )
        return frame.PANE if frame else None

    def focus_pane(self, pane: Pane) -> None:
        """Go to a pane."""
        self.pane = pane
        self._arrange()
        self.set_focus(self._widget(pane).focus_target)  # at once: keys that follow belong to it
        self.refresh_bars()

    def _arrange(self) -> None:
        """Show the panes that there is room for."""
        width = self.app.size.width
        wide, alone = width >= WIDE, width < NARROW
        self.set_class(not wide, "-medium")
        self.set_class(alone, "-alone")
        pane = self.pane
        self.set_class(not wide and pane in (Pane.SEARCH, Pane.REPOSITORIES), "-outside")
        self.set_class(wide and pane is Pane.IMAGE, "-reading")
        self.search.display = pane is Pane.SEARCH or (wide and self.app.size.height >= 20)
        self.image.display = wide or pane is Pane.IMAGE
        self.tags.display = wide or pane is Pane.TAGS or (not alone and pane is not Pane.IMAGE)
        self.repositories.display = (
            wide or pane in (Pane.REPOSITORIES, Pane.SEARCH) or (not alone and pane is Pane.TAGS)
        )

    def refresh_bars(self) -> None:
        """Write the header and the footer anew."""
        if not self.is_mounted:
            return
        reach = self.browser.reach
        reached = reach.words if reach else (self._not_reached(),)
        registries = self.regbrowse.registries
        self.header.show(safe_text(str(self.browser.address)), reached, others=registries.others(self.browser.address))
        requests, cached, pause = registries.counted(self.browser)
        counted = f"{count(requests)} {'request' if requests == 1 else 'requests'} · {count(cached)} cached"
        if pause:
            counted = f"waiting {pause:.0f} s, as asked · {counted}"
        shown = actions.for_pane(self.pane, footer=True)
        self.footer.show(actions.while_typing(shown) if isinstance(self.focused, Input) else shown, counted)

    def _not_reached(self) -> SafeText:
        failed = self.repositories.listing.phase is Phase.FAILED
        return safe_text("not reached" if failed else "connecting …")

    def say(self, words: str, *, failed: bool = False) -> None:
        """Say something in passing."""
        self.app.notify(words, severity="error" if failed else "information", markup=False, timeout=4)

    def action_pane_1(self) -> None:
        self.focus_pane(Pane.SEARCH)

    def action_pane_2(self) -> None:
        self.focus_pane(Pane.REPOSITORIES)

    def action_pane_3(self) -> None:
        self.focus_pane(Pane.TAGS)

    def action_pane_4(self) -> None:
        self.focus_pane(Pane.IMAGE)

    def action_next_pane(self) -> None:
        self._step(1)

    def action_previous_pane(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        panes = list(Pane)
        self.focus_pane(panes[(panes.index(self.pane) + by) % len(panes)])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """A key does something only in the panes that its action is for."""
        return action not in actions.BY_METHOD or self.pane in actions.BY_METHOD[action].panes

    @work(exclusive=True, group="dialog")
    async def action_palette(self) -> None:
        offered = [action for action in actions.for_pane(self.pane) if action.method != "palette"]
        chosen = await self.app.push_screen_wait(PaletteScreen(offered))
        if chosen is not None:
            await self.run_action(chosen.method)

    @work(exclusive=True, group="dialog")
    async def action_theme(self) -> None:
        names = sorted(self.app.available_themes)
        choices = [Choice(safe_text(name)) for name in names]
        chosen = await self.app.push_screen_wait(ChoiceScreen("Theme", choices, chosen=names.index(self.app.theme)))
        if chosen is not None:
            self.app.theme = names[chosen]

    def action_help(self) -> None:
        self.app.push_screen(TextScreen("Help", help_text.help_lines(self.pane)))

    async def action_quit(self) -> None:
        self.app.exit()
