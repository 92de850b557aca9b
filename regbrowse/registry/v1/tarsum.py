"""The body of a v1 layer upload, and the two checksums that are known once all of it was sent."""

from __future__ import annotations

import asyncio
import hashlib
import io
import posixpath
import zlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Sequence
from contextlib import aclosing
from operator import itemgetter
from typing import BinaryIO, Final, TypeAlias

from regbrowse.registry.errors import RegistryError
from regbrowse.registry.v1.tar_header import (
    BLOCK,
    LONG_FIELDS,
    PAX_RECORDS,
    TarHeader,
    read_header,
    read_long_field,
    read_pax_records,
)

Layer: TypeAlias = bytes | BinaryIO | AsyncIterable[bytes]

RECORDS_LIMIT: Final = 1 << 20
"""Bytes of the names and pax records for one entry: these are held in memory."""

_PIECE: Final = 1 << 18
_END: Final = bytes(2 * BLOCK)
_SORTED_BY_INSERTION: Final = 12


class LayerUpload:
    """A layer as it is sent: an async iterable of gzip-compressed bytes that may be gone through once.

    A layer of any size takes little memory, and the event loop is not blocked: reading a file, compressing and hashing
    are done in threads. The layer is not closed.

    The blocks of each entry are passed on as they are; only the end of the archive is written anew. Docker reads each
    header and writes it again, but whoever reads the result finds the same fields either way, and the checksum is over
    these alone. Passing on besides keeps what writing may lose: fractions of seconds, extended attributes, names that
    are no UTF-8. See `seed-registry-package.md §14`, "Layer upload body".

    Args:
        layer: An uncompressed tar archive: all of it, a file, or its pieces of whatever length. Nothing at all is an
            empty archive.
        json_raw: The image's JSON, as it was pushed byte for byte.

    Raises:
        RegistryError: While iterating: the layer cannot be read or is no whole tar archive, or holds a sparse file,
            which is not supported. Also when iterating a second time.
    """

    def __init__(self, layer: Layer, json_raw: bytes) -> None:
        self._tarsum = _TarSum(json_raw)
        self._payload = hashlib.sha256(json_raw + b"\n")
        self._gzip = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
        self._bytes = self._compressed(layer)
        self._is_begun = self._is_sent = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self._is_begun:
            raise RegistryError("A layer cannot be sent twice from one reading.")
        self._is_begun = True
        return self._bytes

    async def aclose(self) -> None:
        """Stop sending. Needed only where the iteration was not gone through to its end."""
        await self._bytes.aclose()

    @property
    def checksum(self) -> str:
        """`tarsum+sha256:<hex>`: TarSum version 0 with the image's JSON before it.

        Raises:
            RegistryError: The layer was not sent to its end.
        """
        self._need_the_end()
        return self._tarsum.value()

    @property
    def payload_checksum(self) -> str:
        """`sha256:<hex>` of the image's JSON, a newline and the very bytes that were sent.

        Raises:
            RegistryError: The layer was not sent to its end.
        """
        self._need_the_end()
        return f"sha256:{self._payload.hexdigest()}"

    def _need_the_end(self) -> None:
        if not self._is_sent:
            raise RegistryError("The checksums of a layer are known only after all of it was sent.")

    async def _compressed(self, layer: Layer) -> AsyncGenerator[bytes, None]:
        async with aclosing(_pieces(layer)) as pieces:
            async for piece in pieces:
                if compressed := await asyncio.to_thread(self._compress, piece):
                    yield compressed
        yield await asyncio.to_thread(self._finish)
        self._is_sent = True

    def _compress(self, piece: bytes) -> bytes:
        compressed = self._gzip.compress(self._tarsum.update(piece))
        self._payload.update(compressed)
        return compressed

    def _finish(self) -> bytes:
        compressed = self._gzip.compress(self._tarsum.finish()) + self._gzip.flush()
        self._payload.update(compressed)
        return compressed


def tarsum(archive: bytes | BinaryIO, extra: bytes = b"") -> str:
    """Compute the TarSum version 0 of a whole archive, `tarsum+sha256:<hex>`. Blocks.

    Args:
        archive: An uncompressed tar archive.
        extra: What is hashed before the entries: for a layer, the image's JSON.

    Raises:
        RegistryError: As for `LayerUpload`.
    """
    file = io.BytesIO(archive) if isinstance(archive, bytes) else archive
    result = _TarSum(extra)
    while piece := file.read(_PIECE):
        result.update(piece)
    result.finish()
    return result.value()


async def _pieces(layer: Layer) -> AsyncGenerator[bytes, None]:
    """The layer in pieces that are worth a thread's while."""
    if isinstance(layer, AsyncIterable):
        pending = bytearray()
        async for chunk in layer:
            pending += chunk
            while len(pending) >= _PIECE:
                yield bytes(pending[:_PIECE])
                del pending[:_PIECE]
        yield bytes(pending)
        return
    file = io.BytesIO(layer) if isinstance(layer, bytes) else layer
    try:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
    except OSError as error:
        raise RegistryError(f"The layer cannot be read: {error.strerror or error}.") from error


class _TarSum:
    """TarSum version 0 of an archive that comes piece by piece: `update()` for each, `finish()`, then `value()`."""

    def __init__(self, extra: bytes) -> None:
        self._extra = extra
        self._entries: list[tuple[bytes, bytes]] = []
        self._pending = bytearray()
        self._passed = bytearray()
        self._position = 0
        self._is_whole = False
        self._reading = self._read_archive()
        self._wanted = next(self._reading)

    def update(self, piece: bytes) -> bytes:
        """Take the next piece of the archive; give the blocks that are passed on."""
        self._pending += piece
        while len(self._pending) >= self._wanted:
            self._step()
        return self._take_passed()

    def finish(self) -> bytes:
        """Know that nothing more will come; give what is still passed on, with the archive's end."""
        while not self._is_whole:
            self._step()
        return self._take_passed() + _END

    def value(self) -> str:
        digests = b"".join(digest.hex().encode() for digest in _in_order(self._entries))
        return f"tarsum+sha256:{hashlib.sha256(self._extra + digests).hexdigest()}"

    def _take_passed(self) -> bytes:
        passed = bytes(self._passed)
        self._passed.clear()
        return passed

    def _step(self) -> None:
        """Hand over as many bytes as are wanted, or fewer if there will be no more."""
        given = bytes(self._pending[: self._wanted])
        del self._pending[: self._wanted]
        try:
            self._wanted = self._reading.send(given)
        except StopIteration:
            self._is_whole = True
        except ValueError as error:
            raise RegistryError(
                f"The layer is no tar archive that can be sent: {error}, at byte {self._position:,}.",
                "Give it as an uncompressed tar archive.",
            ) from error
        self._position += len(given)

    def _read_archive(self) -> Generator[int, bytes, None]:
        """Yield how many bytes are wanted next and be sent them; fewer, and at last none, where the input ends."""
        records: dict[bytes, bytes] = {}
        while block := (yield BLOCK):
            if block == bytes(BLOCK):
                if (yield BLOCK) not in (block, b""):
                    raise ValueError("only one of the two blocks that end it is empty")
                break
            header = read_header(_whole(block, BLOCK), records)
            self._passed += block
            if header.typeflag == PAX_RECORDS:
                records = read_pax_records((yield from self._short_content(header)))
            elif record := LONG_FIELDS.get(header.typeflag):
                records[record] = read_long_field((yield from self._short_content(header)))
            else:
                records = {}
                self._entries.append((_clean(header.name), (yield from self._digest(header))))
        if records:
            raise ValueError("an entry's name or pax records are there, but not the entry")
        while (yield _PIECE):  # what follows the end means nothing, but the input is read to its own end
            pass

    def _digest(self, header: TarHeader) -> Generator[int, bytes, bytes]:
        digest = hashlib.sha256()
        for key, value in header._asdict().items():
            digest.update(key.encode() + (value if isinstance(value, bytes) else b"%d" % value))
        yield from self._content(header, digest.update)
        return digest.digest()

    def _short_content(self, header: TarHeader) -> Generator[int, bytes, bytes]:
        if header.size > RECORDS_LIMIT:
            raise ValueError(f"an entry's name or pax records are longer than {RECORDS_LIMIT:,} bytes")
        content = bytearray()
        yield from self._content(header, content.extend)
        return bytes(content)

    def _content(self, header: TarHeader, take: Callable[[bytes], object]) -> Generator[int, bytes, None]:
        left = header.content_size
        while left > 0:
            wanted = min(_PIECE, left + -left % BLOCK)
            piece = _whole((yield wanted), wanted)
            self._passed += piece
            take(piece[:left])
            left -= wanted


def _whole(given: bytes, wanted: int) -> bytes:
    if len(given) < wanted:
        raise ValueError("it ends too soon")
    return given


def _clean(path: bytes) -> bytes:
    """One spelling of a path: `./a/../b/` and `b` are one."""
    clean = posixpath.normpath(path)
    return clean[1:] if clean.startswith(b"//") else clean  # POSIX lets two leading slashes mean something else


def _in_order(entries: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """The digests in the order in which they are hashed. Entries are cleaned paths and digests.

    Docker compares two entries of one path by their places in the archive, and else by their digests. Where a path
    occurs twice that is no order: what comes out depends on how one sorts. Go sorts up to twelve by insertion, and so
    it is done here. For more, its result differs between its versions: here the digests are sorted, and those of one
    path then put into archive order among the places that they have.
    """
    in_archive_order: dict[bytes, list[bytes]] = {}
    for path, digest in entries:
        in_archive_order.setdefault(path, []).append(digest)
    if len(entries) > _SORTED_BY_INSERTION or len(in_archive_order) == len(entries):
        upcoming = {path: iter(digests) for path, digests in in_archive_order.items()}
        return [next(upcoming[path]) for path, _ in sorted(entries, key=itemgetter(1))]
    ordered: list[tuple[bytes, bytes]] = []
    for path, digest in entries:
        place = len(ordered)
        while place and ordered[place - 1][0] != path and ordered[place - 1][1] > digest:
            place -= 1
        ordered.insert(place, (path, digest))
    return [digest for _, digest in ordered]
