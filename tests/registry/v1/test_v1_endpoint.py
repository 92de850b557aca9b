"""Where a v1 registry is, how that is found out, and what its ping tells."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.constants import INDEX_SERVER
from regbrowse.registry.errors import (
    ConfigError,
    ConnectionFailedError,
    RedirectRefusedError,
    RegistryError,
    TLSFailureError,
)
from regbrowse.registry.service.config import IndexInfo
from regbrowse.registry.text import SafeText
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.v1.endpoint import V1Endpoint
from regbrowse.registry.v1.models import PingResult, parse_ping
from tests.v1_server import V1Server

AUTHORITY: Final = trustme.CA()
PLAIN: Final = TLSConfig(insecure_skip_verify=True)
PING: Final = "GET /v1/_ping"


@pytest.fixture
def plain() -> Iterator[V1Server]:
    with V1Server() as server:
        yield server


@pytest.fixture
def tls() -> Iterator[V1Server]:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as server:
        yield server


@pytest.fixture
def nowhere() -> str:
    """`host:port` where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{unused.getsockname()[1]}"


def trust(certs_dir: Path, name: str) -> Path:
    (certs_dir / name).mkdir(parents=True)
    AUTHORITY.cert_pem.write_to_path(certs_dir / name / "ca.crt")
    return certs_dir


# The base and the paths


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://reg.corp", "https://reg.corp/v1/"),
        ("https://reg.corp/prefix", "https://reg.corp/prefix/v1/"),
        ("https://reg.corp/", "https://reg.corp//v1/"),
        ("http://reg.corp/v1", "http://reg.corp/v1/v1/"),
    ],
)
def test_an_endpoint_is_its_address_and_v1_put_together_as_they_are(url: str, text: str) -> None:
    endpoint = V1Endpoint(url, TLSConfig())
    assert (str(endpoint), endpoint.path("images/x"), endpoint.url) == (text, f"{text}images/x", url)


@pytest.mark.parametrize("insecure", [True, False])
def test_an_endpoint_is_secure_unless_certificates_are_not_verified(insecure: bool) -> None:
    assert V1Endpoint("http://reg.corp", TLSConfig(insecure_skip_verify=insecure)).is_secure is not insecure


# What a ping tells (§8)


@pytest.mark.parametrize(
    ("body", "version", "standalone"),
    [
        (b"", "", True),
        (b"true", "", True),
        (b"false", "", True),
        (b"null", "", True),
        (b"[]", "", True),
        (b"{}", "", True),
        (b"<html>", "", True),
        (b'{"version": "0.9", "standalone": false}', "0.9", False),
        (b'{"VERSION": "0.9", "Standalone": false}', "0.9", False),
        (b'{"version": null, "standalone": null}', "", True),
        (b'{"version": 9, "standalone": false}', "", False),
        (b'{"version": "0.9", "standalone": "false"}', "0.9", True),
        (b'{"version": "0.9", "standalone": 0}', "0.9", True),
        (b'{"version": "0.9", "other": []}', "0.9", True),
        (b'{"version": "0.9", "standalone": false} more', "", True),
        (b'{"version": "0.9", "standalone": false', "", True),
        (b"[" * 100_000, "", True),
        (b'{"version": "\\u001b[2J"}', "␛[2J", True),
    ],
)
def test_the_body_of_a_ping_overlays_the_defaults(body: bytes, version: str, standalone: bool) -> None:
    result = parse_ping(body, status=500, version="", standalone="")
    assert result == PingResult(SafeText(version), standalone)


@pytest.mark.parametrize(
    ("header", "standalone"),
    [("1", True), ("true", True), ("TRUE", True), ("True", True), ("0", False), ("yes", False), ("t", False)],
)
@pytest.mark.parametrize("body", [b"", b'{"standalone": true}', b'{"standalone": false}'])
def test_the_header_standalone_prevails_over_the_body(body: bytes, header: str, standalone: bool) -> None:
    assert parse_ping(body, status=200, version="", standalone=header).standalone is standalone


def test_an_empty_header_standalone_leaves_what_the_body_says() -> None:
    assert not parse_ping(b'{"standalone": false}', status=200, version="", standalone="").standalone


def test_the_header_version_prevails_over_the_body() -> None:
    assert parse_ping(b'{"version": "0.1"}', status=200, version="0.9", standalone="").version == "0.9"


@pytest.mark.parametrize(
    ("status", "body", "version", "confirmed"),
    [
        (200, b"true", "", True),
        (200, b"{}", "", True),
        (200, b"<html>", "0.9", True),
        (200, b"", "0.9", True),
        (200, b"<html>", "", False),
        (200, b"", "", False),
        (200, b"false", "", False),
        (200, b"[]", "", False),
        (200, b'"true"', "", False),
        (401, b"true", "0.9", True),
        (401, b"true", "", False),
        (404, b"{}", "", False),
    ],
)
def test_a_registry_is_told_from_any_web_server(status: int, body: bytes, version: str, confirmed: bool) -> None:
    assert parse_ping(body, status=status, version=version, standalone="").confirmed is confirmed


@given(st.binary(), st.text(), st.text())
def test_any_answer_to_a_ping_is_one(body: bytes, version: str, standalone: str) -> None:
    parse_ping(body, status=200, version=version, standalone=standalone)


async def test_a_ping_reads_the_headers_and_the_body(plain: V1Server) -> None:
    plain.fault(PING, body=b'{"version": "1"}', headers={"X-Docker-Registry-Standalone": "false"})
    async with V1Endpoint(plain.url, PLAIN) as endpoint:
        assert await endpoint.ping() == PingResult(SafeText("0.9.1"), standalone=False, confirmed=True)
    assert [str(request) for request in plain.requests] == [PING]


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 500, 503])
async def test_any_status_answers_a_ping(plain: V1Server, status: int) -> None:
    plain.fault(PING, status=status)
    async with V1Endpoint(plain.url, PLAIN) as endpoint:
        assert await endpoint.ping() == PingResult(wants_login=status == 401)


async def test_no_more_of_a_pings_answer_is_kept_than_makes_sense(plain: V1Server) -> None:
    plain.fault(PING, body=b'{"version": "%s"}' % (b"x" * 1_000_000), headers={"X-Docker-Registry-Version": None})
    async with V1Endpoint(plain.url, PLAIN) as endpoint:
        assert (await endpoint.ping()).version == ""


async def test_the_index_of_docker_hub_is_not_pinged() -> None:
    async with V1Endpoint(INDEX_SERVER.removesuffix("/v1/"), TLSConfig()) as endpoint:
        await endpoint.client.aclose()  # so that a request would fail
        assert await endpoint.ping() == PingResult(standalone=False)


async def test_a_ping_that_nobody_answers_names_the_host(nowhere: str) -> None:
    async with V1Endpoint(f"http://{nowhere}", TLSConfig()) as endpoint:
        with pytest.raises(ConnectionFailedError, match=nowhere):
            await endpoint.ping()


async def test_a_ping_that_is_cut_off_fails(plain: V1Server) -> None:
    plain.fault(PING, cut_after=2)
    async with V1Endpoint(plain.url, PLAIN) as endpoint:
        with pytest.raises(ConnectionFailedError, match=f"{plain.address} broke off its answer"):
            await endpoint.ping()


async def test_headers_go_with_a_ping(plain: V1Server) -> None:
    meta = {"X-Meta": ["one", "two"]}
    async with V1Endpoint(plain.url, PLAIN, "docker/17.07", meta) as endpoint:
        await endpoint.ping()
    assert plain.requests[0].all("user-agent") == ["docker/17.07"]
    assert plain.requests[0].all("x-meta") == ["one", "two"]
    assert plain.requests[0].all("accept-encoding") == ["identity"]


# The endpoint of an index (§8)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("H", "http://H/v1/"),
        ("https://H", "http://H/v1/"),
        ("http://H", "http://H/v1/"),
        ("http://H/", "http://H/v1/"),
        ("http://H/v1", "http://H/v1/"),
        ("http://H/v1/", "http://H/v1/"),
        ("http://H/v1//", "http://H/v1//v1/"),
        ("http://H/v0/", "http://H/v0/v1/"),
        ("http://H/V1/", "http://H/V1/v1/"),
        ("http://H/v2/v1", "http://H/v2/v1/"),
        ("http://H/nonversion/", "http://H/nonversion/v1/"),
        ("http://H/prefix/v1/", "http://H/prefix/v1/"),
    ],
)
async def test_the_address_of_an_index_is_made_normal(plain: V1Server, name: str, text: str) -> None:
    async with await V1Endpoint.new(IndexInfo(name.replace("H", plain.address), secure=False)) as endpoint:
        assert str(endpoint) == text.replace("H", plain.address)
    assert [str(request) for request in plain.requests] == [f"GET {endpoint.path('_ping').removeprefix(plain.url)}"]


@pytest.mark.parametrize("name", ["H/v2", "https://H/v2/", "http://H/prefix/v2"])
async def test_the_path_of_v2_is_refused(plain: V1Server, name: str) -> None:
    with pytest.raises(ConfigError, match="unsupported V1 version path v2"):
        await V1Endpoint.new(IndexInfo(name.replace("H", plain.address), secure=False))
    assert plain.requests == []


@pytest.mark.parametrize(
    "name",
    ["", "https://", "http:///v1/", "reg.corp:99999", "reg.corp:port", "[::1", "reg\x00.corp", "ada:canary@reg.corp"],
)
async def test_a_name_that_is_no_address_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        await V1Endpoint.new(IndexInfo(name), certs_dir=tmp_path)
    assert "canary" not in f"{caught.value!r} {caught.value.next_step}"


@pytest.mark.parametrize("name", ["a..b", "a" * 64])
async def test_a_name_that_no_host_can_have_is_told(name: str) -> None:
    with pytest.raises(ConnectionFailedError, match=name):
        await V1Endpoint.new(IndexInfo(name), certs_dir=None)


async def test_https_is_tried_first_even_if_the_name_says_http(tls: V1Server) -> None:
    async with await V1Endpoint.new(IndexInfo(f"http://{tls.address}", secure=False)) as endpoint:
        assert str(endpoint) == tls.base
        assert not endpoint.is_secure


async def test_a_secure_index_is_verified_by_its_folder_of_certificates(tls: V1Server, tmp_path: Path) -> None:
    certs_dir = trust(tmp_path, tls.address)
    async with await V1Endpoint.new(IndexInfo(tls.address), certs_dir=certs_dir) as endpoint:
        assert str(endpoint) == tls.base
        assert endpoint.is_secure
    assert [str(request) for request in tls.requests] == [PING]


async def test_a_secure_index_without_a_trusted_certificate_is_refused_with_two_ways_out(
    tls: V1Server, tmp_path: Path
) -> None:
    with pytest.raises(TLSFailureError, match=f"^invalid registry endpoint {tls.base}: The certificate of") as caught:
        await V1Endpoint.new(IndexInfo(tls.address), certs_dir=tmp_path)
    assert f"`--insecure-registry {tls.address}`" in caught.value.next_step
    assert f"{tmp_path}/{tls.address}/ca.crt" in caught.value.next_step
    assert tls.requests == []


async def test_a_secure_index_is_never_asked_over_plain_http(plain: V1Server) -> None:
    with pytest.raises(TLSFailureError, match=f"invalid registry endpoint https://{plain.address}/v1/"):
        await V1Endpoint.new(IndexInfo(plain.address), certs_dir=None)
    assert plain.requests == []


async def test_a_ping_over_https_that_leads_in_a_circle_is_no_answer(tls: V1Server, tmp_path: Path) -> None:
    tls.fault(PING, status=302, headers={"Location": "/v1/_ping"}, times=None)
    with pytest.raises(ConnectionFailedError, match=f"invalid registry endpoint {tls.base}: .* in a circle"):
        await V1Endpoint.new(IndexInfo(tls.address), certs_dir=trust(tmp_path, tls.address))


async def test_a_ping_that_leads_in_a_circle_is_no_answer(plain: V1Server) -> None:
    plain.fault(PING, status=302, headers={"Location": "/v1/_ping"}, times=None)
    with pytest.raises(ConnectionFailedError, match="in a circle") as caught:
        await V1Endpoint.new(IndexInfo(plain.address, secure=False))
    assert isinstance(caught.value.__cause__, RedirectRefusedError)


async def test_an_insecure_index_that_nobody_serves_is_told_with_both_attempts(nowhere: str) -> None:
    with pytest.raises(ConnectionFailedError, match=r"HTTPS attempt: .* HTTP attempt: .*refused"):
        await V1Endpoint.new(IndexInfo(nowhere, secure=False))


async def test_certificates_are_read_for_a_secure_index(plain: V1Server, tmp_path: Path) -> None:
    (tmp_path / plain.address).mkdir()
    (tmp_path / plain.address / "alone.key").touch()
    with pytest.raises(ConfigError, match=r"alone\.key"):
        await V1Endpoint.new(IndexInfo(plain.address), certs_dir=tmp_path)


async def test_no_certificates_are_read_for_an_insecure_index(plain: V1Server, tmp_path: Path) -> None:
    (tmp_path / plain.address).mkdir()
    (tmp_path / plain.address / "alone.key").touch()
    async with await V1Endpoint.new(IndexInfo(plain.address, secure=False), certs_dir=tmp_path) as endpoint:
        assert endpoint.url == plain.url


async def test_the_official_index_is_not_asked(tmp_path: Path) -> None:
    class Unasked(V1Endpoint):
        def path(self, path: str) -> str:
            raise AssertionError(f"{path} is asked for")

    index = IndexInfo("docker.io", official=True)
    async with await Unasked.new(index, certs_dir=tmp_path) as endpoint:
        assert str(endpoint) == INDEX_SERVER


async def test_an_endpoint_that_is_not_there_is_closed(nowhere: str) -> None:
    made: list[V1Endpoint] = []

    class Recorded(V1Endpoint):
        async def ping(self: Self) -> PingResult:
            made.append(self)
            return await super().ping()

    with pytest.raises(ConnectionFailedError):
        await Recorded.new(IndexInfo(nowhere), certs_dir=None)
    assert made[0].client.is_closed


async def test_headers_go_with_the_ping_of_a_new_endpoint(plain: V1Server) -> None:
    index = IndexInfo(plain.address, secure=False)
    async with await V1Endpoint.new(index, "docker/17.07", {"X-Meta": ["one"]}):
        pass
    assert plain.requests[0].headers["user-agent"] == "docker/17.07"
    assert plain.requests[0].headers["x-meta"] == "one"


@pytest.mark.parametrize("url", ["", "reg.corp", "ftp://reg.corp", "http://", "http://ada:canary@reg.corp"])
async def test_an_endpoint_at_no_address_cannot_be_pinged(url: str) -> None:
    async with V1Endpoint(url, TLSConfig()) as endpoint:
        with pytest.raises(RegistryError) as caught:
            await endpoint.ping()
    assert "canary" not in f"{caught.value!r} {caught.value.next_step}"
