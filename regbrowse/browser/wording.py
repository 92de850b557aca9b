"""How sizes, counts and times are said on a screen: short, and always in the same words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from regbrowse.registry.text import SafeText

UNDATED: Final = SafeText("undated")
"""Said of a date that a reproducible build wrote in place of the real one."""

_UNITS: Final = ("kB", "MB", "GB", "TB", "PB", "EB")
_NOT_REALLY_DATES: Final = frozenset({(1, 1, 1), (1970, 1, 1), (1980, 1, 1)})
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_MONTH: Final = 30.44 * _DAY
_AGES: Final = (
    (_HOUR, _MINUTE, "minute"),
    (_DAY, _HOUR, "hour"),
    (14 * _DAY, _DAY, "day"),
    (2 * _MONTH, 7 * _DAY, "week"),
    (24 * _MONTH, _MONTH, "month"),
    (float("inf"), 12 * _MONTH, "year"),
)
"""Below so many seconds, an age is said in units of so many seconds."""


def file_size(size: int) -> SafeText:
    """Say a number of bytes in decimal units and at most three digits: `812 B`, `28.1 MB`; never over 7 cells."""
    if size < 1000:
        return SafeText(f"{size} B")
    value = float(size)
    for unit in _UNITS:
        value /= 1000
        if value < 99.95:
            return SafeText(f"{value:.1f} {unit}")
        if value < 999.5 or unit == _UNITS[-1]:
            return SafeText(f"{value:.0f} {unit}")
    raise AssertionError("the last unit takes every size")


def count(number: int) -> SafeText:
    """Say a number with its thousands apart: `1,204`."""
    return SafeText(f"{number:,}")


def age(created: datetime, now: datetime) -> SafeText:
    """Say how long ago something was made: `just now`, `5 minutes`, `3 weeks`, `4 years`.

    Builds that want to be reproducible write 1970-01-01 or 1980-01-01 as their date, and some tools write Go's zero
    time, the first day of year 1: none of these is an age, they are `undated`.

    Args:
        created: A time without a zone is taken as UTC.
        now: The same. A minute of disagreement between clocks is not yet the future.
    """
    created, now = _in_utc(created), _in_utc(now)
    if (created.year, created.month, created.day) in _NOT_REALLY_DATES:
        return UNDATED
    seconds = (now - created) / timedelta(seconds=1)
    if seconds < -_MINUTE:
        return SafeText("in the future")
    if seconds < _MINUTE:
        return SafeText("just now")
    unit_seconds, unit = next((length, word) for below, length, word in _AGES if seconds < below)
    number = int(seconds // unit_seconds)
    return SafeText(f"{number} {unit}{'' if number == 1 else 's'}")


def moment(when: datetime) -> SafeText:
    """Say a time to the minute, in UTC: `2026-11-21 14:02`."""
    when = _in_utc(when)
    return SafeText(f"{when.year:04}-{when:%m-%d %H:%M}")


def _in_utc(when: datetime) -> datetime:
    if when.tzinfo is None:
        return when.replace(tzinfo=UTC)
    try:
        return when.astimezone(UTC)
    except OverflowError:  # the first or last day that a datetime can hold, in another zone
        return when.replace(tzinfo=UTC)
