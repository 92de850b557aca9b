"""Sessions with the tests' v1 server, over plain HTTP unless its certificate's authority is given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NoReturn

from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.v1.endpoint import V1Endpoint
from regbrowse.registry.v1.session import Session
from regbrowse.registry.wire import httpx
from tests.v1_server import V1Server

USER: Final = "canary-user"
PASSWORD: Final = "canary-pass"
LOGIN: Final = AuthConfig(USER, PASSWORD)
BASIC: Final = "Basic Y2FuYXJ5LXVzZXI6Y2FuYXJ5LXBhc3M="
ID: Final = "3f" * 32
"""An id that no server has."""


@asynccontextmanager
async def conversing(
    server: V1Server | str, auth_config: AuthConfig | None = None, *, tls: TLSConfig | None = None
) -> AsyncIterator[Session]:
    """A session with a server, or with what is at a URL.

    Without `tls` nothing is verified, which saves the reading of the system's store.
    """
    url = server if isinstance(server, str) else server.url
    async with (
        V1Endpoint(url, tls or TLSConfig(insecure_skip_verify=True)) as endpoint,
        await Session.new(endpoint.client, auth_config, endpoint) as session,
    ):
        yield session


@asynccontextmanager
async def conversing_with_nobody() -> AsyncIterator[Session]:
    """A session that fails the test at its first request."""

    def fail(request: httpx.Request) -> NoReturn:
        raise AssertionError(f"{request.method} {request.url} is sent")

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(fail)) as client,
        V1Endpoint("http://reg.corp", TLSConfig()) as endpoint,
        await Session.new(client, None, endpoint) as session,
    ):
        yield session
