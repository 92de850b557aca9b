"""Where redirects may lead, and that a login never goes with them: a registry G and an attacker E on other origins."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, NoReturn

import pytest
import trustme

from regbrowse.registry.auth import pull
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.digest import Digest
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import (
    ConnectionFailedError,
    HTTPStatusError,
    RedirectRefusedError,
    TLSFailureError,
    UnauthorizedError,
)
from regbrowse.registry.models import Descriptor
from regbrowse.registry.text import SafeText
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.transport import Request
from regbrowse.registry.wire import httpx
from tests.registry.reaching import LOGIN, PASSWORD, USER, reaching
from tests.registry.tokens_world import Names
from tests.registry_server import Content, RegistryServer

TAG: Final = "GET /v2/team/app/manifests/1.0"
BLOB: Final = b"the configuration"
BLOB_DIGEST: Final = Digest.of(BLOB)
AUTHORITY: Final = trustme.CA()


def content() -> Content:
    content = Content()
    content.add_image("team/app", "1.0")
    content.add_blob("team/app", BLOB)
    return content


@pytest.fixture
def good() -> Iterator[RegistryServer]:
    with RegistryServer(content(), auth=("basic", USER, PASSWORD)) as server:
        yield server


@pytest.fixture
def evil() -> Iterator[RegistryServer]:
    """Has the same content, and takes anybody."""
    with RegistryServer(content()) as server:
        yield server


@pytest.fixture
def closed_evil() -> Iterator[RegistryServer]:
    """Wants a login, and would take the one of the registry."""
    with RegistryServer(content(), auth=("basic", USER, PASSWORD)) as server:
        yield server


def assert_no_secret_at(server: RegistryServer) -> None:
    for request in server.requests:
        assert "authorization" not in request.headers
        assert "cookie" not in request.headers
        text = f"{request.path} {dict(request.headers)}"
        assert not [secret for secret in (USER, PASSWORD, LOGIN.basic.partition(" ")[2]) if secret in text]


async def get_manifest(client: RegistryClient) -> None:
    await client.manifest("team/app", "1.0")


async def get_head(client: RegistryClient) -> None:
    await client.transport.request(Request("/v2/team/app/manifests/1.0", pull("team/app"), method="HEAD"))


async def list_repositories(client: RegistryClient) -> None:
    await anext(client.catalog())


async def list_tags(client: RegistryClient) -> None:
    await anext(client.tags("team/app"))


async def get_blob(client: RegistryClient) -> None:
    await client.blob("team/app", Descriptor(SafeText(""), BLOB_DIGEST, len(BLOB)), limit=1000)


CALLS: Final = [
    (get_manifest, "GET", "/v2/team/app/manifests/1.0"),
    (get_head, "HEAD", "/v2/team/app/manifests/1.0"),
    (list_repositories, "GET", "/v2/_catalog"),
    (list_tags, "GET", "/v2/team/app/tags/list"),
    (get_blob, "GET", f"/v2/team/app/blobs/{BLOB_DIGEST}"),
]
every_call = pytest.mark.parametrize(("call", "method", "path"), CALLS, ids=[call.__name__ for call, _, _ in CALLS])
Call = Callable[[RegistryClient], Awaitable[None]]


@every_call
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_origin_is_followed_without_the_login(
    good: RegistryServer, evil: RegistryServer, call: Call, method: str, path: str, status: int
) -> None:
    good.fault(f"{method} {path}", after=1, redirect=f"{evil.url}{path}?signature=x", status=status, times=None)
    async with reaching(good, login=LOGIN) as client:
        await call(client)
    assert [str(request) for request in evil.requests] == [f"{method} {path}?signature=x"]
    assert good.requests[-1].headers["authorization"] == LOGIN.basic
    assert_no_secret_at(evil)


@every_call
async def test_a_challenge_of_another_origin_is_never_answered(
    good: RegistryServer, closed_evil: RegistryServer, call: Call, method: str, path: str
) -> None:
    good.fault(f"{method} {path}", after=1, redirect=f"{closed_evil.url}{path}", times=None)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(UnauthorizedError) as caught:
            await call(client)
    assert [request.status for request in closed_evil.requests] == [401]
    assert_no_secret_at(closed_evil)
    assert good.address in caught.value.user_message
    assert closed_evil.address in caught.value.user_message


@every_call
async def test_a_challenge_of_another_origin_makes_nobody_send_a_login(
    good: RegistryServer, closed_evil: RegistryServer, call: Call, method: str, path: str
) -> None:
    """The registry itself asks for nothing: its redirect is followed before it would."""
    good.fault(f"{method} {path}", redirect=f"{closed_evil.url}{path}", times=None)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(UnauthorizedError):
            await call(client)
    assert len(good.requests) == len(closed_evil.requests) == 1
    assert_no_secret_at(good)
    assert_no_secret_at(closed_evil)


@every_call
async def test_a_relative_redirect_keeps_the_login(good: RegistryServer, call: Call, method: str, path: str) -> None:
    good.fault(f"{method} {path}", after=1, redirect=f"{path}?moved=1")
    async with reaching(good, login=LOGIN) as client:
        await call(client)
    assert good.requests[-1].path == f"{path}?moved=1"
    assert good.requests[-1].headers["authorization"] == LOGIN.basic


def re_once(method: str, path: str) -> str:
    return f"{method} {path}"


async def test_a_chain_that_left_never_regains_the_login(good: RegistryServer, evil: RegistryServer) -> None:
    path = f"/v2/team/app/blobs/{BLOB_DIGEST}"
    good.fault(f"GET {path}", after=1, redirect=f"{evil.url}/elsewhere")
    evil.fault("GET /elsewhere", redirect=f"{good.url}{path}?back=1")
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(UnauthorizedError) as caught:
            await get_blob(client)
    assert_no_secret_at(evil)
    assert good.requests[-1].path == f"{path}?back=1"
    assert "authorization" not in good.requests[-1].headers
    assert len(good.requests) == 3
    assert evil.address in caught.value.user_message


async def test_the_origin_that_asks_for_a_login_is_the_one_named(
    good: RegistryServer, evil: RegistryServer, closed_evil: RegistryServer
) -> None:
    good.fault(TAG, redirect=f"{evil.url}/elsewhere")
    evil.fault("GET /elsewhere", redirect=f"{closed_evil.url}/v2/team/app/manifests/1.0")
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(UnauthorizedError, match=f"{good.address} leads to {closed_evil.address}"):
            await get_manifest(client)
    assert_no_secret_at(closed_evil)


async def test_a_blob_is_fetched_from_the_storage_it_is_redirected_to(evil: RegistryServer) -> None:
    with RegistryServer(content(), auth=("basic", USER, PASSWORD), blob_redirect=evil.url) as good:
        async with reaching(good, login=LOGIN) as client:
            await get_blob(client)
    assert len(evil.requests) == 1
    assert_no_secret_at(evil)


async def test_a_cookie_is_kept_nowhere(good: RegistryServer, evil: RegistryServer) -> None:
    good.fault(TAG, after=1, redirect=f"{evil.url}/v2/team/app/manifests/1.0", headers={"Set-Cookie": "a=b"})
    async with reaching(good, login=LOGIN) as client:
        await get_manifest(client)
        await list_tags(client)
    assert not [request for request in (*good.requests, *evil.requests) if "cookie" in request.headers]


# Redirects that are not followed


async def test_five_redirects_are_followed(good: RegistryServer) -> None:
    for number in range(5):
        good.fault(TAG if not number else f"GET /hop/{number}", redirect=f"/hop/{number + 1}")
    good.fault("GET /hop/5", status=404)
    async with reaching(good) as client:
        with pytest.raises(HTTPStatusError):
            await get_manifest(client)
    assert len(good.requests) == 6


async def test_a_sixth_redirect_is_refused(good: RegistryServer) -> None:
    for number in range(6):
        good.fault(TAG if not number else f"GET /hop/{number}", redirect=f"/hop/{number + 1}")
    async with reaching(good) as client:
        with pytest.raises(RedirectRefusedError, match="more than 5 times"):
            await get_manifest(client)
    assert len(good.requests) == 6


@pytest.mark.parametrize("location", ["", "/v2/team/app/manifests/1.0", "1.0"])
async def test_a_redirect_to_itself_is_refused(good: RegistryServer, location: str) -> None:
    good.fault(TAG, status=307, headers={"Location": location}, times=None)
    async with reaching(good) as client:
        with pytest.raises(RedirectRefusedError, match="in a circle"):
            await get_manifest(client)
    assert len(good.requests) == 1


async def test_a_circle_of_two_is_refused(good: RegistryServer, evil: RegistryServer) -> None:
    good.fault(TAG, redirect=f"{evil.url}/a", times=None)
    evil.fault("GET /a", redirect=f"{good.url}/v2/team/app/manifests/1.0", times=None)
    async with reaching(good) as client:
        with pytest.raises(RedirectRefusedError, match="in a circle"):
            await get_manifest(client)
    assert len(good.requests) == len(evil.requests) == 1


async def test_a_redirect_without_a_location_is_a_failure(good: RegistryServer) -> None:
    good.fault(TAG, status=307)
    async with reaching(good) as client:
        with pytest.raises(HTTPStatusError, match="307"):
            await get_manifest(client)


@pytest.mark.parametrize(
    "location",
    [
        "\\\\E\\x",
        "/\\E/x",
        "http:\\\\E/x",
        "http://G@E/x",
        "http://canary-user:canary-pass@E/x",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://E/x",
        "http://",
        "http://[::1",
        "http://E:99999999/x",
        "http://E:99999/x",
        "http://../x",
        "http://./x",
        "http://a..invalid/x",
        "http://a%2fb/x",
        "http://a b/x",
        "http://E\x7f/x",
        "http://é:80é/x",
    ],
)
async def test_a_location_that_is_no_address_is_refused(
    good: RegistryServer, evil: RegistryServer, location: str
) -> None:
    good.fault(TAG, status=307, headers={"Location": location.replace("E", evil.address)}, times=None)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(RedirectRefusedError) as caught:
            await get_manifest(client)
    assert evil.requests == []
    assert PASSWORD not in caught.value.user_message


@pytest.mark.parametrize("host", ["xn--0", "xn--a", "xn--nowhere-0000.test"])
async def test_an_international_name_that_means_nothing_is_told(
    good: RegistryServer, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    good.fault(TAG, redirect=f"http://{host}/x", times=None)
    async with reaching(good) as client:
        with pytest.raises(ConnectionFailedError, match=f"The name {host} cannot be found"):
            await get_manifest(client)


async def test_an_address_without_a_scheme_is_foreign(good: RegistryServer, evil: RegistryServer) -> None:
    good.fault(TAG, after=1, redirect=f"//{evil.address}/v2/team/app/manifests/1.0")
    async with reaching(good, login=LOGIN) as client:
        await get_manifest(client)
    assert len(evil.requests) == 1
    assert_no_secret_at(evil)


# Where the names of others lead (§5.4)


PUBLIC: Final = "203.0.113.1"


@asynccontextmanager
async def at(
    registry: str, good: RegistryServer, evil: RegistryServer, **addresses: str
) -> AsyncIterator[RegistryClient]:
    """A client of `good` at the address `registry`; `addresses` are those of `storage.test`, one by one."""
    found = iter(addresses.values())
    ports = {"registry.test": good.port, "registry.test:5001": evil.port, "storage.test": evil.port}

    async def resolver(host: str) -> Sequence[str]:
        return [registry if host == "registry.test" else next(found)]

    async with reaching(
        "registry.test",
        login=LOGIN,
        endpoints=[APIEndpoint("http://registry.test")],
        make_wire=lambda _: Names(httpx.AsyncHTTPTransport(trust_env=False), ports),
        resolver=resolver,
    ) as client:
        yield client


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1", "0.0.0.0", "100.100.100.200", "224.0.0.1"]
)
@every_call
async def test_12_a_redirect_to_what_leads_here_is_not_followed(
    good: RegistryServer, evil: RegistryServer, call: Call, method: str, path: str, address: str
) -> None:
    """§5.3 test 12, for the targets of redirects."""
    good.fault(f"{method} {path}", after=1, redirect=f"http://storage.test{path}", times=None)
    async with at(PUBLIC, good, evil, first=address) as client:
        with pytest.raises(RedirectRefusedError, match=r"registry\.test leads to storage\.test.*not connected to"):
            await call(client)
    assert evil.requests == []


@pytest.mark.parametrize(
    ("registry", "address"), [(PUBLIC, "203.0.113.9"), (PUBLIC, "10.0.0.8"), ("127.0.0.2", "127.0.0.1")]
)
async def test_12_a_redirect_to_a_private_network_or_to_where_the_registry_is_itself_is_followed(
    good: RegistryServer, evil: RegistryServer, registry: str, address: str
) -> None:
    """§5.3 test 12."""
    good.fault(TAG, after=1, redirect="http://storage.test/v2/team/app/manifests/1.0")
    async with at(registry, good, evil, first=address) as client:
        await get_manifest(client)
    assert [request.headers["host"] for request in evil.requests] == ["storage.test"]
    assert_no_secret_at(evil)


@pytest.mark.parametrize("registry", ["127.0.0.1", "169.254.1.1", PUBLIC])
async def test_12_another_port_of_the_registry_s_own_host_is_connected_to(
    good: RegistryServer, evil: RegistryServer, registry: str
) -> None:
    """The user named that host, wherever it is."""
    good.fault(TAG, after=1, redirect="http://registry.test:5001/v2/team/app/manifests/1.0")
    async with at(registry, good, evil) as client:
        await get_manifest(client)
    assert len(evil.requests) == 1


async def test_13_a_redirect_s_name_is_looked_up_for_each_connection(
    good: RegistryServer, evil: RegistryServer
) -> None:
    """§5.3 test 13: a name that leads here the second time."""
    good.fault(TAG, after=1, redirect="http://storage.test/v2/team/app/manifests/1.0", times=None)
    async with at(PUBLIC, good, evil, first="203.0.113.9", then="127.0.0.1") as client:
        await get_manifest(client)
        with pytest.raises(RedirectRefusedError):
            await client.manifest("team/app", "1.0", fresh=True)
    assert len(evil.requests) == 1


# Redirects and TLS


@pytest.fixture
def tls() -> Iterator[RegistryServer]:
    with RegistryServer(content(), tls=AUTHORITY.issue_cert("127.0.0.1")) as server:
        yield server


def unverified(server: RegistryServer) -> tuple[APIEndpoint]:
    return (APIEndpoint(f"https://{server.address}", tls_config=TLSConfig(insecure_skip_verify=True)),)


async def test_a_redirect_from_https_to_http_is_refused(tls: RegistryServer, evil: RegistryServer) -> None:
    tls.fault(TAG, redirect=f"{evil.url}/v2/team/app/manifests/1.0", times=None)
    async with reaching(tls, endpoints=unverified(tls)) as client:
        with pytest.raises(RedirectRefusedError, match="plain HTTP"):
            await get_manifest(client)
    assert evil.requests == []


async def test_a_redirect_from_https_to_http_of_the_same_address_is_refused(tls: RegistryServer) -> None:
    tls.fault(TAG, redirect=f"http://{tls.address}/v2/team/app/manifests/1.0", times=None)
    async with reaching(tls, endpoints=unverified(tls)) as client:
        with pytest.raises(RedirectRefusedError, match="plain HTTP"):
            await get_manifest(client)
    assert len(tls.requests) == 1


async def test_an_origin_that_is_not_verified_does_not_excuse_another(tls: RegistryServer) -> None:
    with RegistryServer(content(), tls=AUTHORITY.issue_cert("127.0.0.1")) as other:
        tls.fault(TAG, redirect=f"{other.url}/v2/team/app/manifests/1.0", times=None)
        async with reaching(tls, endpoints=unverified(tls)) as client:
            with pytest.raises(TLSFailureError, match=other.address):
                await get_manifest(client)
    assert other.requests == []


async def test_a_redirect_to_nobody_is_told_with_the_name_of_nobody(good: RegistryServer, evil: RegistryServer) -> None:
    evil.stop()
    good.fault(TAG, redirect=f"{evil.url}/x", times=None)
    async with reaching(good) as client:
        with pytest.raises(ConnectionFailedError, match=evil.address):
            await get_manifest(client)
