"""A token server and the entrance of a registry that wants its tokens, on real sockets.

Written from distribution's specification (docs/spec/auth: token.md, oauth.md, scope.md), on purpose without a line of
the program under test. Each connection has a thread of its own and carries one request.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import ssl
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, cast
from urllib.parse import parse_qsl, urlsplit

import trustme

Spelling: TypeAlias = Literal["token", "access_token", "both", "neither"]
Headers: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; `path` has its query."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """All lines of that name, joined by commas; empty if there is none."""
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower())

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.path).query, keep_blank_values=True)

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Headers = ()


class Server:
    """Answers each request as `answer` says, from when it is made until `stop()`, or the end of its `with`.

    Args:
        tls: A certificate to serve https with.

    Attributes:
        port: The port that it was given.
        requests: All requests, in the order of their arrival.
    """

    def __init__(self, *, tls: trustme.LeafCert | None = None) -> None:
        self.requests: list[Request] = []
        self._scheme = "https" if tls else "http"
        self._faults: list[_Fault] = []
        self._arrival = threading.Condition()
        self._leaving = threading.Event()
        self._listener = _Listener(self, tls)
        self.port: int = self._listener.server_address[1]
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, request: Request) -> Answer:
        """The answer where no fault was scripted."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.address}"

    def fault(
        self, answer: Answer | Literal["hang", "close"], match: str = "", *, times: int | None = 1, after: int = 0
    ) -> None:
        """Answer some requests otherwise. Of several faults for one request, the one scripted first is taken.

        Args:
            answer: What instead; `hang` answers nothing before the end, `close` ends the connection.
            match: A pattern that is found in `METHOD /path?query`.
            times: For how many requests; None for all.
            after: How many matching requests to spare first.
        """
        self._faults.append(_Fault(answer, re.compile(match), times, after))

    def wait_for_requests(self, count: int, timeout: float = 30) -> None:
        """Block until `count` requests came in. From a coroutine, call it in a thread."""
        with self._arrival:
            if not self._arrival.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came")

    def stop(self) -> None:
        """Refuse new connections and let go of those that hang. May be called again."""
        if not self._leaving.is_set():
            self._leaving.set()
            self._listener.shutdown()
            self._thread.join()
            self._listener.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _answer(self, request: Request) -> Answer | None:
        """The answer, or None to end the connection without one."""
        with self._arrival:
            self.requests.append(request)
            fault = next((fault for fault in self._faults if fault.takes(str(request))), None)
            answer = fault.answer if fault else self.answer(request)
            self._arrival.notify_all()
        if answer == "hang":
            self._leaving.wait()
        return answer if isinstance(answer, Answer) else None


class TokenServer(Server):
    """Gives out tokens at `/token`.

    Args:
        accounts: User names and their passwords.
        anonymous: Whether anybody gets a token; else who says nothing is refused.
        spelling: Under which keys a GET is answered.
        expires_in: Said with every token, unless None.
        issued_at: Likewise.
        rotates: Whether a refresh token is good for one use and followed by another.
        tls: A certificate to serve https with.

    Attributes:
        refresh_tokens: Those that are good, with their accounts.
        issued: The account ("" for nobody's) and the scopes of each token.
    """

    def __init__(
        self,
        accounts: Mapping[str, str] | None = None,
        *,
        anonymous: bool = False,
        spelling: Spelling = "token",
        expires_in: int | None = 300,
        issued_at: str | None = None,
        rotates: bool = False,
        tls: trustme.LeafCert | None = None,
    ) -> None:
        self.accounts = dict(accounts or {})
        self.anonymous = anonymous
        self.spelling = spelling
        self.expires_in = expires_in
        self.issued_at = issued_at
        self.rotates = rotates
        self.refresh_tokens: dict[str, str] = {}
        self.issued: dict[str, tuple[str, tuple[str, ...]]] = {}
        super().__init__(tls=tls)

    @property
    def realm(self) -> str:
        return f"{self.url}/token"

    def bearer(self, service: str = "registry.test", realm: str | None = None) -> str:
        """The challenge that leads here."""
        return f'Bearer realm="{self.realm if realm is None else realm}",service="{service}"'

    def accepts(self, authorization: str) -> bool:
        """Whether a registry should take this for what it asked for."""
        scheme, _, token = authorization.partition(" ")
        return scheme == "Bearer" and token in self.issued

    def answer(self, request: Request) -> Answer:
        if urlsplit(request.path).path != "/token":
            return Answer(404, b"404 page not found\n")
        return self._oauth(request) if request.method == "POST" else self._get(request)

    def _get(self, request: Request) -> Answer:
        account = self._account(request.header("Authorization"))
        if account is None:
            return error(401, "UNAUTHORIZED", "incorrect username or password")
        token = self._issue(account, [value for name, value in request.query if name == "scope"])
        keys = {"token": ["token"], "access_token": ["access_token"], "both": ["token", "access_token"], "neither": []}
        values: dict[str, object] = dict.fromkeys(keys[self.spelling], token)
        if account and ("offline_token", "true") in request.query:
            values["refresh_token"] = self._new_refresh_token(account)
        return self._json(values)

    def _oauth(self, request: Request) -> Answer:
        form = dict(request.form)
        if form.get("grant_type") != "refresh_token" or "client_id" not in form or "service" not in form:
            return Answer(400, b'{"error":"invalid_request","error_description":"that is no refresh"}')
        refresh_token = form.get("refresh_token", "")
        account = self.refresh_tokens.get(refresh_token)
        if account is None:
            return error(401, "UNAUTHORIZED", "the refresh token is not valid")
        if self.rotates:
            del self.refresh_tokens[refresh_token]
            refresh_token = self._new_refresh_token(account)
        token = self._issue(account, form.get("scope", "").split())
        return self._json({"access_token": token, "refresh_token": refresh_token})

    def _account(self, authorization: str) -> str | None:
        """The account that `authorization` proves, "" for nobody's, None if it is refused."""
        if not authorization:
            return "" if self.anonymous else None
        user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return user if user in self.accounts and self.accounts[user] == password else None

    def _issue(self, account: str, scopes: Sequence[str]) -> str:
        token = f"canary-token-{len(self.issued) + 1}"
        self.issued[token] = (account, tuple(scopes))
        return token

    def _new_refresh_token(self, account: str) -> str:
        token = f"canary-refresh-{len(self.issued)}-{len(self.refresh_tokens) + 1}"
        self.refresh_tokens[token] = account
        return token

    def _json(self, values: dict[str, object]) -> Answer:
        if self.expires_in is not None:
            values["expires_in"] = self.expires_in
        if self.issued_at is not None:
            values["issued_at"] = self.issued_at
        return Answer(200, json.dumps(values).encode(), [("Content-Type", "application/json")])


class Entrance(Server):
    """The `/v2/` of a registry, and anything below it.

    Args:
        challenges: The `WWW-Authenticate` lines of a request that is not let in.
        accepts: Who is let in, by the value of `Authorization`; everybody if not given.
        versions: The `Docker-Distribution-Api-Version` lines.
        tls: A certificate to serve https with.
    """

    def __init__(
        self,
        challenges: Sequence[str] = (),
        accepts: Callable[[str], bool] = lambda authorization: True,
        *,
        versions: Sequence[str] = ("registry/2.0",),
        tls: trustme.LeafCert | None = None,
    ) -> None:
        self.challenges = challenges
        self.accepts = accepts
        self.versions = versions
        super().__init__(tls=tls)

    def answer(self, request: Request) -> Answer:
        lines = [("Docker-Distribution-Api-Version", version) for version in self.versions]
        if self.accepts(request.header("Authorization")):
            return Answer(200, b"{}", lines)
        refusal = error(401, "UNAUTHORIZED", "authentication required")
        return Answer(401, refusal.body, [*lines, *(("WWW-Authenticate", line) for line in self.challenges)])


def error(status: int, code: str, message: str) -> Answer:
    body = {"errors": [{"code": code, "message": message, "detail": None}]}
    return Answer(status, json.dumps(body).encode(), [("Content-Type", "application/json")])


@dataclass(slots=True)
class _Fault:
    answer: Answer | Literal["hang", "close"]
    match: re.Pattern[str]
    times: int | None
    after: int

    def takes(self, request: str) -> bool:
        """Whether this fault is for `request`; counts it."""
        if not self.match.search(request) or self.times == 0:
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, server: Server, tls: trustme.LeafCert | None) -> None:
        self.test_server = server
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if tls and self._context:
            tls.configure_cert(self._context)
        super().__init__(("127.0.0.1", 0), _Conversation)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self._context:  # the handshake is left to the connection's own thread
            connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client may leave whenever it likes
            super().handle_error(request, client_address)


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def handle(self) -> None:
        if self.rfile.peek(1)[:1].isalpha():  # type: ignore[attr-defined]
            self.handle_one_request()
        else:  # a TLS handshake to a plain port: its client waits for our part of it
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        request = Request(self.command, self.path, tuple(self.headers.items()), body)
        answer = cast(_Listener, self.server).test_server._answer(request)
        if answer is not None:
            own = () if any(name.lower() == "content-length" for name, _ in answer.headers) else (len(answer.body),)
            lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in answer.headers]
            lines += [f"Content-Length: {length}" for length in own]
            with contextlib.suppress(OSError):
                self.wfile.write(
                    "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if self.command == "HEAD" else answer.body)
                )

    do_GET = do_HEAD = do_POST = serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write nothing: what was asked is in `Server.requests`."""
