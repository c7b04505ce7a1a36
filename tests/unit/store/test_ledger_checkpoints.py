"""When the ledger is signed, and what is kept of it."""

import sqlite3
from datetime import timedelta

import pytest

from overt.alerts.ports import StopReason
from overt.core.clock import ManualClock, parse_utc
from overt.core.counts import FaceCounts
from overt.core.errors import InputError
from overt.core.ids import DeploymentId
from overt.ledger.kinds import RecordKind
from overt.ledger.notes import NoteVerifier, open_checkpoint
from overt.ledger.records import LedgerRecord
from overt.store.ledger_checkpoints import SIGN_EVERY, SIGN_EVERY_N
from overt.store.store import Store


@pytest.fixture
def signed(home):
    """Return the size and time of every checkpoint."""

    def do():
        raw = sqlite3.connect(home / "overt.sqlite3")
        rows = raw.execute("SELECT size, signed_utc FROM ledger_checkpoints ORDER BY size")
        found = [(size, time and parse_utc(time)) for size, time in rows.fetchall()]
        raw.close()
        return found

    return do


def refuse(store, clock, n=1):
    with store.ledger.transaction() as work:
        for _ in range(n):
            body = {"deployment": None, "rule": "rule", "run": None}
            work.append(LedgerRecord(RecordKind.REFUSAL, clock.now_utc(), body))


def test_the_first_record_is_signed_and_then_one_after_each_interval(store, clock, signed):
    began = clock.now_utc()
    refuse(store, clock)
    clock.advance(SIGN_EVERY.total_seconds() - 1)
    refuse(store, clock)
    clock.advance(1)
    refuse(store, clock)
    refuse(store, clock)
    clock.advance(SIGN_EVERY.total_seconds())
    refuse(store, clock)
    expected = [(1, began), (3, began + SIGN_EVERY), (5, began + 2 * SIGN_EVERY)]
    assert signed() == expected
    assert store.verify().n_checkpointed == 5


def test_every_minute_of_a_run_is_signed_with_its_transaction(running, clock, signed):
    for _ in range(3):
        clock.advance(59.2)
        running.minute(clock.now_utc(), FaceCounts())
    assert [size for size, _ in signed()] == [1, 2, 3, 4]


def test_however_fast_records_come_some_are_signed(store, clock, signed):
    refuse(store, clock)
    refuse(store, clock, SIGN_EVERY_N - 1)
    refuse(store, clock)
    assert [size for size, _ in signed()] == [1, SIGN_EVERY_N + 1]


def test_what_closes_is_signed_at_once(store, running, examples, clock, signed):
    running.raise_alert(examples.alert(), examples.pictures())
    running.stop(FaceCounts(), StopReason.FINISHED, examples.noon)
    assert signed()[-1][0] == 3
    store.destroy_deployment_key(DeploymentId("d-1"))
    assert signed()[-1][0] == store.verify().n_records


def test_a_process_knows_what_another_signed(store, home, clock, signed):
    refuse(store, clock)
    with Store.open(home, clock) as other:
        clock.advance(SIGN_EVERY.total_seconds())
        refuse(other, clock)
        refuse(store, clock)
        refuse(other, clock)
    assert [size for size, _ in signed()] == [1, 2]


def test_a_clock_that_is_set_back_takes_no_signature_with_it(store, home, clock, signed):
    refuse(store, clock)
    early = ManualClock(clock.now_utc() - timedelta(days=1))
    refuse(store, early)
    early.advance(86400 + SIGN_EVERY.total_seconds())
    refuse(store, early)
    assert [size for size, _ in signed()] == [1, 3]


def test_signing_now_signs_what_is_there_once(store, clock, signed):
    with pytest.raises(InputError, match="no checkpoint"):
        store.ledger.sign_now()
    refuse(store, clock)
    refuse(store, clock)
    note = store.ledger.sign_now()
    assert store.ledger.sign_now() == note
    assert open_checkpoint(note, NoteVerifier.parse(store.ledger.verifier_key)).size == 2
    assert [size for size, _ in signed()] == [1, 2]
    assert store.ledger.checkpoint(1) != note
