"""Cut a head with its hair and neck out of a portrait, as a sprite with soft edges.

Geometry. The size of a face is its height from hairline to chin. It is taken from the distance
between the eyes: in adults hairline to chin (trichion to gnathion) averages 0.180 m (Farkas 1994)
and the pupils are 0.063 m apart (N. A. Dodgson, "Variation and extrema of human interpupillary
distance", 2004), so the face is 2.85 times as high as the eyes are apart. The eyes lie 0.40 of
that height below the hairline, which leaves 0.60 from eyes to chin (110 mm).

In a head's own units, 1 is hairline to chin and the origin is the middle of the face.
"""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import BgrImage
from overt.core.errors import InputError
from overt.simulation.canvas import Canvas
from overt.simulation.outfit import Bgr
from overt.simulation.sprite import Sprite

FACE_PER_EYES = 2.85
"""Hairline to chin over the distance between the pupils."""

EYES_BELOW_HAIRLINE = 0.40
"""Share of the face's height from hairline to eyes."""

FACE_WIDTH = 0.74
"""Width of the face over its height (bizygomatic 0.134 m over 0.180 m, Farkas 1994)."""

FULL_SIZE_PX = 160
"""Hairline to chin of the full-size sprite."""

_HALF_WIDTH = 1.0
_ABOVE = 1.15
_BELOW = 1.2
_MATTE_FACE_PX = 72
_REACHES = (0.80, 0.68, 0.58)
_ASYMMETRY = 0.10
"""How much farther from the middle hair may reach on one side than on the other, head units."""
_SPILLED = 0.08
"""GrabCut that runs along more of its limit than this took background for hair."""


class FindFace(Protocol):
    """Find the one face of a portrait. The caller supplies it; this package opens no model."""

    def __call__(self, picture: BgrImage, /) -> NDArray[np.float32] | None:
        """Return 5 × 2 landmarks in pixels (:data:`overt.core.arrays.Landmarks`), or None."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head that can be laid into a frame.

    Attributes:
        sprite: its pixels.
        centre_px: x and y of the face's middle in the sprite at full size.
        face_px: hairline to chin in the sprite at full size.
        skin_bgr: colour of the skin, 0 to 255.
    """

    sprite: Sprite
    centre_px: tuple[float, float]
    face_px: float
    skin_bgr: tuple[float, float, float]


def cut_out_head(picture: BgrImage, find_face: FindFace) -> Head:
    """Cut the head out of a portrait.

    Raises:
        InputError: no face was found, or it is too small to be walked past a camera.
    """
    landmarks = find_face(picture)
    if landmarks is None:
        raise InputError("a portrait for the simulated street shows no face")
    upright, scale = _upright(picture, landmarks.astype(np.float64))
    if scale > 8:
        raise InputError("a portrait for the simulated street shows too small a face")
    alpha = _matte(upright)
    middle = (_HALF_WIDTH * FULL_SIZE_PX, _ABOVE * FULL_SIZE_PX)
    skin = _median_colour(upright, middle, (0.0, 0.12), 0.12)
    return Head(
        sprite=_on_a_neck(upright, alpha, skin),
        centre_px=middle,
        face_px=float(FULL_SIZE_PX),
        skin_bgr=skin,
    )


def _on_a_neck(upright: BgrImage, alpha: NDArray[np.float32], skin: Bgr) -> Sprite:
    """Lay the cut-out over a painted neck, which goes on below where the portrait's ends."""
    x, y = round(_HALF_WIDTH * FULL_SIZE_PX), round((_ABOVE + 0.66) * FULL_SIZE_PX)
    r = round(0.06 * FULL_SIZE_PX)
    below = upright[y - r : y + r, x - r : x + r].reshape(-1, 3)
    has_neck = float(alpha[y - r : y + r, x - r : x + r].min()) > 0.5
    colour = np.median(below, axis=0) if has_neck else 0.8 * np.asarray(skin)
    neck: Bgr = (float(colour[0]), float(colour[1]), float(colour[2]))
    canvas = Canvas(2 * _HALF_WIDTH, _ABOVE + _BELOW, (_HALF_WIDTH, _ABOVE), float(FULL_SIZE_PX))
    canvas.limb((0, 0.32), (0, 1.0), 0.24, 0.32, neck)
    canvas.over(upright.astype(np.float32), alpha)
    return Sprite.from_straight(canvas.bgr, canvas.alpha)


def _upright(picture: BgrImage, landmarks: NDArray[np.float64]) -> tuple[BgrImage, float]:
    """Return the head at full size with level eyes, and by how much it was enlarged."""
    right_eye, left_eye = landmarks[0], landmarks[1]
    across = left_eye - right_eye
    mouth = (landmarks[3] + landmarks[4]) / 2
    eyes = (right_eye + left_eye) / 2
    # A head turned aside brings the eyes together but not eyes and mouth: 0.070 m apart (Farkas).
    eyes_px = max(float(np.hypot(*across)), float(np.hypot(*(mouth - eyes))) * 0.063 / 0.070)
    scale = FULL_SIZE_PX / max(FACE_PER_EYES * eyes_px, 1e-6)
    roll = np.arctan2(across[1], across[0])
    turn = scale * np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    size = (round(2 * _HALF_WIDTH * FULL_SIZE_PX), round((_ABOVE + _BELOW) * FULL_SIZE_PX))
    eyes_to = np.array(
        [_HALF_WIDTH * FULL_SIZE_PX, (_ABOVE - 0.5 + EYES_BELOW_HAIRLINE) * FULL_SIZE_PX]
    )
    shift = eyes_to - turn @ eyes
    matrix = np.hstack([turn, shift[:, None]])
    if scale < 0.5:
        shrink = 2.0 ** np.floor(np.log2(0.99 / scale))
        picture = _shrunk(picture, shrink)
        matrix[:, :2] *= shrink
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    upright = cv2.warpAffine(picture, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.full(picture.shape[:2], 255, np.uint8), matrix, size)
    # Outside the portrait there is nothing: marked by pure black, which the matte leaves out.
    upright[inside < 255] = 0
    return np.asarray(upright, np.uint8), float(scale)


def _shrunk(picture: BgrImage, by: float) -> BgrImage:
    size = (max(1, round(picture.shape[1] / by)), max(1, round(picture.shape[0] / by)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _matte(upright: BgrImage) -> NDArray[np.float32]:
    """Return alpha 0–1: GrabCut, held ever tighter for as long as it runs into the background."""
    by = FULL_SIZE_PX / _MATTE_FACE_PX
    small = _shrunk(upright, by)
    head = np.zeros(small.shape[:2], np.uint8)
    for reach in _REACHES:
        head, spilled = _grab(small, reach)
        if spilled < _SPILLED:
            break
    soft = cv2.GaussianBlur(head.astype(np.float32), (0, 0), 1.1)
    wide = cv2.resize(soft, upright.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    # Move the edge inwards, so that little of the portrait's background comes along.
    tight = np.clip((wide - 0.5) / 0.45, 0, 1)
    return np.asarray(tight * _window(upright), np.float32)


def _grab(small: BgrImage, reach: float) -> tuple[NDArray[np.uint8], float]:
    """Return the head's mask within ``reach``, and the share of that limit that it touches."""
    x, y = _head_units(small.shape[1], small.shape[0], float(_MATTE_FACE_PX))
    limit = np.hypot(x / reach, (y + 0.12) / (reach + 0.1))
    marks = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    marks[(limit < 1) | ((np.abs(x) < 0.6) & (y > 0) & (y < 0.85))] = cv2.GC_PR_BGD
    marks[np.hypot(x / 0.45, (y + 0.12) / 0.74) < 1] = cv2.GC_PR_FGD
    marks[np.hypot(x / 0.34, y / 0.50) < 1] = cv2.GC_FGD
    marks[(np.abs(x) < 0.22) & (y > 0.3) & (y < 0.85)] = cv2.GC_FGD
    marks[small.max(axis=2) == 0] = cv2.GC_BGD
    # Its clustering draws from OpenCV's generator: the same portrait must give the same cut-out.
    cv2.setRNGSeed(1)
    nowhere, background, foreground = (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65))
    cut, _, _ = cv2.grabCut(small, marks, nowhere, background, foreground, 3, cv2.GC_INIT_WITH_MASK)
    head = ((cut == cv2.GC_FGD) | (cut == cv2.GC_PR_FGD)).astype(np.uint8)
    head = _largest_part(head & _mirrored(head))
    rim = (limit > 0.9) & (limit < 1) & (y < 0.25)
    return head, float(head[rim].mean())


def _mirrored(head: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return where a head may be if it is about as wide on one side as on the other.

    Hair mostly is; a wall or a branch that was taken for hair mostly is on one side only.
    """
    slack = round(_ASYMMETRY * _MATTE_FACE_PX)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * slack + 1, 2 * slack + 1))
    return np.asarray(cv2.dilate(np.ascontiguousarray(head[:, ::-1]), brush), np.uint8)


def _largest_part(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, brush), np.uint8)
    n_parts, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if n_parts < 2:
        return mask
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    part = (labels == largest).astype(np.uint8)
    outline, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(part, outline, -1, 1, cv2.FILLED), np.uint8)


def _window(upright: BgrImage) -> NDArray[np.float32]:
    """Return what fades the picture out below the neck and beside it, where the body takes over."""
    x, y = _head_units(upright.shape[1], upright.shape[0], float(FULL_SIZE_PX))
    low = np.clip((1.05 - y) / 0.15, 0, 1)
    # Below the chin only the neck and the hair beside it belong to the head.
    allowed = np.interp(y, [0.2, 0.5, 0.62, 0.8, 1.2], [1.0, 0.72, 0.6, 0.46, 0.40])
    beside = np.clip((allowed - np.abs(x)) / 0.12, 0, 1)
    return np.asarray(low * beside, np.float32)


def _head_units(
    width_px: int, height_px: int, face_px: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y of every pixel in head units."""
    x = (np.arange(width_px) + 0.5) / face_px - _HALF_WIDTH
    y = (np.arange(height_px) + 0.5) / face_px - _ABOVE
    grid_x, grid_y = np.meshgrid(x, y)
    return grid_x, grid_y


def _median_colour(
    upright: BgrImage, middle: tuple[float, float], at: tuple[float, float], radius: float
) -> tuple[float, float, float]:
    x, y = (round(middle[i] + at[i] * FULL_SIZE_PX) for i in (0, 1))
    r = round(radius * FULL_SIZE_PX)
    blue, green, red = np.median(upright[y - r : y + r, x - r : x + r].reshape(-1, 3), axis=0)
    return float(blue), float(green), float(red)
