"""The rows of the Search pane, and what stands beside them, without a screen."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from regbrowse.browser.filtering import parse_filter
from regbrowse.browser.search import Hit, Place, Question, SearchState
from regbrowse.browser.states import Phase, Problem
from regbrowse.registry.reference import RegistryAddress, Target
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.tui.widgets import search_words
from regbrowse.tui.widgets.line_widget import INKS
from regbrowse.tui.widgets.search_hits import Columns, More, Names, hit_pieces, more_pieces, name_pieces, stars

HUB = RegistryAddress("docker.io")
CORP = RegistryAddress("registry.corp:5000")
WIDTHS = (20, 37, 58, 76, 115, 134, 236)
NGINX = Hit(Target(HUB, "library/nginx"), SafeText("A web server"), 19_503, official=True)
PROBLEM = Problem(SafeText("one.corp refuses."), SafeText("Ask its owners."), SafeText("403"))


def row(hit: Hit, width: int = 134, words: str = "", *, hosts: bool = False) -> str:
    return "".join(text for text, _ in hit_pieces(hit, width, parse_filter(words), hosts=hosts))


# Columns


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("hosts", [False, True])
def test_columns_take_no_more_than_there_is(width: int, hosts: bool) -> None:
    columns = Columns.of(width, hosts=hosts)
    cells = [columns.name, columns.host, columns.stars, columns.description]
    assert sum(cells) + 2 * (len([size for size in cells if size]) - 1) <= width
    assert min(cells) >= 0


@pytest.mark.parametrize(
    ("width", "hosts", "shown"),
    [
        (134, False, {"name", "stars", "description"}),
        (134, True, {"name", "host", "stars", "description"}),
        (76, False, {"name", "stars", "description"}),
        (76, True, {"name", "host", "stars"}),
        (37, False, {"name", "stars"}),
        (37, True, {"name", "host"}),
        (20, False, {"name"}),
    ],
)
def test_what_matters_least_gives_way_first(width: int, hosts: bool, shown: set[str]) -> None:
    columns = Columns.of(width, hosts=hosts)
    assert {name for name in ("name", "host", "stars", "description") if getattr(columns, name)} == shown


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("hosts", [False, True])
@pytest.mark.parametrize(
    "hit",
    [
        NGINX,
        Hit(Target(CORP, "a" * 300), safe_text("漢字" * 200), 2**62, official=True, automated=True),
        Hit(Target(HUB, "漢" * 90), safe_text("e" + "\u0301" * 40), -5, automated=True),
        Hit(Target(CORP, safe_text("no\x1b[31m\u202ename"))),
    ],
    ids=["plain", "long", "wide", "hostile"],
)
def test_no_row_is_wider_than_its_line(hit: Hit, width: int, hosts: bool) -> None:
    assert cell_len(row(hit, width, "a", hosts=hosts).rstrip()) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_stars_stand_at_the_right_of_their_column(width: int) -> None:
    many, few = (row(Hit(Target(HUB, f"team/{number}"), stars=number), width) for number in (19_503, 7))
    assert many.rstrip().endswith("★ 19,503") or width < 36
    assert len(many.rstrip()) == len(few.rstrip()) or width < 36


# A row


def test_a_row_says_all_that_the_index_says() -> None:
    assert row(NGINX).split() == ["nginx", "official", "★", "19,503", "A", "web", "server"]


def test_where_it_is_stands_beside_the_name() -> None:
    hit = Hit(Target(CORP, "team/app"))
    assert row(hit, hosts=True).split() == ["team/app", "registry.corp:5000"]
    assert row(hit).split() == ["team/app"]


def test_an_image_may_be_official_and_automated() -> None:
    hit = Hit(Target(HUB, "library/nginx"), official=True, automated=True)
    assert row(hit).split() == ["nginx", "official", "automated"]


def test_a_long_name_leaves_room_for_its_marks() -> None:
    hit = Hit(Target(HUB, f"team/{'x' * 80}"), automated=True)
    assert "…  automated" in row(hit)


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, ""), (-1, ""), (1, "★ 1"), (19_503, "★ 19,503"), (99_999, "★ 99,999"), (123_456, "★ 123k")],
)
def test_stars(number: int, shown: str) -> None:
    assert stars(number) == shown


def test_the_words_stand_out_in_the_name_alone() -> None:
    hit = Hit(Target(HUB, "nginxinc/nginx-x"), SafeText("nginx"))
    accented = [text for text, ink in hit_pieces(hit, 134, parse_filter("nginx"), hosts=False) if ink == "accent"]
    assert accented == ["nginx", "nginx"]


def test_the_words_stand_out_in_a_name_that_is_cut() -> None:
    pieces = [*name_pieces(Hit(Target(CORP, "team/application")), 10, parse_filter("app team"))]
    assert [piece for piece in pieces if piece[0]] == [
        ("team", "accent"),
        ("/", "plain"),
        ("app", "accent"),
        ("l…", "plain"),
    ]


def test_rows_use_the_inks_that_there_are() -> None:
    hit = Hit(Target(HUB, "library/nginx"), SafeText("x"), 5, official=True, automated=True)
    pieces = [*hit_pieces(hit, 134, parse_filter("n"), hosts=True), *more_pieces(More(100), 1_204)]
    assert {ink for _, ink in pieces} <= INKS


def test_the_last_row_says_how_many_there_are() -> None:
    assert "".join(text for text, _ in more_pieces(More(100), 1_204)) == "more: show up to 100 of 1,204"


def test_names_are_hits_when_they_are_looked_at() -> None:
    names = Names(CORP, [SafeText("a"), SafeText("b"), SafeText("c")])
    assert len(names) == 3
    assert names[1] == names.named("b") == Hit(Target(CORP, "b"))
    assert [hit.name for hit in names[1:]] == ["b", "c"]
    assert names.named("d") is None


# Words


@pytest.mark.parametrize(
    ("places", "chosen", "short", "words"),
    [
        (tuple(Place), Place.HERE, False, "[here] · Docker Hub · everywhere  ctrl+n"),
        (tuple(Place), Place.EVERYWHERE, False, "here · Docker Hub · [everywhere]  ctrl+n"),
        (tuple(Place), Place.DOCKER_HUB, True, "[Docker Hub]  ctrl+n"),
        ((Place.DOCKER_HUB, Place.EVERYWHERE), Place.DOCKER_HUB, False, "[Docker Hub] · everywhere  ctrl+n"),
    ],
)
def test_the_place_that_is_searched_is_marked(
    places: tuple[Place, ...], chosen: Place, short: bool, words: str
) -> None:
    assert "".join(text for text, _ in search_words.where(places, chosen, short=short)) == words


def state(phase: Phase, *, place: Place = Place.EVERYWHERE, **more: object) -> SearchState:
    return SearchState(Question(place, "nginx"), phase, **more)  # type: ignore[arg-type]


def test_who_is_awaited_is_named() -> None:
    assert search_words.asking(None, "Docker Hub") == "Asking Docker Hub …"
    assert search_words.asking(state(Phase.LOADING, asked=1), "Docker Hub") == "Asking Docker Hub …"
    awaited = state(Phase.LOADING, asked=5, awaited=(SafeText("a.corp"), SafeText("b.corp")))
    assert search_words.asking(awaited, "?") == "Asking 2 of 5 registries: a.corp, b.corp …"


REFUSED = ((SafeText("one.corp"), PROBLEM), (SafeText("two.corp"), PROBLEM))


@pytest.mark.parametrize(
    ("found", "sentence", "next_step"),
    [
        (state(Phase.READY, hits=(NGINX,), total=1), "", ""),
        (
            state(Phase.READY, hits=(NGINX,), total=1, asked=5, problems=REFUSED),
            "",
            "2 of 5 not searched: one.corp refuses.",
        ),
        (
            state(Phase.EMPTY, asked=1),
            "Docker Hub does not find “nginx”.",
            "enter opens “nginx” by its name, ctrl+n searches elsewhere.",
        ),
        (
            state(Phase.EMPTY, asked=5, problems=REFUSED),
            "No registry finds “nginx”.",
            "2 of 5 not searched: one.corp refuses.\nenter opens “nginx” by its name, ctrl+n searches elsewhere.",
        ),
        (
            state(Phase.FAILED, asked=1, problems=REFUSED[:1]),
            "one.corp refuses.",
            "Ask its owners.\nenter asks again, ctrl+n searches elsewhere.",
        ),
        (
            state(Phase.FAILED, asked=2, problems=REFUSED),
            "None of the 2 registries could be searched. one.corp refuses.",
            "Ask its owners.\nenter asks again, ctrl+n searches elsewhere.",
        ),
    ],
)
def test_an_answer_is_explained(found: SearchState, sentence: str, next_step: str) -> None:
    said = search_words.outcome(found, "Docker Hub")
    assert (said.sentence, said.next_step, said.failed) == (sentence, next_step, found.phase is Phase.FAILED)


def test_what_even_the_highest_limit_does_not_show_is_counted() -> None:
    question = Question(Place.DOCKER_HUB, "nginx", 100)
    found = SearchState(question, Phase.READY, (NGINX,) * 100, 8_123, 1)
    assert search_words.outcome(found, "Docker Hub").next_step == "The first 100 of 8,123: more words find fewer."
