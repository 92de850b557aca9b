"""Names together with a filter: what is left of them, found in slices that a key press never waits for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, overload

from regbrowse.browser.filtering import Filter, NameIndex, parse_filter
from regbrowse.registry.text import SafeText

SLICE: Final = 0.03
"""Seconds that one look may take before the event loop gets its turn."""


class FilteredNames:
    """The names of a list, and those that its filter lets through. The index is made when a filter first needs it."""

    def __init__(self) -> None:
        self.names: Sequence[SafeText] = ()
        self.filter = Filter()
        self.text = ""
        self._index: NameIndex | None = None

    def replace(self, names: Sequence[SafeText], *, grown: bool = False) -> None:
        """Make `names` the list; `grown` says that it begins with the names that there were."""
        if self._index is not None:
            if grown and len(names) >= len(self._index):
                self._index.extend(names[len(self._index) :])
            else:
                self._index = None
        self.names = names

    def set_filter(self, text: str) -> None:
        """Read what was typed."""
        self.text = text
        self.filter = parse_filter(text)

    def matches(self) -> tuple[Sequence[SafeText], bool]:
        """What the filter lets through as far as it was looked at in `SLICE`, and whether that is all of it."""
        if self.filter.is_empty:
            return self.names, True
        if self._index is None:
            self._index = NameIndex(self.names)
        selection = self._index.select(self.filter, SLICE)
        return _Selected(self.names, selection.indexes), selection.complete


class _Selected(Sequence[SafeText]):
    """Some of the names, without a copy of them."""

    __slots__ = ("_indexes", "_names")

    def __init__(self, names: Sequence[SafeText], indexes: Sequence[int]) -> None:
        self._names = names
        self._indexes = indexes

    def __len__(self) -> int:
        return len(self._indexes)

    @overload
    def __getitem__(self, index: int) -> SafeText: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SafeText]: ...
    def __getitem__(self, index: int | slice) -> SafeText | Sequence[SafeText]:
        if isinstance(index, slice):
            return [self._names[position] for position in self._indexes[index]]
        return self._names[self._indexes[index]]
