"""Canonical bytes are the same whether a value is written the fast way or the plain one."""

from enum import IntEnum, StrEnum
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import InputError
from overt.ledger import canonical
from overt.ledger.canonical import MAX_DEPTH, MAX_INTEGER, canonical_bytes


class Word(StrEnum):
    ONE = 'a"b\n\u20ac'


class Number(IntEnum):
    ONE = 1


atoms = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER - 2, MAX_INTEGER + 2)
    | st.text()
    | st.sampled_from([Word.ONE, Number.ONE])
)
names = st.text(max_size=3) | st.just(Word.ONE)
values = st.recursive(
    atoms,
    lambda items: (
        st.lists(items, max_size=4)
        | st.lists(items, max_size=4).map(tuple)
        | st.dictionaries(names, items, max_size=4)
        | st.dictionaries(names, items, max_size=4).map(MappingProxyType)
    ),
    max_leaves=30,
)


def plainly(value):
    """Return what the way that reads as the specification does gives, or that it refuses."""
    try:
        return canonical._text(value, depth=0).encode()
    except (InputError, UnicodeEncodeError):
        return InputError


def as_it_is(value):
    try:
        return canonical_bytes(value)
    except InputError:
        return InputError


@given(values)
def test_both_ways_give_the_same(value):
    assert as_it_is(value) == plainly(value)


@pytest.mark.parametrize("depth", range(MAX_DEPTH - 2, MAX_DEPTH + 3))
@pytest.mark.parametrize("inside", [0, "a", [], {}, (0,), {"a": 0}])
@pytest.mark.parametrize("around", [lambda v: [v], lambda v: (v,), lambda v: {"a": v}])
def test_both_ways_are_as_deep(depth, inside, around):
    value = inside
    for _ in range(depth):
        value = around(value)
    assert as_it_is(value) == plainly(value)


@pytest.mark.parametrize("value", [0.5, {"a": 0.5}, [b"bytes"], {1: "a"}, {"a": {"b": {2}}}])
def test_what_has_no_form_is_refused_by_both(value):
    with pytest.raises(TypeError):
        canonical._text(value, depth=0)
    with pytest.raises(TypeError):
        canonical_bytes(value)
