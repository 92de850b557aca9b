"""A digest is checked before anything is done with it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import DigestMismatchError, MalformedDocumentError

HEX = "0123456789abcdef" * 8


@pytest.mark.parametrize("text", [f"sha256:{HEX[:64]}", f"sha384:{HEX[:96]}", f"sha512:{HEX}"])
def test_a_whole_digest_is_accepted(text: str) -> None:
    assert Digest.parse(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "latest",
        "sha256:",
        f"sha256:{HEX[:63]}",
        f"sha256:{HEX[:65]}",
        f"sha512:{HEX[:64]}",
        f"sha256:{HEX[:64].upper()}",
        f"SHA256:{HEX[:64]}",
        f"sha256:{HEX[:64]}\n",
        f" sha256:{HEX[:64]}",
        f"md5:{HEX[:32]}",
        f"blake3:{HEX[:64]}",
        f"sha256+b64:{HEX[:64]}",
        "sha256:../../../../etc/passwd",
        "sha256:" + "٣" * 64,
        "sha256:\x1b]0;x\x07",
        None,
        True,
        7,
        10**5_000,
        ["sha256"],
        {"sha256": HEX[:64]},
        b"sha256:",
    ],
    ids=lambda text: repr(text)[:20] if not isinstance(text, int) else type(text).__name__,
)
def test_what_is_no_digest_is_refused(text: object) -> None:
    with pytest.raises(MalformedDocumentError):
        Digest.parse(text)


@given(st.text() | st.none() | st.integers() | st.floats() | st.binary() | st.lists(st.text()))
def test_nothing_makes_the_check_crash(value: object) -> None:
    try:
        digest = Digest.parse(value)
    except MalformedDocumentError:
        return
    assert digest == value


@given(st.from_regex(r"\A(sha256|sha384|sha512):[0-9a-f/.]{0,130}\Z"))
def test_an_accepted_digest_has_no_path_in_it(text: str) -> None:
    try:
        digest = Digest.parse(text)
    except MalformedDocumentError:
        return
    assert digest.encoded.isalnum()


@given(st.binary(), st.sampled_from(["sha256", "sha384", "sha512"]))
def test_content_has_the_digest_that_was_computed_of_it(data: bytes, algorithm: str) -> None:
    digest = Digest.parse(Digest.of(data, algorithm))
    digest.verify(data)
    assert digest.encoded == hashlib.new(algorithm, data).hexdigest()


@given(st.binary(), st.binary())
def test_other_content_does_not_pass(data: bytes, other: bytes) -> None:
    if data != other:
        with pytest.raises(DigestMismatchError):
            Digest.of(data).verify(other)


def test_a_mismatch_names_both_digests() -> None:
    with pytest.raises(DigestMismatchError) as caught:
        Digest.of(b"a").verify(b"b")
    assert (caught.value.expected, caught.value.found) == (Digest.of(b"a"), Digest.of(b"b"))


def test_the_short_form_has_twelve_digits() -> None:
    assert Digest.parse(f"sha256:{HEX[:64]}").short == "sha256:0123456789ab…"
