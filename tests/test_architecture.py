"""The house keeps its shape: imports go down only, and start-up stays light."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_imports_go_down_only() -> None:
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "banned"),
    [
        ("regbrowse.cli", {"textual", "rich", "httpx", "keyring", "yaml", "msgspec"}),
        ("regbrowse.tui.app", {"httpx", "keyring", "yaml", "anyio"}),
        ("regbrowse.registry.client", {"textual", "rich", "keyring", "yaml", "httpx._main"}),
        ("regbrowse.demo", {"textual", "rich", "httpx"}),
    ],
)
def test_an_import_loads_no_more_than_it_needs(module: str, banned: set[str]) -> None:
    code = f"import {module}, sys; print(*(name for name, module in sys.modules.items() if module))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert loaded & banned == set()


def _sources() -> list[Path]:
    return sorted((ROOT / "regbrowse").rglob("*.py"))


@pytest.mark.parametrize("source", _sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_file_is_too_long_to_read(source: Path) -> None:
    assert len(source.read_text().splitlines()) <= 420


@pytest.mark.parametrize("source", _sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_markup_is_made_from_data(source: Path) -> None:
    text = source.read_text()
    assert not re.search(r"from_markup\(|markup=True|rich\.markup|textual\.markup", text)
