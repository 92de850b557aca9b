"""Lists that come in pages: every way to say where the next one is, and the ways to never end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry import pagination
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.errors import MalformedDocumentError, RateLimitedError, ServerFailureError
from regbrowse.registry.models import Page
from regbrowse.registry.pagination import Pages, next_link
from regbrowse.registry.text import SafeText, safe_text
from tests.registry.reaching import reaching
from tests.registry_rules import LinkStyle
from tests.registry_server import Content, RegistryServer

NAMES: Final = [f"tag-{number:02}" for number in range(10)]
TAGS: Final = "/v2/team/app/tags/list"


def content(names: Sequence[str] = NAMES) -> Content:
    content = Content()
    content.add_image("team/app", names[0])
    content.add_tags("team/app", names, like=names[0])
    return content


async def pages_of(client: RegistryClient) -> list[Page]:
    return [page async for page in client.tags("team/app")]


def names_of(pages: Sequence[Page]) -> list[str]:
    return [name for page in pages for name in page.names]


def queries(server: RegistryServer) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(request.path).query) for request in server.requests]


# What `Link` says


@pytest.mark.parametrize(
    ("lines", "target"),
    [
        (['</v2/x?n=1>; rel="next"'], "/v2/x?n=1"),
        (["</v2/x?n=1>; rel=next"], "/v2/x?n=1"),
        (["</v2/x?n=1>;rel=next"], "/v2/x?n=1"),
        (['</v2/x?n=1> ; REL = "NEXT"'], "/v2/x?n=1"),
        (['</v2/x?n=1>; rel="prev next last"'], "/v2/x?n=1"),
        (['</v2/x?n=1>; title="a, \\"b\\"; c"; rel="next"; type=x'], "/v2/x?n=1"),
        (['</a>; rel="prev", </b>; rel="next"'], "/b"),
        (['</a>; rel="prev"', '</b>; rel="next"'], "/b"),
        (['</a,b;c>; rel="next"'], "/a,b;c"),
        (["<https://h/v2/x?last=a%2Fb&n=1>; rel=next"], "https://h/v2/x?last=a%2Fb&n=1"),
        (['<>; rel="next"'], ""),
        (["<?last=b>; rel=next; flag"], "?last=b"),
        (['</a>; rel="nextish"'], None),
        (["</a>; rel=prev; title=x next"], None),
        (['</a>; rel=prev; title="; rel=next"'], None),
        (['</a>; rel=prev; rel="next"'], None),
        (["</a>"], None),
        (["/a; rel=next"], None),
        ([""], None),
        ([], None),
    ],
)
def test_the_next_link_is_read(lines: list[str], target: str | None) -> None:
    assert next_link(lines) == target


@given(st.lists(st.text(alphabet='<>;,="\\ \trelnextabc/?%é', max_size=60), max_size=4))
def test_any_link_is_read(lines: list[str]) -> None:
    target = next_link(lines)
    assert target is None or any(f"<{target}>" in line for line in lines)


@given(
    st.text(alphabet=st.characters(exclude_characters="<>", codec="latin-1"), max_size=40),
    st.sampled_from(["rel=next", 'rel="next"', 'REL="x next"', 'title="a;b" ; rel=next', "flag;rel=next"]),
)
def test_a_target_is_given_as_it_is_written(target: str, parameters: str) -> None:
    assert next_link([f"<{target}>; {parameters}"]) == target


@pytest.mark.parametrize("part", ["; a=   ", '; a="', "; rel=", "<x>;a=b", "<", '<x>; a="<x>', ";", " "])
def test_a_hostile_link_is_given_up(part: str) -> None:
    """There are more ways to read it than can be tried."""
    assert next_link(["<x>" + part * 10_000 + '"']) is None


@given(st.text(max_size=200), st.lists(st.text(max_size=8).map(safe_text), max_size=5))
def test_whatever_a_link_says_the_next_page_is_of_the_same_list(link: str, names: list[SafeText]) -> None:
    pages = Pages(TAGS)
    following = pages.after(names, pages.take(names), [f"<{link}>; rel=next"])
    if following is not None:
        assert following.startswith(f"{TAGS}?")
        assert following.isprintable()
        assert len(following) < 10_000
    else:
        assert pages.notice or not names or not next_link([f"<{link}>; rel=next"])


# All pages


@pytest.mark.parametrize("style", ["relative", "absolute", "unquoted", "foreign"])
async def test_every_spelling_of_the_link_leads_through_the_list(style: LinkStyle) -> None:
    with RegistryServer(content(), page_size=4, link_style=style) as server:
        async with reaching(server) as client:
            pages = await pages_of(client)
    assert names_of(pages) == NAMES
    assert [page.complete for page in pages] == [False, False, True]
    assert [page.notice for page in pages] == ["", "", ""]
    assert len(server.requests) == 3


async def test_the_pages_of_the_catalog_are_followed_too() -> None:
    content = Content()
    content.add_repositories(f"team/{number:02}" for number in range(10))
    with RegistryServer(content, page_size=4) as server:
        async with reaching(server) as client:
            names = [name async for page in client.catalog() for name in page.names]
    assert names == [f"team/{number:02}" for number in range(10)]


async def test_the_query_of_the_link_is_passed_on_as_it_is() -> None:
    with RegistryServer(content()) as server:
        server.fault(
            f"GET {TAGS}", body=b'{"tags":["a"]}', headers={"Link": '<list?cursor=b64%3D%3D+/&n=7>; rel="next"'}
        )
        async with reaching(server) as client:
            await pages_of(client)
    assert server.requests[1].path == f"{TAGS}?cursor=b64%3D%3D+/&n=7"


@pytest.mark.parametrize("body", [b'{"name":"team/app","tags":null}', b'{"tags":[]}'])
async def test_a_list_without_names_is_empty(body: bytes) -> None:
    with RegistryServer(content()) as server:
        server.fault(f"GET {TAGS}", body=body)
        async with reaching(server) as client:
            assert await pages_of(client) == [Page((), complete=True)]


async def test_names_are_given_once() -> None:
    with RegistryServer(content()) as server:
        link = {"Link": f'<{TAGS}?last=b>; rel="next"'}
        server.fault(f"GET {TAGS}?n=", body=b'{"tags":["a","b","a"]}', headers=link)
        server.fault(f"GET {TAGS}?last=b", body=b'{"tags":["b","c"]}')
        async with reaching(server) as client:
            assert [page.names for page in await pages_of(client)] == [("a", "b"), ("c",)]


async def test_names_outside_the_grammar_are_given_safe() -> None:
    with RegistryServer(content()) as server:
        server.fault(f"GET {TAGS}", body=json.dumps({"tags": ["a\x1b[2J", 7, None, "ü" * 5_000]}).encode())
        async with reaching(server) as client:
            (page,) = await pages_of(client)
    assert page.names[0] == "a␛[2J"
    assert len(page.names) == 2
    assert len(page.names[1]) < 5_000


# Registries without links


@pytest.mark.parametrize(("count", "requests"), [(9, 3), (8, 3), (3, 1), (4, 2)])
async def test_a_registry_without_links_is_asked_once_more_after_a_full_page(
    count: int, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regbrowse.registry.client.PAGE_SIZE", 4)
    with RegistryServer(content(NAMES[:count]), link_style="none") as server:
        async with reaching(server) as client:
            pages = await pages_of(client)
    assert names_of(pages) == NAMES[:count]
    assert len(server.requests) == requests
    assert pages[-1].complete
    assert not pages[-1].notice


async def test_a_registry_that_ignores_where_to_go_on_is_asked_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regbrowse.registry.client.PAGE_SIZE", 2)
    with RegistryServer(content()) as server:
        server.fault(f"GET {TAGS}", body=b'{"tags":["a","b"]}', headers={"Link": None}, times=None)
        async with reaching(server) as client:
            pages = await pages_of(client)
    assert names_of(pages) == ["a", "b"]
    assert len(server.requests) == 2
    assert not pages[-1].notice


@pytest.mark.parametrize("status", [400, 404, 405])
async def test_a_registry_that_refuses_to_go_on_has_given_all(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regbrowse.registry.client.PAGE_SIZE", 4)
    with RegistryServer(content(NAMES[:4]), link_style="none") as server:
        server.fault(f"GET {TAGS}", status=status, after=1)
        async with reaching(server) as client:
            pages = await pages_of(client)
    assert names_of(pages) == NAMES[:4]
    assert pages[-1].complete


@pytest.mark.parametrize(("status", "error"), [(429, RateLimitedError), (500, ServerFailureError)])
async def test_a_registry_that_fails_to_go_on_has_failed(
    status: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regbrowse.registry.client.PAGE_SIZE", 4)
    with RegistryServer(content(NAMES[:4]), link_style="none") as server:
        server.fault(f"GET {TAGS}", status=status, after=1, times=None)
        async with reaching(server) as client:
            with pytest.raises(error):
                await pages_of(client)


@pytest.mark.parametrize("status", [400, 405])
async def test_a_registry_that_refuses_n_is_asked_without_it_from_then_on(status: int) -> None:
    with RegistryServer(content(), page_size=4) as server:
        server.fault(f"GET {TAGS}?n=1000", status=status, times=None)
        async with reaching(server) as client:
            assert names_of(await pages_of(client)) == NAMES
            server.reset()
            assert names_of(await pages_of(client)) == NAMES
    assert str(server.requests[0]) == f"GET {TAGS}"
    assert len(server.requests) == 3


async def test_a_registry_with_a_lower_limit_is_listed_whole() -> None:
    with RegistryServer(content(), page_size=4, max_n=4) as server:
        async with reaching(server) as client:
            assert names_of(await pages_of(client)) == NAMES
    assert [query.get("n") for query in queries(server)] == [["1000"], None, ["4"], ["4"]]


# Links that lead nowhere


@pytest.mark.parametrize(
    "link",
    [
        "/v2/../../admin?last=x",
        "/v2/team/app/tags/../../../../admin?last=x",
        "/v2/team/app/tags/%2e%2e/list?last=x",
        "/v2/other/repo/tags/list?last=x",
        "/admin?last=x",
        "http://internal.example/admin?last=x",
        "/v2/team/app/tags/list",
        "/v2/team/app/tags/list#x",
        "",
        "javascript:alert(1)",
        "http://[::1?last=x",
        "/v2/%ff/tags/list?last=x",
        "/v2/team/app/tags/list?" + "x" * 9_000,
    ],
)
async def test_a_link_that_leads_elsewhere_ends_the_list_with_a_notice(link: str) -> None:
    with RegistryServer(content()) as server:
        server.fault(f"GET {TAGS}", headers={"Link": f'<{link}>; rel="next"'}, times=None)
        async with reaching(server) as client:
            pages = await pages_of(client)
    assert len(server.requests) == 1
    assert names_of(pages) == NAMES
    assert "leads elsewhere" in pages[-1].notice


async def test_the_notice_of_a_link_has_no_secret() -> None:
    pages = Pages(TAGS)
    pages.after([SafeText("a")], [SafeText("a")], ["</admin?token=canary-pass>; rel=next"])
    assert pages.notice
    assert "canary" not in pages.notice


async def test_the_host_of_a_link_is_never_contacted() -> None:
    with RegistryServer(content(), page_size=4) as server, RegistryServer(content()) as evil:
        server.fault(f"GET {TAGS}?n=1000", headers={"Link": f'<{evil.url}{TAGS}?last=tag-03&n=4>; rel="next"'})
        async with reaching(server) as client:
            assert names_of(await pages_of(client)) == NAMES
    assert evil.requests == []


async def test_a_link_to_the_same_page_ends_the_list_with_a_notice() -> None:
    with RegistryServer(content(), page_size=4, link_style="circular") as server:
        async with reaching(server) as client:
            pages = await pages_of(client)
    assert names_of(pages) == NAMES[:4]
    assert "circle" in pages[-1].notice
    assert len(server.requests) == 1


async def test_a_circle_of_pages_ends_the_list_with_a_notice() -> None:
    with RegistryServer(content()) as server:
        for cursor, name, following in (("n=1000", "a", "at=1"), ("at=1", "b", "at=2"), ("at=2", "c", "at=1")):
            link = f'<{TAGS}?{following}>; rel="next"'
            body = json.dumps({"tags": [name]}).encode()
            server.fault(f"GET {TAGS}?{cursor}", body=body, headers={"Link": link}, times=None)
        async with reaching(server) as client:
            pages = await pages_of(client)
    assert names_of(pages) == ["a", "b", "c"]
    assert "circle" in pages[-1].notice
    assert len(server.requests) == 3


async def test_new_cursors_without_new_names_end_the_list_with_a_notice() -> None:
    with RegistryServer(content()) as server:
        for number in range(20):
            link = {"Link": f'<{TAGS}?at={number}>; rel="next"'}
            server.fault(f"GET {TAGS}", body=b'{"tags":["a"]}', headers=link)
        async with reaching(server) as client:
            pages = await pages_of(client)
    assert names_of(pages) == ["a"]
    assert "repeat" in pages[-1].notice
    assert len(server.requests) == 2


async def test_a_link_to_an_empty_page_ends_the_list_quietly() -> None:
    with RegistryServer(content()) as server:
        for names, cursor in ((["a"], 1), ([], 2)):
            link = {"Link": f'<{TAGS}?at={cursor}>; rel="next"'}
            server.fault(f"GET {TAGS}", body=json.dumps({"tags": names}).encode(), headers=link)
        async with reaching(server) as client:
            pages = await pages_of(client)
    assert names_of(pages) == ["a"]
    assert not pages[-1].notice
    assert len(server.requests) == 2


def endless(pages: Pages) -> int:
    """Follow new cursors to new names as long as that is allowed; give the number of pages."""
    count = 0
    following: str | None = pages.first
    while following:
        count += 1
        names = [SafeText(f"{count}-{number}") for number in range(10)]
        following = pages.after(names, pages.take(names), [f"<{TAGS}?at={count}>; rel=next"])
    return count


def test_pages_without_end_are_cut_with_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "PAGES_LIMIT", 50)
    pages = Pages(TAGS)
    assert endless(pages) == 51
    assert "cut after 50 pages" in pages.notice


def test_names_without_end_are_cut_with_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "NAMES_LIMIT", 95)
    pages = Pages(TAGS)
    assert endless(pages) == 10
    assert "cut at 95 names" in pages.notice


def test_names_longer_than_anything_sensible_are_cut_with_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "TEXT_LIMIT", 100)
    pages = Pages(TAGS)
    assert endless(pages) == 4
    assert "longer than anything sensible" in pages.notice


async def test_a_page_that_is_no_list_is_refused_after_the_names_before_it() -> None:
    with RegistryServer(content(), page_size=4) as server:
        server.fault(f"GET {TAGS}?last=", body=b"<html><title>Sign in</title>")
        async with reaching(server) as client:
            listing = client.tags("team/app")
            assert (await anext(listing)).names == tuple(NAMES[:4])
            with pytest.raises(MalformedDocumentError, match="Sign in"):
                await anext(listing)
