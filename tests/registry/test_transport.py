"""One registry's requests over real sockets: retries, bounds, broken answers, cancellation, what is told of them."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.browser.journal import Journal
from regbrowse.registry import transport
from regbrowse.registry.auth import Scope, pull
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.digest import Digest
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import (
    ConnectionFailedError,
    HTTPStatusError,
    NotFoundError,
    RateLimitedError,
    ServerFailureError,
    UnauthorizedError,
)
from regbrowse.registry.exchange import Exchange, Pause, redacted
from regbrowse.registry.transport import Request, Response
from regbrowse.registry.wire import httpx
from tests.registry.reaching import LOGIN, PASSWORD, USER, Seen, Sleeps, no_tasks_but, reaching
from tests.registry_server import Content, Manner, RegistryServer

TAG: Final = "GET /v2/team/app/manifests/1.0"
SCOPE: Final = pull("team/app")


# What is tried again


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_passing_failure_is_tried_again(server: RegistryServer, status: int) -> None:
    server.fault(TAG, status=status, times=2)
    async with reaching(server) as client:
        await client.manifest("team/app", "1.0")
    assert [request.status for request in server.requests] == [status, status, 200]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_failure_that_stays_is_told_after_three_sends(server: RegistryServer, status: int) -> None:
    server.fault(TAG, status=status, times=None)
    async with reaching(server) as client:
        with pytest.raises(RateLimitedError if status == 429 else ServerFailureError) as caught:
            await client.manifest("team/app", "1.0")
    assert len(server.requests) == 3
    assert caught.value.status == status
    assert server.address in caught.value.user_message


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 418, 501])
async def test_a_lasting_failure_is_not_tried_again(server: RegistryServer, status: int) -> None:
    server.fault(TAG, status=status, times=None)
    async with reaching(server) as client:
        with pytest.raises(HTTPStatusError):
            await client.manifest("team/app", "1.0")
    assert len(server.requests) == 1


async def test_the_waits_between_tries_have_jitter_within_bounds(server: RegistryServer) -> None:
    server.fault(TAG, status=500, times=None)
    sleeps = Sleeps()
    async with reaching(server, sleep=sleeps) as client:
        with pytest.raises(ServerFailureError):
            await client.manifest("team/app", "1.0")
    assert len(sleeps) == 2
    assert all(0.05 <= seconds <= 0.25 * 2**attempt for attempt, seconds in enumerate(sleeps, 1))


def http_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("value", "at_least", "at_most"),
    [
        ("0", 0, 0),
        ("1", 1, 1),
        ("60", 60, 60),
        ("-1", 0.05, 1),
        ("soon", 0.05, 1),
        ("", 0.05, 1),
        ("²", 0.05, 1),
        ("1e3", 0.05, 1),
    ],
)
async def test_a_429_is_waited_for_as_asked(
    server: RegistryServer, value: str, at_least: float, at_most: float
) -> None:
    server.fault(TAG, status=429, headers={"Retry-After": value})
    sleeps = Sleeps()
    async with reaching(server, sleep=sleeps) as client:
        await client.manifest("team/app", "1.0")
    assert at_least <= sleeps[0] <= at_most
    assert len(server.requests) == 2


@pytest.mark.parametrize(("ahead", "at_least", "at_most"), [(40, 1, 41), (-40, 0, 0)], ids=["to come", "gone by"])
async def test_a_429_with_a_date_is_waited_for_until_then(
    server: RegistryServer, ahead: float, at_least: float, at_most: float
) -> None:
    server.fault(TAG, status=429, headers={"Retry-After": http_date(ahead)})
    sleeps = Sleeps()
    async with reaching(server, sleep=sleeps) as client:
        await client.manifest("team/app", "1.0")
    assert at_least <= sleeps[0] <= at_most


@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_that_is_too_long_is_told_at_once(server: RegistryServer, status: int) -> None:
    server.fault(TAG, status=status, headers={"Retry-After": "99999"}, times=None)
    sleeps = Sleeps()
    async with reaching(server, sleep=sleeps) as client:
        with pytest.raises(HTTPStatusError) as caught:
            await client.manifest("team/app", "1.0")
    assert len(server.requests) == 1
    assert sleeps == []
    if status == 429:
        assert isinstance(caught.value, RateLimitedError)
        assert caught.value.retry_after == 99999
        assert "99,999 s" in caught.value.user_message


async def test_a_429_pauses_all_requests_to_the_registry(server: RegistryServer) -> None:
    server.fault(TAG, status=429, headers={"Retry-After": "30"})
    sleeps, seen = Sleeps(), Seen()
    async with reaching(server, sleep=sleeps, observe=seen) as client:
        await client.manifest("team/app", "1.0")
        await client.manifest("team/app", "2.0")
    assert seen.pauses == [30]
    assert sleeps[0] == 30
    assert 25 < sleeps[1] <= 30


async def test_a_429_of_head_is_not_answered_with_get(server: RegistryServer) -> None:
    server.fault("HEAD", status=429, times=None)
    async with reaching(server) as client:
        with pytest.raises(RateLimitedError):
            await client.resolve("team/app", "1.0")
    assert {request.method for request in server.requests} == {"HEAD"}


@given(st.text(max_size=40))
def test_any_retry_after_is_read(value: str) -> None:
    wish = Response(429, httpx.Headers([(b"retry-after", value.encode("utf-8", "replace"))]), b"").retry_after
    assert wish is None or wish >= 0


# Answers that break off


@pytest.mark.parametrize("manner", ["half_body", "close"])
async def test_an_answer_that_breaks_off_is_asked_for_again(server: RegistryServer, manner: Manner) -> None:
    server.fault(TAG, manner)
    async with reaching(server) as client:
        document = await client.manifest("team/app", "1.0")
    assert document.digest == Digest.of(document.raw)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("manner", "words"), [("half_body", "broke off its answer"), ("close", "closed the connection without an answer")]
)
async def test_an_answer_that_always_breaks_off_is_told_after_three_sends(
    server: RegistryServer, manner: Manner, words: str
) -> None:
    server.fault(TAG, manner, times=None)
    async with reaching(server) as client:
        with pytest.raises(ConnectionFailedError, match=words):
            await client.manifest("team/app", "1.0")
    assert len(server.requests) == 3


async def test_half_a_list_is_never_taken_for_a_whole_one(server: RegistryServer) -> None:
    names = b'{"tags":["1.0"]}'
    server.fault(
        "GET /v2/team/app/tags/list",
        "half_body",
        times=None,
        body=names + b" " * len(names),  # the half that comes is a whole document
    )
    async with reaching(server) as client:
        with pytest.raises(ConnectionFailedError):
            await anext(client.tags("team/app"))


@pytest.mark.parametrize("manner", ["hang", "drip"])
async def test_an_answer_that_takes_too_long_is_told_after_one_send(
    server: RegistryServer, manner: Manner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_WHOLE_REQUEST", 0.2)
    server.fault(TAG, manner, delay=0.05)
    async with reaching(server) as client:
        with pytest.raises(ConnectionFailedError, match="did not answer it in time"):
            await client.manifest("team/app", "1.0")
    assert len(server.requests) == 1


async def test_a_silence_within_an_answer_is_told_after_one_send(
    server: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_TIMEOUTS", {"connect": 5.0, "read": 0.05, "write": 5.0, "pool": 5.0})
    server.fault(TAG, "drip", delay=5)
    async with reaching(server) as client:
        with pytest.raises(ConnectionFailedError, match="did not answer it in time"):
            await client.manifest("team/app", "1.0")
    assert len(server.requests) == 1


async def test_a_connection_that_the_server_closed_meanwhile_costs_no_failure(server: RegistryServer) -> None:
    async with reaching(server) as client:
        await client.manifest("team/app", "1.0")
        server.fault("GET /v2/team/app/manifests/2.0", headers={"Connection": "close"})
        await client.manifest("team/app", "2.0")
        await client.resolve("team/app", "1.0")


async def test_a_server_of_another_kind_is_named_so() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\nInvalid SSH identification string.\r\n\r\n")
        writer.close()

    other = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with other, reaching(f"127.0.0.1:{other.sockets[0].getsockname()[1]}") as client:
        with pytest.raises(ConnectionFailedError, match="does not answer as a web server does"):
            await client.manifest("team/app", "1.0")


# Leaving


@pytest.mark.parametrize("manner", ["hang", "endless", "drip"])
async def test_a_cancelled_request_frees_its_place_and_leaves_no_task(server: RegistryServer, manner: Manner) -> None:
    server.fault(TAG, manner, times=None, body=b" ", delay=0.01)
    async with reaching(server) as client:
        before = asyncio.all_tasks()
        for count in range(1, 101):
            task = asyncio.create_task(client.manifest("team/app", "1.0"))
            await asyncio.to_thread(server.wait_for_requests, count)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await no_tasks_but(before)
        await client.manifest("team/app", "2.0")


async def test_a_request_cancelled_while_it_waits_for_its_next_try_frees_its_place(server: RegistryServer) -> None:
    server.fault(TAG, status=500, times=None)
    asleep = asyncio.Event()

    async def sleep(seconds: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    async with reaching(server, sleep=sleep) as client:
        for _ in range(20):
            asleep.clear()
            task = asyncio.create_task(client.manifest("team/app", "1.0"))
            await asleep.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await client.manifest("team/app", "2.0")


# What is told


async def test_every_exchange_is_observed(server: RegistryServer) -> None:
    server.fault(TAG, status=500)
    seen = Seen()
    async with reaching(server, observe=seen) as client:
        await client.manifest("team/app", "1.0")
        with pytest.raises(NotFoundError):
            await client.manifest("team/app", "none")
    assert [(exchange.method, exchange.url, exchange.status) for exchange in seen.exchanges] == [
        ("GET", f"{server.url}/v2/team/app/manifests/1.0", 500),
        ("GET", f"{server.url}/v2/team/app/manifests/1.0", 200),
        ("GET", f"{server.url}/v2/team/app/manifests/none", 404),
    ]
    assert all(exchange.seconds >= 0 for exchange in seen.exchanges)


async def test_an_exchange_without_an_answer_is_observed_with_its_reason(server: RegistryServer) -> None:
    server.fault(TAG, "close", times=None)
    seen = Seen()
    async with reaching(server, observe=seen) as client:
        with pytest.raises(ConnectionFailedError):
            await client.manifest("team/app", "1.0")
    assert [exchange.status for exchange in seen.exchanges] == [0, 0, 0]
    assert all("closed the connection" in exchange.note for exchange in seen.exchanges)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/v2/_catalog?n=5&last=a%2Fb", "https://h/v2/_catalog?n=5&last=a/b"),
        ("https://h/x?token=canary-pass&X-Amz-Signature=canary-pass", "https://h/x?token=…&X-Amz-Signature=…"),
        ("https://canary-user:canary-pass@h:5000/x", "https://h:5000/x"),
        ("https://h/x?last=%1b]52;c;x%07", "https://h/x?last=␛]52;c;x␇"),
        ("https://h/x#canary-pass", "https://h/x"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redacted(httpx.URL(url)) == shown


async def test_no_secret_is_told(content: Content, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Through an accepted login, a refused one, a redirect with a secret in its URL, and a failure behind it."""
    caplog.set_level(logging.DEBUG)
    seen, log = Seen(), tmp_path / "log"
    journal = Journal(log)

    def observe(event: Exchange | Pause) -> None:
        seen(event)
        journal(event)

    told: list[str] = []
    with RegistryServer(content, auth=("basic", USER, PASSWORD)) as server:
        server.fault("GET /v2/team/app/manifests/2.0", redirect=f"{server.url}/v2/x?token={PASSWORD}", times=None)
        server.fault("GET /v2/x", "close", times=None)
        server.fault(TAG, after=1, headers={"Set-Cookie": f"session={PASSWORD}"})
        async with reaching(server, login=LOGIN, observe=observe) as client:
            request = Request("/v2/team/app/manifests/1.0", SCOPE)
            response = await client.transport.request(request)
            told += map(repr, (request, response, LOGIN, client, client.transport, client.transport.authorizer))
            with pytest.raises(ConnectionFailedError) as caught:
                await client.manifest("team/app", "2.0")
            told += [repr(caught.value), str(caught.value), caught.value.next_step]
    with RegistryServer(content, auth=("basic", "other", "other")) as server:
        async with reaching(server, login=LOGIN, observe=observe) as client:
            with pytest.raises(UnauthorizedError) as refused:
                await client.manifest("team/app", "1.0")
            told += [repr(refused.value), str(refused.value)]
    journal.close()
    text = "\n".join([*told, repr(seen), log.read_text(), caplog.text])
    assert f"{server.url}/v2/team/app/manifests/1.0 401" in text
    assert PASSWORD not in text
    assert LOGIN.basic.partition(" ")[2] not in text
    assert USER not in repr(seen) + log.read_text() + caplog.text


async def test_the_log_is_readable_to_its_owner_alone(server: RegistryServer, tmp_path: Path) -> None:
    log = tmp_path / "log"
    journal = Journal(log)
    async with reaching(server, observe=journal) as client:
        await client.manifest("team/app", "1.0")
    journal.close()
    assert journal.requests == 1
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.read_text().count(f"GET {server.url}/v2/team/app/manifests/1.0 200") == 1


async def test_the_endpoint_is_known_when_it_has_answered(server: RegistryServer) -> None:
    async with reaching(server) as client:
        assert client.transport.endpoint is None
        await client.manifest("team/app", "1.0")
        assert client.transport.endpoint == APIEndpoint(f"http://{server.address}")


async def test_a_registry_that_stops_is_told(server: RegistryServer) -> None:
    async with reaching(server) as client:
        await client.manifest("team/app", "1.0")
        server.stop()
        with pytest.raises(ConnectionFailedError, match="the connection is refused"):
            await client.manifest("team/app", "2.0")


def test_a_scope_is_spelled_as_token_servers_want_it() -> None:
    assert str(Scope("registry", "catalog", "*")) == "registry:catalog:*"
    assert str(pull("team/app")) == "repository:team/app:pull"


async def test_a_closed_client_leaves_no_connection(server: RegistryServer) -> None:
    async def use(client: RegistryClient) -> None:
        await client.manifest("team/app", "1.0")

    for _ in range(3):
        async with reaching(server) as client:
            await use(client)
    assert server.connections == 3
