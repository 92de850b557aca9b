"""The pty harness itself."""

from __future__ import annotations

import signal

import pytest

from tests.emulator import CellStyle, Emulator
from tests.terminal import Terminal


def shell(script: str, *, columns: int = 140, rows: int = 40) -> Terminal:
    return Terminal(["/bin/sh", "-c", script], columns=columns, rows=rows)


def test_screen_shows_what_was_written() -> None:
    with shell("printf 'one\\ntwo'") as terminal:
        terminal.wait_for("two")
        assert terminal.screen[:2] == ["one", "two"]


def test_the_program_has_a_controlling_terminal_of_the_given_size() -> None:
    with shell("stty size </dev/tty", columns=33, rows=7) as terminal:
        terminal.wait_for("7 33")


def test_resize_is_told_to_the_program() -> None:
    with shell("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done") as terminal:
        terminal.wait_for("ready")
        terminal.resize(61, 9)
        terminal.wait_for("9 61")


def test_keys_arrive() -> None:
    with shell("read line; echo got:$line") as terminal:
        terminal.type("abc")
        terminal.press("enter")
        terminal.wait_for("got:abc")
        assert terminal.wait_for_exit() == 0


def test_since_gives_only_the_bytes_after_the_mark() -> None:
    with shell("printf before; read line; printf after") as terminal:
        terminal.wait_for("before")
        mark = terminal.mark()
        terminal.press("enter")
        terminal.wait_for("after")
        assert terminal.since(mark).endswith(b"after")
        assert b"before" not in terminal.since(mark)


def test_wait_for_dumps_the_screen_when_in_vain() -> None:
    with shell("echo something else") as terminal, pytest.raises(AssertionError, match="something else"):
        terminal.wait_for("never")


def test_a_signal_is_the_negative_exit_status() -> None:
    with shell("echo ready; read line") as terminal:
        terminal.wait_for("ready")
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_for_exit() == -signal.SIGTERM


def test_hanging_up_sends_the_hang_up_signal() -> None:
    with shell("echo ready; read line") as terminal:
        terminal.wait_for("ready")
        terminal.hang_up()
        assert terminal.wait_for_exit() == -signal.SIGHUP


def test_the_home_of_the_user_is_not_seen() -> None:
    with shell("echo home:$HOME; env | grep -ci _proxy") as terminal:
        terminal.wait_for(f"home:{terminal.home}")
        terminal.wait_for("\n0")


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ("printf '\\033[?1049h\\033[?1049l'", []),
        ("printf '\\033[?1049h'", ["mode 1049 left on"]),
        ("printf '\\033[?25l'", ["mode 25 left off"]),
        ("printf '\\033[?1000;1003h\\033[?1000l'", ["mode 1003 left on"]),
        ("printf '\\033[>1u'", ["keyboard protocol left 1 levels up"]),
        ("stty -echo", ["line discipline changed"]),
    ],
)
def test_leftovers_names_what_was_not_put_back(script: str, left: list[str]) -> None:
    with shell(script) as terminal:
        terminal.wait_for_exit()
        assert terminal.leftovers == left
        assert terminal.restored is not bool(left)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
        (b"\x1b[?2048$p", b"\x1b[?2048;0$y"),
        (b"\x1b[c", b"\x1b[?62;22c"),
        (b"ab\x1b[6n", b"\x1b[1;3R"),
        (b"\x1b[5n", b"\x1b[0n"),
    ],
)
def test_questions_are_answered(question: bytes, answer: bytes) -> None:
    assert Emulator(20, 4).feed(question) == answer


@pytest.mark.parametrize(
    "sequence",
    [
        b"\x1b[>29u",
        b"\x1b[<u",
        b"\x1b[?2026h",
        b"\x1b[?1016h",
        b"\x1b[>4;2m",
        b"\x1b]52;c;aGk=\x07",
        b"\x1b]8;id=1;http://x/\x1b\\",
        b"\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\",
        b"\x1b(B",
        b"\x1b7",
        b"\xe2\x80\x8d",
        b"\x1b\x1b7",
        b"\x1b[12\x1b7",
        b"\x1b]0;title\x1b7",
    ],
)
@pytest.mark.parametrize("cut", [False, True])
def test_sequences_leave_no_trace_on_the_screen(sequence: bytes, cut: bool) -> None:
    emulator = Emulator(20, 2)
    whole = b"a" + sequence + b"b"
    for piece in [whole[index : index + 1] for index in range(len(whole))] if cut else [whole]:
        emulator.feed(piece)
    assert emulator.screen.display[0].rstrip() == "ab"


def test_wide_characters_take_two_cells() -> None:
    emulator = Emulator(10, 1)
    emulator.feed("漢x👩\u200d🚀y".encode())
    assert emulator.screen.buffer[0][2].data == "x"
    assert emulator.screen.display[0].startswith("漢x👩🚀y")


def test_the_alternate_screen_hides_the_primary_one() -> None:
    emulator = Emulator(10, 1)
    emulator.feed(b"shell\x1b[?1049happ")
    inside = emulator.screen.display[0].rstrip()
    emulator.feed(b"\x1b[?1049l")
    assert (inside, emulator.screen.display[0].rstrip()) == ("app", "shell")


def test_cell_style_reads_colour_and_attributes() -> None:
    with shell("printf '\\033[1;7;38;2;1;2;3mX'; read line") as terminal:
        terminal.wait_for("X")
        assert terminal.cell_style(*terminal.find("X")) == CellStyle("010203", "default", True, False, False, True)
