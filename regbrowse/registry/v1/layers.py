"""A layer as a stream of bytes, begun again where the connection broke (seed-registry-package.md §14 and §17.4)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Final, Self

from regbrowse.registry.errors import ConnectionFailedError, LimitExceededError, RegistryError
from regbrowse.registry.redirects import host_of
from regbrowse.registry.text import safe_text
from regbrowse.registry.v1.calls import (
    WIRE_ERRORS,
    failure_of,
    open_response,
    path_segment,
    read_failure,
    retold,
    status_failure,
)
from regbrowse.registry.wire import httpx

FAILURES: Final = 5
"""At the fifth failure, of whatever kind, a layer is given up."""

PAUSE: Final = 5.0
"""Seconds before a layer is gone on with, and so many more for each time that not even an answer came."""

Wait = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""

_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,19})-[0-9]{1,19}/(?:[0-9]{1,19}|\*)")


async def open_layer(
    client: httpx.AsyncClient, img_id: str, registry: str, size: int, wait: Wait = asyncio.sleep
) -> LayerReader:
    """Ask for a layer: `Session.get_remote_image_layer`."""
    url = f"{registry}images/{path_segment(img_id, 'the id of an image')}/layer"
    try:
        response = await open_response(client, "GET", url)
    except ConnectionFailedError as error:
        raise retold(error, f"Server error: Status 0 while fetching image layer ({img_id}): {error}") from error
    if response.status_code != 200:
        answer = await read_failure(response)
        raise status_failure(
            answer, f"Server error: Status {answer.status} while fetching image layer ({img_id}) from {answer.host}."
        )
    return LayerReader(client, img_id, url, response, size, wait)


class LayerReader:
    """The bytes of a layer as they are on the wire, mostly a gzip-compressed tar; to be iterated over once, and closed.

    Where the size is known and the registry serves parts (`Accept-Ranges: bytes`), a lost connection is made up for by
    asking for the rest. A layer of a known size is never shorter or longer than that without an error.

    Attributes:
        size: How many bytes it should have; unknown if not above zero.
        received: How many have come.

    Raises (its iteration):
        ConnectionFailedError: The connection was lost, and could not be made up for.
        HTTPStatusError: The registry does not serve the rest.
        LimitExceededError: More came than `size`.
    """

    def __init__(
        self, client: httpx.AsyncClient, img_id: str, url: str, response: httpx.Response, size: int, wait: Wait
    ) -> None:
        self.size = size
        self.received = 0
        self._client = client
        self._img_id = img_id
        self._url = url
        self._wait = wait
        self._can_resume = size > 0 and response.headers.get("accept-ranges", "") == "bytes"
        self._failures = 0
        self._ended: StopAsyncIteration | RegistryError | None = None
        self._take(response)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._ended is None:
            try:
                return await self._next()
            except (StopAsyncIteration, RegistryError) as error:
                self._ended = error
            except BaseException:  # such as a cancellation: what was on its way then is lost
                self._ended = ConnectionFailedError(f"Reading layer {self._img_id} was broken off.")
                raise
            finally:
                if self._ended is not None:
                    await self._response.aclose()
        raise self._ended

    async def aclose(self) -> None:
        """Release the connection. There is nothing to be read any more."""
        if self._ended is None:
            self._ended = RegistryError(f"The reader of layer {self._img_id} was closed.")
        await self._response.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _take(self, response: httpx.Response) -> None:
        self._response = response
        self._host = safe_text(host_of(response.url))
        self._chunks = response.aiter_raw()

    async def _next(self) -> bytes:
        while True:
            try:
                chunk = await anext(self._chunks)
            except StopAsyncIteration:
                if self.size <= 0 or self.received == self.size:
                    raise
                failure = ConnectionFailedError(f"{self._host} ended layer {self._img_id} too early.")
            except WIRE_ERRORS as error:
                if self.received == self.size > 0:
                    raise StopAsyncIteration from None
                failure = failure_of(error, self._response.url, started=True)
                failure.__cause__ = error
            else:
                self._count(chunk)
                return chunk
            await self._resume(failure)

    def _count(self, chunk: bytes) -> None:
        self.received += len(chunk)
        if self.received > self.size > 0:
            raise LimitExceededError(
                f"{self._host} sends more than the {self.size:,} bytes that layer {self._img_id} should have."
            )

    async def _resume(self, failure: ConnectionFailedError) -> None:
        """Ask for the rest until an answer comes. `failure` is why it has to be."""
        pause = PAUSE
        while self._can_resume:
            self._failures += 1
            if self._failures == FAILURES:
                break
            await self._wait(pause)
            try:
                await self._ask_for_rest()
                return
            except ConnectionFailedError as error:
                failure = error
                pause = PAUSE * (self._failures + 1)
        came = f"{self.received:,} of {self.size:,}" if self.size > 0 else f"{self.received:,}"
        raise retold(failure, f"{failure} {came} bytes of layer {self._img_id} had come.") from failure

    async def _ask_for_rest(self) -> None:
        await self._response.aclose()
        range_ = f"bytes={self.received}-{self.size}"
        response = await open_response(self._client, "GET", self._url, headers=[("Range", range_)])
        is_whole = response.status_code == 200 and self.received == 0
        if not is_whole and _first_byte(response) != self.received:
            answer = await read_failure(response)
            raise status_failure(
                answer,
                f"{answer.host} answered with status {answer.status} when asked for the rest of layer {self._img_id}: "
                "the server doesn't support byte ranges.",
            )
        self._take(response)


def _first_byte(response: httpx.Response) -> int | None:
    """The position of the first byte of a part (RFC 9110, "Content-Range"); None if this is no part."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    return int(match[1]) if match and response.status_code == 206 else None
