"""What the texts about an image have in common: how their lines are laid out, and when the cursor keeps its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.cells import cell_len

from regbrowse.browser.states import ImageState
from regbrowse.browser.wording import UNDATED, age, moment
from regbrowse.registry.models import Index
from regbrowse.registry.text import SafeText
from regbrowse.tui.widgets.cells import bar, column, wrap
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.text_view import Line, TextView

NARROW: Final = 60
"""Below so many cells there is no room for bars."""

SIZE_CELLS: Final = 7
BAR_CELLS: Final = 8
_TEXT_AT_LEAST: Final = 8
_NOTHING: Final = SafeText("")


class ImageView(TextView):
    """A text about one image, which grows while more of the image becomes known."""

    def show(self, state: ImageState, *, keep_place: bool = False) -> None:
        """Show `state`; `keep_place` if it is a later state of the image that is shown."""
        self.show_text(
            lambda width: self.image_lines(state, width),
            titles=lambda width: self.image_titles(state, width),
            keep_place=keep_place,
        )

    def image_lines(self, state: ImageState, width: int) -> Sequence[Line]:
        """The lines about `state` in `width` cells."""
        raise NotImplementedError

    def image_titles(self, state: ImageState, width: int) -> tuple[Piece, ...] | None:
        """The line that stays on top; None at any width if there is none."""
        return None


def cells_of(pieces: tuple[Piece, ...]) -> int:
    """How many cells `pieces` take."""
    return sum(cell_len(text) for text, _ in pieces)


def hanging(
    before: tuple[Piece, ...],
    text: SafeText,
    width: int,
    *,
    ink: str = "plain",
    indent: int | None = None,
    item: int | None = None,
    copy: SafeText = _NOTHING,
) -> Iterator[Line]:
    """Break `text` into lines.

    Args:
        before: What stands before it on the first line.
        text: Broken between words, and never narrower than a few cells.
        width: Cells of a whole line.
        ink: What the text is painted with.
        indent: Cells before the further lines; by default as many as `before` takes.
        item: The item of the lines.
        copy: What a copy of the lines is.
    """
    left = cells_of(before)
    indent = left if indent is None else indent
    for number, part in enumerate(wrap(text, max(width - max(left, indent), _TEXT_AT_LEAST))):
        yield Line((*(((" " * indent, "plain"),) if number else before), (part, ink)), item, copy=copy)


def size_and_bar(size: str, part: int, whole: int, width: int, *, ink: str = "plain") -> tuple[Piece, ...]:
    """A size at the right of its column, and where there is room a bar, as the columns that a line begins with."""
    pieces: tuple[Piece, ...] = ((column(size, SIZE_CELLS, right=True), ink), ("  ", "plain"))
    if width < NARROW:
        return pieces
    return (*pieces, (bar(part, whole, BAR_CELLS), "bar"), ("  ", "plain"))


def date_words(when: datetime) -> SafeText:
    """The time of day and the date, unless it is one that stands for none."""
    return UNDATED if age(when, when) == UNDATED else moment(when)


def why_nothing(state: ImageState, what: str) -> SafeText:
    """Why an image that is read has no `what`."""
    if state.artifact:
        return SafeText(f"{state.artifact}: an artifact of this kind has no {what}.")
    if state.manifest is not None and isinstance(state.manifest.content, Index):
        return SafeText(f"This index has no image in it, so there is no {what}.")
    return SafeText(f"This image has no {what}.")
