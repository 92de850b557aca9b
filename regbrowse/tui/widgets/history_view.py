"""The History tab: what was done to build the image, oldest first, and how much each step weighs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from regbrowse.browser.commands import present_command
from regbrowse.browser.states import ImageState, Phase
from regbrowse.browser.wording import file_size
from regbrowse.registry.models import Step
from regbrowse.registry.text import SafeText
from regbrowse.tui.widgets.cells import column
from regbrowse.tui.widgets.image_view import (
    BAR_CELLS,
    NARROW,
    SIZE_CELLS,
    ImageView,
    cells_of,
    date_words,
    hanging,
    size_and_bar,
    why_nothing,
)
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.text_view import Line

_NO_LAYER: Final = "–"
_UNKNOWN: Final = "?"
_CONTINUED: Final = 2
_ID_CELLS: Final = 12


def history_titles(width: int) -> tuple[Piece, ...]:
    """The titles of the columns in `width` cells."""
    bars = BAR_CELLS + 2 if width >= NARROW else 0
    return ((column("SIZE", SIZE_CELLS, right=True) + " " * (2 + bars) + "STEP", "title"),)


def history_lines(state: ImageState, width: int) -> list[Line]:
    """Lay the steps of an image out in `width` cells. The items of the lines are positions in `state.steps`."""
    if not state.steps and state.phase is Phase.READY:
        return list(hanging((), why_nothing(state, "history"), width, ink="muted"))
    largest = max((step.size or 0 for step in state.steps), default=0)
    return [line for number, step in enumerate(state.steps) for line in _step_lines(step, number, largest, width)]


def _step_lines(step: Step, number: int, largest: int, width: int) -> Iterator[Line]:
    empty = step.digest is None and step.size == 0
    before = size_and_bar(_size(step, empty), step.size or 0, largest, width, ink="plain" if step.size else "muted")
    left = cells_of(before)
    name = SafeText(step.digest or (step.v1.id if step.v1 else ""))
    copy = step.entry.created_by if step.entry and step.entry.created_by else name
    yield from _command_lines(step, before, left, width, ink="muted" if empty else "plain", number=number, copy=copy)
    if empty and step.v1 is None:
        return
    if step.digest is None and step.v1 is None:
        missing = SafeText("its layer is missing from the manifest")
        yield from hanging(_gap(left), missing, width, ink="warning", item=number, copy=copy)
    if facts := _facts(step, width - left):
        yield from hanging(_gap(left), facts, width, ink="muted", item=number, copy=copy)


def _size(step: Step, empty: bool) -> str:
    if empty:
        return _NO_LAYER
    return _UNKNOWN if step.size is None else file_size(step.size)


def _command_lines(
    step: Step, before: tuple[Piece, ...], left: int, width: int, *, ink: str, number: int, copy: SafeText
) -> Iterator[Line]:
    if step.entry is None or not step.entry.created_by:
        said = "layer without history" if step.entry is None else step.entry.comment or "a step that says nothing"
        yield from hanging(before, SafeText(said), width, ink="muted", item=number, copy=copy)
        return
    command = present_command(step.entry.created_by)
    indent = left + 2 * _CONTINUED
    if command.instruction:
        before = (*before, (command.instruction, "muted" if ink == "muted" else "strong"), (" ", "plain"))
    for position, text in enumerate(command.lines):
        if position:
            before = _gap(left + _CONTINUED)
        yield from hanging(before, text, width, ink=ink, indent=indent, item=number, copy=copy)


def _facts(step: Step, room: int) -> SafeText:
    """What the layer is called, and when it was made if there is room for both."""
    facts = [step.digest.short] if step.digest else []
    if step.v1:
        below = f" on {step.v1.parent[:_ID_CELLS]}" if step.v1.parent else ""
        facts.append(f"id {step.v1.id[:_ID_CELLS]}{below}")
    if step.entry and step.entry.created:
        facts.append(date_words(step.entry.created))
    both = " · ".join(facts)
    return SafeText(both if len(both) <= room else "".join(facts[:1]))


def _gap(cells: int) -> tuple[Piece, ...]:
    return ((" " * cells, "plain"),)


class HistoryView(ImageView):
    """The steps of an image, each with the layer it made."""

    def image_lines(self, state: ImageState, width: int) -> list[Line]:
        return history_lines(state, width)

    def image_titles(self, state: ImageState, width: int) -> tuple[Piece, ...] | None:
        return history_titles(width) if state.steps else None
