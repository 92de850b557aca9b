"""An empty Textual app with one focused widget as large as a list of ours, all of which each key scrolls."""

from __future__ import annotations

from rich.segment import Segment
from textual import events
from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip


class Page(ScrollView, can_focus=True, inherit_bindings=False):
    """Numbered lines."""

    DEFAULT_CSS = "Page { width: 28; height: 34; scrollbar-size-vertical: 1; }"

    def on_mount(self) -> None:
        self.virtual_size = Size(0, 100_000)

    def render_line(self, y: int) -> Strip:
        return Strip([Segment(f"painted line {y + self.scroll_offset.y}".ljust(27))], 27)

    def on_key(self, event: events.Key) -> None:
        lines = 1 if event.key == "down" else self.size.height
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True, immediate=True)


class PageApp(App[None]):
    """Shows it."""

    def compose(self) -> ComposeResult:
        yield Page()


if __name__ == "__main__":
    PageApp().run()
