from datetime import UTC, datetime

import pytest

from overt.core.counts import FaceCounts
from overt.core.errors import InputError, IntegrityError
from overt.core.ids import DeploymentId
from overt.ledger.acts import Refusal, RunCounts
from overt.ledger.canonical import canonical_bytes
from overt.ledger.merkle import CompactTree
from overt.ledger.notes import Checkpoint
from overt.ledger.records import LedgerRecord, counts_body, micro, parse_counts
from overt.ledger.verify import check_covers, grown_from

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REFUSAL = LedgerRecord.of(Refusal(None, DeploymentId("d-1"), "capability.expired"), NOON)
COUNTS = FaceCounts(
    frames_read=60,
    detections=9,
    faces_detected=3,
    faces_rejected=1,
    rejected_by_reason={"too_small": 1},
    faces_compared=2,
    faces_alerted=1,
    faces_erased=1,
)


def test_a_record_has_one_form():
    assert REFUSAL.to_bytes() == (
        b'{"body":{"deployment":"d-1","rule":"capability.expired","run":null},'
        b'"kind":"refusal","time_utc":"2026-01-01T12:00:00.000Z","version":1}'
    )
    assert LedgerRecord.parse(REFUSAL.to_bytes()) == REFUSAL


def test_counts_survive_a_record():
    record = LedgerRecord.of(RunCounts("r-1", 0, counts_body(COUNTS)), NOON)
    read = LedgerRecord.parse(record.to_bytes())
    assert parse_counts(read.body["counts"]) == COUNTS


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"body": {}, "kind": "refusal", "time_utc": "2026-01-01T12:00:00.000Z", "version": 1},
        {"body": [], "kind": "refusal", "time_utc": "2026-01-01T12:00:00.000Z", "version": 1},
        {"body": {}, "kind": "other", "time_utc": "2026-01-01T12:00:00.000Z", "version": 1},
    ],
)
def test_what_is_not_a_record_is_refused(value):
    with pytest.raises(InputError):
        LedgerRecord.parse(canonical_bytes(value))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version":1', b'"version":2'),
        (b'"version":1', b'"version":true'),
        (b"12:00:00.000Z", b"12:00:00Z"),
        (b"12:00:00.000Z", b"13:00:00.000+01:00"),
        (b"2026-01-01T12:00:00.000Z", b"0001-01-01T00:00:00.000+23:59"),
        (b"2026-01-01T12:00:00.000Z", b"2026-01-01T12:00:00.000"),
        (b"2026-01-01T12:00:00.000Z", b"yesterday"),
        (b'"kind":"refusal"', b'"kind":"run.started"'),
        (b'"run":null', b'"ruse":null'),
    ],
)
def test_a_record_in_another_form_is_refused(old, new):
    data = REFUSAL.to_bytes()
    assert old in data
    with pytest.raises(InputError):
        LedgerRecord.parse(data.replace(old, new))


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.pop("repeats"),
        lambda body: body.update(names=1),
        lambda body: body.update(repeats=-1),
        lambda body: body.update(repeats=True),
        lambda body: body.update(repeats="1"),
        lambda body: body.update(rejected_by_reason=1),
        lambda body: body.update(rejected_by_reason={"too_small": -1}),
    ],
)
def test_counts_in_another_form_are_refused(change):
    body = counts_body(COUNTS)
    change(body)
    with pytest.raises(InputError):
        parse_counts(body)


def test_scores_are_kept_in_millionths():
    assert micro(0.4215499) == 421550
    assert micro(-1.0) == -1_000_000


def test_every_flipped_byte_of_every_record_is_found():
    records = [LedgerRecord.of(Refusal(f"r-{n}", None, "rule"), NOON).to_bytes() for n in range(3)]
    checkpoint = Checkpoint.of("log", grown_from(records))
    for which, record in enumerate(records):
        for position in range(len(record)):
            altered = bytearray(record)
            altered[position] ^= 1
            with pytest.raises(IntegrityError):
                check_covers(
                    checkpoint,
                    grown_from([*records[:which], bytes(altered), *records[which + 1 :]]),
                )


def test_missing_and_reordered_records_are_found():
    records = [LedgerRecord.of(Refusal(f"r-{n}", None, "rule"), NOON).to_bytes() for n in range(3)]
    checkpoint = Checkpoint.of("log", grown_from(records))
    for wrong in (records[:2], records[1:], [*records, records[0]], records[::-1], []):
        with pytest.raises(IntegrityError):
            check_covers(checkpoint, grown_from(wrong))


def test_the_tree_of_no_records_is_empty():
    assert grown_from([]) == CompactTree()
