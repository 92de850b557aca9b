from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from regbrowse.demo import DEMO_HOST, demo_transport
from regbrowse.demo.samples import STATES, State, names
from regbrowse.demo.transport import DemoTransport
from regbrowse.registry import media_types
from regbrowse.registry.digest import Digest
from regbrowse.registry.reference import is_repository_name, is_tag
from regbrowse.registry.wire import httpx
from tests.demo.walk import digest_of, documents, names_of, tags_of

PROJECT = Path(__file__).parents[2]
REFUSING = {"states/deleted", "states/forbidden", "states/unauthorized"}
BROKEN = REFUSING | {"states/broken", "states/half-listed", "states/odd-tags"}
SPECIAL = sorted({state.repository for state in STATES if state.repository} - BROKEN - {"ci/builds"})
ORDINARY = ["web/api", "checkout/worker", "platform/base/python", "data/kafka", "mirror/library/postgres"]


async def document(registry: httpx.AsyncClient, repository: str, reference: str) -> Any:
    return (await registry.get(f"/v2/{repository}/manifests/{reference}")).json()


async def config_of(registry: httpx.AsyncClient, repository: str, tag: str) -> Any:
    digest = (await document(registry, repository, tag))["config"]["digest"]
    return (await registry.get(f"/v2/{repository}/blobs/{digest}")).json()


async def digest(registry: httpx.AsyncClient, repository: str, tag: str) -> str:
    answer = (await registry.head(f"/v2/{repository}/manifests/{tag}")).raise_for_status()
    return answer.headers["Docker-Content-Digest"]


class TestCatalog:
    async def test_holds_several_hundred_names(self, registry: httpx.AsyncClient) -> None:
        assert len(await names_of(registry, "/v2/_catalog", "repositories")) >= 640

    def test_names_are_within_the_grammar(self) -> None:
        assert [name for name in names() if not is_repository_name(name)] == []

    def test_names_are_given_once(self) -> None:
        assert len(set(names())) == len(names())

    async def test_every_repository_lists_its_tags(self, registry: httpx.AsyncClient) -> None:
        for name in names():
            answer = await registry.get(f"/v2/{name}/tags/list")
            assert (answer.status_code == 200) == (name not in REFUSING), name
            if answer.is_success and name not in BROKEN:
                assert [tag for tag in answer.json()["tags"] or () if not is_tag(tag)] == [], name


@pytest.mark.parametrize("repository", [*SPECIAL, *ORDINARY])
async def test_every_document_is_there_with_its_digest(registry: httpx.AsyncClient, repository: str) -> None:
    for tag in await tags_of(registry, repository):
        assert await documents(registry, repository, tag)


@pytest.mark.parametrize("repository", [*SPECIAL, *ORDINARY])
async def test_layers_have_digests_and_plausible_sizes(registry: httpx.AsyncClient, repository: str) -> None:
    for tag in await tags_of(registry, repository):
        for found in (await documents(registry, repository, tag)).values():
            for layer in found.get("layers", ()):
                assert Digest.parse(layer["digest"]) == layer["digest"]
                assert 0 < layer["size"] < 200_000_000


@pytest.mark.parametrize("state", STATES, ids=lambda state: f"{state.host}/{state.repository}:{state.tag}")
class TestStates:
    async def test_can_be_reached(self, registry: httpx.AsyncClient, state: State) -> None:
        if not state.repository:
            answer = await registry.get(f"https://{state.host}/v2/_catalog")
            assert answer.status_code in (200, 403, 404)
        elif state.repository in REFUSING:
            assert state.repository in names()
        elif state.tag:
            assert state.tag in await tags_of(registry, state.repository)
        else:
            answer = await registry.get(f"/v2/{state.repository}/tags/list")
            assert answer.status_code == 200


def test_states_are_told_apart() -> None:
    assert len({(state.host, state.repository, state.tag) for state in STATES}) == len(STATES)
    assert len({state.shows for state in STATES}) == len(STATES)


def test_every_state_repository_is_in_the_guide() -> None:
    assert {name for name in names() if name.startswith(("states/", "demo/"))} <= {state.repository for state in STATES}


async def test_every_broken_tag_is_in_the_guide(registry: httpx.AsyncClient) -> None:
    described = {state.tag for state in STATES if state.repository == "states/broken"}
    assert set(await tags_of(registry, "states/broken")) == described


class TestReleases:
    async def test_the_service_has_about_ninety_tags(self, registry: httpx.AsyncClient) -> None:
        assert 85 <= len(await tags_of(registry, "team/service")) <= 95

    async def test_latest_is_the_newest_version(self, registry: httpx.AsyncClient) -> None:
        found = {tag: await digest(registry, "team/service", tag) for tag in await tags_of(registry, "team/service")}
        same = {tag for tag, named in found.items() if named == found["latest"]}
        assert {"latest", "stable", "1", "1.4", "1.4.2", "build-000499"} < same
        assert "2.0.0-rc.1" not in same

    async def test_versions_are_made_in_their_order(self, registry: httpx.AsyncClient) -> None:
        dates = []
        for version in ("1.0.0", "1.0.4", "1.1.0", "1.2.3", "1.3.9", "1.4.1", "1.4.2"):
            found = await documents(registry, "team/service", version)
            dates += [max(config["created"] for config in found.values() if "created" in config)]
        assert dates == sorted(set(dates))
        assert dates[-1].startswith("2026-11-21T14:02:00")

    async def test_versions_share_the_layers_of_their_base(self, registry: httpx.AsyncClient) -> None:
        one, other = [await document(registry, "team/service", f"build-{number:06}") for number in (497, 498)]
        shared = {layer["digest"] for layer in one["layers"]} & {layer["digest"] for layer in other["layers"]}
        assert 0 < len(shared) < len(one["layers"])

    async def test_thousands_of_tags_share_images(self, registry: httpx.AsyncClient) -> None:
        tags = await tags_of(registry, "ci/builds")
        assert len(tags) == 12_000
        assert all(is_tag(tag) for tag in tags)
        same = [tag for tag in tags if tag.endswith(("-001999", "-1999"))]
        assert len(same) == 3
        assert len({await digest(registry, "ci/builds", tag) for tag in same}) == 1

    async def test_an_image_of_thousands_can_be_opened_by_digest_first(self, registry: httpx.AsyncClient) -> None:
        named = await digest(registry, "ci/builds", "build-001000")
        async with httpx.AsyncClient(transport=DemoTransport(pace=0), base_url=f"https://{DEMO_HOST}") as fresh:
            assert digest_of((await fresh.get(f"/v2/ci/builds/manifests/{named}")).content) == named


@pytest.mark.parametrize(
    ("repository", "tag", "media_type"),
    [
        ("team/service", "latest", media_types.OCI_INDEX),
        ("team/service", "1.0.0", media_types.OCI_MANIFEST),
        ("platform/everywhere", "nested", media_types.OCI_INDEX),
        ("legacy/shop", "0.1-schema1", media_types.DOCKER_SCHEMA1),
        ("legacy/shop", "0.2-schema1-signed", media_types.DOCKER_SCHEMA1_SIGNED),
        ("legacy/shop", "1.0-schema2", media_types.DOCKER_MANIFEST),
        ("legacy/shop", "1.1-list", media_types.DOCKER_MANIFEST_LIST),
    ],
)
async def test_a_sample_has_its_media_type(
    registry: httpx.AsyncClient, repository: str, tag: str, media_type: str
) -> None:
    assert (await registry.head(f"/v2/{repository}/manifests/{tag}")).headers["Content-Type"] == media_type


class TestManifests:
    async def test_each_platform_has_its_attestation(self, registry: httpx.AsyncClient) -> None:
        entries = (await document(registry, "mirror/library/nginx", "latest"))["manifests"]
        attested = [entry for entry in entries if entry["platform"] == {"os": "unknown", "architecture": "unknown"}]
        images = [entry for entry in entries if entry not in attested]
        assert [entry["annotations"]["vnd.docker.reference.digest"] for entry in attested] == [
            entry["digest"] for entry in images
        ]
        assert {"os": "linux", "architecture": "arm64", "variant": "v8"} in [entry["platform"] for entry in images]

    async def test_an_attestation_holds_in_toto_statements_about_its_image(self, registry: httpx.AsyncClient) -> None:
        entry = (await document(registry, "mirror/library/nginx", "latest"))["manifests"][-1]
        layers = (await document(registry, "mirror/library/nginx", entry["digest"]))["layers"]
        assert {layer["mediaType"] for layer in layers} == {"application/vnd.in-toto+json"}
        for layer in layers:
            blob = (await registry.get(f"/v2/mirror/library/nginx/blobs/{layer['digest']}")).raise_for_status()
            assert blob.json()["predicateType"] == layer["annotations"]["in-toto.io/predicate-type"]
            about = f"sha256:{blob.json()['subject'][0]['digest']['sha256']}"
            assert about == entry["annotations"]["vnd.docker.reference.digest"]

    async def test_an_index_is_nested(self, registry: httpx.AsyncClient) -> None:
        entries = (await document(registry, "platform/everywhere", "nested"))["manifests"]
        assert [entry["mediaType"] for entry in entries] == [media_types.OCI_MANIFEST, media_types.OCI_INDEX]

    async def test_a_platform_has_a_version(self, registry: httpx.AsyncClient) -> None:
        entries = (await document(registry, "platform/everywhere", "with-windows"))["manifests"]
        assert entries[1]["platform"]["os.version"]

    async def test_schema_1_is_newest_first(self, registry: httpx.AsyncClient) -> None:
        schema1 = await document(registry, "legacy/shop", "0.1-schema1")
        steps = [json.loads(entry["v1Compatibility"]) for entry in schema1["history"]]
        assert [step.get("parent") for step in steps] == [*(step["id"] for step in steps[1:]), None]
        assert len(schema1["fsLayers"]) == len(steps)
        assert any(step.get("throwaway") for step in steps)


class TestArtifacts:
    async def test_the_chart_is_a_helm_chart(self, registry: httpx.AsyncClient) -> None:
        chart = await document(registry, "charts/service", "0.9.1")
        assert chart["config"]["mediaType"] == media_types.HELM_CONFIG

    async def test_the_signature_is_under_its_image_s_digest(self, registry: httpx.AsyncClient) -> None:
        about = await digest(registry, "team/signed", "1.2.0")
        tag = f"{about.replace(':', '-')}.sig"
        layer = (await document(registry, "team/signed", tag))["layers"][0]
        payload = (await registry.get(f"/v2/team/signed/blobs/{layer['digest']}")).json()
        assert layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json"
        assert payload["critical"]["image"]["docker-manifest-digest"] == about

    async def test_the_fallback_tag_leads_to_the_sbom_of_its_image(self, registry: httpx.AsyncClient) -> None:
        about = await digest(registry, "team/signed", "1.2.0")
        referrers = (await document(registry, "team/signed", about.replace(":", "-")))["manifests"]
        sbom = await document(registry, "team/signed", referrers[0]["digest"])
        assert sbom["artifactType"] == referrers[0]["artifactType"] == "application/spdx+json"
        assert sbom["subject"]["digest"] == about

    async def test_the_module_s_bytes_are_there(self, registry: httpx.AsyncClient) -> None:
        layer = (await document(registry, "artifacts/wasm-filter", "0.3.0"))["layers"][0]
        blob = (await registry.get(f"/v2/artifacts/wasm-filter/blobs/{layer['digest']}")).raise_for_status()
        assert (layer["mediaType"], blob.content[:4]) == ("application/wasm", b"\0asm")


@pytest.mark.parametrize(
    ("tag", "entries", "layers"),
    [
        ("fewer-entries-than-layers", 1, 2),
        ("more-entries-than-layers", 5, 2),
        ("reproducible", 2, 2),
        ("only-empty-layers", 0, 0),
        ("heredoc", 4, 4),
        ("very-long", 121, 121),
    ],
)
async def test_a_history_mentions_so_many_layers(
    registry: httpx.AsyncClient, tag: str, entries: int, layers: int
) -> None:
    history = (await config_of(registry, "demo/histories", tag))["history"]
    assert sum(not entry.get("empty_layer") for entry in history) == entries
    assert len((await document(registry, "demo/histories", tag))["layers"]) == layers


class TestHistories:
    async def test_one_image_has_none(self, registry: httpx.AsyncClient) -> None:
        config = await config_of(registry, "demo/histories", "none")
        assert (config["history"], config["created"]) == (None, None)

    async def test_one_image_is_of_1970(self, registry: httpx.AsyncClient) -> None:
        assert (await config_of(registry, "demo/histories", "reproducible"))["created"] == "1970-01-01T00:00:00Z"

    @pytest.mark.parametrize(
        ("tag", "words"),
        [("old-builder", '#(nop)  CMD ["nginx"'), ("buildkit", "# buildkit"), ("heredoc", "<<EOF\nlisten")],
    )
    async def test_builders_have_their_handwriting(self, registry: httpx.AsyncClient, tag: str, words: str) -> None:
        history = (await config_of(registry, "demo/histories", tag))["history"]
        assert any(words in entry["created_by"] for entry in history)

    async def test_hostile_text_is_sent_as_it_is(self, registry: httpx.AsyncClient) -> None:
        labels = (await config_of(registry, "demo/hostile-labels", "labels"))["config"]["Labels"]
        history = (await config_of(registry, "demo/hostile-labels", "history"))["history"]
        for hostile in ("\x1b]52;", "\x9b", "\x00", "\u202e", "\u200b", "[bold red]", "日本語"):
            assert any(hostile in text for text in labels.values())
            assert any(hostile in entry["created_by"] for entry in history)

    async def test_half_a_surrogate_pair_is_sent_as_it_is(self, registry: httpx.AsyncClient) -> None:
        labels = (await config_of(registry, "demo/hostile-labels", "half-a-pair"))["config"]["Labels"]
        assert "\ud83d" in labels["unicode.surrogate"]

    async def test_long_labels_are_thousands_of_characters(self, registry: httpx.AsyncClient) -> None:
        labels = (await config_of(registry, "demo/hostile-labels", "long-labels"))["config"]["Labels"]
        assert sum(len(text) >= 3_000 for text in labels.values()) >= 4
        assert len(labels) >= 200


class TestBroken:
    async def test_the_header_s_digest_is_not_the_content_s(self, registry: httpx.AsyncClient) -> None:
        answer = await registry.get("/v2/states/broken/manifests/wrong-digest")
        assert answer.headers["Docker-Content-Digest"] != digest_of(answer.content)

    async def test_one_image_of_an_index_was_altered(self, registry: httpx.AsyncClient) -> None:
        entries = (await document(registry, "states/broken", "altered-platform"))["manifests"]
        contents = [(await registry.get(f"/v2/states/broken/manifests/{entry['digest']}")).content for entry in entries]
        right = [digest_of(content) == entry["digest"] for content, entry in zip(contents, entries, strict=True)]
        assert right == [True, False]
        assert [len(content) for content in contents] == [entry["size"] for entry in entries]

    async def test_a_configuration_was_altered(self, registry: httpx.AsyncClient) -> None:
        config = (await document(registry, "states/broken", "altered-config"))["config"]
        blob = (await registry.get(f"/v2/states/broken/blobs/{config['digest']}")).raise_for_status()
        assert digest_of(blob.content) != config["digest"]
        assert len(blob.content) == config["size"]

    async def test_a_configuration_is_gone(self, registry: httpx.AsyncClient) -> None:
        config = (await document(registry, "states/broken", "no-config"))["config"]
        assert (await registry.get(f"/v2/states/broken/blobs/{config['digest']}")).status_code == 404

    async def test_one_manifest_is_no_json(self, registry: httpx.AsyncClient) -> None:
        with pytest.raises(json.JSONDecodeError):
            await document(registry, "states/broken", "not-json")

    @pytest.mark.parametrize(("tag", "status"), [("html", 200), ("error-503-html", 503)])
    async def test_html_comes_in_place_of_json(self, registry: httpx.AsyncClient, tag: str, status: int) -> None:
        answer = await registry.get(f"/v2/states/broken/manifests/{tag}")
        assert (answer.status_code, answer.headers["Content-Type"][:9]) == (status, "text/html")

    async def test_some_tags_are_outside_the_grammar(self, registry: httpx.AsyncClient) -> None:
        tags = await tags_of(registry, "states/odd-tags")
        assert [tag for tag in tags if is_tag(tag)] == ["1.0.0"]
        assert len(tags) == 9


async def fingerprint() -> str:
    """One digest of the lists and of the images of a few repositories."""
    total = hashlib.sha256()
    async with httpx.AsyncClient(transport=DemoTransport(pace=0), base_url=f"https://{DEMO_HOST}") as registry:
        total.update(repr(await names_of(registry, "/v2/_catalog", "repositories")).encode())
        for repository in ("team/service", "demo/hostile-labels", "legacy/shop", "team/signed", "web/api"):
            for tag in await tags_of(registry, repository):
                total.update(f"{tag} {sorted(await documents(registry, repository, tag))}".encode())
    return total.hexdigest()


async def test_two_instances_say_the_same() -> None:
    assert await fingerprint() == await fingerprint()


@pytest.mark.parametrize("hash_seed", ["1", "2"])
async def test_two_processes_say_the_same(hash_seed: str) -> None:
    program = "import asyncio; from tests.demo.test_samples import fingerprint; print(asyncio.run(fingerprint()))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=PROJECT, env={"PYTHONHASHSEED": hash_seed}, stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert output.decode().strip() == await fingerprint()


async def test_the_package_offers_a_transport() -> None:
    async with httpx.AsyncClient(transport=demo_transport(), base_url=f"https://{DEMO_HOST}") as registry:
        assert (await registry.get("/v2/")).json() == {}


def test_the_package_imports_no_http_before_it_is_used() -> None:
    program = "import sys, regbrowse.demo; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
