"""The media types that a registry's documents have, the order in which we ask for them, and what people call them."""

from __future__ import annotations

from typing import Final

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_ARTIFACT_MANIFEST: Final = "application/vnd.oci.artifact.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
DOCKER_MANIFEST_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA1_SIGNED: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"
OCI_EMPTY: Final = "application/vnd.oci.empty.v1+json"
HELM_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"

INDEXES: Final = frozenset({OCI_INDEX, DOCKER_MANIFEST_LIST})
MANIFESTS: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST, OCI_ARTIFACT_MANIFEST})
SCHEMA1: Final = frozenset({DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED})
IMAGE_CONFIGS: Final = frozenset({OCI_CONFIG, DOCKER_CONFIG})

ACCEPT: Final = ", ".join(
    (
        OCI_INDEX,
        DOCKER_MANIFEST_LIST,
        OCI_MANIFEST,
        DOCKER_MANIFEST,
        OCI_ARTIFACT_MANIFEST,
        DOCKER_SCHEMA1_SIGNED,
        DOCKER_SCHEMA1,
    )
)
"""One line, always sent whole: without it, registries convert manifests or deny that they exist."""

_FAMILIAR: Final = {
    OCI_INDEX: "OCI index",
    OCI_MANIFEST: "OCI manifest",
    OCI_ARTIFACT_MANIFEST: "OCI artifact",
    DOCKER_MANIFEST_LIST: "Docker manifest list",
    DOCKER_MANIFEST: "Docker schema 2",
    DOCKER_SCHEMA1: "Docker schema 1",
    DOCKER_SCHEMA1_SIGNED: "Docker schema 1",
}


def familiar(media_type: str) -> str:
    """The name under which people know a manifest's media type; itself if they know none."""
    return _FAMILIAR.get(media_type, media_type)
