"""An empty Textual app: a screen with nothing but one Static."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.widgets import Static


class EmptyScreen(Screen[None]):
    """Says one word."""

    def compose(self) -> ComposeResult:
        yield Static("painted")


class EmptyApp(App[None]):
    """Shows it."""

    def get_default_screen(self) -> Screen[None]:
        return EmptyScreen()


if __name__ == "__main__":
    EmptyApp().run()
