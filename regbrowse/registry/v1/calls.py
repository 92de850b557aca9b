"""One call of the v1 protocol: what may stand in an address, a request, its bounded answer or why there is none."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass, field
from typing import Final

from regbrowse.registry.asking import asking, web_url
from regbrowse.registry.bodies import read_bounded
from regbrowse.registry.docker_http import REPEATS_METHOD
from regbrowse.registry.errors import (
    ConfigError,
    ConnectionFailedError,
    DeniedError,
    HTTPStatusError,
    InvalidReferenceError,
    NotFoundError,
    ServerFailureError,
    UnauthorizedError,
)
from regbrowse.registry.failures import connection_failure
from regbrowse.registry.listings import parse_error
from regbrowse.registry.redirects import host_of
from regbrowse.registry.service.repository_info import RepositoryInfo, split_repository_name
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.wire import httpx

LIST_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of a list: tags, images, ancestors, results. A hundred thousand tags are less."""

IMAGE_JSON_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of an image's JSON."""

WORDS_LIMIT: Final = 65_536
"""Bytes kept of a body that only explains a status."""

CALL_WITHIN: Final = 120.0
"""Seconds for a call whose answer is read whole; a long list may take its time."""

Headers = Iterable[tuple[str, str]]
"""Header lines, in their order."""

WIRE_ERRORS: Final = (httpx.TransportError, OSError)
"""What the wire raises when a connection cannot be had or breaks."""

_STREAM_TIMEOUTS: Final = httpx.Timeout(60.0, connect=5.0).as_dict()
_SHOWN_WORDS: Final = 300
_SEGMENT: Final = re.compile(r"(?!\.+\Z)[A-Za-z0-9_.-]{1,255}")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?|")
_NEXT_STEPS: Final = {
    401: UnauthorizedError.default_next_step,
    403: DeniedError.default_next_step,
    404: NotFoundError.default_next_step,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, or as much as is kept of it.

    Attributes:
        host: Where it came from in the end.
    """

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    host: SafeText

    def header(self, name: str) -> str:
        """The first line of that name; empty if there is none."""
        return next(iter(self.headers.get_list(name)), "")

    @property
    def quoted(self) -> str:
        """The beginning of the body, for a message."""
        return f'"{safe_text(self.body.decode("utf-8", "replace").strip(), limit=_SHOWN_WORDS)}"'


# What goes into an address


def path_segment(text: str, what: str) -> str:
    """`text`, if it may stand between two slashes of an address.

    Docker's package puts ids and tags into addresses as they are. They may come from a hostile server, so here they
    have ASCII letters, digits, dots, dashes and underscores alone, and something beside dots.

    Args:
        what: What it should be: "the id of an image".

    Raises:
        InvalidReferenceError: It may not.
    """
    if _SEGMENT.fullmatch(text) is None:
        raise InvalidReferenceError(
            f"“{safe_text(text, limit=200)}” cannot be {what}.",
            "Ids and tags have letters, digits, dots, dashes and underscores alone.",
        )
    return text


def remote_name(repository: RepositoryInfo | str) -> str:
    """A repository's name for its own registry: without the host (seed-registry-package.md §3).

    Args:
        repository: Taken apart already, or as one types it: `solo` is Docker Hub's `library/solo`, `reg.corp/solo` is
            `solo`. A tag or digest is left out.

    Raises:
        InvalidReferenceError: It is no name of a repository.
    """
    name = split_repository_name(repository)[1] if isinstance(repository, str) else repository.remote_name
    for component in name.split("/"):
        path_segment(component, "part of a repository's name")
    return name


def header_value(text: str, what: str) -> str:
    """`text`, if it may be a header's value: ASCII that can be seen.

    Raises:
        InvalidReferenceError: It may not.
    """
    if _HEADER_VALUE.fullmatch(text) is None:
        raise InvalidReferenceError(f"“{safe_text(text, limit=200)}” cannot be {what}.", "Take it as it was given.")
    return text


# Requests and answers


async def get(
    client: httpx.AsyncClient,
    url: str,
    *,
    headers: Headers = (),
    limit: int | None = None,
    within: float = CALL_WITHIN,
) -> Answer:
    """GET `url`. Whatever the status is, it is an answer.

    Args:
        limit: Bytes that a body with status 200 may have; None if it only explains the status, as others always do.
        within: Seconds for all of it.

    Raises:
        ConfigError: `url` is no address of the web, or a certificate cannot be used.
        ConnectionFailedError, RedirectRefusedError: No whole answer came.
        LimitExceededError, MalformedDocumentError: A body that counts has more, or comes in an unknown encoding.
    """
    request = _request(client, "GET", url, headers, None)
    async with asking(client, request, within=within) as response:
        return await _read(response, limit if response.status_code == 200 else None)


async def put(client: httpx.AsyncClient, url: str, content: bytes | None = None, *, headers: Headers = ()) -> Answer:
    """PUT `content`. Whatever the status is, it is an answer, of which no more is kept than explains it.

    A redirect is followed with a PUT: a push is never taken for done because of what a GET answers.

    Raises:
        RegistryError: As for `get`.
    """
    request = _request(client, "PUT", url, headers, content)
    async with asking(client, request, within=CALL_WITHIN) as response:
        return await _read(response, None)


async def open_response(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Headers = (),
    content: AsyncIterable[bytes] | None = None,
    follow_redirects: bool = True,
) -> httpx.Response:
    """Send a request for what may be large either way; the response is to be read and closed.

    Without a `content` that may take its time, the answer has to begin within `CALL_WITHIN`.

    Raises:
        RegistryError: As for `get`.
    """
    request = _request(client, method, url, headers, content)
    request.extensions["timeout"] = _STREAM_TIMEOUTS
    try:
        async with asyncio.timeout(CALL_WITHIN if content is None else None):
            return await client.send(request, stream=True, follow_redirects=follow_redirects)
    except WIRE_ERRORS as error:
        raise failure_of(error, request.url, started=False) from error


async def read_failure(response: httpx.Response) -> Answer:
    """What an opened response with an unwelcome status says; it is closed then.

    Raises:
        ConnectionFailedError: The connection broke.
    """
    try:
        async with asyncio.timeout(CALL_WITHIN):
            return await _read(response, None)
    except WIRE_ERRORS as error:
        raise failure_of(error, response.url, started=True) from error
    finally:
        await response.aclose()


def _request(
    client: httpx.AsyncClient, method: str, url: str, headers: Headers, content: bytes | AsyncIterable[bytes] | None
) -> httpx.Request:
    extensions = {REPEATS_METHOD: True}
    return client.build_request(
        method, check_address(url), headers=list(headers), content=content, extensions=extensions
    )


async def _read(response: httpx.Response, limit: int | None) -> Answer:
    host = safe_text(host_of(response.url))
    body = await read_bounded(response, limit or WORDS_LIMIT, host, cut=limit is None)
    return Answer(response.status_code, response.headers, body, host)


def check_address(text: str) -> httpx.URL:
    """The address, if a request may go there.

    Raises:
        ConfigError: It is none of the web, or has a login in it.
    """
    url = web_url(text)
    if httpx.URL(text).userinfo:
        raise ConfigError(
            f"The address of {safe_text(host_of(url))} cannot hold a user name or a password.",
            "Leave them out, and log in with docker login.",
        )
    return url


# Failures


def failure_of(error: BaseException, url: httpx.URL, *, started: bool) -> ConnectionFailedError:
    """What an error of the wire means, naming the host that the request was at by then."""
    if isinstance(error, httpx.RequestError):
        with contextlib.suppress(RuntimeError):  # it was not noted in the error
            url = error.request.url
    return connection_failure(error, url.scheme, host_of(url), started=started)


def retold(failure: ConnectionFailedError, message: str) -> ConnectionFailedError:
    """The same failure in other words."""
    told = type(failure)(message, failure.next_step)
    told.is_passing = failure.is_passing
    return told


def status_failure(answer: Answer, message: str, next_step: str | None = None) -> HTTPStatusError:
    """The error for an answer whose status is a failure. A 401 is one among others here: see `unauthorized`."""
    status = answer.status
    next_step = next_step or _NEXT_STEPS.get(status, ServerFailureError.default_next_step if status >= 500 else None)
    reasons = parse_error(answer.body, answer.header("content-type"))
    detail = safe_text("; ".join(reason.message or reason.code for reason in reasons), limit=_SHOWN_WORDS)
    return HTTPStatusError(message, next_step, status=status, detail=detail)


def unauthorized(answer: Answer, subject: str) -> UnauthorizedError:
    """The error for a 401 of those calls that tell it from other failures (seed-registry-package.md §20)."""
    return UnauthorizedError(f"authentication required: {answer.host} wants a login for {subject}.", status=401)
