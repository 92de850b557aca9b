"""A login that is asked for beside what else is on the screen: dialogs, panes that work, other registries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from regbrowse.browser.states import Asks, ImageState, Listing, Phase, Problem
from regbrowse.registry.reference import Target, parse_registry_address
from regbrowse.registry.text import SafeText
from regbrowse.tui.screens.account import AccountScreen
from regbrowse.tui.screens.dialogs import Change, OpenScreen
from regbrowse.tui.screens.login import LoginScreen
from tests.registry_server import Content, RegistryServer
from tests.tui.logging_in import BASIC, FakeAccounts, fill, opened
from tests.tui.screens import SMALL, WIDE, Session, browsing

IMAGE = "registry.demo/team/service:1.4.2"


def problem(asks: Asks = Asks.LOGIN, next_step: str = "") -> Problem:
    return Problem(SafeText("It was not sent."), SafeText(next_step), SafeText(""), asks)


def fail_catalog(session: Session) -> None:
    failed = Listing(phase=Phase.FAILED, problem=problem())
    session.screen.repositories.show(failed, asking="")
    session.screen.refresh_bars()


def fail_tags(session: Session, failure: Problem | None = None) -> None:
    failed = replace(session.screen.tags.listing, names=(), phase=Phase.FAILED, problem=failure or problem())
    session.screen.tags.show(failed, asking="")
    session.screen.refresh_bars()


async def until_asked(session: Session) -> None:
    await session.until(lambda: isinstance(session.app.screen, LoginScreen), "the login screen")
    await session.settle()


async def until_back(session: Session) -> None:
    await session.until(lambda: not session.has_dialog, "the main screen")


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> FakeAccounts:
    accounts = FakeAccounts()
    monkeypatch.setattr("regbrowse.browser.registries.Registries.accounts", lambda *_: accounts)
    return accounts


# Dialogs


@pytest.mark.parametrize("keys", ["L", "L enter", "o", "ctrl+p", "question_mark", "R", "Y"])
async def test_nothing_is_asked_over_another_screen_but_when_it_has_gone(keys: str, accounts: FakeAccounts) -> None:
    async with browsing() as session:
        await session.until_listed(session.screen.repositories)
        await session.press(*keys.split())
        await session.until(lambda: session.has_dialog, "the other screen")
        stack = list(session.app.screen_stack)
        fail_catalog(session)
        await session.settle()
        assert session.app.screen_stack == stack
        await session.press(*["escape"] * (len(stack) - 1))
        await until_asked(session)


async def test_what_is_typed_into_one_login_never_comes_into_another(accounts: FakeAccounts) -> None:
    async with browsing() as session:
        await session.until_listed(session.screen.repositories)
        await session.press("L", "enter")
        await until_asked(session)
        await session.type("ada")
        await session.press("enter")
        await session.type("canary-")
        fail_catalog(session)
        await session.type("pass")
        assert session.typed == "canary-pass"
        assert "pass" not in session.text().replace("Password", "")


async def test_who_has_logged_in_meanwhile_is_not_asked(accounts: FakeAccounts) -> None:
    async with browsing() as session:
        await session.until_listed(session.screen.repositories)
        await session.press("L", "enter")
        await until_asked(session)
        fail_catalog(session)
        await fill(session)
        await until_back(session)
        await session.until_shows("Repositories 643", session.screen.repositories)
        session.screen.refresh_bars()
        await session.settle()
        assert not session.has_dialog


async def test_dialog_that_ends_below_another_gives_its_result_when_that_has_gone() -> None:
    accounts = FakeAccounts()
    accounts.registry_answers.clear()
    async with opened(LoginScreen, accounts) as dialog:
        session = dialog.session
        login = session.app.screen
        assert isinstance(login, LoginScreen)
        await fill(session)
        await session.until_shows("Asking")
        session.app.push_screen(OpenScreen(None))
        await dialog.until_has(OpenScreen)
        accounts.registry_answers.set()
        await session.until(lambda: not any(worker.group == "asking" for worker in login.workers), "the login")
        assert (dialog.results, dialog.has(OpenScreen)) == ([], True)
        await session.press("escape")
        await dialog.until_gone()
        await until_back(session)
    assert dialog.results == [Change()]


async def test_accounts_below_a_login_end_after_it() -> None:
    accounts = FakeAccounts()
    async with opened(AccountScreen, accounts) as dialog:
        screen = dialog.session.app.screen
        assert isinstance(screen, AccountScreen)
        await dialog.session.press("enter")
        await dialog.until_has(LoginScreen)
        screen.leave(Change(SafeText("first")))
        screen.leave(Change(SafeText("second")))
        await dialog.session.settle()
        assert dialog.has(LoginScreen)
        await dialog.session.press("escape")
        await dialog.until_gone()
    assert dialog.results == [Change(SafeText("first"))]


# Panes


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_catalog_that_wants_a_login_opens_nothing_over_tags_that_are_there(size: tuple[int, int]) -> None:
    async with browsing("registry.demo/team/service", size=size) as session:
        await session.until_tags("team/service")
        fail_catalog(session)
        await session.press("2")
        await session.until_shows("L logs in", session.screen.repositories)
        await session.settle()
        assert not session.has_dialog


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_catalog_that_wants_a_login_opens_nothing_while_the_tags_are_awaited(size: tuple[int, int]) -> None:
    async with browsing("registry.demo/team/service", size=size) as session:
        await session.until_tags("team/service")
        session.screen.tags.show(Listing(), asking="Asking …")
        fail_catalog(session)
        await session.settle()
        assert not session.has_dialog


async def test_tags_that_want_a_login_open_nothing_over_the_image_that_is_awaited() -> None:
    async with browsing(IMAGE) as session:
        await session.until_image()
        state = session.screen.image.state
        assert state
        session.screen.image.show(ImageState(state.target))
        fail_tags(session)
        await session.settle()
        assert not session.has_dialog
        await session.press("3")
        await until_asked(session)


async def test_catalog_is_asked_about_where_the_tags_have_failed_too() -> None:
    async with browsing("registry.demo/team/service") as session:
        await session.until_tags("team/service")
        fail_tags(session, problem(Asks.NOTHING))
        fail_catalog(session)
        await session.settle()
        assert not session.has_dialog
        await session.press("2")
        await until_asked(session)


# Words


@pytest.mark.parametrize(
    "step",
    [
        "Log in with docker login or podman login, then try again.",
        "Check the name, or log in with docker login or podman login.",
    ],
)
@pytest.mark.parametrize("asks", [Asks.LOGIN, Asks.MAY_LOG_IN])
async def test_pane_names_its_own_key_and_no_other_tool(step: str, asks: Asks) -> None:
    async with browsing("registry.demo/team/service") as session:
        await session.until_tags("team/service")
        fail_tags(session, problem(asks, step))
        if asks is Asks.LOGIN:
            await until_asked(session)
            await session.press("escape")
        await session.until_shows("L logs in, o opens by name", session.screen.tags)
        assert "docker login" not in session.text()


async def test_pane_says_the_step_of_a_vendor() -> None:
    async with browsing("registry.demo/team/service", size=WIDE) as session:
        await session.until_tags("team/service")
        fail_tags(session, problem(Asks.MAY_LOG_IN, "Run “docker login ghcr.io”."))
        await session.until_shows("Run “docker login ghcr.io”.", session.screen.tags)


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    content = Content()
    content.add_image("team/app", "1.0")
    with RegistryServer(content, auth=BASIC) as server:
        yield server


async def test_connection_names_its_own_key_and_no_other_tool(server: RegistryServer) -> None:
    async with browsing(server=server, size=WIDE) as session:
        await until_asked(session)
        await session.press("escape")
        await until_back(session)
        await session.press("c")
        await session.until_shows("Log in: esc, then L.")
        assert "docker login" not in session.text()


# Another spelling of the same registry, another registry


async def test_what_was_loaded_as_somebody_else_is_loaded_anew_when_a_dialog_has_gone() -> None:
    async with browsing(IMAGE, size=WIDE) as session:
        await session.until_image()
        await session.press("o")
        await session.screen.browser.renew()
        await session.settle()
        assert session.screen.image.state
        assert session.screen.is_outdated
        before = session.requests
        await session.press("escape")
        await session.until(lambda: not session.screen.is_outdated, "a new beginning")
        await session.until_tags("team/service")
        await session.until_image()
        assert session.requests > before


async def test_what_was_loaded_as_somebody_else_is_loaded_anew_when_one_comes_back_to_it() -> None:
    async with browsing() as session:
        await session.until_listed(session.screen.repositories)
        first = session.screen
        session.app.open_target(_target("empty.registry.demo"))
        await session.until_shows("The registry lists no repositories.")
        await first.browser.renew()
        assert first.is_outdated
        session.app.open_target(_target("registry.demo"))
        await session.until(lambda: session.screen is first and not first.is_outdated, "a new beginning")
        await session.until_shows("Repositories 643", first.repositories)


async def test_login_at_one_spelling_is_taken_up_at_the_other(server: RegistryServer) -> None:
    async with browsing(server=server) as session:
        await until_asked(session)
        await session.press("escape")
        await until_back(session)
        first = session.screen
        session.app.open_target(_target(server.address))
        await session.until(lambda: session.screen is not first, "the other spelling")
        await until_asked(session)
        await fill(session)
        await session.until_shows("Repositories 1 ─")
        session.app.open_target(_target(server.url))
        await session.until(lambda: session.screen is first, "the first spelling")
        await session.until_shows("Repositories 1 ─", first.repositories)
        await session.until_shows("canary-user (typed in)")


def _target(name: str) -> Target:
    return Target(parse_registry_address(name))
