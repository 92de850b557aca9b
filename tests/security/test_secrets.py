"""§5.3 tests 42 to 44: what is told of a login, and in which files it is."""

from __future__ import annotations

import base64
import gc
import json
import logging
import os
import stat
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import trustme

from regbrowse.browser.accounts import Accounts, Keeping
from regbrowse.browser.states import Phase
from regbrowse.credentials.chain import CredentialChain
from regbrowse.registry.challenge_memory import ChallengesFile
from regbrowse.registry.errors import RegistryError, WrongLoginError
from regbrowse.registry.exchange import redacted
from regbrowse.registry.reference import parse_registry_address
from regbrowse.registry.wire import httpx
from regbrowse.tui.guards import _fault_report
from tests.registry.reaching import LOGIN, PASSWORD, USER, Seen, reaching
from tests.registry.tokens_world import Tokens
from tests.registry_server import RegistryServer
from tests.security.origins import (
    BASIC,
    TAG,
    Attacker,
    blob,
    content,
    docker_login,
    files_below,
    get,
    log_in_and_keep,
    problem,
    registries_of,
    secrets_at,
    shown_catalog,
    shown_image,
    shown_tags,
)
from tests.token_server import Answer
from tests.v1_server import V1Server

SIGNATURE: Final = "canary-signature"
TOLD_TO_NOBODY: Final = (
    PASSWORD,
    LOGIN.basic.removeprefix("Basic "),
    "canary-token",
    "canary-refresh",
    SIGNATURE,
)


def secrets_in(text: str) -> list[str]:
    return [secret for secret in TOLD_TO_NOBODY if secret in text]


def all_of_ours() -> str:
    """The repr of every object there is whose class is the program's own."""
    ours = [each for each in gc.get_objects() if str(type(each).__module__).startswith("regbrowse.")]
    return "\n".join(map(repr, ours))


def chain_of(error: BaseException | None) -> Iterator[str]:
    """All that an exception has, and what it came from."""
    while error is not None:
        yield f"{error!r} {error} {error.args} {getattr(error, 'next_step', '')} {getattr(error, 'detail', '')}"
        error = error.__cause__ or error.__context__


async def kept_in_a_file(accounts: Accounts) -> Keeping:
    """The way to keep a login that needs nothing of the machine."""
    keepings, _ = await accounts.keepings()
    return next(keeping for keeping in keepings if keeping.label.startswith("file "))


# 42: what is told on the way


@pytest.fixture(params=["basic", "bearer", "identity token", "v1"])
def walked(request: pytest.FixtureRequest, tokens: Tokens, tmp_path: Path) -> Iterator[tuple[Any, CredentialChain]]:
    """A registry of each kind, and the stores that have its login."""
    if request.param == "v1":
        with V1Server(auth=BASIC) as legacy:
            yield legacy, docker_login(tmp_path, legacy.address)
        return
    with RegistryServer(content(), auth=BASIC if request.param == "basic" else tokens.auth(), etag=False) as good:
        credentials = docker_login(tmp_path, good.address)
        if request.param == "identity token":
            tokens.refresh_tokens["canary-refresh"] = USER
            auths = {good.address: {"auth": base64.b64encode(b"<token>:").decode(), "identitytoken": "canary-refresh"}}
            (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": auths}))
        yield good, credentials


async def test_42_a_whole_walk_tells_no_secret(
    walked: tuple[Any, CredentialChain],
    evil: Attacker,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through logins that are taken, one that is not, one that is kept, and storage that fails behind a signed address.

    Neither the log nor that of the libraries, no state, no message, no report of a fault, and no `repr()` of whatever
    object of the program is alive meanwhile.
    """
    good, credentials = walked
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("regbrowse.registry.transport._back_off", lambda attempt: 0.0)
    evil.fault("close", times=None)
    told: list[str] = []
    address = f"http://{good.address}"
    async with registries_of(credentials, log=tmp_path / "log") as registries:
        listing = await shown_tags(registries, address)
        assert listing.phase is Phase.READY
        told += [repr(listing), repr(await shown_catalog(registries, address))]
        if isinstance(good, RegistryServer):
            signed = f"{evil.url}/x?X-Amz-Signature={SIGNATURE}&token=canary-token-of-storage"
            good.fault("GET /v2/team/app/blobs/", redirect=signed, times=None)
        state = await shown_image(registries, address, listing.names[0])
        told += [repr(state), repr(state.problem), all_of_ours()]
        accounts = registries.accounts(parse_registry_address(address))
        with pytest.raises(WrongLoginError) as caught:
            await accounts.log_in(USER, f"{PASSWORD}-of-old")
        told += [*chain_of(caught.value), *traceback.format_exception(caught.value), _fault_report(caught.value)]
        await log_in_and_keep(accounts, await kept_in_a_file(accounts))
        told += [repr(await accounts.known()), repr(await shown_image(registries, address)), all_of_ours()]
        good.stop()
        told += [repr(await shown_image(registries, address)), all_of_ours()]
    log = (tmp_path / "log").read_text()
    assert good.address in log
    text = "\n".join([*told, log, caplog.text, *capfd.readouterr()])
    assert secrets_in(text) == []
    assert USER not in log + caplog.text


# 43: addresses in errors

FAILURES: Final[dict[str, Any]] = {
    "nothing comes": "close",
    "a refusal": Answer(403, b"{}"),
    "a failure": Answer(500, b"broken"),
    "something else": Answer(200, b"<html>"),
    "half of it": Answer(200, b"x", [("Content-Length", "100")]),
    "no HTTP": Answer(200, b"", [("Transfer-Encoding", "nonsense")]),
    "a header that is none": Answer(200, b"", [("Bad Name", "x")]),
    "another redirect": Answer(302, b"", [("Location", f"http://user:{SIGNATURE}@elsewhere.test/")]),
    "a redirect to http": Answer(302, b"", [("Location", f"ftp://elsewhere.test/?sig={SIGNATURE}")]),
}


@pytest.mark.parametrize("kind", FAILURES)
async def test_43_an_error_behind_a_signed_address_does_not_repeat_it(
    good: RegistryServer, evil: Attacker, kind: str
) -> None:
    """Whatever the library raised is looked at too, with all that it came from."""
    evil.fault(FAILURES[kind], times=None)
    signed = f"{evil.url}/x?X-Amz-Signature={SIGNATURE}&X-Amz-Credential=canary-token&sig={SIGNATURE}"
    good.fault(TAG, redirect=signed, after=1, times=None)
    good.fault("GET /v2/team/app/blobs/", redirect=signed, times=None)
    seen = Seen()
    async with reaching(good, login=LOGIN, observe=seen) as client:
        for call in (get, blob):
            with pytest.raises(RegistryError) as caught:
                await call(client)
            told = "".join([*chain_of(caught.value), *traceback.format_exception(caught.value), repr(seen)])
            assert secrets_in(told) == []


@pytest.mark.parametrize("status", [400, 403, 500])
async def test_43_what_storage_says_of_a_signature_is_not_repeated_as_if_g_said_it(
    good: RegistryServer, evil: Attacker, status: int
) -> None:
    """As S3 does where a signature does not match, with the key's name and all that was signed."""
    body = f"<Error><SignatureProvided>{SIGNATURE}</SignatureProvided></Error>".encode()
    evil.fault(Answer(status, body, [("Content-Type", "application/xml")]), times=None)
    good.fault("GET /v2/team/app/blobs/", redirect=f"{evil.url}/x?sig={SIGNATURE}", after=1, times=None)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(RegistryError) as caught:
            await blob(client)
    assert secrets_in("".join(chain_of(caught.value))) == []


@pytest.mark.parametrize("problem_", ["closed", "not trusted", "unknown name"])
async def test_43_nor_does_one_on_the_way_there(
    names: None, good: RegistryServer, certificate: trustme.LeafCert, problem_: str
) -> None:
    with Attacker(tls=certificate) as evil:
        where = {"not trusted": evil.url, "unknown name": "https://unknown.invalid"}.get(problem_, evil.url)
        if problem_ == "closed":
            evil.stop()
        good.fault(TAG, redirect=f"{where}/x?sig={SIGNATURE}", after=1, times=None)
        seen = Seen()
        async with reaching(good, login=LOGIN, observe=seen) as client:
            with pytest.raises(RegistryError) as caught:
                await get(client)
    told = "".join([*chain_of(caught.value), *traceback.format_exception(caught.value), repr(seen)])
    assert secrets_in(told) == []
    assert where.partition("://")[2] in caught.value.user_message


@pytest.mark.parametrize("kind", FAILURES)
async def test_43_nor_does_one_of_a_token_server(bearer: RegistryServer, tokens: Tokens, kind: str) -> None:
    """Whose own address may have a secret in its query."""
    challenge = {"WWW-Authenticate": f'Bearer realm="{tokens.realm}?sig={SIGNATURE}",service="s"'}
    bearer.fault("GET", status=401, headers=challenge, body=b"{}", times=None)
    tokens.fault(FAILURES[kind], times=None)
    seen = Seen()
    async with reaching(bearer, login=LOGIN, observe=seen) as client:
        with pytest.raises(RegistryError) as caught:
            await get(client)
    told = "".join([*chain_of(caught.value), *traceback.format_exception(caught.value), repr(seen)])
    assert secrets_in(told) == []


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        *((f"{name}=1", f"{name}=1") for name in ("n", "last", "scope", "service")),
        *(
            (f"{name}={SIGNATURE}", f"{name}=…")
            for name in ("token", "X-Amz-Signature", "sig", "Signature", "access_token", "account", "N", "last ")
        ),
        (f"n=1&n={SIGNATURE}%00&token={SIGNATURE}", None),
    ],
)
def test_43_only_parameters_that_are_never_secret_are_shown(query: str, shown: str | None) -> None:
    told = redacted(httpx.URL(f"https://{USER}:{PASSWORD}@registry.test/v2/?{query}#{PASSWORD}"))
    assert secrets_in(told.replace(f"n={SIGNATURE}", "")) == []
    assert shown is None or told == f"https://registry.test/v2/?{shown}"


# 44: files


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Whatever is made without a mode of its own may be written by everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def closed() -> Iterator[RegistryServer]:
    """A G with passwords."""
    with RegistryServer(content(), auth=BASIC, etag=False) as server:
        yield server


async def log_in(good: RegistryServer, home: Path, *docker_hosts: str, password: str = PASSWORD) -> str:
    """Type a login in, and keep it in the file. Gives what the user hears."""
    memory = ChallengesFile(home / "regbrowse/challenges.json")
    async with registries_of(
        docker_login(home, *docker_hosts), memory=memory, log=home / "regbrowse.log"
    ) as registries:
        accounts = registries.accounts(parse_registry_address(f"http://{good.address}"))
        return await log_in_and_keep(accounts, await kept_in_a_file(accounts), password)


async def test_44_what_is_written_is_the_user_s_alone(closed: RegistryServer, tmp_path: Path, open_umask: None) -> None:
    """Files 0600, folders 0700; the login is in one of them only, and used by the next run."""
    assert await log_in(closed, tmp_path) == ""
    folder = tmp_path / "regbrowse"
    written = [*files_below(folder), tmp_path / "regbrowse.log"]
    assert {path.name for path in written} >= {"credentials.json", "logins.json", "regbrowse.log"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in written if PASSWORD in path.read_text()] == ["credentials.json"]
    closed.reset()
    async with registries_of(docker_login(tmp_path)) as registries:
        assert (await shown_tags(registries, f"http://{closed.address}")).phase is Phase.READY


async def test_44_a_symbolic_link_stays_one(closed: RegistryServer, tmp_path: Path) -> None:
    """Whoever keeps such files elsewhere finds them there."""
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "regbrowse"
    for path in (elsewhere, folder):
        path.mkdir(mode=0o700)
    for name in ("credentials.json", "logins.json"):
        (folder / name).symlink_to(elsewhere / name)
    await log_in(closed, tmp_path)
    for name in ("credentials.json", "logins.json"):
        assert (folder / name).is_symlink()
        assert stat.S_IMODE((elsewhere / name).stat().st_mode) == 0o600
    assert PASSWORD in (elsewhere / "credentials.json").read_text()


@pytest.mark.parametrize("broken", ["fsync", "replace"])
async def test_44_a_write_that_fails_leaves_the_file_as_it_was(
    closed: RegistryServer, tmp_path: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is replaced as a whole or not at all, nothing is left beside it, and the user is told."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    await log_in(closed, tmp_path)
    before = {path: path.read_bytes() for path in files_below(tmp_path / "regbrowse")}
    closed.fault("GET", status=200, body=b'{"name":"team/app","tags":[],"repositories":[]}', times=None)
    if broken == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    said = await log_in(closed, tmp_path, password="canary-pass-2")
    monkeypatch.undo()
    assert "No space left on device" in said
    assert "for this run only" in said
    assert {path: path.read_bytes() for path in files_below(tmp_path / "regbrowse")} == before


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *(("credentials.json", mode) for mode in (0o640, 0o604, 0o620, 0o602, 0o666)),
        *(("logins.json", mode) for mode in (0o620, 0o602, 0o666)),
        ("credentials.json", None),
        ("logins.json", None),
    ],
)
async def test_44_a_file_that_others_could_use_is_refused(
    closed: RegistryServer, tmp_path: Path, name: str, mode: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with other permissions, or somebody else's (None). No other login is sent in its place."""
    await log_in(closed, tmp_path)
    path = tmp_path / "regbrowse" / name
    if mode is None:
        belongs_to(path, os.geteuid() + 1, monkeypatch)
    else:
        path.chmod(mode)
    closed.reset()
    async with registries_of(docker_login(tmp_path, closed.address)) as registries:
        told = problem(await shown_tags(registries, f"http://{closed.address}"))
    assert str(path) in told.sentence
    assert "not used" in told.sentence
    assert told.next_step
    assert secrets_at(closed) == []


def belongs_to(path: Path, user: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this one file seem to be another user's: only root could make it so."""

    def of(real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def changed(*arguments: Any, **options: Any) -> os.stat_result:
            status = real(*arguments, **options)
            if status.st_ino != inode:
                return status
            values = list(status)
            values[stat.ST_UID] = user
            return os.stat_result(values, {"st_mtime_ns": status.st_mtime_ns})

        return changed

    inode = path.stat().st_ino
    monkeypatch.setattr(os, "fstat", of(os.fstat))
    monkeypatch.setattr(os, "stat", of(os.stat))
