"""Tokens fetched and kept, and requests given what their registry asks for (seed-registry-package.md §10)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlencode

from regbrowse.registry.asking import ANSWER_WITHIN, asking
from regbrowse.registry.auth import basic_authorization, pull
from regbrowse.registry.bodies import read_bounded
from regbrowse.registry.challenges import Challenge, ChallengeManager
from regbrowse.registry.constants import AUTH_CLIENT_ID
from regbrowse.registry.docker_http import copy_of, http_client
from regbrowse.registry.errors import (
    DeniedError,
    NoBasicCredentialsError,
    NoTokenError,
    RedirectRefusedError,
    RegistryError,
    UnauthorizedError,
)
from regbrowse.registry.redirects import KEEPS_LOGIN, REDIRECT_STATUSES, host_of, origin_of
from regbrowse.registry.token_failures import token_failure
from regbrowse.registry.token_protocol import (
    Token,
    TokenRequest,
    parse_token,
    refresh_request,
    token_realm,
    token_request,
)
from regbrowse.registry.wire import httpx

if TYPE_CHECKING:
    from regbrowse.registry.service.auth_config import AuthConfig

ANSWER_LIMIT: Final = 65_536
"""Bytes read of a token server's answer."""


async def fetch_token(
    transport: httpx.AsyncBaseTransport,
    request: TokenRequest,
    clock: Callable[[], datetime],
    *,
    within: float = ANSWER_WITHIN,
) -> Token:
    """Ask a token server. Redirects are not followed: it alone was to be told the login.

    Args:
        transport: Carries the request, as it is; it stays open.
        request: What to ask.
        clock: Tells when the answer came.
        within: Seconds for the answer.

    Raises:
        NoTokenError: A GET was answered without a token. An answer to a POST may have an empty one.
        HTTPStatusError: It refuses; `UnauthorizedError` if it does not believe the login.
        RedirectRefusedError, MalformedDocumentError, LimitExceededError, ConnectionFailedError: As they say.
    """
    client = http_client(transport)  # never closed, for that would close the caller's transport
    headers = {"Authorization": request.authorization} if request.authorization else {}
    if request.method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    outgoing = client.build_request(
        request.method, request.url, headers=headers, content=urlencode(request.form) if request.form else None
    )
    host = host_of(outgoing.url)
    async with asking(client, outgoing, within=within, follow_redirects=False) as response:
        status = response.status_code
        if status in REDIRECT_STATUSES:
            raise RedirectRefusedError(f"The token server {host} leads elsewhere, and is alone to be told a login.")
        body = await read_bounded(response, ANSWER_LIMIT, host, cut=status >= 400)
    if not 200 <= status < 400:
        raise token_failure(host, status, response.headers, body)
    token = parse_token(body, clock(), host)
    if not token.value and request.method == "GET":
        raise NoTokenError(f"{host}: authorization server did not include a token in the response.")
    return token


def steady_clock() -> Callable[[], datetime]:
    """A clock that begins with the system's time and goes on evenly, whatever that is set to."""
    began, ticks = datetime.now(UTC), time.monotonic()
    return lambda: began + timedelta(seconds=time.monotonic() - ticks)


# Giving a request what its registry asks for


class CredentialStore(Protocol):
    """The login of one registry."""

    def basic(self, url: str) -> tuple[str, str]:
        """User name and password for `url`; empty if there are none."""

    def refresh_token(self, url: str, service: str) -> str:
        """What to ask the token server `url` with; empty if there is nothing."""

    def set_refresh_token(self, url: str, service: str, token: str) -> None:
        """Told that the token server `url` gave this, to be asked with from now on; no other one may be told."""


class StaticCredentialStore:
    """A login that does not change (seed-registry-package.md §10, `NewStaticCredentialStore`).

    Args:
        auth_config: The login; None for nobody's.
    """

    def __init__(self, auth_config: AuthConfig | None) -> None:
        self._auth_config = auth_config

    def basic(self, url: str) -> tuple[str, str]:
        found = self._auth_config
        return (found.username, found.password) if found else ("", "")

    def refresh_token(self, url: str, service: str) -> str:
        return self._auth_config.identity_token if self._auth_config else ""

    def set_refresh_token(self, url: str, service: str, token: str) -> None:
        """Not kept: nothing here changes."""


class AuthenticationHandler(Protocol):
    """Meets the challenges of one scheme."""

    @property
    def scheme(self) -> str:
        """In lower case."""

    async def authorization(self, request: httpx.Request, challenge: Challenge) -> str:
        """The value of `Authorization` for `request`; empty for none.

        Raises:
            RegistryError: The challenge cannot be met.
        """


class BasicHandler:
    """Meets Basic challenges, if there are both a user name and a password."""

    scheme: Final = "basic"

    def __init__(self, credentials: CredentialStore) -> None:
        self._credentials = credentials

    async def authorization(self, request: httpx.Request, challenge: Challenge) -> str:
        username, password = self._credentials.basic(str(request.url))
        if not username or not password:
            raise NoBasicCredentialsError(f"{host_of(request.url)} wants a password: no basic auth credentials.")
        return basic_authorization(username, password)


class TokenHandler:
    """Meets Bearer challenges with tokens, each kept until after it has expired.

    The challenge's own scope is not looked at: what a token is for is the caller's to say. Only a request that mounts
    a blob from another repository (`?from=`) gets a token that is for pulling from there too, and that is not kept.

    Args:
        transport: Carries the requests to token servers, without this handler.
        credentials: The login, and where a refresh token is put.
        scopes: What the tokens are for.
        offline_access: Ask for a refresh token too, to be kept instead of the password.
        client_id: Who asks.
        clock: Times of one clock that never jumps.
        within: Seconds for each answer.
    """

    scheme: Final = "bearer"

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        credentials: CredentialStore,
        scopes: Sequence[str] = (),
        *,
        offline_access: bool = False,
        client_id: str = AUTH_CLIENT_ID,
        clock: Callable[[], datetime] | None = None,
        within: float = ANSWER_WITHIN,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._scopes = tuple(map(str, scopes))
        self._offline_access = offline_access
        self._client_id = client_id
        self._clock = clock or steady_clock()
        self._within = within
        self._asking = asyncio.Lock()
        self._kept: dict[tuple[str, str, str], Token] = {}

    async def authorization(self, request: httpx.Request, challenge: Challenge) -> str:
        realm = token_realm(challenge, str(request.url))
        service = challenge.parameters.get("service", "")
        key = (origin_of(request.url), realm, service)
        added = _mount_scopes(request.url, self._scopes)
        async with self._asking:  # so that requests at the same time share one token
            token = self._kept.get(key)
            if added or token is None or self._clock() > token.expires:
                token = await self._fetch(realm, service, (*self._scopes, *added))
                if not added:
                    self._kept[key] = token
        return f"Bearer {token.value}" if token.value else ""

    async def _fetch(self, realm: str, service: str, scopes: Sequence[str]) -> Token:
        refresh_token = self._credentials.refresh_token(realm, service)
        if refresh_token:
            request = refresh_request(realm, service, scopes, refresh_token, client_id=self._client_id)
        else:
            username, password = self._credentials.basic(realm)
            request = token_request(
                realm,
                service,
                scopes,
                username=username,
                password=password,
                offline_access=self._offline_access,
                client_id=self._client_id,
            )
        token = await fetch_token(self._transport, request, self._clock, within=self._within)
        if token.refresh_token and token.refresh_token != refresh_token:
            self._credentials.set_refresh_token(realm, service, token.refresh_token)
        return token


def _mount_scopes(url: httpx.URL, scopes: Sequence[str]) -> tuple[str, ...]:
    repository = url.params.get("from", "")
    scope = str(pull(repository))
    return (scope,) if repository and scope not in scopes else ()


class RequestAuthorizer(httpx.AsyncBaseTransport):
    """Gives requests the `Authorization` that their registry's entrance asked for (seed-registry-package.md §10).

    A request that a redirect led to where its login may not go is sent as it is. So is one without a challenge, or with
    challenges of other schemes alone.

    Where several are offered, the first handler's that works is taken: with the token's before the password's, as it is
    to be, the password goes to the registry itself only if there is no token to be had. Docker does it the other way
    round, and fails without a password although the token was fine (§17.7). A login that the token server refused is
    not tried in another way.

    Args:
        base: Carries the requests; closed with this one.
        challenges: What was asked for.
        handlers: How that is met, in the order of preference.
    """

    def __init__(
        self,
        base: httpx.AsyncBaseTransport,
        challenges: ChallengeManager,
        handlers: Sequence[AuthenticationHandler],
    ) -> None:
        self._base = base
        self._challenges = challenges
        self._handlers = tuple(handlers)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, or a copy of it with an `Authorization`.

        Raises:
            NoBasicCredentialsError, NoTokenError, RegistryError: What was asked for cannot be given.
            httpx.TransportError: No answer came.
        """
        if request.extensions.get(KEEPS_LOGIN, True) and (authorization := await self._authorization(request)):
            request = copy_of(request)
            request.headers["Authorization"] = authorization
        return await self._base.handle_async_request(request)

    async def aclose(self) -> None:
        await self._base.aclose()

    async def _authorization(self, request: httpx.Request) -> str:
        failure: RegistryError | None = None
        challenges = self._challenges.get(str(request.url))
        for handler in self._handlers:
            for challenge in challenges:
                if challenge.scheme != handler.scheme:
                    continue
                try:
                    return await handler.authorization(request, challenge)
                except (UnauthorizedError, DeniedError):
                    raise
                except RegistryError as error:
                    failure = failure or error
        if failure:
            raise failure
        return ""
