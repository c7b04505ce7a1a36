from dataclasses import replace

import cv2
import numpy as np
import pytest

from overt.core.frame import ArrayPicture
from overt.vision.align import ARCFACE_POINTS_PX, align
from overt.vision.quality import (
    FRONTAL_NOSE_HEIGHT,
    NOSE_DEPTH_EYE_DISTANCES,
    Geometry,
    Pixels,
    QualityGate,
    RejectionReason,
    measure_geometry,
    measure_pixels,
    rank,
)

GATE = QualityGate()
GOOD = Geometry(eye_distance_px=40, yaw_deg=0, pitch=0, detector_score=0.9, inside=1)
CLEAR = Pixels(sharpness=0.2, brightness=120, contrast=50)


@pytest.fixture(params=["grace-hopper", "eileen-collins"])
def portrait(request, portraits, faces):
    return ArrayPicture(portraits[request.param]), faces[request.param]


def geometry_of(portrait):
    picture, found = portrait
    return measure_geometry(
        found.landmarks_px[0], found.boxes_px[0], float(found.scores[0]),
        (picture.width_px, picture.height_px),
    )  # fmt: skip


def verdict_on_pixels(portrait, spoil):
    picture, found = portrait
    spoilt = ArrayPicture(np.ascontiguousarray(spoil(picture.bgr)))
    return GATE.check_pixels(measure_pixels(align(spoilt, found.landmarks_px[0])))


def test_a_good_portrait_passes(portrait):
    assert GATE.check_geometry(geometry_of(portrait)) is None
    assert verdict_on_pixels(portrait, lambda bgr: bgr) is None


def darkened(bgr):
    return (bgr * 0.12).astype(np.uint8)


def overexposed(bgr):
    return np.clip(bgr * 0.4 + 215, 0, 255).astype(np.uint8)


def fogged(bgr):
    return (bgr * 0.1 + 110).astype(np.uint8)


def out_of_focus(bgr):
    return cv2.GaussianBlur(bgr, (0, 0), 14)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (darkened, RejectionReason.DARK),
        (overexposed, RejectionReason.BRIGHT),
        (fogged, RejectionReason.FLAT),
    ],
)
def test_a_spoilt_portrait_is_rejected_for_what_was_done_to_it(portrait, spoil, reason):
    assert verdict_on_pixels(portrait, spoil) is reason


def test_a_face_out_of_focus_is_rejected(portrait):
    picture, found = portrait
    for bgr, reason in [
        (picture.bgr, None),
        (out_of_focus(picture.bgr), RejectionReason.BLURRED),
    ]:
        crop = align(ArrayPicture(bgr), found.landmarks_px[0])
        assert GATE.check_pixels(measure_pixels(crop)) is reason


def test_a_face_that_is_too_small(models, portrait):
    picture, _ = portrait
    canvas = np.full((200, 200, 3), 110, np.uint8)
    canvas[60:120, 60:120] = cv2.resize(
        picture.bgr[:512, :512], (60, 60), None, 0, 0, cv2.INTER_AREA
    )
    found = models.still_detector.detect_still(ArrayPicture(canvas))
    assert len(found)
    geometry = geometry_of((ArrayPicture(canvas), found))
    assert GATE.check_geometry(geometry) is RejectionReason.TOO_SMALL


def test_a_face_cut_off_by_the_edge(models, portrait):
    picture, found = portrait
    _, top, _, bottom = found.boxes_px[0]
    cut = ArrayPicture(np.ascontiguousarray(picture.bgr[: int(bottom - 0.4 * (bottom - top))]))
    again = models.still_detector.detect_still(cut)
    assert len(again)
    assert GATE.check_geometry(geometry_of((cut, again))) is RejectionReason.CUT_OFF


def turned(points, yaw_deg=0.0, pitch=0.0):
    """Turn a frontal face: the nose stands out of the plane of eyes and mouth."""
    points = points.astype(np.float64).copy()
    middle = points[[0, 1, 3, 4]].mean(axis=0)
    eye_distance = np.linalg.norm(points[1] - points[0])
    points[:, 0] = middle[0] + (points[:, 0] - middle[0]) * np.cos(np.radians(yaw_deg))
    depth = NOSE_DEPTH_EYE_DISTANCES * eye_distance
    points[2, 0] += depth * np.sin(np.radians(yaw_deg))
    points[2, 1] += pitch * (points[3:, 1].mean() - points[:2, 1].mean())
    return points.astype(np.float32)


def measured(points, box=(1944, 1944, 2056, 2056), score=0.9, size=(4000, 4000)):
    return measure_geometry(points, np.array(box, np.float32), score, size)


FRONTAL = turned(ARCFACE_POINTS_PX) + np.float32(1944)


@pytest.mark.parametrize("yaw_deg", [-60, -45, -20, 0, 20, 45, 60])
def test_yaw_is_measured_with_its_side(yaw_deg):
    assert measured(turned(FRONTAL, yaw_deg)).yaw_deg == pytest.approx(yaw_deg, abs=2)


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (turned(FRONTAL, 50), RejectionReason.TURNED),
        (turned(FRONTAL, -50), RejectionReason.TURNED),
        (turned(FRONTAL, pitch=0.4), RejectionReason.TILTED),
        (turned(FRONTAL, pitch=-0.4), RejectionReason.TILTED),
        (FRONTAL * np.float32(0.3), RejectionReason.TOO_SMALL),
        (FRONTAL[[3, 4, 2, 0, 1]], RejectionReason.TILTED),  # upside down within itself
    ],
)
def test_landmarks_alone_reject(points, reason):
    assert GATE.check_geometry(measured(points)) is reason


@pytest.mark.parametrize("value", [0.0, 77.7])
def test_landmarks_all_in_one_place_are_too_small(value):
    geometry = measured(np.full((5, 2), value, np.float32))
    assert GATE.check_geometry(geometry) is RejectionReason.TOO_SMALL


@pytest.mark.parametrize("degrees", [-90, -20, 35, 180])
def test_roll_changes_nothing(degrees):
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    before = measured(turned(FRONTAL, 25, 0.1))
    after = measured((turned(FRONTAL, 25, 0.1) @ rotation.T).astype(np.float32))
    assert after.yaw_deg == pytest.approx(before.yaw_deg, abs=1e-3)
    assert after.pitch == pytest.approx(before.pitch, abs=1e-4)
    assert after.eye_distance_px == pytest.approx(before.eye_distance_px, rel=1e-5)


def test_the_eye_distance_of_a_turned_face_is_not_taken_for_its_size():
    assert measured(turned(FRONTAL, 60)).eye_distance_px > 0.9 * measured(FRONTAL).eye_distance_px


def test_a_level_face_is_level():
    points = FRONTAL.copy()
    eyes, mouth = points[:2, 1].mean(), points[3:, 1].mean()
    points[2] = points[[0, 1, 3, 4], 0].mean(), eyes + FRONTAL_NOSE_HEIGHT * (mouth - eyes)
    assert measured(points).pitch == pytest.approx(0, abs=5e-3)


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        ((10, 10, 50, 50), 1),
        ((-20, 10, 20, 50), 0.5),
        ((-20, -20, 20, 20), 0.25),
        ((380, 0, 420, 40), 0.5),
        ((500, 0, 540, 40), 0),
        ((-100, -100, 500, 500), 160_000 / 360_000),
        ((50, 50, 50, 80), 0),
        ((50, 50, 20, 80), 0),
    ],
)
def test_the_share_of_the_box_inside_the_picture(box, inside):
    points = turned(ARCFACE_POINTS_PX) + np.float32(144)
    assert measured(points, box, size=(400, 400)).inside == pytest.approx(inside)


@pytest.mark.parametrize(
    ("shift_px", "inside"), [((0, 0), 1), ((-56, 0), 0.5), ((0, 344), 0.5), ((-112, 0), 0)]
)
def test_a_face_is_cut_off_even_where_the_detector_draws_its_box_inside(shift_px, inside):
    points = (ARCFACE_POINTS_PX + shift_px).astype(np.float32)
    box = (0, 0, 40, 40)
    assert measured(points, box, size=(400, 400)).inside == pytest.approx(inside, abs=0.07)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"inside": 0.9}, None),
        ({"inside": 0.89}, RejectionReason.CUT_OFF),
        ({"eye_distance_px": 14.0}, None),
        ({"eye_distance_px": 13.9}, RejectionReason.TOO_SMALL),
        ({"yaw_deg": 40.0}, None),
        ({"yaw_deg": 40.1}, RejectionReason.TURNED),
        ({"yaw_deg": -40.1}, RejectionReason.TURNED),
        ({"pitch": 0.30}, None),
        ({"pitch": -0.31}, RejectionReason.TILTED),
        ({"detector_score": 0.65}, None),
        ({"detector_score": 0.64}, RejectionReason.UNSURE),
    ],
    ids=str,
)
def test_limits_of_geometry(change, reason):
    assert GATE.check_geometry(replace(GOOD, **change)) is reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"brightness": 30.0}, None),
        ({"brightness": 29.9}, RejectionReason.DARK),
        ({"brightness": 232.0}, None),
        ({"brightness": 232.1}, RejectionReason.BRIGHT),
        ({"contrast": 9.9}, RejectionReason.FLAT),
        ({"sharpness": 0.019}, RejectionReason.BLURRED),
    ],
    ids=str,
)
def test_limits_of_pixels(change, reason):
    assert GATE.check_pixels(replace(CLEAR, **change)) is reason


def test_an_even_crop_has_neither_contrast_nor_sharpness():
    assert measure_pixels(np.full((112, 112, 3), 90, np.uint8)) == Pixels(0, 90, 0)


def test_hair_and_background_do_not_count(portrait):
    picture, found = portrait
    crop = align(picture, found.landmarks_px[0])
    framed = crop.copy()
    framed[:20], framed[108:], framed[:, :16], framed[:, 96:] = 0, 255, 255, 0
    assert measure_pixels(framed) == measure_pixels(crop)


def test_sharpness_falls_with_blur(portrait):
    picture, found = portrait
    crop = align(picture, found.landmarks_px[0])
    levels = [
        measure_pixels(cv2.GaussianBlur(crop, (0, 0), sigma) if sigma else crop).sharpness
        for sigma in (0, 0.8, 1.5, 3, 6)
    ]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 3 * levels[-1]


def test_rank_grows_with_size_up_to_what_is_of_use():
    ranks = [rank(replace(GOOD, eye_distance_px=size)) for size in (5, 14, 30, 69, 70, 71, 500)]
    assert ranks == sorted(ranks)
    assert ranks[-3] == ranks[-2] == ranks[-1] == pytest.approx(70)
    assert ranks[3] < ranks[4]


@pytest.mark.parametrize("side", [-1, 1])
def test_rank_falls_with_pose_and_doubt(side):
    yaw = [rank(replace(GOOD, yaw_deg=side * angle)) for angle in (0, 10, 30, 60, 80)]
    pitch = [rank(replace(GOOD, pitch=side * tilt)) for tilt in (0, 0.1, 0.3, 0.5)]
    doubt = [rank(replace(GOOD, detector_score=score)) for score in (0.9, 0.8, 0.6)]
    for ranks in (yaw, pitch, doubt):
        assert ranks == sorted(ranks, reverse=True)
        assert len(set(ranks)) == len(ranks)
    assert rank(replace(GOOD, yaw_deg=side * 170, pitch=side * 9)) > 0


def test_every_reason_is_plain_words():
    assert len({reason.value for reason in RejectionReason}) == len(RejectionReason)
    assert all(reason.value == reason.value.lower() for reason in RejectionReason)
