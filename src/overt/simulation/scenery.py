"""Draws the street that people walk in: sky, buildings, paving, and what stands in their way.

Everything flat in the world (façades, paving) is drawn flat and laid into the picture by its
homography, twice as large as needed, then shrunk: that is where perspective and fine edges come
from. Made once a clip.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import BgrImage, GreyImage
from overt.simulation.camera import Camera
from overt.simulation.facade import draw_facade, draw_paving
from overt.simulation.sprite import RegionPx

WALL_LEFT_M = -3.7
WALL_RIGHT_M = 3.9
FAR_M = 46.0
_OVERSIZE = 2


@dataclass(frozen=True, slots=True, eq=False)
class Occluder:
    """Something that stands in the street and hides who walks behind it.

    Attributes:
        depth_m: how far away it stands; only what is farther is hidden.
        region: where it is in the picture.
        picture: its pixels, height × width × 3.
        cover: 0 to 255, height × width.
    """

    depth_m: float
    region: RegionPx
    picture: BgrImage
    cover: GreyImage


@dataclass(frozen=True, slots=True, eq=False)
class Scenery:
    """A street without people.

    Attributes:
        picture: the whole view, what stands in it included.
        occluders: farthest first.
        corner_m: how far away the near buildings end; people come and go round that corner.
    """

    picture: BgrImage
    occluders: tuple[Occluder, ...]
    corner_m: float


class _Board:
    """The picture being drawn, at twice its size."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.size = (camera.width_px * _OVERSIZE, camera.height_px * _OVERSIZE)
        self.picture = np.zeros((self.size[1], self.size[0], 3), np.uint8)

    def lay(self, texture: BgrImage, corners_m: list[tuple[float, float, float]]) -> GreyImage:
        """Lay a texture on a flat quadrilateral (x, y, z of its corners, clockwise from top left).

        Returns:
            What it covers, 0 to 255.
        """
        height, width = texture.shape[:2]
        flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        placed = np.array([self._point(corner) for corner in corners_m], np.float32)
        matrix = cv2.getPerspectiveTransform(flat, placed)
        cv2.warpPerspective(texture, matrix, self.size, dst=self.picture, flags=cv2.INTER_AREA,
                            borderMode=cv2.BORDER_TRANSPARENT)  # fmt: skip
        cover = np.zeros(self.picture.shape[:2], np.uint8)
        cv2.fillConvexPoly(cover, np.round(placed).astype(np.int32), 255)
        return cover

    def _point(self, corner_m: tuple[float, float, float]) -> tuple[float, float]:
        x, y, z = corner_m
        column, row = self.camera.column_px(x, z), self.camera.row_px(y, z)
        return float(column) * _OVERSIZE, float(row) * _OVERSIZE

    def shrunk(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return ``image`` at the size of the clip."""
        size = (self.camera.width_px, self.camera.height_px)
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def draw_street(
    rng: np.random.Generator, camera: Camera, corner_m: float, lamp_m: float | None
) -> Scenery:
    """Draw a street.

    Args:
        rng: where chance comes from.
        camera: what sees it.
        corner_m: distance at which the near buildings end and a side street opens.
        lamp_m: distance of a lamp post that people pass behind, or None for none.
    """
    board = _Board(camera)
    _sky(rng, board)
    gap_m = corner_m * 1.45
    board.lay(draw_facade(rng, 13.0, 9.0), [(-6.5, 9, FAR_M), (6.5, 9, FAR_M), (6.5, 0, FAR_M),
                                            (-6.5, 0, FAR_M)])  # fmt: skip
    _ground(rng, board, corner_m)
    _walls(rng, board, gap_m, FAR_M)
    _haze(board)
    # The side street's far corners face the camera.
    for x0, x1 in ((-14.0, WALL_LEFT_M), (WALL_RIGHT_M, 14.0)):
        board.lay(draw_facade(rng, 10.0, 10.0),
                  [(x0, 10, gap_m), (x1, 10, gap_m), (x1, 0, gap_m), (x0, 0, gap_m)])  # fmt: skip
    near_walls = _walls(rng, board, 0.9, corner_m)
    picture = board.shrunk(board.picture)
    picture = _graded(rng, picture)
    occluders = [_occluder(picture, board.shrunk(near_walls), corner_m)]
    if lamp_m is not None:
        occluders.append(_lamp_post(rng, camera, picture, lamp_m))
    return Scenery(picture, tuple(occluder for occluder in occluders if occluder), corner_m)


def _sky(rng: np.random.Generator, board: _Board) -> None:
    width, height = board.size
    small = (width // 8, height // 8)
    rows = np.linspace(0, 1, small[1], dtype=np.float32)[:, None, None]
    top, bottom = np.asarray([205, 186, 170], np.float32), np.asarray([226, 222, 216], np.float32)
    sky = top + (bottom - top) * np.clip(rows * 3, 0, 1)
    clouds = np.zeros((small[1], small[0]), np.float32)
    for cells, weight in ((4, 1.0), (9, 0.6), (20, 0.3), (44, 0.15)):
        seeds = rng.normal(0, 1, (cells, cells)).astype(np.float32)
        clouds += weight * cv2.resize(seeds, small, interpolation=cv2.INTER_CUBIC)
    sky = np.clip(sky + 9 * clouds[..., None], 0, 255).astype(np.uint8)
    cv2.resize(sky, board.size, dst=board.picture, interpolation=cv2.INTER_LINEAR)


def _ground(rng: np.random.Generator, board: _Board, corner_m: float) -> None:
    wide = 14.0
    # In two pieces: one texture from the camera's feet to the far end would be coarse close by.
    for near, far, detail in ((corner_m * 0.8, FAR_M, 26), (0.85, corner_m * 0.8, 110)):
        half = wide if near > 1 else 5.0
        paving = draw_paving(rng, 2 * half, far - near, detail)
        board.lay(paving, [(-half, 0, far), (half, 0, far), (half, 0, near), (-half, 0, near)])


def _walls(rng: np.random.Generator, board: _Board, near_m: float, far_m: float) -> GreyImage:
    """Draw both sides of the street from ``near_m`` to ``far_m``; return what they cover."""
    covers = []
    for x, leftmost in ((WALL_LEFT_M, True), (WALL_RIGHT_M, False)):
        start = near_m
        while start < far_m:
            end = min(far_m, start + float(rng.uniform(5.5, 9.0)))
            end = far_m if far_m - end < 2.5 else end
            high = float(rng.uniform(7.5, 11.0))
            first, last = (start, end) if leftmost else (end, start)
            facade = draw_facade(rng, end - start, high)
            covers.append(board.lay(facade, [(x, high, first), (x, high, last), (x, 0, last),
                                             (x, 0, first)]))  # fmt: skip
            start = end
    cover = covers[0]
    for other in covers[1:]:
        cover = np.asarray(cv2.max(cover, other), np.uint8)
    return cover


def _haze(board: _Board) -> None:
    """Let what is far away fade a little into the sky."""
    mist = np.full_like(board.picture, (222, 216, 208))
    cv2.addWeighted(board.picture, 0.80, mist, 0.20, 0, dst=board.picture)


def _graded(rng: np.random.Generator, picture: BgrImage) -> BgrImage:
    """Give the picture the softness and the falling-off light of a lens."""
    height, width = picture.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    light = 1.14 - 0.10 * (x * x + y * y) + 0.05 * np.float32(rng.uniform(-1, 1)) * x
    soft = cv2.GaussianBlur(picture, (0, 0), 0.8 * width / 1920)
    graded = np.clip(soft.astype(np.float32) * light[..., None], 0, 255)
    return np.asarray(graded, np.uint8)


def _occluder(picture: BgrImage, cover: GreyImage, depth_m: float) -> Occluder:
    height, width = cover.shape
    return Occluder(depth_m, (0, 0, width, height), picture, cover)


def _lamp_post(
    rng: np.random.Generator, camera: Camera, picture: BgrImage, depth_m: float
) -> Occluder:
    """Draw a lamp post into ``picture`` in place, and return it."""
    x_m = float(rng.choice([-1, 1]) * rng.uniform(0.35, 0.75) * camera.half_view_m(depth_m))
    middle = float(camera.column_px(x_m, depth_m))
    radius = camera.focal_px * 0.045 / depth_m
    foot = float(camera.row_px(0.0, depth_m))
    reach = int(radius * 2.2) + 2
    left, right = (int(np.clip(middle + d, 0, camera.width_px)) for d in (-reach, reach))
    bottom = int(np.clip(foot, 1, camera.height_px))
    rows = np.arange(bottom, dtype=np.float32)[:, None]
    columns = np.arange(left, right, dtype=np.float32)[None, :] + 0.5
    base = rows > camera.row_px(0.9, depth_m)
    across = (columns - middle) / np.where(base, radius * 1.7, radius)
    cover = np.clip((1 - np.abs(across)) * radius + 0.5, 0, 1)
    round_light = 0.45 + 0.75 * np.sqrt(np.clip(1 - across**2, 0, 1)) - 0.25 * across
    colour = np.array([62, 66, 60], np.float32) * round_light[..., None]
    under = picture[:bottom, left:right].astype(np.float32)
    painted = under + (np.clip(colour, 0, 255) - under) * cover[..., None]
    picture[:bottom, left:right] = painted.astype(np.uint8)
    region = (left, 0, right, bottom)
    return Occluder(depth_m, region, picture[:bottom, left:right].copy(),
                    (cover * 255).astype(np.uint8))  # fmt: skip
