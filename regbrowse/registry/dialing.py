"""To which addresses a host that a server named may lead (registry-client.md §5.4).

Looking at the name is not enough: names lead anywhere, and `2130706433` or `127.1` are this machine too. So the
addresses are looked at, and the one that was looked at is the one that is connected to.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Final

from regbrowse.registry.errors import RedirectRefusedError
from regbrowse.registry.no_proxy import host_address
from regbrowse.registry.proxies import DIRECTLY, Proxies, ProxyChoice
from regbrowse.registry.redirects import host_of
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.resolving import Resolver, addresses_of, system_resolver
from regbrowse.registry.text import safe_text
from regbrowse.registry.wire import httpx
from regbrowse.registry.wiring import CHOICE

_METADATA: Final = frozenset({"100.100.100.200", "fd00:ec2::254"})
"""Where clouds tell a machine its secrets, beside the link-local address that most of them use."""


class DialGuard(httpx.AsyncBaseTransport):
    """Connects to this machine, to its link or to a cloud's metadata only where the registry itself is there.

    Private networks are allowed: many registries are in one, with their token servers.

    Args:
        base: What carries the requests; closed with this one.
        registry: The host, perhaps with a port, of the registry that named those that requests are for.
        resolver: Finds the addresses of both.
        proxies: Through which `base` sends. A proxy finds the addresses itself: of what goes there, only hosts that are
            spelled as addresses, and `localhost`, can be judged.
    """

    def __init__(
        self,
        base: httpx.AsyncBaseTransport,
        registry: str,
        resolver: Resolver = system_resolver,
        proxies: Proxies = DIRECTLY,
    ) -> None:
        self._base = base
        self._registry = registry
        self._resolver = resolver
        self._proxies = proxies

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` to the first address of its host that can be reached.

        Raises:
            RedirectRefusedError: The host leads to where it may not.
            httpx.TransportError: No answer came.
        """
        host = _name(host_of(request.url))
        choice = self._proxies.for_url(request.url)
        if choice.proxy:
            await self._allowed(host, _spelled_address)
            return await self._base.handle_async_request(request)
        failure = httpx.ConnectError(f"{host} has no address", request=request)
        failure.__cause__ = socket.gaierror()
        for address in await self._allowed(host, self._resolver):
            try:
                return await self._base.handle_async_request(_addressed(request, host, address, choice))
            except httpx.ConnectError as error:  # nothing was sent
                failure = error
        raise failure

    async def aclose(self) -> None:
        await self._base.aclose()

    async def _allowed(self, host: str, resolver: Resolver) -> list[str]:
        """The addresses of `host`, those of IPv4 first, which are more often connected."""
        found = sorted(await addresses_of(host, resolver), key=lambda address: ":" in address)
        kinds = {kind for address in found if (kind := forbidden_kind(address))}
        if kinds:
            own = {forbidden_kind(address) for address in await addresses_of(_name(self._registry), resolver)}
            if not kinds <= own:
                raise RedirectRefusedError(
                    f"{self._registry} leads to {safe_text(host)}, which is {min(kinds)}. It was not connected to."
                )
        return found


def forbidden_kind(address: str) -> str:
    """What makes `address` one that a server may not lead to; empty if nothing does."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if ip.is_loopback or ip.is_unspecified:
        return "this machine itself"
    if ip.is_link_local or str(ip) in _METADATA:
        return "an address of this machine's link or cloud"
    return "an address of many" if ip.is_multicast else ""


async def _spelled_address(host: str) -> Sequence[str]:
    """The address that `host` is, however it is spelled; none for the names of others."""
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 §6.3
        return ["127.0.0.1"]
    if address := host_address(host):
        return [str(address)]
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        return []


def _name(host: str) -> str:
    return RegistryAddress(host).hostname


def _addressed(request: httpx.Request, host: str, address: str, choice: ProxyChoice) -> httpx.Request:
    """`request` for the same host at `address`: its certificate must still be for the name."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host, CHOICE: choice},
    )
