"""A person's walk through a v1 registry, in a real terminal."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Final

import pytest

from tests.terminal import Terminal
from tests.v1_content import V1Content, image_id, small_content
from tests.v1_server import V1Server

REGBROWSE: Final = (sys.executable, "-m", "regbrowse")
WIDE, SMALL = (140, 40), (80, 24)
SIZES: Final = [pytest.param(size, id=f"{size[0]}x{size[1]}") for size in (WIDE, SMALL)]
USER, PASSWORD = "canary-user", "canary-pass"
BASE, RUNTIME, APP = map(image_id, ("base", "runtime", "app"))
ROOT: Final = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[V1Server]:
    with V1Server() as server:
        yield server


@contextmanager
def browsing(*arguments: str, size: tuple[int, int] = WIDE, **env: str) -> Iterator[Terminal]:
    with Terminal([*REGBROWSE, *arguments], columns=size[0], rows=size[1], env=env, cwd=ROOT) as terminal:
        yield terminal


def says(terminal: Terminal, words: str) -> None:
    """Wait until one of the panes says `words`, wherever they are wrapped."""
    terminal.wait_for(lambda terminal: any("".join(words.split()) in text for text in panes(terminal)))


def panes(terminal: Terminal) -> list[str]:
    """What stands between the frames, without a blank."""
    columns = zip_longest(*(line.split("│") for line in terminal.screen), fillvalue="")
    return ["".join("".join(column).replace("▌", "").split()) for column in columns]


def wait_for_line(terminal: Terminal, *texts: str) -> None:
    """Wait until all `texts` are on one line."""
    terminal.wait_for(lambda terminal: any(all(text in line for text in texts) for line in terminal.screen))


def asked(server: V1Server) -> list[str]:
    return [str(request) for request in server.requests]


def see_history(terminal: Terminal) -> None:
    """Wait for the steps of team/app:latest: the commands, the sizes and the parents."""
    content = small_content()
    for id_, command in ((BASE, "ADD rootfs.tar in /"), (RUNTIME, "RUN install run"), (APP, "ADD main in /app")):
        layer = content.images[id_].layer
        assert layer is not None
        wait_for_line(terminal, f"{len(layer)} B", command)
    for id_, parent in ((RUNTIME, BASE), (APP, RUNTIME)):
        terminal.wait_for(f"id {id_[:12]} on {parent[:12]}")


@pytest.mark.parametrize("size", SIZES)
def test_from_the_search_to_the_history(server: V1Server, size: tuple[int, int]) -> None:
    with browsing(server.address, size=size) as terminal:
        terminal.wait_for("Repositories 2")
        terminal.wait_for("v1 · plain HTTP · anonymous")
        terminal.press("s")
        terminal.type("app")
        terminal.wait_for("An app")  # its description, which only the registry's own search knows
        terminal.press("enter")
        terminal.wait_for("3 Tags 3")
        terminal.wait_for("latest = 1.0")
        terminal.press("enter")
        see_history(terminal)
        terminal.wait_for("v1 image, no digest to verify it by")
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
        assert terminal.restored, terminal.leftovers
    assert asked(server)[:3] == ["GET /v2/_catalog?n=1000", "GET /v1/_ping", "GET /v1/search?q=&n=100"]


@pytest.mark.parametrize("size", SIZES)
def test_from_the_repositories_to_the_layers_and_what_the_image_says(server: V1Server, size: tuple[int, int]) -> None:
    with browsing(server.address, size=size) as terminal:
        terminal.wait_for("team/app")
        terminal.press("G", "enter")
        terminal.wait_for("3 Tags 3")
        terminal.press("enter")
        see_history(terminal)
        terminal.press("]", "]")
        says(terminal, "drawn at random: nothing can be verified by them")
        terminal.wait_for(f"on {RUNTIME[:24]}")
        terminal.press("]")
        says(terminal, "A v1 registry has no manifests: this is what the image says of itself.")
        terminal.wait_for('"parent": ')


def test_an_image_is_opened_by_its_name(server: V1Server) -> None:
    with browsing(f"{server.address}/team/app:1.0") as terminal:
        see_history(terminal)
        terminal.wait_for("team/app:1.0")
    assert asked(server).count("GET /v1/_ping") == 1


def test_the_ids_stand_where_digests_would(server: V1Server) -> None:
    with browsing(f"{server.address}/team/app", size=(200, 40)) as terminal:
        for tag, id_ in (("latest = 1.0", APP), ("runtime", RUNTIME)):
            wait_for_line(terminal, tag, id_[:12], "amd64")


def test_a_digest_is_refused_with_a_way_on(server: V1Server) -> None:
    with browsing(f"{server.address}/team/app@sha256:{APP}") as terminal:
        says(terminal, "is a v1 registry: its images have no digests. Open the image by a tag.")


def test_a_registry_without_a_search_is_browsed_by_name() -> None:
    with V1Server(search=False) as server, browsing(server.address) as terminal:
        says(terminal, "is a v1 registry without a search, so its repositories are not listed.")
        terminal.press("o")
        terminal.wait_for("Open")
        terminal.type("team/app:1.0")
        terminal.press("enter")
        see_history(terminal)


def test_an_ancestor_that_is_missing_is_told_beside_what_is_known() -> None:
    content: V1Content = small_content()
    del content.images[BASE]
    with V1Server(content) as server, browsing(f"{server.address}/team/app:1.0") as terminal:
        says(terminal, f"HTTP code 404 from {server.address} for image {BASE}")
        terminal.wait_for("v1 image, no digest to verify it by")


def test_an_index_gets_the_login_and_shows_whose_it_is(tmp_path: Path) -> None:
    with V1Server(mode="index", auth=("basic", USER, PASSWORD)) as server:
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {server.address: {"auth": auth}}}))
        with browsing(f"{server.address}/team/app:1.0", DOCKER_CONFIG=str(tmp_path)) as terminal:
            see_history(terminal)
            terminal.wait_for(f"{USER} (docker config)")
            assert PASSWORD.encode() not in terminal.raw


@pytest.mark.parametrize("size", SIZES)
def test_where_v1_is_switched_off_it_is_refused_with_the_reason(server: V1Server, size: tuple[int, int]) -> None:
    with browsing(server.address, "--disable-legacy-registry", size=size) as terminal:
        says(
            terminal, "does not speak the v2 protocol of registries, and v1 is switched off (disable-legacy-registry)."
        )
        says(terminal, "If it is an old registry, leave --disable-legacy-registry out, or its line in the config file.")
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
    assert asked(server) == ["GET /v2/_catalog?n=1000"]


def test_how_it_is_reached_is_shown_step_by_step(server: V1Server) -> None:
    with browsing(server.address) as terminal:
        terminal.wait_for("Repositories 2")
        terminal.press("c")
        terminal.wait_for(f"reached    {server.base}")
        terminal.wait_for("tags       1 of library/base")


# Without a screen


def checked(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [*REGBROWSE, "--check", *arguments], capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
    )
    return done.returncode, done.stdout


def test_a_check_reaches_it(server: V1Server) -> None:
    status, said = checked(f"{server.address}/team/app:1.0")
    assert status == 0
    assert f"reached    {server.base}\n" in said
    assert f"image      {APP}  (a v1 id, not verifiable by digest)\n" in said


def test_a_check_fails_where_v1_is_switched_off(server: V1Server) -> None:
    status, said = checked("--disable-legacy-registry", server.address)
    assert status == 1
    assert "v1 is switched off" in said
    assert asked(server) == ["GET /v2/"]
