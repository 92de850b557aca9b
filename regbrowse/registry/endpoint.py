"""Where and how a registry may be asked: one address, the protocol spoken there, and its TLS settings."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.tls import TLSConfig

if TYPE_CHECKING:
    from regbrowse.registry.docker_http import MakeTransport
    from regbrowse.registry.v1.endpoint import V1Endpoint

_DEFAULT_TLS = TLSConfig()


class APIVersion(IntEnum):
    """Which registry protocol an endpoint speaks (seed-registry-package.md §1)."""

    V1 = 1
    V2 = 2

    def __str__(self) -> str:
        return f"v{self.value}"


@dataclass(frozen=True, slots=True)
class APIEndpoint:
    """One way to reach a registry (seed-registry-package.md §2 and §13).

    Attributes:
        url: Scheme, host, perhaps a port and a path; the paths of the API follow it.
        version: The protocol that is spoken there.
        mirror: A mirror of Docker Hub: it is never given Docker Hub's login.
        official: Docker Hub itself.
        trim_hostname: Repositories are named without the registry's host there. Always so.
        tls_config: Its `insecure_skip_verify` also says, of an `http` endpoint, that the registry is an insecure one.
        allow_nondistributable_artifacts: Layers that the world may not have may be pushed there.
    """

    url: str
    version: APIVersion = APIVersion.V2
    mirror: bool = False
    official: bool = False
    trim_hostname: bool = True
    tls_config: TLSConfig = _DEFAULT_TLS
    allow_nondistributable_artifacts: bool = False

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0].lower()

    @property
    def host(self) -> str:
        """`host` or `host:port`."""
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}"

    @property
    def base(self) -> str:
        """The URL that the paths of the API are put after."""
        path = self.url.partition("://")[2].partition("/")[2].rstrip("/")
        return f"{self.origin}/{path}" if path else self.origin

    @property
    def verify(self) -> bool:
        """Whether the certificate must be right; without meaning for `http`."""
        return not self.tls_config.insecure_skip_verify

    @property
    def is_trusted(self) -> bool:
        """Whether a password may go there: over verified TLS, or on this machine's loopback."""
        return (self.scheme == "https" and self.verify) or is_loopback(self.host)

    def to_v1_endpoint(
        self,
        user_agent: str = "",
        meta_headers: Mapping[str, Sequence[str]] | None = None,
        *,
        make_transport: MakeTransport | None = None,
    ) -> V1Endpoint:
        """The v1 endpoint at this very address: no ping, no other scheme (seed-registry-package.md §8).

        Args:
            user_agent: Sent as `User-Agent`.
            meta_headers: Sent with every request.
            make_transport: Makes what carries the requests; `new_transport` if not given.
        """
        from regbrowse.registry.docker_http import new_transport
        from regbrowse.registry.v1.endpoint import V1Endpoint

        return V1Endpoint(
            self.url, self.tls_config, user_agent, meta_headers, make_transport=make_transport or new_transport
        )


def is_loopback(host: str) -> bool:
    """Whether `host` (with or without port) spells this machine itself."""
    name = RegistryAddress(host).hostname.lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
