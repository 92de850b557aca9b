"""The README says what is so: its keys, options, settings and files exist, and its commands are one line each."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from regbrowse.cli import _parser
from regbrowse.settings.configuration import load_settings
from regbrowse.tui.actions import ACTIONS

ROOT: Final = Path(__file__).parents[1]
README: Final = (ROOT / "README.md").read_text()

SPELLINGS: Final = {
    "/": "slash",
    "?": "question_mark",
    ":": "colon",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
}
"""How Textual spells what a person writes."""

OF_THE_LISTS: Final = {"enter", "j", "k", "g", "G"}
"""Keys that are the lists' own, and not in the table of actions."""


def section(title: str) -> str:
    """The text under a heading."""
    return README.split(f"\n## {title}\n")[1].partition("\n## ")[0]


def marked_command(mark: str) -> str:
    """The code block that follows the comment `mark`."""
    found = re.search(rf"<!-- {mark} -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert found, f"there is no command marked {mark}"
    return found[1]


def table_cells(text: str, column: int) -> list[str]:
    """A column of a table, without its title."""
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    return [row[column].strip() for row in rows[2:]]


def in_code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("mark", ["run", "tests"])
def test_the_command_is_one_line(mark: str) -> None:
    assert re.fullmatch(r"\S[^\n]*\n", marked_command(mark))


def test_the_command_of_the_tests_installs_what_they_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = re.findall(r"\.\[([a-z]+)\]", marked_command("tests"))
    assert extras == [name for name in project["optional-dependencies"] if name in extras] != []


def test_every_key_is_a_key() -> None:
    keys = {key for action in ACTIONS for key in action.keys.split(",")} | OF_THE_LISTS
    named = [key for cell in table_cells(section("Keys"), 0) for key in in_code(cell)]
    assert named
    assert [key for key in named if SPELLINGS.get(key, key) not in keys] == []


def test_every_option_is_an_option() -> None:
    options = {option for action in _parser()._actions for option in action.option_strings}
    ours = README.replace(marked_command("run"), "").replace(marked_command("tests"), "")
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours))
    assert named
    assert named - options == set()


def test_every_setting_is_a_setting(tmp_path: Path) -> None:
    [said] = [
        cell
        for name, cell in zip(*(table_cells(section("Files"), n) for n in (0, 1)), strict=True)
        if "config.yaml" in name
    ]
    config = tmp_path / "config.yaml"
    config.write_text("".join(f"{name}:\n" for name in in_code(said)))
    assert load_settings(config).unknown == ()


def test_every_dependency_is_explained() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = sorted(match[0] for text in wanted if (match := re.match(r"[\w-]+", text)))
    assert sorted(table_cells(section("Dependencies, and why"), 0)) == names


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_what_is_linked_exists(link: str) -> None:
    assert link.startswith("https://") or (ROOT / link).exists()
