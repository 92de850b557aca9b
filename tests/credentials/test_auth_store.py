from __future__ import annotations

import asyncio
import base64
import json
import os
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regbrowse.credentials.auth_store import AuthStore, paths_to
from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError

CANARY = "s3cr3t-canary"
DOCKER_HUB_KEY = "https://index.docker.io/v1/"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def login(user: str, password: str = CANARY) -> dict[str, str]:
    return {"auth": encoded(f"{user}:{password}")}


def docker(**document: Any) -> AuthStore:
    return AuthStore("docker config", text=json.dumps(document))


def podman(**auths: Any) -> AuthStore:
    return AuthStore("podman auth.json", text=json.dumps({"auths": auths}), path_keys=True)


def found(store: AuthStore, host: str, repository: str = "") -> Credential | None:
    """The login of the most specific path that has one."""

    async def look_up() -> Credential | None:
        for path in paths_to(repository):
            if credential := await store.at(host, path):
                return credential
        return None

    return asyncio.run(look_up())


def user(store: AuthStore, host: str, repository: str = "") -> str | None:
    credential = found(store, host, repository)
    return credential.username if credential else None


@pytest.mark.parametrize(
    ("entry", "pair"),
    [
        (login("ada", "pass"), ("ada", "pass")),
        (login("ada", "pa:ss:"), ("ada", "pa:ss:")),
        (login("ada", "pass\0\0"), ("ada", "pass")),
        (login("ada", "pässwörd"), ("ada", "pässwörd")),
        (login("ada", ""), ("ada", "")),
        ({"auth": encoded("ada:pass1").rstrip("=")}, ("ada", "pass1")),
        ({"auth": f"{encoded('ada:pass')}\n"}, ("ada", "pass")),
        ({"username": "ada", "password": "pass"}, ("ada", "pass")),
        ({"auth": encoded("ada:pass"), "username": "old", "password": "old"}, ("ada", "pass")),
    ],
)
def test_login_is_read(entry: dict[str, str], pair: tuple[str, str]) -> None:
    credential = found(docker(auths={"registry.corp": entry}), "registry.corp")
    assert credential
    assert (credential.username, credential.password) == pair


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"auth": ""},
        {"auth": None},
        {"email": "a@b"},
        {"auth": encoded(":")},
    ],
)
def test_entry_without_a_password_is_no_login(entry: dict[str, str]) -> None:
    assert found(docker(auths={"registry.corp": entry}), "registry.corp") is None


def test_login_says_which_store_had_it() -> None:
    credential = found(docker(auths={"registry.corp": login("ada")}), "registry.corp")
    assert credential
    assert credential.origin == "docker config"


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("registry.corp", "registry.corp"),
        ("registry.corp:5000", "registry.corp:5000"),
        ("https://registry.corp", "registry.corp"),
        ("https://registry.corp/v1/", "registry.corp"),
        ("http://registry.corp:5000/v2/", "registry.corp:5000"),
        ("registry.corp/v1/", "registry.corp"),
        ("HTTPS://Registry.Corp", "registry.corp"),
        (DOCKER_HUB_KEY, "docker.io"),
        ("docker.io", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("https://docker.io", "docker.io"),
    ],
)
def test_docker_key_is_for_its_host(key: str, host: str) -> None:
    assert user(docker(auths={key: login("ada")}), host) == "ada"


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("registry.corp", "registry.corp:5000"),
        ("registry.corp:5000", "registry.corp"),
        ("registry.corp", "corp"),
        ("registry-1.docker.io", "docker.io"),
        ("https://index.docker.io/v1/access-token", "docker.io"),
        ("https://index.docker.io/v1/refresh-token", "docker.io"),
    ],
)
def test_docker_key_is_for_no_other_host(key: str, host: str) -> None:
    assert user(docker(auths={key: login("ada")}), host) is None


@pytest.mark.parametrize(
    ("keys", "host"),
    [
        (["http://registry.corp", "https://registry.corp", "registry.corp"], "registry.corp"),
        (["http://registry.corp/v1/", "https://registry.corp"], "registry.corp"),
        (["https://docker.io", "docker.io"], "docker.io"),
        (["docker.io", "index.docker.io", DOCKER_HUB_KEY], "docker.io"),
    ],
)
def test_of_several_keys_the_closest_wins(keys: list[str], host: str) -> None:
    entries = {key: login("wrong") for key in keys} | {keys[-1]: login("right")}
    assert user(docker(auths=entries), host) == "right"


def test_marker_of_a_helper_does_not_hide_a_login() -> None:
    assert user(docker(auths={"registry.corp": {}, "https://registry.corp": login("ada")}), "registry.corp") == "ada"


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("team/app", "app"),
        ("team/app/part", "app"),
        ("team/other", "team"),
        ("teamwork/app", "host"),
        ("other", "host"),
        ("", "host"),
    ],
)
def test_podman_key_for_a_path_wins_over_its_host(repository: str, expected: str) -> None:
    keys = {"registry.corp/team/app": "app", "registry.corp/team": "team", "registry.corp": "host"}
    store = podman(**{key: login(name) for key, name in keys.items()})
    assert user(store, "registry.corp", repository) == expected


@pytest.mark.parametrize("repository", ["", "other"])
def test_podman_key_for_a_path_is_not_for_its_host(repository: str) -> None:
    assert user(podman(**{"registry.corp/team": login("ada")}), "registry.corp", repository) is None


def test_podman_reads_the_keys_of_docker() -> None:
    assert user(podman(**{DOCKER_HUB_KEY: login("ada")}), "docker.io", "library/nginx") == "ada"


@pytest.mark.parametrize(
    ("helpers", "named"),
    [
        ({"registry.corp": "ecr-login"}, "ecr-login"),
        ({"https://registry.corp": "ecr-login"}, "ecr-login"),
        ({"registry.corp": ""}, ""),
        ({"other.corp": "ecr-login"}, None),
        ({}, None),
    ],
)
def test_helper_for_a_host_is_named(helpers: dict[str, str], named: str | None) -> None:
    store = docker(credHelpers=helpers, credsStore="desktop")
    assert (store.helper_for("registry.corp"), store.helper_for_all()) == (named, "desktop")


@pytest.mark.parametrize(
    ("auths", "is_marked"),
    [
        ({"registry.corp": {}}, True),
        ({"https://registry.corp/v1/": {"email": "a@b"}}, True),
        ({"registry.corp": {"auth": ""}}, True),
        ({"registry.corp": login("ada")}, False),
        ({"registry.corp": {"identitytoken": "x"}}, False),
        ({"registry.corp": {"registrytoken": "x"}}, False),
        ({"other.corp": {}}, False),
        ({"registry.corp": None}, False),
    ],
)
def test_login_without_a_secret_is_the_mark_of_a_helper(auths: dict[str, Any], is_marked: bool) -> None:
    assert docker(auths=auths).is_marked("registry.corp") is is_marked


def test_mark_of_a_helper_is_no_login() -> None:
    store = docker(auths={"registry.corp": {}}, credsStore="desktop")
    assert found(store, "registry.corp") is None
    assert store.may_have("registry.corp") is False


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"identitytoken": "x"}, ("<token>", "", "x")),
        ({"username": "<token>", "password": "x"}, ("<token>", "", "x")),
        (login("<token>", "x"), ("<token>", "", "x")),
        (login("<token>", "") | {"identitytoken": "x"}, ("<token>", "", "x")),
        (login("ada", "") | {"identitytoken": "x"}, ("ada", "", "x")),
        (login("ada", "pass") | {"identitytoken": "x"}, ("ada", "pass", "x")),
        ({"identitytoken": "x", "registrytoken": "y"}, ("<token>", "", "x")),
    ],
)
def test_identity_token_is_read(entry: dict[str, str], expected: tuple[str, str, str]) -> None:
    credential = found(docker(auths={"registry.corp": entry}), "registry.corp")
    assert credential
    assert (credential.username, credential.password, credential.identity_token) == expected
    assert credential.registry_token == ""
    assert credential.is_token is not bool(credential.password)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"registrytoken": "y"}, ("<token>", "", "y")),
        (login("ada", "pass") | {"registrytoken": "y"}, ("ada", "pass", "y")),
        (login("ada", "pass") | {"registrytoken": None}, ("ada", "pass", "")),
    ],
)
def test_registry_token_is_read(entry: dict[str, str], expected: tuple[str, str, str]) -> None:
    credential = found(docker(auths={"registry.corp": entry}), "registry.corp")
    assert credential
    assert (credential.username, credential.password, credential.registry_token) == expected


@pytest.mark.parametrize("kind", ["identitytoken", "registrytoken"])
@pytest.mark.parametrize("token", [7, ["x"], {"x": 1}, "\ud800"])
def test_token_that_is_no_text_is_an_error(kind: str, token: object) -> None:
    with pytest.raises(CredentialError, match="not a text"):
        found(docker(auths={"registry.corp": {kind: token}}), "registry.corp")


def test_podman_looks_at_no_helper_for_everything() -> None:
    text = json.dumps({"credsStore": "desktop", "auths": {"registry.corp": {}}})
    assert AuthStore("podman auth.json", text=text, path_keys=True).helper_for_all() == ""


def test_flat_file_has_the_logins_alone() -> None:
    text = json.dumps({"https://registry.corp/v1/": login("ada"), DOCKER_HUB_KEY: login("grace")})
    store = AuthStore("~/.dockercfg", text=text, is_flat=True)
    assert [user(store, host) for host in ("registry.corp", "docker.io", "other.corp")] == ["ada", "grace", None]
    assert store.registries() == ("registry.corp", "docker.io")


def test_only_a_file_that_cannot_be_read_as_a_whole_has_a_problem() -> None:
    broken = AuthStore("docker config", text="{").problem()
    assert broken
    assert "docker config" in broken.user_message
    assert docker(auths={"registry.corp": {"auth": "%"}}).problem() is None


def test_registries_are_the_hosts_of_logins_and_helpers() -> None:
    keys = (DOCKER_HUB_KEY, "https://registry.corp/v1/", "registry.corp", "not a host", "")
    store = docker(
        auths={key: login("ada") for key in keys}, credHelpers={"cloud.corp:5000": "ecr-login", "off.corp": ""}
    )
    assert store.registries() == ("docker.io", "registry.corp", "cloud.corp:5000")


def test_repositories_are_the_paths_of_a_host() -> None:
    keys = ["registry.corp/team/app", "registry.corp/team", "registry.corp", "other.corp/a", "registry.corp/NOT VALID"]
    store = podman(**{key: login("ada") for key in keys})
    assert store.repositories("registry.corp") == ("team/app", "team")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "nothing",
        '{"auths": []}',
        '{"credHelpers": 1}',
        '{"credsStore": 1}',
        '{"credHelpers": {"a": 1}}',
        "[" * 100_000,
    ],
)
def test_broken_document_is_an_error(text: str) -> None:
    with pytest.raises(CredentialError, match="docker config"):
        found(AuthStore("docker config", text=text), "registry.corp")


@pytest.mark.parametrize(
    "entry",
    [
        {"auth": "%%%"},
        {"auth": "abcde"},
        {"auth": encoded("without a colon")},
        {"auth": base64.b64encode(b"ada:\xff").decode()},
        {"auth": 5},
        {"username": "ada", "password": 5},
        "text",
        None,
    ],
)
def test_broken_login_is_an_error_that_names_its_host(entry: object) -> None:
    store = docker(auths={"https://registry.corp/v1/": entry})
    with pytest.raises(CredentialError, match=r"docker config: the login of “registry\.corp” cannot be read"):
        found(store, "registry.corp")


def test_broken_login_of_another_host_does_not_matter() -> None:
    store = docker(auths={"broken.corp": {"auth": "%%%"}, "registry.corp": login("ada")})
    assert user(store, "registry.corp") == "ada"


@pytest.mark.parametrize(
    "text",
    [
        f'{{"auths": {{"registry.corp": {{"auth": "{CANARY}"}}}}}}',
        f'{{"auths": {{"registry.corp": {{"auth": "{encoded(CANARY)}"}}}}}}',
        f'{{"auths": {{"https://ada:{CANARY}@registry.corp": {{"auth": "%"}}}}}}',
        f'{{"auths": {{"registry.corp": {{"auth": "{CANARY}"}}',
        f'{{"auths": "{CANARY}"}}',
    ],
)
def test_secret_is_in_no_error(text: str) -> None:
    with pytest.raises(CredentialError) as raised:
        found(AuthStore("docker config", text=text), "registry.corp")
    error: BaseException | None = raised.value
    shown = repr(raised.value) + raised.value.user_message + raised.value.next_step
    while error:
        shown += "".join(traceback.format_exception_only(error)) + repr(vars(error))
        error = error.__context__
    assert CANARY not in shown
    assert encoded(CANARY) not in shown


def test_secret_is_in_no_repr() -> None:
    store = docker(auths={"registry.corp": login("ada")})
    credential = found(store, "registry.corp")
    shown = f"{credential!r} {credential} {store!r} {store} {vars(store)['_known']!r}"
    assert "ada" in shown
    assert CANARY not in shown
    assert encoded(f"ada:{CANARY}") not in shown


def test_missing_file_has_no_logins(tmp_path: Path) -> None:
    store = AuthStore("docker config", tmp_path / "folder" / "config.json")
    assert found(store, "registry.corp") is None
    assert store.registries() == ()


def test_file_is_not_read_before_it_is_asked(tmp_path: Path) -> None:
    store = AuthStore("docker config", tmp_path / "config.json")
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"registry.corp": login("ada")}}))
    assert user(store, "registry.corp") == "ada"


def test_file_is_read_again_after_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    store = AuthStore("docker config", file)
    assert user(store, "registry.corp") is None
    for name in ("ada", "grace", "barbara"):
        new = tmp_path / "new"
        new.write_text(json.dumps({"auths": {"registry.corp": login(name)}}))
        new.replace(file)
        assert user(store, "registry.corp") == name
    file.unlink()
    assert user(store, "registry.corp") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text("{}")
    file.chmod(0)
    with pytest.raises(CredentialError, match="Permission denied"):
        found(AuthStore("docker config", file), "registry.corp")


def test_refusal_of_the_system_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("regbrowse.credentials.auth_store.read_small_file", refuse)
    with pytest.raises(CredentialError, match=r"config\.json cannot be read: Permission denied"):
        found(AuthStore("docker config", tmp_path / "config.json"), "registry.corp")


@pytest.mark.parametrize("content", [b"x" * (1 << 20) + b"x", b"\xff\xfe{}"])
def test_file_that_is_no_such_file_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(CredentialError, match=r"config\.json"):
        found(AuthStore("docker config", tmp_path / "config.json"), "registry.corp")


def test_empty_file_has_no_logins(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    assert AuthStore("docker config", tmp_path / "config.json").registries() == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(encoded("a:b")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text() | st.sampled_from(["auths", "credHelpers", "credsStore", "auth", "username", "registry.corp"]),
            inner,
            max_size=4,
        )
    ),
)


@settings(deadline=None)
@given(JSON, st.booleans(), st.booleans())
def test_any_document_is_read_or_a_credential_error(document: object, path_keys: bool, is_flat: bool) -> None:
    store = AuthStore("store", text=json.dumps(document), path_keys=path_keys, is_flat=is_flat)
    try:
        if credential := found(store, "registry.corp", "team/app"):
            assert str(credential)
        store.helper_for("registry.corp")
        store.is_marked("registry.corp")
        store.helper_for_all()
        store.may_have("registry.corp")
        assert all(store.registries())
        store.repositories("registry.corp")
    except CredentialError as error:
        assert error.user_message  # noqa: PT017


def test_paths_to_a_repository_have_the_longest_first() -> None:
    assert list(paths_to("a/b/c")) == ["a/b/c", "a/b", "a", ""]
