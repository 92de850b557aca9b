"""Searching an index for repositories, always by v1 (seed-registry-package.md §12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from regbrowse.registry.docker_http import MakeTransport, docker_headers, http_client
from regbrowse.registry.errors import ConnectionFailedError, PingResponseError, RedirectRefusedError
from regbrowse.registry.ping import ping_v2_registry
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.service.config import IndexInfo
from regbrowse.registry.tokens import BasicHandler, RequestAuthorizer, StaticCredentialStore, TokenHandler
from regbrowse.registry.v1.endpoint import V1Endpoint
from regbrowse.registry.v1.models import SearchResults
from regbrowse.registry.v1.session import Session
from regbrowse.registry.wire import httpx

_SCOPE: Final = "registry:catalog:search"


async def search_index(
    index: IndexInfo,
    words: str,
    limit: int,
    auth_config: AuthConfig | None,
    user_agent: str,
    headers: Mapping[str, Sequence[str]] | None,
    *,
    certs_dir: Path | None,
    make_transport: MakeTransport,
) -> SearchResults:
    """Search `index` for `words`.

    With an identity token and a user name, a v2 registry at the same address gives the token to search with; where
    there is none, and without such a login, it is v1's own way to log in.

    Args:
        index: Where to search.
        words: What to find.
        limit: Results at most, from 1 to 100. It is looked at last.
        auth_config: The login.
        user_agent: Sent as `User-Agent`.
        headers: Sent with every request.
        certs_dir: The certificates directory; None reads none.
        make_transport: Makes what carries the requests.

    Raises:
        RegistryError: The index could not be reached, or did not answer with results.
    """
    async with AsyncExitStack() as stack:
        endpoint = await V1Endpoint.new(index, user_agent, headers, certs_dir=certs_dir, make_transport=make_transport)
        stack.push_async_callback(endpoint.aclose)
        client, login = endpoint.client, auth_config
        if auth_config and auth_config.identity_token and auth_config.username:
            transport = make_transport(endpoint.tls_config, docker_headers(user_agent, headers))
            stack.push_async_callback(transport.aclose)
            if authorized := await _with_token(endpoint.url, transport, auth_config):
                client, login = http_client(authorized), None
        session = await Session.new(client, login, endpoint)
        stack.push_async_callback(session.aclose)
        return await session.search_repositories(words, limit)


async def _with_token(
    url: str, transport: httpx.AsyncBaseTransport, auth_config: AuthConfig
) -> httpx.AsyncBaseTransport | None:
    """What sends requests with a token for the search; None where no v2 registry is."""
    try:
        challenges, found_v2 = await ping_v2_registry(url, transport)
    except (ConnectionFailedError, RedirectRefusedError, PingResponseError):
        return None  # whether anybody is there, v1 is about to find out
    if not found_v2:
        return None
    credentials = StaticCredentialStore(auth_config)
    tokens = TokenHandler(transport, credentials, [_SCOPE], offline_access=True)
    return RequestAuthorizer(transport, challenges, (tokens, BasicHandler(credentials)))
