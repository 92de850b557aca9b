"""How a login that another program keeps is removed: by that program, or by hand. It is never done here."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from regbrowse.registry.reference import DOCKER_HUB
from regbrowse.registry.text import SafeText, safe_text

Removal = Callable[[str], SafeText]
"""Says, as a sentence, how the login of a host is removed."""


def removed_by_docker(host: str) -> SafeText:
    """By Docker, from its config or from the helper that this names. Docker Hub is what it means without a host."""
    return safe_text("To remove it: docker logout" + (f" {host}" if host != DOCKER_HUB else ""))


def removed_by_podman(path: Path | None) -> Removal:
    """By Podman.

    Args:
        path: The file that it must be told of; None for the one that it takes by itself.
    """
    option = f" --authfile {shlex.quote(str(path))}" if path else ""
    return lambda host: safe_text(f"To remove it: podman logout{option} {host}")


def removed_by_hand(path: Path) -> Removal:
    """By editing a file that no program removes a login from."""
    return lambda host: safe_text(f"To remove it, take the entry of {host} out of {path}.")


def removed_with_variable(name: str) -> Removal:
    """With the environment variable that it is in."""
    return lambda host: safe_text(f"To remove it, unset the variable {name}.")
