from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.browser.patterns import LENGTH_LIMIT, Pattern, PatternError

ATOMS = st.sampled_from(["a", "b", "1", "-", ".", "[ab]", "[^a]", r"\d", r"\w", r"\.", "[a-c1]", r"\D", "[]a]"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: (
        st.tuples(inner, inner).map("".join)
        | st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})")
        | st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,1}", "{2,}", "*?", "{,2}"])).map(
            lambda two: f"({two[0]}){two[1]}"
        )
    ),
    max_leaves=6,
)
NAMES = st.text("ab1-.cA", max_size=12)


@given(EXPRESSIONS, st.sampled_from(["", "^"]), st.sampled_from(["", "$"]), NAMES)
def test_expression_finds_what_re_finds(middle: str, begin: str, end: str, name: str) -> None:
    expression = f"{begin}(?:{middle}){end}"
    assert Pattern(expression).found_in(name) == bool(re.search(expression, name, re.IGNORECASE))


@given(EXPRESSIONS, NAMES)
def test_span_is_the_first_and_longest_match(expression: str, name: str) -> None:
    matches = (
        (start, end)
        for start in range(len(name))
        for end in range(len(name), start, -1)
        if re.compile(expression, re.IGNORECASE).fullmatch(name, start, end)
    )
    assert Pattern(expression).span(name) == next(matches, None)


@pytest.mark.parametrize(
    ("expression", "name", "span"),
    [
        ("^a", "aab", (0, 1)),
        ("b$", "abab", (3, 4)),
        ("(^|-)api", "x-api", (1, 5)),
        ("^$", "", None),
        ("x*", "ab", None),
    ],
)
def test_span_knows_the_edges(expression: str, name: str, span: tuple[int, int] | None) -> None:
    assert Pattern(expression).span(name) == span


@pytest.mark.parametrize(
    "expression", ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*)*x", "(a?){30}a{30}$", ".*.*.*.*.*=", "(a|b)*a(a|b){12}$"]
)
def test_expression_that_would_hang_re_is_answered(expression: str) -> None:
    # Each of these takes `re` between minutes and the age of the universe: that the test ends is what it shows.
    assert isinstance(Pattern(expression).found_in("a" * 250 + "!"), bool)


def test_many_states_do_not_change_the_answer() -> None:
    pattern = Pattern("(a|b)*a(a|b){14}$")
    names = [f"{number:020b}".replace("0", "a").replace("1", "b") for number in range(0, 1 << 20, 4_099)]
    assert [pattern.found_in(name) for name in names] == [name[-15] == "a" for name in names]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("[", "unterminated"),
        ("(a", "unterminated"),
        ("*a", "nothing to repeat"),
        (r"(a)\1", "not offered"),
        (r"\bword", "not offered"),
        ("(?=a)", "not offered|only"),
        ("(?i)a", "only"),
        ("a*+b", "not offered"),
        ("(a{900}){900}", "repeats too much"),
        ("((((){999}){999}){999}){999}", "repeats too much"),
        ("a" * (LENGTH_LIMIT + 1), "longer"),
    ],
)
def test_expression_that_cannot_be_used_says_why(expression: str, reason: str) -> None:
    with pytest.raises(PatternError, match=reason):
        Pattern(expression)


@given(st.text(max_size=30))
def test_any_text_is_an_expression_or_an_error(text: str) -> None:
    try:
        pattern = Pattern(text)
    except PatternError:
        return
    assert pattern.span("team/app") is None or pattern.found_in("team/app")
