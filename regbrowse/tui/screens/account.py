"""The screen of the accounts that one has at a registry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar, Final

from rich.cells import cell_len
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content

from regbrowse.browser.accounts import Account, Accounts
from regbrowse.registry.errors import RegistryError
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.screens.dialogs import FRAME, Change, Dialog
from regbrowse.tui.screens.login import LoginScreen
from regbrowse.tui.screens.questions import Permission
from regbrowse.tui.widgets.cells import column, elided
from regbrowse.tui.widgets.line_widget import Piece
from regbrowse.tui.widgets.notice import Notice, Spinner
from regbrowse.tui.widgets.virtual_list import RowPainter, VirtualList

_NOTHING: Final = SafeText("")
_NAME_CELLS: Final = range(12, 40)
_IN_USE: Final = "in use"
_STOPPED: Final = SafeText("It is not used any more in this run. You stopped its removal: it may still be kept.")


class Deed(Enum):
    """What a line of the list does."""

    ALLOW = auto()
    LOG_IN = auto()
    USE = auto()
    BE_NOBODY = auto()
    LOG_OUT = auto()


@dataclass(frozen=True, slots=True)
class Line:
    """A line to choose: what it does, for which account, and what is beside it."""

    deed: Deed
    label: SafeText
    account: Account | None = None
    is_used: bool = False

    @property
    def more(self) -> SafeText:
        return self.account.origin if self.account and self.deed is Deed.USE else _NOTHING

    @property
    def problem(self) -> SafeText:
        return self.account.problem if self.account else _NOTHING


def account_lines(known: Sequence[Account], *, is_whole: bool = True) -> list[Line]:
    """A line for each account, and those that lead out of the one in use.

    Args:
        is_whole: All stores could be asked. Otherwise it is not known whether one is without a login.
    """
    lines = [Line(Deed.USE, account.username or SafeText("?"), account, is_used=account.is_used) for account in known]
    used = next((account for account in known if account.is_used), None)
    lines.append(Line(Deed.BE_NOBODY, SafeText("Without a login"), is_used=used is None and is_whole))
    if used:
        lines.append(Line(Deed.LOG_OUT, safe_text(f"Log out {used.username}"), used))
    return lines


class LineList(VirtualList[Line]):
    """The lines; enter is told at once, without a message: keys that follow it in a burst belong to what it opens."""

    def __init__(self, paint: RowPainter[Line], choose: Callable[[Line], None]) -> None:
        super().__init__(paint)
        self._choose = choose

    def action_move_select(self) -> None:
        if self.row is not None:
            self._choose(self.row)


class AccountScreen(Dialog[Change]):
    """Lets the user log in, be another account, or log out; gives None if nothing has changed.

    Args:
        accounts: Those of the registry.
        permission: What the user could allow there.
    """

    DEFAULT_CSS = f"""
    AccountScreen {{ {FRAME}
        & VirtualList {{ height: auto; max-height: 16; }}
        & Notice {{ padding: 0 2; margin-top: 1; }}
        & #looking {{ height: 1; padding: 0 2; margin-top: 1; }}
        & #looking > Notice {{ width: 1fr; padding: 0; margin: 0; }}
    }}
    """
    # Letters do nothing: a password that is typed too early must not act on what is below
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,left", "leave", "Back", show=False)]

    def __init__(self, accounts: Accounts, permission: Permission | None = None) -> None:
        super().__init__()
        self.is_opening = True
        self._accounts = accounts
        self._permission = permission
        self._host = safe_text(accounts.address.host)
        self._rows = LineList(self._paint, self._chosen)
        self._notice = Notice()
        self._spinner = Spinner()
        self._looking_words = Notice()
        self._looking = Horizontal(self._spinner, self._looking_words, id="looking")
        self._is_busy = self._was_stopped = False

    def compose(self) -> ComposeResult:
        frame = Vertical(self._rows, self._looking, self._notice)
        frame.border_title = Content(f"Accounts at {self._host}")
        frame.border_subtitle = Content("enter chooses, esc leaves")
        yield frame

    def on_mount(self) -> None:
        self._show(())
        self.set_focus(self._rows)
        self.take_keys()
        self._look()

    def action_leave(self) -> None:
        if self._is_busy:
            self._was_stopped = True
            self.workers.cancel_group(self, "doing")
        else:
            self.leave()

    def _show(self, lines: Iterable[Line]) -> None:
        first = [Line(Deed.ALLOW, self._permission.label)] if self._permission else []
        rows = (*first, Line(Deed.LOG_IN, SafeText("Log in …")), *lines)
        self._rows.styles.height = min(16, len(rows))
        self._rows.set_rows(rows)

    def _say_awaited(self, words: str) -> None:
        self._looking.display = bool(words)
        self._spinner.turn(bool(words))
        self._looking_words.say(words)

    @work(exclusive=True, group="known")
    async def _look(self) -> None:
        self._say_awaited("Looking for the logins that are known here …")
        known: tuple[Account, ...] = ()
        is_whole = False
        try:
            known = await self._accounts.known()
        except RegistryError as error:
            self._notice.say(error.user_message, error.next_step, failed=True)
        else:
            problems = [(account.problem, "$text-error") for account in known if account.problem]
            self._notice.show(problems)
            is_whole = not problems
        self._say_awaited("")
        lines = account_lines(known, is_whole=is_whole)
        self._show(lines)
        if not is_whole and not any(line.is_used for line in lines):
            self._offer_nobody()

    def _offer_nobody(self) -> None:
        """Put the cursor on what goes without the store that fails, unless the user has moved it."""
        if self._rows.cursor == 0 and not self._permission:
            self._rows.cursor = next(n for n, line in enumerate(self._rows.rows) if line.deed is Deed.BE_NOBODY)

    def _chosen(self, line: Line) -> None:
        if self._is_busy or line.problem:
            return
        match line.deed:
            case Deed.LOG_IN:
                self.app.push_screen(LoginScreen(self._accounts), self._logged_in)
            case Deed.ALLOW if self._permission:
                self.app.push_screen(self._permission.question(), self._answered)
            case Deed.USE if line.is_used:
                self.leave()
            case _:
                self._do(line)

    def _logged_in(self, change: Change | None) -> None:
        if change is not None:
            self.leave(change)

    def _answered(self, allowed: bool | None) -> None:
        if allowed:
            self._do(Line(Deed.ALLOW, SafeText("One moment")))

    @work(exclusive=True, group="doing")
    async def _do(self, line: Line) -> None:
        self._is_busy = True
        self._say_awaited(f"{line.label} …")
        is_nobody = line.deed in (Deed.LOG_OUT, Deed.BE_NOBODY)
        try:
            self.leave(Change(await self._done(line), is_nobody))
        except RegistryError as error:
            if line.deed is Deed.LOG_OUT:  # whatever remains of it, it is not used any more
                self.leave(Change(safe_text(f"{error.user_message} {error.next_step}"), is_nobody))
            self._notice.say(error.user_message, error.next_step, failed=True)
        except asyncio.CancelledError:  # the user does not wait: who one is now is seen in the panes
            if self._was_stopped:
                self.leave(Change(_STOPPED if line.deed is Deed.LOG_OUT else _NOTHING, is_nobody))
            raise
        self._is_busy = False
        self._say_awaited("")

    async def _done(self, line: Line) -> SafeText:
        """Do what `line` says. Gives what is to be said of it."""
        if line.deed is Deed.ALLOW and self._permission:
            return await self._permission.give(self._accounts)
        if line.deed is Deed.LOG_OUT and line.account:
            return await self._accounts.log_out(line.account)
        return await self._accounts.use(line.account)

    def _paint(self, line: Line, index: int, width: int) -> Iterable[Piece]:
        longest = max((cell_len(row.label) for row in self._rows.rows if row.deed is Deed.USE), default=0)
        name = line.label
        if line.deed is Deed.USE:
            name = SafeText(column(name, min(max(longest, _NAME_CELLS.start), _NAME_CELLS.stop)))
        yield elided(name, width), "error" if line.problem else "plain"
        more = "cannot be asked" if line.problem else _IN_USE if line.is_used else ""
        room = width - cell_len(name) - (3 + len(more) if more else 0) - 3
        if line.more:
            yield f"   {elided(line.more, room)}", "muted"
        if more:
            yield f"   {more}", "error" if line.problem else "accent"
