"""The clipboard by OSC 52: plain, through tmux, through GNU screen."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.clipboard import SHOWN, SIZE_LIMIT, clipboard_sequence, copy, wrapped_sequence
from regbrowse.tui.guards import GuardedApp
from tests.emulator import Emulator
from tests.terminal import TIMEOUT, Terminal

ROOT = Path(__file__).parents[2]
REFERENCE = "registry.corp:5000/team/app:1.2"


def through_tmux(written: str) -> str:
    [inner] = re.findall(r"\x1bPtmux;(.*)\x1b\\", written, re.DOTALL)
    return str(inner).replace("\x1b\x1b", "\x1b")


def through_screen(written: str) -> str:
    return "".join(re.findall(r"\x1bP(.*?)\x1b\\", written, re.DOTALL))


def on_clipboard(sequence: str) -> str:
    emulator = Emulator(10, 2)
    emulator.feed(sequence.encode())
    [content] = emulator.clipboard
    return b64decode(content).decode()


@given(st.text(max_size=2_000))
def test_a_terminal_gets_the_text_whole(text: str) -> None:
    clean = safe_text(text, multiline=True)
    assert on_clipboard(clipboard_sequence(clean)) == clean


@given(st.text(max_size=2_000), st.sampled_from([{"TMUX": "/tmp/tmux,1,0"}, {"TERM": "tmux-256color"}]))
def test_tmux_hands_the_text_through_whole(text: str, environ: dict[str, str]) -> None:
    clean = safe_text(text, multiline=True)
    assert through_tmux(wrapped_sequence(clean, environ)) == clipboard_sequence(clean)


@given(st.text(max_size=2_000), st.sampled_from([{"STY": "1.pts"}, {"TERM": "screen-256color"}]))
def test_gnu_screen_hands_the_text_through_whole(text: str, environ: dict[str, str]) -> None:
    clean = safe_text(text, multiline=True)
    assert through_screen(wrapped_sequence(clean, environ)) == clipboard_sequence(clean)


def test_no_string_is_longer_than_gnu_screen_takes() -> None:
    written = wrapped_sequence(SafeText("x" * 5_000), {"STY": "1.pts"})
    assert max(map(len, written.split("\x1b\\"))) <= 256


def test_without_a_multiplexer_nothing_is_wrapped() -> None:
    assert wrapped_sequence(SafeText("x"), {"TERM": "xterm-256color"}) == ""


def test_tmux_with_the_terminal_name_of_screen_is_tmux() -> None:
    environ = {"TMUX": "/tmp/tmux,1,0", "TERM": "screen-256color"}
    assert wrapped_sequence(SafeText("x"), environ).startswith("\x1bPtmux;")


# What the toast says


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, f"Copied: {REFERENCE}"),
        (
            {"TERM_PROGRAM": "Apple_Terminal"},
            f"This terminal has no clipboard for programs, select it here: {REFERENCE}",
        ),
        ({"TERM": "linux"}, f"This terminal has no clipboard for programs, select it here: {REFERENCE}"),
    ],
)
def test_the_toast_holds_the_text(environ: dict[str, str], said: str) -> None:
    assert copy(GuardedApp(), REFERENCE, environ) == said


def test_the_text_can_be_pasted_inside_the_app() -> None:
    app = GuardedApp()
    copy(app, REFERENCE, {})
    assert app.clipboard == REFERENCE


def test_what_is_copied_is_cleaned() -> None:
    app = GuardedApp()
    assert copy(app, "a\x1b[31m\u202eb\udc80", {}) == "Copied: a␛[31m⟨U+202E⟩b⟨U+DC80⟩"
    assert app.clipboard == "a␛[31m⟨U+202E⟩b⟨U+DC80⟩"


def test_a_long_text_is_copied_whole_and_shown_in_part() -> None:
    app = GuardedApp()
    said = copy(app, "x" * SIZE_LIMIT, {})
    assert app.clipboard == "x" * SIZE_LIMIT
    assert said == f"Copied: {'x' * SHOWN}… +{SIZE_LIMIT - SHOWN:,}"


def test_a_text_beyond_the_limit_is_refused() -> None:
    app = GuardedApp()
    said = copy(app, "é" * SIZE_LIMIT, {})
    assert said.startswith("Not copied: 149,988 bytes, and terminals take 74,994. It begins: éé")
    assert app.clipboard == ""


# For real


@pytest.fixture
def tmux_socket() -> Iterator[str]:
    if shutil.which("tmux") is None:
        if os.environ.get("CI"):
            pytest.fail("tmux has to be installed where CI runs")
        pytest.skip("tmux is not installed")
    with tempfile.TemporaryDirectory(prefix="tmux-") as directory:
        socket = f"{directory}/socket"
        yield socket
        subprocess.run(["tmux", "-S", socket, "kill-server"], capture_output=True, check=False)


@pytest.mark.parametrize("option", ["set -g set-clipboard on", "set -g allow-passthrough on"])
def test_a_copy_inside_tmux_reaches_the_terminal_around_it(tmux_socket: str, option: str, tmp_path: Path) -> None:
    settings = tmp_path / "tmux.conf"
    settings.write_text(f"{option}\nset -g default-terminal tmux-256color\n")
    program = shlex.join([sys.executable, "-m", "tests.tui.apps.guarded"])
    tmux = ["tmux", "-S", tmux_socket, "-f", str(settings), "new-session", program]
    remote = {"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}
    with Terminal(tmux, columns=100, rows=30, cwd=ROOT, env=remote) as terminal:
        terminal.wait_for("ready: all painted")
        terminal.press("u")
        terminal.wait_for("Copied, if tmux has set-clipboard on")
        terminal.wait_for(lambda terminal: terminal.clipboard, TIMEOUT)
        assert {b64decode(content).decode() for content in terminal.clipboard} == {"https://registry.example/"}
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
