"""Whose key a store is under, and what a rotation does to those who have it open."""

import ast
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from overt.alerts.ports import StopReason
from overt.core.counts import FaceCounts
from overt.core.errors import InputError, IntegrityError, StateError, StorageError
from overt.core.ids import DeploymentId, PersonId, Sha256, WatchlistId
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.store import rotation
from overt.store.base import Base
from overt.store.keys import DataKey, create_key_file, key_id
from overt.store.machine_key import EnvironmentSource, KeyFileSource
from overt.store.member_secret import MEMBER_SECRET
from overt.store.members import keep_members
from overt.store.models import StoreFactRow
from overt.store.rotation import WrappedKeys, owner_column, wrapping_tables
from overt.store.store import Store
from overt.watchlist.importing import NotEnrolled


@pytest.fixture
def key_file(home):
    return home / "keys" / "machine.key"


@pytest.fixture
def kept(store, running, examples):
    """A list and an alert under keys of their own, and no run open."""
    store.watchlists.save(examples.watchlist())
    running.raise_alert(examples.alert(), examples.pictures())
    running.stop(FaceCounts(), StopReason.FINISHED, examples.noon)
    store._run_lock.release()


def test_what_is_shown_names_the_key_and_counts_what_it_wraps(store, kept, key_file):
    shown = store.keys.show()
    assert shown.source == "the key file machine.key"
    assert shown.key_id == key_id(DataKey(key_file.read_bytes()))
    assert shown.wrapped == {
        "deployments": WrappedKeys(1, 0),
        "watchlist_imports": WrappedKeys(0, 0),
        "watchlists": WrappedKeys(1, 0),
    }
    store.destroy_deployment_key(DeploymentId("d-1"))
    assert store.keys.show().wrapped["deployments"] == WrappedKeys(0, 1)


def test_a_keys_id_is_no_plain_digest_of_it(store, key_file):
    import hashlib

    shown = store.keys.show().key_id
    for digest in ("sha256", "sha512", "sha1", "md5"):
        assert shown not in hashlib.new(digest, key_file.read_bytes()).hexdigest()


def test_every_wrapped_key_has_one_owner(store):
    assert [table.name for table in wrapping_tables()] == [
        "deployments",
        "watchlist_imports",
        "watchlists",
    ]
    assert all(owner_column(table).primary_key for table in wrapping_tables())
    columns = {
        column.name
        for table in Base.metadata.tables.values()
        for column in table.columns
        if "key" in column.name
    }
    assert columns == {"wrapped_key", "key_id", "verifier_key"}


def test_whoever_wraps_a_key_is_known_here():
    # A new one keeps it in a column called wrapped_key, or is called by wrap_anew.
    folder = Path(rotation.__file__).parent
    wrapping = {
        path.name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "wrap"
    }
    in_columns = {
        "deployments.py",
        "erasing.py",
        "imports.py",
        "watchlists.py",
        "watchlist_rows.py",
    }
    assert wrapping - {"rotation.py"} - in_columns <= {"member_secret.py", "sealed_reasons.py"}


def test_after_a_rotation_everything_is_there_under_the_new_key(home, clock, store, kept, key_file):
    before = key_file.read_bytes()
    fresh = store.keys.rotate_machine_key(PersonId("admin-1"))
    store.close()
    with Store.open(home, clock) as again:
        assert len(again.watchlists.load(WatchlistId("list")).entries) == 3
        (alert,) = again.alerts.list()
        assert again.alerts.pictures(alert.id) is not None
        assert again.keys.show().key_id == fresh == key_id(DataKey(key_file.read_bytes()))
        assert key_file.read_bytes() != before
        last = LedgerRecord.parse(list(again.ledger.records())[-1])
        assert last.kind is RecordKind.KEY_ROTATED
        assert last.body == {
            "scope": "machine",
            "owner": None,
            "key_id": fresh,
            "by": "admin-1",
        }
        state = again.verify()
        assert state.n_checkpointed == state.n_records


def test_lists_are_still_compared_after_a_rotation(home, clock, store):
    people = [("PNC", "1"), ("PNC", "2")]
    first, second, third = (Sha256(each * 64) for each in "abc")

    def keep(to, manifest, listed):
        with to.ledger.transaction() as work:
            keep_members(work.session, to._machine_key, manifest, listed, clock.now_utc())

    keep(store, first, people)
    keep(store, second, people[:1])
    with store._database.read() as session:
        sealed = session.get(StoreFactRow, MEMBER_SECRET).value
    store.keys.rotate_machine_key()
    store.close()
    with Store.open(home, clock) as again:
        keep(again, third, people[1:])
        assert again.members.in_common(first, second).share == 0.5
        assert again.members.in_common(first, third).share == 0.5
        assert again.members.in_common(second, third).share == 0
        with again._database.read() as session:
            assert session.get(StoreFactRow, MEMBER_SECRET).value != sealed


def test_an_import_goes_on_after_a_rotation(home, clock, store):
    row, verdict = Sha256("c" * 64), NotEnrolled("no face")
    with store.imports.importing(WatchlistId("list")) as import_:
        import_.keep([(row, verdict)])
        with Store.open(home, clock) as other:
            other.keys.rotate_machine_key()
        with pytest.raises(StorageError, match="was rotated while this process"):
            import_.keep([(Sha256("d" * 64), verdict)])
    store.close()
    with Store.open(home, clock) as again, again.imports.importing(WatchlistId("list")) as import_:
        assert import_.find(row) == verdict
        assert import_.find(Sha256("d" * 64)) is None


def test_rotating_again_and_again_is_possible(home, clock, store, kept):
    ids = set()
    store.close()
    for _ in range(3):
        with Store.open(home, clock) as again:
            ids.add(again.keys.rotate_machine_key())
    assert len(ids) == 3


def test_a_destroyed_key_stays_destroyed(home, clock, store, kept):
    store.destroy_deployment_key(DeploymentId("d-1"))
    store.keys.rotate_machine_key()
    store.close()
    with Store.open(home, clock) as again:
        assert again.keys.show().wrapped["deployments"] == WrappedKeys(0, 1)
        assert again.keys.show().wrapped["watchlists"] == WrappedKeys(1, 0)


def test_a_destroyed_deployments_key_is_recorded_once(store, kept):
    for had_key in (True, False):
        assert store.destroy_deployment_key(DeploymentId("d-1"), PersonId("admin-1")) == had_key
    records = [LedgerRecord.parse(record) for record in store.ledger.records()]
    (destroyed,) = [each for each in records if each.kind is RecordKind.KEY_DESTROYED]
    assert destroyed.body == {"scope": "deployment", "owner": "d-1", "by": "admin-1"}
    store.verify()


# Those who have the store open


def test_nothing_is_rotated_while_a_run_is_open(home, clock, store, running, examples, key_file):
    store.watchlists.save(examples.watchlist())
    before = key_file.read_bytes()
    with Store.open(home, clock) as other:
        for each in (store, other):
            with pytest.raises(StateError, match="A run is open"):
                each.keys.rotate_machine_key()
            with pytest.raises(StateError, match="A run is open"):
                each.keys.rotate_list_key(WatchlistId("list"))
    assert key_file.read_bytes() == before
    running.raise_alert(examples.alert(), examples.pictures())


def test_no_run_begins_while_keys_are_rotated(home, clock, store, kept):
    with (
        Store.open(home, clock) as other,
        store.keys._no_run(),
        pytest.raises(StorageError, match="or is rotating its keys"),
    ):
        other.run()


def test_who_had_the_store_open_writes_nothing_more_under_the_former_key(
    home, clock, store, kept, examples
):
    with Store.open(home, clock) as other:
        other.keys.rotate_machine_key()
    for act in (
        lambda: store.watchlists.save(examples.watchlist(id=WatchlistId("another"))),
        lambda: store.watchlists.load(WatchlistId("list")),
        store.alerts.list,
        store.keys.rotate_machine_key,
        store.run,
    ):
        with pytest.raises(StorageError, match="was rotated while this process"):
            act()
    store.close()
    with Store.open(home, clock) as again:
        assert [each.id for each in again.watchlists.list()] == ["list"]


def test_of_two_who_rotate_at_once_one_does_and_the_other_is_told(home, clock, store, kept):
    stores = [Store.open(home, clock) for _ in range(4)]
    start = threading.Barrier(len(stores))
    came_to = []

    def rotate(each):
        start.wait()
        try:
            came_to.append(each.keys.rotate_machine_key())
        except (StateError, StorageError) as error:
            came_to.append(type(error))

    threads = [threading.Thread(target=rotate, args=[each]) for each in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in (*stores, store):
        each.close()
    (winner,) = [each for each in came_to if isinstance(each, str)]
    with Store.open(home, clock) as again:
        assert again.keys.show().key_id == winner
        assert len(again.watchlists.load(WatchlistId("list")).entries) == 3
        again.verify()


def test_an_open_waits_for_a_rotation_that_is_under_way_and_no_longer(
    home, clock, store, kept, key_file, monkeypatch
):
    create_key_file(key_file.with_name("machine.key.next"))
    monkeypatch.setattr(rotation, "LOCK_ATTEMPTS", 2)
    with (
        rotation.changing_keys(key_file.parent),
        pytest.raises(StorageError, match="is rotating the machine key"),
    ):
        Store.open(home, clock)
    assert key_file.with_name("machine.key.next").exists()
    Store.open(home, clock).close()
    assert not key_file.with_name("machine.key.next").exists()


# What does not fit


def test_a_key_that_is_not_this_stores_is_told_before_anything_else(
    home, clock, store, kept, alter
):
    store.close()
    path = home / "keys" / "other.key"
    create_key_file(path)
    # Also the ledger would be refused, but that is not reached.
    assert alter("UPDATE ledger_records SET leaf_hash = x'00'")
    with pytest.raises(IntegrityError, match="another machine's, or from before a rotation"):
        Store.open(home, clock, KeyFileSource(path))


def test_an_altered_wrapped_key_stops_a_rotation_and_nothing_is_changed(
    home, clock, store, kept, key_file, alter
):
    before = key_file.read_bytes()
    assert alter("UPDATE watchlists SET wrapped_key = zeroblob(60)")
    with pytest.raises(IntegrityError, match="altered"):
        store.keys.rotate_machine_key()
    store.close()
    with Store.open(home, clock) as again:
        (alert,) = again.alerts.list()
        assert again.alerts.pictures(alert.id) is not None
    assert key_file.read_bytes() == before
    assert {path.name for path in key_file.parent.iterdir()} == {"machine.key", "ledger.key"}


def test_the_same_key_is_no_new_one(home, clock):
    value = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
    with (
        Store.open(home, clock, EnvironmentSource(value, value)) as store,
        pytest.raises(InputError, match="the one that is in use"),
    ):
        store.keys.rotate_machine_key()


@pytest.fixture
def forget_the_fact(alter):
    """Make the store one from before it said which key it is under."""
    return lambda: alter("DELETE FROM store_facts WHERE name = 'machine_key_id'")


def test_an_older_store_is_taken_to_be_under_the_key_that_opens_it(
    home, clock, store, kept, forget_the_fact
):
    store.close()
    forget_the_fact()
    other = home / "keys" / "other.key"
    create_key_file(other)
    with pytest.raises(IntegrityError):
        Store.open(home, clock, KeyFileSource(other))
    with Store.open(home, clock) as again:
        assert len(again.watchlists.load(WatchlistId("list")).entries) == 3
    with pytest.raises(IntegrityError, match="another machine key"):
        Store.open(home, clock, KeyFileSource(other))


def test_an_older_store_without_any_key_is_taken_to_be_under_the_one_at_hand(
    home, clock, store, forget_the_fact
):
    store.close()
    forget_the_fact()
    with Store.open(home, clock) as again:
        assert again.keys.show().key_id


# A list's own key


def test_a_list_is_re_encrypted_under_a_fresh_key(home, clock, store, kept, examples):
    before = store.watchlists.load(WatchlistId("list"))
    store.watchlists.save(examples.watchlist(id=WatchlistId("another")))
    fresh = store.keys.rotate_list_key(WatchlistId("list"), PersonId("admin-1"))
    after = store.watchlists.load(WatchlistId("list"))
    assert [each.entry for each in after.entries] == [each.entry for each in before.entries]
    assert [each.label for each in after.entries] == [each.label for each in before.entries]
    assert after.manifest_sha256 == before.manifest_sha256
    assert len(store.watchlists.load(WatchlistId("another")).entries) == 3
    last = LedgerRecord.parse(list(store.ledger.records())[-1])
    assert last.body == {
        "scope": "watchlist",
        "owner": "list",
        "key_id": fresh,
        "by": "admin-1",
    }
    store.run()


def test_a_list_that_is_not_there_has_no_key_to_rotate(store, kept):
    store.watchlists.destroy_key(WatchlistId("list"))
    for name in ("list", "nobody's"):
        with pytest.raises(InputError, match="no such list, or its key was destroyed"):
            store.keys.rotate_list_key(WatchlistId(name))


def test_an_altered_entry_stops_a_lists_rotation_and_nothing_is_changed(store, kept, alter):
    assert alter("UPDATE watchlist_entries SET nonce = zeroblob(12) WHERE entry = 'e-0002'")
    with store._database.read() as session:
        before = session.execute(text("SELECT * FROM watchlist_entries")).all()
    with pytest.raises(IntegrityError):
        store.keys.rotate_list_key(WatchlistId("list"))
    with store._database.read() as session:
        assert session.execute(text("SELECT * FROM watchlist_entries")).all() == before
