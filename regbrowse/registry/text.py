"""Text that came from somewhere else, made safe for a terminal once, where it is parsed.

Textual and Rich write escape sequences, C1 controls, NUL and bidirectional controls through to the terminal.
So every string from a registry, a configuration file or an error becomes `SafeText` at the model boundary, and
widgets take nothing else. What was removed stays visible as a picture: a hidden character is a fact about the image.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import Final

LINE_LIMIT: Final = 4_096
"""Characters kept of a text that is shown on one line."""

TEXT_LIMIT: Final = 65_536
"""Characters kept of a text that may have several lines."""

MARKS_LIMIT: Final = 8
"""Combining marks kept after one base character: more is a stack that leaves its line."""


class SafeText(str):
    """A string without control characters, invisible formatting or, unless asked for, line breaks."""

    __slots__ = ()


def _pictures() -> dict[int, str]:
    table = {code: chr(0x2400 + code) for code in range(0x20)}
    table |= {0x7F: "␡", ord("\t"): "    ", ord("\n"): "↵", ord("\r"): "␍"}
    invisible = [
        *range(0x80, 0xA0),  # C1 controls: 0x9B alone opens an escape sequence
        0xAD,
        0x034F,
        0x061C,
        0x115F,
        0x1160,
        0x17B4,
        0x17B5,
        *range(0x180B, 0x1810),
        *range(0x200B, 0x200D),  # zero-width space and non-joiner; the joiner U+200D has a rule of its own
        *range(0x200E, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
        0x3164,
        *range(0xFE00, 0xFE0E),  # variation selectors but for the two that emoji need
        0xFEFF,
        0xFFA0,
        *range(0xFFF0, 0xFFFC),
        *range(0x1BCA0, 0x1BCA4),
        *range(0x1D173, 0x1D17B),
    ]
    table |= {code: f"⟨U+{code:04X}⟩" for code in invisible}
    return table


_JOINER: Final = "\u200d"
_PICTURES: Final = _pictures()
_PICTURES_MULTILINE: Final = {**_PICTURES, ord("\n"): "\n"}
_BEYOND: Final = re.compile("[\ud800-\udfff\U000e0000-\U000e0fff]")
_MAY_STACK: Final = re.compile(f"[^\\x00-\u02ff]{{{MARKS_LIMIT + 1},}}")
_STRAY_JOINER: Final = re.compile(f"(?<![^\\x00-\u1fff{_JOINER}]){_JOINER}|{_JOINER}(?![^\\x00-\u1fff{_JOINER}])")
"""A joiner that does not stand between two symbols: emoji need those, everywhere else it only hides."""


def safe_text(text: str, *, multiline: bool = False, limit: int | None = None) -> SafeText:
    """Give `text` with everything that could act on a terminal replaced by something visible.

    Args:
        text: Any string, also one with lone surrogates.
        multiline: Keep line feeds; otherwise they become `↵`.
        limit: Characters kept; what is cut is counted at the end. `LINE_LIMIT` or `TEXT_LIMIT` if not given.

    Returns:
        The safe text; at most ten times `limit`, since what was one character may be shown as ten. A `SafeText` comes
        back as it is, unless it has line feeds and may not, or is longer than a `limit` that is given.
    """
    if type(text) is SafeText and (multiline or "\n" not in text) and (limit is None or len(text) <= limit):
        return text
    if limit is None:
        limit = TEXT_LIMIT if multiline else LINE_LIMIT
    cut = len(text) - limit
    if cut > 0:
        text = text[:limit]
    if not (text.isascii() and text.isprintable()):
        text = text.translate(_PICTURES_MULTILINE if multiline else _PICTURES)
        text = _BEYOND.sub(_picture, text)
        text = _MAY_STACK.sub(_unstacked, text)
        text = _STRAY_JOINER.sub(_picture, text)
    return SafeText(f"{text}… +{cut:,}" if cut > 0 else text)


def safe_lines(texts: Collection[str]) -> tuple[SafeText, ...]:
    """Each of `texts` made safe for one line; sooner than one by one if, as usual, they are all plain."""
    together = "".join(texts)
    if together.isascii() and together.isprintable() and max(map(len, texts), default=0) <= LINE_LIMIT:
        return tuple(map(SafeText, texts))
    return tuple(map(safe_text, texts))


def _picture(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match[0]):04X}⟩"


def _unstacked(match: re.Match[str]) -> str:
    kept, marks = [], 0
    for character in match[0]:
        takes_no_room = character == _JOINER or unicodedata.category(character) in ("Mn", "Me")
        marks = marks + 1 if takes_no_room else 0
        if marks <= MARKS_LIMIT:
            kept.append(character)
    return "".join(kept)
