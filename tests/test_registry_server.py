"""The test registry itself, asked by the standard library's client and by bare sockets."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from tests.registry_content import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1_SIGNED,
)
from tests.registry_rules import FOREIGN_ORIGIN, LinkStyle
from tests.registry_server import Content, Manner, RegistryServer

ACCEPT = {"Accept": f"{OCI_INDEX}, {DOCKER_LIST}, {OCI_MANIFEST}, {DOCKER_MANIFEST}"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def connect(server: RegistryServer) -> http.client.HTTPConnection:
    """A client that takes any certificate: whether it is the right one has a test of its own."""
    if server.url.startswith("http:"):
        return http.client.HTTPConnection(server.host, server.port, timeout=30)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(server.host, server.port, timeout=30, context=context)


def ask(server: RegistryServer, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Reply:
    with closing(connect(server)) as connection:
        return exchange(connection, path, headers, method)


def exchange(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> Reply:
    connection.request(method, path, headers=dict(headers or {}))
    response = connection.getresponse()
    return Reply(response.status, {key.lower(): value for key, value in response.getheaders()}, response.read())


@pytest.fixture
def content() -> Content:
    content = Content()
    content.add_image("team/app", "1.0")
    content.add_repositories(f"many/{number:02}" for number in range(9))
    return content


@pytest.fixture
def server(content: Content) -> Iterator[RegistryServer]:
    with RegistryServer(content, page_size=4) as server:
        yield server


@pytest.mark.parametrize("style", ["relative", "absolute", "unquoted"])
def test_the_pages_of_a_list_hold_every_name_once_and_in_order(content: Content, style: LinkStyle) -> None:
    content.add_tags("team/app", [f"build-{number}" for number in range(10)], like="1.0")
    with RegistryServer(content, page_size=4, link_style=style) as server:
        for path, key, count in (("/v2/_catalog?n=4", "repositories", 10), ("/v2/team/app/tags/list", "tags", 11)):
            names = []
            following: str | None = path
            while following:
                reply = ask(server, following)
                names += reply.json[key]
                link = reply.headers.get("link", "")
                target = urlsplit(link.partition(">")[0].removeprefix("<"))
                following = f"{target.path}?{target.query}" if link else None
            assert names == sorted(set(names))
            assert len(names) == count


@pytest.mark.parametrize(
    ("style", "link"),
    [
        ("relative", '</v2/_catalog?last=many%2F03&n=4>; rel="next"'),
        ("foreign", f'<{FOREIGN_ORIGIN}/v2/_catalog?last=many%2F03&n=4>; rel="next"'),
        ("unquoted", "</v2/_catalog?last=many%2F03&n=4>; rel=next"),
        ("circular", '</v2/_catalog?n=1000>; rel="next"'),
        ("none", None),
    ],
)
def test_the_link_is_spelled_in_the_style_asked_for(content: Content, style: LinkStyle, link: str | None) -> None:
    with RegistryServer(content, page_size=4, link_style=style) as server:
        assert ask(server, "/v2/_catalog?n=1000").headers.get("link") == link


@pytest.mark.parametrize(
    ("query", "status", "names"),
    [
        ("?n=2", 200, ["many/00", "many/01"]),
        ("?n=2&last=many/06", 200, ["many/07", "many/08"]),
        ("?n=2&last=many/06x", 200, ["many/07", "many/08"]),
        ("?last=team/app", 200, []),
        ("?n=0", 200, []),
        ("?n=1001", 400, None),
        ("?n=-1", 400, None),
        ("?n=many", 400, None),
    ],
)
def test_n_and_last_choose_the_page(server: RegistryServer, query: str, status: int, names: list[str] | None) -> None:
    reply = ask(server, f"/v2/_catalog{query}")
    assert reply.status == status
    if names is None:
        assert reply.json["errors"][0]["code"] == "PAGINATION_NUMBER_INVALID"
    else:
        assert reply.json == {"repositories": names}


def test_an_image_can_be_followed_from_its_tag_to_its_configuration(server: RegistryServer) -> None:
    by_tag = ask(server, "/v2/team/app/manifests/1.0", ACCEPT)
    digest = by_tag.headers["docker-content-digest"]
    assert digest == f"sha256:{hashlib.sha256(by_tag.body).hexdigest()}"
    assert by_tag.headers["content-type"] == by_tag.json["mediaType"] == OCI_MANIFEST
    assert ask(server, f"/v2/team/app/manifests/{digest}", ACCEPT).body == by_tag.body
    config = by_tag.json["config"]
    blob = ask(server, f"/v2/team/app/blobs/{config['digest']}")
    assert f"sha256:{hashlib.sha256(blob.body).hexdigest()}" == config["digest"]
    assert blob.json["rootfs"]["diff_ids"] == [layer["digest"] for layer in by_tag.json["layers"]]


def test_head_has_the_headers_of_get_and_no_body(server: RegistryServer) -> None:
    with closing(connect(server)) as connection:
        head = exchange(connection, "/v2/team/app/manifests/1.0", ACCEPT, "HEAD")
        get = exchange(connection, "/v2/team/app/manifests/1.0", ACCEPT)
    assert (head.headers, head.body) == (get.headers, b"")
    assert int(get.headers["content-length"]) == len(get.body)


@pytest.mark.parametrize("spelling", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
def test_a_manifest_that_the_client_has_is_not_sent_again(server: RegistryServer, spelling: str) -> None:
    path = "/v2/team/app/manifests/1.0"
    digest = ask(server, path, ACCEPT).headers["docker-content-digest"]
    reply = ask(server, path, {**ACCEPT, "If-None-Match": spelling.format(digest)})
    assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", f'"{digest}"')


def test_a_tag_that_moved_is_sent_again(server: RegistryServer, content: Content) -> None:
    path = "/v2/team/app/manifests/1.0"
    etag = ask(server, path, ACCEPT).headers["etag"]
    content.add_image("team/app", "1.0", layers=[b"newer"])
    assert ask(server, path, {**ACCEPT, "If-None-Match": etag}).status == 200


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v2/team/none/tags/list", {}, 404, "NAME_UNKNOWN"),
        ("/v2/team/app/manifests/9.9", ACCEPT, 404, "MANIFEST_UNKNOWN"),
        ("/v2/team/app/manifests/1.0", {"Accept": DOCKER_MANIFEST}, 404, "MANIFEST_UNKNOWN"),
        ("/v2/team/app/manifests/1.0", {}, 404, "MANIFEST_UNKNOWN"),
        (f"/v2/team/app/blobs/sha256:{'0' * 64}", {}, 404, "BLOB_UNKNOWN"),
    ],
)
def test_what_is_not_there_is_said_in_the_specifications_words(
    server: RegistryServer, path: str, headers: Mapping[str, str], status: int, code: str
) -> None:
    reply = ask(server, path, headers)
    assert (reply.status, reply.json["errors"][0]["code"]) == (status, code)


def test_an_index_has_its_platforms_and_an_attestation_for_each(content: Content, server: RegistryServer) -> None:
    children = [content.add_image("team/multi", None, platform=name) for name in ("linux/amd64", "linux/arm64/v8")]
    inner = content.add_index("team/multi", None, *children)
    content.add_index("team/multi", "nested", inner)
    nested = ask(server, "/v2/team/multi/manifests/nested", ACCEPT).json["manifests"]
    assert [(entry["digest"], "platform" in entry) for entry in nested] == [(inner, False)]
    entries = ask(server, f"/v2/team/multi/manifests/{inner}", ACCEPT).json["manifests"]
    assert [entry["digest"] for entry in entries[:2]] == children
    assert entries[1]["platform"] == {"os": "linux", "architecture": "arm64", "variant": "v8"}
    assert [entry["annotations"]["vnd.docker.reference.digest"] for entry in entries[2:]] == children
    for entry in entries:
        body = ask(server, f"/v2/team/multi/manifests/{entry['digest']}", ACCEPT).body
        assert len(body) == entry["size"]


def test_dockers_formats_say_so(content: Content, server: RegistryServer) -> None:
    child = content.add_image("legacy/docker", "1.0", docker=True)
    content.add_index("legacy/docker", "list", child, docker=True, attestations=False)
    types = [
        ask(server, f"/v2/legacy/docker/manifests/{tag}", ACCEPT).headers["content-type"] for tag in ("1.0", "list")
    ]
    assert types == [DOCKER_MANIFEST, DOCKER_LIST]


def test_a_signed_schema_1_has_the_digest_of_its_payload(content: Content, server: RegistryServer) -> None:
    content.add_schema1("legacy/signed", "0.9")
    reply = ask(server, "/v2/legacy/signed/manifests/0.9")
    assert reply.headers["content-type"] == SCHEMA1_SIGNED
    protected = json.loads(_from_base64url(reply.json["signatures"][0]["protected"]))
    payload = reply.body[: protected["formatLength"]] + _from_base64url(protected["formatTail"])
    assert reply.headers["docker-content-digest"] == f"sha256:{hashlib.sha256(payload).hexdigest()}"
    assert json.loads(reply.json["history"][-1]["v1Compatibility"]).get("parent") is None


def test_without_the_right_password_there_is_only_a_challenge(content: Content) -> None:
    with RegistryServer(content, auth=("basic", "ada", "secret")) as server:
        answers = {}
        for password in (None, "wrong", "secret"):
            token = base64.b64encode(f"ada:{password}".encode()).decode()
            answers[password] = ask(server, "/v2/_catalog", {"Authorization": f"Basic {token}"} if password else {})
    assert [answer.status for answer in answers.values()] == [401, 401, 200]
    assert answers[None].headers["www-authenticate"] == 'Basic realm="test registry"'
    assert answers[None].json["errors"][0]["code"] == "UNAUTHORIZED"


def test_a_blob_can_be_at_another_origin(content: Content) -> None:
    digest = content.add_blob("team/app", b"a layer")
    with RegistryServer(content) as storage, RegistryServer(content, blob_redirect=storage.url) as server:
        reply = ask(server, f"/v2/team/app/blobs/{digest}")
        assert (reply.status, reply.body) == (307, b"")
        assert reply.headers["location"].startswith(f"{storage.url}/")
        target = urlsplit(reply.headers["location"])
        assert ask(storage, f"{target.path}?{target.query}").body == b"a layer"


def test_requests_are_recorded_with_their_connection(server: RegistryServer) -> None:
    with closing(connect(server)) as connection:
        exchange(connection, "/v2/", {"X-Test": "1"})
        exchange(connection, "/v2/nothing", method="HEAD")
    ask(server, "/v2/_catalog?n=1")
    assert [(str(request), request.status, request.connection) for request in server.requests] == [
        ("GET /v2/", 200, 1),
        ("HEAD /v2/nothing", 404, 1),
        ("GET /v2/_catalog?n=1", 200, 2),
    ]
    assert server.requests[0].headers["x-test"] == "1"
    assert server.connections == 2


def test_https_is_served_with_the_given_certificate(content: Content) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with RegistryServer(content, tls=authority.issue_cert("127.0.0.1")) as server:
        connection = http.client.HTTPSConnection(server.host, server.port, timeout=30, context=context)
        with closing(connection):
            assert exchange(connection, "/v2/").status == 200
        assert server.url == f"https://127.0.0.1:{server.port}"


def test_a_tls_handshake_to_a_plain_port_is_refused_at_once(server: RegistryServer) -> None:
    with (
        socket.create_connection((server.host, server.port), timeout=30) as plain,
        pytest.raises(ssl.SSLError),
    ):
        ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")


def test_a_fault_begins_and_ends_when_it_should(server: RegistryServer) -> None:
    server.fault("GET /v2/_catalog", after=1, times=2, status=429, headers={"Retry-After": "7"}, body=b"{}")
    replies = [ask(server, "/v2/_catalog") for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 429, 429, 200]
    assert replies[1].headers["retry-after"] == "7"
    assert ask(server, "/v2/").status == 200


def test_a_fault_may_change_headers_and_body_alone(server: RegistryServer) -> None:
    true = ask(server, "/v2/team/app/manifests/1.0", ACCEPT)
    server.fault("GET /v2/team", body=b"other", headers={"content-TYPE": "text/html", "ETag": None})
    changed = ask(server, "/v2/team/app/manifests/1.0", ACCEPT)
    assert (changed.status, changed.body, changed.headers["content-type"]) == (200, b"other", "text/html")
    assert changed.headers["docker-content-digest"] == true.headers["docker-content-digest"]
    assert "etag" not in changed.headers


def test_a_fault_may_redirect(server: RegistryServer) -> None:
    server.fault("GET", redirect="http://elsewhere.example/")
    reply = ask(server, "/v2/")
    assert (reply.status, reply.headers["location"], reply.body) == (307, "http://elsewhere.example/", b"")


@pytest.mark.parametrize(
    ("manner", "read"),
    [("whole", bytes), ("drip", bytes), ("gzip", gzip.decompress)],
)
def test_every_finite_manner_gives_the_same_body(
    server: RegistryServer, manner: Manner, read: Callable[[bytes], bytes]
) -> None:
    true = ask(server, "/v2/_catalog").body
    server.fault("GET", manner)
    assert read(ask(server, "/v2/_catalog").body) == true


def test_half_a_body_ends_too_early(server: RegistryServer) -> None:
    server.fault("GET", "half_body")
    with pytest.raises(http.client.IncompleteRead):
        ask(server, "/v2/_catalog")


def test_a_closed_connection_gives_no_answer(server: RegistryServer) -> None:
    server.fault("GET", "close")
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server, "/v2/_catalog")
    assert server.requests[0].status == 0


@pytest.mark.parametrize("secure", [False, True])
def test_an_endless_body_goes_on_until_the_client_leaves(content: Content, secure: bool) -> None:
    certificate = trustme.CA().issue_cert("127.0.0.1") if secure else None
    with RegistryServer(content, tls=certificate) as server:
        server.fault("GET", "endless", body=b"[]")
        with closing(connect(server)) as connection:
            connection.request("GET", "/v2/_catalog")
            response = connection.getresponse()
            assert response.read(1 << 20) == b"[]" * (1 << 19)
            response.close()
        assert ask(server, "/v2/").status == 200


def test_a_hanging_request_is_answered_when_released(server: RegistryServer) -> None:
    server.fault("GET", "hang")
    with closing(connect(server)) as connection:
        connection.request("GET", "/v2/")
        server.wait_for_requests(1)
        assert ask(server, "/v2/").status == 200
        server.release()
        assert connection.getresponse().read() == b"{}"
    assert server.most_at_once == 2


def test_a_request_whose_client_left_is_no_longer_counted_as_waiting(server: RegistryServer) -> None:
    server.fault("GET", "hang", times=None)
    for number in (1, 2, 3):
        with socket.create_connection((server.host, server.port), timeout=30) as client:
            client.sendall(b"GET /v2/ HTTP/1.1\r\nHost: registry\r\n\r\n")
            server.wait_for_requests(number)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""
    assert server.most_at_once == 1


def test_a_stopped_server_ends_connections_and_refuses_new_ones(content: Content) -> None:
    server = RegistryServer(content)
    server.fault("GET", "hang")
    with closing(connect(server)) as connection:
        connection.request("GET", "/v2/")
        server.wait_for_requests(1)
        server.stop()
        with pytest.raises(ConnectionError):
            connection.getresponse()
    with pytest.raises(ConnectionRefusedError):
        ask(server, "/v2/")
    server.stop()


def test_the_same_content_has_the_same_digests() -> None:
    def build() -> list[str]:
        content = Content()
        image = content.add_image("a", "1")
        return [image, content.add_index("a", "2", image), content.add_schema1("a", "3")]

    assert build() == build()


def _from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
