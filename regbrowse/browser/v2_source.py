"""A registry over v2: the client's calls as rows and images."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from regbrowse.browser.details import tag_details
from regbrowse.browser.image import image_states
from regbrowse.browser.source import Reach, account_words, security_words
from regbrowse.browser.states import ImageState, TagDetails
from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import DeniedError
from regbrowse.registry.models import Page, Platform
from regbrowse.registry.reference import Target
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.throttle import Priority

if TYPE_CHECKING:
    from regbrowse.registry.client import RegistryClient


class V2Source:
    """Asks a v2 registry.

    Args:
        client: Sends the requests; closed with this.
    """

    search: Final = None

    def __init__(self, client: RegistryClient) -> None:
        self.client = client

    @property
    def reach(self) -> Reach | None:
        endpoint = self.client.transport.endpoint
        if endpoint is None:
            return None
        account = self.client.transport.authorizer.account
        return Reach(
            safe_text(f"{endpoint.base}/v2/"),
            security_words(endpoint.scheme, verified=endpoint.verify),
            account_words(account.username, account.origin) if account else account_words("", ""),
            SafeText("v2" if self.is_confirmed else ""),
            safe_text(endpoint.host if endpoint.mirror else ""),
        )

    @property
    def cached(self) -> int:
        return self.client.served_from_memory

    @property
    def is_confirmed(self) -> bool:
        return self.client.is_confirmed

    async def enter(self) -> None:
        with suppress(DeniedError):
            await self.client.ping()

    def catalog(self) -> AsyncIterator[Page]:
        return self.client.catalog()

    def tags(self, repository: str) -> AsyncIterator[Page]:
        return self.client.tags(repository)

    async def tag_details(self, repository: str, tag: str, *, wish: Platform, priority: Priority) -> TagDetails:
        return await tag_details(self.client, repository, tag, wish=wish, priority=priority)

    def image(self, target: Target, *, chosen: Digest | None, wish: Platform, fresh: bool) -> AsyncIterator[ImageState]:
        return image_states(self.client, target, chosen=chosen, wish=wish, fresh=fresh)

    async def aclose(self) -> None:
        await self.client.aclose()
