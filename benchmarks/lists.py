"""Long lists: from a key press to the last byte of what it changes on the screen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import Final

from benchmarks.figures import Figure, paired, ratio
from benchmarks.timed import TimedTerminal

GIVEN: Final = 50.0
FILTERED: Final = 60.0
"""Milliseconds."""

PRESSED: Final = 2.0
"""Times the same key in an empty app."""

FILTERS: Final = (
    ("one letter", "s", 0),
    ("one more letter", "se", 1),
    ("a third word", "serv 00 1", 8),
    ("!word", "!s", 1),
    ("regex, unfinished", "/a.*w", 4),
    ("regex, finished", "/a.*w[0-9]*/", 11),
)
"""What is typed, and which of its keys is measured."""


def measure(quick: bool) -> Iterator[Figure]:
    """On the program with 100,000 repositories and 50,000 tags."""
    rounds, names = (1, 1_000) if quick else (11, 100_000)
    with (
        TimedTerminal("benchmarks.programs.lists", env={"BENCHMARK_NAMES": str(names)}) as ours,
        TimedTerminal("benchmarks.programs.line") as line,
        TimedTerminal("benchmarks.programs.page") as page,
    ):
        ours.until("Repositories")
        for empty in (line, page):
            empty.until("painted")
            empty.settle()
        yield from given(ours, rounds, names)
        yield pressed(ours, line, "down", "down, inside: over a line", rounds)
        ours.to_the_edge()
        for key, what in (("down", "down, scrolls"), ("pagedown", "page down")):
            yield pressed(ours, line, key, f"{what}: over a line", rounds)
            yield pressed(ours, page, key, f"{what}: over a page of that size", rounds)
        for what, text, measured in FILTERS[: 2 if quick else None]:
            yield filtered(ours, what, text, measured, rounds)


def given(terminal: TimedTerminal, rounds: int, names: int) -> Iterator[Figure]:
    """A list is given to its pane by a key, so the time holds that of a key press too."""
    for key, what, count in (("f1", "repositories", names), ("f2", "tags", names // 2)):
        times = []
        for _ in range(rounds):
            terminal.stroke("f3")
            terminal.settle(0.3)
            times.append(terminal.stroke(key)[0])
        terminal.settle(0.3)
        yield Figure(f"{count:,} {what} given → painted", median(times), "ms", GIVEN, f"median of {rounds}")
    terminal.stroke("f1")


def pressed(ours: TimedTerminal, empty: TimedTerminal, key: str, what: str, rounds: int) -> Figure:
    """The same key in our list and in an empty app, one after the other."""
    ours.settle(0.3)
    found = paired(rounds, {"ours": partial(milliseconds, ours, key), "empty": partial(milliseconds, empty, key)})
    note = f"{median(found['ours']):.1f} ms to {median(found['empty']):.1f} ms, {rounds} pairs"
    return Figure(what, ratio(found["ours"], found["empty"]), "×", PRESSED, note)


def filtered(terminal: TimedTerminal, what: str, text: str, measured: int, rounds: int) -> Figure:
    """One key of a filter: until the names that are left are painted."""
    times = []
    for _ in range(rounds):
        terminal.stroke("/")
        for key in text[:measured]:
            terminal.stroke(key)
        times.append(terminal.stroke(text[measured], quiet=0.25)[0])
        terminal.stroke("escape", quiet=0.3)
    note = f"the last key of {text[: measured + 1]!r}, median of {rounds}"
    return Figure(f"filter, {what} → painted", median(times), "ms", FILTERED, note)


def milliseconds(terminal: TimedTerminal, key: str) -> float:
    return terminal.stroke(key)[0]
