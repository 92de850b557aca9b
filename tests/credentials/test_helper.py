"""Credential helpers that do as they should, and many that do not (registry-client.md §1.7, §5.3: 45 and 46)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from regbrowse.credentials import helper as helper_module
from regbrowse.credentials.helper import ANSWER_LIMIT, DOCKER_HUB_SERVER, Helper, end_running, installed_helpers
from regbrowse.credentials.store import NotAskedError
from regbrowse.registry.errors import CredentialError

HOST = "registry.corp:5000"
USER = "canary-user"
SECRET = "canary-pass"
LOGIN = json.dumps({"ServerURL": HOST, "Username": USER, "Secret": SECRET})
PATH = os.environ.get("PATH", os.defpath)


class Scripts:
    """Helpers that a test writes, in a folder of their own on `PATH`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {"PATH": f"{folder}{os.pathsep}{PATH}", "FOLDER": str(folder)}

    def write(self, script: str, name: str = "test") -> None:
        path = self.folder / f"docker-credential-{name}"
        path.write_text(script if script.startswith(("#!", "\x7fELF")) else f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def helper(self, script: str, *, within: float = 60.0) -> Helper:
        self.write(script)
        return Helper("test", self.environ, within=within)

    def answering(self, answer: str | bytes, code: int = 0) -> Helper:
        (self.folder / "answer").write_bytes(answer if isinstance(answer, bytes) else answer.encode())
        return self.helper(f'cat > "$FOLDER/told"; cat "$FOLDER/answer"; exit {code}')

    @property
    def told(self) -> str:
        return (self.folder / "told").read_text()


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Scripts(folder)


class Pipe:
    """A named pipe that a helper opens as its `9` and leaves to all that it starts."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def is_open(self) -> bool:
        """Whether somebody has it open still, who has not written since the last time."""
        try:
            return os.read(self.end, 1024) != b""
        except BlockingIOError:
            return True

    async def started(self) -> None:
        while True:
            with contextlib.suppress(BlockingIOError):
                if os.read(self.end, 1024):
                    return
            await asyncio.sleep(0.005)

    async def abandoned(self) -> None:
        """Wait until nobody has it open."""
        async with asyncio.timeout(30):
            while self.is_open():  # noqa: ASYNC110  # other processes know no event
                await asyncio.sleep(0.005)


@pytest.fixture
def pipe(scripts: Scripts) -> Iterator[Pipe]:
    pipe = Pipe(scripts.folder / "pipe")
    yield pipe
    os.close(pipe.end)


@pytest.fixture
def release(scripts: Scripts) -> Iterator[None]:
    """What a helper leaves behind reads `release` as its `9`, and ends when the test does."""
    os.mkfifo(scripts.folder / "release")
    end = os.open(scripts.folder / "release", os.O_RDWR)
    yield
    os.write(end, b"\n" * 9)
    os.close(end)


STAY = 'exec 9>"$FOLDER/pipe"; echo started >&9'
LEAVE_ONE_BEHIND = 'exec 9<"$FOLDER/release"; (read -r line <&9) &'


async def failure(asked: Awaitable[object]) -> CredentialError:
    """The error, which has no secret wherever one looks."""
    with pytest.raises(CredentialError) as raised:
        await asked
    error: BaseException | None = raised.value
    assert SECRET not in "".join(traceback.format_exception(raised.value)) + raised.value.next_step
    while error is not None:
        assert SECRET not in f"{error!r} {error.args} {vars(error)}"
        error = error.__cause__ or error.__context__
    return raised.value


# Asking


@pytest.mark.parametrize(
    "server",
    [
        HOST,
        "localhost",
        "[::1]:5000",
        "docker.io",
        DOCKER_HUB_SERVER,
        f"https://{HOST}/regbrowse/robot%24team%2Bci",
        "https://registry.corp/regbrowse/ada%40corp.example",
    ],
)
async def test_a_helper_is_told_the_server_and_gives_the_login(scripts: Scripts, server: str) -> None:
    assert await scripts.answering(LOGIN).get(server) == (USER, SECRET)
    assert scripts.told == server


@pytest.mark.parametrize("secret", ["line\nline\n", "pässwörd", '"\\', "a" * 100_000, "\t\0"])
async def test_a_secret_comes_as_it_is(scripts: Scripts, secret: str) -> None:
    answer = json.dumps({"ServerURL": HOST, "Username": USER, "Secret": secret}, ensure_ascii=False)
    assert await scripts.answering(answer).get(HOST) == (USER, secret)


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps({"username": USER, "secret": SECRET}),
        json.dumps({"Username": USER, "Secret": SECRET, "Expires": 5}),
        f"  {LOGIN}\n\n",
    ],
)
async def test_an_answer_is_read_as_go_reads_it(scripts: Scripts, answer: str) -> None:
    assert await scripts.answering(answer).get(HOST) == (USER, SECRET)


async def test_a_token_has_its_marker_as_user_name(scripts: Scripts) -> None:
    answer = json.dumps({"ServerURL": HOST, "Username": "<token>", "Secret": SECRET})
    assert await scripts.answering(answer).get(HOST) == ("<token>", SECRET)


async def test_45_credentials_not_found_means_none(scripts: Scripts) -> None:
    assert await scripts.answering("credentials not found in native keychain\n", 1).get(HOST) is None


async def test_an_empty_login_means_none(scripts: Scripts) -> None:
    assert await scripts.answering(json.dumps({"ServerURL": HOST, "Username": "", "Secret": ""})).get(HOST) is None


async def test_a_login_to_store_is_told_on_stdin(scripts: Scripts) -> None:
    await scripts.answering("").store(HOST, USER, "line\n\u2028line")
    assert json.loads(scripts.told) == {"ServerURL": HOST, "Username": USER, "Secret": "line\n\u2028line"}
    assert len(scripts.told.splitlines()) == 1


@pytest.mark.parametrize("code", [0, 1])
async def test_to_erase_what_is_not_there_is_no_failure(scripts: Scripts, code: int) -> None:
    await scripts.answering("credentials not found in native keychain", code).erase(HOST)
    assert scripts.told == HOST


@pytest.mark.parametrize("action", ["get", "store", "erase"])
async def test_only_the_action_is_in_the_arguments(scripts: Scripts, action: str) -> None:
    helper = scripts.helper('echo "$#" "$1" > "$FOLDER/arguments"; cat "$FOLDER/answer"')
    (scripts.folder / "answer").write_text(LOGIN)
    await call(helper, action, HOST)
    assert (scripts.folder / "arguments").read_text() == f"1 {action}\n"


def call(helper: Helper, action: str, server: str) -> Coroutine[Any, Any, object]:
    if action == "store":
        return helper.store(server, USER, SECRET)
    return helper.get(server) if action == "get" else helper.erase(server)


# 45: what is no answer is an error, never "none"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("", "not a login"),
        ("credentials not found in native keychain", "not a login"),
        (SECRET, "not a login"),
        (LOGIN[:-5], "not a login"),
        (f"[{LOGIN}]", "not a login"),
        (LOGIN * 2, "not a login"),
        ("null", "not a login"),
        ("{}", "not a login"),
        (json.dumps({"ServerURL": HOST, "Username": USER}), "not a login"),
        (json.dumps({"ServerURL": HOST, "Secret": SECRET}), "not a login"),
        (json.dumps({"ServerURL": HOST, "Username": USER, "Secret": 5}), "not a login"),
        (json.dumps({"ServerURL": HOST, "Username": [USER], "Secret": SECRET}), "not a login"),
        (json.dumps({"ServerURL": {}, "Username": USER, "Secret": SECRET}), "not a login"),
        (json.dumps({"ServerURL": HOST, "Username": USER, "Secret": f"{SECRET}\ud800"}), "not a login"),
        (LOGIN.encode().replace(b"pass", b"pass\xff"), "not a login"),
        (LOGIN.encode().replace(b"pass", b"pass\xed\xa0\x80"), "not a login"),
        (LOGIN.encode("utf-16"), "not a login"),
        ("[" * 100_000, "not a login"),
        (json.dumps({"ServerURL": HOST, "Username": USER, "Secret": ""}), "has no password"),
        (LOGIN + " " * ANSWER_LIMIT, "more than 256 KiB"),
        (SECRET * 1_000_000, "more than 256 KiB"),
    ],
    ids=lambda value: str(value[:40]),
)
async def test_45_garbage_is_an_error(scripts: Scripts, answer: str | bytes, words: str) -> None:
    error = await failure(scripts.answering(answer).get(HOST))
    assert words in error.user_message
    assert "docker-credential-test" in error.user_message
    assert "docker-credential-test" in error.next_step or words == "has no password"


async def test_an_answer_may_be_as_large_as_the_limit(scripts: Scripts) -> None:
    assert await scripts.answering(LOGIN.ljust(ANSWER_LIMIT)).get(HOST) == (USER, SECRET)


async def test_45_a_helper_that_never_stops_talking_is_stopped(scripts: Scripts, pipe: Pipe) -> None:
    error = await failure(scripts.helper(f"{STAY}; yes").get(HOST))
    assert "more than 256 KiB" in error.user_message
    await pipe.abandoned()


@pytest.mark.parametrize("action", ["get", "store", "erase"])
@pytest.mark.parametrize(
    ("ending", "words"), [("exit 3", "exit code 3"), ("kill -KILL $$", "signal 9"), ("kill -SEGV $$", "signal 11")]
)
async def test_45_a_failure_without_a_word_is_told_by_its_code(
    scripts: Scripts, action: str, ending: str, words: str
) -> None:
    assert words in (await failure(call(scripts.helper(ending), action, HOST))).user_message


@pytest.mark.parametrize("action", ["get", "erase"])
@pytest.mark.parametrize(
    ("output", "errors", "shown"),
    [
        ("no credentials server URL", "", "no credentials server URL"),
        ("no credentials username", "", "no credentials username"),
        ("the store is locked\nmore", "a warning", "the store is locked"),
        ("", "a warning\ngpg: decryption failed", "gpg: decryption failed"),
        ("a\x1b]52;c;\x07\u202eb", "", "a␛]52;c;␇⟨U+202E⟩b"),
        ("x" * 1000, "", f"{'x' * 200}… +800"),
        ("proxy https://canary-user:p@canary-pass@proxy.corp", "", "proxy https://proxy.corp"),
        (LOGIN, "", "exit code 1"),
        (json.dumps({"Username": USER, "Secret": SECRET}, indent=1), "", "exit code 1"),
        ("", LOGIN, "exit code 1"),
        ("not found: credentials not found in native keychain", "", "not found: credentials not found"),
    ],
    ids=lambda value: str(value[:30]),
)
async def test_45_a_failure_is_told_in_the_helper_s_words(
    scripts: Scripts, action: str, output: str, errors: str, shown: str
) -> None:
    (scripts.folder / "output").write_text(output)
    (scripts.folder / "errors").write_text(errors)
    helper = scripts.helper('cat > /dev/null; cat "$FOLDER/output"; cat "$FOLDER/errors" >&2; exit 1')
    error = await failure(call(helper, action, HOST))
    assert f": {shown}" in error.user_message
    assert len(error.user_message) < 320


@pytest.mark.parametrize("script", ["cat; exit 1", "cat >&2; exit 1", 'sed "s/.*Secret....//"; exit 1'])
async def test_what_a_helper_says_with_the_secret_that_it_was_told_is_not_shown(scripts: Scripts, script: str) -> None:
    error = await failure(scripts.helper(script).store(HOST, USER, SECRET))
    assert error.user_message == "docker-credential-test did not keep the login: exit code 1."


@pytest.mark.parametrize(
    ("output", "errors", "shown"),
    [
        ("", 'Error: password store is empty. Try "pass init".', 'Error: password store is empty. Try "pass init".'),
        ("the store is locked", "", "the store is locked."),
        ("the store is locked", f"debug: {SECRET}", "exit code 1."),
        (f"bad: {SECRET.upper()}", "", "exit code 1."),
        ("bad: Y2FuYXJ5LXBhc3M=", "", "exit code 1."),
    ],
)
async def test_a_helper_that_did_not_keep_a_login_says_why(
    scripts: Scripts, output: str, errors: str, shown: str
) -> None:
    (scripts.folder / "output").write_text(output)
    (scripts.folder / "errors").write_text(errors)
    helper = scripts.helper('cat > /dev/null; cat "$FOLDER/output"; cat "$FOLDER/errors" >&2; exit 1')
    error = await failure(helper.store(HOST, USER, SECRET))
    assert error.user_message == f"docker-credential-test did not keep the login: {shown}"


@pytest.mark.parametrize("action", ["get", "store", "erase"])
async def test_after_a_failure_one_is_told_how_to_see_what_the_helper_wants(scripts: Scripts, action: str) -> None:
    error = await failure(call(scripts.helper("echo gpg: decryption failed >&2; exit 1"), action, HOST))
    assert error.next_step.startswith("Run docker-credential-test list in a shell to see what it wants (to be unlocked")


async def test_a_helper_that_may_not_be_killed_does_not_hold_its_caller(
    scripts: Scripts, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(helper_module, "_END_LIMIT", 0.05)
    monkeypatch.setattr("os.killpg", refused)
    monkeypatch.setattr("subprocess.Popen.kill", refused)
    os.mkfifo(scripts.folder / "release")
    end = os.open(scripts.folder / "release", os.O_RDWR)
    helper = scripts.helper(f'{STAY}; exec 8<"$FOLDER/release"; read -r line <&8', within=0.3)
    try:
        async with asyncio.timeout(30):
            error = await failure(helper.get(HOST))
        assert "did not answer within 0.3 s" in error.user_message
        assert pipe.is_open() or pipe.is_open(), "it runs still"
    finally:
        os.write(end, b"\n")
        os.close(end)
    await pipe.abandoned()
    async with asyncio.timeout(30):
        while helper_module._running:  # noqa: ASYNC110  # its end is heard of
            await asyncio.sleep(0.005)


async def test_helpers_that_run_can_be_ended_without_the_loop(scripts: Scripts, pipe: Pipe) -> None:
    asking = asyncio.create_task(scripts.helper(f"trap '' TERM HUP; sleep 60 & {STAY}; wait").get(HOST))
    await pipe.started()
    ending = threading.Thread(target=end_running)
    ending.start()
    ending.join()
    assert "ended by signal 9" in (await failure(asking)).user_message
    await pipe.abandoned()


async def test_a_helper_that_has_ended_is_not_ended_again(scripts: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    await scripts.answering(LOGIN).get(HOST)
    killed: list[int] = []
    monkeypatch.setattr("os.killpg", lambda group, _: killed.append(group))
    end_running()
    assert killed == []


@pytest.mark.parametrize("error", [ProcessLookupError, PermissionError])
def test_ending_what_cannot_be_ended_raises_nothing(error: type[OSError], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def refused(group: int, _: int) -> None:
        asked.append(group)
        raise error

    monkeypatch.setattr("os.killpg", refused)
    monkeypatch.setattr(helper_module, "_running", {4711, 4712})
    end_running()
    assert sorted(asked) == [4711, 4712]


@pytest.mark.parametrize(
    "script",
    [
        "while :; do sleep 60; done",
        "trap '' TERM INT HUP; while :; do sleep 60; done",
        "sleep 60 & wait",
        "cat; sleep 60",
    ],
)
@pytest.mark.parametrize("action", ["get", "store"])
async def test_45_a_helper_that_hangs_is_killed_with_all_that_it_started(
    scripts: Scripts, pipe: Pipe, script: str, action: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = await failure(call(scripts.helper(f"{STAY}; {script}", within=0.3), action, HOST))
    assert "did not answer within 0.3 s" in error.user_message
    await pipe.abandoned()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_caller_that_gives_up_has_the_helper_killed_with_all_that_it_started(
    scripts: Scripts, pipe: Pipe
) -> None:
    asking = asyncio.create_task(scripts.helper(f"trap '' TERM; sleep 60 & {STAY}; wait").get(HOST))
    await pipe.started()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await pipe.abandoned()


@pytest.mark.parametrize("turns", range(12))
async def test_a_caller_may_give_up_at_any_moment(scripts: Scripts, pipe: Pipe, turns: int) -> None:
    asking = asyncio.create_task(scripts.helper(f"{STAY}; sleep 60").get(HOST))
    for _ in range(turns):
        await asyncio.sleep(0.001)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await pipe.abandoned()
    gc.collect()  # what was not closed warns


@pytest.mark.usefixtures("release")
@pytest.mark.parametrize("script", ["", LEAVE_ONE_BEHIND])
async def test_no_file_is_left_open_when_the_answer_is_there(scripts: Scripts, script: str) -> None:
    (scripts.folder / "answer").write_text(LOGIN)
    helper = scripts.helper(f'{script} cat "$FOLDER/answer"')
    before = open_files()
    await helper.get(HOST)
    assert open_files() == before


def open_files() -> list[Path]:
    return sorted(Path("/dev/fd").iterdir())


async def test_no_zombie_is_left(scripts: Scripts) -> None:
    helper = scripts.helper('echo $$ > "$FOLDER/pid"; cat "$FOLDER/answer"')
    (scripts.folder / "answer").write_text(LOGIN)
    await helper.get(HOST)
    with pytest.raises(ChildProcessError):
        os.waitpid(int((scripts.folder / "pid").read_text()), os.WNOHANG)  # noqa: ASYNC222  # it does not wait


@pytest.mark.usefixtures("release")
async def test_an_answer_does_not_wait_for_a_daemon_that_holds_its_end_open(scripts: Scripts) -> None:
    (scripts.folder / "answer").write_text(LOGIN)
    helper = scripts.helper(f'{LEAVE_ONE_BEHIND} cat "$FOLDER/answer"')
    assert await helper.get(HOST) == (USER, SECRET)


@pytest.mark.usefixtures("release")
async def test_a_long_answer_is_whole_though_a_daemon_holds_its_end_open(scripts: Scripts) -> None:
    secret = "".join(map(str, range(40_000)))
    (scripts.folder / "answer").write_text(json.dumps({"Username": USER, "Secret": secret}))
    helper = scripts.helper(f'{LEAVE_ONE_BEHIND} cat "$FOLDER/answer"')
    assert await helper.get(HOST) == (USER, secret)


class Unread:
    """A pipe of a helper that has ended, with something in it that was not read yet."""

    def __init__(self, rest: bytes) -> None:
        self.rest = rest
        self.is_reading = True

    def get_extra_info(self, name: str) -> Unread | None:
        return self if name == "pipe" else None

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_reading = False

    def read(self, size: int) -> bytes | None:
        return self.rest[:size] if self.rest and not self.is_reading else None


class Ended:
    """The transport of such a helper."""

    def __init__(self, rest: bytes) -> None:
        self.get_pipe_transport = (Unread(b""), Unread(rest), Unread(b"")).__getitem__

    def get_pid(self) -> int:
        return 1 << 30  # nobody's


async def test_what_is_on_its_way_comes_before_what_is_in_the_pipe_still() -> None:
    run = helper_module._Run()
    run.connection_made(cast(asyncio.BaseTransport, Ended(b" third")))
    run.pipe_data_received(1, b"first")
    run.process_exited()
    run.pipe_data_received(1, b" second")
    await run.is_done.wait()
    assert run.answer == b"first second third"


def test_no_more_is_held_than_is_read() -> None:
    run = helper_module._Run()
    for fd in (1, 1, 2, 2):
        run.pipe_data_received(fd, b"x" * ANSWER_LIMIT)
    assert (len(run.answer), len(run.detail) < 300) == (ANSWER_LIMIT + 1, True)
    assert len(run._last_words) == 4096


@pytest.mark.usefixtures("release")
async def test_a_daemon_that_holds_the_question_unread_does_not_hold_the_caller(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper_module, "_MESSAGE_LIMIT", 2_000_000)  # more than a pipe takes
    helper = scripts.helper('exec 8<&0 9<"$FOLDER/release"; (read -r line <&9) & exit 0')
    await helper.store(HOST, USER, "x" * 1_000_000)


async def test_a_helper_that_talks_on_stderr_is_heard_out(scripts: Scripts) -> None:
    (scripts.folder / "answer").write_text(LOGIN)
    helper = scripts.helper('head -c 10000000 /dev/zero >&2; cat "$FOLDER/answer"')
    assert await helper.get(HOST) == (USER, SECRET)


async def test_a_helper_need_not_read_what_it_is_told(scripts: Scripts) -> None:
    await scripts.helper("exec <&-; exit 0").store(HOST, USER, "x" * 60_000)


async def test_several_questions_at_once_do_not_mix(scripts: Scripts) -> None:
    helper = scripts.helper('read -r server; echo "{\\"Username\\": \\"$server\\", \\"Secret\\": \\"x\\"}"')
    hosts = [f"registry{number}.corp" for number in range(6)]
    answers = await asyncio.gather(*(helper.get(host) for host in hosts))
    assert answers == [(host, "x") for host in hosts]


# 46: what must not reach a helper


@pytest.mark.parametrize("action", ["get", "store", "erase"])
@pytest.mark.parametrize(
    "server",
    [
        "",
        "registry.corp\n",
        "registry.corp\nother.corp",
        "registry.corp\r",
        "registry.corp\0",
        "registry.corp%0a",
        "registry.corp%0Aother.corp",
        "registry.corp other.corp",
        " registry.corp",
        "registry.corp ",
        "--flag",
        "-registry.corp",
        "registry.corp\x1b[31m",
        "Registry.corp",
        "registry.corp:99999",
        "registry.corp/team",
        "https://registry.corp",
        "http://registry.corp/v1/",
        f"{DOCKER_HUB_SERVER}\n",
        "user@registry.corp",
        "bücher.example",
        "registry.corp\udc80",
        "https://registry.corp/regbrowse/",
        "https://registry.corp/regbrowse/a/b",
        "https://registry.corp/regbrowse/a\n",
        "https://registry.corp/regbrowse/a%0ab",
        "https://registry.corp/regbrowse/a%0Ab",
        "https://registry.corp/regbrowse/a%0D",
        "https://registry.corp/regbrowse/a%00",
        "https://registry.corp/regbrowse/a%FF%0A",
        "https://registry.corp/regbrowse/a b",
        "https://registry.corp\n/regbrowse/a",
        "https://-x/regbrowse/a",
        "http://registry.corp/regbrowse/a",
    ],
)
async def test_46_a_server_that_could_be_taken_for_another_never_reaches_a_helper(
    scripts: Scripts, action: str, server: str
) -> None:
    helper = scripts.helper('echo run > "$FOLDER/told"')
    error = await failure(call(helper, action, server))
    assert "not the address of a registry" in error.user_message
    assert not (scripts.folder / "told").exists()


@pytest.mark.parametrize(
    "name", ["", "../x", "..", "a/b", "/bin/sh", "a b", "a\n", "a\0", "--flag=x", "$(id)", "a;b", "ä", "x" * 101]
)
def test_46_a_name_that_is_no_program_s_is_refused(name: str) -> None:
    with pytest.raises(CredentialError, match="cannot be a credential helper"):
        Helper(name, {})


@pytest.mark.parametrize(
    ("username", "secret"), [("", SECRET), ("\ud800", SECRET), (USER, f"{SECRET}\udfff"), (USER, SECRET * 6000)]
)
async def test_a_login_that_a_helper_cannot_keep_never_reaches_it(scripts: Scripts, username: str, secret: str) -> None:
    error = await failure(scripts.answering("").store(HOST, username, secret))
    assert "cannot keep the login" in error.user_message
    assert isinstance(error, NotAskedError)
    assert not (scripts.folder / "told").exists()


# How it is found and started


async def test_a_helper_has_neither_the_terminal_nor_other_logins(scripts: Scripts) -> None:
    scripts.environ |= {"GPG_TTY": "/dev/pts/0", "DOCKER_AUTH_CONFIG": SECRET, "DISPLAY": ":0"}
    helper = scripts.helper(
        f"#!{sys.executable}\n"
        "import json, os\n"
        "has_terminal = True\n"
        "try:\n"
        "    os.open('/dev/tty', os.O_RDWR)\n"
        "except OSError:\n"
        "    has_terminal = False\n"
        "leads = os.getsid(0) == os.getpgid(0) == os.getpid()\n"
        "names = sorted({'GPG_TTY', 'DOCKER_AUTH_CONFIG', 'DISPLAY'} & {*os.environ})\n"
        "print(json.dumps({'Username': 'seen', 'Secret': f'{has_terminal} {leads} {names}'}))\n"
    )
    assert await helper.get(HOST) == ("seen", "False True ['DISPLAY']")


async def test_a_helper_that_is_not_installed_is_named_with_who_wants_it(scripts: Scripts) -> None:
    helper = Helper("absent", scripts.environ, named_in="config.json")
    error = await failure(helper.get(HOST))
    assert error.user_message == "docker-credential-absent, which config.json names, is not installed."
    assert isinstance(error, NotAskedError)
    assert "PATH" in error.next_step


@pytest.mark.parametrize("entry", ["", ".", "bin", "./bin"])
async def test_a_helper_is_not_found_by_an_entry_that_is_not_absolute(
    scripts: Scripts, entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts.write(f"echo '{LOGIN}'")
    monkeypatch.chdir(scripts.folder if entry in ("", ".") else scripts.folder.parent)
    environ = {"PATH": f"{entry}{os.pathsep}{PATH}"}
    assert "is not installed" in (await failure(Helper("test", environ).get(HOST))).user_message
    assert "test" not in installed_helpers(environ)


async def test_without_path_nothing_is_installed(scripts: Scripts) -> None:
    assert "is not installed" in (await failure(Helper("test", {}).get(HOST))).user_message
    assert installed_helpers({}) == ()


async def test_the_first_program_on_path_is_the_helper(scripts: Scripts, tmp_path: Path) -> None:
    for name in ("folder", "plain", "gone"):
        (tmp_path / name).mkdir()
    (tmp_path / "folder" / "docker-credential-test").mkdir()
    (tmp_path / "plain" / "docker-credential-test").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "gone" / "docker-credential-test").symlink_to(tmp_path / "nowhere")
    other = tmp_path / "later"
    other.mkdir()
    Scripts(other).write("exit 1")
    helper = scripts.answering(LOGIN)
    folders = [tmp_path / "none", tmp_path / "folder", tmp_path / "plain", tmp_path / "gone", scripts.folder, other]
    scripts.environ["PATH"] = os.pathsep.join([*map(str, folders), PATH])
    assert await helper.get(HOST) == (USER, SECRET)


@pytest.mark.parametrize(
    ("script", "reason"), [("#!/nowhere/interpreter\n", "No such file"), ("\x7fELF", "Exec format error")]
)
async def test_a_helper_that_cannot_be_started_is_told_with_the_reason(
    scripts: Scripts, script: str, reason: str
) -> None:
    error = await failure(scripts.helper(script).get(HOST))
    assert f"docker-credential-test cannot be started: {reason}" in error.user_message
    assert isinstance(error, NotAskedError)


async def test_finding_a_helper_does_not_hold_the_loop(scripts: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[Callable[..., object]] = []
    to_thread = asyncio.to_thread

    async def recorded(function: Callable[..., object], *arguments: object) -> object:
        threads.append(function)
        return await to_thread(function, *arguments)

    monkeypatch.setattr(asyncio, "to_thread", recorded)
    await scripts.answering(LOGIN).get(HOST)
    assert threads == [helper_module._find]


def test_helpers_that_keep_logins_are_offered(scripts: Scripts) -> None:
    kept = ("desktop", "osxkeychain", "pass", "secretservice", "wincred", "desktop.exe")
    made = ("ecr-login", "gcloud", "gcloud.cmd", "gcr", "acr", "acr-env", "acr-linux", "ghcr-login")
    for name in (*kept, *made, "a b", ".."):
        scripts.write("exit 1", name)
    (scripts.folder / "docker-credential-plain").write_text("")
    (scripts.folder / "docker-credential-folder").mkdir()
    (scripts.folder / "docker-credentials").write_text("")
    missing = scripts.folder / "none"
    environ = {"PATH": os.pathsep.join(map(str, (missing, scripts.folder, scripts.folder)))}
    assert installed_helpers(environ) == tuple(sorted(kept))
