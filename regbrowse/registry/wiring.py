"""What carries the bytes of a request: a connection to its host, or one through the proxy that was chosen for it.

The one place that makes real connections, and so the one that tells a proxy its login.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from regbrowse.registry.proxies import Proxies, Proxy, ProxyChoice
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.wire import httpx

MOST_AT_ONCE: Final = 8
"""Connections of one wire, by each proxy and directly."""

CHOICE: Final = "regbrowse.proxy_choice"
"""The extension of a request whose `ProxyChoice` was made before its host was replaced by an address."""

_LIMITS: Final = httpx.Limits(max_connections=MOST_AT_ONCE, max_keepalive_connections=MOST_AT_ONCE, keepalive_expiry=30)
_SOCKS_LIMITS: Final = httpx.Limits(max_keepalive_connections=MOST_AT_ONCE, keepalive_expiry=30)
"""Not of all connections: httpcore counts one for ever that was cancelled while it was being made through SOCKS."""

_PROXY_AUTHENTICATION_REQUIRED: Final = 407

SocketOptions = Sequence[tuple[int, int, int]]


class ProxyFault(httpx.ConnectError):
    """The proxy is why no connection was made; nothing was said to the host that the request is for.

    Args:
        proxy: Which one.
        answer: In its own words, what it answered to being asked for a connection; empty if it did not answer.
        wants_login: It refuses without a login, or with this one.
    """

    def __init__(
        self, proxy: Proxy, answer: str = "", *, wants_login: bool = False, request: httpx.Request | None = None
    ) -> None:
        super().__init__(f"the proxy {proxy}: {answer or 'no connection'}", request=request)
        self.proxy = proxy
        self.answer = answer
        self.wants_login = wants_login


class Wire(httpx.AsyncBaseTransport):
    """Carries each request as `proxies` say for its URL.

    Args:
        context: The TLS settings for the hosts that requests are for. A proxy never has their exceptions, nor is it
            shown their client certificate: the system's store vouches for an `https` proxy (registry-client.md §5.3).
        proxies: Chosen from by the URL, unless the request has its `CHOICE` with it.
        socket_options: For direct connections.
    """

    def __init__(self, context: ssl.SSLContext, proxies: Proxies, *, socket_options: SocketOptions = ()) -> None:
        self._context = context
        self._proxies = proxies
        self._socket_options = socket_options
        self._transports: dict[Proxy | None, httpx.AsyncHTTPTransport] = {}
        self._making = asyncio.Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`.

        Raises:
            ProxyFault: Its proxy is why there is no connection.
            httpx.TransportError: No answer came for another reason.
        """
        choice: ProxyChoice = request.extensions.get(CHOICE) or self._proxies.for_url(request.url)
        transport = await self._transport(choice.proxy)
        if choice.proxy is None:
            return await transport.handle_async_request(request)
        return await _through(choice.proxy, transport, request)

    async def aclose(self) -> None:
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            await transport.aclose()

    async def _transport(self, proxy: Proxy | None) -> httpx.AsyncHTTPTransport:
        async with self._making:
            if proxy not in self._transports:
                self._transports[proxy] = httpx.AsyncHTTPTransport(
                    verify=self._context,
                    trust_env=False,
                    limits=_SOCKS_LIMITS if proxy and proxy.is_socks else _LIMITS,
                    proxy=await _for_httpx(proxy) if proxy else None,
                    socket_options=self._socket_options,
                )
            return self._transports[proxy]


async def _for_httpx(proxy: Proxy) -> httpx.Proxy:
    context = await asyncio.to_thread(TLSConfig().ssl_context) if proxy.scheme == "https" else None
    login = (proxy.username, proxy.password) if proxy.has_login else None
    return httpx.Proxy(proxy.url, ssl_context=context, auth=login)


async def _through(proxy: Proxy, transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
    steps = _Steps(request)
    try:
        async with steps.limit:
            response = await transport.handle_async_request(steps.request)
    except httpx.ProxyError as error:  # it answered, and not with a connection
        raise ProxyFault(proxy, str(error), wants_login=_wants_login(str(error)), request=request) from error
    except Exception as error:  # of broken SOCKS answers httpcore fails in many ways, by assertions too
        if not steps.is_at_proxy:
            raise
        raise ProxyFault(proxy, request=request) from error
    finally:
        await steps.aclose()
    is_forwarded = request.url.scheme == "http" and not proxy.is_socks
    if is_forwarded and response.status_code == _PROXY_AUTHENTICATION_REQUIRED:
        with suppress(httpx.TransportError):
            await response.aclose()
        raise ProxyFault(proxy, f"{response.status_code} {response.reason_phrase}", wants_login=True, request=request)
    return response


def _wants_login(answer: str) -> bool:
    """In the words of httpcore: a status of HTTP (401 is tinyproxy's), or what became of the methods of SOCKS."""
    return answer.startswith(("401 ", "407 ", "Requested", "Invalid username"))


class _Steps:
    """Follows how far a request through a proxy has come, by what httpcore tells of it.

    Attributes:
        request: The same, which tells.
        limit: Ends the silence of a SOCKS proxy after the time for a connection, for which httpcore has no limit.
        is_at_proxy: What fails now fails at the proxy: connecting to it, or asking it for a connection.
    """

    def __init__(self, request: httpx.Request) -> None:
        extensions = {**request.extensions, "trace": self._told}
        self.request = httpx.Request(
            request.method, request.url, headers=request.headers, stream=request.stream, extensions=extensions
        )
        self.limit = asyncio.timeout(None)
        self.is_at_proxy = False
        self._arrivals = {"proxy.start_tls.started", "socks.setup_socks5_connection.complete"}
        if request.url.scheme == "http":  # which needs no connection beyond the proxy
            self._arrivals.add("http11.send_request_headers.started")
        self._within: float | None = request.extensions.get("timeout", {}).get("connect")
        self._greeted: Any = None

    async def aclose(self) -> None:
        """Close the connection to a SOCKS proxy that led no further, as httpcore does not."""
        greeted, self._greeted = self._greeted, None
        if greeted is not None:
            await greeted.aclose()

    async def _told(self, event: str, details: dict[str, Any]) -> None:
        if event.endswith(".connect_tcp.started"):
            self.is_at_proxy = True
        elif event == "socks.setup_socks5_connection.started":
            self._greeted = details["stream"]
            if self._within is not None:
                self.limit.reschedule(asyncio.get_running_loop().time() + self._within)
        elif event in self._arrivals:
            self.is_at_proxy = False
            self._greeted = None
            self.limit.reschedule(None)
