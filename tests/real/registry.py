"""Docker's own registry as a process on loopback, and skopeo to look into it."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import ssl
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import trustme
import yaml

from tests.real.images import run
from tests.real.tokens import ISSUER, SERVICE, TokenIssuer

USER: Final = "ada"
PASSWORD: Final = "correct horse"
OTHER_USER: Final = "bob"
OTHER_PASSWORD: Final = "battery staple"
_HASHES: Final = {
    PASSWORD: "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    OTHER_PASSWORD: "$2b$04$abcdefghijklmnopqrstuuhfdSToe28Z2OzxmmHxfI3lnNDfjxoF6",
}
"""Under bcrypt, at its lowest cost: the registry computes it for every request."""

_LISTENING: Final = re.compile(rb"listening on 127\.0\.0\.1:(\d+)")
_START_SECONDS: Final = 60
_EXPIRY_SECONDS: Final = 30


@dataclass(slots=True)
class RealRegistry:
    """A registry that runs.

    Attributes:
        address: `127.0.0.1:port`, as one names it to a client.
        log: The file that it writes to.
        authority: Who signed its certificate; None for plain http.
        user: Who may use it; empty for everybody.
    """

    address: str
    log: Path
    authority: trustme.CA | None
    user: str
    password: str = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def url(self) -> str:
        return f"{'https' if self.authority else 'http'}://{self.address}"

    def inspect(self, reference: str, *options: str) -> Any:
        """Give what `skopeo inspect` says of `reference` (`team/app:1.4.2`), with options such as `--raw`."""
        account = ("--creds", f"{self.user}:{self.password}") if self.user else ("--no-creds",)
        name = f"docker://{self.address}/{reference}"
        return json.loads(run("skopeo", "inspect", "--tls-verify=false", *account, *options, name))

    def write_docker_config(self, directory: Path) -> Path:
        """Write a `config.json` as `docker login` does without a credential helper; gives its path."""
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        path = directory / "config.json"
        path.write_text(json.dumps({"auths": {self.address: {"auth": token}}}))
        return path

    def set_passwords(self, accounts: Mapping[str, str]) -> None:
        """Let in these and nobody else from now on; of a registry with accounts (Basic). The passwords are ours."""
        write_passwords(self.log.parent, accounts)

    @property
    def let_in(self) -> int:
        """How many requests came with a login that is right, or a token."""
        return self.log.read_text(errors="replace").count('msg="authorized request"')

    @property
    def wrong_passwords(self) -> int:
        """How many requests came with a password that is not right."""
        return self.log.read_text(errors="replace").count('msg="error authenticating user')

    def wait_for_expiry(self, token: str) -> None:
        """Block until this registry does not take `token` any more.

        Raises:
            TimeoutError: It still does, after a long time.
        """
        deadline = time.monotonic() + _EXPIRY_SECONDS
        while self._takes(token):
            if time.monotonic() > deadline:
                raise TimeoutError("the token does not expire")
            time.sleep(0.05)

    def _takes(self, token: str) -> bool:
        with contextlib.closing(self._connection()) as connection:
            connection.request("GET", "/v2/", headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status == 200

    def _connection(self) -> http.client.HTTPConnection:
        if self.authority is None:
            return http.client.HTTPConnection(self.address, timeout=30)
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return http.client.HTTPSConnection(self.address, timeout=30, context=context)

    def stop(self) -> None:
        """End the process. May be called again."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class StartRegistry(Protocol):
    """Start a registry that is a test's own; the arguments are those of `start_registry`."""

    def __call__(
        self, *, basic: bool = False, tls: bool = False, port: int = 0, issuer: TokenIssuer | None = None
    ) -> RealRegistry: ...


def start_registry(
    storage: Path,
    scratch: Path,
    *,
    basic: bool = False,
    tls: bool = False,
    port: int = 0,
    issuer: TokenIssuer | None = None,
) -> RealRegistry:
    """Start a registry and wait until it answers.

    Args:
        storage: The folder that it keeps its content in.
        scratch: An empty folder for its configuration and log.
        basic: Let only `USER` with `PASSWORD` in, and `OTHER_USER` with `OTHER_PASSWORD`.
        tls: Serve https, with a certificate for 127.0.0.1, which is also spelled 127.1, and localhost.
        port: The port to listen on; 0 for a free one.
        issuer: Whose tokens it takes, and takes alone.

    Raises:
        RuntimeError: It ended instead, or did not answer, with its log.
    """
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "for tests"},
    }
    if basic:
        write_passwords(scratch, {USER: PASSWORD, OTHER_USER: OTHER_PASSWORD})
        config["auth"] = {"htpasswd": {"realm": "real registry", "path": str(scratch / "htpasswd")}}
    if issuer:
        (scratch / "issuer.pem").write_bytes(issuer.certificate.pem)
        named = {"realm": issuer.realm, "service": SERVICE, "issuer": ISSUER}
        config["auth"] = {"token": {**named, "rootcertbundle": str(scratch / "issuer.pem")}}
    authority = trustme.CA() if tls else None
    if authority:
        leaf = authority.issue_cert("127.0.0.1", "localhost", "127.1")
        leaf.private_key_and_cert_chain_pem.write_to_path(str(scratch / "tls.pem"))
        config["http"]["tls"] = {"certificate": str(scratch / "tls.pem"), "key": str(scratch / "tls.pem")}
    (scratch / "config.yml").write_text(yaml.safe_dump(config))
    log = scratch / "registry.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["docker-registry", "serve", scratch / "config.yml"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    account = (USER, PASSWORD) if basic or issuer else ("", "")
    try:
        return RealRegistry(_listening_address(process, log), log, authority, *account, process)
    except BaseException:
        process.kill()
        process.wait()
        raise


def write_passwords(folder: Path, accounts: Mapping[str, str]) -> None:
    """Write the file of accounts, which a registry reads again once it has changed."""
    lines = (f"{user}:{_HASHES[password]}\n" for user, password in accounts.items())
    (folder / "htpasswd").write_text("".join(lines))


def _listening_address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait for the line in which the registry says where it listens: from then on, connections are taken."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if match := _LISTENING.search(log.read_bytes()):
            return f"127.0.0.1:{match[1].decode()}"
        with contextlib.suppress(subprocess.TimeoutExpired):  # its end is the other thing that may come
            process.wait(timeout=0.01)
    raise RuntimeError(f"docker-registry does not listen:\n{log.read_text(errors='replace')}")
