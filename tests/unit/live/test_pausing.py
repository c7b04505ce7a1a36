"""A run that stands still when officers fall silent or somebody says so, and goes on after."""

from datetime import timedelta

import pytest

from overt.alerts.ports import StopReason
from overt.deployment.acts import (
    CheckOutOfficer,
    ConfirmSigns,
    Pause,
    Resume,
)
from overt.deployment.life import LifeEvent, LifeState
from overt.live.watch import ASK_TO_RESUME_EVERY_S

pytestmark = pytest.mark.timeout(90)


def test_silence_pauses_and_a_sign_resumes(live, watcher, store):
    seen_at_pause = []

    def after_a_while():
        live.after_looks(10, note)

    def note():
        seen_at_pause.append((live.reader.stats().n_decoded, watcher.progress[-1].counts))
        live.after_looks(10, come_back)

    def come_back():
        seen_at_pause.append((live.reader.stats().n_decoded, watcher.progress[-1].counts))
        live.beats = True

    live.when(live.looked(5), lambda: (live.fall_silent(), after_a_while()))
    report = live.run.run()
    assert report.reason is StopReason.FINISHED
    (decoded_early, early), (decoded_late, late) = seen_at_pause
    assert decoded_early == decoded_late < live.n_frames
    assert early == late
    assert early.faces_detected == early.faces_compared + early.faces_rejected > 0
    assert report.n_pauses == 1
    assert report.paused_s >= 0
    report.counts.check()
    stats = live.reader.stats()
    assert stats.n_decoded == report.counts.frames_read + report.counts.frames_dropped
    assert stats.n_decoded == live.n_frames
    assert live.events()[-3:] == [
        (LifeEvent.PAUSE, None),
        (LifeEvent.RESUME, None),
        (LifeEvent.PAUSE, None),
    ]
    reasons = [told for told in watcher.told if told != "resumed"]
    assert "operator must be present" in reasons[-1][0]
    assert "demo-operator-1" in reasons[-1][0]
    store.verify()


def test_nothing_is_decoded_before_the_officers_have_said_that_they_are_there(live, watcher):
    live.beats = False
    decoded = []
    live.after_looks(10, lambda: decoded.append(live.reader.stats().n_decoded))
    live.after_looks(11, lambda: setattr(live, "beats", True))
    report = live.run.run()
    assert decoded == [0]
    assert report.reason is StopReason.FINISHED
    assert report.n_pauses == 0
    assert report.counts.frames_read > 0
    assert watcher.told[-1] == "resumed"
    assert (LifeEvent.PAUSE, None) not in live.events()[:-1]


def test_signs_given_before_the_node_began_do_not_count(live):
    for _ in range(3):
        live.found.beat()
    live.beats = False
    live.after_looks(10, live.run.interrupt)
    report = live.run.run()
    assert report.reason is StopReason.INTERRUPTED
    assert live.reader.stats().n_decoded == report.counts.frames_read == 0


@pytest.mark.slow
def test_what_a_person_paused_only_a_person_resumes(live, watcher):
    operator = live.found.force.operator
    read = []

    def pause():
        live.found.act(Pause("a fight in front of the camera"), operator)
        live.after_looks(10, resume)

    def resume():
        assert live.found.life.state is LifeState.PAUSED
        read.append(watcher.progress[-1].counts.frames_read)
        live.found.act(Resume(), operator)

    live.when(live.looked(5), pause)
    report = live.run.run()
    assert report.reason is StopReason.FINISHED
    assert 5 <= read[0] < report.counts.frames_read
    assert report.n_pauses == 1
    assert (
        f"{operator.id} has paused it: a fight in front of the camera",
        "person",
    ) in watcher.told
    events = live.events()
    assert events[-3:-1] == [(LifeEvent.PAUSE, operator.id), (LifeEvent.RESUME, operator.id)]


def test_an_officer_who_leaves_is_missed_at_once(live):
    officer = live.found.force.officers[-1]

    def leave():
        live.found.act(CheckOutOfficer(), officer)
        live.when(lambda _: live.found.life.state is LifeState.PAUSED, live.run.interrupt)

    live.when(live.looked(5), leave)
    report = live.run.run()
    assert report.reason is StopReason.INTERRUPTED
    assert report.counts.frames_read < live.n_frames
    assert live.found.life.state is LifeState.PAUSED


@pytest.mark.slow
def test_what_the_policy_does_not_let_resume_is_said(live_with, watcher, clock):
    """Signs that were confirmed long ago are confirmed anew before it looks again."""
    live = live_with(lasts=timedelta(hours=8))
    operator = live.found.force.operator

    def later():
        live.after_looks(5, confirm)

    def confirm():
        live.found.act(ConfirmSigns(), operator)
        clock.advance(ASK_TO_RESUME_EVERY_S)

    live.when(live.looked(5), lambda: (clock.advance(3 * 3600), later()))
    report = live.run.run()
    assert report.reason is StopReason.FINISHED
    refused = [told for told in watcher.told if told[1] == "policy"]
    assert len(refused) == 1
    assert "signs were confirmed more than" in refused[0][0]
