"""JSON that somebody else wrote, read without trust: a typed error for what cannot be read, plain values for the rest.

Where a wrong value would mislead, the readers in `documents` raise; where it would only be missing from a screen, the
functions here give an empty value for it.
"""

from __future__ import annotations

import codecs
import html
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import msgspec

from regbrowse.registry.errors import LimitExceededError, MalformedDocumentError
from regbrowse.registry.models import NOTHING
from regbrowse.registry.text import SafeText, safe_lines, safe_text

Object = Mapping[str, object]
"""A JSON object whose values are not checked yet."""

ENTRIES_LIMIT: Final = 10_000
"""Entries that one list or object of a document may have."""

LARGEST: Final = 2**63 - 1
"""The largest size that OCI's image-spec allows."""

_EMPTY: Final[Object] = MappingProxyType({})
_TITLE_WITHIN: Final = 65_536
_PAGE: Final = re.compile(rb"\s*(?:<!doctype html|<html|<head|<body|<\?xml[^>]*>\s*<!doctype html)", re.IGNORECASE)
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9})[0-9]*)?(Z|z|[+-][0-9]{2}:[0-9]{2})"
)


def read_json(data: bytes | str, what: str) -> object:
    """Decode JSON.

    Args:
        data: The whole document; a byte order mark is passed over.
        what: What it should be, to begin a sentence with: "The manifest".

    Raises:
        MalformedDocumentError: It is no JSON (a web page is named), or JSON beyond what a document can be: nested
            without end, numbers out of range, text that is not Unicode.
    """
    if isinstance(data, bytes):
        data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return msgspec.json.decode(data)
    except RecursionError:
        raise MalformedDocumentError(f"{what} is nested too deeply to be read.") from None
    except ValueError as error:
        if isinstance(data, bytes) and is_web_page(data):
            title = page_title(data)
            named = f" (“{title}”)" if title else ""
            raise MalformedDocumentError(f"The registry answered with a web page{named} instead of JSON.") from None
        reason = (
            "it is empty" if not data.strip() else safe_text(str(error).removeprefix("JSON is malformed: "), limit=200)
        )
        raise MalformedDocumentError(f"{what} is not JSON that can be read: {reason}.") from None


def read_object(data: bytes | str, what: str, *, unambiguous: bool = False) -> Object:
    """Decode JSON that has to be an object.

    Args:
        data: As for `read_json`.
        what: As for `read_json`.
        unambiguous: Refuse a key that occurs twice, in which two readers would see two documents.

    Raises:
        MalformedDocumentError: As for `read_json`, or it is no object.
    """
    value = read_json(data, what)
    if not isinstance(value, dict):
        raise MalformedDocumentError(f"{what} is not a JSON object.")
    if unambiguous:
        _refuse_repeated_keys(data, what)
    return value


def _refuse_repeated_keys(data: bytes | str, what: str) -> None:
    def check(pairs: list[tuple[str, object]]) -> None:
        if len({key for key, _ in pairs}) != len(pairs):
            raise MalformedDocumentError(f"{what} gives the same key twice.")

    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    try:
        json.loads(text, object_pairs_hook=check, parse_int=len, parse_float=len)
    except RecursionError:
        raise MalformedDocumentError(f"{what} is nested too deeply to be read.") from None


def is_web_page(data: bytes) -> bool:
    """Whether `data` begins as HTML does."""
    return _PAGE.match(data.removeprefix(codecs.BOM_UTF8)) is not None


def page_title(data: bytes) -> SafeText:
    """The title of a web page, on one line; empty if it has none near its beginning."""
    page = data[:_TITLE_WITHIN]
    lowered = page.lower()
    opening = lowered.find(b"<title")
    begin = lowered.find(b">", opening) + 1
    end = lowered.find(b"</title", begin)
    if opening < 0 or not begin or end < 0:
        return SafeText("")
    title = html.unescape(page[begin:end].decode("utf-8", "replace"))
    return safe_text(" ".join(title.split()), limit=100)


def as_object(value: object) -> Object:
    """The object, or an empty one for anything else."""
    return value if isinstance(value, dict) else _EMPTY


def as_list(value: object, what: str) -> list[object]:
    """The list, an empty one for anything else.

    Raises:
        LimitExceededError: It has more than `ENTRIES_LIMIT` entries.
    """
    if not isinstance(value, list):
        return []
    _check_count(len(value), what)
    return value


def as_text(value: object, *, multiline: bool = False) -> SafeText:
    """The text, made safe; empty for anything else."""
    return safe_text(value, multiline=multiline) if isinstance(value, str) else SafeText("")


def as_texts(value: object, what: str) -> tuple[SafeText, ...]:
    """The texts of a list, one text as a list of one; what is no text is left out."""
    if isinstance(value, str):
        return (safe_text(value),)
    return safe_lines([entry for entry in as_list(value, what) if isinstance(entry, str)])


def as_keys(value: object, what: str) -> tuple[SafeText, ...]:
    """The sorted keys of an object, which is how Go writes a set; the texts of a list."""
    if not isinstance(value, dict):
        return as_texts(value, what)
    _check_count(len(value), what)
    return safe_lines(sorted(value))


def as_text_map(value: object, what: str, *, multiline: bool = False) -> Mapping[SafeText, SafeText]:
    """The entries of an object whose values are texts."""
    if not isinstance(value, dict) or not value:
        return NOTHING
    _check_count(len(value), what)
    return MappingProxyType(
        {
            safe_text(key): safe_text(entry, multiline=multiline)
            for key, entry in value.items()
            if isinstance(entry, str)
        }
    )


def as_count(value: object) -> int | None:
    """An integer between 0 and `LARGEST`; None for anything else, also for `true`, `2.0` and `"2"`."""
    return value if type(value) is int and 0 <= value <= LARGEST else None


def as_time(value: object) -> datetime | None:
    """An RFC 3339 time in UTC, cut to microseconds.

    None for anything else, and for Go's zero time in year 1, which stands for "not said".
    """
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    day, time, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}.{(fraction or '')[:6]:0<6}{zone.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):  # the thirtieth of February, or beyond year 9999 in UTC
        return None
    return moment if moment.year > 1 else None


def _check_count(count: int, what: str) -> None:
    if count > ENTRIES_LIMIT:
        raise LimitExceededError(
            f"{what} has {count:,} entries in one list, more than the {ENTRIES_LIMIT:,} read here."
        )
