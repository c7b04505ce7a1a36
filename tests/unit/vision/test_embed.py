import cv2
import numpy as np
import pytest

from overt.core.frame import ArrayPicture
from overt.inference.engine import RuntimeFailedError
from overt.vision.align import align
from overt.vision.embed import Embedder, fuse, normalise


@pytest.fixture(scope="module")
def crops(portraits, faces):
    return {
        person: align(ArrayPicture(picture), faces[person].landmarks_px[0])
        for person, picture in portraits.items()
    }


@pytest.fixture(scope="module")
def templates(models, crops):
    return dict(zip(crops, models.embedder.embed(list(crops.values())), strict=True))


def test_a_template_has_unit_length(models, templates):
    for template in templates.values():
        assert template.shape == (models.dims,)
        assert template.dtype == np.float32
        assert np.linalg.norm(template) == pytest.approx(1, abs=1e-6)


def test_a_face_and_its_mirror_image_have_one_template(models, crops, templates):
    for person, crop in crops.items():
        mirrored = models.embedder.embed([crop[:, ::-1]])[0]
        np.testing.assert_allclose(mirrored, templates[person], atol=1e-5)


def test_the_same_crop_gives_the_same_template_alone_or_among_others(models, crops, templates):
    for person, crop in crops.items():
        np.testing.assert_allclose(models.embedder.embed([crop])[0], templates[person], atol=1e-5)


def test_two_people_are_not_alike(templates):
    one, other = templates.values()
    assert one @ other < 0.25


def smaller(crop):
    return cv2.resize(cv2.resize(crop, (48, 48), None, 0, 0, cv2.INTER_AREA), (112, 112))


def noisy(crop):
    noise = np.random.default_rng(2).normal(0, 12, crop.shape)
    return np.clip(crop + noise, 0, 255).astype(np.uint8)


def compressed(crop):
    return cv2.imdecode(cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 25])[1], 1)


def dimmed(crop):
    return (crop * 0.5).astype(np.uint8)


@pytest.mark.parametrize("spoil", [smaller, noisy, compressed, dimmed])
def test_the_same_person_seen_worse_is_alike(models, crops, templates, spoil):
    for person, crop in crops.items():
        assert models.embedder.embed([spoil(crop)])[0] @ templates[person] > 0.6


def test_the_crops_are_left_to_their_owner(models, crops):
    before = [crop.copy() for crop in crops.values()]
    models.embedder.embed(list(crops.values()))
    for crop, was in zip(crops.values(), before, strict=True):
        np.testing.assert_array_equal(crop, was)


class Recording:
    """The real engine, and what was handed to it and came back."""

    def __init__(self, engine):
        self._engine = engine
        self.batches, self.outputs = [], []

    def submit(self, batch):
        self.batches.append(batch)
        pending = self._engine.submit(batch)
        self.outputs.append(pending.result()["template"])
        return pending


def test_what_was_computed_on_the_way_is_overwritten(models, crops):
    engine = Recording(models.embedder.engine)
    templates = Embedder(engine).embed(list(crops.values()))
    assert len(engine.batches) == len(crops)
    assert not any(each.any() for each in (*engine.batches, *engine.outputs))
    assert templates.any()
    templates.fill(0)  # the caller owns it


def test_a_failure_leaves_nothing_behind(models, crops):
    class Failing(Recording):
        def submit(self, batch):
            if self.batches:
                raise RuntimeFailedError("made up")
            return super().submit(batch)

    engine = Failing(models.embedder.engine)
    with pytest.raises(RuntimeFailedError):
        Embedder(engine).embed(list(crops.values()))
    assert not any(each.any() for each in (*engine.batches, *engine.outputs))


def test_no_face_gives_no_template(models):
    assert len(models.embedder.embed([])) == 0


def test_normalising_keeps_directions_and_leaves_zero_alone():
    found = np.array([[3, 4], [0, 0], [-1e-3, 0]], np.float32)
    normalise(found)
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0], [-1, 0]], atol=1e-6)


def fused(templates, *weights):
    out = np.full(templates.shape[1], np.nan, np.float32)
    fuse(templates, np.array(weights, np.float32), out)
    return out


def test_fusing_weighs():
    templates = np.eye(2, dtype=np.float32)
    np.testing.assert_allclose(fused(templates, 3, 4), [0.6, 0.8], atol=1e-6)
    np.testing.assert_allclose(fused(templates[:1], 7), [1, 0])


def test_only_the_proportions_of_the_weights_matter():
    templates = np.random.default_rng(4).normal(size=(3, 128)).astype(np.float32)
    normalise(templates)
    one = fused(templates, 1, 2, 3)
    np.testing.assert_allclose(one, fused(templates, 100, 200, 300), atol=1e-6)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-6)


def test_fusing_leaves_its_arguments_alone():
    templates = np.eye(3, dtype=np.float32)
    fused(templates, 1, 2, 3)
    np.testing.assert_array_equal(templates, np.eye(3))


def test_shots_that_point_opposite_ways_say_nothing():
    templates = np.array([[1, 0], [-1, 0]], np.float32)
    assert not fused(templates, 1, 1).any()


def test_a_passage_fused_is_more_like_the_person_than_its_worst_shot(models, crops, templates):
    for person, crop in crops.items():
        shots = models.embedder.embed([noisy(crop), smaller(crop), compressed(crop)])
        assert fused(shots, 1, 1, 1) @ templates[person] > (shots @ templates[person]).min()
