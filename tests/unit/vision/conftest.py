"""A real face, found once, and ways to spoil it."""

import cv2
import numpy as np
import pytest

from overt.core.frame import ArrayPicture


@pytest.fixture(scope="session")
def hopper(portraits):
    return portraits["grace-hopper"]


@pytest.fixture(scope="session")
def faces(models, portraits):
    """Each portrait's detections, by label."""
    find = models.still_detector.detect_still
    return {person: find(ArrayPicture(picture)) for person, picture in portraits.items()}


@pytest.fixture(scope="session")
def scene(portraits):
    """A street of 960 × 544 px with both people in it: their pictures and where they stand."""
    canvas = np.full((544, 960, 3), (96, 110, 120), np.uint8)
    for picture, side, (left, top) in [
        (portraits["grace-hopper"], 220, (100, 60)),
        (portraits["eileen-collins"], 320, (560, 150)),
    ]:
        height, width = picture.shape[:2]
        size = (side, round(side * height / width))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        canvas[top : top + size[1], left : left + size[0]] = small[: 544 - top]
    canvas.flags.writeable = False
    return canvas
