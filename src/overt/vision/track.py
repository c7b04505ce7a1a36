"""The face tracker: joins detections of one face from frame to frame into one passage.

Each track predicts where its face will be (constant velocity, an alpha-beta filter on centre and
log size) and detections are assigned to predictions by the Hungarian method, sure detections first
and doubtful ones second (ByteTrack, Zhang et al. 2022). Motion alone carries identity through a
crossing; no appearance is kept.

A track lives before one camera in one run. It is never joined to a track of another camera, and
nothing of it outlives it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from overt.core.detections import Detections
from overt.core.ids import TrackId

FORBIDDEN = 1e6

LEAST_ELAPSED_S = 0.02
"""Frames that come closer together than this say nothing of speed: the detector's unsteadiness,
divided by next to nothing, would throw the face off."""


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """How detections are joined.

    Attributes:
        sure_score: only detections at least this sure start a track.
        doubtful_score: detections at least this sure continue one; the others are left alone.
        max_distance: a detection further from the prediction than this many face sizes is not it.
        max_size_ratio: nor is one that is larger or smaller by more than this factor.
        lost_after_s: a track not seen for this long has ended.
        min_hits: a track seen fewer times was noise of the detector, not a face.
        position_gain: weight of a new position against the prediction, 0 to 1.
        velocity_gain: weight of a new velocity against the old, 0 to 1.
    """

    sure_score: float = 0.8
    doubtful_score: float = 0.4
    max_distance: float = 1.4
    max_size_ratio: float = 1.9
    lost_after_s: float = 1.5
    min_hits: int = 2
    position_gain: float = 0.75
    velocity_gain: float = 0.25


@dataclass(slots=True, eq=False)
class Track:
    """One face while it passes.

    Attributes:
        id: unique for this tracker.
        first_s: media time of its first detection.
        last_s: media time of its last detection.
        n_hits: in how many frames it was detected.
        detection: index of its detection in the present frame, None if it was not seen in it.
        state: centre x, centre y (px), log of size (px).
        velocity: of the state, for each second.
    """

    id: TrackId
    first_s: float
    last_s: float
    state: NDArray[np.float64]
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    n_hits: int = 1
    detection: int | None = None

    def predicted(self, at_s: float) -> NDArray[np.float64]:
        """Return the expected state at a media time; sizes are not extrapolated far."""
        ahead_s = at_s - self.last_s
        growth = float(np.clip(self.velocity[2] * ahead_s, -0.3, 0.3))
        expected = self.state + self.velocity * ahead_s
        expected[2] = self.state[2] + growth
        return expected


@dataclass(frozen=True, slots=True)
class TrackerUpdate:
    """What one frame did.

    Attributes:
        seen: tracks with a detection in this frame and enough hits to count as a face.
        ended: tracks that ended with it, each once; only those that counted as a face.
    """

    seen: tuple[Track, ...]
    ended: tuple[Track, ...]


class FaceTracker:
    """Follows the faces of one camera. Not thread-safe: one camera, one tracker, one thread."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings or TrackerSettings()
        self._tracks: list[Track] = []
        self._next_id = 1

    def update(self, detections: Detections, at_s: float) -> TrackerUpdate:
        """Join the detections of one frame.

        Args:
            detections: faces of the frame.
            at_s: its media time, never less than that of the frame before.

        Returns:
            The tracks seen and the tracks that ended.
        """
        ended = self._end_lost(at_s)
        for track in self._tracks:
            track.detection = None
        states = _states(detections)
        sure = detections.scores >= self.settings.sure_score
        doubtful = ~sure & (detections.scores >= self.settings.doubtful_score)
        free = self._assign(self._tracks, states, np.flatnonzero(sure), at_s)
        unseen = [track for track in self._tracks if track.detection is None]
        self._assign(unseen, states, np.flatnonzero(doubtful), at_s)
        for index in free:
            self._begin(int(index), states[index], at_s)
        seen = [t for t in self._tracks if t.detection is not None and self._is_face(t)]
        return TrackerUpdate(tuple(seen), ended)

    def finish(self) -> tuple[Track, ...]:
        """End every track, as when the stream ends; return those that counted as a face."""
        ended = tuple(track for track in self._tracks if self._is_face(track))
        self._tracks = []
        return ended

    def _is_face(self, track: Track) -> bool:
        return track.n_hits >= self.settings.min_hits

    def _assign(
        self,
        tracks: Sequence[Track],
        states: NDArray[np.float64],
        indices: NDArray[np.intp],
        at_s: float,
    ) -> NDArray[np.intp]:
        """Give each track at most one of the detections ``indices``; return those left over."""
        if not tracks or indices.size == 0:
            return indices
        expected = np.stack([track.predicted(at_s) for track in tracks])
        cost = self._costs(expected, states[indices])
        rows, columns = linear_sum_assignment(cost)
        taken = np.zeros(len(indices), bool)
        for row, column in zip(rows, columns, strict=True):
            if cost[row, column] < FORBIDDEN:
                track = tracks[int(row)]
                self._observe(track, states[indices[column]], at_s)
                track.detection = int(indices[column])
                taken[column] = True
        return indices[~taken]

    def _costs(
        self, expected: NDArray[np.float64], found: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return tracks × detections: distance in face sizes plus the change of size."""
        offset = expected[:, np.newaxis, :2] - found[np.newaxis, :, :2]
        size = np.exp(np.maximum(expected[:, np.newaxis, 2], found[np.newaxis, :, 2]))
        distance = np.hypot(offset[..., 0], offset[..., 1]) / size
        change = np.abs(expected[:, np.newaxis, 2] - found[np.newaxis, :, 2])
        cost = distance + 0.7 * change
        limit = self.settings
        impossible = (distance > limit.max_distance) | (change > np.log(limit.max_size_ratio))
        return np.asarray(np.where(impossible, FORBIDDEN, cost), np.float64)

    def _observe(self, track: Track, found: NDArray[np.float64], at_s: float) -> None:
        elapsed_s = at_s - track.last_s
        expected = track.predicted(at_s)
        surprise = found - expected
        # The first steps trust the measurement: a new track has no velocity yet.
        gain = max(self.settings.velocity_gain, 1 / (track.n_hits + 1))
        track.velocity = track.velocity + gain * surprise / max(elapsed_s, LEAST_ELAPSED_S)
        track.state = expected + self.settings.position_gain * surprise
        track.last_s = at_s
        track.n_hits += 1

    def _begin(self, index: int, state: NDArray[np.float64], at_s: float) -> None:
        track = Track(TrackId(self._next_id), at_s, at_s, state.copy(), detection=index)
        self._next_id += 1
        self._tracks.append(track)

    def _end_lost(self, at_s: float) -> tuple[Track, ...]:
        limit_s = self.settings.lost_after_s
        lost = [track for track in self._tracks if at_s - track.last_s > limit_s]
        self._tracks = [track for track in self._tracks if at_s - track.last_s <= limit_s]
        return tuple(track for track in lost if self._is_face(track))


def _states(detections: Detections) -> NDArray[np.float64]:
    """Return n × 3: centre x, centre y and log size of each box."""
    boxes = detections.boxes_px.astype(np.float64)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
    return np.column_stack([centre, np.log(np.sqrt(sides[:, 0] * sides[:, 1]))])
