"""The list of the logins that regbrowse keeps, and of the token servers that may be told them. No secret is in it.

Each secret is with a keeper: the system keyring, one of Docker's helpers, or a file of its own.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeGuard

from regbrowse.credentials.private_file import PrivateFile
from regbrowse.registry.errors import CredentialError, InvalidReferenceError
from regbrowse.registry.reference import parse_registry_address

LIMIT: Final = 500
"""Logins, and pairs of a registry and a token server, that are kept."""

_TEXT_LIMIT: Final = 1_000
_NEXT_STEP: Final = "Mend it, or remove it and log in again."


@dataclass(frozen=True, slots=True)
class KeptLogin:
    """One login that regbrowse keeps.

    Attributes:
        kind: Where its secret is: `keyring`, `helper:pass`, `file`.
    """

    username: str
    kind: str

    @property
    def needs_program(self) -> bool:
        """Whether getting its secret runs a program or wakes a keyring."""
        return self.kind != "file"


@dataclass(frozen=True, slots=True)
class _Document:
    logins: Mapping[str, tuple[KeptLogin, ...]] = field(default_factory=dict)
    realms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)
    """What a later version may have written."""


class LoginsFile:
    """Reads the list whenever it is asked, and changes it under a lock. Everything here blocks; threads may share it.

    Args:
        path: None keeps the list in memory only.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = PrivateFile(path) if path else None
        self._memory = _Document()
        self._lock = threading.Lock()

    def logins(self, host: str) -> tuple[KeptLogin, ...]:
        """Those of a registry, the one that was kept last first.

        Raises:
            CredentialError: The file cannot be read, is not what it should be, or others could have written it.
        """
        return self._document().logins.get(host, ())

    def hosts(self) -> tuple[str, ...]:
        """The registries that have any.

        Raises:
            CredentialError: As for `logins`.
        """
        return tuple(self._document().logins)

    def add(self, host: str, username: str, kind: str) -> KeptLogin:
        """Put a login at the beginning of its registry's list.

        Raises:
            CredentialError: As for `logins`, and if it cannot be written, is full, or could not be read back.
        """
        kept = KeptLogin(username, kind)
        if not (_is_host(host) and _is_text(username) and _is_text(kind)):
            raise CredentialError(
                f"A login of {host} for such a user name cannot be kept.", "Use it for this run only."
            )

        def edit(document: _Document) -> _Document:
            others = tuple(login for login in document.logins.get(host, ()) if login != kept)
            return replace(document, logins={**document.logins, host: (kept, *others)})

        self._change(edit)
        return kept

    def remove(self, host: str, kept: KeptLogin) -> None:
        """Take a login off the list; nothing happens if it is not there.

        Raises:
            CredentialError: As for `add`.
        """

        def edit(document: _Document) -> _Document:
            left = tuple(login for login in document.logins.get(host, ()) if login != kept)
            others = {name: logins for name, logins in document.logins.items() if name != host}
            return replace(document, logins=others | ({host: left} if left else {}))

        self._change(edit)

    def trusted_realms(self) -> Mapping[str, tuple[str, ...]]:
        """By a registry's host, the hosts of token servers that the user allowed to be told its logins.

        Raises:
            CredentialError: As for `logins`.
        """
        return self._document().realms

    def trust(self, registry: str, realm: str) -> None:
        """Note that the user allows a token server to be told the logins of a registry.

        Args:
            registry: The registry's host.
            realm: The token server's.

        Raises:
            CredentialError: As for `add`.
        """
        if not (_is_host(registry) and _is_host(realm)):
            raise CredentialError(f"{realm} is no host name that can be trusted.", "Tell whoever runs the registry.")

        def edit(document: _Document) -> _Document:
            others = tuple(name for name in document.realms.get(registry, ()) if name != realm)
            return replace(document, realms={**document.realms, registry: (*others, realm)})

        self._change(edit)

    def problem(self) -> CredentialError | None:
        """What is wrong with the file; None if nothing is."""
        try:
            self._document()
        except CredentialError as error:
            return error
        return None

    def _document(self) -> _Document:
        return self._parsed(self._file.read()) if self._file else self._memory

    def _change(self, edit: Callable[[_Document], _Document]) -> None:
        def changed(before: _Document) -> _Document:
            after = edit(before)
            if max(map(_size, (after.logins, after.realms))) > LIMIT:
                raise CredentialError(
                    f"{LIMIT} logins are kept already.", "Log out of one that is not needed any more."
                )
            return after

        if self._file:
            self._file.change(lambda raw: _written(changed(self._parsed(raw))))
        else:
            with self._lock:
                self._memory = changed(self._memory)

    def _parsed(self, raw: bytes | None) -> _Document:
        if raw is None:
            return _Document()
        document = _json(raw)
        if not isinstance(document, dict):
            raise self._broken("it is not a JSON object")
        logins = self._lists(document, "logins", _login)
        realms = self._lists(document, "trusted_realms", _realm)
        others = {name: value for name, value in document.items() if name not in ("logins", "trusted_realms")}
        return _Document(logins, realms, others)

    def _lists(
        self, document: Mapping[str, Any], name: str, parse: Callable[[object], Any]
    ) -> Mapping[str, tuple[Any, ...]]:
        lists = document.get(name, {})
        if not isinstance(lists, dict) or not all(isinstance(values, list) for values in lists.values()):
            raise self._broken(f"“{name}” is not an object of lists")
        if not all(map(_is_host, lists)):
            raise self._broken(f"“{name}” names what is no registry")
        found = {host: tuple(map(parse, values)) for host, values in lists.items()}
        if any(None in values for values in found.values()):
            raise self._broken(f"“{name}” has an entry that it should not have")
        return {host: values for host, values in found.items() if values}

    def _broken(self, reason: str) -> CredentialError:
        path = self._file.path if self._file else "The list of logins"
        return CredentialError(f"{path} is not the list of logins that it should be: {reason}.", _NEXT_STEP)


def _json(raw: bytes) -> object:
    """The document, None if it is none."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _written(document: _Document) -> bytes:
    logins = {
        host: [{"username": login.username, "kept": login.kind} for login in logins]
        for host, logins in document.logins.items()
    }
    return json.dumps({**document.others, "logins": logins, "trusted_realms": document.realms}, indent=1).encode()


def _size(lists: Mapping[str, tuple[object, ...]]) -> int:
    return sum(map(len, lists.values()))


def _login(value: object) -> KeptLogin | None:
    username, kind = (value.get("username"), value.get("kept")) if isinstance(value, dict) else (None, None)
    return KeptLogin(username, kind) if _is_text(username) and _is_text(kind) else None


def _realm(value: object) -> str | None:
    return value if isinstance(value, str) and _is_host(value) else None


def _is_text(value: object) -> TypeGuard[str]:
    if not isinstance(value, str) or not 0 < len(value) <= _TEXT_LIMIT:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _is_host(text: str) -> bool:
    """Whether it is a host as addresses spell it: in lower case, Docker Hub as `docker.io`."""
    try:
        return parse_registry_address(text).host == text
    except InvalidReferenceError:
        return False
