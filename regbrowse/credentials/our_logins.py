"""The logins that were typed into regbrowse and are kept: a list without secrets, and the keepers that have those."""

from __future__ import annotations

import asyncio
from typing import Final

from regbrowse.credentials.auth_store import TOKEN_USER
from regbrowse.credentials.keepers import KnownKeepers
from regbrowse.credentials.logins_file import KeptLogin, LoginsFile
from regbrowse.credentials.store import Keeper
from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText, safe_text


class OurLogins:
    """A `Store`, which knows several accounts of one registry: the one that was kept last is the first.

    Args:
        file: The list.
        keepers: Where the secrets are.
    """

    name: Final = SafeText("logged in")
    is_program: Final = True

    def __init__(self, file: LoginsFile, keepers: KnownKeepers | None = None) -> None:
        self.file = file
        self.keepers = keepers or KnownKeepers()

    async def at(self, host: str, path: str) -> Credential | None:
        """The first login of a registry.

        Raises:
            CredentialError: The list cannot be read, or as for `login`.
        """
        kept = () if path else await self.kept(host)
        return await self.login(host, kept[0]) if kept else None

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
        """Give a login to a keeper, then note that in the list. Gives it as `login` will.

        Raises:
            CredentialError: It cannot be kept there, or not noted. Then it is not kept.
        """
        username = TOKEN_USER if credential.is_token else credential.username
        secret = credential.password or credential.identity_token
        if not secret:
            raise CredentialError(f"There is no password of {safe_text(username)} to keep.", "Log in with one.")
        await keeper.put(host, username, secret)
        try:
            kept = await asyncio.to_thread(self.file.add, host, username, keeper.kind)
        except CredentialError:
            await keeper.remove(host, username)
            raise
        return kept, _credential(username, secret, keeper.name)

    async def forget(self, host: str, kept: KeptLogin) -> None:
        """Take a login off the list, then its secret from its keeper.

        Raises:
            CredentialError: The list cannot be written; or the keeper fails, and may have the secret still.
        """
        await asyncio.to_thread(self.file.remove, host, kept)
        try:
            keeper = await self.keepers.keeper(kept.kind)
            await keeper.remove(host, kept.username)
        except CredentialError as error:
            raise CredentialError(
                f"{_shown(kept)} is logged out of {host}, but the password may still be kept: {error.user_message}",
                error.next_step,
            ) from error

    def may_have(self, host: str) -> bool:
        """Whether the list has a login of `host`. Blocking.

        Raises:
            CredentialError: The list cannot be read.
        """
        return bool(self.file.logins(host))

    def registries(self) -> tuple[str, ...]:
        """The hosts in the list. Blocking.

        Raises:
            CredentialError: As for `may_have`.
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
