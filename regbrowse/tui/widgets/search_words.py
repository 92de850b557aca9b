"""What the Search pane says of a search: who is asked, who could not be searched, what nobody has found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from regbrowse.browser.search import Place, SearchState
from regbrowse.browser.states import Phase
from regbrowse.browser.wording import count
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.widgets.notice import MUTED

PLACE_KEY: Final = "ctrl+n"

HINTS: Final = {
    Place.HERE: "repositories here, by words; or the name of an image",
    Place.DOCKER_HUB: "images on Docker Hub, by words",
    Place.EVERYWHERE: "repositories in all known registries and on Docker Hub, by words",
}
"""What stands in the line while nothing is typed."""

_CHOSEN: Final = "bold $text-accent"
_WORDS: Final = 80


@dataclass(frozen=True, slots=True)
class Said:
    """What a notice says."""

    sentence: str = ""
    next_step: str = ""
    failed: bool = False


def where(places: Sequence[Place], chosen: Place, *, short: bool) -> tuple[tuple[str, str], ...]:
    """The places to choose from, with the style of each; in `short` only the one that is chosen."""
    shown = [place for place in places if place is chosen or not short]
    words: list[tuple[str, str]] = []
    for place in shown:
        words += [(" · ", MUTED)] if place is not shown[0] else []
        words += [(f"[{place.value}]", _CHOSEN) if place is chosen else (place.value, MUTED)]
    return (*words, (f"  {PLACE_KEY}", MUTED))


def asking(state: SearchState | None, who: str) -> str:
    """Who is asked, while an answer is awaited; `who` where it is one."""
    if state is None or state.asked < 2:
        return f"Asking {who} …"
    return f"Asking {len(state.awaited)} of {state.asked} registries: {', '.join(state.awaited)} …"


def outcome(state: SearchState, who: str) -> Said:
    """What there is to say about an answer beside what was found; `who` gave it, where it is one."""
    words = safe_text(state.question.words, limit=_WORDS)
    several = state.asked > 1
    problems = [problem for _, problem in state.problems]
    if state.phase is Phase.FAILED:
        sentence, next_step = problems[0].sentence, problems[0].next_step
        return Said(
            f"None of the {state.asked} registries could be searched. {sentence}" if several else sentence,
            f"{next_step}\nenter asks again, {PLACE_KEY} searches elsewhere.",
            failed=True,
        )
    reason = f"{len(problems)} of {state.asked} not searched: {problems[0].sentence}" if problems else ""
    if state.phase is Phase.EMPTY:
        return Said(
            f"{'No registry' if several else who} {'finds' if several else 'does not find'} “{words}”.",
            "\n".join(filter(None, (reason, f"{by_name(words)}, {PLACE_KEY} searches elsewhere."))),
        )
    if state.phase is Phase.READY and not state.has_more and state.total > len(state.hits):
        return Said("", reason or f"The first {count(len(state.hits))} of {count(state.total)}: more words find fewer.")
    return Said("", reason)


def by_name(words: SafeText) -> str:
    """What `enter` does where nothing was found."""
    return f"enter opens “{words}” by its name"
