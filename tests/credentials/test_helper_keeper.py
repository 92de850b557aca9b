"""Logins of our own in a credential helper: beside Docker's, and read back after they were written."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from regbrowse.credentials.helper import Helper
from regbrowse.credentials.helper_keeper import HelperKeeper
from regbrowse.credentials.store import Keeper, NotAskedError
from regbrowse.registry.errors import CredentialError

HOST = "registry.corp:5000"
USER = "canary-user"
SECRET = "canary-pass"

HELPER = f"""#!{sys.executable} -S
import base64, json, os, pathlib, sys
told, folder, trait = sys.stdin.read(), pathlib.Path(os.environ["FOLDER"]), os.environ.get("TRAIT")
with (folder / "calls").open("a") as calls:
    print(sys.argv[1], file=calls)
def entry(server):
    return folder / base64.urlsafe_b64encode(server.encode()).decode()
if sys.argv[1] == "store":
    login = json.loads(told)
    if trait == "strips":
        login["Secret"] = login["Secret"].strip()
    if trait != "forgets":
        entry(login["ServerURL"]).write_text(json.dumps(login))
elif trait == "breaks" or (trait == "locked" and sys.argv[1] == "get" and entry(told).exists()):
    sys.exit("no store")
else:
    found = entry(told)
    if trait == "approximates" and not found.exists():
        found = entry(told.split("/")[2])
    if not found.exists():
        print("nothing there" if sys.argv[1] == "erase" else "credentials not found in native keychain")
        sys.exit(1)
    if sys.argv[1] == "get":
        print(found.read_text())
    elif trait != "holds":
        found.unlink()
"""
"""A helper with a file for each server, and with the odd trait of some real one."""


class Store:
    """What is in the helper's folder."""

    def __init__(self, folder: Path, trait: str = "") -> None:
        self.folder = folder
        program = folder / "docker-credential-test"
        program.write_text(HELPER)
        program.chmod(0o755)
        self.helper = Helper("test", {"PATH": str(folder), "FOLDER": str(folder), "TRAIT": trait}, within=60)
        self.keeper: Keeper = HelperKeeper(self.helper)

    def servers(self) -> dict[str, str]:
        found = (json.loads(path.read_text()) for path in self.folder.iterdir() if _is_entry(path))
        return {login["ServerURL"]: login["Secret"] for login in found}

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().split()


def _is_entry(path: Path) -> bool:
    return path.name != "calls" and not path.name.startswith("docker-")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_it_is_called_after_its_helper(store: Store) -> None:
    assert (store.keeper.kind, store.keeper.name) == ("helper:test", "docker helper test")


async def test_what_was_put_is_there(store: Store) -> None:
    await store.keeper.put(HOST, USER, SECRET)
    assert await store.keeper.get(HOST, USER) == SECRET


async def test_what_was_put_is_read_back(store: Store) -> None:
    await store.keeper.put(HOST, USER, SECRET)
    assert store.calls() == ["store", "get"]


@pytest.mark.parametrize(
    ("host", "username", "server"),
    [
        (HOST, "ada", f"https://{HOST}/regbrowse/ada"),
        ("docker.io", "ada", "https://docker.io/regbrowse/ada"),
        ("[::1]:5000", "ada", "https://[::1]:5000/regbrowse/ada"),
        (HOST, "robot$team+ci", f"https://{HOST}/regbrowse/robot%24team%2Bci"),
        (HOST, "ada@corp.example", f"https://{HOST}/regbrowse/ada%40corp.example"),
        (HOST, "a/../b c", f"https://{HOST}/regbrowse/a%2F..%2Fb%20c"),
        (HOST, "ä%0a", f"https://{HOST}/regbrowse/%C3%A4%250a"),
    ],
)
async def test_each_account_has_a_server_of_its_own(store: Store, host: str, username: str, server: str) -> None:
    await store.keeper.put(host, username, SECRET)
    assert store.servers() == {server: SECRET}
    assert await store.keeper.get(host, username) == SECRET


async def test_accounts_of_one_registry_do_not_replace_each_other(store: Store) -> None:
    await store.keeper.put(HOST, "ada", "one")
    await store.keeper.put(HOST, "eve", "two")
    await store.keeper.put(HOST, "ada", "three")
    assert [await store.keeper.get(HOST, name) for name in ("ada", "eve", "bob")] == ["three", "two", None]


async def test_docker_s_own_login_is_neither_read_nor_touched(store: Store) -> None:
    await store.helper.store(HOST, USER, "docker's")
    assert await store.keeper.get(HOST, USER) is None
    await store.keeper.put(HOST, USER, SECRET)
    await store.keeper.remove(HOST, USER)
    assert store.servers() == {HOST: "docker's"}


async def test_what_is_kept_for_a_similar_server_is_not_ours(tmp_path: Path) -> None:
    store = Store(tmp_path, "approximates")
    await store.helper.store(HOST, "somebody", "docker's")
    assert await store.keeper.get(HOST, USER) is None
    await store.keeper.remove(HOST, USER)
    assert store.servers() == {HOST: "docker's"}


async def test_what_was_removed_is_gone(store: Store) -> None:
    await store.keeper.put(HOST, USER, SECRET)
    await store.keeper.remove(HOST, USER)
    assert await store.keeper.get(HOST, USER) is None
    assert store.servers() == {}


async def test_what_is_not_there_can_be_removed_though_the_helper_would_fail(store: Store) -> None:
    await store.keeper.remove(HOST, USER)
    assert store.calls() == ["get"]


async def test_what_is_still_there_after_it_was_removed_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path, "holds")
    await store.keeper.put(HOST, USER, SECRET)
    with pytest.raises(CredentialError, match="docker-credential-test did not remove the login of canary-user"):
        await store.keeper.remove(HOST, USER)


@pytest.mark.parametrize("trait", ["strips", "forgets"])
async def test_what_is_not_kept_as_it_is_is_not_kept(tmp_path: Path, trait: str) -> None:
    store = Store(tmp_path, trait)
    with pytest.raises(CredentialError, match="docker-credential-test did not keep the login of canary-user") as raised:
        await store.keeper.put(HOST, USER, f"{SECRET}\n")
    assert HOST in raised.value.user_message
    assert SECRET not in f"{raised.value!r}{raised.value.next_step}"
    assert store.servers() == {}


async def test_a_login_that_cannot_be_read_back_is_an_error(tmp_path: Path) -> None:
    store = Store(tmp_path, "breaks")
    with pytest.raises(CredentialError, match="docker-credential-test failed: no store"):
        await store.keeper.put(HOST, USER, SECRET)
    with pytest.raises(CredentialError, match="docker-credential-test failed: no store"):
        await store.keeper.get(HOST, USER)
    with pytest.raises(CredentialError, match="docker-credential-test did not remove the login: no store"):
        await store.keeper.remove(HOST, USER)


async def test_a_login_that_cannot_be_read_may_be_removed(tmp_path: Path) -> None:
    """So is one of pass whose key is locked, which is written without it."""
    store = Store(tmp_path, "locked")
    with pytest.raises(CredentialError, match="docker-credential-test failed: no store"):
        await store.keeper.put(HOST, USER, SECRET)
    await store.keeper.remove(HOST, USER)
    assert store.servers() == {}


@pytest.mark.parametrize("username", ["", "a\n", "a\0", "\ud800", "a\x1b[31m", "a\u202e", "a\u2028"])
async def test_46_a_user_name_with_hidden_characters_never_reaches_the_helper(store: Store, username: str) -> None:
    for asked in (
        store.keeper.get(HOST, username),
        store.keeper.put(HOST, username, SECRET),
        store.keeper.remove(HOST, username),
    ):
        with pytest.raises(NotAskedError, match="cannot keep a login of"):
            await asked
    assert not (store.folder / "calls").exists()


@pytest.mark.parametrize("host", ["registry.corp\n", "registry.corp/x", "--flag", "registry.corp%0a", ""])
async def test_46_a_host_that_is_none_never_reaches_the_helper(store: Store, host: str) -> None:
    with pytest.raises(NotAskedError, match="not the address of a registry"):
        await store.keeper.put(host, USER, SECRET)
    assert not (store.folder / "calls").exists()
