"""Docker's first registry protocol as a function: from a request to the answer of a docker-registry 0.9 or an index."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from tests.v1_content import PUSHED_AT, V1Content, V1Image, V1Repository

BasicAuth: TypeAlias = tuple[Literal["basic"], str, str]
Mode: TypeAlias = Literal["standalone", "index"]
Lines: TypeAlias = tuple[tuple[str, str], ...]

NOT_FOUND_PAGE: Final = b"<!DOCTYPE html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>No such page.</p>\n"
UNAUTHORIZED_PAGE: Final = b"<html><head><title>401 Authorization Required</title></head></html>\n"
_HTML: Final = "text/html; charset=UTF-8"
_IMAGE: Final = re.compile(r"/v1/images/(?P<id>[^/]+)/(?P<part>json|layer|ancestry|checksum)")
_REPOSITORY: Final = re.compile(
    r"/v1/repositories/(?:(?P<namespace>[^/]+)/)?(?P<name>[^/]+?)"
    r"(?:/(?P<index>|images)|/(?P<tags>tags)(?:/(?P<tag>[^/]+)(?P<json>/json)?)?)"
)
_CACHEABLE: Final = (
    ("Cache-Control", "public, max-age=31536000"),
    ("Expires", "Thu, 31 Dec 2037 23:59:59 GMT"),
    ("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in.

    Attributes:
        path: With its query.
        lines: The header lines, as spelled.
        body: Without the framing of chunks.
    """

    method: str
    path: str
    lines: Lines
    body: bytes

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-cased name; repeated ones joined by commas."""
        names = dict.fromkeys(name.lower() for name, _ in self.lines)
        return {name: ", ".join(self.all(name)) for name in names}

    def all(self, name: str) -> list[str]:
        """The values of every line of that name, in their order."""
        return [value for line, value in self.lines if line.lower() == name.lower()]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. The body is that of a GET, also where a HEAD will be answered without it.

    Attributes:
        cut_after: End the connection after so many bytes of the body.
    """

    status: int
    body: bytes = b""
    lines: Lines = ()
    cut_after: int | None = None


@dataclass(slots=True)
class Rules:
    """How `content` is served, and what the server remembers between requests; attributes as in `V1Server`."""

    content: V1Content
    mode: Mode
    auth: BasicAuth | None
    endpoints: Sequence[str]
    version: str
    open_ping: bool
    ranges: bool
    search: bool
    users_status: int
    drop_at: list[int]
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    sessions: dict[str, set[str]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def answer(self, request: Request) -> Answer:
        path = unquote(urlsplit(request.path).path)
        if path == "/v1/_ping" and self.open_ping:
            return self._ping()
        if self.mode == "standalone" and not self._is_basic(request):
            return Answer(401, UNAUTHORIZED_PAGE, (*_type(_HTML), ("WWW-Authenticate", 'Basic realm="registry"')))
        if path == "/v1/_ping":
            return self._ping()
        if path == "/v1/search":
            return self._search(request)
        if path == "/v1/users/":
            return self._users(request)
        if image := _IMAGE.fullmatch(path):
            return self._image(request, image["id"], image["part"])
        if repository := _REPOSITORY.fullmatch(path):
            return self._repository(request, repository)
        return Answer(404, NOT_FOUND_PAGE, _type(_HTML))

    # Without a repository

    def _ping(self) -> Answer:
        lines = (("X-Docker-Registry-Version", self.version),) if self.version else ()
        return _json(True, ("X-Docker-Registry-Standalone", str(self.mode == "standalone")), *lines)

    def _search(self, request: Request) -> Answer:
        if not self.search:
            return Answer(404, NOT_FOUND_PAGE, _type(_HTML))
        query = parse_qs(urlsplit(request.path).query)
        term = query.get("q", [""])[0]
        found = [(name, one) for name, one in self.content.repositories.items() if term in name + one.description]
        results: list[dict[str, Any]] = [{"name": name, "description": one.description} for name, one in found]
        if self.mode == "index":  # the rest is the Hub's: docker-registry knew neither stars nor pages
            results = results[: int(query.get("n", ["25"])[0])]
            for result, (name, one) in zip(results, found, strict=False):
                result["name"] = name.removeprefix("library/")
                result |= {"star_count": one.star_count, "is_automated": False}
                result["is_official"] = name.startswith("library/")
        return _json({"query": term, "num_results": len(found), "results": results})

    def _users(self, request: Request) -> Answer:
        if self.users_status != 200:
            return _error(self.users_status, "No.")
        return _json("OK") if self._is_basic(request) else _error(401, "Wrong username or password")

    # Images

    def _image(self, request: Request, id_: str, part: str) -> Answer:
        access = "write" if request.method == "PUT" else "read"
        if not self._is_permitted(request, access):
            return _token_wanted()
        if request.method == "PUT":
            put = {"json": self._put_json, "layer": self._put_layer, "checksum": self._put_checksum}.get(part)
            return self._in_session(request, id_, put) if put else _error(405, "Method not allowed")
        if request.method not in ("GET", "HEAD") or part == "checksum":
            return _error(405, "Method not allowed")
        if "if-modified-since" in request.headers:
            return Answer(304, lines=_CACHEABLE)
        image = self.content.images.get(id_)
        if image is None:
            return _error(404, "Image not found")
        if not image.complete or image.layer is None:
            return _error(400, "Image is being uploaded, retry later")
        if part == "ancestry":
            return _json(self.content.ancestry(id_), *_CACHEABLE)
        if part == "layer":
            return self._layer(request, image.layer)
        checksum = (("X-Docker-Checksum-Payload", image.checksum_payload),) if image.checksum_payload else ()
        size = ("X-Docker-Size", str(len(image.layer)))
        return Answer(200, image.json, (*_type("application/json"), size, *checksum, *_CACHEABLE))

    def _layer(self, request: Request, layer: bytes) -> Answer:
        lines = (*_type("application/octet-stream"), *_CACHEABLE)
        cut = self.drop_at.pop(0) if self.drop_at else None
        if not self.ranges:
            return Answer(200, layer, lines, cut)
        lines = (*lines, ("Accept-Ranges", "bytes"))
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if not wanted:
            return Answer(200, layer, lines, cut)
        first, last = int(wanted[1]), min(int(wanted[2] or len(layer)), len(layer) - 1)
        if first > last:
            return Answer(416, lines=(("Content-Range", f"bytes */{len(layer)}"),))
        place = ("Content-Range", f"bytes {first}-{last}/{len(layer)}")
        return Answer(206, layer[first : last + 1], (*lines, place), cut)

    def _in_session(self, request: Request, id_: str, put: Callable[[Request, str, set[str]], Answer]) -> Answer:
        """Answer with what the session remembers: the checksums of the layers that came in it, held by a cookie."""
        morsel = SimpleCookie(request.headers.get("cookie", "")).get("session")
        if morsel is not None and morsel.value in self.sessions:
            return put(request, id_, self.sessions[morsel.value])
        name = f"session-{next(self.numbers)}"
        answer = put(request, id_, self.sessions.setdefault(name, set()))
        cookie = ("Set-Cookie", f"session={name}; Path=/; HttpOnly")
        return Answer(answer.status, answer.body, (*answer.lines, cookie))

    def _put_json(self, request: Request, id_: str, checksums: set[str]) -> Answer:
        try:
            document = json.loads(request.body)
        except ValueError:
            return _error(400, "Invalid JSON")
        if not isinstance(document, dict) or document.get("id") != id_:
            return _error(400, "JSON data contains invalid id")
        parent = document.get("parent")
        if parent and parent not in self.content.images:
            return _error(400, "Image depends on a non existing parent")
        known = self.content.images.get(id_)
        if known and known.complete:
            return _error(409, "Image already exists")
        checksums.clear()
        self.content.images[id_] = V1Image(request.body, complete=False)
        return _json(True)

    def _put_layer(self, request: Request, id_: str, checksums: set[str]) -> Answer:
        image = self.content.images.get(id_)
        if image is None:
            return _error(404, "Image not found")
        if image.complete:
            return _error(409, "Image already exists")
        image.layer = request.body
        checksums.add("sha256:" + hashlib.sha256(image.json + b"\n" + request.body).hexdigest())
        return _json(True)

    def _put_checksum(self, request: Request, id_: str, checksums: set[str]) -> Answer:
        tarsum, payload = (request.headers.get(name, "") for name in ("x-docker-checksum", "x-docker-checksum-payload"))
        if not payload:
            return _error(400, "Missing Image's checksum")
        if not checksums:
            return _error(400, "Checksum not found in Cookie")
        image = self.content.images.get(id_)
        if image is None:
            return _error(404, "Image not found")
        if image.complete:
            return _error(409, "Cannot set this image checksum")
        if payload not in checksums:
            return _error(400, "Checksum mismatch, ignoring the layer")
        image.checksum, image.checksum_payload, image.complete = tarsum, payload, True
        return _json(True)

    # Repositories

    def _repository(self, request: Request, route: re.Match[str]) -> Answer:
        name = f"{route['namespace'] or 'library'}/{route['name']}"
        access = "write" if request.method == "PUT" else "read"
        if route["index"] is not None:
            return self._index(request, name, route["index"], access)
        if not self._is_permitted(request, access, name):
            return _token_wanted()
        repository = self.content.repositories.get(name)
        if request.method == "PUT" and route["tag"] and not route["json"]:
            return self._put_tag(request, repository or V1Repository(), name, route["tag"])
        if request.method not in ("GET", "HEAD"):
            return _error(405, "Method not allowed")
        if repository is None:
            return _error(404, "Repository not found")
        if not route["tag"]:
            return _json(repository.tags)
        if route["tag"] not in repository.tags:
            return _error(404, "Tag not found")
        id_ = repository.tags[route["tag"]]
        return _json(self._about_tag(id_) if route["json"] else id_)

    def _about_tag(self, id_: str) -> dict[str, Any]:
        document = self.content.images[id_].document
        return {
            "last_update": PUSHED_AT,
            "docker_version": document.get("docker_version"),
            "docker_go_version": "go1.1",
            "arch": document.get("architecture"),
            "os": document.get("os"),
            "kernel": "3.8.0",
        }

    def _put_tag(self, request: Request, repository: V1Repository, name: str, tag: str) -> Answer:
        try:
            id_ = json.loads(request.body)
        except ValueError:
            return _error(400, "Invalid data")
        if not isinstance(id_, str) or not re.fullmatch(r"[\w.-]{1,128}", tag):
            return _error(400, "Invalid data")
        if id_ not in self.content.images:
            return _error(404, "Image not found")
        self.content.repositories.setdefault(name, repository).tags[tag] = id_
        return _json(True)

    def _index(self, request: Request, name: str, part: str, access: str) -> Answer:
        if self.mode == "index" and not (self._is_basic(request) or self._is_permitted(request, access, name)):
            return Answer(401, b'"Unauthorized"', (*_type("application/json"), ("WWW-Authenticate", "Token")))
        if request.method == "PUT":
            return self._put_index(request, name, part)
        if request.method not in ("GET", "HEAD") or part != "images":
            return _error(405, "Method not allowed")
        repository = self.content.repositories.get(name)
        if repository is None:
            return _error(404, "images not found")
        return _json(repository.images, *self._directions(request, name, access))

    def _put_index(self, request: Request, name: str, part: str) -> Answer:
        try:
            images = json.loads(request.body)
        except ValueError:
            return _error(400, "Error Decoding JSON")
        if not (images is None or isinstance(images, list)):
            return _error(400, "Error Decoding JSON")
        repository = self.content.repositories.setdefault(name, V1Repository())
        if part == "":
            repository.images = images or repository.images
            return Answer(200, b'""', (*_type("application/json"), *self._directions(request, name, "write")))
        sums = {image["id"]: image for image in images or ()}
        repository.images = [*(one for one in repository.images if one["id"] not in sums), *sums.values()]
        return Answer(204)

    def _directions(self, request: Request, name: str, access: str) -> Lines:
        """Where the images are and, if the caller asks an index for it, the token that opens them."""
        endpoints = tuple(("X-Docker-Endpoints", line) for line in self.endpoints)
        if self.mode == "standalone" or request.headers.get("x-docker-token", "").lower() != "true":
            return endpoints
        signature = hashlib.sha256(f"token {next(self.numbers)}".encode()).hexdigest()[:40]
        token = f'signature={signature},repository="{name}",access={access}'
        self.tokens[token] = (name, access)
        return (*endpoints, ("X-Docker-Token", token), ("WWW-Authenticate", f"Token {token}"))

    # Who asks

    def _is_basic(self, request: Request) -> bool:
        if self.auth is None:
            return True
        pair = base64.b64encode(":".join(self.auth[1:]).encode()).decode()
        return request.headers.get("authorization") == f"Basic {pair}"

    def _is_permitted(self, request: Request, access: str, name: str | None = None) -> bool:
        """Whether a token that was given out allows `access`: to the repository `name`, or to any image."""
        if self.mode == "standalone":
            return True
        token = self.tokens.get(request.headers.get("authorization", "").removeprefix("Token "))
        return token is not None and token[0] in (name or token[0],) and token[1] in (access, "write")


def _type(content_type: str) -> Lines:
    return (("Content-Type", content_type),)


def _json(value: object, *lines: tuple[str, str]) -> Answer:
    return Answer(200, json.dumps(value).encode(), (*_type("application/json"), *lines))


def _error(status: int, message: str, *lines: tuple[str, str]) -> Answer:
    return Answer(status, json.dumps({"error": message}).encode(), (*_type("application/json"), *lines))


def _token_wanted() -> Answer:
    return _error(401, "Requires authorization", ("WWW-Authenticate", "Token"))
