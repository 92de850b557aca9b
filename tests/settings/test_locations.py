from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from regbrowse.settings.locations import Locations, make_private_folder

HOME = Path("/home/ada")


def test_defaults_are_in_the_home_folder() -> None:
    assert Locations.of({}, HOME) == Locations(
        config_file=HOME / ".config/regbrowse/config.yaml",
        config_folder=HOME / ".config/regbrowse",
        themes_folder=HOME / ".config/regbrowse/themes",
        cache_folder=HOME / ".cache/regbrowse",
        challenges_file=HOME / ".cache/regbrowse/challenges.json",
        visited_file=HOME / ".local/state/regbrowse/visited.json",
    )


def test_base_directories_of_the_environment_are_taken() -> None:
    environ = {"XDG_CONFIG_HOME": "/c", "XDG_CACHE_HOME": "/k", "XDG_STATE_HOME": "/s"}
    assert Locations.of(environ, HOME) == Locations(
        config_file=Path("/c/regbrowse/config.yaml"),
        config_folder=Path("/c/regbrowse"),
        themes_folder=Path("/c/regbrowse/themes"),
        cache_folder=Path("/k/regbrowse"),
        challenges_file=Path("/k/regbrowse/challenges.json"),
        visited_file=Path("/s/regbrowse/visited.json"),
    )


@pytest.mark.parametrize("value", ["", "relative/path"])
def test_base_directory_that_is_not_absolute_is_ignored(value: str) -> None:
    assert Locations.of({"XDG_CONFIG_HOME": value}, HOME) == Locations.of({}, HOME)


def test_config_file_may_be_named_alone() -> None:
    locations = Locations.of({"REGBROWSE_CONFIG": "mine.yaml"}, HOME)
    assert locations.config_file == Path("mine.yaml")
    assert locations.themes_folder == HOME / ".config/regbrowse/themes"


def test_home_of_the_environment_is_taken() -> None:
    assert Locations.of({"HOME": "/home/ada"}) == Locations.of({}, HOME)


def test_folders_that_are_made_are_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_private_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    made = (tmp_path / "a", tmp_path / "a" / "b")
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in made] == [0o700, 0o700]


def test_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private_folder(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
