"""Names of repositories and tags as large registries have them."""

from __future__ import annotations

from typing import Final

_TEAMS: Final = ("accounts", "billing", "catalog", "delivery", "growth", "identity", "messaging", "orders", "web")
_PARTS: Final = ("admin", "api", "batch", "cache", "exporter", "frontend", "gateway", "proxy", "service", "worker")


def repository_names(count: int) -> list[str]:
    """`count` names in order, such as `billing/gateway-000042`."""
    names = (
        f"{_TEAMS[number % len(_TEAMS)]}/{_PARTS[number // 7 % len(_PARTS)]}-{number:06}" for number in range(count)
    )
    return sorted(names)


def tag_names(count: int) -> list[str]:
    """`count` tags: a third versions, a third of those for another base, and builds."""
    kinds = ("{major}.{minor}.{patch}", "{major}.{minor}.{patch}-alpine", "build-{number:06}")
    return [
        kinds[number % 3].format(major=number // 3_000, minor=number // 60 % 50, patch=number // 3 % 20, number=number)
        for number in range(count)
    ]
