"""What people call the things that are kept in registries and are no images."""

from __future__ import annotations

from typing import Final

from regbrowse.registry import media_types
from regbrowse.registry.models import Document, Index, Manifest, Schema1
from regbrowse.registry.text import SafeText, safe_text

_NAMES: Final = {
    "cncf.helm.": "Helm chart",
    "cosign.simplesigning": "signature",
    "cncf.notary.signature": "signature",
    "dev.sigstore.bundle": "signature",
    "dev.cosign.artifact.sig": "signature",
    "in-toto": "attestation",
    "dsse.envelope": "attestation",
    "slsa.dev/provenance": "attestation",
    "spdx": "SBOM",
    "cyclonedx": "SBOM",
    "syft": "SBOM",
    "wasm": "WebAssembly module",
    "cncf.openpolicyagent": "policy bundle",
    "cncf.flux": "Flux artifact",
    "docker.plugin": "Docker plugin",
    "buildkit.cacheconfig": "build cache",
    "devcontainers": "dev container feature",
    "amazon.soci": "SOCI index",
    "docker.ai.": "AI model",
    "cncf.model": "AI model",
    "ollama": "AI model",
}
"""A part of a media type that no version of it changes → the name."""

_SAYING_NOTHING: Final = frozenset(
    {
        "",
        "application/vnd.oci.empty.v1+json",
        "application/vnd.unknown.config.v1+json",
        "application/vnd.unknown.artifact.v1",
    }
)
_PREDICATE: Final = SafeText("dev.sigstore.bundle.predicateType")
_SIGNING: Final = "https://sigstore.dev/cosign/sign/v1"


def artifact_name(document: Document) -> SafeText:
    """What people call what is in `document`; empty for an image.

    The artifact type says it, or else the configuration's media type, or else the layers'
    (image-spec, manifest.md, "Guidelines for Artifact Usage").
    """
    content = document.content
    if isinstance(content, Schema1):
        return SafeText("")
    kinds = _kinds(content)
    known = next((name for kind in kinds for part, name in _NAMES.items() if part in kind.lower()), "")
    if known:
        return SafeText("attestation" if known == "signature" and _attests(content) else known)
    if isinstance(content, Manifest) and _has_image_config(content):
        return SafeText("")
    telling = [kind for kind in kinds if kind not in _SAYING_NOTHING]
    if telling:
        return safe_text(f"OCI artifact {telling[0]}", limit=200)
    return SafeText("OCI artifact" if content.media_type == media_types.OCI_ARTIFACT_MANIFEST else "")


def _kinds(content: Manifest | Index) -> list[SafeText]:
    """The media types that may say what it is, the most telling first."""
    if isinstance(content, Index):
        return [content.artifact_type]
    config = [content.config.media_type] if content.config else []
    return [content.artifact_type, *config, *(layer.media_type for layer in content.layers)]


def _has_image_config(manifest: Manifest) -> bool:
    if manifest.config is None:
        return not manifest.artifact_type and manifest.media_type != media_types.OCI_ARTIFACT_MANIFEST
    return manifest.config.media_type in media_types.IMAGE_CONFIGS or not manifest.config.media_type


def _attests(content: Manifest | Index) -> bool:
    """Whether a Sigstore bundle states something about an image beyond that somebody signed it."""
    return content.annotations.get(_PREDICATE, _SIGNING) != _SIGNING
