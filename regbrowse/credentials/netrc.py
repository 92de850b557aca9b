"""Logins in `~/.netrc`, for those who ask for it (registry-client.md §1.7: never by default)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from regbrowse.credentials.private_file import check_private
from regbrowse.credentials.removal import removed_by_hand
from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.small_files import SIZE_LIMIT
from regbrowse.registry.text import SafeText

_DEFAULT: Final = "default"
"""How the standard library calls the entry for every host that has none of its own. It is nobody's login here."""


class NetrcLogins:
    """The logins of one file: a `Store`. It must be the user's, and readable by nobody else.

    Args:
        path: The file. It need not exist.
    """

    name: Final = SafeText("netrc")
    is_program: Final = False

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, environ: Mapping[str, str], home: Path) -> NetrcLogins:
        """The logins of the file that `NETRC` names, or else of `~/.netrc`."""
        named = environ.get("NETRC")
        return cls(Path(named) if named else home / ".netrc")

    async def at(self, host: str, path: str) -> Credential | None:
        """The login of the machine that has exactly this name; the port does not matter.

        Raises:
            CredentialError: The file is not the user's alone, or cannot be read.
        """
        return None if path else await asyncio.to_thread(self._login, host)

    def may_have(self, host: str) -> bool:
        """Whether it has a login for `host`. Blocking.

        Raises:
            CredentialError: As for `at`.
        """
        return self._login(host) is not None

    def removal(self, host: str) -> SafeText:
        """How its login is removed."""
        return removed_by_hand(self._path)(host)

    def registries(self) -> tuple[str, ...]:
        """None: whether its machines are registries is not known."""
        return ()

    def repositories(self, host: str) -> tuple[SafeText, ...]:
        """None: it has logins for whole machines only."""
        return ()

    def problem(self) -> CredentialError | None:
        """Why the file is not used; None if it is. Blocking."""
        try:
            self._machines()
        except CredentialError as error:
            return error
        return None

    def _login(self, host: str) -> Credential | None:
        name = RegistryAddress(host).hostname
        username, _, password = self._machines().get(name, ("", "", "")) if name != _DEFAULT else ("", "", "")
        return Credential(username, password, self.name) if username and password else None

    def _machines(self) -> Mapping[str, tuple[str, str, str]]:
        try:
            status = self._path.stat()
            check_private(self._path, status, is_secret=True)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise CredentialError(f"{self._path} cannot be read: {error.strerror}.") from None
        machines = _parsed(self._path) if status.st_size <= SIZE_LIMIT else None
        if machines is None:  # nothing of what was raised is kept: it holds tokens of the file
            raise CredentialError(f"{self._path} is not the netrc file that it should be.", "Mend it, then try again.")
        return machines


def _parsed(path: Path) -> Mapping[str, tuple[str, str, str]] | None:
    import netrc

    try:
        return {
            name: (login or "", account or "", password or "")
            for name, (login, account, password) in netrc.netrc(str(path)).hosts.items()
        }
    except (OSError, ValueError, netrc.NetrcParseError):
        return None
