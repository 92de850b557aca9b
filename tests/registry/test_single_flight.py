"""One call for many who want the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from regbrowse.registry.single_flight import SingleFlight


class Calls:
    """A call that answers when it is told to."""

    def __init__(self) -> None:
        self.begun = self.cancelled = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return number

    def make(self) -> Coroutine[object, object, int]:
        return self()


async def begun(flights: SingleFlight, calls: Calls, *keys: str) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(flights.do(key, calls.make)) for key in keys]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def cancelled(*tasks: asyncio.Task[int]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with pytest.raises(asyncio.CancelledError):
            await task
    for _ in range(3):
        await asyncio.sleep(0)


async def test_those_who_want_the_same_share_one_call() -> None:
    calls = Calls()
    tasks = await begun(SingleFlight(), calls, "a", "a", "a")
    calls.go.set()
    assert await asyncio.gather(*tasks) == [1, 1, 1]
    assert calls.begun == 1


async def test_those_who_want_something_else_have_their_own() -> None:
    calls = Calls()
    tasks = await begun(SingleFlight(), calls, "a", "b")
    calls.go.set()
    assert await asyncio.gather(*tasks) == [1, 2]


async def test_one_who_comes_later_begins_anew() -> None:
    calls, flights = Calls(), SingleFlight()
    calls.go.set()
    assert await flights.do("a", calls.make) == 1
    assert await flights.do("a", calls.make) == 2


async def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    calls, flights = Calls(), SingleFlight()
    calls.error = ValueError("broken")
    tasks = await begun(flights, calls, "a", "a")
    calls.go.set()
    for task in tasks:
        with pytest.raises(ValueError, match="broken"):
            await task
    calls.error = None
    assert await flights.do("a", calls.make) == 2


async def test_the_first_to_give_up_leaves_the_call_to_the_others() -> None:
    calls = Calls()
    first, second = await begun(SingleFlight(), calls, "a", "a")
    await cancelled(first)
    calls.go.set()
    assert await second == 1
    assert calls.cancelled == 0


async def test_the_last_to_give_up_ends_the_call() -> None:
    calls = Calls()
    await cancelled(*await begun(SingleFlight(), calls, "a", "a"))
    assert calls.cancelled == 1


async def test_one_who_comes_after_all_gave_up_begins_anew() -> None:
    calls, flights = Calls(), SingleFlight()
    (task,) = await begun(flights, calls, "a")
    task.cancel()
    (another,) = await begun(flights, calls, "a")
    calls.go.set()
    assert await another == 2
    assert task.cancelled()


async def test_a_failure_that_nobody_waits_for_any_more_is_quiet() -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def fails_when_cancelled() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise ValueError("too late") from error
        return 0

    task = asyncio.create_task(SingleFlight().do("a", fails_when_cancelled))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await cancelled(task)
    del task
    assert told == []
