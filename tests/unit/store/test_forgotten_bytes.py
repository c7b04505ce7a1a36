"""What was deleted is in no byte of the store's files; and a deletion broken off anywhere is ended.

What is searched for is the ciphertexts, wrapped keys and digests themselves: after a deletion not
even the noise is left. The same search finds them before, or it would prove nothing.
"""

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from overt.core.errors import StorageError
from overt.store.models import (
    AlertPictureRow,
    AlertStepRow,
    DeploymentRow,
    WatchlistEntryRow,
    WatchlistRow,
)
from overt.store.store import Store

DAY_S = 24 * 3600.0
WINDOW = 24


def secrets(store):
    """Return pieces of all that must go, by what they are of."""
    with store._database.read() as session:
        every = {
            "picture": [row.ciphertext for row in session.query(AlertPictureRow)],
            "note": [row.ciphertext for row in session.query(AlertStepRow) if row.ciphertext],
            "key of pictures": [row.wrapped_key for row in session.query(DeploymentRow)],
            "entry": [row.ciphertext for row in session.query(WatchlistEntryRow)],
            "key of list": [row.wrapped_key for row in session.query(WatchlistRow)],
        }
    return {
        name: [piece for each in found for piece in pieces(each)] for name, found in every.items()
    }


def pieces(secret):
    return [secret[at : at + WINDOW] for at in range(0, max(1, len(secret) - WINDOW), WINDOW * 7)]


def found_in(home, needles):
    haystacks = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    return {
        name
        for name, every in needles.items()
        if any(piece in haystack for piece in every for haystack in haystacks)
    }


def test_nothing_of_what_was_deleted_is_in_any_file(home, store, clock, alerts):
    needles = secrets(store)
    assert found_in(home, needles) == set(needles)
    clock.advance(2 * DAY_S)
    store.sweeper.sweep()
    assert found_in(home, needles) == set()
    with closing(sqlite3.connect(home / "overt.sqlite3")) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)


def test_a_reader_holds_the_bytes_up_and_then_they_go(home, store, clock, alerts):
    needles = secrets(store)
    clock.advance(2 * DAY_S)
    with closing(sqlite3.connect(home / "overt.sqlite3")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM alerts").fetchone()
        with pytest.raises(StorageError):
            store.sweeper.sweep()
        assert {each.receipt for each in store.deletions.list()} == {None}
        store.verify()
    swept = store.sweeper.sweep()
    assert (len(swept.begun), len(swept.receipts)) == (0, 2)
    assert found_in(home, needles) == set()
    store.verify()


CHILD = """
import os, signal, sys
from datetime import datetime, timedelta
from pathlib import Path
from overt.core.clock import ManualClock
from overt.store import deletions, erasing, finishing, sqlite, sweeping
from overt.store.store import Store

home, now, owner, name, when = sys.argv[1:]
place = {
    "finisher": finishing.Finisher,
    "sweeper": sweeping.Sweeper,
    "database": sqlite.SqliteDatabase,
}[owner]
called = getattr(place, name)

def dying(*arguments, **named):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    called(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(place, name, dying)
with Store.open(Path(home), ManualClock(datetime.fromisoformat(now))) as store:
    store.sweeper.sweep()
"""

PLACES = [
    ("sweeper", "_begin_all", "before"),
    ("sweeper", "_begin_all", "after"),
    ("finisher", "_emptied", "after"),
    ("database", "purge_deleted", "before"),
    ("database", "forget_history", "after"),
    ("database", "purge_deleted", "after"),
    ("finisher", "_receipts", "after"),
]
"""Where a process dies: before anything; with rows gone; with bytes gone; with the receipt kept."""


@pytest.mark.slow
def test_a_sweep_that_is_killed_anywhere_is_ended_by_the_next(home, store, clock, alerts, tmp_path):
    needles = secrets(store)
    store.close()
    clock.advance(2 * DAY_S)
    for number, place in enumerate(PLACES):
        copy = tmp_path / str(number)
        shutil.copytree(home, copy)
        child = [sys.executable, "-c", CHILD, copy, clock.now_utc().isoformat(), *place]
        died = subprocess.run(child, capture_output=True, check=False)
        assert died.returncode == -signal.SIGKILL, (place, died.stderr)
        with Store.open(copy, clock) as again:
            again.verify()
            again.sweeper.sweep()
            kept = again.deletions.list()
            assert sorted(str(each.begun.what) for each in kept) == ["list", "pictures"], place
            assert all(each.receipt for each in kept), place
            assert found_in(copy, needles) == set(), place
            assert again.sweeper.sweep().begun == ()
            again.verify()
