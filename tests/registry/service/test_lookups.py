"""The ways to reach a registry, in order (seed-registry-package.md §6, §7 and §13)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from regbrowse.registry.endpoint import APIEndpoint, APIVersion
from regbrowse.registry.errors import ConfigError
from regbrowse.registry.reference import parse_registry_address
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.service.options import ServiceOptions
from regbrowse.registry.tls import TLSConfig
from tests.registry.certificates import sign

ADDRESSES: Final = {"secure.corp": ["192.0.2.1"], "lab.corp": ["203.0.113.9", "10.1.2.3"], "localhost": ["127.0.0.1"]}


async def resolver(host: str) -> Sequence[str]:
    if host not in ADDRESSES:
        raise OSError("unknown")
    return ADDRESSES[host]


def service(
    *, mirrors: Sequence[str] = (), insecure: Sequence[str] = (), v2_only: bool = False, certs_dir: Path | None = None
) -> DefaultService:
    options = ServiceOptions(mirrors=list(mirrors), insecure_registries=list(insecure), v2_only=v2_only)
    return DefaultService(options, certs_dir=certs_dir, resolver=resolver)


def shown(endpoints: Sequence[APIEndpoint]) -> list[str]:
    """Each endpoint as `version url`, with what is particular about it."""
    return [
        " ".join(
            [
                f"{endpoint.version} {endpoint.url}",
                *["mirror"] * endpoint.mirror,
                *["official"] * endpoint.official,
                *["any-certificate"] * endpoint.tls_config.insecure_skip_verify,
            ]
        )
        for endpoint in endpoints
    ]


INSECURE_ORDER: Final = [
    "v2 https://{} any-certificate",
    "v2 http://{} any-certificate",
    "v1 https://{} any-certificate",
    "v1 http://{} any-certificate",
]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("secure.corp", ["v2 https://{}", "v1 https://{}"]),
        ("secure.corp:5000", ["v2 https://{}", "v1 https://{}"]),
        ("unknown.corp", ["v2 https://{}", "v1 https://{}"]),
        ("lab.corp:5000", INSECURE_ORDER),
        ("named.corp", INSECURE_ORDER),
        ("named.corp:5000", ["v2 https://{}", "v1 https://{}"]),
        ("localhost:5000", INSECURE_ORDER),
        ("127.0.0.1:5000", INSECURE_ORDER),
        ("INDEX.docker.io", ["v2 https://{}", "v1 https://{}"]),
        ("docker.io", ["v2 https://registry-1.docker.io official"]),
        ("index.docker.io", ["v2 https://registry-1.docker.io official"]),
        ("registry-1.docker.io", ["v2 https://{}"]),
    ],
)
async def test_the_ways_to_a_registry_in_order(host: str, expected: list[str]) -> None:
    found = await service(insecure=["10.0.0.0/8", "named.corp"]).lookup_pull_endpoints(host)
    assert shown(found) == [line.format(host) for line in expected]


@pytest.mark.parametrize("host", ["secure.corp", "lab.corp", "docker.io"])
async def test_without_the_legacy_protocol_there_is_no_v1(host: str) -> None:
    found = await service(insecure=["10.0.0.0/8"], v2_only=True).lookup_pull_endpoints(host)
    assert {endpoint.version for endpoint in found} == {APIVersion.V2}


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io"])
async def test_docker_hub_is_asked_after_its_mirrors(host: str) -> None:
    found = await service(
        mirrors=["https://m.corp", "http://lab.corp:5000/"], insecure=["10.0.0.0/8"]
    ).lookup_pull_endpoints(host)
    assert shown(found) == [
        "v2 https://m.corp/ mirror",
        "v2 http://lab.corp:5000/ mirror any-certificate",
        "v2 https://registry-1.docker.io official",
    ]


async def test_an_insecure_mirror_has_no_second_way_over_http() -> None:
    found = await service(mirrors=["https://lab.corp"], insecure=["10.0.0.0/8"]).lookup_pull_endpoints("docker.io")
    assert [endpoint.url for endpoint in found if endpoint.mirror] == ["https://lab.corp/"]


async def test_mirrors_are_of_docker_hub_alone() -> None:
    found = await service(mirrors=["https://m.corp"]).lookup_pull_endpoints("secure.corp")
    assert not any(endpoint.mirror for endpoint in found)


async def test_a_push_goes_to_no_mirror() -> None:
    found = await service(mirrors=["https://m.corp"]).lookup_push_endpoints("docker.io")
    assert shown(found) == ["v2 https://registry-1.docker.io official"]


async def test_a_push_goes_the_same_ways_otherwise() -> None:
    chosen = service(insecure=["10.0.0.0/8"])
    assert await chosen.lookup_push_endpoints("lab.corp") == await chosen.lookup_pull_endpoints("lab.corp")


async def test_every_endpoint_trims_the_host_off_names() -> None:
    found = await service(mirrors=["https://m.corp"]).lookup_pull_endpoints("docker.io")
    assert all(endpoint.trim_hostname for endpoint in found)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("secure.corp", [True, False]), ("lab.corp", [True, True, False, False]), ("other.corp", [False, False])],
)
async def test_what_may_be_pushed_everything_to_is_said_of_v2_alone(host: str, allowed: list[bool]) -> None:
    options = ServiceOptions(
        insecure_registries=["10.0.0.0/8"], allow_nondistributable_artifacts=["secure.corp", "203.0.113.0/24"]
    )
    found = await DefaultService(options, certs_dir=None, resolver=resolver).lookup_pull_endpoints(host)
    assert [endpoint.allow_nondistributable_artifacts for endpoint in found] == allowed


async def test_docker_hub_and_mirrors_are_never_pushed_everything_to() -> None:
    options = ServiceOptions(mirrors=["https://m.corp"], allow_nondistributable_artifacts=["docker.io", "m.corp"])
    found = await DefaultService(options, certs_dir=None, resolver=resolver).lookup_pull_endpoints("docker.io")
    assert not any(endpoint.allow_nondistributable_artifacts for endpoint in found)


# Settings that change


async def test_mirrors_can_be_loaded_again() -> None:
    chosen = service(mirrors=["https://old.corp"])
    chosen.load_mirrors(["https://new.corp", "https://new.corp/"])
    assert chosen.service_config().mirrors == ("https://new.corp/",)


async def test_insecure_registries_can_be_loaded_again() -> None:
    chosen = service(insecure=["named.corp"])
    chosen.load_insecure_registries(["other.corp"])
    assert len(await chosen.lookup_pull_endpoints("named.corp")) == 2
    assert len(await chosen.lookup_pull_endpoints("other.corp")) == 4


async def test_registries_for_every_layer_can_be_loaded_again() -> None:
    chosen = service()
    chosen.load_allow_nondistributable_artifacts(["secure.corp"])
    assert (await chosen.lookup_pull_endpoints("secure.corp"))[0].allow_nondistributable_artifacts


@pytest.mark.parametrize(
    ("load", "entries"),
    [
        (DefaultService.load_mirrors, ["https://good.corp", "ftp://bad.corp"]),
        (DefaultService.load_insecure_registries, ["good.corp", "-bad"]),
        (DefaultService.load_allow_nondistributable_artifacts, ["good.corp", "http://bad.corp"]),
    ],
)
async def test_settings_that_cannot_be_used_change_nothing(load, entries) -> None:  # type: ignore[no-untyped-def]
    chosen = service(mirrors=["https://m.corp"], insecure=["named.corp"])
    before = chosen.service_config()
    with pytest.raises(ConfigError):
        load(chosen, entries)
    assert chosen.service_config() == before


@pytest.mark.parametrize(
    "options",
    [
        ServiceOptions(mirrors=["ftp://bad.corp"]),
        ServiceOptions(insecure_registries=["-bad"]),
        ServiceOptions(allow_nondistributable_artifacts=["http://bad.corp"]),
    ],
)
def test_a_service_of_options_that_cannot_be_used_is_refused(options: ServiceOptions) -> None:
    with pytest.raises(ConfigError):
        DefaultService(options)


# TLS


def certificates(root: Path, host: str) -> Path:
    (root / host).mkdir(parents=True)
    (root / host / "ca.crt").write_bytes(sign("home-made", is_authority=True).pem)
    return root


async def test_a_secure_registry_has_what_its_folder_holds(tmp_path: Path) -> None:
    tls = await service(certs_dir=certificates(tmp_path, "secure.corp:5000")).tls_config("secure.corp:5000")
    assert tls.root_cas is not None
    assert not tls.insecure_skip_verify


async def test_an_insecure_registry_reads_no_certificates(tmp_path: Path) -> None:
    tls = await service(insecure=["named.corp"], certs_dir=certificates(tmp_path, "named.corp")).tls_config(
        "named.corp"
    )
    assert tls == TLSConfig(insecure_skip_verify=True)


async def test_without_a_certificates_directory_none_are_read() -> None:
    assert await service().tls_config("secure.corp") == TLSConfig()


async def test_docker_hub_reads_no_certificates(tmp_path: Path) -> None:
    folder = certificates(certificates(tmp_path, "docker.io"), "registry-1.docker.io")
    [hub] = await service(certs_dir=folder).lookup_pull_endpoints("docker.io")
    assert hub.tls_config == TLSConfig()


async def test_a_mirror_has_what_its_own_folder_holds(tmp_path: Path) -> None:
    folder = certificates(tmp_path, "m.corp:5000")
    mirror, _ = await service(mirrors=["https://m.corp:5000"], certs_dir=folder).lookup_pull_endpoints("docker.io")
    assert mirror.tls_config.root_cas is not None


async def test_a_folder_that_cannot_be_used_fails_the_whole_look_up(tmp_path: Path) -> None:
    folder = certificates(tmp_path, "secure.corp")
    (folder / "secure.corp" / "client.key").write_text("alone")
    with pytest.raises(ConfigError, match=r"Missing client certificate client\.cert for key client\.key"):
        await service(certs_dir=folder).lookup_pull_endpoints("secure.corp")


# What a user named


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("secure.corp/a/b", ["v2 https://secure.corp/a/b", "v1 https://secure.corp/a/b"]),
        ("http://secure.corp", ["v2 http://secure.corp", "v1 http://secure.corp"]),
        ("https://named.corp/a", ["v2 https://named.corp/a", "v1 https://named.corp/a"]),
        ("http://named.corp", ["v2 http://named.corp", "v1 http://named.corp"]),
        ("named.corp/a", [line.format("named.corp/a") for line in INSECURE_ORDER]),
        ("docker.io", ["v2 https://registry-1.docker.io official"]),
        ("https://docker.io", ["v2 https://registry-1.docker.io"]),
    ],
)
async def test_the_ways_to_what_a_user_named(address: str, expected: list[str]) -> None:
    found = await service(insecure=["named.corp"]).endpoints_of(parse_registry_address(address))
    assert shown(found) == expected


async def test_https_that_was_spelled_reads_the_certificates_even_of_an_insecure_registry(tmp_path: Path) -> None:
    chosen = service(insecure=["named.corp"], certs_dir=certificates(tmp_path, "named.corp"))
    found = await chosen.endpoints_of(parse_registry_address("https://named.corp"))
    assert all(endpoint.tls_config.root_cas for endpoint in found)


async def test_the_legacy_protocol_can_be_switched_off_for_a_scheme_that_was_spelled_too() -> None:
    found = await service(v2_only=True).endpoints_of(parse_registry_address("http://secure.corp"))
    assert shown(found) == ["v2 http://secure.corp"]


async def test_a_version_reads_as_it_is_written_in_paths() -> None:
    assert [str(version) for version in APIVersion] == ["v1", "v2"]
