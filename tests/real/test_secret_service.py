"""A real Secret Service as the system keyring: open, locked, not there, hanging (registry-client.md §1.8)."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import secretstorage
from jeepney import DBusAddress, MessageType, new_method_call  # type: ignore[import-untyped]
from jeepney.io.blocking import DBusConnection, open_dbus_connection  # type: ignore[import-untyped]

from tests.real.secret_service import Session, bus_session, hanging, keyring_daemon, secret_service

ROOT: Final = Path(__file__).parents[2]
SECRET: Final = "canary-pass"
ACTIONS: Final = ("problem", "get", "put", "remove")
PATIENT: Final = "60"
BRIEF: Final = "0.5"


def probe(environ: Mapping[str, str], *actions: str, within: str = PATIENT) -> list[Any]:
    """What the keyring says to each of `actions`, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.real.keyring_probe", within, *actions],
        env=environ,
        cwd=ROOT,
        input=SECRET,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A D-Bus session where nothing offers a keyring yet."""
    with bus_session(tmp_path) as session:
        yield session


# A keyring that is open


def test_a_login_is_kept_read_back_and_forgotten_by_one_process_after_another(tmp_path: Path) -> None:
    with secret_service(tmp_path) as environ:
        assert probe(environ, "problem", "get") == ["", None]
        assert probe(environ, "put") == [None]
        assert probe(environ, "get") == [SECRET]
        assert probe(environ, "remove") == [None]
        assert probe(environ, "get", "remove") == [None, None]


def test_a_login_outlasts_the_session(tmp_path: Path) -> None:
    with secret_service(tmp_path) as environ:
        probe(environ, "put")
    with secret_service(tmp_path) as environ:
        assert probe(environ, "get") == [SECRET]


def test_the_entry_has_our_service_and_the_user_s_name(session: Session) -> None:
    with keyring_daemon(session), connected(session) as connection:
        probe(session.environ, "put")
        [entry] = secretstorage.Collection(connection).get_all_items()
        attributes = entry.get_attributes()
    assert (attributes["service"], attributes["username"]) == ("regbrowse:registry.corp:5000", "canary-user")


# A keyring that is locked


@pytest.fixture
def locked(session: Session) -> Iterator[Session]:
    """A session with a keyring that has a login and is locked, as over SSH."""
    with keyring_daemon(session):
        probe(session.environ, "put")
    with keyring_daemon(session, is_unlocked=False):
        yield session


def test_a_locked_keyring_is_told_as_such(locked: Session) -> None:
    said = probe(locked.environ, *ACTIONS)
    assert {each[:64] for each in said} == {"The system keyring is locked: unlock it in your desktop session."}


def test_a_locked_keyring_is_never_asked_to_open_itself(locked: Session) -> None:
    with prompter(locked) as questions:
        said = probe(locked.environ, *ACTIONS)
        assert all("is locked" in each for each in said)
        assert not questions.come(within=0)
        with connected(locked) as connection, pytest.raises(TimeoutError):  # as keyring would do, with no limit
            secretstorage.Collection(connection).unlock(timeout=0.1)
        assert questions.come(within=60), "otherwise this test could not fail"


def test_a_keyring_that_was_locked_is_used_once_it_is_open(session: Session) -> None:
    with keyring_daemon(session):
        probe(session.environ, "put")
    with keyring_daemon(session, is_unlocked=False):
        probe(session.environ, *ACTIONS)
    with keyring_daemon(session):
        assert probe(session.environ, "get") == [SECRET]


def test_a_keyring_that_was_never_set_up_is_told_as_such(session: Session) -> None:
    with keyring_daemon(session, is_unlocked=False), prompter(session) as questions:
        said = probe(session.environ, *ACTIONS)
        assert all("is not set up: it has no collection for new entries" in each for each in said)
        assert not questions.come(within=0)


# No keyring


def test_without_d_bus_there_is_no_keyring(session: Session) -> None:
    environ = {name: value for name, value in session.environ.items() if name != "DBUS_SESSION_BUS_ADDRESS"}
    for said in probe(environ, *ACTIONS):
        assert said.startswith("There is no system keyring here: this session has no D-Bus, as is usual over SSH.")


@pytest.mark.parametrize("is_there", [False, True], ids=["no socket", "socket without a bus"])
def test_with_the_address_of_a_dead_bus_there_is_no_keyring(is_there: bool, session: Session) -> None:
    path = Path(session.environ["XDG_RUNTIME_DIR"]) / "dead"
    if is_there:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
    for said in probe({**session.environ, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={path}"}, *ACTIONS):
        assert said.startswith("There is no system keyring here: nothing in this session offers one")


def test_on_a_bus_without_a_secret_service_there_is_no_keyring(session: Session) -> None:
    for said in probe(session.environ, *ACTIONS):
        assert said.startswith("There is no system keyring here: nothing in this session offers one")


# A keyring that hangs


def test_a_daemon_that_hangs_is_given_3_seconds(session: Session) -> None:
    with keyring_daemon(session) as daemon, hanging(daemon):
        [said] = probe(session.environ, "problem", within="default")
    assert said == "The system keyring did not answer within 3 s."


@pytest.mark.parametrize("action", ACTIONS)
def test_a_daemon_that_hangs_is_told_and_the_program_ends(action: str, session: Session) -> None:
    with keyring_daemon(session) as daemon, hanging(daemon):
        [said] = probe(session.environ, action, within=BRIEF)
    assert said.startswith("The system keyring did not answer within 0.5 s.")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_bus_that_hangs_is_told_and_the_program_ends(action: str, session: Session) -> None:
    with keyring_daemon(session), hanging(session.bus):
        [said] = probe(session.environ, action, within=BRIEF)
    assert said.startswith("The system keyring did not answer within 0.5 s.")


def test_a_daemon_that_hung_is_used_by_the_next_process(session: Session) -> None:
    with keyring_daemon(session) as daemon:
        with hanging(daemon):
            probe(session.environ, "get", within=BRIEF)
        assert probe(session.environ, "put", "get") == [None, SECRET]


# The other side of the bus


@contextmanager
def connected(session: Session) -> Iterator[DBusConnection]:
    with open_dbus_connection(session.environ["DBUS_SESSION_BUS_ADDRESS"]) as connection:
        yield connection


class Questions:
    """What a keyring daemon wants the user to be asked."""

    def __init__(self, connection: DBusConnection) -> None:
        self._connection = connection

    def come(self, *, within: float) -> bool:
        """Whether one has come, or comes within so many seconds."""
        try:
            while self._connection.receive(timeout=within).header.message_type is not MessageType.method_call:
                pass
        except TimeoutError:
            return False
        return True


@contextmanager
def prompter(session: Session) -> Iterator[Questions]:
    """Be the one who asks the user, in front of a screen where nobody sits."""
    bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
    with connected(session) as connection:
        request = new_method_call(bus, "RequestName", "su", ("org.gnome.keyring.SystemPrompter", 0))
        assert connection.send_and_get_reply(request).body == (1,)
        yield Questions(connection)
