"""Two origins: G, the registry that somebody named, and E, an attacker's server that G or its answers lead to."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import trustme

from regbrowse.browser.accounts import Accounts, Keeping
from regbrowse.browser.journal import Journal
from regbrowse.browser.registries import Registries
from regbrowse.browser.states import ImageState, Listing, Problem
from regbrowse.credentials.chain import CredentialChain
from regbrowse.registry.auth import Credential
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.digest import Digest
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.models import Descriptor
from regbrowse.registry.reference import Target, parse_reference, parse_registry_address
from regbrowse.registry.resolving import system_resolver
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.service.options import ServiceOptions
from regbrowse.registry.text import SafeText
from regbrowse.registry.token_keeper import TokenKeeper
from regbrowse.settings.visited import Visited
from tests.registry.reaching import LOGIN, PASSWORD, USER, reaching
from tests.registry.tokens_world import AUTHORITY, TRUSTS, assert_no_secret_at, seen_at
from tests.registry_rules import BasicAuth
from tests.registry_server import Content, RegistryServer
from tests.token_server import Answer, Headers, Request, Server
from tests.v1_server import V1Server

BLOB: Final = b"the configuration"
BLOB_DIGEST: Final = Digest.of(BLOB)
MANIFEST: Final = "/v2/team/app/manifests/1.0"
TAG: Final = f"GET {MANIFEST}"
BASIC: Final[BasicAuth] = ("basic", USER, PASSWORD)
PUBLIC: Final = "203.0.113.1"


class Attacker(Server):
    """E: asks whoever comes for a login, in every way there is, and gives a token for whatever it is told.

    Args:
        status: With which it asks for more.
        tls: A certificate to serve https with.
        name: By which it names its own token server; its address if not given.
    """

    def __init__(self, *, status: int = 401, tls: trustme.LeafCert | None = None, name: str = "") -> None:
        self.status = status
        self.name = name
        super().__init__(tls=tls)

    @property
    def realm(self) -> str:
        return f"{self._scheme}://{f'{self.name}:{self.port}' if self.name else self.address}/token"

    @property
    def challenges(self) -> Headers:
        wider = 'error="insufficient_scope",scope="repository:team/app:pull,push"'
        lines = [f'Bearer realm="{self.realm}",service="e",{wider}', 'Basic realm="e"']
        return [("WWW-Authenticate", line) for line in lines]

    def answer(self, request: Request) -> Answer:
        if urlsplit(request.path).path == "/token":
            return Answer(200, b'{"token":"of-e","access_token":"of-e"}', [("Content-Type", "application/json")])
        return Answer(self.status, b"{}", self.challenges)

    @property
    def asked(self) -> list[str]:
        return [str(request) for request in self.requests]


def content() -> Content:
    content = Content()
    content.add_image("team/app", "1.0")
    content.add_image("team/other", "1.0")
    content.add_blob("team/app", BLOB)
    return content


def assert_learnt_nothing(evil: Server | RegistryServer) -> None:
    """No login, token or cookie came to E, and nobody asked it for a token in somebody's name."""
    assert_no_secret_at(evil)
    for word in ("authorization", "cookie", "account="):
        assert word not in seen_at(evil).lower()


def secrets_at(server: RegistryServer | V1Server) -> list[str]:
    """What a registry was told to prove who asks."""
    return [value for request in server.requests if (value := request.headers.get("authorization"))]


# By name, over TLS


def at_evil(server: Server, scheme: str = "https") -> str:
    return f"{scheme}://evil.test:{server.port}/token"


@asynccontextmanager
async def by_name(
    good: RegistryServer,
    certs_dir: Path,
    *others: Server,
    login: Credential | None = LOGIN,
    name: str = "registry.test",
    addresses: Mapping[str, Sequence[str]] | None = None,
    **options: Any,
) -> AsyncIterator[RegistryClient]:
    """A client of G over TLS, by its name, to which the certificates of the token servers `others` are known.

    Args:
        addresses: Where it finds names to lead, before it connects; this machine if not given.
    """
    address = f"{name}:{good.port}"

    async def resolver(host: str) -> Sequence[str]:
        return addresses[host] if addresses and host in addresses else await system_resolver(host)

    folders = trusting(certs_dir, *(f"evil.test:{server.port}" for server in others))
    async with reaching(
        address,
        login=login,
        endpoints=[APIEndpoint(f"https://{address}", tls_config=TRUSTS)],
        tokens=TokenKeeper(address, certs_dir=folders, resolver=resolver),
        certs_dir=folders,
        resolver=resolver,
        **options,
    ) as client:
        yield client


# What is asked of G


async def get(client: RegistryClient, repository: str = "team/app") -> None:
    await client.manifest(repository, "1.0", fresh=True)


async def head(client: RegistryClient) -> None:
    await client.resolve("team/app", "1.0")


async def tags(client: RegistryClient) -> None:
    await anext(client.tags("team/app"))


async def catalog(client: RegistryClient) -> None:
    await anext(client.catalog())


async def blob(client: RegistryClient) -> None:
    await client.blob("team/app", Descriptor(SafeText(""), BLOB_DIGEST, len(BLOB)), limit=1000)


# The whole program but for its screens


def docker_login(home: Path, *hosts: str) -> CredentialChain:
    """The stores of a home folder in which Docker has the canary's login for `hosts`, and regbrowse its own files."""
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    folder = home / ".docker"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth} for host in hosts}}))
    return CredentialChain.of({}, home, config_folder=home / "regbrowse")


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def public_resolver(host: str) -> Sequence[str]:
    """Says that every host is far away, so that no name is one of this machine's insecure registries."""
    return [PUBLIC]


def trusting(folder: Path, *addresses: str) -> Path:
    """A certificates directory in which these servers have the tests' authority."""
    for address in addresses:
        (folder / address).mkdir(parents=True)
        AUTHORITY.cert_pem.write_to_path(str(folder / address / "ca.crt"))
    return folder


@asynccontextmanager
async def registries_of(
    credentials: CredentialChain | None = None,
    *,
    mirrors: Sequence[str] = (),
    insecure: Sequence[str] = (),
    certs_dir: Path | None = None,
    log: Path | None = None,
    **options: Any,
) -> AsyncIterator[Registries]:
    """What the door puts together, without a file of the user's."""
    registries = Registries(
        credentials or CredentialChain(()),
        DefaultService(
            ServiceOptions(mirrors=list(mirrors), insecure_registries=list(insecure)),
            certs_dir=certs_dir,
            resolver=public_resolver,
        ),
        Visited.load(None),
        Journal(log),
        **options,
    )
    try:
        yield registries
    finally:
        await registries.aclose()


async def log_in_and_keep(accounts: Accounts, keeping: Keeping, password: str = PASSWORD) -> str:
    """What the login screen does. Gives what the user hears."""
    said = await accounts.log_in(USER, password)
    return f"{said}{await accounts.keep(keeping)}"


async def shown_tags(registries: Registries, address: str, repository: str = "team/app") -> Listing:
    browser = registries.browser(parse_registry_address(address))
    return [listing async for listing in browser.tags(repository)][-1]


async def shown_catalog(registries: Registries, address: str) -> Listing:
    browser = registries.browser(parse_registry_address(address))
    return [listing async for listing in browser.repositories(fresh=True)][-1]


async def shown_image(registries: Registries, address: str, tag: str = "1.0") -> ImageState:
    browser = registries.browser(parse_registry_address(address))
    target = Target(browser.address, "team/app", parse_reference(tag))
    return [state async for state in browser.image(target)][-1]


def problem(state: Listing | ImageState) -> Problem:
    assert state.problem
    return state.problem
