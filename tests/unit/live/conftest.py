"""A camera's frame path with real models and a real store, fed with frames by hand."""

import threading
from contextlib import suppress
from dataclasses import replace

import pytest

from fixtures.clocks import NOON
from fixtures.deployments import Deployed
from overt.alerts.ports import RunStart
from overt.cli.demo_force import DemoForce
from overt.cli.wiring import recogniser
from overt.core.clock import ManualClock, SystemClock
from overt.core.errors import OvertError
from overt.core.ids import CameraId, DeploymentId, Sha256
from overt.deployment.authorising import capability_sha256
from overt.deployment.authority import Authority
from overt.deployment.guard import Guard
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.live.pipeline import CameraPipeline
from overt.live.run import CameraSource, DeploymentRun
from overt.live.stages import StageTimes
from overt.live.tally import Tally
from overt.policy.locks import AlertRule
from overt.store.store import Store
from overt.video.open import open_reader
from overt.video.readers import RecordedReader
from overt.video.sources import parse_source

FPS = 10
RULE = AlertRule(0.45, repeat_within_s=3.0)


class Watcher:
    """Remembers what it was told; see ``live.observer.Observer``."""

    def __init__(self):
        self.alerts, self.repeats, self.progress = [], [], []
        self.told = []
        self.on_progress = lambda progress: None

    def alert_raised(self, alert, pictures, stored_after_s):
        self.alerts.append((alert, pictures, stored_after_s))

    def alert_repeated(self, alert, captured_utc):
        self.repeats.append((alert, captured_utc))

    def paused(self, reason, cause):
        self.told.append((reason, cause))

    def resumed(self):
        self.told.append("resumed")

    def progressed(self, progress):
        self.progress.append(progress)
        self.on_progress(progress)


class Line:
    """One camera's pipeline, and what has come of it so far."""

    def __init__(self, models, watchlist, sink, clock, rule=RULE, embedder=None):
        parts = recogniser(models, watchlist)
        self.parts = parts if embedder is None else replace(parts, embedder=embedder)
        self.clock = clock
        self.tally = Tally()
        self.pipeline = CameraPipeline(
            deployment=DeploymentId("d-1"),
            recogniser=self.parts,
            rule=rule,
            rate=None,
            sink=sink,
            tally=self.tally,
            stages=StageTimes(),
            clock=clock,
        )

    def feed(self, frames):
        for frame in frames:
            self.pipeline.process(frame, self.parts.detector.detect(frame.picture))

    @property
    def counts(self):
        counts = self.tally.total()
        counts.check()
        return counts


def start_of(clock, deployment="d-1"):
    return RunStart(
        DeploymentId(deployment),
        b"{}",
        Sha256("c" * 64),
        Sha256("a" * 64),
        "contract",
        0.45,
        (CameraId("gate"),),
        clock.now_utc(),
        {},
    )


@pytest.fixture
def force_at_noon(tmp_path, prepared_homes, pack_toml, watchlist):
    """A force with a frozen list, at noon, in the home of the test's store."""

    def make(place):
        clock = ManualClock(NOON)
        with Store.open(place, clock) as store:
            force = DemoForce(store, clock, pack_toml)
            return Deployed(store, force, force.list_people(watchlist), "d-1")

    return prepared_homes.copy("a force at noon", make, tmp_path / "home")


@pytest.fixture
def store(request, tmp_path, clock):
    """The test's store: empty, or with the force of a test that deploys something."""
    if "deployed" in request.fixturenames:
        request.getfixturevalue("force_at_noon")
    with Store.open(tmp_path / "home", clock) as opened:
        yield opened


@pytest.fixture
def line(models, watchlist, store, clock):
    sink = store.run()
    sink.start(start_of(clock))
    return Line(models, watchlist, sink, clock)


@pytest.fixture
def line_of():
    """Build a line with other parts."""
    return Line


@pytest.fixture
def started(store, clock):
    """A sink of a run that was started."""
    sink = store.run()
    sink.start(start_of(clock))
    return sink


@pytest.fixture
def watcher():
    return Watcher()


@pytest.fixture
def deployed(authorised, store, force_at_noon, clock, watchlist, models):
    """A deployment that is ready, in the store, or in another under its own clock."""
    known = force_at_noon.at(store, clock)

    def do(clock, *, store=store, **changes):
        options = {"detector_sha256": models.detector_sha256, "repeat_within_s": 3} | changes
        if store is known.store:
            return authorised(store, clock, known.watchlist, force=known.force, **options)
        return authorised(store, clock, watchlist, **options)

    return do


@pytest.fixture
def start():
    """What the sink records of a run's start."""

    def do(found, clock, cameras):
        return RunStart(
            found.id,
            found.file,
            capability_sha256(found.file),
            found.watchlist.manifest_sha256,
            found.watchlist.contract,
            found.capability.rule.threshold,
            tuple(cameras),
            clock.now_utc(),
            {},
        )

    return do


@pytest.fixture
def run_of(models, store, watcher, start):
    """Return a run of a live deployment, ready to begin; ``sources`` maps camera to a source."""

    def do(found, sources, clock, *, realtime=False, sink=None, guard=None, by=None):
        now = clock.now_utc()
        authority = Authority(found.capability, clock)

        def reader_of(camera, source):
            if not isinstance(source, str):
                return source
            spec = parse_source(source)
            return open_reader(spec, camera, clock, started_utc=now, realtime=realtime)

        return DeploymentRun(
            authority=authority,
            guard=Guard(
                authority=authority,
                capability_file=found.file,
                pack=found.force.pack,
                reader=found.store.lives,
                key_of=lambda person: found.force.key_of(person).public_key(),
                clock=clock,
            ),
            steps=found.store.lives,
            recogniser=recogniser(models, found.watchlist),
            sources=[
                CameraSource(camera, reader_of(camera, source), is_live=realtime)
                for camera, source in sources.items()
            ],
            start=start(found, clock, sources),
            sink=sink or found.store.run(),
            observer=watcher,
            clock=clock,
        )

    return do


@pytest.fixture
def deployment_run(deployed, run_of, watcher):
    """Return a run of given sources at which the officers are always present.

    They say so whenever the supervisor looks, so that no test waits for them.
    """

    def do(sources, clock, *, realtime=False, sink=None, found=None, **changes):
        found = found or deployed(clock, cameras=tuple(sources), **changes)
        found.go_live()
        run = run_of(found, sources, clock, realtime=realtime, sink=sink)
        keep_present(watcher, found)
        return run

    return do


def keep_present(watcher, found):
    told = watcher.progressed

    def progressed(progress):
        with suppress(OvertError):  # nobody is checked in where the store is full, or after the end
            found.beat()
        told(progress)

    watcher.progressed = progressed


class HeldBack:
    """A recording's reader that keeps all but the first frames back until it is told to go on.

    So a run is in the middle of its recording, and not at its end, when what a test planned
    happens, however fast the machine is. A pause and a stop let go of who waits for a frame.
    """

    PATIENCE_S = 60.0

    def __init__(self, reader, n_first):
        self._reader, self._n_left = reader, n_first
        self._goes_on = self._is_paused = False
        self._changed = threading.Condition()

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def __iter__(self):
        self._is_paused = False
        return self._hand_out(iter(self._reader))

    def pause(self):
        self._reader.pause()
        with self._changed:
            self._is_paused = True
            self._changed.notify_all()

    def stop(self):
        self._reader.stop()
        self.go_on()

    def go_on(self):
        """Keep nothing back any more."""
        with self._changed:
            self._goes_on = True
            self._changed.notify_all()

    def _hand_out(self, frames):
        while self._waited() and (frame := next(frames, None)) is not None:
            self._n_left -= 1
            yield frame

    def _waited(self):
        with self._changed:
            waited = self._changed.wait_for(
                lambda: self._n_left > 0 or self._goes_on or self._is_paused, self.PATIENCE_S
            )
        assert waited, "what was planned did not happen"
        return True


class Live:
    """A live deployment on a clip; presence is by the test's clock, which stands still.

    The officers say that they are there at every look, until they fall silent. The second half of
    the clip comes when nothing is planned any more and the supervisor looks anew.
    """

    def __init__(self, found, run, reader, n_frames, clock, watcher):
        self.found, self.run, self.reader = found, run, reader
        self.n_frames, self.clock = n_frames, clock
        self.beats, self.n_looks, self._at = True, 0, {}
        watcher.on_progress = self._each

    @staticmethod
    def looked(n):
        """A condition: so many frames were looked at."""
        return lambda progress: progress.counts.frames_read >= n

    def when(self, condition, do):
        """Do something once, when a condition on the progress is true."""
        self._at[condition] = do

    def after_looks(self, n, do):
        """Do something when the supervisor has looked so many times more."""
        until = self.n_looks + n
        self.when(lambda progress: self.n_looks >= until, do)

    def _each(self, progress):
        self.n_looks += 1
        if not self._at:
            self.reader.go_on()
        for condition in [each for each in self._at if each(progress)]:
            self._at.pop(condition)()
        if self.beats:
            with suppress(OvertError):  # nobody can once they have left
                self.found.beat()

    def fall_silent(self):
        """Say nothing any more, for longer than the pack allows."""
        self.beats = False
        self.clock.advance(self.found.capability.presence_within_s + 1)

    def events(self):
        return [(step.event, step.by) for step in self.found.life.steps][-6:]

    def stopped(self):
        """Return the record of the run's end."""
        records = [LedgerRecord.parse(data) for data in self.found.store.ledger.records()]
        return [each.body for each in records if each.kind is RecordKind.RUN_STOPPED][-1]


CLIP_S = 6


@pytest.fixture
def held_back():
    """Return a reader that hands out so many frames, and the others when it is told to go on."""
    return HeldBack


@pytest.fixture
def live_with(deployed, run_of, watcher, studio, both, clock):
    """Return one on a clip of some seconds, looked at without a pace."""

    def do(**changes):
        n_frames = CLIP_S * FPS
        clip = studio.clip("long", both, CLIP_S)
        found = deployed(clock, **changes)
        found.go_live()
        recorded = RecordedReader(parse_source(str(clip)), "gate", SystemClock(), clock.now_utc())
        reader = HeldBack(recorded, n_frames // 2)
        run = run_of(found, {"gate": reader}, clock)
        return Live(found, run, reader, n_frames, clock, watcher)

    return do


@pytest.fixture
def live(live_with):
    return live_with()
