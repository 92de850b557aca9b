"""An image layout in memory: contents under their digests, and repositories whose tags name them.

Images are made when they are first asked for, so that a registry with thousands of tags costs nothing until it is read.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Json: TypeAlias = Mapping[str, object]

JSON_TYPE: Final = "application/json"


def encode(value: object) -> bytes:
    """JSON as registries keep it: without blanks, in ASCII, in the order given."""
    return json.dumps(value, separators=(",", ":")).encode()


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Content:
    """A manifest or a blob.

    Attributes:
        digest: The name it is kept under. Only what is broken on purpose has another digest than its data.
    """

    media_type: str
    data: bytes
    digest: str

    @classmethod
    def of(cls, media_type: str, value: bytes | Json) -> Content:
        """The content that holds these bytes, or this JSON, under the right digest."""
        data = value if isinstance(value, bytes) else encode(value)
        return cls(media_type, data, digest_of(data))

    def descriptor(self, **more: object) -> dict[str, object]:
        """A pointer to it (image-spec, descriptor.md), with further fields as given."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data), **more}


@dataclass(frozen=True, slots=True)
class Image:
    """What one tag leads to.

    Attributes:
        manifests: The one that the tag names first; then those below it.
        blobs: Configurations and small layers. Larger layers are only claimed, in their descriptors.
    """

    manifests: tuple[Content, ...]
    blobs: tuple[Content, ...] = ()

    @property
    def top(self) -> Content:
        return self.manifests[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """A ready-made HTTP answer that stands in for the right one."""

    status: int
    body: bytes
    media_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def error(cls, status: int, code: str, message: str, *headers: tuple[str, str]) -> Answer:
        """A failure in the words of distribution-spec, "Error Codes"."""
        return cls(status, encode({"errors": [{"code": code, "message": message}]}), headers=headers)


Recipe: TypeAlias = Callable[[], "Image | Answer"]


class Repository:
    """The tags of one repository and what they lead to.

    Args:
        recipes: How to make the image of each tag. Tags that share an image share its recipe.
        refusal: What to say to every request instead.
        later_pages: What to say instead of the second and every later page of tags.
        delay: Seconds before each answer.
    """

    def __init__(
        self,
        recipes: Mapping[str, Recipe],
        *,
        refusal: Answer | None = None,
        later_pages: Answer | None = None,
        delay: float = 0,
    ) -> None:
        self.tags = sorted(recipes)
        self.refusal = refusal
        self.later_pages = later_pages
        self.delay = delay
        self._recipes = recipes
        self._unmade = dict.fromkeys(recipes.values())
        self._answers: dict[Recipe, Content | Answer] = {}
        self._manifests: dict[str, Content] = {}
        self._blobs: dict[str, Content] = {}

    async def manifest(self, reference: str) -> Content | Answer | None:
        """The manifest that a tag or a digest names, or what is answered in its place."""
        recipe = self._recipes.get(reference)
        return await self._find(self._manifests, reference) if recipe is None else self._make(recipe)

    async def blob(self, digest: str) -> Content | None:
        """The configuration or the small layer of this digest."""
        return await self._find(self._blobs, digest)

    async def _find(self, contents: Mapping[str, Content], digest: str) -> Content | None:
        while digest not in contents and self._unmade:
            self._make(next(iter(self._unmade)))
            await asyncio.sleep(0)  # making thousands would hold up the screen
        return contents.get(digest)

    def _make(self, recipe: Recipe) -> Content | Answer:
        if recipe in self._unmade:
            del self._unmade[recipe]
            made = recipe()
            if isinstance(made, Image):
                self._manifests |= {content.digest: content for content in made.manifests}
                self._blobs |= {content.digest: content for content in made.blobs}
            self._answers[recipe] = made.top if isinstance(made, Image) else made
        return self._answers[recipe]
