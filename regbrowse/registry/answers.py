"""From an answer that is a failure to the error that says so, in the words of what was asked for."""

from __future__ import annotations

from typing import Final

from regbrowse.registry.constants import DEFAULT_REGISTRY_VERSION_HEADER
from regbrowse.registry.errors import (
    DeniedError,
    HTTPStatusError,
    ManifestNotFoundError,
    NotFoundError,
    RateLimitedError,
    RepositoryNotFoundError,
    ServerFailureError,
    UnauthorizedError,
    UnsupportedError,
)
from regbrowse.registry.listings import parse_error
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.transport import Response
from regbrowse.registry.vendor_hints import vendor_step

_UNKNOWN_REPOSITORY: Final = frozenset({"NAME_UNKNOWN", "NAME_INVALID", "REPOSITORY_NOT_FOUND"})


def speaks_v2(response: Response) -> bool:
    """Whether an answer can only be that of a v2 registry: it says so, it was of use, or it fails in v2's words.

    A v1 registry, or any web server, answers 404 there with neither (registry-client.md §3.3).
    """
    if response.status < 300 or "registry/2.0" in response.header(DEFAULT_REGISTRY_VERSION_HEADER).lower():
        return True
    return any(error.code for error in parse_error(response.body, response.header("content-type")))


def ping_failure(host: str, response: Response) -> HTTPStatusError:
    """Why the entrance to the API did not open."""
    if response.status == 404:
        return UnsupportedError(
            f"{host} does not speak the v2 protocol of registries.",
            "Check the address, and the path before /v2/ if the registry has one.",
            status=404,
        )
    return _failure(host, response, "access", _detail(response))


def catalog_failure(host: str, response: Response) -> HTTPStatusError:
    """Why a registry did not list its repositories."""
    detail = _detail(response)
    if response.status in (401, 403):
        return DeniedError(
            f"{host} does not let this account list its repositories{_quoted(detail)}.",
            "Open a repository by its name.",
            status=response.status,
            detail=detail,
        )
    if response.status in (400, 404, 405, 501):
        return UnsupportedError(
            f"{host} does not offer a list of its repositories{_quoted(detail)}.", status=response.status, detail=detail
        )
    return _failure(host, response, "the list of repositories", detail)


def repository_failure(host: str, repository: str, response: Response) -> HTTPStatusError:
    """Why a repository's tags were not listed."""
    detail = _detail(response)
    if response.status == 404:
        return RepositoryNotFoundError(f"{host} has no repository {repository}.", status=404, detail=detail)
    return _failure(host, response, f"the tags of {repository}", detail)


def manifest_failure(host: str, repository: str, reference: str, response: Response) -> HTTPStatusError:
    """Why a manifest did not come."""
    detail = _detail(response)
    if response.status == 404:
        codes = {error.code for error in parse_error(response.body, response.header("content-type"))}
        if codes & _UNKNOWN_REPOSITORY:
            return RepositoryNotFoundError(f"{host} has no repository {repository}.", status=404, detail=detail)
        what = "manifest" if ":" in reference else "tag"
        return ManifestNotFoundError(f"{repository} has no {what} {reference}.", status=404, detail=detail)
    return _failure(host, response, f"{reference} of {repository}", detail)


def blob_failure(host: str, repository: str, digest: str, response: Response) -> HTTPStatusError:
    """Why a blob did not come."""
    detail = _detail(response)
    if response.status == 404:
        return NotFoundError(
            f"{host} has the manifest but not its content {digest}: the image is damaged.",
            "Push the image again, or tell whoever runs the registry.",
            status=404,
            detail=detail,
        )
    return _failure(host, response, f"{digest} of {repository}", detail)


def _failure(host: str, response: Response, subject: str, detail: SafeText) -> HTTPStatusError:
    status = response.status
    said = _quoted(detail)
    step = vendor_step(host) or None
    if response.stranger:
        host = f"{host} leads to {safe_text(response.stranger)}, which"
    if status == 401:
        return UnauthorizedError(f"{host} wants to know who you are for {subject}.", status=status, detail=detail)
    if status == 403:
        return DeniedError(f"{host} denies {subject}{said}.", step, status=status, detail=detail)
    if status == 404:
        return NotFoundError(f"{host} has not got {subject}.", status=status, detail=detail)
    if status == 429:
        wish = response.retry_after
        when = f" and asks to wait {wish:,.0f} s" if wish else ""
        return RateLimitedError(f"{host} gets too many requests{when}.", retry_after=wish, detail=detail)
    if status >= 500:
        return ServerFailureError(
            f"{host} failed with status {status} for {subject}{said}.", status=status, detail=detail
        )
    if status == 400 and "https server" in detail.lower():
        return HTTPStatusError(f"{host} speaks TLS.", f"Name it as https://{host}.", status=status, detail=detail)
    return HTTPStatusError(f"{host} answered {subject} with status {status}{said}.", status=status, detail=detail)


def _detail(response: Response) -> SafeText:
    """The registry's own words. Those of storage that it leads to may repeat a signature, and are nobody's to read."""
    if response.stranger:
        return SafeText("")
    errors = parse_error(response.body, response.header("content-type"))
    return safe_text("; ".join(error.message or error.code for error in errors), limit=300)


def _quoted(detail: str) -> str:
    return f" (“{detail.rstrip('.')}”)" if detail else ""
