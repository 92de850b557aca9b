"""A Secret Service of its own: GNOME's keyring daemon on a private D-Bus, both ended with the block they are for."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from jeepney import DBusAddress, new_method_call  # type: ignore[import-untyped]
from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]

_PACKAGES: Final = {"dbus-daemon": "dbus-daemon", "gnome-keyring-daemon": "gnome-keyring"}
"""Programs, and Debian's packages that have them."""

_PASSWORD: Final = "password of the login keyring"
_START_SECONDS: Final = 60

_CONFIG: Final = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
"""Without folders of services: what is not started here does not run, and nothing can ask a user."""


@dataclass(frozen=True, slots=True)
class Session:
    """A private D-Bus.

    Attributes:
        environ: All variables for a program that runs in this session; nothing of the surrounding one but `PATH`.
        bus: The daemon of the bus.
    """

    environ: Mapping[str, str]
    bus: subprocess.Popen[bytes]


def require_packages() -> None:
    """Skip the test where Debian's packages are missing; fail it in CI, which installs them."""
    missing = sorted(package for program, package in _PACKAGES.items() if shutil.which(program) is None)
    if missing:
        reason = f"not installed: Debian's {' '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@contextmanager
def secret_service(home: Path) -> Iterator[Mapping[str, str]]:
    """Run a Secret Service with an unlocked login keyring; gives the variables of its session.

    Args:
        home: A folder that is there; what the keyring holds stays in it, for a later session.
    """
    with bus_session(home) as session, keyring_daemon(session):
        yield session.environ


@contextmanager
def bus_session(home: Path) -> Iterator[Session]:
    """Run a private D-Bus on which there is nothing yet."""
    require_packages()
    with tempfile.TemporaryDirectory(prefix="bus-") as runtime:  # short, as the path of a socket must be
        socket = Path(runtime) / "bus"
        config = Path(runtime) / "bus.conf"
        config.write_text(_CONFIG.format(socket=socket))
        environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "XDG_RUNTIME_DIR": runtime,
            "XDG_DATA_HOME": str(home / ".local" / "share"),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={socket}",
        }
        command = ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address"]
        with _running(command, environ) as bus:
            assert bus.stdout is not None
            if not bus.stdout.readline():  # it says the address once it listens there
                raise RuntimeError("dbus-daemon ended instead of listening.")
            yield Session(environ, bus)


@contextmanager
def keyring_daemon(session: Session, *, is_unlocked: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    """Run GNOME's keyring daemon in a session until the block ends.

    Args:
        session: Where the Secret Service is to be.
        is_unlocked: Unlock the login keyring, and make it if there is none. Otherwise it stays as it is: locked, if an
            earlier daemon has made one in the same home folder.
    """
    command = ["gnome-keyring-daemon", "--foreground", "--components=secrets", *(["--unlock"] if is_unlocked else [])]
    with _running(command, session.environ) as daemon:
        assert daemon.stdin is not None
        if is_unlocked:
            daemon.stdin.write(_PASSWORD.encode())
        daemon.stdin.close()
        _wait_for_the_service(session, daemon)
        yield daemon


@contextmanager
def hanging(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Stop a process where it stands: it keeps its sockets and answers nobody."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@contextmanager
def _running(command: list[str], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for_the_service(session: Session, daemon: subprocess.Popen[bytes]) -> None:
    bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
    question = new_method_call(bus, "NameHasOwner", "s", ("org.freedesktop.secrets",))
    deadline = time.monotonic() + _START_SECONDS
    with open_dbus_connection(session.environ["DBUS_SESSION_BUS_ADDRESS"]) as connection:
        while daemon.poll() is None and time.monotonic() < deadline:
            if connection.send_and_get_reply(question, timeout=_START_SECONDS).body == (True,):
                return
            with contextlib.suppress(subprocess.TimeoutExpired):  # its end is the other thing that may come
                daemon.wait(timeout=0.01)
    raise RuntimeError("gnome-keyring-daemon does not offer the Secret Service.")
