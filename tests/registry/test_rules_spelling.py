"""The values of Docker's package, the order and the defaults of its arguments, and the kinds of its errors.

See seed-registry-package.md §1, §2 and §20. `test_face` has the names.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, Final

import pytest

from regbrowse import registry

VALUES: Final = {
    "AUTH_CLIENT_ID": "docker",
    "DEFAULT_SEARCH_LIMIT": 25,
    "DEFAULT_NAMESPACE": "docker.io",
    "DEFAULT_REGISTRY_VERSION_HEADER": "Docker-Distribution-Api-Version",
    "INDEX_NAME": "docker.io",
    "INDEX_HOSTNAME": "index.docker.io",
    "INDEX_SERVER": "https://index.docker.io/v1/",
    "NOTARY_SERVER": "https://notary.docker.io",
    "DEFAULT_V1_REGISTRY": "https://index.docker.io",
    "DEFAULT_V2_REGISTRY": "https://registry-1.docker.io",
    "CERTS_DIR": Path("/etc/docker/certs.d"),
}

ARGUMENTS: Final = """
    AuthTransport                                  base auth_config always_set_basic_auth
    AuthConfig                                     username='' password='' auth='' email='' server_address='' \
identity_token='' registry_token=''
    APIEndpoint                                    url version mirror=False official=False trim_hostname=True \
tls_config allow_nondistributable_artifacts=False
    APIEndpoint.to_v1_endpoint                     user_agent='' meta_headers=None
    ImgData                                        id checksum='' checksum_payload='' tag=''
    IndexInfo                                      name mirrors=() secure official=False
    PingResult                                     version='' standalone
    RepositoryData                                 img_list endpoints tokens=()
    RepositoryInfo                                 name full_name remote_name hostname index official=False
    SearchResult                                   name description star_count is_official is_automated
    SearchResults                                  query num_results results
    ServiceConfig                                  insecure_registry_cidrs index_configs mirrors
    ServiceOptions                                 mirrors insecure_registries v2_only=False \
allow_nondistributable_artifacts
    ServiceOptions.from_json                       value
    ServiceOptions.install_cli_flags               parser
    TLSConfig                                      insecure_skip_verify=False root_cas=None client_certificates=()
    DefaultService                                 options *certs_dir *resolver=None
    DefaultService.auth                            auth_config user_agent=''
    DefaultService.load_mirrors                    mirrors
    DefaultService.load_insecure_registries        registries
    DefaultService.load_allow_nondistributable_artifacts    registries
    DefaultService.lookup_pull_endpoints           hostname
    DefaultService.lookup_push_endpoints           hostname
    DefaultService.resolve_index                   name
    DefaultService.resolve_repository              name
    DefaultService.search                          term limit=25 auth_config=None user_agent='' headers=None
    DefaultService.service_config
    DefaultService.tls_config                      hostname
    V1Endpoint.new                                 index user_agent='' meta_headers=None *certs_dir
    V1Endpoint.path                                path
    V1Endpoint.ping
    Session.new                                    client auth_config endpoint
    Session.get_auth_config                        with_password
    Session.get_remote_history                     img_id registry
    Session.lookup_remote_image                    img_id registry
    Session.get_remote_image_json                  img_id registry
    Session.get_remote_image_layer                 img_id registry img_size
    Session.get_remote_tag                         registries repository asked_tag
    Session.get_remote_tags                        registries repository
    Session.get_repository_data                    name
    Session.search_repositories                    term limit
    Session.push_image_checksum_registry           img_data registry
    Session.push_image_json_index                  remote img_list validate regs
    Session.push_image_json_registry               img_data json_raw registry
    Session.push_image_layer_registry              img_id layer registry json_raw
    Session.push_registry_tag                      remote revision tag registry
    Reference.image_name                           repository
    digest_reference                               digest
    docker_headers                                 user_agent meta_headers
    get_auth_config_key                            index
    new_transport                                  tls_config=None
    parse_reference                                text
    parse_repository_info                          name *resolver=None
    parse_search_index_info                        term *resolver=None
    ping_v2_registry                               endpoint transport *within=15.0
    read_certs_directory                           tls_config directory
    resolve_auth_config                            auth_configs index
    validate_index_name                            value
    validate_mirror                                value
"""
"""A `*` is before what has to be named. A default that is not said is not looked at, and more arguments have theirs."""

KINDS: Final = {
    "ConfigError": "RegistryError ValueError",
    "HTTPStatusError": "RegistryError",
    "UnauthorizedError": "HTTPStatusError",
    "RepositoryNotFoundError": "HTTPStatusError",
    "InvalidRepositoryNameError": "ConfigError",
    "AlreadyExistsError": "RegistryError",
    "NoBasicCredentialsError": "RegistryError",
    "NoTokenError": "RegistryError",
    "PingResponseError": "RegistryError",
    "ConnectionFailedError": "RegistryError",
    "MalformedDocumentError": "RegistryError",
}


@pytest.mark.parametrize(("name", "value"), VALUES.items())
def test_a_constant_has_dockers_value(name: str, value: object) -> None:
    assert getattr(registry, name) == value


def spelled(parameter: inspect.Parameter, like: str) -> str:
    """A parameter as in `ARGUMENTS`, with its default if `like` says one."""
    mark = "*" if parameter.kind is parameter.KEYWORD_ONLY else ""
    return f"{mark}{parameter.name}={parameter.default!r}" if "=" in like else f"{mark}{parameter.name}"


@pytest.mark.parametrize("line", ARGUMENTS.strip().splitlines(), ids=lambda line: line.split()[0])
def test_arguments_have_their_names_their_order_and_their_defaults(line: str) -> None:
    path, *expected = line.split()
    call: Any = registry
    for part in path.split("."):
        call = getattr(call, part)
    signature = inspect.signature(call)
    parameters = {name: found for name, found in signature.parameters.items() if name != "self"}
    named = {text.strip("*").partition("=")[0]: text for text in expected}
    positional = [text for text in expected if not text.startswith("*")]
    assert [spelled(*pair) for pair in zip(parameters.values(), positional, strict=False)] == positional
    assert [spelled(parameters[name], text) for name, text in named.items()] == expected
    others = [found for name, found in parameters.items() if name not in named]
    assert all(found.default is not found.empty for found in others)


def test_the_defaults_of_the_certificates_directory_are_dockers() -> None:
    for call in (registry.DefaultService, registry.V1Endpoint.new):
        assert inspect.signature(call).parameters["certs_dir"].default == registry.CERTS_DIR


@pytest.mark.parametrize(("kind", "parents"), KINDS.items())
def test_an_error_is_of_its_kinds(kind: str, parents: str) -> None:
    found = getattr(registry, kind)
    assert all(issubclass(found, getattr(registry, parent, ValueError)) for parent in parents.split())


def test_the_error_of_a_push_of_what_is_there_has_no_status() -> None:
    assert not issubclass(registry.AlreadyExistsError, registry.HTTPStatusError)


def test_an_error_has_a_sentence_and_a_next_step() -> None:
    error = registry.RegistryError("What happened.", "What to do.")
    assert (str(error), error.user_message, error.next_step) == ("What happened.", "What happened.", "What to do.")


def test_the_error_of_a_ping_has_the_inner_one() -> None:
    inner = ValueError("no request")
    assert registry.PingResponseError(inner).inner is inner


@pytest.mark.parametrize("number", [0, 3])
def test_there_is_no_third_version(number: int) -> None:
    with pytest.raises(ValueError, match=str(number)):
        registry.APIVersion(number)
