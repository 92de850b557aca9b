"""The ends that a terminal program meets from outside: signals, a lost connection, a thread that will not stop."""

from __future__ import annotations

import asyncio
import os
import signal
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final, NoReturn

ORPHAN_INTERVAL: Final = 2.0
"""Seconds between two looks whether the terminal is still there."""

END_TIMEOUT: Final = 3.0
"""Seconds that an end in good order may take before the process ends without it."""

HUNG_UP: Final = 128 + signal.SIGHUP

_RESTORE: Final = (
    b"\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?2048l\x1b[?2026l"
    b"\x1b[<u\x1b[0m\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
"""Undoes every mode that Textual's driver sets."""


_last_deeds: list[Callable[[], None]] = []


def at_exit(deed: Callable[[], None]) -> None:
    """Have `deed` done also where the process ends at once, with nothing else in good order.

    Args:
        deed: Waits for nothing; it may be called in any thread and in a signal's handler. Its `OSError` is not told.
    """
    _last_deeds.append(deed)


def _exit_at_once(status: int) -> NoReturn:
    try:
        for deed in _last_deeds:
            with suppress(OSError):
                deed()
    finally:
        os._exit(status)


@contextmanager
def signals_handled(end: Callable[[int], None]) -> Iterator[None]:
    """While this is open, a signal or a lost terminal ends the process without a trace on the terminal.

    Args:
        end: Asks the program to end with this exit status; called in the running event loop. If it has not ended
            `END_TIMEOUT` seconds later, the terminal is restored and the process ends at once.
    """
    loop = asyncio.get_running_loop()
    closed = threading.Event()
    attributes = termios.tcgetattr(0)

    def restore() -> None:
        if not closed.is_set():
            _restore_terminal(attributes)

    def ask(number: int, _frame: FrameType | None) -> None:
        end_later(128 + number, restore)
        loop.call_soon_threadsafe(end, 128 + number)

    def hang_up(_number: int, _frame: FrameType | None) -> None:
        with suppress(OSError, termios.error):  # most often there is no terminal any more
            restore()
        _exit_at_once(HUNG_UP)

    # signal.signal, not the loop's handlers: those wait for a loop that may itself wait for the terminal
    handlers = {signal.SIGTERM: ask, signal.SIGQUIT: ask, signal.SIGINT: ask, signal.SIGHUP: hang_up}
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    watcher = threading.Thread(target=_watch_terminal, args=(closed,), name="terminal-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        closed.set()
        for number, handler in previous.items():
            signal.signal(number, handler)


def end_later(status: int, first: Callable[[], None] | None = None) -> None:
    """End the process with `status` in `END_TIMEOUT` seconds, unless it has ended by itself until then.

    Args:
        status: The exit status.
        first: What remains to be done at that moment.
    """

    def end_now() -> None:
        try:
            if first is not None:
                first()
        finally:
            _exit_at_once(status)

    timer = threading.Timer(END_TIMEOUT, end_now)
    timer.daemon = True
    timer.start()


def _restore_terminal(attributes: list[Any]) -> None:
    termios.tcsetattr(0, termios.TCSANOW, attributes)
    # A descriptor of its own: where the connection stalls, writing must fail and not wait
    os.write(os.open(os.ttyname(0), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK), _RESTORE)


def _watch_terminal(closed: threading.Event) -> None:
    # Where a parent swallows the hang-up, Textual's input thread would read the end of input for ever
    while not closed.wait(ORPHAN_INTERVAL):
        try:
            termios.tcgetattr(0)
        except termios.error:
            _exit_at_once(HUNG_UP)
