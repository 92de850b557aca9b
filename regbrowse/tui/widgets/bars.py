"""The one-line bars at the top and the bottom of the screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from regbrowse.registry.text import SafeText
from regbrowse.tui.actions import Action
from regbrowse.tui.widgets.cells import elided, fits
from regbrowse.tui.widgets.notice import MUTED

_GAP: Final = "   "

_WORTH_IT: Final = 8
"""Cells from which on the beginning of a text still says something."""

Group = tuple[tuple[str, str], ...]
"""Texts (`SafeText`, or a constant) that are of no use without each other, each with a style of Textual's."""


class Bar(Widget):
    """A line with words at the left and words at the right; the right ones give way first."""

    DEFAULT_CSS = "Bar { height: 1; padding: 0 1; background: $panel; color: $foreground; }"
    ELIDES: ClassVar[bool] = False
    """Whether the first group at the left that does not fit is cut; otherwise it is left out, as all after it."""

    left: reactive[tuple[Group, ...]] = reactive((), init=False)
    right: reactive[Group] = reactive((), init=False)

    def render(self) -> Content:
        width = max(self.content_size.width, 1)
        left = _fitted(self.left, width, elides=self.ELIDES)
        used, size = _size(left), _size(self.right)
        right = self.right if used + len(_GAP) + size <= width else ()
        return Content.assemble(*left, " " * max(0, width - used - _size(right)), *right, end="")


def _size(words: Iterable[tuple[str, str]]) -> int:
    return sum(cell_len(text) for text, _ in words)


def _fitted(groups: Iterable[Group], width: int, *, elides: bool) -> Group:
    """As many of `groups` as fit."""
    fitted: Group = ()
    for group in groups:
        room = width - _size(fitted) - _size(group[:-1])
        text, style = group[-1]
        if fits(text, room):
            fitted += group
            continue
        if elides and room >= _WORTH_IT:
            fitted += (*group[:-1], (elided(text, room), style))
        break
    return fitted


class Header(Bar):
    """Names the registry and how it is reached."""

    ELIDES = True

    def show(self, registry: SafeText, reached: Sequence[SafeText], *, others: int) -> None:
        """Draw the line.

        Args:
            registry: As the user named it.
            reached: Protocol, TLS state, account; or what is being done to find out.
            others: How many more registries are known.
        """
        groups: list[Group] = [(("regbrowse  ", MUTED), (registry, "bold $text-accent"))]
        for number, part in enumerate(part for part in reached if part):
            groups.append((("   " if number == 0 else " · ", MUTED), (part, "$foreground")))
        self.left = tuple(groups)
        more = "registry" if others == 1 else "registries"
        self.right = ((f"{others} more {more} ", MUTED), ("R", "bold $text-accent")) if others else ()


class Footer(Bar):
    """The keys that matter in the focused pane, and the count of requests."""

    def show(self, actions: Iterable[Action], counted: str) -> None:
        """Draw the line; `counted` stands at the right."""
        self.left = tuple(
            ((f"{action.shown} ", "bold $text-accent"), (f"{action.word}  ", MUTED)) for action in actions
        )
        self.right = ((counted, MUTED),)
