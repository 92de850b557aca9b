"""Who is let through to a registry, and when."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from regbrowse.registry.throttle import HostLimiter, Priority
from tests.registry.reaching import Sleeps

INTERACTIVE, VISIBLE, BULK = Priority.INTERACTIVE, Priority.VISIBLE, Priority.BULK


class Crowd:
    """Requests that hold their place until they are told to end."""

    def __init__(self, limiter: HostLimiter) -> None:
        self.limiter = limiter
        self.entered: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, priority: Priority) -> None:
        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._stay(name, priority))
        await self.settle()

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await self.tasks.pop(name)
        await self.settle()

    async def cancel(self, name: str) -> None:
        task = self.tasks.pop(name)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await self.settle()

    async def end_all(self) -> None:
        for event in self._ends.values():
            event.set()
        await asyncio.gather(*self.tasks.values())

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def _stay(self, name: str, priority: Priority) -> None:
        async with self.limiter.place(priority, name):
            self.entered.append(name)
            await self._ends[name].wait()


async def came(priority: Priority, count: int) -> Crowd:
    crowd = Crowd(HostLimiter())
    for number in range(count):
        await crowd.come(f"{priority.name}-{number}", priority)
    return crowd


@pytest.mark.parametrize(("priority", "places"), [(INTERACTIVE, 6), (VISIBLE, 4), (BULK, 3)])
async def test_each_kind_has_its_number_of_places(priority: Priority, places: int) -> None:
    crowd = await came(priority, 10)
    assert len(crowd.entered) == places
    await crowd.end_all()
    assert len(crowd.entered) == 10


async def test_places_are_given_in_the_order_of_coming() -> None:
    crowd = await came(VISIBLE, 8)
    await crowd.end("VISIBLE-2")
    await crowd.end("VISIBLE-0")
    assert crowd.entered[4:] == ["VISIBLE-4", "VISIBLE-5"]
    await crowd.end_all()


async def test_a_key_press_finds_a_place_beside_all_rows() -> None:
    crowd = await came(VISIBLE, 8)
    await crowd.come("key", INTERACTIVE)
    assert crowd.entered[-1] == "key"
    await crowd.end_all()


async def test_the_urgent_go_first_among_those_that_wait() -> None:
    crowd = await came(INTERACTIVE, 6)
    await crowd.come("bulk", BULK)
    await crowd.come("row", VISIBLE)
    await crowd.come("key", INTERACTIVE)
    for number in range(6):
        await crowd.end(f"INTERACTIVE-{number}")
    assert crowd.entered[6:] == ["key", "row", "bulk"]
    await crowd.end_all()


async def test_one_that_gives_up_waiting_leaves_its_turn_to_the_next() -> None:
    crowd = await came(VISIBLE, 6)
    await crowd.cancel("VISIBLE-4")
    await crowd.end("VISIBLE-0")
    assert crowd.entered[4:] == ["VISIBLE-5"]
    await crowd.end_all()


async def test_one_that_gives_up_just_when_its_turn_came_passes_it_on() -> None:
    crowd = await came(VISIBLE, 6)
    crowd._ends["VISIBLE-0"].set()
    await asyncio.sleep(0)  # its place is given to the fifth, which has not run yet
    await crowd.cancel("VISIBLE-4")
    assert "VISIBLE-4" not in crowd.entered
    assert "VISIBLE-5" in crowd.entered
    await crowd.end_all()


async def test_one_that_is_cancelled_in_its_place_frees_it() -> None:
    limiter = HostLimiter()
    for _ in range(100):
        async with AsyncExitStack() as stack:
            for _ in range(4):
                await stack.enter_async_context(limiter.place(VISIBLE))
    crowd = Crowd(limiter)
    for number in range(100):
        await crowd.come(str(number), VISIBLE)
        await crowd.cancel(str(number))
    assert len(crowd.entered) == 100


async def test_a_row_that_is_hurried_finds_a_place_beside_the_rows() -> None:
    crowd = await came(VISIBLE, 8)
    crowd.limiter.hurry("VISIBLE-6")
    await crowd.settle()
    assert crowd.entered[4:] == ["VISIBLE-6"]
    await crowd.end_all()


async def test_hurrying_what_nobody_waits_for_changes_nothing() -> None:
    crowd = await came(VISIBLE, 8)
    crowd.limiter.hurry("VISIBLE-0")
    crowd.limiter.hurry("another")
    await crowd.settle()
    assert len(crowd.entered) == 4
    await crowd.end_all()


async def test_nobody_enters_in_a_pause() -> None:
    sleeps = Sleeps()
    limiter = HostLimiter(sleeps)
    limiter.pause(20)
    async with limiter.place(INTERACTIVE):
        pass
    assert len(sleeps) == 1
    assert 19 < sleeps[0] <= 20


async def test_a_pause_that_is_made_longer_is_waited_out() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            limiter.pause(50)

    limiter = HostLimiter(sleep)
    limiter.pause(20)
    async with limiter.place(INTERACTIVE):
        pass
    assert len(waits) == 2
    assert 49 < waits[1] <= 50


async def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    sleeps = Sleeps()
    limiter = HostLimiter(sleeps)
    limiter.pause(50)
    limiter.pause(1)
    async with limiter.place(INTERACTIVE):
        pass
    assert 49 < sleeps[0] <= 50


async def test_one_that_gives_up_in_a_pause_frees_its_place() -> None:
    forever = asyncio.Event()

    async def sleep(_: float) -> None:
        await forever.wait()

    crowd = Crowd(HostLimiter(sleep))
    crowd.limiter.pause(1000)
    for number in range(20):
        await crowd.come(str(number), INTERACTIVE)
        await crowd.cancel(str(number))
    forever.set()
    for number in range(6):
        await crowd.come(f"after {number}", INTERACTIVE)
    assert len(crowd.entered) == 6
    await crowd.end_all()
