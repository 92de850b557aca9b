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

_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"),
    )
)
"""Where clouds tell a machine its secrets, beside the link-local address that most of them use."""

_HERE: Final = ipaddress.IPv4Network("0.0.0.0/8")
_BROADCAST: Final = ipaddress.IPv4Address("255.255.255.255")
_WITH_IPV4_AT_END: Final = tuple(
    map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"))
)
"""Addresses of IPv6 that end in one of IPv4 (RFC 4291 §2.5.5, RFC 2765, RFC 6052)."""


class Homes:
    """Where registries are themselves, found once and kept: their own DNS may say something else a moment later.

    A registry is in a forbidden place only if all its addresses are there, and each connection to it went there.

    Args:
        resolver: Finds the addresses of registries.
    """

    def __init__(self, resolver: Resolver = system_resolver) -> None:
        self._resolver = resolver
        self._resolved: dict[str, frozenset[str]] = {}
        self._reached: dict[str, set[str]] = {}

    def answered(self, registry: str, response: httpx.Response) -> None:
        """Told of an answer of `registry` itself: who was connected to does not depend on what its DNS says."""
        stream = response.extensions.get("network_stream")
        peer = stream.get_extra_info("server_addr") if stream is not None else None
        if peer:
            self._reached.setdefault(_name(registry), set()).add(forbidden_kind(str(peer[0])))

    async def kinds(self, registry: str) -> frozenset[str]:
        """The forbidden kind of place where `registry` is; none if it is elsewhere, or in several places."""
        name = _name(registry)
        if name not in self._resolved and (addresses := await addresses_of(name, self._resolver)):
            self._resolved.setdefault(name, frozenset(map(forbidden_kind, addresses)))
        places = self._resolved.get(name, frozenset()) | self._reached.get(name, set())
        return frozenset(places) - {""} if len(places) == 1 else frozenset()


class DialGuard(httpx.AsyncBaseTransport):
    """Connects to this machine, to its link or to a cloud's metadata only where the registry itself is there.

    Private networks are allowed: many registries are in one, with their token servers.

    Args:
        base: What carries the requests; closed with this one.
        registry: The host, perhaps with a port, of the registry that named those that requests are for.
        resolver: Finds the addresses of those.
        homes: Knows where the registry is; by `resolver` if not given.
        proxies: Through which `base` sends. A proxy finds the addresses itself: of what goes there, only hosts that are
            spelled as addresses, and `localhost`, can be judged.
    """

    def __init__(
        self,
        base: httpx.AsyncBaseTransport,
        registry: str,
        resolver: Resolver = system_resolver,
        homes: Homes | None = None,
        proxies: Proxies = DIRECTLY,
    ) -> None:
        self._base = base
        self._registry = registry
        self._resolver = resolver
        self._homes = homes or Homes(resolver)
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
        homes = self._homes if resolver is self._resolver else Homes(resolver)
        if kinds and not kinds <= await homes.kinds(self._registry):
            raise RedirectRefusedError(
                f"{self._registry} leads to {safe_text(host)}, which is {min(kinds)}. It was not connected to."
            )
        return found


def forbidden_kind(address: str) -> str:
    """What makes `address` one that a server may not lead to; empty if nothing does."""
    ip = _unwrapped(ipaddress.ip_address(address))
    if ip.is_loopback or ip in _HERE:
        return "this machine itself"
    if ip.is_link_local or ip in _METADATA:
        return "an address of this machine's link or cloud"
    return "an address of many" if ip.is_multicast or ip == _BROADCAST else ""


def _unwrapped(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address of IPv4 that `ip` stands for, or that the way through it ends at; else itself, without a zone."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    ip = ipaddress.IPv6Address(int(ip))
    if ip.is_loopback:
        return ip
    if any(ip in network for network in _WITH_IPV4_AT_END):
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.sixtofour or ip


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
