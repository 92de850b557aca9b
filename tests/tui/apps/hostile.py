"""Shows hostile strings through many of Textual's widgets, as if nobody had cleaned them."""

from __future__ import annotations

import os
import sys
from typing import Final

from regbrowse.tui.environment import prepare_environment

if __name__ == "__main__":
    prepare_environment(os.environ)

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import (
    Button,
    DataTable,
    Header,
    Input,
    Label,
    Log,
    OptionList,
    RichLog,
    Static,
    Tree,
)

from regbrowse.tui.guards import GuardedApp, run_app

PAYLOADS: Final = {
    "clipboard": "\x1b]52;c;aGVsbG8=\x1b\\",
    "clipboard by bell": "\x1b]52;c;aGVsbG8=\x07",
    "clipboard by C1": "\x9d52;c;aGVsbG8=\x9c",
    "window title": "\x1b]0;owned\x07",
    "primary screen": "\x1b[?1049l",
    "colour by C1": "\x9b31m",
    "reset": "\x1bc",
    "device report": "\x1b[6n",
    "device control": "\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\",
    "bidirectional override": "\u202egnp.exe\u202c",
    "zero width": "lat\u200best",
    "nul and delete": "\x00\x7f",
    "shift out": "\x0e\x0f",
    "soft hyphen": "lat\xadest",
    "tags": "\U000e0041",
    "fillers": "\u3164\u115f",
    "surrogate": "\udc9b",
}
"""Each is shown between `A>` and `<B`."""

LINK: Final = "https://x/\x1b]52;c;aGVsbG8=\x07"


class HostileApp(GuardedApp):
    """One column for each kind of widget."""

    CSS = """
    Screen { layout: grid; grid-size: 3; grid-rows: 20; }
    Static, OptionList, DataTable, Tree, RichLog, Log { height: 20; }
    Input, Button, Header, Label { height: 1; border: none; }
    """
    BINDINGS = [("q", "quit", "Quit")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        shown = [f"A>{payload}<B" for payload in PAYLOADS.values()]
        lines = "\n".join(shown)
        one_line = " ".join(shown)
        yield Header()
        yield Static(lines, markup=False)
        yield Static(Content(lines))
        yield Static(Text(lines))
        yield OptionList(*shown, markup=False)
        table: DataTable[Text] = DataTable()
        table.add_column(Text(one_line))
        table.add_rows([[Text(text)] for text in shown])
        yield table
        tree: Tree[None] = Tree(Text("A>\x1b]0;owned\x07<B"))
        for text in shown:
            tree.root.add_leaf(Text(text))
        tree.root.expand()
        yield tree
        rich_log = RichLog(min_width=200)
        rich_log.write(Text(lines))
        yield rich_log
        yield Log().write_lines(shown)
        yield Input(value=one_line)
        yield Input(placeholder=one_line)
        yield Button(Text(one_line))
        bordered = Static("bordered", classes="bordered")
        bordered.border_title = Content(one_line)
        bordered.styles.border = ("round", "red")
        yield bordered
        yield Static(Text("linked", style=Style(link=LINK)))
        yield Label("ready: all painted")

    def on_mount(self) -> None:
        shown = "\n".join(f"A>{payload}<B" for payload in PAYLOADS.values())
        self.title = self.sub_title = shown
        self.notify(shown, title=shown, timeout=600)


if __name__ == "__main__":
    sys.exit(run_app(HostileApp()))
