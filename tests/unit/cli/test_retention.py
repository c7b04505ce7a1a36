"""``overt retention``, and the sweep with which every other command begins."""

import io
import json
import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from rich.console import Console

from overt.cli.sweeping import sweeping_beside
from overt.core.clock import ManualClock, SystemClock
from overt.core.errors import StorageError
from overt.core.ids import ContractId, EntryId, Sha256, WatchlistId
from overt.store.medium_files import look_at
from overt.store.sqlite import SqliteDatabase
from overt.store.store import Store
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

LABEL = "Josephine"


@pytest.fixture
def medium(tmp_path):
    path = tmp_path / "medium" / f"{LABEL}.csv"
    path.parent.mkdir()
    path.write_text("who,why\n")
    return path


@pytest.fixture
def long_ago(home, authorised, medium):
    """A deployment of three days ago, from which a list and its medium are left."""
    template = np.eye(1, 128, dtype=np.float32)[0]
    entries = (StoredEntry(EntryId("e-1"), LABEL, (StoredReference(template, b"a picture"),)),)
    listed = StoredWatchlist(
        WatchlistId("list"), "the list", ContractId("contract"), Sha256("a" * 64), entries
    )
    clock = ManualClock(datetime.now(UTC) - timedelta(days=3))
    with Store.open(home, clock) as store:
        found = authorised(store, clock, listed)
        store.imports.remember(listed.id, [look_at(medium)])
        found.go_live()
    return found


@pytest.fixture
def key_of(long_ago, tmp_path):
    return lambda name: long_ago.key_file(
        next(p for p in (long_ago.force.list_manager, *long_ago.force.officers) if p.id == name),
        tmp_path,
    )


def test_status_tells_what_is_overdue_and_deletes_nothing(command, long_ago, medium):
    ran = command("retention", "status", "--json")
    assert ran.returncode == 1
    overdue = {each["what"] for each in ran.json["kept"] if each["overdue"]}
    assert overdue == {"list", "medium"}
    assert {each["what"] for each in ran.json["kept"]} == {*overdue, "members", "membership"}
    assert "erased in memory" in ran.json["notes"][0]
    plain = command("retention", "status")
    assert plain.returncode == 1
    assert "never rewritten" in plain.stdout
    dry = command("retention", "sweep", "--dry-run", "--json").json
    assert {each["what"] for each in dry["would_delete"]} == overdue
    assert medium.exists()
    for each in (ran, plain):
        assert LABEL not in each.stdout + each.stderr


def test_any_command_sweeps_before_anything_else(command, home, long_ago, medium):
    ran = command("watchlist", "show", "list", "--json")
    assert "period is over: 2 deletions were due" in ran.stderr
    assert not medium.exists()
    assert command("retention", "status").returncode == 0
    assert "Nothing is due" in command("retention", "sweep").stdout
    again = command("watchlist", "show", "--json")
    assert "period" not in again.stderr


def test_receipts_say_what_is_promised_and_what_is_not(command, long_ago, monkeypatch):
    monkeypatch.setenv("OVERT_BACKUP_DAYS", "30")
    assert command("retention", "receipts").stdout.startswith("Nothing was deleted")
    swept = command("retention", "sweep", "--json").json
    assert swept["n_waiting"] == 0
    every = command("retention", "receipts", "--json").json["deletions"]
    assert [each["deletion"] for each in every] == swept["receipts"]
    of_list = next(each for each in every if each["begun"]["what"] == "list")
    said = command("retention", "receipts", of_list["deletion"]).stdout
    assert "Deleted the list with its templates and pictures of the watchlist list" in said
    assert "Backups made before may hold it, until" in said
    assert "copy of the machine key" in said
    table = command("retention", "receipts").stdout
    assert all(each in table for each in swept["receipts"])
    assert LABEL not in said + table + json.dumps(every)
    assert command("retention", "receipts", "f" * 32).returncode == 3


def test_a_sweep_that_fails_stops_everything_but_looking(command, long_ago, monkeypatch):
    def full(_database):
        raise StorageError("The disk is full.")

    monkeypatch.setattr(SqliteDatabase, "purge_deleted", full)
    ran = command("watchlist", "show", "--json")
    assert (ran.returncode, ran.stdout) == (7, "")
    assert "disk is full" in ran.stderr
    assert command("ledger", "verify").returncode == 0
    status = command("retention", "status", "--json")
    assert len(status.json["unfinished"]) == 2
    receipt = status.json["unfinished"][0]["deletion"]
    assert "It is begun" in command("retention", "receipts", receipt).stdout
    monkeypatch.undo()


def test_what_is_unfinished_is_ended_by_the_next_command(command, home, long_ago, monkeypatch):
    with Store.open(home, SystemClock()) as store, monkeypatch.context() as broken:
        broken.setattr(SqliteDatabase, "purge_deleted", _full)
        with pytest.raises(StorageError):
            store.sweeper.sweep()
    assert command("people", "list").returncode == 0
    assert command("retention", "status", "--json").json["unfinished"] == []


def _full(_database):
    raise StorageError("The disk is full.")


def test_a_medium_out_of_reach_nags_until_somebody_confirms(command, long_ago, medium, key_of):
    medium.unlink()
    command("retention", "sweep")
    status = command("retention", "status")
    assert status.returncode == 1
    assert "overt retention confirm-medium list" in status.stdout
    officer = long_ago.force.officers[0].id
    refused = command("retention", "confirm-medium", "list", "--as", key_of(officer))
    assert refused.returncode == 9
    manager = key_of("demo-list")
    ran = command("retention", "confirm-medium", "list", "--as", manager, "--json")
    assert ran.returncode == 0, ran.stderr
    said = command("retention", "receipts", ran.json["receipt"]).stdout
    assert "somebody confirmed that it is destroyed" in said
    assert command("retention", "status").returncode == 0
    assert command("retention", "confirm-medium", "list", "--as", manager).returncode == 3


@pytest.mark.parametrize("days", ["-1", "soon", "1.5", "999999"])
def test_how_long_backups_are_kept_is_a_number_of_days(command, home, monkeypatch, days):
    monkeypatch.setenv("OVERT_BACKUP_DAYS", days)
    assert command("retention", "status").returncode == 2


def test_a_sweep_beside_a_run_that_fails_is_said_and_tried_again(home, long_ago, monkeypatch):
    purge, tries, worked = SqliteDatabase.purge_deleted, [], threading.Event()

    def at_the_third(database):
        tries.append(1)
        if len(tries) < 3:
            raise StorageError("The disk is full.")
        worked.set()
        return purge(database)

    monkeypatch.setattr(SqliteDatabase, "purge_deleted", at_the_third)
    told = io.StringIO()
    with Store.open(home, SystemClock()) as store:
        with sweeping_beside(store, Console(file=told), every_s=0.01):
            assert worked.wait(30)
        assert all(each.receipt for each in store.deletions.list())
    assert told.getvalue().count("tried again: The disk is full.") == 2


def test_an_import_says_that_its_files_will_be_deleted(command, list_office, pictures_of):
    pictures = pictures_of("listed", "stranger")
    ran = command(*list_office.importing(pictures))
    assert ran.returncode == 0, ran.stderr
    assert "This machine deletes the 3 files that it was imported from" in ran.stderr
    assert "24 hours after the deployment's end" in ran.stderr
    status = command("retention", "status", "--json").json
    medium = next(each for each in status["kept"] if each["what"] == "medium")
    assert medium["n_items"] == 3
    again = command(*list_office.importing(pictures))
    assert "Nothing has changed" in again.stderr
    status = command("retention", "status", "--json").json
    assert [e["n_items"] for e in status["kept"] if e["what"] == "medium"] == [3]
