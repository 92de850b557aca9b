"""The logins that regbrowse keeps, and where it may keep them (registry-client.md §1.7 and §1.8)."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Final

import pytest

from regbrowse.credentials.auth_store import AuthStore
from regbrowse.credentials.keepers import KnownKeepers
from regbrowse.credentials.logins_file import KeptLogin, LoginsFile
from regbrowse.credentials.our_logins import OurLogins
from regbrowse.credentials.store import NotAskedError
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

    async def login(self) -> Credential:
        """The first login of the registry, with its secret."""
        [kept, *_] = await self.ours.kept(HOST)
        return await self.ours.login(HOST, kept)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("kind", ["keyring", "file", "helper:pass"])
async def test_what_was_kept_is_found(world: World, kind: str) -> None:
    keeper = await world.keepers.keeper(kind)
    kept, credential = await world.ours.keep(HOST, TYPED, keeper)
    assert kept == KeptLogin(USER, kind)
    assert await world.login() == credential == Credential(USER, PASSWORD, keeper.name)


async def test_login_is_for_the_whole_registry(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    assert await world.ours.kept("registry.corp") == ()
    assert (world.ours.registries(), world.ours.repositories(HOST)) == ((HOST,), ())


async def test_list_is_read_without_asking_a_keeper(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    assert await world.ours.kept(HOST) == (KeptLogin(USER, "keyring"),)
    assert await world.ours.place(KeptLogin(USER, "keyring")) == "system keyring"
    assert world.keyring.asked == []


async def test_secret_that_is_gone_is_an_error(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    world.keyring.secrets.clear()
    with pytest.raises(CredentialError, match=f"password of {USER} for {HOST} is not in the system keyring") as raised:
        await world.login()
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
        await world.login()


async def test_login_that_a_keeper_was_not_given_is_not_listed(world: World) -> None:
    world.keyring.error = NotAskedError("The system keyring is locked.")
    with pytest.raises(CredentialError, match="is locked") as raised:
        await world.ours.keep(HOST, TYPED, world.keyring)
    assert (world.ours.registries(), "may be there" in raised.value.user_message) == ((), False)


# A keeper that fails, or is not waited for, while it has the secret already


class Halfway(FakeKeeper):
    """It has a secret, then fails or hangs.

    Attributes:
        failure: What it raises then; it hangs if None.
        can_remove: Else that fails too; hangs if None.
    """

    def __init__(self, failure: CredentialError | None = None, *, can_remove: bool | None = True) -> None:
        super().__init__()
        self.failure = failure
        self.can_remove = can_remove
        self.has_it = asyncio.Event()
        self.listed: tuple[str, ...] = ()
        self.ours = OurLogins(LoginsFile(None), KnownKeepers(keyring=lambda: self), within=0.05)

    async def put(self, host: str, username: str, secret: str) -> None:
        self.listed = self.ours.registries()
        await super().put(host, username, secret)
        self.has_it.set()
        if self.failure:
            raise self.failure
        await asyncio.Event().wait()

    async def remove(self, host: str, username: str) -> None:
        await asyncio.sleep(0)  # a second cancellation would be raised here
        if self.can_remove is None:
            await asyncio.Event().wait()
        if not self.can_remove:
            raise CredentialError("It cannot be removed.")
        await super().remove(host, username)

    async def keep_and_cancel(self, *, times: int = 1) -> None:
        keeping = asyncio.create_task(self.ours.keep(HOST, TYPED, self))
        await self.has_it.wait()
        for _ in range(times):
            keeping.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await keeping


FAILURE: Final = CredentialError("It did not answer.", "Unlock it.")


async def test_login_is_listed_before_a_keeper_has_its_secret() -> None:
    keeper = Halfway(FAILURE)
    with pytest.raises(CredentialError):
        await keeper.ours.keep(HOST, TYPED, keeper)
    assert keeper.listed == (HOST,)


async def test_secret_that_could_be_removed_again_is_not_listed() -> None:
    keeper = Halfway(FAILURE)
    with pytest.raises(CredentialError) as raised:
        await keeper.ours.keep(HOST, TYPED, keeper)
    assert (raised.value.user_message, keeper.secrets, keeper.ours.registries()) == ("It did not answer.", {}, ())


@pytest.mark.parametrize("can_remove", [False, None], ids=["fails", "hangs"])
async def test_secret_that_could_not_be_removed_is_listed_and_told(can_remove: bool | None) -> None:
    keeper = Halfway(FAILURE, can_remove=can_remove)
    with pytest.raises(CredentialError) as raised:
        await keeper.ours.keep(HOST, TYPED, keeper)
    assert raised.value.user_message == "It did not answer. It may be there all the same: log out removes it."
    assert raised.value.next_step == "Unlock it."
    assert await keeper.ours.kept(HOST) == (KeptLogin(USER, "keyring"),)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_secret_of_who_did_not_wait_is_removed(times: int) -> None:
    keeper = Halfway()
    await keeper.keep_and_cancel(times=times)
    assert (keeper.secrets, keeper.ours.registries()) == ({}, ())


@pytest.mark.parametrize("can_remove", [False, None], ids=["fails", "hangs"])
async def test_secret_of_who_did_not_wait_is_listed_if_it_cannot_be_removed(can_remove: bool | None) -> None:
    keeper = Halfway(can_remove=can_remove)
    await keeper.keep_and_cancel()
    assert await keeper.ours.kept(HOST) == (KeptLogin(USER, "keyring"),)


@pytest.mark.parametrize("failure", [FAILURE, NotAskedError("It is locked.")])
async def test_login_that_was_listed_before_stays_so(failure: CredentialError) -> None:
    keeper = Halfway(failure)
    keeper.ours.file.add(HOST, USER, "keyring")
    with pytest.raises(CredentialError):
        await keeper.ours.keep(HOST, TYPED, keeper)
    assert (keeper.ours.registries(), len(keeper.secrets)) == ((HOST,), 1)


async def test_login_is_not_listed_if_nobody_waits_for_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Halfway(FAILURE)
    is_adding, go_on, is_added = threading.Event(), threading.Event(), threading.Event()
    add = keeper.ours.file.add

    def slow(host: str, username: str, kind: str) -> KeptLogin:
        is_adding.set()
        go_on.wait()
        kept = add(host, username, kind)
        is_added.set()
        return kept

    monkeypatch.setattr(keeper.ours.file, "add", slow)
    keeping = asyncio.create_task(keeper.ours.keep(HOST, TYPED, keeper))
    await asyncio.to_thread(is_adding.wait)
    keeping.cancel()
    await asyncio.wait([keeping], timeout=0.1)  # it must not end before the list is written
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    await asyncio.to_thread(is_added.wait)
    assert (keeper.ours.registries(), keeper.secrets) == ((), {})


async def test_logging_out_goes_on_if_nobody_waits_for_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, _ = await world.ours.keep(HOST, TYPED, world.keyring)
    is_removing, go_on, remove = asyncio.Event(), asyncio.Event(), world.keyring.remove

    async def slow(host: str, username: str) -> None:
        is_removing.set()
        await go_on.wait()
        await remove(host, username)

    monkeypatch.setattr(world.keyring, "remove", slow)
    leaving = asyncio.create_task(world.ours.forget(HOST, kept))
    await is_removing.wait()
    leaving.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert world.keyring.secrets == {}


async def test_secret_of_a_login_that_cannot_be_listed_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "logins.json").write_text("{")
    keyring = FakeKeeper()
    with pytest.raises(CredentialError, match=r"logins\.json"):
        await OurLogins(LoginsFile(tmp_path / "logins.json")).keep(HOST, TYPED, keyring)
    assert keyring.secrets == {}


@pytest.mark.parametrize("username", ["<token>", USER])
async def test_identity_token_is_kept_as_one(world: World, username: str) -> None:
    await world.ours.keep(HOST, Credential(username, "", SafeText("typed in"), identity_token=PASSWORD), world.keyring)
    credential = await world.login()
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
    assert await world.ours.kept(HOST) == ()


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


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none_here(_: object) -> SafeText:
        return SafeText("none")

    monkeypatch.setattr("regbrowse.credentials.keyring_keeper.KeyringKeeper.problem", none_here)


def machine(tmp_path: Path, config: str, *programs: str, **variables: str) -> KnownKeepers:
    for program in programs:
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o700)
    docker = AuthStore("docker config", text=config)
    return KnownKeepers.of({"PATH": str(tmp_path), **variables}, docker, tmp_path / "credentials.json")


@pytest.mark.parametrize(
    ("config", "names"),
    [
        (json.dumps({"credsStore": "secretservice"}), ["helper:secretservice", "helper:pass"]),
        (json.dumps({"credsStore": "gone"}), ["helper:pass", "helper:secretservice"]),
        ("{", ["helper:pass", "helper:secretservice"]),
    ],
)
@pytest.mark.usefixtures("no_keyring")
async def test_helper_that_docker_uses_is_offered_first(tmp_path: Path, config: str, names: list[str]) -> None:
    (tmp_path / ".gpg-id").touch()
    keepers = machine(
        tmp_path,
        config,
        "docker-credential-pass",
        "docker-credential-secretservice",
        PASSWORD_STORE_DIR=str(tmp_path),
        DBUS_SESSION_BUS_ADDRESS="unix:path=/run/bus",
    )
    assert [keeper.kind for keeper in (await keepers.usable()).keepers] == [*names, "file"]


@pytest.mark.usefixtures("no_keyring")
@pytest.mark.parametrize(
    ("helper", "variables", "files", "platform", "is_offered"),
    [
        ("secretservice", {}, (), "linux", False),
        ("secretservice", {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/bus"}, (), "linux", True),
        ("secretservice", {"XDG_RUNTIME_DIR": "{folder}"}, (), "linux", False),
        ("secretservice", {"XDG_RUNTIME_DIR": "{folder}"}, ("bus",), "linux", True),
        ("pass", {"HOME": "{folder}"}, (), "linux", False),
        ("pass", {"HOME": "{folder}"}, (".password-store/other",), "linux", False),
        ("pass", {"HOME": "{folder}"}, (".password-store/.gpg-id",), "linux", True),
        ("pass", {"HOME": "{folder}", "PASSWORD_STORE_DIR": "{folder}/s"}, ("s/.gpg-id",), "linux", True),
        ("pass", {"HOME": "{folder}", "PASSWORD_STORE_DIR": "{folder}/s"}, (".password-store/.gpg-id",), "x", False),
        ("pass", {}, (), "linux", False),
        ("osxkeychain", {}, (), "linux", False),
        ("osxkeychain", {}, (), "darwin", True),
        ("wincred", {}, (), "linux", False),
        ("wincred", {}, (), "win32", True),
        ("desktop", {}, (), "linux", True),
    ],
)
async def test_helper_is_offered_where_it_can_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    helper: str,
    variables: dict[str, str],
    files: tuple[str, ...],
    platform: str,
    is_offered: bool,
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    here = {name: value.format(folder=tmp_path) for name, value in variables.items()}
    keepers = machine(tmp_path, "{}", f"docker-credential-{helper}", **here)
    monkeypatch.setattr("regbrowse.credentials.keepers.sys.platform", platform)
    kinds = [keeper.kind for keeper in (await keepers.usable()).keepers]
    monkeypatch.undo()
    assert kinds == ([f"helper:{helper}", "file"] if is_offered else ["file"])


async def test_keepers_of_this_machine_have_the_kinds_that_they_are_called_by(tmp_path: Path) -> None:
    keepers = machine(tmp_path, "{}")
    kinds = ["keyring", "helper:pass", "file"]
    assert [(await keepers.keeper(kind)).kind for kind in kinds] == kinds
