"""The file with secrets in the clear (registry-client.md §1.8 and §5.3, number 44)."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from regbrowse.credentials.private_file import PrivateFile
from regbrowse.credentials.secrets_file import SecretsFile
from regbrowse.credentials.store import Keeper
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.small_files import SIZE_LIMIT

HOST: Final = "registry.corp:5000"
USER: Final = "canary-user"
SECRET: Final = "canary-pass"
LOGIN: Final = {HOST: {USER: SECRET}}

T = TypeVar("T")
Action = Callable[[SecretsFile], Coroutine[Any, Any, object]]

ACTIONS: Final[dict[str, Action]] = {
    "get": lambda file: file.get(HOST, USER),
    "put": lambda file: file.put(HOST, USER, SECRET),
    "remove": lambda file: file.remove(HOST, USER),
}
every_action: Final = pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "regbrowse" / "credentials.json"


def write(path: Path, content: object, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def run(doing: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(doing)


def failure(doing: Coroutine[Any, Any, object]) -> CredentialError:
    with pytest.raises(CredentialError) as caught:
        run(doing)
    assert SECRET not in f"{caught.value!r} {caught.value.next_step}"
    return caught.value


# Keeping


def test_a_secret_is_kept_given_back_and_removed(path: Path) -> None:
    file = SecretsFile(path)
    answers = [run(file.get(HOST, USER))]
    run(file.put(HOST, USER, SECRET))
    answers.append(run(SecretsFile(path).get(HOST, USER)))
    run(file.remove(HOST, USER))
    answers.append(run(SecretsFile(path).get(HOST, USER)))
    assert answers == [None, SECRET, None]


def test_the_file_has_users_under_their_host(path: Path) -> None:
    run(SecretsFile(path).put(HOST, USER, SECRET))
    assert json.loads(path.read_text()) == LOGIN


@pytest.mark.parametrize("secret", ["", " pass word\n", "pässwörd 鍵 \U0001f511", "\udcff", '"\\', "x" * 10_000])
def test_any_text_is_given_back_as_it_was(secret: str, path: Path) -> None:
    run(SecretsFile(path).put(HOST, USER, secret))
    assert run(SecretsFile(path).get(HOST, USER)) == secret


def test_another_secret_takes_the_place_of_the_first(path: Path) -> None:
    file = SecretsFile(path)
    run(file.put(HOST, USER, "old"))
    run(file.put(HOST, USER, SECRET))
    assert json.loads(path.read_text()) == LOGIN


def test_other_hosts_and_users_stay_as_they_are(path: Path) -> None:
    others = {"other.corp": {"ada": "1"}, HOST: {"bob": "2"}}
    write(path, others)
    file = SecretsFile(path)
    run(file.put(HOST, USER, SECRET))
    assert json.loads(path.read_text()) == {**others, HOST: {"bob": "2", USER: SECRET}}
    run(file.remove(HOST, USER))
    assert json.loads(path.read_text()) == others


def test_a_host_without_users_is_removed(path: Path) -> None:
    write(path, LOGIN)
    run(SecretsFile(path).remove(HOST, USER))
    assert json.loads(path.read_text()) == {}


def test_reading_and_removing_what_is_not_there_makes_no_file_and_no_folder(path: Path) -> None:
    file = SecretsFile(path)
    assert run(file.get(HOST, USER)) is None
    run(file.remove(HOST, USER))
    assert not path.parent.parent.exists()


@pytest.mark.parametrize("home", ["", "elsewhere"], ids=["in the home folder", "outside of it"])
def test_its_name_is_the_path_from_home(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / home))
    keeper: Keeper = SecretsFile(tmp_path / ".config" / "regbrowse" / "credentials.json")
    shown = "~" if not home else str(tmp_path)
    assert (keeper.kind, keeper.name) == ("file", f"file {shown}/.config/regbrowse/credentials.json")


# Only for its owner


def test_file_and_new_folders_are_for_the_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        run(SecretsFile(path).put(HOST, USER, SECRET))
    finally:
        os.umask(before)
    assert {entry.name: mode(entry) for entry in path.parent.parent.rglob("*")} == {
        "regbrowse": 0o700,
        "credentials.json": 0o600,
        ".credentials.json.lock": 0o600,
    }
    assert mode(path.parent.parent) == 0o700


def test_a_folder_that_is_there_keeps_its_mode(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.parent.chmod(0o755)
    run(SecretsFile(path).put(HOST, USER, SECRET))
    assert mode(path.parent) == 0o755


@every_action
@pytest.mark.parametrize("permissions", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o666], ids=oct)
def test_a_file_that_is_open_to_others_is_refused(permissions: int, action: Action, path: Path) -> None:
    write(path, LOGIN, permissions)
    error = failure(action(SecretsFile(path)))
    assert re.fullmatch(rf"Others may (read|change) {re.escape(str(path))}, so it is not used\.", error.user_message)
    assert f"chmod 600 {path}" in error.next_step
    assert (json.loads(path.read_text()), mode(path)) == (LOGIN, permissions)


@every_action
def test_a_file_of_another_user_is_refused(action: Action, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, LOGIN)
    someone_else = path.stat().st_uid + 1
    monkeypatch.setattr("os.geteuid", lambda: someone_else)
    error = failure(action(SecretsFile(path)))
    assert error.user_message == f"{path} belongs to another user, so it is not used."
    assert json.loads(path.read_text()) == LOGIN


# Symbolic links


def test_a_link_is_kept_and_what_it_leads_to_is_replaced(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "secrets.json"
    write(target, {"other.corp": {"ada": "1"}})
    path.parent.mkdir(parents=True)
    path.symlink_to(target)
    run(SecretsFile(path).put(HOST, USER, SECRET))
    assert path.readlink() == target
    assert json.loads(target.read_text()) == {"other.corp": {"ada": "1"}, **LOGIN}
    assert mode(target) == 0o600


def test_a_link_that_leads_to_nothing_yet_is_kept(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "dotfiles" / "secrets.json")
    run(SecretsFile(path).put(HOST, USER, SECRET))
    assert path.is_symlink()
    assert json.loads((tmp_path / "dotfiles" / "secrets.json").read_text()) == LOGIN


def test_the_permissions_of_what_a_link_leads_to_are_what_counts(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "secrets.json"
    write(target, LOGIN, 0o644)
    path.parent.mkdir(parents=True)
    path.symlink_to(target)
    assert "Others may read" in failure(SecretsFile(path).get(HOST, USER)).user_message


@every_action
def test_a_link_to_itself_is_a_failure(action: Action, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(path)
    assert str(path) in failure(action(SecretsFile(path))).user_message


# A file that cannot be used


@every_action
@pytest.mark.parametrize(
    "content",
    [
        "",
        SECRET,
        f'{{"{HOST}": {{"{USER}": "{SECRET}"}}',
        "[" * 100_000,
        "1" * 5_000,
        [],
        {HOST: SECRET},
        {HOST: [SECRET]},
        {HOST: {USER: None}},
        {HOST: {USER: [SECRET]}},
    ],
    ids=lambda content: str(content)[:20] or "empty",
)
def test_a_damaged_file_is_a_failure_and_stays_as_it_is(content: object, action: Action, path: Path) -> None:
    write(path, content)
    before = path.read_bytes()
    error = failure(action(SecretsFile(path)))
    assert error.user_message == f"{path} is not the JSON that it should be, and is left as it is."
    assert (error.__cause__, error.__context__) == (None, None), "json's exceptions hold the whole text"
    assert path.read_bytes() == before


@every_action
def test_a_file_that_is_too_large_is_a_failure(action: Action, path: Path) -> None:
    write(path, json.dumps({HOST: {USER: "x" * SIZE_LIMIT}}))
    assert f"{path} cannot be read: Larger than 1 MiB" in failure(action(SecretsFile(path))).user_message


def test_a_file_is_not_made_larger_than_can_be_read_again(path: Path) -> None:
    write(path, LOGIN)
    error = failure(SecretsFile(path).put(HOST, "other", "x" * SIZE_LIMIT))
    assert error.user_message == f"{path} cannot be written: It would be larger than 1 MiB."
    assert json.loads(path.read_text()) == LOGIN


@every_action
def test_a_folder_or_a_pipe_in_its_place_is_a_failure(action: Action, path: Path) -> None:
    path.parent.mkdir(parents=True)
    os.mkfifo(path, 0o600)
    assert "Not a regular file" in failure(action(SecretsFile(path))).user_message
    path.unlink()
    path.mkdir(mode=0o700)
    assert f"{path} cannot be read" in failure(action(SecretsFile(path))).user_message


def test_a_folder_that_cannot_be_made_is_a_failure(path: Path) -> None:
    write(path.parent.parent, "a file")
    error = failure(SecretsFile(path).put(HOST, USER, SECRET))
    assert error.user_message == f"{path} cannot be written: File exists."


def test_a_write_that_fails_changes_nothing_and_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    write(path, LOGIN)
    monkeypatch.setattr("os.fsync", full)
    error = failure(SecretsFile(path).put(HOST, "other", SECRET))
    assert error.user_message == f"{path} cannot be written: No space left on device."
    assert json.loads(path.read_text()) == LOGIN
    assert {entry.name for entry in path.parent.iterdir()} == {path.name, f".{path.name}.lock"}


def test_what_is_read_back_must_be_what_was_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regbrowse.credentials.private_file._replace", lambda path, content: write(path, {}))
    assert "does not hold what was just written" in failure(SecretsFile(path).put(HOST, USER, SECRET)).user_message


# Several writers

WRITER: Final = """
import asyncio, sys
from pathlib import Path
from regbrowse.credentials.secrets_file import SecretsFile

async def main(path, name):
    sys.stdin.read()
    for number in range(10):
        await SecretsFile(Path(path), within=60).put(name, str(number), "secret")

asyncio.run(main(*sys.argv[1:]))
"""


def test_writers_in_one_process_lose_nothing(path: Path) -> None:
    async def all_at_once() -> None:
        await asyncio.gather(*(SecretsFile(path, within=60).put(HOST, str(n), SECRET) for n in range(20)))

    run(all_at_once())
    assert len(json.loads(path.read_text())[HOST]) == 20


def test_writers_in_two_processes_lose_nothing(path: Path) -> None:
    with contextlib.ExitStack() as ends:
        writers = [
            ends.enter_context(subprocess.Popen([sys.executable, "-c", WRITER, path, name], stdin=subprocess.PIPE))
            for name in "ab"
        ]
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.close()  # what they wait for, so that they start together
    assert [writer.returncode for writer in writers] == [0, 0]
    assert {name: len(users) for name, users in json.loads(path.read_text()).items()} == {"a": 10, "b": 10}


def test_a_writer_that_never_ends_is_waited_for_so_long_and_no_longer(path: Path) -> None:
    write(path, LOGIN)
    with path.with_name(f".{path.name}.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        file = SecretsFile(path, within=0.05)
        error = failure(file.put(HOST, "other", SECRET))
        assert error.user_message == f"{path} cannot be written: Another program is writing it."
        assert run(file.get(HOST, USER)) == SECRET, "reading waits for nobody"
    run(file.put(HOST, "other", SECRET))


def test_a_lock_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    write(path, LOGIN)
    path.with_name(f".{path.name}.lock").symlink_to(tmp_path / "made by it")
    failure(SecretsFile(path).put(HOST, "other", SECRET))
    assert not (tmp_path / "made by it").exists()


def test_a_change_that_nobody_waits_for_is_over_before_the_next_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what is removed again would be written after that."""
    file = SecretsFile(path)
    is_writing, go_on, change = threading.Event(), threading.Event(), PrivateFile.change

    def slow(self: PrivateFile, edit: Callable[[bytes | None], bytes]) -> None:
        is_writing.set()
        go_on.wait()
        change(self, edit)

    async def give_up() -> None:
        putting = asyncio.create_task(file.put(HOST, USER, SECRET))
        await asyncio.to_thread(is_writing.wait)
        putting.cancel()
        asyncio.get_running_loop().call_soon(go_on.set)
        with pytest.raises(asyncio.CancelledError):
            await putting
        assert await file.get(HOST, USER) == SECRET

    monkeypatch.setattr(PrivateFile, "change", slow)
    run(give_up())
