import threading

import pytest

from overt.inference.engine import RuntimeFailedError
from overt.inference.washing import Washer


class Washed:
    """Takes note of the blank batches."""

    def __init__(self):
        self.rows = []
        self.done = threading.Event()

    def __call__(self, n_rows):
        self.rows.append(n_rows)
        self.done.set()


@pytest.fixture
def washed():
    return Washed()


def test_a_model_that_stands_still_is_washed_once(washed):
    washer = Washer(washed, after_s=0.01)
    washer.note(2)
    assert washed.done.wait(5)
    washer.close()
    assert washed.rows == [2]


def test_it_is_washed_with_the_largest_batch_since_the_last_time(washed):
    washer = Washer(washed, after_s=60)
    for n_rows in (2, 6, 4):
        washer.note(n_rows)
    washer.close()
    assert washed.rows == [6]


def test_it_is_not_washed_while_it_is_busy(washed):
    washer = Washer(washed, after_s=60)
    washer.note(2)
    assert not washed.rows
    washer.close()
    assert washed.rows == [2]


def test_a_model_that_was_never_used_is_not_washed(washed):
    washer = Washer(washed, after_s=0.01)
    washer.close()
    washer.close()
    assert washed.rows == []


def test_a_runtime_that_fails_ends_the_washing_and_nothing_else():
    def fails(n_rows):
        raise RuntimeFailedError("made up")

    washer = Washer(fails, after_s=0.01)
    washer.note(2)
    washer.close()


def test_an_embedder_is_washed(models):
    """The template of a blank batch is what the layers were last used for."""
    engine = models.embedder.engine
    rows = []
    start = engine._start
    engine._start = lambda batch: (rows.append((len(batch), bool(batch.any()))), start(batch))[1]
    try:
        engine._wash(2)
    finally:
        del engine._start
    assert rows == [(2, False)]
