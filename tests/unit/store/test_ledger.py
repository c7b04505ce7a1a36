"""The ledger as it is stored: altered, cut, reordered, shared."""

import contextlib

import pytest

from overt.alerts.ports import StopReason
from overt.core.counts import FaceCounts
from overt.core.errors import IntegrityError
from overt.ledger.kinds import RecordKind
from overt.ledger.notes import Checkpoint, NoteVerifier, open_checkpoint
from overt.ledger.records import LedgerRecord
from overt.ledger.verify import check_covers, grown_from
from overt.store.store import Store


@pytest.fixture
def closed_run(store, running, examples):
    """A run with two alerts, a repeat, a minute and its end."""
    first = examples.alert()
    running.raise_alert(first, examples.pictures())
    running.raise_alert(examples.alert(), examples.pictures())
    running.fold_repeat(first.id, examples.noon, 0.7)
    running.minute(examples.noon, FaceCounts(frames_read=60))
    running.stop(FaceCounts(frames_read=60), StopReason.FINISHED, examples.noon)
    return store


@pytest.fixture
def tamper(alter, closed_run):
    """Change the closed store's rows behind its back."""

    def do(statement, *parameters):
        assert alter(statement, *parameters) > 0

    return do


def test_a_run_leaves_these_records(closed_run):
    kinds = [LedgerRecord.parse(record).kind for record in closed_run.ledger.records()]
    assert kinds == [
        RecordKind.RUN_STARTED,
        RecordKind.ALERT_RAISED,
        RecordKind.ALERT_RAISED,
        RecordKind.ALERT_REPEATED,
        RecordKind.RUN_COUNTS,
        RecordKind.RUN_STOPPED,
    ]


def test_an_outsider_can_check_it_with_the_records_the_note_and_the_public_key(closed_run):
    log = NoteVerifier.parse(closed_run.ledger.verifier_key)
    checkpoint = open_checkpoint(closed_run.ledger.checkpoint(), log)
    check_covers(checkpoint, grown_from(closed_run.ledger.records()))
    state = closed_run.verify()
    assert Checkpoint(log.name, state.n_records, state.root) == checkpoint
    assert state.n_checkpointed == state.n_records == 6


def test_a_flipped_byte_of_any_record_is_found(closed_run, alter):
    for seq, record in enumerate(list(closed_run.ledger.records())):
        altered = bytearray(record)
        altered[len(altered) // 2] ^= 1
        for data in (bytes(altered), record):
            assert alter("UPDATE ledger_records SET record = ? WHERE seq = ?", data, seq)
            if data != record:
                with pytest.raises(IntegrityError, match=f"record {seq} "):
                    closed_run.verify()
    closed_run.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_records SET leaf_hash = zeroblob(32) WHERE seq = 4",
        "DELETE FROM ledger_records WHERE seq = 5",
        "DELETE FROM ledger_records WHERE seq = 0",
        "UPDATE ledger_records SET seq = 6 WHERE seq = 4",
        "UPDATE ledger_checkpoints SET size = 5 WHERE size = 6",
        "UPDATE ledger_checkpoints SET note = x'00'",
        "UPDATE ledger_checkpoints SET note = x'00' WHERE size = 1",
        "DELETE FROM alerts WHERE id = 'alert-0'",
        "UPDATE alerts SET similarity = 0.99 WHERE id = 'alert-0'",
        "UPDATE alerts SET entry = 'e-2' WHERE id = 'alert-0'",
        "UPDATE alerts SET captured_utc = '2026-01-01T13:00:00.000000Z'",
        "UPDATE alerts SET captured_utc = 'yesterday'",
        "UPDATE alerts SET left_px = 11",
        "UPDATE alerts SET n_shots = 0",
        "UPDATE alerts SET ledger_seq = 0 WHERE id = 'alert-0'",
        "UPDATE alert_pictures SET nonce = zeroblob(12) WHERE alert_id = 'alert-0'",
        "DELETE FROM alert_pictures WHERE alert_id = 'alert-0' AND field = 'face'",
    ],
)
def test_what_was_changed_behind_the_stores_back_is_found(closed_run, tamper, statement):
    closed_run.verify()
    tamper(statement)
    with pytest.raises(IntegrityError):
        closed_run.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger_records WHERE seq = 5",
        "UPDATE ledger_records SET leaf_hash = zeroblob(32) WHERE seq = 0",
    ],
)
def test_a_cut_or_altered_tree_is_found_when_the_store_is_opened(
    closed_run, tamper, home, clock, statement
):
    closed_run.close()
    tamper(statement)
    with pytest.raises(IntegrityError):
        Store.open(home, clock)


def test_two_stores_on_one_ledger_append_without_a_gap(store, home, clock):
    with Store.open(home, clock) as other:
        for which in (store, other, other, store):
            with which.ledger.transaction() as work:
                work.append(_refusal(clock))
        assert store.verify() == other.verify()
        assert store.verify().n_records == 4


def test_a_transaction_that_fails_leaves_no_record(store, clock):
    with contextlib.suppress(KeyboardInterrupt), store.ledger.transaction() as work:
        work.append(_refusal(clock))
        raise KeyboardInterrupt
    with store.ledger.transaction() as work:
        assert work.append(_refusal(clock)) == 0
    assert store.verify().n_records == 1


def test_one_size_is_signed_once(store, clock):
    with store.ledger.transaction() as work:
        work.append(_refusal(clock))
        store.ledger.sign_checkpoint(work)
        store.ledger.sign_checkpoint(work)
    first = store.ledger.checkpoint()
    with store.ledger.transaction() as work:
        store.ledger.sign_checkpoint(work)
    assert store.ledger.checkpoint() == first


def _refusal(clock):
    return LedgerRecord(
        RecordKind.REFUSAL, clock.now_utc(), {"deployment": None, "rule": "rule", "run": None}
    )
