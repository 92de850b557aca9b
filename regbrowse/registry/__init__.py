"""The asynchronous core: registries over both protocols, as a library of its own standing.

Everything that Docker's Go package `registry` offered is here in Python's spelling, beside a client for v2 and OCI.
Names are imported when they are first asked for, so that a program pays only for what it uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from regbrowse.registry.auth import BasicAuthorizer as BasicAuthorizer
    from regbrowse.registry.auth import Credential as Credential
    from regbrowse.registry.auth import Scope as Scope
    from regbrowse.registry.bearer import ChallengeAuthorizer as ChallengeAuthorizer
    from regbrowse.registry.challenges import Challenge as Challenge
    from regbrowse.registry.challenges import ChallengeManager as ChallengeManager
    from regbrowse.registry.challenges import parse_challenges as parse_challenges
    from regbrowse.registry.client import RegistryClient as RegistryClient
    from regbrowse.registry.constants import AUTH_CLIENT_ID as AUTH_CLIENT_ID
    from regbrowse.registry.constants import CERTS_DIR as CERTS_DIR
    from regbrowse.registry.constants import DEFAULT_NAMESPACE as DEFAULT_NAMESPACE
    from regbrowse.registry.constants import DEFAULT_REGISTRY_VERSION_HEADER as DEFAULT_REGISTRY_VERSION_HEADER
    from regbrowse.registry.constants import DEFAULT_SEARCH_LIMIT as DEFAULT_SEARCH_LIMIT
    from regbrowse.registry.constants import DEFAULT_V1_REGISTRY as DEFAULT_V1_REGISTRY
    from regbrowse.registry.constants import DEFAULT_V2_REGISTRY as DEFAULT_V2_REGISTRY
    from regbrowse.registry.constants import INDEX_HOSTNAME as INDEX_HOSTNAME
    from regbrowse.registry.constants import INDEX_NAME as INDEX_NAME
    from regbrowse.registry.constants import INDEX_SERVER as INDEX_SERVER
    from regbrowse.registry.constants import NOTARY_SERVER as NOTARY_SERVER
    from regbrowse.registry.digest import Digest as Digest
    from regbrowse.registry.docker_http import MakeTransport as MakeTransport
    from regbrowse.registry.docker_http import RequestModifier as RequestModifier
    from regbrowse.registry.docker_http import docker_headers as docker_headers
    from regbrowse.registry.docker_http import http_client as http_client
    from regbrowse.registry.docker_http import new_transport as new_transport
    from regbrowse.registry.endpoint import APIEndpoint as APIEndpoint
    from regbrowse.registry.endpoint import APIVersion as APIVersion
    from regbrowse.registry.errors import AlreadyExistsError as AlreadyExistsError
    from regbrowse.registry.errors import ConfigError as ConfigError
    from regbrowse.registry.errors import ConnectionFailedError as ConnectionFailedError
    from regbrowse.registry.errors import CredentialError as CredentialError
    from regbrowse.registry.errors import DeniedError as DeniedError
    from regbrowse.registry.errors import DigestMismatchError as DigestMismatchError
    from regbrowse.registry.errors import HTTPStatusError as HTTPStatusError
    from regbrowse.registry.errors import InvalidReferenceError as InvalidReferenceError
    from regbrowse.registry.errors import InvalidRepositoryNameError as InvalidRepositoryNameError
    from regbrowse.registry.errors import LimitExceededError as LimitExceededError
    from regbrowse.registry.errors import MalformedDocumentError as MalformedDocumentError
    from regbrowse.registry.errors import ManifestNotFoundError as ManifestNotFoundError
    from regbrowse.registry.errors import NoBasicCredentialsError as NoBasicCredentialsError
    from regbrowse.registry.errors import NotFoundError as NotFoundError
    from regbrowse.registry.errors import NoTokenError as NoTokenError
    from regbrowse.registry.errors import PingResponseError as PingResponseError
    from regbrowse.registry.errors import RateLimitedError as RateLimitedError
    from regbrowse.registry.errors import RealmNotTrustedError as RealmNotTrustedError
    from regbrowse.registry.errors import RedirectRefusedError as RedirectRefusedError
    from regbrowse.registry.errors import RegistryError as RegistryError
    from regbrowse.registry.errors import RepositoryNotFoundError as RepositoryNotFoundError
    from regbrowse.registry.errors import ServerFailureError as ServerFailureError
    from regbrowse.registry.errors import TLSFailureError as TLSFailureError
    from regbrowse.registry.errors import UnauthorizedError as UnauthorizedError
    from regbrowse.registry.errors import UnsupportedError as UnsupportedError
    from regbrowse.registry.models import Descriptor as Descriptor
    from regbrowse.registry.models import Document as Document
    from regbrowse.registry.models import HistoryEntry as HistoryEntry
    from regbrowse.registry.models import ImageConfig as ImageConfig
    from regbrowse.registry.models import Index as Index
    from regbrowse.registry.models import Manifest as Manifest
    from regbrowse.registry.models import Page as Page
    from regbrowse.registry.models import Platform as Platform
    from regbrowse.registry.models import Schema1 as Schema1
    from regbrowse.registry.models import Step as Step
    from regbrowse.registry.opening import open_registry as open_registry
    from regbrowse.registry.ping import ping_v2_registry as ping_v2_registry
    from regbrowse.registry.proxies import Proxies as Proxies
    from regbrowse.registry.proxies import Proxy as Proxy
    from regbrowse.registry.proxies import ProxyChoice as ProxyChoice
    from regbrowse.registry.reference import Reference as Reference
    from regbrowse.registry.reference import RegistryAddress as RegistryAddress
    from regbrowse.registry.reference import Target as Target
    from regbrowse.registry.reference import digest_reference as digest_reference
    from regbrowse.registry.reference import parse_reference as parse_reference
    from regbrowse.registry.reference import parse_registry_address as parse_registry_address
    from regbrowse.registry.reference import parse_target as parse_target
    from regbrowse.registry.resolving import Resolver as Resolver
    from regbrowse.registry.resolving import system_resolver as system_resolver
    from regbrowse.registry.service.auth_config import AuthConfig as AuthConfig
    from regbrowse.registry.service.auth_config import convert_to_hostname as convert_to_hostname
    from regbrowse.registry.service.auth_config import get_auth_config_key as get_auth_config_key
    from regbrowse.registry.service.auth_config import resolve_auth_config as resolve_auth_config
    from regbrowse.registry.service.config import IndexInfo as IndexInfo
    from regbrowse.registry.service.config import ServiceConfig as ServiceConfig
    from regbrowse.registry.service.config import validate_index_name as validate_index_name
    from regbrowse.registry.service.default import DefaultService as DefaultService
    from regbrowse.registry.service.default import Service as Service
    from regbrowse.registry.service.mirrors import validate_mirror as validate_mirror
    from regbrowse.registry.service.options import ServiceOptions as ServiceOptions
    from regbrowse.registry.service.repository_info import RepositoryInfo as RepositoryInfo
    from regbrowse.registry.service.repository_info import parse_repository_info as parse_repository_info
    from regbrowse.registry.service.repository_info import parse_search_index_info as parse_search_index_info
    from regbrowse.registry.tls import ClientCertificate as ClientCertificate
    from regbrowse.registry.tls import TLSConfig as TLSConfig
    from regbrowse.registry.tls import read_certs_directory as read_certs_directory
    from regbrowse.registry.token_keeper import TokenKeeper as TokenKeeper
    from regbrowse.registry.tokens import StaticCredentialStore as StaticCredentialStore
    from regbrowse.registry.transport import Transport as Transport
    from regbrowse.registry.v1.auth_transport import AuthTransport as AuthTransport
    from regbrowse.registry.v1.endpoint import V1Endpoint as V1Endpoint
    from regbrowse.registry.v1.layers import LayerReader as LayerReader
    from regbrowse.registry.v1.models import ImgData as ImgData
    from regbrowse.registry.v1.models import PingResult as PingResult
    from regbrowse.registry.v1.models import RepositoryData as RepositoryData
    from regbrowse.registry.v1.models import SearchResult as SearchResult
    from regbrowse.registry.v1.models import SearchResults as SearchResults
    from regbrowse.registry.v1.session import Session as Session

_HOMES: Final = {
    "auth": "BasicAuthorizer Credential Scope",
    "bearer": "ChallengeAuthorizer",
    "challenges": "Challenge ChallengeManager parse_challenges",
    "client": "RegistryClient",
    "constants": (
        "AUTH_CLIENT_ID CERTS_DIR DEFAULT_NAMESPACE DEFAULT_REGISTRY_VERSION_HEADER DEFAULT_SEARCH_LIMIT "
        "DEFAULT_V1_REGISTRY DEFAULT_V2_REGISTRY INDEX_HOSTNAME INDEX_NAME INDEX_SERVER NOTARY_SERVER"
    ),
    "digest": "Digest",
    "endpoint": "APIEndpoint APIVersion",
    "errors": (
        "AlreadyExistsError ConfigError ConnectionFailedError CredentialError DeniedError DigestMismatchError "
        "HTTPStatusError InvalidReferenceError InvalidRepositoryNameError LimitExceededError "
        "MalformedDocumentError ManifestNotFoundError NoBasicCredentialsError NoTokenError NotFoundError "
        "PingResponseError RateLimitedError RealmNotTrustedError RedirectRefusedError RegistryError "
        "RepositoryNotFoundError ServerFailureError TLSFailureError UnauthorizedError UnsupportedError"
    ),
    "docker_http": "MakeTransport RequestModifier docker_headers http_client new_transport",
    "models": "Descriptor Document HistoryEntry ImageConfig Index Manifest Page Platform Schema1 Step",
    "opening": "open_registry",
    "ping": "ping_v2_registry",
    "proxies": "Proxies Proxy ProxyChoice",
    "reference": (
        "Reference RegistryAddress Target digest_reference parse_reference parse_registry_address parse_target"
    ),
    "resolving": "Resolver system_resolver",
    "service.auth_config": "AuthConfig convert_to_hostname get_auth_config_key resolve_auth_config",
    "service.config": "IndexInfo ServiceConfig validate_index_name",
    "service.default": "DefaultService Service",
    "service.mirrors": "validate_mirror",
    "service.options": "ServiceOptions",
    "service.repository_info": "RepositoryInfo parse_repository_info parse_search_index_info",
    "tls": "ClientCertificate TLSConfig read_certs_directory",
    "tokens": "StaticCredentialStore",
    "token_keeper": "TokenKeeper",
    "transport": "Transport",
    "v1.auth_transport": "AuthTransport",
    "v1.endpoint": "V1Endpoint",
    "v1.layers": "LayerReader",
    "v1.models": "ImgData PingResult RepositoryData SearchResult SearchResults",
    "v1.session": "Session",
}
"""The module of each name."""

_HOME_OF: Final = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = list(_HOME_OF)


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
