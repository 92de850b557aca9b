"""The one place that says which HTTP library is used, so that a change of it stays one line.

The command-line part of httpx is kept out: it costs a third of the import and nobody here calls it.
"""

from __future__ import annotations

import logging
import sys

logging.getLogger("httpcore").setLevel(logging.WARNING)
"""Below that it writes headers to the log, and so the secrets in a `Location`."""

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None makes the import fail, which httpx allows

import httpx

__all__ = ["httpx"]
