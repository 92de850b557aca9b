"""The text view, through Textual's pilot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from regbrowse.registry.digest import Digest
from regbrowse.registry.text import SafeText
from regbrowse.tui.widgets.history_view import HistoryView
from regbrowse.tui.widgets.text_view import ComposeLines, Line, TextView
from tests.tui.widgets.images import image, layer, step

HEIGHT = 10
LINK = Digest.of(b"linked")


def plain(count: int) -> list[Line]:
    return [Line(((SafeText(f"line {number}"), "plain"),)) for number in range(count)]


def items(*lengths: int) -> list[Line]:
    """An item of each of these lengths; an item of 0 is a line that is no stop."""
    return [
        Line(((SafeText(f"item {number}"), "plain"),), number if length else None)
        for number, length in enumerate(lengths)
        for _ in range(length or 1)
    ]


class ViewApp(App[None]):
    CSS = "TextView { height: 1fr; }"

    def __init__(self, view: TextView) -> None:
        super().__init__()
        self.view = view
        self.followed: list[Digest] = []

    def compose(self) -> ComposeResult:
        yield self.view

    def on_text_view_followed(self, event: TextView.Followed) -> None:
        self.followed.append(event.digest)

    def line(self, y: int) -> str:
        return self.view.render_line(y).text.rstrip()


@asynccontextmanager
async def showing(
    lines: Sequence[Line] | ComposeLines, *, size: tuple[int, int] = (40, HEIGHT)
) -> AsyncIterator[tuple[ViewApp, Pilot[None]]]:
    app = ViewApp(TextView())
    async with app.run_test(size=size) as pilot:
        app.view.show_text(lines if callable(lines) else lambda _: lines)
        app.view.focus()
        await pilot.pause()
        yield app, pilot


@pytest.mark.parametrize(
    ("lengths", "downs", "cursor", "first"),
    [
        ((1, 1, 1), 2, 2, 0),
        ((0, 1, 1), 0, 1, 0),
        ((1, 0, 0, 1), 1, 3, 0),
        ((8, 8), 1, 8, 6),  # the item below the screen's edge comes whole onto it
        ((3, *[0] * 20, 1), 1, 0, 1),  # no stop is near: the text scrolls
        ((25, 1), 3, 0, 3),  # the end of a long item first
        ((25, 1), 16, 25, 16),
        ((1, *[0] * 20), 30, 0, 11),
    ],
)
async def test_down_goes_to_the_next_item_or_scrolls(
    lengths: tuple[int, ...], downs: int, cursor: int, first: int
) -> None:
    async with showing(items(*lengths)) as (app, _):
        for _ in range(downs):
            app.view.action_move_down()
        assert (app.view.cursor, app.view.visible_lines.start) == (cursor, first)


@pytest.mark.parametrize(
    ("lengths", "ups", "cursor", "first"),
    [
        ((1,) * 30, 1, 28, 20),
        ((1,) * 30, 10, 19, 19),
        ((1, 25, 1), 1, 1, 16),
        ((1, 25, 1), 40, 0, 0),
        ((1, *[0] * 20, 1), 3, 21, 9),
    ],
)
async def test_up_goes_to_the_item_before_or_scrolls(
    lengths: tuple[int, ...], ups: int, cursor: int, first: int
) -> None:
    async with showing(items(*lengths)) as (app, _):
        app.view.action_move_end()
        for _ in range(ups):
            app.view.action_move_up()
        assert (app.view.cursor, app.view.visible_lines.start) == (cursor, first)


async def test_the_whole_item_is_marked() -> None:
    async with showing(items(1, 3, 1)) as (app, pilot):
        await pilot.press("down")
        assert [app.line(y)[:1] for y in range(5)] == [" ", "▌", "▌", "▌", " "]


async def test_an_item_that_is_scrolled_away_is_not_the_current_one() -> None:
    async with showing(items(1, *[0] * 20)) as (app, _):
        seen = app.view.current
        app.view.action_move_page_down()
        assert (seen, app.view.current) == (app.view.lines[0], None)


@pytest.mark.parametrize(
    ("keys", "cursor", "first"),
    [
        (("pagedown",), 10, 10),
        (("pagedown", "pageup"), 0, 0),
        (("end",), 29, 20),
        (("G", "g"), 0, 0),
        (("j", "j", "k"), 1, 0),
    ],
)
async def test_the_keys_are_the_lists(keys: tuple[str, ...], cursor: int, first: int) -> None:
    async with showing(items(*[1] * 30)) as (app, pilot):
        await pilot.press(*keys)
        assert (app.view.cursor, app.view.visible_lines.start) == (cursor, first)


async def test_enter_follows_the_link_under_the_cursor() -> None:
    lines = [*plain(2), Line(((SafeText(LINK), "link"),), link=LINK), *plain(2)]
    async with showing(lines) as (app, pilot):
        await pilot.press("enter")
        assert app.followed == [LINK]
        assert app.view.current == lines[2]


async def test_enter_on_what_is_no_link_does_nothing() -> None:
    async with showing(items(1, 1)) as (app, pilot):
        await pilot.press("enter")
        assert app.followed == []


async def test_a_second_click_follows_a_link() -> None:
    async with showing([*plain(2), Line(((SafeText(LINK), "link"),), link=LINK)]) as (app, pilot):
        await pilot.click(TextView, offset=(5, 2), times=2)
        assert app.followed == [LINK]


async def test_a_click_in_an_item_moves_the_cursor_to_it() -> None:
    async with showing(items(2, 3)) as (app, pilot):
        await pilot.click(TextView, offset=(5, 4))
        assert app.view.cursor == 2


async def test_a_text_without_stops_has_no_current_line_and_scrolls() -> None:
    async with showing(plain(30)) as (app, pilot):
        await pilot.press("down", "down", "enter")
        assert (app.view.current, app.view.visible_lines.start) == (None, 2)


async def test_the_lines_are_made_again_for_another_width() -> None:
    widths: list[int] = []

    def compose(width: int) -> list[Line]:
        widths.append(width)
        return plain(1)

    async with showing(compose) as (app, pilot):
        await pilot.resize_terminal(60, HEIGHT)
        await pilot.pause()
        assert widths == [37, 57]
        assert app.view.line_width == 57


async def test_the_cursor_keeps_its_item_when_the_width_changes() -> None:
    async with showing(lambda width: items(*[1 if width > 40 else 3] * 9)) as (app, pilot):
        await pilot.press("down", "down", "down")
        await pilot.resize_terminal(80, HEIGHT)
        await pilot.pause()
        assert (app.view.current, app.view.cursor) == (items(*[1] * 9)[3], 3)


@pytest.mark.parametrize(("keep", "cursor"), [(True, 5), (False, 0)])
async def test_a_later_state_keeps_the_place_if_asked(keep: bool, cursor: int) -> None:
    async with showing(items(*[1] * 9)) as (app, _):
        app.view.cursor = 5
        app.view.show_text(lambda _: items(*[1] * 12), keep_place=keep)
        assert app.view.cursor == cursor


async def test_a_text_given_while_hidden_is_there_when_shown() -> None:
    async with showing(plain(3)) as (app, pilot):
        app.view.display = False
        await pilot.pause()
        app.view.show_text(lambda _: items(1, 1))
        app.view.display = True
        await pilot.pause()
        assert [app.line(0), app.line(1)] == ["▌ item 0", "  item 1"]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (2, 30)])
async def test_no_size_is_too_small(size: tuple[int, int]) -> None:
    async with showing(items(3, 0, 20, 1), size=size) as (app, pilot):
        await pilot.press("down", "pagedown", "end", "up", "home", "enter")
        assert app.view.size.width <= size[0]


async def test_a_very_long_line_is_cut_at_the_edge() -> None:
    async with showing([Line(((SafeText("漢" * 100_000), "plain"),))]) as (app, _):
        assert app.line(0) == "  " + "漢" * 18


async def test_history_keeps_its_titles_on_top() -> None:
    app = ViewApp(view := HistoryView())
    async with app.run_test(size=(70, HEIGHT)) as pilot:
        view.show(image([step(f"RUN make {number}", layer(number, 1000)) for number in range(20)]))
        await pilot.pause()
        view.action_move_end()
        assert app.line(0).split() == ["SIZE", "STEP"]
        assert app.line(HEIGHT - 2).endswith("RUN make 19")


@pytest.mark.parametrize("hidden", [False, True])
async def test_the_cursor_goes_to_an_item_even_of_a_text_that_is_hidden_yet(hidden: bool) -> None:
    async with showing(items(1, 1)) as (app, pilot):
        app.view.display = not hidden
        await pilot.pause()
        app.view.show_text(lambda _: items(*[2] * 30))
        app.view.go_to_item(20)
        app.view.display = True
        await pilot.pause()
        assert app.view.current == app.view.lines[40]
