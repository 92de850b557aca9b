"""Repositories of everything else that registries hold: other platforms and formats, charts, signatures, SBOMs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from regbrowse.demo.builds import GO, OLD_NGINX, SERVICE
from regbrowse.demo.layout import Content, Image, Json, Recipe, Repository
from regbrowse.demo.recipes import (
    EMPTY_TYPE,
    NEWEST,
    artifact,
    claimed,
    for_platforms,
    image,
    index,
    platform,
    schema1,
    timestamp,
)
from regbrowse.registry.media_types import HELM_CONFIG

_EVERYWHERE: Final = (
    "linux/amd64",
    "linux/arm64/v8",
    "linux/arm/v7",
    "linux/arm/v6",
    "linux/386",
    "linux/ppc64le",
    "linux/riscv64",
    "linux/s390x",
)
_EMPTY: Final = Content.of(EMPTY_TYPE, b"{}")
_LONG_AGO: Final = datetime(2016, 3, 4, 9, 30, tzinfo=UTC)


def everywhere() -> Repository:
    """`platform/everywhere`: many platforms, Windows with its `os.version` among them, and an index in an index."""
    return Repository(
        {
            "3.2.0": partial(for_platforms, GO, "3.2.0", _EVERYWHERE, attested=True),
            "with-windows": _with_windows,
            "nested": _nested,
        }
    )


def _with_windows() -> Image:
    windows = {**platform("windows/amd64"), "os.version": "10.0.20348.4405", "os.features": ["win32k"]}
    return index(
        [
            (image(GO, "3.2.0"), {"platform": platform("linux/amd64")}),
            (image(GO, "3.2.0", runs_on="windows/amd64"), {"platform": windows}),
        ]
    )


def _nested() -> Image:
    arm = for_platforms(GO, "3.2.0", ("linux/arm64/v8", "linux/arm/v7"))
    return index(
        [
            (image(GO, "3.2.0"), {"platform": platform("linux/amd64")}),
            (arm, {"annotations": {"org.opencontainers.image.ref.name": "3.2.0-arm"}}),
        ]
    )


def legacy() -> Repository:
    """`legacy/shop`: what Docker made before OCI: schema 1, schema 2, a manifest list."""
    older = partial(schema1, OLD_NGINX, "legacy/shop", made=_LONG_AGO)
    later = _LONG_AGO + timedelta(days=1_200)
    return Repository(
        {
            "0.1-schema1": partial(older, tag="0.1-schema1", signed=False),
            "0.2-schema1-signed": partial(older, tag="0.2-schema1-signed", signed=True),
            "1.0-schema2": partial(image, OLD_NGINX, "1.0", made=later, docker=True),
            "1.1-list": partial(for_platforms, OLD_NGINX, "1.1", _EVERYWHERE[:3], made=later, docker=True),
        }
    )


def charts() -> Repository:
    """`charts/service`: a Helm chart. Where the version has a `+`, the tag has a `_`."""
    return Repository(
        {version.replace("+", "_"): partial(_chart, version) for version in ("0.9.0", "0.9.1", "0.9.1+build.7")}
    )


def _chart(version: str) -> Image:
    config = {
        "name": "service",
        "version": version,
        "description": "Deploys the service with its database and its dashboards.",
        "apiVersion": "v2",
        "appVersion": "1.4.2",
        "type": "application",
        "maintainers": [{"name": "Ada", "email": "ada@example.com"}],
        "dependencies": [{"name": "postgresql", "version": "16.x", "repository": "oci://registry.demo/charts"}],
    }
    return artifact(
        Content.of(HELM_CONFIG, config),
        [claimed("application/vnd.cncf.helm.chart.content.v1.tar+gzip", 24_817, f"chart {version}")],
        annotations={
            "org.opencontainers.image.title": "service",
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.created": timestamp(NEWEST),
        },
    )


def wasm() -> Repository:
    """`artifacts/wasm-filter`: a WebAssembly module, as small as one can be."""
    config = Content.of(
        "application/vnd.wasm.config.v0+json",
        {
            "created": timestamp(NEWEST),
            "architecture": "wasm",
            "os": "wasip1",
            "layerDigests": [_MODULE.digest],
        },
    )
    return Repository({"0.3.0": partial(artifact, config, [_MODULE])})


_MODULE: Final = Content.of("application/wasm", b"\0asm\1\0\0\0")


def signed() -> Repository:
    """`team/signed`: an image with cosign's signature and attestation, and an SBOM that names it as its subject.

    There is no referrers call: the SBOM is found by the fallback tag (distribution-spec, "Referrers Tag Schema").
    """
    subject = image(SERVICE, "1.2.0")
    sbom = _sbom(subject.top)
    name = subject.top.digest.replace(":", "-")
    recipes: dict[str, Recipe] = {
        "1.2.0": lambda: subject,
        "1.2.0-sbom": lambda: sbom,
        f"{name}.sig": partial(_signature, subject.top),
        f"{name}.att": partial(_provenance, subject.top),
        name: lambda: index([(sbom, {"artifactType": "application/spdx+json"})]),
    }
    return Repository(recipes)


def _sbom(subject: Content) -> Image:
    document = Content.of(
        "application/spdx+json",
        {
            "spdxVersion": "SPDX-2.3",
            "name": "service-1.2.0",
            "packages": [
                {"name": name, "versionInfo": version}
                for name, version in (("ca-certificates", "20230311"), ("curl", "7.88.1-10"), ("tini", "0.19.0-1"))
            ],
        },
    )
    return artifact(
        _EMPTY,
        [document],
        annotations={"org.opencontainers.image.created": timestamp(NEWEST)},
        artifactType="application/spdx+json",
        subject=subject.descriptor(),
    )


def _signature(subject: Content) -> Image:
    payload = {
        "critical": {
            "identity": {"docker-reference": "registry.demo/team/signed"},
            "image": {"docker-manifest-digest": subject.digest},
            "type": "cosign container image signature",
        },
        "optional": None,
    }
    layer = Content.of("application/vnd.dev.cosign.simplesigning.v1+json", payload)
    return _cosigned(layer, {"dev.cosignproject.cosign/signature": "MEUCIQDdemoDEMOdemoDEMOdemoDEMOdemoDEMOdemo="})


def _provenance(subject: Content) -> Image:
    statement = {
        "payloadType": "application/vnd.in-toto+json",
        "payload": subject.digest,
        "signatures": [{"sig": "ZGVtbw=="}],
    }
    layer = Content.of("application/vnd.dsse.envelope.v1+json", statement)
    return _cosigned(layer, {"predicateType": "https://slsa.dev/provenance/v1"})


def _cosigned(layer: Content, annotations: Json) -> Image:
    config = Content.of(
        "application/vnd.oci.image.config.v1+json",
        {
            **platform("/"),
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
            "created": "0001-01-01T00:00:00Z",
        },
    )
    made = artifact(config, [layer.descriptor(annotations=annotations)])
    return Image(made.manifests, (config, layer))
