"""§5.3 tests 49 to 54 and 58: logins and tokens under way: how often, how long, for whom, and what is left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

import pytest

from regbrowse.browser.journal import Journal
from regbrowse.browser.states import Phase
from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import DeniedError, RateLimitedError, UnauthorizedError
from regbrowse.registry.exchange import Exchange, Pause
from regbrowse.registry.reference import parse_registry_address
from regbrowse.registry.text import SafeText
from regbrowse.registry.token_keeper import TokenKeeper
from regbrowse.registry.wire import httpx
from tests.registry.reaching import LOGIN, NO_CERTIFICATES, PASSWORD, USER, Sleeps, reaching
from tests.registry.tokens_world import PULL, Tokens, authorizations
from tests.registry_server import RegistryServer
from tests.security.origins import (
    BASIC,
    TAG,
    catalog,
    content,
    get,
    head,
    registries_of,
    secrets_at,
    shown_image,
    shown_tags,
)

NOW: Final = datetime.now(UTC)


def statuses(server: RegistryServer) -> list[int]:
    return [request.status for request in server.requests]


# 49: a registry that asks in two ways


@pytest.fixture
def harbor(tokens: Tokens) -> Iterator[RegistryServer]:
    with RegistryServer(content(), auth=tokens.auth(catalog=BASIC), etag=False) as server:
        yield server


@pytest.mark.parametrize("order", [(catalog, get), (get, catalog)], ids=["catalog first", "repository first"])
async def test_49_a_catalog_for_a_password_and_repositories_for_tokens(
    harbor: RegistryServer, tokens: Tokens, order: tuple[Callable[..., Awaitable[None]], ...]
) -> None:
    """Each costs two requests at first and one later; to change between them loses neither."""
    async with reaching(harbor, login=LOGIN) as client:
        for _ in range(3):
            for call in order:
                await call(client)
    assert statuses(harbor) == [401, 200, 401, 200, 200, 200, 200, 200]
    for request in harbor.requests:
        scheme = request.headers.get("authorization", "").partition(" ")[0]
        assert scheme in ("", "Basic" if "_catalog" in request.path else "Bearer")
    assert len(tokens.requests) == 1


# 50: many at once


async def test_50_ten_rows_of_one_repository_cost_one_token(bearer: RegistryServer, tokens: Tokens) -> None:
    async with reaching(bearer, login=LOGIN) as client:
        await asyncio.gather(*(head(client) for _ in range(10)))
    assert tokens.scopes == [[PULL]]


async def test_50_who_gives_up_first_takes_nobody_with_it(bearer: RegistryServer, tokens: Tokens) -> None:
    """The token server is slow; the first of those who wait for it is cancelled."""
    fetched = asyncio.Event()

    class Held(httpx.AsyncBaseTransport):
        """Holds the first request until the test lets it go."""

        def __init__(self) -> None:
            self.base = httpx.AsyncHTTPTransport(trust_env=False)
            self.asked = asyncio.Event()

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.asked.set()
            await fetched.wait()
            return await self.base.handle_async_request(request)

        async def aclose(self) -> None:
            await self.base.aclose()

    held = Held()
    keeper = TokenKeeper(bearer.address, certs_dir=NO_CERTIFICATES, make_transport=lambda tls, modifiers: held)
    async with reaching(bearer, login=LOGIN, tokens=keeper) as client:
        tasks = [asyncio.create_task(head(client)) for _ in range(5)]
        await held.asked.wait()
        await asyncio.to_thread(bearer.wait_for_requests, 5)
        tasks[0].cancel()
        await asyncio.wait([tasks[0]])
        fetched.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [None] * 4
    assert len(tokens.requests) == 1


# 51: clocks


@pytest.mark.parametrize(
    "issued_at",
    [
        None,
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "0",
        *((NOW + timedelta(days=days)).isoformat() for days in (-1, 1)),
    ],
    ids=["not said", "1970", "year 1", "year 9999", "zero", "a day ago", "in a day"],
)
async def test_51_whatever_the_clocks_say_a_token_lives_as_long_as_it_is_to(
    bearer: RegistryServer, tokens: Tokens, issued_at: str | None
) -> None:
    """No storm of refreshes before its end, no use after it."""
    tokens.issued_at = issued_at
    passed = timedelta()
    keeper = TokenKeeper(bearer.address, certs_dir=NO_CERTIFICATES, clock=lambda: NOW + passed)
    async with reaching(bearer, login=LOGIN, tokens=keeper) as client:
        for _ in range(10):
            await get(client)
            passed += timedelta(seconds=5)
        assert len(tokens.requests) == 1
        passed += timedelta(seconds=300)
        tokens.revoke()
        await get(client)
    assert len(tokens.requests) == 2
    assert statuses(bearer)[1:] == [200] * 11


@pytest.mark.parametrize("days", [-1, 1])
async def test_51_a_wall_clock_that_is_set_anew_changes_nothing(
    bearer: RegistryServer, tokens: Tokens, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reaching(bearer, login=LOGIN) as client:
        await get(client)
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + days * 86_400)
        for _ in range(5):
            await get(client)
    assert len(tokens.requests) == 1
    assert 401 not in statuses(bearer)[1:]


# 52: refusals end


async def test_52_a_registry_that_always_refuses_is_asked_three_times_at_most(
    good: RegistryServer, tokens: Tokens
) -> None:
    """Also once its login was good before."""
    challenge = {"WWW-Authenticate": f'{tokens.bearer()}, Basic realm="x"'}
    for is_known in (False, True):
        async with reaching(good, login=LOGIN) as client:
            if is_known:
                await get(client)
            good.reset()
            tokens.requests.clear()
            good.fault("GET", status=401, headers=challenge, body=b"{}", times=None)
            with pytest.raises((UnauthorizedError, DeniedError), match=good.address):
                await get(client)
        assert 1 <= len(good.requests) <= 3
        assert len(tokens.requests) <= 2
        good.reset()


@pytest.mark.parametrize("status", [401, 403])
async def test_52_a_token_is_widened_once(bearer: RegistryServer, tokens: Tokens, status: int) -> None:
    for number in range(9):
        wider = f'{tokens.bearer()},error="insufficient_scope",scope="repository:team/app:pull,x{number}"'
        bearer.fault(TAG, status=status, headers={"WWW-Authenticate": wider}, body=b"{}", after=1)
    async with reaching(bearer, login=LOGIN) as client:
        with pytest.raises(DeniedError, match=bearer.address):
            await get(client)
    assert tokens.scopes == [[PULL], ["repository:team/app:pull,x0"]]
    assert len(bearer.requests) == 3


async def test_52_a_password_that_is_not_believed_does_not_lock_its_account(
    good: RegistryServer, tokens: Tokens
) -> None:
    """Neither tried again for the next row, nor with another spelling, nor given up for nobody's token."""
    wrong = Credential(USER, "canary-pass-of-old", SafeText("docker config"))
    async with reaching(good, login=wrong) as client:
        for call in (get, head, catalog, get):
            with pytest.raises(UnauthorizedError, match=rf"password of {USER} \(from docker config\)") as caught:
                await call(client)
    assert [value for value in authorizations(tokens) + authorizations(good) if value] == [wrong.basic]
    assert "canary-pass" not in f"{caught.value!r} {caught.value.next_step}"


# 53: 429


def http_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("wish", "at_least", "at_most"),
    [("2", 2, 2), ("date", 1, 31), ("-1", 0, 1), ("soon", 0, 1), ("2.5", 0, 1), ("", 0, 1), ("9" * 400, 0, 1)],
)
async def test_53_a_wish_to_wait_is_met_shown_and_bounded(
    good: RegistryServer, wish: str, at_least: float, at_most: float
) -> None:
    """One that makes no sense is as good as none."""
    sleeps, journal = Sleeps(), Journal()
    count_down: list[float] = []

    def observe(event: Exchange | Pause) -> None:
        journal(event)
        count_down.append(journal.paused_for)

    good.fault(TAG, status=429, headers={"Retry-After": http_date(30) if wish == "date" else wish})
    async with reaching(good, login=LOGIN, sleep=sleeps, observe=observe) as client:
        await get(client)
    assert at_least <= sleeps[0] <= at_most
    assert (max(count_down) > 0.9) == (at_least >= 1)


async def test_53_a_wish_to_wait_for_a_day_is_told_instead(good: RegistryServer) -> None:
    sleeps = Sleeps()
    good.fault(TAG, status=429, headers={"Retry-After": "99999"}, times=None)
    async with reaching(good, login=LOGIN, sleep=sleeps) as client:
        with pytest.raises(RateLimitedError, match="99,999 s") as caught:
            await get(client)
    assert caught.value.retry_after == 99_999
    assert len(good.requests) == 1
    assert sleeps == []


async def test_53_all_requests_to_the_registry_wait_together(good: RegistryServer) -> None:
    """What is asked for meanwhile waits too, before it is sent."""
    waits: asyncio.Queue[float] = asyncio.Queue()
    over = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.put_nowait(seconds)
        await over.wait()

    good.fault(TAG, status=429, headers={"Retry-After": "30"})
    async with asyncio.timeout(20), reaching(good, login=LOGIN, sleep=sleep) as client:
        first = asyncio.create_task(get(client))
        seconds = [await waits.get()]
        second = asyncio.create_task(get(client, "team/other"))
        seconds.append(await waits.get())
        assert len(good.requests) == 1
        over.set()
        await asyncio.gather(first, second)
    assert all(25 < each <= 30 for each in seconds)


# 54: accounts


@pytest.mark.parametrize("kind", ["basic", "bearer"])
@pytest.mark.parametrize("second", ["other", None], ids=["another account", "nobody"])
async def test_54_nothing_of_one_account_is_used_or_shown_for_another(
    tokens: Tokens, kind: str, second: str | None
) -> None:
    """Neither its tokens nor the documents that were read with them; nor is anything of it under way shown later."""
    tokens.accounts["other"] = "canary-other"
    tokens.permits = lambda account, scope: account == USER or "team/app" not in scope
    auth = BASIC if kind == "basic" else tokens.auth()
    with RegistryServer(content(), auth=auth, etag=False) as good:
        address = parse_registry_address(f"http://{good.address}")
        async with registries_of() as registries:
            accounts = registries.accounts(address)
            await accounts.log_in(USER, PASSWORD)
            assert (await shown_tags(registries, str(address))).phase is Phase.READY
            assert (await shown_image(registries, str(address))).phase is Phase.READY
            given = {value for value in authorizations(good) if value}
            good.reset()
            if second and kind == "bearer":
                await accounts.log_in(second, "canary-other")
            else:
                await accounts.use(None)
            image = await shown_image(registries, str(address))
            listing = await shown_tags(registries, str(address))
    assert given
    assert good.requests
    assert not given & set(authorizations(good))
    assert image.phase is listing.phase is Phase.FAILED
    assert (image.document, image.config, image.steps) == (None, None, ())
    assert list(listing.names) == []


async def test_54_who_one_is_at_a_registry_does_not_depend_on_how_its_address_is_spelled(tokens: Tokens) -> None:
    with RegistryServer(content(), auth=BASIC, etag=False) as good:
        async with registries_of() as registries:
            accounts = registries.accounts(parse_registry_address(good.address))
            await accounts.log_in(USER, PASSWORD)
            for spelling in (good.address, good.url):
                assert (await shown_tags(registries, spelling)).phase is Phase.READY
            good.reset()
            await accounts.use(None)
            for spelling in (good.address, good.url):
                assert (await shown_tags(registries, spelling)).phase is Phase.FAILED
    assert secrets_at(good) == []


async def test_54_each_path_of_a_registry_is_asked_for_with_its_own_account(
    bearer: RegistryServer, tokens: Tokens
) -> None:
    """As Podman's files have them."""
    tokens.accounts["other"] = "canary-other"
    other = Credential("other", "canary-other", SafeText("podman auth.json"))
    logins = {"team/app": LOGIN, "team/other": other}

    async def lookup(repository: str) -> Credential | None:
        return logins.get(repository)

    async with reaching(bearer, lookup=lookup) as client:
        for repository in ("team/app", "team/other", "team/app"):
            await get(client, repository)
    owners = [tokens.issued[value.removeprefix("Bearer ")][0] for value in authorizations(bearer) if value]
    assert owners == [USER, "other", USER]


# 58: giving up


def two_connections(context: Any) -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=httpx.Limits(max_connections=2))


@pytest.mark.parametrize("when", ["token", "body", "retry"])
async def test_58_a_hundred_times_given_up_leaves_no_task_and_two_free_connections(
    bearer: RegistryServer, tokens: Tokens, when: str
) -> None:
    """In a pool of two. `reaching` sees to it that no task is left."""
    asleep = asyncio.Event()
    is_over = False

    async def sleep(seconds: float) -> None:
        asleep.set()
        if not is_over:
            await asyncio.Event().wait()

    async with reaching(bearer, login=LOGIN, make_wire=two_connections, sleep=sleep) as client:
        if when != "token":
            await get(client)
        bearer.reset()
        if when == "token":
            tokens.fault("hang", times=100)
        elif when == "body":
            bearer.fault(TAG, "drip", delay=0.01, times=100)
        else:
            bearer.fault(TAG, status=503, times=100)
        for number in range(1, 101):
            asleep.clear()
            task = asyncio.create_task(get(client))
            if when == "retry":
                await asleep.wait()
            else:
                await asyncio.to_thread((tokens if when == "token" else bearer).wait_for_requests, number)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        is_over = True
        async with asyncio.timeout(20):
            await asyncio.gather(*(get(client, name) for name in ("team/app", "team/other") * 2))
    assert statuses(bearer)[-1] == 200
