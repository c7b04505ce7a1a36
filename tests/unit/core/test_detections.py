import numpy as np
import pytest

from overt.core.detections import Detections


def arrays(n):
    return np.zeros((n, 4), np.float32), np.zeros((n, 5, 2), np.float32), np.zeros(n, np.float32)


@pytest.mark.parametrize("n", [0, 1, 7])
def test_it_counts_its_faces(n):
    assert len(Detections(*arrays(n))) == n


def test_no_faces():
    empty = Detections.empty()
    assert len(empty) == 0
    assert {each.dtype for each in (empty.boxes_px, empty.landmarks_px, empty.scores)} == {
        np.dtype(np.float32)
    }


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_arrays_that_do_not_belong_together_are_refused(wrong):
    mixed = list(arrays(2))
    mixed[wrong] = arrays(3)[wrong]
    with pytest.raises(ValueError, match="expected shapes"):
        Detections(*mixed)


def test_it_cannot_be_changed():
    with pytest.raises(AttributeError):
        Detections.empty().scores = np.zeros(1, np.float32)
