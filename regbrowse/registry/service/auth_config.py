"""What a login is made of, and which login belongs to an index (`seed-registry-package.md` §2 and §5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from regbrowse.registry.constants import INDEX_SERVER
from regbrowse.registry.service.config import IndexInfo
from regbrowse.registry.service.fields import object_in, text_in
from regbrowse.registry.service.masking import without_secrets


@dataclass(frozen=True, slots=True, repr=False)
class AuthConfig:
    """An account of a registry. Its `repr` shows the user's name and the server alone.

    Attributes:
        username: The account's name.
        password: Its password.
        auth: Both in Base64, as Docker's file has them. Nothing in this package looks at it.
        email: Deprecated by Docker.
        server_address: The registry that this was given for.
        identity_token: What a token server gave in the place of a password.
        registry_token: A bearer token that is ready for use. Nothing in this package looks at it.
    """

    username: str = ""
    password: str = ""
    auth: str = ""
    email: str = ""
    server_address: str = ""
    identity_token: str = ""
    registry_token: str = ""

    @classmethod
    def from_json(cls, value: object) -> AuthConfig:
        """Read an object with the keys of Docker's API; keys that it does not have are passed over.

        Raises:
            ConfigError: It is no object, or a value is no text. The value is not repeated.
        """
        found = object_in(value, "A login")
        return cls(**{field.name: text_in(found, _key(field.name)) for field in fields(cls)})

    def to_json(self) -> dict[str, str]:
        """The object of Docker's API: lower-case keys, empty ones left out. It holds the secrets."""
        return {_key(field.name): text for field in fields(self) if (text := getattr(self, field.name))}

    def __repr__(self) -> str:
        return f"AuthConfig(username={self.username!r}, server_address={str(without_secrets(self.server_address))!r})"


def _key(name: str) -> str:
    return name.replace("_", "")


def get_auth_config_key(index: IndexInfo) -> str:
    """The key under which the login of `index` is kept: `INDEX_SERVER` for Docker Hub, else its name as it is."""
    return INDEX_SERVER if index.official else index.name


def resolve_auth_config(auth_configs: Mapping[str, AuthConfig], index: IndexInfo) -> AuthConfig:
    """The login for `index`; an empty one if there is none.

    Docker Hub's is found under exactly `INDEX_SERVER`. Any other one may also be kept under a URL of its host; of
    several such the first counts, in the order of the mapping.
    """
    key = get_auth_config_key(index)
    if key in auth_configs:
        return auth_configs[key]
    # No host has the `/` of Docker Hub's key: what follows finds nothing for it.
    return next((found for url, found in auth_configs.items() if convert_to_hostname(url) == key), NO_LOGIN)


def convert_to_hostname(url: str) -> str:
    """The `host` or `host:port` of a URL, which needs no scheme: what stands between `http://` or `https://` and `/`.

    Only a scheme in lower case is dropped; an account and a query stay (2017-07).
    """
    for scheme in ("http://", "https://"):
        if url.startswith(scheme):
            return url.removeprefix(scheme).partition("/")[0]
    return url.partition("/")[0]


NO_LOGIN: Final = AuthConfig()
"""Nobody's."""
