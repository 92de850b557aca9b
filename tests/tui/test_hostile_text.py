"""Text that nobody cleaned, through Textual's own widgets, onto a real terminal: the last line of defence."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.color import Color
from textual.widgets import Static

from regbrowse.tui.guards import CleanFilter, GuardedApp, acts_on_terminal, is_web_address
from tests.terminal import Terminal
from tests.tui.apps.hostile import PAYLOADS

ROOT = Path(__file__).parents[2]
BLACK = Color(0, 0, 0)
SEQUENCE_OF_OURS = re.compile(
    rb"\x1b\[[0-9;]*[mHJ]|\x1b\[\?(?:1049|1000|1003|1006|1015|1004|2004|2026|25|7)[hl]"
    rb"|\x1b\[\?(?:2026|2048)\$p|\x1b\[>[0-9]+u|\x1b\]22;[a-z-]+\x07|[\r\n\x07]"
)
"""All that Textual itself writes between its start and its end."""


def clean(text: str, style: Style | None = None) -> Segment:
    [segment] = CleanFilter().apply([Segment(text, style)], BLACK)
    return segment


@pytest.fixture(scope="module")
def written() -> Iterator[bytes]:
    """What an app full of hostile strings writes while it runs."""
    with Terminal([sys.executable, "-m", "tests.tui.apps.hostile"], columns=240, rows=140, cwd=ROOT) as terminal:
        terminal.wait_for("ready: all painted")
        terminal.wait_idle()
        raw = terminal.raw
        assert terminal.clipboard == []
        assert terminal.links == []
        yield raw
        terminal.press("q")
        assert terminal.wait_for_exit() == 0


def test_no_character_that_acts_is_written(written: bytes) -> None:
    text = SEQUENCE_OF_OURS.sub(b"", written).decode()
    assert set(filter(acts_on_terminal, text)) == set()


@pytest.mark.parametrize("name", PAYLOADS)
def test_what_is_harmless_of_a_payload_is_shown_by_the_widgets(written: bytes, name: str) -> None:
    shown = "".join(
        "\N{REPLACEMENT CHARACTER}*" if acts_on_terminal(char) else re.escape(char) for char in PAYLOADS[name]
    )
    assert len(re.findall(f"A>{shown}<B", written.decode())) >= 8


@given(st.text())
def test_the_filter_leaves_no_character_that_acts(text: str) -> None:
    assert not any(map(acts_on_terminal, clean(text).text))


@given(st.text(st.one_of(st.characters(), st.sampled_from("\u200d\ufe0f❤👩🚀🇩🇪👍🏽"))))
def test_the_filter_keeps_the_width_that_was_laid_out(text: str) -> None:
    assert cell_len(clean(text).text) == cell_len(text)


@pytest.mark.parametrize(
    ("emoji", "shown"),
    [("👩\u200d🚀", "👩"), ("❤\ufe0f", "❤ "), ("🇩🇪", "DE"), ("👍🏽", "👍"), ("❤\ufe0f\u200d🔥", "❤ ")],
)
def test_a_picture_of_several_characters_is_as_wide_as_on_any_other_terminal(emoji: str, shown: str) -> None:
    assert clean(emoji).text == shown


@pytest.mark.parametrize("text", ["plain", "╭──╮", "漢字", "e\u0301", "שלום"])
def test_the_filter_keeps_what_is_harmless(text: str) -> None:
    assert clean(text).text == text


@pytest.mark.parametrize(
    "url", ["https://x/\x1b]0;a\x07", "javascript:alert(1)", "file:///etc/passwd", "https://х.ru/"]
)
def test_the_filter_drops_an_unfit_hyperlink(url: str) -> None:
    style = clean("text", Style(link=url, bold=True)).style
    assert style is not None
    assert (style.link, style.bold) == (None, True)


def test_the_filter_keeps_a_fit_hyperlink() -> None:
    style = clean("text", Style(link="https://registry.example/a?b=c")).style
    assert style is not None
    assert style.link == "https://registry.example/a?b=c"


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://a/", True), ("https://a/", True), ("ftp://a/", False), ("https://a b/", False), ("-https://a/", False)],
)
def test_only_http_and_https_are_web_addresses(url: str, expected: bool) -> None:
    assert is_web_address(url) is expected


MARKUP = [
    "a[/]b",
    "a[/x]b",
    "a[/ b",
    "[type=x, v={'a[0]'}]",
    "[@click=app.quit]x[/]",
    "[link=https://x]x[/link]",
    "[bold]x[/bold]",
    "[FOO]",
    "[b=c]",
    "[$primary]",
]


class OneLineApp(GuardedApp):
    def compose(self) -> ComposeResult:
        yield Static("below")


@pytest.mark.parametrize("message", MARKUP)
async def test_a_toast_shows_markup_as_it_stands(message: str) -> None:
    app = OneLineApp()
    async with app.run_test(notifications=True) as pilot:
        app.notify(message)
        await pilot.pause()
        shown = "\n".join("".join(segment.text for segment in line) for line in app.screen._compositor.render_strips())
        assert message in shown
