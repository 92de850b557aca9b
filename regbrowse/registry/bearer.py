"""Meets whatever a registry asks for: a password, or a token that a token server gives out.

There is no ping: a request meets its own challenge. What was learnt there holds for all of its kind, as a registry may
ask for a password where its repositories are listed and for tokens in them (registry-client.md §1.2: Harbor does).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from regbrowse.registry.auth import (
    CATALOG,
    ENTRANCE,
    BasicAuthorizer,
    Credential,
    Doubts,
    Scope,
    bearer_authorization,
    login_needed,
    login_path,
    not_permitted,
    not_safe,
    whose,
)
from regbrowse.registry.challenge_memory import ChallengeMemory, EndpointMemory
from regbrowse.registry.challenges import Challenge
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import (
    CredentialError,
    DeniedError,
    RateLimitedError,
    RegistryError,
    UnauthorizedError,
    WrongLoginError,
)
from regbrowse.registry.realms import TokenService, TrustedRealms, token_service
from regbrowse.registry.scopes import wants_more, widened
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.token_keeper import TokenKeeper
from regbrowse.registry.vendor_hints import is_no_bearer, vendor_step

if TYPE_CHECKING:
    from regbrowse.registry.dialing import Homes

_SCHEME: Final = "Bearer "
_ANY_USER: Final = "x-access-token"
"""GitHub's name for whoever has a token, where a user name is wanted and none is known."""

_BASIC: Final = Challenge("basic", MappingProxyType({}))


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
        doubt, clock: As for `BasicAuthorizer`.
        memory: What registries asked for in earlier runs, which is then met in advance.
        endpoint: The only way to the registry; without one, or if it is not safe, nothing is remembered.
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
        doubt: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        memory: ChallengeMemory | None = None,
        endpoint: APIEndpoint | None = None,
    ) -> None:
        self._host = host
        self._lookup = lookup
        self._tokens = tokens
        self._trusted = trusted
        self._hint = hint
        self._trusted_realms = trusted_realms
        self._doubts = Doubts(doubt, clock)
        self._basic = BasicAuthorizer(host, lookup, trusted=trusted, hint=hint, doubt=doubt, clock=clock)
        self._memory = EndpointMemory(memory, endpoint)
        self._services: dict[str, TokenService] = {}
        self._logins: dict[str, Credential | None] = {}
        self._wider: dict[Scope, tuple[str, ...]] = {}
        self._account: Credential | None = None

    @property
    def account(self) -> Credential | None:
        return self._account

    async def authorization(self, scope: Scope) -> str | None:
        if service := self._services.get(scope.resource):
            return await self._token(service, scope)
        return await self._basic.authorization(scope) or await self._as_recalled(scope)

    async def answer(
        self, challenges: Sequence[Challenge], scope: Scope, sent: str | None, endpoint: APIEndpoint | None = None
    ) -> str:
        challenges = challenges or self._unsaid(scope, sent)
        bearer = next((challenge for challenge in challenges if challenge.scheme == "bearer"), None)
        if bearer is None or endpoint is None:
            return await self._answer_basic(challenges, scope, sent)
        if self._is_login(sent, scope) and not wants_more(bearer):
            self._doubts.about(self._logins.get(login_path(scope)))
        login = await self._login(scope)
        if login and login.registry_token:
            return await self._answer_with_own_token(bearer, login, scope, sent, endpoint)
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
        await self._memory.drop(scope, unless=_challenge(service))
        return await self._fetch(service, login, scope)

    async def renewed(self, scope: Scope, sent: str) -> str:
        service = self._services.get(scope.resource)
        if not sent.startswith(_SCHEME):
            return await self._basic.renewed(scope, sent)
        if service is None:
            raise await self._denied(scope)
        login = self._logins.get(login_path(scope))
        if login and login.registry_token:
            self._doubts.about(login)
            login = await self._login(scope)
            if login and login.registry_token and bearer_authorization(login.registry_token) == sent:
                raise self._wrong_token(login)
        self._tokens.discard(sent.removeprefix(_SCHEME))
        return await self._fetch(service, login, scope)

    def accepted(self, scope: Scope, sent: str) -> None:
        own = self._logins.get(login_path(scope))
        if not sent.startswith(_SCHEME):
            self._basic.accepted(scope, sent)
            self._account = self._basic.account or self._account
        elif own and own.registry_token and sent == bearer_authorization(own.registry_token):
            self._account = own
        elif login := self._tokens.prove(sent.removeprefix(_SCHEME)):
            self._account = login

    async def refusal(self, scope: Scope, sent: str) -> RegistryError | None:
        if not sent.startswith(_SCHEME):
            return await self._basic.refusal(scope, sent)
        self._tokens.discard(sent.removeprefix(_SCHEME))
        return await self._denied(scope)

    def use_homes(self, homes: Homes) -> None:
        self._tokens.use_homes(homes)

    async def aclose(self) -> None:
        await self._tokens.aclose()

    def _unsaid(self, scope: Scope, sent: str | None) -> Sequence[Challenge]:
        """What a refusal without a word asks for again, if a token was sent (registry-client.md §1.2)."""
        if sent is None or not sent.startswith(_SCHEME):
            return ()
        if service := self._services.get(scope.resource):
            return (_challenge(service),)
        login = self._logins.get(login_path(scope))
        return (Challenge("bearer", MappingProxyType({})),) if login and login.registry_token else ()

    def _is_login(self, sent: str | None, scope: Scope) -> bool:
        """Whether `sent` came from a login, and is not anybody's token."""
        return sent is not None and (not sent.startswith(_SCHEME) or self._logins.get(login_path(scope)) is not None)

    async def _token(self, service: TokenService, scope: Scope) -> str:
        """The token that is there for `scope`, or a new one."""
        path = login_path(scope)
        if path in self._logins and (token := self._kept(service, self._logins[path], scope)):
            self._believed(self._logins[path])
            return token
        try:
            return await self._fetch(service, await self._login(scope), scope)
        except RegistryError:
            self._services.pop(scope.resource, None)  # the registry may have another token server by now
            raise

    async def _as_recalled(self, scope: Scope) -> str | None:
        """Meet what the registry asked for in an earlier run. None if that is not known, or does not work any more."""
        challenge, endpoint = await self._memory.recall(scope), self._memory.endpoint
        if challenge is None or endpoint is None:
            return None
        if challenge.scheme == "basic":
            return await self._basic.offer(scope)
        try:
            service = token_service(challenge, endpoint, self._trusted_realms)
            sent = await self._fetch(service, await self._login(scope), scope)
        except (CredentialError, WrongLoginError, RateLimitedError):
            raise
        except RegistryError:  # perhaps the realm may not be told the login: only the registry can want that
            await self._memory.drop(scope)
            return None
        self._services[scope.resource] = service
        return sent

    async def _answer_basic(self, challenges: Sequence[Challenge], scope: Scope, sent: str | None) -> str:
        self._services.pop(scope.resource, None)
        await self._memory.drop(scope, unless=_BASIC)
        answer = await self._basic.answer(challenges, scope, sent)
        await self._memory.keep(scope, _BASIC)
        return answer

    async def _answer_with_own_token(
        self, challenge: Challenge, login: Credential, scope: Scope, sent: str | None, endpoint: APIEndpoint
    ) -> str:
        """What a store has in the place of a token goes to the registry itself, and to nobody else."""
        answer = bearer_authorization(login.registry_token)
        if sent == answer and wants_more(challenge):
            raise not_permitted(self._host, safe_text(login.username or "your login"), scope)
        if sent == answer:
            raise self._wrong_token(login)
        try:
            service = token_service(challenge, endpoint, self._trusted_realms)
        except RegistryError:  # nobody asks that server, but it is not known for the next request then
            return answer
        self._services[scope.resource] = service
        return await self._fetch(service, login, scope)

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

    async def _fetch(
        self, service: TokenService, login: Credential | None, scope: Scope, *, may_look_again: bool = True
    ) -> str:
        try:
            sent = self._kept(service, login, scope)
            sent = sent or f"{_SCHEME}{await self._tokens.token(service, login, self._wanted(scope))}"
            self._believed(login)
        except WrongLoginError:
            if not may_look_again:
                raise
            self._doubts.about(login)
            newer = await self._login(scope)
            if newer is None or newer == login:
                raise
            return await self._fetch(service, newer, scope, may_look_again=False)
        except UnauthorizedError as error:
            if login:
                raise
            raise await self._denied(scope, error.detail, is_for_all=True) from error
        except DeniedError as error:
            raise await self._denied(scope, error.detail) from error
        await self._memory.keep(scope, _challenge(service))
        return sent

    def _believed(self, login: Credential | None) -> None:
        """Told that there is a token for `login`: whatever the registry lets it do, that is who asks."""
        if login and not login.registry_token:  # what a store has is not proven by that
            self._account = login

    def _kept(self, service: TokenService, login: Credential | None, scope: Scope) -> str | None:
        if login and login.registry_token:
            return bearer_authorization(login.registry_token)
        token = self._tokens.kept(service, login, self._wanted(scope))
        return f"{_SCHEME}{token}" if token else None

    async def _login(self, scope: Scope) -> Credential | None:
        """Ask the stores. Where a password is not safe, the token is to be anybody's."""
        found = await self._lookup(login_path(scope))
        if found and is_no_bearer(self._host, found.registry_token):
            found = replace(
                found, username=found.username or _ANY_USER, password=found.registry_token, registry_token=""
            )
        is_whole = found and (found.registry_token or found.identity_token or (found.username and found.password))
        self._logins[login_path(scope)] = login = found if is_whole and self._trusted else None
        return login

    def _wanted(self, scope: Scope) -> tuple[str, ...]:
        return self._wider.get(scope, () if scope == ENTRANCE else (str(scope),))

    def _wrong_token(self, login: Credential) -> WrongLoginError:
        return WrongLoginError(
            f"{self._host} does not accept the token of {whose(login)}.", vendor_step(self._host) or None, status=401
        )

    async def _denied(
        self, scope: Scope, detail: SafeText | None = None, *, is_for_all: bool = False
    ) -> UnauthorizedError | DeniedError:
        """Why a token, or its refusal, does not do.

        Args:
            is_for_all: There is none at all without a login, whatever it is for.
        """
        self._wider.pop(scope, None)
        login = await self._lookup(login_path(scope))
        if login and not self._trusted:
            return not_safe(self._host, login)
        if login:
            return not_permitted(self._host, safe_text(login.username or "your login"), scope, detail)
        if scope == ENTRANCE:
            return login_needed(self._host, self._hint(), detail=detail)
        if is_for_all:
            what = "list its repositories" if scope == CATALOG else f"read {scope.name}"
            message = f"{self._host} does not let those without a login {what}."
            return login_needed(self._host, self._hint(), message, detail)
        if scope == CATALOG:
            return not_permitted(self._host, "those without a login", scope, detail)
        return UnauthorizedError(
            f"{self._host} does not let those without a login read {scope.name}.",
            self._hint() or vendor_step(self._host) or "Check the name, or log in with docker login or podman login.",
            status=401,
            detail=detail,
        )


def _challenge(service: TokenService) -> Challenge:
    """What one is asked for where tokens come from `service`."""
    named = {"realm": service.realm, "service": service.service}
    return Challenge("bearer", MappingProxyType({name: text for name, text in named.items() if text}))
