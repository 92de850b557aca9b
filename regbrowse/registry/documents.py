"""Manifests: bytes → `Document`, tolerant where servers are sloppy, strict where a wrong value would mislead us.

Configurations, schema 1 and lists of names are read next door, in `configs`, `schema1` and `listings`.
"""

from __future__ import annotations

import base64
import binascii
from enum import Enum
from typing import Final

from regbrowse.registry import media_types
from regbrowse.registry.configs import platform
from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import MalformedDocumentError
from regbrowse.registry.json_values import (
    Object,
    as_count,
    as_list,
    as_object,
    as_text,
    as_text_map,
    as_texts,
    read_object,
)
from regbrowse.registry.models import Descriptor, Document, Index, Manifest, Platform, Schema1
from regbrowse.registry.schema1 import parse_schema1, signed_payload
from regbrowse.registry.text import SafeText, safe_text

_WHAT: Final = "The manifest"


class _Shape(Enum):
    INDEX = "an index"
    MANIFEST = "a manifest"
    ARTIFACT = "an artifact manifest"
    SCHEMA1 = "a schema 1 manifest"


_SHAPES: Final = {
    "manifests": _Shape.INDEX,
    "layers": _Shape.MANIFEST,
    "config": _Shape.MANIFEST,
    "blobs": _Shape.ARTIFACT,
    "fsLayers": _Shape.SCHEMA1,
}
_SHAPE_OF_TYPE: Final = {
    **dict.fromkeys(media_types.INDEXES, _Shape.INDEX),
    **dict.fromkeys(media_types.MANIFESTS, _Shape.MANIFEST),
    **dict.fromkeys(media_types.SCHEMA1, _Shape.SCHEMA1),
    media_types.OCI_ARTIFACT_MANIFEST: _Shape.ARTIFACT,
}
_SAYING_NOTHING: Final = frozenset({"", "text/plain", "application/json", "application/octet-stream"})


def parse_manifest(
    data: bytes, *, content_type: str = "", expected: Digest | None = None, claimed: str | None = None
) -> Document:
    """Read a manifest of any kind (image-spec, manifest.md and image-index.md; Docker's schema 2 and schema 1).

    Args:
        data: The bytes exactly as they came.
        content_type: The header of that name, with or without parameters.
        expected: The digest by which the manifest was asked for, directly or through a descriptor.
        claimed: The header Docker-Content-Digest. It is only a claim: where it is wrong the digest is computed and
            `Document.warning` says so.

    Raises:
        DigestMismatchError: The content does not have the expected digest. Nothing of it was read.
        MalformedDocumentError: It is no manifest, or could be taken for two kinds of it (CVE-2021-41190).
        LimitExceededError: It has more than 10,000 manifests or layers.
    """
    payload = signed_payload(data)
    covered = data if payload is None else payload
    if expected is not None:
        expected.verify(covered)
    body = read_object(covered, _WHAT, unambiguous=True)
    media_type, inferred = _media_type(body, content_type, signed=payload is not None)
    content = _content(body, media_type)
    if isinstance(content, Schema1) and payload is None and "signatures" in body:
        digest, warning = _unverified_digest(data, expected, claimed)
    else:
        digest, warning = _digest(covered, expected, claimed)
    return Document(digest, data, content, type_inferred=inferred, warning=warning)


def _media_type(body: Object, content_type: str, *, signed: bool) -> tuple[str, bool]:
    """The media type, and whether it had to be read off the structure."""
    shape = _shape(body)
    named = body.get("mediaType") or ""
    if not isinstance(named, str):
        raise MalformedDocumentError("The manifest's mediaType is not a text.")
    header = content_type.partition(";")[0].strip().lower()
    if header in _SAYING_NOTHING:
        header = ""
    if header and named and header != named.lower():
        raise MalformedDocumentError(
            f"The registry calls this manifest {_shown(header)}, but it calls itself {_shown(named)}."
        )
    media_type = header or named.lower()
    if not media_type:
        return _inferred(body, shape, signed=signed), True
    meant = _SHAPE_OF_TYPE.get(media_type)
    if meant is None:
        raise MalformedDocumentError(f"This is no manifest that can be read here, but {_shown(media_type)}.")
    if meant is not shape and not (meant is _Shape.ARTIFACT and shape is None):
        found = shape.value if shape else "none that is known"
        raise MalformedDocumentError(f"The manifest should be {meant.value}, but its form is {found}.")
    return media_type, False


def _shape(body: Object) -> _Shape | None:
    """The one kind that the keys speak for; Go writes `null` for an empty list, which counts if nothing else does."""
    filled = {shape for key, shape in _SHAPES.items() if body.get(key) is not None}
    shapes = filled or {shape for key, shape in _SHAPES.items() if key in body}
    if len(shapes) > 1:
        kinds = " and ".join(sorted(shape.value for shape in shapes))
        raise MalformedDocumentError(f"The manifest could be taken for {kinds}.", "Do not use this image.")
    return next(iter(shapes), None)


def _inferred(body: Object, shape: _Shape | None, *, signed: bool) -> str:
    match shape:
        case _Shape.INDEX:
            kinds = [as_object(entry).get("mediaType") for entry in as_list(body.get("manifests"), _WHAT)]
            return media_types.DOCKER_MANIFEST_LIST if media_types.DOCKER_MANIFEST in kinds else media_types.OCI_INDEX
        case _Shape.MANIFEST:
            config = as_object(body.get("config")).get("mediaType")
            return media_types.DOCKER_MANIFEST if config == media_types.DOCKER_CONFIG else media_types.OCI_MANIFEST
        case _Shape.ARTIFACT:
            return media_types.OCI_ARTIFACT_MANIFEST
        case _Shape.SCHEMA1:
            is_signed = signed or "signatures" in body
            return media_types.DOCKER_SCHEMA1_SIGNED if is_signed else media_types.DOCKER_SCHEMA1
        case None:
            raise MalformedDocumentError("This is no manifest: it has neither layers nor manifests.")


def _content(body: Object, media_type: str) -> Manifest | Index | Schema1:
    match _SHAPE_OF_TYPE[media_type]:
        case _Shape.INDEX:
            return Index(
                media_type=safe_text(media_type),
                manifests=_descriptors(body.get("manifests")),
                annotations=as_text_map(body.get("annotations"), _WHAT),
                artifact_type=as_text(body.get("artifactType")),
                subject=_optional_descriptor(body.get("subject")),
            )
        case _Shape.SCHEMA1:
            return parse_schema1(body, media_type)
        case shape:
            return Manifest(
                media_type=safe_text(media_type),
                config=_optional_descriptor(body.get("config")),
                layers=_descriptors(body.get("blobs" if shape is _Shape.ARTIFACT else "layers")),
                annotations=as_text_map(body.get("annotations"), _WHAT),
                artifact_type=as_text(body.get("artifactType")),
                subject=_optional_descriptor(body.get("subject")),
            )


def _descriptors(value: object) -> tuple[Descriptor, ...]:
    if value is not None and not isinstance(value, list):
        raise MalformedDocumentError("The manifest has something else where a list should be.")
    return tuple(_descriptor(entry) for entry in as_list(value, _WHAT))


def _optional_descriptor(value: object) -> Descriptor | None:
    return None if value is None else _descriptor(value)


def _descriptor(value: object) -> Descriptor:
    """Read a descriptor (image-spec, descriptor.md): digest and size are checked, the rest is only shown."""
    values = as_object(value)
    digest = Digest.parse(values.get("digest"))
    size = as_count(values.get("size"))
    if size is None:
        raise MalformedDocumentError(f"The size that the manifest gives for {digest.short} is not one.")
    return Descriptor(
        media_type=as_text(values.get("mediaType")),
        digest=digest,
        size=size,
        annotations=as_text_map(values.get("annotations"), _WHAT),
        platform=_platform(values.get("platform")),
        artifact_type=as_text(values.get("artifactType")),
        urls=as_texts(values.get("urls"), _WHAT),
        data=_embedded(values.get("data"), digest, size),
    )


def _platform(value: object) -> Platform | None:
    found = platform(as_object(value))
    return found if found.os or found.architecture else None


def _embedded(value: object, digest: Digest, size: int) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        data = base64.b64decode(value.encode("utf-8", "replace"), validate=True)
    except binascii.Error:
        raise MalformedDocumentError(f"What the manifest embeds for {digest.short} is not base64.") from None
    if len(data) != size or Digest.of(data, digest.algorithm) != digest:
        raise MalformedDocumentError(f"What the manifest embeds for {digest.short} is not the content of that digest.")
    return data


def _digest(covered: bytes, expected: Digest | None, claimed: str | None) -> tuple[Digest, SafeText]:
    claim = _claim(claimed)
    digest = expected or Digest.of(covered, claim.algorithm if claim else "sha256")
    if not claimed or (claim and claim == Digest.of(covered, claim.algorithm)):
        return digest, SafeText("")
    return digest, safe_text(
        f"The registry says that the digest is {_shown(claimed)}, but the content's is {digest}, which is shown."
    )


def _unverified_digest(data: bytes, expected: Digest | None, claimed: str | None) -> tuple[Digest, SafeText]:
    """The digest of a schema 1 whose signatures do not say what they cover: the registry's word is all there is."""
    if expected is not None:
        return expected, SafeText("")
    digest = _claim(claimed) or Digest.of(data)
    return digest, SafeText("The digest is not verified: the manifest's signatures do not say what they cover.")


def _claim(claimed: str | None) -> Digest | None:
    try:
        return Digest.parse(claimed)
    except MalformedDocumentError:  # the caller warns of what was claimed and is no digest
        return None


def _shown(text: str) -> SafeText:
    return safe_text(text, limit=200)
