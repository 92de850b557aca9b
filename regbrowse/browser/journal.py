"""What was said to registries: counted for the footer, and written to a file for those who ask (`--log`)."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from regbrowse.registry.errors import ConfigError

if TYPE_CHECKING:
    from regbrowse.registry.exchange import Exchange, Pause


class Journal:
    """Observes a transport. It is given no header and no body, so there is no secret to leave out.

    Args:
        log: The file to append to, made readable to the user alone; None writes nothing.

    Raises:
        ConfigError: The file cannot be written.
    """

    def __init__(self, log: Path | None = None) -> None:
        self.requests = 0
        self.is_cut = False
        self._paused_until = 0.0
        self._file: TextIO | None = None
        if log is not None:
            try:
                descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                self._file = open(descriptor, "a", encoding="utf-8", buffering=1)  # noqa: PTH123, SIM115
            except OSError as error:
                raise ConfigError(f"The log {log} cannot be written: {error.strerror}.") from error

    def __call__(self, event: Exchange | Pause) -> None:
        from regbrowse.registry.exchange import Pause

        if isinstance(event, Pause):
            self._paused_until = time.monotonic() + event.seconds
            self.note(f"pause of {event.seconds:.1f} s, as asked")
            return
        self._paused_until = 0.0
        self.requests += event.status != 0  # an address that was only tried is no request
        status = event.status or "---"
        note = f"  {event.note}" if event.note else ""
        self.note(f"{event.method} {event.url} {status} {event.seconds * 1000:.0f} ms{note}")

    @property
    def paused_for(self) -> float:
        """Seconds that are left of a pause that a registry asked for."""
        return max(0.0, self._paused_until - time.monotonic())

    def note(self, line: str) -> None:
        """Write a line about a decision. A log that cannot be written any more, as on a full disk, ends."""
        if self._file is None:
            return
        try:
            self._file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z {line}\n")
        except OSError:
            self.is_cut = True
            self.close()

    def close(self) -> None:
        """Write no more."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # what could not be written was told by `is_cut`
                file.close()
