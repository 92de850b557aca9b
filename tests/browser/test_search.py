"""Searching here, on Docker Hub and everywhere, as the screen is told of it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from regbrowse.browser.browser import Browser
from regbrowse.browser.journal import Journal
from regbrowse.browser.registries import Registries
from regbrowse.browser.search import MOST, REGISTRIES_AT_ONCE, Place, Question, Search, SearchState
from regbrowse.browser.states import Phase
from regbrowse.credentials.chain import CredentialChain
from regbrowse.credentials.docker_config import docker_config
from regbrowse.registry.constants import INDEX_SERVER
from regbrowse.registry.docker_http import RequestModifier
from regbrowse.registry.errors import ConnectionFailedError, DeniedError
from regbrowse.registry.reference import RegistryAddress, parse_registry_address
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.text import SafeText
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.v1.models import SearchResult
from regbrowse.registry.wire import httpx
from regbrowse.settings.visited import Visited
from tests.browser.searching import Index, Shelf, browser, names, result, search, states, until
from tests.registry.reaching import no_tasks_but
from tests.registry_server import Content, RegistryServer
from tests.v1_content import small_content
from tests.v1_server import V1Server

HUB: Final = Place.DOCKER_HUB
EVERYWHERE: Final = Place.EVERYWHERE
REFUSED: Final = DeniedError("one.corp does not let this account list its repositories.", status=403)
NO_ROUTE: Final = ConnectionFailedError("There is no way to index.docker.io.")


@pytest.fixture
def here() -> Browser:
    return browser(Shelf(["team/app", "team/api"]))


async def last(search: Search, place: Place, words: str = "app", limit: int = 25) -> SearchState:
    return (await states(search, place, words, limit))[-1]


# Docker Hub


async def test_docker_hub_is_asked_for_the_words_and_as_many_as_are_wanted(here: Browser) -> None:
    index = Index()
    await states(search(here, index), HUB, "web server", 100)
    assert index.asked == [("web server", 100)]


async def test_a_question_is_loading_until_it_is_answered(here: Browser) -> None:
    found = await states(search(here, Index(result("nginx"))), HUB)
    assert [(state.phase, names(state), state.awaited) for state in found] == [
        (Phase.LOADING, [], ()),
        (Phase.LOADING, [], ("Docker Hub",)),
        (Phase.READY, ["nginx"], ()),
    ]


async def test_a_hit_says_what_the_index_says_of_it(here: Browser) -> None:
    [hit] = (await last(search(here, Index(result("nginx", 19_503, official=True, automated=True))), HUB)).hits
    assert (hit.name, hit.host, hit.description) == ("nginx", "docker.io", "All about nginx")
    assert (hit.stars, hit.official, hit.automated) == (19_503, True, True)


@pytest.mark.parametrize(
    ("said", "shown", "repository"),
    [
        ("nginx", "nginx", "library/nginx"),
        ("library/nginx", "nginx", "library/nginx"),
        ("bitnami/nginx", "bitnami/nginx", "bitnami/nginx"),
        ("../../admin", "../../admin", "../../admin"),
        ("no\x1b]52;c;aGk=\x07", "no␛]52;c;aGk=␇", "library/no␛]52;c;aGk=␇"),
    ],
)
async def test_a_name_on_docker_hub_leads_to_its_repository(
    here: Browser, said: str, shown: str, repository: str
) -> None:
    [hit] = (await last(search(here, Index(result(said))), HUB)).hits
    assert hit.name == shown
    assert type(hit.name) is SafeText
    assert (hit.target.registry, hit.target.repository) == (RegistryAddress("docker.io"), repository)


async def test_a_result_without_a_name_is_none(here: Browser) -> None:
    state = await last(search(here, Index(result(""))), HUB)
    assert (state.phase, state.hits) == (Phase.EMPTY, ())


async def test_an_index_that_finds_nothing_is_empty(here: Browser) -> None:
    state = await last(search(here, Index()), HUB)
    assert (state.phase, state.problems) == (Phase.EMPTY, ())


async def test_an_index_that_fails_says_why(here: Browser) -> None:
    state = await last(search(here, Index(error=NO_ROUTE)), HUB)
    [(host, problem)] = state.problems
    assert (state.phase, host, problem.sentence) == (Phase.FAILED, "Docker Hub", NO_ROUTE.user_message)
    assert problem.next_step


async def test_a_failure_that_is_none_of_the_index_is_not_kept_quiet(here: Browser) -> None:
    with pytest.raises(ZeroDivisionError):
        await states(search(here, Index(error=ZeroDivisionError())), HUB)


@pytest.mark.parametrize(
    ("results", "total", "limit", "shown", "has_more"),
    [
        (25, 25, 25, 25, False),
        (25, 8_123, 25, 25, True),
        (100, 8_123, MOST, 100, False),
        (60, 60, 25, 25, True),  # an index that does not know limits
        (3, -1, 25, 3, False),
    ],
)
async def test_no_more_are_shown_than_were_wanted(
    here: Browser, results: int, total: int, limit: int, shown: int, has_more: bool
) -> None:
    index = Index(*(result(f"team/{number}") for number in range(results)), total=total)
    state = await last(search(here, index), HUB, "team", limit)
    assert (len(state.hits), state.total, state.has_more) == (shown, max(total, results), has_more)


# Order


@pytest.mark.parametrize(
    ("results", "ranked"),
    [
        ([result("b/app", 5), result("app", 1, official=True)], ["app", "b/app"]),
        ([result("a/x", 1), result("b/x", 20), result("c/x", 3)], ["b/x", "c/x", "a/x"]),
        ([result("z/other"), result("z/app"), result("app")], ["app", "z/app", "z/other"]),
        ([result("z/app-1"), result("a/app-2")], ["z/app-1", "a/app-2"]),
    ],
    ids=["official first", "then stars", "then the exact name", "else as the index has them"],
)
async def test_hits_are_ranked(here: Browser, results: Sequence[SearchResult], ranked: list[str]) -> None:
    state = await last(search(here, Index(*results)), HUB)
    assert names(state) == ranked


async def test_everywhere_the_own_registries_go_before_all_of_docker_hub(here: Browser) -> None:
    index = Index(result("someone/app", 9_000), result("app", 10, official=True))
    state = await last(search(here, index), EVERYWHERE)
    assert [f"{hit.host} {hit.name}" for hit in state.hits] == [
        "registry.corp team/app",
        "docker.io app",
        "docker.io someone/app",
    ]


# Everywhere


async def test_everywhere_a_catalog_gives_the_names_that_hold_all_the_words() -> None:
    shelf = Shelf(["team/app", "Team/APP-api", "api/other"], ["app/old-api"])
    state = await last(search(browser(shelf)), EVERYWHERE, "app api")
    assert names(state) == ["Team/APP-api", "app/old-api"]
    assert state.total == 2


async def test_everywhere_a_registry_with_a_search_is_asked_for_the_words() -> None:
    own = Index(result("team/app", 3))
    state = await last(search(browser(Shelf(["base"], search=own))), EVERYWHERE, "app")
    assert own.asked == [("app", 25)]
    assert [(hit.host, hit.name, hit.stars) for hit in state.hits] == [("registry.corp", "team/app", 3)]


async def test_everywhere_each_registry_shows_no_more_than_was_wanted() -> None:
    shelves = [Shelf([f"app-{number}" for number in range(40)]) for _ in range(2)]
    everything = search(browser(shelves[0], "one.corp"), None, browser(shelves[1], "two.corp"))
    state = await last(everything, EVERYWHERE)
    assert (len(state.hits), state.total, state.has_more) == (50, 80, True)
    assert len((await last(everything, EVERYWHERE, limit=MOST)).hits) == 80


async def test_one_that_refuses_does_not_end_the_others(here: Browser) -> None:
    closed = browser(Shelf(error=REFUSED), "one.corp")
    state = await last(search(here, Index(error=NO_ROUTE), closed), EVERYWHERE)
    assert (state.phase, names(state), state.asked) == (Phase.READY, ["team/app"], 3)
    assert [(host, problem.sentence) for host, problem in state.problems] == [
        ("Docker Hub", NO_ROUTE.user_message),
        ("one.corp", REFUSED.user_message),
    ]


async def test_a_registry_that_refuses_is_searched_for_what_is_known_of_it() -> None:
    closed = browser(Shelf(error=REFUSED), known=["team/app", "other"])
    state = await last(search(closed), EVERYWHERE)
    assert (names(state), len(state.problems)) == (["team/app"], 1)


async def test_a_catalog_that_breaks_off_keeps_what_came() -> None:
    state = await last(search(browser(Shelf(["team/app"], error=REFUSED))), EVERYWHERE)
    assert (state.phase, names(state), len(state.problems)) == (Phase.READY, ["team/app"], 1)


async def test_only_if_nobody_could_be_searched_has_a_search_failed() -> None:
    everything = search(browser(Shelf(error=REFUSED)), Index(error=NO_ROUTE))
    assert (await last(everything, EVERYWHERE)).phase is Phase.FAILED


async def test_where_some_could_be_searched_and_found_nothing_a_search_is_empty() -> None:
    state = await last(search(browser(Shelf(error=REFUSED))), EVERYWHERE)
    assert (state.phase, len(state.problems)) == (Phase.EMPTY, 1)


async def test_nobody_is_waited_for_to_show_what_the_others_found(here: Browser) -> None:
    index = Index(result("someone/app"), waits=True)
    seen: list[tuple[list[str], tuple[str, ...]]] = []
    async for state in search(here, index).states(Question(EVERYWHERE, "app")):
        seen.append((names(state), state.awaited))
        if state.hits and state.awaited:
            index.go.set()
    assert (["team/app"], ("Docker Hub",)) in seen
    assert seen[-1] == (["team/app", "someone/app"], ())


async def test_pages_of_a_catalog_are_shown_as_they_come() -> None:
    shelf = Shelf(["app-1"], ["app-2"], waits=True)
    shelf.go.release()
    seen: list[list[str]] = []
    async for state in search(browser(shelf)).states(Question(EVERYWHERE, "app")):
        if state.hits and names(state) not in seen:
            seen.append(names(state))
            shelf.go.release()
    assert seen == [["app-1"], ["app-1", "app-2"]]


async def test_no_more_than_four_are_asked_at_once() -> None:
    indexes = [Index(waits=True) for _ in range(7)]
    registries = [browser(Shelf(["x"], search=index), f"{number}.corp") for number, index in enumerate(indexes)]
    asked = 0
    async for _ in search(registries[0], Index(), *registries[1:]).states(Question(EVERYWHERE, "app")):
        for _ in range(50):
            await asyncio.sleep(0)
        waiting = [index for index in indexes if index.asked and not index.go.is_set()]
        assert len(waiting) <= REGISTRIES_AT_ONCE
        asked = max(asked, len(waiting))
        for index in waiting:
            index.go.set()
    assert asked == REGISTRIES_AT_ONCE
    assert all(index.asked for index in indexes)


@pytest.mark.parametrize("place", [HUB, EVERYWHERE])
async def test_a_question_that_nobody_follows_any_more_is_withdrawn(here: Browser, place: Place) -> None:
    index = Index(waits=True)
    before = asyncio.all_tasks()
    following = asyncio.create_task(states(search(here, index), place))
    await until(lambda: index.asked)
    following.cancel()
    await asyncio.wait([following])
    assert index.ended == 1
    await no_tasks_but(before)


# One walk through a catalog


async def test_who_looks_at_a_catalog_on_its_way_asks_no_second_time() -> None:
    shelf = Shelf(["app-1"], ["app-2"], waits=True)
    corp = browser(shelf)
    walking = []
    for _ in range(3):
        walking.append(asyncio.create_task(_last_names(corp)))
        await until(lambda: shelf.walks)
        shelf.go.release()
    assert await asyncio.gather(*walking) == [["app-1", "app-2"]] * 3
    assert shelf.walks == 1


async def test_a_new_question_goes_on_with_the_catalog_of_the_last_one() -> None:
    shelf = Shelf(["app-1"], ["app-2"], waits=True)
    everything = search(browser(shelf))
    shelf.go.release()
    async with aclosing(everything.states(Question(EVERYWHERE, "ap"))) as before:  # type: ignore[type-var]
        async for state in before:
            if state.hits:
                break
    async for state in everything.states(Question(EVERYWHERE, "app")):
        if names(state) == ["app-1"]:
            shelf.go.release()
    assert names(state) == ["app-1", "app-2"]
    assert shelf.walks == 1


async def test_a_catalog_that_was_listed_is_not_asked_for_again() -> None:
    shelf = Shelf(["app"])
    corp = browser(shelf)
    await _last_names(corp)
    await states(search(corp), EVERYWHERE)
    assert shelf.walks == 1


async def test_who_follows_a_walk_that_is_begun_anew_follows_the_new_one() -> None:
    shelf = Shelf(["app"], waits=True)
    corp = browser(shelf)
    follower = asyncio.create_task(_last_names(corp))
    await until(lambda: shelf.walks)
    again = asyncio.create_task(_last_names(corp, fresh=True))
    await until(lambda: shelf.walks == 2)
    shelf.go.release()
    assert [*await asyncio.gather(follower, again)] == [["app"], ["app"]]


async def test_what_goes_wrong_on_a_walk_is_told_to_who_follows() -> None:
    class Broken(Shelf):
        def catalog(self) -> AsyncIterator[object]:  # type: ignore[override]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await _last_names(browser(Broken()))


async def test_a_walk_ends_with_its_browser() -> None:
    before = asyncio.all_tasks()
    corp = browser(Shelf(["app"], waits=True))
    async with aclosing(corp.repositories()) as listings:  # type: ignore[type-var]
        await anext(listings)
    await corp.aclose()
    await no_tasks_but(before)


async def _last_names(corp: Browser, *, fresh: bool = False) -> list[str]:
    return [*[listing async for listing in corp.repositories(fresh=fresh)][-1].names]


# From real sockets


class Rerouted(httpx.AsyncBaseTransport):
    """Takes to `server` what is meant for Docker Hub's index, and nothing else anywhere."""

    def __init__(self, server: V1Server) -> None:
        self._server = httpx.URL(server.url)
        self._wire = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.host == "index.docker.io", request.url
        assert request.url.scheme == "https"
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._server.port)
        return await self._wire.handle_async_request(request)

    async def aclose(self) -> None:
        await self._wire.aclose()


@asynccontextmanager
async def known_registries(
    hub: V1Server, *offered: str, logins: CredentialChain | None = None
) -> AsyncIterator[Registries]:
    def reroute(tls: TLSConfig, modifiers: Sequence[RequestModifier]) -> httpx.AsyncBaseTransport:
        return Rerouted(hub)

    service = DefaultService(certs_dir=None, make_transport=reroute)
    named = [(name, "config file") for name in offered]
    registries = Registries(logins or CredentialChain(()), service, Visited.load(None), Journal(), offered=named)
    yield registries
    await registries.aclose()


async def test_the_registries_that_are_known_and_docker_hub_are_searched() -> None:
    content = Content()
    content.add_repositories(["mirror/base", "team/other"])
    with (
        V1Server(mode="index") as hub,
        V1Server(small_content().add_repository("own/base", {})) as old,
        RegistryServer(content) as new,
    ):
        async with known_registries(hub, old.url, new.url) as registries:
            everything = registries.search(registries.browser(parse_registry_address(new.url)))
            state = (await states(everything, EVERYWHERE, "base"))[-1]
        assert not state.problems
        assert {(hit.host, hit.name) for hit in state.hits} == {
            ("docker.io", "base"),
            (new.url, "mirror/base"),
            (old.url, "library/base"),
            (old.url, "own/base"),
        }
        assert [str(request) for request in hub.requests] == ["GET /v1/search?q=base&n=25"]
        assert [str(request) for request in old.requests][-1] == "GET /v1/search?q=base&n=25"
        assert len(new.requests) == 1


async def test_the_open_registry_of_v1_finds_by_its_own_search() -> None:
    with V1Server() as server, V1Server() as hub:
        async with known_registries(hub) as registries:
            here = registries.browser(parse_registry_address(server.url))
            state = (await states(registries.search(here), Place.HERE, "An app"))[-1]
        assert [(hit.name, hit.description) for hit in state.hits] == [("team/app", "An app")]
        assert hub.requests == []


async def test_a_registry_of_v1_without_a_search_says_so() -> None:
    with V1Server(search=False) as server:
        async with known_registries(server) as registries:
            here = registries.browser(parse_registry_address(server.url))
            state = (await states(registries.search(here), Place.HERE))[-1]
    [(_, problem)] = state.problems
    assert state.phase is Phase.FAILED
    assert "without a search" in problem.sentence


async def test_words_that_look_like_a_registry_go_to_docker_hub_alone() -> None:
    with V1Server(mode="index") as hub:
        async with known_registries(hub) as registries:
            here = registries.browser(RegistryAddress("docker.io"))
            await states(registries.search(here), HUB, "localhost:5000/team")
        assert [str(request) for request in hub.requests] == ["GET /v1/search?q=localhost%3A5000%2Fteam&n=25"]


async def test_docker_hub_is_searched_with_its_login(tmp_path: Path) -> None:
    auth = base64.b64encode(b"ada:canary-pass").decode()
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {INDEX_SERVER: {"auth": auth}}}))
    logins = CredentialChain([docker_config({}, tmp_path)])
    with V1Server(mode="index") as hub:
        async with known_registries(hub, logins=logins) as registries:
            await states(registries.search(registries.browser(RegistryAddress("docker.io"))), HUB)
        assert [request.headers["authorization"] for request in hub.requests] == [f"Basic {auth}"]


async def test_a_store_of_logins_that_is_broken_is_told(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text("{")
    logins = CredentialChain([docker_config({}, tmp_path)])
    with V1Server(mode="index") as hub:
        async with known_registries(hub, logins=logins) as registries:
            state = await last(registries.search(registries.browser(RegistryAddress("docker.io"))), HUB)
        assert state.phase is Phase.FAILED
        assert hub.requests == []


async def test_a_registry_that_is_known_twice_is_searched_once() -> None:
    content = Content()
    content.add_repositories(["team/app"])
    with RegistryServer(content) as server, V1Server(mode="index") as hub:
        async with known_registries(hub, server.address) as registries:
            here = registries.browser(parse_registry_address(server.url))
            state = (await states(registries.search(here), EVERYWHERE))[-1]
        assert [hit.host for hit in state.hits if hit.host != "docker.io"] == [server.url]
        assert len(server.requests) == 1


async def test_a_registry_that_was_only_searched_is_not_called_open() -> None:
    with RegistryServer(Content()) as server, V1Server(mode="index") as hub:
        async with known_registries(hub, server.address) as registries:
            state = await last(registries.search(registries.browser(RegistryAddress("docker.io"))), EVERYWHERE)
            origins = {str(known.address): known.origin for known in registries.known()}
    assert origins == {"docker.io": "not reached", server.address: "config file"}
    assert state.asked == 2  # Docker Hub once, by its index
