"""Themes: one YAML file each, named after it. Ours are in `themes/`, the user's beside the config file.

A theme that Textual cannot use would end the app late, in the middle of drawing. So a file is checked key by key as it
is read, and the whole style sheet once more before the switch. Before the first paint there is one theme to be read,
and importing PyYAML would take longer than all else that is done with it: a file as plain as ours is read without.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final

from textual.app import App
from textual.color import Color, ColorParseError
from textual.css.errors import StylesheetError
from textual.css.stylesheet import Stylesheet, StylesheetParseError
from textual.css.tokenizer import TokenError
from textual.theme import Theme

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.text import SafeText

DARK: Final = "harbour"
TERMINAL: Final = "terminal"

SIZE_LIMIT: Final = 65_536
"""Bytes of a theme file."""

_ANSI_DEFAULTS: Final = {"ansi-background": "ansi_default", "ansi-foreground": "ansi_default"}
"""Textual's own widgets ask for these, and no other default fits a theme of sixteen colours."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_PLAIN_LINE: Final = re.compile(
    r"""(  )?(?!(?:on|off|no|yes|true|false|null):)([a-z]{2,}(?:-[a-z]+)*):"""
    r"""(?: "([ !#-\[\]-~]*)"| (true|false|[a-z]{3,}_[a-z_]*[a-z]))?"""
)
_TRUTHS: Final = {"true": True, "false": False}
_BESIDE_PACKAGE: Final = Path(__file__).parents[2] / "themes"
_IN_PACKAGE: Final = Path(__file__).parents[1] / "themes"


class ThemeError(ConfigError):
    """A theme file that cannot be used."""

    default_next_step = "Correct the file, or choose another theme with --theme."


@dataclass(frozen=True, slots=True)
class ThemeFile:
    """What a theme file may hold; a key is the attribute's name with `-` for `_`. Colours are CSS colours.

    `variables` overrides what Textual works out from the colours, such as `block-cursor-background`.
    """

    primary: str
    dark: bool = True
    ansi: bool = False
    secondary: str | None = None
    accent: str | None = None
    success: str | None = None
    warning: str | None = None
    error: str | None = None
    foreground: str | None = None
    background: str | None = None
    surface: str | None = None
    panel: str | None = None
    boost: str | None = None
    luminosity_spread: float = 0.15
    variables: Mapping[str, str] | None = None

    def theme(self, name: str) -> Theme:
        """The theme of Textual's, called `name`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Theme(name=name, **values | {"variables": _ANSI_DEFAULTS | dict(self.variables or {})})


@dataclass(frozen=True, slots=True)
class ThemeProblem:
    """A theme file that was left out, and why."""

    path: Path
    sentence: SafeText


@dataclass(frozen=True, slots=True)
class LoadedThemes:
    """What a folder of themes gave."""

    loaded: tuple[Theme, ...] = ()
    failed: tuple[ThemeProblem, ...] = ()


# Finding


def default_theme(color_system: str | None, no_color: bool) -> str:
    """The theme for a user who chose none.

    Args:
        color_system: `app.console.color_system`. With sixteen colours our own shades would fall together.
        no_color: Whether NO_COLOR is set.
    """
    return DARK if color_system in ("256", "truecolor") and not no_color else TERMINAL


def theme_folder() -> Path:
    """Where our own themes are: beside the package in a checkout, in it when installed."""
    return _IN_PACKAGE if _IN_PACKAGE.is_dir() else _BESIDE_PACKAGE


def builtin_themes() -> tuple[Theme, ...]:
    """All of our own themes."""
    return tuple(load_theme(path) for path in _theme_files(theme_folder()))


def load_user_themes(directory: Path) -> LoadedThemes:
    """Read all themes of a folder, which need not exist. One that cannot be used does not keep the others out."""
    loaded: list[Theme] = []
    failed: list[ThemeProblem] = []
    for path in _theme_files(directory):
        try:
            loaded.append(load_theme(path))
        except ThemeError as error:
            failed.append(ThemeProblem(path, error.user_message))
    return LoadedThemes(tuple(loaded), tuple(failed))


def find_theme(name: str, directory: Path | None = None) -> Theme:
    """Read one theme: the user's own if there is one of that name, else ours.

    Args:
        name: The theme's name.
        directory: The folder of the user's themes.

    Raises:
        ThemeError: There is none, or its file cannot be used.
    """
    folders = [theme_folder()] if directory is None else [directory, theme_folder()]
    paths = [path for folder in folders for path in _theme_files(folder)]
    for path in paths:
        if path.stem == name:
            return load_theme(path)
    known = sorted({path.stem for path in paths})
    raise ThemeError(f"There is no theme {name!r}{_did_you_mean(name, known)}", f"There are {', '.join(known)}.")


def _theme_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())
    except OSError:
        return []


# Using


def use_theme(app: App[Any], theme: Theme) -> None:
    """Register `theme` and switch to it.

    Raises:
        ThemeError: The app's style sheet does not work with it; the app is as it was.
    """
    sheet = app.stylesheet.copy()
    generated = theme.to_color_system().generate()
    sheet.set_variables({**app.get_theme_variable_defaults(), **generated, **theme.variables})
    try:
        sheet.reparse()
    except (StylesheetError, TokenError) as error:
        raise ThemeError(f"Theme {theme.name!r} holds a value that the screen cannot use") from error
    app.register_theme(theme)
    app.theme = theme.name


# Reading


def load_theme(path: Path) -> Theme:
    """Read one theme file.

    Raises:
        ThemeError: Names the file, the key, and what is wrong.
    """
    try:
        if not _NAME.fullmatch(path.stem):
            raise ValueError("the name of a theme's file is letters, digits, - and _, and begins with a letter")
        return _parse(_read(path)).theme(path.stem)
    except (ValueError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ThemeError(f"{path.name}: {reason}") from error


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(SIZE_LIMIT + 1)
    if len(data) > SIZE_LIMIT:
        raise ValueError(f"more than {SIZE_LIMIT:,} bytes is no theme")
    return data


def _parse(data: bytes) -> ThemeFile:
    plain = load_plain(data)
    values: object = load_yaml(data) if plain is None else plain
    if not isinstance(values, dict):
        raise ValueError("a theme is a list of `key: value`")
    kinds = {field.name.replace("_", "-"): field for field in fields(ThemeFile)}
    _check_keys(values, kinds)
    for key, value in values.items():
        _check_value(key, value)
    if "primary" not in values:
        raise ValueError("primary is missing: the one colour that every theme needs")
    return ThemeFile(**{kinds[key].name: value for key, value in values.items()})


def _check_value(key: str, value: object) -> None:
    if key in ("dark", "ansi"):
        if not isinstance(value, bool):
            raise ValueError(f"{key} is true or false, not {value!r}")
    elif key == "luminosity-spread":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValueError(f"{key} is a number from 0 to 1, not {value!r}")
    elif key == "variables":
        _check_variables(value)
    else:
        _check_colour(key, value)


def _check_variables(variables: object) -> None:
    if not isinstance(variables, dict):
        raise ValueError("variables is a list of `key: value`")
    _check_keys(variables, _known_variables())
    for key, value in variables.items():
        if not isinstance(value, str):
            raise ValueError(f'{key} is text in quotes, such as "#88c0d0", not {value!r}')
        _check_css(key, value)


def _check_keys(values: Mapping[object, object], known: Iterable[str]) -> None:
    known = list(known)
    for key in values:
        if key not in known:
            raise ValueError(f"there is no key {key!r}{_did_you_mean(str(key), known)}")


def _check_colour(key: str, value: object) -> None:
    if value is None:
        raise ValueError(f'{key} is empty: colours stand in quotes, as "#88c0d0", since # begins a comment')
    try:
        Color.parse(str(value))
    except ColorParseError:
        raise ValueError(f"{key}: {value!r} is not a colour") from None


def _check_css(key: str, value: str) -> None:
    is_style = key.endswith(("text-style", "link-style", "link-style-hover"))
    sheet = Stylesheet(variables={key: value})
    sheet.add_source(f"Widget {{ {'text-style' if is_style else 'color'}: ${key}; }}")
    try:
        sheet.parse()
        usable = len(sheet.rules) == 1
    except (StylesheetParseError, TokenError):
        usable = False
    if not usable:
        raise ValueError(f"{key}: {value!r} is not a {'text style' if is_style else 'colour'}")


@cache
def _known_variables() -> frozenset[str]:
    return frozenset(Theme(name="any", primary="#000000").to_color_system().generate())


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def load_plain(data: bytes) -> dict[str, Any] | None:
    """Read a file of nothing but texts, `true` and `false`, with a block of texts in it.

    Args:
        data: The file.

    Returns:
        What YAML would give; None if it takes YAML to tell.
    """
    found: dict[str, Any] = {}
    block: dict[str, Any] | None = None
    for line in data.decode("utf-8", "replace").splitlines():
        if not line or line.startswith("#"):
            continue
        match = _PLAIN_LINE.fullmatch(line)
        if match is None:
            return None
        indent, key, text, word = match.groups()
        if not indent:
            block = None
        elif block is None:
            return None
        if text is None and word is None:
            if indent:
                return None
            block = found[key] = {}
        else:
            (found if block is None else block)[key] = _TRUTHS.get(word, word) if text is None else text
    return found if all(value != {} for value in found.values()) and found else None


def load_yaml(data: bytes) -> object:
    """Read a file with PyYAML.

    Raises:
        ValueError: It is no YAML, or uses what a theme has no need of.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """Without aliases, by which a small file could become an endless one."""

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):
                raise ValueError("aliases (*name) are not taken here")
            return super().compose_node(parent, index)

    try:
        return yaml.load(data, Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}"
        raise ValueError(
            f"this is not YAML{where}: {getattr(error, 'problem', None) or 'it cannot be read'}"
        ) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
