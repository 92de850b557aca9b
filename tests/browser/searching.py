"""Registries and an index that answer a search when a test lets them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from regbrowse.browser.browser import Browser
from regbrowse.browser.search import Place, Question, Search, SearchState
from regbrowse.browser.source import FindRepositories, Source
from regbrowse.registry.errors import RegistryError
from regbrowse.registry.models import Page
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.v1.models import SearchResult, SearchResults


def result(name: str, stars: int = 0, *, official: bool = False, automated: bool = False) -> SearchResult:
    return SearchResult(safe_text(name), safe_text(f"All about {name}"), stars, official, automated)


class Index:
    """A search that finds what it was given, once it is let.

    Args:
        results: What it finds, whatever is asked.
        total: How many it says that there are; as many as it finds if None.
        error: What it fails with instead.
        waits: Whether it is to be let, by `go`.

    Attributes:
        asked: What it was asked: the words and the limit.
        found: What it finds from now on.
        ended: How many questions were withdrawn before they were answered.
    """

    def __init__(
        self, *results: SearchResult, total: int | None = None, error: Exception | None = None, waits: bool = False
    ) -> None:
        self.asked: list[tuple[str, int]] = []
        self.ended = 0
        self.error = error
        self.found = SearchResults(SafeText("?"), len(results) if total is None else total, results)
        self.go = asyncio.Event()
        if not waits:
            self.go.set()

    async def __call__(self, words: str, limit: int) -> SearchResults:
        self.asked.append((words, limit))
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ended += 1
            raise
        if self.error:
            raise self.error
        return self.found


class Shelf:
    """What a registry is asked, with a catalog that a test knows; it has nothing but that.

    Args:
        pages: Its names, page by page.
        search: Its own search, if it has one.
        error: What comes after the last page.
        waits: Whether each page is to be let, by `go`.
    """

    reach = None
    cached = 0
    is_confirmed = True

    def __init__(
        self,
        *pages: Sequence[str],
        search: FindRepositories | None = None,
        error: RegistryError | None = None,
        waits: bool = False,
    ) -> None:
        self.search = search
        self.error = error
        self.walks = 0
        self.go = asyncio.Semaphore(0 if waits else 1_000_000)
        self._pages = pages

    async def catalog(self) -> AsyncIterator[Page]:
        self.walks += 1
        for number, names in enumerate(self._pages, 1):
            await self.go.acquire()
            complete = number == len(self._pages) and self.error is None
            yield Page(tuple(SafeText(name) for name in names), complete=complete)
        if self.error:
            raise self.error

    async def aclose(self) -> None:
        """There is nothing to close."""


def browser(shelf: Shelf, host: str = "registry.corp", *, known: Sequence[str] = ()) -> Browser:
    async def connect() -> Source:
        return shelf  # type: ignore[return-value]  # no search looks at tags and images

    return Browser(RegistryAddress(host), connect, known=lambda: tuple(SafeText(name) for name in known))


def search(here: Browser, index: Index | None = None, *others: Browser) -> Search:
    """The search of whoever looks at `here`, where `others` are known, too."""

    async def known() -> Sequence[Browser]:
        return (here, *others)

    return Search(here, index or Index(), known)


async def states(search: Search, place: Place, words: str = "app", limit: int = 25) -> list[SearchState]:
    return [state async for state in search.states(Question(place, words, limit))]


async def until(condition: Callable[[], object]) -> None:
    """Let the others run until `condition` holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 # many things can make it true
            await asyncio.sleep(0)


def names(state: SearchState) -> list[str]:
    return [hit.name for hit in state.hits]
