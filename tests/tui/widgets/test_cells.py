"""Text measured, cut and broken in cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.widgets.cells import bar, column, cut, elided, fits, split_at, wrap

texts = st.text(alphabet="ab 漢字é\u0301👩\u200d🚀\ufe0f✈/", max_size=80).map(safe_text)


@given(texts, st.integers(0, 40))
def test_a_column_is_exactly_as_wide_as_asked(text: SafeText, cells: int) -> None:
    assert {cell_len(column(text, cells)), cell_len(column(text, cells, right=True))} == {cells}


@given(texts, st.integers(0, 40))
def test_what_is_split_can_be_put_together_again(text: SafeText, cells: int) -> None:
    head, rest = split_at(text, cells)
    assert head + rest == text
    assert cell_len(head) <= cells


@given(texts, st.integers(2, 40))
def test_wrapping_loses_nothing_but_blanks_and_keeps_the_width(text: SafeText, cells: int) -> None:
    lines = wrap(text, cells)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(cell_len(line.rstrip()) <= cells for line in lines)


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字漢", 4, "漢…"), ("漢字", 4, "漢字"), ("abc", 1, "…"), ("abc", 0, "")],
)
def test_what_does_not_fit_ends_in_an_ellipsis(text: str, cells: int, shown: str) -> None:
    assert elided(text, cells) == shown


@pytest.mark.parametrize(("text", "cells", "shown"), [("abc", 2, "ab"), ("漢字", 3, "漢"), ("", 2, ""), ("abc", 0, "")])
def test_a_cut_never_tears_a_wide_character(text: str, cells: int, shown: str) -> None:
    assert cut(text, cells) == shown


@pytest.mark.parametrize(
    ("text", "cells", "lines"),
    [
        ("", 5, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("  kept indent", 9, ["  kept", "indent"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("漢字漢字", 5, ["漢字", "漢字"]),
        ("a\n\nb", 5, ["a", "", "b"]),
    ],
)
def test_lines_break_between_words_where_they_can(text: str, cells: int, lines: list[str]) -> None:
    assert list(wrap(SafeText(text), cells)) == lines


def test_a_long_text_is_measured_no_further_than_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []

    def counting(text: str) -> int:
        measured.append(len(text))
        return cell_len(text)

    monkeypatch.setattr("regbrowse.tui.widgets.cells.cell_len", counting)
    long = "漢" * 100_000
    assert cut(long, 10) == "漢" * 5
    assert not fits(long, 10)
    assert max(measured, default=0) <= 100


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 10, "    "), (10, 10, "████"), (5, 10, "██  "), (1, 1_000_000, "▏   "), (9, 32, "█▏  "), (3, 0, "▏   ")],
)
def test_a_bar_shows_the_part_and_never_hides_a_small_one(part: int, whole: int, shown: str) -> None:
    assert bar(part, whole, 4) == shown
