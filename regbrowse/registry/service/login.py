"""Trying a login at a registry, in both protocols (seed-registry-package.md §11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from regbrowse.registry.asking import ANSWER_WITHIN, asking, status_text, web_url
from regbrowse.registry.auth import basic_authorization
from regbrowse.registry.bodies import read_bounded
from regbrowse.registry.constants import INDEX_SERVER
from regbrowse.registry.docker_http import MakeTransport, docker_headers, http_client, new_transport
from regbrowse.registry.endpoint import APIEndpoint, APIVersion
from regbrowse.registry.errors import (
    ConfigError,
    ConnectionFailedError,
    DeniedError,
    HTTPStatusError,
    RedirectRefusedError,
    RegistryError,
    ServerFailureError,
    UnauthorizedError,
)
from regbrowse.registry.json_values import is_web_page, page_title
from regbrowse.registry.ping import ping_v2_registry, v2_entrance
from regbrowse.registry.redirects import KEEPS_LOGIN, host_of
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.text import safe_text
from regbrowse.registry.tokens import BasicHandler, RequestAuthorizer, TokenHandler
from regbrowse.registry.wire import httpx

LOGIN_SUCCEEDED: Final = "Login Succeeded"

_CHECK_IT: Final = "Check the user name and the password."
_KINDS: Final = {401: UnauthorizedError, 403: DeniedError}
_ERROR_LIMIT: Final = 65_536
_WORDS_LIMIT: Final = 300
_SHOWN_HEADERS: Final = ("Content-Type", "Server", "Date", "Via")
"""Others may hold a session's secret."""


class FallbackError(RegistryError):
    """A login that failed in a way in which another endpoint of the same registry may do.

    Args:
        inner: Why; its text is this error's text.
    """

    def __init__(self, inner: RegistryError) -> None:
        super().__init__(inner.user_message, inner.next_step)
        self.inner = inner


async def login(
    auth_config: AuthConfig,
    endpoints: Sequence[APIEndpoint],
    user_agent: str = "",
    *,
    make_transport: MakeTransport = new_transport,
) -> tuple[str, str]:
    """Try a login at the endpoints of a registry, one after the other, until one knows an answer.

    Args:
        auth_config: The login; it stays as it is.
        endpoints: In the order to try them.
        user_agent: Sent as `User-Agent`.
        make_transport: Makes what carries the requests to one endpoint.

    Returns:
        `LOGIN_SUCCEEDED`, and the identity token to keep instead of the password, or "".

    Raises:
        RegistryError: The login is not accepted, or no endpoint could be reached; then why not the last one.
        ConfigError: There is no endpoint.
    """
    failure: RegistryError = ConfigError("There is no endpoint to log in at.")
    for endpoint in endpoints:
        attempt = login_v2 if endpoint.version is APIVersion.V2 else login_v1
        try:
            return LOGIN_SUCCEEDED, await attempt(auth_config, endpoint, user_agent, make_transport=make_transport)
        except FallbackError as error:
            failure = error.inner
    raise failure


async def login_v2(
    auth_config: AuthConfig,
    endpoint: APIEndpoint,
    user_agent: str = "",
    *,
    within: float = ANSWER_WITHIN,
    make_transport: MakeTransport = new_transport,
) -> str:
    """Try a login at a v2 registry: ask what it wants, and give it that.

    A registry that wants nothing is never told the login, so that every password succeeds. One that leads elsewhere is
    not logged in to: its login was not asked for there.

    Args:
        auth_config: The login; it stays as it is.
        endpoint: The registry. An http one is told in clear: only a registry that was declared insecure has one.
        user_agent: Sent as `User-Agent`.
        within: Seconds for each of the answers.
        make_transport: Makes what carries the requests.

    Returns:
        The identity token to keep instead of the password: a new one, or the one in `auth_config`, or "".

    Raises:
        FallbackError: It failed, and there was no sign that this is a v2 registry.
        RegistryError: It failed; `UnauthorizedError` if the login is not accepted.
    """
    transport = make_transport(endpoint.tls_config, docker_headers(user_agent, None))
    credentials = LoginCredentialStore(auth_config)
    is_v2 = False
    try:
        challenges, is_v2 = await ping_v2_registry(endpoint, transport, within=within)
        tokens = TokenHandler(transport, credentials, offline_access=True, within=within)
        authorizer = RequestAuthorizer(transport, challenges, [tokens, BasicHandler(credentials)])
        await _enter(endpoint, http_client(authorizer), 2 * within)  # half of it is the token server's
    except RegistryError as error:
        if is_v2:
            raise
        raise FallbackError(error) from error
    finally:
        await transport.aclose()
    return credentials.identity_token


async def _enter(endpoint: APIEndpoint, client: httpx.AsyncClient, within: float) -> None:
    url = v2_entrance(endpoint)
    async with asking(client, client.build_request("GET", url), within=within) as response:
        _stay_at(url, response)
        status = response.status_code
        if status == 200:
            return
        kind = _KINDS.get(status, ServerFailureError if status >= 500 else HTTPStatusError)
        message = f"login attempt to {safe_text(str(url))} failed with status: {status_text(status)}."
        raise kind(message, _CHECK_IT if status == 401 else None, status=status)


async def login_v1(
    auth_config: AuthConfig,
    endpoint: APIEndpoint,
    user_agent: str = "",
    *,
    within: float = ANSWER_WITHIN,
    make_transport: MakeTransport = new_transport,
) -> str:
    """Try a login at a v1 registry.

    Args:
        auth_config, endpoint, user_agent, within, make_transport: As for `login_v2`.

    Returns:
        "": this protocol has no identity tokens.

    Raises:
        FallbackError: No answer came.
        RegistryError: The login is not accepted; `UnauthorizedError` if that is for sure.
    """
    base = f"{endpoint.url}/v1/"
    transport = make_transport(endpoint.tls_config, docker_headers(user_agent, None))
    client = http_client(transport)
    headers = {"Authorization": basic_authorization(auth_config.username, auth_config.password)}
    try:
        request = client.build_request("GET", web_url(f"{base}users/"), headers=headers)
        async with asking(client, request, within=within) as response:
            _stay_at(request.url, response)
            if response.status_code != 200:
                body = await read_bounded(response, _ERROR_LIMIT, host_of(request.url), cut=True)
                raise _v1_refusal(base, response, body)
    except ConnectionFailedError as error:
        raise FallbackError(error) from error
    finally:
        await transport.aclose()
    return ""


def _v1_refusal(base: str, response: httpx.Response, body: bytes) -> HTTPStatusError:
    host = host_of(response.url)
    status = response.status_code
    is_hub = base == INDEX_SERVER
    if status == 401:
        return UnauthorizedError(
            f"{host}: Wrong login/password, please try again.",
            f"{_CHECK_IT} If you have no Docker ID, create one at https://hub.docker.com." if is_hub else _CHECK_IT,
            status=status,
        )
    if status == 403:
        return DeniedError(
            f"{host}: Login: Account is not active.",
            "Please check your e-mail for a confirmation link."
            if is_hub
            else f"Please see the documentation of the registry {safe_text(base)} for how to activate it.",
            status=status,
        )
    if status == 500:
        return ServerFailureError(f"{host}: Internal Server Error.", status=status)
    said = page_title(body) if is_web_page(body) else body.decode("utf-8", "replace").strip()
    words = safe_text(said, limit=_WORDS_LIMIT)
    shown = ", ".join(
        f"{name}: {safe_text(response.headers[name], limit=100)}" for name in _SHOWN_HEADERS if name in response.headers
    )
    return HTTPStatusError(f"{host}: Login: {words} (Code: {status}; Headers: {shown})", status=status, detail=words)


def _stay_at(url: httpx.URL, response: httpx.Response) -> None:
    """Refuse an answer of somebody else: he was not told the login, so he cannot say that it is right."""
    if not response.request.extensions.get(KEEPS_LOGIN, True):
        other = host_of(response.url)
        raise RedirectRefusedError(
            f"{host_of(url)} leads to {other}, and the login was not sent there.",
            f"Log in to {other} itself, if that is where it belongs.",
        )


class LoginCredentialStore:
    """The login that is being tried. A token server's own refresh token goes to that server alone.

    Args:
        auth_config: The login; it stays as it is.

    Attributes:
        identity_token: What to keep instead of the password: the last that came, at first the login's own.
    """

    def __init__(self, auth_config: AuthConfig) -> None:
        self._auth_config = auth_config
        self._issued: dict[tuple[str, str], str] = {}
        self.identity_token = auth_config.identity_token

    def basic(self, url: str) -> tuple[str, str]:
        return self._auth_config.username, self._auth_config.password

    def refresh_token(self, url: str, service: str) -> str:
        return self._issued.get((url, service), self._auth_config.identity_token)

    def set_refresh_token(self, url: str, service: str, token: str) -> None:
        self._issued[url, service] = token
        self.identity_token = token
