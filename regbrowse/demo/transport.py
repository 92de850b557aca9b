"""The sample registry's answers, as an httpx transport: requests go in as they would to a network."""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import urlencode

from regbrowse.demo import hub_search, samples
from regbrowse.demo.hosts import DEMO_HOST, EMPTY_HOST, FORBIDDEN_HOST, MISSING_HOST
from regbrowse.demo.layout import Answer, Content, Repository, encode
from regbrowse.registry.reference import DOCKER_HUB
from regbrowse.registry.wire import httpx

CATALOG_PAGE: Final = 100
TAGS_PAGE: Final = 1_000
PAGE_DELAY: Final = 0.06
"""Seconds before each page of names, so that pages can be seen to come."""

SEARCH_DELAY: Final = 0.4
"""Seconds before what was searched for is found."""

_HOSTS: Final = frozenset({DEMO_HOST, EMPTY_HOST, FORBIDDEN_HOST, MISSING_HOST, DOCKER_HUB, hub_search.SEARCH_HOST})
_ROUTE: Final = re.compile(r"/v2/(?P<name>.+)/(?P<kind>tags|manifests|blobs)/(?P<reference>[^/]+)")
_CHUNK: Final = 64 * 1024
_CATALOGS: Final = {
    EMPTY_HOST: Answer(200, b'{"repositories":[]}'),
    FORBIDDEN_HOST: Answer.error(403, "DENIED", "the catalog is for administrators only"),
    MISSING_HOST: Answer(404, b"404 page not found\n", "text/plain; charset=utf-8"),
    DOCKER_HUB: Answer.error(401, "UNAUTHORIZED", "authentication required"),
}
_NO_SUCH_CALL: Final = Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")
_READ_ONLY: Final = Answer.error(405, "UNSUPPORTED", "The operation is unsupported.", ("Allow", "GET, HEAD"))
_NAME_UNKNOWN: Final = Answer.error(404, "NAME_UNKNOWN", "repository name not known to registry")
_MANIFEST_UNKNOWN: Final = Answer.error(404, "MANIFEST_UNKNOWN", "manifest unknown")
_BLOB_UNKNOWN: Final = Answer.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
_BAD_PAGE_SIZE: Final = Answer.error(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")


class _Body(httpx.AsyncByteStream):
    """Bytes that are read as a stream, as from a network: httpx's own would be read already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), _CHUNK):
            yield self._data[start : start + _CHUNK]


class DemoTransport(httpx.AsyncBaseTransport):
    """Answers as a registry of sample images would (distribution-spec, "Pull" and "Content Discovery").

    It stands in for Docker Hub and its search, too. Every other host is out of reach.

    Args:
        pace: What every delay is multiplied with; 0 to have none.
        sleep: Waits so many seconds.
    """

    def __init__(self, *, pace: float = 1.0, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._pace = pace
        self._sleep = sleep
        self._names = samples.names()
        self._repositories: dict[tuple[bool, str], Repository | None] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request.

        Raises:
            httpx.ConnectError: The host is none of the sample registry's.
        """
        if request.url.host not in _HOSTS:
            raise httpx.ConnectError("the sample registry has no way to other hosts", request=request)
        answer = await self._answer(request)
        headers = [("Content-Type", answer.media_type), ("Content-Length", str(len(answer.body))), *answer.headers]
        if answer.status == 304:
            headers = list(answer.headers)
        return httpx.Response(
            answer.status,
            headers=[*headers, ("Docker-Distribution-Api-Version", "registry/2.0")],
            stream=_Body(b"" if request.method == "HEAD" else answer.body),
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def _answer(self, request: httpx.Request) -> Answer:
        if request.method not in ("GET", "HEAD"):
            return _READ_ONLY
        path = request.url.path
        if request.url.host == hub_search.SEARCH_HOST:
            return await self._search(request.url)
        if path in ("/v2", "/v2/"):
            return Answer(200, b"{}")
        if path == "/v2/_catalog":
            await self._wait(PAGE_DELAY)
            return _CATALOGS.get(request.url.host) or _page("repositories", {}, self._names, CATALOG_PAGE, request.url)
        route = _ROUTE.fullmatch(path)
        if route is None:
            return _NO_SUCH_CALL
        repository = None if request.url.host == EMPTY_HOST else self._repository(request.url.host, route["name"])
        if repository is None:
            return _NAME_UNKNOWN
        await self._wait(repository.delay)
        if repository.refusal:
            return repository.refusal
        if route["kind"] == "tags":
            return (
                await self._tags(repository, route["name"], request.url)
                if route["reference"] == "list"
                else _NO_SUCH_CALL
            )
        if route["kind"] == "manifests":
            return _content(await repository.manifest(route["reference"]) or _MANIFEST_UNKNOWN, request)
        return _content(await repository.blob(route["reference"]) or _BLOB_UNKNOWN, request)

    async def _tags(self, repository: Repository, name: str, url: httpx.URL) -> Answer:
        await self._wait(PAGE_DELAY)
        if repository.later_pages and "last" in url.params:
            return repository.later_pages
        return _page("tags", {"name": name}, repository.tags, TAGS_PAGE, url)

    async def _search(self, url: httpx.URL) -> Answer:
        if url.path != hub_search.SEARCH_PATH:
            return _NO_SUCH_CALL
        await self._wait(SEARCH_DELAY)
        return hub_search.search(url.params.get("q", ""), url.params.get("n", ""))

    def _repository(self, host: str, name: str) -> Repository | None:
        place = (host == DOCKER_HUB, name)
        if place not in self._repositories:
            self._repositories[place] = (hub_search if host == DOCKER_HUB else samples).repository(name)
        return self._repositories[place]

    async def _wait(self, seconds: float) -> None:
        if seconds * self._pace > 0:
            await self._sleep(seconds * self._pace)


def _page(key: str, beside: dict[str, str], names: Sequence[str], limit: int, url: httpx.URL) -> Answer:
    """One page of sorted names: those after `last`, at most `n` of them and never more than `limit`."""
    asked = url.params.get("n", str(limit))
    if not (asked.isascii() and asked.isdigit()):
        return _BAD_PAGE_SIZE
    size = min(int(asked), limit)
    start = bisect_right(names, url.params["last"]) if "last" in url.params else 0
    page = names[start : start + size]
    more = bool(page) and start + size < len(names)
    query = urlencode({"last": page[-1], "n": size}) if more else ""
    return Answer(
        200,
        encode({**beside, key: list(page) if names else None}),
        headers=(("Link", f'<{url.path}?{query}>; rel="next"'),) if more else (),
    )


def _content(found: Content | Answer, request: httpx.Request) -> Answer:
    """A manifest or a blob with the headers that name it; 304 if the client says that it has it."""
    if isinstance(found, Answer):
        return found
    etag = f'"{found.digest}"'
    headers = (("Docker-Content-Digest", found.digest), ("ETag", etag))
    known = (tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(","))
    if any(tag in (etag, "*") for tag in known):
        return Answer(304, b"", headers=headers)
    return Answer(200, found.data, found.media_type, headers)
