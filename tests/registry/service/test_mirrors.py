"""Mirrors of Docker Hub (seed-registry-package.md §5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.service.mirrors import validate_mirror

CANARY = "s3cr3t-canary"


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("https://mirror.corp", "https://mirror.corp/"),
        ("https://mirror.corp/", "https://mirror.corp/"),
        ("http://mirror.corp:5000", "http://mirror.corp:5000/"),
        ("http://127.0.0.1:5000/", "http://127.0.0.1:5000/"),
        ("https://[::1]:5000", "https://[::1]:5000/"),
        ("HTTPS://Mirror.corp", "HTTPS://Mirror.corp/"),
        ("https://mirror.corp?", "https://mirror.corp?/"),
        ("https://mirror.corp#", "https://mirror.corp#/"),
    ],
)
def test_mirror_ends_with_one_slash(value: str, result: str) -> None:
    assert validate_mirror(value) == result


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "unsupported scheme"),
        ("mirror.corp", "unsupported scheme"),
        ("mirror.corp:5000", "unsupported scheme"),
        ("ftp://mirror.corp", "unsupported scheme “ftp”"),
        ("https://mirror.corp/v1/", "path, query, or fragment"),
        ("https://mirror.corp//", "path, query, or fragment"),
        ("https://mirror.corp/?q=1", "path, query, or fragment"),
        ("https://mirror.corp?q=1", "path, query, or fragment"),
        ("https://mirror.corp#part", "path, query, or fragment"),
        ("https://user@mirror.corp", "username/password not allowed"),
        ("https://user:p@mirror.corp", "username/password not allowed in URI “https://user:xxxxx@mirror.corp”"),
        ("https://", "no host"),
        ("https://:5000", "no host"),
        ("!invalid!://%as%", "not a valid URI"),
        ("https://mirror corp", "not a valid URI"),
        ("https://mirror.corp\n", "not a valid URI"),
        ("https://mirror.corp:port", "not a valid URI"),
        ("https://[::1", "not a valid URI"),
    ],
)
def test_mirror_that_cannot_be_used_is_refused(value: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"^invalid mirror: .*{reason}"):
        validate_mirror(value)


@pytest.mark.parametrize(
    "value",
    [
        f"https://user:{CANARY}@mirror.corp",
        f"https://user:{CANARY}@mirror.corp/v1/",
        f"https://user:a@{CANARY}@mirror.corp",
        f"https://user:a//{CANARY}@mirror.corp",
        f"https://user:a?{CANARY}@mirror.corp",
        f"https://user:{CANARY}?@mirror.corp",
        f"https://user:a#{CANARY}@mirror.corp",
        f"https://user:{CANARY}@mirror corp",
        f"ftp://user:{CANARY}@mirror.corp",
        f"user:{CANARY}@mirror.corp",
        f"https://mirror.corp?token={CANARY}",
        f"https://mirror.corp?token={CANARY}@x",
        f"https://mirror.corp/#{CANARY}",
        f"https://mirror.corp/?a\n{CANARY}",
    ],
)
def test_secret_in_a_mirror_is_not_repeated(value: str) -> None:
    with pytest.raises(ConfigError) as raised:
        validate_mirror(value)
    assert CANARY not in f"{raised.value!r} {raised.value} {raised.value.next_step}"


MIRRORS = st.text() | st.text(st.sampled_from("amM.:/[]1@ \n%"), max_size=12).map("https://".__add__)


@given(MIRRORS)
def test_any_text_is_a_mirror_or_a_configuration_error(value: str) -> None:
    try:
        result = validate_mirror(value)
    except ConfigError as error:
        assert error.user_message.startswith("invalid mirror: ")  # noqa: PT017
    else:
        assert result.endswith("/")


@given(st.from_regex(r"(http|HTTPS)://[a-zA-Z0-9]{1,8}(\.[a-z]{1,4}){0,2}(:[0-9]{1,4})?/?", fullmatch=True))
def test_mirror_that_was_checked_is_a_mirror(value: str) -> None:
    checked = validate_mirror(value)
    assert validate_mirror(checked) == checked
