"""The values that everything above the core speaks: frozen, with the field names of OCI's image-spec.

Every string in them is `SafeText`, a checked `Digest`, or taken from a fixed set; every size is between 0 and 2⁶³−1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import MalformedDocumentError
from regbrowse.registry.text import SafeText

NOTHING: Final[Mapping[SafeText, SafeText]] = MappingProxyType({})
_EMPTY: Final = SafeText("")


def _nothing() -> Mapping[SafeText, SafeText]:
    return NOTHING  # a factory, since Python 3.11 takes the proxy for something that could change


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on (image-spec, image-index.md)."""

    os: SafeText
    architecture: SafeText
    variant: SafeText = _EMPTY
    os_version: SafeText = _EMPTY
    os_features: tuple[SafeText, ...] = ()

    @property
    def is_known(self) -> bool:
        """False for `unknown/unknown`, which BuildKit writes on what is no image."""
        return (self.os, self.architecture) != ("unknown", "unknown")

    def __str__(self) -> SafeText:
        parts = [part for part in (self.os, self.architecture, self.variant) if part]
        return SafeText("/".join(parts))


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A pointer to content (image-spec, descriptor.md).

    Attributes:
        size: Bytes of the content as it is stored, that is compressed for a layer.
        data: The content itself if the descriptor embeds it, already checked against digest and size.
    """

    media_type: SafeText
    digest: Digest
    size: int
    annotations: Mapping[SafeText, SafeText] = field(default_factory=_nothing)
    platform: Platform | None = None
    artifact_type: SafeText = _EMPTY
    urls: tuple[SafeText, ...] = ()
    data: bytes | None = field(default=None, repr=False)

    @property
    def attests(self) -> Digest | None:
        """The digest of the sibling that this attestation (BuildKit's) is about; None for others."""
        if self.annotations.get(SafeText("vnd.docker.reference.type")) != "attestation-manifest":
            return None
        try:
            return Digest.parse(self.annotations.get(SafeText("vnd.docker.reference.digest")))
        except MalformedDocumentError:
            return None

    @property
    def is_attestation(self) -> bool:
        return self.annotations.get(SafeText("vnd.docker.reference.type")) == "attestation-manifest"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image, or one artifact of another kind (image-spec, manifest.md; Docker's schema 2)."""

    media_type: SafeText
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    annotations: Mapping[SafeText, SafeText] = field(default_factory=_nothing)
    artifact_type: SafeText = _EMPTY
    subject: Descriptor | None = None

    @property
    def size(self) -> int:
        """Bytes of the layers together, as they are transferred."""
        return sum(layer.size for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Index:
    """Several manifests under one name (image-spec, image-index.md; Docker's manifest list)."""

    media_type: SafeText
    manifests: tuple[Descriptor, ...]
    annotations: Mapping[SafeText, SafeText] = field(default_factory=_nothing)
    artifact_type: SafeText = _EMPTY
    subject: Descriptor | None = None

    @property
    def images(self) -> tuple[Descriptor, ...]:
        """The manifests that are for a platform, or might be: all but the attestations."""
        return tuple(entry for entry in self.manifests if not entry.is_attestation)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step of a build (image-spec, config.md)."""

    created_by: SafeText = _EMPTY
    created: datetime | None = None
    author: SafeText = _EMPTY
    comment: SafeText = _EMPTY
    empty_layer: bool = False


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """Docker's addition to the configuration. Durations are in nanoseconds, 0 means inherited."""

    test: tuple[SafeText, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True)
class RuntimeConfig:
    """The `config` of an image's configuration: how a container of it starts."""

    user: SafeText = _EMPTY
    exposed_ports: tuple[SafeText, ...] = ()
    env: tuple[SafeText, ...] = ()
    entrypoint: tuple[SafeText, ...] = ()
    cmd: tuple[SafeText, ...] = ()
    volumes: tuple[SafeText, ...] = ()
    working_dir: SafeText = _EMPTY
    labels: Mapping[SafeText, SafeText] = field(default_factory=_nothing)
    stop_signal: SafeText = _EMPTY
    shell: tuple[SafeText, ...] = ()
    on_build: tuple[SafeText, ...] = ()
    healthcheck: Healthcheck | None = None


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """An image's configuration (image-spec, config.md)."""

    platform: Platform
    created: datetime | None = None
    author: SafeText = _EMPTY
    config: RuntimeConfig = field(default_factory=RuntimeConfig)
    diff_ids: tuple[Digest, ...] = ()
    history: tuple[HistoryEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema1:
    """Docker's first manifest of v2 registries, read-only. Layers and history are oldest first, as elsewhere.

    Attributes:
        config: What the newest `v1Compatibility` says, in the shape of an image's configuration.
        layers: The digest of each step's layer, also of the empty ones; sizes are not in the document.
    """

    media_type: SafeText
    name: SafeText
    tag: SafeText
    layers: tuple[Digest, ...]
    config: ImageConfig


@dataclass(frozen=True, slots=True)
class V1Layer:
    """One image of a v1 registry, which is one layer upon its parent (seed-registry-package.md §14, §15).

    Attributes:
        id: Drawn at random when it was made: other than a digest, nothing can be verified by it.
        parent: The id of the image below; empty for the lowest.
        size: Bytes of the layer; None where the registry does not say.
    """

    id: SafeText
    parent: SafeText = _EMPTY
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest of any kind, with the bytes it came in.

    Attributes:
        digest: Of the bytes; for a signed schema 1, of its payload.
        raw: The bytes as they came.
        content: What they say.
        type_inferred: The media type was neither in the header nor in the body, but read off the structure.
        warning: What the registry contradicted itself in, if it did.
    """

    digest: Digest
    raw: bytes = field(repr=False)
    content: Manifest | Index | Schema1
    type_inferred: bool = False
    warning: SafeText = _EMPTY

    @property
    def media_type(self) -> SafeText:
        return self.content.media_type


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a catalog or of a repository's tags.

    Attributes:
        names: In the registry's order. They may be outside the grammar: shown then, not opened.
        complete: No page follows.
        notice: Why the list ends before its end, if it does.
    """

    names: tuple[SafeText, ...]
    complete: bool = False
    notice: SafeText = _EMPTY


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an image's history together with the layer that it made.

    Attributes:
        entry: None for a layer that the history does not mention.
        layer: None for an empty step, and for one whose layer is missing from the manifest.
        index: Position of the layer among the manifest's layers, from 0.
        unsized: The layer of a schema 1, which says its digest and nothing else.
        v1: The layer of a v1 registry, which has no digest.
    """

    entry: HistoryEntry | None
    layer: Descriptor | None = None
    index: int | None = None
    unsized: Digest | None = None
    v1: V1Layer | None = None

    @property
    def digest(self) -> Digest | None:
        """The layer's digest; None for a step without a layer."""
        return self.layer.digest if self.layer else self.unsized

    @property
    def size(self) -> int | None:
        """The layer's bytes as they are stored, 0 for an empty step; None where nobody says."""
        if self.layer:
            return self.layer.size
        if self.v1:
            return self.v1.size
        return 0 if self.entry and self.entry.empty_layer else None
