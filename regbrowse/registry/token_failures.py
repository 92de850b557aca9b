"""What a token server's refusal means (seed-registry-package.md §10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from regbrowse.registry.asking import status_text
from regbrowse.registry.challenges import parse_challenges
from regbrowse.registry.errors import (
    DeniedError,
    HTTPStatusError,
    MalformedDocumentError,
    RateLimitedError,
    ServerFailureError,
    UnauthorizedError,
)
from regbrowse.registry.json_values import read_object
from regbrowse.registry.listings import parse_error
from regbrowse.registry.text import safe_text
from regbrowse.registry.wire import httpx

_MESSAGES: Final = {
    "UNAUTHORIZED": "authentication required",
    "DENIED": "requested access to the resource is denied",
    "TOOMANYREQUESTS": "too many requests",
    "UNKNOWN": "unknown error",
}
_CODE_OF_STATUS: Final = {401: "UNAUTHORIZED", 403: "DENIED", 429: "TOOMANYREQUESTS"}
_CODE_OF_BEARER_ERROR: Final = {"invalid_token": "UNAUTHORIZED", "insufficient_scope": "DENIED"}
_SAID_LIMIT: Final = 1_000


def token_failure(host: str, status: int, headers: httpx.Headers, body: bytes) -> HTTPStatusError:
    """What the answer of the token server at `host` means, whose status is none of success.

    Its reasons are those of its bearer challenges (RFC 6750 §3.1) and of its body, in the spelling of registries or of
    OAuth 2; without any, what the status says.
    """
    server = f"The token server {safe_text(host)} refuses"
    if not 400 <= status <= 499:
        kind = ServerFailureError if status >= 500 else HTTPStatusError
        return kind(f"{server}: received unexpected HTTP status: {status_text(status)}.", status=status)
    reasons = [*_bearer_reasons(headers.get_list("WWW-Authenticate")), *_body_reasons(status, body)]
    said = [f"{code.replace('_', ' ').lower()}: {words.rstrip('.')}" for code, words in reasons]
    detail = safe_text("; ".join(said), limit=_SAID_LIMIT)
    if not reasons:
        words = "; ".join(reason.message for reason in parse_error(body, headers.get("Content-Type", "")))
        message = f"{server}: error parsing HTTP {status} response body: “{words}”."
    else:
        message = f"{server}: {'errors: ' if len(said) > 1 else ''}{detail}."
    kinds = [code for code, _ in reasons if code in _CODE_OF_STATUS.values()]
    match kinds[0] if kinds else _CODE_OF_STATUS.get(status):
        case "UNAUTHORIZED":
            return UnauthorizedError(message, status=status, detail=detail)
        case "DENIED":
            return DeniedError(message, status=status, detail=detail)
        case "TOOMANYREQUESTS":
            return RateLimitedError(message, retry_after=_seconds(headers.get("Retry-After", "")), detail=detail)
    return HTTPStatusError(message, status=status, detail=detail)


def _bearer_reasons(authenticate: Sequence[str]) -> Iterator[tuple[str, str]]:
    for challenge in parse_challenges(authenticate):
        code = _CODE_OF_BEARER_ERROR.get(challenge.parameters.get("error", ""))
        if challenge.scheme == "bearer" and code:
            yield code, challenge.parameters.get("error_description") or _MESSAGES[code]


def _body_reasons(status: int, body: bytes) -> list[tuple[str, str]]:
    """Code and words of each reason."""
    usual = _CODE_OF_STATUS.get(status, "UNKNOWN")
    try:
        values = read_object(body, "The error")
    except MalformedDocumentError:
        values = {}
    if isinstance(details := values.get("details"), str) and details.strip():
        return [(usual, details)]
    if values and (reasons := parse_error(body)):
        codes = [reason.code or usual for reason in reasons]
        return [
            (code, reason.message or _MESSAGES.get(code, code)) for code, reason in zip(codes, reasons, strict=True)
        ]
    return [("UNAUTHORIZED", _MESSAGES["UNAUTHORIZED"])] if status == 401 else []


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isdecimal() and len(retry_after) < 10 else None
