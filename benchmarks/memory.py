"""Memory of the program with very long lists, over that of an empty Textual app."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.figures import Figure
from benchmarks.lag import REPOSITORY, long_lists
from benchmarks.timed import TimedTerminal
from tests.registry_server import RegistryServer

BOUND: Final = 48.0
"""MiB."""


def measure(quick: bool) -> Iterator[Figure]:
    """The program after it loaded the lists of a registry, as `python -m regbrowse REGISTRY/REPOSITORY` does."""
    rounds, names = (1, 3_000) if quick else (3, 100_000)
    empty: list[dict[str, float]] = []
    ours: list[dict[str, float]] = []
    with RegistryServer(long_lists(names)) as server:
        for _ in range(rounds):
            with TimedTerminal("benchmarks.programs.empty") as terminal:
                terminal.until("painted")
                terminal.settle()
                empty.append(memory(terminal.pid))
            with TimedTerminal("regbrowse", f"{server.address}/{REPOSITORY}") as terminal:
                terminal.until(f"Repositories {names:,}", timeout=60)
                terminal.until(f"Tags {names // 2:,}", timeout=60)
                terminal.settle()
                ours.append(memory(terminal.pid))
    for kind in ours[0]:
        more = [one[kind] - other[kind] for one, other in zip(ours, empty, strict=True)]
        sizes = f"{median(one[kind] for one in ours):.0f} to {median(one[kind] for one in empty):.0f} MiB"
        what = f"{kind}, {names:,} repositories + {names // 2:,} tags, over an empty app"
        yield Figure(what, median(more), "MiB", BOUND, f"{sizes}, median of {rounds}")


def memory(pid: int) -> dict[str, float]:
    """Memory of a process in MiB: what is resident, and where the system tells it, its share of what is shared."""
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    if not rollup.exists():
        said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
        return {"RSS": int(said.stdout) / 1024}
    text = rollup.read_text()
    return {
        name.upper(): int(found[1]) / 1024
        for name in ("Rss", "Pss")
        if (found := re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE))
    }
