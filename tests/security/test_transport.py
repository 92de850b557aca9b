"""§5.3 tests 31 to 34: what protects a connection is never given up, and what holds for one holds for no other."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

import pytest
import trustme

from regbrowse.browser.states import Asks, Phase
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import TLSFailureError, UnsafeLoginError
from regbrowse.registry.reference import parse_registry_address
from regbrowse.registry.tls import TLSConfig
from tests.proxy_server import ProxyServer
from tests.registry.reaching import LOGIN, PASSWORD, USER, reaching
from tests.registry.tokens_world import Tokens, assert_no_secret_at, authorizations, seen_at
from tests.registry_server import RegistryServer
from tests.security.origins import (
    BASIC,
    MANIFEST,
    TAG,
    Attacker,
    assert_learnt_nothing,
    content,
    docker_login,
    get,
    problem,
    registries_of,
    secrets_at,
    shown_catalog,
    shown_image,
    shown_tags,
    trusting,
)
from tests.token_server import Server
from tests.v1_server import V1Server

UNVERIFIED: Final = TLSConfig(insecure_skip_verify=True)


# 31: https is never given up


@pytest.mark.parametrize("spelled", ["registry.test", "https://registry.test"])
async def test_31_a_server_that_speaks_only_http_is_not_asked_so(names: None, spelled: str, tmp_path: Path) -> None:
    """Not by v2 and not by v1; the user is told how to allow it."""
    with RegistryServer(content()) as good:
        address = f"{spelled}:{good.port}"
        async with registries_of(docker_login(tmp_path, f"registry.test:{good.port}")) as registries:
            for state in (
                await shown_tags(registries, address),
                await shown_catalog(registries, address),
                await shown_image(registries, address),
            ):
                told = problem(state)
                assert "does not speak TLS" in told.sentence
                assert f"http://registry.test:{good.port}" in told.next_step
                assert "--insecure-registry" in told.next_step
    assert good.requests == []


async def test_31_a_certificate_that_is_not_accepted_is_no_reason_for_http(
    names: None, certificate: trustme.LeafCert, tmp_path: Path
) -> None:
    with RegistryServer(content(), tls=certificate, auth=BASIC) as good:
        address = f"registry.test:{good.port}"
        async with registries_of(docker_login(tmp_path, address)) as registries:
            told = problem(await shown_tags(registries, address))
    assert good.requests == []
    assert f"The certificate of {address} is not accepted" in told.sentence
    assert f"certs.d/{address}/ca.crt" in told.next_step


async def test_31_nor_is_one_of_an_insecure_registry_s_token_server(
    names: None, certificate: trustme.LeafCert, tokens: Tokens, tmp_path: Path
) -> None:
    """It speaks only http where G names https."""
    realm = f"https://registry.test:{tokens.port}/token"
    with RegistryServer(content(), tls=certificate, auth=tokens.auth(realm)) as good:
        address = f"registry.test:{good.port}"
        async with registries_of(
            docker_login(tmp_path, address), certs_dir=trusting(tmp_path / "certs.d", address)
        ) as registries:
            assert "does not speak TLS" in problem(await shown_tags(registries, address)).sentence
    assert tokens.requests == []
    assert_no_secret_at(good)


async def test_31_an_insecure_registry_whose_https_answers_stays_with_it(
    names: None, certificate: trustme.LeafCert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--insecure-registry` allows http only where nothing answers https: not after a connection that broke."""
    monkeypatch.setattr("regbrowse.registry.transport._back_off", lambda attempt: 0.0)
    with RegistryServer(content(), tls=certificate) as good:
        address = f"registry.test:{good.port}"
        good.fault("GET", "close", times=None)
        async with registries_of(insecure=[address], log=tmp_path / "log") as registries:
            assert "closed the connection" in problem(await shown_tags(registries, address)).sentence
    assert good.requests
    assert f"GET https://{address}" in (log := (tmp_path / "log").read_text())
    assert "GET http://" not in log


# 32: no login over what is not safe


@pytest.mark.parametrize("spelled", ["http://registry.test", "registry.test"], ids=["plain http", "insecure"])
@pytest.mark.parametrize("kind", ["basic", "bearer"])
async def test_32_a_login_is_not_sent_over_plain_http(
    names: None, tokens: Tokens, kind: str, spelled: str, tmp_path: Path
) -> None:
    """Neither to the registry nor to its token server; and the user is told whose was not sent."""
    tokens.anonymous = False
    auth = BASIC if kind == "basic" else tokens.auth(f"http://registry.test:{tokens.port}/token")
    with RegistryServer(content(), auth=auth) as good:
        host = f"registry.test:{good.port}"
        async with registries_of(docker_login(tmp_path, host), insecure=[host]) as registries:
            address = f"{spelled}:{good.port}"
            told = [problem(await shown_tags(registries, address)), problem(await shown_image(registries, address))]
    assert good.requests
    assert_learnt_nothing(good)
    assert_learnt_nothing(tokens)
    for each in told:
        assert "the connection to it is not safe" in each.sentence
        assert host in each.sentence
        assert f"The login of {LOGIN.username} was not sent" in each.next_step


async def test_32_nor_to_whoever_shows_any_certificate(
    names: None, certificate: trustme.LeafCert, tmp_path: Path
) -> None:
    with RegistryServer(content(), tls=certificate, auth=BASIC) as good:
        host = f"registry.test:{good.port}"
        async with registries_of(docker_login(tmp_path, host), insecure=[host]) as registries:
            assert "not safe" in problem(await shown_tags(registries, host)).sentence
    assert_learnt_nothing(good)


@pytest.mark.parametrize("mode", ["standalone", "index"])
async def test_32_nor_to_a_v1_registry(names: None, mode: str, tmp_path: Path) -> None:
    with V1Server(mode="index" if mode == "index" else "standalone", auth=BASIC) as good:
        host = f"registry.test:{good.port}"
        async with registries_of(docker_login(tmp_path, host)) as registries:
            assert "not safe" in problem(await shown_tags(registries, f"http://{host}")).sentence
    assert good.requests
    assert secrets_at(good) == []


@pytest.mark.parametrize("kind", ["basic", "bearer", "v1"])
async def test_32_what_the_user_allowed_is_for_that_host_and_that_run(
    names: None, certificate: trustme.LeafCert, kind: str, tmp_path: Path
) -> None:
    """The login goes to G or its own token server; another registry, and G in the next run, are asked about anew."""
    with Tokens(tls=certificate, anonymous=False) as auth, RegistryServer(content(), auth=BASIC) as other:
        wanted = BASIC if kind == "basic" else auth.auth(f"https://registry.test:{auth.port}/token")
        with V1Server(auth=BASIC) if kind == "v1" else RegistryServer(content(), auth=wanted) as good:
            host, second = f"registry.test:{good.port}", f"second.test:{other.port}"
            folders = trusting(tmp_path / "certs.d", f"registry.test:{auth.port}")
            for run in ("this", "next"):
                async with registries_of(docker_login(tmp_path, host, second), certs_dir=folders) as registries:
                    assert problem(await shown_tags(registries, f"http://{host}")).asks is Asks.UNSAFE_LOGIN
                    if run == "next":
                        break
                    assert LOGIN.basic not in secrets_at(good) + authorizations(auth)
                    accounts = registries.accounts(parse_registry_address(f"http://{host}"))
                    assert await accounts.unsafe_words() == "plain HTTP"
                    await accounts.allow_unsafe()
                    assert (await shown_tags(registries, f"http://{host}")).phase is Phase.READY
                    assert LOGIN.basic in (authorizations(auth) if kind == "bearer" else secrets_at(good))
                    assert problem(await shown_tags(registries, f"http://{second}")).asks is Asks.UNSAFE_LOGIN
        assert_learnt_nothing(other)


async def test_32_a_login_that_is_typed_in_is_not_tried_over_plain_http(names: None, tmp_path: Path) -> None:
    with RegistryServer(content(), auth=BASIC) as good:
        address = parse_registry_address(f"http://registry.test:{good.port}")
        async with registries_of() as registries:
            with pytest.raises(UnsafeLoginError):
                await registries.accounts(address).log_in(USER, PASSWORD)
        assert good.requests
        assert_learnt_nothing(good)


# 33: what is not verified excuses nobody else


async def test_33_an_unverified_registry_does_not_excuse_where_it_leads(certificate: trustme.LeafCert) -> None:
    with (
        RegistryServer(content(), tls=certificate) as good,
        Attacker(tls=certificate) as evil,
    ):
        good.fault(TAG, redirect=f"{evil.url}{MANIFEST}", times=None)
        async with reaching(good, endpoints=[APIEndpoint(good.url, tls_config=UNVERIFIED)]) as client:
            with pytest.raises(TLSFailureError, match=f"The certificate of {evil.address} is not accepted"):
                await get(client)
    assert evil.requests == []


async def test_33_an_unverified_registry_does_not_excuse_a_foreign_token_server(
    names: None, certificate: trustme.LeafCert
) -> None:
    with (
        Tokens(tls=certificate) as foreign,
        RegistryServer(
            content(), tls=certificate, auth=foreign.auth(f"https://evil.test:{foreign.port}/token")
        ) as good,
    ):
        address = f"registry.test:{good.port}"
        endpoint = APIEndpoint(f"https://{address}", tls_config=UNVERIFIED)
        async with reaching(address, endpoints=[endpoint]) as client:
            with pytest.raises(TLSFailureError, match=f"The certificate of evil.test:{foreign.port} is not accepted"):
                await get(client)
    assert foreign.requests == []


async def test_33_nor_the_same_registry_where_it_is_to_be_verified(
    names: None, certificate: trustme.LeafCert, tmp_path: Path
) -> None:
    """In one run, first as an insecure registry, then spelled with https."""
    with RegistryServer(content(), tls=certificate, auth=BASIC) as good:
        good.fault(TAG, headers={"Connection": "keep-alive"})
        address = f"registry.test:{good.port}"
        async with registries_of(docker_login(tmp_path, address), insecure=[address]) as registries:
            assert "not safe" in problem(await shown_tags(registries, address)).sentence
            before = len(good.requests)
            told = problem(await shown_tags(registries, f"https://{address}"))
    assert "is not accepted" in told.sentence
    assert len(good.requests) == before
    assert_learnt_nothing(good)


async def test_33_two_clients_share_no_connection(certificate: trustme.LeafCert) -> None:
    """Of the same registry at the same time, one of which must not accept it."""
    with RegistryServer(content(), tls=certificate) as good:
        async with (
            reaching(good, endpoints=[APIEndpoint(good.url, tls_config=UNVERIFIED)]) as first,
            reaching(good, endpoints=[APIEndpoint(good.url)]) as second,
        ):
            await get(first)
            with pytest.raises(TLSFailureError):
                await get(second)
    assert len(good.requests) == 1


# 34: the environment


PROXY_LOGIN: Final = "proxy-user:proxy-pass"


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `~/.netrc` with the canary's login for everybody."""
    netrc = "machine 127.0.0.1 login canary-user password canary-pass\ndefault login canary-user password canary-pass\n"
    for name in (".netrc", "_netrc"):
        (tmp_path / name).write_text(netrc)
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))


def set_proxy(monkeypatch: pytest.MonkeyPatch, proxy: ProxyServer, scheme: str = "http") -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        for spelled in (name, name.lower()):
            monkeypatch.setenv(spelled, f"{scheme}://{PROXY_LOGIN}@{proxy.address}")


def assert_no_proxy_seen(*servers: RegistryServer | Server) -> None:
    pair = base64.b64encode(PROXY_LOGIN.encode()).decode()
    for seen in map(seen_at, servers):
        assert [word for word in ("proxy", "basic ", pair.lower()) if word in seen.lower()] == []


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
@pytest.mark.parametrize("kind", ["basic", "bearer"])
async def test_34_a_proxy_s_login_is_seen_by_the_proxy_alone_and_netrc_by_nobody(
    names: None, netrc: None, tokens: Tokens, kind: str, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G sees no proxy's password, and none of `~/.netrc`; nor does its token server, which the proxy leads to too."""
    auth = BASIC if kind == "basic" else tokens.auth(f"http://registry.test:{tokens.port}/token")
    with (
        ProxyServer("http" if scheme == "http" else "socks5", login=PROXY_LOGIN) as proxy,
        RegistryServer(content(), auth=auth) as good,
    ):
        set_proxy(monkeypatch, proxy, scheme)
        address = f"http://registry.test:{good.port}"
        async with registries_of(docker_login(tmp_path), log=tmp_path / "log") as registries:
            states = [await shown_tags(registries, address), await shown_catalog(registries, address)]
    assert {state.phase for state in states} == ({Phase.FAILED} if kind == "basic" else {Phase.READY})
    assert_no_proxy_seen(good, tokens)
    assert_learnt_nothing(tokens)
    assert any(f"registry.test:{good.port}" in line for line in proxy.lines)
    assert good.requests
    assert any(f"registry.test:{tokens.port}" in line for line in proxy.lines) == (kind == "bearer")
    log = (tmp_path / "log").read_text()
    assert f"proxy {proxy.address} (http_proxy)" in log
    assert "proxy-pass" not in log
    assert "proxy-user" not in log


@pytest.mark.parametrize("kind", ["v2", "v1"])
async def test_34_over_tls_the_proxy_sees_no_login_of_the_registry(
    names: None, certificate: trustme.LeafCert, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for connections, and what goes over them is none of its business."""
    with (
        ProxyServer(login=PROXY_LOGIN) as proxy,
        RegistryServer(content(), tls=certificate, auth=BASIC)
        if kind == "v2"
        else V1Server(tls=certificate, auth=BASIC) as good,
    ):
        set_proxy(monkeypatch, proxy)
        host = f"registry.test:{good.port}"
        folders = trusting(tmp_path / "certs.d", host)
        async with registries_of(docker_login(tmp_path, host), certs_dir=folders) as registries:
            assert (await shown_tags(registries, host)).phase is Phase.READY
    assert LOGIN.basic in secrets_at(good)
    assert set(proxy.lines) == {f"CONNECT {host}"}
    seen = " ".join(asked.head for asked in proxy.asked)
    assert LOGIN.basic not in seen
    assert "\r\nAuthorization" not in seen


async def test_34_loopback_and_whom_no_proxy_has_are_not_asked_for_at_the_proxy(
    names: None, netrc: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole table is that of `tests/registry/test_proxies.py`."""
    with ProxyServer(login=PROXY_LOGIN) as proxy, RegistryServer(content()) as good:
        set_proxy(monkeypatch, proxy)
        monkeypatch.setenv("NO_PROXY", f"10.0.0.0/8,registry.test:{good.port}")
        for host in ("127.0.0.1", "localhost", "registry.test"):
            async with registries_of() as registries:
                assert (await shown_tags(registries, f"http://{host}:{good.port}")).phase is Phase.READY
    assert proxy.asked == []
    assert_no_proxy_seen(good)


async def test_34_a_proxy_that_refuses_is_told_without_its_login(
    names: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProxyServer(login="another:login") as proxy, RegistryServer(content()) as good:
        set_proxy(monkeypatch, proxy)
        async with registries_of(log=tmp_path / "log") as registries:
            state = await shown_tags(registries, f"registry.test:{good.port}")
    told = problem(state)
    assert f"The proxy {proxy.address} (https_proxy) does not accept" in told.sentence
    assert "add registry.test to NO_PROXY" in told.next_step
    assert "proxy-pass" not in f"{state!r} {(tmp_path / 'log').read_text()}"
    assert good.requests == []
