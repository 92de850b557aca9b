"""Whatever a registry says, nothing in it acts on the terminal."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.text import LINE_LIMIT, MARKS_LIMIT, TEXT_LIMIT, SafeText, safe_lines, safe_text

HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()))
NASTY = st.text(st.sampled_from("a é\x00\x1b\x9b\n\r\t\u200d\u202e\u0301\u20d0\ufe0f\ud800\U000e0041😀⟨"))


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("team/app", "team/app"),
        ("日本語 é 😀", "日本語 é 😀"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x1b[2J", "␛[2J"),
        ("\x9b31m", "⟨U+009B⟩31m"),
        ("a\x00b\x7f", "a␀b␡"),
        ("a\rb\nc\td", "a␍b↵c    d"),
        ("user\u202etxt.exe", "user⟨U+202E⟩txt.exe"),
        ("\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
        ("soft\xadhyphen", "soft⟨U+00AD⟩hyphen"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
        ("half\ud800", "half⟨U+D800⟩"),
        ("line\u2028end", "line⟨U+2028⟩end"),
        ("[link=https://e]x[/link]", "[link=https://e]x[/link]"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("pass\u200dword", "pass⟨U+200D⟩word"),
        ("😀\u200d\u200d😀", "😀⟨U+200D⟩⟨U+200D⟩😀"),
        ("\u200d😀", "⟨U+200D⟩😀"),
    ],
)
def test_hidden_characters_become_visible(foreign: str, shown: str) -> None:
    assert safe_text(foreign) == shown


def test_line_feeds_stay_where_lines_are_wanted() -> None:
    assert safe_text("a\r\nb\tc", multiline=True) == "a␍\nb    c"


def test_several_lines_become_one_where_one_is_wanted() -> None:
    assert safe_text(safe_text("a\nb", multiline=True)) == "a↵b"


@pytest.mark.parametrize("mark", ["\u0301", "\u0e47", "\u05b0", "\u20dd", "\u0489"])
def test_a_stack_of_marks_is_cut(mark: str) -> None:
    assert safe_text("e" + mark * 5_000, limit=6_000) == "e" + mark * MARKS_LIMIT


@pytest.mark.parametrize(("multiline", "limit"), [(False, LINE_LIMIT), (True, TEXT_LIMIT)])
def test_what_is_too_long_is_cut_and_counted(multiline: bool, limit: int) -> None:
    assert safe_text("x" * (limit + 1_234), multiline=multiline) == "x" * limit + "… +1,234"


def test_a_text_at_the_limit_is_whole() -> None:
    assert safe_text("x" * 10, limit=10) == "x" * 10


@given(ANYTHING | NASTY)
def test_one_line_holds_nothing_harmful(text: str) -> None:
    assert HARMFUL.search(safe_text(text)) is None


@given(ANYTHING | NASTY)
def test_several_lines_hold_nothing_harmful_but_line_feeds(text: str) -> None:
    assert HARMFUL.search(safe_text(text, multiline=True).replace("\n", "")) is None


@given(ANYTHING | NASTY, st.booleans())
def test_safe_text_is_not_changed_again(text: str, multiline: bool) -> None:
    once = safe_text(text, multiline=multiline)
    assert safe_text(once, multiline=multiline) == once
    assert safe_text(str(once), multiline=multiline) == once


@given(ANYTHING | NASTY, st.integers(0, 20))
def test_the_length_is_bounded(text: str, limit: int) -> None:
    assert len(safe_text(text, limit=limit)) <= 10 * limit + len("… +999,999")


@given(NASTY)
def test_no_run_takes_less_room_than_its_marks(text: str) -> None:
    run = longest = 0
    for character in safe_text(text):
        run = run + 1 if unicodedata.category(character) in ("Mn", "Me") or character == "\u200d" else 0
        longest = max(longest, run)
    assert longest <= MARKS_LIMIT


@given(ANYTHING | NASTY)
def test_what_is_safe_can_be_written_as_utf_8(text: str) -> None:
    assert safe_text(text).encode().decode() == safe_text(text)


@given(st.lists(ANYTHING | NASTY | st.just("x" * (LINE_LIMIT + 1))))
def test_many_lines_are_as_safe_as_one(texts: list[str]) -> None:
    lines = safe_lines(texts)
    assert lines == tuple(map(safe_text, texts))
    assert all(type(line) is SafeText for line in lines)
