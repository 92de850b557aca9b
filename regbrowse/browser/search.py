"""Searching in one registry, on Docker Hub, or in all registries that are known: each answers when it can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from regbrowse.browser.filtered import FilteredNames
from regbrowse.browser.states import Phase, Problem
from regbrowse.registry.constants import DEFAULT_SEARCH_LIMIT
from regbrowse.registry.errors import RegistryError
from regbrowse.registry.reference import DOCKER_HUB, RegistryAddress, Target
from regbrowse.registry.text import SafeText, safe_text

if TYPE_CHECKING:
    from regbrowse.browser.browser import Browser
    from regbrowse.browser.source import FindRepositories
    from regbrowse.registry.v1.models import SearchResult

MOST: Final = 100
"""Results that an index may be asked for (seed-registry-package.md §12)."""

REGISTRIES_AT_ONCE: Final = 4

_RANKED: Final = 5_000
_NOTHING: Final = SafeText("")
_OFFICIAL: Final = "library/"
_HUB: Final = RegistryAddress(DOCKER_HUB)
_HUB_NAME: Final = SafeText("Docker Hub")


class Place(Enum):
    """Where to search. The value is what it is called."""

    HERE = "here"
    DOCKER_HUB = "Docker Hub"
    EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be found.

    Attributes:
        words: As typed; never empty.
        limit: How much each registry may find, from 1 to `MOST`.
    """

    place: Place
    words: str
    limit: int = DEFAULT_SEARCH_LIMIT


@dataclass(frozen=True, slots=True)
class Hit:
    """A repository that was found.

    Attributes:
        description: In the words of whoever owns it; registries without a search know none.
        official: Docker looks after it.
        automated: Docker Hub built it from its source, as it once did.
    """

    target: Target
    description: SafeText = _NOTHING
    stars: int = 0
    official: bool = False
    automated: bool = False

    @property
    def name(self) -> SafeText:
        """The repository as people call it: on Docker Hub without `library/`."""
        name = self.target.repository
        return safe_text(name.removeprefix(_OFFICIAL) if self.target.registry.is_docker_hub else name)

    @property
    def host(self) -> SafeText:
        return safe_text(str(self.target.registry))


@dataclass(frozen=True, slots=True)
class SearchState:
    """What was found so far.

    Attributes:
        phase: LOADING while somebody is still asked; FAILED only if nobody at all could be searched.
        hits: The best first.
        total: How many there are altogether, as far as it is known; a registry may show only some.
        asked: How many registries are searched.
        awaited: Those of them that have not answered, or not to the end.
        problems: Those that could not be searched, and why.
    """

    question: Question
    phase: Phase = Phase.LOADING
    hits: tuple[Hit, ...] = ()
    total: int = 0
    asked: int = 0
    awaited: tuple[SafeText, ...] = ()
    problems: tuple[tuple[SafeText, Problem], ...] = ()

    @property
    def has_more(self) -> bool:
        """Whether a higher limit would show more."""
        return self.total > len(self.hits) and self.question.limit < MOST


@dataclass(frozen=True, slots=True)
class _Found:
    """What one registry has found so far."""

    hits: tuple[Hit, ...] = ()
    total: int = 0
    problem: Problem | None = None


class Search:
    """Asks registries for what the user is looking for.

    Args:
        here: The registry that is open.
        docker_hub: Asks Docker Hub's index.
        known: Finds the other registries to ask when everything is searched; Docker Hub is asked anyway.
    """

    def __init__(
        self, here: Browser, docker_hub: FindRepositories, known: Callable[[], Awaitable[Sequence[Browser]]]
    ) -> None:
        self._here = here
        self._docker_hub = docker_hub
        self._known = known

    async def states(self, question: Question) -> AsyncIterator[SearchState]:
        """The answer as it comes. Whoever has not answered when the last one is taken is asked no more."""
        yield (told := SearchState(question))
        moved = asyncio.Event()
        places = asyncio.Semaphore(REGISTRIES_AT_ONCE)
        asked = [_Asked(host, found, places, moved) for host, found in await self._asked(question)]
        try:
            while any(one.is_awaited for one in asked):
                if (state := _state(question, asked)) != told:
                    yield (told := state)
                await moved.wait()
                moved.clear()
            yield _state(question, asked)
        finally:
            for one in asked:
                await one.aclose()

    async def _asked(self, question: Question) -> list[tuple[SafeText, AsyncIterator[_Found]]]:
        """The registries to ask, by name."""
        hub = (_HUB_NAME, _from_index(_HUB, self._docker_hub, question))
        if question.place is Place.DOCKER_HUB:
            return [hub]
        if question.place is Place.HERE:
            return [_registry(self._here, question)]
        return [hub, *(_registry(browser, question) for browser in await self._known())]


class _Asked:
    """One registry that is asked.

    Args:
        found: What it finds, as it comes.
        places: Of those who are asked at once.
        moved: Set whenever it has said more.
    """

    def __init__(
        self, host: SafeText, found: AsyncIterator[_Found], places: asyncio.Semaphore, moved: asyncio.Event
    ) -> None:
        self.host = host
        self.found = _Found()
        self._moved = moved
        self._task = asyncio.create_task(self._ask(found, places), name=f"search in {host}")
        self._task.add_done_callback(lambda _: moved.set())

    @property
    def is_awaited(self) -> bool:
        if self._task.done():
            self._task.result()  # a failure that is none of a registry's is ours
        return not self._task.done()

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _ask(self, found: AsyncIterator[_Found], places: asyncio.Semaphore) -> None:
        async with places:
            async for self.found in found:
                self._moved.set()


def _registry(browser: Browser, question: Question) -> tuple[SafeText, AsyncIterator[_Found]]:
    return safe_text(str(browser.address)), _from_registry(browser, question)


async def _from_registry(browser: Browser, question: Question) -> AsyncIterator[_Found]:
    """By its own search, if it has one; else the names in its catalog."""
    names, problem = FilteredNames(), None
    names.set_filter(question.words)
    async for listing in browser.repositories():
        problem = listing.problem
        if browser.search is None or problem:
            names.replace(listing.names or listing.known, grown=True)
            yield await _from_names(browser.address, names, problem, question)
    if browser.search is not None and not problem:
        async for found in _from_index(browser.address, browser.search, question):
            yield found


async def _from_names(
    address: RegistryAddress, names: FilteredNames, problem: Problem | None, question: Question
) -> _Found:
    matches, complete = names.matches()
    while not complete:
        await asyncio.sleep(0)  # a hundred thousand names would hold up the screen
        matches, complete = names.matches()
    best = exact_first(matches, question.words)[: question.limit]
    return _Found(tuple(Hit(Target(address, name)) for name in best), len(matches), problem)


async def _from_index(address: RegistryAddress, find: FindRepositories, question: Question) -> AsyncIterator[_Found]:
    try:
        found = await find(question.words, question.limit)
    except RegistryError as error:
        yield _Found(problem=Problem.of(error))
        return
    named = [result for result in found.results if result.name]
    hits = tuple(_hit(address, result) for result in named[: question.limit])
    yield _Found(hits, max(found.num_results, len(named)))


def _hit(address: RegistryAddress, result: SearchResult) -> Hit:
    in_namespace = "/" in result.name or not address.is_docker_hub
    target = Target(address, result.name if in_namespace else safe_text(f"{_OFFICIAL}{result.name}"))
    return Hit(target, result.description, result.star_count, result.is_official, result.is_automated)


def _state(question: Question, asked: Sequence[_Asked]) -> SearchState:
    hits = _ranked([hit for one in asked for hit in one.found.hits], question)
    awaited = tuple(one.host for one in asked if one.is_awaited)
    problems = tuple((one.host, one.found.problem) for one in asked if one.found.problem)
    if awaited:
        phase = Phase.LOADING
    elif hits:
        phase = Phase.READY
    else:
        phase = Phase.FAILED if len(problems) == len(asked) else Phase.EMPTY
    return SearchState(question, phase, hits, sum(one.found.total for one in asked), len(asked), awaited, problems)


def _ranked(hits: Sequence[Hit], question: Question) -> tuple[Hit, ...]:
    """Official ones, then those with the most stars, then those of just that name; else in the registries' order.

    Everywhere, what is in one's own registries goes before all of Docker Hub, which always finds something.
    """

    def rank(hit: Hit) -> tuple[object, ...]:
        from_afar = question.place is Place.EVERYWHERE and hit.target.registry.is_docker_hub
        return (from_afar, not hit.official, -hit.stars, *_exactness(hit.name, question.words))

    return tuple(sorted(hits, key=rank))


def exact_first(names: Sequence[SafeText], words: str) -> Sequence[SafeText]:
    """The same names, those first that are just `words`, whole or after a `/`; very many stay as they are."""
    if len(names) > _RANKED:
        return names
    return sorted(names, key=lambda name: _exactness(name, words))


def _exactness(name: str, words: str) -> tuple[bool, bool]:
    return (name != words, not f"/{name}".endswith(f"/{words}"))
