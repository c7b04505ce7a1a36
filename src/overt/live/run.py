"""A deployment, from its authority to its closed counts. Read this first, then ``pipeline.py``.

    authority checked → run opened → cameras started → supervised → cameras stopped
        → counts closed and reconciled → run closed

Nothing is decoded before the authority was checked against the list and the models in hand, and
everything stops within a second of its end. However a run ends, it is closed: its counts and its
ledger say how.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from overt.alerts.alert import Alert, AlertPictures, FalseAlertRate
from overt.alerts.ports import RunSink, RunStart, StopReason
from overt.core.clock import Clock
from overt.core.counts import FaceCounts
from overt.core.errors import UnavailableError
from overt.core.ids import AlertId, CameraId
from overt.deployment.authority import Authority
from overt.live.camera import CameraWorker
from overt.live.pipeline import CameraPipeline, Recogniser
from overt.live.stages import StageTimes
from overt.live.tally import Tally
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
class Progress:
    """How a run stands.

    Attributes:
        counts: so far.
        elapsed_s: since the cameras were started.
        n_frames_expected: in all recordings together; None if a source does not say.
        remaining_s: until the authority ends.
        n_cameras_failed: cameras whose source cannot be read.
    """

    counts: FaceCounts
    elapsed_s: float
    n_frames_expected: int | None
    remaining_s: float
    n_cameras_failed: int


class Observer(Protocol):
    """Who watches a run; called from the thread of the run or of a camera, must return soon."""

    def alert_raised(self, alert: Alert, pictures: AlertPictures, stored_after_s: float) -> None:
        """An alert was kept, this long after its frame had arrived."""
        ...

    def alert_repeated(self, alert: AlertId, captured_utc: datetime) -> None:
        """A repeat, seen at this time, was folded into an alert."""
        ...

    def progressed(self, progress: Progress) -> None:
        """Called about ten times a second."""
        ...


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run came to.

    Attributes:
        counts: reconciled.
        reason: why it ended.
        elapsed_s: from the start of the cameras to the end of the last one.
        stage_s: wall seconds by stage, see :class:`overt.live.stages.StageTimes`.
        failed_cameras: cameras whose source could not be read.
        ended_early: cameras whose recording broke off.
    """

    counts: FaceCounts
    reason: StopReason
    elapsed_s: float
    stage_s: dict[str, float] = field(default_factory=dict)
    failed_cameras: tuple[CameraId, ...] = ()
    ended_early: tuple[CameraId, ...] = ()


class _ObservedSink:
    """Tells the observer of what the sink has kept; never before, never instead.

    An observer that fails must not undo what was kept: its failure waits in ``failure`` for the
    supervisor, which stops the run, since alerts that nobody sees must not go on.
    """

    def __init__(self, sink: RunSink, observer: Observer, clock: Clock) -> None:
        self._sink = sink
        self._observer = observer
        self._clock = clock
        self.failure: Exception | None = None

    def raise_alert(self, alert: Alert, pictures: AlertPictures) -> None:
        began_s = self._clock.monotonic_s()
        self._sink.raise_alert(alert, pictures)
        stored_after_s = alert.latency_s + self._clock.monotonic_s() - began_s
        self._tell(lambda: self._observer.alert_raised(alert, pictures, stored_after_s))

    def fold_repeat(self, alert_id: AlertId, when_utc: datetime, similarity: float) -> bool:
        folded = self._sink.fold_repeat(alert_id, when_utc, similarity)
        if folded:
            self._tell(lambda: self._observer.alert_repeated(alert_id, when_utc))
        return folded

    def _tell(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception as error:  # noqa: BLE001 - raised by the supervisor
            self.failure = error


class DeploymentRun:
    """One run of one deployment on given sources.

    Args:
        authority: in force, and bound to the list and models in ``recogniser`` by the caller
            through :meth:`Authority.check_bindings`.
        recogniser: models, watchlist and settings.
        sources: the cameras; each must be named by the authority.
        start: what the sink records of the start.
        sink: keeps alerts and counts.
        observer: watches.
        clock: the node's clock.

    Raises:
        AuthorityError: a source is of a camera that the capability does not name.
    """

    def __init__(
        self,
        *,
        authority: Authority,
        recogniser: Recogniser,
        sources: Sequence[CameraSource],
        start: RunStart,
        sink: RunSink,
        observer: Observer,
        clock: Clock,
    ) -> None:
        for source in sources:
            authority.check_camera(source.camera)
        self._authority = authority
        self._start = start
        self._sink = sink
        self._observer = observer
        self._clock = clock
        self._observed = _ObservedSink(sink, observer, clock)
        self._tally = Tally()
        self._stages = StageTimes()
        self._interrupted = threading.Event()
        self._workers = [self._worker(source, recogniser) for source in sources]

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
        self._sink.start(self._start)
        began_s = self._clock.monotonic_s()
        reason = StopReason.FAILED
        try:
            for worker in self._workers:
                worker.start()
            reason = self._supervise(began_s)
            self._raise_failure()
        except KeyboardInterrupt:
            reason = StopReason.INTERRUPTED
        except BaseException:
            reason = StopReason.FAILED
            raise
        finally:
            self._stop_cameras()
            counts = self._close(reason)
        counts.check()
        return RunReport(
            counts,
            reason,
            self._clock.monotonic_s() - began_s,
            self._stages.seconds(),
            tuple(worker.camera for worker in self._workers if worker.source_failed),
            tuple(w.camera for w in self._workers if w.reader.stats().ended_early),
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
            authority=self._authority,
            tally=self._tally,
            stages=self._stages,
            is_live=source.is_live,
        )

    def _supervise(self, began_s: float) -> StopReason:
        """Watch until the run is over; return why it is."""
        minute_ends_s = began_s + MINUTE_S
        while True:
            self._count_dropped()
            self._observer.progressed(self._progress(began_s))
            if not self._authority.in_force:
                return StopReason.AUTHORITY_ENDED
            if self._interrupted.is_set():
                return StopReason.INTERRUPTED
            if self._fatal_failures() or not any(w.is_running for w in self._workers):
                return StopReason.FINISHED
            if self._clock.monotonic_s() >= minute_ends_s:
                self._sink.minute(self._clock.now_utc(), self._tally.take())
                minute_ends_s += MINUTE_S
            self._interrupted.wait(POLL_S)

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

    def _progress(self, began_s: float) -> Progress:
        expected = [worker.reader.n_frames_expected for worker in self._workers]
        known = [n for n in expected if n is not None]
        return Progress(
            self._tally.total(),
            self._clock.monotonic_s() - began_s,
            sum(known) if len(known) == len(expected) else None,
            self._authority.remaining_s,
            sum(worker.source_failed for worker in self._workers),
        )
