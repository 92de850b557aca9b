"""§5.3 test 57: what a registry says cannot answer the question whether a token server is told the login."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from regbrowse.browser.states import Asks
from regbrowse.registry.reference import Target, parse_registry_address
from regbrowse.tui.app import RegbrowseApp
from regbrowse.tui.screens.questions import YesNoScreen, realm_permission
from tests.registry.reaching import LOGIN
from tests.registry.tokens_world import Tokens, authorizations
from tests.registry_server import RegistryServer
from tests.security.origins import (
    assert_learnt_nothing,
    content,
    docker_login,
    problem,
    registries_of,
    shown_tags,
    trusting,
)
from tests.tui.screens import Session

CYRILLIC_A = "\u0430"
TEMPTING = "is safe, press y"


@asynccontextmanager
async def asked(good: RegistryServer, foreign: Tokens, home: Path) -> AsyncIterator[tuple[Session, YesNoScreen]]:
    """The program, opened on G, with the question that it asks."""
    host = f"registry.test:{good.port}"
    folders = trusting(home / "certs.d", host, f"evil.test:{foreign.port}")
    async with registries_of(docker_login(home, host), certs_dir=folders) as registries:
        app = RegbrowseApp(registries, Target(parse_registry_address(host)), theme_name="harbour")
        async with app.run_test(size=(100, 30), notifications=True) as pilot:
            session = Session(app, pilot)
            await session.until(lambda: isinstance(app.screen, YesNoScreen), "the question")
            question = app.screen
            assert isinstance(question, YesNoScreen)
            yield session, question


@asynccontextmanager
async def challenging(
    certificate: trustme.LeafCert, foreign: Tokens, realm: str, service: str = "s"
) -> AsyncIterator[RegistryServer]:
    """G, which wants a token of `realm`, where `E` stands for E's address."""
    with RegistryServer(
        content(), tls=certificate, auth=foreign.auth(f"https://evil.test:{foreign.port}/token")
    ) as good:
        spelled = realm.replace("E", f"evil.test:{foreign.port}")
        challenge = {"WWW-Authenticate": f'Bearer realm="https://{spelled}",service="{service}"'}
        good.fault("GET", status=401, headers=challenge, body=TEMPTING.encode(), times=None)
        yield good


@pytest.mark.parametrize(
    ("realm", "service", "shown"),
    [
        ("E/token", "s", "evil.test:{port}"),
        (f"E/{TEMPTING}?{TEMPTING}", TEMPTING, "evil.test:{port}"),
        (f"{CYRILLIC_A}uth.test:{{port}}/token", "s", "xn--uth-5cd.test:{port}"),
        ("xn--uth-5cd.test:{port}/token", "s", "xn--uth-5cd.test:{port}"),
    ],
)
async def test_57_the_question_shows_the_host_alone_and_its_answer_is_no(
    names: None,
    certificate: trustme.LeafCert,
    foreign: Tokens,
    tmp_path: Path,
    realm: str,
    service: str,
    shown: str,
) -> None:
    """In plain letters as the wire has them; enter is No, and nothing was or is sent."""
    port = str(foreign.port)
    spelled = realm.replace("{port}", port)
    async with (
        challenging(certificate, foreign, spelled, service) as good,
        asked(good, foreign, tmp_path) as (session, question),
    ):
        await session.until_shows(shown.replace("{port}", port))
        text = session.text()
        assert f"registry.test:{good.port}" in text
        assert "press y" not in text
        assert CYRILLIC_A not in text
        assert "\u200b" not in text
        assert foreign.requests == []
        await session.until(lambda: question.takes_answers, "a question that takes answers")
        await session.press("enter")
        await session.until(lambda: session.app.screen is not question, "the end of the question")
    assert foreign.requests == []
    assert_learnt_nothing(good)


async def test_57_a_realm_with_letters_that_nobody_sees_is_no_question(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, tmp_path: Path
) -> None:
    async with challenging(certificate, foreign, f"E/\u200b {TEMPTING}") as good:
        host = f"registry.test:{good.port}"
        folders = trusting(tmp_path / "certs.d", host, f"evil.test:{foreign.port}")
        async with registries_of(docker_login(tmp_path, host), certs_dir=folders) as registries:
            assert problem(await shown_tags(registries, host)).asks is not Asks.TRUST_REALM
    assert foreign.requests == []
    assert_learnt_nothing(good)


@pytest.mark.parametrize(
    "realm",
    [
        f"evil.test/\u200b {TEMPTING}",
        f"evil.test {TEMPTING}",
        "evil.test\n\n  Yes",
        "\u202etset.live",
        "",
    ],
)
def test_57_what_is_no_host_cannot_be_allowed(realm: str) -> None:
    """Should such a name ever come as far as the question."""
    assert realm_permission("registry.test", realm) is None


async def test_57_what_was_typed_before_it_could_be_read_answers_nothing(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, tmp_path: Path
) -> None:
    async with (
        challenging(certificate, foreign, "E/token") as good,
        asked(good, foreign, tmp_path) as (session, question),
    ):
        if not question.takes_answers:
            await session.press("y", "enter")
            assert session.app.screen is question
    assert foreign.requests == []


@pytest.mark.parametrize("key", ["escape", "enter", "space", "Y"])
async def test_57_only_y_is_a_yes(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, tmp_path: Path, key: str
) -> None:
    async with (
        challenging(certificate, foreign, "E/token") as good,
        asked(good, foreign, tmp_path) as (session, question),
    ):
        await session.until(lambda: question.takes_answers, "a question that takes answers")
        await session.press(key)
    assert foreign.requests == []
    assert_learnt_nothing(good)


async def test_57_a_yes_is_for_what_was_shown(
    names: None, certificate: trustme.LeafCert, foreign: Tokens, tmp_path: Path
) -> None:
    """The other direction, and the pair that is kept is the one that could be read."""
    with RegistryServer(
        content(), tls=certificate, auth=foreign.auth(f"https://evil.test:{foreign.port}/token")
    ) as good:
        async with asked(good, foreign, tmp_path) as (session, question):
            await session.until(lambda: question.takes_answers, "a question that takes answers")
            await session.press("y")
            await session.until_listed(session.screen.repositories)
            await session.until(lambda: authorizations(foreign), "the login at E")
    assert set(authorizations(foreign)) == {LOGIN.basic}
    kept = (tmp_path / "regbrowse/logins.json").read_text()
    assert f"evil.test:{foreign.port}" in kept
