"""Reading challenges, and remembering who asked for what."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.challenges import ChallengeManager, parse_challenges

BEARER: Final = 'Bearer realm="https://auth.test/token",service="registry.test",scope="repository:a/b:pull,push"'


# Reading challenges


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['Basic realm="x"'], [("basic", {"realm": "x"})]),
        (["BASIC REALM=x"], [("basic", {"realm": "x"})]),
        (['Basic realm = "a b" , charset="UTF-8"'], [("basic", {"realm": "a b", "charset": "UTF-8"})]),
        (["Basic"], [("basic", {})]),
        ([r'Basic realm="a \"b\" \\ c"'], [("basic", {"realm": r'a "b" \ c'})]),
        (['Basic realm=""'], [("basic", {"realm": ""})]),
        (
            [BEARER],
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth.test/token",
                        "service": "registry.test",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (["Bearer realm=https://auth.test/token"], [("bearer", {"realm": "https://auth.test/token"})]),
        (['Basic realm="x", Bearer realm="y"'], [("basic", {"realm": "x"}), ("bearer", {"realm": "y"})]),
        (['Basic realm="x"', 'Bearer realm="y"'], [("basic", {"realm": "x"}), ("bearer", {"realm": "y"})]),
        (['Basic realm="x", , ,Bearer realm="y",'], [("basic", {"realm": "x"}), ("bearer", {"realm": "y"})]),
        (['Negotiate, Basic realm="x"'], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (['Negotiate YWJj, Basic realm="x"'], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (['Basic realm="first", realm="second"'], [("basic", {"realm": "first"})]),
        (['Basic realm="a\tb", Bearer realm="y"'], [("bearer", {"realm": "y"})]),
        (['Basic realm="never closed'], [("basic", {})]),
        (['realm="x"'], []),
        (["="], []),
        ([""], []),
        ([], []),
    ],
)
def test_challenges_are_read(lines: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(found.scheme, dict(found.parameters)) for found in parse_challenges(lines)] == expected


@given(st.lists(st.text(max_size=80) | st.text(alphabet='Basic ,="\\rlm\x00\t', max_size=200), max_size=5))
def test_any_header_is_read(lines: list[str]) -> None:
    for challenge in parse_challenges(lines):
        assert challenge.scheme == challenge.scheme.lower()
        assert all(value.isprintable() for value in challenge.parameters.values())


TOKENS: Final = st.text(alphabet="abcdefghijklmnopqrstuvwxyz-0123456789", min_size=1, max_size=10)
VALUES: Final = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@given(st.lists(st.tuples(TOKENS, st.dictionaries(TOKENS, VALUES, min_size=1, max_size=4)), max_size=4))
def test_what_was_written_is_what_is_read(challenges: list[tuple[str, dict[str, str]]]) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    line = ", ".join(
        f"{scheme} " + ", ".join(f"{name}={quoted(value)}" for name, value in parameters.items())
        for scheme, parameters in challenges
    )
    assert [(found.scheme, dict(found.parameters)) for found in parse_challenges([line])] == challenges


def test_no_more_is_read_than_anybody_needs() -> None:
    assert len(parse_challenges(["Basic realm=x, " * 100])) == 16
    assert len(parse_challenges(["Basic realm=x"] * 100)) == 16
    assert parse_challenges(["Basic " + ",".join(f"a{n}=1" for n in range(50))])[0].parameters.keys() == {
        f"a{n}" for n in range(32)
    }
    assert parse_challenges(['Basic realm="' + "x" * 17_000 + '"']) == ()


@pytest.mark.parametrize("part", ["Basic ", ", ", 'a="', "a=b ", "\\", '"', "=", " \t,"])
def test_a_hostile_challenge_is_given_up(part: str) -> None:
    """There are more ways to read it than can be tried."""
    assert len(parse_challenges(["Basic " + (part * 16_000)[:16_000]])) <= 16


# Remembering challenges


def asked(manager: ChallengeManager, url: str) -> list[str]:
    return [challenge.scheme for challenge in manager.get(url)]


def remembering(*answers: tuple[str, int, list[str]]) -> ChallengeManager:
    manager = ChallengeManager()
    for answer in answers:
        manager.add(*answer)
    return manager


@pytest.mark.parametrize(
    ("entrance", "url"),
    [
        ("https://reg.test/v2/", "https://reg.test/v2/"),
        ("https://reg.test/v2/", "https://reg.test/v2/team/app/tags/list?n=1"),
        ("https://reg.test/v2/", "https://reg.test/v2/team/v2/app"),
        ("https://reg.test/v2/", "https://reg.test/v1/search?q=x"),
        ("https://reg.test/v2/?from=ping", "https://reg.test/v2/_catalog"),
        ("https://REG.test/v2/", "https://reg.TEST/v2/_catalog"),
        ("HTTPS://reg.test/v2/", "https://reg.test/v2/_catalog"),
        ("https://reg.test/v2/", "https://reg.test:443/v2/_catalog"),
        ("http://reg.test:80/v2/", "http://reg.test/v2/_catalog"),
        ("https://ada:secret@reg.test/v2/", "https://reg.test/v2/_catalog"),
        ("https://[::1]:5000/v2/", "https://[::1]:5000/v2/_catalog"),
        ("https://reg.test/docker/v2/", "https://reg.test/docker/v2/_catalog"),
        ("https://reg.test/docker/v2/", "https://reg.test/docker/v1/search?q=x"),
        ("https://reg.test/v1/docker/v2/", "https://reg.test/v1/docker/v2/_catalog"),
    ],
)
def test_a_request_has_to_meet_what_its_entrance_asked_for(entrance: str, url: str) -> None:
    assert asked(remembering((entrance, 401, ["Basic realm=x"])), url) == ["basic"]


@pytest.mark.parametrize(
    "url",
    [
        "http://reg.test/v2/_catalog",
        "https://reg.test:5000/v2/_catalog",
        "https://other.test/v2/_catalog",
        "https://reg.test/docker/v2/_catalog",
        "https://reg.test/V2/Case",
        "https://reg.test/v2",
        "https://reg.test/search?q=/v2/",
        "https://reg.test/v3/x",
        "https://reg.test",
    ],
)
def test_a_request_elsewhere_has_nothing_to_meet(url: str) -> None:
    assert asked(remembering(("https://reg.test/v2/", 401, ["Basic realm=x"])), url) == []


@pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
def test_only_401_asks_for_anything(status: int) -> None:
    assert asked(remembering(("https://reg.test/v2/", status, ["Basic realm=x"])), "https://reg.test/v2/") == []


def test_the_last_answer_counts() -> None:
    entrance = "https://reg.test/v2/"
    manager = remembering((entrance, 401, ["Basic realm=x"]), (entrance, 401, [BEARER, "Basic realm=x"]))
    assert asked(manager, entrance) == ["bearer", "basic"]
    manager.add(entrance, 200, [])
    assert asked(manager, entrance) == []


@pytest.mark.parametrize("url", ["", "/v2/", "reg.test/v2/", "ftp://reg.test/v2/", "https:///v2/", "https://h:x/v2/"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"no address|Port could not"):
        ChallengeManager().add(url, 401, ["Basic realm=x"])
