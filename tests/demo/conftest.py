from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from regbrowse.demo.transport import DemoTransport
from regbrowse.registry.wire import httpx


@pytest.fixture
async def registry() -> AsyncIterator[httpx.AsyncClient]:
    """The sample registry without its delays."""
    async with httpx.AsyncClient(transport=DemoTransport(pace=0), base_url="https://registry.demo") as client:
        yield client
