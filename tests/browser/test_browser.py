"""The lists of one registry as a screen is told of them, state by state, from real sockets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest

from regbrowse.browser.browser import Browser
from regbrowse.browser.states import Listing, Phase
from regbrowse.browser.v2_source import V2Source
from regbrowse.registry.errors import ConfigError
from regbrowse.registry.reference import RegistryAddress, Target, parse_reference
from tests.browser.browsing import KNOWN, NAMES, browsing, tag_states
from tests.registry.reaching import LOGIN, PASSWORD, USER
from tests.registry_server import Content, RegistryServer

TAGS: Final = "GET /v2/team/app/tags/list"


def shape(states: Sequence[Listing]) -> list[tuple[Phase, int]]:
    return [(state.phase, len(state.names)) for state in states]


async def test_a_list_grows_page_by_page(server: RegistryServer) -> None:
    async with browsing(server) as browser:
        states = await tag_states(browser)
    assert shape(states) == [(Phase.LOADING, 0), (Phase.LOADING, 4), (Phase.LOADING, 8), (Phase.READY, 10)]
    assert list(states[-1].names) == NAMES


async def test_a_state_that_was_given_never_changes(server: RegistryServer) -> None:
    async with browsing(server) as browser:
        states = await tag_states(browser)
    first, last = states[1].names, states[-1].names
    assert list(first) == NAMES[:4]
    assert (first[-1], first[1:3], first[::-1]) == (NAMES[3], NAMES[1:3], NAMES[3::-1])
    with pytest.raises(IndexError):
        first[4]
    with pytest.raises(IndexError):
        first[-5]
    assert list(last[8:]) == NAMES[8:]


async def test_a_list_of_a_moment_ago_comes_at_once(server: RegistryServer) -> None:
    async with browsing(server) as browser:
        await tag_states(browser)
        server.reset()
        assert shape(await tag_states(browser)) == [(Phase.READY, 10)]
        assert server.requests == []
        assert len(await tag_states(browser, fresh=True)) == 4


async def test_a_catalog_of_a_moment_ago_comes_at_once(server: RegistryServer) -> None:
    async with browsing(server) as browser:
        assert [state.phase async for state in browser.repositories()] == [Phase.LOADING, Phase.READY]
        assert [list(state.names) async for state in browser.repositories()] == [["team/app"]]
    assert len(server.requests) == 1


async def test_a_repository_without_tags_is_empty(content: Content, server: RegistryServer) -> None:
    content.add_repositories(["team/bare"])
    async with browsing(server) as browser:
        assert [state.phase async for state in browser.tags("team/bare")] == [Phase.LOADING, Phase.EMPTY]


async def test_an_empty_catalog_offers_what_is_known() -> None:
    with RegistryServer(Content()) as server:
        async with browsing(server) as browser:
            states = [state async for state in browser.repositories()]
    assert [(state.phase, state.known) for state in states] == [(Phase.LOADING, ()), (Phase.EMPTY, KNOWN)]


@pytest.mark.parametrize("status", [401, 403, 404, 405, 501])
async def test_a_catalog_that_is_not_given_offers_what_is_known(server: RegistryServer, status: int) -> None:
    server.fault("GET /v2/_catalog", status=status, times=None)
    async with browsing(server) as browser:
        states = [state async for state in browser.repositories()]
    assert [state.phase for state in states] == [Phase.LOADING, Phase.FAILED]
    assert states[-1].known == KNOWN
    assert states[-1].problem
    assert server.address in states[-1].problem.sentence


async def test_a_notice_of_the_list_is_passed_on(content: Content) -> None:
    with RegistryServer(content, page_size=4, link_style="circular") as server:
        async with browsing(server) as browser:
            states = await tag_states(browser)
    assert states[-1].phase is Phase.READY
    assert "incomplete" in states[-1].notice


FAILURES: Final[list[tuple[str, dict[str, Any], str]]] = [
    ("a failing server", {"status": 500}, "failed with status 500"),
    ("a web page", {"body": b"<!doctype html><title>Sign in</title>"}, "Sign in"),
    ("half a body", {"manner": "half_body"}, "broke off"),
    ("no answer", {"manner": "close"}, "closed the connection"),
    ("too many requests", {"status": 429, "headers": {"Retry-After": "3600"}}, "3,600 s"),
    ("denied", {"status": 403}, "denies"),
    ("a login wanted", {"status": 401}, "who you are"),
    ("no JSON", {"body": b"{"}, "not JSON"),
    ("no list", {"body": b"{}"}, "tags"),
]


@pytest.mark.parametrize(("fault", "words"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES])
async def test_a_list_that_fails_at_once_says_why(server: RegistryServer, fault: dict[str, Any], words: str) -> None:
    server.fault(TAGS, times=None, **fault)
    async with browsing(server) as browser:
        states = await tag_states(browser)
    assert shape(states) == [(Phase.LOADING, 0), (Phase.FAILED, 0)]
    assert states[-1].problem
    assert words in states[-1].problem.sentence
    assert states[-1].problem.next_step


@pytest.mark.parametrize(("fault", "words"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES])
async def test_a_list_that_fails_later_keeps_its_names(
    server: RegistryServer, fault: dict[str, Any], words: str
) -> None:
    server.fault(TAGS, times=None, after=1, **fault)
    async with browsing(server) as browser:
        states = await tag_states(browser)
    assert shape(states) == [(Phase.LOADING, 0), (Phase.LOADING, 4), (Phase.FAILED, 4)]
    assert states[-1].problem
    assert words in states[-1].problem.sentence


async def test_a_server_that_stops_in_the_middle_of_a_list_leaves_the_names(server: RegistryServer) -> None:
    async with browsing(server) as browser:
        states = []
        async for state in browser.tags("team/app"):
            states.append(state)
            if state.names:
                server.stop()
    assert shape(states) == [(Phase.LOADING, 0), (Phase.LOADING, 4), (Phase.FAILED, 4)]


async def test_a_list_that_failed_is_asked_for_again(server: RegistryServer) -> None:
    server.fault(TAGS, status=403)
    async with browsing(server) as browser:
        assert (await tag_states(browser))[-1].phase is Phase.FAILED
        assert (await tag_states(browser))[-1].phase is Phase.READY


async def test_a_name_that_cannot_be_asked_for_is_told_without_a_request(server: RegistryServer) -> None:
    async with browsing(server) as browser:
        states = [state async for state in browser.tags("../admin")]
        images = [state async for state in browser.image(Target(browser.address, "team/app", parse_reference("a/b")))]
    assert states[-1].phase is images[-1].phase is Phase.FAILED
    assert server.requests == []


async def test_only_repositories_that_are_there_count_as_visited(server: RegistryServer) -> None:
    visited: list[str] = []
    async with browsing(server, visited=visited) as browser:
        assert [state.phase async for state in browser.tags("team/missing")][-1] is Phase.FAILED
        assert visited == []
        await tag_states(browser)
        assert visited == ["team/app"]


async def test_a_registry_that_cannot_be_reached_is_told_everywhere(server: RegistryServer) -> None:
    async def connect() -> V2Source:
        raise ConfigError("The certificates are broken.")

    browser = Browser(RegistryAddress(server.address), connect)
    for states in (browser.repositories(), browser.tags("team/app")):
        assert [state.problem and state.problem.sentence async for state in states][
            -1
        ] == "The certificates are broken."
    image = [state async for state in browser.image(Target(browser.address, "team/app"))]
    assert image[-1].phase is Phase.FAILED
    assert browser.reach is None
    assert browser.cached == 0


# How it is reached


async def test_the_way_to_the_registry_is_known_when_it_has_answered(content: Content) -> None:
    with RegistryServer(content, auth=("basic", USER, PASSWORD)) as server:
        async with browsing(server, login=LOGIN) as browser:
            before = browser.reach
            await tag_states(browser)
            assert browser.reach
            assert (browser.reach.security, browser.reach.account) == ("plain HTTP", f"{USER} (docker config)")
    assert before is None


async def test_an_open_registry_is_reached_as_nobody(server: RegistryServer) -> None:
    async with browsing(server, login=LOGIN) as browser:
        await tag_states(browser)
        assert browser.reach
        assert browser.reach.account == "anonymous"
