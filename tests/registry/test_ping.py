"""The ping of a v2 registry, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

import pytest
import trustme

from regbrowse.registry.docker_http import docker_headers, new_transport
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import (
    ConfigError,
    ConnectionFailedError,
    PingResponseError,
    RedirectRefusedError,
    TLSFailureError,
)
from regbrowse.registry.ping import ping_v2_registry
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.wire import httpx
from tests.registry_server import Content, RegistryServer
from tests.token_server import Answer, Entrance

BASIC: Final = 'Basic realm="x"'
NOBODY: Final = "http://127.0.0.1:1"


def nobody(_: str) -> bool:
    return False


@pytest.fixture
async def transport() -> AsyncIterator[httpx.AsyncBaseTransport]:
    transport = new_transport(None, docker_headers("docker/17.07", None))
    yield transport
    await transport.aclose()


# What is asked


@pytest.mark.parametrize(
    ("suffix", "path"),
    [("", "/v2/"), ("/", "/v2/"), ("///", "/v2/"), ("/docker", "/docker/v2/"), ("/docker/", "/docker/v2/")],
)
async def test_the_entrance_is_asked_below_the_path_of_the_url(
    transport: httpx.AsyncBaseTransport, suffix: str, path: str
) -> None:
    with Entrance() as server:
        await ping_v2_registry(server.url + suffix, transport)
    assert [str(request) for request in server.requests] == [f"GET {path}"]


async def test_an_endpoint_is_as_good_as_its_url(transport: httpx.AsyncBaseTransport) -> None:
    with Entrance([BASIC], nobody) as server:
        challenges, found = await ping_v2_registry(APIEndpoint(server.url), transport)
    assert found
    assert [challenge.scheme for challenge in challenges.get(f"{server.url}/v2/_catalog")] == ["basic"]


async def test_no_login_is_sent_even_if_the_url_has_one(transport: httpx.AsyncBaseTransport) -> None:
    with Entrance([BASIC], nobody) as server:
        await ping_v2_registry(f"http://canary-user:canary-pass@{server.address}", transport)
    assert [request.header("Authorization") for request in server.requests] == [""]
    assert server.requests[0].header("User-Agent") == "docker/17.07"


async def test_the_transport_stays_open(transport: httpx.AsyncBaseTransport) -> None:
    with RegistryServer(Content()) as server:
        for _ in range(2):
            assert (await ping_v2_registry(server.url, transport))[1]


# Whether it is v2


@pytest.mark.parametrize(
    "versions",
    [
        ["registry/2.0"],
        ["REGISTRY/2.0"],
        ["registry/2.0 registry/2.1"],
        ["registry/2.1\t  Registry/2.0"],
        ["registry/2.1", "registry/2.0"],
        ["nonsense", "", "registry/2.0"],
    ],
)
async def test_a_registry_that_says_so_speaks_v2(transport: httpx.AsyncBaseTransport, versions: list[str]) -> None:
    with Entrance(versions=versions) as server:
        assert (await ping_v2_registry(server.url, transport))[1]


@pytest.mark.parametrize(
    "versions",
    [
        [],
        [""],
        ["registry"],
        ["2.0"],
        ["registry/2"],
        ["registry/2.0.0"],
        ["registry/2.1"],
        ["registry/2.0, registry/2.1"],
        ["registry/2.0,registry/2.1"],
        ["registry/2.0/x"],
        ["registries/2.0"],
        ["registry /2.0"],
    ],
)
async def test_any_other_header_is_no_sign_of_v2(transport: httpx.AsyncBaseTransport, versions: list[str]) -> None:
    with Entrance(versions=versions) as server:
        assert not (await ping_v2_registry(server.url, transport))[1]


@pytest.mark.parametrize("status", [200, 204, 401, 403, 404, 500, 503])
async def test_the_status_does_not_matter(transport: httpx.AsyncBaseTransport, status: int) -> None:
    with Entrance() as server:
        server.fault(Answer(status, headers=[("Docker-Distribution-Api-Version", "registry/2.0")]))
        server.fault(Answer(status))
        assert (await ping_v2_registry(server.url, transport))[1]
        assert not (await ping_v2_registry(server.url, transport))[1]


# What it asks for


@pytest.mark.parametrize(
    ("lines", "schemes"),
    [
        ([BASIC], ["basic"]),
        (['Bearer realm="https://a.test/token"', BASIC], ["bearer", "basic"]),
        (['Bearer realm="https://a.test/token", Basic realm=x'], ["bearer", "basic"]),
        (["Negotiate", BASIC], ["negotiate", "basic"]),
        (["=", "\x01"], []),
        ([], []),
    ],
)
async def test_the_challenges_of_a_401_are_given(
    transport: httpx.AsyncBaseTransport, lines: Sequence[str], schemes: list[str]
) -> None:
    lines = [line for line in lines if line.isprintable()]
    with Entrance(lines, nobody) as server:
        challenges, _ = await ping_v2_registry(server.url, transport)
    assert [challenge.scheme for challenge in challenges.get(f"{server.url}/v2/")] == schemes


@pytest.mark.parametrize("status", [200, 403, 404, 500])
async def test_another_status_asks_for_nothing(transport: httpx.AsyncBaseTransport, status: int) -> None:
    with Entrance() as server:
        server.fault(Answer(status, headers=[("WWW-Authenticate", BASIC)]))
        challenges, _ = await ping_v2_registry(server.url, transport)
    assert challenges.get(f"{server.url}/v2/") == ()


async def test_after_a_redirect_it_is_the_last_one_that_asked(transport: httpx.AsyncBaseTransport) -> None:
    with Entrance([BASIC], nobody) as last, Entrance() as first:
        first.fault(Answer(302, headers=[("Location", f"{last.url}/mirror/v2/?from=first")]))
        challenges, found = await ping_v2_registry(first.url, transport)
    assert found
    assert [challenge.scheme for challenge in challenges.get(f"{last.url}/mirror/v2/_catalog")] == ["basic"]
    assert challenges.get(f"{first.url}/v2/_catalog") == ()


# No answer, and bad ones


async def test_the_body_is_not_waited_for(transport: httpx.AsyncBaseTransport) -> None:
    with RegistryServer(Content()) as server:
        server.fault("GET /v2/", "endless", body=b"x")
        assert (await ping_v2_registry(server.url, transport))[1]


async def test_nobody_there_is_told_with_the_host(transport: httpx.AsyncBaseTransport) -> None:
    with pytest.raises(ConnectionFailedError, match=r"127\.0\.0\.1:1"):
        await ping_v2_registry(NOBODY, transport)


async def test_who_does_not_answer_after_a_redirect_is_named(transport: httpx.AsyncBaseTransport) -> None:
    with Entrance() as server:
        server.fault(Answer(302, headers=[("Location", f"{NOBODY}/v2/")]))
        with pytest.raises(ConnectionFailedError, match=r"127\.0\.0\.1:1:"):
            await ping_v2_registry(server.url, transport)


async def test_an_answer_that_does_not_come_is_given_up(transport: httpx.AsyncBaseTransport) -> None:
    with Entrance() as server:
        server.fault("hang")
        with pytest.raises(ConnectionFailedError, match="did not answer it in time"):
            await ping_v2_registry(server.url, transport, within=0.2)


async def test_a_connection_that_ends_is_told(transport: httpx.AsyncBaseTransport) -> None:
    with Entrance() as server:
        server.fault("close")
        with pytest.raises(ConnectionFailedError, match="closed the connection"):
            await ping_v2_registry(server.url, transport)


async def test_a_circle_of_redirects_is_refused(transport: httpx.AsyncBaseTransport) -> None:
    with Entrance() as server:
        server.fault(Answer(302, headers=[("Location", "/v2/")]), times=None)
        with pytest.raises(RedirectRefusedError):
            await ping_v2_registry(server.url, transport)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "registry.corp:5000",
        "ftp://registry.corp",
        "https://",
        "https://:5000",
        "http://h:99999",
        "http://a b\n",
    ],
)
async def test_what_is_no_url_is_said(transport: httpx.AsyncBaseTransport, url: str) -> None:
    with pytest.raises(ConfigError, match="not an address of the web"):
        await ping_v2_registry(url, transport)


async def test_a_certificate_that_nobody_knows_is_refused_and_plain_http_not_tried() -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    root = authority.cert_pem.bytes().decode()
    with Entrance(tls=certificate) as server:
        for tls, knows in ((TLSConfig(), False), (TLSConfig(root_cas=(root,)), True)):
            transport = new_transport(tls)
            if knows:
                assert (await ping_v2_registry(server.url, transport))[1]
            else:
                with pytest.raises(TLSFailureError):
                    await ping_v2_registry(server.url, transport)
            await transport.aclose()
    assert len(server.requests) == 1


def test_the_error_of_a_ping_says_what_is_inside() -> None:
    error = PingResponseError(ValueError("no request"))
    assert str(error) == error.user_message == "no request"
