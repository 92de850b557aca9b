"""A small guarded app with a door like the real program's, for tests on a terminal."""

from __future__ import annotations

import os
import sys
import time

from regbrowse.tui.environment import check_terminal, prepare_environment

if __name__ == "__main__":
    prepare_environment(os.environ)

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList

from regbrowse.tui.guards import GuardedApp, run_app

CANARY = "canary" + "-local-7f3a"
"""Never written in one piece but at run time, so that a source line in a traceback does not hold it."""


class Dialog(ModalScreen[None]):
    """A dialog, to which the bindings of the app do not reach."""

    def compose(self) -> ComposeResult:
        yield Label("in a dialog")


class GuardedSmallApp(GuardedApp):
    """One list, one text box, and a key for each way to end badly."""

    AUTO_FOCUS = "OptionList"
    CSS = "OptionList { height: 1fr; } Input { border: none; height: 1; }"
    BINDINGS = [  # noqa: RUF012
        Binding("q", "quit", "Quit"),
        Binding("x", "crash('handler')"),
        Binding("w", "crash('worker')"),
        Binding("t", "crash('thread')"),
        Binding("e", "crash('escape')"),
        Binding("d", "dialog"),
        Binding("b", "block"),
        Binding("s", "stuck_thread"),
        Binding("u", "open('https://registry.example/')"),
        Binding("slash", "type"),
    ]

    def compose(self) -> ComposeResult:
        yield Label("ready: all painted")
        yield Input(placeholder="type here")
        yield OptionList(*(f"row {number}" for number in range(30)), markup=False)

    def action_crash(self, where: str) -> None:
        canary = CANARY
        if where == "worker":
            self.fail()
        elif where == "thread":
            self.fail_in_thread()
        elif where == "escape":
            raise RuntimeError("A>\x1b]52;c;aGVsbG8=\x07\x9b31m\u202e<B")
        elif canary:
            raise RuntimeError("crash on request")

    @work
    async def fail(self) -> None:
        canary = CANARY
        if canary:
            raise RuntimeError("crash on request")

    @work(thread=True)
    def fail_in_thread(self) -> None:
        canary = CANARY
        if canary:
            raise RuntimeError("crash on request")

    def action_dialog(self) -> None:
        self.push_screen(Dialog())

    def action_block(self) -> None:
        self._driver.write("blocking")  # type: ignore[union-attr]
        while True:
            pass

    @work(thread=True)
    def action_stuck_thread(self) -> None:
        self.notify("stuck")
        time.sleep(3_600)

    def action_open(self, url: str) -> None:
        self.open_url(url)

    def action_type(self) -> None:
        self.screen.set_focus(self.query_one(Input))


def main() -> int:
    refusal = check_terminal(os.environ, sys.__stdin__, sys.__stderr__)
    if refusal is not None:
        sys.stderr.write(f"{refusal}\n")
        return 1
    return run_app(GuardedSmallApp())


if __name__ == "__main__":
    sys.exit(main())
