"""The frame path with real models: who alerts, once, and who is counted and forgotten."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from overt.alerts.lifecycle import AlertEvent
from overt.alerts.steps import StepRequest, StepRules
from overt.core.errors import StorageError
from overt.core.frame import ArrayPicture
from overt.core.ids import PersonId
from overt.policy.locks import AlertRule
from overt.policy.roles import Grant, Person, Role
from overt.policy.verdict import ALLOWED
from overt.vision.align import align


def similarity(models, face, reference):
    """Return how alike the face in a picture and a portrait are."""
    templates = []
    for picture in (face, reference):
        found = models.still_detector.detect_still(ArrayPicture(picture))
        assert len(found) >= 1
        crop = align(ArrayPicture(picture), found.landmarks_px[0])
        templates.append(models.embedder.embed([crop])[0])
    return float(templates[0] @ templates[1])


def test_the_listed_person_alerts_once_and_the_stranger_is_erased(
    line, studio, both, store, watchlist, clock
):
    line.feed(studio.frames(both, 3, clock))
    line.pipeline.finish()
    (alert,) = store.alerts.list()
    assert alert.entry == watchlist.entries[0].entry
    assert alert.similarity > alert.threshold == 0.45
    assert alert.words == "possible match"
    assert alert.camera == "gate"
    left, _, right, _ = alert.face_box_px
    assert right < 320 < left + 320  # the listed person walks in the left half
    counts = line.counts
    assert (counts.faces_detected, counts.faces_compared) == (2, 2)
    assert (counts.faces_alerted, counts.faces_erased) == (1, 1)
    assert (counts.frames_read, counts.detections) == (30, 60)


def test_an_alert_comes_while_the_face_is_still_there(line, studio, both, store, clock):
    line.feed(studio.frames(both, 1, clock))
    assert len(store.alerts.list()) == 1
    assert line.tally.total().faces_detected == 0  # no passage has ended


def test_the_pictures_show_the_right_face_and_hide_the_others(
    line, studio, both, store, models, portraits, clock
):
    line.feed(studio.frames(both, 2, clock))
    (alert,) = store.alerts.list()
    pictures = store.alerts.pictures(alert.id)
    assert similarity(models, pictures.face, portraits["grace-hopper"]) > 0.5
    found = models.still_detector.detect_still(ArrayPicture(pictures.scene))
    assert len(found) == 1
    assert found.boxes_px[0, 2] < 320


def test_who_is_hidden_cannot_be_compared_any_more(line, studio, both, store, models, clock):
    line.feed(studio.frames(both, 2, clock))
    (alert,) = store.alerts.list()
    scene = ArrayPicture(store.alerts.pictures(alert.id).scene)
    plain = ArrayPicture(studio.picture(both, alert.media_time_s))
    assert (scene.width_px, scene.height_px) == (plain.width_px, plain.height_px)
    found = models.detector.detect(plain)
    stranger = int(np.argmax(found.boxes_px[:, 0]))
    crops = [align(each, found.landmarks_px[stranger]) for each in (plain, scene)]
    before, after = models.embedder.embed(crops)
    assert float(before @ after) < 0.3


def test_a_repeat_within_the_time_is_folded_and_one_after_it_alerts_anew(
    line, studio, walk, store, clock
):
    passages = [
        walk("listed", 0.0, 1.0),
        walk("listed", 2.5, 3.5),  # gone for longer than a track is kept; within 3 s
        walk("listed", 5.0, 6.0),  # within 3 s of the second, but not of the first
    ]
    line.feed(studio.frames(passages, 6, clock))
    line.pipeline.finish()
    newest, first = sorted(store.alerts.list(), key=lambda a: a.captured_utc, reverse=True)
    assert (first.n_repeats, newest.n_repeats) == (1, 0)
    assert first.last_repeat_similarity > 0.45
    counts = line.counts
    assert (counts.faces_detected, counts.faces_alerted, counts.faces_erased) == (3, 2, 1)
    assert counts.repeats == 1


def test_a_passage_after_officers_are_done_alerts_anew_within_the_time(
    line, studio, walk, store, clock
):
    passages = [walk("listed", 0.0, 1.0), walk("listed", 2.5, 3.5)]
    frames = list(studio.frames(passages, 4, clock))
    line.feed(frames[:15])
    (first,) = store.alerts.list()
    decide_false(store, first.id, clock)
    line.feed(frames[15:])
    line.pipeline.finish()
    assert [alert.n_repeats for alert in store.alerts.list()] == [0, 0]
    assert (line.counts.faces_alerted, line.counts.repeats) == (2, 0)
    assert sorted(store.alert_steps.states().values()) == ["false", "raised"]


def decide_false(store, alert, clock):
    by = None
    for name, role in (("ad-1", Role.ADMINISTRATOR), ("eo-1", Role.ENGAGEMENT_OFFICER)):
        key = name.encode().ljust(32, b".")
        person = Person(PersonId(name), "constable", "East", (Grant(role),), key)
        store.people.save(person, by, clock.now_utc())
        by = PersonId("ad-1")
    rules = StepRules(1, 100, lambda facts: ALLOWED)
    store.alert_steps.take(alert, StepRequest(AlertEvent.FALSE), PersonId("eo-1"), rules)


def test_a_camera_whose_clock_is_set_back_still_alerts_after_the_time(
    line, studio, walk, store, clock
):
    passages = [walk("listed", 0.0, 1.0), walk("listed", 5.0, 6.0)]
    for frame in studio.frames(passages, 6, clock):
        back = timedelta(hours=1) if frame.media_time_s > 3 else timedelta(0)
        moved = replace(frame, captured_utc=frame.captured_utc - back)
        line.feed([moved])
    assert len(store.alerts.list()) == 2


def test_a_track_that_jumps_to_another_face_becomes_two_passages(
    line, studio, walk, store, clock, monkeypatch
):
    # These two are more alike than most strangers, 0.17: the limit is raised to tell them apart.
    monkeypatch.setattr("overt.live.passage.SAME_FACE", 0.5)
    changed = [
        walk("stranger", 0.0, 1.5, x_px=(300, 300), face_px=(60, 60)),
        walk("listed", 1.5, 4.0, x_px=(300, 300), face_px=(84, 84)),
    ]
    line.feed(studio.frames(changed, 4, clock))
    line.pipeline.finish()
    counts = line.counts
    assert len(store.alerts.list()) == 1
    assert (counts.faces_detected, counts.faces_compared) == (2, 2)
    assert (counts.faces_alerted, counts.faces_erased) == (1, 1)


def test_a_face_too_small_to_compare_is_counted_as_rejected(line, studio, walk, store, clock):
    far = [walk("listed", x_px=(300, 320), face_px=(24, 24))]
    line.feed(studio.frames(far, 2, clock))
    line.pipeline.finish()
    counts = line.counts
    assert counts.faces_compared == 0
    assert counts.faces_detected == counts.faces_rejected >= 1
    assert dict(counts.rejected_by_reason) == {"too small": counts.faces_rejected}
    assert store.alerts.list() == ()


def test_one_frame_is_no_passage(line, studio, both, clock):
    line.feed(list(studio.frames(both, 0.1, clock)))
    line.pipeline.finish()
    counts = line.counts
    assert (counts.frames_read, counts.detections, counts.faces_detected) == (1, 2, 0)


def test_an_empty_street_counts_frames_and_nothing_else(line, studio, clock):
    line.feed(studio.frames((), 1, clock))
    line.pipeline.finish()
    assert line.counts.frames_read == 10
    assert line.counts.faces_detected == 0


def test_abandoned_passages_are_counted_and_nothing_more_is_compared(
    line, studio, both, store, clock
):
    line.feed(studio.frames(both, 0.4, clock))
    n_alerts = len(store.alerts.list())
    line.pipeline.abandon()
    counts = line.counts
    assert counts.faces_detected == 2
    assert counts.faces_alerted == n_alerts
    line.pipeline.abandon()
    assert line.counts == counts


def test_a_threshold_above_every_similarity_alerts_nobody(
    line_of, models, watchlist, started, studio, both, store, clock
):
    line = line_of(models, watchlist, started, clock, AlertRule(0.999))
    line.feed(studio.frames(both, 2, clock))
    line.pipeline.finish()
    assert store.alerts.list() == ()
    assert line.counts.faces_erased == 2


class Refuses:
    """A sink that keeps nothing from a given moment on, like a disk that is full."""

    def __init__(self, sink):
        self.sink = sink

    def raise_alert(self, alert, pictures):
        raise StorageError("The disk is full.")


def test_an_alert_that_could_not_be_kept_is_counted_as_none(
    line_of, models, watchlist, started, studio, both, store, clock
):
    line = line_of(models, watchlist, Refuses(started), clock)
    with pytest.raises(StorageError):
        line.feed(studio.frames(both, 3, clock))
    line.pipeline.abandon()
    counts = line.counts
    assert counts.faces_detected == counts.faces_compared == counts.faces_erased == 2
    assert counts.faces_alerted == 0


def test_passages_that_end_in_the_frame_that_fails_are_counted_too(
    line_of, models, watchlist, started, studio, walk, store, clock
):
    """The stranger has left, and ends in the very frame in which an alert cannot be kept."""
    line = line_of(models, watchlist, Refuses(started), clock)
    walks = [walk("stranger", 0.0, 1.0, x_px=(520, 500)), walk("listed", 2.0, 4.0)]
    with pytest.raises(StorageError):
        line.feed(studio.frames(walks, 4, clock))
    assert clock.elapsed_s == pytest.approx(2.1)
    line.pipeline.abandon()
    assert line.counts.faces_detected == 2


def test_passages_that_fail_at_the_end_of_the_stream_are_counted(
    line_of, models, watchlist, started, studio, walk, clock
):
    """A face that leaves before its shot was taken is compared last, and the alert fails."""
    line = line_of(models, watchlist, Refuses(started), clock)
    small = [walk("listed", x_px=(300, 300), face_px=(32, 32))]
    line.feed(studio.frames(small, 0.6, clock))
    with pytest.raises(StorageError):
        line.pipeline.finish()
    line.pipeline.abandon()
    assert line.counts.faces_detected == 1
