"""One registry, as screens look at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from regbrowse.browser.details import HERE, VisibleRows
from regbrowse.browser.growing import GrowingNames
from regbrowse.browser.ordering import by_telling
from regbrowse.browser.source import NOT_KNOWN, FindRepositories, Reach, Source
from regbrowse.browser.states import ImageState, Listing, Phase, Problem, TagDetails
from regbrowse.browser.walk import Walk
from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import HTTPStatusError, RegistryError
from regbrowse.registry.models import Page, Platform
from regbrowse.registry.reference import RegistryAddress, Target
from regbrowse.registry.text import SafeText
from regbrowse.registry.throttle import Priority

CATALOG_LIFETIME: Final = 300.0
TAGS_LIFETIME: Final = 60.0
"""Seconds for which a list is shown again without asking."""

_AT_ONCE: Final = 16
T = TypeVar("T")


async def _forget(_: str) -> None:
    """Keep no visit."""


async def _no_legacy(_: Source, error: HTTPStatusError) -> Source:
    """There is no other way."""
    raise error


class Browser:
    """The model of one registry: lists, rows and images as progressive states.

    Args:
        address: What the user named.
        connect: Finds the way to the registry, when the first thing is asked for.
        legacy: Finds the way by v1, once the other one showed no sign of a registry; raises what to tell otherwise.
        known: The repositories to offer where the registry lists none.
        visited: Told of each repository that was opened.
        wish: The platform that is shown first of an image that has several.
        asked_anew: Told that the user wants something asked for again, whatever there is.
    """

    def __init__(
        self,
        address: RegistryAddress,
        connect: Callable[[], Awaitable[Source]],
        *,
        legacy: Callable[[Source, HTTPStatusError], Awaitable[Source]] = _no_legacy,
        known: Callable[[], tuple[SafeText, ...]] = tuple,
        visited: Callable[[str], Awaitable[None]] = _forget,
        wish: Platform = HERE,
        asked_anew: Callable[[], None] = lambda: None,
    ) -> None:
        self.address = address
        self._connect = connect
        self._legacy = legacy
        self._known = known
        self._visited = visited
        self._wish = wish
        self._asked_anew = asked_anew
        self._source: Source | None = None
        self._opened: list[Source] = []
        self._former: list[Source] = []
        self.turn = 0
        """How often it has begun anew, as somebody else."""
        self._connecting = asyncio.Lock()
        self._lists: dict[str, tuple[float, Listing]] = {}
        self._walk: Walk | None = None
        self._details: dict[str, dict[SafeText, TagDetails]] = {}

    @property
    def reach(self) -> Reach | None:
        """How the registry is reached; None until it has answered."""
        return self._source.reach if self._source else None

    @property
    def cached(self) -> int:
        """How often something was shown without asking the registry."""
        return self._source.cached if self._source else 0

    @property
    def search(self) -> FindRepositories | None:
        """Finds repositories by words, if the registry does that; None until it has answered, too."""
        return self._source.search if self._source else None

    async def repositories(self, *, fresh: bool = False) -> AsyncIterator[Listing]:
        """The catalog as it comes, asked for once for all who want it. A list of a moment ago comes at once.

        Args:
            fresh: Ask for it again, whatever there is.
        """
        walk: Walk | None = await self._catalog_walk(fresh=fresh)
        while walk:
            async for listing in walk.follow():
                if listing.phase in (Phase.EMPTY, Phase.FAILED):
                    listing = replace(listing, known=self._known())
                yield listing
            walk = self._walk if self._walk is not walk else None  # somebody wanted it afresh meanwhile

    async def tags(self, repository: str, *, fresh: bool = False) -> AsyncIterator[Listing]:
        """The tags of `repository` as they come."""
        if fresh:
            self._asked_anew()
            self._details.pop(repository, None)
        is_visited = False
        async for listing in self._listing(repository, lambda source: source.tags(repository), TAGS_LIFETIME, fresh):
            if not is_visited and (listing.names or listing.phase is Phase.EMPTY):
                is_visited = True
                await self._visited(repository)
            yield listing

    def details(self, repository: str) -> dict[SafeText, TagDetails]:
        """What is known of the tags of `repository`; grows as rows are shown."""
        return self._details.setdefault(repository, {})

    def rows(self, repository: str, found: Callable[[SafeText, TagDetails], None]) -> VisibleRows:
        """A loader of details for the tags on screen; the caller closes it.

        Args:
            found: Told of each tag's details when they are known.
        """
        return self._loader(repository, found, Priority.VISIBLE)

    def _loader(
        self, repository: str, found: Callable[[SafeText, TagDetails], None], priority: Priority
    ) -> VisibleRows:
        async def load(tag: SafeText) -> TagDetails:
            known = self.details(repository).get(tag)
            if known is not None and known.phase is Phase.READY:
                return known
            source = await self._connected()
            return await source.tag_details(repository, tag, wish=self._wish, priority=priority)

        turn = self.turn

        def keep(tag: SafeText, result: TagDetails) -> None:
            if turn == self.turn:
                self.details(repository)[tag] = result
                found(tag, result)

        return VisibleRows(load, keep)

    async def all_details(self, repository: str, tags: Sequence[SafeText]) -> AsyncIterator[int]:
        """Find the details of all `tags`, for an order that needs them. Gives how many are known so far."""
        details = self.details(repository)
        missing = [tag for tag in tags if tag not in details or details[tag].phase is Phase.FAILED]
        known = len(tags) - len(missing)
        loader = self._loader(repository, lambda tag, found: None, Priority.BULK)
        try:
            for start in range(0, len(missing), _AT_ONCE):
                batch = missing[start : start + _AT_ONCE]
                yield known + start
                loader.show(batch)
                await loader.settled()
            yield len(tags)
        finally:
            await loader.aclose()

    async def image(
        self, target: Target, *, chosen: Digest | None = None, fresh: bool = False
    ) -> AsyncIterator[ImageState]:
        """The image that `target` names, step by step."""
        if fresh:
            self._asked_anew()
        state = ImageState(target)
        try:
            async for state in self._over(
                lambda source: source.image(target, chosen=chosen, wish=self._wish, fresh=fresh)
            ):
                yield replace(state, same=self.same(state))
        except RegistryError as error:
            yield replace(state, phase=Phase.FAILED, problem=Problem.of(error), same=self.same(state))

    async def renew(self) -> None:
        """Begin anew, as somebody else: nothing that the one was shown is shown to the other.

        What is under way still goes on as whoever asked for it, and is not kept.
        """
        async with self._connecting:
            self.turn += 1
            former, self._former = self._former, self._opened
            self._source, self._opened = None, []
            self._lists, self._details = {}, {}
            walk, self._walk = self._walk, None
        if walk:
            await walk.aclose()
        for source in former:
            await source.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        if self._walk:
            await self._walk.aclose()
        for source in (*self._former, *self._opened):
            await source.aclose()

    def same(self, state: ImageState) -> tuple[SafeText, ...]:
        """Other tags that are known by now to name the same document, the most telling first."""
        identity, own = state.identity, str(state.target.reference)
        if identity is None:
            return ()
        known = self.details(state.target.repository)
        return by_telling(tag for tag, details in known.items() if details.identity == identity and tag != own)

    async def _connected(self) -> Source:
        async with self._connecting:
            if self._source is None:
                self._source = await self._connect()
                self._opened.append(self._source)
        return self._source

    async def _catalog_walk(self, *, fresh: bool) -> Walk:
        if fresh:
            self._asked_anew()
        before = self._walk
        if before is not None and not before.is_over and not fresh:
            return before
        walk = self._walk = Walk(self._listing("", lambda source: source.catalog(), CATALOG_LIFETIME, fresh))
        if before is not None:
            await before.aclose()
        return walk

    async def _over(self, asked: Callable[[Source], AsyncIterator[T]]) -> AsyncIterator[T]:
        """What is `asked`, over the protocol that the registry speaks: v2, or v1 if that showed no sign of it."""
        source = await self._connected()
        try:
            async for answer in asked(source):
                yield answer
        except HTTPStatusError as error:
            if source.is_confirmed or error.status not in NOT_KNOWN:
                raise
            legacy = await self._turned(source, error)
            async for answer in asked(legacy):
                yield answer

    async def _turned(self, source: Source, error: HTTPStatusError) -> Source:
        """The way by v1, in place of `source`, which failed with `error`."""
        async with self._connecting:
            if self._source is source:  # else somebody else has found it while this one waited
                self._source = await self._legacy(source, error)
                self._opened.append(self._source)
            elif self._source is None:  # one is somebody else meanwhile
                self._source = await self._connect()
                self._opened.append(self._source)
            return self._source

    async def _listing(
        self, key: str, asked: Callable[[Source], AsyncIterator[Page]], lifetime: float, fresh: bool
    ) -> AsyncIterator[Listing]:
        kept = self._lists.get(key)
        if kept and not fresh and time.monotonic() - kept[0] < lifetime:
            yield kept[1]
            return
        names = GrowingNames()
        listing = Listing()
        turn = self.turn
        yield listing
        try:
            async for page in self._over(asked):
                names.extend(page.names)
                listing = Listing(names.view(), Phase.LOADING, notice=page.notice)
                if not page.complete:
                    yield listing
        except RegistryError as error:
            yield replace(listing, phase=Phase.FAILED, problem=Problem.of(error))
            return
        listing = replace(listing, phase=Phase.READY if listing.names else Phase.EMPTY)
        if turn == self.turn:
            self._lists[key] = (time.monotonic(), listing)
        yield listing
