import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import IntegrityError
from overt.store.verdict_blob import decode_verdict, encode_verdict
from overt.watchlist.staging import NotEnrolled


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_refusal_comes_back_as_it_went(reason):
    assert decode_verdict(encode_verdict(NotEnrolled(reason))) == NotEnrolled(reason)


@given(st.binary())
def test_other_bytes_raise_only_our_error(data):
    with pytest.raises(IntegrityError):
        decode_verdict(data)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"{}",
        b'{"reason":1}',
        b'{"entry":"e-1","expires_utc":1}',
        b'{"entry":"e-1","expires_utc":"yesterday"}',
        b'{"entry":"e-1","expires_utc":null}',
    ],
)
def test_a_header_of_another_form_is_refused(header):
    with pytest.raises(IntegrityError):
        decode_verdict(len(header).to_bytes(4, "big") + header)
