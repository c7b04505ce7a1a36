"""A machine key as text comes back exactly, or is refused with an error of ours."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import IntegrityError
from overt.store.keys import DataKey, key_id
from overt.store.machine_key import decode_key

KEYS = st.binary(min_size=32, max_size=32)


@given(KEYS, st.sampled_from(["", " ", "\n", "\r\n"]))
def test_a_key_comes_back(key, around):
    text = base64.b64encode(key).decode()
    assert decode_key(f"{around}{text}{around}", "the variable") == key


@given(st.one_of(st.text(), st.binary().map(lambda data: base64.b64encode(data).decode())))
def test_other_text_raises_only_our_error(text):
    with contextlib.suppress(IntegrityError):
        assert len(decode_key(text, "the variable")) == 32


@given(st.binary(max_size=64).filter(lambda data: len(data) != 32))
def test_a_key_of_another_length_is_refused(data):
    with pytest.raises(IntegrityError, match="no machine key"):
        decode_key(base64.b64encode(data).decode(), "the variable")


@given(KEYS, KEYS)
def test_an_id_names_one_key(one, other):
    ids = {key_id(DataKey(key)) for key in (one, other)}
    assert len(ids) == len({one, other})
    assert all(len(each) == 16 and set(each) <= set("0123456789abcdef") for each in ids)
