"""Five-point alignment to the template of an embedder.

A face is turned, scaled and moved so that its landmarks lie where the embedder saw them in
training. The least-squares similarity transform is Umeyama's (IEEE TPAMI 13(4), 1991), in closed
form for two dimensions; the target points are ArcFace's, for 112 × 112 (Deng et al., 2019).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import BgrImage
from overt.core.frame import Picture

ALIGNMENT = "arcface-5pt-112"
"""Names this alignment in the model contract."""

CROP_SIZE_PX = 112
CROP_SHAPE = (CROP_SIZE_PX, CROP_SIZE_PX, 3)

ARCFACE_POINTS_PX: NDArray[np.float64] = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)

_CROP_GRID_PX: NDArray[np.float64] = np.stack(
    np.meshgrid(*2 * [np.linspace(7, CROP_SIZE_PX - 7, 8)]), axis=-1
).reshape(-1, 2)
"""An even grid of points over the crop."""

_MARGIN_PX = 4
"""In pixels of the crop where the face is larger than it: they are averages of many."""


def similarity_transform(points_px: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the 2 × 3 matrix that takes five landmarks (5 × 2) closest to the template.

    A degenerate face (all points in one place) gives a matrix of zero scale, never an error.
    """
    source = points_px.astype(np.float64)
    source_mean, target_mean = source.mean(axis=0), ARCFACE_POINTS_PX.mean(axis=0)
    s, t = source - source_mean, ARCFACE_POINTS_PX - target_mean
    spread = max(float((s * s).sum()), 1e-12)
    cosine = float((s * t).sum()) / spread
    sine = float((s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum()) / spread
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    offset = target_mean - rotation @ source_mean
    return np.column_stack([rotation, offset])


def share_of_crop_inside(points_px: NDArray[np.float32], picture_size_px: tuple[int, int]) -> float:
    """Return which share of a face's aligned crop lies within the picture, 0 to 1."""
    matrix = similarity_transform(points_px)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if not np.isfinite(scale) or scale < 1e-6:
        return 0.0
    inverse = cv2.invertAffineTransform(matrix)
    reached = _CROP_GRID_PX @ inverse[:, :2].T + inverse[:, 2]
    return float(np.mean(np.all((reached >= 0) & (reached < picture_size_px), axis=1)))


def align(
    picture: Picture, points_px: NDArray[np.float32], out: BgrImage | None = None
) -> BgrImage:
    """Return the 112 × 112 aligned crop of one face, cut from the full-resolution picture.

    Every copy of the face that is made on the way is overwritten.

    Args:
        picture: where the face is.
        points_px: its five landmarks, 5 × 2, in pixels of the full picture.
        out: 112 × 112 × 3 zeros to write it into; an array of its own if None.

    Returns:
        The crop; black where the face reaches past the edge, and all black where the landmarks are
        no face.
    """
    crop = np.zeros(CROP_SHAPE, np.uint8) if out is None else out
    if not np.isfinite(points_px).all():
        return crop
    matrix = similarity_transform(points_px)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 1e-6:
        return crop
    inverse = cv2.invertAffineTransform(matrix)
    side = float(CROP_SIZE_PX)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]])
    reached = corners @ inverse[:, :2].T + inverse[:, 2]
    limit = 4 * max(picture.width_px, picture.height_px)
    margin = _MARGIN_PX / min(scale, 1.0)
    low = np.clip(np.floor(reached.min(axis=0) - margin), -limit, limit).astype(int)
    high = np.clip(np.ceil(reached.max(axis=0) + margin), -limit, limit).astype(int)
    region = picture.crop(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    if region.size == 0:
        return crop
    origin = np.maximum(low, 0).astype(np.float64)
    matrix[:, 2] += matrix[:, :2] @ origin
    small, matrix = _shrink_first(region, matrix, scale)
    cv2.warpAffine(small, matrix, (CROP_SIZE_PX, CROP_SIZE_PX), dst=crop, flags=cv2.INTER_LINEAR)
    small.fill(0)
    region.fill(0)
    return crop


def _shrink_first(
    region: BgrImage, matrix: NDArray[np.float64], scale: float
) -> tuple[BgrImage, NDArray[np.float64]]:
    """Average a large face down by a whole factor, since bilinear sampling alone would alias."""
    factor = int(1 / scale)
    if factor < 2:
        return region, matrix
    height, width = region.shape[:2]
    small = cv2.resize(
        region, (max(1, width // factor), max(1, height // factor)), interpolation=cv2.INTER_AREA
    )
    stretch = np.array([width / small.shape[1], height / small.shape[0]])
    shrunk = matrix.copy()
    # Pixel centres: full = (small + ½) · stretch − ½.
    shrunk[:, 2] += matrix[:, :2] @ (stretch / 2 - 0.5)
    shrunk[:, :2] = matrix[:, :2] * stretch
    return np.asarray(small, np.uint8), shrunk
