"""Image states for the tests of the views, small and made by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from regbrowse.browser.states import ImageState, Phase
from regbrowse.registry import media_types
from regbrowse.registry.digest import Digest
from regbrowse.registry.models import (
    Descriptor,
    Document,
    HistoryEntry,
    ImageConfig,
    Index,
    Manifest,
    Platform,
    RuntimeConfig,
    Schema1,
    Step,
)
from regbrowse.registry.reference import RegistryAddress, Target
from regbrowse.registry.text import SafeText, safe_text

TARGET: Final = Target(RegistryAddress("registry.example:5000"), "team/app")
CREATED: Final = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"


def layer(
    number: int, size: int, *, media_type: str = LAYER, annotations: Mapping[str, str] | None = None
) -> Descriptor:
    return Descriptor(safe_text(media_type), Digest.of(b"layer %d" % number), size, named(annotations or {}))


def named(values: Mapping[str, str]) -> dict[SafeText, SafeText]:
    return {safe_text(name): safe_text(value) for name, value in values.items()}


def texts(*values: str) -> tuple[SafeText, ...]:
    return tuple(map(safe_text, values))


def step(command: str, made: Descriptor | None = None, *, created: datetime | None = None) -> Step:
    entry = HistoryEntry(safe_text(command, multiline=True), created, empty_layer=made is None)
    return Step(entry, made, None if made is None else 0)


def document(content: Manifest | Index | Schema1, raw: bytes | None = None) -> Document:
    raw = json.dumps({"schemaVersion": 2}).encode() if raw is None else raw
    return Document(Digest.of(raw), raw, content)


def image(
    steps: Sequence[Step] = (),
    *,
    layers: Sequence[Descriptor] | None = None,
    config: ImageConfig | None = None,
    annotations: Mapping[str, str] | None = None,
    index_annotations: Mapping[str, str] | None = None,
    artifact: str = "",
    raw: bytes | None = None,
) -> ImageState:
    """A READY state of an image with these steps, whose layers are those of the steps if none are given."""
    if layers is None:
        layers = [step.layer for step in steps if step.layer]
    config_descriptor = Descriptor(safe_text(media_types.OCI_CONFIG), Digest.of(b"config"), 1_234)
    manifest = document(
        Manifest(
            safe_text(media_types.OCI_MANIFEST), config_descriptor, tuple(layers), annotations=named(annotations or {})
        ),
        raw,
    )
    top = manifest
    if index_annotations is not None:
        top = document(Index(safe_text(media_types.OCI_INDEX), (), named(index_annotations)), b'{"manifests": []}')
    return ImageState(
        TARGET,
        Phase.READY,
        document=top,
        manifest=manifest,
        config=config,
        steps=tuple(steps),
        artifact=safe_text(artifact),
    )


def configured(runtime: RuntimeConfig) -> ImageConfig:
    return ImageConfig(Platform(safe_text("linux"), safe_text("arm64"), safe_text("v8")), CREATED, config=runtime)
