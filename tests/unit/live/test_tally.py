"""Counting from several threads, and the times of stages."""

import threading

import numpy as np
import pytest

from overt.core.counts import FaceCounts
from overt.core.detections import Detections
from overt.core.frame import ArrayPicture
from overt.core.ids import AlertId, EntryId, TrackId
from overt.live.passage import Passage
from overt.live.scene import alert_pictures
from overt.live.stages import STAGES, StageTimes
from overt.live.tally import NO_SHOT, Tally
from overt.policy.locks import Scored
from overt.vision.best_shot import BestShotSettings, Shot
from overt.vision.face_memory import FaceMemory
from overt.vision.quality import QualityGate, RejectionReason

DIMS = 8


def passage():
    return Passage.begin(TrackId(1), FaceMemory(DIMS, 3), QualityGate(), BestShotSettings())


def unit(*direction):
    vector = np.zeros(DIMS, np.float32)
    vector[: len(direction)] = direction
    return vector / np.linalg.norm(vector)


def shot(rank=4.0):
    crop = np.full((112, 112, 3), 9, np.uint8)
    return Shot(crop, rank, None, Detections.empty(), 0)


def compared(alert=None, repeats=None):
    ended = passage()
    ended.add(shot(), unit(1))
    ended.alert, ended.repeats = alert, repeats
    return ended


def test_each_way_in_which_a_passage_ends_is_one_count():
    tally = Tally()
    tally.passage(passage())
    rejected = passage()
    rejected.chooser.best_rejection = RejectionReason.BLURRED
    tally.passage(rejected)
    tally.passage(compared())
    tally.passage(compared(alert=AlertId("a")))
    tally.passage(compared(repeats=AlertId("a")))
    counts = tally.total()
    counts.check()
    assert counts == FaceCounts(
        faces_detected=5,
        faces_rejected=2,
        rejected_by_reason={NO_SHOT: 1, RejectionReason.BLURRED.value: 1},
        faces_compared=3,
        faces_alerted=1,
        faces_erased=2,
        repeats=1,
    )


def test_what_was_taken_is_not_taken_again_but_stays_in_the_total():
    tally = Tally()
    tally.frame(3)
    assert tally.take() == FaceCounts(frames_read=1, detections=3)
    tally.dropped(2)
    assert tally.take() == FaceCounts(frames_dropped=2)
    assert tally.take() == FaceCounts()
    assert tally.total() == FaceCounts(frames_read=1, detections=3, frames_dropped=2)


def test_nothing_is_lost_between_threads():
    tally, stages = Tally(), StageTimes()
    taken = []

    def count():
        for _ in range(500):
            tally.frame(2)
            stages.add("detect", 0.5)
            taken.append(tally.take())

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.total() == FaceCounts(frames_read=2000, detections=4000)
    assert sum(taken, FaceCounts()) == tally.total()
    assert stages.seconds()["detect"] == 1000


def test_a_stage_that_fails_is_timed_and_the_others_are_there():
    stages = StageTimes()
    with pytest.raises(ValueError, match="a fault"), stages.measure("embed"):
        raise ValueError("a fault")
    assert tuple(stages.seconds()) == STAGES
    assert stages.seconds()["embed"] > 0
    assert stages.seconds()["alert"] == 0


def test_a_passage_weighs_better_shots_more_and_forgets_all():
    seen = passage()
    assert not seen.is_somebody_else(unit(1))
    seen.add(shot(rank=2.0), unit(1, 0))
    seen.add(shot(rank=1.0), unit(0, 1))
    seen.leaders.append(Scored(EntryId("e-1"), 0.5))
    assert seen.weights == (4.0, 1.0)
    np.testing.assert_allclose(seen.fused(), unit(4, 1), rtol=1e-6)
    assert not seen.is_somebody_else(unit(1, 0.2))
    assert seen.is_somebody_else(unit(0, 0, 1))
    buffer = seen._templates
    seen.forget()
    assert not buffer.any()
    assert seen.n_compared == 0
    assert seen.leaders == []


def test_a_passage_shows_no_template_and_no_candidate_when_printed():
    seen = passage()
    seen.add(shot(), unit(0.123456))
    seen.leaders.append(Scored(EntryId("e-1"), 0.5))
    text = repr(seen)
    assert "array" not in text
    assert "e-1" not in text


def scene_of(boxes, size=(200, 100)):
    """Return the pictures of the first of some boxes in a picture of noise."""
    from overt.core.frame import Frame

    width, height = size
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    n = len(boxes)
    found = Detections(
        np.array(boxes, np.float32), np.zeros((n, 5, 2), np.float32), np.ones(n, np.float32)
    )
    return alert_pictures(Frame("gate", 0, None, 0, 0, ArrayPicture(noise)), found, 0), noise


def test_a_face_at_the_edge_is_cut_there():
    pictures, noise = scene_of([[-10, -10, 30, 30]])
    assert pictures.face.shape == (48, 48, 3)
    assert (pictures.face == noise[:48, :48]).all()
    assert pictures.scene.shape == (100, 200, 3)


def test_the_picture_of_the_camera_is_not_written_to():
    boxes = [[20, 20, 60, 60], [120, 20, 160, 60], [58, 20, 98, 60]]
    pictures, noise = scene_of(boxes)
    again = np.random.default_rng(1).integers(0, 256, noise.shape, np.uint8)
    assert (noise == again).all()
    assert not np.shares_memory(pictures.face, noise)
    assert not np.shares_memory(pictures.scene, noise)


def test_a_neighbour_in_the_face_picture_is_hidden_too():
    pictures, noise = scene_of([[60, 20, 100, 60], [98, 20, 138, 60]])
    left = 60 - 18
    beside = pictures.face[18:58, 100 - left + 2 :]
    assert len(np.unique(beside.reshape(-1, 3), axis=0)) < 60
    assert (pictures.face[18:58, 18:38] == noise[20:60, 60:80]).all()


def test_a_wide_scene_is_made_small():
    pictures, _ = scene_of([[20, 20, 60, 60]], size=(1920, 1080))
    assert pictures.scene.shape == (360, 640, 3)
