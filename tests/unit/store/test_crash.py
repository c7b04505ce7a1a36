"""A process that is killed loses nothing that it acknowledged, and leaves no half of anything."""

import json
import random
import signal
import subprocess
import sys

import pytest

import fixtures.killed_writer
from fixtures.postgresql import both_databases
from overt.alerts.ports import StopReason
from overt.core.counts import FaceCounts
from overt.core.errors import StorageError
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.store.store import Store

N_A_HOME = 20
"""So many writers are killed on one store, one after the other, before another is begun."""

LONGEST_S = 0.02
"""A few transactions."""

LONGEST_OPENING_S = 0.3
"""Making a store, or opening it and closing what was left open."""


@pytest.fixture
def killed(database_url):
    """Start a writer on a home and kill it; return what it had acknowledged.

    It is killed some seconds after it has acknowledged a number of things, so that it gets there
    however slow the machine is.
    """
    with subprocess.Popen(
        [sys.executable, fixtures.killed_writer.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as nursery:

        def do(home, n_said, after_s):
            asked = (str(home), database_url, n_said, after_s)
            nursery.stdin.write(json.dumps(asked) + "\n")
            nursery.stdin.flush()
            answer = json.loads(nursery.stdout.readline())
            assert answer["signal"] == signal.SIGKILL, answer["said"][-1]
            return answer["said"]

        yield do
        nursery.stdin.close()


class Acknowledged:
    """What writers on one home have acknowledged, one after the other."""

    def __init__(self):
        self.n_kills = 0
        self.n_minutes = self.n_stops = self.n_repeats = 0
        self.alerts, self.steps, self.checkpoints = [], [], []

    def add(self, said):
        self.n_kills += 1
        for what, which, number in said:
            if what == "alert":
                self.alerts.append(which)
            elif what == "step":
                self.steps.append((which, number))
            elif what == "checkpoint":
                self.checkpoints.append(which)
            else:
                self.n_minutes += what == "minute"
                self.n_stops += what == "stop"
                self.n_repeats += what == "repeat"

    def check(self, store):
        """Check that everything is there, and at most one more of a kind for each kill."""
        store.verify()
        records = [LedgerRecord.parse(data) for data in store.ledger.records()]
        bodies = {kind: [] for kind in RecordKind}
        for record in records:
            bodies[record.kind].append(record.body)
        kept = [alert.id for alert in store.alerts.list()]
        assert [body["alert"] for body in bodies[RecordKind.ALERT_RAISED]] == kept
        self._compare(self.alerts, kept)
        recorded = [(body["alert"], body["number"]) for body in bodies[RecordKind.ALERT_STEP]]
        steps = {alert: store.alert_steps.steps_for(alert, None) for alert in kept}
        taken = {(alert, step.number) for alert in kept for step in steps[alert]}
        assert set(recorded) == taken
        self._compare(self.steps, recorded)
        for n, kind in (
            (self.n_minutes, RecordKind.RUN_COUNTS),
            (self.n_repeats, RecordKind.ALERT_REPEATED),
        ):
            assert 0 <= len(bodies[kind]) - n <= self.n_kills
        finished = [b for b in bodies[RecordKind.RUN_STOPPED] if b["reason"] == "finished"]
        assert 0 <= len(finished) - self.n_stops <= self.n_kills
        for size in self.checkpoints:
            assert store.ledger.checkpoint(size)

    def _compare(self, said, kept):
        """Check that what was said was kept in that order, and hardly anything else was."""
        known = set(said)
        assert [each for each in kept if each in known] == said
        assert len(kept) - len(said) <= self.n_kills


def kill_again_and_again(homes, n_kills, killed, seed, clock, url=None):
    """Kill writers at random instants; return what was acknowledged in each home."""
    drawn = random.Random(seed)
    places = []
    for number in range(n_kills):
        if number % N_A_HOME == 0:
            home, acknowledged = homes / f"home-{number}", Acknowledged()
            places.append(acknowledged)
        n_said = drawn.choice([0, 0, drawn.randrange(1, 40)])
        longest_s = LONGEST_S if n_said else LONGEST_OPENING_S
        acknowledged.add(killed(home, n_said, drawn.uniform(0, longest_s)))
        with Store.open(home, clock, None, url) as store:
            with store.ledger.transaction():
                pass  # a server may still commit what the writer told it last
            acknowledged.check(store)
    return places


@both_databases
def test_kill_9_at_a_few_random_instants(tmp_path, clock, killed, database_url):
    (acknowledged,) = kill_again_and_again(tmp_path, 10, killed, 4, clock, database_url)
    assert acknowledged.alerts


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kill_9_at_hundreds_of_random_instants(tmp_path, clock, killed):
    places = kill_again_and_again(tmp_path, 300, killed, 300, clock)
    assert sum(place.n_kills for place in places) == 300
    assert sum(len(place.alerts) for place in places) > 300


def records_of(store, kind):
    records = map(LedgerRecord.parse, store.ledger.records())
    return [record.body for record in records if record.kind is kind]


def test_the_run_of_a_killed_process_is_closed_with_what_its_minutes_add_up_to(home, clock, killed):
    killed(home, 8, 0.0)  # within the first run, after a minute of it
    with Store.open(home, clock) as store:
        store.run()
        store.verify()
        (last,) = records_of(store, RecordKind.RUN_STOPPED)
        minutes = records_of(store, RecordKind.RUN_COUNTS)
    assert last["reason"] == StopReason.NOT_CLOSED
    assert last["totals"]["frames_read"] == len(minutes) > 0


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
