"""History and layers are joined as builders wrote them, and nothing is lost where they disagree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.digest import Digest
from regbrowse.registry.history import join_history
from regbrowse.registry.models import Descriptor, HistoryEntry, Step
from regbrowse.registry.text import SafeText


def layers(count: int) -> tuple[Descriptor, ...]:
    return tuple(Descriptor(SafeText(""), Digest.of(bytes([number])), number) for number in range(count))


def history(pattern: str) -> tuple[HistoryEntry, ...]:
    """`L` for a step that made a layer, `-` for one that did not."""
    return tuple(HistoryEntry(SafeText(f"step {at}"), empty_layer=sign == "-") for at, sign in enumerate(pattern))


@pytest.mark.parametrize(
    ("pattern", "count", "joined"),
    [
        ("L-LL-", 3, [(True, 0), (True, None), (True, 1), (True, 2), (True, None)]),
        ("LLL", 1, [(True, 0), (True, None), (True, None)]),
        ("L-", 3, [(True, 0), (True, None), (False, 1), (False, 2)]),
        ("", 2, [(False, 0), (False, 1)]),
        ("--", 0, [(True, None), (True, None)]),
        ("--", 1, [(True, None), (True, None), (False, 0)]),
        ("", 0, []),
    ],
)
def test_each_entry_takes_the_layer_it_made(pattern: str, count: int, joined: list[tuple[bool, int | None]]) -> None:
    steps = join_history(history(pattern), layers(count))
    assert [(step.entry is not None, step.index) for step in steps] == joined


@given(st.text(st.sampled_from("L-"), max_size=30), st.integers(0, 30))
def test_every_entry_and_every_layer_is_there_once_and_in_order(pattern: str, count: int) -> None:
    entries, all_layers = history(pattern), layers(count)
    steps = join_history(entries, all_layers)
    assert tuple(step.entry for step in steps if step.entry) == entries
    assert tuple(step.layer for step in steps if step.layer) == all_layers
    assert all(step.index is None or all_layers[step.index] is step.layer for step in steps)


@pytest.mark.parametrize(
    ("step", "size"),
    [
        (Step(HistoryEntry(), layers(8)[7], 7), 7),
        (Step(None, layers(8)[7], 7), 7),
        (Step(HistoryEntry(empty_layer=True)), 0),
        (Step(HistoryEntry()), None),
        (Step(HistoryEntry(), unsized=Digest.of(b"")), None),
    ],
)
def test_a_step_has_a_size_where_somebody_says_it(step: Step, size: int | None) -> None:
    assert step.size == size
