"""From a host to its addresses, without holding up anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""Gives the addresses of a host, as texts. Raises `OSError` when it has none."""

RESOLVE_WITHIN: Final = 3.0
"""Seconds after which a name counts as unknown: a resolver that is away shall not hold up a registry that is not."""


async def system_resolver(host: str) -> Sequence[str]:
    """The addresses that the system knows for `host`, IPv4 and IPv6.

    Raises:
        OSError: There are none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, None)
    return sorted({str(entry[4][0]) for entry in found})


async def addresses_of(host: str, resolver: Resolver = system_resolver) -> Sequence[str]:
    """The addresses of `host`; none if it is unknown, or if that takes longer than `RESOLVE_WITHIN`."""
    try:
        async with asyncio.timeout(RESOLVE_WITHIN):
            return await resolver(host)
    except (OSError, TimeoutError, UnicodeError):
        return ()
