"""One walker being drawn: head, body, shadow and what hides the face, frame by frame."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import BgrImage, GreyImage
from overt.simulation import accessory as accessories
from overt.simulation import figure as figures
from overt.simulation.camera import FACE_M, Camera
from overt.simulation.config import StreetConfig
from overt.simulation.cutout import FACE_WIDTH, Head
from overt.simulation.figure import Figure
from overt.simulation.outfit import choose_outfit
from overt.simulation.sprite import Laid, Matrix, Softness, Sprite, lay
from overt.simulation.truth import Sighting
from overt.simulation.walk import Walk

_FOCUS_M = 3.6
_PIVOT = 0.62
"""The head turns about a point this far below the middle of the face, in head units."""

_VIEWER = 7.0
"""Distance from which a turned head is foreshortened, in head units."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A face as it lies in a frame, before others are laid over it.

    Attributes:
        to_frame: takes head units to pixels of the frame.
        face_px: hairline to chin.
        points_px: n × 2, points spread over the face.
    """

    to_frame: Matrix
    face_px: float
    points_px: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Pose:
    """Where a walker is in a frame.

    Attributes:
        chin_px: column and row of the chin.
        face_px: hairline to chin.
        gain: brightness.
        softness: blur.
    """

    chin_px: tuple[float, float]
    face_px: float
    gain: float
    softness: Softness


class Walker:
    """Draws one walk. A walker without a portrait is drawn from behind, with hair of a colour."""

    def __init__(
        self,
        config: StreetConfig,
        camera: Camera,
        walk: Walk,
        head: Head,
        look_seed: int,
        *,
        has_face: bool,
    ) -> None:
        rng = np.random.default_rng([config.seed, 2, look_seed])
        self.walk = walk
        self.has_face = has_face
        self._config = config
        self._camera = camera
        self._light = _light_table(rng, config.lighting)
        self._head = _shaded(head, rng, config.lighting).lit(self._light)
        self._head_origin = head.centre_px
        self._head_unit = head.face_px
        self._outfit = choose_outfit(rng)
        self._skin = head.skin_bgr
        self._figures: dict[figures.View, Figure] = {}
        self._figure_rng = rng
        self._hiding = (
            None
            if walk.accessory is None
            else accessories.paint_accessory(walk.accessory, self._outfit, self._skin, self._light)
        )

    def depth_m(self, frame: int) -> float:
        """Return how far away the walker is in the clip's ``frame``."""
        return float(self.walk.z_m[frame - self.walk.start_frame])

    def draw(
        self, picture: BgrImage, frame: int, exposure: float
    ) -> tuple[Placed, list[Laid], list[Laid]]:
        """Draw the walker into ``picture``, in place.

        Returns:
            The face's place, what was laid that may hide faces behind, and of that what hides the
            walker's own face.
        """
        i = frame - self.walk.start_frame
        walk = self.walk
        unit = self._camera.focal_px * FACE_M * walk.size / float(walk.z_m[i])
        column = float(self._camera.column_px(walk.x_m[i], walk.z_m[i]))
        ground = float(self._camera.row_px(0.0, walk.z_m[i]))
        bob = 0.10 * abs(math.sin(2 * math.pi * float(walk.turn[i])))
        chin = (column + 0.08 * unit * math.sin(2 * math.pi * float(walk.turn[i])),
                ground - unit * (figures.CHIN_ABOVE_GROUND + bob - 0.05))  # fmt: skip
        gain = float(walk.gain[i]) * exposure
        pose = _Pose(chin, unit, gain, self._softness(i, unit))
        _shadow(picture, column, ground, unit)
        placed = self._place(i, pose)
        to_frame = placed.to_frame @ self._head_units()
        head = lay(picture, self._head, to_frame, gain, pose.softness)
        body = self._draw_body(picture, i, pose)
        own = self._draw_hiding(picture, i, placed, pose)
        everything = [one for one in (head, body, own) if one is not None]
        return placed, everything, [own] if own is not None else []

    def _place(self, i: int, pose: _Pose) -> Placed:
        walk, chin, unit = self.walk, pose.chin_px, pose.face_px
        height = 1.56 * walk.size
        down = float(self._camera.looking_down_deg(height, walk.z_m[i]))
        turned = _turned(
            float(walk.yaw_deg[i]), float(walk.pitch_deg[i]) + down, float(walk.roll_deg[i])
        )
        pivot = (chin[0], chin[1] + (_PIVOT - 0.5) * unit)
        scale = np.array([[unit, 0, pivot[0]], [0, unit, pivot[1]], [0, 0, 1]], np.float64)
        to_frame = scale @ turned
        return Placed(to_frame, unit, _projected(to_frame, _FACE_POINTS))

    def _head_units(self) -> Matrix:
        x, y = self._head_origin
        u = self._head_unit
        return np.array([[1 / u, 0, -x / u], [0, 1 / u, -y / u], [0, 0, 1]], np.float64)

    def _draw_body(self, picture: BgrImage, i: int, pose: _Pose) -> Laid | None:
        view, mirrored = self._view(i)
        if view not in self._figures:
            self._figures[view] = Figure(self._outfit, view, self._skin, self._figure_rng)
        sprite = self._figures[view].phase(float(self.walk.turn[i]), self._light)
        s = pose.face_px / figures.UNIT_PX
        x, y = figures.CHIN_PX
        across = -s if mirrored else s
        left, top = pose.chin_px[0] - across * x, pose.chin_px[1] - s * y
        to_frame = np.array([[across, 0, left], [0, s, top], [0, 0, 1]])
        return lay(picture, sprite, to_frame, pose.gain, pose.softness)

    def _view(self, i: int) -> tuple[figures.View, bool]:
        heading = float(self.walk.heading[i])
        if abs(heading) > 0.72:
            return "side", heading < 0
        return ("back" if self.walk.kind == "away" else "front"), False

    def _draw_hiding(self, picture: BgrImage, i: int, placed: Placed, pose: _Pose) -> Laid | None:
        hides = float(self.walk.hides[i])
        if self._hiding is None or self.walk.accessory is None or hides <= 0.01:
            return None
        x, y = accessories.offset(self.walk.accessory, hides)
        u, (cx, cy) = accessories.UNIT_PX, accessories.CENTRE_PX
        units = np.array([[1 / u, 0, x - cx / u], [0, 1 / u, y - cy / u], [0, 0, 1]])
        return lay(picture, self._hiding, placed.to_frame @ units, pose.gain, pose.softness)

    def _softness(self, i: int, unit: float) -> Softness:
        before, z = max(i - 1, 0), self.walk.z_m
        out_of_focus = 1.4 * abs(1 / float(z[i]) - 1 / _FOCUS_M) * self._camera.width_px / 1920
        columns = self._camera.column_px(self.walk.x_m[[before, i]], z[[before, i]])
        step = abs(float(columns[1] - columns[0]))
        motion = step * self._config.fps * self._config.shutter_s
        return Softness(math.hypot(self._config.blur, out_of_focus), min(motion, unit / 3))


def sighting(
    frame: int, placed: Placed, cover: NDArray[np.float64], size: tuple[int, int]
) -> Sighting:
    """Return what the truth says of a face that is hidden by ``cover`` (0–1 at each of its points).

    Args:
        frame: index of the clip's frame.
        placed: the face.
        cover: n values, one a point of the face.
        size: width and height of the frame.
    """
    outline = _projected(placed.to_frame, _FACE_OUTLINE)
    x, y = placed.points_px[:, 0], placed.points_px[:, 1]
    outside = (x < 0) | (y < 0) | (x >= size[0]) | (y >= size[1])
    hidden = float(np.where(outside, 1.0, cover).mean())
    left, top = (round(float(v), 1) for v in outline.min(axis=0))
    right, bottom = (round(float(v), 1) for v in outline.max(axis=0))
    return Sighting(frame, (left, top, right, bottom), round(placed.face_px, 1), round(hidden, 3))


def _face_points() -> NDArray[np.float64]:
    across, down = np.linspace(-0.42, 0.42, 8) * FACE_WIDTH / 0.84, np.linspace(-0.46, 0.46, 10)
    x, y = np.meshgrid(across, down)
    within = (x / (FACE_WIDTH / 2)) ** 2 + (y / 0.5) ** 2 <= 1
    return np.stack([x[within], y[within]], axis=1)


_FACE_POINTS = _face_points()
_FACE_OUTLINE = np.array([[-FACE_WIDTH / 2, -0.5], [FACE_WIDTH / 2, -0.5], [FACE_WIDTH / 2, 0.5],
                          [-FACE_WIDTH / 2, 0.5]])  # fmt: skip


def _projected(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    placed = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(placed[:, :2] / placed[:, 2:], np.float64)


def _turned(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Matrix:
    """Return the homography of a head turned about its pivot, which goes to 0, 0; head units."""
    yaw, pitch, roll = (math.radians(v) for v in (yaw_deg, pitch_deg, roll_deg))
    about_y = np.array(
        [[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]]
    )
    about_x = np.array(
        [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
    )
    about_z = np.array(
        [[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]]
    )
    turn = about_z @ about_x @ about_y
    # A point (x, y) of the flat head, measured from the pivot, and the viewer's perspective.
    plane = turn[:, :2] @ np.array([[1, 0, 0], [0, 1, -_PIVOT]])
    return np.vstack([plane[0], plane[1], np.array([0, 0, 1.0]) + plane[2] / _VIEWER])


def _light_table(rng: np.random.Generator, strength: float) -> GreyImage:
    """Return brightness, contrast and tint of one walker's light as a 1 × 256 × 3 table."""
    gain = 1 + strength * float(rng.uniform(-0.35, 0.25))
    gamma = 2 ** (strength * float(rng.uniform(-0.5, 0.5)))
    warm = strength * float(rng.uniform(-0.12, 0.12))
    level = (np.arange(256) / 255.0) ** gamma
    tint = gain * np.array([1 - warm, 1.0, 1 + warm])
    return np.asarray(np.clip(255 * level[:, None] * tint, 0, 255)[None], np.uint8)


def _shaded(head: Head, rng: np.random.Generator, strength: float) -> Sprite:
    """Return the head lit more from one side."""
    slope = strength * float(rng.uniform(-0.45, 0.45))
    levels = []
    for level in head.sprite.levels:
        x = np.linspace(-1, 1, level.shape[1], dtype=np.float32)[None, :, None]
        side = np.clip(1 + slope * x, 0.3, 1.4)
        lit = level.astype(np.float32)
        lit[..., :3] = np.minimum(lit[..., :3] * side, lit[..., 3:])
        levels.append(lit.astype(np.uint8))
    return Sprite(tuple(levels))


def _shadow(picture: BgrImage, column: float, ground: float, unit: float) -> None:
    """Darken the ground under the feet."""
    half_w, half_h = 1.5 * unit, 0.32 * unit
    left, right = (int(np.clip(column + d, 0, picture.shape[1])) for d in (-half_w, half_w))
    top, bottom = (int(np.clip(ground + d, 0, picture.shape[0])) for d in (-half_h, half_h))
    if right - left < 2 or bottom - top < 2:
        return
    x = (np.arange(left, right, dtype=np.float32) - column) / half_w
    y = (np.arange(top, bottom, dtype=np.float32) - ground) / half_h
    dark = np.clip(1 - x[None, :] ** 2 - y[:, None] ** 2, 0, 1)
    keep = np.asarray(255 - 115 * dark, np.uint8)
    region = picture[top:bottom, left:right]
    region[:] = cv2.multiply(region, cv2.cvtColor(keep, cv2.COLOR_GRAY2BGR), scale=1 / 255)
