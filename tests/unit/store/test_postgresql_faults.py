"""Servers that stop, connections that break and disks that fill up while a run is under way."""

import signal
import subprocess
import sys
import threading

import psycopg
import pytest

from fixtures.postgresql import SHARED, SUPERUSER
from overt.alerts.ports import StopReason
from overt.core.counts import FaceCounts
from overt.core.errors import StorageError
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.store.store import Store

END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'overt'"
END_LOCK = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks"
    " WHERE locktype = 'advisory' AND objsubid = 1 AND classid = 240582657"
)
END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'overt'"
    " AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')"
)


@pytest.fixture
def server(own_postgresql_server):
    return own_postgresql_server


@pytest.fixture
def open_there(home, clock, server):
    return lambda: Store.open(home, clock, None, server.url(SHARED))


def reasons(store):
    records = map(LedgerRecord.parse, store.ledger.records())
    return [r.body["reason"] for r in records if r.kind is RecordKind.RUN_STOPPED]


def start(store, examples):
    run = store.run()
    run.start(examples.run())
    alerts = [examples.alert() for _ in range(3)]
    for alert in alerts:
        run.raise_alert(alert, examples.pictures())
    return run, [alert.id for alert in alerts]


def check_after(open_there, acknowledged, ended_as):
    """Everything acknowledged is there, and the next run closes the one that broke off."""
    with open_there() as store:
        assert [alert.id for alert in store.alerts.list()] == acknowledged
        store.run()
        assert reasons(store) == [ended_as]
        store.verify()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stops", "crashes"])
def test_a_server_that_goes_away_stops_alerting_and_loses_nothing(
    server, open_there, examples, how
):
    store = open_there()
    run, acknowledged = start(store, examples)
    server.stop(how)
    with pytest.raises(StorageError, match=r"cannot be reached|was lost"):
        run.raise_alert(examples.alert(), examples.pictures())
    server.start()
    with pytest.raises(StorageError, match="raises no alerts"):
        run.raise_alert(examples.alert(), examples.pictures())
    with pytest.raises(StorageError, match="lock was lost"):
        run.stop(FaceCounts(), StopReason.FAILED, examples.noon)
    store.close()
    check_after(open_there, acknowledged, StopReason.NOT_CLOSED)


@pytest.mark.parametrize("statement", [END_ALL, END_LOCK], ids=["every", "the lock's"])
def test_who_lost_the_lock_writes_nothing_more(server, open_there, examples, statement):
    """Another process may have it by now, and have closed the run."""
    with open_there() as store:
        run, acknowledged = start(store, examples)
        assert server.ask(statement)
        with open_there() as other:
            other.run()
            with pytest.raises(StorageError, match="lock was lost"):
                run.raise_alert(examples.alert(), examples.pictures())
            assert reasons(other) == [StopReason.NOT_CLOSED]
    check_after(open_there, acknowledged, StopReason.NOT_CLOSED)


def test_a_process_that_lost_the_lock_may_take_it_again(server, open_there, examples):
    with open_there() as store:
        run, acknowledged = start(store, examples)
        assert server.ask(END_LOCK)
        with pytest.raises(StorageError, match="lock was lost"):
            run.raise_alert(examples.alert(), examples.pictures())
        again = store.run()
        again.start(examples.run())
        alert = examples.alert()
        again.raise_alert(alert, examples.pictures())
        assert reasons(store) == [StopReason.NOT_CLOSED]
        assert [each.id for each in store.alerts.list()] == [*acknowledged, alert.id]
        store.verify()


def test_a_connection_that_is_not_in_use_is_replaced(server, open_there, examples):
    with open_there() as store:
        run, acknowledged = start(store, examples)
        assert server.ask(END_OTHERS)
        alert = examples.alert()
        run.raise_alert(alert, examples.pictures())
        run.stop(FaceCounts(), StopReason.FINISHED, examples.noon)
    check_after(open_there, [*acknowledged, alert.id], StopReason.FINISHED)


@pytest.mark.slow
def test_connections_that_break_at_any_time_lose_nothing_acknowledged(server, open_there, examples):
    """One thread ends every connection again and again while another raises alerts."""
    acknowledged, over = [], threading.Event()

    def end_them():
        with psycopg.connect(server.url("postgres", SUPERUSER), autocommit=True) as superuser:
            while not over.wait(0.03):
                superuser.execute(END_ALL)

    ending = threading.Thread(target=end_them)
    ending.start()
    try:
        for _ in range(20):
            try:
                with open_there() as store:
                    run = store.run()
                    run.start(examples.run())
                    for _ in range(50):
                        alert = examples.alert()
                        run.raise_alert(alert, examples.pictures(8, 8))
                        acknowledged.append(alert.id)
            except StorageError:
                continue
    finally:
        over.set()
        ending.join()
    with open_there() as store:
        kept = [alert.id for alert in store.alerts.list()]
        assert [each for each in kept if each in set(acknowledged)] == acknowledged
        assert len(kept) - len(acknowledged) <= 20
        store.verify()


@pytest.fixture
def small_disk(server):
    """A small disk in memory that is the server's, where this user may mount one."""
    folder = server.folder / "disk"
    folder.mkdir()
    owner = {"uid": server.account.get("user"), "gid": server.account.get("group")}
    options = [f"{name}={number}" for name, number in owner.items() if number is not None]
    command = ["mount", "-t", "tmpfs", "-o", ",".join(["size=12m,mode=0700", *options]), "tmpfs"]
    if subprocess.run([*command, folder], check=False, capture_output=True).returncode != 0:
        pytest.skip("this user may not mount a file system")
    yield folder
    server.stop(signal.SIGQUIT)
    subprocess.run(["umount", folder], check=True)


@pytest.mark.slow
def test_a_full_disk_stops_alerting_and_keeps_what_was_acknowledged(
    server, small_disk, home, clock, examples
):
    server.ask(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
    server.ask("CREATE DATABASE full_disk OWNER overt TABLESPACE small")
    acknowledged = []
    with Store.open(home, clock, None, server.url("full_disk")) as store:
        run = store.run()
        run.start(examples.run())
        with pytest.raises(StorageError, match="disk is full"):
            raise_many(run, examples, acknowledged)
        with pytest.raises(StorageError, match="raises no alerts"):
            run.raise_alert(examples.alert(), examples.pictures(8, 8))
        assert [alert.id for alert in store.alerts.list()] == acknowledged
        assert acknowledged
        store.verify()


def raise_many(run, examples, acknowledged):
    for _ in range(5_000):
        alert = examples.alert()
        run.raise_alert(alert, examples.pictures())
        acknowledged.append(alert.id)


@pytest.mark.slow
def test_what_a_killed_client_held_is_free_again(server, open_there, examples, home, clock):
    """A process that dies within a transaction leaves no lock and no half of anything."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from overt.core.clock import SystemClock\n"
        "from overt.store.store import Store\n"
        "from overt.store.models import StoreFactRow\n"
        "store = Store.open(Path(sys.argv[1]), SystemClock(), None, sys.argv[2])\n"
        "store.run()\n"
        "with store._database.write() as session:\n"
        "    session.add(StoreFactRow(name='half', value='x'))\n"
        "    session.flush()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", script, str(home), server.url(SHARED)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with open_there() as store:
        start(store, examples)
        assert server.ask("SELECT count(*) FROM store_facts WHERE name = 'half'", SHARED) == [(0,)]
