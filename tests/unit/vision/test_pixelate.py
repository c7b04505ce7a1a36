import numpy as np
import pytest

from overt.vision.pixelate import CELLS_ACROSS, pixelate


def noise(height=200, width=300):
    return np.random.default_rng(8).integers(0, 256, (height, width, 3)).astype(np.uint8)


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def test_no_box_changes_nothing():
    image = noise()
    pixelate(image, boxes())
    np.testing.assert_array_equal(image, noise())


def test_only_the_box_and_its_margin_change():
    image, before = noise(), noise()
    pixelate(image, boxes([100, 50, 140, 90]))
    changed = np.argwhere((image != before).any(axis=2))
    assert changed.min(axis=0).tolist() == [36, 86]
    assert changed.max(axis=0).tolist() == [103, 153]


def test_little_is_left_of_what_was_there():
    image = noise()
    pixelate(image, boxes([100, 50, 140, 90]))
    colours = np.unique(image[36:104, 86:154].reshape(-1, 3), axis=0)
    assert len(colours) <= CELLS_ACROSS * 7


@pytest.mark.parametrize(
    "box",
    [
        (-30, -30, 20, 20),
        (280, 180, 330, 230),
        (-500, -500, 900, 900),
        (100, -20, 120, 250),
        (-90, 50, -60, 80),
        (400, 50, 450, 80),
        (299.5, 199.5, 300.5, 200.5),
        (50, 50, 50, 50),
        (60, 60, 50, 50),
        (10.2, 10.7, 11.1, 11.3),
    ],
    ids=str,
)
def test_boxes_past_the_edges_and_without_extent(box):
    image = noise()
    pixelate(image, boxes(box))
    assert image.shape == (200, 300, 3)


def test_a_box_outside_changes_nothing():
    image = noise()
    pixelate(image, boxes([-90, 50, -60, 80], [400, 50, 450, 80]))
    np.testing.assert_array_equal(image, noise())


def test_the_mean_brightness_stays():
    image, before = noise(), noise()
    pixelate(image, boxes([100, 50, 140, 90]))
    region = np.s_[36:104, 86:154]
    assert image[region].mean() == pytest.approx(before[region].mean(), abs=1)


def test_every_box_is_pixelated():
    image = noise()
    pixelate(image, boxes([20, 20, 60, 60], [200, 100, 240, 150]))
    for inner in (image[20:60, 20:60], image[100:150, 200:240]):
        assert len(np.unique(inner.reshape(-1, 3), axis=0)) <= CELLS_ACROSS * 7


def test_the_smallest_image():
    for size in [(1, 1), (1, 40), (40, 1)]:
        image = np.full((*size, 3), 7, np.uint8)
        pixelate(image, boxes([0, 0, 40, 40]))
        assert np.all(image == 7)


def test_a_picture_of_no_pixel():
    image = np.zeros((0, 0, 3), np.uint8)
    pixelate(image, boxes([0, 0, 4, 4]))
    assert image.size == 0
