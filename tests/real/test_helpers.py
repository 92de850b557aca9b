"""Helpers as Debian has them: one over pass and GnuPG, one over the Secret Service of a private session."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from regbrowse.credentials.helper import DOCKER_HUB_SERVER, Helper, installed_helpers
from regbrowse.credentials.helper_keeper import HelperKeeper
from regbrowse.registry.errors import CredentialError
from tests.real.secret_service import bus_session, keyring_daemon, secret_service

HOST: Final = "registry.corp:5000"
USER: Final = "canary-user"
SECRET: Final = "canary-pass"
_KEY: Final = "helpers@regbrowse.example"

_PACKAGES: Final = {
    "docker-credential-pass": "golang-docker-credential-helpers",
    "docker-credential-secretservice": "golang-docker-credential-helpers",
    "gpg": "gnupg",
    "pass": "pass",
}
"""Programs, and Debian's packages that have them."""


def _require_packages() -> None:
    missing = sorted({package for program, package in _PACKAGES.items() if shutil.which(program) is None})
    if missing:
        reason = f"not installed: Debian's {' '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@contextmanager
def _password_store(passphrase: str = "") -> Iterator[Mapping[str, str]]:
    """An empty store of pass with a key of its own; gives the variables to use it."""
    _require_packages()
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder:  # short, as the path of a socket must be
        environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": folder,
            "GNUPGHOME": folder,
            "PASSWORD_STORE_DIR": f"{folder}/store",
        }

        def run(*command: str) -> None:
            subprocess.run(command, env=environ, check=True, capture_output=True, timeout=120, start_new_session=True)

        try:
            unasked = ("--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase)
            run("gpg", *unasked, "--quick-generate-key", _KEY, "future-default", "default", "never")
            run("pass", "init", _KEY)
            run("gpgconf", "--kill", "all")  # it remembers the passphrase
            yield environ
        finally:
            run("gpgconf", "--kill", "all")


@pytest.fixture(scope="module")
def password_store() -> Iterator[Mapping[str, str]]:
    with _password_store() as environ:
        yield environ


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    _require_packages()
    with secret_service(tmp_path_factory.mktemp("home")) as environ:
        yield environ


@pytest.fixture(params=["pass", "secretservice"])
def helper(request: pytest.FixtureRequest) -> Helper:
    environ = request.getfixturevalue("password_store" if request.param == "pass" else "session")
    return Helper(request.param, environ, within=60)


def test_both_are_found(password_store: Mapping[str, str]) -> None:
    assert {"pass", "secretservice"} <= {*installed_helpers(password_store)}


@pytest.mark.parametrize("server", ["registry.corp", HOST, "[::1]:5000", DOCKER_HUB_SERVER])
async def test_what_was_stored_is_there_until_it_is_erased(helper: Helper, server: str) -> None:
    assert await helper.get(server) is None
    await helper.store(server, USER, SECRET)
    assert await helper.get(server) == (USER, SECRET)
    await helper.erase(server)
    assert await helper.get(server) is None


async def test_a_login_for_a_path_is_none_for_its_host(helper: Helper) -> None:
    await helper.store(f"https://{HOST}/regbrowse/{USER}", USER, SECRET)
    assert await helper.get(HOST) is None
    await helper.erase(f"https://{HOST}/regbrowse/{USER}")


@pytest.mark.parametrize("secret", [SECRET, "pässwörd \\\"'$x", "x" * 8_000])
async def test_a_keeper_gives_back_what_was_put(helper: Helper, secret: str) -> None:
    keeper = HelperKeeper(helper)
    await helper.store(HOST, USER, "docker's")
    await keeper.put(HOST, "robot$team+ci", secret)
    await keeper.put(HOST, USER, "another")
    assert await keeper.get(HOST, "robot$team+ci") == secret
    for username in ("robot$team+ci", USER, "nobody"):
        await keeper.remove(HOST, username)
        assert await keeper.get(HOST, username) is None
    assert await helper.get(HOST) == (USER, "docker's")
    await helper.erase(HOST)


async def test_pass_loses_the_last_line_feed_and_so_does_not_keep_such_a_login(
    password_store: Mapping[str, str],
) -> None:
    keeper = HelperKeeper(Helper("pass", password_store, within=60))
    with pytest.raises(CredentialError, match="docker-credential-pass did not keep the login of canary-user"):
        await keeper.put(HOST, USER, f"{SECRET}\n")
    assert await keeper.get(HOST, USER) is None


async def test_a_key_whose_passphrase_nobody_can_type_is_an_error() -> None:
    with _password_store(passphrase="wanted") as environ:
        helper = Helper("pass", {**environ, "GPG_TTY": "/dev/tty"}, within=60)
        await helper.store(HOST, USER, SECRET)
        with pytest.raises(CredentialError, match="docker-credential-pass failed: ") as raised:
            await helper.get(HOST)
    assert SECRET not in raised.value.user_message
    assert "Run docker-credential-pass list in a shell" in raised.value.next_step


async def test_a_login_that_a_locked_key_does_not_let_read_back_can_be_removed() -> None:
    with _password_store(passphrase="wanted") as environ:
        keeper = HelperKeeper(Helper("pass", environ, within=60))
        with pytest.raises(CredentialError, match="docker-credential-pass failed: "):
            await keeper.put(HOST, USER, SECRET)
        await keeper.remove(HOST, USER)
        assert await keeper.get(HOST, USER) is None


async def test_a_store_of_pass_that_was_never_set_up_says_so(tmp_path: Path) -> None:
    _require_packages()
    environ = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(tmp_path)}
    with pytest.raises(CredentialError, match="password store is empty"):
        await Helper("pass", environ, within=60).store(HOST, USER, SECRET)


async def test_a_locked_keyring_keeps_no_login(tmp_path: Path) -> None:
    """This helper says of a locked keyring that there is nothing in it: only to write tells that it is locked."""
    _require_packages()
    with bus_session(tmp_path) as session:
        keeper = HelperKeeper(Helper("secretservice", session.environ, within=60))
        with keyring_daemon(session):
            await keeper.put(HOST, USER, "first")
        with keyring_daemon(session, is_unlocked=False):
            with pytest.raises(CredentialError, match="docker-credential-secretservice did not keep the login"):
                await keeper.put(HOST, USER, SECRET)
            assert await keeper.get(HOST, USER) is None
        with keyring_daemon(session):
            assert await keeper.get(HOST, USER) == "first"


async def test_without_a_session_the_secret_service_is_an_error(tmp_path: Path) -> None:
    _require_packages()
    environ = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    with pytest.raises(CredentialError, match="docker-credential-secretservice failed: "):
        await Helper("secretservice", environ, within=60).get(HOST)
