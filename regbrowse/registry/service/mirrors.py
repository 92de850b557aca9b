"""Mirrors of Docker Hub, as the Docker daemon takes them (`seed-registry-package.md` §5, `ValidateMirror`)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.service.masking import without_secrets

_NEXT_STEP: Final = "Write a mirror as https://mirror.corp or http://mirror.corp:5000."
_NOT_IN_A_URI: Final = re.compile(r'[\x00-\x20\x7f<>"`{}|\\^]|%(?![0-9A-Fa-f]{2})')


def validate_mirror(value: str) -> str:
    """Check the URL of a mirror, in the manner of July 2017.

    A lone `/` is the only path allowed. The spelling of the scheme stays. Other than upstream, a URL without a host is
    refused, and a password is masked in every message.

    Returns:
        The URL with exactly one more `/` at its end than it has without its last one.

    Raises:
        ConfigError: It is no such URL; the message begins with "invalid mirror: ".
    """
    parts = _split(value)
    shown = without_secrets(value)
    if parts is None:
        raise ConfigError(f"invalid mirror: “{shown}” is not a valid URI", _NEXT_STEP)
    if parts.scheme not in ("http", "https"):
        raise ConfigError(f"invalid mirror: unsupported scheme “{parts.scheme}” in “{shown}”", _NEXT_STEP)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ConfigError(f"invalid mirror: path, query, or fragment at end of the URI “{shown}”", _NEXT_STEP)
    if "@" in parts.netloc:
        raise ConfigError(f"invalid mirror: username/password not allowed in URI “{shown}”", _NEXT_STEP)
    if not parts.hostname:
        raise ConfigError(f"invalid mirror: no host in “{shown}”", _NEXT_STEP)
    return f"{value.removesuffix('/')}/"


def _split(value: str) -> SplitResult | None:
    if _NOT_IN_A_URI.search(value):
        return None
    try:
        parts = urlsplit(value)
        _ = parts.port  # only now is it looked at
    except ValueError:
        return None
    return parts
