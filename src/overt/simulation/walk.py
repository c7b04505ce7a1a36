"""Plans walks: who passes when, along which path, how the head turns on the way.

Invariants: a walk is a pure function of its random generator; a walk with a portrait is planned
whole, from out of view to out of view.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from overt.simulation.camera import FACE_M, Camera, smooth_noise
from overt.simulation.config import StreetConfig
from overt.simulation.scenery import WALL_LEFT_M, WALL_RIGHT_M

Kind = Literal["towards", "across", "away"]
Accessory = Literal["phone", "scarf", "umbrella"]
Series = NDArray[np.float64]

_SPEED_M_S = (1.15, 1.55)
_STRIDE_M = 1.42
"""Length of two steps at an ordinary pace."""


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """One passage as planned; every series has one value a frame.

    Attributes:
        kind: towards the camera, across its view, or away from it.
        start_frame: the clip's frame that the series begin at (may be below 0).
        size: the walker's size over that of :data:`overt.simulation.camera.STATURE_M`.
        x_m: to the right of the camera.
        z_m: away from the camera.
        heading: -1 to 1, how far the walk leads to the left or right in the picture.
        turn: phase of the walking cycle, in cycles.
        yaw_deg: head turned to the side; positive turns its front to the right of the picture.
        pitch_deg: head nodding; positive looks down.
        roll_deg: head tilted.
        gain: brightness of the light where the walker is.
        accessory: what hides part of the face, or None.
        hides: 0 to 1, how far the accessory is in its place.
    """

    kind: Kind
    start_frame: int
    size: float
    x_m: Series
    z_m: Series
    heading: Series
    turn: Series
    yaw_deg: Series
    pitch_deg: Series
    roll_deg: Series
    gain: Series
    accessory: Accessory | None
    hides: Series

    @property
    def n_frames(self) -> int:
        """How many frames it lasts."""
        return len(self.x_m)

    @property
    def end_frame(self) -> int:
        """The clip's first frame after it."""
        return self.start_frame + self.n_frames

    def nearest_m(self, other: "Walk") -> float:
        """Return the least distance between the two, infinity if they are never out together."""
        first = max(self.start_frame, other.start_frame)
        end = min(self.end_frame, other.end_frame)
        if end <= first:
            return float("inf")
        mine = slice(first - self.start_frame, end - self.start_frame)
        theirs = slice(first - other.start_frame, end - other.start_frame)
        apart = np.hypot(self.x_m[mine] - other.x_m[theirs], self.z_m[mine] - other.z_m[theirs])
        return float(apart.min())


class WalkPlanner:
    """Draws walks for one street."""

    def __init__(self, config: StreetConfig, camera: Camera) -> None:
        self._config = config
        self._camera = camera

    @property
    def corner_m(self) -> float:
        """Distance of the corner from behind which people come."""
        return self._camera.depth_of_face_m(self._config.smallest_px) * 1.02

    def walk(self, rng: np.random.Generator, kind: Kind, start_frame: int) -> Walk:
        """Draw one walk of this kind."""
        size = float(np.clip(rng.normal(1.0, 0.04), 0.9, 1.1))
        knots = {"towards": self._towards, "across": self._across, "away": self._away}[kind](
            rng, size
        )
        speed = float(rng.uniform(*_SPEED_M_S)) * (0.9 if kind == "across" else 1.0)
        path = _paced(knots, speed / self._config.fps)
        return self._dressed(rng, path, kind=kind, start_frame=start_frame, size=size, speed=speed)

    @staticmethod
    def begun(walk: Walk, n_done: int) -> Walk:
        """Return ``walk`` with its first ``n_done`` frames already over at its start."""
        return replace(walk, start_frame=walk.start_frame - n_done)

    def _towards(self, rng: np.random.Generator, size: float) -> list[tuple[float, float]]:
        """Round the corner, then down the street and past the camera."""
        config, camera = self._config, self._camera
        far = camera.depth_of_face_m(config.smallest_px, FACE_M * size)
        near = camera.depth_of_face_m(config.largest_px, FACE_M * size)
        side = float(rng.choice([-1, 1]))
        start = float(rng.uniform(-1, 1)) * min(2.2, 0.8 * camera.half_view_m(far))
        leaves = side * (camera.half_view_m(near) - 0.2 * FACE_M * size)
        wall = WALL_LEFT_M if start < 0 else WALL_RIGHT_M
        hidden = (self._behind_wall_m(wall), self.corner_m + 0.5)
        return [
            hidden,
            (start, self.corner_m + 0.1),
            (leaves, near),
            _beyond((start, far), (leaves, near)),
        ]

    def _across(self, rng: np.random.Generator, size: float) -> list[tuple[float, float]]:
        config, camera = self._config, self._camera
        low, high = config.across_px
        z = camera.depth_of_face_m(float(rng.uniform(low, high)), FACE_M * size)
        side = float(rng.choice([-1, 1]))
        drift = float(rng.uniform(-0.12, 0.12)) * z
        reach = [
            side * (camera.half_view_m(d) + 2.6 * FACE_M * size) for d in (z - drift, z + drift)
        ]
        return [(reach[0], z - drift), (0.0, z), (-reach[1], z + drift)]

    def _away(self, rng: np.random.Generator, size: float) -> list[tuple[float, float]]:
        camera = self._camera
        near = camera.depth_of_face_m(self._config.largest_px, FACE_M * size) * 0.9
        side = float(rng.choice([-1, 1]))
        enters = side * (camera.half_view_m(near) + 2.6 * FACE_M * size)
        aim = (
            float(rng.uniform(0.3, 1.0)) * side * min(1.8, 0.6 * camera.half_view_m(self.corner_m))
        )
        wall = WALL_LEFT_M if side < 0 else WALL_RIGHT_M
        return [
            (enters, near),
            (aim, self.corner_m),
            (self._behind_wall_m(wall), self.corner_m + 0.5),
        ]

    def _behind_wall_m(self, wall_m: float) -> float:
        """Return where, half a metre beyond the corner, the near wall hides a walker whole."""
        return wall_m * (self.corner_m + 0.5) / self.corner_m + math.copysign(0.6, wall_m)

    def _dressed(
        self,
        rng: np.random.Generator,
        path: tuple[Series, Series],
        *,
        kind: Kind,
        start_frame: int,
        size: float,
        speed: float,
    ) -> Walk:
        """Add step, head and light to a path."""
        config, (x, z), n = self._config, path, len(path[0])
        second = float(config.fps)
        sway = np.gradient(x) / max(speed / second, 1e-9) if n > 1 else np.zeros(n)
        heading = np.clip(sway, -1, 1)
        ahead = {"towards": 0.35, "across": 0.62, "away": 0.0}[kind]
        yaw = config.yaw_deg * ahead * heading
        yaw = yaw + smooth_noise(rng, n, 1.6 * second, 0.55 * config.yaw_deg)
        light = 1 + smooth_noise(rng, n, 2.5 * second, 0.22 * config.lighting)
        accessory, hides = self._accessory(rng, n)
        step = speed / second / (_STRIDE_M * size)
        return Walk(
            kind=kind,
            start_frame=start_frame,
            size=size,
            x_m=x,
            z_m=z,
            heading=heading,
            turn=np.asarray(float(rng.random()) + np.arange(n) * step, np.float64),
            yaw_deg=np.clip(yaw, -config.yaw_deg, config.yaw_deg),
            pitch_deg=smooth_noise(rng, n, 2.0 * second, 9.0),
            roll_deg=smooth_noise(rng, n, 1.4 * second, 5.0),
            gain=light,
            accessory=None if kind == "away" else accessory,
            hides=hides,
        )

    def _accessory(self, rng: np.random.Generator, n: int) -> tuple[Accessory | None, Series]:
        """Return what hides part of the face and when: somewhere between a third and all of it."""
        kinds: tuple[Accessory, ...] = ("phone", "scarf", "umbrella")
        kind = kinds[int(rng.integers(len(kinds)))]
        start, length = float(rng.uniform(-0.2, 0.6)), float(rng.uniform(0.3, 0.6))
        at = np.arange(n) / max(n, 1)
        rise = np.clip((at - start) / 0.06, 0, 1) * np.clip((start + length - at) / 0.06, 0, 1)
        if rng.random() >= self._config.occlusion_rate:
            return None, np.zeros(n)
        return kind, np.asarray(rise * rise * (3 - 2 * rise), np.float64)


def _beyond(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """Return a point a little past ``end``, so that nobody stops at the edge of the view."""
    (x0, z0), (x1, z1) = start, end
    return x1 + 0.12 * (x1 - x0) + (0.8 if x1 > 0 else -0.8), max(0.55 * z1, z1 + 0.06 * (z1 - z0))


def _paced(knots: list[tuple[float, float]], step_m: float) -> tuple[Series, Series]:
    """Return points ``step_m`` apart along the knots, with the corners rounded."""
    points = np.asarray(knots, np.float64)
    for _ in range(3):
        inner = np.stack(
            [0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]], axis=1
        )
        points = np.concatenate([points[:1], inner.reshape(-1, 2), points[-1:]])
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.arange(0.0, lengths[-1], step_m)
    return np.interp(at, lengths, points[:, 0]), np.interp(at, lengths, points[:, 1])
