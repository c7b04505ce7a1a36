"""What every database keeps to about the ledger: one order of records, tiles, proofs, witnesses."""

import threading
from datetime import timedelta
from itertools import pairwise

import pytest

from fixtures.logs import key_of
from fixtures.postgresql import both_databases
from overt.core.clock import ManualClock
from overt.core.errors import IntegrityError
from overt.core.ids import PersonId
from overt.ledger import outsider
from overt.ledger.cosignature import Cosigner
from overt.ledger.export import ExportedLog
from overt.ledger.kinds import RecordKind
from overt.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from overt.ledger.notes import NoteVerifier, open_checkpoint, parse_note
from overt.ledger.records import LedgerRecord

pytestmark = both_databases

COUNCIL = Cosigner("council.example/witness", key_of("council"))


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def store(open_store):
    with open_store() as opened:
        yield opened


def append(store, clock, n, rule="rule"):
    with store.ledger.transaction() as work:
        for _ in range(n):
            body = {"deployment": None, "rule": rule, "run": None}
            work.append(LedgerRecord(RecordKind.REFUSAL, clock.now_utc(), body))


def log_of(store):
    return NoteVerifier.parse(store.ledger.verifier_key)


def test_two_who_append_in_turn_make_one_ledger(store, open_store, clock):
    with open_store() as other:
        for n in (1, 255, 1, 600, 3):
            append(store, clock, n)
            append(other, clock, n)
        assert store.verify() == other.verify()
        assert store.verify().n_records == 2 * 860


def test_many_who_append_at_once_leave_no_gap(open_store, clock):
    def work(rule):
        with open_store() as store:
            for _ in range(12):
                append(store, clock, 11, rule)

    rules = [f"rule-{number}" for number in range(4)]
    open_store().close()
    threads = [threading.Thread(target=work, args=(rule,)) for rule in rules]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_store() as store:
        assert store.verify().n_records == 4 * 12 * 11
        said = [LedgerRecord.parse(data).body["rule"] for data in store.ledger.records()]
    assert [said[first : first + 11] for first in range(0, len(said), 11)] == [
        [rule] * 11 for rule in said[::11]
    ]
    assert sorted(said) == sorted(rules * 132)


def test_records_and_trees_are_proved_from_tiles(store, clock):
    heads = []
    for n in (1, 299, 1, 299):
        append(store, clock, n)
        heads.append(open_checkpoint(store.ledger.sign_now(), log_of(store)))
    last = heads[-1]
    for index in (0, 255, 256, 300, 599):
        proved = store.ledger.prove(index)
        verify_inclusion(leaf_hash(proved.record), index, last.size, proved.proof, last.root)
    for old, new in pairwise(heads):
        proof = store.ledger.consistency_proof(old.size, new.size)
        verify_consistency(old.size, old.root, new.size, new.root, proof)


def test_an_outsider_checks_what_is_exported(store, clock, tmp_path):
    folder = tmp_path / "export"
    for n in (1, 400, 300):
        append(store, clock, n)
        note = store.ledger.sign_now()
        ExportedLog(folder).write(note, store.ledger.records)
        outcome = outsider.check(folder, store.ledger.verifier_key)
    assert outcome["n_records"] == 701
    assert outcome["root"] == store.verify().root.hex()


def test_a_minute_is_signed_and_a_cosignature_kept(store, clock):
    store.ledger.trust_witness(str(COUNCIL.verifier), PersonId("au-1"))
    append(store, clock, 1)
    clock.advance(timedelta(minutes=1).total_seconds())
    append(store, clock, 1)
    note = store.ledger.checkpoint(3)
    line = COUNCIL.cosign(parse_note(note).text, 1_800_000_000)
    (said,) = store.ledger.add_cosignatures(3, f"{line}\n".encode())
    assert said.witness == COUNCIL.verifier
    assert store.ledger.checkpoint(3) == note + f"{line}\n".encode()
    (known,) = store.ledger.witnesses()
    assert (known.cosigned_size, known.n_cosigned) == (3, 1)
    store.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_tiles SET hashes = zeroblob(8192) WHERE level = 0 AND number = 0",
        "UPDATE ledger_tiles SET hashes = zeroblob(64) WHERE level = 1",
        "DELETE FROM ledger_tiles WHERE level = 1",
        "INSERT INTO ledger_tiles VALUES (2, 0, zeroblob(32))",
        "UPDATE ledger_records SET leaf_hash = zeroblob(32) WHERE seq = 3",
        "UPDATE ledger_records SET record = zeroblob(32) WHERE seq = 599",
        "DELETE FROM ledger_records WHERE seq = 599",
    ],
)
def test_what_was_altered_is_found(store, clock, alter, statement):
    append(store, clock, 600)
    store.verify()
    assert alter(statement) > 0
    with pytest.raises(IntegrityError):
        store.verify()
