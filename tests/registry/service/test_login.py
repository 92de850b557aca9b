"""Logins over real sockets: which endpoints are asked, what they are told, and what comes of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Final, TypeAlias

import pytest
import trustme

from regbrowse.registry.auth import basic_authorization
from regbrowse.registry.docker_http import RequestModifier, new_transport
from regbrowse.registry.endpoint import APIEndpoint, APIVersion
from regbrowse.registry.errors import (
    ConfigError,
    ConnectionFailedError,
    DeniedError,
    HTTPStatusError,
    NoBasicCredentialsError,
    RedirectRefusedError,
    RegistryError,
    ServerFailureError,
    TLSFailureError,
    UnauthorizedError,
)
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.service.login import (
    LOGIN_SUCCEEDED,
    FallbackError,
    LoginCredentialStore,
    login,
    login_v1,
    login_v2,
)
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.wire import httpx
from tests.registry_server import Content, RegistryServer
from tests.token_server import Answer, Entrance, Server, TokenServer
from tests.v1_server import V1Server

USER: Final = "canary-user"
PASSWORD: Final = "canary-pass"
LOGIN: Final = AuthConfig(username=USER, password=PASSWORD, server_address="registry.test")
WRONG: Final = replace(LOGIN, password="wrong-canary")
BASIC: Final = basic_authorization(USER, PASSWORD)
INSECURE: Final = TLSConfig(insecure_skip_verify=True)
AGENT: Final = "docker/17.07"


def v2(url: str) -> APIEndpoint:
    return APIEndpoint(url)


def v1(url: str) -> APIEndpoint:
    return APIEndpoint(url, APIVersion.V1)


def accepts_basic(authorization: str) -> bool:
    return authorization == BASIC


def sent(server: Server) -> list[str]:
    return [request.header("Authorization") for request in server.requests]


def assert_no_secret_in(error: BaseException) -> None:
    seen: BaseException | None = error
    while seen is not None:
        text = f"{seen} {seen!r} {getattr(seen, 'next_step', '')}"
        assert not [secret for secret in (PASSWORD, "wrong-canary", BASIC.partition(" ")[2]) if secret in text]
        seen = seen.__cause__


# v2


async def test_a_password_is_asked_for_and_accepted() -> None:
    with RegistryServer(Content(), auth=("basic", USER, PASSWORD)) as server:
        assert await login(LOGIN, [v2(server.url)], AGENT) == ("Login Succeeded", "")
    assert [str(request) for request in server.requests] == ["GET /v2/"] * 2
    assert [request.headers.get("authorization", "") for request in server.requests] == ["", BASIC]
    assert {request.headers["user-agent"] for request in server.requests} == {AGENT}


@pytest.mark.parametrize("suffix", ["/", "/docker", "/docker//"])
async def test_the_path_of_an_endpoint_is_kept(suffix: str) -> None:
    with Entrance(["Basic realm=x"], accepts_basic) as server:
        await login(LOGIN, [v2(server.url + suffix)])
    assert {str(request) for request in server.requests} == {f"GET {suffix.rstrip('/')}/v2/"}


async def test_a_wrong_password_is_told_with_the_address_and_the_status() -> None:
    with (
        RegistryServer(Content(), auth=("basic", USER, PASSWORD)) as server,
        pytest.raises(UnauthorizedError) as caught,
    ):
        await login(WRONG, [v2(server.url)])
    assert caught.value.user_message == f"login attempt to {server.url}/v2/ failed with status: 401 Unauthorized."
    assert "password" in caught.value.next_step
    assert_no_secret_in(caught.value)


async def test_an_open_registry_takes_any_password_and_is_told_none() -> None:
    """A trap, kept from Docker: nobody asked, so nobody looked at it. Two requests are sent all the same."""
    with RegistryServer(Content()) as server:
        assert await login(WRONG, [v2(server.url)]) == (LOGIN_SUCCEEDED, "")
    assert ["authorization" in request.headers for request in server.requests] == [False, False]


async def test_a_login_without_a_password_is_told_so() -> None:
    with (
        RegistryServer(Content(), auth=("basic", USER, PASSWORD)) as server,
        pytest.raises(NoBasicCredentialsError, match="no basic auth credentials"),
    ):
        await login(AuthConfig(username=USER), [v2(server.url)])
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (201, HTTPStatusError, "201 Created"),
        (204, HTTPStatusError, "204 No Content"),
        (403, DeniedError, "403 Forbidden"),
        (404, HTTPStatusError, "404 Not Found"),
        (500, ServerFailureError, "500 Internal Server Error"),
        (599, ServerFailureError, "599"),
    ],
)
async def test_nothing_but_200_is_a_success(status: int, kind: type[HTTPStatusError], words: str) -> None:
    with Entrance() as server:
        server.fault(Answer(status), after=1)
        with pytest.raises(kind, match=f"failed with status: {words}") as caught:
            await login(LOGIN, [v2(server.url)])
    assert type(caught.value) is kind
    assert isinstance(caught.value, HTTPStatusError)
    assert caught.value.status == status


# Tokens


Tokens: TypeAlias = tuple[TokenServer, Entrance]


@pytest.fixture
def guarded() -> Iterator[Tokens]:
    with TokenServer({USER: PASSWORD}) as tokens, Entrance([tokens.bearer("reg")], tokens.accepts) as registry:
        yield tokens, registry


async def test_a_login_at_a_token_server_gives_an_identity_token(guarded: Tokens) -> None:
    tokens, registry = guarded
    status, identity = await login(LOGIN, [v2(registry.url)], AGENT)
    assert status == LOGIN_SUCCEEDED
    assert tokens.refresh_tokens == {identity: USER}
    assert tokens.requests[0].query == [
        ("account", USER),
        ("client_id", "docker"),
        ("offline_token", "true"),
        ("service", "reg"),
    ]
    assert tokens.requests[0].header("User-Agent") == AGENT
    assert sent(tokens) == [BASIC]
    assert sent(registry) == ["", "Bearer canary-token-1"]


async def test_a_login_at_a_token_server_without_identity_tokens_gives_none(guarded: Tokens) -> None:
    tokens, registry = guarded
    tokens.issued["given"] = (USER, ())
    tokens.fault(Answer(200, b'{"token":"given"}'))
    assert await login(LOGIN, [v2(registry.url)]) == (LOGIN_SUCCEEDED, "")


async def test_an_identity_token_is_refreshed_and_given_back(guarded: Tokens) -> None:
    tokens, registry = guarded
    tokens.refresh_tokens["canary-identity"] = USER
    given = AuthConfig(username=USER, identity_token="canary-identity")
    assert await login(given, [v2(registry.url)]) == (LOGIN_SUCCEEDED, "canary-identity")
    assert [request.method for request in tokens.requests] == ["POST"]
    assert dict(tokens.requests[0].form) == {
        "client_id": "docker",
        "grant_type": "refresh_token",
        "refresh_token": "canary-identity",
        "scope": "",
        "service": "reg",
    }


async def test_another_identity_token_takes_the_place_of_the_given_one(guarded: Tokens) -> None:
    tokens, registry = guarded
    tokens.rotates = True
    tokens.refresh_tokens["canary-identity"] = USER
    given = AuthConfig(username=USER, identity_token="canary-identity")
    _, identity = await login(given, [v2(registry.url)])
    assert tokens.refresh_tokens == {identity: USER}
    assert given.identity_token == "canary-identity"


async def test_an_identity_token_is_given_back_by_a_registry_that_does_not_want_it() -> None:
    with RegistryServer(Content()) as server:
        assert (await login(AuthConfig(identity_token="i"), [v2(server.url)]))[1] == "i"


async def test_a_password_that_the_token_server_refuses_is_final(guarded: Tokens) -> None:
    tokens, registry = guarded
    with V1Server() as old, pytest.raises(UnauthorizedError, match="incorrect username or password") as caught:
        await login(WRONG, [v2(registry.url), v1(old.url)])
    assert tokens.address in caught.value.user_message
    assert len(tokens.requests) == 1
    assert old.requests == []
    assert_no_secret_in(caught.value)


async def test_a_token_that_the_registry_does_not_take_is_final(guarded: Tokens) -> None:
    _, registry = guarded
    registry.accepts = lambda _: False
    with pytest.raises(UnauthorizedError, match="failed with status: 401 Unauthorized"):
        await login(LOGIN, [v2(registry.url)])
    assert len(registry.requests) == 2


def test_a_refresh_token_goes_back_only_to_who_gave_it() -> None:
    store = LoginCredentialStore(LOGIN)
    store.set_refresh_token("https://a.test/token", "reg", "new")
    assert store.refresh_token("https://a.test/token", "reg") == "new"
    assert store.refresh_token("https://a.test/token", "other") == ""
    assert store.refresh_token("https://b.test/token", "reg") == ""
    assert store.identity_token == "new"


# v1


async def test_a_v1_registry_is_told_the_password_at_once() -> None:
    with V1Server(auth=("basic", USER, PASSWORD)) as server:
        assert await login(LOGIN, [v1(server.url)], AGENT) == (LOGIN_SUCCEEDED, "")
    assert [str(request) for request in server.requests] == ["GET /v1/users/"]
    assert server.requests[0].headers["authorization"] == BASIC
    assert server.requests[0].headers["user-agent"] == AGENT


@pytest.mark.parametrize(
    ("answer", "kind", "words", "next_step"),
    [
        (Answer(401, b"x"), UnauthorizedError, "Wrong login/password, please try again", "password"),
        (Answer(403, b"x"), DeniedError, "Login: Account is not active.", "documentation of the registry http://"),
        (Answer(500, b"x"), ServerFailureError, "Internal Server Error", ""),
        (Answer(201, b'"made"'), HTTPStatusError, 'Login: "made" (Code: 201; Headers: Content-Type: text/x)', ""),
        (Answer(404, b""), HTTPStatusError, "Login:  (Code: 404; Headers: Content-Type: text/x)", ""),
        (Answer(503, b"down"), HTTPStatusError, "Login: down (Code: 503; ", ""),
        (Answer(400, b"\x1b[2J\xff" + b"x" * 100_000), HTTPStatusError, "(Code: 400; ", ""),
    ],
)
async def test_a_v1_refusal_is_told_and_final(
    answer: Answer, kind: type[RegistryError], words: str, next_step: str
) -> None:
    headers = [("Content-Type", "text/x"), ("Set-Cookie", "session=canary-pass")]
    with Entrance() as server, Entrance() as other:
        server.fault(replace(answer, headers=headers))
        with pytest.raises(kind) as caught:
            await login(LOGIN, [v1(server.url), v1(other.url)])
    assert words in caught.value.user_message
    assert server.address in caught.value.user_message
    assert next_step in caught.value.next_step
    assert caught.value.user_message.isprintable()
    assert len(caught.value.user_message) < 1_500
    assert_no_secret_in(caught.value)
    assert other.requests == []


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "create one at https://hub.docker.com"), (403, "check your e-mail for a confirmation")]
)
async def test_docker_hub_gives_hints_of_its_own(monkeypatch: pytest.MonkeyPatch, status: int, hint: str) -> None:
    with Entrance() as server:
        server.fault(Answer(status))
        monkeypatch.setattr("regbrowse.registry.service.login.INDEX_SERVER", f"{server.url}/v1/")
        with pytest.raises(RegistryError) as caught:
            await login(LOGIN, [v1(server.url)])
    assert hint in caught.value.next_step


# From one endpoint to the next


class Registry:
    """Endpoints that behave in one way each, and which of them were asked."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._servers: list[tuple[str, Server | RegistryServer | V1Server]] = []

    def endpoint(self, manner: str) -> APIEndpoint:
        version, how = manner.split(" ", 1)
        if how == "away":
            with socket.socket() as unused:
                unused.bind(("127.0.0.1", 0))
                return self._at(version, f"http://127.0.0.1:{unused.getsockname()[1]}")
        server = self._stack.enter_context(MANNERS[manner]())
        self._servers.append((manner, server))
        return self._at(version, server.url)

    @property
    def asked(self) -> list[str]:
        return [manner for manner, server in self._servers if server.requests]

    def _at(self, version: str, url: str) -> APIEndpoint:
        return v1(url) if version == "v1" else v2(url)


def refusing_users() -> Server:
    server = Entrance()
    server.fault(Answer(401), times=None)
    return server


def failing() -> Server:
    server = Entrance(versions=())
    server.fault(Answer(502), times=None)
    return server


def without_api() -> Server:
    server = Entrance(versions=())
    server.fault(Answer(404), times=None)
    return server


MANNERS: Final[dict[str, Callable[[], Server]]] = {
    "v2 takes it": lambda: Entrance(["Basic realm=x"], accepts_basic),
    "v2 refuses": lambda: Entrance(["Basic realm=x"], lambda _: False),
    "v2 takes it, unsaid": lambda: Entrance(["Basic realm=x"], accepts_basic, versions=()),
    "v2 refuses, unsaid": lambda: Entrance(["Basic realm=x"], lambda _: False, versions=()),
    "v2 is none": without_api,
    "v2 fails": failing,
    "v1 takes it": Entrance,
    "v1 refuses": refusing_users,
    "v1 fails": failing,
}
UNAUTHORIZED: Final = "401 Unauthorized"
WRONG_V1: Final = "Wrong login/password"


@pytest.mark.parametrize(
    ("manners", "asked", "result"),
    [
        # a secure private registry: v2 and v1 by https
        (["v2 takes it", "v1 takes it"], ["v2 takes it"], ""),
        (["v2 refuses", "v1 takes it"], ["v2 refuses"], UNAUTHORIZED),
        (["v2 is none", "v1 takes it"], ["v2 is none", "v1 takes it"], ""),
        (["v2 fails", "v1 takes it"], ["v2 fails", "v1 takes it"], ""),
        (["v2 takes it, unsaid", "v1 refuses"], ["v2 takes it, unsaid"], ""),
        (["v2 refuses, unsaid", "v1 takes it"], ["v2 refuses, unsaid", "v1 takes it"], ""),
        (["v2 refuses, unsaid", "v1 refuses"], ["v2 refuses, unsaid", "v1 refuses"], WRONG_V1),
        (["v2 is none", "v1 refuses"], ["v2 is none", "v1 refuses"], WRONG_V1),
        (["v2 away", "v1 away"], [], "Nothing can be reached"),
        # an insecure one: v2 by https and http, v1 by https and http
        (["v2 away", "v2 takes it", "v1 away", "v1 takes it"], ["v2 takes it"], ""),
        (["v2 away", "v2 refuses", "v1 away", "v1 takes it"], ["v2 refuses"], UNAUTHORIZED),
        (["v2 away", "v2 is none", "v1 away", "v1 takes it"], ["v2 is none", "v1 takes it"], ""),
        (["v2 away", "v2 is none", "v1 away", "v1 refuses"], ["v2 is none", "v1 refuses"], WRONG_V1),
        (["v2 away", "v2 is none", "v1 refuses", "v1 takes it"], ["v2 is none", "v1 refuses"], WRONG_V1),
        (["v2 away", "v2 is none", "v1 fails", "v1 takes it"], ["v2 is none", "v1 fails"], "Code: 502"),
        (["v2 is none", "v2 takes it", "v1 takes it", "v1 takes it"], ["v2 is none", "v2 takes it"], ""),
        # Docker Hub, or v1 switched off: v2 alone
        (["v2 takes it"], ["v2 takes it"], ""),
        (["v2 refuses"], ["v2 refuses"], UNAUTHORIZED),
        (["v2 refuses, unsaid"], ["v2 refuses, unsaid"], UNAUTHORIZED),
        (["v2 is none"], ["v2 is none"], "404 Not Found"),
    ],
)
async def test_endpoints_are_asked_until_one_knows(manners: Sequence[str], asked: list[str], result: str) -> None:
    with ExitStack() as stack:
        registry = Registry(stack)
        endpoints = [registry.endpoint(manner) for manner in manners]
        if result:
            with pytest.raises(RegistryError, match=result) as caught:
                await login(LOGIN, endpoints)
            assert not isinstance(caught.value, FallbackError)
            assert_no_secret_in(caught.value)
        else:
            assert await login(LOGIN, endpoints) == (LOGIN_SUCCEEDED, "")
        assert registry.asked == asked


async def test_when_all_fail_the_last_one_is_told() -> None:
    with ExitStack() as stack:
        registry = Registry(stack)
        endpoints = [registry.endpoint(manner) for manner in ("v2 is none", "v2 away", "v1 away", "v1 away")]
        with pytest.raises(ConnectionFailedError, match=endpoints[-1].host):
            await login(LOGIN, endpoints)


async def test_without_an_endpoint_there_is_no_login() -> None:
    with pytest.raises(ConfigError, match="no endpoint"):
        await login(LOGIN, [])


@pytest.mark.parametrize("endpoint", [v2("https://"), v1("https://:1"), v2("registry.corp"), v1("ftp://h")])
async def test_an_endpoint_without_an_address_is_told(endpoint: APIEndpoint) -> None:
    with pytest.raises(ConfigError, match="not an address of the web"):
        await login(LOGIN, [endpoint])


async def test_an_insecure_registry_is_logged_in_to_over_plain_http() -> None:
    """As Docker does for what was declared insecure: https is tried first, at the same port."""
    with RegistryServer(Content(), auth=("basic", USER, PASSWORD)) as server:
        endpoints = [
            APIEndpoint(f"{scheme}://{server.address}", version, tls_config=INSECURE)
            for version in (APIVersion.V2, APIVersion.V1)
            for scheme in ("https", "http")
        ]
        assert await login(LOGIN, endpoints) == (LOGIN_SUCCEEDED, "")
    assert [request.headers.get("authorization", "") for request in server.requests] == ["", BASIC]


async def test_a_certificate_that_nobody_knows_is_never_followed_by_plain_http() -> None:
    certificate = trustme.CA().issue_cert("127.0.0.1")
    with Entrance(["Basic realm=x"], accepts_basic, tls=certificate) as server:
        with pytest.raises(TLSFailureError):
            await login(LOGIN, [v2(server.url), v1(server.url)])
        insecure = APIEndpoint(server.url, tls_config=INSECURE)
        assert await login(LOGIN, [insecure]) == (LOGIN_SUCCEEDED, "")
    assert sent(server) == ["", BASIC]


# Each protocol by itself


async def test_a_failure_that_another_endpoint_may_mend_says_why() -> None:
    with Entrance(versions=()) as server:
        server.fault(Answer(404), times=None)
        with pytest.raises(FallbackError, match="404 Not Found") as caught:
            await login_v2(LOGIN, v2(server.url))
    assert isinstance(caught.value.inner, HTTPStatusError)
    assert caught.value.inner.status == 404
    with pytest.raises(FallbackError, match="Nothing can be reached") as caught:
        await login_v1(LOGIN, v1(server.url))
    assert isinstance(caught.value.inner, ConnectionFailedError)


@pytest.mark.parametrize("attempt", [login_v2, login_v1])
async def test_an_endpoint_that_does_not_answer_is_given_up(attempt: Callable[..., object]) -> None:
    with Entrance() as server:
        server.fault("hang", times=None)
        with pytest.raises(FallbackError, match="did not answer it in time"):
            await attempt(LOGIN, v2(server.url), within=0.2)  # type: ignore[misc]


async def test_of_registry_and_token_server_the_one_that_does_not_answer_is_named(guarded: Tokens) -> None:
    tokens, registry = guarded
    tokens.fault("hang")
    with pytest.raises(ConnectionFailedError, match=f"{tokens.address} took the request and did not answer"):
        await login_v2(LOGIN, v2(registry.url), within=0.2)
    registry.fault("hang", after=1)
    with pytest.raises(ConnectionFailedError, match=f"{registry.address} took the request and did not answer"):
        await login_v2(LOGIN, v2(registry.url), within=0.2)


@pytest.mark.parametrize("version", [APIVersion.V2, APIVersion.V1])
async def test_a_login_can_be_given_up(version: APIVersion) -> None:
    with Entrance() as server, Entrance() as other:
        server.fault("hang")
        endpoints = [APIEndpoint(server.url, version), APIEndpoint(other.url, version)]
        attempt = asyncio.ensure_future(login(LOGIN, endpoints))
        await asyncio.to_thread(server.wait_for_requests, 1)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
    assert other.requests == []


# Where a login may go


@pytest.mark.parametrize("endpoint_of", [v2, v1])
@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_registry_that_leads_elsewhere_is_not_logged_in_to(
    status: int, endpoint_of: Callable[[str], APIEndpoint]
) -> None:
    """Who is there takes anybody: that would say nothing about the login."""
    with Entrance() as evil, Entrance() as good:
        location = f"{evil.url}/{endpoint_of('').version}/"
        versions = [("Docker-Distribution-Api-Version", "registry/2.0")]
        good.fault(Answer(status, headers=[*versions, ("Location", location)]), times=None)
        with pytest.raises(RedirectRefusedError, match=f"{good.address} leads to {evil.address}") as caught:
            await login(LOGIN, [endpoint_of(good.url)])
    assert evil.address in caught.value.next_step
    assert evil.requests
    assert not [line for line in sent(evil) if line]
    assert not [request for request in evil.requests if "canary" in f"{request}{request.headers}{request.body!r}"]


async def test_a_redirect_within_the_registry_keeps_the_login() -> None:
    with Entrance(["Basic realm=x"], accepts_basic) as server:
        server.fault(Answer(302, headers=[("Location", "/v1/users")]), "GET /v1/users/")
        assert await login(LOGIN, [v1(server.url)]) == (LOGIN_SUCCEEDED, "")
    assert sent(server) == [BASIC, BASIC]


async def test_the_login_that_is_tried_is_not_changed(guarded: Tokens) -> None:
    _, registry = guarded
    given = AuthConfig(username=USER, password=PASSWORD)
    await login(given, [v2(registry.url)])
    assert given == AuthConfig(username=USER, password=PASSWORD)


async def test_every_transport_is_closed_in_the_end() -> None:
    made, closed = [], []

    class Counted(httpx.AsyncBaseTransport):
        def __init__(self, tls: TLSConfig, modifiers: Sequence[RequestModifier]) -> None:
            self._base = new_transport(tls, modifiers)
            made.append(tls)

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return await self._base.handle_async_request(request)

        async def aclose(self) -> None:
            closed.append(self)
            await self._base.aclose()

    with Entrance(["Basic realm=x"], lambda _: False, versions=()) as server:
        endpoints = [APIEndpoint(server.url, tls_config=INSECURE), v1(server.url)]
        with pytest.raises(UnauthorizedError):
            await login(LOGIN, endpoints, make_transport=Counted)
    assert made == [INSECURE, TLSConfig()]
    assert len(closed) == 2
