"""Faces in a picture: runs the detector at a scaled size and reads its outputs.

The boxes and landmarks that come out are in pixels of the full picture, whatever size the detector
saw. Output format of YuNet: Wu et al., *YuNet: A Tiny Millisecond-level Face Detector* (2023).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import BgrImage, Boxes, Scores
from overt.core.detections import Detections
from overt.core.frame import Picture
from overt.inference.engine import Engine, Pending

STRIDES_PX = (8, 16, 32)

STILL_SIDES_PX = (960, 480, 240, 120)
"""Longest sides at which a still is looked at: at one of them a face is 20 to 200 pixels wide."""

MAX_WITHIN = 0.6
"""In a still, of two boxes of which the smaller lies this much within the other, the surer stays:
where a face fills the picture, the largest side shows a part of it as a face of its own."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """How faces are looked for.

    Attributes:
        longest_side_px: the picture is scaled so that its longest side is this, unless it is
            smaller already; 960 finds a 24-pixel face of a 1080p frame at 12 pixels.
        shortest_allowed_px: smaller pictures are enlarged up to this longest side.
        min_score: detections below are not faces, 0 to 1.
        max_overlap: of two boxes that overlap more (intersection over union), the better stays.
    """

    longest_side_px: int = 960
    shortest_allowed_px: int = 640
    min_score: float = 0.6
    max_overlap: float = 0.3

    def __post_init__(self) -> None:
        """Check the ranges once, here."""
        if not 0 < self.shortest_allowed_px <= self.longest_side_px:
            raise ValueError("expected 0 < shortest_allowed_px ≤ longest_side_px")
        if not 0 < self.min_score < 1 or not 0 < self.max_overlap < 1:
            raise ValueError("scores and overlaps lie between 0 and 1")


class PendingDetections:
    """Faces that are being looked for; :meth:`result` waits for them."""

    def __init__(
        self,
        pending: Pending,
        scale: tuple[float, float],
        input_size_px: tuple[int, int],
        settings: DetectorSettings,
    ) -> None:
        self._pending = pending
        self._scale = scale
        self._input_size_px = input_size_px
        self._settings = settings

    def result(self) -> Detections:
        """Return the faces, best score first."""
        return decode_yunet(
            self._pending.result(), self._input_size_px, self._scale, self._settings
        )


class FaceDetector:
    """Finds every face in a picture; thread-safe as far as its engine is."""

    def __init__(self, engine: Engine, settings: DetectorSettings | None = None) -> None:
        self._engine = engine
        self.settings = settings or DetectorSettings()

    def submit(self, picture: Picture) -> PendingDetections:
        """Start looking for faces and return at once."""
        image, scale = self._input(picture)
        size_px = (int(image.shape[1]), int(image.shape[0]))
        return PendingDetections(
            self._engine.submit(image[np.newaxis]), scale, size_px, self.settings
        )

    def detect(self, picture: Picture) -> Detections:
        """Return the faces of ``picture``, best score first."""
        return self.submit(picture).result()

    def detect_still(self, picture: Picture) -> Detections:
        """Return the faces of a still, which may fill it or stand far back, best score first.

        The detector is surest of faces of 20 to 200 pixels, so a still is looked at in several
        sizes, never enlarged, and the surest sighting of each face is kept.
        """
        longest = max(picture.width_px, picture.height_px, 1)
        sides = sorted({min(side, longest) for side in STILL_SIDES_PX}, reverse=True)
        found = [self._detect_at(picture, side) for side in sides]
        boxes = np.concatenate([each.boxes_px for each in found])
        scores = np.concatenate([each.scores for each in found])
        landmarks = np.concatenate([each.landmarks_px for each in found])
        keep = suppress_overlaps(boxes, scores, self.settings.max_overlap)
        keep = keep[suppress_overlaps(boxes[keep], scores[keep], MAX_WITHIN, shares)]
        return Detections(boxes[keep], landmarks[keep], scores[keep])

    def _detect_at(self, picture: Picture, side_px: int) -> Detections:
        settings = replace(self.settings, longest_side_px=side_px, shortest_allowed_px=1)
        return FaceDetector(self._engine, settings).detect(picture)

    def _input(self, picture: Picture) -> tuple[BgrImage, tuple[float, float]]:
        """Return the scaled picture, padded to multiples of 32, and the scales of its two axes.

        They differ a little, because both sides are whole pixels. A picture without a pixel is
        looked at as a black one.
        """
        if not picture.width_px or not picture.height_px:
            return np.zeros((STRIDES_PX[-1], STRIDES_PX[-1], 3), np.uint8), (1.0, 1.0)
        longest = max(picture.width_px, picture.height_px)
        target = min(max(longest, self.settings.shortest_allowed_px), self.settings.longest_side_px)
        width = max(1, round(picture.width_px * target / longest))
        height = max(1, round(picture.height_px * target / longest))
        scale = width / picture.width_px, height / picture.height_px
        return _pad_to_stride(picture.scaled(width, height)), scale


def _pad_to_stride(image: BgrImage) -> BgrImage:
    height, width = image.shape[:2]
    padded_height, padded_width = (-(-side // 32) * 32 for side in (height, width))
    if (padded_height, padded_width) == (height, width):
        return np.ascontiguousarray(image)
    padded = np.zeros((padded_height, padded_width, 3), np.uint8)
    padded[:height, :width] = image
    return padded


@lru_cache(maxsize=16)
def _grid(width_px: int, height_px: int, stride_px: int) -> NDArray[np.float32]:
    """Return the column and row of every cell of one stride, n × 2, rows first."""
    rows, columns = np.mgrid[0 : height_px // stride_px, 0 : width_px // stride_px]
    return np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32)


def decode_yunet(
    outputs: Mapping[str, NDArray[np.float32]],
    input_size_px: tuple[int, int],
    scale: tuple[float, float],
    settings: DetectorSettings,
) -> Detections:
    """Read YuNet's twelve outputs.

    Args:
        outputs: ``cls_s``, ``obj_s`` (1 × n × 1, after the sigmoid), ``bbox_s`` (1 × n × 4) and
            ``kps_s`` (1 × n × 10) for each stride s.
        input_size_px: width and height of the detector's input, multiples of 32.
        scale: input pixels for each pixel of the full picture, across and down.
        settings: thresholds.

    Returns:
        Faces in pixels of the full picture, best score first, overlaps removed. What is not a
        finite number is no face.
    """
    by_stride = [
        _decode_stride(outputs, _grid(*input_size_px, stride), stride, settings.min_score)
        for stride in STRIDES_PX
    ]
    boxes = np.concatenate([each.boxes_px for each in by_stride])
    landmarks = np.concatenate([each.landmarks_px for each in by_stride])
    scores = np.concatenate([each.scores for each in by_stride])
    keep = suppress_overlaps(boxes, scores, settings.max_overlap)
    full = np.reciprocal(np.array(scale, np.float32))
    return Detections(boxes[keep] * np.tile(full, 2), landmarks[keep] * full, scores[keep])


def _decode_stride(
    outputs: Mapping[str, NDArray[np.float32]],
    grid: NDArray[np.float32],
    stride: int,
    min_score: float,
) -> Detections:
    """Return the faces that the cells of one stride report, in pixels of the input."""
    sure_of_class, sure_of_object = (
        np.clip(outputs[f"{name}_{stride}"].ravel(), 0, 1) for name in ("cls", "obj")
    )
    score = np.sqrt(sure_of_class * sure_of_object)
    chosen = np.flatnonzero(score >= min_score)
    if chosen.size == 0:
        return Detections.empty()
    cell = grid[chosen]
    box = outputs[f"bbox_{stride}"].reshape(-1, 4)[chosen]
    points = outputs[f"kps_{stride}"].reshape(-1, 5, 2)[chosen]
    with np.errstate(over="ignore", invalid="ignore"):
        centre = (cell + box[:, :2]) * stride
        half = np.exp(box[:, 2:]) * stride / 2
        boxes = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
        landmarks = ((points + cell[:, np.newaxis]) * stride).astype(np.float32)
    finite = np.isfinite(boxes).all(axis=1) & np.isfinite(landmarks).all(axis=(1, 2))
    return Detections(boxes[finite], landmarks[finite], score[chosen][finite].astype(np.float32))


def overlaps(box: NDArray[np.float32], boxes: Boxes) -> Scores:
    """Return the intersection over union of ``box`` (4) with each of ``boxes`` (n × 4)."""
    shared, area, own = _areas(box, boxes)
    return np.asarray(shared / np.maximum(own + area - shared, 1e-9), np.float32)


def shares(box: NDArray[np.float32], boxes: Boxes) -> Scores:
    """Return how much of the smaller of ``box`` (4) and each of ``boxes`` (n × 4) is in both."""
    shared, area, own = _areas(box, boxes)
    return np.asarray(shared / np.maximum(np.minimum(own, area), 1e-9), np.float32)


def _areas(box: NDArray[np.float32], boxes: Boxes) -> tuple[Scores, Scores, np.float32]:
    """Return the area that ``box`` shares with each of ``boxes``, their areas and its own."""
    width = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    height = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    shared = np.clip(width, 0, None) * np.clip(height, 0, None)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    own = np.float32((box[2] - box[0]) * (box[3] - box[1]))
    return shared, area, own


def suppress_overlaps(
    boxes: Boxes,
    scores: Scores,
    most: float,
    measure: Callable[[NDArray[np.float32], Boxes], Scores] = overlaps,
) -> NDArray[np.intp]:
    """Return the indices of the boxes that stay, best score first; equal scores in given order.

    Args:
        boxes: n × 4.
        scores: n.
        most: a box stays if ``measure`` of it with every better one that stays is at most this.
        measure: of one box with many, 0 to 1.
    """
    order = np.argsort(-scores, kind="stable")
    keep: list[int] = []
    while order.size:
        best = int(order[0])
        keep.append(best)
        rest = order[1:]
        order = rest[measure(boxes[best], boxes[rest]) <= most]
    return np.asarray(keep, np.intp)
