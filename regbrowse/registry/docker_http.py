"""The HTTP client of the v1 protocol: Docker's headers, time-outs, and redirects that carry no login astray.

`seed-registry-package.md` §7 and §9, with the deviations of §17: explicit time-outs, connections that are used again,
ten redirects at most, and no login to where it does not belong.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

from regbrowse.registry.constants import USER_AGENT
from regbrowse.registry.dialing import DialGuard, Homes
from regbrowse.registry.errors import ConfigError, RedirectRefusedError
from regbrowse.registry.proxies import Proxies
from regbrowse.registry.redirects import (
    KEEPS_LOGIN,
    LED_BY,
    REDIRECT_STATUSES,
    host_of,
    is_same_host,
    is_trusted_location,
    leaves_tls,
    may_carry_login,
    origin_of,
    redirect_target,
)
from regbrowse.registry.resolving import Resolver, system_resolver
from regbrowse.registry.text import safe_text
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.wire import httpx
from regbrowse.registry.wiring import Wire

RequestModifier = Callable[[httpx.Request], None]
"""Changes a request just before it is sent. It is given a copy of its own."""

MakeTransport = Callable[[TLSConfig, Sequence[RequestModifier]], httpx.AsyncBaseTransport]
"""Makes what carries requests, as `new_transport` does; another one observes, or answers itself."""

REDIRECTS: Final = 10

REPEATS_METHOD: Final = "regbrowse.repeats_method"
"""The extension of a request that is to keep its method and body over a 301, 302 or 303 as over a 307."""

TIMEOUTS: Final = httpx.Timeout(connect=30.0, read=60.0, write=60.0, pool=30.0)
"""Seconds for one step each. `connect` is the name, the dialling and, again, the TLS handshake."""

_LOGIN_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie"})
_MESSAGE_HEADERS: Final = frozenset({"host", "user-agent", "content-length", "transfer-encoding", "trailer"})
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_NOT_IN_A_VALUE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")

logging.getLogger("httpx").setLevel(logging.WARNING)
"""Below that its client writes whole addresses to the log, and so the secrets of signed ones."""


def docker_headers(user_agent: str, meta_headers: Mapping[str, Sequence[str]] | None) -> list[RequestModifier]:
    """The modifiers, none to two, that add what Docker sends with each request (seed-registry-package.md §7).

    Args:
        user_agent: Takes the place of any `User-Agent`. If it is empty, so does the first one in `meta_headers`.
        meta_headers: Each value goes as a header line of its own, after those that are there. What belongs to the
            message itself, such as `Host`, is left out as in Go. A login does not go where logins may not.

    Raises:
        ConfigError: No header may have such a name or value.
    """
    modifiers: list[RequestModifier] = []
    said = (value for name, values in (meta_headers or {}).items() if name.lower() == "user-agent" for value in values)
    if user_agent := user_agent or next(said, ""):
        agent = _header("User-Agent", user_agent)
        modifiers.append(lambda request: _replace(request, agent))
    if meta_headers is not None:
        lines = [_header(name, value) for name, values in meta_headers.items() for value in values]
        modifiers.append(lambda request: _append(request, lines))
    return modifiers


def _header(name: str, value: str) -> tuple[bytes, bytes]:
    if not _NAME.fullmatch(name) or _NOT_IN_A_VALUE.search(value) or value != value.strip():
        raise ConfigError(f"The header {safe_text(name, limit=60)} cannot be sent: no header is written so.")
    return name.encode(), value.encode()


def _replace(request: httpx.Request, line: tuple[bytes, bytes]) -> None:
    others = [other for other in request.headers.raw if other[0].lower() != line[0].lower()]
    request.headers = httpx.Headers([*others, line])


def _append(request: httpx.Request, lines: Sequence[tuple[bytes, bytes]]) -> None:
    withheld = _MESSAGE_HEADERS if request.extensions.get(KEEPS_LOGIN, True) else _MESSAGE_HEADERS | _LOGIN_HEADERS
    added = [line for line in lines if line[0].decode().lower() not in withheld]
    request.headers = httpx.Headers([*request.headers.raw, *added])


def copy_of(request: httpx.Request) -> httpx.Request:
    """A request that may be changed without changing `request`. They share the body."""
    return httpx.Request(
        request.method, request.url, headers=request.headers, stream=request.stream, extensions=request.extensions
    )


def new_transport(
    tls_config: TLSConfig | None = None,
    modifiers: Sequence[RequestModifier] = (),
    *,
    resolver: Resolver = system_resolver,
    proxies: Proxies | None = None,
) -> httpx.AsyncBaseTransport:
    """What carries requests to a registry and wherever its answers lead (seed-registry-package.md §7).

    Connections are kept for a while; a request without time-outs gets `TIMEOUTS`. No file is read
    before the first request, which then may raise `ConfigError`.

    Args:
        tls_config: For every host, those that redirects lead to included, as in Go; the system's CAs alone if None.
        modifiers: Applied in this order to a copy of each request.
        resolver: Finds the addresses of hosts that a redirect leads to, which may not be this machine's own
            (registry-client.md §5.4).
        proxies: Through which requests go, by the URL of each; the environment's, as they are now, if not given.

    Raises:
        ConfigError: A proxy of the environment cannot be used.
    """
    return _NewTransport(tls_config or TLSConfig(), tuple(modifiers), resolver, proxies or Proxies.of(os.environ))


class _NewTransport(httpx.AsyncBaseTransport):
    def __init__(
        self, tls_config: TLSConfig, modifiers: tuple[RequestModifier, ...], resolver: Resolver, proxies: Proxies
    ) -> None:
        self._tls_config = tls_config
        self._modifiers = modifiers
        self._resolver = resolver
        self._homes = Homes(resolver)
        self._proxies = proxies
        self._wires: dict[str, Wire] = {}
        self._wiring = asyncio.Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request = copy_of(request)
        request.extensions.setdefault("timeout", TIMEOUTS.as_dict())
        for modify in self._modifiers:
            modify(request)
        wire: httpx.AsyncBaseTransport = await self._wire(request.url.scheme)
        if led_by := request.extensions.get(LED_BY):
            wire = DialGuard(wire, led_by, self._resolver, self._homes, self._proxies)
        with _one_kind_of_error(request):
            response = await wire.handle_async_request(request)
        if not led_by and not self._proxies.for_url(request.url).proxy:
            self._homes.answered(host_of(request.url), response)
        response.stream = _Body(response, request)
        return response

    async def _wire(self, scheme: str) -> Wire:
        """The connections by a scheme: plain HTTP needs none of the system's CAs, which take a while to read."""
        async with self._wiring:
            if scheme not in self._wires:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                if scheme == "https":
                    context = await asyncio.to_thread(self._tls_config.ssl_context)
                self._wires[scheme] = Wire(context, self._proxies, socket_options=_KEEP_ALIVE)
            return self._wires[scheme]

    async def aclose(self) -> None:
        wires, self._wires = self._wires, {}
        for wire in wires.values():
            await wire.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpx.Response, request: httpx.Request) -> None:
        self._stream = cast("httpx.AsyncByteStream", response.stream)
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _one_kind_of_error(self._request):
            async for chunk in self._stream:
                yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


@contextmanager
def _one_kind_of_error(request: httpx.Request) -> Iterator[None]:
    """A refusal in the middle of TLS 1.3, as of a client certificate, comes through httpx as it is."""
    try:
        yield
    except OSError as error:
        raise httpx.ReadError(str(error), request=request) from error


def _keep_alive(seconds: int) -> list[tuple[int, int, int]]:
    """Socket options: ask a silent peer whether it is still there."""
    names = ("TCP_KEEPIDLE", "TCP_KEEPALIVE", "TCP_KEEPINTVL")  # the middle one is macOS's name of the first
    intervals = [(socket.IPPROTO_TCP, getattr(socket, name), seconds) for name in names if hasattr(socket, name)]
    return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *intervals]


_KEEP_ALIVE: Final = _keep_alive(30)


def http_client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    """A client over `transport` that follows redirects by our rule (seed-registry-package.md §9 and §17).

    - At most `REDIRECTS`, no circles, only to addresses of the web. `follow_redirects=False` follows none.
    - 301, 302 and 303 make a GET of everything but HEAD; 307 and 308 repeat method and body, as `REPEATS_METHOD` does.
    - Headers are kept, but `Authorization` only as long as every hop is within the first request's origin or between
      trusted locations. From there on it does not come back, and `KEEPS_LOGIN` tells the transport so.
    - Cookies are the jar's: a `Cookie` header that somebody wrote stays behind.
    - `Referer` names where the redirect came from, unless that was https and this is not.

    `response.history` has the redirects, closed and unread; `response.url` is where the answer came from. As in httpx,
    a body is read without a bound unless the request is sent with `stream=True`; see `read_bounded`.

    Raises (its `send`, and all that is made of it):
        RedirectRefusedError: A redirect that may not be followed, or a body that cannot be sent again.
        httpx.TransportError: No answer came.
    """
    return _Client(
        transport=transport,
        trust_env=False,
        timeout=TIMEOUTS,
        follow_redirects=True,
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
    )


class _Client(httpx.AsyncClient):
    async def send(
        self,
        request: httpx.Request,
        *,
        stream: bool = False,
        auth: Any = httpx.USE_CLIENT_DEFAULT,
        follow_redirects: Any = httpx.USE_CLIENT_DEFAULT,
    ) -> httpx.Response:
        follows = self.follow_redirects if follow_redirects is httpx.USE_CLIENT_DEFAULT else follow_redirects
        first = request.url
        keeps_login = request.extensions.get(KEEPS_LOGIN, True)
        seen = {(request.method, str(request.url))}
        history: list[httpx.Response] = []
        while True:
            response = await super().send(request, stream=True, auth=auth, follow_redirects=False)
            response.history = list(history)
            response.next_request = None
            if not follows or not _is_redirect(response):
                break
            await response.aclose()
            if len(history) == REDIRECTS:
                raise RedirectRefusedError(f"{host_of(first)} redirects more than {REDIRECTS} times.")
            target = redirect_target(response.url, response.headers["location"], may_leave_tls=True)
            keeps_login = keeps_login and may_carry_login(first, target)
            request = _redirected(response, target, self.cookies, keeps_login=keeps_login)
            request.extensions[LED_BY] = "" if is_same_host(first, target) else host_of(first)
            if (request.method, str(target)) in seen:
                raise RedirectRefusedError(f"{host_of(response.url)} redirects in a circle.")
            seen.add((request.method, str(target)))
            history.append(response)
            auth = None  # it is in the first request's headers now, for as long as it may be
        if not stream:
            try:
                await response.aread()
            except BaseException:
                await response.aclose()
                raise
        return response

    def _build_redirect_request(self, request: httpx.Request, response: httpx.Response) -> httpx.Request:
        """Not httpx's: it would be made even where nothing is followed, and fail over a bad `Location`."""
        return request


def _is_redirect(response: httpx.Response) -> bool:
    return response.status_code in REDIRECT_STATUSES and "location" in response.headers


def _redirected(
    response: httpx.Response, target: httpx.URL, cookies: httpx.Cookies, *, keeps_login: bool
) -> httpx.Request:
    """The request that follows the redirect of `response` to `target`.

    Raises:
        RedirectRefusedError: It needs a body that is gone.
    """
    request = response.request
    repeats = response.status_code in (307, 308) or request.extensions.get(REPEATS_METHOD, False)
    method = request.method if repeats or request.method == "HEAD" else "GET"
    headers = _redirected_headers(request, target, keeps_login=keeps_login)
    stream: httpx.AsyncByteStream = httpx.ByteStream(b"")
    if method == request.method:
        if not isinstance(request.stream, httpx.ByteStream):
            raise RedirectRefusedError(
                f"{host_of(request.url)} redirects an upload to {host_of(target)}, and it cannot be begun anew.",
                "Use the registry under the address that it redirects to.",
            )
        stream = request.stream
    else:
        for name in [name for name in headers if name.startswith("content-") or name == "transfer-encoding"]:
            del headers[name]
    extensions = {**request.extensions, KEEPS_LOGIN: keeps_login}
    jar = cookies if keeps_login else None  # which knows hosts and not ports, so another server may share its cookies
    return httpx.Request(method, target, headers=headers, cookies=jar, stream=stream, extensions=extensions)


def _redirected_headers(request: httpx.Request, target: httpx.URL, *, keeps_login: bool) -> httpx.Headers:
    headers = httpx.Headers(request.headers)
    headers["Host"] = host_of(target)
    headers.pop("Cookie", None)
    if not keeps_login:
        for name in _LOGIN_HEADERS:
            headers.pop(name, None)
    if is_trusted_location(request.url) and is_trusted_location(target):
        return headers
    headers.pop("Referer", None)
    if not leaves_tls(request.url, target):
        headers["Referer"] = _referer(request.url, target)
    return headers


def _referer(url: httpx.URL, target: httpx.URL) -> str:
    """`url` for the host it leads to; to a stranger its origin is enough, for a query may be secret."""
    if origin_of(url) != origin_of(target):
        return f"{origin_of(url)}/"
    return str(url.copy_with(userinfo=b"", fragment=None))
