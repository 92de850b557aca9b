"""Who may give out tokens, and who of them is told a login: the policy alone, and where names lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.auth import CATALOG, pull
from regbrowse.registry.challenges import Challenge, parse_challenges
from regbrowse.registry.dialing import DialGuard, Homes, forbidden_kind
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import MalformedDocumentError, RedirectRefusedError, RegistryError
from regbrowse.registry.realms import TokenService, token_service
from regbrowse.registry.scopes import wants_more, widened
from regbrowse.registry.tls import TLSConfig
from regbrowse.registry.wire import httpx
from tests.token_server import TokenServer

HTTPS: Final = "https://registry.corp"
HUB: Final = "https://registry-1.docker.io"


def service(registry: str, realm: str, trusted: Mapping[str, Sequence[str]] | None = None) -> TokenService:
    return token_service(Challenge("bearer", {"realm": realm, "service": "s"}), APIEndpoint(registry), trusted or {})


# Who is told a login


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        (HTTPS, "https://registry.corp/token"),
        (HTTPS, "https://registry.corp:443/token"),
        (HTTPS, "https://REGISTRY.corp/token?x=y"),
        (HTTPS, "https://registry.corp:8443/token"),
        ("https://registry.corp:5000", "https://registry.corp/token"),
        ("https://[2001:db8::1]:5000", "https://[2001:db8::1]/token"),
        ("http://registry.corp", "https://registry.corp/token"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token"),
        ("http://localhost:5000", "http://127.0.0.1:5001/token"),
        ("https://localhost:5000", "https://[::1]:5001/token"),
    ],
)
def test_the_registry_s_own_host_may_have_its_logins(registry: str, realm: str) -> None:
    assert service(registry, realm).may_have_login


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        (HUB, "https://auth.docker.io/token"),
        (HUB, "https://AUTH.docker.io./token"),
        (HUB, "https://auth.docker.io:443/token"),
        ("https://docker.io", "https://auth.docker.io/token"),
        ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth"),
        ("https://nvcr.io", "https://authn.nvidia.com/token"),
    ],
)
def test_14_built_in_pairs_may_have_logins(registry: str, realm: str) -> None:
    """§5.3 test 14."""
    assert service(registry, realm).may_have_login


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        (HUB, "https://auth.docker.io.evil.test/token"),
        (HUB, "https://auth.docker.io:8443/token"),
        (HUB, "https://hub.docker.io/token"),
        (HUB, "https://gitlab.com/token"),
        ("https://registry.gitlab.com", "https://auth.docker.io/token"),
        ("https://registry-1.docker.io.evil.test", "https://auth.docker.io/token"),
        ("https://registry-1.docker.io:5000", "https://auth.docker.io/token"),
        (HTTPS, "https://auth.docker.io/token"),
        (HTTPS, "https://auth.corp/token"),
        (HTTPS, "https://registry.corp.evil.test/token"),
        (HTTPS, "https://127.0.0.1/token"),
        ("http://registry.corp", "http://registry.corp:8080/token"),
        ("http://127.0.0.1:5000", "https://auth.corp/token"),
    ],
)
def test_9_14_another_host_may_not_have_logins(registry: str, realm: str) -> None:
    """§5.3 tests 9 and 14."""
    assert not service(registry, realm).may_have_login


@pytest.mark.parametrize("named", ["auth.corp", "https://auth.corp", "https://auth.corp/"])
def test_9_a_pair_that_was_given_is_for_that_registry_alone(named: str) -> None:
    """§5.3 test 9: after approval, for the pair only."""
    trusted = {"registry.corp": [named]}
    assert service(HTTPS, "https://auth.corp/token", trusted).may_have_login
    assert not service(HTTPS, "https://auth.corp:8443/token", trusted).may_have_login
    assert not service("https://other.corp", "https://auth.corp/token", trusted).may_have_login


def test_docker_hub_s_pairs_may_be_given_under_its_name() -> None:
    assert service(HUB, "https://auth.corp/token", {"docker.io": ["auth.corp"]}).may_have_login


# Who may be asked at all


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        (HTTPS, "http://registry.corp/token"),
        (HTTPS, "http://auth.corp/token"),
        ("http://registry.corp", "http://auth.corp/token"),
        ("http://registry.corp", "http://127.0.0.1/token"),
        ("http://127.0.0.1:5000", "http://auth.corp/token"),
        ("https://127.0.0.1:5000", "http://127.0.0.1:5000/token"),
    ],
)
def test_10_a_plain_realm_is_only_for_a_plain_registry_on_that_host(registry: str, realm: str) -> None:
    """§5.3 test 10."""
    with pytest.raises(RedirectRefusedError, match="plain HTTP") as caught:
        service(registry, realm)
    assert httpx.URL(realm).host in caught.value.user_message


def test_a_plain_registry_may_have_a_plain_realm_on_its_host() -> None:
    found = service("http://registry.corp:5000", "http://registry.corp:5001/token")
    assert (found.host, found.may_have_login) == ("registry.corp:5001", False)


@pytest.mark.parametrize(
    "realm",
    [
        "https://user@auth.corp/token",
        "https://user:pass@auth.corp/token",
        "https://auth.corp/token#fragment",
        "https://auth.corp/" + "x" * 10_240,
        "/token",
        "//auth.corp/token",
        "auth.corp/token",
        "ftp://auth.corp/token",
        "javascript:alert(1)",
        "https://",
        "https://\\auth.corp/token",
        "https://auth.corp:99999/token",
        "https://auth_.corp%00/token",
    ],
)
def test_15_a_realm_that_is_no_plain_address_of_the_web_is_refused(realm: str) -> None:
    """§5.3 test 15."""
    with pytest.raises(RedirectRefusedError):
        service(HTTPS, realm)


@pytest.mark.parametrize("parameters", [{}, {"realm": ""}])
def test_15_a_challenge_without_a_realm_is_malformed(parameters: dict[str, str]) -> None:
    """§5.3 test 15."""
    with pytest.raises(MalformedDocumentError, match="no realm"):
        token_service(Challenge("bearer", parameters), APIEndpoint(HTTPS))


@pytest.mark.parametrize("control", ["\r", "\n", "\0", "\x1b", "\x7f", "\x85"])
def test_15_a_realm_with_control_characters_makes_no_challenge(control: str) -> None:
    """§5.3 test 15."""
    assert parse_challenges([f'Bearer realm="https://auth.corp/{control}token"']) == ()


@given(st.text(max_size=60), st.sampled_from([HTTPS, "http://127.0.0.1:5000", HUB]))
def test_whatever_a_realm_is_a_stranger_is_not_told_a_login(text: str, registry: str) -> None:
    for realm in (text, f"https://{text}", f"https://{text}.evil.test/", f"http://{text}"):
        try:
            found = service(registry, realm)
        except RegistryError:
            continue
        trusted = {"registry.corp", "auth.docker.io", "registry-1.docker.io", "localhost"}
        host = found.host.partition(":")[0].strip("[]")
        assert not found.may_have_login or host in trusted or forbidden_kind(host)


# Its TLS


@pytest.mark.parametrize(
    ("realm", "is_insecure"),
    [
        ("https://registry.corp/token", True),
        ("https://registry.corp:8443/token", True),
        ("https://auth.corp/token", False),
    ],
)
def test_33_only_an_insecure_registry_s_own_host_is_not_verified(realm: str, is_insecure: bool) -> None:
    """§5.3 test 33."""
    challenge = Challenge("bearer", {"realm": realm})
    insecure = APIEndpoint(HTTPS, tls_config=TLSConfig(insecure_skip_verify=True))
    assert token_service(challenge, insecure).is_insecure is is_insecure
    assert not token_service(challenge, APIEndpoint(HTTPS)).is_insecure


# Where names lead (§5.4)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "::",
        "169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "224.0.0.1",
        "ff02::1",
        "100.100.100.200",
        "fd00:ec2::254",
        "fd00:ec2::254%eth0",
        "fd20:ce::254",
        "168.63.129.16",
        "192.0.0.192",
        "0.1.2.3",
        "255.255.255.255",
        "::127.0.0.1",
        "::169.254.169.254",
        "::ffff:0:127.0.0.1",
        "::ffff:168.63.129.16",
        "64:ff9b::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
    ],
)
def test_12_addresses_that_a_server_may_not_lead_to(address: str) -> None:
    """§5.3 test 12."""
    assert forbidden_kind(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "203.0.113.9",
        "2001:db8::1",
        "fd00::1",
        "64:ff9b::203.0.113.9",
        "2002:cb00:7109::1",
        "::ffff:203.0.113.9",
    ],
)
def test_12_other_addresses_are_fine(address: str) -> None:
    """§5.3 test 12: private networks are allowed."""
    assert forbidden_kind(address) == ""


class Dialled(httpx.AsyncBaseTransport):
    """Remembers what it is asked to connect to."""

    def __init__(self, *refusing: str) -> None:
        self.requests: list[httpx.Request] = []
        self.refusing = refusing

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.host in self.refusing:
            raise httpx.ConnectError("refused")
        return httpx.Response(200)


class Names:
    """A resolver whose answers may change from one question to the next."""

    def __init__(self, **addresses: Sequence[Sequence[str]]) -> None:
        self.answers = {name.replace("_", "."): list(found) for name, found in addresses.items()}

    async def __call__(self, host: str) -> Sequence[str]:
        found = self.answers.get(host)
        if found is None:
            raise OSError("unknown")
        return found.pop(0) if len(found) > 1 else found[0]


async def dial(url: str, names: Names, base: Dialled, registry: str = "registry.corp:5000") -> None:
    await DialGuard(base, registry, names).handle_async_request(httpx.Request("GET", url))


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("host", ["auth.corp", "2130706433", "0x7f000001", "127.1"])
async def test_12_a_name_that_leads_here_is_not_connected_to(host: str, address: str) -> None:
    """§5.3 test 12."""
    base, names = Dialled(), Names(registry_corp=[["203.0.113.1"]])
    names.answers[host] = [[address]]
    with pytest.raises(RedirectRefusedError, match="not connected to") as caught:
        await dial(f"https://{host}/token", names, base)
    assert base.requests == []
    assert "registry.corp:5000" in caught.value.user_message
    assert host in caught.value.user_message


async def test_12_one_forbidden_address_among_others_is_enough() -> None:
    """§5.3 test 12."""
    base = Dialled()
    with pytest.raises(RedirectRefusedError):
        await dial("https://auth.corp/", Names(auth_corp=[["203.0.113.2", "127.0.0.1"]]), base)
    assert base.requests == []


async def test_12_a_registry_that_is_there_itself_may_lead_there() -> None:
    """§5.3 test 12: allowed when G itself is configured on that address."""
    base = Dialled()
    await dial("https://auth.corp/", Names(registry_corp=[["127.0.0.2"]], auth_corp=[["127.0.0.1"]]), base)
    assert [request.url.host for request in base.requests] == ["127.0.0.1"]


async def test_12_a_registry_here_may_not_lead_to_the_metadata_of_a_cloud() -> None:
    """§5.3 test 12."""
    with pytest.raises(RedirectRefusedError):
        await dial("https://auth.corp/", Names(registry_corp=[["127.0.0.1"]], auth_corp=[["169.254.1.1"]]), Dialled())


async def test_12_a_registry_that_is_here_and_elsewhere_may_not_lead_here() -> None:
    """Its DNS says so: it may be an attacker's, who needs this address only for that."""
    base = Dialled()
    names = Names(registry_corp=[["203.0.113.1", "127.0.0.1"]], auth_corp=[["127.0.0.1"]])
    with pytest.raises(RedirectRefusedError):
        await dial("https://auth.corp/", names, base)
    assert base.requests == []


async def test_13_where_the_registry_is_stays_what_it_was() -> None:
    base, names = Dialled(), Names(registry_corp=[["203.0.113.1"], ["127.0.0.1"]], auth_corp=[["127.0.0.1"]])
    homes = Homes(names)
    for _ in range(3):
        guard = DialGuard(base, "registry.corp:5000", names, homes)
        with pytest.raises(RedirectRefusedError):
            await guard.handle_async_request(httpx.Request("GET", "https://auth.corp/"))
    assert base.requests == []


async def test_13_a_registry_that_was_reached_elsewhere_is_not_here_whatever_its_dns_says() -> None:
    class Stream:
        def get_extra_info(self, _: str) -> tuple[str, int]:
            return ("203.0.113.1", 5000)

    base, names = Dialled(), Names(registry_corp=[["127.0.0.1"]], auth_corp=[["127.0.0.1"]])
    homes = Homes(names)
    homes.answered("registry.corp:5000", httpx.Response(200, extensions={"network_stream": Stream()}))
    with pytest.raises(RedirectRefusedError):
        await DialGuard(base, "registry.corp:5000", names, homes).handle_async_request(
            httpx.Request("GET", "https://auth.corp/")
        )
    assert base.requests == []


async def test_13_who_was_connected_to_is_known_of_a_real_connection() -> None:
    homes = Homes(Names(registry_corp=[["169.254.1.1"]]))
    with TokenServer(anonymous=True) as server:
        async with httpx.AsyncHTTPTransport(trust_env=False) as wire:
            response = await wire.handle_async_request(httpx.Request("GET", server.realm))
            homes.answered("registry.corp", response)
            await response.aclose()
    assert await homes.kinds("registry.corp") == frozenset()  # its name leads elsewhere than here


async def test_13_what_is_connected_to_is_what_was_looked_at() -> None:
    """§5.3 test 13: a name that leads elsewhere the next time it is asked for."""
    base = Dialled()
    names = Names(auth_corp=[["203.0.113.2"], ["127.0.0.1"]])
    await dial("https://auth.corp:8443/token?x=y", names, base)
    [request] = base.requests
    assert str(request.url) == "https://203.0.113.2:8443/token?x=y"
    assert request.headers["Host"] == "auth.corp:8443"
    assert request.extensions["sni_hostname"] == "auth.corp"


async def test_the_next_address_is_tried_where_nobody_is_at_the_first() -> None:
    base = Dialled("203.0.113.2")
    await dial("https://auth.corp/", Names(auth_corp=[["2001:db8::1", "203.0.113.2"]]), base)
    assert [request.url.host for request in base.requests] == ["203.0.113.2", "2001:db8::1"]


@pytest.mark.parametrize("names", [Names(), Names(auth_corp=[["203.0.113.2"]])])
async def test_a_name_that_leads_nowhere_is_a_failure_to_connect(names: Names) -> None:
    with pytest.raises(httpx.ConnectError):
        await dial("https://auth.corp/", names, Dialled("203.0.113.2"))


async def test_a_guarded_request_reaches_its_server() -> None:
    with TokenServer(anonymous=True) as server:
        guard = DialGuard(httpx.AsyncHTTPTransport(trust_env=False), server.address)
        client = httpx.AsyncClient(transport=guard)
        assert (await client.get(server.realm)).status_code == 200
        await client.aclose()
    assert server.requests[0].header("Host") == server.address


# What a token is for


@pytest.mark.parametrize(
    ("asked", "scopes"),
    [
        ("", ("repository:team/app:pull",)),
        ("repository:team/app:pull", ("repository:team/app:pull",)),
        ("repository:team/app:push,pull", ("repository:team/app:push,pull",)),
        ("repository:team/app:*", ("repository:team/app:*",)),
        ("repository:app:pull", ("repository:app:pull", "repository:team/app:pull")),
        ("repository:h:5000/app:pull", ("repository:h:5000/app:pull", "repository:team/app:pull")),
        ("repository(plugin):app:pull", ("repository(plugin):app:pull", "repository:team/app:pull")),
        ("nonsense repository::  x:y", ("repository:team/app:pull",)),
        ("repository:a\x1b:pull repository:ä:pull", ("repository:team/app:pull",)),
        ("repository:a:pull " * 200, ("repository:team/app:pull",)),
        (" ".join(f"a:{n}:x" for n in range(30)), (*(f"a:{n}:x" for n in range(10)), "repository:team/app:pull")),
    ],
)
def test_a_wider_scope_has_what_was_asked_for_first(asked: str, scopes: tuple[str, ...]) -> None:
    assert widened(pull("team/app"), asked) == scopes


def test_the_catalog_s_scope_swallows_other_actions() -> None:
    assert widened(CATALOG, "registry:catalog:read") == ("registry:catalog:*",)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('Bearer realm="x",error="insufficient_scope"', True),
        ('Bearer realm="x",error="invalid_token"', False),
        ('Bearer realm="x"', False),
        ('Basic realm="x",error="insufficient_scope"', False),
    ],
)
def test_more_is_wanted_where_the_challenge_says_so(line: str, expected: bool) -> None:
    assert wants_more(parse_challenges([line])[0]) is expected
