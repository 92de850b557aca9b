"""Bring to its end what must not stay half done, whoever stops waiting for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_its_end(doing: Coroutine[Any, Any, T]) -> T:
    """Give what a coroutine gives, or raise what it raises.

    A cancellation of the caller does not break it off, but is raised after its end, in the place of its outcome.

    Args:
        doing: Something that ends in a bounded time.
    """
    task = asyncio.create_task(doing)
    cancellation: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancellation = error
    if cancellation is None:
        return task.result()
    with contextlib.suppress(Exception, asyncio.CancelledError):
        task.result()
    raise cancellation
