"""Regular expressions whose time grows only with the text, whatever the expression and whatever the text.

The `re` module can need years for `(a+)+$` and cannot be interrupted, and the names that are filtered come from a
registry. So an expression becomes Glushkov's automaton here: a set of positions, kept as the bits of an integer, and
a table of the transitions met so far. It has literals, classes, groups, `|`, `*`, `+`, `?`, `{m,n}`, `^` and `$`, which
are what one filters names with; the letters' case does not matter. An expression with a single choice in it cannot
go astray and is left to `re`, which is faster.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Final

LENGTH_LIMIT: Final = 200
"""Characters of an expression."""

POSITIONS_LIMIT: Final = 1_000
"""Characters and classes after `{m,n}` has been written out."""

TEXT_LIMIT: Final = 256
"""Characters of a text that are looked at: no repository and no tag has more."""

_TRANSITIONS_LIMIT: Final = 50_000
_CHARACTERS_LIMIT: Final = 1_000
_PIECES_LIMIT: Final = 5_000
_CHOICES: Final = frozenset("*+?{|")
_START, _END = "\x02", "\x03"  # stand before and after a name, so that ^ and $ are characters like others


class PatternError(ValueError):
    """An expression that cannot be used, with the reason as its text."""


class Pattern:
    """A compiled expression.

    Args:
        expression: In the spelling of Python's `re`.

    Raises:
        PatternError: It is wrong, too long, or uses what is not offered here.
    """

    def __init__(self, expression: str) -> None:
        compiled = _compiled(expression)
        self._simple = compiled if sum(character in _CHOICES for character in expression) <= 1 else None
        automaton = _Automaton()
        self._whole = _Parser(expression, automaton).parse()
        self.expression = expression
        self._search = _Table(automaton, self._whole, searching=True).start[_START]
        self._from_here = _Table(automaton, self._whole, searching=False).start

    def found_in(self, text: str) -> bool:
        """Whether the expression matches anywhere in `text`."""
        if self._simple:
            return self._simple.search(text, 0, TEXT_LIMIT) is not None
        state: _State = reduce(getitem, text[:TEXT_LIMIT], self._search)
        return state[_END].accepts

    def span(self, text: str, start: int = 0) -> tuple[int, int] | None:
        """The first and then longest match at or after `start` that is not empty."""
        text = text[:TEXT_LIMIT]
        marked = f"{_START}{text}{_END}"
        for begin in range(start + 1 if start else 0, len(marked)):
            state, end = self._from_here, None
            for position in range(begin, len(marked)):
                state = state[marked[position]]
                if state.accepts:
                    end = position + 1
                if not state.positions:
                    break
            if end is not None:
                first, last = max(begin - 1, 0), min(end - 1, len(text))
                if first < last:
                    return first, last
        return None


def _compiled(expression: str) -> re.Pattern[str]:
    if len(expression) > LENGTH_LIMIT:
        raise PatternError(f"it is longer than {LENGTH_LIMIT} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python may one day read otherwise, such as [[
            return re.compile(expression, re.IGNORECASE | re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(str(error)) from None


@dataclass(frozen=True, slots=True)
class _Fragment:
    """Part of an automaton: whether it matches nothing at all, and where a match of it can begin and end."""

    empty: bool
    first: int
    last: int


_NOTHING: Final = _Fragment(empty=True, first=0, last=0)


class _Automaton:
    """Positions: which characters each accepts, and which may come after it."""

    def __init__(self) -> None:
        self.accepts: list[Callable[[str], object]] = []
        self.follow: list[int] = []
        self._accepting: dict[str, int] = {}

    def position(self, accepts: Callable[[str], object]) -> _Fragment:
        if len(self.follow) >= POSITIONS_LIMIT:
            raise PatternError("it repeats too much")
        bit = 1 << len(self.follow)
        self.accepts.append(accepts)
        self.follow.append(0)
        return _Fragment(empty=False, first=bit, last=bit)

    def connect(self, before: int, after: int) -> None:
        for position in _bits(before):
            self.follow[position] |= after

    def after(self, positions: int) -> int:
        return reduce(lambda all_, position: all_ | self.follow[position], _bits(positions), 0)

    def accepting(self, character: str) -> int:
        """The positions that take this character."""
        known = self._accepting.get(character)
        if known is None:
            known = sum(1 << position for position, accepts in enumerate(self.accepts) if accepts(character))
            if len(self._accepting) < _CHARACTERS_LIMIT:
                self._accepting[character] = known
        return known


def _bits(number: int) -> list[int]:
    found = []
    while number:
        lowest = number & -number
        found.append(lowest.bit_length() - 1)
        number ^= lowest
    return found


class _Table:
    """The transitions met so far, worked out when they are first met, and kept while they are not too many."""

    def __init__(self, automaton: _Automaton, whole: _Fragment, *, searching: bool) -> None:
        self._automaton = automaton
        self._whole = whole
        self._searching = searching
        self._states: dict[int, _State] = {}
        self._transitions = 0
        self.start = _State(self, positions=0, accepts=searching and whole.empty, begins=True)

    def step(self, state: _State, character: str) -> _State:
        following = self._following(state, character)
        if self._transitions < _TRANSITIONS_LIMIT:
            self._transitions += 1
            self._states[following.positions] = state[character] = following
        return following

    def _following(self, state: _State, character: str) -> _State:
        if state.accepts and self._searching:
            return state
        reachable = self._automaton.after(state.positions)
        if self._searching or state.begins:
            reachable |= self._whole.first
        positions = reachable & self._automaton.accepting(character)
        known = self._states.get(positions)
        return known if known is not None else _State(self, positions, accepts=bool(positions & self._whole.last))


class _State(dict[str, "_State"]):
    """A set of positions, and where each character that was met leads from there."""

    __slots__ = ("accepts", "begins", "positions", "table")

    def __init__(self, table: _Table, positions: int, *, accepts: bool, begins: bool = False) -> None:
        super().__init__()
        self.table = table
        self.positions = positions
        self.accepts = accepts
        self.begins = begins

    def __missing__(self, character: str) -> _State:
        return self.table.step(self, character)


_ATOM: Final = re.compile(
    r"(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|\\(?P<class>[dDsSwW])|\\(?P<literal>[^\w])|(?P<any>\.)|(?P<edge>[\^$])"
    r"|(?P<plain>[^\\()\[|*+?])",
    re.DOTALL,
)
_REPEAT: Final = re.compile(r"(?:[*+?]|\{(?=[\d,])(?P<low>\d*)(?P<comma>,)?(?P<high>\d*)\})")


class _Parser:
    """Reads an expression that `re` has found well formed, piece by piece into an automaton."""

    def __init__(self, expression: str, automaton: _Automaton) -> None:
        self._text = expression
        self._at = 0
        self._pieces = 0
        self._automaton = automaton

    def parse(self) -> _Fragment:
        return self._choice()

    def _choice(self) -> _Fragment:
        whole = self._sequence()
        while self._takes("|"):
            other = self._sequence()
            whole = _Fragment(whole.empty or other.empty, whole.first | other.first, whole.last | other.last)
        return whole

    def _sequence(self) -> _Fragment:
        whole = _NOTHING
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            whole = self._then(whole, self._repeated())
        return whole

    def _then(self, one: _Fragment, other: _Fragment) -> _Fragment:
        self._automaton.connect(one.last, other.first)
        return _Fragment(
            one.empty and other.empty,
            one.first | (other.first if one.empty else 0),
            other.last | (one.last if other.empty else 0),
        )

    def _repeated(self) -> _Fragment:
        start = self._at
        whole = self._atom()
        end = self._at
        match = _REPEAT.match(self._text, self._at)
        if match is None:
            return whole
        self._at = match.end()
        if self._takes("+"):
            raise PatternError("possessive repetition is not offered here")
        self._takes("?")  # the shortest match is found where the longest is
        return self._times(whole, start, end, *_bounds(match))

    def _times(self, one: _Fragment, start: int, end: int, low: int, high: int | None) -> _Fragment:
        resume = self._at
        copies = max(low, 1) if high is None else high
        whole = _NOTHING
        for number in range(copies):
            part = one if number == 0 else self._again(start, end)
            if high is None and number == copies - 1:
                self._automaton.connect(part.last, part.first)
            if number >= low:
                part = _Fragment(empty=True, first=part.first, last=part.last)
            whole = self._then(whole, part)
        self._at = resume
        return whole

    def _again(self, start: int, end: int) -> _Fragment:
        self._at = start
        fragment = self._atom()
        assert self._at == end
        return fragment

    def _atom(self) -> _Fragment:
        self._pieces += 1
        if self._pieces > _PIECES_LIMIT:
            raise PatternError("it repeats too much")
        if self._takes("("):
            if self._takes("?") and not self._takes(":"):
                raise PatternError("of the groups with (? only (?: is offered here")
            whole = self._choice()
            self._takes(")")
            return whole
        match = _ATOM.match(self._text, self._at)
        if match is None:
            raise PatternError(f"{self._text[self._at : self._at + 2]} is not offered here")
        self._at = match.end()
        if match["edge"]:
            edge = _START if match["edge"] == "^" else _END
            return self._automaton.position(lambda character: character == edge)
        spelled = match[0]
        if match["plain"]:
            spelled = re.escape(spelled)
        elif match["any"]:
            spelled = "."
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one = re.compile(spelled, re.IGNORECASE | re.DOTALL)
        return self._automaton.position(lambda character: character not in (_START, _END) and one.fullmatch(character))

    def _takes(self, text: str) -> bool:
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True


def _bounds(match: re.Match[str]) -> tuple[int, int | None]:
    if match["low"] is None:
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[match[0]]
    low = int(match["low"] or 0)
    if not match["comma"]:
        return low, low
    return low, int(match["high"]) if match["high"] else None
