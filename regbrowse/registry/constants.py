"""Names and addresses that Docker's `registry` package fixed (seed-registry-package.md §1)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from regbrowse import __version__

AUTH_CLIENT_ID: Final = "docker"
"""The `client_id` that token servers are told."""

DEFAULT_SEARCH_LIMIT: Final = 25
"""Results that a search gives if nobody asks for another number."""

DEFAULT_NAMESPACE: Final = "docker.io"
DEFAULT_REGISTRY_VERSION_HEADER: Final = "Docker-Distribution-Api-Version"
INDEX_NAME: Final = "docker.io"
INDEX_HOSTNAME: Final = "index.docker.io"
INDEX_SERVER: Final = "https://index.docker.io/v1/"
"""The index of Docker Hub, and the key of its login in Docker's files; the slash at its end counts."""

NOTARY_SERVER: Final = "https://notary.docker.io"
DEFAULT_V1_REGISTRY: Final = "https://index.docker.io"
DEFAULT_V2_REGISTRY: Final = "https://registry-1.docker.io"

CERTS_DIR: Final = Path("/etc/docker/certs.d")
"""Docker's directory of certificates: one folder for each `host` or `host:port`."""

USER_AGENT: Final = f"regbrowse/{__version__}"
"""Ours; a library's user may send another one."""
