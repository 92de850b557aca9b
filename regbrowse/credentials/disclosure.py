"""Whether what a program says gives away a secret that it was told."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus


def gives_away(text: str, secret: str) -> bool:
    """Whether a text has the secret, or a line of it, in it: in the clear or encoded for JSON, a URL or in base64.

    Case does not matter. A false alarm is possible, above all for a short secret; then the text is only not shown.
    """
    said = text.casefold()
    return any(form.casefold() in said for part in {secret, *secret.splitlines()} if part for form in _forms(part))


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield secret.strip()
    yield from (json.dumps(secret, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
    yield from (quote(secret), quote(secret, safe=""), quote_plus(secret))
    for before in range(3):  # bytes of a longer text that share the first characters, such as “user:”
        encoded = base64.b64encode(bytes(before) + secret.encode()).decode()
        whole = encoded[(before * 8 + 5) // 6 : (before + len(secret.encode())) * 8 // 6]
        yield whole
        yield whole.translate(str.maketrans("+/", "-_"))
