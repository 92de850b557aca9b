"""A registry in one line, for those who use the core as a library."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import MappingProxyType

from regbrowse.registry.auth import Credential
from regbrowse.registry.bearer import ChallengeAuthorizer
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.endpoint import APIVersion
from regbrowse.registry.realms import TrustedRealms
from regbrowse.registry.reference import parse_registry_address
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.text import SafeText
from regbrowse.registry.token_keeper import TokenKeeper
from regbrowse.registry.transport import Transport


@asynccontextmanager
async def open_registry(
    address: str,
    *,
    auth_config: AuthConfig | None = None,
    service: DefaultService | None = None,
    trusted_realms: TrustedRealms = MappingProxyType({}),
) -> AsyncIterator[RegistryClient]:
    """A client of the v2 registry at `address`, which is closed at the end.

    Args:
        address: `registry.corp:5000`, `docker.io`, or either with `https://` or `http://` and a path.
        auth_config: The login, sent where the registry asks for one: over verified TLS or to loopback, nowhere else.
            Its own token server may ask for it too, and alone gets an identity token. A mirror is never given one.
        service: Says how the registry is reached; by default as Docker does it, with no settings.
        trusted_realms: By a registry's host, hosts of token servers that may be told its logins, beside its own.

    Raises:
        InvalidReferenceError: `address` is none.
        ConfigError: A file in the registry's folder of the certificates directory, or a proxy of the environment,
            cannot be used.
    """
    where = parse_registry_address(address)
    service = service or DefaultService()
    endpoints = [each for each in await service.endpoints_of(where) if each.version is APIVersion.V2]
    login = None
    if auth_config and not any(endpoint.mirror for endpoint in endpoints):
        given = auth_config.username, auth_config.password, SafeText("what was given"), auth_config.identity_token
        login = Credential(*given) if auth_config.username or auth_config.identity_token else None

    async def lookup(_: str) -> Credential | None:
        return login

    trusted = all(endpoint.is_trusted for endpoint in endpoints)
    tokens = TokenKeeper(where.host, certs_dir=service.certs_dir)
    authorizer = ChallengeAuthorizer(where.host, lookup, tokens, trusted=trusted, trusted_realms=trusted_realms)
    client = RegistryClient(where, Transport(endpoints, authorizer, certs_dir=service.certs_dir))
    try:
        yield client
    finally:
        await client.aclose()
