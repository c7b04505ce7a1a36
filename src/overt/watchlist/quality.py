"""Is a picture fit to be a reference: each measure, its value, and a verdict with its reason.

:class:`ImageQuality` is the port; :class:`OwnMeasures` is the implementation that ships. A measure
beyond its limit of :data:`REFERENCE_GATE` refuses the picture; one beyond :data:`GOOD_REFERENCE`
makes it poor, which is told to those who decide whether the person belongs on the list.

Invariants: exactly one face, or refused; every measure that was taken is in the assessment, also
the good ones; the same picture gets the same assessment.
Must not: say who the person is, or measure what they are (age, sex, skin).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np

from overt.core.arrays import BgrImage
from overt.core.detections import Detections
from overt.core.frame import Picture
from overt.vision.align import align
from overt.vision.detect import FaceDetector
from overt.vision.occlusion import Occlusion, measure_occlusion
from overt.vision.quality import (
    Geometry,
    Pixels,
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


@dataclass(frozen=True, slots=True)
class OcclusionLimits:
    """Beyond these a face counts as covered; see :class:`overt.vision.occlusion.Occlusion`.

    Attributes:
        max_mouth: what speaks for a mask or scarf.
        max_eyes: what speaks for dark glasses.
        min_half: what the weaker half still looks like a face.
    """

    max_mouth: float
    max_eyes: float
    min_half: float


REFERENCE_OCCLUSION = OcclusionLimits(max_mouth=3.6, max_eyes=4.0, min_half=0.0)
"""Refuses 92 % of painted masks, 73 % of scarves and 90 % of dark glasses, 0.5 % of uncovered faces
and none of 694 in LFW. Half a face is not refused: half of one in deep shadow measures the same."""

GOOD_OCCLUSION = OcclusionLimits(max_mouth=2.6, max_eyes=2.9, min_half=0.7)
"""Warns of 99 % of masks, 92 % of scarves, 98 % of dark glasses (73 % of real ones), 90 % of phones
and 71 % of hands; of 4.2 % of uncovered faces, of 0.3 % in LFW."""

MAX_YAW_FOR_OCCLUSION_DEG = 30.0
"""In a face turned further, what is out of sight cannot be told from what is covered."""

COVERED = "The face is partly covered."
"""Without saying by what: a mask is taken for dark glasses too."""

SURE_FACE = 0.5
"""What the detector is less sure of than this is not counted as a face."""

SECOND_FACE_SHARE = 0.5
"""A second face at least this share of the first one's width makes a picture ambiguous; smaller
ones are people in the background, and are ignored."""


EVERY_LIMIT = (
    *(REFERENCE_GATE, REFERENCE_OCCLUSION),
    *(GOOD_REFERENCE, GOOD_OCCLUSION),
    *(MAX_YAW_FOR_OCCLUSION_DEG, SURE_FACE, SECOND_FACE_SHARE),
)
"""What a verdict depends on beside the picture and the models."""


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
    MOUTH_COVERED = "evidence of a covered mouth, standard deviations"
    EYES_COVERED = "evidence of covered eyes, standard deviations"
    HALF_SHOWN = "the detector's score of the weaker half"


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
        """Return the reasons for which a measure came to ``verdict``, each once, in order."""
        return tuple(dict.fromkeys(f.reason for f in self.findings if f.verdict is verdict))


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


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of every measure but the number of faces."""

    gate: QualityGate
    occlusion: OcclusionLimits


class OwnMeasures:
    """See :class:`ImageQuality`: the measures of :mod:`overt.vision`.

    Args:
        detector: looks at the halves of a face.
        refused: beyond these a picture is refused.
        good: beyond these it is poor.
    """

    def __init__(
        self,
        detector: FaceDetector,
        refused: Limits = Limits(REFERENCE_GATE, REFERENCE_OCCLUSION),
        good: Limits = Limits(GOOD_REFERENCE, GOOD_OCCLUSION),
    ) -> None:
        self._detector = detector
        self._limits = ((Verdict.REFUSED, refused), (Verdict.POOR, good))

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
        findings = [_number_of_faces(1), *self._of_gate(geometry, measure_pixels(seen.crop))]
        if abs(geometry.yaw_deg) <= MAX_YAW_FOR_OCCLUSION_DEG:
            findings += self._of_occlusion(measure_occlusion(seen.crop, self._detector))
        return Assessment(tuple(findings))

    def _of_gate(self, geometry: Geometry, pixels: Pixels) -> Iterator[Finding]:
        faults = {
            verdict: {
                *limits.gate.faults_of_geometry(geometry),
                *limits.gate.faults_of_pixels(pixels),
            }
            for verdict, limits in self._limits
        }
        for measure, value in (
            (Measure.SIZE, geometry.eye_distance_px),
            (Measure.INSIDE, geometry.inside),
            (Measure.YAW, geometry.yaw_deg),
            (Measure.PITCH, geometry.pitch),
            (Measure.CERTAINTY, geometry.detector_score),
            (Measure.EXPOSURE, pixels.brightness),
            (Measure.CONTRAST, pixels.contrast),
            (Measure.SHARPNESS, pixels.sharpness),
        ):
            yield _finding(measure, value, faults)

    def _of_occlusion(self, seen: Occlusion) -> Iterator[Finding]:
        within = [(verdict, limits.occlusion) for verdict, limits in self._limits]
        for measure, value, beyond in (
            (Measure.MOUTH_COVERED, seen.mouth, [seen.mouth > o.max_mouth for _, o in within]),
            (Measure.EYES_COVERED, seen.eyes, [seen.eyes > o.max_eyes for _, o in within]),
            (Measure.HALF_SHOWN, seen.half, [seen.half < o.min_half for _, o in within]),
        ):
            verdicts = (
                verdict for (verdict, _), broken in zip(within, beyond, strict=True) if broken
            )
            verdict = next(verdicts, Verdict.GOOD)
            yield Finding(measure, value, verdict, "" if verdict is Verdict.GOOD else COVERED)


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
