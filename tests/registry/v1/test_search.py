"""The search of a v1 index (§12)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from regbrowse.registry.errors import (
    ConnectionFailedError,
    HTTPStatusError,
    MalformedDocumentError,
    RegistryError,
    UnauthorizedError,
)
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.text import SafeText
from regbrowse.registry.v1.models import SearchResult, SearchResults
from tests.registry.v1.conversing import BASIC, LOGIN, conversing, conversing_with_nobody
from tests.v1_server import V1Server


@pytest.fixture
def server() -> Iterator[V1Server]:
    with V1Server(mode="index") as server:
        yield server


@pytest.mark.parametrize(
    ("term", "limit", "query"),
    [
        ("base", 25, "q=base&n=25"),
        ("", 1, "q=&n=1"),
        ("team/app", 100, "q=team%2Fapp&n=100"),
        ("a b+c&d=e#f%?", 25, "q=a+b%2Bc%26d%3De%23f%25%3F&n=25"),
        ("größe 漢", 25, "q=gr%C3%B6%C3%9Fe+%E6%BC%A2&n=25"),
        ("a\r\nX-Evil: 1", 25, "q=a%0D%0AX-Evil%3A+1&n=25"),
        ("A-z_0.9~*", 25, "q=A-z_0.9~%2A&n=25"),
    ],
)
async def test_a_search_is_one_request(server: V1Server, term: str, limit: int, query: str) -> None:
    async with conversing(server) as session:
        await session.search_repositories(term, limit)
    (request,) = server.requests
    assert str(request) == f"GET /v1/search?{query}"
    assert request.headers["x-docker-token"] == "true"


@pytest.mark.parametrize(
    ("login", "authorization"), [(LOGIN, BASIC), (None, None), (AuthConfig(identity_token="t"), None)]
)
async def test_the_login_goes_with_a_search(
    server: V1Server, login: AuthConfig | None, authorization: str | None
) -> None:
    async with conversing(server, login) as session:
        await session.search_repositories("base", 25)
    assert server.requests[0].headers.get("authorization") == authorization


@pytest.mark.parametrize("limit", [-1, 0, 101, 10**9])
async def test_a_limit_out_of_range_is_refused_without_a_request(limit: int) -> None:
    async with conversing_with_nobody() as session:
        with pytest.raises(RegistryError, match=rf"Limit {limit} is outside the range of \[1, 100\]"):
            await session.search_repositories("base", limit)


async def test_results_come_in_the_order_of_the_index(server: V1Server) -> None:
    async with conversing(server) as session:
        found = await session.search_repositories("a", 25)
    assert found == SearchResults(
        SafeText("a"),
        2,
        (
            SearchResult(SafeText("base"), SafeText("The base of all"), 7, is_official=True, is_automated=False),
            SearchResult(SafeText("team/app"), SafeText("An app"), 0, is_official=False, is_automated=False),
        ),
    )


@pytest.mark.parametrize(
    ("body", "results"),
    [
        ({}, SearchResults()),
        (None, SearchResults()),
        ({"results": None, "query": None, "num_results": None}, SearchResults()),
        ({"num_results": 3}, SearchResults(num_results=3)),
        ({"QUERY": "a", "Results": []}, SearchResults(SafeText("a"))),
        ({"results": [{}]}, SearchResults(results=(SearchResult(SafeText("")),))),
        ({"query": "a", "QUERY": None}, SearchResults(SafeText("a"))),
        ({"query": "a", "QUERY": "b"}, SearchResults(SafeText("b"))),
        ({"results": [None]}, SearchResults(results=(SearchResult(SafeText("")),))),
        (
            {"results": [{"NAME": "a", "Is_Official": True, "is_automated": True, "star_count": -1, "is_trusted": 5}]},
            SearchResults(results=(SearchResult(SafeText("a"), SafeText(""), -1, True, True),)),
        ),
    ],
)
async def test_what_a_result_lacks_is_nothing(server: V1Server, body: object, results: SearchResults) -> None:
    server.fault("GET ", status=200, body=json.dumps(body).encode() + b"more")
    async with conversing(server) as session:
        assert await session.search_repositories("a", 25) == results


async def test_results_are_safe_to_show(server: V1Server) -> None:
    result = {"name": "a\x1b[2J", "description": "b\u202ec\nd"}
    server.fault("GET ", status=200, body=json.dumps({"query": "\x07", "results": [result]}).encode())
    async with conversing(server) as session:
        found = await session.search_repositories("a", 25)
    assert found.query == "␇"
    assert found.results[0].name == "a␛[2J"
    assert found.results[0].description == "b⟨U+202E⟩c↵d"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"results": {}}',
        b'{"results": ["a"]}',
        b'{"results": [{"name": 5}]}',
        b'{"results": [{"star_count": 1.0}]}',
        b'{"results": [{"star_count": true}]}',
        b'{"results": [{"star_count": 9223372036854775808}]}',
        b'{"results": [{"is_official": 1}]}',
        b'{"num_results": "3"}',
        b'{"query": []}',
        b'{"other": NaN}',
        b"{",
        b"",
        b"<html><title>Log in</title></html>",
    ],
)
async def test_what_is_no_result_is_malformed(server: V1Server, body: bytes) -> None:
    server.fault("GET ", status=200, body=body)
    async with conversing(server) as session:
        with pytest.raises(MalformedDocumentError):
            await session.search_repositories("a", 25)


@pytest.mark.parametrize("status", [201, 204, 401, 403, 404, 429, 500, 503])
async def test_a_status_is_told(server: V1Server, status: int) -> None:
    server.fault("GET ", status=status)
    async with conversing(server) as session:
        with pytest.raises(HTTPStatusError, match=f"Unexpected status code {status}") as caught:
            await session.search_repositories("a", 25)
    assert caught.value.status == status
    assert server.address in caught.value.user_message
    assert not isinstance(caught.value, UnauthorizedError)


async def test_a_connection_without_an_answer_is_told(server: V1Server) -> None:
    server.fault("GET ", close=True)
    async with conversing(server) as session:
        with pytest.raises(ConnectionFailedError, match=server.address):
            await session.search_repositories("a", 25)
