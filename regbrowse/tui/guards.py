"""What stands between foreign text, signals and the terminal: the base of our Textual app."""

from __future__ import annotations

import asyncio
import codecs
import os
import re
import sys
import textwrap
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.app import App, ScreenStackError
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.filter import LineFilter, Monochrome, NoColor
from textual.geometry import Size
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Input
from textual.worker import WorkerFailed

from regbrowse.registry.text import safe_text
from regbrowse.tui import clipboard
from regbrowse.tui.environment import can_be_suspended, has_desktop
from regbrowse.tui.lifecycle import end_later, signals_handled

TOO_SMALL: Final = Size(40, 10)
"""Columns and rows below which a sentence is shown in place of the screen."""

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_FLAG_LETTERS: Final = {code: chr(code - 0x1F1E6 + ord("A")) for code in range(0x1F1E6, 0x1F200)}
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
_WIDE_FORM: Final = "\ufe0f"
_JOINED: Final = re.compile("\u200d.?", re.DOTALL)


def acts_on_terminal(char: str) -> bool:
    """Is `char` a control character, or one that hides or reorders its neighbours?"""
    between = f"漢{char}漢"  # where the joiner may stand, as in the emoji that it makes
    return safe_text(between) != between


class _Replacements(dict[int, int | str]):
    """What goes to the terminal for each character; filled as characters are met."""

    def __missing__(self, code: int) -> int | str:
        # As many cells as Rich counted while it laid the line out, or the rest of the line would shift
        cells = cell_len(chr(code))
        if code in _FLAG_LETTERS:
            self[code] = _FLAG_LETTERS[code].ljust(cells)
        elif code in _SKIN_TONES:
            self[code] = " " * cells
        else:
            self[code] = _REPLACEMENT * cells if acts_on_terminal(chr(code)) else code
        return self[code]


class CleanFilter(LineFilter):
    """The last line of defence: nothing that could act on a terminal leaves in a line.

    Text should be `SafeText` long before. This is for what came by another way, through a library or a mistake.
    """

    def __init__(self) -> None:
        super().__init__()
        self._replacements = _Replacements()

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Give the line with its unprintable characters and its unfit hyperlinks removed."""
        return [segment if _is_plain(segment) else self._clean(segment) for segment in segments]

    def _clean(self, segment: Segment) -> Segment:
        text, style, control = segment
        if style is not None and style.link is not None and not is_web_address(style.link):
            style = style.update_link(None)
        return Segment(_unjoined(text).translate(self._replacements), style, control)


def _unjoined(text: str) -> str:
    """`text` without what makes one picture of several characters, as wide as Rich counted it.

    Terminals do not agree how wide such a picture is, and where one counts otherwise the frames break.
    """
    if "\u200d" in text:
        text = _JOINED.sub("", text)
    if _WIDE_FORM in text:
        *parts, last = text.split(_WIDE_FORM)
        text = "".join(part + " " * (cell_len(part + _WIDE_FORM) - cell_len(part)) for part in parts) + last
    return text


def _is_plain(segment: Segment) -> bool:
    text, style, _ = segment
    return text.isascii() and text.isprintable() and (style is None or style.link is None)


def is_web_address(url: str) -> bool:
    """Is `url` an http or https address in plain ASCII?"""
    return url.isascii() and url.isprintable() and " " not in url and url.startswith(("http://", "https://"))


def _laid_out(window: Size) -> Size:
    return Size(max(window.width, TOO_SMALL.width), max(window.height, TOO_SMALL.height))


_CLEAN: Final = CleanFilter()
_NO_COLOR: Final = NoColor()

NO_COLOR_VARIABLES: Final = {
    "block-cursor-text-style": "bold underline reverse",
    "block-cursor-blurred-text-style": "bold",
    "input-cursor-text-style": "reverse",
    "button-focus-text-style": "bold underline reverse",
}
"""Without colour the cursor must be seen by its style. Some of Textual's widgets lose `reverse`, none `underline`."""


class GuardedApp(App[None]):
    """A Textual app that leaves the terminal as it was, and lets no foreign text act on it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, system=True),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False, id="app.suspend", tooltip="Back to the shell"),
    ]

    _covered = False
    """Is a sentence shown in place of the screen?"""
    _reported = False
    """Was the fault that ends the app printed?"""
    _held: tuple[events.Key, ...] = ()
    """Keys for a screen that opens."""

    async def run_async(self, *, headless: bool = False, **options: Any) -> None:
        """Run; signals are handled unless there is no terminal at all."""
        if headless:
            return await super().run_async(headless=True, **options)
        with signals_handled(self._end):
            return await super().run_async(**options)

    def _end(self, status: int) -> None:
        """End because a signal asked for it; what breaks on the way, half built, is no fault to report."""
        self._reported = True
        self.exit(return_code=status)

    # What is written

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, NO_COLOR taken at its word (Textual would show greys), and the last defence."""
        filters = [found for found in super().get_line_filters() if not isinstance(found, Monochrome | NoColor)]
        return [*filters, _NO_COLOR, _CLEAN] if self.no_color else [*filters, _CLEAN]

    def get_css_variables(self) -> dict[str, str]:
        """The theme's variables; without colour, those by which the cursor is still seen."""
        variables = super().get_css_variables()
        if self.no_color:
            variables.update(NO_COLOR_VARIABLES)
        return variables

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a toast, whose text is not markup unless that is asked for; not one that is shown already."""
        if any(shown.message == message for shown in self._notifications):
            return
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy, and show what was copied; of a password neither."""
        if isinstance(self.focused, Input) and self.focused.password:
            self.notify("A password is not copied.", severity="warning")
        else:
            self.notify(clipboard.copy(self, text))

    def clear_selection(self) -> None:
        """Clear the selection of the active screen. Since Python 3.12 a first screen is built before it is active."""
        with suppress(ScreenStackError):
            super().clear_selection()

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Open an http(s) address where the person can see it; on a machine without a desktop, copy it."""
        if not is_web_address(url):
            self.notify(safe_text(f"Not a web address: {url}"), severity="warning")
        elif has_desktop(os.environ):
            super().open_url(url, new_tab=new_tab)
        else:
            self.copy_to_clipboard(url)

    def on_mount(self) -> None:
        """Repaint when a shell has brought us back: Textual repaints only where the size has changed."""
        self.app_resume_signal.subscribe(self, lambda _: self.refresh())

    # What is typed

    @property
    def _holds_keys(self) -> bool:
        """Whether a screen opens that says it wants all keys, or others are still to be sent before."""
        with suppress(ScreenStackError):
            return bool(self._held) or getattr(self.screen, "is_opening", False)
        return False

    def release_keys(self) -> None:
        """Told by such a screen that it is there."""
        self.call_next(self._send_held)

    async def _send_held(self) -> None:
        while self._held and not getattr(self.screen, "is_opening", False):
            key, self._held = self._held[0], self._held[1:]
            typed = events.Key(key.key, key.character)
            if self.focused is not None:
                typed.set_sender(self.focused)
            await super().on_event(typed)

    async def on_event(self, event: events.Event) -> None:
        """Note of each key whom it is sent to; hold it as long as that one is not there."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self._holds_keys:
                self._held += (event,)
                return
            if self.focused is not None:
                event.set_sender(self.focused)
        await super().on_event(event)

    async def _on_key(self, event: events.Key) -> None:
        # Over a slow connection keys come in bursts: what follows the `/` that opens a text box was still sent to the
        # list, and comes back unused
        focused = self.focused
        if self._holds_keys:
            event.prevent_default()
            self._held += (event,)
        elif isinstance(focused, Input) and focused is not event._sender and event.is_printable:
            event.prevent_default()
            typed = events.Key(event.key, event.character)
            typed.set_sender(focused)
            focused._forward_event(typed)

    # How it ends

    def key_ctrl_c(self) -> None:
        """Quit from a dialog too, where the app's own bindings do not reach."""
        self.exit()

    def action_suspend_process(self) -> None:
        """Go back to the shell until `fg`, if there is a shell."""
        if can_be_suspended():
            super().action_suspend_process()
        else:
            self.notify("There is no shell here that could bring regbrowse back.", severity="warning")

    def _fatal_error(self) -> None:
        # Textual's own report shows every local variable, passwords among them
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        if self._exception is not None and not self._reported:
            self._reported = True
            if not self._exit_renderables:
                print(_fault_report(self._exception), file=sys.__stderr__)
        super()._print_error_renderables()

    # How large it is

    @property
    def size(self) -> Size:
        """The size that is laid out. It is never less than `TOO_SMALL`: Textual's widgets fail where nothing fits."""
        return _laid_out(super().size)

    async def _on_resize(self, event: events.Resize) -> None:
        size = _laid_out(event.size)
        was_covered, self._covered = self._covered, size != event.size
        if self._covered:
            event.prevent_default()
            await super()._on_resize(events.Resize(size, size))
            self._draw_too_small(event.size)
        elif was_covered:
            self.refresh()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if not self._covered:
            super()._display(screen, renderable)

    def _draw_too_small(self, window: Size) -> None:
        lines = textwrap.wrap(
            f"Too small. {TOO_SMALL.width}×{TOO_SMALL.height} or more is needed; ctrl+q quits.", max(window.width, 1)
        )
        if self._driver is not None:
            self._driver.write("\x1b[0m\x1b[2J\x1b[H" + "\r\n".join(lines[: window.height]))


def run_app(app: GuardedApp, *, mouse: bool = True) -> int:
    """Run `app` in the terminal.

    The process ends soon after the screen is gone, also when a thread still waits for the network.

    Args:
        app: The app.
        mouse: Take mouse events; without them the terminal's own selection works.

    Returns:
        The exit status: 0; 1 after a fault of our own, which was printed; 128 and the number of a signal.
    """

    _take_any_bytes()

    async def run() -> int:
        await app.run_async(mouse=mouse)
        status = app.return_code or 0
        end_later(status)  # closing the event loop waits for its threads
        return status

    return asyncio.run(run())


def _take_any_bytes() -> None:
    """Let the driver read what is no UTF-8, from a keyboard or a paste in Latin-1: it would end the program."""
    if sys.platform != "win32":
        from textual.drivers import linux_driver

        linux_driver.getincrementaldecoder = _lenient_decoder  # type: ignore[attr-defined, assignment]


def _lenient_decoder(encoding: str) -> Callable[[], codecs.IncrementalDecoder]:
    return partial(codecs.getincrementaldecoder(encoding), errors="replace")


def _fault_report(error: BaseException) -> str:
    if isinstance(error, WorkerFailed):
        error = error.error
    trace = "".join(traceback.format_exception(error))
    return safe_text(f"{trace}\nThis is a fault in regbrowse. Please report it with the lines above.", multiline=True)
