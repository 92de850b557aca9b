"""A browser of a test registry, and one repository in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from regbrowse.browser.browser import Browser
from regbrowse.browser.states import Listing
from regbrowse.browser.v2_source import V2Source
from regbrowse.registry.auth import Credential
from regbrowse.registry.reference import RegistryAddress, Target, parse_reference
from regbrowse.registry.text import SafeText
from tests.registry.reaching import reaching
from tests.registry_server import RegistryServer

NAMES: Final = [f"tag-{number:02}" for number in range(10)]
"""The tags of team/app."""

KNOWN: Final = (SafeText("team/visited"),)


@asynccontextmanager
async def browsing(
    server: RegistryServer, *, login: Credential | None = None, visited: list[str] | None = None
) -> AsyncIterator[Browser]:
    async with reaching(server, login=login) as client:

        async def connect() -> V2Source:
            return V2Source(client)

        seen = [] if visited is None else visited

        async def note(repository: str) -> None:
            seen.append(repository)

        browser = Browser(client.address, connect, known=lambda: KNOWN, visited=note)
        yield browser
        await browser.aclose()


async def tag_states(browser: Browser, *, fresh: bool = False) -> list[Listing]:
    return [state async for state in browser.tags("team/app", fresh=fresh)]


def target(server: RegistryServer, reference: str) -> Target:
    return Target(RegistryAddress(server.address), "team/app", parse_reference(reference))
