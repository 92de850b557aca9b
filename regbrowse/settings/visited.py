"""The repositories that were visited, so that they can be offered where a registry has no catalog."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from regbrowse.registry.errors import InvalidReferenceError
from regbrowse.registry.reference import is_repository_name, parse_registry_address
from regbrowse.registry.small_files import read_small_file
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.settings.locations import make_private_folder

REGISTRY_LIMIT: Final = 200
"""Repositories kept for one registry."""

TOTAL_LIMIT: Final = 2_000
"""Repositories kept in all."""

_NO_NOTICE: Final = SafeText("")
_History = dict[str, tuple[SafeText, ...]]


class Visited:
    """What was visited, the most recent first. Threads may share it.

    Args:
        path: The file; None keeps everything in memory only.

    Attributes:
        notice: What was wrong with the file when it was read; empty if nothing was.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._added: list[tuple[str, str]] = []
        self._history, self.notice = _read(path)

    @classmethod
    def load(cls, path: Path | None) -> Visited:
        """Read the file. A missing one is empty, and so is one that cannot be used, with a notice."""
        return cls(path)

    def add(self, registry: str, repository: str = "") -> None:
        """Say that a registry, and a repository in it, is visited. A name that could not be asked for is not kept."""
        with self._lock:
            self._added.append((registry, repository))
            self._history = _with_visit(self._history, registry, repository)

    def registries(self) -> tuple[str, ...]:
        """As they were given to `add`."""
        return tuple(self._history)

    def repositories(self, registry: str) -> tuple[SafeText, ...]:
        """Those of one registry."""
        return self._history.get(registry, ())

    def save(self) -> SafeText:
        """Write the file, together with what another window has written meanwhile.

        Returns:
            Why it could not be written; empty if it could, or if there was nothing to write.
        """
        with self._lock:
            if self._path is None or not self._added:
                return _NO_NOTICE
            history, _ = _read(self._path)
            for registry, repository in self._added:
                history = _with_visit(history, registry, repository)
            try:
                _write(self._path, history)
            except OSError as error:
                return safe_text(f"The visited repositories could not be kept in {self._path}: {error.strerror}.")
            self._added.clear()
            return _NO_NOTICE


def _with_visit(history: _History, registry: str, repository: str) -> _History:
    if not _is_registry(registry) or (repository and not is_repository_name(repository)):
        return history
    before = history.get(registry, ())
    names = (safe_text(repository), *(name for name in before if name != repository)) if repository else before
    others = {name: repositories for name, repositories in history.items() if name != registry}
    return _limited({registry: names, **others})


def _limited(history: Mapping[str, tuple[SafeText, ...]]) -> _History:
    room = TOTAL_LIMIT
    kept: _History = {}
    for registry, names in history.items():
        if room > 0:
            kept[registry] = names[: min(REGISTRY_LIMIT, room)]
            room -= max(len(kept[registry]), 1)
    return kept


def _read(path: Path | None) -> tuple[_History, SafeText]:
    if path is None:
        return {}, _NO_NOTICE
    try:
        raw = read_small_file(path)
        return _parsed(json.loads(raw)) if raw is not None else {}, _NO_NOTICE
    except OSError as error:
        reason = error.strerror or "it cannot be read"
    except (ValueError, RecursionError):
        reason = "it is damaged"
    return {}, safe_text(f"The visited repositories in {path} are not known: {reason}.")


def _parsed(document: object) -> _History:
    registries = document.get("registries") if isinstance(document, dict) else None
    if not isinstance(registries, dict):
        raise ValueError("no registries")
    return _limited(
        {
            registry: tuple(safe_text(name) for name in names if isinstance(name, str) and is_repository_name(name))
            for registry, names in registries.items()
            if isinstance(names, list) and _is_registry(registry)
        }
    )


def _is_registry(text: str) -> bool:
    try:
        parse_registry_address(text)
    except InvalidReferenceError:
        return False
    return True


def _write(path: Path, history: _History) -> None:
    make_private_folder(path.parent)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123  # a descriptor has no path
            json.dump({"registries": history}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
