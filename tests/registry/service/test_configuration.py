"""The service's options and what becomes of them (seed-registry-package.md §2, §5 and §17.6)."""

from __future__ import annotations

import json
from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.service.config import IndexInfo, ServiceConfig
from regbrowse.registry.service.insecure import (
    parse_cidr,
    read_insecure_registries,
    read_nondistributable_artifacts,
    split_host_port,
)
from regbrowse.registry.service.options import ServiceOptions

CANARY = "s3cr3t-canary"
LOOPBACK = IPv4Network("127.0.0.0/8")
DOCKER_HUB = IndexInfo("docker.io", secure=True, official=True)


def insecure(*entries: str) -> ServiceConfig:
    return ServiceConfig.of(ServiceOptions(insecure_registries=list(entries)))


def told(error: BaseException) -> str:
    return f"{error!r} {error} {getattr(error, 'next_step', '')}"


# Mirrors


def test_mirrors_are_checked_and_each_is_there_once() -> None:
    options = ServiceOptions(mirrors=["https://b.corp", "https://a.corp/", "https://b.corp/", "HTTPS://b.corp"])
    assert ServiceConfig.of(options).mirrors == ("https://b.corp/", "https://a.corp/", "HTTPS://b.corp/")


def test_mirrors_are_docker_hubs() -> None:
    config = ServiceConfig.of(ServiceOptions(mirrors=["https://a.corp"], insecure_registries=["registry.corp"]))
    assert config.index_configs == {
        "registry.corp": IndexInfo("registry.corp", secure=False),
        "docker.io": IndexInfo("docker.io", ("https://a.corp/",), secure=True, official=True),
    }


def test_other_mirrors_replace_the_former_ones() -> None:
    before = ServiceConfig.of(ServiceOptions(mirrors=["https://a.corp"], insecure_registries=["registry.corp"]))
    after = before.with_mirrors(["https://b.corp"])
    assert after.mirrors == after.index_configs["docker.io"].mirrors == ("https://b.corp/",)
    assert after.index_configs["registry.corp"] == before.index_configs["registry.corp"]


# Insecure registries


def test_nothing_said_leaves_loopback_and_the_hub() -> None:
    assert ServiceConfig.of(ServiceOptions()) == ServiceConfig()
    assert ServiceConfig().insecure_registry_cidrs == (LOOPBACK,)
    assert ServiceConfig().index_configs == {"docker.io": DOCKER_HUB}


def test_ranges_keep_their_order_and_loopback_comes_last() -> None:
    config = insecure("42.42.42.42/8", "10.0.0.0/8", "10.1.2.3/8", "fd00::1/8")
    assert [str(cidr) for cidr in config.insecure_registry_cidrs] == [
        "42.0.0.0/8",
        "10.0.0.0/8",
        "fd00::/8",
        "127.0.0.0/8",
    ]


def test_loopback_that_is_said_is_there_once() -> None:
    assert insecure("127.9.9.9/8").insecure_registry_cidrs == (LOOPBACK,)


def test_range_of_mapped_addresses_is_one_of_ipv4() -> None:
    assert insecure("::ffff:10.0.0.0/104").insecure_registry_cidrs == (IPv4Network("10.0.0.0/8"), LOOPBACK)


@pytest.mark.parametrize(
    "host",
    [
        "registry.corp",
        "registry.corp:5000",
        "Registry.CORP",
        "registry.corp:0",
        "registry.corp:65535",
        "registry",
        "10.0.0.1",
        "10.0.0.1:5000",
        "::1",
        "fd00::1",
        "[::1]:5000",
        "[::1]",
        "index.docker.io",
    ],
)
def test_host_is_an_insecure_index_spelled_as_it_is(host: str) -> None:
    assert insecure(host).index_configs[host] == IndexInfo(host, secure=False)
    assert insecure(host).insecure_registry_cidrs == (LOOPBACK,)


def test_docker_hub_is_never_insecure() -> None:
    assert insecure("docker.io").index_configs == {"docker.io": DOCKER_HUB}


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("http://registry.corp", "registry.corp"),
        ("https://registry.corp:5000", "registry.corp:5000"),
        ("HtTp://registry.corp", "registry.corp"),
    ],
)
def test_scheme_before_a_host_is_dropped(entry: str, host: str) -> None:
    assert host in insecure(entry).index_configs


def test_scheme_before_a_range_is_dropped() -> None:
    assert IPv4Network("10.0.0.0/8") in insecure("https://10.0.0.0/8").insecure_registry_cidrs


def test_dropped_scheme_is_told() -> None:
    assert insecure("http://registry.corp", "other.corp").notices == (
        "The http:// before the insecure registry registry.corp has no meaning.",
    )


@pytest.mark.parametrize("entry", ["ftp://registry.corp", "http://http://registry.corp", "://registry.corp"])
def test_other_scheme_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"insecure registry .* should not contain '://'"):
        insecure(entry)


@pytest.mark.parametrize("entry", ["-registry.corp", "registry.corp-", "-10.0.0.0/8"])
def test_hyphen_at_an_end_of_an_entry_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError, match="Cannot begin or end with a hyphen"):
        insecure(entry)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "http://",
        "http://-registry.corp",
        "registry.corp/",
        "registry.corp/path",
        "registry.corp:",
        "registry.corp:port",
        " registry.corp",
        "two words",
        "a,b",
        "a_b",
        "10/8",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/8/8",
        "::1/129",
        "[::1",
        "[:::]",
        "[::1]/128",
        "fe80::1%eth0/64",
        "1.2.3.4::5",
        "registry.corp\n",
        "é.corp",
    ],
)
def test_entry_that_is_no_host_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError, match=r'insecure registry .* ?is not valid: invalid host "'):
        insecure(entry)


@pytest.mark.parametrize(
    "entry",
    ["registry.corp:65536", "10.0.0.1:65536", "[::1]:65536", "[::1]:port", "10.0.0.1:-1", f"a.corp:{'9' * 5_000}"],
)
def test_port_that_is_none_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError, match=r'insecure registry .* is not valid: invalid port "'):
        insecure(entry)


@pytest.mark.parametrize(
    "entry",
    [
        f"https://user:{CANARY}@registry.corp",
        f"ftp://user:{CANARY}@registry.corp",
        f"user:{CANARY}@registry.corp",
        f"10.0.0.1:{CANARY}@registry.corp",
        f"registry.corp?token={CANARY}",
        f"user:{CANARY}@registry.corp-",
    ],
)
def test_secret_in_an_entry_is_not_repeated(entry: str) -> None:
    for read in (read_insecure_registries, read_nondistributable_artifacts):
        with pytest.raises(ConfigError) as raised:
            read([entry])
        assert CANARY not in told(raised.value)


def test_other_insecure_registries_replace_the_former_ones() -> None:
    before = ServiceConfig.of(
        ServiceOptions(["https://a.corp"], ["http://registry.corp", "10.0.0.0/8"], False, ["foreign.corp"])
    )
    after = before.with_insecure_registries(["other.corp"])
    assert set(after.index_configs) == {"other.corp", "docker.io"}
    assert after.insecure_registry_cidrs == (LOOPBACK,)
    assert after.index_configs["docker.io"].mirrors == after.mirrors == ("https://a.corp/",)
    assert after.allow_nondistributable_artifacts_hostnames == ("foreign.corp",)
    assert after.notices == ()


ENTRIES = st.lists(
    st.text(max_size=6)
    | st.sampled_from(["registry.corp", "http://registry.corp:5000", "10.0.0.0/8", "::1", "docker.io", "a:b", "-"])
    | st.ip_addresses().map(str)
    | st.tuples(st.ip_addresses(), st.integers(0, 130)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
    max_size=4,
)


@given(ENTRIES)
def test_any_entries_are_read_or_a_configuration_error(entries: list[str]) -> None:
    try:
        config = insecure(*entries)
    except ConfigError:
        return
    assert config.index_configs["docker.io"] == DOCKER_HUB
    assert LOOPBACK in config.insecure_registry_cidrs
    again = [*config.index_configs, *map(str, config.insecure_registry_cidrs)]
    assert config.with_insecure_registries(again).to_json() == config.to_json()


@given(st.ip_addresses(), st.integers(0, 128))
def test_range_is_that_of_its_network(address: object, length: int) -> None:
    cidr = parse_cidr(f"{address}/{length}")
    if cidr is None:
        assert length > 32
        assert "." in str(address)
    elif isinstance(cidr, IPv6Network) or ":" not in str(address):
        assert cidr == ip_network(f"{address}/{length}", strict=False)
    assert cidr is None or parse_cidr(str(cidr)) == cidr


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("registry.corp:5000", ("registry.corp", "5000")),
        ("registry.corp", ("registry.corp", "")),
        ("127.0.0.1:", ("127.0.0.1", "")),
        ("[::1]:5000", ("::1", "5000")),
        ("[::1]", ("[::1]", "")),
        ("::1", ("::1", "")),
        ("a:b:c", ("a:b:c", "")),
        ("[a]b:1", ("[a]b:1", "")),
        ("a]:1", ("a]:1", "")),
        ("[a:1", ("[a:1", "")),
        (":5000", ("", "5000")),
        (":", ("", "")),
        ("[]:1", ("", "1")),
        ("", ("", "")),
    ],
)
def test_text_that_cannot_be_split_is_a_host_as_a_whole(text: str, split: tuple[str, str]) -> None:
    assert split_host_port(text) == split


# Registries that foreign layers may go to


def test_registries_for_foreign_layers_are_hosts_and_ranges_each_once() -> None:
    options = ServiceOptions(
        allow_nondistributable_artifacts=["a.corp:5000", "10.0.0.1/8", "a.corp:5000", "10.0.0.0/8", "::1"]
    )
    config = ServiceConfig.of(options)
    assert config.allow_nondistributable_artifacts_hostnames == ("a.corp:5000", "::1")
    assert config.allow_nondistributable_artifacts_cidrs == (IPv4Network("10.0.0.0/8"),)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("http://a.corp", "should not contain '://'"),
        ("HTTPS://a.corp", "should not contain '://'"),
        ("a.corp/path", "is not valid: invalid host"),
        ("a.corp:65536", "is not valid: invalid port"),
    ],
)
def test_entry_for_foreign_layers_that_is_wrong_is_refused(entry: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"allow-nondistributable-artifacts registry .* {reason}"):
        ServiceConfig().with_nondistributable_artifacts([entry])


def test_hyphen_at_an_end_of_an_entry_for_foreign_layers_is_refused() -> None:
    with pytest.raises(ConfigError, match="Cannot begin or end with a hyphen"):
        ServiceConfig().with_nondistributable_artifacts(["a.corp-"])


def test_other_registries_for_foreign_layers_replace_the_former_ones() -> None:
    before = ServiceConfig.of(
        ServiceOptions(insecure_registries=["http://b.corp"], allow_nondistributable_artifacts=["a.corp", "10.0.0.0/8"])
    )
    after = before.with_nondistributable_artifacts(["c.corp"])
    assert after.allow_nondistributable_artifacts_hostnames == ("c.corp",)
    assert after.allow_nondistributable_artifacts_cidrs == ()
    assert (after.index_configs, after.notices) == (before.index_configs, before.notices)


# Nothing is swallowed


@pytest.mark.parametrize(
    "options",
    [
        ServiceOptions(mirrors=["https://a.corp", "mirror"]),
        ServiceOptions(insecure_registries=["a.corp", "b/c"]),
        ServiceOptions(allow_nondistributable_artifacts=["a.corp", "b/c"]),
    ],
    ids=["mirror", "insecure registry", "registry for foreign layers"],
)
def test_wrong_option_raises(options: ServiceOptions) -> None:
    with pytest.raises(ConfigError):
        ServiceConfig.of(options)


# JSON


def test_configuration_is_written_with_the_keys_of_dockers_api() -> None:
    assert ServiceConfig.of(
        ServiceOptions(["https://a.corp"], ["registry.corp", "10.0.0.0/8"], True, ["foreign.corp"])
    ).to_json() == {
        "AllowNondistributableArtifactsCIDRs": [],
        "AllowNondistributableArtifactsHostnames": ["foreign.corp"],
        "InsecureRegistryCIDRs": ["10.0.0.0/8", "127.0.0.0/8"],
        "IndexConfigs": {
            "registry.corp": {"Name": "registry.corp", "Mirrors": [], "Secure": False, "Official": False},
            "docker.io": {"Name": "docker.io", "Mirrors": ["https://a.corp/"], "Secure": True, "Official": True},
        },
        "Mirrors": ["https://a.corp/"],
    }


def test_configuration_is_read_as_it_was_written() -> None:
    config = ServiceConfig.of(
        ServiceOptions(["https://a.corp"], ["registry.corp", "10.0.0.0/8", "fd00::/8"], False, ["f.corp", "::1/128"])
    )
    assert ServiceConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_host_bits_of_a_range_are_dropped_in_json() -> None:
    config = ServiceConfig.from_json({"InsecureRegistryCIDRs": ["42.42.42.42/8"]})
    assert config.insecure_registry_cidrs == (IPv4Network("42.0.0.0/8"),)


@pytest.mark.parametrize("text", ["10.0.0.1", "10/8", "10.0.0.0/255.0.0.0", "x", ""])
@pytest.mark.parametrize("key", ["InsecureRegistryCIDRs", "AllowNondistributableArtifactsCIDRs"])
def test_range_that_is_none_is_refused_in_json(key: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} has “{text}”"):
        ServiceConfig.from_json({key: [text]})


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"Mirrors": "x"},
        {"IndexConfigs": []},
        {"IndexConfigs": {"a": []}},
        {"IndexConfigs": {"a": {"Secure": 1}}},
        {"InsecureRegistryCIDRs": [5]},
    ],
)
def test_configuration_of_a_wrong_shape_is_refused(value: object) -> None:
    with pytest.raises(ConfigError):
        ServiceConfig.from_json(value)


def test_configuration_cannot_be_changed_through_its_indexes() -> None:
    with pytest.raises(TypeError):
        ServiceConfig().index_configs["x"] = DOCKER_HUB  # type: ignore[index]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("10.0.0.0/8"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*ServiceConfig().to_json(), "Name", "Secure"]), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_or_a_configuration_error(value: object) -> None:
    for kind in (ServiceConfig, IndexInfo):
        try:
            found = kind.from_json(value)
        except ConfigError:
            continue
        assert kind.from_json(json.loads(json.dumps(found.to_json()))) == found
