"""A bare Textual app of five panes, with nothing in them: what any program of our shape costs at least."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, Header, Input, Static


class PanesApp(App[None]):
    """A header, an input, three panes side by side, a footer."""

    CSS = "Vertical { border: round white; }"
    BINDINGS = [("q", "quit", "Quit")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        yield Header()
        yield Input(placeholder="search")
        yield Horizontal(*(Vertical(Static(f"pane {number}: painted")) for number in range(1, 4)))
        yield Footer()


if __name__ == "__main__":
    PanesApp().run()
