"""The name of a repository, taken apart, and the index that it belongs to (`seed-registry-package.md` §3, §5, §12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from regbrowse.registry.constants import DEFAULT_NAMESPACE, INDEX_HOSTNAME
from regbrowse.registry.errors import InvalidReferenceError, InvalidRepositoryNameError
from regbrowse.registry.reference import (
    is_image_id,
    is_registry_host,
    is_repository_name,
    is_tag,
    parse_reference,
)
from regbrowse.registry.resolving import Resolver, system_resolver
from regbrowse.registry.service.config import IndexInfo, ServiceConfig
from regbrowse.registry.service.masking import without_secrets

_NAME_LIMIT: Final = 255
_OFFICIAL: Final = "library"


@dataclass(frozen=True, slots=True)
class RepositoryInfo:
    """A repository and its index. As a text it is its `name`; a tag or a digest is no part of it (2017-07).

    Attributes:
        name: As people write it: without `docker.io/` and, before a single component, without `library/`.
        full_name: With its host, always.
        remote_name: As the registry has it: without its host.
        hostname: `host` or `host:port`; `docker.io` for Docker Hub.
        index: The index of that host.
        official: Whether it is one of Docker Hub's own, whose `name` has no `/`.
        cls: "plugin" or "image", if somebody found that out.
    """

    name: str
    full_name: str
    remote_name: str
    hostname: str
    index: IndexInfo
    official: bool = False
    cls: str = ""

    def __str__(self) -> str:
        return self.name


async def parse_repository_info(name: str, *, resolver: Resolver | None = None) -> RepositoryInfo:
    """Take a repository's name apart, for a service that was told nothing: no mirrors, and only loopback is insecure.

    Args:
        name: Such as `ubuntu` or `registry.corp:5000/team/app:1.2`.
        resolver: As for `ServiceConfig.is_secure`; the system's if None.

    Raises:
        InvalidReferenceError: It is no such name, with the reason.
    """
    return await resolve_repository(name, ServiceConfig(), resolver or system_resolver)


async def resolve_repository(name: str, config: ServiceConfig, resolver: Resolver = system_resolver) -> RepositoryInfo:
    """Take a repository's name apart, with the index that `config` has for it.

    Raises:
        InvalidReferenceError: It is no such name, with the reason.
    """
    hostname, remote_name = split_repository_name(name)
    full_name = f"{hostname}/{remote_name}"
    familiar = _familiar(remote_name) if hostname == DEFAULT_NAMESPACE else full_name
    index = await config.index_info(hostname, resolver)
    return RepositoryInfo(familiar, full_name, remote_name, hostname, index, official="/" not in familiar)


async def parse_search_index_info(term: str, *, resolver: Resolver | None = None) -> IndexInfo:
    """The index that a search for `term` goes to, for a service that was told nothing.

    `://` is not looked for: `http://x/y` has the index `http:` (§5).

    Raises:
        ConfigError: The index begins or ends with a hyphen.
    """
    index, _ = split_search_term(term)
    return await ServiceConfig().index_info(index, resolver or system_resolver)


def split_search_term(term: str) -> tuple[str, str]:
    """What a search term says of where to search, and for what (§12).

    Returns:
        The name of the index, `docker.io` if the term says none, and the rest, which may be empty. The part before the
        first `/` is an index if it holds a `.` or a `:` or is `localhost`, in lower case.
    """
    first, slash, rest = term.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return DEFAULT_NAMESPACE, term


def split_repository_name(name: str) -> tuple[str, str]:
    """The host and the remote name of a repository, in full: `docker.io` and `library/ubuntu` for `ubuntu` (§3).

    A tag and a digest are checked and left out. Upper case stays in the host, and is refused in the remote name.

    Raises:
        InvalidReferenceError: The text is no name of an image.
        InvalidRepositoryNameError: It could be one, but for the repository in it.
    """
    if not name:
        raise InvalidReferenceError("An empty text names no repository.")
    if is_image_id(name):
        raise InvalidRepositoryNameError(f"“{name}” looks like an image's id, not like a repository.")
    hostname, rest = split_search_term(name)
    if hostname == INDEX_HOSTNAME:
        hostname = DEFAULT_NAMESPACE
    if not is_registry_host(hostname):
        raise InvalidReferenceError(f"“{without_secrets(name)}” does not begin with a host that can be one.")
    named, at, digest = rest.partition("@")
    path, colon, tag = named.partition(":")
    if hostname == DEFAULT_NAMESPACE and "/" not in path:
        path = f"{_OFFICIAL}/{path}"
    _check_path(hostname, path)
    if at:
        _check_digest(digest)
    if colon:
        _check_tag(tag)
    return hostname, path


def _check_path(hostname: str, path: str) -> None:
    shown = without_secrets(f"{hostname}/{path}")
    if path != path.lower():
        raise InvalidRepositoryNameError(f"repository name must be lowercase: “{shown}”")
    if len(f"{hostname}/{path}") > _NAME_LIMIT:
        raise InvalidRepositoryNameError(f"A repository's name has at most {_NAME_LIMIT} characters with its host.")
    if not is_repository_name(path):
        raise InvalidRepositoryNameError(f"“{shown}” cannot be the name of a repository.")


def _check_tag(tag: str) -> None:
    if not is_tag(tag):
        raise InvalidReferenceError(
            f"“{without_secrets(tag)}” cannot be a tag.",
            "A tag has up to 128 letters, digits, dots, dashes and underscores.",
        )


def _check_digest(digest: str) -> None:
    if not parse_reference(digest).has_digest:
        raise InvalidReferenceError(
            f"“{without_secrets(digest)}” is not a whole digest.",
            "A digest is sha256: and 64 hexadecimal digits.",
        )


def _familiar(remote_name: str) -> str:
    first, _, rest = remote_name.partition("/")
    return rest if first == _OFFICIAL and "/" not in rest else remote_name
