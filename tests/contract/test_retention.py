"""What every store keeps to about deletion: what is due goes, on record, with a receipt."""

import numpy as np
import pytest

from fixtures.postgresql import both_databases
from overt.cli import wiring
from overt.cli.demo_force import DemoForce
from overt.core.ids import ContractId, EntryId, Sha256, WatchlistId
from overt.retention.receipts import Promise, Remainder
from overt.retention.schedule import Subject
from overt.store.medium_files import look_at
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

DAY_S = 24 * 3600.0

pytestmark = both_databases


@pytest.fixture
def medium(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("who,why\n")
    return path


@pytest.fixture
def store(open_store, clock, authorised, medium):
    """A store with a deployment that went live, its list, and the medium of that."""
    template = np.eye(1, 128, dtype=np.float32)[0]
    references = (StoredReference(template, b"a picture"),)
    entries = tuple(StoredEntry(EntryId(f"e-{n}"), "Somebody", references) for n in range(3))
    listed = StoredWatchlist(
        WatchlistId("list"), "the list", ContractId("contract"), Sha256("a" * 64), entries
    )
    with open_store() as opened:
        found = authorised(opened, clock, listed)
        opened.imports.remember(listed.id, [look_at(medium)])
        with opened.imports.importing(WatchlistId("half")) as staging:
            staging.keep([(Sha256("a" * 64), entries[0])])
        found.go_live()
        yield opened


def test_what_is_due_goes_with_receipts_and_the_rest_stays(store, clock, medium):
    assert store.sweeper.sweep().begun == ()
    clock.advance(2 * DAY_S)
    swept = store.sweeper.sweep()
    assert {each.what for each in swept.begun} == {Subject.LIST, Subject.MEDIUM, Subject.IMPORT}
    assert sorted(e.begun.id for e in swept.receipts) == sorted(e.id for e in swept.begun)
    assert not medium.exists()
    assert store.watchlists.list() == ()
    left = {each.kept.what for each in store.sweeper.status().standings}
    assert left == {Subject.MEMBERS, Subject.MEMBERSHIP}
    clock.advance(400 * DAY_S)
    gone = {each.what for each in store.sweeper.sweep().begun}
    assert gone == {Subject.MEMBERS, Subject.MEMBERSHIP}
    assert store.sweeper.status().standings == ()
    store.verify()


def test_a_receipt_names_the_database_and_what_it_cannot_promise(store, clock):
    clock.advance(2 * DAY_S)
    receipts = store.sweeper.sweep().receipts
    of_list = next(each for each in receipts if each.begun.what is Subject.LIST)
    assert of_list.database.split()[0] in {"SQLite", "PostgreSQL"}
    assert {Promise.ROWS_DELETED, Promise.KEY_DESTROYED} <= set(of_list.promises)
    assert len(of_list.promises) > 2
    assert {Remainder.BACKUP, Remainder.SNAPSHOT} <= set(of_list.exceptions)
    assert of_list.begun.rows["watchlist_entries"] == 3
    assert store.deletions.get(of_list.begun.id).receipt == of_list


def test_a_demonstration_force_alone_leaves_nothing_to_delete(open_store, clock):
    pack = (wiring.policy_folder() / "uk-police.toml").read_bytes()
    with open_store() as opened:
        DemoForce(opened, clock, pack)
        clock.advance(5000 * DAY_S)
        assert opened.sweeper.sweep().begun == ()
        opened.verify()
