"""Why no answer came: from the libraries' exceptions to one sentence for a person."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from regbrowse.registry.errors import ConnectionFailedError, TLSFailureError
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.text import safe_text
from regbrowse.registry.wire import httpx
from regbrowse.registry.wiring import ProxyFault

_UNKNOWN_ISSUER: Final = frozenset({18, 19, 20, 21})
"""OpenSSL's codes of a certificate that nobody vouches for: self-signed, or of an issuer that is not known."""

_ENDED: Final = re.compile("disconnected|closed")
"""In the words of the libraries for an answer that was cut off, unlike one that is no HTTP."""

_NOT_REACHED: Final = re.compile("^50[0234] |: (?:Host unreachable|Network unreachable|Connection refused|TTL expired)")
"""In a proxy's answers that it would have connected, but could not."""


def connection_failure(error: BaseException, scheme: str, host: str, *, started: bool) -> ConnectionFailedError:
    """Say what `error` means for somebody who wants to reach `host`.

    Args:
        error: What the wire raised.
        started: The answer had begun to come.

    What a proxy is to blame for is told of the proxy, by its address and the variable that names it.

    Returns:
        The error to raise; its `is_passing` says whether the same request may work a moment later.
    """
    shown = safe_text(host)
    causes = list(_causes(error))
    if isinstance(error, ProxyFault):
        return _proxy_failure(error, causes, RegistryAddress(host).hostname)
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


def _proxy_failure(fault: ProxyFault, causes: list[BaseException], host: str) -> ConnectionFailedError:
    """What `fault` means for somebody who wants to reach `host`, a name or an address without a port."""
    proxy, source, told = f"The proxy {fault.proxy}", fault.proxy.source, fault.answer.rstrip(".")
    around = f"add {host} to NO_PROXY"
    if fault.wants_login and fault.proxy.has_login:
        return ConnectionFailedError(
            f"{proxy} does not accept the user name and password that {source} has.", f"Correct {source}, or {around}."
        )
    if fault.wants_login:
        return ConnectionFailedError(
            f"{proxy} wants a user name and a password.",
            f"Write them into {source} as {fault.proxy.scheme}://USER:PASSWORD@{fault.proxy.address}, or {around}.",
        )
    if told and _NOT_REACHED.search(told):
        return ConnectionFailedError(
            f"{proxy} cannot reach {host}: {_said(told)}.", f"Check the address of {host}, or {around}."
        )
    if told:
        return ConnectionFailedError(
            f"{proxy} does not connect to {host}: {_said(told)}.", f"Ask whoever runs the proxy, or {around}."
        )
    return ConnectionFailedError(f"{proxy} {_proxy_fault(causes)}.", f"Correct {source}, or {around}.")


def _said(told: str) -> str:
    """The answer of a proxy: a status, or of SOCKS the end of httpcore's sentence."""
    words = told.removeprefix("Proxy Server could not connect: ").strip()
    return f"it answered “{safe_text(words, limit=100)}”"


def _proxy_fault(causes: list[BaseException]) -> str:
    """What is wrong with a proxy that gave no answer."""
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"has a certificate that is not accepted: {cause.verify_message.rstrip('.')}"
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "does not speak TLS as it should"
    if any(isinstance(cause, TimeoutError | httpx.TimeoutException) for cause in causes):
        return "does not answer in time"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "has a name that cannot be found"
    if any(isinstance(cause, httpx.ConnectError) for cause in causes[1:]):
        return f"cannot be reached: {_reason(causes)}"
    return "does not answer as a proxy does"


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
