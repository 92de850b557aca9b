"""Call what may never return, such as D-Bus, without waiting for it for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def daemon_call(function: Callable[[], T], *, within: float) -> T:
    """Give what a blocking function returns, or raise what it raises.

    It runs in a daemon thread of its own. The threads of an executor are waited for at the end of the event loop and
    of the process, and one that is stuck would hold up both (registry-client.md §1.8).

    Args:
        function: What to call. It goes on after a time-out or a cancellation; then nobody hears of its outcome.
        within: Seconds to wait for it.

    Raises:
        TimeoutError: It did not end in time.
    """
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # from here on a cancellation of the waiting leaves it alone

    def run() -> None:
        try:
            result = function()
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    threading.Thread(target=run, name="daemon-call", daemon=True).start()
    async with asyncio.timeout(within):
        return await asyncio.wrap_future(outcome)
