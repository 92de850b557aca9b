"""TarSum against a second computation, on top of Python's tarfile, and against sums worked out by hand."""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import posixpath
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regbrowse.registry.errors import RegistryError
from regbrowse.registry.v1.tarsum import RECORDS_LIMIT, tarsum
from tests.registry.v1.archives import (
    BLOCK,
    END,
    FORMATS,
    SMALL,
    archive_of,
    block_of,
    digest_of,
    entry,
    gnu_tar,
    long_name_of,
    padded,
    program,
    records_of,
    sum_of,
)

JSON: Final = b'{"id": "abc"}'
NOT_UTF8: Final = b"\xff\xfe\xb7".decode("utf-8", "surrogateescape")


# The second computation


def expected_tarsum(archive: bytes, extra: bytes = b"") -> str:
    """The seed's paragraph on top of tarfile. It cuts the slash off directories: that is put back."""
    entries: list[tuple[str, int, str]] = []
    with tarfile.open(fileobj=io.BytesIO(archive), encoding="utf-8", errors="surrogateescape") as opened:
        for entry in opened:
            name = entry.name + "/" * entry.isdir()
            typeflag = archive[entry.offset_data - BLOCK + 156 :][:1]
            is_device = entry.ischr() or entry.isblk()
            fields: dict[str, object] = {
                "name": name,
                "mode": entry.mode,
                "uid": entry.uid,
                "gid": entry.gid,
                "size": entry.size,
                "mtime": math.floor(entry.mtime),
                "typeflag": typeflag.decode(),
                "linkname": entry.linkname,
                "uname": entry.uname,
                "gname": entry.gname,
                "devmajor": entry.devmajor if is_device else 0,
                "devminor": entry.devminor if is_device else 0,
            }
            head = "".join(f"{key}{value}" for key, value in fields.items()).encode("utf-8", "surrogateescape")
            has_content = entry.isreg() or entry.type not in tarfile.SUPPORTED_TYPES
            content = opened.extractfile(entry) if has_content else None
            digest = hashlib.sha256(head + (content.read() if content else b"")).hexdigest()
            entries.append((posixpath.normpath(name), len(entries), digest))
    return expected_sum_of(entries, extra)


def expected_sum_of(entries: list[tuple[str, int, str]], extra: bytes) -> str:
    """Entries are cleaned paths, places and digests. Like Go's insertion sort, this one swaps neighbours only."""

    def is_before(one: tuple[str, int, str], other: tuple[str, int, str]) -> bool:
        return one[1] < other[1] if one[0] == other[0] else one[2] < other[2]

    ordered = list(entries)
    for end in range(len(ordered)):
        for place in range(end, 0, -1):
            if not is_before(ordered[place], ordered[place - 1]):
                break
            ordered[place - 1 : place + 1] = ordered[place], ordered[place - 1]
    digests = "".join(digest for *_, digest in ordered)
    return f"tarsum+sha256:{hashlib.sha256(extra + digests.encode()).hexdigest()}"


# The paragraph itself


def test_one_file_is_hashed_as_the_paragraph_says() -> None:
    archive = archive_of(entry("a", b"hello", uid=7, gid=8, mtime=9, uname="me", gname="us"))
    head = b"nameamode420uid7gid8size5mtime9typeflag0linknameunamemegnameusdevmajor0devminor0"
    digest = hashlib.sha256(head + b"hello").hexdigest()
    assert tarsum(archive, JSON) == f"tarsum+sha256:{hashlib.sha256(JSON + digest.encode()).hexdigest()}"


@pytest.mark.parametrize(
    "archive", [b"", bytes(BLOCK), END, bytes(20 * BLOCK)], ids=["nothing", "one", "two", "record"]
)
def test_an_archive_without_entries_is_the_hash_of_what_goes_before_it(archive: bytes) -> None:
    assert tarsum(archive, JSON) == f"tarsum+sha256:{hashlib.sha256(JSON).hexdigest()}"


def test_the_order_of_entries_does_not_matter() -> None:
    entries = [entry(f"f{number}", bytes([number])) for number in range(20)]
    assert tarsum(archive_of(*entries)) == tarsum(archive_of(*reversed(entries)))


@pytest.mark.parametrize(
    "names", [("a", "a"), ("a", "./a"), ("a", "b/../a"), ("a/", "a"), (".//a", "a"), ("/a", "//a"), ("a/b", "a//b")]
)
def test_the_order_of_entries_of_one_path_matters(names: tuple[str, str]) -> None:
    entries = [entry(name, b"1", mode=mode) for name, mode in zip(names, (0o600, 0o644), strict=True)]
    digests = [digest_of({"name": made.name, "size": 1, "mode": made.mode}, b"1") for made, _ in entries]
    for step in (1, -1):
        expected = hashlib.sha256("".join(digests[::step]).encode()).hexdigest()
        assert tarsum(archive_of(*entries[::step])) == f"tarsum+sha256:{expected}"


def test_paths_are_compared_without_following_their_root() -> None:
    entries = [entry("/a", b"1"), entry("a", b"2"), entry("../a", b"3"), entry("A", b"4")]
    assert tarsum(archive_of(*entries)) == tarsum(archive_of(*reversed(entries)))


def test_entries_of_one_path_keep_their_order_among_many_others() -> None:
    entries = [entry(f"f{number}") for number in range(50)] + [entry("same", bytes([number])) for number in range(10)]
    places = [digest_of({"name": "same", "size": 1}, bytes([number])) for number in range(10)]
    everything = sorted([*(digest_of({"name": f"f{number}"}) for number in range(50)), *places])
    in_turn = iter(places)
    expected = "".join(next(in_turn) if digest in places else digest for digest in everything)
    assert tarsum(archive_of(*entries)) == f"tarsum+sha256:{hashlib.sha256(expected.encode()).hexdigest()}"


# Archives of every kind


def made_by_tarfile() -> Iterator[Any]:
    plain: dict[str, list[tuple[tarfile.TarInfo, bytes]]] = {
        "empty file": [entry("empty")],
        "directory": [entry("d/", kind=tarfile.DIRTYPE), entry("e", kind=tarfile.DIRTYPE)],
        "links": [
            entry("soft", kind=tarfile.SYMTYPE, linkname="../to"),
            entry("hard", kind=tarfile.LNKTYPE, linkname="to"),
        ],
        "devices": [
            entry("tty", kind=tarfile.CHRTYPE, devmajor=4, devminor=65),
            entry("sda", kind=tarfile.BLKTYPE, devmajor=8, devminor=0),
            entry("pipe", kind=tarfile.FIFOTYPE),
        ],
        "name over 100": [entry("d" * 80 + "/" + "n" * 90)],
        "set-uid": [entry("sudo", mode=0o4755)],
        "duplicates": [entry("a", b"1"), entry("b"), entry("./a", b"2"), entry("c", b"x"), entry("a", b"3")],
        "unicode": [entry("größe/日本", uname="jürgen")],
        "not UTF-8": [entry(f"n{NOT_UTF8}", linkname=NOT_UTF8, kind=tarfile.SYMTYPE)],
        "content of whole blocks": [entry("b", bytes(1024)), entry("c", b"x" * 513)],
        "1 MiB": [entry("big", os.urandom(1 << 20))],
        "old regular file": [entry("old", b"x" * 600, kind=tarfile.AREGTYPE)],
        "unknown type": [entry("odd", b"content", kind=b"Z")],
    }
    beyond_ustar = {
        "name over 255": [entry("d/" * 200 + "n")],
        "link over 100": [entry("l", kind=tarfile.SYMTYPE, linkname="t" * 300)],
        "both long": [entry("n" * 300, kind=tarfile.LNKTYPE, linkname="t" * 300), entry("next")],
        "long directory": [entry("d" * 150 + "/", kind=tarfile.DIRTYPE)],
        "uid over 2097151": [entry("far", uid=3_000_000, gid=1 << 40)],
        "time after 2242": [entry("late", mtime=1 << 40)],
        "time before 1970": [entry("early", mtime=-1_000), entry("just", mtime=-1)],
        "fractions of seconds": [entry("late", mtime=1.9), entry("early", mtime=-1.5), entry("just", mtime=-0.25)],
    }
    for form in FORMATS:
        for name, entries in (plain | (beyond_ustar if form != "ustar" else {})).items():
            yield pytest.param(form, entries, id=f"{form}: {name}")


@pytest.mark.parametrize(("form", "entries"), list(made_by_tarfile()))
def test_agreement_on_archives_of_python(form: str, entries: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    archive = archive_of(*entries, form=form)
    assert tarsum(archive, JSON) == expected_tarsum(archive, JSON)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the v7 format can hold in `plain`, and with more beside it."""
    root = tmp_path_factory.mktemp("tree")
    plain = root / "plain"
    (plain / "folder" / "empty").mkdir(parents=True)
    (plain / "file").write_bytes(b"content\n")
    (plain / "folder" / "nothing").touch()
    (plain / "random").write_bytes(os.urandom(100_000))
    (plain / "soft").symlink_to("file")
    (plain / "hard").hardlink_to(plain / "file")
    (plain / "größe 日本").write_bytes(b"unicode")
    try:
        (plain / NOT_UTF8).write_bytes(b"no UTF-8")
    except OSError:
        assert os.name != "posix" or os.uname().sysname == "Darwin"  # the other file systems take any bytes
    (root / "over100" / ("d" * 99) / ("n" * 90)).mkdir(parents=True)
    (root / "over255" / ("d" * 120) / ("e" * 120) / ("f" * 120)).mkdir(parents=True)
    (root / "over255" / "soft").symlink_to("t" * 300)
    return root


PLAIN: Final = ["plain"]
ANY: Final = ["plain", "over100", "over255"]


@pytest.mark.parametrize("dereferencing", [False, True], ids=["links", "dereferenced"])
@pytest.mark.parametrize(
    ("form", "folders", "options"),
    [
        ("v7", PLAIN, []),
        ("ustar", [*PLAIN, "over100"], []),
        ("oldgnu", ANY, ["--mtime=@99999999999"]),
        ("gnu", ANY, ["--owner=far:3000000", "--group=away:4000000", "--mtime=@-5"]),
        ("posix", ANY, ["--owner=far:3000000", "--mtime=@99999999999.75"]),
        ("posix", ANY, ["--pax-option=exthdr.name=%d/%f,comment:=for one"]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_agreement_on_archives_of_gnu_tar(
    tree: Path, form: str, folders: list[str], options: list[str], dereferencing: bool
) -> None:
    follow = ["--hard-dereference"] if dereferencing else []
    command = [gnu_tar(), "-c", f"--format={form}", *options, *follow, *folders]
    archive = subprocess.run(command, cwd=tree, capture_output=True, check=True).stdout
    assert tarsum(archive, JSON) == expected_tarsum(archive, JSON)


@pytest.mark.parametrize(
    ("form", "folders", "options"),
    [
        ("v7", PLAIN, []),
        ("ustar", [*PLAIN, "over100"], []),
        ("gnutar", ANY, ["--uid=3000000"]),
        ("pax", ANY, ["--uid=3000000", "--gname=größe"]),
        ("paxr", ANY, []),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_agreement_on_archives_of_bsdtar(tree: Path, form: str, folders: list[str], options: list[str]) -> None:
    command = [program("bsdtar"), "-cf", "-", f"--format={form}", *options, *folders]
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    archive = subprocess.run(command, cwd=tree, capture_output=True, check=False, env=environment).stdout
    assert archive
    assert tarsum(archive, JSON) == expected_tarsum(archive, JSON)


NAMES: Final = st.sampled_from(["a", "./a", "b/", "b/c", "ü", NOT_UTF8, "n" * 101, "d/" * 130 + "n"])
KINDS: Final = [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE]
ENTRIES: Final = st.lists(
    st.builds(
        lambda name, kind, content, others: entry(name, content if kind == tarfile.REGTYPE else b"", kind, **others),
        NAMES,
        st.sampled_from(KINDS),
        st.binary(max_size=1_100),
        st.fixed_dictionaries(
            {
                "mode": st.integers(0, 0o7777),
                "uid": st.integers(0, 1 << 40),
                "mtime": st.integers(-(1 << 40), 1 << 40) | st.floats(-1e9, 1e9).map(lambda time: round(time, 3)),
                "linkname": st.sampled_from(["", "to", "t" * 200, "größe"]),
                "uname": st.sampled_from(["", "root", "jürgen"]),
            }
        ),
    ),
    max_size=12,
)


@given(entries=ENTRIES, form=st.sampled_from(["gnu", "pax"]))
@settings(max_examples=150, deadline=None)
def test_agreement_on_any_archive(entries: list[tuple[tarfile.TarInfo, bytes]], form: str) -> None:
    archive = archive_of(*entries, form=form)
    assert tarsum(archive, JSON) == expected_tarsum(archive, JSON)


# What tarfile reads otherwise: by hand


@pytest.mark.parametrize(
    ("archive", "fields"),
    [
        pytest.param(block_of(b"d", typeflag=b"5"), {"name": "d", "typeflag": "5"}, id="directory without its slash"),
        pytest.param(block_of(b"d/", typeflag=b"\0"), {"name": "d/", "typeflag": "\0"}, id="v7 directory"),
        pytest.param(block_of(_345=b"some/where"), {"name": "some/where/file"}, id="prefix"),
        pytest.param(
            block_of(_345=b"p" * 131 + b"00000000001\0" * 2, _508=b"tar\0"), {"name": "p" * 131 + "/file"}, id="star"
        ),
        pytest.param(block_of(magic=b"ustar  \0", _345=b"00000000001\0"), {"name": "file"}, id="GNU has no prefix"),
        pytest.param(block_of(magic=b"", _265=b"root", _297=b"wheel"), {}, id="v7 has no owner's name"),
        pytest.param(block_of(_329=b"0000004\0" * 2), {}, id="numbers of no device"),
        pytest.param(block_of(_265=b"r" * 32), {"uname": "r" * 32}, id="field filled to its end"),
        pytest.param(block_of(typeflag=b"1", size=b"777\0"), {"typeflag": "1", "size": 511}, id="hard link and size"),
        pytest.param(block_of(typeflag=b"5", size=b"777\0"), {"typeflag": "5", "size": 511}, id="folder and size"),
        pytest.param(block_of(_108=b"  12 \0  "), {"uid": 10}, id="blanks about a number"),
        pytest.param(block_of(_108=b"12345670"), {"uid": 0o12345670}, id="number filled to its end"),
        pytest.param(block_of(_108=b"\x80" + (1 << 50).to_bytes(7, "big")), {"uid": 1 << 50}, id="base-256"),
        pytest.param(block_of(_108=b"\xff" * 8), {"uid": -1}, id="negative base-256"),
        pytest.param(block_of(_136=b"\xff" * 11 + b"\x9c"), {"mtime": -100}, id="negative time"),
        pytest.param(records_of(("path", "right")) + block_of(), {"name": "right"}, id="pax name"),
        pytest.param(records_of(("uid", "0")) + block_of(_108=b"7\0"), {}, id="pax zero"),
        pytest.param(records_of(("uid", "9"), ("uid", "")) + block_of(_108=b"7\0"), {"uid": 7}, id="pax: empty"),
        pytest.param(records_of(("mtime", "-0.5")) + block_of(), {"mtime": -1}, id="pax: half a second before 1970"),
        pytest.param(
            records_of(("uid", "9")) + long_name_of(b"new") + block_of(), {"name": "new", "uid": 9}, id="pax, then GNU"
        ),
        pytest.param(
            long_name_of(b"new") + records_of(("uid", "9")) + block_of(), {"uid": 9}, id="GNU, then pax: only the last"
        ),
    ],
)
def test_a_header_is_read_as_docker_reads_it(archive: bytes, fields: dict[str, object]) -> None:
    assert tarsum(archive + END) == sum_of(digest_of(fields))


def test_records_concern_no_header_that_brings_a_name() -> None:
    archive = records_of(("size", "5")) + long_name_of(b"new") + block_of() + padded(b"hello") + END
    assert tarsum(archive) == sum_of(digest_of({"name": "new", "size": 5}, b"hello"))


def test_some_old_systems_summed_signed_bytes() -> None:
    name = "é".encode()
    block = bytearray(block_of(name))
    block[148:156] = b"%06o\0 " % (int(block[148:154], 8) - 2 * 256)
    assert tarsum(bytes(block) + END) == sum_of(digest_of({"name": "é"}))


def test_records_for_all_that_follows_are_an_entry_of_their_own_as_docker_had_it() -> None:
    archive = archive_of(entry("a"), form="pax", headers={"comment": "made by git"})
    records = b"23 comment=made by git\n"
    name, mode = archive[:100].rstrip(b"\0").decode(), int(archive[100:107], 8)
    whole = digest_of({"name": name, "mode": mode, "size": len(records), "typeflag": "g"}, records)
    assert tarsum(archive) == sum_of(whole, digest_of({"name": "a"}))


# No archives


def made_with(content: bytes) -> bytes:
    """A file after pax records of that content."""
    return block_of(typeflag=b"x", size=b"%o" % len(content)) + padded(content) + block_of() + END


DAMAGED: Final = {
    "text": b"This is no archive. " * 100,
    "short text": b"no",
    "gzip": bytes.fromhex("1f8b0800000000000003") + bytes(1000),
    "header changed": SMALL[: BLOCK + 3] + b"?" + SMALL[BLOCK + 4 :],
    "cut in a header": SMALL[: BLOCK + 100],
    "cut in a content": SMALL[: 2 * BLOCK + 4],
    "cut in a padding": SMALL[: 2 * BLOCK + 100],
    "cut in the end": SMALL[: 4 * BLOCK] + bytes(100),
    "cut in a record": records_of(("uid", "9"))[: BLOCK + 4],
    "nothing after a record": records_of(("uid", "9")),
    "the end after a name": long_name_of(b"new") + END,
    "an entry between the end's blocks": bytes(BLOCK) + SMALL,
    "number that is none": block_of(_108=b"0x12") + END,
    "number beyond 64 bits": block_of(_136=b"\x80" + b"\x7f" * 11) + END,
    "negative size": block_of(size=b"\xff" * 12) + END,
    "record without its end": made_with(b"8 uid=90"),
    "record longer than all": made_with(b"9 uid=9\n"),
    "record of no length": made_with(b"0 uid=9\n"),
    "record of a length that is none": made_with(b"x uid=9\n"),
    "record of an endless length": made_with(b"8" * 5000),
    "record without a keyword": made_with(b"8 =uid9\n"),
    "record without a value": made_with(b"8 uid90\n"),
    "record that is no number": records_of(("uid", "0x9")) + block_of() + END,
    "record that is too large": records_of(("size", "9" * 19)) + block_of() + END,
    "record that is no time": records_of(("mtime", "1e9")) + block_of() + END,
    "records too long": records_of(("comment", "x" * RECORDS_LIMIT)) + block_of() + END,
    "name too long": long_name_of(b"n" * (RECORDS_LIMIT + 1)) + block_of() + END,
    "old sparse file": block_of(typeflag=b"S", magic=b"ustar  \0") + END,
    "sparse file": records_of(("GNU.sparse.major", "1")) + block_of() + END,
}


@pytest.mark.parametrize("archive", DAMAGED.values(), ids=DAMAGED.keys())
def test_what_is_no_whole_archive_is_refused(archive: bytes) -> None:
    with pytest.raises(RegistryError, match="no tar archive that can be sent"):
        tarsum(archive)


def test_names_may_be_very_long() -> None:
    name = "n" * RECORDS_LIMIT
    assert tarsum(long_name_of(name.encode()) + block_of() + END) == sum_of(digest_of({"name": name}))


def test_the_error_says_what_is_wrong_and_where() -> None:
    with pytest.raises(RegistryError, match=r"a header has a wrong checksum, at byte 512\."):
        tarsum(DAMAGED["header changed"])
    with pytest.raises(RegistryError, match="sparse file, which is not supported"):
        tarsum(DAMAGED["sparse file"])


@given(st.binary(max_size=3_000))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_a_sum_or_an_error_of_ours(data: bytes) -> None:
    with contextlib.suppress(RegistryError):
        assert tarsum(data).startswith("tarsum+sha256:")


@given(at=st.integers(0, 3 * BLOCK - 1), value=st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_no_change_of_a_byte_goes_unnoticed(at: int, value: int) -> None:
    changed = bytearray(SMALL)
    changed[at] = value
    is_padding = at >= 2 * BLOCK + len(b"welcome\n")
    is_sum_written_otherwise = 148 <= at % BLOCK < 156
    if changed == SMALL or is_padding or is_sum_written_otherwise:
        return
    with contextlib.suppress(RegistryError):
        assert tarsum(bytes(changed)) != tarsum(SMALL)
