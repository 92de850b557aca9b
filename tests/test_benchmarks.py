"""Each benchmark runs and prints its figures. What they are is not tested: they depend on the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from benchmarks.__main__ import NAMES
from benchmarks.figures import TITLES, Figure, ratio, table

ROOT: Final = Path(__file__).parents[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_prints_its_figures(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", name], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in rows[0].strip("|").split("|")] == list(TITLES)
    assert len(rows) > 2


def test_every_benchmark_can_be_named() -> None:
    beside = {"__init__", "__main__", "figures", "names", "timed"}
    assert {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - beside == set(NAMES)


@pytest.mark.parametrize(
    ("value", "bound", "said"), [(1.29, 1.3, "yes"), (1.3, 1.3, "yes"), (1.31, 1.3, "NO"), (9.9, None, "")]
)
def test_the_table_says_whether_a_bound_holds(value: float, bound: float | None, said: str) -> None:
    last = table([Figure("a thing", value, "×", bound)]).splitlines()[-1]
    assert last.split("|")[4].strip() == said


def test_a_ratio_is_worked_out_pair_by_pair() -> None:
    assert ratio([1.0, 20.0, 3.0], [1.0, 10.0, 1.0]) == 2.0
