"""Accounts that are none, and what a person does who logs in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from textual import events

from regbrowse.browser.accounts import THIS_RUN, Account, Accounts, Keeping
from regbrowse.registry.errors import (
    RegistryError,
    WrongLoginError,
)
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.text import SafeText
from regbrowse.tui.screens.questions import YesNoScreen
from tests.registry_rules import BasicAuth
from tests.tui.screens import SMALL, Session, browsing

USER, PASSWORD = "canary-user", "canary-pass"
BASIC: BasicAuth = ("basic", USER, PASSWORD)
HOST = "registry.corp:5000"
ROOT = Path(__file__).parents[2]
KEYRING = Keeping(SafeText("system keyring"), is_keyring=True)
PASS = Keeping(SafeText("docker helper pass"))
FILE = Keeping(SafeText("file credentials.json"), SafeText("Not encrypted: who can read the file has the password."))
NO_KEYRING = SafeText("There is no keyring here: no D-Bus session.")
ADA = Account(SafeText("ada"), SafeText("docker config"), is_used=True)
GRACE = Account(SafeText("grace"), SafeText("system keyring"), is_ours=True)
BROKEN = Account(SafeText(""), SafeText("docker helper pass"), problem=SafeText("The docker helper pass failed."))

ScreenT = TypeVar("ScreenT")


class FakeAccounts(Accounts):
    """Accounts of a registry that takes one password, and a note of what was asked of them.

    Args:
        keepings: Beside this run only; never known if None.
        known: What the list shows.
        unsafe: What makes the connection unsafe, until that is allowed.
        fails: Raised by the next attempts to log in, one after the other.
        known_fails: Raised in place of what the list shows.
    """

    def __init__(
        self,
        *,
        keepings: Sequence[Keeping] | None = (),
        no_keyring: SafeText = NO_KEYRING,
        known: Sequence[Account] = (),
        unsafe: str = "",
        fails: Sequence[RegistryError] = (),
        known_fails: RegistryError | None = None,
    ) -> None:
        self.address = RegistryAddress(HOST)
        self.done: list[tuple[object, ...]] = []
        self.keyring_answers = asyncio.Event()
        self.registry_answers = asyncio.Event()
        self.registry_answers.set()
        if keepings is not None:
            self.keyring_answers.set()
        self.offered = tuple(keepings or ())
        self.no_keyring = no_keyring
        self.accounts = tuple(known)
        self.unsafe = unsafe
        self.fails = list(fails)
        self.known_fails = known_fails
        self.notice = SafeText("")
        self.store_answers = asyncio.Event()
        self.store_answers.set()
        self.not_kept = SafeText("")

    async def keepings(self) -> tuple[tuple[Keeping, ...], SafeText]:
        await self.keyring_answers.wait()
        return (THIS_RUN, *self.offered), self.no_keyring

    async def known(self) -> tuple[Account, ...]:
        await self.keyring_answers.wait()
        if self.known_fails:
            raise self.known_fails
        return self.accounts

    async def unsafe_words(self) -> SafeText:
        return SafeText(self.unsafe)

    async def allow_unsafe(self) -> None:
        self.unsafe = ""
        self.done.append(("allowed",))

    async def trust_realm(self, realm: str) -> SafeText:
        self.done.append(("trusted", realm))
        return SafeText("")

    async def log_in(self, username: str, secret: str) -> SafeText:
        self.done.append((username, secret))
        await self.registry_answers.wait()
        if self.fails:
            raise self.fails.pop(0)
        if secret != PASSWORD:
            raise WrongLoginError(f"{HOST} does not accept the password of {username} (typed in).", status=401)
        return self.notice

    async def keep(self, keeping: Keeping) -> SafeText:
        self.done.append(("keep", keeping.label))
        await self.store_answers.wait()
        return self.not_kept

    async def use(self, account: Account | None) -> SafeText:
        self.done.append(("use", account.username if account else None))
        await self.registry_answers.wait()
        return SafeText("")

    async def log_out(self, account: Account) -> SafeText:
        if self.fails:
            raise self.fails.pop(0)
        self.done.append(("log out", account.username))
        await self.registry_answers.wait()
        return SafeText("To remove it: docker logout registry.corp:5000")


class Dialog:
    """A dialog over the demo, and what it gave."""

    def __init__(self, session: Session, accounts: FakeAccounts) -> None:
        self.session = session
        self.accounts = accounts
        self.results: list[object] = []

    @property
    def is_gone(self) -> bool:
        return bool(self.results)

    def one(self, kind: type[ScreenT]) -> ScreenT:
        return self.session.app.screen.query_one(kind)  # type: ignore[type-var]

    def has(self, kind: type[object]) -> bool:
        return isinstance(self.session.app.screen, kind)

    async def until_gone(self) -> None:
        await self.session.until(lambda: self.is_gone, "the end of the dialog")

    async def until_has(self, kind: type[object]) -> None:
        await self.session.until(lambda: self.has(kind), kind.__name__)
        await self.session.settle()

    async def answer(self, key: str) -> None:
        """Answer the question that is asked, or is to come."""
        await self.until_has(YesNoScreen)
        screen = self.session.app.screen
        assert isinstance(screen, YesNoScreen)
        await self.session.until(lambda: screen.takes_answers, "a question that takes answers")
        await self.session.press(key)
        await self.session.until(lambda: not self.has(YesNoScreen), "the question gone")


@asynccontextmanager
async def opened(
    make: Callable[[FakeAccounts], Any], accounts: FakeAccounts, *, size: tuple[int, int] = SMALL
) -> AsyncIterator[Dialog]:
    async with browsing(size=size) as session:
        await session.until_listed(session.screen.repositories)
        dialog = Dialog(session, accounts)
        session.app.push_screen(make(accounts), dialog.results.append)
        await session.settle()
        yield dialog


async def fill(session: Session, user: str = USER, password: str = PASSWORD) -> None:
    await session.type(user)
    await session.press("enter")
    await session.type(password)
    await session.press("enter")


async def type_burst(session: Session, text: str) -> None:
    """Type without waiting for anything; `⏎` is enter."""
    for char in text:
        session.app.post_message(events.Key("enter", "\r") if char == "⏎" else events.Key(char, char))
    await session.settle()
