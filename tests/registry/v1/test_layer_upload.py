"""The body of a layer upload, and its checksums."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final
from zlib import MAX_WBITS, decompress

import pytest

from regbrowse.registry.errors import RegistryError
from regbrowse.registry.v1.tarsum import LayerUpload, tarsum
from tests.registry.v1.archives import BLOCK, END, SMALL, archive_of, block_of, entry, gnu_tar

JSON: Final = b'{"id": "abc"}'


def listed(archive: bytes) -> bytes:
    command = [gnu_tar(), "--full-time", "--utc", "-tvf", "-"]
    return subprocess.run(command, input=archive, capture_output=True, check=True).stdout


async def sent(layer: Any) -> tuple[bytes, LayerUpload]:
    upload = LayerUpload(layer, JSON)
    return b"".join([piece async for piece in upload]), upload


def unpacked(body: bytes) -> bytes:
    return decompress(body, 16 + MAX_WBITS)


async def pieces_of(data: bytes, length: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), length):
        yield data[start : start + length]


LAYERS: Final[dict[str, Callable[[bytes], Any]]] = {
    "bytes": lambda data: data,
    "a file": io.BytesIO,
    "pieces": lambda data: pieces_of(data, 700),
    "single bytes": lambda data: pieces_of(data, 1),
    "one piece": lambda data: pieces_of(data, len(data) or 1),
}


@pytest.mark.parametrize("source", LAYERS)
async def test_the_body_is_the_archive_compressed_by_gzip(source: str) -> None:
    body, upload = await sent(LAYERS[source](SMALL))
    assert unpacked(body) == SMALL[: 3 * BLOCK] + END
    assert upload.checksum == tarsum(SMALL, JSON)
    assert upload.payload_checksum == "sha256:" + hashlib.sha256(JSON + b"\n" + body).hexdigest()


@pytest.mark.parametrize("source", LAYERS)
@pytest.mark.parametrize("archive", [b"", END, bytes(20 * BLOCK)], ids=["nothing", "an end", "a record"])
async def test_an_empty_archive_is_sent_for_nothing(source: str, archive: bytes) -> None:
    body, upload = await sent(LAYERS[source](archive))
    assert unpacked(body) == END
    assert upload.checksum == f"tarsum+sha256:{hashlib.sha256(JSON).hexdigest()}"


@pytest.mark.parametrize(
    ("archive", "tail"),
    [(SMALL[: 3 * BLOCK], b""), (SMALL[: 3 * BLOCK], bytes(BLOCK)), (SMALL, b"left over"), (SMALL, SMALL)],
    ids=["no end", "half an end", "something after the end", "an archive after the end"],
)
async def test_the_end_is_written_anew(archive: bytes, tail: bytes) -> None:
    body, _ = await sent(archive + tail)
    assert unpacked(body) == SMALL[: 3 * BLOCK] + END


@pytest.mark.parametrize("form", ["gnu", "pax"])
async def test_gnu_tar_lists_the_body_as_it_lists_the_layer(tmp_path: Path, form: str) -> None:
    entries = [
        entry("d" * 120 + "/", kind=tarfile.DIRTYPE),
        entry("größe", b"x" * 1000, uid=3_000_000, mtime=1.25),
        entry("soft", kind=tarfile.SYMTYPE, linkname="t" * 300),
        entry("tty", kind=tarfile.CHRTYPE, devmajor=4, devminor=65),
    ]
    layer = archive_of(*entries, form=form)
    body, _ = await sent(layer)
    listing = listed(layer)
    assert listing.count(b"\n") == len(entries)
    assert listed(unpacked(body)) == listing


async def test_the_checksums_are_not_there_before_the_end() -> None:
    upload = LayerUpload(SMALL, JSON)
    with pytest.raises(RegistryError, match="only after all of it was sent"):
        _ = upload.checksum
    async for _ in upload:
        with pytest.raises(RegistryError, match="only after all of it was sent"):
            _ = upload.payload_checksum


async def test_the_checksums_are_not_there_after_an_error() -> None:
    upload = LayerUpload(SMALL[: 2 * BLOCK + 4], JSON)
    with pytest.raises(RegistryError, match="ends too soon"):
        [piece async for piece in upload]
    with pytest.raises(RegistryError, match="only after all of it was sent"):
        _ = upload.checksum


async def test_a_layer_is_not_sent_twice() -> None:
    _, upload = await sent(SMALL)
    with pytest.raises(RegistryError, match="cannot be sent twice"):
        [piece async for piece in upload]


async def test_the_layer_is_left_open() -> None:
    file = io.BytesIO(SMALL)
    await sent(file)
    assert not file.closed


async def test_a_file_is_read_outside_the_event_loop() -> None:
    threads = set()

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            threads.add(threading.get_ident())
            return super().read(size)

    await sent(Watched(SMALL))
    assert threads.isdisjoint({threading.get_ident()})


async def test_a_file_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path) -> None:
    with (tmp_path / "written only").open("wb") as file, pytest.raises(RegistryError, match="cannot be read: "):
        await sent(file)


async def test_an_error_of_the_source_comes_through() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield SMALL[:100]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await sent(broken())


async def test_closing_ends_the_sending() -> None:
    upload = LayerUpload(SMALL, JSON)
    sending = aiter(upload)
    await anext(sending)
    await upload.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(sending)
    with pytest.raises(RegistryError, match="only after all of it was sent"):
        _ = upload.checksum


async def test_a_big_layer_takes_little_memory() -> None:
    async def big() -> AsyncIterator[bytes]:
        yield block_of(size=b"%o" % (64 << 20))
        for _ in range(1 << 10):
            yield bytes(1 << 16)

    upload = LayerUpload(big(), JSON)
    tracemalloc.start()
    try:
        async for _ in upload:
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    assert upload.checksum.startswith("tarsum+sha256:")
