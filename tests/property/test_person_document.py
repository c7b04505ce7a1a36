"""The register's documents: what is written is read back, and nothing else is read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import IntegrityError
from overt.ledger.canonical import canonical_bytes
from overt.policy.roles import Grant, Person, Role
from overt.store.person_document import decode_person, encode_person

NAMES = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True)
LIMITS = st.none() | st.frozensets(st.text("abcö/ .1", min_size=1, max_size=64), min_size=1)
PEOPLE = st.builds(
    Person,
    id=NAMES,
    rank=st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
    organisation=st.from_regex(r"[A-ZÄé]([A-Za-z ]{0,97}[a-z])?", fullmatch=True),
    grants=st.lists(
        st.builds(Grant, st.sampled_from(Role), LIMITS, LIMITS, LIMITS), max_size=4
    ).map(tuple),
    public_key=st.binary(min_size=32, max_size=32),
    independent=st.booleans(),
    struck_off=st.booleans(),
)


@given(PEOPLE)
def test_a_person_comes_back_as_written(person):
    data = encode_person(person)
    assert decode_person(data) == person
    assert encode_person(decode_person(data)) == data


@given(st.binary(max_size=300))
def test_other_bytes_are_refused(data):
    with pytest.raises(IntegrityError):
        decode_person(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


@given(PEOPLE, st.data())
def test_a_document_with_one_other_value_is_refused_or_is_another_person(person, data):
    document = json.loads(encode_person(person))
    place = data.draw(st.sampled_from([document, *document["grants"]]))
    place[data.draw(st.sampled_from(sorted(place)) | st.text(max_size=5))] = data.draw(JSON)
    changed = canonical_bytes(document)
    try:
        read = decode_person(changed)
    except IntegrityError:
        return
    assert encode_person(read) == changed
