"""All stores of logins in the order in which they are asked (registry-client.md §1.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from regbrowse.credentials.auth_store import AuthStore, paths_to
from regbrowse.credentials.docker_config import docker_config, docker_environment
from regbrowse.credentials.podman_auth import podman_auth, registry_auth_file
from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText


class CredentialChain:
    """Looks a login up in several stores. Its methods read files, so they block, if not for long; threads may share it.

    Args:
        stores: The first that has a login wins, but one for a repository wins over one for its whole registry.
    """

    def __init__(self, stores: Sequence[AuthStore]) -> None:
        self._stores = tuple(stores)

    @classmethod
    def of(cls, environ: Mapping[str, str], home: Path | None = None) -> CredentialChain:
        """The stores of Docker and Podman that these variables and this home folder lead to. Nothing is read yet."""
        home = home or Path(environ.get("HOME") or Path.home())
        return cls(
            (
                docker_environment(environ),
                *registry_auth_file(environ),
                docker_config(environ, home),
                *podman_auth(environ, home),
            )
        )

    def lookup(self, host: str, repository: str = "") -> Credential | None:
        """The login for a repository, with the store that had it as its origin; None if no store has one.

        Raises:
            CredentialError: A store that comes before an answer cannot be read: it is never taken for an empty one.
        """
        for path in paths_to(repository):
            for store in self._stores:
                if credential := store.at(host, path):
                    return credential
        return None

    def known_registries(self) -> tuple[tuple[str, SafeText], ...]:
        """Hosts that a login is kept for, and the store that names each first.

        A store that cannot be read is left out here and told by `problems`; `lookup` raises its error.
        """
        found: dict[str, SafeText] = {}
        for store in self._readable():
            for host in store.registries():
                found.setdefault(host, store.name)
        return tuple(found.items())

    def known_repositories(self, host: str) -> tuple[SafeText, ...]:
        """Repositories of `host`, or paths that hold some, that have a login of their own."""
        return tuple(dict.fromkeys(name for store in self._readable() for name in store.repositories(host)))

    def problems(self) -> tuple[CredentialError, ...]:
        """What is wrong with the stores that cannot be read."""
        return tuple(problem for store in self._stores if (problem := _problem(store)))

    def hint(self, host: str) -> str:
        """For the next step: where a login of `host` is that cannot be used here; empty if there is none."""
        way_out = f"Log in with podman login {host}, or name a file with the password in REGISTRY_AUTH_FILE."
        for store in self._readable():
            if helper := store.helper_for(host):
                return f"Its login in {store.name} is kept by the helper {helper}, which is not asked yet. {way_out}"
            if store.has_token_for(host):
                return f"Its login in {store.name} is a token, which cannot be used here. {way_out}"
        return ""

    def _readable(self) -> tuple[AuthStore, ...]:
        return tuple(store for store in self._stores if _problem(store) is None)


def _problem(store: AuthStore) -> CredentialError | None:
    try:
        store.registries()
    except CredentialError as error:
        return error
    return None
