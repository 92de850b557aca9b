"""§5.3 tests 1 to 8: whatever G redirects to, no login, token or cookie goes along, and nobody else gets an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import pytest
import trustme

from regbrowse.browser.states import Phase
from regbrowse.registry.client import RegistryClient
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import DeniedError, HTTPStatusError, RedirectRefusedError, UnauthorizedError
from tests.registry.reaching import LOGIN, reaching
from tests.registry.tokens_world import TRUSTS, Tokens, authorizations, seen_at
from tests.registry_server import RegistryServer
from tests.security.origins import (
    BASIC,
    BLOB_DIGEST,
    MANIFEST,
    TAG,
    Attacker,
    assert_learnt_nothing,
    blob,
    catalog,
    content,
    docker_login,
    get,
    head,
    registries_of,
    shown_image,
    shown_tags,
    tags,
    trusting,
)
from tests.token_server import Answer

ANY: Final = re.compile("")
Call = Callable[[RegistryClient], Awaitable[None]]
CALLS: Final = [
    (get, TAG),
    (head, f"HEAD {MANIFEST}"),
    (tags, "GET /v2/team/app/tags/list"),
    (catalog, "GET /v2/_catalog"),
    (blob, f"GET /v2/team/app/blobs/{BLOB_DIGEST}"),
]


@pytest.mark.parametrize("is_known", [False, True], ids=["before G asked for a login", "after it"])
async def test_01_a_challenge_of_the_redirect_target_is_not_answered(
    good: RegistryServer, evil: Attacker, is_known: bool
) -> None:
    """E gets one bare request, nobody asks its token server, and the user is told of both hosts."""
    good.fault(TAG, status=302, redirect=f"{evil.url}{MANIFEST}", after=int(is_known), times=None)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(UnauthorizedError) as caught:
            await get(client)
    assert evil.asked == [f"GET {MANIFEST}"]
    assert_learnt_nothing(evil)
    assert f"{good.address} leads to {evil.address}" in caught.value.user_message
    assert "None was sent there" in caught.value.user_message


@pytest.mark.parametrize("where", ["http://127.0.0.1:{evil}", "http://localhost:{evil}", "http://localhost:{good}"])
async def test_02_another_port_or_name_gets_no_login(good: RegistryServer, evil: Attacker, where: str) -> None:
    """Also where it is the very same server under another name."""
    path = "/elsewhere"
    evil.fault(Answer(404), path, times=None)
    good.fault(f"GET {path}", status=404, times=None)
    good.fault(TAG, redirect=f"{where.format(evil=evil.port, good=good.port)}{path}", after=1)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(HTTPStatusError):
            await get(client)
    assert authorizations(good)[1] != ""
    if "{evil}" in where:
        assert evil.asked == [f"GET {path}"]
    else:
        assert good.requests[-1].path == path
        assert authorizations(good)[-1] == ""
    assert_learnt_nothing(evil)


@pytest.mark.parametrize("same_port", [False, True])
async def test_02_https_never_leads_to_http(certificate: trustme.LeafCert, evil: Attacker, same_port: bool) -> None:
    with RegistryServer(content(), tls=certificate, auth=BASIC) as good:
        target = good.address if same_port else evil.address
        good.fault(TAG, redirect=f"http://{target}{MANIFEST}", after=1)
        async with reaching(good, login=LOGIN, endpoints=[APIEndpoint(good.url, tls_config=TRUSTS)]) as client:
            with pytest.raises(RedirectRefusedError, match=f"redirects to plain HTTP at {target}"):
                await get(client)
        assert len(good.requests) == 2
    assert evil.requests == []


async def test_02_https_at_another_port_gets_no_login(certificate: trustme.LeafCert, tmp_path: Path) -> None:
    with (
        RegistryServer(content(), tls=certificate, auth=BASIC) as good,
        Attacker(tls=certificate) as evil,
    ):
        good.fault(TAG, redirect=f"{evil.url}{MANIFEST}", after=1)
        async with reaching(
            good,
            login=LOGIN,
            endpoints=[APIEndpoint(good.url, tls_config=TRUSTS)],
            certs_dir=trusting(tmp_path, evil.address),
        ) as client:
            with pytest.raises(UnauthorizedError, match=evil.address):
                await get(client)
    assert evil.asked == [f"GET {MANIFEST}"]
    assert_learnt_nothing(evil)


@pytest.mark.parametrize("location", [f"{MANIFEST}?moved=1", "1.0?moved=1", "?moved=1", f"{{good}}{MANIFEST}?moved=1"])
async def test_03_within_the_registry_the_login_goes_along(good: RegistryServer, location: str) -> None:
    good.fault(TAG, redirect=location.replace("{good}", good.url), after=1)
    async with reaching(good, login=LOGIN) as client:
        await get(client)
    assert good.requests[-1].path == f"{MANIFEST}?moved=1"
    assert authorizations(good)[1] == authorizations(good)[2] != ""


@pytest.mark.parametrize(
    "location",
    [
        None,
        "",
        "\\\\E",
        "/\\E/x",
        "\\/E/x",
        "http://G@E/",
        "http://G:80@E/",
        "http://canary-user:canary-pass@E/",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://E/x",
        "http://E\x7f/x",
    ],
    ids=repr,
)
async def test_03_a_location_that_is_no_plain_address_is_refused(
    good: RegistryServer, evil: Attacker, location: str | None
) -> None:
    """A missing one makes the answer a failure as it is, an empty one leads to itself."""
    spelled = location and location.replace("E", evil.address).replace("G", good.address)
    good.fault(TAG, status=307, headers={} if spelled is None else {"Location": spelled}, after=1, times=None)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(HTTPStatusError if location is None else RedirectRefusedError) as caught:
            await get(client)
    assert evil.requests == []
    assert len(good.requests) == 2
    assert good.address in caught.value.user_message
    assert "canary" not in caught.value.user_message


@pytest.mark.parametrize("location", ["//E/x", "HTTP://E/x", " http://E/x", "http://E\t/x", "http:E/x", "http:///E"])
async def test_03_an_address_that_is_oddly_spelled_is_a_stranger_s_or_g_s_own(
    good: RegistryServer, evil: Attacker, location: str
) -> None:
    evil.fault(Answer(404), times=None)
    good.fault(TAG, redirect=location.replace("E", evil.address), after=1)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(HTTPStatusError):
            await get(client)
    assert len(good.requests) + len(evil.requests) == 3
    assert_learnt_nothing(evil)


async def test_04_a_chain_that_left_does_not_regain_the_login(good: RegistryServer, evil: Attacker) -> None:
    path = f"/v2/team/app/blobs/{BLOB_DIGEST}"
    good.fault(f"GET {path}", redirect=f"{evil.url}/x?X-Signature=presigned", after=1)
    evil.fault(Answer(302, b"", [("Location", f"{good.url}{path}?back"), *evil.challenges]))
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(UnauthorizedError, match=f"{good.address} leads to {evil.address}"):
            await blob(client)
    assert evil.asked == ["GET /x?X-Signature=presigned"]
    assert_learnt_nothing(evil)
    assert good.requests[-1].path == f"{path}?back"
    assert [bool(sent) for sent in authorizations(good)] == [False, True, False]


async def test_04_a_layer_behind_a_presigned_address_is_still_fetched(good: RegistryServer, evil: Attacker) -> None:
    """The other direction: without the login, storage works."""
    good.fault(f"GET /v2/team/app/blobs/{BLOB_DIGEST}", redirect=f"{evil.url}/x?X-Signature=presigned", after=1)
    evil.fault(Answer(200, b"the configuration"))
    async with reaching(good, login=LOGIN) as client:
        await blob(client)
    assert_learnt_nothing(evil)


async def test_05_a_sixth_redirect_is_not_followed(good: RegistryServer) -> None:
    for number in range(7):
        good.fault(f"GET /hop/{number}", redirect=f"/hop/{number + 1}")
    good.fault(TAG, redirect="/hop/0", after=1)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(RedirectRefusedError, match=f"{good.address} redirects more than 5 times"):
            await get(client)
    assert good.requests[-1].path == "/hop/4"


@pytest.mark.parametrize("through", ["itself", "E"])
async def test_05_a_circle_is_left_at_the_first_address_that_comes_again(
    good: RegistryServer, evil: Attacker, through: str
) -> None:
    good.fault(TAG, redirect=f"{evil.url}/x" if through == "E" else MANIFEST, after=1, times=None)
    evil.fault(Answer(302, b"", [("Location", f"{good.url}{MANIFEST}")]), times=None)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(RedirectRefusedError, match="redirects in a circle"):
            await get(client)
    assert len(good.requests) == 2
    assert evil.asked == (["GET /x"] if through == "E" else [])
    assert_learnt_nothing(evil)


async def test_06_a_cookie_is_neither_sent_on_nor_kept(good: RegistryServer, evil: Attacker, tokens: Tokens) -> None:
    """Not to E, not to G's token server, not to G itself again, and not in the next run."""
    cookie = {"Set-Cookie": "session=canary-cookie; Path=/; Domain=127.0.0.1"}
    evil.fault(Answer(404, b"", [("Set-Cookie", "e=canary-cookie; Path=/")]), times=None)
    for _ in range(2):
        good.reset()
        good.fault("GET /v2/_catalog", headers=cookie, times=None)
        good.fault(TAG, redirect=f"{evil.url}/x", headers=cookie, after=1, times=None)
        async with reaching(good, login=LOGIN) as client:
            await catalog(client)
            with pytest.raises(HTTPStatusError):
                await get(client)
            await tags(client)
        assert "canary-cookie" not in seen_at(good)
    assert len(evil.requests) == 2
    assert "canary-cookie" not in seen_at(evil) + seen_at(tokens)
    assert_learnt_nothing(evil)


@pytest.mark.parametrize(("call", "request_"), CALLS, ids=[call.__name__ for call, _ in CALLS])
async def test_07_the_same_holds_for_everything_that_is_asked(
    good: RegistryServer, evil: Attacker, call: Call, request_: str
) -> None:
    """HEAD, catalog, tags and blobs as manifests in test 1. There are no calls yet for referrers and deletes."""
    good.fault(request_, redirect=f"{evil.url}/x", after=1, times=None)
    async with reaching(good, login=LOGIN) as client:
        with pytest.raises(UnauthorizedError, match=f"{good.address} leads to {evil.address}"):
            await call(client)
    assert evil.asked == [f"{request_.partition(' ')[0]} /x"]
    assert_learnt_nothing(evil)


@pytest.mark.parametrize(("call", "request_"), CALLS, ids=[call.__name__ for call, _ in CALLS])
async def test_07_a_stranger_that_wants_a_token_for_more_gets_none(
    good: RegistryServer, call: Call, request_: str
) -> None:
    """403 with insufficient_scope; where HEAD is not permitted, G is asked by GET."""
    with Attacker(status=403) as evil:
        good.fault(request_, redirect=f"{evil.url}/x", after=1, times=None)
        async with reaching(good, login=LOGIN) as client:
            with nullcontext() if call is head else pytest.raises(DeniedError):
                await call(client)
    assert evil.asked == [f"{request_.partition(' ')[0]} /x"]
    assert_learnt_nothing(evil)


async def test_08_the_addresses_of_foreign_layers_are_never_asked(
    tokens: Tokens, evil: Attacker, tmp_path: Path
) -> None:
    """Everything that a user sees of such an image is opened; there is no command to fetch its layers' addresses."""
    held = content()
    config = json.dumps({"architecture": "amd64", "os": "windows", "urls": [f"{evil.url}/c"]}).encode()
    kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    layers = [
        {"mediaType": kind, "size": 7, "digest": f"sha256:{digit * 64}", "urls": [f"{evil.url}/x"]} for digit in "01"
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": len(config),
            "digest": held.add_blob("team/app", config),
            "urls": [f"{evil.url}/y"],
        },
        "layers": layers,
    }
    held.add_raw("team/app", "1.0", str(manifest["mediaType"]), json.dumps(manifest).encode())
    with RegistryServer(held, auth=tokens.auth()) as good:
        async with registries_of(docker_login(tmp_path, good.address), insecure=["127.0.0.0/8"]) as registries:
            listing = await shown_tags(registries, good.address)
            browser = registries.browser(registries.known()[0].address)
            assert [count async for count in browser.all_details("team/app", listing.names)]
            state = await shown_image(registries, good.address)
            assert state.phase is Phase.READY
    assert len(state.steps) == 2
    assert evil.requests == []
