"""The hosts under which the sample registry answers: one registry, with different catalogs."""

from __future__ import annotations

from typing import Final

DEMO_HOST: Final = "registry.demo"
FORBIDDEN_HOST: Final = f"forbidden.{DEMO_HOST}"
EMPTY_HOST: Final = f"empty.{DEMO_HOST}"
MISSING_HOST: Final = f"missing.{DEMO_HOST}"

DEMO_HOSTS: Final = (DEMO_HOST, FORBIDDEN_HOST, EMPTY_HOST, MISSING_HOST)
