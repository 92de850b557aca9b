"""A proxy on real sockets, by HTTP or by SOCKS 5, at which every name leads to this machine.

Written from RFC 9110 §9.3.6, RFC 9112 §3.2.2, RFC 1928 and RFC 1929, on purpose without a line of the program under
test. So a name that is nowhere is reached if, and only if, the proxy was asked to find it.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass
from socketserver import BaseRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import trustme


@dataclass(frozen=True, slots=True)
class Asked:
    """What a proxy was asked.

    Attributes:
        line: `CONNECT host:port`, `GET http://host:port/path`, or `SOCKS host:port`.
        head: All that it was told: a request's headers, or a login.
    """

    line: str
    head: str


class ProxyServer:
    """A proxy, from when it is made until `stop()`, or the end of its `with`.

    Args:
        kind: How it is spoken to; `silent` never answers, `broken` answers nonsense.
        login: `user:password` that it wants.
        refusal: What it answers instead of connecting: a status with its reason, or the number of a SOCKS reply.
        tls: A certificate to be spoken to over TLS.

    Attributes:
        asked: All that it was asked, in order.
    """

    def __init__(
        self,
        kind: Literal["http", "socks5", "silent", "broken"] = "http",
        *,
        login: str = "",
        refusal: str | int = "",
        tls: trustme.LeafCert | None = None,
    ) -> None:
        self.kind = kind
        self.login = login
        self.refusal = refusal
        self.asked: list[Asked] = []
        self.leaving = threading.Event()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if tls and self.context:
            tls.configure_cert(self.context)
        self._listener = _Listener(self)
        self.address = f"127.0.0.1:{self._listener.server_address[1]}"
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def lines(self) -> list[str]:
        return [asked.line for asked in self.asked]

    def stop(self) -> None:
        """Refuse new connections. May be called again."""
        if not self.leaving.is_set():
            self.leaving.set()
            self._listener.shutdown()
            self._thread.join()
            self._listener.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


class _Listener(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, proxy: ProxyServer) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Conversation)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may leave whenever it likes, and speak what this proxy does not."""


class _Conversation(BaseRequestHandler):
    server: _Listener
    request: socket.socket

    def handle(self) -> None:
        proxy = self.server.proxy
        self.request.settimeout(30)
        client = self.request
        if proxy.context:
            client = proxy.context.wrap_socket(client, server_side=True)
        with contextlib.closing(client):
            if proxy.kind == "silent":
                proxy.leaving.wait(30)
            elif proxy.kind == "broken":
                client.recv(4096)
                client.sendall(b"what?\r\n")
            elif proxy.kind == "socks5":
                self._socks(proxy, client)
            else:
                self._http(proxy, client)

    def _http(self, proxy: ProxyServer, client: socket.socket) -> None:
        first, _, rest = _head(client).decode("latin-1").partition("\r\n")
        method, target, _ = first.split(" ")
        proxy.asked.append(Asked(f"{method} {target}", rest))
        wanted = f"Proxy-Authorization: Basic {base64.b64encode(proxy.login.encode()).decode()}"
        if proxy.login and wanted not in rest.split("\r\n"):
            _say(client, "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=proxy")
        elif proxy.refusal:
            _say(client, str(proxy.refusal))
        elif method == "CONNECT":
            with _here(int(target.rpartition(":")[2])) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _relay(client, server)
        else:
            url = urlsplit(target)
            kept = [line for line in rest.split("\r\n") if line and not line.lower().startswith(("proxy-", "conn"))]
            path = f"{url.path}?{url.query}" if url.query else url.path
            lines = [f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]
            with _here(url.port or 80) as server:
                server.sendall("\r\n".join(lines).encode("latin-1"))
                answer = _head(server)
                client.sendall(answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                _pump(server, client)

    def _socks(self, proxy: ProxyServer, client: socket.socket) -> None:
        count = _exactly(client, 2)[1]
        methods = _exactly(client, count)
        wanted = 2 if proxy.login else 0
        if wanted not in methods:
            client.sendall(b"\x05\xff")
            return
        client.sendall(bytes([5, wanted]))
        login = ""
        if proxy.login:
            user = _exactly(client, _exactly(client, 2)[1])
            login = f"{user.decode()}:{_exactly(client, _exactly(client, 1)[0]).decode()}"
            client.sendall(bytes([1, login != proxy.login]))
            if login != proxy.login:
                proxy.asked.append(Asked("SOCKS", login))
                return
        kind = _exactly(client, 4)[3]
        host = _exactly(client, _exactly(client, 1)[0]).decode() if kind == 3 else socket.inet_ntoa(_exactly(client, 4))
        port = int.from_bytes(_exactly(client, 2), "big")
        proxy.asked.append(Asked(f"SOCKS {host}:{port}", login))
        reply = proxy.refusal if isinstance(proxy.refusal, int) else 0
        answer = bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0])
        if reply:
            client.sendall(answer)
            return
        with _here(port) as server:
            client.sendall(answer)
            _relay(client, server)


def _here(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def _say(client: socket.socket, status: str) -> None:
    client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


def _head(source: socket.socket) -> bytes:
    """The head of a message, and nothing of what follows it."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += _exactly(source, 1)
    return head


def _exactly(client: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        part = client.recv(count - len(received))
        if not part:
            raise ConnectionError
        received += part
    return received


def _relay(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_pump, args=(other, one), daemon=True)
    back.start()
    _pump(one, other)
    back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while received := source.recv(65_536):
            target.sendall(received)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
