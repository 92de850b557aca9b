"""Foreign JSON is decoded or refused; what it holds is taken as far as it has the right type."""

from __future__ import annotations

import pytest

from regbrowse.registry.errors import MalformedDocumentError
from regbrowse.registry.json_values import LARGEST, as_count, read_object


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  ",
        b"\xef\xbb\xbf",
        b"[" * 100_000,
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000,
        b'{"x":' + b"9" * 5_000 + b"}",
        b'{"x":NaN}',
        b'{"x":1e400}',
        b'{"x":"\xff"}',
        b'{"x":"\\ud800 lone surrogate"}',
        b"{} and more",
        b'\xff\xfe{\x00"\x00l\x00',
        b"null",
        b"[]",
        b'"text"',
        b"12",
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedDocumentError):
        read_object(data, "The answer")


@pytest.mark.parametrize("data", [b'{"a":1}', b'\xef\xbb\xbf{"a":1}', b' {"a":1}\n', '{"a":1}'])
def test_an_object_is_decoded(data: bytes | str) -> None:
    assert read_object(data, "The answer", unambiguous=True) == {"a": 1}


@pytest.mark.parametrize("data", [b'{"a":1,"a":1}', b'{"b":[{"a":1,"\\u0061":2}]}'])
def test_a_repeated_key_is_refused_where_it_matters(data: bytes) -> None:
    assert read_object(data, "The answer")
    with pytest.raises(MalformedDocumentError):
        read_object(data, "The answer", unambiguous=True)


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), (LARGEST, LARGEST), (LARGEST + 1, None), (-1, None), (1.0, None), (True, None), ("1", None), (None, None)],
)
def test_a_count_is_a_whole_number_in_range(value: object, count: int | None) -> None:
    assert as_count(value) == count
