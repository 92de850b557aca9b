"""Which registries are insecure, and who is asked to find out (seed-registry-package.md §6)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry import resolving
from regbrowse.registry.service.config import IndexInfo, ServiceConfig
from regbrowse.registry.service.options import ServiceOptions
from tests.registry.service.resolvers import Known, never, nobody, not_to_be_asked


def config(*insecure: str, foreign: tuple[str, ...] = ()) -> ServiceConfig:
    return ServiceConfig.of(
        ServiceOptions(insecure_registries=list(insecure), allow_nondistributable_artifacts=list(foreign))
    )


RESOLVER = Known(
    localhost=["127.0.0.1", "::1"],
    six_corp=["fd00::1"],
    scoped_corp=["fe80::1%eth0"],
    mapped_corp=["::ffff:10.0.0.1"],
    both_corp=["192.0.2.1", "10.1.2.3"],
    registry_corp=["192.0.2.1"],
    odd_corp=["no address", ""],
)


@pytest.mark.parametrize(
    ("insecure", "name"),
    [
        ((), "localhost"),
        ((), "localhost:5000"),
        ((), "127.0.0.1"),
        ((), "127.0.0.1:"),
        ((), "127.0.0.1:5000"),
        ((), "127.99.0.1"),
        ((), "::ffff:127.0.0.1"),
        ((), "[::ffff:127.0.0.1]:5000"),
        (("registry.corp",), "registry.corp"),
        (("registry.corp:5000",), "registry.corp:5000"),
        (("Registry.corp",), "Registry.corp"),
        (("http://registry.corp",), "registry.corp"),
        (("10.0.0.1",), "10.0.0.1"),
        (("[fd00::1]",), "[fd00::1]"),
        (("[fd00::1]:5000",), "[fd00::1]:5000"),
        (("10.0.0.0/8",), "10.1.2.3:5000"),
        (("10.0.0.0/8",), "both.corp"),
        (("10.0.0.0/8",), "mapped.corp:5000"),
        (("::ffff:10.0.0.0/104",), "10.1.2.3"),
        (("192.0.2.9/24",), "registry.corp"),
        (("fd00::/8",), "six.corp"),
        (("fd00::/8",), "[fd00::1]:5000"),
        (("fe80::/10",), "scoped.corp"),
        (("fe80::/10",), "fe80::1%eth0"),
        (("::1/128",), "::1"),
        (("::1/128",), "[::1]:5000"),
        (("index.docker.io",), "index.docker.io"),
    ],
)
async def test_registry_is_insecure(insecure: tuple[str, ...], name: str) -> None:
    assert not await config(*insecure).is_secure(name, RESOLVER)


@pytest.mark.parametrize(
    ("insecure", "name"),
    [
        ((), "docker.io"),
        ((), "registry.corp"),
        ((), "::1"),
        ((), "[::1]:5000"),
        ((), "[::1]"),
        ((), "unknown.corp"),
        ((), ""),
        (("docker.io",), "docker.io"),
        (("0.0.0.0/0",), "docker.io"),
        (("registry.corp",), "registry.corp:5000"),
        (("registry.corp:5000",), "registry.corp"),
        (("registry.corp",), "Registry.corp"),
        (("Registry.corp",), "registry.corp"),
        (("corp",), "registry.corp"),
        (("10.0.0.1",), "10.0.0.1:5000"),
        (("10.0.0.0/8",), "11.0.0.1"),
        (("10.0.0.0/8",), "registry.corp"),
        (("10.0.0.0/8",), "odd.corp"),
        (("10.0.0.0/8", "::/0"), "unknown.corp"),
        (("fd00::1",), "[fd00::1]"),
        (("::/0",), "[::1]"),
        (("::/0",), "10.0.0.1"),
    ],
)
async def test_registry_is_secure(insecure: tuple[str, ...], name: str) -> None:
    assert await config(*insecure).is_secure(name, RESOLVER)


@pytest.mark.parametrize(
    "name", ["docker.io", "registry.corp:5000", "127.0.0.1:5000", "192.0.2.1", "::1", "[fd00::1]:5000"]
)
async def test_configured_index_and_address_are_not_looked_up(name: str) -> None:
    await config("registry.corp:5000").is_secure(name, not_to_be_asked)


@pytest.mark.parametrize(("name", "host"), [("registry.corp:5000", "registry.corp"), ("localhost", "localhost")])
async def test_host_is_looked_up_once_without_its_port(name: str, host: str) -> None:
    resolver = Known()
    await config("10.0.0.0/8", "fd00::/8").is_secure(name, resolver)
    assert resolver.asked == [host]


async def test_host_that_has_no_answer_in_time_is_secure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "RESOLVE_WITHIN", 0.0)
    assert await config("0.0.0.0/0").is_secure("registry.corp", never)


async def test_look_up_that_is_not_wanted_any_more_ends() -> None:
    task = asyncio.create_task(config().is_secure("registry.corp", never))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_entry_comes_before_a_range() -> None:
    said = ServiceConfig(index_configs={"10.0.0.1": IndexInfo("10.0.0.1", secure=True)}).is_secure
    assert await said("10.0.0.1", not_to_be_asked)


@given(st.text() | st.text(st.sampled_from("a1.:[]%/-"), max_size=8))
async def test_any_name_is_secure_or_not(name: str) -> None:
    assert await config("0.0.0.0/0", "::/0").is_secure(name, nobody) in (True, False)


# Foreign layers


@pytest.mark.parametrize(
    ("foreign", "host"),
    [
        (("registry.corp",), "registry.corp"),
        (("registry.corp:5000",), "registry.corp:5000"),
        (("10.0.0.0/8",), "10.1.2.3:5000"),
        (("10.0.0.0/8",), "both.corp"),
    ],
)
async def test_foreign_layers_may_go_there(foreign: tuple[str, ...], host: str) -> None:
    assert await config(foreign=foreign).allows_nondistributable_artifacts(host, RESOLVER)


@pytest.mark.parametrize(
    ("foreign", "host"),
    [
        ((), "registry.corp"),
        ((), "127.0.0.1"),
        (("registry.corp",), "registry.corp:5000"),
        (("registry.corp",), "Registry.corp"),
        (("10.0.0.0/8",), "registry.corp"),
        (("10.0.0.0/8",), "unknown.corp"),
    ],
)
async def test_foreign_layers_may_not_go_there(foreign: tuple[str, ...], host: str) -> None:
    assert not await config(foreign=foreign).allows_nondistributable_artifacts(host, RESOLVER)


@pytest.mark.parametrize("foreign", [(), ("registry.corp", "10.0.0.0/8")])
async def test_nobody_is_asked_where_no_range_decides(foreign: tuple[str, ...]) -> None:
    await config(foreign=foreign).allows_nondistributable_artifacts("registry.corp", not_to_be_asked)


async def test_insecure_registry_does_not_get_foreign_layers_for_that() -> None:
    said = config("registry.corp", "192.0.2.0/24")
    assert not await said.allows_nondistributable_artifacts("registry.corp", RESOLVER)
