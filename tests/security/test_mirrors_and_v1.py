"""§5.3 tests 55 and 56: mirrors of Docker Hub, and the places that a v1 index names, are told no login."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from regbrowse.browser.states import Phase
from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import RegistryError, WrongLoginError
from regbrowse.registry.reference import parse_registry_address
from tests.registry.reaching import PASSWORD, USER
from tests.registry.tokens_world import Tokens, assert_no_secret_at, authorizations, seen_at
from tests.registry_server import RegistryServer
from tests.security.origins import (
    BASIC,
    Attacker,
    assert_learnt_nothing,
    content,
    docker_login,
    problem,
    registries_of,
    secrets_at,
    shown_image,
    shown_tags,
)
from tests.v1_server import V1Server

HUB_KEY: Final = "https://index.docker.io/v1/"


# 55: mirrors


@pytest.mark.parametrize("kind", ["basic", "bearer"])
async def test_55_a_mirror_is_not_told_docker_hub_s_login(
    names: None, tokens: Tokens, kind: str, tmp_path: Path
) -> None:
    """Nor one for its own host, nor does its token server hear of it; and no `ns` says what it mirrors."""
    held = content()
    held.add_image("library/nginx", "1.0")
    with RegistryServer(held, auth=BASIC if kind == "basic" else tokens.auth()) as mirror:
        credentials = docker_login(tmp_path, HUB_KEY, mirror.address)
        async with registries_of(credentials, mirrors=[mirror.url]) as registries:
            listing = await shown_tags(registries, "docker.io", "library/nginx")
    assert listing.phase is (Phase.FAILED if kind == "basic" else Phase.READY)
    assert mirror.requests
    assert not [request for request in mirror.requests if "ns=" in request.path]
    assert {value.partition(" ")[0] for value in authorizations(mirror)} <= {"", "Bearer"}
    assert "Y2FuYXJ5" not in seen_at(mirror)
    assert_learnt_nothing(tokens)


async def test_55_a_mirror_is_not_told_a_login_that_is_typed_in_for_docker_hub(names: None) -> None:
    """Not while it is tried, and not once it is used; whatever the user is told of it."""
    with RegistryServer(content(), auth=BASIC) as mirror:
        async with registries_of(mirrors=[mirror.url]) as registries:
            with suppress(RegistryError):
                await registries.accounts(parse_registry_address("docker.io")).log_in(USER, PASSWORD)
            assert (await shown_tags(registries, "docker.io")).phase is Phase.FAILED
    assert_learnt_nothing(mirror)


async def test_55_a_login_for_docker_hub_is_tried_there_and_not_at_a_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    with RegistryServer(content(), auth=BASIC) as hub, RegistryServer(content()) as mirror:
        monkeypatch.setattr("regbrowse.registry.service.default.DEFAULT_V2_REGISTRY", hub.url)
        async with registries_of(mirrors=[mirror.url]) as registries:
            accounts = registries.accounts(parse_registry_address("docker.io"))
            with pytest.raises(WrongLoginError):
                await accounts.log_in(USER, "another password")
            assert await accounts.log_in(USER, PASSWORD) == ""
    assert mirror.requests == []


async def test_55_docker_hub_s_token_is_not_sent_to_a_mirror_that_came_later(
    tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process that knows Docker Hub's token, in which the mirror is asked by its own name."""
    held = content()
    held.add_image("library/nginx", "1.0")
    with RegistryServer(held, auth=tokens.auth()) as hub, RegistryServer(held, auth=tokens.auth()) as mirror:
        monkeypatch.setattr("regbrowse.registry.service.default.DEFAULT_V2_REGISTRY", hub.url)
        async with registries_of(docker_login(tmp_path, HUB_KEY)) as registries:
            assert (await shown_tags(registries, "docker.io", "library/nginx")).phase is Phase.READY
            assert (await shown_tags(registries, f"http://{mirror.address}")).phase is Phase.READY
    given = [value for value in authorizations(hub) if value]
    assert given
    assert not set(given) & set(authorizations(mirror))


@pytest.mark.parametrize("header", [True, False], ids=["said", "not said"])
async def test_55_a_mirror_that_answers_a_digest_with_something_else_is_found_out(
    names: None, tmp_path: Path, header: bool
) -> None:
    """What a tag means only Docker Hub could tell; but what has a digest is compared with it, whoever sends it."""
    held = content()
    digest = held.add_image("library/nginx", "1.0")
    other = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []})
    with RegistryServer(held) as mirror:
        said = {"Docker-Content-Digest": digest if header else None}
        mirror.fault("GET /v2/team/app/manifests/", body=other.encode(), headers=said, times=None)
        async with registries_of(mirrors=[mirror.url]) as registries:
            browser_state = await shown_image(registries, "docker.io", digest)
    assert "was altered" in problem(browser_state).sentence
    assert Digest.of(other.encode()) in problem(browser_state).sentence


# 56: v1


@pytest.mark.parametrize("kind", ["host", "url", "same host, other port"])
async def test_56_the_endpoints_that_an_index_names_get_nothing(kind: str, tmp_path: Path) -> None:
    """Neither its token nor the login: the user is told where they would go, and may open that place."""
    with V1Server(auth=BASIC) as evil:
        endpoint = {"host": f"localhost:{evil.port}", "url": f"http://{evil.address}/v1/"}.get(kind, evil.address)
        with V1Server(mode="index", auth=BASIC, endpoints=[endpoint]) as good:
            credentials = docker_login(tmp_path, good.address)
            async with registries_of(credentials) as registries:
                told = [
                    problem(await shown_tags(registries, f"http://{good.address}")),
                    problem(await shown_image(registries, f"http://{good.address}")),
                ]
    assert any(value.startswith("Basic ") for value in secrets_at(good))
    assert evil.requests == []
    for each in told:
        assert f"{good.address} says that its images are at" in each.sentence
        assert str(evil.port) in each.sentence
        assert "Nothing was sent there" in each.sentence


async def test_56_an_index_that_leads_elsewhere_takes_no_login_along(evil: Attacker, tmp_path: Path) -> None:
    with V1Server(mode="index", auth=BASIC) as good:
        good.fault("GET /v1/repositories/", status=302, headers={"Location": f"{evil.url}/x"}, times=None)
        async with registries_of(docker_login(tmp_path, good.address)) as registries:
            assert (await shown_tags(registries, f"http://{good.address}")).phase is Phase.FAILED
    assert_no_secret_at(evil)
    assert "authorization" not in seen_at(evil).lower()


async def test_56_a_standalone_registry_over_plain_http_gets_no_password(names: None, tmp_path: Path) -> None:
    with V1Server(auth=BASIC) as good:
        host = f"registry.test:{good.port}"
        async with registries_of(docker_login(tmp_path, host)) as registries:
            told = problem(await shown_tags(registries, f"http://{host}"))
    assert good.requests
    assert secrets_at(good) == []
    assert "not safe" in told.sentence
    assert f"The login of {USER} was not sent" in told.next_step
