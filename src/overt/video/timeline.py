"""Presentation times that never go back, whatever a stream says of itself.

Invariants: the times that come out never decrease. A missing time is the last one plus a frame
period; a time that goes back (a wrapped counter, a second file, a reconnect) continues from the
last one.
"""

from fractions import Fraction

_DEFAULT_PERIOD_S = 1 / 25


class MediaTimeline:
    """Turns presentation timestamps into seconds since the first frame.

    Attributes:
        period_s: the frame period that stands in for missing times.
    """

    def __init__(self, period_s: float = _DEFAULT_PERIOD_S) -> None:
        self.period_s = period_s
        self._last_s: float | None = None
        self._offset_s: float | None = None

    @property
    def next_s(self) -> float:
        """Where the next frame goes if it says nothing of its own time."""
        return 0.0 if self._last_s is None else self._last_s + self.period_s

    def continue_after(self, gap_s: float, period_s: float | None = None) -> None:
        """Begin another stretch of stream, whose first frame comes ``gap_s`` after the last one."""
        self.period_s = period_s or self.period_s
        self._offset_s = None
        if self._last_s is not None:
            self._last_s += max(gap_s - self.period_s, 0.0)

    def place(self, pts: int | None, time_base: Fraction | None) -> float:
        """Return the media time in seconds of the next frame."""
        next_s = self.next_s
        if pts is None or time_base is None:
            self._last_s = next_s
            return next_s
        stream_s = float(pts * time_base)
        if self._offset_s is None:
            self._offset_s = next_s - stream_s
        placed_s = stream_s + self._offset_s
        if self._last_s is not None and placed_s < self._last_s:
            self._offset_s = next_s - stream_s
            placed_s = next_s
        self._last_s = placed_s
        return placed_s
