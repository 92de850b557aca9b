"""What every place is asked that may have a login."""

from __future__ import annotations

from typing import Protocol

from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText


class NotAskedError(CredentialError):
    """A place for logins that could not be asked, or takes back by itself what it was given: nothing changes there."""


class Listed(Protocol):
    """What is known of a place for logins without asking it: it may be read from a file, and no program is run.

    A host is spelled as in a registry's address, Docker Hub as `docker.io`. All of it may block.
    """

    @property
    def name(self) -> SafeText:
        """What the screen calls it: `docker config`."""

    def registries(self) -> tuple[str, ...]:
        """The hosts that it is known to have a login for.

        Raises:
            CredentialError: Its file is there and cannot be read.
        """

    def repositories(self, host: str) -> tuple[SafeText, ...]:
        """The repositories, or paths that hold some, that it has a login of their own for; as `registries`."""

    def problem(self) -> CredentialError | None:
        """What is wrong with its file, if it has one; as `registries`, but never raises."""


class Store(Listed, Protocol):
    """One place where logins of other programs may be."""

    @property
    def is_program(self) -> bool:
        """Whether asking it runs a program or wakes a keyring: done only for a registry that the user has opened."""

    async def at(self, host: str, path: str) -> Credential | None:
        """The login that is kept for exactly this path under a host; for the host itself if `path` is empty.

        Raises:
            CredentialError: The store is there and does not answer as it should. That is never taken for having none.
        """

    def may_have(self, host: str) -> bool:
        """Whether it is known to have a login for `host`, without asking a program. Blocking: it may read a file."""

    def removal(self, host: str) -> SafeText:
        """How the user removes its login for `host`, as a sentence: that is not done here."""


class Keeper(Protocol):
    """One place where regbrowse keeps the secrets of logins that were typed in."""

    @property
    def kind(self) -> str:
        """How the list of our logins calls it: `keyring`, `helper:pass`, `file`."""

    @property
    def name(self) -> SafeText:
        """What the screen calls it: `system keyring`, `docker helper pass`."""

    async def get(self, host: str, username: str) -> str | None:
        """The secret; None if it is not there (any more).

        Raises:
            CredentialError: The place does not answer as it should, or not in time.
        """

    async def put(self, host: str, username: str, secret: str) -> None:
        """Keep a secret, and see that it is there.

        Raises:
            NotAskedError: Nothing was given to it.
            CredentialError: As for `get`, or what is read back is not what was written. It may have it all the same.
        """

    async def remove(self, host: str, username: str) -> None:
        """Keep it no longer; nothing happens if it is not there.

        Raises:
            CredentialError: As for `get`.
        """
