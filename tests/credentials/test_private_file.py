"""A small file that only its owner may have written (registry-client.md §5.3, number 44)."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from pathlib import Path

import pytest

from regbrowse.credentials.private_file import PrivateFile
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.small_files import SIZE_LIMIT

SOMEBODY = 12_345
"""A user who is not the one that the tests run as."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "regbrowse" / "logins.json"


def fill(path: Path, content: bytes = b"old", mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_missing_file_has_no_content(path: Path) -> None:
    assert PrivateFile(path).read() is None


def test_what_was_written_is_read(path: Path) -> None:
    PrivateFile(path).change(lambda before: b"new")
    assert PrivateFile(path).read() == b"new"


def test_change_is_told_what_was_there(path: Path) -> None:
    told: list[bytes | None] = []

    def second(before: bytes | None) -> bytes:
        told.append(before)
        return b"two"

    for change in (lambda before: b"one", second):
        PrivateFile(path).change(change)
    assert told == [b"one"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_44_file_and_its_new_folders_are_private(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        PrivateFile(path).change(lambda before: b"new")
    finally:
        os.umask(before)
    modes = {each.name: mode(each) for each in (path.parent.parent, path.parent, path)}
    assert modes == {"config": 0o700, "regbrowse": 0o700, "logins.json": 0o600}


def test_file_that_others_may_read_becomes_private(path: Path) -> None:
    fill(path, mode=0o644)
    PrivateFile(path).change(lambda before: b"new")
    assert mode(path) == 0o600


def test_44_link_stays_one(path: Path, tmp_path: Path) -> None:
    fill(tmp_path / "dotfiles" / "logins.json")
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "dotfiles" / "logins.json")
    PrivateFile(path).change(lambda before: b"new")
    assert path.is_symlink()
    assert (tmp_path / "dotfiles" / "logins.json").read_bytes() == b"new"


@pytest.mark.parametrize(("is_secret", "bits"), [(False, 0o620), (False, 0o602), (True, 0o640), (True, 0o604)])
def test_44_file_that_is_open_to_others_is_refused(path: Path, is_secret: bool, bits: int) -> None:
    fill(path, mode=bits)
    file = PrivateFile(path, is_secret=is_secret)
    with pytest.raises(CredentialError, match=r"Others may .*logins\.json") as raised:
        file.read()
    assert f"chmod 600 {path}" in raised.value.next_step
    with pytest.raises(CredentialError, match="Others may"):
        file.change(lambda before: b"new")
    assert path.read_bytes() == b"old"


def test_file_without_a_secret_may_be_read_by_others(path: Path) -> None:
    fill(path, mode=0o644)
    assert PrivateFile(path).read() == b"old"


def test_44_file_of_somebody_else_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)
    with pytest.raises(CredentialError, match="belongs to another user") as raised:
        PrivateFile(path).read()
    assert f"chmod 600 {path}" in raised.value.next_step


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_without_waiting(path: Path, make: object) -> None:
    path.parent.mkdir(parents=True)
    assert callable(make)
    make(path)
    with pytest.raises(CredentialError, match="cannot be read"):
        PrivateFile(path).read()


def test_file_that_is_too_large_is_refused(path: Path) -> None:
    fill(path, b"x" * (SIZE_LIMIT + 1))
    with pytest.raises(CredentialError, match="Larger than 1 MiB"):
        PrivateFile(path).read()


def test_content_that_could_not_be_read_again_is_not_written(path: Path) -> None:
    fill(path)
    with pytest.raises(CredentialError, match="larger than 1 MiB"):
        PrivateFile(path).change(lambda before: b"x" * (SIZE_LIMIT + 1))
    assert path.read_bytes() == b"old"


def test_failed_change_leaves_the_file_and_nothing_beside_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CredentialError, match="cannot be written: No space left on device"):
        PrivateFile(path).change(lambda before: b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in path.parent.iterdir() if not each.name.endswith(".lock")] == ["logins.json"]


def test_rest_of_a_run_that_was_killed_is_overwritten(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.with_name(".logins.json.new").write_bytes(b"rest")
    PrivateFile(path).change(lambda before: b"new")
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600


def test_error_of_the_change_itself_goes_out(path: Path) -> None:
    def refuse(before: bytes | None) -> bytes:
        raise CredentialError("No.")

    with pytest.raises(CredentialError, match=r"No\."):
        PrivateFile(path).change(refuse)
    assert not path.exists()


def test_another_window_that_writes_is_not_waited_for_without_end(path: Path) -> None:
    fill(path)
    with path.with_name(".logins.json.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CredentialError, match="Another program is writing it"):
            PrivateFile(path, patience=0).change(lambda before: b"new")
    PrivateFile(path, patience=0).change(lambda before: b"new")
    assert path.read_bytes() == b"new"


def test_no_change_of_many_is_lost(path: Path) -> None:
    def add() -> None:
        for _ in range(5):
            PrivateFile(path, patience=60).change(lambda before: (before or b"") + b"x")

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == b"x" * 20
