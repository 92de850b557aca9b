"""Names of indexes, and what a search term says of one (seed-registry-package.md §5 and §12)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.service.config import IndexInfo, ServiceConfig, validate_index_name
from regbrowse.registry.service.options import ServiceOptions
from regbrowse.registry.service.repository_info import (
    parse_repository_info,
    parse_search_index_info,
    resolve_repository,
    split_search_term,
)
from tests.registry.service.resolvers import Known, nobody, not_to_be_asked

CONFIG = ServiceConfig.of(
    ServiceOptions(mirrors=["https://mirror.corp"], insecure_registries=["registry.corp:5000", "10.0.0.0/8"])
)
DOCKER_HUB = IndexInfo("docker.io", secure=True, official=True)


def test_name_of_the_hubs_index_is_docker_io() -> None:
    assert validate_index_name("index.docker.io") == "docker.io"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "docker.io",
        "INDEX.docker.io",
        "index.docker.io:443",
        "https://index.docker.io/v1/",
        "registry.corp:5000/path",
        "10.0.0.0/8",
        "a-b",
        "two words",
    ],
)
def test_every_other_name_stays_as_it_is(name: str) -> None:
    assert validate_index_name(name) == name


@pytest.mark.parametrize("name", ["-", "-registry.corp", "registry.corp-", "--insecure-registry"])
def test_hyphen_at_an_end_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as raised:
        validate_index_name(name)
    assert f"Invalid index name ({name}). Cannot begin or end with a hyphen." in str(raised.value)


@given(st.text() | st.text(st.sampled_from("-.:/a"), max_size=4))
def test_any_name_is_checked_once_or_refused(name: str) -> None:
    try:
        checked = validate_index_name(name)
    except ConfigError:
        return
    assert validate_index_name(checked) == checked


# Indexes under a configuration


@pytest.mark.parametrize("name", ["docker.io", "index.docker.io"])
async def test_hub_is_official_and_has_the_mirrors(name: str) -> None:
    index = await CONFIG.index_info(name, not_to_be_asked)
    assert index == IndexInfo("docker.io", ("https://mirror.corp/",), secure=True, official=True)


async def test_configured_index_is_given_as_it_is() -> None:
    index = await CONFIG.index_info("registry.corp:5000", not_to_be_asked)
    assert index is CONFIG.index_configs["registry.corp:5000"]


async def test_other_index_has_no_mirrors_and_is_secure() -> None:
    assert await CONFIG.index_info("registry.corp", nobody) == IndexInfo("registry.corp")


async def test_other_index_is_insecure_within_a_range() -> None:
    index = await CONFIG.index_info("other.corp", Known(other_corp=["10.1.2.3"]))
    assert index == IndexInfo("other.corp", secure=False)


async def test_index_that_begins_with_a_hyphen_is_refused() -> None:
    with pytest.raises(ConfigError, match="hyphen"):
        await CONFIG.index_info("-registry.corp", not_to_be_asked)


# Repositories under a configuration


async def test_repository_has_the_index_of_the_service() -> None:
    info = await resolve_repository("registry.corp:5000/team/app", CONFIG, not_to_be_asked)
    assert info.index == IndexInfo("registry.corp:5000", secure=False)


async def test_repository_of_the_hub_has_the_mirrors_of_the_service() -> None:
    info = await resolve_repository("team/app", CONFIG, not_to_be_asked)
    assert info.index.mirrors == ("https://mirror.corp/",)


async def test_parsed_repository_knows_no_mirrors() -> None:
    assert (await parse_repository_info("ubuntu", resolver=not_to_be_asked)).index == DOCKER_HUB


async def test_parsed_repository_is_insecure_on_loopback_alone() -> None:
    resolver = Known(local_corp=["127.0.0.1"], other_corp=["10.1.2.3"])
    local = await parse_repository_info("local.corp:5000/app", resolver=resolver)
    other = await parse_repository_info("other.corp/app", resolver=resolver)
    assert (local.index.secure, other.index.secure) == (False, True)


# Search terms


@pytest.mark.parametrize(
    ("term", "index", "words"),
    [
        ("ubuntu", "docker.io", "ubuntu"),
        ("team/app", "docker.io", "team/app"),
        ("library/ubuntu", "docker.io", "library/ubuntu"),
        ("foo.bar", "docker.io", "foo.bar"),
        ("foo:5000", "docker.io", "foo:5000"),
        ("localhost", "docker.io", "localhost"),
        ("LOCALHOST/app", "docker.io", "LOCALHOST/app"),
        ("", "docker.io", ""),
        ("/", "docker.io", "/"),
        ("/app", "docker.io", "/app"),
        ("localhost/app", "localhost", "app"),
        ("registry.corp/team/app", "registry.corp", "team/app"),
        ("registry.corp/", "registry.corp", ""),
        ("registry:5000/app", "registry:5000", "app"),
        ("docker.io/library/ubuntu", "docker.io", "library/ubuntu"),
        ("index.docker.io/ubuntu", "index.docker.io", "ubuntu"),
        ("http://x/y", "http:", "/x/y"),
    ],
)
def test_search_term_says_where_and_what(term: str, index: str, words: str) -> None:
    assert split_search_term(term) == (index, words)


@pytest.mark.parametrize("term", ["ubuntu", "team/app", "docker.io/app", "index.docker.io/app", "foo.bar"])
async def test_search_goes_to_the_hub(term: str) -> None:
    assert await parse_search_index_info(term, resolver=not_to_be_asked) == DOCKER_HUB


@pytest.mark.parametrize(("term", "name"), [("registry.corp/app", "registry.corp"), ("http://x/y", "http:")])
async def test_search_goes_to_the_index_that_is_named(term: str, name: str) -> None:
    assert await parse_search_index_info(term, resolver=nobody) == IndexInfo(name)


async def test_search_on_loopback_is_insecure() -> None:
    index = await parse_search_index_info("127.0.0.1:5000/app", resolver=not_to_be_asked)
    assert index == IndexInfo("127.0.0.1:5000", secure=False)


@pytest.mark.parametrize("term", ["-registry.corp/app", "registry.corp-/app"])
async def test_search_at_an_index_with_a_hyphen_at_an_end_is_refused(term: str) -> None:
    with pytest.raises(ConfigError, match="hyphen"):
        await parse_search_index_info(term, resolver=not_to_be_asked)


@given(st.text() | st.text(st.sampled_from("-.:/a["), max_size=6))
async def test_any_search_term_has_an_index_or_is_refused(term: str) -> None:
    index, words = split_search_term(term)
    assert term in (words, f"{index}/{words}")
    try:
        assert (await parse_search_index_info(term, resolver=nobody)).name == validate_index_name(index)
    except ConfigError as error:
        assert "hyphen" in str(error)  # noqa: PT017
