"""What a registry answers beside documents: lists of names, and errors in many spellings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from regbrowse.registry.errors import MalformedDocumentError
from regbrowse.registry.json_values import Object, as_object, as_text, is_web_page, page_title, read_json, read_object
from regbrowse.registry.text import SafeText, safe_lines, safe_text

_DETAILS_LIMIT: Final = 16
_WORDS_LIMIT: Final = 300
_WORDS_WITHIN: Final = 4_096


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One of a registry's own reasons for a failure.

    Attributes:
        code: Such as `MANIFEST_UNKNOWN` (distribution-spec, "Error Codes"); empty where there is none.
        message: The registry's words, on one line.
    """

    code: SafeText
    message: SafeText


def parse_catalog(data: bytes) -> tuple[SafeText, ...]:
    """Read one page of a registry's repositories, in its order and without repetition.

    Raises:
        MalformedDocumentError: It is not such a list.
    """
    return _names(data, "repositories", "The list of repositories")


def parse_tags(data: bytes) -> tuple[SafeText, ...]:
    """Read one page of a repository's tags, in the registry's order and without repetition.

    Raises:
        MalformedDocumentError: It is not such a list.
    """
    return _names(data, "tags", "The list of tags")


def _names(data: bytes, key: str, what: str) -> tuple[SafeText, ...]:
    values = read_object(data, what)
    if key not in values:
        raise MalformedDocumentError(f"{what} has no “{key}”.")
    names = values[key]
    if names is None:  # how Go writes an empty list
        return ()
    if not isinstance(names, list):
        raise MalformedDocumentError(f"{what} is something else than a list.")
    return safe_lines(dict.fromkeys(name for name in names if isinstance(name, str)))


def parse_error(data: bytes, content_type: str = "") -> tuple[ErrorDetail, ...]:
    """Read a registry's or a token server's reasons from the body of a failure, whatever it is; never raises.

    Args:
        data: The body, or its beginning.
        content_type: The header of that name.

    Returns:
        At most sixteen reasons; none if the body says nothing.
    """
    if is_web_page(data) or content_type.partition(";")[0].strip().lower() == "text/html":
        title = page_title(data)
        return (ErrorDetail(SafeText(""), title),) if title else ()
    try:
        value = read_json(data, "The error")
    except MalformedDocumentError:  # no JSON, so it may be for people
        words = _words(data[:_WORDS_WITHIN].decode("utf-8", "replace"))
        return (ErrorDetail(SafeText(""), words),) if words else ()
    return tuple(detail for detail, _ in zip(_details(value), range(_DETAILS_LIMIT), strict=False))


def _details(value: object) -> Iterator[ErrorDetail]:
    if isinstance(value, str):
        yield from _detail("", value)
        return
    values = as_object(value)
    errors = values.get("errors")
    if isinstance(errors, list) and errors:
        for error in errors:
            yield from _detail("", error) if isinstance(error, str) else _reason(as_object(error))
    else:
        yield from _reason(values)


def _reason(values: Object) -> Iterator[ErrorDetail]:
    """The spellings: the distribution-spec's, OAuth 2's, Google's nested one, and what token servers make up."""
    error = values.get("error")
    if isinstance(error, dict):
        values, error = error, None
    said = [
        text
        for key in ("message", "error_description", "details", "detail")
        if isinstance(text := values.get(key), str) and text.strip()
    ]
    code = as_text(values.get("code"))
    if said:
        yield from _detail(code or error, said[0])
    else:
        yield from _detail(code, error)


def _detail(code: object, message: object) -> Iterator[ErrorDetail]:
    detail = ErrorDetail(_words(code), _words(message))
    if detail.code or detail.message:
        yield detail


def _words(value: object) -> SafeText:
    if not isinstance(value, str):
        return SafeText("")
    return safe_text(" ".join(value.split()), limit=_WORDS_LIMIT)
