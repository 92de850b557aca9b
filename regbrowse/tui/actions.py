"""Every action, described once: bindings, footer, palette and help are made from this table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from textual.binding import Binding


class Pane(Enum):
    """The four panes, in the order of the keys 1 to 4. The value is the title."""

    SEARCH = "Search"
    REPOSITORIES = "Repositories"
    TAGS = "Tags"
    IMAGE = "Image"

    @property
    def number(self) -> int:
        return list(Pane).index(self) + 1


_LISTS: Final = frozenset({Pane.REPOSITORIES, Pane.TAGS})
_ALL: Final = frozenset(Pane)
_BROWSING: Final = _ALL - {Pane.SEARCH}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a user can do.

    Attributes:
        id: By which its key is remapped in the config file. The method of the screen is `action_` and this, with
            `_` for `.` and `-`.
        keys: As Textual spells them, separated by commas. The first is shown.
        shown: The first key as a person would write it.
        word: For the footer.
        words: For the palette and the help.
        panes: Where it applies.
        in_footer: Whether the footer shows it there.
        also: Other words by which the palette finds it.
    """

    id: str
    keys: str
    shown: str
    word: str
    words: str
    panes: frozenset[Pane] = _ALL
    in_footer: bool = False
    also: str = ""

    @property
    def method(self) -> str:
        return self.id.replace("-", "_").replace(".", "_")

    @property
    def binding(self) -> Binding:
        return Binding(self.keys, self.method, self.words, show=False, id=self.id)


_TYPES_NOTHING: Final = re.compile(r"enter|ctrl\+\w|f[0-9]+")
_SEARCH: Final = frozenset({Pane.SEARCH})
_TAGS: Final = frozenset({Pane.TAGS})
_IMAGES: Final = frozenset({Pane.TAGS, Pane.IMAGE})

ACTIONS: Final = (
    Action("enter", "l,right", "enter", "open", "Go in: open or follow what the cursor is on", in_footer=True),
    Action("back", "escape,h,left", "esc", "back", "Go back out"),
    Action("filter", "slash", "/", "filter", "Filter as you type: word, !word, /regex/", _LISTS, in_footer=True),
    Action("sort", "t", "t", "sort", "Sort by version, name, newest or size", _TAGS, in_footer=True),
    Action("next-tab", "right_square_bracket", "]", "tab", "Next tab of the image", _IMAGES, in_footer=True),
    Action("previous-tab", "left_square_bracket", "[", "previous tab", "Previous tab of the image", _IMAGES),
    Action("platform", "p", "p", "platform", "Choose the platform of a multi-platform image", _IMAGES, in_footer=True),
    Action("json", "J", "J", "JSON", "Show the raw JSON behind the image", _IMAGES),
    Action("copy", "y", "y", "copy", "Copy the reference, as for docker pull", _BROWSING, in_footer=True),
    Action("copy-menu", "Y", "Y", "copy…", "Choose what to copy: digest, commands, a step", _BROWSING),
    Action("search", "s", "s", "search", "Search: find repositories by words"),
    Action("search-place", "ctrl+n", "ctrl+n", "where", "Search in the next place", _SEARCH, in_footer=True),
    Action("search-here", "", "", "search here", "Search here, in the registry that is open"),
    Action("search-docker-hub", "", "", "search Docker Hub", "Search Docker Hub"),
    Action("search-everywhere", "", "", "search everywhere", "Search everywhere: all known registries, and Docker Hub"),
    Action("open", "o", "o", "by name", "Open by name: a registry, a repository or an image", in_footer=True),
    Action("connection", "c", "c", "connection", "Show how this registry is reached, step by step"),
    Action("registries", "R", "R", "registries", "Switch to another registry, open one, log in to one", also="add"),
    Action("account", "L", "L", "login", "Log in, switch account, log out", also="password token user name sign in"),
    Action("refresh", "r", "r", "refresh", "Ask the registry again for what is in this pane"),
    Action("refresh-all", "ctrl+r", "ctrl+r", "refresh all", "Ask the registry again for everything on the screen"),
    Action("pane-1", "1", "1", "Search", "Go to the Search pane"),
    Action("pane-2", "2", "2", "Repositories", "Go to the Repositories pane"),
    Action("pane-3", "3", "3", "Tags", "Go to the Tags pane"),
    Action("pane-4", "4", "4", "Image", "Go to the Image pane"),
    Action("next-pane", "tab", "tab", "next pane", "Go to the next pane"),
    Action("previous-pane", "shift+tab", "shift+tab", "previous pane", "Go to the previous pane"),
    Action("theme", "", "", "theme", "Change the theme"),
    Action("palette", "colon,ctrl+p", ":", "commands", "Find any of these actions by its words", in_footer=True),
    Action("help", "question_mark,f1", "?", "help", "Help for this pane", in_footer=True),
    Action("quit", "q,ctrl+q", "q", "quit", "Quit", in_footer=True),
)

BY_METHOD: Final = {action.method: action for action in ACTIONS}

MOVES: Final = (
    ("↑ ↓  j k", "Up and down"),
    ("PgUp PgDn", "A page up and down"),
    ("g G", "To the first, to the last"),
    ("enter  l →", "Go in"),
    ("esc  h ←", "Go back out"),
)
"""Keys of the lists themselves, for the help."""


def bindings() -> list[Binding]:
    """The key bindings of the browse screen."""
    return [action.binding for action in ACTIONS if action.keys]


def for_pane(pane: Pane, *, footer: bool = False) -> Iterable[Action]:
    """The actions that apply in `pane`; only those of the footer if asked so."""
    return (action for action in ACTIONS if pane in action.panes and (action.in_footer or not footer))


def while_typing(actions: Iterable[Action]) -> Iterable[Action]:
    """Those of `actions` that a key does which types nothing, with that key."""
    for action in actions:
        key = next((key for key in (action.shown, *action.keys.split(",")) if _TYPES_NOTHING.fullmatch(key)), None)
        if key:
            yield replace(action, shown=key)
