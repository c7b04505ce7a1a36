import gc
import threading

import av
import numpy as np
import pytest

from overt.core.frame import ArrayPicture
from overt.video.picture import DecodedPicture

_LAYOUTS = [
    # codec, pixel format, matrix, range, whether the planes are read
    ("libx264", "yuv420p", None, None, True),
    ("libx264", "yuv420p", 1, 1, True),
    ("libx264", "yuv420p", 1, 2, True),
    ("libx264", "yuv420p", 6, 2, True),
    ("libx264", "yuv422p", 1, 1, True),
    ("libx264", "yuv444p", 5, 1, True),
    ("libx264", "yuv420p", 9, 1, True),
    ("mjpeg", "yuvj422p", None, None, True),
    ("mjpeg", "yuvj420p", None, None, True),
    ("libx264", "yuv420p10le", 1, 1, False),
    ("ffv1", "bgr0", None, None, False),
    ("ffv1", "gray", None, None, False),
    ("rawvideo", "rgb24", None, None, False),
]
_SIZE = (322, 242)


def _in_full(frame: av.VideoFrame) -> np.ndarray:
    """Convert the whole frame with swscale, the reference."""
    return frame.reformat(format="bgr24").to_ndarray()


def _difference(found: np.ndarray, reference: np.ndarray) -> np.ndarray:
    assert found.shape == reference.shape
    return np.abs(found.astype(int) - reference.astype(int))


@pytest.fixture(params=_LAYOUTS, ids=lambda layout: "-".join(map(str, layout[:4])))
def decoded(request, film, decode_one):
    codec, pix_fmt, matrix, colour_range, from_planes = request.param
    path = film.make(
        "layout.nut" if codec == "rawvideo" else "layout.mkv",
        n_frames=3,
        size_px=_SIZE,
        codec=codec,
        pix_fmt=pix_fmt,
        matrix=matrix,
        colour_range=colour_range,
    )
    frame = decode_one(path)
    picture = DecodedPicture(frame)
    assert (picture._planes is not None) == from_planes
    return frame, picture


def test_regions_agree_with_a_conversion_of_the_whole(decoded):
    frame, picture = decoded
    full = _in_full(frame)
    for left, top, right, bottom in [
        (0, 0, 322, 242), (1, 1, 100, 90), (31, 40, 32, 41), (300, 201, 322, 242), (-9, -5, 51, 37),
    ]:  # fmt: skip
        found = picture.crop(left, top, right, bottom)
        expected = full[max(top, 0) : bottom, max(left, 0) : right]
        difference = _difference(found, expected)
        if picture._planes is None:  # swscale blurs colour less here than when it only converts
            assert difference.mean() <= 2
            assert np.percentile(difference, 95) <= 5
        else:
            assert difference.max() <= 4
        assert found.flags.c_contiguous
        assert found.dtype == np.uint8


_WEIGHTS = {1: (0.0722, 0.7152, 0.2126), 9: (0.0593, 0.678, 0.2627)}
_BT601_WEIGHTS = (0.114, 0.587, 0.299)


def test_brightness_agrees_with_a_conversion_of_the_whole(decoded):
    frame, picture = decoded
    weights = _WEIGHTS.get(frame.colorspace, _BT601_WEIGHTS) if picture._planes else _BT601_WEIGHTS
    expected = _in_full(frame)[20:181, 11:200] @ np.array(weights)
    found = picture.crop_grey(11, 20, 200, 181)
    assert found.flags.c_contiguous
    assert np.percentile(np.abs(found - expected), 99) <= 4


@pytest.mark.parametrize("size", [(161, 121), (200, 150), (96, 72), (322, 242)])
def test_the_small_copy_agrees_with_averaging_the_whole(decoded, size):
    frame, picture = decoded
    expected = ArrayPicture(_in_full(frame)).scaled(*size)
    found = picture.scaled(*size)
    difference = _difference(found, expected)
    assert difference.mean() <= 3
    assert found.flags.c_contiguous


def test_half_sized_copies_are_averages_of_four(film, decode_one):
    frame = decode_one(film.make("half.mkv", size_px=(320, 240), codec="ffv1"))
    found = DecodedPicture(frame).scaled(160, 120)
    expected = _in_full(frame).reshape(120, 2, 160, 2, 3).mean(axis=(1, 3))
    assert _difference(found, expected).max() <= 5


@pytest.mark.parametrize("region", [(5, 5, 5, 9), (9, 5, 5, 9), (-20, 0, -5, 9), (999, 0, 1200, 9)])
def test_an_empty_region_is_an_empty_array(decoded, region):
    _, picture = decoded
    assert picture.crop(*region).shape == (0, 0, 3)
    assert picture.crop_grey(*region).shape == (0, 0)


@pytest.mark.parametrize(("matrix_turn", "n_turns"), [(90, 1), (180, 2), (-90, 3), (-180, 2)])
@pytest.mark.parametrize(("codec", "pix_fmt"), [("libx264", "yuv420p"), ("png", "rgb24")])
def test_a_turned_stream_is_set_upright(film, decode_one, matrix_turn, n_turns, codec, pix_fmt):
    path = film.make(
        "turned.mov", n_frames=3, codec=codec, pix_fmt=pix_fmt, display_turn_degrees=matrix_turn
    )
    frame = decode_one(path)
    picture = DecodedPicture(frame)
    full = np.rot90(_in_full(frame), n_turns)
    height, width = full.shape[:2]
    assert (picture.width_px, picture.height_px) == (width, height)
    for left, top, right, bottom in [(0, 0, width, height), (3, 10, 50, 70), (90, 7, 999, 99)]:
        assert _difference(
            picture.crop(left, top, right, bottom), full[top:bottom, left:right]
        ).max() <= 4  # fmt: skip
    grey = picture.crop_grey(3, 10, 50, 70)
    assert grey.shape == (60, 47)
    small = picture.scaled(width // 2, height // 2)
    reference = ArrayPicture(np.ascontiguousarray(full)).scaled(width // 2, height // 2)
    assert _difference(small, reference).mean() <= 3


def test_a_clockwise_tag_turns_the_picture_clockwise(film, decode_one):
    """A phone held upright records lying pictures and asks for a quarter turn clockwise."""
    frame = decode_one(film.make("phone.mov", n_frames=3, display_turn_degrees=-90))
    top_left_of_the_sensor = _in_full(frame)[:8, :8].mean(axis=(0, 1))
    upright = DecodedPicture(frame)
    top_right = upright.crop(upright.width_px - 8, 0, upright.width_px, 8).mean(axis=(0, 1))
    np.testing.assert_allclose(top_right, top_left_of_the_sensor, atol=4)


def test_a_slanted_tag_is_not_applied(film, decode_one):
    picture = DecodedPicture(
        decode_one(film.make("slant.mov", n_frames=3, display_turn_degrees=30))
    )
    assert (picture.width_px, picture.height_px) == (160, 120)


def test_the_picture_outlives_its_decoder(film):
    path = film.make("long.mp4", n_frames=40)
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        picture = DecodedPicture(next(frames))
        before = picture.crop(0, 0, 160, 120)
        n_more = sum(1 for _ in frames)
    gc.collect()
    assert n_more == 39
    np.testing.assert_array_equal(picture.crop(0, 0, 160, 120), before)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_several_threads_read_the_same_pixels(film, decode_one, pix_fmt):
    picture = DecodedPicture(decode_one(film.make("shared.mkv", n_frames=3, pix_fmt=pix_fmt)))
    expected = (picture.crop(3, 3, 90, 90), picture.crop_grey(3, 3, 90, 90), picture.scaled(70, 50))
    differed = []

    def read() -> None:
        for _ in range(50):
            found = (
                picture.crop(3, 3, 90, 90), picture.crop_grey(3, 3, 90, 90), picture.scaled(70, 50)
            )  # fmt: skip
            if any(not np.array_equal(a, b) for a, b in zip(found, expected, strict=True)):
                differed.append(found)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert differed == []


def test_what_is_handed_out_is_a_copy(decoded):
    _, picture = decoded
    first = picture.crop(0, 0, 50, 50)
    first[:] = 0
    grey = picture.crop_grey(0, 0, 50, 50)
    grey[:] = 0
    assert picture.crop(0, 0, 50, 50).any()
    assert picture.crop_grey(0, 0, 50, 50).any()
