"""What a run has on record beside its alerts: what the node could do, and who was present."""

import pytest

from overt.alerts.ports import StopReason
from overt.core.counts import FaceCounts
from overt.core.errors import InputError, IntegrityError, StorageError
from overt.deployment.authorising import capability_sha256
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord


def records(store, kind):
    every = map(LedgerRecord.parse, store.ledger.records())
    return [record.body for record in every if record.kind is kind]


def test_what_the_node_could_do_is_on_record(store, running):
    running.prepared(core_dumps_off=True, memory_locked=False, reason="lock-limit")
    (body,) = records(store, RecordKind.NODE_PREPARED)
    assert body["deployment"] == "d-1"
    assert (body["core_dumps_off"], body["memory_locked"]) == (True, False)
    assert body["reason"] == "lock-limit"
    (started,) = records(store, RecordKind.RUN_STARTED)
    assert body["run"] == started["run"]


def test_a_run_that_was_not_started_prepares_nothing(store):
    with pytest.raises(InputError, match="not started"):
        store.run().prepared(core_dumps_off=True, memory_locked=True, reason=None)


def test_each_minute_has_on_record_which_officers_said_that_they_are_there(
    store, authorised, examples, clock
):
    found = authorised(store, clock, examples.watchlist())
    found.beat()  # before the run: they do not count for its first minute
    run = store.run()
    capability = {"capability_json": found.file, "capability_sha256": capability_sha256(found.file)}
    run.start(examples.run(deployment=found.id, **capability))
    found.beat()
    found.beat()
    run.minute(clock.now_utc(), FaceCounts())
    run.minute(clock.now_utc(), FaceCounts())
    operator = found.force.operator.id
    store.lives.beat(found.id, operator)
    run.minute(clock.now_utc(), FaceCounts())
    first, last = records(store, RecordKind.PRESENCE_SEEN)
    officers = {officer.id for officer in found.force.officers}
    assert first["n_beats"] == dict.fromkeys(officers, 2)
    assert first["minute"] == 0
    assert last["n_beats"] == {operator: 1}
    assert last["minute"] == 2
    store.verify()


def test_a_ledger_that_is_not_what_it_was_stops_alerting(store, running, examples, alter):
    running.raise_alert(examples.alert(), examples.pictures())
    assert alter("DELETE FROM ledger_records WHERE seq = 1")
    with pytest.raises(IntegrityError, match="missing"):
        running.raise_alert(examples.alert(), examples.pictures())
    with pytest.raises(StorageError, match="raises no alerts"):
        running.raise_alert(examples.alert(), examples.pictures())
    assert len(store.alerts.list()) == 1
    with pytest.raises(IntegrityError):
        running.stop(FaceCounts(), StopReason.FAILED, examples.noon)
