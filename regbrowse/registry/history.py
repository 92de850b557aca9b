"""An image's history joined with the layers that it made."""

from __future__ import annotations

from itertools import zip_longest

from regbrowse.registry.models import Descriptor, HistoryEntry, Schema1, Step


def join_history(history: tuple[HistoryEntry, ...], layers: tuple[Descriptor, ...]) -> tuple[Step, ...]:
    """Give each entry that made a layer the next one (image-spec, config.md, `history`).

    Args:
        history: Oldest first; empty for the many images that have none.
        layers: Of the manifest, lowest first.

    Returns:
        A step for each entry, and after them one without an entry for each layer that the history does not account for.
    """
    remaining = iter(enumerate(layers))
    steps = [_step(entry, None if entry.empty_layer else next(remaining, None)) for entry in history]
    return tuple(steps + [_step(None, layer) for layer in remaining])


def _step(entry: HistoryEntry | None, numbered: tuple[int, Descriptor] | None) -> Step:
    if numbered is None:
        return Step(entry)
    index, layer = numbered
    return Step(entry, layer, index)


def schema1_steps(manifest: Schema1) -> tuple[Step, ...]:
    """The steps of a schema 1, oldest first, each with its layer's digest where it made one; sizes are not known.

    Steps and layers are one to one there, the empty ones included. Where their numbers differ, the newest belong
    together.
    """
    newest_first = zip_longest(reversed(manifest.config.history), reversed(list(enumerate(manifest.layers))))
    steps = []
    for entry, numbered in newest_first:
        if numbered is None or (entry is not None and entry.empty_layer):
            steps.append(Step(entry))
        else:
            index, digest = numbered
            steps.append(Step(entry, index=index, unsized=digest))
    return tuple(reversed(steps))
