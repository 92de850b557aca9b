"""The words of the help, made from the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.actions import MOVES, Action, Pane, for_pane
from regbrowse.tui.widgets.cells import wrap
from regbrowse.tui.widgets.text_view import Line

_KEY_CELLS: Final = 12

_ABOUT: Final = {
    Pane.SEARCH: "Type words to find repositories, or the name of an image. enter opens, ↓ goes to what was found, "
    "ctrl+n searches elsewhere: here, on Docker Hub, or everywhere, which is all registries that are known. "
    "Whoever has a search of its own is asked when you stop typing, or at enter.",
    Pane.REPOSITORIES: "The repositories of this registry, as it lists them. "
    "What it does not list can still be opened by name, and what it does not show to everybody after L.",
    Pane.TAGS: "The tags of one repository. “= latest” beside a tag says that both name the same image. "
    "Digest, size and age are asked for as the rows come on the screen.",
    Pane.IMAGE: "What the image is. In Manifest, enter follows a digest, esc comes back.",
}


def help_lines(pane: Pane) -> Callable[[int], Sequence[Line]]:
    """The help for `pane`: what it is, its own keys, and those that work everywhere."""

    def compose(width: int) -> Sequence[Line]:
        own = [action for action in for_pane(pane) if len(action.panes) < len(Pane)]
        everywhere = [action for action in for_pane(pane) if len(action.panes) == len(Pane)]
        lines = [Line(((pane.value, "heading"),))]
        lines += [Line(((line, "plain"),)) for line in wrap(SafeText(_ABOUT[pane]), width)]
        lines += [Line(), Line((("Moving", "heading"),))]
        lines += [_key_line(keys, words) for keys, words in MOVES]
        if own:
            lines += [Line(), Line(((f"Here, in {pane.value}", "heading"),))]
            lines += [_action_line(action) for action in own]
        lines += [Line(), Line((("Everywhere", "heading"),))]
        lines += [_action_line(action) for action in everywhere if action.keys]
        lines += [Line(), Line((("Letters type in text boxes; there, esc leads out.", "muted"),))]
        return lines

    return compose


def text(paragraphs: Sequence[str]) -> Callable[[int], Sequence[Line]]:
    """Plain paragraphs, wrapped."""
    return lambda width: [Line(((line, "plain"),)) for words in paragraphs for line in wrap(safe_text(words), width)]


def _action_line(action: Action) -> Line:
    keys = [action.shown, *(key for key in action.keys.split(",")[1:] if len(key) == 1 or "+" in key or key[0] == "f")]
    return _key_line("  ".join(keys), action.words)


def _key_line(keys: str, words: str) -> Line:
    return Line(((keys.ljust(_KEY_CELLS), "accent"), (words, "plain")))
