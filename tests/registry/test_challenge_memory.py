"""What registries asked for is kept from one run to the next, and is met in advance as long as it holds."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regbrowse.registry import challenge_memory
from regbrowse.registry.auth import CATALOG, ENTRANCE, Credential, pull
from regbrowse.registry.bearer import ChallengeAuthorizer
from regbrowse.registry.challenge_memory import FILE_LIMIT, LIFETIME, ChallengesFile, EndpointMemory
from regbrowse.registry.challenges import Challenge
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import (
    CredentialError,
    DeniedError,
    LoginNeededError,
    RateLimitedError,
    RealmNotTrustedError,
    RegistryError,
    WrongLoginError,
)
from regbrowse.registry.text import SafeText
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.token_keeper import TokenKeeper
from regbrowse.registry.token_protocol import REALM_LIMIT
from tests.registry.reaching import LOGIN, NO_CERTIFICATES, PASSWORD, USER, reaching, stored
from tests.registry.tokens_world import PULL, SECRETS, Tokens, authorizations, content
from tests.registry_server import RegistryServer
from tests.token_server import Answer

ORIGIN: Final = "https://registry.corp"
BASIC: Final = Challenge("basic", {})
BEARER: Final = Challenge("bearer", {"realm": "https://registry.corp/token", "service": "registry.corp"})
KEPT: Final = {
    "origin": ORIGIN,
    "resource": "repository",
    "scheme": "bearer",
    "realm": "https://registry.corp/token",
    "service": "registry.corp",
    "seen_at": 1_000.0,
}


class Clock:
    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "regbrowse" / "challenges.json"


def write(path: Path, *entries: object, raw: bytes = b"", permissions: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw or json.dumps({"challenges": entries}).encode())
    path.chmod(permissions)


def entries(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["challenges"]
    return found


def written(path: Path) -> str:
    """The file's text; empty if there is none."""
    return path.read_text() if path.exists() else ""


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


# The file


@pytest.mark.parametrize("challenge", [BASIC, BEARER, Challenge("bearer", {"realm": "https://registry.corp/token"})])
async def test_what_was_asked_for_is_known_to_the_next_run(path: Path, challenge: Challenge) -> None:
    await ChallengesFile(path).remember(ORIGIN, "repository", challenge)
    assert await ChallengesFile(path).recall(ORIGIN, "repository") == challenge


async def test_it_is_known_for_each_origin_and_class_of_resources_on_its_own(path: Path) -> None:
    memory = ChallengesFile(path)
    await memory.remember(ORIGIN, "repository", BEARER)
    await memory.remember(ORIGIN, "registry", BASIC)
    assert await memory.recall(ORIGIN, "repository") == BEARER
    assert await memory.recall(ORIGIN, "registry") == BASIC
    assert await memory.recall("https://other.corp", "registry") is None
    assert await memory.recall("http://registry.corp", "registry") is None


async def test_the_newer_one_takes_the_place_of_the_older(path: Path) -> None:
    memory = ChallengesFile(path)
    await memory.remember(ORIGIN, "repository", BASIC)
    await memory.remember(ORIGIN, "repository", BEARER)
    assert len(entries(path)) == 1
    assert await memory.recall(ORIGIN, "repository") == BEARER


async def test_what_is_forgotten_is_not_known_to_the_next_run(path: Path) -> None:
    memory = ChallengesFile(path)
    await memory.remember(ORIGIN, "repository", BEARER)
    await memory.forget(ORIGIN, "repository")
    await memory.forget(ORIGIN, "registry")
    assert await memory.recall(ORIGIN, "repository") is None
    assert entries(path) == []


async def test_without_a_file_it_is_known_to_this_run_alone() -> None:
    memory = ChallengesFile(None)
    assert await memory.recall(ORIGIN, "repository") is None
    await memory.remember(ORIGIN, "repository", BEARER)
    assert await memory.recall(ORIGIN, "repository") == BEARER
    assert await ChallengesFile(None).recall(ORIGIN, "repository") is None


@pytest.mark.parametrize(("seconds", "is_known"), [(LIFETIME - 1, True), (LIFETIME + 1, False), (-1, False)])
@pytest.mark.parametrize("is_new_run", [True, False])
async def test_it_is_known_for_thirty_days(path: Path, seconds: float, is_known: bool, is_new_run: bool) -> None:
    clock = Clock()
    memory = ChallengesFile(path, clock=clock)
    await memory.remember(ORIGIN, "repository", BEARER)
    clock.now += seconds
    found = await (ChallengesFile(path, clock=clock) if is_new_run else memory).recall(ORIGIN, "repository")
    assert (found is not None) is is_known
    assert LIFETIME == 30 * 24 * 3_600


async def test_file_and_folders_are_for_their_owner_alone(path: Path) -> None:
    await ChallengesFile(path).remember(ORIGIN, "repository", BEARER)
    assert [mode(each) for each in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


async def test_a_file_that_was_open_to_others_is_not_any_more(path: Path) -> None:
    write(path, permissions=0o666)
    await ChallengesFile(path).remember(ORIGIN, "repository", BEARER)
    assert mode(path) == 0o600


async def test_nothing_is_read_before_it_is_asked_for(path: Path) -> None:
    memory = ChallengesFile(path)
    await ChallengesFile(path).remember(ORIGIN, "repository", BEARER)
    assert await memory.recall(ORIGIN, "repository") == BEARER


async def test_the_event_loop_neither_reads_nor_writes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[bool] = []

    def on_a_loop() -> bool:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return True

    def seen(call: Callable[..., Any]) -> Callable[..., Any]:
        def do(*arguments: Any) -> Any:
            loops.append(on_a_loop())
            return call(*arguments)

        return do

    for name in ("read_small_file", "_write"):
        monkeypatch.setattr(challenge_memory, name, seen(getattr(challenge_memory, name)))
    memory = ChallengesFile(path)
    await memory.recall(ORIGIN, "repository")
    await memory.remember(ORIGIN, "repository", BEARER)
    await memory.forget(ORIGIN, "repository")
    assert len(loops) == 5
    assert not any(loops)


async def test_two_runs_lose_nothing_of_each_other(path: Path) -> None:
    one, other = ChallengesFile(path), ChallengesFile(path)
    await one.recall(ORIGIN, "repository")
    await other.remember("https://other.corp", "repository", BASIC)
    await one.remember(ORIGIN, "repository", BEARER)
    third = ChallengesFile(path)
    assert await third.recall("https://other.corp", "repository") == BASIC
    assert await third.recall(ORIGIN, "repository") == BEARER


async def test_many_at_once_lose_nothing_of_each_other(path: Path) -> None:
    memory = ChallengesFile(path)
    await asyncio.gather(*(memory.remember(f"https://{n}.corp", "repository", BASIC) for n in range(20)))
    assert len(entries(path)) == 20


async def test_nobody_ever_reads_half_of_it(path: Path) -> None:
    """It is replaced, so that who has it open keeps the old one."""
    memory = ChallengesFile(path)
    await memory.remember(ORIGIN, "repository", BEARER)
    with path.open() as before:
        await memory.remember(ORIGIN, "registry", BASIC)
        assert len(json.load(before)["challenges"]) == 1
    assert len(entries(path)) == 2


async def test_there_are_never_more_entries_than_the_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenge_memory, "ENTRIES_LIMIT", 3)
    clock = Clock()
    memory = ChallengesFile(path, clock=clock)
    for number in range(5):
        clock.now += 1
        await memory.remember(f"https://{number}.corp", "repository", BASIC)
    assert [entry["origin"] for entry in entries(path)] == [f"https://{number}.corp" for number in (2, 3, 4)]
    assert await memory.recall("https://0.corp", "repository") is None


async def test_the_file_never_gets_too_large_to_be_read(path: Path) -> None:
    clock = Clock()
    memory = ChallengesFile(path, clock=clock)
    long = Challenge("bearer", {"realm": "https://registry.corp/" + "x" * 1_900, "service": "ü" * 500})
    for number in range(30):
        clock.now += 1
        await memory.remember(f"https://{number}.corp", "repository", long)
    assert FILE_LIMIT * 0.8 < len(written(path)) <= FILE_LIMIT
    assert await ChallengesFile(path, clock=clock).recall("https://29.corp", "repository") == long
    assert await ChallengesFile(path, clock=clock).recall("https://0.corp", "repository") is None


@pytest.mark.parametrize(
    "challenge",
    [
        Challenge("negotiate", {}),
        Challenge("bearer", {"realm": "https://registry.corp/" + "x" * 2_100}),
        Challenge("bearer", {"realm": "https://registry.corp/token", "service": "s" * 513}),
        Challenge("bearer", {"realm": "https://registry.corp/\ntoken"}),
    ],
)
async def test_what_makes_no_sense_is_not_kept(path: Path, challenge: Challenge) -> None:
    memory = ChallengesFile(path)
    await memory.remember(ORIGIN, "repository", challenge)
    assert await memory.recall(ORIGIN, "repository") is None
    assert written(path) == ""


def test_every_realm_that_may_be_asked_may_be_kept() -> None:
    assert challenge_memory._REALM_LIMIT == REALM_LIMIT


def test_a_memory_is_made_without_what_sends_requests() -> None:
    """It is, before the first paint."""
    script = (
        "import sys; from regbrowse.registry.challenge_memory import ChallengesFile; ChallengesFile(None);"
        "sys.exit('httpx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


async def test_of_a_password_s_challenge_nothing_is_kept_but_that_it_is_one(path: Path) -> None:
    await ChallengesFile(path).remember(ORIGIN, "repository", Challenge("basic", {"realm": "a title", "x": "y"}))
    [entry] = entries(path)
    assert (entry["scheme"], entry["realm"], entry["service"]) == ("basic", "", "")
    assert "title" not in written(path)


HOSTILE: Final = [
    b" ",
    b"\xff\xfe",
    b"{",
    b"null",
    b"[]",
    b'{"challenges": {"a": 1}}',
    b'{"challenges": [1, null, [], {}]}',
    b"[" * 100_000,
    b'{"challenges": [' + b"9" * 5_000 + b"]}",
    json.dumps({"challenges": [KEPT | {"seen_at": time.time()}]}).encode() + b" " * FILE_LIMIT,
]


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
async def test_a_file_that_is_of_no_use_is_empty_and_is_replaced(path: Path, raw: bytes) -> None:
    write(path, raw=raw)
    memory = ChallengesFile(path)
    assert await memory.recall(ORIGIN, "repository") is None
    await memory.remember(ORIGIN, "repository", BEARER)
    assert await ChallengesFile(path).recall(ORIGIN, "repository") == BEARER


@pytest.mark.parametrize(
    "changed",
    [
        {"seen_at": "1000"},
        {"seen_at": True},
        {"seen_at": float("nan")},
        {"seen_at": float("inf")},
        {"seen_at": 10**400},
        {"seen_at": None},
        {"scheme": "digest"},
        {"scheme": ["bearer"]},
        {"realm": 7},
        {"realm": "https://registry.corp/" + "x" * 2_100},
        {"realm": "https://registry.corp/\r\nX: y"},
        {"service": None},
        {"service": "\x1b]52;c;x"},
        {"origin": "x" * 513},
        {"resource": {}},
    ],
    ids=str,
)
async def test_an_entry_that_makes_no_sense_does_not_spoil_the_others(path: Path, changed: Mapping[str, Any]) -> None:
    write(path, {**KEPT, **changed}, {**KEPT, "resource": "registry"})
    memory = ChallengesFile(path, clock=Clock())
    assert await memory.recall(ORIGIN, "repository") is None
    assert await memory.recall(ORIGIN, "registry") == BEARER


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.sampled_from(list(KEPT.values())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(KEPT)), inner, max_size=6),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(JSON, max_size=4))
def test_any_file_is_read(tmp_path: Path, found: list[Any]) -> None:
    path = tmp_path / "challenges.json"
    write(path, *found)
    recalled = asyncio.run(ChallengesFile(path, clock=Clock()).recall(ORIGIN, "repository"))
    assert recalled is None or recalled.scheme in ("basic", "bearer")


def a_folder_in_its_place(path: Path) -> None:
    path.mkdir(parents=True)


def a_file_in_its_folder_s_place(path: Path) -> None:
    write(path.parent)


@pytest.mark.parametrize("prepare", [a_folder_in_its_place, a_file_in_its_folder_s_place])
async def test_where_nothing_can_be_written_this_run_remembers_all_the_same(
    path: Path, prepare: Callable[[Path], None]
) -> None:
    prepare(path)
    memory = ChallengesFile(path)
    await memory.remember(ORIGIN, "repository", BEARER)
    assert await memory.recall(ORIGIN, "repository") == BEARER


# What one endpoint asked for


class Memory:
    """Remembers, and in which order it was told what."""

    def __init__(self, **known: Challenge) -> None:
        self.known = dict(known)
        self.told: list[str] = []

    async def recall(self, origin: str, resource: str) -> Challenge | None:
        self.told.append(f"recall {origin} {resource}")
        return self.known.get(resource)

    async def remember(self, origin: str, resource: str, challenge: Challenge) -> None:
        self.told.append(f"remember {resource}")
        self.known[resource] = challenge

    async def forget(self, origin: str, resource: str) -> None:
        self.told.append(f"forget {resource}")
        self.known.pop(resource, None)


async def test_the_memory_is_asked_once_for_each_class_of_resources() -> None:
    memory = Memory(repository=BEARER)
    own = EndpointMemory(memory, APIEndpoint(ORIGIN))
    for _ in range(3):
        assert await own.recall(pull("team/app")) == BEARER
        assert await own.recall(pull("team/other")) == BEARER
        assert await own.recall(CATALOG) is None
    assert memory.told == [f"recall {ORIGIN} repository", f"recall {ORIGIN} registry"]


async def test_a_registry_below_a_path_is_another_one() -> None:
    memory = Memory()
    await EndpointMemory(memory, APIEndpoint(f"{ORIGIN}/artifactory/api/docker/local/")).recall(CATALOG)
    assert memory.told == [f"recall {ORIGIN}/artifactory/api/docker/local registry"]


async def test_what_is_known_already_is_not_written_again() -> None:
    memory = Memory(repository=BEARER)
    own = EndpointMemory(memory, APIEndpoint(ORIGIN))
    await own.recall(pull("team/app"))
    await own.keep(pull("team/app"), BEARER)
    await own.drop(pull("team/app"), unless=BEARER)
    assert memory.told[1:] == []


async def test_the_entrance_is_nobody_s_way_to_a_resource() -> None:
    memory = Memory(registry=BASIC)
    own = EndpointMemory(memory, APIEndpoint(ORIGIN))
    assert await own.recall(ENTRANCE) is None
    await own.keep(ENTRANCE, BEARER)
    await own.drop(ENTRANCE)
    assert memory.told == []


@pytest.mark.parametrize(
    "endpoint",
    [
        None,
        APIEndpoint("http://registry.corp"),
        APIEndpoint(ORIGIN, tls_config=TLSConfig(insecure_skip_verify=True)),
    ],
)
async def test_of_an_endpoint_that_is_not_safe_nothing_is_remembered(endpoint: APIEndpoint | None) -> None:
    memory = Memory(repository=BASIC)
    own = EndpointMemory(memory, endpoint)
    assert await own.recall(pull("team/app")) is None
    await own.keep(pull("team/app"), BEARER)
    await own.drop(pull("team/app"))
    assert memory.told == []


# A registry that is met by what is remembered of it


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    with Tokens() as server:
        yield server


@pytest.fixture
def bearer(tokens: Tokens) -> Iterator[RegistryServer]:
    with RegistryServer(content(), auth=tokens.auth(), etag=False) as server:
        yield server


@pytest.fixture
def basic() -> Iterator[RegistryServer]:
    with RegistryServer(content(), auth=("basic", USER, PASSWORD), etag=False) as server:
        yield server


async def get(client: RegistryClient, repository: str = "team/app") -> None:
    await client.manifest(repository, "1.0", fresh=True)


async def catalog(client: RegistryClient) -> None:
    await anext(client.catalog())


def statuses(server: RegistryServer) -> list[int]:
    return [request.status for request in server.requests]


@asynccontextmanager
async def new_run(server: RegistryServer, path: Path, **options: Any) -> AsyncIterator[RegistryClient]:
    """A client in what is a new process as far as the memory is concerned."""
    async with reaching(server, memory=ChallengesFile(path), **options) as client:
        yield client


async def learn(server: RegistryServer, path: Path, tokens: Tokens | None = None, **options: Any) -> None:
    """Let there be a run that learns what the registry wants, and forget its requests."""
    async with new_run(server, path, **options) as client:
        await get(client)
    server.reset()
    if tokens:
        tokens.requests.clear()


async def test_a_new_run_brings_the_password_along(basic: RegistryServer, path: Path) -> None:
    await learn(basic, path, login=LOGIN)
    async with new_run(basic, path, login=LOGIN) as client:
        await get(client)
        assert client.transport.authorizer.account == LOGIN
    assert authorizations(basic) == [LOGIN.basic]


@pytest.mark.parametrize("login", [LOGIN, None], ids=["login", "anonymous"])
async def test_a_new_run_fetches_its_token_first(
    bearer: RegistryServer, tokens: Tokens, path: Path, login: Credential | None
) -> None:
    await learn(bearer, path, tokens, login=login)
    async with new_run(bearer, path, login=login) as client:
        await get(client)
        assert client.transport.authorizer.account == login
    assert statuses(bearer) == [200]
    assert tokens.scopes == [[PULL]]
    assert authorizations(tokens) == [login.basic if login else ""]


async def test_a_class_of_resources_that_was_not_met_is_asked_for_bare(bearer: RegistryServer, path: Path) -> None:
    await learn(bearer, path, login=LOGIN)
    async with new_run(bearer, path, login=LOGIN) as client:
        await catalog(client)
    assert statuses(bearer) == [401, 200]


async def test_many_first_requests_at_once_each_cost_one(bearer: RegistryServer, tokens: Tokens, path: Path) -> None:
    await learn(bearer, path, tokens, login=LOGIN)
    async with new_run(bearer, path, login=LOGIN) as client:
        await asyncio.gather(*(client.resolve("team/app", "1.0") for _ in range(6)))
    assert statuses(bearer) == [200] * 6
    assert len(tokens.requests) == 1


async def test_a_password_that_is_remembered_to_be_asked_for_is_not_missed(basic: RegistryServer, path: Path) -> None:
    """Without a login the request is sent bare."""
    await learn(basic, path, login=LOGIN)
    async with new_run(basic, path) as client:
        with pytest.raises(LoginNeededError):
            await get(client)
    assert authorizations(basic) == [""]


async def test_a_password_is_not_brought_along_over_a_connection_that_is_not_safe(
    basic: RegistryServer, path: Path
) -> None:
    await learn(basic, path, login=LOGIN)
    async with new_run(basic, path, login=LOGIN, trusted=False) as client:
        with pytest.raises(RegistryError, match="not safe"):
            await get(client)
    assert authorizations(basic) == [""]


async def test_a_wrong_password_that_is_brought_along_is_told_after_one_request(
    basic: RegistryServer, path: Path
) -> None:
    await learn(basic, path, login=LOGIN)
    wrong = Credential(USER, "wrong", SafeText("docker config"))
    async with new_run(basic, path, login=wrong) as client:
        with pytest.raises(WrongLoginError):
            await get(client)
    assert authorizations(basic) == [wrong.basic]


async def test_a_wrong_login_for_a_token_is_told_without_asking_the_registry(
    bearer: RegistryServer, tokens: Tokens, path: Path
) -> None:
    await learn(bearer, path, tokens, login=LOGIN)
    async with new_run(bearer, path, login=Credential(USER, "wrong", SafeText("docker config"))) as client:
        with pytest.raises(WrongLoginError):
            await get(client)
    assert bearer.requests == []
    assert len(tokens.requests) == 1
    assert len(entries(path)) == 1


async def test_a_store_that_fails_is_told(bearer: RegistryServer, path: Path) -> None:
    await learn(bearer, path)

    async def lookup(_: str) -> Credential | None:
        raise CredentialError("The store is broken.")

    async with new_run(bearer, path, lookup=lookup) as client:
        with pytest.raises(CredentialError):
            await get(client)
    assert bearer.requests == []
    assert len(entries(path)) == 1


async def test_a_token_server_that_wants_a_pause_gets_it(bearer: RegistryServer, tokens: Tokens, path: Path) -> None:
    await learn(bearer, path, tokens)
    tokens.fault(Answer(429, b"{}", [("Retry-After", "9")]), times=None)
    async with new_run(bearer, path) as client:
        with pytest.raises(RateLimitedError):
            await get(client)
    assert bearer.requests == []
    assert len(tokens.requests) == 1
    assert len(entries(path)) == 1


BROKEN: Final = [
    Answer(404, b"404 page not found"),
    Answer(400, b"{}"),
    Answer(403, b"<html>"),
    Answer(500, b"{}"),
    Answer(200, b"<html>"),
    Answer(200, b"{}"),
    Answer(302, b"", [("Location", "https://elsewhere.test/")]),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.status} {broken.body!r}")
@pytest.mark.parametrize("login", [LOGIN, None], ids=["login", "anonymous"])
async def test_where_what_is_remembered_does_not_work_the_registry_says_anew(
    bearer: RegistryServer, tokens: Tokens, path: Path, broken: Answer, login: Credential | None
) -> None:
    await learn(bearer, path, tokens, login=login)
    tokens.fault(broken)
    async with new_run(bearer, path, login=login) as client:
        await get(client)
        await get(client)
    assert statuses(bearer) == [401, 200, 200]
    assert len(tokens.requests) == 2
    assert len(entries(path)) == 1


async def test_where_it_still_does_not_work_it_is_forgotten(bearer: RegistryServer, tokens: Tokens, path: Path) -> None:
    await learn(bearer, path, tokens, login=LOGIN)
    tokens.fault(Answer(404, b""), times=None)
    async with new_run(bearer, path, login=LOGIN) as client:
        with pytest.raises(RegistryError, match=tokens.address):
            await get(client)
    assert statuses(bearer) == [401]
    assert entries(path) == []


async def test_a_token_server_that_is_gone_is_found_where_it_is_now(
    bearer: RegistryServer, tokens: Tokens, path: Path
) -> None:
    await learn(bearer, path, tokens, login=LOGIN)
    tokens.stop()
    with Tokens() as moved, RegistryServer(content(), auth=moved.auth()) as server:
        memory = ChallengesFile(path)
        await memory.remember(server.url, "repository", Challenge("bearer", {"realm": tokens.realm}))
        async with new_run(server, path, login=LOGIN) as client:
            await get(client)
        assert statuses(server) == [401, 200]
        found = await ChallengesFile(path).recall(server.url, "repository")
        assert found == Challenge("bearer", {"realm": moved.realm, "service": "registry.test"})


async def test_a_token_server_that_denies_one_repository_is_remembered_for_the_others(
    bearer: RegistryServer, tokens: Tokens, path: Path
) -> None:
    await learn(bearer, path, tokens, login=LOGIN)
    tokens.fault(Answer(403, b'{"details":"no"}'), "team%2Fapp", times=None)
    async with new_run(bearer, path, login=LOGIN) as client:
        with pytest.raises(DeniedError):
            await get(client)
        await get(client, "team/other")
    assert statuses(bearer) == [401, 200]
    assert len(entries(path)) == 1


async def test_a_token_server_that_lets_nobody_in_any_more_asks_for_a_login(
    bearer: RegistryServer, tokens: Tokens, path: Path
) -> None:
    await learn(bearer, path, tokens)
    tokens.anonymous = False
    async with new_run(bearer, path) as client:
        with pytest.raises(LoginNeededError):
            await get(client)
    assert statuses(bearer) == [401]


async def test_a_password_that_is_not_asked_for_any_more_is_followed_by_a_token(tokens: Tokens, path: Path) -> None:
    with RegistryServer(content(), auth=tokens.auth()) as server:
        await ChallengesFile(path).remember(server.url, "repository", BASIC)
        async with new_run(server, path, login=LOGIN) as client:
            await get(client)
        assert [sent.partition(" ")[0] for sent in authorizations(server)] == ["Basic", "Bearer"]
        assert [entry["scheme"] for entry in entries(path)] == ["bearer"]


async def test_a_token_that_is_not_asked_for_any_more_is_followed_by_the_password(
    basic: RegistryServer, tokens: Tokens, path: Path
) -> None:
    await ChallengesFile(path).remember(basic.url, "repository", Challenge("bearer", {"realm": tokens.realm}))
    async with new_run(basic, path, login=LOGIN) as client:
        await get(client)
    assert [sent.partition(" ")[0] for sent in authorizations(basic)] == ["Bearer", "Basic"]
    assert [entry["scheme"] for entry in entries(path)] == ["basic"]


async def test_what_a_registry_denies_to_want_is_forgotten_even_if_there_is_nothing_instead(
    basic: RegistryServer, tokens: Tokens, path: Path
) -> None:
    await ChallengesFile(path).remember(basic.url, "repository", Challenge("bearer", {"realm": tokens.realm}))
    async with new_run(basic, path) as client:
        with pytest.raises(LoginNeededError):
            await get(client)
    assert entries(path) == []


async def test_what_does_not_hold_any_more_is_forgotten_even_if_what_holds_does_not_work(
    bearer: RegistryServer, tokens: Tokens, path: Path
) -> None:
    with Tokens() as old:
        await ChallengesFile(path).remember(bearer.url, "repository", Challenge("bearer", {"realm": old.realm}))
        tokens.fault(Answer(500, b"{}"), times=None)
        async with new_run(bearer, path) as client:
            with pytest.raises(RegistryError, match=tokens.address):
                await get(client)
        assert len(old.requests) == 1
    assert entries(path) == []


async def test_52_a_registry_that_always_refuses_is_asked_three_times_at_most(
    bearer: RegistryServer, tokens: Tokens, path: Path
) -> None:
    """§5.3 test 52: also with what is remembered."""
    await learn(bearer, path, tokens, login=LOGIN)
    for number in range(10):
        wider = f'{tokens.bearer()},error="insufficient_scope",scope="repository:team/app:pull,x{number}"'
        bearer.fault("GET", status=401, headers={"WWW-Authenticate": wider}, body=b"{}")
    async with new_run(bearer, path, login=LOGIN) as client:
        with pytest.raises(DeniedError):
            await get(client)
    assert len(bearer.requests) <= 3


# What is recalled came from the network


async def test_a_stranger_that_is_recalled_is_not_told_the_login(bearer: RegistryServer, path: Path) -> None:
    """§5.3 test 9: the policy is asked again. Nor is the user: the request is sent bare, and the registry asked."""
    await ChallengesFile(path).remember(bearer.url, "repository", Challenge("bearer", {"realm": "https://evil.test/t"}))
    async with new_run(bearer, path, login=LOGIN) as client:
        await get(client)
    assert authorizations(bearer)[0] == ""
    assert statuses(bearer) == [401, 200]


async def test_a_stranger_that_the_registry_names_again_is_asked_about(path: Path) -> None:
    wants = {"WWW-Authenticate": 'Bearer realm="https://evil.test/t"'}
    with RegistryServer(content()) as server:
        server.fault("GET", status=401, headers=wants, body=b"{}", times=None)
        for _ in range(2):
            async with new_run(server, path, login=LOGIN) as client:
                with pytest.raises(RealmNotTrustedError):
                    await get(client)
        assert authorizations(server) == ["", ""]


@pytest.mark.parametrize("realm", ["http://evil.test/token", "/token", "https://a:b@evil.test/", "nonsense"])
async def test_a_realm_that_may_not_be_asked_is_forgotten(bearer: RegistryServer, path: Path, realm: str) -> None:
    await ChallengesFile(path).remember(bearer.url, "repository", Challenge("bearer", {"realm": realm}))
    async with new_run(bearer, path) as client:
        await get(client)
    assert statuses(bearer) == [401, 200]
    assert [entry["realm"] for entry in entries(path)] != [realm]


async def test_no_secret_is_remembered(bearer: RegistryServer, basic: RegistryServer, path: Path) -> None:
    """§5.3 test 42."""
    for server in (bearer, basic):
        await learn(server, path, login=LOGIN)
    text = written(path)
    assert len(entries(path)) == 2
    assert [secret for secret in SECRETS if secret in text] == []


async def test_of_several_ways_to_a_registry_nothing_is_remembered(basic: RegistryServer, path: Path) -> None:
    endpoint = APIEndpoint(basic.url)
    async with new_run(basic, path, login=LOGIN, endpoints=[endpoint, endpoint]) as client:
        await get(client)
    assert written(path) == ""


async def test_without_a_memory_nothing_is_met_in_advance(basic: RegistryServer) -> None:
    authorizer = ChallengeAuthorizer(
        basic.address,
        stored(LOGIN),
        TokenKeeper(basic.address, certs_dir=NO_CERTIFICATES),
        endpoint=APIEndpoint(basic.url),
    )
    assert await authorizer.authorization(pull("team/app")) is None
