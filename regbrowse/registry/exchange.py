"""What was said on the wire, for the log and the counters: no header, no body, no secret."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.wire import httpx

_NOTHING: Final = SafeText("")
_SHOWN_PARAMETERS: Final = frozenset({"n", "last", "scope", "service", "artifactType", "next_page", "q"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    Attributes:
        status: 0 if no answer came.
        seconds: From sending to the end of the body.
    """

    method: str
    url: SafeText
    status: int
    seconds: float
    note: SafeText = _NOTHING


@dataclass(frozen=True, slots=True)
class Pause:
    """The registry asked for a wait of so many seconds, which has begun."""

    seconds: float


Observer = Callable[[Exchange | Pause], None]


class ObservedTransport(httpx.AsyncBaseTransport):
    """Tells of every request that goes through it.

    Args:
        base: What carries the requests; closed with this one.
        observe: Told of each, when its answer begins.
    """

    def __init__(self, base: httpx.AsyncBaseTransport, observe: Observer) -> None:
        self._base = base
        self._observe = observe

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        started = time.perf_counter()
        status = 0
        try:
            response = await self._base.handle_async_request(request)
            status = response.status_code
            return response
        finally:
            seconds = time.perf_counter() - started
            self._observe(Exchange(request.method, redacted(request.url), status, seconds))

    async def aclose(self) -> None:
        await self._base.aclose()


def redacted(url: httpx.URL) -> SafeText:
    """`url` as it may be shown: without user information, and with only those parameters that are never secret."""
    query = "&".join(
        f"{name}={value if name in _SHOWN_PARAMETERS else '…'}" for name, value in url.params.multi_items()
    )
    return safe_text(f"{url.scheme}://{url.netloc.decode('ascii')}{url.path}{'?' if query else ''}{query}")
