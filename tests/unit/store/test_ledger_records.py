"""Records of certain kinds are found by their bytes, and no other record is."""

from datetime import UTC, datetime

import pytest

from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.store.ledger_records import records_of

TIMES = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1, 12, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)
# A body that reads like the end of a record of another kind.
TRAP = {"deployment": None, "rule": ',"kind":"key.rotated"', "run": ',"kind":"key.rotated"'}
KEY = {"by": None, "key_id": ',"kind":"refusal"', "owner": None, "scope": "machine"}


@pytest.fixture
def written(store):
    """Write records of two kinds in turn, at the first and the last time there can be."""
    records = []
    for time_utc in TIMES:
        records.append(LedgerRecord(RecordKind.REFUSAL, time_utc, TRAP))
        records.append(LedgerRecord(RecordKind.KEY_ROTATED, time_utc, KEY))
    with store.ledger.transaction() as work:
        for record in records:
            work.append(record)
    return records


def test_each_kind_is_found_with_its_numbers(store, written):
    with store._database.read() as session:
        refused = list(records_of(session, RecordKind.REFUSAL))
        rotated = list(records_of(session, RecordKind.KEY_ROTATED))
        both = list(records_of(session, RecordKind.REFUSAL, RecordKind.KEY_ROTATED))
        assert list(records_of(session, RecordKind.ALERT_STEP)) == []
    assert [seq for seq, _ in refused] == [0, 2, 4]
    assert [seq for seq, _ in rotated] == [1, 3, 5]
    assert [record.to_bytes() for _, record in both] == [each.to_bytes() for each in written]


@pytest.mark.parametrize("kind", list(RecordKind))
def test_no_kind_is_the_end_of_another(kind):
    assert not [other for other in RecordKind if other != kind and other.endswith(f'"{kind}')]
