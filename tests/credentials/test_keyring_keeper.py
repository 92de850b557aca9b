"""The system keyring: what is refused, what hangs, what fails (registry-client.md §1.8 and §5.3, number 47)."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import pytest
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null
from keyring.errors import InitError, KeyringLocked, NoKeyringError, PasswordDeleteError, PasswordSetError
from secretstorage.exceptions import LockedException, PromptDismissedException, SecretServiceNotAvailableException

from regbrowse.credentials.daemon_call import daemon_call
from regbrowse.credentials.keyring_keeper import KeyringKeeper
from regbrowse.credentials.store import Keeper, NotAskedError
from regbrowse.registry.errors import CredentialError

HOST: Final = "registry.corp:5000"
USER: Final = "canary-user"
SECRET: Final = "canary-pass"

Use = Callable[[KeyringBackend], KeyringKeeper]
Action = Callable[[KeyringKeeper], Awaitable[object]]

ACTIONS: Final[dict[str, Action]] = {
    "get": lambda keeper: keeper.get(HOST, USER),
    "put": lambda keeper: keeper.put(HOST, USER, SECRET),
    "remove": lambda keeper: keeper.remove(HOST, USER),
}
every_action: Final = pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)


class Dictionary(KeyringBackend):
    """A keyring as it should be."""

    priority = -1  # never chosen by itself

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.asked: list[str] = []

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append("get")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.asked.append("set")
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self.asked.append("delete")
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError("No such password!")


class Cutting(Dictionary):
    """Has room for eight characters."""

    def set_password(self, service: str, username: str, password: str) -> None:
        super().set_password(service, username, password[:8])


class Forgetful(Dictionary):
    """Takes everything and keeps nothing, under a name that nobody knows."""

    def set_password(self, service: str, username: str, password: str) -> None:
        self.asked.append("set")


class Sticky(Dictionary):
    """Removes nothing, in the same words as if there were nothing to remove."""

    def delete_password(self, service: str, username: str) -> None:
        raise PasswordDeleteError("Can't delete password in keychain")


class Failing(Dictionary):
    """Raises whatever it is asked."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error

    def set_password(self, service: str, username: str, password: str) -> None:
        raise self.error

    def delete_password(self, service: str, username: str) -> None:
        raise self.error


class Hanging(Dictionary):
    """Gives no answer before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = threading.Event()
        self.let_go = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.is_asked.set()
        found = super().get_password(service, username)
        self.let_go.wait()
        return found


class Slow(Dictionary):
    """Takes a secret when it is let go: the user types a password to unlock it.

    Attributes:
        is_done: Everything that it was asked is done.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = threading.Event()
        self.let_go = threading.Event()
        self.is_done = threading.Event()

    def set_password(self, service: str, username: str, password: str) -> None:
        self.is_asked.set()
        self.let_go.wait()
        super().set_password(service, username, password)

    def get_password(self, service: str, username: str) -> str | None:
        found = super().get_password(service, username)
        if "delete" in self.asked:
            self.is_done.set()
        return found


class Plaintext(Dictionary):
    """As if it were one of the package keyrings.alt."""

    __module__ = "keyrings.alt.file"
    __qualname__ = "PlaintextKeyring"


class Encrypted(Dictionary):
    """It asks for its password on the terminal, where a screen is."""

    __module__ = "keyrings.cryptfile.cryptfile"
    __qualname__ = "CryptFileKeyring"


class OwnPlaintext(Plaintext):
    """Made from one that is refused."""

    __module__ = "company.keyring"
    __qualname__ = "Keyring"


class OwnNull(null.Keyring):
    __module__ = "company.keyring"
    __qualname__ = "Nothing"


class Chain(chainer.ChainerBackend):
    """A chain of what is given, not of what is installed."""

    priority = -1
    backends: Any = ()

    def __init__(self, *backends: KeyringBackend) -> None:
        self.backends = backends


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Make a backend the one that the package gives; gives a keeper that takes every answer for soon enough."""

    def use(backend: KeyringBackend) -> KeyringKeeper:
        monkeypatch.setattr("keyring.core._keyring_backend", backend)
        return KeyringKeeper(within=60)

    return use


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    backend = Hanging()
    yield backend
    backend.let_go.set()


async def failure(doing: Awaitable[object]) -> CredentialError:
    with pytest.raises(CredentialError) as caught:
        await doing
    return caught.value


def frames_of(error: CredentialError) -> set[str]:
    """The functions whose variables a traceback could show."""
    return {frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)}


# A keyring that works


async def test_a_secret_is_kept_given_back_and_removed(use: Use) -> None:
    keeper = use(Dictionary())
    answers = [await keeper.get(HOST, USER)]
    await keeper.put(HOST, USER, SECRET)
    answers.append(await keeper.get(HOST, USER))
    await keeper.remove(HOST, USER)
    answers.append(await keeper.get(HOST, USER))
    assert answers == [None, SECRET, None]


async def test_service_is_the_host_under_our_name_and_account_is_the_user(use: Use) -> None:
    backend = Dictionary()
    await use(backend).put(HOST, USER, SECRET)
    assert backend.entries == {(f"regbrowse:{HOST}", USER): SECRET}


async def test_removing_what_is_not_there_is_no_failure(use: Use) -> None:
    await use(Dictionary()).remove(HOST, USER)


async def test_a_keyring_that_can_be_used_has_no_problem_and_is_asked_nothing(use: Use) -> None:
    backend = Dictionary()
    assert await use(backend).problem() == ""
    assert backend.asked == []


def test_it_is_a_keeper() -> None:
    keeper: Keeper = KeyringKeeper()
    assert (keeper.kind, keeper.name) == ("keyring", "system keyring")


def test_keyring_is_not_imported_before_something_is_asked() -> None:
    code = (
        "import sys; from regbrowse.credentials.keyring_keeper import KeyringKeeper; KeyringKeeper();"
        "print(sys.modules.keys() & {'keyring', 'secretstorage', 'jeepney'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "set()\n"


# Backends that are refused

FAIL: Final[Any] = fail.Keyring
NULL: Final[Any] = null.Keyring
OWN_NULL: Final[Any] = OwnNull

REFUSED: Final = [
    pytest.param(FAIL(), "There is no system keyring here", id="fail"),
    pytest.param(Chain(), "There is no system keyring here", id="empty chain"),
    pytest.param(Chain(FAIL()), "There is no system keyring here", id="chain of fail"),
    pytest.param(NULL(), "keyring.backends.null.Keyring, which is not used: it keeps nothing", id="null"),
    pytest.param(OWN_NULL(), "company.keyring.Nothing, which", id="made from null"),
    pytest.param(Plaintext(), "keyrings.alt.file.PlaintextKeyring, which", id="plaintext"),
    pytest.param(OwnPlaintext(), "company.keyring.Keyring, which", id="made from plaintext"),
    pytest.param(Encrypted(), "keyrings.cryptfile.cryptfile.CryptFileKeyring, which", id="asks on the terminal"),
    pytest.param(
        Chain(FAIL(), Plaintext(), NULL()),
        "keyrings.alt.file.PlaintextKeyring, which",
        id="chain of refused ones",
    ),
]


@pytest.mark.parametrize(("backend", "seen"), REFUSED)
async def test_an_unusable_keyring_is_a_problem_by_its_name(backend: KeyringBackend, seen: str, use: Use) -> None:
    assert seen in await use(backend).problem()


@every_action
@pytest.mark.parametrize(("backend", "seen"), REFUSED)
async def test_an_unusable_keyring_is_never_used(backend: KeyringBackend, seen: str, action: Action, use: Use) -> None:
    error = await failure(action(use(backend)))
    assert seen in error.user_message
    assert "this run only" in error.next_step
    parts = (backend, *getattr(backend, "backends", ()))
    assert all(part.asked == [] for part in parts if isinstance(part, Dictionary))


async def test_of_a_chain_the_first_usable_keyring_is_spoken_to_and_no_other(use: Use) -> None:
    refused, used, other = Plaintext(), Dictionary(), Dictionary()
    other.set_password(f"regbrowse:{HOST}", "someone else", "theirs")
    other.asked.clear()
    keeper = use(Chain(refused, used, other))
    await keeper.put(HOST, USER, SECRET)
    assert await keeper.get(HOST, "someone else") is None
    await keeper.remove(HOST, USER)
    assert (refused.asked, other.asked) == ([], [])
    assert {"set", "get", "delete"} <= set(used.asked)


@pytest.mark.skipif(sys.platform != "linux", reason="D-Bus is of Linux")
@pytest.mark.parametrize(
    ("address", "seen"), [("", "has no D-Bus, as is usual over SSH"), ("unix:path=/run/bus", "nothing in this session")]
)
async def test_without_a_keyring_it_is_said_what_is_missing(
    address: str, seen: str, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    assert seen in await use(FAIL()).problem()


async def test_a_keyring_that_cannot_be_loaded_is_a_problem_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyring.core._keyring_backend", None)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "no_such_package.Keyring")
    error = await failure(KeyringKeeper(within=60).get(HOST, USER))
    assert "cannot be loaded: No module named 'no_such_package'" in error.user_message
    assert "PYTHON_KEYRING_BACKEND" in error.next_step


# Backends that do not keep what they should


@pytest.mark.parametrize("backend", [Forgetful(), Cutting()], ids=lambda backend: type(backend).__name__)
async def test_what_is_read_back_must_be_what_was_written(backend: Dictionary, use: Use) -> None:
    error = await failure(use(backend).put(HOST, USER, SECRET))
    assert "what was read back is not what was written" in error.user_message
    assert backend.entries == {}, "nothing is left behind"
    assert "_put" not in frames_of(error), "it has the secret"


async def test_what_is_still_there_after_removing_is_told(use: Use) -> None:
    keeper = use(Sticky())
    await keeper.put(HOST, USER, SECRET)
    assert "did not remove the login" in (await failure(keeper.remove(HOST, USER))).user_message


# Backends that fail


class Panic(BaseException):
    """As a module that is not written in Python may raise."""


FAILURES: Final = [
    (KeyringLocked(SECRET), "is locked: unlock it in your desktop session"),
    (LockedException(SECRET), "is locked: unlock it in your desktop session"),
    (PromptDismissedException(SECRET), "is locked: unlock it in your desktop session"),
    (InitError(SECRET), "could not be opened"),
    (NoKeyringError(SECRET), "There is no system keyring here"),
    (SecretServiceNotAvailableException(SECRET), "it failed with SecretServiceNotAvailableException"),
    (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
    (TimeoutError(SECRET), "it failed with TimeoutError"),
    (UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET), "it failed with UnicodeDecodeError"),
    (StopIteration(SECRET), "it failed with StopIteration"),
    (NotImplementedError(SECRET), "it failed with NotImplementedError"),
    (SystemExit(SECRET), "it failed with SystemExit"),
    (asyncio.CancelledError(SECRET), "it failed with CancelledError"),
    (Panic(SECRET), "it failed with Panic"),
]


@every_action
@pytest.mark.parametrize(("error", "seen"), FAILURES, ids=lambda value: type(value).__name__)
async def test_a_failure_is_a_sentence_with_a_next_step(
    error: BaseException, seen: str, action: Action, use: Use
) -> None:
    said = await failure(action(use(Failing(error))))
    assert seen in said.user_message
    assert "this run only" in said.next_step


@every_action
@pytest.mark.parametrize("error", [error for error, _ in FAILURES], ids=lambda error: type(error).__name__)
async def test_a_failure_keeps_nothing_of_what_the_backend_had(error: BaseException, action: Action, use: Use) -> None:
    said = await failure(action(use(Failing(error))))
    text = "".join(traceback.format_exception(said))
    assert SECRET not in text + repr(said) + said.next_step
    assert (said.__cause__, said.__context__) == (None, None)
    assert frames_of(said) & {"get_password", "set_password", "delete_password"} == set()


async def test_a_refusal_to_keep_is_told_as_one(use: Use) -> None:
    said = await failure(use(Failing(PasswordSetError(SECRET))).put(HOST, USER, SECRET))
    assert "does not take the login" in said.user_message
    assert SECRET not in said.user_message


async def test_after_a_failure_the_keyring_is_asked_again(use: Use) -> None:
    await failure(use(Failing(KeyringLocked())).get(HOST, USER))
    assert await use(Dictionary()).get(HOST, USER) is None


# Backends that hang


async def test_no_answer_in_time_is_a_failure(hanging: Hanging, use: Use) -> None:
    use(hanging)
    error = await failure(KeyringKeeper(within=0.05).get(HOST, USER))
    assert error.user_message == "The system keyring did not answer within 0.05 s."
    assert "this run only" in error.next_step


async def test_after_a_time_out_the_keyring_is_not_asked_again(hanging: Hanging, use: Use) -> None:
    use(hanging)
    keeper = KeyringKeeper(within=0.05)
    first = await failure(keeper.get(HOST, USER))
    then = [await failure(action(keeper)) for action in ACTIONS.values()]
    assert {error.user_message for error in then} == {first.user_message}
    assert await keeper.problem() == first.user_message
    assert hanging.asked == ["get"]


async def test_of_many_questions_to_a_keyring_that_hangs_one_waits_for_it(hanging: Hanging, use: Use) -> None:
    use(hanging)
    keeper = KeyringKeeper(within=0.05)
    await asyncio.gather(*(failure(keeper.get(HOST, str(number))) for number in range(10)))
    assert hanging.asked == ["get"]


async def test_a_keyring_that_is_slow_to_be_chosen_has_the_same_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr("keyring.get_keyring", let_go.wait)
    try:
        assert "did not answer within 0.05 s" in await KeyringKeeper(within=0.05).problem()
    finally:
        let_go.set()


async def test_who_waits_can_be_cancelled_and_the_keyring_is_not_dead_for_that(hanging: Hanging, use: Use) -> None:
    keeper = use(hanging)
    waiting = asyncio.create_task(keeper.get(HOST, USER))
    await asyncio.to_thread(hanging.is_asked.wait)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    hanging.let_go.set()
    assert await keeper.get(HOST, USER) is None


async def test_secret_that_a_keyring_takes_too_late_is_removed_again(use: Use) -> None:
    backend = Slow()
    use(backend)
    await failure(KeyringKeeper(within=0.05).put(HOST, USER, SECRET))
    backend.let_go.set()
    assert await asyncio.to_thread(backend.is_done.wait, 10)
    assert (backend.entries, backend.asked[:2]) == ({}, ["set", "delete"])


async def cancelled_put(keeper: KeyringKeeper, backend: Slow) -> None:
    putting = asyncio.create_task(keeper.put(HOST, USER, SECRET))
    await asyncio.to_thread(backend.is_asked.wait)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting


async def test_secret_that_a_keyring_takes_after_one_has_given_up_is_removed_again(use: Use) -> None:
    backend = Slow()
    await cancelled_put(use(backend), backend)
    backend.let_go.set()
    assert await asyncio.to_thread(backend.is_done.wait, 10)
    assert backend.entries == {}


async def test_what_is_under_way_when_one_gives_up_is_waited_for_before_the_next_question(use: Use) -> None:
    backend = Slow()
    keeper = use(backend)
    await cancelled_put(keeper, backend)
    removing = asyncio.create_task(keeper.remove(HOST, USER))
    await asyncio.sleep(0)
    backend.let_go.set()
    await removing
    assert (backend.asked[0], backend.entries) == ("set", {})


async def test_secret_is_not_known_to_be_gone_while_it_is_under_way(use: Use) -> None:
    backend = Slow()
    use(backend)
    keeper = KeyringKeeper(within=0.2)
    try:
        await cancelled_put(keeper, backend)
        error = await failure(keeper.remove(HOST, USER))
        assert "did not answer" in error.user_message
    finally:
        backend.let_go.set()


@every_action
async def test_a_keyring_that_is_not_open_was_not_asked(action: Action, use: Use) -> None:
    assert isinstance(await failure(action(use(FAIL()))), NotAskedError)


@every_action
async def test_a_keyring_that_counts_as_dead_is_not_asked(hanging: Hanging, action: Action, use: Use) -> None:
    use(hanging)
    keeper = KeyringKeeper(within=0.05)
    first = await failure(keeper.get(HOST, USER))
    assert [isinstance(error, NotAskedError) for error in (first, await failure(action(keeper)))] == [False, True]


HANGING_PROGRAM: Final = """
import asyncio, sys, threading
import keyring
from keyring.backends.null import Keyring as Null
from keyring.backend import KeyringBackend
from regbrowse.credentials.keyring_keeper import KeyringKeeper
from regbrowse.registry.errors import CredentialError

class Hanging(KeyringBackend):
    def get_password(self, service, username):
        print("asked", flush=True)
        threading.Event().wait()
    def set_password(self, service, username, password):
        self.get_password(service, username)

keyring.set_keyring(Hanging())

async def main():
    try:
        await KeyringKeeper(within=float(sys.argv[1])).get("registry.corp", "ada")
    except CredentialError as error:
        print(error, flush=True)

asyncio.run(main())
print("end", flush=True)
"""


def program(within: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HANGING_PROGRAM, str(within)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_keyring_that_hangs_does_not_hold_up_the_end_of_the_process() -> None:
    with program(0.05) as process:
        try:
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    said = ["asked", "The system keyring did not answer within 0.05 s.", "end"]
    assert (output.splitlines(), errors, process.returncode) == (said, "", 0)


def test_while_a_keyring_hangs_an_interrupt_ends_the_program() -> None:
    with program(600) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "asked\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert errors.splitlines()[-1] == "KeyboardInterrupt"


# The call in a daemon thread


async def test_a_daemon_call_gives_what_the_function_gives() -> None:
    assert await daemon_call(lambda: 6 * 7, within=60) == 42


async def test_a_daemon_call_raises_what_the_function_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        await daemon_call(lambda: 1 / 0, within=60)


async def test_a_daemon_call_leaves_the_loop_free() -> None:
    go_on = threading.Event()
    call = asyncio.create_task(daemon_call(go_on.wait, within=60))
    await asyncio.sleep(0)
    go_on.set()
    assert await call


def test_an_answer_that_comes_after_the_end_of_the_loop_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    go_on = threading.Event()

    def late() -> None:
        go_on.wait()
        raise ValueError

    async def give_up() -> threading.Thread:
        before = set(threading.enumerate())
        with pytest.raises(TimeoutError):
            await daemon_call(late, within=0.01)
        [thread] = set(threading.enumerate()) - before
        return thread

    thread = asyncio.run(give_up())
    go_on.set()
    thread.join()  # what it raises outside of the call, pytest makes a failure of
    assert caplog.records == []
