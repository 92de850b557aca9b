"""What a tar archive says about one entry, as POSIX (ustar, and pax with its extended headers), GNU and star write it.

Python's `tarfile` will not do where names must be exact: it decodes them, and cuts the slash off those of directories.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

BLOCK: Final = 512
"""Bytes of a header; contents are padded to a multiple of it."""

PAX_RECORDS: Final = b"x"
"""The typeflag of pax records for the next entry."""

LONG_FIELDS: Final = {b"L": b"path", b"K": b"linkpath"}
"""The typeflags of GNU's long names for the next entry, and the pax record that each amounts to."""

_WITHOUT_CONTENT: Final = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
_DEVICES: Final = frozenset({b"3", b"4"})
_OCTAL: Final = re.compile(rb"[0-7]*")
_DECIMAL: Final = re.compile(rb"-?[0-9]{1,19}")
_SECONDS: Final = re.compile(rb"(-?[0-9]{1,19})(?:\.([0-9]*))?")


class TarHeader(NamedTuple):
    """One entry, in the fields and the order that TarSum hashes (`seed-registry-package.md §14`).

    Attributes:
        name: As in the archive: that of a directory ends in a slash.
        mtime: Whole seconds since 1970.
        typeflag: The byte as it stands: NUL and `0` are both regular files.
        devmajor: 0 but for devices, like `devminor`.
    """

    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    typeflag: bytes
    linkname: bytes
    uname: bytes
    gname: bytes
    devmajor: int
    devminor: int

    @property
    def content_size(self) -> int:
        """Bytes of content that follow: none for links, directories, devices and pipes, whatever `size` says."""
        return 0 if self.typeflag in _WITHOUT_CONTENT else self.size


def read_header(block: bytes, records: Mapping[bytes, bytes]) -> TarHeader:
    """Read one header.

    Args:
        block: `BLOCK` bytes.
        records: The pax records for the entry, which prevail over the block unless they are empty. They do not concern
            a header that only brings more of them.

    Raises:
        ValueError: This is no header, or it says something that cannot be.
    """
    if not _has_right_sum(block):
        raise ValueError("a header has a wrong checksum")

    typeflag = block[156:157]
    if typeflag == PAX_RECORDS or typeflag in LONG_FIELDS:
        records = {}

    def text(record: bytes, field: bytes) -> bytes:
        return records.get(record) or _text(field)

    def number(record: bytes, field: bytes) -> int:
        return _decimal(records[record]) if records.get(record) else _number(field)

    has_prefix = block[257:263] == b"ustar\0"
    has_owner = has_prefix or block[257:265] == b"ustar  \0"
    prefix = _text(block[345 : 476 if block[508:] == b"tar\0" else 500]) if has_prefix else b""  # star's ends sooner
    has_device = has_owner and typeflag in _DEVICES
    header = TarHeader(
        name=text(b"path", prefix + b"/" + _text(block[:100]) if prefix else block[:100]),
        mode=_number(block[100:108]),
        uid=number(b"uid", block[108:116]),
        gid=number(b"gid", block[116:124]),
        size=number(b"size", block[124:136]),
        mtime=_seconds(records[b"mtime"]) if records.get(b"mtime") else _number(block[136:148]),
        typeflag=typeflag,
        linkname=text(b"linkpath", block[157:257]),
        uname=text(b"uname", block[265:297] if has_owner else b""),
        gname=text(b"gname", block[297:329] if has_owner else b""),
        devmajor=_number(block[329:337]) if has_device else 0,
        devminor=_number(block[337:345]) if has_device else 0,
    )
    if header.size < 0:
        raise ValueError("an entry has a negative size")
    if typeflag == b"S" or any(record.startswith(b"GNU.sparse.") for record in records):
        raise ValueError("it has a sparse file, which is not supported")
    return header


def read_pax_records(data: bytes) -> dict[bytes, bytes]:
    """Read the content of an entry of the type `PAX_RECORDS`. Of equal keywords, the last one counts.

    Raises:
        ValueError: It is malformed.
    """
    records = {}
    start = 0
    while start < len(data):
        length, space, _ = data[start : start + 20].partition(b" ")
        end = start + int(length) if space and length.isdigit() else 0
        keyword, equals, value = data[start + len(length) + 1 : end].partition(b"=")
        if end > len(data) or not (keyword and equals and value.endswith(b"\n")):
            raise ValueError("a pax record is malformed")
        records[keyword] = value[:-1]
        start = end
    return records


def read_long_field(data: bytes) -> bytes:
    """Read the content of an entry of one of the types in `LONG_FIELDS`."""
    return _text(data)


def _has_right_sum(block: bytes) -> bool:
    """The checksum is over the block with blanks in its place; some old systems added signed bytes."""
    try:
        stated = _number(block[148:156])
    except ValueError:
        return False
    rest = block[:148] + b" " * 8 + block[156:]
    unsigned = sum(rest)
    return stated in (unsigned, unsigned - 256 * sum(byte > 127 for byte in rest))


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _number(field: bytes) -> int:
    """Octal digits; or, where the first bit is set, the rest as a big-endian two's complement (GNU's base-256)."""
    if field[0] & 0x80:
        bits = 8 * len(field) - 1
        value = int.from_bytes(field, "big") - (1 << bits)
        return _within_limits(value - (1 << bits) if value >> (bits - 1) else value)
    digits = _text(field.strip(b" \0"))
    if not _OCTAL.fullmatch(digits):
        raise ValueError("a number in a header is none")
    return int(digits or b"0", 8)


def _decimal(value: bytes) -> int:
    if not _DECIMAL.fullmatch(value):
        raise ValueError("a number in a pax record is none")
    return _within_limits(int(value))


def _seconds(value: bytes) -> int:
    """The whole seconds at or before a time with a fraction."""
    match = _SECONDS.fullmatch(value)
    if not match:
        raise ValueError("a time in a pax record is none")
    is_later = value.startswith(b"-") and (match[2] or b"").strip(b"0")
    return _within_limits(int(match[1])) - bool(is_later)


def _within_limits(value: int) -> int:
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError("a number in a header is too large")
    return value
