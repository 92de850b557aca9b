"""A terminal emulator for tests: what the program's bytes look like, and what a terminal answers to them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pyte
from wcwidth import wcwidth

ALTERNATE_SCREEN: Final = frozenset({47, 1047, 1049})
MODES_SET_AT_START: Final = frozenset({7, 25})
"""Wrap at the margin, and the visible cursor. All other private modes start reset."""

_SEQUENCE: Final = re.compile(
    rb"(?P<text>[^\x1b]+)"
    rb"|\x1b\[(?P<prefix>[<=>?]?)(?P<parameters>[0-9:;]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    rb"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    rb"|\x1b(?P<string>[PX^_][^\x1b]*(?:\x1b[^\\][^\x1b]*)*\x1b\\)"
    rb"|\x1b(?P<escape>[ -/]*[0-OQ-WYZ\\`-~])"
    rb"|(?P<broken>\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*(?=\x1b[^\\]))?(?=[\x00-\x1f\x7f-\xff]))",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class CellStyle:
    """How one cell is drawn. Colours are `default`, a name such as `red`, or six hexadecimal digits."""

    foreground: str
    background: str
    bold: bool
    italic: bool
    underline: bool
    reverse: bool


class _Screen(pyte.Screen):
    """A pyte screen whose `draw` goes on after a character of no width, where pyte drops the rest of the run."""

    def draw(self, data: str) -> None:
        if not data.isascii():
            data = "".join(char for char in data if wcwidth(char) > 0 or unicodedata.combining(char))
        super().draw(data)

    @property
    def display(self) -> list[str]:
        """The lines. Of a wide character that was half written over, the other half is blank; pyte would fail."""
        return ["".join(self._shown(row)) for row in range(self.lines)]

    def _shown(self, row: int) -> Iterator[str]:
        cells = [self.buffer[row][column].data for column in range(self.columns)]
        for column, cell in enumerate(cells):
            is_wide = bool(cell) and wcwidth(cell[0]) == 2
            if is_wide and cells[column + 1 : column + 2] == [""]:
                yield cell
            elif is_wide or (not cell and (column == 0 or not cells[column - 1] or wcwidth(cells[column - 1][0]) < 2)):
                yield " "
            else:
                yield cell


class Emulator:
    """The terminal: takes what the program writes, gives what it answers, and remembers the modes.

    Args:
        columns: Width in cells.
        rows: Height in lines.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self._primary = _Screen(columns, rows)
        self._alternate = _Screen(columns, rows)
        self._stream = pyte.ByteStream(self._primary)
        self._pending = b""
        self.screen = self._primary
        self.modes: set[int] = set(MODES_SET_AT_START)
        self.keyboard_levels = 0
        self.links: list[bytes] = []
        self.clipboard: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        """Draw `data`, and give the bytes with which a terminal answers the questions in it."""
        data = self._pending + data
        answers, drawable, position = b"", bytearray(), 0
        while match := _SEQUENCE.match(data, position):
            position = match.end()
            if match["text"] is not None or match["escape"] is not None:
                drawable += match[0]
            elif match["final"] is not None:
                if self._is_switch(match):
                    self._draw(drawable)
                answers += self._control(match, drawable)
            elif match["osc"] is not None:
                self._operating_system_command(match["osc"])
        self._pending = data[position:]
        self._draw(drawable)
        return answers

    def resize(self, columns: int, rows: int) -> None:
        """Give both screens a new size."""
        for screen in (self._primary, self._alternate):
            screen.resize(rows, columns)

    def _draw(self, drawable: bytearray) -> None:
        if drawable:
            self._stream.feed(bytes(drawable))
            drawable.clear()

    @staticmethod
    def _is_switch(match: re.Match[bytes]) -> bool:
        return match["prefix"] == b"?" and match["final"] in b"hl"

    def _control(self, match: re.Match[bytes], drawable: bytearray) -> bytes:
        kind = (match["prefix"], match["between"], match["final"])
        if self._is_switch(match):
            for mode in match["parameters"].split(b";"):
                self._set_mode(int(mode or b"0"), on=match["final"] == b"h")
        elif kind == (b"?", b"$", b"p"):
            mode = int(match["parameters"])
            return b"\x1b[?%d;%d$y" % (mode, 2 if mode == 2026 else 0)
        elif kind == (b"", b"", b"c"):
            return b"\x1b[?62;22c"
        elif kind == (b"", b"", b"n"):
            self._draw(drawable)
            cursor = self.screen.cursor
            return b"\x1b[%d;%dR" % (cursor.y + 1, cursor.x + 1) if match["parameters"] == b"6" else b"\x1b[0n"
        elif kind == (b">", b"", b"u"):
            self.keyboard_levels += 1
        elif kind == (b"<", b"", b"u"):
            self.keyboard_levels -= 1
        elif kind[:2] == (b"", b""):
            drawable += match[0]
        return b""

    def _set_mode(self, mode: int, *, on: bool) -> None:
        was_alternate = bool(self.modes & ALTERNATE_SCREEN)
        (self.modes.add if on else self.modes.discard)(mode)
        is_alternate = bool(self.modes & ALTERNATE_SCREEN)
        if is_alternate is not was_alternate:
            if is_alternate:
                self._alternate.reset()
            self.screen = self._alternate if is_alternate else self._primary
            self._stream.listener = None
            self._stream.attach(self.screen)
        if mode in (7, 25):
            (self.screen.set_mode if on else self.screen.reset_mode)(mode, private=True)

    def _operating_system_command(self, command: bytes) -> None:
        number, _, rest = command.partition(b";")
        if number == b"8":
            self.links.append(rest.partition(b";")[2])
        elif number == b"52":
            self.clipboard.append(rest.partition(b";")[2])
