"""Lay JSON out for reading, exactly as it was written: key order, duplicate keys, digits of numbers, escapes.

`json.loads` would lose all of these, so this is a tokenizer of its own with a check of the grammar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import MalformedDocumentError
from regbrowse.registry.text import TEXT_LIMIT, SafeText, safe_text

LINES_LIMIT: Final = 50_000
DEPTH_LIMIT: Final = 200
INDENT: Final = 2
"""Blanks for each level."""

TokenKind = Literal["key", "string", "number", "literal", "punctuation", "digest", "plain"]

_State = Literal["value", "first item", "first key", "key", "colon", "next", "end"]

_LEXER: Final = re.compile(
    r"[ \t\n\r]*(?:"
    r'(?P<string>"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*")'
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<literal>true|false|null)"
    r"|(?P<punctuation>[{}\[\],:])"
    r"|(?P<end>\Z)"
    r")"
)
_BEYOND_ASCII: Final = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class JsonToken:
    """A piece of a line. `digest` is a whole digest without its quotes, which are punctuation beside it."""

    text: SafeText
    kind: TokenKind


@dataclass(frozen=True, slots=True)
class JsonLine:
    """A line of JSON: its tokens' texts, put together, are the line.

    Attributes:
        indent: Blanks at the beginning, which are the first token.
    """

    indent: int
    tokens: tuple[JsonToken, ...]

    @property
    def text(self) -> SafeText:
        return SafeText("".join(token.text for token in self.tokens))


class _NotJsonError(Exception):
    """The text is not JSON, or nested deeper than anyone would."""


def json_lines(raw: bytes) -> tuple[JsonLine, ...]:
    """Lay a document out, two blanks for each level.

    Characters that a terminal must not get are written as JSON's own escapes. What is no JSON (or is nested over
    `DEPTH_LIMIT` deep) comes back line by line as it is, of the kind "plain".

    Args:
        raw: Bytes of any content; read as UTF-8, with U+FFFD for what is not.

    Returns:
        At most `LINES_LIMIT` lines, and then one more that says how much is not shown.
    """
    text = raw.decode("utf-8-sig", errors="replace")
    try:
        return tuple(_layout(text))
    except _NotJsonError:
        return tuple(_plain(text))


def _plain(text: str) -> list[JsonLine]:
    shown = text.split("\n", LINES_LIMIT)
    left_out = len(shown.pop()) if len(shown) > LINES_LIMIT else 0
    lines = [_plain_line(safe_text(line.removesuffix("\r"), limit=TEXT_LIMIT)) for line in shown]
    return [*lines, _left_out(left_out)] if left_out else lines


def _layout(text: str) -> list[JsonLine]:
    layout = _Layout()
    open_until: list[str] = []
    state: _State = "value"
    position = 0
    while len(layout.lines) < LINES_LIMIT:
        match = _LEXER.match(text, position)
        if match is None:
            raise _NotJsonError
        position = match.end()
        kind = match.lastgroup
        token = match[kind] if kind else ""
        if kind == "end":
            if state != "end":
                raise _NotJsonError
            return layout.finished()
        if token in ("}", "]"):
            if state not in ("first key", "first item", "next") or token != open_until.pop():
                raise _NotJsonError
            if state == "next":
                layout.break_line(len(open_until))
            layout.put(_punctuation(token))
            state = "next" if open_until else "end"
            continue
        if state in ("first key", "first item"):
            layout.break_line(len(open_until))
            state = "key" if state == "first key" else "value"
        if state == "key" and kind == "string":
            layout.put(_token(token, "key"))
            state = "colon"
        elif state == "colon" and token == ":":
            layout.put(_punctuation(": "))
            state = "value"
        elif state == "next" and token == ",":
            layout.put(_punctuation(","))
            layout.break_line(len(open_until))
            state = "key" if open_until[-1] == "}" else "value"
        elif state == "value" and token in ("{", "["):
            layout.put(_punctuation(token))
            open_until.append("}" if token == "{" else "]")
            if len(open_until) > DEPTH_LIMIT:
                raise _NotJsonError
            state = "first key" if token == "{" else "first item"
        elif state == "value" and kind != "punctuation":
            layout.put(*_scalar(token, kind))
            state = "next" if open_until else "end"
        else:
            raise _NotJsonError
    return [*layout.lines, _left_out(len(text) - position)]


class _Layout:
    """The lines so far, and the tokens of the one that is being written."""

    def __init__(self) -> None:
        self.lines: list[JsonLine] = []
        self._tokens: list[JsonToken] = []
        self._indent = 0

    def put(self, *tokens: JsonToken) -> None:
        self._tokens += tokens

    def break_line(self, depth: int) -> None:
        self.finished()
        self._indent = depth * INDENT
        self._tokens = [_indentation(self._indent)] if depth else []

    def finished(self) -> list[JsonLine]:
        self.lines.append(JsonLine(self._indent, tuple(self._tokens)))
        return self.lines


def _scalar(token: str, kind: str | None) -> tuple[JsonToken, ...]:
    if kind == "number":
        return (_token(token, "number"),)
    if kind == "literal":
        return (_token(token, "literal"),)
    if token.startswith('"sha'):
        try:
            digest = Digest.parse(token[1:-1])
        except MalformedDocumentError:
            return (_token(token, "string"),)
        quote = _punctuation('"')
        return quote, JsonToken(SafeText(digest), "digest"), quote
    return (_token(token, "string"),)


def _token(token: str, kind: TokenKind) -> JsonToken:
    if token.isascii() and token.isprintable() and len(token) <= TEXT_LIMIT:
        return JsonToken(SafeText(token), kind)
    escaped = _BEYOND_ASCII.sub(lambda match: _escaped(match[0]), token)
    return JsonToken(safe_text(escaped, limit=TEXT_LIMIT), kind)


@lru_cache(maxsize=1024)
def _escaped(character: str) -> str:
    if safe_text(character) == character:
        return character
    units = character.encode("utf-16-be", errors="surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


@lru_cache(maxsize=16)
def _punctuation(text: str) -> JsonToken:
    return JsonToken(SafeText(text), "punctuation")


@lru_cache(maxsize=DEPTH_LIMIT + 1)
def _indentation(cells: int) -> JsonToken:
    return JsonToken(SafeText(" " * cells), "plain")


def _plain_line(text: SafeText) -> JsonLine:
    return JsonLine(0, (JsonToken(text, "plain"),))


def _left_out(characters: int) -> JsonLine:
    return _plain_line(SafeText(f"… {characters:,} more characters are not shown"))
