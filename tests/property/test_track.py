"""What is true of the tracker, whatever the detector reports and whenever the frames come."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from overt.core.detections import Detections
from overt.vision.track import FaceTracker, TrackerSettings

face = st.tuples(
    st.integers(0, 400),
    st.integers(0, 300),
    st.sampled_from([0, 1, 20, 40, 45, 90]),
    st.sampled_from([0.45, 0.69, 0.7, 0.95]),
)
frames = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1e-9, 0.01, 0.04, 0.4, 1.2, 1.5, 1.6, 60.0]),
        st.lists(face, max_size=5),
    ),
    max_size=25,
)
settings = st.sampled_from([TrackerSettings(), TrackerSettings(min_hits=1)])


def detections(faces):
    rows = np.array(faces, np.float32).reshape(-1, 4)
    boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:3]], axis=1)
    return Detections(boxes, np.zeros((len(rows), 5, 2), np.float32), rows[:, 3])


def run(frames, settings):
    tracker, at_s, updates = FaceTracker(settings), 0.0, []
    for gap_s, faces in frames:
        at_s += gap_s
        update = tracker.update(detections(faces), at_s)
        updates.append((at_s, faces, update, [(t.id, t.detection, t.last_s) for t in update.seen]))
    return updates, tracker.finish()


@given(frames, settings)
def test_a_detection_belongs_to_at_most_one_track(frames, settings):
    for at_s, faces, _, seen in run(frames, settings)[0]:
        taken = [detection for _, detection, _ in seen]
        assert len(set(taken)) == len(taken)
        assert all(0 <= detection < len(faces) for detection in taken)
        assert all(last_s == at_s for _, _, last_s in seen)


@given(frames, settings)
def test_every_face_ends_exactly_once_and_nothing_else_ends(frames, settings):
    updates, last = run(frames, settings)
    shown = {number for _, _, _, seen in updates for number, _, _ in seen}
    ended = [t.id for _, _, update, _ in updates for t in update.ended] + [t.id for t in last]
    assert len(set(ended)) == len(ended)
    assert set(ended) == shown


@given(frames, settings)
def test_an_ended_track_never_comes_back(frames, settings):
    gone = set()
    for _, _, update, seen in run(frames, settings)[0]:
        assert not gone & {number for number, _, _ in seen}
        gone |= {track.id for track in update.ended}
        assert not gone & {number for number, _, _ in seen}


@given(frames, settings)
def test_no_track_outlives_its_time(frames, settings):
    last_seen = {}
    for at_s, _, _, seen in run(frames, settings)[0]:
        for number, _, _ in seen:
            assert at_s - last_seen.get(number, at_s) <= settings.lost_after_s
            last_seen[number] = at_s


@given(frames, settings)
def test_the_same_frames_give_the_same_tracks(frames, settings):
    assert [seen for *_, seen in run(frames, settings)[0]] == [
        seen for *_, seen in run(frames, settings)[0]
    ]
