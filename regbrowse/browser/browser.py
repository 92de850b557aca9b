"""One registry, as screens look at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from regbrowse.browser.details import HERE, VisibleRows, tag_details
from regbrowse.browser.growing import GrowingNames
from regbrowse.browser.image import image_states
from regbrowse.browser.ordering import by_telling
from regbrowse.browser.states import ImageState, Listing, Phase, Problem, TagDetails
from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import RegistryError
from regbrowse.registry.models import Page, Platform
from regbrowse.registry.reference import RegistryAddress, Target
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.throttle import Priority

if TYPE_CHECKING:
    from regbrowse.registry.client import RegistryClient

CATALOG_LIFETIME: Final = 300.0
TAGS_LIFETIME: Final = 60.0
"""Seconds for which a list is shown again without asking."""

_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Reach:
    """How a registry is reached, for the header."""

    security: SafeText
    account: SafeText
    protocol: SafeText = SafeText("v2")  # noqa: RUF009  # immutable


async def _forget(_: str) -> None:
    """Keep no visit."""


class Browser:
    """The model of one registry: lists, rows and images as progressive states.

    Args:
        address: What the user named.
        connect: Makes the client, when the first thing is asked for.
        known: The repositories to offer where the registry lists none.
        visited: Told of each repository that was opened.
        wish: The platform that is shown first of an image that has several.
    """

    def __init__(
        self,
        address: RegistryAddress,
        connect: Callable[[], Awaitable[RegistryClient]],
        *,
        known: Callable[[], tuple[SafeText, ...]] = tuple,
        visited: Callable[[str], Awaitable[None]] = _forget,
        wish: Platform = HERE,
    ) -> None:
        self.address = address
        self._connect = connect
        self._known = known
        self._visited = visited
        self._wish = wish
        self._client: RegistryClient | None = None
        self._connecting = asyncio.Lock()
        self._lists: dict[str, tuple[float, Listing]] = {}
        self._details: dict[str, dict[SafeText, TagDetails]] = {}

    @property
    def reach(self) -> Reach | None:
        """How the registry is reached; None until it has answered."""
        endpoint = self._client.transport.endpoint if self._client else None
        if self._client is None or endpoint is None:
            return None
        account = self._client.transport.authorizer.account
        who = f"{account.username} ({account.origin})" if account else "anonymous"
        if endpoint.scheme == "http":
            security = "plain HTTP"
        else:
            security = "TLS verified" if endpoint.verify else "TLS not verified"
        return Reach(safe_text(security), safe_text(who, limit=60))

    @property
    def cached(self) -> int:
        """How often something was shown without asking the registry."""
        return self._client.served_from_memory if self._client else 0

    async def repositories(self, *, fresh: bool = False) -> AsyncIterator[Listing]:
        """The catalog as it comes. A list of a moment ago comes at once, unless `fresh`."""
        async for listing in self._listing("", self._catalog, CATALOG_LIFETIME, fresh):
            if listing.phase in (Phase.EMPTY, Phase.FAILED):
                listing = replace(listing, known=self._known())
            yield listing

    async def tags(self, repository: str, *, fresh: bool = False) -> AsyncIterator[Listing]:
        """The tags of `repository` as they come."""

        async def pages() -> AsyncIterator[Page]:
            client = await self._connected()
            async for page in client.tags(repository):
                yield page

        if fresh:
            self._details.pop(repository, None)
        is_visited = False
        async for listing in self._listing(repository, pages, TAGS_LIFETIME, fresh):
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
            return await tag_details(await self._connected(), repository, tag, wish=self._wish, priority=priority)

        def keep(tag: SafeText, result: TagDetails) -> None:
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
        state = ImageState(target)
        try:
            client = await self._connected()
        except RegistryError as error:
            yield replace(state, phase=Phase.FAILED, problem=Problem.of(error))
            return
        async for state in image_states(client, target, chosen=chosen, wish=self._wish, fresh=fresh):
            yield replace(state, same=self.same(state))

    async def aclose(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.aclose()

    def same(self, state: ImageState) -> tuple[SafeText, ...]:
        """Other tags that are known by now to name the same document, the most telling first."""
        if state.document is None:
            return ()
        digest, own = state.document.digest, str(state.target.reference)
        known = self.details(state.target.repository)
        return by_telling(tag for tag, details in known.items() if details.digest == digest and tag != own)

    async def _connected(self) -> RegistryClient:
        async with self._connecting:
            if self._client is None:
                self._client = await self._connect()
        return self._client

    async def _catalog(self) -> AsyncIterator[Page]:
        client = await self._connected()
        async for page in client.catalog():
            yield page

    async def _listing(
        self, key: str, pages: Callable[[], AsyncIterator[Page]], lifetime: float, fresh: bool
    ) -> AsyncIterator[Listing]:
        kept = self._lists.get(key)
        if kept and not fresh and time.monotonic() - kept[0] < lifetime:
            yield kept[1]
            return
        names = GrowingNames()
        listing = Listing()
        yield listing
        try:
            async for page in pages():
                names.extend(page.names)
                listing = Listing(names.view(), Phase.LOADING, notice=page.notice)
                if not page.complete:
                    yield listing
        except RegistryError as error:
            yield replace(listing, phase=Phase.FAILED, problem=Problem.of(error))
            return
        listing = replace(listing, phase=Phase.READY if listing.names else Phase.EMPTY)
        self._lists[key] = (time.monotonic(), listing)
        yield listing
