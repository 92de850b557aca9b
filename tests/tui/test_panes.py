"""What the panes show, of lists that come in pages and of every kind of image."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from regbrowse.registry.models import Manifest
from regbrowse.settings.visited import Visited
from regbrowse.tui.actions import Pane
from regbrowse.tui.themes import default_theme
from tests.registry_server import Content, RegistryServer
from tests.tui.screens import SMALL, WIDE, Session, browsing


@pytest.fixture
def content() -> Content:
    """Nine repositories; `team/app` has an image under several tags."""
    content = Content()
    content.add_image("team/app", "1.0")
    content.add_repositories(f"other/{number}" for number in range(8))
    return content


@pytest.fixture
def server(content: Content) -> Iterator[RegistryServer]:
    """Serves three names a page."""
    with RegistryServer(content, page_size=3) as server:
        yield server


async def _release(server: RegistryServer, requests: int) -> None:
    """Let the registry answer what hangs, when so many requests have come."""
    await asyncio.to_thread(server.wait_for_requests, requests)
    server.release()


async def _listed(session: Session, names: int) -> None:
    await session.until(lambda: len(session.screen.repositories.rows.rows) == names, f"{names} names")


# Repositories


async def test_nothing_is_said_of_a_catalog_before_the_registry_was_asked() -> None:
    async with browsing() as session:
        text = session.text()
        assert "There are no repositories" not in text
        assert "lists no repositories" not in text


async def test_repositories_appear_while_pages_still_come(server: RegistryServer) -> None:
    server.fault("GET /v2/_catalog?last=", "hang")
    async with browsing(server=server) as session:
        await session.until_shows("Repositories 3+", session.screen.repositories)
        await session.until_shows("Asking 127.0.0.1", session.screen.repositories)
        await session.press("down")
        assert session.screen.repositories.current == "other/1"
        await _release(server, 2)
        await _listed(session, 9)
        await session.until_shows("Repositories 9 ─", session.screen.repositories)
        assert session.screen.repositories.current == "other/1"


async def test_filter_holds_for_the_names_that_come_later(server: RegistryServer) -> None:
    server.fault("GET /v2/_catalog?last=", "hang")
    async with browsing(server=server) as session:
        await _listed(session, 3)
        await session.press("slash")
        await session.type("/[27]$|app/")
        await session.until_shows("Repositories 1 of 3+", session.screen.repositories)
        await _release(server, 2)
        await session.until_shows("Repositories 3 of 9 ─", session.screen.repositories)
        assert list(session.screen.repositories.rows.rows) == ["other/2", "other/7", "team/app"]
        await session.type("x")
        assert session.typed == "/[27]$|app/x"


async def test_hundred_thousand_repositories_are_listed_and_filtered() -> None:
    content = Content()
    content.add_repositories(f"group-{number % 97}/project-{number:06}" for number in range(100_000))
    with RegistryServer(content, page_size=100_000, max_n=500) as server:  # a page of our length is refused
        async with browsing(server=server) as session:
            await session.until_shows("Repositories 100,000", session.screen.repositories)
            await session.press("G")
            assert session.screen.repositories.current == "group-96/project-099909"
            await session.press("slash")
            await session.type("project-04242")
            await session.until_shows("Repositories 10 of 100,000", session.screen.repositories)
            await session.press("escape")
            assert len(session.screen.repositories.rows.rows) == 100_000


async def test_list_asked_for_again_stays_until_the_new_one_is_whole(content: Content, server: RegistryServer) -> None:
    async with browsing(server=server) as session:
        await _listed(session, 9)
        await session.press("G")
        content.add_repositories(["team/aaa"])
        server.fault("GET /v2/_catalog?last=", "hang")
        await session.press("r")
        await session.until_shows("Repositories 9+", session.screen.repositories)
        await _release(server, 5)
        await _listed(session, 10)
        assert session.screen.repositories.current == "team/app"


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("forbidden.registry.demo", "forbidden.registry.demo does not let this account list its repositories"),
        ("missing.registry.demo", "missing.registry.demo does not offer a list of its repositories"),
        ("empty.registry.demo", "The registry lists no repositories."),
    ],
)
async def test_repositories_that_are_known_are_offered_where_none_are_listed(host: str, words: str) -> None:
    visited = Visited.load(None)
    visited.add(host, "team/service")
    async with browsing(host, visited=visited) as session:
        await session.until_shows(words, session.screen.repositories)
        await session.until_shows("Below: repositories you visited or have a login for.", session.screen.repositories)
        await session.until_shows("team/service", session.screen.repositories)
        await session.press("enter")
        await session.until_in(Pane.TAGS)
        await session.until_listed(session.screen.tags)
        wanted = "empty.registry.demo has no repository team/service." if "empty" in host else "Tags 89"
        await session.until_shows(wanted, session.screen.tags)


async def test_repository_opens_by_name_where_none_are_listed() -> None:
    async with browsing("forbidden.registry.demo") as session:
        await session.until_shows("o opens by name", session.screen.repositories)
        await session.press("o")
        await session.type("team/signed:1.2.0")
        await session.press("enter")
        await session.until_image()
        await session.press("escape", "escape")
        await session.until_listed(session.screen.repositories)
        assert session.pane is Pane.REPOSITORIES


async def test_docker_hub_has_no_list_and_is_not_asked_for_one() -> None:
    async with browsing("docker.io") as session:
        await session.until_shows("Docker Hub does not offer a list of its repositories.", session.screen.repositories)
        await session.until_shows("o opens by name", session.screen.repositories)
        assert session.requests == 0


# Tags


async def test_details_are_asked_for_rows_on_the_screen_only(content: Content) -> None:
    content.add_tags("team/app", [f"tag-{number:03}" for number in range(500)], like="1.0")
    with RegistryServer(content) as server:
        async with browsing("team/app", server=server) as session:
            await session.until(lambda: len(session.screen.tags.rows.rows) == 501, "the tags")
            await session.until(lambda: session.screen.tags.rows.visible_lines, "the tags on the screen")
            shown = session.screen.tags.rows.visible_lines
            details = session.screen.browser.details("team/app")
            await session.until(lambda: len(details) == len(shown), "the details of the rows")
            assert _tags_asked_for(server) == set(session.screen.tags.rows.rows[shown.start : shown.stop])
            await session.press("G")
            await session.until(lambda: len(details) == 2 * len(shown), "the details of the last rows")
            assert len(_tags_asked_for(server)) == 2 * len(shown)


def _tags_asked_for(server: RegistryServer) -> set[str]:
    paths = [request.path for request in server.requests]
    return {path.rpartition("/")[2] for path in paths if "/manifests/" in path and "sha256:" not in path}


async def test_tags_of_one_image_are_marked_as_the_same() -> None:
    async with browsing("registry.demo/team/service") as session:
        await session.until_shows("latest = 1.4.2", session.screen.tags)


@pytest.fixture
def dated() -> Iterator[RegistryServer]:
    """Serves forty tags, ten a page; the older images have the higher versions."""
    content = Content()
    for number in range(40):
        config = {"created": f"2026-10-{28 - number // 2:02}T{12 - number % 2 * 6:02}:00:00Z"}
        content.add_image("team/app", f"1.{number}", layers=[bytes(1 + number % 7)], config=config)
    with RegistryServer(content, page_size=10) as server:
        yield server


async def test_order_by_newest_asks_for_every_tag(dated: RegistryServer) -> None:
    async with browsing("team/app", server=dated) as session:
        await session.until_listed(session.screen.tags)
        assert session.screen.tags.rows.rows[0] == "1.39"
        await session.press("t")
        await session.until(lambda: session.screen.tags.rows.rows[0] == "1.0", "the newest first")
        assert list(session.screen.tags.rows.rows) == [f"1.{number}" for number in range(40)]
        await session.until_shows("Tags 40 · newest ─", session.screen.tags)


async def test_escape_ends_an_order_that_has_to_ask(dated: RegistryServer) -> None:
    async with browsing("team/app", server=dated) as session:
        await session.until_listed(session.screen.tags)
        dated.fault(re.compile(r"/manifests/1\.[0-9]$"), "hang", times=None)
        await session.press("t")
        await session.until_shows("esc stops", session.screen.tags)
        await session.press("escape")
        await session.until_in(Pane.TAGS)
        await session.until_shows("Tags 40 · newest ─", session.screen.tags)
        await session.press("down", "escape")
        await session.until_in(Pane.REPOSITORIES)


async def test_order_chosen_while_tags_still_come_holds_at_the_end(dated: RegistryServer) -> None:
    dated.fault("GET /v2/team/app/tags/list", "hang")
    async with browsing("team/app", server=dated) as session:
        await session.press("t", "t", "t")  # by name
        await _release(dated, 2)
        await session.until_listed(session.screen.tags)
        assert list(session.screen.tags.rows.rows) == sorted(f"1.{number}" for number in range(40))
        await session.until_shows("Tags 40 · name", session.screen.tags)


async def test_cursor_at_the_top_stays_there_while_tags_come(dated: RegistryServer) -> None:
    async with browsing("team/app", server=dated) as session:
        await session.until_tags("team/app")
        assert (session.screen.tags.rows.cursor, session.screen.tags.current) == (0, "1.39")


async def test_coming_back_to_a_repository_finds_the_cursor_where_it_was() -> None:
    async with browsing() as session:
        await session.until_listed(session.screen.repositories)
        await session.press("enter")
        await session.until_tags("accounts/admin")
        await session.press("down", "down", "down")
        tag = session.screen.tags.current
        await session.press("escape", "down", "enter")
        await session.until_tags("accounts/api")
        await session.press("escape", "up", "enter")
        await session.until_tags("accounts/admin")
        assert session.screen.tags.current == tag


async def test_image_under_the_cursor_is_shown_after_a_rest() -> None:
    async with browsing("registry.demo/team/service", size=WIDE) as session:
        await session.until_shows("team/service:latest", session.screen.image)
        await session.put_cursor(session.screen.tags, "1.4.0")
        await session.until_shows("team/service:1.4.0", session.screen.image)
        await session.until_shows("MB in 6 layers", session.screen.image)
        assert session.pane is Pane.TAGS


async def test_focus_stays_in_the_tags_while_those_of_another_repository_are_awaited(content: Content) -> None:
    content.add_image("other/0", "2.0")
    with RegistryServer(content) as server:
        async with browsing("team/app", server=server, size=WIDE) as session:
            await session.until_tags("team/app")
            await session.put_cursor(session.screen.repositories, "other/0")
            server.fault("GET /v2/other/0/tags/list", "hang")
            await session.press("2", "enter")
            await session.until_shows("for the tags …", session.screen.tags)
            await session.settle()
            assert session.pane is Pane.TAGS
            server.release()
            await session.until_tags("other/0")
            assert session.pane is Pane.TAGS


async def test_repository_without_tags_says_so() -> None:
    async with browsing("registry.demo/states/empty") as session:
        await session.until_shows("states/empty has no tags.", session.screen.tags)
        await session.until_shows("press o", session.screen.tags)


# Images


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("platform/everywhere:3.2.0", ["OCI index", "linux/amd64 of 8", "1 attestation", "History"]),
        ("platform/everywhere:nested", ["OCI index", "linux/amd64 of 3"]),
        ("legacy/shop:0.1-schema1", ["schema 1", "steps, sizes not said"]),
        ("legacy/shop:1.1-list", ["manifest list", "linux/amd64 of 3"]),
        ("charts/service:0.9.1", ["Helm chart"]),
        ("artifacts/wasm-filter:0.3.0", ["WebAssembly"]),
        ("demo/histories:none", ["layer without history"]),
        ("demo/histories:only-empty-layers", ["in 0 layers"]),
    ],
)
async def test_kind_of_image_is_said(image: str, words: list[str]) -> None:
    async with browsing(f"registry.demo/{image}") as session:
        await session.until_image()
        for word in words:
            await session.until_shows(word, session.screen.image)


async def test_platform_of_a_nested_index_can_be_chosen() -> None:
    async with browsing("registry.demo/platform/everywhere:nested") as session:
        await session.until_image()
        await session.press("p")
        await session.until_shows("linux/arm/v7")
        await session.press("G", "enter")
        await session.until_shows("linux/arm/v7 of 3", session.screen.image)
        await session.until_image()


async def _follow(session: Session, digest: str) -> None:
    """Put the cursor of the Manifest tab on a digest and follow it."""
    view = session.screen.image.view
    await session.until(lambda: any(line.link == digest for line in view.lines), f"{digest} in the manifest")
    item = next(line.item for line in view.lines if line.link == digest)
    assert item is not None
    view.go_to_item(item)
    await session.press("enter")


def _content_of(session: Session) -> Manifest:
    state = session.screen.image.state
    assert state
    assert state.manifest
    assert isinstance(state.manifest.content, Manifest)
    return state.manifest.content


async def test_digest_of_a_configuration_leads_to_the_config_tab() -> None:
    async with browsing("registry.demo/legacy/shop:1.0-schema2") as session:
        await session.until_image()
        await session.press("J")
        config = _content_of(session).config
        assert config
        await _follow(session, config.digest)
        assert (session.tab, session.app.focused) == ("Config", session.screen.image.view)


async def test_digest_of_a_layer_leads_to_that_layer() -> None:
    async with browsing("registry.demo/team/service:1.4.2") as session:
        await session.until_image()
        await session.press("J")
        layers = _content_of(session).layers
        await _follow(session, layers[3].digest)
        assert session.tab == "Layers"
        await session.until(lambda: (line := session.screen.image.current_line) and line.item == 3, "the fourth layer")


async def test_digest_of_a_manifest_opens_it_and_escape_comes_back_to_that_digest() -> None:
    async with browsing("registry.demo/team/service:1.4.2") as session:
        await session.until_image()
        await session.press("J")
        state = session.screen.image.state
        assert state
        arm = state.choices[1].digest
        await _follow(session, arm)
        await session.until_shows(f"team/service@{arm}"[:60], session.screen.image)
        await session.until_image()
        await session.press("escape")
        await session.until_shows("team/service:1.4.2", session.screen.image)
        await session.until_image()
        line = session.screen.image.current_line
        assert line
        assert (session.pane, session.tab, line.link) == (Pane.IMAGE, "Manifest", arm)
        await session.press("escape")
        assert session.pane is Pane.TAGS


async def test_chosen_platform_is_still_chosen_after_a_digest_was_followed() -> None:
    async with browsing("registry.demo/team/service:1.4.2") as session:
        await session.until_image()
        await session.press("p", "down", "enter")
        await session.until_shows("linux/arm64/v8 of 2", session.screen.image)
        await session.until_image()
        await session.press("J")
        state = session.screen.image.state
        assert state
        await _follow(session, state.choices[0].digest)
        await session.until_shows("team/service@sha256", session.screen.image)
        await session.until_image()
        await session.press("escape")
        await session.until_shows("linux/arm64/v8 of 2", session.screen.image)


# Themes


async def test_theme_that_there_is_not_is_named_and_another_taken() -> None:
    async with browsing(theme="no-such-theme") as session:
        await session.until_shows("There is no theme 'no-such-theme'")
        assert session.app.theme == default_theme(session.app.console.color_system, session.app.no_color)


@pytest.mark.parametrize(
    "text",
    [
        "primary: no-colour\n",
        "primary: [1, 2]\n",
        "- a list\n",
        "primary: '#fff\n",
        "primary: '#fff'\nstray: 1\n",
        "\0",
    ],
)
async def test_broken_theme_is_named_and_does_not_end_the_program(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    async with browsing(theme="mine", themes_folder=tmp_path) as session:
        await session.until_shows("mine.yaml")
        await session.until_listed(session.screen.repositories)
        await session.press("down")
        assert session.screen.repositories.current == "accounts/api"


# Layout


@pytest.mark.parametrize("size", [WIDE, SMALL, (59, 24), (41, 11)])
async def test_panes_fill_the_screen_and_do_not_overlap(size: tuple[int, int]) -> None:
    async with browsing("registry.demo/team/service:1.4.2", size=size) as session:
        await session.until_image()
        for pane in reversed(Pane):
            session.screen.focus_pane(pane)
            await session.until(
                lambda pane=pane: (  # type: ignore[misc]
                    any(frame.PANE is pane for frame in session.frames)
                    and sum(frame.region.area for frame in session.frames) == size[0] * (size[1] - 2)
                ),
                f"a full screen in {pane.value}",
            )


@pytest.mark.parametrize(("size", "beside"), [((59, 24), 1), (SMALL, 2), (WIDE, 4)])
async def test_as_many_panes_stand_side_by_side_as_there_is_room_for(size: tuple[int, int], beside: int) -> None:
    async with browsing("registry.demo/team/service", size=size) as session:
        await session.until(lambda: len(session.frames) == beside, f"{beside} panes")


async def test_image_takes_the_full_width_at_80_columns() -> None:
    async with browsing("registry.demo/team/service:1.4.2") as session:
        await session.until(lambda: session.screen.image.region.width == 80, "an image over the full width")


@pytest.mark.parametrize("size", [SMALL, (41, 11)])
async def test_search_stays_on_the_screen_while_it_shows_what_it_found(size: tuple[int, int]) -> None:
    async with browsing(size=size) as session:
        await session.until_listed(session.screen.repositories)
        await session.press("s")
        await session.type("team")
        await session.until_shows("team/signed", session.screen.search)
        await session.until(lambda: session.screen.search.region.bottom < size[1], "room for the search")
        assert not session.screen.show_vertical_scrollbar


async def test_terminal_that_grows_and_shrinks_keeps_the_focus() -> None:
    async with browsing("registry.demo/team/service:1.4.2", size=WIDE) as session:
        await session.until_image()
        for columns, rows in ((59, 24), (140, 40), (80, 24), (41, 11), (140, 40)):
            await session.pilot.resize_terminal(columns, rows)
            await session.settle()
            assert session.pane is Pane.IMAGE
        await session.press("escape")
        assert session.pane is Pane.TAGS
