"""Logins, and which of them belongs to an index (seed-registry-package.md §2 and §5)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.constants import INDEX_SERVER
from regbrowse.registry.errors import ConfigError
from regbrowse.registry.service.auth_config import (
    AuthConfig,
    convert_to_hostname,
    get_auth_config_key,
    resolve_auth_config,
)
from regbrowse.registry.service.config import IndexInfo

DOCKER_HUB = IndexInfo("docker.io", official=True)
PRIVATE = IndexInfo("registry.corp:5000")
CANARY = "s3cr3t-canary"
FULL = {
    "username": "ada",
    "password": "p",
    "auth": "YWRhOnA=",
    "email": "ada@corp",
    "serveraddress": "registry.corp",
    "identitytoken": "i",
    "registrytoken": "r",
}


def logins(*keys: str) -> dict[str, AuthConfig]:
    return {key: AuthConfig(username=key) for key in keys}


def test_login_is_read_with_the_keys_of_dockers_api() -> None:
    assert AuthConfig.from_json(FULL) == AuthConfig("ada", "p", "YWRhOnA=", "ada@corp", "registry.corp", "i", "r")


def test_keys_are_read_in_any_case_as_go_does() -> None:
    assert AuthConfig.from_json({"UserName": "ada"}) == AuthConfig("ada")


def test_a_key_in_its_own_case_counts_before_another_spelling() -> None:
    assert AuthConfig.from_json({"Username": "bob", "username": "ada"}) == AuthConfig("ada")


def test_login_is_written_as_it_was_read() -> None:
    assert AuthConfig.from_json(FULL).to_json() == FULL


def test_empty_keys_are_left_out() -> None:
    assert AuthConfig("ada", identity_token="i").to_json() == {"username": "ada", "identitytoken": "i"}


@pytest.mark.parametrize("value", [None, {}, {"username": None}, {"other": 1}])
def test_what_says_nothing_is_an_empty_login(value: object) -> None:
    assert AuthConfig.from_json(value) == AuthConfig()


@pytest.mark.parametrize("key", FULL)
@pytest.mark.parametrize("value", [[CANARY], {CANARY: 1}, 5, True])
def test_value_of_a_wrong_type_is_named_and_not_repeated(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=key) as raised:
        AuthConfig.from_json({key: value})
    assert CANARY not in f"{raised.value!r} {raised.value} {raised.value.next_step}"


@pytest.mark.parametrize("value", [[], CANARY, 5, {5: "x"}])
def test_what_is_no_object_is_no_login(value: object) -> None:
    with pytest.raises(ConfigError, match="JSON object") as raised:
        AuthConfig.from_json(value)
    assert CANARY not in f"{raised.value!r} {raised.value}"


@pytest.mark.parametrize("key", ["password", "auth", "identitytoken", "registrytoken", "email"])
def test_secret_is_not_in_the_repr(key: str) -> None:
    login = AuthConfig.from_json(FULL | {key: CANARY})
    assert CANARY not in f"{login!r} {login} {[login]}"


def test_password_in_the_server_is_not_in_the_repr() -> None:
    login = AuthConfig("ada", server_address=f"https://ada:{CANARY}@registry.corp?x={CANARY}")
    assert CANARY not in repr(login)


def test_repr_shows_who_and_where() -> None:
    assert repr(AuthConfig.from_json(FULL)) == "AuthConfig(username='ada', server_address='registry.corp')"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(list(FULL)), inner, max_size=7),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_a_login_or_a_configuration_error(value: object) -> None:
    try:
        login = AuthConfig.from_json(value)
    except ConfigError:
        return
    assert AuthConfig.from_json(json.loads(json.dumps(login.to_json()))) == login


# Keys


def test_key_of_the_hub_is_its_index_server() -> None:
    assert get_auth_config_key(DOCKER_HUB) == INDEX_SERVER == "https://index.docker.io/v1/"


@pytest.mark.parametrize("name", ["registry.corp:5000", "index.docker.io", "Registry.corp", "https://x/"])
def test_key_of_another_index_is_its_name_as_it_is(name: str) -> None:
    assert get_auth_config_key(IndexInfo(name)) == name


def test_login_of_the_hub_is_under_its_key() -> None:
    assert resolve_auth_config(logins("registry.corp", INDEX_SERVER), DOCKER_HUB).username == INDEX_SERVER


@pytest.mark.parametrize(
    "key", ["docker.io", "index.docker.io", "https://index.docker.io/v1", "http://index.docker.io/v1/"]
)
def test_login_of_the_hub_is_under_no_other_key(key: str) -> None:
    assert resolve_auth_config(logins(key), DOCKER_HUB) == AuthConfig()


@pytest.mark.parametrize(
    "key",
    [
        "registry.corp:5000",
        "registry.corp:5000/",
        "registry.corp:5000/v2/",
        "http://registry.corp:5000",
        "https://registry.corp:5000",
        "https://registry.corp:5000/v1/",
    ],
)
def test_login_is_found_under_a_url_of_its_host(key: str) -> None:
    assert resolve_auth_config(logins("other.corp", key), PRIVATE).username == key


@pytest.mark.parametrize(
    "key",
    [
        "registry.corp",
        "registry.corp:443",
        "Registry.corp:5000",
        "HTTPS://registry.corp:5000",
        "ftp://registry.corp:5000",
        "http://https://registry.corp:5000",
        "ada@registry.corp:5000",
        "https://ada@registry.corp:5000",
        "registry.corp:5000?x=1",
        " registry.corp:5000",
        "",
    ],
)
def test_login_is_not_found_under_another_host(key: str) -> None:
    assert resolve_auth_config(logins(key), PRIVATE) == AuthConfig()


def test_exact_key_comes_before_a_url() -> None:
    found = resolve_auth_config(logins("https://registry.corp:5000", "registry.corp:5000"), PRIVATE)
    assert found.username == "registry.corp:5000"


def test_first_of_several_urls_counts() -> None:
    found = resolve_auth_config(logins("https://registry.corp:5000/v2/", "http://registry.corp:5000"), PRIVATE)
    assert found.username == "https://registry.corp:5000/v2/"


def test_private_index_of_the_hubs_host_has_the_hubs_login() -> None:
    assert resolve_auth_config(logins(INDEX_SERVER), IndexInfo("index.docker.io")).username == INDEX_SERVER


@pytest.mark.parametrize("index", [DOCKER_HUB, PRIVATE])
def test_login_that_is_not_there_is_empty(index: IndexInfo) -> None:
    assert resolve_auth_config({}, index) == AuthConfig()


@given(st.text(), st.sampled_from(["", "http://", "https://"]))
def test_any_text_has_a_host(text: str, scheme: str) -> None:
    assert "/" not in convert_to_hostname(f"{scheme}{text}")
