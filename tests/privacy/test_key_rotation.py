"""Once a key was replaced or destroyed, what it opened is closed, in every file of the store.

The search tries a key at every byte of the files, as somebody with a copy of it would.
"""

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import select

from overt.alerts.alert import Alert, AlertPictures
from overt.alerts.ports import RunStart, StopReason
from overt.core.clock import ManualClock
from overt.core.counts import FaceCounts
from overt.core.errors import IntegrityError
from overt.core.ids import DeploymentId, WatchlistId
from overt.store.keys import NONCE_BYTES, DataKey, place_of
from overt.store.models import AlertPictureRow, WatchlistEntryRow, WatchlistRow
from overt.store.store import Store
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WRAPPED_BYTES = NONCE_BYTES + 32 + 16
PLACES = [
    place_of("deployments", "d-1", "wrapped_key"),
    place_of("watchlists", "list", "wrapped_key"),
    place_of("watchlists", "other", "wrapped_key"),
]


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def open_store(home):
    return lambda: Store.open(home, ManualClock(NOON))


@pytest.fixture
def used(open_store):
    """Two lists and a deployment with an alert; no run is open."""
    with open_store() as store:
        for name in ("list", "other"):
            reference = StoredReference(np.zeros(4, np.float32), b"picture")
            entries = tuple(StoredEntry(f"e-{n}", f"label {n}", (reference,)) for n in range(3))
            store.watchlists.save(StoredWatchlist(name, name, "contract", "a" * 64, entries))
        run = store.run()
        run.start(RunStart("d-1", b"{}", "c" * 64, "a" * 64, "contract", 0.5, ("gate",), NOON, {}))
        box = (0, 0, 9, 9)
        run.raise_alert(
            Alert("a", "d-1", "gate", "e-1", 1, NOON, 0.0, 0, 0.6, 0.5, None, 1, None, 0.0, box),
            AlertPictures(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)),
        )
        run.stop(FaceCounts(), StopReason.FINISHED, NOON)


def opened_by(key, home):
    """Return the places whose keys a machine key still unwraps, wherever they lie in a file."""
    machine_key, found = DataKey(key), set()
    for path in home.glob("overt.sqlite3*"):
        data = path.read_bytes()
        for start in range(len(data) - WRAPPED_BYTES):
            piece = data[start : start + WRAPPED_BYTES]
            # A wrapped key is random: what is mostly zero is none, and is most of a small file.
            if piece.count(0) > 8:
                continue
            for place in PLACES:
                try:
                    machine_key.unwrap(piece, place)
                except IntegrityError:
                    continue
                found.add(place)
    return found


def stands_in_a_file(home, secret):
    return any(secret in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_a_former_machine_key_opens_nothing_in_any_file(home, open_store, used):
    former = (home / "keys" / "machine.key").read_bytes()
    with open_store() as store:
        assert opened_by(former, home) == set(PLACES)
        store.keys.rotate_machine_key()
        assert opened_by(former, home) == set()
    assert opened_by(former, home) == set()
    assert not stands_in_a_file(home, former)
    present = (home / "keys" / "machine.key").read_bytes()
    assert opened_by(present, home) == set(PLACES)


def test_the_former_key_of_a_list_and_what_it_sealed_are_in_no_file(home, open_store, used):
    with open_store() as store:
        with store._database.read() as session:
            of_list = WatchlistEntryRow.watchlist_id == "list"
            former = [
                *session.scalars(select(WatchlistEntryRow.ciphertext).where(of_list)),
                *session.scalars(select(WatchlistRow.wrapped_key).where(WatchlistRow.id == "list")),
            ]
        assert len(former) == 4
        assert all(stands_in_a_file(home, each) for each in former)
        store.keys.rotate_list_key(WatchlistId("list"))
        assert not any(stands_in_a_file(home, each) for each in former)
    assert not any(stands_in_a_file(home, each) for each in former)


def test_destroying_one_lists_key_leaves_the_others_readable(home, open_store, used):
    key = (home / "keys" / "machine.key").read_bytes()
    with open_store() as store:
        assert store.watchlists.destroy_key(WatchlistId("list"))
        assert store.watchlists.load(WatchlistId("list")) is None
        assert len(store.watchlists.load(WatchlistId("other")).entries) == 3
        assert store.alerts.pictures("a") is not None
    assert opened_by(key, home) == {PLACES[0], PLACES[2]}
    with open_store() as store:
        store.keys.rotate_machine_key()
    with open_store() as store:
        assert store.watchlists.load(WatchlistId("list")) is None
        assert len(store.watchlists.load(WatchlistId("other")).entries) == 3


def test_destroying_a_deployments_key_leaves_the_lists_readable(home, open_store, used):
    key = (home / "keys" / "machine.key").read_bytes()
    with open_store() as store:
        assert store.destroy_deployment_key(DeploymentId("d-1"))
        assert store.alerts.pictures("a") is None
        with store._database.read() as session:
            assert session.scalars(select(AlertPictureRow.ciphertext)).all() == []
        assert len(store.watchlists.load(WatchlistId("list")).entries) == 3
    assert opened_by(key, home) == set(PLACES[1:])
