"""Draws the face of somebody who does not exist, from nothing but a seed.

A detector takes it for a face and an embedder tells two of them apart, which is all it is for: a
test that a face is forgotten needs faces that are nobody's and no data outside the package.

Coordinates run from −1 to 1 across and down. Must not: look like anybody in particular.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import BgrImage

_Plane = NDArray[np.float32]
_Colour = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class DrawnHead:
    """A head, and where it covers what is behind it.

    Attributes:
        bgr: side × side × 3, uint8.
        alpha: side × side, float32, 0 to 1.
    """

    bgr: BgrImage
    alpha: _Plane

    def lay(self, frame: BgrImage, centre_px: tuple[float, float], side_px: int) -> None:
        """Lay the head into ``frame``, in place; what reaches past its edges is cut off."""
        height, width = frame.shape[:2]
        left, top = (round(c - side_px / 2) for c in centre_px)
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + side_px, width), min(top + side_px, height)
        if x0 >= x1 or y0 >= y1:
            return
        size = (side_px, side_px)
        own = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        face = cv2.resize(self.bgr, size, interpolation=cv2.INTER_AREA)[own]
        alpha = cv2.resize(self.alpha, size, interpolation=cv2.INTER_AREA)[own][..., None]
        there = frame[y0:y1, x0:x1]
        there[:] = np.rint(there * (1 - alpha) + face * alpha).astype(np.uint8)


class _Canvas:
    """A square of colours that blobs and ellipses are mixed into."""

    def __init__(self, side_px: int) -> None:
        across = (np.arange(side_px, dtype=np.float32) + 0.5) * 2 / side_px - 1
        self.u, self.v = np.meshgrid(across, across)
        self.colour: NDArray[np.float32] = np.zeros((side_px, side_px, 3), np.float32)

    def blob(self, x: float, y: float, width: float, height: float, turn: float = 0.0) -> _Plane:
        """Return a soft spot of strength 1."""
        c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        du, dv = self.u - np.float32(x), self.v - np.float32(y)
        along, beside = (c * du + s * dv) / width, (c * dv - s * du) / height
        return np.asarray(np.exp(-(along**2) - beside**2), np.float32)

    def ellipse(self, x: float, y: float, width: float, height: float, soft: float) -> _Plane:
        """Return an ellipse of strength 1 with a soft edge."""
        r = ((self.u - np.float32(x)) / width) ** 2 + ((self.v - np.float32(y)) / height) ** 2
        return 1 - _smooth(1 - soft, 1 + soft, r)

    def shade(self, where: _Plane, by: float) -> None:
        """Multiply by ``by`` where the plane is 1."""
        self.colour *= (1 - where * np.float32(1 - by))[..., None]

    def mix(self, where: _Plane, colour: _Colour) -> None:
        """Replace by ``colour`` where the plane is 1."""
        share = np.clip(where, 0, 1)[..., None]
        self.colour += share * (colour - self.colour)

    def lighten(self, where: _Plane, by: float) -> None:
        """Add ``by`` where the plane is 1."""
        self.colour += (where * np.float32(by))[..., None]


def draw_head(seed: int, side_px: int = 320) -> DrawnHead:
    """Draw the head of one person, frontal, with hair and neck; another seed, another person."""
    rng = np.random.default_rng(seed)
    canvas = _Canvas(side_px)
    base = rng.uniform(90, 215)
    skin = _bgr(base * rng.uniform(0.62, 0.76), base * rng.uniform(0.74, 0.86), base)
    dark = rng.uniform(10, 120)
    hair = _bgr(dark * rng.uniform(0.5, 1), dark * rng.uniform(0.6, 1), dark)
    width, height = rng.uniform(0.50, 0.60), rng.uniform(0.70, 0.80)
    narrowed = width * (1 - rng.uniform(0.15, 0.4) * np.clip(canvas.v, 0, 1) ** 2)
    radius = (canvas.u / narrowed) ** 2 + (canvas.v / height) ** 2
    light = rng.uniform(-0.4, 0.4)
    relief = 0.55 + 0.45 * np.sqrt(np.clip(1 - radius, 0, 1)) + 0.6 * light * canvas.u
    canvas.colour[:] = skin * (relief - 0.12 * canvas.v)[..., None]
    _features(canvas, rng, skin, hair)
    _marks(canvas, rng)
    return _assembled(canvas, rng, 1 - _smooth(0.93, 1.03, radius), (skin, hair), (width, height))


def _features(canvas: _Canvas, rng: np.random.Generator, skin: _Colour, hair: _Colour) -> None:
    eye_x, eye_y, size = (
        rng.uniform(0.20, 0.26),
        rng.uniform(-0.14, -0.06),
        rng.uniform(0.085, 0.12),
    )
    mouth_y, mouth = rng.uniform(0.36, 0.44), rng.uniform(0.15, 0.22)
    nose_y = eye_y + (mouth_y - eye_y) * rng.uniform(0.55, 0.65)
    nostril = rng.uniform(0.09, 0.14)
    iris = _bgr(rng.uniform(20, 120), rng.uniform(30, 90), rng.uniform(20, 90))
    brow = (rng.uniform(0.14, 0.17), rng.uniform(1.2, 1.5), rng.uniform(0.022, 0.045))
    tilt = rng.uniform(-0.05, 0.25)
    for side in (-1, 1):
        x = side * eye_x
        canvas.shade(canvas.blob(x, eye_y, 0.17, 0.11), 0.68)
        white = canvas.ellipse(x, eye_y, size, size * 0.5, 0.12)
        canvas.mix(white, _bgr(225, 228, 232))
        canvas.mix(white * canvas.ellipse(x, eye_y, size * 0.5, size * 0.5, 0.17), iris)
        canvas.mix(white * canvas.ellipse(x, eye_y, size * 0.22, size * 0.22, 0.25), _bgr(9, 9, 9))
        canvas.mix(0.85 * canvas.blob(x, eye_y - size / 2, size, 0.022), _bgr(25, 25, 30))
        arch = canvas.blob(x, eye_y - brow[0], size * brow[1], brow[2], side * tilt)
        canvas.mix(1.2 * arch, hair * np.float32(0.8))
        canvas.shade(canvas.blob(side * nostril * 0.55, nose_y + 0.02, 0.03, 0.02), 0.35)
        canvas.shade(canvas.blob(side * nostril, nose_y - 0.02, 0.035, 0.07), 0.78)
    canvas.lighten(canvas.blob(0, nose_y - 0.2, 0.025, 0.2), 14)
    canvas.lighten(canvas.blob(-0.015, nose_y - 0.05, 0.04, 0.06), 22)
    canvas.shade(canvas.blob(0, nose_y + 0.07, 0.1, 0.025), 0.7)
    lip = skin * _bgr(0.55, 0.5, 0.82)
    canvas.mix(0.85 * canvas.ellipse(0, mouth_y, mouth, 0.055, 0.15), lip)
    canvas.mix(canvas.blob(0, mouth_y, mouth * 0.95, 0.012), lip * np.float32(0.4))
    canvas.shade(canvas.blob(0, mouth_y + 0.1, 0.12, 0.03), 0.8)


def _marks(canvas: _Canvas, rng: np.random.Generator) -> None:
    """Give the skin its grain and a few freckles, which no two people share."""
    grain = rng.normal(0, 1, canvas.u.shape).astype(np.float32)
    canvas.lighten(np.asarray(cv2.GaussianBlur(grain, (0, 0), 1.5), np.float32), 14)
    for _ in range(int(rng.integers(4, 40))):
        x, y = rng.uniform(-0.45, 0.45), rng.uniform(-0.4, 0.6)
        canvas.shade(canvas.blob(x, y, 0.012, 0.012), rng.uniform(0.5, 0.9))


def _assembled(
    canvas: _Canvas,
    rng: np.random.Generator,
    face: _Plane,
    colours: tuple[_Colour, _Colour],
    size: tuple[float, float],
) -> DrawnHead:
    """Put hair behind and above the face, and a neck below it."""
    skin, hair = colours
    u, v = canvas.u, canvas.v
    behind = canvas.ellipse(0, -0.08, size[0] * 1.15, size[1] * 1.1, 0.05)
    hairline = rng.uniform(-0.62, -0.45)
    fringe = behind * _smooth(-hairline - 0.06, -hairline + 0.06, 0.35 * u * u - v)
    sides = behind * (v < rng.uniform(0.0, 0.3))
    neck = np.asarray(cv2.GaussianBlur(((abs(u) < 0.3) & (v > 0.5)).astype(np.float32), (0, 0), 3))
    strands = 1 + 0.4 * cv2.GaussianBlur(rng.normal(0, 1, u.shape), (0, 0), 2)
    picture = np.broadcast_to(skin * np.float32(0.6), canvas.colour.shape)
    locks = hair * strands[..., None].astype(np.float32)
    for where, colour in ((sides, locks), (face, canvas.colour), (fringe, locks)):
        picture = picture + where[..., None] * (colour - picture)
    alpha = np.maximum.reduce([neck, sides, face, fringe]).astype(np.float32)
    return DrawnHead(np.rint(np.clip(picture, 0, 255)).astype(np.uint8), np.clip(alpha, 0, 1))


def _smooth(low: float, high: float, value: NDArray[np.floating]) -> _Plane:
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _bgr(blue: float, green: float, red: float) -> _Colour:
    return np.array([blue, green, red], np.float32)
