"""Which registries may be reached without a verified certificate (seed-registry-package.md §5 and §6)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.reference import DOCKER_HUB, RegistryAddress, parse_registry_address
from regbrowse.registry.text import SafeText, safe_text

_Network = IPv4Network | IPv6Network

_LOOPBACK: Final[tuple[_Network, ...]] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_CIDR: Final = re.compile(r"([0-9A-Fa-f:.]+)/([0-9]{1,3})")
_SCHEME: Final = re.compile(r"https?://", re.IGNORECASE)
_NEXT_STEP: Final = "Write it as registry.corp:5000, or as a range of addresses such as 10.0.0.0/8."


@dataclass(frozen=True, slots=True)
class InsecureRegistries:
    """Registries that were declared insecure; this machine's loopback always is.

    Attributes:
        hosts: `host` or `host:port`, in lower case: an entry without a port does not cover one with a port.
        networks: Ranges of addresses.
        notices: What was read otherwise than it was written.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[_Network, ...] = _LOOPBACK
    notices: tuple[SafeText, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> InsecureRegistries:
        """Read the values of `--insecure-registry` and `insecure-registries`.

        Args:
            entries: Each `host`, `host:port` or `address/length`. A scheme before it is dropped, with a notice.

        Raises:
            ConfigError: An entry is none of these.
        """
        hosts: set[str] = set()
        networks = dict.fromkeys(_LOOPBACK)
        notices: list[SafeText] = []
        for entry in entries:
            name = entry.strip()
            scheme = _SCHEME.match(name)
            name = name[scheme.end() :] if scheme else name
            network = _network(name)
            if network:
                networks[network] = None
            else:
                hosts.add(name := _host(name))
            if scheme:
                notices.append(safe_text(f"The {scheme[0]} before the insecure registry {name} has no meaning."))
        return cls(frozenset(hosts), tuple(networks), tuple(notices))

    def covers(self, host: str, addresses: Sequence[str] = ()) -> bool:
        """Whether `host` may be reached without a verified certificate.

        Args:
            host: `host` or `host:port`. Docker Hub is never insecure.
            addresses: What `host` resolves to; one that is in a range suffices. An address needs no resolving.
        """
        host = host.lower()
        if host == DOCKER_HUB:
            return False
        name = RegistryAddress(host).hostname
        if host in self.hosts or name == "localhost":
            return True
        known = [address for text in (name, *addresses) if (address := _address(text))]
        return any(address in network for address in known for network in self.networks)

    def needs_addresses(self, host: str) -> bool:
        """Whether `covers` depends on what `host` resolves to, so that a look-up is worth its time."""
        name = RegistryAddress(host.lower()).hostname
        return host.lower() != DOCKER_HUB and _address(name) is None and not self.covers(host)


def _network(text: str) -> _Network | None:
    match = _CIDR.fullmatch(text)
    if match is None:
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _host(name: str) -> str:
    shown = safe_text(name.rpartition("@")[2], limit=200)
    if "://" in name:
        raise ConfigError(f"The insecure registry “{shown}” should not contain “://”.", _NEXT_STEP)
    if name.startswith("-") or name.endswith("-"):
        raise ConfigError(f"The insecure registry “{shown}” cannot begin or end with a hyphen.", _NEXT_STEP)
    try:
        address = parse_registry_address(f"[{name}]" if name.count(":") > 1 and "[" not in name else name)
    except ConfigError:
        address = None
    if address is None or address.prefix:
        raise ConfigError(f"The insecure registry “{shown}” is not a host that can be reached.", _NEXT_STEP)
    return address.host
