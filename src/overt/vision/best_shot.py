"""Which one to three shots of a passage are compared, and when.

The first shot is taken as soon as one is good enough, so that an alert can come early; a face that
stays small or turned is taken at its best once it has stopped improving. A second is taken when the
face has become clearly better. The third is kept for the best of the passage: an excellent shot, or
whatever was best when improvement stopped or the face left. While a possible match waits for a
second, agreeing shot, one of about the same quality will do. A stranger's passage thus costs one to
three comparisons, whatever its length.

The crop put by, and every crop handed out, is overwritten when the passage ends.
"""

from dataclasses import dataclass, field

import numpy as np

from overt.core.arrays import BgrImage
from overt.core.detections import Detections
from overt.core.frame import Frame
from overt.core.memory import ArrayPool
from overt.vision.align import CROP_SHAPE, align
from overt.vision.quality import (
    QualityGate,
    RejectionReason,
    measure_geometry,
    measure_pixels,
    rank,
)


@dataclass(frozen=True, slots=True)
class BestShotSettings:
    """When a further shot is worth comparing.

    Attributes:
        max_shots: at most this many are compared for each passage.
        good: a first shot of this rank goes at once, see :func:`overt.vision.quality.rank`.
        excellent: the last shot goes at once if it reaches this; more would gain nothing.
        clearly_better: a second shot this many times better than the first goes at once.
        somewhat_better: once improvement has stopped, the best so far goes if it is this many
            times better.
        settled_after_s: improvement has stopped when the best so far has stood this long.
        confirming: a shot that is to confirm may be this share of the last one's rank.
        confirm_after_s: it must be taken at least this much later, to be evidence of its own.
    """

    max_shots: int = 3
    good: float = 16.0
    excellent: float = 42.0
    clearly_better: float = 1.8
    somewhat_better: float = 1.15
    settled_after_s: float = 1.2
    confirming: float = 0.8
    confirm_after_s: float = 0.16

    def __post_init__(self) -> None:
        """Check the ranges once, here."""
        if not 1 <= self.max_shots <= 3:
            raise ValueError("one to three shots are compared for each passage")


_FORGOTTEN: BgrImage = np.zeros((0, 0, 3), np.uint8)


@dataclass(slots=True, eq=False)
class Shot:
    """One aligned crop that passed the gate.

    Attributes:
        crop: 112 × 112 × 3; overwritten by :meth:`forget`.
        rank: its usefulness, see :func:`overt.vision.quality.rank`.
        frame: where it was taken from; an alert is shown with it.
        detections: all faces of that frame.
        face: index of this one.
        room: where the crop was taken from; None if it is an array of its own.
    """

    crop: BgrImage = field(repr=False)
    rank: float
    frame: Frame
    detections: Detections
    face: int
    room: ArrayPool[np.uint8] | None = field(default=None, repr=False)

    def forget(self) -> None:
        """Overwrite the crop, and give its room back; once."""
        crop, self.crop = self.crop, _FORGOTTEN
        room, self.room = self.room, None
        if room is None:
            crop.fill(0)
        else:
            room.give_back(crop)


@dataclass(slots=True)
class ShotChooser:
    """Chooses the shots of one passage.

    Attributes:
        gate: what a shot must satisfy.
        settings: when another is worth it.
        room: where crops are to lie; each is an array of its own if None.
        n_taken: shots handed out so far.
        best_rejection: why the best shot so far was rejected; None once one passed.
    """

    gate: QualityGate
    settings: BestShotSettings
    room: ArrayPool[np.uint8] | None = field(default=None, repr=False)
    n_taken: int = 0
    best_rejection: RejectionReason | None = None
    _best_rejected_rank: float = -1.0
    _last_rank: float = 0.0
    _last_at_s: float = 0.0
    _put_by: Shot | None = field(default=None, repr=False)

    def offer(
        self, frame: Frame, detections: Detections, face: int, *, confirm: bool
    ) -> Shot | None:
        """Look at the face in one frame; return a shot if one is to be compared now.

        Args:
            frame: the full frame.
            detections: all faces found in it.
            face: index of this one.
            confirm: a possible match is waiting for a second shot.

        Returns:
            A shot that the caller must compare and then forget, or None.
        """
        if self.n_taken >= self.settings.max_shots:
            return None
        geometry = measure_geometry(
            detections.landmarks_px[face],
            detections.boxes_px[face],
            float(detections.scores[face]),
            (frame.picture.width_px, frame.picture.height_px),
        )
        value, at_s = rank(geometry), frame.media_time_s
        if self._worth_cropping(value, at_s, confirm=confirm):
            reason = self.gate.check_geometry(geometry)
            if reason is None:
                reason = self._put_by_if_fit(frame, detections, face, value)
            self._note(reason, value)
        return self._take(at_s, confirm=confirm)

    def take_over(self, shot: Shot) -> None:
        """Begin with a shot that another chooser handed out, as when a track has changed faces."""
        self.n_taken = 1
        self._last_rank, self._last_at_s = shot.rank, shot.frame.media_time_s

    def last(self) -> Shot | None:
        """Return the shot put by that is still worth comparing when the passage ends, if any."""
        if self.n_taken >= self.settings.max_shots or self._put_by is None:
            return None
        if self.n_taken and self._put_by.rank < self.settings.somewhat_better * self._last_rank:
            return None
        return self._hand_out()

    def forget(self) -> None:
        """Overwrite what was put by."""
        if self._put_by is not None:
            self._put_by.forget()
            self._put_by = None

    def _worth_cropping(self, value: float, at_s: float, *, confirm: bool) -> bool:
        """Spend time on pixels only for a shot that could be handed out."""
        if self.n_taken == 0 and self._put_by is None:
            return True
        if confirm and self._is_evidence_of_its_own(at_s):
            return value >= self.settings.confirming * self._last_rank
        best = self._put_by.rank if self._put_by else self._last_rank
        return value > 1.05 * best and value >= self.settings.somewhat_better * self._last_rank

    def _is_evidence_of_its_own(self, at_s: float) -> bool:
        """Whether a shot taken now says more than the last one said already."""
        return at_s - self._last_at_s >= self.settings.confirm_after_s

    def _put_by_if_fit(
        self, frame: Frame, detections: Detections, face: int, value: float
    ) -> RejectionReason | None:
        """Crop the face and put it by, or return why its pixels rule it out."""
        crop = np.zeros(CROP_SHAPE, np.uint8) if self.room is None else self.room.take()
        shot = Shot(crop, value, frame, detections, face, self.room)
        try:
            align(frame.picture, detections.landmarks_px[face], crop)
            reason = self.gate.check_pixels(measure_pixels(crop))
        except BaseException:
            shot.forget()
            raise
        if reason is not None:
            shot.forget()
            return reason
        self.forget()
        self._put_by = shot
        return None

    def _note(self, reason: RejectionReason | None, value: float) -> None:
        """Remember why the best shot so far was rejected, until one passes."""
        if reason is None:
            self.best_rejection, self._best_rejected_rank = None, float("inf")
        elif value > self._best_rejected_rank:
            self.best_rejection, self._best_rejected_rank = reason, value

    def _take(self, at_s: float, *, confirm: bool) -> Shot | None:
        shot = self._put_by
        if shot is None:
            return None
        settled = at_s - shot.frame.media_time_s >= self.settings.settled_after_s
        better = shot.rank >= self.settings.somewhat_better * self._last_rank
        confirms = confirm and self._is_evidence_of_its_own(shot.frame.media_time_s)
        if confirms or (settled and better) or shot.rank >= self._at_once():
            return self._hand_out()
        return None

    def _at_once(self) -> float:
        """Return the rank from which the next shot does not wait."""
        if self.n_taken == 0:
            return self.settings.good
        if self.n_taken == self.settings.max_shots - 1:
            return max(self.settings.excellent, self.settings.somewhat_better * self._last_rank)
        return self.settings.clearly_better * self._last_rank

    def _hand_out(self) -> Shot:
        shot = self._put_by
        if shot is None:
            raise RuntimeError("no shot was put by")
        self._put_by = None
        self.n_taken += 1
        self._last_rank = max(self._last_rank, shot.rank)
        self._last_at_s = shot.frame.media_time_s
        return shot
