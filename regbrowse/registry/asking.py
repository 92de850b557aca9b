"""One question to a server: its answer within a time, or in words why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import responses
from typing import Final

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.failures import connection_failure
from regbrowse.registry.redirects import host_of
from regbrowse.registry.text import safe_text
from regbrowse.registry.wire import httpx

ANSWER_WITHIN: Final = 15.0
"""Seconds for an answer of a registry's entrance or a token server (seed-registry-package.md §10)."""

_CONNECT_WITHIN: Final = 5.0


@asynccontextmanager
async def asking(
    client: httpx.AsyncClient,
    request: httpx.Request,
    *,
    within: float = ANSWER_WITHIN,
    follow_redirects: bool = True,
) -> AsyncIterator[httpx.Response]:
    """Send `request` by `client` and give the answer, open: its body may be read bounded, or left alone.

    Args:
        within: Seconds for all of it, redirects and reading included.

    Raises:
        ConnectionFailedError: No answer came, or its body broke off.
        RedirectRefusedError: A redirect that may not be followed.
    """
    request.extensions["timeout"] = httpx.Timeout(within, connect=_CONNECT_WITHIN).as_dict()
    has_begun = False
    try:
        async with asyncio.timeout(within):
            response = await client.send(request, stream=True, follow_redirects=follow_redirects)
            has_begun = True
            try:
                yield response
            finally:
                await response.aclose()
    except (httpx.TransportError, OSError) as error:  # a TimeoutError is an OSError
        url = _asked(error) or request.url
        raise connection_failure(error, url.scheme, host_of(url), started=has_begun) from error


def _asked(error: Exception) -> httpx.URL | None:
    """Who did not answer: after a redirect it is not the one that was asked first."""
    try:
        return error.request.url if isinstance(error, httpx.TransportError) else None
    except RuntimeError:  # httpx's way to say that it does not know
        return None


def web_url(text: str) -> httpx.URL:
    """The URL `text`, without an account in it.

    Raises:
        ConfigError: It is none of the web.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    is_web = url.scheme in ("http", "https") and url.netloc.partition(b":")[0] and 0 < (url.port or 1) <= 65535
    if not is_web:
        raise ConfigError(f"“{safe_text(text.rpartition('@')[2], limit=200)}” is not an address of the web.")
    return url.copy_with(userinfo=b"")


def status_text(status: int) -> str:
    """The status as Go writes it: `503 Service Unavailable`."""
    return f"{status} {responses.get(status, '')}".rstrip()
