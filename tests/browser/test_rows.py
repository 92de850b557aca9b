"""What the rows of a tag list are told beside their names."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

import pytest

from regbrowse.browser.browser import Browser
from regbrowse.browser.states import Phase, TagDetails
from regbrowse.browser.v2_source import V2Source
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.text import SafeText
from tests.browser.browsing import NAMES, browsing, tag_states, target
from tests.registry.reaching import no_tasks_but
from tests.registry_content import CREATED, DOCKER_LIST
from tests.registry_server import Content, Manner, RegistryServer

MADE: Final = datetime.fromisoformat(CREATED).astimezone(UTC)


async def details_of(browser: Browser, *tags: str) -> dict[SafeText, TagDetails]:
    found: dict[SafeText, TagDetails] = {}
    rows = browser.rows("team/app", found.__setitem__)
    rows.show(map(SafeText, tags))
    await rows.settled()
    await rows.aclose()
    return found


async def test_a_row_says_digest_size_date_and_platforms(
    content: Content, server: RegistryServer, multi: dict[str, str]
) -> None:
    async with browsing(server) as browser:
        found = await details_of(browser, NAMES[0], "multi")
        single, index = found[SafeText(NAMES[0])], found[SafeText("multi")]
        assert browser.details("team/app") == found
    assert (single.phase, index.phase) == (Phase.READY, Phase.READY)
    assert single.created == index.created == MADE
    assert [str(platform) for platform in single.platforms] == ["linux/amd64"]
    assert [str(platform) for platform in index.platforms] == list(multi)[:4]
    assert index.digest == multi["index"]
    assert single.size
    assert index.size


async def test_a_docker_image_and_list_have_rows_too(content: Content, server: RegistryServer) -> None:
    child = content.add_image("team/app", "docker", docker=True)
    content.add_index("team/app", "list", child, docker=True, attestations=False)
    async with browsing(server) as browser:
        found = await details_of(browser, "docker", "list")
        last = [state async for state in browser.image(target(server, "list"))][-1]
    assert {details.phase for details in found.values()} == {Phase.READY}
    assert last.document
    assert last.document.media_type == DOCKER_LIST


async def test_an_index_that_says_its_date_needs_no_configuration(content: Content, server: RegistryServer) -> None:
    child = content.add_image("team/app", None)
    stamped = {"annotations": {"org.opencontainers.image.created": "2020-01-02T03:04:05Z"}}
    content.add_index("team/app", "dated", child, fields=stamped)
    async with browsing(server) as browser:
        found = await details_of(browser, "dated")
    assert found[SafeText("dated")].created == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert not [request for request in server.requests if "/blobs/" in request.path]


async def test_a_schema_1_has_a_row_without_a_size(content: Content, server: RegistryServer) -> None:
    content.add_schema1("team/app", "old")
    async with browsing(server) as browser:
        found = (await details_of(browser, "old"))[SafeText("old")]
    assert (found.phase, found.size, found.created) == (Phase.READY, None, MADE)


async def test_an_index_without_images_has_a_row(content: Content, server: RegistryServer) -> None:
    content.add_index("team/app", "empty")
    async with browsing(server) as browser:
        found = (await details_of(browser, "empty"))[SafeText("empty")]
    assert (found.phase, found.size) == (Phase.READY, None)


@pytest.mark.parametrize("manner", ["half_body", "close"])
async def test_a_row_that_fails_says_why_and_is_tried_again_when_it_is_shown_again(
    server: RegistryServer, manner: Manner
) -> None:
    server.fault("GET /v2/team/app/manifests/tag-01", manner, times=3)
    async with browsing(server) as browser:
        found = await details_of(browser, "tag-00", "tag-01")
        assert found[SafeText("tag-00")].phase is Phase.READY
        failed = found[SafeText("tag-01")]
        assert failed.phase is Phase.FAILED
        assert failed.problem
        assert (await details_of(browser, "tag-01"))[SafeText("tag-01")].phase is Phase.READY


async def test_the_row_of_a_tag_that_was_just_deleted_says_so(server: RegistryServer) -> None:
    async with browsing(server) as browser:
        found = (await details_of(browser, "deleted"))[SafeText("deleted")]
    assert found.phase is Phase.FAILED
    assert found.problem
    assert "has no tag deleted" in found.problem.sentence
    assert "deleted" in found.problem.next_step


async def test_rows_that_are_known_are_not_asked_for_again(server: RegistryServer) -> None:
    async with browsing(server) as browser:
        await details_of(browser, "tag-00")
        server.reset()
        assert (await details_of(browser, "tag-00"))[SafeText("tag-00")].phase is Phase.READY
    assert server.requests == []


async def test_a_fresh_list_forgets_its_rows(server: RegistryServer) -> None:
    async with browsing(server) as browser:
        await details_of(browser, "tag-00")
        await tag_states(browser, fresh=True)
        assert browser.details("team/app") == {}


async def test_closed_rows_leave_nothing_under_way(server: RegistryServer) -> None:
    server.fault("GET /v2/team/app/manifests/", "hang", times=None)
    async with browsing(server) as browser:
        before = asyncio.all_tasks()
        rows = browser.rows("team/app", lambda tag, details: None)
        rows.show(map(SafeText, NAMES))
        await asyncio.to_thread(server.wait_for_requests, 4)
        await rows.aclose()
        await no_tasks_but(before)


async def test_all_details_are_found_with_progress(content: Content, server: RegistryServer) -> None:
    content.add_tags("team/app", [f"more-{number:02}" for number in range(30)], like=NAMES[0])
    async with browsing(server) as browser:
        names = [name async for state in browser.tags("team/app") for name in state.names if state.phase is Phase.READY]
        progress = [known async for known in browser.all_details("team/app", names)]
        assert len(names) == 40
        assert progress == sorted(progress)
        assert (progress[0], progress[-1]) == (0, 40)
        assert len(progress) > 2
        assert browser.details("team/app").keys() == set(names)
        server.reset()
        assert [known async for known in browser.all_details("team/app", names)] == [40]
        assert server.requests == []


async def test_all_details_leave_places_for_rows(content: Content) -> None:
    with RegistryServer(content, latency=0.002) as server:
        async with browsing(server) as browser:
            assert [known async for known in browser.all_details("team/app", list(map(SafeText, NAMES)))][-1] == 10
        assert server.most_at_once <= 3


async def test_what_has_the_same_digest_is_told_with_an_image(content: Content, server: RegistryServer) -> None:
    content.add_image("team/app", "other", layers=[b"other"])
    async with browsing(server) as browser:
        await details_of(browser, "tag-00", "tag-01", "other")
        last = [state async for state in browser.image(target(server, "tag-00"))][-1]
    assert last.same == ("tag-01",)


async def test_what_was_shown_without_asking_is_counted(server: RegistryServer) -> None:
    async with browsing(server) as browser:
        async for _ in browser.image(target(server, NAMES[0])):
            pass
        assert browser.cached == 0
        async for _ in browser.image(target(server, NAMES[0])):
            pass
        assert browser.cached == 2


async def test_a_browser_that_never_asked_has_nothing_to_close(server: RegistryServer) -> None:
    async def connect() -> V2Source:
        raise AssertionError("nobody asked")

    await Browser(RegistryAddress(server.address), connect).aclose()
