"""Every key of the design does what the design says, and every action has one description."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from textual.widgets import Input

from regbrowse.browser.check import CheckStep
from regbrowse.registry.reference import Target
from regbrowse.registry.text import SafeText
from regbrowse.settings.visited import Visited
from regbrowse.tui import help_text
from regbrowse.tui.actions import ACTIONS, Action, Pane
from regbrowse.tui.screens.browse import BrowseScreen
from regbrowse.tui.screens.dialogs import ChoiceScreen, OpenScreen, TextScreen
from regbrowse.tui.screens.palette import PaletteScreen
from regbrowse.tui.widgets.text_view import TextView
from regbrowse.tui.widgets.virtual_list import VirtualList
from tests.tui.screens import SMALL, WIDE, Session, browsing

SERVICE = "registry.demo/team/service"
IMAGE = "registry.demo/team/service:1.4.2"


async def _in_repositories(session: Session) -> None:
    await session.until_listed(session.screen.repositories)


async def _in_tags(session: Session) -> None:
    await session.until_listed(session.screen.tags)
    await session.until_in(Pane.TAGS)


async def _in_image(session: Session) -> None:
    await session.until_image()
    await session.until_in(Pane.IMAGE)


# Moving


async def test_cursor_moves_in_a_list() -> None:
    moves = {
        "down": 1,
        "j j": 2,
        "down down up": 1,
        "j j k": 1,
        "G": 642,
        "end": 642,
        "G k": 641,
        "G g": 0,
        "end home": 0,
        "up": 0,
        "G down": 642,
    }
    async with browsing() as session:
        await _in_repositories(session)
        for keys, row in moves.items():
            session.screen.repositories.rows.cursor = 0
            await session.press(*keys.split())
            assert session.screen.repositories.rows.cursor == row, keys


async def test_pages_are_as_long_as_the_pane() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        rows = session.screen.repositories.rows
        await session.until(lambda: rows.page > 1, "the list laid out")
        await session.press("pagedown")
        assert rows.cursor == rows.page
        await session.press("pagedown", "pageup")
        assert rows.cursor == rows.page


@pytest.mark.parametrize("key", ["enter", "l", "right"])
async def test_key_goes_in_from_repositories_to_tags_to_image(key: str) -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press(key)
        await _in_tags(session)
        assert session.screen.tags.repository == "accounts/admin"
        await session.press(key)
        await _in_image(session)
        await session.until_shows("accounts/admin:latest", session.screen.image)


@pytest.mark.parametrize("key", ["escape", "h", "left"])
async def test_key_goes_out_to_where_the_cursor_was(key: str) -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("down", "enter")
        await _in_tags(session)
        await session.press("down", "down")
        tag = session.screen.tags.current
        await session.press("enter")
        await _in_image(session)
        await session.press("down", key)
        assert (session.pane, session.screen.tags.current) == (Pane.TAGS, tag)
        await session.press(key)
        assert (session.pane, session.screen.repositories.current) == (Pane.REPOSITORIES, "accounts/api")
        await session.press(key)
        await session.until_shows("This is the outermost pane. q quits.")


@pytest.mark.parametrize("size", [WIDE, SMALL, (59, 24)])
async def test_number_goes_to_its_pane(size: tuple[int, int]) -> None:
    async with browsing(SERVICE, size=size) as session:
        await _in_tags(session)
        for pane in Pane:
            session.screen.focus_pane(Pane.IMAGE if pane is Pane.REPOSITORIES else Pane.REPOSITORIES)
            await session.press(str(pane.number))
            assert session.pane is pane


async def test_tab_goes_round_the_panes() -> None:
    round_about = [Pane.IMAGE, Pane.SEARCH, Pane.REPOSITORIES, Pane.TAGS]
    async with browsing(SERVICE) as session:
        await _in_tags(session)
        for pane in round_about:
            await session.press("tab")
            assert session.pane is pane
        for pane in (*round_about[-2::-1], round_about[-1]):
            await session.press("shift+tab")
            assert session.pane is pane


# Filter


async def test_filter_leaves_the_names_that_match() -> None:
    filters = {
        "team": ["team/service", "team/signed"],
        "SIGNED team": ["team/signed"],
        "team !sign": ["team/service"],
        "/^team/s[ei]rv/": ["team/service"],
        "/^charts/": ["charts/service"],
    }
    async with browsing() as session:
        await _in_repositories(session)
        rows = session.screen.repositories.rows
        for text, expected in filters.items():
            await session.press("slash")
            await session.type(text)
            await session.until(lambda expected=expected: list(rows.rows) == expected, f"{expected} for {text}")  # type: ignore[misc]
            await session.until_shows(f"Repositories {len(expected)} of 643")
            await session.press("escape")


async def test_unfinished_regular_expression_is_explained_and_hides_nothing_for_good() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("slash")
        await session.type("/te(am/")
        await session.until(lambda: session.screen.repositories.filtered.filter.problem, "an explanation")
        await session.until_shows("/te(am/ is no expression that can be used", session.screen.repositories)
        await session.press("escape")
        assert len(session.screen.repositories.rows.rows) == 643


async def test_filter_stays_after_enter_and_goes_by_escape_with_the_cursor_on_its_name() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("slash")
        await session.type("team")
        await session.press("enter", "down")
        repositories = session.screen.repositories
        assert (repositories.current, len(repositories.rows.rows)) == ("team/signed", 2)
        await session.press("escape")
        assert (repositories.current, len(repositories.rows.rows)) == ("team/signed", 643)
        assert session.pane is Pane.REPOSITORIES


async def test_filter_without_a_match_says_so() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("slash")
        await session.type("no-such-name")
        await session.until_shows("No name matches. 643 are hidden.", session.screen.repositories)
        await session.until_shows("esc clears the filter.", session.screen.repositories)


async def test_filter_is_for_the_focused_list() -> None:
    async with browsing(SERVICE) as session:
        await _in_tags(session)
        await session.press("slash")
        await session.type("rc !beta")
        await session.until_shows("of 89", session.screen.tags)
        assert not session.screen.repositories.is_filtered
        assert all("rc" in tag for tag in session.screen.tags.rows.rows)


async def test_letters_type_inside_text_boxes() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        for opening in ("slash", "s", "o"):
            await session.press(opening)
            await session.type("qjklh?:rRyYtc[]1234oJpgG")
            assert session.typed == "qjklh?:rRyYtc[]1234oJpgG"
            await session.press("escape")
            assert not isinstance(session.app.focused, Input)


# Search and open


async def test_search_finds_while_one_types_and_opens_the_first() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("s")
        await session.type("signed")
        await session.until_shows("Search 1")
        await session.press("enter")
        await _in_tags(session)
        assert session.screen.tags.repository == "team/signed"
        assert session.screen.repositories.current == "team/signed"


@pytest.mark.parametrize("key", ["enter", "right"])
async def test_search_results_can_be_walked(key: str) -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("s")
        await session.type("team/")
        await session.press("down", "down", key)
        await _in_tags(session)
        assert session.screen.tags.repository == "team/signed"


async def test_search_that_finds_nothing_opens_by_name() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("s")
        await session.type("no/such-name")
        await session.until_shows("No repository has that in its name.")
        await session.press("enter")
        await session.until_shows("registry.demo has no repository no/such-name.", session.screen.tags)


async def test_search_explains_what_cannot_be_a_name() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("s")
        await session.type("No Such!")
        await session.press("enter")
        await session.until_shows("cannot be the name of a repository")
        assert session.pane is Pane.SEARCH


async def test_open_by_name() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        for text, kind, pane in (
            ("team/service", "repository", Pane.TAGS),
            ("team/service:1.4.2", "image", Pane.IMAGE),
            ("registry.demo/legacy/shop:1.0-schema2", "image", Pane.IMAGE),
        ):
            await session.press("o")
            await session.type(text)
            await session.until_shows(f"Opens the {kind} registry.demo/{text.removeprefix('registry.demo/')}.")
            await session.press("enter")
            await session.until_in(pane)
            shown = session.screen.image if pane is Pane.IMAGE else session.screen.tags
            await session.until_shows(text.removeprefix("registry.demo/"), shown)


async def test_opening_a_tag_of_the_open_repository_puts_the_cursor_on_it() -> None:
    async with browsing(SERVICE) as session:
        await _in_tags(session)
        await session.press("o")
        await session.type("team/service:1.4.0")
        await session.press("enter")
        await _in_image(session)
        await session.press("escape")
        assert session.screen.tags.current == "1.4.0"


async def test_open_explains_a_name_that_cannot_be_and_stays() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("o")
        await session.type("Team/Service")
        await session.press("enter")
        await session.until_shows("must be in lower case")
        assert isinstance(session.app.screen, OpenScreen)
        await session.press("escape")
        assert session.pane is Pane.REPOSITORIES
        assert not session.has_dialog


async def test_another_registry_opens_beside_this_one_and_both_keep_their_place() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("down", "down")
        await session.press("o")
        await session.type("forbidden.registry.demo")
        await session.press("enter")
        await session.until_shows("does not let this account list", session.screen.repositories)
        await session.press("o")
        await session.type("registry.demo/team/signed")
        await session.press("enter")
        await _in_tags(session)
        assert session.screen.tags.repository == "team/signed"
        await session.press("o")
        await session.type("forbidden.registry.demo")
        await session.press("enter")
        await session.until_shows("does not let this account list", session.screen.repositories)
        await session.press("q")
        await session.until(lambda: not session.app.is_running, "the end", after_the_end=True)


# Tags


async def test_t_goes_round_the_orders() -> None:
    async with browsing("registry.demo/charts/service") as session:
        await _in_tags(session)
        for word in ("newest", "size", "name", "version"):
            await session.press("t")
            await session.until_shows(f"Tags 3 · {word}", session.screen.tags)


# Image


@pytest.mark.parametrize("size", [(140, 40), SMALL])
async def test_p_in_tags_opens_the_image_and_offers_its_platforms(size: tuple[int, int]) -> None:
    async with browsing(SERVICE, size=size) as session:
        await _in_tags(session)
        await session.press("p")
        await session.until(lambda: isinstance(session.app.screen, ChoiceScreen), "the platforms")
        await session.until_shows("linux/arm64")


async def test_p_shows_the_chosen_platform() -> None:
    async with browsing(IMAGE) as session:
        await _in_image(session)
        await session.until_shows("linux/amd64 of 2", session.screen.image)
        await session.press("p")
        await session.until(lambda: isinstance(session.app.screen, ChoiceScreen), "the platforms")
        await session.press("down", "enter")
        await session.until_shows("linux/arm64/v8 of 2", session.screen.image)
        await session.until_image()


async def test_p_on_an_image_of_one_platform_says_so() -> None:
    async with browsing("registry.demo/legacy/shop:1.0-schema2") as session:
        await _in_image(session)
        await session.press("p")
        await session.until_shows("This image has one platform.")


async def test_brackets_go_round_the_tabs_and_keep_the_focus_in_them() -> None:
    async with browsing(IMAGE) as session:
        await _in_image(session)
        for tab in ("Config", "Layers", "Manifest", "History"):
            await session.press("right_square_bracket")
            assert (session.tab, session.app.focused) == (tab, session.screen.image.view)
        await session.press("left_square_bracket")
        assert session.tab == "Manifest"


@pytest.mark.parametrize("size", [(140, 40), SMALL])
async def test_capital_j_shows_the_json(size: tuple[int, int]) -> None:
    async with browsing(SERVICE, size=size) as session:
        await _in_tags(session)
        await session.press("J")
        await session.until_shows('"schemaVersion": 2', session.screen.image)
        assert session.pane is Pane.IMAGE


# Copy


@pytest.mark.parametrize(
    ("target", "keys", "copied"),
    [
        ("registry.demo", ["down"], "registry.demo/accounts/api"),
        (SERVICE, [], "registry.demo/team/service:latest"),
        (IMAGE, [], "registry.demo/team/service:1.4.2"),
    ],
)
async def test_y_copies_the_reference(target: str, keys: Sequence[str], copied: str) -> None:
    async with browsing(target) as session:
        await session.until_listed(session.screen.repositories)
        await session.until_listed(session.screen.tags)
        await session.press(*keys, "y")
        await session.until(lambda: session.app.clipboard == copied, f"{copied} copied")
        await session.until_shows(copied)


async def test_capital_y_offers_what_else_can_be_copied() -> None:
    async with browsing(IMAGE) as session:
        await _in_image(session)
        await session.press("Y")
        await session.until(lambda: isinstance(session.app.screen, ChoiceScreen), "the menu")
        for label in ("reference by digest", "digest", "docker", "podman", "skopeo", "crane", "this line"):
            await session.until_shows(label)
        await session.press("down", "down", "enter")
        state = session.screen.image.state
        assert state
        assert state.document
        assert session.app.clipboard == state.document.digest


# Dialogs


async def test_c_says_how_the_registry_is_reached() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("c")
        await session.until_shows("Connection to registry.demo")
        await session.until_shows("account anonymous")
        await session.press("escape")
        assert not session.has_dialog


async def test_leaving_the_connection_before_it_is_told_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    told = asyncio.Event()

    async def steps(target: Target) -> AsyncIterator[CheckStep]:
        yield CheckStep(SafeText("the first step"))
        await told.wait()
        yield CheckStep(SafeText("the second step"))

    async with browsing() as session:
        await _in_repositories(session)
        monkeypatch.setattr(session.app.registries, "check", steps)
        await session.press("c")
        await session.until_shows("the first step")
        await session.press("escape")
        told.set()
        await session.app.workers.wait_for_complete()
        await session.press("down")
        assert session.screen.repositories.current == "accounts/api"


async def test_capital_r_without_another_registry_names_the_way_to_one() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("R")
        await session.until_shows("Open another registry by its name …")


async def test_capital_r_switches_to_a_known_registry() -> None:
    visited = Visited.load(None)
    visited.add("empty.registry.demo")
    async with browsing(visited=visited) as session:
        await session.until_shows("1 more registry R")
        await session.press("R")
        await session.until_shows("empty.registry.demo visited")
        await session.press("enter")
        await session.until_shows("The registry lists no repositories.", session.screen.repositories)


async def test_help_is_about_the_focused_pane() -> None:
    async with browsing(IMAGE) as session:
        await _in_image(session)
        for pane in Pane:
            session.screen.focus_pane(pane)
            await session.press("f1" if pane is Pane.SEARCH else "question_mark")
            await session.until(lambda: isinstance(session.app.screen, TextScreen), "the help")
            lines = session.app.screen.query_one(TextView).lines
            assert lines[0].pieces[0][0] == pane.value
            await session.press("escape")
            assert (session.has_dialog, session.pane) == (False, pane)


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
async def test_palette_finds_an_action_by_its_words(key: str) -> None:
    async with browsing(IMAGE) as session:
        await _in_image(session)
        await session.press(key)
        await session.type("raw JSON")
        await session.until_shows("Show the raw JSON behind the image")
        await session.press("enter")
        await session.until(lambda: session.tab == "Manifest", "the manifest")


async def test_palette_has_every_action_of_the_focused_pane() -> None:
    async with browsing(IMAGE) as session:
        await _in_image(session)
        for pane in Pane:
            session.screen.focus_pane(pane)
            await session.press("ctrl+p")
            await session.until(lambda: isinstance(session.app.screen, PaletteScreen), "the palette")
            offered = session.app.screen.query_one(VirtualList).rows
            assert set(offered) == {action for action in ACTIONS if pane in action.panes and action.id != "palette"}
            await session.press("escape")


async def test_every_action_can_be_done_from_the_palette() -> None:
    async with browsing(IMAGE) as session:
        await _in_image(session)
        for action in ACTIONS:
            if action.id in ("palette", "quit") or "pane" in action.id:
                continue
            focused = next(pane for pane in (Pane.TAGS, Pane.IMAGE, Pane.SEARCH) if pane in action.panes)
            session.screen.focus_pane(focused)
            await session.press("ctrl+p")
            await session.until(lambda: isinstance(session.app.screen, PaletteScreen), "the palette")
            session.app.screen.query_one(Input).value = action.words.partition(":")[0]
            await session.settle()
            await session.press("enter")
            await session.until(lambda: not isinstance(session.app.screen, PaletteScreen), "the palette gone")
            while session.has_dialog:
                await session.press("escape")
        assert session.app.is_running


@pytest.mark.parametrize("key", ["r", "ctrl+r"])
async def test_refresh_asks_again_and_keeps_the_cursor(key: str) -> None:
    async with browsing(SERVICE) as session:
        await _in_tags(session)
        await session.press("down", "down", "down")
        tag = session.screen.tags.current
        before = session.requests
        await session.press(key)
        await session.until(lambda: session.requests > before, "a request")
        await session.until_listed(session.screen.tags)
        await session.until_listed(session.screen.repositories)
        assert (session.pane, session.screen.tags.current) == (Pane.TAGS, tag)
        await session.press("down")
        assert session.screen.tags.current != tag


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_quit(key: str) -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press(key)
        await session.until(lambda: not session.app.is_running, "the end", after_the_end=True)
        assert not session.app.return_code


async def test_escape_leads_out_to_the_same_row() -> None:
    async with browsing() as session:
        await _in_repositories(session)
        await session.press("down", "down")
        for key in ("slash", "s", "o", "colon", "question_mark", "c", "Y", "L", "R", "f1", "ctrl+p"):
            await session.press(key)
            await session.until(
                lambda: session.has_dialog or isinstance(session.app.focused, Input), f"what {key} opens"
            )
            await session.press("escape")
            await session.until(lambda: not session.has_dialog, "the main screen")
            assert (session.pane, session.screen.repositories.current) == (Pane.REPOSITORIES, "accounts/backoffice"), (
                key
            )
        await session.press("down")
        assert session.screen.repositories.current == "accounts/batch"


async def test_keys_can_be_remapped() -> None:
    async with browsing(keys={"filter": "x", "list.down": "n", "enter": "e"}) as session:
        await _in_repositories(session)
        await session.press("n")
        assert session.screen.repositories.current == "accounts/api"
        await session.press("x")
        await session.type("team")
        await session.press("enter", "e")
        await _in_tags(session)
        assert session.screen.tags.repository == "team/service"


# The table


def test_identities_of_the_actions_are_unique() -> None:
    identities = [action.id for action in ACTIONS]
    assert len(set(identities)) == len(identities)


def test_no_key_has_two_actions() -> None:
    keys = [key for action in ACTIONS for key in action.keys.split(",") if key]
    assert len(set(keys)) == len(keys)


def test_words_of_the_actions_are_unique() -> None:
    words = [action.words for action in ACTIONS]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_has_a_method_on_the_screen(action: Action) -> None:
    assert callable(getattr(BrowseScreen, f"action_{action.method}"))


@pytest.mark.parametrize("action", [action for action in ACTIONS if action.keys], ids=lambda action: action.id)
def test_every_key_is_in_the_help_of_its_panes(action: Action) -> None:
    for pane in action.panes:
        lines = ["".join(text for text, _ in line.pieces) for line in help_text.help_lines(pane)(76)]
        assert any(line.split(None, 1)[0] == action.shown and action.words in line for line in lines if line), pane


@pytest.mark.parametrize("pane", list(Pane), ids=lambda pane: pane.value)
def test_help_fits_its_screen(pane: Pane) -> None:
    assert all(sum(len(text) for text, _ in line.pieces) <= 76 for line in help_text.help_lines(pane)(76))


def test_no_key_is_only_one_that_terminals_swallow() -> None:
    swallowed = {"ctrl+a", "ctrl+b", "ctrl+s"}
    assert not [action.id for action in ACTIONS if action.keys and set(action.keys.split(",")) <= swallowed]


@pytest.mark.parametrize(
    "keys", [("Y", "enter", "enter"), ("colon", "enter", "enter"), ("c", "escape", "escape")], ids="-".join
)
async def test_a_key_too_many_in_a_dialog_is_not_the_end(keys: Sequence[str]) -> None:
    async with browsing(SERVICE) as session:
        await _in_tags(session)
        await session.pilot.press(*keys)
        await session.until(lambda: not session.has_dialog, "no dialog")
        await session.press("g")
        assert session.screen.is_current
