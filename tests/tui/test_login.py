"""Logging in where one is: the screen, the questions before a login is sent, and the browse that goes on."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from textual import events
from textual.message import Message
from textual.widgets import Input

from regbrowse.browser.accounts import THIS_RUN, Account, Accounts, Keeping
from regbrowse.browser.states import Asks, Phase, Problem
from regbrowse.credentials.chain import CredentialChain
from regbrowse.registry.errors import (
    ConnectionFailedError,
    CredentialError,
    RealmNotTrustedError,
    RegistryError,
    WrongLoginError,
)
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.text import SafeText
from regbrowse.settings.visited import Visited
from regbrowse.tui.actions import Pane
from regbrowse.tui.screens.account import AccountScreen
from regbrowse.tui.screens.dialogs import Change
from regbrowse.tui.screens.login import KeepingList, LoginScreen, SecretInput, UsernameInput
from regbrowse.tui.screens.questions import YesNoScreen, permission, realm_permission, shown_host, unsafe_permission
from regbrowse.tui.screens.registries import RegistriesScreen
from regbrowse.tui.widgets.notice import Notice
from regbrowse.tui.widgets.virtual_list import VirtualList
from tests.registry.tokens_world import Tokens
from tests.registry_rules import BasicAuth
from tests.registry_server import BearerAuth, Content, RegistryServer
from tests.terminal import Terminal
from tests.tui.screens import SMALL, WIDE, Session, browsing

USER, PASSWORD = "canary-user", "canary-pass"
BASIC: BasicAuth = ("basic", USER, PASSWORD)
HOST = "registry.corp:5000"
ROOT = Path(__file__).parents[2]
KEYRING = Keeping(SafeText("system keyring"))
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
    """

    def __init__(
        self,
        *,
        keepings: Sequence[Keeping] | None = (),
        no_keyring: SafeText = NO_KEYRING,
        known: Sequence[Account] = (),
        unsafe: str = "",
        fails: Sequence[RegistryError] = (),
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
        self.notice = SafeText("")

    async def keepings(self) -> tuple[tuple[Keeping, ...], SafeText]:
        await self.keyring_answers.wait()
        return (THIS_RUN, *self.offered), self.no_keyring

    async def known(self) -> tuple[Account, ...]:
        await self.keyring_answers.wait()
        return self.accounts

    async def unsafe_words(self) -> SafeText:
        return SafeText(self.unsafe)

    async def allow_unsafe(self) -> None:
        self.unsafe = ""
        self.done.append(("allowed",))

    async def trust_realm(self, realm: str) -> SafeText:
        self.done.append(("trusted", realm))
        return SafeText("")

    async def log_in(self, username: str, secret: str, keeping: Keeping = THIS_RUN) -> SafeText:
        self.done.append((username, secret, keeping.label))
        await self.registry_answers.wait()
        if self.fails:
            raise self.fails.pop(0)
        if secret != PASSWORD:
            raise WrongLoginError(f"{HOST} does not accept the password of {username} (typed in).", status=401)
        return self.notice

    async def use(self, account: Account | None) -> None:
        self.done.append(("use", account.username if account else None))

    async def log_out(self, account: Account) -> SafeText:
        if self.fails:
            raise self.fails.pop(0)
        self.done.append(("log out", account.username))
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


# The login screen


@pytest.mark.parametrize("size", [WIDE, SMALL, (40, 10)])
async def test_login_is_asked_of_the_registry(size: tuple[int, int]) -> None:
    accounts = FakeAccounts()
    accounts.notice = SafeText("kept for this run only")
    async with opened(LoginScreen, accounts, size=size) as dialog:
        await dialog.session.until_shows(f"Log in to {HOST}")
        await fill(dialog.session)
        await dialog.until_gone()
    assert accounts.done == [(USER, PASSWORD, "this run only")]
    assert dialog.results == [Change(SafeText("kept for this run only"))]


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_every_field_and_the_reason_can_be_read(size: tuple[int, int]) -> None:
    why = SafeText(f"{HOST} does not accept the password of ada (from docker config).")
    accounts = FakeAccounts(keepings=(PASS, FILE), unsafe="plain HTTP")
    async with opened(lambda accounts: LoginScreen(accounts, why), accounts, size=size) as dialog:
        for words in (why, "User name", "Password or token", "Keep it", "○ docker helper pass", NO_KEYRING):
            await dialog.session.until_shows(words)
        await dialog.session.until_shows("plain HTTP: whoever is on the way can read the password.")
        await dialog.session.until_shows("enter goes on, tab moves, esc leaves")


async def test_wrong_password_is_said_and_typed_anew() -> None:
    accounts = FakeAccounts()
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session, password="wrong")
        await dialog.session.until_shows("does not accept the password of canary-user")
        assert "docker login" not in dialog.session.text()
        assert dialog.session.app.focused is dialog.one(SecretInput)
        assert (dialog.one(UsernameInput).value, dialog.one(SecretInput).value) == (USER, "")
        await dialog.session.type(PASSWORD)
        await dialog.session.press("enter")
        await dialog.until_gone()
    assert [done[1] for done in accounts.done] == ["wrong", PASSWORD]


async def test_vendors_own_next_step_is_said() -> None:
    fails = [WrongLoginError("It is over.", "Get another one: aws ecr get-login-password", status=401)]
    async with opened(LoginScreen, FakeAccounts(fails=fails)) as dialog:
        await fill(dialog.session)
        await dialog.session.until_shows("Get another one: aws ecr get-login-password")


async def test_password_stays_where_the_registry_was_not_reached() -> None:
    accounts = FakeAccounts(fails=[ConnectionFailedError(f"{HOST} does not answer.")])
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.session.until_shows("does not answer.")
        await dialog.session.press("enter")
        await dialog.until_gone()


@pytest.mark.parametrize(("user", "password", "said"), [("", "x", "A user name"), ("ada", "", "A password or a token")])
async def test_what_is_missing_is_said_and_nothing_asked(user: str, password: str, said: str) -> None:
    accounts = FakeAccounts()
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session, user, password)
        await dialog.session.until_shows(f"{said} is needed.")
    assert accounts.done == []


async def test_escape_stops_asking_and_then_leaves() -> None:
    accounts = FakeAccounts()
    accounts.registry_answers.clear()
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.session.until_shows(f"Asking {HOST} …")
        await dialog.session.type("typed meanwhile")
        await dialog.session.press("escape")
        await dialog.session.until_shows("Not logged in: you stopped it.")
        assert dialog.one(SecretInput).value == PASSWORD
        await dialog.session.press("escape")
        await dialog.until_gone()
    assert dialog.results == [None]
    assert len(accounts.done) == 1


async def test_tab_and_arrows_go_round_the_fields() -> None:
    async with opened(LoginScreen, FakeAccounts(keepings=(PASS,))) as dialog:
        await dialog.session.until_shows("docker helper pass")
        fields = {kind: dialog.one(kind) for kind in (UsernameInput, SecretInput, KeepingList)}
        for key, kind in (
            ("tab", SecretInput),
            ("shift+tab", UsernameInput),
            ("down", SecretInput),
            ("tab", KeepingList),
            ("down", KeepingList),
            ("up", KeepingList),
            ("up", SecretInput),
            ("up", UsernameInput),
        ):
            await dialog.session.press(key)
            assert dialog.session.app.focused is (
                dialog.session.app.screen.query(UsernameInput).first() if kind is UsernameInput else fields[kind]
            ), key


@pytest.mark.parametrize("burst", [True, False])
async def test_enter_belongs_to_the_field_before_it_in_a_burst_too(burst: bool) -> None:
    accounts = FakeAccounts()
    async with opened(LoginScreen, accounts) as dialog:
        if burst:
            await type_burst(dialog.session, f"{USER}⏎{PASSWORD}⏎")
        else:
            await fill(dialog.session)
        await dialog.until_gone()
    assert accounts.done == [(USER, PASSWORD, "this run only")]


async def type_burst(session: Session, text: str) -> None:
    """Type without waiting for anything; `⏎` is enter."""
    for char in text:
        session.app.post_message(events.Key("enter", "\r") if char == "⏎" else events.Key(char, char))
    await session.settle()


@pytest.mark.parametrize(
    ("pasted", "value"),
    [
        ("canary-pass\n", "canary-pass"),
        ("canary-pass\r\n", "canary-pass"),
        ("\ncanary-pass", "canary-pass"),
        (" two words :q ", " two words :q "),
        ('{\r  "key": 1\r}\r', '{\n  "key": 1\n}'),
        ("", ""),
    ],
)
async def test_password_is_pasted_as_it_is(pasted: str, value: str) -> None:
    async with opened(LoginScreen, FakeAccounts()) as dialog:
        await dialog.session.press("tab")
        dialog.session.app.post_message(events.Paste(pasted))
        await dialog.session.settle()
        assert dialog.one(SecretInput).value == value


# Where it is kept


async def test_keyring_is_chosen_when_it_comes() -> None:
    accounts = FakeAccounts(keepings=None, no_keyring=SafeText(""))
    accounts.offered = (PASS, KEYRING, FILE)
    async with opened(LoginScreen, accounts) as dialog:
        await dialog.session.until_shows("looking for the system's keyring …")
        await dialog.session.type(USER)
        accounts.keyring_answers.set()
        await dialog.session.until_shows("● system keyring")
        assert "looking for" not in dialog.session.text()
        await dialog.session.press("enter")
        await dialog.session.type(PASSWORD)
        await dialog.session.press("enter")
        await dialog.until_gone()
    assert accounts.done == [(USER, PASSWORD, "system keyring")]


async def test_keyring_that_comes_after_the_login_was_sent_is_not_chosen() -> None:
    accounts = FakeAccounts(keepings=None, no_keyring=SafeText(""))
    accounts.offered = (KEYRING,)
    accounts.registry_answers.clear()
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.session.until_shows("Asking")
        accounts.keyring_answers.set()
        await dialog.session.until_shows("○ system keyring")
        assert dialog.one(KeepingList).row == THIS_RUN
    assert accounts.done == [(USER, PASSWORD, "this run only")]


async def test_choice_that_the_user_looks_at_does_not_change_by_itself() -> None:
    accounts = FakeAccounts(keepings=None, no_keyring=SafeText(""))
    accounts.offered = (KEYRING,)
    async with opened(LoginScreen, accounts) as dialog:
        await dialog.session.press("tab", "tab")
        accounts.keyring_answers.set()
        await dialog.session.until_shows("○ system keyring")
        assert dialog.one(KeepingList).row == THIS_RUN


async def test_without_a_keyring_the_reason_is_said_and_this_run_only_is_chosen() -> None:
    async with opened(LoginScreen, FakeAccounts(keepings=(PASS, FILE))) as dialog:
        await dialog.session.until_shows(NO_KEYRING)
        await dialog.session.until_shows("● this run only")


@pytest.mark.parametrize("key", ["down", "right", "j"])
async def test_file_is_chosen_with_a_plain_warning(key: str) -> None:
    accounts = FakeAccounts(keepings=(FILE,))
    async with opened(LoginScreen, accounts) as dialog:
        await dialog.session.until_shows("○ file")
        assert FILE.warning not in dialog.session.text()
        await dialog.session.type(USER)
        await dialog.session.press("tab")
        await dialog.session.type(PASSWORD)
        await dialog.session.press("tab", key)
        await dialog.session.until_shows(FILE.warning)
        await dialog.session.press("enter")
        await dialog.until_gone()
    assert accounts.done == [(USER, PASSWORD, FILE.label)]


# What only the user can allow


@pytest.mark.parametrize("key", ["enter", "n", "escape"])
async def test_login_does_not_go_over_an_unsafe_connection_without_a_yes(key: str) -> None:
    accounts = FakeAccounts(unsafe="plain HTTP")
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.answer(key)
        await dialog.session.until_shows("Nothing was sent.")
        assert dialog.one(SecretInput).value == PASSWORD
    assert accounts.done == []


@pytest.mark.parametrize("keys", ["y", "down enter"])
async def test_login_goes_over_an_unsafe_connection_after_a_yes(keys: str) -> None:
    accounts = FakeAccounts(unsafe="plain HTTP")
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.until_has(YesNoScreen)
        await dialog.session.until_shows(HOST)
        *moves, last = keys.split()
        await dialog.session.until(lambda: dialog.session.app.screen.takes_answers, "it takes answers")  # type: ignore[attr-defined]
        await dialog.session.press(*moves)
        await dialog.answer(last)
        await dialog.until_gone()
    assert accounts.done == [("allowed",), (USER, PASSWORD, "this run only")]


def not_trusted(realm: str = "auth.example.com") -> RealmNotTrustedError:
    return RealmNotTrustedError(f"{HOST} wants {realm} to be told.", registry=HOST, realm=realm)


async def test_token_server_is_not_told_the_login_without_a_yes() -> None:
    accounts = FakeAccounts(fails=[not_trusted()])
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.answer("enter")
        await dialog.session.until_shows(f"{HOST} wants auth.example.com to be told.")
    assert accounts.done == [(USER, PASSWORD, "this run only")]


async def test_token_server_is_told_the_login_after_a_yes() -> None:
    accounts = FakeAccounts(fails=[not_trusted()])
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.answer("y")
        await dialog.until_gone()
    assert accounts.done[1:] == [("trusted", "auth.example.com"), (USER, PASSWORD, "this run only")]


async def test_token_server_that_was_allowed_is_not_asked_for_again() -> None:
    accounts = FakeAccounts(fails=[not_trusted(), not_trusted()])
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.answer("y")
        await dialog.session.until_shows(f"{HOST} wants auth.example.com to be told.")


async def test_question_takes_no_key_that_was_typed_before_it_could_be_read() -> None:
    accounts = FakeAccounts(unsafe="plain HTTP")
    async with opened(LoginScreen, accounts) as dialog:
        await type_burst(dialog.session, f"{USER}⏎{PASSWORD}⏎y⏎yy")
        await dialog.until_has(YesNoScreen)
        await dialog.session.press("y", "down", "enter")
        assert dialog.has(YesNoScreen)
        assert accounts.done == []


async def test_question_names_both_hosts_on_lines_of_their_own() -> None:
    wanted = realm_permission(HOST, "auth.corp:5001")
    assert wanted
    async with opened(lambda _: wanted.question(), FakeAccounts()) as dialog:
        lines = [line.strip(" │") for line in dialog.session.text(dialog.one(Notice)).splitlines()]
        assert {HOST, "auth.corp:5001"} <= set(lines)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("auth.example.com", "auth.example.com"),
        ("Auth.Example.com:5001", "auth.example.com:5001"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("аpple.com", "xn--pple-43d.com"),
        ("auth.example.com is fine", None),
        ("auth.example.com\nregistry", None),
        ("auth.example.com/[link]", None),
        ("user@auth.example.com", None),
        ("\u202eauth.example.com", None),
        ("", None),
    ],
)
def test_only_names_of_hosts_are_shown(name: str, shown: str | None) -> None:
    assert shown_host(name) == shown


def test_token_server_without_a_proper_name_is_not_asked_about() -> None:
    problem = Problem(SafeText(""), SafeText(""), SafeText(""), Asks.TRUST_REALM, SafeText("auth example"))
    assert permission(problem, HOST) is None


def test_common_end_of_the_names_is_no_reason_to_trust() -> None:
    def words(one: str, other: str) -> str:
        wanted = realm_permission(one, other)
        assert wanted
        return " ".join(text for text, _ in wanted.words)

    assert "Both names end in corp.example; that alone is no reason" in words("r.corp.example:5000", "a.corp.example")
    assert "Both names" not in words("registry.corp:5000", "auth.corp")
    assert "Both names" not in words("10.0.0.1:5000", "10.1.0.1")


def test_connection_is_called_what_it_is() -> None:
    assert "(TLS not verified)" in unsafe_permission(HOST, SafeText("TLS not verified")).words[0][0]


# Nobody else gets the password


async def test_password_is_nowhere_but_in_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    posted = SecretInput.post_message

    def noted(self: SecretInput, message: Message) -> bool:
        if not isinstance(message, events.Key | events.Paste) and posted(self, message):
            sent.append(repr(message))
            return True
        return posted(self, message)

    accounts = FakeAccounts(keepings=(KEYRING,), no_keyring=SafeText(""))
    accounts.registry_answers.clear()
    async with opened(LoginScreen, accounts) as dialog:
        monkeypatch.setattr(SecretInput, "post_message", noted)
        session = dialog.session
        secret = dialog.one(SecretInput)
        await fill(session)
        await session.until_shows("Asking")
        seen = [session.text(), repr(secret), repr(secret.parent), repr(session.app.screen), repr(session.app.tree)]
        seen += [worker.description + repr(worker) for worker in session.app.workers]
        await session.press("escape")
        secret.select_all()
        await session.press("ctrl+c", "ctrl+x")
        await session.until_shows("A password is not copied.")
        seen += [session.app.clipboard, session.text(), *(toast.message for toast in session.app._notifications)]
        await session.press("escape")
        await dialog.until_gone()
        assert secret.value == ""
    assert [text for text in (*seen, *sent) if PASSWORD in text] == []


# Accounts


async def account_list(dialog: Dialog) -> list[str]:
    """What the lines say, once all are there."""
    await dialog.session.until(lambda: len(dialog.one(VirtualList).rows) > 1, "the accounts")
    await dialog.session.settle()
    lines = dialog.session.text(dialog.one(VirtualList)).splitlines()
    return [" ".join(line.strip("▌ ").split()) for line in lines if line.strip()]


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_accounts_are_listed_with_where_they_are_from(size: tuple[int, int]) -> None:
    async with opened(AccountScreen, FakeAccounts(known=(ADA, GRACE, BROKEN)), size=size) as dialog:
        assert await account_list(dialog) == [
            "Log in …",
            "ada docker config in use",
            "grace system keyring",
            "? docker helper pass cannot be asked",
            "Without a login",
            "Log out ada",
        ]
        await dialog.session.until_shows("The docker helper pass failed.")


async def test_without_an_account_one_is_without_a_login() -> None:
    async with opened(AccountScreen, FakeAccounts()) as dialog:
        assert await account_list(dialog) == ["Log in …", "Without a login in use"]


@pytest.mark.parametrize(
    ("row", "done", "change"),
    [
        (1, [], None),
        (2, [("use", "grace")], Change()),
        (4, [("use", None)], Change(is_nobody=True)),
        (5, [("log out", "ada")], Change(SafeText("To remove it: docker logout registry.corp:5000"), is_nobody=True)),
    ],
)
async def test_chosen_line_does_what_it_says(row: int, done: list[tuple[object, ...]], change: Change | None) -> None:
    accounts = FakeAccounts(known=(ADA, GRACE, BROKEN))
    async with opened(AccountScreen, accounts) as dialog:
        await account_list(dialog)
        await dialog.session.press(*["down"] * row, "enter")
        await dialog.until_gone()
    assert accounts.done == done
    assert dialog.results == [change]


async def test_account_that_cannot_be_asked_cannot_be_chosen() -> None:
    accounts = FakeAccounts(known=(ADA, GRACE, BROKEN))
    async with opened(AccountScreen, accounts) as dialog:
        await account_list(dialog)
        await dialog.session.press("down", "down", "down", "enter")
        assert (dialog.is_gone, accounts.done) == (False, [])


async def test_login_that_cannot_be_removed_is_told_and_not_used_any_more() -> None:
    accounts = FakeAccounts(known=(ADA,), fails=[CredentialError("The keyring does not answer.", "Unlock it.")])
    async with opened(AccountScreen, accounts) as dialog:
        await account_list(dialog)
        await dialog.session.press("G", "enter")
        await dialog.until_gone()
    assert dialog.results == [Change(SafeText("The keyring does not answer. Unlock it."), is_nobody=True)]


async def test_one_can_log_in_while_the_stores_are_still_asked() -> None:
    accounts = FakeAccounts(keepings=None)
    async with opened(AccountScreen, accounts) as dialog:
        await dialog.session.until_shows("Looking for the logins that are known here …")
        await dialog.session.press("enter")
        await dialog.until_has(LoginScreen)
        await fill(dialog.session)
        await dialog.until_gone()
    assert dialog.results == [Change()]


async def test_leaving_the_login_comes_back_to_the_accounts() -> None:
    async with opened(AccountScreen, FakeAccounts(known=(ADA,))) as dialog:
        await dialog.session.press("enter")
        await dialog.until_has(LoginScreen)
        await dialog.session.press("escape")
        await dialog.until_has(AccountScreen)
        await dialog.session.press("escape")
        await dialog.until_gone()
    assert dialog.results == [None]


async def test_permission_can_be_given_from_the_accounts() -> None:
    accounts = FakeAccounts()
    wanted = realm_permission(HOST, "auth.example.com")
    async with opened(lambda accounts: AccountScreen(accounts, wanted), accounts) as dialog:
        await dialog.session.until_shows("Allow that auth.example.com is told the login …")
        await dialog.session.press("enter")
        await dialog.answer("y")
        await dialog.until_gone()
    assert accounts.done == [("trusted", "auth.example.com")]


# Where one is


@pytest.fixture
def content() -> Content:
    content = Content()
    for number in range(40):
        content.add_image("team/app", f"1.{number}")
    content.add_repositories(["other/one", "team/zoo"])
    return content


@pytest.fixture
def server(content: Content) -> Iterator[RegistryServer]:
    with RegistryServer(content, auth=BASIC) as server:
        yield server


async def until_asked(session: Session) -> None:
    await session.until(lambda: isinstance(session.app.screen, LoginScreen), "the login screen")
    await session.settle()


async def until_back(session: Session) -> None:
    await session.until(lambda: not session.has_dialog, "the main screen")


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_login_is_asked_for_in_place_and_the_browse_goes_on(
    size: tuple[int, int], server: RegistryServer
) -> None:
    async with browsing(server=server, size=size) as session:
        await until_asked(session)
        await session.until_shows("wants to know who you are")
        await fill(session, password="wrong")
        await session.until_shows("does not accept the password of canary-user")
        await session.type(PASSWORD)
        await session.press("enter")
        await until_back(session)
        await session.until_shows("Repositories 3 ─", session.screen.repositories)
        await session.until_shows("canary-user (typed in)")
        assert session.pane is Pane.REPOSITORIES
        await session.put_cursor(session.screen.repositories, "team/app")
        await session.press("enter")
        await session.until_tags("team/app")
    assert PASSWORD not in " ".join(map(str, server.requests))


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_image_that_was_opened_by_its_name_is_there_after_the_login(
    size: tuple[int, int], server: RegistryServer
) -> None:
    async with browsing("team/app:1.7", server=server, size=size) as session:
        await until_asked(session)
        await fill(session)
        await until_back(session)
        await session.until_image()
        await session.until_tags("team/app")
        await session.until_shows("team/app:1.7", session.screen.image)
        assert (session.pane, session.screen.tags.current) == (Pane.IMAGE, "1.7")


async def test_login_that_was_left_is_asked_for_again_by_its_key_only(server: RegistryServer) -> None:
    async with browsing(server=server) as session:
        await until_asked(session)
        await session.press("escape")
        await until_back(session)
        await session.until_shows("L logs in, s searches", session.screen.repositories)
        assert "docker login" not in session.text()
        await session.press("r")
        await session.until_listed(session.screen.repositories)
        await session.until(lambda: len(server.requests) > 1, "another request")
        await session.settle()
        assert not session.has_dialog
        await session.press("L", "enter")
        await until_asked(session)
        await fill(session)
        await until_back(session)
        await session.until_shows("Repositories 3 ─", session.screen.repositories)


async def test_login_that_is_no_good_any_more_is_asked_for_again(server: RegistryServer) -> None:
    async with browsing("team/app", server=server) as session:
        await until_asked(session)
        await fill(session)
        await until_back(session)
        await session.until_tags("team/app")
        await session.until_shows("Repositories 3 ─", session.screen.repositories)
        show_problem(session, Asks.LOGIN)
        await until_asked(session)
        await session.until_shows("It was not sent.")


async def test_cursor_and_focus_stay_where_they_are_in_another_account(server: RegistryServer) -> None:
    async with browsing("team/app", server=server, size=WIDE) as session:
        await until_asked(session)
        await fill(session)
        await until_back(session)
        await session.until_tags("team/app")
        await session.put_cursor(session.screen.tags, "1.13")
        await session.put_cursor(session.screen.repositories, "team/zoo")
        await session.press("L", "enter")
        await until_asked(session)
        await fill(session)
        await until_back(session)
        screen = session.screen
        await session.until(lambda: screen.tags.listing.phase is Phase.LOADING, "the tags asked for again")
        await session.until_tags("team/app")
        await session.until_listed(screen.repositories)
        assert session.pane is Pane.TAGS
        assert screen.focused is screen.tags.rows
        assert (screen.tags.current, screen.repositories.current) == ("1.13", "team/zoo")
        await session.press("down")
        assert session.screen.tags.current != "1.13"


async def test_nothing_of_one_account_is_shown_to_the_next(server: RegistryServer) -> None:
    async with browsing("team/app:1.0", server=server, size=WIDE) as session:
        await until_asked(session)
        await fill(session)
        await until_back(session)
        await session.until_image()
        await session.until_listed(session.screen.repositories)
        server.fault("GET /v2/", "hang", times=None)
        await session.press("L")
        await session.until_shows("Log out canary-user")
        await session.press("G", "k", "enter")
        await until_back(session)
        await session.until_shows("Asking 127.0.0.1", session.screen.repositories)
        assert not session.screen.repositories.rows.rows
        assert not session.screen.tags.rows.rows
        assert session.screen.image.state is None or not session.screen.image.state.is_found
        assert "other/one" not in session.text()


async def test_what_one_account_saw_is_gone_at_once() -> None:
    async with browsing("registry.demo/team/service:1.4.2", size=WIDE) as session:
        await session.until_image()
        await session.until_listed(session.screen.repositories)
        screen = session.screen
        screen.start_again()
        assert not screen.repositories.rows.rows
        assert not screen.tags.rows.rows
        assert screen.image.state is None


async def test_logging_out_is_followed_by_no_question(server: RegistryServer) -> None:
    async with browsing(server=server) as session:
        await until_asked(session)
        await fill(session)
        await until_back(session)
        await session.until_shows("Repositories 3 ─", session.screen.repositories)
        await session.press("L")
        await session.until_shows("Log out canary-user")
        await session.press("G", "enter")
        await until_back(session)
        await session.until_shows("L logs in", session.screen.repositories)
        await session.settle()
        assert not session.has_dialog


async def test_while_one_types_nothing_is_asked(server: RegistryServer) -> None:
    server.fault("GET /v2/_catalog", "hang")
    async with browsing(server=server) as session:
        await session.press("s")
        await session.type("tea")
        await asyncio.to_thread(server.wait_for_requests, 1)
        server.release()
        await session.until_listed(session.screen.repositories)
        await session.type("m")
        assert not session.has_dialog
        assert session.typed == "team"
        await session.press("escape")
        await until_asked(session)


def docker_login(server: RegistryServer, password: str) -> CredentialChain:
    """Docker's configuration has a login for the registry."""
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    return CredentialChain.of(
        {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {server.address: {"auth": auth}}})}, ROOT / "no"
    )


async def test_stored_login_that_is_not_taken_is_said_with_its_store(server: RegistryServer) -> None:
    async with browsing(server=server, credentials=docker_login(server, "canary-old")) as session:
        await until_asked(session)
        await session.until_shows("does not accept the password of canary-user (from DOCKER_AUTH_CONFIG)")
        await fill(session)
        await until_back(session)
        await session.until_shows("Repositories 3 ─", session.screen.repositories)


async def test_account_is_switched_and_back(server: RegistryServer) -> None:
    async with browsing(server=server, credentials=docker_login(server, PASSWORD)) as session:
        await session.until_shows("Repositories 3 ─", session.screen.repositories)
        await session.press("L")
        await session.until_shows("canary-user DOCKER_AUTH_CONFIG in use")
        await session.press("G", "k", "enter")
        await until_back(session)
        await session.until_shows("L logs in", session.screen.repositories)
        assert not session.screen.repositories.rows.rows
        await session.press("L")
        await session.until_shows("Without a login in use")
        await session.press("down", "enter")
        await until_back(session)
        await session.until_shows("Repositories 3 ─", session.screen.repositories)


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_login_is_told_to_no_other_host_unless_allowed(key: str, content: Content) -> None:
    auth = BearerAuth("https://auth.registry.test/token", lambda _: None)
    with RegistryServer(content, auth=auth) as server:
        async with browsing(server=server, credentials=docker_login(server, PASSWORD)) as session:
            await session.until(lambda: isinstance(session.app.screen, YesNoScreen), "the question")
            await session.until_shows("auth.registry.test")
            await session.until_shows(server.address)
            screen = session.app.screen
            assert isinstance(screen, YesNoScreen)
            await session.until(lambda: screen.takes_answers, "a question that takes answers")
            await session.press(key)
            await until_back(session)
            await session.until_shows("L allows it", session.screen.repositories)
            assert not [request for request in server.requests if "authorization" in request.headers]


async def test_forbidden_list_offers_a_key_and_opens_nothing() -> None:
    async with browsing("forbidden.registry.demo") as session:
        await session.until_shows("L logs in, s searches, o opens by name", session.screen.repositories)
        await session.settle()
        assert not session.has_dialog


async def test_preview_that_wants_a_login_asks_for_nothing() -> None:
    async with browsing("registry.demo/team/service", size=WIDE) as session:
        await session.until_tags("team/service")
        await session.until_image()
        state = session.screen.image.state
        assert state
        problem = Problem(SafeText("Who are you?"), SafeText(""), SafeText(""), Asks.LOGIN)
        session.screen.image.show(replace(state, phase=Phase.FAILED, problem=problem))
        session.screen.refresh_bars()
        await session.settle()
        assert not session.has_dialog
        await session.press("4")
        await until_asked(session)


# What is asked beside a login


def show_problem(session: Session, asks: Asks, realm: str = "") -> None:
    problem = Problem(SafeText("It was not sent."), SafeText(""), SafeText(""), asks, SafeText(realm))
    listing = session.screen.repositories.listing
    session.screen.repositories.show(replace(listing, names=(), phase=Phase.FAILED, problem=problem), asking="")
    session.screen.refresh_bars()


@pytest.mark.parametrize(
    ("asks", "words", "done"),
    [
        (Asks.TRUST_REALM, "auth.example.com", ("trusted", "auth.example.com")),
        (Asks.UNSAFE_LOGIN, "can read the password", ("allowed",)),
    ],
)
@pytest.mark.parametrize("key", ["y", "enter"])
async def test_question_is_asked_in_place(
    asks: Asks, words: str, done: tuple[str, ...], key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with browsing() as session:
        await session.until_listed(session.screen.repositories)
        accounts = FakeAccounts()
        monkeypatch.setattr(session.app.registries, "accounts", lambda _: accounts)
        show_problem(session, asks, "auth.example.com")
        await session.until_shows(words)
        await Dialog(session, accounts).answer(key)
        if key == "y":
            await session.until_shows("Repositories 643", session.screen.repositories)
            assert accounts.done == [done]
        else:
            await session.until_shows("L allows it, s searches", session.screen.repositories)
            session.screen.refresh_bars()
            await session.settle()
            assert not session.has_dialog
            assert accounts.done == []
            await session.press("L")
            await session.until_shows("Allow that")


async def test_tokens_are_had_with_the_login_and_the_token_server_s_word_is_said(content: Content) -> None:
    with Tokens(anonymous=False) as tokens, RegistryServer(content, auth=tokens.auth()) as server:
        async with browsing("team/app", server=server) as session:
            await until_asked(session)
            await fill(session, password="wrong")
            await session.until_shows("does not accept the password of canary-user")
            await session.type(PASSWORD)
            await session.press("enter")
            await until_back(session)
            await session.until_tags("team/app")


# Keys


async def test_login_typed_in_one_burst_with_its_key_is_typed_nowhere_else(server: RegistryServer) -> None:
    server.fault("GET /v2/_catalog", "hang")
    async with browsing(server=server) as session:
        await asyncio.to_thread(server.wait_for_requests, 1)
        await type_burst(session, f"L⏎{USER}⏎{PASSWORD}⏎")
        await until_back(session)
        server.release()
        await session.until_shows("Repositories 3 ─", session.screen.repositories)
        assert session.screen.search._input.value == ""


async def test_login_typed_while_the_screen_opens_by_itself_is_typed_into_it(server: RegistryServer) -> None:
    async with browsing(server=server) as session:
        await session.until(lambda: isinstance(session.app.screen, LoginScreen), "the login screen")
        await type_burst(session, f"{USER}⏎{PASSWORD}⏎")
        await until_back(session)
        await session.until_shows("Repositories 3 ─", session.screen.repositories)


async def test_key_that_comes_back_before_the_screen_is_there_waits_for_it() -> None:
    async with browsing() as session:
        await session.until_listed(session.screen.repositories)
        session.app.push_screen(LoginScreen(FakeAccounts()))
        for key in (events.Key("a", "a"), events.Key("enter", "\r"), events.Key("b", "b")):
            key.set_sender(session.screen.repositories.rows)
            key._set_forwarded()
            session.app.post_message(key)
        await session.settle()
        values = [session.app.screen.query_one(box).value for box in (UsernameInput, SecretInput)]
        assert values == ["a", "b"]


@pytest.mark.parametrize("keys", ["", "L\r"], ids=["opened by itself", "opened by its key"])
def test_login_typed_ahead_over_a_slow_line_reaches_its_fields(keys: str, server: RegistryServer) -> None:
    with Terminal([sys.executable, "-m", "regbrowse", server.url], cwd=ROOT) as terminal:
        terminal.wait_for("Log in to")
        if keys:
            terminal.press("escape")
            terminal.wait_for("L logs in")
            terminal.wait_idle()
        terminal.type(f"{keys}{USER}\r{PASSWORD}\r")
        terminal.wait_for("Repositories 3")
        assert PASSWORD.encode() not in terminal.raw


@pytest.mark.parametrize("words", ["log in", "login", "log out", "account", "password", "switch"])
async def test_palette_finds_the_accounts_by_what_a_user_would_type(words: str) -> None:
    async with browsing() as session:
        await session.until_listed(session.screen.repositories)
        await session.press("ctrl+p")
        session.app.screen.query_one(Input).value = words
        await session.settle()
        offered = [action.id for action in session.app.screen.query_one(VirtualList).rows]
        assert "account" in offered
        if words != "switch":
            assert offered[0] == "account" or "log in" in words


# Registries


async def test_capital_l_among_the_registries_is_about_the_highlighted_one(monkeypatch: pytest.MonkeyPatch) -> None:
    visited = Visited.load(None)
    visited.add("empty.registry.demo")
    async with browsing(visited=visited) as session:
        await session.until_shows("1 more registry R")
        asked: list[RegistryAddress] = []
        accounts = FakeAccounts(known=(ADA, GRACE))

        def noted(address: RegistryAddress) -> Accounts:
            asked.append(address)
            return accounts

        monkeypatch.setattr(session.app.registries, "accounts", noted)
        await session.press("R")
        await session.until_shows("L logs in and out")
        await session.press("L")
        await session.until(lambda: isinstance(session.app.screen, AccountScreen), "the accounts")
        await session.until_shows("grace")
        await session.press("down", "down", "enter")
        await session.until(lambda: isinstance(session.app.screen, RegistriesScreen), "the registries")
        assert [str(address) for address in asked] == ["empty.registry.demo"]
        assert accounts.done == [("use", "grace")]


async def test_other_account_chosen_among_the_registries_is_taken_up_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async with browsing() as session:
        await session.until_listed(session.screen.repositories)
        first = session.screen
        await session.press("o")
        await session.type("empty.registry.demo")
        await session.press("enter")
        await session.until_shows("The registry lists no repositories.")
        before = session.app.registries.counted(first.browser)[0]
        await session.press("R")
        await session.until_shows("L logs in and out")
        await session.press("L")
        await session.until_shows("Accounts at registry.demo")
        await session.until_shows("Without a login")
        await session.press("down", "enter")
        await session.until(lambda: session.app.registries.counted(first.browser)[0] > before, "another request")


async def test_registries_offer_another_one_by_its_name() -> None:
    async with browsing() as session:
        await session.until_listed(session.screen.repositories)
        await session.press("R")
        await session.until_shows("Open another registry by its name …")
        await session.press("enter")
        await session.until_shows("Open by name")
        await session.type("empty.registry.demo")
        await session.press("enter")
        await session.until_shows("The registry lists no repositories.")
