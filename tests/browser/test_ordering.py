from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.browser.ordering import Order, by_telling, sort_tags
from regbrowse.browser.states import TagDetails
from regbrowse.registry.digest import Digest
from regbrowse.registry.text import SafeText

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")


def safe(names: str) -> list[SafeText]:
    return [SafeText(name) for name in names.split()]


@pytest.mark.parametrize(
    "ordered",
    [
        "1.10.0 1.9.0 1.9 1",
        "latest 2.0.0 1.0.0 build-9 build-10 build-000499 release",
        "latest stable edge 1.0 zebra",
        "1.2 v1.2 1.1",
        "2.0.0 2.0.0-rc.2 2.0.0-rc.1 2.0.0-beta.11 2.0.0-beta.2 2.0.0-alpha 1.9.9",
        "3.14.0 3.14.0rc2 3.14.0b1 3.14.0a7 3.13.9",
        "1.0.0 1.0.0-SNAPSHOT 0.9",
        "1.2.0 1.1.0 1.2.0-alpine 1.1.0-alpine 1.2.0-slim 1.1.0-slim",
        "1.2.0-alpine3.21 1.2.0-alpine3.20 1.2.0-alpine 1.1.0-alpine3.21",
        "3.13.0-alpine 3.13.0rc1-alpine 3.12.0-alpine",
        "1.2.3-debian-12-r10 1.2.3-debian-12-r9",
        "1.0.0-2 1.0.0-1 1.0.0",
        "2026-11-23 2026-11-02 2025-12-31",
        "20261123 20261102 1.0",
        "1.0 3f2a1bc 12a34bc",
        "99999999999999999999.1 2.0",
    ],
)
def test_versions_have_the_newest_first(ordered: str) -> None:
    tags = safe(ordered)
    assert sort_tags(sorted(tags), Order.VERSION, {}) == tags
    assert sort_tags(sorted(tags, reverse=True), Order.VERSION, {}) == tags


@given(st.lists(st.text("v0123456789.-_abrclptes", min_size=1, max_size=12) | st.text(max_size=5), unique=True))
def test_any_tags_have_one_order(names: list[str]) -> None:
    tags = [SafeText(name) for name in names]
    ordered = sort_tags(tags, Order.VERSION, {})
    assert sorted(ordered) == sorted(tags)
    assert sort_tags(tags[::-1], Order.VERSION, {}) == ordered


@given(st.lists(st.lists(st.integers(0, 10**6), min_size=3, max_size=3), unique_by=tuple))
def test_numbers_are_compared_as_numbers(versions: list[list[int]]) -> None:
    tags = [SafeText(".".join(map(str, version))) for version in versions]
    expected = [".".join(map(str, version)) for version in sorted(versions, reverse=True)]
    assert sort_tags(tags, Order.VERSION, {}) == expected


def test_names_are_in_the_alphabet_s_order() -> None:
    assert sort_tags(safe("b A 10 9 a"), Order.NAME, {}) == ["10", "9", "A", "a", "b"]


def described(**known: TagDetails) -> dict[SafeText, TagDetails]:
    return {SafeText(name): details for name, details in known.items()}


def test_newest_is_first_and_unknown_dates_follow_by_version() -> None:
    details = described(
        old=TagDetails(created=datetime(2020, 1, 1, tzinfo=UTC)),
        new=TagDetails(created=datetime(2026, 1, 1, tzinfo=UTC)),
        latest=TagDetails(),
    )
    assert sort_tags(safe("1.0 old 1.1 new latest"), Order.NEWEST, details) == ["new", "old", "latest", "1.1", "1.0"]


def test_largest_is_first_and_unknown_sizes_follow_by_version() -> None:
    details = described(a=TagDetails(size=0), b=TagDetails(size=2**62), c=TagDetails())
    assert sort_tags(safe("1.0 a c 1.1 b"), Order.SIZE, details) == ["b", "a", "1.1", "1.0", "c"]


def test_equal_sizes_are_by_version() -> None:
    tags = safe("1.0 1.2 1.1")
    assert sort_tags(tags, Order.SIZE, dict.fromkeys(tags, TagDetails(size=5))) == ["1.2", "1.1", "1.0"]


def test_order_has_a_label() -> None:
    assert [order.label for order in Order] == ["name", "version", "newest", "size"]


def test_names_of_one_thing_have_the_most_telling_first() -> None:
    tags = safe("latest 1 stable 1.4.2-alpine v1.4.2 1.4.2 1.4 zebra apple")
    telling_first = ("1.4.2", "v1.4.2", "1.4.2-alpine", "1.4", "1", "latest", "stable", "apple", "zebra")
    assert by_telling(tags) == telling_first
