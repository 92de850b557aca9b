"""Every number of registry-client.md §5.3 that is about logins has its test here: `test_NN_` and what it is about."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

NUMBERS = (*range(1, 17), *range(31, 35), *range(42, 59))


def numbers() -> set[int]:
    """The numbers with which the names of tests in this folder begin."""
    found = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            name = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else ""
            if match := re.match(r"test_(\d\d)_", name):
                found.add(int(match[1]))
    return found


@pytest.mark.parametrize("number", NUMBERS)
def test_each_number_is_tested(number: int) -> None:
    assert number in numbers()
