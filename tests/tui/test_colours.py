"""The real program on terminals of many colours, of few and of none: it stays readable, and the cursor is seen."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import pytest

from tests.emulator import CellStyle
from tests.terminal import Terminal

COLUMNS, ROWS = 120, 30
CHANGE_OF_STYLE: Final = re.compile(rb"\x1b\[([0-9;:]*)m")

TERMINALS: Final[Mapping[str, Mapping[str, str | None]]] = {
    "truecolor": {},
    "256 colours": {"TERM": "screen-256color", "COLORTERM": None},
    "16 colours": {"TERM": "xterm", "COLORTERM": None},
    "console": {"TERM": "linux", "COLORTERM": None},
    "no colour": {"NO_COLOR": "1"},
    "no colour of 16": {"NO_COLOR": "1", "TERM": "xterm", "COLORTERM": None},
}

WITHOUT_COLOUR: Final = {"0", "1", "2", "3", "4", "7", "39", "49"}
"""Bold, dim, italic, underline, reverse, and the terminal's own two colours."""

SIXTEEN: Final = WITHOUT_COLOUR | {str(code) for first in (30, 40, 90, 100) for code in range(first, first + 8)}

anywhere = pytest.mark.parametrize("terminal", TERMINALS)


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of the program on one terminal.

    Attributes:
        changes: Every change of style that was written, as `1;39;49`.
        backgrounds: Of all cells, of the panes and of a dialog over them.
        rows: The row with the cursor, and the one below it, in each of two lists.
        titles: Of the pane with the focus, and of another one.
        tabs: The one that is shown, and another one.
    """

    changes: frozenset[str]
    backgrounds: frozenset[str]
    rows: tuple[tuple[CellStyle, CellStyle], ...]
    titles: tuple[CellStyle, CellStyle]
    tabs: tuple[CellStyle, CellStyle]

    @property
    def codes(self) -> set[str]:
        return {code for change in self.changes for code in change.split(";")}


@cache
def sight(name: str) -> Sight:
    """Walk through the panes, the tabs and two dialogs."""
    argv = [sys.executable, "-m", "regbrowse", "--demo"]
    with Terminal(argv, columns=COLUMNS, rows=ROWS, env=TERMINALS[name]) as terminal:
        terminal.wait_for("accounts/admin")
        terminal.press("j")
        rows = [rows_at_cursor(terminal)]
        titles = style_of(terminal, "2 Repositories"), style_of(terminal, "3 Tags")
        terminal.press("l")
        terminal.wait_for("CREATED")
        rows.append(rows_at_cursor(terminal))
        terminal.press("l")
        terminal.wait_for("STEP")
        tabs = style_of(terminal, "History   Config"), style_of(terminal, "Config   Layers")
        grounds = backgrounds(terminal)
        for keys, seen in [("]", "Start"), ("]]", '": {'), ("?", "Moving"), ("\x1b", '": {'), ("Y", "docker pull")]:
            terminal.type(keys)
            terminal.wait_for(seen)
        changes = frozenset(change.decode() for change in CHANGE_OF_STYLE.findall(terminal.raw))
        grounds |= backgrounds(terminal)
    return Sight(changes, grounds, tuple(rows), titles, tabs)


def backgrounds(terminal: Terminal) -> frozenset[str]:
    return frozenset(terminal.cell_style(column, row).background for column in range(COLUMNS) for row in range(ROWS))


def style_of(terminal: Terminal, text: str) -> CellStyle:
    """How the first cell of `text` is drawn."""
    return terminal.cell_style(*terminal.find(text))


def rows_at_cursor(terminal: Terminal) -> tuple[CellStyle, CellStyle]:
    """How the row under the cursor, that is in bold, and the one below it are drawn."""

    def mark() -> tuple[int, int] | None:
        places = [(line.rfind("▌"), number) for number, line in enumerate(terminal.screen) if "▌" in line]
        focused = [place for place in places if terminal.cell_style(*place).bold]
        return focused[-1] if focused else None

    terminal.wait_for(lambda _: mark() is not None)
    terminal.wait_idle()
    place = mark()
    assert place is not None
    return terminal.cell_style(place[0] + 2, place[1]), terminal.cell_style(place[0] + 2, place[1] + 1)


@pytest.mark.parametrize("terminal", ["no colour", "no colour of 16"])
def test_no_color_writes_no_colour_anywhere(terminal: str) -> None:
    assert sight(terminal).codes <= WITHOUT_COLOUR


@pytest.mark.parametrize("terminal", ["16 colours", "console"])
def test_sixteen_colours_are_not_written_as_more(terminal: str) -> None:
    assert sight(terminal).codes <= SIXTEEN


@pytest.mark.parametrize("terminal", ["16 colours", "console"])
def test_sixteen_colours_stand_on_the_terminals_own_background(terminal: str) -> None:
    assert sight(terminal).backgrounds == {"default"}


def test_256_colours_are_not_written_as_more() -> None:
    assert [change for change in sight("256 colours").changes if re.search("[34]8;2;", change)] == []


def test_256_colours_are_used() -> None:
    assert [change for change in sight("256 colours").changes if "48;5;" in change] != []


def test_truecolor_keeps_the_ground_and_the_bars_of_harbour() -> None:
    assert {"10161d", "1c2631"} <= sight("truecolor").backgrounds


@anywhere
def test_the_row_of_the_cursor_is_distinguished(terminal: str) -> None:
    for under, below in sight(terminal).rows:
        assert (under.background, under.reverse) != (below.background, below.reverse)


@anywhere
def test_the_pane_with_the_focus_is_distinguished_without_its_colour(terminal: str) -> None:
    focused, other = sight(terminal).titles
    assert (focused.bold, focused.reverse) != (other.bold, other.reverse)


@anywhere
def test_the_tab_that_is_shown_is_distinguished_without_its_colour(terminal: str) -> None:
    shown, other = sight(terminal).tabs
    assert (shown.underline, other.underline) == (True, False)
