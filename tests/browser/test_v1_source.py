"""A v1 registry as the browser model asks it, over real sockets (seed-registry-package.md §12, §14 and §15)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import trustme

from regbrowse.browser import v1_source
from regbrowse.browser.details import HERE
from regbrowse.browser.states import ImageState, Phase
from regbrowse.browser.v1_source import ANCESTORS_LIMIT, V1Source
from regbrowse.registry.errors import (
    DeniedError,
    HTTPStatusError,
    InvalidReferenceError,
    LimitExceededError,
    MalformedDocumentError,
    ManifestNotFoundError,
    RegistryError,
    RepositoryNotFoundError,
    UnauthorizedError,
    UnsupportedError,
)
from regbrowse.registry.throttle import Priority
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.v1.calls import IMAGE_JSON_LIMIT, LIST_LIMIT
from tests.browser.v1_browsing import BASIC, LOGIN, PASSWORD, USER, asked, image, names, row, sourcing
from tests.registry.reaching import no_tasks_but
from tests.v1_content import V1Content, image_id, small_content
from tests.v1_server import V1Server

BASE, RUNTIME, APP = map(image_id, ("base", "runtime", "app"))
SEARCH: Final = "GET /v1/search"
TAGS: Final = "GET /v1/repositories/team/app/tags"
DESCRIPTION: Final = re.compile(r"GET /v1/images/\w+/json")
ANCESTRY: Final = re.compile(r"GET /v1/images/\w+/ancestry")
AUTHORITY: Final = trustme.CA()
TLS: Final = TLSConfig(root_cas=(AUTHORITY.cert_pem.bytes().decode(),))
AUTH: Final = ("basic", USER, PASSWORD)
ESCAPE: Final = "\x1b]52;c;aGk=\x07\u202e"


@pytest.fixture
def content() -> V1Content:
    return small_content()


@pytest.fixture
def server(content: V1Content) -> Iterator[V1Server]:
    with V1Server(content) as server:
        yield server


@pytest.fixture
def index(content: V1Content) -> Iterator[V1Server]:
    """A registry that is its own index, as Docker Hub was."""
    with V1Server(content, mode="index", auth=AUTH) as server:
        yield server


@pytest.fixture
def other() -> Iterator[V1Server]:
    """Another origin, which answers everything."""
    with V1Server() as server:
        server.fault("", status=200, body=b"{}", times=None)
        yield server


async def came(server: V1Server, count: int) -> None:
    """Wait until so many requests have come."""
    async with asyncio.timeout(10):
        while len(server.requests) < count:  # noqa: ASYNC110 # the server is in another thread
            await asyncio.sleep(0.002)


def described(**fields: object) -> bytes:
    return json.dumps(fields).encode()


# The catalog


async def test_the_catalog_is_a_search_for_nothing(server: V1Server) -> None:
    async with sourcing(server) as source:
        assert await names(source) == ("library/base", "team/app")
    assert asked(server) == ["search?q=&n=100"]


async def test_a_catalog_that_is_whole_says_no_more(server: V1Server) -> None:
    async with sourcing(server) as source:
        assert [page.notice async for page in source.catalog()] == [""]


async def test_a_catalog_that_ends_early_says_how_many_there_are(server: V1Server) -> None:
    found = [{"name": f"team/{number:03}"} for number in range(100)]
    server.fault(SEARCH, body=described(num_results=12_345, results=found))
    async with sourcing(server) as source:
        pages = [page async for page in source.catalog()]
    assert [len(page.names) for page in pages] == [100]
    assert pages[0].notice == "100 of 12,345: a v1 registry lists no more. Search for others."


async def test_a_repository_is_listed_once_and_not_without_a_name(server: V1Server) -> None:
    found = [{"name": "b/b"}, {"name": ""}, {"name": "a/a"}, {"name": "b/b"}, {"description": "nameless"}]
    server.fault(SEARCH, body=described(results=found))
    async with sourcing(server) as source:
        assert await names(source) == ("b/b", "a/a")


async def test_a_hostile_name_is_listed_safely(server: V1Server) -> None:
    server.fault(SEARCH, body=described(results=[{"name": f"team/{ESCAPE}"}]))
    async with sourcing(server) as source:
        (name,) = await names(source)
    assert name.isprintable()


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, UnauthorizedError, "wants to know who you are for its search"),
        (403, DeniedError, "does not let this account search"),
        (404, UnsupportedError, "is a v1 registry without a search"),
        (405, UnsupportedError, "is a v1 registry without a search"),
        (501, UnsupportedError, "is a v1 registry without a search"),
        (500, HTTPStatusError, "Unexpected status code 500"),
    ],
)
async def test_a_catalog_that_is_not_given_says_why(
    server: V1Server, status: int, kind: type[HTTPStatusError], words: str
) -> None:
    server.fault(SEARCH, status=status, body=b"<h1>No</h1>")
    async with sourcing(server) as source:
        with pytest.raises(kind, match=words) as caught:
            await names(source)
    assert caught.value.status == status
    assert server.address in caught.value.user_message
    assert caught.value.__cause__ is not caught.value


async def test_a_registry_whose_search_is_switched_off_is_browsed_by_name() -> None:
    with V1Server(search=False) as server:
        async with sourcing(server) as source:
            with pytest.raises(UnsupportedError) as caught:
                await names(source)
            assert await names(source, "team/app") == ("1.0", "latest", "runtime")
    assert caught.value.next_step == "Open a repository by its name."


NO_SEARCH_RESULTS: Final = [
    *(b"[]", b'"x"', b"7", b"", b"{", b"[" * 100_000, b"<!doctype html><title>Sign in</title>"),
    *(b'{"results": {}}', b'{"results": [7]}', b'{"results": [{"name": 7}]}', b'{"num_results": "many"}'),
]


@pytest.mark.parametrize("body", NO_SEARCH_RESULTS, ids=range(len(NO_SEARCH_RESULTS)))
async def test_a_catalog_that_is_none_is_malformed(server: V1Server, body: bytes) -> None:
    server.fault(SEARCH, body=body)
    async with sourcing(server) as source:
        with pytest.raises(MalformedDocumentError):
            await names(source)


async def test_a_search_for_words_asks_for_so_many(server: V1Server) -> None:
    async with sourcing(server) as source:
        found = await source.search("team app", 7)
    assert (asked(server), found.results) == (["search?q=team+app&n=7"], ())


# Tags


async def test_the_tags_are_asked_for_once(server: V1Server) -> None:
    async with sourcing(server) as source:
        assert await names(source, "team/app") == ("1.0", "latest", "runtime")
    assert asked(server) == ["repositories/team/app/tags"]


async def test_a_repository_whose_beginning_looks_like_a_host_is_in_this_registry(content: V1Content) -> None:
    content.add_repository("docker.corp/app", {"1.0": APP})
    with V1Server(content) as server:
        async with sourcing(server) as source:
            assert await names(source, "docker.corp/app") == ("1.0",)
            assert (await image(source, "1.0", repository="docker.corp/app"))[-1].phase is Phase.READY
    assert asked(server)[0] == "repositories/docker.corp/app/tags"


async def test_a_name_without_a_namespace_is_in_library(server: V1Server) -> None:
    async with sourcing(server) as source:
        assert await names(source, "base") == ("latest",)


async def test_a_repository_that_is_not_there_is_told_with_the_host(server: V1Server) -> None:
    async with sourcing(server) as source:
        with pytest.raises(RepositoryNotFoundError) as caught:
            await names(source, "team/missing")
    assert caught.value.user_message == f"{server.address} has no repository team/missing."


@pytest.mark.parametrize("repository", ["../admin", "team/../admin", "team//app", "team/app/", "", "team/a b", "a/é"])
async def test_a_name_that_cannot_be_in_an_address_is_not_asked_for(server: V1Server, repository: str) -> None:
    async with sourcing(server) as source:
        with pytest.raises(InvalidReferenceError):
            await names(source, repository) if repository else await source.tags("").__anext__()
    assert asked(server) == []


@pytest.mark.parametrize(
    "body", [b"[]", b"7", b"{", b'{"1.0": 7}', b'{"1.0": ["x"]}', b'{"1.0": {}}', b'{"\\u001b[2J": "x"}', b"<html>"]
)
async def test_tags_that_are_none_are_malformed(server: V1Server, body: bytes) -> None:
    server.fault(TAGS, body=body)
    async with sourcing(server) as source:
        with pytest.raises(MalformedDocumentError):
            await names(source, "team/app")


@pytest.mark.parametrize("match", [SEARCH, TAGS, ANCESTRY, DESCRIPTION], ids=["search", "tags", "ancestry", "json"])
async def test_of_an_answer_that_is_endless_no_more_than_the_limit_is_read(
    server: V1Server, match: str | re.Pattern[str]
) -> None:
    limit = IMAGE_JSON_LIMIT if match is DESCRIPTION else LIST_LIMIT
    server.fault(match, body=bytes(limit + 1), headers={"Content-Length": str(64 << 20)}, times=None)
    async with sourcing(server) as source:
        with pytest.raises(LimitExceededError, match=re.escape(server.address)):
            await (names(source) if match == SEARCH else image(source, "1.0"))


async def test_a_description_beyond_its_limit_is_not_kept(server: V1Server) -> None:
    server.fault(DESCRIPTION, body=described(comment="x" * IMAGE_JSON_LIMIT))
    async with sourcing(server) as source:
        with pytest.raises(LimitExceededError):
            await row(source, "1.0")
        assert (await row(source, "1.0")).phase is Phase.READY


# Rows


async def test_a_row_takes_one_request(server: V1Server) -> None:
    async with sourcing(server) as source:
        await names(source, "team/app")
        details = await row(source, "runtime")
    assert asked(server)[1:] == [f"images/{RUNTIME}/json"]
    assert (details.phase, details.image_id, details.digest, details.size) == (Phase.READY, RUNTIME, None, None)
    assert details.created == datetime(2013, 11, 2, 10, 20, 30, 123456, UTC)
    assert [str(platform) for platform in details.platforms] == ["linux/amd64"]


async def test_rows_of_one_image_ask_for_it_once(server: V1Server) -> None:
    async with sourcing(server) as source:
        await names(source, "team/app")
        found = await asyncio.gather(row(source, "1.0"), row(source, "latest"))
        again = await row(source, "1.0")
        assert source.cached == 1
    assert asked(server)[1:] == [f"images/{APP}/json"]
    assert {details.identity for details in [*found, again]} == {APP}


async def test_a_row_of_an_unknown_repository_asks_for_its_tags_first(server: V1Server) -> None:
    async with sourcing(server) as source:
        await row(source, "1.0")
    assert asked(server) == ["repositories/team/app/tags", f"images/{APP}/json"]


async def test_a_tag_that_was_pushed_since_is_found(content: V1Content, server: V1Server) -> None:
    async with sourcing(server) as source:
        await names(source, "team/app")
        content.repositories["team/app"].tags["2.0"] = APP
        assert (await row(source, "2.0")).image_id == APP


async def test_a_tag_that_is_not_there_is_told(server: V1Server) -> None:
    async with sourcing(server) as source:
        with pytest.raises(ManifestNotFoundError) as caught:
            await row(source, "9.9")
    assert caught.value.user_message == "team/app has no tag 9.9."


@pytest.mark.parametrize("bad", ["../../v1/search", "..", "a/b", "a?b", "a#b", "", "é", "x" * 256])
async def test_an_id_that_cannot_be_in_an_address_is_not_asked_for(server: V1Server, bad: str) -> None:
    server.fault(TAGS, body=json.dumps({"1.0": bad}).encode())
    async with sourcing(server) as source:
        with pytest.raises(InvalidReferenceError):
            await row(source, "1.0")
    assert asked(server) == ["repositories/team/app/tags"]


@pytest.mark.parametrize("status", [401, 403, 404, 500])
async def test_a_row_that_fails_names_the_host_and_is_asked_for_again(server: V1Server, status: int) -> None:
    server.fault(DESCRIPTION, status=status)
    async with sourcing(server) as source:
        with pytest.raises(HTTPStatusError, match=re.escape(server.address)) as caught:
            await row(source, "1.0")
        assert caught.value.status == status
        assert (await row(source, "1.0")).image_id == APP


async def test_what_is_kept_is_bounded(server: V1Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v1_source, "KEPT_LIMIT", len(small_content().images[APP].json))
    async with sourcing(server) as source:
        for tag in ("1.0", "latest", "runtime", "1.0"):
            await row(source, tag)
    assert asked(server)[1:] == [f"images/{id_}/json" for id_ in (APP, RUNTIME, APP)]


# Images


async def test_an_image_is_known_step_by_step(server: V1Server) -> None:
    async with sourcing(server) as source:
        states = await image(source, "1.0")
    assert [(state.phase, state.image_id, len(state.steps)) for state in states] == [
        (Phase.LOADING, "", 0),
        (Phase.LOADING, APP, 0),
        (Phase.READY, APP, 3),
    ]
    assert states[1].config is not None
    assert states[1].config.config.cmd == ("/bin/sh",)
    assert states[1].raw_config == small_content().images[APP].json
    assert states[-1].is_found
    assert states[-1].identity == APP


async def test_the_steps_are_the_ancestors_the_oldest_first(content: V1Content, server: V1Server) -> None:
    async with sourcing(server) as source:
        steps = (await image(source, "1.0"))[-1].steps
    layers = [step.v1 for step in steps if step.v1]
    assert [step.index for step in steps] == [0, 1, 2]
    assert [layer.id for layer in layers] == [BASE, RUNTIME, APP]
    assert [layer.parent for layer in layers] == ["", BASE, RUNTIME]
    assert [layer.size for layer in layers] == [len(content.images[id_].layer or b"") for id_ in (BASE, RUNTIME, APP)]
    entries = [step.entry for step in steps if step.entry]
    assert [entry.created_by for entry in entries] == [
        "/bin/sh -c #(nop) ADD rootfs.tar in /",
        "/bin/sh -c install run",
        "/bin/sh -c #(nop) ADD main in /app",
    ]
    assert [entry.created and entry.created.day for entry in entries] == [1, 2, 3]
    assert [entry.comment for entry in entries] == ["", "", "1.0"]


async def test_an_image_takes_its_ancestry_and_one_request_for_each_ancestor(server: V1Server) -> None:
    async with sourcing(server) as source:
        await names(source, "team/app")
        await image(source, "1.0")
    first, second, *others = asked(server)[1:]
    assert [first, second] == [f"images/{APP}/json", f"images/{APP}/ancestry"]
    assert sorted(others) == sorted(f"images/{id_}/json" for id_ in (BASE, RUNTIME))


async def test_an_image_upon_known_ones_takes_one_request(server: V1Server) -> None:
    async with sourcing(server) as source:
        await image(source, "1.0")
        server.requests.clear()
        states = await image(source, "runtime")
    assert asked(server) == [f"images/{RUNTIME}/ancestry"]
    assert len(states[-1].steps) == 2


async def test_without_a_tag_it_is_the_latest(server: V1Server) -> None:
    async with sourcing(server) as source:
        assert (await image(source))[-1].image_id == APP


async def test_an_image_that_is_wanted_fresh_has_its_tag_asked_for_again(content: V1Content, server: V1Server) -> None:
    async with sourcing(server) as source:
        await image(source, "latest")
        content.repositories["team/app"].tags["latest"] = RUNTIME
        assert (await image(source, "latest"))[-1].image_id == APP
        assert (await image(source, "latest", fresh=True))[-1].image_id == RUNTIME


async def test_a_digest_is_refused_without_a_request(server: V1Server) -> None:
    async with sourcing(server) as source:
        with pytest.raises(UnsupportedError) as caught:
            await image(source, f"sha256:{APP}")
    assert caught.value.user_message == f"{server.address} is a v1 registry: its images have no digests."
    assert caught.value.next_step == "Open the image by a tag."
    assert asked(server) == []


@pytest.mark.parametrize(
    ("header", "said", "size"),
    [
        ("1234", 77, 1234),
        ("0", 77, 0),
        (None, 77, 77),
        ("-1", 77, 77),
        (None, None, None),
        (None, -5, None),
        (None, "77", None),
        (None, 2**63, None),
    ],
)
async def test_the_size_is_the_headers_or_else_the_descriptions(
    server: V1Server, header: str | None, said: object, size: int | None
) -> None:
    server.fault(DESCRIPTION, body=described(Size=said), headers={"X-Docker-Size": header}, times=None)
    async with sourcing(server) as source:
        state = (await image(source, "1.0"))[-1]
    assert {step.size for step in state.steps} == {size}
    assert state.size == (None if size is None else 3 * size)


async def test_a_size_that_is_no_number_is_told(server: V1Server) -> None:
    server.fault(DESCRIPTION, headers={"X-Docker-Size": "huge"})
    async with sourcing(server) as source:
        with pytest.raises(MalformedDocumentError, match="huge"):
            await image(source, "1.0")


async def test_one_layer_of_unknown_size_leaves_the_whole_unknown(server: V1Server) -> None:
    server.fault(f"GET /v1/images/{BASE}/json", body=b"{}", headers={"X-Docker-Size": None})
    async with sourcing(server) as source:
        assert (await image(source, "1.0"))[-1].size is None


async def failing(source: V1Source, kind: type[RegistryError]) -> tuple[RegistryError, ImageState]:
    """What opening an image fails with, and the last state before that."""
    states: list[ImageState] = []
    with pytest.raises(kind) as caught:
        await image(source, "1.0", into=states)
    return caught.value, states[-1]


async def test_an_ancestor_that_is_missing_is_named_and_the_image_stays(content: V1Content, server: V1Server) -> None:
    del content.images[BASE]
    async with sourcing(server) as source:
        error, state = await failing(source, HTTPStatusError)
    assert BASE in str(error)
    assert server.address in str(error)
    assert (state.image_id, state.phase, state.steps) == (APP, Phase.LOADING, ())


@pytest.mark.parametrize(
    ("ancestry", "kind", "words"),
    [
        ([APP, RUNTIME, APP], MalformedDocumentError, "its own ancestor"),
        ([APP, APP], MalformedDocumentError, "its own ancestor"),
        ([f"{number:064x}" for number in range(100_000)], LimitExceededError, "100,000 ancestors"),
        ([APP, "../../search"], InvalidReferenceError, "cannot be the id"),
        ([APP, ".."], InvalidReferenceError, "cannot be the id"),
        ([APP, 7], MalformedDocumentError, "number"),
        ([[APP]], MalformedDocumentError, "list"),
        ({"id": APP}, MalformedDocumentError, "object"),
        ([f"{APP}{ESCAPE}"], MalformedDocumentError, "cannot be shown"),
        ("x", MalformedDocumentError, "text"),
    ],
    ids=range(10),
)
async def test_an_ancestry_that_cannot_be_is_told(
    server: V1Server, ancestry: object, kind: type[RegistryError], words: str
) -> None:
    server.fault(ANCESTRY, body=json.dumps(ancestry).encode())
    async with sourcing(server) as source:
        error, state = await failing(source, kind)
    assert words in error.user_message
    assert state.image_id == APP
    assert len(server.requests) <= 4


async def test_an_ancestry_may_be_long(server: V1Server) -> None:
    history = [APP, *(f"{number:064x}" for number in range(ANCESTORS_LIMIT - 1))]
    server.fault(ANCESTRY, body=json.dumps(history).encode())
    server.fault(DESCRIPTION, status=200, body=b"{}", times=None)
    async with sourcing(server) as source:
        steps = (await image(source, "1.0"))[-1].steps
    assert [step.v1.id for step in steps if step.v1] == history[::-1]


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"null", b"{", b"", b"<!doctype html><title>Sign in</title>"])
async def test_a_description_that_is_none_is_malformed(server: V1Server, body: bytes) -> None:
    server.fault(DESCRIPTION, body=body)
    async with sourcing(server) as source:
        with pytest.raises(MalformedDocumentError):
            await row(source, "1.0")


@pytest.mark.parametrize("value", [None, 7, -1.5, True, "text", [], {}, [7, None], {"Cmd": {"x": 1}, "Env": 7}])
async def test_a_description_of_wrong_types_says_less(server: V1Server, value: object) -> None:
    fields = ("id", "parent", "created", "container_config", "config", "author", "comment", "os", "architecture")
    body = described(Size=value if value != 7 else None, history=value, rootfs=value, **dict.fromkeys(fields, value))
    server.fault(DESCRIPTION, body=body, headers={"X-Docker-Size": None}, times=None)
    async with sourcing(server) as source:
        state = (await image(source, "1.0"))[-1]
    assert (state.phase, state.size) == (Phase.READY, None)
    assert state.config is not None
    assert state.config.created is None
    assert [step.entry and step.entry.created_by for step in state.steps] == ["", "", ""]


async def test_hostile_words_of_a_description_are_safe(server: V1Server) -> None:
    hostile = f"rm -rf {ESCAPE}"
    body = described(parent=hostile, author=hostile, comment=hostile, container_config={"Cmd": ["sh", hostile]})
    server.fault(DESCRIPTION, body=body, times=None)
    async with sourcing(server) as source:
        step = (await image(source, "1.0"))[-1].steps[0]
    assert step.v1
    assert step.entry
    for text in (step.v1.parent, step.entry.created_by, step.entry.author, step.entry.comment):
        assert "rm -rf" in text
        assert text.isprintable()


# An index, which gives tokens and says where images are


async def test_an_index_is_asked_once_for_a_repository(index: V1Server) -> None:
    async with sourcing(index, login=LOGIN) as source:
        await names(source, "team/app")
        await row(source, "runtime")
        await image(source, "1.0")
        await names(source, "team/app")
    assert [path for path in asked(index) if "repositories" in path] == [
        "repositories/team/app/images",
        "repositories/team/app/tags",
        "repositories/team/app/tags",
    ]


async def test_the_login_goes_to_the_index_and_its_token_to_the_registry(index: V1Server) -> None:
    async with sourcing(index, login=LOGIN) as source:
        await names(source)
        await image(source, "1.0")
    login = {path for path, request in zip(asked(index), index.requests, strict=True) if _scheme(request) == "Basic"}
    assert login == {"search?q=&n=100", "repositories/team/app/images"}
    assert {_scheme(request) for request in index.requests} == {"Basic", "Token"}


def _scheme(request: Any) -> str:
    scheme: str = request.headers.get("authorization", "").partition(" ")[0]
    return scheme


async def test_each_repository_has_a_token_of_its_own(index: V1Server) -> None:
    async with sourcing(index, login=LOGIN) as source:
        for repository in ("team/app", "library/base", "team/app"):
            await names(source, repository)
    assert asked(index) == [
        f"repositories/{repository}/{part}"
        for repository in ("team/app", "library/base", "team/app")
        for part in ("images", "tags")
    ]


async def test_many_repositories_at_once_do_not_take_each_others_tokens(content: V1Content) -> None:
    repositories = [f"team/{number}" for number in range(12)]
    for repository in repositories:
        content.add_repository(repository, {repository[5:]: APP})
    with V1Server(content, mode="index", auth=AUTH) as index:
        index.fault(re.compile(r"/tags$"), delay=0.1, times=None)  # so long that some have to wait for their turn
        async with sourcing(index, login=LOGIN) as source:
            found = await asyncio.gather(*(names(source, repository) for repository in repositories))
    assert found == [(repository[5:],) for repository in repositories]
    tags = [request for request in index.requests if request.path.endswith("/tags")]
    assert len(tags) == len(repositories)  # none was answered 401 and sent again


@pytest.mark.parametrize("match", [TAGS, ANCESTRY, DESCRIPTION])
async def test_a_token_that_is_used_up_is_replaced(index: V1Server, match: str | re.Pattern[str]) -> None:
    index.fault(match, status=401)
    async with sourcing(index, login=LOGIN) as source:
        assert (await image(source, "1.0"))[-1].phase is Phase.READY
    assert asked(index).count("repositories/team/app/images") == 2


async def test_a_token_that_is_never_taken_is_replaced_once(index: V1Server) -> None:
    index.fault(DESCRIPTION, status=401, times=None)
    async with sourcing(index, login=LOGIN) as source:
        with pytest.raises(UnauthorizedError, match="does not accept the login of"):
            await row(source, "1.0")
    assert asked(index) == [
        *["repositories/team/app/images", "repositories/team/app/tags", f"images/{APP}/json"],
        *["repositories/team/app/images", f"images/{APP}/json"],
    ]


async def test_without_a_login_an_index_that_wants_one_is_told(index: V1Server) -> None:
    async with sourcing(index) as source:
        with pytest.raises(UnauthorizedError, match=re.escape(index.address)) as caught:
            await names(source, "team/app")
    assert "login" in caught.value.next_step


async def test_an_open_index_gives_its_token_to_anybody(content: V1Content) -> None:
    with V1Server(content, mode="index") as index:
        async with sourcing(index) as source:
            assert (await image(source, "1.0"))[-1].phase is Phase.READY
    assert not [request for request in index.requests if _scheme(request) == "Basic"]


async def test_a_repository_that_an_index_does_not_know_is_told_with_the_host(index: V1Server) -> None:
    async with sourcing(index, login=LOGIN) as source:
        with pytest.raises(RepositoryNotFoundError) as caught:
            await names(source, "team/missing")
    assert caught.value.user_message == f"{index.address} has no repository team/missing."


# registry-client.md §5.3, test 56: nothing goes to where the index points


@pytest.mark.parametrize(
    "ask",
    [
        lambda source: names(source, "team/app"),
        lambda source: row(source, "1.0"),
        lambda source: image(source, "1.0"),
    ],
    ids=["tags", "row", "image"],
)
async def test_nothing_is_sent_to_another_place_that_an_index_names(
    content: V1Content, other: V1Server, ask: Callable[[V1Source], Any]
) -> None:
    with V1Server(content, mode="index", auth=AUTH, endpoints=[other.address]) as index:
        async with sourcing(index, login=LOGIN) as source:
            with pytest.raises(DeniedError) as caught:
                await ask(source)
    assert other.requests == []
    assert asked(index) == ["repositories/team/app/images"]
    assert caught.value.user_message == (
        f"{index.address} says that its images are at http://{other.address}. Nothing was sent there."
    )
    assert PASSWORD not in repr(caught.value)


async def test_of_several_places_only_this_one_is_asked(content: V1Content, other: V1Server) -> None:
    with V1Server(content, mode="index", auth=AUTH) as index:
        index.fault(
            "GET /v1/repositories/team/app/images",
            headers=[("X-Docker-Endpoints", f"{other.address}, {index.address}")],
        )
        async with sourcing(index, login=LOGIN) as source:
            assert (await image(source, "1.0"))[-1].phase is Phase.READY
    assert other.requests == []


async def test_hostile_names_of_places_are_safe(content: V1Content) -> None:
    with V1Server(content, mode="index", auth=AUTH, endpoints=["\x9b2Jevil", "a" * 5000, "x", "y"]) as index:
        async with sourcing(index, login=LOGIN) as source:
            with pytest.raises(DeniedError) as caught:
                await names(source, "team/app")
    assert caught.value.user_message.isprintable()
    assert len(caught.value.user_message) < 600


@pytest.mark.parametrize("match", [TAGS, ANCESTRY, DESCRIPTION, "GET /v1/repositories/team/app/images", SEARCH])
async def test_a_redirect_to_another_place_takes_no_login_and_no_token_along(
    index: V1Server, other: V1Server, match: str | re.Pattern[str]
) -> None:
    index.fault(match, status=307, headers={"Location": f"{other.url}/v1/elsewhere"})
    async with sourcing(index, login=LOGIN) as source:
        with suppress(RegistryError):
            await (names(source) if match == SEARCH else image(source, "1.0"))
    assert len(other.requests) == 1
    for request in other.requests:
        assert "authorization" not in request.headers
        assert "cookie" not in request.headers
        assert PASSWORD not in str(request.lines)


# Registries that stand alone, with a login


async def test_over_tls_the_login_goes_with_every_request(content: V1Content) -> None:
    with V1Server(content, tls=AUTHORITY.issue_cert("127.0.0.1"), auth=AUTH, open_ping=True) as server:
        async with sourcing(server, login=LOGIN, tls=TLS) as source:
            assert await names(source) == ("library/base", "team/app")
            assert (await image(source, "1.0"))[-1].phase is Phase.READY
    assert {request.headers["authorization"] for request in server.requests} == {BASIC}


async def test_to_loopback_the_login_goes_with_every_request_over_plain_http_too(content: V1Content) -> None:
    with V1Server(content, auth=AUTH, open_ping=True) as server:
        async with sourcing(server, login=LOGIN) as source:
            assert (await image(source, "1.0"))[-1].phase is Phase.READY
    assert {request.headers["authorization"] for request in server.requests if "_ping" not in request.path} == {BASIC}


async def test_without_a_login_the_way_to_give_one_is_told(content: V1Content) -> None:
    with V1Server(content, auth=AUTH, open_ping=True) as server:
        async with sourcing(server) as source:
            with pytest.raises(UnauthorizedError, match="wants to know who you are for team/app") as caught:
                await names(source, "team/app")
    assert "~/.docker/config.json" in caught.value.next_step
    assert not [request for request in server.requests if "authorization" in request.headers]


async def test_a_wrong_login_is_told_with_the_host(content: V1Content) -> None:
    auth = ("basic", USER, "another")
    with V1Server(content, tls=AUTHORITY.issue_cert("127.0.0.1"), auth=auth, open_ping=True) as server:  # type: ignore[arg-type]
        async with sourcing(server, login=LOGIN, tls=TLS) as source:
            with pytest.raises(UnauthorizedError, match=re.escape(server.address)):
                await names(source)
            with pytest.raises(UnauthorizedError) as caught:
                await names(source, "team/app")
    assert server.address in caught.value.user_message


# How it is reached


async def test_it_is_reached_by_v1_over_plain_http_as_nobody(server: V1Server) -> None:
    async with sourcing(server) as source:
        reach = source.reach
    assert reach
    assert reach.words == ("v1", "plain HTTP", "anonymous")
    assert reach.url == server.base


@pytest.mark.parametrize(
    ("tls", "words"), [(TLS, "TLS verified"), (TLSConfig(insecure_skip_verify=True), "TLS not verified")]
)
async def test_it_is_reached_over_tls_as_somebody(tls: TLSConfig, words: str) -> None:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as server:
        async with sourcing(server, login=LOGIN, tls=tls) as source:
            assert source.reach
            assert source.reach.words == ("v1", words, f"{USER} (docker config)")


# Rows that go off the screen


async def test_a_row_that_nobody_wants_any_more_ends(server: V1Server) -> None:
    server.fault(DESCRIPTION, delay=30, times=None)
    async with sourcing(server) as source:
        await names(source, "team/app")
        before = asyncio.all_tasks()
        for cycle in range(20):  # more than there are connections, or places for requests
            unwanted = asyncio.create_task(row(source, "1.0"))
            await came(server, 2 + cycle)
            unwanted.cancel()
            await no_tasks_but(before)


async def test_after_cancelled_rows_others_are_found(server: V1Server) -> None:
    server.fault(DESCRIPTION, delay=30, times=20)
    async with sourcing(server) as source:
        await names(source, "team/app")
        for cycle in range(20):
            unwanted = asyncio.create_task(row(source, "1.0"))
            await came(server, 2 + cycle)
            unwanted.cancel()
            await asyncio.wait([unwanted])
        assert (await row(source, "1.0")).image_id == APP


async def test_a_row_that_somebody_else_still_wants_goes_on(server: V1Server) -> None:
    server.fault(DESCRIPTION, delay=0.2)
    async with sourcing(server) as source:
        await names(source, "team/app")
        unwanted, wanted = (asyncio.create_task(row(source, tag)) for tag in ("1.0", "latest"))
        await came(server, 2)
        unwanted.cancel()
        assert (await wanted).image_id == APP
    assert asked(server)[1:] == [f"images/{APP}/json"]


async def test_an_image_that_is_left_ends_all_its_requests(server: V1Server) -> None:
    server.fault(re.compile(f"/(?:{BASE}|{RUNTIME})/json"), delay=30, times=None)
    async with sourcing(server) as source:
        before = asyncio.all_tasks()
        opening = asyncio.create_task(image(source, "1.0"))
        await came(server, 5)
        opening.cancel()
        await no_tasks_but(before)


async def test_a_key_press_does_not_wait_for_its_turn_among_rows(content: V1Content) -> None:
    tags = {f"{number:02}": content.add_image(f"{number}", files={}, command="make") for number in range(40)}
    content.add_repository("team/many", tags)
    with V1Server(content, latency=0.03) as server:
        async with sourcing(server) as source:
            await names(source, "team/many")
            rows = [asyncio.create_task(row(source, tag, repository="team/many")) for tag in tags]
            await came(server, 5)
            opened = source.tag_details("team/many", "39", wish=HERE, priority=Priority.INTERACTIVE)
            await opened
            sent = asked(server).index(f"images/{tags['39']}/json")
            await asyncio.gather(*rows)
    assert sent < 30


async def test_closing_ends_every_connection(server: V1Server) -> None:
    async with sourcing(server) as source:
        await names(source)
    with pytest.raises((RegistryError, RuntimeError)):
        await names(source)


async def test_ancestors_that_say_too_much_together_are_refused(
    server: V1Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(v1_source, "HISTORY_LIMIT", 1_000)
    async with sourcing(server) as source:
        with pytest.raises(LimitExceededError, match="more than 1,000 bytes of the image's ancestors"):
            await image(source, "1.0")
