"""Faces found in one frame, as a struct of arrays."""

from dataclasses import dataclass

import numpy as np

from overt.core.arrays import Boxes, Landmarks, Scores


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """``n`` faces of one frame, in pixels of the full picture, best score first.

    Attributes:
        boxes_px: n × 4, left, top, right, bottom.
        landmarks_px: n × 5 × 2, see :data:`overt.core.arrays.Landmarks`.
        scores: n, the detector's confidence, 0 to 1.
    """

    boxes_px: Boxes
    landmarks_px: Landmarks
    scores: Scores

    def __post_init__(self) -> None:
        """Check the shapes once, here."""
        n = len(self.scores)
        found = (self.boxes_px.shape, self.landmarks_px.shape, self.scores.shape)
        expected = ((n, 4), (n, 5, 2), (n,))
        if found != expected:
            raise ValueError(f"expected shapes {expected}, got {found}")

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls) -> "Detections":
        """Return no faces."""
        return cls(
            np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.float32)
        )
