import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import IntegrityError
from overt.store.entry_blob import decode_entry, encode_entry
from overt.watchlist.stored import StoredReference

FLOATS = st.lists(st.floats(width=32, allow_nan=False), max_size=6)
REFERENCES = st.lists(
    st.builds(
        lambda floats, picture: StoredReference(np.array(floats, np.float32), picture),
        FLOATS,
        st.binary(max_size=20),
    ),
    max_size=3,
)


@given(st.text(st.characters(exclude_categories=["Cs"])), REFERENCES)
def test_an_entry_comes_back_as_it_went(label, references):
    blob = decode_entry(encode_entry(label, references))
    read = blob.references
    assert blob.label == label
    assert [r.picture_jpeg for r in read] == [r.picture_jpeg for r in references]
    assert [r.template.tobytes() for r in read] == [r.template.tobytes() for r in references]


@given(st.binary())
def test_other_bytes_raise_only_our_error(data):
    with pytest.raises(IntegrityError):
        decode_entry(data)


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"\0", lambda b: b[:3]])
def test_a_byte_too_few_or_too_many_is_refused(change):
    blob = encode_entry("label", [StoredReference(np.zeros(4, np.float32), b"picture")])
    with pytest.raises(IntegrityError):
        decode_entry(change(blob))


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"{}",
        b'{"label":1,"references":[]}',
        b'{"label":"a","references":{}}',
        b'{"label":"a","references":[1]}',
        b'{"label":"a","references":[{"picture_bytes":0}]}',
        b'{"label":"a","references":[{"picture_bytes":-1,"template_bytes":0}]}',
        b'{"label":"a","references":[{"picture_bytes":0,"template_bytes":3}]}',
        b'{"label":"a","references":[{"picture_bytes":9,"template_bytes":0}]}',
    ],
)
def test_a_header_of_another_form_is_refused(header):
    with pytest.raises(IntegrityError):
        decode_entry(len(header).to_bytes(4, "big") + header)
