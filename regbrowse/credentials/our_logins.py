"""The logins that were typed into regbrowse and are kept: a list without secrets, and the keepers that have those."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from regbrowse.credentials.auth_store import TOKEN_USER
from regbrowse.credentials.keepers import KnownKeepers
from regbrowse.credentials.logins_file import KeptLogin, LoginsFile
from regbrowse.credentials.store import Keeper, NotAskedError
from regbrowse.credentials.unbroken import to_its_end
from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText, safe_text

_PERHAPS: Final = "It may be there all the same: log out removes it."


class OurLogins:
    """The accounts of each registry, the one that was kept last first. No secret is kept that the list does not name.

    Args:
        file: The list.
        keepers: Where the secrets are.
        within: Seconds that a keeper has to remove again what could not be kept.
    """

    name: Final = SafeText("logged in")

    def __init__(self, file: LoginsFile, keepers: KnownKeepers | None = None, *, within: float = 10.0) -> None:
        self.file = file
        self.keepers = keepers or KnownKeepers()
        self._within = within

    async def kept(self, host: str) -> tuple[KeptLogin, ...]:
        """The logins that are listed for a registry. No keeper is asked.

        Raises:
            CredentialError: The list cannot be read.
        """
        return await asyncio.to_thread(self.file.logins, host)

    async def login(self, host: str, kept: KeptLogin) -> Credential:
        """A login with its secret.

        Raises:
            CredentialError: Its keeper fails, or has it no longer. That is never taken for having no login.
        """
        keeper = await self.keepers.keeper(kept.kind)
        secret = await keeper.get(host, kept.username)
        if secret is None:
            raise CredentialError(
                f"The password of {_shown(kept)} for {host} is not in the {keeper.name} any more.",
                "Log in again with L, or log out there.",
            )
        return _credential(kept.username, secret, keeper.name)

    async def place(self, kept: KeptLogin) -> SafeText:
        """What the screen calls the keeper of a login.

        Raises:
            CredentialError: There is no such keeper here.
        """
        return (await self.keepers.keeper(kept.kind)).name

    async def keep(self, host: str, credential: Credential, keeper: Keeper) -> tuple[KeptLogin, Credential]:
        """Note a login in the list, then give it to a keeper. Gives it as `login` will.

        If that fails or is cancelled, it is removed again, and then from the list; it stays there if its secret may be
        with the keeper all the same, so that one can log out of it. One that was listed before stays so.

        Raises:
            CredentialError: It cannot be noted, and nothing was kept; or not kept, and it says if it is listed still.
        """
        username = TOKEN_USER if credential.is_token else credential.username
        secret = credential.password or credential.identity_token
        if not secret:
            raise CredentialError(f"There is no password of {safe_text(username)} to keep.", "Log in with one.")
        kept = KeptLogin(username, keeper.kind)
        is_new = kept not in await self.kept(host)
        if is_new:
            await self._note_new(host, kept)
        try:
            await keeper.put(host, username, secret)
        except NotAskedError:
            if is_new:
                await to_its_end(asyncio.to_thread(self.file.remove, host, kept))
            raise
        except CredentialError as error:
            if is_new and await to_its_end(self._take_back(host, kept, keeper)):
                raise
            raise CredentialError(f"{error.user_message} {_PERHAPS}", error.next_step) from error
        except BaseException:
            if is_new:
                await to_its_end(self._take_back(host, kept, keeper))
            raise
        if not is_new:  # it becomes the first
            await asyncio.to_thread(self.file.add, host, username, keeper.kind)
        return kept, _credential(username, secret, keeper.name)

    async def _note_new(self, host: str, kept: KeptLogin) -> None:
        """Note a login, or not at all if that is cancelled."""
        try:
            await to_its_end(asyncio.to_thread(self.file.add, host, kept.username, kept.kind))
        except asyncio.CancelledError:
            with contextlib.suppress(CredentialError):
                await to_its_end(asyncio.to_thread(self.file.remove, host, kept))
            raise

    async def _take_back(self, host: str, kept: KeptLogin, keeper: Keeper) -> bool:
        """Remove a secret that was perhaps kept, and its note; gives whether both are gone."""
        try:
            async with asyncio.timeout(self._within):
                await keeper.remove(host, kept.username)
            await asyncio.to_thread(self.file.remove, host, kept)
        except (CredentialError, TimeoutError):
            return False
        return True

    async def forget(self, host: str, kept: KeptLogin) -> None:
        """Take a login off the list, then its secret from its keeper; once begun, that is brought to its end.

        Raises:
            CredentialError: The list cannot be written; or the keeper fails, and may have the secret still.
        """
        await to_its_end(self._forget(host, kept))

    async def _forget(self, host: str, kept: KeptLogin) -> None:
        await asyncio.to_thread(self.file.remove, host, kept)
        try:
            keeper = await self.keepers.keeper(kept.kind)
            await keeper.remove(host, kept.username)
        except CredentialError as error:
            raise CredentialError(
                f"{_shown(kept)} is logged out of {host}, but the password may still be kept: {error.user_message}",
                error.next_step,
            ) from error

    def registries(self) -> tuple[str, ...]:
        """The hosts in the list. Blocking.

        Raises:
            CredentialError: The list cannot be read.
        """
        return self.file.hosts()

    def repositories(self, host: str) -> tuple[SafeText, ...]:
        """None: these logins are for whole registries."""
        return ()

    def problem(self) -> CredentialError | None:
        """What is wrong with the list. Blocking."""
        return self.file.problem()


def _credential(username: str, secret: str, origin: SafeText) -> Credential:
    if username == TOKEN_USER:
        return Credential(username, "", origin, identity_token=secret)
    return Credential(username, secret, origin)


def _shown(kept: KeptLogin) -> SafeText:
    return safe_text(kept.username, limit=200)
