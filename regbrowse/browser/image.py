"""An image, opened step by step: the document that its name leads to, its platforms, the one chosen, its history."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from regbrowse.browser.details import HERE, preferred
from regbrowse.browser.states import ImageState, Phase, PlatformChoice
from regbrowse.registry import media_types
from regbrowse.registry.artifacts import artifact_name
from regbrowse.registry.digest import Digest
from regbrowse.registry.history import join_history, schema1_steps
from regbrowse.registry.models import Descriptor, Document, Index, Manifest, Platform, Schema1
from regbrowse.registry.reference import Target
from regbrowse.registry.text import SafeText, safe_text

if TYPE_CHECKING:
    from regbrowse.registry.client import RegistryClient

NESTING_LIMIT: Final = 4
CHOICES_LIMIT: Final = 1_000
FOREIGN_CONFIG_LIMIT: Final = 64 * 1024


async def image_states(
    client: RegistryClient,
    target: Target,
    *,
    chosen: Digest | None = None,
    wish: Platform = HERE,
    fresh: bool = False,
) -> AsyncIterator[ImageState]:
    """Open the image that `target` names. Each state knows more than the one before; the last is READY.

    Args:
        chosen: The platform's manifest to show, of those that an index offers.
        wish: The platform to show if nothing was chosen.
        fresh: Ask the registry even if the tag was seen a moment ago.

    Raises:
        RegistryError: What the last state lacks could not be found.
    """
    state = ImageState(target)
    yield state
    repository = state.target.repository
    reference = str(state.target.reference or "latest")
    document = await client.manifest(repository, reference, fresh=fresh)
    state = replace(state, document=document, artifact=artifact_name(document))
    yield state

    manifest = document
    if isinstance(document.content, Index):
        entries = await _images(client, repository, document.content)
        state = replace(state, choices=_choices(entries, document.content))
        entry = next((entry for entry in entries if entry.digest == chosen), None) or preferred(entries, wish)
        if entry is None:
            yield replace(state, phase=Phase.READY, manifest=document)
            return
        chosen_one = next(choice for choice in state.choices if choice.digest == entry.digest)
        state = replace(state, chosen=chosen_one)
        yield state
        manifest = await client.manifest(repository, entry.digest)
    state = replace(state, manifest=manifest, artifact=state.artifact or artifact_name(manifest))
    yield state
    yield await _explained(client, state, manifest)


async def _explained(client: RegistryClient, state: ImageState, manifest: Document) -> ImageState:
    """The state with the history of `manifest`, and the configuration where there is one for images."""
    content = manifest.content
    if isinstance(content, Schema1):
        return replace(state, phase=Phase.READY, config=content.config, steps=schema1_steps(content))
    if not isinstance(content, Manifest):
        return replace(state, phase=Phase.READY)
    if content.config is None or content.config.media_type not in media_types.IMAGE_CONFIGS:
        steps = join_history((), content.layers)
        raw = await _foreign_config(client, state.target.repository, content.config)
        return replace(state, phase=Phase.READY, raw_config=raw, steps=steps)
    config, raw = await client.config(state.target.repository, content.config)
    steps = join_history(config.history, content.layers)
    return replace(state, phase=Phase.READY, config=config, raw_config=raw, steps=steps)


async def _foreign_config(client: RegistryClient, repository: str, config: Descriptor | None) -> bytes | None:
    """The configuration of what is no image, if it is JSON that a person may want to read: a chart's description."""
    if config is None or not config.media_type.endswith("+json") or config.size > FOREIGN_CONFIG_LIMIT:
        return None
    if config.media_type == media_types.OCI_EMPTY:
        return None
    return await client.blob(repository, config, limit=FOREIGN_CONFIG_LIMIT)


async def _images(client: RegistryClient, repository: str, index: Index) -> list[Descriptor]:
    """The images of `index` and of the indexes in it, each once, in their order."""
    found: dict[Digest, Descriptor] = {}
    visited: set[Digest] = set()

    async def walk(entries: tuple[Descriptor, ...], depth: int) -> None:
        for entry in entries:
            if len(found) >= CHOICES_LIMIT or entry.digest in visited:
                continue
            visited.add(entry.digest)
            if entry.media_type not in media_types.INDEXES:
                found[entry.digest] = entry
            elif depth < NESTING_LIMIT:
                nested = await client.manifest(repository, entry.digest)
                if isinstance(nested.content, Index):
                    await walk(nested.content.images, depth + 1)

    await walk(index.images, 1)
    return list(found.values())


def _choices(entries: list[Descriptor], index: Index) -> tuple[PlatformChoice, ...]:
    attestations = Counter(entry.attests for entry in index.manifests)
    return tuple(
        PlatformChoice(entry.digest, _label(entry), entry.size, attestations[entry.digest]) for entry in entries
    )


def _label(entry: Descriptor) -> SafeText:
    platform = entry.platform
    if platform and platform.is_known:
        version = f" {platform.os_version}" if platform.os_version else ""
        return safe_text(f"{platform}{version}")
    return entry.artifact_type or safe_text(entry.digest.short)
