"""The calls that push an image, each with its request, its success and its failures, and all of them together (§14)."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final, Self

import pytest

from regbrowse.registry.docker_http import REDIRECTS, http_client
from regbrowse.registry.errors import (
    AlreadyExistsError,
    ConnectionFailedError,
    HTTPStatusError,
    InvalidReferenceError,
    MalformedDocumentError,
    RedirectRefusedError,
    RegistryError,
    UnauthorizedError,
)
from regbrowse.registry.service.config import IndexInfo
from regbrowse.registry.service.repository_info import RepositoryInfo
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.v1.endpoint import V1Endpoint
from regbrowse.registry.v1.models import ImgData, RepositoryData
from regbrowse.registry.v1.session import Session
from regbrowse.registry.wire import httpx
from tests.registry.v1.conversing import BASIC, ID, LOGIN, PASSWORD, USER, conversing, conversing_with_nobody
from tests.v1_content import V1Content, image_id, layer_tar
from tests.v1_server import V1Server

IMAGE: Final = ImgData(ID, "tarsum+sha256:aa", "sha256:bb", "1.0")
JSON: Final = b' {"id" : "%s"}\n' % ID.encode()
TAR: Final = layer_tar({"etc/": b"", "etc/motd": b"hello\n"})
ENDPOINTS: Final = {"X-Docker-Endpoints": "reg.corp"}


@pytest.fixture
def server() -> Iterator[V1Server]:
    with V1Server(V1Content()) as server:
        yield server


@pytest.fixture
def other() -> Iterator[V1Server]:
    with V1Server(V1Content()) as server:
        yield server


Call = Callable[[Session, str], Awaitable[Any]]


async def checksum(session: Session, registry: str) -> Any:
    return await session.push_image_checksum_registry(IMAGE, registry)


async def image_json(session: Session, registry: str) -> Any:
    return await session.push_image_json_registry(IMAGE, JSON, registry)


async def layer(session: Session, registry: str) -> Any:
    return await session.push_image_layer_registry(ID, TAR, registry, JSON)


async def tag(session: Session, registry: str) -> Any:
    return await session.push_registry_tag("team/app", ID, "1.0", registry)


async def begin(session: Session, registry: str) -> Any:
    return await session.push_image_json_index("team/app", [IMAGE], False, [])


async def end(session: Session, registry: str) -> Any:
    return await session.push_image_json_index("team/app", [IMAGE], True, [registry])


# Requests


@pytest.mark.parametrize(
    ("call", "status", "request_line", "headers", "body"),
    [
        (
            checksum,
            200,
            f"PUT /v1/images/{ID}/checksum",
            {"x-docker-checksum": "tarsum+sha256:aa", "x-docker-checksum-payload": "sha256:bb"},
            b"",
        ),
        (image_json, 200, f"PUT /v1/images/{ID}/json", {"content-type": "application/json"}, JSON),
        (tag, 200, "PUT /v1/repositories/team/app/tags/1.0", {}, f'"{ID}"'.encode()),
        (tag, 201, "PUT /v1/repositories/team/app/tags/1.0", {}, f'"{ID}"'.encode()),
        (
            begin,
            200,
            "PUT /v1/repositories/team/app/",
            {"content-type": "application/json", "x-docker-token": "true"},
            b'[{"id":"%s","checksum":"tarsum+sha256:aa","Tag":"1.0"}]' % ID.encode(),
        ),
        (
            end,
            204,
            "PUT /v1/repositories/team/app/images",
            {"content-type": "application/json", "x-docker-token": "true"},
            b'[{"id":"%s","checksum":"tarsum+sha256:aa","Tag":"1.0"}]' % ID.encode(),
        ),
    ],
)
async def test_a_push_is_one_request(
    server: V1Server, call: Call, status: int, request_line: str, headers: dict[str, str], body: bytes
) -> None:
    server.fault("PUT ", status=status, headers=ENDPOINTS)
    async with conversing(server) as session:
        await call(session, server.base)
    (request,) = server.requests
    assert str(request) == request_line
    assert request.body == body
    assert request.headers["content-length"] == str(len(body))
    assert request.headers["accept-encoding"] == "identity"
    assert headers.items() <= request.headers.items()


async def test_a_layer_is_sent_in_chunks_with_gzip(server: V1Server) -> None:
    server.fault("PUT ", status=200)
    async with conversing(server) as session:
        checksum, payload = await session.push_image_layer_registry(ID, TAR, server.base, JSON)
    (request,) = server.requests
    assert str(request) == f"PUT /v1/images/{ID}/layer"
    assert request.headers["content-type"] == "application/octet-stream"
    assert request.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in request.headers
    assert "content-encoding" not in request.headers
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(request.body))) as sent:
        assert sent.getnames() == ["etc", "etc/motd"]
    assert checksum.startswith("tarsum+sha256:")
    assert payload == "sha256:" + hashlib.sha256(JSON + b"\n" + request.body).hexdigest()


@pytest.mark.parametrize(
    ("images", "validate", "body"),
    [
        (None, False, None),
        (None, True, []),
        ([], False, []),
        ([], True, []),
        ([ImgData("")], False, [{"id": ""}]),
        ([ImgData("a"), ImgData("b", "c", "d")], False, [{"id": "a"}, {"id": "b", "checksum": "c"}]),
        ([ImgData("a"), ImgData("b", "c", "d")], True, [{"id": "b", "checksum": "c"}]),
        ([ImgData("a", checksum_payload="d", tag="1.0")], False, [{"id": "a", "Tag": "1.0"}]),
        ([ImgData("a", checksum_payload="d", tag="1.0")], True, []),
    ],
)
async def test_the_index_is_told_of_all_images_and_then_of_those_with_a_checksum(
    server: V1Server, images: list[ImgData] | None, validate: bool, body: object
) -> None:
    server.fault("PUT ", status=204 if validate else 200, headers=ENDPOINTS)
    async with conversing(server) as session:
        await session.push_image_json_index("team/app", images, validate, [])
    assert json.loads(server.requests[0].body) == body


async def test_the_index_is_told_of_every_registry_on_a_line_of_its_own_when_a_push_ends(server: V1Server) -> None:
    server.fault("PUT ", status=204)
    registries = ["https://a.corp/v1/", "https://b.corp/v1/"]
    async with conversing(server) as session:
        assert await session.push_image_json_index("team/app", [IMAGE], True, registries) == RepositoryData()
    assert server.requests[0].all("X-Docker-Endpoints") == registries


async def test_no_registry_is_told_when_a_push_begins(server: V1Server) -> None:
    server.fault("PUT ", status=200, headers=ENDPOINTS)
    async with conversing(server) as session:
        await session.push_image_json_index("team/app", [IMAGE], False, ["https://a.corp/v1/"])
    assert server.requests[0].all("X-Docker-Endpoints") == []


@pytest.mark.parametrize("status", [200, 201])
async def test_the_index_says_where_to_push_to(server: V1Server, status: int) -> None:
    lines = [("X-Docker-Endpoints", "a.corp , b.corp"), ("X-Docker-Endpoints", "c.corp")]
    server.fault("PUT ", status=status, headers=lines)
    async with conversing(server) as session:
        found = await session.push_image_json_index("team/app", [IMAGE], False, [])
    assert found == RepositoryData(endpoints=("http://a.corp/v1/", "http://b.corp/v1/", "http://c.corp/v1/"))


@pytest.mark.parametrize("headers", [{}, {"X-Docker-Endpoints": ""}])
async def test_an_index_that_does_not_say_where_to_push_to_is_malformed(
    server: V1Server, headers: dict[str, str]
) -> None:
    server.fault("PUT ", status=200, headers=headers)
    async with conversing(server) as session:
        with pytest.raises(MalformedDocumentError, match="Index response didn't contain any endpoints"):
            await session.push_image_json_index("team/app", [IMAGE], False, [])


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("base", "library/base"),
        ("reg.corp/solo", "solo"),
        (RepositoryInfo("reg.corp/solo", "reg.corp/solo", "solo", "reg.corp", IndexInfo("reg.corp")), "solo"),
    ],
)
async def test_a_push_names_the_repository_as_it_is(server: V1Server, remote: str | RepositoryInfo, name: str) -> None:
    server.fault("PUT ", status=200, headers=ENDPOINTS, times=None)
    async with conversing(server) as session:
        await session.push_registry_tag(remote, ID, "1.0", server.base)
        await session.push_image_json_index(remote, [], False, [])
    assert [request.path for request in server.requests] == [
        f"/v1/repositories/{name}/tags/1.0",
        f"/v1/repositories/{name}/",
    ]


# Failures


@pytest.mark.parametrize(
    ("call", "status", "text"),
    [
        (checksum, 201, 'HTTP code 201 while uploading metadata: "the body"'),
        (checksum, 401, 'HTTP code 401 while uploading metadata: "the body"'),
        (checksum, 500, 'HTTP code 500 while uploading metadata: "the body"'),
        (image_json, 201, 'HTTP code 201 while uploading metadata: "the body"'),
        (image_json, 400, 'HTTP code 400 while uploading metadata: "the body"'),
        (image_json, 401, "HTTP code 401.* Docker will not send auth headers over HTTP."),
        (layer, 201, 'Received HTTP code 201 while uploading layer: "the body"'),
        (layer, 401, 'Received HTTP code 401 while uploading layer: "the body"'),
        (layer, 500, 'Received HTTP code 500 while uploading layer: "the body"'),
        (tag, 202, "Internal server error: 202 trying to push tag 1.0 on team/app"),
        (tag, 401, "Internal server error: 401 trying to push tag 1.0 on team/app"),
        (tag, 500, "Internal server error: 500 trying to push tag 1.0 on team/app"),
        (begin, 202, 'Error: Status 202 trying to push repository team/app: "the body"'),
        (begin, 500, 'Error: Status 500 trying to push repository team/app: "the body"'),
        (end, 200, 'Error: Status 200 trying to push checksums team/app: "the body"'),
        (end, 201, 'Error: Status 201 trying to push checksums team/app: "the body"'),
        (end, 500, 'Error: Status 500 trying to push checksums team/app: "the body"'),
    ],
)
async def test_a_status_is_told(server: V1Server, call: Call, status: int, text: str) -> None:
    server.fault("PUT ", status=status, body=b"the body", headers=ENDPOINTS)
    async with conversing(server) as session:
        with pytest.raises(RegistryError, match=text) as caught:
            await call(session, server.base)
    assert server.address in caught.value.user_message
    assert not isinstance(caught.value, UnauthorizedError)
    if call is checksum:
        assert not isinstance(caught.value, HTTPStatusError)
    else:
        assert isinstance(caught.value, HTTPStatusError)
        assert caught.value.status == status


@pytest.mark.parametrize("call", [begin, end])
async def test_a_401_of_the_index_is_unauthorized(server: V1Server, call: Call) -> None:
    server.fault("PUT ", status=401)
    async with conversing(server) as session:
        with pytest.raises(UnauthorizedError, match="authentication required"):
            await call(session, server.base)


@pytest.mark.parametrize("call", [checksum, image_json])
@pytest.mark.parametrize("status", [400, 403, 409, 500])
async def test_an_image_that_is_there_already_is_told_whatever_the_status(
    server: V1Server, call: Call, status: int
) -> None:
    server.fault("PUT ", status=status, body=b'{"error": "Image already exists", "more": null}')
    async with conversing(server) as session:
        with pytest.raises(AlreadyExistsError, match=f"Image already exists: {server.address} has {ID}"):
            await call(session, server.base)


@pytest.mark.parametrize("call", [checksum, image_json])
@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "Image already exists."}',
        b'{"Error": "Image already exists"}',
        b'{"error": "Image already exists", "more": 1}',
        b'{"error": "Image already exists"} more',
        b'["error", "Image already exists"]',
        b'"Image already exists"',
        b"Image already exists",
        b"[" * 10_000,
    ],
)
async def test_other_words_do_not_mean_that_an_image_is_there(server: V1Server, call: Call, body: bytes) -> None:
    server.fault("PUT ", status=409, body=body)
    async with conversing(server) as session:
        with pytest.raises(RegistryError, match="HTTP code 409 while uploading metadata: ") as caught:
            await call(session, server.base)
    assert not isinstance(caught.value, AlreadyExistsError)


@pytest.mark.parametrize("call", [checksum, image_json, tag, begin, end])
async def test_a_connection_without_an_answer_is_told(server: V1Server, call: Call) -> None:
    server.fault("PUT ", close=True)
    async with conversing(server) as session:
        with pytest.raises(ConnectionFailedError, match=f"{server.address} closed the connection"):
            await call(session, server.base)


async def test_a_layer_without_an_answer_is_told(server: V1Server) -> None:
    server.fault("PUT ", close=True)
    async with conversing(server) as session:
        with pytest.raises(ConnectionFailedError, match=f"Failed to upload layer: {server.address} closed"):
            await session.push_image_layer_registry(ID, TAR, server.base, JSON)


async def test_a_layer_that_is_no_tar_is_told(server: V1Server) -> None:
    async with conversing(server) as session:
        with pytest.raises(RegistryError, match="Failed to upload layer: ") as caught:
            await session.push_image_layer_registry(ID, b"no tar" * 1000, server.base, JSON)
    assert not isinstance(caught.value, ConnectionFailedError)


@pytest.mark.parametrize("segment", ["", "..", "a/b", "a?b", "a\r\nX-Evil: 1"])
async def test_a_name_that_leads_astray_is_never_sent(segment: str) -> None:
    async with conversing_with_nobody() as session:
        for push in (
            session.push_image_checksum_registry(ImgData(segment), "http://reg.corp/v1/"),
            session.push_image_json_registry(ImgData(segment), JSON, "http://reg.corp/v1/"),
            session.push_image_layer_registry(segment, TAR, "http://reg.corp/v1/", JSON),
            session.push_registry_tag("team/app", segment, "1.0", "http://reg.corp/v1/"),
            session.push_registry_tag("team/app", ID, segment, "http://reg.corp/v1/"),
            session.push_image_json_index(f"reg.corp/{segment}?", [], False, []),
        ):
            with pytest.raises(InvalidReferenceError):
                await push


@pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", " a", "a\n", "é", "\x00"])
async def test_a_header_that_leads_astray_is_never_sent(text: str) -> None:
    async with conversing_with_nobody() as session:
        for push in (
            session.push_image_checksum_registry(ImgData(ID, text), "http://reg.corp/v1/"),
            session.push_image_checksum_registry(ImgData(ID, "", text), "http://reg.corp/v1/"),
            session.push_image_json_index("team/app", [], True, [text]),
        ):
            with pytest.raises(InvalidReferenceError):
                await push


# The layer that is given


class Closing(io.BytesIO):
    """Knows whether it was closed."""


class Pieces:
    """A tar in pieces, which can be closed."""

    closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(TAR), 1000):
                yield TAR[start : start + 1000]

        return pieces()

    async def aclose(self: Self) -> None:
        self.closed = True


@pytest.mark.parametrize("make", [lambda: Closing(TAR), Pieces], ids=["file", "pieces"])
@pytest.mark.parametrize("status", [200, 500])
async def test_a_layer_is_closed_once_it_was_sent(
    server: V1Server, make: Callable[[], Closing | Pieces], status: int
) -> None:
    server.fault("PUT ", status=status)
    given = make()
    async with conversing(server) as session:
        try:
            await session.push_image_layer_registry(ID, given, server.base, JSON)
        except HTTPStatusError:
            assert status == 500
    assert given.closed
    assert gzip.decompress(server.requests[0].body).rstrip(b"\0") == TAR.rstrip(b"\0")


async def test_a_layer_that_could_not_be_sent_is_left_open(server: V1Server) -> None:
    server.fault("PUT ", close=True)
    given = Closing(TAR)
    async with conversing(server) as session:
        with pytest.raises(ConnectionFailedError):
            await session.push_image_layer_registry(ID, given, server.base, JSON)
    assert not given.closed


async def test_an_empty_layer_is_an_empty_tar(server: V1Server) -> None:
    server.fault("PUT ", status=200)
    async with conversing(server) as session:
        await session.push_image_layer_registry(ID, b"", server.base, JSON)
    assert gzip.decompress(server.requests[0].body).strip(b"\0") == b""


async def test_a_layer_of_another_registry_that_breaks_off_is_not_pushed_as_whole(server: V1Server) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield TAR[:512]
        raise HTTPStatusError("the other one failed", status=500)

    async with conversing(server) as session:
        with pytest.raises(RegistryError, match="Failed to upload layer: the other one failed"):
            await session.push_image_layer_registry(ID, broken(), server.base, JSON)


async def test_a_layer_is_not_taken_for_pushed_before_all_of_it_was_sent() -> None:
    class Hasty(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200)

    async with (
        http_client(Hasty()) as client,
        V1Endpoint("http://reg.corp", TLSConfig()) as endpoint,
        await Session.new(client, None, endpoint) as session,
    ):
        with pytest.raises(RegistryError, match="Failed to upload layer: "):
            await session.push_image_layer_registry(ID, TAR, str(endpoint), JSON)


# Redirects (§14): a PUT stays one


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", [checksum, image_json, tag, begin, end])
async def test_a_push_is_repeated_where_it_is_redirected_to_without_the_login(
    server: V1Server, other: V1Server, call: Call, status: int
) -> None:
    server.fault("PUT ", status=status, headers={"Location": f"{other.base}elsewhere"})
    other.fault("PUT ", status=204 if call is end else 200, headers=ENDPOINTS)
    async with conversing(server, LOGIN) as session:
        await call(session, server.base)
    (sent,), (repeated,) = server.requests, other.requests
    assert str(repeated) == "PUT /v1/elsewhere"
    assert repeated.body == sent.body
    kept = ("content-type", "content-length", "x-docker-token", "x-docker-checksum", "x-docker-endpoints")
    assert [repeated.headers.get(name) for name in kept] == [sent.headers.get(name) for name in kept]
    assert sent.headers.get("authorization") == (BASIC if call in (begin, end) else None)
    assert "authorization" not in repeated.headers


async def test_a_relative_redirect_of_a_push_keeps_the_login(server: V1Server) -> None:
    server.fault("PUT ", status=307, headers={"Location": "../elsewhere"})
    server.fault("PUT ", status=200, headers=ENDPOINTS)
    async with conversing(server, LOGIN) as session:
        await begin(session, server.base)
    assert str(server.requests[1]) == "PUT /v1/repositories/team/elsewhere"
    assert server.requests[1].headers["authorization"] == BASIC


async def test_a_push_is_not_redirected_without_end(server: V1Server) -> None:
    for number in range(REDIRECTS + 1):
        server.fault("PUT ", status=307, headers={"Location": f"/hop/{number}"})
    async with conversing(server) as session:
        with pytest.raises(RedirectRefusedError):
            await begin(session, server.base)
    assert len(server.requests) == REDIRECTS + 1


@pytest.mark.parametrize("status", [302, 307])
async def test_a_layer_is_not_sent_elsewhere(server: V1Server, other: V1Server, status: int) -> None:
    server.fault("PUT ", status=status, headers={"Location": f"{other.base}elsewhere"})
    async with conversing(server) as session:
        with pytest.raises(HTTPStatusError, match=f"Received HTTP code {status} while uploading layer"):
            await session.push_image_layer_registry(ID, TAR, server.base, JSON)
    assert other.requests == []


# All together


@pytest.mark.parametrize("mode", ["standalone", "index"])
async def test_an_image_is_pushed_and_read_back(mode: Any) -> None:
    id_ = image_id("pushed")
    raw = json.dumps({"id": id_}).encode()
    content = V1Content()
    with V1Server(content, mode=mode, auth=("basic", USER, PASSWORD) if mode == "index" else None) as server:
        async with conversing(server, LOGIN) as session:
            begun = await session.push_image_json_index("team/app", [ImgData(id_, tag="1.0")], False, [])
            (registry,) = begun.endpoints
            with pytest.raises(HTTPStatusError):
                await session.lookup_remote_image(id_, registry)
            await session.push_image_json_registry(ImgData(id_), raw, registry)
            checksum, payload = await session.push_image_layer_registry(id_, TAR, registry, raw)
            pushed = ImgData(id_, checksum, payload, "1.0")
            await session.push_image_checksum_registry(pushed, registry)
            await session.push_registry_tag("team/app", id_, "1.0", registry)
            await session.push_image_json_index("team/app", [pushed], True, begun.endpoints)

            with pytest.raises(AlreadyExistsError):
                await session.push_image_json_registry(ImgData(id_), raw, registry)
            found = await session.get_repository_data("team/app")
            assert await session.get_remote_tags(found.endpoints, "team/app") == {"1.0": id_}
            json_raw, size = await session.get_remote_image_json(id_, registry)
            async with await session.get_remote_image_layer(id_, registry, size) as reader:
                received = b"".join([chunk async for chunk in reader])
    assert found.img_list[id_].checksum == checksum
    assert json_raw == raw
    assert hashlib.sha256(raw + b"\n" + received).hexdigest() == payload.removeprefix("sha256:")
