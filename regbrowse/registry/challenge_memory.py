"""What registries asked for last, kept from one run to the next: so a request brings along what it would be asked for.

There is no secret in it. What is recalled came from a network, and is judged anew each time (registry-client.md §1.2).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from regbrowse.registry.auth import ENTRANCE, Scope
from regbrowse.registry.challenges import Challenge
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.small_files import read_small_file

LIFETIME: Final = 30 * 86_400.0
"""Seconds for which a challenge is remembered."""

ENTRIES_LIMIT: Final = 500
FILE_LIMIT: Final = 65_536
"""Bytes."""

_SCHEMES: Final = frozenset({"basic", "bearer"})
_REALM_LIMIT: Final = 2_048  # that of token_protocol, which takes a while to import: this is made at the start
_TEXT_LIMIT: Final = 512
_FRAME: Final = '{"challenges": [\n%s\n]}\n'
_BETWEEN: Final = ",\n"


class ChallengeMemory(Protocol):
    """Knows what an origin asked for when one of its resources was wanted, by their class (`Scope.resource`)."""

    async def recall(self, origin: str, resource: str) -> Challenge | None:
        """What was asked for last; None if that is not known."""

    async def remember(self, origin: str, resource: str, challenge: Challenge) -> None:
        """Keep scheme, realm and service of `challenge`, in place of an earlier one."""

    async def forget(self, origin: str, resource: str) -> None:
        """Told that what was remembered does not hold any more."""


@dataclass(frozen=True, slots=True)
class _Seen:
    scheme: str
    realm: str
    service: str
    seen_at: float

    @property
    def challenge(self) -> Challenge:
        named = {"realm": self.realm, "service": self.service}
        return Challenge(self.scheme, {name: text for name, text in named.items() if text})


_Key: TypeAlias = tuple[str, str]
_Entries: TypeAlias = dict[_Key, _Seen]


class ChallengesFile:
    """Remembers in a JSON file of mode 0600. It is a cache: what cannot be read is empty, and is replaced.

    Args:
        path: The file; its folder is made if it is missing, for this user alone. None keeps everything in memory only.
        clock: Seconds since the epoch.
    """

    def __init__(self, path: Path | None, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._entries: _Entries | None = None
        self._using = asyncio.Lock()

    async def recall(self, origin: str, resource: str) -> Challenge | None:
        async with self._using:
            if self._entries is None:
                self._entries = await asyncio.to_thread(self._read)
            found = self._entries.get((origin, resource))
        return found.challenge if found and self._is_fresh(found) else None

    async def remember(self, origin: str, resource: str, challenge: Challenge) -> None:
        # A password's realm is but a title
        named = challenge.parameters if challenge.scheme == "bearer" else {}
        seen = _Seen(challenge.scheme, named.get("realm", ""), named.get("service", ""), float(self._clock()))
        if _is_sound((origin, resource), seen):
            await self._change((origin, resource), seen)

    async def forget(self, origin: str, resource: str) -> None:
        await self._change((origin, resource), None)

    async def _change(self, key: _Key, seen: _Seen | None) -> None:
        async with self._using:
            self._entries = await asyncio.to_thread(self._changed, key, seen)

    def _changed(self, key: _Key, seen: _Seen | None) -> _Entries:
        """Blocking: change the file as it is now, for another process may have written it."""
        entries = dict(self._entries or {}) if self._path is None else self._read()
        if entries.pop(key, None) is None and seen is None:
            return entries
        if seen:
            entries[key] = seen
        entries = dict(sorted(entries.items(), key=lambda entry: entry[1].seen_at)[-ENTRIES_LIMIT:])
        if self._path is not None:
            # Without a file the next run is asked once more, which is nothing to tell anybody
            with contextlib.suppress(OSError):
                _write(self._path, entries)
        return entries

    def _read(self) -> _Entries:
        """Blocking."""
        try:
            raw = read_small_file(self._path) if self._path else None
            parsed = _parsed(json.loads(raw)) if raw and len(raw) <= FILE_LIMIT else {}
        except (OSError, ValueError, RecursionError):  # a cache that is of no use
            return {}
        return {key: seen for key, seen in parsed.items() if self._is_fresh(seen)}

    def _is_fresh(self, seen: _Seen) -> bool:
        return 0 <= self._clock() - seen.seen_at <= LIFETIME


def _parsed(document: object) -> _Entries:
    entries = document.get("challenges") if isinstance(document, dict) else None
    found: _Entries = {}
    for entry in entries[-ENTRIES_LIMIT:] if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        origin, resource, scheme, realm, service = (
            entry.get(name) for name in ("origin", "resource", "scheme", "realm", "service")
        )
        seen_at = entry.get("seen_at")
        texts = (origin, resource, scheme, realm, service)
        if not all(isinstance(text, str) for text in texts) or not isinstance(seen_at, float):
            continue
        key, seen = (str(origin), str(resource)), _Seen(str(scheme), str(realm), str(service), seen_at)
        if _is_sound(key, seen):
            found[key] = seen
    return found


def _is_sound(key: _Key, seen: _Seen) -> bool:
    """Whether it makes sense to keep this: its texts go into requests."""
    texts = (*key, seen.realm, seen.service)
    return (
        seen.scheme in _SCHEMES
        and all(text.isprintable() for text in texts)
        and len(seen.realm) <= _REALM_LIMIT
        and max(len(text) for text in (*key, seen.service)) <= _TEXT_LIMIT
    )


def _lines(entries: _Entries) -> list[str]:
    """The entries as they are written: the newest that have room in the file, in their order."""
    lines: list[str] = []
    room = FILE_LIMIT - len(_FRAME % "")
    for (origin, resource), seen in reversed(entries.items()):
        line = json.dumps({"origin": origin, "resource": resource, **asdict(seen)})
        room -= len(line) + len(_BETWEEN)
        if room < 0:
            break
        lines.append(line)
    return lines[::-1]


def _write(path: Path, entries: _Entries) -> None:
    """Write by renaming, so that nobody reads half of it.

    Raises:
        OSError: That is not possible.
    """
    _make_private_folder(path.parent)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123  # a descriptor has no path
            file.write(_FRAME % _BETWEEN.join(_lines(entries)))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _make_private_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


class EndpointMemory:
    """What one endpoint asked for, by the class of what was wanted; a run asks the memory once for each.

    The entrance alone (`/v2/`) leads to no resource, and counts for none.

    Args:
        memory: None for none.
        endpoint: The only way to a registry; None if there are several. One that is not safe is not remembered.
    """

    def __init__(self, memory: ChallengeMemory | None, endpoint: APIEndpoint | None) -> None:
        self.endpoint = endpoint if endpoint and endpoint.is_trusted else None
        self._memory = memory if self.endpoint else None
        self._origin = self.endpoint.base if self.endpoint else ""
        self._known: dict[str, Challenge | None] = {}

    async def recall(self, scope: Scope) -> Challenge | None:
        """What was asked for last; None if that is not known."""
        if self._memory is None or scope == ENTRANCE:
            return None
        if scope.resource not in self._known:
            self._known[scope.resource] = await self._memory.recall(self._origin, scope.resource)
        return self._known[scope.resource]

    async def keep(self, scope: Scope, challenge: Challenge) -> None:
        """Told what is asked for."""
        if self._memory and scope != ENTRANCE and self._known.get(scope.resource) != challenge:
            self._known[scope.resource] = challenge
            await self._memory.remember(self._origin, scope.resource, challenge)

    async def drop(self, scope: Scope, *, unless: Challenge | None = None) -> None:
        """Forget what was asked for, unless it is the same."""
        if self._memory and scope != ENTRANCE and self._known.get(scope.resource) not in (None, unless):
            self._known[scope.resource] = None
            await self._memory.forget(self._origin, scope.resource)
