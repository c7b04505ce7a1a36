"""A run that stands still when officers fall silent or somebody says so, and goes on after."""

import threading
from datetime import timedelta

import pytest

from overt.alerts.ports import StopReason
from overt.core.clock import SystemClock
from overt.core.errors import OvertError, StateError, StorageError
from overt.deployment.acts import (
    CheckOutOfficer,
    ConfirmSigns,
    End,
    Pause,
    Ratify,
    RefuseRatification,
    Resume,
)
from overt.deployment.life import LifeEvent, LifeState
from overt.ledger.records import LedgerRecord, RecordKind, parse_counts
from overt.live.watch import ASK_TO_RESUME_EVERY_S
from overt.policy.facts import Route
from overt.store.store import Store
from overt.video.readers import RecordedReader
from overt.video.sources import parse_source

pytestmark = pytest.mark.timeout(90)

FPS = 10
LONG_S, SHORT_S = 40, 8
PATIENCE_S = 60.0
GONE_S = 31.0
"""Longer than the pack lets an officer be silent."""


@pytest.fixture
def live_with(deployed, run_of, watcher, studio, both, clock, store):
    """A live deployment on a long clip; presence is by the test's clock, which stands still."""

    class Live:
        def __init__(self, seconds=LONG_S, **changes):
            clip = studio.clip(f"of-{seconds}-s", both, seconds)
            self.n_frames = seconds * FPS
            self.found = deployed(clock, **changes)
            self.found.go_live()
            spec = parse_source(str(clip))
            self.reader = RecordedReader(spec, "gate", SystemClock(), clock.now_utc())
            self.run = run_of(self.found, {"gate": self.reader}, clock)
            self.beats = True
            self.n_looks = 0
            self.at = {}
            watcher.on_progress = self._each

        def when(self, condition, do):
            """Do something once, when a condition on the progress is true."""
            self.at[condition] = do

        def _each(self, progress):
            self.n_looks += 1
            for condition in [each for each in self.at if each(progress)]:
                self.at.pop(condition)()
            if self.beats:
                self.found.beat()

        def fall_silent(self):
            self.beats = False
            clock.advance(GONE_S)

        def events(self):
            return [(step.event, step.by) for step in self.found.life.steps][-6:]

    return Live


@pytest.fixture
def live(live_with):
    return live_with()


@pytest.fixture
def live_briefly(live_with):
    """One that comes to its end within a few seconds."""
    return live_with(SHORT_S)


def looked(n):
    return lambda progress: progress.counts.frames_read >= n


def stopped(store):
    records = [LedgerRecord.parse(data) for data in store.ledger.records()]
    return [r.body for r in records if r.kind is RecordKind.RUN_STOPPED][-1]


def test_silence_pauses_and_a_sign_resumes(live_briefly, watcher, store):
    live = live_briefly
    seen_at_pause = []

    def after_a_while():
        n_looks = live.n_looks
        live.when(lambda _: live.n_looks >= n_looks + 10, note)

    def note():
        seen_at_pause.append((live.reader.stats().n_decoded, watcher.progress[-1].counts))
        n_looks = live.n_looks
        live.when(lambda _: live.n_looks >= n_looks + 10, come_back)

    def come_back():
        seen_at_pause.append((live.reader.stats().n_decoded, watcher.progress[-1].counts))
        live.beats = True

    live.when(looked(5), lambda: (live.fall_silent(), after_a_while()))
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


def test_nothing_is_decoded_before_the_officers_have_said_that_they_are_there(
    live_briefly, watcher
):
    live = live_briefly
    live.beats = False
    decoded = []
    live.when(lambda _: live.n_looks >= 10, lambda: decoded.append(live.reader.stats().n_decoded))
    live.when(lambda _: live.n_looks >= 11, lambda: setattr(live, "beats", True))
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
    live.when(lambda _: live.n_looks >= 10, live.run.interrupt)
    report = live.run.run()
    assert report.reason is StopReason.INTERRUPTED
    assert live.reader.stats().n_decoded == report.counts.frames_read == 0


@pytest.mark.slow
def test_what_a_person_paused_only_a_person_resumes(live_briefly, watcher):
    live = live_briefly
    operator = live.found.force.operator
    read = []

    def pause():
        live.found.act(Pause("a fight in front of the camera"), operator)
        n_looks = live.n_looks
        live.when(lambda _: live.n_looks >= n_looks + 10, resume)

    def resume():
        assert live.found.life.state is LifeState.PAUSED
        read.append(watcher.progress[-1].counts.frames_read)
        live.found.act(Resume(), operator)

    live.when(looked(5), pause)
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


def test_an_officer_who_leaves_is_missed_at_once(live, watcher):
    officer = live.found.force.officers[-1]
    live.when(looked(5), lambda: live.found.act(CheckOutOfficer(), officer))

    def each(progress):
        live.n_looks += 1
        for condition in [each for each in live.at if each(progress)]:
            live.at.pop(condition)()
        if live.found.life.state is LifeState.PAUSED:
            live.run.interrupt()
        if officer.id in live.found.life.present():
            live.found.beat()

    watcher.on_progress = each
    report = live.run.run()
    assert report.reason is StopReason.INTERRUPTED
    assert report.counts.frames_read < live.n_frames
    assert live.found.life.state is LifeState.PAUSED


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

    live.when(looked(5), end)
    report = live.run.run()
    assert report.reason is StopReason.ENDED
    assert report.counts.frames_read < live.n_frames
    assert stopped(store)["reason"] == "ended"
    if how == "ended":
        assert "everybody was found" in report.ended_because
        assert live.found.life.state is LifeState.ENDED
    else:
        assert "policy" in report.ended_because
        assert live.found.life.state is LifeState.PAUSED


HOUR_S = 3600.0
URGENT = {"urgency_reason": "somebody is about to be hurt", "lasts": timedelta(hours=8)}


@pytest.mark.slow
def test_an_urgent_authority_that_is_ratified_goes_on(live_with, clock, watcher):
    live = live_with(SHORT_S, **URGENT)
    force = live.found.force
    urgent = live.found.capability
    read = []

    def ratify():
        file = force.signed(live.found.life, Route.ORDINARY, force.chief)
        live.found.act(Ratify(file), force.chief)
        n_looks = live.n_looks
        live.when(lambda _: live.n_looks >= n_looks + 3, beyond_the_urgent_end)

    def beyond_the_urgent_end():
        read.append(watcher.progress[-1].counts.frames_read)
        clock.advance((urgent.not_after_utc - clock.now_utc()).total_seconds() + HOUR_S)
        live.found.act(ConfirmSigns(), force.operator)

    live.when(looked(5), ratify)
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
    live.when(looked(5), lambda: clock.advance(until_s))
    report = live.run.run()
    assert report.reason is StopReason.AUTHORITY_ENDED
    assert report.counts.frames_read < live.n_frames
    assert live.found.life.steps[-1].event is LifeEvent.LAPSE


def test_an_urgent_authority_that_is_refused_stops(live_with, store):
    live = live_with(**URGENT)
    chief = live.found.force.chief
    refusal = RefuseRatification("it was not urgent")
    live.when(looked(5), lambda: live.found.act(refusal, chief))
    report = live.run.run()
    assert report.reason is StopReason.ENDED
    assert report.counts.frames_read < live.n_frames
    assert report.ended_because.endswith(f"refused afterwards by {chief.id}: it was not urgent")
    assert stopped(store)["reason"] == "ended"


@pytest.mark.slow
def test_a_run_under_a_ratified_capability_follows_one_under_the_urgent(
    live_with, run_of, clock, clip_of_both, watcher, store
):
    live = live_with(**URGENT)
    force = live.found.force
    live.when(looked(5), live.run.interrupt)
    live.run.run()
    live.found.act(Ratify(force.signed(live.found.life, Route.ORDINARY, force.chief)), force.chief)
    live.found.act(Resume(), force.operator)
    reader = RecordedReader(parse_source(str(clip_of_both)), "gate", clock, clock.now_utc())
    report = run_of(live.found, {"gate": reader}, clock).run()
    assert report.reason is StopReason.FINISHED
    store.verify()


@pytest.mark.slow
def test_what_the_policy_does_not_let_resume_is_said(live_with, watcher, clock):
    """Signs that were confirmed long ago are confirmed anew before it looks again."""
    live = live_with(SHORT_S, lasts=timedelta(hours=8))
    operator = live.found.force.operator

    def later():
        n_looks = live.n_looks
        live.when(lambda _: live.n_looks >= n_looks + 5, confirm)

    def confirm():
        live.found.act(ConfirmSigns(), operator)
        clock.advance(ASK_TO_RESUME_EVERY_S)

    live.when(looked(5), lambda: (clock.advance(3 * HOUR_S), later()))
    report = live.run.run()
    assert report.reason is StopReason.FINISHED
    refused = [told for told in watcher.told if told[1] == "policy"]
    assert len(refused) == 1
    assert "signs were confirmed more than" in refused[0][0]


class Unreadable:
    """A store that cannot be read from some moment on."""

    def __init__(self, lives):
        self.lives = lives
        self.fails = False

    def standing(self, deployment):
        if self.fails:
            raise StorageError("The disk is gone.")
        return self.lives.standing(deployment)


def test_a_store_that_cannot_be_read_stops_the_run(live, store):
    reader = Unreadable(store.lives)
    live.run._watch._guard._reader = reader
    live.when(looked(5), lambda: setattr(reader, "fails", True))
    with pytest.raises(StorageError, match="disk is gone"):
        live.run.run()
    assert stopped(store)["reason"] == "failed"
    totals = parse_counts(stopped(store)["totals"])
    totals.check()
    assert totals.frames_read < live.n_frames
    assert live.found.life.steps[-1].reason == "The node stopped: something failed."


class Stuck(Unreadable):
    """A store that does not answer until it is told to."""

    def __init__(self, lives):
        super().__init__(lives)
        self.answers = threading.Event()
        self.asked = threading.Event()

    def standing(self, deployment):
        if self.fails:
            self.asked.set()
            assert self.answers.wait(PATIENCE_S)
        return self.lives.standing(deployment)


@pytest.mark.slow
def test_a_node_that_cannot_ask_stops_looking_by_itself(
    deployed, run_of, studio, both, watcher, tmp_path
):
    clock, clip = SystemClock(), studio.clip(f"of-{LONG_S}-s", both, LONG_S)
    with Store.open(tmp_path / "stuck", clock) as store:
        found = deployed(clock, store=store)
        found.go_live()
        reader = RecordedReader(parse_source(str(clip)), "gate", clock, clock.now_utc())
        run = run_of(found, {"gate": reader}, clock)
        stuck = Stuck(store.lives)
        run._watch._guard._reader = stuck
        decoded = []

        def watch_it():
            assert stuck.asked.wait(PATIENCE_S)
            threading.Event().wait(1.0)  # longer than leave lasts
            decoded.append(reader.stats().n_decoded)
            threading.Event().wait(0.5)
            decoded.append(reader.stats().n_decoded)
            stuck.fails = False
            stuck.answers.set()

        def each(progress):
            stuck.fails = stuck.fails or (not decoded and progress.counts.frames_read >= 5)

        watcher.on_progress = each
        outside = threading.Thread(target=watch_it)
        outside.start()
        with found.beating():
            report = run.run()
        outside.join()
    assert decoded[0] == decoded[1] < LONG_S * FPS
    assert report.reason is StopReason.FINISHED
    assert report.n_pauses >= 1
    assert any("could not ask in time" in told[0] for told in watcher.told if told != "resumed")
    assert reader.stats().n_decoded == report.counts.frames_read + report.counts.frames_dropped


def test_the_end_of_a_run_is_written_into_the_life(live):
    live.when(looked(5), live.run.interrupt)
    assert live.run.run().reason is StopReason.INTERRUPTED
    assert live.found.life.state is LifeState.PAUSED
    assert live.found.life.steps[-1].reason == "The node stopped: it was interrupted."
    live.found.act(Resume(), live.found.force.operator)
    assert live.found.life.state is LifeState.LIVE


@pytest.mark.slow
def test_a_pause_that_cannot_be_written_ends_the_run(live, store):
    class Full:
        def act(self, deployment, act, by):
            raise StorageError("The disk is full.")

    live.run._watch._steps = Full()
    live.when(looked(5), live.fall_silent)
    with pytest.raises(StorageError, match="disk is full"):
        live.run.run()
    assert stopped(store)["reason"] == "failed"
    assert live.reader.stats().n_decoded < live.n_frames


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
