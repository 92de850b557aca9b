"""Where Podman, Buildah and Skopeo keep their logins (containers-auth.json(5)). They are read, never written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from regbrowse.credentials.auth_store import AuthStore


def registry_auth_file(environ: Mapping[str, str]) -> tuple[AuthStore, ...]:
    """The logins in the file that `REGISTRY_AUTH_FILE` names, if it names one."""
    named = environ.get("REGISTRY_AUTH_FILE")
    return (AuthStore("REGISTRY_AUTH_FILE", Path(named), path_keys=True),) if named else ()


def podman_auth(environ: Mapping[str, str], home: Path) -> tuple[AuthStore, ...]:
    """The logins of this session, then the ones that outlast it."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    folders = (
        Path(runtime) / "containers" if runtime else Path("/run/containers") / str(os.getuid()),
        Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "containers",
    )
    return tuple(AuthStore("podman auth.json", folder / "auth.json", path_keys=True) for folder in folders)
