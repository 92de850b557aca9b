"""What was said to registries: counted for the footer, and written to a file for those who ask (`--log`)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from regbrowse.registry.errors import ConfigError

if TYPE_CHECKING:
    from regbrowse.registry.transport import Exchange, Pause


class Journal:
    """Observes a transport. It is given no header and no body, so there is no secret to leave out.

    Args:
        log: The file to append to, made readable to the user alone; None writes nothing.

    Raises:
        ConfigError: The file cannot be written.
    """

    def __init__(self, log: Path | None = None) -> None:
        self.requests = 0
        self.paused_for = 0.0
        self._file: TextIO | None = None
        if log is not None:
            try:
                self._file = log.open("a", encoding="utf-8", buffering=1)
                log.chmod(0o600)
            except OSError as error:
                raise ConfigError(f"The log {log} cannot be written: {error.strerror}.") from error

    def __call__(self, event: Exchange | Pause) -> None:
        from regbrowse.registry.transport import Pause

        if isinstance(event, Pause):
            self.paused_for = event.seconds
            self.note(f"pause of {event.seconds:.1f} s, as asked")
            return
        self.requests += event.status != 0  # an address that was only tried is no request
        self.paused_for = 0.0
        status = event.status or "---"
        note = f"  {event.note}" if event.note else ""
        self.note(f"{event.method} {event.url} {status} {event.seconds * 1000:.0f} ms{note}")

    def note(self, line: str) -> None:
        """Write a line about a decision."""
        if self._file is not None:
            self._file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z {line}\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
