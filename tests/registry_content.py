"""What a test registry holds: built in memory, the same bytes on every run.

Written from OCI's image-spec and Docker's manifest specifications, on purpose without a line of the program under test.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"

CREATED: Final = "2026-11-21T14:02:00Z"
"""The creation time of every image that does not say another."""

_DEFAULT_LAYERS: Final = (b"a root filesystem", b"an application")

Json: TypeAlias = Mapping[str, Any]


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Stored:
    """A manifest as it is served. For a signed schema 1 the digest is not that of `data`."""

    media_type: str
    data: bytes
    digest: str


@dataclass(slots=True)
class Repository:
    """One repository's tags, and what may be fetched from it by digest."""

    tags: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, Stored] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    sorted_tags: list[str] | None = None

    def manifest(self, reference: str) -> Stored | None:
        """What a tag or a digest leads to."""
        return self.manifests.get(self.tags.get(reference, reference))

    def tag_names(self) -> list[str]:
        """All tags in ASCII order."""
        names = self.sorted_tags
        if names is None:
            names = self.sorted_tags = sorted(self.tags)
        return names


_EMPTY: Final = Repository()


class Content:
    """Repositories and what is in them. Each `add_…` may also be called while a server serves this."""

    def __init__(self) -> None:
        self._repositories: dict[str, Repository] = {}
        self._sorted_names: list[str] | None = None

    def repository(self, name: str) -> Repository | None:
        return self._repositories.get(name)

    def repository_names(self) -> list[str]:
        """All repositories in ASCII order."""
        names = self._sorted_names
        if names is None:
            names = self._sorted_names = sorted(self._repositories)
        return names

    def add_repositories(self, names: Iterable[str]) -> None:
        """Add many repositories without tags."""
        self._repositories = dict.fromkeys(names, _EMPTY) | self._repositories
        self._sorted_names = None

    def add_blob(self, repository: str, data: bytes) -> str:
        """Store a configuration, a layer or other bytes; returns their digest."""
        digest = digest_of(data)
        self._own(repository).blobs[digest] = data
        return digest

    def add_raw(
        self, repository: str, tag: str | None, media_type: str, data: bytes, *, digest: str | None = None
    ) -> str:
        """Store any bytes as a manifest; returns the digest that they are served under."""
        stored = Stored(media_type, data, digest or digest_of(data))
        self._own(repository).manifests[stored.digest] = stored
        if tag is not None:
            self._tag(repository, {tag: stored.digest})
        return stored.digest

    def add_tags(self, repository: str, names: Iterable[str], *, like: str) -> None:
        """Give what the tag `like` names many more tags."""
        self._tag(repository, dict.fromkeys(names, self._own(repository).tags[like]))

    def add_image(
        self,
        repository: str,
        tag: str | None,
        *,
        layers: Sequence[bytes] = _DEFAULT_LAYERS,
        config: Json | None = None,
        platform: str = "linux/amd64",
        docker: bool = False,
        fields: Json | None = None,
    ) -> str:
        """Store an image of one platform.

        Args:
            repository: Where.
            tag: Its tag, which moves here if there is one; None to be found by digest alone.
            layers: Their bytes, stored as they are: a layer's size is the length.
            config: Fields of the configuration that replace the ones made here.
            platform: `os/architecture` or `os/architecture/variant`.
            docker: Docker's schema 2 instead of an OCI manifest.
            fields: Fields of the manifest that replace the ones made here, such as `annotations`.

        Returns:
            The manifest's digest.
        """
        manifest_type, config_type, layer_type = (
            (DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER) if docker else (OCI_MANIFEST, OCI_CONFIG, OCI_LAYER)
        )
        configuration = _encode(_configuration(layers, platform) | dict(config or {}))
        for data in (*layers, configuration):
            self.add_blob(repository, data)
        manifest = {
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": _descriptor(config_type, configuration),
            "layers": [_descriptor(layer_type, layer) for layer in layers],
        }
        return self.add_raw(repository, tag, manifest_type, _encode(manifest | dict(fields or {})))

    def add_index(
        self,
        repository: str,
        tag: str | None,
        *children: str,
        attestations: bool = True,
        docker: bool = False,
        fields: Json | None = None,
    ) -> str:
        """Store an index (or Docker's manifest list).

        Args:
            repository: Where, and where the children are already.
            tag: Its tag, or None.
            children: Digests of images, or of other indexes for a nested one.
            attestations: Add one for each child that is an image, as BuildKit does.
            docker: Docker's manifest list.
            fields: Fields of the index that replace the ones made here.

        Returns:
            The index's digest.
        """
        entries = [self._entry(repository, child) for child in children]
        if attestations:
            entries += [self._attestation(repository, entry) for entry in entries if "platform" in entry]
        media_type = DOCKER_LIST if docker else OCI_INDEX
        index = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
        return self.add_raw(repository, tag, media_type, _encode(index | dict(fields or {})))

    def add_schema1(
        self,
        repository: str,
        tag: str,
        *,
        layers: Sequence[bytes] = _DEFAULT_LAYERS,
        history: Sequence[Json] | None = None,
        signed: bool = True,
    ) -> str:
        """Store an image in Docker's first manifest format.

        Args:
            repository: Where.
            tag: Its tag, which the manifest repeats.
            layers: Oldest first, as everywhere here; the manifest has them newest first.
            history: For each layer, fields of its `v1Compatibility` that replace the ones made here, oldest first.
            signed: In the signed form, whose digest is that of the bytes without the signatures.

        Returns:
            The manifest's digest.
        """
        steps = _schema1_history(layers, history or [{}] * len(layers))
        payload = {
            "schemaVersion": 1,
            "name": repository,
            "tag": tag,
            "architecture": "amd64",
            "fsLayers": [{"blobSum": self.add_blob(repository, layer)} for layer in reversed(layers)],
            "history": [{"v1Compatibility": json.dumps(step, separators=(",", ":"))} for step in reversed(steps)],
        }
        data = json.dumps(payload, indent=3).encode()
        if not signed:
            return self.add_raw(repository, tag, SCHEMA1, data)
        return self.add_raw(repository, tag, SCHEMA1_SIGNED, _sign(data), digest=digest_of(data))

    def _own(self, name: str) -> Repository:
        """The repository to write to: `_EMPTY` is shared by all that hold nothing."""
        found = self._repositories.get(name, _EMPTY)
        if found is _EMPTY:
            found = self._repositories[name] = Repository()
            self._sorted_names = None
        return found

    def _tag(self, name: str, tags: Mapping[str, str]) -> None:
        repository = self._own(name)
        repository.tags.update(tags)
        repository.sorted_tags = None

    def _entry(self, name: str, digest: str) -> dict[str, Any]:
        repository = self._own(name)
        stored = repository.manifests[digest]
        entry = _descriptor(stored.media_type, stored.data)
        config = json.loads(stored.data).get("config", {})
        if config.get("mediaType") in (OCI_CONFIG, DOCKER_CONFIG):
            configuration = json.loads(repository.blobs[config["digest"]])
            entry["platform"] = {
                key: configuration[key] for key in ("architecture", "os", "variant") if key in configuration
            }
        return entry

    def _attestation(self, repository: str, subject: Json) -> dict[str, Any]:
        statement = {
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": "https://slsa.dev/provenance/v0.2",
            "subject": [{"name": repository, "digest": {"sha256": subject["digest"].partition(":")[2]}}],
        }
        layer = _encode(statement)
        digest = self.add_image(
            repository,
            None,
            layers=[layer],
            platform="unknown/unknown",
            fields={"layers": [_descriptor("application/vnd.in-toto+json", layer)]},
        )
        annotations = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject["digest"],
        }
        return self._entry(repository, digest) | {"annotations": annotations}


def _encode(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def _configuration(layers: Sequence[bytes], platform: str) -> dict[str, Any]:
    return {
        "created": CREATED,
        **dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False)),
        "config": {"Cmd": ["/bin/app"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
        "history": [
            *({"created": CREATED, "created_by": f"COPY layer {number} /"} for number in range(1, len(layers) + 1)),
            {"created": CREATED, "created_by": 'CMD ["/bin/app"]', "empty_layer": True},
        ],
    }


def _schema1_history(layers: Sequence[bytes], history: Sequence[Json]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for layer, given in zip(layers, history, strict=True):
        step = {
            "id": digest_of(layer).partition(":")[2],
            "created": CREATED,
            "container_config": {"Cmd": ["/bin/sh", "-c", f"#(nop) COPY layer {len(steps) + 1} /"]},
        }
        if steps:
            step["parent"] = steps[-1]["id"]
        steps.append(step | dict(given))
    steps[-1] = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/app"]}} | steps[-1]
    return steps


def _sign(payload: bytes) -> bytes:
    """Put signatures into `payload` as libtrust's pretty JWS does: before its last line. Their key is not real."""
    kept, tail = payload[:-2], payload[-2:]
    protected = {"formatLength": len(kept), "formatTail": _base64url(tail), "time": CREATED}
    signature = {
        "header": {"jwk": {"crv": "P-256", "kid": "TEST", "kty": "EC", "x": "AA", "y": "AA"}, "alg": "ES256"},
        "signature": _base64url(bytes(64)),
        "protected": _base64url(_encode(protected)),
    }
    return kept + b',\n   "signatures": ' + json.dumps([signature]).encode() + tail


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
