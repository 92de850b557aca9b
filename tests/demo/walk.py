"""Ways through the sample registry that only know the registry's protocol."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from regbrowse.registry.media_types import DOCKER_SCHEMA1_SIGNED
from regbrowse.registry.wire import httpx


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def signed_payload(document: bytes) -> bytes:
    """What a signed schema 1 manifest is the digest of (distribution, manifest-v2-1.md, "Signed Manifests")."""
    encoded = json.loads(document)["signatures"][0]["protected"]
    protected = json.loads(_base64url(encoded))
    return document[: protected["formatLength"]] + _base64url(protected["formatTail"])


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def pages(registry: httpx.AsyncClient, url: str, key: str) -> list[list[str]]:
    """All pages of a list, following its links."""
    found: list[list[str]] = []
    while url:
        answer = (await registry.get(url)).raise_for_status()
        found.append(answer.json()[key] or [])
        url = answer.links.get("next", {}).get("url", "")
    return found


async def names_of(registry: httpx.AsyncClient, url: str, key: str) -> list[str]:
    return [name for page in await pages(registry, url, key) for name in page]


async def tags_of(registry: httpx.AsyncClient, repository: str) -> list[str]:
    return await names_of(registry, f"/v2/{repository}/tags/list", "tags")


async def documents(registry: httpx.AsyncClient, repository: str, reference: str) -> dict[str, Any]:
    """Every manifest that a reference leads to, and the configurations, by digest; each is checked on its way."""
    answer = (await registry.get(f"/v2/{repository}/manifests/{reference}")).raise_for_status()
    digest = answer.headers["Docker-Content-Digest"]
    media_type = answer.headers["Content-Type"]
    payload = signed_payload(answer.content) if media_type == DOCKER_SCHEMA1_SIGNED else answer.content
    assert digest_of(payload) == digest
    document = answer.json()
    assert document.get("mediaType", media_type) == media_type
    found: dict[str, Any] = {digest: document}
    for child in document.get("manifests", ()):
        below = await documents(registry, repository, child["digest"])
        assert child["digest"] in below
        found |= below
    if "config" in document:
        config = document["config"]
        blob = (await registry.get(f"/v2/{repository}/blobs/{config['digest']}")).raise_for_status()
        assert (digest_of(blob.content), len(blob.content)) == (config["digest"], config["size"])
        found[config["digest"]] = blob.json()
    return found
