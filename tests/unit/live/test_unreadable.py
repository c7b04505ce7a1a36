"""A run whose store cannot be read, does not answer, or cannot be written: it stops, visibly."""

import threading

import pytest

from overt.alerts.ports import StopReason
from overt.core.clock import SystemClock
from overt.core.errors import StorageError
from overt.ledger.records import parse_counts
from overt.store.store import Store
from overt.video.readers import RecordedReader
from overt.video.sources import parse_source

pytestmark = pytest.mark.timeout(90)

PATIENCE_S = 60.0
FPS = 10


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
    live.when(live.looked(5), lambda: setattr(reader, "fails", True))
    with pytest.raises(StorageError, match="disk is gone"):
        live.run.run()
    assert live.stopped()["reason"] == "failed"
    totals = parse_counts(live.stopped()["totals"])
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


class Watched(RecordedReader):
    """A recording at its own pace, of which one can wait until it is let go."""

    def __init__(self, clip, clock):
        super().__init__(parse_source(str(clip)), "gate", clock, clock.now_utc(), realtime=True)
        self.was_let_go = threading.Event()

    def pause(self):
        super().pause()
        self.was_let_go.set()


@pytest.mark.slow
def test_a_node_that_cannot_ask_stops_looking_by_itself(
    deployed, run_of, studio, both, watcher, tmp_path
):
    clock, clip_s = SystemClock(), 12
    with Store.open(tmp_path / "stuck", clock) as store:
        found = deployed(clock, store=store)
        found.go_live()
        reader = Watched(studio.clip("long-12", both, clip_s), clock)
        run = run_of(found, {"gate": reader}, clock)
        stuck = Stuck(store.lives)
        run._watch._guard._reader = stuck
        decoded = []

        def watch_it():
            assert stuck.asked.wait(PATIENCE_S)
            assert reader.was_let_go.wait(PATIENCE_S)
            for _ in range(2):
                threading.Event().wait(0.5)
                decoded.append(reader.stats().n_decoded)
            stuck.fails = False
            stuck.answers.set()

        def each(progress):
            if not stuck.asked.is_set():
                stuck.fails = progress.counts.frames_read >= 5
            elif progress.counts.frames_read > decoded[-1]:
                run.interrupt()

        watcher.on_progress = each
        outside = threading.Thread(target=watch_it)
        outside.start()
        with found.beating():
            report = run.run()
        outside.join()
    assert decoded[0] == decoded[1] < report.counts.frames_read < clip_s * FPS
    assert report.reason is StopReason.INTERRUPTED
    assert report.n_pauses >= 1
    assert any("could not ask in time" in told[0] for told in watcher.told if told != "resumed")
    assert reader.stats().n_decoded == report.counts.frames_read + report.counts.frames_dropped


@pytest.mark.slow
def test_a_pause_that_cannot_be_written_ends_the_run(live, store):
    class Full:
        def act(self, deployment, act, by):
            raise StorageError("The disk is full.")

    live.run._watch._steps = Full()
    live.when(live.looked(5), live.fall_silent)
    with pytest.raises(StorageError, match="disk is full"):
        live.run.run()
    assert live.stopped()["reason"] == "failed"
    assert live.reader.stats().n_decoded < live.n_frames
