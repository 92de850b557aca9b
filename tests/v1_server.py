"""A small v1 registry on a real socket, for tests: it follows Docker's first protocol until it is told to misbehave.

Every connection has a thread of its own, so that a test may be synchronous, asynchronous, or drive a subprocess. It is
written from the protocol, on purpose without a line of the program under test.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast

import trustme

from tests.v1_content import V1Content, small_content
from tests.v1_rules import Answer, BasicAuth, Lines, Mode, Request, Rules

__all__ = ["Request", "V1Content", "V1Server", "small_content"]


class V1Server:
    """A v1 registry that serves `content` from when it is made until `stop()`, or the end of its `with`.

    Args:
        content: What it serves and what pushes change; `small_content()` if not given.
        tls: A certificate to serve https with, or a whole context.
        mode: `standalone` is a docker-registry of one's own: no tokens. `index` is what the Hub was: tokens are given
            out by the repository calls and wanted by the image and tag calls.
        auth: `("basic", user, password)` to ask for: for everything if standalone, else by the index for its tokens.
        endpoints: The `X-Docker-Endpoints` lines; this server itself if not given.
        version: `X-Docker-Registry-Version` of the ping; empty for none.
        open_ping: Whether the ping needs no password.
        ranges: Whether parts of layers are served.
        search: Whether there is a search.
        users_status: What a log-in is answered; at 200 the password is looked at.
        drop_at: The n-th answer with a layer ends its connection after so many bytes of the body.
        latency: Seconds before each answer.

    Attributes:
        port: The port that it was given.
        requests: All requests, in the order of their arrival.
    """

    def __init__(
        self,
        content: V1Content | None = None,
        *,
        tls: trustme.LeafCert | ssl.SSLContext | None = None,
        mode: Mode = "standalone",
        auth: BasicAuth | None = None,
        endpoints: Sequence[str] | None = None,
        version: str = "0.9.1",
        open_ping: bool = False,
        ranges: bool = True,
        search: bool = True,
        users_status: int = 200,
        drop_at: Iterable[int] = (),
        latency: float = 0,
    ) -> None:
        self.content = small_content() if content is None else content
        self.requests: list[Request] = []
        self._scheme = "https" if tls else "http"
        self._latency = latency
        self._faults: list[_Fault] = []
        self._arrival = threading.Condition()
        self._leaving = threading.Event()
        self._listener = _Listener(self, _ssl_context(tls))
        self.port: int = self._listener.server_address[1]
        self._rules = Rules(
            self.content,
            mode,
            auth,
            [self.address] if endpoints is None else endpoints,
            version,
            open_ping,
            ranges,
            search,
            users_status,
            list(drop_at),
        )
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.02,), name="v1 registry server", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """`127.0.0.1:PORT`, as one names this registry to a client."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.address}"

    @property
    def base(self) -> str:
        """What the calls of a session take as a registry."""
        return f"{self.url}/v1/"

    def fault(
        self,
        match: str | re.Pattern[str],
        *,
        status: int | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str | None] | Iterable[tuple[str, str | None]] = (),
        times: int | None = 1,
        after: int = 0,
        close: bool = False,
        cut_after: int | None = None,
        delay: float = 0,
    ) -> None:
        """Answer some requests differently. Of several faults for one request, the one scripted first is taken.

        Args:
            match: What `METHOD /path?query` begins with, or a pattern that is found in it.
            status: Instead of the true one, whose headers and body go with it.
            body: Instead of the true one.
            headers: Beside or instead of the others; None takes one away. Pairs may repeat a name.
            times: For how many requests; None for all.
            after: How many matching requests to spare first.
            close: End the connection without an answer; what was asked is done nevertheless.
            cut_after: End the connection after so many bytes of the body.
            delay: Seconds before the answer.
        """
        pairs = tuple(headers.items() if isinstance(headers, Mapping) else headers)
        with self._arrival:
            self._faults.append(_Fault(match, status, body, pairs, times, after, close, cut_after, delay))

    def wait_for_requests(self, count: int, timeout: float = 30) -> list[Request]:
        """Block until `count` requests came in. From a coroutine, call it in a thread.

        Raises:
            TimeoutError: They did not come within `timeout` seconds.
        """
        with self._arrival:
            if not self._arrival.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came: {self.requests}")
        return self.requests

    def stop(self) -> None:
        """End every connection and refuse new ones. May be called again."""
        if not self._leaving.is_set():
            self._leaving.set()
            self._listener.shutdown()
            self._thread.join()
            self._listener.end_connections()
            self._listener.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _answer(self, request: Request) -> Answer | None:
        """The answer after its delay, or None to end the connection instead."""
        with self._arrival:
            self.requests.append(request)
            self._arrival.notify_all()
            answer = self._rules.answer(request)
            fault = next((fault for fault in self._faults if fault.takes(str(request))), None)
        self._leaving.wait(self._latency + (fault.delay if fault else 0))
        if fault and fault.close:
            return None
        return fault.change(answer) if fault else answer


@dataclass(slots=True)
class _Fault:
    match: str | re.Pattern[str]
    status: int | None
    body: bytes | None
    headers: tuple[tuple[str, str | None], ...]
    times: int | None
    after: int
    close: bool
    cut_after: int | None
    delay: float

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

    def change(self, true: Answer) -> Answer:
        base = true if self.status is None else Answer(self.status)
        replaced = {name.lower() for name, _ in self.headers}
        kept = tuple(line for line in base.lines if line[0].lower() not in replaced)
        added = tuple((name, value) for name, value in self.headers if value is not None)
        body = base.body if self.body is None else self.body
        return Answer(base.status, body, kept + added, base.cut_after if self.cut_after is None else self.cut_after)


class _Listener(ThreadingHTTPServer):
    """Accepts connections and knows the open ones, so that they can be ended."""

    daemon_threads = True

    def __init__(self, server: V1Server, tls: ssl.SSLContext | None) -> None:
        self.v1_server = server
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._change = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Conversation)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls:  # the handshake is left to the connection's own thread
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client may leave whenever it likes
            super().handle_error(request, client_address)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._change:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._change:
            self._open.discard(request)
            self._change.notify_all()

    def end_connections(self) -> None:
        with self._change:
            for connection in self._open:
                with contextlib.suppress(OSError):  # of TLS, too, only the socket: its thread still needs the rest
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
            self._change.wait_for(lambda: not self._open)


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        first = self.rfile.peek(1)[:1]  # type: ignore[attr-defined]
        if first.isalpha():
            super().handle()
        elif first:  # a TLS handshake to a plain port: its client waits for our part of it
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def serve(self) -> None:
        request = Request(self.command, self.path, tuple(self.headers.items()), self._body())
        answer = cast(_Listener, self.server).v1_server._answer(request)
        if answer is None:
            self.close_connection = True
        else:
            self._send(answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return b"".join(chunks)

    def _send(self, answer: Answer) -> None:
        body = b"" if self.command == "HEAD" or answer.status in (204, 304) else answer.body
        length: Lines = () if answer.status in (204, 304) else (("Content-Length", str(len(answer.body))),)
        if any(name.lower() in ("content-length", "transfer-encoding") for name, _ in answer.lines):
            length = ()
        lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}", "Server: gunicorn/18.0"]
        lines += [f"{name}: {value}" for name, value in (*answer.lines, *length)]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body[: answer.cut_after])
        if answer.cut_after is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write nothing: what was asked is in `V1Server.requests`."""


def _ssl_context(tls: trustme.LeafCert | ssl.SSLContext | None) -> ssl.SSLContext | None:
    if not isinstance(tls, trustme.LeafCert):
        return tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.configure_cert(context)
    return context
