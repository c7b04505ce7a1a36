"""Bytes that a disk changed: found, or in a place that says nothing; never something else instead.

SQLite's pages carry no checksums, so that a changed byte is found by what the ledger recomputes. A
write-ahead log does: a frame that was changed, and all that follow, SQLite takes for never written.
"""

import random
import resource
import shutil
import signal

import pytest

from overt.alerts.ports import StopReason
from overt.core.counts import FaceCounts
from overt.core.errors import IntegrityError, StorageError
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.store.store import Store

N_FEW, N_MANY, N_RECORDS = 12, 200, 100
LOG_NAME = "overt.sqlite3-wal"


@pytest.fixture
def kept(store, running, examples, clock):
    """What a closed store held: its alerts' ids and its records."""
    for _ in range(8):
        running.raise_alert(examples.alert(), examples.pictures())
    with store.ledger.transaction() as work:
        for number in range(300):
            body = {"deployment": None, "rule": f"rule-{number}", "run": None}
            work.append(LedgerRecord(RecordKind.REFUSAL, clock.now_utc(), body))
    running.stop(FaceCounts(), StopReason.FINISHED, examples.noon)
    held = [alert.id for alert in store.alerts.list()], list(store.ledger.records())
    store.close()
    return held


def flip(path, position, bit):
    with path.open("r+b") as file:
        file.seek(position)
        (byte,) = file.read(1)
        file.seek(position)
        file.write(bytes([byte ^ 1 << bit]))


def used(home, clock):
    """Open a store as a run would, and return what it holds once all of it was checked."""
    with Store.open(home, clock) as store:
        store.run()
        store.verify()
        return [alert.id for alert in store.alerts.list()], list(store.ledger.records())


def flip_everywhere(home, place, kept, clock, positions, seed):
    """Flip one bit of a copy for each position; return in how many cases that was found."""
    drawn, n_found = random.Random(seed), 0
    for position in positions:
        shutil.copytree(home, place)
        flip(place / "overt.sqlite3", position, drawn.randrange(8))
        try:
            assert used(place, clock) == kept
        except (IntegrityError, StorageError):
            n_found += 1
        shutil.rmtree(place)
    return n_found


def some_of(home, n, seed, *, written=False):
    """Draw positions in the database; of bytes that are not zero only, if so asked."""
    data = (home / "overt.sqlite3").read_bytes()
    places = [at for at, byte in enumerate(data) if byte or not written]
    return random.Random(seed).sample(places, n)


def test_a_few_flipped_bits_are_found_or_say_nothing(home, tmp_path, kept, clock):
    places = some_of(home, N_FEW, seed=1)
    n_found = flip_everywhere(home, tmp_path / "copy", kept, clock, places, seed=1)
    assert 0 < n_found <= N_FEW


@pytest.mark.slow
def test_flipped_bits_are_found_or_say_nothing(home, tmp_path, kept, clock):
    """Among bytes that are written: how many pages are empty does not decide how many are found."""
    places = some_of(home, N_MANY, seed=2, written=True)
    n_found = flip_everywhere(home, tmp_path / "copy", kept, clock, places, seed=2)
    assert n_found > N_MANY // 2


@pytest.mark.slow
def test_every_flipped_bit_of_a_record_is_found(home, tmp_path, kept, clock):
    data, records = (home / "overt.sqlite3").read_bytes(), kept[1]
    chosen = random.Random(3).sample(records, N_RECORDS)
    drawn = random.Random(4)
    places = [data.index(record) + drawn.randrange(len(record)) for record in chosen]
    found = flip_everywhere(home, tmp_path / "copy", kept, clock, places, seed=3)
    assert found == N_RECORDS


@pytest.mark.parametrize("seed", range(6))
def test_a_log_that_was_changed_after_a_crash_ends_where_it_was_changed(
    home, tmp_path, store, running, examples, clock, seed
):
    acknowledged = []
    for _ in range(6):
        alert = examples.alert()
        running.raise_alert(alert, examples.pictures())
        acknowledged.append(alert.id)
    place = tmp_path / "copy"  # as if the process had been killed: its log is left behind
    shutil.copytree(home, place)
    size = (place / LOG_NAME).stat().st_size
    drawn = random.Random(seed)
    flip(place / LOG_NAME, drawn.randrange(size // 2, size), drawn.randrange(8))
    alerts, records = used(place, clock)
    assert alerts == acknowledged[: len(alerts)]
    raised = [r for r in map(LedgerRecord.parse, records) if r.kind is RecordKind.ALERT_RAISED]
    assert [record.body["alert"] for record in raised] == alerts


@pytest.fixture
def largest_file():
    """Allow this process files up to a size only, as a quota does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def do(n_bytes):
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))

    yield do
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def raise_many(run, examples, acknowledged):
    """Raise alerts until it fails, and note the id of each that was acknowledged."""
    while True:
        alert = examples.alert()
        run.raise_alert(alert, examples.pictures())
        acknowledged.append(alert.id)


def test_a_file_that_may_not_grow_stops_alerting(
    home, store, running, examples, clock, largest_file
):
    acknowledged = []
    largest_file((home / LOG_NAME).stat().st_size + 100_000)
    with pytest.raises(StorageError, match="disk"):
        raise_many(running, examples, acknowledged)
    with pytest.raises(StorageError, match="raises no alerts"):
        running.raise_alert(examples.alert(), examples.pictures())
    largest_file(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    assert acknowledged
    assert [alert.id for alert in store.alerts.list()] == acknowledged
    running.stop(FaceCounts(), StopReason.FAILED, examples.noon)
    store.close()
    assert used(home, clock)[0] == acknowledged


def test_a_schema_that_is_no_text_any_more_is_damage(home, kept, clock):
    """SQLite's message quotes the schema, and the driver cannot decode it."""
    path = home / "overt.sqlite3"
    at = path.read_bytes().index(b"CREATE TABLE")
    for offset in range(7, 12):
        flip(path, at + offset, 7)
    with pytest.raises(StorageError, match="damaged") as refused:
        used(home, clock)
    assert refused.value.__cause__ is None
