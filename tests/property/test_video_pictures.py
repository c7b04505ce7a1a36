"""Regions of a decoded picture are what they are in the whole picture, at any size and turn."""

import av
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from overt.video.picture import DecodedPicture

_FORMATS = ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le", "gray", "bgr24"]


def _frame(width_px: int, height_px: int, pix_fmt: str) -> av.VideoFrame:
    y, x = np.mgrid[0:height_px, 0:width_px]
    bgr = np.stack([x * 5 % 256, y * 7 % 256, (x + y) * 3 % 256], axis=-1).astype(np.uint8)
    return av.VideoFrame.from_ndarray(bgr, format="bgr24").reformat(format=pix_fmt)


_sizes = st.integers(1, 70)
_edges = st.integers(-20, 90)


@given(_sizes, _sizes, st.sampled_from(_FORMATS), st.tuples(_edges, _edges, _edges, _edges))
def test_a_region_is_the_same_region_of_the_whole(width, height, pix_fmt, region):
    frame = _frame(width, height, pix_fmt)
    for n_turns in range(4):
        picture = DecodedPicture(frame)
        picture._turns = n_turns
        whole = picture.crop(0, 0, picture.width_px, picture.height_px)
        assert whole.shape == (picture.height_px, picture.width_px, 3)
        left, top, right, bottom = region
        expected = whole[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        found = picture.crop(left, top, right, bottom)
        grey = picture.crop_grey(left, top, right, bottom)
        assert grey.shape == found.shape[:2]
        if expected.size:
            np.testing.assert_array_equal(found, expected)
        else:
            assert found.shape == (0, 0, 3)


@given(_sizes, _sizes, st.sampled_from(_FORMATS), _sizes, _sizes)
def test_any_size_can_be_asked_for(width, height, pix_fmt, to_width, to_height):
    small = DecodedPicture(_frame(width, height, pix_fmt)).scaled(to_width, to_height)
    assert small.shape == (to_height, to_width, 3)
    assert small.dtype == np.uint8


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([2, 3, 4, 6]))
def test_whole_fractions_are_averages(width, height, factor):
    frame = _frame(width * factor, height * factor, "yuv444p")
    found = DecodedPicture(frame).scaled(width, height)
    whole = DecodedPicture(frame).crop(0, 0, frame.width, frame.height)
    expected = whole.reshape(height, factor, width, factor, 3).mean(axis=(1, 3))
    assert np.abs(found - expected).mean() <= 3
