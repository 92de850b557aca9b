"""The app: themes, the screens of the registries, and the clipboard."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Final

from textual.screen import Screen

from regbrowse.browser.registries import Registries
from regbrowse.registry.reference import RegistryAddress, Target
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui import actions, clipboard
from regbrowse.tui.guards import GuardedApp
from regbrowse.tui.screens.browse import BrowseScreen
from regbrowse.tui.screens.dialogs import Change, OpenScreen
from regbrowse.tui.screens.welcome import WelcomeScreen
from regbrowse.tui.themes import (
    LoadedThemes,
    ThemeError,
    builtin_themes,
    default_theme,
    find_theme,
    load_user_themes,
    use_theme,
)
from regbrowse.tui.widgets.image_pane import import_views
from regbrowse.tui.widgets.line_widget import movement

_COLLECTED_AFTER: Final = (20_000, 20, 100)
"""A full collection walks every name of a large registry, which would be felt: it is made seldom."""

_START: Final = "the first screen"
"""The name of its mode; those of the others are the registries' names, in which there is no blank."""


def _now() -> datetime:
    return datetime.now(UTC)


class RegbrowseApp(GuardedApp):
    """A terminal browser of registries.

    Args:
        registries: Opens them.
        target: Where to begin; None asks the user.
        theme_name: The theme that was wished; None takes the one that fits the terminal.
        themes_folder: Where the user's own themes are.
        keys: Keys that the user remapped, by the id of the action.
        notices: Said when the screen is there.
        now: The time that ages are counted from.
    """

    TITLE = "regbrowse"
    ENABLE_COMMAND_PALETTE = False  # ours has every action, and holds where Textual's fails on a page key
    DEFAULT_MODE: ClassVar[str] = _START

    def __init__(
        self,
        registries: Registries,
        target: Target | None,
        *,
        theme_name: str | None = None,
        themes_folder: Path | None = None,
        keys: dict[str, str] | None = None,
        notices: Iterable[str] = (),
        now: Callable[[], datetime] = _now,
    ) -> None:
        super().__init__()
        self.registries = registries
        self.now = now
        self._target = target
        self._themes_folder = themes_folder
        self._notices = list(notices)
        self._screens: dict[RegistryAddress, BrowseScreen] = {}
        self.add_mode(_START, self._first_screen)
        self._choose_theme(theme_name or default_theme(self.console.color_system, self.no_color))
        if keys:
            self.set_keymap(keys)
            moves = [binding for prefix in ("list", "view") for binding in movement(prefix)]
            known = {getattr(binding, "id", None) for binding in (*actions.bindings(), *moves)}
            unknown = [safe_text(name, limit=40) for name in keys if name not in known]
            self._notices += [f"keys: there is no action “{name}”." for name in unknown]

    async def run_async(self, *, headless: bool = False, **options: Any) -> None:
        """Run, and close what was opened."""
        try:
            await super().run_async(headless=headless, **options)
        finally:
            await self.registries.aclose()

    def _first_screen(self) -> Screen[Any]:
        if self._target is None:
            return WelcomeScreen()
        return self._browse_screen(self._target)

    def on_ready(self) -> None:
        """What was not needed for the first paint."""
        if not gc.isenabled():  # the door has put it off
            gc.freeze()
            gc.enable()
        gc.set_threshold(*_COLLECTED_AFTER)
        self.run_worker(self._settle(), exit_on_error=True)

    async def _settle(self) -> None:
        await asyncio.to_thread(import_views)
        await asyncio.to_thread(import_module, "regbrowse.tui.screens.registries")
        await asyncio.to_thread(self.registries.known)
        self._notices += await asyncio.to_thread(self.registries.notices)
        self._offer_themes(await asyncio.to_thread(self._read_themes))
        for notice in dict.fromkeys(self._notices):
            self.notify(notice, severity="warning", timeout=10)

    def _choose_theme(self, name: str) -> None:
        """Switch to a theme; if that is not possible, say so and take the one that fits the terminal."""
        try:
            use_theme(self, find_theme(name, self._themes_folder))
        except ThemeError as error:
            self._notices.append(f"{error.user_message.removesuffix('.')}. {error.next_step}")
            use_theme(self, find_theme(default_theme(self.console.color_system, self.no_color)))

    def _read_themes(self) -> LoadedThemes:
        """Every theme that can be read; the user's own come after ours, over which they win."""
        found = load_user_themes(self._themes_folder) if self._themes_folder else LoadedThemes()
        return LoadedThemes((*builtin_themes(), *found.loaded), found.failed)

    def _offer_themes(self, found: LoadedThemes) -> None:
        """Make the themes that were read those to choose from."""
        for name in set(self.available_themes) - {self.theme}:
            self.unregister_theme(name)
        for theme in found.loaded:
            self.register_theme(theme)
        self._notices += [problem.sentence for problem in found.failed]

    def open_target(self, target: Target) -> None:
        """Go to a target, on whichever registry it is. Each has a mode of its own, and so stays as one left it."""
        screen = self._screens.get(target.registry)
        if screen is None:
            self.add_mode(str(target.registry), lambda: self._browse_screen(target))
        is_first = self._target is not None and self._target.registry == target.registry
        self.switch_mode(_START if is_first else str(target.registry))
        if screen is not None and target.repository:
            screen.go_to(target)

    async def choose_registry(self, current: RegistryAddress) -> None:
        """Let the user switch from `current` to another registry, or log in to one."""
        from regbrowse.tui.screens.registries import RegistriesScreen

        known = [entry for entry in await asyncio.to_thread(self.registries.known) if entry.address != current]
        chosen = await self.push_screen_wait(RegistriesScreen(known, self.registries.accounts, self._account_changed))
        target: Target | None = None
        if chosen is not None and chosen < len(known):
            target = Target(known[chosen].address)
        elif chosen is not None:
            target = await self.push_screen_wait(OpenScreen(current))
        if target is not None:
            self.open_target(target)

    def _account_changed(self, address: RegistryAddress, change: Change | None) -> None:
        if address in self._screens:
            self._screens[address].account_changed(change)
        elif change and change.said:
            self.notify(change.said, severity="warning", timeout=10)

    def copy(self, text: SafeText) -> None:
        """Copy, and say what."""
        self.notify(clipboard.copy(self, text))

    def _browse_screen(self, target: Target) -> BrowseScreen:
        screen = BrowseScreen(self.registries.browser(target.registry), target)
        self._screens[target.registry] = screen
        return screen
