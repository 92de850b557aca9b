"""A registry with one repository, `team/app`, listed in pages of four."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.browsing import NAMES
from tests.registry_server import Content, RegistryServer


@pytest.fixture
def content() -> Content:
    content = Content()
    content.add_image("team/app", NAMES[0], platform="linux/amd64")
    content.add_tags("team/app", NAMES, like=NAMES[0])
    return content


@pytest.fixture
def server(content: Content) -> Iterator[RegistryServer]:
    with RegistryServer(content, page_size=4) as server:
        yield server


@pytest.fixture
def multi(content: Content) -> dict[str, str]:
    """Digests of an index's images by platform, and of the index."""
    names = ("windows/amd64", "linux/arm64", "linux/amd64", "linux/arm/v7")
    found = {name: content.add_image("team/app", None, platform=name) for name in names}
    return {**found, "index": content.add_index("team/app", "multi", *found.values())}
