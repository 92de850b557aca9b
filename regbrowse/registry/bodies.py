"""Bodies of answers, read raw and cut at a limit: nobody's announcement of a length or an encoding is believed."""

from __future__ import annotations

import zlib

from regbrowse.registry.errors import LimitExceededError, MalformedDocumentError
from regbrowse.registry.text import safe_text
from regbrowse.registry.wire import httpx


async def read_bounded(response: httpx.Response, limit: int, host: str, *, cut: bool) -> bytes:
    """Read the body as it is on the wire, or out of its gzip, never more than `limit`. The response stays to be closed.

    Args:
        limit: Bytes, after gzip is undone.
        host: For the messages.
        cut: It only explains a failure: keep what can be read of it.

    Raises:
        LimitExceededError: There is more.
        MalformedDocumentError: The encoding is not known, or broken.
        httpx.TransportError: The connection broke off.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        if cut:
            return b""
        raise MalformedDocumentError(f"{host} answered in the encoding {safe_text(encoding, limit=40)}.")
    inflate = zlib.decompressobj(31) if "gzip" in encoding else None
    body = bytearray()
    is_broken = False
    try:
        async for chunk in response.stream:  # type: ignore[union-attr]  # an asynchronous transport's stream
            if is_broken := inflate is not None and inflate.eof:  # what comes after its end would only be kept
                break
            body += inflate.decompress(chunk, limit + 1 - len(body)) if inflate else chunk
            if len(body) > limit:
                break
        else:
            is_broken = inflate is not None and (not inflate.eof or bool(inflate.unused_data))
    except zlib.error:
        is_broken = True
    if cut:
        return bytes(body[:limit])
    if is_broken:
        raise MalformedDocumentError(f"{host} answered with broken gzip.")
    if len(body) > limit:
        raise LimitExceededError(f"{host} answered with more than {limit:,} bytes where less is right.")
    return bytes(body)
