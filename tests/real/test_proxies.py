"""The whole program through Debian's tinyproxy and dante, to Docker's own registry behind them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.proxies import AT_THE_PROXY, PASSWORD, USER, RealProxy, dante, tinyproxy
from tests.real.registry import RealRegistry
from tests.terminal import Terminal


@pytest.fixture(scope="module")
def http_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProxy]:
    with tinyproxy(tmp_path_factory.mktemp("tinyproxy")) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def socks_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProxy]:
    with dante(tmp_path_factory.mktemp("dante")) as proxy:
        yield proxy


def host_of(registry: RealRegistry) -> str:
    return f"{AT_THE_PROXY}:{registry.address.rpartition(':')[2]}"


def check(home: Path, *arguments: str, **env: str) -> tuple[int, list[str]]:
    """The status and the lines of `regbrowse --check` with `env`."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "regbrowse", "--check", *arguments],
        env={**kept, "HOME": str(home), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = done.stdout + done.stderr
    assert PASSWORD not in said
    assert USER not in said
    return done.returncode, said.splitlines()


def with_login(proxy: RealProxy) -> str:
    return f"http://{USER}:{PASSWORD}@{proxy.address}"


def test_a_registry_is_reached_through_tinyproxy_with_its_password(
    real_registry: RealRegistry, http_proxy: RealProxy, tmp_path: Path
) -> None:
    host = host_of(real_registry)
    status, lines = check(tmp_path, f"http://{host}", HTTP_PROXY=with_login(http_proxy))
    assert status == 0
    assert f"proxy      {http_proxy.address} (HTTP_PROXY)" in lines
    assert "catalog    7 repositories" in lines
    assert AT_THE_PROXY in http_proxy.log.read_text()


def test_an_image_is_reached_over_tls_by_connect(
    real_registry_tls: RealRegistry, http_proxy: RealProxy, tmp_path: Path
) -> None:
    host = host_of(real_registry_tls)
    assert real_registry_tls.authority
    (tmp_path / "certs.d" / host).mkdir(parents=True)
    real_registry_tls.authority.cert_pem.write_to_path(str(tmp_path / "certs.d" / host / "ca.crt"))
    certs = ("--certs-dir", str(tmp_path / "certs.d"))
    status, lines = check(tmp_path, *certs, f"{host}/team/app:1.4.2", HTTPS_PROXY=with_login(http_proxy))
    assert status == 0
    assert f"reached    https://{host}/v2/" in lines
    assert any(line.startswith("manifest   sha256:") for line in lines)
    assert f"CONNECT {host}" in http_proxy.log.read_text()


def test_without_its_password_tinyproxy_lets_nobody_through(
    real_registry: RealRegistry, http_proxy: RealProxy, tmp_path: Path
) -> None:
    status, lines = check(tmp_path, f"http://{host_of(real_registry)}", http_proxy=f"http://{http_proxy.address}")
    assert status == 1
    assert any(
        f"The proxy {http_proxy.address} (http_proxy) wants a user name and a password" in line for line in lines
    )
    assert any(f"or add {AT_THE_PROXY} to NO_PROXY" in line for line in lines)


def test_with_a_wrong_password_tinyproxy_connects_to_nobody(
    real_registry_tls: RealRegistry, http_proxy: RealProxy, tmp_path: Path
) -> None:
    proxy = f"http://{USER}:another@{http_proxy.address}"
    status, lines = check(tmp_path, f"https://{host_of(real_registry_tls)}", HTTPS_PROXY=proxy)
    assert status == 1
    assert any("does not accept the user name and password that HTTPS_PROXY has" in line for line in lines)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_registry_is_reached_through_dante(
    real_registry: RealRegistry, socks_proxy: RealProxy, tmp_path: Path, scheme: str
) -> None:
    host = host_of(real_registry)
    proxy = f"{scheme}://{socks_proxy.address}"
    status, lines = check(tmp_path, f"http://{host}", ALL_PROXY=proxy)
    assert status == 0
    assert "catalog    7 repositories" in lines
    assert f"proxy      {socks_proxy.address} (ALL_PROXY)" in lines
    assert real_registry.address.rpartition(":")[2] in socks_proxy.log.read_text()


def test_dante_tells_that_nothing_is_there(socks_proxy: RealProxy, tmp_path: Path) -> None:
    status, lines = check(tmp_path, f"https://{AT_THE_PROXY}:1", ALL_PROXY=f"socks5h://{socks_proxy.address}")
    assert status == 1
    assert any(f"The proxy {socks_proxy.address} (ALL_PROXY) cannot reach {AT_THE_PROXY}" in line for line in lines)


def test_loopback_and_no_proxy_are_not_asked_for_at_a_proxy(real_registry: RealRegistry, tmp_path: Path) -> None:
    """Which is not even there."""
    host = host_of(real_registry)
    everywhere = {"HTTP_PROXY": "http://127.0.0.1:1"}
    status, lines = check(tmp_path, f"http://{real_registry.address}", **everywhere)
    assert (status, lines[1]) == (0, "proxy      none: loopback is always direct")
    status, lines = check(tmp_path, f"http://{host}", **everywhere, NO_PROXY=f"10.0.0.0/8,{host}")
    assert (status, lines[1]) == (0, f"proxy      none: NO_PROXY has {host}")


def test_a_person_browses_through_a_proxy(real_registry: RealRegistry, http_proxy: RealProxy) -> None:
    command = [sys.executable, "-m", "regbrowse", f"http://{host_of(real_registry)}"]
    with Terminal(command, columns=140, rows=40, env={"HTTP_PROXY": with_login(http_proxy)}) as terminal:
        terminal.wait_for("Repositories 7")
        terminal.press("c")
        terminal.wait_for(f"{http_proxy.address} (HTTP_PROXY)")
        assert PASSWORD not in terminal.text
