"""A list that only grows, and frozen views of it: a state keeps its length while pages still come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

from regbrowse.registry.text import SafeText


class GrowingNames:
    """Names as they arrive. What was given out never changes, and giving it out copies nothing."""

    def __init__(self) -> None:
        self._names: list[SafeText] = []

    def extend(self, names: Iterable[SafeText]) -> None:
        self._names.extend(names)

    def view(self) -> Sequence[SafeText]:
        """All names so far."""
        return _View(self._names, len(self._names))


class _View(Sequence[SafeText]):
    __slots__ = ("_length", "_names")

    def __init__(self, names: list[SafeText], length: int) -> None:
        self._names = names
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> SafeText: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SafeText]: ...
    def __getitem__(self, index: int | slice) -> SafeText | Sequence[SafeText]:
        if isinstance(index, slice):
            return [self._names[position] for position in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        return self._names[index if index >= 0 else index + self._length]
