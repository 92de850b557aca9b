"""What was pushed comes back: to whoever browses, and byte for byte to whoever reads the layers (§14 and §15)."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest

from regbrowse.browser.states import Phase
from regbrowse.registry.errors import AlreadyExistsError, HTTPStatusError
from regbrowse.registry.service.config import IndexInfo
from regbrowse.registry.service.repository_info import RepositoryInfo
from regbrowse.registry.v1.models import ImgData
from regbrowse.registry.v1.session import Session
from tests.browser.v1_browsing import LOGIN as BROWSERS_LOGIN
from tests.browser.v1_browsing import image, names, row, sourcing
from tests.registry.v1.archives import archive_of, entry
from tests.registry.v1.conversing import LOGIN, PASSWORD, USER, conversing
from tests.v1_content import V1Content, image_id
from tests.v1_server import V1Server

TEAM_APP: Final = RepositoryInfo(
    "registry.corp/team/app", "registry.corp/team/app", "team/app", "registry.corp", IndexInfo("registry.corp")
)


@dataclass(frozen=True)
class Made:
    """An image to push.

    Attributes:
        layer: An uncompressed tar.
    """

    id: str
    parent: str
    command: str
    json: bytes
    layer: bytes


def made(name: str, parent: str, command: str, *entries: tuple[tarfile.TarInfo, bytes]) -> Made:
    document = {
        "id": image_id(name),
        "created": "2014-02-03T04:05:06.789Z",
        "container_config": {"Cmd": ["/bin/sh", "-c", command]},
        "config": {"Cmd": ["/bin/sh"], "Env": ["LANG=C.UTF-8"]},
        "architecture": "amd64",
        "os": "linux",
        **({"parent": parent} if parent else {}),
    }
    return Made(image_id(name), parent, command, json.dumps(document, indent=1).encode(), archive_of(*entries))


def chain() -> list[Made]:
    """Three images, the lowest first: one with much in it, one with odd entries, one with nothing."""
    rootfs = made(
        "rootfs",
        "",
        "#(nop) ADD rootfs.tar in /",
        entry("etc/", kind=tarfile.DIRTYPE, mode=0o755),
        entry("etc/motd", b"welcome\n", mtime=1_385_942_400, uname="root"),
        *(entry(f"usr/{number}", bytes((number * byte) % 251 for byte in range(9_000))) for number in range(20)),
    )
    odd = made(
        "odd",
        rootfs.id,
        "make && make install",
        entry("a" * 150, b"long"),
        entry("größe", b"\x00" * 5_000),
        entry("link", kind=tarfile.SYMTYPE, linkname="etc/motd"),
        entry(".wh.gone"),
    )
    return [rootfs, odd, made("empty", odd.id, '#(nop) CMD ["/bin/sh"]')]


CHAIN: Final = chain()
TAGS: Final = {"latest": CHAIN[-1].id, "1.0": CHAIN[-1].id, "rootfs": CHAIN[0].id}


async def push(session: Session, images: Sequence[Made], tags: dict[str, str]) -> dict[str, ImgData]:
    """Push as Docker did it (§15); gives what was pushed, by id, without what was there already."""
    begun = await session.push_image_json_index(TEAM_APP, [ImgData(each.id) for each in images], False, ())
    (registry,) = begun.endpoints
    pushed: dict[str, ImgData] = {}
    for each in images:
        try:
            await session.push_image_json_registry(ImgData(each.id), each.json, registry)
        except AlreadyExistsError:
            continue
        sums = await session.push_image_layer_registry(each.id, io.BytesIO(each.layer), registry, each.json)
        pushed[each.id] = ImgData(each.id, *sums)
        await session.push_image_checksum_registry(pushed[each.id], registry)
    for tag, id_ in tags.items():
        await session.push_registry_tag(TEAM_APP, id_, tag, registry)
    await session.push_image_json_index(TEAM_APP, list(pushed.values()), True, [registry])
    return pushed


@pytest.fixture(params=["standalone", "index"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[V1Server]:
    """A registry that was empty, and to which the chain was pushed."""
    auth: Any = ("basic", USER, PASSWORD) if request.param == "index" else None
    with V1Server(V1Content(), mode=request.param, auth=auth) as server:
        async with conversing(server, LOGIN) as session:
            pushed = await push(session, CHAIN, TAGS)
        assert list(pushed) == [each.id for each in CHAIN]
        server.requests.clear()
        yield server


async def test_the_catalog_has_what_was_pushed(server: V1Server) -> None:
    async with sourcing(server, login=BROWSERS_LOGIN) as source:
        assert await names(source) == ("team/app",)
        assert sorted(await names(source, "team/app")) == sorted(TAGS)


async def test_the_tags_lead_to_the_images_that_were_pushed(server: V1Server) -> None:
    async with sourcing(server, login=BROWSERS_LOGIN) as source:
        assert {tag: (await row(source, tag)).image_id for tag in TAGS} == TAGS


async def test_the_history_is_the_chain_that_was_pushed(server: V1Server) -> None:
    async with sourcing(server, login=BROWSERS_LOGIN) as source:
        state = (await image(source, "1.0"))[-1]
    found = [(step.v1.id, step.v1.parent, step.entry.created_by) for step in state.steps if step.v1 and step.entry]
    assert found == [(each.id, each.parent, f"/bin/sh -c {each.command}") for each in CHAIN]
    assert (state.phase, state.raw_config) == (Phase.READY, CHAIN[-1].json)


async def test_the_sizes_are_those_of_what_was_sent(server: V1Server) -> None:
    async with sourcing(server, login=BROWSERS_LOGIN) as source:
        state = (await image(source, "1.0"))[-1]
    assert [step.size for step in state.steps] == [len(sent(server, each)) for each in CHAIN]
    assert state.size == sum(len(sent(server, each)) for each in CHAIN)


async def test_an_image_in_the_middle_has_the_history_up_to_it(server: V1Server) -> None:
    async with sourcing(server, login=BROWSERS_LOGIN) as source:
        steps = (await image(source, "rootfs"))[-1].steps
    assert [step.v1.id for step in steps if step.v1] == [CHAIN[0].id]


async def test_a_push_of_what_is_there_changes_nothing(server: V1Server) -> None:
    before = {id_: (each.json, each.layer) for id_, each in server.content.images.items()}
    async with conversing(server, LOGIN) as session:
        assert await push(session, CHAIN, {"again": CHAIN[1].id}) == {}
    assert {id_: (each.json, each.layer) for id_, each in server.content.images.items()} == before
    async with sourcing(server, login=BROWSERS_LOGIN) as source:
        assert (await row(source, "again")).image_id == CHAIN[1].id
        assert len((await image(source, "1.0"))[-1].steps) == 3


# Layers


def sent(server: V1Server, each: Made) -> bytes:
    """The bytes of a layer that came to the registry."""
    layer = server.content.images[each.id].layer
    assert layer is not None
    return layer


class Pauses(list[float]):
    """Takes the place of waiting."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


async def read(server: V1Server, each: Made, wait: Pauses) -> bytes:
    """A layer, as one reads it who pulls."""
    async with conversing(server, LOGIN) as session:
        data = await session.get_repository_data(TEAM_APP)
        _, size = await session.get_remote_image_json(each.id, data.endpoints[0])
        async with await session.get_remote_image_layer(each.id, data.endpoints[0], size, wait=wait) as reader:
            return b"".join([chunk async for chunk in reader])


def entries(archive: bytes) -> list[tuple[Mapping[str, object], bytes]]:
    """What is in an archive, but for where in it."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return [(member.get_info(), _content(opened, member)) for member in opened]


def _content(opened: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = opened.extractfile(member) if member.isreg() else None
    return file.read() if file else b""


@pytest.mark.parametrize("each", CHAIN, ids=["rootfs", "odd", "empty"])
async def test_a_layer_is_given_back_as_it_was_sent(server: V1Server, each: Made) -> None:
    layer = await read(server, each, Pauses())
    assert layer == sent(server, each)
    assert entries(gzip.decompress(layer)) == entries(each.layer)


async def test_a_layer_whose_connection_breaks_again_and_again_is_given_back_whole(server: V1Server) -> None:
    layer = sent(server, CHAIN[0])
    assert len(layer) > 4_000
    for received in (700, 1, 2_000, 0):
        server.fault(f"GET /v1/images/{CHAIN[0].id}/layer", cut_after=received)
    pauses = Pauses()
    assert await read(server, CHAIN[0], pauses) == layer
    ranges = [request.headers.get("range", "") for request in server.requests if request.path.endswith("/layer")]
    assert ranges == ["", *(f"bytes={received}-{len(layer)}" for received in (700, 701, 2_701, 2_701))]
    assert len(pauses) == 4


async def test_the_checksums_of_a_push_are_those_of_what_was_sent(server: V1Server) -> None:
    listed = {image["id"]: image for image in server.content.repositories["team/app"].images}
    for each in CHAIN:
        stored = server.content.images[each.id]
        assert listed[each.id]["checksum"] == stored.checksum
        assert stored.checksum.startswith("tarsum+sha256:")
        assert stored.checksum_payload.startswith("sha256:")


async def test_without_its_token_an_index_takes_no_push() -> None:
    with V1Server(V1Content(), mode="index", auth=("basic", USER, PASSWORD)) as server:
        async with conversing(server) as session:
            with pytest.raises(HTTPStatusError) as caught:
                await push(session, CHAIN, TAGS)
    assert caught.value.status == 401
    assert server.content.images == {}
