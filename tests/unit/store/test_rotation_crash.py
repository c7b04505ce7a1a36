"""A rotation that is killed, wherever, leaves a store that opens, and no key beside the one in use.

A process of its own copies a store again and again and rotates its key in a child, which kills
itself with SIGKILL right before the n-th thing that it does to a key file or to the database, until
a child gets through. The same is done to those who open what such a child left.
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
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.store.keys import DataKey, key_id
from overt.store.machine_key import KeyFileSource
from overt.store.store import Store

KILLED = textwrap.dedent(
    """
    import itertools, json, os, shutil, signal, sys, warnings
    from pathlib import Path
    from sqlalchemy import event
    from overt.core.clock import SystemClock
    from overt.store.store import Store

    folder, act = Path(sys.argv[1]), sys.argv[2]
    ON_FILES = {"os.link", "os.rename", "os.remove"}
    steps = []

    def run(home, dies_at):
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

        def on_statement(_connection, _cursor, statement, *_):
            if statement.startswith("UPDATE"):
                step("sql")

        if act == "open":
            sys.addaudithook(on_audit)
        store = Store.open(home, SystemClock())
        engine = store._database._reading
        event.listen(engine, "commit", lambda connection: step("commit"))
        event.listen(engine, "before_cursor_execute", on_statement)
        if act == "machine":
            sys.addaudithook(on_audit)
            store.keys.rotate_machine_key()
        elif act == "list":
            store.keys.rotate_list_key("list")
        store.close()

    for source in sorted(folder.glob("home*")):
        for dies_at in itertools.count(1):
            home = folder / f"{act}-{source.name}-{dies_at:02}"
            shutil.copytree(source, home)
            print(json.dumps(home.name), flush=True)
            child = os.fork()
            if child == 0:
                run(home, dies_at)
                os._exit(0)
            if os.waitpid(child, 0)[1] == 0:
                print(json.dumps("through"), flush=True)
                break
    """
)


def kill_at_each_step(folder, act):
    """Return each copy that somebody did something to, with what they died before, in order."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), act],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {folder / copy: step for copy, step in zip(lines[::2], lines[1::2], strict=True)}


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


@pytest.fixture
def former(home, kept):
    """The machine key before the rotation, and what it wrapped."""
    wrapped = wrapped_keys(home)
    assert len(wrapped) == 2
    return [(home / "keys" / "machine.key").read_bytes(), *wrapped]


def check_opens(copy, clock, former, *, rotated):
    """The store is under one key, which is the only one there is; a former one opens nothing."""
    for _ in range(2):
        with Store.open(copy, clock) as store:
            check_whole(store)
            assert kinds(store).count(RecordKind.KEY_ROTATED) == rotated
            assert (store.keys.show().key_id != key_id(DataKey(former[0]))) == rotated
    assert {path.name for path in (copy / "keys").iterdir()} == {"machine.key", "ledger.key"}
    assert ((copy / "keys" / "machine.key").read_bytes() != former[0]) == rotated
    if rotated:
        for secret in former:
            assert not any(secret in path.read_bytes() for path in copy.rglob("*.*"))
        (copy / "stolen.key").write_bytes(former[0])
        (copy / "stolen.key").chmod(0o600)
        with pytest.raises(IntegrityError, match="another machine key"):
            Store.open(copy, clock, KeyFileSource(copy / "stolen.key"))


def test_a_killed_rotation_of_the_machine_key_is_finished_or_undone(clock, former, tmp_path):
    copies = kill_at_each_step(tmp_path, "machine")
    steps = list(copies.values())
    commit = steps.index("commit", steps.index("sql"))
    assert steps[commit:] == [
        "commit",
        "os.link",
        "os.rename",
        "open machine.key.old",
        "os.remove",
        "through",
    ]
    for number, copy in enumerate(copies):
        check_opens(copy, clock, former, rotated=number > commit)


@pytest.mark.slow
def test_who_is_killed_while_finishing_that_leaves_it_to_the_next(clock, former, tmp_path):
    copies = kill_at_each_step(tmp_path, "machine")
    again = tmp_path / "again"
    again.mkdir()
    for copy, step in list(copies.items())[-6:]:
        shutil.copytree(copy, again / f"home-before-{step.replace(' ', '-')}")
    for copy in kill_at_each_step(again, "open"):
        check_opens(copy, clock, former, rotated="before-commit" not in copy.name)


def test_a_killed_rotation_of_a_lists_key_changes_all_or_nothing(clock, former, tmp_path):
    copies = kill_at_each_step(tmp_path, "list")
    assert list(copies.values()).count("sql") >= 4
    for copy, step in copies.items():
        with Store.open(copy, clock) as store:
            check_whole(store)
            assert kinds(store).count(RecordKind.KEY_ROTATED) == (step == "through")
