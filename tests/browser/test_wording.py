from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.browser.wording import age, count, file_size, moment

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (28_120_000, "28.1 MB"),
        (99_949_999, "99.9 MB"),
        (99_950_000, "100 MB"),
        (999_499_999, "999 MB"),
        (999_500_000, "1.0 GB"),
        (1_234_000_000, "1.2 GB"),
        (2**63 - 1, "9.2 EB"),
    ],
)
def test_size_is_said_in_decimal_units(size: int, said: str) -> None:
    assert file_size(size) == said


@given(st.integers(0, 2**63 - 1))
def test_size_fits_its_column(size: int) -> None:
    assert len(file_size(size)) <= 8


def test_count_has_its_thousands_apart() -> None:
    assert [count(number) for number in (0, 999, 1_204, 100_000)] == ["0", "999", "1,204", "100,000"]


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=-59), "just now"),
        (timedelta(seconds=-61), "in the future"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=5), "5 minutes"),
        (timedelta(minutes=59, seconds=59), "59 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=23), "23 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=13), "13 days"),
        (timedelta(days=21), "3 weeks"),
        (timedelta(days=60), "8 weeks"),
        (timedelta(days=61), "2 months"),
        (timedelta(days=160), "5 months"),
        (timedelta(days=4 * 366), "4 years"),
    ],
)
def test_age_is_said_in_one_unit(ago: timedelta, said: str) -> None:
    assert age(NOW - ago, NOW) == said


@pytest.mark.parametrize(
    "placeholder",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
        datetime(1980, 1, 1, 0, 0, 1, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_date_of_a_reproducible_build_is_no_age(placeholder: datetime) -> None:
    assert age(placeholder, NOW) == "undated"


def test_time_without_zone_is_utc() -> None:
    assert age(datetime(2026, 11, 23, 11, 0), NOW) == "1 hour"


@given(st.datetimes(timezones=st.timezones()), st.datetimes(timezones=st.timezones()))
def test_any_two_times_have_an_age_and_a_moment(created: datetime, now: datetime) -> None:
    assert age(created, now)
    assert len(moment(created)) == len("2026-11-21 14:02")


def test_moment_is_in_utc() -> None:
    assert moment(datetime(2026, 11, 21, 16, 2, 59, tzinfo=timezone(timedelta(hours=2)))) == "2026-11-21 14:02"
