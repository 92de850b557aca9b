"""A catalog on its way, for all who look at it: it is asked for once, however many they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from regbrowse.browser.states import Listing


class Walk:
    """Goes through the states of a list once, and tells them to whoever follows, from wherever it is by then.

    It goes on to its end when nobody follows it any more: what it finds is kept for whoever asks next.

    Args:
        states: The states, the last of which is not LOADING.
    """

    def __init__(self, states: AsyncIterator[Listing]) -> None:
        self._latest: Listing | None = None
        self._moved = asyncio.Event()
        self._task = asyncio.create_task(self._go(states), name="walk through a catalog")
        self._task.add_done_callback(lambda _: self._wake())

    @property
    def is_over(self) -> bool:
        return self._task.done()

    async def follow(self) -> AsyncIterator[Listing]:
        """The latest state, and those after it; of a walk that is ended before its time, those there were."""
        seen: Listing | None = None
        while True:
            moved = self._moved
            if self._latest is not None and self._latest is not seen:
                seen = self._latest
                yield seen
            elif self._task.done():
                if not self._task.cancelled():
                    self._task.result()  # what went wrong is the follower's business, too
                return
            else:
                await moved.wait()

    async def aclose(self) -> None:
        """End it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _go(self, states: AsyncIterator[Listing]) -> None:
        async for self._latest in states:
            self._wake()

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
