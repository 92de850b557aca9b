"""In which order tags are shown, and which of them are the same image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Final

from regbrowse.browser.states import TagDetails
from regbrowse.registry.text import SafeText


class Order(Enum):
    """The orders that a user can choose."""

    NAME = "name"
    VERSION = "version"
    NEWEST = "newest"
    SIZE = "size"

    @property
    def label(self) -> SafeText:
        return SafeText(self.value)

    @property
    def needs_details(self) -> bool:
        """The order is known only after every tag was asked for."""
        return self in (Order.NEWEST, Order.SIZE)


_FRIENDS: Final = ("latest", "stable", "lts", "current", "mainline", "edge", "nightly", "main", "master")
"""Names that stand for the newest of something, the most usual first."""

_STAGES: Final = {"a": "alpha", "b": "beta", "c": "rc", "cr": "rc", "m": "milestone"}
_VERSION: Final = re.compile(
    r"v?(?P<numbers>\d+(?:\.\d+)*)"
    r"(?:(?P<joint>[-_.]?)"
    r"(?P<stage>alpha|beta|canary|cr|dev|ea|milestone|next|nightly|preview|pre|rc|snapshot|[abcm](?=[-.]?\d))"
    r"(?P<stage_number>[-.]?\d*(?:\.[\w.]+)?))?"
    r"(?:[-_.+](?P<variant>.*))?"
)
_DIGITS: Final = re.compile(r"\d+")
_NOT_WORDS: Final = re.compile(r"[\d._-]+")


def sort_tags(names: Sequence[SafeText], order: Order, details: Mapping[SafeText, TagDetails]) -> list[SafeText]:
    """Sort tags.

    - VERSION: `latest` and its like, then versions, then other names. Versions have the newest first and a pre-release
      below its release; those with a suffix such as `-alpine` follow in a group for each suffix. Other names are in
      natural order, in which `build-9` is before `build-10`.
    - NAME: alphabetically.
    - NEWEST, SIZE: the newest, the largest first; tags whose details are not known come after, by version.

    Args:
        names: Tags, in any order; any text is a tag here.
        order: By what.
        details: What is known of them so far; used for NEWEST and SIZE.
    """
    if order is Order.NAME:
        return sorted(names, key=lambda name: (name.lower(), name))
    tags = _by_version(names)
    if order is Order.VERSION:
        return tags
    known: list[tuple[float, SafeText]] = []
    unknown: list[SafeText] = []
    for tag in tags:
        value = _value(details.get(tag), order)
        if value is None:
            unknown.append(tag)
        else:
            known.append((value, tag))
    known.sort(key=lambda pair: pair[0], reverse=True)
    return [tag for _, tag in known] + unknown


def _value(details: TagDetails | None, order: Order) -> float | None:
    if details is None:
        return None
    if order is Order.SIZE:
        return details.size
    return details.created.timestamp() if details.created else None


def _by_version(names: Sequence[SafeText]) -> list[SafeText]:
    keys = {name: _version_keys(name) for name in names}
    tags = sorted(names, key=lambda name: keys[name][1], reverse=True)
    tags.sort(key=lambda name: keys[name][0])
    return tags


@lru_cache(maxsize=1 << 16)
def _version_keys(name: str) -> tuple[str, str]:
    """The key of the group that comes sooner, and in it the key of the tag that comes later.

    Keys are strings because these are small and quick to compare, and there can be 50,000 of them.
    """
    lower = name.lower()
    if lower in _FRIENDS:
        return f"0{_FRIENDS.index(lower)}", ""
    match = _version(lower)
    if match is None:
        return f"2{_natural(lower)} {name}", ""
    group, variant = _variant(match["variant"] or "")
    plain_first = "" if lower.startswith("v") else "~"
    return group, f"{_version_key(match)}{variant}\x00{plain_first}{name}"


def _version(lower: str) -> re.Match[str] | None:
    match = _VERSION.fullmatch(lower)
    if match and match["stage"] and not match["joint"] and "." not in match["numbers"]:
        return None  # 12a34 is part of a commit's hash rather than a pre-release
    return match


def _version_key(match: re.Match[str]) -> str:
    numbers = "".join([_number(digits) for digits in match["numbers"].split(".")])
    stage = match["stage"]
    if not stage:
        return f"{numbers} ~"
    return f"{numbers} {_STAGES.get(stage, stage)}{_natural(match['stage_number'].lstrip('.-'))} "


@lru_cache(maxsize=1 << 10)
def _variant(variant: str) -> tuple[str, str]:
    """The group of a suffix, which is its words, and the suffix in natural order."""
    return "1" + _NOT_WORDS.sub("-", variant).strip("-"), _natural(variant)


def _natural(text: str) -> str:
    return _DIGITS.sub(lambda match: _number(match[0]), text)


@lru_cache(maxsize=1 << 12)
def _number(digits: str) -> str:
    """Digits behind their count, so that 10 is after 9 as text too."""
    digits = digits.lstrip("0") or "0"
    return f"0{chr(0x30 + len(digits))}{digits}"


def _telling(name: str) -> tuple[int, int, int, str]:
    lower = name.lower()
    match = _version(lower)
    if match is None:
        return (1, _FRIENDS.index(lower) if lower in _FRIENDS else len(_FRIENDS), 0, _natural(lower) + name)
    return (0, -match["numbers"].count("."), len(name), name)


def by_telling(names: Iterable[SafeText]) -> tuple[SafeText, ...]:
    """Names of the same thing, the most telling first: `1.4.2`, then `1.4`, then `latest`."""
    return tuple(sorted(names, key=_telling))
