"""What a pane says when it has no rows to show, or something to say about them: never nothing."""

from __future__ import annotations

from typing import Final

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from regbrowse.browser.states import Problem
from regbrowse.registry.errors import UnsupportedError
from regbrowse.registry.text import SafeText

MUTED: Final = "$foreground 60%"
"""The style of words that stand back. Textual's own `$text-muted` has no effect inside a text."""

_FRAMES: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Spinner(Widget):
    """One cell that turns while something is awaited: tens of bytes a second, for those on a thin line."""

    DEFAULT_CSS = "Spinner { width: 2; height: 1; color: $text-accent; }"

    frame: reactive[int] = reactive(0, init=False)

    def on_mount(self) -> None:
        self._timer = self.set_interval(1 / 4, self._turn, pause=True)

    def turn(self, turning: bool) -> None:
        """Begin or end to turn."""
        self.display = turning
        if turning:
            self._timer.resume()
        else:
            self._timer.pause()

    def render(self) -> Content:
        return Content(_FRAMES[self.frame % len(_FRAMES)])

    def _turn(self) -> None:
        self.frame += 1


class Notice(Widget):
    """A few lines: a sentence, and a next step."""

    DEFAULT_CSS = """
    Notice {
        height: auto; padding: 0 1; display: none;
        &.-shown { display: block; }
    }
    """

    words: reactive[tuple[tuple[str, str], ...]] = reactive((), init=False, layout=True)

    def say(self, sentence: SafeText | str = "", next_step: SafeText | str = "", *, failed: bool = False) -> None:
        """Say `sentence`, and `next_step` on a line of its own; with neither, disappear."""
        words: list[tuple[str, str]] = []
        if sentence:
            words.append((sentence, "$text-error" if failed else "$foreground"))
        if next_step:
            words.append((("\n" if words else "") + next_step, MUTED))
        self.words = tuple(words)
        self.set_class(bool(words), "-shown")

    def say_problem(self, problem: Problem, keys: str = "o opens by name, r asks again.", more: str = "") -> None:
        """Say what went wrong and what to do, and by which keys."""
        next_step = "" if problem.next_step == UnsupportedError.default_next_step else problem.next_step
        self.say(problem.sentence, "\n".join(filter(None, (next_step, keys, more))), failed=True)

    def render(self) -> Content:
        return Content.assemble(*self.words, end="")
