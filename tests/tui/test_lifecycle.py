"""However the real program ends, while whatever is under way: the terminal is as it was, and nothing stays behind.

What holds for every guarded program is in `test_guards.py`; here are the ends that need a registry.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from regbrowse.tui.lifecycle import HUNG_UP
from tests.registry_server import Content, RegistryServer
from tests.terminal import Terminal
from tests.tui.apps.guarded import CANARY

ROOT: Final = Path(__file__).parents[2]
REGBROWSE: Final = (sys.executable, "-m", "regbrowse")


def members(session: int) -> list[int]:
    """The processes of a session that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.fixture
def silent() -> Iterator[RegistryServer]:
    """A registry that takes requests and answers none."""
    content = Content()
    content.add_image("team/app", "1.0")
    with RegistryServer(content) as server:
        server.fault("GET ", "hang", times=None)
        yield server


@pytest.fixture
def loading(silent: RegistryServer) -> Iterator[Terminal]:
    """The program while its first request hangs."""
    with Terminal([*REGBROWSE, f"http://{silent.address}"], columns=100, rows=30) as terminal:
        terminal.wait_for("Asking")
        silent.wait_for_requests(1)
        yield terminal
        assert members(terminal.pid) == []


SLEEPING: Final = """
import asyncio, pathlib, sys
from regbrowse.tui import lifecycle
def refuse(): raise PermissionError("It has another user.")
lifecycle.at_exit(refuse)
lifecycle.at_exit(lambda: pathlib.Path(sys.argv[1]).write_text("done"))
lifecycle.END_TIMEOUT = lifecycle.ORPHAN_INTERVAL = 0.05
async def main():
    with lifecycle.signals_handled(lambda status: None):
        print("ready", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("end", [signal.SIGHUP, signal.SIGTERM, None], ids=["SIGHUP", "SIGTERM", "lost terminal"])
def test_last_deeds_are_done_where_it_ends_at_once(end: signal.Signals | None, tmp_path: Path) -> None:
    note = tmp_path / "note"
    with Terminal([sys.executable, "-c", SLEEPING, str(note)], cwd=ROOT) as terminal:
        terminal.wait_for("ready")
        terminal.signal(end) if end else terminal.hang_up()
        assert terminal.wait_for_exit() == 128 + (end or signal.SIGHUP)
    assert note.read_text() == "done"


@pytest.mark.parametrize("is_hung_up", [True, False], ids=["hang up", "SIGHUP"])
def test_a_helper_does_not_outlive_a_lost_terminal(is_hung_up: bool, tmp_path: Path) -> None:
    helper, note = tmp_path / "docker-credential-slow", tmp_path / "pid"
    helper.write_text(f"#!/bin/sh\necho $$ > {note}.part\nmv {note}.part {note}\nexec sleep 60\n")
    helper.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DOCKER_CONFIG": str(tmp_path)}
    with RegistryServer(Content(), auth=("basic", "canary-user", "canary-pass")) as server:
        (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {server.address: "slow"}}))
        with Terminal([*REGBROWSE, f"http://{server.address}"], env=env) as terminal:
            terminal.wait_for(lambda _: note.exists())
            terminal.hang_up() if is_hung_up else terminal.signal(signal.SIGHUP)
            assert terminal.wait_for_exit() == HUNG_UP
            terminal.wait_for(lambda _: members(int(note.read_text())) == [])


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_it_is_left_while_a_request_hangs(loading: Terminal, key: str) -> None:
    loading.press(key)
    assert loading.wait_for_exit() == 0
    assert loading.leftovers == []


def test_sigterm_ends_it_while_a_request_hangs(loading: Terminal) -> None:
    loading.signal(signal.SIGTERM)
    assert loading.wait_for_exit() == 128 + signal.SIGTERM
    assert loading.leftovers == []


def test_a_hang_up_ends_it_while_a_request_hangs(loading: Terminal) -> None:
    loading.hang_up()
    assert loading.wait_for_exit() == HUNG_UP


def test_sighup_alone_ends_it_while_a_request_hangs(loading: Terminal) -> None:
    loading.signal(signal.SIGHUP)
    assert loading.wait_for_exit() == HUNG_UP


@pytest.mark.parametrize(("size", "seen"), [((20, 5), "Too small"), ((1, 1), "T"), ((300, 100), "Asking")])
def test_any_size_is_borne_while_a_list_is_loading(
    loading: Terminal, silent: RegistryServer, size: tuple[int, int], seen: str
) -> None:
    mark = loading.mark()
    loading.resize(*size)
    loading.wait_for(lambda terminal: terminal.mark() > mark and seen in terminal.text)
    silent.reset()
    silent.release()
    loading.resize(100, 30)
    loading.press("r")
    loading.wait_for("team/app")
    loading.press("q")
    assert loading.wait_for_exit() == 0
    assert loading.leftovers == []


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (300, 100)])
def test_any_size_is_borne_at_the_start(silent: RegistryServer, size: tuple[int, int]) -> None:
    with Terminal([*REGBROWSE, f"http://{silent.address}"], columns=size[0], rows=size[1]) as terminal:
        silent.wait_for_requests(1)
        terminal.resize(100, 30)
        terminal.wait_for("Asking")
        terminal.press("ctrl+q")
        assert terminal.wait_for_exit() == 0
        assert terminal.leftovers == []


@pytest.mark.parametrize(
    ("key", "seen", "end"),
    [
        ("?", "Moving", "ctrl+q"),
        ("o", "Open by name", "ctrl+c"),
        (":", "esc leaves", "ctrl+q"),
        ("Y", "Copy", "ctrl+c"),
        ("/", "/ x", "ctrl+q"),
        ("s", "│ x", "ctrl+c"),
    ],
    ids=["help", "open by name", "palette", "copy menu", "filter", "search"],
)
def test_it_is_left_from_a_dialog_or_a_text_box(key: str, seen: str, end: str) -> None:
    with Terminal([*REGBROWSE, "--demo"], columns=100, rows=30) as terminal:
        terminal.wait_for("accounts/")
        terminal.press(key)
        if key in "/s":
            terminal.type("x")
        terminal.wait_for(seen)
        terminal.press(end)
        assert terminal.wait_for_exit() == 0
        assert terminal.leftovers == []


@pytest.mark.parametrize("place", ["start", "repositories", "tags", "rows", "image"])
def test_a_fault_restores_the_terminal_and_shows_no_local_variable(place: str) -> None:
    with Terminal([sys.executable, "-m", "tests.tui.apps.failing", place], cwd=ROOT) as terminal:
        if place in ("tags", "rows", "image"):
            terminal.wait_for("team/app")
            terminal.press("enter")
        assert terminal.wait_for_exit() == 1
        assert terminal.leftovers == []
        assert terminal.raw.count(b"RuntimeError: crash on request") == 1
        assert CANARY.encode() not in terminal.raw
