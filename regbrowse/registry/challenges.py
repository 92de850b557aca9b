"""What a registry asks for before it answers: challenges, and which of them a request has to meet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a `WWW-Authenticate` header, scheme and names of parameters in lower case."""

    scheme: str
    parameters: Mapping[str, str]


class ChallengeManager:
    """Remembers what each entrance to an API asked for last (seed-registry-package.md §10).

    An entrance is scheme, host, port (the scheme's own if none is spelled) and path; host and scheme in lower case,
    and without the query. Only an answer of 401 asks for anything.
    """

    def __init__(self) -> None:
        self._asked: dict[str, tuple[Challenge, ...]] = {}

    def add(self, url: str, status: int, values: Sequence[str]) -> None:
        """Remember an answer, in place of an earlier one from there.

        Args:
            url: Where it came from, after all redirects.
            status: Its HTTP status.
            values: Of its `WWW-Authenticate` lines.

        Raises:
            ValueError: `url` is no address of a server.
        """
        parts = urlsplit(url)
        self._asked[_entrance(parts, parts.path)] = parse_challenges(values) if status == 401 else ()

    def get(self, url: str) -> tuple[Challenge, ...]:
        """The challenges that a request for `url` has to meet.

        They are those of the v2 entrance above it: of its path up to the first `/v2/`; a path with `/v1/` has the
        entrance `/v2/` at the same place. Every other path has none.

        Raises:
            ValueError: `url` is no address of a server.
        """
        parts = urlsplit(url)
        for version in ("/v2/", "/v1/"):
            prefix, found, _ = parts.path.partition(version)
            if found:
                return self._asked.get(_entrance(parts, f"{prefix}/v2/"), ())
        return ()


def _entrance(parts: SplitResult, path: str) -> str:
    port = parts.port or _PORTS.get(parts.scheme)
    if not parts.hostname or port is None:
        raise ValueError("This is no address of a web server.")
    return f"{parts.scheme}://{parts.hostname}:{port}{path}"


_PORTS: Final = {"http": 80, "https": 443}
_HEADER_LIMIT: Final = 16_384
_CHALLENGES_LIMIT: Final = 16
_PARAMETERS_LIMIT: Final = 32
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME: Final = re.compile(rf"[\s,]*({_TOKEN})(?=\s|,|$)")
_PARAMETER: Final = re.compile(rf'[\s,]*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_TOKEN68: Final = re.compile(r"\s+([A-Za-z0-9._~+/-]+=*)\s*(?=,|$)")


def parse_challenges(values: Sequence[str]) -> tuple[Challenge, ...]:
    """Parse the values of all `WWW-Authenticate` lines (RFC 9110 §11.6.1), as far as they make sense.

    Several challenges may stand on one line, or each on its own: Docker reads one a line and loses the others
    (seed-registry-package.md §10), and stops at blanks around `=` and at empty values, which are read here. As there,
    schemes that nobody knows are kept. What cannot be read is left out; a challenge with a control character in a
    value is left out whole. Of a repeated parameter the first counts.
    """
    challenges: list[Challenge] = []
    budget = _HEADER_LIMIT
    for value in values:
        if len(value) > budget:
            break
        budget -= len(value)
        challenges += _parse_line(value)
    return tuple(challenges[:_CHALLENGES_LIMIT])


def _parse_line(value: str) -> list[Challenge]:
    found: list[Challenge] = []
    position = 0
    while len(found) < _CHALLENGES_LIMIT and (scheme := _SCHEME.match(value, position)):
        position = scheme.end()
        parameters: dict[str, str] = {}
        while len(parameters) < _PARAMETERS_LIMIT and (parameter := _PARAMETER.match(value, position)):
            position = parameter.end()
            quoted, plain = parameter[2], parameter[3]
            text = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            parameters.setdefault(parameter[1].lower(), text)
        if not parameters and (opaque := _TOKEN68.match(value, position)):
            position = opaque.end()
        if all(text.isprintable() for text in parameters.values()):
            found.append(Challenge(scheme[1].lower(), parameters))
    return found
