"""What is kept in a registry and is no image has the name that people give it."""

from __future__ import annotations

import pytest

from regbrowse.registry import media_types as types
from regbrowse.registry.artifacts import artifact_name
from regbrowse.registry.digest import Digest
from regbrowse.registry.models import Descriptor, Document, ImageConfig, Index, Manifest, Platform, Schema1
from regbrowse.registry.text import SafeText

EMPTY = "application/vnd.oci.empty.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def pointer(media_type: str) -> Descriptor:
    return Descriptor(SafeText(media_type), Digest.of(b""), 0)


def document(content: Manifest | Index | Schema1) -> Document:
    return Document(Digest.of(b""), b"", content)


@pytest.mark.parametrize(
    ("artifact_type", "config", "layers", "name"),
    [
        ("", types.OCI_CONFIG, [LAYER], ""),
        ("", types.DOCKER_CONFIG, [], ""),
        ("application/vnd.example", types.OCI_CONFIG, [LAYER], ""),
        ("", "", [LAYER], ""),
        ("", None, [LAYER], ""),
        ("", types.HELM_CONFIG, ["application/vnd.cncf.helm.chart.content.v1.tar+gzip"], "Helm chart"),
        ("", types.OCI_CONFIG, ["application/vnd.dev.cosign.simplesigning.v1+json"], "signature"),
        ("application/vnd.cncf.notary.signature", EMPTY, ["application/jose+json"], "signature"),
        ("", "application/vnd.cncf.notary.signature", ["application/jose+json"], "signature"),
        (BUNDLE, EMPTY, [BUNDLE], "signature"),
        ("", types.OCI_CONFIG, ["application/vnd.in-toto+json"], "attestation"),
        ("", types.OCI_CONFIG, ["application/vnd.dsse.envelope.v1+json"], "attestation"),
        ("", types.OCI_CONFIG, ["text/spdx+json"], "SBOM"),
        ("application/spdx+json", EMPTY, [EMPTY], "SBOM"),
        ("", types.OCI_CONFIG, ["application/vnd.cyclonedx+json"], "SBOM"),
        ("", "application/vnd.wasm.config.v0+json", ["application/wasm"], "WebAssembly module"),
        ("", "application/vnd.buildkit.cacheconfig.v0", [LAYER], "build cache"),
        ("application/vnd.example.thing", EMPTY, [EMPTY], "OCI artifact application/vnd.example.thing"),
        ("", "application/vnd.example.config", [LAYER], "OCI artifact application/vnd.example.config"),
        ("", EMPTY, ["text/markdown"], "OCI artifact text/markdown"),
        ("application/vnd.example.thing", None, [], "OCI artifact application/vnd.example.thing"),
    ],
)
def test_a_manifest_is_called_by_its_name(artifact_type: str, config: str | None, layers: list[str], name: str) -> None:
    content = Manifest(
        SafeText(types.OCI_MANIFEST),
        None if config is None else pointer(config),
        tuple(map(pointer, layers)),
        artifact_type=SafeText(artifact_type),
    )
    assert artifact_name(document(content)) == name


@pytest.mark.parametrize(
    ("predicate", "name"),
    [("https://slsa.dev/provenance/v1", "attestation"), ("https://sigstore.dev/cosign/sign/v1", "signature")],
)
def test_a_bundle_is_called_by_what_it_states(predicate: str, name: str) -> None:
    annotations = {SafeText("dev.sigstore.bundle.predicateType"): SafeText(predicate)}
    content = Manifest(SafeText(types.OCI_MANIFEST), pointer(EMPTY), (pointer(BUNDLE),), annotations, SafeText(BUNDLE))
    assert artifact_name(document(content)) == name


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (Index(SafeText(types.OCI_INDEX), ()), ""),
        (Index(SafeText(types.OCI_INDEX), (), artifact_type=SafeText("application/x")), "OCI artifact application/x"),
        (Manifest(SafeText(types.OCI_ARTIFACT_MANIFEST), None, ()), "OCI artifact"),
        (
            Schema1(
                SafeText(types.DOCKER_SCHEMA1),
                SafeText("a"),
                SafeText("b"),
                (),
                ImageConfig(Platform(SafeText(""), SafeText(""))),
            ),
            "",
        ),
    ],
)
def test_other_documents_have_names_too(content: Manifest | Index | Schema1, name: str) -> None:
    assert artifact_name(document(content)) == name


def test_a_name_of_its_own_is_bounded() -> None:
    content = Index(SafeText(types.OCI_INDEX), (), artifact_type=SafeText("x" * 4_000))
    assert len(artifact_name(document(content))) < 220
