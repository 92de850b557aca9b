"""However a program ends, the terminal is as it was and no process stays behind.

The tests that take `guarded_command` hold for every program of `tests/tui/programs.py`.
"""

from __future__ import annotations

import base64
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.widgets import Input

from regbrowse.tui.guards import GuardedApp
from regbrowse.tui.lifecycle import HUNG_UP
from tests.terminal import Terminal
from tests.tui.apps.guarded import CANARY
from tests.tui.programs import PROGRAMS, SMALL_APP, Program

ROOT = Path(__file__).parents[2]
ORPHANED = "trap '' HUP; {command}; exit $?"
"""A session whose leader swallows the hang-up: the program below it gets no signal at all."""


@pytest.fixture(params=list(PROGRAMS.values()), ids=list(PROGRAMS))
def guarded_command(request: pytest.FixtureRequest) -> Program:
    program: Program = request.param
    return program


def start(program: Program, *, columns: int = 100, rows: int = 30, env: Mapping[str, str] | None = None) -> Terminal:
    return Terminal(program.argv, columns=columns, rows=rows, env=env, cwd=ROOT)


def start_in_shell(program: Program, script: str) -> Terminal:
    """Run a shell script in which `{command}` is the program."""
    return Terminal(["/bin/sh", "-c", script.format(command=shlex.join(program.argv))], cwd=ROOT)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# Quitting


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
def test_quitting_restores_the_terminal(guarded_command: Program, key: str) -> None:
    with start(guarded_command) as terminal:
        terminal.wait_for(guarded_command.ready)
        terminal.press(key)
        assert terminal.wait_for_exit() == 0
        assert terminal.leftovers == []


def test_quitting_leaves_nothing_on_the_primary_screen(guarded_command: Program) -> None:
    with start(guarded_command) as terminal:
        terminal.wait_for(guarded_command.ready)
        terminal.press("q")
        terminal.wait_for_exit()
        assert terminal.text.strip() == ""


def test_ctrl_c_quits_from_a_dialog() -> None:
    with start(SMALL_APP) as terminal:
        terminal.wait_for(SMALL_APP.ready)
        terminal.press("d")
        terminal.wait_for("in a dialog")
        terminal.press("ctrl+c")
        assert terminal.wait_for_exit() == 0


def test_what_is_typed_in_one_burst_with_the_key_of_a_text_box_goes_into_it() -> None:
    with start(SMALL_APP) as terminal:
        terminal.wait_for(SMALL_APP.ready)
        terminal.type("/nginxq")
        terminal.wait_for("nginxq")


def test_ctrl_c_in_a_text_box_quits() -> None:
    with start(SMALL_APP) as terminal:
        terminal.wait_for(SMALL_APP.ready)
        terminal.press("/")
        terminal.type("nginx")
        terminal.wait_for("nginx")
        terminal.press("ctrl+c")
        assert terminal.wait_for_exit() == 0


def test_ctrl_c_in_a_text_box_copies_what_is_selected() -> None:
    with start(SMALL_APP) as terminal:
        terminal.wait_for(SMALL_APP.ready)
        terminal.press("/")
        terminal.type("nginx")
        terminal.wait_for("nginx")
        terminal.write(b"\x1b[1;2H")  # shift+home
        terminal.press("ctrl+c")
        terminal.wait_for("Copied: nginx")
        assert terminal.clipboard == [base64.b64encode(b"nginx")]
        assert terminal.running


def test_a_thread_that_never_ends_does_not_keep_the_process() -> None:
    with start(SMALL_APP) as terminal:
        terminal.wait_for(SMALL_APP.ready)
        terminal.press("s")
        terminal.wait_for("stuck")
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
        assert terminal.leftovers == []


# Signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
def test_a_signal_restores_the_terminal(guarded_command: Program, number: signal.Signals) -> None:
    with start(guarded_command) as terminal:
        terminal.wait_for(guarded_command.ready)
        terminal.signal(number)
        assert terminal.wait_for_exit() == 128 + number
        assert terminal.leftovers == []


def test_sigterm_ends_a_program_that_does_nothing_but_compute() -> None:
    with start(SMALL_APP) as terminal:
        terminal.wait_for(SMALL_APP.ready)
        terminal.press("b")
        terminal.wait_for(lambda terminal: b"blocking" in terminal.raw)
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_for_exit() == 128 + signal.SIGTERM
        assert terminal.leftovers == []


def is_stopped(terminal: Terminal) -> bool:
    """Whether the process sleeps until it is continued (proc(5), `stat`)."""
    return Path(f"/proc/{terminal.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_stopping_and_continuing_repaints(guarded_command: Program) -> None:
    with start(guarded_command) as terminal:
        terminal.wait_for(guarded_command.ready)
        terminal.wait_idle()
        terminal.signal(signal.SIGTSTP)
        terminal.wait_for(lambda terminal: terminal.restored)
        terminal.wait_for(is_stopped)  # to continue it before that would continue nothing
        terminal.signal(signal.SIGCONT)
        terminal.wait_for(guarded_command.ready)
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
        assert terminal.leftovers == []


def test_ctrl_z_goes_to_the_shell_and_fg_comes_back(guarded_command: Program) -> None:
    with Terminal(["bash", "--norc", "--noprofile", "-i"], cwd=ROOT, env={"PS1": "prompt> "}) as terminal:
        terminal.wait_for("prompt>")
        terminal.type(shlex.join(guarded_command.argv) + "\r")
        terminal.wait_for(guarded_command.ready)
        terminal.wait_idle()
        terminal.press("ctrl+z")
        terminal.wait_for("Stopped")
        terminal.wait_for(lambda terminal: terminal.text.rstrip().endswith("prompt>"))
        terminal.type("fg\r")
        terminal.wait_for(guarded_command.ready)
        terminal.press("q")
        terminal.wait_for(lambda terminal: terminal.text.rstrip().endswith("prompt>"))


@pytest.mark.parametrize("data", [b"\xff", b"\xe9 ", b"\xc3("])
def test_a_byte_that_is_no_utf8_does_not_end_the_program(guarded_command: Program, data: bytes) -> None:
    with start(guarded_command) as terminal:
        terminal.wait_for(guarded_command.ready)
        terminal.write(data)
        terminal.wait_idle()
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
        assert "Traceback" not in terminal.text
        assert terminal.leftovers == []


def test_ctrl_z_without_a_shell_does_not_stop_the_program() -> None:
    with start(SMALL_APP) as terminal:
        terminal.wait_for(SMALL_APP.ready)
        terminal.press("ctrl+z")
        terminal.wait_for("There is no shell here")
        terminal.press("q")
        assert terminal.wait_for_exit() == 0


# The terminal is taken away


def test_a_hang_up_ends_the_process(guarded_command: Program) -> None:
    with start(guarded_command) as terminal:
        terminal.wait_for(guarded_command.ready)
        terminal.hang_up()
        assert terminal.wait_for_exit() == HUNG_UP


def test_a_hang_up_ends_the_process_that_was_started_to_ignore_it(guarded_command: Program) -> None:
    with start_in_shell(guarded_command, "trap '' HUP; exec {command}") as terminal:
        terminal.wait_for(guarded_command.ready)
        terminal.hang_up()
        assert terminal.wait_for_exit() == HUNG_UP


def test_a_lost_terminal_ends_the_process_that_gets_no_signal(guarded_command: Program) -> None:
    with start_in_shell(guarded_command, ORPHANED) as terminal:
        terminal.wait_for(guarded_command.ready)
        [program] = terminal.children()
        terminal.hang_up()
        assert terminal.wait_for_exit() == HUNG_UP
        assert not is_running(program)


def test_waiting_costs_no_processor_time(guarded_command: Program) -> None:
    with start(guarded_command) as terminal:
        terminal.wait_for(guarded_command.ready)
        terminal.wait_idle()
        before = terminal.cpu_seconds()
        terminal.wait_idle(quiet=2.0)
        assert terminal.cpu_seconds() - before < 0.2


# No terminal at all


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("{command} </dev/null", "Standard input is not a terminal"),
        ("echo q | {command}", "Standard input is not a terminal"),
        ("{command} <&-", "Standard input is not a terminal"),
        ("{command} 2>$HOME/errors; status=$?; cat $HOME/errors; exit $status", "Standard error is not a terminal"),
        ("TERM=dumb {command}", "TERM is dumb"),
        ("TERM= {command}", "TERM is empty"),
    ],
)
def test_without_a_usable_terminal_it_says_so_and_ends(guarded_command: Program, script: str, said: str) -> None:
    with start_in_shell(guarded_command, script) as terminal:
        terminal.wait_for(said)
        assert terminal.wait_for_exit() == 1
        assert b"\x1b" not in terminal.raw


def test_with_nothing_but_pipes_it_says_so_and_ends(guarded_command: Program) -> None:
    result = subprocess.run(
        guarded_command.argv, cwd=ROOT, input="q", capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert "Standard input is not a terminal" in result.stderr


# Sizes


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (39, 40), (140, 9)])
def test_a_window_that_is_too_small_says_so(guarded_command: Program, size: tuple[int, int]) -> None:
    with start(guarded_command) as terminal:
        terminal.wait_for(guarded_command.ready)
        terminal.resize(*size)
        terminal.wait_for("Too small"[: size[0]])
        assert guarded_command.ready not in terminal.text
        terminal.resize(100, 30)
        terminal.wait_for(guarded_command.ready)
        terminal.press("q")
        assert terminal.wait_for_exit() == 0


@pytest.mark.parametrize("size", [(20, 5), (1, 1)])
def test_started_too_small_it_comes_up_when_the_window_grows(guarded_command: Program, size: tuple[int, int]) -> None:
    with start(guarded_command, columns=size[0], rows=size[1]) as terminal:
        terminal.wait_for("Too small"[: size[0]])
        terminal.resize(100, 30)
        terminal.wait_for(guarded_command.ready)
        terminal.press("q")
        assert terminal.wait_for_exit() == 0


def test_a_dialog_opened_while_too_small_shows_when_the_window_grows() -> None:
    with start(SMALL_APP) as terminal:
        terminal.wait_for(SMALL_APP.ready)
        terminal.resize(1, 1)
        terminal.wait_for("T")
        terminal.press("d")
        terminal.resize(100, 30)
        terminal.wait_for("in a dialog")


def test_growing_back_to_the_smallest_size_repaints_everything() -> None:
    with start(SMALL_APP, columns=40, rows=10) as terminal:
        terminal.wait_for(SMALL_APP.ready)
        terminal.wait_idle()
        whole = terminal.screen
        terminal.resize(39, 9)
        terminal.wait_for("Too small")
        terminal.resize(40, 10)
        terminal.wait_for(SMALL_APP.ready)
        terminal.wait_for(lambda terminal: terminal.screen == whole)


@pytest.mark.parametrize("started_so", [True, False])
def test_a_very_large_window_is_filled(guarded_command: Program, started_so: bool) -> None:
    with start(guarded_command, columns=300 if started_so else 80, rows=100 if started_so else 24) as terminal:
        terminal.wait_for(guarded_command.ready)
        terminal.resize(300, 100)
        terminal.wait_idle()
        terminal.press("q")
        assert terminal.wait_for_exit() == 0


def test_columns_and_lines_of_the_environment_do_not_hide_the_size(guarded_command: Program) -> None:
    with start(guarded_command, env={"COLUMNS": "10", "LINES": "3"}) as terminal:
        terminal.wait_for(guarded_command.ready)


# Faults


@pytest.mark.parametrize("key", ["x", "w", "t"], ids=["handler", "worker", "thread"])
def test_a_crash_restores_the_terminal_and_shows_no_local_variable(key: str) -> None:
    with start(SMALL_APP) as terminal:
        terminal.wait_for(SMALL_APP.ready)
        mark = terminal.mark()
        terminal.press(key)
        assert terminal.wait_for_exit() == 1
        assert terminal.leftovers == []
        assert terminal.since(mark).count(b"RuntimeError: crash on request") == 1
        assert CANARY.encode() not in terminal.raw


def test_a_crash_writes_no_control_characters_of_its_message() -> None:
    with start(SMALL_APP) as terminal:
        terminal.wait_for(SMALL_APP.ready)
        terminal.press("e")
        terminal.wait_for_exit()
        assert terminal.clipboard == []
        assert "A>␛]52;c;aGVsbG8=␇⟨U+009B⟩31m⟨U+202E⟩<B" in "".join(terminal.screen)


def test_a_fault_in_a_style_sheet_is_printed_once() -> None:
    script = (
        "from regbrowse.tui.guards import GuardedApp, run_app\n"
        "class BrokenApp(GuardedApp): CSS = 'Screen { colour: red; }'\n"
        "raise SystemExit(run_app(BrokenApp()))"
    )
    with Terminal([sys.executable, "-c", script], cwd=ROOT) as terminal:
        assert terminal.wait_for_exit() == 1
        assert terminal.leftovers == []
        assert terminal.text.count("Invalid CSS property") == 1
        assert "This is a fault in regbrowse" not in terminal.text


# Beyond the terminal


@pytest.mark.parametrize("connection", ["SSH_CONNECTION", "SSH_TTY"])
def test_a_link_is_copied_and_not_opened_over_ssh(connection: str, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\ntouch {opened}\n")
    browser.chmod(0o700)
    env = {connection: "192.0.2.1 1 192.0.2.2 22", "DISPLAY": "localhost:10.0", "BROWSER": str(browser)}
    with start(SMALL_APP, env=env) as terminal:
        terminal.wait_for(SMALL_APP.ready)
        terminal.press("u")
        terminal.wait_for("Copied: https://registry.example/")
        terminal.press("q")
        terminal.wait_for_exit()
    assert not opened.exists()


class PasswordApp(GuardedApp):
    def compose(self) -> ComposeResult:
        yield Input("hunter2", password=True)


async def test_a_password_is_neither_copied_nor_shown() -> None:
    app = PasswordApp()
    async with app.run_test(notifications=True) as pilot:
        app.query_one(Input).select_all()
        await pilot.press("ctrl+c")
        assert app.clipboard == ""
        assert [toast.message for toast in app._notifications] == ["A password is not copied."]


def test_no_color_writes_no_colour_and_shows_the_cursor() -> None:
    with start(SMALL_APP, env={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("row 0")
        terminal.press("down")
        terminal.wait_for(lambda terminal: terminal.cell_style(*terminal.find("row 1")).underline)
        styles = {terminal.cell_style(column, row) for column in range(100) for row in range(30)}
        assert {(style.foreground, style.background) for style in styles} == {("default", "default")}
