"""Tokens over real sockets: which requests are sent, and who gets which secret. G is a registry, E an attacker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
import trustme

from regbrowse.registry.auth import basic_authorization
from regbrowse.registry.challenges import ChallengeManager
from regbrowse.registry.docker_http import docker_headers, http_client, new_transport
from regbrowse.registry.errors import (
    ConnectionFailedError,
    HTTPStatusError,
    LimitExceededError,
    MalformedDocumentError,
    NoBasicCredentialsError,
    NoTokenError,
    RedirectRefusedError,
    RegistryError,
    ServerFailureError,
    UnauthorizedError,
)
from regbrowse.registry.ping import ping_v2_registry
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.token_protocol import Token, TokenRequest, refresh_request, token_request
from regbrowse.registry.tokens import (
    ANSWER_LIMIT,
    BasicHandler,
    CredentialStore,
    RequestAuthorizer,
    StaticCredentialStore,
    TokenHandler,
    fetch_token,
    steady_clock,
)
from regbrowse.registry.wire import httpx
from tests.registry_server import Content, RegistryServer
from tests.token_server import Answer, Entrance, Server, Spelling, TokenServer

USER: Final = "canary-user"
PASSWORD: Final = "canary-pass"
IDENTITY: Final = "canary-identity"
BASIC: Final = basic_authorization(USER, PASSWORD)
LOGIN: Final = AuthConfig(username=USER, password=PASSWORD)
SECRETS: Final = ("canary", BASIC.partition(" ")[2])
PULL: Final = "repository:team/app:pull"


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.now = datetime(2017, 7, 4, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@asynccontextmanager
async def transporting(tls: TLSConfig | None = None) -> AsyncIterator[httpx.AsyncBaseTransport]:
    transport = new_transport(tls, docker_headers("docker/17.07", None))
    try:
        yield transport
    finally:
        await transport.aclose()


@asynccontextmanager
async def entering(
    entrance: Entrance,
    login: AuthConfig | CredentialStore | None = None,
    *,
    scopes: Sequence[str] = (PULL,),
    tls: TLSConfig | None = None,
    clock: Clock | None = None,
    offline_access: bool = False,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client for the registry `entrance`, after a ping; that one is not among its requests."""
    store = StaticCredentialStore(login) if login is None or isinstance(login, AuthConfig) else login
    async with transporting(tls) as transport:
        challenges, _ = await ping_v2_registry(entrance.url, transport)
        entrance.requests.clear()
        tokens = TokenHandler(transport, store, scopes, clock=clock, offline_access=offline_access)
        yield http_client(RequestAuthorizer(transport, challenges, [tokens, BasicHandler(store)]))


async def get(client: httpx.AsyncClient, url: str) -> int:
    return (await client.get(url)).status_code


def sent(server: Server) -> list[str]:
    return [request.header("Authorization") for request in server.requests]


def assert_no_secret_at(server: Server) -> None:
    seen = "".join(f"{request} {request.headers} {request.body!r}" for request in server.requests)
    assert not [secret for secret in SECRETS if secret in seen]


def accepts_basic(authorization: str) -> bool:
    return authorization == BASIC


# One request to a token server


def anonymous_request(server: Server) -> TokenRequest:
    return token_request(f"{server.url}/token", "reg", [PULL])


def login_request(server: Server) -> TokenRequest:
    return token_request(f"{server.url}/token", "reg", [PULL], username=USER, password=PASSWORD)


def identity_request(server: Server) -> TokenRequest:
    return refresh_request(f"{server.url}/token", "reg", [PULL], IDENTITY)


async def fetch(request: TokenRequest, within: float = 15) -> Token:
    async with transporting() as transport:
        return await fetch_token(transport, request, Clock(), within=within)


@pytest.mark.parametrize("spelling", ["token", "access_token", "both"])
async def test_a_get_is_answered_with_a_token(spelling: Spelling) -> None:
    with TokenServer({USER: PASSWORD}, spelling=spelling) as server:
        token = await fetch(login_request(server))
    assert server.issued[token.value] == (USER, (PULL,))
    assert token.expires == Clock().now + timedelta(seconds=300)
    assert server.requests[0].query == [("account", USER), ("scope", PULL), ("service", "reg")]
    assert sent(server) == [BASIC]
    assert server.requests[0].header("User-Agent") == "docker/17.07"


async def test_a_get_without_a_login_carries_none() -> None:
    with TokenServer(anonymous=True) as server:
        token = await fetch(anonymous_request(server))
    assert server.issued[token.value] == ("", (PULL,))
    assert sent(server) == [""]


async def test_a_post_is_answered_with_a_token_and_another_refresh_token() -> None:
    with TokenServer(rotates=True) as server:
        server.refresh_tokens[IDENTITY] = USER
        token = await fetch(identity_request(server))
    assert server.issued[token.value] == (USER, (PULL,))
    assert token.refresh_token in server.refresh_tokens
    assert server.requests[0].header("Content-Type") == "application/x-www-form-urlencoded"
    assert sent(server) == [""]
    assert server.requests[0].body == (
        b"client_id=docker&grant_type=refresh_token&refresh_token=canary-identity"
        b"&scope=repository%3Ateam%2Fapp%3Apull&service=reg"
    )


async def test_a_get_that_is_answered_without_a_token_is_an_error() -> None:
    with (
        TokenServer(anonymous=True, spelling="neither") as server,
        pytest.raises(NoTokenError, match=f"{server.address}: authorization server did not include a token"),
    ):
        await fetch(anonymous_request(server))


async def test_a_post_that_is_answered_without_a_token_is_none() -> None:
    with TokenServer() as server:
        server.fault(Answer(200, b'{"refresh_token":"r"}'))
        token = await fetch(identity_request(server))
    assert (token.value, token.refresh_token) == ("", "r")


@pytest.mark.parametrize("status", [200, 201, 299, 304, 399])
async def test_every_status_below_400_is_a_success(status: int) -> None:
    with TokenServer() as server:
        server.fault(Answer(status, b"" if status == 304 else b'{"token":"a"}'))
        if status == 304:
            with pytest.raises(MalformedDocumentError, match="unable to decode token response"):
                await fetch(anonymous_request(server))
        else:
            assert (await fetch(anonymous_request(server))).value == "a"


async def test_a_web_page_is_no_token() -> None:
    with TokenServer() as server:
        server.fault(Answer(200, b"<html>Log in!</html>"))
        with pytest.raises(MalformedDocumentError, match=f"{server.address}: unable to decode token response"):
            await fetch(anonymous_request(server))


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(401, b'{"details":"wrong"}'), UnauthorizedError, "unauthorized: wrong"),
        (Answer(404, b"nothing here"), HTTPStatusError, "error parsing HTTP 404"),
        (Answer(404, b"x" * 1_000_000), HTTPStatusError, "error parsing HTTP 404"),
        (Answer(503), ServerFailureError, "received unexpected HTTP status: 503 Service Unavailable"),
        (
            Answer(
                400, headers=[("WWW-Authenticate", "Basic realm=x"), ("WWW-Authenticate", "Bearer error=invalid_token")]
            ),
            UnauthorizedError,
            "unauthorized: authentication required",
        ),
    ],
)
async def test_a_refusal_is_told(answer: Answer, kind: type[RegistryError], words: str) -> None:
    with TokenServer() as server:
        server.fault(answer)
        with pytest.raises(kind, match=words) as caught:
            await fetch(login_request(server))
    assert server.address in caught.value.user_message
    assert len(server.requests) == 1


async def test_an_answer_has_a_bound() -> None:
    whole = b'{"token":"a","x":"%s"}' % (b"x" * (ANSWER_LIMIT - 20))
    with TokenServer() as server:
        server.fault(Answer(200, whole[: -(len(whole) - ANSWER_LIMIT) - 2] + b'"}'))
        server.fault(Answer(200, whole + b" " * 100))
        assert (await fetch(anonymous_request(server))).value == "a"
        with pytest.raises(LimitExceededError, match=server.address):
            await fetch(anonymous_request(server))


@pytest.mark.parametrize("request_of", [anonymous_request, login_request, identity_request])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_a_token_server_is_not_followed(status: int, request_of: object) -> None:
    assert callable(request_of)
    with TokenServer() as server, TokenServer(anonymous=True) as evil:
        server.fault(Answer(status, headers=[("Location", evil.realm)]))
        with pytest.raises(RedirectRefusedError, match=server.address):
            await fetch(request_of(server))
    assert evil.requests == []


async def test_a_cookie_of_a_token_server_is_not_kept() -> None:
    with TokenServer(anonymous=True) as server:
        server.fault(Answer(200, b'{"token":"a"}', [("Set-Cookie", "session=canary")]))
        async with transporting() as transport:
            for _ in range(2):
                await fetch_token(transport, anonymous_request(server), Clock())
    assert [request.header("Cookie") for request in server.requests] == ["", ""]


async def test_a_token_server_that_does_not_answer_is_given_up_and_named() -> None:
    with TokenServer() as server:
        server.fault("hang")
        server.fault("close")
        with pytest.raises(ConnectionFailedError, match=f"{server.address} took the request and did not answer"):
            await fetch(login_request(server), within=0.2)
        with pytest.raises(ConnectionFailedError, match=f"{server.address} closed the connection"):
            await fetch(login_request(server))
    with pytest.raises(ConnectionFailedError, match=f"Nothing can be reached at {server.address}") as caught:
        await fetch(login_request(server))
    assert not [secret for secret in SECRETS if secret in f"{caught.value} {caught.value!r}"]


async def test_an_answer_that_drips_is_given_up_in_the_end() -> None:
    with RegistryServer(Content()) as server:
        server.fault("GET /token", "drip", status=200, body=b'{"token":"a"}' + b" " * 100, delay=0.05)
        with pytest.raises(ConnectionFailedError, match=f"{server.address} took the request and did not answer"):
            await fetch(token_request(f"{server.url}/token", "reg", []), within=0.3)


def test_a_steady_clock_begins_with_the_time() -> None:
    clock = steady_clock()
    first, second = clock(), clock()
    assert first <= second
    assert abs(first - datetime.now(UTC)) < timedelta(minutes=1)


# A registry that wants tokens


async def test_who_has_no_login_gets_anybodys_token() -> None:
    with TokenServer(anonymous=True) as tokens, Entrance([tokens.bearer()], tokens.accepts) as registry:
        async with entering(registry) as client:
            assert await get(client, f"{registry.url}/v2/team/app/tags/list") == 200
    assert tokens.issued == {"canary-token-1": ("", (PULL,))}


async def test_a_login_goes_to_the_token_server_and_only_its_token_to_the_registry() -> None:
    with TokenServer({USER: PASSWORD}) as tokens, Entrance([tokens.bearer("reg")], tokens.accepts) as registry:
        async with entering(registry, LOGIN) as client:
            assert await get(client, f"{registry.url}/v2/team/app/tags/list") == 200
    assert sent(registry) == ["Bearer canary-token-1"]
    assert sent(tokens) == [BASIC]
    assert ("service", "reg") in tokens.requests[0].query


async def test_scopes_are_the_callers_whatever_the_challenge_says() -> None:
    with TokenServer(anonymous=True) as tokens:
        line = tokens.bearer() + ',scope="repository:evil:push"'
        with Entrance([line], tokens.accepts) as registry:
            async with entering(registry, scopes=[PULL, "registry:catalog:search"]) as client:
                await get(client, f"{registry.url}/v2/")
            async with entering(registry, scopes=[]) as client:
                await get(client, f"{registry.url}/v2/")
    assert list(tokens.issued.values()) == [("", (PULL, "registry:catalog:search")), ("", ())]


@pytest.mark.parametrize(("offline_access", "asked"), [(True, "true"), (False, None)])
async def test_a_refresh_token_is_asked_for_only_if_it_is_wanted(offline_access: bool, asked: str | None) -> None:
    with TokenServer({USER: PASSWORD}) as tokens, Entrance([tokens.bearer()], tokens.accepts) as registry:
        async with entering(registry, LOGIN, offline_access=offline_access) as client:
            await get(client, f"{registry.url}/v2/")
    query = dict(tokens.requests[0].query)
    assert query.get("offline_token") == asked
    assert query.get("client_id") == ("docker" if asked else None)


async def test_v1_calls_are_given_what_the_v2_entrance_asked_for() -> None:
    with TokenServer(anonymous=True) as tokens, Entrance([tokens.bearer()], tokens.accepts) as registry:
        async with entering(registry) as client:
            assert await get(client, f"{registry.url}/v1/search?q=x") == 200
    assert sent(registry) == ["Bearer canary-token-1"]


@pytest.mark.parametrize("path", ["/", "/search?q=/v2/", "/docker/v2/_catalog", "/v3/"])
async def test_other_paths_are_given_nothing(path: str) -> None:
    with TokenServer({USER: PASSWORD}) as tokens, Entrance([tokens.bearer()], tokens.accepts) as registry:
        async with entering(registry, LOGIN) as client:
            assert await get(client, f"{registry.url}{path}") == 401
    assert_no_secret_at(registry)
    assert tokens.requests == []


async def test_the_request_of_the_caller_is_not_changed_and_its_authorization_not_sent() -> None:
    with Entrance(["Basic realm=x"], accepts_basic) as registry:
        async with entering(registry, LOGIN) as client:
            request = client.build_request("GET", f"{registry.url}/v2/", headers={"Authorization": "mine"})
            await client.send(request)
    assert request.headers["Authorization"] == "mine"
    assert sent(registry) == [BASIC]


async def test_an_identity_token_is_exchanged_and_no_password_sent() -> None:
    with TokenServer({USER: PASSWORD}) as tokens, Entrance([tokens.bearer("reg")], tokens.accepts) as registry:
        tokens.refresh_tokens[IDENTITY] = USER
        login = AuthConfig(username=USER, password=PASSWORD, identity_token=IDENTITY)
        async with entering(registry, login) as client:
            assert await get(client, f"{registry.url}/v2/") == 200
    assert [request.method for request in tokens.requests] == ["POST"]
    assert dict(tokens.requests[0].form)["refresh_token"] == IDENTITY
    assert sent(tokens) == [""]
    assert tokens.issued == {"canary-token-1": (USER, (PULL,))}


async def test_an_empty_token_is_not_sent() -> None:
    with TokenServer() as tokens, Entrance([tokens.bearer()], tokens.accepts) as registry:
        tokens.fault(Answer(200, b"{}"))
        async with entering(registry, AuthConfig(identity_token=IDENTITY)) as client:
            assert await get(client, f"{registry.url}/v2/") == 401
    assert sent(registry) == [""]


async def test_a_wrong_password_is_told_and_tried_once() -> None:
    with TokenServer({USER: "other"}) as tokens, Entrance([tokens.bearer()], tokens.accepts) as registry:
        async with entering(registry, LOGIN) as client:
            with pytest.raises(UnauthorizedError, match="unauthorized: incorrect username or password") as caught:
                await get(client, f"{registry.url}/v2/")
    assert tokens.address in caught.value.user_message
    assert PASSWORD not in f"{caught.value} {caught.value!r}"
    assert len(tokens.requests) == 1
    assert registry.requests == []


# How long a token is kept


async def test_a_token_is_used_until_after_it_has_expired() -> None:
    clock = Clock()
    with (
        TokenServer(anonymous=True, expires_in=100) as tokens,
        Entrance([tokens.bearer()], tokens.accepts) as registry,
    ):
        async with entering(registry, clock=clock) as client:
            for seconds in (0, 50, 50, 1):
                clock.go_on(seconds)
                await get(client, f"{registry.url}/v2/")
    assert sent(registry) == [f"Bearer canary-token-{number}" for number in (1, 1, 1, 2)]


async def test_a_token_without_a_life_is_used_for_a_minute() -> None:
    clock = Clock()
    with (
        TokenServer(anonymous=True, expires_in=None) as tokens,
        Entrance([tokens.bearer()], tokens.accepts) as registry,
    ):
        async with entering(registry, clock=clock) as client:
            for seconds in (0, 60, 1):
                clock.go_on(seconds)
                await get(client, f"{registry.url}/v2/")
    assert len(tokens.requests) == 2


async def test_a_life_begins_at_the_time_of_issue() -> None:
    clock = Clock()
    with (
        TokenServer(anonymous=True, issued_at="2017-07-04T11:57:00Z") as tokens,
        Entrance([tokens.bearer()], tokens.accepts) as registry,
    ):
        async with entering(registry, clock=clock) as client:
            for seconds in (0, 120, 1):
                clock.go_on(seconds)
                await get(client, f"{registry.url}/v2/")
    assert len(tokens.requests) == 2


@pytest.mark.parametrize("issued_at", ["1999-01-01T00:00:00Z", "2050-01-01T00:00:00Z", "0001-01-01T00:00:00Z"])
async def test_a_clock_that_is_wrong_brings_no_storm_of_requests(issued_at: str) -> None:
    with (
        TokenServer(anonymous=True, issued_at=issued_at) as tokens,
        Entrance([tokens.bearer()], tokens.accepts) as registry,
    ):
        async with entering(registry, clock=Clock()) as client:
            for _ in range(5):
                await get(client, f"{registry.url}/v2/")
    assert len(tokens.requests) == 1


async def test_requests_at_the_same_time_share_a_token() -> None:
    with TokenServer(anonymous=True) as tokens, Entrance([tokens.bearer()], tokens.accepts) as registry:
        async with entering(registry) as client:
            await asyncio.gather(*(get(client, f"{registry.url}/v2/") for _ in range(10)))
    assert len(tokens.requests) == 1
    assert len(registry.requests) == 10


async def test_a_failure_is_not_kept() -> None:
    with TokenServer(anonymous=True) as tokens, Entrance([tokens.bearer()], tokens.accepts) as registry:
        tokens.fault(Answer(503))
        async with entering(registry) as client:
            with pytest.raises(ServerFailureError):
                await get(client, f"{registry.url}/v2/")
            assert await get(client, f"{registry.url}/v2/") == 200


async def test_who_leaves_while_a_token_comes_does_not_hold_up_the_next() -> None:
    with TokenServer(anonymous=True) as tokens, Entrance([tokens.bearer()], tokens.accepts) as registry:
        tokens.fault("hang")
        async with entering(registry) as client:
            first = asyncio.ensure_future(get(client, f"{registry.url}/v2/"))
            await asyncio.to_thread(tokens.wait_for_requests, 1)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            assert await get(client, f"{registry.url}/v2/") == 200


async def test_a_mount_gets_a_token_of_its_own_for_the_other_repository_too() -> None:
    mount = "/v2/team/app/blobs/uploads/?mount=sha256:x&from=other/base"
    with TokenServer(anonymous=True) as tokens, Entrance([tokens.bearer()], tokens.accepts) as registry:
        async with entering(registry) as client:
            for path in ("/v2/", mount, mount, "/v2/"):
                await get(client, f"{registry.url}{path}")
    assert [number[-1] for number in sent(registry)] == ["1", "2", "3", "1"]
    both = (PULL, "repository:other/base:pull")
    assert [scopes for _, scopes in tokens.issued.values()] == [(PULL,), both, both]


@pytest.mark.parametrize("origin", ["team/app", ""])
async def test_a_mount_from_what_may_be_pulled_anyway_is_like_any_request(origin: str) -> None:
    with TokenServer(anonymous=True) as tokens, Entrance([tokens.bearer()], tokens.accepts) as registry:
        async with entering(registry) as client:
            for _ in range(2):
                await get(client, f"{registry.url}/v2/team/app/blobs/uploads/?mount=x&from={origin}")
    assert [scopes for _, scopes in tokens.issued.values()] == [(PULL,)]


# A registry that wants a password, or offers both


async def test_a_password_is_given_where_it_is_asked_for() -> None:
    with Entrance(["Basic realm=x"], accepts_basic) as registry:
        async with entering(registry, LOGIN) as client:
            assert await get(client, f"{registry.url}/v2/") == 200


@pytest.mark.parametrize(
    "login",
    [None, AuthConfig(), AuthConfig(username=USER), AuthConfig(password=PASSWORD), AuthConfig(identity_token="x")],
)
async def test_without_a_password_a_registry_that_wants_one_is_not_asked(login: AuthConfig | None) -> None:
    with Entrance(["Basic realm=x"], accepts_basic) as registry:
        async with entering(registry, login) as client:
            with pytest.raises(NoBasicCredentialsError, match=f"{registry.address}.*no basic auth credentials"):
                await get(client, f"{registry.url}/v2/")
    assert registry.requests == []


@pytest.mark.parametrize("line", ["Negotiate", 'Digest realm="x"', ""])
async def test_what_nobody_can_give_is_not_given(line: str) -> None:
    with Entrance([line] if line else [], accepts_basic) as registry:
        async with entering(registry, LOGIN) as client:
            assert await get(client, f"{registry.url}/v2/") == 401
    assert_no_secret_at(registry)


def offers_both(tokens: TokenServer, order: Sequence[str]) -> list[str]:
    return [tokens.bearer() if scheme == "bearer" else "Basic realm=x" for scheme in order]


ORDERS: Final = pytest.mark.parametrize("order", [("bearer", "basic"), ("basic", "bearer")])


@ORDERS
async def test_where_both_are_offered_and_there_is_no_password_the_token_is_enough(order: Sequence[str]) -> None:
    """Docker fails here: it has the token, and then misses the password."""
    with TokenServer(anonymous=True) as tokens, Entrance(offers_both(tokens, order), tokens.accepts) as registry:
        async with entering(registry) as client:
            assert await get(client, f"{registry.url}/v2/") == 200


@ORDERS
async def test_where_both_are_offered_a_token_that_can_be_had_is_taken(order: Sequence[str]) -> None:
    with TokenServer({USER: PASSWORD}) as tokens, Entrance(offers_both(tokens, order), tokens.accepts) as registry:
        async with entering(registry, LOGIN) as client:
            assert await get(client, f"{registry.url}/v2/") == 200
    assert sent(registry) == ["Bearer canary-token-1"]
    assert tokens.issued == {"canary-token-1": (USER, (PULL,))}


@ORDERS
@pytest.mark.parametrize(
    "trouble", [Answer(503), Answer(200, b"{}"), Answer(302, headers=[("Location", "/x")]), "close"]
)
async def test_where_both_are_offered_and_no_token_is_to_be_had_the_password_is_given(
    trouble: Answer, order: Sequence[str]
) -> None:
    with TokenServer({USER: PASSWORD}) as tokens, Entrance(offers_both(tokens, order), accepts_basic) as registry:
        tokens.fault(trouble)
        async with entering(registry, LOGIN) as client:
            assert await get(client, f"{registry.url}/v2/") == 200
    assert sent(registry) == [BASIC]


@ORDERS
async def test_where_neither_can_be_given_the_token_servers_trouble_is_told(order: Sequence[str]) -> None:
    with TokenServer() as tokens, Entrance(offers_both(tokens, order), tokens.accepts) as registry:
        tokens.fault(Answer(503))
        async with entering(registry) as client:
            with pytest.raises(ServerFailureError, match=tokens.address):
                await get(client, f"{registry.url}/v2/")


async def test_a_password_that_the_token_server_refused_is_not_tried_at_the_registry() -> None:
    with (
        TokenServer({USER: "other"}) as tokens,
        Entrance([tokens.bearer(), "Basic realm=x"], accepts_basic) as registry,
    ):
        async with entering(registry, LOGIN) as client:
            with pytest.raises(UnauthorizedError):
                await get(client, f"{registry.url}/v2/")
    assert registry.requests == []


async def test_of_several_token_servers_the_first_that_works_is_told_a_login() -> None:
    with TokenServer({USER: PASSWORD}) as tokens, TokenServer({USER: PASSWORD}) as others:
        lines = ['Bearer service="none"', tokens.bearer(), others.bearer()]
        with Entrance(lines, tokens.accepts) as registry:
            async with entering(registry, LOGIN) as client:
                assert await get(client, f"{registry.url}/v2/") == 200
    assert others.requests == []


# Where a secret may go


@pytest.mark.parametrize("status", [302, 307])
async def test_a_redirect_to_another_registry_takes_no_secret_along(status: int) -> None:
    with (
        TokenServer({USER: PASSWORD}) as tokens,
        TokenServer({USER: PASSWORD}, anonymous=True) as evil_tokens,
        Entrance([evil_tokens.bearer(), "Basic realm=x"], lambda _: False) as evil,
        Entrance([tokens.bearer()], tokens.accepts) as good,
    ):
        async with entering(good, LOGIN) as client:
            good.fault(Answer(status, headers=[("Location", f"{evil.url}/v2/team/app/tags/list")]))
            assert await get(client, f"{good.url}/v2/team/app/tags/list") == 401
    assert len(evil.requests) == 1
    assert_no_secret_at(evil)
    assert evil_tokens.requests == []


async def test_who_asked_after_a_redirect_of_the_ping_gets_nothing_by_a_redirect() -> None:
    """In Docker he would: what he asked for is remembered as a registry's own wish."""
    with (
        TokenServer({USER: PASSWORD}, anonymous=True) as evil_tokens,
        Entrance([evil_tokens.bearer(), "Basic realm=x"], lambda _: False) as evil,
        Entrance() as good,
    ):
        good.fault(Answer(302, headers=[("Location", f"{evil.url}/v2/")]), times=None)
        async with entering(good, LOGIN) as client:
            assert await get(client, f"{good.url}/v2/") == 401
    assert len(evil.requests) == 2
    assert_no_secret_at(evil)
    assert evil_tokens.requests == []


async def test_a_redirect_within_the_registry_keeps_what_was_given() -> None:
    with TokenServer(anonymous=True) as tokens, Entrance([tokens.bearer()], tokens.accepts) as registry:
        async with entering(registry) as client:
            registry.fault(Answer(307, headers=[("Location", "/v2/team/app/tags/list")]))
            assert await get(client, f"{registry.url}/v2/old/app/tags/list") == 200
    assert sent(registry) == ["Bearer canary-token-1"] * 2
    assert len(tokens.requests) == 1


@pytest.mark.parametrize("login", [None, LOGIN, AuthConfig(identity_token=IDENTITY)])
async def test_a_registry_with_tls_may_not_name_a_plain_token_server(login: AuthConfig | None) -> None:
    authority = trustme.CA()
    tls = TLSConfig(root_cas=(authority.cert_pem.bytes().decode(),))
    with (
        TokenServer({USER: PASSWORD}, anonymous=True) as tokens,
        Entrance([tokens.bearer()], tokens.accepts, tls=authority.issue_cert("127.0.0.1")) as registry,
    ):
        async with entering(registry, login, tls=tls) as client:
            with pytest.raises(RedirectRefusedError, match="plain HTTP") as caught:
                await get(client, f"{registry.url}/v2/")
    assert registry.address in caught.value.user_message
    assert tokens.address in caught.value.user_message
    assert tokens.requests == []


async def test_registry_and_token_server_may_both_have_tls() -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    tls = TLSConfig(root_cas=(authority.cert_pem.bytes().decode(),))
    with (
        TokenServer({USER: PASSWORD}, tls=certificate) as tokens,
        Entrance([tokens.bearer()], tokens.accepts, tls=certificate) as registry,
    ):
        async with entering(registry, LOGIN, tls=tls) as client:
            assert await get(client, f"{registry.url}/v2/") == 200


async def test_tokens_of_one_registry_are_not_given_to_another() -> None:
    """Both name the same token server and the same service."""
    with (
        TokenServer(anonymous=True) as tokens,
        Entrance([tokens.bearer()], tokens.accepts) as first,
        Entrance([tokens.bearer()], tokens.accepts) as second,
    ):
        async with transporting() as transport:
            challenges = ChallengeManager()
            for registry in (first, second):
                challenges.add(f"{registry.url}/v2/", 401, registry.challenges)
            handler = TokenHandler(transport, StaticCredentialStore(None), [PULL])
            client = http_client(RequestAuthorizer(transport, challenges, [handler]))
            for registry in (first, second):
                await get(client, f"{registry.url}/v2/")
    assert sent(first) != sent(second)


async def test_closing_the_client_closes_the_transport_below() -> None:
    closed = []

    class Base(httpx.AsyncBaseTransport):
        async def aclose(self) -> None:
            closed.append(self)

    await http_client(RequestAuthorizer(Base(), ChallengeManager(), [])).aclose()
    assert len(closed) == 1
