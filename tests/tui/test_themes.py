"""Theme files: what is taken, what is refused with the key named, and that ours can be read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.color import Color
from textual.theme import Theme
from textual.widgets import Button, Input, OptionList, Static

from regbrowse.tui.guards import GuardedApp
from regbrowse.tui.themes import (
    SIZE_LIMIT,
    ThemeError,
    builtin_themes,
    default_theme,
    find_theme,
    load_plain,
    load_theme,
    load_user_themes,
    load_yaml,
    theme_folder,
    use_theme,
)

OURS = {theme.name: theme for theme in builtin_themes()}
OF_COLOUR = {name: 7.0 if name == "contrast" else 4.5 for name, theme in OURS.items() if not theme.ansi}

GROUNDS = ("background", "surface", "panel", "block-cursor-blurred-background")
TEXTS = (
    *("foreground", "text-muted", "text-primary", "text-secondary", "text-accent"),
    *("text-success", "text-warning", "text-error", "link-color"),
)
PAIRS = (
    ("block-cursor-foreground", "block-cursor-background"),
    ("block-cursor-blurred-foreground", "block-cursor-blurred-background"),
    ("input-cursor-foreground", "input-cursor-background"),
    ("input-selection-foreground", "input-selection-background"),
    ("screen-selection-foreground", "screen-selection-background"),
    ("footer-foreground", "footer-background"),
    ("footer-key-foreground", "footer-background"),
    ("footer-description-foreground", "footer-background"),
    ("link-color-hover", "link-background-hover"),
    *(("button-color-foreground", colour) for colour in ("primary", "success", "warning", "error")),
)


class SmallApp(GuardedApp):
    def compose(self) -> ComposeResult:
        yield Input()
        yield OptionList("one", "two")
        yield Button("press")
        yield Static("text")


def variables(theme: Theme) -> Mapping[str, str]:
    return {**theme.to_color_system().generate(), **theme.variables}


def contrast(theme: Theme, text: str, ground: str) -> float:
    """The contrast ratio of WCAG 2.2: from 1 to 21."""
    found = variables(theme)
    lighter, darker = sorted((luminance(Color.parse(found[name])) for name in (text, ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def write(directory: Path, text: str, name: str = "mine.yaml") -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(text)
    return path


# Ours


def test_ours_are_a_dark_a_light_a_high_contrast_and_the_terminals_own() -> None:
    assert {name: (theme.dark, theme.ansi) for name, theme in OURS.items()} == {
        "harbour": (True, False),
        "paper": (False, False),
        "contrast": (True, False),
        "terminal": (True, True),
    }


@pytest.mark.parametrize("name", OURS)
async def test_each_of_ours_draws_textuals_widgets(name: str) -> None:
    app = SmallApp()
    async with app.run_test() as pilot:
        use_theme(app, OURS[name])
        await pilot.press("tab", "down")
        assert app.current_theme.name == name


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", OF_COLOUR)
def test_text_can_be_read_on_every_ground(name: str, text: str, ground: str) -> None:
    assert contrast(OURS[name], text, ground) >= OF_COLOUR[name]


@pytest.mark.parametrize("pair", PAIRS, ids=" on ".join)
@pytest.mark.parametrize("name", OF_COLOUR)
def test_what_has_a_ground_of_its_own_can_be_read(name: str, pair: tuple[str, str]) -> None:
    minimum = min(OF_COLOUR[name], 7.0)
    assert contrast(OURS[name], *pair) >= minimum


@pytest.mark.parametrize("name", OF_COLOUR)
def test_the_border_of_the_focus_stands_out(name: str) -> None:
    theme = OURS[name]
    assert contrast(theme, "border", "background") >= 3
    assert contrast(theme, "border", "border-blurred") >= 2


def test_the_terminals_own_theme_uses_nothing_but_the_sixteen_colours() -> None:
    theme = OURS["terminal"]
    colours = [value for key, value in variables(theme).items() if not key.endswith(("style", "style-hover"))]
    assert {
        value for value in colours if not value.startswith(("ansi_", "transparent")) and Color.parse(value).ansi is None
    } == set()


@pytest.mark.parametrize(
    ("color_system", "no_color", "expected"),
    [
        ("truecolor", False, "harbour"),
        ("256", False, "harbour"),
        ("standard", False, "terminal"),
        (None, False, "terminal"),
        ("truecolor", True, "terminal"),
    ],
)
def test_default_theme_suits_the_terminal(color_system: str | None, no_color: bool, expected: str) -> None:
    assert default_theme(color_system, no_color) == expected


# Files


def test_a_theme_is_called_after_its_file(tmp_path: Path) -> None:
    theme = load_theme(write(tmp_path, 'primary: "#abc"\n', "my-theme.yaml"))
    assert (theme.name, theme.primary) == ("my-theme", "#abc")


def test_a_theme_file_may_set_every_documented_key(tmp_path: Path) -> None:
    text = (
        "primary: red\ndark: false\nansi: false\nsecondary: blue\naccent: lime\nsuccess: green\nwarning: yellow\n"
        "error: red\nforeground: black\nbackground: white\nsurface: white\npanel: white\nboost: white\n"
        "luminosity-spread: 0.2\nvariables:\n  border: red 50%\n  block-cursor-text-style: bold underline\n"
    )
    theme = load_theme(write(tmp_path, text))
    assert (theme.luminosity_spread, theme.variables["border"]) == (0.2, "red 50%")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("primry: red\n", "there is no key 'primry'; did you mean 'primary'?"),
        ("primary: red\nname: mine\n", "there is no key 'name'"),
        ("primary: red\nluminosity_spread: 1\n", "did you mean 'luminosity-spread'?"),
        ("accent: red\n", "primary is missing"),
        ("primary: #88c0d0\n", "primary is empty: colours stand in quotes"),
        ("primary: nocolour\n", "primary: 'nocolour' is not a colour"),
        ("primary: [red]\n", "primary: ['red'] is not a colour"),
        ("primary: red\nsecondary: 12\n", "secondary: 12 is not a colour"),
        ("primary: red\ndark: maybe\n", "dark is true or false, not 'maybe'"),
        ("primary: red\nluminosity-spread: wide\n", "luminosity-spread is a number from 0 to 1"),
        ("primary: red\nluminosity-spread: .nan\n", "luminosity-spread is a number from 0 to 1"),
        ("primary: red\nvariables: red\n", "variables is a list of `key: value`"),
        ("primary: red\nvariables:\n  bordr: red\n", "there is no key 'bordr'; did you mean 'border'?"),
        ("primary: red\nvariables:\n  border: 12\n", "border is text in quotes"),
        ("primary: red\nvariables:\n  border: nocolour\n", "border: 'nocolour' is not a colour"),
        ("primary: red\nvariables:\n  border: ''\n", "border: '' is not a colour"),
        ("primary: red\nvariables:\n  border: 'red; } * { display: none'\n", "is not a colour"),
        ("primary: red\nvariables:\n  border: $primary\n", "border: '$primary' is not a colour"),
        ("primary: red\nvariables:\n  link-style: loud\n", "link-style: 'loud' is not a text style"),
        ("- primary\n", "a theme is a list of `key: value`"),
        ("", "a theme is a list of `key: value`"),
        ("primary: [red\n", "this is not YAML, line 2"),
        ("primary: !!python/object/apply:os.getpid []\n", "this is not YAML, line 1"),
        ("primary: &a red\naccent: *a\n", "aliases (*name) are not taken here"),
        ("primary: " + "[" * 5_000, "it is nested too deeply"),
        ("primary: red" + " " * SIZE_LIMIT, "more than 65,536 bytes is no theme"),
    ],
)
def test_a_bad_theme_names_the_file_and_the_fault(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ThemeError) as caught:
        load_theme(write(tmp_path, text))
    assert caught.value.user_message.startswith("mine.yaml: ")
    assert named in caught.value.user_message


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"primary: \xff\xfe\n")
    with pytest.raises(ThemeError, match="this is not YAML"):
        load_theme(path)


@pytest.mark.parametrize("name", ["two words.yaml", "1st.yaml", "a.b.yaml", "ü.yaml"])
def test_a_file_whose_name_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ThemeError, match="the name of a theme's file"):
        load_theme(write(tmp_path, "primary: red\n", name))


def test_a_bad_file_does_not_keep_the_others_out(tmp_path: Path) -> None:
    write(tmp_path, "primary: red\n", "good.yaml")
    bad = write(tmp_path, "primry: red\n", "bad.yaml")
    write(tmp_path, "not a theme", "notes.txt")
    themes = load_user_themes(tmp_path)
    assert [theme.name for theme in themes.loaded] == ["good"]
    assert [problem.path for problem in themes.failed] == [bad]
    assert "did you mean 'primary'?" in themes.failed[0].sentence


def test_a_missing_folder_holds_no_themes(tmp_path: Path) -> None:
    themes = load_user_themes(tmp_path / "missing")
    assert (themes.loaded, themes.failed) == ((), ())


def test_the_users_theme_wins_over_ours_of_the_same_name(tmp_path: Path) -> None:
    write(tmp_path, "primary: '#010203'\n", "harbour.yaml")
    assert find_theme("harbour", tmp_path).primary == "#010203"
    assert find_theme("harbour").primary == OURS["harbour"].primary


def test_one_theme_is_found_without_reading_the_others(tmp_path: Path) -> None:
    write(tmp_path, "primry: red\n", "bad.yaml")
    assert find_theme("paper", tmp_path) == OURS["paper"]


def test_an_unknown_theme_is_answered_with_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, "primary: red\n", "mine.yaml")
    with pytest.raises(ThemeError, match="no theme 'harbor'; did you mean 'harbour'") as caught:
        find_theme("harbor", tmp_path)
    assert caught.value.next_step == "There are contrast, harbour, mine, paper, terminal."


async def test_a_theme_that_the_style_sheet_cannot_use_leaves_the_app_as_it_was() -> None:
    app = SmallApp()
    async with app.run_test() as pilot:
        use_theme(app, OURS["paper"])
        with pytest.raises(ThemeError, match="'broken'"):
            use_theme(app, Theme("broken", primary="red", variables={"block-cursor-text-style": "loud"}))
        await pilot.pause()
        assert app.theme == "paper"
        assert "broken" not in app.available_themes


async def test_a_theme_of_sixteen_colours_needs_no_variables(tmp_path: Path) -> None:
    text = "ansi: true\nprimary: ansi_green\nbackground: ansi_default\nforeground: ansi_default\n"
    app = SmallApp()
    async with app.run_test() as pilot:
        use_theme(app, load_theme(write(tmp_path, text)))
        await pilot.pause()
        assert app.theme == "mine"


# Where and when


def test_themes_are_found_beside_the_package_in_a_checkout() -> None:
    assert theme_folder() == Path(__file__).parents[2] / "themes"


def test_themes_are_found_in_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regbrowse.tui.themes._IN_PACKAGE", tmp_path)
    assert theme_folder() == tmp_path


def test_importing_the_module_does_not_import_yaml() -> None:
    script = "import sys, regbrowse.tui.themes; sys.exit('yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_use_theme_is_for_any_app() -> None:
    app: App[None] = App()
    use_theme(app, OURS["harbour"])
    assert app.theme == "harbour"


@pytest.mark.parametrize("name", OURS)
def test_ours_are_read_without_yaml_as_yaml_reads_them(name: str) -> None:
    data = (theme_folder() / f"{name}.yaml").read_bytes()
    assert load_plain(data) is not None
    assert load_plain(data) == load_yaml(data)


@pytest.mark.parametrize(
    "text",
    [
        "primary: red",
        "dark: yes",
        "luminosity-spread: 0.2",
        'primary: "#1e90ff" # a comment',
        'primary: "a\\tb"',
        "primary: '#1e90ff'",
        'variables:\n    border: "#1e90ff"',
        '  border: "#1e90ff"',
        "variables:\n",
        "on: true",
        "",
    ],
)
def test_what_takes_yaml_to_tell_is_left_to_yaml(text: str) -> None:
    assert load_plain(text.encode()) is None
