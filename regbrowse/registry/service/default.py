"""Docker's registry service: how a registry is reached, logged in to and searched (seed-registry-package.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from regbrowse.registry.constants import (
    CERTS_DIR,
    DEFAULT_NAMESPACE,
    DEFAULT_SEARCH_LIMIT,
    DEFAULT_V2_REGISTRY,
    INDEX_HOSTNAME,
    INDEX_SERVER,
)
from regbrowse.registry.endpoint import APIEndpoint, APIVersion
from regbrowse.registry.errors import ConfigError, InvalidRepositoryNameError
from regbrowse.registry.reference import DOCKER_HUB_REGISTRY, RegistryAddress, is_registry_host
from regbrowse.registry.resolving import Resolver, system_resolver
from regbrowse.registry.service.config import IndexInfo, ServiceConfig
from regbrowse.registry.service.options import ServiceOptions
from regbrowse.registry.service.repository_info import RepositoryInfo, resolve_repository, split_search_term
from regbrowse.registry.tls import TLSConfig, read_certs_directory

if TYPE_CHECKING:
    from regbrowse.registry.docker_http import MakeTransport
    from regbrowse.registry.service.auth_config import AuthConfig
    from regbrowse.registry.v1.models import SearchResults

_DOCKER_HUB: Final = frozenset({DEFAULT_NAMESPACE, INDEX_HOSTNAME})
_WITHOUT_V1: Final = _DOCKER_HUB | {DOCKER_HUB_REGISTRY}
"""Docker Hub no longer speaks v1, but for its search."""


class Service(Protocol):
    """What Docker's package called `Service`: all that a client asks before it speaks to a registry."""

    async def auth(self, auth_config: AuthConfig, user_agent: str = "") -> tuple[str, str]:
        """Try a login; the status in words, and the identity token if the registry gave one."""

    async def lookup_pull_endpoints(self, hostname: str) -> list[APIEndpoint]:
        """The ways to reach a registry for reading, in the order to try them."""

    async def lookup_push_endpoints(self, hostname: str) -> list[APIEndpoint]:
        """The ways to reach a registry for writing, in the order to try them."""

    async def resolve_index(self, name: str) -> IndexInfo:
        """What is known of the registry `name`."""

    async def resolve_repository(self, name: str) -> RepositoryInfo:
        """The parts of a repository's name, and its registry."""

    async def search(
        self,
        term: str,
        limit: int = DEFAULT_SEARCH_LIMIT,
        auth_config: AuthConfig | None = None,
        user_agent: str = "",
        headers: Mapping[str, Sequence[str]] | None = None,
    ) -> SearchResults:
        """Search an index for repositories."""

    async def tls_config(self, hostname: str) -> TLSConfig:
        """The TLS settings for a host."""

    def service_config(self) -> ServiceConfig:
        """The settings in force."""

    def load_mirrors(self, mirrors: Iterable[str]) -> None:
        """Take these mirrors of Docker Hub instead of the present ones."""

    def load_insecure_registries(self, registries: Iterable[str]) -> None:
        """Take these insecure registries instead of the present ones."""

    def load_allow_nondistributable_artifacts(self, registries: Iterable[str]) -> None:
        """Take these registries, to which all layers may be pushed, instead of the present ones."""


class DefaultService:
    """The service over real settings.

    Args:
        options: Mirrors, insecure registries, whether v1 is spoken. They are checked, and nothing is swallowed (§17.6).
        certs_dir: The certificates directory; None (or an empty text, as in Docker) reads none at all.
        resolver: Finds the addresses of hosts, for insecure registries that are declared by a range of addresses.
        make_transport: Makes what carries the requests of logins and searches; `new_transport` if not given.

    Raises:
        ConfigError: A value of `options` cannot be used.
    """

    def __init__(
        self,
        options: ServiceOptions | None = None,
        *,
        certs_dir: Path | str | None = CERTS_DIR,
        resolver: Resolver | None = None,
        make_transport: MakeTransport | None = None,
    ) -> None:
        options = options or ServiceOptions()
        self.v2_only = options.v2_only
        self.certs_dir = Path(certs_dir) if certs_dir else None
        self._resolver = resolver or system_resolver
        self._make_transport = make_transport
        self._config = ServiceConfig.of(options)

    # Settings (§5)

    def service_config(self) -> ServiceConfig:
        """The settings in force, as a value that does not change any more."""
        return self._config

    def load_mirrors(self, mirrors: Iterable[str]) -> None:
        """Take `mirrors` instead of the present ones; a repeated one counts once.

        Raises:
            ConfigError: One of them cannot be used; then nothing changes.
        """
        self._config = self._config.with_mirrors(mirrors)

    def load_insecure_registries(self, registries: Iterable[str]) -> None:
        """Take `registries` (hosts and ranges of addresses) instead of the present ones; `127.0.0.0/8` stays.

        Raises:
            ConfigError: One of them cannot be used; then nothing changes.
        """
        self._config = self._config.with_insecure_registries(registries)

    def load_allow_nondistributable_artifacts(self, registries: Iterable[str]) -> None:
        """Take `registries` (hosts and ranges of addresses) instead of the present ones.

        Raises:
            ConfigError: One of them cannot be used; then nothing changes.
        """
        self._config = self._config.with_nondistributable_artifacts(registries)

    async def resolve_index(self, name: str) -> IndexInfo:
        """What is known of the registry `name`: its settings, or whether it is secure. It may ask the resolver (§6).

        Raises:
            ConfigError: There can be no registry of that name.
        """
        return await self._config.index_info(name, self._resolver)

    async def resolve_repository(self, name: str) -> RepositoryInfo:
        """The parts of the repository's name `name`, with its registry as by `resolve_index`.

        Raises:
            InvalidReferenceError: It is no name of a repository.
        """
        return await resolve_repository(name, self._config, self._resolver)

    # How a registry is reached (§6, §7, §13)

    async def tls_config(self, hostname: str) -> TLSConfig:
        """The TLS settings for `hostname` (`host` or `host:port`).

        An insecure registry has no certificate checked, and none read for it either; another one has what its folder
        of the certificates directory holds.

        Raises:
            ConfigError: A file in that folder cannot be used.
        """
        if not await self._config.is_secure(hostname, self._resolver):
            return TLSConfig(insecure_skip_verify=True)
        return await self._verified(hostname)

    async def lookup_pull_endpoints(self, hostname: str) -> list[APIEndpoint]:
        """The ways to reach the registry `hostname`, in the order to try them.

        For Docker Hub its mirrors, then itself. For another one v2 over https, and over http if it is insecure; then
        the same for v1, unless that is switched off.

        Raises:
            ConfigError: A file in a folder of the certificates directory cannot be used.
        """
        if hostname in _DOCKER_HUB:
            mirrors = [await self._mirror(mirror) for mirror in self._config.mirrors]
            return [*mirrors, APIEndpoint(DEFAULT_V2_REGISTRY, official=True)]
        tls = await self.tls_config(hostname)
        allowed = await self._config.allows_nondistributable_artifacts(hostname, self._resolver)
        schemes = ("https", "http") if tls.insecure_skip_verify else ("https",)
        v2 = APIEndpoint("", tls_config=tls, allow_nondistributable_artifacts=allowed)
        v1 = APIEndpoint("", APIVersion.V1, tls_config=tls)
        return [
            replace(endpoint, url=f"{scheme}://{hostname}")
            for endpoint in (v2, v1)
            for scheme in schemes
            if endpoint is v2 or self._speaks_v1_with(hostname)
        ]

    async def lookup_push_endpoints(self, hostname: str) -> list[APIEndpoint]:
        """As `lookup_pull_endpoints`, without the mirrors, which take no pushes."""
        return [endpoint for endpoint in await self.lookup_pull_endpoints(hostname) if not endpoint.mirror]

    async def endpoints_of(self, address: RegistryAddress) -> list[APIEndpoint]:
        """The ways to reach what a user named, in order: as `lookup_pull_endpoints`, below the path that was named.

        A scheme that was spelled is taken at its word, whatever the settings say: `https` is verified, `http` is plain.

        Raises:
            ConfigError: A file in a folder of the certificates directory cannot be used.
        """
        if not address.scheme:
            found = await self.lookup_pull_endpoints(address.host)
            return [replace(endpoint, url=f"{endpoint.base}{address.prefix}") for endpoint in found]
        host = DOCKER_HUB_REGISTRY if address.is_docker_hub else address.host
        tls = await self._verified(host) if address.scheme == "https" else TLSConfig()
        v2 = APIEndpoint(f"{address.scheme}://{host}{address.prefix}", tls_config=tls)
        return [v2, replace(v2, version=APIVersion.V1)] if self._speaks_v1_with(host) else [v2]

    async def _verified(self, hostname: str) -> TLSConfig:
        if self.certs_dir is None:
            return TLSConfig()
        return await asyncio.to_thread(read_certs_directory, TLSConfig(), Path(f"{self.certs_dir}/{hostname}"))

    async def _mirror(self, mirror: str) -> APIEndpoint:
        url = mirror if "://" in mirror else f"https://{mirror}"
        return APIEndpoint(url, mirror=True, tls_config=await self.tls_config(APIEndpoint(url).host))

    def _speaks_v1_with(self, hostname: str) -> bool:
        return not self.v2_only and hostname not in _WITHOUT_V1

    # What is done there (§11, §12)

    async def auth(self, auth_config: AuthConfig, user_agent: str = "") -> tuple[str, str]:
        """Try the login `auth_config` at its registry, Docker Hub if it names none.

        Only the host of `auth_config.server_address` counts: all ways to reach it are tried, v2 first (§11).

        Returns:
            The status in words, and the identity token to keep instead of the password, or "".

        Raises:
            RegistryError: The registry could not be reached, or does not accept the login.
        """
        from regbrowse.registry.docker_http import new_transport
        from regbrowse.registry.service.login import login

        host = _host_of(auth_config.server_address or INDEX_SERVER)
        endpoints = await self.lookup_push_endpoints(host)
        return await login(auth_config, endpoints, user_agent, make_transport=self._make_transport or new_transport)

    async def search(
        self,
        term: str,
        limit: int = DEFAULT_SEARCH_LIMIT,
        auth_config: AuthConfig | None = None,
        user_agent: str = "",
        headers: Mapping[str, Sequence[str]] | None = None,
    ) -> SearchResults:
        """Search the index that `term` begins with (`registry.corp/word`), or Docker Hub's; always by v1 (§12).

        Args:
            term: The words to find; before the first `/` there may be a registry.
            limit: Results at most, from 1 to 100.
            auth_config: The login to search with; with an identity token, a token for the search is asked for.
            user_agent: Sent as `User-Agent`.
            headers: Sent with every request.

        Raises:
            InvalidRepositoryNameError: `term` is a URL.
            RegistryError: The index could not be reached, or did not answer with results.
        """
        from regbrowse.registry.docker_http import new_transport
        from regbrowse.registry.service.search import search_index

        if "://" in term:
            raise InvalidRepositoryNameError(
                'Invalid repository name (ex: "registry.domain.tld/myrepos").', "Leave https:// or http:// out."
            )
        name, words = split_search_term(term)
        index = await self.resolve_index(name)
        words = words.removeprefix("library/") if index.official else words
        return await search_index(
            index,
            words,
            limit,
            auth_config,
            user_agent,
            headers,
            certs_dir=self.certs_dir,
            make_transport=self._make_transport or new_transport,
        )


def _host_of(server: str) -> str:
    """The `host` or `host:port` of a server's address, which needs no scheme; nothing else of it counts (§11).

    Raises:
        ConfigError: It has none.
    """
    url = server if server.startswith(("http://", "https://")) else f"https://{server}"
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    if not is_registry_host(host):
        raise ConfigError("The login is for an address that is no registry's.", "Name it as registry.corp:5000.")
    return host
