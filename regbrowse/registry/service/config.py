"""What the service was told of registries: the indexes, the mirrors of Docker Hub, and who may be reached insecurely.

The rules are those of July 2017 (`seed-registry-package.md` §5 and §6). Names are compared as they are, their case too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from regbrowse.registry.constants import INDEX_HOSTNAME, INDEX_NAME
from regbrowse.registry.errors import ConfigError
from regbrowse.registry.resolving import Resolver, addresses_of, system_resolver
from regbrowse.registry.service.fields import flag_in, object_in, text_in, texts_in
from regbrowse.registry.service.insecure import (
    Network,
    parse_address,
    parse_cidr,
    read_insecure_registries,
    read_nondistributable_artifacts,
    refuse_hyphens,
    split_host_port,
)
from regbrowse.registry.service.masking import without_secrets
from regbrowse.registry.service.mirrors import validate_mirror
from regbrowse.registry.text import SafeText

if TYPE_CHECKING:
    from regbrowse.registry.service.options import ServiceOptions

LOOPBACK: Final = IPv4Network("127.0.0.0/8")
"""This machine's own addresses: insecure whatever else is said. IPv6's `::1` is not."""


def validate_index_name(value: str) -> str:
    """The name of an index: `docker.io` for `index.docker.io`, every other text as it is.

    Raises:
        ConfigError: It begins or ends with a hyphen.
    """
    refuse_hyphens(value)
    return INDEX_NAME if value == INDEX_HOSTNAME else value


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """An index: what the first part of an image's name stands for.

    Attributes:
        name: `host` or `host:port`; `docker.io` for Docker Hub.
        mirrors: URLs to be asked first. Docker Hub alone has any.
        secure: Whether only a verified certificate will do.
        official: Whether it is Docker Hub.
    """

    name: str
    mirrors: tuple[str, ...] = ()
    secure: bool = True
    official: bool = False

    @classmethod
    def from_json(cls, value: object) -> IndexInfo:
        """Read an object with the keys of Docker's API; what it does not say is empty or false.

        Raises:
            ConfigError: It is no object, or a value has a wrong type.
        """
        found = object_in(value, "An index")
        return cls(
            text_in(found, "Name"), texts_in(found, "Mirrors"), flag_in(found, "Secure"), flag_in(found, "Official")
        )

    def to_json(self) -> dict[str, object]:
        """The object of Docker's API."""
        return {"Name": self.name, "Mirrors": list(self.mirrors), "Secure": self.secure, "Official": self.official}


def _with_docker_hub(indexes: Mapping[str, IndexInfo], mirrors: tuple[str, ...]) -> Mapping[str, IndexInfo]:
    """The indexes and Docker Hub, which is secure whatever else was said of it."""
    return MappingProxyType({**indexes, INDEX_NAME: IndexInfo(INDEX_NAME, mirrors, secure=True, official=True)})


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """The service's settings, checked. Without arguments it is that of a daemon which was told nothing.

    Attributes:
        insecure_registry_cidrs: Ranges of addresses that need no verified certificate.
        index_configs: Indexes by their name; Docker Hub is always among them.
        mirrors: Mirrors of Docker Hub, each with `/` at its end.
        allow_nondistributable_artifacts_cidrs: Ranges of addresses that foreign layers may be pushed to.
        allow_nondistributable_artifacts_hostnames: Hosts that foreign layers may be pushed to.
        notices: What the user should hear of, one sentence each.
    """

    insecure_registry_cidrs: tuple[Network, ...] = (LOOPBACK,)
    index_configs: Mapping[str, IndexInfo] = field(default_factory=lambda: _with_docker_hub({}, ()))
    mirrors: tuple[str, ...] = ()
    allow_nondistributable_artifacts_cidrs: tuple[Network, ...] = ()
    allow_nondistributable_artifacts_hostnames: tuple[str, ...] = ()
    notices: tuple[SafeText, ...] = ()

    @classmethod
    def of(cls, options: ServiceOptions) -> ServiceConfig:
        """Check the options of a service. Other than in July 2017, a wrong one is not passed over (§17.6).

        Raises:
            ConfigError: A mirror or a registry in them cannot be one.
        """
        return (
            cls()
            .with_mirrors(options.mirrors)
            .with_insecure_registries(options.insecure_registries)
            .with_nondistributable_artifacts(options.allow_nondistributable_artifacts)
        )

    def with_mirrors(self, mirrors: Iterable[str]) -> ServiceConfig:
        """These settings with other mirrors, each once and in this order.

        Raises:
            ConfigError: One is no mirror.
        """
        checked = tuple(dict.fromkeys(map(validate_mirror, mirrors)))
        return replace(self, mirrors=checked, index_configs=_with_docker_hub(self.index_configs, checked))

    def with_insecure_registries(self, registries: Iterable[str]) -> ServiceConfig:
        """These settings with other insecure registries; this machine's loopback stays one.

        Args:
            registries: Each `host`, `host:port` or `address/length`. An entry without a port does not cover one with a
                port. A scheme is dropped, with a notice. One for Docker Hub has no effect.

        Raises:
            ConfigError: An entry is none of these.
        """
        entries = read_insecure_registries((*registries, str(LOOPBACK)))
        indexes = {host: IndexInfo(host, secure=False) for host in entries.hosts}
        return replace(
            self,
            insecure_registry_cidrs=entries.networks,
            index_configs=_with_docker_hub(indexes, self.mirrors),
            notices=entries.notices,
        )

    def with_nondistributable_artifacts(self, registries: Iterable[str]) -> ServiceConfig:
        """These settings with other registries that foreign layers may be pushed to.

        Args:
            registries: Each `host`, `host:port` or `address/length`.

        Raises:
            ConfigError: An entry is none of these.
        """
        entries = read_nondistributable_artifacts(registries)
        return replace(
            self,
            allow_nondistributable_artifacts_cidrs=entries.networks,
            allow_nondistributable_artifacts_hostnames=entries.hosts,
        )

    async def is_secure(self, name: str, resolver: Resolver = system_resolver) -> bool:
        """Whether an index needs a verified certificate (§6).

        A configured index says so itself. Any other one is insecure if one of its addresses is in a range; an address
        that is spelled in `name` is not looked up, and a host without addresses is secure.

        Args:
            name: `host` or `host:port`, in any spelling that a name may have: this never fails.
            resolver: Asked for the addresses of the host, unless `name` spells one or is configured.
        """
        if configured := self.index_configs.get(name):
            return configured.secure
        return not await _is_within(name, self.insecure_registry_cidrs, resolver)

    async def index_info(self, name: str, resolver: Resolver = system_resolver) -> IndexInfo:
        """The index called `name`: the configured one, or a new one without mirrors.

        Raises:
            ConfigError: The name begins or ends with a hyphen.
        """
        name = validate_index_name(name)
        if configured := self.index_configs.get(name):
            return configured
        return IndexInfo(name, secure=await self.is_secure(name, resolver))

    async def allows_nondistributable_artifacts(self, host: str, resolver: Resolver = system_resolver) -> bool:
        """Whether foreign layers may be pushed to `host` (§6): it is listed, or one of its addresses is in a range."""
        return host in self.allow_nondistributable_artifacts_hostnames or await _is_within(
            host, self.allow_nondistributable_artifacts_cidrs, resolver
        )

    @classmethod
    def from_json(cls, value: object) -> ServiceConfig:
        """Read an object with the keys of Docker's API, which is believed: what it does not say is empty.

        Raises:
            ConfigError: It is no object, a value has a wrong type, or a range is none.
        """
        found = object_in(value, "The service's configuration")
        indexes = object_in(found.get("IndexConfigs"), "IndexConfigs")
        return cls(
            insecure_registry_cidrs=_cidrs_in(found, "InsecureRegistryCIDRs"),
            index_configs=MappingProxyType({name: IndexInfo.from_json(index) for name, index in indexes.items()}),
            mirrors=texts_in(found, "Mirrors"),
            allow_nondistributable_artifacts_cidrs=_cidrs_in(found, "AllowNondistributableArtifactsCIDRs"),
            allow_nondistributable_artifacts_hostnames=texts_in(found, "AllowNondistributableArtifactsHostnames"),
        )

    def to_json(self) -> dict[str, object]:
        """The object of Docker's API. It has no place for the notices."""
        return {
            "AllowNondistributableArtifactsCIDRs": [str(cidr) for cidr in self.allow_nondistributable_artifacts_cidrs],
            "AllowNondistributableArtifactsHostnames": list(self.allow_nondistributable_artifacts_hostnames),
            "InsecureRegistryCIDRs": [str(cidr) for cidr in self.insecure_registry_cidrs],
            "IndexConfigs": {name: index.to_json() for name, index in self.index_configs.items()},
            "Mirrors": list(self.mirrors),
        }


async def _is_within(name: str, networks: tuple[Network, ...], resolver: Resolver) -> bool:
    if not networks:
        return False
    host, _ = split_host_port(name)
    literal = parse_address(host.partition("%")[0])
    found = [] if literal else await addresses_of(host, resolver)
    addresses = [literal, *(parse_address(address.partition("%")[0]) for address in found)]
    return any(address in network for address in addresses if address for network in networks)


def _cidrs_in(found: Mapping[str, object], name: str) -> tuple[Network, ...]:
    cidrs: list[Network] = []
    for text in texts_in(found, name):
        cidr = parse_cidr(text)
        if cidr is None:
            raise ConfigError(f"{name} has “{without_secrets(text)}”, which is no range of addresses.")
        cidrs.append(cidr)
    return tuple(cidrs)
