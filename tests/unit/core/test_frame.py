import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.frame import ArrayPicture, clip_region


def ramp(height=40, width=60):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, rows + columns], axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_only_a_colour_picture_of_bytes_is_one(array):
    with pytest.raises(ValueError, match="expected a height"):
        ArrayPicture(array)


def test_its_size():
    picture = ArrayPicture(ramp(40, 60))
    assert (picture.width_px, picture.height_px) == (60, 40)


@pytest.mark.parametrize("size", [(60, 40), (30, 20), (120, 80), (1, 1), (7, 90)])
def test_it_can_be_scaled(size):
    scaled = ArrayPicture(ramp()).scaled(*size)
    assert scaled.shape == (size[1], size[0], 3)
    assert scaled.dtype == np.uint8
    assert scaled.mean() == pytest.approx(ramp().mean(), abs=3)


def test_shrinking_averages():
    chequered = np.zeros((64, 64, 3), np.uint8)
    chequered[::2, ::2] = chequered[1::2, 1::2] = 200
    assert np.all(ArrayPicture(chequered).scaled(32, 32) == 100)


def test_a_crop_is_the_region():
    np.testing.assert_array_equal(ArrayPicture(ramp()).crop(5, 10, 25, 30), ramp()[10:30, 5:25])


@pytest.mark.parametrize(
    ("region", "size"),
    [
        ((-10, -10, 20, 20), (20, 20)),
        ((50, 30, 90, 90), (10, 10)),
        ((-5, -5, 100, 100), (60, 40)),
        ((70, 5, 90, 15), (0, 10)),
        ((20, 20, 10, 10), (0, 0)),
    ],
)
def test_a_crop_is_clipped_to_the_picture(region, size):
    crop = ArrayPicture(ramp()).crop(*region)
    assert (crop.shape[1], crop.shape[0]) == size


def test_brightness_is_opencvs():
    grey = ArrayPicture(ramp()).crop_grey(5, 10, 25, 30)
    np.testing.assert_array_equal(grey, cv2.cvtColor(ramp()[10:30, 5:25], cv2.COLOR_BGR2GRAY))
    assert ArrayPicture(ramp()).crop_grey(70, 5, 90, 15).shape == (0, 0)


def test_pixels_do_not_show_in_a_representation():
    assert repr(ArrayPicture(ramp())) == "ArrayPicture()"


sides = st.integers(0, 50)
places = st.integers(-60, 60)


@given(st.tuples(places, places, places, places), sides, sides)
def test_a_clipped_region_lies_within_the_picture(region, width, height):
    left, top, right, bottom = clip_region(region, width, height)
    assert 0 <= left <= right <= width
    assert 0 <= top <= bottom <= height
    assert clip_region((left, top, right, bottom), width, height) == (left, top, right, bottom)


@given(st.tuples(places, places, places, places), st.integers(1, 50), st.integers(1, 50))
def test_a_pixel_is_in_the_region_if_it_was_in_both(region, width, height):
    left, top, right, bottom = clip_region(region, width, height)
    inside = np.zeros((height, width), bool)
    inside[top:bottom, left:right] = True
    rows, columns = np.mgrid[:height, :width]
    wanted = (columns >= region[0]) & (columns < region[2])
    wanted &= (rows >= region[1]) & (rows < region[3])
    np.testing.assert_array_equal(inside, wanted)
