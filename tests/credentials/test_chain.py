from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from regbrowse.credentials.auth_store import AuthStore
from regbrowse.credentials.chain import CredentialChain
from regbrowse.registry.errors import CredentialError


def document(key: str, user: str) -> str:
    return json.dumps({"auths": {key: {"auth": base64.b64encode(f"{user}:pass".encode()).decode()}}})


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def store(name: str, *, path_keys: bool = False, **content: Any) -> AuthStore:
    return AuthStore(name, text=json.dumps(content), path_keys=path_keys)


def user(chain: CredentialChain, host: str, repository: str = "") -> str | None:
    credential = chain.lookup(host, repository)
    return credential.username if credential else None


def test_stores_are_asked_in_their_order(tmp_path: Path) -> None:
    runtime, config, home = tmp_path / "run", tmp_path / "config", tmp_path / "home"
    environ = {
        "DOCKER_AUTH_CONFIG": document("registry.corp", "DOCKER_AUTH_CONFIG"),
        "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json"),
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_CONFIG_HOME": str(config),
    }
    files = {
        "REGISTRY_AUTH_FILE": tmp_path / "auth.json",
        "docker config": home / ".docker" / "config.json",
        "podman runtime": runtime / "containers" / "auth.json",
        "podman config": config / "containers" / "auth.json",
    }
    for name, file in files.items():
        write(file, document("registry.corp", name))
    chain = CredentialChain.of(environ, home)
    answered = [user(chain, "registry.corp")]
    del environ["DOCKER_AUTH_CONFIG"]
    chain = CredentialChain.of(environ, home)
    for file in files.values():
        answered.append(user(chain, "registry.corp"))
        file.unlink()
    answered.append(user(chain, "registry.corp"))
    assert answered == ["DOCKER_AUTH_CONFIG", *files, None]


def test_folder_in_docker_config_replaces_the_one_at_home(tmp_path: Path) -> None:
    write(tmp_path / ".docker" / "config.json", document("registry.corp", "home"))
    write(tmp_path / "other" / "config.json", document("registry.corp", "other"))
    chain = CredentialChain.of({"DOCKER_CONFIG": str(tmp_path / "other")}, tmp_path)
    assert user(chain, "registry.corp") == "other"


def test_podman_s_lasting_file_is_in_the_home_folder_by_default(tmp_path: Path) -> None:
    write(tmp_path / ".config" / "containers" / "auth.json", document("registry.corp", "ada"))
    chain = CredentialChain.of({"XDG_RUNTIME_DIR": str(tmp_path / "run")}, tmp_path)
    assert user(chain, "registry.corp") == "ada"


def test_home_is_the_one_of_the_environment(tmp_path: Path) -> None:
    write(tmp_path / ".docker" / "config.json", document("registry.corp", "ada"))
    chain = CredentialChain.of({"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)})
    assert user(chain, "registry.corp") == "ada"


def test_login_for_a_path_wins_over_one_for_the_host_in_an_earlier_store() -> None:
    first = AuthStore("first", text=document("registry.corp", "host"))
    second = AuthStore("second", text=document("registry.corp/team", "team"), path_keys=True)
    chain = CredentialChain([first, second])
    assert [user(chain, "registry.corp", name) for name in ("team/app", "other", "")] == ["team", "host", "host"]


def test_broken_store_is_not_taken_for_an_empty_one() -> None:
    chain = CredentialChain([AuthStore("broken", text="{"), AuthStore("good", text=document("registry.corp", "ada"))])
    with pytest.raises(CredentialError, match="broken"):
        chain.lookup("registry.corp")


def test_broken_store_is_told_and_hides_no_other() -> None:
    chain = CredentialChain([AuthStore("broken", text="{"), AuthStore("good", text=document("registry.corp", "ada"))])
    assert chain.known_registries() == (("registry.corp", "good"),)
    assert [str(problem) for problem in chain.problems()] == ["broken is not the JSON that it should be."]


def test_registry_is_known_from_the_first_store_that_names_it() -> None:
    chain = CredentialChain(
        [store("first", auths={"a.corp": {}}), store("second", auths={"b.corp": {}, "https://a.corp/v1/": {}})]
    )
    assert chain.known_registries() == (("a.corp", "first"), ("b.corp", "second"))


def test_repositories_are_known_from_podman_s_paths() -> None:
    paths: dict[str, dict[str, str]] = {"registry.corp/team/app": {}, "registry.corp/team": {}, "other.corp/x": {}}
    chain = CredentialChain(
        [
            store("docker", auths=paths),
            store("podman", path_keys=True, auths=paths),
            store("again", path_keys=True, auths=paths),
        ]
    )
    assert chain.known_repositories("registry.corp") == ("team/app", "team")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"credHelpers": {"registry.corp": "ecr-login"}}, "in docker config is kept by the helper ecr-login"),
        ({"credsStore": "desktop", "auths": {"registry.corp": {}}}, "in docker config is kept by the helper desktop"),
        ({"auths": {"registry.corp": {"identitytoken": "x"}}}, "in docker config is a token"),
    ],
)
def test_hint_says_where_a_login_is_that_cannot_be_used(content: dict[str, Any], words: str) -> None:
    hint = CredentialChain([store("docker config", **content)]).hint("registry.corp")
    assert words in hint
    assert "podman login registry.corp" in hint


@pytest.mark.parametrize("content", [{}, {"credsStore": "desktop"}, {"auths": {"other.corp": {}}}])
def test_without_a_login_there_is_no_hint(content: dict[str, Any]) -> None:
    assert CredentialChain([store("docker config", **content)]).hint("registry.corp") == ""


def test_no_stores_know_nothing() -> None:
    chain = CredentialChain(())
    assert (chain.lookup("registry.corp", "app"), chain.known_registries(), chain.hint("registry.corp")) == (
        None,
        (),
        "",
    )
