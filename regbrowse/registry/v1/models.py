"""What v1 registries and indexes say, as values, and how it is read: as leniently as Go reads JSON.

Keys match in any case, unknown ones are ignored, `null` is nothing, and what follows the first value of a body does not
matter (seed-registry-package.md §2). A value of the wrong type is an error all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NoReturn

import msgspec

from regbrowse.registry.errors import LimitExceededError, MalformedDocumentError
from regbrowse.registry.json_values import read_json
from regbrowse.registry.text import SafeText, safe_text

ENTRIES_LIMIT: Final = 100_000
"""Entries of any list."""

RESULTS_LIMIT: Final = 10_000
"""Results of a search that are kept: a registry of one's own gives all there are, whatever was asked for."""

_INT64: Final = range(-(2**63), 2**63)
_NOTHING: Final = SafeText("")


@dataclass(frozen=True, slots=True)
class PingResult:
    """What a v1 registry says of itself (seed-registry-package.md §8).

    Attributes:
        version: The registry's version; empty if it did not say.
        standalone: It has no index beside it, so it takes Basic logins itself.
        confirmed: It answered as v1 registries do, and so is one. Any web server answers a ping somehow; Docker's
            package takes them all. False also where nothing was asked.
        wants_login: It answered that a login is missing, and so said nothing yet.
    """

    version: SafeText = _NOTHING
    standalone: bool = True
    confirmed: bool = False
    wants_login: bool = False


@dataclass(frozen=True, slots=True)
class ImgData:
    """An image as an index lists it (seed-registry-package.md §2).

    Attributes:
        id: Mostly 64 hexadecimal digits.
        checksum: `tarsum+sha256:<hex>`, or empty.
        checksum_payload: `sha256:<hex>` of the image's JSON and its layer; never part of a document.
        tag: Mostly empty: only a push says it.
    """

    id: str
    checksum: str = ""
    checksum_payload: str = ""
    tag: str = ""

    def to_json(self) -> dict[str, str]:
        """As an index wants it: `Tag` begins with a capital, and what is empty is left out."""
        said = {"id": self.id, "checksum": self.checksum, "Tag": self.tag}
        return {key: value for key, value in said.items() if value or key == "id"}


@dataclass(frozen=True, slots=True)
class RepositoryData:
    """A repository's images, and where they are (seed-registry-package.md §2 and §14).

    Attributes:
        img_list: The images by their ids; empty after a push.
        endpoints: The registries that have them, each ending in `/v1/`.
        tokens: Always empty, as in Docker's package: tokens are the transport's affair.
    """

    img_list: Mapping[str, ImgData] = field(default_factory=dict)
    endpoints: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One repository that a search found."""

    name: SafeText
    description: SafeText = _NOTHING
    star_count: int = 0
    is_official: bool = False
    is_automated: bool = False


@dataclass(frozen=True, slots=True)
class SearchResults:
    """What a search found, in the index's order.

    Attributes:
        query: The words, as the index understood them.
        num_results: How many there are by the index's count, which may be more than were sent.
    """

    query: SafeText = _NOTHING
    num_results: int = 0
    results: tuple[SearchResult, ...] = ()


def parse_ping(body: bytes, *, status: int, version: str, standalone: str) -> PingResult:
    """Read the answer to a ping; never raises (seed-registry-package.md §8).

    Args:
        body: Overlays the defaults where it is a JSON object; anything else in it is passed over.
        status: Counts for nothing but `wants_login`, and for `confirmed` without a version.
        version: The header `X-Docker-Registry-Version`, or empty.
        standalone: The header `X-Docker-Registry-Standalone`, or empty.
    """
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):  # whatever it is, it says nothing
        value = None
    said = _folded(value) if isinstance(value, dict) else {}
    said_version, said_standalone = said.get("version"), said.get("standalone")
    return PingResult(
        safe_text(version or (said_version if isinstance(said_version, str) else "")),
        standalone == "1" or standalone.lower() == "true" if standalone else said_standalone is not False,
        confirmed=bool(version) or (status == 200 and (isinstance(value, dict) or value is True)),
        wants_login=status == 401,
    )


def parse_ancestry(body: bytes) -> list[str]:
    """Read an image's id, its parent's, and so on.

    Raises:
        MalformedDocumentError: It is no list of ids.
    """
    what = "The list of ancestors"
    return [_printable(_text(entry, what), what) for entry in _list(_first_value(body, what), what)]


def parse_tag(body: bytes) -> str:
    """Read the id that a tag leads to.

    Raises:
        MalformedDocumentError: It is no text.
    """
    what = "The answer for a tag"
    return _printable(_text(_first_value(body, what), what), what)


def parse_tags(body: bytes) -> dict[str, str]:
    """Read a repository's tags and the ids that they lead to.

    Raises:
        MalformedDocumentError: It is no object of texts.
    """
    what = "The list of tags"
    tags = _object(_first_value(body, what), what)
    return {_printable(tag, what): _printable(_text(id_, what), what) for tag, id_ in tags.items()}


def parse_images(body: bytes) -> Mapping[str, ImgData]:
    """Read a repository's images by id; of several with one id the last counts.

    Raises:
        MalformedDocumentError: It is no list of images.
    """
    what = "The list of images"
    images = [_image(entry, what) for entry in _list(_first_value(body, what), what)]
    return MappingProxyType({image.id: image for image in images})


def parse_search(body: bytes) -> SearchResults:
    """Read the results of a search, at most `RESULTS_LIMIT` of them.

    Raises:
        MalformedDocumentError: It is something else.
    """
    what = "The result of the search"
    fields = _folded(_object(_first_value(body, what), what))
    return SearchResults(
        safe_text(_text(fields.get("query"), what)),
        _number(fields.get("num_results"), what),
        tuple(_search_result(entry, what) for entry in _list(fields.get("results"), what)[:RESULTS_LIMIT]),
    )


def parse_endpoints(lines: Sequence[str], scheme: str) -> tuple[SafeText, ...]:
    """Read the registries of `X-Docker-Endpoints` (seed-registry-package.md §14).

    Args:
        lines: The header's lines; each may name several hosts, with commas between them.
        scheme: The index's, which all of them share.

    Returns:
        The bases of calls, in their order; none if the first line is empty or there is none.
    """
    if not lines or not lines[0]:
        return ()
    return tuple(safe_text(f"{scheme}://{entry.strip()}/v1/") for line in lines for entry in line.split(","))


def parse_push_error(body: bytes) -> str:
    """What a registry that refuses a push says is wrong, if its answer is an object of texts; otherwise empty."""
    try:
        reasons = msgspec.json.decode(body, type=dict[str, str | None])
    except (ValueError, RecursionError):  # it said something else, which is shown as it is
        return ""
    return reasons.get("error") or ""


def _image(value: object, what: str) -> ImgData:
    fields = _folded(_object(value, what))
    id_, checksum, tag = (_printable(_text(fields.get(key), what), what) for key in ("id", "checksum", "tag"))
    return ImgData(id_, checksum, tag=tag)


def _search_result(value: object, what: str) -> SearchResult:
    fields = _folded(_object(value, what))
    return SearchResult(
        safe_text(_text(fields.get("name"), what)),
        safe_text(_text(fields.get("description"), what)),
        _number(fields.get("star_count"), what),
        _flag(fields.get("is_official"), what),
        _flag(fields.get("is_automated"), what),
    )


# Go's JSON


def _first_value(body: bytes, what: str) -> object:
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    try:
        value: object = _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):
        return read_json(body, what)  # which says what is wrong with it
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _folded(values: Mapping[str, object]) -> dict[str, object]:
    """The fields by their keys in lower case; the last one that is not null counts."""
    return {key.casefold(): value for key, value in values.items() if value is not None}


def _object(value: object, what: str) -> Mapping[str, object]:
    if value is None:
        return {}
    return value if isinstance(value, dict) else _refuse(value, what)


def _list(value: object, what: str) -> list[object]:
    if value is None:
        return []
    if isinstance(value, list) and len(value) > ENTRIES_LIMIT:
        raise LimitExceededError(f"{what} has {len(value):,} entries.")
    return value if isinstance(value, list) else _refuse(value, what)


def _text(value: object, what: str) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _refuse(value, what)


def _number(value: object, what: str) -> int:
    if value is None:
        return 0
    return value if type(value) is int and value in _INT64 else _refuse(value, what)


def _flag(value: object, what: str) -> bool:
    if value is None:
        return False
    return value if isinstance(value, bool) else _refuse(value, what)


def _refuse(value: object, what: str) -> NoReturn:
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    raise MalformedDocumentError(f"{what} has {kinds[type(value)]} where it may not be.")


def _printable(text: str, what: str) -> str:
    """An id or a tag, which goes into addresses and onto the screen as it is."""
    if not text.isprintable():
        raise MalformedDocumentError(f"{what} has a name with characters that cannot be shown.")
    return text
