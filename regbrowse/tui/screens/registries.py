"""The screen of the registries that are known here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, Final

from textual.binding import Binding, BindingType

from regbrowse.browser.accounts import Accounts
from regbrowse.browser.registries import KnownRegistry
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.screens.account import AccountScreen
from regbrowse.tui.screens.dialogs import Change, Choice, ChoiceScreen
from regbrowse.tui.widgets.virtual_list import VirtualList

_BY_NAME: Final = Choice(SafeText("Open another registry by its name …"))


class RegistriesScreen(ChoiceScreen):
    """Lets the user choose a registry; gives its number, that of none for another one by its name, or None.

    Args:
        known: The registries to offer.
        accounts: Gives the accounts of one.
        changed: Told how the user has become somebody else at one; None if that is not so.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("L", "account", "Log in, log out", show=False)]

    def __init__(
        self,
        known: Sequence[KnownRegistry],
        accounts: Callable[[RegistryAddress], Accounts],
        changed: Callable[[RegistryAddress, Change | None], None],
    ) -> None:
        choices = [Choice(safe_text(str(entry.address)), entry.origin) for entry in known]
        super().__init__("Registries", [*choices, _BY_NAME], hint="enter opens, L logs in and out, esc leaves")
        self._known = known
        self._accounts = accounts
        self._changed = changed

    def action_account(self) -> None:
        number = self.query_one(VirtualList).cursor
        if number < len(self._known):
            address = self._known[number].address
            self.app.push_screen(AccountScreen(self._accounts(address)), partial(self._changed, address))
