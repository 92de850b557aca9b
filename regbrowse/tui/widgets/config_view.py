"""The Config tab: how a container of the image starts, and what its makers wrote on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from regbrowse.browser.states import ImageState, Phase
from regbrowse.registry.models import Healthcheck, ImageConfig, Index, Manifest
from regbrowse.registry.text import SafeText
from regbrowse.tui.widgets.cells import column, fits
from regbrowse.tui.widgets.image_view import ImageView, date_words, hanging, why_nothing
from regbrowse.tui.widgets.manifest_view import json_text
from regbrowse.tui.widgets.text_view import Line

_NAMES_AT_LEAST: Final = 12
_NAMES_AT_MOST: Final = 28
_INDENT: Final = 2
_SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A name and its value. `copy` is what a copy of it is, the value by default."""

    name: SafeText
    value: SafeText
    copy: SafeText


Section = tuple[str, Sequence[Entry]]


def config_lines(state: ImageState, width: int) -> list[Line]:
    """Lay the image's configuration and its annotations out in `width` cells."""
    if state.config is None and state.phase is Phase.LOADING:
        return []
    lines: list[Line] = []
    item = 0
    if state.config is None and state.raw_config:
        lines += json_text(state.raw_config, width)
        item = len(lines)
    elif state.config is None and state.phase is Phase.READY:
        lines.extend(hanging((), why_nothing(state, "configuration"), width, ink="muted"))
    for heading, entries in _sections(state):
        if not entries:
            continue
        if lines:
            lines.append(Line())
        lines.append(Line(((heading, "heading"),)))
        names = _name_cells(entries, width)
        for entry in entries:
            lines.extend(_entry_lines(entry, names, width, item))
            item += 1
    return lines


def _sections(state: ImageState) -> Iterator[Section]:
    if state.config:
        runtime = state.config.config
        yield "Start", tuple(_start(state.config))
        yield "Health check", tuple(_healthcheck(runtime.healthcheck)) if runtime.healthcheck else ()
        yield "Environment", tuple(map(_variable, runtime.env))
        yield "Labels", _named(runtime.labels)
    manifest = state.manifest.content if state.manifest else None
    if isinstance(manifest, Manifest):
        yield "Annotations of the manifest", _named(manifest.annotations)
    index = state.document.content if state.document else None
    if isinstance(index, Index):
        yield "Annotations of the index", _named(index.annotations)
    if state.config:
        yield "Build", tuple(_build(state.config))


def _start(config: ImageConfig) -> Iterator[Entry]:
    runtime = config.config
    yield from _given("Entrypoint", _array(runtime.entrypoint))
    yield from _given("Command", _array(runtime.cmd))
    yield from _given("User", runtime.user)
    yield from _given("Directory", runtime.working_dir)
    yield from _given("Ports", _listed(runtime.exposed_ports))
    yield from _given("Volumes", _listed(runtime.volumes))
    yield from _given("Stop signal", runtime.stop_signal)
    yield from _given("Shell", _array(runtime.shell))
    for trigger in runtime.on_build:
        yield from _given("On build", trigger)


def _healthcheck(check: Healthcheck) -> Iterator[Entry]:
    kind, rest = (check.test[0], check.test[1:]) if check.test else (SafeText(""), ())
    if kind == "NONE":
        yield from _given("Test", SafeText("switched off"))
    elif kind == "CMD-SHELL":
        yield from _given("Test", SafeText(" ".join(rest)))
    else:
        yield from _given("Test", _array(rest if kind == "CMD" else check.test))
    yield from _given("Every", _seconds(check.interval))
    yield from _given("Time-out", _seconds(check.timeout))
    yield from _given("Start period", _seconds(check.start_period))
    yield from _given("Retries", SafeText(check.retries or ""))


def _build(config: ImageConfig) -> Iterator[Entry]:
    platform = config.platform
    yield from _given("Platform", SafeText(platform) if platform.is_known else SafeText(""))
    yield from _given("OS version", platform.os_version)
    yield from _given("OS features", _listed(platform.os_features))
    yield from _given("Created", date_words(config.created) if config.created else SafeText(""))
    yield from _given("Author", config.author)


def _given(name: str, value: SafeText) -> Iterator[Entry]:
    """An entry, unless there is nothing to say."""
    if value:
        yield Entry(SafeText(name), value, value)


def _named(values: Mapping[SafeText, SafeText]) -> tuple[Entry, ...]:
    return tuple(Entry(name, value, value) for name, value in values.items())


def _variable(text: SafeText) -> Entry:
    name, _, value = text.partition("=")
    return Entry(SafeText(name), SafeText(value), text)


def _array(arguments: Iterable[SafeText]) -> SafeText:
    """A command as a Dockerfile's JSON array, in which no argument's edge is lost."""
    words = list(arguments)
    return SafeText(json.dumps(words, ensure_ascii=False)) if words else SafeText("")


def _listed(values: Iterable[SafeText]) -> SafeText:
    return SafeText(", ".join(values))


def _seconds(nanoseconds: int) -> SafeText:
    return SafeText(f"{nanoseconds / _SECOND:g} s" if nanoseconds else "")


def _name_cells(entries: Sequence[Entry], width: int) -> int:
    """The cells of the column of names: as many as the longest of those takes that are not longer than is good."""
    most = max(min(_NAMES_AT_MOST, width // 3), 1)
    fitting = [cell_len(entry.name) for entry in entries if fits(entry.name, most)]
    return max(min(_NAMES_AT_LEAST, most), *fitting, 0)


def _entry_lines(entry: Entry, names: int, width: int, item: int) -> Iterator[Line]:
    indent = " " * _INDENT
    if fits(entry.name, names):
        before = ((indent, "plain"), (column(entry.name, names + 2), "muted"))
        yield from hanging(before, entry.value, width, item=item, copy=entry.copy)
        return
    yield from hanging(((indent, "plain"),), entry.name, width, ink="muted", item=item, copy=entry.copy)
    yield from hanging(((indent * 2, "plain"),), entry.value, width, item=item, copy=entry.copy)


class ConfigView(ImageView):
    """How a container of the image starts: entrypoint, environment, ports, labels."""

    def image_lines(self, state: ImageState, width: int) -> list[Line]:
        return config_lines(state, width)
