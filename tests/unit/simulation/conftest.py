"""A drawn portrait and a finder that knows where its face is: no model is needed here."""

import cv2
import numpy as np
import pytest

from overt.core.arrays import BgrImage
from overt.simulation.config import StreetConfig
from overt.simulation.people import Portrait

EYES_PX = 34.0


def draw_portrait(seed: int) -> BgrImage:
    rng = np.random.default_rng(seed)
    picture = np.full((256, 256, 3), rng.integers(120, 220, 3), np.uint8)
    skin, hair = rng.integers(110, 200, 3).tolist(), rng.integers(10, 60, 3).tolist()
    cv2.ellipse(picture, (128, 260), (90, 70), 0, 0, 360, rng.integers(0, 255, 3).tolist(), -1)
    cv2.rectangle(picture, (112, 140), (144, 200), skin, -1)
    cv2.ellipse(picture, (128, 100), (42, 56), 0, 0, 360, hair, -1)
    cv2.ellipse(picture, (128, 108), (34, 46), 0, 0, 360, skin, -1)
    for x in (111, 145):
        cv2.circle(picture, (x, 100), 4, (40, 40, 40), -1)
    cv2.line(picture, (115, 134), (141, 134), (60, 60, 140), 3)
    return picture


def find_drawn_face(picture: BgrImage) -> np.ndarray:
    return np.array([[111, 100], [145, 100], [128, 118], [115, 134], [141, 134]], np.float32)


@pytest.fixture
def people() -> list[Portrait]:
    return [Portrait(f"person-{i}", draw_portrait(i)) for i in range(5)]


@pytest.fixture
def find_face():
    return find_drawn_face


@pytest.fixture
def small() -> StreetConfig:
    """A street that is quick to draw."""
    return StreetConfig(
        width=320, height=180, fps=8, n_visible=3, n_away=1, smallest_px=5, largest_px=30,
        across_px=(10, 22), seed=7,
    )  # fmt: skip
