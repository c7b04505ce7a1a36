"""The street's camera: a pinhole that looks level down the street, its picture shifted upwards.

World: x to the right of the camera, y up from the ground, z away from it; metres. A level camera
with a shifted picture keeps upright things upright, as an architect's lens does; that it looks
down on heads close by is put into the heads (:func:`Camera.looking_down_deg`).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FACE_M = 0.18
"""Hairline to chin (trichion to gnathion): 0.187 m in men and 0.173 m in women, L. G. Farkas,
Anthropometry of the Head and Face, 2nd ed., 1994; between the two."""

STATURE_M = 1.70
"""A stature whose face is :data:`FACE_M` high; everything about a walker scales with it."""


@dataclass(frozen=True, slots=True)
class Camera:
    """Projection of the street.

    Attributes:
        width_px: of the picture.
        height_px: of the picture.
        focal_px: focal length.
        horizon_px: row of the horizon.
        mounted_m: height above the ground.
    """

    width_px: int
    height_px: int
    focal_px: float
    horizon_px: float
    mounted_m: float = 1.95

    @classmethod
    def for_picture(cls, width_px: int, height_px: int) -> "Camera":
        """Return the camera for clips of this size: 62° wide, horizon at 27 % of the height."""
        return cls(width_px, height_px, focal_px=width_px / 1.2, horizon_px=0.27 * height_px)

    def column_px(self, x_m: ArrayLike, z_m: ArrayLike) -> NDArray[np.float64]:
        """Return the column of points, any shape."""
        column = self.width_px / 2 + self.focal_px * np.asarray(x_m) / np.asarray(z_m)
        return np.asarray(column, np.float64)

    def row_px(self, y_m: ArrayLike, z_m: ArrayLike) -> NDArray[np.float64]:
        """Return the row of points at height ``y_m``, any shape."""
        above = self.mounted_m - np.asarray(y_m)
        return np.asarray(self.horizon_px + self.focal_px * above / np.asarray(z_m), np.float64)

    def depth_of_face_m(self, hairline_chin_px: float, face_m: float = FACE_M) -> float:
        """Return how far away a face of this size is."""
        return self.focal_px * face_m / hairline_chin_px

    def half_view_m(self, z_m: float) -> float:
        """Return how far to each side the picture reaches at a distance."""
        return self.width_px / 2 * z_m / self.focal_px

    def looking_down_deg(self, y_m: float, z_m: ArrayLike) -> NDArray[np.float64]:
        """Return by how much the camera sees a point at height ``y_m`` from above."""
        down = np.degrees(np.arctan2(self.mounted_m - y_m, np.asarray(z_m)))
        return np.asarray(down, np.float64)


def smooth_noise(
    rng: np.random.Generator, n: int, period: float, amplitude: float
) -> NDArray[np.float64]:
    """Return ``n`` samples that wander within ±``amplitude``, a turn every ``period`` samples."""
    knots = max(4, math.ceil(n / period) + 3)
    values = rng.normal(0.0, 0.6 * amplitude, knots)
    at = np.linspace(1, knots - 2.001, n)
    left = at.astype(int)
    part = at - left
    eased = part * part * (3 - 2 * part)
    blended = values[left] * (1 - eased) + values[left + 1] * eased
    return np.asarray(np.clip(blended, -amplitude, amplitude), np.float64)
