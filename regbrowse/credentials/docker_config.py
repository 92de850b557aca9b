"""Where Docker keeps its logins. They are read, never written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from regbrowse.credentials.auth_store import AuthStore
from regbrowse.credentials.removal import removed_by_docker, removed_by_hand, removed_with_variable


def docker_environment(environ: Mapping[str, str]) -> AuthStore:
    """The logins in the variable `DOCKER_AUTH_CONFIG` itself, which Docker looks at before its file."""
    name = "DOCKER_AUTH_CONFIG"
    return AuthStore(name, text=environ.get(name, ""), removal=removed_with_variable(name))


def docker_config(environ: Mapping[str, str], home: Path) -> AuthStore:
    """The logins in `config.json`, in the folder that `DOCKER_CONFIG` names or else in `~/.docker`."""
    folder = environ.get("DOCKER_CONFIG")
    path = (Path(folder) if folder else home / ".docker") / "config.json"
    return AuthStore("docker config", path, removal=removed_by_docker)


def dockercfg(home: Path) -> AuthStore:
    """The logins in `~/.dockercfg`, where Docker kept them before 2014 and some tools still do."""
    path = home / ".dockercfg"
    return AuthStore("~/.dockercfg", path, is_flat=True, removal=removed_by_hand(path))
