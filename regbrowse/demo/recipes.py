"""How the sample images are made: steps of a build into manifests and configurations with the right digests.

Everything is drawn from names and from one fixed day, never from a clock or a random source: the bytes are the same
in every process, and so are the digests in a screenshot.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from regbrowse.demo.layout import Content, Image, Json, digest_of, encode
from regbrowse.registry.media_types import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    DOCKER_MANIFEST_LIST,
    DOCKER_SCHEMA1,
    DOCKER_SCHEMA1_SIGNED,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
)

NEWEST: Final = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
"""When the newest sample was made."""

EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
_OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_IN_TOTO: Final = "application/vnd.in-toto+json"
_MAKING_AN_IMAGE: Final = timedelta(minutes=4)

T = TypeVar("T")


def made_up_digest(seed: str) -> str:
    """A digest of something that is not there."""
    return digest_of(seed.encode(errors="backslashreplace"))


def number(seed: str, low: int, high: int) -> int:
    """A number from `low` to `high`, both included, that `seed` alone decides."""
    return low + int(made_up_digest(seed)[7:23], 16) % (high - low + 1)


def pick(seed: str, choices: Sequence[T]) -> T:
    return choices[number(seed, 0, len(choices) - 1)]


def timestamp(moment: datetime) -> str:
    """As RFC 3339 writes it, with the fractions of a second that builders leave."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{number(str(moment), 1, 999_999_999):09}Z"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a build.

    Attributes:
        created_by: As the builder records it. `@VERSION@` stands for the image's version.
        megabytes: Size of its layer as transferred, in 10⁶ bytes; 0 if it makes no layer.
        of_base: It came with the base image, which is made anew on the first of each month.
        comment: The builder's own remark.
    """

    created_by: str
    megabytes: float = 0
    of_base: bool = False
    comment: str = "buildkit.dockerfile.v0"


@dataclass(frozen=True, slots=True)
class Build:
    """The steps of an image and how a container of it starts.

    Attributes:
        config: The `config` of its configuration, in Docker's spelling.
    """

    steps: tuple[Step, ...]
    config: Json


def platform(text: str) -> dict[str, object]:
    """The platform object of `os/architecture[/variant]`."""
    return dict(zip(("os", "architecture", "variant"), text.split("/"), strict=False))


def _layer(step: Step, made: datetime, version: str, runs_on: str, media_type: str) -> dict[str, object]:
    origin = f"{made:%Y-%m}" if step.of_base else version
    seed = f"{step.created_by} {step.megabytes} {origin} {runs_on}"
    varied = int(step.megabytes * number(seed, 965_000, 1_035_000))
    return {"mediaType": media_type, "digest": made_up_digest(seed), "size": max(varied, 32)}


def _history(steps: Iterable[Step], made: datetime, version: str) -> list[Json]:
    entries: list[Json] = []
    first_of_month = min(made.replace(day=1, hour=0, minute=18, second=42), made)
    moment = made - _MAKING_AN_IMAGE
    for step in steps:
        moment = min(moment + timedelta(seconds=number(f"{step.created_by} {version}", 0, 17)), made)
        entries.append(
            {
                "created": timestamp(first_of_month if step.of_base else moment),
                "created_by": step.created_by.replace("@VERSION@", version),
                **({"comment": step.comment} if step.comment else {}),
                **({} if step.megabytes else {"empty_layer": True}),
            }
        )
    return entries


def image(
    build: Build,
    version: str,
    *,
    made: datetime = NEWEST,
    runs_on: str = "linux/amd64",
    docker: bool = False,
    replaced: Json | None = None,
) -> Image:
    """An image for one platform.

    Args:
        build: What it is made of.
        version: Stands in for `@VERSION@`, and makes its own layers differ from another version's.
        made: Its creation time.
        runs_on: `os/architecture[/variant]`.
        docker: As Docker's schema 2 instead of OCI's manifest.
        replaced: Fields of the configuration that are to be other than they would be.
    """
    layer_type = _DOCKER_LAYER if docker else _OCI_LAYER
    layers = [_layer(step, made, version, runs_on, layer_type) for step in build.steps if step.megabytes]
    labels = {"org.opencontainers.image.version": version, "org.opencontainers.image.created": timestamp(made)}
    known = build.config.get("Labels")
    settings = {**build.config, "Labels": {**known, **labels} if isinstance(known, Mapping) else labels}
    config = Content.of(
        DOCKER_CONFIG if docker else OCI_CONFIG,
        {
            **platform(runs_on),
            "created": timestamp(made),
            "config": settings,
            "rootfs": {
                "type": "layers",
                "diff_ids": [made_up_digest(f"{layer['digest']} unpacked") for layer in layers],
            },
            "history": _history(build.steps, made, version),
            **(replaced or {}),
        },
    )
    return Image((manifest(config, layers, docker=docker),), (config,))


def manifest(config: Content, layers: Sequence[Json], *, docker: bool = False, further: Json | None = None) -> Content:
    """A manifest over a configuration and layers, with further fields if given."""
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    body = {"schemaVersion": 2, "mediaType": media_type, "config": config.descriptor(), "layers": layers}
    return Content.of(media_type, {**body, **(further or {})})


def index(entries: Sequence[tuple[Image, Json]], *, docker: bool = False) -> Image:
    """Several images under one name.

    Args:
        entries: Each with the fields that its descriptor has beside type, digest and size.
        docker: As Docker's manifest list.
    """
    media_type = DOCKER_MANIFEST_LIST if docker else OCI_INDEX
    descriptors = [entry.top.descriptor(**fields) for entry, fields in entries]
    top = Content.of(media_type, {"schemaVersion": 2, "mediaType": media_type, "manifests": descriptors})
    return Image(
        (top, *(content for entry, _ in entries for content in entry.manifests)),
        tuple(content for entry, _ in entries for content in entry.blobs),
    )


def for_platforms(
    build: Build,
    version: str,
    platforms: Sequence[str],
    *,
    made: datetime = NEWEST,
    docker: bool = False,
    attested: bool = False,
) -> Image:
    """The same build for several platforms, if `attested` with BuildKit's attestation for each of them."""
    images = [(image(build, version, made=made, runs_on=name, docker=docker), name) for name in platforms]
    entries: list[tuple[Image, Json]] = [(made_for, {"platform": platform(name)}) for made_for, name in images]
    if attested:
        entries += [(attestation(about.top, made), _attests(about.top)) for about, _ in images]
    return index(entries, docker=docker)


def _attests(about: Content) -> Json:
    return {
        "annotations": {
            "vnd.docker.reference.digest": about.digest,
            "vnd.docker.reference.type": "attestation-manifest",
        },
        "platform": platform("unknown/unknown"),
    }


def attestation(about: Content, made: datetime) -> Image:
    """What BuildKit says about an image it made: an SBOM and the provenance, as in-toto statements."""
    predicates: Mapping[str, Json] = {
        "https://spdx.dev/Document": {"spdxVersion": "SPDX-2.3", "name": "sbom", "created": timestamp(made)},
        "https://slsa.dev/provenance/v0.2": {"builder": {"id": ""}, "buildType": "https://mobyproject.org/buildkit@v1"},
    }
    statements = [
        (
            kind,
            Content.of(
                _IN_TOTO,
                {
                    "_type": "https://in-toto.io/Statement/v0.1",
                    "predicateType": kind,
                    "subject": [{"name": "_", "digest": {"sha256": about.digest.removeprefix("sha256:")}}],
                    "predicate": predicate,
                },
            ),
        )
        for kind, predicate in predicates.items()
    ]
    config = Content.of(
        OCI_CONFIG,
        {
            **platform("unknown/unknown"),
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [content.digest for _, content in statements]},
        },
    )
    layers = [content.descriptor(annotations={"in-toto.io/predicate-type": kind}) for kind, content in statements]
    return Image((manifest(config, layers),), (config, *(content for _, content in statements)))


def artifact(config: Content, layers: Sequence[Content | Json], **further: object) -> Image:
    """A manifest of something that is no image (image-spec, manifest.md, "Guidelines for Artifact Usage").

    Args:
        config: Its type says what the artifact is, unless `artifactType` does.
        layers: Contents that the registry has, or mere descriptors of what is too large to have.
        further: Fields of the manifest such as `artifactType`, `subject` and `annotations`.
    """
    descriptors = [layer.descriptor() if isinstance(layer, Content) else layer for layer in layers]
    blobs = tuple(layer for layer in layers if isinstance(layer, Content))
    return Image((manifest(config, descriptors, further=further),), (config, *blobs))


def claimed(media_type: str, size: int, seed: str) -> Json:
    """The descriptor of a layer that the registry does not have."""
    return {"mediaType": media_type, "digest": made_up_digest(seed), "size": size}


def schema1(build: Build, name: str, tag: str, *, made: datetime, signed: bool) -> Image:
    """Docker's first manifest for v2 registries, newest step first (distribution, manifest-v2-1.md).

    The signature is only shaped like one; as in a real one, it leads back to the payload that the digest is of.
    """
    steps = _history(build.steps, made, tag)
    ids = [made_up_digest(f"{name} {tag} {place}")[7:] for place in range(len(steps))]
    compatibility: list[Json] = []
    for place, (step, image_id) in enumerate(zip(steps, ids, strict=True)):
        compatibility.append(
            {
                "id": image_id,
                **({"parent": ids[place - 1]} if place else {}),
                "created": step["created"],
                "container_config": {"Cmd": ["/bin/sh", "-c", str(step["created_by"]).removeprefix("/bin/sh -c ")]},
                **({"throwaway": True} if "empty_layer" in step else {}),
            }
        )
    compatibility[-1] = {**compatibility[-1], **platform("linux/amd64"), "config": build.config}
    payload = encode(
        {
            "schemaVersion": 1,
            "name": name,
            "tag": tag,
            "architecture": "amd64",
            "fsLayers": [{"blobSum": made_up_digest(image_id)} for image_id in reversed(ids)],
            "history": [{"v1Compatibility": encode(entry).decode()} for entry in reversed(compatibility)],
        }
    )
    if not signed:
        return Image((Content.of(DOCKER_SCHEMA1, payload),))
    protected = encode(
        {"formatLength": len(payload) - 1, "formatTail": _base64url(b"}"), "time": f"{made:%Y-%m-%dT%H:%M:%SZ}"}
    )
    signature = {
        "header": {"alg": "ES256", "jwk": {"crv": "P-256", "kid": "DEMO:DEMO", "kty": "EC"}},
        "signature": _base64url(hashlib.sha512(payload).digest()),
        "protected": _base64url(protected),
    }
    data = payload[:-1] + b',"signatures":' + encode([signature]) + b"}"
    return Image((Content(DOCKER_SCHEMA1_SIGNED, data, digest_of(payload)),))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
