"""How a registry is found: by v2 over mirrors, https and http, then by v1; and who is asked for what on the way."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import trustme

from regbrowse.browser.browser import Browser
from regbrowse.browser.journal import Journal
from regbrowse.browser.registries import Registries
from regbrowse.browser.states import ImageState, Listing, Phase, Problem
from regbrowse.credentials.chain import CredentialChain
from regbrowse.credentials.docker_config import docker_config
from regbrowse.registry import endpoint as endpoint_module
from regbrowse.registry.reference import Target, parse_reference, parse_registry_address
from regbrowse.registry.service import default as service_module
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.service.options import ServiceOptions
from regbrowse.registry.wire import httpx
from regbrowse.settings.visited import Visited
from tests.registry_server import Content, RegistryServer
from tests.v1_content import image_id
from tests.v1_server import V1Server

USER: Final = "canary-user"
PASSWORD: Final = "canary-pass"
AUTH: Final = ("basic", USER, PASSWORD)
HUB_KEY: Final = "https://index.docker.io/v1/"
AUTHORITY: Final = trustme.CA()
PAGE: Final = b"<!doctype html><title>Welcome</title><h1>Not here</h1>"
APP: Final = image_id("app")


@pytest.fixture
def content() -> Content:
    content = Content()
    content.add_image("team/app", "1.0")
    content.add_image("library/nginx", "1.0")
    return content


@pytest.fixture
def v2(content: Content) -> Iterator[RegistryServer]:
    with RegistryServer(content) as server:
        yield server


@pytest.fixture
def v1() -> Iterator[V1Server]:
    with V1Server() as server:
        yield server


@pytest.fixture
def login(tmp_path: Path) -> Callable[..., CredentialChain]:
    """Makes a store that has the canary's login for some hosts."""

    def make(*hosts: str) -> CredentialChain:
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (tmp_path / ".docker").mkdir()
        (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {host: {"auth": auth} for host in hosts}}))
        return CredentialChain([docker_config({}, tmp_path)])

    return make


@asynccontextmanager
async def opened(
    address: str,
    *,
    v2_only: bool = False,
    mirrors: Sequence[str] = (),
    credentials: CredentialChain | None = None,
    certs_dir: Path | None = None,
    demo: Callable[[], httpx.AsyncBaseTransport] | None = None,
    log: Path | None = None,
) -> AsyncIterator[Browser]:
    """The browser of what a user named."""
    options = ServiceOptions(mirrors=list(mirrors), v2_only=v2_only)
    registries = Registries(
        credentials or CredentialChain(()),
        DefaultService(options, certs_dir=certs_dir),
        Visited.load(None),
        Journal(log),
        demo=demo,
    )
    try:
        yield registries.browser(parse_registry_address(address))
    finally:
        await registries.aclose()


async def catalog(browser: Browser, *, fresh: bool = False) -> Listing:
    return [listing async for listing in browser.repositories(fresh=fresh)][-1]


async def tags(browser: Browser, repository: str = "team/app", *, fresh: bool = False) -> Listing:
    return [listing async for listing in browser.tags(repository, fresh=fresh)][-1]


async def image(browser: Browser, tag: str = "1.0", repository: str = "team/app") -> ImageState:
    target = Target(browser.address, repository, parse_reference(tag))
    return [state async for state in browser.image(target)][-1]


def asked(server: RegistryServer | V1Server) -> list[str]:
    return [str(request) for request in server.requests]


def words(browser: Browser) -> tuple[str, ...]:
    assert browser.reach
    return browser.reach.words


def problem(state: Listing | ImageState) -> Problem:
    assert state.phase is Phase.FAILED
    assert state.problem
    return state.problem


def is_secretless(server: RegistryServer | V1Server) -> bool:
    return not any("authorization" in request.headers for request in server.requests)


# A v2 registry


async def test_a_v2_registry_is_not_pinged_and_not_asked_for_v1(v2: RegistryServer) -> None:
    async with opened(v2.address) as browser:
        assert list((await catalog(browser)).names) == ["library/nginx", "team/app"]
        assert list((await tags(browser)).names) == ["1.0"]
        assert (await image(browser)).phase is Phase.READY
        assert words(browser) == ("v2", "plain HTTP", "anonymous")
    assert asked(v2)[:2] == ["GET /v2/_catalog?n=1000", "GET /v2/team/app/tags/list?n=1000"]
    assert not [line for line in asked(v2) if line.endswith("/v2/") or "/v1" in line]


@pytest.mark.parametrize("status", [404, 405, 501])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"errors": [{"code": "UNSUPPORTED", "message": "no catalog"}]}', {"Content-Type": "application/json"}),
        (PAGE, {"Docker-Distribution-Api-Version": "registry/2.0"}),
    ],
    ids=["in v2's words", "with v2's header"],
)
async def test_a_v2_registry_that_lists_nothing_is_not_asked_for_v1(
    v2: RegistryServer, status: int, body: bytes, headers: Mapping[str, str]
) -> None:
    v2.fault("GET /v2/_catalog", status=status, body=body, headers=headers, times=None)
    async with opened(v2.address) as browser:
        listing = await catalog(browser)
        assert words(browser)[0] == "v2"
    assert "does not offer a list of its repositories" in problem(listing).sentence
    assert not [line for line in asked(v2) if "/v1" in line]


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
async def test_another_failure_than_not_to_know_the_path_is_no_sign_of_v1(v1: V1Server, status: int) -> None:
    v1.fault("GET /v2/", status=status, headers={"Retry-After": "3600"}, times=None)
    async with opened(v1.address) as browser:
        assert (await catalog(browser)).phase is Phase.FAILED
        assert (await tags(browser)).phase is Phase.FAILED
    assert not [line for line in asked(v1) if "/v1" in line]


async def test_a_v2_registry_without_a_sign_of_it_stays_browsable_by_name(v2: RegistryServer) -> None:
    nothing = {"Docker-Distribution-Api-Version": None}
    for match in ("GET /v2/_catalog", "GET /v1/"):
        v2.fault(match, status=404, body=PAGE, headers=nothing, times=None)
    async with opened(v2.address) as browser:
        first = problem(await catalog(browser))
        assert list((await tags(browser)).names) == ["1.0"]
        assert (await image(browser)).phase is Phase.READY
        assert words(browser)[0] == "v2"
        v2.reset()
        v2.fault("GET /v2/_catalog", status=404, body=PAGE, headers=nothing, times=None)
        again = problem(await catalog(browser, fresh=True))
    assert "open a repository by its name" in first.next_step
    assert "does not offer a list" in again.sentence
    assert asked(v2) == ["GET /v2/_catalog?n=1000"]  # it has shown by now that it speaks v2


# A v1 registry


async def test_a_v1_registry_is_found_after_v2_is_not_known_there(v1: V1Server) -> None:
    async with opened(v1.address) as browser:
        listing = await catalog(browser)
        assert words(browser) == ("v1", "plain HTTP", "anonymous")
        assert browser.reach
        assert browser.reach.url == v1.base
    assert (listing.phase, list(listing.names)) == (Phase.READY, ["library/base", "team/app"])
    assert asked(v1) == ["GET /v2/_catalog?n=1000", "GET /v1/_ping", "GET /v1/search?q=&n=100"]


async def test_once_it_is_found_v2_is_not_asked_for_again(v1: V1Server) -> None:
    async with opened(v1.address) as browser:
        await catalog(browser)
        v1.requests.clear()
        assert list((await tags(browser)).names) == ["1.0", "latest", "runtime"]
        assert len((await image(browser)).steps) == 3
        assert (await catalog(browser, fresh=True)).phase is Phase.READY
    assert not [line for line in asked(v1) if "/v2/" in line or "_ping" in line]


@pytest.mark.parametrize(
    ("first", "path"),
    [(tags, "GET /v2/team/app/tags/list?n=1000"), (image, "GET /v2/team/app/manifests/1.0")],
    ids=["tags", "image"],
)
async def test_it_is_found_by_whatever_is_asked_first(v1: V1Server, first: Callable[..., Any], path: str) -> None:
    async with opened(v1.address) as browser:
        assert (await first(browser)).phase is Phase.READY
        assert words(browser)[0] == "v1"
    assert asked(v1)[:2] == [path, "GET /v1/_ping"]


async def test_it_is_looked_for_once_by_all_who_ask_together(v1: V1Server) -> None:
    async with opened(v1.address) as browser:
        found = await asyncio.gather(catalog(browser), tags(browser), image(browser))
    assert [state.phase for state in found] == [Phase.READY] * 3
    assert asked(v1).count("GET /v1/_ping") == 1


async def test_the_tags_of_one_image_are_known_as_such(v1: V1Server) -> None:
    async with opened(v1.address) as browser:
        listing = await tags(browser)
        assert [known async for known in browser.all_details("team/app", listing.names)][-1] == 3
        state = await image(browser)
    assert (state.identity, state.same) == (APP, ("latest",))


async def test_a_spelled_scheme_and_a_path_count_for_v1_too(v1: V1Server) -> None:
    v1.fault("GET /old/v1/_ping", status=200, body=b"true", headers={"X-Docker-Registry-Standalone": "True"})
    v1.fault("GET /old/v1/search", status=200, body=b'{"results": [{"name": "team/app"}]}')
    async with opened(f"http://{v1.address}/old") as browser:
        assert list((await catalog(browser)).names) == ["team/app"]
    assert asked(v1) == ["GET /old/v2/_catalog?n=1000", "GET /old/v1/_ping", "GET /old/v1/search?q=&n=100"]


async def test_what_is_decided_is_in_the_log(v1: V1Server, tmp_path: Path) -> None:
    async with opened(v1.address, log=tmp_path / "log") as browser:
        await catalog(browser)
    log = (tmp_path / "log").read_text()
    assert f"no sign of v2, asking {v1.base} for v1" in log
    assert f"GET {v1.base}search?q=&n=100 200" in log


# Over TLS


@pytest.fixture
def certs_dir(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a certificates directory with the private CA of a host."""

    def make(address: str) -> Path:
        folder = tmp_path / "certs.d" / address
        folder.mkdir(parents=True)
        AUTHORITY.cert_pem.write_to_path(str(folder / "ca.crt"))
        return tmp_path / "certs.d"

    return make


async def test_a_v1_registry_with_a_private_ca_is_verified(certs_dir: Callable[[str], Path]) -> None:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as v1:
        async with opened(f"https://{v1.address}", certs_dir=certs_dir(v1.address)) as browser:
            assert (await catalog(browser)).phase is Phase.READY
            assert len((await image(browser)).steps) == 3
            assert words(browser) == ("v1", "TLS verified", "anonymous")


async def test_a_v1_registry_that_stands_alone_gets_the_login_over_tls(
    certs_dir: Callable[[str], Path], login: Callable[..., CredentialChain]
) -> None:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1"), auth=AUTH, open_ping=True) as v1:
        store = login(v1.address)
        v1.fault("GET /v2/", status=404, body=PAGE, times=None)
        async with opened(f"https://{v1.address}", certs_dir=certs_dir(v1.address), credentials=store) as browser:
            assert (await image(browser)).phase is Phase.READY
            assert words(browser) == ("v1", "TLS verified", f"{USER} (docker config)")


async def test_a_v1_registry_that_wants_the_login_for_everything_is_found(
    certs_dir: Callable[[str], Path], login: Callable[..., CredentialChain]
) -> None:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1"), auth=AUTH) as v1:
        store = login(v1.address)
        async with opened(f"https://{v1.address}", certs_dir=certs_dir(v1.address), credentials=store) as browser:
            assert list((await catalog(browser)).names) == ["library/base", "team/app"]
            assert len((await image(browser)).steps) == 3
            assert words(browser) == ("v1", "TLS verified", f"{USER} (docker config)")


async def test_a_v1_registry_of_an_unknown_ca_is_never_asked_over_http() -> None:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as v1:
        async with opened(f"https://{v1.address}") as browser:
            assert "is not accepted" in problem(await catalog(browser)).sentence
    assert v1.requests == []


async def test_an_insecure_v1_registry_over_https_is_asked_there_alone() -> None:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as v1:
        async with opened(v1.address) as browser:
            assert (await catalog(browser)).phase is Phase.READY
            assert words(browser)[1] == "TLS not verified"


async def test_no_login_goes_to_an_index_over_a_connection_that_is_not_safe(
    login: Callable[..., CredentialChain], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_module, "is_loopback", lambda _: False)
    with V1Server(mode="index", auth=AUTH) as v1:
        async with opened(v1.address, credentials=login(v1.address)) as browser:
            told = problem(await tags(browser))
            assert "the connection to it is not safe" in told.sentence
            assert "was not sent" in told.next_step
            assert words(browser) == ("v1", "plain HTTP", "anonymous")
    assert is_secretless(v1)


async def test_an_index_on_this_machine_gets_the_login_for_its_token(login: Callable[..., CredentialChain]) -> None:
    with V1Server(mode="index", auth=AUTH) as v1:
        async with opened(v1.address, credentials=login(v1.address)) as browser:
            assert (await image(browser)).phase is Phase.READY
            assert words(browser)[2] == f"{USER} (docker config)"


# No registry at all


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_web_server_that_is_no_registry_is_told_to_be_none(v1: V1Server, status: int) -> None:
    v1.fault("", status=status, body=PAGE, headers={"Content-Type": "text/html"}, times=None)
    async with opened(v1.address) as browser:
        told = problem(await catalog(browser))
        assert words(browser) == ("plain HTTP", "anonymous")  # no protocol: it showed none
    assert told.sentence == (
        f"{v1.address} shows no sign of being a registry: it answered {status} to v2, and does not know v1."
    )
    assert told.next_step == "Check the address and the port, or open a repository by its name."
    assert [line for line in asked(v1) if "/v2/_catalog" not in line] == ["GET /v1/_ping"]


@pytest.mark.parametrize(
    ("status", "body"), [(200, PAGE), (200, b""), (200, b"[]"), (200, b'"pong"'), (401, b"true"), (500, b"{}")]
)
async def test_a_ping_that_any_server_might_answer_so_is_no_sign_of_v1(v1: V1Server, status: int, body: bytes) -> None:
    gone = {"X-Docker-Registry-Version": None, "X-Docker-Registry-Standalone": None}
    v1.fault("GET /v1/_ping", status=status, body=body, headers=gone, times=None)
    async with opened(v1.address) as browser:
        assert "shows no sign of being a registry" in problem(await catalog(browser)).sentence
    assert asked(v1)[-1] == "GET /v1/_ping"


async def test_a_server_that_ends_after_v2_is_told_as_not_answering(v1: V1Server) -> None:
    v1.fault("GET /v1/_ping", close=True, times=None)
    async with opened(v1.address) as browser:
        assert "closed the connection" in problem(await catalog(browser)).sentence


# v1 is switched off


@pytest.mark.parametrize("first", [catalog, tags, image])
async def test_where_v1_is_switched_off_it_is_refused_without_being_asked(
    v1: V1Server, first: Callable[..., Any]
) -> None:
    async with opened(v1.address, v2_only=True) as browser:
        told = problem(await first(browser))
    assert told.sentence == (
        f"{v1.address} does not speak the v2 protocol of registries, and v1 is switched off (disable-legacy-registry)."
    )
    assert told.next_step.startswith("If it is an old registry, leave --disable-legacy-registry out")
    assert v1.requests
    assert not [line for line in asked(v1) if "/v1" in line]


async def test_where_v1_is_switched_off_a_v2_registry_is_browsed_as_ever(v2: RegistryServer) -> None:
    async with opened(v2.address, v2_only=True) as browser:
        assert (await catalog(browser)).phase is Phase.READY


# Docker Hub and its mirrors


@pytest.fixture
def hub(content: Content, monkeypatch: pytest.MonkeyPatch) -> Iterator[RegistryServer]:
    """Docker Hub, as far as the service knows."""
    with RegistryServer(content) as server:
        monkeypatch.setattr(service_module, "DEFAULT_V2_REGISTRY", server.url)
        yield server


async def test_docker_hub_is_never_asked_for_v1(v1: V1Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "DEFAULT_V2_REGISTRY", v1.url)
    async with opened("docker.io") as browser:
        assert (await catalog(browser)).phase is Phase.FAILED
        assert "has no repository team/app" in problem(await tags(browser)).sentence
        assert "has no tag 1.0" in problem(await image(browser)).sentence
    assert asked(v1) == ["GET /v2/team/app/tags/list?n=1000", "GET /v2/team/app/manifests/1.0"]


async def test_the_demo_is_never_asked_for_v1() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(404, content=PAGE)

    async with opened("registry.demo", demo=lambda: httpx.MockTransport(answer)) as browser:
        assert "does not offer a list" in problem(await catalog(browser)).sentence
        assert "has no repository team/app" in problem(await tags(browser)).sentence
    assert seen == ["/v2/_catalog", "/v2/team/app/tags/list"]


async def test_a_mirror_is_asked_first_and_shown(
    v2: RegistryServer, hub: RegistryServer, login: Callable[..., CredentialChain]
) -> None:
    store = login(HUB_KEY, v2.address)
    async with opened("docker.io", mirrors=[v2.url], credentials=store) as browser:
        assert (await image(browser, repository="library/nginx")).phase is Phase.READY
        assert words(browser) == ("v2", f"mirror {v2.address}", "plain HTTP", "anonymous")
        assert browser.reach
        assert browser.reach.via == v2.address
    assert asked(v2)[0] == "GET /v2/library/nginx/manifests/1.0"
    assert is_secretless(v2)
    assert hub.requests == []


async def test_a_mirror_that_wants_a_login_gets_none(
    content: Content, hub: RegistryServer, login: Callable[..., CredentialChain]
) -> None:
    with RegistryServer(content, auth=AUTH) as mirror:
        store = login(HUB_KEY, mirror.address)
        async with opened("docker.io", mirrors=[mirror.url], credentials=store) as browser:
            assert "who you are" in problem(await tags(browser)).sentence
    assert is_secretless(mirror)
    assert is_secretless(hub)


async def test_a_mirror_that_is_down_is_passed_over(v2: RegistryServer, hub: RegistryServer) -> None:
    v2.stop()
    async with opened("docker.io", mirrors=[v2.url]) as browser:
        assert (await image(browser, repository="library/nginx")).phase is Phase.READY
        assert words(browser) == ("v2", "plain HTTP", "anonymous")
        assert browser.reach
        assert (browser.reach.via, browser.reach.url) == ("", f"{hub.url}/v2/")


async def test_mirrors_are_asked_in_their_order(content: Content, v2: RegistryServer, hub: RegistryServer) -> None:
    with RegistryServer(content) as dead, RegistryServer(content) as second:
        dead.stop()
        async with opened("docker.io", mirrors=[dead.url, second.url, v2.url]) as browser:
            assert (await tags(browser, "library/nginx")).phase is Phase.READY
            assert words(browser)[1] == f"mirror {second.address}"
    assert (v2.requests, hub.requests) == ([], [])


async def test_a_mirror_is_not_asked_for_v1(v1: V1Server, hub: RegistryServer) -> None:
    async with opened("docker.io", mirrors=[v1.url]) as browser:
        assert (await tags(browser)).phase is Phase.FAILED
    assert asked(v1) == ["GET /v2/team/app/tags/list?n=1000"]


async def test_mirrors_are_of_docker_hub_alone(content: Content, v2: RegistryServer) -> None:
    with RegistryServer(content) as mirror:
        async with opened(v2.address, mirrors=[mirror.url]) as browser:
            assert (await catalog(browser)).phase is Phase.READY
    assert mirror.requests == []


# The end


async def test_at_the_end_both_ways_are_closed(v1: V1Server) -> None:
    before = asyncio.all_tasks()
    async with opened(v1.address) as browser:
        await catalog(browser)
    assert asyncio.all_tasks() == before
    with pytest.raises(RuntimeError, match="closed"):
        await catalog(browser, fresh=True)


async def test_a_web_server_that_knows_no_path_is_never_told_the_login(
    v1: V1Server, login: Callable[..., CredentialChain]
) -> None:
    v1.fault("", status=404, body=PAGE, headers={"Content-Type": "text/html"}, times=None)
    async with opened(v1.address, credentials=login(v1.address)) as browser:
        assert (await catalog(browser)).phase is Phase.FAILED
    assert not [request for request in v1.requests if "authorization" in request.headers]
