"""Is part of a face covered: by a mask or scarf, by dark glasses, by a hand or a phone.

Classical measures, each of one part of the face: does it show the structure and the colour that it
has in an uncovered face. Parts of one face are compared with each other, so that neither the light
nor the colour of the skin is what is measured. They hold for faces turned less than about 30°.

How well they tell 1,527 uncovered faces (694 of LFW, 637 of FairFace, most of these dim, blurred
or at the edge, and 196 generated) from coverings painted on 260 other people:

    covering                     measure, area under its ROC   found, at uncovered flagged of
                                                               5 %      1.5 %    0.5 %
    surgical or cloth mask       mouth, 0.997                  99 %     93 %     87 %
    scarf                        mouth, 0.961                  86 %     80 %     71 %
    dark glasses                 eyes, 0.996                   98 %     97 %     90 %
    27 real pairs of them        eyes, 0.97                    85 %     70 %     52 %
    phone over half of the face  half, 0.991                   99 %     89 %     72 %
    hand                         half, 0.954                   81 %     65 %     52 %

Hands are found worst: they have the colour of the face and leave much of it free. Of real glasses,
reflecting and lightly tinted ones pass. What is flagged wrongly are faces in deep shadow, blurred
or at the edge; on FairFace that is 4 to 17 % of its seven groups at limits that flag 0.3 % of LFW,
so that a person should look at whatever is flagged. Tried and left out, as no better: likeness of
the halves, contrast and fine detail of each part, a template's change when a part is blanked.
"""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import BgrImage
from overt.core.frame import ArrayPicture
from overt.vision.detect import FaceDetector

Part: TypeAlias = tuple[slice, slice]
Plane: TypeAlias = NDArray[np.float32]

_FACE: Part = (slice(20, 108), slice(16, 96))
_MOUTH: Part = (slice(84, 102), slice(36, 76))
_NOSTRILS: Part = (slice(70, 80), slice(46, 66))
_EYES: tuple[Part, ...] = ((slice(44, 60), slice(26, 50)), (slice(44, 60), slice(62, 86)))
_PUPILS: tuple[Part, ...] = ((slice(48, 56), slice(32, 45)), (slice(48, 56), slice(67, 80)))
_CHEEKS: tuple[Part, ...] = ((slice(66, 80), slice(24, 42)), (slice(66, 80), slice(70, 88)))
_UPPER: tuple[Part, ...] = (
    (slice(60, 70), slice(50, 62)),
    (slice(60, 68), slice(28, 44)),
    (slice(60, 68), slice(68, 84)),
)
"""The bridge of the nose and below the eyes: what neither a mask nor a hat covers."""
_JAW: tuple[Part, ...] = (
    (slice(82, 98), slice(30, 40)),
    (slice(82, 98), slice(72, 82)),
    (slice(100, 110), slice(48, 64)),
)
"""Both sides of the mouth, and the chin."""

_GREY = 128.0
"""In the a and b of OpenCV's eight-bit CIE Lab."""

_LEAST_COLOUR = 6.0
"""Added to a skin's colour before something is divided by it: grey pictures have none."""

_LEAST_DETAIL = 0.01


@dataclass(frozen=True, slots=True)
class Parts:
    """What an aligned crop shows of the parts of a face. All are ratios.

    Attributes:
        mouth_lines: strength of level edges about the mouth, to that in the whole face.
        nose_detail: strength of edges about the nostrils, to that in the whole face.
        jaw_colour: how far jaw and chin are in colour from the skin about the nose, to the strength
            of that skin's colour; brightness does not count.
        eye_detail: strength of edges in both eyes, to that in the whole face.
        eye_colour: how far the eye is in colour from the cheek below, to the strength of the
            cheek's colour; of the eye that is closer to it.
    """

    mouth_lines: float
    nose_detail: float
    jaw_colour: float
    eye_detail: float
    eye_colour: float


@dataclass(frozen=True, slots=True)
class Occlusion:
    """How much speaks for a covered face.

    Attributes:
        mouth: of mouth and nose, in standard deviations of uncovered faces above their median.
            The weights are those of a logistic regression against painted masks and scarves.
        eyes: of the eyes, in the same unit; against painted glasses and 18 real pairs. It takes
            a mask for glasses, since it compares with the cheeks.
        half: how much the half that looks less like a face does, made whole by its mirror image:
            the detector's score, 0 to 1, where *less* speaks for a covering.
    """

    mouth: float
    eyes: float
    half: float


def measure_occlusion(crop: BgrImage, detector: FaceDetector) -> Occlusion:
    """Measure an aligned crop (112 × 112 × 3) of a face turned less than about 30°."""
    parts = measure_parts(crop)
    return Occlusion(
        mouth=-1.8 * np.log(parts.mouth_lines + _LEAST_DETAIL)
        - 1.5 * np.log(parts.nose_detail + _LEAST_DETAIL)
        + 4.3 * np.sqrt(parts.jaw_colour)
        - 1.0,
        eyes=-2.05 * np.log(parts.eye_detail + _LEAST_DETAIL) + 5.0 * parts.eye_colour + 1.35,
        half=min(_surest(half, detector) for half in mirrored_halves(crop)),
    )


def measure_parts(crop: BgrImage) -> Parts:
    """Measure what can be seen of each part in an aligned crop (112 × 112 × 3)."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY).astype(np.float32)
    soft = cv2.GaussianBlur(grey, (0, 0), 1.0)
    across, down = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    edges, level = np.hypot(across, down), np.abs(down)
    smooth = cv2.GaussianBlur(crop, (0, 0), 1.5)
    lab = np.asarray(cv2.cvtColor(smooth, cv2.COLOR_BGR2LAB), np.uint8)
    upper, jaw, eyes, cheeks = (
        [_colour(lab, part) for part in parts] for parts in (_UPPER, _JAW, _EYES, _CHEEKS)
    )
    return Parts(
        mouth_lines=_share(level, _MOUTH),
        nose_detail=_share(edges, _NOSTRILS),
        jaw_colour=float(np.median([_apart(low, skin) for low in jaw for skin in upper])),
        eye_detail=sum(_share(edges, pupil) for pupil in _PUPILS),
        eye_colour=min(_apart(eye, cheek) for eye, cheek in zip(eyes, cheeks, strict=True)),
    )


def mirrored_halves(crop: BgrImage) -> tuple[BgrImage, BgrImage]:
    """Return two whole faces, each of one half of an aligned crop and its mirror image."""
    middle = crop.shape[1] // 2
    left, right = crop[:, :middle], crop[:, -middle:]
    return np.hstack([left, left[:, ::-1]]), np.hstack([right[:, ::-1], right])


def _surest(face: BgrImage, detector: FaceDetector) -> float:
    return float(detector.detect_still(ArrayPicture(face)).scores.max(initial=0.0))


def _share(plane: Plane, part: Part) -> float:
    return float(plane[part].mean()) / (float(plane[_FACE].mean()) + 1.0)


def _colour(lab: BgrImage, part: Part) -> Plane:
    """Return a part's median a and b, 0 for grey."""
    return np.asarray(np.median(lab[part].reshape(-1, 3), axis=0)[1:] - _GREY, np.float32)


def _apart(colour: Plane, skin: Plane) -> float:
    return float(np.linalg.norm(colour - skin)) / (float(np.linalg.norm(skin)) + _LEAST_COLOUR)
