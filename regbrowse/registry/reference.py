"""What a user types to name a registry, a repository or an image, and the grammar behind it.

The grammar is that of image references (distribution-spec, `seed-registry-package.md` §3 and §4).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Final, Literal

from regbrowse.registry.errors import InvalidReferenceError, InvalidRepositoryNameError
from regbrowse.registry.text import SafeText, safe_text

DOCKER_HUB: Final = "docker.io"
DOCKER_HUB_REGISTRY: Final = "registry-1.docker.io"
"""The host that serves Docker Hub's images; `docker.io` is only its name."""

_NAME_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(rf"{_NAME_COMPONENT}(?:/{_NAME_COMPONENT})*")
_NAME_LIMIT: Final = 255
_TAG: Final = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_HOST_COMPONENT = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST_NAME = rf"(?P<host>{_HOST_COMPONENT}(?:\.{_HOST_COMPONENT})*|\[[0-9a-fA-F:.]+\])"
_HOST: Final = re.compile(rf"{_HOST_NAME}(?::(?P<port>[0-9]{{1,5}}))?")
_NAMED_HOST: Final = re.compile(rf"{_HOST_NAME}(?::[0-9]+)?")
_HOST_LIMIT: Final = 253
_LABEL_LIMIT: Final = 63
_PORT: Final = re.compile(r"[0-9]{1,5}")
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~-]{1,128}){0,16}")
_DIGEST: Final = re.compile(r"[a-zA-Z0-9_+.-]+:[a-fA-F0-9]+")
_DIGEST_LENGTHS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
_API_PATH: Final = re.compile(r"/v[12]\Z")
_IMAGE_ID: Final = re.compile(r"[0-9a-f]{64}")


def is_repository_name(text: str) -> bool:
    """Whether `text` may be used as a repository's name in a request."""
    return len(text) <= _NAME_LIMIT and _NAME.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether `text` may be used as a tag in a request."""
    return _TAG.fullmatch(text) is not None


def is_registry_host(text: str) -> bool:
    """Whether `text` may be the host of an image's name: `host` or `host:port`, in whatever case.

    The port is not looked at further than that it has digits (`seed-registry-package.md` §3). Other than in 2017, an
    IPv6 address in brackets is a host.
    """
    match = _NAMED_HOST.fullmatch(text)
    return match is not None and (not match["host"].startswith("[") or _is_reachable(match["host"]))


def is_image_id(text: str) -> bool:
    """Whether `text` is what Docker takes for the id of an image: 64 hexadecimal digits in lower case."""
    return _IMAGE_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Reference:
    """A tag or a digest: what OCI's distribution-spec calls `<reference>`."""

    text: str
    has_digest: bool = False

    def image_name(self, repository: str) -> str:
        """`repository:tag` or `repository@digest`."""
        return f"{repository}{'@' if self.has_digest else ':'}{self.text}"

    def __str__(self) -> str:
        return self.text


def parse_reference(text: str) -> Reference:
    """A digest reference if `text` is a whole digest, in every other case a tag reference with the text unchecked."""
    algorithm, _, encoded = text.partition(":")
    is_digest = _DIGEST.fullmatch(text) is not None and len(encoded) == _DIGEST_LENGTHS.get(algorithm)
    return Reference(text, has_digest=is_digest)


def digest_reference(digest: str) -> Reference:
    """A digest reference, without a check."""
    return Reference(digest, has_digest=True)


@dataclass(frozen=True, slots=True)
class RegistryAddress:
    """Where a registry is, as far as the user said it.

    Attributes:
        host: `host` or `host:port`, as in an image's name, in lower case.
        scheme: `https` or `http` if the user spelled it, and then taken at its word; else empty.
        prefix: A path before `/v2/`, beginning with `/`, without a `/` at its end; usually empty.
    """

    host: str
    scheme: Literal["", "http", "https"] = ""
    prefix: str = ""

    @property
    def hostname(self) -> str:
        """The host without its port and without brackets."""
        match = _HOST.fullmatch(self.host)
        return (match["host"] if match else self.host).strip("[]")

    @property
    def is_docker_hub(self) -> bool:
        return self.host == DOCKER_HUB

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.prefix}" if self.scheme else f"{self.host}{self.prefix}"


@dataclass(frozen=True, slots=True)
class Target:
    """What a user names: a registry, a repository in it, or an image in that."""

    registry: RegistryAddress
    repository: str = ""
    reference: Reference | None = None

    @property
    def familiar_name(self) -> str:
        """As one would type it after `docker pull`: without `docker.io/library/`."""
        if not self.repository:
            return str(self.registry)
        if self.registry.is_docker_hub:
            name = self.repository.removeprefix("library/")
        else:
            name = f"{self.registry.host}{self.registry.prefix}/{self.repository}"
        return self.reference.image_name(name) if self.reference else name

    def __str__(self) -> str:
        if not self.repository:
            return str(self.registry)
        name = f"{self.registry.host}{self.registry.prefix}/{self.repository}"
        return self.reference.image_name(name) if self.reference else name


def parse_registry_address(text: str) -> RegistryAddress:
    """Parse `host`, `host:port`, or either with a scheme and a path before it and after it.

    The host becomes lower case, and `/v1/` or `/v2/` at the end is not part of the path: Docker writes addresses so.

    Raises:
        InvalidReferenceError: It is no such address. A password in it is not repeated.
    """
    text = text.strip()
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    scheme = scheme.lower()
    if scheme not in ("", "http", "https"):
        raise InvalidReferenceError(
            f"{_shown(scheme)} is not how a registry is reached.", "Use https:// or http://, or no scheme."
        )
    host, slash, path = rest.partition("/")
    host = host.lower()
    _check_host(host)
    prefix = _API_PATH.sub("", f"{slash}{path}".rstrip("/"))
    if _PREFIX.fullmatch(prefix) is None or any(part in (".", "..") for part in prefix.split("/")):
        raise InvalidReferenceError(f"The address of {host} has a path that a registry cannot have.")
    if host in ("index.docker.io", "docker.io"):
        host = DOCKER_HUB
    return RegistryAddress(host, scheme, prefix)  # type: ignore[arg-type]  # checked above


def parse_target(text: str, registry: RegistryAddress | None = None) -> Target:
    """Parse what a user typed to name something to look at.

    A first component names a registry if it holds a `.` or a `:` or is `localhost`; otherwise the text is a name in
    `registry` if that is given, else on Docker Hub. Standing alone, `name:digits` is a registry only if the digits
    could be its port: `registry:5000` is, `postgres:16` is an image. A `/` at the end means nothing else than that
    what is before it is no tag. With a scheme, the whole text is a registry's address.

    Args:
        text: As typed; blanks around it do not matter.
        registry: The registry that a bare name belongs to; Docker Hub if None. A text that begins with its name is in
            it too, and so keeps its scheme.

    Raises:
        InvalidReferenceError: The text names nothing, with the reason.
    """
    text = text.strip().removeprefix("docker://").removeprefix("oci://")
    if "://" in text:
        return Target(parse_registry_address(text))
    name = text.rstrip("/")
    if not name:
        raise InvalidReferenceError("Nothing was named.")
    first, _, rest = name.partition("/")
    if not _names_registry(first, alone=name == text and not rest):
        return _parse_image(name, registry or RegistryAddress(DOCKER_HUB))
    address = parse_registry_address(first)
    if registry and registry.host == address.host and f"/{rest}/".startswith(f"{registry.prefix}/"):
        address, rest = registry, f"/{rest}".removeprefix(registry.prefix).removeprefix("/")
    return _parse_image(rest, address) if rest else Target(address)


def _names_registry(first: str, *, alone: bool) -> bool:
    if first.lower() == "localhost" or first.startswith("["):
        return True
    host, colon, port = first.partition(":")
    if not alone:
        return "." in first or bool(colon)
    if "@" in first:
        return False
    if not colon:
        return "." in host
    if _PORT.fullmatch(port) is None:
        return False
    return "." in host or host.lower() == "localhost" or port in ("80", "443") or 1000 <= int(port) <= 65535


def _parse_image(text: str, registry: RegistryAddress) -> Target:
    named, at, digest = text.partition("@")
    before, colon, tag = named.rpartition(":")
    has_tag = bool(colon) and "/" not in tag
    name = before if has_tag else named
    _check_repository(name)
    if has_tag and not is_tag(tag):
        raise InvalidReferenceError(
            f"“{_shown(tag)}” cannot be a tag.",
            "A tag has up to 128 letters, digits, dots, dashes and underscores.",
        )
    if registry.is_docker_hub and "/" not in name:
        name = f"library/{name}"
    if at:
        return Target(registry, name, _whole_digest(digest))
    return Target(registry, name, Reference(tag) if has_tag else None)


def _whole_digest(text: str) -> Reference:
    reference = parse_reference(text)
    if not reference.has_digest:
        raise InvalidReferenceError(
            f"“{_shown(text)}” is not a whole digest.", "A digest is sha256: and 64 hexadecimal digits."
        )
    return replace(reference, text=text.lower())


def _check_host(host: str) -> None:
    match = _HOST.fullmatch(host)
    if match and (not match["port"] or 0 < int(match["port"]) <= 65535) and _is_reachable(match["host"]):
        return
    if "@" in host:
        raise InvalidReferenceError(
            "An address cannot hold a user name or a password.", "Leave them out, and log in with docker login."
        )
    raise InvalidReferenceError(f"“{_shown(host.partition('?')[0])}” is not a host name that can be used.")


def _is_reachable(name: str) -> bool:
    if not name.startswith("["):
        return len(name) <= _HOST_LIMIT and all(len(label) <= _LABEL_LIMIT for label in name.split("."))
    try:
        ipaddress.IPv6Address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _check_repository(name: str) -> None:
    shown = _shown(name)
    if is_image_id(name):
        raise InvalidRepositoryNameError(f"“{shown}” looks like an image's id, not like a repository.")
    if is_repository_name(name):
        return
    if is_repository_name(name.lower()):
        raise InvalidRepositoryNameError(f"“{shown}” must be in lower case.")
    raise InvalidRepositoryNameError(f"“{shown}” cannot be the name of a repository.")


def _shown(text: str) -> SafeText:
    return safe_text(text, limit=200)
