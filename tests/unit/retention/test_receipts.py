"""Receipts: one form, nothing but what they say, and a sentence for each code."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from overt.core.errors import InputError
from overt.retention.receipts import Begun, Cause, Promise, Receipt, Remainder
from overt.retention.schedule import Owner, OwnerKind, Subject
from overt.retention.wording import PROMISED, REMAINS, WHAT, WHY, sentences

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEGUN = Begun(
    what=Subject.PICTURES,
    owner=Owner(OwnerKind.DEPLOYMENT, "d-1"),
    cause=Cause.DUE,
    due_utc=NOON,
    policy_sha256="a" * 64,
    by=None,
    begun_utc=NOON + timedelta(minutes=1),
    begun_seq=7,
    rows={"alert_pictures": 4},
    n_keys=1,
    spared=("alert-2",),
)
RECEIPT = Receipt(
    begun=BEGUN,
    finished_utc=NOON + timedelta(minutes=2),
    database="SQLite 3",
    files={},
    promises=(Promise.ROWS_DELETED, Promise.LOG_EMPTIED),
    exceptions={Remainder.BACKUP: NOON + timedelta(days=14), Remainder.SNAPSHOT: None},
)


def test_what_is_written_is_read_back():
    assert Begun.parse(BEGUN.to_bytes()) == BEGUN
    assert Receipt.parse(RECEIPT.to_bytes()) == RECEIPT


@pytest.mark.parametrize(
    "codes", [(Promise, PROMISED), (Remainder, REMAINS), (Subject, WHAT), (Cause, WHY)]
)
def test_each_code_has_its_words(codes):
    assert set(codes[0]) == set(codes[1])


def test_the_id_commits_to_what_goes():
    others = (
        replace(BEGUN, n_keys=0),
        replace(BEGUN, begun_seq=8),
        replace(BEGUN, rows={"alert_pictures": 5}),
        replace(BEGUN, spared=()),
    )
    assert len({BEGUN.id, *(each.id for each in others)}) == 5


def test_a_receipt_says_what_it_promises_and_what_not():
    said = list(sentences(RECEIPT))
    assert said[0] == (
        "Deleted the pictures and notes of the alerts of the deployment d-1, because its period "
        "was over."
    )
    assert PROMISED[Promise.LOG_EMPTIED] in said
    assert "Backups made before may hold it, until 2026-01-15T12:00:00.000Z." in said
    assert f"{REMAINS[Remainder.SNAPSHOT]}." in said
    assert any("held by a legal hold" in each for each in said)
    unknown = replace(RECEIPT, exceptions={Remainder.BACKUP: None})
    assert any("how long they are kept was not configured" in each for each in sentences(unknown))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"n_keys":1', b'"n_keys":-1'),
        (b'"n_keys":1', b'"n_keys":true'),
        (b'"what":"pictures"', b'"what":"everything"'),
        (b'"due_utc":"2026-01-01T12:00:00.000Z"', b'"due_utc":"noon"'),
        (b'"due_utc":"2026-01-01T12:00:00.000Z"', b'"due_utc":"2026-01-01T12:00:00Z"'),
        (b'"rows":{"alert_pictures":4}', b'"rows":[4]'),
        (b'"spared":["alert-2"]', b'"spared":"alert-2"'),
        (b'"owner":"d-1"', b'"owner":null'),
    ],
)
def test_what_is_nearly_a_deletion_is_refused(before, after):
    data = BEGUN.to_bytes()
    assert before in data
    with pytest.raises(InputError):
        Begun.parse(data.replace(before, after))
    with pytest.raises(InputError):
        Receipt.parse(RECEIPT.to_bytes().replace(before, after))
