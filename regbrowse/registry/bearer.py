"""Meets whatever a registry asks for: a password, or a token that a token server gives out.

There is no ping: a request meets its own challenge. What was learnt there holds for all of its kind, as a registry may
ask for a password where its repositories are listed and for tokens in them (registry-client.md §1.2: Harbor does).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from types import MappingProxyType

from regbrowse.registry.auth import (
    CATALOG,
    ENTRANCE,
    BasicAuthorizer,
    Credential,
    Scope,
    login_path,
    not_permitted,
    not_safe,
)
from regbrowse.registry.challenges import Challenge
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import DeniedError, RegistryError, UnauthorizedError
from regbrowse.registry.realms import TokenService, TrustedRealms, token_service
from regbrowse.registry.scopes import wants_more, widened
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.token_keeper import TokenKeeper

_SCHEME = "Bearer "


class ChallengeAuthorizer:
    """Anonymous until the registry asks, then Bearer or Basic as it asks, with what `lookup` knows.

    A token is anybody's if no login is known. Once a registry is known to want tokens, each request comes with one for
    exactly what it does. If both are offered, it is Bearer, unless the token server may not be asked or not be told
    the login.

    Args:
        host: The registry's name, for the sentences.
        lookup: Finds the credential for a repository; as for `BasicAuthorizer`.
        tokens: Fetches and keeps the tokens; closed with this.
        trusted: Whether a password may be used for this endpoint at all; a token that is anybody's always may.
        hint: More about where a login is that cannot be used, for the next step.
        trusted_realms: By the registry's host, token servers that may be told its logins, beside those known to all.
    """

    def __init__(
        self,
        host: str,
        lookup: Callable[[str], Awaitable[Credential | None]],
        tokens: TokenKeeper,
        *,
        trusted: bool = True,
        hint: Callable[[], str] = lambda: "",
        trusted_realms: TrustedRealms = MappingProxyType({}),
    ) -> None:
        self._host = host
        self._lookup = lookup
        self._tokens = tokens
        self._trusted = trusted
        self._hint = hint
        self._trusted_realms = trusted_realms
        self._basic = BasicAuthorizer(host, lookup, trusted=trusted, hint=hint)
        self._services: dict[str, TokenService] = {}
        self._logins: dict[str, Credential | None] = {}
        self._wider: dict[Scope, tuple[str, ...]] = {}
        self._account: Credential | None = None

    @property
    def account(self) -> Credential | None:
        return self._account or self._basic.account

    async def authorization(self, scope: Scope) -> str | None:
        service = self._services.get(scope.resource)
        if service is None:
            return await self._basic.authorization(scope)
        path = login_path(scope)
        if path in self._logins and (token := self._tokens.kept(service, self._logins[path], self._wanted(scope))):
            return f"{_SCHEME}{token}"
        try:
            return await self._fetch(service, await self._login(scope), scope)
        except RegistryError:
            self._services.pop(scope.resource, None)  # the registry may have another token server by now
            raise

    async def answer(
        self, challenges: Sequence[Challenge], scope: Scope, sent: str | None, endpoint: APIEndpoint | None = None
    ) -> str:
        bearer = next((challenge for challenge in challenges if challenge.scheme == "bearer"), None)
        if bearer is None or endpoint is None:
            return await self._answer_basic(challenges, scope, sent)
        login = await self._login(scope)
        offers_basic = any(challenge.scheme == "basic" for challenge in challenges)
        try:
            service = token_service(bearer, endpoint, self._trusted_realms)
        except RegistryError:
            if not offers_basic:
                raise
            return await self._answer_basic(challenges, scope, sent)
        if login and offers_basic and not service.may_have_login:
            return await self._answer_basic(challenges, scope, sent)
        if self._services.get(scope.resource) == service and sent is not None and sent.startswith(_SCHEME):
            await self._learn_from(bearer, service, login, scope, sent.removeprefix(_SCHEME))
        self._services[scope.resource] = service
        return await self._fetch(service, login, scope)

    def accepted(self, scope: Scope, sent: str) -> None:
        if not sent.startswith(_SCHEME):
            self._basic.accepted(scope, sent)
        elif login := self._tokens.prove(sent.removeprefix(_SCHEME)):
            self._account = login

    async def refusal(self, scope: Scope, sent: str) -> RegistryError | None:
        if not sent.startswith(_SCHEME):
            return await self._basic.refusal(scope, sent)
        self._tokens.discard(sent.removeprefix(_SCHEME))
        return await self._denied(scope)

    async def aclose(self) -> None:
        await self._tokens.aclose()

    async def _answer_basic(self, challenges: Sequence[Challenge], scope: Scope, sent: str | None) -> str:
        self._services.pop(scope.resource, None)
        return await self._basic.answer(challenges, scope, sent)

    async def _learn_from(
        self, challenge: Challenge, service: TokenService, login: Credential | None, scope: Scope, sent: str
    ) -> None:
        """Find that another token than `sent` may do, perhaps one for more, or raise that none would."""
        if self._tokens.kept(service, login, self._wanted(scope)) != sent:
            return  # meanwhile another request learnt that, or the token's time is over
        wider = widened(scope, challenge.parameters.get("scope", ""))
        if wants_more(challenge) and wider != self._wanted(scope) and scope not in self._wider:
            self._wider[scope] = wider
        elif not self._tokens.discard(sent):
            raise await self._denied(scope)

    async def _fetch(self, service: TokenService, login: Credential | None, scope: Scope) -> str:
        try:
            return f"{_SCHEME}{await self._tokens.token(service, login, self._wanted(scope))}"
        except UnauthorizedError as error:
            if login:
                raise
            raise await self._denied(scope, error.detail) from error
        except DeniedError as error:
            raise await self._denied(scope, error.detail) from error

    async def _login(self, scope: Scope) -> Credential | None:
        """Ask the stores. Where a password is not safe, the token is to be anybody's."""
        found = await self._lookup(login_path(scope))
        is_whole = found is not None and (found.identity_token or (found.username and found.password))
        self._logins[login_path(scope)] = login = found if is_whole and self._trusted else None
        return login

    def _wanted(self, scope: Scope) -> tuple[str, ...]:
        return self._wider.get(scope, () if scope == ENTRANCE else (str(scope),))

    async def _denied(self, scope: Scope, detail: SafeText | None = None) -> UnauthorizedError | DeniedError:
        """Why a token, or its refusal, does not do."""
        self._wider.pop(scope, None)
        login = await self._lookup(login_path(scope))
        if login and not self._trusted:
            return not_safe(self._host, login)
        if login:
            return not_permitted(self._host, safe_text(login.username or "your login"), scope, detail)
        if scope == CATALOG:
            return not_permitted(self._host, "those without a login", scope, detail)
        if scope == ENTRANCE:
            return UnauthorizedError(
                f"{self._host} wants to know who you are.", self._hint() or None, status=401, detail=detail
            )
        return UnauthorizedError(
            f"{self._host} does not let those without a login read {scope.name}.",
            self._hint() or "Check the name, or log in with docker login or podman login.",
            status=401,
            detail=detail,
        )
