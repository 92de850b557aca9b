"""What `AuthTransport` adds to which request, which tokens it remembers, and where neither of them goes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Final

import pytest
import trustme

from regbrowse.registry.docker_http import copy_of, http_client, new_transport
from regbrowse.registry.errors import RegistryError
from regbrowse.registry.redirects import KEEPS_LOGIN
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.v1.auth_transport import AuthTransport
from regbrowse.registry.wire import httpx
from regbrowse.registry.wiring import MOST_AT_ONCE
from tests.registry_server import Content, RegistryServer
from tests.v1_server import V1Server

AUTHORITY: Final = trustme.CA()
TLS: Final = TLSConfig(root_cas=(AUTHORITY.cert_pem.bytes().decode(),))
CANARY: Final = "canary-pass"
TOKEN: Final = "signature=canary-token"
LOGIN: Final = AuthConfig(username="ada", password=CANARY, email="ada@corp.test")
NAMELESS: Final = AuthConfig(password=CANARY)
ASKING: Final = {"X-Docker-Token": "true"}
URL: Final = "http://registry.corp/v1/x"


def basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


BASIC: Final = basic("ada", CANARY)


class Wire(httpx.AsyncBaseTransport):
    """Answers every request and remembers it."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.requests: list[httpx.Request] = []
        self.is_closed = False
        self._answers = list(answers)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answers.pop(0) if self._answers else httpx.Response(200)

    async def aclose(self) -> None:
        self.is_closed = True

    @property
    def authorizations(self) -> list[str | None]:
        return [request.headers.get("authorization") for request in self.requests]


def tokens(*values: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, headers=[(b"X-Docker-Token", value.encode()) for value in values])


def request(
    headers: Mapping[str, str] | None = None, *, url: str = URL, keeps_login: bool | None = None
) -> httpx.Request:
    extensions = {} if keeps_login is None else {KEEPS_LOGIN: keeps_login}
    return httpx.Request("GET", url, headers=headers, extensions=extensions)


async def send(transport: AuthTransport, *requests: httpx.Request) -> None:
    for each in requests:
        await transport.handle_async_request(each)


# The password


@pytest.mark.parametrize("given", [{}, ASKING, {"Authorization": "Bearer mine"}])
async def test_a_registry_that_stands_alone_gets_the_password_with_everything(given: dict[str, str]) -> None:
    wire = Wire()
    await send(AuthTransport(wire, LOGIN, True), request(given))
    assert wire.authorizations == [BASIC]


async def test_an_empty_login_is_sent_too_where_there_is_to_be_one() -> None:
    wire = Wire()
    await send(AuthTransport(wire, AuthConfig(), True), request())
    assert wire.authorizations == ["Basic Og=="]


async def test_no_login_where_there_is_to_be_one_is_an_error() -> None:
    wire = Wire()
    with pytest.raises(RegistryError, match="unexpected error: empty auth config"):
        await send(AuthTransport(wire, None, True), request())
    assert wire.requests == []


@pytest.mark.parametrize(
    ("login", "asked", "expected"),
    [
        (LOGIN, "true", BASIC),
        (AuthConfig(username="ada"), "true", basic("ada", "")),
        (LOGIN, None, None),
        (LOGIN, "True", None),
        (LOGIN, "true ", None),
        (LOGIN, "yes", None),
        (LOGIN, "", None),
        (NAMELESS, "true", None),
        (None, "true", None),
    ],
)
async def test_the_password_goes_with_a_request_for_a_token_if_there_is_a_user(
    login: AuthConfig | None, asked: str | None, expected: str | None
) -> None:
    wire = Wire()
    headers = {} if asked is None else {"X-Docker-Token": asked}
    await send(AuthTransport(wire, login, False), request(headers))
    assert wire.authorizations == [expected]


async def test_of_several_wishes_for_a_token_the_first_counts() -> None:
    wire = Wire()
    lines = [("X-Docker-Token", "false"), ("X-Docker-Token", "true")]
    await send(AuthTransport(wire, LOGIN, False), httpx.Request("GET", URL, headers=lines))
    await send(AuthTransport(wire, LOGIN, False), httpx.Request("GET", URL, headers=lines[::-1]))
    assert wire.authorizations == [None, BASIC]


async def test_what_the_caller_sends_is_left_alone() -> None:
    wire = Wire(tokens("t"))
    transport = AuthTransport(wire, LOGIN, False)
    await send(transport, request(), request({"Authorization": "Bearer mine", **ASKING}))
    assert wire.authorizations == [None, "Bearer mine"]


async def test_an_empty_authorization_is_none() -> None:
    wire = Wire()
    await send(AuthTransport(wire, LOGIN, False), request({"Authorization": "", **ASKING}))
    assert wire.authorizations == [BASIC]


async def test_a_login_is_sent_in_utf_8() -> None:
    wire = Wire()
    await send(AuthTransport(wire, AuthConfig(username="müller", password="pä:ß€"), True), request())
    assert wire.authorizations == [f"Basic {base64.b64encode('müller:pä:ß€'.encode()).decode()}"]


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("a:b", CANARY),
        (f"a\r\n{CANARY}", "b"),
        ("a", f"{CANARY}\n"),
        ("a", f"\x00{CANARY}"),
        ("a\x7f", CANARY),
        ("a", f"{CANARY}\ud800"),
    ],
)
@pytest.mark.parametrize("always", [False, True])
async def test_a_login_that_basic_cannot_carry_is_refused_without_being_told(
    username: str, password: str, always: bool
) -> None:
    wire = Wire()
    with pytest.raises(RegistryError, match="login cannot be sent") as caught:
        await send(AuthTransport(wire, AuthConfig(username=username, password=password), always), request(ASKING))
    assert wire.requests == []
    assert CANARY not in f"{caught.value} {caught.value!r} {caught.value.next_step}"


# The tokens


async def test_the_token_of_an_answer_goes_with_what_follows() -> None:
    wire = Wire(tokens(TOKEN))
    transport = AuthTransport(wire, LOGIN, False)
    await send(transport, request(ASKING), request(), request(url="http://storage.corp/v1/y"))
    assert wire.authorizations == [BASIC, f"Token {TOKEN}", f"Token {TOKEN}"]


async def test_several_tokens_go_together() -> None:
    wire = Wire(tokens('signature=1,repository="a/b"', "signature=2"))
    await send(AuthTransport(wire, None, False), request(), request())
    assert wire.authorizations == [None, 'Token signature=1,repository="a/b",signature=2']


@pytest.mark.parametrize("status", [200, 201, 307, 401, 404, 500])
async def test_a_token_is_taken_whatever_the_status_and_asked_for_or_not(status: int) -> None:
    wire = Wire(tokens(TOKEN, status=status))
    await send(AuthTransport(wire, None, False), request(), request())
    assert wire.authorizations == [None, f"Token {TOKEN}"]


async def test_a_token_is_taken_also_from_the_answer_to_a_callers_own_login() -> None:
    wire = Wire(tokens(TOKEN))
    await send(AuthTransport(wire, None, False), request({"Authorization": "Bearer mine"}), request())
    assert wire.authorizations == ["Bearer mine", f"Token {TOKEN}"]


async def test_newer_tokens_take_the_place_of_all_former_ones() -> None:
    wire = Wire(tokens("1", "2"), tokens("3"), httpx.Response(200))
    await send(AuthTransport(wire, None, False), *(request() for _ in range(4)))
    assert wire.authorizations == [None, "Token 1,2", "Token 3", "Token 3"]


async def test_a_user_who_asks_for_a_token_sends_the_password_even_with_a_token_at_hand() -> None:
    wire = Wire(tokens(TOKEN))
    await send(AuthTransport(wire, LOGIN, False), request(), request(ASKING))
    assert wire.authorizations == [None, BASIC]


@pytest.mark.parametrize("login", [None, NAMELESS])
async def test_nobody_who_asks_for_a_token_sends_the_one_at_hand(login: AuthConfig | None) -> None:
    wire = Wire(tokens(TOKEN))
    await send(AuthTransport(wire, login, False), request(), request(ASKING))
    assert wire.authorizations == [None, f"Token {TOKEN}"]


async def test_a_registry_that_stands_alone_gives_no_tokens() -> None:
    wire = Wire(tokens(TOKEN))
    await send(AuthTransport(wire, LOGIN, True), request(ASKING), request())
    assert wire.authorizations == [BASIC, BASIC]


@pytest.mark.parametrize("bad", ["", "a\r\nX-Evil: 1", "a\x00", "\x1b[31m", " a", "a ", "ä"])
async def test_a_token_that_no_header_can_carry_is_ignored(bad: str) -> None:
    wire = Wire(tokens("good"), tokens(bad), httpx.Response(200), tokens(bad, "better"))
    await send(AuthTransport(wire, None, False), *(request() for _ in range(5)))
    assert wire.authorizations == [None, "Token good", "Token good", "Token good", "Token better"]


async def test_every_transport_has_tokens_of_its_own() -> None:
    await send(AuthTransport(Wire(tokens(TOKEN)), None, False), request())
    wire = Wire()
    await send(AuthTransport(wire, None, False), request())
    assert wire.authorizations == [None]


# Redirects, of our client and of others


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("login", [LOGIN, None])
async def test_a_request_that_was_led_astray_is_sent_as_it_is(login: AuthConfig | None, always: bool) -> None:
    wire = Wire(tokens(TOKEN))
    transport = AuthTransport(wire, login, always)
    await send(transport, request(ASKING, keeps_login=False))
    await send(AuthTransport(wire, LOGIN, True), request(url="https://docker.io/x", keeps_login=False))
    assert wire.authorizations == [None, None]
    assert transport._tokens == ()


@pytest.mark.parametrize(("always", "expected"), [(False, "Token canary"), (True, BASIC)])
@pytest.mark.parametrize("referer", [{}, {"Referer": "http://registry.corp/"}])
async def test_a_request_that_was_led_to_where_it_may_log_in_does(
    always: bool, expected: str, referer: dict[str, str]
) -> None:
    wire = Wire(tokens("canary"))
    transport = AuthTransport(wire, LOGIN, always)
    await send(transport, request(), request(referer, keeps_login=True))
    assert wire.authorizations[1] == expected


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://index.docker.io/v1/x", True),
        ("https://docker.com:80/v1/x", True),
        ("http://index.docker.io/v1/x", False),
        ("https://docker.io.evil.test/v1/x", False),
        ("https://registry.corp/v1/x", False),
    ],
)
async def test_what_another_client_redirects_logs_in_at_trusted_locations_alone(
    url: str, may: bool, always: bool
) -> None:
    wire = Wire(tokens(TOKEN))
    transport = AuthTransport(wire, LOGIN, always)
    await send(transport, request({"Referer": "https://index.docker.io/v1/", **ASKING}, url=url))
    assert wire.authorizations == [BASIC if may else None]
    assert transport._tokens == ((TOKEN,) if may and not always else ())


async def test_an_empty_referer_says_nothing() -> None:
    wire = Wire()
    await send(AuthTransport(wire, LOGIN, False), request({"Referer": "", **ASKING}))
    assert wire.authorizations == [BASIC]


async def test_what_another_client_redirects_keeps_what_it_carries() -> None:
    wire = Wire()
    await send(AuthTransport(wire, LOGIN, True), request({"Referer": "http://a/", "Authorization": "Bearer mine"}))
    assert wire.authorizations == ["Bearer mine"]


# The manners of a transport


async def test_the_callers_request_is_not_changed() -> None:
    wire = Wire()
    given = request(ASKING)
    before = copy_of(given)
    await send(AuthTransport(wire, LOGIN, False), given)
    assert (given.headers, given.extensions) == (before.headers, before.extensions)
    assert wire.requests[0] is not given


async def test_the_base_is_closed_with_it() -> None:
    wire = Wire()
    async with AuthTransport(wire, LOGIN, False):
        assert not wire.is_closed
    assert wire.is_closed


async def test_nothing_of_the_login_is_shown() -> None:
    transport = AuthTransport(Wire(tokens(TOKEN)), LOGIN, True)
    await send(transport, request())
    shown = f"{transport!r} {transport}"
    assert not [secret for secret in (CANARY, TOKEN, BASIC) if secret in shown]


async def test_without_a_base_there_is_one() -> None:
    with V1Server() as server:
        async with AuthTransport(None, LOGIN, True) as transport:
            response = await transport.handle_async_request(httpx.Request("GET", f"{server.base}_ping"))
            assert await response.aread()
            await response.aclose()
        assert server.requests[0].all("Authorization") == [BASIC]


async def test_a_request_that_is_given_up_leaves_its_connection() -> None:
    with RegistryServer(Content()) as server:
        server.fault("GET /x", "hang", times=None)
        async with http_client(AuthTransport(new_transport(), LOGIN, False)) as client:
            for number in range(1, MOST_AT_ONCE + 1):
                task = asyncio.create_task(client.get(f"{server.url}/x"))
                await asyncio.to_thread(server.wait_for_requests, number)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert (await client.get(f"{server.url}/v2/")).status_code == 200


# With our client, on sockets


@pytest.fixture
def good() -> Iterator[V1Server]:
    with V1Server() as server:
        yield server


@pytest.fixture
def tls() -> Iterator[V1Server]:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as server:
        yield server


@pytest.fixture
def evil() -> Iterator[V1Server]:
    """Gives a token of its own to everybody."""
    with V1Server() as server:
        server.fault("", status=200, headers={"X-Docker-Token": "evil"}, times=None)
        yield server


MakeClient = Callable[[bool], httpx.AsyncClient]


@pytest.fixture
async def make() -> AsyncIterator[MakeClient]:
    clients = []

    def make(always: bool) -> httpx.AsyncClient:
        clients.append(http_client(AuthTransport(new_transport(TLS), LOGIN, always)))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


def assert_no_secret_at(server: V1Server) -> None:
    assert server.requests
    for seen in server.requests:
        assert not [secret for secret in (CANARY, TOKEN, BASIC) if secret in f"{seen.path} {seen.lines}"]
        assert "authorization" not in seen.headers


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("origin", ["good", "tls"])
async def test_neither_password_nor_token_goes_to_another_origin(
    origin: str, good: V1Server, tls: V1Server, evil: V1Server, make: MakeClient, always: bool
) -> None:
    """Over https → http, where there is no `Referer`, Docker sends both."""
    server = tls if origin == "tls" else good
    server.fault("GET /token", status=200, headers={"X-Docker-Token": TOKEN})
    server.fault("GET /x", status=307, headers={"Location": f"{evil.url}/y"})
    server.fault("PUT /x", status=307, headers={"Location": f"{evil.url}/y"})
    client = make(always)
    await client.get(f"{server.url}/token", headers=ASKING)
    await client.get(f"{server.url}/x")
    await client.put(f"{server.url}/x", headers=ASKING, content=b"{}")
    assert len(evil.requests) == 2
    assert_no_secret_at(evil)
    first = BASIC if always else f"Token {TOKEN}"
    assert [seen.all("Authorization") for seen in server.requests[1:]] == [[first], [BASIC]]


async def test_the_tokens_of_another_origin_are_not_taken(good: V1Server, evil: V1Server, make: MakeClient) -> None:
    good.fault("GET /x", status=307, headers={"Location": f"{evil.url}/y"})
    client = make(False)
    await client.get(f"{good.url}/x")
    await client.get(f"{good.base}_ping")
    assert "authorization" not in good.requests[-1].headers


async def test_a_chain_that_left_does_not_log_in_when_it_is_back(good: V1Server, make: MakeClient) -> None:
    with V1Server() as away:
        good.fault("GET /x", status=307, headers={"Location": f"{away.url}/y"})
        away.fault("GET /y", status=307, headers={"Location": f"{good.base}_ping"})
        await make(True).get(f"{good.url}/x")
        assert_no_secret_at(away)
    assert [seen.all("Authorization") for seen in good.requests] == [[BASIC], []]


@pytest.mark.parametrize("always", [False, True])
async def test_a_redirect_within_the_origin_logs_in_again(good: V1Server, make: MakeClient, always: bool) -> None:
    good.fault("GET /x", status=307, headers={"Location": "/v1/_ping"})
    await make(always).get(f"{good.url}/x", headers=ASKING)
    assert [seen.all("Authorization") for seen in good.requests] == [[BASIC], [BASIC]]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("https://cdn.docker.com/y", BASIC),
        ("http://cdn.docker.com/y", None),
        ("https://cdn.evil.test/y", None),
    ],
)
async def test_a_redirect_of_docker_hub_logs_in_at_trusted_locations_alone(target: str, expected: str | None) -> None:
    wire = Wire(httpx.Response(307, headers={"Location": target}))
    async with http_client(AuthTransport(wire, LOGIN, True)) as client:
        await client.get("https://index.docker.io/x")
    assert wire.authorizations == [BASIC, expected]
