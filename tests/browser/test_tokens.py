"""Registries that hand out tokens, as the browser opens them: which login goes where, and what the header says."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from regbrowse.browser.states import Phase
from regbrowse.credentials.chain import CredentialChain
from regbrowse.credentials.docker_config import docker_config
from tests.browser.test_registries import HUB_KEY, catalog, image, opened, problem, tags, words
from tests.registry.reaching import LOGIN, PASSWORD, USER
from tests.registry.tokens_world import Tokens, assert_no_secret_at, authorizations, content
from tests.registry_server import RegistryServer


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    with Tokens() as server:
        yield server


@pytest.fixture
def registry(tokens: Tokens) -> Iterator[RegistryServer]:
    held = content()
    held.add_image("library/nginx", "1.0")
    with RegistryServer(held, auth=tokens.auth()) as server:
        yield server


def stored(folder: Path, host: str, entry: dict[str, str] | None = None) -> CredentialChain:
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (folder / ".docker").mkdir()
    (folder / ".docker/config.json").write_text(json.dumps({"auths": {host: entry or {"auth": auth}}}))
    return CredentialChain([docker_config({}, folder)])


async def test_without_a_login_one_is_anonymous(registry: RegistryServer, tokens: Tokens) -> None:
    async with opened(registry.address) as browser:
        assert (await catalog(browser)).phase is Phase.READY
        assert (await tags(browser)).phase is Phase.READY
        assert (await image(browser)).phase is Phase.READY
        assert words(browser) == ("v2", "plain HTTP", "anonymous")
    assert tokens.scopes == [["registry:catalog:*"], ["repository:team/app:pull"]]


async def test_the_account_of_the_token_is_in_the_header(
    registry: RegistryServer, tokens: Tokens, tmp_path: Path
) -> None:
    async with opened(registry.address, credentials=stored(tmp_path, registry.address)) as browser:
        assert (await image(browser)).phase is Phase.READY
        assert words(browser) == ("v2", "plain HTTP", f"{USER} (docker config)")
    assert authorizations(tokens) == [LOGIN.basic]


async def test_an_identity_token_of_docker_is_used(registry: RegistryServer, tokens: Tokens, tmp_path: Path) -> None:
    tokens.refresh_tokens["canary-refresh"] = USER
    entry = {"auth": base64.b64encode(b"ada:").decode(), "identitytoken": "canary-refresh"}
    async with opened(registry.address, credentials=stored(tmp_path, registry.address, entry)) as browser:
        assert (await image(browser)).phase is Phase.READY
        assert words(browser)[-1] == "ada (docker config)"
    assert [request.method for request in tokens.requests] == ["POST"]


async def test_where_a_password_is_wanted_an_identity_token_is_said_to_be_of_no_use(tmp_path: Path) -> None:
    with RegistryServer(content(), auth=("basic", USER, PASSWORD)) as server:
        credentials = stored(tmp_path, server.address, {"identitytoken": "canary-refresh"})
        async with opened(server.address, credentials=credentials) as browser:
            said = problem(await tags(browser))
    assert "is a token" in str(said)
    assert_no_secret_at(server)


async def test_a_mirror_that_wants_tokens_gets_no_login(
    registry: RegistryServer, tokens: Tokens, tmp_path: Path
) -> None:
    credentials = stored(tmp_path, HUB_KEY)
    async with opened("docker.io", mirrors=[registry.url], credentials=credentials) as browser:
        assert (await tags(browser, "library/nginx")).phase is Phase.READY
        assert words(browser)[-1] == "anonymous"
    assert_no_secret_at(tokens)
    assert tokens.requests


async def test_every_request_is_in_the_log_without_secrets(
    registry: RegistryServer, tokens: Tokens, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with opened(registry.url, credentials=stored(tmp_path, registry.address), log=log) as browser:
        await tags(browser)
    lines = [line for line in log.read_text().splitlines() if " GET " in line]
    assert len(lines) == len(registry.requests) + len(tokens.requests) == 3
    assert "/token?account=…&scope=repository:team/app:pull&service=registry.test 200" in lines[1]
    assert not [line for line in lines if USER in line or PASSWORD in line or "canary-token" in line]
