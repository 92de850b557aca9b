"""The screen on which one logs in to a registry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from regbrowse.browser.accounts import THIS_RUN, Accounts, Keeping
from regbrowse.registry.errors import (
    RealmNotTrustedError,
    RegistryError,
    UnsafeLoginError,
    WrongLoginError,
)
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.screens.dialogs import FRAME, Change, Dialog
from regbrowse.tui.screens.questions import Permission, realm_permission, unsafe_permission, unsafe_sentence
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.notice import Notice, Spinner, own_step
from regbrowse.tui.widgets.virtual_list import VirtualList

_NOTHING: Final = SafeText("")
_NOT_KEPT: Final = SafeText("Logged in for this run; it is not kept.")


class Caption(Widget):
    """What is to be put into the box beside it."""

    DEFAULT_CSS = "Caption { width: 19; height: 1; padding: 0 1; color: $text-muted; }"

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def render(self) -> Content:
        return Content(self._words)


class UsernameInput(Input):
    """A box of the form; enter goes on in the form."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", "Up", show=False),
        Binding("down", "app.focus_next", "Down", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(compact=True, select_on_focus=False)
        self.cursor_blink = False

    async def action_submit(self) -> None:
        await self.run_action("screen.go_on")


class SecretInput(UsernameInput):
    """The box for a password. What is typed is in its `value` alone, and in no message."""

    def __init__(self) -> None:
        super().__init__()
        self.password = True

    def post_message(self, message: Message) -> bool:
        holds_value = isinstance(message, Input.Changed | Input.Blurred | Input.Submitted)
        return False if holds_value else super().post_message(message)

    def _on_paste(self, event: events.Paste) -> None:
        # Every line of it: there are passwords that are a whole document of JSON
        event.prevent_default().stop()
        self.replace("\n".join(event.text.splitlines()).strip("\n"), *self.selection)


class KeepingList(VirtualList[Keeping]):
    """The ways to keep a login; the one under the cursor is chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move_up", "Up", show=False),
        Binding("right", "move_down", "Down", show=False),
    ]
    DEFAULT_CSS = "KeepingList { height: 1; }"

    def __init__(self) -> None:
        super().__init__(self._painted_keeping)

    def offer(self, keepings: tuple[Keeping, ...]) -> None:
        """Offer `keepings`, with the choice where it is."""
        self.styles.height = len(keepings)
        self.set_rows(keepings)

    def action_move_up(self) -> None:
        if self.cursor == 0:
            self.screen.focus_previous()
        else:
            super().action_move_up()

    def _painted_keeping(self, keeping: Keeping, index: int, width: int) -> Iterable[Piece]:
        yield "● " if index == self.cursor else "○ ", "accent"
        yield keeping.label, "plain"


class LoginScreen(Dialog[Change]):
    """Lets the user log in to a registry; gives None if the user left.

    Args:
        accounts: Those of the registry.
        why: Why the user is asked, if it was not the user who wanted it. The login in use is then one that was refused.
    """

    DEFAULT_CSS = f"""
    LoginScreen {{ {FRAME}
        & > Vertical {{ max-height: 100%; overflow-y: auto; scrollbar-size-vertical: 1; }}
        & #form, & #form > Horizontal, & #keeping {{ height: auto; }}
        & #form > Horizontal {{ margin-bottom: 1; }}
        & UsernameInput {{ width: 1fr; background: $foreground 7%; }}
        & UsernameInput:focus {{ background: $foreground 12%; }}
        & #keeping {{ width: 1fr; }}
        & #keeping > Notice {{ padding: 0 0 0 4; }}
        & #why {{ margin-bottom: 1; }}
        & #asking {{ height: 1; padding: 0 1; display: none; }}
        & #asking > Notice {{ width: 1fr; padding: 0; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        # At once, before the key is sent to a widget: of keys that come in a burst, those after it belong to the next
        Binding("enter", "go_on", "Go on", show=False, priority=True),
        Binding("tab", "step(1)", "Next", show=False, priority=True),
        Binding("shift+tab", "step(-1)", "Previous", show=False, priority=True),
    ]

    def __init__(self, accounts: Accounts, why: SafeText = _NOTHING) -> None:
        super().__init__()
        self.is_opening = True
        self._accounts = accounts
        self._host = safe_text(accounts.address.host)
        self._user = UsernameInput()
        self._secret = SecretInput()
        self._keep = KeepingList()
        self._about_keeping = Notice()
        self._why = Notice(id="why")
        self._why.say(why)
        self._was_refused = bool(why)
        self._danger = Notice()
        self._said = Notice()
        self._spinner = Spinner()
        self._asking_words = Notice()
        self._asking = Horizontal(self._spinner, self._asking_words, id="asking")
        self._no_keyring = SafeText("looking for the system's keyring …")
        self._is_asking = self._was_submitted = self._was_typed = False
        self._taken: list[SafeText] | None = None
        """Once the registry has taken the login: what the user should hear of it."""

    def compose(self) -> ComposeResult:
        self._form = Vertical(
            Horizontal(Caption("User name"), self._user),
            Horizontal(Caption("Password or token"), self._secret),
            Horizontal(Caption("Keep it"), Vertical(self._keep, self._about_keeping, id="keeping")),
            id="form",
        )
        frame = Vertical(self._why, self._form, self._danger, self._asking, self._said)
        frame.border_title = Content(f"Log in to {self._host}")
        frame.border_subtitle = Content("enter goes on, tab moves, esc leaves")
        yield frame

    def on_mount(self) -> None:
        self._keep.offer((THIS_RUN,))
        self._say_of_keeping()
        self.set_focus(self._user)
        self.take_keys()
        self._look_for_keepings()
        self._look_for_danger()
        if self._was_refused:
            self._look_for_username()

    def leave(self, result: Change | None = None) -> None:
        self._secret.value = ""
        super().leave(result)

    def action_leave(self) -> None:
        if self._taken is not None:
            self.workers.cancel_group(self, "asking")
            self._leave_as_taken(_NOT_KEPT)
        elif self._is_asking:
            self.workers.cancel_group(self, "asking")
            self._stop("Not logged in: you stopped it.")
        else:
            self.leave()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """What was typed before a box had the focus comes back later, and its enter with it."""
        return action not in ("go_on", "step") or (self.is_active and self.focused is not None)

    def action_step(self, by: int) -> None:
        self.focus_next() if by > 0 else self.focus_previous()

    def action_go_on(self) -> None:
        if self.focused is self._user:
            self.set_focus(self._secret)
        else:  # what was typed before may still be on its way into the boxes
            self._user.call_later(self._secret.call_later, self._submit)

    @on(VirtualList.Selected)
    def _keeping_selected(self) -> None:
        self.action_go_on()

    def _submit(self) -> None:
        if self._is_asking:
            return
        if not self._user.value.strip():
            self._said.say("A user name is needed.", failed=True)
            self.set_focus(self._user)
        elif not self._secret.value:
            self._said.say("A password or a token is needed.", failed=True)
            self.set_focus(self._secret)
        else:
            self._was_submitted = self._is_asking = True
            self._log_in()

    # Asking

    @work(exclusive=True, group="asking")  # without arguments, which a worker's description would show
    async def _log_in(self) -> None:
        self._said.say()
        self._say_asked(f"Asking {self._host} …")
        self._form.disabled = True
        keeping = self._keep.row or THIS_RUN
        try:
            self._taken = await self._logged_in()
        except RegistryError as error:
            if isinstance(error, WrongLoginError):
                self._secret.value = ""
            self._stop(error.user_message, own_step(error.next_step))
            return
        notice = _NOTHING
        if keeping != THIS_RUN:
            self._say_asked(f"Keeping it in {keeping.label} …")
            notice = await self._accounts.keep(keeping)
        self._leave_as_taken(notice)

    def _leave_as_taken(self, notice: SafeText) -> None:
        self.leave(Change(safe_text(" ".join(filter(None, (*(self._taken or ()), notice))))))

    async def _logged_in(self) -> list[SafeText]:
        """Show the registry the login, once the user has allowed all that this takes. Gives what to say of it."""
        username, secret = self._user.value.strip(), self._secret.value
        security = await self._accounts.unsafe_words()
        if security and not await self._may(unsafe_permission(self._host, security)):
            raise UnsafeLoginError("Nothing was sent.", "", status=401)
        notices: list[SafeText] = []
        allowed: set[SafeText] = set()
        while True:
            try:
                notices.append(await self._accounts.log_in(username, secret))
                return notices
            except RealmNotTrustedError as error:
                wanted = realm_permission(self._host, error.realm)
                if error.realm in allowed or wanted is None or not await self._may(wanted, notices):
                    raise
                allowed.add(error.realm)

    async def _may(self, permission: Permission, notices: list[SafeText] | None = None) -> bool:
        """Ask the user for `permission`, and do what it takes."""
        if not await self.app.push_screen_wait(permission.question()):
            return False
        notice = await permission.give(self._accounts)
        if notices is not None:
            notices.append(notice)
        return True

    def _stop(self, sentence: str, next_step: str = "") -> None:
        """Let the user try again; say why."""
        self._is_asking = False
        self._say_asked("")
        self._form.disabled = False
        self._said.say(sentence, next_step, failed=True)
        self.set_focus(self._secret)

    def _say_asked(self, words: str) -> None:
        self._asking.display = bool(words)
        self._spinner.turn(bool(words))
        self._asking_words.say(words)

    # What is said

    @work(exclusive=True, group="danger")
    async def _look_for_danger(self) -> None:
        try:
            security = await self._accounts.unsafe_words()
        except RegistryError:
            return  # it will be said when the user has typed something to send
        if security:
            self._danger.say(unsafe_sentence(security), warns=True)

    @work(exclusive=True, group="known")
    async def _look_for_username(self) -> None:
        try:
            known = await self._accounts.known()
        except RegistryError:
            return  # the user name is typed, then; the screen of the accounts says what is wrong
        refused = next((account.username for account in known if account.is_used), _NOTHING)
        if refused:  # what was typed before may still be on its way into the box
            self._user.call_later(self._offer_username, refused)

    def _offer_username(self, username: SafeText) -> None:
        if self._user.value or self._was_typed or self._was_submitted:
            return
        self._user.value = username
        self._user.cursor_position = len(username)
        if self.focused is self._user:
            self.set_focus(self._secret)

    @on(Input.Changed)
    def _username_typed(self) -> None:
        self._was_typed = True

    @work(exclusive=True, group="keepings")
    async def _look_for_keepings(self) -> None:
        keepings, self._no_keyring = await self._accounts.keepings()
        self._keep.offer(keepings)
        if not self._was_submitted and not self._keep.has_focus:
            self._keep.cursor = next((n for n, keeping in enumerate(keepings) if keeping.is_keyring), 0)
        self._say_of_keeping()

    @on(VirtualList.Highlighted)
    def _say_of_keeping(self) -> None:
        chosen = self._keep.row
        warning = chosen.warning if chosen else ""
        self._about_keeping.say(warning, self._no_keyring, warns=True)
