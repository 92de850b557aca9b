"""One registry's requests: the only place that adds `Authorization`, follows a redirect, or bounds a body.

The rules are those of `registry-client.md` §4.2 and §5: own redirect loop, no password to another origin, every body
read raw and cut at its limit, retries only of what is safe to repeat, explicit time-outs, a pause when asked for one.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from regbrowse.registry.auth import Authorizer, Scope
from regbrowse.registry.bodies import read_bounded
from regbrowse.registry.challenges import Challenge, parse_challenges
from regbrowse.registry.constants import CERTS_DIR, USER_AGENT
from regbrowse.registry.dialing import DialGuard, Homes
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import (
    ConnectionFailedError,
    RedirectRefusedError,
    RegistryError,
    UnauthorizedError,
)
from regbrowse.registry.exchange import Exchange, Observer, Pause, redacted
from regbrowse.registry.failures import closed_failure, connection_failure, was_reached
from regbrowse.registry.proxies import Proxies
from regbrowse.registry.redirects import REDIRECT_STATUSES, host_of, origin_of, redirect_target
from regbrowse.registry.resolving import Resolver, system_resolver
from regbrowse.registry.scopes import wants_more
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.throttle import HostLimiter, Priority
from regbrowse.registry.tls import TLSConfig, read_certs_directory
from regbrowse.registry.vendor_hints import says_expired
from regbrowse.registry.wire import httpx
from regbrowse.registry.wiring import Wire

TRIES: Final = 3
"""Sends of one request, if none gives an answer worth having; each answered challenge is one more."""
ANSWERS: Final = 2
"""Challenges that are answered for one request: a store may have a newer password than the one remembered."""
REDIRECTS: Final = 5
LONGEST_PAUSE: Final = 60.0
"""Seconds of `Retry-After` that are waited for; a longer wish is told to the user instead."""

_RETRIED_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_TIMEOUTS: Final = {"connect": 5.0, "read": 15.0, "write": 15.0, "pool": 30.0}
_WHOLE_REQUEST: Final = 60.0
_ERROR_LIMIT: Final = 65_536
_NOTHING: Final = SafeText("")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a registry.

    Attributes:
        path: With its query, beginning at `/v2/`; the endpoint's prefix is put before it.
        limit: Bytes of the body that are accepted.
    """

    path: str
    scope: Scope
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    limit: int = 4 * 1024 * 1024
    priority: Priority = Priority.INTERACTIVE


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer. Header names are in lower case; the values are as they came.

    Attributes:
        stranger: The host that a redirect led to, once it left the registry; empty if it never did.
    """

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    stranger: str = ""

    def header(self, name: str) -> str:
        return str(self.headers.get(name, ""))

    @property
    def retry_after(self) -> float | None:
        """Seconds that the registry asked to wait, of either form of the header; None if it makes no sense."""
        value = self.header("retry-after").strip()
        if value.isdecimal() and len(value) < 10:
            return float(value)
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            return None


MakeWire = Callable[[ssl.SSLContext], "httpx.AsyncBaseTransport"]


def _nothing(_: Exchange | Pause) -> None:
    """Observe nothing."""


class Transport:
    """Sends the requests of one registry.

    Args:
        endpoints: The ways to reach it, in order. The first that answers at all is kept.
        authorizer: Decides what a request carries.
        certs_dir: Docker's directory of certificates, for hosts that a redirect leads to; None reads none.
        make_wire: Makes what carries the bytes in place of a `Wire`, as for the demo.
        observe: Told of every exchange and every pause.
        sleep: Waits between tries.
        resolver: Finds the addresses of hosts that a redirect leads to.
        proxies: Through which requests go; the environment's, as they are now, if not given.

    Raises:
        ConfigError: A proxy of the environment cannot be used.
    """

    def __init__(
        self,
        endpoints: Sequence[APIEndpoint],
        authorizer: Authorizer,
        *,
        certs_dir: Path | None = CERTS_DIR,
        make_wire: MakeWire | None = None,
        observe: Observer = _nothing,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        resolver: Resolver = system_resolver,
        proxies: Proxies | None = None,
    ) -> None:
        self.endpoints = tuple(endpoints)
        self.authorizer = authorizer
        self.endpoint: APIEndpoint | None = None
        """The one that answered."""
        self.proxies = proxies or Proxies.of(os.environ)
        self._certs_dir = certs_dir
        self._make_wire = make_wire or (lambda context: Wire(context, self.proxies))
        self._observe = observe
        self._sleep = sleep
        self._resolver = resolver
        self._homes = Homes(resolver)
        authorizer.use_homes(self._homes)
        self._limiter = HostLimiter(sleep)
        self._reaching = asyncio.Lock()
        self._wires: dict[tuple[str, TLSConfig | None, str], httpx.AsyncBaseTransport] = {}
        self._wiring = asyncio.Lock()
        self._is_closed = False
        self._under_way: set[asyncio.Timeout] = set()

    async def request(self, request: Request) -> Response:
        """Send `request`, answer its challenge, follow where it leads, and read the answer.

        Any status comes back as a response; what it means is the caller's to say.

        Raises:
            ConnectionFailedError: No whole answer came, after the tries that are safe; or this is closed.
            UnauthorizedError, DeniedError: The registry asks for what is not known or does not take it.
            RedirectRefusedError, LimitExceededError, ConfigError, CredentialError: As they say.
        """
        if self._is_closed:
            raise closed_failure(self.endpoints[0].host)
        until_closed = asyncio.timeout(None)
        try:
            async with until_closed:
                self._under_way.add(until_closed)
                return await self._ask(request)
        except TimeoutError:
            if until_closed.expired():
                raise closed_failure(self.endpoints[0].host) from None
            raise
        finally:
            self._under_way.discard(until_closed)

    async def _ask(self, request: Request) -> Response:
        repeats = _Repeats()
        async with self._limiter.place(request.priority, request.path):
            authorization = await self.authorizer.authorization(request.scope)
            response = await self._persist(request, authorization, repeats)
            for _ in range(ANSWERS):
                challenges = parse_challenges(response.headers.get_list("www-authenticate"))
                if _is_challenged(response, challenges, authorization):
                    authorization = await self.authorizer.answer(
                        challenges, request.scope, authorization, self.endpoint
                    )
                elif authorization is not None and self._is_over(response):
                    authorization = await self.authorizer.renewed(request.scope, authorization)
                else:
                    break
                response = await self._persist(request, authorization, repeats)
            else:
                if response.status == 401 and authorization is not None:
                    refusal = await self.authorizer.refusal(request.scope, authorization)
                    if refusal:
                        raise refusal
            is_taken = response.status < 500 and response.status not in (401, 429) and not self._is_over(response)
            if authorization is not None and is_taken:
                self.authorizer.accepted(request.scope, authorization)
            return response

    def _is_over(self, response: Response) -> bool:
        """Whether the registry says without a challenge that the time of what was sent is over."""
        host = self.endpoint.host if self.endpoint and not response.stranger else ""
        return says_expired(host, response.status, response.body)

    def hurry(self, path: str) -> None:
        """Let a request for `path` that waits for its turn go before the rows."""
        self._limiter.hurry(path)

    async def aclose(self) -> None:
        """Close every connection, and end what is under way with a `ConnectionFailedError`."""
        self._is_closed = True
        under_way, self._under_way = self._under_way, set()
        for until_closed in under_way:
            until_closed.reschedule(asyncio.get_running_loop().time())
        wires, self._wires = self._wires, {}
        for wire in wires.values():
            await wire.aclose()
        await self.authorizer.aclose()

    async def _persist(self, request: Request, authorization: str | None, repeats: _Repeats) -> Response:
        """Send until an answer comes that is worth having, or `repeats` are used up."""
        while repeats.are_left:
            try:
                response = await self._reach(request, authorization)
            except ConnectionFailedError as error:
                if not error.is_passing:
                    raise
                await self._sleep(_back_off(repeats.use()))
                continue
            wish = response.retry_after
            if response.status not in _RETRIED_STATUSES or (wish is not None and wish > LONGEST_PAUSE):
                return response
            await self._wait(response.status, wish, repeats.use())
        return await self._reach(request, authorization)

    async def _wait(self, status: int, wish: float | None, attempt: int) -> None:
        seconds = _back_off(attempt) if wish is None else wish
        if status == 429 or wish:
            self._limiter.pause(seconds)
        if seconds >= 1:
            self._observe(Pause(seconds))
        await self._sleep(seconds)

    async def _reach(self, request: Request, authorization: str | None) -> Response:
        """Send over the endpoint that is known to answer, or find it."""
        if self.endpoint is None and len(self.endpoints) > 1:
            async with self._reaching:
                if self.endpoint is None:  # else it was found while this one waited
                    return await self._find(request, authorization)
        endpoint = self.endpoint or self.endpoints[0]
        response = await self._follow(endpoint, request, authorization)
        self.endpoint = endpoint
        return response

    async def _find(self, request: Request, authorization: str | None) -> Response:
        """Send over the first endpoint that answers."""
        for endpoint, following in pairwise(self.endpoints):
            try:
                response = await self._follow(endpoint, request, authorization)
            except ConnectionFailedError as error:
                if following.host == endpoint.host and was_reached(error):
                    raise  # it speaks this scheme; the other one would only fail in a more puzzling way
                continue
            self.endpoint = endpoint
            return response
        response = await self._follow(self.endpoints[-1], request, authorization)
        self.endpoint = self.endpoints[-1]
        return response

    async def _follow(self, endpoint: APIEndpoint, request: Request, authorization: str | None) -> Response:
        """Send, and follow redirects. Once a chain has left the registry's origin it never regains the password."""
        url = httpx.URL(endpoint.base + request.path)
        home = origin_of(url)
        stranger = ""
        seen = {str(url)}
        for _ in range(REDIRECTS + 1):
            wire = await self._wire(url, endpoint, is_home=origin_of(url) == home)
            response = await self._send(wire, url, request, None if stranger else authorization)
            if response.status == 401 and stranger:
                raise UnauthorizedError(
                    f"{endpoint.host} leads to {stranger}, where a login is asked for. None was sent there.",
                    "Tell whoever runs the registry.",
                    status=401,
                )
            if response.status not in REDIRECT_STATUSES or "location" not in response.headers:
                return replace(response, stranger=stranger)
            url = redirect_target(url, response.header("location"))
            if str(url) in seen:
                raise RedirectRefusedError(f"{host_of(url)} redirects in a circle.")
            seen.add(str(url))
            if origin_of(url) != home:
                stranger = host_of(url)
        raise RedirectRefusedError(f"{endpoint.host} redirects more than {REDIRECTS} times.")

    async def _wire(self, url: httpx.URL, endpoint: APIEndpoint, *, is_home: bool) -> httpx.AsyncBaseTransport:
        """The connections to one origin. The settings of the endpoint's own never serve another."""
        tls = endpoint.tls_config if is_home else None
        key = (origin_of(url), tls, endpoint.host)
        if wire := self._wires.get(key):
            return wire
        async with self._wiring:
            if key not in self._wires:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                if url.scheme == "https":
                    context = await asyncio.to_thread(self._ssl_context, host_of(url), tls)
                if self._is_closed:
                    raise closed_failure(endpoint.host)
                wire = self._make_wire(context)
                if not is_home:
                    wire = DialGuard(wire, endpoint.host, self._resolver, self._homes, self.proxies)
                self._wires[key] = wire
            return self._wires[key]

    def _ssl_context(self, host: str, tls: TLSConfig | None) -> ssl.SSLContext:
        """Blocking: it reads files."""
        if tls is None:
            tls = TLSConfig() if self._certs_dir is None else read_certs_directory(TLSConfig(), self._certs_dir / host)
        return tls.ssl_context()

    async def _send(
        self, wire: httpx.AsyncBaseTransport, url: httpx.URL, request: Request, authorization: str | None
    ) -> Response:
        headers = {"Host": host_of(url), "User-Agent": USER_AGENT, "Accept-Encoding": "identity", **request.headers}
        if authorization is not None:
            headers["Authorization"] = authorization
        started = time.perf_counter()
        status = 0
        note = ""
        try:
            async with asyncio.timeout(_WHOLE_REQUEST):
                outgoing = httpx.Request(request.method, url, headers=headers, extensions={"timeout": _TIMEOUTS})
                incoming = await wire.handle_async_request(outgoing)
                if not isinstance(wire, DialGuard) and not self.proxies.for_url(url).proxy:
                    self._homes.answered(host_of(url), incoming)
                try:
                    status = incoming.status_code
                    limit = request.limit if status < 300 else _ERROR_LIMIT
                    cut = status >= 300 or request.method == "HEAD"
                    body = await read_bounded(incoming, limit, host_of(url), cut=cut)
                finally:
                    await incoming.aclose()
            return Response(status, incoming.headers, body)
        except (httpx.TransportError, TimeoutError, OSError) as error:
            failure = connection_failure(error, url.scheme, host_of(url), started=status != 0)
            note = failure.user_message
            raise failure from error
        except RegistryError as error:
            note = error.user_message
            raise
        finally:
            seconds = time.perf_counter() - started
            self._observe(Exchange(request.method, redacted(url), status, seconds, safe_text(note)))


def _is_challenged(response: Response, challenges: Sequence[Challenge], authorization: str | None) -> bool:
    """Whether to answer: a 401, or a 403 that wants a token for more (RFC 6750 §3.1). A stranger gets no answer."""
    if response.status == 403 and authorization is not None and not response.stranger:
        return authorization.startswith("Bearer ") and any(wants_more(challenge) for challenge in challenges)
    return response.status == 401


@dataclass(slots=True)
class _Repeats:
    """How often sends of one request may still be repeated, whatever it carries."""

    used: int = 0

    @property
    def are_left(self) -> bool:
        return self.used < TRIES - 1

    def use(self) -> int:
        """Use one up; gives how many there were."""
        self.used += 1
        return self.used


def _back_off(attempt: int) -> float:
    """Seconds before the next try: doubling, with full jitter (not for secrecy, so `random` will do)."""
    return random.uniform(0.05, 0.25 * 2**attempt)
