"""The entries of a daemon's lists of registries: a host, or a range of addresses (`seed-registry-package.md` §5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.reference import is_registry_host
from regbrowse.registry.service.masking import without_secrets
from regbrowse.registry.text import SafeText, safe_text

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_CIDR: Final = re.compile(r"[0-9A-Fa-f:.]+/[0-9]{1,3}")
_HOST_PORT: Final = re.compile(r"(?:\[(?P<bracketed>[^\[\]]*)\]|(?P<host>[^:\[\]]*)):(?P<port>[^:\[\]]*)")
_SCHEME: Final = re.compile(r"https?://", re.IGNORECASE)
_PORT: Final = re.compile(r"[0-9]{1,5}")
_LAST_PORT: Final = 65_535
_NEXT_STEP: Final = "Write it as registry.corp:5000, or as a range of addresses such as 10.0.0.0/8."


@dataclass(frozen=True, slots=True)
class RegistryEntries:
    """What a list of registries says, each of its entries once and in its order.

    Attributes:
        hosts: `host` or `host:port`, spelled as they were.
        networks: Ranges of addresses.
        notices: What was read otherwise than it was written.
    """

    hosts: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    notices: tuple[SafeText, ...] = ()


def read_insecure_registries(entries: Iterable[str]) -> RegistryEntries:
    """Read `insecure-registries`. A scheme before an entry is dropped, with a notice.

    Raises:
        ConfigError: An entry is neither a host nor a range.
    """
    names: list[str] = []
    notices: list[SafeText] = []
    for entry in entries:
        refuse_hyphens(entry)
        scheme = _SCHEME.match(entry)
        names.append(name := entry[scheme.end() :] if scheme else entry)
        if scheme:
            shown = without_secrets(name)
            notices.append(safe_text(f"The {scheme[0]} before the insecure registry {shown} has no meaning."))
    return _read(names, "insecure", tuple(notices))


def read_nondistributable_artifacts(entries: Iterable[str]) -> RegistryEntries:
    """Read `allow-nondistributable-artifacts`, where a scheme is an error.

    Raises:
        ConfigError: An entry is neither a host nor a range.
    """
    names = list(entries)
    for name in names:
        refuse_hyphens(name)
    return _read(names, "allow-nondistributable-artifacts", ())


def refuse_hyphens(name: str) -> None:
    """Check that the name of an index does not look like an option.

    Raises:
        ConfigError: It begins or ends with a hyphen.
    """
    if name.startswith("-") or name.endswith("-"):
        shown = without_secrets(name)
        raise ConfigError(f"Invalid index name ({shown}). Cannot begin or end with a hyphen.", _NEXT_STEP)


def parse_cidr(text: str) -> Network | None:
    """The range that `text` is; None if it is none.

    A range is `address/length` and nothing else: `10.0.0.1`, `10/8` and `10.0.0.0/255.0.0.0` are not. Bits beyond the
    length do not count, and a range of IPv4-mapped addresses is one of IPv4.
    """
    if _CIDR.fullmatch(text) is None:
        return None
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return IPv4Network((mapped, network.prefixlen - 96)) if mapped else network


def parse_address(text: str) -> Address | None:
    """The address that `text` is, an IPv4-mapped one as IPv4; None if it is none, as with brackets or a zone."""
    try:
        address = ip_address("" if "%" in text else text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def split_host_port(text: str) -> tuple[str, str]:
    """The host without brackets, and the port; both as they are.

    A text that has no port or cannot be split is a host as a whole: `[::1]` keeps its brackets (§6).
    """
    match = _HOST_PORT.fullmatch(text)
    if match is None:
        return text, ""
    return match["host"] if match["bracketed"] is None else match["bracketed"], match["port"]


def _read(names: Iterable[str], list_name: str, notices: tuple[SafeText, ...]) -> RegistryEntries:
    hosts: dict[str, None] = {}
    networks: dict[Network, None] = {}
    for name in names:
        network = parse_cidr(name)
        if network:
            networks[network] = None
        else:
            _check_host(name, list_name)
            hosts[name] = None
    return RegistryEntries(tuple(hosts), tuple(networks), notices)


def _check_host(name: str, list_name: str) -> None:
    shown = without_secrets(name)
    subject = f"{list_name} registry {shown}"
    if "://" in name:
        raise ConfigError(f"{subject} should not contain '://'", _NEXT_STEP)
    host, port = split_host_port(name)
    shown_host, shown_port = split_host_port(shown)
    if not is_registry_host(name) and parse_address(host) is None:
        raise ConfigError(f'{subject} is not valid: invalid host "{shown_host}"', _NEXT_STEP)
    if port and not (_PORT.fullmatch(port) and int(port) <= _LAST_PORT):
        raise ConfigError(f'{subject} is not valid: invalid port "{shown_port}"', _NEXT_STEP)
