"""What a token is for, and how a registry says that it is not enough (distribution, docs/spec/auth/scope.md)."""

from __future__ import annotations

from typing import Final

from regbrowse.registry.auth import Scope
from regbrowse.registry.challenges import Challenge

_SCOPES_LIMIT: Final = 10
_LENGTH_LIMIT: Final = 2_048


def wants_more(challenge: Challenge) -> bool:
    """Whether this is about a token that was understood and is not for enough (RFC 6750 §3.1)."""
    return challenge.scheme == "bearer" and challenge.parameters.get("error") == "insufficient_scope"


def widened(needed: Scope, asked: str) -> tuple[str, ...]:
    """The scopes of a token for what is `needed` and what the registry `asked` for.

    What was asked for comes first, as some servers read one scope only; actions on the same resource are joined. What
    makes no sense, or is more than anybody asks for, is left out.

    Args:
        asked: The `scope` of a challenge: scopes with single blanks between them.
    """
    actions: dict[str, dict[str, None]] = {}
    wanted = asked.split(" ") if len(asked) <= _LENGTH_LIMIT else []
    for scope in (*wanted[:_SCOPES_LIMIT], str(needed)):
        # A name may hold a port and so a colon: actions are after the last one
        resource, _, verbs = scope.rpartition(":")
        if ":" in resource and verbs and scope.isascii() and scope.isprintable():
            actions.setdefault(resource, {}).update(dict.fromkeys(filter(None, verbs.split(","))))
    return tuple(f"{resource}:{'*' if '*' in verbs else ','.join(verbs)}" for resource, verbs in actions.items())
