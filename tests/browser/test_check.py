"""What `--check` and the connection screen say of a registry, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from regbrowse.browser.check import CheckStep, check_steps
from regbrowse.browser.source import Source
from regbrowse.browser.v2_source import V2Source
from regbrowse.registry.auth import BasicAuthorizer, Credential
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import ConfigError, HTTPStatusError
from regbrowse.registry.exchange import Observer
from regbrowse.registry.reference import RegistryAddress, Target, parse_reference
from regbrowse.registry.text import SafeText
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.transport import Transport
from tests.registry.reaching import LOGIN, PASSWORD, USER, reaching, stored
from tests.registry_server import Content, RegistryServer


@pytest.fixture
def content() -> Content:
    content = Content()
    content.add_image("team/app", "1.0")
    content.add_repositories(f"many/{number:04}" for number in range(1500))
    return content


@pytest.fixture
def server(content: Content) -> Iterator[RegistryServer]:
    with RegistryServer(content) as server:
        yield server


def ways_to(server: RegistryServer) -> tuple[APIEndpoint, ...]:
    """As a registry on loopback is reached that is named without a scheme."""
    tls = TLSConfig(insecure_skip_verify=True)
    return tuple(APIEndpoint(f"{scheme}://{server.address}", tls_config=tls) for scheme in ("https", "http"))


async def no_v1(_: Source, error: HTTPStatusError, __: Observer) -> Source:
    raise error


async def steps_of(
    server: RegistryServer, repository: str = "", reference: str = "", *, login: Credential | None = None
) -> list[CheckStep]:
    address = RegistryAddress(server.address)
    target = Target(address, repository, parse_reference(reference) if reference else None)
    async with reaching(server, login=login, endpoints=ways_to(server)) as client:

        async def connect(_: Observer) -> V2Source:
            return V2Source(client)

        return [step async for step in check_steps(target, connect, no_v1)]


def tries(server: RegistryServer) -> list[str]:
    return [
        f"address    https://{server.address}/v2/  (TLS, any certificate)",
        f"address    http://{server.address}/v2/  (plain HTTP)",
    ]


async def test_a_good_registry_is_reached_step_by_step(server: RegistryServer) -> None:
    steps = await steps_of(server)
    assert [step.line for step in steps] == [
        *tries(server),
        f"reached    http://{server.address}/v2/",
        "catalog    1,000 repositories and more",
        "account    anonymous",
    ]
    assert not [step for step in steps if step.failed]


async def test_what_the_target_names_is_asked_for(content: Content, server: RegistryServer) -> None:
    steps = await steps_of(server, "team/app", "1.0")
    repository = content.repository("team/app")
    assert repository is not None
    assert [step.line for step in steps[3:5]] == [
        "tags       1 of team/app",
        f"manifest   {repository.tags['1.0']}  application/vnd.oci.image.manifest.v1+json",
    ]
    assert not [step for step in steps if step.failed]


async def test_the_account_is_named(content: Content) -> None:
    with RegistryServer(content, auth=("basic", USER, PASSWORD)) as server:
        steps = await steps_of(server, login=LOGIN)
    assert steps[-1].line == f"account    {USER} (docker config)"
    assert PASSWORD not in repr(steps)


async def test_a_wrong_password_is_a_failure(content: Content) -> None:
    wrong = Credential(USER, "wrong-canary", SafeText("docker config"))
    with RegistryServer(content, auth=("basic", USER, PASSWORD)) as server:
        steps = await steps_of(server, login=wrong)
    assert [step.failed for step in steps] == [False, False, True]
    assert f"does not accept the password of {USER}" in steps[-1].line
    assert "login" in steps[-1].next_step
    assert "wrong-canary" not in repr(steps)


async def test_a_dead_port_is_a_failure(server: RegistryServer) -> None:
    server.stop()
    steps = await steps_of(server)
    assert [step.line for step in steps[:2]] == tries(server)
    assert steps[-1].failed
    assert "the connection is refused" in steps[-1].line
    assert steps[-1].next_step


@pytest.mark.parametrize("status", [403, 404, 405])
async def test_a_catalog_that_is_not_offered_is_no_failure(server: RegistryServer, status: int) -> None:
    server.fault("GET /v2/_catalog", status=status, times=None)
    steps = await steps_of(server)
    assert steps[3].line.startswith("catalog    ")
    assert steps[3].next_step
    assert not [step for step in steps if step.failed]


async def test_a_registry_that_wants_a_login_where_there_is_none_is_a_failure(content: Content) -> None:
    with RegistryServer(content, auth=("basic", USER, PASSWORD)) as server:
        steps = await steps_of(server)
    assert [step.failed for step in steps] == [False, False, True]
    assert "who you are" in steps[-1].line


async def test_a_repository_that_is_not_there_is_a_failure(server: RegistryServer) -> None:
    steps = await steps_of(server, "team/missing")
    assert steps[-1].failed
    assert "has no repository team/missing" in steps[-1].line


async def test_a_tag_that_is_not_there_is_a_failure_after_the_tags(server: RegistryServer) -> None:
    steps = await steps_of(server, "team/app", "2.0")
    assert steps[3].line == "tags       1 of team/app"
    assert steps[-1].failed


async def test_settings_that_cannot_be_used_are_a_failure() -> None:
    async def connect(_: Observer) -> V2Source:
        raise ConfigError("The certificates are broken.")

    steps = [step async for step in check_steps(Target(RegistryAddress("h")), connect, no_v1)]
    assert [(step.line, step.failed) for step in steps] == [("failed     The certificates are broken.", True)]


async def test_the_client_of_a_check_is_closed(server: RegistryServer) -> None:
    closed = asyncio.Event()
    async with reaching(server) as client:

        class Closing(RegistryClient):
            async def aclose(self) -> None:
                closed.set()
                await super().aclose()

        async def connect(_: Observer) -> V2Source:
            return V2Source(Closing(client.address, client.transport))

        async for _ in check_steps(Target(client.address), connect, no_v1):
            pass
    assert closed.is_set()


async def test_each_request_is_told_with_what_became_of_it(server: RegistryServer) -> None:
    address = RegistryAddress(server.address)

    async def connect(observe: Observer) -> V2Source:
        transport = Transport(ways_to(server), BasicAuthorizer(address.host, stored(None)), observe=observe)
        return V2Source(RegistryClient(address, transport))

    lines = [step.line async for step in check_steps(Target(address), connect, no_v1)]
    told = [line for line in lines if line.startswith("request")]
    assert [line.split()[2] for line in told] == [
        f"https://{server.address}/v2/",
        f"http://{server.address}/v2/",
        f"http://{server.address}/v2/_catalog?n=1000",
    ]
    assert "does not speak TLS" in told[0]
    assert told[1].endswith(" 200")


async def test_a_server_that_is_no_registry_is_a_failure(server: RegistryServer) -> None:
    server.fault("GET /v2/", status=404, body=b"nothing here", times=None)
    steps = await steps_of(server)
    assert steps[-1].failed
    assert "does not speak the v2 protocol" in steps[-1].line
