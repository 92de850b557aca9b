"""What the refusals of token servers mean."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.errors import (
    DeniedError,
    HTTPStatusError,
    RateLimitedError,
    ServerFailureError,
    UnauthorizedError,
)
from regbrowse.registry.token_failures import token_failure
from regbrowse.registry.wire import httpx


def failure(status: int, body: object = b"", challenge: str = "", **headers: str) -> HTTPStatusError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"WWW-Authenticate": challenge} if challenge else {}
    return token_failure("auth.test", status, httpx.Headers({**lines, **headers}), data)


def errors(*reasons: tuple[str, str]) -> dict[str, object]:
    return {"errors": [{"code": code, "message": message, "detail": None} for code, message in reasons]}


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, {"details": "wrong password"}, UnauthorizedError, "unauthorized: wrong password."),
        (429, {"details": "slowly"}, RateLimitedError, "toomanyrequests: slowly."),
        (404, {"details": "what?"}, HTTPStatusError, "unknown: what?."),
        (401, {"details": "first", **errors(("DENIED", "second"))}, UnauthorizedError, "unauthorized: first."),
        (401, {"details": "", **errors(("DENIED", "second"))}, DeniedError, "denied: second."),
        (401, errors(("UNAUTHORIZED", "who are you")), UnauthorizedError, "unauthorized: who are you."),
        (400, errors(("UNAUTHORIZED", "who are you")), UnauthorizedError, "unauthorized: who are you."),
        (403, errors(("NAME_UNKNOWN", "no such")), DeniedError, "name unknown: no such."),
        (400, errors(("NAME_UNKNOWN", "no such")), HTTPStatusError, "name unknown: no such."),
        (429, errors(("TOOMANYREQUESTS", "slowly")), RateLimitedError, "toomanyrequests: slowly."),
        (400, errors(("A_B", "one"), ("C", "two")), HTTPStatusError, "errors: a b: one; c: two."),
        (401, errors(("UNAUTHORIZED", "")), UnauthorizedError, "unauthorized: authentication required."),
        (400, {"error": "invalid_grant", "error_description": "expired"}, HTTPStatusError, "invalid grant: expired."),
        (401, b"", UnauthorizedError, "unauthorized: authentication required."),
        (401, b"<html><title>Login</title>", UnauthorizedError, "unauthorized: authentication required."),
        (401, {}, UnauthorizedError, "unauthorized: authentication required."),
        (401, {"errors": []}, UnauthorizedError, "unauthorized: authentication required."),
        (404, b"404 page not found\n", HTTPStatusError, "error parsing HTTP 404 response body: “404 page not found”."),
        (403, b"<html><title>No</title>", DeniedError, "error parsing HTTP 403 response body: “No”."),
        (418, {}, HTTPStatusError, "error parsing HTTP 418 response body: “”."),
        (500, errors(("UNAUTHORIZED", "x")), ServerFailureError, "unexpected HTTP status: 500 Internal Server Error."),
        (503, b"", ServerFailureError, "received unexpected HTTP status: 503 Service Unavailable."),
        (599, b"", ServerFailureError, "received unexpected HTTP status: 599."),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_server(
    status: int, body: object, kind: type[HTTPStatusError], words: str
) -> None:
    found = failure(status, body)
    assert type(found) is kind
    assert found.status == status
    assert found.user_message.startswith("The token server auth.test refuses: ")
    assert found.user_message.endswith(words)


@pytest.mark.parametrize(
    ("challenge", "kind", "words"),
    [
        ('Bearer realm="x",error="invalid_token"', UnauthorizedError, "unauthorized: authentication required."),
        (
            'Bearer error="invalid_token",error_description="it is old"',
            UnauthorizedError,
            "unauthorized: it is old.",
        ),
        (
            'Bearer error="insufficient_scope"',
            DeniedError,
            "denied: requested access to the resource is denied.",
        ),
        ('Bearer error="other"', HTTPStatusError, "error parsing HTTP 400 response body: “”."),
        ('Basic error="invalid_token"', HTTPStatusError, "error parsing HTTP 400 response body: “”."),
    ],
)
def test_the_error_of_a_bearer_challenge_counts(challenge: str, kind: type[HTTPStatusError], words: str) -> None:
    found = failure(400, b"", challenge)
    assert type(found) is kind
    assert found.user_message.endswith(words)


def test_the_errors_of_challenge_and_body_are_told_together() -> None:
    found = failure(403, errors(("NAME_UNKNOWN", "no such")), 'Bearer error="insufficient_scope"')
    assert isinstance(found, DeniedError)
    assert "errors: denied: requested access to the resource is denied; name unknown: no such" in found.user_message


@pytest.mark.parametrize(
    ("header", "seconds"), [("30", 30), ("", None), ("soon", None), ("-1", None), ("9" * 30, None)]
)
def test_a_wish_to_wait_is_passed_on(header: str, seconds: float | None) -> None:
    found = failure(429, errors(("TOOMANYREQUESTS", "slowly")), "", **{"Retry-After": header})
    assert isinstance(found, RateLimitedError)
    assert found.retry_after == seconds


def test_hostile_words_are_made_safe_and_short() -> None:
    found = failure(401, {"details": "\x1b]52;c;x\x07" + "y" * 50_000})
    assert found.user_message.isprintable()
    assert len(found.user_message) < 2_000


@given(st.integers(300, 599), st.binary(max_size=200), st.text(max_size=60))
def test_any_refusal_is_told(status: int, body: bytes, line: str) -> None:
    found = token_failure("auth.test", status, httpx.Headers([(b"www-authenticate", line.encode())]), body)
    assert "auth.test" in found.user_message
    assert found.status == status
