"""A program that asks the system keyring one thing after another, and prints what it is told, as JSON.

Arguments: the seconds for one answer (`default` for the keeper's own), then `problem`, `get`, `put` or `remove`. The
secret to put is read from standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable

from regbrowse.credentials.keyring_keeper import KeyringKeeper
from regbrowse.registry.errors import CredentialError

HOST = "registry.corp:5000"
USER = "canary-user"


async def main(within: str, *actions: str) -> None:
    keeper = KeyringKeeper() if within == "default" else KeyringKeeper(within=float(within))
    for action in actions:
        try:
            said = await doing(keeper, action)
        except CredentialError as error:
            said = f"{error} {error.next_step}"
        print(json.dumps(said), flush=True)


def doing(keeper: KeyringKeeper, action: str) -> Awaitable[str | None]:
    match action:
        case "problem":
            return keeper.problem()
        case "get":
            return keeper.get(HOST, USER)
        case "put":
            return keeper.put(HOST, USER, sys.stdin.read())
        case "remove":
            return keeper.remove(HOST, USER)
    raise ValueError(action)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
