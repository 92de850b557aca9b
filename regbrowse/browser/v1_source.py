"""A registry over v1: search as the catalog, and an image as the chain of its ancestors.

The calls, and what they mean together, are those of seed-registry-package.md §14 and §15.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar

from regbrowse.browser.source import Reach, account_words, security_words
from regbrowse.browser.states import ImageState, Phase, TagDetails
from regbrowse.registry.auth import not_safe
from regbrowse.registry.configs import image_config
from regbrowse.registry.digest import Digest
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import (
    DeniedError,
    HTTPStatusError,
    LimitExceededError,
    LoginNeededError,
    MalformedDocumentError,
    ManifestNotFoundError,
    NotFoundError,
    RepositoryNotFoundError,
    UnauthorizedError,
    UnsupportedError,
    WrongLoginError,
)
from regbrowse.registry.json_values import as_count, as_text, read_object
from regbrowse.registry.kept import Kept
from regbrowse.registry.models import HistoryEntry, ImageConfig, Page, Platform, Step, V1Layer
from regbrowse.registry.reference import RegistryAddress, Target, parse_reference
from regbrowse.registry.schema1 import history_entry
from regbrowse.registry.service.config import IndexInfo
from regbrowse.registry.service.repository_info import RepositoryInfo
from regbrowse.registry.single_flight import SingleFlight
from regbrowse.registry.text import SafeText, safe_lines, safe_text
from regbrowse.registry.throttle import HostLimiter, Priority

if TYPE_CHECKING:
    from regbrowse.registry.auth import Credential
    from regbrowse.registry.v1.endpoint import V1Endpoint
    from regbrowse.registry.v1.models import SearchResults
    from regbrowse.registry.v1.session import Session

_AT_MOST: Final = 100
"""Results that a search may be asked for (seed-registry-package.md §12)."""

ANCESTORS_LIMIT: Final = 1_000

HISTORY_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of all descriptions together, as of a v2 configuration, which holds the same."""

KEPT_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of descriptions that are kept."""

_WHAT: Final = "The image's description"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Image:
    layer: V1Layer
    entry: HistoryEntry
    config: ImageConfig
    raw: bytes = field(repr=False)


class V1Source:
    """Asks a v1 registry.

    Args:
        address: What the user named.
        endpoint: Where the registry is; closed with this.
        session: Sends the requests; closed with this.
        account: The login that the session has, if it has one.
        withheld: The login that it has not, since the connection is not safe.
        standalone: The registry serves its own images, without an index that gives tokens and says where they are.
    """

    is_confirmed = True

    def __init__(
        self,
        address: RegistryAddress,
        endpoint: V1Endpoint,
        session: Session,
        *,
        account: Credential | None,
        withheld: Credential | None = None,
        standalone: bool,
    ) -> None:
        self._host = address.host
        self._endpoint = endpoint
        self._session = session
        self._account = account
        self._withheld = withheld
        self._standalone = standalone
        self._limiter = HostLimiter()
        self._flights = SingleFlight()
        self._tags: dict[str, dict[str, str]] = {}
        self._images = Kept[_Image](KEPT_LIMIT)
        self._ready_for = ""
        self._preparing = asyncio.Lock()
        self.cached = 0

    @property
    def reach(self) -> Reach | None:
        scheme = self._endpoint.url.partition("://")[0]
        account = self._account
        return Reach(
            safe_text(str(self._endpoint)),
            security_words(scheme, verified=self._endpoint.is_secure),
            account_words(account.username, account.origin) if account else account_words("", ""),
            SafeText("v1"),
            SafeText(""),
        )

    async def enter(self) -> None:
        with suppress(UnsupportedError, DeniedError):
            await self.search("", 1)

    async def catalog(self) -> AsyncIterator[Page]:
        """What a search for nothing finds: the repositories of a registry that keeps a search index."""
        found = await self.search("", _AT_MOST)
        names = safe_lines(dict.fromkeys(result.name for result in found.results if result.name))
        notice = ""
        if found.num_results > len(names):
            notice = f"{len(names):,} of {found.num_results:,}: a v1 registry lists no more. Search for others."
        yield Page(names, complete=True, notice=safe_text(notice))

    async def search(self, words: str, limit: int) -> SearchResults:
        """At most `limit` repositories, in the index's order."""
        async with self._limiter.place(Priority.INTERACTIVE):
            try:
                return await self._session.search_repositories(words, limit)
            except HTTPStatusError as error:
                if (told := self._not_listed(error)) is None:
                    raise
                raise told from error

    async def tags(self, repository: str) -> AsyncIterator[Page]:
        self._tags[repository] = tags = await self._repository_tags(repository)
        yield Page(safe_lines(tags), complete=True)

    def _info(self, repository: str) -> RepositoryInfo:
        """The name taken apart already: as a text, its beginning could be taken for a host."""
        name = f"{self._host}/{repository}"
        return RepositoryInfo(name, name, repository, self._host, IndexInfo(self._host), official=False)

    async def tag_details(self, repository: str, tag: str, *, wish: Platform, priority: Priority) -> TagDetails:
        """One request: what the image says of itself. Its size would take one for each of its layers."""
        image = await self._image(await self._id_of(repository, tag), repository, priority)
        platform = image.config.platform
        return TagDetails(
            Phase.READY,
            created=image.config.created,
            platforms=(platform,) if platform.os else (),
            image_id=image.layer.id,
        )

    async def image(
        self, target: Target, *, chosen: Digest | None, wish: Platform, fresh: bool
    ) -> AsyncIterator[ImageState]:
        state = ImageState(target)
        yield state
        tag = str(target.reference or "latest")
        newest = await self._id_of(target.repository, tag, fresh=fresh)
        image = await self._image(newest, target.repository, Priority.INTERACTIVE)
        state = replace(state, image_id=image.layer.id, config=image.config, raw_config=image.raw)
        yield state
        yield replace(state, phase=Phase.READY, steps=await self._steps(newest, target.repository))

    async def aclose(self) -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._endpoint.aclose)
            stack.push_async_callback(self._session.aclose)

    async def _id_of(self, repository: str, tag: str, *, fresh: bool = False) -> str:
        if parse_reference(tag).has_digest:
            raise UnsupportedError(
                f"{self._host} is a v1 registry: its images have no digests.", "Open the image by a tag.", status=404
            )
        known = self._tags.get(repository, {})
        if fresh or tag not in known:
            self._tags[repository] = known = await self._repository_tags(repository)
        if tag not in known:
            raise ManifestNotFoundError(f"{repository} has no tag {safe_text(tag)}.", status=404)
        return known[tag]

    async def _repository_tags(self, repository: str) -> dict[str, str]:
        try:
            return await self._asked(
                repository,
                Priority.INTERACTIVE,
                lambda registries: self._session.get_remote_tags(registries, self._info(repository)),
            )
        except NotFoundError as error:  # the index's word, or the registry's
            raise RepositoryNotFoundError(f"{self._host} has no repository {repository}.", status=404) from error

    async def _steps(self, newest: str, repository: str) -> tuple[Step, ...]:
        """The image and what it stands on, the lowest first."""
        history = await self._asked(
            repository,
            Priority.INTERACTIVE,
            lambda registries: self._session.get_remote_history(newest, registries[0]),
        )
        if len(history) > ANCESTORS_LIMIT:
            raise LimitExceededError(f"{self._host} says that the image has {len(history):,} ancestors.")
        if len(set(history)) < len(history):
            raise MalformedDocumentError(f"{self._host} says that an image is its own ancestor.")

        said = 0

        async def step(number: int, image_id: str) -> Step:
            nonlocal said
            ancestor = await self._image(image_id, repository, Priority.INTERACTIVE)
            said += len(ancestor.raw)
            if said > HISTORY_LIMIT:
                raise LimitExceededError(
                    f"{self._host} says more than {HISTORY_LIMIT:,} bytes of the image's ancestors."
                )
            return Step(ancestor.entry, index=number, v1=ancestor.layer)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(step(*numbered)) for numbered in enumerate(reversed(history))]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        return tuple(task.result() for task in tasks)

    async def _image(self, image_id: str, repository: str, priority: Priority) -> _Image:
        """An image's description. One that was read does not change any more: its id is its own."""
        if known := self._images.get((self._host, image_id)):
            self.cached += 1
            return known
        if priority is Priority.INTERACTIVE:
            self._limiter.hurry(image_id)
        return await self._flights.do(image_id, lambda: self._fetch_image(image_id, repository, priority))

    async def _fetch_image(self, image_id: str, repository: str, priority: Priority) -> _Image:
        raw, said = await self._asked(
            repository,
            priority,
            lambda registries: self._session.get_remote_image_json(image_id, registries[0]),
            purpose=image_id,
        )
        values = read_object(raw, _WHAT)
        size = as_count(values.get("Size")) if as_count(said) is None else said
        layer = V1Layer(safe_text(image_id), as_text(values.get("parent")), size)
        config = image_config({**values, "history": None, "rootfs": None})
        image = _Image(layer, history_entry(values), config, raw)
        self._images.put((self._host, image_id), image, len(raw))
        return image

    async def _asked(
        self,
        repository: str,
        priority: Priority,
        ask: Callable[[Sequence[str]], Awaitable[T]],
        *,
        purpose: str = "",
    ) -> T:
        """What `ask` finds at the registries of `repository`; with a new token if the index's is used up."""
        async with self._limiter.place(priority, purpose):
            try:
                return await self._asked_twice(repository, ask)
            except HTTPStatusError as error:
                if error.status != 401:
                    raise
                raise self._unknown(repository) from error

    async def _asked_twice(self, repository: str, ask: Callable[[Sequence[str]], Awaitable[T]]) -> T:
        registries = await self._registries_for(repository)  # not before: the last token counts for every request
        try:
            return await ask(registries)
        except HTTPStatusError as error:
            if error.status != 401 or self._standalone:
                raise
        self._ready_for = ""
        return await ask(await self._registries_for(repository))

    async def _registries_for(self, repository: str) -> Sequence[str]:
        """Where the repository's images are. An index says so, and gives the token for them."""
        here = str(self._endpoint)
        if self._standalone:
            return [here]
        async with self._preparing:
            if self._ready_for != repository:
                data = await self._session.get_repository_data(self._info(repository))
                if _origin(here) not in [_origin(endpoint) for endpoint in data.endpoints]:
                    raise self._elsewhere(data.endpoints)
                self._ready_for = repository
        return [here]

    def _elsewhere(self, endpoints: Sequence[str]) -> DeniedError:
        """An index chooses where its token would go: to another host it does not, until the user has said so."""
        others = ", ".join(safe_text(endpoint.removesuffix("/v1/"), limit=100) for endpoint in endpoints[:3])
        return DeniedError(
            f"{self._host} says that its images are at {others or 'no place'}. Nothing was sent there.",
            "If you trust that place, open it by its name.",
            status=403,
        )

    def _unknown(self, subject: str) -> UnauthorizedError:
        """It wants a login: one that was not sent, or one that is not there or not right."""
        if self._withheld is not None:
            return not_safe(self._host, self._withheld)
        if self._account is not None:
            return WrongLoginError(
                f"{self._host} does not accept the login of {safe_text(self._account.username)}"
                f" (from {self._account.origin}) for {subject}.",
                status=401,
            )
        return LoginNeededError(
            f"{self._host} wants to know who you are for {subject}.",
            "Today's docker login does not speak v1: write the login into ~/.docker/config.json, under auths.",
            status=401,
        )

    def _not_listed(self, error: HTTPStatusError) -> HTTPStatusError | None:
        """What there is to say of a status that tells something of the whole search."""
        if error.status == 401:
            return self._unknown("its search")
        if error.status == 403:
            return DeniedError(f"{self._host} does not let this account search its repositories.", status=403)
        if error.status in (404, 405, 501):
            return UnsupportedError(
                f"{self._host} is a v1 registry without a search, so its repositories are not listed.",
                status=error.status,
            )
        return None


def _origin(url: str) -> str:
    """The origin of a registry's base, without a port that its scheme has anyway."""
    endpoint = APIEndpoint(url)
    return endpoint.origin.removesuffix(":443" if endpoint.scheme == "https" else ":80")
