import pytest

from overt.core.errors import InputError
from overt.ledger.canonical import (
    MAX_DEPTH,
    MAX_INTEGER,
    canonical_bytes,
    parse_canonical,
    parse_canonical_object,
)


def test_keys_sort_as_rfc_8785_section_3_2_3_shows():
    # The RFC's own example: by UTF-16 code units, not by code points.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    parsed = parse_canonical_object(canonical_bytes(dict.fromkeys(keys)))
    assert list(parsed) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_strings_are_written_as_rfc_8785_section_3_2_2_2_shows():
    text = '\u20ac$\u000f\nA\'B"\\\\"/'
    assert canonical_bytes(text) == b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, b"null"),
        (True, b"true"),
        (False, b"false"),
        (0, b"0"),
        (-MAX_INTEGER, b"-9007199254740991"),
        ([], b"[]"),
        ((1, "a"), b'[1,"a"]'),
        ({}, b"{}"),
        ({"b": [1], "a": {"c": None}}, b'{"a":{"c":null},"b":[1]}'),
    ],
)
def test_each_value_has_one_form(value, data):
    assert canonical_bytes(value) == data


@pytest.mark.parametrize("value", [0.5, b"bytes", {1: "a"}, {"a": {2.0}}, object()])
def test_what_has_no_form_is_a_fault_of_the_caller(value):
    with pytest.raises(TypeError):
        canonical_bytes(value)


def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", [MAX_INTEGER + 1, "\ud800", {"\udc00": 1}, nested(MAX_DEPTH + 1)])
def test_what_is_out_of_range_is_refused(value):
    with pytest.raises(InputError):
        canonical_bytes(value)


def test_the_deepest_document_survives():
    value = nested(MAX_DEPTH)
    assert parse_canonical(canonical_bytes(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1\n",
        b"01",
        b"-0",
        b"1.0",
        b"1e2",
        b"NaN",
        b"Infinity",
        b"9007199254740992",
        b"9" * 5000,
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'"\\u00e9"',
        b'"\\/"',
        b'"\\ud83d\\ude00"',
        b'"\\ud800"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf1",
        b"\xff",
        b"[" * 100_000,
        b"[" * 40 + b"]" * 40,
        b"{",
    ],
)
def test_what_is_not_canonical_is_refused(data):
    with pytest.raises(InputError):
        parse_canonical(data)


def test_an_object_is_asked_for_where_one_is_needed():
    with pytest.raises(InputError):
        parse_canonical_object(b"[]")
