"""A pixelated face cannot be recognised by the very models that we use."""

import cv2
import numpy as np
import pytest

from overt.core.frame import ArrayPicture
from overt.vision.align import align
from overt.vision.pixelate import pixelate

STRANGERS = 0.3
"""Two pictures of different people are rarely more similar than this."""


@pytest.fixture(params=["grace-hopper", "eileen-collins"])
def person(request, portraits):
    return portraits[request.param]


@pytest.mark.parametrize("side_px", [60, 120, 256, 512])
def test_a_face_is_a_stranger_to_itself_once_pixelated(models, person, side_px):
    scale = side_px / person.shape[1]
    picture = cv2.resize(person, None, None, scale, scale, cv2.INTER_AREA)
    found = models.still_detector.detect_still(ArrayPicture(picture))
    hidden = picture.copy()
    pixelate(hidden, found.boxes_px[:1])
    # The attacker is told where the landmarks are.
    crops = [align(ArrayPicture(each), found.landmarks_px[0]) for each in (picture, hidden)]
    before, after = models.embedder.embed(crops)
    assert before @ after < STRANGERS


@pytest.mark.parametrize("how", [cv2.INTER_CUBIC, cv2.INTER_LANCZOS4])
def test_smoothing_the_squares_does_not_bring_it_back(models, person, how):
    found = models.still_detector.detect_still(ArrayPicture(person))
    hidden = person.copy()
    pixelate(hidden, found.boxes_px[:1])
    smooth = cv2.resize(
        cv2.resize(hidden, (24, 28), None, 0, 0, cv2.INTER_AREA), (512, 600), None, 0, 0, how
    )
    smooth = cv2.resize(smooth, (person.shape[1], person.shape[0]))
    crops = [align(ArrayPicture(each), found.landmarks_px[0]) for each in (person, smooth)]
    before, after = models.embedder.embed(crops)
    assert before @ after < STRANGERS


def test_a_series_of_a_moving_face_does_not_bring_it_back(models, person):
    """The squares move with the face: their average over many pictures is no finer."""
    found = models.still_detector.detect_still(ArrayPicture(person))
    total, offsets = np.zeros(person.shape), [(x, y) for x in range(0, 40, 8) for y in (0, 5, 11)]
    for x, y in offsets:
        shifted = np.roll(person, (y, x), axis=(0, 1))
        pixelate(shifted, found.boxes_px[:1] + np.array([x, y, x, y], np.float32))
        total += np.roll(shifted, (-y, -x), axis=(0, 1))
    average = (total / len(offsets)).astype(np.uint8)
    crops = [align(ArrayPicture(each), found.landmarks_px[0]) for each in (person, average)]
    before, after = models.embedder.embed(crops)
    assert before @ after < STRANGERS


def test_a_series_with_an_unsteady_box_does_not_bring_it_back(models, person):
    """A detector's box jitters by a few percent of its size from frame to frame."""
    found = models.still_detector.detect_still(ArrayPicture(person))
    box = found.boxes_px[:1]
    size = box[0, 2] - box[0, 0]
    rng = np.random.default_rng(6)
    total = np.zeros(person.shape)
    for _ in range(30):
        hidden = person.copy()
        pixelate(hidden, box + rng.normal(0, 0.04 * size, (1, 4)).astype(np.float32))
        total += hidden
    average = (total / 30).astype(np.uint8)
    crops = [align(ArrayPicture(each), found.landmarks_px[0]) for each in (person, average)]
    before, after = models.embedder.embed(crops)
    assert before @ after < STRANGERS
