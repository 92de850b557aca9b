"""Searching an index through the service (seed-registry-package.md §12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import pytest

from regbrowse.registry.docker_http import RequestModifier
from regbrowse.registry.errors import (
    ConfigError,
    ConnectionFailedError,
    HTTPStatusError,
    InvalidReferenceError,
    InvalidRepositoryNameError,
    RegistryError,
    UnauthorizedError,
)
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.service.options import ServiceOptions
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.wire import httpx
from tests.v1_server import V1Server

NOBODY: Final = '{"query": "", "num_results": 0, "results": []}'
IDENTITY: Final = AuthConfig("ada", identity_token="canary-identity")

Answer = Callable[[httpx.Request], httpx.Response]


class Web:
    """Answers in place of the network, and remembers what was asked."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer

    def __call__(self, tls: TLSConfig, modifiers: Sequence[RequestModifier]) -> httpx.AsyncBaseTransport:
        def handle(request: httpx.Request) -> httpx.Response:
            for modify in modifiers:
                modify(request)
            self.requests.append(request)
            return self._answer(request)

        return httpx.MockTransport(handle)

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url}" for request in self.requests]

    def service(self, *, v2_only: bool = False) -> DefaultService:
        return DefaultService(ServiceOptions(v2_only=v2_only), certs_dir=None, make_transport=self, resolver=nowhere)


async def nowhere(host: str) -> Sequence[str]:
    raise OSError("unknown")


def found(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, text=NOBODY if "search" in request.url.path else "{}")


# Where a term leads


@pytest.mark.parametrize(
    ("term", "url"),
    [
        ("nginx", "https://index.docker.io/v1/search?q=nginx&n=25"),
        ("library/nginx", "https://index.docker.io/v1/search?q=nginx&n=25"),
        ("library/team/nginx", "https://index.docker.io/v1/search?q=team%2Fnginx&n=25"),
        ("team/nginx", "https://index.docker.io/v1/search?q=team%2Fnginx&n=25"),
        ("foo.bar", "https://index.docker.io/v1/search?q=foo.bar&n=25"),
        ("foo:5000", "https://index.docker.io/v1/search?q=foo%3A5000&n=25"),
        ("index.docker.io/nginx", "https://index.docker.io/v1/search?q=nginx&n=25"),
        ("docker.io/nginx", "https://index.docker.io/v1/search?q=nginx&n=25"),
        ("two words", "https://index.docker.io/v1/search?q=two+words&n=25"),
        ("registry.corp/library/nginx", "https://registry.corp/v1/search?q=library%2Fnginx&n=25"),
        ("registry.corp:5000/", "https://registry.corp:5000/v1/search?q=&n=25"),
        ("localhost/x", "https://localhost/v1/search?q=x&n=25"),
        ("LOCALHOST/x", "https://index.docker.io/v1/search?q=LOCALHOST%2Fx&n=25"),
    ],
)
async def test_a_term_says_where_to_search_and_for_what(term: str, url: str) -> None:
    web = Web(found)
    await web.service().search(term)
    assert str(web.requests[-1].url) == url


async def test_docker_hubs_index_is_asked_nothing_but_the_search() -> None:
    web = Web(found)
    await web.service().search("nginx")
    assert web.asked == ["GET https://index.docker.io/v1/search?q=nginx&n=25"]


async def test_another_index_is_pinged_for_its_endpoint_and_for_its_session() -> None:
    web = Web(found)
    await web.service().search("registry.corp/x")
    assert [line.rpartition("/")[2] for line in web.asked] == ["_ping", "_ping", "search?q=x&n=25"]


async def test_it_is_v1_that_is_searched_even_where_v1_is_switched_off() -> None:
    web = Web(found)
    await web.service(v2_only=True).search("registry.corp/x")
    assert web.requests[-1].url.path == "/v1/search"


@pytest.mark.parametrize("term", ["https://registry.corp/x", "a://b"])
async def test_a_url_is_no_term(term: str) -> None:
    web = Web(found)
    with pytest.raises(InvalidRepositoryNameError, match="Invalid repository name"):
        await web.service().search(term, 0)
    assert web.requests == []


@pytest.mark.parametrize("term", ["-registry.corp/x", "registry.corp-/x"])
async def test_an_index_with_a_hyphen_at_an_end_is_refused(term: str) -> None:
    web = Web(found)
    with pytest.raises(ConfigError, match="hyphen"):
        await web.service().search(term)
    assert web.requests == []


@pytest.mark.parametrize("limit", [-1, 0, 101])
async def test_a_limit_out_of_range_is_told_after_the_pings(limit: int) -> None:
    web = Web(found)
    with pytest.raises(RegistryError, match=rf"Limit {limit} is outside the range of \[1, 100\]"):
        await web.service().search("registry.corp/x", limit)
    assert {line.rpartition("/")[2] for line in web.asked} == {"_ping"}


async def test_headers_go_with_every_request_of_v1() -> None:
    web = Web(found)
    await web.service().search("registry.corp/x", user_agent="tester/1", headers={"X-Meta": ["a", "b"]})
    assert {request.headers["user-agent"] for request in web.requests} == {"tester/1"}
    assert all(request.headers.get_list("x-meta") == ["a", "b"] for request in web.requests)


async def test_nobody_at_the_index_is_a_failure_of_the_connection() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(ConnectionFailedError, match=r"invalid registry endpoint https://registry\.corp/v1/"):
        await Web(refuse).service().search("registry.corp/x")


# With an identity token


def with_v2(request: httpx.Request) -> httpx.Response:
    """A registry that speaks v2 and searches for who has its token."""
    if request.url.host == "auth.corp":
        return httpx.Response(200, json={"access_token": "canary-token"})
    if request.url.path == "/v2/":
        challenge = 'Bearer realm="https://auth.corp/token",service="registry.corp"'
        return httpx.Response(
            401, headers={"Docker-Distribution-Api-Version": "registry/2.0", "WWW-Authenticate": challenge}
        )
    if request.url.path == "/v1/search" and request.headers.get("authorization") != "Bearer canary-token":
        return httpx.Response(401)
    return found(request)


async def test_an_identity_token_gets_a_token_for_the_search() -> None:
    web = Web(with_v2)
    await web.service().search("registry.corp/x", auth_config=IDENTITY)
    [token] = [request for request in web.requests if request.url.host == "auth.corp"]
    assert token.method == "POST"
    assert token.content == (
        b"client_id=docker&grant_type=refresh_token&refresh_token=canary-identity"
        b"&scope=registry%3Acatalog%3Asearch&service=registry.corp"
    )
    assert web.requests[-1].headers["authorization"] == "Bearer canary-token"


async def test_headers_go_with_every_request_for_a_token_too() -> None:
    web = Web(with_v2)
    await web.service().search("registry.corp/x", auth_config=IDENTITY, headers={"X-Meta": ["a"]})
    assert all(request.headers.get_list("x-meta") == ["a"] for request in web.requests)


async def test_words_that_are_no_text_are_refused() -> None:
    with pytest.raises(InvalidReferenceError):
        await Web(found).service().search("a\udc80")


async def test_an_identity_token_goes_to_the_token_server_alone() -> None:
    web = Web(with_v2)
    await web.service().search("registry.corp/x", auth_config=IDENTITY)
    others = [request for request in web.requests if request.url.host != "auth.corp"]
    assert not [request for request in others if "canary-identity" in f"{request.headers}{request.content!r}"]


@pytest.mark.parametrize("login", [None, AuthConfig("ada", "pw"), AuthConfig(identity_token="canary-identity")])
async def test_without_both_a_name_and_an_identity_token_v2_is_not_asked(login: AuthConfig | None) -> None:
    web = Web(found)
    await web.service().search("registry.corp/x", auth_config=login)
    assert not [request for request in web.requests if request.url.path.startswith("/v2/")]


async def test_an_identity_token_where_nobody_speaks_v2_goes_on_with_v1() -> None:
    web = Web(found)
    await web.service().search("registry.corp/x", auth_config=IDENTITY)
    assert web.requests[-1].url.path == "/v1/search"
    assert "bearer" not in web.requests[-1].headers.get("authorization", "").lower()


async def test_an_identity_token_where_v2_breaks_off_goes_on_with_v1() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v2/":
            raise httpx.RemoteProtocolError("closed", request=request)
        return found(request)

    web = Web(broken)
    await web.service().search("registry.corp/x", auth_config=IDENTITY)
    assert web.requests[-1].url.path == "/v1/search"


async def test_an_identity_token_that_is_refused_is_told() -> None:
    def refusing(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"details": "expired"}) if request.url.host == "auth.corp" else with_v2(request)

    with pytest.raises(UnauthorizedError, match="expired"):
        await Web(refusing).service().search("registry.corp/x", auth_config=IDENTITY)


# On a socket


def service() -> DefaultService:
    return DefaultService(certs_dir=None)


async def test_a_registry_of_ones_own_is_searched() -> None:
    with V1Server() as server:
        results = await service().search(f"{server.address}/app")
    assert [(result.name, result.description) for result in results.results] == [("team/app", "An app")]


async def test_a_login_searches_at_an_index() -> None:
    with V1Server(mode="index", auth=("basic", "ada", "canary")) as server:
        results = await service().search(f"{server.address}/app", auth_config=AuthConfig("ada", "canary"))
    assert [result.name for result in results.results] == ["team/app"]


async def test_an_index_without_a_search_is_told_with_its_status() -> None:
    with V1Server(search=False) as server, pytest.raises(HTTPStatusError, match="code 404") as caught:
        await service().search(f"{server.address}/app")
    assert caught.value.status == 404
