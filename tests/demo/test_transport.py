from __future__ import annotations

import asyncio

import pytest

from regbrowse.demo.transport import CATALOG_PAGE, PAGE_DELAY, SEARCH_DELAY, TAGS_PAGE, DemoTransport
from regbrowse.registry.wire import httpx
from tests.demo.walk import digest_of, names_of, pages

LATEST = "/v2/team/service/manifests/latest"


async def config_path(registry: httpx.AsyncClient) -> str:
    manifest = (await registry.get("/v2/demo/histories/manifests/buildkit")).json()
    return f"/v2/demo/histories/blobs/{manifest['config']['digest']}"


@pytest.mark.parametrize(
    ("path", "key", "limit"),
    [("/v2/_catalog", "repositories", CATALOG_PAGE), ("/v2/ci/builds/tags/list", "tags", TAGS_PAGE)],
)
class TestLists:
    async def test_pages_hold_at_most_the_limit(
        self, registry: httpx.AsyncClient, path: str, key: str, limit: int
    ) -> None:
        sizes = [len(page) for page in await pages(registry, f"{path}?n=100000", key)]
        assert len(sizes) > 1
        assert set(sizes[:-1]) == {limit}
        assert 0 < sizes[-1] <= limit

    async def test_pages_together_are_sorted_without_duplicates(
        self, registry: httpx.AsyncClient, path: str, key: str, limit: int
    ) -> None:
        names = await names_of(registry, path, key)
        assert names == sorted(set(names))

    async def test_pages_of_any_size_hold_the_same_names(
        self, registry: httpx.AsyncClient, path: str, key: str, limit: int
    ) -> None:
        small = f"{path}?n={limit - 7}"
        assert await names_of(registry, small, key) == await names_of(registry, path, key)
        assert len((await pages(registry, small, key))[0]) == limit - 7

    async def test_last_need_not_be_in_the_list(
        self, registry: httpx.AsyncClient, path: str, key: str, limit: int
    ) -> None:
        first = (await registry.get(path)).json()[key]
        after = (await registry.get(path, params={"last": f"{first[4]}!"})).json()[key]
        assert after[0] == first[5]

    async def test_zero_names_can_be_asked_for(
        self, registry: httpx.AsyncClient, path: str, key: str, limit: int
    ) -> None:
        answer = await registry.get(path, params={"n": 0})
        assert answer.json()[key] == []
        assert "Link" not in answer.headers

    @pytest.mark.parametrize("size", ["-1", "many", "1.5", "", "²"])
    async def test_a_page_size_that_is_none_is_refused(
        self, registry: httpx.AsyncClient, path: str, key: str, limit: int, size: str
    ) -> None:
        answer = await registry.get(path, params={"n": size})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == "PAGINATION_NUMBER_INVALID"


async def test_the_tag_list_names_its_repository(registry: httpx.AsyncClient) -> None:
    assert (await registry.get("/v2/team/service/tags/list")).json()["name"] == "team/service"


async def test_a_repository_without_tags_says_null(registry: httpx.AsyncClient) -> None:
    assert (await registry.get("/v2/states/empty/tags/list")).json() == {"name": "states/empty", "tags": None}


async def test_the_second_page_of_a_half_listed_repository_fails(registry: httpx.AsyncClient) -> None:
    first = await registry.get("/v2/states/half-listed/tags/list")
    assert len(first.json()["tags"]) == TAGS_PAGE
    assert (await registry.get(first.links["next"]["url"])).status_code == 500


@pytest.mark.parametrize(
    "path",
    [
        "/v2/",
        "/v2/_catalog",
        "/v2/team/service/tags/list",
        LATEST,
        "/v2/states/broken/manifests/gone",
        "/v2/states/forbidden/tags/list",
        "config",
    ],
)
async def test_head_says_what_get_says_without_the_body(registry: httpx.AsyncClient, path: str) -> None:
    path = await config_path(registry) if path == "config" else path
    head, get = await registry.head(path), await registry.get(path)
    assert (head.status_code, head.headers) == (get.status_code, get.headers)
    assert head.content == b""
    assert int(get.headers["Content-Length"]) == len(get.content) > 0


@pytest.mark.parametrize("path", [LATEST, "config"])
class TestContent:
    async def test_the_digest_is_that_of_the_content(self, registry: httpx.AsyncClient, path: str) -> None:
        answer = await registry.get(await config_path(registry) if path == "config" else path)
        assert answer.headers["Docker-Content-Digest"] == digest_of(answer.content)
        assert answer.headers["ETag"] == f'"{digest_of(answer.content)}"'

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize("known", ["{}", "W/{}", '"other", {}', "*"])
    async def test_what_the_client_has_is_not_sent_again(
        self, registry: httpx.AsyncClient, path: str, method: str, known: str
    ) -> None:
        path = await config_path(registry) if path == "config" else path
        etag = (await registry.get(path)).headers["ETag"]
        answer = await registry.request(method, path, headers={"If-None-Match": known.format(etag)})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == etag

    async def test_what_has_changed_is_sent(self, registry: httpx.AsyncClient, path: str) -> None:
        path = await config_path(registry) if path == "config" else path
        answer = await registry.get(path, headers={"If-None-Match": '"sha256:other"'})
        assert answer.status_code == 200
        assert answer.content


async def test_a_body_can_be_read_raw_as_from_a_network(registry: httpx.AsyncClient) -> None:
    async with registry.stream("GET", "/v2/demo/hostile-labels/manifests/labels") as answer:
        chunks = [chunk async for chunk in answer.aiter_raw()]
    assert digest_of(b"".join(chunks)) == answer.headers["Docker-Content-Digest"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v2/no/such/repository/tags/list", 404, "NAME_UNKNOWN"),
        ("/v2/team/service/manifests/no-such-tag", 404, "MANIFEST_UNKNOWN"),
        (f"/v2/team/service/manifests/sha256:{'0' * 64}", 404, "MANIFEST_UNKNOWN"),
        (f"/v2/team/service/blobs/sha256:{'0' * 64}", 404, "BLOB_UNKNOWN"),
        ("/v2/states/deleted/tags/list", 404, "NAME_UNKNOWN"),
        ("/v2/states/forbidden/tags/list", 403, "DENIED"),
        ("/v2/states/forbidden/manifests/latest", 403, "DENIED"),
        ("/v2/states/unauthorized/tags/list", 401, "UNAUTHORIZED"),
        ("/v2/states/broken/manifests/gone", 404, "MANIFEST_UNKNOWN"),
        ("/v2/states/broken/manifests/error-500", 500, "UNKNOWN"),
        ("/v2/states/broken/manifests/rate-limited", 429, "TOOMANYREQUESTS"),
    ],
)
async def test_a_failure_is_said_in_the_specifications_words(
    registry: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    answer = await registry.get(path)
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["message"]


async def test_a_401_says_how_to_log_in(registry: httpx.AsyncClient) -> None:
    answer = await registry.get("/v2/states/unauthorized/tags/list")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="registry.demo"'


async def test_a_429_says_how_long_to_wait(registry: httpx.AsyncClient) -> None:
    answer = await registry.get("/v2/states/broken/manifests/rate-limited")
    assert answer.headers["Retry-After"] == "120"


@pytest.mark.parametrize("path", ["/", "/v1/_ping", "/v2/team/service", "/v2/team/service/tags/other", "/token"])
async def test_other_calls_are_not_there(registry: httpx.AsyncClient, path: str) -> None:
    assert (await registry.get(path)).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
async def test_nothing_can_be_written(registry: httpx.AsyncClient, method: str) -> None:
    assert (await registry.request(method, LATEST)).status_code == 405


@pytest.mark.parametrize(
    ("host", "catalog", "image"), [("forbidden", 403, 200), ("missing", 404, 200), ("empty", 200, 404)]
)
async def test_a_face_has_a_catalog_of_its_own(
    registry: httpx.AsyncClient, host: str, catalog: int, image: int
) -> None:
    origin = f"https://{host}.registry.demo"
    assert (await registry.get(f"{origin}/v2/_catalog")).status_code == catalog
    assert (await registry.get(f"{origin}{LATEST}")).status_code == image


async def test_the_empty_face_lists_nothing(registry: httpx.AsyncClient) -> None:
    assert (await registry.get("https://empty.registry.demo/v2/_catalog")).json() == {"repositories": []}


@pytest.mark.parametrize("url", ["https://registry.example/v2/", "http://127.0.0.1/v2/", "https://evilregistry.demo/"])
async def test_other_hosts_are_out_of_reach(registry: httpx.AsyncClient, url: str) -> None:
    with pytest.raises(httpx.ConnectError):
        await registry.get(url)


class Waits:
    """Notes how long was to be waited, and does not wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("path", "waits"),
    [
        ("/v2/_catalog", [PAGE_DELAY]),
        ("/v2/team/service/tags/list", [PAGE_DELAY]),
        (LATEST, []),
        ("/v2/states/slow/manifests/latest", [1.5]),
        ("/v2/states/slow/tags/list", [1.5, PAGE_DELAY]),
        ("https://index.docker.io/v1/search?q=nginx", [SEARCH_DELAY]),
    ],
)
@pytest.mark.parametrize("pace", [0.0, 1.0, 2.0])
async def test_delays_keep_the_pace(path: str, waits: list[float], pace: float) -> None:
    sleep = Waits()
    async with httpx.AsyncClient(
        transport=DemoTransport(pace=pace, sleep=sleep), base_url="https://registry.demo"
    ) as client:
        await client.get(path)
    assert sleep.seconds == [seconds * pace for seconds in waits if pace]
