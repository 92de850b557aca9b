"""Requests that a first action costs, without a login and with one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from benchmarks.figures import Figure
from regbrowse.browser.browser import Browser
from regbrowse.browser.states import Phase
from regbrowse.browser.v2_source import V2Source
from regbrowse.registry.auth import Credential
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.digest import Digest
from regbrowse.registry.reference import Reference, Target
from tests.registry.reaching import LOGIN, PASSWORD, USER, reaching
from tests.registry_server import Content, RegistryServer

SINGLE, MULTI = Reference("single"), Reference("multi")
REPOSITORY: Final = "team/app"

Action = Callable[[RegistryClient], Awaitable[object]]


def measure(quick: bool) -> Iterator[Figure]:
    """Each action by a client that was never used, counted by the server."""
    actions: tuple[tuple[str, Action, int], ...] = (
        ("list the repositories", list_repositories, 1),
        ("list the tags", list_tags, 1),
        ("the digest of a tag", resolve, 1),
        ("open an image: history", open_single, 2),
        ("open an image of 2 platforms", open_multi, 3),
        ("open it and its other platform", open_both, 5),
    )
    content = images()
    for access, auth, login, challenges in (
        ("anonymous", None, None, 0),
        ("Basic", ("basic", USER, PASSWORD), LOGIN, 1),
    ):
        with RegistryServer(content, auth=auth) as server:  # type: ignore[arg-type]
            for what, action, count in actions:
                server.reset()
                asyncio.run(act(server, login, action))
                note = "one of them the challenge" if challenges else ""
                yield Figure(f"{access}: {what}", len(server.requests), "requests", count + challenges, note)


async def act(server: RegistryServer, login: Credential | None, action: Action) -> None:
    """Do `action` with a new client."""
    async with reaching(server, login=login) as client:
        await action(client)


def images() -> Content:
    content = Content()
    content.add_image(REPOSITORY, "single")
    platforms = [content.add_image(REPOSITORY, None, platform=name) for name in ("linux/amd64", "linux/arm64")]
    content.add_index(REPOSITORY, "multi", *platforms)
    return content


async def list_repositories(client: RegistryClient) -> None:
    assert [page.names async for page in client.catalog()] == [(REPOSITORY,)]


async def list_tags(client: RegistryClient) -> None:
    assert [page.names async for page in client.tags(REPOSITORY)] == [("multi", "single")]


async def resolve(client: RegistryClient) -> None:
    await client.resolve(REPOSITORY, "single")


async def open_single(client: RegistryClient) -> None:
    await opened(client, SINGLE)


async def open_multi(client: RegistryClient) -> None:
    await opened(client, MULTI)


async def open_both(client: RegistryClient) -> None:
    for digest in await opened(client, MULTI):
        await opened(client, MULTI, digest)


async def opened(client: RegistryClient, reference: Reference, chosen: Digest | None = None) -> tuple[Digest, ...]:
    """Open an image as the Image pane does; the digests of its platforms."""

    async def connect() -> V2Source:
        return V2Source(client)

    browser = Browser(client.address, connect)
    target = Target(client.address, REPOSITORY, reference)
    states = [state async for state in browser.image(target, chosen=chosen)]
    assert states[-1].phase is Phase.READY
    return tuple(choice.digest for choice in states[-1].choices)
