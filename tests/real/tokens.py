"""A token server whose tokens a real registry takes: JSON Web Tokens, signed (distribution, docs/spec/auth/jwt.md)."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.registry.certificates import sign
from tests.token_server import TokenServer

ISSUER: Final = "issuer for tests"
SERVICE: Final = "real registry"


class TokenIssuer(TokenServer):
    """Lets its accounts do everything, and anybody else only read some repositories: all other scopes are left out.

    Args:
        accounts: User names and their passwords.
        public: The repositories that anybody may read.

    Attributes:
        certificate: Whose key the tokens are signed with.
    """

    def __init__(self, accounts: Mapping[str, str], *, public: Collection[str] = ()) -> None:
        self.certificate = sign("token issuer", is_authority=True)
        self.public = public
        super().__init__(accounts, anonymous=True)

    def _issue(self, account: str, scopes: Sequence[str]) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": account,
            "aud": SERVICE,
            "exp": now + 300,
            "nbf": now - 60,
            "iat": now,
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
        if account or (kind == "repository" and name in self.public and actions == "pull"):
            return {"type": kind, "name": name, "actions": actions.split(",")}
        return None


def _part(value: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
