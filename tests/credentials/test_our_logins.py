"""The logins that regbrowse keeps, and where it may keep them (registry-client.md §1.7 and §1.8)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regbrowse.credentials.auth_store import AuthStore
from regbrowse.credentials.keepers import KnownKeepers
from regbrowse.credentials.logins_file import KeptLogin, LoginsFile
from regbrowse.credentials.our_logins import OurLogins
from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText
from tests.credentials.fakes import PASSWORD, USER, FakeKeeper

HOST = "registry.corp:5000"
TYPED = Credential(USER, PASSWORD, SafeText("typed in"))


class World:
    """A list in memory, and three keepers."""

    def __init__(self) -> None:
        self.keyring = FakeKeeper()
        self.file = FakeKeeper("file", "file credentials.json")
        self.helpers = {name: FakeKeeper(f"helper:{name}", f"docker helper {name}") for name in ("pass", "osxkeychain")}
        self.keepers = KnownKeepers(
            keyring=lambda: self.keyring,
            file=lambda: self.file,
            helper=self.helpers.__getitem__,
            helpers=lambda: tuple(self.helpers),
        )
        self.ours = OurLogins(LoginsFile(None), self.keepers)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("kind", ["keyring", "file", "helper:pass"])
async def test_what_was_kept_is_found(world: World, kind: str) -> None:
    keeper = await world.keepers.keeper(kind)
    kept, credential = await world.ours.keep(HOST, TYPED, keeper)
    assert kept == KeptLogin(USER, kind)
    assert await world.ours.at(HOST, "") == credential == Credential(USER, PASSWORD, keeper.name)


async def test_login_is_for_the_whole_registry(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    assert await world.ours.at(HOST, "team/app") is None
    assert await world.ours.at("registry.corp", "") is None
    assert (world.ours.registries(), world.ours.repositories(HOST)) == ((HOST,), ())
    assert (world.ours.may_have(HOST), world.ours.may_have("registry.corp")) == (True, False)


async def test_list_is_read_without_asking_a_keeper(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    assert await world.ours.kept(HOST) == (KeptLogin(USER, "keyring"),)
    assert await world.ours.place(KeptLogin(USER, "keyring")) == "system keyring"
    assert world.keyring.asked == []


async def test_secret_that_is_gone_is_an_error(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    world.keyring.secrets.clear()
    with pytest.raises(CredentialError, match=f"password of {USER} for {HOST} is not in the system keyring") as raised:
        await world.ours.at(HOST, "")
    assert "Log in again with L" in raised.value.next_step


@pytest.mark.parametrize("kind", ["keyring ", "helper:", "helper:gone", "", "vault"])
async def test_place_that_is_not_there_is_an_error(kind: str) -> None:
    def no_helper(name: str) -> FakeKeeper:
        raise CredentialError(f"A login is kept in “{name}”.")

    keepers = KnownKeepers(keyring=FakeKeeper, helper=no_helper)
    with pytest.raises(CredentialError, match="A login is kept in"):
        await OurLogins(LoginsFile(None), keepers).login(HOST, KeptLogin(USER, kind))


async def test_failure_of_a_keeper_goes_out(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    world.keyring.error = CredentialError("The system keyring is locked.")
    with pytest.raises(CredentialError, match="is locked"):
        await world.ours.at(HOST, "")


async def test_login_that_cannot_be_kept_is_not_listed(world: World) -> None:
    world.keyring.error = CredentialError("The system keyring is locked.")
    with pytest.raises(CredentialError, match="is locked"):
        await world.ours.keep(HOST, TYPED, world.keyring)
    assert world.ours.registries() == ()


async def test_secret_of_a_login_that_cannot_be_listed_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "logins.json").write_text("{")
    keyring = FakeKeeper()
    with pytest.raises(CredentialError, match=r"logins\.json"):
        await OurLogins(LoginsFile(tmp_path / "logins.json")).keep(HOST, TYPED, keyring)
    assert keyring.secrets == {}


@pytest.mark.parametrize("username", ["<token>", USER])
async def test_identity_token_is_kept_as_one(world: World, username: str) -> None:
    await world.ours.keep(HOST, Credential(username, "", SafeText("typed in"), identity_token=PASSWORD), world.keyring)
    credential = await world.ours.at(HOST, "")
    assert credential
    assert (credential.username, credential.password, credential.identity_token) == ("<token>", "", PASSWORD)


async def test_login_without_a_password_is_not_kept(world: World) -> None:
    with pytest.raises(CredentialError, match="no password"):
        await world.ours.keep(HOST, Credential(USER, "", SafeText("typed in")), world.keyring)
    assert world.keyring.secrets == {}


async def test_forgotten_login_is_neither_listed_nor_kept(world: World) -> None:
    kept, _ = await world.ours.keep(HOST, TYPED, world.keyring)
    await world.ours.forget(HOST, kept)
    assert (world.ours.registries(), world.keyring.secrets) == ((), {})


async def test_one_logs_out_even_if_the_keeper_fails_and_is_told(world: World) -> None:
    kept, _ = await world.ours.keep(HOST, TYPED, world.keyring)
    world.keyring.error = CredentialError("The system keyring is locked.", "Unlock it.")
    with pytest.raises(
        CredentialError, match=r"logged out .* may still be kept: The system keyring is locked"
    ) as raised:
        await world.ours.forget(HOST, kept)
    assert raised.value.next_step == "Unlock it."
    assert await world.ours.at(HOST, "") is None


async def test_problem_is_that_of_the_list(tmp_path: Path) -> None:
    (tmp_path / "logins.json").write_text("{")
    problem = OurLogins(LoginsFile(tmp_path / "logins.json")).problem()
    assert problem
    assert "logins.json" in problem.user_message


# Where they may be kept


async def test_helpers_come_first_then_the_keyring_then_the_file(world: World) -> None:
    usable = await world.keepers.usable()
    assert [keeper.kind for keeper in usable.keepers] == ["helper:pass", "helper:osxkeychain", "keyring", "file"]
    assert usable.no_keyring == ""


async def test_keyring_that_cannot_be_used_is_left_out_and_said_why(world: World) -> None:
    world.keyring.reason = "There is no system keyring here."
    usable = await world.keepers.usable()
    assert [keeper.kind for keeper in usable.keepers] == ["helper:pass", "helper:osxkeychain", "file"]
    assert usable.no_keyring == "There is no system keyring here."


async def test_without_a_place_nothing_is_offered() -> None:
    usable = await KnownKeepers().usable()
    assert (usable.keepers, bool(usable.no_keyring)) == ((), True)


async def test_each_keeper_is_made_once() -> None:
    keepers = KnownKeepers(keyring=FakeKeeper, file=FakeKeeper, helper=lambda name: FakeKeeper())
    for kind in ("keyring", "file", "helper:pass"):
        assert await keepers.keeper(kind) is await keepers.keeper(kind)


def machine(tmp_path: Path, config: str, *programs: str) -> KnownKeepers:
    for program in programs:
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o700)
    docker = AuthStore("docker config", text=config)
    return KnownKeepers.of({"PATH": str(tmp_path)}, docker, tmp_path / "credentials.json")


@pytest.mark.parametrize(
    ("config", "names"),
    [
        (json.dumps({"credsStore": "secretservice"}), ["helper:secretservice", "helper:pass"]),
        (json.dumps({"credsStore": "gone"}), ["helper:pass", "helper:secretservice"]),
        ("{", ["helper:pass", "helper:secretservice"]),
    ],
)
async def test_helper_that_docker_uses_is_offered_first(
    tmp_path: Path, config: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none_here(_: object) -> SafeText:
        return SafeText("none")

    monkeypatch.setattr("regbrowse.credentials.keyring_keeper.KeyringKeeper.problem", none_here)
    keepers = machine(tmp_path, config, "docker-credential-pass", "docker-credential-secretservice")
    assert [keeper.kind for keeper in (await keepers.usable()).keepers] == [*names, "file"]


async def test_keepers_of_this_machine_have_the_kinds_that_they_are_called_by(tmp_path: Path) -> None:
    keepers = machine(tmp_path, "{}")
    kinds = ["keyring", "helper:pass", "file"]
    assert [(await keepers.keeper(kind)).kind for kind in kinds] == kinds
