"""The tokens of one registry: fetched once for all who want the same, and kept for as long as they are good.

The rules are those of registry-client.md §1.3 and §1.4. A login that a token server refused is not sent again.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from regbrowse.registry.asking import ANSWER_WITHIN
from regbrowse.registry.auth import Credential, whose
from regbrowse.registry.constants import CERTS_DIR
from regbrowse.registry.dialing import DialGuard, Homes
from regbrowse.registry.docker_http import MakeTransport, new_transport
from regbrowse.registry.errors import (
    ConnectionFailedError,
    DeniedError,
    HTTPStatusError,
    NoTokenError,
    RateLimitedError,
    RealmNotTrustedError,
    WrongLoginError,
)
from regbrowse.registry.exchange import Exchange, ObservedTransport, Observer, Pause
from regbrowse.registry.failures import closed_failure
from regbrowse.registry.proxies import Proxies
from regbrowse.registry.realms import TokenService
from regbrowse.registry.resolving import Resolver, system_resolver
from regbrowse.registry.single_flight import SingleFlight
from regbrowse.registry.tls import TLSConfig, read_certs_directory
from regbrowse.registry.token_protocol import SHORTEST_LIFE, Token, TokenRequest, refresh_request, token_request
from regbrowse.registry.tokens import fetch_token, steady_clock
from regbrowse.registry.vendor_hints import vendor_step
from regbrowse.registry.wire import httpx

TOKENS_LIMIT: Final = 256
"""Tokens that are kept; one may have 16 KiB."""

MOST_AT_ONCE: Final = 4
"""Requests to token servers at the same time."""

_MOST_SLACK: Final = timedelta(seconds=30)
_NO_OAUTH: Final = frozenset({400, 401, 404, 405})
"""How token servers answer a POST that know only GET: GCR, Artifactory and ACR differ (registry-client.md §1.3)."""

_NO_TOKENS: Final = frozenset({404, 405, 501})
"""Statuses that would say, of a registry, that it does not speak v2: a token server's are never taken for its own."""


@dataclass(slots=True)
class _Kept:
    token: str = field(repr=False)
    until: datetime
    login: Credential | None
    is_proven: bool = False


_Key: TypeAlias = tuple[TokenService, Credential | None, tuple[str, ...]]


def _nothing(_: Exchange | Pause) -> None:
    """Observe nothing."""


class TokenKeeper:
    """Fetches and keeps the tokens of the registry `host`.

    Args:
        host: The registry's name, for the sentences.
        certs_dir: The certificates directory, where token servers have folders of their own; None reads none.
        make_transport: Makes what carries the requests to one token server; `new_transport` if not given.
        observe: Told of each request.
        resolver: Finds the addresses of token servers.
        clock: Times of one clock that never jumps.
        within: Seconds for each answer.
        places: How many requests there may be at once; `MOST_AT_ONCE` of this keeper's own if not given.
        proxies: Through which token servers are asked; the environment's, as they are now, if not given.

    Raises:
        ConfigError: A proxy of the environment cannot be used.
    """

    def __init__(
        self,
        host: str,
        *,
        certs_dir: Path | None = CERTS_DIR,
        make_transport: MakeTransport | None = None,
        observe: Observer = _nothing,
        resolver: Resolver = system_resolver,
        clock: Callable[[], datetime] | None = None,
        within: float = ANSWER_WITHIN,
        places: asyncio.Semaphore | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        self._host = host
        self._certs_dir = certs_dir
        self._proxies = proxies or Proxies.of(os.environ)
        self._make_transport = make_transport or partial(new_transport, proxies=self._proxies)
        self._observe = observe
        self._resolver = resolver
        self._homes = Homes(resolver)
        self._is_closed = False
        self._clock = clock or steady_clock()
        self._within = within
        self._places = places or asyncio.Semaphore(MOST_AT_ONCE)
        self._flights = SingleFlight()
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._refused: dict[tuple[str, str], Credential] = {}
        self._refreshed: dict[tuple[str, Credential], str] = {}
        self._transports: dict[tuple[str, bool], httpx.AsyncBaseTransport] = {}
        self._connecting = asyncio.Lock()

    def use_homes(self, homes: Homes) -> None:
        """Given what is known of where the registry is."""
        self._homes = homes

    def kept(self, service: TokenService, login: Credential | None, scopes: tuple[str, ...]) -> str | None:
        """The token that is there for this and still good."""
        key = (service, login, scopes)
        found = self._kept.get(key)
        if found is None or self._clock() >= found.until:
            return None
        self._kept.move_to_end(key)
        return found.token

    async def token(self, service: TokenService, login: Credential | None, scopes: tuple[str, ...]) -> str:
        """A token for `scopes`: the kept one, the one that is being fetched, or a new one.

        Args:
            service: Where it comes from.
            login: Whose it is; None for anybody's.

        Raises:
            RealmNotTrustedError: The token server may not be told `login`. Nothing was sent there.
            WrongLoginError: It does not believe `login`.
            UnauthorizedError: It wants a login.
            CredentialError: `login` is nothing that could be sent.
            ConnectionFailedError: This is closed, or no answer came.
            DeniedError, RateLimitedError, RegistryError: As `fetch_token`.
        """
        if login and not service.may_have_login:
            raise RealmNotTrustedError(
                f"{self._host} wants the login of {whose(login)} to be told to"
                f" {service.host}, which is not known to belong to it. Nothing was sent there.",
                registry=service.registry.partition("://")[2],
                realm=service.host,
            )
        if found := self.kept(service, login, scopes):
            return found
        key: _Key = (service, login, scopes)
        return await self._flights.do(key, lambda: self._fetch(service, login, scopes))

    def prove(self, token: str) -> Credential | None:
        """Told that the registry took `token`; gives whose it is."""
        found = next((kept for kept in self._kept.values() if kept.token == token), None)
        if found is None:
            return None
        found.is_proven = True
        return found.login

    def discard(self, token: str) -> bool:
        """Told that the registry does not take `token`, which is dropped; whether another one may do better.

        So it is if this one was taken before. A token that never was has not got the right.
        """
        for key, kept in self._kept.items():
            if kept.token == token:
                del self._kept[key]
                return kept.is_proven
        return False

    async def aclose(self) -> None:
        """Close every connection."""
        self._is_closed = True
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            await transport.aclose()

    async def _fetch(self, service: TokenService, login: Credential | None, scopes: tuple[str, ...]) -> str:
        if login and self._refused.get((service.realm, login.username)) == login:
            raise self._wrong_login(service, login)
        try:
            async with self._places:
                token = await self._ask(service, login, scopes)
        except RateLimitedError as error:
            if error.retry_after is None:
                raise
            message = f"{error.user_message.rstrip('.')}. It asks to wait {error.retry_after:,.0f} s."
            raise RateLimitedError(message, retry_after=error.retry_after, detail=error.detail) from error
        except HTTPStatusError as error:
            if error.status in _NO_TOKENS:
                raise NoTokenError(error.user_message) from error
            if login is None:
                raise
            if error.status == 401 or (error.status == 400 and not login.password):
                self._refused[service.realm, login.username] = login
            elif scopes or not isinstance(error, DeniedError):  # nobody who is believed may be refused nothing
                raise
            raise self._wrong_login(service, login) from error
        if not token.value:
            raise NoTokenError(f"{service.host}: authorization server did not include a token in the response.")
        now = self._clock()
        # A server's clock that is ahead or behind must not make each request fetch a token
        life = max(token.expires - now, SHORTEST_LIFE)
        self._kept[service, login, scopes] = _Kept(token.value, now + life - min(life / 10, _MOST_SLACK), login)
        while len(self._kept) > TOKENS_LIMIT:
            self._kept.popitem(last=False)
        return token.value

    async def _ask(self, service: TokenService, login: Credential | None, scopes: Sequence[str]) -> Token:
        if login and login.identity_token:
            # What the server gave since goes only to where it came from
            known = self._refreshed.get((service.realm, login), login.identity_token)
            try:
                token = await self._send(service, refresh_request(service.realm, service.service, scopes, known))
            except HTTPStatusError as error:
                if not login.password or error.status not in _NO_OAUTH:
                    raise
            else:
                if token.refresh_token:
                    self._refreshed[service.realm, login] = token.refresh_token
                return token
        username, password = (login.username, login.password) if login else ("", "")
        return await self._send(
            service, token_request(service.realm, service.service, scopes, username=username, password=password)
        )

    async def _send(self, service: TokenService, request: TokenRequest) -> Token:
        transport = await self._transport(service)
        try:
            return await fetch_token(transport, request, self._clock, within=self._within)
        except ConnectionFailedError as error:
            if not error.is_passing or request.method != "GET":
                raise
        return await fetch_token(transport, request, self._clock, within=self._within)

    async def _transport(self, service: TokenService) -> httpx.AsyncBaseTransport:
        """The connections to a token server. They are never the registry's, with its client certificates."""
        key = (service.origin, service.is_insecure)
        async with self._connecting:
            if key not in self._transports:
                tls = await asyncio.to_thread(self._tls_config, service)
                if self._is_closed:
                    raise closed_failure(service.host)
                made = self._make_transport(tls, ())
                if not service.is_own:
                    registry = service.registry.partition("://")[2]
                    made = DialGuard(made, registry, self._resolver, self._homes, self._proxies)
                self._transports[key] = ObservedTransport(made, self._observe)
            return self._transports[key]

    def _tls_config(self, service: TokenService) -> TLSConfig:
        """Blocking: it reads files."""
        if service.is_insecure:
            return TLSConfig(insecure_skip_verify=True)
        if self._certs_dir is None or not service.realm.startswith("https:"):
            return TLSConfig()
        return read_certs_directory(TLSConfig(), self._certs_dir / service.host)

    def _wrong_login(self, service: TokenService, login: Credential) -> WrongLoginError:
        what = "password" if login.password else "token"
        return WrongLoginError(
            f"{service.host} does not accept the {what} of {whose(login)}, which {self._host} asked for.",
            vendor_step(self._host) or None,
            status=401,
        )
