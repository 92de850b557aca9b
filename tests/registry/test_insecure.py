from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.insecure import InsecureRegistries


def covers(entries: list[str], host: str, *addresses: str) -> bool:
    return InsecureRegistries.parse(entries).covers(host, addresses)


@pytest.mark.parametrize(
    ("entries", "host", "addresses"),
    [
        ([], "localhost", ()),
        ([], "localhost:5000", ()),
        ([], "127.0.0.1:5000", ()),
        ([], "127.99.0.1", ()),
        ([], "[::1]:5000", ()),
        ([], "[::1]", ()),
        ([], "[::ffff:127.0.0.1]:5000", ()),
        ([], "registry.corp", ("127.0.0.1",)),
        (["registry.corp"], "registry.corp", ()),
        (["registry.corp:5000"], "registry.corp:5000", ()),
        (["Registry.CORP"], "registry.corp", ()),
        (["registry.corp"], "REGISTRY.corp", ()),
        (["10.0.0.0/8"], "10.1.2.3:5000", ()),
        (["10.0.0.0/8"], "registry.corp", ("192.0.2.1", "10.1.2.3")),
        (["42.42.42.42/8"], "registry.corp", ("42.0.0.1",)),
        (["10.0.0.0/8"], "registry.corp", ("::ffff:10.0.0.1",)),
        (["fd00::/8"], "registry.corp", ("fd00::1",)),
        (["fe80::/10"], "registry.corp", ("fe80::1%eth0",)),
        (["fd00::1"], "[fd00::1]", ()),
        (["[fd00::1]:5000"], "[fd00::1]:5000", ()),
        (["10.0.0.1"], "10.0.0.1", ()),
        (["http://registry.corp"], "registry.corp", ()),
        (["HTTPS://10.0.0.0/8"], "10.0.0.1", ()),
    ],
)
def test_registry_is_insecure(entries: list[str], host: str, addresses: tuple[str, ...]) -> None:
    assert covers(entries, host, *addresses)


@pytest.mark.parametrize(
    ("entries", "host", "addresses"),
    [
        ([], "registry.corp", ()),
        ([], "registry.corp", ("192.0.2.1",)),
        ([], "localhost.corp", ()),
        (["registry.corp"], "registry.corp:5000", ()),
        (["registry.corp:5000"], "registry.corp", ()),
        (["corp"], "registry.corp", ()),
        (["10.0.0.0/8"], "registry.corp", ()),
        (["10.0.0.0/8"], "11.0.0.1", ()),
        (["10.0.0.1"], "10.0.0.1:5000", ()),
        (["10.0.0.0/8"], "registry.corp", ("no address",)),
        (["docker.io"], "docker.io", ()),
        (["index.docker.io"], "docker.io", ()),
        (["0.0.0.0/0"], "docker.io", ("192.0.2.1",)),
    ],
)
def test_registry_is_secure(entries: list[str], host: str, addresses: tuple[str, ...]) -> None:
    assert not covers(entries, host, *addresses)


@pytest.mark.parametrize(
    ("host", "needed"),
    [
        ("other.corp", True),
        ("other.corp:5000", True),
        ("registry.corp", False),
        ("localhost:5000", False),
        ("10.0.0.1:5000", False),
        ("[fd00::1]", False),
        ("docker.io", False),
    ],
)
def test_addresses_are_needed_only_where_they_decide(host: str, needed: bool) -> None:
    assert InsecureRegistries.parse(["registry.corp"]).needs_addresses(host) is needed


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "-registry.corp",
        "registry.corp-",
        "ftp://registry.corp",
        "http://http://registry.corp",
        "registry.corp/path",
        "registry.corp:port",
        "registry.corp:65536",
        "10/8",
        "10.0.0.0/33",
        "10.0.0.0/255.0.0.0",
        "two words",
        "a,b",
    ],
)
def test_entry_that_names_nothing_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError, match="insecure registry"):
        InsecureRegistries.parse([entry])


def test_password_in_an_entry_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as raised:
        InsecureRegistries.parse(["https://user:s3cr3t-canary@registry.corp"])
    assert "s3cr3t-canary" not in str(raised.value) + repr(raised.value)


def test_scheme_before_an_entry_gives_a_notice() -> None:
    notices = InsecureRegistries.parse(["http://registry.corp", "other.corp"]).notices
    assert notices == ("The http:// before the insecure registry registry.corp has no meaning.",)


@given(st.text())
def test_any_entry_is_read_or_a_configuration_error(entry: str) -> None:
    try:
        registries = InsecureRegistries.parse([entry])
    except ConfigError:
        return
    assert not registries.covers("registry.example")
    assert not registries.covers("docker.io")
