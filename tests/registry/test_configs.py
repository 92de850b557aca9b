"""An image's configuration is read as far as it makes sense."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.configs import parse_config
from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import LimitExceededError, MalformedDocumentError, RegistryError
from regbrowse.registry.models import Healthcheck, HistoryEntry, ImageConfig, Platform, RuntimeConfig
from regbrowse.registry.text import LINE_LIMIT, SafeText
from tests.registry.foreign_json import JSON

DIFF_ID = Digest.of(b"a layer")


def parse(value: object) -> ImageConfig:
    return parse_config(json.dumps(value).encode())


def test_a_whole_configuration_is_read() -> None:
    config = parse(
        {
            "architecture": "arm64",
            "os": "linux",
            "variant": "v8",
            "created": "2026-11-21T14:02:00.123456789+02:00",
            "author": "Ada",
            "config": {
                "User": "app",
                "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
                "Env": ["A=1", "B=2"],
                "Entrypoint": ["/bin/app"],
                "Cmd": ["--serve"],
                "Volumes": {"/data": {}},
                "WorkingDir": "/srv",
                "Labels": {"a": "b"},
                "StopSignal": "SIGQUIT",
                "Shell": ["/bin/sh", "-c"],
                "OnBuild": ["RUN x"],
                "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5, "Timeout": 4, "StartPeriod": 3, "Retries": 2},
            },
            "rootfs": {"type": "layers", "diff_ids": [DIFF_ID]},
            "history": [{"created_by": "ADD x /", "comment": "c", "author": "Bob"}, {"empty_layer": True}],
        }
    )
    text = SafeText
    assert config == ImageConfig(
        platform=Platform(text("linux"), text("arm64"), text("v8")),
        created=datetime(2026, 11, 21, 12, 2, 0, 123456, UTC),
        author=text("Ada"),
        config=RuntimeConfig(
            user=text("app"),
            exposed_ports=(text("53/udp"), text("8080/tcp")),
            env=(text("A=1"), text("B=2")),
            entrypoint=(text("/bin/app"),),
            cmd=(text("--serve"),),
            volumes=(text("/data"),),
            working_dir=text("/srv"),
            labels={text("a"): text("b")},
            stop_signal=text("SIGQUIT"),
            shell=(text("/bin/sh"), text("-c")),
            on_build=(text("RUN x"),),
            healthcheck=Healthcheck((text("CMD"), text("true")), 5, 4, 3, 2),
        ),
        diff_ids=(DIFF_ID,),
        history=(
            HistoryEntry(text("ADD x /"), author=text("Bob"), comment=text("c")),
            HistoryEntry(empty_layer=True),
        ),
    )


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"config": None, "history": None, "rootfs": None, "created": None, "os": None, "author": None},
        {"config": [], "history": {}, "rootfs": "x", "created": 7, "os": ["linux"], "author": False},
        {
            "config": {
                "Env": None,
                "Entrypoint": None,
                "Cmd": None,
                "Labels": None,
                "ExposedPorts": None,
                "Volumes": None,
            }
        },
        {"config": {"Env": 7, "Cmd": {}, "Labels": [], "ExposedPorts": 7, "Healthcheck": None, "User": 0}},
        {"config": {"Env": [7, None, {}], "Labels": {"a": 1, "b": None, "c": {}}, "Healthcheck": {}}},
        {"name": "a Helm chart", "version": "1.2.3"},
    ],
)
def test_what_makes_no_sense_is_empty(value: object) -> None:
    assert parse(value) == ImageConfig(Platform(SafeText(""), SafeText("")))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-11-21T14:02:00Z", datetime(2026, 11, 21, 14, 2, tzinfo=UTC)),
        ("2026-11-21t14:02:00z", datetime(2026, 11, 21, 14, 2, tzinfo=UTC)),
        ("2026-11-21 14:02:00Z", datetime(2026, 11, 21, 14, 2, tzinfo=UTC)),
        ("2026-11-21T14:02:00.5Z", datetime(2026, 11, 21, 14, 2, 0, 500_000, UTC)),
        ("2026-11-21T14:02:00.999999999Z", datetime(2026, 11, 21, 14, 2, 0, 999_999, UTC)),
        ("2026-11-21T14:02:00.1234567890123Z", datetime(2026, 11, 21, 14, 2, 0, 123_456, UTC)),
        ("2026-11-21T14:02:00-05:30", datetime(2026, 11, 21, 19, 32, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("1980-01-01T00:00:01Z", datetime(1980, 1, 1, 0, 0, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-11-21T25:00:00Z", None),
        ("2026-11-21T14:02:00+99:00", None),
        ("2026-11-21T14:02:00", None),
        ("2026-11-21", None),
        ("20261121T140200Z", None),
        ("２０２６-11-21T14:02:00Z", None),
        ("yesterday", None),
        ("", None),
        (1_790_000_000, None),
        (None, None),
    ],
)
def test_a_time_is_utc_or_unknown(said: object, meant: datetime | None) -> None:
    assert parse({"created": said}).created == meant
    assert parse({"history": [{"created": said}]}).history[0].created == meant


@pytest.mark.parametrize(
    ("value", "read"), [("top -b", ("top -b",)), (["top", "-b"], ("top", "-b")), ([], ()), (["a", 1, "b"], ("a", "b"))]
)
def test_a_command_may_be_one_text(value: object, read: tuple[str, ...]) -> None:
    config = parse({"config": {"Cmd": value, "Entrypoint": value}}).config
    assert (config.cmd, config.entrypoint) == (read, read)


def test_ports_may_be_a_list() -> None:
    assert parse({"config": {"ExposedPorts": ["80/tcp"]}}).config.exposed_ports == ("80/tcp",)


@pytest.mark.parametrize("duration", [-1, 2**63, "5s", 1.5, True, None])
def test_a_duration_that_is_none_is_inherited(duration: object) -> None:
    healthcheck = parse({"config": {"Healthcheck": {"Test": "exit 0", "Interval": duration}}}).config.healthcheck
    assert healthcheck == Healthcheck((SafeText("exit 0"),))


def test_diff_ids_are_all_known_or_none() -> None:
    assert parse({"rootfs": {"diff_ids": [DIFF_ID, "sha256:../x"]}}).diff_ids == ()


def test_lines_stay_in_labels_and_commands_alone() -> None:
    config = parse(
        {
            "author": "a\nb",
            "config": {"Labels": {"k\n": "a\nb\x1b"}, "Env": ["A=1\n2"]},
            "history": [{"created_by": "RUN <<EOF\nx\nEOF", "comment": "a\nb"}],
        }
    )
    assert config.config.labels == {"k↵": "a\nb␛"}
    assert config.history[0].created_by == "RUN <<EOF\nx\nEOF"
    assert (config.author, config.config.env, config.history[0].comment) == ("a↵b", ("A=1↵2",), "a↵b")


def test_a_long_value_is_cut() -> None:
    assert parse({"author": "x" * 10_000}).author == "x" * LINE_LIMIT + "… +5,904"


def test_only_true_makes_a_layer_empty() -> None:
    values = [True, False, None, "true", 1]
    history = parse({"history": [{"empty_layer": value} for value in values]}).history
    assert [entry.empty_layer for entry in history] == [True, False, False, False, False]


def test_an_entry_that_is_no_object_is_still_a_step() -> None:
    assert parse({"history": [None, "x", {}]}).history == (HistoryEntry(),) * 3


@pytest.mark.parametrize("value", [None, [], "text", 7, True])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(MalformedDocumentError):
        parse(value)


@pytest.mark.parametrize("data", [b"", b"<html><title>Sign in</title>", b"[" * 100_000, b'{"author":"\xff"}'])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedDocumentError):
        parse_config(data)


@pytest.mark.parametrize(
    "value",
    [
        {"history": [{}] * 10_001},
        {"config": {"Env": [""] * 10_001}},
        {"config": {"Labels": {str(number): "" for number in range(10_001)}}},
        {"config": {"Volumes": {str(number): {} for number in range(10_001)}}},
        {"rootfs": {"diff_ids": [DIFF_ID] * 10_001}},
    ],
    ids=["history", "env", "labels", "volumes", "diff_ids"],
)
def test_more_entries_than_sensible_are_refused(value: object) -> None:
    with pytest.raises(LimitExceededError):
        parse(value)


CONFIG = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["os", "architecture", "variant", "os.version", "os.features", "created", "author"], JSON),
        "config": st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ["User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "Labels", "Shell", "Healthcheck"], JSON
            ),
        ),
        "rootfs": st.fixed_dictionaries({"diff_ids": st.lists(st.just(DIFF_ID) | JSON, max_size=3) | JSON}),
        "history": st.lists(
            st.fixed_dictionaries({}, optional=dict.fromkeys(["created_by", "created", "comment"], JSON)) | JSON
        ),
    },
)


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(RegistryError):
        assert isinstance(parse_config(data), ImageConfig)


@given(CONFIG)
def test_any_values_are_read_or_refused(value: dict[str, Any]) -> None:
    config = parse(value)
    assert config.created is None or config.created.tzinfo is UTC
