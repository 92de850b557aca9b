"""A real registry with accounts (Basic), over TLS with a certificate of its own authority: who is let in how."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

import pytest

from regbrowse.browser.states import Asks, Phase, TagDetails
from regbrowse.registry.text import SafeText
from tests.browser.test_registries import catalog, image, problem, tags, words
from tests.real.home import WRONG, Home, basic
from tests.real.images import APP_CREATED, LATEST, REPOSITORIES
from tests.real.registry import OTHER_PASSWORD, OTHER_USER, PASSWORD, USER, RealRegistry, StartRegistry

VERSIONS: Final = {*APP_CREATED, "latest"}


@pytest.fixture
def registry(new_registry: StartRegistry, home: Home) -> RealRegistry:
    """Whose authority is known in the person's home."""
    started = new_registry(basic=True, tls=True)
    home.trust(started.address, started.authority)
    return started


def in_docker(home: Home, host: str, password: str = PASSWORD) -> None:
    home.write_docker(auths={host: {"auth": basic(USER, password)}})


def in_the_environment(home: Home, host: str) -> None:
    home.variables["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": {host: {"auth": basic(USER, PASSWORD)}}})


def in_a_named_file(home: Home, host: str) -> None:
    home.write_podman({host: basic(USER, PASSWORD)})
    home.variables["REGISTRY_AUTH_FILE"] = str(home.folder / "run/containers/auth.json")
    home.variables["XDG_RUNTIME_DIR"] = str(home.folder / "nowhere")


def in_podman(home: Home, host: str) -> None:
    home.write_podman({host: basic(USER, PASSWORD)})


def in_a_helper_for_the_host(home: Home, host: str) -> None:
    home.helper("scripted").has(USER, PASSWORD)
    home.write_docker(credHelpers={host: "scripted"}, credsStore="absent")


def in_a_helper_for_everything(home: Home, host: str) -> None:
    home.helper("scripted").has(USER, PASSWORD)
    home.write_docker(credsStore="scripted", auths={host: {}})


STORES: Final[Mapping[Callable[[Home, str], None], str]] = {
    in_docker: "docker config",
    in_the_environment: "DOCKER_AUTH_CONFIG",
    in_a_named_file: "REGISTRY_AUTH_FILE",
    in_podman: "podman auth.json",
    in_a_helper_for_the_host: "docker helper scripted",
    in_a_helper_for_everything: "docker helper scripted",
}
"""Each way to have logged in, and how the screen calls it."""


@pytest.mark.parametrize("log_in", STORES, ids=lambda log_in: log_in.__name__)
def test_a_login_that_is_there_is_used(log_in: Callable[[Home, str], None], registry: RealRegistry, home: Home) -> None:
    log_in(home, registry.address)
    checked = home.check(registry.url)
    assert checked.status == 0, checked.text
    assert checked.line("account") == f"{USER} ({STORES[log_in]})"
    assert checked.line("catalog") == f"{len(REPOSITORIES)} repositories"


def test_an_image_is_checked(registry: RealRegistry, home: Home) -> None:
    in_docker(home, registry.address)
    checked = home.check(f"{registry.address}/team/app:{LATEST}")
    assert checked.status == 0, checked.text
    assert checked.line("tags") == f"{len(VERSIONS)} of team/app"
    assert checked.line("manifest").startswith(registry.inspect(f"team/app:{LATEST}")["Digest"])


async def test_everything_is_shown(registry: RealRegistry, home: Home) -> None:
    in_docker(home, registry.address)
    async with home.opened(registry.url) as browser:
        assert tuple((await catalog(browser)).names) == REPOSITORIES
        assert set((await tags(browser)).names) == VERSIONS
        for version in APP_CREATED:
            shown = await image(browser, version)
            assert shown.phase is Phase.READY
            assert shown.document
            assert shown.document.digest == registry.inspect(f"team/app:{version}")["Digest"]
        assert words(browser) == ("v2", "TLS verified", f"{USER} (docker config)")


async def test_no_password_goes_to_one_whose_authority_is_not_known(registry: RealRegistry, home: Home) -> None:
    in_docker(home, registry.address)
    (home.certs_dir / registry.address / "ca.crt").unlink()
    async with home.opened(registry.url) as browser:
        said = problem(await catalog(browser))
    assert "is not accepted" in said.sentence
    assert "GET /v2" not in registry.log.read_text()


# No login, and a wrong one


async def test_without_a_login_nothing_is_shown_and_a_login_is_asked_for(registry: RealRegistry, home: Home) -> None:
    async with home.opened(registry.url) as browser:
        for state in (await catalog(browser), await tags(browser), await image(browser, LATEST)):
            assert "wants to know who you are" in problem(state).sentence
            assert problem(state).asks is Asks.LOGIN
        assert words(browser)[-1] == "anonymous"


def test_without_a_login_the_check_fails_and_says_what_to_do(registry: RealRegistry, home: Home) -> None:
    checked = home.check(registry.url)
    assert checked.status == 1
    assert f"{registry.address} wants to know who you are" in checked.line("failed")
    assert "log in" in checked.text.lower()


@pytest.mark.parametrize("log_in", STORES, ids=lambda log_in: log_in.__name__)
def test_a_wrong_password_is_said_with_its_owner_and_its_store(
    log_in: Callable[[Home, str], None], registry: RealRegistry, home: Home
) -> None:
    log_in(home, registry.address)
    registry.set_passwords({USER: OTHER_PASSWORD})
    checked = home.check(registry.url)
    assert checked.status == 1
    said = f"{registry.address} does not accept the password of {USER} (from {STORES[log_in]})"
    assert said in checked.line("failed")
    assert checked.line("catalog") == ""


async def test_a_wrong_password_is_not_sent_for_each_thing_that_is_looked_at(
    registry: RealRegistry, home: Home
) -> None:
    in_docker(home, registry.address, WRONG)
    async with home.opened(registry.url) as browser:
        for state in (await catalog(browser), await tags(browser), await image(browser, LATEST)):
            assert "does not accept the password" in problem(state).sentence
            assert problem(state).asks is Asks.LOGIN
    assert registry.wrong_passwords == 1


async def test_a_password_that_was_corrected_is_used_without_a_new_start(registry: RealRegistry, home: Home) -> None:
    in_docker(home, registry.address, WRONG)
    async with home.opened(registry.url) as browser:
        assert "does not accept the password" in problem(await tags(browser)).sentence
        in_docker(home, registry.address)
        assert set((await tags(browser)).names) == VERSIONS
    assert registry.wrong_passwords == 1


# Helpers


async def test_a_helper_is_asked_once_for_a_whole_browse(registry: RealRegistry, home: Home) -> None:
    helper = home.helper("scripted")
    helper.has(USER, PASSWORD)
    home.write_docker(credHelpers={registry.address: "scripted"})
    found: list[SafeText] = []

    def keep(tag: SafeText, details: TagDetails) -> None:
        assert details.phase is Phase.READY
        found.append(tag)

    async with home.opened(registry.url) as browser:
        await catalog(browser)
        names = (await tags(browser)).names
        rows = browser.rows("team/app", keep)
        rows.show(names)
        await rows.settled()
        await rows.aclose()
        assert words(browser)[-1] == f"{USER} (docker helper scripted)"
    assert set(found) == VERSIONS
    assert helper.asked == [f"get {registry.address}"]


async def test_a_helper_whose_password_was_changed_is_asked_anew(registry: RealRegistry, home: Home) -> None:
    helper = home.helper("scripted")
    helper.has(USER, PASSWORD)
    home.write_docker(credHelpers={registry.address: "scripted"})
    async with home.opened(registry.url) as browser:
        assert (await image(browser, "1.4.0")).phase is Phase.READY
        registry.set_passwords({USER: OTHER_PASSWORD})
        helper.has(USER, OTHER_PASSWORD)
        assert (await image(browser, "1.4.1")).phase is Phase.READY
    assert helper.asked == [f"get {registry.address}"] * 2


async def test_a_helper_that_had_a_wrong_password_is_asked_anew_when_the_user_asks_again(
    registry: RealRegistry, home: Home
) -> None:
    helper = home.helper("scripted")
    helper.has(USER, WRONG)
    home.write_docker(credHelpers={registry.address: "scripted"})
    async with home.opened(registry.url) as browser:
        assert "does not accept the password" in problem(await tags(browser)).sentence
        helper.has(USER, PASSWORD)
        assert set((await tags(browser, fresh=True)).names) == VERSIONS


@pytest.mark.parametrize(
    ("says", "status"),
    [("the keyring is on fire", 1), ("", 0), ("not JSON", 0), ('{"Username": "ada"}', 0)],
    ids=["failure", "nothing", "garbage", "no secret"],
)
def test_a_helper_that_fails_is_said_and_nothing_is_tried_in_its_place(
    says: str, status: int, registry: RealRegistry, home: Home
) -> None:
    home.helper("scripted").says(says, status)
    home.write_docker(credHelpers={registry.address: "scripted"})
    home.write_podman({registry.address: basic(USER, PASSWORD)})
    checked = home.check(registry.url)
    assert checked.status == 1
    assert "scripted" in checked.line("failed")
    assert (registry.let_in, registry.wrong_passwords) == (0, 0)


def test_a_helper_that_has_no_login_lets_the_next_store_answer(registry: RealRegistry, home: Home) -> None:
    home.helper("scripted").says("credentials not found in native keychain\n", 1)
    home.write_docker(credHelpers={registry.address: "scripted"})
    in_podman(home, registry.address)
    checked = home.check(registry.url)
    assert (checked.status, checked.line("account")) == (0, f"{USER} (podman auth.json)")


def test_a_helper_that_is_not_installed_is_said(registry: RealRegistry, home: Home) -> None:
    home.write_docker(credHelpers={registry.address: "scripted"})
    checked = home.check(registry.url)
    assert checked.status == 1
    assert "docker-credential-scripted" in checked.line("failed")


# Logins for a part of a registry


PARTS: Final = {"team": (USER, PASSWORD), "library": (OTHER_USER, OTHER_PASSWORD)}


def in_podman_by_parts(home: Home, host: str) -> None:
    home.write_podman({f"{host}/{part}": basic(*login) for part, login in PARTS.items()})


async def test_each_part_of_a_registry_is_shown(registry: RealRegistry, home: Home) -> None:
    in_podman_by_parts(home, registry.address)
    async with home.opened(registry.url) as browser:
        assert set((await tags(browser)).names) == VERSIONS
        assert list((await tags(browser, "library/base")).names) == ["1.0"]
        assert (await image(browser, LATEST)).phase is Phase.READY
        assert (await image(browser, "1.0", "library/base")).phase is Phase.READY


@pytest.mark.parametrize(("known", "unknown"), [("team", "library"), ("library", "team")])
async def test_each_part_is_asked_for_with_its_own_login(
    known: str, unknown: str, registry: RealRegistry, home: Home
) -> None:
    in_podman_by_parts(home, registry.address)
    registry.set_passwords(dict([PARTS[known]]))
    repositories = {"team": "team/service", "library": "library/base"}
    async with home.opened(registry.url) as browser:
        said = problem(await tags(browser, repositories[unknown]))
        assert list((await tags(browser, repositories[known])).names) == ["1.0"]
    assert f"does not accept the password of {PARTS[unknown][0]} (from podman auth.json)" in said.sentence


async def test_where_no_login_is_for_the_whole_of_it_its_parts_are_offered(registry: RealRegistry, home: Home) -> None:
    home.write_podman({f"{registry.address}/team": basic(USER, PASSWORD)})
    async with home.opened(registry.url) as browser:
        listing = await catalog(browser)
        assert "wants to know who you are" in problem(listing).sentence
        assert listing.known == ("team",)
        assert "wants to know who you are" in problem(await tags(browser, "library/base")).sentence


def test_a_login_for_a_part_is_enough_to_check_that_part(registry: RealRegistry, home: Home) -> None:
    in_podman_by_parts(home, registry.address)
    checked = home.check(f"{registry.address}/team/app")
    assert (checked.status, checked.line("tags")) == (0, f"{len(VERSIONS)} of team/app"), checked.text


def test_the_more_specific_login_is_used(registry: RealRegistry, home: Home) -> None:
    home.write_podman(
        {
            registry.address: basic(OTHER_USER, OTHER_PASSWORD),
            f"{registry.address}/team/app": basic(USER, PASSWORD),
        }
    )
    accounts = {name: home.check(f"{registry.address}/{name}").line("account") for name in ("team/app", "team/service")}
    assert accounts == {
        "team/app": f"{USER} (podman auth.json)",
        "team/service": f"{OTHER_USER} (podman auth.json)",
    }
