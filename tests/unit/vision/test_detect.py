import cv2
import numpy as np
import pytest

from overt.core.frame import ArrayPicture
from overt.inference.prepare import prepare_plain
from overt.vision.detect import (
    DetectorSettings,
    FaceDetector,
    decode_yunet,
    overlaps,
    shares,
    suppress_overlaps,
)


@pytest.fixture(scope="module")
def exact(models):
    """The detector in full precision, at the size of the picture."""
    engine = models.still_detector._engine
    return FaceDetector(engine, DetectorSettings(1920, 1, min_score=0.6, max_overlap=0.3))


@pytest.fixture(scope="module")
def opencv(models, tmp_path_factory):
    """OpenCV's own reading of the same weights."""
    plain = prepare_plain(models.pair.detector.manifest, tmp_path_factory.mktemp("plain"))

    def find(picture):
        height, width = picture.shape[:2]
        peer = cv2.FaceDetectorYN.create(str(plain), "", (width, height), 0.6, 0.3)
        return peer.detect(picture)[1]

    return find


def test_it_reads_the_model_as_opencv_does(exact, opencv, scene):
    found, theirs = exact.detect(ArrayPicture(scene)), opencv(scene)
    assert len(found) == len(theirs) == 2
    np.testing.assert_allclose(found.scores, theirs[:, 14], atol=1e-3)
    np.testing.assert_allclose(found.boxes_px[:, :2], theirs[:, :2], atol=0.2)
    np.testing.assert_allclose(
        found.boxes_px[:, 2:] - found.boxes_px[:, :2], theirs[:, 2:4], atol=0.2
    )
    np.testing.assert_allclose(found.landmarks_px.reshape(-1, 10), theirs[:, 4:14], atol=0.2)


def test_it_reads_a_picture_that_needs_padding_as_opencv_does(exact, opencv, scene):
    odd = np.ascontiguousarray(scene[20:520, 30:901])
    found, theirs = exact.detect(ArrayPicture(odd)), opencv(odd)
    assert len(found) == len(theirs) == 2
    np.testing.assert_allclose(found.landmarks_px.reshape(-1, 10), theirs[:, 4:14], atol=0.5)


def test_the_landmarks_are_where_they_are_said_to_be(exact, scene):
    for right_eye, left_eye, nose, right_mouth, left_mouth in exact.detect(
        ArrayPicture(scene)
    ).landmarks_px:
        assert right_eye[0] < nose[0] < left_eye[0]
        assert right_mouth[0] < left_mouth[0]
        assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


@pytest.mark.parametrize("factor", [0.7, 1.5, 2.0])
def test_the_size_that_the_detector_sees_does_not_move_the_face(exact, scene, factor):
    base = exact.detect(ArrayPicture(scene))
    size = (round(960 * factor), round(544 * factor))
    scaled = cv2.resize(
        scene, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    )
    settings = DetectorSettings(960, 640)
    found = FaceDetector(exact._engine, settings).detect(ArrayPicture(scaled))
    assert len(found) == len(base)
    eye_distance = np.linalg.norm(base.landmarks_px[:, 1] - base.landmarks_px[:, 0], axis=1)
    order = np.argsort(found.boxes_px[:, 0])
    expected = np.argsort(base.boxes_px[:, 0])
    moved = np.abs(found.landmarks_px[order] / factor - base.landmarks_px[expected])
    assert np.all(moved < 0.12 * eye_distance[expected][:, None, None])


@pytest.mark.parametrize(("width", "height"), [(959, 541), (700, 33), (33, 500)])
def test_the_whole_picture_is_mapped_back_whatever_its_sides(exact, width, height):
    """A stand-in engine: it reports a box of the whole input it was given, without padding."""

    class Whole:
        def __init__(self):
            self.content = (0, 0)

        def submit(self, batch):
            lit = np.argwhere(batch[0].any(axis=2)).max(axis=0) + 1
            outputs = {}
            for stride in (8, 16, 32):
                n = (batch.shape[1] // stride) * (batch.shape[2] // stride)
                outputs |= {
                    f"cls_{stride}": np.zeros((1, n, 1), np.float32),
                    f"obj_{stride}": np.zeros((1, n, 1), np.float32),
                    f"bbox_{stride}": np.zeros((1, n, 4), np.float32),
                    f"kps_{stride}": np.zeros((1, n, 10), np.float32),
                }
            outputs["cls_32"][0, 0] = outputs["obj_32"][0, 0] = 1
            size = np.array([lit[1], lit[0]], np.float32)
            outputs["bbox_32"][0, 0] = [*(size / 2 / 32), *np.log(size / 32)]
            outputs["kps_32"][0, 0] = np.tile(size / 32, 5)
            return type("Ready", (), {"result": lambda _: outputs})()

    picture = ArrayPicture(np.full((height, width, 3), 255, np.uint8))
    found = FaceDetector(Whole(), DetectorSettings(640, 320)).detect(picture)
    np.testing.assert_allclose(found.boxes_px[0], [0, 0, width, height], atol=1e-3)
    np.testing.assert_allclose(found.landmarks_px[0, 4], [width, height], atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (7, 31), (31, 7), (1, 4000), (4000, 1), (33, 65)])
def test_tiny_and_narrow_pictures_hold_no_face(models, size):
    picture = ArrayPicture(np.full((*size, 3), 128, np.uint8))
    assert len(models.detector.detect(picture)) == 0
    assert len(models.still_detector.detect_still(picture)) == 0


@pytest.mark.parametrize("size", [(0, 0), (0, 10), (10, 0)])
def test_a_picture_without_a_pixel_holds_no_face(models, size):
    picture = ArrayPicture(np.zeros((*size, 3), np.uint8))
    assert len(models.detector.detect(picture)) == 0
    assert len(models.still_detector.detect_still(picture)) == 0


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_even_picture_holds_no_face(models, level):
    assert len(models.detector.detect(ArrayPicture(np.full((90, 160, 3), level, np.uint8)))) == 0


def test_noise_holds_no_sure_face(models):
    noise = np.random.default_rng(1).integers(0, 256, (270, 480, 3)).astype(np.uint8)
    assert not np.any(models.detector.detect(ArrayPicture(noise)).scores >= 0.7)


def test_several_pictures_can_be_under_way_at_once(exact, scene, hopper):
    pending = [exact.submit(ArrayPicture(picture)) for picture in (scene, hopper, scene)]
    found = [each.result() for each in pending]
    assert [len(each) for each in found] == [2, 1, 2]
    np.testing.assert_array_equal(found[0].boxes_px, found[2].boxes_px)


def test_a_still_is_searched_for_faces_that_fill_it(models, hopper, faces):
    left, top, right, bottom = (int(v) for v in faces["grace-hopper"].boxes_px[0])
    close = cv2.resize(hopper[top - 20 : bottom + 20, left - 10 : right + 10], (1500, 1900))
    found = models.still_detector.detect_still(ArrayPicture(close))
    assert found.scores[0] > 0.8
    assert found.boxes_px[0, 2] - found.boxes_px[0, 0] > 1000
    assert len(found) == 1  # and no part of it is a face of its own


def test_a_still_is_searched_for_faces_that_stand_far_back(models, hopper):
    canvas = np.full((1080, 1920, 3), 120, np.uint8)
    small = cv2.resize(hopper, (77, 90), interpolation=cv2.INTER_AREA)
    canvas[700:790, 1500:1577] = small
    found = models.still_detector.detect_still(ArrayPicture(canvas))
    assert found.scores[0] > 0.6
    assert 1500 < found.boxes_px[0, 0] < found.boxes_px[0, 2] < 1577


def test_a_still_shows_each_face_once(models, scene):
    found = models.still_detector.detect_still(ArrayPicture(scene))
    assert np.sum(found.scores >= 0.5) == 2
    assert np.all(np.diff(found.scores) <= 0)


def test_the_same_still_gives_the_same_faces(models, hopper):
    one, other = (models.still_detector.detect_still(ArrayPicture(hopper)) for _ in range(2))
    np.testing.assert_array_equal(one.landmarks_px, other.landmarks_px)


def outputs_of(n_stride_8=4, **changes):
    """Outputs for an input of 16 × 16 … which only stride 8 covers."""
    outputs = {}
    for stride, n in ((8, n_stride_8), (16, 1), (32, 0)):
        outputs |= {
            f"cls_{stride}": np.zeros((1, n, 1), np.float32),
            f"obj_{stride}": np.zeros((1, n, 1), np.float32),
            f"bbox_{stride}": np.zeros((1, n, 4), np.float32),
            f"kps_{stride}": np.zeros((1, n, 10), np.float32),
        }
    for name, (index, value) in changes.items():
        outputs[name][0, index] = value
    return outputs


def test_a_cell_is_read_as_the_format_says():
    outputs = outputs_of(
        cls_8=(3, 0.81), obj_8=(3, 1), bbox_8=(3, [0.5, 0.25, np.log(2), 0]),
        kps_8=(3, [0, 0, 1, 0, 0.5, 0.5, 0, 1, 1, 1]),
    )  # fmt: skip
    found = decode_yunet(outputs, (16, 16), (0.5, 0.5), DetectorSettings())
    assert found.scores == pytest.approx([0.9])
    # Cell 3 is column 1, row 1: centre (1.5, 1.25) · 8, size (2, 1) · 8, then doubled.
    np.testing.assert_allclose(found.boxes_px, [[8, 12, 40, 28]], atol=1e-4)
    np.testing.assert_allclose(
        found.landmarks_px[0], [[16, 16], [32, 16], [24, 24], [16, 32], [32, 32]]
    )


def test_scores_below_the_least_and_above_one():
    outputs = outputs_of(cls_8=(0, 0.35), obj_8=(0, 1), cls_16=(0, 1.0002), obj_16=(0, 1.0002))
    assert decode_yunet(outputs, (16, 16), (1, 1), DetectorSettings()).scores.tolist() == [1.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e4], ids=str)
@pytest.mark.parametrize("name", ["cls_8", "bbox_8", "kps_8"])
def test_what_is_no_number_is_no_face(name, bad):
    outputs = outputs_of(cls_8=(1, 0.9), obj_8=(1, 1))
    outputs[name][0, 1] = bad
    found = decode_yunet(outputs, (16, 16), (1, 1), DetectorSettings())
    assert np.isfinite(found.boxes_px).all()
    assert np.isfinite(found.landmarks_px).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"longest_side_px": 0},
        {"shortest_allowed_px": 0},
        {"longest_side_px": 320, "shortest_allowed_px": 640},
        {"min_score": 0},
        {"min_score": 1},
        {"max_overlap": 0},
        {"max_overlap": 1},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ValueError):
        DetectorSettings(**settings)


def test_overlap_of_a_box_with_others():
    boxes = np.array(
        [[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [30, 30, 40, 40], [3, 3, 3, 3]],
        np.float32,
    )
    assert overlaps(boxes[0], boxes).tolist() == pytest.approx([1, 1 / 3, 0, 0, 0])
    assert overlaps(boxes[0], boxes[:0]).shape == (0,)


def test_share_of_the_smaller_box():
    boxes = np.array([[0, 0, 10, 10], [2, 2, 4, 4], [8, 0, 12, 4], [20, 0, 30, 10]], np.float32)
    assert shares(boxes[0], boxes).tolist() == pytest.approx([1, 1, 0.5, 0])
    assert suppress_overlaps(boxes, np.array([0.9, 0.8, 0.7, 0.6]), 0.6, shares).tolist() == [
        0,
        2,
        3,
    ]


def test_of_overlapping_boxes_the_surest_stays():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10]], np.float32)
    scores = np.array([0.7, 0.9, 0.8], np.float32)
    assert suppress_overlaps(boxes, scores, 0.3).tolist() == [1, 2]
    assert suppress_overlaps(boxes[:0], scores[:0], 0.3).tolist() == []
