from datetime import UTC, datetime

import numpy as np
import pytest

from overt.core.detections import Detections
from overt.core.frame import ArrayPicture, Frame
from overt.core.ids import CameraId
from overt.vision.align import ARCFACE_POINTS_PX
from overt.vision.best_shot import BestShotSettings, ShotChooser
from overt.vision.quality import QualityGate, RejectionReason, measure_geometry, rank

# A face with 35 px between the eyes at size 1; detail enough to pass for sharp.
DETAIL = ArrayPicture(np.random.default_rng(1).integers(60, 200, (900, 900, 3)).astype(np.uint8))
DARK = ArrayPicture(np.zeros((900, 900, 3), np.uint8))
SETTINGS = BestShotSettings()


def points(size):
    return (ARCFACE_POINTS_PX * (size / 35.24) + 30).astype(np.float32)


def rank_of(size, score=0.9):
    box = np.array([30, 30, 200, 200], np.float32)
    return rank(measure_geometry(points(size), box, score, (900, 900)))


PER_PX = rank_of(20) / 20
"""Rank for each pixel between the eyes of this drawn face."""


class Camera:
    """Offers a face of a wanted rank to a chooser, and notes what is handed out."""

    def __init__(self, settings=SETTINGS):
        self.chooser = ShotChooser(QualityGate(), settings)
        self.shots = []

    def offer(self, at_s, value, *, confirm=False, picture=DETAIL, inside=True):
        frame = Frame(CameraId("c"), 0, datetime(2026, 1, 1, tzinfo=UTC), at_s, at_s, picture)
        box = [30, 30, 200, 200] if inside else [-100, 30, 70, 200]
        found = Detections(
            np.array([box], np.float32), points(value / PER_PX)[None], np.array([0.9], np.float32)
        )
        shot = self.chooser.offer(frame, found, 0, confirm=confirm)
        if shot is not None:
            self.shots.append((round(at_s, 3), round(shot.rank, 1)))
        return shot

    def offer_all(self, values, start_s=0.0, step_s=0.1, **options):
        for i, value in enumerate(values):
            self.offer(start_s + i * step_s, value, **options)
        return self.shots


def test_the_drawn_face_has_the_rank_it_is_asked_for():
    assert rank_of(30 / PER_PX) == pytest.approx(30, rel=1e-4)


def test_a_good_first_shot_goes_at_once():
    assert Camera().offer_all([17]) == [(0.0, 17.0)]
    assert Camera().offer_all([15]) == []


def test_a_face_that_stays_poor_is_taken_at_its_best_once_that_has_stood():
    shots = Camera().offer_all([13.5, 14.9, 13.5, 14, 13.2, 13.5, 14, *[13.5] * 20])
    assert shots == [(1.3, 14.9)]


def test_a_better_shot_replaces_the_one_put_by_and_a_worse_one_does_not():
    camera = Camera()
    camera.offer_all([13.1, 14, 15, 13.5, 13.1])
    assert camera.shots == []
    assert camera.chooser.last().rank == pytest.approx(15, rel=1e-4)


def test_a_face_that_keeps_getting_better_is_waited_for():
    assert Camera().offer_all([13.1, 13.8, 14.5, 15.3], step_s=1) == []
    assert Camera().offer_all([13.1, 13.2, 13.3, 13.4], step_s=1) == [(2.0, 13.1)]


def test_a_second_shot_goes_at_once_when_clearly_better():
    assert Camera().offer_all([20, 35.9]) == [(0.0, 20.0)]
    assert Camera().offer_all([20, 36.1]) == [(0.0, 20.0), (0.1, 36.1)]


def test_a_somewhat_better_shot_waits_until_improvement_has_stopped():
    shots = Camera().offer_all([20, 25, *[20] * 20])
    assert shots == [(0.0, 20.0), (1.3, 25.0)]


def test_a_shot_hardly_better_is_not_worth_comparing():
    camera = Camera()
    assert camera.offer_all([20, 22, *[22] * 30]) == [(0.0, 20.0)]
    assert camera.chooser.last() is None


def test_the_third_shot_is_kept_for_an_excellent_one():
    assert Camera().offer_all([16, 30, 41]) == [(0.0, 16.0), (0.1, 30.0)]
    assert Camera().offer_all([16, 30, 43]) == [(0.0, 16.0), (0.1, 30.0), (0.2, 43.0)]


def test_the_third_shot_is_better_than_the_second_even_if_both_are_excellent():
    assert Camera().offer_all([20, 50, 55]) == [(0.0, 20.0), (0.1, 50.0)]
    assert Camera().offer_all([20, 50, 58]) == [(0.0, 20.0), (0.1, 50.0), (0.2, 58.0)]


def test_the_best_shot_goes_when_the_face_leaves():
    camera = Camera()
    camera.offer_all([16, 30, 40])
    shot = camera.chooser.last()
    assert shot.rank == pytest.approx(40, rel=1e-4)
    assert shot.crop.any()
    assert camera.chooser.last() is None


def test_never_more_than_are_allowed():
    for most in (1, 2, 3):
        camera = Camera(BestShotSettings(max_shots=most))
        camera.offer_all([16, 30, 60, 70, 70], confirm=False)
        camera.offer_all([70] * 9, start_s=5, confirm=True)
        assert len(camera.shots) == camera.chooser.n_taken == most
        assert camera.chooser.last() is None


def test_a_confirming_shot_may_be_a_little_worse():
    camera = Camera()
    camera.offer(0, 20)
    assert camera.offer(0.2, 15.9, confirm=True) is None
    assert camera.offer(0.24, 16.1, confirm=True) is not None


@pytest.mark.parametrize("value", [17, 20, 24])
def test_a_confirming_shot_must_be_evidence_of_its_own(value):
    camera = Camera()
    camera.offer(0, 20)
    assert camera.offer(0.04, value, confirm=True) is None
    assert camera.offer(0.08, value, confirm=True) is None
    assert camera.offer(0.17, value, confirm=True) is not None
    assert camera.shots[1][0] == 0.17


def test_a_clearly_better_shot_need_not_wait_to_confirm():
    camera = Camera()
    camera.offer(0, 20)
    assert camera.offer(0.04, 37, confirm=True) is not None


def test_a_confirming_shot_does_not_lower_what_is_better():
    camera = Camera()
    camera.offer(0, 30)
    camera.offer(0.2, 25, confirm=True)
    camera.offer(0.4, 33)
    assert camera.shots == [(0.0, 30.0), (0.2, 25.0)]
    assert camera.chooser.last() is None  # 33 is not somewhat better than 30


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        ({"value": 5}, RejectionReason.TOO_SMALL),
        ({"value": 20, "picture": DARK}, RejectionReason.DARK),
        ({"value": 20, "inside": False}, RejectionReason.CUT_OFF),
    ],
)
def test_why_a_shot_was_rejected(offer, reason):
    camera = Camera()
    assert camera.offer(0, **offer) is None
    assert camera.chooser.best_rejection is reason
    assert camera.chooser.n_taken == 0


def test_the_reason_is_that_of_the_best_shot():
    camera = Camera()
    camera.offer(0, 5)
    camera.offer(1, 20, picture=DARK)
    camera.offer(2, 6)
    assert camera.chooser.best_rejection is RejectionReason.DARK


def test_there_is_no_reason_once_a_shot_has_passed():
    camera = Camera()
    assert camera.chooser.best_rejection is None
    camera.offer(0, 5)
    camera.offer(1, 20)
    camera.offer(2, 50, picture=DARK)
    assert camera.chooser.best_rejection is None


def test_what_is_put_by_is_overwritten_when_forgotten():
    camera = Camera()
    camera.offer(0, 14)
    crop = camera.chooser._put_by.crop
    assert crop.any()
    camera.chooser.forget()
    assert not crop.any()
    assert camera.chooser.last() is None
    camera.chooser.forget()


def test_what_was_put_by_is_overwritten_when_a_better_one_replaces_it():
    camera = Camera()
    camera.offer(0, 13.1)
    crop = camera.chooser._put_by.crop
    camera.offer(0.1, 14)
    assert camera.chooser._put_by.crop is not crop
    assert not crop.any()


def test_a_shot_handed_out_belongs_to_the_caller():
    camera = Camera()
    shot = camera.offer(0, 20)
    camera.chooser.forget()
    assert shot.crop.any()
    shot.forget()
    assert not shot.crop.any()
    assert DETAIL.bgr.any()


def test_a_rejected_crop_is_overwritten(monkeypatch):
    made = []
    from overt.vision import best_shot

    align = best_shot.align

    def watched(picture, landmarks, out):
        made.append(align(picture, landmarks, out))
        return made[-1]

    monkeypatch.setattr(best_shot, "align", watched)
    bright = ArrayPicture(np.full((900, 900, 3), 255, np.uint8))
    Camera().offer(0, 20, picture=bright)
    assert len(made) == 1
    assert not made[0].any()


def test_no_pixel_is_touched_for_a_shot_that_could_not_be_used(monkeypatch):
    from overt.vision import best_shot

    camera = Camera()
    camera.offer(0, 30)
    monkeypatch.setattr(best_shot, "align", None)
    camera.offer(0.1, 31)
    camera.offer(0.2, 20)


@pytest.mark.parametrize("most", [0, 4, -1])
def test_one_to_three_shots_are_allowed(most):
    with pytest.raises(ValueError):
        BestShotSettings(max_shots=most)


def test_nothing_of_a_face_shows_in_a_representation():
    camera = Camera()
    camera.offer(0, 14)
    assert "_put_by" not in repr(camera.chooser)
    assert "crop" not in repr(camera.chooser._put_by)
    assert "bgr" not in repr(camera.chooser._put_by)
