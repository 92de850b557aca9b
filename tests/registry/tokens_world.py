"""A registry that wants tokens, its token server, and names for both that are not this machine's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import trustme

from regbrowse.registry.auth import Credential
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.docker_http import RequestModifier, new_transport
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.token_keeper import TokenKeeper
from regbrowse.registry.wire import httpx
from tests.registry.reaching import PASSWORD, USER, reaching
from tests.registry_rules import BasicAuth
from tests.registry_server import BearerAuth, Content, RegistryServer
from tests.token_server import Server, TokenServer

AUTHORITY: Final = trustme.CA()
TRUSTS: Final = TLSConfig(root_cas=(AUTHORITY.cert_pem.bytes().decode(),))
PULL: Final = "repository:team/app:pull"
CATALOG_SCOPE: Final = "registry:catalog:*"
SECRETS: Final = (USER, PASSWORD, "canary-token", "canary-refresh", "Y2FuYXJ5")
"""The canaries, the last being how each login begins in base64."""


def everything(account: str, scope: str) -> bool:
    return True


class Tokens(TokenServer):
    """A token server that leaves out of a token what its account may not do, and answers 200 all the same."""

    def __init__(
        self,
        *,
        permits: Callable[[str, str], bool] = everything,
        anonymous: bool = True,
        expires_in: int | None = 300,
        issued_at: str | None = None,
        tls: trustme.LeafCert | None = None,
    ) -> None:
        self.permits = permits
        super().__init__({USER: PASSWORD}, anonymous=anonymous, expires_in=expires_in, issued_at=issued_at, tls=tls)

    def _issue(self, account: str, scopes: Sequence[str]) -> str:
        return super()._issue(account, [scope for scope in scopes if self.permits(account, scope)])

    def grants(self, token: str) -> Collection[str] | None:
        if token not in self.issued:
            return None
        parted = [scope.rpartition(":") for scope in self.issued[token][1]]
        return [f"{resource}:{action}" for resource, _, actions in parted for action in actions.split(",")]

    def revoke(self) -> None:
        """Let no token that was given be good any more."""
        self.issued = {f"was {token}": value for token, value in self.issued.items()}

    def auth(self, realm: str | None = None, *, catalog: BasicAuth | None = None) -> BearerAuth:
        """What a registry wants that takes these tokens."""
        return BearerAuth(realm or self.realm, self.grants, catalog=catalog)

    @property
    def scopes(self) -> list[list[str]]:
        """What was asked for, request by request."""
        return [[value for name, value in request.query if name == "scope"] for request in self.requests]


def content() -> Content:
    content = Content()
    content.add_image("team/app", "1.0")
    content.add_image("team/other", "1.0")
    return content


def seen_at(server: Server | RegistryServer) -> str:
    """All that a server was told."""
    if isinstance(server, RegistryServer):
        return " ".join(f"{request} {dict(request.headers)}" for request in server.requests)
    return " ".join(f"{request} {request.headers} {request.body!r}" for request in server.requests)


def assert_no_secret_at(server: Server | RegistryServer) -> None:
    seen = seen_at(server)
    assert [secret for secret in SECRETS if secret in seen] == []


def authorizations(server: Server | RegistryServer) -> list[str]:
    if isinstance(server, RegistryServer):
        return [request.headers.get("authorization", "") for request in server.requests]
    return [request.header("Authorization") for request in server.requests]


class Names(httpx.AsyncBaseTransport):
    """Leads the names of servers to where they really are. The certificate must be for the name.

    Args:
        base: Carries the requests.
        ports: By a host as it is spelled in `Host`; what is not there is nowhere.
    """

    def __init__(self, base: httpx.AsyncBaseTransport, ports: Mapping[str, int]) -> None:
        self._base = base
        self._ports = ports

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.headers["Host"]
        if host not in self._ports:
            raise httpx.ConnectError(f"{host} is nowhere", request=request)
        led = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1", port=self._ports[host]),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host.partition(":")[0]},
        )
        response = await self._base.handle_async_request(led)
        response.extensions.pop("network_stream", None)  # it would tell where the server really is
        return response

    async def aclose(self) -> None:
        await self._base.aclose()


def named_transport(
    ports: Mapping[str, int], made: list[TLSConfig] | None = None
) -> Callable[[TLSConfig, Sequence[RequestModifier]], httpx.AsyncBaseTransport]:
    """Makes what leads to token servers by their names; `made` gets the settings of each."""

    def make(tls: TLSConfig, modifiers: Sequence[RequestModifier]) -> httpx.AsyncBaseTransport:
        if made is not None:
            made.append(tls)
        return Names(new_transport(tls if tls.insecure_skip_verify else TRUSTS, modifiers), ports)

    return make


def leaf(*names: str) -> trustme.LeafCert:
    return AUTHORITY.issue_cert(*names)


@asynccontextmanager
async def by_name(
    registry: RegistryServer | Server,
    others: Mapping[str, Server],
    *,
    name: str = "registry.test",
    login: Credential | None = None,
    made: list[TLSConfig] | None = None,
    addresses: Mapping[str, str] | None = None,
    tls: TLSConfig = TRUSTS,
    **options: Any,
) -> AsyncIterator[RegistryClient]:
    """A client of a registry at a public address, which knows token servers by their names.

    Args:
        addresses: Where names lead, as far as the client is told: by default to public addresses.
    """
    ports = {name: registry.port, **{host: server.port for host, server in others.items()}}

    async def resolver(host: str) -> Sequence[str]:
        return [(addresses or {}).get(host, "203.0.113.1")]

    keeper = TokenKeeper(name, certs_dir=None, make_transport=named_transport(ports, made), resolver=resolver)
    async with reaching(
        name,
        login=login,
        endpoints=[APIEndpoint(f"https://{name}", tls_config=tls)],
        tokens=keeper,
        make_wire=lambda context: Names(httpx.AsyncHTTPTransport(verify=context, trust_env=False), ports),
        resolver=resolver,
        **options,
    ) as client:
        yield client
