"""Draws the pictures of this folder anew: `python -m screenshots`. The same program gives the same bytes.

It runs the program on its demo, without a terminal, at a fixed date.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ["COLORTERM"] = "truecolor"
os.environ.pop("NO_COLOR", None)

from regbrowse.browser.journal import Journal
from regbrowse.browser.registries import Registries
from regbrowse.credentials.chain import CredentialChain
from regbrowse.demo.transport import DemoTransport
from regbrowse.registry.models import Platform
from regbrowse.registry.reference import parse_target
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.text import SafeText
from regbrowse.settings.visited import Visited
from regbrowse.tui.app import RegbrowseApp
from regbrowse.tui.screens.panes import PanesScreen

FOLDER: Final = Path(__file__).parent
NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WIDE, SMALL = (140, 40), (80, 24)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: where the program starts, and the keys that lead to what it shows."""

    name: str
    target: str = "registry.demo"
    keys: Sequence[str] = ()
    size: tuple[int, int] = WIDE
    theme: str = "harbour"


PICTURES: Final = (
    Picture("history", "registry.demo/team/service:1.4.2"),
    Picture("history-80x24", "registry.demo/team/service:1.4.2", size=SMALL),
    Picture("repositories-80x24", size=SMALL),
    Picture("tags", "registry.demo/team/service", theme="paper"),
    Picture("tags-80x24", "registry.demo/team/service", size=SMALL),
    Picture("filter", keys=("slash", *"serv !mesh".replace(" ", "~"))),
    Picture("search", keys=("s", *"serv")),
    Picture("search-docker-hub", keys=("s", *"postgres", "ctrl+n")),
    Picture("search-everywhere", keys=("s", *"redis", "ctrl+n", "ctrl+n")),
    Picture("config", "registry.demo/team/service:1.4.2", keys=("right_square_bracket",)),
    Picture("layers", "registry.demo/team/service:1.4.2", keys=("right_square_bracket",) * 2),
    Picture("manifest", "registry.demo/team/service:1.4.2", keys=("right_square_bracket",) * 3),
    Picture("platforms", "registry.demo/team/service:1.4.2", keys=("p",)),
    Picture("forbidden", "forbidden.registry.demo"),
    Picture("help", keys=("question_mark",)),
    Picture("palette", keys=("colon",)),
    Picture("open-by-name", keys=("o", *"team/app~1.2".replace("~", ":"))),
    Picture("contrast", "registry.demo/team/service:1.4.2", theme="contrast"),
    Picture("terminal", "registry.demo/team/service:1.4.2", theme="terminal"),
)


def app_for(picture: Picture) -> RegbrowseApp:
    """The program, on a demo without delays."""
    registries = Registries(
        CredentialChain(()),
        DefaultService(certs_dir=None, make_transport=lambda tls, modifiers: DemoTransport(pace=0)),
        Visited.load(None),
        Journal(),
        demo=lambda: DemoTransport(pace=0),
        wish=Platform(SafeText("linux"), SafeText("amd64")),
    )
    return RegbrowseApp(registries, parse_target(picture.target), theme_name=picture.theme, now=lambda: NOW)


async def draw(picture: Picture) -> str:
    """The picture as SVG."""
    app = app_for(picture)
    async with app.run_test(size=picture.size, notifications=True) as pilot:
        await _settled(app)
        await pilot.press(*("space" if key == "~" else "colon" if key == ":" else key for key in picture.keys))
        await _settled(app)
        for screen in app.screen_stack:
            if isinstance(screen, PanesScreen):
                screen.footer.right = ()  # how many were cached depends on which answer came first
        await pilot.pause()
        return re.sub(r"[ \t]+$", "", app.export_screenshot(title="regbrowse"), flags=re.MULTILINE)


async def _settled(app: RegbrowseApp) -> None:
    """Wait until nothing more is asked for, twice in a row: what has come may ask for more."""
    quiet, before = 0, -1
    while quiet < 5:
        await asyncio.sleep(0.1)
        requests, *_ = app.registries.counted(app.registries.browser(parse_target("registry.demo").registry))
        quiet, before = (quiet + 1, before) if requests == before else (0, requests)


async def main(names: Sequence[str]) -> None:
    for picture in PICTURES:
        if not names or picture.name in names:
            (FOLDER / f"{picture.name}.svg").write_text(await draw(picture), encoding="utf-8")
            print(picture.name)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
