"""The programs that must hold every promise about the terminal."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Program:
    """A command, and how to know that it is on the screen.

    Attributes:
        argv: The command.
        ready: A text on its screen once it is painted, also at 80×24.
    """

    argv: tuple[str, ...]
    ready: str


SMALL_APP: Final = Program((sys.executable, "-m", "tests.tui.apps.guarded"), "ready: all painted")

REGBROWSE: Final = Program((sys.executable, "-m", "regbrowse", "--demo", "registry.demo"), "Repositories")

PROGRAMS: Final = {"small app": SMALL_APP, "regbrowse": REGBROWSE}
