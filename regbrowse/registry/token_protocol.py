"""The token protocol of registries, as functions without a network: what to ask, and how to read the answer.

It is distribution's docs/spec/auth/token.md and oauth.md, as Docker follows them (seed-registry-package.md §10).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import parse_qsl, urlencode

from regbrowse.registry.auth import basic_authorization
from regbrowse.registry.challenges import Challenge
from regbrowse.registry.constants import AUTH_CLIENT_ID
from regbrowse.registry.errors import CredentialError, MalformedDocumentError, RedirectRefusedError
from regbrowse.registry.json_values import as_count, as_time
from regbrowse.registry.redirects import host_of, leaves_tls, redirect_target
from regbrowse.registry.text import safe_text
from regbrowse.registry.wire import httpx

SHORTEST_LIFE: Final = timedelta(seconds=60)
"""What a token lives if the server says less or nothing."""

LONGEST_LIFE: Final = timedelta(days=1)
TOKEN_LIMIT: Final = 16_384
REALM_LIMIT: Final = 2_048

_ABSOLUTE: Final = re.compile(r"https?://[^/?#\\]", re.IGNORECASE)
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")


# What to ask


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to a token server. It holds secrets, which its `repr` leaves out.

    Attributes:
        url: With its query.
        form: What a POST carries, in the order of its names.
        authorization: The value of `Authorization`; empty for none.
    """

    method: Literal["GET", "POST"]
    url: str
    form: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    authorization: str = field(default="", repr=False)


def token_realm(challenge: Challenge, registry: str) -> str:
    """The URL of the token server that `challenge` names.

    Args:
        challenge: Of the scheme `bearer`.
        registry: The URL that was asked when it came.

    Raises:
        MalformedDocumentError: It names none.
        RedirectRefusedError: It is not absolute, not of the web, has a login in it, or is plain HTTP although the
            registry is not: what was safe to send to the one is not to the other (registry-client.md §1.5).
    """
    asked = httpx.URL(registry)
    host = host_of(asked)
    realm = challenge.parameters.get("realm", "")
    if not realm:
        raise MalformedDocumentError(
            f"{host} wants a token: no realm specified for token auth challenge.", "Tell whoever runs the registry."
        )
    refusal = RedirectRefusedError(f"{host} wants a token, and names a token server that has no address of the web.")
    if not _ABSOLUTE.match(realm) or len(realm) > REALM_LIMIT:
        raise refusal
    try:
        target = redirect_target(asked, realm, may_leave_tls=True)
    except RedirectRefusedError as error:
        raise refusal from error
    if target.fragment:
        raise refusal
    if leaves_tls(asked, target):
        raise RedirectRefusedError(
            f"{host} is reached by https, and wants a login or a token to go over plain HTTP with {host_of(target)}."
        )
    return str(target)


def token_request(
    realm: str,
    service: str,
    scopes: Sequence[str],
    *,
    username: str = "",
    password: str = "",
    offline_access: bool = False,
    client_id: str = AUTH_CLIENT_ID,
) -> TokenRequest:
    """Ask for a token with a user name and a password, or for anybody's if one of them is missing.

    Args:
        realm: The token server's URL, whose own query is kept.
        service: As the challenge names it; empty for none.
        scopes: What the token is for.
        offline_access: Ask for a refresh token too. Some servers do not bear that: ask only where one is wanted.
        client_id: Sent with that.
    """
    address, _, query = realm.partition("?")
    fields = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    fields += [("scope", scope) for scope in scopes]
    if service:
        fields.append(("service", service))
    if offline_access:
        fields += [("client_id", client_id), ("offline_token", "true")]
    authorization = ""
    if username and password:
        fields.append(("account", username))
        authorization = basic_authorization(username, password)
    ordered = urlencode(sorted(fields, key=lambda pair: pair[0]), errors="surrogateescape")
    return TokenRequest("GET", f"{address}?{ordered}" if ordered else address, authorization=authorization)


def refresh_request(
    realm: str, service: str, scopes: Sequence[str], refresh_token: str, *, client_id: str = AUTH_CLIENT_ID
) -> TokenRequest:
    """Ask for a token with a refresh token (an identity token, as Docker calls it), by OAuth 2.

    Args:
        realm, service, scopes: As for `token_request`.

    Raises:
        CredentialError: The refresh token is none that a server would have given.
    """
    if not can_be_sent(refresh_token):
        raise CredentialError(
            "The login cannot be sent: its identity token is too long, or not of visible ASCII characters."
        )
    form = (
        ("client_id", client_id),
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("scope", " ".join(scopes)),
        ("service", service),
    )
    return TokenRequest("POST", realm, form)


# How to read the answer


@dataclass(frozen=True, slots=True)
class Token:
    """What a token server gave.

    Attributes:
        value: The bearer token; empty if there is none.
        expires: From then on it is of no use.
        refresh_token: What to ask the same server with from now on; empty if it gave none.
    """

    value: str = field(repr=False)
    expires: datetime
    refresh_token: str = field(default="", repr=False)


def parse_token(body: bytes, now: datetime, host: str) -> Token:
    """Read a token server's answer, whose keys may be in any case.

    Of `token` and `access_token` the latter counts. A token lives for `expires_in` seconds, from `SHORTEST_LIFE` to
    `LONGEST_LIFE`, since `issued_at`; since `now` if that makes no sense, which a clock that is wrong brings about.

    Args:
        body: The answer, already bounded. What follows the first JSON value does not matter.
        now: When it came.
        host: The token server's, for the message.

    Raises:
        MalformedDocumentError: It cannot be read, or a token in it could not be sent.
    """
    values = _first_object(body, host)
    value = _text(values, "access_token", host) or _text(values, "token", host)
    if value and not can_be_sent(value):
        raise _unreadable(host, "the token is too long, or not of visible ASCII characters")
    seconds = timedelta(seconds=min(as_count(values.get("expires_in")) or 0, LONGEST_LIFE.total_seconds()))
    life = max(seconds, SHORTEST_LIFE)
    issued = as_time(values.get("issued_at"))
    begin = issued if issued and now - life <= issued <= now else now
    refresh_token = _text(values, "refresh_token", host)
    if refresh_token and not can_be_sent(refresh_token):
        raise _unreadable(host, "the refresh token is too long, or not of visible ASCII characters")
    return Token(value, begin + life, refresh_token)


def can_be_sent(token: str) -> bool:
    """Whether `token` is of at most `TOKEN_LIMIT` visible ASCII characters (registry-client.md §1.3)."""
    return len(token) <= TOKEN_LIMIT and _VISIBLE.fullmatch(token) is not None


def _first_object(body: bytes, host: str) -> Mapping[str, object]:
    try:
        value, _ = json.JSONDecoder().raw_decode(body.decode("utf-8-sig", "replace").lstrip())
    except (ValueError, RecursionError):
        raise _unreadable(host, "it is not JSON") from None  # the cause would hold the body, and perhaps a token
    if value is None:  # in Go's eyes an object without a value
        return {}
    if not isinstance(value, dict):
        raise _unreadable(host, "it is not a JSON object")
    return {key.lower(): entry for key, entry in value.items()}


def _text(values: Mapping[str, object], key: str, host: str) -> str:
    value = values.get(key)
    if value is not None and not isinstance(value, str):
        raise _unreadable(host, f"“{key}” is not a text")
    return value or ""


def _unreadable(host: str, reason: str) -> MalformedDocumentError:
    return MalformedDocumentError(
        f"The token server {safe_text(host)}: unable to decode token response: {reason}.",
        "Tell whoever runs the token server.",
    )
