"""What is true of the suppression of overlapping boxes, whatever the boxes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from overt.vision.detect import overlaps, shares, suppress_overlaps

corners = st.tuples(*[st.integers(-40, 40)] * 2, *[st.integers(1, 40)] * 2)
faces = st.lists(st.tuples(corners, st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.9])), max_size=25)
limits = st.sampled_from([0.1, 0.3, 0.5, 0.9])
measures = st.sampled_from([overlaps, shares])


def arrays(found):
    boxes = np.array([(x, y, x + w, y + h) for (x, y, w, h), _ in found], np.float32)
    return boxes.reshape(-1, 4), np.array([score for _, score in found], np.float32)


@given(faces, limits, measures)
def test_those_that_stay_do_not_overlap_and_are_sorted(found, limit, measure):
    boxes, scores = arrays(found)
    keep = suppress_overlaps(boxes, scores, limit, measure)
    assert len(set(keep.tolist())) == len(keep)
    assert np.all(np.diff(scores[keep]) <= 0)
    for i, index in enumerate(keep):
        assert np.all(measure(boxes[index], boxes[keep[i + 1 :]]) <= limit)


@given(faces, limits, measures)
def test_each_that_goes_overlaps_a_better_one_that_stays(found, limit, measure):
    boxes, scores = arrays(found)
    keep = suppress_overlaps(boxes, scores, limit, measure)
    for gone in set(range(len(boxes))) - set(keep.tolist()):
        better = keep[scores[keep] >= scores[gone]]
        assert np.any(measure(boxes[gone], boxes[better]) > limit)


@given(faces, limits, measures)
def test_doing_it_twice_changes_nothing(found, limit, measure):
    boxes, scores = arrays(found)
    keep = suppress_overlaps(boxes, scores, limit, measure)
    again = suppress_overlaps(boxes[keep], scores[keep], limit, measure)
    assert again.tolist() == list(range(len(keep)))


@given(faces.filter(bool), measures)
def test_a_measure_is_between_none_and_all_and_has_no_direction(found, measure):
    boxes, _ = arrays(found)
    table = np.array([measure(box, boxes) for box in boxes])
    assert np.all((table >= 0) & (table <= 1))
    np.testing.assert_array_equal(table, table.T)
    np.testing.assert_allclose(np.diag(table), 1)
