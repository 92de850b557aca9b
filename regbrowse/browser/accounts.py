"""Who one is at one registry: logging in, switching to another account, logging out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from regbrowse.credentials.accounts import StoredAccount
from regbrowse.credentials.chain import CredentialChain
from regbrowse.credentials.keepers import FILE, KEYRING
from regbrowse.credentials.store import Keeper
from regbrowse.registry.auth import TYPED_IN, Credential
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.text import SafeText, safe_text

_NOTHING: Final = SafeText("")


@dataclass(frozen=True, slots=True)
class Account:
    """One of the accounts that one may be at a registry.

    Attributes:
        origin: Where its login is, as that is called on the screen.
        is_used: It is the one that is used now.
        is_ours: It was typed in here, and is forgotten by logging out.
        problem: Why it cannot be used; empty if it can.
    """

    username: SafeText
    origin: SafeText
    is_used: bool = False
    is_ours: bool = False
    problem: SafeText = _NOTHING


@dataclass(frozen=True, slots=True)
class Keeping:
    """One way to keep a login.

    Attributes:
        warning: What the user should know before; empty if there is nothing.
        is_keyring: It is the system's keyring.
    """

    label: SafeText
    warning: SafeText = _NOTHING
    is_keyring: bool = False


THIS_RUN: Final = Keeping(SafeText("this run only"))


class Accounts:
    """The accounts of one registry. After each change its browser begins anew, as whoever one is then.

    Args:
        address: The registry.
        credentials: Where logins are.
        takes: Shows the registry a login. Gives whether it was asked for; raises if it was not believed.
        unsafe: Says what makes the connection one where a login could be overheard; empty if it is safe.
        renew: Makes the registry's browser begin anew.
        trust: Keeps that a token server may be told the logins of this registry; says why that could not be kept.
        allow_unsafe: Lets logins go over the connection as it is, for this run.
    """

    def __init__(
        self,
        address: RegistryAddress,
        credentials: CredentialChain,
        *,
        takes: Callable[[Credential], Awaitable[bool]],
        unsafe: Callable[[], Awaitable[SafeText]],
        renew: Callable[[], Awaitable[None]],
        trust: Callable[[str], Awaitable[SafeText]],
        allow_unsafe: Callable[[], None],
    ) -> None:
        self.address = address
        self._credentials = credentials
        self._takes = takes
        self._unsafe = unsafe
        self._renew = renew
        self._trust = trust
        self._allow_unsafe = allow_unsafe
        self._stored: dict[Account, StoredAccount] = {}
        self._keepers: dict[Keeping, Keeper] = {}
        self._login: Credential | None = None
        self._renewing: asyncio.Future[None] | None = None

    async def known(self) -> tuple[Account, ...]:
        """The accounts that there are. The stores are asked, which may run Docker's helper for this registry."""
        stored = await self._credentials.accounts(self.address.host)
        self._stored = {_account(each): each for each in reversed(stored)}  # of two that look alike, the first
        return tuple(reversed(self._stored))

    async def unsafe_words(self) -> SafeText:
        """What makes the connection one where a login could be overheard; empty if it is safe, or was allowed."""
        return await self._unsafe()

    async def allow_unsafe(self) -> None:
        """Let logins of this registry go over the connection as it is, for this run."""
        self._allow_unsafe()
        await self._begin_anew()

    async def trust_realm(self, realm: str) -> SafeText:
        """Let the token server `realm` be told the logins of this registry.

        Returns:
            Why that holds only for this run; empty if it is kept.
        """
        notice = await self._trust(realm)
        await self._begin_anew()
        return notice

    async def use(self, account: Account | None) -> SafeText:
        """Be `account` from now on, or nobody: in this run, and one that is kept here in later ones too.

        Returns:
            Why a later run may be somebody else; empty if there is nothing to say.
        """
        host = self.address.host
        notice = _NOTHING
        if account is None:
            self._credentials.choose_nobody(host)
        else:
            self._credentials.choose_account(host, self._stored[account])
            try:
                await self._credentials.prefer(host, self._stored[account])
            except CredentialError as error:
                notice = safe_text(f"{error.user_message} {account.username} is used in this run only.")
        await self._begin_anew()
        return notice

    async def log_out(self, account: Account) -> SafeText:
        """Forget `account`, if it was typed in here; otherwise be nobody for this run, as that login is another's.

        Returns:
            What remains to be done to be rid of it; empty if nothing does.

        Raises:
            CredentialError: It is kept where it cannot be removed now. It is not used any more in this run.
        """
        host = self.address.host
        try:
            if account.is_ours:
                await self._credentials.forget(host, self._stored[account])
                return _NOTHING
            return safe_text(f"Not used any more in this run. {self._stored[account].removal}")
        finally:
            self._credentials.choose_nobody(host)
            await self._begin_anew()

    async def keepings(self) -> tuple[tuple[Keeping, ...], SafeText]:
        """The ways to keep a login here, and why the system's keyring is none of them, if it is not.

        The first is for this run only, the second the keyring, if there is one. It may take as long as a keyring is
        waited for.
        """
        found = await self._credentials.keepers()
        in_order = sorted(found.keepers, key=lambda keeper: keeper.kind != KEYRING)
        self._keepers = {Keeping(keeper.name, _warning(keeper), keeper.kind == KEYRING): keeper for keeper in in_order}
        return (THIS_RUN, *self._keepers), found.no_keyring

    async def _begin_anew(self) -> None:
        """Have the browser begin anew; to its end, also if the user does not wait for that."""
        self._renewing = asyncio.ensure_future(self._renew())
        await asyncio.shield(self._renewing)

    async def log_in(self, username: str, secret: str) -> SafeText:
        """Ask the registry whether it takes this login; if so, use it from now on in this run.

        Returns:
            What the user should hear beside that it was taken; empty if nothing.

        Raises:
            WrongLoginError: It is not taken. Nothing has changed.
            UnsafeLoginError, RealmNotTrustedError: It was not sent; the user may allow that.
            RegistryError: The registry could not be asked.
        """
        login = Credential(username, secret, TYPED_IN)
        host = self.address.host
        was_asked = await self._takes(login)
        self._credentials.choose(host, login)
        self._login = login
        await self._begin_anew()
        return safe_text("" if was_asked else f"{host} did not ask who you are: the login is used where it does.")

    async def keep(self, keeping: Keeping) -> SafeText:
        """Keep the login that was logged in with just now beyond this run.

        Args:
            keeping: One of `keepings()`.

        Returns:
            Why it could not be kept; empty if it is, or if it is for this run only.
        """
        keeper, login = self._keepers.get(keeping), self._login
        if keeper is None or login is None:
            return _NOTHING
        try:
            await self._credentials.keep(self.address.host, login, keeper)
        except CredentialError as error:
            return safe_text(f"{error.user_message} The login of {login.username} holds for this run only.")
        await self._begin_anew()  # from now on it comes from there
        return _NOTHING


def _account(stored: StoredAccount) -> Account:
    return Account(stored.username, stored.origin, stored.is_chosen, stored.is_ours, stored.problem)


def _warning(keeper: Keeper) -> SafeText:
    return safe_text("Not encrypted: who can read the file has the password." if keeper.kind == FILE else "")
