"""Is a picture fit to be a reference: each measure, its value, and a verdict with its reason.

:class:`ImageQuality` is the port; :class:`OwnMeasures` is the implementation that ships. A measure
beyond its limit of :data:`REFERENCE_GATE` refuses the picture; one beyond :data:`GOOD_REFERENCE`
makes it poor, which is told to those who decide whether the person belongs on the list.

Invariants: exactly one face, or refused; every measure that was taken is in the assessment, also
the good ones; the same picture gets the same assessment.
Must not: say who the person is, or measure what they are (age, sex, skin).
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np

from overt.core.arrays import BgrImage
from overt.core.detections import Detections
from overt.core.frame import Picture
from overt.vision.align import align
from overt.vision.quality import (
    QualityGate,
    RejectionReason,
    measure_geometry,
    measure_pixels,
)

REFERENCE_GATE = QualityGate(
    min_eye_distance_px=14.0,
    max_yaw_deg=70.0,
    max_pitch=0.45,
    min_detector_score=0.5,
    min_inside=0.35,
    min_sharpness=0.04,
    brightness=(15.0, 240.0),
    min_contrast=6.0,
)
"""A picture beyond these is refused."""

GOOD_REFERENCE = QualityGate(
    min_eye_distance_px=24.0,
    max_yaw_deg=30.0,
    max_pitch=0.25,
    min_detector_score=0.8,
    min_inside=0.9,
    min_sharpness=0.09,
    brightness=(40.0, 215.0),
    min_contrast=18.0,
)
"""A picture beyond these is taken with a warning: sometimes it is all there is of a person."""

SURE_FACE = 0.5
"""What the detector is less sure of than this is not counted as a face."""

SECOND_FACE_SHARE = 0.5
"""A second face at least this share of the first one's width makes a picture ambiguous; smaller
ones are people in the background, and are ignored."""


class Verdict(StrEnum):
    """What may become of a picture."""

    REFUSED = "refused"
    POOR = "poor"
    GOOD = "good"


class Measure(StrEnum):
    """What is measured; the unit of its value stands behind it."""

    ONE_FACE = "number of faces"
    SIZE = "distance between the eyes, pixels"
    INSIDE = "share of the face inside the picture"
    YAW = "turned to the side, degrees"
    PITCH = "tilted up or down, share of the distance from eyes to mouth"
    CERTAINTY = "the detector's score"
    EXPOSURE = "brightness, 0 to 255"
    CONTRAST = "contrast, 0 to 127"
    SHARPNESS = "sharpness, share of the contrast that is fine detail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure of one picture.

    Attributes:
        measure: which.
        value: in the measure's unit.
        verdict: what this measure alone would make of the picture.
        reason: what is wrong, in a few plain words; empty where nothing is.
    """

    measure: Measure
    value: float
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was found of one picture.

    Attributes:
        findings: one for each measure that was taken; more than one face, or none, is all that
            is said of such a picture.
    """

    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings."""
        verdicts = {each.verdict for each in self.findings}
        return next((v for v in (Verdict.REFUSED, Verdict.POOR) if v in verdicts), Verdict.GOOD)

    def reasons(self, verdict: Verdict) -> tuple[str, ...]:
        """Return the reasons for which a measure came to ``verdict``, most important first."""
        return tuple(each.reason for each in self.findings if each.verdict is verdict)


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A picture and the faces that were found in it; made by :func:`sighting`.

    Attributes:
        picture: as it was handed in, upright.
        faces: every face found.
        n_faces: how many of them could be the person meant.
        face: index of the largest of those; 0 where there is none.
        crop: that face, aligned; None unless there is exactly one.
    """

    picture: Picture = field(repr=False)
    faces: Detections = field(repr=False)
    n_faces: int
    face: int
    crop: BgrImage | None = field(repr=False)


def sighting(picture: Picture, faces: Detections) -> Sighting:
    """Return who in a picture could be the person meant, and the aligned crop if it is clear."""
    sure = np.flatnonzero(faces.scores >= SURE_FACE)
    if sure.size == 0:
        return Sighting(picture, faces, 0, 0, None)
    widths = faces.boxes_px[sure, 2] - faces.boxes_px[sure, 0]
    face = int(sure[np.argsort(-widths, kind="stable")[0]])
    n_faces = max(1, int(np.count_nonzero(widths >= SECOND_FACE_SHARE * widths.max())))
    crop = align(picture, faces.landmarks_px[face]) if n_faces == 1 else None
    return Sighting(picture, faces, n_faces, face, crop)


class ImageQuality(Protocol):
    """Measures the quality of a picture that is to become a reference. Thread-safe."""

    def assess(self, seen: Sighting) -> Assessment:
        """Return every measure; a sighting without exactly one face must be refused."""
        ...


class OwnMeasures:
    """See :class:`ImageQuality`: the measures of :mod:`overt.vision.quality`."""

    def __init__(
        self, refused: QualityGate = REFERENCE_GATE, good: QualityGate = GOOD_REFERENCE
    ) -> None:
        self._refused = refused
        self._good = good

    def assess(self, seen: Sighting) -> Assessment:
        """See :meth:`ImageQuality.assess`."""
        if seen.crop is None:
            return Assessment((_number_of_faces(seen.n_faces),))
        geometry = measure_geometry(
            seen.faces.landmarks_px[seen.face],
            seen.faces.boxes_px[seen.face],
            float(seen.faces.scores[seen.face]),
            (seen.picture.width_px, seen.picture.height_px),
        )
        pixels = measure_pixels(seen.crop)
        values = {
            Measure.SIZE: geometry.eye_distance_px,
            Measure.INSIDE: geometry.inside,
            Measure.YAW: geometry.yaw_deg,
            Measure.PITCH: geometry.pitch,
            Measure.CERTAINTY: geometry.detector_score,
            Measure.EXPOSURE: pixels.brightness,
            Measure.CONTRAST: pixels.contrast,
            Measure.SHARPNESS: pixels.sharpness,
        }
        faults = {
            verdict: {*gate.faults_of_geometry(geometry), *gate.faults_of_pixels(pixels)}
            for verdict, gate in ((Verdict.REFUSED, self._refused), (Verdict.POOR, self._good))
        }
        measured = (_finding(measure, value, faults) for measure, value in values.items())
        return Assessment((_number_of_faces(1), *measured))


_FAULTS = {
    Measure.SIZE: (RejectionReason.TOO_SMALL,),
    Measure.INSIDE: (RejectionReason.CUT_OFF,),
    Measure.YAW: (RejectionReason.TURNED,),
    Measure.PITCH: (RejectionReason.TILTED,),
    Measure.CERTAINTY: (RejectionReason.UNSURE,),
    Measure.EXPOSURE: (RejectionReason.DARK, RejectionReason.BRIGHT),
    Measure.CONTRAST: (RejectionReason.FLAT,),
    Measure.SHARPNESS: (RejectionReason.BLURRED,),
}
"""What a measure finds wrong."""


def _finding(
    measure: Measure, value: float, faults: dict[Verdict, set[RejectionReason]]
) -> Finding:
    for verdict in (Verdict.REFUSED, Verdict.POOR):
        for reason in _FAULTS[measure]:
            if reason in faults[verdict]:
                return Finding(measure, value, verdict, f"The face {_said(reason)}.")
    return Finding(measure, value, Verdict.GOOD)


def _said(reason: RejectionReason) -> str:
    return f"{'has' if reason is RejectionReason.FLAT else 'is'} {reason.value}"


def _number_of_faces(n_faces: int) -> Finding:
    if n_faces == 1:
        return Finding(Measure.ONE_FACE, 1, Verdict.GOOD)
    reason = (
        "There is more than one face in the picture."
        if n_faces
        else "There is no face in the picture."
    )
    return Finding(Measure.ONE_FACE, n_faces, Verdict.REFUSED, reason)
