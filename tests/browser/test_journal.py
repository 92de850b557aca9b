"""What is counted and written of the requests to registries."""

from __future__ import annotations

from pathlib import Path

import pytest

from regbrowse.browser.journal import Journal
from regbrowse.registry.errors import ConfigError
from regbrowse.registry.exchange import Exchange, Pause
from regbrowse.registry.text import SafeText

ANSWERED = Exchange("GET", SafeText("https://h/v2/_catalog"), 200, 0.0123)
UNREACHED = Exchange("GET", SafeText("https://h/v2/_catalog"), 0, 0.5, SafeText("Nothing can be reached at h."))


def test_only_what_was_answered_counts_as_a_request() -> None:
    journal = Journal()
    for event in (UNREACHED, ANSWERED, ANSWERED):
        journal(event)
    assert journal.requests == 2


def test_a_pause_lasts_until_the_next_answer() -> None:
    journal = Journal()
    journal(Pause(30))
    assert 29 < journal.paused_for <= 30
    journal(ANSWERED)
    assert journal.paused_for == 0


def test_every_event_is_a_line_of_the_log(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")
    for event in (ANSWERED, UNREACHED, Pause(30)):
        journal(event)
    journal.note("h: https://h")
    journal.close()
    lines = [line.partition(" ")[2] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines == [
        "GET https://h/v2/_catalog 200 12 ms",
        "GET https://h/v2/_catalog --- 500 ms  Nothing can be reached at h.",
        "pause of 30.0 s, as asked",
        "h: https://h",
    ]


def test_a_log_that_is_there_is_gone_on_with(tmp_path: Path) -> None:
    for line in ("one", "two"):
        journal = Journal(tmp_path / "log")
        journal.note(line)
        journal.close()
    assert [line.rpartition(" ")[2] for line in (tmp_path / "log").read_text().splitlines()] == ["one", "two"]


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing/log cannot be written: No such file or directory"):
        Journal(tmp_path / "missing" / "log")


def test_a_log_on_a_full_disk_ends_without_an_error() -> None:
    journal = Journal(Path("/dev/full"))
    journal.note("x" * 100_000)
    journal.note("once more")
    assert journal.is_cut
