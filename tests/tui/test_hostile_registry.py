"""The real program on a registry that is hostile in everything it says: what goes to the terminal, byte by byte."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from wcwidth import wcwidth

from regbrowse.tui.widgets.image_pane import TABS
from tests.registry_server import RegistryServer
from tests.terminal import Terminal
from tests.tui.hostile_registry import (
    CONFIG_FIELDS,
    CONTRADICTING,
    FAILING,
    HISTORY_FIELDS,
    LAYERS_FIELDS,
    MARKUP,
    hostile_registry,
    listed,
    shown,
)

REGBROWSE: Final = (sys.executable, "-m", "regbrowse")

OURS: Final = re.compile(
    rb"\x1b\[(?:[0-9;]*m|[0-9]+;[0-9]+H|\?2026[hl])|\x1b\]22;[a-z-]+\x07|\r\n(?=\x1b|\Z)|\x1b\]52;c;[\w+/=]*\x07"
)
"""All that is written while a screen is shown: colours, places, ends of lines before either, the marks around a frame,
the form of the mouse pointer, and copies, which are looked at one by one."""

FRAME_BEGINS: Final = b"\x1b[?2026h"
FRAME_ENDS: Final = b"\x1b[?2026l"

PAGES: Final = 30
"""More than any text here has."""

FRAMES: Final = re.compile("╭─ (?:[1-4] [A-Z][a-z]+|[A-Z][a-z ]+)")
HIDING: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00")


def acts(char: str) -> bool:
    """Whether `char` does something else on a terminal than to be seen: from Unicode's tables, not from ours."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") or char in HIDING


def acting(written: bytes) -> set[str]:
    """What acts on the terminal in what was written, beside what is ours."""
    return set(filter(acts, OURS.sub(b"", written).decode()))


def cells(line: str) -> list[str]:
    """A line of the screen, cell by cell; the second half of a wide character is empty."""
    found: list[str] = []
    for char in line:
        width = wcwidth(char)
        if width > 0:
            found += [char, *[""] * (width - 1)]
    return found


def broken_frames(screen: list[str], title: str = "") -> list[str]:
    """The lines at which the frame with `title`, or any frame of those on the screen, is not where it should be."""
    rows = [cells(line) for line in screen]
    broken = []
    for top, line in enumerate(screen):
        for match in FRAMES.finditer(line):
            if title not in match[0]:
                continue
            left = len(cells(line[: match.start()]))
            right = next((column for column in range(left, len(rows[top])) if rows[top][column] == "╮"), -1)
            sides = [(row[left : left + 1], row[right : right + 1]) for row in rows[top + 1 :]]
            bottom = next((number for number, (side, _) in enumerate(sides) if side == ["╰"]), len(sides) - 1)
            upright = all(pair == (["│"], ["│"]) for pair in sides[:bottom])
            if right < 0 or not upright or sides[bottom] != (["╰"], ["╯"]):
                broken.append(line)
    return broken


class Walk:
    """The program on the hostile registry, and what a person does in it."""

    def __init__(self, terminal: Terminal, address: str) -> None:
        self.terminal = terminal
        self.address = address

    def press(self, *keys: str) -> None:
        self.terminal.press(*keys)

    def see(self, *texts: str, dialog: str = "") -> None:
        """Wait until all of `texts` are on the screen, and every frame (or the dialog's) holds."""
        for text in texts:
            self.terminal.wait_for(text)
        self.terminal.wait_for(lambda terminal: not broken_frames(terminal.screen, dialog))

    def see_all(self, *texts: str) -> None:
        """Find `texts` on the pages of what has the focus; more slowly again if the machine did not keep up."""
        missing = set(texts)
        for quiet in (0.1, 0.4, 1.6):
            self.press("g")
            for _ in range(PAGES):
                self.terminal.wait_idle(quiet)
                self.see()
                missing -= {text for text in missing if text in self.terminal.text}
                if not missing:
                    return
                self.press("pagedown")
        raise AssertionError(f"not on any page: {sorted(missing)}")

    def open(self, name: str) -> None:
        """Open something by its name."""
        self.press("o")
        self.terminal.wait_for("Open by name")
        self.terminal.type(name)
        self.see(f"{name}.", dialog="Open by name")
        self.press("enter")
        self.terminal.wait_for(lambda terminal: "Open by name" not in terminal.text)

    def filter(self, text: str) -> None:
        """Filter the focused list."""
        self.press("/")
        self.terminal.type(text)
        self.terminal.wait_for(f"/ {text}")

    def paste(self, text: str) -> None:
        """Paste, as a terminal does."""
        self.terminal.write(b"\x1b[200~" + text.encode() + b"\x1b[201~")

    def click(self, text: str) -> None:
        """Press the mouse's button on `text`, and let it go."""
        column, row = self.terminal.find(text)
        self.terminal.write(b"\x1b[<0;%d;%dM\x1b[<0;%d;%dm" % (column + 2, row + 1, column + 2, row + 1))


@pytest.fixture(scope="module")
def server() -> Iterator[RegistryServer]:
    with hostile_registry() as server:
        yield server


@contextmanager
def walking(server: RegistryServer, size: tuple[int, int]) -> Iterator[Walk]:
    """Walk, and see that nothing acted on the terminal, and that the program runs and ends in good order."""
    with Terminal([*REGBROWSE, server.address], columns=size[0], rows=size[1]) as terminal:
        terminal.wait_for(lambda terminal: re.search(r"Repositories \d+ ─", terminal.text))
        yield Walk(terminal, server.address)
        written = terminal.raw
        terminal.press("escape", "ctrl+q")
        assert terminal.wait_for_exit() == 0
        assert terminal.leftovers == []
        assert terminal.links == []
        assert acting(written[written.index(FRAME_BEGINS) : written.rindex(FRAME_ENDS)]) == set()


WIDE_ONLY: Final = pytest.mark.parametrize("walk", [(140, 40)], indirect=True, ids=["140x40"])
"""For what the size of the window does not change."""


@pytest.fixture(params=[(140, 40), (80, 24)], ids=["140x40", "80x24"])
def walk(request: pytest.FixtureRequest, server: RegistryServer) -> Iterator[Walk]:
    with walking(server, request.param) as walk:
        yield walk
        assert walk.terminal.clipboard == []


def test_repositories_are_shown_with_what_they_hide(walk: Walk) -> None:
    for tens in ("r0", "r1", "r2"):
        walk.filter(tens)
        walk.see(*(seen for seen in listed("r").values() if seen.startswith(tens)))
        walk.press("escape")


def test_tags_are_shown_with_what_they_hide(walk: Walk) -> None:
    walk.open("aa/image")
    walk.terminal.wait_for(lambda terminal: re.search(r"Tags \d+ ·", terminal.text))
    for tens in ("t0", "t1", "t2"):
        walk.filter(tens)
        walk.see(*(seen for seen in listed("t").values() if seen.startswith(tens)))
        walk.press("escape")


@WIDE_ONLY
def test_a_click_on_markup_does_not_do_what_it_says(walk: Walk) -> None:
    walk.filter("@click")
    walk.press("enter")
    walk.see("1 of ", "[@click=app.quit]")
    walk.click("[@click=app.quit]")
    walk.click("[@click=app.quit]")
    walk.see("cannot be the")


def test_the_tabs_of_an_image_are_shown_with_what_they_hide(walk: Walk) -> None:
    walk.open("aa/image:1.0")
    walk.see(shown("os"))
    walk.see_all(*map(shown, HISTORY_FIELDS))
    walk.press("]")
    walk.see_all(*map(shown, CONFIG_FIELDS))
    walk.press("]", "]")
    walk.see_all('"!key[/oops]\\u001b]52;c;')


def test_layers_are_shown_with_what_they_hide(walk: Walk) -> None:
    walk.open("aa/layers:1.0")
    walk.press("]", "]")
    walk.see_all(*map(shown, LAYERS_FIELDS))


@WIDE_ONLY
def test_a_manifest_without_escapes_is_shown_with_them(walk: Walk) -> None:
    walk.open("aa/raw:1.0")
    walk.press("J")
    walk.see_all("!raw]52;c;aGVsbG8=", "\\u009d52;c;")


def test_images_are_shown_with_what_their_documents_and_headers_hide(walk: Walk) -> None:
    documents = {
        "aa/artifact": "artifact",
        "aa/digest": "layer-digest",
        "aa/type": "media-type",
        "aa/schema1": "schema-1",
    }
    headers = {name: seen for name, (seen, _) in CONTRADICTING.items()}
    for name, seen in ({name: shown(field) for name, field in documents.items()} | headers).items():
        walk.open(f"{name}:1.0")
        walk.see(name, seen)


def test_failures_are_shown_with_what_they_hide(walk: Walk) -> None:
    for name, (seen, _) in FAILING.items():
        walk.open(name)
        walk.see(seen)


def test_dialogs_are_shown_with_what_is_hidden_in_them(walk: Walk) -> None:
    walk.open("ab/body")
    walk.press("c")
    walk.see(shown("message"), dialog="Connection")
    walk.press("escape")
    walk.open("aa/index:1.0")
    walk.see(shown("arch-b"))
    walk.press("p")
    walk.see(shown("os-a"), shown("arch-b"), dialog="Platform")
    walk.press("escape", "?")
    walk.see("Moving", dialog="Help")
    walk.press("escape")
    walk.see(shown("arch-b"))


def test_wide_characters_leave_the_frames_where_they_are(walk: Walk) -> None:
    walk.filter("wide/")
    walk.press("enter")
    walk.open("aa/wide:1.0")
    for _ in TABS:
        for _ in range(4):
            walk.terminal.wait_idle(0.1)
            walk.see()
            walk.press("pagedown")
        walk.press("]")


@WIDE_ONLY
def test_what_is_pasted_into_a_text_box_does_not_act(walk: Walk) -> None:
    for key in ("s", "/", "o", ":"):
        walk.press(key)
        walk.terminal.wait_idle(0.2)
        walk.paste(f"\u202e\x9b31m\x00\u200b\U000e0041[/oops{key}]")
        walk.terminal.wait_for(f"[/oops{key}]")
        walk.press("enter", "escape")
        walk.terminal.wait_idle(0.2)


@WIDE_ONLY
def test_a_search_for_markup_shows_it_as_it_stands(walk: Walk) -> None:
    walk.press("s")
    for query in [*MARKUP, "!x", "/(/", "/[/oops]/"]:
        walk.terminal.type(query)
        walk.see(f"│ {query}")
        walk.press("ctrl+u")
        walk.see("repositories here")


# Copies


def copied(terminal: Terminal, count: int) -> list[str]:
    terminal.wait_for(lambda terminal: len(terminal.clipboard) >= count)
    return [b64decode(text).decode() for text in terminal.clipboard]


@WIDE_ONLY
def test_a_name_outside_the_grammar_is_not_copied(walk: Walk) -> None:
    walk.open("aa/image")
    walk.see("t00")
    walk.filter("t00")
    walk.see("1 of")
    walk.press("enter", "y")
    walk.terminal.wait_for("Not copied")


def test_a_copy_of_a_hostile_step_has_nothing_that_acts(server: RegistryServer) -> None:
    with walking(server, (140, 40)) as walk:
        walk.open("aa/image:1.0")
        walk.see(shown("command"))
        walk.press("Y")
        walk.see("this line", dialog="Copy")
        walk.press("G", "enter")
        [copy] = copied(walk.terminal, 1)
        assert copy.startswith(f"RUN {shown('command')}")
        assert set(filter(acts, copy)) <= {"\n"}


# Without a screen


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        ("", "20 repositories"),
        *((f"/{name}", seen) for name, (seen, _) in FAILING.items() if name != "ab/link"),
        *((f"/{name}:1.0", shown(seen)) for name, seen in [("aa/digest", "layer-digest"), ("aa/type", "media-type")]),
    ],
)
def test_check_and_its_log_hold_nothing_that_acts(
    server: RegistryServer, target: str, seen: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    result = subprocess.run(
        [*REGBROWSE, "--check", f"{server.address}{target}", "--log", log], capture_output=True, check=False, timeout=60
    )
    said, logged = result.stdout.decode(), log.read_bytes().decode()
    assert seen in said
    assert set(filter(acts, said + logged + result.stderr.decode())) == {"\n"}
