"""Resolvers without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence


class Known:
    """Knows the addresses that it was given, and keeps what it was asked."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self.asked: list[str] = []
        self._addresses = addresses

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        addresses = self._addresses.get(host.replace(".", "_"))
        if addresses is None:
            raise OSError(f"{host} is not known")
        return addresses


async def nobody(host: str) -> Sequence[str]:
    """Has no address for any host."""
    raise OSError(f"{host} is not known")


async def not_to_be_asked(host: str) -> Sequence[str]:
    """For where no look-up may be made."""
    raise AssertionError(f"{host} was looked up")


async def never(_: str) -> Sequence[str]:
    """Does not answer."""
    await asyncio.Event().wait()
    return ()
