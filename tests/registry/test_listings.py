"""Lists of names and reasons for failures, in whatever form a registry gives them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.errors import MalformedDocumentError
from regbrowse.registry.listings import parse_catalog, parse_error, parse_tags
from regbrowse.registry.text import SafeText
from tests.registry.foreign_json import JSON

LISTS = [
    pytest.param(parse_catalog, "repositories", id="catalog"),
    pytest.param(parse_tags, "tags", id="tags"),
]
Parser = Callable[[bytes], tuple[SafeText, ...]]


@pytest.mark.parametrize(("parse", "key"), LISTS)
@pytest.mark.parametrize(
    ("value", "names"),
    [
        (["b", "a"], ("b", "a")),
        (None, ()),
        ([], ()),
        (["a", "b", "a"], ("a", "b")),
        (["a", 7, None, {"b": 1}, ["c"], "d"], ("a", "d")),
        (["../etc", "\x1b[2J", "é", "", "\u202ex"], ("../etc", "␛[2J", "é", "", "⟨U+202E⟩x")),
        (["x" * 10_240], ("x" * 4_096 + "… +6,144",)),
    ],
    ids=["order", "null", "empty", "twice", "others", "hostile", "long"],
)
def test_names_are_read(parse: Parser, key: str, value: object, names: tuple[str, ...]) -> None:
    assert parse(json.dumps({"name": "team/app", key: value}).encode()) == names


@pytest.mark.parametrize(("parse", "key"), LISTS)
@pytest.mark.parametrize("value", [{}, {"latest": "id"}, "a", 7, False])
def test_something_else_than_a_list_is_refused(parse: Parser, key: str, value: object) -> None:
    with pytest.raises(MalformedDocumentError):
        parse(json.dumps({key: value}).encode())


@pytest.mark.parametrize(("parse", "key"), LISTS)
@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b'{"errors":[]}', b"[" * 100_000, b"\xff"])
def test_another_answer_is_refused(parse: Parser, key: str, data: bytes) -> None:
    with pytest.raises(MalformedDocumentError):
        parse(data)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b"<!doctype html><title>Sign in</title>", "a web page (“Sign in”) instead of JSON"),
        (b"\xef\xbb\xbf <HTML><body>", "a web page instead of JSON"),
        (b"<html><title>never closed", "a web page instead of JSON"),
        (b"<?xml version='1.0'?>\n<!DOCTYPE html><title></title>", "a web page instead of JSON"),
        (b"<html><title>[red]\x1b]0;x\x07\xff&#x202e;</title>", "(“[red]␛]0;x␇\ufffd⟨U+202E⟩”)"),
    ],
)
def test_a_web_page_is_called_one(page: bytes, said: str) -> None:
    with pytest.raises(MalformedDocumentError) as caught:
        parse_catalog(page)
    assert said in caught.value.user_message


@given(st.binary() | JSON.map(lambda value: json.dumps({"repositories": value}).encode()))
def test_any_catalog_is_read_or_refused(data: bytes) -> None:
    try:
        names = parse_catalog(data)
    except MalformedDocumentError:
        return
    assert len(set(names)) <= len(names)
    assert all(type(name) is SafeText for name in names)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"errors": [{"code": "DENIED", "message": "no", "detail": [1]}]}, [("DENIED", "no")]),
        ({"errors": [{"code": "A", "message": "a"}, {"code": "B"}]}, [("A", "a"), ("B", "")]),
        ({"errors": [{"status": 404, "message": "not here"}]}, [("", "not here")]),
        ({"errors": ["first", "second"]}, [("", "first"), ("", "second")]),
        ({"errors": [{"code": "X", "message": "", "detail": "why"}]}, [("X", "why")]),
        ({"errors": [7, None, {}]}, []),
        ({"errors": [], "message": "m"}, [("", "m")]),
        ({"errors": None, "message": "m"}, [("", "m")]),
        ({"message": "too  many\nrequests"}, [("", "too many requests")]),
        ({"details": "incorrect username or password"}, [("", "incorrect username or password")]),
        ({"detail": "Not found."}, [("", "Not found.")]),
        ({"error": "invalid_grant", "error_description": "expired"}, [("invalid_grant", "expired")]),
        ({"error": "unauthorized"}, [("", "unauthorized")]),
        ({"error": {"code": 403, "message": "disabled"}}, [("", "disabled")]),
        ({"error": {"error": {"error": {}}}}, []),
        ({"code": "UNSUPPORTED"}, [("UNSUPPORTED", "")]),
        ("just text", [("", "just text")]),
        ({}, []),
        ([], []),
        (None, []),
        (7, []),
    ],
)
def test_reasons_are_found_in_every_spelling(body: object, details: list[tuple[str, str]]) -> None:
    found = parse_error(json.dumps(body).encode(), "application/json")
    assert [(detail.code, detail.message) for detail in found] == details


@pytest.mark.parametrize(
    ("data", "content_type", "message"),
    [
        (b"404 page not found\n", "text/plain; charset=utf-8", "404 page not found"),
        (b"x" * 1_000, "text/plain", "x" * 300 + "… +700"),
        (b"\x1b[2J bad", "", "␛[2J bad"),
        (b"<html><head><title>502 Bad\n Gateway</title>", "text/html", "502 Bad Gateway"),
        (b"  <!DOCTYPE HTML><TITLE>Sign in</TITLE>", "", "Sign in"),
        (b"<center><title>nginx</title>", "text/html", "nginx"),
    ],
)
def test_words_for_people_are_taken_too(data: bytes, content_type: str, message: str) -> None:
    assert [(detail.code, detail.message) for detail in parse_error(data, content_type)] == [("", message)]


@pytest.mark.parametrize(("data", "content_type"), [(b"", ""), (b" \n", "text/plain"), (b"<html>", "text/html")])
def test_a_body_without_words_gives_no_reason(data: bytes, content_type: str) -> None:
    assert parse_error(data, content_type) == ()


def test_reasons_are_at_most_sixteen() -> None:
    data = json.dumps({"errors": [{"code": f"E{number}"} for number in range(1_000)]}).encode()
    assert [detail.code for detail in parse_error(data)] == [f"E{number}" for number in range(16)]


@given(
    st.binary()
    | st.text().map(str.encode)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries({}, optional=dict.fromkeys(["errors", "error", "message", "code", "details"], JSON)).map(
        lambda value: json.dumps(value).encode()
    ),
    st.text(max_size=20) | st.sampled_from(["text/html", "application/json"]),
)
def test_any_failure_is_short_and_safe(data: bytes, content_type: str) -> None:
    for detail in parse_error(data, content_type):
        assert type(detail.code) is type(detail.message) is SafeText
        assert len(detail.message) <= 3_020
        assert detail.code or detail.message
