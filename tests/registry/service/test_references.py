"""References, and the names of repositories with their parts (seed-registry-package.md §3 and §4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.errors import InvalidReferenceError, InvalidRepositoryNameError
from regbrowse.registry.reference import (
    Reference,
    digest_reference,
    is_image_id,
    is_registry_host,
    parse_reference,
)
from regbrowse.registry.service.repository_info import RepositoryInfo, parse_repository_info, split_repository_name
from tests.registry.service.resolvers import nobody

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"
CANARY = "s3cr3t-canary"


async def parse(name: str) -> RepositoryInfo:
    return await parse_repository_info(name, resolver=nobody)


# §4


@pytest.mark.parametrize(
    "text",
    [
        DIGEST,
        f"sha256:{HEX.upper()}",
        f"sha384:{HEX}{HEX[:32]}",
        f"sha512:{HEX}{HEX}",
    ],
)
def test_whole_digest_is_a_digest_reference(text: str) -> None:
    assert parse_reference(text) == Reference(text, has_digest=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "latest",
        "two words",
        HEX,
        "sha256:",
        f"sha256:{HEX[1:]}",
        f"sha256:{HEX}0",
        f"sha256:{HEX[1:]}g",
        f"sha256:{HEX}\n",
        f"SHA256:{HEX}",
        f"sha1:{HEX[:40]}",
        f"md5:{HEX[:32]}",
        f"sha384:{HEX}",
        f"tarsum+sha256:{HEX}",
        f"tarsum.v1+sha256:{HEX}",
        f"{DIGEST}:{HEX}",
    ],
)
def test_everything_else_is_a_tag_reference_unchecked(text: str) -> None:
    assert parse_reference(text) == Reference(text, has_digest=False)


def test_tag_is_joined_with_a_colon() -> None:
    reference = parse_reference("1.2")
    assert (reference.image_name("team/app"), str(reference)) == ("team/app:1.2", "1.2")


def test_digest_is_joined_with_an_at() -> None:
    reference = parse_reference(DIGEST)
    assert (reference.image_name("team/app"), str(reference)) == (f"team/app@{DIGEST}", DIGEST)


@pytest.mark.parametrize("text", ["", "latest", "sha256:short"])
def test_digest_reference_takes_what_it_is_given(text: str) -> None:
    reference = digest_reference(text)
    assert (reference.has_digest, str(reference), reference.image_name("a")) == (True, text, f"a@{text}")


@given(st.text() | st.text("0123456789abcdefABCDEF", max_size=130).map("sha256:".__add__))
def test_any_text_is_a_reference_to_itself(text: str) -> None:
    assert str(parse_reference(text)) == text


# §3: accessors


@pytest.mark.parametrize(
    ("text", "name", "hostname", "remote_name"),
    [
        ("ubuntu", "ubuntu", "docker.io", "library/ubuntu"),
        ("library/ubuntu", "ubuntu", "docker.io", "library/ubuntu"),
        ("docker.io/ubuntu", "ubuntu", "docker.io", "library/ubuntu"),
        ("docker.io/library/ubuntu", "ubuntu", "docker.io", "library/ubuntu"),
        ("index.docker.io/ubuntu", "ubuntu", "docker.io", "library/ubuntu"),
        ("index.docker.io/library/ubuntu", "ubuntu", "docker.io", "library/ubuntu"),
        ("bitnami/redis", "bitnami/redis", "docker.io", "bitnami/redis"),
        ("docker.io/bitnami/redis", "bitnami/redis", "docker.io", "bitnami/redis"),
        ("library/foo/bar", "library/foo/bar", "docker.io", "library/foo/bar"),
        ("library", "library", "docker.io", "library/library"),
        ("library/library", "library", "docker.io", "library/library"),
        ("a/b/c", "a/b/c", "docker.io", "a/b/c"),
        ("example.com:8000/a/b", "example.com:8000/a/b", "example.com:8000", "a/b"),
        ("example.com/solo", "example.com/solo", "example.com", "solo"),
        ("example.com/library/solo", "example.com/library/solo", "example.com", "library/solo"),
        ("localhost/x", "localhost/x", "localhost", "x"),
        ("localhost:5000/x", "localhost:5000/x", "localhost:5000", "x"),
        ("host:5000/x", "host:5000/x", "host:5000", "x"),
        ("127.0.0.1:5000/x", "127.0.0.1:5000/x", "127.0.0.1:5000", "x"),
        ("EXAMPLE.com/foo", "EXAMPLE.com/foo", "EXAMPLE.com", "foo"),
        ("INDEX.docker.io/foo", "INDEX.docker.io/foo", "INDEX.docker.io", "foo"),
        ("docker.io:443/foo", "docker.io:443/foo", "docker.io:443", "foo"),
        (
            "registry-1.docker.io/library/ubuntu",
            "registry-1.docker.io/library/ubuntu",
            "registry-1.docker.io",
            "library/ubuntu",
        ),
        ("[::1]:5000/x", "[::1]:5000/x", "[::1]:5000", "x"),
    ],
)
async def test_name_has_its_parts(text: str, name: str, hostname: str, remote_name: str) -> None:
    info = await parse(text)
    assert (info.name, info.hostname, info.remote_name) == (name, hostname, remote_name)
    assert info.full_name == f"{hostname}/{remote_name}"
    assert info.index.name == hostname


@pytest.mark.parametrize("text", ["ubuntu", "library/ubuntu", "docker.io/library/ubuntu", "index.docker.io/ubuntu"])
async def test_name_without_a_slash_is_official(text: str) -> None:
    assert (await parse(text)).official


@pytest.mark.parametrize("text", ["bitnami/redis", "localhost/x", "example.com/library/x", "library/foo/bar"])
async def test_name_with_a_slash_is_not_official(text: str) -> None:
    assert not (await parse(text)).official


@pytest.mark.parametrize("reference", [":1.2", f"@{DIGEST}", f":1.2@{DIGEST}", f"@sha256:{HEX.upper()}", ":TAG", ":_"])
@pytest.mark.parametrize("name", ["ubuntu", "team/app", "example.com:8000/a/b"])
async def test_tag_and_digest_are_trimmed(name: str, reference: str) -> None:
    assert await parse(f"{name}{reference}") == await parse(name)


async def test_repository_says_its_familiar_name() -> None:
    assert str(await parse("docker.io/library/ubuntu:24.04")) == "ubuntu"


async def test_class_of_a_repository_is_for_others_to_fill() -> None:
    assert (await parse("ubuntu")).cls == ""


# §3: grammar


@pytest.mark.parametrize(
    "path",
    ["a", "a.b", "a_b", "a__b", "a-b", "a--b", "a-----b", "0", "a/b/c/d", "a.b_c__d-e", "a" * 200],
)
def test_path_that_can_be_a_repository(path: str) -> None:
    assert split_repository_name(f"example.com/{path}") == ("example.com", path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        ".a",
        "a.",
        "a..b",
        "_a",
        "a_",
        "a___b",
        "-a",
        "a-",
        "a._b",
        "a b",
        "a\n",
        "é",
        "a+b",
    ],
)
def test_path_that_cannot_be_a_repository(path: str) -> None:
    with pytest.raises(InvalidRepositoryNameError, match="cannot be the name of a repository"):
        split_repository_name(f"example.com/{path}")


@pytest.mark.parametrize(
    "text", ["Ubuntu", "docker.io/Ubuntu", "LOCALHOST/foo", "Team/app:1.2", "example.com/Team/app", f"Foo@{DIGEST}"]
)
def test_upper_case_in_the_path_is_said_to_be_the_reason(text: str) -> None:
    with pytest.raises(InvalidRepositoryNameError, match="repository name must be lowercase"):
        split_repository_name(text)


@pytest.mark.parametrize(
    "host", ["a.b", "a:1", "A.B", "a-b.c", "0.0", "a:0", "a:65536", f"a:{'9' * 40}", "[::1]", "[fd00::1]:5000"]
)
def test_host_of_a_name(host: str) -> None:
    assert split_repository_name(f"{host}/x") == (host, "x")


@pytest.mark.parametrize(
    "host",
    [
        ".",
        "a.",
        ".a",
        "a..b",
        "-a.b",
        "a-.b",
        "a_b.c",
        "a:",
        ":5000",
        "a:b",
        "a:1:2",
        "é.com",
        "[:::]",
        "[a.b",
        "[1.2]",
    ],
)
def test_what_is_no_host_of_a_name(host: str) -> None:
    with pytest.raises(InvalidReferenceError, match="does not begin with a host"):
        split_repository_name(f"{host}/x")


@pytest.mark.parametrize("tag", ["", "-x", ".x", "a b", "é", "x" * 129, "a:b", "a/b"])
def test_tag_outside_the_grammar_is_refused(tag: str) -> None:
    with pytest.raises(InvalidReferenceError, match="cannot be a tag"):
        split_repository_name(f"example.com/app:{tag}")


@pytest.mark.parametrize("tag", ["x", "_", "X", "1.2-3_4", "x" * 128])
def test_tag_inside_the_grammar_is_taken(tag: str) -> None:
    assert split_repository_name(f"example.com/app:{tag}") == ("example.com", "app")


@pytest.mark.parametrize("digest", ["", "x", "sha256:", f"sha256:{HEX[:32]}", f"md5:{HEX[:32]}", HEX, f"{DIGEST}@x"])
@pytest.mark.parametrize("tag", ["", ":1.2"])
def test_digest_that_is_not_whole_is_refused(digest: str, tag: str) -> None:
    with pytest.raises(InvalidReferenceError, match="is not a whole digest"):
        split_repository_name(f"example.com/app{tag}@{digest}")


def test_empty_text_names_nothing() -> None:
    with pytest.raises(InvalidReferenceError, match="empty text"):
        split_repository_name("")


def test_bare_image_id_is_no_name() -> None:
    with pytest.raises(InvalidRepositoryNameError, match="image's id"):
        split_repository_name(HEX)


@pytest.mark.parametrize(
    ("text", "hostname", "remote_name"),
    [
        (f"docker.io/{HEX}", "docker.io", f"library/{HEX}"),
        (f"example.com/{HEX}", "example.com", HEX),
        (f"{HEX}:1.2", "docker.io", f"library/{HEX}"),
        (HEX[1:], "docker.io", f"library/{HEX[1:]}"),
        (f"{HEX}0", "docker.io", f"library/{HEX}0"),
        (f"team/{HEX}", "docker.io", f"team/{HEX}"),
    ],
)
def test_only_the_bare_image_id_is_refused(text: str, hostname: str, remote_name: str) -> None:
    assert split_repository_name(text) == (hostname, remote_name)


@pytest.mark.parametrize("fixed", ["example.com/", "docker.io/library/", "docker.io/a/"])
def test_whole_name_has_at_most_255_characters(fixed: str) -> None:
    longest = fixed + "a" * (255 - len(fixed))
    assert "/".join(split_repository_name(f"{longest}:tag")) == longest
    with pytest.raises(InvalidRepositoryNameError, match="at most 255 characters"):
        split_repository_name(f"{longest}a")


def test_library_counts_where_it_is_not_written() -> None:
    with pytest.raises(InvalidRepositoryNameError, match="at most 255 characters"):
        split_repository_name("a" * 240)


@pytest.mark.parametrize(
    "text",
    [
        f"ada:{CANARY}@registry.corp/app",
        f"ada:{CANARY}@registry.corp",
        f"ada:x/{CANARY}@registry.corp/app",
        f"ada:{CANARY} x@registry.corp",
        f"https://ada:{CANARY}@registry.corp/app",
        f"registry.corp/app?token={CANARY}",
        f"registry.corp?token={CANARY}/app",
        f"10.0.0.1:{CANARY}@registry.corp/app",
    ],
)
def test_refusal_does_not_repeat_a_secret(text: str) -> None:
    with pytest.raises(InvalidReferenceError) as raised:
        split_repository_name(text)
    assert CANARY not in f"{raised.value!r} {raised.value} {raised.value.next_step}"


WORDS = ("docker.io", "index.docker.io", "registry.corp", "localhost", "library", "app", "App", "1.2", HEX, DIGEST)
SIGNS = (":5000", "/", ":", "@", "[::1]", ".", "_", "-", "é", "\n", "\x1b", "://")
PIECES = st.lists(st.sampled_from(WORDS + SIGNS), max_size=7).map("".join)


@given(st.text() | PIECES)
async def test_any_text_names_a_repository_or_is_refused(text: str) -> None:
    try:
        info = await parse(text)
    except InvalidReferenceError:
        return
    assert len(info.full_name) <= 255
    assert is_registry_host(info.hostname)


@given(PIECES)
async def test_full_name_and_familiar_name_lead_back_to_the_repository(text: str) -> None:
    try:
        info = await parse(text)
    except InvalidReferenceError:
        return
    assert await parse(info.full_name) == info
    assert is_image_id(info.name) or await parse(info.name) == info
