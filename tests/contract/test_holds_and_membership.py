"""Holds, registers of who was on a list, and traces; on every database."""

from datetime import timedelta

import numpy as np
import pytest

from fixtures.postgresql import both_databases
from overt.alerts.alert import Alert, AlertPictures
from overt.alerts.ports import RunStart, StopReason
from overt.core.counts import FaceCounts
from overt.core.ids import AlertId, CameraId, ContractId, EntryId, Sha256, TrackId, WatchlistId
from overt.deployment.acts import End
from overt.policy.roles import Grant, Person, Role
from overt.retention.holds import HoldGround
from overt.retention.schedule import Owner, OwnerKind
from overt.store.holds import Asked
from overt.store.memberships import Membership, MembershipGround
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

pytestmark = both_databases

ALERT = AlertId("5eed")


@pytest.fixture
def deployed(open_store, clock, authorised):
    """A deployment with one alert, that has ended."""
    references = (StoredReference(np.eye(1, 128, dtype=np.float32)[0], b"a picture"),)
    entries = tuple(StoredEntry(EntryId(f"e-{n}"), "Somebody", references) for n in range(3))
    listed = StoredWatchlist(
        WatchlistId("list"), "the list", ContractId("contract"), Sha256("a" * 64), entries
    )
    with open_store() as store:
        found = authorised(store, clock, listed)
        found.beat()
        found.go_live()
        raise_alert(found, clock.now_utc())
        found.act(End("Over."), found.force.operator)
        yield found


def raise_alert(found, now_utc):
    run = found.store.run()
    run.start(
        RunStart(
            deployment=found.id,
            capability_json=found.file,
            capability_sha256=Sha256(found.life.authority.capability_sha256),
            watchlist_sha256=found.capability.watchlist_sha256,
            contract=ContractId("contract"),
            threshold=0.45,
            cameras=(CameraId("gate"),),
            started_utc=now_utc,
            software={},
        )
    )
    alert = Alert(
        id=ALERT,
        deployment=found.id,
        camera=CameraId("gate"),
        entry=found.watchlist.entries[0].entry,
        track=TrackId(1),
        captured_utc=now_utc,
        media_time_s=1.5,
        frame_sequence=45,
        similarity=0.61,
        threshold=0.45,
        margin=None,
        n_shots=2,
        calibrated_rate=None,
        latency_s=0.031,
        face_box_px=(10, 20, 60, 90),
    )
    picture = np.zeros((40, 40, 3), np.uint8)
    run.raise_alert(alert, AlertPictures(picture, picture))
    run.minute(now_utc, FaceCounts())
    run.stop(FaceCounts(), StopReason.FINISHED, now_utc)
    found.store._run_lock.release()


def officer(found):
    every = found.store.people.list()
    return next(p.id for p in every if p.grants[0].role is Role.AUTHORISING_OFFICER)


def hold(found, clock, days):
    until = clock.now_utc() + timedelta(days=days)
    asked = Asked(HoldGround.EVIDENCE, "A reason", until)
    return found.store.holds.place(Owner(OwnerKind.ALERT, ALERT), asked, officer(found))


def days(n):
    return timedelta(days=n).total_seconds()


def test_what_is_held_outlasts_its_period_and_goes_when_the_hold_ends(deployed, clock):
    store = deployed.store
    placed = hold(deployed, clock, 60)
    clock.advance(days(40))
    store.sweeper.sweep()
    assert store.alerts.pictures(ALERT) is not None
    clock.advance(days(20))
    store.sweeper.sweep()
    assert store.alerts.get(ALERT) is None
    assert store.holds.get(placed.id).is_over
    store.verify()


def test_what_is_not_held_goes_on_time(deployed, clock):
    clock.advance(days(40))
    deployed.store.sweeper.sweep()
    assert deployed.store.alerts.get(ALERT) is None
    deployed.store.verify()


def test_a_hold_that_comes_too_late_brings_nothing_back(deployed, clock):
    from overt.core.errors import StateError

    clock.advance(days(40))
    deployed.store.sweeper.sweep()
    with pytest.raises(StateError, match="brings nothing back"):
        hold(deployed, clock, 10)


def test_a_hold_after_the_deadline_and_before_the_sweep_still_holds(deployed, clock):
    clock.advance(days(40))
    hold(deployed, clock, 10)
    deployed.store.sweeper.sweep()
    assert deployed.store.alerts.pictures(ALERT) is not None


def test_a_trace_goes_from_the_frame_to_the_receipt(deployed, clock):
    store = deployed.store
    before = store.tracer.trace(store.tracer.find(ALERT))
    assert before.frame is not None
    assert any("No receipt of the picture yet: due" in each for each in before.gaps())
    clock.advance(days(40))
    store.sweeper.sweep()
    after = store.tracer.trace(store.tracer.find("5ee"))
    assert after.frame is None
    told = [link.what for link in after.chain.links]
    assert told.count("deletion receipt") >= 2
    assert not any("No receipt" in each for each in after.gaps())
    assert after.proved is not None


def test_a_deletion_that_spared_a_held_alert_is_not_part_of_its_chain(deployed, clock):
    store = deployed.store
    hold(deployed, clock, 60)
    clock.advance(days(40))
    store.sweeper.sweep()
    found = store.tracer.trace(store.tracer.find(ALERT))
    assert not [link for link in found.chain.links if link.what.startswith("deletion")]
    assert any("held until" in each for each in found.gaps())


def test_membership_is_told_until_its_time_is_over(deployed, clock, open_store):
    store = deployed.store
    grounds = deployed.watchlist.entries[0].grounds
    person = grounds.source_system, grounds.source_reference
    admin = next(p for p in store.people.list() if p.grants[0].role is Role.ADMINISTRATOR)
    auditor = Person("au-1", "superintendent", "E", (Grant(Role.AUDITOR),), b"k" * 32)
    store.people.save(auditor, admin.id, clock.now_utc())

    def ask():
        return store.memberships.ask(deployed.id, *person, MembershipGround.COMPLAINT, auditor.id)

    clock.advance(days(40))
    store.sweeper.sweep()
    assert store.watchlists.list() == ()
    assert ask() is Membership.ON_IT
    clock.advance(days(330))
    store.sweeper.sweep()
    assert ask() is Membership.EXPIRED
    store.verify()
