"""A small canvas for painting clothed limbs and torsos with rounded shading and soft edges.

Everything is painted in a body's own units (one face high, origin at the chin, y down).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.simulation.outfit import Bgr

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

    def copy(self) -> "Canvas":
        """Return an independent copy."""
        other = object.__new__(Canvas)
        other._unit_px, other._origin = self._unit_px, self._origin  # noqa: SLF001 - same class
        other.bgr, other.alpha = self.bgr.copy(), self.alpha.copy()
        return other

    def to_px(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points of the body (n × 2) in pixels of the canvas."""
        return (points + np.asarray(self._origin)) * self._unit_px

    def limb(self, start: Point, end: Point, start_r: float, end_r: float, colour: Bgr) -> None:
        """Paint a tapered, rounded limb."""
        (ax, ay), (bx, by) = self.to_px(np.array([start, end]))
        ra, rb = start_r * self._unit_px, end_r * self._unit_px
        reach = max(ra, rb) + 2
        box = self._box(min(ax, bx) - reach, min(ay, by) - reach, max(ax, bx) + reach,
                        max(ay, by) + reach)  # fmt: skip
        if box is None:
            return
        x, y = _grid(box)
        length2 = max((bx - ax) ** 2 + (by - ay) ** 2, 1e-6)
        along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length2, 0, 1)
        off_x, off_y = x - (ax + along * (bx - ax)), y - (ay + along * (by - ay))
        radius = ra + along * (rb - ra)
        distance = np.hypot(off_x, off_y)
        cover = np.clip(radius - distance + 0.5, 0, 1)
        # Lit as an endless tube, so that the round ends do not show as balls at the joints.
        beside = ((x - ax) * (ay - by) + (y - ay) * (bx - ax)) / np.sqrt(length2) / radius
        normal_x, normal_y = beside * (ay - by), beside * (bx - ax)
        facing = np.sqrt(np.clip(1 - beside**2, 0, 1))
        tilt = (normal_x * _LIGHT[0] + normal_y * _LIGHT[1]) / np.sqrt(length2)
        light = 0.58 + 0.42 * facing + 0.22 * tilt
        self._over(box, cover, np.asarray(colour) * light[..., None])

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
        self._over(box, mask / np.float32(255), np.asarray(colour) * light[..., None])

    def line(self, points: list[Point], colour: Bgr, width: float, strength: float = 1.0) -> None:
        """Draw a thin line inside what is already painted."""
        placed = np.round(self.to_px(np.asarray(points, np.float64)) * 16).astype(np.int32)
        mask = np.zeros(self.alpha.shape, np.uint8)
        thick = max(1, round(width * self._unit_px))
        cv2.polylines(mask, [placed], False, 255, thick, cv2.LINE_AA, shift=4)
        cover = (mask / np.float32(255))[..., None] * strength
        self.bgr = self.bgr * (1 - cover) + np.asarray(colour, np.float32) * cover

    def texture(self, pattern: Floats) -> None:
        """Multiply everything painted by ``pattern`` (height × width, about 1)."""
        self.bgr *= pattern[..., None]

    def erase(self, outline: list[Point]) -> None:
        """Cut a closed outline out."""
        placed = self.to_px(_smoothed(np.asarray(outline, np.float64), 2))
        mask = np.zeros(self.alpha.shape, np.uint8)
        cv2.fillPoly(mask, [np.round(placed * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        self.alpha *= 1 - mask / np.float32(255)

    def lay(self, other: "Canvas") -> None:
        """Paint another canvas of the same size over this one."""
        height, width = self.alpha.shape
        self._over((0, 0, width, height), other.alpha, other.bgr)

    def _box(
        self, left: float, top: float, right: float, bottom: float
    ) -> tuple[int, int, int, int] | None:
        height, width = self.alpha.shape
        box = (max(0, int(left)), max(0, int(top)), min(width, int(right) + 1),
               min(height, int(bottom) + 1))  # fmt: skip
        return box if box[0] < box[2] and box[1] < box[3] else None

    def _over(
        self,
        box: tuple[int, int, int, int],
        cover: NDArray[np.floating],
        colour: NDArray[np.floating],
    ) -> None:
        left, top, right, bottom = box
        where = np.s_[top:bottom, left:right]
        cover = cover.astype(np.float32)
        under = self.alpha[where] * (1 - cover)
        total = under + cover
        share = np.divide(cover, total, out=np.zeros_like(cover), where=total > 0)[..., None]
        self.bgr[where] = self.bgr[where] * (1 - share) + colour.astype(np.float32) * share
        self.alpha[where] = total


def cloth(rng: np.random.Generator, shape: tuple[int, int], depth: float) -> Floats:
    """Return a texture of soft folds (long, falling) and a fine weave, about 1."""
    height, width = shape
    folds = np.zeros(shape, np.float32)
    for columns, rows, weight in ((9, 6, 1.0), (20, 10, 0.7)):
        seeds = rng.normal(0, 1, (rows, columns)).astype(np.float32)
        folds += weight * cv2.resize(seeds, (width, height), interpolation=cv2.INTER_CUBIC)
    weave = rng.normal(0, 1, shape).astype(np.float32)
    return np.asarray(1 + depth * folds * 0.6 + 0.025 * weave, np.float32)


def _grid(box: tuple[int, int, int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    left, top, right, bottom = box
    x, y = np.meshgrid(
        np.arange(left, right, dtype=np.float32) + 0.5,
        np.arange(top, bottom, dtype=np.float32) + 0.5,
    )
    return x, y


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
