import numpy as np
import pytest

from overt.video.colour import bgr_from_ycc, grey_from_luma


def _convert(ycc: tuple[int, int, int], matrix: int, *, full_range: bool) -> np.ndarray:
    turn = bgr_from_ycc(matrix, full_range=full_range)
    assert turn is not None
    return turn @ np.array([*ycc, 1], np.float32)


@pytest.mark.parametrize("matrix", [1, 2, 4, 5, 6, 7, 9])
@pytest.mark.parametrize(
    ("ycc", "full_range", "grey"),
    [((16, 128, 128), False, 0), ((235, 128, 128), False, 255), ((0, 128, 128), True, 0),
     ((255, 128, 128), True, 255), ((128, 128, 128), True, 128)],
)  # fmt: skip
def test_greys_stay_grey_and_reach_black_and_white(matrix, ycc, full_range, grey):
    np.testing.assert_allclose(_convert(ycc, matrix, full_range=full_range), grey, atol=0.01)


@pytest.mark.parametrize(
    ("ycc", "matrix", "bgr"),
    [  # the 100 % primaries of BT.601 and BT.709 in limited range, rounded to eight bits
        ((81, 90, 240), 6, (0, 0, 255)),
        ((145, 54, 34), 6, (0, 255, 0)),
        ((41, 240, 110), 6, (255, 0, 0)),
        ((63, 102, 240), 1, (0, 0, 255)),
        ((173, 42, 26), 1, (0, 255, 0)),
        ((32, 240, 118), 1, (255, 0, 0)),
    ],
)
def test_primaries_come_back(ycc, matrix, bgr):
    np.testing.assert_allclose(_convert(ycc, matrix, full_range=False), bgr, atol=2)


def test_a_matrix_outside_the_table_is_left_to_swscale():
    assert bgr_from_ycc(8, full_range=False) is None


def test_grey_is_stretched_and_clipped():
    limited = grey_from_luma(full_range=False)
    assert [limited[i] for i in (0, 16, 126, 235, 255)] == [0, 0, 128, 255, 255]
    np.testing.assert_array_equal(grey_from_luma(full_range=True), np.arange(256))
