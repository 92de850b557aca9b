"""Figures, how they are compared in pairs, and the table that they are shown in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rich.cells import cell_len


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing beside its bound.

    Attributes:
        what: What was measured.
        value: The figure, in `unit`.
        unit: `ms`, `×`, `bytes`, `MiB`, `requests`.
        bound: The most that it may be; None for what is only good to know.
        note: What it was made from.
    """

    what: str
    value: float
    unit: str
    bound: float | None = None
    note: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """The figure's row of the table."""
        if self.bound is None:
            return (self.what, _said(self.value, self.unit), "", "", self.note)
        verdict = "yes" if self.value <= self.bound else "NO"
        return (self.what, _said(self.value, self.unit), _said(self.bound, self.unit), verdict, self.note)


TITLES = ("what", "measured", "bound", "holds", "from")


def table(figures: Iterable[Figure]) -> str:
    """The figures as a table that is Markdown too."""
    rows = [TITLES, *(figure.cells for figure in figures)]
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(TITLES))]
    lines = ["| " + " | ".join(_padded(*pair) for pair in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def paired(rounds: int, contenders: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Measure all contenders `rounds` times, one right after the other, each round in another order.

    What else the machine does meanwhile then meets all of them.
    """
    found: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            found[name].append(contenders[name]())
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios, pair by pair."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def _said(value: float, unit: str) -> str:
    if unit == "×":
        return f"{value:.2f} ×"
    if unit == "requests":
        return f"{value:,.0f}"
    if unit == "bytes":
        return f"{value:,.0f} bytes"
    return f"{value:,.1f} {unit}"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
