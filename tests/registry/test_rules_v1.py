"""Rules of the v1 protocol that have no better place (seed-registry-package.md §8 and §14)."""

from __future__ import annotations

import io
import tarfile
from typing import Final

import pytest

from regbrowse.registry.endpoint import APIEndpoint, APIVersion
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.v1.models import ImgData
from regbrowse.registry.v1.tarsum import tarsum
from tests.registry.v1.archives import archive_of, entry
from tests.registry.v1.conversing import ID, conversing
from tests.v1_server import V1Server

PLAIN: Final = TLSConfig(insecure_skip_verify=True)


# An endpoint made of another one


@pytest.mark.parametrize("url", ["https://reg.corp", "http://reg.corp", "http://reg.corp/", "http://reg.corp/a/v1"])
async def test_an_endpoint_of_v1_is_where_it_was_made_of(url: str) -> None:
    async with APIEndpoint(url, APIVersion.V1, tls_config=PLAIN).to_v1_endpoint() as endpoint:
        assert (endpoint.url, str(endpoint)) == (url, f"{url}/v1/")
        assert (endpoint.tls_config, endpoint.is_secure) == (PLAIN, False)


async def test_an_endpoint_of_v1_is_made_without_a_request_and_has_the_headers() -> None:
    with V1Server() as server:
        made = APIEndpoint(server.url, APIVersion.V1).to_v1_endpoint("docker/17.07", {"X-Meta": ["one", "two"]})
        assert server.requests == []
        async with made as endpoint:
            await endpoint.ping()
    assert [str(request) for request in server.requests] == ["GET /v1/_ping"]
    assert server.requests[0].all("user-agent") == ["docker/17.07"]
    assert server.requests[0].all("x-meta") == ["one", "two"]


# Pushes


@pytest.mark.parametrize("push", ["checksum", "json"])
async def test_the_cookies_of_a_push_are_kept(push: str) -> None:
    with V1Server() as server:
        server.fault("PUT ", status=200, headers={"Set-Cookie": "session=one; Path=/"}, times=None)
        async with conversing(server) as session:
            for _ in range(2):
                if push == "json":
                    await session.push_image_json_registry(ImgData(ID), b"{}", server.base)
                else:
                    await session.push_image_checksum_registry(ImgData(ID), server.base)
    assert [request.headers.get("cookie") for request in server.requests] == [None, "session=one"]


# TarSum


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (tarfile.AREGTYPE, "8bf12d7e67c51ee2e8306cba569398b1b9f419969521a12ffb9d8875e8836738"),
        (tarfile.REGTYPE, "75258b2c5dcd9adfe24ce71eeca5fc5019c7e669912f15703ede92b1a60cb11f"),
    ],
    ids=["as Docker's own vector has it", "as it is written today"],
)
def test_a_file_of_1_mib_has_the_sum_that_docker_computes(kind: bytes, expected: str) -> None:
    archive = archive_of(entry("/testdata0", bytes(1 << 20), kind, mode=0o755), form="ustar")
    assert tarsum(archive) == tarsum(io.BytesIO(archive)) == f"tarsum+sha256:{expected}"
