"""A test registry of v1, asked as the browser model asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from regbrowse.browser.details import HERE
from regbrowse.browser.states import ImageState, TagDetails
from regbrowse.browser.v1_source import V1Source
from regbrowse.registry.auth import Credential
from regbrowse.registry.reference import RegistryAddress, Target, parse_reference
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.text import SafeText
from regbrowse.registry.throttle import Priority
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.v1.endpoint import V1Endpoint
from regbrowse.registry.v1.session import Session
from tests.v1_server import V1Server

USER: Final = "canary-user"
PASSWORD: Final = "canary-pass"
BASIC: Final = "Basic Y2FuYXJ5LXVzZXI6Y2FuYXJ5LXBhc3M="
_ANYTHING: Final = TLSConfig(insecure_skip_verify=True)
"""For plain HTTP: the system's CAs, which take long to read, would not matter."""

LOGIN: Final = Credential(USER, PASSWORD, SafeText("docker config"))


@asynccontextmanager
async def sourcing(
    server: V1Server, *, login: Credential | None = None, tls: TLSConfig | None = None
) -> AsyncIterator[V1Source]:
    """A source over `server`, which has been pinged; the requests of that are forgotten."""
    endpoint = V1Endpoint(server.url, tls or _ANYTHING)
    ping = await endpoint.ping()
    config = AuthConfig(login.username, login.password) if login else None
    always = ping.standalone and config is not None  # as the browser decides for a connection that is trusted
    session = await Session.new(endpoint.client, config, endpoint, ping=ping, always_set_basic_auth=always)
    server.requests.clear()
    source = V1Source(RegistryAddress(server.address), endpoint, session, account=login, standalone=ping.standalone)
    try:
        yield source
    finally:
        await source.aclose()


def asked(server: V1Server) -> list[str]:
    """The requests so far, in the order of their arrival, without `GET /v1/`."""
    return [str(request).removeprefix("GET /v1/") for request in server.requests]


async def names(source: V1Source, repository: str = "") -> tuple[SafeText, ...]:
    """The tags of `repository`, or the catalog."""
    pages = [page async for page in (source.tags(repository) if repository else source.catalog())]
    assert [page.complete for page in pages] == [True]
    return pages[0].names


async def row(source: V1Source, tag: str, *, repository: str = "team/app") -> TagDetails:
    return await source.tag_details(repository, tag, wish=HERE, priority=Priority.VISIBLE)


async def image(
    source: V1Source,
    reference: str = "",
    *,
    repository: str = "team/app",
    fresh: bool = False,
    into: list[ImageState] | None = None,
) -> list[ImageState]:
    """The states of an image, until READY.

    Args:
        into: Gets the states as they come, for a test of what fails later.
    """
    target = Target(RegistryAddress("registry.example"), repository, parse_reference(reference) if reference else None)
    states = [] if into is None else into
    async for state in source.image(target, chosen=None, wish=HERE, fresh=fresh):
        states.append(state)
    return states
