"""All places where a login may be, in the order in which they are asked (registry-client.md §1.7)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path

from regbrowse.credentials.accounts import NOTHING, Choice, Nobody, StoredAccount, TypedIn, account_of, in_order
from regbrowse.credentials.auth_store import paths_to
from regbrowse.credentials.docker_config import docker_config, docker_environment, dockercfg
from regbrowse.credentials.helper_logins import HelperLogins, docker_helpers, podman_helpers
from regbrowse.credentials.keepers import Keepers, KnownKeepers
from regbrowse.credentials.logins_file import KeptLogin, LoginsFile
from regbrowse.credentials.netrc import NetrcLogins
from regbrowse.credentials.our_logins import OurLogins
from regbrowse.credentials.podman_auth import podman_auth, registry_auth_file
from regbrowse.credentials.remembered import RememberedAnswers
from regbrowse.credentials.store import Keeper, Listed, Store
from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText, safe_text


class CredentialChain:
    """Finds the login for a registry or a repository, and knows what the user chose for this run.

    What the user chose for a registry is for all of it, and then nothing else is asked. Without a choice the first
    that has a login wins, ours before all stores; but one for a repository wins over one for its whole registry.
    Nothing is read before it is needed. Coroutines belong to one event loop; the blocking methods to any thread.

    Args:
        stores: In their order.
        ours: The logins that regbrowse keeps. If None there is no list of them, and nothing can be kept.
        clock: Seconds that only go forward.
    """

    def __init__(
        self,
        stores: Sequence[Store] = (),
        *,
        ours: OurLogins | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stores = tuple(stores)
        self._ours = ours or OurLogins(LoginsFile(None))
        self._programs = RememberedAnswers(clock)
        self._choices: dict[str, Choice] = {}
        self._typed: dict[str, dict[str, Credential]] = {}
        self._tokens: dict[str, SafeText] = {}

    @classmethod
    def of(
        cls,
        environ: Mapping[str, str],
        home: Path | None = None,
        *,
        config_folder: Path | None = None,
        netrc: bool = False,
    ) -> CredentialChain:
        """The places that these variables and this home folder lead to. Nothing is read yet.

        Args:
            config_folder: Where regbrowse keeps its own list of logins; None if it keeps none.
            netrc: Ask `~/.netrc` too, as the last.
        """
        home = home or Path(environ.get("HOME") or Path.home())
        docker = docker_config(environ, home)
        stores: list[Store] = [docker_environment(environ)]
        for file in registry_auth_file(environ):
            stores += podman_helpers(file, environ), file
        stores += *docker_helpers(docker, environ), docker
        for file in podman_auth(environ, home):
            stores += podman_helpers(file, environ), file
        stores.append(dockercfg(home))
        if netrc:
            stores.append(NetrcLogins.of(environ, home))
        if config_folder is None:
            return cls(stores)
        keepers = KnownKeepers.of(environ, docker, config_folder / "credentials.json")
        return cls(stores, ours=OurLogins(LoginsFile(config_folder / "logins.json"), keepers))

    @property
    def logins_file(self) -> LoginsFile:
        """The list of our logins, which has the token servers that the user allowed too."""
        return self._ours.file

    async def lookup(self, host: str, repository: str = "", *, is_opened: bool = True) -> Credential | None:
        """The login for a repository, with the store that had it as its origin; None if no store has one.

        What a program answers, a helper or the keyring, is remembered for five minutes, or until `doubt`.

        Args:
            repository: Empty for the registry as a whole.
            is_opened: The user has opened this registry. Otherwise no program is run for it.

        Raises:
            CredentialError: A store that comes before an answer fails, and is never taken for an empty one; the login
                that was chosen is not there any more; or a program is known to have it and may not be run.
        """
        if (choice := self._choices.get(host)) is not None:
            credential = await self._chosen(choice, host, is_opened)
        else:
            credential = await self._first(host, repository, is_opened)
        if credential and credential.is_token:
            self._tokens[host] = credential.origin
        else:
            self._tokens.pop(host, None)
        return credential

    def doubt(self, host: str) -> None:
        """Say that a registry did not take what `lookup` gave: programs are asked anew."""
        self._programs.forget(host)

    def hint(self, host: str) -> str:
        """For the next step, if what `lookup` gave last is of no use where a password is wanted; else empty."""
        if origin := self._tokens.get(host):
            return (
                f"The login of {host} that is known ({origin}) is a token, which is of no use where a password is"
                f" wanted: log in with a password (L), or with podman login {host}."
            )
        return ""

    # What the user chooses for this run

    def choose(self, host: str, credential: Credential) -> None:
        """Use a login that was typed in, and nothing else for this registry; in place of one of the same user name."""
        others = {name: login for name, login in self._typed.get(host, {}).items() if name != credential.username}
        self._typed[host] = {credential.username: credential, **others}
        self._choices[host] = TypedIn(credential.username)

    def choose_nobody(self, host: str) -> None:
        """Use no login for this registry."""
        self._choices[host] = Nobody.NOBODY

    def choose_account(self, host: str, account: StoredAccount) -> None:
        """Use one of `accounts`, and nothing else for this registry.

        Raises:
            CredentialError: It has only a problem.
        """
        if account.choice is None:
            raise CredentialError(account.problem)
        self._choices[host] = account.choice

    async def prefer(self, host: str, account: StoredAccount) -> None:
        """Have a login that regbrowse keeps be the first of its registry in later runs too; nothing for any other.

        Raises:
            CredentialError: The list of our logins cannot be written.
        """
        if isinstance(kept := account.choice, KeptLogin):
            await asyncio.to_thread(self._ours.file.add, host, kept.username, kept.kind)

    async def accounts(self, host: str) -> tuple[StoredAccount, ...]:
        """What there is to choose from for a registry as a whole: typed in, ours, then what each store has.

        Helpers are run, so this is for a registry that was opened; no keeper of ours is asked. A store that fails is an
        account with a problem. Podman's logins for single paths are no accounts here: they cannot be chosen for all.
        """
        async with asyncio.TaskGroup() as group:
            ours = group.create_task(self._our_accounts(host))
            stored = [group.create_task(self._stored_account(number, host)) for number in range(len(self._stores))]
        found = [account_of(typed, TypedIn(name)) for name, typed in self._typed.get(host, {}).items()]
        found += [*ours.result(), *(account for task in stored if (account := task.result()))]
        return in_order(found, self._choices.get(host))

    async def _our_accounts(self, host: str) -> list[StoredAccount]:
        try:
            return [await self._our_account(kept) for kept in await self._ours.kept(host)]
        except CredentialError as error:
            return [StoredAccount(NOTHING, self._ours.name, is_ours=True, problem=error.user_message)]

    async def _our_account(self, kept: KeptLogin) -> StoredAccount:
        username = safe_text(kept.username)
        try:
            return StoredAccount(username, await self._ours.place(kept), is_ours=True, choice=kept)
        except CredentialError as error:
            return StoredAccount(username, self._ours.name, is_ours=True, problem=error.user_message, choice=kept)

    async def _stored_account(self, number: int, host: str) -> StoredAccount | None:
        try:
            credential = await self._stored(number, host, "", True)
        except CredentialError as error:
            return StoredAccount(NOTHING, await self._place(number, host), problem=error.user_message)
        return account_of(credential, number, self._stores[number].removal(host)) if credential else None

    # What regbrowse keeps

    async def keepers(self) -> Keepers:
        """Where a login that is typed in may be kept. It may take some seconds where a keyring does not answer."""
        return await self._ours.keepers.usable()

    async def keep(self, host: str, credential: Credential, keeper: Keeper) -> None:
        """Keep a login beyond this run, and use it, and nothing else for this registry, in this run.

        Raises:
            CredentialError: It cannot be kept there. What is chosen is not changed then; if it may be there all the
                same, the error says so, and it is one of `accounts`.
        """
        kept, as_kept = await self._ours.keep(host, credential, keeper)
        self._typed.get(host, {}).pop(credential.username, None)
        self._choices[host] = kept
        self._programs.forget(host)
        self._programs.put(host, kept, as_kept)

    async def forget(self, host: str, account: StoredAccount) -> None:
        """Log out of an account of ours, or one that was typed in. If it was the chosen one, nothing is chosen now.

        Raises:
            CredentialError: Another program keeps it; or it cannot be forgotten, or not altogether.
        """
        choice = account.choice
        if not account.is_ours or choice is None:
            raise CredentialError(
                f"The login of {account.username or host} is not kept by regbrowse ({account.origin}).",
                account.removal or None,
            )
        if isinstance(choice, TypedIn):
            self._typed.get(host, {}).pop(choice.username, None)
        if self._choices.get(host) == choice:
            del self._choices[host]
        try:
            if isinstance(choice, KeptLogin):
                await self._ours.forget(host, choice)
        finally:
            self.doubt(host)  # its secret is remembered no longer

    # What is known without running anything; these block

    def known_registries(self) -> tuple[tuple[str, SafeText], ...]:
        """Hosts that a login is kept for, and the store that names each first.

        A store that cannot be read is left out here and told by `problems`; `lookup` raises its error.
        """
        found: dict[str, SafeText] = {}
        for store in self._readable():
            for host in store.registries():
                found.setdefault(host, store.name)
        return tuple(found.items())

    def known_repositories(self, host: str) -> tuple[SafeText, ...]:
        """Repositories of `host`, or paths that hold some, that have a login of their own."""
        return tuple(dict.fromkeys(name for store in self._readable() for name in store.repositories(host)))

    def problems(self) -> tuple[CredentialError, ...]:
        """What is wrong with the stores that cannot be read."""
        return tuple(problem for store in (self._ours, *self._stores) if (problem := store.problem()))

    def _readable(self) -> Iterator[Listed]:
        return (store for store in (self._ours, *self._stores) if store.problem() is None)

    # How they are asked

    async def _first(self, host: str, repository: str, is_opened: bool) -> Credential | None:
        for path in paths_to(repository):
            if not path and (kept := await self._ours.kept(host)):
                return await self._our_login(kept[0], host, is_opened)
            for number in range(len(self._stores)):
                if credential := await self._stored(number, host, path, is_opened):
                    return credential
        return None

    async def _chosen(self, choice: Choice, host: str, is_opened: bool) -> Credential | None:
        match choice:
            case Nobody.NOBODY:
                return None
            case TypedIn(username):
                credential, place = self._typed.get(host, {}).get(username), SafeText("memory")
            case KeptLogin():
                return await self._our_login(choice, host, is_opened)
            case number:
                credential, place = await self._stored(number, host, "", is_opened), self._stores[number].name
        if credential is None:
            raise CredentialError(
                f"The login of {host} that was chosen is not in {place} any more.", "Choose another account with L."
            )
        return credential

    async def _our_login(self, kept: KeptLogin, host: str, is_opened: bool) -> Credential | None:
        if kept.needs_program and not is_opened and not self._programs.get(host, kept):
            raise _not_asked(host, await self._ours.place(kept))
        return await self._programs.answer(host, kept, lambda: self._ours.login(host, kept))

    async def _stored(self, number: int, host: str, path: str, is_opened: bool) -> Credential | None:
        store = self._stores[number]
        if not store.is_program:
            return await store.at(host, path)
        if path:
            return None  # programs have logins for whole registries
        may_have = await asyncio.to_thread(store.may_have, host)
        asked: Hashable = (number, may_have)  # a login made meanwhile in a shell shows by its mark in the file
        if is_opened or self._programs.get(host, asked):
            return await self._programs.answer(host, asked, lambda: store.at(host, ""))
        if may_have:
            raise _not_asked(host, await self._place(number, host))
        return None

    async def _place(self, number: int, host: str) -> SafeText:
        """What the screen calls a store when it is about one host: which of several helpers it is."""
        store = self._stores[number]
        return await store.place(host) if isinstance(store, HelperLogins) else store.name


def _not_asked(host: str, place: SafeText) -> CredentialError:
    return CredentialError(
        f"The login of {host} is kept by the {place}, which is asked once the registry is opened.",
        f"Open {host}, then search again.",
    )
