"""Draws façades and paving as flat textures, seen straight on."""

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import BgrImage

_PX_PER_M = 44
Rect = tuple[float, float, float, float]
"""Left, top, right, bottom in metres; down is positive."""

_WALLS = ((124, 142, 164), (108, 122, 138), (150, 160, 168), (94, 104, 134), (168, 172, 172),
          (122, 128, 130), (138, 150, 170))  # fmt: skip
_SHOPS = ((62, 52, 40), (46, 60, 44), (58, 48, 92), (70, 66, 62), (92, 72, 46), (44, 44, 46))
_SIGNS = ((190, 196, 200), (70, 150, 190), (150, 120, 60), (120, 160, 120))


def draw_facade(rng: np.random.Generator, width_m: float, height_m: float) -> BgrImage:
    """Draw the front of a house with a shop on the ground floor."""
    size = (max(8, round(width_m * _PX_PER_M)), max(8, round(height_m * _PX_PER_M)))
    wall = np.asarray(_WALLS[int(rng.integers(len(_WALLS)))], np.float32)
    front = np.ones((size[1], size[0], 3), np.float32) * wall * np.float32(rng.uniform(0.8, 1.05))
    front *= _stains(rng, size)[..., None]
    if rng.random() < 0.55:
        _bricks(rng, front)
    floor_m = 3.2
    n_bays = max(1, round(width_m / rng.uniform(1.7, 2.3)))
    bay_m = width_m / n_bays
    tall = float(rng.uniform(1.5, 1.9))
    for floor in range(int(height_m // floor_m)):
        for bay in range(n_bays):
            bottom = height_m - (floor + 1) * floor_m - 0.75
            left = bay * bay_m + bay_m * 0.24
            _window(rng, front, (left, bottom - tall, left + bay_m * 0.52, bottom))
    _band(front, (0, height_m - floor_m - 0.15, width_m, height_m - floor_m), 1.18)
    _band(front, (0, 0, width_m, 0.35), 0.82)
    _shop(rng, front, width_m, height_m, floor_m - 0.2)
    return np.asarray(np.clip(front, 0, 255), np.uint8)


def draw_paving(
    rng: np.random.Generator, width_m: float, length_m: float, px_per_m: int
) -> BgrImage:
    """Draw slabs of stone laid in courses."""
    slab_w, slab_h = 0.75, 0.5
    n_rows, n_columns = round(length_m / slab_h) + 1, round(width_m / slab_w) + 2
    size = (round(width_m * px_per_m), round(length_m * px_per_m))
    tones = rng.normal(1.0, 0.045, (n_rows, n_columns)).astype(np.float32)
    rows = np.arange(size[1]) / px_per_m / slab_h
    columns = np.arange(size[0]) / px_per_m / slab_w
    course = rows.astype(int)
    shifted = columns[None, :] + 0.5 * (course[:, None] % 2)
    slab = tones[
        np.clip(course, 0, n_rows - 1)[:, None], np.clip(shifted.astype(int), 0, n_columns - 1)
    ]
    joint_w, joint_h = 0.018 / slab_w, 0.018 / slab_h
    joint = ((shifted % 1) < joint_w) | ((rows % 1) < joint_h)[:, None]
    slab *= np.where(joint, np.float32(0.72), np.float32(1.0))
    slab *= 0.4 + 0.6 * _stains(rng, size)
    slab += rng.normal(0, 0.012, slab.shape).astype(np.float32)
    colour = np.array([138, 142, 146], np.float32)
    return np.asarray(np.clip(slab[..., None] * colour, 0, 255), np.uint8)


def _shop(
    rng: np.random.Generator,
    front: NDArray[np.float32],
    width_m: float,
    height_m: float,
    top_m: float,
) -> None:
    colour = np.asarray(_SHOPS[int(rng.integers(len(_SHOPS)))], np.float32)
    top = height_m - top_m
    _fill(front, (0.15, top, width_m - 0.15, height_m), colour)
    _fill(front, (0.3, top + 0.12, width_m - 0.3, top + 0.55), colour * 1.35)
    sign = np.asarray(_SIGNS[int(rng.integers(len(_SIGNS)))], np.float32)
    start = 0.3 + float(rng.uniform(0.1, 0.3)) * width_m
    for _ in range(int(rng.integers(4, 9))):
        end = start + float(rng.uniform(0.14, 0.3))
        _fill(front, (start, top + 0.22, end, top + 0.46), sign)
        start = end + 0.07
    door = float(rng.uniform(0.15, 0.75)) * width_m
    panes = np.arange(0.4, width_m - 1.0, 1.5)
    for left in panes:
        _window(rng, front, (left, top + 0.75, left + 1.32, height_m - 0.55), lit=True)
    _fill(front, (door, top + 0.7, door + 1.0, height_m), colour * 0.75)
    _window(rng, front, (door + 0.12, top + 0.8, door + 0.88, height_m - 0.3), lit=True)


def _window(
    rng: np.random.Generator, front: NDArray[np.float32], at: Rect, *, lit: bool = False
) -> None:
    left, top, right, bottom = at
    frame = 0.06
    _fill(front, (left - frame, top - frame, right + frame, bottom + frame),
          _tone([196, 200, 202]) if not lit else _tone([58, 58, 60]))  # fmt: skip
    _fill(front, (left - 0.12, bottom + frame, right + 0.12, bottom + 0.14), _tone([176, 176, 176]))
    region = _region(front, at)
    if region.size == 0:
        return
    down = np.linspace(0, 1, region.shape[0], dtype=np.float32)[:, None, None]
    across = np.linspace(0, 1, region.shape[1], dtype=np.float32)[None, :, None]
    sky, inside = _tone([168, 156, 142]), _tone([54, 52, 50])
    if lit:
        inside = _tone([74, 104, 128]) * np.float32(rng.uniform(0.6, 1.3))
    glass = sky + (inside - sky) * np.clip(down * 1.5 + 0.35 * across - 0.1, 0, 1)
    region[:] = glass * np.float32(rng.uniform(0.75, 1.05))
    if lit:
        for _ in range(4):
            x, y = rng.uniform(0, 0.85), rng.uniform(0.35, 0.9)
            h, w = region.shape[:2]
            thing = region[int(y * h) :, int(x * w) : int((x + 0.12) * w)]
            thing *= np.float32(rng.uniform(0.5, 1.6))
    elif rng.random() < 0.5:
        blind = region[: int(region.shape[0] * rng.uniform(0.15, 0.5))]
        blind[:] = _tone([186, 192, 196]) * np.float32(rng.uniform(0.75, 1.0))
    middle = (left + right) / 2
    _fill(front, (middle - 0.025, top, middle + 0.025, bottom),
          _tone([70, 70, 70]) if lit else _tone([188, 188, 188]))  # fmt: skip


def _bricks(rng: np.random.Generator, front: NDArray[np.float32]) -> None:
    course, brick = round(0.09 * _PX_PER_M), round(0.26 * _PX_PER_M)
    n_rows, n_columns = front.shape[0] // course + 1, front.shape[1] // brick + 2
    tones = rng.normal(1.0, 0.06, (n_rows, n_columns)).astype(np.float32)
    rows, columns = np.arange(front.shape[0]) // course, np.arange(front.shape[1])
    shifted = (columns[None, :] + (rows[:, None] % 2) * (brick // 2)) // brick
    front *= tones[rows[:, None], shifted][..., None]
    front[::course] *= 1.07


def _stains(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return soft irregular dirt, about 1; ``size`` is width × height."""
    dirt = np.ones((size[1], size[0]), np.float32)
    for cells, depth in ((5, 0.05), (14, 0.04), (40, 0.03)):
        seeds = rng.normal(0, 1, (cells, cells)).astype(np.float32)
        dirt += depth * cv2.resize(seeds, size, interpolation=cv2.INTER_CUBIC)
    return dirt


def _tone(colour: list[int]) -> NDArray[np.float32]:
    return np.asarray(colour, np.float32)


def _band(front: NDArray[np.float32], at: Rect, gain: float) -> None:
    _region(front, at)[:] *= np.float32(gain)


def _fill(front: NDArray[np.float32], at: Rect, colour: NDArray[np.float32]) -> None:
    _region(front, at)[:] = colour


def _region(front: NDArray[np.float32], at: Rect) -> NDArray[np.float32]:
    left, top, right, bottom = (max(0, round(v * _PX_PER_M)) for v in at)
    return front[top:bottom, left:right]
