"""Where our files are (XDG base directory specification)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from regbrowse.registry.errors import ConfigError

_OURS = "regbrowse"


@dataclass(frozen=True, slots=True)
class Locations:
    """Paths only: nothing need exist, and nothing is made before it is needed.

    Attributes:
        config_file: Written by the user.
        config_folder: Where the lists that we keep ourselves are.
        themes_folder: The user's own themes.
        cache_folder: Safe to delete.
        challenges_file: What registries asked for the last time; in the cache folder.
        visited_file: Which repositories were visited.
    """

    config_file: Path
    config_folder: Path
    themes_folder: Path
    cache_folder: Path
    challenges_file: Path
    visited_file: Path

    @classmethod
    def of(cls, environ: Mapping[str, str], home: Path | None = None) -> Locations:
        """Find the paths that these variables lead to. `REGBROWSE_CONFIG` names the config file itself.

        Raises:
            ConfigError: There is no home folder.
        """
        config = _base(environ, home, "XDG_CONFIG_HOME", ".config")
        cache = _base(environ, home, "XDG_CACHE_HOME", ".cache")
        named = environ.get("REGBROWSE_CONFIG")
        return cls(
            config_file=Path(named) if named else config / "config.yaml",
            config_folder=config,
            themes_folder=config / "themes",
            cache_folder=cache,
            challenges_file=cache / "challenges.json",
            visited_file=_base(environ, home, "XDG_STATE_HOME", ".local/state") / "visited.json",
        )


def make_private_folder(folder: Path) -> None:
    """Make `folder`, and those above it that are missing, for this user alone.

    Raises:
        OSError: That is not possible.
    """
    if not folder.is_dir():
        make_private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _base(environ: Mapping[str, str], home: Path | None, variable: str, default: str) -> Path:
    named = Path(environ.get(variable, ""))
    # The specification wants a path that is not absolute to be ignored.
    return (named if named.is_absolute() else _home(environ, home) / default) / _OURS


def _home(environ: Mapping[str, str], home: Path | None) -> Path:
    if home is not None:
        return home
    if environ.get("HOME"):
        return Path(environ["HOME"])
    try:
        return Path.home()
    except RuntimeError:
        raise ConfigError("This account has no home folder.", "Set HOME, then start again.") from None
