"""The helpers that the files of Docker and Podman name (registry-client.md §1.7)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regbrowse.credentials.auth_store import AuthStore
from regbrowse.credentials.helper_logins import HelperLogins, docker_helpers, podman_helpers
from regbrowse.registry.errors import CredentialError
from tests.credentials.fakes import PASSWORD, USER, FakeHelper, entry

HOST = "registry.corp:5000"
HUB = "https://index.docker.io/v1/"


class Helpers:
    """Helpers by name, and the stores that ask them."""

    def __init__(self) -> None:
        self.by_name: dict[str, FakeHelper] = {}

    def make(self, name: str) -> FakeHelper:
        return self.by_name.setdefault(name, FakeHelper(**{HOST: (f"{name}-user", PASSWORD)}))

    def docker(self, *, for_all: bool = False, **document: Any) -> HelperLogins:
        return HelperLogins("docker", AuthStore("docker config", text=json.dumps(document)), self.make, for_all=for_all)

    def podman(self, **document: Any) -> HelperLogins:
        file = AuthStore("podman auth.json", text=json.dumps(document), path_keys=True)
        return HelperLogins("podman", file, self.make)


@pytest.fixture
def helpers() -> Helpers:
    return Helpers()


async def test_helper_of_a_host_is_asked(helpers: Helpers) -> None:
    credential = await helpers.docker(credHelpers={HOST: "pass"}).at(HOST, "")
    assert credential
    assert (credential.username, credential.password, credential.origin) == (
        "pass-user",
        PASSWORD,
        "docker helper pass",
    )


async def test_helper_for_all_is_asked(helpers: Helpers) -> None:
    credential = await helpers.docker(for_all=True, credsStore="pass").at(HOST, "")
    assert credential
    assert (credential.username, credential.origin) == ("pass-user", "docker helper pass")


async def test_helper_of_podman_is_called_so(helpers: Helpers) -> None:
    credential = await helpers.podman(credHelpers={HOST: "pass"}).at(HOST, "")
    assert credential
    assert credential.origin == "podman helper pass"


@pytest.mark.parametrize(
    ("document", "for_all"),
    [
        ({}, False),
        ({}, True),
        ({"credsStore": "pass"}, False),
        ({"credHelpers": {HOST: "pass"}}, True),
        ({"credHelpers": {"registry.corp": "pass"}}, False),
        ({"credHelpers": {HOST: ""}, "credsStore": "pass"}, False),
        ({"credHelpers": {HOST: ""}, "credsStore": "pass"}, True),
        ({"credHelpers": {HOST: "pass"}, "credsStore": "pass"}, True),
    ],
)
async def test_nothing_is_asked_where_no_helper_is_named(
    helpers: Helpers, document: dict[str, Any], for_all: bool
) -> None:
    store = helpers.docker(for_all=for_all, **document)
    assert await store.at(HOST, "") is None
    assert helpers.by_name == {}
    assert not store.may_have(HOST)


@pytest.mark.parametrize(
    ("tool", "host", "server"),
    [
        ("docker", "docker.io", HUB),
        ("docker", HOST, HOST),
        ("podman", "docker.io", "docker.io"),
        ("podman", HOST, HOST),
    ],
)
async def test_registry_is_called_as_the_tool_does(helpers: Helpers, tool: str, host: str, server: str) -> None:
    make = helpers.docker if tool == "docker" else helpers.podman
    await make(credHelpers={host: "pass"}).at(host, "")
    assert helpers.by_name["pass"].asked == [server]


async def test_helper_has_nothing_for_paths(helpers: Helpers) -> None:
    assert await helpers.podman(credHelpers={HOST: "pass"}).at(HOST, "team") is None
    assert helpers.by_name == {}


async def test_helper_without_a_login_has_none(helpers: Helpers) -> None:
    assert await helpers.docker(credHelpers={"other.corp": "pass"}).at("other.corp", "") is None


async def test_secret_of_the_token_user_is_an_identity_token(helpers: Helpers) -> None:
    helpers.by_name["pass"] = FakeHelper(**{HOST: ("<token>", PASSWORD)})
    credential = await helpers.docker(credHelpers={HOST: "pass"}).at(HOST, "")
    assert credential
    assert (credential.username, credential.password, credential.identity_token) == ("<token>", "", PASSWORD)


async def test_45_failure_of_a_helper_goes_out(helpers: Helpers) -> None:
    helpers.make("pass").error = CredentialError("docker-credential-pass failed.")
    with pytest.raises(CredentialError, match="docker-credential-pass failed"):
        await helpers.docker(credHelpers={HOST: "pass"}).at(HOST, "")


@pytest.mark.parametrize("for_all", [False, True])
async def test_broken_file_goes_out_and_is_told_by_the_file_s_own_store(helpers: Helpers, for_all: bool) -> None:
    store = HelperLogins("docker", AuthStore("docker config", text="{"), helpers.make, for_all=for_all)
    with pytest.raises(CredentialError, match="docker config"):
        await store.at(HOST, "")
    assert store.problem() is None


@pytest.mark.parametrize(
    ("auths", "may_have"),
    [({HOST: {}}, True), ({}, False), ({HOST: entry()}, False), ({"other.corp": {}}, False)],
)
def test_helper_for_all_has_what_is_marked(helpers: Helpers, auths: dict[str, Any], may_have: bool) -> None:
    assert helpers.docker(for_all=True, credsStore="pass", auths=auths).may_have(HOST) is may_have


def test_helper_of_a_host_is_known_to_have_its_login(helpers: Helpers) -> None:
    store = helpers.docker(credHelpers={HOST: "pass"})
    assert (store.may_have(HOST), store.may_have("other.corp")) == (True, False)


async def test_place_is_the_helper(helpers: Helpers) -> None:
    store = helpers.docker(credHelpers={HOST: "pass"})
    assert [await store.place(host) for host in (HOST, "other.corp")] == ["docker helper pass", "docker credHelpers"]


def test_registries_are_those_of_the_file_alone(helpers: Helpers) -> None:
    store = helpers.docker(credHelpers={HOST: "pass"})
    assert (store.registries(), store.repositories(HOST), helpers.by_name) == ((), (), {})


async def test_real_helper_is_run(tmp_path: Path) -> None:
    script = tmp_path / "docker-credential-canary"
    script.write_text(
        '#!/bin/sh\nread server\n[ "$1" = get ] && '
        f'printf \'{{"ServerURL":"%s","Username":"{USER}","Secret":"{PASSWORD}"}}\' "$server"\n'
    )
    script.chmod(0o700)
    document = {"credHelpers": {HOST: "canary"}, "credsStore": "../canary"}
    file = AuthStore("docker config", text=json.dumps(document))
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    for_hosts, for_all = docker_helpers(file, environ)
    for store in (for_hosts, podman_helpers(file, environ)):
        credential = await store.at(HOST, "")
        assert credential
        assert (credential.username, credential.password) == (USER, PASSWORD)
    with pytest.raises(CredentialError, match="docker config names"):
        await for_all.at(HOST, "")
