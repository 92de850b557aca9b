"""The lines of the Image pane's tabs, without a screen."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from regbrowse.browser.states import ImageState, Phase
from regbrowse.registry import media_types
from regbrowse.registry.digest import Digest
from regbrowse.registry.models import Healthcheck, HistoryEntry, ImageConfig, Platform, RuntimeConfig, Schema1, Step
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.widgets.config_view import config_lines
from regbrowse.tui.widgets.history_view import history_lines, history_titles
from regbrowse.tui.widgets.layers_view import layers_lines, short_media_type
from regbrowse.tui.widgets.line_widget import INKS
from regbrowse.tui.widgets.manifest_view import manifest_lines
from regbrowse.tui.widgets.text_view import Line
from tests.tui.widgets.images import CREATED, TARGET, configured, document, image, layer, named, step, texts

BIG, SMALL = layer(1, 28_100_000), layer(2, 7_000_000)
WIDE, THIN = 70, 40


def shown(lines: Sequence[Line]) -> list[str]:
    return ["".join(text for text, _ in line.pieces).rstrip() for line in lines]


def values(lines: Sequence[Line]) -> dict[str, str]:
    """The names and values of a configuration whose values take one line each."""
    rows = (re.split(" {2,}", line.strip(), maxsplit=1) for line in shown(lines) if line.startswith("  "))
    return {row[0]: row[1] for row in rows if len(row) == 2}


# History


def test_history_shows_size_bar_and_command_of_each_step() -> None:
    lines = shown(history_lines(image([step("ADD rootfs.tar /", BIG), step("RUN make", SMALL)]), WIDE))
    assert lines[0] == "28.1 MB  ████████  ADD rootfs.tar /"
    assert lines[2] == " 7.0 MB  ██        RUN make"


def test_history_has_no_bars_where_it_is_narrow() -> None:
    lines = shown(history_lines(image([step("ADD rootfs.tar /", BIG)]), THIN))
    assert lines[0] == "28.1 MB  ADD rootfs.tar /"


@pytest.mark.parametrize("width", [WIDE, THIN])
def test_the_titles_stand_over_their_columns(width: int) -> None:
    first = shown(history_lines(image([step("ADD rootfs.tar /", BIG)]), width))[0]
    titles = history_titles(width)[0][0]
    assert titles.index("STEP") == first.index("ADD")
    assert titles.index("SIZE") + 4 == first.index("MB") + 2


def test_an_empty_step_has_a_dash_for_its_size_and_is_muted() -> None:
    (line,) = history_lines(image([step("ENV APP=demo")]), WIDE)
    assert shown([line])[0].split() == ["–", "ENV", "APP=demo"]
    assert {ink for text, ink in line.pieces if text.strip()} == {"muted"}


def test_below_the_command_stand_the_layer_and_the_date() -> None:
    lines = shown(history_lines(image([step("RUN make", BIG, created=CREATED)]), WIDE))
    assert lines[1].strip() == f"{BIG.digest.short} · 2026-11-21 14:02"


def test_where_both_do_not_fit_the_digest_stands_alone() -> None:
    lines = shown(history_lines(image([step("RUN make", BIG, created=CREATED)]), THIN))
    assert lines[1].strip() == BIG.digest.short


def test_a_date_that_stands_for_none_is_said_to_be_none() -> None:
    undated = CREATED.replace(year=1970, month=1, day=1, hour=0, minute=0)
    lines = shown(history_lines(image([step("RUN make", BIG, created=undated)]), WIDE))
    assert lines[1].endswith("undated")


def test_a_long_command_goes_on_indented_on_further_lines() -> None:
    command = (
        "RUN /bin/sh -c apt-get update && apt-get install -y ca-certificates curl libssl3 zlib1g-dev make # buildkit"
    )
    lines = shown(history_lines(image([step(command, BIG)]), WIDE))
    left = lines[0].index("RUN")
    assert lines[0].endswith("RUN apt-get update")
    assert lines[1].index("&&") == left + 2
    assert lines[2].startswith(" " * (left + 4))
    assert max(map(len, lines)) <= WIDE


def test_a_layer_that_the_history_leaves_out_is_named_so() -> None:
    lines = shown(history_lines(image([Step(None, BIG, 0)]), WIDE))
    assert "layer without history" in lines[0]
    assert BIG.digest.short in lines[1]


def test_a_step_whose_layer_is_missing_says_so() -> None:
    lines = shown(history_lines(image([Step(HistoryEntry(safe_text("RUN make")))]), WIDE))
    assert lines[0].split() == ["?", "RUN", "make"]
    assert lines[1].strip() == "its layer is missing from the manifest"


def test_the_layers_of_a_schema_1_have_a_digest_and_no_size() -> None:
    digest = Digest.of(b"blob")
    lines = shown(history_lines(image([Step(HistoryEntry(safe_text("RUN make")), index=0, unsized=digest)]), WIDE))
    assert lines[0].split() == ["?", "RUN", "make"]
    assert lines[1].strip() == digest.short


def test_a_copy_of_a_step_is_the_command_as_it_was_recorded() -> None:
    recorded = "RUN /bin/sh -c make # buildkit"
    lines = history_lines(image([step(recorded, BIG)]), WIDE)
    assert {(line.copy, line.item) for line in lines} == {(recorded, 0)}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (image(), "This image has no history."),
        (image(artifact="Helm chart"), "Helm chart: an artifact of this kind has no history."),
        (ImageState(TARGET), ""),
        (ImageState(TARGET, Phase.FAILED), ""),
    ],
)
def test_an_image_without_history_says_why_once_it_is_read(state: ImageState, said: str) -> None:
    assert " ".join(shown(history_lines(state, WIDE))) == said


# Config


def test_the_configuration_says_how_a_container_starts() -> None:
    runtime = RuntimeConfig(
        user=safe_text("app"),
        exposed_ports=texts("80/tcp", "443/tcp"),
        env=texts("PATH=/bin", "EMPTY="),
        entrypoint=texts("/entry point"),
        cmd=texts("nginx", "-g", 'daemon "off";'),
        volumes=texts("/data"),
        working_dir=safe_text("/srv"),
        labels=named({"maintainer": "Ada"}),
        stop_signal=safe_text("SIGQUIT"),
        shell=texts("/bin/bash", "-c"),
    )
    found = values(config_lines(image(config=configured(runtime)), WIDE))
    assert found == {
        "Entrypoint": '["/entry point"]',
        "Command": '["nginx", "-g", "daemon \\"off\\";"]',
        "User": "app",
        "Directory": "/srv",
        "Ports": "80/tcp, 443/tcp",
        "Volumes": "/data",
        "Stop signal": "SIGQUIT",
        "Shell": '["/bin/bash", "-c"]',
        "PATH": "/bin",
        "maintainer": "Ada",
        "Platform": "linux/arm64/v8",
        "Created": "2026-11-21 14:02",
    }


@pytest.mark.parametrize(
    ("check", "found"),
    [
        (
            Healthcheck(texts("CMD-SHELL", "curl -f /"), 30_000_000_000, 1_500_000_000, 0, 3),
            {"Test": "curl -f /", "Every": "30 s", "Time-out": "1.5 s", "Retries": "3"},
        ),
        (Healthcheck(texts("CMD", "ok", "-v")), {"Test": '["ok", "-v"]'}),
        (Healthcheck(texts("NONE")), {"Test": "switched off"}),
        (Healthcheck((), start_period=5_000_000_000), {"Start period": "5 s"}),
    ],
)
def test_a_health_check_is_said_in_seconds(check: Healthcheck, found: dict[str, str]) -> None:
    config = replace(
        configured(RuntimeConfig(healthcheck=check)), platform=Platform(SafeText("unknown"), SafeText("unknown"))
    )
    assert values(config_lines(image(config=replace(config, created=None)), WIDE)) == found


def test_what_is_not_set_has_no_heading() -> None:
    config = ImageConfig(Platform(SafeText("linux"), SafeText("amd64")))
    assert shown(config_lines(image(config=config), WIDE)) == ["Build", "  Platform      linux/amd64"]


def test_annotations_of_manifest_and_index_stand_apart() -> None:
    state = image(config=configured(RuntimeConfig()), annotations={"a": "1"}, index_annotations={"b": "2"})
    lines = shown(config_lines(state, WIDE))
    assert lines[lines.index("Annotations of the manifest") + 1].split() == ["a", "1"]
    assert lines[lines.index("Annotations of the index") + 1].split() == ["b", "2"]


def test_an_artifact_says_that_it_has_no_configuration_and_shows_its_annotations() -> None:
    lines = shown(config_lines(image(artifact="Helm chart", annotations={"a": "1"}), WIDE))
    assert lines[0] == "Helm chart: an artifact of this kind has no configuration."
    assert lines[-1].split() == ["a", "1"]


def test_a_long_value_goes_on_under_its_beginning() -> None:
    lines = shown(config_lines(image(config=configured(RuntimeConfig(env=texts("WORDS=" + "word " * 30)))), WIDE))
    start = lines.index("Environment") + 1
    assert lines[start + 1].index("word") == lines[start].index("word")


def test_a_long_name_stands_on_a_line_of_its_own() -> None:
    labels = named({"org.opencontainers.image.documentation": "here"})
    lines = shown(config_lines(image(config=configured(RuntimeConfig(labels=labels))), THIN))
    start = lines.index("Labels") + 1
    assert lines[start : start + 2] == ["  org.opencontainers.image.documentation", "    here"]


def test_a_copy_of_a_variable_has_its_name() -> None:
    lines = config_lines(image(config=configured(RuntimeConfig(env=texts("A=b")))), WIDE)
    assert [line.copy for line in lines if line.item == 0] == ["A=b"]


# Layers


@pytest.mark.parametrize(
    ("media_type", "short"),
    [
        ("application/vnd.oci.image.layer.v1.tar+gzip", "tar+gzip"),
        ("application/vnd.oci.image.layer.v1.tar", "tar"),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "tar+zstd (not distributed)"),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", "tar+gzip"),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "tar+gzip (not distributed)"),
        ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "helm.chart.content.v1.tar+gzip"),
        ("text/plain", "text/plain"),
    ],
)
def test_a_media_type_is_shortened_to_what_tells_layers_apart(media_type: str, short: str) -> None:
    assert short_media_type(media_type) == short


@pytest.mark.parametrize(("width", "digest"), [(110, BIG.digest), (WIDE, BIG.digest.short), (42, BIG.digest.short)])
def test_a_layer_shows_as_much_of_its_digest_as_fits(width: int, digest: str) -> None:
    lines = shown(layers_lines(image(layers=[BIG]), width))
    words = lines[0].split()
    assert (words[:3], words[-2:]) == (["1", "28.1", "MB"], ["tar+gzip", digest])


def test_annotations_of_a_layer_stand_below_it_the_title_first() -> None:
    chart = layer(1, 10, annotations={"b": "2", "org.opencontainers.image.title": "chart.tgz"})
    lines = shown(layers_lines(image(layers=[chart]), WIDE))
    assert [line.strip() for line in lines[1:3]] == ["title chart.tgz", "b 2"]


def test_the_layers_end_with_their_total() -> None:
    lines = shown(layers_lines(image(layers=[BIG, SMALL]), WIDE))
    assert lines[-1].strip() == "35.1 MB in 2 layers, and 1.2 kB of configuration"


def test_the_layers_of_a_schema_1_are_of_unknown_size() -> None:
    digest = Digest.of(b"blob")
    old = Schema1(
        safe_text(media_types.DOCKER_SCHEMA1), SafeText("a"), SafeText("b"), (digest,), configured(RuntimeConfig())
    )
    lines = shown(layers_lines(ImageState(TARGET, Phase.READY, manifest=document(old)), 110))
    assert lines[0].split() == ["1", "?", digest]
    assert "does not say how large" in lines[-1]


# Manifest

RAW = json.dumps({"config": {"digest": BIG.digest, "size": 3, "none": None, "text": "word " * 40}}).encode()


def test_each_digest_of_the_manifest_is_a_link() -> None:
    lines = manifest_lines(image(raw=RAW), 120)
    assert [line.link for line in lines if line.link] == [BIG.digest]


def test_a_digest_that_goes_on_on_the_next_line_is_one_stop() -> None:
    lines = [line for line in manifest_lines(image(raw=RAW), THIN) if line.item is not None]
    assert [line.link for line in lines] == [BIG.digest, *[None] * (len(lines) - 1)]
    assert len(lines) > 1
    assert len({line.item for line in lines}) == 1


def test_the_manifest_is_coloured_by_kind() -> None:
    inks = {text: ink for line in manifest_lines(image(raw=RAW), 400) for text, ink in line.pieces}
    assert (inks['"size"'], inks["3"], inks["null"], inks[BIG.digest]) == ("key", "number", "number", "link")


def test_the_index_follows_the_manifest_that_was_found_in_it() -> None:
    lines = shown(manifest_lines(image(raw=RAW, index_annotations={}), WIDE))
    assert lines.index("{") < next(number for number, line in enumerate(lines) if line.startswith("OCI index"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type_inferred": True}, "told by its structure"),
        ({"warning": safe_text("The registry lies.")}, "The registry lies."),
    ],
)
def test_what_is_odd_about_a_document_is_said_above_it(change: dict[str, object], said: str) -> None:
    state = image(raw=RAW)
    assert state.manifest is not None
    odd = replace(state, manifest=replace(state.manifest, **change), document=None)  # type: ignore[arg-type]
    assert said in " ".join(shown(manifest_lines(odd, WIDE)))


# All of them

HOSTILE = "[bold]x[/] [@click=app.quit]y[/] 漢字"


@pytest.mark.parametrize("make", [history_lines, config_lines, layers_lines, manifest_lines])
@pytest.mark.parametrize("width", [1, 7, 40, 200])
def test_every_line_is_of_known_inks_and_hostile_text_is_literal_at_any_width(make: object, width: int) -> None:
    assert callable(make)
    odd = layer(1, 5, annotations={"note": HOSTILE}, media_type="application/odd")
    runtime = RuntimeConfig(env=texts(f"A={HOSTILE}"), labels=named({HOSTILE: "x"}))
    raw = json.dumps({"text": HOSTILE}, ensure_ascii=False).encode()
    nothing = Step(HistoryEntry())
    lines = make(image([step(f"RUN {HOSTILE}", odd), nothing], config=configured(runtime), raw=raw), width)
    assert {ink for line in lines for _, ink in line.pieces} <= INKS
    together = "".join(shown(lines)).replace(" ", "")
    assert width < 200 or HOSTILE.replace(" ", "") in together
