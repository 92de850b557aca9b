"""Tar archives: by Python's tarfile, by tar programs, and block by block."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from typing import Any, Final

import pytest

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
FORMATS: Final = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def entry(
    name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **others: Any
) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.type, made.size = kind, len(content)
    for attribute, value in others.items():
        setattr(made, attribute, value)
    return made, content


def archive_of(
    *entries: tuple[tarfile.TarInfo, bytes], form: str = "gnu", headers: Mapping[str, str] | None = None
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=FORMATS[form], errors="surrogateescape", pax_headers=headers
    ) as opened:
        for made, content in entries:
            opened.addfile(made, io.BytesIO(content))
    return buffer.getvalue()


def block_of(
    name: bytes = b"file", *, typeflag: bytes = b"0", size: bytes = b"0", magic: bytes = b"ustar\x0000", **at: bytes
) -> bytes:
    """One header block by hand. `at` has further fields by offset: `_345=b"prefix"`."""
    block = bytearray(BLOCK)
    fields = {0: name, 100: b"0000644\0", 108: b"0\0", 116: b"0\0", 124: size, 136: b"0\0", 156: typeflag, 257: magic}
    for offset, value in (fields | {int(key[1:]): value for key, value in at.items()}).items():
        block[offset : offset + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


NO_FIELDS: Final = {
    "name": "file",
    "mode": 0o644,
    "uid": 0,
    "gid": 0,
    "size": 0,
    "mtime": 0,
    "typeflag": "0",
    "linkname": "",
    "uname": "",
    "gname": "",
    "devmajor": 0,
    "devminor": 0,
}
"""What TarSum hashes of `block_of()`."""


def digest_of(fields: Mapping[str, object], content: bytes = b"") -> str:
    """The digest of an entry that differs from `block_of()` in those fields."""
    head = "".join(f"{key}{value}" for key, value in {**NO_FIELDS, **fields}.items())
    return hashlib.sha256(head.encode() + content).hexdigest()


def sum_of(*digests: str) -> str:
    """The sum of entries of different paths."""
    return f"tarsum+sha256:{hashlib.sha256(''.join(sorted(digests)).encode()).hexdigest()}"


def records_of(*pairs: tuple[str, str]) -> bytes:
    """An entry with pax records for the next one."""
    content = b"".join(record_of(*pair) for pair in pairs)
    return block_of(b"records", typeflag=b"x", size=b"%o" % len(content)) + padded(content)


def record_of(keyword: str, value: str) -> bytes:
    rest = f" {keyword}={value}\n".encode()
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length += 1
    return b"%d%b" % (length, rest)


def long_name_of(name: bytes) -> bytes:
    """GNU's way to name the next entry."""
    return block_of(b"././@LongLink", typeflag=b"L", size=b"%o" % len(name)) + padded(name)


def program(*names: str) -> str:
    """The first of those programs that is there."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"{' or '.join(names)} is not installed")
    return found


def gnu_tar() -> str:
    path = program("gtar", "tar")
    if b"GNU tar" not in subprocess.run([path, "--version"], capture_output=True, check=True).stdout:
        pytest.skip("tar is not GNU tar")
    return path


SMALL: Final = archive_of(
    entry("etc/", kind=tarfile.DIRTYPE, mode=0o755), entry("etc/motd", b"welcome\n", mtime=1_385_942_400, uname="root")
)
