"""The servers of both origins, and names for them that are not this machine's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from tests.registry.reaching import USER
from tests.registry.tokens_world import Tokens, leaf
from tests.registry_server import RegistryServer
from tests.security.origins import BASIC, Attacker, content


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    """G's own token server."""
    with Tokens() as server:
        yield server


@pytest.fixture(params=["basic", "bearer"])
def good(request: pytest.FixtureRequest, tokens: Tokens) -> Iterator[RegistryServer]:
    """G, once with passwords and once with tokens."""
    with RegistryServer(content(), auth=BASIC if request.param == "basic" else tokens.auth(), etag=False) as server:
        yield server


@pytest.fixture
def bearer(tokens: Tokens) -> Iterator[RegistryServer]:
    """G with tokens."""
    with RegistryServer(content(), auth=tokens.auth(), etag=False) as server:
        yield server


@pytest.fixture
def evil() -> Iterator[Attacker]:
    """E."""
    with Attacker() as server:
        yield server


@pytest.fixture(scope="session")
def certificate() -> trustme.LeafCert:
    """For every name that the tests use."""
    return leaf("127.0.0.1", "registry.test", "second.test", "evil.test")


@pytest.fixture
def foreign(certificate: trustme.LeafCert) -> Iterator[Tokens]:
    """E, a token server that knows the canary's login and believes it."""
    with Tokens(tls=certificate) as server:
        server.refresh_tokens["canary-refresh"] = USER
        yield server


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names below `test` are all on this machine; beside it and `localhost`, no name is anywhere."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *others: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name.endswith(".test"):
            return real("127.0.0.1", *others, **more)
        if name[-1:].isalpha() and name != "localhost" and ":" not in name:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return real(host, *others, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
