"""What a registry wants to know before it lets one in is asked where one is, and the browse goes on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual import work
from textual.widgets import Input

from regbrowse.browser.browser import Browser
from regbrowse.browser.states import Asks, Phase, Problem
from regbrowse.registry.errors import RegistryError
from regbrowse.registry.reference import Target
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.actions import Pane
from regbrowse.tui.screens.content import ContentScreen
from regbrowse.tui.screens.dialogs import Change

if TYPE_CHECKING:
    from regbrowse.tui.screens.questions import Permission

_ASKED_AT_ONCE = frozenset({Asks.LOGIN, Asks.TRUST_REALM, Asks.UNSAFE_LOGIN})


class AskingScreen(ContentScreen):
    """Opens the login screen, or a question, when a pane can show nothing without."""

    def __init__(self, browser: Browser, target: Target) -> None:
        super().__init__(browser, target)
        self._asked: set[tuple[Asks, SafeText]] = set()
        self._has_changed = False
        self._awaits_answer = False
        """Whether a dialog was opened here whose answer says how to go on."""

    def refresh_bars(self) -> None:
        """Write the header and the footer anew, and ask what is to be asked."""
        super().refresh_bars()
        if not self.is_mounted or not self.is_active or self._awaits_answer:
            return
        if self.is_outdated:
            self.start_again()
        elif self.focused and not isinstance(self.focused, Input):
            self._ask_in_place()

    def on_screen_resume(self) -> None:
        self.refresh_bars()

    def action_account(self) -> None:
        from regbrowse.tui.screens.account import AccountScreen

        wanted = next(filter(None, map(self._permission, self._problems)), None)
        accounts = self.regbrowse.registries.accounts(self.browser.address)
        self._awaits_answer = True
        # At once, in no worker: of keys that come in a burst, those that follow belong to it
        self.app.push_screen(AccountScreen(accounts, wanted), self.account_changed)

    def account_changed(self, change: Change | None) -> None:
        """Go on as whoever one is now; None if that is who one was."""
        self._awaits_answer = False
        if change is None:
            self.refresh_bars()
            return
        self._has_changed = not change.is_nobody
        if change.is_nobody:
            self._asked.add((Asks.LOGIN, SafeText("")))
        self.start_again()
        if change.said:
            self.app.notify(change.said, severity="warning", timeout=10)

    @property
    def _problems(self) -> Iterator[Problem]:
        """What went wrong in a pane that the user has opened: not with a row, and not with a mere preview."""
        for problem in (
            self.image.state.problem if self.image.state and self.pane is Pane.IMAGE else None,
            self.tags.listing.problem,
            self.repositories.listing.problem,
        ):
            if problem:
                yield problem

    @property
    def _problem_here(self) -> Problem | None:
        """What went wrong in the pane that has the focus; in the catalog, only if no repository is open beside it."""
        match self.pane:
            case Pane.IMAGE:
                return self.image.state.problem if self.image.state else None
            case Pane.TAGS:
                return self.tags.listing.problem
            case Pane.REPOSITORIES if not self.tags.repository or self.tags.listing.phase is Phase.FAILED:
                return self.repositories.listing.problem
        return None

    def _ask_in_place(self) -> None:
        """Ask once; again only after the user has logged in and that was of use."""
        is_asked = any(problem.asks in _ASKED_AT_ONCE for problem in self._problems)
        if self._has_changed and not is_asked and self._shows_something:
            self._asked.clear()
            self._has_changed = False
        problem = self._problem_here
        if problem and problem.asks in _ASKED_AT_ONCE and (problem.asks, problem.realm) not in self._asked:
            self._asked.add((problem.asks, problem.realm))
            self._ask(problem)

    @property
    def _shows_something(self) -> bool:
        return any(pane.listing.phase is Phase.READY for pane in (self.repositories, self.tags))

    def _ask(self, problem: Problem) -> None:
        from regbrowse.tui.screens.login import LoginScreen

        accounts = self.regbrowse.registries.accounts(self.browser.address)
        if problem.asks is Asks.LOGIN:
            self._awaits_answer = True
            self.app.push_screen(LoginScreen(accounts, problem.sentence), self.account_changed)
        elif wanted := self._permission(problem):
            self._awaits_answer = True
            self.app.push_screen(wanted.question(), partial(self._answered, wanted))

    def _permission(self, problem: Problem) -> Permission | None:
        from regbrowse.tui.screens.questions import permission

        reach = self.browser.reach
        return permission(problem, self.browser.address.host, reach.security if reach else SafeText(""))

    def _answered(self, wanted: Permission, allowed: bool | None) -> None:
        if allowed:
            self._give(wanted)
        else:
            self.account_changed(None)

    @work(exclusive=True, group="permission")
    async def _give(self, wanted: Permission) -> None:
        try:
            said = await wanted.give(self.regbrowse.registries.accounts(self.browser.address))
        except RegistryError as error:
            self.say(safe_text(f"{error.user_message} {error.next_step}"), failed=True)
            self.account_changed(None)
        else:
            self.account_changed(Change(said))
