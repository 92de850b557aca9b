"""A layer is read whole or not at all, whatever happens to its connection (§14 and §17.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import pytest

from regbrowse.registry.errors import (
    ConnectionFailedError,
    HTTPStatusError,
    LimitExceededError,
    RegistryError,
)
from regbrowse.registry.v1 import calls
from regbrowse.registry.v1.layers import LayerReader
from regbrowse.registry.v1.session import Session
from tests.registry.reaching import Sleeps
from tests.registry.v1.conversing import LOGIN, conversing
from tests.v1_content import V1Content, image_id, small_content
from tests.v1_server import V1Server

APP: Final = image_id("app")
LAYER: Final = bytes(range(256)) * 1000
SIZE: Final = len(LAYER)
GET_LAYER: Final = f"GET /v1/images/{APP}/layer"
RANGES: Final = {"Accept-Ranges": "bytes"}


@pytest.fixture
def content() -> V1Content:
    content = small_content()
    content.images[APP].layer = LAYER
    return content


@pytest.fixture
def server(content: V1Content) -> Iterator[V1Server]:
    with V1Server(content) as server:
        yield server


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


async def collect(reader: LayerReader, into: bytearray) -> None:
    async with reader:
        async for chunk in reader:
            into += chunk


async def read(server: V1Server, size: int = SIZE, *, wait: Sleeps, into: bytearray | None = None) -> bytes:
    """The layer of `APP`."""
    received = bytearray() if into is None else into
    async with conversing(server) as session:
        await collect(await session.get_remote_image_layer(APP, server.base, size, wait=wait), received)
    return bytes(received)


def ranges(server: V1Server) -> list[str | None]:
    return [request.headers.get("range") for request in server.requests]


def part(first: int, last: int = SIZE - 1, status: int = 206) -> dict[str, Any]:
    """A fault: an answer with a part of the layer."""
    headers = {**RANGES, "Content-Range": f"bytes {first}-{last}/{SIZE}"}
    return {"status": status, "body": LAYER[first : last + 1], "headers": headers}


# The first answer


@pytest.mark.parametrize("size", [SIZE, 0, -1])
async def test_a_layer_is_read_whole(server: V1Server, sleeps: Sleeps, size: int) -> None:
    assert await read(server, size, wait=sleeps) == LAYER
    (request,) = server.requests
    assert str(request) == GET_LAYER
    assert request.headers["accept-encoding"] == "identity"
    assert ranges(server) == [None]
    assert sleeps == []


async def test_an_empty_layer_is_read(server: V1Server, sleeps: Sleeps) -> None:
    server.fault(GET_LAYER, status=200)
    assert await read(server, 0, wait=sleeps) == b""


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 404, 416, 500, 503])
async def test_a_layer_comes_with_200_alone(server: V1Server, sleeps: Sleeps, status: int) -> None:
    server.fault(GET_LAYER, status=status)
    text = rf"Server error: Status {status} while fetching image layer \({APP}\)"
    with pytest.raises(HTTPStatusError, match=text) as caught:
        await read(server, wait=sleeps)
    assert type(caught.value) is HTTPStatusError
    assert caught.value.status == status


async def test_a_layer_without_any_answer_has_status_0(server: V1Server, sleeps: Sleeps) -> None:
    server.fault(GET_LAYER, close=True, times=None)
    text = rf"Server error: Status 0 while fetching image layer \({APP}\): {server.address}"
    with pytest.raises(ConnectionFailedError, match=text):
        await read(server, wait=sleeps)
    assert sleeps == []


async def test_whoever_did_not_answer_for_a_layer_is_named(server: V1Server, sleeps: Sleeps) -> None:
    with V1Server() as gone:
        pass
    server.fault(GET_LAYER, status=302, headers={"Location": f"{gone.base}elsewhere"})
    with pytest.raises(ConnectionFailedError, match=f"Status 0 .* {gone.address}"):
        await read(server, wait=sleeps)


@pytest.mark.parametrize("name", ["a..b", "a" * 64])
async def test_a_registry_whose_name_no_host_can_have_is_told(server: V1Server, name: str) -> None:
    async with conversing(server) as session:
        with pytest.raises(ConnectionFailedError, match=f"The name {name} cannot be found"):
            await session.get_remote_image_layer(APP, f"http://{name}/v1/", SIZE)


async def test_a_reader_counts_what_came(server: V1Server) -> None:
    async with conversing(server) as session, await session.get_remote_image_layer(APP, server.base, SIZE) as reader:
        assert (reader.received, reader.size) == (0, SIZE)
        received = 0
        async for chunk in reader:
            received += len(chunk)
            assert reader.received == received
        assert received == SIZE


async def test_a_layer_is_read_from_where_the_registry_leads_without_the_login(
    server: V1Server, content: V1Content
) -> None:
    with V1Server(content, drop_at=[1000]) as storage:
        location = {"Location": f"{storage.base}images/{APP}/layer"}
        server.fault(GET_LAYER, status=302, headers=location, times=None)
        received = bytearray()
        async with conversing(server, LOGIN) as session:
            reader = await session.get_remote_image_layer(APP, server.base, SIZE, wait=Sleeps())
            await collect(reader, received)
    assert received == LAYER
    assert ranges(server) == ranges(storage) == [None, f"bytes=1000-{SIZE}"]
    assert not [request for request in storage.requests if "authorization" in request.headers]


# Going on after a failure


@pytest.mark.parametrize("lost_at", [1, 1000, SIZE - 1])
async def test_a_lost_connection_is_made_up_for(content: V1Content, sleeps: Sleeps, lost_at: int) -> None:
    with V1Server(content, drop_at=[lost_at]) as server:
        assert await read(server, wait=sleeps) == LAYER
    assert ranges(server) == [None, f"bytes={lost_at}-{SIZE}"]
    assert sleeps == [5.0]


async def test_a_connection_lost_before_the_first_byte_is_made_up_for(content: V1Content, sleeps: Sleeps) -> None:
    with V1Server(content, drop_at=[0]) as server:
        assert await read(server, wait=sleeps) == LAYER
    assert ranges(server) == [None, f"bytes=0-{SIZE}"]


async def test_a_layer_may_fail_four_times(content: V1Content, sleeps: Sleeps) -> None:
    with V1Server(content, drop_at=[1000, 1000, 1000, 1000]) as server:
        assert await read(server, wait=sleeps) == LAYER
    assert ranges(server) == [None, *(f"bytes={number}000-{SIZE}" for number in range(1, 5))]
    assert sleeps == [5.0] * 4


async def test_a_layer_is_given_up_at_the_fifth_failure(content: V1Content, sleeps: Sleeps) -> None:
    received = bytearray()
    text = f"broke off .* 5,000 of {SIZE:,} bytes of layer {APP}"
    with V1Server(content, drop_at=[1000] * 9) as server, pytest.raises(ConnectionFailedError, match=text):
        await read(server, wait=sleeps, into=received)
    assert len(server.requests) == 5
    assert sleeps == [5.0] * 4
    assert received == LAYER[:5000]


async def test_a_layer_that_ends_too_early_is_gone_on_with(server: V1Server, sleeps: Sleeps) -> None:
    server.fault(GET_LAYER, body=LAYER[:1000])
    assert await read(server, wait=sleeps) == LAYER
    assert ranges(server) == [None, f"bytes=1000-{SIZE}"]
    assert sleeps == [5.0]


async def test_a_layer_that_always_ends_too_early_is_given_up(server: V1Server, sleeps: Sleeps) -> None:
    server.fault(GET_LAYER, body=LAYER[:1000])
    server.fault(GET_LAYER, times=None, **{**part(1000), "body": b""})
    with pytest.raises(ConnectionFailedError, match=f"{server.address} ended layer {APP} too early"):
        await read(server, wait=sleeps)
    assert len(server.requests) == 5


async def test_a_request_that_is_not_answered_is_repeated_after_ever_longer_waits(
    server: V1Server, sleeps: Sleeps
) -> None:
    server.fault(GET_LAYER, cut_after=1000)
    server.fault(GET_LAYER, close=True, times=3)
    assert await read(server, wait=sleeps) == LAYER
    assert ranges(server) == [None, *[f"bytes=1000-{SIZE}"] * 4]
    assert sleeps == [5.0, 10.0, 15.0, 20.0]


async def test_failures_of_every_kind_are_counted_together(server: V1Server, sleeps: Sleeps) -> None:
    server.fault(GET_LAYER, cut_after=1000)
    server.fault(GET_LAYER, close=True)
    server.fault(GET_LAYER, **part(1000), cut_after=500)
    server.fault(GET_LAYER, **part(1500, 1999))
    server.fault(GET_LAYER, close=True)
    with pytest.raises(ConnectionFailedError, match="closed the connection"):
        await read(server, wait=sleeps)
    assert len(server.requests) == 5
    assert sleeps == [5.0, 10.0, 5.0, 5.0]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 200, "body": LAYER, "headers": RANGES},
        {"status": 200, "body": b"<html>an error</html>"},
        {"status": 206, "body": LAYER[1000:]},
        part(999),
        part(1001),
        part(0),
        part(1000, status=200),
        {"status": 206, "body": LAYER[1000:], "headers": {"Content-Range": "bytes */5"}},
        {"status": 206, "body": LAYER[1000:], "headers": {"Content-Type": "multipart/byteranges; boundary=x"}},
        {"status": 416},
        {"status": 401},
        {"status": 404},
        {"status": 500, "body": b"an error"},
    ],
)
async def test_an_answer_that_is_not_the_rest_is_never_taken_for_it(
    server: V1Server, sleeps: Sleeps, fault: dict[str, Any]
) -> None:
    server.fault(GET_LAYER, cut_after=1000)
    server.fault(GET_LAYER, **fault)
    received = bytearray()
    with pytest.raises(HTTPStatusError, match="the server doesn't support byte ranges") as caught:
        await read(server, wait=sleeps, into=received)
    assert caught.value.status == fault.get("status")
    assert received == LAYER[:1000]
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", [{"status": 200, "body": LAYER}, part(0)], ids=["whole", "part"])
async def test_if_nothing_had_come_the_layer_may_begin_anew(
    server: V1Server, sleeps: Sleeps, fault: dict[str, Any]
) -> None:
    server.fault(GET_LAYER, cut_after=0)
    server.fault(GET_LAYER, **fault)
    assert await read(server, wait=sleeps) == LAYER


@pytest.mark.parametrize(
    "fault", [{"status": 500, "body": LAYER}, {"status": 206, "body": LAYER}, {"status": 404}, part(1)]
)
async def test_the_status_is_looked_at_even_if_nothing_had_come(
    server: V1Server, sleeps: Sleeps, fault: dict[str, Any]
) -> None:
    server.fault(GET_LAYER, cut_after=0)
    server.fault(GET_LAYER, **fault)
    received = bytearray()
    with pytest.raises(HTTPStatusError):
        await read(server, wait=sleeps, into=received)
    assert received == b""


async def test_a_connection_lost_after_the_last_byte_does_not_matter(server: V1Server, sleeps: Sleeps) -> None:
    server.fault(GET_LAYER, headers={"Content-Length": str(SIZE + 1)}, cut_after=SIZE)
    assert await read(server, wait=sleeps) == LAYER
    assert len(server.requests) == 1


# Where nothing can be made up for


@pytest.mark.parametrize(
    ("size", "headers"),
    [
        (SIZE, {"Accept-Ranges": None}),
        (SIZE, {"Accept-Ranges": "none"}),
        (0, RANGES),
        (-1, RANGES),
    ],
)
async def test_a_lost_connection_is_an_error_where_the_rest_cannot_be_asked_for(
    server: V1Server, sleeps: Sleeps, size: int, headers: dict[str, str | None]
) -> None:
    server.fault(GET_LAYER, headers=headers, cut_after=1000)
    with pytest.raises(ConnectionFailedError, match=f"{server.address} broke off .* 1,000 .*of layer {APP}"):
        await read(server, size, wait=sleeps)
    assert len(server.requests) == 1
    assert sleeps == []


async def test_a_short_layer_is_an_error_where_the_rest_cannot_be_asked_for(server: V1Server, sleeps: Sleeps) -> None:
    server.fault(GET_LAYER, headers={"Accept-Ranges": None}, body=LAYER[:1000])
    with pytest.raises(ConnectionFailedError, match=f"too early. 1,000 of {SIZE:,} bytes"):
        await read(server, wait=sleeps)


@pytest.mark.parametrize("accept_ranges", ["bytes", None])
async def test_a_layer_that_is_too_long_is_an_error(
    server: V1Server, sleeps: Sleeps, accept_ranges: str | None
) -> None:
    server.fault(GET_LAYER, headers={"Accept-Ranges": accept_ranges}, body=LAYER + b"more")
    received = bytearray()
    with pytest.raises(LimitExceededError, match=f"more than the {SIZE:,} bytes"):
        await read(server, wait=sleeps, into=received)
    assert LAYER.startswith(received)


async def test_a_rest_that_is_too_long_is_an_error(server: V1Server, sleeps: Sleeps) -> None:
    server.fault(GET_LAYER, cut_after=1000)
    server.fault(GET_LAYER, **{**part(1000), "body": LAYER})
    with pytest.raises(LimitExceededError):
        await read(server, wait=sleeps)


# The reader


async def opened(session: Session, server: V1Server, wait: Any) -> LayerReader:
    return await session.get_remote_image_layer(APP, server.base, SIZE, wait=wait)


async def test_a_layer_that_was_read_has_nothing_more(server: V1Server, sleeps: Sleeps) -> None:
    async with conversing(server) as session:
        reader = await opened(session, server, sleeps)
        await collect(reader, bytearray())
        assert [chunk async for chunk in reader] == []


async def test_a_failure_stays_one(server: V1Server, sleeps: Sleeps) -> None:
    server.fault(GET_LAYER, headers={"Accept-Ranges": None}, cut_after=0)
    async with conversing(server) as session:
        reader = await opened(session, server, sleeps)
        with pytest.raises(ConnectionFailedError) as first:
            await anext(reader)
        with pytest.raises(ConnectionFailedError) as second:
            await anext(reader)
    assert first.value is second.value


async def test_a_closed_reader_gives_no_end(server: V1Server, sleeps: Sleeps) -> None:
    async with conversing(server) as session:
        async with await opened(session, server, sleeps) as reader:
            assert await anext(reader)
        with pytest.raises(RegistryError, match="was closed"):
            await anext(reader)


async def test_a_reading_that_was_cancelled_gives_no_end(server: V1Server) -> None:
    waiting = asyncio.Event()

    async def wait_forever(_: float) -> None:
        waiting.set()
        await asyncio.Future()

    server.fault(GET_LAYER, cut_after=0)
    async with conversing(server) as session:
        reader = await opened(session, server, wait_forever)
        reading = asyncio.create_task(collect(reader, bytearray()))
        await waiting.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        with pytest.raises(ConnectionFailedError, match="broken off"):
            await anext(reader)


async def test_a_connection_is_released_when_its_reader_is_closed(server: V1Server, sleeps: Sleeps) -> None:
    """There are eight connections at most, so a ninth reader would wait for one."""
    readers = []
    async with conversing(server) as session:
        for _ in range(9):
            async with await opened(session, server, sleeps) as reader:
                await anext(reader)
            readers.append(reader)
    assert len(server.requests) == 9


async def test_an_answer_that_does_not_begin_is_given_up(
    server: V1Server, sleeps: Sleeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "CALL_WITHIN", 0.1)
    server.fault(GET_LAYER, delay=3)
    with pytest.raises(ConnectionFailedError, match="Status 0 while fetching image layer"):
        await read(server, wait=sleeps)
