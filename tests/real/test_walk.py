"""A person's walk through a real registry, in a real terminal: what the screen says is what skopeo says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from regbrowse.browser.wording import file_size, moment
from tests.real.images import LONG_RUN, REPOSITORIES
from tests.real.registry import RealRegistry, StartRegistry
from tests.terminal import Terminal

REGBROWSE = (sys.executable, "-m", "regbrowse")
SIZES = [(140, 40), (80, 24)]


@contextmanager
def browsing(*arguments: str, size: tuple[int, int] = (140, 40), **env: str) -> Iterator[Terminal]:
    with Terminal([*REGBROWSE, *arguments], columns=size[0], rows=size[1], env=env) as terminal:
        yield terminal


ALONE = (59, 24)
"""So narrow that a pane stands alone, and the lines of a sentence follow each other."""


def words(terminal: Terminal) -> str:
    """What the screen says, whatever was wrapped where."""
    return " ".join(terminal.text.translate(str.maketrans("│▌╭╰╮╯─", "       ")).split())


def open_repository(terminal: Terminal, name: str) -> None:
    """Filter the repositories down to one and go in."""
    terminal.wait_for("Repositories 7")
    terminal.press("/")
    terminal.type(name)
    terminal.wait_for("1 of 7")
    terminal.press("enter")
    terminal.press("l")
    terminal.wait_for("3 Tags")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_repository_is_listed(real_registry: RealRegistry, size: tuple[int, int]) -> None:
    with browsing(real_registry.address, size=size) as terminal:
        terminal.wait_for(lambda terminal: all(name in terminal.text for name in REPOSITORIES))
        terminal.wait_for("Repositories 7")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_keys_lead_to_the_right_history(real_registry: RealRegistry, size: tuple[int, int]) -> None:
    with browsing(real_registry.address, size=size) as terminal:
        open_repository(terminal, "team/app")
        terminal.wait_for("1.10.0")
        terminal.press("/")
        terminal.type("1.4.1")
        terminal.wait_for("1 of 5")
        terminal.press("enter", "enter")
        terminal.wait_for("ENV APP_VERSION=1.4.1")
        terminal.wait_for("team/app:1.4.1")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_history_is_what_skopeo_says(real_registry: RealRegistry, size: tuple[int, int]) -> None:
    config = real_registry.inspect("team/app:1.4.2", "--config")
    manifest = real_registry.inspect("team/app:1.4.2", "--raw")
    layers = iter(manifest["layers"])
    with browsing(f"{real_registry.address}/team/app:1.4.2", size=size) as terminal:
        terminal.wait_for("SIZE")
        screen = whole_view(terminal)
    for entry in config["history"]:
        shown = entry["created_by"].removeprefix("RUN /bin/sh -c ").removesuffix(" # buildkit")
        shown = shown.replace("map[8080/tcp:{}]", "8080/tcp")  # how a person would write it
        assert "".join(shown.split()[:3]) in screen
        if not entry.get("empty_layer"):
            assert file_size(next(layers)["size"]).replace(" ", "") in screen


def whole_view(terminal: Terminal) -> str:
    """The text of the view, page after page, without a blank: a long word may be broken anywhere."""
    terminal.wait_idle()
    pages = [words(terminal)]
    for _ in range(6):
        terminal.press("pagedown")
        terminal.wait_idle()
        pages.append(words(terminal))
    return "".join("".join(pages).split())


def test_a_long_command_is_broken_where_a_person_would_break_it(real_registry: RealRegistry) -> None:
    assert " && rm -rf" in LONG_RUN
    with browsing(f"{real_registry.address}/team/app:1.4.2") as terminal:
        terminal.wait_for("RUN apt-get update")
        terminal.wait_for("&& rm -rf /var/lib/apt/lists/*")


def test_digest_size_creation_and_platform_are_what_skopeo_says(real_registry: RealRegistry) -> None:
    plain = real_registry.inspect("team/app:1.4.2")
    manifest = real_registry.inspect("team/app:1.4.2", "--raw")
    size = sum(layer["size"] for layer in manifest["layers"])
    with browsing(f"{real_registry.address}/team/app:1.4.2", size=(200, 40)) as terminal:
        terminal.wait_for("created 2026")
        expected = [
            plain["Digest"],
            f"{plain['Os']}/{plain['Architecture']}",
            f"{file_size(size)} in {len(manifest['layers'])} layers",
            f"created {moment(datetime.fromisoformat(plain['Created']))}",
        ]
        terminal.wait_for(lambda terminal: all(text in terminal.text for text in expected))


def test_the_rows_of_tags_are_what_skopeo_says(real_registry: RealRegistry) -> None:
    with browsing(f"{real_registry.address}/team/app", size=(200, 40)) as terminal:
        terminal.wait_for("1.4.0")
        terminal.wait_for(lambda terminal: terminal.text.count("amd64") >= 5)
        rows = {line.split()[1]: line for line in terminal.screen if "amd64" in line and "│" in line}
        for tag in ("1.10.0", "1.4.1", "1.4.0"):
            plain, manifest = (
                real_registry.inspect(f"team/app:{tag}"),
                real_registry.inspect(f"team/app:{tag}", "--raw"),
            )
            row = next(line for line in terminal.screen if f" {tag} " in line)
            assert plain["Digest"].removeprefix("sha256:")[:12] in row
            size = sum(layer["size"] for layer in manifest["layers"])
            assert file_size(size) in row
        assert rows


def test_tags_of_the_same_image_are_shown_as_such(real_registry: RealRegistry) -> None:
    with browsing(f"{real_registry.address}/team/app") as terminal:
        terminal.wait_for("latest = 1.4.2")
        terminal.wait_for("1.4.2 = latest")


def test_both_platforms_of_an_image_can_be_chosen(real_registry: RealRegistry) -> None:
    raw: Any = real_registry.inspect("team/multi:2.0", "--raw")
    arm = next(entry for entry in raw["manifests"] if entry["platform"]["architecture"] == "arm64")
    with browsing(f"{real_registry.address}/team/multi:2.0", size=(200, 40)) as terminal:
        terminal.wait_for("of 2")
        terminal.press("p")
        terminal.wait_for("linux/arm64/v8")
        terminal.press("G", "enter")
        terminal.wait_for("linux/arm64/v8 of 2")
        terminal.wait_for("STEP")
        terminal.press("]", "]")
        layer = real_registry.inspect(f"team/multi@{arm['digest']}", "--raw")["layers"][0]
        terminal.wait_for(layer["digest"][:19])


def test_a_docker_schema_2_image_is_named_so(real_registry: RealRegistry) -> None:
    with browsing(f"{real_registry.address}/legacy/docker:1.0") as terminal:
        terminal.wait_for("Docker schema 2")
        terminal.wait_for("STEP")


def test_a_basic_login_of_docker_is_used(real_registry_basic: RealRegistry, tmp_path: Path) -> None:
    real_registry_basic.write_docker_config(tmp_path)
    with browsing(real_registry_basic.address, DOCKER_CONFIG=str(tmp_path)) as terminal:
        terminal.wait_for("Repositories 7")
        terminal.wait_for(f"{real_registry_basic.user} (docker config)")


def test_without_a_login_one_logs_in_on_the_screen_and_the_browse_goes_on(real_registry_basic: RealRegistry) -> None:
    with browsing(real_registry_basic.address, size=ALONE) as terminal:
        terminal.wait_for("Log in to")
        terminal.wait_for(lambda terminal: "wants to know who you are" in words(terminal))
        terminal.type(f"{real_registry_basic.user}\r{real_registry_basic.password}\r")
        terminal.wait_for("Repositories 7")


def test_a_private_ca_in_the_certificates_directory_is_enough(real_registry_tls: RealRegistry, tmp_path: Path) -> None:
    folder = tmp_path / real_registry_tls.address
    folder.mkdir()
    assert real_registry_tls.authority is not None
    real_registry_tls.authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    with browsing(f"https://{real_registry_tls.address}", "--certs-dir", str(tmp_path)) as terminal:
        terminal.wait_for("TLS verified")
        terminal.wait_for("Repositories 7")


def test_an_unknown_ca_is_refused_with_the_file_to_add(real_registry_tls: RealRegistry) -> None:
    with browsing(f"https://{real_registry_tls.address}", size=ALONE) as terminal:
        terminal.wait_for(lambda terminal: "is not accepted" in words(terminal))
        folder = f"certs.d/{real_registry_tls.address}/ca.crt"
        terminal.wait_for(lambda terminal: folder in "".join(words(terminal).split()))


def test_a_registry_that_stops_leaves_the_program_usable(new_registry: StartRegistry) -> None:
    registry = new_registry()
    with browsing(registry.address, size=ALONE) as terminal:
        terminal.wait_for("Repositories 7")
        registry.stop()
        terminal.press("enter")
        terminal.wait_for(lambda terminal: "the connection is refused" in words(terminal))
        terminal.press("escape", "j", "?")
        terminal.wait_for("Moving")
        terminal.press("escape", "q")
        assert terminal.wait_for_exit() == 0
