"""Tokens, from challenge to answer, over real sockets: a registry G, its token server, and an attacker E."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from regbrowse.browser.journal import Journal
from regbrowse.registry.auth import Credential
from regbrowse.registry.challenges import parse_challenges
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import (
    ConnectionFailedError,
    CredentialError,
    DeniedError,
    HTTPStatusError,
    LimitExceededError,
    LoginNeededError,
    MalformedDocumentError,
    RateLimitedError,
    RealmNotTrustedError,
    RedirectRefusedError,
    RegistryError,
    ServerFailureError,
    TLSFailureError,
    UnauthorizedError,
    UnsafeLoginError,
    WrongLoginError,
)
from regbrowse.registry.exchange import Exchange, Pause
from regbrowse.registry.models import Descriptor
from regbrowse.registry.opening import open_registry
from regbrowse.registry.realms import token_service
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.text import SafeText
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.token_keeper import TokenKeeper
from regbrowse.registry.tokens import steady_clock
from regbrowse.registry.wire import httpx
from tests.registry.reaching import LOGIN, NO_CERTIFICATES, PASSWORD, USER, Seen, reaching
from tests.registry.tokens_world import (
    AUTHORITY,
    CATALOG_SCOPE,
    PULL,
    SECRETS,
    Tokens,
    assert_no_secret_at,
    authorizations,
    by_name,
    content,
    leaf,
    seen_at,
)
from tests.registry_server import RegistryServer
from tests.token_server import Answer, Server

ANY: Final = re.compile("")
TAG: Final = "GET /v2/team/app/manifests/1.0"
IDENTITY: Final = Credential("<token>", "", SafeText("docker config"), "canary-refresh")
BEGIN: Final = datetime(2026, 7, 4, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    with Tokens() as server:
        yield server


@pytest.fixture
def good(tokens: Tokens) -> Iterator[RegistryServer]:
    """G, which takes the tokens of `tokens`."""
    with RegistryServer(content(), auth=tokens.auth(), etag=False) as server:
        yield server


@pytest.fixture
def evil() -> Iterator[RegistryServer]:
    """E, which has the same content and takes anybody."""
    with RegistryServer(content()) as server:
        yield server


def keeper(server: RegistryServer, clock: Callable[[], datetime] | None = None, **others: Any) -> TokenKeeper:
    return TokenKeeper(server.address, certs_dir=NO_CERTIFICATES, clock=clock, **others)


async def get(client: RegistryClient, repository: str = "team/app") -> None:
    await client.manifest(repository, "1.0", fresh=True)


async def head(client: RegistryClient) -> None:
    await client.resolve("team/app", "1.0")


async def tags(client: RegistryClient) -> None:
    await anext(client.tags("team/app"))


async def catalog(client: RegistryClient) -> tuple[str, ...]:
    return (await anext(client.catalog())).names


def statuses(server: RegistryServer) -> list[int]:
    return [request.status for request in server.requests]


# Anonymous, and with a login


async def test_a_token_is_fetched_for_what_the_request_needs_and_used_from_then_on(
    good: RegistryServer, tokens: Tokens
) -> None:
    async with reaching(good) as client:
        await get(client)
        await get(client)
        await get(client, "team/other")
        assert client.transport.authorizer.account is None
    assert statuses(good) == [401, 200, 200, 200]
    assert tokens.scopes == [[PULL], ["repository:team/other:pull"]]
    assert authorizations(tokens) == ["", ""]
    assert authorizations(good)[1] == authorizations(good)[2] != authorizations(good)[3]


async def test_a_login_is_used_at_once_and_goes_to_the_token_server_alone(good: RegistryServer, tokens: Tokens) -> None:
    async with reaching(good, login=LOGIN) as client:
        await get(client)
        assert client.transport.authorizer.account == LOGIN
    [asked] = tokens.requests
    assert asked.header("Authorization") == LOGIN.basic
    assert (asked.method, sorted(asked.query)) == (
        "GET",
        [("account", USER), ("scope", PULL), ("service", "registry.test")],
    )
    assert LOGIN.basic not in authorizations(good)
    assert authorizations(good)[0] == ""


async def test_a_refresh_token_is_never_asked_for(good: RegistryServer, tokens: Tokens) -> None:
    async with reaching(good, login=LOGIN) as client:
        await get(client)
    assert "offline_token" not in dict(tokens.requests[0].query)


async def test_nothing_but_the_request_itself_meets_the_challenge(good: RegistryServer) -> None:
    async with reaching(good) as client:
        await get(client)
    assert {request.path for request in good.requests} == {"/v2/team/app/manifests/1.0"}


async def test_a_login_that_is_only_known_for_one_path_is_used_there(good: RegistryServer, tokens: Tokens) -> None:
    async def lookup(repository: str) -> Credential | None:
        return LOGIN if repository == "team/app" else None

    async with reaching(good, lookup=lookup) as client:
        await get(client)
        await get(client, "team/other")
    assert authorizations(tokens) == [LOGIN.basic, ""]


async def test_a_store_that_fails_is_not_taken_for_an_empty_one(good: RegistryServer, tokens: Tokens) -> None:
    async def lookup(_: str) -> Credential | None:
        raise CredentialError("The store is broken.")

    async with reaching(good, lookup=lookup) as client:
        with pytest.raises(CredentialError):
            await get(client)
    assert tokens.requests == []


async def test_a_registry_in_a_line_uses_tokens(good: RegistryServer, tokens: Tokens) -> None:
    login = AuthConfig(USER, PASSWORD)
    service = DefaultService(certs_dir=None)
    async with open_registry(f"http://{good.address}", auth_config=login, service=service) as client:
        await get(client)
    assert authorizations(tokens) == [LOGIN.basic]


# Identity tokens


async def test_an_identity_token_is_posted(good: RegistryServer, tokens: Tokens) -> None:
    tokens.refresh_tokens["canary-refresh"] = USER
    async with reaching(good, login=IDENTITY) as client:
        await get(client)
        assert client.transport.authorizer.account == IDENTITY
    [asked] = tokens.requests
    assert asked.method == "POST"
    assert dict(asked.form) == {
        "client_id": "docker",
        "grant_type": "refresh_token",
        "refresh_token": "canary-refresh",
        "scope": PULL,
        "service": "registry.test",
    }
    assert authorizations(tokens) == [""]
    assert "canary-refresh" not in str(authorizations(good))


async def test_a_refresh_token_that_is_given_in_its_place_is_used_from_then_on(
    good: RegistryServer, tokens: Tokens
) -> None:
    tokens.refresh_tokens["canary-refresh"] = USER
    tokens.rotates = True
    async with reaching(good, login=IDENTITY) as client:
        await get(client)
        await get(client, "team/other")
    assert statuses(good) == [401, 200, 200]
    assert len({dict(request.form)["refresh_token"] for request in tokens.requests}) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 405])
async def test_where_a_post_is_not_known_the_password_is_used_if_there_is_one(
    good: RegistryServer, tokens: Tokens, status: int
) -> None:
    tokens.fault(Answer(status, b"{}"), "POST", times=None)
    both = Credential(USER, PASSWORD, SafeText("docker config"), "canary-refresh")
    async with reaching(good, login=both) as client:
        await get(client)
    assert [request.method for request in tokens.requests] == ["POST", "GET"]
    assert authorizations(tokens) == ["", LOGIN.basic]


@pytest.mark.parametrize("status", [400, 401])
async def test_an_identity_token_that_is_not_accepted_is_no_reason_to_be_anonymous(
    good: RegistryServer, tokens: Tokens, status: int
) -> None:
    tokens.fault(Answer(status, b"{}"), "POST", times=None)
    async with reaching(good, login=IDENTITY) as client:
        with pytest.raises(WrongLoginError, match=r"does not accept the token of <token> \(from docker config\)"):
            await get(client)
    assert [request.method for request in tokens.requests] == ["POST"]
    assert statuses(good) == [401]


async def test_a_failing_post_is_not_followed_by_the_password(good: RegistryServer, tokens: Tokens) -> None:
    tokens.fault(Answer(503, b"{}"), "POST", times=None)
    both = Credential(USER, PASSWORD, SafeText("docker config"), "canary-refresh")
    async with reaching(good, login=both) as client:
        with pytest.raises(ServerFailureError):
            await get(client)
    assert len(tokens.requests) == 1


async def test_an_identity_token_is_no_password(tokens: Tokens) -> None:
    with RegistryServer(content(), auth=("basic", USER, PASSWORD)) as server:
        async with reaching(server, login=IDENTITY, hint="Its login is a token.") as client:
            with pytest.raises(UnauthorizedError) as caught:
                await get(client)
    assert caught.value.next_step == "Its login is a token."
    assert authorizations(server) == [""]


# Tokens that a store has already: for the registry itself

OWN: Final = Credential(USER, "", SafeText("docker config"), registry_token="canary-token-own")


async def test_a_token_of_the_store_goes_to_the_registry_and_not_to_a_token_server(
    good: RegistryServer, tokens: Tokens
) -> None:
    tokens.issued["canary-token-own"] = (USER, (PULL, CATALOG_SCOPE))
    async with reaching(good, login=OWN) as client:
        await get(client)
        await get(client)
        await catalog(client)
        assert client.transport.authorizer.account == OWN
    assert tokens.requests == []
    assert authorizations(good) == ["", *["Bearer canary-token-own"] * 2, "", "Bearer canary-token-own"]


async def test_the_stores_are_not_asked_for_their_token_at_every_request(good: RegistryServer, tokens: Tokens) -> None:
    tokens.issued["canary-token-own"] = (USER, (PULL,))
    asked: list[str] = []

    async def lookup(repository: str) -> Credential:
        asked.append(repository)
        return OWN

    async with reaching(good, lookup=lookup) as client:
        for _ in range(5):
            await get(client)
    assert asked == ["team/app"]


async def test_a_token_of_the_store_that_is_refused_is_a_wrong_login(good: RegistryServer, tokens: Tokens) -> None:
    async with reaching(good, login=OWN) as client:
        with pytest.raises(WrongLoginError, match=rf"does not accept the token of {USER} \(from docker config\)") as e:
            await get(client)
        assert client.transport.authorizer.account is None
    assert statuses(good) == [401, 401]
    assert tokens.requests == []
    assert "canary-token" not in f"{e.value!r}{e.value.next_step}"


async def test_a_token_of_the_store_that_is_not_for_enough_is_denied(good: RegistryServer, tokens: Tokens) -> None:
    tokens.issued["canary-token-own"] = (USER, ())
    async with reaching(good, login=OWN) as client:
        with pytest.raises(DeniedError, match=f"does not let {USER} read team/app"):
            await get(client)
    assert tokens.requests == []


async def test_a_newer_token_is_taken_from_the_store(good: RegistryServer, tokens: Tokens) -> None:
    tokens.issued["canary-token-newer"] = (USER, (PULL,))
    logins = [OWN]

    async def lookup(_: str) -> Credential:
        return logins[0]

    def doubt() -> None:
        logins[0] = replace(OWN, registry_token="canary-token-newer")

    async with reaching(good, lookup=lookup, doubt=doubt) as client:
        await get(client)
    assert authorizations(good) == ["", "Bearer canary-token-own", "Bearer canary-token-newer"]


async def test_a_stranger_among_token_servers_does_not_keep_a_token_of_the_store_from_its_registry(
    tokens: Tokens,
) -> None:
    tokens.issued["canary-token-own"] = (USER, (PULL,))
    for realm in ("https://elsewhere.test/token", "", "nonsense"):
        with RegistryServer(content(), auth=tokens.auth(realm or " ")) as server:
            async with reaching(server, login=OWN) as client:
                await get(client)
                await get(client)
            assert authorizations(server)[1] == "Bearer canary-token-own"


async def test_a_token_of_the_store_is_not_sent_over_a_connection_that_is_not_safe(
    good: RegistryServer, tokens: Tokens
) -> None:
    async with reaching(good, login=OWN, trusted=False) as client:
        await get(client)
    assert_no_secret_of_the_store_at(good)
    assert_no_secret_of_the_store_at(tokens)


def assert_no_secret_of_the_store_at(server: RegistryServer | Server) -> None:
    assert "canary-token-own" not in seen_at(server)


async def test_a_token_of_the_store_is_no_password(tokens: Tokens) -> None:
    with RegistryServer(content(), auth=("basic", USER, PASSWORD)) as server:
        async with reaching(server, login=OWN) as client:
            with pytest.raises(LoginNeededError):
                await get(client)
    assert authorizations(server) == [""]


# The entrance, for a test of the connection


async def test_the_entrance_wants_a_token_for_nothing(good: RegistryServer, tokens: Tokens) -> None:
    async with reaching(good, login=LOGIN) as client:
        await client.ping()
        await client.ping()
    assert tokens.scopes == [[]]
    assert statuses(good) == [401, 200, 200]


async def test_an_entrance_that_stays_closed_to_anybody_asks_for_a_login(good: RegistryServer, tokens: Tokens) -> None:
    tokens.anonymous = False
    async with reaching(good) as client:
        with pytest.raises(LoginNeededError, match="wants to know who you are"):
            await client.ping()


async def test_an_entrance_that_stays_closed_to_an_account_is_denied(good: RegistryServer, tokens: Tokens) -> None:
    challenge = {"WWW-Authenticate": tokens.bearer()}
    good.fault("GET /v2/", status=401, headers=challenge, body=b"{}", times=None)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(DeniedError, match=f"does not let {USER} in"):
            await client.ping()


# What is refused


async def test_52_a_password_that_the_token_server_refuses_is_told_and_not_sent_again(
    good: RegistryServer, tokens: Tokens
) -> None:
    """§5.3 test 52: 401 from the token server: no retry, no lock-out loop, and never anonymous instead."""
    wrong = Credential(USER, "wrong-canary", SafeText("docker config"))
    async with reaching(good, login=wrong) as client:
        for _ in range(4):
            with pytest.raises(WrongLoginError) as caught:
                await get(client)
        with pytest.raises(WrongLoginError):
            await catalog(client)
        assert client.transport.authorizer.account is None
    assert authorizations(tokens) == [wrong.basic]
    assert set(authorizations(good)) == {""}
    assert caught.value.user_message == (
        f"{tokens.address} does not accept the password of {USER} (from docker config), which {good.address} asked for."
    )
    assert "wrong-canary" not in f"{caught.value!r}{caught.value.next_step}"


async def test_a_newer_password_is_tried_after_one_that_was_refused(good: RegistryServer, tokens: Tokens) -> None:
    logins = [Credential(USER, "old", SafeText("docker config"))]

    async def lookup(_: str) -> Credential:
        return logins[0]

    async with reaching(good, lookup=lookup) as client:
        with pytest.raises(UnauthorizedError):
            await get(client)
        logins[0] = LOGIN
        await get(client)
    assert authorizations(tokens)[1] == LOGIN.basic


async def test_a_password_that_the_token_server_refuses_is_doubted(good: RegistryServer, tokens: Tokens) -> None:
    """So that a helper which has a newer one is asked, and not what it said before."""
    told: list[str] = []
    logins = [Credential(USER, "old", SafeText("docker helper pass"))]

    async def lookup(_: str) -> Credential:
        told.append("lookup")
        return logins[0]

    def doubt() -> None:
        told.append("doubt")
        logins[0] = LOGIN

    async with reaching(good, lookup=lookup, doubt=doubt) as client:
        await get(client)
        assert client.transport.authorizer.account == LOGIN
    assert told == ["lookup", "doubt", "lookup"]
    assert [asked == LOGIN.basic for asked in authorizations(tokens)] == [False, True]
    assert statuses(good) == [401, 200]


async def test_a_store_that_always_has_another_password_is_not_asked_for_ever(
    good: RegistryServer, tokens: Tokens
) -> None:
    count = iter(range(1_000))

    async def lookup(_: str) -> Credential:
        return Credential(USER, f"wrong {next(count)}", SafeText("helper"))

    async with reaching(good, lookup=lookup) as client:
        with pytest.raises(WrongLoginError):
            await get(client)
    assert len(tokens.requests) == 2


@pytest.mark.parametrize(("login", "doubts"), [(LOGIN, 1), (None, 0)], ids=["login", "anonymous"])
async def test_a_token_that_is_refused_is_a_reason_for_doubt_if_it_came_of_a_login(
    good: RegistryServer, tokens: Tokens, login: Credential | None, doubts: int
) -> None:
    told: list[bool] = []
    async with reaching(good, login=login, doubt=lambda: told.append(True)) as client:
        await get(client)
        assert told == []
        tokens.revoke()
        await get(client)
    assert len(told) == doubts


async def test_a_token_that_is_not_for_enough_is_no_reason_for_doubt(good: RegistryServer, tokens: Tokens) -> None:
    told: list[bool] = []
    wider = f'{tokens.bearer()},error="insufficient_scope",scope="repository:team/app:pull,metadata_read"'
    good.fault(TAG, status=401, headers={"WWW-Authenticate": wider}, body=b"{}", after=1)
    async with reaching(good, login=LOGIN, doubt=lambda: told.append(True)) as client:
        await get(client)
    assert told == []


async def test_a_newer_password_is_asked_for_when_the_token_is_over(good: RegistryServer, tokens: Tokens) -> None:
    clock, logins = Clock(), [LOGIN]

    async def lookup(_: str) -> Credential:
        return logins[0]

    async with reaching(good, lookup=lookup, tokens=keeper(good, clock)) as client:
        await get(client)
        tokens.accounts[USER] = "newer"
        logins[0] = Credential(USER, "newer", SafeText("docker config"))
        clock.go_on(3_600)
        await get(client)
    assert authorizations(tokens) == [LOGIN.basic, logins[0].basic]
    assert statuses(good) == [401, 200, 200]


async def test_a_token_without_the_right_to_a_repository_is_denied(good: RegistryServer, tokens: Tokens) -> None:
    tokens.permits = lambda account, scope: "team/app" not in scope
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(DeniedError, match=f"does not let {USER} read team/app"):
            await get(client)
        await get(client, "team/other")
    assert statuses(good) == [401, 401, 200]
    assert len(tokens.requests) == 2


async def test_a_token_without_the_right_to_the_catalog_is_denied(good: RegistryServer, tokens: Tokens) -> None:
    tokens.permits = lambda account, scope: scope != CATALOG_SCOPE
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(DeniedError, match=f"does not let {USER} list its repositories") as caught:
            await catalog(client)
        await get(client)
    assert "Press o" in caught.value.next_step


async def test_a_catalog_that_nobody_without_a_login_may_see_is_denied(good: RegistryServer, tokens: Tokens) -> None:
    tokens.permits = lambda account, scope: scope != CATALOG_SCOPE
    async with reaching(good) as client:
        with pytest.raises(DeniedError, match="does not let those without a login list its repositories") as caught:
            await catalog(client)
    assert "Press o" in caught.value.next_step


@pytest.mark.parametrize("hint", ["", "Mend the helper."])
async def test_without_a_login_the_next_step_is_to_log_in(good: RegistryServer, tokens: Tokens, hint: str) -> None:
    tokens.anonymous = False
    async with reaching(good, hint=hint) as client:
        with pytest.raises(LoginNeededError, match="those without a login") as caught:
            await get(client)
    assert (hint or "docker login") in caught.value.next_step
    assert len(tokens.requests) == 1


async def test_a_list_that_takes_a_login_to_be_seen_asks_for_one(good: RegistryServer, tokens: Tokens) -> None:
    tokens.anonymous = False
    async with reaching(good) as client:
        with pytest.raises(LoginNeededError, match="does not let those without a login list its repositories"):
            await catalog(client)


async def test_a_repository_that_nobody_s_token_opens_is_no_reason_to_say_that_all_are_closed(
    good: RegistryServer, tokens: Tokens
) -> None:
    """It may be one that is not there."""
    tokens.permits = lambda account, scope: "team/app" not in scope
    async with reaching(good) as client:
        with pytest.raises(UnauthorizedError, match="does not let those without a login read team/app") as caught:
            await get(client)
    assert type(caught.value) is UnauthorizedError


@pytest.mark.parametrize("login", [LOGIN, None])
async def test_a_token_server_that_denies_is_a_denial(
    good: RegistryServer, tokens: Tokens, login: Credential | None
) -> None:
    tokens.fault(Answer(403, b'{"errors":[{"code":"DENIED","message":"no such thing"}]}'), times=None)
    async with reaching(good, login=login) as client:
        with pytest.raises(HTTPStatusError, match="read team/app") as caught:
            await get(client)
    assert "no such thing" in (caught.value.detail or "")
    assert len(tokens.requests) == 1


async def test_52_a_registry_that_always_refuses_is_asked_three_times_at_most(
    good: RegistryServer, tokens: Tokens
) -> None:
    """§5.3 test 52."""
    challenge = {"WWW-Authenticate": tokens.bearer()}
    async with reaching(good, login=LOGIN) as client:
        await get(client)
        good.fault("GET", status=401, headers=challenge, body=b"{}", times=None)
        good.requests.clear()
        before = len(good.requests)
        with pytest.raises(DeniedError):
            await get(client)
        assert len(good.requests) - before <= 3
        assert len(tokens.requests) <= 3


@pytest.mark.parametrize("status", [401, 403])
async def test_52_a_token_is_widened_once_by_what_the_challenge_asks(
    good: RegistryServer, tokens: Tokens, status: int
) -> None:
    """§5.3 test 52: insufficient_scope: one widening, and what it took is remembered."""
    wider = f'{tokens.bearer()},error="insufficient_scope",scope="repository:team/app:pull,metadata_read"'
    good.fault(TAG, status=status, headers={"WWW-Authenticate": wider}, body=b"{}", after=1)
    async with reaching(good) as client:
        await get(client)
        await get(client)
    assert tokens.scopes == [[PULL], ["repository:team/app:pull,metadata_read"]]
    assert statuses(good) == [401, status, 200, 200]


@pytest.mark.parametrize("status", [401, 403])
async def test_52_a_registry_that_always_wants_more_is_denied(
    good: RegistryServer, tokens: Tokens, status: int
) -> None:
    """§5.3 test 52."""
    for number in range(10):
        wider = f'{tokens.bearer()},error="insufficient_scope",scope="repository:team/app:pull,x{number}"'
        good.fault(TAG, status=status, headers={"WWW-Authenticate": wider}, body=b"{}")
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(DeniedError):
            await get(client)
    assert len(good.requests) <= 3
    assert len(tokens.requests) <= 2


async def test_52_a_registry_that_wants_ever_more_is_given_more_once(good: RegistryServer, tokens: Tokens) -> None:
    """§5.3 test 52: also where there is a token already."""
    async with reaching(good, login=LOGIN) as client:
        await get(client)
        for number in range(10):
            wider = f'{tokens.bearer()},error="insufficient_scope",scope="repository:team/app:pull,x{number}"'
            good.fault(TAG, status=401, headers={"WWW-Authenticate": wider}, body=b"{}")
        with pytest.raises(DeniedError):
            await get(client)
    assert tokens.scopes == [[PULL], ["repository:team/app:pull,x0"]]
    assert statuses(good) == [401, 200, 401, 401]


async def test_a_plain_403_is_told_in_the_registry_s_words(good: RegistryServer) -> None:
    good.fault(TAG, status=403, body=b'{"errors":[{"code":"DENIED","message":"quota"}]}', after=1)
    async with reaching(good) as client:
        with pytest.raises(DeniedError, match="quota"):
            await get(client)
    assert len(good.requests) == 2


# Tokens that are over


async def test_a_token_that_is_not_taken_any_more_is_replaced_once(good: RegistryServer, tokens: Tokens) -> None:
    async with reaching(good) as client:
        await get(client)
        tokens.revoke()
        await get(client)
    assert statuses(good) == [401, 200, 401, 200]
    assert len(tokens.requests) == 2


async def test_a_parallel_refresh_is_not_thrown_away(good: RegistryServer, tokens: Tokens) -> None:
    async with reaching(good) as client:
        await get(client)
        tokens.revoke()
        await asyncio.gather(*(client.resolve("team/app", "1.0") for _ in range(6)))
    assert len(tokens.requests) == 2


@pytest.mark.parametrize(
    ("expires_in", "still_good", "over"),
    [(300, 269, 271), (100, 89, 91), (None, 53, 55), (1, 53, 55), (0, 53, 55), (-5, 53, 55), (10**9, 86_369, 86_371)],
)
async def test_51_a_token_is_used_until_shortly_before_its_end(
    good: RegistryServer, tokens: Tokens, expires_in: int | None, still_good: int, over: int
) -> None:
    """§5.3 test 51: at least 60 s, at most a day, less a tenth of it or 30 s."""
    tokens.expires_in = expires_in
    for seconds, count in ((still_good, 1), (over, 2)):
        clock = Clock()
        tokens.requests.clear()
        async with reaching(good, tokens=keeper(good, clock)) as client:
            await get(client)
            clock.go_on(seconds)
            await get(client)
        assert len(tokens.requests) == count


@pytest.mark.parametrize(
    "issued",
    ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "nonsense", ""]
    + [(BEGIN + timedelta(seconds=seconds)).isoformat() for seconds in (-86_400, -300, -299, -1, 0, 60, 86_400)],
)
async def test_51_whatever_a_server_s_clock_says_there_is_no_storm_of_refreshes(
    good: RegistryServer, tokens: Tokens, issued: str
) -> None:
    """§5.3 test 51."""
    tokens.issued_at = issued
    clock = Clock()
    async with reaching(good, tokens=keeper(good, clock)) as client:
        for _ in range(10):
            await get(client)
            clock.go_on(5)
        assert len(tokens.requests) == 1
        clock.go_on(400)
        await get(client)
    assert len(tokens.requests) == 2


def test_51_the_clock_does_not_jump_with_the_system_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """§5.3 test 51: the wall clock ± 1 day."""
    ticks = iter([10.0, 11.0])
    monkeypatch.setattr("regbrowse.registry.tokens.time.monotonic", lambda: next(ticks))
    clock = steady_clock()
    monkeypatch.setattr("regbrowse.registry.tokens.time.time", lambda: 0.0)
    assert abs(clock() - datetime.now(UTC)) < timedelta(days=1)


async def test_what_is_kept_is_bounded(good: RegistryServer, tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regbrowse.registry.token_keeper.TOKENS_LIMIT", 1)
    async with reaching(good) as client:
        await get(client)
        await get(client, "team/other")
        await get(client)
    assert len(tokens.requests) == 3
    assert statuses(good) == [401, 200, 200, 200]


# Many at once


async def test_50_many_rows_of_a_repository_cost_one_token(good: RegistryServer, tokens: Tokens) -> None:
    """§5.3 test 50."""
    async with reaching(good) as client:
        await asyncio.gather(*(client.resolve("team/app", "1.0") for _ in range(10)))
    assert len(tokens.requests) == 1


class Counted(httpx.AsyncBaseTransport):
    """Lets requests wait until it is told not to, and knows how many do; `full` is set when there are `expected`."""

    def __init__(self, expected: int) -> None:
        self.base = httpx.AsyncHTTPTransport(trust_env=False)
        self.expected = expected
        self.full = asyncio.Event()
        self.released = asyncio.Event()
        self.waiting = self.most = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        if self.waiting == self.expected:
            self.full.set()
        await self.released.wait()
        self.waiting -= 1
        return await self.base.handle_async_request(request)

    async def aclose(self) -> None:
        await self.base.aclose()


@pytest.mark.parametrize(("places", "most"), [(None, 4), (2, 2)], ids=["by itself", "as given"])
async def test_only_so_many_tokens_are_fetched_at_once(
    good: RegistryServer, tokens: Tokens, places: int | None, most: int
) -> None:
    counted = Counted(most)
    given = asyncio.Semaphore(places) if places else None
    own = keeper(good, make_transport=lambda tls, modifiers: counted, places=given)
    challenge = parse_challenges([tokens.bearer()])[0]
    service = token_service(challenge, APIEndpoint(good.url))
    fetching = [asyncio.create_task(own.token(service, None, (f"repository:{n}:pull",))) for n in range(9)]
    await counted.full.wait()
    for _ in range(100):
        await asyncio.sleep(0)
    counted.released.set()
    assert len(set(await asyncio.gather(*fetching))) == 9
    assert counted.most == most
    await own.aclose()


async def test_50_a_token_survives_the_one_who_asked_for_it_first(good: RegistryServer, tokens: Tokens) -> None:
    """§5.3 test 50: cancelling the first waiter does not fail the others."""
    released = asyncio.Event()

    class Slow(httpx.AsyncBaseTransport):
        def __init__(self) -> None:
            self.base = httpx.AsyncHTTPTransport(trust_env=False)
            self.asked = asyncio.Event()

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.asked.set()
            await released.wait()
            return await self.base.handle_async_request(request)

        async def aclose(self) -> None:
            await self.base.aclose()

    slow = Slow()
    own = keeper(good, make_transport=lambda tls, modifiers: slow)
    async with reaching(good, tokens=own) as client:
        first = asyncio.create_task(client.resolve("team/app", "1.0"))
        await slow.asked.wait()
        others = [asyncio.create_task(client.resolve("team/app", "1.0")) for _ in range(3)]
        for _ in range(1_000):
            if sum(flight.waiting for flight in own._flights._flights.values()) == 4:
                break
            await asyncio.sleep(0)
        first.cancel()
        released.set()
        found = await asyncio.gather(first, *others, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(isinstance(each, Descriptor) for each in found[1:])
    assert len(tokens.requests) == 1


async def test_54_the_tokens_of_one_account_are_not_used_for_another(good: RegistryServer, tokens: Tokens) -> None:
    """§5.3 test 54: the login changes while the tokens of the first are still good."""
    tokens.accounts["second"] = "canary-second"
    second = Credential("second", "canary-second", SafeText("podman"))
    logins = {"team/app": LOGIN, "team/other": second}

    async def lookup(repository: str) -> Credential | None:
        return logins.get(repository)

    async with reaching(good, lookup=lookup) as client:
        for repository in ("team/app", "team/other", "team/app"):
            await get(client, repository)
        assert client.transport.authorizer.account == LOGIN
    owners = [tokens.issued[sent.removeprefix("Bearer ")] for sent in authorizations(good) if sent]
    assert owners == [
        (USER, (PULL,)),
        ("second", ("repository:team/other:pull",)),
        (USER, (PULL,)),
    ]


async def test_58_giving_up_in_the_middle_of_a_token_leaves_nothing_behind(
    good: RegistryServer, tokens: Tokens
) -> None:
    """§5.3 test 58: no task is left (`reaching` sees to that), and every place is free again."""
    tokens.fault("hang", times=20)
    async with reaching(good) as client:
        for number in range(20):
            task = asyncio.create_task(get(client))
            await asyncio.to_thread(tokens.wait_for_requests, number + 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.gather(*(get(client) for _ in range(8)))


# Harbor: not all resources are asked for in the same way


async def test_49_a_catalog_that_wants_a_password_and_repositories_that_want_tokens(tokens: Tokens) -> None:
    """§5.3 test 49: two requests first, one later; switching loses neither."""
    with RegistryServer(content(), auth=tokens.auth(catalog=("basic", USER, PASSWORD)), etag=False) as harbor:
        async with reaching(harbor, login=LOGIN) as client:
            for _ in range(3):
                assert await catalog(client) == ("team/app", "team/other")
                await get(client)
    assert statuses(harbor) == [401, 200, 401, 200, 200, 200, 200, 200]
    assert authorizations(harbor)[4] == LOGIN.basic
    assert authorizations(harbor)[5].startswith("Bearer ")
    assert len(tokens.requests) == 1


BOTH: Final = 'Basic realm="x"'


async def test_where_both_are_offered_it_is_a_token(good: RegistryServer, tokens: Tokens) -> None:
    good.fault(TAG, status=401, headers={"WWW-Authenticate": f"{BOTH}, {tokens.bearer()}"}, body=b"{}")
    async with reaching(good, login=LOGIN) as client:
        await get(client)
    assert LOGIN.basic not in authorizations(good)
    assert len(tokens.requests) == 1


@pytest.mark.parametrize("realm", ["", "/token", "http://elsewhere.test/token", "https://elsewhere.test/token"])
async def test_where_both_are_offered_and_the_token_server_is_of_no_use_it_is_the_password(realm: str) -> None:
    challenge = {"WWW-Authenticate": f'{BOTH}, Bearer realm="{realm}"'}
    with RegistryServer(content(), auth=("basic", USER, PASSWORD)) as server:
        server.fault("GET", status=401, headers=challenge, body=b"{}")
        async with reaching(server, login=LOGIN) as client:
            await get(client)
    assert authorizations(server) == ["", LOGIN.basic]


async def test_a_registry_that_changes_from_passwords_to_tokens_is_followed(tokens: Tokens) -> None:
    with RegistryServer(content(), auth=("basic", USER, PASSWORD)) as server:
        async with reaching(server, login=LOGIN) as client:
            await get(client)
            server.fault("GET", status=401, headers={"WWW-Authenticate": tokens.bearer()}, body=b"{}")
            server.fault("GET", status=200, body=b'{"name":"team/app","tags":[]}')
            await tags(client)
            server.fault("GET", status=401, headers={"WWW-Authenticate": BOTH}, body=b"{}")
            await get(client)
            await get(client)
    sent = authorizations(server)
    assert [value.partition(" ")[0] for value in sent] == ["", "Basic", "Basic", "Bearer", "Bearer", "Basic", "Basic"]


async def test_a_token_server_that_moved_is_found_again(good: RegistryServer, tokens: Tokens) -> None:
    clock = Clock()
    async with reaching(good, tokens=keeper(good, clock)) as client:
        await get(client)
        with Tokens() as moved:
            good._rules = replace(good._rules, auth=moved.auth())
            tokens.stop()
            clock.go_on(3_600)
            with pytest.raises(ConnectionFailedError, match=tokens.address):
                await get(client)
            await get(client)
            assert len(moved.requests) == 1


# Redirects


CALLS: Final = [get, head, catalog, tags]


@pytest.mark.parametrize("login", [LOGIN, None], ids=["login", "anonymous"])
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("call", CALLS)
async def test_1_7_a_stranger_s_challenge_is_never_answered(
    good: RegistryServer, tokens: Tokens, call: Callable[[RegistryClient], Any], status: int, login: Credential | None
) -> None:
    """§5.3 tests 1 and 7: G leads to E, which wants a token of its own token server."""
    with Tokens() as evil_tokens, RegistryServer(content()) as evil:
        scope = 'error="insufficient_scope",scope="repository:team/app:pull,push"'
        wants = {"WWW-Authenticate": f"{evil_tokens.bearer()},{scope}"}
        evil.fault(ANY, status=status, headers=wants, body=b"{}", times=None)
        async with reaching(good, login=login) as client:
            good.fault(ANY, redirect=f"{evil.url}/v2/team/app/manifests/1.0", after=1, times=None)
            with pytest.raises(RegistryError) as caught:
                await call(client)
    assert_no_secret_at(evil)
    assert evil.requests
    assert evil_tokens.requests == []
    if status == 401:
        assert good.address in caught.value.user_message
        assert evil.address in caught.value.user_message


@pytest.mark.parametrize("call", CALLS)
async def test_2_7_a_token_does_not_follow_to_another_port(
    good: RegistryServer, evil: RegistryServer, call: Callable[[RegistryClient], Any]
) -> None:
    """§5.3 tests 2 and 7."""
    async with reaching(good, login=LOGIN) as client:
        await get(client, "team/other")
        for path in ("team/app/manifests/1.0", "team/app/tags/list", "_catalog"):
            good.fault(re.compile(re.escape(f"/v2/{path}")), redirect=f"{evil.url}/v2/{path}", times=None)
        await call(client)
    assert evil.requests
    assert_no_secret_at(evil)


async def test_3_a_token_follows_within_the_registry(good: RegistryServer) -> None:
    """§5.3 test 3."""
    good.fault(TAG, redirect="/v2/team/app/manifests/1.0?again", after=1)
    async with reaching(good, login=LOGIN) as client:
        await get(client)
    assert authorizations(good)[1] == authorizations(good)[2] != ""
    assert statuses(good) == [401, 307, 200]


async def test_4_a_chain_that_left_never_regains_the_token(good: RegistryServer, evil: RegistryServer) -> None:
    """§5.3 test 4."""
    good.fault(TAG, redirect=f"{evil.url}/v2/team/app/manifests/1.0?signature=presigned", after=1)
    evil.fault("GET", redirect=f"{good.url}/v2/team/app/manifests/1.0?back", status=302)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(UnauthorizedError, match="None was sent there"):
            await get(client)
    assert_no_secret_at(evil)
    assert authorizations(good)[2] == ""


async def test_5_a_circle_is_refused_with_a_token_too(good: RegistryServer) -> None:
    """§5.3 test 5."""
    good.fault(TAG, redirect="/v2/team/app/manifests/1.0", after=1, times=None)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(RedirectRefusedError, match="circle"):
            await get(client)
    assert len(good.requests) == 2


async def test_6_a_cookie_of_a_token_server_is_kept_nowhere(good: RegistryServer, tokens: Tokens) -> None:
    """§5.3 test 6."""
    with Tokens() as other:
        body = b'{"token":"canary-token-1"}'
        tokens.issued["canary-token-1"] = ("", (PULL,))
        tokens.fault(Answer(200, body, [("Set-Cookie", "canary=cookie; Path=/")]))
        async with reaching(good) as client:
            await get(client)
            await get(client, "team/other")
        assert other.requests == []
    assert len(tokens.requests) == 2
    assert "canary=cookie" not in seen_at(good) + seen_at(tokens)


async def test_8_a_foreign_layer_is_not_asked_for(tokens: Tokens, evil: RegistryServer) -> None:
    """§5.3 test 8: neither is its server, nor is it told a token."""
    held = content()
    layer = {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "size": 1,
        "digest": "sha256:" + "0" * 64,
        "urls": [f"{evil.url}/x"],
    }
    config = held.add_blob("team/app", b"{}")
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": config},
        "layers": [layer],
    }
    held.add_raw("team/app", "foreign", str(manifest["mediaType"]), json.dumps(manifest).encode())
    with RegistryServer(held, auth=tokens.auth()) as server:
        async with reaching(server, login=LOGIN) as client:
            await client.history("team/app", "foreign")
    assert evil.requests == []


@pytest.mark.parametrize("login", [LOGIN, IDENTITY, None], ids=["GET", "POST", "anonymous"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_16_a_token_server_s_redirect_is_not_followed(
    good: RegistryServer, tokens: Tokens, status: int, login: Credential | None
) -> None:
    """§5.3 test 16."""
    with Tokens() as evil:
        evil.refresh_tokens["canary-refresh"] = USER
        tokens.fault(Answer(status, b"", [("Location", evil.realm)]), times=None)
        async with reaching(good, login=login) as client:
            with pytest.raises(RedirectRefusedError, match=tokens.address):
                await get(client)
        assert evil.requests == []
    assert len(tokens.requests) == 1


# Who is told the login: by name, over TLS


@pytest.fixture(scope="module")
def certificate() -> Any:
    return leaf("registry.test", "auth.test", "registry-1.docker.io", "auth.docker.io", "other.test")


@pytest.fixture
def foreign(certificate: Any) -> Iterator[Tokens]:
    """A token server at `auth.test`."""
    with Tokens(tls=certificate) as server:
        yield server


@pytest.fixture
def secure(foreign: Tokens, certificate: Any) -> Iterator[RegistryServer]:
    """A registry at `registry.test` that wants tokens of `auth.test`."""
    with RegistryServer(content(), tls=certificate, auth=foreign.auth("https://auth.test/token")) as server:
        yield server


@pytest.mark.parametrize("login", [LOGIN, IDENTITY])
async def test_9_a_stranger_is_not_told_the_login(secure: RegistryServer, foreign: Tokens, login: Credential) -> None:
    """§5.3 test 9."""
    async with by_name(secure, {"auth.test": foreign}, login=login) as client:
        for _ in range(2):
            with pytest.raises(RealmNotTrustedError) as caught:
                await get(client)
    assert foreign.requests == []
    assert set(authorizations(secure)) == {""}
    assert (caught.value.registry, caught.value.realm) == ("registry.test", "auth.test")
    for words in ("registry.test", "auth.test", "Nothing was sent"):
        assert words in caught.value.user_message


async def test_9_a_pair_that_was_given_is_told_the_login(secure: RegistryServer, foreign: Tokens) -> None:
    """§5.3 test 9: after approval."""
    trusted = {"registry.test": ["auth.test"]}
    async with by_name(secure, {"auth.test": foreign}, login=LOGIN, trusted_realms=trusted) as client:
        await get(client)
    assert authorizations(foreign) == [LOGIN.basic]


async def test_9_a_pair_is_for_its_registry_alone(secure: RegistryServer, foreign: Tokens) -> None:
    """§5.3 test 9: G2 with realm E is another matter."""
    trusted = {"other.test": ["auth.test"]}
    async with by_name(secure, {"auth.test": foreign}, login=LOGIN, trusted_realms=trusted) as client:
        with pytest.raises(RealmNotTrustedError):
            await get(client)
    assert foreign.requests == []


async def test_10_a_plain_token_server_of_a_secure_registry_is_not_asked(certificate: Any, tokens: Tokens) -> None:
    """§5.3 test 10."""
    with RegistryServer(content(), tls=certificate, auth=tokens.auth("http://registry.test/token")) as server:
        for login in (LOGIN, None):
            async with by_name(server, {}, login=login) as client:
                with pytest.raises(RedirectRefusedError, match="plain HTTP"):
                    await get(client)
    assert tokens.requests == []


async def test_11_a_stranger_may_give_a_token_to_anybody(secure: RegistryServer, foreign: Tokens) -> None:
    """§5.3 test 11."""
    async with by_name(secure, {"auth.test": foreign}) as client:
        await get(client)
    assert authorizations(foreign) == [""]
    assert foreign.requests[0].header("Host") == "auth.test"


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0.0.0.0"])
async def test_12_a_token_server_that_leads_here_is_not_connected_to(
    secure: RegistryServer, foreign: Tokens, address: str
) -> None:
    """§5.3 test 12."""
    async with by_name(secure, {"auth.test": foreign}, addresses={"auth.test": address}) as client:
        with pytest.raises(RedirectRefusedError, match="not connected to"):
            await get(client)
    assert foreign.requests == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.8"])
async def test_12_a_token_server_beside_its_registry_is_connected_to(
    secure: RegistryServer, foreign: Tokens, address: str
) -> None:
    """§5.3 test 12."""
    addresses = dict.fromkeys(("auth.test", "registry.test"), address)
    async with by_name(secure, {"auth.test": foreign}, addresses=addresses) as client:
        await get(client)


@pytest.mark.parametrize("host", ["auth.docker.io", "AUTH.docker.io."])
async def test_14_docker_hub_s_token_server_is_told_its_login(certificate: Any, host: str) -> None:
    """§5.3 test 14."""
    hub = "registry-1.docker.io"
    with (
        Tokens(tls=certificate) as auth,
        RegistryServer(content(), tls=certificate, auth=auth.auth(f"https://{host}/token")) as server,
    ):
        async with by_name(server, {"auth.docker.io": auth}, name=hub, login=LOGIN) as client:
            await get(client)
    assert authorizations(auth) == [LOGIN.basic]


async def test_14_what_only_looks_like_it_is_not(certificate: Any) -> None:
    """§5.3 test 14."""
    evil = "https://auth.docker.io.evil.test/token"
    with Tokens(tls=certificate) as auth, RegistryServer(content(), tls=certificate, auth=auth.auth(evil)) as server:
        names = {"auth.docker.io.evil.test": auth}
        async with by_name(server, names, name="registry-1.docker.io", login=LOGIN) as client:
            with pytest.raises(RealmNotTrustedError):
                await get(client)
    assert auth.requests == []


@pytest.mark.parametrize(
    "realm",
    [
        "",
        "/token",
        "https://a:b@registry.test/token",
        "https://registry.test/token#x",
        f"https://registry.test/{'x' * 10_240}",
    ],
    ids=["missing", "relative", "login", "fragment", "long"],
)
async def test_15_a_realm_that_is_no_plain_address_is_not_asked(certificate: Any, foreign: Tokens, realm: str) -> None:
    """§5.3 test 15."""
    with RegistryServer(content(), tls=certificate) as server:
        server.fault("GET", status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'}, body=b"{}", times=None)
        async with by_name(server, {"auth.test": foreign}, login=LOGIN) as client:
            with pytest.raises((RedirectRefusedError, MalformedDocumentError)):
                await get(client)
    assert len(server.requests) == 1


async def test_a_realm_that_changes_to_a_stranger_s_is_judged_anew(certificate: Any, foreign: Tokens) -> None:
    with Tokens(tls=certificate) as own:
        auth = own.auth("https://registry.test:8443/token")
        with RegistryServer(content(), tls=certificate, auth=auth) as server:
            names = {"registry.test:8443": own, "auth.test": foreign}
            async with by_name(server, names, login=LOGIN) as client:
                await get(client)
                changed = {"WWW-Authenticate": foreign.bearer(realm="https://auth.test/token")}
                server.fault("GET", status=401, headers=changed, body=b"{}", times=None)
                with pytest.raises(RealmNotTrustedError):
                    await get(client)
    assert authorizations(own) == [LOGIN.basic]
    assert foreign.requests == []


# What protects the connection


async def test_31_a_token_server_without_tls_is_not_asked_over_plain_http(certificate: Any, tokens: Tokens) -> None:
    """§5.3 test 31: it speaks only http where https is named."""
    with RegistryServer(content(), tls=certificate, auth=tokens.auth("https://registry.test:8443/token")) as server:
        async with by_name(server, {"registry.test:8443": tokens}, login=LOGIN) as client:
            with pytest.raises(TLSFailureError, match=r"registry\.test:8443"):
                await get(client)
    assert tokens.requests == []


@pytest.mark.parametrize("login", [LOGIN, IDENTITY])
async def test_32_a_login_is_not_sent_over_a_connection_that_is_not_safe(
    good: RegistryServer, tokens: Tokens, login: Credential
) -> None:
    """§5.3 test 32: a token that is anybody's is all that is asked for."""
    tokens.refresh_tokens["canary-refresh"] = USER
    async with reaching(good, login=login, trusted=False) as client:
        await get(client)
        assert client.transport.authorizer.account is None
        tokens.permits = lambda account, scope: bool(account)
        with pytest.raises(UnsafeLoginError, match="not safe") as caught:
            await get(client, "team/other")
    assert_no_secret_at(tokens)
    assert "was not sent" in caught.value.next_step


@pytest.mark.parametrize(("realm", "is_verified"), [("registry.test:8443", False), ("auth.test", True)])
async def test_33_a_registry_that_is_not_verified_does_not_excuse_its_token_server(
    certificate: Any, realm: str, is_verified: bool
) -> None:
    """§5.3 test 33: only one on the registry's own host."""
    made: list[TLSConfig] = []
    insecure = TLSConfig(insecure_skip_verify=True)
    with (
        Tokens(tls=certificate) as auth,
        RegistryServer(content(), tls=certificate, auth=auth.auth(f"https://{realm}/token")) as server,
    ):
        async with by_name(server, {realm: auth}, made=made, tls=insecure) as client:
            await get(client)
    assert made == [TLSConfig(insecure_skip_verify=not is_verified)]


async def test_33_an_unknown_authority_of_a_token_server_is_refused(tokens: Tokens) -> None:
    """§5.3 test 33: the registry itself is reached over plain http."""
    with Tokens(tls=leaf("127.0.0.1")) as auth, RegistryServer(content(), auth=auth.auth()) as server:
        async with reaching(server, login=LOGIN) as client:
            with pytest.raises(TLSFailureError, match=auth.address):
                await get(client)
    assert auth.requests == []


async def test_a_token_server_has_a_folder_of_its_own_in_the_certificates_directory(tmp_path: Path) -> None:
    with Tokens(tls=leaf("127.0.0.1")) as auth, RegistryServer(content(), auth=auth.auth()) as server:
        folder = tmp_path / auth.address
        folder.mkdir()
        AUTHORITY.cert_pem.write_to_path(str(folder / "ca.crt"))
        async with reaching(server, login=LOGIN, certs_dir=tmp_path) as client:
            await get(client)
    assert authorizations(auth) == [LOGIN.basic]


# What goes wrong on the way


async def test_a_connection_that_is_lost_is_tried_once_more(good: RegistryServer, tokens: Tokens) -> None:
    tokens.fault("close")
    async with reaching(good) as client:
        await get(client)
    assert len(tokens.requests) == 2


async def test_a_connection_that_is_always_lost_is_told(good: RegistryServer, tokens: Tokens) -> None:
    tokens.fault("close", times=None)
    async with reaching(good) as client:
        with pytest.raises(ConnectionFailedError, match=tokens.address):
            await get(client)
    assert len(tokens.requests) == 2


@pytest.mark.parametrize("status", [400, 418, 429, 500, 503])
async def test_a_refusal_is_not_tried_again(good: RegistryServer, tokens: Tokens, status: int) -> None:
    tokens.fault(Answer(status, b"{}"), times=None)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(HTTPStatusError, match=tokens.address) as caught:
            await get(client)
    assert caught.value.status == status
    assert len(tokens.requests) == 1


async def test_a_429_says_how_long_to_wait(good: RegistryServer, tokens: Tokens) -> None:
    tokens.fault(Answer(429, b"{}", [("Retry-After", "1200")]), times=None)
    async with reaching(good) as client:
        with pytest.raises(RateLimitedError, match=r"asks to wait 1,200 s") as caught:
            await get(client)
    assert caught.value.retry_after == 1200
    assert tokens.address in caught.value.user_message


async def test_an_answer_that_is_too_long_is_cut_off(good: RegistryServer, tokens: Tokens) -> None:
    tokens.fault(Answer(200, b'{"token":"' + b"x" * 100_000 + b'"}'))
    async with reaching(good) as client:
        with pytest.raises(LimitExceededError, match=tokens.address):
            await get(client)


@pytest.mark.parametrize("token", ['"a\\r\\nX: y"', '"ä"', '""', "7", '"' + "x" * 20_000 + '"'])
async def test_a_token_that_could_not_be_sent_is_refused(good: RegistryServer, tokens: Tokens, token: str) -> None:
    tokens.fault(Answer(200, f'{{"token":{token}}}'.encode()))
    async with reaching(good) as client:
        with pytest.raises(RegistryError, match=tokens.address):
            await get(client)
    assert len(good.requests) == 1


async def test_a_silent_token_server_is_given_up(good: RegistryServer, tokens: Tokens) -> None:
    tokens.fault("hang", times=None)
    async with reaching(good, tokens=keeper(good, within=0.2)) as client:
        with pytest.raises(ConnectionFailedError, match="in time"):
            await get(client)
    assert len(tokens.requests) == 1


# What is told of it


async def test_42_every_request_is_told_without_secrets(good: RegistryServer, tokens: Tokens, tmp_path: Path) -> None:
    """§5.3 test 42: tokens and logins are neither in the log nor in a repr."""
    journal = Journal(tmp_path / "log")
    seen = Seen()

    def observe(event: Exchange | Pause) -> None:
        seen(event)
        journal(event)

    own = keeper(good, observe=observe)
    async with reaching(good, login=LOGIN, tokens=own, observe=observe) as client:
        await get(client)
        told = f"{own!r}{own._kept!r}{client.transport.authorizer!r}{seen!r}{client.transport.authorizer.account!r}"
    journal.close()
    log = (tmp_path / "log").read_text()
    assert journal.requests == 3
    assert [(event.method, event.status) for event in seen.exchanges] == [("GET", 401), ("GET", 200), ("GET", 200)]
    assert f"scope={PULL}" in log
    assert "service=registry.test" in log
    assert "account=…" in log
    assert not [secret for secret in SECRETS if secret in log]
    assert not [secret for secret in (PASSWORD, "canary-token") if secret in told]
