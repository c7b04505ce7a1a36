from collections import defaultdict

import numpy as np
import pytest

from overt.core.detections import Detections
from overt.vision.track import FaceTracker, TrackerSettings

FPS = 25


def detections(*faces):
    """Faces as (centre x, centre y, size, score)."""
    rows = np.array(faces, np.float32).reshape(-1, 4)
    half = rows[:, 2:3] / 2
    boxes = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
    return Detections(boxes, np.zeros((len(rows), 5, 2), np.float32), rows[:, 3])


class Street:
    """Runs a tracker over people of known paths, and notes which track was on whom."""

    def __init__(self, settings=None):
        self.tracker = FaceTracker(settings)
        self.on = defaultdict(set)  # person → track ids
        self.ended = []

    def frame(self, at_s, people):
        order = list(people)
        update = self.tracker.update(detections(*people.values()), at_s)
        for track in update.seen:
            self.on[order[track.detection]].add(track.id)
        self.ended += [track.id for track in update.ended]
        return update

    def finish(self):
        self.ended += [track.id for track in self.tracker.finish()]

    def identities(self):
        return {person: len(ids) for person, ids in self.on.items()}


def walk(paths, times, *, hidden=(), noise=0.0, seed=0, settings=None):
    """Every path is a function of time to x, y, size; ``hidden`` lists (who, from, to)."""
    street, rng = Street(settings), np.random.default_rng(seed)
    for at_s in times:
        people = {}
        for who, path in paths.items():
            if any(who == h and start <= at_s < end for h, start, end in hidden):
                continue
            x, y, size = path(at_s)
            shaken = rng.normal(0, noise * size, 3)
            people[who] = (x + shaken[0], y + shaken[1], size * np.exp(shaken[2] / size), 0.9)
        street.frame(at_s, people)
    street.finish()
    return street


def steady(seconds, fps=FPS):
    return np.arange(int(seconds * fps)) / fps


CROSSING = {
    "left to right": lambda t: (300 + 120 * t, 300, 60),
    "right to left": lambda t: (900 - 120 * t, 310, 58),
}


@pytest.mark.parametrize("noise", [0, 0.02, 0.04])
@pytest.mark.parametrize("seed", range(3))
def test_people_who_cross_keep_their_identity(noise, seed):
    street = walk(CROSSING, steady(5), noise=noise, seed=seed)
    assert street.identities() == {"left to right": 1, "right to left": 1}
    assert not set.intersection(*street.on.values())


@pytest.mark.parametrize("noise", [0, 0.02, 0.04])
def test_people_who_cross_while_one_hides_the_other(noise):
    hidden = [("right to left", 2.3, 2.75)]  # they meet at 2.5 s
    street = walk(CROSSING, steady(5), hidden=hidden, noise=noise)
    assert street.identities() == {"left to right": 1, "right to left": 1}
    assert not set.intersection(*street.on.values())


def test_people_who_walk_side_by_side_stay_apart():
    paths = {f"p{i}": lambda t, i=i: (200 + 70 * i + 60 * t, 300, 50) for i in range(5)}
    street = walk(paths, steady(4), noise=0.03)
    assert set(street.identities().values()) == {1}
    assert len(set.union(*street.on.values())) == 5


@pytest.mark.parametrize("away_s", [0.2, 0.6, 1.0])
@pytest.mark.parametrize("speed", [0, 80, 200])
def test_a_short_occlusion_is_survived(away_s, speed):
    paths = {"p": lambda t: (200 + speed * t, 300, 60)}
    street = walk(paths, steady(4), hidden=[("p", 2, 2 + away_s)], noise=0.01)
    assert street.identities() == {"p": 1}


def test_a_long_absence_is_a_new_passage():
    paths = {"p": lambda t: (200, 300, 60)}
    street = walk(paths, steady(6), hidden=[("p", 2, 4)])
    assert street.identities() == {"p": 2}
    assert sorted(street.ended) == [1, 2]


@pytest.mark.parametrize("more_s", [0.1, 5, 3600])
def test_a_gap_in_the_stream_ends_every_passage(more_s):
    """After a lost connection somebody else may stand where a face was."""
    gap_s = TrackerSettings().lost_after_s + more_s
    street = Street()
    for at_s in (0, 0.04, 0.08):
        street.frame(at_s, {"before": (200, 300, 60, 0.9)})
    for at_s in (0.08 + gap_s, 0.12 + gap_s):
        street.frame(at_s, {"after": (200, 300, 60, 0.9)})
    street.finish()
    assert not street.on["before"] & street.on["after"]
    assert sorted(street.ended) == [1, 2]


def test_a_walk_towards_the_camera_is_one_passage():
    paths = {"p": lambda t: (960 + 30 * t, 400 + 10 * t, 24 * np.exp(0.4 * t))}
    assert walk(paths, steady(5), noise=0.03).identities() == {"p": 1}


@pytest.mark.parametrize("fps", [4, 8, 15, 60])
def test_any_usual_frame_rate(fps):
    paths = {"p": lambda t: (200 + 70 * t, 300 + 20 * np.sin(6 * t), 60)}
    assert walk(paths, steady(5, fps), noise=0.02).identities() == {"p": 1}


@pytest.mark.parametrize("seed", range(3))
def test_a_variable_frame_rate(seed):
    gaps = np.random.default_rng(seed).choice([0.001, 0.02, 0.04, 0.3], 150)
    paths = {"p": lambda t: (200 + 50 * t, 300, 60)}
    assert walk(paths, np.cumsum(gaps), noise=0.03, seed=seed).identities() == {"p": 1}


@pytest.mark.parametrize("gap_s", [0, 1e-9, 1e-4])
def test_two_frames_almost_at_once_do_not_throw_a_face_off(gap_s):
    times = np.sort(np.concatenate([steady(3), steady(3)[::5] + gap_s]))
    paths = {"p": lambda t: (200 + 50 * t, 300, 60)}
    assert walk(paths, times, noise=0.03).identities() == {"p": 1}


def test_people_who_stand_still_are_one_passage_each():
    paths = {f"p{i}": lambda t, i=i: (200 + 100 * i, 300, 60) for i in range(4)}
    street = walk(paths, steady(6), noise=0.05)
    assert street.identities() == dict.fromkeys(paths, 1)


def test_noise_of_one_frame_is_no_face():
    street = Street()
    street.frame(0, {"ghost": (100, 100, 40, 0.95)})
    for at_s in steady(3)[1:]:
        street.frame(at_s, {})
    street.finish()
    assert street.ended == []
    assert not street.on


def test_a_doubtful_detection_starts_no_track():
    street = Street()
    for at_s in steady(2):
        street.frame(at_s, {"p": (100, 100, 40, 0.65)})
    street.finish()
    assert street.ended == []


def test_a_doubtful_detection_continues_a_track():
    street = Street()
    for at_s in steady(4):
        street.frame(at_s, {"p": (100, 100, 40, 0.9 if at_s < 0.2 else 0.5)})
    street.finish()
    assert street.on["p"] == {1}
    assert street.ended == [1]


def test_the_sure_detection_is_preferred_over_a_doubtful_one_that_is_nearer():
    street = Street()
    for at_s in (0, 0.04, 0.08):
        street.frame(at_s, {"p": (100, 100, 40, 0.9)})
    update = street.frame(0.12, {"doubtful": (100, 100, 40, 0.5), "sure": (108, 100, 40, 0.9)})
    assert [track.detection for track in update.seen] == [1]


def test_a_leap_or_a_change_of_size_is_another_face():
    for other in [(400, 100, 40, 0.9), (100, 100, 90, 0.9), (100, 100, 16, 0.9)]:
        street = Street()
        for at_s in (0, 0.04):
            street.frame(at_s, {"one": (100, 100, 40, 0.9)})
        for at_s in (0.08, 0.12):
            street.frame(at_s, {"two": other})
        assert not street.on["one"] & street.on["two"]


def test_a_face_is_shown_from_its_second_detection_on():
    tracker = FaceTracker()
    face = detections((100, 100, 40, 0.9))
    assert tracker.update(face, 0.0).seen == ()
    (track,) = tracker.update(face, 0.04).seen
    assert (track.id, track.n_hits, track.first_s, track.last_s) == (1, 2, 0.0, 0.04)
    (track,) = FaceTracker(TrackerSettings(min_hits=1)).update(face, 0.0).seen
    assert track.n_hits == 1


def test_a_track_ends_once_and_exactly_after_its_time():
    tracker = FaceTracker(TrackerSettings(lost_after_s=1.0))
    face = detections((100, 100, 40, 0.9))
    tracker.update(face, 0.0)
    tracker.update(face, 0.25)
    assert tracker.update(Detections.empty(), 1.25).ended == ()
    assert [track.id for track in tracker.update(Detections.empty(), 1.26).ended] == [1]
    assert tracker.update(Detections.empty(), 9.0).ended == ()
    assert tracker.finish() == ()


def test_ids_are_not_used_again_after_the_end_of_a_stream():
    tracker = FaceTracker()
    face = detections((100, 100, 40, 0.9))
    for start in (0.0, 10.0):
        tracker.update(face, start)
        tracker.update(face, start + 0.04)
        tracker.finish()
    tracker.update(face, 20.0)
    assert tracker.update(face, 20.04).seen[0].id == 3


def test_a_frame_without_faces():
    tracker = FaceTracker()
    update = tracker.update(Detections.empty(), 0.0)
    assert (update.seen, update.ended, tracker.finish()) == ((), (), ())
