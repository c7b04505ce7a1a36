"""Faces made unrecognisable before a picture is kept or shown."""

import cv2
import numpy as np

from overt.core.arrays import BgrImage, Box, Boxes

CELLS_ACROSS = 5
"""A pixelated face is at most this many flat squares wide: far below what any matcher can use."""

MARGIN = 0.35
"""How far the squares reach past the detector's box, as a share of its size: hair, ears, chin."""


def pixelate(image: BgrImage, boxes_px: Boxes, margin: float = MARGIN) -> None:
    """Overwrite each box (n × 4, pixels of ``image``) and its margin with flat squares, in place.

    Squares are the mean of what they cover, and are aligned to the box, so that a series of
    pictures of one face cannot be combined into a finer one by its movement across a fixed grid
    more than the flat mean of the whole allows.
    """
    for box in boxes_px:
        _pixelate_one(image, box, margin)


def _pixelate_one(image: BgrImage, box_px: Box, margin: float) -> None:
    height, width = image.shape[:2]
    margin_x = margin * float(box_px[2] - box_px[0])
    margin_y = margin * float(box_px[3] - box_px[1])
    left = max(0, int(np.floor(box_px[0] - margin_x)))
    top = max(0, int(np.floor(box_px[1] - margin_y)))
    right = min(width, int(np.ceil(box_px[2] + margin_x)))
    bottom = min(height, int(np.ceil(box_px[3] + margin_y)))
    if right <= left or bottom <= top:
        return
    region = image[top:bottom, left:right]
    across = min(CELLS_ACROSS, right - left)
    down = min(round(CELLS_ACROSS * 1.3), bottom - top)
    cells = cv2.resize(region, (across, down), interpolation=cv2.INTER_AREA)
    image[top:bottom, left:right] = cv2.resize(
        cells, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST
    )
