"""The Image pane's lines for an image of a v1 registry, which has ids and parents in place of digests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import pytest

from regbrowse.browser.states import ImageState, Phase
from regbrowse.registry.models import HistoryEntry, ImageConfig, Platform, RuntimeConfig, Step, V1Layer
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.widgets.config_view import config_lines
from regbrowse.tui.widgets.history_view import history_lines
from regbrowse.tui.widgets.image_pane import summary_lines
from regbrowse.tui.widgets.layers_view import layers_lines
from regbrowse.tui.widgets.line_widget import INKS
from regbrowse.tui.widgets.manifest_view import manifest_lines
from regbrowse.tui.widgets.text_view import Line
from tests.tui.widgets.images import CREATED, TARGET, configured, texts

LOWEST, MIDDLE, NEWEST = "a1" * 32, "b2" * 32, "c3" * 32
WIDE, THIN = 70, 40
CONFIG: Final = configured(RuntimeConfig(env=texts("LANG=C"), cmd=texts("/bin/sh")))
RAW: Final = json.dumps({"id": NEWEST, "parent": MIDDLE, "Size": 3}).encode()
NOT_VERIFIABLE: Final = "These are ids of a v1 registry, drawn at random: nothing can be verified by them."


def v1_step(id_: str, parent: str, size: int | None, command: str = "RUN make", *, created: bool = True) -> Step:
    entry = HistoryEntry(safe_text(command, multiline=True), CREATED if created else None)
    return Step(entry, index=0, v1=V1Layer(safe_text(id_), safe_text(parent), size))


STEPS: Final = (
    v1_step(LOWEST, "", 28_100_000, "ADD rootfs.tar /"),
    v1_step(MIDDLE, LOWEST, 7_000_000),
    v1_step(NEWEST, MIDDLE, 1_000, "CMD sh"),
)


def v1_image(
    *steps: Step, phase: Phase = Phase.READY, config: ImageConfig | None = CONFIG, raw: bytes = RAW
) -> ImageState:
    return ImageState(TARGET, phase, config=config, raw_config=raw, steps=steps, image_id=SafeText(NEWEST))


def shown(lines: Sequence[Line]) -> list[str]:
    return ["".join(text for text, _ in line.pieces).rstrip() for line in lines]


# History


@pytest.mark.parametrize(
    ("width", "first", "below"),
    [
        (110, "28.1 MB  ████████  ADD rootfs.tar /", f"id {LOWEST[:12]} · 2026-11-21 14:02"),
        (WIDE, "28.1 MB  ████████  ADD rootfs.tar /", f"id {LOWEST[:12]} · 2026-11-21 14:02"),
        (THIN, "28.1 MB  ADD rootfs.tar /", f"id {LOWEST[:12]}"),
    ],
)
def test_the_lowest_image_has_its_size_its_command_and_its_id(width: int, first: str, below: str) -> None:
    lines = shown(history_lines(v1_image(*STEPS), width))
    assert (lines[0], lines[1].strip()) == (first, below)


@pytest.mark.parametrize(
    ("width", "below"),
    [
        (110, f"id {MIDDLE[:12]} on {LOWEST[:12]} · 2026-11-21 14:02"),
        (WIDE, f"id {MIDDLE[:12]} on {LOWEST[:12]} · 2026-11-21 14:02"),
        (WIDE - 2, f"id {MIDDLE[:12]} on {LOWEST[:12]}"),
        (THIN, f"id {MIDDLE[:12]} on {LOWEST[:12]}"),
    ],
)
def test_each_other_one_names_its_parent_at_any_width(width: int, below: str) -> None:
    lines = shown(history_lines(v1_image(*STEPS), width))
    assert lines[2].split()[-2:] == ["RUN", "make"]
    assert lines[3].strip() == below


def test_an_id_that_does_not_fit_goes_on_below() -> None:
    lines = shown(history_lines(v1_image(STEPS[1]), 26))
    assert [line.strip() for line in lines[-2:]] == [f"id {MIDDLE[:12]}", f"on {LOWEST[:12]}"]


def test_an_image_of_unknown_size_has_a_question_mark() -> None:
    lines = shown(history_lines(v1_image(v1_step(MIDDLE, LOWEST, None)), WIDE))
    assert lines[0].split() == ["?", "RUN", "make"]


def test_an_image_without_bytes_is_one_all_the_same() -> None:
    lines = shown(history_lines(v1_image(v1_step(MIDDLE, LOWEST, 0)), WIDE))
    assert lines[0].split() == ["–", "RUN", "make"]
    assert lines[1].strip().startswith(f"id {MIDDLE[:12]} on {LOWEST[:12]}")


def test_no_layer_of_v1_is_said_to_be_missing() -> None:
    assert "missing" not in "".join(shown(history_lines(v1_image(*STEPS), WIDE)))


@pytest.mark.parametrize(("command", "copy"), [("RUN make", "RUN make"), ("", MIDDLE)])
def test_a_copy_of_a_step_is_its_command_or_else_the_id(command: str, copy: str) -> None:
    lines = history_lines(v1_image(v1_step(MIDDLE, LOWEST, 1, command)), WIDE)
    assert {(line.copy, line.item) for line in lines} == {(copy, 0)}


# Layers


@pytest.mark.parametrize(
    ("width", "first", "below"),
    [
        (110, f"2   7.0 MB  ██        {MIDDLE}", f"on {LOWEST}"),
        (WIDE, f"2   7.0 MB  ██        {MIDDLE[:47]}…", f"on {LOWEST[:44]}…"),
        (THIN, f"2   7.0 MB  {MIDDLE[:27]}…", f"on {LOWEST[:24]}…"),
    ],
)
def test_a_layer_shows_as_much_of_its_id_and_its_parent_as_fits(width: int, first: str, below: str) -> None:
    lines = shown(layers_lines(v1_image(*STEPS), width))
    assert (lines[1], lines[2].strip()) == (first, below)


def test_the_lowest_layer_has_no_parent() -> None:
    lines = shown(layers_lines(v1_image(*STEPS), 110))
    assert [line.split()[0] for line in lines[:5]] == ["1", "2", "on", "3", "on"]


@pytest.mark.parametrize("width", [110, WIDE, THIN])
def test_the_layers_are_marked_as_not_verifiable(width: int) -> None:
    lines = layers_lines(v1_image(*STEPS), width)
    blank = shown(lines).index("")
    assert " ".join(" ".join(shown(lines[blank:])).split()) == NOT_VERIFIABLE
    assert {ink for line in lines[blank:] for text, ink in line.pieces if text.strip()} == {"warning"}
    assert max(map(len, shown(lines))) <= width


def test_a_layer_of_unknown_size_has_a_question_mark_and_no_bar() -> None:
    lines = shown(layers_lines(v1_image(v1_step(MIDDLE, LOWEST, None)), 110))
    assert lines[0].split() == ["1", "?", MIDDLE]


def test_a_copy_of_a_layer_is_its_whole_id() -> None:
    lines = layers_lines(v1_image(*STEPS), THIN)
    assert [(line.item, line.copy) for line in lines if line.item is not None] == [
        *[(0, LOWEST), (1, MIDDLE), (1, MIDDLE)],
        *[(2, NEWEST), (2, NEWEST)],
    ]


def test_there_are_no_layers_before_they_are_known() -> None:
    assert layers_lines(v1_image(phase=Phase.LOADING), WIDE) == []


def test_an_image_without_layers_says_so() -> None:
    assert shown(layers_lines(v1_image(), WIDE)) == ["This image has no layers."]


# Manifest


@pytest.mark.parametrize("width", [110, THIN])
def test_in_place_of_a_manifest_is_what_the_image_says_of_itself(width: int) -> None:
    lines = shown(manifest_lines(v1_image(*STEPS), width))
    blank = lines.index("")
    assert lines[0] == f"v1 image  {len(RAW)} B"
    head = "".join(lines[1:blank]).replace(" ", "")
    assert head == f"{NEWEST}Av1registryhasnomanifests:thisiswhattheimagesaysofitself."
    assert lines[blank + 1] == "{"
    assert json.loads("".join(line.strip() for line in lines[blank + 1 :])) == json.loads(RAW)
    assert max(map(len, lines)) <= width


def test_it_is_shown_as_soon_as_it_is_known() -> None:
    assert shown(manifest_lines(v1_image(phase=Phase.LOADING), WIDE))[0].startswith("v1 image")


# Config and summary


def test_the_configuration_is_shown_as_ever() -> None:
    assert "  LANG          C" in shown(config_lines(v1_image(*STEPS), WIDE))


def summary(state: ImageState) -> list[str]:
    return ["".join(text for text, _ in words) for words in summary_lines(state)]


def test_the_summary_says_that_there_is_no_digest() -> None:
    assert summary(v1_image(*STEPS))[1:] == [
        NEWEST,
        "v1 image, no digest to verify it by  linux/arm64/v8",
        "35.1 MB in 3 layers   created 2026-11-21 14:02 UTC",
    ]


def test_before_the_layers_are_known_the_summary_says_what_is() -> None:
    assert summary(v1_image(phase=Phase.LOADING))[2:] == [
        "v1 image, no digest to verify it by  linux/arm64/v8",
        "created 2026-11-21 14:02 UTC",
    ]


def test_one_unknown_size_leaves_the_sum_unknown() -> None:
    (size,) = summary(v1_image(STEPS[0], v1_step(MIDDLE, LOWEST, None)))[3:]
    assert size.startswith("? in 2 layers")


def test_an_image_that_says_no_platform_has_none_in_its_summary() -> None:
    config = ImageConfig(Platform(SafeText(""), SafeText("")))
    assert summary(v1_image(STEPS[0], config=config))[2:] == [
        "v1 image, no digest to verify it by",
        "28.1 MB in 1 layer",
    ]


# All of them

HOSTILE: Final = "[bold]x[/] [@click=app.quit]y[/] 漢字"


@pytest.mark.parametrize("make", [history_lines, config_lines, layers_lines, manifest_lines])
@pytest.mark.parametrize("width", [1, 7, THIN, 200])
def test_every_line_is_of_known_inks_and_hostile_text_is_literal_at_any_width(make: object, width: int) -> None:
    assert callable(make)
    hostile = v1_step(HOSTILE, HOSTILE, 5, f"RUN {HOSTILE}")
    config = configured(RuntimeConfig(env=texts(f"A={HOSTILE}")))
    raw = json.dumps({"text": HOSTILE}, ensure_ascii=False).encode()
    lines = make(v1_image(hostile, v1_step("", "", 2**63 - 1, ""), config=config, raw=raw), width)
    assert {ink for line in lines for _, ink in line.pieces} <= INKS
    together = "".join(shown(lines)).replace(" ", "")
    assert width < 200 or HOSTILE.replace(" ", "") in together
