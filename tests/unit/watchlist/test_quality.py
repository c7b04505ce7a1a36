from dataclasses import replace

import cv2
import numpy as np
import pytest

from overt.core.detections import Detections
from overt.core.frame import ArrayPicture
from overt.vision.quality import RejectionReason
from overt.watchlist import quality
from overt.watchlist.quality import (
    EVERY_LIMIT,
    GOOD_OCCLUSION,
    GOOD_REFERENCE,
    REFERENCE_GATE,
    REFERENCE_OCCLUSION,
    Assessment,
    Finding,
    Limits,
    Measure,
    OcclusionLimits,
    OwnMeasures,
    Verdict,
    sighting,
)

OCCLUSION = {Measure.MOUTH_COVERED, Measure.EYES_COVERED, Measure.HALF_SHOWN}


def look(models, picture):
    shown = ArrayPicture(np.ascontiguousarray(picture))
    return sighting(shown, models.still_detector.detect_still(shown))


@pytest.fixture(scope="module")
def own(models):
    return OwnMeasures(models.still_detector)


def by_measure(assessment):
    return {each.measure: each for each in assessment.findings}


def test_a_good_portrait_is_good_in_every_measure(own, models, portraits):
    for picture in portraits.values():
        assessment = own.assess(look(models, picture))
        assert [each.measure for each in assessment.findings] == list(Measure)
        assert {each.verdict for each in assessment.findings} == {Verdict.GOOD}
        assert {each.reason for each in assessment.findings} == {""}
        assert assessment.verdict is Verdict.GOOD


def test_the_same_picture_is_assessed_the_same(own, models, portraits):
    picture = portraits["grace-hopper"]
    assert own.assess(look(models, picture)) == own.assess(look(models, picture))


@pytest.mark.parametrize(("n", "said"), [(0, "There is no face"), (2, "There is more than one")])
def test_not_one_face_is_refused_and_nothing_else_is_measured(own, models, portraits, n, said):
    hopper = cv2.resize(portraits["grace-hopper"], (300, 350))
    picture = np.hstack([hopper] * n) if n else np.full((300, 300, 3), 128, np.uint8)
    seen = look(models, picture)
    assert (seen.n_faces, seen.crop) == (n, None)
    (finding,) = own.assess(seen).findings
    assert (finding.measure, finding.value) == (Measure.ONE_FACE, n)
    assert finding.verdict is Verdict.REFUSED
    assert finding.reason.startswith(said)


@pytest.mark.parametrize(
    ("spoil", "measure", "said"),
    [
        (lambda p: (p * 0.05).astype(np.uint8), Measure.EXPOSURE, "The face is too dark."),
        (lambda p: cv2.GaussianBlur(p, (0, 0), 14), Measure.SHARPNESS, "The face is blurred."),
        (lambda p: (p // 6 + 100).astype(np.uint8), Measure.CONTRAST,
         "The face has too little contrast."),
        (lambda p: cv2.resize(p, (60, 70), None, 0, 0, cv2.INTER_AREA), Measure.SIZE,
         "The face is too small."),
        (lambda p: p[:, 215:], Measure.INSIDE, "The face is cut off by the edge."),
    ],
    ids=["dark", "blurred", "flat", "small", "cut-off"],
)  # fmt: skip
def test_what_is_wrong_is_said_by_its_measure(own, models, portraits, spoil, measure, said):
    assessment = own.assess(look(models, spoil(portraits["grace-hopper"])))
    finding = by_measure(assessment)[measure]
    assert finding.verdict is not Verdict.GOOD
    assert finding.reason == said
    assert said in assessment.reasons(finding.verdict)


def test_a_covered_face_is_refused_and_told_once(own, models, portraits):
    picture = portraits["grace-hopper"].copy()
    seen = look(models, picture)
    points = seen.faces.landmarks_px[seen.face]
    across = float(points[1, 0] - points[0, 0])
    left, right = points[0, 0] - 0.7 * across, points[1, 0] + 0.7 * across
    top, bottom = points[2, 1] - 0.1 * across, points[3:, 1].mean() + 0.9 * across
    cv2.rectangle(picture, (int(left), int(top)), (int(right), int(bottom)), (225, 210, 170), -1)
    assessment = own.assess(replace(seen, crop=align_again(picture, points)))
    assert assessment.verdict is Verdict.REFUSED
    assert by_measure(assessment)[Measure.MOUTH_COVERED].verdict is Verdict.REFUSED
    assert assessment.reasons(Verdict.REFUSED) == ("The face is partly covered.",)


def align_again(picture, points):
    return quality.align(ArrayPicture(picture), points)


def test_of_a_turned_face_nothing_is_said_about_coverings(own, models, portraits):
    seen = look(models, portraits["grace-hopper"])
    points = seen.faces.landmarks_px.copy()
    points[:, 2, 0] += 0.5 * (points[:, 1, 0] - points[:, 0, 0])
    turned = replace(seen, faces=replace(seen.faces, landmarks_px=points))
    found = by_measure(own.assess(turned))
    assert abs(found[Measure.YAW].value) > 30
    assert not OCCLUSION & set(found)


@pytest.mark.parametrize(
    ("limits", "measure"),
    [
        ({"max_mouth": -99.0}, Measure.MOUTH_COVERED),
        ({"max_eyes": -99.0}, Measure.EYES_COVERED),
        ({"min_half": 1.1}, Measure.HALF_SHOWN),
    ],
    ids=str,
)
@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.POOR])
def test_each_covering_has_its_own_limit(models, portraits, limits, measure, verdict):
    lax = OcclusionLimits(max_mouth=99, max_eyes=99, min_half=-1)
    strict = replace(lax, **limits)
    gates = {"refused": Limits(REFERENCE_GATE, lax), "good": Limits(GOOD_REFERENCE, lax)}
    which = "refused" if verdict is Verdict.REFUSED else "good"
    gates[which] = Limits(gates[which].gate, strict)
    own = OwnMeasures(models.still_detector, **gates)
    assessment = own.assess(look(models, portraits["grace-hopper"]))
    assert [f.measure for f in assessment.findings if f.verdict is verdict] == [measure]
    assert assessment.verdict is verdict


def test_the_verdict_is_the_worst_finding():
    def of(*verdicts):
        return Assessment(tuple(Finding(Measure.SIZE, 1, v, v.value) for v in verdicts)).verdict

    good, poor, refused = Verdict.GOOD, Verdict.POOR, Verdict.REFUSED
    assert of(good, good) is good
    assert of(good, poor, good) is poor
    assert of(poor, refused, good) is refused


def test_what_is_refused_is_also_not_good():
    for name in ("min_eye_distance_px", "min_inside", "min_sharpness", "min_contrast"):
        assert getattr(REFERENCE_GATE, name) < getattr(GOOD_REFERENCE, name)
    assert REFERENCE_GATE.max_yaw_deg > GOOD_REFERENCE.max_yaw_deg
    assert REFERENCE_OCCLUSION.max_mouth > GOOD_OCCLUSION.max_mouth
    assert REFERENCE_OCCLUSION.max_eyes > GOOD_OCCLUSION.max_eyes
    assert REFERENCE_OCCLUSION.min_half < GOOD_OCCLUSION.min_half


def test_every_limit_is_named_and_every_rejection_has_a_measure():
    assert {REFERENCE_GATE, GOOD_REFERENCE, REFERENCE_OCCLUSION, GOOD_OCCLUSION} <= set(EVERY_LIMIT)
    measured = {reason for reasons in quality._FAULTS.values() for reason in reasons}
    assert measured == set(RejectionReason)


def faces(*found):
    """Detections of (width, score), side by side."""
    boxes = [(100 * i, 0, 100 * i + width, width) for i, (width, _) in enumerate(found)]
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.tile(np.arange(10, dtype=np.float32).reshape(5, 2), (len(found), 1, 1)),
        np.array([score for _, score in found], np.float32),
    )


@pytest.mark.parametrize(
    ("found", "n_faces", "face"),
    [
        ([], 0, 0),
        ([(50, 0.49)], 0, 0),
        ([(50, 0.5)], 1, 0),
        ([(20, 0.9), (50, 0.6)], 1, 1),
        ([(24.9, 0.9), (50, 0.6)], 1, 1),
        ([(25, 0.9), (50, 0.6)], 2, 1),
        ([(50, 0.9), (50, 0.9), (50, 0.4)], 2, 0),
    ],
)
def test_who_could_be_meant(found, n_faces, face):
    seen = sighting(ArrayPicture(np.zeros((100, 300, 3), np.uint8)), faces(*found))
    assert (seen.n_faces, seen.face, seen.crop is not None) == (n_faces, face, n_faces == 1)


def test_nothing_of_a_person_shows_in_a_representation(models, portraits):
    assert "array" not in repr(look(models, portraits["grace-hopper"]))
