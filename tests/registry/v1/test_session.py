"""What a session asks a v1 registry and its index for, and what it makes of the answers (§9 and §14)."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.constants import INDEX_SERVER
from regbrowse.registry.docker_http import http_client, new_transport
from regbrowse.registry.errors import (
    ConfigError,
    ConnectionFailedError,
    HTTPStatusError,
    InvalidReferenceError,
    LimitExceededError,
    MalformedDocumentError,
    RedirectRefusedError,
    RegistryError,
    RepositoryNotFoundError,
    UnauthorizedError,
)
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.service.config import IndexInfo
from regbrowse.registry.service.repository_info import RepositoryInfo, parse_repository_info
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.v1.calls import LIST_LIMIT
from regbrowse.registry.v1.endpoint import V1Endpoint
from regbrowse.registry.v1.models import (
    ImgData,
    parse_ancestry,
    parse_endpoints,
    parse_images,
    parse_search,
    parse_tag,
    parse_tags,
)
from regbrowse.registry.v1.session import Session
from regbrowse.registry.wire import httpx
from tests.registry.v1.conversing import BASIC, ID, LOGIN, PASSWORD, USER, conversing, conversing_with_nobody
from tests.v1_content import V1Content, image_id, small_content
from tests.v1_server import V1Server

AUTHORITY: Final = trustme.CA()
TLS: Final = TLSConfig(root_cas=(AUTHORITY.cert_pem.bytes().decode(),))
PLAIN: Final = TLSConfig(insecure_skip_verify=True)
APP: Final = image_id("app")
SOLO: Final = RepositoryInfo("reg.corp/solo", "reg.corp/solo", "solo", "reg.corp", IndexInfo("reg.corp"))


@pytest.fixture
def content() -> V1Content:
    return small_content()


@pytest.fixture
def server(content: V1Content) -> Iterator[V1Server]:
    with V1Server(content) as server:
        yield server


@pytest.fixture
def other() -> Iterator[V1Server]:
    """Another origin, which answers everything."""
    with V1Server() as server:
        server.fault("", status=200, body=b"[]", times=None)
        yield server


def assert_no_secret_at(server: V1Server) -> None:
    for request in server.requests:
        assert "authorization" not in request.headers
        assert "cookie" not in request.headers


# A new session (§9)


@pytest.mark.parametrize("login", [None, LOGIN])
async def test_a_registry_over_plain_http_is_not_pinged(server: V1Server, login: AuthConfig | None) -> None:
    async with conversing(server, login):
        assert server.requests == []


@pytest.mark.parametrize("login", [None, LOGIN])
async def test_a_registry_over_https_is_pinged(login: AuthConfig | None) -> None:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as server:
        async with conversing(server, login, tls=TLS):
            assert [str(request) for request in server.requests] == ["GET /v1/_ping"]


async def test_the_index_of_docker_hub_is_not_pinged() -> None:
    async with V1Endpoint(INDEX_SERVER.removesuffix("/v1/"), TLSConfig()) as endpoint:
        await endpoint.client.aclose()  # so that a request would fail
        async with await Session.new(endpoint.client, LOGIN, endpoint):
            pass


async def test_a_ping_that_fails_ends_the_session(server: V1Server) -> None:
    with pytest.raises(ConnectionFailedError):
        async with conversing(f"https://{server.address}", LOGIN):
            pass


@pytest.mark.parametrize(
    ("mode", "login", "authorization"),
    [("standalone", LOGIN, BASIC), ("standalone", None, None), ("index", LOGIN, None)],
)
async def test_the_login_goes_always_to_a_registry_over_https_that_stands_alone(
    mode: Any, login: AuthConfig | None, authorization: str | None
) -> None:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1"), mode=mode) as server:
        server.fault("GET /v1/images", status=404)
        async with conversing(server, login, tls=TLS) as session:
            with pytest.raises(HTTPStatusError):
                await session.lookup_remote_image(ID, server.base)
    ping, asked = server.requests
    assert "authorization" not in ping.headers
    assert asked.headers.get("authorization") == authorization


async def test_the_login_goes_over_plain_http_only_for_a_token(server: V1Server) -> None:
    async with conversing(server, LOGIN) as session:
        await session.get_remote_tags([server.base], "team/app")
        await session.get_repository_data("team/app")
    tags, data = server.requests
    assert "authorization" not in tags.headers
    assert data.headers["authorization"] == BASIC


async def test_the_token_of_the_index_goes_with_what_follows() -> None:
    with V1Server(mode="index", auth=("basic", USER, PASSWORD)) as server:
        async with conversing(server, LOGIN) as session:
            data = await session.get_repository_data("team/app")
            tags = await session.get_remote_tags(data.endpoints, "team/app")
            assert await session.get_remote_history(tags["1.0"], data.endpoints[0])
    assert data.endpoints == (server.base,)
    assert data.tokens == ()
    assert [request.headers["authorization"][:6] for request in server.requests] == ["Basic ", "Token ", "Token "]


async def test_cookies_are_kept_for_the_session_alone(server: V1Server) -> None:
    server.fault("GET /v1/images", headers={"Set-Cookie": "session=one; Path=/"}, times=None)
    async with V1Endpoint(server.url, PLAIN) as endpoint:
        for _ in range(2):
            async with await Session.new(endpoint.client, None, endpoint) as session:
                await session.lookup_remote_image(APP, server.base)
                await session.lookup_remote_image(APP, server.base)
    assert [request.headers.get("cookie") for request in server.requests] == [None, "session=one"] * 2


async def test_the_client_stays_as_it_is_and_open(server: V1Server) -> None:
    transport = new_transport()
    async with http_client(transport) as client, V1Endpoint(server.url, PLAIN) as endpoint:
        before = (client._transport, client.follow_redirects, client.headers.copy(), dict(client.cookies))
        async with await Session.new(client, LOGIN, endpoint) as session:
            await session.lookup_remote_image(APP, server.base)
        assert (client._transport, client.follow_redirects, client.headers, dict(client.cookies)) == before
        assert not client.is_closed
        assert (await client.get(server.base + "_ping")).status_code == 200


async def test_a_session_that_has_ended_sends_nothing(server: V1Server) -> None:
    async with conversing(server) as session:
        await session.aclose()
        with pytest.raises(RuntimeError):
            await session.lookup_remote_image(APP, server.base)
    assert server.requests == []


async def test_any_client_will_do_and_its_own_login_stays_behind(server: V1Server, other: V1Server) -> None:
    server.fault("GET /v1/images", status=307, headers={"Location": f"{other.base}images/x/ancestry"})
    async with (
        httpx.AsyncClient(auth=("mallory", "pass"), follow_redirects=True, trust_env=False) as client,
        V1Endpoint(server.url, PLAIN) as endpoint,
        await Session.new(client, None, endpoint) as session,
    ):
        assert await session.get_remote_history(ID, server.base) == []
    assert_no_secret_at(server)
    assert_no_secret_at(other)


async def test_the_headers_of_the_endpoint_go_with_every_call(server: V1Server) -> None:
    async with (
        V1Endpoint(server.url, PLAIN, "docker/17.07", {"X-Meta": ["one", "two"]}) as endpoint,
        await Session.new(endpoint.client, None, endpoint) as session,
    ):
        await session.lookup_remote_image(APP, server.base)
    assert server.requests[0].all("user-agent") == ["docker/17.07"]
    assert server.requests[0].all("x-meta") == ["one", "two"]
    assert server.requests[0].all("accept-encoding") == ["identity"]


async def test_an_id_is_64_hexadecimal_digits(server: V1Server) -> None:
    async with conversing(server) as one, conversing(server) as two:
        assert len(one.id) == 64
        assert set(one.id) <= set("0123456789abcdef")
        assert one.id != two.id


async def test_an_id_that_begins_like_a_number_is_drawn_anew(server: V1Server, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["123456789012" + "a" * 52, "12345678901b" + "0" * 52])
    monkeypatch.setattr(secrets, "token_hex", lambda _: next(drawn))
    async with conversing(server) as session:
        assert session.id == "12345678901b" + "0" * 52


@pytest.mark.parametrize(
    ("login", "with_password", "expected"),
    [
        (AuthConfig("ada", "p", email="e", identity_token="t"), True, AuthConfig("ada", "p")),
        (AuthConfig("ada", "p", email="e", identity_token="t"), False, AuthConfig("ada")),
        (None, True, AuthConfig()),
    ],
)
async def test_a_session_tells_its_login(
    server: V1Server, login: AuthConfig | None, with_password: bool, expected: AuthConfig
) -> None:
    async with conversing(server, login) as session:
        assert session.get_auth_config(with_password) == expected


# The calls that read (§14): each with its request, its success, and its failures

Call = Callable[[Session, str], Awaitable[Any]]


async def history(session: Session, registry: str) -> Any:
    return await session.get_remote_history(ID, registry)


async def lookup(session: Session, registry: str) -> Any:
    return await session.lookup_remote_image(ID, registry)


async def image_json(session: Session, registry: str) -> Any:
    return await session.get_remote_image_json(ID, registry)


async def tag(session: Session, registry: str) -> Any:
    return await session.get_remote_tag([registry], "team/app", "1.0")


async def tags(session: Session, registry: str) -> Any:
    return await session.get_remote_tags([registry], "team/app")


async def data(session: Session, registry: str) -> Any:
    return await session.get_repository_data("team/app")


CALLS: Final[list[Call]] = [history, lookup, image_json, tag, tags, data]
every_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)


@pytest.mark.parametrize(
    ("call", "request_line"),
    [
        (history, f"GET /v1/images/{ID}/ancestry"),
        (lookup, f"GET /v1/images/{ID}/json"),
        (image_json, f"GET /v1/images/{ID}/json"),
        (tag, "GET /v1/repositories/team/app/tags/1.0"),
        (tags, "GET /v1/repositories/team/app/tags"),
        (data, "GET /v1/repositories/team/app/images"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_call_is_one_request(server: V1Server, call: Call, request_line: str) -> None:
    server.fault("GET ", status=200, body=b"null")
    async with conversing(server) as session:
        await call(session, server.base)
    assert [str(request) for request in server.requests] == [request_line]
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert ("x-docker-token" in server.requests[0].headers) is (call is data)


@pytest.mark.parametrize(
    ("call", "body", "result"),
    [
        (history, b'["c", "b", "a"]', ["c", "b", "a"]),
        (history, b"null", []),
        (history, b'["c", null] more', ["c", ""]),
        (lookup, b"", None),
        (lookup, b"no JSON", None),
        (image_json, b' {"id" : 1}\n', (b' {"id" : 1}\n', -1)),
        (image_json, b"", (b"", -1)),
        (tag, b'"3f"', "3f"),
        (tag, b'"3f" more', "3f"),
        (tag, b"null", ""),
        (tags, b'{"1.0": "3f", "Latest": "4a"}', {"1.0": "3f", "Latest": "4a"}),
        (tags, b'{"1.0": null}', {"1.0": ""}),
        (tags, b"null", {}),
    ],
)
async def test_an_answer_is_read(server: V1Server, call: Call, body: bytes, result: object) -> None:
    server.fault("GET ", status=200, body=body)
    async with conversing(server) as session:
        assert await call(session, server.base) == result


@pytest.mark.parametrize(
    ("call", "status", "kind", "text"),
    [
        (history, 401, UnauthorizedError, "authentication required"),
        (history, 404, HTTPStatusError, f"Server error: 404 trying to fetch remote history for {ID}"),
        (history, 500, HTTPStatusError, f"Server error: 500 trying to fetch remote history for {ID}"),
        (history, 204, HTTPStatusError, f"Server error: 204 trying to fetch remote history for {ID}"),
        (lookup, 401, HTTPStatusError, "HTTP code 401"),
        (lookup, 404, HTTPStatusError, "HTTP code 404"),
        (lookup, 201, HTTPStatusError, "HTTP code 201"),
        (image_json, 401, HTTPStatusError, "HTTP code 401"),
        (image_json, 404, HTTPStatusError, "HTTP code 404"),
        (image_json, 206, HTTPStatusError, "HTTP code 206"),
        (tag, 404, RepositoryNotFoundError, "Repository not found"),
        (tag, 401, RegistryError, "Could not reach any registry endpoint"),
        (tag, 500, RegistryError, "Could not reach any registry endpoint"),
        (tags, 404, RepositoryNotFoundError, "Repository not found"),
        (tags, 401, RegistryError, "Could not reach any registry endpoint"),
        (tags, 503, RegistryError, "Could not reach any registry endpoint"),
        (data, 401, UnauthorizedError, "authentication required"),
        (data, 404, HTTPStatusError, "HTTP code: 404"),
        (data, 500, HTTPStatusError, '500 .*: "the body"'),
        (data, 202, HTTPStatusError, '202 .*: "the body"'),
    ],
)
async def test_a_status_is_told(
    server: V1Server, call: Call, status: int, kind: type[RegistryError], text: str
) -> None:
    server.fault("GET ", status=status, body=b"" if status == 204 else b"the body", times=None)
    async with conversing(server) as session:
        with pytest.raises(kind, match=text) as caught:
            await call(session, server.base)
    assert getattr(caught.value, "status", status) == status
    assert server.address in caught.value.user_message


@pytest.mark.parametrize("call", [lookup, image_json, tag, tags], ids=lambda call: call.__name__)
async def test_a_401_is_unauthorized_only_where_docker_says_so(server: V1Server, call: Call) -> None:
    server.fault("GET ", status=401, times=None)
    async with conversing(server) as session:
        with pytest.raises(RegistryError) as caught:
            await call(session, server.base)
    assert not isinstance(caught.value, UnauthorizedError)


async def test_a_failure_keeps_the_registrys_own_words(server: V1Server) -> None:
    async with conversing(server) as session:
        with pytest.raises(HTTPStatusError) as caught:
            await session.lookup_remote_image(ID, server.base)
    assert caught.value.detail == "Image not found"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (history, "{address} closed the connection"),
        (lookup, "{address} closed the connection"),
        (image_json, "Failed to download json: {address} closed the connection"),
        (tag, "{address} closed the connection"),
        (tags, "{address} closed the connection"),
        (data, "Error while pulling image: {address} closed the connection"),
    ],
)
async def test_a_connection_without_an_answer_is_told(server: V1Server, call: Call, text: str) -> None:
    server.fault("GET ", close=True, times=None)
    async with conversing(server) as session:
        with pytest.raises(ConnectionFailedError, match=text.format(address=server.address)):
            await call(session, server.base)


@every_call
async def test_an_answer_that_breaks_off_is_a_failure(server: V1Server, call: Call) -> None:
    server.fault("GET ", status=200, body=b"[" + b" " * 1000, cut_after=500)
    async with conversing(server) as session:
        with pytest.raises(ConnectionFailedError, match=f"{server.address} broke off its answer"):
            await call(session, server.base)


async def test_a_network_that_does_not_answer_in_time_is_told_for_repository_data(server: V1Server) -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ReadTimeout("")

    async with (
        http_client(Silent()) as client,
        V1Endpoint(server.url, PLAIN) as endpoint,
        await Session.new(client, None, endpoint) as session,
    ):
        with pytest.raises(ConnectionFailedError, match="Network timed out while trying to connect to http://127") as e:
            await session.get_repository_data("team/app")
    assert "repositories/team/app/images" in e.value.user_message


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (history, b'{"a": "b"}'),
        (history, b'["a", 1]'),
        (history, b"[" * 100_000),
        (history, b'["\\u001b[2J"]'),
        (history, b""),
        (tag, b"5"),
        (tag, b'["3f"]'),
        (tag, b'"a\\u0000"'),
        (tags, b'["1.0"]'),
        (tags, b'[{"name": "1.0", "layer": "3f"}]'),
        (tags, b'{"1.0": {}}'),
        (tags, b'{"\\u202e1.0": "3f"}'),
        (tags, b"<html><title>Log in</title>"),
        (data, b"{}"),
        (data, b"[[]]"),
        (data, b'[{"id": 5}]'),
        (data, b'[{"id": "a\\n"}]'),
        (data, b"NaN"),
    ],
)
async def test_an_answer_of_a_wrong_shape_is_malformed(server: V1Server, call: Call, body: bytes) -> None:
    server.fault("GET ", status=200, body=body)
    async with conversing(server) as session:
        with pytest.raises(MalformedDocumentError):
            await call(session, server.base)


async def test_a_history_that_cannot_be_read_is_told_in_dockers_words(server: V1Server) -> None:
    server.fault("GET ", status=200, body=b"[")
    async with conversing(server) as session:
        with pytest.raises(MalformedDocumentError, match="Error while reading the http response: "):
            await session.get_remote_history(ID, server.base)


@pytest.mark.parametrize("call", [history, image_json, tag, tags, data], ids=lambda call: call.__name__)
async def test_an_endless_answer_is_not_read_to_its_end(server: V1Server, call: Call) -> None:
    server.fault("GET ", status=200, body=b" " * (LIST_LIMIT + 1))
    async with conversing(server) as session:
        with pytest.raises(LimitExceededError):
            await call(session, server.base)


async def test_the_words_of_a_failure_are_cut(server: V1Server) -> None:
    server.fault("GET ", status=500, body=b"\x1b[2J" + b"x" * 1_000_000)
    async with conversing(server) as session:
        with pytest.raises(HTTPStatusError) as caught:
            await session.get_repository_data("team/app")
    assert "\x1b" not in caught.value.user_message
    assert len(caught.value.user_message) < 600


@pytest.mark.parametrize(
    ("header", "size"),
    [({}, -1), ({"X-Docker-Size": ""}, -1), *(({"X-Docker-Size": t}, int(t)) for t in ("0", "42", "-5", "+7", "007"))],
)
async def test_the_size_of_a_layer_is_read_from_its_header(server: V1Server, header: dict[str, str], size: int) -> None:
    server.fault("GET ", status=200, body=b"{}", headers=header)
    async with conversing(server) as session:
        assert await session.get_remote_image_json(ID, server.base) == (b"{}", size)


@pytest.mark.parametrize("text", ["big", "1_000", "0x10", "1.5", "1 2", "٣", "9" * 30])
async def test_a_size_that_is_no_number_is_malformed(server: V1Server, text: str) -> None:
    server.fault("GET ", status=200, body=b"{}", headers={"X-Docker-Size": text})
    async with conversing(server) as session:
        with pytest.raises(MalformedDocumentError, match="size of image"):
            await session.get_remote_image_json(ID, server.base)


async def test_a_registry_is_read_from_its_tags_to_its_images(server: V1Server, content: V1Content) -> None:
    async with conversing(server) as session:
        found = await session.get_remote_tags([server.base], "team/app")
        assert found == content.repositories["team/app"].tags
        assert await session.get_remote_tag([server.base], "team/app", "1.0") == APP
        assert await session.get_remote_history(APP, server.base) == content.ancestry(APP)
        await session.lookup_remote_image(APP, server.base)
        raw, size = await session.get_remote_image_json(APP, server.base)
    assert raw == content.images[APP].json
    assert size == len(content.images[APP].layer or b"")


# Tags: which registry, and which name


@pytest.fixture
def second() -> Iterator[V1Server]:
    with V1Server() as server:
        yield server


@pytest.mark.parametrize("status", [201, 206, 400, 401, 403, 500, 503])
@pytest.mark.parametrize("call", ["get_remote_tag", "get_remote_tags"])
async def test_another_registry_is_asked_after_a_failure(
    server: V1Server, second: V1Server, call: str, status: int
) -> None:
    server.fault("GET ", status=status)
    bases = [server.base, second.base]
    async with conversing(server) as session:
        if call == "get_remote_tag":
            assert await session.get_remote_tag(bases, "team/app", "1.0") == APP
        else:
            assert (await session.get_remote_tags(bases, "team/app"))["1.0"] == APP
    assert len(server.requests) == len(second.requests) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 404}, RepositoryNotFoundError),
        ({"close": True}, ConnectionFailedError),
        ({"status": 200, "body": b"[]"}, MalformedDocumentError),
    ],
    ids=["404", "no answer", "bad JSON"],
)
async def test_no_other_registry_is_asked(
    server: V1Server, second: V1Server, fault: dict[str, Any], kind: type[RegistryError]
) -> None:
    server.fault("GET ", **fault)
    async with conversing(server) as session:
        with pytest.raises(kind):
            await session.get_remote_tags([server.base, second.base], "team/app")
    assert second.requests == []


async def test_the_registries_that_failed_are_told(server: V1Server, second: V1Server) -> None:
    server.fault("GET ", status=401)
    second.fault("GET ", status=500)
    async with conversing(server) as session:
        with pytest.raises(RegistryError, match="Could not reach any registry endpoint") as caught:
            await session.get_remote_tags([server.base, second.base], "team/app")
    assert f"{server.address} answered with status 401" in caught.value.user_message
    assert f"{second.address} answered with status 500" in caught.value.user_message


async def test_without_a_registry_none_is_reached(server: V1Server) -> None:
    async with conversing(server) as session:
        with pytest.raises(RegistryError, match="Could not reach any registry endpoint"):
            await session.get_remote_tags([], "team/app")


@pytest.mark.parametrize(
    ("repository", "tags_of", "data_of"),
    [
        ("base", "library/base", "library/base"),
        ("library/base", "library/base", "library/base"),
        ("team/app", "team/app", "team/app"),
        ("docker.io/base", "library/base", "library/base"),
        ("index.docker.io/team/app", "team/app", "team/app"),
        ("reg.corp/team/app", "team/app", "team/app"),
        ("localhost/team/app:1.0", "team/app", "team/app"),
        ("reg.corp:5000/a/b/c", "a/b/c", "a/b/c"),
        ("reg.corp/solo", "library/solo", "solo"),
        (SOLO, "library/solo", "solo"),
    ],
)
async def test_a_repository_is_asked_for_by_its_remote_name(
    server: V1Server, repository: str | RepositoryInfo, tags_of: str, data_of: str
) -> None:
    server.fault("GET ", status=200, body=b"null", times=None)
    async with conversing(server) as session:
        await session.get_remote_tags([server.base], repository)
        await session.get_remote_tag([server.base], repository, "1.0")
        await session.get_repository_data(repository)
    assert [request.path for request in server.requests] == [
        f"/v1/repositories/{tags_of}/tags",
        f"/v1/repositories/{tags_of}/tags/1.0",
        f"/v1/repositories/{data_of}/images",
    ]


async def test_a_parsed_repository_is_as_good_as_its_name(server: V1Server) -> None:
    info = await parse_repository_info(f"{server.address}/team/app:1.0")
    async with conversing(server) as session:
        assert await session.get_remote_tag([server.base], info, "1.0") == APP


# Names that would lead a request astray

BAD_SEGMENTS: Final = [
    "",
    ".",
    "..",
    "../../../etc",
    "a/b",
    "a?b",
    "a#b",
    "a b",
    "a%2fb",
    "a\\b",
    "a\n",
    "a\r\nX-Evil: 1",
    "é",
    "a" * 256,
    "\x00",
    "@evil",
]


REGISTRY: Final = "http://reg.corp/v1/"


@pytest.mark.parametrize("img_id", BAD_SEGMENTS)
async def test_an_id_that_leads_astray_is_never_sent(img_id: str) -> None:
    async with conversing_with_nobody() as session:
        for call in (session.get_remote_history, session.lookup_remote_image, session.get_remote_image_json):
            with pytest.raises(InvalidReferenceError):
                await call(img_id, REGISTRY)
        with pytest.raises(InvalidReferenceError):
            await session.get_remote_image_layer(img_id, REGISTRY, 5)


@pytest.mark.parametrize("asked_tag", BAD_SEGMENTS)
async def test_a_tag_that_leads_astray_is_never_sent(asked_tag: str) -> None:
    async with conversing_with_nobody() as session:
        with pytest.raises(InvalidReferenceError):
            await session.get_remote_tag([REGISTRY], "team/app", asked_tag)


MADE: Final = RepositoryInfo("x", "x", "a/../../b", "reg.corp", IndexInfo("reg.corp"))


@pytest.mark.parametrize(
    "repository",
    ["", "a/../b", "a//b", "/a", "a/", "a?b", "Team/app", "reg.corp/..", f"{ID}", "a b", "reg.corp/a\n", MADE],
)
async def test_a_repository_that_leads_astray_is_never_sent(repository: str | RepositoryInfo) -> None:
    async with conversing_with_nobody() as session:
        with pytest.raises(InvalidReferenceError):
            await session.get_remote_tags([REGISTRY], repository)
        with pytest.raises(InvalidReferenceError):
            await session.get_repository_data(repository)


@pytest.mark.parametrize("registry", ["", "reg.corp/v1/", "ftp://reg.corp/v1/", "http:///v1/", "http://u:canary@h/v1/"])
async def test_a_registry_that_is_no_address_is_refused(registry: str) -> None:
    async with conversing_with_nobody() as session:
        with pytest.raises(ConfigError) as caught:
            await session.lookup_remote_image(ID, registry)
    assert "canary" not in f"{caught.value!r} {caught.value.next_step}"


async def test_a_hostile_history_does_not_get_far(server: V1Server) -> None:
    server.fault("GET ", status=200, body=json.dumps([APP, "../../users"]).encode())
    async with conversing(server) as session:
        _, parent = await session.get_remote_history(APP, server.base)
        with pytest.raises(InvalidReferenceError):
            await session.get_remote_image_json(parent, server.base)
    assert len(server.requests) == 1


# What the index knows


async def test_repository_data_has_the_images_by_id(server: V1Server) -> None:
    images = [{"ID": "a", "CHECKSUM": "c"}, {"id": "b", "tag": "1.0", "more": 1}, {"id": "a", "checksum": None}]
    server.fault("GET ", status=200, body=json.dumps(images).encode())
    async with conversing(server) as session:
        found = await session.get_repository_data("team/app")
    assert found.img_list == {"a": ImgData("a"), "b": ImgData("b", tag="1.0")}


@pytest.mark.parametrize(
    ("lines", "entries"),
    [
        ([], ["H"]),
        ([""], ["H"]),
        (["", "b.corp"], ["H"]),
        (["a.corp"], ["a.corp"]),
        (["a.corp, b.corp:5000 ,c.corp", "d.corp"], ["a.corp", "b.corp:5000", "c.corp", "d.corp"]),
        (["a.corp,,b.corp", ""], ["a.corp", "", "b.corp", ""]),
    ],
)
async def test_endpoints_are_read_from_their_headers(server: V1Server, lines: list[str], entries: list[str]) -> None:
    headers = [("X-Docker-Endpoints", line) for line in lines]
    server.fault("GET ", status=200, body=b"[]", headers=headers)
    async with conversing(server) as session:
        found = await session.get_repository_data("team/app")
    assert found.endpoints == tuple(f"http://{entry}/v1/".replace("H", server.address) for entry in entries)


def test_endpoints_have_the_scheme_of_the_index() -> None:
    assert parse_endpoints(["a.corp"], "https") == ("https://a.corp/v1/",)


async def test_the_index_below_a_path_names_registries_without_it(server: V1Server) -> None:
    server.fault("GET ", status=200, body=b"[]")
    async with conversing(f"{server.url}/prefix") as session:
        found = await session.get_repository_data("team/app")
    assert server.requests[0].path == "/prefix/v1/repositories/team/app/images"
    assert found.endpoints == (server.base,)


@given(st.lists(st.text()), st.binary())
def test_any_answer_of_an_index_is_read_or_malformed(lines: list[str], body: bytes) -> None:
    parse_endpoints(lines, "https")
    for parse in (parse_images, parse_ancestry, parse_tag, parse_tags, parse_search):
        with contextlib.suppress(MalformedDocumentError):
            parse(body)


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "Tag", "results", "name"]), inner),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_read_or_malformed(value: object) -> None:
    body = json.dumps(value).encode()
    for parse in (parse_images, parse_ancestry, parse_tag, parse_tags, parse_search):
        with contextlib.suppress(MalformedDocumentError):
            parse(body)


# Redirects (§9 and §17)


@every_call
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_without_the_login(
    server: V1Server, second: V1Server, call: Call, status: int
) -> None:
    server.fault("GET ", status=status, headers={"Location": f"{second.base}elsewhere"})
    async with conversing(server, LOGIN) as session:
        with pytest.raises(RegistryError) as caught:
            await call(session, server.base)
    assert [str(request) for request in second.requests] == ["GET /v1/elsewhere"]
    assert second.address in caught.value.user_message
    assert_no_secret_at(second)


async def test_a_login_that_goes_always_does_not_go_to_plain_http(other: V1Server) -> None:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as server:
        server.fault("GET /v1/images", status=302, headers={"Location": f"{other.base}elsewhere"})
        async with conversing(server, LOGIN, tls=TLS) as session:
            assert await session.get_remote_history(ID, server.base) == []
    assert server.requests[-1].headers["authorization"] == BASIC
    assert_no_secret_at(other)


async def test_a_token_does_not_go_elsewhere(other: V1Server) -> None:
    with V1Server(mode="index") as server:
        async with conversing(server, LOGIN) as session:
            await session.get_repository_data("team/app")
            server.fault("GET ", status=307, headers={"Location": f"{other.base}elsewhere"})
            await session.get_remote_history(ID, server.base)
    assert server.requests[-1].headers["authorization"].startswith("Token ")
    assert_no_secret_at(other)


async def test_a_circle_of_redirects_is_refused(server: V1Server) -> None:
    server.fault("GET ", status=302, headers={"Location": f"/v1/images/{ID}/json"}, times=None)
    async with conversing(server) as session:
        with pytest.raises(RedirectRefusedError):
            await session.lookup_remote_image(ID, server.base)
    assert len(server.requests) == 1


async def test_the_password_goes_to_no_registry_that_another_one_names() -> None:
    authority = trustme.CA()
    stranger = V1Server(tls=authority.issue_cert("127.0.0.1"))
    auth = ("basic", "ada", "canary-pass")
    home = V1Server(tls=authority.issue_cert("127.0.0.1"), auth=auth, endpoints=[stranger.address])  # type: ignore[arg-type]
    with stranger, home:
        endpoint = V1Endpoint(home.url, TLSConfig(root_cas=(authority.cert_pem.bytes().decode(),)))
        async with endpoint, await Session.new(endpoint.client, AuthConfig("ada", "canary-pass"), endpoint) as session:
            data = await session.get_repository_data(f"{home.address}/team/app")
            assert data.endpoints == (stranger.base,)
            await session.get_remote_tags(data.endpoints, f"{home.address}/team/app")
    assert stranger.requests
    assert not [request for request in stranger.requests if "authorization" in request.headers]


@pytest.mark.parametrize(
    "call",
    [
        lambda session, base: session.get_remote_history("ab", base),
        lambda session, base: session.get_repository_data("team/app"),
    ],
    ids=["ancestry", "images"],
)
async def test_a_list_of_more_entries_than_make_sense_is_refused(server: V1Server, call: Callable[..., Any]) -> None:
    server.fault("GET ", status=200, body=b"[" + b'"",' * 100_000 + b'""]', times=None)
    async with conversing(server) as session:
        with pytest.raises(LimitExceededError, match="100,001 entries"):
            await call(session, server.base)


def test_of_a_search_no_more_results_are_kept_than_make_sense() -> None:
    found = parse_search(b'{"num_results": 20000, "results": [' + b"{}," * 19_999 + b"{}]}")
    assert (len(found.results), found.num_results) == (10_000, 20_000)
