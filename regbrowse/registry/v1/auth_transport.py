"""Who a request of the v1 protocol comes from: a password, or the token that the index gave (§9 of the seed)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from regbrowse.registry.auth import basic_authorization
from regbrowse.registry.docker_http import copy_of, new_transport
from regbrowse.registry.errors import RegistryError
from regbrowse.registry.redirects import KEEPS_LOGIN, is_trusted_location, may_carry_login
from regbrowse.registry.wire import httpx

if TYPE_CHECKING:
    from regbrowse.registry.service.auth_config import AuthConfig

_SENDABLE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_UNSENDABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class AuthTransport(httpx.AsyncBaseTransport):
    """Adds `Authorization` to copies of requests, and remembers the tokens of answers (seed-registry-package.md §9).

    1. A request that was redirected to where the login may not go is sent as it is, and its answer's tokens are not
       looked at. Our `http_client` says so with `KEEPS_LOGIN`; of a request of another client, a `Referer` and a
       location that is not trusted say it.
    2. `always_set_basic_auth` sends the password with every other one, instead of any `Authorization`; no token counts.
    3. Without an `Authorization`, the password goes with a request for a token (`X-Docker-Token: true`) if there is a
       user name; else the tokens go that came last.
    4. The `X-Docker-Token` headers of an answer, whatever its status and asked for or not, are the tokens from then on.

    Args:
        base: Sends what this has completed, and is closed with it; `new_transport()` if None.
        auth_config: The login, if there is one.
        always_set_basic_auth: For a registry that stands alone, without an index that gives tokens.
        home: Where the password belongs, and the only place it goes to, whatever registries an index names (Docker's
            own locations trust each other); anywhere if None, as in Docker.
    """

    def __init__(
        self,
        base: httpx.AsyncBaseTransport | None,
        auth_config: AuthConfig | None,
        always_set_basic_auth: bool,
        *,
        home: httpx.URL | None = None,
    ) -> None:
        self._base = new_transport() if base is None else base
        self._auth_config = auth_config
        self._always_set_basic_auth = always_set_basic_auth
        self._home = home
        self._tokens: tuple[str, ...] = ()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` with what it lacks.

        Raises:
            RegistryError: There is no login where there has to be one, or it is none that can be sent.
        """
        request = copy_of(request)
        if _is_astray(request):
            return await self._base.handle_async_request(request)
        is_home = self._home is None or may_carry_login(self._home, request.url)
        if self._always_set_basic_auth and not is_home:
            return await self._base.handle_async_request(request)
        if self._always_set_basic_auth:
            request.headers["Authorization"] = self._basic()
            return await self._base.handle_async_request(request)
        if not request.headers.get("Authorization"):
            self._authorize(request, is_home=is_home)
        response = await self._base.handle_async_request(request)
        tokens = response.headers.get_list("X-Docker-Token")
        if sendable := tuple(token for token in tokens if _SENDABLE.fullmatch(token)):
            self._tokens = sendable
        return response

    async def aclose(self) -> None:
        """Close the base."""
        await self._base.aclose()

    def _authorize(self, request: httpx.Request, *, is_home: bool) -> None:
        asks_for_token = request.headers.get_list("X-Docker-Token")[:1] == ["true"]
        if is_home and asks_for_token and self._auth_config is not None and self._auth_config.username:
            request.headers["Authorization"] = self._basic()
        elif self._tokens:
            request.headers["Authorization"] = f"Token {','.join(self._tokens)}"

    def _basic(self) -> str:
        if self._auth_config is None:
            raise RegistryError("unexpected error: empty auth config", "Log in with docker login, then try again.")
        username, password = self._auth_config.username, self._auth_config.password
        if ":" in username or _UNSENDABLE.search(username + password):
            raise RegistryError(
                "The login cannot be sent: its user name has a colon, or one of its parts a control character.",
                "Log in anew with docker login.",
            )
        return basic_authorization(username, password)


def _is_astray(request: httpx.Request) -> bool:
    keeps_login = request.extensions.get(KEEPS_LOGIN)
    if keeps_login is None:
        return bool(request.headers.get("Referer")) and not is_trusted_location(request.url)
    return not keeps_login
