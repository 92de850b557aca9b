"""Registries of some vendors: what is said about their logins, and that theirs are sent as they want them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

import pytest
import trustme

from regbrowse.registry.auth import CATALOG, Credential, not_permitted, pull
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.errors import (
    DeniedError,
    HTTPStatusError,
    LoginNeededError,
    RegistryError,
    UnauthorizedError,
    WrongLoginError,
)
from regbrowse.registry.text import SafeText
from regbrowse.registry.vendor_hints import is_no_bearer, says_expired, vendor_step
from tests.registry.tokens_world import Tokens, authorizations, by_name, content, leaf, seen_at
from tests.registry_server import RegistryServer
from tests.token_server import Answer, Request, Server, error

ECR: Final = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
PUBLIC_ECR: Final = "public.ecr.aws"
DOCKER: Final = SafeText("docker config")
AWS: Final = Credential("AWS", "canary-pass", DOCKER)
GITHUB_TOKEN: Final = "ghp_canarypass"


ECR_STEP: Final = (
    "A password of ECR lasts 12 hours. For a new one run “aws ecr get-login-password --region eu-central-1"
    f" | docker login --username AWS --password-stdin {ECR}”, or use the helper docker-credential-ecr-login."
)


# The sentences


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (ECR, ECR_STEP),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "aws ecr get-login-password --region us-gov-west-1 "),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "--region cn-north-1 | docker login --username AWS"),
        (PUBLIC_ECR, "aws ecr-public get-login-password --region us-east-1 | docker login --username AWS"),
        (PUBLIC_ECR, f"--password-stdin {PUBLIC_ECR}”, or use the helper docker-credential-ecr-login"),
        ("gcr.io", "“gcloud auth configure-docker gcr.io”"),
        ("eu.gcr.io", "“gcloud auth configure-docker eu.gcr.io”"),
        ("europe-west1-docker.pkg.dev", "gcloud auth configure-docker europe-west1-docker.pkg.dev”"),
        ("Corp1.azurecr.io", "az acr login --name corp1”"),
        ("ghcr.io", "“docker login ghcr.io”"),
    ],
)
def test_the_next_step_is_known_by_the_host(host: str, words: str) -> None:
    assert words in vendor_step(host)


@pytest.mark.parametrize(
    "host",
    [
        "registry.corp",
        "docker.io",
        "12345.dkr.ecr.eu-central-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.test",
        "123456789012.dkr.ecr.x;reboot.amazonaws.com",
        "123456789012.dkr.ecr.a.b.amazonaws.com",
        "evil-gcr.io",
        "docker.pkg.dev",
        "evil.test-docker.pkg.dev.evil.test",
        "azurecr.io",
        "a.b.azurecr.io",
        "$(reboot).azurecr.io",
        "xghcr.io",
        "ghcr.io:5000",
        "ghcr.io\n",
        "{host}",
        "",
    ],
)
def test_of_other_hosts_nothing_is_known(host: str) -> None:
    assert vendor_step(host) == ""


def test_a_list_that_is_denied_is_gone_round_as_elsewhere() -> None:
    assert "Press o" in not_permitted(ECR, "AWS", CATALOG).next_step
    assert "gcloud" in not_permitted("gcr.io", "ada", pull("team/app")).next_step


@pytest.mark.parametrize(
    ("host", "status", "body", "expected"),
    [
        (ECR, 403, b"Your authorization token has expired. Reauthenticate and try again.", True),
        (PUBLIC_ECR, 400, b'{"errors":[{"message":"Your Authorization Token has EXPIRED"}]}', True),
        (ECR, 403, b"not authorized to perform ecr:BatchGetImage", False),
        (ECR, 401, b"expired", False),
        (ECR, 200, b"expired", False),
        ("registry.corp", 403, b"expired", False),
        ("", 403, b"expired", False),
    ],
)
def test_that_a_time_is_over_is_understood_where_it_is_said_so(
    host: str, status: int, body: bytes, expected: bool
) -> None:
    assert says_expired(host, status, body) is expected


@pytest.mark.parametrize(
    ("host", "token", "expected"),
    [
        ("ghcr.io", "ghp_0123abc", True),
        ("ghcr.io", "gho_0123abc", True),
        ("ghcr.io", "ghs_0123abc", True),
        ("ghcr.io", "github_pat_0123_abc", True),
        ("ghcr.io", "djE6dG9rZW4=", False),
        ("ghcr.io", "", False),
        ("registry.corp", "ghp_0123abc", False),
    ],
)
def test_a_token_of_github_is_known_as_such(host: str, token: str, expected: bool) -> None:
    assert is_no_bearer(host, token) is expected


# ECR


@pytest.fixture(scope="module")
def certificate() -> trustme.LeafCert:
    return leaf(ECR, PUBLIC_ECR, "ghcr.io", "gcr.io")


@pytest.fixture
def ecr(certificate: trustme.LeafCert) -> Iterator[RegistryServer]:
    with RegistryServer(content(), tls=certificate, auth=("basic", "AWS", "canary-pass"), etag=False) as server:
        yield server


EXPIRED: Final = b'{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate."}]}'


async def get(client: RegistryClient) -> None:
    await client.manifest("team/app", "1.0", fresh=True)


def assert_ecr_is_explained(error: RegistryError) -> None:
    assert error.next_step == ECR_STEP


async def test_a_password_that_ecr_refuses_is_explained(ecr: RegistryServer) -> None:
    async with by_name(ecr, {}, name=ECR, login=Credential("AWS", "old", DOCKER)) as client:
        with pytest.raises(WrongLoginError) as caught:
            await get(client)
    assert_ecr_is_explained(caught.value)


async def test_a_login_that_ecr_misses_is_explained(ecr: RegistryServer) -> None:
    async with by_name(ecr, {}, name=ECR) as client:
        with pytest.raises(LoginNeededError) as caught:
            await get(client)
    assert_ecr_is_explained(caught.value)


async def test_what_is_known_of_the_stores_comes_before_what_is_known_of_the_vendor(ecr: RegistryServer) -> None:
    async with by_name(ecr, {}, name=ECR, hint="Mend the helper.") as client:
        with pytest.raises(LoginNeededError) as caught:
            await get(client)
    assert caught.value.next_step == "Mend the helper."


@pytest.mark.parametrize("was_accepted", [True, False])
async def test_a_password_whose_time_is_over_is_explained(ecr: RegistryServer, was_accepted: bool) -> None:
    doubts: list[bool] = []
    async with by_name(ecr, {}, name=ECR, login=AWS, doubt=lambda: doubts.append(True)) as client:
        if was_accepted:
            await get(client)
        ecr.reset()
        ecr.fault("GET", status=403, body=EXPIRED, after=0 if was_accepted else 1, times=None)
        with pytest.raises(
            WrongLoginError, match=r"the time of the password of AWS \(from docker config\) is over"
        ) as e:
            await get(client)
    assert_ecr_is_explained(e.value)
    assert doubts == [True]
    assert len(ecr.requests) == (1 if was_accepted else 2)


async def test_a_newer_password_is_used_when_the_time_of_the_old_one_is_over(ecr: RegistryServer) -> None:
    logins = [Credential("AWS", "old", DOCKER)]

    async def lookup(_: str) -> Credential:
        return logins[0]

    def doubt() -> None:
        logins[0] = AWS

    ecr.fault("GET", status=403, body=EXPIRED, after=1)
    async with by_name(ecr, {}, name=ECR, lookup=lookup, doubt=doubt) as client:
        await get(client)
        assert client.transport.authorizer.account == AWS
    assert [request.status for request in ecr.requests] == [401, 403, 200]


async def test_a_store_that_always_has_another_password_is_not_asked_for_ever(ecr: RegistryServer) -> None:
    count = iter(range(1_000))

    async def lookup(_: str) -> Credential:
        return Credential("AWS", f"{next(count)}", DOCKER)

    ecr.fault("GET", status=403, body=EXPIRED, after=1, times=None)
    async with by_name(ecr, {}, name=ECR, lookup=lookup) as client:
        with pytest.raises(DeniedError) as caught:
            await get(client)
        assert client.transport.authorizer.account is None
    assert_ecr_is_explained(caught.value)
    assert len(ecr.requests) == 3


async def test_what_ecr_denies_for_another_reason_is_told_in_its_words(ecr: RegistryServer) -> None:
    body = b'{"errors":[{"code":"DENIED","message":"User is not authorized to perform ecr:BatchGetImage"}]}'
    ecr.fault("GET", status=403, body=body, after=1, times=None)
    async with by_name(ecr, {}, name=ECR, login=AWS) as client:
        with pytest.raises(DeniedError, match="ecr:BatchGetImage"):
            await get(client)


async def test_a_token_of_the_public_ecr_whose_time_is_over_is_fetched_anew(certificate: trustme.LeafCert) -> None:
    with (
        Tokens(tls=certificate) as tokens,
        RegistryServer(content(), tls=certificate, auth=tokens.auth(f"https://{PUBLIC_ECR}:8443/token")) as server,
    ):
        tokens.fault(Answer(200, b'{"token":"canary-token-old"}'))
        server.fault("GET", status=400, body=EXPIRED, after=1)
        async with by_name(server, {f"{PUBLIC_ECR}:8443": tokens}, name=PUBLIC_ECR) as client:
            await get(client)
    assert [request.status for request in server.requests] == [401, 400, 200]


# GHCR, as it is described in peers.md: challenges, and refuses what is no token of its own without one


class Ghcr(Server):
    """GHCR: a package of `ada` that is hers alone, and one that is public.

    A raw token of GitHub gets 403 without a challenge. `/token` gives the tokens for one repository each, to anybody
    for what is public. The bare entrance names a scope that stands for nothing.
    """

    def __init__(self, tls: trustme.LeafCert) -> None:
        self.issued: dict[str, str] = {}
        super().__init__(tls=tls)

    def answer(self, request: Request) -> Answer:
        path = urlsplit(request.path).path
        return self._token(request) if path == "/token" else self._api(request, path)

    def _token(self, request: Request) -> Answer:
        scopes = [value for name, value in request.query if name == "scope"]
        sent = request.header("Authorization")
        _, _, password = base64.b64decode(sent.removeprefix("Basic ")).decode().partition(":")
        if sent and password != GITHUB_TOKEN:
            return error(401, "UNAUTHORIZED", "authentication required")
        if not sent and scopes != ["repository:ada/public:pull"]:
            return error(403, "DENIED", "requested access to the resource is denied")
        if len(scopes) > 1 or scopes == ["repository:user/image:pull"]:
            return error(403, "DENIED", "requested access to the resource is denied")
        token = f"djE6canary-token-{len(self.issued)}"
        self.issued[token] = "".join(scopes)
        return Answer(200, b'{"token":"%s"}' % token.encode())

    def _api(self, request: Request, path: str) -> Answer:
        repository = path.removeprefix("/v2/").removesuffix("/tags/list")
        scope = f"repository:{repository or 'user/image'}:pull"
        scheme, _, token = request.header("Authorization").partition(" ")
        if not scheme:
            challenge = f'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="{scope}"'
            refusal = error(401, "UNAUTHORIZED", "authentication required")
            return Answer(401, refusal.body, [("WWW-Authenticate", challenge)])
        if scheme != "Bearer" or token not in self.issued or (repository and self.issued[token] != scope):
            return error(403, "DENIED", "permission_denied: The token provided does not match expected scopes.")
        return Answer(200, b'{"name":"x","tags":["1.0"]}' if repository else b"{}")


@pytest.fixture
def ghcr(certificate: trustme.LeafCert) -> Iterator[Ghcr]:
    with Ghcr(certificate) as server:
        yield server


async def tags(client: RegistryClient, repository: str) -> Sequence[str]:
    return (await anext(client.tags(repository))).names


def with_password(user: str, password: str) -> Credential:
    return Credential(user, password, DOCKER)


GITHUB_LOGINS: Final = [
    with_password("ada", GITHUB_TOKEN),
    Credential("ada", "", DOCKER, registry_token=GITHUB_TOKEN),
    Credential("", "", DOCKER, registry_token=GITHUB_TOKEN),
]


@pytest.mark.parametrize("login", GITHUB_LOGINS, ids=["password", "token", "token without a name"])
async def test_a_token_of_github_is_exchanged_and_never_sent_raw(ghcr: Ghcr, login: Credential) -> None:
    async with by_name(ghcr, {}, name="ghcr.io", login=login) as client:
        assert await tags(client, "ada/private") == ("1.0",)
        assert await tags(client, "ada/public") == ("1.0",)
        account = client.transport.authorizer.account
    asked = [request for request in ghcr.requests if request.path.startswith("/token")]
    assert [request.header("Authorization").partition(" ")[0] for request in asked] == ["Basic", "Basic"]
    api = [request.header("Authorization") for request in ghcr.requests if request.path.startswith("/v2")]
    assert not [sent for sent in api if GITHUB_TOKEN in sent or sent.startswith("Basic")]
    assert [str(request).partition("?")[0] for request in ghcr.requests] == [
        "GET /v2/ada/private/tags/list",
        "GET /token",
        "GET /v2/ada/private/tags/list",
        "GET /token",
        "GET /v2/ada/public/tags/list",
    ]
    assert account is not None


async def test_what_is_public_at_ghcr_needs_no_login(ghcr: Ghcr) -> None:
    async with by_name(ghcr, {}, name="ghcr.io") as client:
        assert await tags(client, "ada/public") == ("1.0",)
        with pytest.raises(HTTPStatusError, match="does not let those without a login read ada/private") as caught:
            await tags(client, "ada/private")
    assert isinstance(caught.value, UnauthorizedError)
    assert "docker login ghcr.io" in caught.value.next_step


async def test_the_scope_that_ghcr_s_entrance_names_is_not_asked_for(ghcr: Ghcr) -> None:
    async with by_name(ghcr, {}, name="ghcr.io", login=GITHUB_LOGINS[0]) as client:
        await client.ping()
        assert await tags(client, "ada/private") == ("1.0",)
    assert "user%2Fimage" not in seen_at(ghcr)


async def test_a_token_that_github_does_not_know_is_a_wrong_login(ghcr: Ghcr) -> None:
    async with by_name(ghcr, {}, name="ghcr.io", login=with_password("ada", "ghp_revoked")) as client:
        with pytest.raises(WrongLoginError, match="does not accept the password of ada") as caught:
            await tags(client, "ada/private")
    assert "docker login ghcr.io" in caught.value.next_step
    assert "ghp_revoked" not in f"{caught.value!r}{caught.value.next_step}"


async def test_a_token_that_ghcr_gave_is_sent_as_it_is(ghcr: Ghcr) -> None:
    ghcr.issued["djE6own"] = "repository:ada/private:pull"
    login = Credential("ada", "", DOCKER, registry_token="djE6own")
    async with by_name(ghcr, {}, name="ghcr.io", login=login) as client:
        assert await tags(client, "ada/private") == ("1.0",)
    assert authorizations(ghcr) == ["", "Bearer djE6own"]


async def test_what_google_denies_names_its_tool(certificate: trustme.LeafCert) -> None:
    body = b'{"errors":[{"code":"DENIED","message":"Unauthenticated request."}]}'
    with RegistryServer(content(), tls=certificate) as server:
        server.fault("GET", status=403, body=body, times=None)
        async with by_name(server, {}, name="gcr.io") as client:
            with pytest.raises(DeniedError, match="Unauthenticated request") as caught:
                await get(client)
    assert caught.value.next_step.endswith("“gcloud auth configure-docker gcr.io”.")
