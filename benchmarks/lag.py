"""How long the event loop is busy with one thing while very long lists arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import Final

from benchmarks.figures import Figure
from benchmarks.names import repository_names, tag_names
from benchmarks.timed import TimedTerminal
from tests.registry_server import Content, RegistryServer

BOUND: Final = 50.0
"""Milliseconds."""

REPOSITORY: Final = "team/app"


def measure(quick: bool) -> Iterator[Figure]:
    """From the first paint of the program until the last of very many names is painted."""
    rounds, names = (1, 3_000) if quick else (5, 100_000)
    with RegistryServer(long_lists(names)) as server:
        for which, count, target in (
            ("repositories", names, server.address),
            ("tags", names // 2, f"{server.address}/{REPOSITORY}"),
        ):
            gaps = [longest_gap(which, target) for _ in range(rounds)]
            for what, times in zip(("gap", "turn, processor time"), zip(*gaps, strict=True), strict=True):
                note = f"in pages of 1,000; median of {rounds} runs, worst {max(times):.0f} ms"
                yield Figure(f"longest {what}, {count:,} {which} arrive", median(times), "ms", BOUND, note)


def long_lists(names: int) -> Content:
    """A registry of `names` repositories, one of which has half as many tags."""
    content = Content()
    content.add_repositories(repository_names(names - 1))
    content.add_image(REPOSITORY, "latest")
    content.add_tags(REPOSITORY, tag_names(names // 2 - 1), like="latest")
    return content


def longest_gap(which: str, target: str) -> tuple[float, float]:
    """Milliseconds in which the loop did not turn, and the most processor time that the process took in one turn.

    On a busy machine the first holds the time in which others had the processor, the second does not.
    """
    with TimedTerminal("benchmarks.programs.probed", which, "gap", target) as terminal:
        deadline = time.perf_counter() + 60
        found = terminal.home / "gap"
        while not (found.exists() and found.read_text().endswith("\n")):
            assert terminal.running, terminal.raw[-600:]
            assert time.perf_counter() < deadline, "the list never came"
            time.sleep(0.02)
        gap, busy = map(float, found.read_text().split())
        return gap, busy
