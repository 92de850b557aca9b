"""The one place that says which HTTP library is used, so that a change of it stays one line.

The command-line part of httpx is kept out: it costs a third of the import and nobody here calls it.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None makes the import fail, which httpx allows

import httpx  # noqa: E402

__all__ = ["httpx"]
