"""Refusals that say little, come too often or come too late, and what a login must not be asked for again."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from regbrowse.registry.auth import CATALOG, ENTRANCE, BasicAuthorizer, Credential, pull
from regbrowse.registry.bearer import ChallengeAuthorizer
from regbrowse.registry.challenges import parse_challenges
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.errors import (
    ConnectionFailedError,
    CredentialError,
    DeniedError,
    RealmNotTrustedError,
    ServerFailureError,
    UnauthorizedError,
    UnsafeLoginError,
    WrongLoginError,
)
from regbrowse.registry.realms import TokenService
from regbrowse.registry.text import SafeText
from regbrowse.registry.token_keeper import TokenKeeper
from regbrowse.registry.transport import Request
from regbrowse.registry.wire import httpx
from tests.registry.reaching import LOGIN, NO_CERTIFICATES, USER, reaching, stored
from tests.registry.tokens_world import Tokens, authorizations
from tests.registry_server import RegistryServer
from tests.security.origins import BASIC, TAG, catalog, content, get
from tests.token_server import Answer

APP: Final = pull("team/app")
OTHER: Final = pull("team/other")
WANTS_BASIC: Final = parse_challenges(['Basic realm="x"'])
OLD: Final = Credential(USER, "old", SafeText("helper"))


DENIED: Final = Answer(403, b'{"errors":[{"code":"DENIED","message":"denied"}]}')


def statuses(server: RegistryServer) -> list[int]:
    return [request.status for request in server.requests]


async def enter(client: RegistryClient) -> None:
    await client.transport.request(Request("/v2/", ENTRANCE))


def service_of(tokens: Tokens) -> TokenService:
    return TokenService("http://registry.test", tokens.realm, "s", may_have_login=True, is_own=True, is_insecure=False)


# Logins that cannot be sent


@pytest.mark.parametrize("identity", ["\ud800x", "a b", "a\nb", "ü", "x" * 16_385])
async def test_an_identity_token_that_cannot_be_sent_is_told_and_no_crash(
    bearer: RegistryServer, tokens: Tokens, identity: str
) -> None:
    login = Credential("<token>", "", SafeText("docker config"), identity)
    async with reaching(bearer, login=login) as client:
        with pytest.raises(CredentialError, match="identity token") as caught:
            await get(client)
    assert identity not in str(caught.value)
    assert tokens.requests == []


# A token server that refuses the login itself


async def test_a_login_that_is_refused_a_token_for_nothing_is_wrong(bearer: RegistryServer, tokens: Tokens) -> None:
    """GHCR's “denied: denied” comes with 403."""
    tokens.fault(DENIED, times=None)
    async with reaching(bearer, login=LOGIN) as client:
        with pytest.raises(WrongLoginError, match=USER):
            await enter(client)


async def test_a_login_that_is_refused_a_token_for_something_is_denied(bearer: RegistryServer, tokens: Tokens) -> None:
    tokens.fault(DENIED, times=None)
    async with reaching(bearer, login=LOGIN) as client:
        with pytest.raises(DeniedError):
            await get(client)


# A password that was good


async def test_a_password_that_was_accepted_there_and_is_refused_now_is_wrong_and_not_sent_again() -> None:
    with RegistryServer(content(), auth=BASIC) as server:
        async with reaching(server, login=LOGIN) as client:
            await get(client)
            server.fault("GET", status=401, headers={"WWW-Authenticate": "Basic realm=x"}, body=b"{}", times=None)
            for call in (get, get, catalog):
                with pytest.raises(WrongLoginError, match=USER):
                    await call(client)
    assert authorizations(server) == ["", LOGIN.basic, LOGIN.basic, "", ""]


async def test_a_password_that_was_accepted_elsewhere_is_not_called_wrong() -> None:
    authorizer = BasicAuthorizer("h", stored(LOGIN))
    authorizer.accepted(APP, await authorizer.answer(WANTS_BASIC, APP, None))
    for scope in (OTHER, CATALOG):
        sent = await authorizer.answer(WANTS_BASIC, scope, None)
        with pytest.raises(DeniedError):
            await authorizer.answer(WANTS_BASIC, scope, sent)


# How often a request is sent


@pytest.mark.parametrize(
    ("pattern", "sent"),
    [((503, 503, 401), 4), ((401, 503), 5), ((503, 401, 401), 5), ((503,), 3), ((401,), 2)],
)
async def test_52_retries_and_challenges_of_one_request_are_counted_together(
    pattern: tuple[int, ...], sent: int
) -> None:
    """Each status in its turn, for ever: the failures are repeated twice in all, whatever was answered between them."""
    with RegistryServer(content(), auth=BASIC) as server:
        for at in range(12):
            status = pattern[at % len(pattern)]
            headers = {"WWW-Authenticate": "Basic realm=x"} if status == 401 else {}
            server.fault(TAG, status=status, headers=headers, body=b"{}", times=1)
        counted = iter(range(100))

        async def lookup(_: str) -> Credential:
            return Credential(USER, f"wrong {next(counted)}" if pattern != (401,) else "wrong", SafeText("helper"))

        async with reaching(server, lookup=lookup) as client:
            with pytest.raises((ServerFailureError, UnauthorizedError)):
                await get(client)
    assert len(server.requests) == sent


# After the end


async def test_nothing_is_asked_after_the_end(bearer: RegistryServer) -> None:
    async with reaching(bearer) as client:
        await client.aclose()
        with pytest.raises(ConnectionFailedError, match="closed") as caught:
            await get(client)
    assert not caught.value.is_passing
    assert bearer.requests == []


async def test_what_waits_for_its_next_try_at_the_end_is_told(bearer: RegistryServer) -> None:
    bearer.fault(TAG, status=503, times=None)
    waits = asyncio.Event()

    async def sleep(_: float) -> None:
        waits.set()
        await asyncio.Event().wait()

    async with reaching(bearer, sleep=sleep) as client:
        asked = asyncio.create_task(get(client))
        await waits.wait()
        await client.aclose()
        with pytest.raises(ConnectionFailedError, match="closed") as caught:
            await asked
    assert not caught.value.is_passing
    assert len(bearer.requests) == 1


async def test_no_connection_is_made_for_what_finds_the_way_at_the_end() -> None:
    """The address of where a redirect leads comes only after everything was closed."""
    made: list[str] = []
    resolving = asyncio.Event()

    async def resolver(_: str) -> list[str]:
        resolving.set()
        await asyncio.Event().wait()
        return []

    class Leading(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            made.append(request.url.host)
            return httpx.Response(302, headers={"Location": "https://evil.test/x"})

    async with reaching("registry.test", make_wire=lambda _: Leading(), resolver=resolver) as client:
        asked = asyncio.create_task(get(client))
        await resolving.wait()
        await client.aclose()
        with pytest.raises(ConnectionFailedError, match="closed"):
            await asked
    assert made == ["registry.test"]


async def test_no_token_is_asked_for_after_the_end(tokens: Tokens) -> None:
    keeper = TokenKeeper("registry.test", certs_dir=NO_CERTIFICATES)
    await keeper.aclose()
    with pytest.raises(ConnectionFailedError, match="closed"):
        await keeper.token(service_of(tokens), None, ())
    assert tokens.requests == []


# A refusal without a challenge


async def test_a_token_that_is_refused_without_a_word_is_fetched_once_more(
    bearer: RegistryServer, tokens: Tokens
) -> None:
    async with reaching(bearer, login=LOGIN) as client:
        await get(client)
        bearer.fault(TAG, status=401, body=b"{}", times=1)
        await get(client)
        await get(client)
    assert statuses(bearer) == [401, 200, 401, 200, 200]
    assert len(tokens.requests) == 2


async def test_a_token_that_is_always_refused_without_a_word_is_denied_and_the_service_is_kept(
    bearer: RegistryServer, tokens: Tokens
) -> None:
    async with reaching(bearer, login=LOGIN) as client:
        await get(client)
        bearer.fault(TAG, status=401, body=b"{}", times=None)
        with pytest.raises(DeniedError, match=USER):
            await get(client)
        bearer.reset()
        await client.manifest("team/other", "1.0")
    assert statuses(bearer) == [200]


async def test_a_password_that_is_refused_without_a_word_is_wrong() -> None:
    with RegistryServer(content(), auth=BASIC) as server:
        async with reaching(server, login=Credential(USER, "wrong", SafeText("helper"))) as client:
            server.fault(TAG, status=401, body=b"{}", after=1, times=None)
            with pytest.raises(WrongLoginError, match=USER):
                await get(client)
    assert len(server.requests) == 2


# Who asks


async def test_a_login_that_the_token_server_believed_is_the_account_even_if_it_may_not(
    bearer: RegistryServer, tokens: Tokens
) -> None:
    tokens.permits = lambda account, scope: False
    async with reaching(bearer, login=LOGIN) as client:
        with pytest.raises(DeniedError):
            await get(client)
        assert client.transport.authorizer.account == LOGIN


# What is to be done


async def test_a_realm_that_is_not_trusted_comes_with_the_line_to_paste() -> None:
    error = RealmNotTrustedError("It wants that.", registry="vm:45999", realm="127.0.0.1:34345")
    assert error.next_step.endswith('add to the config file: trusted-realms: {"vm:45999": ["127.0.0.1:34345"]}')


async def test_the_line_to_paste_has_the_ports_that_are_looked_up(tokens: Tokens) -> None:
    service = TokenService("https://r.test", "https://a.test:8443/t", "", False, False, False)
    keeper = TokenKeeper("r.test:443", certs_dir=NO_CERTIFICATES)
    with pytest.raises(RealmNotTrustedError) as caught:
        await keeper.token(service, LOGIN, ())
    assert '{"r.test": ["a.test:8443"]}' in caught.value.next_step


async def test_a_login_over_a_connection_that_is_not_safe_has_a_way_out() -> None:
    with pytest.raises(UnsafeLoginError) as caught:
        await BasicAuthorizer("h", stored(LOGIN), trusted=False).answer(WANTS_BASIC, APP, None)
    assert "certificate that can be verified" in caught.value.next_step
    assert "(L)" in caught.value.next_step


# Doubt


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def refused_thirty_times(authorizer: BasicAuthorizer | ChallengeAuthorizer) -> None:
    for number in range(30):
        scope = pull(f"team/app{number}")
        sent = await authorizer.answer(WANTS_BASIC, scope, None)
        with pytest.raises(DeniedError):
            await authorizer.answer(WANTS_BASIC, scope, sent)


@pytest.mark.parametrize("kind", ["password", "either"])
async def test_many_refusals_of_one_login_are_one_doubt_a_minute(kind: str) -> None:
    doubts: list[float] = []
    clock = Clock()

    def doubt() -> None:
        doubts.append(clock.now)

    authorizer: BasicAuthorizer | ChallengeAuthorizer
    if kind == "password":
        authorizer = BasicAuthorizer("h", stored(LOGIN), doubt=doubt, clock=clock)
    else:
        keeper = TokenKeeper("h", certs_dir=NO_CERTIFICATES)
        authorizer = ChallengeAuthorizer("h", stored(LOGIN), keeper, doubt=doubt, clock=clock)
    authorizer.accepted(APP, await authorizer.answer(WANTS_BASIC, APP, None))
    await refused_thirty_times(authorizer)
    assert doubts == [100]
    clock.now += 61
    await refused_thirty_times(authorizer)
    assert doubts == [100, 161]


async def test_a_new_login_of_the_store_is_doubted_too() -> None:
    doubts: list[None] = []
    logins = [OLD]

    async def lookup(_: str) -> Credential:
        return logins[-1]

    authorizer = BasicAuthorizer("h", lookup, doubt=lambda: doubts.append(None), clock=Clock())
    old = await authorizer.answer(WANTS_BASIC, APP, None)
    logins.append(LOGIN)
    new = await authorizer.answer(WANTS_BASIC, APP, old)
    with pytest.raises(WrongLoginError):
        await authorizer.answer(WANTS_BASIC, APP, new)
    assert len(doubts) == 2


async def test_tokens_that_are_refused_for_many_rows_are_one_doubt(bearer: RegistryServer, tokens: Tokens) -> None:
    bearer.fault("GET", status=401, headers={"WWW-Authenticate": tokens.bearer()}, body=b"{}", times=None)
    doubts: list[None] = []
    async with reaching(bearer, login=LOGIN, doubt=lambda: doubts.append(None)) as client:
        for repository in ("team/app", "team/other"):
            with pytest.raises(DeniedError):
                await get(client, repository)
    assert len(doubts) == 1
