"""Break a shell script at the places where a person would have broken it, without changing what it says.

This is no parser of a shell: it knows quotes, substitutions, here-documents and the keywords that nest. What it does
not understand stays together on one line.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final

_DEPTH_LIMIT: Final = 8


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a shell quotes and joins.

    Attributes:
        token: One token outside of double quotes; the name of the group that matched says its kind.
        quoted: The same inside of double quotes.
        nests: Whether `{` … `}` holds its commands together.
    """

    token: re.Pattern[str]
    quoted: re.Pattern[str]
    nests: bool = False


def _dialect(escape: str, operators: str, *, single: bool, backtick: bool, nests: bool) -> Dialect:
    escape = re.escape(escape)
    quote = r"""(?P<quote>["`])""" if backtick else '(?P<quote>")'
    opening = r"(?P<open>\$[({]|[({])"
    plain = r"[\w./=:,%+@~*?!\[\]-]+|."
    outside = [
        rf"(?P<continuation>{escape}\n[ ]*)|{escape}.|(?P<operator>{operators})|(?P<blank>[ ]+)|(?P<newline>\n)",
        rf"(?P<comment>(?<![^\s;(])\#[^\n]*)|{opening}|(?P<close>[)}}])|{quote}",
    ]
    if single:
        outside.append("'[^']*'?")
    if backtick:
        outside.append(r"<<<|(?P<heredoc><<-?[ ]*(?P<mark>['\"]?)(?P<word>[A-Za-z_]\w*)(?P=mark))")
    inside = rf"{escape}.|(?P<open>\$[({{])|{quote}|{plain}"
    return Dialect(re.compile("|".join([*outside, plain]), re.DOTALL), re.compile(inside, re.DOTALL), nests)


POSIX: Final = _dialect("\\", r"&&|\|\||;;&?|;", single=True, backtick=True, nests=False)
POWERSHELL: Final = _dialect("`", r"&&|\|\||;", single=True, backtick=False, nests=True)
CMD: Final = _dialect("^", r"&&|\|\|", single=False, backtick=False, nests=False)

_CLOSING: Final = {")": "(", "}": "{"}


@dataclass(frozen=True, slots=True)
class _Part:
    """A simple command with the operator before it or the terminator after it, or a line that stays as it is."""

    text: str
    before: str = ""
    after: str = ""
    hanging: bool = False
    verbatim: bool = False


def break_script(script: str, dialect: Dialect = POSIX) -> list[str]:
    """Lay a script out: a new line before `&&` and `||`, after `;`, and where the script has one.

    Bodies of `if`, `for`, `while` and `case` are indented, their conditions stay on one line. Here-documents stay as
    they are. All characters but blanks and line continuations are kept, in order.
    """
    layout = _Layout()
    for part in _parts(script, dialect):
        layout.add(part)
    return [line for text in layout.lines for line in text.split("\n")] or [""]


def _parts(script: str, dialect: Dialect) -> Iterator[_Part]:
    text: list[str] = []
    before, hanging = "", False
    nesting: list[str] = []
    heredocs: list[str] = []
    position = 0
    while position < len(script):
        lexer = dialect.quoted if nesting[-1:] == ['"'] else dialect.token
        match = lexer.match(script, position)
        assert match is not None, "the last alternative takes any character"
        token, kind = match[0], match.lastgroup
        position = match.end()
        if kind in ("quote", "open", "close"):
            _nest(nesting, token, dialect)
        elif nesting:
            pass
        elif kind == "operator":
            ends = token.startswith(";")
            yield _Part("".join(text), before, token if ends else "", hanging)
            text, before, hanging = [], "" if ends else token, False
            continue
        elif kind in ("newline", "continuation"):
            if text or (before and heredocs):  # the body belongs after an operator at the line's end
                yield _Part("".join(text), before, hanging=hanging)
                text, before, hanging = [], "", kind == "continuation"
            if heredocs and kind == "newline":
                position = yield from _heredoc_bodies(script, position, heredocs)
            continue
        elif kind == "blank":
            token = " " if text else ""
        elif kind == "heredoc":
            heredocs.append(match["word"])
        if token:
            text.append(token)
    yield _Part("".join(text), before, hanging=hanging)


def _nest(nesting: list[str], token: str, dialect: Dialect) -> None:
    innermost = nesting[-1:]
    if token in _CLOSING:
        if innermost == [_CLOSING[token]]:
            nesting.pop()
    elif token in ('"', "`"):
        if innermost == [token]:
            nesting.pop()
        else:
            nesting.append(token)
    elif token != "{" or dialect.nests:
        nesting.append(token[-1])


def _heredoc_bodies(script: str, position: int, heredocs: list[str]) -> Generator[_Part, None, int]:
    while heredocs and position < len(script):
        end = script.find("\n", position)
        end = len(script) if end < 0 else end
        line = script[position:end]
        yield _Part(line, verbatim=True)
        position = end + 1
        if line.strip() == heredocs[0]:
            heredocs.pop(0)
    return position


class _Layout:
    """Lines, and how deep the next one stands."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._depth = 0
        self._in_condition = False
        self._ended = ""

    def add(self, part: _Part) -> None:
        if part.verbatim:
            self.lines.append(part.text)
            self._ended = ""
            return
        text = part.text.strip(" ")
        if self._in_condition and part.before:
            self.lines[-1] += f" {part.before} {text}".rstrip(" ")
        else:
            self._add_command(part, text)
        if part.after:
            self._end(part.after)
        self._ended = part.after

    def _add_command(self, part: _Part, text: str) -> None:
        before = part.before
        word = self._first_word(text)
        while word in ("then", "do", "else") and not before:
            self._add_keyword(word)
            text = text[len(word) :].lstrip(" ")
            word = self._first_word(text)
        if word in ("fi", "done", "esac", "elif"):
            self._depth -= 1
        if text or before:
            self._line(f"{before} {text}".strip(" "), hanging=part.hanging)
        self._in_condition = word in ("if", "elif", "while", "until")
        if word == "case":
            self._depth += 1

    def _add_keyword(self, word: str) -> None:
        if word == "else":
            self._depth -= 1
        if word != "else" and self._ended == ";":
            self.lines[-1] += f" {word}"
        else:
            self._line(word)
        self._ended = ""
        self._depth += 1
        self._in_condition = False

    def _end(self, terminator: str) -> None:
        if self.lines:
            self.lines[-1] += terminator
        else:
            self._line(terminator)

    def _line(self, text: str, *, hanging: bool = False) -> None:
        self._depth = max(self._depth, 0)
        depth = min(self._depth, _DEPTH_LIMIT) + hanging
        self.lines.append("  " * depth + text)

    @staticmethod
    def _first_word(text: str) -> str:
        return text.partition(" ")[0]
