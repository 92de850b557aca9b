"""The program on its demo, with keys that give its lists very many names, or few again."""

from __future__ import annotations

import os
import sys

from regbrowse.tui.environment import prepare_environment

prepare_environment(os.environ)

from textual.binding import Binding

from benchmarks.names import repository_names, tag_names
from regbrowse.browser.growing import GrowingNames
from regbrowse.browser.states import Listing, Phase
from regbrowse.cli import main
from regbrowse.registry.text import SafeText
from regbrowse.tui import app
from regbrowse.tui.screens.browse import BrowseScreen


def listing(names: list[str]) -> Listing:
    """A state as the browser gives it."""
    growing = GrowingNames()
    growing.extend(map(SafeText, names))
    return Listing(growing.view(), Phase.READY)


MANY = int(os.environ.get("BENCHMARK_NAMES", "100000"))
REPOSITORIES, TAGS = listing(repository_names(MANY)), listing(tag_names(MANY // 2))
FEW = Listing((SafeText("the/only"),), Phase.READY)


class ListsApp(app.RegbrowseApp):
    """f1 and f2 fill the lists, f3 empties both of them again."""

    BINDINGS = [  # noqa: RUF012
        Binding("f1", "repositories", priority=True),
        Binding("f2", "tags", priority=True),
        Binding("f3", "few", priority=True),
    ]

    @property
    def browse(self) -> BrowseScreen:
        assert isinstance(self.screen, BrowseScreen)
        return self.screen

    def action_repositories(self) -> None:
        self.browse.repositories.show(REPOSITORIES, asking="")
        self.browse.search.show_catalog(REPOSITORIES)

    def action_tags(self) -> None:
        self.browse.tags.show(TAGS, asking="")

    def action_few(self) -> None:
        self.browse.repositories.show(FEW, asking="")
        self.browse.tags.show(FEW, asking="")


app.RegbrowseApp = ListsApp  # type: ignore[misc]

if __name__ == "__main__":
    sys.exit(main(["--demo"]))
