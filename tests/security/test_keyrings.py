"""§5.3 test 47: a keyring that fails costs a login its keeping, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null
from keyring.errors import KeyringLocked

from regbrowse.browser.states import Asks, Phase
from regbrowse.credentials.keyring_keeper import KeyringKeeper
from regbrowse.registry.reference import parse_registry_address
from tests.registry.reaching import PASSWORD, USER
from tests.registry_server import RegistryServer
from tests.security.origins import (
    BASIC,
    content,
    docker_login,
    files_below,
    log_in_and_keep,
    problem,
    registries_of,
    secrets_at,
    shown_tags,
)

ROOT: Final = Path(__file__).parents[2]


@pytest.fixture
def closed() -> Iterator[RegistryServer]:
    """A G with passwords."""
    with RegistryServer(content(), auth=BASIC, etag=False) as server:
        yield server


# 47: keyrings


class Answering(KeyringBackend):
    """A keyring as it should be."""

    priority = -1  # never chosen by itself

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self.entries.pop((service, username), None)


class Stuck(Answering):
    """Seems to be there, and answers nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.over.wait(60)
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        self.over.wait(60)


class Forgetful(Answering):
    """Takes everything and keeps nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Not kept."""


class Raising(Answering):
    """Fails, with the password in its words."""

    def __init__(self, error: type[Exception]) -> None:
        super().__init__()
        self.error = error

    def set_password(self, service: str, username: str, password: str) -> None:
        raise self.error(f"cannot keep {password}")


KEEPING_NOTHING: Final[tuple[Any, ...]] = (fail.Keyring, null.Keyring)


class Chain(chainer.ChainerBackend):
    """A chain of those that keep nothing."""

    priority = -1
    backends: Any = tuple(kind() for kind in KEEPING_NOTHING)


class Plaintext(Answering):
    """As if it were one of the package keyrings.alt."""

    __module__ = "keyrings.alt.file"


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes a backend the one that the package gives, with little patience; those that hang are let go at the end."""
    used: list[Any] = []

    def use(backend: KeyringBackend) -> None:
        used.append(backend)
        monkeypatch.setattr("keyring.core._keyring_backend", backend)
        monkeypatch.setattr(KeyringKeeper.__init__, "__kwdefaults__", {"within": 0.3})

    yield use
    for backend in used:
        if isinstance(backend, Stuck):
            backend.over.set()


@pytest.mark.parametrize("backend", [*KEEPING_NOTHING, Chain, Plaintext])
async def test_47_a_keyring_that_keeps_nothing_is_not_offered(
    closed: RegistryServer, tmp_path: Path, use: Any, backend: type[KeyringBackend]
) -> None:
    """The user gets the other choices, the first of which keeps nothing anywhere, and is told why."""
    use(backend())
    async with registries_of(docker_login(tmp_path)) as registries:
        keepings, reason = await registries.accounts(parse_registry_address(closed.address)).keepings()
    labels = [keeping.label for keeping in keepings]
    assert labels[0] == "this run only"
    assert "system keyring" not in labels
    assert labels[-1].startswith("file ")
    assert "Not encrypted" in keepings[-1].warning
    assert "keyring" in reason
    assert "credentials.json" not in [path.name for path in files_below(tmp_path)]


async def test_47_a_keyring_that_works_is_offered_and_used(closed: RegistryServer, tmp_path: Path, use: Any) -> None:
    """The other direction; the next run finds the login there."""
    backend = Answering()
    use(backend)
    for run in ("this", "next"):
        async with registries_of(docker_login(tmp_path)) as registries:
            if run == "this":
                accounts = registries.accounts(parse_registry_address(closed.address))
                keepings, reason = await accounts.keepings()
                assert reason == ""
                keyring = next(keeping for keeping in keepings if keeping.label == "system keyring")
                assert await log_in_and_keep(accounts, keyring) == ""
            assert (await shown_tags(registries, closed.address)).phase is Phase.READY
    assert backend.entries == {(f"regbrowse:{closed.address}", USER): PASSWORD}


@pytest.mark.parametrize(
    "backend",
    [Stuck, Forgetful, lambda: Raising(KeyringLocked), lambda: Raising(RuntimeError), lambda: Raising(OSError)],
    ids=["stuck", "keeps nothing", "locked", "raises", "raises OSError"],
)
async def test_47_a_login_that_the_keyring_does_not_keep_holds_for_this_run(
    closed: RegistryServer, tmp_path: Path, use: Any, backend: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is used, nothing is written anywhere else instead, and the user is told both."""
    use(backend())
    async with registries_of(docker_login(tmp_path)) as registries:
        accounts = registries.accounts(parse_registry_address(closed.address))
        keepings, _ = await accounts.keepings()
        keyring = next(keeping for keeping in keepings if keeping.label == "system keyring")
        said = await log_in_and_keep(accounts, keyring)
        assert (await shown_tags(registries, closed.address)).phase is Phase.READY
    assert "keyring" in said
    assert "for this run only" in said
    assert PASSWORD not in said + caplog.text
    assert [path for path in files_below(tmp_path) if PASSWORD in path.read_text()] == []
    closed.reset()
    async with registries_of(docker_login(tmp_path)) as registries:
        assert problem(await shown_tags(registries, closed.address)).asks is Asks.LOGIN
    assert secrets_at(closed) == []


async def test_47_a_keyring_that_has_a_login_and_does_not_answer_is_no_empty_one(
    closed: RegistryServer, tmp_path: Path, use: Any
) -> None:
    """Docker has another login for G, which is not sent in its place."""
    use(Answering())
    async with registries_of(docker_login(tmp_path)) as registries:
        accounts = registries.accounts(parse_registry_address(closed.address))
        keepings, _ = await accounts.keepings()
        await log_in_and_keep(accounts, next(each for each in keepings if each.label == "system keyring"))
    closed.reset()
    use(Stuck())
    async with registries_of(docker_login(tmp_path, closed.address)) as registries:
        asked = problem(await shown_tags(registries, closed.address))
    assert "did not answer" in asked.sentence
    assert secrets_at(closed) == []


_RUN: Final = """
import asyncio, sys, threading
from pathlib import Path

async def run():
    from regbrowse.browser.journal import Journal
    from regbrowse.browser.registries import Registries
    from regbrowse.credentials.chain import CredentialChain
    from regbrowse.registry.reference import parse_registry_address
    from regbrowse.registry.service.default import DefaultService
    from regbrowse.settings.visited import Visited

    home = Path(sys.argv[2])
    chain = CredentialChain.of({"PATH": ""}, home, config_folder=home / "regbrowse")
    registries = Registries(chain, DefaultService(certs_dir=None), Visited.load(None), Journal())
    address = parse_registry_address(sys.argv[1])
    states = [state async for state in registries.browser(address).tags("team/app")]
    print(states[-1].phase.value, "keyring" in sys.modules)
    if sys.argv[3] == "hangs":
        import keyring.core

        keyring.core.get_keyring = keyring.get_keyring = lambda: threading.Event().wait()
    accounts = registries.accounts(address)
    keepings, reason = await accounts.keepings()
    print(*(keeping.label for keeping in keepings), sep="|")
    print(reason)
    await registries.aclose()

asyncio.run(run())
"""


@pytest.mark.parametrize("kind", ["hangs", "no D-Bus"])
def test_47_a_session_without_a_keyring_starts_without_one_and_ends(tmp_path: Path, kind: str) -> None:
    """It is not even imported before a login is to be kept; and a thread that hangs in it holds up no end.

    How long that takes is not looked at, but a process that waited for the thread would never end.
    """
    environ = {name: value for name, value in os.environ.items() if "DBUS" not in name and "KEYRING" not in name}
    with RegistryServer(content()) as good:
        done = subprocess.run(
            [sys.executable, "-c", _RUN, good.address, str(tmp_path), kind],
            cwd=ROOT,
            env={**environ, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/none"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    first, labels, reason = done.stdout.splitlines()
    assert first == "ready False"
    assert labels.split("|")[0] == "this run only"
    assert "system keyring" not in labels
    assert "keyring" in reason
    assert done.stderr == ""
