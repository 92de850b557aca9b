"""What a user wrote as an address, repeated in a message without what may be secret in it."""

from __future__ import annotations

import re
from typing import Final

from regbrowse.registry.text import SafeText, safe_text

_SHOWN: Final = 200
_END_OF_NAME: Final = re.compile(r"[:/?#]")
_QUERY: Final = re.compile(r"[?#].*", re.DOTALL)


def without_secrets(address: str) -> SafeText:
    """The address with its password as `xxxxx`, as in `seed-registry-package.md` §5, and without its query.

    Args:
        address: Any text: a URL, `host:port`, or neither. What stands before an `@` is taken for an account.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "", address
    account, at, rest = rest.rpartition("@")
    user = f"{_END_OF_NAME.split(account, maxsplit=1)[0]}:xxxxx@" if at else ""
    return safe_text(f"{scheme}{separator}{user}{_QUERY.sub('?…', rest)}", limit=_SHOWN)
