"""A small v2 registry on a real socket, for tests: it follows OCI's distribution-spec until it is told to misbehave.

It runs on a thread with an event loop of its own, so that a test may be synchronous, asynchronous, or drive a
subprocess. It is written from the specification, on purpose without a line of the program under test.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import re
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from http.client import responses
from types import MappingProxyType, TracebackType
from typing import Any, Final, Literal, Self, TypeAlias, TypeVar

import trustme

from tests.registry_content import Content
from tests.registry_rules import Answer, BasicAuth, BearerAuth, LinkStyle, Rules

__all__ = ["BearerAuth", "Content", "RegistryServer", "Request"]

Manner: TypeAlias = Literal["whole", "gzip", "half_body", "drip", "endless", "hang", "close"]
_T = TypeVar("_T")

_HEAD_LIMIT: Final = 1 << 20
_ENDLESS_BLOCK: Final = 1 << 16
_REFUSAL: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in.

    Attributes:
        path: With its query.
        headers: By lower-cased name; repeated ones joined by commas.
        status: Of the answer, 0 if it hung or the connection was closed instead.
        connection: The number of the connection that it came on, counted from 1.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    status: int
    connection: int

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class RegistryServer:
    """A registry that serves `content` from when it is made until `stop()`, or the end of its `with`.

    Args:
        content: What it serves; may change meanwhile.
        tls: A certificate to serve https with, or a whole context (to ask for client certificates).
        auth: `("basic", user, password)` to ask for, or tokens.
        page_size: Most names in one page of a list.
        max_n: An `n` above this is answered 400, as Docker's registry does for its catalog; None for never.
        link_style: How the `Link` to the next page is spelled; `circular` leads to the same page again.
        etag: Whether manifests have an `ETag`.
        blob_redirect: The origin (`scheme://host:port`) where blobs are fetched instead.
        latency: Seconds before each answer.
        host: The address to listen on.

    Attributes:
        port: The port that it was given.
    """

    def __init__(
        self,
        content: Content,
        *,
        tls: trustme.LeafCert | ssl.SSLContext | None = None,
        auth: BasicAuth | BearerAuth | None = None,
        page_size: int = 1000,
        max_n: int | None = 1000,
        link_style: LinkStyle = "relative",
        etag: bool = True,
        blob_redirect: str | None = None,
        latency: float = 0,
        host: str = "127.0.0.1",
    ) -> None:
        self.host = host
        self._scheme = "https" if tls else "http"
        self._latency = latency
        self._faults: list[_Fault] = []
        self._requests: list[Request] = []
        self._arrival = threading.Condition()
        self._numbers = itertools.count(1)
        self._open: set[_Connection] = set()
        self._connections = self._at_work = self._most_at_once = 0
        self._gate = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="registry server", daemon=True)
        self._thread.start()
        self._listener = self._run(self._loop.create_server(lambda: _Connection(self), host, 0, ssl=_ssl_context(tls)))
        self.port: int = self._listener.sockets[0].getsockname()[1]
        self._rules = Rules(content, self.url, auth, page_size, max_n, link_style, etag, blob_redirect)

    @property
    def address(self) -> str:
        """`host:port`, as one names this registry to a client."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.address}"

    @property
    def requests(self) -> list[Request]:
        """All requests since the last `reset()`, in the order of their arrival."""
        return list(self._requests)

    @property
    def connections(self) -> int:
        """How many connections were accepted since the last `reset()`; with TLS, only whole handshakes."""
        return self._connections

    @property
    def most_at_once(self) -> int:
        """The highest number of requests that waited for an answer together. One whose client left does not wait."""
        return self._most_at_once

    def wait_for_requests(self, count: int, timeout: float = 30) -> list[Request]:
        """Block until `count` requests came in since the last `reset()`. From a coroutine, call it in a thread.

        Raises:
            TimeoutError: They did not come within `timeout` seconds.
        """
        with self._arrival:
            if not self._arrival.wait_for(lambda: len(self._requests) >= count, timeout):
                raise TimeoutError(f"{len(self._requests)} of {count} requests came: {self._requests}")
        return self.requests

    def reset(self) -> None:
        """Forget what was counted and recorded, and every fault. Connections stay open."""
        self._requests.clear()
        self._faults.clear()
        self._connections = self._most_at_once = 0

    def fault(
        self,
        match: str | re.Pattern[str],
        manner: Manner = "whole",
        *,
        times: int | None = 1,
        after: int = 0,
        status: int | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
        redirect: str | None = None,
        delay: float = 0,
    ) -> None:
        """Answer some requests differently. Of several faults for one request, the one scripted first is taken.

        Args:
            match: What `METHOD /path?query` begins with, or a pattern that is found in it.
            manner: How the answer is sent: `whole`; `gzip` (compressed, whether asked for or not); `half_body` (then
                the connection ends); `drip` (byte by byte, each after `delay`); `endless` (chunked, the body again
                and again until the client leaves); `hang` (not before `release()`); `close` (the connection ends
                without an answer).
            times: For how many requests; None for all.
            after: How many matching requests to spare first.
            status: Instead of the true one, whose headers and body go with it.
            body: Instead of the true one; the true headers stay.
            headers: Beside or instead of the others; None takes one away.
            redirect: Where to redirect to, with 307 unless a `status` is given.
            delay: Seconds before the answer.
        """
        headers = {**({"Location": redirect} if redirect else {}), **(headers or {})}
        if redirect and status is None:
            status = 307

        def change(true: Answer) -> Answer:
            base = true if status is None else Answer(status)
            replaced = {name.lower() for name in headers}
            kept = {name: value for name, value in base.headers.items() if name.lower() not in replaced}
            added = {name: value for name, value in headers.items() if value is not None}
            return Answer(base.status, base.body if body is None else body, kept | added)

        self._faults.append(_Fault(match, times, after, manner, delay, change))

    def release(self) -> None:
        """Let the requests that hang now be answered."""

        async def open_gate() -> None:
            self._gate.set()
            self._gate = asyncio.Event()

        self._run(open_gate())

    def stop(self) -> None:
        """End every connection and refuse new ones. May be called again."""
        if not self._loop.is_closed():
            self._run(self._shut_down())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _shut_down(self) -> None:
        self._listener.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}  # conversations, and handshakes on the way to one
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        while self._open:
            for connection in self._open:
                connection.leave()
            await asyncio.sleep(0)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(self._numbers)
        self._connections += 1
        try:
            with contextlib.suppress(OSError, EOFError):  # a client may leave whenever it likes
                while await self._answer_one(reader, writer, number):
                    pass
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        """Read and answer one request. False when the connection is to end."""
        try:
            method, path, version, headers = await _read_request(reader)
        except ValueError:
            writer.write(_REFUSAL)
            return False
        answer = self._rules.answer(method, path, headers)
        fault = next((fault for fault in self._faults if fault.takes(f"{method} {path}")), None)
        manner: Manner = "whole"
        delay = self._latency
        if fault:
            answer, manner, delay = fault.change(answer), fault.manner, delay + fault.delay
        status = 0 if manner in ("hang", "close") else answer.status
        self._record(Request(method, path, MappingProxyType(headers), status, number))
        async with self._working():
            if manner == "hang":
                await self._gate.wait()
            if manner != "drip":
                await asyncio.sleep(delay)
        if manner == "close":
            return False
        await _send(writer, answer, manner, delay, head_only=method == "HEAD")
        keep_alive = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        return keep_alive and manner != "half_body"

    @contextlib.asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        self._at_work += 1
        self._most_at_once = max(self._most_at_once, self._at_work)
        try:
            yield
        finally:
            self._at_work -= 1

    def _record(self, request: Request) -> None:
        with self._arrival:
            self._requests.append(request)
            self._arrival.notify_all()


class _Connection(asyncio.StreamReaderProtocol):
    """Ends its conversation as soon as the client leaves, also in the middle of an answer that hangs."""

    def __init__(self, server: RegistryServer) -> None:
        super().__init__(asyncio.StreamReader(limit=_HEAD_LIMIT), self._begin)
        self._server = server
        self._writer: asyncio.StreamWriter | None = None
        self._conversation: asyncio.Task[None] | None = None

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server._open.add(self)
        self._writer = writer
        self._conversation = asyncio.get_running_loop().create_task(self._server._converse(reader, writer))

    def leave(self) -> None:
        if self._conversation and self._writer:
            self._conversation.cancel()
            self._writer.transport.abort()

    def eof_received(self) -> bool:
        super().eof_received()
        self.leave()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.leave()
        self._server._open.discard(self)


@dataclass(slots=True)
class _Fault:
    match: str | re.Pattern[str]
    times: int | None
    after: int
    manner: Manner
    delay: float
    change: Callable[[Answer], Answer]

    def takes(self, request: str) -> bool:
        """Whether this fault is for `request`; counts it."""
        matches = request.startswith(self.match) if isinstance(self.match, str) else self.match.search(request)
        if not matches or self.times == 0:
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


def _ssl_context(tls: trustme.LeafCert | ssl.SSLContext | None) -> ssl.SSLContext | None:
    if not isinstance(tls, trustme.LeafCert):
        return tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.configure_cert(context)
    return context


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, str, str, dict[str, str]]:
    """Give method, path, version and headers.

    Raises:
        ValueError: What came is no request.
    """
    first = await reader.readexactly(1)
    if not first.isalpha():  # a TLS handshake to a plain port: its client waits for our part of it
        raise ValueError("not HTTP")
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, path, version = start.split(" ")
    headers: dict[str, str] = {}
    for line in lines:
        name, value = (part.strip() for part in line.split(":", 1))
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    await reader.readexactly(int(headers.get("content-length", "0")))
    return method, path, version, headers


async def _send(writer: asyncio.StreamWriter, answer: Answer, manner: Manner, delay: float, *, head_only: bool) -> None:
    body, headers = answer.body, dict(answer.headers)
    if manner == "gzip":
        body = gzip.compress(body, mtime=0)
        headers["Content-Encoding"] = "gzip"
    if manner == "endless":
        headers["Transfer-Encoding"] = "chunked"
    elif answer.status != 304:
        headers.setdefault("Content-Length", str(len(body)))
    phrase = responses.get(answer.status, "Unknown")
    lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    if not head_only and answer.status != 304:
        await _send_body(writer, body, manner, delay)
    await writer.drain()


async def _send_body(writer: asyncio.StreamWriter, body: bytes, manner: Manner, delay: float) -> None:
    if manner == "endless":
        block = (body or b" ") * (_ENDLESS_BLOCK // max(1, len(body)) + 1)
        while True:
            writer.write(b"%x\r\n%b\r\n" % (len(block), block))
            await writer.drain()
            await asyncio.sleep(0)  # a TLS transport that is closing swallows everything, and drain() does not wait
    if manner == "drip":
        for byte in body:
            await asyncio.sleep(delay)
            writer.write(bytes([byte]))
            await writer.drain()
        return
    writer.write(body[: len(body) // 2] if manner == "half_body" else body)
