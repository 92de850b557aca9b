"""The keyring of the user's session as a place for logins (registry-client.md §1.8).

The package keyring asks D-Bus, and so do some of its parts while they are imported or chosen. Nothing of it is touched
before it is needed, and then only in a thread that nobody has to wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from regbrowse.credentials.daemon_call import daemon_call
from regbrowse.credentials.store import NotAskedError
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText, safe_text

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")

_NONE_THERE: Final = "keyring.backends.fail"
"""What the package takes if it finds nothing."""

_REFUSED: Final = {
    _NONE_THERE: "it keeps nothing",
    "keyring.backends.null": "it keeps nothing",
    "keyrings.alt": "it keeps files of its own, in the clear or under a password that it asks for on the terminal",
    "keyrings.cryptfile": "it asks for a password on the terminal",
}
"""Modules, or packages, of backends that no login is given to, and why."""

_SECRET_SERVICE: Final = "keyring.backends.SecretService"
_LOCKED: Final = {"KeyringLocked", "LockedException", "PromptDismissedException"}
_ELSEWHERE: Final = "Choose another place for the login, or log in for this run only."


class KeyringKeeper:
    """Keeps secrets in the system's keyring, under the service `regbrowse:HOST` and the user's name.

    One question is asked at a time, also after one that nobody waits for any more. After one without an answer the
    keyring counts as dead and is not asked again.

    Args:
        within: Seconds that the keyring has for one answer.
    """

    kind: Final = "keyring"
    name: Final = SafeText("system keyring")

    def __init__(self, *, within: float = 3.0) -> None:
        self._within = within
        self._is_dead = False
        self._turn = asyncio.Lock()
        self._is_free = _event_that_is_set()

    async def problem(self) -> SafeText:
        """Why there is no keyring to use here, as a sentence; empty if there is one. Never unlocks it, nor asks to."""
        try:
            await self._ask(lambda _: None)
        except CredentialError as error:
            return error.user_message
        return SafeText("")

    async def get(self, host: str, username: str) -> str | None:
        """The secret; None if it is not there.

        Raises:
            CredentialError: There is no keyring to use here, it is locked, it fails, or it does not answer in time.
        """
        return await self._ask(lambda backend: backend.get_password(_service(host), username))

    async def put(self, host: str, username: str, secret: str) -> None:
        """Keep a secret, and read it back: some backends take everything and keep nothing.

        Where nobody waits any more, as it took too long or was cancelled, what is written then is removed again.

        Raises:
            CredentialError: As for `get`, or what is read back is not what was written.
        """
        is_given_up = threading.Event()
        try:
            await self._ask(lambda backend: _put(backend, _service(host), username, secret, is_given_up))
        except CredentialError as error:
            is_given_up.set()
            if self._is_dead:  # its thread takes back what it may still write
                raise NotAskedError(error.user_message, error.next_step) from None
            raise
        except BaseException:
            is_given_up.set()
            raise

    async def remove(self, host: str, username: str) -> None:
        """Keep a secret no longer; nothing happens if it is not there.

        Raises:
            CredentialError: As for `get`, or it is still there.
        """
        await self._ask(lambda backend: _remove(backend, _service(host), username))

    async def _ask(self, question: Callable[[KeyringBackend], T]) -> T:
        async with self._turn:
            kind = NotAskedError if self._is_dead else CredentialError
            if not self._is_dead:
                before, self._is_free = self._is_free, threading.Event()
                try:
                    return await daemon_call(partial(_in_turn, question, before, self._is_free), within=self._within)
                except TimeoutError:
                    self._is_dead = True
        raise kind(
            f"The system keyring did not answer within {self._within:g} s.",
            f"{_ELSEWHERE} It is asked again after a restart.",
        )


def _service(host: str) -> str:
    return f"regbrowse:{host}"


def _event_that_is_set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


# In the thread


def _in_turn(question: Callable[[KeyringBackend], T], before: threading.Event, is_over: threading.Event) -> T:
    before.wait()
    try:
        return _answer(question)
    finally:
        is_over.set()


def _answer(question: Callable[[KeyringBackend], T]) -> T:
    is_open = False
    try:
        backend = _usable(_candidates())
        _see_that_it_is_open(backend)
        is_open = True
        return question(backend)
    except BaseException as error:  # whatever a backend raises, it does not end the program
        failure = _in_words(error)
    if not is_open:
        failure = NotAskedError(failure.user_message, failure.next_step)
    # Out here and without where it came from: neither the backend's exception nor its frames, which may hold the
    # secret, are kept with it.
    raise failure.with_traceback(None)


def _candidates() -> Iterable[KeyringBackend]:
    try:
        import keyring
        from keyring.backends.chainer import ChainerBackend

        chosen = keyring.get_keyring()
        # One alone is spoken to: a chain would go on to the next, which may be one that is refused.
        return list(chosen.backends) if isinstance(chosen, ChainerBackend) else [chosen]
    except Exception as error:
        raise CredentialError(
            f"The keyring that is set up cannot be loaded: {safe_text(str(error), limit=200)}.",
            f"Correct PYTHON_KEYRING_BACKEND or keyringrc.cfg, then start again. {_ELSEWHERE}",
        ) from None


def _usable(backends: Iterable[KeyringBackend]) -> KeyringBackend:
    refused: list[tuple[str, str]] = []
    for backend in backends:
        module = next((module for module in _REFUSED if _is_of(backend, module)), None)
        if module is None:
            return backend
        if module != _NONE_THERE:
            refused.append((f"{type(backend).__module__}.{type(backend).__qualname__}", _REFUSED[module]))
    if not refused:
        raise _no_keyring()
    name, reason = refused[0]
    raise CredentialError(f"The only keyring here is {safe_text(name)}, which is not used: {reason}.", _ELSEWHERE)


def _is_of(backend: KeyringBackend, module: str) -> bool:
    """Whether the backend, or one that it is made from, is of that module or package."""
    return any(f"{kind.__module__}.".startswith(f"{module}.") for kind in type(backend).__mro__)


def _see_that_it_is_open(backend: KeyringBackend) -> None:
    """Refuse a locked Secret Service: keyring would have it ask the user, and over SSH nobody sees that question."""
    if not _is_of(backend, _SECRET_SERVICE):
        return
    import secretstorage

    path = getattr(backend, "preferred_collection", secretstorage.collection.DEFAULT_COLLECTION)
    with contextlib.closing(secretstorage.dbus_init()) as connection:
        try:
            is_locked = secretstorage.Collection(connection, path).is_locked()
        except secretstorage.ItemNotFoundException:
            raise CredentialError(
                "The system keyring is not set up: it has no collection for new entries.",
                f"Make one in your desktop session, then try again. {_ELSEWHERE}",
            ) from None
    if is_locked:
        raise _locked()


def _put(backend: KeyringBackend, service: str, username: str, secret: str, is_given_up: threading.Event) -> None:
    backend.set_password(service, username, secret)
    if is_given_up.is_set() or backend.get_password(service, username) != secret or is_given_up.is_set():
        _remove(backend, service, username)
        raise CredentialError(
            "The system keyring did not keep the login: what was read back is not what was written.", _ELSEWHERE
        )


def _remove(backend: KeyringBackend, service: str, username: str) -> None:
    from keyring.errors import PasswordDeleteError

    # Also raised for what is not there; what matters is that it is gone.
    with contextlib.suppress(PasswordDeleteError):
        backend.delete_password(service, username)
    if backend.get_password(service, username) is not None:
        raise CredentialError(
            "The system keyring did not remove the login.", f"Remove {service} with your desktop's own program."
        )


# What is said


def _in_words(error: BaseException) -> CredentialError:
    """A backend's own words are not repeated: they may have the secret in them."""
    if isinstance(error, CredentialError):
        return error
    kinds = {kind.__name__ for kind in type(error).__mro__}  # by name: not every system has the modules they are of
    if kinds & _LOCKED:
        return _locked()
    if "NoKeyringError" in kinds:
        return _no_keyring()
    if "InitError" in kinds:
        return CredentialError("The system keyring could not be opened.", _ELSEWHERE)
    if "PasswordSetError" in kinds:
        return CredentialError("The system keyring does not take the login.", _ELSEWHERE)
    reason = (isinstance(error, OSError) and error.strerror) or f"it failed with {type(error).__name__}"
    return CredentialError(f"The system keyring cannot be used: {reason}.", _ELSEWHERE)


def _locked() -> CredentialError:
    return CredentialError(
        "The system keyring is locked: unlock it in your desktop session.",
        "Then try again, or log in for this run only.",
    )


def _no_keyring() -> CredentialError:
    if sys.platform == "linux" and not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        reason = "this session has no D-Bus, as is usual over SSH"
    else:
        reason = "nothing in this session offers one, as GNOME Keyring, KWallet and KeePassXC do"
    return CredentialError(f"There is no system keyring here: {reason}.", _ELSEWHERE)
