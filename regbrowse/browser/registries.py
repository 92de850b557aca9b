"""The registries that are known here, and the way to each: what the app holds, and what the door puts together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from regbrowse.browser.browser import Browser
from regbrowse.browser.check import CheckStep, check_steps
from regbrowse.browser.details import HERE
from regbrowse.browser.journal import Journal
from regbrowse.credentials.chain import CredentialChain
from regbrowse.registry.endpoint import CERTS_DIR, Endpoint, endpoints_of
from regbrowse.registry.insecure import InsecureRegistries
from regbrowse.registry.models import Platform
from regbrowse.registry.reference import RegistryAddress, Target, parse_registry_address
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.settings.visited import Visited

if TYPE_CHECKING:
    from regbrowse.registry.auth import Credential
    from regbrowse.registry.client import RegistryClient
    from regbrowse.registry.transport import Observer
    from regbrowse.registry.wire import httpx

Resolve = Callable[[str], Awaitable[Sequence[str]]]
_RESOLVE_WITHIN: Final = 3.0


@dataclass(frozen=True, slots=True)
class KnownRegistry:
    """A registry to offer, and where it is known from."""

    address: RegistryAddress
    origin: SafeText


class Registries:
    """Opens registries, each once, and knows which there are.

    Args:
        credentials: Where logins are.
        insecure: Which registries may be reached without a verified certificate.
        visited: Where one has been; it is read and written off the event loop.
        journal: Told of every request.
        certs_dir: Docker's directory of certificates per registry.
        mirrors: To be asked in place of Docker Hub, in order.
        offered: Registries to offer beside those visited and logged in to, each with where it is known from.
        demo: Answers in place of the network, if given.
        wish: The platform that is shown first of an image that has several.
    """

    def __init__(
        self,
        credentials: CredentialChain,
        insecure: InsecureRegistries,
        visited: Visited,
        journal: Journal,
        *,
        certs_dir: Path = CERTS_DIR,
        mirrors: Sequence[RegistryAddress] = (),
        offered: Sequence[tuple[str, str]] = (),
        demo: Callable[[], httpx.AsyncBaseTransport] | None = None,
        wish: Platform = HERE,
    ) -> None:
        self._credentials = credentials
        self._insecure = insecure
        self._visited = visited
        self._journal = journal
        self._certs_dir = certs_dir
        self._mirrors = tuple(mirrors)
        self._offered = tuple(offered)
        self._demo = demo
        self._wish = wish
        self._browsers: dict[RegistryAddress, Browser] = {}
        self._known: tuple[KnownRegistry, ...] | None = None

    def browser(self, address: RegistryAddress) -> Browser:
        """The browser of a registry; the same each time, so that one comes back to what one left."""
        if address not in self._browsers:
            self._browsers[address] = Browser(
                address,
                lambda: self._connect(address, self._journal),
                known=lambda: self._known_repositories(address),
                visited=lambda repository: self._note_visit(address, repository),
                wish=self._wish,
            )
        return self._browsers[address]

    def known(self) -> tuple[KnownRegistry, ...]:
        """Every registry that is known here. Blocking: it reads the stores, once."""
        opened = tuple(KnownRegistry(address, safe_text("open")) for address in self._browsers)
        return (*opened, *(known for known in self._stored() if known.address not in self._browsers))

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

    def notices(self) -> tuple[SafeText, ...]:
        """What the user should hear of the stores. Blocking: it reads them."""
        problems = (
            safe_text(f"{problem.user_message} {problem.next_step}") for problem in self._credentials.problems()
        )
        return tuple(filter(None, (*problems, *self._insecure.notices, self._visited.notice)))

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
        return check_steps(target, lambda observe: self._connect(target.registry, observe))

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

    async def _connect(self, address: RegistryAddress, observe: Observer) -> RegistryClient:
        await asyncio.to_thread(_import_client)
        from regbrowse.registry.auth import BasicAuthorizer
        from regbrowse.registry.client import RegistryClient
        from regbrowse.registry.transport import Transport

        if self._demo is not None:
            authorizer = BasicAuthorizer(address.host, _nobody)
            demo = self._demo()
            endpoints = endpoints_of(address, insecure=False)
            transport = Transport(endpoints, authorizer, make_wire=lambda _: demo, observe=observe)
            return RegistryClient(address, transport)
        endpoints = await self._endpoints(address)
        mirrored = address.is_docker_hub and bool(self._mirrors)

        async def lookup(repository: str) -> Credential | None:
            if mirrored:  # a mirror never gets Docker Hub's password
                return None
            return await asyncio.to_thread(self._credentials.lookup, address.host, repository)

        authorizer = BasicAuthorizer(
            address.host,
            lookup,
            trusted=all(endpoint.is_trusted for endpoint in endpoints),
            hint=lambda: self._credentials.hint(address.host),
        )
        transport = Transport(endpoints, authorizer, certs_dir=self._certs_dir, observe=observe)
        return RegistryClient(address, transport)

    async def _endpoints(self, address: RegistryAddress) -> tuple[Endpoint, ...]:
        addresses: Sequence[str] = ()
        if self._insecure.needs_addresses(address.host):
            addresses = await _resolve(address.hostname)
        insecure = self._insecure.covers(address.host, addresses)
        endpoints = endpoints_of(address, insecure=insecure)
        self._journal.note(f"{address}: {', then '.join(endpoint.base for endpoint in endpoints)}")
        if address.is_docker_hub:
            asked = [Endpoint(mirror.scheme, mirror.host, mirror.prefix) for mirror in self._mirrors]
            return (*asked, *endpoints)
        return endpoints


def _import_client() -> None:
    """Import what sends requests. That takes a tenth of a second: it is done in a thread, after the first paint."""
    import_module("regbrowse.registry.client")


async def _nobody(_: str) -> Credential | None:
    return None


async def _resolve(host: str) -> Sequence[str]:
    """The addresses of `host`; none if it has none, or if that takes too long."""
    try:
        async with asyncio.timeout(_RESOLVE_WITHIN):
            found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except (OSError, TimeoutError, UnicodeError):
        return ()
    return sorted({str(entry[4][0]) for entry in found})
