"""The list, through Textual's pilot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Button

from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.virtual_list import VirtualList

HEIGHT = 20


def names(count: int) -> list[SafeText]:
    return [SafeText(f"name-{number}") for number in range(count)]


class ListApp(App[None]):
    """One list and something else that can have the focus; all that the list says is kept."""

    CSS = """
    VirtualList { height: 1fr; }
    Button { display: none; dock: bottom; height: 1; }
    Button.shown { display: block; }
    """

    def __init__(self, *, titled: bool = False) -> None:
        super().__init__()
        self.painted: list[int] = []
        self.said: list[Message] = []
        titles = (lambda width: (("NAME", "title"),)) if titled else None
        self.rows: VirtualList[SafeText] = VirtualList(self.paint, titles=titles)

    def paint(self, row: SafeText, index: int, width: int) -> Iterable[Piece]:
        self.painted.append(index)
        return ((row, "plain"),)

    def compose(self) -> ComposeResult:
        yield self.rows
        yield Button()

    def on_virtual_list_highlighted(self, event: VirtualList.Highlighted) -> None:
        self.said.append(event)

    def on_virtual_list_selected(self, event: VirtualList.Selected) -> None:
        self.said.append(event)

    def on_virtual_list_viewport_changed(self, event: VirtualList.ViewportChanged) -> None:
        self.said.append(event)

    @property
    def highlights(self) -> list[tuple[int, str]]:
        return [(event.index, event.row) for event in self.said if isinstance(event, VirtualList.Highlighted)]

    @property
    def selections(self) -> list[tuple[int, str]]:
        return [(event.index, event.row) for event in self.said if isinstance(event, VirtualList.Selected)]

    @property
    def viewports(self) -> list[tuple[int, int]]:
        return [(event.first, event.last) for event in self.said if isinstance(event, VirtualList.ViewportChanged)]

    def line(self, y: int) -> str:
        return self.rows.render_line(y).text.rstrip()


@asynccontextmanager
async def running(
    rows: Sequence[SafeText], *, titled: bool = False, size: tuple[int, int] = (40, HEIGHT)
) -> AsyncIterator[tuple[ListApp, Pilot[None]]]:
    app = ListApp(titled=titled)
    async with app.run_test(size=size) as pilot:
        app.rows.focus()
        app.rows.set_rows(rows)
        await pilot.pause()
        app.said.clear()
        app.painted.clear()
        yield app, pilot


@pytest.mark.parametrize(
    ("keys", "cursor", "first"),
    [
        (("down", "j", "up"), 1, 0),
        (("up",), 0, 0),
        (("pagedown",), HEIGHT, HEIGHT),
        (("pagedown", "pageup", "down"), 1, 0),
        (("end",), 99, 80),
        (("G", "k"), 98, 80),
        (("G", "g"), 0, 0),
        (("end", "home"), 0, 0),
    ],
)
async def test_keys_move_the_cursor(keys: tuple[str, ...], cursor: int, first: int) -> None:
    async with running(names(100)) as (app, pilot):
        await pilot.press(*keys)
        assert (app.rows.cursor, app.rows.visible_lines.start) == (cursor, first)


async def test_keys_have_identities_by_which_they_can_be_remapped() -> None:
    ids = {binding.id for binding in VirtualList.BINDINGS}  # type: ignore[union-attr]
    assert ids == {f"list.{name}" for name in ("up", "down", "page_up", "page_down", "home", "end", "select")}


async def test_enter_selects_the_row_under_the_cursor() -> None:
    async with running(names(5)) as (app, pilot):
        await pilot.press("down", "enter")
        assert app.selections == [(1, "name-1")]


@pytest.mark.parametrize(("times", "selections"), [(1, []), (2, [(2, "name-2")])])
async def test_a_click_moves_the_cursor_and_a_second_selects(times: int, selections: list[tuple[int, str]]) -> None:
    async with running(names(5), titled=True) as (app, pilot):
        await pilot.click(VirtualList, offset=(5, 3), times=times)
        assert (app.rows.cursor, app.selections) == (2, selections)


@pytest.mark.parametrize("y", [0, 10])
async def test_a_click_on_the_titles_or_below_the_rows_does_nothing(y: int) -> None:
    async with running(names(5), titled=True) as (app, pilot):
        app.rows.cursor = 1
        await pilot.click(VirtualList, offset=(5, y), times=2)
        assert (app.rows.cursor, app.selections) == (1, [])


async def test_titles_stay_on_top_when_the_rows_scroll() -> None:
    async with running(names(100), titled=True) as (app, _):
        app.rows.cursor = 99
        assert (app.line(0), app.line(1), app.line(HEIGHT - 1)) == ("  NAME", "  name-81", "▌ name-99")


async def test_only_the_rows_on_the_screen_are_painted() -> None:
    async with running(names(1)) as (app, pilot):
        app.rows.set_rows(names(100_000))
        await pilot.pause()
        assert set(app.painted) == set(range(HEIGHT))


async def test_a_cursor_move_paints_two_rows() -> None:
    async with running(names(100_000)) as (app, pilot):
        app.rows.cursor = 3
        await pilot.pause()
        assert sorted(app.painted) == [0, 3]


async def test_a_row_can_be_painted_again_alone() -> None:
    async with running(names(100)) as (app, pilot):
        app.rows.refresh_row(7)
        app.rows.refresh_row(70)
        await pilot.pause()
        assert app.painted == [7]


async def test_moving_says_which_row_is_highlighted() -> None:
    async with running(names(5)) as (app, pilot):
        await pilot.press("down")
        assert app.highlights == [(1, "name-1")]


async def test_of_a_flood_of_highlights_the_last_is_said() -> None:
    async with running(names(50)) as (app, pilot):
        for cursor in range(1, 15):
            app.rows.cursor = cursor
        await pilot.pause()
        assert app.highlights[-1] == (14, "name-14")
        assert len(app.highlights) < 14


# Rows that change


async def test_appended_rows_move_nothing() -> None:
    async with running(names(100)) as (app, pilot):
        app.rows.cursor = 50
        await pilot.pause()
        before, app.said[:] = app.rows.visible_lines, []
        app.rows.set_rows(names(1000))
        await pilot.pause()
        assert (app.rows.cursor, app.rows.visible_lines, app.highlights) == (50, before, [])


@pytest.mark.parametrize("grown", [True, False])
async def test_a_list_that_was_scrolled_away_from_its_cursor_stays_there(grown: bool) -> None:
    async with running(names(100)) as (app, pilot):
        app.rows.scroll_to_line(60)
        if grown:
            app.rows.set_rows(names(1000))
        else:
            await pilot.resize_terminal(40, HEIGHT - 5)
        await pilot.pause()
        assert (app.rows.cursor, app.rows.visible_lines.start) == (0, 60)


async def test_the_cursor_stays_on_the_screen_when_the_list_becomes_smaller() -> None:
    async with running(names(100)) as (app, pilot):
        app.rows.cursor = HEIGHT - 1
        await pilot.resize_terminal(40, HEIGHT - 5)
        await pilot.pause()
        assert app.rows.visible_lines == range(5, HEIGHT)


async def test_the_cursor_stays_on_its_row_and_the_row_at_its_place() -> None:
    rows = names(100)
    async with running(rows) as (app, pilot):
        app.rows.cursor = 50
        place = 50 - app.rows.visible_lines.start
        app.rows.set_rows([*names(3), *rows])
        await pilot.pause()
        assert (app.rows.row, app.rows.cursor) == ("name-50", 53)
        assert app.rows.cursor - app.rows.visible_lines.start == place


async def test_a_row_that_went_far_is_found_by_the_callback() -> None:
    rows = names(1000)
    async with running(rows) as (app, pilot):
        app.rows.cursor = 3
        turned = rows[::-1]
        app.rows.set_rows(turned, locate=turned.index)
        await pilot.pause()
        assert (app.rows.row, app.rows.cursor) == ("name-3", 996)
        assert 996 in app.rows.visible_lines


async def test_when_the_row_is_gone_the_next_one_is_highlighted() -> None:
    rows = names(10)
    async with running(rows) as (app, pilot):
        app.rows.cursor = 9
        await pilot.pause()
        app.said.clear()
        app.rows.set_rows(rows[:5])
        await pilot.pause()
        assert (app.rows.row, app.highlights) == ("name-4", [(4, "name-4")])


async def test_other_rows_begin_at_the_top_if_asked() -> None:
    async with running(names(100)) as (app, pilot):
        app.rows.cursor = 50
        app.rows.set_rows(names(100), keep_cursor=False)
        await pilot.pause()
        assert (app.rows.cursor, app.rows.visible_lines.start) == (0, 0)


async def test_no_rows_are_a_list_too() -> None:
    async with running(names(10), titled=True) as (app, pilot):
        app.rows.cursor = 9
        app.rows.set_rows([])
        await pilot.press("down", "up", "pagedown", "pageup", "end", "home", "enter")
        assert (app.rows.row, app.rows.cursor, app.selections) == (None, 0, [])


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 1), (500, 1)])
@pytest.mark.parametrize("titled", [False, True])
async def test_no_size_is_too_small(size: tuple[int, int], titled: bool) -> None:
    async with running(names(30), size=size, titled=titled) as (app, pilot):
        await pilot.press("down", "pagedown", "end")
        assert app.rows.cursor == 29


# Viewport


async def test_new_rows_on_the_screen_are_reported() -> None:
    async with running(names(100)) as (app, pilot):
        app.rows.set_rows(names(50))
        await pilot.pause()
        assert app.viewports == [(0, HEIGHT - 1)]


async def test_fewer_rows_than_lines_are_all_reported() -> None:
    async with running(names(100), titled=True) as (app, pilot):
        app.rows.set_rows(names(3))
        await pilot.pause()
        assert app.viewports == [(0, 2)]


async def test_many_scrolls_are_reported_once() -> None:
    async with running(names(1000)) as (app, pilot):
        for cursor in range(50, 100):
            app.rows.cursor = cursor
        await pilot.pause()
        assert app.viewports == [(100 - HEIGHT, 99)]


async def test_a_cursor_move_within_the_screen_reports_no_viewport() -> None:
    async with running(names(1000)) as (app, pilot):
        await pilot.press("down", "down")
        assert app.viewports == []


async def test_a_resize_is_reported() -> None:
    async with running(names(1000)) as (app, pilot):
        await pilot.resize_terminal(40, 30)
        await pilot.pause()
        assert app.viewports[-1] == (0, 29)


async def test_a_list_that_is_shown_again_reports_what_came_while_it_was_hidden() -> None:
    async with running(names(10)) as (app, pilot):
        app.rows.display = False
        await pilot.pause()
        app.rows.set_rows(names(100))
        await pilot.pause()
        app.said.clear()
        app.rows.display = True
        await pilot.pause()
        assert app.viewports == [(0, HEIGHT - 1)]


# Painting


@pytest.mark.parametrize("text", ["[bold]x[/]", "[@click=app.quit]x[/]", "a[/ b", "[$primary]"])
async def test_markup_in_a_name_is_shown_literally(text: str) -> None:
    async with running([safe_text(text)]) as (app, _):
        assert app.line(0) == f"▌ {text}"


@pytest.mark.parametrize("text", ["漢字" * 30, "a" + "漢" * 30, "👩\u200d🚀" * 30, "e\u0301" * 90, "", "x" * 100_000])
async def test_a_line_is_exactly_as_wide_as_the_list(text: str) -> None:
    async with running([SafeText(text)]) as (app, _):
        strip = app.rows.render_line(0)
        assert cell_len(strip.text) == app.rows.scrollable_content_region.width


async def test_the_cursor_looks_different_without_the_focus() -> None:
    async with running(names(3)) as (app, pilot):
        focused = app.rows.render_line(0)
        button = app.query_one(Button)
        button.add_class("shown")
        await pilot.pause()
        button.focus()
        await pilot.pause()
        unfocused, other = app.rows.render_line(0), app.rows.render_line(1)
        assert (focused.text, focused) != (unfocused.text, unfocused)
        assert unfocused.text.startswith("▌")
        assert other.text.startswith(" ")


async def test_without_colours_the_cursor_is_bold_and_reversed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(names(3)) as (app, _):
        styles = [segment.style for segment in app.rows.render_line(0) if "name" in segment.text]
        assert [(style.bold, style.reverse) for style in styles if style] == [(True, True)]
