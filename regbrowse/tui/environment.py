"""What the process's surroundings say about the screen. Imports no Textual, so that it can run before it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import IO, Final

from regbrowse.registry.text import SafeText, safe_text

REMOTE_ESCAPE_DELAY: Final = "250"
"""Milliseconds to wait whether a lone escape byte begins an arrow key, over a connection that may stutter."""

_TELLTALE: Final = frozenset({"devtools", "debug"})
"""Features of Textual that tell another program what happens, each key included."""

_PLAINLY: Final = "regbrowse --check TARGET needs no screen."


def prepare_environment(environ: MutableMapping[str, str]) -> None:
    """Set what Textual reads once, while it is imported: call this before.

    Args:
        environ: The process environment. What the user set stays, but for `COLUMNS` and `LINES`: as numbers that
            do not follow the window they would hide its real size. And but for what has Textual write every key down,
            those of a password too.
    """
    environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    if is_remote(environ):
        environ.setdefault("ESCDELAY", REMOTE_ESCAPE_DELAY)
    for name in ("COLUMNS", "LINES", "TEXTUAL_LOG", "TEXTUAL_DEBUG"):
        environ.pop(name, None)
    if features := environ.pop("TEXTUAL", ""):
        kept = [feature for feature in features.split(",") if feature.strip().lower() not in _TELLTALE]
        if kept:
            environ["TEXTUAL"] = ",".join(kept)


def check_terminal(environ: Mapping[str, str], stdin: IO[str] | None, stderr: IO[str] | None) -> SafeText | None:
    """Say why no screen can be shown, and what to do about it.

    Textual reads standard input and draws on standard error; without a terminal on either it would hang.

    Args:
        environ: The process environment.
        stdin: `sys.__stdin__`.
        stderr: `sys.__stderr__`.

    Returns:
        The sentences for the user, or None if a screen can be shown.
    """
    if not _is_terminal(stdin):
        return safe_text(
            "Standard input is not a terminal, so there are no keys to read. Start regbrowse without a pipe or `<`; "
            f"over SSH with `ssh -t`, in a container with `docker run -it`. {_PLAINLY}"
        )
    if not _is_terminal(stderr):
        return safe_text(
            "Standard error is not a terminal, and the screen is drawn there. Start regbrowse without `2>`. "
            f"For a record of what it does use --log FILE. {_PLAINLY}"
        )
    kind = environ.get("TERM", "")
    if kind in ("", "dumb", "unknown"):
        return safe_text(
            f"This terminal cannot place text (TERM is {kind or 'empty'}). Set TERM to what it is, "
            f"for example TERM=xterm-256color, and start again. {_PLAINLY}"
        )
    return None


def is_remote(environ: Mapping[str, str]) -> bool:
    """Does the person sit at another machine, behind SSH?"""
    return any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))


def has_desktop(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Would a web browser that is started here open where the person can see it?"""
    if is_remote(environ):
        return False
    return platform == "darwin" or any(environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def can_be_suspended() -> bool:
    """Is there a shell that can bring a stopped program back? Not under `ssh -t host regbrowse`, for one.

    A shell with job control puts each job into a process group of its own, inside its session.
    """
    return os.getpgrp() != os.getsid(0)


def _is_terminal(stream: IO[str] | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()
