"""Measures the program beside the bounds that it keeps: `python -m benchmarks [--quick] [NAME …]`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Final

from benchmarks.figures import Figure, table

NAMES: Final = ("requests", "first_paint", "lists", "lag", "rows", "bytes", "memory")

Measure = Callable[[bool], Iterator[Figure]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures the program beside its bounds.")
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"what to measure: {', '.join(NAMES)}; all of them")
    parser.add_argument("--quick", action="store_true", help="each thing once, on short lists: only whether it works")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in NAMES]:
        parser.error(f"there is no {unknown[0]!r}; there are {', '.join(NAMES)}")
    print(machine())
    for name in options.names or NAMES:
        measure: Measure = import_module(f"benchmarks.{name}").measure
        print(f"\n### {name}\n", flush=True)
        print(table(measure(options.quick)), flush=True)
    return 0


def machine() -> str:
    """When and on what the figures were measured."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.python_implementation()} {platform.python_version()}, "
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} processors"
    )


if __name__ == "__main__":
    sys.exit(main())
