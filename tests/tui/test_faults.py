"""What the user sees when a registry misbehaves; and that the program goes on, and recovers when the registry does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import pytest

from regbrowse.browser.states import Phase
from regbrowse.registry import transport
from regbrowse.tui.actions import Pane
from regbrowse.tui.screens.dialogs import TextScreen
from tests.registry_server import Content, Manner, RegistryServer
from tests.tui.screens import Session, browsing

HTML: Final = b"<!doctype html>\n<title>Please log in</title>\n"
HTML_TYPE: Final = {"Content-Type": "text/html; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to misbehave, and what is to be said of it."""

    words: str
    manner: Manner = "whole"
    status: int | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


FAULTS: Final = {
    "500": Fault("failed with status 500", status=500),
    "500 with words": Fault(
        "the disk is full", status=500, body=b'{"errors":[{"code":"UNKNOWN","message":"the disk is full"}]}'
    ),
    "503 in HTML": Fault("failed with status 503", status=503, body=HTML, headers=HTML_TYPE),
    "HTML": Fault("Check that this is a registry", body=HTML, headers=HTML_TYPE),
    "half a body": Fault("broke off its answer", "half_body"),
    "no answer": Fault("closed the connection without an answer", "close"),
    "no JSON": Fault("Check that this is a registry", body=b'{"repositories": ["a", "b'),
    "429": Fault("asks to wait 3,600 s", status=429, headers={"Retry-After": "3600"}),
    "403": Fault("Press o|Ask for permission|by name", status=403),
}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is tried again without a pause."""
    monkeypatch.setattr(transport, "_back_off", lambda attempt: 0.0)


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    """Serves three names a page; `team/app` has five tags."""
    content = Content()
    for number in range(5):
        content.add_image("team/app", f"1.{number}", layers=[bytes([number])])
    content.add_repositories(f"other/{number}" for number in range(8))
    with RegistryServer(content, page_size=3) as server:
        yield server


def _misbehave(server: RegistryServer, request: str, fault: Fault) -> None:
    server.fault(
        request,
        fault.manner,
        times=None,
        status=fault.status,
        body=fault.body,
        headers=fault.headers,
    )


async def _is_usable(session: Session) -> None:
    """Keys still do what they do."""
    await session.press("f1")
    assert isinstance(session.app.screen, TextScreen)
    await session.press("escape")
    assert not session.has_dialog


# The catalog


@pytest.mark.parametrize(
    "fault", [fault for name, fault in FAULTS.items() if name not in ("500", "no JSON")], ids=lambda fault: fault.words
)
async def test_catalog_that_fails_says_why_and_recovers(fault: Fault, server: RegistryServer) -> None:
    _misbehave(server, "GET /v2/_catalog", fault)
    async with browsing(server=server) as session:
        pane = session.screen.repositories
        await session.until(lambda: any(session.shows(words, pane) for words in fault.words.split("|")), fault.words)
        await _is_usable(session)
        server.reset()
        await session.press("r")
        await session.until_shows("Repositories 9 ─", pane)
        await session.press("down")
        assert pane.current == "other/1"


@pytest.mark.parametrize("kind", ["500", "HTML", "half a body", "429"])
async def test_repositories_that_came_before_a_failure_stay(kind: str, server: RegistryServer) -> None:
    fault = FAULTS[kind]
    _misbehave(server, "GET /v2/_catalog?last=other%2F5", fault)
    async with browsing(server=server) as session:
        pane = session.screen.repositories
        await session.until_shows(fault.words, pane)
        assert list(pane.rows.rows) == [f"other/{number}" for number in range(6)]
        await session.press("down")
        assert pane.current == "other/1"
        await _is_usable(session)
        server.reset()
        await session.press("r")
        await session.until_shows("Repositories 9 ─", pane)
        assert pane.current == "other/1"


async def test_list_that_cannot_be_had_again_stays(server: RegistryServer) -> None:
    async with browsing(server=server) as session:
        pane = session.screen.repositories
        await session.until_shows("Repositories 9 ─", pane)
        await session.press("down")
        _misbehave(server, "GET /v2/_catalog", FAULTS["500"])
        await session.press("r")
        await session.until_shows("failed with status 500", pane)
        assert (len(pane.rows.rows), pane.current) == (9, "other/1")


async def test_registry_that_is_gone_in_the_middle_of_its_list(server: RegistryServer) -> None:
    server.fault("GET /v2/_catalog?last=other%2F5", "hang")
    async with browsing(server=server) as session:
        pane = session.screen.repositories
        await session.until_shows("Repositories 6+", pane)
        await asyncio.to_thread(server.wait_for_requests, 3)
        server.stop()
        await session.until_shows("the connection is refused", pane)
        assert len(pane.rows.rows) == 6
        await session.press("down", "enter")
        await session.until_shows("the connection is refused", session.screen.tags)
        await _is_usable(session)


async def test_registry_that_hangs_is_given_up_and_recovers(
    server: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_TIMEOUTS", {**transport._TIMEOUTS, "read": 0.2})
    server.fault("GET /v2/_catalog", "hang", times=None)
    async with browsing(server=server) as session:
        pane = session.screen.repositories
        await session.until_shows("took the request and did not answer it in time", pane)
        await _is_usable(session)
        server.reset()
        await session.press("r")
        await session.until_shows("Repositories 9 ─", pane)


async def test_keys_work_while_the_registry_hangs(server: RegistryServer) -> None:
    server.fault("GET /v2/_catalog?last=", "hang")
    async with browsing(server=server) as session:
        await session.until_shows("Repositories 3+", session.screen.repositories)
        await _is_usable(session)
        await session.press("o")
        await session.type("team/app")
        await session.press("enter")
        await session.until_tags("team/app")
        await session.press("q")
        await session.until(lambda: not session.app.is_running, "the end", after_the_end=True)


# Tags


@pytest.mark.parametrize("kind", ["500", "HTML", "no answer", "403"])
async def test_tags_that_fail_say_why_and_recover(kind: str, server: RegistryServer) -> None:
    fault = FAULTS[kind]
    _misbehave(server, "GET /v2/team/app/tags/list", fault)
    async with browsing("team/app", server=server) as session:
        pane = session.screen.tags
        await session.until(lambda: any(session.shows(words, pane) for words in fault.words.split("|")), fault.words)
        await _is_usable(session)
        server.reset()
        await session.press("r")
        await session.until_shows("Tags 5 · version", pane)
        await session.press("down")
        assert pane.current == "1.3"


@pytest.mark.parametrize("kind", ["500", "half a body", "HTML"])
async def test_tags_that_came_before_a_failure_stay_and_can_be_opened(kind: str, server: RegistryServer) -> None:
    _misbehave(server, "GET /v2/team/app/tags/list?last=", FAULTS[kind])
    async with browsing("team/app", server=server) as session:
        pane = session.screen.tags
        await session.until_shows(FAULTS[kind].words, pane)
        assert list(pane.rows.rows) == ["1.2", "1.1", "1.0"]
        await session.press("down", "enter")
        await session.until_image()
        await session.press("escape")
        server.reset()
        await session.press("r")
        await session.until_shows("Tags 5 · version", pane)
        assert pane.current == "1.1"


async def test_registry_that_is_gone_in_the_middle_of_the_tags(server: RegistryServer) -> None:
    server.fault("GET /v2/team/app/tags/list?last=", "hang")
    async with browsing("team/app", server=server) as session:
        pane = session.screen.tags
        await session.until_shows("Tags 3+", pane)
        await session.until(lambda: any("last=1.2" in request.path for request in server.requests), "the second page")
        server.stop()
        await session.until_shows("the connection is refused", pane)
        assert list(pane.rows.rows) == ["1.2", "1.1", "1.0"]
        await _is_usable(session)


async def test_repository_that_was_deleted_meanwhile(server: RegistryServer) -> None:
    async with browsing(server=server) as session:
        await session.until_shows("Repositories 9 ─", session.screen.repositories)
        server.fault("GET /v2/other/0/tags/list", status=404, body=b'{"errors":[{"code":"NAME_UNKNOWN"}]}')
        await session.press("enter")
        await session.until_shows(f"{server.address} has no repository other/0.", session.screen.tags)
        await session.press("escape")
        assert session.pane is Pane.REPOSITORIES


async def test_tag_that_was_deleted_meanwhile_says_so_in_its_row_and_as_an_image(server: RegistryServer) -> None:
    server.fault(
        "GET /v2/team/app/manifests/1.4", times=None, status=404, body=b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'
    )
    async with browsing("team/app", server=server) as session:
        await session.until_shows("1.4 404: team/app has no", session.screen.tags)
        await session.press("enter")
        await session.until_shows("team/app has no", session.screen.image)
        await session.until_shows("list the tags again", session.screen.image)
        await session.press("escape", "down", "enter")
        await session.until_image()


async def test_row_that_failed_is_asked_for_again(server: RegistryServer) -> None:
    _misbehave(server, "GET /v2/team/app/manifests/1.4", FAULTS["500"])
    async with browsing("team/app", server=server) as session:
        await session.until_shows("1.4 500:", session.screen.tags)
        server.reset()
        await session.press("r")
        await session.until(
            lambda: (
                (row := session.screen.browser.details("team/app").get(session.screen.tags.rows.rows[0]))
                and row.phase is Phase.READY
            ),
            "the details of the row",
        )
        await session.until(lambda: not session.shows("500:", session.screen.tags), "a row without a failure")


# An image


IMAGE_FAULTS: Final = {
    **{
        name: FAULTS[name]
        for name in ("500", "500 with words", "503 in HTML", "HTML", "half a body", "no answer", "429")
    },
    "a list": Fault("Check that this is a registry", body=b"[]"),
    "another digest": Fault(
        "The registry says that the digest is", headers={"Docker-Content-Digest": f"sha256:{'0' * 64}"}
    ),
}


@pytest.mark.parametrize("fault", IMAGE_FAULTS.values(), ids=IMAGE_FAULTS)
async def test_image_that_fails_says_why_and_recovers(fault: Fault, server: RegistryServer) -> None:
    _misbehave(server, "GET /v2/team/app/manifests/1.4", fault)
    async with browsing("team/app:1.4", server=server) as session:
        pane = session.screen.image
        await session.until_shows(fault.words, pane)
        await _is_usable(session)
        server.reset()
        await session.press("r")
        await session.until_image()
        await session.until_shows("in 1 layer", pane)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("", status=404), "has the manifest but not its content"),
        (Fault("", status=500), "failed with status 500"),
        (Fault("", body=b"{}"), "was altered"),
        (Fault("", "half_body"), "broke off its answer"),
    ],
    ids=["404", "500", "altered", "half a body"],
)
async def test_configuration_that_fails_says_why_and_leaves_the_manifest(
    fault: Fault, words: str, server: RegistryServer
) -> None:
    _misbehave(server, "GET /v2/team/app/blobs/", fault)
    async with browsing("team/app:1.4", server=server) as session:
        await session.until_shows(words, session.screen.image)
        await session.press("J")
        await session.until_shows("schemaVersion", session.screen.image)
        server.reset()
        await session.press("r")
        await session.until_image()


async def test_enter_asks_again_for_an_image_that_failed(server: RegistryServer) -> None:
    _misbehave(server, "GET /v2/team/app/manifests/1.4", FAULTS["500"])
    async with browsing("team/app:1.4", server=server) as session:
        await session.until_shows("failed with status 500", session.screen.image)
        server.reset()
        await session.press("escape", "enter")
        await session.until_image()


# Too many requests


async def test_short_wait_that_is_asked_for_is_waited_for_and_said(server: RegistryServer) -> None:
    server.fault("GET /v2/_catalog", status=429, headers={"Retry-After": "1"})
    async with browsing(server=server, size=(140, 40)) as session:
        await session.until_shows("waiting 1 s, as asked")
        await _is_usable(session)
        await session.until_shows("Repositories 9 ─", session.screen.repositories)
        await session.until(lambda: not session.shows("as asked"), "the end of the pause in the footer")


async def test_long_wait_that_is_asked_for_is_not_waited_for(server: RegistryServer) -> None:
    _misbehave(server, "GET /v2/_catalog", FAULTS["429"])
    async with browsing(server=server) as session:
        await session.until_shows("gets too many requests and asks to wait 3,600 s.", session.screen.repositories)
        await session.until_shows("Wait, then try again.", session.screen.repositories)
        assert len(server.requests) == 1


# Logins


async def test_login_that_is_asked_for_in_the_middle_can_be_left(server: RegistryServer) -> None:
    server.fault(
        re.compile("tags/list"), status=401, times=None, headers={"WWW-Authenticate": 'Basic realm="registry"'}
    )
    async with browsing("team/app", server=server) as session:
        await session.until_shows("Log in to 127.0.0.1")
        await session.press("escape")
        await session.until_shows("L logs in", session.screen.tags)
        await _is_usable(session)
