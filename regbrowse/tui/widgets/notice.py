"""What a pane says when it has no rows to show, or something to say about them: never nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from regbrowse.browser.states import Asks, Problem
from regbrowse.registry.errors import UnsupportedError
from regbrowse.registry.text import SafeText

MUTED: Final = "$foreground 60%"
"""The style of words that stand back. Textual's own `$text-muted` has no effect inside a text."""

_NOTHING: Final = SafeText("")

_OTHER_TOOLS: Final = "docker login or podman login"
"""What a next step says that is said by the key that logs in here. The step of a vendor says something else."""

_LOGIN_KEY: Final = {
    Asks.LOGIN: "L logs in, ",
    Asks.MAY_LOG_IN: "L logs in, ",
    Asks.TRUST_REALM: "L allows it, ",
    Asks.UNSAFE_LOGIN: "L allows it, ",
}

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

    def say(
        self,
        sentence: SafeText | str = "",
        next_step: SafeText | str = "",
        *,
        failed: bool = False,
        warns: bool = False,
    ) -> None:
        """Say `sentence`, and `next_step` on a line of its own; with neither, disappear."""
        style = "$text-error" if failed else "$text-warning" if warns else "$foreground"
        self.show([words for words in ((sentence, style), (next_step, MUTED)) if words[0]])

    def show(self, paragraphs: Sequence[tuple[str, str]]) -> None:
        """Say `paragraphs`, each in a style of Textual's; with none, disappear."""
        self.words = tuple(("\n" * bool(number) + words, style) for number, (words, style) in enumerate(paragraphs))
        self.set_class(bool(paragraphs), "-shown")

    def say_problem(self, problem: Problem, keys: str = "o opens by name, r asks again.", more: str = "") -> None:
        """Say what went wrong and what to do, and by which keys."""
        keys = f"{_LOGIN_KEY.get(problem.asks, '')}{keys}"
        step = problem.next_step if problem.asks is Asks.NOTHING else own_step(problem.next_step)
        step = _NOTHING if step == UnsupportedError.default_next_step else step
        self.say(problem.sentence, "\n".join(filter(None, (step, keys, more))), failed=True)

    def render(self) -> Content:
        return Content.assemble(*self.words, end="")


def own_step(next_step: SafeText, instead: SafeText = _NOTHING) -> SafeText:
    """`next_step`, or `instead` of one that is to log in by other tools than this."""
    return instead if _OTHER_TOOLS in next_step else next_step
