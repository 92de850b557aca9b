"""A real registry that wants tokens: logins of every kind, tokens that end, rights that are missing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import pytest
import trustme

from regbrowse.browser.browser import Browser
from regbrowse.browser.states import Asks, Phase, TagDetails
from regbrowse.registry.text import SafeText
from tests.browser.test_registries import catalog, image, problem, tags, words
from tests.real.home import IDENTITY_TOKEN, WRONG, Home, basic
from tests.real.images import APP_CREATED, LATEST, REPOSITORIES
from tests.real.registry import OTHER_PASSWORD, OTHER_USER, PASSWORD, USER, RealRegistry, StartRegistry
from tests.real.tokens import TokenIssuer
from tests.token_server import Answer

VERSIONS: Final = tuple(APP_CREATED)
CATALOG: Final = ("registry:catalog:*",)
PULL_APP: Final = ("repository:team/app:pull",)
LIMITED_TO: Final = "team/app"
"""All that `OTHER_USER` may read."""

PASSWORD_ENTRY: Final = {"auth": basic(USER, PASSWORD)}
TOKEN_ENTRY: Final = {"auth": basic(USER, ""), "identitytoken": IDENTITY_TOKEN}
"""What `docker login` writes where the token server gave an identity token."""

BOTH_ENTRY: Final = {**PASSWORD_ENTRY, "identitytoken": IDENTITY_TOKEN}


@pytest.fixture
def issuer() -> Iterator[TokenIssuer]:
    accounts = {USER: PASSWORD, OTHER_USER: OTHER_PASSWORD}
    with TokenIssuer(accounts, public=("team/app",), limits={OTHER_USER: (LIMITED_TO,)}) as server:
        server.refresh_tokens[IDENTITY_TOKEN] = USER
        yield server


@pytest.fixture
def registry(new_registry: StartRegistry, issuer: TokenIssuer) -> RealRegistry:
    return new_registry(issuer=issuer)


def methods(issuer: TokenIssuer) -> list[str]:
    return [request.method for request in issuer.requests]


async def rows(browser: Browser, names: Sequence[str], repository: str = "team/app") -> dict[str, TagDetails]:
    """What the rows of these tags say, all on the screen at once."""
    found: dict[str, TagDetails] = {}
    shown = browser.rows(repository, lambda tag, details: found.update({tag: details}))
    shown.show([SafeText(name) for name in names])
    await shown.settled()
    await shown.aclose()
    return found


# Logins that are good


@pytest.mark.parametrize(
    ("entry", "method"), [(PASSWORD_ENTRY, "GET"), (TOKEN_ENTRY, "POST")], ids=["password", "identity token"]
)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "TLS"])
async def test_everything_is_shown_with_two_tokens(
    tls: bool, entry: dict[str, str], method: str, new_registry: StartRegistry, home: Home
) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1") if tls else None
    with TokenIssuer({USER: PASSWORD}, tls=leaf) as issuer:
        issuer.refresh_tokens[IDENTITY_TOKEN] = USER
        registry = new_registry(issuer=issuer, tls=tls)
        if tls:
            home.trust(registry.address, registry.authority)
            home.trust(issuer.address, authority)
        home.write_docker(auths={registry.address: entry})
        async with home.opened(registry.url) as browser:
            assert tuple((await catalog(browser)).names) == REPOSITORIES
            assert set((await tags(browser)).names) == {*VERSIONS, "latest"}
            shown = await image(browser, LATEST)
            assert shown.phase is Phase.READY
            assert {details.phase for details in (await rows(browser, VERSIONS)).values()} == {Phase.READY}
            assert words(browser) == ("v2", "TLS verified" if tls else "plain HTTP", f"{USER} (docker config)")
        assert methods(issuer) == [method] * 2
        assert issuer.granted == [(USER, CATALOG), (USER, PULL_APP)]


async def test_a_token_server_whose_authority_is_not_known_is_told_nothing(
    new_registry: StartRegistry, home: Home
) -> None:
    with TokenIssuer({USER: PASSWORD}, tls=trustme.CA().issue_cert("127.0.0.1")) as issuer:
        registry = new_registry(issuer=issuer, tls=True)
        home.trust(registry.address, registry.authority)
        home.write_docker(auths={registry.address: PASSWORD_ENTRY})
        async with home.opened(registry.url) as browser:
            said = problem(await catalog(browser))
        assert issuer.address in said.sentence
        assert issuer.requests == []


@pytest.mark.parametrize(
    ("username", "secret", "method"),
    [(USER, PASSWORD, "GET"), ("<token>", IDENTITY_TOKEN, "POST")],
    ids=["password", "identity token"],
)
def test_what_a_helper_has_is_used(
    username: str, secret: str, method: str, registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    helper = home.helper("scripted")
    helper.has(username, secret)
    home.write_docker(credHelpers={registry.address: "scripted"})
    checked = home.check(registry.address)
    assert checked.status == 0, checked.text
    assert checked.line("catalog") == f"{len(REPOSITORIES)} repositories"
    assert checked.line("account").endswith("(docker helper scripted)")
    assert set(methods(issuer)) == {method}
    assert helper.asked == [f"get {registry.address}"]


def test_a_login_of_podman_is_used(registry: RealRegistry, home: Home) -> None:
    home.write_podman({registry.address: basic(USER, PASSWORD)})
    checked = home.check(f"{registry.address}/team/service:1.0")
    assert (checked.status, checked.line("account")) == (0, f"{USER} (podman auth.json)")
    assert checked.line("manifest").startswith(registry.inspect("team/service:1.0")["Digest"])


async def test_each_part_of_a_registry_is_read_with_its_own_login(
    registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    parts = {f"{registry.address}/team/app": (OTHER_USER, OTHER_PASSWORD), f"{registry.address}/team": (USER, PASSWORD)}
    home.write_podman({key: basic(*login) for key, login in parts.items()})
    async with home.opened(registry.address) as browser:
        assert (await image(browser, LATEST)).phase is Phase.READY
        assert (await image(browser, "1.0", "team/service")).phase is Phase.READY
        await catalog(browser)
    assert {scopes: account for account, scopes in issuer.granted} == {
        PULL_APP: OTHER_USER,
        ("repository:team/service:pull",): USER,
        CATALOG: "",
    }


async def test_a_token_for_the_registry_itself_is_not_told_to_the_token_server(
    registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    ready = issuer.token(USER, *CATALOG, *PULL_APP)
    home.write_docker(auths={registry.address: {"registrytoken": ready}})
    async with home.opened(registry.address) as browser:
        assert tuple((await catalog(browser)).names) == REPOSITORIES
        assert (await image(browser, LATEST)).phase is Phase.READY
    assert issuer.requests == []


# Identity tokens and token servers that do not know them


@pytest.mark.parametrize("status", [404, 405])
async def test_a_token_server_that_knows_only_get_is_told_the_password_if_there_is_one(
    status: int, registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    issuer.fault(Answer(status, b"no such thing\n"), "^POST", times=None)
    home.write_docker(auths={registry.address: BOTH_ENTRY})
    async with home.opened(registry.address) as browser:
        assert tuple((await catalog(browser)).names) == REPOSITORIES
        assert (await image(browser, LATEST)).phase is Phase.READY
        assert words(browser)[-1] == f"{USER} (docker config)"
    gets = [request for request in issuer.requests if request.method == "GET"]
    assert [request.header("Authorization") for request in gets] == [f"Basic {basic(USER, PASSWORD)}"] * 2


@pytest.mark.parametrize("status", [404, 405])
def test_a_token_server_that_knows_only_get_is_named_where_there_is_no_password(
    status: int, registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    issuer.fault(Answer(status, b"no such thing\n"), "^POST", times=None)
    home.write_docker(auths={registry.address: TOKEN_ENTRY})
    checked = home.check(f"{registry.address}/team/app:{LATEST}")
    assert checked.status == 1
    assert issuer.address in checked.line("failed")
    assert "password" not in checked.line("failed")
    assert set(methods(issuer)) == {"POST"}


@pytest.mark.parametrize("status", [404, 405, 500])
def test_a_token_server_that_fails_is_not_taken_for_the_registry(
    status: int, registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    issuer.fault(Answer(status, b"no such thing\n"), times=None)
    home.write_docker(auths={registry.address: PASSWORD_ENTRY})
    checked = home.check(registry.address)
    assert checked.status == 1
    assert issuer.address in checked.line("failed")
    assert "password" not in checked.line("failed")


async def test_a_password_takes_the_place_of_an_identity_token_that_is_over(
    registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    issuer.refresh_tokens.clear()
    home.write_docker(auths={registry.address: BOTH_ENTRY})
    async with home.opened(registry.address) as browser:
        assert (await image(browser, LATEST)).phase is Phase.READY
    assert methods(issuer) == ["POST", "GET"]


async def test_an_identity_token_is_followed_by_the_one_that_the_server_gives(
    new_registry: StartRegistry, home: Home
) -> None:
    with TokenIssuer({USER: PASSWORD}, rotates=True) as issuer:
        issuer.refresh_tokens[IDENTITY_TOKEN] = USER
        registry = new_registry(issuer=issuer)
        home.write_docker(auths={registry.address: TOKEN_ENTRY})
        async with home.opened(registry.address) as browser:
            assert (await image(browser, LATEST)).phase is Phase.READY
            assert (await image(browser, "1.0", "team/service")).phase is Phase.READY
        sent = [dict(request.form)["refresh_token"] for request in issuer.requests]
    assert sent[0] == IDENTITY_TOKEN
    assert len(set(sent)) == len(sent) == 2


# Tokens that end while one browses


SHORT: Final = 2.0
"""Seconds: enough for a busy machine to use a token that it has just got."""


@pytest.mark.parametrize(
    ("entry", "method", "account"),
    [(PASSWORD_ENTRY, "GET", USER), (TOKEN_ENTRY, "POST", USER), (None, "GET", "")],
    ids=["password", "identity token", "nobody"],
)
async def test_when_a_token_ends_the_browse_goes_on_with_one_new_one(
    entry: dict[str, str] | None,
    method: str,
    account: str,
    registry: RealRegistry,
    issuer: TokenIssuer,
    home: Home,
) -> None:
    home.write_docker(auths={registry.address: entry} if entry else {})
    async with home.opened(registry.address) as browser:
        issuer.life = SHORT
        assert (await tags(browser)).phase is Phase.READY
        issuer.life = 300
        await asyncio.to_thread(registry.wait_for_expiry, issuer.last_token)
        found = await rows(browser, VERSIONS)  # at once, each of them with the old token
        assert {tag: details.phase for tag, details in found.items()} == dict.fromkeys(VERSIONS, Phase.READY)
        assert (await image(browser, LATEST)).phase is Phase.READY
        assert words(browser)[-1] == (f"{account} (docker config)" if account else "anonymous")
    assert methods(issuer) == [method] * 2
    assert issuer.granted == [(account, PULL_APP)] * 2


async def test_a_password_that_was_changed_is_told_when_the_token_ends(
    registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    home.write_docker(auths={registry.address: PASSWORD_ENTRY})
    async with home.opened(registry.address) as browser:
        issuer.life = SHORT
        assert (await tags(browser, "team/service")).phase is Phase.READY
        issuer.accounts[USER] = OTHER_PASSWORD
        await asyncio.to_thread(registry.wait_for_expiry, issuer.last_token)
        said = problem(await image(browser, "1.0", "team/service"))
    assert f"does not accept the password of {USER} (from docker config)" in said.sentence
    assert said.asks is Asks.LOGIN
    assert len(issuer.requests) == 2


async def test_tokens_that_are_over_from_the_start_end_in_words_and_not_in_a_loop(
    registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    issuer.life = -1000
    home.write_docker(auths={registry.address: PASSWORD_ENTRY})
    async with home.opened(registry.address) as browser:
        assert problem(await catalog(browser)).sentence
        assert problem(await image(browser, LATEST)).sentence
    assert len(issuer.requests) <= 4
    assert registry.let_in == 0


# Logins that are not


@pytest.mark.parametrize(
    ("entry", "whose"),
    [
        ({"auth": basic(USER, WRONG)}, f"password of {USER}"),
        ({"auth": basic(USER, ""), "identitytoken": WRONG}, f"token of {USER}"),
    ],
    ids=["password", "identity token"],
)
async def test_a_wrong_login_is_told_to_the_token_server_once(
    entry: dict[str, str], whose: str, registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    home.write_docker(auths={registry.address: entry})
    async with home.opened(registry.address) as browser:
        for state in (await catalog(browser), await tags(browser), await image(browser, LATEST)):
            said = problem(state)
            assert f"{issuer.address} does not accept the {whose} (from docker config)" in said.sentence
            assert said.asks is Asks.LOGIN
        found = await rows(browser, VERSIONS)
        assert {details.phase for details in found.values()} == {Phase.FAILED}
    assert len(issuer.requests) == 1
    assert registry.let_in == 0


async def test_a_helper_that_had_a_wrong_password_is_asked_anew_when_the_user_asks_again(
    registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    helper = home.helper("scripted")
    helper.has(USER, WRONG)
    home.write_docker(credHelpers={registry.address: "scripted"})
    async with home.opened(registry.address) as browser:
        assert "does not accept the password" in problem(await tags(browser)).sentence
        helper.has(USER, PASSWORD)
        assert (await tags(browser, fresh=True)).phase is Phase.READY
    assert len(issuer.requests) == 2


def test_with_a_wrong_password_not_even_a_public_image_is_shown(
    registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    home.write_docker(auths={registry.address: {"auth": basic(USER, WRONG)}})
    checked = home.check(f"{registry.address}/team/app:{LATEST}")
    assert checked.status == 1
    assert f"does not accept the password of {USER} (from docker config)" in checked.line("failed")
    assert (checked.line("tags"), checked.line("manifest"), registry.let_in) == ("", "", 0)
    assert len(issuer.requests) == 1


@pytest.mark.parametrize("says", ["the keyring is on fire", ""], ids=["failure", "nothing"])
def test_with_a_helper_that_fails_not_even_a_public_image_is_shown(
    says: str, registry: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    home.helper("scripted").says(says, 1)
    home.write_docker(credHelpers={registry.address: "scripted"})
    checked = home.check(f"{registry.address}/team/app:{LATEST}")
    assert checked.status == 1
    assert "scripted" in checked.line("failed")
    assert (issuer.requests, registry.let_in) == ([], 0)


# Rights that are missing


@pytest.fixture
def limited(registry: RealRegistry, home: Home) -> RealRegistry:
    """Logged in to as one who may read one repository, and not list them."""
    home.write_docker(auths={registry.address: {"auth": basic(OTHER_USER, OTHER_PASSWORD)}})
    return registry


async def test_who_may_not_list_repositories_reads_them_by_name(limited: RealRegistry, home: Home) -> None:
    async with home.opened(limited.address) as browser:
        listing = await catalog(browser)
        said = problem(listing)
        assert said.sentence.startswith(f"{limited.address} does not let {OTHER_USER} list its repositories")
        assert "by its name" in said.next_step
        assert (listing.names, said.asks) == ((), Asks.MAY_LOG_IN)
        assert (await tags(browser)).phase is Phase.READY
        assert (await image(browser, LATEST)).phase is Phase.READY
        assert words(browser)[-1] == f"{OTHER_USER} (docker config)"


def test_a_catalog_that_is_not_permitted_is_no_failure_of_the_check(limited: RealRegistry, home: Home) -> None:
    checked = home.check(limited.address)
    assert checked.status == 0, checked.text
    assert checked.line("catalog").startswith(f"{limited.address} does not let {OTHER_USER} list its repositories")
    assert "password" not in checked.text


async def test_who_may_not_read_a_repository_is_told_so(limited: RealRegistry, home: Home) -> None:
    async with home.opened(limited.address) as browser:
        for state in (await tags(browser, "team/service"), await image(browser, "1.0", "team/service")):
            said = problem(state)
            assert f"does not let {OTHER_USER} read team/service" in said.sentence
            assert said.asks is Asks.MAY_LOG_IN
        assert (await image(browser, LATEST)).phase is Phase.READY


async def test_what_is_not_permitted_is_asked_for_once_each_time(
    limited: RealRegistry, issuer: TokenIssuer, home: Home
) -> None:
    async with home.opened(limited.address) as browser:
        problem(await catalog(browser))
    assert issuer.granted == [(OTHER_USER, CATALOG)]


# No login


def test_without_a_login_a_public_image_passes_the_check(registry: RealRegistry, home: Home) -> None:
    checked = home.check(f"{registry.address}/team/app:{LATEST}")
    assert (checked.status, checked.line("account")) == (0, "anonymous")


def test_without_a_login_a_private_image_fails_the_check(registry: RealRegistry, home: Home) -> None:
    checked = home.check(f"{registry.address}/team/service:1.0")
    assert checked.status == 1
    assert "does not let those without a login read team/service" in checked.line("failed")
    assert "log in" in checked.text.lower()


async def test_without_a_login_a_login_may_help(registry: RealRegistry, home: Home) -> None:
    async with home.opened(registry.address) as browser:
        listing, image_state = await catalog(browser), await image(browser, "1.0", "team/service")
        assert problem(listing).asks in (Asks.MAY_LOG_IN, Asks.LOGIN)
        assert problem(image_state).asks in (Asks.MAY_LOG_IN, Asks.LOGIN)
        assert (await image(browser, LATEST)).phase is Phase.READY
