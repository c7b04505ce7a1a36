"""A rotation that is killed, wherever, leaves a store that opens, and no key beside the one in use.

A process of its own copies a store again and again and rotates its key in a child, which kills
itself with SIGKILL right before the n-th thing that it does to a file or to the database, until a
child gets through.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing

import pytest

from overt.core.errors import IntegrityError
from overt.core.ids import WatchlistId
from overt.ledger.records import LedgerRecord, RecordKind
from overt.store.keys import DataKey, key_id
from overt.store.machine_key import KeyFileSource
from overt.store.store import Store

ROTATOR = textwrap.dedent(
    """
    import itertools, json, os, shutil, signal, sys, warnings
    from pathlib import Path
    from sqlalchemy import event
    from overt.core.clock import SystemClock
    from overt.store.store import Store

    folder, list_id = Path(sys.argv[1]), sys.argv[2]
    ON_FILES = {"os.link", "os.rename", "os.remove"}
    steps = []

    def rotate(home, dies_at):
        def step(name):
            steps.append(name)
            if len(steps) == dies_at:
                os.write(1, (json.dumps(name) + "\\n").encode())
                os.kill(os.getpid(), signal.SIGKILL)

        def on_audit(name, arguments):
            if name == "open" and str(arguments[0]).startswith(str(home / "keys")):
                if os.path.isfile(arguments[0]) or arguments[2] & os.O_CREAT:
                    step("open " + Path(arguments[0]).name)
            if name in ON_FILES and str(home / "keys") in str(arguments):
                step(name)

        store = Store.open(home, SystemClock())
        engine = store._database._reading
        event.listen(engine, "commit", lambda connection: step("commit"))
        event.listen(
            engine, "before_cursor_execute",
            lambda c, cur, statement, *rest: step("sql") if statement[:6] == "UPDATE" else None,
        )
        sys.addaudithook(on_audit)
        if list_id:
            store.keys.rotate_list_key(list_id)
        else:
            store.keys.rotate_machine_key()

    for dies_at in itertools.count(1):
        home = folder / f"killed-{dies_at:02}"
        shutil.copytree(folder / "home", home)
        child = os.fork()
        if child == 0:
            rotate(home, dies_at)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            break
    """
)


def rotate_and_kill(folder, list_id=""):
    """Return the copies in which a rotation was killed, each with what it was about to do."""
    done = subprocess.run(
        [sys.executable, "-c", ROTATOR, str(folder), list_id],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    copies = sorted(folder.glob("killed-*"))
    through = copies.pop()
    assert len(copies) == len(steps)
    return dict(zip(copies, steps, strict=True)), through


@pytest.fixture
def kept(home, store, running, examples):
    """A closed store with a list and an alert under keys of their own."""
    store.watchlists.save(examples.watchlist())
    running.raise_alert(examples.alert(), examples.pictures())
    store.close()


def wrapped_keys(home):
    with closing(sqlite3.connect(home / "overt.sqlite3")) as raw:
        both = "SELECT wrapped_key FROM deployments UNION SELECT wrapped_key FROM watchlists"
        return [wrapped for (wrapped,) in raw.execute(both)]


def kinds(store):
    return [LedgerRecord.parse(record).kind for record in store.ledger.records()]


def check_whole(store):
    """Everything that was kept before can still be read."""
    assert len(store.watchlists.load(WatchlistId("list")).entries) == 3
    (alert,) = store.alerts.list()
    assert store.alerts.pictures(alert.id) is not None
    store.verify()


def test_a_killed_rotation_of_the_machine_key_is_finished_or_undone(home, clock, kept, tmp_path):
    former = (home / "keys" / "machine.key").read_bytes()
    wrapped = wrapped_keys(home)
    assert len(wrapped) == 2
    killed, through = rotate_and_kill(tmp_path)
    steps = list(killed.values())
    commit = steps.index("commit", steps.index("sql"))
    assert {"os.link", "os.rename", "os.remove"} <= set(steps[commit:])
    for number, copy in enumerate([*killed, through]):
        rotated = number > commit
        for _ in range(2):
            with Store.open(copy, clock) as store:
                check_whole(store)
                assert kinds(store).count(RecordKind.KEY_ROTATED) == rotated
                assert (store.keys.show().key_id != key_id(DataKey(former))) == rotated
        assert {path.name for path in (copy / "keys").iterdir()} == {"machine.key", "ledger.key"}
        key = (copy / "keys" / "machine.key").read_bytes()
        assert (key != former) == rotated
        if rotated:
            for secret in (former, *wrapped):
                assert not any(secret in path.read_bytes() for path in copy.rglob("*.*"))
            check_refuses_former(copy, clock, former)
        shutil.rmtree(copy)


def check_refuses_former(copy, clock, former):
    """A copy of the former key opens nothing any more."""
    stolen = copy / "stolen.key"
    stolen.write_bytes(former)
    stolen.chmod(0o600)
    with pytest.raises(IntegrityError, match="another machine key"):
        Store.open(copy, clock, KeyFileSource(stolen))


def test_a_killed_rotation_of_a_lists_key_changes_all_or_nothing(home, clock, kept, tmp_path):
    killed, through = rotate_and_kill(tmp_path, "list")
    assert list(killed.values()).count("sql") >= 4
    for copy in (*killed, through):
        with Store.open(copy, clock) as store:
            check_whole(store)
            assert kinds(store).count(RecordKind.KEY_ROTATED) == (copy == through)
        shutil.rmtree(copy)
