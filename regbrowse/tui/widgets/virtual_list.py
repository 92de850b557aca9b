"""The one list of the program: as quick with 100,000 rows as with ten, for it knows only those on the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from regbrowse.tui.widgets.line_widget import LineWidget, Piece, Titles, movement

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

_NEARBY: Final = 64
"""Rows on either side that are compared to find the cursor's row again."""


class RowPainter(Protocol[T_contra]):
    """Says what a row looks like. It is called for the rows on the screen, each time one of them is painted."""

    def __call__(self, row: T_contra, index: int, width: int, /) -> Iterable[Piece]:
        """The pieces of `row`, which is number `index`, in `width` cells; what is longer is cut."""
        ...


class VirtualList(LineWidget, Generic[T]):
    """Rows of any kind, a cursor on one of them, and a line of column titles on top if wanted.

    Rows are compared by value, and never changed or copied: whoever gives them may give a longer sequence later.
    """

    BINDINGS: ClassVar[list[BindingType]] = movement("list")

    class RowMessage(Message):
        """Something about one row."""

        def __init__(self, virtual_list: VirtualList[Any], index: int, row: Any) -> None:
            super().__init__()
            self.virtual_list = virtual_list
            self.index = index
            self.row = row

        @property
        def control(self) -> VirtualList[Any]:
            return self.virtual_list

    class Highlighted(RowMessage):
        """The cursor is on another row now."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, VirtualList.Highlighted) and message.virtual_list is self.virtual_list

    class Selected(RowMessage):
        """Enter was pressed on the row, or it was clicked twice."""

    class ViewportChanged(Message):
        """Other rows than before are on the screen, or the same numbers hold other rows.

        Attributes:
            first: Index of the first row on the screen.
            last: Index of the last one.
        """

        def __init__(self, virtual_list: VirtualList[Any], first: int, last: int) -> None:
            super().__init__()
            self.virtual_list = virtual_list
            self.first = first
            self.last = last

        @property
        def control(self) -> VirtualList[Any]:
            return self.virtual_list

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, VirtualList.ViewportChanged) and message.virtual_list is self.virtual_list

    def __init__(
        self,
        paint: RowPainter[T],
        *,
        titles: Titles | None = None,
        name: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        """Make an empty list.

        Args:
            paint: Says what a row looks like.
            titles: The line of column titles for a width in cells; None for a list without one.
            name: The widget's name.
            id: The widget's identity in the style sheet.
            classes: The widget's classes in the style sheet.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._paint = paint
        self._titles = titles
        self._rows: Sequence[T] = ()
        self._reported: tuple[int, int] | None = None
        self._report_due = False

    # Rows

    @property
    def rows(self) -> Sequence[T]:
        return self._rows

    @property
    def row(self) -> T | None:
        """The row under the cursor; None in an empty list."""
        return self._rows[self.cursor] if self._rows else None

    def set_rows(
        self, rows: Sequence[T], *, keep_cursor: bool = True, locate: Callable[[T], int | None] | None = None
    ) -> None:
        """Show `rows` instead of those that are shown.

        Args:
            rows: The new rows. Nothing is copied, and only what is on the screen is looked at.
            keep_cursor: Stay on the row that the cursor is on, and keep it at its place on the screen; else go to
                the first row.
            locate: Gives the new index of a row, or None if it is gone. Without it the row is looked for near its
                old index.
        """
        before, old = self.row, self.cursor
        self._rows = rows
        new = 0
        if keep_cursor and before is not None:
            new = self.validate_cursor(self._find(before, old, locate))
        offset = self.scroll_offset.y + new - old if keep_cursor else 0
        follows = self._follows_cursor or not keep_cursor
        self.lines_counted()
        self.set_reactive(VirtualList.cursor, new)
        self.scroll_to_line(offset)
        self._follows_cursor = follows
        self.show_cursor_again()
        self.refresh_changed_lines()
        self._reported = None
        self._viewport_moved()
        if self.row is not None and self.row != before:
            self.post_message(self.Highlighted(self, self.cursor, self.row))

    def _find(self, row: T, old: int, locate: Callable[[T], int | None] | None) -> int:
        rows, count = self._rows, len(self._rows)
        if old < count and rows[old] == row:
            return old
        if locate is not None:
            found = locate(row)
            return old if found is None else found
        near = range(max(0, old - _NEARBY), min(count, old + _NEARBY + 1))
        return next((index for index in near if rows[index] == row), old)

    def refresh_row(self, index: int) -> None:
        """Paint one row again, because what there is to say about it has changed."""
        self.refresh_lines_between(index, index)

    def set_painter(self, paint: RowPainter[T], *, titles: Titles | None = None) -> None:
        """Show the same rows in another way."""
        self._paint, self._titles = paint, titles
        self.lines_changed()

    # Cursor

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self._rows) - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        self._follows_cursor = True
        self.refresh_row(old)
        self.refresh_row(new)
        self.show_lines(new, new)
        row = self.row
        if row is not None:
            self.post_message(self.Highlighted(self, new, row))

    def action_move_up(self) -> None:
        self.cursor -= 1

    def action_move_down(self) -> None:
        self.cursor += 1

    def action_move_page_up(self) -> None:
        self._turn(-self.page)

    def action_move_page_down(self) -> None:
        self._turn(self.page)

    def action_move_home(self) -> None:
        self.cursor = 0

    def action_move_end(self) -> None:
        self.cursor = len(self._rows) - 1

    def action_move_select(self) -> None:
        row = self.row
        if row is not None:
            self.post_message(self.Selected(self, self.cursor, row))

    def _turn(self, lines: int) -> None:
        self.scroll_to_line(self.scroll_offset.y + lines)
        self.cursor += lines

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        index = self.line_at(place.y) if place is not None else None
        if index is None:
            return
        event.stop()
        self.cursor = index
        if event.chain == 2:
            self.action_move_select()

    # Viewport

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._viewport_moved()

    def on_resize(self) -> None:
        self.show_cursor_again()
        self._viewport_moved()

    def _viewport_moved(self) -> None:
        """Report the visible rows when the messages that are waiting have been worked off: once for many scrolls."""
        if not self._report_due and self.is_mounted:
            self._report_due = True
            self.call_later(self._report_viewport)

    def _report_viewport(self) -> None:
        self._report_due = False
        visible = self.visible_lines
        seen = (visible.start, visible.stop - 1)
        if visible and seen != self._reported:
            self._reported = seen
            self.post_message(self.ViewportChanged(self, *seen))

    # Lines

    @property
    def line_count(self) -> int:
        return len(self._rows)

    def line_pieces(self, index: int, width: int) -> Iterable[Piece]:
        return self._paint(self._rows[index], index, width)

    def is_highlighted(self, index: int) -> bool:
        return index == self.cursor

    @property
    def cursor_lines(self) -> tuple[int, int]:
        return self.cursor, self.cursor

    def title_pieces(self, width: int) -> Iterable[Piece] | None:
        return None if self._titles is None else self._titles(width)
