"""Debian's proxies as processes on loopback: tinyproxy, which wants a password, and dante, which speaks SOCKS."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

USER: Final = "canary-user"
PASSWORD: Final = "canary-pass"
AT_THE_PROXY: Final = "127.1"
"""This machine in a spelling that is an address to the resolver of every proxy, and to `NO_PROXY` only a name."""

_START_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class RealProxy:
    """A proxy that runs; `log` is what it wrote."""

    address: str
    log: Path


@contextlib.contextmanager
def tinyproxy(folder: Path) -> Iterator[RealProxy]:
    """A proxy by HTTP for `USER` with `PASSWORD`. As delivered, it lets connect to any port."""
    port = _free_port()
    config = folder / "tinyproxy.conf"
    config.write_text(
        f"Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nLogLevel Info\nBasicAuth {USER} {PASSWORD}\n"
    )
    with _running(["tinyproxy", "-d", "-c", str(config)], port, folder / "tinyproxy.log") as proxy:
        yield proxy


@contextlib.contextmanager
def dante(folder: Path) -> Iterator[RealProxy]:
    """A proxy by SOCKS, for everybody on this machine: its passwords would be the system's."""
    port = _free_port()
    config = folder / "danted.conf"
    config.write_text(
        f"logoutput: stderr\ninternal: 127.0.0.1 port = {port}\nexternal: lo\n"
        f"clientmethod: none\nsocksmethod: none\nuser.unprivileged: {getpass.getuser()}\n"
        "client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }\n"
        "socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0\nprotocol: tcp\nlog: connect error\n}\n"
    )
    command = ["danted", "-f", str(config), "-p", str(folder / "danted.pid")]
    with _running(command, port, folder / "danted.log") as proxy:
        yield proxy


@contextlib.contextmanager
def _running(command: list[str], port: int, log: Path) -> Iterator[RealProxy]:
    """Start `command` and wait until it takes connections; end it with all its children."""
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        reason = f"not installed: {command[0]}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_for(process, port, log)
        yield RealProxy(f"127.0.0.1:{port}", log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not take connections: {log.read_text(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
