"""Who is told a password."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final

import pytest

from regbrowse.registry.auth import CATALOG, BasicAuthorizer, Credential, bearer_authorization, pull
from regbrowse.registry.challenges import Challenge, parse_challenges
from regbrowse.registry.errors import (
    CredentialError,
    DeniedError,
    LoginNeededError,
    UnauthorizedError,
    UnsafeLoginError,
    WrongLoginError,
)
from regbrowse.registry.text import SafeText
from tests.registry.reaching import LOGIN, PASSWORD, USER, reaching, stored
from tests.registry_server import Content, RegistryServer

BASIC: Final = [Challenge("basic", {"realm": "x"})]
APP: Final = pull("team/app")
BEARER: Final = 'Bearer realm="https://auth.test/token",service="registry.test",scope="repository:a/b:pull,push"'


# Deciding what to send


def test_the_login_is_sent_in_utf8() -> None:
    login = Credential("ü", "p:ä", SafeText("docker config"))
    assert base64.b64decode(login.basic.removeprefix("Basic ")).decode() == "ü:p:ä"


def test_a_password_is_not_in_the_repr_of_its_login() -> None:
    assert PASSWORD not in repr(LOGIN)


async def test_nothing_is_sent_before_it_is_asked_for() -> None:
    authorizer = BasicAuthorizer("h", stored(LOGIN))
    assert await authorizer.authorization(APP) is None
    assert authorizer.account is None


async def test_what_was_accepted_is_sent_from_then_on_for_resources_of_that_kind() -> None:
    authorizer = BasicAuthorizer("h", stored(LOGIN))
    authorizer.accepted(APP, await authorizer.answer(BASIC, APP, None))
    assert authorizer.account == LOGIN
    assert await authorizer.authorization(APP) == LOGIN.basic
    assert await authorizer.authorization(pull("team/other")) == LOGIN.basic
    assert await authorizer.authorization(CATALOG) is None


async def test_an_answer_that_was_not_accepted_yet_is_no_account() -> None:
    authorizer = BasicAuthorizer("h", stored(LOGIN))
    await authorizer.answer(BASIC, APP, None)
    assert authorizer.account is None
    assert await authorizer.authorization(APP) is None


async def test_the_stores_are_not_asked_again_for_every_request() -> None:
    asked = []

    async def lookup(repository: str) -> Credential:
        asked.append(repository)
        return LOGIN

    authorizer = BasicAuthorizer("h", lookup)
    authorizer.accepted(APP, await authorizer.answer(BASIC, APP, None))
    for _ in range(10):
        await authorizer.authorization(APP)
    assert asked == ["team/app"]


async def test_without_a_login_the_hint_is_the_next_step() -> None:
    authorizer = BasicAuthorizer("h", stored(None), hint=lambda: "Mend the helper.")
    with pytest.raises(LoginNeededError, match="h wants to know who you are") as caught:
        await authorizer.answer(BASIC, APP, None)
    assert caught.value.next_step == "Mend the helper."


async def test_without_a_login_and_a_hint_the_next_step_is_to_log_in() -> None:
    with pytest.raises(LoginNeededError) as caught:
        await BasicAuthorizer("h", stored(None)).answer(BASIC, APP, None)
    assert "docker login" in caught.value.next_step


async def test_a_token_is_said_not_to_be_known() -> None:
    with pytest.raises(UnauthorizedError, match="wants a token") as caught:
        await BasicAuthorizer("h", stored(LOGIN)).answer(parse_challenges([BEARER]), APP, None)
    assert "Where only a password may be sent" in caught.value.next_step


async def test_basic_is_chosen_where_a_token_is_offered_too() -> None:
    challenges = parse_challenges([BEARER, "Basic realm=x"])
    assert await BasicAuthorizer("h", stored(LOGIN)).answer(challenges, APP, None) == LOGIN.basic


@pytest.mark.parametrize(("line", "offered"), [("Negotiate", "negotiate"), ("Digest a=b", "digest"), ("", "no way")])
async def test_a_scheme_that_is_not_known_is_named(line: str, offered: str) -> None:
    with pytest.raises(UnauthorizedError, match=offered):
        await BasicAuthorizer("h", stored(LOGIN)).answer(parse_challenges([line]), APP, None)


async def test_a_store_that_fails_is_not_taken_for_an_empty_one() -> None:
    async def lookup(_: str) -> Credential | None:
        raise CredentialError("The store is broken.")

    with pytest.raises(CredentialError):
        await BasicAuthorizer("h", lookup).answer(BASIC, APP, None)


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "ä", "x" * 16_385])
def test_a_token_that_no_header_could_hold_is_not_sent(token: str) -> None:
    with pytest.raises(CredentialError) as caught:
        bearer_authorization(token)
    assert token not in caught.value.user_message.split()


async def test_what_is_known_to_be_asked_for_is_offered() -> None:
    assert await BasicAuthorizer("h", stored(LOGIN)).offer(APP) == LOGIN.basic


@pytest.mark.parametrize(("login", "trusted"), [(LOGIN, False), (None, True)])
async def test_there_may_be_nothing_to_offer(login: Credential | None, trusted: bool) -> None:
    assert await BasicAuthorizer("h", stored(login), trusted=trusted).offer(APP) is None


# Doubt: the store may have a newer login


class Store:
    """Knows in which order it was asked and doubted."""

    def __init__(self, *logins: Credential | None) -> None:
        self.logins = list(logins)
        self.told: list[str] = []

    async def lookup(self, _: str) -> Credential | None:
        self.told.append("lookup")
        return self.logins.pop(0) if len(self.logins) > 1 else self.logins[0]

    def doubt(self) -> None:
        self.told.append("doubt")


async def test_a_login_that_was_refused_is_doubted_before_the_store_is_asked_again() -> None:
    store = Store(Credential(USER, "old", SafeText("helper")), LOGIN)
    authorizer = BasicAuthorizer("h", store.lookup, doubt=store.doubt)
    first = await authorizer.answer(BASIC, APP, None)
    assert await authorizer.answer(BASIC, APP, first) == LOGIN.basic
    assert store.told == ["lookup", "doubt", "lookup"]


async def test_a_challenge_to_what_carried_no_login_is_no_reason_for_doubt() -> None:
    store = Store(LOGIN)
    authorizer = BasicAuthorizer("h", store.lookup, doubt=store.doubt)
    await authorizer.answer(BASIC, APP, None)
    await authorizer.answer(BASIC, APP, "Bearer anybody-s")
    assert store.told == ["lookup", "lookup"]


async def test_a_login_whose_time_is_over_is_doubted() -> None:
    store = Store(Credential(USER, "old", SafeText("helper")), LOGIN)
    authorizer = BasicAuthorizer("h", store.lookup, doubt=store.doubt)
    first = await authorizer.answer(BASIC, APP, None)
    assert await authorizer.renewed(APP, first) == LOGIN.basic
    assert store.told == ["lookup", "doubt", "lookup"]


async def test_a_login_whose_time_is_over_and_that_is_gone_is_needed() -> None:
    store = Store(LOGIN, None)
    authorizer = BasicAuthorizer("h", store.lookup)
    with pytest.raises(LoginNeededError):
        await authorizer.renewed(APP, await authorizer.answer(BASIC, APP, None))


# At a registry


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    content = Content()
    content.add_image("team/app", "1.0")
    content.add_image("team/other", "1.0")
    with RegistryServer(content, auth=("basic", USER, PASSWORD)) as server:
        yield server


def sent(server: RegistryServer) -> list[str]:
    return [request.headers.get("authorization", "") for request in server.requests]


async def test_a_wrong_password_is_tried_once_and_told_without_it(server: RegistryServer) -> None:
    wrong = Credential(USER, "wrong-canary", SafeText("docker config"))
    async with reaching(server, login=wrong) as client:
        with pytest.raises(WrongLoginError) as caught:
            await client.manifest("team/app", "1.0")
        assert client.transport.authorizer.account is None
    assert sent(server) == ["", wrong.basic]
    text = caught.value.user_message
    assert server.address in text
    assert USER in text
    assert "docker config" in text
    assert "wrong-canary" not in text


async def test_a_store_that_always_has_another_password_is_not_asked_for_ever(server: RegistryServer) -> None:
    count = iter(range(1000))

    async def lookup(_: str) -> Credential:
        return Credential(USER, f"wrong {next(count)}", SafeText("helper"))

    async with reaching(server, lookup=lookup) as client:
        with pytest.raises(UnauthorizedError):
            await client.manifest("team/app", "1.0")
        assert client.transport.authorizer.account is None
    assert len(server.requests) == 3


async def test_a_newer_password_is_taken_from_the_store(server: RegistryServer) -> None:
    logins = iter([Credential(USER, "old", SafeText("helper")), LOGIN])

    async def lookup(_: str) -> Credential:
        return next(logins)

    async with reaching(server, lookup=lookup) as client:
        await client.manifest("team/app", "1.0")
    assert [request.status for request in server.requests] == [401, 401, 200]


async def test_a_login_is_not_sent_over_a_connection_that_is_not_safe(server: RegistryServer) -> None:
    async with reaching(server, login=LOGIN, trusted=False) as client:
        with pytest.raises(UnsafeLoginError, match="not safe") as caught:
            await client.manifest("team/app", "1.0")
    assert sent(server) == [""]
    assert USER in caught.value.next_step
    assert PASSWORD not in caught.value.next_step


async def test_a_catalog_and_repositories_may_ask_in_different_ways(server: RegistryServer) -> None:
    """As Harbor does: Basic for the catalog, tokens for repositories."""
    server.fault("GET /v2/team/app/tags/list", status=401, headers={"WWW-Authenticate": BEARER}, body=b"{}", times=None)
    async with reaching(server, login=LOGIN) as client:
        assert (await anext(client.catalog())).names == ("team/app", "team/other")
        with pytest.raises(UnauthorizedError, match="which is not known to belong to it"):
            await anext(client.tags("team/app"))
        assert (await anext(client.catalog())).names == ("team/app", "team/other")
    assert sent(server) == ["", LOGIN.basic, "", LOGIN.basic]


async def test_a_catalog_that_an_accepted_account_may_not_see_is_denied(server: RegistryServer) -> None:
    challenge = {"WWW-Authenticate": "Basic realm=x"}
    server.fault("GET /v2/_catalog", status=401, headers=challenge, body=b"{}", times=None)
    async with reaching(server, login=LOGIN) as client:
        await client.manifest("team/app", "1.0")
        with pytest.raises(DeniedError, match=f"does not let {USER} list") as caught:
            await anext(client.catalog())
    assert "Press o" in caught.value.next_step


async def test_a_repository_that_an_accepted_account_may_not_see_does_not_spoil_the_others(
    server: RegistryServer,
) -> None:
    challenge = {"WWW-Authenticate": "Basic realm=x"}
    server.fault("GET /v2/team/other", status=401, headers=challenge, body=b"{}", times=None)
    async with reaching(server, login=LOGIN) as client:
        await client.manifest("team/app", "1.0")
        with pytest.raises(DeniedError, match=f"does not let {USER} read team/other"):
            await client.manifest("team/other", "1.0")
        server.reset()
        await anext(client.tags("team/app"))
    assert [request.status for request in server.requests] == [200]


async def test_without_a_login_a_closed_registry_is_asked_once(server: RegistryServer) -> None:
    async with reaching(server) as client:
        with pytest.raises(LoginNeededError):
            await client.manifest("team/app", "1.0")
    assert len(server.requests) == 1
