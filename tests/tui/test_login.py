"""Logging in where one is, and the browse that goes on."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from textual import events
from textual.widgets import Input

from regbrowse.browser.accounts import Accounts
from regbrowse.browser.states import Asks, Phase, Problem
from regbrowse.credentials.chain import CredentialChain
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.text import SafeText
from regbrowse.settings.visited import Visited
from regbrowse.tui.actions import Pane
from regbrowse.tui.screens.account import AccountScreen
from regbrowse.tui.screens.login import LoginScreen, SecretInput, UsernameInput
from regbrowse.tui.screens.questions import YesNoScreen
from regbrowse.tui.screens.registries import RegistriesScreen
from regbrowse.tui.widgets.virtual_list import VirtualList
from tests.registry.tokens_world import Tokens
from tests.registry_server import BearerAuth, Content, RegistryServer
from tests.terminal import Terminal
from tests.tui.logging_in import (
    ADA,
    BASIC,
    GRACE,
    PASSWORD,
    ROOT,
    USER,
    Dialog,
    FakeAccounts,
    fill,
    type_burst,
)
from tests.tui.screens import SMALL, WIDE, Session, browsing

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
    async with browsing(server=server) as session:
        await until_asked(session)
        await fill(session)
        await until_back(session)
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
        await session.until(lambda: isinstance(session.app.focused, SecretInput), "the focus in the password")
        assert session.app.screen.query(UsernameInput).first().value == USER
        await session.type(PASSWORD)
        await session.press("enter")
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


@pytest.mark.parametrize("is_late", [True, False], ids=["sent to the list below", "sent to the screen"])
async def test_key_that_is_typed_before_the_screen_is_there_waits_for_it(is_late: bool) -> None:
    async with browsing() as session:
        await session.until_listed(session.screen.repositories)
        session.app.push_screen(LoginScreen(FakeAccounts()))
        for key in (events.Key("a", "a"), events.Key("enter", "\r"), events.Key("b", "b")):
            if is_late:
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
