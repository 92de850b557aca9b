"""The service's options: their names in JSON, and their flags (seed-registry-package.md §2 and §5)."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.service.options import ServiceOptions

CANARY = "s3cr3t-canary"
FULL = {
    "registry-mirrors": ["https://a.corp"],
    "insecure-registries": ["registry.corp", "10.0.0.0/8"],
    "disable-legacy-registry": True,
    "allow-nondistributable-artifacts": ["foreign.corp"],
}


def test_options_are_read_with_the_keys_of_the_daemon() -> None:
    assert ServiceOptions.from_json({**FULL, "debug": True}) == ServiceOptions(
        ["https://a.corp"], ["registry.corp", "10.0.0.0/8"], True, ["foreign.corp"]
    )


def test_keys_are_read_in_any_case_as_go_does() -> None:
    assert ServiceOptions.from_json({"Registry-Mirrors": ["x"]}) == ServiceOptions(["x"])


def test_options_are_written_as_they_were_read() -> None:
    assert ServiceOptions.from_json(FULL).to_json() == FULL


def test_empty_options_are_left_out() -> None:
    assert ServiceOptions().to_json() == {}


@pytest.mark.parametrize("value", [None, {}, dict.fromkeys(FULL)])
def test_what_says_nothing_are_no_options(value: object) -> None:
    assert ServiceOptions.from_json(value) == ServiceOptions()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, value) for key in FULL for value in (CANARY, 5, {CANARY: 1}, [5], [None], [[CANARY]])),
        ("disable-legacy-registry", 1),
        ("disable-legacy-registry", "true"),
        ("registry-mirrors", True),
    ],
)
def test_option_of_a_wrong_type_is_named(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=key) as raised:
        ServiceOptions.from_json({key: value})
    assert CANARY not in f"{raised.value!r} {raised.value} {raised.value.next_step}"


@pytest.mark.parametrize("value", [[], "x", 5, True])
def test_what_is_no_object_are_no_options(value: object) -> None:
    with pytest.raises(ConfigError, match="JSON object"):
        ServiceOptions.from_json(value)


def test_options_that_were_read_do_not_share_their_lists() -> None:
    mirrors = ["https://a.corp"]
    ServiceOptions.from_json({"registry-mirrors": mirrors}).mirrors.append("x")
    assert mirrors == ["https://a.corp"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FULL]), inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_any_json_is_read_or_a_configuration_error(value: object) -> None:
    try:
        options = ServiceOptions.from_json(value)
    except ConfigError:
        return
    assert ServiceOptions.from_json(json.loads(json.dumps(options.to_json()))) == options


# Flags


def parsed(*arguments: str, v2_only: bool = True) -> tuple[ServiceOptions, argparse.Namespace]:
    parser = argparse.ArgumentParser()
    parser.add_argument("target", nargs="?")
    options = ServiceOptions()
    options.install_cli_flags(parser, v2_only=v2_only)
    return options, parser.parse_args(arguments)


def test_flags_fill_the_options() -> None:
    options, _ = parsed(
        "--registry-mirror=https://a.corp",
        *("--registry-mirror", "http://b.corp/"),
        *("--insecure-registry", "index.docker.io"),
        *("--insecure-registry", "10.0.0.1/8"),
        "--allow-nondistributable-artifacts=foreign.corp",
        "--disable-legacy-registry",
    )
    assert options == ServiceOptions(
        ["https://a.corp/", "http://b.corp/"], ["docker.io", "10.0.0.1/8"], True, ["foreign.corp"]
    )


def test_flags_are_in_the_namespace_too() -> None:
    options, namespace = parsed("--registry-mirror=https://a.corp", "--insecure-registry=b.corp", "x")
    assert vars(namespace) == {
        "target": "x",
        "registry_mirror": options.mirrors,
        "insecure_registry": options.insecure_registries,
        "allow_nondistributable_artifacts": [],
        "disable_legacy_registry": True,
    }


def test_repeated_values_are_all_kept() -> None:
    options, namespace = parsed("--insecure-registry=a.corp", "--insecure-registry=a.corp")
    assert options.insecure_registries == namespace.insecure_registry == ["a.corp", "a.corp"]


def test_second_parsing_begins_with_an_empty_namespace() -> None:
    parser = argparse.ArgumentParser()
    ServiceOptions().install_cli_flags(parser)
    parser.parse_args(["--insecure-registry=a.corp"])
    assert parser.parse_args([]).insecure_registry == []


@pytest.mark.parametrize("v2_only", [True, False])
def test_legacy_registries_are_as_the_default_says(v2_only: bool) -> None:
    options, namespace = parsed(v2_only=v2_only)
    assert options.v2_only is namespace.disable_legacy_registry is v2_only


def test_daemons_own_default_is_without_legacy_registries() -> None:
    options = ServiceOptions()
    options.install_cli_flags(argparse.ArgumentParser())
    assert options.v2_only is True


@pytest.mark.parametrize("v2_only", [True, False])
@pytest.mark.parametrize(
    ("flag", "result"),
    [
        ("--disable-legacy-registry", True),
        ("--disable-legacy-registry=true", True),
        ("--disable-legacy-registry=false", False),
    ],
)
def test_legacy_registries_are_as_the_flag_says(flag: str, result: bool, v2_only: bool) -> None:
    options, namespace = parsed(flag, v2_only=v2_only)
    assert options.v2_only is namespace.disable_legacy_registry is result


def test_argument_after_the_flag_is_not_its_value() -> None:
    assert parsed("--disable-legacy-registry", "registry.corp")[1].target == "registry.corp"


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--registry-mirror=mirror.corp", "invalid mirror: unsupported scheme"),
        ("--insecure-registry=registry.corp-", "Cannot begin or end with a hyphen. Write it as"),
        ("--allow-nondistributable-artifacts=registry.corp-", "Cannot begin or end with a hyphen. Write it as"),
        ("--disable-legacy-registry=perhaps", "perhaps"),
    ],
)
def test_wrong_value_ends_the_parsing(argument: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        parsed(argument)
    assert raised.value.code == 2
    assert f"error: argument {argument.partition('=')[0]}: " in (said := capsys.readouterr().err)
    assert words in said


def test_help_has_each_flag_once_with_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--help", v2_only=False)
    said = capsys.readouterr().out.partition("options:")[2]
    flags = [word for word in said.split() if word.startswith("--")]
    assert flags == [
        "--help",
        "--registry-mirror",
        "--insecure-registry",
        "--allow-nondistributable-artifacts",
        "--disable-legacy-registry",
    ]
    assert "never speak the v1 protocol" in said


def test_settings_import_neither_http_nor_tls() -> None:
    modules = ("options", "config", "repository_info", "auth_config")
    code = "".join(f"import regbrowse.registry.service.{module}; " for module in modules)
    code += "import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"httpx", "msgspec", "yaml", "regbrowse.registry.tls"} & set(loaded)
