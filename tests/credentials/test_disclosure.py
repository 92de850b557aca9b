"""What a program says is shown only if it does not have the secret in it that it was told."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.credentials.disclosure import gives_away

SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=4)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("bad: canary-pass!", "canary-pass"),
        ("bad: CANARY-Pass", "canary-pass"),
        ("bad: canary-pass", " canary-pass\n"),
        ("bad: second line", "first line\nsecond line"),
        ("bad: p%40ss%2Fword", "p@ss/word"),
        ("bad: p%40ss/word", "p@ss/word"),
        ("bad: p%40ss+word", "p@ss word"),
        (r"bad: p\"ss\u00e4", 'p"ssä'),
        (r"bad: p\"ssä", 'p"ssä'),
        ("bad: Y2FuYXJ5LXBhc3M=", "canary-pass"),
        ("bad: Y2FuYXJ5LXVzZXI6Y2FuYXJ5LXBhc3M=", "canary-pass"),
    ],
)
def test_secret_is_seen(text: str, secret: str) -> None:
    assert gives_away(text, secret)


@pytest.mark.parametrize(
    "text", ["", "exit status 1", 'Error: password store is empty. Try "pass init".', "gpg: decryption failed: No key"]
)
def test_words_without_the_secret_are_none(text: str) -> None:
    assert not gives_away(text, "canary-pass")


@given(SECRETS, st.text(max_size=5), st.text(max_size=5))
def test_secret_is_seen_wherever_it_stands(secret: str, before: str, after: str) -> None:
    for form in (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)):
        assert gives_away(f"{before}{form}{after}", secret)


@given(SECRETS, st.binary(max_size=9), st.binary(max_size=9))
def test_secret_is_seen_in_base64_of_more_than_it(secret: str, before: bytes, after: bytes) -> None:
    whole = before + secret.encode() + after
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert gives_away(encode(whole).decode(), secret)
