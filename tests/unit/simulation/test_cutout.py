import numpy as np
import pytest

from overt.core.errors import InputError
from overt.simulation.cutout import FACE_PER_EYES, FULL_SIZE_PX, cut_out_head


def test_a_face_comes_out_at_full_size_in_the_middle(people, find_face):
    head = cut_out_head(people[0].picture, find_face)
    x, y = (round(v) for v in head.centre_px)
    alpha = head.sprite.levels[0][..., 3]
    assert head.face_px == FULL_SIZE_PX
    assert alpha[y, x] == 255
    eyes_px = FULL_SIZE_PX / FACE_PER_EYES
    row = head.sprite.levels[0][round(y - 0.1 * FULL_SIZE_PX), :, :3].max(axis=1)
    for side in (-1, 1):
        assert row[round(x + side * eyes_px / 2)] < 60, "the drawn pupils are dark"


def test_the_background_is_left_out_and_the_edge_is_soft(people, find_face):
    alpha = cut_out_head(people[0].picture, find_face).sprite.levels[0][..., 3]
    edges = (alpha[0], alpha[:, 0], alpha[:, -1])
    assert all(edge.max() == 0 for edge in edges)
    assert np.count_nonzero((alpha > 20) & (alpha < 235)) > 500


def test_the_same_portrait_gives_the_same_head(people, find_face):
    first, again = (cut_out_head(people[1].picture, find_face) for _ in range(2))
    assert np.array_equal(first.sprite.levels[0], again.sprite.levels[0])


def test_a_large_portrait_is_shrunk_to_the_same_size(people, find_face):
    large = np.repeat(np.repeat(people[0].picture, 6, axis=0), 6, axis=1)
    head = cut_out_head(large, lambda picture: find_face(picture) * 6)
    assert head.sprite.levels[0].shape == (376, 320, 4)


def test_a_portrait_without_a_face_is_refused(people):
    with pytest.raises(InputError, match="shows no face"):
        cut_out_head(people[0].picture, lambda picture: None)


def test_too_small_a_face_is_refused(people):
    near = np.array([[100, 100], [104, 100], [102, 102], [100, 104], [104, 104]], np.float32)
    with pytest.raises(InputError, match="too small"):
        cut_out_head(people[0].picture, lambda picture: near)
