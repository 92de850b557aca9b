"""Docker's schema 1, which some old registries still serve: the payload under its signatures, and what it says."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import Final

from regbrowse.registry.configs import image_config
from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import MalformedDocumentError
from regbrowse.registry.json_values import Object, as_count, as_list, as_object, as_text, as_time, read_object
from regbrowse.registry.models import HistoryEntry, Schema1
from regbrowse.registry.text import SafeText, safe_text

_WHAT: Final = "The manifest (Docker schema 1)"


def signed_payload(data: bytes) -> bytes | None:
    """The bytes that the signatures of a schema 1 cover, and that its digest is computed over.

    A signature's `protected` header says how many bytes of `data` come before the signatures, and with what the
    payload ends after them (Docker's manifest-v2-1, "Signed Manifests"). Only the payload may be believed: what stands
    beside it is covered by no digest.

    Returns:
        The payload, or None if `data` is no signed schema 1, or is one from which no payload can be rebuilt.
    """
    if b'"signatures"' not in data:
        return None
    try:
        signatures = as_list(read_object(data, _WHAT).get("signatures"), _WHAT)
        protected = as_object(signatures[0]).get("protected") if signatures else None
        header = read_object(_base64url(protected), _WHAT)
        length = as_count(header.get("formatLength"))
        if length is None or length > len(data):
            return None
        payload = data[:length] + _base64url(header.get("formatTail"))
        return payload if "fsLayers" in read_object(payload, _WHAT) else None
    except (MalformedDocumentError, binascii.Error):  # whoever asks has to say that the digest is not verified
        return None


def parse_schema1(values: Object, media_type: str) -> Schema1:
    """Read the manifest, oldest layer first.

    Raises:
        MalformedDocumentError: A layer has no digest that can be checked.
        LimitExceededError: It has more layers or steps than anything sensible.
    """
    layers = [Digest.parse(as_object(layer).get("blobSum")) for layer in as_list(values.get("fsLayers"), _WHAT)]
    steps = [_compatibility(step) for step in as_list(values.get("history"), _WHAT)]
    newest = steps[0] if steps else {}
    config = image_config({"architecture": values.get("architecture"), **newest, "history": None, "rootfs": None})
    return Schema1(
        media_type=safe_text(media_type),
        name=as_text(values.get("name")),
        tag=as_text(values.get("tag")),
        layers=tuple(reversed(layers)),
        config=replace(config, history=tuple(history_entry(step) for step in reversed(steps))),
    )


def _compatibility(step: object) -> Object:
    text = as_object(step).get("v1Compatibility")
    try:
        return read_object(text, _WHAT) if isinstance(text, str) else {}
    except MalformedDocumentError:  # the step is still one, and its layer is known
        return {}


def history_entry(values: Object) -> HistoryEntry:
    """The step that made an image, from its description in v1's form."""
    return HistoryEntry(
        created_by=_command(as_object(values.get("container_config")).get("Cmd")),
        created=as_time(values.get("created")),
        author=as_text(values.get("author")),
        comment=as_text(values.get("comment")),
        empty_layer=values.get("throwaway") is True,
    )


def _command(value: object) -> SafeText:
    words = [value] if isinstance(value, str) else as_list(value, _WHAT)
    return safe_text(" ".join(word for word in words if isinstance(word, str)), multiline=True)


def _base64url(value: object) -> bytes:
    if not isinstance(value, str):
        return b""
    encoded = value.rstrip("=").encode("utf-8", "replace")
    return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
