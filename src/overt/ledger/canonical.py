"""Canonical JSON: one value, one sequence of bytes, so that bytes can be hashed and signed.

A restriction of RFC 8785 (JSON Canonicalization Scheme): null, booleans, integers of at most 53
bits, strings, arrays, and objects whose keys are sorted by UTF-16 code units; UTF-8, no white
space. There are no floats: a record carries a decimal as an integer in a stated unit
(``similarity_micro``) or as a string.

Invariants: ``canonical_bytes(parse_canonical(data)) == data`` for all data that is accepted.
Must not: repair, normalise or ignore anything; what is not canonical is refused.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Never, TypeAlias

from overt.core.errors import InputError

JsonValue: TypeAlias = "bool | int | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
"""What a canonical document can hold."""

MAX_INTEGER = 2**53 - 1
"""Beyond it a JSON reader that keeps numbers as doubles (RFC 8785 §3.2.2.3) would lose digits."""

MAX_DEPTH = 32
"""Arrays and objects within each other; a document of ours needs fewer than ten."""

_quoted = json.JSONEncoder(ensure_ascii=False).encode
"""The standard library escapes exactly what RFC 8785 §3.2.2.2 asks for, in the same spelling."""

_plain_text = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")
).encode
"""The canonical text of what :func:`_is_plain` allows; several times faster than :func:`_text`."""


def canonical_bytes(value: JsonValue) -> bytes:
    """Return the only byte sequence that stands for ``value``.

    Args:
        value: made of None, bool, int, str, list or tuple, and mappings with str keys.

    Raises:
        TypeError: a float or another type that has no canonical form, which is a fault in the
            caller.
        InputError: an integer beyond 53 bits, a lone surrogate, or nesting beyond ``MAX_DEPTH``.
    """
    text = _plain_text(value) if _is_plain(value, depth=0) else _text(value, depth=0)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError("The text holds half of a UTF-16 pair, which is no character.") from error


def parse_canonical(data: bytes) -> JsonValue:
    """Return the value that ``data`` stands for, if it is canonical.

    Raises:
        InputError: not JSON, or not in canonical form: duplicate or unsorted keys, white space,
            floats, needless escapes, a byte order mark, too deep or too large numbers.
    """
    try:
        text = data.decode("utf-8")
        value: JsonValue = json.loads(
            text, parse_int=_bounded_int, parse_float=_refuse_number, parse_constant=_refuse_number
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError("The bytes are not a JSON document in UTF-8.") from error
    if canonical_bytes(value) != data:
        raise InputError("The JSON document is not in canonical form.")
    return value


def parse_canonical_object(data: bytes) -> Mapping[str, JsonValue]:
    """Return the object that ``data`` stands for; as :func:`parse_canonical` otherwise.

    Raises:
        InputError: as :func:`parse_canonical`, or the document is not an object.
    """
    value = parse_canonical(data)
    if not isinstance(value, Mapping):
        raise InputError("The JSON document is not an object.")
    return value


def _is_plain(value: JsonValue, depth: int) -> bool:
    """Whether the standard library writes a value as :func:`_text` does; most are plain by far.

    What is not may be canonical all the same, or is an error: that is for :func:`_text` to say.
    """
    if isinstance(value, str) or value is None:
        return True
    if isinstance(value, int):
        return -MAX_INTEGER <= value <= MAX_INTEGER
    if depth >= MAX_DEPTH:
        return False
    if type(value) is dict:
        return _is_plain_object(value, depth)
    return isinstance(value, list | tuple) and all(_is_plain(item, depth + 1) for item in value)


def _is_plain_object(value: dict[str, JsonValue], depth: int) -> bool:
    for key, item in value.items():  # in ASCII the order of characters is that of UTF-16 code units
        if type(key) is not str or not key.isascii():
            return False
        if type(item) is not str and not _is_plain(item, depth + 1):
            return False
    return True


def _text(value: JsonValue, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise InputError(f"The JSON document is nested deeper than {MAX_DEPTH} levels.")
    match value:
        case str():
            return _quoted(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return _integer(value)
        case Mapping():
            members = [f"{_quoted(key)}:{_text(value[key], depth + 1)}" for key in _ordered(value)]
            return "{" + ",".join(members) + "}"
        case list() | tuple():
            return "[" + ",".join([_text(item, depth + 1) for item in value]) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical form")


def _integer(number: int) -> str:
    if abs(number) > MAX_INTEGER:
        raise InputError("The JSON document holds an integer of more than 53 bits.")
    return str(int(number))


def _ordered(value: Mapping[str, JsonValue]) -> list[str]:
    if not all(isinstance(key, str) for key in value):
        raise TypeError("an object's keys are strings")
    if all(map(str.isascii, value)):  # most objects by far, and then both orders are one
        return sorted(value)
    return sorted(value, key=_utf16_order)


def _utf16_order(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _bounded_int(digits: str) -> int:
    if len(digits) > len(str(-MAX_INTEGER)):
        raise InputError("The JSON document holds an integer of more than 53 bits.")
    return int(digits)


def _refuse_number(_: str) -> Never:
    raise InputError("The JSON document holds a number that is not an integer.")
