"""An image's configuration: bytes → `ImageConfig`, tolerant, since builders differ and nothing here is acted upon."""

from __future__ import annotations

from typing import Final

from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import MalformedDocumentError
from regbrowse.registry.json_values import (
    Object,
    as_count,
    as_keys,
    as_list,
    as_object,
    as_text,
    as_text_map,
    as_texts,
    as_time,
    read_object,
)
from regbrowse.registry.models import Healthcheck, HistoryEntry, ImageConfig, Platform, RuntimeConfig

_WHAT: Final = "The image's configuration"


def parse_config(data: bytes) -> ImageConfig:
    """Read an image's configuration (image-spec, config.md, and Docker's additions to it).

    What is missing or of another type than it should be is empty in the result.

    Raises:
        MalformedDocumentError: It is not a JSON object.
        LimitExceededError: One of its lists is beyond anything sensible.
    """
    return image_config(read_object(data, _WHAT))


def image_config(values: Object) -> ImageConfig:
    """The configuration that `values` say; also those in a schema 1's `v1Compatibility`, which has the same names."""
    return ImageConfig(
        platform=platform(values),
        created=as_time(values.get("created")),
        author=as_text(values.get("author")),
        config=_runtime_config(as_object(values.get("config"))),
        diff_ids=_diff_ids(as_object(values.get("rootfs")).get("diff_ids")),
        history=tuple(_history_entry(as_object(entry)) for entry in as_list(values.get("history"), _WHAT)),
    )


def platform(values: Object) -> Platform:
    """What an index or a configuration says that the image runs on."""
    return Platform(
        os=as_text(values.get("os")),
        architecture=as_text(values.get("architecture")),
        variant=as_text(values.get("variant")),
        os_version=as_text(values.get("os.version")),
        os_features=as_texts(values.get("os.features"), "The platform"),
    )


def _history_entry(values: Object) -> HistoryEntry:
    return HistoryEntry(
        created_by=as_text(values.get("created_by"), multiline=True),
        created=as_time(values.get("created")),
        author=as_text(values.get("author")),
        comment=as_text(values.get("comment")),
        empty_layer=values.get("empty_layer") is True,
    )


def _runtime_config(values: Object) -> RuntimeConfig:
    return RuntimeConfig(
        user=as_text(values.get("User")),
        exposed_ports=as_keys(values.get("ExposedPorts"), _WHAT),
        env=as_texts(values.get("Env"), _WHAT),
        entrypoint=as_texts(values.get("Entrypoint"), _WHAT),
        cmd=as_texts(values.get("Cmd"), _WHAT),
        volumes=as_keys(values.get("Volumes"), _WHAT),
        working_dir=as_text(values.get("WorkingDir")),
        labels=as_text_map(values.get("Labels"), _WHAT, multiline=True),
        stop_signal=as_text(values.get("StopSignal")),
        shell=as_texts(values.get("Shell"), _WHAT),
        on_build=as_texts(values.get("OnBuild"), _WHAT),
        healthcheck=_healthcheck(values.get("Healthcheck")),
    )


def _healthcheck(value: object) -> Healthcheck | None:
    values = as_object(value)
    if not values:
        return None
    return Healthcheck(
        test=as_texts(values.get("Test"), _WHAT),
        interval=as_count(values.get("Interval")) or 0,
        timeout=as_count(values.get("Timeout")) or 0,
        start_period=as_count(values.get("StartPeriod")) or 0,
        retries=as_count(values.get("Retries")) or 0,
    )


def _diff_ids(value: object) -> tuple[Digest, ...]:
    try:
        return tuple(Digest.parse(entry) for entry in as_list(value, _WHAT))
    except MalformedDocumentError:  # they match the layers by position, so that some of them would be worse than none
        return ()
