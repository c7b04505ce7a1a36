"""Disks that are full, read-only or damaged: one sentence, and nothing acknowledged is lost."""

import contextlib
import os
import sqlite3
import subprocess

import pytest
from sqlalchemy import text

from overt.alerts.ports import StopReason
from overt.core.counts import FaceCounts
from overt.core.errors import IntegrityError, StorageError
from overt.store.store import Store

MANY = 10_000


@pytest.fixture
def mount(tmp_path):
    """Mount small file systems in memory, where this user may."""
    folder = tmp_path / "mounted"
    folder.mkdir()

    def do(*options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        mounted = subprocess.run(command, check=False, capture_output=True)
        if mounted.returncode != 0:
            pytest.skip("this user may not mount a file system")
        return folder

    yield do
    while os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)


def raise_many(run, examples, acknowledged):
    """Raise alerts until it fails, and note the id of each that was acknowledged."""
    for _ in range(MANY):
        alert = examples.alert()
        run.raise_alert(alert, examples.pictures())
        acknowledged.append(alert.id)


def raise_until_the_disk_is_full(run, examples):
    """Return the ids that were acknowledged before the error."""
    acknowledged = []
    with pytest.raises(StorageError, match="disk is full"):
        raise_many(run, examples, acknowledged)
    return acknowledged


def test_a_full_disk_stops_alerting_and_keeps_what_was_acknowledged(mount, clock, examples):
    home = mount("size=1m") / "home"
    with Store.open(home, clock) as store:
        run = store.run()
        run.start(examples.run())
        acknowledged = raise_until_the_disk_is_full(run, examples)
        with pytest.raises(StorageError, match="raises no alerts"):
            run.raise_alert(examples.alert(), examples.pictures(8, 8))
        assert [alert.id for alert in store.alerts.list()] == acknowledged
        assert store.verify().n_records == len(acknowledged) + 1
    with Store.open(home, clock) as store:
        assert [alert.id for alert in store.alerts.list()] == acknowledged
        assert store.verify().n_records == len(acknowledged) + 1


def test_a_database_at_its_limit_stops_alerting(store, running, examples):
    with store._database.write() as session:
        session.execute(text("PRAGMA max_page_count = 100"))
    acknowledged = raise_until_the_disk_is_full(running, examples)
    assert [alert.id for alert in store.alerts.list()] == acknowledged
    with store._database.write() as session:
        session.execute(text("PRAGMA max_page_count = 1000000"))
    with pytest.raises(StorageError, match="raises no alerts"):
        running.raise_alert(examples.alert(), examples.pictures())
    running.stop(FaceCounts(), StopReason.FAILED, examples.noon)
    assert store.verify().n_checkpointed == len(acknowledged) + 2


def test_a_disk_too_small_for_a_store_is_said_to_be_full(mount, clock):
    with pytest.raises(StorageError, match="disk is full"):
        Store.open(mount("size=32k") / "home", clock)


def test_a_disk_that_turns_read_only_stops_alerting(mount, clock, examples):
    folder = mount("size=8m")
    store = Store.open(folder / "home", clock)
    run = store.run()
    run.start(examples.run())
    run.raise_alert(examples.alert(), examples.pictures())
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    with pytest.raises(StorageError):
        Store.open(folder / "home", clock)


def test_a_database_that_turns_read_only_stops_alerting(store, running, examples):
    running.raise_alert(examples.alert(), examples.pictures())
    with store._database.read() as session:
        session.execute(text("PRAGMA query_only = ON"))
    with pytest.raises(StorageError, match="read-only"):
        running.raise_alert(examples.alert(), examples.pictures())
    assert len(store.alerts.list()) == 1


def test_a_locked_store_says_who_is_in_the_way(store, running, examples, home):
    with store._database.read() as session:
        session.execute(text("PRAGMA busy_timeout = 50"))
    other = sqlite3.connect(home / "overt.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked by another process"):
        running.raise_alert(examples.alert(), examples.pictures())
    other.close()


@pytest.mark.parametrize("data", [b"not a database" * 100, bytes(range(256)) * 64])
def test_a_file_that_is_no_database_is_refused(home, clock, store, data):
    store.close()
    (home / "overt.sqlite3").write_bytes(data)
    with pytest.raises(StorageError, match="damaged"):
        Store.open(home, clock)


def damage(path, n_first_page):
    """Overwrite every page from the given one on."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(n_first_page * 4096)
        file.write(b"\xa5" * (size - n_first_page * 4096))


def test_no_run_starts_on_a_damaged_database(home, clock, store, running, examples):
    for _ in range(5):
        running.raise_alert(examples.alert(), examples.pictures())
    store.close()
    damage(home / "overt.sqlite3", n_first_page=20)
    with contextlib.ExitStack() as stack, pytest.raises((StorageError, IntegrityError)):
        stack.enter_context(Store.open(home, clock)).run()


def test_a_truncated_database_is_refused(home, clock, store, running, examples):
    running.raise_alert(examples.alert(), examples.pictures())
    store.close()
    path = home / "overt.sqlite3"
    os.truncate(path, path.stat().st_size // 2)
    with contextlib.ExitStack() as stack, pytest.raises(StorageError, match="damaged"):
        stack.enter_context(Store.open(home, clock)).run()


@pytest.mark.parametrize("name", ["machine.key", "ledger.key"])
def test_a_store_without_its_key_is_refused_and_gets_no_new_one(home, clock, store, name):
    store.close()
    (home / "keys" / name).unlink()
    with pytest.raises(IntegrityError, match=f"{name} of this store is missing"):
        Store.open(home, clock)
    assert not (home / "keys" / name).exists()


def test_a_store_under_another_ledger_key_is_refused(home, clock, store, running, examples):
    running.stop(FaceCounts(), StopReason.FINISHED, examples.noon)
    store.close()
    (home / "keys" / "ledger.key").write_bytes(bytes(32))
    with pytest.raises(IntegrityError):
        Store.open(home, clock)
