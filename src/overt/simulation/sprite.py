"""Cut-out pictures with soft edges, and laying them into a frame at speed.

A sprite's colours are premultiplied by its alpha, so that laying it down is
``frame = frame × (1 − alpha) + sprite``: three passes of 8-bit arithmetic that OpenCV vectorises.
Smaller copies are kept (a mip pyramid), so that a walker far away costs little and does not alias.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import BgrImage, GreyImage

Matrix = NDArray[np.float64]
"""3 × 3 homography."""

RegionPx = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels of the frame."""

_LEVELS = 5
_LEAST_STREAK_PX = 1.4
_LEAST_BLUR_PX = 0.35
_SOFT_BY_STRETCH = 0.4
"""Bilinear sampling softens by about this standard deviation times the stretch, in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A picture with alpha at several sizes, each half of the one before.

    Attributes:
        levels: height × width × 4, uint8, colours premultiplied; the full size first.
    """

    levels: tuple[NDArray[np.uint8], ...]

    @classmethod
    def from_straight(
        cls, bgr: NDArray[np.float32], alpha: NDArray[np.float32], light: GreyImage | None = None
    ) -> "Sprite":
        """Make a sprite from colours that are not premultiplied.

        Args:
            bgr: height × width × 3, 0 to 255.
            alpha: height × width, 0 to 1.
            light: table that the colours go through, 1 × 256 × 3, or None.
        """
        colours = cv2.convertScaleAbs(np.maximum(bgr, 0))
        if light is not None:
            colours = cv2.LUT(colours, light)
        cover = cv2.convertScaleAbs(np.maximum(alpha, 0), alpha=255)
        clear = cv2.cvtColor(cover, cv2.COLOR_GRAY2BGR)
        colours = cv2.multiply(colours, clear, scale=1 / 255)
        levels = [np.asarray(cv2.merge([*cv2.split(colours), cover]), np.uint8)]
        while len(levels) < _LEVELS and min(levels[-1].shape[:2]) >= 8:
            height, width = levels[-1].shape[:2]
            size = ((width + 1) // 2, (height + 1) // 2)
            half = cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(half, np.uint8))
        return cls(tuple(levels))

    @property
    def width_px(self) -> int:
        """Width at full size."""
        return int(self.levels[0].shape[1])

    @property
    def height_px(self) -> int:
        """Height at full size."""
        return int(self.levels[0].shape[0])

    def lit(self, table: GreyImage) -> "Sprite":
        """Return a copy whose colours went through a 256-entry table (1 × 256 × 3)."""
        lit = []
        for level in self.levels:
            bgr = cv2.LUT(cv2.cvtColor(level, cv2.COLOR_BGRA2BGR), table)
            alpha = level[..., 3]
            # A table need not keep black black; premultiplied colours may not exceed alpha.
            capped = cv2.min(bgr, cv2.merge([alpha, alpha, alpha]))
            lit.append(np.asarray(cv2.merge([*cv2.split(capped), alpha]), np.uint8))
        return Sprite(tuple(lit))


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """Where a sprite came to lie, to find out later what it hides.

    Attributes:
        region: the part of the frame that was touched.
        alpha: its cover there, 0 to 255.
    """

    region: RegionPx
    alpha: GreyImage

    def cover_at(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far points (n × 2, x and y) are covered, 0 to 1."""
        left, top, right, bottom = self.region
        columns = np.floor(points_px[:, 0]).astype(int)
        rows = np.floor(points_px[:, 1]).astype(int)
        within = (columns >= left) & (columns < right) & (rows >= top) & (rows < bottom)
        cover = np.zeros(len(points_px))
        cover[within] = self.alpha[rows[within] - top, columns[within] - left] / 255.0
        return cover


@dataclass(frozen=True, slots=True)
class Softness:
    """How a sprite is blurred when it is laid down.

    Attributes:
        defocus_px: standard deviation.
        motion_px: length of the streak to the side.
    """

    defocus_px: float = 0.0
    motion_px: float = 0.0


def lay(
    frame: BgrImage, sprite: Sprite, to_frame: Matrix, gain: float, softness: Softness
) -> Laid | None:
    """Lay ``sprite`` into ``frame``, in place.

    Args:
        frame: changed in place.
        sprite: what to lay.
        to_frame: takes pixels of the sprite at full size to pixels of the frame.
        gain: brightness, 1 for as it is.
        softness: blur.

    Returns:
        Where it lies, or None if it is outside the frame.
    """
    scale = _scale_of(sprite, to_frame)
    level, from_level = _level_for(sprite, to_frame, scale)
    region = _region_of(level, from_level, frame, softness)
    if region is None:
        return None
    left, top, right, bottom = region
    shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64)
    warped = _warp(level, shift @ from_level, (right - left, bottom - top))
    warped = _blurred(warped, softness, scale * sprite.width_px / level.shape[1])
    alpha = cv2.extractChannel(warped, 3)
    colours = cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR)
    if abs(gain - 1) > 0.004:
        colours = cv2.convertScaleAbs(colours, alpha=gain)
    clear = cv2.cvtColor(cv2.bitwise_not(alpha), cv2.COLOR_GRAY2BGR)
    target = frame[top:bottom, left:right]
    cv2.multiply(target, clear, dst=target, scale=1 / 255)
    cv2.add(target, colours, dst=target)
    return Laid(region, np.asarray(alpha, np.uint8))


def _level_for(sprite: Sprite, to_frame: Matrix, scale: float) -> tuple[NDArray[np.uint8], Matrix]:
    """Return the smallest copy that is not stretched much, and its own matrix."""
    index = 0
    while index + 1 < len(sprite.levels) and scale * 2 ** (index + 1) <= 1.25:
        index += 1
    level = sprite.levels[index]
    up_x = sprite.width_px / level.shape[1]
    up_y = sprite.height_px / level.shape[0]
    # Pixel centres: the middle of pixel 0 lies at 0.5 of its width.
    up = np.array([[up_x, 0, 0.5 * up_x - 0.5], [0, up_y, 0.5 * up_y - 0.5], [0, 0, 1]], np.float64)
    return level, to_frame @ up


def _scale_of(sprite: Sprite, to_frame: Matrix) -> float:
    """Return the stretch in the sprite's middle."""
    x, y = sprite.width_px / 2, sprite.height_px / 2
    rows: list[list[float]] = to_frame.tolist()
    a, b, c = rows
    depth = c[0] * x + c[1] * y + c[2]
    column, row = (a[0] * x + a[1] * y + a[2]) / depth, (b[0] * x + b[1] * y + b[2]) / depth
    across = math.hypot(a[0] - column * c[0], b[0] - row * c[0])
    down = math.hypot(a[1] - column * c[1], b[1] - row * c[1])
    return max(across, down) / abs(depth)


def _region_of(
    level: NDArray[np.uint8], from_level: Matrix, frame: BgrImage, softness: Softness
) -> RegionPx | None:
    height, width = level.shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], np.float64)
    placed = corners @ from_level.T
    points = placed[:, :2] / placed[:, 2:]
    margin = 1 + 2 * softness.defocus_px
    low = np.floor(points.min(axis=0) - margin - np.array([softness.motion_px / 2, 0]))
    high = np.ceil(points.max(axis=0) + margin + np.array([softness.motion_px / 2, 0]))
    left, top = (int(max(v, 0)) for v in low)
    right = int(min(high[0], frame.shape[1]))
    bottom = int(min(high[1], frame.shape[0]))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _warp(level: NDArray[np.uint8], matrix: Matrix, size: tuple[int, int]) -> NDArray[np.uint8]:
    if matrix[2, 0] == 0 and matrix[2, 1] == 0:
        warped = cv2.warpAffine(level, matrix[:2] / matrix[2, 2], size, flags=cv2.INTER_LINEAR)
    else:
        warped = cv2.warpPerspective(level, matrix, size, flags=cv2.INTER_LINEAR)
    return np.asarray(warped, np.uint8)


def _blurred(warped: NDArray[np.uint8], softness: Softness, stretch: float) -> NDArray[np.uint8]:
    """Blur what was stretched by ``stretch`` and is already that soft."""
    if softness.motion_px > _LEAST_STREAK_PX:
        # A box of fractional length: whole pixels, and the rest shared by its two ends.
        whole = int((softness.motion_px - 1) // 2) * 2 + 1
        end = (softness.motion_px - whole) / 2
        kernel = np.array([end, *([1.0] * whole), end]) / softness.motion_px
        warped = np.asarray(cv2.sepFilter2D(warped, -1, kernel, np.ones(1)), np.uint8)
    missing = softness.defocus_px**2 - (_SOFT_BY_STRETCH * stretch) ** 2
    if missing > _LEAST_BLUR_PX**2:
        warped = np.asarray(cv2.GaussianBlur(warped, (0, 0), math.sqrt(missing)), np.uint8)
    return warped
