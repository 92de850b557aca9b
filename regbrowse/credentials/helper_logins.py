"""Logins that credential helpers keep, found as Docker and Podman find them (registry-client.md §1.7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Literal, Protocol

from regbrowse.credentials.auth_store import DOCKER_HUB_KEY, TOKEN_USER, AuthStore
from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.reference import DOCKER_HUB
from regbrowse.registry.text import SafeText, safe_text


class AnswersLogins(Protocol):
    """What is asked of a `Helper` here."""

    async def get(self, server: str) -> tuple[str, str] | None:
        """The user name and the secret for a server; None if there is none."""


MakeHelper = Callable[[str], AnswersLogins]
"""Makes the helper of a name, or raises `CredentialError` if it cannot be one's. Called in a thread."""


def docker_helpers(file: AuthStore, environ: Mapping[str, str]) -> tuple[HelperLogins, ...]:
    """The helpers that Docker's config names, in Docker's order: for single hosts, then the one for all."""
    make = _made_with(environ, file.name)
    return HelperLogins("docker", file, make), HelperLogins("docker", file, make, for_all=True)


def podman_helpers(file: AuthStore, environ: Mapping[str, str]) -> HelperLogins:
    """The helpers that a file of Podman's names, which are for single hosts only."""
    return HelperLogins("podman", file, _made_with(environ, file.name))


class HelperLogins:
    """A `Store`: the helpers that one file names. Each run is for one question.

    Args:
        tool: Whose rule says how a registry is called when a helper is asked for it.
        file: The file that names the helpers.
        make: Makes a helper.
        for_all: Ask the helper for every host, not those for single ones. Where the file has a helper for a host, the
            same is not asked twice; where it says that the host has none, none is asked.
    """

    is_program: Final = True

    def __init__(
        self, tool: Literal["docker", "podman"], file: AuthStore, make: MakeHelper, *, for_all: bool = False
    ) -> None:
        self.name = safe_text(f"{tool} {'credsStore' if for_all else 'credHelpers'}")
        self._tool = tool
        self._file = file
        self._make = make
        self._for_all = for_all

    async def at(self, host: str, path: str) -> Credential | None:
        """The login of a host as its helper gives it. Helpers know no paths.

        Raises:
            CredentialError: The helper fails, or the file that may name one cannot be read.
        """
        name = "" if path else await asyncio.to_thread(self._helper_of, host)
        if not name:
            return None
        helper = await asyncio.to_thread(self._make, name)
        found = await helper.get(DOCKER_HUB_KEY if (self._tool, host) == ("docker", DOCKER_HUB) else host)
        if found is None:
            return None
        username, secret = found
        if username == TOKEN_USER:
            return Credential(TOKEN_USER, "", self._origin(name), secret)
        return Credential(username, secret, self._origin(name))

    async def place(self, host: str) -> SafeText:
        """The helper that is asked for `host`, as the screen calls it.

        The store's own name if none is; that of the file if it cannot be read, as then that is what is wrong.
        """
        try:
            name = await asyncio.to_thread(self._helper_of, host)
        except CredentialError:
            return self._file.name
        return self._origin(name) if name else self.name

    def may_have(self, host: str) -> bool:
        """Whether a helper is named for `host`, or the one for all is marked to have its login. Blocking.

        Raises:
            CredentialError: The file cannot be read.
        """
        return bool(self._helper_of(host)) and (not self._for_all or self._file.is_marked(host))

    def removal(self, host: str) -> SafeText:
        """How its login is removed: by the same command as one in the file."""
        return self._file.removal(host)

    def registries(self) -> tuple[str, ...]:
        """None: the file itself says which there are."""
        return ()

    def repositories(self, host: str) -> tuple[SafeText, ...]:
        """None."""
        return ()

    def problem(self) -> CredentialError | None:
        """None: the file itself says what is wrong with it."""
        return None

    def _helper_of(self, host: str) -> str:
        own = self._file.helper_for(host)
        if not self._for_all:
            return own or ""
        for_all = self._file.helper_for_all()
        return "" if own in ("", for_all) else for_all

    def _origin(self, name: str) -> SafeText:
        return safe_text(f"{self._tool} helper {safe_text(name, limit=100)}")


def _made_with(environ: Mapping[str, str], named_in: str) -> MakeHelper:
    def make(name: str) -> AnswersLogins:
        from regbrowse.credentials.helper import Helper

        return Helper(name, environ, named_in=named_in)

    return make
