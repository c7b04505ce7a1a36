"""What is true of the shots of a passage, whatever the face does and whenever it is seen."""

from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from overt.core.detections import Detections
from overt.core.frame import ArrayPicture, Frame
from overt.core.ids import CameraId
from overt.vision.align import ARCFACE_POINTS_PX
from overt.vision.best_shot import BestShotSettings, ShotChooser
from overt.vision.quality import QualityGate

DETAIL = ArrayPicture(np.random.default_rng(1).integers(60, 200, (480, 480, 3)).astype(np.uint8))
DARK = ArrayPicture(np.zeros((480, 480, 3), np.uint8))
BOX = np.array([[30, 30, 200, 200]], np.float32)

looks = st.tuples(
    st.sampled_from([0.02, 0.04, 0.2, 1.3]),  # seconds since the last
    st.floats(5, 90),  # pixels between the eyes
    st.booleans(),  # a possible match waits
    st.sampled_from([DETAIL, DETAIL, DETAIL, DARK]),
)
passages = st.lists(looks, max_size=30)
limits = st.integers(1, 3).map(lambda n: BestShotSettings(max_shots=n))


def run(looks, settings):
    """Return the chooser and (time, rank, confirming) of all shots, the last one included."""
    chooser, at_s, shots = ShotChooser(QualityGate(), settings), 0.0, []
    for gap_s, size, confirm, picture in looks:
        at_s += gap_s
        points = (ARCFACE_POINTS_PX * (size / 35.24) + 30).astype(np.float32)
        frame = Frame(CameraId("c"), 0, datetime(2026, 1, 1, tzinfo=UTC), at_s, at_s, picture)
        found = Detections(BOX, points[None], np.array([0.9], np.float32))
        waits = confirm and bool(shots)
        shot = chooser.offer(frame, found, 0, confirm=waits)
        if shot is not None:
            assert shot.crop.any()
            shots.append((shot.frame.media_time_s, shot.rank, waits))
    last = chooser.last()
    if last is not None:
        shots.append((last.frame.media_time_s, last.rank, False))
    return chooser, shots


@given(passages, limits)
def test_never_more_than_are_allowed(looks, settings):
    chooser, shots = run(looks, settings)
    assert len(shots) == chooser.n_taken <= settings.max_shots


@given(passages, limits)
def test_a_shot_is_better_than_all_before_it_or_confirms_them(looks, settings):
    _, shots = run(looks, settings)
    for i, (at_s, rank, confirms) in enumerate(shots[1:], start=1):
        best = max(each for _, each, _ in shots[:i])
        better = rank >= settings.somewhat_better * best
        later = at_s - shots[i - 1][0] >= settings.confirm_after_s
        assert better or (confirms and later and rank >= settings.confirming * best)


@given(passages, limits)
def test_a_face_is_compared_or_there_is_a_reason(looks, settings):
    chooser, shots = run(looks, settings)
    assert bool(shots) == (bool(looks) and chooser.best_rejection is None)


@given(passages, limits)
def test_nothing_is_left_when_the_passage_is_forgotten(looks, settings):
    chooser = run(looks, settings)[0]
    put_by = chooser._put_by
    chooser.forget()
    assert put_by is None or not put_by.crop.any()
    assert chooser._put_by is None
