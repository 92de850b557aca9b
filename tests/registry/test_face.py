"""Every name of Docker's package is there in Python's spelling (seed-registry-package.md §19)."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from regbrowse import registry

SYMBOLS: Final = """
    AuthClientID                            AUTH_CLIENT_ID
    DefaultSearchLimit                      DEFAULT_SEARCH_LIMIT
    DefaultNamespace                        DEFAULT_NAMESPACE
    DefaultRegistryVersionHeader            DEFAULT_REGISTRY_VERSION_HEADER
    IndexServer                             INDEX_SERVER
    IndexName                               INDEX_NAME
    NotaryServer                            NOTARY_SERVER
    DefaultV1Registry                       DEFAULT_V1_REGISTRY
    DefaultV2Registry                       DEFAULT_V2_REGISTRY
    CertsDir                                CERTS_DIR
    ErrAlreadyExists                        AlreadyExistsError
    ErrInvalidRepositoryName                InvalidRepositoryNameError
    ErrRepoNotFound                         RepositoryNotFoundError
    APIVersion                              APIVersion
    APIVersion1                             APIVersion.V1
    APIVersion2                             APIVersion.V2
    APIVersion.String                       APIVersion.__str__
    AuthTransport                           AuthTransport
    DigestReference                         digest_reference
    DockerHeaders                           docker_headers
    GetAuthConfigKey                        get_auth_config_key
    HTTPClient                              http_client
    NewTransport                            new_transport
    ParseReference                          parse_reference
    ParseRepositoryInfo                     parse_repository_info
    ParseSearchIndexInfo                    parse_search_index_info
    PingV2Registry                          ping_v2_registry
    ReadCertsDirectory                      read_certs_directory
    ResolveAuthConfig                       resolve_auth_config
    ValidateIndexName                       validate_index_name
    ValidateMirror                          validate_mirror
    APIEndpoint                             APIEndpoint
    APIEndpoint.ToV1Endpoint                APIEndpoint.to_v1_endpoint
    DefaultService                          DefaultService
    NewService                              DefaultService.__init__
    DefaultService.Auth                     DefaultService.auth
    DefaultService.LookupPullEndpoints      DefaultService.lookup_pull_endpoints
    DefaultService.LookupPushEndpoints      DefaultService.lookup_push_endpoints
    DefaultService.ResolveIndex             DefaultService.resolve_index
    DefaultService.ResolveRepository        DefaultService.resolve_repository
    DefaultService.Search                   DefaultService.search
    DefaultService.ServiceConfig            DefaultService.service_config
    DefaultService.TLSConfig                DefaultService.tls_config
    DefaultService.LoadMirrors              DefaultService.load_mirrors
    DefaultService.LoadInsecureRegistries   DefaultService.load_insecure_registries
    DefaultService.LoadAllowNondistributableArtifacts   DefaultService.load_allow_nondistributable_artifacts
    ImgData                                 ImgData
    PingResponseError                       PingResponseError
    PingResponseError.Error                 PingResponseError.__str__
    PingResult                              PingResult
    Reference                               Reference
    Reference.HasDigest                     Reference.has_digest
    Reference.ImageName                     Reference.image_name
    Reference.String                        Reference.__str__
    RepositoryData                          RepositoryData
    RepositoryInfo                          RepositoryInfo
    Service                                 Service
    ServiceOptions                          ServiceOptions
    ServiceOptions.InstallCliFlags          ServiceOptions.install_cli_flags
    Session                                 Session
    NewSession                              Session.new
    Session.GetAuthConfig                   Session.get_auth_config
    Session.GetRemoteHistory                Session.get_remote_history
    Session.GetRemoteImageJSON              Session.get_remote_image_json
    Session.GetRemoteImageLayer             Session.get_remote_image_layer
    Session.GetRemoteTag                    Session.get_remote_tag
    Session.GetRemoteTags                   Session.get_remote_tags
    Session.GetRepositoryData               Session.get_repository_data
    Session.ID                              Session.id
    Session.LookupRemoteImage               Session.lookup_remote_image
    Session.PushImageChecksumRegistry       Session.push_image_checksum_registry
    Session.PushImageJSONIndex              Session.push_image_json_index
    Session.PushImageJSONRegistry           Session.push_image_json_registry
    Session.PushImageLayerRegistry          Session.push_image_layer_registry
    Session.PushRegistryTag                 Session.push_registry_tag
    Session.SearchRepositories              Session.search_repositories
    V1Endpoint                              V1Endpoint
    NewV1Endpoint                           V1Endpoint.new
    V1Endpoint.Path                         V1Endpoint.path
    V1Endpoint.Ping                         V1Endpoint.ping
    V1Endpoint.String                       V1Endpoint.__str__
    AuthConfig                              AuthConfig
    IndexInfo                               IndexInfo
    ServiceConfig                           ServiceConfig
    SearchResult                            SearchResult
    SearchResults                           SearchResults
    TLSConfig                               TLSConfig
    NewStaticCredentialStore                StaticCredentialStore
"""
"""Docker's name, and ours."""

ASKS_THE_NETWORK: Final = frozenset(
    [
        "parse_repository_info",
        "parse_search_index_info",
        "ping_v2_registry",
        "DefaultService.auth",
        "DefaultService.lookup_pull_endpoints",
        "DefaultService.lookup_push_endpoints",
        "DefaultService.resolve_index",
        "DefaultService.resolve_repository",
        "DefaultService.search",
        "DefaultService.tls_config",
        "Session.new",
        "V1Endpoint.new",
        "V1Endpoint.ping",
        "Session.get_remote_history",
        "Session.get_remote_image_json",
        "Session.get_remote_image_layer",
        "Session.get_remote_tag",
        "Session.get_remote_tags",
        "Session.get_repository_data",
        "Session.lookup_remote_image",
        "Session.push_image_checksum_registry",
        "Session.push_image_json_index",
        "Session.push_image_json_registry",
        "Session.push_image_layer_registry",
        "Session.push_registry_tag",
        "Session.search_repositories",
    ]
)


def named(path: str) -> object:
    """The value of a dotted name; of an attribute that only instances have, the type it is said to be."""
    found: object = registry
    for part in path.split("."):
        found = getattr(found, part) if hasattr(found, part) else found.__annotations__[part]
    return found


@pytest.mark.parametrize(("theirs", "ours"), [line.split() for line in SYMBOLS.strip().splitlines()])
def test_every_name_of_dockers_package_is_here(theirs: str, ours: str) -> None:
    assert named(ours) is not None
    assert ours.partition(".")[0] in registry.__all__


@pytest.mark.parametrize("name", sorted(ASKS_THE_NETWORK))
def test_what_may_touch_the_network_is_a_coroutine(name: str) -> None:
    assert inspect.iscoroutinefunction(named(name))


@pytest.mark.parametrize("name", registry.__all__)
def test_every_exported_name_can_be_imported(name: str) -> None:
    assert getattr(registry, name) is not None
    assert name in dir(registry)


@pytest.mark.parametrize(
    "name", [name for name in registry.__all__ if inspect.isclass(getattr(registry, name)) or name.islower()]
)
def test_every_exported_class_and_function_says_what_it_is(name: str) -> None:
    assert inspect.getdoc(getattr(registry, name))


@pytest.mark.parametrize("name", ["DefaultService", "RegistryClient", "ServiceOptions", "Session", "V1Endpoint"])
def test_every_call_says_what_it_does(name: str) -> None:
    for member, function in inspect.getmembers(getattr(registry, name), inspect.isfunction):
        assert member.startswith("_") or inspect.getdoc(function), member


def test_type_checkers_are_told_the_same_names() -> None:
    tree = ast.parse(Path(registry.__file__).read_text(encoding="utf-8"))
    told = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("regbrowse.")
        for alias in node.names
    }
    assert told == {f"regbrowse.registry.{home}.{name}" for name, home in registry._HOME_OF.items()}


@pytest.mark.parametrize("name", registry.__all__)
def test_no_exported_name_is_a_module(name: str) -> None:
    assert not inspect.ismodule(getattr(registry, name))
    assert not (Path(registry.__file__).parent / f"{name}.py").exists()


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="NoSuchThing"):
        _ = registry.NoSuchThing


def test_the_whole_face_is_had_without_textual() -> None:
    code = f"""
import sys
for name in ("textual", "rich", "keyring", "yaml"):
    sys.modules[name] = None  # importing it fails
from regbrowse.registry import {", ".join(registry.__all__)}
"""
    subprocess.run([sys.executable, "-c", code], check=True)
