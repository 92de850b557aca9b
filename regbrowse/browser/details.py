"""What a row of the tag list says beside its name, and the care that only rows on screen are asked for."""

from __future__ import annotations

import asyncio
import platform as machine
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from regbrowse.browser.states import Phase, Problem, TagDetails
from regbrowse.registry.artifacts import artifact_name
from regbrowse.registry.errors import RegistryError
from regbrowse.registry.json_values import as_time
from regbrowse.registry.models import Descriptor, Document, Index, Manifest, Platform, Schema1
from regbrowse.registry.text import SafeText
from regbrowse.registry.throttle import Priority

if TYPE_CHECKING:
    from regbrowse.registry.client import RegistryClient

_CREATED: Final = SafeText("org.opencontainers.image.created")
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "AMD64": "amd64"}

HERE: Final = Platform(SafeText("linux"), SafeText(_ARCHITECTURES.get(machine.machine(), machine.machine() or "amd64")))
"""The platform of a container on this machine, which is shown first of an image that has several."""


def preferred(choices: Sequence[Descriptor], wish: Platform = HERE) -> Descriptor | None:
    """The image among `choices` that is for `wish`; else the first for its system; else the first."""
    known = [choice for choice in choices if choice.platform and choice.platform.is_known]

    def fit(choice: Descriptor) -> tuple[bool, bool, bool]:
        found = choice.platform
        if found is None:
            return (False, False, False)
        same_architecture = found.architecture == wish.architecture
        return (found.os == wish.os, same_architecture, not wish.variant or found.variant == wish.variant)

    return max(known, key=fit, default=choices[0] if choices else None)


def said_created(document: Document) -> datetime | None:
    """The time of creation that a manifest's or an index's own annotations give."""
    content = document.content
    return None if isinstance(content, Schema1) else as_time(content.annotations.get(_CREATED))


async def tag_details(
    client: RegistryClient,
    repository: str,
    tag: str,
    *,
    wish: Platform = HERE,
    priority: Priority = Priority.VISIBLE,
) -> TagDetails:
    """Find digest, size, creation and platforms of a tag: two requests for a single image, three for an index.

    Args:
        wish: The platform whose size and creation are given, of an image that has several.
    """
    document = await client.manifest(repository, tag, priority=priority)
    content = document.content
    if isinstance(content, Schema1):
        config = content.config
        return TagDetails(Phase.READY, document.digest, None, config.created, (config.platform,))
    created = said_created(document)
    platforms: tuple[Platform, ...] = ()
    artifact = artifact_name(document)
    if isinstance(content, Index):
        images = content.images
        platforms = tuple(image.platform for image in images if image.platform and image.platform.is_known)
        child = preferred(images, wish)
        if child is None:
            return TagDetails(Phase.READY, document.digest, None, created, artifact=artifact)
        child_document = await client.manifest(repository, child.digest, priority=priority)
        created = created or said_created(child_document)
        content = child_document.content
        if not isinstance(content, Manifest):
            return TagDetails(Phase.READY, document.digest, None, created, platforms, artifact)
    if not artifact and content.config and (created is None or not platforms):
        config, _ = await client.config(repository, content.config, priority=priority)
        created = created or config.created
        if not platforms and config.platform.os:
            platforms = (config.platform,)
    return TagDetails(Phase.READY, document.digest, content.size, created, platforms, artifact)


class VisibleRows:
    """Loads the details of the rows on screen, those and no others.

    Args:
        load: Finds the details of one tag.
        found: Told of the details of a tag, also of a failure.
    """

    def __init__(
        self,
        load: Callable[[SafeText], Awaitable[TagDetails]],
        found: Callable[[SafeText, TagDetails], None],
    ) -> None:
        self._load = load
        self._found = found
        self._tasks: dict[SafeText, asyncio.Task[None]] = {}

    def show(self, tags: Iterable[SafeText]) -> None:
        """These are on screen now: what is under way for others is cancelled, what is missing is begun."""
        wanted = dict.fromkeys(tags)
        for tag in [tag for tag in self._tasks if tag not in wanted]:
            self._tasks.pop(tag).cancel()
        for tag in wanted:
            if tag not in self._tasks:
                self._tasks[tag] = asyncio.create_task(self._details(tag), name=f"details of {tag}")

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        await asyncio.gather(*self._tasks.values())

    async def aclose(self) -> None:
        """End what is under way."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _details(self, tag: SafeText) -> None:
        try:
            details = await self._load(tag)
        except RegistryError as error:
            details = TagDetails(Phase.FAILED, problem=Problem.of(error))
        if self._tasks.get(tag) is asyncio.current_task():
            self._found(tag, details)
