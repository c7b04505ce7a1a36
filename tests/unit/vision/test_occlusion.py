import cv2
import numpy as np
import pytest

from overt.core.frame import ArrayPicture
from overt.vision.align import align
from overt.vision.occlusion import (
    Parts,
    measure_occlusion,
    measure_parts,
    mirrored_halves,
)

CLOTH_BGR, BLACK_BGR, CASE_BGR = (225, 210, 170), (25, 22, 20), (70, 60, 60)
"""Of a mask, of glasses, of a phone."""


@pytest.fixture(params=["grace-hopper", "eileen-collins"])
def crop(request, portraits, faces):
    found = faces[request.param].landmarks_px[0]
    return align(ArrayPicture(portraits[request.param]), found)


def masked(crop):
    cover = np.array([[14, 70], [56, 64], [98, 70], [92, 100], [74, 118], [38, 118], [20, 100]])
    return cv2.GaussianBlur(cv2.fillPoly(crop.copy(), [cover], CLOTH_BGR), (0, 0), 0.7)


def with_glasses(crop):
    covered = crop.copy()
    for centre in ((38, 51), (74, 51)):
        cv2.ellipse(covered, centre, (15, 11), 0, 0, 360, BLACK_BGR, -1)
    cv2.line(covered, (45, 48), (67, 48), BLACK_BGR, 2)
    return cv2.GaussianBlur(covered, (0, 0), 0.7)


def half_covered(crop):
    covered = crop.copy()
    covered[30:, 60:] = CASE_BGR
    return covered


def test_a_mask_speaks_for_a_covered_mouth(crop, models):
    free, covered = (measure_occlusion(c, models.still_detector) for c in (crop, masked(crop)))
    assert free.mouth < 2.6 < covered.mouth


def test_dark_glasses_speak_for_covered_eyes(crop, models):
    detector = models.still_detector
    free, covered = (measure_occlusion(c, detector) for c in (crop, with_glasses(crop)))
    assert free.eyes < 2.9 < covered.eyes


@pytest.mark.parametrize("flip", [False, True], ids=["left", "right"])
def test_half_a_face_looks_like_one_in_one_half_only(crop, models, flip):
    covered = half_covered(crop)
    covered = np.ascontiguousarray(covered[:, ::-1]) if flip else covered
    free = measure_occlusion(crop, models.still_detector)
    assert measure_occlusion(covered, models.still_detector).half < 0.7 < free.half


def test_neither_light_nor_size_of_contrast_is_what_is_measured(crop):
    dimmed = (crop * 0.6).astype(np.uint8)
    before, after = measure_parts(crop), measure_parts(dimmed)
    assert after.mouth_lines == pytest.approx(before.mouth_lines, rel=0.1)
    assert after.nose_detail == pytest.approx(before.nose_detail, rel=0.1)
    assert after.eye_detail == pytest.approx(before.eye_detail, rel=0.1)
    assert after.jaw_colour == pytest.approx(before.jaw_colour, abs=0.1)
    assert after.eye_colour == pytest.approx(before.eye_colour, abs=0.1)


def test_a_grey_picture_has_no_colour_to_compare(crop):
    grey = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    parts = measure_parts(grey)
    assert parts.jaw_colour == parts.eye_colour == 0


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_even_crop_can_be_measured(level, models):
    even = np.full((112, 112, 3), level, np.uint8)
    assert measure_parts(even) == Parts(0, 0, 0, 0, 0)
    seen = measure_occlusion(even, models.still_detector)
    assert np.isfinite([seen.mouth, seen.eyes]).all()
    assert seen.half == 0


def test_the_halves_are_whole_and_symmetrical(crop):
    left, right = mirrored_halves(crop)
    for half, own in ((left, slice(0, 56)), (right, slice(56, 112))):
        np.testing.assert_array_equal(half, half[:, ::-1])
        np.testing.assert_array_equal(half[:, own], crop[:, own])
