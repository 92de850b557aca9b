"""The command palette: every action, found by its words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from regbrowse.browser.filtering import parse_filter
from regbrowse.tui.actions import Action
from regbrowse.tui.screens.dialogs import FRAME, Dialog
from regbrowse.tui.widgets.cells import column
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.virtual_list import VirtualList

_KEY_CELLS = 10


class _Words(Input):
    """The line to type in; the keys that move go to the list."""

    async def _on_key(self, event: events.Key) -> None:
        moves = {"up": "up", "down": "down", "pageup": "page_up", "pagedown": "page_down"}
        if event.key in moves:
            event.prevent_default().stop()
            getattr(self.screen.query_one(VirtualList), f"action_move_{moves[event.key]}")()


class PaletteScreen(Dialog[Action]):
    """Lets the user find an action by its words; gives it, or None."""

    DEFAULT_CSS = f"PaletteScreen {{ {FRAME} }} PaletteScreen Input {{ background: $boost; margin-bottom: 1; }}"

    def __init__(self, actions: Sequence[Action]) -> None:
        super().__init__()
        self._actions = actions

    def compose(self) -> ComposeResult:
        words = _Words(placeholder="what to do", compact=True)
        words.cursor_blink = False
        rows: VirtualList[Action] = VirtualList(_paint)
        rows.styles.height = len(self._actions)
        rows.can_focus = False
        frame = Vertical(words, rows)
        frame.border_title = Content("Commands")
        frame.border_subtitle = Content("enter does it, esc leaves")
        yield frame

    def on_mount(self) -> None:
        self.query_one(VirtualList).set_rows(self._actions)
        self.set_focus(self.query_one(_Words))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        wanted = parse_filter(event.value)
        found = [action for action in self._actions if wanted.matches(f"{action.word} {action.words} {action.also}")]
        self.query_one(VirtualList).set_rows(found, keep_cursor=False)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        chosen = self.query_one(VirtualList).row
        if chosen is not None:
            self.leave(chosen)

    @on(VirtualList.Selected)
    def _selected(self, event: VirtualList.Selected) -> None:
        self.leave(event.row)


def _paint(action: Action, index: int, width: int) -> Iterable[Piece]:
    yield column(action.shown, _KEY_CELLS), "accent"
    yield action.words, "plain"
