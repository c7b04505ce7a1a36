"""A camera's frame path with real models and a real store, fed with frames by hand."""

from dataclasses import replace

import pytest

from overt.alerts.ports import RunStart
from overt.cli.wiring import recogniser
from overt.core.ids import CameraId, DeploymentId, Sha256
from overt.deployment.authority import Authority
from overt.live.pipeline import CameraPipeline
from overt.live.run import CameraSource, DeploymentRun
from overt.live.stages import StageTimes
from overt.live.tally import Tally
from overt.policy.locks import AlertRule
from overt.store.store import Store
from overt.video.open import open_reader
from overt.video.sources import parse_source

RULE = AlertRule(0.45, repeat_within_s=3.0)


class Watcher:
    """Remembers what it was told; see ``live.run.Observer``."""

    def __init__(self):
        self.alerts, self.repeats, self.progress = [], [], []
        self.on_progress = lambda progress: None

    def alert_raised(self, alert, pictures, stored_after_s):
        self.alerts.append((alert, pictures, stored_after_s))

    def alert_repeated(self, alert, captured_utc):
        self.repeats.append((alert, captured_utc))

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
def store(tmp_path, clock):
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
def deployment_run(models, watchlist, store, watcher, capability_of, tmp_path):
    """Return a run of given sources, ready to begin; ``sources`` maps camera to path or reader."""

    def do(sources, clock, *, realtime=False, sink=None, **changes):
        allowed = capability_of(
            cameras=tuple(sources),
            watchlist_sha256=watchlist.manifest_sha256,
            detector_sha256=models.detector_sha256,
            contract=models.contract,
            rule=RULE,
            **changes,
        )
        now = clock.now_utc()

        def reader_of(camera, source):
            if not isinstance(source, str):
                return source
            spec = parse_source(source)
            return open_reader(spec, camera, clock, started_utc=now, realtime=realtime)

        return DeploymentRun(
            authority=Authority(allowed, clock),
            recogniser=recogniser(models, watchlist),
            sources=[
                CameraSource(camera, reader_of(camera, source), is_live=realtime)
                for camera, source in sources.items()
            ],
            start=replace(start_of(clock), cameras=tuple(sources)),
            sink=sink or store.run(),
            observer=watcher,
            clock=clock,
        )

    return do
