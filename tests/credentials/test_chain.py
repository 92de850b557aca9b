"""All places where a login may be, in their order (registry-client.md §1.7 and §5.3, numbers 45 and 48)."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from regbrowse.credentials.accounts import StoredAccount
from regbrowse.credentials.auth_store import AuthStore
from regbrowse.credentials.chain import CredentialChain
from regbrowse.credentials.helper_logins import HelperLogins
from regbrowse.credentials.keepers import KnownKeepers
from regbrowse.credentials.logins_file import LoginsFile
from regbrowse.credentials.our_logins import OurLogins
from regbrowse.credentials.remembered import REMEMBERED_FOR
from regbrowse.credentials.store import NotAskedError
from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText
from tests.credentials.fakes import PASSWORD, USER, FakeHelper, FakeKeeper, auths, entry

HOST: Final = "registry.corp"
TYPED: Final = Credential(USER, PASSWORD, SafeText("typed in"))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)


def store(name: str, *, path_keys: bool = False, **content: Any) -> AuthStore:
    return AuthStore(name, text=json.dumps(content), path_keys=path_keys)


def logins(name: str, users: dict[str, str], *, path_keys: bool = False) -> AuthStore:
    return AuthStore(name, text=auths(**users), path_keys=path_keys)


async def user(chain: CredentialChain, host: str = HOST, repository: str = "", *, is_opened: bool = True) -> str | None:
    credential = await chain.lookup(host, repository, is_opened=is_opened)
    return credential.username if credential else None


class World:
    """A chain of everything: ours in a fake keyring and a fake file, Docker's helper and file, Podman's."""

    def __init__(self) -> None:
        self.now = 0.0
        self.keyring, self.file = FakeKeeper(), FakeKeeper("file", "file credentials.json")
        self.helper = FakeHelper(**{HOST: ("pass-user", PASSWORD)})
        self.docker = store("docker config", credsStore="pass", auths={HOST: {}})
        self.podman = logins("podman auth.json", {HOST: "podman-user", f"{HOST}/team": "team-user"}, path_keys=True)
        self.ours = OurLogins(LoginsFile(None), KnownKeepers(keyring=lambda: self.keyring, file=lambda: self.file))
        self.chain = self.of(HelperLogins("docker", self.docker, lambda name: self.helper, for_all=True), self.podman)

    def of(self, *stores: AuthStore | HelperLogins) -> CredentialChain:
        return CredentialChain(stores, ours=self.ours, clock=lambda: self.now)

    async def account(self, username: str) -> StoredAccount:
        [found] = [account for account in await self.chain.accounts(HOST) if account.username == username]
        return found

    async def shown(self) -> list[tuple[str, str, bool]]:
        """User, origin and whether it is used, of each account."""
        return [(each.username, each.origin, each.is_chosen) for each in await self.chain.accounts(HOST)]


@pytest.fixture
def world() -> World:
    return World()


# The order


class Home:
    """Every file and variable that the chain looks at, with a login of its own for the same host in each."""

    ORDER: Final = (
        ("ours", "credentials.json"),
        ("DOCKER_AUTH_CONFIG", "DOCKER_AUTH_CONFIG"),
        ("named-helper", "podman helper named-helper"),
        ("named", "REGISTRY_AUTH_FILE"),
        ("docker-host", "docker helper docker-host"),
        ("docker-all", "docker helper docker-all"),
        ("docker", "docker config"),
        ("runtime-helper", "podman helper runtime-helper"),
        ("runtime", "podman auth.json"),
        ("lasting-helper", "podman helper lasting-helper"),
        ("lasting", "podman auth.json"),
        ("dockercfg", "~/.dockercfg"),
        ("netrc", "netrc"),
    )

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "XDG_RUNTIME_DIR": str(folder / "run")}

    def fill(self, *names: str) -> None:
        """Put the logins of these names in their places."""
        for name in names:
            if "helper" in name or name in ("docker-host", "docker-all"):
                self._make_helper(name)
        if "DOCKER_AUTH_CONFIG" in names:
            self.environ["DOCKER_AUTH_CONFIG"] = auths(**{HOST: "DOCKER_AUTH_CONFIG"})
        for name, path in (
            ("named", self.folder / "named.json"),
            ("docker", self.folder / ".docker/config.json"),
            ("runtime", self.folder / "run/containers/auth.json"),
            ("lasting", self.folder / ".config/containers/auth.json"),
        ):
            document: dict[str, Any] = {}
            if name in names:
                document["auths"] = {HOST: entry(name)}
            for helper in {f"{name}-helper", f"{name}-host"} & {*names}:
                document["credHelpers"] = {HOST: helper}
            if name == "docker" and "docker-all" in names:
                document["credsStore"] = "docker-all"
            write(path, json.dumps(document))
        self.environ["REGISTRY_AUTH_FILE"] = str(self.folder / "named.json")
        write(self.folder / ".dockercfg", json.dumps({HOST: entry("dockercfg")} if "dockercfg" in names else {}))
        write(self.folder / ".netrc", f"machine {HOST} login netrc password x" if "netrc" in names else "")
        if "ours" in names:
            kept = {"logins": {HOST: [{"username": "ours", "kept": "file"}]}}
            write(self.folder / "config/logins.json", json.dumps(kept))
            write(self.folder / "config/credentials.json", json.dumps({HOST: {"ours": PASSWORD}}))

    def chain(self, *, netrc: bool = True) -> CredentialChain:
        return CredentialChain.of(self.environ, self.folder, config_folder=self.folder / "config", netrc=netrc)

    def _make_helper(self, name: str) -> None:
        answer = json.dumps({"ServerURL": HOST, "Username": name, "Secret": PASSWORD})
        write(self.folder / f"bin/docker-credential-{name}", f"#!/bin/sh\ncat >/dev/null\necho '{answer}'\n")
        (self.folder / f"bin/docker-credential-{name}").chmod(0o700)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.mark.parametrize(
    ("first", "second"), [*zip(Home.ORDER, Home.ORDER[1:], strict=False)], ids=lambda place: place[0]
)
async def test_of_two_neighbours_the_earlier_wins(home: Home, first: tuple[str, str], second: tuple[str, str]) -> None:
    home.fill(first[0], second[0])
    credential = await home.chain().lookup(HOST)
    assert credential
    assert credential.username == first[0]
    assert credential.origin.endswith(first[1])


@pytest.mark.parametrize("number", range(len(Home.ORDER)))
async def test_every_place_is_asked_if_none_before_has_a_login(home: Home, number: int) -> None:
    name, origin = Home.ORDER[number]
    home.fill(name)
    credential = await home.chain().lookup(HOST)
    assert credential
    assert credential.username == name
    assert credential.origin.endswith(origin)


async def test_what_was_typed_in_comes_before_all(home: Home) -> None:
    home.fill(*(name for name, _ in Home.ORDER))
    chain = home.chain()
    chain.choose(HOST, TYPED)
    assert await user(chain) == USER


async def test_without_a_login_anywhere_there_is_none(home: Home) -> None:
    home.fill()
    assert await user(home.chain()) is None


async def test_netrc_is_asked_only_on_demand(home: Home) -> None:
    home.fill("netrc")
    assert [await user(home.chain(netrc=netrc)) for netrc in (True, False)] == ["netrc", None]


async def test_folder_in_docker_config_replaces_the_one_at_home(tmp_path: Path) -> None:
    write(tmp_path / ".docker/config.json", auths(**{HOST: "home"}))
    write(tmp_path / "other/config.json", auths(**{HOST: "other"}))
    assert await user(CredentialChain.of({"DOCKER_CONFIG": str(tmp_path / "other")}, tmp_path)) == "other"


async def test_home_is_the_one_of_the_environment(tmp_path: Path) -> None:
    write(tmp_path / ".docker/config.json", auths(**{HOST: "ada"}))
    assert await user(CredentialChain.of({"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)})) == "ada"


async def test_no_stores_know_nothing() -> None:
    chain = CredentialChain(())
    assert await chain.lookup(HOST, "app") is None
    assert (await chain.accounts(HOST), (await chain.keepers()).keepers) == ((), ())
    assert (chain.known_registries(), chain.problems(), chain.hint(HOST)) == ((), (), "")


def test_making_a_chain_reads_nothing_and_loads_little(home: Home) -> None:
    banned = {"keyring", "netrc", "msgspec", "regbrowse.credentials.helper", "regbrowse.credentials.keyring_keeper"}
    code = (
        "import sys; from pathlib import Path; from regbrowse.credentials.chain import CredentialChain\n"
        f"folder = Path({str(home.folder)!r}); opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(args[0]) if event == 'open' else None)\n"
        "CredentialChain.of({'HOME': str(folder)}, folder, config_folder=folder, netrc=True)\n"
        "assert not opened, opened\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert banned & {*done.stdout.split()} == set()


# Keys


@pytest.mark.parametrize(
    ("key", "host", "docker", "podman"),
    [
        ("https://index.docker.io/v1/", "docker.io", True, True),
        ("docker.io", "docker.io", True, True),
        ("index.docker.io", "docker.io", True, True),
        ("registry-1.docker.io", "docker.io", False, False),
        ("https://index.docker.io/v1/access-token", "docker.io", False, False),
        ("http://h:5000/v2/", "h:5000", True, True),
        ("https://h:5000/v1/", "h:5000", True, True),
        ("h:5000", "h:5000", True, True),
        ("h", "h:5000", False, False),
        ("h:5000", "h", False, False),
        ("h:5000/team/app", "h:5000", True, False),
    ],
)
async def test_48_key_is_for_its_host(key: str, host: str, docker: bool, podman: bool) -> None:
    found = [
        await user(CredentialChain([logins("store", {key: "ada"}, path_keys=path_keys)]), host)
        for path_keys in (False, True)
    ]
    assert found == ["ada" if docker else None, "ada" if podman else None]


@pytest.mark.parametrize(
    ("repository", "expected"),
    [("team/app", "app"), ("team/app/part", "app"), ("team/other", "team"), ("teamwork/app", "host"), ("", "host")],
)
async def test_48_podman_s_path_keys_have_the_most_specific_first(repository: str, expected: str) -> None:
    keys = {f"{HOST}/team/app": "app", f"{HOST}/team": "team", HOST: "host"}
    assert await user(CredentialChain([logins("podman", keys, path_keys=True)]), HOST, repository) == expected


async def test_48_marker_of_a_helper_is_no_login() -> None:
    chain = CredentialChain([store("docker", auths={HOST: {}}), logins("podman", {HOST: "ada"})])
    assert await user(chain) == "ada"


async def test_login_for_a_path_wins_over_one_for_the_host_in_an_earlier_store(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    assert [await user(world.chain, HOST, name) for name in ("team/app", "other", "")] == ["team-user", USER, USER]


# Stores that fail


async def test_broken_store_is_not_taken_for_an_empty_one() -> None:
    chain = CredentialChain([AuthStore("broken", text="{"), logins("good", {HOST: "ada"})])
    with pytest.raises(CredentialError, match="broken"):
        await chain.lookup(HOST)


async def test_broken_store_behind_an_answer_does_not_matter() -> None:
    assert await user(CredentialChain([logins("good", {HOST: "ada"}), AuthStore("broken", text="{")])) == "ada"


def test_broken_store_is_told_and_hides_no_other() -> None:
    chain = CredentialChain([AuthStore("broken", text="{"), logins("good", {HOST: "ada"})])
    assert chain.known_registries() == ((HOST, "good"),)
    assert [str(problem) for problem in chain.problems()] == ["broken is not the JSON that it should be."]


async def test_45_helper_without_a_login_lets_the_next_be_asked(world: World) -> None:
    world.helper.logins.clear()
    assert await user(world.chain) == "podman-user"


async def test_45_helper_that_fails_ends_the_search(world: World) -> None:
    world.helper.error = CredentialError("docker-credential-pass failed.")
    with pytest.raises(CredentialError, match="docker-credential-pass failed"):
        await world.chain.lookup(HOST)


async def test_45_secret_of_ours_that_is_gone_ends_the_search(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    world.keyring.secrets.clear()
    with pytest.raises(CredentialError, match="not in the system keyring any more"):
        await world.chain.lookup(HOST)
    assert world.helper.asked == []


async def test_problem_of_our_list_is_told(tmp_path: Path) -> None:
    write(tmp_path / "logins.json", "{")
    chain = CredentialChain([logins("good", {HOST: "ada"})], ours=OurLogins(LoginsFile(tmp_path / "logins.json")))
    assert ["logins.json" in problem.user_message for problem in chain.problems()] == [True]
    assert chain.known_registries() == ((HOST, "good"),)
    with pytest.raises(CredentialError, match=r"logins\.json"):
        await chain.lookup(HOST)


# What programs answered


async def test_answer_of_a_helper_is_remembered_for_five_minutes(world: World) -> None:
    for world.now in (0, REMEMBERED_FOR - 1):
        await world.chain.lookup(HOST)
    assert len(world.helper.asked) == 1
    world.now = REMEMBERED_FOR
    await world.chain.lookup(HOST)
    assert len(world.helper.asked) == 2


async def test_keyring_is_asked_once_for_all_who_wait(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    found = await asyncio.gather(*(user(world.chain, HOST, f"app-{n}") for n in range(10)))
    assert (set(found), len(world.keyring.asked)) == ({USER}, 1)


async def test_doubted_answer_is_asked_for_anew(world: World) -> None:
    await world.chain.lookup(HOST)
    world.helper.logins[HOST] = ("new-user", PASSWORD)
    assert await user(world.chain) == "pass-user"
    world.chain.doubt(HOST)
    assert await user(world.chain) == "new-user"


async def test_login_made_in_a_shell_meanwhile_is_found(tmp_path: Path) -> None:
    """There the helper gets it and the file a mark; that the helper had none is remembered only until then."""
    file, helper = tmp_path / "config.json", FakeHelper()
    write(file, json.dumps({"credsStore": "pass"}))
    docker = AuthStore("docker config", file)
    chain = CredentialChain([HelperLogins("docker", docker, lambda name: helper, for_all=True), docker])
    assert await user(chain) is None
    helper.logins[HOST] = ("ada", PASSWORD)
    assert await user(chain) is None
    write(file, json.dumps({"credsStore": "pass", "auths": {HOST: {}}}))
    assert await user(chain) == "ada"


# Registries that were not opened


async def test_program_that_is_known_to_have_the_login_is_not_run(world: World) -> None:
    with pytest.raises(CredentialError, match=f"login of {HOST} is kept by the docker helper pass") as raised:
        await world.chain.lookup(HOST, is_opened=False)
    assert "which is asked once the registry is opened." in raised.value.user_message
    assert world.helper.asked == []


async def test_program_that_may_have_nothing_is_passed_over(world: World) -> None:
    chain = world.of(
        HelperLogins("docker", store("docker config", credsStore="pass"), lambda name: world.helper, for_all=True),
        world.podman,
    )
    assert await user(chain, is_opened=False) == "podman-user"
    assert world.helper.asked == []


async def test_login_for_a_path_needs_no_program(world: World) -> None:
    assert await user(world.chain, HOST, "team/app", is_opened=False) == "team-user"


async def test_what_a_program_answered_for_an_open_registry_is_used(world: World) -> None:
    await world.chain.lookup(HOST)
    assert await user(world.chain, is_opened=False) == "pass-user"
    assert len(world.helper.asked) == 1


async def test_our_keyring_is_not_asked(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    with pytest.raises(CredentialError, match="is kept by the system keyring, which is asked once"):
        await world.chain.lookup(HOST, is_opened=False)
    assert world.keyring.asked == []


async def test_our_file_is_asked(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.file)
    assert await user(world.chain, is_opened=False) == USER


# What the user chooses


CHOICES: Final[tuple[tuple[Callable[[CredentialChain], None], str | None], ...]] = (
    (lambda chain: chain.choose(HOST, TYPED), USER),
    (lambda chain: chain.choose_nobody(HOST), None),
)


@pytest.mark.parametrize(("choose", "expected"), CHOICES, ids=["typed in", "nobody"])
async def test_choice_is_for_the_whole_registry_and_nothing_else_is_asked(
    world: World, choose: Callable[[CredentialChain], None], expected: str | None
) -> None:
    choose(world.chain)
    assert [await user(world.chain, HOST, name) for name in ("", "team/app", "other")] == [expected] * 3
    assert world.helper.asked == []


async def test_choice_is_for_one_registry(world: World) -> None:
    world.chain.choose_nobody("other.corp")
    assert await user(world.chain) == "pass-user"


async def test_chosen_account_of_a_store_is_asked_alone(world: World) -> None:
    world.chain.choose_account(HOST, await world.account("podman-user"))
    world.helper.asked.clear()
    world.chain.doubt(HOST)
    assert [await user(world.chain, HOST, name) for name in ("", "team/app")] == ["podman-user"] * 2
    assert world.helper.asked == []


async def test_chosen_account_of_ours_need_not_be_the_first(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    await world.ours.keep(HOST, Credential("last", "x", SafeText("typed in")), world.file)
    world.chain.choose_account(HOST, await world.account(USER))
    assert await user(world.chain, HOST, "team/app") == USER


async def test_preferred_account_of_ours_is_the_first_in_later_runs(world: World) -> None:
    await world.ours.keep(HOST, TYPED, world.keyring)
    await world.ours.keep(HOST, Credential("last", "x", SafeText("typed in")), world.file)
    await world.chain.prefer(HOST, await world.account(USER))
    assert await user(world.chain, HOST) == USER
    assert [kept.username for kept in await world.ours.kept(HOST)] == [USER, "last"]


async def test_preferred_account_of_a_store_is_not_put_on_our_list(world: World) -> None:
    await world.chain.prefer(HOST, await world.account("podman-user"))
    assert await world.ours.kept(HOST) == ()


async def test_chosen_account_that_is_gone_is_an_error(world: World) -> None:
    world.chain.choose_account(HOST, await world.account("pass-user"))
    world.helper.logins.clear()
    world.chain.doubt(HOST)
    with pytest.raises(CredentialError, match=f"login of {HOST} that was chosen is not in docker credsStore any more"):
        await world.chain.lookup(HOST)


async def test_program_of_a_chosen_account_is_not_run_for_a_registry_that_is_not_open(world: World) -> None:
    world.chain.choose_account(HOST, await world.account("pass-user"))
    world.chain.doubt(HOST)
    with pytest.raises(CredentialError, match="once the registry is opened"):
        await world.chain.lookup(HOST, is_opened=False)


async def test_problem_cannot_be_chosen(world: World) -> None:
    world.helper.error = CredentialError("docker-credential-pass failed.")
    [problem, _] = await world.chain.accounts(HOST)
    with pytest.raises(CredentialError, match="docker-credential-pass failed"):
        world.chain.choose_account(HOST, problem)


# Accounts


async def test_accounts_are_typed_in_then_ours_then_of_the_stores(world: World) -> None:
    await world.ours.keep(HOST, Credential("ours", "x", SafeText("typed in")), world.keyring)
    world.chain.choose(HOST, TYPED)
    assert await world.shown() == [
        (USER, "typed in", True),
        ("ours", "system keyring", False),
        ("pass-user", "docker helper pass", False),
        ("podman-user", "podman auth.json", False),
    ]
    assert [account.is_ours for account in await world.chain.accounts(HOST)] == [True, True, False, False]
    assert world.keyring.asked == []


async def test_first_is_used_if_nothing_is_chosen_and_none_if_nobody_is(world: World) -> None:
    assert [used for *_, used in await world.shown()] == [True, False]
    world.chain.choose_nobody(HOST)
    assert [used for *_, used in await world.shown()] == [False, False]


async def test_what_was_typed_in_is_there_to_be_chosen_again(world: World) -> None:
    world.chain.choose(HOST, TYPED)
    world.chain.choose_account(HOST, await world.account("pass-user"))
    assert await world.shown() == [
        (USER, "typed in", False),
        ("pass-user", "docker helper pass", True),
        ("podman-user", "podman auth.json", False),
    ]
    world.chain.choose_account(HOST, await world.account(USER))
    assert await user(world.chain) == USER


async def test_each_user_that_was_typed_in_stays_to_be_chosen(world: World) -> None:
    for name in (USER, "robot"):
        world.chain.choose(HOST, Credential(name, PASSWORD, SafeText("typed in")))
    assert (await world.shown())[:2] == [("robot", "typed in", True), (USER, "typed in", False)]
    world.chain.choose_account(HOST, await world.account(USER))
    assert await user(world.chain) == USER


async def test_user_that_is_typed_in_again_has_the_new_password(world: World) -> None:
    for password in ("old", "new"):
        world.chain.choose(HOST, Credential(USER, password, SafeText("typed in")))
    world.chain.choose_account(HOST, await world.account(USER))
    credential = await world.chain.lookup(HOST)
    assert credential
    assert credential.password == "new"


async def test_forgetting_one_that_was_typed_in_leaves_the_others(world: World) -> None:
    for name in (USER, "robot"):
        world.chain.choose(HOST, Credential(name, PASSWORD, SafeText("typed in")))
    robot = await world.account("robot")
    await world.chain.forget(HOST, robot)
    assert (await world.shown())[0] == (USER, "typed in", False)
    world.chain.choose_account(HOST, robot)
    with pytest.raises(CredentialError, match="that was chosen is not in memory any more"):
        await world.chain.lookup(HOST)


async def test_keeping_one_that_was_typed_in_leaves_the_others(world: World) -> None:
    world.chain.choose(HOST, Credential("robot", PASSWORD, SafeText("typed in")))
    world.chain.choose(HOST, TYPED)
    await world.chain.keep(HOST, TYPED, world.keyring)
    assert (await world.shown())[:2] == [("robot", "typed in", False), (USER, "system keyring", True)]


async def test_store_that_fails_is_a_row_with_its_problem(world: World) -> None:
    world.helper.error = CredentialError("docker-credential-pass failed.")
    problem, podman = await world.chain.accounts(HOST)
    assert (problem.username, problem.origin, problem.problem) == (
        "",
        "docker helper pass",
        "docker-credential-pass failed.",
    )
    assert not podman.is_chosen  # a lookup would raise that problem


async def test_problem_of_one_file_is_one_row(tmp_path: Path) -> None:
    write(tmp_path / ".docker/config.json", "{")
    chain = CredentialChain.of({"XDG_RUNTIME_DIR": str(tmp_path)}, tmp_path)
    [problem] = await chain.accounts(HOST)
    assert (problem.origin, "config.json" in problem.problem) == ("docker config", True)


async def test_account_of_a_helper_is_removed_as_one_of_its_file(world: World) -> None:
    removals = {str(account.origin): account.removal for account in await world.chain.accounts(HOST)}
    assert removals["docker helper pass"] == f"To remove it: docker logout {HOST}"


async def test_account_of_ours_needs_no_words_about_its_removal(world: World) -> None:
    world.chain.choose("other.corp", TYPED)
    await world.ours.keep("other.corp", TYPED, world.file)
    ours = [account for account in await world.chain.accounts("other.corp") if account.is_ours]
    assert [account.removal for account in ours] == ["", ""]


async def test_place_of_ours_that_is_not_there_is_a_problem(world: World) -> None:
    world.ours.file.add(HOST, USER, "helper:gone")
    [ours, *_] = await world.chain.accounts(HOST)
    assert (ours.username, ours.is_ours, ours.is_chosen) == (USER, True, False)
    assert "helper:gone" in ours.problem


async def test_list_of_ours_that_is_broken_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path / "logins.json", "{")
    chain = CredentialChain(ours=OurLogins(LoginsFile(tmp_path / "logins.json")))
    [problem] = await chain.accounts(HOST)
    assert (problem.is_ours, "logins.json" in problem.problem) == (True, True)


def podman_logout(option: str) -> str:
    return f"To remove it: podman logout{option} {HOST}"


REMOVALS: Final = [
    ("DOCKER_AUTH_CONFIG", "To remove it, unset the variable DOCKER_AUTH_CONFIG."),
    ("named-helper", podman_logout(" --authfile {home}/named.json")),
    ("named", podman_logout(" --authfile {home}/named.json")),
    ("docker-host", f"To remove it: docker logout {HOST}"),
    ("docker-all", f"To remove it: docker logout {HOST}"),
    ("docker", f"To remove it: docker logout {HOST}"),
    ("runtime", podman_logout(" --authfile {home}/run/containers/auth.json")),
    ("lasting-helper", podman_logout(" --authfile {home}/.config/containers/auth.json")),
    ("dockercfg", f"To remove it, take the entry of {HOST} out of {{home}}/.dockercfg."),
    ("netrc", f"To remove it, take the entry of {HOST} out of {{home}}/.netrc."),
]


@pytest.mark.parametrize(("name", "removal"), REMOVALS, ids=[name for name, _ in REMOVALS])
async def test_removal_of_an_account_is_right_for_its_store(home: Home, name: str, removal: str) -> None:
    home.fill(name)
    [account] = await home.chain().accounts(HOST)
    assert account.removal == removal.format(home=home.folder)


@pytest.mark.parametrize(("name", "option"), [("runtime", ""), ("lasting", " --authfile {home}/.config/containers")])
async def test_podman_is_told_of_a_file_that_it_would_not_look_at(home: Home, name: str, option: str) -> None:
    home.fill(name)
    del home.environ["REGISTRY_AUTH_FILE"]
    [account] = await home.chain().accounts(HOST)
    assert account.removal.startswith(f"To remove it: podman logout{option}".format(home=home.folder))
    assert ("--authfile" in account.removal) == bool(option)


async def test_docker_is_logged_out_of_docker_hub_without_a_host() -> None:
    [account] = await CredentialChain([logins("docker config", {"docker.io": USER})]).accounts("docker.io")
    assert account.removal == "To remove it: docker logout"


# What regbrowse keeps


async def test_what_is_kept_is_used_at_once_without_asking_the_keeper(world: World) -> None:
    world.chain.choose(HOST, TYPED)
    await world.chain.keep(HOST, TYPED, world.keyring)
    credential = await world.chain.lookup(HOST, "team/app")
    assert credential == Credential(USER, PASSWORD, SafeText("system keyring"))
    assert world.keyring.asked == []
    assert (await world.shown())[0] == (USER, "system keyring", True)


async def test_what_cannot_be_kept_changes_nothing(world: World) -> None:
    world.keyring.error = NotAskedError("The system keyring is locked.")
    with pytest.raises(CredentialError, match="is locked"):
        await world.chain.keep(HOST, TYPED, world.keyring)
    assert await user(world.chain) == "pass-user"


async def test_what_is_perhaps_kept_can_be_logged_out_of_and_the_typed_in_login_is_used(world: World) -> None:
    world.chain.choose(HOST, TYPED)
    world.keyring.error = CredentialError("The system keyring did not answer.")
    with pytest.raises(CredentialError, match="It may be there all the same: log out removes it"):
        await world.chain.keep(HOST, TYPED, world.keyring)
    typed, perhaps, *_ = await world.chain.accounts(HOST)
    assert [(each.origin, each.is_chosen) for each in (typed, perhaps)] == [
        ("typed in", True),
        ("system keyring", False),
    ]
    world.keyring.error = None
    await world.chain.forget(HOST, perhaps)
    assert world.ours.registries() == ()


async def test_new_password_of_an_account_replaces_the_old_one(world: World) -> None:
    for password in ("old", "new"):
        await world.chain.keep(HOST, Credential(USER, password, SafeText("typed in")), world.keyring)
    credential = await world.chain.lookup(HOST)
    assert credential
    assert credential.password == "new"


async def test_old_password_that_was_under_way_does_not_replace_the_new_one(world: World) -> None:
    class SlowKeeper(FakeKeeper):
        go = asyncio.Event()

        async def get(self, host: str, username: str) -> str | None:
            secret = await super().get(host, username)
            await self.go.wait()
            return secret

    world.keyring = SlowKeeper()
    world.keyring.secrets[HOST, USER] = "old"
    world.ours.file.add(HOST, USER, "keyring")
    old = asyncio.create_task(world.chain.lookup(HOST))
    while not world.keyring.asked:  # noqa: ASYNC110  # it gets there through a thread
        await asyncio.sleep(0)
    await world.chain.keep(HOST, Credential(USER, "new", SafeText("typed in")), world.keyring)
    SlowKeeper.go.set()
    passwords = [credential.password for credential in (await old, await world.chain.lookup(HOST)) if credential]
    assert passwords == ["old", "new"]


async def test_forgotten_account_of_ours_is_gone_and_the_next_is_used(world: World) -> None:
    await world.chain.keep(HOST, TYPED, world.keyring)
    await world.chain.forget(HOST, await world.account(USER))
    assert (await user(world.chain), world.keyring.secrets) == ("pass-user", {})
    assert PASSWORD not in repr(vars(world.chain))


async def test_forgotten_typed_in_account_is_gone(world: World) -> None:
    world.chain.choose(HOST, TYPED)
    await world.chain.forget(HOST, await world.account(USER))
    assert await user(world.chain) == "pass-user"
    assert len(await world.chain.accounts(HOST)) == 2


async def test_forgetting_another_account_leaves_the_chosen_one(world: World) -> None:
    await world.ours.keep(HOST, Credential("other", "x", SafeText("typed in")), world.file)
    await world.chain.keep(HOST, TYPED, world.keyring)
    await world.chain.forget(HOST, await world.account("other"))
    assert await user(world.chain) == USER


async def test_account_of_another_program_is_not_forgotten_here(world: World) -> None:
    with pytest.raises(CredentialError, match=r"podman-user is not kept by regbrowse \(podman auth.json\)") as raised:
        await world.chain.forget(HOST, await world.account("podman-user"))
    assert raised.value.next_step == (await world.account("podman-user")).removal


async def test_secret_of_a_forgotten_login_is_remembered_no_longer(world: World) -> None:
    await world.chain.keep(HOST, TYPED, world.keyring)
    account = await world.account(USER)
    world.keyring.error = CredentialError("The system keyring is locked.")
    with pytest.raises(CredentialError, match="may still be kept"):
        await world.chain.forget(HOST, account)
    world.chain.choose_account(HOST, account)
    with pytest.raises(CredentialError, match="is locked"):
        await world.chain.lookup(HOST)


async def test_keepers_are_those_of_ours(world: World) -> None:
    assert [keeper.kind for keeper in (await world.chain.keepers()).keepers] == ["keyring", "file"]


def test_list_of_ours_is_there_for_the_token_servers(world: World) -> None:
    world.chain.logins_file.trust(HOST, "auth.corp")
    assert world.ours.file.trusted_realms() == {HOST: ("auth.corp",)}


# What is known without asking


async def test_registry_is_known_from_the_first_store_that_names_it(world: World) -> None:
    chain = world.of(
        store("first", auths={"a.corp": {}}), store("second", auths={"b.corp": {}, "https://a.corp/v1/": {}})
    )
    await world.ours.keep("b.corp", TYPED, world.keyring)
    assert chain.known_registries() == (("b.corp", "logged in"), ("a.corp", "first"))


def test_repositories_are_known_from_podman_s_paths() -> None:
    paths: dict[str, dict[str, str]] = {"registry.corp/team/app": {}, "registry.corp/team": {}, "other.corp/x": {}}
    chain = CredentialChain(
        [
            store("docker", auths=paths),
            store("podman", path_keys=True, auths=paths),
            store("again", path_keys=True, auths=paths),
        ]
    )
    assert chain.known_repositories(HOST) == ("team/app", "team")


def test_knowing_runs_no_program(world: World) -> None:
    world.ours.file.add(HOST, USER, "keyring")
    world.chain.known_registries(), world.chain.known_repositories(HOST), world.chain.problems()
    assert (world.helper.asked, world.keyring.asked) == ([], [])


# The hint


@pytest.mark.parametrize(
    ("login", "words"),
    [
        ({"identitytoken": "x"}, "docker config"),
        ({"registrytoken": "x"}, "docker config"),
        (entry("<token>"), "docker config"),
        (entry("ada") | {"identitytoken": "x"}, ""),
        (entry("ada"), ""),
        ({}, ""),
    ],
)
async def test_hint_names_a_token_where_a_password_is_wanted(login: dict[str, str], words: str) -> None:
    chain = CredentialChain([store("docker config", auths={HOST: login})])
    await chain.lookup(HOST)
    hint = chain.hint(HOST)
    assert bool(hint) is bool(words)
    assert words in hint
    assert not hint or f"podman login {HOST}" in hint


async def test_hint_is_about_the_login_that_is_used(world: World) -> None:
    world.helper.logins[HOST] = ("<token>", PASSWORD)
    await world.chain.lookup(HOST)
    assert "docker helper pass" in world.chain.hint(HOST)
    world.chain.choose(HOST, TYPED)
    await world.chain.lookup(HOST)
    assert world.chain.hint(HOST) == ""


# Secrets


async def test_42_secret_is_in_no_repr(world: World) -> None:
    await world.chain.keep(HOST, TYPED, world.file)
    world.chain.choose("other.corp", TYPED)
    await world.chain.lookup(HOST)
    accounts = await world.chain.accounts(HOST)
    assert PASSWORD not in f"{world.chain!r} {vars(world.chain)!r} {vars(world.ours)!r} {accounts!r}"
