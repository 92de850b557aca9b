"""Logins that were typed into regbrowse, kept by one of the user's docker-credential-helpers."""

from __future__ import annotations

from urllib.parse import quote

from regbrowse.credentials.helper import Helper
from regbrowse.credentials.store import NotAskedError
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText, safe_text


class HelperKeeper:
    """A `Keeper` over a docker-credential-helper.

    Each login has a server of its own there, `https://host/regbrowse/user`: so there may be several for one registry,
    and Docker's own entry, which is the bare host, is neither read nor touched (registry-client.md §1.7, §1.8).
    """

    def __init__(self, helper: Helper) -> None:
        self._helper = helper
        self.kind = f"helper:{helper.name}"
        self.name: SafeText = safe_text(f"docker helper {helper.name}")

    async def get(self, host: str, username: str) -> str | None:
        """The secret; None if it is not there (any more).

        Raises:
            CredentialError: As for `Helper.get`, or the helper cannot keep an account of this name.
        """
        found = await self._helper.get(_server(host, username))
        # Some helpers give what is kept for a similar server when they have nothing for this one.
        return found[1] if found and found[0] == username else None

    async def put(self, host: str, username: str, secret: str) -> None:
        """Keep a secret, and see that it is there.

        Raises:
            CredentialError: As for `Helper.store`, or what is read back is not what was written; then nothing is kept.
        """
        await self._helper.store(_server(host, username), username, secret)
        if await self.get(host, username) != secret:
            await self.remove(host, username)
            raise CredentialError(
                f"{self._shown} did not keep the login of {safe_text(username)} at {host} as it is.",
                "Keep it somewhere else.",
            )

    async def remove(self, host: str, username: str) -> None:
        """Keep it no longer; nothing happens if it is not there.

        Raises:
            CredentialError: As for `get`, or it is still there.
        """
        try:
            if await self.get(host, username) is None:  # some helpers fail where there is nothing to erase
                return
        except CredentialError:
            pass  # a locked store may let it be removed all the same
        await self._helper.erase(_server(host, username))
        if await self.get(host, username) is not None:
            raise CredentialError(
                f"{self._shown} did not remove the login of {safe_text(username)} at {host}.",
                "Remove it from where that helper keeps its logins.",
            )

    @property
    def _shown(self) -> str:
        return f"docker-credential-{self._helper.name}"


def _server(host: str, username: str) -> str:
    if not username or not username.isprintable():  # surrogates are not, and have no spelling in a URL
        raise NotAskedError(
            f"A credential helper cannot keep a login of “{safe_text(username, limit=200)}”.", "Keep it somewhere else."
        )
    return f"https://{host}/regbrowse/{quote(username, safe='')}"
