"""A drawn head is a face to the detector, and another seed is somebody else to the embedder."""

import numpy as np
import pytest

from overt.core.frame import ArrayPicture
from overt.simulation.drawn_face import draw_head
from overt.vision.align import align
from overt.vision.quality import QualityGate, measure_geometry, measure_pixels

SEEDS = range(40, 48)


def scene(seed, side_px=200):
    picture = np.full((400, 600, 3), 120, np.uint8)
    draw_head(seed).lay(picture, (300, 200), side_px)
    return ArrayPicture(picture)


def test_the_same_seed_draws_the_same_head():
    one, again, other = draw_head(1), draw_head(1), draw_head(2)
    np.testing.assert_array_equal(one.bgr, again.bgr)
    assert (one.bgr != other.bgr).any()
    assert one.alpha.min() >= 0
    assert one.alpha.max() <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_one_face_fit_to_be_compared(models, seed):
    picture = scene(seed)
    found = models.detector.detect(picture)
    assert len(found) == 1
    size = (picture.width_px, picture.height_px)
    geometry = measure_geometry(
        found.landmarks_px[0], found.boxes_px[0], float(found.scores[0]), size
    )
    gate = QualityGate()
    assert gate.check_geometry(geometry) is None
    assert gate.check_pixels(measure_pixels(align(picture, found.landmarks_px[0]))) is None


def test_two_heads_are_two_people(models):
    crops = []
    for seed in SEEDS:
        picture = scene(seed)
        crops.append(align(picture, models.detector.detect(picture).landmarks_px[0]))
    templates = models.embedder.embed(crops)
    alike = (templates @ templates.T)[np.triu_indices(len(templates), 1)]
    assert np.median(alike) < 0.9


@pytest.mark.parametrize("centre", [(0, 0), (599, 399), (-500, 200), (300, 5000)])
def test_what_reaches_past_the_edge_is_cut_off(centre):
    picture = np.full((400, 600, 3), 120, np.uint8)
    draw_head(1, side_px=160).lay(picture, centre, 180)
    assert picture.shape == (400, 600, 3)
