"""OCI's distribution-spec as a function: from a request to the answer of a registry that does everything right."""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.registry_content import SCHEMA1, SCHEMA1_SIGNED, Content, Repository

BasicAuth: TypeAlias = tuple[Literal["basic"], str, str]
LinkStyle: TypeAlias = Literal["relative", "absolute", "unquoted", "foreign", "circular", "none"]

REALM: Final = "test registry"
FOREIGN_ORIGIN: Final = "http://registry.internal.example:8080"
"""Where the links of the style `foreign` lead: a server that does not know under which name it is reached."""

_ROUTE: Final = re.compile(
    r"/v2/(?P<name>[a-z0-9._/-]+?)/(?:(?P<kind>manifests|blobs)/(?P<reference>[\w.:+-]+)|tags/list)"
)
_ALWAYS_ACCEPTED: Final = frozenset({SCHEMA1, SCHEMA1_SIGNED})


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """Tokens are wanted (distribution, docs/spec/auth/token.md).

    Attributes:
        realm: The token server's URL.
        grants: The scopes that a token is for; None if it is none.
        service: What the challenge calls this registry.
        catalog: What is wanted for the catalog instead, as Harbor does.
    """

    realm: str
    grants: Callable[[str], Collection[str] | None]
    service: str = "registry.test"
    catalog: BasicAuth | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. The body is that of a GET, also where a HEAD will be answered without it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """How a registry at `origin` serves `content`; the other attributes are arguments of `RegistryServer`."""

    content: Content
    origin: str
    auth: BasicAuth | BearerAuth | None
    page_size: int
    max_n: int | None
    link_style: LinkStyle
    etag: bool
    blob_redirect: str | None

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Answer the request for `path` (with its query), whose headers have lower-cased names."""
        answer = self._answer(method, path, headers)
        common = {"Docker-Distribution-Api-Version": "registry/2.0"}
        if answer.body:
            common["Content-Type"] = "application/json"
        return replace(answer, headers={**common, **answer.headers})

    def _answer(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        if challenge := self._challenge(unquote(urlsplit(path).path), headers):
            return _error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})
        if method not in ("GET", "HEAD"):
            return _error(405, "UNSUPPORTED", "The operation is unsupported.", {"Allow": "GET, HEAD"})
        plain = unquote(urlsplit(path).path)
        if plain in ("/v2/", "/v2"):
            return Answer(200, b"{}")
        if plain == "/v2/_catalog":
            return self._page(path, {}, "repositories", self.content.repository_names())
        route = _ROUTE.fullmatch(plain)
        if route is None:
            return Answer(404, b"404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})
        repository = self.content.repository(route["name"])
        if repository is None:
            return _error(404, "NAME_UNKNOWN", "repository name not known to registry")
        if route["kind"] == "manifests":
            return self._manifest(repository, route["reference"], headers)
        if route["kind"] == "blobs":
            return self._blob(repository, route["reference"], path)
        return self._page(path, {"name": route["name"]}, "tags", repository.tag_names())

    def _challenge(self, path: str, headers: Mapping[str, str]) -> str:
        """What is asked for before the answer; empty if nothing is, or was brought along."""
        auth = self.auth
        if isinstance(auth, BearerAuth) and auth.catalog and path == "/v2/_catalog":
            auth = auth.catalog
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if auth is None:
            return ""
        if isinstance(auth, BearerAuth):
            return _bearer_challenge(auth, path, token if scheme.lower() == "bearer" else "")
        _, user, password = auth
        known = scheme.lower() == "basic" and token == base64.b64encode(f"{user}:{password}".encode()).decode()
        return "" if known else f'Basic realm="{REALM}"'

    def _manifest(self, repository: Repository, reference: str, headers: Mapping[str, str]) -> Answer:
        stored = repository.manifest(reference)
        if stored is None:
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        accepted = {item.partition(";")[0].strip() for item in headers.get("accept", "").split(",")}
        negotiated = stored.media_type.startswith(("application/vnd.oci.", "application/vnd.docker."))
        if negotiated and stored.media_type not in accepted | _ALWAYS_ACCEPTED:
            return _error(404, "MANIFEST_UNKNOWN", f"manifest found, but {stored.media_type} is not accepted")
        etag = {"ETag": f'"{stored.digest}"'} if self.etag else {}
        if self.etag and _names(headers.get("if-none-match", ""), stored.digest):
            return Answer(304, headers=etag)
        described = {"Content-Type": stored.media_type, "Docker-Content-Digest": stored.digest}
        return Answer(200, stored.data, described | etag)

    def _blob(self, repository: Repository, digest: str, path: str) -> Answer:
        data = repository.blobs.get(digest)
        if data is None:
            return _error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if self.blob_redirect:
            return Answer(307, headers={"Location": f"{self.blob_redirect}{path}?signature=presigned"})
        return Answer(200, data, {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest})

    def _page(self, path: str, fields: Mapping[str, str], key: str, names: Sequence[str]) -> Answer:
        query = parse_qs(urlsplit(path).query, keep_blank_values=True)
        asked = query.get("n", [str(self.page_size)])[0]
        if not asked.isdecimal() or ("n" in query and self.max_n is not None and int(asked) > self.max_n):
            return _error(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
        count = min(int(asked), self.page_size)
        start = bisect_right(names, query["last"][0]) if "last" in query else 0
        page = names[start : start + count]
        more = page and start + count < len(names)
        link = self._link(path, page[-1], count) if more else {}
        return Answer(200, json.dumps({**fields, key: page}).encode(), link)

    def _link(self, path: str, last: str, count: int) -> dict[str, str]:
        following = f"{urlsplit(path).path}?last={quote(last, safe='')}&n={count}"
        links = {
            "relative": f'<{following}>; rel="next"',
            "absolute": f'<{self.origin}{following}>; rel="next"',
            "unquoted": f"<{following}>; rel=next",
            "foreign": f'<{FOREIGN_ORIGIN}{following}>; rel="next"',
            "circular": f'<{path}>; rel="next"',
        }
        return {"Link": links[self.link_style]} if self.link_style != "none" else {}


def _bearer_challenge(auth: BearerAuth, path: str, token: str) -> str:
    route = _ROUTE.fullmatch(path)
    needed = f"repository:{route['name']}:pull" if route else "registry:catalog:*" if path == "/v2/_catalog" else ""
    granted = auth.grants(token) if token else None
    if granted is not None and (not needed or needed in granted):
        return ""
    challenge = f'Bearer realm="{auth.realm}",service="{auth.service}"' + (f',scope="{needed}"' if needed else "")
    reason = "" if not token else "invalid_token" if granted is None else "insufficient_scope"
    return f'{challenge},error="{reason}"' if reason else challenge


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    body = {"errors": [{"code": code, "message": message, "detail": None}]}
    return Answer(status, json.dumps(body).encode(), headers or {})


def _names(if_none_match: str, digest: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or f'"{digest}"' in tags
