"""A small file of ours: nobody else may have written it, and it is written whole or not at all.

The rules are those of registry-client.md §5.3, test 44.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from regbrowse.registry.errors import CredentialError
from regbrowse.registry.small_files import SIZE_LIMIT

_PAUSE: Final = 0.02
"""Seconds between two tries to get the lock."""


class PrivateFile:
    """A file that several windows read and change; one change is never lost to another. Everything here blocks.

    Args:
        path: It need not exist. A link stays one: what it leads to is written.
        is_secret: Others may not even read it.
        patience: Seconds to wait for another window that is writing.
    """

    def __init__(self, path: Path, *, is_secret: bool = False, patience: float = 5.0) -> None:
        self.path = path
        self._is_secret = is_secret
        self._patience = patience

    def read(self) -> bytes | None:
        """The content; None if there is no such file.

        Raises:
            CredentialError: It cannot be read, is larger than `SIZE_LIMIT`, or others could have written it.
        """
        try:
            return self._content()
        except OSError as error:
            raise CredentialError(f"{self.path} cannot be read: {error.strerror}.") from None

    def change(self, edit: Callable[[bytes | None], bytes]) -> None:
        """Replace the content by what `edit` makes of it, with no other window in between.

        The file gets the mode 0600, and folders that are missing 0700. What `edit` raises leaves all as it was.

        Raises:
            CredentialError: As for `read`, and if it cannot be written or would become too large.
        """
        target = Path(os.path.realpath(self.path))
        try:
            _make_private_folder(target.parent)
            with self._lock(target):
                content = edit(self.read())
                if len(content) > SIZE_LIMIT:
                    raise OSError(errno.EFBIG, "It would be larger than 1 MiB")
                _replace(target, content)
        except OSError as error:
            raise CredentialError(f"{self.path} cannot be written: {error.strerror}.") from None

    def _content(self) -> bytes | None:
        try:
            # Opening a pipe without a writer would wait for one.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with open(descriptor, "rb") as file:  # noqa: PTH123  # a descriptor has no path
            check_private(self.path, os.fstat(descriptor), is_secret=self._is_secret)
            content = file.read(SIZE_LIMIT + 1)
        if len(content) > SIZE_LIMIT:
            raise OSError(errno.EFBIG, "Larger than 1 MiB")
        return content

    @contextmanager
    def _lock(self, target: Path) -> Iterator[None]:
        """Hold a file beside the target: the target itself is another one after each change."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(target.with_name(f".{target.name}.lock"), flags, 0o600)
        try:
            self._wait_for(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _wait_for(self, descriptor: int) -> None:
        end = time.monotonic() + self._patience
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise OSError(errno.EAGAIN, "Another program is writing it") from None
            time.sleep(_PAUSE)


def check_private(path: Path, status: os.stat_result, *, is_secret: bool) -> None:
    """Refuse a file that is not the user's alone.

    Args:
        path: For the sentences.
        is_secret: Others may not even read it.

    Raises:
        OSError: It is no regular file.
        CredentialError: It belongs to somebody else, or others may write it, or read it.
    """
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file")
    mending = f"chmod 600 {shlex.quote(str(path))}"
    if status.st_uid != os.geteuid():
        raise CredentialError(
            f"{path} belongs to another user, so it is not used.",
            f"If it should be yours, take it over (chown) and run {mending}; otherwise remove it.",
        )
    if status.st_mode & 0o022:
        raise CredentialError(f"Others may change {path}, so it is not used.", f"Check it, and run {mending}.")
    if is_secret and status.st_mode & 0o077:
        raise CredentialError(f"Others may read {path}, so it is not used.", f"Run {mending}.")


def _make_private_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _replace(target: Path, content: bytes) -> None:
    """Write by renaming; the name in between may be a fixed one, as only who holds the lock uses it."""
    new = target.with_name(f".{target.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor has no path
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
