"""An empty Textual app with one focused widget, which paints its only line again for each key."""

from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult
from textual.widget import Widget


class Line(Widget, can_focus=True):
    """Counts keys."""

    DEFAULT_CSS = "Line { height: 1; }"
    count = 0

    def render(self) -> str:
        return f"painted {self.count} times"

    def on_key(self, event: events.Key) -> None:
        self.count += 1
        self.refresh()


class LineApp(App[None]):
    """Shows it."""

    def compose(self) -> ComposeResult:
        yield Line()


if __name__ == "__main__":
    LineApp().run()
