"""The bodies of answers: bounded, decoded without trust, and compared with their digest."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import Final

import pytest

from regbrowse import __version__
from regbrowse.registry.auth import pull
from regbrowse.registry.client import MANIFEST_LIMIT
from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import (
    DigestMismatchError,
    HTTPStatusError,
    LimitExceededError,
    MalformedDocumentError,
    NotFoundError,
    RegistryError,
)
from regbrowse.registry.models import Descriptor
from regbrowse.registry.text import SafeText
from regbrowse.registry.transport import Request
from tests.registry.reaching import reaching
from tests.registry_server import Content, Manner, RegistryServer

TAG: Final = "GET /v2/team/app/manifests/1.0"
SCOPE: Final = pull("team/app")


def config_of(content: Content) -> Descriptor:
    """A descriptor of one blob of the repository."""
    repository = content.repository("team/app")
    assert repository is not None
    digest, data = next(iter(repository.blobs.items()))
    return Descriptor(SafeText("application/octet-stream"), Digest.parse(digest), len(data))


# Bounds


async def test_a_body_over_its_limit_is_refused(content: Content, server: RegistryServer) -> None:
    content.add_raw("team/app", "huge", "application/json", b" " * (MANIFEST_LIMIT + 1))
    async with reaching(server) as client:
        with pytest.raises(LimitExceededError, match="4,194,304"):
            await client.manifest("team/app", "huge")
    assert len(server.requests) == 1


async def test_a_body_of_just_its_limit_is_read(content: Content, server: RegistryServer) -> None:
    digest = content.add_blob("team/app", b"x" * 1000)
    descriptor = Descriptor(SafeText(""), Digest.parse(digest), 1000)
    async with reaching(server) as client:
        assert len(await client.blob("team/app", descriptor, limit=1000)) == 1000
    async with reaching(server) as client:
        with pytest.raises(LimitExceededError):
            await client.blob("team/app", descriptor, limit=999)


async def test_a_configuration_over_its_limit_is_refused(content: Content, server: RegistryServer) -> None:
    data = b" " * (4 * 1024 * 1024 + 1)
    descriptor = Descriptor(SafeText(""), Digest.parse(content.add_blob("team/app", data)), len(data))
    async with reaching(server) as client:
        with pytest.raises(LimitExceededError):
            await client.config("team/app", descriptor)


async def test_a_body_without_end_is_refused(server: RegistryServer) -> None:
    server.fault(TAG, "endless", body=b"x")
    async with reaching(server) as client:
        with pytest.raises(LimitExceededError):
            await client.manifest("team/app", "1.0")


@pytest.mark.parametrize("manner", ["whole", "endless"])
async def test_an_explanation_without_end_is_cut(server: RegistryServer, manner: Manner) -> None:
    server.fault(TAG, manner, status=403, body=b"no " * 1_000_000)
    async with reaching(server) as client:
        with pytest.raises(HTTPStatusError) as caught:
            await client.manifest("team/app", "1.0")
    assert caught.value.detail
    assert len(caught.value.detail) < 1_000


async def test_the_body_of_a_cut_explanation_ends_at_its_limit(server: RegistryServer) -> None:
    server.fault(TAG, "endless", status=403, body=b"x")
    async with reaching(server) as client:
        response = await client.transport.request(Request("/v2/team/app/manifests/1.0", SCOPE))
    assert len(response.body) == 65_536


async def test_a_content_length_that_is_too_short_gives_no_partial_document(server: RegistryServer) -> None:
    server.fault(TAG, headers={"Content-Length": "40"}, times=None)
    async with reaching(server) as client:
        with pytest.raises(RegistryError):
            await client.manifest("team/app", "1.0")


# Encodings


async def test_no_encoding_is_asked_for(server: RegistryServer) -> None:
    async with reaching(server) as client:
        await client.manifest("team/app", "1.0")
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert server.requests[0].headers["user-agent"] == f"regbrowse/{__version__}"


async def test_gzip_that_was_not_asked_for_is_read(server: RegistryServer) -> None:
    server.fault(TAG, "gzip")
    async with reaching(server) as client:
        document = await client.manifest("team/app", "1.0")
    assert document.digest == Digest.of(document.raw)


async def test_a_gzip_bomb_is_stopped_at_the_limit(server: RegistryServer) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(256)), packer.flush()])
    server.fault(TAG, body=bomb, headers={"Content-Encoding": "gzip"})
    async with reaching(server) as client:
        tracemalloc.start()
        try:
            with pytest.raises(LimitExceededError):
                await client.manifest("team/app", "1.0")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 20 * 1024 * 1024


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gzip.compress(b'{"tags":["1.0"]}', mtime=0)[:-9], id="cut"),
        pytest.param(b"not gzip at all", id="none"),
        pytest.param(gzip.compress(b'{"tags":["1.0"]}', mtime=0) + b"more", id="followed by more"),
    ],
)
async def test_broken_gzip_is_refused(server: RegistryServer, body: bytes) -> None:
    server.fault("GET /v2/team/app/tags/list", body=body, headers={"Content-Encoding": "gzip"})
    async with reaching(server) as client:
        with pytest.raises(MalformedDocumentError):
            await anext(client.tags("team/app"))


async def test_what_follows_the_end_of_gzip_is_not_kept(server: RegistryServer) -> None:
    server.fault(TAG, "endless", body=gzip.compress(b"{}", mtime=0), headers={"Content-Encoding": "gzip"})
    async with reaching(server) as client:
        with pytest.raises(MalformedDocumentError):
            await client.manifest("team/app", "1.0")


async def test_an_encoding_that_is_not_known_is_refused(server: RegistryServer) -> None:
    server.fault(TAG, headers={"Content-Encoding": "br"})
    async with reaching(server) as client:
        with pytest.raises(MalformedDocumentError, match="encoding br"):
            await client.manifest("team/app", "1.0")


@pytest.mark.parametrize("encoding", ["br", "gzip"])
async def test_a_failure_is_understood_whatever_its_explanation_is_encoded_in(
    server: RegistryServer, encoding: str
) -> None:
    server.fault(TAG, status=404, body=b"unreadable", headers={"Content-Encoding": encoding})
    async with reaching(server) as client:
        with pytest.raises(NotFoundError):
            await client.manifest("team/app", "1.0")


async def test_the_answer_to_head_needs_no_body_for_its_encoding(server: RegistryServer) -> None:
    server.fault("HEAD", headers={"Content-Encoding": "gzip"})
    async with reaching(server) as client:
        await client.resolve("team/app", "1.0")
    assert [request.method for request in server.requests] == ["HEAD"]


# Integrity


async def test_other_bytes_than_the_digest_asked_for_are_refused_and_not_kept(
    content: Content, server: RegistryServer
) -> None:
    descriptor = config_of(content)
    server.fault("GET /v2/team/app/blobs/", body=b"y" * descriptor.size)
    async with reaching(server) as client:
        with pytest.raises(DigestMismatchError):
            await client.blob("team/app", descriptor, limit=1000)
        data = await client.blob("team/app", descriptor, limit=1000)
    assert Digest.of(data) == descriptor.digest


async def test_another_manifest_than_the_digest_asked_for_is_refused(content: Content, server: RegistryServer) -> None:
    repository = content.repository("team/app")
    assert repository is not None
    wanted, other = repository.tags["1.0"], repository.manifests[repository.tags["2.0"]]
    server.fault("GET", body=other.data, headers={"Docker-Content-Digest": wanted})
    async with reaching(server) as client:
        with pytest.raises(DigestMismatchError):
            await client.manifest("team/app", wanted)


@pytest.mark.parametrize(
    "claim", [None, "sha256:../../etc/passwd", "sha256:ABC", "md5:d41d8cd98f00b204e9800998ecf8427e"]
)
async def test_a_digest_that_head_does_not_give_is_computed(
    content: Content, server: RegistryServer, claim: str | None
) -> None:
    repository = content.repository("team/app")
    assert repository is not None
    server.fault("HEAD", headers={"Docker-Content-Digest": claim})
    async with reaching(server) as client:
        assert (await client.resolve("team/app", "1.0")).digest == repository.tags["1.0"]
    assert [request.method for request in server.requests] == ["HEAD", "GET"]


@pytest.mark.parametrize("status", [400, 403, 404, 405])
async def test_a_registry_without_head_is_asked_with_get(server: RegistryServer, status: int) -> None:
    server.fault("HEAD", status=status)
    async with reaching(server) as client:
        await client.resolve("team/app", "1.0")
    assert [request.method for request in server.requests] == ["HEAD", "GET"]


async def test_head_cannot_say_that_a_digest_is_another(content: Content, server: RegistryServer) -> None:
    repository = content.repository("team/app")
    assert repository is not None
    wanted, other = repository.tags["1.0"], repository.tags["2.0"]
    server.fault("HEAD", headers={"Docker-Content-Digest": other})
    async with reaching(server) as client:
        assert (await client.resolve("team/app", wanted)).digest == wanted
