"""The Search pane as a person uses it: where, what, and when somebody is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import pytest

from regbrowse.browser.search import Hit, Place, Question, SearchState
from regbrowse.browser.states import Phase
from regbrowse.registry.constants import DEFAULT_SEARCH_LIMIT
from regbrowse.registry.errors import ConnectionFailedError
from regbrowse.registry.reference import RegistryAddress, Target
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.v1.models import SearchResults
from regbrowse.tui.actions import Pane
from regbrowse.tui.screens import content
from regbrowse.tui.screens.palette import PaletteScreen
from tests.browser.searching import Index, result
from tests.registry_server import Content, RegistryServer
from tests.tui.screens import SMALL, WIDE, Session, browsing
from tests.v1_server import V1Server

SIZES: Final = (WIDE, SMALL)
NGINX: Final = (
    result("nginx", 19_503, official=True),
    result("bitnami/nginx", 182),
    result("someone/nginx-php", 12, automated=True),
)
NO_ROUTE: Final = ConnectionFailedError("There is no way to index.docker.io.")


class Hub(DefaultService):
    """Docker Hub's index as a test has it."""

    def __init__(self, index: Index) -> None:
        super().__init__(certs_dir=None)
        self._index = index

    async def search(
        self,
        term: str,
        limit: int = DEFAULT_SEARCH_LIMIT,
        auth_config: AuthConfig | None = None,
        user_agent: str = "",
        headers: Mapping[str, Sequence[str]] | None = None,
    ) -> SearchResults:
        return await self._index(term.removeprefix("docker.io/"), limit)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked but at `enter`: no test lasts as long as the pause is."""
    monkeypatch.setattr(content, "SEARCH_AFTER", 3_600.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause after the last letter is no pause."""
    monkeypatch.setattr(content, "SEARCH_AFTER", 0.0)


@asynccontextmanager
async def searching(
    index: Index, place: Place = Place.DOCKER_HUB, *, size: tuple[int, int] = SMALL, offered: Sequence[str] = ()
) -> AsyncIterator[Session]:
    """The demo with the cursor in the search's line, at `place`."""
    async with browsing(service=Hub(index), size=size, offered=offered) as session:
        await session.until_listed(session.screen.repositories)
        await session.press("s")
        while session.screen.search.place is not place:
            await session.press("ctrl+n")
        yield session


def rows(session: Session) -> list[str]:
    """The names that were found."""
    return [row.name if isinstance(row, Hit) else "more" for row in session.screen.search.results.rows]


async def until_found(session: Session, *names: str) -> None:
    await session.until(lambda: rows(session) == [*names], f"{names} found, but there is {rows(session)}")


def running(session: Session) -> int:
    """How many questions are under way or about to be."""
    return len([worker for worker in session.screen.workers if worker.group == "search" and not worker.is_finished])


# Where


@pytest.mark.parametrize("size", SIZES)
async def test_the_frame_marks_the_place_that_is_searched(size: tuple[int, int]) -> None:
    async with browsing(size=size) as session:
        await session.press("s")
        for words in (
            "[here] · Docker Hub · everywhere  ctrl+n",
            "here · [Docker Hub] · everywhere  ctrl+n",
            "here · Docker Hub · [everywhere]  ctrl+n",
            "[here] · Docker Hub · everywhere  ctrl+n",
        ):
            await session.until_shows(words, session.screen.search)
            await session.press("ctrl+n")


async def test_where_there_is_little_room_only_the_place_that_is_searched_is_named() -> None:
    async with browsing(size=(41, 11)) as session:
        await session.press("s", "ctrl+n")
        await session.until_shows("─ [Docker Hub]  ctrl+n ─", session.screen.search)


async def test_on_docker_hub_here_is_docker_hub() -> None:
    async with browsing("docker.io") as session:
        await session.press("s")
        await session.until_shows("[Docker Hub] · everywhere  ctrl+n", session.screen.search)
        await session.press("ctrl+n", "ctrl+n")
        assert session.screen.search.place is Place.DOCKER_HUB
        session.screen.action_search_here()
        assert session.screen.search.place is Place.DOCKER_HUB


@pytest.mark.parametrize(
    ("words", "place"),
    [("search here", Place.HERE), ("search docker hub", Place.DOCKER_HUB), ("search everywhere", Place.EVERYWHERE)],
)
async def test_the_palette_knows_the_places(words: str, place: Place) -> None:
    async with browsing() as session:
        session.screen.search.search_in(Place.DOCKER_HUB if place is Place.HERE else Place.HERE)
        await session.press("colon")
        await session.until(lambda: isinstance(session.app.screen, PaletteScreen), "the palette")
        await session.type(words)
        await session.press("enter")
        await session.until_in(Pane.SEARCH)
        assert session.screen.search.place is place


async def test_the_place_is_remembered() -> None:
    async with searching(Index(*NGINX)) as session:
        await session.press("escape", "s")
        assert session.screen.search.place is Place.DOCKER_HUB


async def test_another_place_is_asked_for_what_is_typed_already() -> None:
    async with searching(Index(*NGINX), Place.HERE) as session:
        await session.type("nginx")
        await until_found(session, "mirror/library/nginx", "platform/ingress-nginx")
        await session.press("ctrl+n")
        await until_found(session, "nginx", "bitnami/nginx", "someone/nginx-php")
        await session.press("ctrl+n", "ctrl+n")
        await until_found(session, "mirror/library/nginx", "platform/ingress-nginx")


async def test_another_place_takes_the_cursor_back_to_the_line() -> None:
    async with searching(Index(*NGINX), Place.HERE) as session:
        await session.type("nginx")
        await session.press("down", "ctrl+n", "end")
        await session.type("x")
        assert session.typed == "nginxx"


# When somebody is asked


@pytest.mark.usefixtures("patient")
async def test_letters_ask_nobody() -> None:
    index = Index(*NGINX)
    async with searching(index) as session:
        await session.type("nginx")
        await session.until_shows("Asking Docker Hub …")
        assert index.asked == []
        assert running(session) == 1


@pytest.mark.usefixtures("patient")
async def test_enter_asks_at_once_and_once() -> None:
    index = Index(*NGINX)
    async with searching(index) as session:
        await session.type("nginx")
        await session.press("enter")
        await until_found(session, "nginx", "bitnami/nginx", "someone/nginx-php")
        assert index.asked == [("nginx", 25)]
        assert session.pane is Pane.SEARCH


async def test_after_a_pause_the_words_are_asked_for() -> None:
    index = Index(*NGINX)
    async with searching(index) as session:
        await session.type("web nginx")
        await until_found(session, "nginx", "bitnami/nginx", "someone/nginx-php")
        assert index.asked[-1] == ("web nginx", 25)


async def test_one_letter_is_asked_for_at_enter_alone() -> None:
    index = Index(result("r-base"))
    async with searching(index) as session:
        await session.type("r")
        await session.until_shows("Asked from the second letter on, or at enter: Docker Hub.")
        assert (index.asked, running(session)) == ([], 0)
        await session.press("enter")
        await until_found(session, "r-base")
        assert index.asked == [("r", 25)]


@pytest.mark.parametrize("place", [Place.DOCKER_HUB, Place.EVERYWHERE])
async def test_a_new_word_withdraws_the_question_before(place: Place) -> None:
    index = Index(*NGINX, waits=True)
    async with searching(index, place) as session:
        await session.type("ngin")
        await session.until(lambda: index.asked, "a question")
        asked = len(index.asked)
        await session.type("x")
        await session.until(lambda: len(index.asked) > asked, "another question")
        assert index.ended == len(index.asked) - 1
        assert running(session) == 1


@pytest.mark.parametrize("key", ["ctrl+u", "ctrl+n"])
async def test_who_wants_nothing_more_withdraws_the_question(key: str) -> None:
    index = Index(*NGINX, waits=True)
    async with searching(index, Place.EVERYWHERE) as session:
        await session.type("nginx")
        await session.until(lambda: index.asked, "a question")
        await session.press("end", key)
        await session.until(lambda: index.ended == len(index.asked), "all withdrawn")
        assert running(session) == 0


async def test_the_pane_asks_nobody_when_it_opens() -> None:
    index = Index()
    async with searching(index, Place.EVERYWHERE, offered=["forbidden.registry.demo"]) as session:
        requests = session.requests
        await session.press("ctrl+n", "ctrl+n", "ctrl+n", "escape", "s")
        assert (session.requests, index.asked) == (requests, [])


async def test_names_that_are_at_hand_are_found_without_a_request() -> None:
    async with searching(Index(), Place.HERE) as session:
        requests = session.requests
        await session.type("signed")
        await until_found(session, "team/signed")
        assert session.requests == requests


# What was found


@pytest.mark.parametrize("size", SIZES)
async def test_hits_are_shown_with_stars_and_marks(size: tuple[int, int]) -> None:
    async with searching(Index(*NGINX), size=size) as session:
        await session.type("nginx")
        for words in ("nginx official", "★ 19,503 All about nginx", "someone/nginx-php automated", "★ 12 All about"):
            await session.until_shows(words, session.screen.search)
        await session.until_shows("1 Search 3")
        assert not session.shows("docker.io", session.screen.search)
        assert not session.shows("Asking", session.screen.search)


@pytest.mark.parametrize("size", [*SIZES, (41, 11)])
async def test_everywhere_hits_say_where_they_are(size: tuple[int, int]) -> None:
    async with searching(Index(*NGINX), Place.EVERYWHERE, size=size) as session:
        await session.type("nginx")
        for words in ("official docker.io", "registry.demo"):
            await session.until_shows(words, session.screen.search)


@pytest.mark.parametrize("size", [*SIZES, (41, 11)])
async def test_those_that_refuse_take_one_line(size: tuple[int, int]) -> None:
    refusing = ["forbidden.registry.demo", "missing.registry.demo"]
    async with searching(Index(*NGINX), Place.EVERYWHERE, size=size, offered=refusing) as session:
        await session.type("nginx")
        await session.until_shows("2 of 4 not searched: forbidden.", session.screen.search)
        assert session.screen.search.notice.region.height == 1
        assert session.shows("nginx official", session.screen.search)


async def test_everywhere_names_who_is_still_asked() -> None:
    async with searching(Index(waits=True), Place.EVERYWHERE) as session:
        await session.type("signed")
        await session.until_shows("Asking 1 of 2 registries: Docker Hub …")
        await session.until_shows("team/signed", session.screen.search)
        await session.until_shows("1 Search 1+")


async def test_what_was_found_stays_until_there_is_something_new() -> None:
    index = Index(*NGINX)
    async with searching(index) as session:
        await session.type("nginx")
        await until_found(session, "nginx", "bitnami/nginx", "someone/nginx-php")
        index.go.clear()
        await session.type("-php")
        await session.until_shows("Asking Docker Hub …")
        assert len(rows(session)) == 3
        index.found = SearchResults(num_results=1, results=(NGINX[2],))
        index.go.set()
        await until_found(session, "someone/nginx-php")


@pytest.mark.usefixtures("patient")
async def test_an_answer_to_what_was_asked_before_is_not_shown() -> None:
    async with searching(Index()) as session:
        await session.type("new")
        hits = tuple(Hit(Target(RegistryAddress("docker.io"), f"old/{number}")) for number in range(3))
        session.screen.search.show_found(SearchState(Question(Place.DOCKER_HUB, "old"), Phase.READY, hits, 3))
        await session.until_shows("Asking Docker Hub …")
        assert rows(session) == []


async def test_enter_does_not_open_what_was_found_for_other_words() -> None:
    index = Index(*NGINX)
    async with searching(index) as session:
        await session.type("nginx")
        await until_found(session, "nginx", "bitnami/nginx", "someone/nginx-php")
        index.go.clear()
        await session.type("y")
        await session.press("enter", "enter", "enter")
        assert session.pane is Pane.SEARCH
        assert session.screen.browser.address.host == "registry.demo"


# More


async def test_the_last_row_shows_more() -> None:
    index = Index(*(result(f"team/{number:03}") for number in range(60)), total=8_123)
    async with searching(index) as session:
        await session.type("team")
        await session.until_shows("1 Search 25 of 8,123")
        await session.press("down", "end")
        await session.until_shows("more: show up to 100 of 8,123")
        index.go.clear()
        await session.press("enter")
        await session.until_shows("Asking Docker Hub …")
        assert len(rows(session)) == 26
        index.go.set()
        await session.until_shows("1 Search 60 of 8,123")
        assert index.asked[-1] == ("team", 100)
        assert session.screen.search.results.row == session.screen.search.results.rows[25]
        assert "more" not in rows(session)


async def test_where_all_was_found_no_more_is_offered() -> None:
    async with searching(Index(*NGINX)) as session:
        await session.type("nginx")
        await until_found(session, "nginx", "bitnami/nginx", "someone/nginx-php")


# Opening


async def test_enter_opens_the_best_on_its_own_registry() -> None:
    async with searching(Index(*NGINX)) as session:
        await session.type("nginx")
        await until_found(session, "nginx", "bitnami/nginx", "someone/nginx-php")
        before = session.screen
        await session.press("enter")
        await session.until(lambda: session.screen is not before, "another screen")
        assert session.screen.browser.address == RegistryAddress("docker.io")
        await session.until_tags("library/nginx")
        assert before.search._input.value == "nginx"  # to go on with when one comes back


async def test_enter_prefers_the_one_of_just_that_name() -> None:
    async with searching(Index(result("big/other", 900), result("bitnami/redis", 3))) as session:
        await session.type("bitnami/redis")
        await until_found(session, "big/other", "bitnami/redis")
        await session.press("enter")
        await session.until(lambda: session.screen.browser.address.is_docker_hub, "Docker Hub")
        await session.until_tags("bitnami/redis")


async def test_a_row_is_opened_where_it_is() -> None:
    async with searching(Index(*NGINX), Place.EVERYWHERE) as session:
        await session.type("nginx")
        own = ["mirror/library/nginx", "platform/ingress-nginx"]
        await session.until(lambda: rows(session)[:3] == [*own, "nginx"], "one's own, then Docker Hub's")
        await session.press("down", "enter")  # enter alone opens the first, so down goes to the second
        await session.until_in(Pane.TAGS)
        assert session.screen.browser.address.host == "registry.demo"
        await session.until_tags("platform/ingress-nginx")


@pytest.mark.parametrize("name", ["../../admin", "Not A Name", "no\x1b]52;c;aGk=\x07\u202e", "[/oops]", "a" * 5_000])
@pytest.mark.parametrize("size", SIZES)
async def test_a_name_outside_the_grammar_is_shown_and_not_asked_for(name: str, size: tuple[int, int]) -> None:
    hit = result(name)
    async with searching(Index(hit), size=size) as session:
        await session.type("oops")
        await session.until_shows(hit.name[:10], session.screen.search)
        await session.press("enter")
        await session.until(lambda: session.screen.browser.address.is_docker_hub, "Docker Hub")
        await session.until_listed(session.screen.repositories)
        before = session.requests
        await session.until_listed(session.screen.tags)
        assert session.screen.tags.listing.phase is Phase.FAILED
        assert session.requests == before
        await session.until_shows("cannot be the name of a repository", session.screen.tags)


# When nothing was found


@pytest.mark.parametrize("place", Place)
async def test_where_nothing_is_found_enter_opens_by_name(place: Place) -> None:
    async with searching(Index(), place) as session:
        await session.type("no/such-name")
        await session.until_shows("enter opens “no/such-name” by its name, ctrl+n searches")
        await session.press("enter")
        host = "docker.io" if place is Place.DOCKER_HUB else "registry.demo"
        await session.until(lambda: session.screen.browser.address.host == host, host)
        await session.until(lambda: session.screen.tags.repository == "no/such-name", "no/such-name opened")


async def test_what_is_no_name_is_explained_where_nothing_is_found() -> None:
    async with searching(Index()) as session:
        await session.type("No Such!")
        await session.until_shows("Docker Hub does not find “No Such!”.")
        await session.press("enter")
        await session.until_shows("cannot be the name of a repository", session.screen.search)


@pytest.mark.parametrize("size", SIZES)
async def test_a_search_that_fails_says_why_and_enter_asks_again(size: tuple[int, int]) -> None:
    index = Index(*NGINX, error=NO_ROUTE)
    async with searching(index, size=size) as session:
        await session.type("nginx")
        for words in (NO_ROUTE.user_message, NO_ROUTE.next_step, "enter asks again, ctrl+n searches elsewhere."):
            await session.until_shows(words, session.screen.search)
        assert session.shows("1 Search ─")
        index.error = None
        await session.press("enter")
        await until_found(session, "nginx", "bitnami/nginx", "someone/nginx-php")


async def test_words_that_are_an_address_are_told_to_be_none_of_docker_hub() -> None:
    async with browsing() as session:
        await session.press("s", "ctrl+n")
        await session.type("https://registry.corp")
        await session.until_shows("Invalid repository name", session.screen.search)


async def test_a_registry_that_lists_nothing_hints_at_docker_hub() -> None:
    async with browsing("forbidden.registry.demo") as session:
        await session.until_listed(session.screen.repositories)
        await session.press("s")
        await session.type("team/app")
        await session.until_shows("enter opens “team/app” by its name, ctrl+n searches Docker Hub.")


# A registry of v1


async def test_a_registry_of_v1_is_asked_for_the_words() -> None:
    with V1Server() as server:
        async with browsing(server=server, size=WIDE) as session:
            await session.until_listed(session.screen.repositories)
            await session.press("s")
            await session.type("base of")
            await session.until_shows("library/base", session.screen.search)
            await session.until_shows("The base of all", session.screen.search)
            assert str(server.requests[-1]) == "GET /v1/search?q=base+of&n=25"
            await session.press("enter")
            await session.until_tags("library/base")


async def test_words_that_were_typed_too_soon_are_asked_for_when_it_is_known_to_be_v1() -> None:
    with V1Server() as server:
        server.fault("GET /v2/", status=404, delay=0.3)
        async with browsing(server=server) as session:
            await session.press("s")
            await session.type("app")
            await session.until(lambda: rows(session) == ["team/app"], "team/app found")
            await session.until(lambda: str(server.requests[-1]).startswith("GET /v1/search?q=app"), "a search")


async def test_a_registry_of_v1_without_a_search_opens_by_name() -> None:
    with V1Server(search=False) as server:
        async with browsing(server=server) as session:
            await session.until_listed(session.screen.repositories)
            await session.press("s")
            await session.type("team/app")
            await session.until_shows("does not list its repositories.")
            await session.press("enter")
            await session.until_tags("team/app")
            assert not [request for request in server.requests if "q=team" in str(request)]


# With a catalog on its way


async def test_a_catalog_on_its_way_is_asked_for_once() -> None:
    content = Content()
    content.add_repositories([f"team/app-{number:02}" for number in range(12)])
    with RegistryServer(content, page_size=4) as server:
        server.fault("GET /v2/_catalog", delay=0.2)
        async with browsing(server=server, service=Hub(Index())) as session:
            await session.press("s", "ctrl+n", "ctrl+n")
            await session.type("app-1")
            await until_found(session, "team/app-10", "team/app-11")
            assert len(server.requests) == 3


async def test_to_refresh_asks_again() -> None:
    index = Index(*NGINX)
    async with searching(index) as session:
        await session.type("nginx")
        await until_found(session, "nginx", "bitnami/nginx", "someone/nginx-php")
        index.found = SearchResults(num_results=1, results=NGINX[:1])
        await session.press("down", "r")
        await until_found(session, "nginx")


async def test_escape_folds_and_what_was_found_is_there_again() -> None:
    async with searching(Index(*NGINX)) as session:
        await session.type("nginx")
        await until_found(session, "nginx", "bitnami/nginx", "someone/nginx-php")
        await session.press("escape")
        await session.until_in(Pane.REPOSITORIES)
        await session.press("s")
        await session.until_shows("★ 19,503", session.screen.search)
        assert session.typed == "nginx"


async def test_the_event_loop_ends_with_no_question_left() -> None:
    index = Index(waits=True)
    async with searching(index, Place.EVERYWHERE) as session:
        await session.type("nginx")
        await session.until(lambda: index.asked, "a question")
    assert index.ended == len(index.asked)
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("search in")] == []
