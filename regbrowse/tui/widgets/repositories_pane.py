"""The Repositories pane: the catalog as it comes, or why there is none and what is known instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from regbrowse.browser.states import Listing, Phase
from regbrowse.registry.text import SafeText
from regbrowse.tui.actions import Pane
from regbrowse.tui.widgets.cells import elided
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.pane import ListPane, shown_so_far


class RepositoriesPane(ListPane):
    """Names of repositories; the part before the last `/` stands back."""

    PANE: ClassVar[Pane] = Pane.REPOSITORIES
    GROWS: ClassVar[bool] = True

    def paint(self, name: SafeText, index: int, width: int) -> Iterable[Piece]:
        shown = elided(name, width)
        last = shown.rfind("/") + 1
        return ((shown[:last], "muted"), (shown[last:], "plain"))

    def say(self, listing: Listing) -> None:
        known = "Below: repositories you visited or have a login for." if listing.known else ""
        if listing.problem:
            keys = "s searches, o opens by name, r asks again."
            self.notice.say_problem(listing.problem, keys, known or shown_so_far(listing))
        elif listing.phase is Phase.EMPTY and listing.names == () and not listing.known:
            self.notice.say("There are no repositories.", "Push one, or press o to open one by its name.")
        elif listing.phase is Phase.EMPTY:
            self.notice.say("The registry lists no repositories.", f"Press o to open one by its name.\n{known}".strip())
        else:
            self.notice.say(listing.notice)
