"""What a user types names one thing, or is refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.errors import InvalidReferenceError, InvalidRepositoryNameError
from regbrowse.registry.reference import (
    DOCKER_HUB,
    Reference,
    RegistryAddress,
    Target,
    digest_reference,
    is_repository_name,
    is_tag,
    parse_reference,
    parse_registry_address,
    parse_target,
)

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"


def target(host: str, repository: str = "", reference: str = "", *, digest: bool = False) -> Target:
    return Target(RegistryAddress(host), repository, Reference(reference, digest) if reference else None)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("registry.corp:5000", target("registry.corp:5000")),
        ("registry.corp:5000/", target("registry.corp:5000")),
        ("registry.corp", target("registry.corp")),
        ("registry.corp//", target("registry.corp")),
        ("registry:5000", target("registry:5000")),
        ("registry:5/", target("registry:5")),
        ("localhost", target("localhost")),
        ("LocalHost:5000", target("localhost:5000")),
        ("localhost/app", target("localhost", "app")),
        ("  registry.corp/app\n", target("registry.corp", "app")),
        ("Registry.Corp:5000/team/app", target("registry.corp:5000", "team/app")),
        ("registry.corp:5000/team/app/", target("registry.corp:5000", "team/app")),
        ("registry.corp:5000/team/app:1.2", target("registry.corp:5000", "team/app", "1.2")),
        ("10.0.0.1/app:v1", target("10.0.0.1", "app", "v1")),
        ("[::1]", target("[::1]")),
        ("[::1]:5000", target("[::1]:5000")),
        ("[FE80::1]:5000/app:1", target("[fe80::1]:5000", "app", "1")),
        ("nginx", target(DOCKER_HUB, "library/nginx")),
        ("nginx:1.27", target(DOCKER_HUB, "library/nginx", "1.27")),
        ("postgres:16", target(DOCKER_HUB, "library/postgres", "16")),
        ("library/nginx:1.27", target(DOCKER_HUB, "library/nginx", "1.27")),
        ("docker.io/bitnami/redis", target(DOCKER_HUB, "bitnami/redis")),
        ("DOCKER.IO/nginx", target(DOCKER_HUB, "library/nginx")),
        ("index.docker.io/nginx", target(DOCKER_HUB, "library/nginx")),
        ("docker://nginx", target(DOCKER_HUB, "library/nginx")),
        ("oci://registry.corp/chart:1", target("registry.corp", "chart", "1")),
        (f"registry.corp/app@{DIGEST}", target("registry.corp", "app", DIGEST, digest=True)),
        (f"registry.corp/app:1.2@{DIGEST}", target("registry.corp", "app", DIGEST, digest=True)),
        (f"nginx@sha256:{HEX.upper()}", target(DOCKER_HUB, "library/nginx", DIGEST, digest=True)),
        (f"registry.corp/app:{'t' * 128}", target("registry.corp", "app", "t" * 128)),
    ],
)
def test_a_name_means_one_thing(text: str, named: Target) -> None:
    assert parse_target(text) == named


@pytest.mark.parametrize(
    ("text", "scheme", "host", "prefix"),
    [
        ("https://registry.corp", "https", "registry.corp", ""),
        ("HTTPS://Registry.Corp/", "https", "registry.corp", ""),
        ("http://localhost:5000/v2/", "http", "localhost:5000", ""),
        ("https://index.docker.io/v1/", "https", DOCKER_HUB, ""),
        ("https://host/prefix", "https", "host", "/prefix"),
        ("https://host/Some/prefix/v2", "https", "host", "/Some/prefix"),
        ("https://[::1]:5000/p", "https", "[::1]:5000", "/p"),
    ],
)
def test_a_scheme_makes_the_whole_text_an_address(text: str, scheme: str, host: str, prefix: str) -> None:
    address = parse_target(text).registry
    assert (address.scheme, address.host, address.prefix) == (scheme, host, prefix)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "/",
        "//",
        "/app",
        "registry.corp//app",
        "registry.corp/../app",
        "registry.corp/a b",
        "App",
        "registry.corp/App",
        "registry.corp:0/app",
        "registry.corp:70000/app",
        "registry:²²²²",
        "registry.corp:５０００/app",
        f"registry:{'9' * 5_000}",
        "-registry.corp/app",
        "registry..corp/app",
        f"{'a' * 64}.corp/app",
        f"{'a.' * 127}corp/app",
        "[::1",
        "[:::]/app",
        "[1.2.3.4]/app",
        "[fe80::1%eth0]/app",
        "::1/app",
        "registry.corp/app:",
        "registry.corp/app:-x",
        f"registry.corp/app:{'t' * 129}",
        f"registry.corp/app:é@{DIGEST}",
        "registry.corp/app@sha256:1234",
        f"registry.corp/app@md5:{HEX[:32]}",
        "registry.corp/app@",
        "ftp://registry.corp",
        "https://",
        "https:///app",
        "https://host/a/../b",
        "https://host/team/app:1.2",
        "https://host/p?x=1",
        "https://host\r\nX: y/",
        "registry.corp/app\u202e",
        "a" * 256,
        HEX,
    ],
    ids=lambda text: repr(text[:24]),
)
def test_what_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidReferenceError):
        parse_target(text)


def test_upper_case_is_said_to_be_the_reason() -> None:
    with pytest.raises(InvalidRepositoryNameError, match="lower case"):
        parse_target("registry.corp/Team/App")


def test_an_image_id_is_said_to_be_one() -> None:
    with pytest.raises(InvalidRepositoryNameError, match="image's id"):
        parse_target(f"registry.corp/{HEX}")


@pytest.mark.parametrize(
    "text",
    [
        "https://ada:hunter2@registry.corp",
        "https://ada:hunter2@registry.corp/p",
        "ada:hunter2@registry.corp/app",
        "ada:hunter2@registry.corp",
        "https://registry.corp?token=hunter2",
        "https://registry.corp/p?token=hunter2",
    ],
)
def test_a_refusal_does_not_repeat_a_password(text: str) -> None:
    with pytest.raises(InvalidReferenceError) as caught:
        parse_target(text)
    assert "hunter2" not in f"{caught.value!r} {caught.value} {caught.value.next_step}"


REGISTRIES = [
    RegistryAddress("registry.corp:5000"),
    RegistryAddress("registry.corp:5000", "http"),
    RegistryAddress("registry.corp", "https", "/some/prefix"),
    RegistryAddress(DOCKER_HUB),
]


@pytest.mark.parametrize("registry", REGISTRIES, ids=str)
@pytest.mark.parametrize("text", ["team/app", "app:1.2", "team/app:1.2", f"app@{DIGEST}"])
def test_a_full_name_leads_back_to_its_registry(registry: RegistryAddress, text: str) -> None:
    named = parse_target(text, registry)
    assert named.registry is registry
    assert parse_target(str(named), registry) == named


@pytest.mark.parametrize(
    ("text", "registry", "named"),
    [
        ("registry.corp", RegistryAddress("registry.corp", "http"), Target(RegistryAddress("registry.corp", "http"))),
        ("other.corp/app", RegistryAddress("registry.corp", "http"), target("other.corp", "app")),
        ("registry.corp/app", RegistryAddress("registry.corp", "https", "/p"), target("registry.corp", "app")),
        ("registry.corp/pq/app", RegistryAddress("registry.corp", "https", "/p"), target("registry.corp", "pq/app")),
    ],
)
def test_only_the_registry_that_is_named_is_meant(text: str, registry: RegistryAddress, named: Target) -> None:
    assert parse_target(text, registry) == named


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("nginx:1.27", "nginx:1.27"),
        ("docker.io/library/nginx", "nginx"),
        ("docker.io/bitnami/redis", "bitnami/redis"),
        ("registry.corp/library/nginx", "registry.corp/library/nginx"),
        (f"registry.corp/app:1@{DIGEST}", f"registry.corp/app@{DIGEST}"),
        ("https://host/prefix", "https://host/prefix"),
    ],
)
def test_the_familiar_name_is_what_docker_pull_takes(text: str, familiar: str) -> None:
    assert parse_target(text).familiar_name == familiar


TYPED = st.text(st.sampled_from("abz019.:/-_@[] \tAZé²\x1b\n%?#") | st.characters(codec=None, exclude_categories=()))
PIECES = st.lists(
    st.sampled_from(
        [
            "registry.corp",
            "localhost",
            ":5000",
            "/",
            "team",
            "app",
            ":1.2",
            "@",
            DIGEST,
            "https://",
            "http://",
            "[::1]",
            "docker.io",
        ]
    ),
    max_size=7,
).map("".join)


@given(TYPED | PIECES)
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        named = parse_target(text)
    except InvalidReferenceError:
        return
    assert named.repository == "" or is_repository_name(named.repository)
    assert named.reference is None or named.reference.has_digest or is_tag(named.reference.text)


@given(TYPED | PIECES)
def test_a_target_says_itself_as_it_can_be_typed(text: str) -> None:
    try:
        named = parse_target(text)
    except InvalidReferenceError:
        return
    assert parse_target(str(named)) == named


@given(TYPED)
def test_any_address_is_understood_or_refused(text: str) -> None:
    try:
        address = parse_registry_address(text)
    except InvalidReferenceError:
        return
    assert parse_registry_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "has_digest"),
    [
        (DIGEST, True),
        (f"sha256:{HEX.upper()}", True),
        (f"SHA256:{HEX}", False),
        (f"sha384:{HEX}", False),
        (f"tarsum.v1+sha256:{HEX}", False),
        ("latest", False),
        ("", False),
        ("a:b", False),
    ],
)
def test_only_a_whole_digest_is_a_digest_reference(text: str, has_digest: bool) -> None:
    assert parse_reference(text) == Reference(text, has_digest)


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        (parse_reference("1.2"), "team/app:1.2"),
        (parse_reference(DIGEST), f"team/app@{DIGEST}"),
        (digest_reference("x"), "team/app@x"),
    ],
)
def test_an_image_name_joins_with_the_right_sign(reference: Reference, name: str) -> None:
    assert reference.image_name("team/app") == name
    assert str(reference) == reference.text


@pytest.mark.parametrize(
    ("host", "hostname"),
    [
        ("registry.corp:5000", "registry.corp"),
        ("[::1]:5000", "::1"),
        ("[::1]", "::1"),
        ("registry.corp", "registry.corp"),
    ],
)
def test_the_host_name_has_neither_port_nor_brackets(host: str, hostname: str) -> None:
    assert RegistryAddress(host).hostname == hostname
