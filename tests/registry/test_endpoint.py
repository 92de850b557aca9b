"""Which addresses of a registry are tried, in which order, and with what TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import trustme

from regbrowse.registry.endpoint import APIEndpoint, is_loopback
from regbrowse.registry.errors import ConnectionFailedError, ServerFailureError, TLSFailureError
from regbrowse.registry.tls import TLSConfig, read_certs_directory
from tests.registry.certificates import sign
from tests.registry.reaching import LOGIN, PASSWORD, USER, Seen, reaching
from tests.registry_server import Content, RegistryServer

AUTHORITY: Final = trustme.CA()
ANY_CERTIFICATE: Final = TLSConfig(insecure_skip_verify=True)
TAG: Final = "GET /v2/team/app/manifests/1.0"


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (APIEndpoint("https://registry.corp"), True),
        (APIEndpoint("https://registry.corp", tls_config=ANY_CERTIFICATE), False),
        (APIEndpoint("http://registry.corp"), False),
        (APIEndpoint("http://10.0.0.1:5000"), False),
        (APIEndpoint("http://localhost:5000"), True),
        (APIEndpoint("http://LOCALHOST"), True),
        (APIEndpoint("http://127.3.2.1:5000"), True),
        (APIEndpoint("https://127.0.0.1", tls_config=ANY_CERTIFICATE), True),
        (APIEndpoint("http://[::1]:5000"), True),
        (APIEndpoint("http://localhost.evil.test"), False),
        (APIEndpoint("http://127.0.0.1.evil.test"), False),
        (APIEndpoint("http://0.0.0.0"), False),
    ],
)
def test_where_a_password_may_go(endpoint: APIEndpoint, expected: bool) -> None:
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


def bare(server: RegistryServer) -> tuple[APIEndpoint, ...]:
    """The ways to a server on loopback that is named without a scheme."""
    return tuple(
        APIEndpoint(f"{scheme}://{server.address}", tls_config=ANY_CERTIFICATE) for scheme in ("https", "http")
    )


def spelled(server: RegistryServer, scheme: str = "https") -> tuple[APIEndpoint, ...]:
    return (APIEndpoint(f"{scheme}://{server.address}"),)


def trusting(server: RegistryServer, certs_dir: Path) -> tuple[APIEndpoint, ...]:
    """The way over https with what the registry's folder of `certs_dir` holds."""
    tls = read_certs_directory(TLSConfig(), certs_dir / server.address)
    return (APIEndpoint(f"https://{server.address}", tls_config=tls),)


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
    endpoints = (APIEndpoint(f"http://{gone.address}"), APIEndpoint(f"http://{plain.address}"))
    async with reaching(plain, endpoints=endpoints) as client:
        await client.manifest("team/app", "1.0")
        assert client.transport.endpoint == endpoints[1]


async def test_a_mirror_that_breaks_off_leaves_its_turn_to_the_next(plain: RegistryServer, content: Content) -> None:
    with RegistryServer(content) as mirror:
        mirror.fault("GET", "close", times=None)
        endpoints = (APIEndpoint(f"http://{mirror.address}"), APIEndpoint(f"http://{plain.address}"))
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
    async with reaching(tls, endpoints=trusting(tls, certs_dir)) as client:
        await client.manifest("team/app", "1.0")
    assert tls.connections == 1


async def test_the_authority_of_one_registry_does_not_vouch_for_another(
    tls: RegistryServer, content: Content, tmp_path: Path
) -> None:
    certs_dir = folder(tmp_path, tls, ca_crt=AUTHORITY.cert_pem.bytes())
    with RegistryServer(content, tls=AUTHORITY.issue_cert("127.0.0.1")) as other:
        async with reaching(other, endpoints=trusting(other, certs_dir)) as client:
            with pytest.raises(TLSFailureError):
                await client.manifest("team/app", "1.0")


async def test_an_authority_without_a_key_usage_is_trusted(content: Content, tmp_path: Path) -> None:
    authority = sign("home-made", is_authority=True)
    leaf = sign("registry", issuer=authority)
    with RegistryServer(content, tls=leaf.server_context(tmp_path)) as server:
        certs_dir = folder(tmp_path, server, ca_crt=authority.pem)
        async with reaching(server, endpoints=trusting(server, certs_dir)) as client:
            await client.manifest("team/app", "1.0")


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
        async with reaching(server, endpoints=trusting(server, certs_dir)) as client:
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
        async with reaching(server, endpoints=trusting(server, certs_dir)) as client:
            await client.manifest("team/app", "1.0")
        async with reaching(server, endpoints=spelled(server)) as client:
            with pytest.raises(ConnectionFailedError):
                await client.manifest("team/app", "1.0")


# Passwords


async def test_a_password_goes_to_loopback_over_http(content: Content) -> None:
    with RegistryServer(content, auth=("basic", USER, PASSWORD)) as server:
        endpoints = bare(server)
        trusted = all(endpoint.is_trusted for endpoint in endpoints)
        async with reaching(server, endpoints=endpoints, login=LOGIN, trusted=trusted) as client:
            await client.manifest("team/app", "1.0")
    assert [request.status for request in server.requests] == [401, 200]
