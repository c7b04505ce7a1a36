"""A run whose authority is ended, ratified or refused in mid-run, and what its end writes down."""

from datetime import timedelta

import pytest

from overt.alerts.ports import StopReason
from overt.core.errors import OvertError, StateError, StorageError
from overt.deployment.acts import (
    ConfirmSigns,
    End,
    Ratify,
    RefuseRatification,
    Resume,
)
from overt.deployment.life import LifeEvent, LifeState
from overt.policy.facts import Route
from overt.store.store import Store
from overt.video.readers import RecordedReader
from overt.video.sources import parse_source

pytestmark = pytest.mark.timeout(90)


HOUR_S = 3600.0
URGENT = {"urgency_reason": "somebody is about to be hurt", "lasts": timedelta(hours=8)}


@pytest.mark.slow
def test_an_urgent_authority_that_is_ratified_goes_on(live_with, clock, watcher):
    live = live_with(**URGENT)
    force = live.found.force
    urgent = live.found.capability
    read = []

    def ratify():
        file = force.signed(live.found.life, Route.ORDINARY, force.chief)
        live.found.act(Ratify(file), force.chief)
        live.after_looks(3, beyond_the_urgent_end)

    def beyond_the_urgent_end():
        read.append(watcher.progress[-1].counts.frames_read)
        clock.advance((urgent.not_after_utc - clock.now_utc()).total_seconds() + HOUR_S)
        live.found.act(ConfirmSigns(), force.operator)

    live.when(live.looked(5), ratify)
    report = live.run.run()
    assert report.reason is StopReason.FINISHED
    assert read[0] < report.counts.frames_read
    assert live.found.capability.not_after_utc > urgent.not_after_utc
    assert live.found.life.authority.ratified_by == force.chief.id
    report.counts.check()


@pytest.mark.slow
def test_an_urgent_authority_that_nobody_ratifies_ends(live_with, clock):
    live = live_with(**URGENT)
    urgent = live.found.capability
    until_s = (urgent.not_after_utc - clock.now_utc()).total_seconds()
    live.when(live.looked(5), lambda: clock.advance(until_s))
    report = live.run.run()
    assert report.reason is StopReason.AUTHORITY_ENDED
    assert report.counts.frames_read < live.n_frames
    assert live.found.life.steps[-1].event is LifeEvent.LAPSE


def test_an_urgent_authority_that_is_refused_stops(live_with, store):
    live = live_with(**URGENT)
    chief = live.found.force.chief
    refusal = RefuseRatification("it was not urgent")
    live.when(live.looked(5), lambda: live.found.act(refusal, chief))
    report = live.run.run()
    assert report.reason is StopReason.ENDED
    assert report.counts.frames_read < live.n_frames
    assert report.ended_because.endswith(f"refused afterwards by {chief.id}: it was not urgent")
    assert live.stopped()["reason"] == "ended"


@pytest.mark.slow
def test_a_run_under_a_ratified_capability_follows_one_under_the_urgent(
    live_with, run_of, clock, clip_of_both, watcher, store
):
    live = live_with(**URGENT)
    force = live.found.force
    live.when(live.looked(5), live.run.interrupt)
    live.run.run()
    live.found.act(Ratify(force.signed(live.found.life, Route.ORDINARY, force.chief)), force.chief)
    live.found.act(Resume(), force.operator)
    reader = RecordedReader(parse_source(str(clip_of_both)), "gate", clock, clock.now_utc())
    report = run_of(live.found, {"gate": reader}, clock).run()
    assert report.reason is StopReason.FINISHED
    store.verify()


@pytest.mark.parametrize("how", ["ended", "another policy"])
def test_somebody_ends_it_in_mid_run(live, how, pack_toml, store, clock):
    def end():
        if how == "ended":
            live.found.act(End("everybody was found"), live.found.force.operator)
            return
        from overt.policy.signing import sign_pack

        other = pack_toml.replace(b'version = "', b'version = "9')
        chief = live.found.force.chief.id
        signature = sign_pack(other, live.found.force.key_of(chief))
        store.policies.adopt(other, signature, chief, clock.now_utc())

    live.when(live.looked(5), end)
    report = live.run.run()
    assert report.reason is StopReason.ENDED
    assert report.counts.frames_read < live.n_frames
    assert live.stopped()["reason"] == "ended"
    if how == "ended":
        assert "everybody was found" in report.ended_because
        assert live.found.life.state is LifeState.ENDED
    else:
        assert "policy" in report.ended_because
        assert live.found.life.state is LifeState.PAUSED


def test_the_end_of_a_run_is_written_into_the_life(live):
    live.when(live.looked(5), live.run.interrupt)
    assert live.run.run().reason is StopReason.INTERRUPTED
    assert live.found.life.state is LifeState.PAUSED
    assert live.found.life.steps[-1].reason == "The node stopped: it was interrupted."
    live.found.act(Resume(), live.found.force.operator)
    assert live.found.life.state is LifeState.LIVE


def test_two_nodes_on_one_deployment(deployed, run_of, clock, tmp_path):
    """The second finds the lock taken, and the life where it cannot be taken live again."""
    with Store.open(tmp_path / "two", clock) as one, Store.open(tmp_path / "two", clock) as other:
        found = deployed(clock, store=one)
        found.go_live()
        one.run()
        with pytest.raises(StorageError, match="Another process"):
            other.run()
        with pytest.raises(StateError):
            found.go_live()


@pytest.mark.slow
def test_the_window_is_the_last_word_also_while_paused(live, clock):
    live.beats = False
    live.when(
        lambda _: live.n_looks >= 5,
        lambda: clock.advance(timedelta(hours=2).total_seconds()),
    )
    report = live.run.run()
    assert report.reason is StopReason.AUTHORITY_ENDED
    assert live.found.life.state is LifeState.ENDED
    assert live.found.life.steps[-1].event is LifeEvent.LAPSE
    with pytest.raises(OvertError):
        live.found.act(Resume(), live.found.force.operator)
