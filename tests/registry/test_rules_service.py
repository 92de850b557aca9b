"""What the service itself gives, and that it asks for addresses without holding anything up (§5, §6, §12, §13, §17)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from typing import Any, Final

import pytest

from regbrowse.registry.docker_http import RequestModifier, http_client, new_transport
from regbrowse.registry.resolving import system_resolver
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.service.config import IndexInfo
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.service.options import ServiceOptions
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.wire import httpx
from tests.registry.service.resolvers import Known, nobody, not_to_be_asked
from tests.v1_server import V1Server

OPTIONS: Final = ServiceOptions(mirrors=["https://mirror.corp"], insecure_registries=["lab.corp", "10.0.0.0/8"])


def service(resolver: Any = not_to_be_asked) -> DefaultService:
    return DefaultService(OPTIONS, certs_dir=None, resolver=resolver)


# Indexes and repositories


async def test_a_configured_index_is_given_itself() -> None:
    chosen = service()
    assert await chosen.resolve_index("lab.corp") is chosen.service_config().index_configs["lab.corp"]


@pytest.mark.parametrize("name", ["docker.io", "index.docker.io"])
async def test_the_index_of_docker_hub_has_the_mirrors_of_the_service(name: str) -> None:
    hub = IndexInfo("docker.io", ("https://mirror.corp/",), secure=True, official=True)
    assert await service().resolve_index(name) == hub


async def test_another_index_is_looked_up_with_the_resolver_of_the_service() -> None:
    resolver = Known(far_corp=["10.1.2.3"])
    assert await service(resolver).resolve_index("far.corp:5000") == IndexInfo("far.corp:5000", secure=False)
    assert resolver.asked == ["far.corp"]


async def test_a_repository_has_the_index_of_the_service() -> None:
    hub = await service().resolve_repository("ubuntu:24.04")
    lab = await service().resolve_repository("lab.corp/team/app")
    assert (hub.index.mirrors, hub.official) == (("https://mirror.corp/",), True)
    assert (lab.index, lab.official) == (IndexInfo("lab.corp", secure=False), False)


def test_settings_that_were_given_do_not_change_with_the_service() -> None:
    chosen = service()
    before = chosen.service_config()
    said = before.to_json()
    chosen.load_mirrors([])
    chosen.load_insecure_registries([])
    chosen.load_allow_nondistributable_artifacts(["lab.corp"])
    assert before.to_json() == said != chosen.service_config().to_json()


async def test_the_ways_to_a_registry_share_their_tls() -> None:
    found = await service().lookup_pull_endpoints("lab.corp")
    assert [endpoint.url.partition(":")[0] for endpoint in found] == ["https", "http"] * 2
    assert all(endpoint.tls_config is found[0].tls_config for endpoint in found)


# Addresses


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_the_system_knows_an_address_by_itself(address: str) -> None:
    assert await system_resolver(address) == [address]


async def test_localhost_is_insecure_as_the_system_resolves_it() -> None:
    assert not (await DefaultService(certs_dir=None).resolve_index("localhost:5000")).secure


async def test_addresses_are_looked_up_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    look_up = socket.getaddrinfo

    def noted(host: object, *others: Any, **options: Any) -> Any:
        threads.append(threading.get_ident())
        return look_up("127.0.0.1", *others, **options)

    with V1Server() as server:
        monkeypatch.setattr(socket, "getaddrinfo", noted)
        assert await system_resolver("registry.test") == ["127.0.0.1"]
        async with http_client(new_transport()) as client:
            assert (await client.get(f"http://registry.test:{server.port}/v1/_ping")).status_code == 200
    assert len(threads) >= 2
    assert threading.get_ident() not in threads


# A search at Docker Hub with an identity token


async def test_an_identity_token_is_for_docker_hub_too() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url} {request.headers.get('authorization', '')}".strip())
        if request.url.host == "auth.docker.io":
            return httpx.Response(200, json={"access_token": "canary"})
        if request.url.path == "/v2/":
            challenge = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'
            version = {"Docker-Distribution-Api-Version": "registry/2.0"}
            return httpx.Response(401, headers={**version, "WWW-Authenticate": challenge})
        return httpx.Response(200, json={})

    def make(_: TLSConfig, __: Sequence[RequestModifier]) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(answer)

    hub = DefaultService(certs_dir=None, resolver=nobody, make_transport=make)
    await hub.search("library/nginx", auth_config=AuthConfig("ada", identity_token="i"))
    assert asked == [
        "GET https://index.docker.io/v2/",
        "POST https://auth.docker.io/token",
        "GET https://index.docker.io/v1/search?q=nginx&n=25 Bearer canary",
    ]
