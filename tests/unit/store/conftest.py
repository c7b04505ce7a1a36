"""Examples that the store's unit tests share."""

import itertools
from datetime import UTC, datetime

import numpy as np
import pytest

from overt.alerts.alert import Alert, AlertPictures, FalseAlertRate
from overt.alerts.lifecycle import AlertEvent
from overt.alerts.ports import RunStart, StopReason
from overt.alerts.steps import StepRequest, StepRules
from overt.core.clock import ManualClock
from overt.core.counts import FaceCounts
from overt.core.ids import (
    AlertId,
    CameraId,
    ContractId,
    DeploymentId,
    EntryId,
    Sha256,
    TrackId,
    WatchlistId,
)
from overt.policy.roles import Role
from overt.policy.verdict import ALLOWED
from overt.store.opening import open_database
from overt.store.store import Store
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

NOTE = "said that she is Josephine"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Examples:
    """Makes values that differ from call to call, the same in every run."""

    noon = NOON
    note = NOTE

    def __init__(self):
        self._numbers = itertools.count()
        self._random = np.random.default_rng(7)

    def run(self, **changes):
        values = {
            "deployment": DeploymentId("d-1"),
            "capability_json": b"{}",
            "capability_sha256": Sha256("c" * 64),
            "watchlist_sha256": Sha256("a" * 64),
            "contract": ContractId("contract"),
            "threshold": 0.5,
            "cameras": (CameraId("gate"),),
            "started_utc": NOON,
            "software": {"detector": Sha256("d" * 64)},
        }
        return RunStart(**(values | changes))

    def alert(self, **changes):
        number = next(self._numbers)
        values = {
            "id": AlertId(f"alert-{number}"),
            "deployment": DeploymentId("d-1"),
            "camera": CameraId("gate"),
            "entry": EntryId("e-1"),
            "track": TrackId(number),
            "captured_utc": NOON,
            "media_time_s": 1.5,
            "frame_sequence": 45,
            "similarity": 0.61,
            "threshold": 0.5,
            "margin": 0.1,
            "n_shots": 2,
            "calibrated_rate": FalseAlertRate(20_000, "evaluation"),
            "latency_s": 0.031,
            "face_box_px": (10, 20, 60, 90),
        }
        return Alert(**(values | changes))

    def pictures(self, height_px=64, width_px=48):
        face = self._random.integers(0, 256, (height_px, width_px, 3), np.uint8)
        scene = self._random.integers(0, 256, (90, 160, 3), np.uint8)
        return AlertPictures(face, scene)

    def watchlist(self, n_entries=3, **changes):
        values = {
            "id": WatchlistId("list"),
            "name": "the list",
            "contract": ContractId("contract"),
            "manifest_sha256": Sha256("a" * 64),
            "entries": tuple(self.entry(f"e-{n:04}") for n in range(n_entries)),
        }
        return StoredWatchlist(**(values | changes))

    def entry(self, entry_id):
        template = self._random.normal(size=128).astype(np.float32)
        template /= np.linalg.norm(template)
        references = (StoredReference(template, self._random.bytes(200)),)
        return StoredEntry(EntryId(entry_id), f"label of {entry_id}", references)


@pytest.fixture
def examples():
    return Examples()


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


ON_BOTH = {
    "test_crash",
    "test_forget_tests",
    "test_holds",
    "test_imports",
    "test_ledger",
    "test_ledger_records",
    "test_life_race",
    "test_looks",
    "test_registering",
    "test_rotation",
    "test_runs",
    "test_step_race",
    "test_sweeping",
    "test_watchlist_lives",
}
"""Modules whose tests run on PostgreSQL too, among the long ones."""


def pytest_generate_tests(metafunc):
    if metafunc.module.__name__.rpartition(".")[2] in ON_BOTH and "home" in metafunc.fixturenames:
        both = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
        metafunc.parametrize("database_url", both, indirect=True)


@pytest.fixture(autouse=True)
def each_home_on_a_server(request, database_url, monkeypatch):
    """Where a test runs on PostgreSQL, give each of its homes a database there."""
    if database_url is None:
        return
    server, urls = request.getfixturevalue("postgresql_server"), {}

    def open_there(home, source, asked):
        if asked is None and home not in urls:
            urls[home] = database_url if not urls else server.url(server.new_database())
        return open_database(home, source, asked or urls[home])

    monkeypatch.setattr("overt.store.store.open_database", open_there)


@pytest.fixture
def store(home, clock, prepared_homes, database_url):
    """A store without anything in it, unless the test has a home with something."""
    if not home.exists() and database_url is None:
        prepared_homes.copy("nothing", lambda place: Store.open(place, clock).close(), home)
    with Store.open(home, clock) as opened:
        yield opened


@pytest.fixture
def running(store, examples):
    """A run that was started."""
    run = store.run()
    run.start(examples.run())
    return run


@pytest.fixture
def deployed(store, clock, authorised, examples):
    """A deployment that is ready, of an hour from noon."""
    return authorised(store, clock, examples.watchlist())


@pytest.fixture
def alerts(deployed, store, examples):
    """Two alerts of the deployment, the first with a note; its run is over, it is not ended."""
    deployed.go_live()
    run = store.run()
    run.start(
        examples.run(
            capability_json=deployed.file,
            capability_sha256=deployed.life.authority.capability_sha256,
            watchlist_sha256=deployed.capability.watchlist_sha256,
        )
    )
    raised = [examples.alert(entry=deployed.watchlist.entries[0].entry) for _ in range(2)]
    for alert in raised:
        run.raise_alert(alert, examples.pictures())
    run.stop(FaceCounts(), StopReason.FINISHED, examples.noon)
    store._run_lock.release()
    officer = next(
        each.id for each in store.people.list() if each.grants[0].role is Role.ENGAGEMENT_OFFICER
    )
    rules = StepRules(n_reviews=1, note_limit_chars=200, check_review=lambda facts: ALLOWED)
    store.alert_steps.take(raised[0].id, StepRequest(AlertEvent.TRUE, NOTE), officer, rules)
    return raised
