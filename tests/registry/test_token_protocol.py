"""The token protocol without a network: what is asked, and how answers are read."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.auth import basic_authorization
from regbrowse.registry.challenges import Challenge
from regbrowse.registry.errors import CredentialError, MalformedDocumentError, RedirectRefusedError
from regbrowse.registry.token_protocol import (
    LONGEST_LIFE,
    REALM_LIMIT,
    SHORTEST_LIFE,
    TOKEN_LIMIT,
    Token,
    parse_token,
    refresh_request,
    token_realm,
    token_request,
)

NOW: Final = datetime(2017, 7, 4, 12, tzinfo=UTC)
REALM: Final = "https://auth.test/token"


def challenge(realm: str | None = REALM, scheme: str = "bearer", **parameters: str) -> Challenge:
    return Challenge(scheme, parameters if realm is None else {"realm": realm, **parameters})


def query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


# The realm


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("https://reg.test/v2/", "https://auth.test/token"),
        ("https://reg.test/v2/", "https://auth.test:8443/token?account=x&b"),
        ("https://reg.test/v2/", "https://reg.test"),
        ("http://reg.test/v2/", "http://auth.test/token"),
        ("http://reg.test/v2/", "https://auth.test/token"),
        ("https://[::1]:5000/v2/", "https://[::1]:5001/token"),
    ],
)
def test_a_realm_is_an_address_of_the_web(registry: str, realm: str) -> None:
    assert token_realm(challenge(realm), registry) == realm


@pytest.mark.parametrize(
    "realm",
    [
        "/token",
        "token",
        "auth.test/token",
        "//auth.test/token",
        "https:///token",
        "https://?x",
        "https:token",
        "ftp://auth.test/token",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://user@auth.test/token",
        "https://user:pass@auth.test/token",
        "https://reg.test\\@auth.test/token",
        "https://auth.test/token#part",
        "https://auth.test:99999/token",
        "https://auth test/token",
        "https://auth.test/" + "x" * REALM_LIMIT,
    ],
)
def test_a_realm_that_is_none_is_refused_with_the_name_of_the_registry(realm: str) -> None:
    with pytest.raises(RedirectRefusedError, match=r"^reg\.test:5000 wants a token"):
        token_realm(challenge(realm), "https://reg.test:5000/v2/")


@pytest.mark.parametrize("missing", [None, ""])
def test_a_challenge_without_a_realm_cannot_be_met(missing: str | None) -> None:
    with pytest.raises(MalformedDocumentError, match="no realm specified for token auth challenge"):
        token_realm(challenge(missing), "https://reg.test/v2/")


def test_a_plain_realm_of_a_registry_with_tls_is_refused_with_both_names() -> None:
    with pytest.raises(RedirectRefusedError, match=r"reg\.test.*plain HTTP with auth\.test"):
        token_realm(challenge("http://auth.test/token"), "https://reg.test/v2/")


@given(
    st.text(max_size=60)
    | st.text(max_size=60).map("https://".__add__)
    | st.text(max_size=40).map("http://a.test".__add__)
)
def test_any_realm_is_an_address_or_refused(realm: str) -> None:
    try:
        found = token_realm(challenge(realm), "https://reg.test/v2/")
    except (RedirectRefusedError, MalformedDocumentError):
        return
    assert found.startswith("https://")
    assert "@" not in urlsplit(found).netloc


# What is asked


@pytest.mark.parametrize(
    ("realm", "service", "scopes", "options", "asked"),
    [
        (REALM, "", [], {}, ""),
        (REALM, "reg", [], {}, "service=reg"),
        (
            REALM,
            "reg",
            ["repository:a/b:pull", "x:y:z"],
            {},
            "scope=repository%3Aa%2Fb%3Apull&scope=x%3Ay%3Az&service=reg",
        ),
        (REALM, "a b&c", [], {}, "service=a+b%26c"),
        (REALM, "reg", [], {"offline_access": True}, "client_id=docker&offline_token=true&service=reg"),
        (REALM, "reg", [], {"offline_access": True, "client_id": "me"}, "client_id=me&offline_token=true&service=reg"),
        (REALM, "reg", [], {"client_id": "me"}, "service=reg"),
        (REALM, "reg", ["s"], {"username": "ada", "password": "x"}, "account=ada&scope=s&service=reg"),
        (REALM + "?z=1&a=2&flag", "reg", ["s"], {}, "a=2&flag=&scope=s&service=reg&z=1"),
        (REALM + "?service=other&scope=x", "reg", ["s"], {}, "scope=x&scope=s&service=other&service=reg"),
        (REALM + "?a=%ff%2b", "", [], {}, "a=%FF%2B"),
    ],
)
def test_a_get_has_its_parameters_in_the_order_of_their_names(
    realm: str, service: str, scopes: Sequence[str], options: dict[str, str], asked: str
) -> None:
    request = token_request(realm, service, scopes, **options)  # type: ignore[arg-type]
    assert (request.method, request.form) == ("GET", ())
    assert request.url == (f"{REALM}?{asked}" if asked else REALM)


@pytest.mark.parametrize(("username", "password"), [("", ""), ("ada", ""), ("", "secret")])
def test_half_a_login_is_none(username: str, password: str) -> None:
    request = token_request(REALM, "reg", [], username=username, password=password)
    assert request.authorization == ""
    assert "account" not in dict(query(request.url))


def test_a_whole_login_is_sent_by_basic() -> None:
    assert token_request(REALM, "", [], username="ü", password="p:ä").authorization == basic_authorization("ü", "p:ä")


def test_a_refresh_is_a_form_in_the_order_of_its_names() -> None:
    request = refresh_request(f"{REALM}?a=b", "reg", ["r:a:pull", "r:b:pull"], "secret")
    assert (request.method, request.url, request.authorization) == ("POST", f"{REALM}?a=b", "")
    assert request.form == (
        ("client_id", "docker"),
        ("grant_type", "refresh_token"),
        ("refresh_token", "secret"),
        ("scope", "r:a:pull r:b:pull"),
        ("service", "reg"),
    )


def test_a_refresh_without_scopes_still_says_so() -> None:
    assert ("scope", "") in refresh_request(REALM, "reg", [], "secret", client_id="me").form


def test_no_secret_is_in_a_repr() -> None:
    basic = basic_authorization("ada", "canary-pass").partition(" ")[2]
    values = [
        token_request(REALM, "reg", [], username="ada", password="canary-pass"),
        refresh_request(REALM, "reg", [], "canary-refresh"),
        Token("canary-token", NOW, "canary-refresh"),
    ]
    assert "canary" not in repr(values)
    assert basic not in repr(values)


# How an answer is read


def read(**values: object) -> Token:
    return parse_token(json.dumps(values).encode(), NOW, "auth.test")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ('{"token":"a"}', "a"),
        ('{"access_token":"a"}', "a"),
        ('{"token":"a","access_token":"b"}', "b"),
        ('{"token":"a","access_token":""}', "a"),
        ('{"token":"a","access_token":null}', "a"),
        ('{"Token":"a"}', "a"),
        ('{"ACCESS_TOKEN":"a","unknown":[1]}', "a"),
        ('\ufeff {"token":"a"}', "a"),
        ('{"token":"a"}\n', "a"),
        ('{"token":"a"} and more', "a"),
        ('{"token":"a"}{"token":"b"}', "a"),
        ("{}", ""),
        ("null", ""),
        ('{"token":null}', ""),
    ],
)
def test_a_token_is_found_in_every_spelling(body: str, value: str) -> None:
    assert parse_token(body.encode(), NOW, "auth.test").value == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'"a"',
        b"1",
        b'{"token":',
        b'{"token":5}',
        b'{"access_token":["a"]}',
        b'{"token":"a","refresh_token":5}',
        b'{"token":"a\\r\\nX-Evil: 1"}',
        b'{"token":"a b"}',
        b'{"token":"\\u00e4"}',
        b'{"token":"\\ud800"}',
        b'{"token":"\xff"}',
        b'{"token":"' + b"x" * (TOKEN_LIMIT + 1) + b'"}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"expires_in":' + b"9" * 5_000 + b"}",
    ],
)
def test_an_answer_that_cannot_be_used_is_told_with_the_host(body: bytes) -> None:
    with pytest.raises(MalformedDocumentError, match=r"auth\.test: unable to decode token response: "):
        parse_token(body, NOW, "auth.test")


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,token_exprsi0123456789.-e \\u', max_size=100).map(str.encode))
def test_any_answer_is_a_token_or_malformed(body: bytes) -> None:
    with contextlib.suppress(MalformedDocumentError):
        assert NOW + SHORTEST_LIFE <= parse_token(body, NOW, "auth.test").expires <= NOW + LONGEST_LIFE


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({}, 60),
        ({"expires_in": 0}, 60),
        ({"expires_in": -5}, 60),
        ({"expires_in": 59}, 60),
        ({"expires_in": 60}, 60),
        ({"expires_in": 61}, 61),
        ({"expires_in": 300}, 300),
        ({"EXPIRES_IN": 300}, 300),
        ({"expires_in": 10**12}, 86_400),
        ({"expires_in": None}, 60),
        ({"expires_in": "300"}, 60),
        ({"expires_in": 300.5}, 60),
        ({"expires_in": True}, 60),
    ],
)
def test_a_token_lives_a_minute_to_a_day(said: dict[str, object], seconds: int) -> None:
    assert read(token="a", **said).expires == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("issued_at", "expires"),
    [
        ("2017-07-04T11:59:00Z", "2017-07-04T12:04:00Z"),
        ("2017-07-04T13:59:00.123456789+02:00", "2017-07-04T12:04:00.123456Z"),
        ("2017-07-04T12:00:00Z", "2017-07-04T12:05:00Z"),
        ("2017-07-04T11:55:00Z", "2017-07-04T12:00:00Z"),
        (
            "2017-07-04T11:54:59Z",
            "2017-07-04T12:05:00Z",
        ),  # it would have expired on the way: their clock, or ours, is wrong
        ("2017-07-03T12:00:00Z", "2017-07-04T12:05:00Z"),
        ("2017-07-04T12:00:01Z", "2017-07-04T12:05:00Z"),
        ("2017-07-05T12:00:00Z", "2017-07-04T12:05:00Z"),
        ("0001-01-01T00:00:00Z", "2017-07-04T12:05:00Z"),
        ("yesterday", "2017-07-04T12:05:00Z"),
        (1499169540, "2017-07-04T12:05:00Z"),
        (None, "2017-07-04T12:05:00Z"),
    ],
)
def test_a_life_is_counted_from_a_sensible_time_of_issue(issued_at: object, expires: str) -> None:
    assert read(token="a", expires_in=300, issued_at=issued_at).expires == datetime.fromisoformat(expires)


def test_a_refresh_token_is_read() -> None:
    assert read(token="a", refresh_token="r").refresh_token == "r"
    assert read(token="a", refresh_token=None).refresh_token == ""


@pytest.mark.parametrize("refresh_token", ["\ud800x", "a b", "a\r\nX: y", "\xfc", "x" * (TOKEN_LIMIT + 1)])
def test_a_refresh_token_that_could_not_be_sent_is_refused(refresh_token: str) -> None:
    """Asking with it the next time would end in the program's own failure."""
    body = json.dumps({"token": "t", "refresh_token": refresh_token}).encode()
    with pytest.raises(MalformedDocumentError, match="refresh token") as caught:
        parse_token(body, datetime.now(UTC), "auth.corp")
    assert refresh_token not in caught.value.user_message


def test_a_refresh_token_of_the_longest_length_is_taken() -> None:
    body = json.dumps({"token": "t", "refresh_token": "x" * TOKEN_LIMIT}).encode()
    assert len(parse_token(body, datetime.now(UTC), "auth.corp").refresh_token) == TOKEN_LIMIT


@pytest.mark.parametrize("refresh_token", ["\ud800x", "a b", "", "x" * (TOKEN_LIMIT + 1)])
def test_a_refresh_token_that_cannot_be_sent_is_a_failure_of_its_store(refresh_token: str) -> None:
    with pytest.raises(CredentialError, match="cannot be sent"):
        refresh_request("https://auth.corp/token", "", (), refresh_token)
