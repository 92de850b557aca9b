"""Where a list goes on: the rules of `Link`, and when to stop believing them (`registry-client.md` §3.1, §5.3 17–20).

A link is followed for its query alone: the cursor in it is opaque and belongs to the registry; host, scheme and path
are ours, whatever the link says. So registries behind a proxy that spell their own name wrong still page, and a hostile
link leads nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from regbrowse.registry.text import SafeText, safe_text

PAGE_SIZE: Final = 1_000
PAGES_LIMIT: Final = 10_000
NAMES_LIMIT: Final = 1_000_000
TEXT_LIMIT: Final = 64 * 1024 * 1024
"""Characters of all names of a list together."""

_QUERY_LIMIT: Final = 8_192
"""Characters of a cursor that can be asked for: no server takes a longer line."""

_NOTHING: Final = SafeText("")
_PARAMETER: Final = r'\s*+;\s*+([^,;="\s]++)(?:\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^,;"\s]*+)))?+'
_PARAMETERS: Final = re.compile(_PARAMETER)
_LINK: Final = re.compile(rf"<([^<>]*+)>((?:{_PARAMETER})*+)\s*+(?:,|$)")
"""All possessive: a line that does not match is given up at once instead of being tried in every possible way."""


def next_link(values: Sequence[str]) -> str | None:
    """The target of the first link with the relation `next` (RFC 8288), as it is written."""
    for value in values:
        for link in _LINK.finditer(value[: 2 * _QUERY_LIMIT]):
            if "next" in _relations(link[2]):
                return link[1]
    return None


def _relations(parameters: str) -> list[str]:
    """The relation types of the first `rel`: a second one does not count (RFC 8288 §3.3)."""
    for parameter in _PARAMETERS.finditer(parameters):
        if parameter[1].lower() == "rel":
            return (parameter[2] or parameter[3] or "").lower().split()
    return []


@dataclass(slots=True)
class Pages:
    """Follows one list from page to page.

    Attributes:
        path: Of the list, beginning at `/v2/`, without a query.
        page_size: The `n` that was asked for; 0 if none was.
        notice: Why the list was ended before its end, if it was.
        is_guess: No link led to the page that `after` gave last: a registry may refuse it and have given all.
    """

    path: str
    page_size: int = PAGE_SIZE
    notice: SafeText = _NOTHING
    is_guess: bool = False
    _length: int = 0
    _seen_names: set[str] = field(default_factory=set)
    _seen_pages: set[str] = field(default_factory=set)

    @property
    def first(self) -> str:
        """The first page's path with its query."""
        return f"{self.path}?n={self.page_size}" if self.page_size else self.path

    def take(self, names: Sequence[SafeText]) -> tuple[SafeText, ...]:
        """The names of a page that no earlier page had."""
        fresh = tuple(name for name in names if name not in self._seen_names)
        room = NAMES_LIMIT - len(self._seen_names)
        if len(fresh) > room:
            fresh = fresh[:room]
            self.notice = safe_text(f"The list was cut at {NAMES_LIMIT:,} names.")
        self._seen_names.update(fresh)
        self._length += sum(map(len, fresh))
        if self._length > TEXT_LIMIT:
            self.notice = safe_text("The list was cut: its names are longer than anything sensible.")
        return fresh

    def after(self, names: Sequence[SafeText], fresh: Sequence[SafeText], links: Sequence[str]) -> str | None:
        """The path and query of the page after this one, or None at the end.

        Args:
            names: Of this page, as the registry gave them.
            fresh: Those of them that are new.
            links: The values of its `Link` lines.
        """
        self.is_guess = False
        if self.notice:
            return None
        link = next_link(links)
        if link is None:
            return self._guess(names, fresh)
        if not fresh:
            # Some registries end with a link to an empty page; more than nothing new in a row is a circle.
            self.notice = (
                safe_text("The registry's pages repeat themselves: the list may be incomplete.") if names else _NOTHING
            )
            return None
        if len(self._seen_pages) >= PAGES_LIMIT:
            self.notice = safe_text(f"The list was cut after {PAGES_LIMIT:,} pages.")
            return None
        return self._followed(link)

    def _followed(self, link: str) -> str | None:
        try:
            parts = urlsplit(link)
            target = unquote(parts.path, errors="strict")
        except ValueError:
            parts, target = urlsplit(""), "/"
        tail = self.path.removeprefix("/v2")
        elsewhere = target and not target.endswith(tail) and not tail.endswith(f"/{target}")
        if elsewhere or not parts.query or not _may_be_asked(parts.query):
            shown = safe_text(link.partition("?")[0], limit=100)
            self.notice = safe_text(f"The registry's link to the next page leads elsewhere ({shown}).")
            return None
        page = f"{self.path}?{parts.query}"
        if page in self._seen_pages or page == self.first:
            self.notice = safe_text("The registry's pages go round in a circle: the list may be incomplete.")
            return None
        self._seen_pages.add(page)
        return page

    def _guess(self, names: Sequence[SafeText], fresh: Sequence[SafeText]) -> str | None:
        """A page exactly as long as was asked for and without a link may not be the last: ask once."""
        if not self.page_size or len(names) != self.page_size or not fresh:
            return None
        query = f"n={self.page_size}&last={quote(names[-1], safe='')}"
        self.is_guess = _may_be_asked(query)
        return f"{self.path}?{query}" if self.is_guess else None


def _may_be_asked(query: str) -> bool:
    return len(query) <= _QUERY_LIMIT and query.isprintable()
