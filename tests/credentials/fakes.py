"""Keepers and helpers that only this process knows, and what is in the files of Docker and Podman."""

from __future__ import annotations

import base64
import json
from typing import Any

from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText, safe_text

USER = "canary-user"
PASSWORD = "canary-pass"


def entry(user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def auths(**logins: Any) -> str:
    """The content of a file, by host; a user's name stands for a login of that user."""
    return json.dumps(
        {"auths": {key: entry(value) if isinstance(value, str) else value for key, value in logins.items()}}
    )


class FakeHelper:
    """A helper with logins by server, which counts its runs."""

    def __init__(self, **logins: tuple[str, str]) -> None:
        self.logins = logins
        self.asked: list[str] = []
        self.error: CredentialError | None = None

    async def get(self, server: str) -> tuple[str, str] | None:
        self.asked.append(server)
        if self.error:
            raise self.error
        return self.logins.get(server)


class FakeKeeper:
    """A keeper that may fail."""

    def __init__(self, kind: str = "keyring", name: str = "system keyring") -> None:
        self.kind = kind
        self.name = safe_text(name)
        self.secrets: dict[tuple[str, str], str] = {}
        self.asked: list[tuple[str, str]] = []
        self.error: CredentialError | None = None
        self.reason = ""

    async def get(self, host: str, username: str) -> str | None:
        self.asked.append((host, username))
        self._fail()
        return self.secrets.get((host, username))

    async def put(self, host: str, username: str, secret: str) -> None:
        self._fail()
        self.secrets[host, username] = secret

    async def remove(self, host: str, username: str) -> None:
        self._fail()
        self.secrets.pop((host, username), None)

    async def problem(self) -> SafeText:
        return SafeText(self.reason)

    def _fail(self) -> None:
        if self.error:
            raise self.error
