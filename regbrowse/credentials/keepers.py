"""Where regbrowse may keep a login that was typed in: one of Docker's helpers, the system keyring, a file."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from regbrowse.credentials.auth_store import AuthStore
from regbrowse.credentials.store import Keeper
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText, safe_text

KEYRING: Final = "keyring"
FILE: Final = "file"
_HELPER: Final = "helper:"


class Keyring(Keeper, Protocol):
    """A keeper that may be of no use where regbrowse runs."""

    async def problem(self) -> SafeText:
        """Why it cannot be used here; empty if it can."""


@dataclass(frozen=True, slots=True)
class Keepers:
    """What may be offered.

    Attributes:
        keepers: Those that can be used: Docker's helpers, the keyring, the file.
        no_keyring: Why the keyring is not among them; empty if it is.
    """

    keepers: tuple[Keeper, ...]
    no_keyring: SafeText


class KnownKeepers:
    """Makes each keeper when it is first needed, and once.

    Args:
        keyring: Makes the keeper for the system keyring.
        file: Makes the one for the file.
        helper: Makes the one for a helper of this name; may raise `CredentialError`.
        helpers: The names of the helpers that there are, the one to offer first at the beginning.

    All four are called in threads.
    """

    def __init__(
        self,
        *,
        keyring: Callable[[], Keyring] | None = None,
        file: Callable[[], Keeper] | None = None,
        helper: Callable[[str], Keeper] | None = None,
        helpers: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._make_keyring = keyring
        self._make_file = file
        self._make_helper = helper
        self._helpers = helpers
        self._lock = threading.Lock()
        self._keyring: Keyring | None = None
        self._others: dict[str, Keeper] = {}

    @classmethod
    def of(cls, environ: Mapping[str, str], docker: AuthStore, secrets: Path) -> KnownKeepers:
        """The keepers of this machine.

        Args:
            docker: Docker's config: the helper that it names for everything is offered first.
            secrets: The file for secrets that are not encrypted.
        """

        def keyring() -> Keyring:
            from regbrowse.credentials.keyring_keeper import KeyringKeeper

            return KeyringKeeper()

        def file() -> Keeper:
            from regbrowse.credentials.secrets_file import SecretsFile

            return SecretsFile(secrets)

        def helper(name: str) -> Keeper:
            from regbrowse.credentials.helper import Helper
            from regbrowse.credentials.helper_keeper import HelperKeeper

            return HelperKeeper(Helper(name, environ, named_in="regbrowse's list of logins"))

        def helpers() -> Sequence[str]:
            from regbrowse.credentials.helper import installed_helpers

            first = "" if docker.problem() else docker.helper_for_all()
            usable = (name for name in installed_helpers(environ) if _can_work(name, environ))
            return sorted(usable, key=lambda name: name != first)

        return cls(keyring=keyring, file=file, helper=helper, helpers=helpers)

    async def keeper(self, kind: str) -> Keeper:
        """The keeper that the list of our logins calls `kind`.

        Raises:
            CredentialError: There is none of that kind here.
        """
        return await asyncio.to_thread(self._kept, kind)

    async def usable(self) -> Keepers:
        """Those that a login may be given to. It may take as long as a keyring that does not answer is waited for."""
        helpers = [await self.keeper(f"{_HELPER}{name}") for name in await asyncio.to_thread(self._helpers)]
        keyring = await asyncio.to_thread(self._the_keyring)
        problem = await keyring.problem() if keyring else SafeText("No keyring is used here.")
        usable_keyring = [keyring] if keyring and not problem else []
        file = [await self.keeper(FILE)] if self._make_file else []
        return Keepers((*helpers, *usable_keyring, *file), problem)

    def _the_keyring(self) -> Keyring | None:
        """The same one always: it remembers that it does not answer."""
        with self._lock:
            if self._keyring is None and self._make_keyring:
                self._keyring = self._make_keyring()
            return self._keyring

    def _kept(self, kind: str) -> Keeper:
        if kind == KEYRING and (keyring := self._the_keyring()):
            return keyring
        with self._lock:
            if kind not in self._others:
                self._others[kind] = self._made(kind)
            return self._others[kind]

    def _made(self, kind: str) -> Keeper:
        if kind == FILE and self._make_file:
            return self._make_file()
        if kind.startswith(_HELPER) and self._make_helper:
            return self._make_helper(kind.removeprefix(_HELPER))
        raise CredentialError(
            f"A login is kept in “{safe_text(kind, limit=100)}”, which is no place for logins here.",
            "Log out, then log in again.",
        )


def _can_work(helper: str, environ: Mapping[str, str]) -> bool:
    """Whether what a helper keeps logins in is on this system and set up, as far as that shows without running it."""
    match helper:
        case "osxkeychain":
            return sys.platform == "darwin"
        case "wincred":
            return sys.platform == "win32"
        case "secretservice":
            runtime = environ.get("XDG_RUNTIME_DIR")
            return bool(environ.get("DBUS_SESSION_BUS_ADDRESS") or (runtime and (Path(runtime) / "bus").exists()))
        case "pass":
            named = environ.get("PASSWORD_STORE_DIR")
            folder = Path(named) if named else Path(environ.get("HOME", "/"), ".password-store")
            return (folder / ".gpg-id").is_file()
    return True
