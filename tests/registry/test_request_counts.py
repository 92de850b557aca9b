"""How many requests each action costs: the table of `registry-client.md` §4.1, counted at the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from regbrowse.browser.browser import Browser
from regbrowse.browser.states import Phase, TagDetails
from regbrowse.browser.v2_source import V2Source
from regbrowse.registry.auth import Credential
from regbrowse.registry.challenge_memory import ChallengesFile
from regbrowse.registry.client import TAG_LIFETIME, RegistryClient
from regbrowse.registry.digest import Digest
from regbrowse.registry.reference import Reference, Target
from regbrowse.registry.text import SafeText
from tests.registry.reaching import LOGIN, PASSWORD, USER, reaching
from tests.registry.tokens_world import Tokens
from tests.registry_server import Content, RegistryServer

SINGLE: Final = Reference("single")
MULTI: Final = Reference("multi")


@pytest.fixture(scope="module")
def content() -> Content:
    content = Content()
    content.add_image("team/app", "single")
    platforms = [content.add_image("team/app", None, platform=name) for name in ("linux/amd64", "linux/arm64")]
    content.add_index("team/app", "multi", *platforms)
    return content


@pytest.fixture(scope="module")
def tokens() -> Iterator[Tokens]:
    with Tokens() as server:
        yield server


@pytest.fixture(scope="module")
def servers(content: Content, tokens: Tokens) -> Iterator[Mapping[str, RegistryServer]]:
    basic: Final = ("basic", USER, PASSWORD)
    with (
        RegistryServer(content) as open_one,
        RegistryServer(content, auth=basic) as closed_one,
        RegistryServer(content, auth=tokens.auth()) as bearer,
        RegistryServer(content, auth=tokens.auth(catalog=basic)) as harbor,
    ):
        yield {"anonymous": open_one, "basic": closed_one, "bearer": bearer, "harbor": harbor}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def browsing(client: RegistryClient) -> AsyncIterator[Browser]:
    async def connect() -> V2Source:
        return V2Source(client)

    yield Browser(client.address, connect)


def target(client: RegistryClient, reference: Reference) -> Target:
    return Target(client.address, "team/app", reference)


async def list_repositories(client: RegistryClient) -> None:
    assert [page.names async for page in client.catalog()] == [("team/app",)]


async def list_tags(client: RegistryClient) -> None:
    assert [page.names async for page in client.tags("team/app")] == [("multi", "single")]


async def resolve(client: RegistryClient) -> None:
    await client.resolve("team/app", "single")


async def open_image(client: RegistryClient, reference: Reference, chosen: Digest | None = None) -> tuple[Digest, ...]:
    async with browsing(client) as browser:
        states = [state async for state in browser.image(target(client, reference), chosen=chosen)]
    assert states[-1].phase is Phase.READY
    assert states[-1].steps
    return tuple(choice.digest for choice in states[-1].choices)


async def open_single(client: RegistryClient) -> None:
    await open_image(client, SINGLE)


async def open_one_of_an_index(client: RegistryClient) -> None:
    await open_image(client, MULTI)


async def open_all_of_an_index(client: RegistryClient) -> None:
    for digest in await open_image(client, MULTI):
        await open_image(client, MULTI, digest)


ACTIONS: Final = [
    (list_repositories, 1, 200),
    (list_tags, 1, 200),
    (resolve, 1, 200),
    (open_single, 2, 304),
    (open_one_of_an_index, 3, 304),
    (open_all_of_an_index, 5, 304),
]
"""What each needs of the registry itself at first, and the status of the one request that it needs when it is warm.

In the table a new process needs no more than a warm one for the last three, as it has the documents on disk (a single
304). There is no such cache yet: what is known of a registry's challenges is all that a new process has, and each
needs as many requests as the first time, less the challenge.
"""

ACCESSES: Final = [
    ("anonymous", None, 0, 0),
    ("basic", LOGIN, 1, 0),
    ("bearer", LOGIN, 1, 1),
    ("bearer", None, 1, 1),
]
"""A registry, a login, the challenges that are met at first, and the tokens that each process needs."""

every_action = pytest.mark.parametrize(
    ("action", "count", "status"), ACTIONS, ids=[action.__name__ for action, _, _ in ACTIONS]
)
every_access = pytest.mark.parametrize(
    ("access", "login", "challenged", "tokened"),
    ACCESSES,
    ids=[f"{access} {'with' if login else 'without'} a login" for access, login, _, _ in ACCESSES],
)
Action = Callable[[RegistryClient], Awaitable[None]]


@pytest.fixture
def memory_file(tmp_path: Path) -> Path:
    """What is remembered from one process to the next."""
    return tmp_path / "challenges.json"


@every_action
@every_access
async def test_a_first_action_costs_its_own_requests_a_challenge_and_a_token(
    servers: Mapping[str, RegistryServer],
    tokens: Tokens,
    memory_file: Path,
    access: str,
    login: Credential | None,
    challenged: int,
    tokened: int,
    action: Action,
    count: int,
    status: int,
) -> None:
    """The column `ours first`."""
    server = servers[access]
    server.reset()
    tokens.requests.clear()
    async with reaching(server, login=login, memory=ChallengesFile(memory_file)) as client:
        await action(client)
    assert [request.status for request in server.requests] == [401] * challenged + [200] * count
    assert len(tokens.requests) == tokened


@every_action
@every_access
async def test_an_action_of_a_new_process_costs_its_own_requests_and_a_token(
    servers: Mapping[str, RegistryServer],
    tokens: Tokens,
    memory_file: Path,
    access: str,
    login: Credential | None,
    challenged: int,
    tokened: int,
    action: Action,
    count: int,
    status: int,
) -> None:
    """The column `ours new process`, without its documents on disk: see `ACTIONS`."""
    server = servers[access]
    async with reaching(server, login=login, memory=ChallengesFile(memory_file)) as client:
        await action(client)
    server.reset()
    tokens.requests.clear()
    async with reaching(server, login=login, memory=ChallengesFile(memory_file)) as client:
        await action(client)
    assert [request.status for request in server.requests] == [200] * count
    assert len(tokens.requests) == tokened


@every_action
@every_access
async def test_a_warm_action_costs_one_request(
    servers: Mapping[str, RegistryServer],
    tokens: Tokens,
    access: str,
    login: Credential | None,
    challenged: int,
    tokened: int,
    action: Action,
    count: int,
    status: int,
) -> None:
    """The column `ours warm`."""
    server, clock = servers[access], Clock()
    async with reaching(server, login=login, clock=clock) as client:
        await action(client)
        server.reset()
        tokens.requests.clear()
        clock.now += TAG_LIFETIME
        await action(client)
    assert [request.status for request in server.requests] == [status]
    assert tokens.requests == []


HARBOR: Final = [(list_repositories, 0), (list_tags, 1)]
"""An action, and the tokens that it needs: the catalog wants a password, all else tokens."""


@pytest.mark.parametrize(("action", "tokened"), HARBOR, ids=[action.__name__ for action, _ in HARBOR])
async def test_harbor_costs_a_challenge_at_first_and_none_in_a_new_process(
    servers: Mapping[str, RegistryServer], tokens: Tokens, memory_file: Path, action: Action, tokened: int
) -> None:
    """The row `list repos, Harbor style`: 2, 1, 1; and that repositories are kept apart from it."""
    server = servers["harbor"]
    seen = []
    for _ in range(2):
        async with reaching(server, login=LOGIN, memory=ChallengesFile(memory_file)) as client:
            for _ in range(2):
                server.reset()
                tokens.requests.clear()
                await action(client)
                seen.append(([request.status for request in server.requests], len(tokens.requests)))
    assert seen == [([401, 200], tokened), ([200], 0), ([200], tokened), ([200], 0)]


async def test_at_harbor_a_new_process_loses_neither_the_password_nor_the_tokens(
    servers: Mapping[str, RegistryServer], tokens: Tokens, memory_file: Path
) -> None:
    server = servers["harbor"]
    for expected in ([401, 200, 401, 200, 200, 200], [200] * 4):
        server.reset()
        tokens.requests.clear()
        async with reaching(server, login=LOGIN, memory=ChallengesFile(memory_file)) as client:
            for _ in range(2):
                await list_repositories(client)
                await list_tags(client)
        assert [request.status for request in server.requests] == expected
        assert len(tokens.requests) == 1


async def test_a_further_repository_costs_a_token_and_its_own_request(tokens: Tokens) -> None:
    content = Content()
    for name in ("team/app", "team/other", "team/third"):
        content.add_image(name, "1.0")
    tokens.requests.clear()
    with RegistryServer(content, auth=tokens.auth()) as server:
        async with reaching(server, login=LOGIN) as client:
            for name in ("team/app", "team/other", "team/third"):
                await client.resolve(name, "1.0")
    assert [request.status for request in server.requests] == [401, 200, 200, 200]
    assert len(tokens.requests) == 3


@every_action
async def test_an_action_uses_one_connection_and_no_ping(
    servers: Mapping[str, RegistryServer], action: Action, count: int, status: int
) -> None:
    server = servers["basic"]
    server.reset()
    async with reaching(server, login=LOGIN) as client:
        await action(client)
    assert {request.connection for request in server.requests} == {server.requests[0].connection}
    assert server.connections == 1
    assert not [request for request in server.requests if request.path.rstrip("/") == "/v2"]


async def test_the_digest_of_a_tag_is_asked_for_with_head(servers: Mapping[str, RegistryServer]) -> None:
    server = servers["anonymous"]
    server.reset()
    async with reaching(server) as client:
        await resolve(client)
        await resolve(client)
    assert [request.method for request in server.requests] == ["HEAD", "HEAD"]


@pytest.mark.parametrize("action", [open_single, open_one_of_an_index, open_all_of_an_index])
async def test_opening_again_within_the_lifetime_of_a_tag_costs_nothing(
    servers: Mapping[str, RegistryServer], action: Callable[[RegistryClient], Awaitable[None]]
) -> None:
    server, clock = servers["basic"], Clock()
    async with reaching(server, login=LOGIN, clock=clock) as client:
        await action(client)
        server.reset()
        clock.now += TAG_LIFETIME - 0.1
        await action(client)
        assert server.requests == []


async def test_a_tag_that_moved_is_seen_when_its_lifetime_is_over() -> None:
    content, clock = Content(), Clock()
    content.add_image("team/app", "latest", layers=[b"old"])
    with RegistryServer(content) as server:
        async with reaching(server, clock=clock) as client:
            before = await client.manifest("team/app", "latest")
            moved = content.add_image("team/app", "latest", layers=[b"new"])
            assert (await client.manifest("team/app", "latest")).digest == before.digest
            clock.now += TAG_LIFETIME
            assert (await client.manifest("team/app", "latest")).digest == moved


async def test_a_refresh_asks_within_the_lifetime_of_a_tag() -> None:
    content = Content()
    content.add_image("team/app", "latest", layers=[b"old"])
    with RegistryServer(content) as server:
        async with reaching(server) as client:
            await client.manifest("team/app", "latest")
            moved = content.add_image("team/app", "latest", layers=[b"new"])
            assert (await client.manifest("team/app", "latest", fresh=True)).digest == moved


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regbrowse.registry.client.KEPT_LIMIT", 1_000)
    monkeypatch.setattr("regbrowse.registry.client.TAGS_LIMIT", 1_000)
    content = Content()
    digests = [content.add_image("team/app", f"{number}", layers=[b"%d" % number]) for number in range(4)]
    with RegistryServer(content) as server:
        async with reaching(server) as client:
            for _ in range(2):
                for number, digest in enumerate(digests):
                    await client.manifest("team/app", digest)
                    await client.manifest("team/app", str(number))
            assert len(server.requests) == 4 * 4
            await client.manifest("team/app", digests[-1])
            await client.manifest("team/app", "3")
            assert len(server.requests) == 4 * 4


async def test_a_tag_that_is_refreshed_often_is_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    content = Content()
    content.add_image("team/app", "1.0")
    monkeypatch.setattr("regbrowse.registry.client.TAGS_LIMIT", 1_500)
    with RegistryServer(content) as server:
        async with reaching(server) as client:
            for _ in range(10):
                await client.manifest("team/app", "1.0", fresh=True)
            await client.manifest("team/app", "1.0")
    assert len(server.requests) == 10


# The rows of the tag list


@pytest.fixture
def rows_content() -> Content:
    content = Content()
    for number in range(40):
        content.add_image("team/app", f"tag-{number:02}", layers=[b"layer %d" % number])
    return content


def tags(*numbers: int) -> list[SafeText]:
    return [SafeText(f"tag-{number:02}") for number in numbers]


async def test_only_the_rows_on_screen_are_asked_for(rows_content: Content) -> None:
    found: dict[SafeText, TagDetails] = {}
    with RegistryServer(rows_content) as server:
        async with reaching(server) as client, browsing(client) as browser:
            rows = browser.rows("team/app", found.__setitem__)
            rows.show(tags(3, 4, 5))
            await rows.settled()
            rows.show(tags(4, 5))
            await rows.settled()
            await rows.aclose()
        asked = [request.path for request in server.requests if "/manifests/" in request.path]
    assert sorted(asked) == [f"/v2/team/app/manifests/tag-0{number}" for number in (3, 4, 5)]
    assert sorted(found) == tags(3, 4, 5)
    assert {details.phase for details in found.values()} == {Phase.READY}


async def test_at_most_four_rows_are_asked_for_at_once(rows_content: Content) -> None:
    with RegistryServer(rows_content, latency=0.005) as server:
        async with reaching(server) as client, browsing(client) as browser:
            rows = browser.rows("team/app", lambda tag, details: None)
            rows.show(tags(*range(40)))
            await rows.settled()
            await rows.aclose()
        assert len(server.requests) == 80
        assert server.most_at_once <= 4


async def test_rows_that_are_scrolled_away_are_not_asked_for_any_more(rows_content: Content) -> None:
    with RegistryServer(rows_content) as server:
        server.fault(r"GET /v2/team/app/manifests/tag-0", "hang", times=None)
        async with reaching(server) as client, browsing(client) as browser:
            rows = browser.rows("team/app", lambda tag, details: None)
            rows.show(tags(*range(10)))
            await asyncio.to_thread(server.wait_for_requests, 4)
            rows.show(tags(20, 21))
            await rows.settled()
            await rows.aclose()
        asked = [request.path.rpartition("/")[2] for request in server.requests if "/manifests/" in request.path]
    assert sorted(asked[4:]) == tags(20, 21)


async def test_a_key_press_does_not_wait_for_rows(rows_content: Content) -> None:
    with RegistryServer(rows_content) as server:
        server.fault(r"GET /v2/team/app/manifests/tag-0", "hang", times=None)
        async with reaching(server) as client, browsing(client) as browser:
            rows = browser.rows("team/app", lambda tag, details: None)
            rows.show(tags(*range(10)))
            await asyncio.to_thread(server.wait_for_requests, 4)
            await client.manifest("team/app", "tag-30")
            await rows.aclose()


async def test_a_key_press_on_a_row_that_waits_for_its_turn_does_not_wait_with_it(rows_content: Content) -> None:
    with RegistryServer(rows_content) as server:
        server.fault(r"GET /v2/team/app/manifests/tag-0", "hang", times=None)
        async with reaching(server) as client, browsing(client) as browser:
            rows = browser.rows("team/app", lambda tag, details: None)
            rows.show([*tags(*range(9)), *tags(30)])
            await asyncio.to_thread(server.wait_for_requests, 4)
            await client.manifest("team/app", "tag-30")
            await rows.aclose()
        assert [request.path.rpartition("/")[2] for request in server.requests[4:]] == ["tag-30"]


async def test_what_several_tags_share_is_fetched_once() -> None:
    content = Content()
    child = content.add_image("team/app", None)
    content.add_index("team/app", "1.0", child)
    content.add_tags("team/app", ["1", "latest"], like="1.0")
    with RegistryServer(content) as server:
        async with reaching(server) as client, browsing(client) as browser:
            rows = browser.rows("team/app", lambda tag, details: None)
            rows.show(map(SafeText, ("1.0", "1", "latest")))
            await rows.settled()
            await rows.aclose()
        assert len(server.requests) == 3 + 1 + 1


async def test_two_that_open_the_same_image_at_once_ask_once(servers: Mapping[str, RegistryServer]) -> None:
    server = servers["anonymous"]
    server.reset()
    async with reaching(server) as client:
        await asyncio.gather(open_single(client), open_single(client))
    assert len(server.requests) == 2


async def test_two_lists_asked_for_at_once_make_one_client(servers: Mapping[str, RegistryServer]) -> None:
    made: list[RegistryClient] = []
    async with reaching(servers["anonymous"]) as client:

        async def connect() -> V2Source:
            await asyncio.sleep(0)
            made.append(client)
            return V2Source(client)

        browser = Browser(client.address, connect)

        async def look() -> None:
            async for _ in browser.repositories():
                pass

        await asyncio.gather(look(), look())
    assert len(made) == 1
