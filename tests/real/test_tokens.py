"""A real registry that wants tokens: what the screen says, with a login and without one."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from regbrowse.registry import AuthConfig, DeniedError, RegistryClient, UnauthorizedError, open_registry
from regbrowse.registry.service.default import DefaultService
from tests.real.images import LATEST, REPOSITORIES
from tests.real.registry import PASSWORD, USER, RealRegistry, StartRegistry
from tests.real.test_walk import ALONE, browsing, open_repository, words
from tests.real.tokens import TokenIssuer


@pytest.fixture
def registry(new_registry: StartRegistry, issuer: TokenIssuer) -> RealRegistry:
    return new_registry(issuer=issuer)


@asynccontextmanager
async def opened(registry: RealRegistry, login: AuthConfig | None = None) -> AsyncIterator[RegistryClient]:
    async with open_registry(registry.url, auth_config=login, service=DefaultService(certs_dir=None)) as client:
        yield client


def test_with_a_login_everything_is_shown(registry: RealRegistry, issuer: TokenIssuer, tmp_path: Path) -> None:
    registry.write_docker_config(tmp_path)
    with browsing(registry.address, DOCKER_CONFIG=str(tmp_path)) as terminal:
        terminal.wait_for(f"{USER} (docker config)")
        open_repository(terminal, "team/app")
        terminal.wait_for("1.10.0")
        terminal.wait_for(lambda terminal: terminal.text.count("amd64") >= 5)
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert {request.header("Authorization") for request in issuer.requests} == {f"Basic {basic}"}
    assert len(issuer.requests) == 2, "one for the catalog, one for the repository, however many rows it has"


def test_without_a_login_a_public_image_is_shown(registry: RealRegistry, issuer: TokenIssuer) -> None:
    with browsing(f"{registry.address}/team/app:{LATEST}") as terminal:
        terminal.wait_for("anonymous")
        terminal.wait_for("STEP")
    assert {request.header("Authorization") for request in issuer.requests} == {""}


def test_without_a_login_the_catalog_is_denied_in_words(registry: RealRegistry) -> None:
    with browsing(registry.address, size=ALONE) as terminal:
        terminal.wait_for(lambda terminal: "does not let those without a login list" in words(terminal))


def test_a_wrong_password_is_told_and_tried_once(registry: RealRegistry, issuer: TokenIssuer, tmp_path: Path) -> None:
    wrong = base64.b64encode(f"{USER}:wrong".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.address: {"auth": wrong}}}))
    with browsing(registry.address, size=ALONE, DOCKER_CONFIG=str(tmp_path)) as terminal:
        terminal.wait_for(lambda terminal: f"does not accept the password of {USER}" in words(terminal))
    assert len(issuer.requests) == 1


async def test_a_login_given_to_the_library_is_used(registry: RealRegistry) -> None:
    async with opened(registry, AuthConfig(USER, PASSWORD)) as client:
        assert (await anext(client.catalog())).names == REPOSITORIES
        digest = (await client.resolve("team/service", "1.0")).digest
    assert digest == registry.inspect("team/service:1.0")["Digest"]


async def test_without_a_login_the_library_says_what_is_missing(registry: RealRegistry) -> None:
    async with opened(registry) as client:
        await client.resolve("team/app", LATEST)
        with pytest.raises(DeniedError):
            await anext(client.catalog())
        with pytest.raises(UnauthorizedError, match="does not let those without a login read team/service"):
            await client.manifest("team/service", "1.0")
