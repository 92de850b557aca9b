"""What the surroundings say about the screen."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

import pytest

from regbrowse.tui.environment import check_terminal, has_desktop, is_remote, prepare_environment

REMOTE = {"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}


@pytest.fixture
def tty() -> Iterator[IO[str]]:
    master, slave = pty.openpty()
    with os.fdopen(slave, "r") as stream:
        yield stream
    os.close(master)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"TEXTUAL_ANIMATIONS": "none"}),
        ({"TEXTUAL_ANIMATIONS": "full"}, {"TEXTUAL_ANIMATIONS": "full"}),
        (REMOTE, REMOTE | {"TEXTUAL_ANIMATIONS": "none", "ESCDELAY": "250"}),
        (REMOTE | {"ESCDELAY": "25"}, REMOTE | {"TEXTUAL_ANIMATIONS": "none", "ESCDELAY": "25"}),
        ({"COLUMNS": "80", "LINES": "24"}, {"TEXTUAL_ANIMATIONS": "none"}),
        ({"TEXTUAL_LOG": "/tmp/keys", "TEXTUAL_DEBUG": "1"}, {"TEXTUAL_ANIMATIONS": "none"}),
        ({"TEXTUAL": "Devtools, debug"}, {"TEXTUAL_ANIMATIONS": "none"}),
        ({"TEXTUAL": "headless,devtools"}, {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL": "headless"}),
    ],
)
def test_prepare_environment_keeps_what_the_user_set(before: dict[str, str], after: dict[str, str]) -> None:
    environ = dict(before)
    prepare_environment(environ)
    assert environ == after


def test_the_environment_is_prepared_without_importing_textual() -> None:
    script = "import sys, regbrowse.tui.environment; sys.exit('textual' in sys.modules or 'rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_terminal_is_good_enough(tty: IO[str]) -> None:
    assert check_terminal({"TERM": "xterm"}, tty, tty) is None


@pytest.mark.parametrize("stream", [None, io.StringIO()], ids=["closed", "not a terminal"])
def test_standard_input_must_be_a_terminal(tty: IO[str], stream: IO[str] | None) -> None:
    said = check_terminal({"TERM": "xterm"}, stream, tty)
    assert said is not None
    assert said.startswith("Standard input is not a terminal")


@pytest.mark.parametrize("stream", [None, io.StringIO()], ids=["closed", "not a terminal"])
def test_standard_error_must_be_a_terminal(tty: IO[str], stream: IO[str] | None) -> None:
    said = check_terminal({"TERM": "xterm"}, tty, stream)
    assert said is not None
    assert said.startswith("Standard error is not a terminal")


@pytest.mark.parametrize(
    ("environ", "named"),
    [({"TERM": "dumb"}, "dumb"), ({"TERM": ""}, "empty"), ({}, "empty"), ({"TERM": "unknown"}, "unknown")],
)
def test_a_terminal_must_be_able_to_place_text(tty: IO[str], environ: dict[str, str], named: str) -> None:
    said = check_terminal(environ, tty, tty)
    assert said is not None
    assert f"TERM is {named}" in said


@pytest.mark.parametrize(
    ("environ", "remote"), [({}, False), (REMOTE, True), ({"SSH_TTY": "/dev/pts/0"}, True), ({"SSH_TTY": ""}, False)]
)
def test_is_remote_knows_ssh(environ: dict[str, str], remote: bool) -> None:
    assert is_remote(environ) is remote


@pytest.mark.parametrize(
    ("environ", "platform", "desktop"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
        (REMOTE, "darwin", False),
        (REMOTE | {"DISPLAY": "localhost:10.0"}, "linux", False),
    ],
)
def test_has_desktop_only_where_a_browser_would_be_seen(environ: dict[str, str], platform: str, desktop: bool) -> None:
    assert has_desktop(environ, platform) is desktop
