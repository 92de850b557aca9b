"""The Manifest tab: the documents as the registry sent them, where each digest can be followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len

from regbrowse.browser.json_lines import JsonLine, json_lines
from regbrowse.browser.states import ImageState
from regbrowse.browser.wording import file_size
from regbrowse.registry.digest import Digest
from regbrowse.registry.media_types import familiar
from regbrowse.registry.models import Document
from regbrowse.registry.text import SafeText
from regbrowse.tui.widgets.cells import fits, split_at
from regbrowse.tui.widgets.image_view import ImageView, hanging
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.text_view import Line

_INKS: Final = {
    "key": "key",
    "string": "string",
    "number": "number",
    "literal": "number",
    "punctuation": "muted",
    "digest": "link",
    "plain": "plain",
}
_HANG: Final = 2
_WIDTH_AT_LEAST: Final = 10


def manifest_lines(state: ImageState, width: int) -> list[Line]:
    """Lay the image's manifest out in `width` cells, and under it the index that it was found in."""
    if state.image_id and state.raw_config is not None:
        return list(_v1_lines(state.image_id, state.raw_config, width))
    documents = [document for document in (state.manifest, state.document) if document is not None]
    if len(documents) == 2 and documents[0].digest == documents[1].digest:
        documents.pop()
    lines: list[Line] = []
    for document in documents:
        if lines:
            lines.append(Line())
        lines.extend(_document_lines(document, width, first_item=len(lines)))
    return lines


def _document_lines(document: Document, width: int, first_item: int) -> Iterator[Line]:
    kind = (SafeText(familiar(document.media_type)), "heading")
    yield from hanging((kind, ("  ", "plain")), SafeText(file_size(len(document.raw))), width, ink="muted", indent=2)
    yield from hanging((), SafeText(document.digest), width, ink="muted")
    if document.type_inferred:
        guessed = SafeText("The registry did not say what kind of document this is; it was told by its structure.")
        yield from hanging((), guessed, width, ink="warning")
    if document.warning:
        yield from hanging((), document.warning, width, ink="warning")
    yield Line()
    yield from json_text(document.raw, width, first_item)


def _v1_lines(image_id: SafeText, raw: bytes, width: int) -> Iterator[Line]:
    kind = (SafeText("v1 image"), "heading")
    yield from hanging((kind, ("  ", "plain")), SafeText(file_size(len(raw))), width, ink="muted", indent=2)
    yield from hanging((), image_id, width, ink="muted")
    words = SafeText("A v1 registry has no manifests: this is what the image says of itself.")
    yield from hanging((), words, width, ink="muted")
    yield Line()
    yield from json_text(raw, width)


def json_text(raw: bytes, width: int, first_item: int = 0) -> Iterator[Line]:
    """Lay JSON out in `width` cells; each line that holds a digest is an item, counted from `first_item`."""
    for number, line in enumerate(json_lines(raw), first_item):
        yield from _json_line(line, width, number)


def _json_line(line: JsonLine, width: int, number: int) -> Iterator[Line]:
    """One line of JSON, and where it is too long what of it goes on the next ones; one item if it holds a digest."""
    digest = next((token.text for token in line.tokens if token.kind == "digest"), None)
    link = Digest.parse(digest) if digest else None
    copy = digest or SafeText("")
    for part, pieces in enumerate(_broken(line, max(width, _WIDTH_AT_LEAST))):
        yield Line(pieces, number if link else None, None if part else link, copy)


def _broken(line: JsonLine, width: int) -> Iterator[tuple[Piece, ...]]:
    if fits(line.text, width):
        yield tuple((token.text, _INKS[token.kind]) for token in line.tokens)
        return
    indent = min(line.indent + _HANG, width // 2)
    pieces: list[Piece] = []
    left = width
    for token in line.tokens:
        text: str = token.text
        while not fits(text, left):
            head, text = split_at(text, left)
            yield (*pieces, (head, _INKS[token.kind]))
            pieces, left = [(" " * indent, "plain")], width - indent
        pieces.append((text, _INKS[token.kind]))
        left -= cell_len(text)
    yield tuple(pieces)


class ManifestView(ImageView):
    """The JSON of the image's manifest and of its index."""

    def image_lines(self, state: ImageState, width: int) -> list[Line]:
        return manifest_lines(state, width)
