"""The registries that are known here, and the way to each: what the app holds, and what the door puts together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from regbrowse.browser.browser import Browser
from regbrowse.browser.check import CheckStep, check_steps
from regbrowse.browser.details import HERE
from regbrowse.browser.journal import Journal
from regbrowse.browser.search import Search
from regbrowse.browser.source import Source
from regbrowse.browser.v2_source import V2Source
from regbrowse.credentials.chain import CredentialChain
from regbrowse.registry.constants import USER_AGENT
from regbrowse.registry.endpoint import APIEndpoint, APIVersion
from regbrowse.registry.errors import HTTPStatusError, UnsupportedError
from regbrowse.registry.models import Platform
from regbrowse.registry.reference import DOCKER_HUB, RegistryAddress, Target, parse_registry_address
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.settings.visited import Visited

if TYPE_CHECKING:
    from regbrowse.browser.v1_source import V1Source
    from regbrowse.registry.auth import Credential
    from regbrowse.registry.docker_http import RequestModifier
    from regbrowse.registry.exchange import Observer
    from regbrowse.registry.tls import TLSConfig
    from regbrowse.registry.v1.models import SearchResults
    from regbrowse.registry.wire import httpx


@dataclass(frozen=True, slots=True)
class KnownRegistry:
    """A registry to offer, and where it is known from."""

    address: RegistryAddress
    origin: SafeText


class Registries:
    """Opens registries, each once, and knows which there are.

    Args:
        credentials: Where logins are.
        service: Decides how a registry is reached.
        visited: Where one has been; it is read and written off the event loop.
        journal: Told of every request.
        offered: Registries to offer beside those visited and logged in to, each with where it is known from.
        demo: Answers in place of the network, if given.
        wish: The platform that is shown first of an image that has several.
    """

    def __init__(
        self,
        credentials: CredentialChain,
        service: DefaultService,
        visited: Visited,
        journal: Journal,
        *,
        offered: Sequence[tuple[str, str]] = (),
        demo: Callable[[], httpx.AsyncBaseTransport] | None = None,
        wish: Platform = HERE,
    ) -> None:
        self._credentials = credentials
        self._service = service
        self._visited = visited
        self._journal = journal
        self._offered = tuple(offered)
        self._demo = demo
        self._wish = wish
        self._browsers: dict[RegistryAddress, Browser] = {}
        self._opened: dict[RegistryAddress, Browser] = {}
        self._known: tuple[KnownRegistry, ...] | None = None

    def browser(self, address: RegistryAddress) -> Browser:
        """The browser of a registry to open; the same each time, so that one comes back to what one left."""
        self._opened[address] = self._browser(address)
        return self._opened[address]

    def _browser(self, address: RegistryAddress) -> Browser:
        if address not in self._browsers:
            self._browsers[address] = Browser(
                address,
                lambda: self._connect(address, self._journal),
                legacy=lambda source, error: self._legacy(address, source, error, self._journal),
                known=lambda: self._known_repositories(address),
                visited=lambda repository: self._note_visit(address, repository),
                wish=self._wish,
            )
        return self._browsers[address]

    def known(self) -> tuple[KnownRegistry, ...]:
        """Every registry that is known here. Blocking: it reads the stores, once."""
        opened = (KnownRegistry(address, self._state_of(address)) for address in self._opened)
        return (*opened, *(known for known in self._stored() if known.address not in self._opened))

    def _state_of(self, address: RegistryAddress) -> SafeText:
        reach = self._opened[address].reach
        return safe_text("open" if reach and reach.protocol else "not reached")

    def _stored(self) -> tuple[KnownRegistry, ...]:
        if self._known is None:
            named = list(self._offered)
            named += [(host, "visited") for host in self._visited.registries()]
            named += list(self._credentials.known_registries())
            found: dict[RegistryAddress, KnownRegistry] = {}
            for name, origin in named:
                address = parse_registry_address(name)
                found.setdefault(address, KnownRegistry(address, safe_text(origin)))
            self._known = tuple(found.values())
        return self._known

    def search(self, here: Browser) -> Search:
        """The search of whoever looks at `here`."""
        return Search(here, self._search_docker_hub, self._searched_everywhere)

    async def _searched_everywhere(self) -> list[Browser]:
        """All registries that are known, each once, but for Docker Hub, which has an index for that."""
        places: dict[str, RegistryAddress] = {}
        for known in await asyncio.to_thread(self.known):
            if not known.address.is_docker_hub:
                places.setdefault(f"{known.address.host}{known.address.prefix}", known.address)
        return [self._browser(address) for address in places.values()]

    async def _search_docker_hub(self, words: str, limit: int) -> SearchResults:
        await asyncio.to_thread(import_module, "regbrowse.registry.service.search")
        from regbrowse.registry.service.auth_config import AuthConfig

        account = await self._password(RegistryAddress(DOCKER_HUB))
        login = AuthConfig(account.username, account.password) if account else None
        # With its name before them, words that look like another registry's name go nowhere else
        return await self._service.search(f"{DOCKER_HUB}/{words}", limit, login, USER_AGENT)

    def notices(self) -> tuple[SafeText, ...]:
        """What the user should hear of the stores. Blocking: it reads them."""
        problems = (
            safe_text(f"{problem.user_message} {problem.next_step}") for problem in self._credentials.problems()
        )
        return tuple(filter(None, (*problems, *self._service.service_config().notices, self._visited.notice)))

    @property
    def log_is_cut(self) -> bool:
        """Whether the log could not be written to its end."""
        return self._journal.is_cut

    def others(self, address: RegistryAddress) -> int:
        """How many registries beside `address` are known, as far as the stores were read."""
        addresses = {*self._browsers, *(known.address for known in self._known or ())}
        return len(addresses - {address})

    def counted(self, browser: Browser) -> tuple[int, int, float]:
        """Requests so far, answers from memory, and the pause that a registry asked for, in seconds."""
        return self._journal.requests, browser.cached, self._journal.paused_for

    def check(self, target: Target) -> AsyncIterator[CheckStep]:
        """Say step by step how a registry is reached and what fails."""
        address = target.registry
        return check_steps(
            target,
            lambda observe: self._connect(address, observe),
            lambda source, error, observe: self._legacy(address, source, error, observe),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        for browser in self._browsers.values():
            await browser.aclose()
        self._journal.close()

    async def _note_visit(self, address: RegistryAddress, repository: str) -> None:
        """Keep a visit at once: an SSH connection that breaks leaves no time for it at the end."""
        self._visited.add(str(address), repository)
        if notice := await asyncio.to_thread(self._visited.save):
            self._journal.note(notice)

    def _known_repositories(self, address: RegistryAddress) -> tuple[SafeText, ...]:
        names = [*self._visited.repositories(str(address)), *self._credentials.known_repositories(address.host)]
        return tuple(dict.fromkeys(safe_text(name) for name in names))

    async def _connect(self, address: RegistryAddress, observe: Observer) -> V2Source:
        """The way by v2: over whichever of its endpoints answers first."""
        await asyncio.to_thread(_import_client)
        from regbrowse.registry.auth import BasicAuthorizer
        from regbrowse.registry.bearer import ChallengeAuthorizer
        from regbrowse.registry.client import RegistryClient
        from regbrowse.registry.token_keeper import TokenKeeper
        from regbrowse.registry.transport import Transport

        if self._demo is not None:
            demo = self._demo()
            endpoints = [APIEndpoint(f"https://{address.host}")]
            transport = Transport(
                endpoints, BasicAuthorizer(address.host, _nobody), make_wire=lambda _: demo, observe=observe
            )
            return V2Source(RegistryClient(address, transport))
        endpoints = await self._endpoints(address, APIVersion.V2)
        self._journal.note(f"{address}: {', then '.join(endpoint.base for endpoint in endpoints)}")
        authorizer = ChallengeAuthorizer(
            address.host,
            # A mirror never gets Docker Hub's password.
            _nobody if any(endpoint.mirror for endpoint in endpoints) else partial(self._lookup, address),
            TokenKeeper(address.host, certs_dir=self._service.certs_dir, observe=observe),
            trusted=all(endpoint.is_trusted for endpoint in endpoints),
            hint=lambda: self._credentials.hint(address.host),
        )
        transport = Transport(endpoints, authorizer, certs_dir=self._service.certs_dir, observe=observe)
        return V2Source(RegistryClient(address, transport))

    async def _legacy(
        self, address: RegistryAddress, source: Source, error: HTTPStatusError, observe: Observer
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
        for endpoint in await self._endpoints(address, APIVersion.V1):
            if reached and endpoint.scheme != reached.scheme:
                continue
            if found := await self._speaking_v1(address, endpoint, observe):
                return found
        raise UnsupportedError(
            f"{host} shows no sign of being a registry: it answered {error.status} to v2, and does not know v1.",
            f"If {address.prefix} is a repository, open {address.host} and then it, with o."
            if address.prefix
            else "Check the address and the port, or open a repository by its name.",
            status=error.status,
        ) from error

    async def _speaking_v1(self, address: RegistryAddress, endpoint: APIEndpoint, observe: Observer) -> V1Source | None:
        from regbrowse.browser.v1_source import V1Source
        from regbrowse.registry.docker_http import new_transport
        from regbrowse.registry.exchange import ObservedTransport
        from regbrowse.registry.service.auth_config import AuthConfig
        from regbrowse.registry.v1.session import Session

        def make_transport(tls: TLSConfig, modifiers: Sequence[RequestModifier]) -> httpx.AsyncBaseTransport:
            return ObservedTransport(new_transport(tls, modifiers), observe)

        known = await self._password(address)
        account = known if endpoint.is_trusted else None
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
            login = AuthConfig(account.username, account.password) if account else None
            session = await Session.new(
                v1.client, login, v1, ping=ping, always_set_basic_auth=ping.standalone and login is not None
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

    async def _endpoints(self, address: RegistryAddress, version: APIVersion) -> list[APIEndpoint]:
        return [e for e in await self._service.endpoints_of(address) if e.version is version]

    async def _password(self, address: RegistryAddress) -> Credential | None:
        """The login for v1, which knows no identity tokens."""
        found = await self._lookup(address, "")
        return None if found and found.is_token else found

    async def _lookup(self, address: RegistryAddress, repository: str) -> Credential | None:
        return await asyncio.to_thread(self._credentials.lookup, address.host, repository)


def _import_client() -> None:
    """Import what sends requests. That takes a tenth of a second: it is done in a thread, after the first paint."""
    import_module("regbrowse.registry.client")
    import_module("regbrowse.registry.bearer")


async def _nobody(_: str) -> Credential | None:
    return None
