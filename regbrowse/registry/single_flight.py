"""One task for many who want the same thing at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Flight:
    task: asyncio.Task[Any]
    waiting: int = 0


class SingleFlight:
    """Shares a running call among its callers. The call ends early only when the last of them has given up."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight] = {}

    async def do(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Give the result of the call under way for `key`, or of a new one from `make`."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.create_task(make()))
            flight.task.add_done_callback(lambda task: self._landed(key, task))
        flight.waiting += 1
        try:
            result: T = await asyncio.shield(flight.task)
            return result
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._flights.pop(key, None)
                flight.task.cancel()

    def _landed(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]
        if not task.cancelled():
            task.exception()  # its callers have it; without them nobody is to be told
