from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.browser import json_lines as module
from regbrowse.browser.json_lines import JsonToken, json_lines
from regbrowse.registry.digest import Digest
from regbrowse.registry.text import SafeText, safe_text

DIGEST = Digest.of(b"content")

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def texts(raw: bytes) -> list[str]:
    return [line.text for line in json_lines(raw)]


def kinds(raw: bytes) -> list[tuple[str, str]]:
    return [(str(token.text), token.kind) for line in json_lines(raw) for token in line.tokens]


def is_plain(raw: bytes) -> bool:
    return all(kind == "plain" for _, kind in kinds(raw))


def test_document_is_laid_out_with_two_blanks_a_level() -> None:
    assert texts(b'{"b":[1,{"c":null}],"a":{},"d":[]}') == [
        "{",
        '  "b": [',
        "    1,",
        "    {",
        '      "c": null',
        "    }",
        "  ],",
        '  "a": {},',
        '  "d": []',
        "}",
    ]


@given(VALUES)
def test_layout_says_the_same_as_the_document(value: object) -> None:
    raw = json.dumps(value, ensure_ascii=True).encode()
    assert json.loads("\n".join(texts(raw))) == value
    assert "\n".join(texts(raw)) == json.dumps(json.loads(raw, parse_float=float), indent=2)


@given(VALUES)
def test_characters_beyond_ascii_come_out_safe_and_the_same(value: object) -> None:
    lines = json_lines(json.dumps(value, ensure_ascii=False).encode("utf-8", errors="replace"))
    assert all(safe_text(str(line.text)) == line.text for line in lines)
    assert all(token.kind != "plain" or not token.text.strip() for line in lines for token in line.tokens)


def test_line_says_its_indent() -> None:
    assert [line.indent for line in json_lines(b'{"a":[1]}')] == [0, 2, 4, 2, 0]


def test_tokens_have_their_kinds() -> None:
    assert kinds(f'{{"a": "x", "n": -1.50e+3, "t": true, "d": "{DIGEST}"}}'.encode()) == [
        ("{", "punctuation"),
        *[("  ", "plain"), ('"a"', "key"), (": ", "punctuation"), ('"x"', "string"), (",", "punctuation")],
        *[("  ", "plain"), ('"n"', "key"), (": ", "punctuation"), ("-1.50e+3", "number"), (",", "punctuation")],
        *[("  ", "plain"), ('"t"', "key"), (": ", "punctuation"), ("true", "literal"), (",", "punctuation")],
        *[("  ", "plain"), ('"d"', "key"), (": ", "punctuation")],
        *[('"', "punctuation"), (str(DIGEST), "digest"), ('"', "punctuation")],
        ("}", "punctuation"),
    ]


@pytest.mark.parametrize(
    "text", ["sha256:abc", f"name@{DIGEST}", f"{DIGEST}0", "sha1:" + "a" * 40, str(DIGEST).upper()]
)
def test_what_is_no_whole_digest_is_a_string(text: str) -> None:
    assert (f'"{text}"', "string") in kinds(json.dumps([text]).encode())


@pytest.mark.parametrize("written", ["9" * 5_000, "1e999", "0.10", "-0"])
def test_number_stays_as_it_was_written(written: str) -> None:
    assert kinds(written.encode()) == [(written, "number")]


def test_duplicate_keys_and_their_order_stay() -> None:
    assert texts(b'{"b":1,"a":2,"b":3}') == ["{", '  "b": 1,', '  "a": 2,', '  "b": 3', "}"]


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b'"\\u001b]52;c;x\\u0007"', '"\\u001b]52;c;x\\u0007"'),
        ('"\x9b31m\x7f"'.encode(), '"\\u009b31m\\u007f"'),
        ('"a\u202eb\u200bc"'.encode(), '"a\\u202eb\\u200bc"'),
        ('"\U000e0041"'.encode(), '"\\udb40\\udc41"'),
        ('"é漢"'.encode(), '"é漢"'),
        (b'"\xff"', '"\ufffd"'),
        (b'\xef\xbb\xbf"bom"', '"bom"'),
    ],
)
def test_character_that_acts_on_a_terminal_is_written_as_an_escape(raw: bytes, line: str) -> None:
    assert texts(raw) == [line]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b'{"a": 1',
        b'{"a" 1}',
        b"{1: 2}",
        b'{"a": 1,}',
        b"[1,]",
        b"[1 2]",
        b"[,1]",
        b"[1}",
        b"]",
        b"1 2",
        b"01",
        b"NaN",
        b'"a\nb"',
        b'"\\x"',
        b'"open',
        b"[" * 201 + b"]" * 201,
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_shown_as_it_is(raw: bytes) -> None:
    assert is_plain(raw)
    assert "".join(texts(raw))[:1_000] == raw.decode().replace("\n", "")[:1_000]


def test_two_hundred_levels_are_laid_out() -> None:
    assert not is_plain(b"[" * 200 + b"]" * 200)


def test_plain_text_is_safe_line_by_line() -> None:
    assert texts(b"<p>\x1b[2J\r\n\tb</p>\n") == ["<p>␛[2J", "    b</p>", ""]


@given(st.binary())
def test_any_bytes_give_safe_lines(raw: bytes) -> None:
    for line in json_lines(raw):
        assert all(type(token.text) is SafeText for token in line.tokens)
        assert safe_text(str(line.text)) == line.text


@pytest.mark.parametrize("raw", [b"[" + b",".join([b"1"] * 99) + b"]", b"x\n" * 100])
def test_lines_over_the_limit_are_counted(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINES_LIMIT", 10)
    lines = json_lines(raw)
    assert len(lines) == 11
    assert lines[-1].tokens == (JsonToken(SafeText("… 180 more characters are not shown"), "plain"),)
