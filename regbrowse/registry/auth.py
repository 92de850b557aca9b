"""Who asks, and what a request may carry to prove it.

`Authorizer` is the face that the transport knows: it decides, the transport attaches. `BasicAuthorizer` answers Basic
challenges; `bearer.ChallengeAuthorizer` answers those that want a token too.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from regbrowse.registry.challenges import Challenge
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import (
    CredentialError,
    DeniedError,
    LoginNeededError,
    RegistryError,
    UnauthorizedError,
    UnsafeLoginError,
    WrongLoginError,
)
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.vendor_hints import vendor_step

if TYPE_CHECKING:
    from regbrowse.registry.dialing import Homes

DOUBTED_FOR: Final = 60.0
"""Seconds for which a login that was doubted is not doubted again: a doubt may cost a run of somebody's program."""

TYPED_IN: Final = SafeText("typed in")
"""The origin of a login that no store has."""

_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,16384}")


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name and its password, or what a token server gave in the place of one.

    Attributes:
        password: Empty if there is only an identity token.
        origin: The store that had it, as it is called on the screen: `docker config`.
        identity_token: For token servers alone; empty if there is none.
        registry_token: Already what a token server gives: for the registry alone; empty if there is none.
    """

    username: str
    password: str = field(repr=False)
    origin: SafeText
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def is_token(self) -> bool:
        """Whether there is only a token: of no use where a password is wanted."""
        return bool(self.identity_token or self.registry_token) and not self.password

    @property
    def basic(self) -> str:
        """The value of `Authorization` for the Basic scheme."""
        return basic_authorization(self.username, self.password)


def basic_authorization(username: str, password: str) -> str:
    """The value of `Authorization` for the Basic scheme (RFC 7617, in UTF-8).

    Raises:
        CredentialError: The login is no text that has a UTF-8, or its user name has a colon, where the password begins.
    """
    if ":" in username:
        raise CredentialError("The login cannot be sent: its user name has a colon.", "Use another account.")
    try:
        pair = f"{username}:{password}".encode()
    except UnicodeEncodeError:  # whose text would hold them
        raise CredentialError("The login cannot be sent: its user name or its password is no text.") from None
    return f"Basic {base64.b64encode(pair).decode()}"


def bearer_authorization(token: str) -> str:
    """The value of `Authorization` for a token that a store has.

    Raises:
        CredentialError: No header could hold it.
    """
    if not _TOKEN.fullmatch(token):
        raise CredentialError("The login cannot be sent: its token is too long, or not of visible ASCII characters.")
    return f"Bearer {token}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a request wants to do (distribution, docs/spec/auth/scope.md).

    Attributes:
        resource: `registry` for the catalog, `repository` for all else. Registries may challenge them differently.
    """

    resource: str
    name: str
    actions: str

    def __str__(self) -> str:
        return f"{self.resource}:{self.name}:{self.actions}"


CATALOG: Final = Scope("registry", "catalog", "*")

ENTRANCE: Final = Scope("registry", "", "")
"""Of `/v2/` alone, which any token opens: one that is for nothing is asked for, as nobody may be refused that."""


def pull(repository: str) -> Scope:
    """The scope of everything that only reads in `repository`."""
    return Scope("repository", repository, "pull")


class Authorizer(Protocol):
    """Decides what `Authorization` a request carries."""

    @property
    def account(self) -> Credential | None:
        """The account that the registry, or its token server, accepted last, if any."""

    async def authorization(self, scope: Scope) -> str | None:
        """What to send at first: what was accepted before for this kind of resource, else nothing."""

    async def answer(
        self, challenges: Sequence[Challenge], scope: Scope, sent: str | None, endpoint: APIEndpoint | None = None
    ) -> str:
        """What to send after a 401, or after a 403 that wants a token for more.

        Args:
            sent: What the request that was refused carried.
            endpoint: Who refused it.

        Raises:
            UnauthorizedError: Nothing that is known would be accepted.
            DeniedError: The account was accepted for something else, but not for this.
            RegistryError: What would be sent could not be got.
        """

    async def renewed(self, scope: Scope, sent: str) -> str:
        """What to send in the place of `sent`, whose time is over, as the registry says without a challenge.

        Raises:
            RegistryError: As `answer`.
        """

    def accepted(self, scope: Scope, sent: str) -> None:
        """Told that the registry took what was sent."""

    async def refusal(self, scope: Scope, sent: str) -> RegistryError | None:
        """What it means that `sent` was refused, and nothing more is tried; None if the registry's words say enough."""

    def use_homes(self, homes: Homes) -> None:
        """Given what is known of where the registry is, for judging where it leads."""

    async def aclose(self) -> None:
        """Close what answers were got with."""


class Doubts:
    """Doubts each login that was refused, but not at every refusal: a list has many rows.

    Args:
        doubt: Told that a store may have a newer login than the one it gave.
        clock: Seconds that go on evenly.
    """

    def __init__(self, doubt: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._doubt = doubt
        self._clock = clock
        self._since: dict[Credential | None, float] = {}

    def about(self, login: Credential | None) -> None:
        """Told that `login` was refused; None if it is not known which one."""
        now = self._clock()
        self._since = {each: since for each, since in self._since.items() if now - since < DOUBTED_FOR}
        if login not in self._since:
            self._since[login] = now
            self._doubt()


class BasicAuthorizer:
    """Anonymous until the registry asks, then Basic with what `lookup` knows.

    Args:
        host: The registry's name, for the sentences.
        lookup: Finds the credential for a repository. It may raise `CredentialError`, which is then shown: a store
            that fails is never taken for one that is empty.
        trusted: Whether a password may go to this endpoint at all.
        hint: More about where a login is that cannot be used, for the next step.
        doubt: Called before `lookup` where a login that it gave was refused: the store may have a newer one. At most
            once in `DOUBTED_FOR` for each login.
        clock: For that; seconds that go on evenly.
    """

    def __init__(
        self,
        host: str,
        lookup: Callable[[str], Awaitable[Credential | None]],
        *,
        trusted: bool = True,
        hint: Callable[[], str] = lambda: "",
        doubt: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._lookup = lookup
        self._trusted = trusted
        self._hint = hint
        self._doubts = Doubts(doubt, clock)
        self._found: dict[str, Credential] = {}
        self._accepted: dict[str, Credential] = {}
        self._opened: dict[Scope, Credential] = {}
        self._account: Credential | None = None
        self._wrong: set[Credential] = set()

    @property
    def account(self) -> Credential | None:
        return self._account

    async def authorization(self, scope: Scope) -> str | None:
        return await self.offer(scope) if scope.resource in self._accepted else None

    async def offer(self, scope: Scope) -> str | None:
        """What to send where it is known already that a password is asked for; None if there is none to send."""
        if not self._trusted:
            return None
        credential = self._found.get(login_path(scope)) or await self._look_up(scope)
        return credential.basic if credential and credential not in self._wrong else None

    async def answer(
        self, challenges: Sequence[Challenge], scope: Scope, sent: str | None, endpoint: APIEndpoint | None = None
    ) -> str:
        schemes = [challenge.scheme for challenge in challenges]
        is_password = sent is not None and sent.startswith("Basic ")
        if "basic" not in schemes and not (is_password and not schemes):  # without a word it is about what was sent
            raise self._cannot_answer(schemes)
        if self._wrong or is_password:
            self._doubts.about(self._found.get(login_path(scope)))
        credential = await self._look_up(scope)
        if credential is None:
            raise login_needed(self._host, self._hint())
        if not self._trusted:
            raise not_safe(self._host, credential)
        if sent == credential.basic or credential in self._wrong:  # who sends it again may lock the account
            raise self._refused(credential, scope)
        return credential.basic

    async def renewed(self, scope: Scope, sent: str) -> str:
        self._doubts.about(self._found.get(login_path(scope)))
        credential = await self._look_up(scope)
        if credential is None:
            raise login_needed(self._host, self._hint())
        if sent == credential.basic:
            raise WrongLoginError(
                f"{self._host} says that the time of the password of {whose(credential)} is over.",
                vendor_step(self._host) or None,
                status=403,
            )
        return credential.basic

    def accepted(self, scope: Scope, sent: str) -> None:
        credential = self._found.get(login_path(scope))
        if credential is not None and credential.basic == sent:
            self._accepted[scope.resource] = self._opened[scope] = self._account = credential

    async def refusal(self, scope: Scope, sent: str) -> RegistryError | None:
        return None

    def use_homes(self, homes: Homes) -> None:
        """Nobody else is asked."""

    async def aclose(self) -> None:
        """There is nothing to close."""

    async def _look_up(self, scope: Scope) -> Credential | None:
        """Ask the stores, which may run a program, and remember what they say until a challenge asks again."""
        credential = await self._lookup(login_path(scope))
        if credential is None or credential.is_token:
            self._found.pop(login_path(scope), None)
            return None
        self._found[login_path(scope)] = credential
        return credential

    def _refused(self, credential: Credential, scope: Scope) -> UnauthorizedError | DeniedError:
        was_accepted = credential in self._accepted.values() and credential not in self._wrong
        if was_accepted and self._opened.get(scope) != credential:  # else it was good for this very thing
            return not_permitted(self._host, safe_text(credential.username), scope)
        self._wrong.add(credential)
        return WrongLoginError(
            f"{self._host} does not accept the password of {whose(credential)}.",
            vendor_step(self._host) or None,
            status=401,
        )

    def _cannot_answer(self, schemes: Sequence[str]) -> UnauthorizedError:
        if "bearer" in schemes:
            return UnauthorizedError(
                f"{self._host} wants a token from a token server.",
                "Where only a password may be sent, it cannot be had: use another registry or account.",
                status=401,
            )
        offered = ", ".join(safe_text(scheme, limit=30) for scheme in schemes) or "no way to do it"
        return UnauthorizedError(f"{self._host} wants to know who you are, and offers {offered}.", status=401)


def login_path(scope: Scope) -> str:
    """What a login is looked up for: the repository, or the registry as a whole."""
    return scope.name if scope.resource == "repository" else ""


def whose(credential: Credential) -> str:
    """The account, and where its login is from, for a sentence."""
    place = credential.origin if credential.origin == TYPED_IN else f"from {credential.origin}"
    return f"{safe_text(credential.username or 'your login')} ({place})"


def login_needed(host: str, hint: str, message: str | None = None, detail: SafeText | None = None) -> LoginNeededError:
    """Nobody gets in without a login, and there is none that could be used.

    Args:
        hint: Why there is none, if that is known; the next step.
        message: What is wanted; who you are, if not given.
    """
    return LoginNeededError(
        message or f"{host} wants to know who you are.", hint or vendor_step(host) or None, status=401, detail=detail
    )


def not_permitted(host: str, who: str, scope: Scope, detail: SafeText | None = None) -> DeniedError:
    """The registry knows `who` asks, and does not let them do what `scope` says."""
    if scope == CATALOG:
        return DeniedError(
            f"{host} does not let {who} list its repositories.",
            "Press o to open a repository by its name.",
            status=401,
            detail=detail,
        )
    what = f"read {scope.name}" if scope != ENTRANCE else "in"
    return DeniedError(f"{host} does not let {who} {what}.", vendor_step(host) or None, status=401, detail=detail)


def not_safe(host: str, credential: Credential) -> UnsafeLoginError:
    """A login would be needed, and cannot go to where it could be overheard."""
    return UnsafeLoginError(
        f"{host} wants a password, and the connection to it is not safe.",
        f"The login of {safe_text(credential.username)} was not sent. Give the registry a certificate that can be"
        " verified, or log in on the screen, where this can be allowed (L).",
        status=401,
    )
