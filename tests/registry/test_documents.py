"""A manifest's bytes become a document, or a typed error; nothing in between."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from regbrowse.registry import media_types as types
from regbrowse.registry.digest import Digest
from regbrowse.registry.documents import parse_manifest
from regbrowse.registry.errors import DigestMismatchError, LimitExceededError, MalformedDocumentError, RegistryError
from regbrowse.registry.models import Index, Manifest, Platform, Schema1
from regbrowse.registry.text import SafeText
from tests.registry.foreign_json import JSON

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONTENT = b"embedded content"
DIGEST = Digest.of(CONTENT)


def pointer(**fields: object) -> dict[str, object]:
    return {"mediaType": OCI_LAYER, "digest": DIGEST, "size": len(CONTENT), **fields}


def manifest(**fields: object) -> dict[str, object]:
    config = pointer(mediaType=types.OCI_CONFIG)
    return {"schemaVersion": 2, "mediaType": types.OCI_MANIFEST, "config": config, "layers": [pointer()], **fields}


def index(**fields: object) -> dict[str, object]:
    child = pointer(mediaType=types.OCI_MANIFEST, platform={"os": "linux", "architecture": "arm64", "variant": "v8"})
    return {"schemaVersion": 2, "mediaType": types.OCI_INDEX, "manifests": [child], **fields}


def without(value: Mapping[str, object], *keys: str) -> dict[str, object]:
    return {key: entry for key, entry in value.items() if key not in keys}


def encode(value: object) -> bytes:
    return json.dumps(value).encode()


SCHEMA1 = {"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": [{"blobSum": DIGEST}], "history": []}


# What it is


def test_a_manifest_is_read_with_its_layers() -> None:
    layer = pointer(annotations={"a": "b"}, urls=["https://elsewhere.example/x"])
    subject = pointer(mediaType=types.OCI_MANIFEST)
    data = encode(manifest(layers=[layer], annotations={"k": "v"}, artifactType="application/x", subject=subject))
    document = parse_manifest(data, content_type=types.OCI_MANIFEST)
    content = document.content
    assert isinstance(content, Manifest)
    assert content.config is not None
    assert content.config.media_type == types.OCI_CONFIG
    assert [(entry.digest, entry.size, entry.media_type) for entry in content.layers] == [
        (DIGEST, len(CONTENT), OCI_LAYER)
    ]
    assert content.layers[0].annotations == {"a": "b"}
    assert content.layers[0].urls == ("https://elsewhere.example/x",)
    assert content.annotations == {"k": "v"}
    assert content.artifact_type == "application/x"
    assert content.subject is not None
    assert (document.raw, document.digest, document.type_inferred, document.warning) == (
        data,
        Digest.of(data),
        False,
        "",
    )


def test_an_index_is_read_with_its_platforms() -> None:
    content = parse_manifest(encode(index())).content
    assert isinstance(content, Index)
    assert [entry.platform for entry in content.manifests] == [
        Platform(SafeText("linux"), SafeText("arm64"), SafeText("v8"))
    ]


@pytest.mark.parametrize(
    ("platform", "read"),
    [
        (None, None),
        ("linux/amd64", None),
        ({}, None),
        ({"os": 7, "architecture": None}, None),
        ({"os": "linux"}, Platform(SafeText("linux"), SafeText(""))),
        (
            {"os": "windows", "architecture": "amd64", "os.version": "10.0", "os.features": ["win32k", 7]},
            Platform(
                SafeText("windows"),
                SafeText("amd64"),
                os_version=SafeText("10.0"),
                os_features=(SafeText("win32k"),),
            ),
        ),
    ],
)
def test_a_platform_may_be_sloppy(platform: object, read: Platform | None) -> None:
    content = parse_manifest(encode(index(manifests=[pointer(platform=platform)]))).content
    assert isinstance(content, Index)
    assert content.manifests[0].platform == read


def test_an_artifact_manifest_has_its_blobs_as_layers() -> None:
    data = encode({"mediaType": types.OCI_ARTIFACT_MANIFEST, "artifactType": "application/x", "blobs": [pointer()]})
    content = parse_manifest(data, content_type=types.OCI_ARTIFACT_MANIFEST).content
    assert isinstance(content, Manifest)
    assert (content.config, len(content.layers), content.artifact_type) == (None, 1, "application/x")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (index(manifests=None), types.OCI_INDEX),
        (manifest(layers=None), types.OCI_MANIFEST),
        (manifest(layers=[]), types.OCI_MANIFEST),
        (manifest(annotations=None, subject=None, manifests=None), types.OCI_MANIFEST),
        ({"mediaType": types.OCI_ARTIFACT_MANIFEST, "subject": pointer()}, types.OCI_ARTIFACT_MANIFEST),
    ],
)
def test_null_stands_for_an_empty_list(body: dict[str, object], content_type: str) -> None:
    assert parse_manifest(encode(body)).media_type == content_type


# Of which type


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/json; charset=utf-8", "application/octet-stream", " Application/JSON "],
)
def test_a_content_type_that_says_nothing_leaves_it_to_the_body(content_type: str) -> None:
    document = parse_manifest(encode(index()), content_type=content_type)
    assert (document.media_type, document.type_inferred) == (types.OCI_INDEX, False)


def test_parameters_of_the_content_type_do_not_matter() -> None:
    document = parse_manifest(encode(manifest()), content_type=f"{types.OCI_MANIFEST.upper()} ; charset=utf-8")
    assert document.media_type == types.OCI_MANIFEST


def test_a_content_type_is_enough() -> None:
    document = parse_manifest(encode(without(manifest(), "mediaType")), content_type=types.DOCKER_MANIFEST)
    assert (document.media_type, document.type_inferred) == (types.DOCKER_MANIFEST, False)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (manifest(), types.OCI_MANIFEST),
        (manifest(config=pointer(mediaType=types.DOCKER_CONFIG)), types.DOCKER_MANIFEST),
        (index(), types.OCI_INDEX),
        (index(manifests=[pointer(mediaType=types.DOCKER_MANIFEST)]), types.DOCKER_MANIFEST_LIST),
        ({"blobs": []}, types.OCI_ARTIFACT_MANIFEST),
        (SCHEMA1, types.DOCKER_SCHEMA1),
        ({**SCHEMA1, "signatures": []}, types.DOCKER_SCHEMA1_SIGNED),
    ],
)
def test_a_type_that_nobody_says_is_read_off_the_structure(body: dict[str, object], media_type: str) -> None:
    document = parse_manifest(encode(without(body, "mediaType")), content_type="text/plain")
    assert (document.media_type, document.type_inferred) == (media_type, True)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (manifest(), types.OCI_INDEX),
        (manifest(), types.DOCKER_MANIFEST),
        (index(), types.DOCKER_MANIFEST_LIST),
        (without(manifest(), "mediaType"), types.OCI_INDEX),
        (without(index(), "mediaType"), types.OCI_MANIFEST),
        (SCHEMA1, types.OCI_MANIFEST),
        (without(manifest(), "mediaType"), types.DOCKER_SCHEMA1_SIGNED),
        (manifest(), "text/html"),
        (without(manifest(), "mediaType"), "application/vnd.example+json"),
        (manifest(mediaType="application/vnd.example+json"), ""),
        (manifest(mediaType=7), ""),
        ({"mediaType": types.OCI_INDEX}, types.OCI_INDEX),
        ({"mediaType": types.OCI_MANIFEST}, types.OCI_MANIFEST),
        ({"errors": [{"code": "MANIFEST_UNKNOWN"}]}, "application/json"),
        ({}, ""),
    ],
)
def test_contradicting_types_are_refused(body: dict[str, object], content_type: str) -> None:
    with pytest.raises(MalformedDocumentError):
        parse_manifest(encode(body), content_type=content_type)


@pytest.mark.parametrize("content_type", ["", types.OCI_INDEX, types.OCI_MANIFEST])
@pytest.mark.parametrize(
    "body",
    [
        manifest(manifests=[]),
        index(layers=[]),
        index(config=pointer()),
        index(fsLayers=[]),
        manifest(fsLayers=[]),
        manifest(blobs=[]),
        {**SCHEMA1, "layers": []},
    ],
)
def test_what_could_be_two_kinds_is_refused(body: dict[str, object], content_type: str) -> None:
    with pytest.raises(MalformedDocumentError):
        parse_manifest(encode(without(body, "mediaType")), content_type=content_type)


@pytest.mark.parametrize(
    "data",
    [
        b'{"layers":[],"manifests":[],"manifests":null}',
        b'{"layers":[],"layers":null}',
        b'{"layers":[],"config":{"a":1,"a":1}}',
    ],
)
def test_a_key_given_twice_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedDocumentError):
        parse_manifest(data)


# By which digest


def test_content_with_the_expected_digest_is_accepted() -> None:
    data = encode(manifest())
    expected = Digest.of(data, "sha512")
    assert parse_manifest(data, expected=expected).digest == expected


@pytest.mark.parametrize("data", [encode(manifest()) + b" ", encode(index()), b"", b"<html>", b"[" * 100])
def test_other_content_than_the_expected_is_refused_unread(data: bytes) -> None:
    with pytest.raises(DigestMismatchError):
        parse_manifest(data, expected=Digest.of(encode(manifest())))


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_true_claim_is_taken(algorithm: str) -> None:
    data = encode(manifest())
    document = parse_manifest(data, claimed=Digest.of(data, algorithm))
    assert (document.digest, document.warning) == (Digest.of(data, algorithm), "")


@pytest.mark.parametrize("claimed", [DIGEST, "sha256:../../etc/passwd", "\x1b[2J", "md5:1234"])
def test_a_false_claim_is_a_warning(claimed: str) -> None:
    data = encode(manifest())
    document = parse_manifest(data, claimed=claimed)
    assert document.digest == Digest.of(data)
    assert document.digest in document.warning
    assert "\x1b" not in document.warning


@pytest.mark.parametrize("claimed", [None, ""])
def test_no_claim_is_no_warning(claimed: str | None) -> None:
    assert parse_manifest(encode(manifest()), claimed=claimed).warning == ""


# What it points to


@pytest.mark.parametrize(
    "size", ["-1", "9223372036854775808", '"12"', "1.0", "true", "null", "1e400", "9" * 5_000, "[]", "NaN"]
)
def test_a_size_that_is_none_is_refused(size: str) -> None:
    data = encode({"layers": [{"digest": DIGEST, "size": "the size"}]}).replace(b'"the size"', size.encode())
    with pytest.raises(MalformedDocumentError):
        parse_manifest(data)


@pytest.mark.parametrize("size", [0, 2**63 - 1])
def test_a_size_at_the_limits_is_accepted(size: int) -> None:
    content = parse_manifest(encode(manifest(layers=[pointer(size=size)]))).content
    assert isinstance(content, Manifest)
    assert content.layers[0].size == size


@pytest.mark.parametrize("digest", [None, "", "sha256:../x", "md5:abc", 7, DIGEST.upper(), DIGEST[:-1]])
@pytest.mark.parametrize("where", ["config", "layers", "subject", "manifests"])
def test_a_digest_that_is_none_is_refused(digest: object, where: str) -> None:
    entry = pointer(digest=digest)
    body = index() if where == "manifests" else manifest()
    body[where] = entry if where in ("config", "subject") else [entry]
    with pytest.raises(MalformedDocumentError):
        parse_manifest(encode(body))


@pytest.mark.parametrize(
    "body",
    [
        manifest(layers=[None]),
        manifest(layers=["x"]),
        manifest(layers={}),
        manifest(layers="x"),
        manifest(config=[]),
        manifest(config={}),
        index(manifests={"a": 1}),
    ],
)
def test_what_is_no_descriptor_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(MalformedDocumentError):
        parse_manifest(encode(body))


def test_embedded_content_is_kept_when_it_has_the_digest() -> None:
    config = pointer(data=base64.b64encode(CONTENT).decode())
    content = parse_manifest(encode(manifest(config=config))).content
    assert isinstance(content, Manifest)
    assert content.config is not None
    assert content.config.data == CONTENT


@pytest.mark.parametrize(
    "fields",
    [
        {"data": base64.b64encode(b"other content!!!").decode()},
        {"data": base64.b64encode(CONTENT).decode(), "size": 1},
        {"data": "not base64"},
        {"data": "é"},
        {"data": ""},
    ],
)
def test_embedded_content_of_another_digest_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(MalformedDocumentError):
        parse_manifest(encode(manifest(config=pointer(**fields))))


def test_annotations_other_than_text_are_left_out() -> None:
    content = parse_manifest(encode(manifest(annotations={"a": 1, "b": ["c"], "d": "\x1b[2J", "e": None}))).content
    assert isinstance(content, Manifest)
    assert content.annotations == {"d": "␛[2J"}


@pytest.mark.parametrize(("key", "body"), [("layers", manifest()), ("manifests", index())])
def test_ten_thousand_entries_are_the_most(key: str, body: dict[str, object]) -> None:
    content = parse_manifest(encode({**body, key: [pointer()] * 10_000})).content
    assert not isinstance(content, Schema1)
    assert len(content.layers if isinstance(content, Manifest) else content.manifests) == 10_000
    with pytest.raises(LimitExceededError):
        parse_manifest(encode({**body, key: [pointer()] * 10_001}))


# Whatever comes


def test_a_byte_order_mark_does_not_matter() -> None:
    data = b"\xef\xbb\xbf" + encode(manifest())
    assert parse_manifest(data).digest == Digest.of(data)


POINTER = st.fixed_dictionaries(
    {},
    optional={
        "mediaType": st.sampled_from([OCI_LAYER, types.OCI_CONFIG, 7]) | JSON,
        "digest": st.just(DIGEST) | JSON,
        "size": st.sampled_from([16, 0, 2**63]) | JSON,
        "data": st.just(base64.b64encode(CONTENT).decode()) | JSON,
        "platform": st.fixed_dictionaries({}, optional={"os": JSON, "os.features": JSON}) | JSON,
        "annotations": JSON,
        "urls": JSON,
    },
)
BODY = st.fixed_dictionaries(
    {},
    optional={
        "mediaType": st.sampled_from(sorted(types.INDEXES | types.MANIFESTS | types.SCHEMA1)) | JSON,
        "layers": st.lists(st.just(pointer()) | POINTER, max_size=3) | JSON,
        "manifests": st.lists(st.just(pointer()) | POINTER, max_size=3) | JSON,
        "blobs": st.lists(POINTER, max_size=3) | JSON,
        "config": st.just(pointer()) | POINTER | JSON,
        "subject": POINTER | JSON,
        "fsLayers": st.lists(st.just({"blobSum": DIGEST}) | JSON, max_size=3) | JSON,
        "history": st.lists(st.fixed_dictionaries({"v1Compatibility": JSON.map(json.dumps) | JSON}), max_size=3) | JSON,
        "signatures": st.lists(st.fixed_dictionaries({"protected": JSON}), max_size=2) | JSON,
        "annotations": JSON,
        "artifactType": JSON,
    },
)
HEADERS = (
    st.sampled_from(["", "application/json", types.OCI_INDEX, types.OCI_MANIFEST, types.DOCKER_SCHEMA1]) | st.text()
)


@given(st.binary(), HEADERS, st.none() | st.text())
@example(b'{"signatures":[{"protected":"="}]}', "", None)
@example(b'{"signatures":[{"protected":"\xc3\xa9"}]}', "", None)
def test_any_bytes_are_read_or_refused(data: bytes, content_type: str, claimed: str | None) -> None:
    try:
        document = parse_manifest(data, content_type=content_type, claimed=claimed)
    except RegistryError:
        return
    assert document.raw == data


@given(BODY, HEADERS, st.none() | st.text())
def test_any_values_are_read_or_refused(body: dict[str, Any], content_type: str, claimed: str | None) -> None:
    data = encode(body)
    try:
        document = parse_manifest(data, content_type=content_type, claimed=claimed)
    except RegistryError:
        return
    assert document.digest == Digest.of(data) or document.warning
