"""The registries that are known here, and the way to each: what the app holds, and what the door puts together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from regbrowse.browser.browser import Browser
from regbrowse.browser.check import CheckStep, check_steps
from regbrowse.browser.connections import NO_REALMS, Connections, Login, Realms
from regbrowse.browser.details import HERE
from regbrowse.browser.journal import Journal
from regbrowse.browser.search import Search
from regbrowse.browser.source import Source, security_words
from regbrowse.browser.v2_source import V2Source
from regbrowse.credentials.chain import CredentialChain
from regbrowse.registry.constants import USER_AGENT
from regbrowse.registry.endpoint import APIVersion
from regbrowse.registry.errors import CredentialError, HTTPStatusError
from regbrowse.registry.models import Platform
from regbrowse.registry.reference import DOCKER_HUB, RegistryAddress, Target, parse_registry_address
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.settings.visited import Visited

if TYPE_CHECKING:
    from regbrowse.browser.accounts import Accounts
    from regbrowse.browser.v1_source import V1Source
    from regbrowse.registry.auth import Credential
    from regbrowse.registry.challenge_memory import ChallengeMemory
    from regbrowse.registry.exchange import Observer
    from regbrowse.registry.proxies import Proxies
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
        realms: Pairs of registries and token servers that are allowed anyway.
        memory: What each registry asked for the last time.
        demo: Answers in place of the network, if given.
        proxies: Through which registries are reached; the environment's if not given.
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
        realms: Realms = NO_REALMS,
        memory: ChallengeMemory | None = None,
        demo: Callable[[], httpx.AsyncBaseTransport] | None = None,
        proxies: Proxies | None = None,
        wish: Platform = HERE,
    ) -> None:
        self._credentials = credentials
        self._configured_realms = realms
        self._trusted: dict[str, list[str]] = {}
        self._unsafe_allowed: set[RegistryAddress] = set()
        self._service = service
        self._connections = Connections(
            credentials, service, journal, realms=self._realms, memory=memory, demo=demo, proxies=proxies
        )
        self._visited = visited
        self._journal = journal
        self._offered = tuple(offered)
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
                asked_anew=lambda: self._credentials.doubt(address.host),
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

        hub = RegistryAddress(DOCKER_HUB)
        # Who has not opened Docker Hub is nobody there: a helper is run only for what was opened
        account = await self._lookup(hub, "") if hub in self._opened else None
        login = AuthConfig(account.username, account.password) if account and not account.is_token else None
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
        self.browser(address)  # from now on it is one that the user has opened
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
        return await self._connections.by_v2(address, self._login(address), observe)

    async def _legacy(
        self, address: RegistryAddress, source: Source, error: HTTPStatusError, observe: Observer
    ) -> V1Source:
        return await self._connections.by_v1(address, self._login(address), source, error, observe)

    def _login(self, address: RegistryAddress) -> Login:
        return Login(partial(self._lookup, address), may_go_unsafe=address in self._unsafe_allowed)

    async def _lookup(self, address: RegistryAddress, repository: str) -> Credential | None:
        return await self._credentials.lookup(address.host, repository, is_opened=address in self._opened)

    # Who one is

    def accounts(self, address: RegistryAddress) -> Accounts:
        """The accounts of a registry."""
        from regbrowse.browser.accounts import Accounts  # not before the first paint

        return Accounts(
            address,
            self._credentials,
            takes=partial(self._takes, address),
            unsafe=partial(self._unsafe_words, address),
            renew=partial(self._renew, address),
            trust=partial(self._trust, address),
            allow_unsafe=partial(self._unsafe_allowed.add, address),
        )

    async def _takes(self, address: RegistryAddress, credential: Credential) -> bool:
        async def given(_: str) -> Credential:
            return credential

        login = Login(given, may_go_unsafe=address in self._unsafe_allowed)
        return await self._connections.takes(address, login, self._journal)

    async def _unsafe_words(self, address: RegistryAddress) -> SafeText:
        endpoints = await self._connections.endpoints(address, APIVersion.V2)
        if address in self._unsafe_allowed or all(endpoint.is_trusted for endpoint in endpoints):
            return SafeText("")
        reach = self._browser(address).reach
        return reach.security if reach else security_words(endpoints[-1].scheme, verified=endpoints[-1].verify)

    async def _renew(self, address: RegistryAddress) -> None:
        """A login is a host's, however its address is spelled: every browser of it begins anew."""
        self._opened.setdefault(address, self._browser(address))
        for browser in [each for each in self._browsers.values() if each.address.host == address.host]:
            await browser.renew()

    async def _trust(self, address: RegistryAddress, realm: str) -> SafeText:
        self._trusted.setdefault(address.host, []).append(realm)
        try:
            await asyncio.to_thread(self._credentials.logins_file.trust, address.host, realm)
        except CredentialError as error:
            return safe_text(f"{error.user_message} It holds for this run only.")
        return SafeText("")

    def _realms(self) -> Realms:
        """Blocking: it may read a file."""
        kept = NO_REALMS
        with suppress(CredentialError):  # which `notices` tells
            kept = self._credentials.logins_file.trusted_realms()
        found: dict[str, list[str]] = {}
        for pairs in (self._configured_realms, kept, self._trusted):
            for registry, realms in pairs.items():
                found.setdefault(registry, []).extend(realms)
        return found
