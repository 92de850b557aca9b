"""A login through the service: where it is tried (seed-registry-package.md §11)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from regbrowse.registry.docker_http import RequestModifier
from regbrowse.registry.errors import ConfigError, ConnectionFailedError, RegistryError
from regbrowse.registry.service.auth_config import AuthConfig
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.service.options import ServiceOptions
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.wire import httpx
from tests.v1_server import V1Server


class Unreachable:
    """Nobody is anywhere; the addresses that were tried are remembered."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    def __call__(self, tls: TLSConfig, modifiers: Sequence[RequestModifier]) -> httpx.AsyncBaseTransport:
        def refuse(request: httpx.Request) -> httpx.Response:
            self.tried.append(f"{request.url.scheme}://{request.url.netloc.decode()}{request.url.path}")
            raise httpx.ConnectError("refused", request=request)

        return httpx.MockTransport(refuse)


async def nowhere(host: str) -> Sequence[str]:
    raise OSError("unknown")


@pytest.mark.parametrize(
    ("server", "tried"),
    [
        ("", ["https://registry-1.docker.io/v2/"]),
        ("https://index.docker.io/v1/", ["https://registry-1.docker.io/v2/"]),
        ("docker.io", ["https://registry-1.docker.io/v2/"]),
        ("registry.corp", ["https://registry.corp/v2/", "https://registry.corp/v1/users/"]),
        ("registry.corp:5000", ["https://registry.corp:5000/v2/", "https://registry.corp:5000/v1/users/"]),
        ("registry.corp?x=1", ["https://registry.corp/v2/", "https://registry.corp/v1/users/"]),
        ("registry.corp#f", ["https://registry.corp/v2/", "https://registry.corp/v1/users/"]),
        ("https://user:pw@registry.corp", ["https://registry.corp/v2/", "https://registry.corp/v1/users/"]),
        ("http://registry.corp/a/path", ["https://registry.corp/v2/", "https://registry.corp/v1/users/"]),
        (
            "lab.corp",
            ["https://lab.corp/v2/", "http://lab.corp/v2/", "https://lab.corp/v1/users/", "http://lab.corp/v1/users/"],
        ),
    ],
)
async def test_a_login_is_tried_everywhere_that_the_host_may_be(server: str, tried: list[str]) -> None:
    web = Unreachable()
    options = ServiceOptions(insecure_registries=["lab.corp"], mirrors=["https://mirror.corp"])
    service = DefaultService(options, certs_dir=None, resolver=nowhere, make_transport=web)
    with pytest.raises(ConnectionFailedError):
        await service.auth(AuthConfig("ada", "pw", server_address=server))
    assert web.tried == tried


async def test_without_v1_a_login_is_not_tried_there() -> None:
    web = Unreachable()
    service = DefaultService(ServiceOptions(v2_only=True), certs_dir=None, resolver=nowhere, make_transport=web)
    with pytest.raises(ConnectionFailedError):
        await service.auth(AuthConfig("ada", "pw", server_address="registry.corp"))
    assert web.tried == ["https://registry.corp/v2/"]


@pytest.mark.parametrize("server", ["https://", "a b", "[::1", "host:port", "-"])
async def test_an_address_that_is_no_registrys_is_refused_unasked(server: str) -> None:
    web = Unreachable()
    with pytest.raises(ConfigError):
        await DefaultService(certs_dir=None, resolver=nowhere, make_transport=web).auth(
            AuthConfig("ada", "canary-pass", server_address=server)
        )
    assert web.tried == []


async def test_the_login_that_is_given_stays_as_it_is() -> None:
    login = AuthConfig("ada", "pw", server_address="registry.corp")
    service = DefaultService(certs_dir=None, resolver=nowhere, make_transport=Unreachable())
    with pytest.raises(RegistryError):
        await service.auth(login)
    assert login == AuthConfig("ada", "pw", server_address="registry.corp")


async def test_a_v1_registry_takes_a_login_after_v2_was_not_there() -> None:
    with V1Server(auth=("basic", "ada", "canary")) as server:
        login = AuthConfig("ada", "canary", server_address=server.address)
        assert await DefaultService(certs_dir=None).auth(login, "tester/1") == ("Login Succeeded", "")
    assert server.requests[-1].path == "/v1/users/"
    assert {request.headers["user-agent"] for request in server.requests} == {"tester/1"}
