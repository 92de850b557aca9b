"""A token server whose tokens a real registry takes: JSON Web Tokens, signed (distribution, docs/spec/auth/jwt.md)."""

from __future__ import annotations

import base64
import json
import math
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import trustme
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.registry.certificates import sign
from tests.token_server import TokenServer

ISSUER: Final = "issuer for tests"
SERVICE: Final = "real registry"
LEEWAY: Final = 60
"""Seconds for which a registry of 2.8 still takes a token that says it is over."""


class TokenIssuer(TokenServer):
    """Lets its accounts do everything, and anybody else only read some repositories: all other scopes are left out.

    Args:
        accounts: User names and their passwords.
        public: The repositories that anybody may read.
        limits: The accounts that may not do everything, with the repositories that they may read.
        rotates: As for `TokenServer`.
        tls: A certificate to serve https with.

    Attributes:
        certificate: Whose key the tokens are signed with.
        life: Seconds for which a registry takes the tokens from now on, while their `expires_in` goes on to say more.
    """

    def __init__(
        self,
        accounts: Mapping[str, str],
        *,
        public: Collection[str] = (),
        limits: Mapping[str, Collection[str]] | None = None,
        rotates: bool = False,
        tls: trustme.LeafCert | None = None,
    ) -> None:
        self.certificate = sign("token issuer", is_authority=True)
        self.public = public
        self.limits = dict(limits or {})
        self.life = 300.0
        super().__init__(accounts, anonymous=True, rotates=rotates, tls=tls)

    @property
    def granted(self) -> list[tuple[str, tuple[str, ...]]]:
        """The account ("" for nobody's) and the scopes that were asked for, token by token."""
        return list(self.issued.values())

    @property
    def last_token(self) -> str:
        return list(self.issued)[-1]

    def token(self, account: str, *scopes: str) -> str:
        """A token that was got on another way than from this server."""
        return self._issue(account, scopes)

    def _issue(self, account: str, scopes: Sequence[str]) -> str:
        now = time.time()
        claims = {
            "iss": ISSUER,
            "sub": account,
            "aud": SERVICE,
            "exp": math.ceil(now + self.life) - LEEWAY,
            "nbf": int(now) - LEEWAY,
            "iat": int(now),
            "jti": secrets.token_hex(8),
            "access": [access for scope in scopes if (access := self._access(account, scope))],
        }
        chain = [base64.b64encode(self.certificate.certificate.public_bytes(serialization.Encoding.DER)).decode()]
        signed = f"{_part({'typ': 'JWT', 'alg': 'ES256', 'x5c': chain})}.{_part(claims)}"
        r, s = decode_dss_signature(self.certificate.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        token = f"{signed}.{_base64url(r.to_bytes(32) + s.to_bytes(32))}"
        self.issued[token] = (account, tuple(scopes))
        return token

    def _access(self, account: str, scope: str) -> dict[str, Any] | None:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        may_read = (*self.public, *self.limits.get(account, ()))
        may_all = account and account not in self.limits
        if may_all or (kind == "repository" and name in may_read and actions == "pull"):
            return {"type": kind, "name": name, "actions": actions.split(",")}
        return None


def _part(value: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
