"""The demo's Docker Hub: its search, and that what it finds is there."""

from __future__ import annotations

import pytest

from regbrowse.registry.reference import parse_target
from regbrowse.registry.text import SafeText
from regbrowse.registry.v1.models import SearchResult, SearchResults, parse_search
from regbrowse.registry.wire import httpx

SEARCH = "https://index.docker.io/v1/search"


async def found(registry: httpx.AsyncClient, **parameters: str | int) -> SearchResults:
    answer = await registry.get(SEARCH, params=parameters)
    assert answer.status_code == 200
    return parse_search(answer.content)


async def everything(registry: httpx.AsyncClient) -> tuple[SearchResult, ...]:
    return (await found(registry, q="", n=100)).results


async def test_every_kind_of_image_can_be_found(registry: httpx.AsyncClient) -> None:
    results = await everything(registry)
    assert 50 <= len(results) <= 80
    assert {(result.is_official, result.is_automated) for result in results} == {
        (True, False),
        (False, True),
        (False, False),
    }
    assert all(result.description and result.star_count for result in results)
    assert all(("/" in result.name) is not result.is_official for result in results)


async def test_names_are_in_the_grammar_and_found_once(registry: httpx.AsyncClient) -> None:
    names = [result.name for result in await everything(registry)]
    assert len(set(names)) == len(names)
    assert all(parse_target(name).registry.is_docker_hub for name in names)


@pytest.mark.parametrize("words", ["nginx", "NGINX web", "web nginx"])
async def test_every_word_is_in_the_name_or_in_the_description(registry: httpx.AsyncClient, words: str) -> None:
    results = (await found(registry, q=words)).results
    assert results
    for result in results:
        assert all(word in f"{result.name} {result.description}".lower() for word in words.lower().split())


async def test_the_answer_repeats_the_question(registry: httpx.AsyncClient) -> None:
    assert (await found(registry, q="no such image")) == SearchResults(query=SafeText("no such image"))


@pytest.mark.parametrize(
    ("limit", "shown"), [(None, 25), (1, 1), (30, 30), (100, None), (0, 25), (101, 25), ("x", 25), ("²", 25)]
)
async def test_no_more_than_wanted_are_given_and_the_others_counted(
    registry: httpx.AsyncClient, limit: str | int | None, shown: int | None
) -> None:
    answer = await (found(registry, q="") if limit is None else found(registry, q="", n=limit))
    assert answer.num_results == len(await everything(registry))
    assert len(answer.results) == (shown or answer.num_results)


async def test_there_is_something_of_which_there_is_more(registry: httpx.AsyncClient) -> None:
    assert (await found(registry, q="re")).num_results > 25


@pytest.mark.parametrize(
    "path", ["", "v1/", "v1/repositories/library/nginx/images", "v2/", "v2/library/nginx/tags/list"]
)
async def test_the_index_answers_searches_alone(registry: httpx.AsyncClient, path: str) -> None:
    assert (await registry.get(f"https://index.docker.io/{path}")).status_code == 404


async def test_what_is_found_can_be_opened(registry: httpx.AsyncClient) -> None:
    for result in await everything(registry):
        repository = parse_target(result.name).repository
        answer = await registry.get(f"https://docker.io/v2/{repository}/tags/list")
        assert answer.status_code == 200, result.name
        assert "latest" in answer.json()["tags"], result.name


async def test_an_image_of_docker_hub_is_the_mirrored_one(registry: httpx.AsyncClient) -> None:
    manifest = "v2/{}library/nginx/manifests/latest"
    original = await registry.get(f"https://docker.io/{manifest.format('')}")
    assert original.content == (await registry.get(f"/{manifest.format('mirror/')}")).content


@pytest.mark.parametrize("repository", ["library/no-such-image", "team/service", "mirror/library/nginx"])
async def test_docker_hub_has_no_other_repositories(registry: httpx.AsyncClient, repository: str) -> None:
    assert (await registry.get(f"https://docker.io/v2/{repository}/tags/list")).status_code == 404


async def test_docker_hub_does_not_list_its_repositories(registry: httpx.AsyncClient) -> None:
    assert (await registry.get("https://docker.io/v2/_catalog")).status_code == 401
