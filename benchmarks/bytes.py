"""Bytes that go to a terminal of 120×40, as they would over SSH."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import Final

from benchmarks.figures import Figure
from benchmarks.timed import COLOURS, TimedTerminal

MOVE: Final = 600
SCROLL: Final = 9_000
"""Bytes."""

OPEN: Final = "registry.demo/team/service"
"""Where the panes are full: seven hundred repositories, ninety tags with their details, an image."""


def measure(quick: bool) -> Iterator[Figure]:
    """On the demo, for each kind of terminal."""
    for colours, env in list(COLOURS.items())[: 1 if quick else None]:
        with TimedTerminal("regbrowse", "--demo", OPEN, env=env) as terminal:
            terminal.until("Tags")
            terminal.settle()
            yield Figure(f"{colours}: at start, three panes filled", terminal.mark(), "bytes")
            yield from lists(terminal, colours)
            terminal.settle()
            yield idle(terminal, colours, 0.5 if quick else 5.0)


def lists(terminal: TimedTerminal, colours: str) -> Iterator[Figure]:
    """Moves in the tags, then in the repositories, each while nothing else happens."""
    for pane, key in (("tags", "3"), ("repositories", "2")):
        terminal.press(key, "home")
        terminal.settle()
        yield Figure(f"{colours}: cursor move, {pane}", strokes(terminal, "down", 4), "bytes", MOVE, "median of 4")
        yield Figure(f"{colours}: page down, {pane}", strokes(terminal, "pagedown", 1), "bytes")
        terminal.to_the_edge()
        yield Figure(f"{colours}: scrolled line, {pane}", strokes(terminal, "down", 3), "bytes", SCROLL, "median of 3")


def strokes(terminal: TimedTerminal, key: str, times: int) -> float:
    """Bytes for `key`, the median; what the program shows when the cursor has come to rest is not counted."""
    found = []
    for _ in range(times):
        found.append(terminal.stroke(key)[1])
        terminal.settle()
    return median(found)


def idle(terminal: TimedTerminal, colours: str, seconds: float) -> Figure:
    """Bytes while nobody does anything."""
    mark = terminal.mark()
    time.sleep(seconds)
    return Figure(f"{colours}: idle for {seconds:g} s", terminal.mark() - mark, "bytes", 0)
