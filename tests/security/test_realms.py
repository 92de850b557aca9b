"""§5.3 tests 9 to 16: a registry may name any token server; a login goes to none that is not known to be its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest
import trustme

from regbrowse.browser.states import Asks, Phase, Problem
from regbrowse.registry.auth import Credential
from regbrowse.registry.challenge_memory import ChallengesFile
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import (
    MalformedDocumentError,
    RealmNotTrustedError,
    RedirectRefusedError,
    RegistryError,
)
from regbrowse.registry.reference import parse_registry_address
from regbrowse.registry.text import SafeText
from regbrowse.registry.token_keeper import TokenKeeper
from regbrowse.registry.wire import httpx
from tests.registry.reaching import LOGIN, reaching
from tests.registry.tokens_world import TRUSTS, Names, Tokens, authorizations, leaf, named_transport
from tests.registry_server import RegistryServer
from tests.security.origins import (
    PUBLIC,
    Attacker,
    assert_learnt_nothing,
    at_evil,
    by_name,
    content,
    docker_login,
    get,
    problem,
    registries_of,
    shown_tags,
    trusting,
)
from tests.token_server import Answer

IDENTITY: Final = Credential("<token>", "", SafeText("docker config"), "canary-refresh")
LOGINS: Final = pytest.mark.parametrize("login", [LOGIN, IDENTITY], ids=["password", "identity token"])


# 9: a stranger is not told a login


@LOGINS
async def test_09_a_stranger_is_not_told_the_login_and_the_user_is_asked(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, login: Credential, tmp_path: Path
) -> None:
    """Nothing at all is sent to E. Without a screen the config file's key is named; on a screen it is a question."""
    with RegistryServer(content(), tls=certificate, auth=foreign.auth(at_evil(foreign))) as good:
        async with by_name(good, tmp_path, foreign, login=login) as client:
            with pytest.raises(RealmNotTrustedError) as caught:
                await get(client)
    assert foreign.requests == []
    assert_learnt_nothing(good)
    error = caught.value
    assert (error.registry, error.realm) == (f"registry.test:{good.port}", f"evil.test:{foreign.port}")
    for word in (error.registry, error.realm, "Nothing was sent there"):
        assert word in error.user_message
    assert "trusted-realms" in error.next_step
    assert (Problem.of(error).asks, Problem.of(error).realm) == (Asks.TRUST_REALM, error.realm)


async def test_09_a_pair_that_was_allowed_is_for_its_registry_alone(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, tmp_path: Path
) -> None:
    """G2 with the same token server is another question."""
    with RegistryServer(content(), tls=certificate, auth=foreign.auth(at_evil(foreign))) as good:
        allowed = {f"registry.test:{good.port}": [f"evil.test:{foreign.port}"]}
        async with by_name(good, tmp_path / "1", foreign, trusted_realms=allowed) as client:
            await get(client)
        assert authorizations(foreign) == [LOGIN.basic]
        foreign.requests.clear()
        async with by_name(good, tmp_path / "2", foreign, trusted_realms=allowed, name="second.test") as client:
            with pytest.raises(RealmNotTrustedError):
                await get(client)
    assert foreign.requests == []


async def test_09_a_token_server_that_changes_is_judged_anew(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, tmp_path: Path
) -> None:
    """G was its own token server, and begins to name E."""
    with Tokens(tls=certificate) as own:
        realm = f"https://registry.test:{own.port}/token"
        with RegistryServer(content(), tls=certificate, auth=own.auth(realm)) as good:
            trusting(tmp_path, f"registry.test:{own.port}")
            async with by_name(good, tmp_path, foreign) as client:
                await get(client)
                changed = {"WWW-Authenticate": foreign.bearer(realm=at_evil(foreign))}
                good.fault("GET", status=401, headers=changed, body=b"{}", times=None)
                with pytest.raises(RealmNotTrustedError):
                    await get(client)
    assert authorizations(own) == [LOGIN.basic]
    assert foreign.requests == []


async def test_09_the_same_holds_for_a_login_of_the_stores(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, tmp_path: Path
) -> None:
    with RegistryServer(content(), tls=certificate, auth=foreign.auth(at_evil(foreign))) as good:
        address = f"registry.test:{good.port}"
        folders = trusting(tmp_path / "certs.d", address, f"evil.test:{foreign.port}")
        async with registries_of(docker_login(tmp_path, address), certs_dir=folders) as registries:
            asked = problem(await shown_tags(registries, address))
    assert (asked.asks, asked.realm) == (Asks.TRUST_REALM, f"evil.test:{foreign.port}")
    assert foreign.requests == []
    assert_learnt_nothing(good)


async def test_09_what_the_user_allows_holds_for_the_pair_and_in_the_next_run(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, tmp_path: Path
) -> None:
    """Kept in our list of logins, which has no secret. G2 with the same token server is asked about all the same."""
    auth = foreign.auth(at_evil(foreign))
    with (
        RegistryServer(content(), tls=certificate, auth=auth) as good,
        RegistryServer(content(), tls=certificate, auth=auth) as other,
    ):
        host, second = f"registry.test:{good.port}", f"second.test:{other.port}"
        folders = trusting(tmp_path / "certs.d", host, second, f"evil.test:{foreign.port}")
        for is_allowed in (False, True):
            async with registries_of(docker_login(tmp_path, host, second), certs_dir=folders) as registries:
                if not is_allowed:
                    realm = problem(await shown_tags(registries, host)).realm
                    assert foreign.requests == []
                    assert await registries.accounts(parse_registry_address(host)).trust_realm(realm) == ""
                assert (await shown_tags(registries, host)).phase is Phase.READY
                assert problem(await shown_tags(registries, second)).asks is Asks.TRUST_REALM
    assert set(authorizations(foreign)) == {LOGIN.basic}
    assert_learnt_nothing(other)
    assert "canary-pass" not in (tmp_path / "regbrowse/logins.json").read_text()


async def test_09_a_token_server_that_is_remembered_is_judged_anew(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, tmp_path: Path
) -> None:
    """In the first run nobody was logged in, and E gave a token; in the second it is not told the login."""
    with RegistryServer(content(), tls=certificate, auth=foreign.auth(at_evil(foreign))) as good:
        memory = ChallengesFile(tmp_path / "challenges.json")
        async with by_name(good, tmp_path / "1", foreign, login=None, memory=memory) as client:
            await get(client)
        foreign.requests.clear()
        memory = ChallengesFile(tmp_path / "challenges.json")
        async with by_name(good, tmp_path / "2", foreign, memory=memory) as client:
            with pytest.raises(RealmNotTrustedError):
                await get(client)
    assert foreign.requests == []


# 10: nor over plain HTTP


@pytest.mark.parametrize("login", [LOGIN, IDENTITY, None], ids=["password", "identity token", "nobody"])
@pytest.mark.parametrize("host", ["registry.test", "evil.test", "127.0.0.1"])
async def test_10_a_plain_token_server_of_a_secure_registry_is_not_asked(
    names: None,
    certificate: trustme.LeafCert,
    tokens: Tokens,
    login: Credential | None,
    host: str,
    tmp_path: Path,
) -> None:
    realm = f"http://{host}:{tokens.port}/token"
    with RegistryServer(content(), tls=certificate, auth=tokens.auth(realm)) as good:
        async with by_name(good, tmp_path, login=login) as client:
            with pytest.raises(RedirectRefusedError, match="plain HTTP") as caught:
                await get(client)
    assert tokens.requests == []
    assert_learnt_nothing(good)
    assert f"{host}:{tokens.port}" in caught.value.user_message


# 11: anybody's token


async def test_11_a_stranger_may_give_a_token_to_nobody(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, tmp_path: Path
) -> None:
    with RegistryServer(content(), tls=certificate, auth=foreign.auth(at_evil(foreign))) as good:
        async with by_name(good, tmp_path, foreign, login=None) as client:
            await get(client)
    assert [request.method for request in foreign.requests] == ["GET"]
    assert_learnt_nothing(foreign)


# 14: the pairs that everybody knows


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("auth.docker.io", True),
        ("AUTH.docker.io.", True),
        ("auth.docker.io:443", True),
        ("auth.docker.io.evil.test", False),
        ("auth-docker.io", False),
        ("docker.io.evil.test", False),
        ("auth.docker.io:8443", False),
        ("xn--uth-5cd.docker.io", False),
    ],
)
async def test_14_docker_hub_s_token_server_is_told_its_login_and_none_that_looks_like_it(
    host: str, is_known: bool
) -> None:
    hub, canonical = "registry-1.docker.io", host.lower().removesuffix(":443").rstrip(".")
    certificate = leaf(hub, canonical.partition(":")[0])

    async def resolver(_: str) -> Sequence[str]:
        return [PUBLIC]

    with (
        Tokens(tls=certificate) as auth,
        RegistryServer(content(), tls=certificate, auth=auth.auth(f"https://{host}/token")) as good,
    ):
        ports = {hub: good.port, canonical: auth.port}
        async with reaching(
            hub,
            login=LOGIN,
            endpoints=[APIEndpoint(f"https://{hub}", tls_config=TRUSTS)],
            tokens=TokenKeeper(hub, certs_dir=None, make_transport=named_transport(ports), resolver=resolver),
            make_wire=lambda context: Names(httpx.AsyncHTTPTransport(verify=context, trust_env=False), ports),
        ) as client:
            if is_known:
                await get(client)
            else:
                with pytest.raises(RealmNotTrustedError, match=canonical):
                    await get(client)
    assert authorizations(auth) == ([LOGIN.basic] if is_known else [])


# 15: what is no address

ODD_REALMS: Final[Mapping[str, tuple[str, type[RegistryError]]]] = {
    "user information": ("https://G@E/token", RedirectRefusedError),
    "login": ("https://canary-user:canary-pass@E/token", RedirectRefusedError),
    "fragment": ("https://E/token#x", RedirectRefusedError),
    "another header": ("https://E/\r\nX-Header: x", RegistryError),
    "control character": ("https://E/\x0btoken", RegistryError),
    "escape": ("https://E/\x1b]0;x\x07", RegistryError),
    "NUL": ("https://E/\0", RegistryError),
    "10 KiB": (f"https://E/{'x' * 10_240}", RedirectRefusedError),
    "missing": ("", MalformedDocumentError),
    "relative": ("/token", RedirectRefusedError),
    "without a scheme": ("//E/token", RedirectRefusedError),
    "of another scheme": ("ftp://E/token", RedirectRefusedError),
    "script": ("javascript:alert(1)", RedirectRefusedError),
    "without a host": ("https:///token", RedirectRefusedError),
    "backslashes": ("https:\\\\E\\token", RedirectRefusedError),
    "percent in its host": ("https://evil%2etest/token", RedirectRefusedError),
    "port out of range": ("https://evil.test:99999/token", RedirectRefusedError),
}


@pytest.mark.parametrize("kind", ODD_REALMS)
@pytest.mark.parametrize("login", [LOGIN, None], ids=["password", "nobody"])
async def test_15_a_realm_that_is_no_plain_address_is_not_asked(
    names: None,
    certificate: trustme.LeafCert,
    foreign: Tokens,
    kind: str,
    login: Credential | None,
    tmp_path: Path,
) -> None:
    realm, expected = ODD_REALMS[kind]
    with RegistryServer(content(), tls=certificate) as good:
        realm = realm.replace("E", f"evil.test:{foreign.port}").replace("G", "registry.test")
        challenge = {"WWW-Authenticate": f'Bearer realm="{realm}",service="s"'}
        good.fault("GET", status=401, headers=challenge, body=b"{}", times=None)
        async with by_name(good, tmp_path, foreign, login=login) as client:
            with pytest.raises(expected) as caught:
                await get(client)
        assert f"registry.test:{good.port}" in caught.value.user_message
    assert foreign.requests == []
    assert_learnt_nothing(good)
    assert "canary" not in caught.value.user_message


async def test_15_a_realm_that_is_folded_is_one_with_a_blank(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, tmp_path: Path
) -> None:
    """A header that goes on in the next line (RFC 9112 §5.2) brings no line feed into a request, and E no login."""
    with RegistryServer(content(), tls=certificate) as good:
        challenge = {"WWW-Authenticate": f'Bearer realm="https://evil.test:{foreign.port}/\r\n token"'}
        good.fault("GET", status=401, headers=challenge, body=b"{}", times=None)
        for login, error in ((LOGIN, RealmNotTrustedError), (None, RegistryError)):
            async with by_name(good, tmp_path / error.__name__, foreign, login=login) as client:
                with pytest.raises(error):
                    await get(client)
    assert [request.path.partition("?")[0] for request in foreign.requests] == ["/%20token"]
    assert_learnt_nothing(foreign)


# 16: a token server that sends one on


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("login", [LOGIN, IDENTITY, None], ids=["GET", "POST", "nobody"])
async def test_16_a_token_server_s_redirect_is_not_followed(
    bearer: RegistryServer, tokens: Tokens, evil: Attacker, status: int, login: Credential | None
) -> None:
    tokens.fault(Answer(status, b"", [("Location", evil.realm)]), times=None)
    async with reaching(bearer, login=login) as client:
        with pytest.raises(RedirectRefusedError) as caught:
            await get(client)
    assert evil.requests == []
    assert len(tokens.requests) == 1
    assert tokens.address in caught.value.user_message
