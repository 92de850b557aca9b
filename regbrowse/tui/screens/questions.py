"""Questions about where a login may go. Their answer is No until the user says otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content

from regbrowse.browser.accounts import Accounts
from regbrowse.browser.states import Asks, Problem
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.screens.dialogs import FRAME, Dialog
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.notice import Notice
from regbrowse.tui.widgets.virtual_list import VirtualList

Words = Sequence[tuple[str, str]]
"""Paragraphs, each with its style. They are constants, or hosts as `shown_host` gives them."""

_UNREAD: Final = 0.5
"""Seconds for which a question takes no answer: keys that are on their way then were not meant for it."""

_HOST: Final = re.compile(r"([a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_NOTHING: Final = SafeText("")

_ABOUT_REALMS: Final = (
    "\nIf that host gives out the tokens of this registry, say yes. If you do not know it, say no: whoever answers in"
    " the registry's place can name any host. Nothing was sent there."
)


class _Answers(VirtualList[str], inherit_bindings=False):
    """No, and Yes. Keys come to it only once it has the focus; those that come back from elsewhere do nothing."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self) -> None:
        super().__init__(_paint)
        self.listens = False

    async def _on_key(self, event: events.Key) -> None:
        if not self.listens or not self.has_focus:
            return
        match event.key:
            case "up" | "left" | "k" | "shift+tab":
                self.cursor = 0
            case "down" | "right" | "j" | "tab":
                self.cursor = 1
            case "enter":
                self.action_move_select()
            case "n" | "y":
                self.post_message(self.Selected(self, "ny".index(event.key), event.key))
            case _:
                return
        event.prevent_default().stop()


class YesNoScreen(Dialog[bool]):
    """Asks one question; gives True for a yes, and otherwise False, or None if the user left.

    Args:
        title: What it is about.
        words: What is to be known before one answers.
        yes: What a yes does.
    """

    DEFAULT_CSS = f"""
    YesNoScreen {{ {FRAME}
        & Notice {{ margin-bottom: 1; }}
        & VirtualList {{ height: 2; }}
    }}
    """

    def __init__(self, title: str, words: Words, *, yes: str) -> None:
        super().__init__()
        self._title = title
        self._words = words
        self._answers = _Answers()
        self._yes = yes

    @property
    def takes_answers(self) -> bool:
        """Whether it was there long enough to be read."""
        return self._answers.listens

    def compose(self) -> ComposeResult:
        notice = Notice()
        notice.show(self._words)
        frame = Vertical(notice, self._answers)
        frame.border_title = Content(self._title)
        frame.border_subtitle = Content("enter chooses, y answers Yes, esc leaves")
        yield frame

    def on_mount(self) -> None:
        self._answers.set_rows(("No", f"Yes, {self._yes}"))
        self.set_focus(self._answers)
        self.set_timer(_UNREAD, self._listen)

    def _listen(self) -> None:
        self._answers.listens = True

    @on(VirtualList.Selected)
    def _selected(self, event: VirtualList.Selected) -> None:
        if self.takes_answers:
            self.leave(event.index == 1)


def _paint(row: str, index: int, width: int) -> Iterable[Piece]:
    yield row, "plain"


@dataclass(frozen=True, slots=True)
class Permission:
    """What only the user can allow.

    Attributes:
        label: What it is, as a line to choose.
        realm: The token server that is told the login; empty if the connection is what is allowed.
    """

    label: SafeText
    title: str
    words: Words
    yes: str
    realm: SafeText = _NOTHING

    def question(self) -> YesNoScreen:
        """The screen that asks for it."""
        return YesNoScreen(self.title, self.words, yes=self.yes)

    async def give(self, accounts: Accounts) -> SafeText:
        """Do what was allowed. Gives what the user should hear of that, if anything."""
        if self.realm:
            return await accounts.trust_realm(self.realm)
        await accounts.allow_unsafe()
        return _NOTHING


def permission(problem: Problem | None, host: str, security: SafeText = _NOTHING) -> Permission | None:
    """What the user could allow so that `problem` would be none; None if it is not that.

    Args:
        host: The registry's.
        security: What protects the connection to it, as the header has it.
    """
    if problem and problem.asks is Asks.TRUST_REALM:
        return realm_permission(host, problem.realm)
    if problem and problem.asks is Asks.UNSAFE_LOGIN:
        return unsafe_permission(host, security)
    return None


def realm_permission(registry: str, realm: str) -> Permission | None:
    """To tell `realm` the logins of `registry` (registry-client.md §1.5). None if a name cannot be shown as it is."""
    asking, told = shown_host(registry), shown_host(realm)
    if asking is None or told is None:
        return None
    words = [
        ("The registry", "$foreground"),
        (f"    {asking}", "bold $text-accent"),
        ("wants your user name and password to be told to another host:", "$foreground"),
        (f"    {told}", "bold $text-warning"),
        (_ABOUT_REALMS, "$foreground"),
    ]
    if common := _same_end(asking, told):
        words.append((f"Both names end in {common}; that alone is no reason to trust it.", "$foreground 60%"))
    label = safe_text(f"Allow that {told} is told the login …")
    return Permission(label, "Tell another host the password?", words, "tell it", safe_text(realm))


def unsafe_permission(host: str, security: SafeText) -> Permission:
    """To send the login of `host` over a connection where it could be overheard."""
    words = [
        (unsafe_sentence(security), "$text-warning"),
        ("\nIf you say yes, the login is sent over it until you quit, to", "$foreground"),
        (f"    {shown_host(host) or safe_text(host)}", "bold $text-accent"),
    ]
    label = SafeText("Allow that the login is sent over this connection …")
    return Permission(label, "Send the password over a connection that is not safe?", words, "send it")


def unsafe_sentence(security: SafeText) -> SafeText:
    """The plain warning about a connection, by what protects it."""
    if security == "plain HTTP":
        return SafeText("The connection is plain HTTP: whoever is on the way can read the password.")
    why = f" ({security})" if security else ""
    return safe_text(f"The connection is not safe{why}: whoever is on the way can read the password.")


def shown_host(name: str) -> SafeText | None:
    """A host and its port as the wire has them, without letters that look like others; None if it is no such name."""
    host, colon, port = name.rpartition(":") if re.search(r":[0-9]+$", name) else (name, "", "")
    try:
        plain = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return None
    plain = f"{plain}{colon}{port}".lower()
    return SafeText(plain) if len(plain) <= 260 and _HOST.fullmatch(plain) else None


def _same_end(one: str, other: str) -> str:
    """The last two labels, where both names have the same."""
    ends = [".".join(name.partition(":")[0].split(".")[-2:]) for name in (one, other)]
    is_name = ends[0].count(".") == 1 and not ends[0].replace(".", "").isdigit()
    return ends[0] if ends[0] == ends[1] and is_name else ""
