"""Witnesses whose cosignatures count, and the cosignatures that came; both are on record."""

import sqlite3

import pytest

from fixtures.logs import key_of
from overt.core.errors import InputError, IntegrityError, StateError
from overt.core.ids import PersonId
from overt.ledger.cosignature import Cosigner, WitnessPolicy, cosignatures
from overt.ledger.kinds import RecordKind
from overt.ledger.notes import NoteVerifier, parse_note
from overt.ledger.records import LedgerRecord

AUDITOR = PersonId("au-1")
COUNCIL = Cosigner("council.example/witness", key_of("council"))
PRESS = Cosigner("press.example/witness", key_of("press"))


@pytest.fixture
def noted(store, clock):
    """A store with a checkpoint over three records."""
    with store.ledger.transaction() as work:
        for _ in range(3):
            body = {"deployment": None, "rule": "rule", "run": None}
            work.append(LedgerRecord(RecordKind.REFUSAL, clock.now_utc(), body))
    return store


def answer(cosigner, note, time_s=1_800_000_000):
    return f"{cosigner.cosign(parse_note(note).text, time_s)}\n".encode()


def records(store, kind):
    every = map(LedgerRecord.parse, store.ledger.records())
    return [record.body for record in every if record.kind is kind]


def trust(store, *cosigners):
    for each in cosigners:
        store.ledger.trust_witness(str(each.verifier), AUDITOR)


def test_a_witness_is_taken_in_once_and_on_record(noted, clock):
    trust(noted, COUNCIL, PRESS, COUNCIL)
    known = noted.ledger.witnesses()
    assert [each.verifier for each in known] == [COUNCIL.verifier, PRESS.verifier]
    assert {(each.added_by, each.added_utc) for each in known} == {(AUDITOR, clock.now_utc())}
    assert records(noted, RecordKind.WITNESS_TRUSTED) == [
        {"by": AUDITOR, "key_id": each.verifier.key_id.hex(), "witness": each.name}
        for each in (COUNCIL, PRESS)
    ]
    noted.verify()


@pytest.mark.parametrize(
    "other", [Cosigner(COUNCIL.name, key_of("another")), Cosigner("other", key_of("council"))]
)
def test_a_name_is_of_one_key_and_a_key_of_one_name(noted, other):
    trust(noted, COUNCIL)
    with pytest.raises(StateError, match="one"):
        trust(noted, other)
    assert len(noted.ledger.witnesses()) == 1


def test_a_log_is_no_witness(noted):
    with pytest.raises(InputError):
        noted.ledger.trust_witness(noted.ledger.verifier_key, AUDITOR)


def test_cosignatures_go_out_with_the_checkpoint(noted):
    trust(noted, COUNCIL, PRESS)
    note = noted.ledger.sign_now()
    size = noted.verify().n_records
    lines = answer(PRESS, note) + answer(COUNCIL, note)
    added = noted.ledger.add_cosignatures(size, lines)
    assert {each.witness for each in added} == {COUNCIL.verifier, PRESS.verifier}
    policy = WitnessPolicy((COUNCIL.verifier, PRESS.verifier), 2)
    checkpoint, cosigned = policy.open(
        noted.ledger.checkpoint(size), NoteVerifier.parse(noted.ledger.verifier_key)
    )
    assert checkpoint.size == size
    assert len(cosigned) == 2
    proved = noted.ledger.prove(0, size)
    assert len(cosignatures(proved.note, policy.witnesses)) == 2
    assert [body["size"] for body in records(noted, RecordKind.CHECKPOINT_WITNESSED)] == [size] * 2
    assert {each.cosigned_size for each in noted.ledger.witnesses()} == {size}
    assert {each.n_cosigned for each in noted.ledger.witnesses()} == {1}
    noted.verify()


def test_the_first_cosignature_of_a_checkpoint_is_kept(noted):
    trust(noted, COUNCIL)
    note = noted.ledger.checkpoint(3)
    noted.ledger.add_cosignatures(3, answer(COUNCIL, note, 1_800_000_000))
    before = noted.ledger.checkpoint(3)
    (again,) = noted.ledger.add_cosignatures(3, answer(COUNCIL, note, 1_800_000_009))
    assert again.time_s == 1_800_000_009
    assert noted.ledger.checkpoint(3) == before
    assert len(records(noted, RecordKind.CHECKPOINT_WITNESSED)) == 1


def test_a_witness_that_nobody_took_in_counts_for_nothing(noted):
    note = noted.ledger.checkpoint(3)
    assert noted.ledger.add_cosignatures(3, answer(PRESS, note)) == ()
    assert noted.ledger.checkpoint(3) == note
    assert records(noted, RecordKind.CHECKPOINT_WITNESSED) == []


def test_a_cosignature_of_something_else_is_refused(noted):
    trust(noted, COUNCIL)
    other = noted.ledger.sign_now()
    before = noted.verify()
    with pytest.raises(IntegrityError, match="not made"):
        noted.ledger.add_cosignatures(3, answer(COUNCIL, other))
    with pytest.raises(InputError, match="no checkpoint"):
        noted.ledger.add_cosignatures(2, answer(COUNCIL, other))
    with pytest.raises(InputError):
        noted.ledger.add_cosignatures(3, b"not a line\n")
    assert noted.verify() == before


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger_cosignatures",
        "UPDATE ledger_cosignatures SET line = CAST('x' AS BLOB)",
        "UPDATE ledger_cosignatures SET line = x'ff'",
        "UPDATE ledger_cosignatures SET line = CAST(replace(CAST(line AS TEXT), 'A', 'B') AS BLOB)",
        "UPDATE ledger_cosignatures SET witness = 'press.example/witness'",
        "DELETE FROM ledger_witnesses WHERE name LIKE 'press%'",
        "UPDATE ledger_witnesses SET added_by = 'somebody'",
        "UPDATE ledger_witnesses SET verifier_key = 'x'",
        "UPDATE ledger_witnesses SET name = 'other' WHERE name LIKE 'press%'",
    ],
)
def test_what_was_altered_is_found(noted, home, statement):
    trust(noted, COUNCIL, PRESS)
    noted.ledger.add_cosignatures(3, answer(COUNCIL, noted.ledger.checkpoint(3)))
    noted.verify()
    raw = sqlite3.connect(home / "overt.sqlite3")
    with raw:
        assert raw.execute(statement).rowcount > 0
    raw.close()
    with pytest.raises(IntegrityError):
        noted.verify()


def test_a_cosignature_put_under_another_checkpoint_is_found(noted, home):
    trust(noted, COUNCIL)
    noted.ledger.add_cosignatures(3, answer(COUNCIL, noted.ledger.checkpoint(3)))
    size = parse_note(noted.ledger.sign_now()).text.splitlines()[1]
    raw = sqlite3.connect(home / "overt.sqlite3")
    with raw:
        raw.execute("UPDATE ledger_cosignatures SET size = ?", (int(size),))
    raw.close()
    with pytest.raises(IntegrityError):
        noted.verify()
