"""§5.3 tests 12 and 13: to this machine, its link and its cloud a server leads nobody, by whatever name."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pytest
import trustme

from regbrowse.registry.auth import Credential
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.docker_http import RequestModifier, new_transport
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import HTTPStatusError, RedirectRefusedError
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.token_keeper import TokenKeeper
from regbrowse.registry.wire import httpx
from tests.registry.reaching import LOGIN, NO_CERTIFICATES, reaching
from tests.registry.tokens_world import TRUSTS, Names, Tokens
from tests.registry_server import RegistryServer
from tests.security.origins import PUBLIC, by_name, content, get

ELSEWHERE: Final = {"registry.test": [PUBLIC]}
HERE: Final = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"]
CLOUD: Final = ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "100.100.100.200", "fd00:ec2::254"]
Role: TypeAlias = Literal["token server", "redirect target"]
every_role: Final = pytest.mark.parametrize("role", ["token server", "redirect target"])


@contextmanager
def leading(
    role: Role, foreign: Tokens, certificate: trustme.LeafCert, host: str = "evil.test"
) -> Iterator[RegistryServer]:
    """G, which names E as its token server or redirects to it. E is on this machine and would answer."""
    origin = f"https://{host}:{foreign.port}"
    auth = foreign.auth(f"{origin}/token") if role == "token server" else None
    with RegistryServer(content(), tls=certificate, auth=auth) as good:
        if role == "redirect target":
            good.fault("GET", redirect=f"{origin}/x", times=None)
        yield good


async def get_from(client: RegistryClient, role: Role, repository: str = "team/app") -> None:
    """E has tokens, but not what redirects to it are for."""
    with nullcontext() if role == "token server" else pytest.raises(HTTPStatusError):
        await get(client, repository)


@every_role
@pytest.mark.parametrize("address", [*HERE, *CLOUD, "224.0.0.1"])
@pytest.mark.parametrize("login", [LOGIN, None], ids=["password", "nobody"])
async def test_12_a_name_of_this_machine_or_its_cloud_is_not_connected_to(
    names: None,
    certificate: trustme.LeafCert,
    foreign: Tokens,
    role: Role,
    address: str,
    login: Credential | None,
    tmp_path: Path,
) -> None:
    """Also among other addresses, and where the user allowed the pair."""
    with leading(role, foreign, certificate) as good:
        leads = {**ELSEWHERE, "evil.test": [PUBLIC, address]}
        allowed = {f"registry.test:{good.port}": [f"evil.test:{foreign.port}"]}
        async with by_name(good, tmp_path, foreign, addresses=leads, trusted_realms=allowed, login=login) as client:
            with pytest.raises(RedirectRefusedError, match="not connected to") as caught:
                await get(client)
    assert foreign.requests == []
    assert f"registry.test:{good.port} leads to evil.test" in caught.value.user_message


@every_role
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f000001", "127.1", "localhost"]
)
async def test_12_however_this_machine_is_spelled_it_is_not_connected_to(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, role: Role, host: str, tmp_path: Path
) -> None:
    """What numbers mean is found out by the system's own resolver, as a connection would find it."""
    with leading(role, foreign, certificate, host) as good:
        async with by_name(good, tmp_path, login=None, addresses=ELSEWHERE) as client:
            with pytest.raises(RedirectRefusedError, match=re.escape(host.strip("[]"))):
                await get(client)
    assert foreign.requests == []


@every_role
@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
async def test_12_a_registry_that_is_here_itself_may_lead_here(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, role: Role, address: str, tmp_path: Path
) -> None:
    leads = {"registry.test": [address], "evil.test": ["127.0.0.1"]}
    with leading(role, foreign, certificate) as good:
        async with by_name(good, tmp_path, foreign, login=None, addresses=leads) as client:
            await get_from(client, role)
    assert len(foreign.requests) == 1


class Dialled(httpx.AsyncBaseTransport):
    """Remembers to which addresses it is asked to connect for E, and leads each request to its server by name."""

    def __init__(self, base: httpx.AsyncBaseTransport, dialled: list[str]) -> None:
        self._base = base
        self._dialled = dialled

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.headers["Host"].startswith("evil.test:"):
            self._dialled.append(request.url.host)
        return await self._base.handle_async_request(request)

    async def aclose(self) -> None:
        await self._base.aclose()


@asynccontextmanager
async def dialling(
    good: RegistryServer, foreign: Tokens, answers: list[Sequence[str]], dialled: list[str]
) -> AsyncIterator[RegistryClient]:
    """A client to which `evil.test` leads to the first of `answers`, the next time to the next."""
    address = f"registry.test:{good.port}"
    ports = {address: good.port, f"evil.test:{foreign.port}": foreign.port}

    async def resolver(host: str) -> Sequence[str]:
        return answers.pop(0) if host == "evil.test" else [PUBLIC]

    def make(tls: TLSConfig, modifiers: Sequence[RequestModifier]) -> httpx.AsyncBaseTransport:
        return Dialled(Names(new_transport(TRUSTS, modifiers), ports), dialled)

    def make_wire(context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
        return Dialled(Names(httpx.AsyncHTTPTransport(verify=TRUSTS.ssl_context(), trust_env=False), ports), dialled)

    async with reaching(
        address,
        endpoints=[APIEndpoint(f"https://{address}", tls_config=TRUSTS)],
        tokens=TokenKeeper(address, certs_dir=NO_CERTIFICATES, make_transport=make, resolver=resolver),
        make_wire=make_wire,
        resolver=resolver,
    ) as client:
        yield client


@every_role
@pytest.mark.parametrize("address", ["10.0.0.8", "192.168.1.1", "172.16.0.1", "fd00::1"])
async def test_12_private_networks_are_allowed(
    certificate: trustme.LeafCert, foreign: Tokens, role: Role, address: str
) -> None:
    dialled: list[str] = []
    with leading(role, foreign, certificate) as good:
        async with dialling(good, foreign, [[address]], dialled) as client:
            await get_from(client, role)
    assert dialled == [address]


@every_role
async def test_13_the_address_that_was_looked_at_is_the_one_that_is_dialled(
    certificate: trustme.LeafCert, foreign: Tokens, role: Role
) -> None:
    """DNS rebinding: `evil.test` leads to a public address while it is looked at, and to this machine afterwards.

    The certificate must be for the name all the same, or E would get no request.
    """
    dialled: list[str] = []
    answers: list[Sequence[str]] = [["203.0.113.9"], ["127.0.0.1"]]
    with leading(role, foreign, certificate) as good:
        async with dialling(good, foreign, answers, dialled) as client:
            await get_from(client, role)
            assert dialled == ["203.0.113.9"]
            with pytest.raises(RedirectRefusedError, match="not connected to"):
                await get(client, "team/other")
    assert dialled == ["203.0.113.9"]
    assert [request.header("Host") for request in foreign.requests] == [f"evil.test:{foreign.port}"]
