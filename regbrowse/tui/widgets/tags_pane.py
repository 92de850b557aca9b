"""The Tags pane: name, digest, size, creation and platforms of the rows on screen, in the order one likes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import ClassVar, Final

from textual import on
from textual.message import Message

from regbrowse.browser.ordering import Order, by_telling
from regbrowse.browser.states import Listing, Phase, TagDetails
from regbrowse.browser.wording import age, file_size
from regbrowse.registry.models import Platform
from regbrowse.registry.text import SafeText
from regbrowse.tui.actions import Pane
from regbrowse.tui.widgets.cells import column
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.pane import ListPane, shown_so_far
from regbrowse.tui.widgets.virtual_list import VirtualList

_NOTHING: Final = SafeText("")
_WAITING: Final = SafeText("…")
_UNKNOWN: Final = TagDetails()
_NAME_AT_LEAST: Final = 14
_COLUMNS: Final = (("SIZE", 7, True), ("CREATED", 9, False), ("PLATFORMS", 9, False), ("DIGEST", 12, False))
"""Columns beside the name, the most wanted first: title, cells, whether aligned at the right."""
_ORDER: Final = ("DIGEST", "SIZE", "CREATED", "PLATFORMS")


def columns(width: int) -> tuple[int, tuple[tuple[str, int, bool], ...]]:
    """The cells for the name, and the columns that fit beside it, in the order in which they stand."""
    fitting: list[tuple[str, int, bool]] = []
    left = width
    for title, cells, right in _COLUMNS:
        if left - cells - 2 < _NAME_AT_LEAST:
            break
        fitting.append((title, cells, right))
        left -= cells + 2
    fitting.sort(key=lambda entry: _ORDER.index(entry[0]))
    return left, tuple(fitting)


class TagsPane(ListPane):
    """Tags with what is known of them.

    Args:
        now: The time that ages are counted from.
    """

    PANE: ClassVar[Pane] = Pane.TAGS

    class RowsShown(Message):
        """Other tags are on the screen now."""

        def __init__(self, tags: tuple[SafeText, ...]) -> None:
            super().__init__()
            self.tags = tags

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, TagsPane.RowsShown)

    def __init__(self, now: Callable[[], datetime], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._now = now
        self.order = Order.VERSION
        self.repository = _NOTHING
        self.progress = ""
        self._details: Mapping[SafeText, TagDetails] = {}
        self._sharing: dict[str, list[SafeText]] = {}

    def show_repository(self, repository: SafeText) -> None:
        """Begin to show the tags of `repository`."""
        self.forget()
        self.repository = repository

    def know(self, details: Mapping[SafeText, TagDetails]) -> None:
        """Take up what is known of the tags; it may grow, and `details_found` tells when."""
        self._details = details
        self._sharing = {}
        for tag, known in details.items():
            self._note_digest(tag, known)

    def details_found(self, tag: SafeText, details: TagDetails) -> None:
        """The details of `tag` are known now: paint its row, and those that name the same image."""
        self._note_digest(tag, details)
        visible = self.rows.visible_lines
        sharing = self._sharing.get(details.identity, [tag]) if details.identity else [tag]
        for index in visible:
            if self.rows.rows[index] in sharing:
                self.rows.refresh_row(index)

    def paint(self, name: SafeText, index: int, width: int) -> Iterable[Piece]:
        details = self._details.get(name, _UNKNOWN)
        name_cells, shown = columns(width)
        same = self._same(name, details)
        yield from _name_pieces(name, same, name_cells)
        if details.problem and shown:
            room = sum(cells + 2 for _, cells, _ in shown)
            yield f"  {column(details.problem.brief, room - 2)}", "error"
            return
        for title, cells, right in shown:
            yield f"  {column(self._cell(title, details), cells, right=right)}", "muted" if title != "SIZE" else "plain"

    def titles(self, width: int) -> Iterable[Piece] | None:
        name_cells, shown = columns(width)
        words = column("NAME", name_cells)
        words += "".join(f"  {column(title, cells, right=right)}" for title, cells, right in shown)
        return ((words, "title"),)

    def title_extra(self) -> str:
        return f" · {self.progress or self.order.label}" if self.listing.names else ""

    @property
    def border_words(self) -> SafeText:
        return self.repository

    def say(self, listing: Listing) -> None:
        if listing.problem:
            self.notice.say_problem(listing.problem, more=shown_so_far(listing))
        elif not self.repository:
            self.notice.say("No repository is open.", "Press enter on one to list its tags.")
        elif listing.phase is Phase.EMPTY:
            self.notice.say(f"{self.repository} has no tags.", "Its images may be reachable by digest: press o.")
        else:
            self.notice.say(listing.notice)

    @on(VirtualList.ViewportChanged)
    def _viewport_changed(self, event: VirtualList.ViewportChanged) -> None:
        event.stop()
        # A slice: meanwhile a filter may have left fewer rows than there were
        self.post_message(self.RowsShown(tuple(self.rows.rows[event.first : event.last + 1])))

    def _note_digest(self, tag: SafeText, details: TagDetails) -> None:
        if details.identity:
            sharing = self._sharing.setdefault(details.identity, [])
            if tag not in sharing:
                sharing.append(tag)

    def _same(self, name: SafeText, details: TagDetails) -> SafeText:
        sharing = self._sharing.get(details.identity, []) if details.identity else []
        return by_telling(tag for tag in sharing if tag != name)[0] if len(sharing) > 1 else _NOTHING

    def _cell(self, title: str, details: TagDetails) -> str:
        if details.phase is Phase.LOADING:
            return _WAITING if title != "SIZE" else _NOTHING
        match title:
            case "DIGEST":
                return details.digest.encoded[:12] if details.digest else details.image_id[:12] or "–"
            case "SIZE":
                return file_size(details.size) if details.size is not None else "–"
            case "CREATED":
                return age(details.created, self._now()) if details.created else "–"
            case _:
                return details.artifact or platforms_in_short(details.platforms)


def platforms_in_short(platforms: tuple[Platform, ...]) -> str:
    """`amd64`, or `amd64 +3` for four of them; the system is named where it is not Linux."""
    if not platforms:
        return "–"
    first = platforms[0]
    name = first.architecture if first.os == "linux" else f"{first.os}/{first.architecture}"
    return f"{name} +{len(platforms) - 1}" if len(platforms) > 1 else name


def _name_pieces(name: SafeText, same: SafeText, cells: int) -> Iterable[Piece]:
    shown = column(name, cells)
    if not same:
        yield shown, "plain"
        return
    alias = f" = {same}"
    room = cells - len(alias)
    if room < len(name):
        room = max(min(len(name), cells), cells // 2)
        alias = column(alias, cells - room)
    used = min(len(name), room)
    yield column(name, used), "plain"
    yield column(alias, cells - used), "accent"
