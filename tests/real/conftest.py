"""Real registries for tests: one of each kind for a whole run, and new ones for tests that stop or change them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.real.home import Home
from tests.real.images import push_images
from tests.real.registry import PASSWORD, USER, RealRegistry, StartRegistry, start_registry
from tests.real.tokens import TokenIssuer

_PACKAGES: Final = ("docker-registry", "skopeo", "umoci")
"""Debian's packages, each named as the program in it."""

_LOG_TAIL: Final = 6_000
_STARTED: Final = pytest.StashKey[list[RealRegistry]]()


@pytest.fixture(scope="session")
def pushed_storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry's storage with all images in it: served by the shared registries, copied for the others."""
    missing = [name for name in _PACKAGES if shutil.which(name) is None]
    if missing:
        reason = f"not installed: Debian's {' '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("images")
    (folder / "registry").mkdir()
    registry = start_registry(folder / "storage", folder / "registry")
    try:
        push_images(registry.address, folder)
    finally:
        registry.stop()
    return folder / "storage"


@pytest.fixture(scope="session")
def real_registry(pushed_storage: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """Plain http, no account. Shared: not to be stopped or changed."""
    yield from _running(start_registry(pushed_storage, tmp_path_factory.mktemp("plain")))


@pytest.fixture(scope="session")
def real_registry_basic(pushed_storage: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """Plain http, with an account (Basic). Shared: not to be stopped or changed."""
    yield from _running(start_registry(pushed_storage, tmp_path_factory.mktemp("basic"), basic=True))


@pytest.fixture(scope="session")
def real_registry_tls(pushed_storage: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """Https with a certificate of its own authority. Shared: not to be stopped or changed."""
    yield from _running(start_registry(pushed_storage, tmp_path_factory.mktemp("tls"), tls=True))


@pytest.fixture
def issuer() -> Iterator[TokenIssuer]:
    """A token server that knows one account, and lets anybody else only read `team/app`."""
    with TokenIssuer({USER: PASSWORD}, public=("team/app",)) as server:
        yield server


@pytest.fixture
def new_registry(pushed_storage: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StartRegistry]:
    """Start registries with the same images, for one test to stop or change."""
    started = request.node.stash[_STARTED] = list[RealRegistry]()

    def start(
        *, basic: bool = False, tls: bool = False, port: int = 0, issuer: TokenIssuer | None = None
    ) -> RealRegistry:
        scratch = tmp_path / f"registry-{len(started)}"
        shutil.copytree(pushed_storage, scratch / "storage")
        started.append(start_registry(scratch / "storage", scratch, basic=basic, tls=tls, port=port, issuer=issuer))
        return started[-1]

    yield start
    for registry in started:
        registry.stop()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Nobody has logged in here yet."""
    return Home(tmp_path / "home")


def _running(registry: RealRegistry) -> Iterator[RealRegistry]:
    yield registry
    registry.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the logs of the registries that a failed test used."""
    report = yield
    if report.failed:
        shared = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, RealRegistry)]
        for registry in shared + item.stash.get(_STARTED, []):
            text = registry.log.read_text(errors="replace")
            report.sections.append((f"log of {registry.url} ({registry.log})", text[-_LOG_TAIL:]))
    return report
