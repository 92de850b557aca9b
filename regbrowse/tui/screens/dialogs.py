"""Small screens over the main one: a choice from a list, a name to open, a text to read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from regbrowse.registry.errors import InvalidReferenceError
from regbrowse.registry.reference import RegistryAddress, Target, parse_target
from regbrowse.registry.text import SafeText
from regbrowse.tui.guards import GuardedApp
from regbrowse.tui.widgets.cells import elided
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.notice import Notice
from regbrowse.tui.widgets.text_view import Line, TextView
from regbrowse.tui.widgets.virtual_list import VirtualList

T = TypeVar("T")

_NOTHING: Final = SafeText("")

FRAME = """
    align: center middle;
    & > Vertical {
        width: 84; max-width: 96%; height: auto; max-height: 90%;
        border: round $accent; border-title-color: $text-accent; border-title-style: bold;
        border-subtitle-color: $text-muted; background: $surface; padding: 1 1;
    }
"""


class Dialog(ModalScreen[T | None]):
    """A screen that gives one result, once: of keys that come in a burst, those after the last are not its own."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", show=False)]

    is_opening = False
    """Whether keys are held until it takes them: for a password, that is typed into nothing else."""

    _given: tuple[T | None] | None = None
    """Its result, once it has one."""

    def take_keys(self) -> None:
        """Begin to take the keys that were held."""
        assert isinstance(self.app, GuardedApp)
        self.is_opening = False
        self.app.release_keys()

    def leave(self, result: T | None = None) -> None:
        """Give `result` and go: at once, or when what is over it has gone."""
        if self._given is None:
            self._given = (result,)
        if self.is_active:  # `is_current` is also what is below a dialog, and Textual dismisses the topmost
            self.dismiss(*self._given)

    def on_screen_resume(self) -> None:
        if self._given is not None:
            self.leave()

    def action_leave(self) -> None:
        self.leave()


@dataclass(frozen=True, slots=True)
class Choice:
    """One line to choose: what it is, and more about it."""

    label: SafeText
    more: SafeText = _NOTHING


@dataclass(frozen=True, slots=True)
class Change:
    """One is somebody else at a registry now.

    Attributes:
        said: What the user should hear of it; empty if nothing.
        is_nobody: One is without a login, because the user wanted that.
    """

    said: SafeText = _NOTHING
    is_nobody: bool = False


class ChoiceScreen(Dialog[int]):
    """Lets the user choose one of a few lines; gives its number, or None.

    Args:
        title: What is chosen.
        choices: The lines.
        chosen: The number of the one that is chosen now.
        hint: What the keys do.
    """

    DEFAULT_CSS = f"ChoiceScreen {{ {FRAME} }} ChoiceScreen VirtualList {{ height: auto; max-height: 24; }}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,h,left", "leave", "Back", show=False)]

    def __init__(
        self, title: str, choices: Sequence[Choice], *, chosen: int = 0, hint: str = "enter chooses, esc leaves"
    ) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._chosen = chosen
        self._hint = hint

    def compose(self) -> ComposeResult:
        rows: VirtualList[Choice] = VirtualList(self._paint)
        rows.styles.height = min(24, max(1, len(self._choices)))
        frame = Vertical(rows)
        frame.border_title = Content(self._title)
        frame.border_subtitle = Content(self._hint)
        yield frame

    def on_mount(self) -> None:
        rows = self.query_one(VirtualList)
        rows.set_rows(self._choices)
        rows.cursor = self._chosen
        rows.focus()

    @on(VirtualList.Selected)
    def _selected(self, event: VirtualList.Selected) -> None:
        self.leave(event.index)

    def _paint(self, choice: Choice, index: int, width: int) -> Iterable[Piece]:
        label = elided(choice.label, width)
        yield label, "plain"
        yield "   ", "plain"
        yield elided(choice.more, width - cell_len(label) - 3), "muted"


class OpenScreen(Dialog[Target]):
    """Lets the user name a registry, a repository or an image.

    Args:
        registry: Where a bare name belongs.
    """

    DEFAULT_CSS = f"OpenScreen {{ {FRAME} }} OpenScreen Input {{ background: $boost; }}"

    def __init__(self, registry: RegistryAddress | None) -> None:
        super().__init__()
        self._registry = registry

    def compose(self) -> ComposeResult:
        where = str(self._registry) if self._registry else "Docker Hub"
        entry = Input(placeholder="team/app:1.2   registry.corp:5000/team/app", compact=True)
        entry.cursor_blink = False
        notice = Notice()
        frame = Vertical(entry, notice)
        frame.border_title = Content("Open by name")
        frame.border_subtitle = Content(f"a bare name is looked for at {where}")
        yield frame

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._explain("")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._explain(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            self.leave(parse_target(event.value, self._registry))
        except InvalidReferenceError as error:
            self.query_one(Notice).say(error.user_message, error.next_step, failed=True)

    def _explain(self, text: str) -> None:
        notice = self.query_one(Notice)
        if not text.strip():
            notice.say("", "A registry, a repository or an image. enter opens, esc leaves.")
            return
        try:
            target = parse_target(text, self._registry)
        except InvalidReferenceError as error:
            notice.say("", error.user_message)
            return
        kind = "image" if target.reference else "repository" if target.repository else "registry"
        notice.say("", f"Opens the {kind} {target}.")


class TextScreen(Dialog[None]):
    """Shows a text to read."""

    DEFAULT_CSS = (
        f"TextScreen {{ {FRAME} }} TextScreen TextView {{ height: 1fr; }} TextScreen > Vertical {{ height: 90%; }}"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,h,left,question_mark,f1", "leave", "Back", show=False),
    ]

    def __init__(self, title: str, compose_lines: Callable[[int], Sequence[Line]]) -> None:
        super().__init__()
        self._title = title
        self._compose_lines = compose_lines
        self._view = TextView()

    def compose(self) -> ComposeResult:
        frame = Vertical(self._view)
        frame.border_title = Content(self._title)
        frame.border_subtitle = Content("esc leaves")
        yield frame

    def on_mount(self) -> None:
        self._view.show_text(self._compose_lines)
        self._view.focus()

    def set_lines(self, compose_lines: Callable[[int], Sequence[Line]]) -> None:
        """Show another state of the text. There is none to show it to once the user has left."""
        if self._view.is_attached:
            self._view.show_text(compose_lines, keep_place=True)
