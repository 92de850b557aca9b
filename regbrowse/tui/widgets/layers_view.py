"""The Layers tab: what is transferred when the image is pulled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len

from regbrowse.browser.states import ImageState, Phase
from regbrowse.browser.wording import count, file_size
from regbrowse.registry.digest import Digest
from regbrowse.registry.models import Descriptor, Manifest, Schema1, V1Layer
from regbrowse.registry.text import SafeText
from regbrowse.tui.widgets.cells import column, elided, fits
from regbrowse.tui.widgets.image_view import ImageView, cells_of, hanging, size_and_bar, why_nothing
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.text_view import Line

_UNKNOWN: Final = "?"
_TITLE: Final = SafeText("org.opencontainers.image.title")
_TYPE_AT_MOST: Final = 30
_FOREIGN: Final = re.compile(r"\.foreign\.|\.nondistributable\.")
_IMAGE_LAYER: Final = re.compile(
    r"application/vnd\.(?:oci\.image\.layer(?:\.nondistributable)?\.v1|docker\.image\.rootfs(?:\.foreign)?\.diff)\.(.+)"
)


def short_media_type(media_type: str) -> SafeText:
    """A layer's media type without what all of them have: `tar+gzip`, `helm.chart.content.v1.tar+gzip`."""
    match = _IMAGE_LAYER.fullmatch(media_type)
    if match:
        kind = match[1].replace("tar.", "tar+")
        return SafeText(f"{kind} (not distributed)" if _FOREIGN.search(media_type) else kind)
    return SafeText(media_type.removeprefix("application/").removeprefix("vnd.").removeprefix("cncf."))


def layers_lines(state: ImageState, width: int) -> list[Line]:
    """Lay the layers of an image out in `width` cells. The items of the lines are positions in the manifest."""
    content = state.manifest.content if state.manifest else None
    if isinstance(content, Schema1) and content.layers:
        return list(_schema1_lines(content.layers, width))
    if isinstance(content, Manifest) and content.layers:
        return list(_layer_lines(content, width))
    if layers := [step.v1 for step in state.steps if step.v1]:
        return list(_v1_lines(layers, width))
    if state.phase is not Phase.READY:
        return []
    return list(hanging((), why_nothing(state, "layers"), width, ink="muted"))


def _layer_lines(manifest: Manifest, width: int) -> Iterator[Line]:
    layers = manifest.layers
    largest = max(layer.size for layer in layers)
    types = [short_media_type(layer.media_type) for layer in layers]
    type_cells = min(max(map(cell_len, types)), _TYPE_AT_MOST)
    numbers = len(str(len(layers)))
    for number, (layer, kind) in enumerate(zip(layers, types, strict=True)):
        before = _before(number, numbers, file_size(layer.size), layer.size, largest, width)
        yield from _one(layer.digest, kind, type_cells, before, number, width)
        left = cells_of(before)
        for name, value in _annotations(layer):
            yield from _annotation_lines(name, value, left, width, number)
    total = sum(layer.size for layer in layers)
    yield Line()
    words = f"{file_size(total)} in {count(len(layers))} layer{'' if len(layers) == 1 else 's'}"
    if manifest.config and manifest.config.size:
        words += f", and {file_size(manifest.config.size)} of configuration"
    yield from hanging(((" " * (numbers + 2), "plain"),), SafeText(words), width, ink="muted")


def _schema1_lines(layers: tuple[Digest, ...], width: int) -> Iterator[Line]:
    numbers = len(str(len(layers)))
    for number, digest in enumerate(layers):
        yield from _one(digest, SafeText(""), 0, _before(number, numbers, _UNKNOWN, 0, 0, width), number, width)
    yield Line()
    words = SafeText("A manifest of this kind (Docker schema 1) does not say how large the layers are.")
    yield from hanging(((" " * (numbers + 2), "plain"),), words, width, ink="muted")


def _v1_lines(layers: Sequence[V1Layer], width: int) -> Iterator[Line]:
    sizes = [layer.size or 0 for layer in layers]
    numbers = len(str(len(layers)))
    for number, (layer, size) in enumerate(zip(layers, sizes, strict=True)):
        said = _UNKNOWN if layer.size is None else file_size(size)
        before = _before(number, numbers, said, size, max(sizes), width)
        left = cells_of(before)
        yield Line((*before, (elided(layer.id, width - left), "plain")), number, copy=layer.id)
        if layer.parent:
            on = elided(SafeText(f"on {layer.parent}"), width - left)
            yield Line(((" " * left, "plain"), (on, "muted")), number, copy=layer.id)
    yield Line()
    words = SafeText("These are ids of a v1 registry, drawn at random: nothing can be verified by them.")
    yield from hanging(((" " * (numbers + 2), "plain"),), words, width, ink="warning")


def _before(number: int, numbers: int, size: str, part: int, whole: int, width: int) -> tuple[Piece, ...]:
    ink = "muted" if size == _UNKNOWN else "plain"
    counted = column(str(number + 1), numbers, right=True)
    return ((counted, "muted"), ("  ", "plain"), *size_and_bar(size, part, whole, width, ink=ink))


def _one(
    digest: Digest, kind: SafeText, type_cells: int, before: tuple[Piece, ...], number: int, width: int
) -> Iterator[Line]:
    """The layer's line: its digest in full where there is room, else in short, and at the worst below the type."""
    left, copy = cells_of(before), SafeText(digest)
    room = width - left - (type_cells + 2 if type_cells else 0)
    shown = digest if len(digest) <= room else digest.short
    if len(shown) <= room or not type_cells:
        named = (column(kind, type_cells) + "  ", "plain") if type_cells else ("", "plain")
        yield Line((*before, named, (shown, "muted")), number, copy=copy)
        return
    yield Line((*before, (elided(kind, width - left), "plain")), number, copy=copy)
    yield Line(((" " * left, "plain"), (shown, "muted")), number, copy=copy)


def _annotation_lines(name: SafeText, value: SafeText, left: int, width: int, number: int) -> Iterator[Line]:
    """The name and the value, which stands below it if the name leaves it no room."""
    before, indent = (" " * left, "plain"), left + 2
    if fits(name, (width - left) // 2):
        yield from hanging((before, (f"{name} ", "muted")), value, width, indent=indent, item=number, copy=value)
        return
    yield from hanging((before,), name, width, ink="muted", item=number, copy=value)
    yield from hanging(((" " * indent, "plain"),), value, width, item=number, copy=value)


def _annotations(layer: Descriptor) -> Iterator[tuple[SafeText, SafeText]]:
    title = layer.annotations.get(_TITLE)
    if title:
        yield SafeText("title"), title
    for name, value in layer.annotations.items():
        if name != _TITLE:
            yield name, value
    for url in layer.urls:
        yield SafeText("from"), url


class LayersView(ImageView):
    """The layers of an image or the files of an artifact."""

    def image_lines(self, state: ImageState, width: int) -> list[Line]:
        return layers_lines(state, width)
