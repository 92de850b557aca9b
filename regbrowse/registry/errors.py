"""One tree of errors. Each knows a sentence for the user and a next step; none carries a secret."""

from __future__ import annotations

from typing import ClassVar

from regbrowse.registry.text import SafeText, safe_text


class RegistryError(Exception):
    """Anything that goes wrong between a user and a registry.

    Args:
        user_message: One sentence that says what happened and names the host or the file.
        next_step: What the user can do about it.
    """

    default_next_step: ClassVar[str] = "Try again."

    def __init__(self, user_message: str, next_step: str | None = None) -> None:
        super().__init__(user_message)
        self.user_message: SafeText = safe_text(user_message)
        self.next_step: SafeText = safe_text(self.default_next_step if next_step is None else next_step)

    def __str__(self) -> str:
        return self.user_message


class ConfigError(RegistryError, ValueError):
    """A setting, a certificate folder or a command line that cannot be used."""

    default_next_step = "Correct it and start again."


class InvalidReferenceError(ConfigError):
    """A text that names no registry, repository or image."""

    default_next_step = "Write it as registry.corp:5000/team/app:1.2, or as a Docker Hub name such as nginx."


class InvalidRepositoryNameError(InvalidReferenceError):
    """A repository name outside the grammar."""


class CredentialError(RegistryError):
    """A credential store that is there but does not answer as it should."""

    default_next_step = "Mend that store, or log in again with docker or podman."


# Reaching the registry


class ConnectionFailedError(RegistryError):
    """No HTTP answer: name, route, refusal, time-out, a connection cut short."""

    default_next_step = "Check the address and the network (VPN, proxy), then try again."
    is_passing = False
    """Whether the very same request may work a moment later: the connection was cut, not refused."""


class TLSFailureError(ConnectionFailedError):
    """The server's certificate or its TLS is not acceptable. Never answered by plain HTTP."""

    default_next_step = (
        "If the registry has its own CA, put that as ca.crt in its folder of the certificates directory."
    )


class RedirectRefusedError(RegistryError):
    """A redirect that may not be followed: to plain HTTP, in a circle, too many, or no address."""

    default_next_step = "Tell whoever runs the registry."


# What the registry answered


class HTTPStatusError(RegistryError):
    """An answer whose status is a failure.

    Args:
        user_message: As for `RegistryError`.
        status: The HTTP status.
        detail: The registry's own words, if it said any.
    """

    def __init__(
        self, user_message: str, next_step: str | None = None, *, status: int, detail: SafeText | None = None
    ) -> None:
        super().__init__(user_message, next_step)
        self.status = status
        self.detail = detail


class UnauthorizedError(HTTPStatusError):
    """401: the registry wants to know who asks, or does not believe it."""

    code: ClassVar[str] = "UNAUTHORIZED"
    default_next_step = "Log in with docker login or podman login, then try again."


class LoginNeededError(UnauthorizedError):
    """Nobody gets in without a login, and none is known."""


class WrongLoginError(UnauthorizedError):
    """The login that was sent is not believed: a wrong password, a revoked token, one whose time is over."""


class UnsafeLoginError(UnauthorizedError):
    """A login is asked for, and the connection is one where it could be overheard. It was not sent."""


class RealmNotTrustedError(UnauthorizedError):
    """The registry wants a login to go to a token server that is not known to belong to it. It was not sent.

    Args:
        registry: The registry's host, with its port unless it is the usual one.
        realm: The token server's, likewise.
    """

    def __init__(self, user_message: str, *, registry: str, realm: str) -> None:
        line = f'trusted-realms: {{"{registry}": ["{realm}"]}}'
        step = f"If that host gives out the registry's tokens, add to the config file: {line}"
        super().__init__(user_message, step, status=401)
        self.registry: SafeText = safe_text(registry)
        self.realm: SafeText = safe_text(realm)


class DeniedError(HTTPStatusError):
    """403, or 401 for an account that was accepted: known, but not permitted."""

    default_next_step = "Ask for permission, or use another account."


class NotFoundError(HTTPStatusError):
    """404: not there, or (on many registries) not there for this account."""

    default_next_step = "Check the name. Many registries also answer so where permission is missing."


class RepositoryNotFoundError(NotFoundError):
    """The registry knows no such repository."""


class ManifestNotFoundError(NotFoundError):
    """The repository is there, the tag or digest is not (any more)."""

    default_next_step = "It may just have been deleted: list the tags again."


class UnsupportedError(HTTPStatusError):
    """The registry does not offer this call."""

    default_next_step = "Open a repository by its name."


class RateLimitedError(HTTPStatusError):
    """429: too many requests.

    Args:
        retry_after: Seconds that the registry asked to wait, or None.
    """

    default_next_step = "Wait, then try again."

    def __init__(self, user_message: str, *, retry_after: float | None, detail: SafeText | None = None) -> None:
        super().__init__(user_message, status=429, detail=detail)
        self.retry_after = retry_after


class ServerFailureError(HTTPStatusError):
    """5xx, after the retries that are allowed."""

    default_next_step = "The registry itself has a problem: try again, or tell whoever runs it."


class AlreadyExistsError(RegistryError):
    """A push of an image that the registry has already: v1 says so in words, whatever the status."""

    default_next_step = "Nothing needs to be done: go on with the next image."


class PingResponseError(RegistryError):
    """The answer to a ping could not be made use of.

    Args:
        inner: What was wrong with it; its text is this error's text.
    """

    def __init__(self, inner: Exception) -> None:
        super().__init__(str(inner))
        self.inner = inner


class NoBasicCredentialsError(RegistryError):
    """The registry wants a user name and a password, and there are none."""

    default_next_step = "Log in with docker login or podman login, then try again."


class NoTokenError(RegistryError):
    """The token server answered without a token."""

    default_next_step = "Tell whoever runs the token server."


# What the answer held


class MalformedDocumentError(RegistryError):
    """An answer that is not the document it should be."""

    default_next_step = "Check that this is a registry and not a proxy's or a login page."


class LimitExceededError(RegistryError):
    """An answer larger than anything sensible. Reading stopped at the limit."""

    default_next_step = "Tell whoever runs the registry."


class DigestMismatchError(RegistryError):
    """Content that is not what its digest says. It was neither shown nor kept."""

    default_next_step = "Do not use this image; tell whoever runs the registry or the proxy before it."

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"The content of {expected} was altered: it is {found}.")
        self.expected = expected
        self.found = found
