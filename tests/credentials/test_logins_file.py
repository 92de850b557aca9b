"""The list of the logins that regbrowse keeps (registry-client.md §1.7, §5.3, number 44)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regbrowse.credentials.logins_file import LIMIT, KeptLogin, LoginsFile
from regbrowse.registry.errors import CredentialError

HOST = "registry.corp:5000"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "regbrowse" / "logins.json"


def write(path: Path, content: object, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)


@pytest.fixture(params=["file", "memory"])
def logins(request: pytest.FixtureRequest, path: Path) -> LoginsFile:
    return LoginsFile(path if request.param == "file" else None)


def test_missing_file_lists_nothing(path: Path) -> None:
    file = LoginsFile(path)
    assert (file.logins(HOST), file.hosts(), dict(file.trusted_realms()), file.problem()) == ((), (), {}, None)


def test_login_kept_last_is_first(logins: LoginsFile) -> None:
    for username, kind in (("ada", "keyring"), ("grace", "file"), ("ada", "keyring")):
        logins.add(HOST, username, kind)
    assert logins.logins(HOST) == (KeptLogin("ada", "keyring"), KeptLogin("grace", "file"))


def test_one_name_may_be_kept_in_two_places(logins: LoginsFile) -> None:
    for kind in ("file", "helper:pass"):
        logins.add(HOST, "ada", kind)
    assert logins.logins(HOST) == (KeptLogin("ada", "helper:pass"), KeptLogin("ada", "file"))


def test_removed_login_is_listed_no_longer(logins: LoginsFile) -> None:
    ada, grace = (logins.add(HOST, name, "keyring") for name in ("ada", "grace"))
    logins.remove(HOST, grace)
    assert logins.logins(HOST) == (ada,)
    logins.remove(HOST, ada)
    assert logins.hosts() == ()


def test_removing_what_is_not_listed_does_nothing(logins: LoginsFile) -> None:
    kept = logins.add(HOST, "ada", "keyring")
    logins.remove(HOST, KeptLogin("ada", "file"))
    logins.remove("other.corp", kept)
    assert logins.logins(HOST) == (kept,)


def test_allowed_token_servers_are_pairs(logins: LoginsFile) -> None:
    for registry, realm in (
        (HOST, "auth.corp"),
        (HOST, "auth.corp"),
        (HOST, "other.corp:8443"),
        ("b.corp", "auth.corp"),
    ):
        logins.trust(registry, realm)
    assert logins.trusted_realms() == {HOST: ("auth.corp", "other.corp:8443"), "b.corp": ("auth.corp",)}


def test_what_was_kept_is_there_the_next_time(path: Path) -> None:
    LoginsFile(path).add(HOST, "ada", "keyring")
    LoginsFile(path).trust(HOST, "auth.corp")
    again = LoginsFile(path)
    assert (again.hosts(), again.logins(HOST)) == ((HOST,), (KeptLogin("ada", "keyring"),))
    assert again.trusted_realms() == {HOST: ("auth.corp",)}


def test_file_has_this_form(path: Path) -> None:
    LoginsFile(path).add(HOST, "ada", "helper:pass")
    LoginsFile(path).trust(HOST, "auth.corp")
    assert json.loads(path.read_text()) == {
        "logins": {HOST: [{"username": "ada", "kept": "helper:pass"}]},
        "trusted_realms": {HOST: ["auth.corp"]},
    }


def test_what_a_later_version_wrote_stays(path: Path) -> None:
    write(path, {"version": 2})
    LoginsFile(path).add(HOST, "ada", "keyring")
    assert json.loads(path.read_text())["version"] == 2


def test_two_windows_do_not_lose_each_other_s_logins(path: Path) -> None:
    here, there = LoginsFile(path), LoginsFile(path)
    for file, name in ((here, "ada"), (there, "grace"), (here, "barbara")):
        file.add(HOST, name, "keyring")
    assert [login.username for login in there.logins(HOST)] == ["barbara", "grace", "ada"]


BROKEN = [
    "{",
    "[]",
    "[" * 100_000,
    '{"logins": []}',
    '{"logins": null}',
    {"logins": {HOST: {}}},
    {"logins": {HOST: ["ada"]}},
    {"logins": {HOST: [{"username": "ada"}]}},
    {"logins": {HOST: [{"username": "", "kept": "file"}]}},
    {"logins": {HOST: [{"username": 5, "kept": "file"}]}},
    {"logins": {HOST: [{"username": "\ud800", "kept": "file"}]}},
    {"logins": {HOST: [{"username": "x" * 1001, "kept": "file"}]}},
    {"logins": {"not a host": []}},
    {"logins": {"https://registry.corp": []}},
    {"logins": {"Registry.corp": []}},
    {"logins": {"index.docker.io": []}},
    {"trusted_realms": {HOST: "auth.corp"}},
    {"trusted_realms": {HOST: ["https://auth.corp"]}},
    {"trusted_realms": {HOST: ["*"]}},
    {"trusted_realms": {"*": ["auth.corp"]}},
]


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: str(content)[:60])
def test_broken_file_is_named_and_never_overwritten(path: Path, content: object) -> None:
    write(path, content)
    before = path.read_bytes()
    file = LoginsFile(path)
    for use in (lambda: file.logins(HOST), file.hosts, file.trusted_realms, lambda: file.add(HOST, "ada", "keyring")):
        with pytest.raises(CredentialError, match=r"logins\.json is not the list of logins"):
            use()
    assert file.problem() is not None
    assert path.read_bytes() == before


def test_file_that_others_may_write_is_refused(path: Path) -> None:
    write(path, {"trusted_realms": {HOST: ["evil.corp"]}}, mode=0o666)
    with pytest.raises(CredentialError, match="Others may change") as raised:
        LoginsFile(path).trusted_realms()
    assert f"chmod 600 {path}" in raised.value.next_step


def test_file_is_private(path: Path) -> None:
    LoginsFile(path).add(HOST, "ada", "keyring")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    ("host", "username"),
    [("not a host", "ada"), ("HOST", "ada"), (HOST, ""), (HOST, "\udcff"), (HOST, "x" * 1001)],
)
def test_login_that_could_not_be_read_back_is_not_listed(logins: LoginsFile, host: str, username: str) -> None:
    with pytest.raises(CredentialError, match="cannot be kept"):
        logins.add(host, username, "keyring")
    assert logins.hosts() == ()


@pytest.mark.parametrize("realm", ["", "https://auth.corp", "auth.corp/x", "a b", "AUTH.corp"])
def test_what_is_no_host_is_not_trusted(logins: LoginsFile, realm: str) -> None:
    with pytest.raises(CredentialError, match="no host name"):
        logins.trust(HOST, realm)
    assert dict(logins.trusted_realms()) == {}


def test_list_has_an_end(path: Path) -> None:
    write(path, {"logins": {HOST: [{"username": f"user-{n}", "kept": "file"} for n in range(LIMIT)]}})
    file = LoginsFile(path)
    with pytest.raises(CredentialError, match="kept already"):
        file.add(HOST, "ada", "file")
    file.remove(HOST, KeptLogin("user-0", "file"))
    file.add(HOST, "ada", "file")
    assert len(file.logins(HOST)) == LIMIT


@pytest.mark.parametrize(("kind", "needs"), [("keyring", True), ("helper:pass", True), ("file", False)])
def test_only_the_file_needs_no_program(kind: str, needs: bool) -> None:
    assert KeptLogin("ada", kind).needs_program is needs


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(HOST),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text() | st.sampled_from(["logins", "trusted_realms", "username", "kept", HOST]), inner, max_size=4
        )
    ),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON)
def test_any_document_is_read_or_a_credential_error(path: Path, document: object) -> None:
    write(path, document)
    file = LoginsFile(path)
    if file.problem() is None:
        assert all(file.logins(host) for host in file.hosts())
        assert all(file.trusted_realms().values())
