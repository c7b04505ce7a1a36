"""Documents of holds are outside bytes once they have been on a disk."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import InputError
from overt.core.ids import PersonId
from overt.policy.pack_data import DataKind
from overt.policy.roles import Person
from overt.retention import holds
from overt.retention.holds import Decision, Hold, HoldGround
from overt.retention.schedule import Owner, OwnerKind

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BY = Person(PersonId("ao-1"), "superintendent", "E", (), bytes(32))


def a_hold():
    def decided(days):
        return Decision(HoldGround.EVIDENCE, NOON + timedelta(days=days), "a" * 64, BY, NOON)

    owner = Owner(OwnerKind.ALERT, "alert-1")
    hold = holds.place("hold-1", owner, [DataKind.PICTURE], decided(3), 90)
    return holds.release(holds.extend(hold, decided(9), 90), BY.id, NOON, "b" * 64)


WHOLE = a_hold().to_bytes()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def read(data):
    """Read bytes as a hold, or find that they are none; nothing else may be raised."""
    try:
        hold = Hold.parse(data)
    except InputError:
        return None
    assert Hold.parse(hold.to_bytes()) == hold
    return hold


@given(st.binary(max_size=300))
def test_any_bytes(data):
    assert read(data) is None


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_one_byte_is_another(position, byte):
    read(WHOLE[:position] + bytes([byte]) + WHOLE[position + 1 :])


@given(st.integers(0, len(WHOLE)))
def test_a_document_that_ends_early(length):
    assert (read(WHOLE[:length]) is not None) == (length == len(WHOLE))


@given(st.sampled_from(sorted(json.loads(WHOLE))), JSON)
def test_a_member_is_something_else(name, value):
    read(json.dumps(json.loads(WHOLE) | {name: value}).encode())


@given(st.integers(0, 2), st.sampled_from(sorted(json.loads(WHOLE)["steps"][0])), JSON)
def test_a_member_of_a_step_is_something_else(index, name, value):
    document = json.loads(WHOLE)
    document["steps"][index][name] = value
    read(json.dumps(document).encode())


@given(st.permutations(range(3)))
def test_steps_stand_in_their_order(order):
    document = json.loads(WHOLE)
    document["steps"] = [document["steps"][index] for index in order]
    assert (read(json.dumps(document).encode()) is not None) == (order == [0, 1, 2])
