from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.browser.filtering import Filter, NameIndex, parse_filter
from regbrowse.registry.text import SafeText

NAMES = [SafeText(name) for name in ("team/app", "team/service", "platform/service-mesh", "Team/Legacy", "nginx")]
TEXTS = st.lists(
    st.sampled_from(["t", "te", "team", "app", "/app", "!app", "!a", "/^team/", "!/mesh$/", "/a.p", "/[/", "zz", "/"]),
    max_size=4,
).map(" ".join)


def matching(text: str) -> list[str]:
    wanted = parse_filter(text)
    return [name for name in NAMES if wanted.matches(name)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", NAMES),
        ("  ", NAMES),
        ("serv", ["team/service", "platform/service-mesh"]),
        ("TEAM", ["team/app", "team/service", "Team/Legacy"]),
        ("team serv", ["team/service"]),
        ("team/app", ["team/app"]),
        ("team !serv", ["team/app", "Team/Legacy"]),
        ("/^team/", ["team/app", "team/service", "Team/Legacy"]),
        ("/^team/app$/", ["team/app"]),
        ("/^(team|platform)/s/ !mesh", ["team/service"]),
        ("!/^team/", ["platform/service-mesh", "nginx"]),
        (r"/\W/", ["team/app", "team/service", "platform/service-mesh", "Team/Legacy"]),
        ("/serv", ["team/service", "platform/service-mesh"]),
        ("/^pl", ["platform/service-mesh"]),
        ("/[", NAMES),
        ("/", NAMES),
        ("//", NAMES),
        ("!", NAMES),
        ("/[/", []),
    ],
)
def test_filter_lets_through(text: str, found: list[str]) -> None:
    assert matching(text) == found


def test_finished_expression_that_is_wrong_says_so() -> None:
    assert "/[/ is no expression" in parse_filter("/[/").problem


def test_unfinished_expression_says_how_to_finish_it() -> None:
    assert parse_filter("/[a").problem == "/[a is not finished: end it with a slash."


@pytest.mark.parametrize("text", ["", "word", "!word", "/word", "/w.*d/", "a/b"])
def test_good_filter_has_no_problem(text: str) -> None:
    assert parse_filter(text).problem == ""


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("", ()),
        ("e", ((1, 2), (6, 7), (11, 12))),
        ("team serv", ((0, 4), (5, 9))),
        ("team /serv", ((0, 4), (5, 9))),
        ("serv rvic", ((5, 11),)),
        ("/e./", ((1, 3), (6, 8))),
        ("!x", ()),
        ("TEAM", ((0, 4),)),
        ("/x*/", ()),
    ],
)
def test_spans_say_what_to_highlight(text: str, spans: tuple[tuple[int, int], ...]) -> None:
    assert parse_filter(text).spans("team/service") == spans


@given(TEXTS, TEXTS)
def test_filter_that_narrows_lets_nothing_new_through(one: str, other: str) -> None:
    if parse_filter(one).narrows(parse_filter(other)):
        assert set(matching(one)) <= set(matching(other))


@given(st.lists(st.tuples(TEXTS, st.lists(st.sampled_from(NAMES), max_size=3))))
def test_index_finds_what_the_filter_lets_through_however_it_got_there(steps: list[tuple[str, list[SafeText]]]) -> None:
    index = NameIndex()
    names: list[SafeText] = []
    for text, more in steps:
        index.extend(more)
        names += more
        wanted = parse_filter(text)
        selection = index.select(wanted)
        assert selection.complete
        assert [index[number] for number in selection.indexes] == [name for name in names if wanted.matches(name)]


def test_letter_more_looks_only_at_the_hits_before(monkeypatch: pytest.MonkeyPatch) -> None:
    index = NameIndex(NAMES)
    index.select(parse_filter("serv"))
    looked_at: list[Sequence[int]] = []

    def watched(wanted: Filter, among: Sequence[int]) -> Sequence[int]:
        looked_at.append(among)
        return original(wanted, among)

    original = index._matching
    monkeypatch.setattr(index, "_matching", watched)
    index.select(parse_filter("service-"))
    assert looked_at == [[1, 2]]


def ticking() -> Iterator[float]:
    return map(float, count())


@pytest.mark.parametrize("text", ["7", "/7$/", "!7"])
def test_search_over_its_time_goes_on_where_it_stopped(text: str) -> None:
    clock = ticking()
    index = NameIndex((SafeText(f"name-{number}") for number in range(5_000)), clock=lambda: next(clock))
    wanted = parse_filter(text)
    selection = index.select(wanted, seconds=1)
    rounds = 1
    while not selection.complete:
        earlier = list(selection.indexes)
        before, selection = selection, index.select(wanted, seconds=1)
        assert list(before.indexes) == earlier
        rounds += 1
    assert rounds > 2
    assert list(selection.indexes) == [number for number in range(5_000) if wanted.matches(f"name-{number}")]


def test_empty_filter_copies_nothing() -> None:
    assert NameIndex(NAMES).select(parse_filter("")).indexes == range(len(NAMES))


def test_name_in_lower_case_is_kept_once() -> None:
    index = NameIndex(NAMES)
    assert index._folded[0] is index[0]
