"""The screen for a start without a target: the registries that are known here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from regbrowse.browser.registries import KnownRegistry
from regbrowse.registry.reference import Target
from regbrowse.registry.text import safe_text
from regbrowse.tui.screens.dialogs import OpenScreen
from regbrowse.tui.widgets.bars import Bar
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.notice import Notice
from regbrowse.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from regbrowse.tui.app import RegbrowseApp


class WelcomeScreen(Screen[None]):
    """Offers the known registries, and to open another by its name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o,s", "open", "Open by name", show=False),
        Binding("q,ctrl+q", "app.quit", "Quit", show=False),
    ]
    DEFAULT_CSS = "WelcomeScreen { & > Notice { padding: 1 2; } & > VirtualList { height: 1fr; margin: 0 2; } }"

    def compose(self) -> ComposeResult:
        yield Bar()
        yield Notice()
        yield VirtualList(_paint)

    def on_mount(self) -> None:
        self.query_one(Bar).left = ((("regbrowse", "bold $text-accent"),),)
        self.query_one(Notice).say("Looking for the registries that are known here …")
        self._load()

    @work(exclusive=True, group="known")
    async def _load(self) -> None:
        known = await asyncio.to_thread(self._app.registries.known)
        self.query_one(VirtualList).set_rows(known)
        self.query_one(VirtualList).focus()
        if known:
            self.query_one(Notice).say(
                "The registries that are known here.", "enter opens one, o opens by name, q quits."
            )
        else:
            self.query_one(Notice).say(
                "No registry is known here yet: none is configured, visited or logged in to.",
                "Press o and name one, such as registry.corp:5000, or an image, such as nginx. q quits.",
            )

    @on(VirtualList.Selected)
    def _selected(self, event: VirtualList.Selected) -> None:
        self._app.open_target(Target(event.row.address))

    @work(exclusive=True, group="dialog")
    async def action_open(self) -> None:
        target = await self.app.push_screen_wait(OpenScreen(None))
        if target is not None:
            self._app.open_target(target)

    @property
    def _app(self) -> RegbrowseApp:
        from regbrowse.tui.app import RegbrowseApp

        assert isinstance(self.app, RegbrowseApp)
        return self.app


def _paint(known: KnownRegistry, index: int, width: int) -> Iterable[Piece]:
    yield safe_text(str(known.address)), "plain"
    yield "   ", "plain"
    yield known.origin, "muted"
