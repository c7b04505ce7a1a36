"""A small canvas for painting clothed limbs and torsos with rounded shading and soft edges.

Everything is painted in a body's own units (one face high, origin at the chin, y down).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import GreyImage
from overt.simulation.outfit import Bgr
from overt.simulation.sprite import Sprite

Point = tuple[float, float]
Floats = NDArray[np.float32]

_LIGHT = np.array([-0.35, -0.45])
"""Where the light comes from in the picture: above, a little from the left."""


class Canvas:
    """Straight colours and alpha that shapes are painted over one another on.

    Attributes:
        bgr: height × width × 3, 0 to 255.
        alpha: height × width, 0 to 1.
    """

    def __init__(self, width: float, height: float, origin: Point, unit_px: float) -> None:
        """Make an empty canvas of ``width`` × ``height`` units with the chin at ``origin``."""
        self._unit_px = unit_px
        self._origin = origin
        size = (round(height * unit_px), round(width * unit_px))
        self.bgr: Floats = np.zeros((*size, 3), np.float32)
        self.alpha: Floats = np.zeros(size, np.float32)

    def to_px(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points of the body (n × 2) in pixels of the canvas."""
        return np.asarray((points + np.asarray(self._origin)) * self._unit_px, np.float64)

    def limb(self, start: Point, end: Point, start_r: float, end_r: float, colour: Bgr) -> None:
        """Paint a tapered, rounded limb."""
        (ax, ay), (bx, by) = self.to_px(np.array([start, end])).tolist()
        ra, rb = start_r * self._unit_px, end_r * self._unit_px
        reach = max(ra, rb) + 2
        left, right = min(ax, bx) - reach, max(ax, bx) + reach
        top, bottom = min(ay, by) - reach, max(ay, by) + reach
        box = self._box(left, top, right, bottom)
        if box is None:
            return
        x, y = _axes(box)
        length = max(float(np.hypot(bx - ax, by - ay)), 1e-3)
        ux, uy = (bx - ax) / length, (by - ay) / length
        beside = (y - ay) * ux - (x - ax) * uy
        along = (x - ax) * ux + (y - ay) * uy
        past = along - np.clip(along, 0, length)
        radius = ra + np.clip(along, 0, length) * ((rb - ra) / length)
        cover = np.clip(radius - np.sqrt(past * past + beside * beside) + 0.5, 0, 1)
        # Lit as an endless tube, so that the round ends do not show as balls at the joints.
        across = np.clip(beside / radius, -1, 1)
        tilt = 0.22 * (-uy * _LIGHT[0] + ux * _LIGHT[1])
        light = 0.58 + 0.42 * np.sqrt(1 - across * across) + tilt * across
        self._over(box, cover, np.asarray(colour, np.float32) * light[..., None])

    def shape(
        self, outline: list[Point], colour: Bgr, *, roundness: float, smooth: int = 2
    ) -> None:
        """Paint a closed outline; its edge falls into shade over ``roundness`` units."""
        points = _smoothed(np.asarray(outline, np.float64), smooth)
        placed = self.to_px(points)
        low, high = placed.min(axis=0) - 2, placed.max(axis=0) + 2
        box = self._box(low[0], low[1], high[0], high[1])
        if box is None:
            return
        left, top, right, bottom = box
        mask = np.zeros((bottom - top, right - left), np.uint8)
        fixed = np.round((placed - [left, top]) * 16).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, shift=4)
        light = _rounded_light(mask, roundness * self._unit_px)
        shaded = np.asarray(colour, np.float32) * light[..., None]
        self._over(box, (mask / 255).astype(np.float32), shaded)

    def line(self, points: list[Point], colour: Bgr, width: float, strength: float = 1.0) -> None:
        """Draw a thin line inside what is already painted."""
        placed = np.round(self.to_px(np.asarray(points, np.float64)) * 16).astype(np.int32)
        mask = np.zeros(self.alpha.shape, np.uint8)
        thick = max(1, round(width * self._unit_px))
        cv2.polylines(mask, [placed], False, 255, thick, cv2.LINE_AA, shift=4)
        cover = (mask * (strength / 255)).astype(np.float32)[..., None]
        self.bgr += (np.asarray(colour, np.float32) - self.bgr) * cover

    def sprite(self, pattern: Floats, light: GreyImage | None = None) -> Sprite:
        """Return what was painted as a sprite.

        Args:
            pattern: texture that the colours are multiplied by, height × width × 3, about 1.
            light: see :meth:`Sprite.from_straight`.
        """
        return Sprite.from_straight(
            np.asarray(cv2.multiply(self.bgr, pattern), np.float32), self.alpha, light
        )

    def erase(self, outline: list[Point]) -> None:
        """Cut a closed outline out."""
        placed = self.to_px(_smoothed(np.asarray(outline, np.float64), 2))
        mask = np.zeros(self.alpha.shape, np.uint8)
        cv2.fillPoly(mask, [np.round(placed * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        self.alpha *= (1 - mask / 255).astype(np.float32)

    def lay(self, other: "Canvas") -> None:
        """Paint another canvas of the same size over this one."""
        used = cv2.boundingRect((other.alpha > 0).astype(np.uint8))
        left, top, right, bottom = used[0], used[1], used[0] + used[2], used[1] + used[3]
        where = np.s_[top:bottom, left:right]
        self._over((left, top, right, bottom), other.alpha[where], other.bgr[where])

    def over(self, bgr: Floats, alpha: Floats) -> None:
        """Paint a picture of the canvas's own size over it."""
        height, width = self.alpha.shape
        self._over((0, 0, width, height), alpha, bgr)

    def _box(
        self, left: float, top: float, right: float, bottom: float
    ) -> tuple[int, int, int, int] | None:
        height, width = self.alpha.shape
        box = (max(0, int(left)), max(0, int(top)), min(width, int(right) + 1),
               min(height, int(bottom) + 1))  # fmt: skip
        return box if box[0] < box[2] and box[1] < box[3] else None

    def _over(self, box: tuple[int, int, int, int], cover: Floats, colour: Floats) -> None:
        left, top, right, bottom = box
        under = self.alpha[top:bottom, left:right]
        under += cover - under * cover
        share = cover / np.maximum(under, np.float32(1e-6))
        region = self.bgr[top:bottom, left:right]
        region += (colour - region) * share[..., None]


def cloth(rng: np.random.Generator, shape: tuple[int, int], depth: float) -> Floats:
    """Return a texture of soft folds and a fine weave, about 1, the same in its three channels."""
    height, width = shape
    folds = np.zeros(shape, np.float32)
    for columns, rows, weight in ((9, 6, 1.0), (20, 10, 0.7)):
        seeds = rng.normal(0, 1, (rows, columns)).astype(np.float32)
        folds += weight * cv2.resize(seeds, (width, height), interpolation=cv2.INTER_CUBIC)
    weave = rng.normal(0, 1, shape).astype(np.float32)
    pattern = 1 + depth * folds * 0.6 + 0.016 * weave
    return np.asarray(cv2.merge([pattern, pattern, pattern]), np.float32)


def _axes(box: tuple[int, int, int, int]) -> tuple[Floats, Floats]:
    left, top, right, bottom = box
    x = np.arange(left, right, dtype=np.float32) + np.float32(0.5)
    y = np.arange(top, bottom, dtype=np.float32) + np.float32(0.5)
    return x[None, :], y[:, None]


def _rounded_light(mask: NDArray[np.uint8], roundness_px: float) -> Floats:
    """Return brightness as if the flat shape bulged towards the viewer."""
    deep = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
    part = np.clip(deep / max(roundness_px, 1.0), 0, 1)
    bulge = cv2.GaussianBlur(np.sqrt(part * (2 - part)), (0, 0), max(roundness_px / 8, 0.8))
    slope_x = cv2.Sobel(bulge, cv2.CV_32F, 1, 0) * roundness_px / 16
    slope_y = cv2.Sobel(bulge, cv2.CV_32F, 0, 1) * roundness_px / 16
    tilt = -(slope_x * _LIGHT[0] + slope_y * _LIGHT[1])
    return np.asarray(np.clip(0.66 + 0.34 * bulge - 0.55 * tilt, 0.4, 1.25), np.float32)


def _smoothed(points: NDArray[np.float64], rounds: int) -> NDArray[np.float64]:
    """Cut the corners of a closed outline (Chaikin's algorithm)."""
    for _ in range(rounds):
        after = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], axis=1)
        points = points.reshape(-1, 2)
    return points
