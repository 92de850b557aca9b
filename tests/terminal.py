"""A program on a real pseudo-terminal, seen through a terminal emulator.

    with Terminal(["regbrowse", "--demo"]) as terminal:
        terminal.wait_for("Repositories")
        terminal.press("down", "enter")
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
        assert terminal.restored, terminal.leftovers

What Textual's headless pilot cannot show is seen here: the bytes, the signals, the terminal afterwards.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.emulator import MODES_SET_AT_START, CellStyle, Emulator

TIMEOUT: Final = 20.0
"""Seconds after which a wait fails: far above what a busy machine needs, as success never waits for it."""

KEYS: Final[Mapping[str, str]] = {
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "insert": "\x1b[2~",
    "delete": "\x1b[3~",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "shift+tab": "\x1b[Z",
    "enter": "\r",
    "tab": "\t",
    "space": " ",
    "escape": "\x1b",
    "backspace": "\x7f",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f3": "\x1bOR",
    "f4": "\x1bOS",
    "f5": "\x1b[15~",
}
"""What a terminal sends for each named key. A single character is itself; `ctrl+x` and `alt+x` are worked out."""

ESCAPE_PAUSE: Final = 0.15
"""Seconds a person leaves after Escape; without them it would be the first byte of another key."""


class Terminal:
    """One program on its own terminal, in its own session, with a home directory of its own.

    Args:
        argv: The command.
        columns: Width in cells.
        rows: Height in lines.
        env: Added to the isolated environment; a value of None removes a name from it.
        cwd: Working directory.
        home: Home directory; a new one, removed at the end, if not given.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 140,
        rows: int = 40,
        env: Mapping[str, str | None] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        home: Path | None = None,
    ) -> None:
        self._cleanup = contextlib.ExitStack()
        if home is None:
            home = Path(self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="terminal-")))
        self.home = home
        self._emulator = Emulator(columns, rows)
        self._raw = bytearray()
        self._changed = threading.Condition()
        self._ended = False
        self._last_output = time.monotonic()
        self._master: int | None
        self._master, slave = pty.openpty()
        try:
            self._set_size(columns, rows)
            self._attributes = termios.tcgetattr(slave)
            self._process = self._spawn(argv, os.ttyname(slave), _environment(home, env or {}), cwd)
        finally:
            self._wait_for_open(slave)
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    @staticmethod
    def _spawn(
        argv: Sequence[str], name: str, env: Mapping[str, str], cwd: str | os.PathLike[str] | None
    ) -> subprocess.Popen[bytes]:
        # The shell leads a new session, so the terminal that it opens becomes its controlling terminal; then the
        # program takes its place under the same process id. It says so by the pipe, which is standard output.
        return subprocess.Popen(
            ["/bin/sh", "-c", 'exec 0<>"$0" && echo && exec "$@" 1>&0 2>&0', name, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )

    def _wait_for_open(self, slave: int) -> None:
        process = getattr(self, "_process", None)
        if process is not None:
            assert process.stdout is not None
            process.stdout.read(1)
            process.stdout.close()
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # What the program is given

    def press(self, *keys: str) -> None:
        """Press keys by name: `"down"`, `"enter"`, `"a"`, `"ctrl+q"`, `"alt+x"`."""
        for key in keys:
            self.write(_key_bytes(key))
            if key == "escape":
                time.sleep(ESCAPE_PAUSE)

    def type(self, text: str) -> None:
        """Type `text` as it stands."""
        self.write(text.encode())

    def write(self, data: bytes) -> None:
        """Send raw bytes, as the terminal would."""
        assert self._master is not None, "the terminal was hung up"
        while data:
            data = data[os.write(self._master, data) :]

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size."""
        with self._changed:
            self._emulator.resize(columns, rows)
        self._set_size(columns, rows)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone."""
        self._process.send_signal(number)

    def hang_up(self) -> None:
        """Take the terminal away, as a broken SSH connection does."""
        with self._changed:
            master, self._master = self._master, None
        self._reader.join(TIMEOUT)
        if master is not None:
            os.close(master)

    # What the program shows

    @property
    def screen(self) -> list[str]:
        """The lines as they stand, without blanks at the end."""
        with self._changed:
            return [line.rstrip() for line in self._emulator.screen.display]

    @property
    def text(self) -> str:
        """The screen as one string."""
        return "\n".join(self.screen)

    @property
    def raw(self) -> bytes:
        """All bytes written since the start."""
        with self._changed:
            return bytes(self._raw)

    @property
    def links(self) -> list[bytes]:
        """Addresses of the hyperlinks written so far."""
        with self._changed:
            return list(self._emulator.links)

    @property
    def clipboard(self) -> list[bytes]:
        """What was put on the clipboard so far, in base64."""
        with self._changed:
            return list(self._emulator.clipboard)

    def mark(self) -> int:
        """A point in the output, for `since`."""
        with self._changed:
            return len(self._raw)

    def since(self, mark: int) -> bytes:
        """The bytes written since `mark()` gave `mark`."""
        with self._changed:
            return bytes(self._raw[mark:])

    def cell_style(self, column: int, row: int) -> CellStyle:
        """How the cell at `column`, `row` (both from 0) is drawn."""
        with self._changed:
            cell = self._emulator.screen.buffer[row][column]
        return CellStyle(cell.fg, cell.bg, cell.bold, cell.italics, cell.underscore, cell.reverse)

    def find(self, text: str) -> tuple[int, int]:
        """Column and row of the first cell of `text` on the screen."""
        with self._changed:
            screen = self._emulator.screen
            for row in range(screen.lines):
                cells = [screen.buffer[row][column].data for column in range(screen.columns)]
                for column in range(screen.columns):
                    if "".join(cells[column:]).startswith(text):
                        return column, row
        raise AssertionError(self._report(f"{text!r} is not on the screen"))

    # Waiting

    def wait_for(self, wanted: str | Callable[[Terminal], object], timeout: float = TIMEOUT) -> None:
        """Wait until a text is on the screen, or a condition holds.

        Args:
            wanted: The text, or a function that is asked after each output (and now and then).
            timeout: Seconds.

        Raises:
            AssertionError: It did not come; the message holds the screen.
        """
        deadline = time.monotonic() + timeout
        while True:
            ended = self._ended
            if wanted in self.text if isinstance(wanted, str) else wanted(self):
                return
            if time.monotonic() > deadline or (ended and isinstance(wanted, str)):
                raise AssertionError(self._report(f"waited in vain for {wanted!r}"))
            with self._changed:
                self._changed.wait(0.05)

    def wait_idle(self, quiet: float = 0.3, timeout: float = TIMEOUT) -> None:
        """Wait until nothing was written for `quiet` seconds, counted from now at the earliest."""
        start = time.monotonic()
        self.wait_for(lambda terminal: time.monotonic() - max(start, terminal._last_output) >= quiet, timeout)

    def wait_for_exit(self, timeout: float = TIMEOUT) -> int:
        """Wait for the end of the program, and for the last of its output.

        Returns:
            The exit status; the negative number of the signal that ended it.
        """
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(self._report("the program did not end")) from None
        self._reader.join(timeout)
        return status

    @property
    def running(self) -> bool:
        """Has the program not ended yet?"""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The program's process id, which is its session's too."""
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Processor time used so far by the program, not by its children."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def children(self) -> list[int]:
        """Process ids of the program's children."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    # Afterwards

    @property
    def leftovers(self) -> list[str]:
        """What the program changed about the terminal and did not put back."""
        with self._changed:
            modes, levels, master = self._emulator.modes, self._emulator.keyboard_levels, self._master
            left = [f"mode {mode} left on" for mode in sorted(modes - MODES_SET_AT_START)]
            left += [f"mode {mode} left off" for mode in sorted(MODES_SET_AT_START - modes)]
            if levels:
                left.append(f"keyboard protocol left {levels} levels up")
            if master is not None and termios.tcgetattr(master)[:4] != self._attributes[:4]:
                left.append("line discipline changed")
        return left

    @property
    def restored(self) -> bool:
        """Is the terminal as it was: primary screen, cursor, mouse, paste and line discipline?"""
        return not self.leftovers

    def close(self) -> None:
        """End the program, if it still runs, and let the terminal go."""
        if self.running:
            # Its own session and so its own process group: whatever it started in there ends with it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.hang_up()
        self._cleanup.close()

    def _set_size(self, columns: int, rows: int) -> None:
        assert self._master is not None, "the terminal was hung up"
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        for data in self._chunks():
            with self._changed:
                self._raw += data
                self._last_output = time.monotonic()
                answers = self._emulator.feed(data)
                self._changed.notify_all()
            if answers and self._master is not None:
                os.write(self._master, answers)
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _chunks(self) -> Iterator[bytes]:
        while (master := self._master) is not None:
            if not select.select([master], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(master, 65_536)
            except OSError as error:
                if error.errno == errno.EIO:  # Linux's word for: the last process has closed it
                    return
                raise
            if not data:
                return
            yield data

    def _report(self, what: str) -> str:
        screen = "\n".join(f"  |{line}" for line in self.screen)
        state = "running" if self.running else f"ended with {self._process.returncode}"
        return f"{what}; the program is {state}, and its screen is:\n{screen}\nlast bytes: {self.raw[-400:]!r}"


def _key_bytes(key: str) -> bytes:
    if key in KEYS:
        return KEYS[key].encode()
    if key.startswith("alt+"):
        return b"\x1b" + _key_bytes(key.removeprefix("alt+"))
    if key.startswith("ctrl+"):
        return bytes([ord(key.removeprefix("ctrl+").upper()) & 0x1F])
    assert len(key) == 1, f"no such key: {key}"
    return key.encode()


def _environment(home: Path, extra: Mapping[str, str | None]) -> dict[str, str]:
    env: dict[str, str | None] = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "TZ": "UTC",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_RUNTIME_DIR": str(home / "run"),
    }
    return {name: value for name, value in (env | dict(extra)).items() if value is not None}
