"""What every store keeps to, on every database: ``RunSink``, ``AlertSink``, lists, reading back."""

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fixtures.postgresql import both_databases
from overt.alerts.alert import Alert, AlertPictures, FalseAlertRate
from overt.alerts.ports import RunStart, StopReason
from overt.core.clock import ManualClock
from overt.core.counts import FaceCounts
from overt.core.errors import InputError, IntegrityError, ReconciliationError
from overt.core.ids import (
    AlertId,
    CameraId,
    ContractId,
    DeploymentId,
    EntryId,
    KinGroup,
    Sha256,
    TrackId,
    WatchlistId,
)
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord, parse_counts
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)

pytestmark = both_databases
TOTALS = FaceCounts(
    frames_read=120,
    frames_dropped=2,
    detections=40,
    faces_detected=5,
    faces_rejected=1,
    rejected_by_reason={"too_small": 1},
    faces_compared=4,
    faces_alerted=1,
    faces_erased=3,
    repeats=1,
)


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def store(open_store):
    with open_store() as opened:
        yield opened


def start_of(deployment="d-1", capability="c" * 64):
    return RunStart(
        deployment=DeploymentId(deployment),
        capability_json=b'{"cameras":["gate"]}',
        capability_sha256=Sha256(capability),
        watchlist_sha256=Sha256("a" * 64),
        contract=ContractId("contract"),
        threshold=0.5,
        cameras=(CameraId("gate"),),
        started_utc=NOON,
        software={"embedder": Sha256("e" * 64)},
    )


def alert_of(name="alert-1", **changes):
    values = {
        "id": AlertId(name),
        "deployment": DeploymentId("d-1"),
        "camera": CameraId("gate"),
        "entry": EntryId("e-1"),
        "track": TrackId(4),
        "captured_utc": NOON,
        "media_time_s": 1 / 3,
        "frame_sequence": 10,
        "similarity": 0.1 + 0.5,
        "threshold": 0.5,
        "margin": 0.07,
        "n_shots": 2,
        "calibrated_rate": FalseAlertRate(20_000, "evaluation"),
        "latency_s": 0.0314,
        "face_box_px": (-3, 20, 60, 90),
    }
    return Alert(**(values | changes))


def smooth_pictures():
    """Return pictures that JPEG hardly changes."""
    ramp = np.linspace(0, 255, 96, dtype=np.uint8)
    face = np.ascontiguousarray(np.broadcast_to(ramp[:, None, None], (96, 80, 3)))
    scene = np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], (54, 96, 3)))
    return AlertPictures(face, scene)


@pytest.fixture
def run(store):
    sink = store.run()
    sink.start(start_of())
    return sink


def records_of(store):
    return [LedgerRecord.parse(record) for record in store.ledger.records()]


# Alerts


@pytest.mark.parametrize(
    "changes",
    [{}, {"margin": None}, {"calibrated_rate": None}, {"margin": 0.0, "similarity": -0.25}],
)
def test_an_alert_comes_back_as_it_was_raised(store, run, changes):
    alert = alert_of(**changes)
    run.raise_alert(alert, smooth_pictures())
    assert store.alerts.get(alert.id) == alert
    assert store.alerts.list(alert.deployment) == (alert,)


def test_the_pictures_come_back_as_a_person_would_see_them(store, run):
    pictures = smooth_pictures()
    run.raise_alert(alert_of(), pictures)
    read = store.alerts.pictures(AlertId("alert-1"))
    for kept, given in ((read.face, pictures.face), (read.scene, pictures.scene)):
        assert kept.shape == given.shape
        assert np.abs(kept.astype(int) - given).max() <= 6


def test_an_alert_is_there_for_whoever_opens_the_store_next(open_store):
    with open_store() as store:
        run = store.run()
        run.start(start_of())
        run.raise_alert(alert_of(), smooth_pictures())
    with open_store() as store:
        assert store.alerts.get(AlertId("alert-1")) == alert_of()
        assert store.alerts.pictures(AlertId("alert-1")).face.shape == (96, 80, 3)


def test_alerts_are_listed_in_the_order_they_were_raised(store, run):
    for name in ("b", "c", "a"):
        run.raise_alert(alert_of(name), smooth_pictures())
    assert [alert.id for alert in store.alerts.list()] == ["b", "c", "a"]


def test_each_deployment_has_its_own_alerts(store, run):
    other = store.run()
    other.start(start_of("d-2"))
    run.raise_alert(alert_of("a"), smooth_pictures())
    other.raise_alert(alert_of("b", deployment=DeploymentId("d-2")), smooth_pictures())
    assert [alert.id for alert in store.alerts.list(DeploymentId("d-2"))] == ["b"]
    assert len(store.alerts.list()) == 2


def test_what_is_not_there_is_none(store):
    assert store.alerts.list(DeploymentId("d-9")) == ()
    assert store.alerts.get(AlertId("nothing")) is None
    assert store.alerts.pictures(AlertId("nothing")) is None


def test_an_alert_is_raised_once(store, run):
    run.raise_alert(alert_of(), smooth_pictures())
    with pytest.raises(InputError):
        run.raise_alert(alert_of(), smooth_pictures())
    assert store.verify().n_records == 2


def test_an_alert_of_another_deployment_is_refused(store, run):
    with pytest.raises(InputError):
        run.raise_alert(alert_of(deployment=DeploymentId("d-2")), smooth_pictures())
    assert store.alerts.list() == ()


def test_repeats_are_folded_into_their_alert(store, run):
    run.raise_alert(alert_of(), smooth_pictures())
    for n, similarity in enumerate((0.7, 0.55), start=1):
        run.fold_repeat(AlertId("alert-1"), NOON + timedelta(seconds=n), similarity)
    alert = store.alerts.get(AlertId("alert-1"))
    assert (alert.n_repeats, alert.last_repeat_similarity) == (2, 0.55)
    assert alert.last_repeat_utc == NOON + timedelta(seconds=2)
    repeats = [r.body["repeat"] for r in records_of(store) if r.kind is RecordKind.ALERT_REPEATED]
    assert repeats == [1, 2]
    store.verify()


@pytest.mark.parametrize("deployment", ["d-1", "d-2"])
def test_a_repeat_of_what_was_not_raised_here_is_refused(store, run, deployment):
    other = store.run()
    other.start(start_of("d-2"))
    other.raise_alert(alert_of("theirs", deployment=DeploymentId("d-2")), smooth_pictures())
    wanted = {"d-1": "nothing", "d-2": "theirs"}[deployment]
    with pytest.raises(InputError):
        run.fold_repeat(AlertId(wanted), NOON, 0.7)


def test_threads_raise_alerts_side_by_side(store, run):
    def raise_some(name):
        for n in range(5):
            run.raise_alert(alert_of(f"{name}-{n}"), smooth_pictures())

    threads = [threading.Thread(target=raise_some, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.alerts.list()) == 20
    assert store.verify().n_records == 21


# Runs


def test_a_run_is_closed_with_its_totals_and_a_checkpoint(store, run):
    run.minute(NOON, TOTALS)
    run.stop(TOTALS, StopReason.FINISHED, NOON)
    started, minute, stopped = records_of(store)
    assert started.body["threshold_micro"] == 500_000
    assert parse_counts(minute.body["counts"]) == TOTALS
    assert parse_counts(stopped.body["totals"]) == TOTALS
    assert (stopped.body["reason"], stopped.body["reconciled"]) == ("finished", True)
    assert store.verify().n_checkpointed == 3


def test_a_run_is_closed_once(store, run):
    run.stop(TOTALS, StopReason.INTERRUPTED, NOON)
    run.stop(TOTALS, StopReason.FAILED, NOON)
    assert [r.body["reason"] for r in records_of(store)[1:]] == ["interrupted"]


def test_counts_that_contradict_each_other_are_recorded_and_reported(store, run):
    wrong = FaceCounts(faces_detected=2, faces_compared=1, faces_erased=1)
    with pytest.raises(ReconciliationError):
        run.stop(wrong, StopReason.FINISHED, NOON)
    assert records_of(store)[-1].body["reconciled"] is False
    assert store.verify().n_checkpointed == 2


def test_a_refusal_is_recorded_before_and_during_a_run(store):
    run = store.run()
    run.refuse("capability.expired", NOON)
    run.start(start_of())
    run.refuse("camera.not_named", NOON)
    before, _, during = records_of(store)
    assert before.body == {"deployment": None, "rule": "capability.expired", "run": None}
    assert during.body["deployment"] == "d-1"


def test_nothing_happens_in_a_run_that_was_not_started(store):
    run = store.run()
    for act in (
        lambda: run.minute(NOON, TOTALS),
        lambda: run.raise_alert(alert_of(), smooth_pictures()),
        lambda: run.fold_repeat(AlertId("alert-1"), NOON, 0.7),
        lambda: run.stop(TOTALS, StopReason.FINISHED, NOON),
    ):
        with pytest.raises(InputError):
            act()
    assert records_of(store) == []


def test_a_run_is_started_once(run):
    with pytest.raises(InputError):
        run.start(start_of())


def test_a_deployment_runs_again_under_its_capability_and_under_no_other(store, run):
    run.stop(TOTALS, StopReason.FINISHED, NOON)
    store.run().start(start_of())
    with pytest.raises(IntegrityError, match="another capability"):
        store.run().start(start_of(capability="d" * 64))


def test_a_deployment_whose_key_was_destroyed_keeps_its_record_and_loses_its_pictures(store, run):
    run.raise_alert(alert_of(), smooth_pictures())
    run.stop(TOTALS, StopReason.FINISHED, NOON)
    assert store.destroy_deployment_key(DeploymentId("d-1"))
    assert not store.destroy_deployment_key(DeploymentId("d-1"))
    assert store.alerts.pictures(AlertId("alert-1")) is None
    assert store.alerts.get(AlertId("alert-1")) == alert_of()
    store.verify()
    with pytest.raises(IntegrityError, match="destroyed"):
        store.run().start(start_of())


# Watchlists


def list_of(*names, manifest="a" * 64):
    entries = tuple(
        StoredEntry(
            entry=EntryId(name),
            label=f"label of {name}",
            references=tuple(
                StoredReference(np.full(128, value, np.float32), bytes([number]) * 30)
                for number, value in enumerate((0.5, -0.25))
            ),
            expires_utc=NOON if name == "e-2" else None,
            kin_group=KinGroup("k") if name == "e-2" else None,
        )
        for name in names
    )
    return StoredWatchlist(
        WatchlistId("list"), "the list", ContractId("contract"), Sha256(manifest), entries
    )


def plain(watchlist):
    """Return a list as values that compare."""
    return (
        (watchlist.id, watchlist.name, watchlist.contract, watchlist.manifest_sha256),
        [
            (
                entry.entry,
                entry.label,
                [(r.template.tobytes(), r.picture_jpeg) for r in entry.references],
                entry.expires_utc,
                entry.kin_group,
            )
            for entry in watchlist.entries
        ],
    )


@pytest.mark.parametrize("names", [(), ("e-1",), ("e-1", "e-2", "e-3")])
def test_a_list_comes_back_as_it_was_saved(open_store, names):
    with open_store() as store:
        store.watchlists.save(list_of(*names))
    with open_store() as store:
        assert plain(store.watchlists.load(WatchlistId("list"))) == plain(list_of(*names))


def test_a_list_that_is_not_there_is_none(store):
    assert store.watchlists.load(WatchlistId("nothing")) is None


def test_saving_another_list_under_the_name_replaces_it(store):
    store.watchlists.save(list_of("e-1", "e-2"))
    store.watchlists.save(list_of("e-3", manifest="b" * 64))
    assert plain(store.watchlists.load(WatchlistId("list"))) == plain(
        list_of("e-3", manifest="b" * 64)
    )


def test_a_list_whose_key_was_destroyed_is_gone_and_can_be_saved_anew(store):
    store.watchlists.save(list_of("e-1"))
    assert store.watchlists.destroy_key(WatchlistId("list"))
    assert not store.watchlists.destroy_key(WatchlistId("list"))
    assert store.watchlists.load(WatchlistId("list")) is None
    store.watchlists.save(list_of("e-1"))
    assert plain(store.watchlists.load(WatchlistId("list"))) == plain(list_of("e-1"))
