"""The test v1 registry itself, asked by the standard library's client and by bare sockets."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import io
import json
import re
import socket
import ssl
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import pytest
import trustme

from tests.v1_content import image_id, small_content
from tests.v1_server import V1Server

APP: Final = image_id("app")
RUNTIME: Final = image_id("runtime")
BASE: Final = image_id("base")
NEW: Final = "ab" * 32
USER: Final = ("basic", "jane", "pass:word")
BASIC: Final = {"Authorization": "Basic " + base64.b64encode(b"jane:pass:word").decode()}
WANTS_TOKEN: Final = {"X-Docker-Token": "true"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    server: V1Server, path: str, headers: Mapping[str, str] | None = None, method: str = "GET", body: Any = None
) -> Reply:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.request(
            method, path, body, dict(headers or {}), encode_chunked=not isinstance(body, bytes | str | None)
        )
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())


def put(server: V1Server, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
    return ask(server, path, headers, "PUT", body if isinstance(body, bytes) else json.dumps(body))


@pytest.fixture
def server() -> Iterator[V1Server]:
    with V1Server() as made:
        yield made


@pytest.fixture
def index() -> Iterator[V1Server]:
    with V1Server(mode="index", auth=("basic", "jane", "pass:word")) as made:
        yield made


# The content


def test_the_layers_are_compressed_archives() -> None:
    for image in small_content().images.values():
        assert image.layer is not None
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(image.layer))) as archive:
            assert archive.getnames()


def test_the_content_is_the_same_each_time() -> None:
    assert small_content() == small_content()


# The registry


def test_a_ping_tells_version_and_kind(server: V1Server) -> None:
    reply = ask(server, "/v1/_ping")
    assert (reply.status, reply.json) == (200, True)
    assert reply.headers["X-Docker-Registry-Version"] == "0.9.1"
    assert reply.headers["X-Docker-Registry-Standalone"] == "True"


def test_the_second_protocol_is_unknown(server: V1Server) -> None:
    for path in ("/v2/", "/v2/team/app/tags/list"):
        reply = ask(server, path)
        assert (reply.status, reply.headers["Content-Type"]) == (404, "text/html; charset=UTF-8")
        assert "Docker-Distribution-Api-Version" not in reply.headers
        assert b"<title>" in reply.body


def test_tags_lead_to_images(server: V1Server) -> None:
    assert ask(server, "/v1/repositories/team/app/tags").json == {"1.0": APP, "latest": APP, "runtime": RUNTIME}
    assert ask(server, "/v1/repositories/team/app/tags/1.0").json == APP
    assert ask(server, "/v1/repositories/team/app/tags/1.0/json").json["docker_version"] == "0.7.0"


def test_a_name_without_namespace_is_in_library(server: V1Server) -> None:
    assert ask(server, "/v1/repositories/base/tags").json == {"latest": BASE}
    assert ask(server, "/v1/repositories/library/base/tags").json == {"latest": BASE}


def test_an_image_is_json_ancestry_and_layer(server: V1Server) -> None:
    document = ask(server, f"/v1/images/{APP}/json")
    layer = ask(server, f"/v1/images/{APP}/layer")
    assert (document.json["id"], document.json["parent"]) == (APP, RUNTIME)
    assert document.headers["X-Docker-Size"] == str(len(layer.body)) == layer.headers["Content-Length"]
    assert ask(server, f"/v1/images/{APP}/ancestry").json == [APP, RUNTIME, BASE]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"/v1/images/{NEW}/json", "Image not found"),
        (f"/v1/images/{NEW}/layer", "Image not found"),
        (f"/v1/images/{NEW}/ancestry", "Image not found"),
        ("/v1/repositories/team/none/tags", "Repository not found"),
        ("/v1/repositories/team/none/tags/1.0", "Repository not found"),
        ("/v1/repositories/team/app/tags/2.0", "Tag not found"),
        ("/v1/repositories/team/none/images", "images not found"),
    ],
)
def test_what_is_not_there_is_404(server: V1Server, path: str, message: str) -> None:
    reply = ask(server, path)
    assert (reply.status, reply.json) == (404, {"error": message})


def test_images_may_be_kept_for_ever(server: V1Server) -> None:
    assert ask(server, f"/v1/images/{APP}/json", {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}).status == 304


def test_a_head_has_no_body(server: V1Server) -> None:
    reply = ask(server, f"/v1/images/{APP}/json", method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["Content-Length"]) > 0


def test_a_standalone_registry_searches_names_and_descriptions(server: V1Server) -> None:
    assert ask(server, "/v1/search?q=app&n=25").json == {
        "query": "app",
        "num_results": 1,
        "results": [{"name": "team/app", "description": "An app"}],
    }
    assert ask(server, "/v1/search?q=").json["num_results"] == 2


def test_the_search_may_be_off() -> None:
    with V1Server(search=False) as server:
        assert ask(server, "/v1/search?q=app").status == 404


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_login_is_answered_as_told(status: int) -> None:
    with V1Server(users_status=status) as server:
        assert ask(server, "/v1/users/").status == status


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"Authorization": "Basic eDp5"}, 401), (BASIC, 200)])
@pytest.mark.parametrize(
    "path", ["/v1/_ping", "/v1/users/", "/v1/repositories/team/app/tags", f"/v1/images/{APP}/json"]
)
def test_a_standalone_registry_may_want_a_password_for_all(path: str, headers: dict[str, str], status: int) -> None:
    with V1Server(auth=("basic", "jane", "pass:word")) as server:
        assert ask(server, path, headers).status == status


def test_the_ping_may_be_open() -> None:
    with V1Server(auth=("basic", "jane", "pass:word"), open_ping=True) as server:
        assert ask(server, "/v1/_ping").status == 200


# Parts of layers


@pytest.mark.parametrize(("asked", "first", "last"), [("0-9", 0, 9), ("100-", 100, None), ("100-99999", 100, None)])
def test_a_part_of_a_layer_is_served(server: V1Server, asked: str, first: int, last: int | None) -> None:
    whole = ask(server, f"/v1/images/{RUNTIME}/layer")
    part = ask(server, f"/v1/images/{RUNTIME}/layer", {"Range": f"bytes={asked}"})
    end = len(whole.body) - 1 if last is None else last
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert (part.status, part.body) == (206, whole.body[first : end + 1])
    assert part.headers["Content-Range"] == f"bytes {first}-{end}/{len(whole.body)}"


def test_a_part_beyond_the_end_is_416(server: V1Server) -> None:
    size = len(ask(server, f"/v1/images/{APP}/layer").body)
    reply = ask(server, f"/v1/images/{APP}/layer", {"Range": f"bytes={size}-{size}"})
    assert (reply.status, reply.body) == (416, b"")


def test_parts_may_be_off() -> None:
    with V1Server(ranges=False) as server:
        reply = ask(server, f"/v1/images/{APP}/layer", {"Range": "bytes=10-"})
        assert (reply.status, "Accept-Ranges" in reply.headers) == (200, False)


def test_layers_are_cut_where_told_and_whole_afterwards() -> None:
    with V1Server(drop_at=[10, 0]) as server:
        for length in (10, 0):
            with pytest.raises(http.client.IncompleteRead) as caught:
                ask(server, f"/v1/images/{APP}/layer")
            assert len(caught.value.partial) == length
        assert ask(server, f"/v1/images/{APP}/layer").status == 200


# Pushes


def push_json(server: V1Server, headers: Mapping[str, str] | None = None) -> Reply:
    return put(server, f"/v1/images/{NEW}/json", {"id": NEW, "parent": APP}, headers)


def cookie_of(reply: Reply) -> dict[str, str]:
    return {"Cookie": reply.headers["Set-Cookie"].partition(";")[0]}


def payload_of(server: V1Server, layer: bytes) -> str:
    return "sha256:" + hashlib.sha256(server.content.images[NEW].json + b"\n" + layer).hexdigest()


def test_a_push_is_json_layer_and_checksum_in_one_session(server: V1Server) -> None:
    cookie = cookie_of(push_json(server))
    layer = ask(server, f"/v1/images/{NEW}/layer", cookie, "PUT", iter([b"gz", b"ip"]))
    assert (layer.status, "Set-Cookie" in layer.headers) == (200, False)
    assert server.requests[-1].headers["transfer-encoding"] == "chunked"
    assert ask(server, f"/v1/images/{NEW}/json").json == {"error": "Image is being uploaded, retry later"}
    sums = {"X-Docker-Checksum": "tarsum+sha256:1", "X-Docker-Checksum-Payload": payload_of(server, b"gzip")}
    assert put(server, f"/v1/images/{NEW}/checksum", b"", cookie | sums).status == 200
    image = server.content.images[NEW]
    assert (image.layer, image.checksum, image.complete) == (b"gzip", "tarsum+sha256:1", True)
    assert ask(server, f"/v1/images/{NEW}/layer").body == b"gzip"


def test_a_layer_needs_its_json_first(server: V1Server) -> None:
    assert put(server, f"/v1/images/{NEW}/layer", b"gzip").status == 404


@pytest.mark.parametrize("part", ["json", "layer"])
def test_an_image_is_pushed_once(server: V1Server, part: str) -> None:
    reply = put(server, f"/v1/images/{APP}/{part}", {"id": APP})
    assert (reply.status, reply.json) == (409, {"error": "Image already exists"})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"no JSON", "Invalid JSON"),
        (b'{"id": "other"}', "JSON data contains invalid id"),
        (b'{"id": "%b", "parent": "none"}' % NEW.encode(), "Image depends on a non existing parent"),
    ],
)
def test_a_wrong_json_is_refused(server: V1Server, body: bytes, message: str) -> None:
    reply = put(server, f"/v1/images/{NEW}/json", body)
    assert (reply.status, reply.json) == (400, {"error": message})


def test_a_checksum_needs_the_session_of_its_layer(server: V1Server) -> None:
    cookie = cookie_of(push_json(server))
    put(server, f"/v1/images/{NEW}/layer", b"gzip", cookie)
    right = {"X-Docker-Checksum-Payload": payload_of(server, b"gzip")}
    wrong = {"X-Docker-Checksum-Payload": "sha256:0"}
    path = f"/v1/images/{NEW}/checksum"
    assert put(server, path, b"", right).json == {"error": "Checksum not found in Cookie"}
    assert put(server, path, b"", cookie | wrong).json == {"error": "Checksum mismatch, ignoring the layer"}
    assert put(server, path, b"", cookie).json == {"error": "Missing Image's checksum"}
    assert put(server, path, b"", cookie | right).status == 200


def test_tags_are_put(server: V1Server) -> None:
    assert put(server, "/v1/repositories/fresh/tags/1.0", BASE).status == 200
    assert put(server, "/v1/repositories/fresh/tags/2.0", NEW).status == 404
    assert server.content.repositories["library/fresh"].tags == {"1.0": BASE}


def test_the_list_of_images_is_put_before_and_after_a_push(server: V1Server) -> None:
    begun = put(server, "/v1/repositories/team/fresh/", [{"id": BASE}, {"id": NEW}])
    assert (begun.status, begun.headers.get_all("X-Docker-Endpoints")) == (200, [server.address])
    ended = put(server, "/v1/repositories/team/fresh/images", [{"id": NEW, "checksum": "tarsum+sha256:1"}])
    assert (ended.status, ended.body) == (204, b"")
    assert ask(server, "/v1/repositories/team/fresh/images").json == [
        {"id": BASE},
        {"id": NEW, "checksum": "tarsum+sha256:1"},
    ]


# The index


def token_of(server: V1Server, name: str = "team/app") -> dict[str, str]:
    reply = ask(server, f"/v1/repositories/{name}/images", BASIC | WANTS_TOKEN)
    return {"Authorization": f"Token {reply.headers['X-Docker-Token']}"}


def test_the_index_gives_a_token_and_endpoints_for_a_password(index: V1Server) -> None:
    reply = ask(index, "/v1/repositories/team/app/images", BASIC | WANTS_TOKEN)
    assert re.fullmatch(r'signature=[0-9a-f]{40},repository="team/app",access=read', reply.headers["X-Docker-Token"])
    assert reply.headers.get_all("X-Docker-Endpoints") == [index.address]
    assert ask(index, "/v1/repositories/team/app/images", WANTS_TOKEN).status == 401


def test_no_token_is_given_unasked(index: V1Server) -> None:
    assert "X-Docker-Token" not in ask(index, "/v1/repositories/team/app/images", BASIC).headers


@pytest.mark.parametrize(
    "path", [f"/v1/images/{APP}/json", f"/v1/images/{APP}/layer", "/v1/repositories/team/app/tags"]
)
def test_images_and_tags_want_the_token(index: V1Server, path: str) -> None:
    assert ask(index, path).status == ask(index, path, BASIC).status == 401
    assert ask(index, path, token_of(index)).status == 200


def test_a_token_is_for_its_repository_and_its_access(index: V1Server) -> None:
    assert ask(index, "/v1/repositories/team/app/tags", token_of(index, "library/base")).status == 401
    assert put(index, "/v1/repositories/team/app/tags/2.0", BASE, token_of(index)).status == 401
    begun = put(index, "/v1/repositories/team/app/", [], BASIC | WANTS_TOKEN)
    write = {"Authorization": f"Token {begun.headers['X-Docker-Token']}"}
    assert put(index, "/v1/repositories/team/app/tags/2.0", BASE, write).status == 200
    assert ask(index, "/v1/repositories/team/app/tags", write).status == 200


def test_endpoints_may_be_several_lines() -> None:
    with V1Server(endpoints=["a.example, b.example", "c.example"]) as server:
        reply = ask(server, "/v1/repositories/team/app/images")
        assert reply.headers.get_all("X-Docker-Endpoints") == ["a.example, b.example", "c.example"]


def test_the_index_searches_like_the_hub(index: V1Server) -> None:
    reply = ask(index, "/v1/search?q=a&n=1").json
    assert reply["num_results"] == 2
    assert reply["results"] == [
        {"name": "base", "description": "The base of all", "star_count": 7, "is_automated": False, "is_official": True}
    ]


# The socket


def test_requests_are_kept_as_they_came(server: V1Server) -> None:
    put(server, "/v1/nowhere?a=b", b"body", {"X-One": "1"})
    (request,) = server.requests
    assert (str(request), request.body, request.headers["x-one"]) == ("PUT /v1/nowhere?a=b", b"body", "1")


def test_a_connection_serves_several_requests(server: V1Server) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        for _ in range(3):
            connection.request("PUT", "/v1/nowhere", iter([b"a", b"b"]), encode_chunked=True)
            connection.getresponse().read()
            connection.request("GET", "/v1/_ping")
            assert connection.getresponse().read() == b"true"


def test_a_fault_takes_the_answers_place_a_number_of_times(server: V1Server) -> None:
    server.fault("GET /v1/_ping", status=503, body=b"busy", headers=[("X-A", "1"), ("X-A", "2")], times=2, after=1)
    replies = [ask(server, "/v1/_ping") for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 503, 503, 200]
    assert (replies[1].body, replies[1].headers.get_all("X-A")) == (b"busy", ["1", "2"])


def test_a_fault_may_change_headers_only(server: V1Server) -> None:
    server.fault(re.compile("_ping"), headers={"X-Docker-Registry-Version": None, "X-Docker-Registry-Standalone": "0"})
    reply = ask(server, "/v1/_ping")
    assert (reply.json, reply.headers["X-Docker-Registry-Standalone"]) == (True, "0")
    assert "X-Docker-Registry-Version" not in reply.headers


def test_a_fault_may_end_the_connection(server: V1Server) -> None:
    server.fault("GET /v1/_ping", close=True)
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server, "/v1/_ping")
    server.fault("GET /v1/_ping", cut_after=2)
    with pytest.raises(http.client.IncompleteRead):
        ask(server, "/v1/_ping")


def test_a_server_stops_with_a_request_waiting() -> None:
    with (
        V1Server(latency=3600) as server,
        closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as waiting,
    ):
        waiting.sendall(b"GET /v1/_ping HTTP/1.1\r\n\r\n")
        server.wait_for_requests(1)
        server.stop()
        server.stop()
        with waiting.makefile("rb") as answer:
            answer.read()  # to the connection's end, or it times out


def test_a_tls_handshake_to_a_plain_port_fails_at_once(server: V1Server) -> None:
    context = ssl.create_default_context()
    with (
        closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_tls_is_served() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with V1Server(tls=authority.issue_cert("127.0.0.1"), drop_at=[5]) as server:
        assert server.url.startswith("https://")
        with closing(http.client.HTTPSConnection("127.0.0.1", server.port, timeout=30, context=context)) as connection:
            connection.request("GET", "/v1/_ping")
            assert connection.getresponse().read() == b"true"
