"""Why no answer came: from the libraries' exceptions to one sentence for a person."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from regbrowse.registry.errors import ConnectionFailedError, TLSFailureError
from regbrowse.registry.text import safe_text
from regbrowse.registry.wire import httpx

_UNKNOWN_ISSUER: Final = frozenset({18, 19, 20, 21})
"""OpenSSL's codes of a certificate that nobody vouches for: self-signed, or of an issuer that is not known."""

_ENDED: Final = re.compile("disconnected|closed")
"""In the words of the libraries for an answer that was cut off, unlike one that is no HTTP."""


def connection_failure(error: BaseException, scheme: str, host: str, *, started: bool) -> ConnectionFailedError:
    """Say what `error` means for somebody who wants to reach `host`.

    Args:
        error: What the wire raised.
        started: The answer had begun to come.

    Returns:
        The error to raise; its `is_passing` says whether the same request may work a moment later.
    """
    shown = safe_text(host)
    causes = list(_causes(error))
    if isinstance(error, httpx.ConnectTimeout):
        return ConnectionFailedError(f"{shown} does not answer: no connection was made in time.")
    if tls_failure := _tls_failure(causes, shown):
        return tls_failure
    if any(isinstance(cause, TimeoutError | httpx.TimeoutException) for cause in causes):
        return ConnectionFailedError(f"{shown} took the request and did not answer it in time.")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return ConnectionFailedError(
            f"The name {shown} cannot be found.", "Check its spelling, the DNS and the VPN, then try again."
        )
    if isinstance(error, httpx.ConnectError):
        return ConnectionFailedError(f"Nothing can be reached at {shown}: {_reason(causes)}.")
    if isinstance(error, httpx.RemoteProtocolError) and not _ENDED.search(str(error)):
        return ConnectionFailedError(
            f"{shown} does not answer as a web server does.",
            "Check the port, and whether it is to be https:// or http://.",
        )
    how = "broke off its answer" if started else "closed the connection without an answer"
    failure = ConnectionFailedError(f"{shown} {how}.")
    failure.is_passing = True
    return failure


def closed_failure(host: str) -> ConnectionFailedError:
    """What is asked of `host` after everything to it was closed, or was under way then, has no answer."""
    return ConnectionFailedError(
        f"{safe_text(host)} was not asked: the connections to it are closed.", "Open it again."
    )


def was_reached(failure: ConnectionFailedError) -> bool:
    """Whether there was a connection, over TLS if that was to be so."""
    return not isinstance(failure.__cause__, httpx.ConnectError | httpx.ConnectTimeout)


def _tls_failure(causes: list[BaseException], shown: str) -> TLSFailureError | None:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TLSFailureError(
                f"The certificate of {shown} is not accepted: {safe_text(cause.verify_message.rstrip('.'))}.",
                f"If the registry has its own CA, put it at certs.d/{shown}/ca.crt (see --certs-dir)."
                if cause.verify_code in _UNKNOWN_ISSUER
                else "Tell whoever runs the registry, or use the name that its certificate is for.",
            )
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            if cause.reason in (
                "WRONG_VERSION_NUMBER",
                "RECORD_LAYER_FAILURE",
                "HTTP_REQUEST",
                "PACKET_LENGTH_TOO_LONG",
            ):
                return TLSFailureError(
                    f"{shown} does not speak TLS; it may speak plain HTTP.",
                    f"If that is meant to be so, name it as http://{shown}, or bare with --insecure-registry {shown}.",
                )
            reason = safe_text((cause.reason or "unknown reason").replace("_", " ").lower())
            return TLSFailureError(f"TLS with {shown} failed: {reason}.")
    return None


def _reason(causes: list[BaseException]) -> str:
    numbers = {cause.errno for cause in causes if isinstance(cause, OSError)}
    if errno.ECONNREFUSED in numbers:
        return "the connection is refused"
    if numbers & {errno.ENETUNREACH, errno.EHOSTUNREACH}:
        return "there is no route to it"
    if errno.ECONNRESET in numbers:
        return "the connection was reset"
    return safe_text(str(causes[-1]) or type(causes[-1]).__name__, limit=200)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error`, what it came from, and so on; groups opened."""
    seen: set[int] = set()
    pending = [error]
    while pending:
        current = pending.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            pending += current.exceptions
        pending += [cause for cause in (current.__cause__, current.__context__) if cause is not None]
