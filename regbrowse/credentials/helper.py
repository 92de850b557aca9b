"""Logins that a program of the user's keeps: what a docker-credential-helper is told, and what it answers.

The protocol is that of docker-credential-helpers (registry-client.md §1.7): one run for one question, the server or the
login on stdin, the answer on stdout. A helper that fails is never taken for one that has no login.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import stat
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Final, cast
from urllib.parse import unquote

from regbrowse.credentials.disclosure import gives_away
from regbrowse.credentials.store import NotAskedError
from regbrowse.registry.errors import CredentialError, InvalidReferenceError, MalformedDocumentError
from regbrowse.registry.json_values import read_object
from regbrowse.registry.reference import parse_registry_address
from regbrowse.registry.text import SafeText, safe_text

DOCKER_HUB_SERVER: Final = "https://index.docker.io/v1/"
"""What helpers call Docker Hub."""

ANSWER_LIMIT: Final = 256 * 1024
"""Bytes that a helper may answer with."""

_MESSAGE_LIMIT: Final = 64 * 1024 - 1
"""Bytes that a helper is told: it reads lines, with Go's limit for one."""

_PREFIX: Final = "docker-credential-"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_CLOUD_NAMES: Final = frozenset(
    {"acr", "aks", "ecr", "env", "gcloud", "gcr", "ghcr", "gke", "magic", "none", "oci", "ocir"}
)
"""First words of helpers that make logins, or only find them, and keep none."""

_WITHHELD: Final = frozenset({"GPG_TTY", "DOCKER_AUTH_CONFIG"})
"""Variables that no helper gets: the terminal belongs to the screen, and other logins are none of its business."""

_OWN_SERVER: Final = re.compile(r"https://(?P<host>[^/]+)/regbrowse/(?P<username>(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+)")
_NOT_FOUND: Final = "credentials not found in native keychain"
_LAST_WORDS_LIMIT: Final = 4096
_DETAIL_LIMIT: Final = 200
_USERINFO: Final = re.compile(r"//[^/\s]*@")

_END_LIMIT: Final = 1.0
"""Seconds to wait for the end of what was killed: a program of another user (setuid) may not be."""

_running: Final[set[int]] = set()
"""The numbers of the helpers that run now, each of which is that of its process group too."""


class Helper:
    """One docker-credential-helper. It runs only while it is asked, without the terminal, and for a limited time.

    Args:
        name: What follows `docker-credential-` in its program's name: `pass`.
        environ: Its variables, and the `PATH` that it is looked for in. Entries that are not absolute are passed over.
        within: Seconds that it may take; then it is killed, and all that it started.
        named_in: Who names it, for the message that it is not installed.

    Raises:
        CredentialError: `name` cannot be the name of a helper.
    """

    def __init__(
        self, name: str, environ: Mapping[str, str], *, within: float = 10.0, named_in: str = "docker config"
    ) -> None:
        if not _is_name(name):
            shown = safe_text(name, limit=_DETAIL_LIMIT)
            raise CredentialError(
                f"“{shown}”, which {named_in} names, cannot be a credential helper.",
                "Write the helper's name there as in docker-credential-NAME, without a path.",
            )
        self.name: SafeText = safe_text(name)
        self._environ = environ
        self._within = within
        self._named_in = named_in
        self._program = f"{_PREFIX}{name}"

    async def get(self, server: str) -> tuple[str, str] | None:
        """The user name and the secret that are kept for `server`; None if the helper says that it has none.

        Args:
            server: `host` or `host:port` in lower case, `DOCKER_HUB_SERVER`, or `https://host/regbrowse/user`.

        Raises:
            CredentialError: `server` is nothing that a helper may be told; or the helper is not installed, failed,
                took too long, or its answer cannot be read.
        """
        _check_server(server)
        run = await self._run("get", server.encode())
        if run.code and run.words == _NOT_FOUND:
            return None
        if run.code:
            raise self._failure("failed", run)
        return self._login(run.answer)

    async def store(self, server: str, username: str, secret: str) -> None:
        """Have a login kept for `server`, in the place of any that it has.

        Raises:
            CredentialError: As for `get`, or the login is none that can be kept.
        """
        _check_server(server)
        # An encoder's own exception would hold the secret.
        if not username or any("\ud800" <= character <= "\udfff" for character in username + secret):
            raise NotAskedError(f"{self._program} cannot keep the login: its user name or password is no text.")
        message = json.dumps({"ServerURL": server, "Username": username, "Secret": secret}).encode()
        if len(message) > _MESSAGE_LIMIT:
            raise NotAskedError(f"{self._program} cannot keep the login: it is too long.", "Keep it somewhere else.")
        if (run := await self._run("store", message)).code:
            is_safe = not gives_away(run.output, secret)
            raise self._failure("did not keep the login", run, with_detail=is_safe)

    async def erase(self, server: str) -> None:
        """Have the login for `server` kept no longer.

        Raises:
            CredentialError: As for `get`. Helpers differ in whether a login that is not there is a failure.
        """
        _check_server(server)
        run = await self._run("erase", server.encode())
        if run.code and run.words != _NOT_FOUND:
            raise self._failure("did not remove the login", run)

    async def _run(self, action: str, message: bytes) -> _Run:
        try:
            async with asyncio.timeout(self._within):
                path = await asyncio.to_thread(_find, self._program, self._environ)
                if path is None:
                    raise NotAskedError(
                        f"{self._program}, which {self._named_in} names, is not installed.",
                        "Install it in a folder of PATH, or log in again with another store.",
                    )
                return await self._ended(path, action, message)
        except TimeoutError:
            raise CredentialError(
                f"{self._program} did not answer within {self._within:g} s and was stopped.",
                "It may wait for its store to be unlocked: unlock that, then try again.",
            ) from None

    async def _ended(self, path: Path, action: str, message: bytes) -> _Run:
        environ = {name: value for name, value in self._environ.items() if name not in _WITHHELD}
        try:
            async with _started(path, action, environ) as run:
                run.tell(message)
                await run.is_done.wait()
        except OSError as error:
            raise NotAskedError(f"{self._program} cannot be started: {error.strerror}.") from None
        if len(run.answer) > ANSWER_LIMIT:
            raise CredentialError(
                f"{self._program} answered with more than {ANSWER_LIMIT // 1024} KiB and was stopped.",
                f"Run {self._program} {action} in a shell to see what it says.",
            )
        return run

    def _login(self, answer: bytes) -> tuple[str, str] | None:
        try:
            fields = {key.lower(): value for key, value in read_object(answer, "The answer").items()}  # as Go reads it
        except MalformedDocumentError:
            fields = {}
        # Raised out here: the decoder's own exception, which may hold the answer, must not come along.
        server, username, secret = fields.get("serverurl", ""), fields.get("username"), fields.get("secret")
        if not (isinstance(server, str) and isinstance(username, str) and isinstance(secret, str)):
            raise CredentialError(
                f"{self._program} answered with something that is not a login.",
                f"Run {self._program} get in a shell to see what it says.",
            )
        if not secret and username:
            raise CredentialError(f"{self._program} answered with a login that has no password.")
        # Some say so that they have none: docker-credential-pass before 0.7.
        return (username, secret) if secret else None

    def _failure(self, what: str, run: _Run, *, with_detail: bool = True) -> CredentialError:
        ending = f"exit code {run.code}" if run.code > 0 else f"ended by signal {-run.code}"
        detail = (with_detail and run.detail) or ending
        return CredentialError(
            f"{self._program} {what}: {detail.removesuffix('.')}.",
            f"Run {self._program} list in a shell to see what it wants (to be unlocked, perhaps), then try again.",
        )


def installed_helpers(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the helpers on `PATH` that keep logins, sorted. Those that make logins for a cloud are left out.

    Blocking: it reads the folders of `PATH`.
    """
    found = {
        name
        for folder in _folders(environ)
        for path in _content(folder)
        if path.name.startswith(_PREFIX)
        and _is_name(name := path.name.removeprefix(_PREFIX))
        and re.split("[._-]", name)[0] not in _CLOUD_NAMES
        and _is_program(path)
    }
    return tuple(sorted(found))


def end_running() -> None:
    """Kill all helpers that run now, with all that they started: for a program that ends without its event loop.

    A helper has a session of its own, so it does not hear that the terminal hung up. Nothing waits and nothing is
    raised: it may be called from any thread and from a signal handler.
    """
    for group in tuple(_running):
        _kill(group)


def _kill(group: int) -> None:
    # It may have ended just now, or be a program of another user.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


class _Run(asyncio.SubprocessProtocol):
    """One run of a helper, with what it said.

    Attributes:
        answer: Its stdout; one byte more than `ANSWER_LIMIT` if it said too much.
        is_done: It has ended, or said too much.
    """

    def __init__(self) -> None:
        self.answer = b""
        self.is_done = asyncio.Event()
        self._last_words = b""
        self._has_exited = asyncio.Event()
        self._is_closed = asyncio.Event()

    @property
    def code(self) -> int:
        """The exit code; negative for a signal."""
        return self._transport.get_returncode() or 0

    @property
    def words(self) -> str:
        """The answer as a text: what a failure is told by."""
        return self.answer.decode("utf-8", "replace").strip()

    @property
    def output(self) -> str:
        """All that it said, as far as it was kept."""
        return f"{self.words}\n{self._errors}"

    @property
    def detail(self) -> SafeText:
        """Why it failed, in its own words, without what may be a login; empty if it did not say."""
        lines = (*self.words.splitlines()[:1], *self._errors.splitlines()[-1:])
        told = (_USERINFO.sub("//", line.strip()) for line in lines if "{" not in line)
        return safe_text(next(filter(None, told), ""), limit=_DETAIL_LIMIT)

    @property
    def _errors(self) -> str:
        return self._last_words.decode("utf-8", "replace").strip()

    def tell(self, message: bytes) -> None:
        """Give it its stdin. A helper that does not read it has its reasons: what counts is how it ends."""
        self._stdin.write(message)
        self._stdin.write_eof()

    async def close(self) -> None:
        """Have it ended, with all that it started if it did not end by itself, and nothing left of it.

        One that may not be killed is left to itself.
        """
        try:
            if not self._has_exited.is_set():
                _kill(self._transport.get_pid())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._has_exited.wait(), _END_LIMIT)
        finally:
            if self._stdin.get_write_buffer_size():
                self._stdin.abort()  # closing it would wait until it is read
            with contextlib.suppress(PermissionError):  # it tries to kill it, too
                self._transport.close()
        if self._has_exited.is_set():
            await self._is_closed.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._stdin = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        _running.add(self._transport.get_pid())

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._last_words = (self._last_words + data)[-_LAST_WORDS_LIMIT:]
            return
        self.answer += data[: ANSWER_LIMIT + 1 - len(self.answer)]
        if len(self.answer) > ANSWER_LIMIT:
            self.is_done.set()

    def process_exited(self) -> None:
        """Take the rest out of its pipes, without waiting for their ends: a daemon that it started may hold those."""
        self._has_exited.set()
        _running.discard(self._transport.get_pid())
        for _, pipe in self._open_pipes():
            pipe.pause_reading()
        asyncio.get_running_loop().call_soon(self._take_rest)  # after what was read already and is on its way

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_closed.set()

    def _take_rest(self) -> None:
        for fd, pipe in self._open_pipes():
            if rest := pipe.get_extra_info("pipe").read(ANSWER_LIMIT + 1):
                self.pipe_data_received(fd, rest)
        self.is_done.set()

    def _open_pipes(self) -> list[tuple[int, asyncio.ReadTransport]]:
        pipes = [(fd, cast(asyncio.ReadTransport, self._transport.get_pipe_transport(fd))) for fd in (1, 2)]
        return [(fd, pipe) for fd, pipe in pipes if not pipe.is_closing()]


@contextlib.asynccontextmanager
async def _started(path: Path, action: str, environ: Mapping[str, str]) -> AsyncIterator[_Run]:
    """Run a helper until the block ends.

    The start itself is never broken off: asyncio would end the program alone, and wait for all that it had started.

    Raises:
        OSError: It cannot be started.
    """
    run = _Run()
    starting = asyncio.create_task(
        asyncio.get_running_loop().subprocess_exec(lambda: run, str(path), action, env=environ, start_new_session=True)
    )
    try:
        await asyncio.shield(starting)
        yield run
    finally:
        await asyncio.wait([starting])
        if not starting.cancelled() and starting.exception() is None:
            await run.close()


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and ".." not in text


def _check_server(server: str) -> None:
    """Refuse what could be more than one line for a helper, or an option, or another address than it looks like.

    Raises:
        CredentialError: It is refused.
    """
    if server == DOCKER_HUB_SERVER or _is_host(server):
        return
    own = _OWN_SERVER.fullmatch(server)
    if own is None or not _is_host(own["host"]) or not unquote(own["username"]).isprintable():
        shown = safe_text(server, limit=_DETAIL_LIMIT)
        raise NotAskedError(
            f"No credential helper may be asked for “{shown}”: it is not the address of a registry.",
            "Write the registry as registry.corp:5000.",
        )


def _is_host(text: str) -> bool:
    try:
        return parse_registry_address(text).host == text
    except InvalidReferenceError:
        return False


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """The folders of `PATH`, without those that depend on where the program was started."""
    return filter(Path.is_absolute, map(Path, environ.get("PATH", "").split(os.pathsep)))


def _content(folder: Path) -> tuple[Path, ...]:
    try:
        return tuple(folder.iterdir())
    except OSError:  # not there, or not for this user: no shell finds a program in it either
        return ()


def _find(program: str, environ: Mapping[str, str]) -> Path | None:
    return next((path for folder in _folders(environ) if _is_program(path := folder / program)), None)


def _is_program(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode) and os.access(path, os.X_OK)
    except OSError:
        return False
