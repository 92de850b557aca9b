"""The client of the v1 protocol: its headers and time-outs, and where its redirects take a login."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Final, NoReturn

import pytest
import trustme

from regbrowse import __version__
from regbrowse.registry.docker_http import (
    REDIRECTS,
    REPEATS_METHOD,
    TIMEOUTS,
    copy_of,
    docker_headers,
    http_client,
    new_transport,
)
from regbrowse.registry.errors import ConfigError, RedirectRefusedError
from regbrowse.registry.redirects import KEEPS_LOGIN, is_trusted_location, may_carry_login, redirect_target
from regbrowse.registry.tls import ClientCertificate, TLSConfig
from regbrowse.registry.wire import httpx
from tests.proxy_server import ProxyServer
from tests.v1_rules import Request
from tests.v1_server import V1Server

AUTHORITY: Final = trustme.CA()
TLS: Final = TLSConfig(root_cas=(AUTHORITY.cert_pem.bytes().decode(),))
CANARY: Final = "canary-secret"


@pytest.fixture
def good() -> Iterator[V1Server]:
    with V1Server() as server:
        yield server


@pytest.fixture
def evil() -> Iterator[V1Server]:
    with V1Server() as server:
        server.fault("", status=200, body=b"there", times=None)
        yield server


@pytest.fixture
def tls() -> Iterator[V1Server]:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(new_transport(TLS)) as client:
        yield client


def redirect(server: V1Server, path: str, location: str, status: int = 307, times: int | None = 1) -> None:
    server.fault(path, status=status, headers={"Location": location}, times=times)


def arrive(server: V1Server, path: str) -> None:
    server.fault(path, status=200, body=b"there", times=None)


def assert_no_canary(requests: list[Request]) -> None:
    for request in requests:
        assert CANARY not in f"{request.path} {request.lines} {request.body!r}"


# Headers


async def sent(server: V1Server, client: httpx.AsyncClient, **headers: str) -> Request:
    arrive(server, "GET /x")
    await client.get(f"{server.url}/x", headers={name.replace("_", "-"): value for name, value in headers.items()})
    return server.requests[-1]


async def test_a_client_names_itself_and_wants_bodies_as_they_are(good: V1Server, client: httpx.AsyncClient) -> None:
    request = await sent(good, client)
    assert request.all("User-Agent") == [f"regbrowse/{__version__}"]
    assert request.all("Accept-Encoding") == ["identity"]


@pytest.mark.parametrize(
    ("user_agent", "meta", "count"),
    [("", None, 0), ("docker/1", None, 1), ("", {}, 1), ("docker/1", {"X-Meta-A": ["1"]}, 2)],
)
def test_there_is_a_modifier_for_each_kind_of_header(
    user_agent: str, meta: dict[str, list[str]] | None, count: int
) -> None:
    assert len(docker_headers(user_agent, meta)) == count


async def test_the_user_agent_is_sent_once_even_if_set_twice(good: V1Server) -> None:
    modifiers = docker_headers("docker/1.12 (ü)", None) * 2
    async with http_client(new_transport(modifiers=modifiers)) as client:
        request = await sent(good, client, User_Agent="mine")
    assert [value.encode("latin-1").decode() for value in request.all("User-Agent")] == ["docker/1.12 (ü)"]


async def test_each_value_of_a_meta_header_is_a_line_of_its_own_after_those_there_are(good: V1Server) -> None:
    modifiers = docker_headers("", {"X-Meta-A": ["one", "two, three"], "X-Meta-B": [], "Accept": ["text/plain"]})
    async with http_client(new_transport(modifiers=modifiers)) as client:
        request = await sent(good, client, X_Meta_A="zero", Accept="text/html")
    assert request.all("X-Meta-A") == ["zero", "one", "two, three"]
    assert request.all("Accept") == ["text/html", "text/plain"]
    assert request.all("X-Meta-B") == []


async def test_meta_headers_do_not_touch_the_message_itself(good: V1Server) -> None:
    meta = {"Host": ["evil.test"], "content-length": ["7"], "Transfer-Encoding": ["chunked"], "User-Agent": ["two"]}
    async with http_client(new_transport(modifiers=docker_headers("one", meta))) as client:
        request = await sent(good, client)
    assert request.all("Host") == [good.address]
    assert request.all("User-Agent") == ["one"]
    assert "content-length" not in request.headers
    assert "transfer-encoding" not in request.headers


@pytest.mark.parametrize(
    ("user_agent", "meta"),
    [
        ("a\r\nX-Evil: 1", {}),
        ("a\x00", {}),
        (" a", {}),
        ("", {"X-Meta": [f"{CANARY}\nX-Evil: 1"]}),
        ("", {"X-Meta": [f"{CANARY} "]}),
        ("", {"X-Meta": [f"{CANARY}\ud800"]}),
        ("", {"": [CANARY]}),
        ("", {"X Meta": [CANARY]}),
        ("", {"X-Meta:": [CANARY]}),
        ("", {"X-Mèta": [CANARY]}),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(user_agent: str, meta: dict[str, list[str]]) -> None:
    with pytest.raises(ConfigError, match="cannot be sent") as caught:
        docker_headers(user_agent, meta)
    assert CANARY not in caught.value.user_message


async def test_the_callers_request_is_not_changed(good: V1Server) -> None:
    async with http_client(new_transport(modifiers=docker_headers("docker/1", {"X-Meta": ["1"]}))) as client:
        request = client.build_request("GET", f"{good.base}_ping")
        before = list(request.headers.raw)
        await client.send(request)
        assert request.headers.raw == before
    assert good.requests[0].all("X-Meta") == ["1"]


# Connections


async def test_every_step_of_a_request_has_a_time_out() -> None:
    seen: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return httpx.Response(200)

    async with http_client(httpx.MockTransport(answer)) as client:
        await client.get("http://registry.corp/")
    assert seen == [{"connect": 30.0, "read": 60.0, "write": 60.0, "pool": 30.0}]


@pytest.mark.parametrize("given", [{}, {"timeout": {"read": 1.0}}])
async def test_a_request_without_time_outs_gets_them_and_another_keeps_its_own(given: dict[str, object]) -> None:
    seen: list[httpx.Request] = []

    def stop(_: httpx.Request) -> NoReturn:
        raise LookupError

    transport = new_transport(modifiers=[seen.append, stop])
    request = httpx.Request("GET", "http://registry.corp/", extensions=given)
    with pytest.raises(LookupError):
        await transport.handle_async_request(request)
    assert seen[0].extensions["timeout"] == given.get("timeout", TIMEOUTS.as_dict())
    assert request.extensions == given


async def test_a_connection_is_used_again(good: V1Server, client: httpx.AsyncClient) -> None:
    responses = [await client.get(f"{good.base}_ping") for _ in range(3)]
    streams = {response.extensions["network_stream"].get_extra_info("client_addr") for response in responses}
    assert len(streams) == 1


async def test_a_silent_peer_is_asked_whether_it_is_there(good: V1Server, client: httpx.AsyncClient) -> None:
    response = await client.get(f"{good.base}_ping")
    connection = response.extensions["network_stream"].get_extra_info("socket")
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 30


async def test_proxies_of_the_environment_are_asked_but_not_for_loopback(
    good: V1Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProxyServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.address)
        async with http_client(new_transport()) as client:
            await client.get(f"{good.base}_ping")
            assert proxy.asked == []
            await client.get(f"http://registry.test:{good.port}/v1/_ping")
        assert proxy.lines == [f"GET http://registry.test:{good.port}/v1/_ping"]


async def test_a_proxy_that_cannot_be_used_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://proxy.corp")
    with pytest.raises(ConfigError, match="HTTPS_PROXY is no address of a proxy"):
        new_transport()


async def test_certificates_that_cannot_be_used_are_told_at_the_first_request(good: V1Server, tmp_path: Path) -> None:
    pair = ClientCertificate(tmp_path / "none", tmp_path / "none")
    async with http_client(new_transport(TLSConfig(client_certificates=(pair,)))) as client:
        with pytest.raises(ConfigError, match="none cannot be used"):
            await client.get(f"https://{good.address}/")


async def test_plain_http_reads_no_certificates(good: V1Server, tmp_path: Path) -> None:
    pair = ClientCertificate(tmp_path / "none", tmp_path / "none")
    async with http_client(new_transport(TLSConfig(client_certificates=(pair,)))) as client:
        assert (await client.get(f"{good.base}_ping")).status_code == 200


async def test_requests_at_once_share_one_transport(good: V1Server) -> None:
    arrive(good, "GET /x")
    async with http_client(new_transport()) as client:
        answers = await asyncio.gather(*(client.get(f"{good.url}/x") for _ in range(4)))
    assert [answer.text for answer in answers] == ["there"] * 4


async def test_addresses_are_not_logged(
    good: V1Server, evil: V1Server, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    redirect(good, "GET /x", f"{evil.url}/y?signature={CANARY}")
    with caplog.at_level(logging.INFO):
        await client.get(f"{good.url}/x")
    assert CANARY not in caplog.text


# Where a redirect may lead


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/y", "https://registry.corp:5000/y"),
        ("y?q=1", "https://registry.corp:5000/a/y?q=1"),
        (" ../y ", "https://registry.corp:5000/y"),
        ("//other.corp/y", "https://other.corp/y"),
        ("https://OTHER.corp:443", "https://other.corp"),
        ("http://[::1]:5000/y", "http://[::1]:5000/y"),
    ],
)
def test_a_location_is_resolved_against_the_address_it_came_from(location: str, target: str) -> None:
    url = httpx.URL("https://user:pass@registry.corp:5000/a/x?p=1")
    assert redirect_target(url, location, may_leave_tls=True) == httpx.URL(target)


@pytest.mark.parametrize(
    "location",
    ["ftp://E/x", "file:///etc/passwd", "javascript:1", "http://", "http://u:p@E/", "\\\\E\\x", "http://[::1"],
)
async def test_what_is_no_address_of_the_web_is_refused(
    good: V1Server, evil: V1Server, client: httpx.AsyncClient, location: str
) -> None:
    redirect(good, "GET /x", location.replace("E", evil.address))
    with pytest.raises(RedirectRefusedError, match=good.address):
        await client.get(f"{good.url}/x")
    assert len(good.requests) == 1
    assert evil.requests == []


@pytest.mark.parametrize("kind", ["127.0.0.1", "169.254.169.254", "0.0.0.0"])
async def test_12_a_registry_elsewhere_may_not_lead_here(good: V1Server, evil: V1Server, kind: str) -> None:
    """§5.3 test 12, and registry-client.md §5.4: as if the first server were at a public address."""

    async def resolver(host: str) -> Sequence[str]:
        return [kind if host == "localhost" else "203.0.113.1"]

    redirect(good, "GET /x", "/y")
    redirect(good, "GET /y", f"http://localhost:{evil.port}/y")
    async with http_client(new_transport(resolver=resolver)) as client:
        with pytest.raises(RedirectRefusedError, match=rf"{good.address} leads to localhost.*not connected to"):
            await client.get(f"{good.url}/x")
    assert len(good.requests) == 2
    assert evil.requests == []


async def test_12_a_registry_here_may_lead_here_and_back(good: V1Server) -> None:
    """§5.3 test 12."""
    asked: list[str] = []

    async def resolver(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with V1Server() as other:
        redirect(good, "GET /x", f"http://localhost:{other.port}/y")
        redirect(other, "GET /y", f"{good.url}/z")
        arrive(good, "GET /z")
        async with http_client(new_transport(resolver=resolver)) as client:
            assert (await client.get(f"{good.url}/x")).text == "there"
        assert other.requests[0].all("Host") == [f"localhost:{other.port}"]
    assert asked == ["localhost", "127.0.0.1"]  # for the one hop: the way back to the first host needs no look


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["http://[::1", "http://e:99999999/", "/y"])
async def test_no_redirect_is_followed_if_none_is_to_be(
    good: V1Server, client: httpx.AsyncClient, status: int, location: str
) -> None:
    redirect(good, "GET /x", location, status)
    response = await client.get(f"{good.url}/x", follow_redirects=False)
    assert response.status_code == status
    assert response.headers["location"] == location
    assert response.history == []
    assert response.next_request is None


async def test_a_client_that_is_told_once_follows_no_redirect(good: V1Server, client: httpx.AsyncClient) -> None:
    redirect(good, "GET /x", "/y")
    client.follow_redirects = False
    assert (await client.get(f"{good.url}/x")).status_code == 307


@pytest.mark.parametrize("status", [300, 304, 305, 306, 307])
async def test_what_is_no_redirect_is_the_answer(good: V1Server, client: httpx.AsyncClient, status: int) -> None:
    good.fault("GET /x", status=status, headers={} if status == 307 else {"Location": "/y"})
    assert (await client.get(f"{good.url}/x")).status_code == status


async def test_an_answer_tells_how_it_was_come_by(good: V1Server, evil: V1Server, client: httpx.AsyncClient) -> None:
    redirect(good, "GET /x", "/y")
    redirect(good, "GET /y", f"{evil.url}/z")
    response = await client.get(f"{good.url}/x")
    assert (response.status_code, response.text, str(response.url)) == (200, "there", f"{evil.url}/z")
    assert [str(step.url) for step in response.history] == [f"{good.url}/x", f"{good.url}/y"]
    assert [len(step.history) for step in response.history] == [0, 1]
    assert all(step.is_closed for step in response.history)


async def test_a_streamed_answer_is_left_to_its_reader(good: V1Server, client: httpx.AsyncClient) -> None:
    redirect(good, "GET /x", "/y")
    arrive(good, "GET /y")
    async with client.stream("GET", f"{good.url}/x") as response:
        assert not response.is_stream_consumed
        assert await response.aread() == b"there"


async def test_the_body_of_a_redirect_is_not_read() -> None:
    read = []

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                read.append(1)
                yield b"x"

        async def aclose(self) -> None:
            read.append(0)

    def answer(request: httpx.Request) -> httpx.Response:
        moved = request.url.path == "/x"
        return httpx.Response(307, headers={"Location": "/y"}, stream=Endless()) if moved else httpx.Response(200)

    async with http_client(httpx.MockTransport(answer)) as client:
        assert (await client.get("http://registry.corp/x")).status_code == 200
    assert read == [0]


async def test_as_many_redirects_as_are_allowed_are_followed(good: V1Server, client: httpx.AsyncClient) -> None:
    for number in range(REDIRECTS):
        redirect(good, f"GET /{number}", f"/{number + 1}")
    arrive(good, f"GET /{REDIRECTS}")
    response = await client.get(f"{good.url}/0")
    assert (len(response.history), response.text) == (10, "there")


async def test_one_redirect_more_is_refused(good: V1Server, client: httpx.AsyncClient) -> None:
    for number in range(REDIRECTS + 1):
        redirect(good, f"GET /{number}", f"/{number + 1}")
    with pytest.raises(RedirectRefusedError, match=f"{good.address} redirects more than 10 times"):
        await client.get(f"{good.url}/0")
    assert len(good.requests) == REDIRECTS + 1


async def test_a_circle_is_refused(good: V1Server, evil: V1Server, client: httpx.AsyncClient) -> None:
    redirect(good, "GET /x", "/y", times=None)
    redirect(good, "GET /y", "/x", times=None)
    with pytest.raises(RedirectRefusedError, match="in a circle"):
        await client.get(f"{good.url}/x")
    assert len(good.requests) == 2


async def test_a_get_after_a_post_to_the_same_address_is_no_circle(good: V1Server, client: httpx.AsyncClient) -> None:
    redirect(good, "POST /x", "/x", 303)
    arrive(good, "GET /x")
    assert (await client.post(f"{good.url}/x")).text == "there"


# Method and body


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [
        *((method, status, "GET") for method in ("GET", "PUT", "POST", "DELETE") for status in (301, 302, 303)),
        *((method, status, method) for method in ("GET", "PUT", "POST", "DELETE", "HEAD") for status in (307, 308)),
        *(("HEAD", status, "HEAD") for status in (301, 302, 303)),
    ],
)
async def test_the_method_after_a_redirect(
    good: V1Server, client: httpx.AsyncClient, method: str, status: int, expected: str
) -> None:
    redirect(good, f"{method} /x", "/y", status)
    arrive(good, f"{expected} /y")
    body = b"the body" if method in ("PUT", "POST") else None
    headers = {"Content-Type": "application/json", "X-Custom": "kept"}
    response = await client.request(method, f"{good.url}/x", content=body, headers=headers)
    assert response.status_code == 200
    request = good.requests[-1]
    assert request.method == expected
    assert request.headers["x-custom"] == "kept"
    if body and expected == method:
        assert (request.body, request.headers["content-type"]) == (body, "application/json")
    elif body:
        assert not {"content-type", "content-length", "transfer-encoding"} & set(request.headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_request_may_keep_its_method_and_body_over_every_redirect(
    good: V1Server, client: httpx.AsyncClient, status: int
) -> None:
    redirect(good, "PUT /x", "/y", status)
    redirect(good, "PUT /y", "/z", status)
    arrive(good, "PUT /z")
    await client.put(f"{good.url}/x", content=b"the body", extensions={REPEATS_METHOD: True})
    assert (str(good.requests[-1]), good.requests[-1].body) == ("PUT /z", b"the body")


async def chunks() -> AsyncIterator[bytes]:
    yield b"one"
    yield b"two"


async def test_a_body_that_is_gone_is_not_sent_again(good: V1Server, client: httpx.AsyncClient) -> None:
    redirect(good, "PUT /x", "/y", 307)
    with pytest.raises(RedirectRefusedError, match=f"{good.address} redirects an upload"):
        await client.put(f"{good.url}/x", content=chunks())
    assert [request.body for request in good.requests] == [b"onetwo"]


async def test_a_body_that_is_gone_is_not_missed_by_a_get(good: V1Server, client: httpx.AsyncClient) -> None:
    redirect(good, "PUT /x", "/y", 303)
    arrive(good, "GET /y")
    assert (await client.put(f"{good.url}/x", content=chunks())).text == "there"
    assert "transfer-encoding" not in good.requests[-1].headers


# Trusted locations


@pytest.mark.parametrize(
    "url",
    [
        "https://docker.io",
        "https://docker.com/v1/",
        "https://index.docker.io/v1/",
        "https://a.b.docker.com:80",
        "https://docker.io:5000",
        "HTTPS://docker.io",
    ],
)
def test_docker_over_https_is_trusted(url: str) -> None:
    assert is_trusted_location(httpx.URL(url))


@pytest.mark.parametrize(
    "url",
    [
        "http://docker.io",
        "http://test.docker.com",
        "https://example.com:7777",
        "https://fakedocker.com",
        "https://docker.io.evil.test",
        "https://docker.io.",
        "https://docker.org",
        "https://dockerxio",
        "https://evil.test/docker.io",
        "https://evil.test?.docker.io",
        "https://docker.io@evil.test",
        "https://evil.test:443/.docker.io",
        "https://[::1]:5000",
        "ftp://docker.io",
    ],
)
def test_everything_else_is_not_trusted(url: str) -> None:
    assert not is_trusted_location(httpx.URL(url))


@pytest.mark.parametrize(
    ("first", "target", "expected"),
    [
        ("https://docker.io/a", "https://docker.com/b", True),
        ("https://index.docker.io", "https://cdn.docker.com:8443", True),
        ("https://docker.io", "http://docker.io", False),
        ("http://docker.io", "https://docker.io", False),
        ("https://docker.io", "https://registry.corp", False),
        ("https://registry.corp", "https://docker.io", False),
        ("https://registry.corp/a", "https://registry.corp:443/b", True),
        ("https://registry.corp/a", "https://REGISTRY.corp/b", True),
        ("http://registry.corp:5000/a", "http://registry.corp:5000/b", True),
        ("https://registry.corp", "https://registry.corp:5000", False),
        ("https://registry.corp", "http://registry.corp", False),
        ("http://registry.corp", "https://registry.corp", False),
        ("https://registry.corp", "https://sub.registry.corp", False),
        ("https://registry.corp", "https://registry.corp.", False),
    ],
)
def test_where_a_login_may_go(first: str, target: str, expected: bool) -> None:
    assert may_carry_login(httpx.URL(first), httpx.URL(target)) is expected


# What a redirect takes along

LOGIN: Final = f"Basic {CANARY}"


async def test_a_login_and_the_other_headers_stay_within_the_origin(good: V1Server, client: httpx.AsyncClient) -> None:
    redirect(good, "GET /x", "/y")
    arrive(good, "GET /y")
    await client.get(f"{good.url}/x", headers={"Authorization": LOGIN, "X-Docker-Token": "true", "X-Custom": "1"})
    request = good.requests[-1]
    assert request.all("Authorization") == [LOGIN]
    assert request.all("X-Docker-Token") == ["true"]
    assert request.all("X-Custom") == ["1"]
    assert request.all("Referer") == [f"{good.url}/x"]


SECRETS: Final = {"Authorization": LOGIN, "Proxy-Authorization": LOGIN, "Cookie": f"session={CANARY}"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
async def test_no_secret_goes_to_another_origin(
    good: V1Server, evil: V1Server, client: httpx.AsyncClient, method: str, status: int
) -> None:
    redirect(good, f"{method} /x", f"{evil.url}/y", status)
    headers = {**SECRETS, "X-Docker-Token": "true", "X-Custom": "1"}
    await client.request(method, f"{good.url}/x?secret={CANARY}", headers=headers)
    (request,) = evil.requests
    assert_no_canary(evil.requests)
    assert request.all("Host") == [evil.address]
    assert request.all("X-Docker-Token") == ["true"]
    assert request.all("X-Custom") == ["1"]


async def test_no_password_of_an_address_goes_to_another_origin(
    good: V1Server, evil: V1Server, client: httpx.AsyncClient
) -> None:
    redirect(good, "GET /x", "/y")
    redirect(good, "GET /y", f"{evil.url}/z")
    await client.get(f"http://user:{CANARY}@{good.address}/x")
    assert good.requests[0].headers["authorization"] == good.requests[1].headers["authorization"]
    assert CANARY not in good.requests[1].headers["referer"]
    assert "authorization" not in evil.requests[0].headers
    assert_no_canary(evil.requests)


async def test_httpx_own_way_to_log_in_does_not_follow_to_another_origin(
    good: V1Server, evil: V1Server, client: httpx.AsyncClient
) -> None:
    redirect(good, "GET /x", f"{evil.url}/y")
    await client.get(f"{good.url}/x", auth=("user", CANARY))
    assert "authorization" in good.requests[0].headers
    assert "authorization" not in evil.requests[0].headers


async def test_a_login_that_was_left_behind_does_not_come_back(good: V1Server, client: httpx.AsyncClient) -> None:
    with V1Server() as evil:
        redirect(good, "GET /x", f"{evil.url}/y")
        redirect(evil, "GET /y", f"{good.url}/z")
        redirect(good, "GET /z", "/end")
        arrive(good, "GET /end")
        await client.get(f"{good.url}/x", headers=SECRETS)
        assert len(evil.requests) == 1
        assert_no_canary(evil.requests)
    assert [str(request) for request in good.requests] == ["GET /x", "GET /z", "GET /end"]
    assert_no_canary(good.requests[1:])


async def test_no_login_leaves_tls_and_nothing_says_where_it_came_from(
    tls: V1Server, evil: V1Server, client: httpx.AsyncClient
) -> None:
    redirect(tls, "GET /x", f"{evil.url}/y")
    await client.get(f"{tls.url}/x?secret={CANARY}", headers={**SECRETS, "Referer": f"https://here/{CANARY}"})
    assert tls.requests[0].all("Authorization") == [LOGIN]
    assert_no_canary(evil.requests)
    assert "referer" not in evil.requests[0].headers


async def test_no_login_goes_from_http_to_https_of_the_same_name(
    good: V1Server, tls: V1Server, client: httpx.AsyncClient
) -> None:
    redirect(good, "GET /x", f"{tls.url}/v1/_ping")
    await client.get(f"{good.url}/x", headers=SECRETS)
    assert_no_canary(tls.requests)


async def test_to_another_origin_the_referer_is_the_origin_alone(
    good: V1Server, evil: V1Server, client: httpx.AsyncClient
) -> None:
    redirect(good, "GET /x", f"{evil.url}/y")
    await client.get(f"{good.url}/x?secret={CANARY}")
    assert evil.requests[0].all("Referer") == [f"{good.url}/"]


async def test_a_login_among_the_meta_headers_stays_behind_too(good: V1Server, evil: V1Server) -> None:
    redirect(good, "GET /x", f"{evil.url}/y")
    meta = {"Authorization": [LOGIN], "cookie": [f"a={CANARY}"], "X-Meta": ["1"]}
    async with http_client(new_transport(modifiers=docker_headers("", meta))) as client:
        await client.get(f"{good.url}/x")
    assert good.requests[0].all("Authorization") == [LOGIN]
    assert_no_canary(evil.requests)
    assert evil.requests[0].all("X-Meta") == ["1"]


def led(*urls: str, seen: list[httpx.Request]) -> httpx.AsyncClient:
    """A client whose requests are led along `urls`; nothing goes over a network."""

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(copy_of(request))
        if len(seen) < len(urls):
            return httpx.Response(307, headers={"Location": urls[len(seen)]})
        return httpx.Response(200)

    return http_client(httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("urls", "kept"),
    [
        (["https://index.docker.io/a", "https://cdn.docker.com/b"], [None, True]),
        (["https://index.docker.io/a", "https://cdn.docker.com/b", "https://docker.io/c"], [None, True, True]),
        (["https://index.docker.io/a", "http://index.docker.io/b"], [None, False]),
        (["http://index.docker.io/a", "https://index.docker.io/b"], [None, False]),
        (["https://docker.io/a", "https://docker.io.evil.test/b"], [None, False]),
        (["https://docker.io/a", "https://evil.test/b", "https://docker.io/c"], [None, False, False]),
        (["https://docker.io/a", "http://docker.io/b", "https://docker.io/c"], [None, False, False]),
        (["https://registry.corp/a", "https://docker.io/b"], [None, False]),
        (["https://registry.corp/a", "/b", "https://registry.corp:444/c"], [None, True, False]),
    ],
)
async def test_a_login_is_kept_between_trusted_locations_and_the_transport_is_told(
    urls: list[str], kept: list[bool | None]
) -> None:
    seen: list[httpx.Request] = []
    async with led(*urls, seen=seen) as client:
        await client.get(urls[0], headers={"Authorization": LOGIN})
    assert [request.extensions.get(KEEPS_LOGIN) for request in seen] == kept
    assert ["authorization" in request.headers for request in seen] == [keeps is not False for keeps in kept]


async def test_a_client_below_another_does_not_give_a_login_back() -> None:
    seen: list[httpx.Request] = []
    async with led("https://evil.test/a", "/b", seen=seen) as client:
        await client.get("https://evil.test/a", extensions={KEEPS_LOGIN: False})
    assert [request.extensions[KEEPS_LOGIN] for request in seen] == [False, False]


async def test_between_trusted_locations_the_headers_are_those_of_the_first_request() -> None:
    seen: list[httpx.Request] = []
    async with led("https://index.docker.io/a", "https://cdn.docker.com/b", seen=seen) as client:
        await client.get("https://index.docker.io/a", headers={"Authorization": LOGIN, "X-Docker-Token": "true"})
    first, second = ({**request.headers} for request in seen)
    assert second == first | {"host": "cdn.docker.com"}


# Cookies


async def test_cookies_that_a_registry_sets_go_back_to_it(good: V1Server, client: httpx.AsyncClient) -> None:
    good.fault("GET /x", status=307, headers={"Location": "/y", "Set-Cookie": "session=1; Path=/"})
    arrive(good, "GET /y")
    arrive(good, "GET /z")
    await client.get(f"{good.url}/x")
    await client.get(f"{good.url}/z")
    assert [request.headers.get("cookie") for request in good.requests] == [None, "session=1", "session=1"]


async def test_cookies_do_not_go_to_another_host(good: V1Server, evil: V1Server, client: httpx.AsyncClient) -> None:
    location = f"http://localhost:{evil.port}/y"
    good.fault("GET /x", status=307, headers={"Location": location, "Set-Cookie": f"session={CANARY}; Path=/"})
    await client.get(f"{good.url}/x")
    await client.get(location)
    assert len(evil.requests) == 2
    assert_no_canary(evil.requests)


async def test_cookies_do_not_go_to_another_server_on_the_same_host(
    good: V1Server, evil: V1Server, client: httpx.AsyncClient
) -> None:
    good.fault("GET /x", status=307, headers={"Location": f"{evil.url}/y", "Set-Cookie": f"session={CANARY}; Path=/"})
    await client.get(f"{good.url}/x")
    assert [request.headers.get("cookie") for request in evil.requests] == [None]


async def test_a_cookie_that_was_written_by_hand_does_not_follow(good: V1Server, client: httpx.AsyncClient) -> None:
    redirect(good, "GET /x", "/y")
    arrive(good, "GET /y")
    await client.get(f"{good.url}/x", headers={"Cookie": f"session={CANARY}"})
    assert_no_canary(good.requests[1:])


async def test_every_client_has_cookies_of_its_own(good: V1Server) -> None:
    good.fault("GET /x", status=200, headers={"Set-Cookie": "session=1; Path=/"}, times=None)
    for _ in range(2):
        async with http_client(new_transport()) as client:
            await client.get(f"{good.url}/x")
    assert not [request for request in good.requests if "cookie" in request.headers]
