"""A process that is killed loses nothing that it acknowledged, and leaves no half of anything."""

import signal
import subprocess
import sys
import textwrap

import pytest

from overt.alerts.ports import StopReason
from overt.core.counts import FaceCounts
from overt.core.errors import StorageError
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.store.store import Store

WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    import numpy as np
    from overt.alerts.alert import Alert, AlertPictures, new_alert_id
    from overt.alerts.ports import RunStart
    from overt.core.clock import SystemClock
    from overt.core.counts import FaceCounts
    from overt.store.store import Store

    clock = SystemClock()
    store = Store.open(Path(sys.argv[1]), clock)
    run = store.run()
    run.start(RunStart("d-1", b"{}", "c", "a", "contract", 0.5, ("gate",), clock.now_utc(), {}))
    picture = np.zeros((64, 64, 3), np.uint8)
    while True:
        alert = Alert(new_alert_id(), "d-1", "gate", "e-1", 1, clock.now_utc(), 0.0, 0, 0.6, 0.5,
                      None, 1, None, 0.0, (0, 0, 9, 9))
        run.raise_alert(alert, AlertPictures(picture, picture))
        print(alert.id, flush=True)
        run.minute(clock.now_utc(), FaceCounts(frames_read=1))
    """
)


@pytest.mark.parametrize("n_alerts", [1, 7, 20])
def test_kill_9_leaves_every_acknowledged_alert_with_its_record(home, clock, examples, n_alerts):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home)], stdout=subprocess.PIPE, text=True
    )
    acknowledged = [writer.stdout.readline().strip() for _ in range(n_alerts)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += writer.stdout.read().split()
    writer.wait()
    writer.stdout.close()
    with Store.open(home, clock) as store:
        kept = [alert.id for alert in store.alerts.list()]
        assert kept[: len(acknowledged)] == acknowledged
        # One more may have been committed and not yet acknowledged.
        assert len(kept) - len(acknowledged) in {0, 1}
        store.verify()
        store.run()
        last = LedgerRecord.parse(list(store.ledger.records())[-1])
        assert last.kind is RecordKind.RUN_STOPPED
        assert last.body["reason"] == StopReason.NOT_CLOSED
        assert last.body["totals"]["frames_read"] in {len(kept) - 1, len(kept)}
        store.verify()


def test_only_one_process_at_a_time_has_runs_open(home, clock, store, running, examples):
    with Store.open(home, clock) as other:
        with pytest.raises(StorageError, match="Another process has a run open"):
            other.run()
        assert other.alerts.list() == ()
        running.stop(FaceCounts(), StopReason.FINISHED, examples.noon)
        store.close()
        other.run()


def test_two_runs_of_one_process_do_not_close_each_other(store, running, examples):
    second = store.run()
    second.start(examples.run(deployment="d-2"))
    running.stop(FaceCounts(frames_read=3), StopReason.FINISHED, examples.noon)
    second.stop(FaceCounts(), StopReason.FINISHED, examples.noon)
    reasons = [
        record.body["reason"]
        for record in map(LedgerRecord.parse, store.ledger.records())
        if record.kind is RecordKind.RUN_STOPPED
    ]
    assert reasons == [StopReason.FINISHED, StopReason.FINISHED]
