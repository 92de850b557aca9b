"""The v2/OCI registry API (distribution-spec), as typed calls that read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from regbrowse.registry import answers, media_types
from regbrowse.registry.auth import CATALOG, ENTRANCE, Scope, pull
from regbrowse.registry.configs import parse_config
from regbrowse.registry.digest import Digest
from regbrowse.registry.documents import parse_manifest
from regbrowse.registry.errors import (
    InvalidReferenceError,
    InvalidRepositoryNameError,
    MalformedDocumentError,
    UnsupportedError,
)
from regbrowse.registry.history import join_history, schema1_steps
from regbrowse.registry.kept import Kept
from regbrowse.registry.listings import parse_catalog, parse_tags
from regbrowse.registry.models import Descriptor, Document, ImageConfig, Manifest, Page, Schema1, Step
from regbrowse.registry.pagination import PAGE_SIZE, Pages
from regbrowse.registry.reference import RegistryAddress, is_repository_name, is_tag, parse_reference
from regbrowse.registry.single_flight import SingleFlight
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.throttle import Priority
from regbrowse.registry.transport import Request, Response, Transport

MANIFEST_LIMIT: Final = 4 * 1024 * 1024
CONFIG_LIMIT: Final = 4 * 1024 * 1024
LIST_LIMIT: Final = 64 * 1024 * 1024
KEPT_LIMIT: Final = 16 * 1024 * 1024
TAGS_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of manifests kept with their tags; what was read from them takes several times as much."""

TAG_LIFETIME: Final = 30.0
"""Seconds for which a tag is believed to be where it was."""

_THREAD_FROM: Final = 256 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _KnownTag:
    document: Document
    etag: str
    checked: float


class RegistryClient:
    """Reads one registry.

    Immutable documents are asked for once; a tag that was seen is asked for conditionally.

    Args:
        address: What the user named.
        transport: Carries the requests; closed by `aclose`.
        clock: Seconds that only grow.
    """

    def __init__(
        self, address: RegistryAddress, transport: Transport, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.address = address
        self.transport = transport
        self._clock = clock
        self._flights = SingleFlight()
        self._kept = Kept[tuple[bytes, str]](KEPT_LIMIT)
        self._tags = Kept[_KnownTag](TAGS_LIMIT)
        self._page_size = PAGE_SIZE
        self.served_from_memory = 0
        self.is_confirmed = False
        """Whether an answer showed that v2 is spoken there."""

    async def aclose(self) -> None:
        """Close every connection."""
        await self.transport.aclose()

    async def ping(self) -> None:
        """Ask whether this is a v2 registry that lets this account in. Only a test of the connection needs that.

        Raises:
            UnsupportedError: It answers as something else.
            RegistryError: As `Transport.request`.
        """
        response = await self._ask(Request("/v2/", ENTRANCE))
        if response.status != 200:
            raise answers.ping_failure(self._host, response)

    def catalog(self) -> AsyncIterator[Page]:
        """List the repositories, page by page, in the registry's order.

        Raises:
            UnsupportedError: The registry does not offer the list.
            DeniedError, UnauthorizedError: It does not offer it to this account.
            RegistryError: As `Transport.request`, or the answer is no list.
        """
        if self.address.is_docker_hub:
            raise UnsupportedError("Docker Hub does not offer a list of its repositories.", status=404)
        return self._pages(
            "/v2/_catalog", CATALOG, parse_catalog, lambda answer: answers.catalog_failure(self._host, answer)
        )

    def tags(self, repository: str) -> AsyncIterator[Page]:
        """List the tags of `repository`, page by page, in the registry's order.

        Raises:
            RepositoryNotFoundError: There is none, or not for this account.
            RegistryError: As `Transport.request`, or the answer is no list.
        """
        _check_repository(repository)
        return self._pages(
            f"/v2/{repository}/tags/list",
            pull(repository),
            parse_tags,
            lambda answer: answers.repository_failure(self._host, repository, answer),
        )

    async def resolve(
        self, repository: str, reference: str, *, priority: Priority = Priority.INTERACTIVE
    ) -> Descriptor:
        """Find the digest, media type and size behind a tag or digest, without its document where that is possible.

        Raises:
            ManifestNotFoundError: There is no such tag or digest.
            RegistryError: As `manifest`.
        """
        _check(repository, reference)
        response = await self._ask(
            Request(
                _manifest_path(repository, reference),
                pull(repository),
                method="HEAD",
                headers={"Accept": media_types.ACCEPT},
                priority=priority,
            )
        )
        if response.status == 200 and (described := _described(response, reference)):
            return described
        if response.status == 429 or response.status >= 500:
            raise answers.manifest_failure(self._host, repository, reference, response)
        # Some registries know no HEAD, or leave the digest out of its answer; a failure explains itself only to GET.
        document = await self.manifest(repository, reference, priority=priority)
        return Descriptor(document.media_type, document.digest, len(document.raw))

    async def manifest(
        self,
        repository: str,
        reference: str,
        *,
        fresh: bool = False,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Document:
        """Read the manifest, index or schema 1 behind a tag or digest.

        Args:
            fresh: Ask the registry even if the tag was seen a moment ago.

        Raises:
            ManifestNotFoundError: There is no such tag or digest.
            RepositoryNotFoundError: There is no such repository.
            DigestMismatchError: The content is not what its digest says.
            RegistryError: As `Transport.request`, or the answer is no manifest.
        """
        _check(repository, reference)
        if parse_reference(reference).has_digest:
            digest = Digest.parse(reference)
            if kept := self._kept.get((repository, digest)):
                self.served_from_memory += 1
                return await self._parsed_manifest(kept[0], kept[1], digest)
            return await self._share(
                _manifest_path(repository, digest),
                priority,
                lambda: self._fetch_manifest(repository, digest, priority),
            )
        known = self._tags.get((repository, reference))
        if known and not fresh and self._clock() - known.checked < TAG_LIFETIME:
            self.served_from_memory += 1
            return known.document
        return await self._share(
            _manifest_path(repository, reference),
            priority,
            lambda: self._fetch_tag(repository, reference, known, priority),
        )

    async def history(self, repository: str, reference: str) -> tuple[Step, ...]:
        """How a single image was built: its steps, oldest first, each with the layer that it made.

        Args:
            reference: A tag or a digest that names one image; of an index, name one of its manifests by its digest.

        Raises:
            UnsupportedError: It is an index, or no image at all.
            RegistryError: As `manifest` and `config`.
        """
        content = (await self.manifest(repository, reference)).content
        if isinstance(content, Schema1):
            return schema1_steps(content)
        if not isinstance(content, Manifest) or content.config is None:
            raise UnsupportedError(
                f"{reference} of {repository} is no single image.", "Choose one of its manifests.", status=200
            )
        config, _ = await self.config(repository, content.config)
        return join_history(config.history, content.layers)

    async def config(
        self, repository: str, descriptor: Descriptor, *, priority: Priority = Priority.INTERACTIVE
    ) -> tuple[ImageConfig, bytes]:
        """Read an image's configuration; its bytes as well, for those who want to see them.

        Raises:
            NotFoundError: The manifest is there and its configuration is not.
            RegistryError: As `Transport.request`, or the content is no configuration.
        """
        raw = await self.blob(repository, descriptor, limit=CONFIG_LIMIT, priority=priority)
        return await _off_loop(len(raw), lambda: parse_config(raw)), raw

    async def blob(
        self, repository: str, descriptor: Descriptor, *, limit: int, priority: Priority = Priority.INTERACTIVE
    ) -> bytes:
        """Read content by its digest, whole and checked.

        Args:
            limit: Bytes that are accepted.
        """
        _check_repository(repository)
        if descriptor.data is not None:
            return descriptor.data
        digest = descriptor.digest
        if kept := self._kept.get((repository, digest)):
            self.served_from_memory += 1
            return kept[0]
        return await self._share(
            _blob_path(repository, digest),
            priority,
            lambda: self._fetch_blob(repository, digest, limit, priority),
        )

    @property
    def _host(self) -> str:
        return self.address.host

    async def _ask(self, request: Request) -> Response:
        response = await self.transport.request(request)
        self.is_confirmed = self.is_confirmed or answers.speaks_v2(response)
        return response

    async def _share(self, path: str, priority: Priority, make: Callable[[], Coroutine[object, object, T]]) -> T:
        """Ask for `path` together with all who want it now. A key press does not wait for its turn among rows."""
        if priority is Priority.INTERACTIVE:
            self.transport.hurry(path)
        return await self._flights.do(path, make)

    async def _pages(
        self,
        path: str,
        scope: Scope,
        parse: Callable[[bytes], tuple[SafeText, ...]],
        failure: Callable[[Response], Exception],
    ) -> AsyncIterator[Page]:
        pages = Pages(path, self._page_size)

        def read(body: bytes) -> tuple[tuple[SafeText, ...], tuple[SafeText, ...]]:
            names = parse(body)
            return names, pages.take(names)

        response = await self._ask(Request(pages.first, scope, limit=LIST_LIMIT))
        if response.status in (400, 405) and self._page_size:
            # Some registries refuse a page as long as this one.
            pages.page_size = 0
            response = await self._ask(Request(pages.first, scope, limit=LIST_LIMIT))
            if response.status == 200:
                self._page_size = 0
        while True:
            if pages.is_guess and 400 <= response.status < 500 and response.status != 429:
                yield Page((), complete=True)
                return
            if response.status != 200:
                raise failure(response)
            names, fresh = await _off_loop(len(response.body), partial(read, response.body))
            following = pages.after(names, fresh, response.headers.get_list("link"))
            yield Page(fresh, complete=following is None, notice=pages.notice)
            if following is None:
                return
            response = await self._ask(Request(following, scope, limit=LIST_LIMIT))

    async def _fetch_manifest(self, repository: str, digest: Digest, priority: Priority) -> Document:
        response = await self._get_manifest(repository, digest, {}, priority)
        document = await self._parsed_manifest(response.body, response.header("content-type"), digest)
        self._kept.put((repository, digest), (response.body, response.header("content-type")), len(response.body))
        return document

    async def _fetch_tag(self, repository: str, tag: str, known: _KnownTag | None, priority: Priority) -> Document:
        condition = {"If-None-Match": known.etag} if known and known.etag else {}
        response = await self._get_manifest(repository, tag, condition, priority)
        content_type, claimed = response.header("content-type"), response.header("docker-content-digest")
        if response.status == 304 and known:
            document, etag = known.document, known.etag
        else:
            body = response.body
            document = await _off_loop(
                len(body), lambda: parse_manifest(body, content_type=content_type, claimed=claimed or None)
            )
            etag = response.header("etag")
            etag = etag if etag.isascii() and etag.isprintable() else ""
            self._kept.put((repository, document.digest), (body, content_type), len(body))
        self._tags.put((repository, tag), _KnownTag(document, etag, self._clock()), len(document.raw))
        return document

    async def _get_manifest(
        self, repository: str, reference: str, condition: dict[str, str], priority: Priority
    ) -> Response:
        response = await self._ask(
            Request(
                _manifest_path(repository, reference),
                pull(repository),
                headers={"Accept": media_types.ACCEPT, **condition},
                limit=MANIFEST_LIMIT,
                priority=priority,
            )
        )
        if response.status == 200 or (response.status == 304 and condition):
            return response
        self._tags.drop((repository, reference))
        raise answers.manifest_failure(self._host, repository, reference, response)

    async def _fetch_blob(self, repository: str, digest: Digest, limit: int, priority: Priority) -> bytes:
        response = await self._ask(
            Request(_blob_path(repository, digest), pull(repository), limit=limit, priority=priority)
        )
        if response.status != 200:
            raise answers.blob_failure(self._host, repository, digest, response)
        body = response.body
        await _off_loop(len(body), lambda: digest.verify(body))
        self._kept.put((repository, digest), (body, ""), len(body))
        return body

    @staticmethod
    async def _parsed_manifest(raw: bytes, content_type: str, digest: Digest) -> Document:
        return await _off_loop(len(raw), lambda: parse_manifest(raw, content_type=content_type, expected=digest))


def _manifest_path(repository: str, reference: str) -> str:
    return f"/v2/{repository}/manifests/{reference}"


def _blob_path(repository: str, digest: Digest) -> str:
    return f"/v2/{repository}/blobs/{digest}"


def _described(response: Response, reference: str) -> Descriptor | None:
    """What the answer to a HEAD says; None if it says too little, or another digest than was asked for."""
    length, claim = response.header("content-length"), response.header("docker-content-digest")
    try:
        digest = Digest.parse(claim)
    except MalformedDocumentError:  # the document itself will tell
        return None
    asked_for = parse_reference(reference)
    if not length.isdecimal() or len(length) > 15 or (asked_for.has_digest and digest != reference):
        return None
    media_type = response.header("content-type").partition(";")[0].strip()
    return Descriptor(safe_text(media_type), digest, int(length))


async def _off_loop(size: int, work: Callable[[], T]) -> T:
    """Do `work` on `size` bytes: here if that is nothing, in a thread if it would be felt."""
    return work() if size < _THREAD_FROM else await asyncio.to_thread(work)


def _check_repository(repository: str) -> None:
    if not is_repository_name(repository):
        raise InvalidRepositoryNameError(
            f"“{safe_text(repository, limit=200)}” cannot be the name of a repository.",
            "It is shown as the registry gave it, but cannot be asked for.",
        )


def _check(repository: str, reference: str) -> None:
    _check_repository(repository)
    if parse_reference(reference).has_digest:
        Digest.parse(reference)
    elif not is_tag(reference):
        raise InvalidReferenceError(
            f"“{safe_text(reference, limit=200)}” cannot be a tag.",
            "It is shown as the registry gave it, but cannot be asked for.",
        )
