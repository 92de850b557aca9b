"""The accounts of a registry that there are to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from regbrowse.credentials.logins_file import KeptLogin
from regbrowse.registry.auth import Credential
from regbrowse.registry.text import SafeText, safe_text


class Nobody(Enum):
    """That no login is used."""

    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class TypedIn:
    """A login that was typed in for this run, by its user's name."""

    username: str


Choice = Nobody | TypedIn | KeptLogin | int
"""What can be chosen for a registry: nobody, a login typed in, one of ours, or the store of this number."""

NOTHING: Final = SafeText("")


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """One account of a registry, without its secret.

    Attributes:
        username: Empty if it is not known, as the store fails.
        origin: The store that has it.
        is_ours: regbrowse itself keeps it, or it was typed in for this run: it can be forgotten here.
        is_chosen: It is what a lookup for the registry as a whole gives: chosen by the user, or the first there is.
        problem: Why the store does not give it.
        choice: What the chain knows it by; None if it is only a problem and cannot be chosen.
        removal: How the user removes the login that another program keeps, as a sentence; empty if it is ours.
    """

    username: SafeText
    origin: SafeText
    is_ours: bool = False
    is_chosen: bool = False
    problem: SafeText = NOTHING
    choice: Choice | None = field(default=None, repr=False)
    removal: SafeText = NOTHING


def account_of(credential: Credential, choice: TypedIn | int, removal: SafeText = NOTHING) -> StoredAccount:
    """The account that a login is of, without its secret."""
    is_ours = isinstance(choice, TypedIn)
    return StoredAccount(
        safe_text(credential.username), credential.origin, is_ours=is_ours, choice=choice, removal=removal
    )


def in_order(accounts: Sequence[StoredAccount], choice: Choice | None) -> tuple[StoredAccount, ...]:
    """The accounts with the one in use marked, and each problem once: stores that share a file share its problem.

    Args:
        accounts: As they are asked; those typed in, which are asked only by choice, before them.
        choice: What the user chose; None if nothing.
    """
    problems = [account.problem for account in accounts]
    told = [
        account
        for number, account in enumerate(accounts)
        if account.choice is not None or account.problem not in problems[:number]
    ]
    if choice is None:
        first = next((account for account in told if not isinstance(account.choice, TypedIn)), None)
        choice = first.choice if first and not first.problem else None
    return tuple(replace(account, is_chosen=choice is not None and account.choice == choice) for account in told)
