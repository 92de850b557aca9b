"""The program, with a task that measures for how long the event loop was busy with one thing.

Usage: `python -m benchmarks.programs.probed WHICH FILE ARGUMENTS…`. It measures from the first paint until the list
WHICH (`repositories` or `tags`) is whole and painted. Then it writes two numbers of milliseconds to FILE in the home
directory: the longest gap, and the most processor time that the whole process took in one.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from regbrowse.tui.environment import prepare_environment

prepare_environment(os.environ)

from regbrowse.browser.states import Phase
from regbrowse.cli import main
from regbrowse.tui import app
from regbrowse.tui.screens.browse import BrowseScreen

WHICH, FILE = sys.argv[1:3]
TICK = 0.001
AFTER = 0.5
"""Seconds for which the painting of the last page is watched."""


class ProbedApp(app.RegbrowseApp):
    """Measures from when it is ready."""

    def on_ready(self) -> None:
        super().on_ready()
        self.run_worker(self._probe())

    async def _probe(self) -> None:
        longest = busiest = 0.0
        end = float("inf")
        while (before := time.perf_counter()) < end:
            worked = time.process_time()
            await asyncio.sleep(TICK)
            busiest = max(busiest, time.process_time() - worked)
            longest = max(longest, time.perf_counter() - before - TICK)
            if end == float("inf") and self._is_whole():
                end = time.perf_counter() + AFTER
        (Path.home() / FILE).write_text(f"{longest * 1000} {busiest * 1000}\n")

    def _is_whole(self) -> bool:
        screen = self.screen
        pane = screen.query_one(f"#{WHICH}") if isinstance(screen, BrowseScreen) else None
        listing = getattr(pane, "listing", None)
        return listing is not None and listing.phase is Phase.READY


app.RegbrowseApp = ProbedApp  # type: ignore[misc]

if __name__ == "__main__":
    sys.exit(main(sys.argv[3:]))
