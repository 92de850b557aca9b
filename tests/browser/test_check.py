"""What `--check` and the connection screen say of a registry, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from regbrowse.browser.check import CheckStep, check_steps, ways
from regbrowse.browser.journal import Journal
from regbrowse.browser.registries import Registries
from regbrowse.browser.source import Source
from regbrowse.browser.v2_source import V2Source
from regbrowse.credentials.chain import CredentialChain
from regbrowse.registry.auth import BasicAuthorizer, Credential
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import ConfigError, HTTPStatusError
from regbrowse.registry.exchange import Observer
from regbrowse.registry.proxies import Proxies
from regbrowse.registry.reference import RegistryAddress, Target, parse_reference
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.service.options import ServiceOptions
from regbrowse.registry.text import SafeText
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.transport import Transport
from regbrowse.settings.visited import Visited
from tests.registry.reaching import LOGIN, PASSWORD, USER, reaching, stored
from tests.registry_server import Content, RegistryServer
from tests.v1_content import image_id
from tests.v1_server import V1Server


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
        "proxy      none: no proxy is set",
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
    assert [step.line for step in steps[4:6]] == [
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
    assert [step.failed for step in steps] == [False, False, False, True]
    assert f"does not accept the password of {USER}" in steps[-1].line
    assert "login" in steps[-1].next_step
    assert "wrong-canary" not in repr(steps)


async def test_a_dead_port_is_a_failure(server: RegistryServer) -> None:
    server.stop()
    steps = await steps_of(server)
    assert [step.line for step in steps[:3]] == tries(server)
    assert steps[-1].failed
    assert "the connection is refused" in steps[-1].line
    assert steps[-1].next_step


@pytest.mark.parametrize("status", [403, 404, 405])
async def test_a_catalog_that_is_not_offered_is_no_failure(server: RegistryServer, status: int) -> None:
    server.fault("GET /v2/_catalog", status=status, times=None)
    steps = await steps_of(server)
    assert steps[4].line.startswith("catalog    ")
    assert steps[4].next_step
    assert not [step for step in steps if step.failed]


async def test_a_registry_that_wants_a_login_where_there_is_none_is_a_failure(content: Content) -> None:
    with RegistryServer(content, auth=("basic", USER, PASSWORD)) as server:
        steps = await steps_of(server)
    assert [step.failed for step in steps] == [False, False, False, True]
    assert "who you are" in steps[-1].line


async def test_a_repository_that_is_not_there_is_a_failure(server: RegistryServer) -> None:
    steps = await steps_of(server, "team/missing")
    assert steps[-1].failed
    assert "has no repository team/missing" in steps[-1].line


async def test_a_tag_that_is_not_there_is_a_failure_after_the_tags(server: RegistryServer) -> None:
    steps = await steps_of(server, "team/app", "2.0")
    assert steps[4].line == "tags       1 of team/app"
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


@pytest.mark.parametrize(
    ("environ", "lines"),
    [
        ({}, ["none: no proxy is set"]),
        ({"ALL_PROXY": "http://canary-user:canary-pass@proxy.corp:3128"}, ["proxy.corp:3128 (ALL_PROXY)"]),
        ({"ALL_PROXY": "proxy.corp", "NO_PROXY": "corp"}, ["none: NO_PROXY has corp"]),
        (
            {"HTTPS_PROXY": "proxy.corp:3128"},
            [
                "proxy.corp:3128 (HTTPS_PROXY)  for https://registry.corp",
                "none: no proxy is set for http  for http://registry.corp",
            ],
        ),
    ],
    ids=str,
)
def test_the_proxy_is_named_or_why_there_is_none(environ: dict[str, str], lines: list[str]) -> None:
    endpoints = [APIEndpoint("https://registry.corp"), APIEndpoint("http://registry.corp")]
    assert ways(endpoints, Proxies.of(environ)) == lines


async def test_the_proxy_is_told_after_the_addresses() -> None:
    address = RegistryAddress("registry.test:5000")

    async def connect(observe: Observer) -> V2Source:
        transport = Transport(
            [APIEndpoint("http://registry.test:5000")],
            BasicAuthorizer(address.host, stored(None)),
            observe=observe,
            proxies=Proxies.of({"HTTP_PROXY": "http://canary-user:canary-pass@127.0.0.1:1"}),
        )
        return V2Source(RegistryClient(address, transport))

    steps = [step async for step in check_steps(Target(address), connect, no_v1)]
    assert [step.line for step in steps[:2]] == [
        "address    http://registry.test:5000/v2/  (plain HTTP)",
        "proxy      127.0.0.1:1 (HTTP_PROXY)",
    ]
    assert "The proxy 127.0.0.1:1 (HTTP_PROXY) cannot be reached" in steps[-1].line
    assert steps[-1].next_step == "Correct HTTP_PROXY, or add registry.test to NO_PROXY."
    assert "canary" not in repr(steps)


# A v1 registry


@pytest.fixture
def v1() -> Iterator[V1Server]:
    with V1Server() as server:
        yield server


async def v1_steps_of(
    v1: V1Server, repository: str = "", reference: str = "", *, v2_only: bool = False
) -> list[CheckStep]:
    """The steps as the program puts them together."""
    service = DefaultService(ServiceOptions(v2_only=v2_only), certs_dir=None)
    registries = Registries(CredentialChain(()), service, Visited.load(None), Journal())
    target = Target(RegistryAddress(v1.address), repository, parse_reference(reference) if reference else None)
    try:
        return [step async for step in registries.check(target)]
    finally:
        await registries.aclose()


def told_by(steps: list[CheckStep]) -> list[str]:
    """The lines but for those of the ways and of requests."""
    return [step.line for step in steps if not step.line.startswith(("address", "proxy", "request"))]


async def test_a_v1_registry_is_reached_step_by_step(v1: V1Server) -> None:
    steps = await v1_steps_of(v1)
    requests = [step.line.removeprefix("request    GET ") for step in steps if step.line.startswith("request")]
    assert requests[0].startswith(f"https://{v1.address}/v2/ ")
    assert requests[1:] == [
        f"http://{v1.address}/v2/  404",
        f"{v1.base}_ping  200",
        f"{v1.base}search?q=&n=100  200",
    ]
    assert told_by(steps) == [f"reached    {v1.base}", "catalog    2 repositories", "account    anonymous"]
    assert not [step for step in steps if step.failed]


async def test_what_the_target_names_is_asked_for_by_v1(v1: V1Server) -> None:
    assert told_by(await v1_steps_of(v1, "team/app", "1.0"))[1:3] == [
        "tags       3 of team/app",
        f"image      {image_id('app')}  (a v1 id, not verifiable by digest)",
    ]


async def test_a_v1_registry_without_a_search_is_no_failure() -> None:
    with V1Server(search=False) as v1:
        steps = await v1_steps_of(v1)
    (catalog,) = (step for step in steps if step.line.startswith("catalog"))
    assert "without a search" in catalog.line
    assert catalog.next_step == "Open a repository by its name."
    assert not [step for step in steps if step.failed]


@pytest.mark.parametrize(
    ("repository", "reference", "words"),
    [("team/missing", "", "has no repository team/missing"), ("team/app", "9.9", "has no tag 9.9")],
)
async def test_what_a_v1_registry_has_not_got_is_a_failure(
    v1: V1Server, repository: str, reference: str, words: str
) -> None:
    steps = await v1_steps_of(v1, repository, reference)
    assert steps[-1].failed
    assert words in steps[-1].line


async def test_a_digest_of_a_v1_registry_is_a_failure(v1: V1Server) -> None:
    steps = await v1_steps_of(v1, "team/app", f"sha256:{image_id('app')}")
    assert steps[-1].failed
    assert "its images have no digests" in steps[-1].line


async def test_where_v1_is_switched_off_the_check_says_so_and_does_not_ask(v1: V1Server) -> None:
    steps = await v1_steps_of(v1, v2_only=True)
    assert steps[-1].failed
    assert "v1 is switched off (disable-legacy-registry)" in steps[-1].line
    assert "--disable-legacy-registry" in steps[-1].next_step
    assert [str(request) for request in v1.requests] == ["GET /v2/"]


async def test_a_web_server_that_speaks_neither_is_a_failure(v1: V1Server) -> None:
    v1.fault("", status=404, body=b"<h1>Not here</h1>", times=None)
    steps = await v1_steps_of(v1)
    assert steps[-1].failed
    assert "shows no sign of being a registry" in steps[-1].line
    assert [step.line for step in steps if step.line.endswith("_ping  404")]


@pytest.mark.parametrize("status", [405, 501])
async def test_another_way_not_to_know_v2_leads_to_v1_as_well(v1: V1Server, status: int) -> None:
    v1.fault("GET /v2/", status=status, times=None)
    assert not [step for step in await v1_steps_of(v1) if step.failed]


async def test_the_checks_own_ways_are_closed(v1: V1Server) -> None:
    before = asyncio.all_tasks()
    await v1_steps_of(v1)
    assert asyncio.all_tasks() == before
