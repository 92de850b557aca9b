"""Text that came from somewhere else, made safe for a terminal once, where it is parsed.

Textual and Rich write escape sequences, C1 controls, NUL and bidirectional controls through to the terminal.
So every string from a registry, a configuration file or an error becomes `SafeText` at the model boundary, and
widgets take nothing else. What was removed stays visible as a picture: a hidden character is a fact about the image.
"""

from __future__ import annotations

import re
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
        0x061C,
        0x115F,
        0x1160,
        0x180E,
        *range(0x200B, 0x200D),  # zero-width space and non-joiner; the joiner U+200D stays, emoji need it
        *range(0x200E, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
        0x3164,
        0xFEFF,
        0xFFA0,
        *range(0xFFF0, 0xFFFC),
    ]
    table |= {code: f"⟨U+{code:04X}⟩" for code in invisible}
    return table


_PICTURES: Final = _pictures()
_PICTURES_MULTILINE: Final = {**_PICTURES, ord("\n"): "\n"}
_BEYOND: Final = re.compile("[\ud800-\udfff\U000e0000-\U000e0fff]")
_NOT_PLAIN: Final = re.compile(r"[^\x20-\x7e]")
_MARKS: Final = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
    f"{{{MARKS_LIMIT}}})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]+"
)


def safe_text(text: str, *, multiline: bool = False, limit: int | None = None) -> SafeText:
    """Give `text` with everything that could act on a terminal replaced by something visible.

    Args:
        text: Any string, also one with lone surrogates.
        multiline: Keep line feeds; otherwise they become `↵`.
        limit: Characters kept; what is cut is counted at the end. `LINE_LIMIT` or `TEXT_LIMIT` if not given.

    Returns:
        The safe text. Text that is safe already comes back equal.
    """
    if type(text) is SafeText:
        return text
    if limit is None:
        limit = TEXT_LIMIT if multiline else LINE_LIMIT
    cut = len(text) - limit
    if cut > 0:
        text = text[:limit]
    if _NOT_PLAIN.search(text):
        text = text.translate(_PICTURES_MULTILINE if multiline else _PICTURES)
        text = _BEYOND.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)
        text = _MARKS.sub(r"\1", text)
    return SafeText(f"{text}… +{cut:,}" if cut > 0 else text)
