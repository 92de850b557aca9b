"""One registry over one protocol, as the browser model asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from regbrowse.browser.states import ImageState, TagDetails
from regbrowse.registry.digest import Digest
from regbrowse.registry.models import Page, Platform
from regbrowse.registry.reference import Target
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.throttle import Priority

if TYPE_CHECKING:
    from regbrowse.registry.v1.models import SearchResults

FindRepositories = Callable[[str, int], "Awaitable[SearchResults]"]
"""Finds at most so many repositories by words."""


NOT_KNOWN: Final = frozenset({404, 405, 501})
"""How a server answers that does not know a path at all."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How a registry is reached, for the header.

    Attributes:
        url: Where the protocol's paths begin.
        security: What protects the connection.
        account: Who is logged in.
        protocol: `v2` or `v1`; empty as long as the server showed no sign of either.
        via: The mirror that answers in the registry's place; empty if it answers itself.
    """

    url: SafeText
    security: SafeText
    account: SafeText
    protocol: SafeText
    via: SafeText

    @property
    def words(self) -> tuple[SafeText, ...]:
        """The same in the order of the header, what does not apply left out."""
        via = safe_text(f"mirror {self.via}" if self.via else "")
        return tuple(filter(None, (self.protocol, via, self.security, self.account)))


def security_words(scheme: str, *, verified: bool) -> SafeText:
    """What protects a connection, in two words."""
    if scheme == "http":
        return SafeText("plain HTTP")
    return SafeText("TLS verified" if verified else "TLS not verified")


ANONYMOUS: Final = SafeText("anonymous")


def account_words(username: str, origin: str) -> SafeText:
    """Who is logged in, and where the login is from; anonymous without a name."""
    return safe_text(f"{username} ({origin})", limit=60) if username else ANONYMOUS


class Source(Protocol):
    """What a registry is asked. Every failure is a `RegistryError`."""

    @property
    def reach(self) -> Reach | None:
        """How the registry is reached; None until it has answered."""

    @property
    def cached(self) -> int:
        """How often something was given without asking the registry."""

    @property
    def is_confirmed(self) -> bool:
        """Whether an answer showed that the registry speaks this protocol."""

    @property
    def search(self) -> FindRepositories | None:
        """Finds repositories by words; None where there is no such call, and only the catalog can be looked through."""

    async def enter(self) -> None:
        """Show who one is, where the registry asks for that. Who is believed may still be permitted nothing.

        Raises:
            WrongLoginError: The login is not believed.
        """

    def catalog(self) -> AsyncIterator[Page]:
        """The repositories, page by page."""

    def tags(self, repository: str) -> AsyncIterator[Page]:
        """The tags of a repository, page by page."""

    async def tag_details(self, repository: str, tag: str, *, wish: Platform, priority: Priority) -> TagDetails:
        """What the row of a tag says."""

    def image(self, target: Target, *, chosen: Digest | None, wish: Platform, fresh: bool) -> AsyncIterator[ImageState]:
        """An image, step by step."""

    async def aclose(self) -> None:
        """Close every connection."""
