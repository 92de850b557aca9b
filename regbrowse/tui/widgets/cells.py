"""Text measured in the cells of a terminal, where `漢` takes two and a combining mark none.

The text is safe already (`regbrowse.registry.text`), so what of it is ASCII takes a cell for each character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len, set_cell_size, split_graphemes

from regbrowse.registry.text import MARKS_LIMIT, SafeText

_CHARACTERS_PER_CELL: Final = MARKS_LIMIT + 2
_WORDS: Final = re.compile(r"\s*\S+|\s+")
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"


def _beginning(text: str, cells: int) -> str:
    """Enough of `text` for `cells`: what is never shown need not be measured."""
    return text[: max(cells, 0) * _CHARACTERS_PER_CELL]


def fits(text: str, cells: int) -> bool:
    """Whether `text` takes no more than `cells`. Of a long text no more is measured than that takes."""
    if text.isascii():
        return len(text) <= cells
    return len(text) <= cells * _CHARACTERS_PER_CELL and cell_len(text) <= cells


def split_at(text: str, cells: int) -> tuple[str, str]:
    """As much of the beginning of `text` as fits into `cells`, no character torn apart, and what remains."""
    if text.isascii():
        return text[: max(cells, 0)], text[max(cells, 0) :]
    used = end = 0
    for _, stop, size in split_graphemes(_beginning(text, cells))[0]:
        used += size
        if used > cells:
            break
        end = stop
    return text[:end], text[end:]


def cut(text: str, cells: int) -> str:
    """The beginning of `text` that fits into `cells`."""
    return text if fits(text, cells) else split_at(text, cells)[0]


def elided(text: str, cells: int) -> str:
    """`text` if it fits into `cells`, else its beginning and an ellipsis."""
    if fits(text, cells):
        return text
    return split_at(text, cells - 1)[0].rstrip() + "…" if cells > 0 else ""


def column(text: str, cells: int, *, right: bool = False) -> str:
    """`text` in exactly `cells`: elided where it is too long, padded where it is short.

    Args:
        text: What to show.
        cells: Width of the column.
        right: Align at the right, as numbers are.
    """
    shown = elided(text, cells)
    if right:
        return " " * (cells - cell_len(shown)) + shown
    return set_cell_size(shown, max(cells, 0))


def wrap(text: SafeText, cells: int) -> tuple[SafeText, ...]:
    """Break `text` into lines of at most `cells`, between words where that is possible.

    Args:
        text: One line or several. The indentation of each stays at its first piece.
        cells: Width of a line; at least 2 are taken, for a wide character needs them.

    Returns:
        At least one line, none with a line feed in it.
    """
    width = max(cells, 2)
    return tuple(SafeText(line) for paragraph in text.split("\n") for line in _wrapped(paragraph, width))


def _wrapped(text: str, width: int) -> Iterator[str]:
    line, left = "", width
    for word in [text] if fits(text, width) else _WORDS.findall(text):
        if line and not fits(word, left):
            yield line
            line, left = "", width
            word = word.lstrip()
        while not fits(word, width):
            head, word = split_at(word, width)
            yield head
        line += word
        left -= cell_len(word)
    if line or not text:
        yield line


def bar(part: int, whole: int, cells: int) -> str:
    """A bar of exactly `cells`, filled as far as `part` is of `whole`: at least a sliver, unless `part` is 0."""
    eighths = round(8 * cells * part / whole) if whole > 0 else 0
    eighths = min(max(eighths, 1 if part > 0 else 0), 8 * cells)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(cells)
