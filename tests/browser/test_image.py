"""An image as a screen is told of it, step by step, from real sockets."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, Final

import pytest

from regbrowse.browser.details import preferred
from regbrowse.browser.states import ImageState, Phase
from regbrowse.registry.digest import Digest
from regbrowse.registry.models import Descriptor, Platform
from regbrowse.registry.reference import Target, digest_reference
from regbrowse.registry.text import SafeText
from tests.browser.browsing import NAMES, browsing, target
from tests.registry_content import OCI_MANIFEST
from tests.registry_server import Content, RegistryServer


async def image_states(server: RegistryServer, reference: str, *, chosen: str | None = None) -> list[ImageState]:
    async with browsing(server) as browser:
        digest = Digest.parse(chosen) if chosen else None
        return [state async for state in browser.image(target(server, reference), chosen=digest)]


def known_parts(state: ImageState) -> set[str]:
    parts = ("document", "choices", "chosen", "manifest", "config", "steps", "problem")
    return {part for part in parts if getattr(state, part)}


async def test_a_single_image_is_opened_step_by_step(content: Content, server: RegistryServer) -> None:
    states = await image_states(server, NAMES[0])
    assert [state.phase for state in states] == [Phase.LOADING] * (len(states) - 1) + [Phase.READY]
    assert known_parts(states[0]) == set()
    for before, after in pairwise(states):
        assert known_parts(before) <= known_parts(after)
    last = states[-1]
    assert known_parts(last) == {"document", "manifest", "config", "steps"}
    assert last.document is last.manifest
    assert [step.entry and step.entry.created_by for step in last.steps] == [
        "COPY layer 1 /",
        "COPY layer 2 /",
        'CMD ["/bin/app"]',
    ]
    assert last.raw_config
    assert json.loads(last.raw_config)["os"] == "linux"
    assert last.size == sum(step.size or 0 for step in last.steps)


async def test_an_index_offers_its_platforms_and_opens_one(server: RegistryServer, multi: dict[str, str]) -> None:
    states = await image_states(server, "multi")
    last = states[-1]
    assert last.phase is Phase.READY
    assert [choice.label for choice in last.choices] == ["windows/amd64", "linux/arm64", "linux/amd64", "linux/arm/v7"]
    assert [choice.attestations for choice in last.choices] == [1, 1, 1, 1]
    assert last.chosen in last.choices
    assert last.document
    assert last.manifest
    assert last.document.digest == multi["index"]
    assert last.manifest.digest == last.chosen.digest
    assert last.steps
    offered = next(state for state in states if state.choices)
    assert offered.chosen
    assert offered.manifest is None


async def test_the_platform_that_was_chosen_is_opened(server: RegistryServer, multi: dict[str, str]) -> None:
    last = (await image_states(server, "multi", chosen=multi["linux/arm/v7"]))[-1]
    assert last.config
    assert str(last.config.platform) == "linux/arm/v7"


async def test_a_choice_that_is_not_offered_is_not_opened(server: RegistryServer, multi: dict[str, str]) -> None:
    last = (await image_states(server, "multi", chosen="sha256:" + "0" * 64))[-1]
    assert last.phase is Phase.READY
    assert last.chosen


def platform(text: str) -> Platform:
    os, architecture, variant = f"{text}/".split("/")[:3]
    return Platform(SafeText(os), SafeText(architecture), SafeText(variant))


def entry(text: str | None, number: int) -> Descriptor:
    return Descriptor(SafeText(OCI_MANIFEST), Digest.of(b"%d" % number), 1, platform=platform(text) if text else None)


@pytest.mark.parametrize(
    ("offered", "wish", "expected"),
    [
        (["linux/arm64", "linux/amd64"], "linux/amd64", "linux/amd64"),
        (["windows/amd64", "linux/arm64"], "linux/amd64", "linux/arm64"),
        (["windows/amd64", "darwin/arm64"], "linux/arm", "windows/amd64"),
        (["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7", "linux/arm/v7"),
        (["linux/arm/v6", "linux/arm/v7"], "linux/arm", "linux/arm/v6"),
        ([None, "linux/arm64"], "linux/amd64", "linux/arm64"),
        (["unknown/unknown", "linux/arm64"], "linux/amd64", "linux/arm64"),
        ([None, None], "linux/amd64", None),
    ],
)
def test_the_platform_shown_first(offered: list[str | None], wish: str, expected: str | None) -> None:
    choices = [entry(text, number) for number, text in enumerate(offered)]
    found = preferred(choices, platform(wish))
    assert found is choices[offered.index(expected)]


def test_of_nothing_nothing_is_preferred() -> None:
    assert preferred([]) is None


async def test_a_nested_index_offers_the_images_in_it_once(content: Content, server: RegistryServer) -> None:
    amd64 = content.add_image("team/app", None, platform="linux/amd64", layers=[b"amd64"])
    arm64 = content.add_image("team/app", None, platform="linux/arm64", layers=[b"arm64"])
    inner = content.add_index("team/app", None, arm64, amd64, attestations=False)
    content.add_index("team/app", "nested", amd64, inner, attestations=False)
    last = (await image_states(server, "nested"))[-1]
    assert [choice.label for choice in last.choices] == ["linux/amd64", "linux/arm64"]
    assert last.phase is Phase.READY


async def test_indexes_in_indexes_without_end_are_bounded(content: Content, server: RegistryServer) -> None:
    digest = content.add_image("team/app", None)
    for _ in range(20):
        digest = content.add_index("team/app", None, digest, attestations=False)
    content.add_index("team/app", "deep", digest, attestations=False)
    last = (await image_states(server, "deep"))[-1]
    assert last.phase is Phase.READY
    assert last.choices == ()
    assert len(server.requests) < 10


async def test_an_index_that_repeats_itself_is_read_once(content: Content, server: RegistryServer) -> None:
    digest = content.add_image("team/app", None)
    for tag in (None, None, "repeated"):
        digest = content.add_index("team/app", tag, *[digest] * 1_000, attestations=False)
    last = (await image_states(server, "repeated"))[-1]
    assert last.phase is Phase.READY
    assert len(last.choices) == 1
    assert len(server.requests) == 5


async def test_an_index_of_attestations_alone_is_ready_and_says_nothing_more(
    content: Content, server: RegistryServer
) -> None:
    marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": "sha256:" + "0" * 64}
    entries = [{"mediaType": OCI_MANIFEST, "digest": "sha256:" + "1" * 64, "size": 1, "annotations": marks}]
    content.add_index("team/app", "attested", fields={"manifests": entries})
    last = (await image_states(server, "attested"))[-1]
    assert last.phase is Phase.READY
    assert last.choices == ()
    assert last.manifest is last.document


@pytest.mark.parametrize("signed", [True, False])
async def test_a_schema_1_has_steps_and_no_size(content: Content, server: RegistryServer, signed: bool) -> None:
    content.add_schema1("team/app", "old", signed=signed)
    last = (await image_states(server, "old"))[-1]
    assert last.phase is Phase.READY
    assert len(last.steps) == 2
    assert last.size is None
    assert last.config


async def test_an_artifact_is_named_and_shows_its_layers(content: Content, server: RegistryServer) -> None:
    helm = content.add_blob("team/app", b"{}")
    config = {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": helm, "size": 2}
    content.add_image("team/app", "chart", fields={"config": config})
    last = (await image_states(server, "chart"))[-1]
    assert last.phase is Phase.READY
    assert last.artifact == "Helm chart"
    assert len(last.steps) == 2
    assert last.config is None


IMAGE_FAILURES: Final[list[tuple[str, str, dict[str, Any], str]]] = [
    ("the tag is gone", "GET /v2/team/app/manifests/", {"status": 404}, "has no tag tag-00"),
    ("too many requests", "GET /v2/team/app/manifests/", {"status": 429}, "too many requests"),
    ("a failing server", "GET /v2/team/app/manifests/", {"status": 500}, "failed with status 500"),
    ("a web page", "GET /v2/team/app/manifests/", {"body": b"<html>", "headers": {"Content-Type": None}}, "web page"),
    ("half a body", "GET /v2/team/app/manifests/", {"manner": "half_body"}, "broke off"),
    ("the configuration is gone", "GET /v2/team/app/blobs/", {"status": 404}, "the image is damaged"),
    ("another configuration", "GET /v2/team/app/blobs/", {"body": b"{}"}, "was altered"),
]


@pytest.mark.parametrize(
    ("match", "fault", "words"), [case[1:] for case in IMAGE_FAILURES], ids=[case[0] for case in IMAGE_FAILURES]
)
async def test_an_image_that_cannot_be_opened_says_why(
    server: RegistryServer, match: str, fault: dict[str, Any], words: str
) -> None:
    server.fault(match, times=None, **fault)
    last = (await image_states(server, NAMES[0]))[-1]
    assert last.phase is Phase.FAILED
    assert last.problem
    assert words in last.problem.sentence
    assert last.problem.next_step


async def test_an_image_whose_configuration_is_gone_keeps_what_is_known(server: RegistryServer) -> None:
    server.fault("GET /v2/team/app/blobs/", status=404, times=None)
    last = (await image_states(server, NAMES[0]))[-1]
    assert last.phase is Phase.FAILED
    assert last.manifest
    assert last.size


async def test_other_content_than_its_digest_is_not_shown(
    content: Content, server: RegistryServer, multi: dict[str, str]
) -> None:
    server.fault(f"GET /v2/team/app/manifests/{multi['linux/amd64']}", body=b"{}", times=None)
    last = (await image_states(server, "multi", chosen=multi["linux/amd64"]))[-1]
    assert last.phase is Phase.FAILED
    assert last.manifest is None
    assert last.choices


async def test_an_image_is_opened_by_its_digest(server: RegistryServer, multi: dict[str, str]) -> None:
    async with browsing(server) as browser:
        wanted = Target(browser.address, "team/app", digest_reference(multi["linux/arm64"]))
        states = [state async for state in browser.image(wanted)]
    assert states[-1].phase is Phase.READY
    assert states[-1].document
    assert states[-1].document.digest == multi["linux/arm64"]


async def test_an_image_without_a_tag_is_the_latest(content: Content, server: RegistryServer) -> None:
    content.add_tags("team/app", ["latest"], like=NAMES[0])
    async with browsing(server) as browser:
        states = [state async for state in browser.image(Target(browser.address, "team/app"))]
    assert states[-1].phase is Phase.READY
