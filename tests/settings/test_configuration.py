from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regbrowse.registry.errors import ConfigError
from regbrowse.settings.configuration import Settings, load_settings

FULL = """\
# of this machine
theme: paper
insecure-registries:
  - registry.corp:5000
  - 10.0.0.0/8
registry-mirrors: [https://mirror.corp]
disable-legacy-registry: yes
certs-dir: /srv/certs.d
keys:
  quit: Q
  filter: 1
  help: "?"
registries:
  localhost:5000:
  https://registry.corp/prefix: {}
trusted-realms:
  registry.corp:5000: [auth.corp, "https://auth.corp:8443/"]
  docker.io: []
netrc: true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def test_every_setting_is_read(file: Path) -> None:
    file.write_text(FULL)
    assert load_settings(file) == Settings(
        theme="paper",  # type: ignore[arg-type]  # equal to its SafeText
        insecure_registries=("registry.corp:5000", "10.0.0.0/8"),
        registry_mirrors=("https://mirror.corp/",),
        disable_legacy_registry=True,
        certs_dir=Path("/srv/certs.d"),
        keys={"quit": "Q", "filter": "1", "help": "?"},
        registries=("localhost:5000", "https://registry.corp/prefix"),
        trusted_realms={"registry.corp:5000": ("auth.corp", "auth.corp:8443"), "docker.io": ()},
        netrc=True,
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "theme:\nregistries:\nkeys: ~\n"])
def test_what_is_not_said_has_its_default(file: Path, text: str) -> None:
    file.write_text(text)
    assert load_settings(file) == Settings()


def test_missing_file_is_all_defaults(file: Path) -> None:
    assert load_settings(file) == Settings()


def test_missing_file_that_was_named_is_an_error(file: Path) -> None:
    with pytest.raises(ConfigError, match="There is no file"):
        load_settings(file, must_exist=True)


def test_registries_may_be_a_list(file: Path) -> None:
    file.write_text("registries: [localhost:5000, registry.corp]")
    assert load_settings(file).registries == ("localhost:5000", "registry.corp")


def test_folder_of_certificates_may_be_in_the_home_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    file.write_text("certs-dir: ~/certs.d")
    assert load_settings(file).certs_dir == Path("/home/ada/certs.d")


@pytest.mark.parametrize(
    "text",
    [
        "trusted_realms: {registry.corp: [auth.corp]}",
        "trusted-realms: {Registry.corp: [AUTH.corp]}",
        "trusted-realms: {registry.corp: [https://auth.corp]}",
        "trusted-realms: {registry.corp: ['https://auth.corp:443/']}",
    ],
)
def test_token_server_that_is_trusted_may_be_spelled_in_several_ways(file: Path, text: str) -> None:
    file.write_text(text)
    assert load_settings(file).trusted_realms == {"registry.corp": ("auth.corp",)}


def test_settings_may_be_spelled_with_underscores(file: Path) -> None:
    file.with_name("dashes.yaml").write_text(FULL)
    dashes = load_settings(file.with_name("dashes.yaml"))
    names = ("insecure-registries", "registry-mirrors", "disable-legacy-registry", "certs-dir", "trusted-realms")
    text = FULL
    for name in names:
        text = text.replace(name, name.replace("-", "_"))
    file.write_text(text)
    assert load_settings(file) == dashes


def test_name_of_a_key_of_an_action_stays_as_it_is_spelled(file: Path) -> None:
    file.write_text("keys: {next_pane: x}")
    assert load_settings(file).keys == {"next_pane": "x"}


def test_unknown_setting_is_kept_and_told(file: Path) -> None:
    file.write_text("theme: paper\n\ncolour\x85: red\n".replace("\x85", "s"))
    loaded = load_settings(file)
    assert loaded.unknown == ("colours",)
    assert loaded.notices == (f"{file}, line 3: “colours” is no setting known here.",)


def test_insecure_registry_stays_as_it_is_written(file: Path) -> None:
    file.write_text("insecure-registries: [http://registry.corp, Registry.corp, 42.42.42.42/8]")
    assert load_settings(file).insecure_registries == ("http://registry.corp", "Registry.corp", "42.42.42.42/8")


def test_scheme_of_an_insecure_registry_is_told(file: Path) -> None:
    file.write_text("insecure-registries: [http://registry.corp]")
    assert "http:// before the insecure registry registry.corp" in load_settings(file).notices[0]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("- a\n", 1, "settings, each as “name: value” should stand here"),
        ("\ntheme: [a]\n", 2, "a theme's name should stand here"),
        ("theme: 5\n", 1, "a theme's name should stand here"),
        ("theme: a\ntheme: b\n", 2, "“theme” is there a second time"),
        ("disable-legacy-registry: maybe\n", 1, "true or false should stand here"),
        ("certs-dir: [a]\n", 1, "a folder should stand here"),
        ("insecure-registries: registry.corp\n", 1, "a list of registries, each after a “-” should stand here"),
        ("insecure-registries:\n  - a.corp\n  - b/c\n", 3, "insecure registry b/c is not valid"),
        ("registry-mirrors:\n  - https://m.corp/v1/\n", 2, "invalid mirror: path"),
        ("keys: [a]\n", 1, "actions with their keys"),
        ("keys:\n  quit: [a]\n", 2, "a key should stand here"),
        ("keys:\n  quit:\n", 2, "a key should stand here"),
        ("registries:\n  two words:\n", 2, "host name"),
        ("trusted-realms: [a]\n", 1, "registries, each with a list of its token servers should stand here"),
        ("trusted-realms:\n  a.corp: b.corp\n", 2, "a list of token servers, each after a “-” should stand here"),
        ("trusted-realms:\n  a.corp:\n    - b.corp\n    - http://c.corp\n", 4, "“http://c.corp” is no token server's"),
        ("trusted-realms:\n  a.corp: [b.corp/token]\n", 2, "no token server's host"),
        ("trusted-realms:\n  a.corp: ['*']\n", 2, "no token server's host"),
        ("trusted-realms:\n  a.corp: ['https://x:y@b.corp']\n", 2, "“b.corp” is no token server's host"),
        ("trusted-realms:\n  a.corp: [1]\n", 2, "a text should stand here"),
        ("\ntrusted-realms:\n  https://a.corp: []\n", 3, "more than a registry's host"),
        ("trusted-realms:\n  two words: []\n", 2, "host name"),
        ("trusted-realms:\n  a.corp: []\n  A.corp: []\n", 3, "“a.corp” is there a second time"),
        ("trusted-realms: {}\ntrusted_realms: {}\n", 2, "“trusted-realms” is there a second time"),
        ("netrc: ~/.netrc\n", 1, "true or false should stand here"),
        ("registries: [1]\n", 1, "a registry should stand here"),
        ("theme: paper\n\tkeys: x\n", 2, "this is not YAML"),
        ("theme: 'open\n", 2, "this is not YAML"),
        ("a: &x 1\nb: *x\n", 2, "aliases"),
        ("theme: a\n---\ntheme: b\n", 2, "this is not YAML"),
        ("theme: !!python/object/apply:os.system [x]\n", 1, "a theme's name should stand here"),
    ],
)
def test_mistake_is_told_with_its_line(file: Path, text: str, line: int, words: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_settings(file)
    assert raised.value.user_message.startswith(f"{file}, line {line}: ")
    assert words in raised.value.user_message


def test_bomb_of_aliases_is_refused(file: Path) -> None:
    levels = (f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]" for level in range(1, 30))
    file.write_text("\n".join(["l0: &l0 [x]", *levels]))
    with pytest.raises(ConfigError, match="aliases"):
        load_settings(file)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\xff", b"theme: \x00", b"x: " + b"[" * 1_000_000, b"#" * (1 << 20) + b"#"]
)
def test_file_that_is_no_such_file_is_an_error_that_names_it(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        load_settings(file)


def test_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path)


def test_password_in_a_mirror_is_in_no_error(file: Path) -> None:
    file.write_text("registry-mirrors: ['https://ada:s3cr3t-canary@mirror.corp']")
    with pytest.raises(ConfigError) as raised:
        load_settings(file)
    assert "s3cr3t-canary" not in repr(raised.value) + raised.value.user_message


PIECES = st.sampled_from(
    [*FULL.split("\n"), "  - a", "- ", "? x", "{", "]", "&a b", "*a", "!!int x", "'", '"', "\t", "a: b", "|", "%"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(PIECES, max_size=8))
def test_any_file_is_read_or_a_configuration_error(file: Path, lines: list[str]) -> None:
    file.write_text("\n".join(lines))
    try:
        assert isinstance(load_settings(file), Settings)
    except ConfigError as error:
        assert str(file) in error.user_message  # noqa: PT017


def test_yaml_is_not_imported_for_a_missing_file(file: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from regbrowse.settings.configuration import load_settings;"
        f"load_settings(Path({str(file)!r})); sys.exit('yaml' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
