"""The clipboard of the terminal the person sits at, by OSC 52: it works over SSH and needs no program here.

A terminal does not say whether it took the text, so the sentence for the toast always holds it as well.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from textual.app import App

from regbrowse.registry.text import SafeText, safe_text

SIZE_LIMIT: Final = 74_994
"""Bytes. Terminals take about 100,000 characters of base64."""

SHOWN: Final = 400
"""Characters of the copied text that the toast shows."""

_SCREEN_CHUNK: Final = 240
"""Characters that GNU screen hands through in one string."""

_WITHOUT_CLIPBOARD: Final = {"TERM_PROGRAM": "Apple_Terminal", "TERM": "linux"}


def copy(app: App[Any], text: str, environ: Mapping[str, str] = os.environ) -> SafeText:
    """Put `text` on the terminal's clipboard.

    Args:
        app: The running app, whose driver writes.
        text: Cleaned before it is written: what is pasted into a shell should be what was seen.
        environ: Tells tmux and GNU screen.

    Returns:
        The sentence for a toast, with the text in it.
    """
    clean = safe_text(text, multiline=True, limit=len(text))
    size = len(clean.encode())
    if size > SIZE_LIMIT:
        return _shown(f"Not copied: {size:,} bytes, and terminals take {SIZE_LIMIT:,}. It begins", clean)
    # Textual's own method also keeps the text for pasting inside the app
    App.copy_to_clipboard(app, clean)
    if app._driver is not None:
        app._driver.write(wrapped_sequence(clean, environ))
    if any(environ.get(name) == value for name, value in _WITHOUT_CLIPBOARD.items()):
        return _shown("This terminal has no clipboard for programs, select it here", clean)
    if environ.get("TMUX"):
        return _shown("Copied, if tmux has set-clipboard on", clean)
    return _shown("Copied", clean)


def clipboard_sequence(text: SafeText) -> str:
    """The sequence that puts `text` on a terminal's clipboard."""
    return f"\x1b]52;c;{b64encode(text.encode()).decode()}\a"


def wrapped_sequence(text: SafeText, environ: Mapping[str, str]) -> str:
    """The same, handed through the multiplexer in which we run to the terminal around it; empty without one.

    It goes beside the plain sequence, not in its place: tmux takes the plain one with `set-clipboard on`, and hands
    this one through with `allow-passthrough on`.
    """
    sequence = clipboard_sequence(text)
    kind = environ.get("TERM", "")
    if environ.get("TMUX") or kind.startswith("tmux"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environ.get("STY") or kind.startswith("screen"):
        chunks = [sequence[start : start + _SCREEN_CHUNK] for start in range(0, len(sequence), _SCREEN_CHUNK)]
        return "".join(f"\x1bP{chunk}\x1b\\" for chunk in chunks)
    return ""


def _shown(what: str, text: SafeText) -> SafeText:
    return safe_text(f"{what}: {safe_text(str(text), multiline=True, limit=SHOWN)}", multiline=True)
