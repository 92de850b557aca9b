"""Requests through a proxy on a real socket: what it is told, what the registry is told, and what a failure says."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

import pytest
import trustme

from regbrowse.registry.dialing import DialGuard
from regbrowse.registry.docker_http import http_client, new_transport
from regbrowse.registry.errors import ConnectionFailedError, RedirectRefusedError
from regbrowse.registry.failures import connection_failure
from regbrowse.registry.proxies import Proxies
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.wire import httpx
from tests.proxy_server import ProxyServer
from tests.registry.tokens_world import AUTHORITY, TRUSTS, leaf
from tests.registry_server import Content, RegistryServer

LOGIN: Final = "canary-user:canary-pass"
TIMES: Final = {"timeout": httpx.Timeout(10, connect=10).as_dict()}
NAME: Final = "registry.test"
"""Nowhere but at the proxy."""

Kind = Literal["http", "socks5", "silent", "broken"]


@pytest.fixture(autouse=True)
def only_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is looked up here: that is left to the proxy."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *others: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name[-1:].isalpha():
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return real(host, *others, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture(scope="session")
def certificate() -> trustme.LeafCert:
    return leaf(NAME, "127.0.0.1")


@pytest.fixture(params=["http", "https"])
def good(request: pytest.FixtureRequest, certificate: trustme.LeafCert) -> Iterator[RegistryServer]:
    with RegistryServer(Content(), tls=certificate if request.param == "https" else None) as server:
        yield server


def at(server: RegistryServer, name: str = NAME) -> str:
    return f"{server.url.partition(':')[0]}://{name}:{server.port}/v2/"


def through(proxy: ProxyServer | str, login: str = "", scheme: str = "http", **more: str) -> Proxies:
    address = proxy if isinstance(proxy, str) else proxy.address
    return Proxies.of({"ALL_PROXY": f"{scheme}://{f'{login}@' if login else ''}{address}", **more})


@asynccontextmanager
async def asking(proxies: Proxies, tls: TLSConfig = TRUSTS) -> AsyncIterator[Callable[[str], Any]]:
    async with http_client(new_transport(tls, proxies=proxies)) as client:

        async def ask(url: str) -> httpx.Response:
            try:
                return await client.get(url)
            except httpx.TransportError as error:
                parts = httpx.URL(url)
                raise connection_failure(error, parts.scheme, parts.netloc.decode(), started=False) from error

        yield ask


async def failure(proxies: Proxies, url: str, tls: TLSConfig = TRUSTS) -> ConnectionFailedError:
    async with asking(proxies, tls) as ask:
        with pytest.raises(ConnectionFailedError) as caught:
            await ask(url)
    assert "canary" not in f"{caught.value!r} {caught.value.next_step} {caught.value.__cause__!r}"
    return caught.value


@pytest.mark.parametrize("login", ["", LOGIN])
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_a_proxy_finds_the_name_and_alone_is_told_its_login(
    good: RegistryServer, scheme: str, login: str
) -> None:
    """For `socks5` as for `socks5h`, as Go has it."""
    with ProxyServer("http" if scheme == "http" else "socks5", login=login) as proxy:
        async with asking(through(proxy, login, scheme)) as ask:
            assert [(await ask(at(good))).status_code for _ in range(2)] == [200, 200]
    assert f"{NAME}:{good.port}" in proxy.lines[0]
    assert [request.headers["host"] for request in good.requests] == [f"{NAME}:{good.port}"] * 2
    seen = str([dict(request.headers) for request in good.requests]).lower()
    assert [word for word in ("proxy", "canary", "authorization") if word in seen] == []
    if good.url.startswith("https") and scheme == "http":
        assert proxy.lines == [f"CONNECT {NAME}:{good.port}"]


@pytest.mark.parametrize("spared", [NAME, f"127.0.0.1:9, *.test, {NAME}:9", "127.0.0.0/8"])
async def test_who_is_spared_is_not_asked_for_at_the_proxy(good: RegistryServer, spared: str) -> None:
    with ProxyServer() as proxy:
        async with asking(through(proxy, NO_PROXY=spared)) as ask:
            assert (await ask(at(good, "127.0.0.1"))).status_code == 200
            if "test" in spared:
                with pytest.raises(ConnectionFailedError, match=f"The name {NAME}:{good.port} cannot be found"):
                    await ask(at(good))
    assert proxy.asked == []


async def test_each_url_of_one_transport_has_its_own_proxy(certificate: trustme.LeafCert) -> None:
    with (
        RegistryServer(Content()) as plain,
        RegistryServer(Content(), tls=certificate) as secure,
        ProxyServer() as one,
        ProxyServer("socks5") as other,
    ):
        proxies = Proxies.of({"HTTP_PROXY": one.address, "HTTPS_PROXY": f"socks5://{other.address}"})
        async with asking(proxies) as ask:
            await ask(at(plain))
            await ask(at(secure))
    assert one.lines == [f"GET http://{NAME}:{plain.port}/v2/"]
    assert other.lines == [f"SOCKS {NAME}:{secure.port}"]


# A proxy over TLS


@pytest.fixture
def trusted_by_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


async def test_a_proxy_over_tls_is_vouched_for_by_the_system(
    good: RegistryServer, certificate: trustme.LeafCert, trusted_by_the_system: None
) -> None:
    with ProxyServer(tls=certificate, login=LOGIN) as proxy:
        async with asking(through(proxy, LOGIN, "https")) as ask:
            assert (await ask(at(good))).status_code == 200
    assert f"{NAME}:{good.port}" in proxy.lines[0]


@pytest.mark.parametrize("tls", [TLSConfig(insecure_skip_verify=True), TRUSTS], ids=["any certificate", "private CA"])
async def test_what_a_registry_is_excused_a_proxy_is_not(
    good: RegistryServer, certificate: trustme.LeafCert, tls: TLSConfig
) -> None:
    with ProxyServer(tls=certificate, login=LOGIN) as proxy:
        told = await failure(through(proxy, LOGIN, "https"), at(good), tls)
    assert f"The proxy {proxy.address} (ALL_PROXY) has a certificate that is not accepted" in told.user_message
    assert proxy.asked == []
    assert good.requests == []


async def test_a_registry_s_certificate_is_verified_behind_a_proxy(certificate: trustme.LeafCert) -> None:
    with RegistryServer(Content(), tls=certificate) as good, ProxyServer() as proxy:
        told = await failure(through(proxy), at(good), TLSConfig())
    assert f"The certificate of {NAME}:{good.port} is not accepted" in told.user_message
    assert good.requests == []


# Failures

HOWEVER: Final = f"add {NAME} to NO_PROXY."


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h"])
async def test_a_proxy_that_is_not_there(good: RegistryServer, scheme: str) -> None:
    with ProxyServer() as proxy:
        pass
    told = await failure(through(proxy, LOGIN, scheme), at(good))
    assert told.user_message == f"The proxy {proxy.address} (ALL_PROXY) cannot be reached: the connection is refused."
    assert told.next_step == f"Correct ALL_PROXY, or {HOWEVER}"


async def test_a_proxy_whose_name_is_nowhere(good: RegistryServer) -> None:
    told = await failure(through("proxy.test:3128"), at(good))
    assert told.user_message == "The proxy proxy.test:3128 (ALL_PROXY) has a name that cannot be found."


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_a_proxy_that_wants_a_login(good: RegistryServer, kind: Kind) -> None:
    with ProxyServer(kind, login=LOGIN) as proxy:
        told = await failure(through(proxy, scheme=kind), at(good))
    assert told.user_message == f"The proxy {proxy.address} (ALL_PROXY) wants a user name and a password."
    assert f"Write them into ALL_PROXY as {kind}://USER:PASSWORD@{proxy.address}" in told.next_step
    assert HOWEVER in told.next_step


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_a_proxy_that_does_not_believe_a_login(good: RegistryServer, kind: Kind) -> None:
    with ProxyServer(kind, login=LOGIN) as proxy:
        told = await failure(through(proxy, "canary-user:canary-wrong", kind), at(good))
    assert "does not accept the user name and password that ALL_PROXY has" in told.user_message
    assert told.next_step == f"Correct ALL_PROXY, or {HOWEVER}"


@pytest.mark.parametrize(
    ("kind", "refusal", "sentence", "step"),
    [
        ("http", "403 Filtered", f"does not connect to {NAME}: it answered “403 Filtered”.", "Ask whoever runs the"),
        ("http", "401 Unauthorized", "wants a user name and a password.", "Write them into ALL_PROXY"),
        ("http", "502 Bad Gateway", f"cannot reach {NAME}: it answered “502 Bad Gateway”.", "Check the address"),
        ("socks5", 2, f"does not connect to {NAME}: it answered “Connection not allowed by ruleset”.", "Ask whoever"),
        ("socks5", 4, f"cannot reach {NAME}: it answered “Host unreachable”.", "Check the address"),
        ("socks5", 5, f"cannot reach {NAME}: it answered “Connection refused”.", "Check the address"),
    ],
)
async def test_a_proxy_that_does_not_connect(
    certificate: trustme.LeafCert, kind: Kind, refusal: str | int, sentence: str, step: str
) -> None:
    with ProxyServer(kind, refusal=refusal) as proxy:
        told = await failure(through(proxy, scheme=kind), f"https://{NAME}:5000/v2/")
    assert told.user_message == f"The proxy {proxy.address} (ALL_PROXY) {sentence}"
    assert told.next_step.startswith(step)
    assert told.next_step.endswith(HOWEVER)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_what_is_no_proxy_is_told(scheme: str) -> None:
    with ProxyServer("broken") as proxy:
        told = await failure(through(proxy, LOGIN, scheme), f"https://{NAME}:5000/v2/")
    assert told.user_message == f"The proxy {proxy.address} (ALL_PROXY) does not answer as a proxy does."


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_silent_proxy_is_not_waited_for_longer_than_a_connection(scheme: str) -> None:
    """Nor does it take a place from the next request."""
    with ProxyServer("silent") as proxy:
        transport = new_transport(proxies=through(proxy, scheme=scheme))
        times = {"connect": 0.05, "read": 0.05, "write": 5.0, "pool": 0.05}
        for _ in range(10):
            request = httpx.Request("GET", f"https://{NAME}:5000/v2/", extensions={"timeout": times})
            with pytest.raises(httpx.ConnectError) as caught:
                await transport.handle_async_request(request)
            told = connection_failure(caught.value, "https", f"{NAME}:5000", started=False)
            assert told.user_message == f"The proxy {proxy.address} (ALL_PROXY) does not answer in time."
        await transport.aclose()


# Where a server may lead


async def guarded(url: str, proxies: Proxies) -> list[str]:
    """To whom a request for `url` goes that a registry elsewhere led to; every other name leads to this machine."""
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.host)
        return httpx.Response(200)

    async def resolver(host: str) -> Sequence[str]:
        return ["10.0.0.1" if host == "registry.corp" else "127.0.0.1"]

    guard = DialGuard(httpx.MockTransport(answer), "registry.corp", resolver, proxies=proxies)
    await guard.handle_async_request(httpx.Request("GET", url))
    return sent


async def test_a_name_is_left_to_the_proxy() -> None:
    assert await guarded("https://blobs.corp/x", through("proxy.corp")) == ["blobs.corp"]


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fe80::1]", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "a.localhost", "[::]"]
)
async def test_an_address_is_judged_also_where_a_proxy_would_dial_it(host: str) -> None:
    with pytest.raises(RedirectRefusedError, match="not connected to"):
        await guarded(f"https://{host}/x", through("proxy.corp"))


async def test_whom_no_proxy_spares_is_judged_by_its_addresses() -> None:
    proxies = through("proxy.corp", NO_PROXY="blobs.corp")
    with pytest.raises(RedirectRefusedError):
        await guarded("https://blobs.corp/x", proxies)


async def test_no_proxy_is_about_the_name_and_not_its_address() -> None:
    """Where the guard has put the address in the place of the name, nothing is chosen anew."""
    with RegistryServer(Content()) as good, ProxyServer() as proxy:

        async def resolver(host: str) -> Sequence[str]:
            return ["0.0.0.0"]  # which is no loopback to NO_PROXY, and leads there

        proxies = through(proxy, NO_PROXY="blobs.test")
        guard = DialGuard(new_transport(proxies=proxies), "registry.test", resolver, proxies=proxies)
        url = f"http://blobs.test:{good.port}/v2/"
        assert (await guard.handle_async_request(httpx.Request("GET", url, extensions=TIMES))).status_code == 200
        await guard.aclose()
    assert proxy.asked == []
