"""The way to a registry: by v2, or by v1, and with the login that one has there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from regbrowse.browser.check import ways
from regbrowse.browser.journal import Journal
from regbrowse.browser.source import ANONYMOUS, NOT_KNOWN, Source
from regbrowse.browser.v2_source import V2Source
from regbrowse.credentials.chain import CredentialChain
from regbrowse.registry.constants import USER_AGENT
from regbrowse.registry.endpoint import APIEndpoint, APIVersion
from regbrowse.registry.errors import HTTPStatusError, UnsupportedError
from regbrowse.registry.proxies import DIRECTLY, Proxies
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.service.default import DefaultService

if TYPE_CHECKING:
    from regbrowse.browser.v1_source import V1Source
    from regbrowse.registry.auth import Credential
    from regbrowse.registry.challenge_memory import ChallengeMemory
    from regbrowse.registry.docker_http import RequestModifier
    from regbrowse.registry.exchange import Observer
    from regbrowse.registry.tls import TLSConfig
    from regbrowse.registry.wire import httpx

Realms = Mapping[str, Iterable[str]]
"""By a registry's host, the hosts of token servers that may be told its logins."""

NO_REALMS: Realms = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Login:
    """Who one is at a registry.

    Attributes:
        lookup: Finds the credential for a repository, or for the registry as a whole.
        may_go_unsafe: The user allowed it to go where it could be overheard.
    """

    lookup: Callable[[str], Awaitable[Credential | None]]
    may_go_unsafe: bool = False


class Connections:
    """Makes the way to a registry, anew each time; whoever asks for it closes it.

    Args:
        credentials: Told when a registry does not take a login that came from there, and asked for more about one.
        service: Decides how a registry is reached.
        journal: Told what is decided.
        realms: Gives the pairs of registries and token servers that the user trusts. Blocking: it may read a file.
        memory: What each registry asked for the last time.
        demo: Answers in place of the network, if given.
        proxies: Through which every registry is reached; the environment's if not given.

    Raises:
        ConfigError: A proxy of the environment cannot be used.
    """

    def __init__(
        self,
        credentials: CredentialChain,
        service: DefaultService,
        journal: Journal,
        *,
        realms: Callable[[], Realms] = lambda: NO_REALMS,
        memory: ChallengeMemory | None = None,
        demo: Callable[[], httpx.AsyncBaseTransport] | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        self._credentials = credentials
        self._service = service
        self._journal = journal
        self._realms = realms
        self._memory = memory
        self._demo = demo
        self._proxies = DIRECTLY if demo else proxies or Proxies.of(os.environ)

    async def by_v2(
        self, address: RegistryAddress, login: Login, observe: Observer, *, mirrors: bool = True
    ) -> V2Source:
        """The way by v2: over whichever of its endpoints answers first, mirrors among them unless that is False."""
        await asyncio.to_thread(_import_client)
        from regbrowse.registry.auth import BasicAuthorizer
        from regbrowse.registry.bearer import ChallengeAuthorizer
        from regbrowse.registry.client import RegistryClient
        from regbrowse.registry.token_keeper import TokenKeeper
        from regbrowse.registry.transport import Transport

        host, certs_dir = address.host, self._service.certs_dir
        if self._demo is not None:
            demo = self._demo()
            endpoints = [APIEndpoint(f"https://{host}")]
            nobody = BasicAuthorizer(host, _nobody)
            transport = Transport(endpoints, nobody, make_wire=lambda _: demo, observe=observe, proxies=self._proxies)
            return V2Source(RegistryClient(address, transport))
        endpoints = [each for each in await self.endpoints(address, APIVersion.V2) if mirrors or not each.mirror]
        self._journal.note(f"{address}: {', then '.join(endpoint.base for endpoint in endpoints)}")
        for way in ways(endpoints, self._proxies):
            self._journal.note(f"{address}: proxy {way}")
        authorizer = ChallengeAuthorizer(
            host,
            # A mirror never gets Docker Hub's password.
            _nobody if any(endpoint.mirror for endpoint in endpoints) else login.lookup,
            TokenKeeper(host, certs_dir=certs_dir, observe=observe, proxies=self._proxies),
            trusted=login.may_go_unsafe or all(endpoint.is_trusted for endpoint in endpoints),
            hint=lambda: self._credentials.hint(host),
            trusted_realms={
                registry: tuple(realms) for registry, realms in (await asyncio.to_thread(self._realms)).items()
            },
            memory=self._memory,
            endpoint=endpoints[0] if len(endpoints) == 1 else None,
            doubt=lambda: self._credentials.doubt(host),
        )
        transport = Transport(endpoints, authorizer, certs_dir=certs_dir, observe=observe, proxies=self._proxies)
        return V2Source(RegistryClient(address, transport))

    async def by_v1(
        self, address: RegistryAddress, login: Login, source: Source, error: HTTPStatusError, observe: Observer
    ) -> V1Source:
        """The way by v1, once `source` failed with an `error` that shows no v2 registry (seed-registry-package.md §15).

        Raises:
            UnsupportedError: v1 is switched off, or there is no v1 registry either.
        """
        host = address.host
        if self._demo is not None or address.is_docker_hub:
            raise error
        if self._service.v2_only:
            raise UnsupportedError(
                f"{host} does not speak the v2 protocol of registries, and v1 is switched off"
                " (disable-legacy-registry).",
                "If it is an old registry, leave --disable-legacy-registry out, or its line in the config file.",
                status=error.status,
            ) from error
        reached = source.client.transport.endpoint if isinstance(source, V2Source) else None
        for endpoint in await self.endpoints(address, APIVersion.V1):
            if reached and endpoint.scheme != reached.scheme:
                continue
            if found := await self._speaking_v1(address, login, endpoint, observe):
                return found
        raise UnsupportedError(
            f"{host} shows no sign of being a registry: it answered {error.status} to v2, and does not know v1.",
            f"If {address.prefix} is a repository, open {address.host} and then it, with o."
            if address.prefix
            else "Check the address and the port, or open a repository by its name.",
            status=error.status,
        ) from error

    async def takes(self, address: RegistryAddress, login: Login, observe: Observer) -> bool:
        """Show the registry `login`.

        Returns:
            Whether it asked for one.

        Raises:
            WrongLoginError: It was not believed.
            RegistryError: It could not be shown.
        """
        async with AsyncExitStack() as stack:
            source: Source = await self.by_v2(address, login, observe, mirrors=False)  # which are not told it
            stack.push_async_callback(source.aclose)
            try:
                await source.enter()
            except HTTPStatusError as error:
                if source.is_confirmed or error.status not in NOT_KNOWN:
                    raise
                source = await self.by_v1(address, login, source, error, observe)
                stack.push_async_callback(source.aclose)
                await source.enter()
            return source.reach is not None and source.reach.account != ANONYMOUS

    async def endpoints(self, address: RegistryAddress, version: APIVersion) -> list[APIEndpoint]:
        """The ways to try, in order."""
        return [e for e in await self._service.endpoints_of(address) if e.version is version]

    async def _speaking_v1(
        self, address: RegistryAddress, login: Login, endpoint: APIEndpoint, observe: Observer
    ) -> V1Source | None:
        from regbrowse.browser.v1_source import V1Source
        from regbrowse.registry.docker_http import new_transport
        from regbrowse.registry.exchange import ObservedTransport
        from regbrowse.registry.service.auth_config import AuthConfig
        from regbrowse.registry.v1.session import Session

        def make_transport(tls: TLSConfig, modifiers: Sequence[RequestModifier]) -> httpx.AsyncBaseTransport:
            return ObservedTransport(new_transport(tls, modifiers, proxies=self._proxies), observe)

        known = await login.lookup("")
        if known and known.is_token:  # which v1 does not know
            known = None
        account = known if endpoint.is_trusted or login.may_go_unsafe else None
        async with AsyncExitStack() as stack:
            v1 = endpoint.to_v1_endpoint(USER_AGENT, make_transport=make_transport)
            stack.push_async_callback(v1.aclose)
            self._journal.note(f"{address}: no sign of v2, asking {v1} for v1")
            ping = await v1.ping()
            if account and ping.wants_login:  # even for that
                headers = {"Authorization": [account.basic]}
                async with endpoint.to_v1_endpoint(USER_AGENT, headers, make_transport=make_transport) as asked:
                    ping = await asked.ping()
            if not ping.confirmed:
                return None
            given = AuthConfig(account.username, account.password) if account else None
            session = await Session.new(
                v1.client, given, v1, ping=ping, always_set_basic_auth=ping.standalone and given is not None
            )
            stack.pop_all()
            return V1Source(
                address,
                v1,
                session,
                account=account,
                withheld=None if account else known,
                standalone=ping.standalone,
            )


def _import_client() -> None:
    """Import what sends requests. That takes a tenth of a second: it is done in a thread, after the first paint."""
    import_module("regbrowse.registry.client")
    import_module("regbrowse.registry.bearer")


async def _nobody(_: str) -> Credential | None:
    return None


NOBODY: Login = Login(_nobody)
"""Without a login."""
