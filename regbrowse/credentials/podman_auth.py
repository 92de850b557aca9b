"""Where Podman, Buildah and Skopeo keep their logins (containers-auth.json(5)). They are read, never written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from regbrowse.credentials.auth_store import AuthStore
from regbrowse.credentials.removal import removed_by_podman


def registry_auth_file(environ: Mapping[str, str]) -> tuple[AuthStore, ...]:
    """The logins in the file that `REGISTRY_AUTH_FILE` names, if it names one."""
    named = environ.get("REGISTRY_AUTH_FILE")
    if not named:
        return ()
    return (AuthStore("REGISTRY_AUTH_FILE", Path(named), path_keys=True, removal=removed_by_podman(Path(named))),)


def podman_auth(environ: Mapping[str, str], home: Path) -> tuple[AuthStore, ...]:
    """The logins of this session, then the ones that outlast it."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    session = (Path(runtime) / "containers" if runtime else Path("/run/containers") / str(os.getuid())) / "auth.json"
    lasting = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "containers/auth.json"
    by_default = None if environ.get("REGISTRY_AUTH_FILE") else session
    return tuple(
        AuthStore(
            "podman auth.json", path, path_keys=True, removal=removed_by_podman(None if path == by_default else path)
        )
        for path in (session, lasting)
    )
