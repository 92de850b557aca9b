"""Logins in a netrc file, for those who ask for it (registry-client.md §1.7)."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regbrowse.credentials.netrc import NetrcLogins
from regbrowse.registry.errors import CredentialError
from tests.credentials.fakes import PASSWORD, USER


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".netrc"


def write(path: Path, content: str | bytes, mode: int = 0o600) -> NetrcLogins:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return NetrcLogins(path)


LOGIN = f"login {USER} password {PASSWORD}"


async def user(store: NetrcLogins, host: str, path: str = "") -> str | None:
    credential = await store.at(host, path)
    return credential.username if credential else None


async def test_login_is_read(path: Path) -> None:
    credential = await write(path, f"machine registry.corp {LOGIN}\n").at("registry.corp", "")
    assert credential
    assert (credential.username, credential.password, credential.origin) == (USER, PASSWORD, "netrc")


@pytest.mark.parametrize(
    ("machine", "host", "expected"),
    [
        ("registry.corp", "registry.corp", USER),
        ("registry.corp", "registry.corp:5000", USER),
        ("::1", "[::1]:5000", USER),
        ("registry.corp:5000", "registry.corp:5000", None),
        ("registry.corp", "other.registry.corp", None),
        ("registry.corp", "corp", None),
        ("Registry.corp", "registry.corp", None),
        (".corp", "registry.corp", None),
        ("*", "registry.corp", None),
    ],
)
async def test_machine_is_matched_exactly_and_without_its_port(
    path: Path, machine: str, host: str, expected: str | None
) -> None:
    assert await user(write(path, f"machine {machine} {LOGIN}"), host) == expected


@pytest.mark.parametrize("host", ["registry.corp", "default", "default:5000"])
async def test_default_entry_is_nobody_s_login(path: Path, host: str) -> None:
    assert await user(write(path, f"machine a.corp {LOGIN}\ndefault {LOGIN}"), host) is None


@pytest.mark.parametrize("content", ["machine registry.corp login ada", "machine registry.corp password x", ""])
async def test_login_without_a_name_or_password_is_none(path: Path, content: str) -> None:
    assert await user(write(path, content), "registry.corp") is None


async def test_login_is_for_whole_machines(path: Path) -> None:
    store = write(path, f"machine registry.corp {LOGIN}")
    assert await user(store, "registry.corp", "team/app") is None
    assert (store.registries(), store.repositories("registry.corp")) == ((), ())
    assert (store.may_have("registry.corp"), store.may_have("other.corp")) == (True, False)
    assert store.problem() is None


async def test_missing_file_has_no_logins(path: Path) -> None:
    assert await user(NetrcLogins(path / "sub" / ".netrc"), "registry.corp") is None
    assert NetrcLogins(path).problem() is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
async def test_file_that_is_open_to_others_is_refused(path: Path, mode: int) -> None:
    store = write(path, f"machine registry.corp {LOGIN}", mode)
    with pytest.raises(CredentialError, match=r"Others may .*\.netrc") as raised:
        await store.at("registry.corp", "")
    assert f"chmod 600 {path}" in raised.value.next_step
    problem = store.problem()
    assert problem
    assert problem.user_message == raised.value.user_message


async def test_file_of_somebody_else_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = write(path, f"machine registry.corp {LOGIN}")
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    with pytest.raises(CredentialError, match="belongs to another user"):
        await store.at("registry.corp", "")


async def test_pipe_is_refused_without_waiting(path: Path) -> None:
    os.mkfifo(path, 0o600)
    with pytest.raises(CredentialError, match="Not a regular file"):
        await NetrcLogins(path).at("registry.corp", "")


@pytest.mark.parametrize(
    "content",
    [
        f"machine registry.corp {LOGIN} {PASSWORD}",
        f"{PASSWORD} {USER}",
        f"machine registry.corp login {USER} password {PASSWORD}\nmacdef init\n{PASSWORD}",
        f"machine registry.corp password {PASSWORD} \xff".encode("latin-1"),
        f"machine registry.corp {LOGIN}\n".encode() + b"#" * (1 << 20),
    ],
    ids=["follower", "top", "macro", "bytes", "size"],
)
async def test_broken_file_is_named_and_nothing_of_it_told(path: Path, content: str | bytes) -> None:
    with pytest.raises(CredentialError, match=r"\.netrc is not the netrc file") as raised:
        await write(path, content).at("registry.corp", "")
    shown, error = "", raised.value.__context__
    assert error is None
    shown = "".join(traceback.format_exception(raised.value)) + repr(vars(raised.value))
    assert PASSWORD not in shown
    assert USER not in shown


async def test_secret_is_in_no_repr(path: Path) -> None:
    store = write(path, f"machine registry.corp {LOGIN}")
    credential = await store.at("registry.corp", "")
    assert PASSWORD not in f"{store!r} {vars(store)!r} {credential!r}"


@pytest.mark.parametrize("named", [False, True])
async def test_file_is_the_named_one_or_the_one_at_home(tmp_path: Path, named: bool) -> None:
    write(tmp_path / ".netrc", "machine registry.corp login home password x")
    write(tmp_path / "other", "machine registry.corp login named password x")
    environ = {"NETRC": str(tmp_path / "other")} if named else {}
    assert await user(NetrcLogins.of(environ, tmp_path), "registry.corp") == ("named" if named else "home")


WORDS = st.sampled_from(
    ["machine", "default", "login", "password", "account", "macdef", "registry.corp", "\n", '"', "#"]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary() | st.lists(WORDS | st.text(), max_size=12).map(lambda words: " ".join(words).encode(errors="replace"))
)
def test_any_content_is_read_or_a_credential_error(path: Path, content: bytes) -> None:
    store = write(path, content)
    if store.problem() is None:
        store.may_have("registry.corp")
