"""Docker's schema 1: only what its digest covers is believed."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry import media_types as types
from regbrowse.registry.digest import Digest
from regbrowse.registry.documents import parse_manifest
from regbrowse.registry.errors import DigestMismatchError, LimitExceededError, MalformedDocumentError
from regbrowse.registry.history import schema1_steps
from regbrowse.registry.models import Document, HistoryEntry, Platform, Schema1, Step
from regbrowse.registry.schema1 import signed_payload
from regbrowse.registry.text import SafeText
from tests.registry.foreign_json import JSON

OLD, MIDDLE, NEW = (Digest.of(layer) for layer in (b"old", b"middle", b"new"))
STEPS: Sequence[dict[str, object]] = [
    {
        "created": "2016-05-06T14:56:49Z",
        "author": "Ada",
        "comment": "done",
        "os": "linux",
        "architecture": "amd64",
        "config": {"Cmd": ["serve"], "Labels": {"a": "b"}},
        "container_config": {"Cmd": ["/bin/sh", "-c", '#(nop) CMD ["serve"]']},
        "throwaway": True,
    },
    {"created": "2016-05-05T14:56:49Z", "container_config": {"Cmd": ["/bin/sh", "-c", "apt-get \\\n update"]}},
    {"created": "0001-01-01T00:00:00Z", "container_config": {"Cmd": None}},
]


def unsigned(layers: Sequence[object] = (NEW, MIDDLE, OLD), steps: Sequence[object] = STEPS, **fields: Any) -> bytes:
    """A manifest, newest layer first, as Docker writes it."""
    body = {
        "schemaVersion": 1,
        "name": "team/app",
        "tag": "1.2",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": layer} for layer in layers],
        "history": [{"v1Compatibility": step if isinstance(step, str) else json.dumps(step)} for step in steps],
        **fields,
    }
    return json.dumps(body, indent=3).encode()


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed(payload: bytes, **header: object) -> bytes:
    """The payload with a signature written into its end (Docker's manifest-v2-1, "Signed Manifests")."""
    length = payload.rindex(b"\n")
    protected = {"formatLength": length, "formatTail": base64url(payload[length:]), "time": "2016", **header}
    signature = {"header": {"alg": "ES256"}, "signature": "x", "protected": base64url(json.dumps(protected).encode())}
    return payload[:length] + b',\n   "signatures": [' + json.dumps(signature).encode() + b"]" + payload[length:]


def parse(data: bytes, **arguments: str) -> tuple[Document, Schema1]:
    document = parse_manifest(data, content_type=types.DOCKER_SCHEMA1_SIGNED, **arguments)  # type: ignore[arg-type]
    assert isinstance(document.content, Schema1)
    return document, document.content


# The digest


def test_the_payload_is_what_stood_there_before_it_was_signed() -> None:
    assert signed_payload(signed(unsigned())) == unsigned()


def test_the_digest_is_that_of_the_payload() -> None:
    payload = unsigned()
    document, _ = parse(signed(payload), claimed=Digest.of(payload))
    assert (document.digest, document.warning, document.raw) == (Digest.of(payload), "", signed(payload))


def test_the_expected_digest_is_compared_with_the_payload() -> None:
    payload = unsigned()
    document, _ = parse(signed(payload), expected=Digest.of(payload))
    assert document.digest == Digest.of(payload)


def test_another_payload_than_the_expected_is_refused() -> None:
    with pytest.raises(DigestMismatchError):
        parse(signed(unsigned(tag="other")), expected=Digest.of(unsigned()))


def test_an_unsigned_manifest_has_the_digest_of_its_bytes() -> None:
    document = parse_manifest(unsigned(), content_type=types.DOCKER_SCHEMA1, claimed=Digest.of(unsigned()))
    assert (document.digest, document.warning) == (Digest.of(unsigned()), "")


def test_what_stands_beside_the_payload_is_not_believed() -> None:
    payload = unsigned()
    smuggled = signed(payload).replace(b'"signatures"', b'"tag": "evil", "fsLayers": [], "signatures"')
    _, content = parse(smuggled, expected=Digest.of(payload))
    assert (content.tag, content.layers) == ("1.2", (OLD, MIDDLE, NEW))


@pytest.mark.parametrize(
    "header",
    [
        {"formatLength": -1},
        {"formatLength": 10**9},
        {"formatLength": "12"},
        {"formatLength": None},
        {"formatLength": 3},
        {"formatTail": "not base64url!"},
        {"formatTail": "é"},
        {"formatTail": None},
        {"formatTail": base64url(b"]")},
    ],
)
def test_a_signature_that_covers_nothing_leaves_the_claim_unverified(header: dict[str, object]) -> None:
    document, content = parse(signed(unsigned(), **header), claimed=OLD)
    assert (document.digest, content.tag) == (OLD, "1.2")
    assert "not verified" in document.warning


@pytest.mark.parametrize("claimed", ["", "sha256:../x"])
def test_without_a_claim_the_bytes_have_to_do(claimed: str) -> None:
    data = unsigned(signatures=[{"protected": "e30"}])
    document, _ = parse(data, claimed=claimed)
    assert document.digest == Digest.of(data)
    assert "not verified" in document.warning


@pytest.mark.parametrize("signatures", [[], None, {}, ["x"], [{}], [{"protected": 7}], [{"protected": "W10"}]])
def test_a_signature_that_is_none_covers_nothing(signatures: object) -> None:
    assert signed_payload(unsigned(signatures=signatures)) is None


def test_another_manifest_cannot_be_wrapped_into_signatures() -> None:
    manifest = json.dumps({"mediaType": types.OCI_MANIFEST, "layers": []}, indent=3).encode()
    assert signed_payload(signed(manifest)) is None


@given(st.binary(max_size=40), JSON, JSON, JSON)
def test_any_signature_is_read_or_passed_over(beside: bytes, length: object, tail: object, protected: object) -> None:
    for data in (
        signed(unsigned(), formatLength=length, formatTail=tail),
        unsigned(signatures=[{"protected": protected}]),
    ):
        assert signed_payload(data + beside) in (None, unsigned())


# The content


def test_layers_and_steps_are_oldest_first() -> None:
    _, content = parse(signed(unsigned()))
    assert content.layers == (OLD, MIDDLE, NEW)
    assert content.config.history == (
        HistoryEntry(),
        HistoryEntry(SafeText("/bin/sh -c apt-get \\\n update"), datetime(2016, 5, 5, 14, 56, 49, tzinfo=UTC)),
        HistoryEntry(
            SafeText('/bin/sh -c #(nop) CMD ["serve"]'),
            datetime(2016, 5, 6, 14, 56, 49, tzinfo=UTC),
            SafeText("Ada"),
            SafeText("done"),
            empty_layer=True,
        ),
    )


def test_the_newest_step_is_the_configuration() -> None:
    _, content = parse(signed(unsigned()))
    assert (content.name, content.tag) == ("team/app", "1.2")
    config = content.config
    assert config.platform == Platform(SafeText("linux"), SafeText("amd64"))
    assert config.created == datetime(2016, 5, 6, 14, 56, 49, tzinfo=UTC)
    assert (config.author, config.config.cmd, config.config.labels) == ("Ada", ("serve",), {"a": "b"})


def test_the_architecture_may_stand_in_the_manifest_alone() -> None:
    _, content = parse(unsigned(steps=[{}]))
    assert content.config.platform == Platform(SafeText(""), SafeText("amd64"))


@pytest.mark.parametrize("step", ["", "not JSON", "[]", "[" * 5_000, '{"config":7,"container_config":[],"created":{}}'])
def test_a_step_that_cannot_be_read_is_still_one(step: str) -> None:
    _, content = parse(unsigned([NEW], [step]))
    assert content.config.history == (HistoryEntry(),)


@pytest.mark.parametrize("fields", [{"history": None}, {"history": {}}, {"history": [7, None, {}]}, {"name": 7}])
def test_what_surrounds_the_layers_may_be_sloppy(fields: dict[str, Any]) -> None:
    _, content = parse(unsigned(**fields))
    assert content.layers == (OLD, MIDDLE, NEW)


@pytest.mark.parametrize("layer", ["sha256:../x", None, 7, "tarsum.v1+sha256:00"])
def test_a_layer_without_a_digest_is_refused(layer: object) -> None:
    with pytest.raises(MalformedDocumentError):
        parse(unsigned([layer]))


def test_more_layers_than_sensible_are_refused() -> None:
    with pytest.raises(LimitExceededError):
        parse(unsigned([NEW] * 10_001))


# The steps


def test_a_step_has_its_layer_unless_that_is_empty() -> None:
    _, content = parse(unsigned())
    oldest, middle, newest = content.config.history
    steps = schema1_steps(content)
    assert steps == (
        Step(oldest, index=0, unsized=OLD),
        Step(middle, index=1, unsized=MIDDLE),
        Step(newest),
    )
    assert [(step.digest, step.size) for step in steps] == [(OLD, None), (MIDDLE, None), (None, 0)]


def test_layers_without_a_step_are_the_oldest() -> None:
    _, content = parse(unsigned(steps=STEPS[:1]))
    assert [(step.entry is None, step.digest) for step in schema1_steps(content)] == [
        (True, OLD),
        (True, MIDDLE),
        (False, None),
    ]


def test_steps_without_a_layer_are_the_oldest() -> None:
    _, content = parse(unsigned([NEW], [{}, {}]))
    assert [step.digest for step in schema1_steps(content)] == [None, NEW]
