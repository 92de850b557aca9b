"""A registry with one repository, `team/app`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.registry_server import Content, RegistryServer


@pytest.fixture
def content() -> Content:
    content = Content()
    content.add_image("team/app", "1.0")
    content.add_image("team/app", "2.0", layers=[b"two"])
    return content


@pytest.fixture
def server(content: Content) -> Iterator[RegistryServer]:
    with RegistryServer(content) as server:
        yield server
