"""From the start of the process to the first text of the program on the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Final

from benchmarks.figures import Figure, paired, ratio
from benchmarks.timed import TimedTerminal

PAIRS: Final = 15
BOUND: Final = 1.3

EMPTY, PANES = "empty Textual app", "bare app of five panes"
OURS, FILLED = "regbrowse --demo", "regbrowse --demo, its panes too"


def measure(quick: bool) -> Iterator[Figure]:
    """Whole processes: an empty Textual app, a bare one of five panes, and the program.

    Textual paints what is composed by then, so the program's header is on the screen before its panes are.
    """
    contenders: dict[str, Callable[[], float]] = {
        EMPTY: partial(first_paint, "benchmarks.programs.empty", text="painted"),
        PANES: partial(first_paint, "benchmarks.programs.panes", text="pane 1"),
        OURS: partial(first_paint, "regbrowse", "--demo", text="regbrowse"),
        FILLED: partial(first_paint, "regbrowse", "--demo", text="Repositories"),
    }
    paired(1, contenders)  # compiles what was never compiled
    rounds = 1 if quick else PAIRS
    found = paired(rounds, contenders)
    for name, times in found.items():
        yield Figure(f"first paint: {name}", median(times), "ms", note="median")
    for name, bound in ((PANES, None), (OURS, BOUND), (FILLED, BOUND)):
        note = f"{rounds} pairs of processes"
        yield Figure(f"first paint: {name}, over the empty app", ratio(found[name], found[EMPTY]), "×", bound, note)


def first_paint(*arguments: str, text: str) -> float:
    """Milliseconds until `text` is on the screen of a new process."""
    with TimedTerminal(*arguments) as terminal:
        return (terminal.until(text) - terminal.started) * 1000
