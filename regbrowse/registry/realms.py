"""Who may give out a registry's tokens, and who of them is told a login (registry-client.md §1.5).

The realm comes from the network: whoever answers in a registry's place can name any. So a login goes to the registry's
own host and to places that are known to belong to it, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from regbrowse.registry.challenges import Challenge
from regbrowse.registry.endpoint import APIEndpoint, is_loopback
from regbrowse.registry.errors import RedirectRefusedError
from regbrowse.registry.redirects import host_of, is_same_host, origin_of
from regbrowse.registry.reference import DOCKER_HUB, DOCKER_HUB_REGISTRY
from regbrowse.registry.token_protocol import token_realm
from regbrowse.registry.wire import httpx

TrustedRealms = Mapping[str, Collection[str]]
"""By a registry's host, the hosts (or origins, always of https) of token servers that may be told its logins."""

KNOWN_REALMS: Final[TrustedRealms] = MappingProxyType(
    {
        DOCKER_HUB: ("auth.docker.io",),
        DOCKER_HUB_REGISTRY: ("auth.docker.io",),
        "registry.gitlab.com": ("gitlab.com",),
        "nvcr.io": ("authn.nvidia.com",),
    }
)
"""The pairs that everybody knows; almost all other registries give out their tokens themselves."""


@dataclass(frozen=True, slots=True)
class TokenService:
    """Where the tokens of a registry come from.

    Attributes:
        registry: The origin of the registry that named it.
        realm: The token server's URL.
        service: How the token server calls the registry; may be empty.
        may_have_login: Whether the token server may be told a login for the registry.
        is_own: The token server is on the registry's own host.
        is_insecure: It is so, and the registry is an insecure one: whatever certificate it shows is taken.
    """

    registry: str
    realm: str
    service: str
    may_have_login: bool
    is_own: bool
    is_insecure: bool

    @property
    def host(self) -> str:
        return host_of(httpx.URL(self.realm))

    @property
    def origin(self) -> str:
        return origin_of(httpx.URL(self.realm))


def token_service(
    challenge: Challenge, endpoint: APIEndpoint, trusted_realms: TrustedRealms = MappingProxyType({})
) -> TokenService:
    """The token server that `challenge` names, if one may ask it at all.

    Args:
        challenge: Of the scheme `bearer`.
        endpoint: The registry that it came from.
        trusted_realms: Pairs beside `KNOWN_REALMS`.

    Raises:
        MalformedDocumentError: It names none.
        RedirectRefusedError: It names none on the web, or one over plain HTTP that is not the registry itself.
    """
    asked = httpx.URL(endpoint.base)
    realm = _without_last_dot(httpx.URL(token_realm(challenge, endpoint.base)))
    is_own = is_same_host(realm, asked)
    is_near = is_own or (is_loopback(host_of(asked)) and is_loopback(host_of(realm)))
    if realm.scheme == "http" and not is_near:
        raise RedirectRefusedError(
            f"{host_of(asked)} wants a token to be fetched over plain HTTP from {host_of(realm)}. That was not done."
        )
    return TokenService(
        registry=origin_of(asked),
        realm=str(realm),
        service=challenge.parameters.get("service", ""),
        may_have_login=_may_have_login(asked, realm, is_own=is_own)
        or _is_pair(host_of(asked), realm, KNOWN_REALMS)
        or _is_pair(host_of(asked), realm, trusted_realms),
        is_own=is_own,
        is_insecure=is_own and not endpoint.verify,
    )


def _may_have_login(registry: httpx.URL, realm: httpx.URL, *, is_own: bool) -> bool:
    if origin_of(registry) == origin_of(realm) or (is_own and realm.scheme == "https"):
        return True
    return is_loopback(host_of(registry)) and is_loopback(host_of(realm))


def _is_pair(registry: str, realm: httpx.URL, trusted: TrustedRealms) -> bool:
    names = {registry, DOCKER_HUB} if registry == DOCKER_HUB_REGISTRY else {registry}
    origins = {
        f"https://{each.removeprefix('https://').rstrip('/')}" for name in names for each in trusted.get(name, ())
    }
    return origin_of(realm) in origins


def _without_last_dot(url: httpx.URL) -> httpx.URL:
    """A name with a dot at its end is the same name, but no certificate has it so."""
    host, colon, port = host_of(url).partition(":") if not host_of(url).startswith("[") else (host_of(url), "", "")
    if not host.endswith("."):
        return url
    return url.copy_with(netloc=f"{host.rstrip('.')}{colon}{port}".encode())
