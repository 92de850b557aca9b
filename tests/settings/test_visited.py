from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.settings.visited import REGISTRY_LIMIT, TOTAL_LIMIT, Visited


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "regbrowse" / "visited.json"


def visit(file: Path | None, *visits: tuple[str, str]) -> Visited:
    visited = Visited.load(file)
    for registry, repository in visits:
        visited.add(registry, repository)
    return visited


def test_most_recent_repository_is_first() -> None:
    visited = visit(None, ("a.corp", "one"), ("a.corp", "two"), ("a.corp", "one"))
    assert visited.repositories("a.corp") == ("one", "two")


def test_most_recent_registry_is_first() -> None:
    assert visit(None, ("a.corp", "one"), ("b.corp", ""), ("a.corp", "")).registries() == ("a.corp", "b.corp")


def test_registry_keeps_its_repositories_when_it_is_visited_itself() -> None:
    assert visit(None, ("a.corp", "one"), ("a.corp", "")).repositories("a.corp") == ("one",)


def test_registry_never_visited_has_none() -> None:
    assert visit(None).repositories("a.corp") == ()


@pytest.mark.parametrize(("registry", "repository"), [("a.corp", "NOT VALID"), ("a.corp", "../x"), ("two words", "x")])
def test_name_that_could_not_be_asked_for_is_not_kept(registry: str, repository: str) -> None:
    assert visit(None, (registry, repository)).registries() == ()


def test_what_was_visited_is_there_the_next_time(file: Path) -> None:
    assert visit(file, ("https://a.corp/prefix", "team/app"), ("docker.io", "library/nginx")).save() == ""
    visited = Visited.load(file)
    assert visited.notice == ""
    assert visited.registries() == ("docker.io", "https://a.corp/prefix")
    assert visited.repositories("https://a.corp/prefix") == ("team/app",)


def test_file_and_its_folder_are_private(file: Path) -> None:
    visit(file, ("a.corp", "one")).save()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]


def test_nothing_else_stays_in_the_folder(file: Path) -> None:
    visit(file, ("a.corp", "one")).save()
    assert [path.name for path in file.parent.iterdir()] == ["visited.json"]


def test_without_a_visit_nothing_is_written(file: Path) -> None:
    visit(file).save()
    assert not file.parent.exists()


def test_visits_of_another_window_are_kept(file: Path) -> None:
    mine, other = Visited.load(file), Visited.load(file)
    mine.add("a.corp", "mine")
    other.add("a.corp", "other")
    other.save()
    mine.save()
    assert Visited.load(file).repositories("a.corp") == ("mine", "other")


def test_saving_twice_adds_nothing(file: Path) -> None:
    visited = visit(file, ("a.corp", "one"))
    visited.save()
    visit(file, ("a.corp", "two")).save()
    visited.save()
    assert Visited.load(file).repositories("a.corp") == ("two", "one")


def test_repositories_of_one_registry_are_limited() -> None:
    visited = visit(None, *(("a.corp", f"app-{number}") for number in range(REGISTRY_LIMIT + 5)))
    names = visited.repositories("a.corp")
    assert (len(names), names[0], names[-1]) == (REGISTRY_LIMIT, f"app-{REGISTRY_LIMIT + 4}", "app-5")


def test_repositories_of_all_registries_are_limited() -> None:
    registries = TOTAL_LIMIT // REGISTRY_LIMIT + 1
    visits = ((f"r{host}.corp", f"app-{number}") for host in range(registries) for number in range(REGISTRY_LIMIT))
    visited = visit(None, *visits)
    assert sum(len(visited.repositories(registry)) for registry in visited.registries()) == TOTAL_LIMIT
    assert visited.repositories("r0.corp") == ()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"registries": []}', b"\xff", b"[" * 100_000])
def test_damaged_file_starts_afresh_with_a_notice(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    visited = Visited.load(file)
    assert visited.registries() == ()
    assert visited.notice == f"The visited repositories in {file} are not known: it is damaged."


def test_damaged_file_is_replaced_by_the_next_visit(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"{")
    visit(file, ("a.corp", "one")).save()
    assert Visited.load(file).repositories("a.corp") == ("one",)


def test_file_that_cannot_be_read_gives_a_notice(tmp_path: Path) -> None:
    assert str(tmp_path) in Visited.load(tmp_path).notice


def test_file_that_cannot_be_written_gives_a_notice(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "could not be kept" in visit(tmp_path / "file" / "visited.json", ("a.corp", "one")).save()


JSON = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(["team/app", "x\x1b[2J"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.sampled_from(["registries", "a.corp"]), inner, max_size=3)
    ),
)


@given(JSON)
def test_names_in_the_file_are_checked(tmp_path_factory: pytest.TempPathFactory, document: object) -> None:
    file = tmp_path_factory.getbasetemp() / "visited.json"
    file.write_text(json.dumps({"registries": {"a.corp": [document, "good/name"], "b.corp": document}}))
    visited = Visited.load(file)
    assert visited.repositories("a.corp")[-1] == "good/name"
    assert all(name.isprintable() for registry in visited.registries() for name in visited.repositories(registry))
