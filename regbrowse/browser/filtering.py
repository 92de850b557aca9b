"""Filter names as they are typed: words, `!words`, and regular expressions between slashes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from regbrowse.browser.patterns import Pattern, PatternError
from regbrowse.registry.text import SafeText, safe_text

_NO_PROBLEM: Final = SafeText("")
_SLICE: Final = 1_024
_PATTERN_SLICE: Final = 64
"""Names looked at between two looks at the clock, for words and for expressions."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a name must hold and must not hold; upper and lower case are the same.

    Attributes:
        words: All of them must be in a name.
        excluded: None of them may be.
        patterns: All of them must match somewhere in a name.
        excluded_patterns: None of them may.
        problem: What is wrong with the text, for the user; usually empty.
        impossible: A finished expression is wrong, so no name matches.
    """

    words: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    excluded_patterns: tuple[Pattern, ...] = ()
    problem: SafeText = _NO_PROBLEM
    impossible: bool = False

    @property
    def is_empty(self) -> bool:
        """Every name matches."""
        return not (self.words or self.excluded or self.patterns or self.excluded_patterns or self.impossible)

    @property
    def uses_patterns(self) -> bool:
        return bool(self.patterns or self.excluded_patterns)

    def matches(self, name: str) -> bool:
        """Whether the filter lets this name through."""
        folded = name.lower()
        return not self.impossible and (
            all(word in folded for word in self.words)
            and not any(word in folded for word in self.excluded)
            and all(pattern.found_in(folded) for pattern in self.patterns)
            and not any(pattern.found_in(folded) for pattern in self.excluded_patterns)
        )

    def spans(self, name: str) -> tuple[tuple[int, int], ...]:
        """Where the words and expressions are found in a name: (start, end) pairs in order, none touching another."""
        folded = name.lower()
        if len(folded) != len(name):
            return ()
        found = [span for word in self.words for span in _word_spans(word, folded)]
        found += [span for pattern in self.patterns for span in _pattern_spans(pattern, folded)]
        return _merged(found)

    def narrows(self, other: Filter) -> bool:
        """Whether every name that matches this one is sure to match `other` too."""
        return (
            all(any(theirs in ours for ours in self.words) for theirs in other.words)
            and all(any(ours in theirs for ours in self.excluded) for theirs in other.excluded)
            and set(other.patterns) <= set(self.patterns)
            and set(other.excluded_patterns) <= set(self.excluded_patterns)
            and (self.impossible or not other.impossible)
        )


def parse_filter(text: str) -> Filter:
    """Read what is typed into a filter.

    Terms are separated by blanks, and all of them must be met. `word` is contained, `!word` is not. `/expression/` is
    a regular expression and `!/expression/` excludes what it matches; slashes may be inside. While its last slash is
    missing, an expression counts as far as it makes sense. `team/app` is a word.
    """
    words: list[str] = []
    excluded: list[str] = []
    patterns: list[Pattern] = []
    excluded_patterns: list[Pattern] = []
    problem, impossible = _NO_PROBLEM, False
    for term in text.split():
        excludes = term.startswith("!")
        term = term.removeprefix("!")
        if not term.startswith("/"):
            if term:
                (excluded if excludes else words).append(term.lower())
            continue
        finished = len(term) > 1 and term.endswith("/")
        expression = term.removeprefix("/").removesuffix("/" if finished else "")
        if not expression:
            continue
        try:
            (excluded_patterns if excludes else patterns).append(_pattern(expression))
        except PatternError as error:
            shown = safe_text(expression, limit=60)
            if finished:
                impossible = True
                problem = safe_text(f"/{shown}/ is no expression that can be used: {error}.")
            elif not problem:
                problem = safe_text(f"/{shown} is not finished: end it with a slash.")
    return Filter(tuple(words), tuple(excluded), tuple(patterns), tuple(excluded_patterns), problem, impossible)


@lru_cache(maxsize=8)
def _pattern(expression: str) -> Pattern:
    return Pattern(expression)


def _word_spans(word: str, folded: str) -> list[tuple[int, int]]:
    spans = []
    start = folded.find(word)
    while start >= 0:
        spans.append((start, start + len(word)))
        start = folded.find(word, start + len(word))
    return spans


def _pattern_spans(pattern: Pattern, folded: str) -> list[tuple[int, int]]:
    spans = []
    span = pattern.span(folded)
    while span:
        spans.append(span)
        span = pattern.span(folded, span[1])
    return spans


def _merged(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a filter has found.

    Attributes:
        indexes: Of the matching names, ascending. Never changed once given.
        complete: All names were looked at; otherwise ask again to go on.
    """

    indexes: Sequence[int]
    complete: bool


class NameIndex:
    """A list of names that grows, and the names in it that a filter lets through.

    It remembers the last filter and its hits: one more letter looks only at those, names that came later are looked at
    once, and a search that was stopped by its deadline goes on where it was.

    Args:
        names: The first names.
        clock: Seconds that only grow.
    """

    def __init__(self, names: Iterable[SafeText] = (), clock: Callable[[], float] = time.perf_counter) -> None:
        self._names: list[SafeText] = []
        self._folded: list[str] = []
        self._clock = clock
        self._filter = Filter()
        self._hits: Sequence[int] = range(0)
        self._seen = 0
        self.extend(names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> SafeText:
        return self._names[index]

    def extend(self, names: Iterable[SafeText]) -> None:
        """Add names at the end."""
        before = len(self._names)
        self._names.extend(names)
        # A name that is in lower case already is kept once.
        self._folded.extend(_folded(name) for name in self._names[before:])

    def select(self, wanted: Filter, seconds: float = float("inf")) -> Selection:
        """Find the names that match, for at most about `seconds`.

        Call it again with the same filter while the selection is not complete, and after `extend`.
        """
        total = len(self._names)
        if wanted.is_empty:
            return Selection(range(total), complete=True)
        deadline = self._clock() + seconds
        if wanted != self._filter:
            if not self._filter.is_empty and not wanted.uses_patterns and wanted.narrows(self._filter):
                self._hits = self._matching(wanted, self._hits)
            else:
                self._hits, self._seen = [], 0
            self._filter = wanted
        found: list[int] = []
        step = total if seconds == float("inf") else _PATTERN_SLICE if wanted.uses_patterns else _SLICE
        while self._seen < total:
            end = min(self._seen + step, total)
            found += self._matching(wanted, range(self._seen, end))
            self._seen = end
            if self._clock() >= deadline:
                break
        if found:
            self._hits = [*self._hits, *found]
        return Selection(self._hits, complete=self._seen == total)

    def _matching(self, wanted: Filter, among: Sequence[int]) -> Sequence[int]:
        if wanted.impossible:
            return []
        folded = self._folded
        for word in sorted(wanted.words, key=len, reverse=True):
            if isinstance(among, range):
                names = folded[among.start : among.stop]
                among = [index for index, name in enumerate(names, among.start) if word in name]
            else:
                among = [index for index in among if word in folded[index]]
        for word in wanted.excluded:
            among = [index for index in among if word not in folded[index]]
        for pattern in wanted.patterns:
            found_in = pattern.found_in
            among = [index for index in among if found_in(folded[index])]
        for pattern in wanted.excluded_patterns:
            found_in = pattern.found_in
            among = [index for index in among if not found_in(folded[index])]
        return among


def _folded(name: SafeText) -> str:
    lower = name.lower()
    return name if lower == name else lower
