"""The probe quality gate: is this face fit to be compared, and if not, why not.

Two steps, because pixels cost more than geometry: :func:`measure_geometry` needs only landmarks,
:func:`measure_pixels` the aligned crop. The measures follow ISO/IEC 29794-5 in spirit (inter-eye
distance, pose, sharpness, exposure) and are our own in detail; none of them is about who or what
the person is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import BgrImage
from overt.core.memory import ArrayPool
from overt.vision.align import share_of_crop_inside

NOSE_DEPTH_EYE_DISTANCES = 0.55
"""How far the nose tip stands out from the plane of the eyes, in inter-eye distances; turns the
sideways offset of the nose into a yaw. Approximate, as is any pose from five points."""

FRONTAL_NOSE_HEIGHT = 0.58
"""Where the nose tip lies between the eyes (0) and the mouth (1) of a level face."""


_AROUND_FACE = (slice(20, 108), slice(16, 96))
"""Rows and columns of an aligned crop that show the face and a margin, not hair or background."""

_FACE = (slice(4, -4), slice(4, -4))
"""Of these, the face without the margin, where a blur has no border to invent."""

_DETAIL_PX = 1.5
"""What a Gaussian of this standard deviation in the crop takes away is fine detail."""

_REACH = 6
"""Of that Gaussian, to either side: four standard deviations."""

_WEIGHTS = tuple(np.float32(cv2.getGaussianKernel(2 * _REACH + 1, _DETAIL_PX)).ravel())
_ROWS, _COLUMNS = (each.stop - each.start for each in _AROUND_FACE)
_SCRATCH = ArrayPool((3, _ROWS + 2 * _REACH, _COLUMNS + 2 * _REACH), np.float32, n_at_once=2)


class RejectionReason(Enum):
    """Why a shot is not compared; the values are what people and records read."""

    TOO_SMALL = "too small"
    TURNED = "turned away"
    TILTED = "tilted up or down"
    UNSURE = "not clearly a face"
    CUT_OFF = "cut off by the edge"
    BLURRED = "blurred"
    DARK = "too dark"
    BRIGHT = "too bright"
    FLAT = "too little contrast"


@dataclass(frozen=True, slots=True)
class Geometry:
    """What the landmarks say of one face.

    Attributes:
        eye_distance_px: between the eyes, corrected for yaw, in pixels of the full picture.
        yaw_deg: turned to the side, 0 is frontal, sign is the side; approximate.
        pitch: vertical place of the nose between eyes and mouth, 0 is level; unitless.
        detector_score: 0 to 1.
        inside: the share of the face that lies within the picture, 0 to 1: of the detector's box
            or of the aligned crop, whichever is less, since the detector draws its boxes inside.
    """

    eye_distance_px: float
    yaw_deg: float
    pitch: float
    detector_score: float
    inside: float


@dataclass(frozen=True, slots=True)
class Pixels:
    """What the aligned crop says of one face.

    Attributes:
        sharpness: share of the contrast that is fine detail, 0 to 1. Measured on LFW: 0.11 and more
            (0.21 in the median); blurred until a template is useless, 0.05 and less.
        brightness: mean of the face's centre, 0 to 255.
        contrast: standard deviation of the face's centre, 0 to 127.
    """

    sharpness: float
    brightness: float
    contrast: float


@dataclass(frozen=True, slots=True)
class QualityGate:
    """Limits that a shot must keep to be compared.

    Attributes:
        min_eye_distance_px: smaller faces hold too little detail.
        max_yaw_deg: turned further is rejected, either side.
        max_pitch: tilted further is rejected, up or down; see :class:`Geometry`.
        min_detector_score: 0 to 1.
        min_inside: share of the face's box inside the picture.
        min_sharpness: see :class:`Pixels`.
        brightness: darkest and brightest mean allowed.
        min_contrast: see :class:`Pixels`.
    """

    min_eye_distance_px: float = 14.0
    max_yaw_deg: float = 40.0
    max_pitch: float = 0.30
    min_detector_score: float = 0.65
    min_inside: float = 0.9
    min_sharpness: float = 0.055
    brightness: tuple[float, float] = (30.0, 232.0)
    min_contrast: float = 10.0

    def check_geometry(self, geometry: Geometry) -> RejectionReason | None:
        """Return why the landmarks alone rule the shot out, or None."""
        return next(self.faults_of_geometry(geometry), None)

    def check_pixels(self, pixels: Pixels) -> RejectionReason | None:
        """Return why the crop rules the shot out, or None."""
        return next(self.faults_of_pixels(pixels), None)

    def faults_of_geometry(self, geometry: Geometry) -> Iterator[RejectionReason]:
        """Yield every limit that the landmarks break, the one to be told first."""
        if geometry.eye_distance_px < self.min_eye_distance_px:
            yield RejectionReason.TOO_SMALL
        if geometry.inside < self.min_inside:
            yield RejectionReason.CUT_OFF
        if abs(geometry.yaw_deg) > self.max_yaw_deg:
            yield RejectionReason.TURNED
        if abs(geometry.pitch) > self.max_pitch:
            yield RejectionReason.TILTED
        if geometry.detector_score < self.min_detector_score:
            yield RejectionReason.UNSURE

    def faults_of_pixels(self, pixels: Pixels) -> Iterator[RejectionReason]:
        """Yield every limit that the crop breaks, the one to be told first."""
        darkest, brightest = self.brightness
        if pixels.brightness < darkest:
            yield RejectionReason.DARK
        if pixels.brightness > brightest:
            yield RejectionReason.BRIGHT
        if pixels.contrast < self.min_contrast:
            yield RejectionReason.FLAT
        if pixels.sharpness < self.min_sharpness:
            yield RejectionReason.BLURRED


def measure_geometry(
    landmarks_px: NDArray[np.float32],
    box_px: NDArray[np.float32],
    detector_score: float,
    picture_size_px: tuple[int, int],
) -> Geometry:
    """Measure one face from its landmarks (5 × 2), box (4) and the picture's width and height."""
    right_eye, left_eye, nose, right_mouth, left_mouth = landmarks_px.astype(np.float64)
    across = left_eye - right_eye
    between_px = max(float(np.hypot(across[0], across[1])), 1e-6)
    sideways = across / between_px
    down = np.array([-sideways[1], sideways[0]])
    eyes, mouth = (right_eye + left_eye) / 2, (right_mouth + left_mouth) / 2
    middle = (eyes + mouth) / 2
    offset = float((nose - middle) @ sideways) / between_px
    yaw = np.arctan2(offset, NOSE_DEPTH_EYE_DISTANCES)
    face_height = max(float((mouth - eyes) @ down), 1e-6)
    nose_height = float((nose - eyes) @ down) / face_height
    # A turned face shows its eyes closer together than they are; the mouth does not foreshorten.
    eye_distance = max(between_px, face_height / 1.15)
    return Geometry(
        eye_distance_px=eye_distance,
        yaw_deg=float(np.degrees(yaw)),
        pitch=nose_height - FRONTAL_NOSE_HEIGHT,
        detector_score=detector_score,
        inside=min(
            _share_inside(box_px, picture_size_px),
            share_of_crop_inside(landmarks_px, picture_size_px),
        ),
    )


def _share_inside(box_px: NDArray[np.float32], picture_size_px: tuple[int, int]) -> float:
    left, top, right, bottom = (float(v) for v in box_px)
    width, height = picture_size_px
    area = max(right - left, 0.0) * max(bottom - top, 0.0)
    if area <= 0:
        return 0.0
    shared = max(min(right, width) - max(left, 0.0), 0.0)
    shared *= max(min(bottom, height) - max(top, 0.0), 0.0)
    return shared / area


def measure_pixels(crop: BgrImage) -> Pixels:
    """Measure an aligned crop (112 × 112 × 3). Only its centre counts, not hair or background."""
    scratch = _SCRATCH.take()
    try:
        padded, blurred, weighted = scratch
        inside = padded[_REACH : _REACH + _ROWS, _REACH : _REACH + _COLUMNS]
        whole = np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)
        inside[:] = whole[_AROUND_FACE]
        whole.fill(0)
        mean, deviation = cv2.meanStdDev(inside[_FACE])
        _keep_detail(padded, blurred, weighted)
        _, detail = cv2.meanStdDev(inside[_FACE])
        contrast = float(deviation[0, 0])
        return Pixels(
            sharpness=float(detail[0, 0]) / max(contrast, 1.0),
            brightness=float(mean[0, 0]),
            contrast=contrast,
        )
    finally:
        _SCRATCH.give_back(scratch)


def _keep_detail(
    padded: NDArray[np.float32], blurred: NDArray[np.float32], weighted: NDArray[np.float32]
) -> None:
    """Take its Gaussian blur, as OpenCV computes it, away from a picture.

    Neither OpenCV's own blur will do nor any arithmetic on parts of rows: both keep copies of rows
    in memory that nobody can reach. Here every operand lies in one piece.

    Args:
        padded: the picture within a margin; its detail afterwards.
        blurred: zeros of the same shape.
        weighted: the same.
    """
    for distance in range(1, _REACH + 1):  # mirrored at the border, which itself is not repeated
        padded[_REACH - distance] = padded[_REACH + distance]
        padded[_REACH + _ROWS - 1 + distance] = padded[_REACH + _ROWS - 1 - distance]
    width = padded.shape[1]
    flat, down, some = (each.reshape(-1) for each in (padded, blurred, weighted))
    n = _ROWS * width
    for first, weight in enumerate(_WEIGHTS):
        np.multiply(flat[first * width : first * width + n], weight, out=some[:n])
        np.add(down[:n], some[:n], out=down[:n])
    for distance in range(1, _REACH + 1):
        blurred[:_ROWS, _REACH - distance] = blurred[:_ROWS, _REACH + distance]
        last = _REACH + _COLUMNS - 1
        blurred[:_ROWS, last + distance] = blurred[:_ROWS, last - distance]
    n -= 2 * _REACH
    begin = _REACH * width + _REACH
    picture = flat[begin : begin + n]
    for first, weight in enumerate(_WEIGHTS):
        np.multiply(down[first : first + n], weight, out=some[:n])
        np.subtract(picture, some[:n], out=picture)


def rank(geometry: Geometry) -> float:
    """Return how useful a shot with this geometry is: effective inter-eye distance in pixels.

    Grows with size up to what the embedder can use (its template has 35 px between the eyes; twice
    that leaves nothing to gain) and falls with pose and doubt. Compares shots of one passage.
    """
    size_px = min(geometry.eye_distance_px, 70.0)
    yaw = np.cos(np.radians(min(abs(geometry.yaw_deg), 80.0)))
    level = max(0.2, 1 - 1.5 * abs(geometry.pitch))
    return float(size_px * yaw * level * min(1.0, geometry.detector_score / 0.9))
