"""What was read, kept up to a size."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Documents by repository and digest or tag; beyond `limit` bytes, what was not used for longest is given up.

    The repository is part of the key because a digest says what something is, not who may see it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._documents: OrderedDict[tuple[str, str], tuple[T, int]] = OrderedDict()

    def get(self, key: tuple[str, str]) -> T | None:
        if key not in self._documents:
            return None
        self._documents.move_to_end(key)
        return self._documents[key][0]

    def put(self, key: tuple[str, str], document: T, size: int) -> None:
        self.drop(key)
        self._documents[key] = (document, size)
        self._size += size
        while self._size > self._limit:
            self._size -= self._documents.popitem(last=False)[1][1]

    def drop(self, key: tuple[str, str]) -> None:
        _, size = self._documents.pop(key, (None, 0))
        self._size -= size
