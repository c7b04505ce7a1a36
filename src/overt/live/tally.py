"""Counting while it happens: several cameras add, one supervisor reads."""

import threading
from collections import Counter

from overt.core.counts import FaceCounts
from overt.live.passage import Passage

NO_SHOT = "no shot"
"""The reason for a passage that ended before a single shot could be judged."""


class Tally:
    """The running counts of one run; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = FaceCounts()
        self._numbers: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()

    def frame(self, n_detections: int) -> None:
        """Count one frame that was looked at."""
        with self._lock:
            self._numbers["frames_read"] += 1
            self._numbers["detections"] += n_detections

    def dropped(self, n_frames: int) -> None:
        """Count frames that came late, or were waiting at the end, and were not looked at."""
        with self._lock:
            self._numbers["frames_dropped"] += n_frames

    def passage(self, ended: Passage) -> None:
        """Count a passage when it has ended; once each."""
        with self._lock:
            self._numbers["faces_detected"] += 1
            if ended.n_compared == 0:
                reason = ended.chooser.best_rejection
                self._numbers["faces_rejected"] += 1
                self._reasons[reason.value if reason else NO_SHOT] += 1
                return
            self._numbers["faces_compared"] += 1
            self._numbers["faces_alerted" if ended.alert else "faces_erased"] += 1
            self._numbers["repeats"] += ended.repeats is not None

    def take(self) -> FaceCounts:
        """Return what was counted since the last call of this method."""
        with self._lock:
            recent = self._recent()
            self._total += recent
            self._numbers.clear()
            self._reasons.clear()
            return recent

    def total(self) -> FaceCounts:
        """Return all counts so far. Passages under way are in none of them."""
        with self._lock:
            return self._total + self._recent()

    def _recent(self) -> FaceCounts:
        return FaceCounts(rejected_by_reason=dict(self._reasons), **self._numbers)
