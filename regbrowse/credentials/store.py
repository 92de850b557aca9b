"""What every place is asked that may have a login."""

from __future__ import annotations

from typing import Protocol

from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText


class Store(Protocol):
    """One place where logins may be.

    A host is spelled as in a registry's address, Docker Hub as `docker.io`.
    """

    @property
    def name(self) -> SafeText:
        """What the screen calls it: `docker config`."""

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

    def registries(self) -> tuple[str, ...]:
        """The hosts that it is known to have a login for. Blocking: it may read a file; no program is run.

        Raises:
            CredentialError: As for `at`.
        """

    def repositories(self, host: str) -> tuple[SafeText, ...]:
        """The repositories, or paths that hold some, that it has a login of their own for; as `registries`."""

    def problem(self) -> CredentialError | None:
        """What is wrong with its file, if it has one; as `registries`, but never raises."""


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
            CredentialError: As for `get`, or what is read back is not what was written.
        """

    async def remove(self, host: str, username: str) -> None:
        """Keep it no longer; nothing happens if it is not there.

        Raises:
            CredentialError: As for `get`.
        """
