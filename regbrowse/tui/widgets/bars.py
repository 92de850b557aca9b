"""The one-line bars at the top and the bottom of the screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from regbrowse.registry.text import SafeText
from regbrowse.tui.actions import Action
from regbrowse.tui.widgets.notice import MUTED

_GAP: Final = "   "


class Bar(Widget):
    """A line with words at the left and words at the right; the right ones give way first.

    Words are pairs of a text (`SafeText`, or a constant) and a style of Textual's, such as `$text-muted`.
    """

    DEFAULT_CSS = "Bar { height: 1; padding: 0 1; background: $panel; color: $foreground; }"

    left: reactive[tuple[tuple[str, str], ...]] = reactive((), init=False)
    right: reactive[tuple[tuple[str, str], ...]] = reactive((), init=False)

    def render(self) -> Content:
        width = max(self.content_size.width, 1)
        left, used = _fitted(self.left, width)
        right, size = _fitted(self.right, width - used - len(_GAP)) if self.right else ([], 0)
        if sum(cell_len(text) for text, _ in self.right) != size:
            right, size = [], 0
        return Content.assemble(*left, " " * max(0, width - used - size), *right, end="")


def _fitted(words: Iterable[tuple[str, str]], width: int) -> tuple[list[tuple[str, str]], int]:
    """As many of `words` as fit, and the cells that they take."""
    fitted: list[tuple[str, str]] = []
    used = 0
    for text, style in words:
        size = cell_len(text)
        if used + size > width:
            break
        fitted.append((text, style))
        used += size
    return fitted, used


class Header(Bar):
    """Names the registry and how it is reached."""

    def show(self, registry: SafeText, reached: Sequence[SafeText], *, others: int) -> None:
        """Draw the line.

        Args:
            registry: As the user named it.
            reached: Protocol, TLS state, account; or what is being done to find out.
            others: How many more registries are known.
        """
        words = [("regbrowse  ", MUTED), (registry, "bold $text-accent")]
        for number, part in enumerate(part for part in reached if part):
            words += [("   " if number == 0 else " · ", MUTED), (part, "$foreground")]
        self.left = tuple(words)
        more = "registry" if others == 1 else "registries"
        self.right = ((f"{others} more {more} ", MUTED), ("R", "bold $text-accent")) if others else ()


class Footer(Bar):
    """The keys that matter in the focused pane, and the count of requests."""

    def show(self, actions: Iterable[Action], counted: str) -> None:
        """Draw the line; `counted` stands at the right."""
        words: list[tuple[str, str]] = []
        for action in actions:
            words.append((f"{action.shown} ", "bold $text-accent"))
            words.append((f"{action.word}  ", MUTED))
        self.left = tuple(words)
        self.right = ((counted, MUTED),)
