"""Content digests: the names by which a registry's immutable documents are known, and the check that they are."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from regbrowse.registry.errors import DigestMismatchError, MalformedDocumentError
from regbrowse.registry.text import safe_text

_HEX_LENGTHS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
_GRAMMAR: Final = re.compile(r"(sha256|sha384|sha512):([0-9a-f]+)")


class Digest(str):
    """A checked `algorithm:hex` (OCI image-spec, descriptor.md): safe in a URL, a path and on a screen."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: object) -> Digest:
        """Check `text` and make it a digest.

        Raises:
            MalformedDocumentError: It is no digest, of an unknown algorithm, or of the wrong length.
        """
        match = _GRAMMAR.fullmatch(text) if isinstance(text, str) else None
        if match is None or len(match[2]) != _HEX_LENGTHS[match[1]]:
            shown = f"“{safe_text(text, limit=150)}”" if isinstance(text, str) else "What stands in its place"
            raise MalformedDocumentError(f"{shown} is not a digest that can be checked.")
        return cls(match[0])

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Digest:
        """Compute the digest of `data`."""
        return cls(f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}")

    @property
    def algorithm(self) -> str:
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The algorithm and the first twelve digits: enough for an eye, never for a comparison."""
        return f"{self.algorithm}:{self.encoded[:12]}…"

    def verify(self, data: bytes) -> None:
        """Raise `DigestMismatchError` unless `data` has this digest."""
        found = Digest.of(data, self.algorithm)
        if found != self:
            raise DigestMismatchError(self, found)
