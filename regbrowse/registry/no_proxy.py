"""Whom `NO_PROXY` spares the proxy, by the rules of Go's `net/http/httpproxy` (registry-client.md §2.1)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from regbrowse.registry.text import SafeText, safe_text

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST_AND_PORT: Final = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*)):([^:\[\]]*)")
_PREFIX: Final = re.compile(r"[0-9]{1,6}")
_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
_ALL: Final = SafeText("*")


class _Entry(Protocol):
    @property
    def text(self) -> SafeText:
        """As it was written."""

    def matches(self, name: str, address: _Address | None, port: str) -> bool:
        """Whether it is for this host, which is an address if that is not None."""


@dataclass(frozen=True, slots=True)
class NoProxy:
    """The hosts that are reached without a proxy."""

    entries: tuple[_Entry, ...] = ()

    @classmethod
    def parse(cls, text: str) -> NoProxy:
        """Read a list with commas: ranges of addresses; addresses and names, perhaps with a port; or `*`.

        `corp` is for itself and what is below it, `.corp` and `*.corp` only for the latter. An address in brackets is
        one only with a port. As in Go, nothing is wrong: what makes no sense is for no host.
        """
        entries: list[_Entry] = []
        for written in text.split(","):
            item = written.strip().lower()
            if item == "*":
                return cls((_Everything(),))
            if item and (entry := _entry(item)):
                entries.append(entry)
        return cls(tuple(entries))

    def entry_for(self, host: str, port: int) -> SafeText | None:
        """The entry that is for `host`, a name in ASCII or an address without brackets; None if there is none."""
        name = host.lower()
        address = host_address(name)
        found = (entry.text for entry in self.entries if entry.matches(name, address, str(port)))
        return next(found, None)


@dataclass(frozen=True, slots=True)
class _Everything:
    text: SafeText = _ALL

    def matches(self, name: str, address: _Address | None, port: str) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class _Range:
    text: SafeText
    network: _Network

    def matches(self, name: str, address: _Address | None, port: str) -> bool:
        return address is not None and address in self.network


@dataclass(frozen=True, slots=True)
class _One:
    text: SafeText
    address: _Address
    port: str

    def matches(self, name: str, address: _Address | None, port: str) -> bool:
        return address == self.address and self.port in ("", port)


@dataclass(frozen=True, slots=True)
class _Domain:
    """Attributes:
    suffix: Begins with a dot.
    whole: The name without that dot is meant too.
    """

    text: SafeText
    suffix: str
    whole: bool
    port: str

    def matches(self, name: str, address: _Address | None, port: str) -> bool:
        if address is not None or self.port not in ("", port):
            return False
        return name.endswith(self.suffix) or (self.whole and name == self.suffix[1:])


def _entry(item: str) -> _Entry | None:
    text = safe_text(item)
    if network := _network(item):
        return _Range(text, network)
    host, port = item, ""
    if parts := _HOST_AND_PORT.fullmatch(item):
        host, port = parts[1] or parts[2] or "", parts[3]
    if not host:
        return None
    if address := _plain_address(host):
        return _One(text, address, port)
    name = host.removeprefix("*") if host.startswith("*.") else host
    whole = not name.startswith(".")
    return _Domain(text, f".{ascii_name(name.removeprefix('.'))}", whole, port)


def _network(item: str) -> _Network | None:
    written, slash, prefix = item.partition("/")
    address = ipaddress.ip_address(written) if slash and _is_address(written) and _PREFIX.fullmatch(prefix) else None
    if address is None or int(prefix) > address.max_prefixlen:
        return None
    network = ipaddress.ip_network(f"{address}/{int(prefix)}", strict=False)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        mapped = ipaddress.IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


def host_address(host: str) -> _Address | None:
    """The address that `host` is; an IPv4 one also where it is spelled as IPv6. None for a name."""
    return _plain_address(host.partition("%")[0])


def _plain_address(text: str) -> _Address | None:
    if not _is_address(text):
        return None
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def ascii_name(name: str) -> str:
    """`name` as the DNS has it; unchanged where that cannot be said."""
    if name.isascii():
        return name
    from regbrowse.registry.wire import httpx

    try:
        return httpx.URL(scheme="http", host=name).raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError):
        return name
