"""A file with secrets in the clear, for where there is no keyring and the user wants one (registry-client.md §1.8)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from regbrowse.credentials.private_file import PrivateFile
from regbrowse.credentials.unbroken import to_its_end
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import safe_text

_Secrets = dict[str, dict[str, str]]
"""Hosts, and for each the secrets by the users' names."""


class SecretsFile:
    """Keeps secrets in a file that only its owner may read: mode 0600, folder 0700 (registry-client.md §5.3, 44).

    Each call reads the file anew, and a change is made to what is there at that moment.

    Args:
        path: The file. It need not exist.
        within: Seconds to wait for another program that is writing.
    """

    kind: Final = "file"

    def __init__(self, path: Path, *, within: float = 5.0) -> None:
        self._file = PrivateFile(path, is_secret=True, patience=within)
        self.name: Final = safe_text(f"file {_with_tilde(path)}")

    async def get(self, host: str, username: str) -> str | None:
        """The secret; None if it is not there.

        Raises:
            CredentialError: The file cannot be read, is damaged, belongs to someone else or is open to others.
        """
        secrets = await asyncio.to_thread(lambda: self._parsed(self._file.read()))
        return secrets.get(host, {}).get(username)

    async def put(self, host: str, username: str, secret: str) -> None:
        """Keep a secret; the file, and folders that are missing, are made.

        Raises:
            CredentialError: As for `get`; or the file cannot be written, and is then what it was.
        """
        await self._change(lambda secrets: _with_secret(secrets, host, username, secret))
        if await self.get(host, username) != secret:
            raise CredentialError(f"{self._file.path} does not hold what was just written to it.", "Try again.")

    async def remove(self, host: str, username: str) -> None:
        """Keep a secret no longer; nothing is written if it is not there.

        Raises:
            CredentialError: As for `put`.
        """
        if await self.get(host, username) is not None:
            await self._change(lambda secrets: _without_secret(secrets, host, username))

    async def _change(self, change: Callable[[_Secrets], _Secrets]) -> None:
        def edit(raw: bytes | None) -> bytes:
            return json.dumps(change(self._parsed(raw)), indent=1).encode()

        await to_its_end(asyncio.to_thread(self._file.change, edit))  # as the thread goes on anyway

    def _parsed(self, raw: bytes | None) -> _Secrets:
        secrets = {} if raw is None else _secrets_in(raw)
        if secrets is None:
            raise CredentialError(
                f"{self._file.path} is not the JSON that it should be, and is left as it is.",
                "Correct it, or move it away and log in again.",
            )
        return secrets


def _secrets_in(raw: bytes) -> _Secrets | None:
    """What a file says; None if it is damaged. The exceptions of `json` hold the whole text: none of them gets out."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and all(map(_is_accounts, document.values())) else None


def _is_accounts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(secret, str) for secret in value.values())


def _with_secret(secrets: _Secrets, host: str, username: str, secret: str) -> _Secrets:
    return {**secrets, host: {**secrets.get(host, {}), username: secret}}


def _without_secret(secrets: _Secrets, host: str, username: str) -> _Secrets:
    kept = {name: secret for name, secret in secrets.get(host, {}).items() if name != username}
    others = {name: users for name, users in secrets.items() if name != host}
    return {**others, host: kept} if kept else others


def _with_tilde(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # it is elsewhere, or there is no home folder
        return str(path)
