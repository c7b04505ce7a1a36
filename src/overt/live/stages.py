"""Where the time of a frame goes: wall seconds by stage, summed over the run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

STAGES = ("wait", "scale", "detect", "track", "choose", "embed", "compare", "alert")


class StageTimes:
    """Seconds spent in each stage by the camera threads; thread-safe.

    ``wait`` is for the next frame (decoding happens in the reader's own thread), ``detect`` for
    the detector beyond what ran while other stages did. Not a clock for records: it never leaves
    the report of a run.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time of the block to ``stage``."""
        began = perf_counter()
        try:
            yield
        finally:
            self.add(stage, perf_counter() - began)

    def add(self, stage: str, seconds: float) -> None:
        """Add ``seconds`` to ``stage``."""
        with self._lock:
            self._seconds[stage] += seconds

    def seconds(self) -> dict[str, float]:
        """Return the sums in the order of the frame path."""
        with self._lock:
            return dict(self._seconds)
