"""A deployment, from its authority to its closed counts. Read this first, then ``pipeline.py``.

    authority checked → run opened → officers present → cameras looked at → cameras stopped
        → counts closed and reconciled → run closed → the deployment's life says so

Nothing is decoded before the authority was checked against the list and the models in hand and the
officers were present; everything stands still within a second of their silence, and stops within a
second of the authority's end. However a run ends, it is closed: its counts and its ledger say how.
"""

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from overt.alerts.alert import FalseAlertRate
from overt.alerts.ports import RunSink, RunStart, StopReason
from overt.core.clock import Clock
from overt.core.counts import FaceCounts
from overt.core.errors import OvertError, UnavailableError
from overt.core.ids import CameraId
from overt.core.memory import Protection
from overt.deployment.authority import Authority
from overt.deployment.guard import Guard
from overt.live.camera import CameraWorker
from overt.live.leave import Leave
from overt.live.observer import ObservedSink, Observer, Progress
from overt.live.pipeline import CameraPipeline, Recogniser
from overt.live.stages import StageTimes
from overt.live.tally import Tally
from overt.live.watch import LifeSteps, Watch
from overt.video.frame_reader import FrameReader

POLL_S = 0.1
"""How often the supervisor looks; a tenth of what the authority's end allows."""

MINUTE_S = 60.0
STOP_WITHIN_S = 10.0
"""How long cameras may take to let go after they were told to; decoding has stopped by then."""


@dataclass(frozen=True, slots=True)
class CameraSource:
    """A camera of the capability and where its frames come from; nothing is opened yet."""

    camera: CameraId
    reader: FrameReader
    is_live: bool


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run came to.

    Attributes:
        counts: reconciled.
        reason: why it ended.
        elapsed_s: from its start to the end of the last camera.
        looked_s: of these, how long frames were looked at.
        n_pauses: how often looking was paused.
        paused_s: and for how long altogether.
        ended_because: in words, if somebody or something ended it before its time.
        stage_s: wall seconds by stage, see :class:`overt.live.stages.StageTimes`.
        failed_cameras: cameras whose source could not be read.
        ended_early: cameras whose recording broke off.
        protection: what was done to keep the memory to itself; None if nothing was tried.
    """

    counts: FaceCounts
    reason: StopReason
    elapsed_s: float
    looked_s: float
    n_pauses: int = 0
    paused_s: float = 0.0
    ended_because: str = ""
    stage_s: dict[str, float] = field(default_factory=dict)
    failed_cameras: tuple[CameraId, ...] = ()
    ended_early: tuple[CameraId, ...] = ()
    protection: Protection | None = None


class DeploymentRun:
    """One run of one deployment on given sources.

    Args:
        authority: in force, and bound to the list and models in ``recogniser`` by the caller
            through :meth:`Authority.check_bindings`.
        recogniser: models, watchlist and settings.
        guard: says whether the node may look, under this authority.
        steps: where pauses and the end are written into the deployment's life.
        sources: the cameras; each must be named by the authority.
        start: what the sink records of the start.
        sink: keeps alerts and counts.
        observer: watches.
        clock: the node's clock.
        protection: what was done to keep this process's memory to itself; the sink records it.

    Raises:
        AuthorityError: a source is of a camera that the capability does not name.
    """

    def __init__(
        self,
        *,
        authority: Authority,
        guard: Guard,
        steps: LifeSteps,
        recogniser: Recogniser,
        sources: Sequence[CameraSource],
        start: RunStart,
        sink: RunSink,
        observer: Observer,
        clock: Clock,
        protection: Protection | None = None,
    ) -> None:
        for source in sources:
            authority.check_camera(source.camera)
        self._authority = authority
        self._start = start
        self._sink = sink
        self._observer = observer
        self._clock = clock
        self._protection = protection
        self._observed = ObservedSink(sink, observer, clock)
        self._tally = Tally()
        self._stages = StageTimes()
        self._interrupted = threading.Event()
        self._leave = Leave(authority, clock)
        self._workers = [self._worker(source, recogniser) for source in sources]
        self._watch = Watch(
            guard=guard,
            leave=self._leave,
            steps=steps,
            observer=observer,
            let_go=self._let_go,
            clock=clock,
        )

    def interrupt(self) -> None:
        """End the run properly; may be called from a signal handler or another thread."""
        self._interrupted.set()

    def run(self) -> RunReport:
        """Run to the end.

        Returns:
            The reconciled counts and why it ended.

        Raises:
            StorageError: something could not be kept; alerting stopped with it.
            InputError, UnavailableError: no source could be read at all.
            ReconciliationError: the counts contradict each other.
        """
        try:
            self._sink.start(self._start)
            self._record_protection()
            report = self._run_cameras()
        except BaseException:
            with suppress(OvertError):  # what failed first is what must be said
                self._watch.end(StopReason.FAILED)
            raise
        self._watch.end(report.reason)
        report.counts.check()
        return report

    def _record_protection(self) -> None:
        done = self._protection
        if done is not None:
            self._sink.prepared(
                core_dumps_off=done.core_dumps_off,
                memory_locked=done.memory_locked,
                reason=done.reason,
            )

    def _run_cameras(self) -> RunReport:
        began_s = self._clock.monotonic_s()
        reason = StopReason.FAILED
        try:
            for worker in self._workers:
                worker.start()
            reason = self._supervise()
            self._raise_failure()
        except KeyboardInterrupt:
            reason = StopReason.INTERRUPTED
        except BaseException:
            reason = StopReason.FAILED
            raise
        finally:
            self._stop_cameras()
            counts = self._close(reason)
        over = self._watch.over
        return RunReport(
            counts,
            reason,
            self._clock.monotonic_s() - began_s,
            self._watch.looked_s,
            self._watch.n_pauses,
            self._watch.paused_s,
            "" if over is None or over.by_time else over.reason,
            self._stages.seconds(),
            tuple(worker.camera for worker in self._workers if worker.source_failed),
            tuple(w.camera for w in self._workers if w.reader.stats().ended_early),
            self._protection,
        )

    def _worker(self, source: CameraSource, recogniser: Recogniser) -> CameraWorker:
        calibration = self._authority.capability.calibration
        rate = None
        if calibration is not None:
            rate = FalseAlertRate(calibration.false_alert_one_in, calibration.source)
        pipeline = CameraPipeline(
            deployment=self._authority.capability.deployment,
            recogniser=recogniser,
            rule=self._authority.capability.rule,
            rate=rate,
            sink=self._observed,
            tally=self._tally,
            stages=self._stages,
            clock=self._clock,
        )
        return CameraWorker(
            camera=source.camera,
            reader=source.reader,
            detector=recogniser.detector,
            pipeline=pipeline,
            leave=self._leave,
            tally=self._tally,
            stages=self._stages,
            is_live=source.is_live,
        )

    def _supervise(self) -> StopReason:
        """Watch until the run is over; return why it is."""
        minute_ends_s = self._clock.monotonic_s() + MINUTE_S
        while True:
            self._count_dropped()
            self._observer.progressed(self._progress())
            over = self._watch.ask()
            if over is not None:
                return StopReason.AUTHORITY_ENDED if over.by_time else StopReason.ENDED
            if self._interrupted.is_set():
                return StopReason.INTERRUPTED
            if self._fatal_failures() or not any(w.is_running for w in self._workers):
                return StopReason.FINISHED
            if self._clock.monotonic_s() >= minute_ends_s:
                self._sink.minute(self._clock.now_utc(), self._tally.take())
                minute_ends_s += MINUTE_S
            self._interrupted.wait(POLL_S)

    def _let_go(self) -> None:
        for worker in self._workers:
            worker.let_go()

    def _fatal_failures(self) -> list[BaseException]:
        """Return what no camera could go on after."""
        failures = [w.error for w in self._workers if not w.source_failed]
        return [error for error in (*failures, self._observed.failure) if error is not None]

    def _raise_failure(self) -> None:
        """Raise what ended a camera, unless others could go on without it."""
        fatal = self._fatal_failures()
        if fatal:
            raise fatal[0]
        errors = [worker.error for worker in self._workers if worker.error is not None]
        if errors and len(errors) == len(self._workers):
            raise errors[0]

    def _stop_cameras(self) -> None:
        """Stop every camera and wait until each has closed its passages."""
        for worker in self._workers:
            worker.stop()
        for worker in self._workers:
            worker.join(STOP_WITHIN_S)
            if worker.is_running:
                raise UnavailableError(f"The camera {worker.camera} does not let go.")
        self._count_dropped()

    def _close(self, reason: StopReason) -> FaceCounts:
        """Keep the last counts and the end; the end even if the counts could not be kept."""
        now_utc, counts = self._clock.now_utc(), self._tally.total()
        try:
            self._sink.minute(now_utc, self._tally.take())
        except BaseException:
            reason = StopReason.FAILED
            raise
        finally:
            self._sink.stop(counts, reason, now_utc)
        return counts

    def _count_dropped(self) -> None:
        for worker in self._workers:
            worker.count_dropped()

    def _progress(self) -> Progress:
        expected = [worker.reader.n_frames_expected for worker in self._workers]
        known = [n for n in expected if n is not None]
        return Progress(
            self._tally.total(),
            self._watch.looked_s,
            sum(known) if len(known) == len(expected) else None,
            self._authority.remaining_s,
            sum(worker.source_failed for worker in self._workers),
        )
