"""The Image pane: what an image is, then its history, configuration, layers and manifest under four tabs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from regbrowse.browser.states import ImageState, Phase
from regbrowse.browser.wording import count, file_size, moment
from regbrowse.registry.digest import Digest
from regbrowse.registry.media_types import familiar
from regbrowse.registry.models import Index, Manifest, Schema1
from regbrowse.registry.reference import Target
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.actions import Pane
from regbrowse.tui.widgets.notice import MUTED, Notice, Spinner
from regbrowse.tui.widgets.pane import PaneFrame
from regbrowse.tui.widgets.text_view import Line, TextView

if TYPE_CHECKING:
    from regbrowse.tui.widgets.image_view import ImageView

TABS: Final = ("History", "Config", "Layers", "Manifest")

Words = tuple[tuple[str, str], ...]


def import_views() -> tuple[Callable[[], ImageView], ...]:
    """What makes the view of each tab. The first paint needs none of them; after it, a thread may import them."""
    from regbrowse.tui.widgets.config_view import ConfigView
    from regbrowse.tui.widgets.history_view import HistoryView
    from regbrowse.tui.widgets.layers_view import LayersView
    from regbrowse.tui.widgets.manifest_view import ManifestView

    return HistoryView, ConfigView, LayersView, ManifestView


class TabBar(Widget):
    """The names of the tabs on one line."""

    DEFAULT_CSS = "TabBar { height: 1; padding: 0 1; }"

    current: reactive[int] = reactive(0, init=False)

    class Clicked(Message):
        """A tab was clicked."""

        def __init__(self, tab: int) -> None:
            super().__init__()
            self.tab = tab

    def render(self) -> Content:
        words = []
        for number, name in enumerate(TABS):
            style = "bold $text-accent underline" if number == self.current else MUTED
            words += [(name, style), ("   ", "")]
        return Content.assemble(*words, end="")

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        left = 0
        for number, name in enumerate(TABS):
            if place is not None and left <= place.x < left + len(name):
                self.post_message(self.Clicked(number))
            left += len(name) + 3


class Summary(Widget):
    """What the image is, in a few lines that never wrap: each is cut at the pane's width."""

    DEFAULT_CSS = "Summary { height: auto; padding: 0 1; display: none; &.-shown { display: block; } }"

    lines: reactive[tuple[Words, ...]] = reactive((), init=False, layout=True)

    def show(self, lines: tuple[Words, ...]) -> None:
        """Show `lines`; none of them take no room."""
        self.lines = lines
        self.set_class(bool(lines), "-shown")

    def render(self) -> Content:
        width = max(1, self.content_size.width)
        return Content("\n").join([_cut(Content.assemble(*words, end=""), width) for words in self.lines])


def _cut(line: Content, width: int) -> Content:
    return line if line.cell_length <= width else line.truncate(width, ellipsis=True)


class ImagePane(PaneFrame):
    """Shows the states of one image."""

    PANE: ClassVar[Pane] = Pane.IMAGE

    DEFAULT_CSS = """
    ImagePane {
        & > TabBar { margin-top: 1; display: none; &.-shown { display: block; } }
        & > TextView { display: none; height: 1fr; }
        & > TextView.-shown { display: block; }
        & > #opening { height: 1; padding: 0 1; display: none; }
        & > #opening > Notice { width: 1fr; height: 1; padding: 0; display: block; }
    }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.state: ImageState | None = None
        self.summary = Summary()
        self.tabs = TabBar()
        self.notice = Notice()
        self._views: tuple[ImageView, ...] = ()
        self._spinner = Spinner()
        self._asking = Notice()
        self._opening = Horizontal(self._spinner, self._asking, id="opening")

    def compose(self) -> ComposeResult:
        yield self.summary
        yield self._opening
        yield self.notice
        yield self.tabs

    def on_mount(self) -> None:
        self.set_title()
        self.show_nothing()

    def show_nothing(self) -> None:
        """No image is open."""
        self.state = None
        self.summary.show(())
        self._turn(None)
        self.notice.say("No image is open.", "Go to a tag to see its history.")
        self._show_view()

    def show(self, state: ImageState) -> None:
        """Show a state of an image."""
        same = self.state is not None and self.state.target == state.target and self.state.chosen == state.chosen
        self.state = state
        self.summary.show(summary_lines(state))
        self._turn(state.target if state.phase is Phase.LOADING else None)
        if state.problem:
            self.notice.say_problem(state.problem)
        elif state.document and state.document.warning:
            self.notice.say(state.document.warning)
        else:
            self.notice.say()
        if state.is_found:
            for view in self.views:
                view.show(state, keep_place=same)
        self._show_view()

    def show_same(self, same: tuple[SafeText, ...]) -> None:
        """Other names of the image that is shown, which may become known later than itself."""
        if self.state is not None and self.state.same != same:
            self.state = replace(self.state, same=same)
            self.summary.show(summary_lines(self.state))

    @property
    def views(self) -> tuple[ImageView, ...]:
        """One for each of `TABS`. They are made when the first of them is wanted, which is after the first paint."""
        if not self._views:
            self._views = tuple(view() for view in import_views())
            self.mount(*self._views)
            self._show_view()
        return self._views

    @property
    def tab(self) -> int:
        """Which tab is shown: an index of `TABS`."""
        return self.tabs.current

    @tab.setter
    def tab(self, tab: int) -> None:
        had_focus = self.has_focus_within
        self.tabs.current = tab % len(TABS)
        self._show_view()
        if had_focus:
            self.focus_target.focus()

    @property
    def view(self) -> TextView:
        """The view of the tab that is shown."""
        return self.views[self.tab]

    @property
    def current_line(self) -> Line | None:
        """What the cursor is on in the tab that is shown."""
        return self.view.current

    @property
    def focus_target(self) -> Widget:
        return self.view

    def names_manifest(self, digest: Digest) -> bool:
        """Whether the document that is shown points to a manifest or an index with this digest."""
        state = self.state
        if state is None:
            return False
        contents = [document.content for document in (state.document, state.manifest) if document]
        pointed = [entry for content in contents if isinstance(content, Index) for entry in content.manifests]
        pointed += [c.subject for c in contents if isinstance(c, Index | Manifest) and c.subject]
        return any(entry.digest == digest for entry in pointed)

    def follow_inside(self, digest: Digest) -> bool:
        """Go to what `digest` names in the image that is shown: a layer, or the configuration."""
        content = self.state.manifest.content if self.state and self.state.manifest else None
        if not isinstance(content, Manifest):
            return False
        for number, layer in enumerate(content.layers):
            if layer.digest == digest:
                self.tab = TABS.index("Layers")
                self.view.go_to_item(number)
                return True
        if content.config and content.config.digest == digest and self.state and self.state.config:
            self.tab = TABS.index("Config")
            return True
        return False

    def on_tab_bar_clicked(self, event: TabBar.Clicked) -> None:
        event.stop()
        self.tab = event.tab
        self.focus_target.focus()

    def on_click(self, event: events.Click) -> None:
        self.focus_target.focus()

    def _show_view(self) -> None:
        known = self.state is not None and self.state.is_found
        if not known:
            for view in self._views:
                view.show_text(lambda _width: ())
        self.tabs.set_class(known, "-shown")
        for number, view in enumerate(self._views):
            view.set_class(number == self.tab, "-shown")

    def _turn(self, target: Target | None) -> None:
        self._opening.display = target is not None
        self._spinner.turn(target is not None)
        self._asking.say(f"Asking {target.registry.host} …" if target else "")


def summary_lines(state: ImageState) -> tuple[Words, ...]:
    """Reference, digest and kind, size and creation of an image, as far as they are known."""
    target = state.target
    reference = target.reference
    name = reference.image_name(target.repository) if reference else target.repository
    first: list[tuple[str, str]] = [(safe_text(name), "bold $foreground")]
    if state.same:
        first.append((f"  = {', '.join(state.same[:3])}{' …' if len(state.same) > 3 else ''}", "$text-accent"))
    lines: list[Words] = [tuple(first)]
    if state.document:
        lines.append(((state.document.digest, MUTED),))
        lines.append(tuple(_kind(state)))
    if state.image_id:
        lines.append(((state.image_id, MUTED),))
        lines.append((("v1 image, no digest to verify it by", "$foreground"), *_platform(state)))
    if sizes := _sizes(state):
        lines.append(((sizes, "$foreground"),))
    return tuple(lines)


def _kind(state: ImageState) -> list[tuple[str, str]]:
    document = state.document
    assert document is not None
    words: list[tuple[str, str]] = [(safe_text(familiar(document.media_type)), "$foreground")]
    if document.type_inferred:
        words.append((" (type inferred)", "$text-warning"))
    if state.artifact:
        words.append((f"  {state.artifact}", "$text-accent"))
    elif state.chosen:
        words.append((f"  {state.chosen.label}", "$text-accent"))
        if len(state.choices) > 1:
            words.append((f" of {len(state.choices)}", MUTED))
        if state.chosen.attestations:
            plural = "s" if state.chosen.attestations > 1 else ""
            words.append((f"  {state.chosen.attestations} attestation{plural}", MUTED))
    else:
        words += _platform(state)
    return words


def _platform(state: ImageState) -> list[tuple[str, str]]:
    if state.config and state.config.platform.os:
        return [(f"  {state.config.platform}", "$text-accent")]
    return []


def _sizes(state: ImageState) -> str:
    content = state.manifest.content if state.manifest else None
    parts: list[str] = []
    if isinstance(content, Manifest):
        parts.append(_in_layers(content.size, len(content.layers)))
    elif state.image_id and state.steps:
        parts.append(_in_layers(state.size, len(state.steps)))
    elif isinstance(content, Schema1):
        parts.append(f"{count(len(content.layers))} steps, sizes not said")
    elif isinstance(content, Index):
        parts.append("an index without images")
    if state.config and state.config.created:
        parts.append(f"created {moment(state.config.created)} UTC")
    return "   ".join(parts)


def _in_layers(size: int | None, layers: int) -> str:
    total = "?" if size is None else file_size(size)
    return f"{total} in {count(layers)} {'layer' if layers == 1 else 'layers'}"
