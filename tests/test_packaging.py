"""What is installed, and what the command line says: the outside of the program, without its screen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

import regbrowse

ROOT: Final = Path(__file__).parents[1]

OPTIONS: Final = (
    "--demo",
    "--registry-mirror URL",
    "--insecure-registry HOST|CIDR",
    "--disable-legacy-registry",
    "--certs-dir DIR",
    "--config FILE",
    "--theme NAME",
    "--check",
    "--log FILE",
    "--version",
    "--help",
)
"""What may be relied on."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    pytest.importorskip("hatchling", reason="the wheel is made with hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert made.returncode == 0, made.stderr
    [path] = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def text_of(wheel: zipfile.ZipFile, name: str) -> str:
    """The one file in the wheel whose name ends so."""
    [path] = [path for path in wheel.namelist() if path.endswith(name)]
    return wheel.read(path).decode()


def test_the_wheel_holds_every_theme(wheel: zipfile.ZipFile) -> None:
    themes = {f"regbrowse/themes/{path.name}" for path in (ROOT / "themes").glob("*.yaml")}
    assert themes
    assert {name for name in wheel.namelist() if name.startswith("regbrowse/themes/")} == themes


def test_the_wheel_holds_every_module(wheel: zipfile.ZipFile) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "regbrowse").rglob("*.py")}
    assert {name for name in wheel.namelist() if name.endswith(".py")} == modules


def test_the_wheel_says_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    assert "regbrowse/py.typed" in wheel.namelist()


def test_the_wheel_holds_the_licence(wheel: zipfile.ZipFile) -> None:
    assert text_of(wheel, "/licenses/LICENSE") == (ROOT / "LICENSE").read_text()


def test_the_wheel_holds_nothing_but_the_package(wheel: zipfile.ZipFile) -> None:
    folders = {name.partition("/")[0] for name in wheel.namelist()}
    assert folders == {"regbrowse", f"regbrowse-{regbrowse.__version__}.dist-info"}


def test_the_command_is_an_entry_point(wheel: zipfile.ZipFile) -> None:
    assert "regbrowse = regbrowse.cli:main" in text_of(wheel, "/entry_points.txt").splitlines()


def test_the_version_of_the_wheel_is_that_of_the_package(wheel: zipfile.ZipFile) -> None:
    assert f"Version: {regbrowse.__version__}" in text_of(wheel, "/METADATA").splitlines()


def test_the_changelog_begins_with_this_version_or_with_what_is_not_released() -> None:
    first = re.search(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert first[1] in ("Unreleased", regbrowse.__version__)


# The command line


def run(arguments: Sequence[str], home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the program without a terminal, in a home of its own."""
    own: Mapping[str, str] = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LANG": "C.UTF-8", **env}
    return subprocess.run(
        [sys.executable, "-m", "regbrowse", *arguments],
        cwd=ROOT,
        env=own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_version_is_said(tmp_path: Path) -> None:
    said = run(["--version"], tmp_path)
    assert (said.returncode, said.stdout, said.stderr) == (0, f"regbrowse {regbrowse.__version__}\n", "")


def test_help_names_every_option(tmp_path: Path) -> None:
    said = run(["--help"], tmp_path)
    assert said.returncode == 0
    assert [option for option in OPTIONS if not re.search(rf"{re.escape(option)}\b", said.stdout)] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["nginx", "redis"],
        ["--config"],
        ["--theme"],
        ["--log"],
        [""],
        ["UPPER/case"],
        ["team/app:"],
        ["team/app@sha256:12"],
        ["ftp://registry.example"],
        ["registry.example:99999"],
        ["https://ada:hunter2@registry.example"],
        ["--demo", "team//app"],
        ["--check", "-x"],
        ["--registry-mirror", "mirror.example"],
        ["--registry-mirror", "https://ada:hunter2@mirror.example"],
        ["--registry-mirror", "https://mirror.example/path"],
        ["--insecure-registry", "-registry"],
        ["--insecure-registry", "ftp://registry.example"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_ends_with_2_and_says_why(arguments: list[str], tmp_path: Path) -> None:
    said = run(arguments, tmp_path)
    assert (said.returncode, said.stdout) == (2, "")
    assert re.search(r"^regbrowse: \S", said.stderr, re.MULTILINE)
    assert "Traceback" not in said.stderr
    assert "hunter2" not in said.stderr


def broken_config(folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text("theme: harbour\nregistries:\n  - registry.example\n  - 'not a host'\n")
    return path


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (["--log", "{folder}", "--demo"], "{folder} cannot be written"),
        (["--log", "{folder}/none/log", "--demo"], "{folder}/none/log cannot be written"),
        (["--config", "{folder}/none.yaml"], "There is no file {folder}/none.yaml"),
        (["--config", "{folder}"], "{folder} cannot be read"),
        (["--config", "{config}"], "{config}, line 4: "),
        (["--certs-dir", "{folder}/none", "--check", "127.0.0.1:1"], "{folder}/none is not there"),
        (["--demo"], "Standard input is not a terminal"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_failure_ends_with_1_and_one_paragraph(arguments: list[str], seen: str, tmp_path: Path) -> None:
    places = {"folder": str(tmp_path), "config": str(broken_config(tmp_path))}
    said = run([argument.format_map(places) for argument in arguments], tmp_path)
    assert (said.returncode, said.stdout) == (1, "")
    assert seen.format_map(places) in said.stderr
    assert re.fullmatch(r"regbrowse: [^\n]+\.\n", said.stderr)


def test_a_config_file_that_the_environment_names_must_exist(tmp_path: Path) -> None:
    said = run(["--demo"], tmp_path, REGBROWSE_CONFIG=str(tmp_path / "none.yaml"))
    assert (said.returncode, said.stderr.count("\n")) == (1, 1)
    assert "There is no file" in said.stderr
