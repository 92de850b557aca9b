"""A registry server reached as the program does it, and what was seen on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from regbrowse.registry.auth import Credential
from regbrowse.registry.bearer import ChallengeAuthorizer
from regbrowse.registry.challenge_memory import ChallengeMemory
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.exchange import Exchange, Pause
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.resolving import Resolver, system_resolver
from regbrowse.registry.text import SafeText
from regbrowse.registry.token_keeper import TokenKeeper
from regbrowse.registry.transport import MakeWire, Transport
from tests.registry_server import RegistryServer

USER: Final = "canary-user"
PASSWORD: Final = "canary-pass"
LOGIN: Final = Credential(USER, PASSWORD, SafeText("docker config"))
NO_CERTIFICATES: Final = Path("/nonexistent")


class Sleeps(list[float]):
    """Takes the place of `asyncio.sleep`: remembers for how long, and waits for nothing."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)
        await asyncio.sleep(0)


class Seen(list[Exchange | Pause]):
    """Observes a transport."""

    def __call__(self, event: Exchange | Pause) -> None:
        self.append(event)

    @property
    def exchanges(self) -> list[Exchange]:
        return [event for event in self if isinstance(event, Exchange)]

    @property
    def pauses(self) -> list[float]:
        return [event.seconds for event in self if isinstance(event, Pause)]


def stored(login: Credential | None) -> Callable[[str], Awaitable[Credential | None]]:
    """A credential store that has one login or none."""

    async def lookup(_: str) -> Credential | None:
        return login

    return lookup


@asynccontextmanager
async def reaching(
    server: RegistryServer | str,
    *,
    login: Credential | None = None,
    lookup: Callable[[str], Awaitable[Credential | None]] | None = None,
    endpoints: Sequence[APIEndpoint] = (),
    trusted: bool = True,
    certs_dir: Path = NO_CERTIFICATES,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    observe: Callable[[Exchange | Pause], None] | None = None,
    tokens: TokenKeeper | None = None,
    trusted_realms: Mapping[str, Sequence[str]] | None = None,
    hint: str = "",
    make_wire: MakeWire | None = None,
    resolver: Resolver = system_resolver,
    memory: ChallengeMemory | None = None,
    doubt: Callable[[], None] = lambda: None,
) -> AsyncIterator[RegistryClient]:
    """A client of `server` (or of the address `host:port`), by default over plain http and without a login.

    Once it is closed, no task of it may be left.
    """
    address = server if isinstance(server, str) else server.address
    observe = Seen() if observe is None else observe
    endpoints = endpoints or (APIEndpoint(f"http://{address}"),)
    authorizer = ChallengeAuthorizer(
        address,
        lookup or stored(login),
        tokens or TokenKeeper(address, certs_dir=certs_dir, observe=observe),
        trusted=trusted,
        hint=lambda: hint,
        trusted_realms=trusted_realms or {},
        doubt=doubt,
        memory=memory,
        endpoint=endpoints[0] if len(endpoints) == 1 else None,
    )
    transport = Transport(
        endpoints,
        authorizer,
        certs_dir=certs_dir,
        observe=observe,
        sleep=Sleeps() if sleep is None else sleep,
        resolver=resolver,
        make_wire=make_wire,
    )
    before = asyncio.all_tasks()
    client = RegistryClient(RegistryAddress(address), transport, clock=clock)
    try:
        yield client
    finally:
        await client.aclose()
    await no_tasks_but(before)


async def no_tasks_but(before: set[asyncio.Task[object]]) -> None:
    """Wait for the end of every task that began since; fail if one never ends."""
    async with asyncio.timeout(10):
        while left := asyncio.all_tasks() - before:
            await asyncio.wait(left, timeout=0.01)
