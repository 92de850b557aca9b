"""Read a file that should be small, and that someone else may have put something else in place of."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

SIZE_LIMIT: Final = 1 << 20
"""Bytes."""


def read_small_file(path: Path) -> bytes | None:
    """The content of `path`, None if there is no such file.

    Raises:
        OSError: It may not be read, is no regular file, or is larger than `SIZE_LIMIT`.
    """
    try:
        # Opening a pipe without a writer would wait for one.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123  # a descriptor has no path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        content = file.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        raise OSError(errno.EFBIG, "Larger than 1 MiB", str(path))
    return content
