"""Programs on a pseudo-terminal, with the moment of each byte.

The emulator of `tests.terminal` is left out: it would take the processor from the program that is measured.
"""

from __future__ import annotations

import os
import re
import sys
import time
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.terminal import KEYS, TIMEOUT, Terminal

ROOT: Final = Path(__file__).parents[1]
COLUMNS, ROWS = 120, 40

COLOURS: Final[Mapping[str, Mapping[str, str | None]]] = {
    "truecolor": {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    "256": {"TERM": "xterm-256color", "COLORTERM": None},
    "16": {"TERM": "xterm", "COLORTERM": None},
}

QUIET: Final = 0.12
"""Seconds without output after which a repaint counts as done. Less than a cursor rests until an image is asked for."""

_MODE_QUESTION: Final = re.compile(rb"\x1b\[\?(\d+)\$p")


class TimedTerminal(Terminal):
    """One of our own modules, run by this Python on a terminal.

    Args:
        arguments: The module and its arguments.
        env: Added to the isolated environment.
    """

    def __init__(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> None:
        self._moments: list[float] = []
        self._lengths: list[int] = []
        self._answered = 0
        self.started = time.perf_counter()
        super().__init__([sys.executable, "-m", *arguments], columns=COLUMNS, rows=ROWS, env=env, cwd=ROOT)

    def _read(self) -> None:
        for data in self._chunks():
            now = time.perf_counter()
            with self._changed:
                self._raw += data
                self._moments.append(now)
                self._lengths.append(len(self._raw))
                self._changed.notify_all()
            self._answer()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _answer(self) -> None:
        for question in _MODE_QUESTION.finditer(self._raw, self._answered):
            self._answered = question.end()
            mode = int(question[1])
            if self._master is not None:
                os.write(self._master, b"\x1b[?%d;%d$y" % (mode, 2 if mode == 2026 else 0))

    def until(self, text: str, mark: int = 0, timeout: float = TIMEOUT) -> float:
        """Wait for `text` among the bytes after `mark`; the moment when it had come, by `time.perf_counter`."""
        wanted, deadline = text.encode(), time.perf_counter() + timeout
        with self._changed:
            while (place := self._raw.find(wanted, mark)) < 0:
                if self._ended or time.perf_counter() > deadline:
                    raise AssertionError(f"waited in vain for {text!r}; last bytes: {bytes(self._raw[-600:])!r}")
                self._changed.wait(0.05)
            return self._moments[bisect_right(self._lengths, place + len(wanted) - 1)]

    def settle(self, quiet: float = 0.7) -> None:
        """Wait until nothing was written for `quiet` seconds, counted from now at the earliest."""
        begun = time.perf_counter()
        while (now := time.perf_counter()) - max(begun, *self._moments[-1:]) < quiet:
            if now > begun + TIMEOUT:
                raise AssertionError("the program never rests")
            time.sleep(0.01)

    def stroke(self, key: str, *, quiet: float = QUIET) -> tuple[float, int]:
        """Press `key`. Give the milliseconds until the last byte that it causes, and the number of bytes."""
        with self._changed:
            chunks, mark = len(self._moments), len(self._raw)
        sent = time.perf_counter()
        self.write(KEYS.get(key, key).encode())
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._moments) > chunks or self._ended, TIMEOUT) or self._ended:
                raise AssertionError(f"the program did not answer {key!r}")
        while time.perf_counter() - self._moments[-1] < quiet:
            time.sleep(0.005)
        with self._changed:
            return (self._moments[-1] - sent) * 1000, len(self._raw) - mark

    def to_the_edge(self) -> None:
        """Move the cursor of a list to the lower edge, so that the next step down scrolls."""
        self.write(KEYS["down"].encode() * ROWS)
        self.settle()
