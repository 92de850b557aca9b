"""A conversation in Docker's first registry protocol (seed-registry-package.md §9, §12 and §14)."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import urlencode

from regbrowse.registry.docker_http import http_client
from regbrowse.registry.errors import (
    ConnectionFailedError,
    HTTPStatusError,
    InvalidReferenceError,
    MalformedDocumentError,
    NotFoundError,
    RegistryError,
    RepositoryNotFoundError,
)
from regbrowse.registry.redirects import host_of
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.service.repository_info import RepositoryInfo
from regbrowse.registry.text import safe_text
from regbrowse.registry.v1 import pushing
from regbrowse.registry.v1.auth_transport import AuthTransport
from regbrowse.registry.v1.calls import (
    IMAGE_JSON_LIMIT,
    LIST_LIMIT,
    Answer,
    get,
    path_segment,
    remote_name,
    retold,
    status_failure,
    unauthorized,
)
from regbrowse.registry.v1.endpoint import V1Endpoint
from regbrowse.registry.v1.layers import LayerReader, Wait, open_layer
from regbrowse.registry.v1.models import (
    ImgData,
    PingResult,
    RepositoryData,
    SearchResults,
    parse_ancestry,
    parse_endpoints,
    parse_images,
    parse_search,
    parse_tag,
    parse_tags,
)
from regbrowse.registry.v1.tarsum import Layer
from regbrowse.registry.wire import httpx

_FOR_TOKEN: Final = (("X-Docker-Token", "true"),)
_THREAD_FROM: Final = 64 * 1024
_SIZE: Final = re.compile(r"[+-]?[0-9]{1,19}")


T = TypeVar("T")


class Session:
    """A conversation with an index and the registries that it names; made by `new`, and to be closed.

    A `registry` is always the base of its calls, which ends in `/v1/`. A repository is a `RepositoryInfo` or its name
    as one types it. Ids, tags and names are refused unless they can stand in an address as they are, whoever they come
    from (Docker's package puts anything there): see `path_segment`.

    Every call may raise, beside what it says: InvalidReferenceError where a name cannot be sent, ConnectionFailedError
    and RedirectRefusedError where no answer came, HTTPStatusError with the status for an answer that is a failure (a
    401 is an UnauthorizedError only where a call says so), LimitExceededError and MalformedDocumentError where an
    answer is not what it should be.

    Attributes:
        id: 64 random hexadecimal digits, of which the first 12 are not all decimal.
    """

    id: str

    def __init__(self, client: httpx.AsyncClient, auth_config: AuthConfig | None, endpoint: V1Endpoint) -> None:
        self.id = _random_id()
        self._client = client
        self._auth_config = auth_config
        self._index = str(endpoint)

    @classmethod
    async def new(
        cls,
        client: httpx.AsyncClient,
        auth_config: AuthConfig | None,
        endpoint: V1Endpoint,
        *,
        ping: PingResult | None = None,
        always_set_basic_auth: bool | None = None,
    ) -> Self:
        """Begin a conversation.

        A registry over https is pinged, unless it is Docker Hub's index: to one that stands alone the login goes with
        every request. Over plain HTTP it goes with those that ask for a token, a search among them, and no others.

        Args:
            client: Sends the requests one by one. Other than in Docker's package it stays as it is, and open: the
                login, the redirects, the headers and the cookies are the session's own, and no default of `client`
                joins in. (As after any use of it, httpx also keeps the cookies that came in its jar.)
            auth_config: The login, if there is one.
            endpoint: The index, or a registry that has none. The password goes there alone, whatever it names.
            ping: What it answered already; then it is not asked again.
            always_set_basic_auth: Whether the login goes with every request; by default as in Docker, see above.

        Raises:
            ConnectionFailedError, RedirectRefusedError, ConfigError: The ping was not answered.
        """
        stands_alone = bool(always_set_basic_auth)
        if always_set_basic_auth is None and str(endpoint).lower().startswith("https://"):
            stands_alone = (ping or await endpoint.ping()).standalone
        transport = AuthTransport(
            _ThroughClient(client),
            auth_config,
            stands_alone and auth_config is not None,
            home=httpx.URL(str(endpoint)),
        )
        return cls(http_client(transport), auth_config, endpoint)

    def get_auth_config(self, with_password: bool) -> AuthConfig:
        """The login's user name, and the password if asked for; an empty one without a login."""
        login = self._auth_config or AuthConfig()
        return AuthConfig(username=login.username, password=login.password if with_password else "")

    async def aclose(self) -> None:
        """End the conversation. The client that it was made on stays open."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    # Images

    async def get_remote_history(self, img_id: str, registry: str) -> list[str]:
        """The ids of an image, its parent, the parent of that, and so on.

        Raises:
            UnauthorizedError: 401.
        """
        answer = await get(self._client, _image(registry, img_id, "ancestry"), limit=LIST_LIMIT)
        if answer.status == 401:
            raise unauthorized(answer, f"the history of {img_id}")
        if answer.status != 200:
            raise status_failure(
                answer, f"Server error: {answer.status} trying to fetch remote history for {img_id} from {answer.host}."
            )
        try:
            return await _off_loop(parse_ancestry, answer.body)
        except MalformedDocumentError as error:
            raise MalformedDocumentError(
                f"Error while reading the http response: {error} ({answer.host})", error.next_step
            ) from error

    async def lookup_remote_image(self, img_id: str, registry: str) -> None:
        """Find out whether a registry has an image: it has, unless this raises."""
        answer = await get(self._client, _image(registry, img_id, "json"))
        if answer.status != 200:
            raise _image_failure(answer, img_id)

    async def get_remote_image_json(self, img_id: str, registry: str) -> tuple[bytes, int]:
        """An image's JSON, as it came and unread, and the size of its layer in bytes: -1 if that was not said."""
        try:
            answer = await get(self._client, _image(registry, img_id, "json"), limit=IMAGE_JSON_LIMIT)
        except ConnectionFailedError as error:
            raise retold(error, f"Failed to download json: {error}") from error
        if answer.status != 200:
            raise _image_failure(answer, img_id)
        size = answer.header("X-Docker-Size")
        if size and (_SIZE.fullmatch(size) is None or int(size) >= 2**63):
            raise MalformedDocumentError(
                f"{answer.host} gives “{safe_text(size, limit=40)}” as the size of image {img_id}."
            )
        return answer.body, int(size or -1)

    async def get_remote_image_layer(
        self, img_id: str, registry: str, img_size: int, *, wait: Wait = asyncio.sleep
    ) -> LayerReader:
        """Begin to read an image's layer, whose bytes the reader gives; it is to be closed.

        Args:
            img_id: The image's id.
            registry: The registry's base.
            img_size: The layer's size in bytes as `get_remote_image_json` gives it; not above zero if it is not known.
            wait: Waits before a broken connection is made up for.
        """
        return await open_layer(self._client, img_id, registry, img_size, wait)

    # Repositories

    async def get_remote_tag(self, registries: Sequence[str], repository: RepositoryInfo | str, asked_tag: str) -> str:
        """The id that a tag leads to, from the first of `registries` that answers with 200.

        As in Docker, a name without a `/` is looked for under `library/`, even in a private registry.

        Raises:
            RepositoryNotFoundError: One before it answered with 404.
        """
        tag = path_segment(asked_tag, "a tag")
        return parse_tag(await self._of_repository(registries, repository, f"tags/{tag}", f"tag {tag}"))

    async def get_remote_tags(self, registries: Sequence[str], repository: RepositoryInfo | str) -> dict[str, str]:
        """All tags and the ids that they lead to; otherwise as `get_remote_tag`."""
        return await _off_loop(parse_tags, await self._of_repository(registries, repository, "tags", "tags"))

    async def _of_repository(
        self, registries: Sequence[str], repository: RepositoryInfo | str, path: str, subject: str
    ) -> bytes:
        name = remote_name(repository)
        name = name if "/" in name else f"library/{name}"
        refusals: list[Answer] = []
        for registry in registries:
            answer = await get(self._client, f"{registry}repositories/{name}/{path}", limit=LIST_LIMIT)
            if answer.status == 200:
                return answer.body
            if answer.status == 404:
                what = path.replace("tags/", "tag ")
                raise RepositoryNotFoundError(
                    f"Repository not found: {answer.host} has no {what} of {name}.", status=404
                )
            refusals.append(answer)
        why = ", ".join(f"{answer.host} answered with status {answer.status}" for answer in refusals)
        message = f"Could not reach any registry endpoint for {name}: {why or 'none is known'}."
        if not refusals:
            raise RegistryError(message)
        asks_index = "Ask its index first (get_repository_data), which gives the token, or log in."
        raise status_failure(refusals[-1], message, asks_index if refusals[-1].status == 401 else None)

    async def get_repository_data(self, name: RepositoryInfo | str) -> RepositoryData:
        """The images of a repository by the index's word, and the registries that have them.

        Raises:
            UnauthorizedError: 401.
            NotFoundError: 404; its text has "HTTP code: 404", which callers look for.
        """
        remote = remote_name(name)
        url = f"{self._index}repositories/{remote}/images"
        try:
            answer = await get(self._client, url, headers=_FOR_TOKEN, limit=LIST_LIMIT)
        except ConnectionFailedError as error:
            if isinstance(error.__cause__, TimeoutError | httpx.TimeoutException):
                raise retold(error, f"Network timed out while trying to connect to {url}. {error}") from error
            raise retold(error, f"Error while pulling image: {error}") from error
        if answer.status == 401:
            raise unauthorized(answer, remote)
        if answer.status == 404:
            raise NotFoundError(f"HTTP code: 404: {answer.host} does not know {remote}.", status=404)
        if answer.status != 200:
            raise status_failure(
                answer,
                f"Error: Status {answer.status} trying to pull repository {remote}: {answer.quoted} ({answer.host})",
            )
        images = await _off_loop(parse_images, answer.body)
        index = httpx.URL(self._index)
        endpoints = parse_endpoints(answer.headers.get_list("X-Docker-Endpoints"), index.scheme)
        return RepositoryData(images, endpoints or (f"{index.scheme}://{host_of(index)}/v1/",))

    async def search_repositories(self, term: str, limit: int) -> SearchResults:
        """Search the index, in its order.

        Args:
            term: The words.
            limit: Results at most, from 1 to 100. Nothing is asked with another one.
        """
        if not 1 <= limit <= 100:
            raise RegistryError(f"Limit {limit} is outside the range of [1, 100].", "Ask for 1 to 100 results.")
        try:
            query = urlencode({"q": term, "n": limit})
        except UnicodeEncodeError:
            raise InvalidReferenceError("The words to search for are no text.", "Type them anew.") from None
        url = f"{self._index}search?{query}"
        answer = await get(self._client, url, headers=_FOR_TOKEN, limit=LIST_LIMIT)
        if answer.status != 200:
            no_search = "It has no search of v1: list it by v2, or name a repository." if answer.status == 404 else None
            message = f"Unexpected status code {answer.status} from {answer.host} for the search."
            raise status_failure(answer, message, no_search)
        return await _off_loop(parse_search, answer.body)

    # Pushes

    async def push_image_checksum_registry(self, img_data: ImgData, registry: str) -> None:
        """Say what an image's layer adds up to, which ends its push.

        Raises:
            AlreadyExistsError: The registry says that it has the image.
            RegistryError: Any other status than 200.
        """
        await pushing.push_image_checksum(self._client, img_data, registry)

    async def push_image_json_registry(self, img_data: ImgData, json_raw: bytes, registry: str) -> None:
        """Push an image's JSON, byte for byte, which begins its push.

        Raises:
            AlreadyExistsError: The registry says that it has the image.
        """
        await pushing.push_image_json(self._client, img_data, json_raw, registry)

    async def push_image_layer_registry(
        self, img_id: str, layer: Layer, registry: str, json_raw: bytes
    ) -> tuple[str, str]:
        """Push an image's layer.

        Args:
            img_id: The image's id.
            layer: An uncompressed tar; it is sent with gzip. It is closed once it was sent, if it can be.
            registry: The registry's base.
            json_raw: The image's JSON, which goes into both checksums.

        Returns:
            `tarsum+sha256:<hex>` and `sha256:<hex>`: what `ImgData` calls `checksum` and `checksum_payload`.
        """
        return await pushing.push_image_layer(self._client, img_id, layer, registry, json_raw)

    async def push_registry_tag(self, remote: RepositoryInfo | str, revision: str, tag: str, registry: str) -> None:
        """Let the tag `tag` lead to the image `revision`."""
        await pushing.push_tag(self._client, remote, revision, tag, registry)

    async def push_image_json_index(
        self, remote: RepositoryInfo | str, img_list: Sequence[ImgData] | None, validate: bool, regs: Sequence[str]
    ) -> RepositoryData:
        """Tell the index that a push begins, or that it has ended.

        Args:
            remote: The repository.
            img_list: Its images. At the end, only those with a checksum are sent.
            validate: Whether it has ended.
            regs: The registries that have the images now; said at the end.

        Returns:
            At the beginning where to push to, at the end nothing.

        Raises:
            UnauthorizedError: 401.
            MalformedDocumentError: The index does not say where to push to.
        """
        return await pushing.push_image_index(self._client, self._index, remote, img_list, validate, regs)


class _ThroughClient(httpx.AsyncBaseTransport):
    """Sends single requests with somebody else's client, which stays theirs."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # Its own login must not go where the session's may not.
        return await self._client.send(request, stream=True, auth=None, follow_redirects=False)


async def _off_loop(parse: Callable[[bytes], T], body: bytes) -> T:
    """Read `body`: here if that is nothing, in a thread if it would be felt."""
    return parse(body) if len(body) < _THREAD_FROM else await asyncio.to_thread(parse, body)


def _random_id() -> str:
    while (id_ := secrets.token_hex(32))[:12].isdecimal():  # that could be taken for a number
        pass
    return id_


def _image(registry: str, img_id: str, part: str) -> str:
    return f"{registry}images/{path_segment(img_id, 'the id of an image')}/{part}"


def _image_failure(answer: Answer, img_id: str) -> HTTPStatusError:
    return status_failure(answer, f"HTTP code {answer.status} from {answer.host} for image {img_id}.")
