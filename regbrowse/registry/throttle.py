"""How many requests a registry is asked at once, who goes first, and a pause when it asks for one."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Final


class Priority(IntEnum):
    """Who goes first. The value orders; `_PLACES` says how many requests may be under way for each."""

    INTERACTIVE = 0
    VISIBLE = 1
    BULK = 2


_PLACES: Final = {Priority.INTERACTIVE: 6, Priority.VISIBLE: 4, Priority.BULK: 3}
"""A key press never waits for rows: two places are only for it. Rows on screen have four, as in DESIGN §4."""


class HostLimiter:
    """The limiter of one origin.

    Args:
        sleep: Waits for the end of a pause.
    """

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._under_way = 0
        self._waiting: list[tuple[Priority, int, str, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._paused_until = 0.0

    def pause(self, seconds: float) -> None:
        """Start no request for so long: a 429 is about the origin, not about one request."""
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    @asynccontextmanager
    async def place(self, priority: Priority, purpose: str = "") -> AsyncIterator[None]:
        """Hold a place while the body runs.

        Args:
            purpose: What it is for, by which it can be hurried.
        """
        await self._enter(priority, purpose)
        try:
            await self._end_of_pause()
            yield
        finally:
            self._under_way -= 1
            self._admit()

    def hurry(self, purpose: str) -> None:
        """Whoever waits with this purpose goes before the rows now: a key press waits for it too."""
        self._waiting = [
            (Priority.INTERACTIVE if waits_for == purpose else priority, order, waits_for, future)
            for priority, order, waits_for, future in self._waiting
        ]
        heapq.heapify(self._waiting)
        self._admit()

    async def _end_of_pause(self) -> None:
        waited_until = 0.0
        while self._paused_until > max(waited_until, now := asyncio.get_running_loop().time()):
            waited_until = self._paused_until  # meanwhile, another answer may make the pause longer
            await self._sleep(waited_until - now)

    async def _enter(self, priority: Priority, purpose: str) -> None:
        if self._under_way < _PLACES[priority] and not self._waiting:
            self._under_way += 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), purpose, future))
        self._admit()
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._under_way -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting:
            priority, _, _, future = self._waiting[0]
            if not future.done():
                if self._under_way >= _PLACES[priority]:
                    return
                self._under_way += 1
                future.set_result(None)
            heapq.heappop(self._waiting)
