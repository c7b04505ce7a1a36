"""Who watches a run, and how they are told: of alerts only once they are kept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from overt.alerts.alert import Alert, AlertPictures
from overt.alerts.ports import RunSink
from overt.core.clock import Clock
from overt.core.counts import FaceCounts
from overt.core.ids import AlertId
from overt.deployment.guard import PauseCause
from overt.live.watch import PauseObserver


@dataclass(frozen=True, slots=True)
class Progress:
    """How a run stands.

    Attributes:
        counts: so far.
        looked_s: how long frames have been looked at.
        n_frames_expected: in all recordings together; None if a source does not say.
        remaining_s: until the authority ends.
        n_cameras_failed: cameras whose source cannot be read.
    """

    counts: FaceCounts
    looked_s: float
    n_frames_expected: int | None
    remaining_s: float
    n_cameras_failed: int


class Observer(PauseObserver, Protocol):
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


class BothObservers:
    """Tells two who watch, the first one first."""

    def __init__(self, first: Observer, second: Observer) -> None:
        self._both = (first, second)

    def alert_raised(self, alert: Alert, pictures: AlertPictures, stored_after_s: float) -> None:
        """See :class:`Observer`."""
        for each in self._both:
            each.alert_raised(alert, pictures, stored_after_s)

    def alert_repeated(self, alert: AlertId, captured_utc: datetime) -> None:
        """See :class:`Observer`."""
        for each in self._both:
            each.alert_repeated(alert, captured_utc)

    def progressed(self, progress: Progress) -> None:
        """See :class:`Observer`."""
        for each in self._both:
            each.progressed(progress)

    def paused(self, reason: str, cause: PauseCause) -> None:
        """See :class:`overt.live.watch.PauseObserver`."""
        for each in self._both:
            each.paused(reason, cause)

    def resumed(self) -> None:
        """See :class:`overt.live.watch.PauseObserver`."""
        for each in self._both:
            each.resumed()


class ObservedSink:
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
        """See :meth:`overt.alerts.ports.AlertSink.raise_alert`."""
        began_s = self._clock.monotonic_s()
        self._sink.raise_alert(alert, pictures)
        stored_after_s = alert.latency_s + self._clock.monotonic_s() - began_s
        self._tell(lambda: self._observer.alert_raised(alert, pictures, stored_after_s))

    def fold_repeat(self, alert_id: AlertId, when_utc: datetime, similarity: float) -> bool:
        """See :meth:`overt.alerts.ports.AlertSink.fold_repeat`."""
        folded = self._sink.fold_repeat(alert_id, when_utc, similarity)
        if folded:
            self._tell(lambda: self._observer.alert_repeated(alert_id, when_utc))
        return folded

    def _tell(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception as error:  # noqa: BLE001 - raised by the supervisor
            self.failure = error
