"""That the real registries hold what the other tests here rely on, as skopeo sees it."""

from __future__ import annotations

import http.client
import json
import ssl
from contextlib import closing
from pathlib import Path

import pytest

from tests.real.images import APP_CREATED, LATEST, LONG_RUN, MULTI_PLATFORMS, REPOSITORIES, run
from tests.real.registry import PASSWORD, USER, RealRegistry, StartRegistry


def test_the_application_has_its_tags(real_registry: RealRegistry) -> None:
    latest, same = real_registry.inspect("team/app:latest"), real_registry.inspect(f"team/app:{LATEST}")
    assert set(latest["RepoTags"]) == {*APP_CREATED, "latest"}
    assert latest["Digest"] == same["Digest"]
    digests = {real_registry.inspect(f"team/app:{version}")["Digest"] for version in APP_CREATED}
    assert len(digests) == len(APP_CREATED)


def test_the_application_has_a_history_that_belongs_to_its_layers(real_registry: RealRegistry) -> None:
    image = real_registry.inspect(f"team/app:{LATEST}", "--config")
    steps = [(step["created_by"], step.get("empty_layer", False)) for step in image["history"]]
    assert (LONG_RUN, False) in steps
    assert (f"ENV APP_VERSION={LATEST}", True) in steps
    assert [empty for _, empty in steps].count(False) == len(image["rootfs"]["diff_ids"]) == 3
    assert image["created"] == APP_CREATED[LATEST]
    assert image["config"] == {
        "User": "app:app",
        "ExposedPorts": {"8080/tcp": {}},
        "Env": ["APP=demo", f"APP_VERSION={LATEST}"],
        "Entrypoint": ["/srv/app/run"],
        "Cmd": ["serve", "--port=8080"],
        "Volumes": {"/var/lib/app": {}},
        "WorkingDir": "/srv/app",
        "Labels": {
            "org.opencontainers.image.source": "https://git.example/team/app",
            "org.opencontainers.image.version": LATEST,
        },
    }


def test_the_multi_platform_image_is_an_index_whose_images_are_there(real_registry: RealRegistry) -> None:
    index = real_registry.inspect("team/multi:2.0", "--raw")
    found = [(entry["digest"], "/".join(entry["platform"].values())) for entry in index["manifests"]]
    assert [platform for _, platform in found] == list(MULTI_PLATFORMS)
    for digest, platform in found:
        config = real_registry.inspect(f"team/multi@{digest}", "--config")
        assert platform.startswith(f"{config['os']}/{config['architecture']}")


def test_the_legacy_image_is_dockers_schema_2(real_registry: RealRegistry) -> None:
    manifest = real_registry.inspect("legacy/docker:1.0", "--raw")
    assert manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"


def test_the_catalog_lists_every_repository(real_registry: RealRegistry) -> None:
    with closing(http.client.HTTPConnection(real_registry.address, timeout=30)) as connection:
        connection.request("GET", "/v2/_catalog")
        assert json.load(connection.getresponse()) == {"repositories": list(REPOSITORIES)}


def test_the_registry_with_accounts_lets_in_who_is_in_the_docker_config(
    real_registry_basic: RealRegistry, tmp_path: Path
) -> None:
    assert (real_registry_basic.user, real_registry_basic.password) == (USER, PASSWORD)
    config = real_registry_basic.write_docker_config(tmp_path)
    command = ("skopeo", "list-tags", "--tls-verify=false")
    repository = f"docker://{real_registry_basic.address}/team/multi"
    assert json.loads(run(*command, "--authfile", config, repository))["Tags"] == ["2.0"]
    with pytest.raises(RuntimeError, match="authentication required"):
        run(*command, "--no-creds", repository)


def test_the_registry_with_tls_has_a_certificate_of_its_authority(real_registry_tls: RealRegistry) -> None:
    context = ssl.create_default_context()
    assert real_registry_tls.authority
    real_registry_tls.authority.configure_trust(context)
    connection = http.client.HTTPSConnection(real_registry_tls.address, timeout=30, context=context)
    with closing(connection):
        connection.request("GET", "/v2/")
        assert connection.getresponse().status == 200
    assert real_registry_tls.inspect("team/multi:2.0", "--raw")["schemaVersion"] == 2


def test_a_registry_of_ones_own_can_be_changed_and_stopped(
    new_registry: StartRegistry, real_registry: RealRegistry
) -> None:
    own = new_registry()
    digest = own.inspect("team/multi:2.0")["Digest"]
    run("skopeo", "delete", "--tls-verify=false", "--no-creds", f"docker://{own.address}/team/multi:2.0")
    with pytest.raises(RuntimeError, match="manifest unknown"):
        own.inspect("team/multi:2.0")
    assert real_registry.inspect("team/multi:2.0")["Digest"] == digest
    own.stop()
    with pytest.raises(RuntimeError, match="connection refused"):
        own.inspect("team/app:latest")
