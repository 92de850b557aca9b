"""Where Docker keeps its logins. They are read, never written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from regbrowse.credentials.auth_store import AuthStore


def docker_environment(environ: Mapping[str, str]) -> AuthStore:
    """The logins in the variable `DOCKER_AUTH_CONFIG` itself, which Docker looks at before its file."""
    return AuthStore("DOCKER_AUTH_CONFIG", text=environ.get("DOCKER_AUTH_CONFIG", ""))


def docker_config(environ: Mapping[str, str], home: Path) -> AuthStore:
    """The logins in `config.json`, in the folder that `DOCKER_CONFIG` names or else in `~/.docker`."""
    folder = environ.get("DOCKER_CONFIG")
    return AuthStore("docker config", (Path(folder) if folder else home / ".docker") / "config.json")


def dockercfg(home: Path) -> AuthStore:
    """The logins in `~/.dockercfg`, where Docker kept them before 2014 and some tools still do."""
    return AuthStore("~/.dockercfg", home / ".dockercfg", is_flat=True)
