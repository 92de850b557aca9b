"""The rows of the Search pane: repositories that were found, and the offer of more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, overload

from rich.cells import cell_len

from regbrowse.browser.filtering import Filter
from regbrowse.browser.search import Hit
from regbrowse.browser.wording import count
from regbrowse.registry.reference import RegistryAddress, Target
from regbrowse.registry.text import SafeText
from regbrowse.tui.widgets.cells import column, elided
from regbrowse.tui.widgets.line_widget import Piece

_GAP: Final = 2
_NAME_AT_LEAST: Final = 24
_NAME_AT_MOST: Final = 46
_STARS: Final = 8
_HOST_AT_LEAST, _HOST_AT_MOST = 16, 28
_DESCRIPTION_AT_LEAST: Final = 24
_EXACT_STARS: Final = 100_000


@dataclass(frozen=True, slots=True)
class More:
    """The last row: to choose it shows up to `limit`."""

    limit: int


Row = Hit | More


class Names(Sequence[Hit]):
    """Names in one registry as hits, each made when it is looked at: there may be a hundred thousand."""

    __slots__ = ("_names", "_registry")

    def __init__(self, registry: RegistryAddress, names: Sequence[SafeText]) -> None:
        self._registry = registry
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Hit]: ...
    def __getitem__(self, index: int | slice) -> Hit | Sequence[Hit]:
        if isinstance(index, slice):
            return Names(self._registry, self._names[index])
        return Hit(Target(self._registry, self._names[index]))

    def named(self, name: str) -> Hit | None:
        """The one of that name."""
        return Hit(Target(self._registry, SafeText(name))) if name in self._names else None


@dataclass(frozen=True, slots=True)
class Columns:
    """The cells of each column; 0 for one that there is no room for."""

    name: int
    host: int = 0
    stars: int = 0
    description: int = 0

    @classmethod
    def of(cls, width: int, *, hosts: bool) -> Columns:
        """The columns that fit into `width` cells, the most wanted first.

        Args:
            hosts: Whether what was found is in several registries.
        """
        host = max(_HOST_AT_LEAST, min(_HOST_AT_MOST, width // 5)) if hosts else 0
        left = width - host - _GAP if hosts else width
        stars = _STARS if left - _STARS - _GAP >= _NAME_AT_LEAST else 0
        left -= stars + _GAP if stars else 0
        if left < _NAME_AT_LEAST + _GAP + _DESCRIPTION_AT_LEAST:
            return cls(left, host, stars)
        name = max(_NAME_AT_LEAST, min(_NAME_AT_MOST, left // 2))
        return cls(name, host, stars, left - _GAP - name)


def name_pieces(hit: Hit, width: int, words: Filter) -> Iterable[Piece]:
    """A row that has nothing but a name, in which `words` stand out."""
    return _accented(hit.name, elided(hit.name, width), words)


def hit_pieces(hit: Hit, width: int, words: Filter, *, hosts: bool) -> Iterable[Piece]:
    """A row with all that an index says of a repository.

    Args:
        words: They stand out in the name.
        hosts: Whether the row says where the repository is.
    """
    columns = Columns.of(width, hosts=hosts)
    yield from _named(hit, columns.name, words)
    if columns.host:
        yield f"  {column(hit.host, columns.host)}", "muted"
    if columns.stars:
        yield f"  {column(stars(hit.stars), columns.stars, right=True)}", "number"
    if columns.description:
        yield f"  {elided(hit.description, columns.description)}", "muted"


def more_pieces(more: More, total: int) -> Iterable[Piece]:
    """The row that offers more of `total`."""
    yield "more: ", "link"
    yield f"show up to {more.limit} of {count(total)}", "muted"


def stars(number: int) -> str:
    """`★ 19,503`; nothing for none, which is also what registries without stars say."""
    if number <= 0:
        return ""
    return f"★ {count(number)}" if number < _EXACT_STARS else f"★ {count(number // 1000)}k"


def _named(hit: Hit, cells: int, words: Filter) -> Iterable[Piece]:
    """The name and its marks in exactly `cells`."""
    marks = [("official", "good")] if hit.official else []
    marks += [("automated", "muted")] if hit.automated else []
    room = cells - sum(len(mark) + _GAP for mark, _ in marks)
    shown = elided(hit.name, max(room, cells // 2))
    yield from _accented(hit.name, shown, words)
    left = cells - cell_len(shown)
    for mark, ink in marks:
        text = elided(f"  {mark}", left)
        yield text, ink
        left -= cell_len(text)
    yield " " * left, "plain"


def _accented(name: SafeText, shown: str, words: Filter) -> Iterable[Piece]:
    """`shown`, the beginning of `name`, with what the words have found in it accented."""
    position = 0
    for start, end in words.spans(name):
        yield shown[position:start], "plain"
        yield shown[start:end], "accent"
        position = end
    yield shown[position:], "plain"
