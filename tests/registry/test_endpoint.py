"""Which addresses of a registry are tried, in which order, and with what TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import trustme

from regbrowse.registry.endpoint import Endpoint, endpoints_of, is_loopback, ssl_context
from regbrowse.registry.errors import ConfigError, ConnectionFailedError, ServerFailureError, TLSFailureError
from regbrowse.registry.reference import RegistryAddress, parse_registry_address
from tests.registry.certificates import sign
from tests.registry.reaching import LOGIN, PASSWORD, USER, Seen, reaching
from tests.registry_server import Content, RegistryServer

AUTHORITY: Final = trustme.CA()
TAG: Final = "GET /v2/team/app/manifests/1.0"


@pytest.mark.parametrize(
    ("address", "insecure", "expected"),
    [
        ("registry.corp:5000", False, ["https://registry.corp:5000 verified"]),
        ("registry.corp:5000", True, ["https://registry.corp:5000", "http://registry.corp:5000"]),
        ("https://registry.corp", False, ["https://registry.corp verified"]),
        ("https://registry.corp", True, ["https://registry.corp verified"]),
        ("http://registry.corp", False, ["http://registry.corp"]),
        ("http://registry.corp", True, ["http://registry.corp"]),
        ("registry.corp/prefix", True, ["https://registry.corp/prefix", "http://registry.corp/prefix"]),
        ("https://registry.corp/a/b", False, ["https://registry.corp/a/b verified"]),
        ("docker.io", False, ["https://registry-1.docker.io verified"]),
        ("[::1]:5000", True, ["https://[::1]:5000", "http://[::1]:5000"]),
    ],
)
def test_the_ways_to_a_registry(address: str, insecure: bool, expected: list[str]) -> None:
    endpoints = endpoints_of(parse_registry_address(address), insecure=insecure)
    shown = [
        f"{endpoint.base}{' verified' if endpoint.scheme == 'https' and endpoint.verify else ''}"
        for endpoint in endpoints
    ]
    assert shown == expected


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (Endpoint("https", "registry.corp"), True),
        (Endpoint("https", "registry.corp", verify=False), False),
        (Endpoint("http", "registry.corp"), False),
        (Endpoint("http", "10.0.0.1:5000"), False),
        (Endpoint("http", "localhost:5000"), True),
        (Endpoint("http", "LOCALHOST"), True),
        (Endpoint("http", "127.3.2.1:5000"), True),
        (Endpoint("https", "127.0.0.1", verify=False), True),
        (Endpoint("http", "[::1]:5000"), True),
        (Endpoint("http", "localhost.evil.test"), False),
        (Endpoint("http", "127.0.0.1.evil.test"), False),
        (Endpoint("http", "0.0.0.0"), False),
    ],
)
def test_where_a_password_may_go(endpoint: Endpoint, expected: bool) -> None:
    assert endpoint.is_trusted is expected


def test_a_name_is_no_loopback_whatever_it_leads_to() -> None:
    assert not is_loopback("loopback.corp:5000")


# On sockets


@pytest.fixture
def content() -> Content:
    content = Content()
    content.add_image("team/app", "1.0")
    return content


@pytest.fixture
def plain(content: Content) -> Iterator[RegistryServer]:
    with RegistryServer(content) as server:
        yield server


@pytest.fixture
def tls(content: Content) -> Iterator[RegistryServer]:
    with RegistryServer(content, tls=AUTHORITY.issue_cert("127.0.0.1")) as server:
        yield server


def bare(server: RegistryServer) -> tuple[Endpoint, ...]:
    """The ways to a server on loopback that is named without a scheme."""
    return endpoints_of(RegistryAddress(server.address), insecure=True)


def spelled(server: RegistryServer, scheme: str = "https") -> tuple[Endpoint, ...]:
    return endpoints_of(parse_registry_address(f"{scheme}://{server.address}"), insecure=True)


def folder(root: Path, server: RegistryServer, **files: bytes) -> Path:
    """A certificates directory with one registry's files; `ca_crt` is named `ca.crt`."""
    place = root / "certs.d" / server.address
    place.mkdir(parents=True)
    for name, data in files.items():
        (place / name.replace("_", ".")).write_bytes(data)
    return place.parent


async def test_an_insecure_registry_without_tls_is_reached_over_http(plain: RegistryServer) -> None:
    async with reaching(plain, endpoints=bare(plain)) as client:
        await client.manifest("team/app", "1.0")
        assert client.transport.endpoint == bare(plain)[1]
        assert len(plain.requests) == 1
        await client.resolve("team/app", "1.0")
    assert len(plain.requests) == 2


async def test_an_insecure_registry_with_an_unknown_authority_is_reached_over_https(tls: RegistryServer) -> None:
    async with reaching(tls, endpoints=bare(tls)) as client:
        await client.manifest("team/app", "1.0")
        assert client.transport.endpoint == bare(tls)[0]
    assert [request.status for request in tls.requests] == [200]


async def test_what_fails_over_https_is_not_asked_for_again_over_http(tls: RegistryServer) -> None:
    tls.fault(TAG, status=500, times=None)
    seen = Seen()
    async with reaching(tls, endpoints=bare(tls), observe=seen) as client:
        with pytest.raises(ServerFailureError):
            await client.manifest("team/app", "1.0")
    assert {exchange.url.partition(":")[0] for exchange in seen.exchanges} == {"https"}


async def test_an_answer_that_breaks_off_over_https_is_not_asked_for_over_http(tls: RegistryServer) -> None:
    tls.fault(TAG, "half_body", times=2)
    seen = Seen()
    async with reaching(tls, endpoints=bare(tls), observe=seen) as client:
        await client.manifest("team/app", "1.0")
    assert {exchange.url.partition(":")[0] for exchange in seen.exchanges} == {"https"}


async def test_requests_that_come_together_find_the_way_once(plain: RegistryServer) -> None:
    seen = Seen()
    async with reaching(plain, endpoints=bare(plain), observe=seen) as client:
        await asyncio.gather(*(client.resolve("team/app", "1.0") for _ in range(5)))
    assert [exchange.url.partition(":")[0] for exchange in seen.exchanges].count("https") == 1


async def test_nobody_at_all_is_told_with_the_address(plain: RegistryServer) -> None:
    plain.stop()
    async with reaching(plain, endpoints=bare(plain)) as client:
        with pytest.raises(ConnectionFailedError, match=f"{plain.address}: the connection is refused"):
            await client.manifest("team/app", "1.0")
        assert client.transport.endpoint is None


async def test_a_mirror_that_is_not_there_leaves_its_turn_to_the_next(plain: RegistryServer, content: Content) -> None:
    with RegistryServer(content) as gone:
        pass
    endpoints = (Endpoint("http", gone.address), Endpoint("http", plain.address))
    async with reaching(plain, endpoints=endpoints) as client:
        await client.manifest("team/app", "1.0")
        assert client.transport.endpoint == endpoints[1]


async def test_a_mirror_that_breaks_off_leaves_its_turn_to_the_next(plain: RegistryServer, content: Content) -> None:
    with RegistryServer(content) as mirror:
        mirror.fault("GET", "close", times=None)
        endpoints = (Endpoint("http", mirror.address), Endpoint("http", plain.address))
        async with reaching(plain, endpoints=endpoints) as client:
            await client.manifest("team/app", "1.0")
            assert client.transport.endpoint == endpoints[1]


# https at its word


async def test_a_certificate_that_nobody_vouches_for_is_refused_with_the_way_out(tls: RegistryServer) -> None:
    async with reaching(tls, endpoints=spelled(tls)) as client:
        with pytest.raises(TLSFailureError, match=f"certificate of {tls.address} is not accepted") as caught:
            await client.manifest("team/app", "1.0")
    assert f"certs.d/{tls.address}/ca.crt" in caught.value.next_step
    assert tls.requests == []


async def test_a_self_signed_certificate_is_refused_with_the_way_out(content: Content, tmp_path: Path) -> None:
    with RegistryServer(content, tls=sign("itself").server_context(tmp_path)) as server:
        async with reaching(server, endpoints=spelled(server)) as client:
            with pytest.raises(TLSFailureError, match="self-signed") as caught:
                await client.manifest("team/app", "1.0")
    assert f"certs.d/{server.address}/ca.crt" in caught.value.next_step


async def test_https_is_never_answered_with_http(plain: RegistryServer) -> None:
    seen = Seen()
    async with reaching(plain, endpoints=spelled(plain), login=LOGIN, observe=seen) as client:
        with pytest.raises(TLSFailureError, match="does not speak TLS") as caught:
            await client.manifest("team/app", "1.0")
    assert plain.requests == []
    assert len(seen.exchanges) == 1
    assert f"http://{plain.address}" in caught.value.next_step


async def test_http_at_its_word_is_not_tried_with_https(tls: RegistryServer) -> None:
    async with reaching(tls, endpoints=spelled(tls, "http")) as client:
        with pytest.raises(ConnectionFailedError):
            await client.manifest("team/app", "1.0")
    assert tls.requests == []


# The certificates directory


async def test_an_authority_in_the_certificates_directory_is_trusted(tls: RegistryServer, tmp_path: Path) -> None:
    certs_dir = folder(tmp_path, tls, ca_crt=AUTHORITY.cert_pem.bytes())
    async with reaching(tls, endpoints=spelled(tls), certs_dir=certs_dir) as client:
        await client.manifest("team/app", "1.0")
    assert tls.connections == 1


async def test_the_authority_of_one_registry_does_not_vouch_for_another(
    tls: RegistryServer, content: Content, tmp_path: Path
) -> None:
    certs_dir = folder(tmp_path, tls, ca_crt=AUTHORITY.cert_pem.bytes())
    with RegistryServer(content, tls=AUTHORITY.issue_cert("127.0.0.1")) as other:
        async with reaching(other, endpoints=spelled(other), certs_dir=certs_dir) as client:
            with pytest.raises(TLSFailureError):
                await client.manifest("team/app", "1.0")


async def test_an_authority_without_a_key_usage_is_trusted(content: Content, tmp_path: Path) -> None:
    authority = sign("home-made", is_authority=True)
    leaf = sign("registry", issuer=authority)
    with RegistryServer(content, tls=leaf.server_context(tmp_path)) as server:
        certs_dir = folder(tmp_path, server, ca_crt=authority.pem)
        endpoint = spelled(server)
        async with reaching(server, endpoints=endpoint, certs_dir=certs_dir) as client:
            await client.manifest("team/app", "1.0")
        assert not ssl_context(endpoint[0], certs_dir).verify_flags & ssl.VERIFY_X509_STRICT


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        ({"valid_days": -1}, "has expired"),
        ({"address": "127.0.0.2"}, "IP address mismatch"),
    ],
    ids=["expired", "for another host"],
)
async def test_a_certificate_that_is_wrong_is_refused_with_its_fault(
    content: Content, tmp_path: Path, leaf: dict[str, object], words: str
) -> None:
    authority = sign("home-made", is_authority=True)
    with RegistryServer(content, tls=sign("r", issuer=authority, **leaf).server_context(tmp_path)) as server:  # type: ignore[arg-type]
        certs_dir = folder(tmp_path, server, ca_crt=authority.pem)
        async with reaching(server, endpoints=spelled(server), certs_dir=certs_dir) as client:
            with pytest.raises(TLSFailureError, match=words) as caught:
                await client.manifest("team/app", "1.0")
    assert "certs.d" not in caught.value.next_step
    assert server.requests == []


async def test_a_client_certificate_is_shown_to_the_registry_it_is_for(content: Content, tmp_path: Path) -> None:
    authority = sign("home-made", is_authority=True)
    context = sign("registry", issuer=authority).server_context(tmp_path)
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    context.load_verify_locations(tmp_path / "authority.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    person = sign("person", issuer=authority)
    with RegistryServer(content, tls=context) as server:
        files = {"ca_crt": authority.pem, "client_cert": person.pem, "client_key": person.key_pem()}
        certs_dir = folder(tmp_path, server, **files)
        async with reaching(server, endpoints=spelled(server), certs_dir=certs_dir) as client:
            await client.manifest("team/app", "1.0")
        async with reaching(server, endpoints=spelled(server), certs_dir=folder(tmp_path / "2", server)) as client:
            with pytest.raises(ConnectionFailedError):
                await client.manifest("team/app", "1.0")


PERSON: Final = sign("person")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"client_cert": PERSON.pem}, r"client\.cert stands alone: client\.key is missing"),
        ({"client_key": PERSON.key_pem()}, r"client\.key stands alone: client\.cert is missing"),
        ({"ca_crt": b"garbage"}, r"ca\.crt cannot be used"),
        ({"ca_crt": b""}, r"ca\.crt cannot be used"),
        ({"client_cert": b"garbage", "client_key": b"garbage"}, r"client\.cert cannot be used"),
        ({"client_cert": PERSON.pem, "client_key": sign("other").key_pem()}, r"client\.cert cannot be used"),
        ({"client_cert": PERSON.pem, "client_key": PERSON.key_pem(b"secret")}, r"client\.cert cannot be used"),
    ],
    ids=["no key", "no certificate", "garbage", "empty", "garbage pair", "another key", "key with a password"],
)
async def test_a_file_that_cannot_be_used_is_named(
    tls: RegistryServer, tmp_path: Path, files: dict[str, bytes], words: str
) -> None:
    certs_dir = folder(tmp_path, tls, **files)
    async with reaching(tls, endpoints=spelled(tls), certs_dir=certs_dir) as client:
        with pytest.raises(ConfigError, match=words) as caught:
            await client.manifest("team/app", "1.0")
    assert tls.address in caught.value.user_message
    assert tls.requests == []


def test_other_files_in_the_certificates_directory_do_not_matter(tls: RegistryServer, tmp_path: Path) -> None:
    certs_dir = folder(tmp_path, tls, README=b"garbage", ca_pem=b"garbage")
    ssl_context(spelled(tls)[0], certs_dir)


def test_a_registry_that_is_not_verified_reads_no_certificates(tls: RegistryServer, tmp_path: Path) -> None:
    certs_dir = folder(tmp_path, tls, ca_crt=b"garbage")
    assert ssl_context(bare(tls)[0], certs_dir).verify_mode is ssl.CERT_NONE


def test_what_is_in_the_place_of_the_folder_is_told(tls: RegistryServer, tmp_path: Path) -> None:
    (tmp_path / tls.address).write_text("no folder")
    with pytest.raises(ConfigError, match="cannot be read"):
        ssl_context(spelled(tls)[0], tmp_path)


async def test_a_port_that_is_spelled_out_is_part_of_the_folders_name(tmp_path: Path) -> None:
    place = tmp_path / "127.0.0.1:443"
    place.mkdir()
    (place / "ca.crt").write_text("garbage")
    endpoints = (Endpoint("https", "127.0.0.1:443"),)
    async with reaching("127.0.0.1:443", endpoints=endpoints, certs_dir=tmp_path) as client:
        with pytest.raises(ConfigError, match=r"127\.0\.0\.1:443"):
            await client.manifest("team/app", "1.0")


# Passwords


async def test_a_password_goes_to_loopback_over_http(content: Content) -> None:
    with RegistryServer(content, auth=("basic", USER, PASSWORD)) as server:
        endpoints = bare(server)
        trusted = all(endpoint.is_trusted for endpoint in endpoints)
        async with reaching(server, endpoints=endpoints, login=LOGIN, trusted=trusted) as client:
            await client.manifest("team/app", "1.0")
    assert [request.status for request in server.requests] == [401, 200]
