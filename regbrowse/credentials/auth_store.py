"""The file format in which Docker and Podman keep logins, and the rules by which a registry's login is found in it.

The rules are those of docker's configfile and of containers-auth.json(5): registry-client.md §1.7.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from regbrowse.credentials.removal import Removal, removed_by_docker
from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError, InvalidReferenceError
from regbrowse.registry.reference import DOCKER_HUB, is_repository_name, parse_registry_address
from regbrowse.registry.small_files import read_small_file
from regbrowse.registry.text import SafeText, safe_text

DOCKER_HUB_KEY: Final = "https://index.docker.io/v1/"
"""Docker Hub, as Docker's own files and helpers call it."""

TOKEN_USER: Final = "<token>"
"""The user name by which files and helpers say that the password is an identity token."""

_DOCKER_HUB_TOKENS: Final = ("/access-token", "/refresh-token")
"""Ends of the keys under which Docker keeps its account's tokens: these are no logins to the registry."""

_SECRETS: Final = ("auth", "username", "password", "identitytoken", "registrytoken")


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file says, as far as its shape is right. Logins are looked into one by one, when they are needed."""

    logins: Mapping[str, Any] = field(default_factory=dict, repr=False)
    helpers: Mapping[str, str] = field(default_factory=dict)
    helper_for_all: str = ""


class AuthStore:
    """A `Store`: one file or one environment variable; read when first asked, and again after it has changed.

    Args:
        name: What the screen calls this store.
        path: The file. It need not exist.
        text: The content, if it is not in a file.
        path_keys: Keys may go on after the host, and then are for repositories under that path: Podman's rule. Without
            it, what follows a host is cut off: Docker's rule.
        is_flat: It has the logins alone, without `auths` around them: the form of `~/.dockercfg`.
        removal: Says how the user removes the login of a host.
    """

    is_program: Final = False

    def __init__(
        self,
        name: str,
        path: Path | None = None,
        *,
        text: str = "",
        path_keys: bool = False,
        is_flat: bool = False,
        removal: Removal = removed_by_docker,
    ) -> None:
        self.name = safe_text(name)
        self._path = path
        self._text = text
        self._path_keys = path_keys
        self._is_flat = is_flat
        self.removal: Final = removal
        self._lock = threading.Lock()
        self._known: tuple[object, _Content] | None = None

    async def at(self, host: str, path: str) -> Credential | None:
        """The login that is kept for exactly this path under a host; for the host itself if `path` is empty.

        Raises:
            CredentialError: The file, or what it says of this registry, cannot be read.
        """
        if path and not self._path_keys:
            return None
        return await asyncio.to_thread(self._login, host, path)

    def may_have(self, host: str) -> bool:
        """Whether it has a login for a host. Blocking, as is all that follows.

        Raises:
            CredentialError: As for `at`.
        """
        return self._login(host, "") is not None

    def registries(self) -> tuple[str, ...]:
        """The hosts that it knows a login for, or a helper that may know one.

        Raises:
            CredentialError: The file cannot be read.
        """
        content = self._content()
        keys = (*content.logins, *(key for key, helper in content.helpers.items() if helper))
        return tuple(dict.fromkeys(host for key in keys if (host := _registry(_host_of(key)))))

    def repositories(self, host: str) -> tuple[SafeText, ...]:
        """The repositories, or paths that hold some, that logins of their own are kept for.

        Raises:
            CredentialError: As for `registries`.
        """
        if not self._path_keys:
            return ()
        paths = (key.removeprefix(f"{host}/") for key in self._content().logins if key.startswith(f"{host}/"))
        return tuple(safe_text(path) for path in paths if is_repository_name(path))

    def problem(self) -> CredentialError | None:
        """What is wrong with the file as a whole; None if nothing is."""
        try:
            self._content()
        except CredentialError as error:
            return error
        return None

    def helper_for(self, host: str) -> str | None:
        """The helper that is named for `host` alone; empty if none is to be asked for it, None if nothing is said.

        Raises:
            CredentialError: As for `registries`.
        """
        helpers = self._content().helpers
        return next((helpers[key] for key in _sorted_keys(helpers, host, self._normalised)), None)

    def helper_for_all(self) -> str:
        """The helper for every host that none is named for; empty if there is none.

        Raises:
            CredentialError: As for `registries`.
        """
        return self._content().helper_for_all

    def is_marked(self, host: str) -> bool:
        """Whether a login of `host` has no secret in it: so Docker says that its helper has it.

        Raises:
            CredentialError: As for `registries`.
        """
        logins = self._content().logins
        return any(_is_marker(logins[key]) for key in _sorted_keys(logins, host, self._normalised))

    def _login(self, host: str, path: str) -> Credential | None:
        content = self._content()
        keys = _sorted_keys(content.logins, host, self._normalised) if not path else self._path_key(host, path)
        found = (self._credential(key, content.logins[key]) for key in keys if key in content.logins)
        return next(filter(None, found), None)

    def _path_key(self, host: str, path: str) -> tuple[str, ...]:
        return (f"{host}/{path}",) if self._path_keys else ()

    def _normalised(self, key: str) -> str:
        """The host that a key is for; empty if it is for a part of one, or for something else."""
        if key.endswith(_DOCKER_HUB_TOKENS):
            return ""
        is_part = self._path_keys and "://" not in key and "/" in key.rstrip("/")
        return "" if is_part else _host_of(key)

    def _credential(self, key: str, login: object) -> Credential | None:
        if not isinstance(login, dict):
            raise self._unusable(key, "it is not an object")
        token, registry_token = login.get("identitytoken") or "", login.get("registrytoken") or ""
        if not isinstance(token, str) or not isinstance(registry_token, str):
            raise self._unusable(key, "its token is not a text")
        encoded = login.get("auth") or ""
        if encoded:
            pair = _decoded(encoded)
            if pair is None:
                raise self._unusable(key, "it is not a name and a password in base64")
            username, password = pair
        else:
            username, password = login.get("username") or "", login.get("password") or ""
            if not isinstance(username, str) or not isinstance(password, str):
                raise self._unusable(key, "its name or password is not a text")
        if username == TOKEN_USER:
            password, token = "", token or password
        if token:
            registry_token = ""
        if not (username or password or token or registry_token):
            return None
        if any("\ud800" <= character <= "\udfff" for character in username + password + token + registry_token):
            raise self._unusable(key, "its name or password is not a text")
        username = username or (TOKEN_USER if token or registry_token else "")
        return Credential(username, password, self.name, token, registry_token)

    def _content(self) -> _Content:
        with self._lock:
            stamp = self._stamp()
            if self._known is None or self._known[0] != stamp:
                self._known = stamp, self._parsed()
            return self._known[1]

    def _stamp(self) -> object:
        """Something that changes when the file does: one logs in with docker, then comes back here."""
        if self._path is None:
            return None
        try:
            status = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return object()  # like nothing before: reading it will say what is wrong
        return status.st_ino, status.st_size, status.st_mtime_ns

    def _parsed(self) -> _Content:
        raw: bytes | str | None = self._text
        if self._path:
            try:
                raw = read_small_file(self._path)
            except OSError as error:
                raise CredentialError(f"{self._shown} cannot be read: {error.strerror}.") from None
        if not raw:
            return _Content()
        document = _json(raw)
        if not isinstance(document, dict):
            raise CredentialError(f"{self._shown} is not the JSON that it should be.")
        if self._is_flat:
            return _Content(document)
        return _Content(
            self._mapping(document, "auths"),
            self._texts(self._mapping(document, "credHelpers"), "credHelpers"),
            # Podman looks at no helper for everything.
            "" if self._path_keys else self._texts({"": document.get("credsStore") or ""}, "credsStore").get("", ""),
        )

    def _mapping(self, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = document.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise CredentialError(f"{self._shown}: “{name}” is not an object.")
        return value

    def _texts(self, values: Mapping[str, Any], name: str) -> Mapping[str, str]:
        if not all(isinstance(value, str) for value in values.values()):
            raise CredentialError(f"{self._shown}: “{name}” does not name a helper.")
        return values

    def _unusable(self, key: str, reason: str) -> CredentialError:
        shown = safe_text(_host_of(key), limit=200)
        return CredentialError(f"{self._shown}: the login of “{shown}” cannot be read: {reason}.")

    @property
    def _shown(self) -> SafeText:
        return safe_text(str(self._path)) if self._path else self.name


def paths_to(repository: str) -> Iterator[str]:
    """`team/app`, `team` and the empty path: where a login for `team/app` may be kept, the most specific first."""
    while repository:
        yield repository
        repository = repository.rpartition("/")[0]
    yield ""


def _json(raw: bytes | str) -> object:
    """The document, None if it is none. The exceptions of `json` hold the whole text, so none of them gets out."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _host_of(key: str) -> str:
    """A key without scheme, path and account, Docker Hub under its own name."""
    lower = key.lower()
    host = lower.removeprefix("https://").removeprefix("http://").partition("/")[0].rpartition("@")[2]
    return DOCKER_HUB if host == "index.docker.io" else host


def _registry(host: str) -> str:
    try:
        return parse_registry_address(host).host
    except InvalidReferenceError:
        return ""


def _sorted_keys(entries: Mapping[str, object], host: str, normalised: Callable[[str], str]) -> list[str]:
    """The keys that are for `host`: Docker's own spelling, then the bare host, then with https, then all others."""
    exact = (DOCKER_HUB_KEY, host) if host == DOCKER_HUB else (host,)

    def rank(key: str) -> int:
        return exact.index(key) if key in exact else 2 if key.startswith("https://") else 3

    return sorted((key for key in entries if normalised(key) == host), key=rank)


def _is_marker(login: object) -> bool:
    return isinstance(login, dict) and not any(login.get(name) for name in _SECRETS)


def _decoded(encoded: object) -> tuple[str, str] | None:
    if not isinstance(encoded, str):
        return None
    compact = "".join(encoded.split()).rstrip("=")
    try:
        pair = base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    username, colon, password = pair.partition(":")
    return (username, password.strip("\0")) if colon else None
