"""The program without a terminal: opened on the demo or on a test registry, its keys pressed, its screen read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from textual import events
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input

from regbrowse.browser.journal import Journal
from regbrowse.browser.registries import Registries
from regbrowse.browser.states import Phase
from regbrowse.credentials.chain import CredentialChain
from regbrowse.demo.transport import DemoTransport
from regbrowse.registry.models import Platform
from regbrowse.registry.reference import Target, parse_registry_address, parse_target
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.text import SafeText
from regbrowse.settings.visited import Visited
from regbrowse.tui.actions import Pane
from regbrowse.tui.app import RegbrowseApp
from regbrowse.tui.screens.browse import BrowseScreen
from regbrowse.tui.widgets.image_pane import TABS
from regbrowse.tui.widgets.pane import ListPane, PaneFrame
from tests.registry_server import RegistryServer
from tests.v1_server import V1Server

WIDE: Final = (140, 40)
SMALL: Final = (80, 24)
NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DEMO: Final = "registry.demo"

_PATIENCE: Final = 20.0
"""Seconds until a condition that does not come true fails its test."""

_BETWEEN_LOOKS: Final = 0.01

_ROUNDS: Final = 4
"""A key goes from the app to the screen, to a widget, and as a message back to the screen."""

_CHARACTERS: Final = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


class Session:
    """A running app, as a person at the terminal has it."""

    def __init__(self, app: RegbrowseApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    # What is there

    @property
    def screen(self) -> BrowseScreen:
        """The main screen, also while a dialog is over it."""
        return next(screen for screen in reversed(self.app.screen_stack) if isinstance(screen, BrowseScreen))

    @property
    def pane(self) -> Pane | None:
        """The pane in which the focus is."""
        focused = self.screen.focused
        frames = focused.ancestors_with_self if focused else ()
        return next((frame.PANE for frame in frames if isinstance(frame, PaneFrame)), None)

    @property
    def frames(self) -> list[PaneFrame]:
        """The panes that are on the screen."""
        return [frame for frame in self.screen.query(PaneFrame) if frame.region.area and frame.display]

    @property
    def tab(self) -> str:
        """The tab of the Image pane."""
        return TABS[self.screen.image.tab]

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self.app.registries.counted(self.screen.browser)[0]

    @property
    def has_dialog(self) -> bool:
        return self.app.screen is not self.screen

    def text(self, widget: Widget | None = None) -> str:
        """What can be read on the screen, or of one widget on it."""
        lines = self.app.screen._compositor.render_strips()
        if widget is None:
            return "\n".join(line.text for line in lines)
        region = widget.region.intersection(Region(0, 0, *self.app.size))
        return "\n".join(line.crop(region.x, region.right).text for line in lines[region.y : region.bottom])

    def shows(self, words: str, widget: Widget | None = None) -> bool:
        """Whether `words` can be read, wherever a line was broken."""
        return " ".join(words.split()) in " ".join(self.text(widget).replace("│", " ").split())

    # What a person does

    async def press(self, *keys: str) -> None:
        """Press `keys`, each after the one before has done what it does at once."""
        for key in keys:
            self.app.post_message(events.Key(key, _CHARACTERS.get(key, key if len(key) == 1 else None)))
            await self.settle()

    async def type(self, text: str) -> None:
        """Type `text` where the cursor is, in a burst."""
        for char in text:
            self.app.post_message(events.Key("space" if char == " " else char, char))
        await self.settle()

    async def settle(self) -> None:
        """Let every widget work off what waits for it, and what comes of that."""
        for _ in range(_ROUNDS):
            if self.app.is_running:
                await self.pilot._wait_for_screen()

    async def until(self, condition: Callable[[], object], what: str, *, after_the_end: bool = False) -> None:
        """Wait until `condition` holds.

        Args:
            what: What it is, for whoever reads that it never came.
            after_the_end: It may be that the program has ended.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE
        while not condition():
            assert self.app.is_running or after_the_end, f"the program ended before: {what}"
            assert loop.time() < deadline, f"never: {what}\n{self.text()}"
            if self.app.is_running:
                await self.pilot._wait_for_screen()
            await asyncio.sleep(_BETWEEN_LOOKS)

    async def until_shows(self, words: str, widget: Widget | None = None) -> None:
        await self.until(lambda: self.shows(words, widget), f"“{words}” on the screen")

    async def until_in(self, pane: Pane) -> None:
        await self.until(lambda: self.pane is pane, f"the focus in {pane.value}, but it is in {self.pane}")

    async def until_image(self) -> None:
        """Wait until an image is whole."""
        await self.until(lambda: (state := self.screen.image.state) and state.phase is Phase.READY, "a whole image")

    async def until_tags(self, repository: str) -> None:
        """Wait until the tags of `repository` are there."""
        tags = self.screen.tags
        await self.until(
            lambda: tags.repository == repository and tags.listing.phase is Phase.READY, f"the tags of {repository}"
        )

    async def until_listed(self, pane: ListPane) -> None:
        """Wait until a list has come to its end, whichever that is."""
        await self.until(lambda: pane.listing.phase is not Phase.LOADING, f"the end of {pane.PANE.value}")

    async def put_cursor(self, pane: ListPane, name: str) -> None:
        """Put the cursor of a list on `name`."""
        await self.until(lambda: name in pane.rows.rows, f"{name} in {pane.PANE.value}")
        pane.rows.cursor = pane.rows.rows.index(SafeText(name))
        await self.settle()

    @property
    def typed(self) -> str:
        """The text in the box that has the focus."""
        focused = self.app.focused
        assert isinstance(focused, Input), f"the focus is on {focused}"
        return focused.value


@asynccontextmanager
async def browsing(
    target: str | None = DEMO,
    *,
    server: RegistryServer | V1Server | None = None,
    service: DefaultService | None = None,
    offered: Sequence[str] = (),
    size: tuple[int, int] = SMALL,
    demo: Callable[[], DemoTransport] = lambda: DemoTransport(pace=0),
    credentials: CredentialChain | None = None,
    visited: Visited | None = None,
    theme: str | None = "harbour",
    themes_folder: Path | None = None,
    keys: Mapping[str, str] | None = None,
) -> AsyncIterator[Session]:
    """Open the program.

    Args:
        target: What a user would write behind its name; with a `server`, a repository or an image in it, or nothing.
        server: The registry to reach, over plain HTTP; the demo if None.
        service: Searches, if not the demo's Docker Hub is to be searched.
        offered: Other registries to know.
        size: Columns and rows.
        demo: Makes the demo.
        credentials: Where logins are; nowhere if None.
        visited: Where one has been before.
        theme: As `RegbrowseApp`.
        themes_folder: As `RegbrowseApp`.
        keys: As `RegbrowseApp`.
    """
    registries = Registries(
        credentials or CredentialChain(()),
        service or DefaultService(certs_dir=None, make_transport=lambda tls, modifiers: demo()),
        visited or Visited.load(None),
        Journal(),
        offered=[(registry, "config file") for registry in offered],
        demo=None if server else demo,
        wish=Platform(SafeText("linux"), SafeText("amd64")),
    )
    app = RegbrowseApp(
        registries,
        _target(target, server),
        theme_name=theme,
        themes_folder=themes_folder,
        keys=dict(keys) if keys else None,
        now=lambda: NOW,
    )
    try:
        async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
            yield Session(app, pilot)
    finally:
        await registries.aclose()


def _target(text: str | None, server: RegistryServer | V1Server | None) -> Target | None:
    if server is None:
        return parse_target(text) if text is not None else None
    registry = parse_registry_address(server.url)  # spelled with its scheme: no other is tried
    return Target(registry) if text in (None, DEMO) else parse_target(text or "", registry)
