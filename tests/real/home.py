"""A person's home folder, with the files of Docker and Podman in it, and regbrowse used from there."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trustme

from regbrowse.browser.browser import Browser
from regbrowse.credentials.chain import CredentialChain
from tests.browser.test_registries import opened
from tests.real.registry import OTHER_PASSWORD, OTHER_USER, PASSWORD, USER

IDENTITY_TOKEN: Final = "canary-refresh"
WRONG: Final = "canary-wrong"

_HELPER: Final = """\
#!/bin/sh
echo "$1 $(cat)" >> "$0.asked"
cat "$0.says"
exit "$(cat "$0.status")"
"""
"""Says what it was told to say, and writes down what it was asked."""


def basic(username: str, password: str) -> str:
    """What Docker and Podman write as `auth`, and what the Basic scheme sends."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


SECRETS: Final = (
    PASSWORD,
    OTHER_PASSWORD,
    IDENTITY_TOKEN,
    WRONG,
    *(basic(*login) for login in ((USER, PASSWORD), (OTHER_USER, OTHER_PASSWORD), (USER, WRONG))),
    base64.b64encode(b'{"typ"').decode()[:8],  # how every token of the issuer begins
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What `regbrowse --check` said.

    Attributes:
        text: All of it, with one blank between words: the lines of a sentence follow each other.
    """

    status: int
    text: str
    lines: tuple[str, ...]

    def line(self, step: str) -> str:
        """What follows the word `step` in the line that begins with it; empty if there is none."""
        found = (line.partition(" ")[2].strip() for line in self.lines if line.startswith(f"{step} "))
        return next(found, "")


class Helper:
    """A credential helper of Docker's that says what a test wants."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_text(_HELPER)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def has(self, username: str, secret: str) -> None:
        """Have a login for every server that is asked for."""
        self.says(json.dumps({"ServerURL": "https://any.test", "Username": username, "Secret": secret}))

    def says(self, text: str, status: int = 0) -> None:
        """Answer `text`, and end with `status`."""
        self._beside("says").write_text(text)
        self._beside("status").write_text(str(status))

    @property
    def asked(self) -> list[str]:
        """Each command with its server, in order."""
        path = self._beside("asked")
        return path.read_text().splitlines() if path.exists() else []

    def _beside(self, name: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{name}")


@dataclass(frozen=True, slots=True)
class Home:
    """A home folder of its own, in which nothing of this machine's is seen.

    Attributes:
        variables: Set beside those that lead here.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> Mapping[str, str]:
        folders = {
            "HOME": "",
            "XDG_CONFIG_HOME": ".config",
            "XDG_STATE_HOME": ".local/state",
            "XDG_CACHE_HOME": ".cache",
            "XDG_DATA_HOME": ".local/share",
            "XDG_RUNTIME_DIR": "run",
        }
        leading = {name: str(self.folder / path) for name, path in folders.items()}
        path = f"{self.folder / 'bin'}{os.pathsep}{os.defpath}"
        return {"PATH": path, "LANG": "C.UTF-8", **leading, **self.variables}

    @property
    def certs_dir(self) -> Path:
        return self._made("certs.d")

    def trust(self, address: str, authority: trustme.CA | None) -> None:
        """Believe the certificates of `authority` at `address`."""
        assert authority is not None
        authority.cert_pem.write_to_path(str(self._made(f"certs.d/{address}") / "ca.crt"))

    def write_docker(self, **document: Any) -> None:
        """Write Docker's `config.json`."""
        (self._made(".docker") / "config.json").write_text(json.dumps(document))

    def write_podman(self, auths: Mapping[str, str]) -> None:
        """Write Podman's `auth.json` of this session: by registry, or a path in one, a name and password (`basic`)."""
        document = {"auths": {key: {"auth": auth} for key, auth in auths.items()}}
        (self._made("run/containers") / "auth.json").write_text(json.dumps(document))

    def helper(self, name: str) -> Helper:
        """Put a `docker-credential-<name>` in the path."""
        return Helper(self._made("bin") / f"docker-credential-{name}")

    def credentials(self) -> CredentialChain:
        """The stores, as the program finds them here."""
        return CredentialChain.of(self.environ, self.folder)

    @asynccontextmanager
    async def opened(self, url: str) -> AsyncIterator[Browser]:
        """The browser of a registry, as one has it here."""
        async with opened(url, credentials=self.credentials(), certs_dir=self.certs_dir) as browser:
            yield browser

    def check(self, target: str) -> Checked:
        """Run `regbrowse --check`. That no secret is in its output or in its log is seen to."""
        log = self.folder / "log"
        done = subprocess.run(
            [sys.executable, "-m", "regbrowse", "--check", "--certs-dir", self.certs_dir, "--log", log, target],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = f"{done.stdout}{done.stderr}"
        assert "Traceback" not in said
        seen = f"{said}{log.read_text() if log.exists() else ''}"
        assert [secret for secret in SECRETS if secret in seen] == []
        return Checked(done.returncode, " ".join(said.split()), tuple(said.splitlines()))

    def _made(self, path: str) -> Path:
        folder = self.folder / path
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder
