"""§5.3 tests 45 and 46: helpers that fail, and what they are never told."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from regbrowse.browser.states import Asks, Phase
from regbrowse.credentials.chain import CredentialChain
from regbrowse.credentials.helper import Helper
from regbrowse.registry.errors import CredentialError
from tests.registry.reaching import LOGIN, PASSWORD, USER
from tests.registry_server import RegistryServer
from tests.security.origins import (
    BASIC,
    assert_learnt_nothing,
    content,
    problem,
    registries_of,
    secrets_at,
    shown_catalog,
    shown_image,
    shown_tags,
)


@pytest.fixture
def closed() -> Iterator[RegistryServer]:
    """A G with passwords."""
    with RegistryServer(content(), auth=BASIC, etag=False) as server:
        yield server


def write_helper(folder: Path, script: str, name: str = "test") -> None:
    """A credential helper that notes in `told` that it was run, and with what."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"docker-credential-{name}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\n{{ echo "$@"; cat; echo; }} >> "{folder}/told"\n{script}\n')
    path.chmod(0o755)


def told(folder: Path) -> list[str]:
    path = folder / "told"
    return path.read_text().split() if path.exists() else []


def stores(home: Path, config: dict[str, Any], **podman: tuple[str, str]) -> CredentialChain:
    """Docker's config, which names a helper, and Podman's file, which is asked after it."""
    auths = {host: {"auth": base64.b64encode(":".join(pair).encode()).decode()} for host, pair in podman.items()}
    for name, text in ((".docker/config.json", config), (".config/containers/auth.json", {"auths": auths})):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(json.dumps(text))
    environ = {"PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}", "XDG_RUNTIME_DIR": str(home / "run")}
    return CredentialChain.of(environ, home)


# 45: helpers


async def test_45_a_helper_s_login_is_used(closed: RegistryServer, tmp_path: Path) -> None:
    """The other direction: it is asked for the host, and only by a challenge."""
    write_helper(tmp_path / "bin", f"""echo '{{"ServerURL":"x","Username":"{USER}","Secret":"{PASSWORD}"}}'""")
    async with registries_of(stores(tmp_path, {"credsStore": "test"})) as registries:
        assert (await shown_tags(registries, closed.address)).phase is Phase.READY
    assert told(tmp_path / "bin") == ["get", closed.address]
    assert set(secrets_at(closed)) == {LOGIN.basic}


@pytest.mark.parametrize(
    "words", ["credentials not found in native keychain", "credentials not found in native keychain\n\n"]
)
async def test_45_a_helper_that_has_none_is_an_empty_store(closed: RegistryServer, tmp_path: Path, words: str) -> None:
    write_helper(tmp_path / "bin", f"printf '{words}'; exit 1")
    async with registries_of(stores(tmp_path, {"credsStore": "test"})) as registries:
        assert problem(await shown_tags(registries, closed.address)).asks is Asks.LOGIN
    assert secrets_at(closed) == []


FAILING: Final = {
    "an error": ("echo 'gpg: decryption failed'; exit 1", "gpg: decryption failed"),
    "an error on stderr": ("echo broken >&2; exit 2", "broken"),
    "a silent error": ("exit 3", "exit code 3"),
    "no words that are known": ("echo 'credentials not found'; exit 1", "credentials not found"),
    "a signal": ("kill -9 $$", "signal 9"),
    "garbage": ("echo 'not JSON'", "not a login"),
    "nothing": ("true", "not a login"),
    "a list": ("echo '[]'", "not a login"),
    "a login of another form": (f"""echo '{{"Username":["{USER}"],"Secret":"{PASSWORD}"}}'""", "not a login"),
    "10 MiB": ("head -c 10485760 /dev/zero", "more than 256 KiB"),
    "no answer": ("sleep 600", "did not answer within"),
    "not installed": ("", "is not installed"),
}


@pytest.mark.parametrize("kind", FAILING)
@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
async def test_45_a_helper_that_fails_is_told_and_nothing_is_sent_in_its_place(
    closed: RegistryServer, tmp_path: Path, kind: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is one nobody then, nor another store's account, nor that of another host."""
    script, words = FAILING[kind]
    if script:
        write_helper(tmp_path / "bin", script)
    if kind == "no answer":
        monkeypatch.setattr(
            Helper.__init__, "__kwdefaults__", {**(Helper.__init__.__kwdefaults__ or {}), "within": 0.2}
        )
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    config = {
        "auths": {closed.address: {}, "other.test": {"auth": auth}, "127.0.0.1": {"auth": auth}},
        key: {closed.address: "test"} if key == "credHelpers" else "test",
    }
    chain = stores(tmp_path, config, **{closed.address: (USER, PASSWORD)})
    async with registries_of(chain) as registries:
        for state in (
            await shown_tags(registries, closed.address),
            await shown_catalog(registries, closed.address),
            await shown_image(registries, closed.address),
        ):
            asked = problem(state)
            assert "docker-credential-test" in asked.sentence
            assert words in asked.sentence
            assert asked.next_step
            assert PASSWORD not in f"{asked.sentence}{asked.next_step}"
    assert len(closed.requests) == 3  # each met the challenge, and went no further
    assert_learnt_nothing(closed)


# 46: what a helper is never told

HOSTS: Final = [
    "registry.test\nprotocol=https",
    "registry.test\r\nX: y",
    "registry.test\r",
    "registry.test\0",
    "registry.test%0ahost=evil.test",
    "registry.test%0d",
    "registry.test registry.evil.test",
    " registry.test",
    "registry.test\t",
    "--version",
    "-h",
    "",
    "registry.test\u2028",
    "registry.test\x85",
    "registry.test/../x",
    "https://registry.test/../x",
    "user:pass@registry.test",
]


@pytest.mark.parametrize("host", HOSTS, ids=repr)
async def test_46_a_host_that_is_none_is_refused_before_a_helper_runs(tmp_path: Path, host: str) -> None:
    """By the grammar of addresses, and again by whoever would run it."""
    write_helper(tmp_path / "bin", "echo '{}'")
    helper = Helper("test", {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    for action in (helper.get(host), helper.erase(host), helper.store(host, USER, PASSWORD)):
        with pytest.raises(CredentialError, match="not the address of a registry"):
            await action
    chain = stores(tmp_path, {"auths": {host: {}}, "credHelpers": {host: "test"}})
    assert host not in [name for name, _ in chain.known_registries()]
    with suppress(CredentialError):
        assert await chain.lookup(host) is None
    assert told(tmp_path / "bin") == []


@pytest.mark.parametrize("user", ["a\nb", "a\0b", "a\r"])
async def test_46_a_user_s_name_brings_no_line_into_what_a_helper_is_told(tmp_path: Path, user: str) -> None:
    """Our own logins have it in their server's name."""
    from regbrowse.credentials.helper_keeper import HelperKeeper

    write_helper(tmp_path / "bin", "echo '{}'")
    helper = Helper("test", {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    with pytest.raises(CredentialError):
        await HelperKeeper(helper).put("registry.test", user, PASSWORD)
    assert told(tmp_path / "bin") == []


@pytest.mark.parametrize("name", ["../x", "/bin/../x", "a/../x", "..", "x;touch y", "x y", "x\n", "$(x)", "x\0"])
@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
async def test_46_a_helper_s_name_that_is_a_path_or_a_command_is_refused(
    closed: RegistryServer, tmp_path: Path, name: str, key: str
) -> None:
    """A program is where `../x` would lead, and must not be run. Nor is one nobody then."""
    write_helper(tmp_path / "bin", "echo '{}'", "../x")
    assert (tmp_path / "bin/docker-credential-../x").exists()
    chain = stores(tmp_path, {key: {closed.address: name} if key == "credHelpers" else name})
    async with registries_of(chain) as registries:
        asked = problem(await shown_tags(registries, closed.address))
    assert "cannot be a credential helper" in asked.sentence
    assert "\n" not in asked.sentence
    assert told(tmp_path / "bin") == []
    assert_learnt_nothing(closed)
