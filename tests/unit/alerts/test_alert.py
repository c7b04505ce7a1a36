import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from overt.alerts.alert import Alert, AlertPictures, FalseAlertRate, new_alert_id
from overt.alerts.facts import facts_sha256
from overt.core.ids import AlertId, CameraId, DeploymentId, EntryId, TrackId

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALERT = Alert(
    id=AlertId("a-1"),
    deployment=DeploymentId("d-1"),
    camera=CameraId("gate"),
    entry=EntryId("e-1"),
    track=TrackId(3),
    captured_utc=NOON,
    media_time_s=1.5,
    frame_sequence=45,
    similarity=0.61,
    threshold=0.5,
    margin=0.1,
    n_shots=2,
    calibrated_rate=FalseAlertRate(20_000, "evaluation"),
    latency_s=0.031,
    face_box_px=(10, 20, 60, 90),
)


def test_an_alert_says_possible_match_and_nothing_more():
    assert ALERT.words == "possible match"


def test_a_rate_reads_as_one_in_so_many():
    assert str(ALERT.calibrated_rate) == "1 in 20,000"


def test_a_rate_is_one_in_one_or_more():
    with pytest.raises(ValueError):
        FalseAlertRate(0, "evaluation")


@pytest.mark.parametrize(
    "changes",
    [
        {"captured_utc": datetime(2026, 1, 1)},  # noqa: DTZ001  the point
        {"n_shots": 0},
        {"n_repeats": 1},
        {"n_repeats": 1, "last_repeat_utc": NOON},
        {"last_repeat_utc": NOON},
        {"last_repeat_similarity": 0.6},
    ],
)
def test_an_alert_that_contradicts_itself_is_refused(changes):
    with pytest.raises(ValueError):
        replace(ALERT, **changes)


GOOD = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
)
def test_what_is_no_picture_is_refused(bad):
    with pytest.raises(ValueError, match="face: expected"):
        AlertPictures(bad, GOOD)
    with pytest.raises(ValueError, match="scene: expected"):
        AlertPictures(GOOD, bad)


def test_ids_are_random_and_say_nothing():
    ids = {new_alert_id() for _ in range(100)}
    assert len(ids) == 100
    assert {len(alert_id) for alert_id in ids} == {32}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": AlertId("a-2")},
        {"deployment": DeploymentId("d-2")},
        {"camera": CameraId("yard")},
        {"entry": EntryId("e-2")},
        {"track": TrackId(4)},
        {"captured_utc": NOON.replace(minute=1)},
        {"media_time_s": 1.6},
        {"frame_sequence": 46},
        {"similarity": 0.62},
        {"threshold": 0.51},
        {"margin": None},
        {"n_shots": 3},
        {"calibrated_rate": None},
        {"calibrated_rate": FalseAlertRate(20_000, "another")},
        {"latency_s": 0.032},
        {"face_box_px": (10, 20, 60, 91)},
    ],
)
def test_the_digest_commits_to_every_fact(changes):
    assert facts_sha256(replace(ALERT, **changes)) != facts_sha256(ALERT)


def test_the_digest_stays_when_a_repeat_is_folded_in():
    repeated = replace(ALERT, n_repeats=1, last_repeat_utc=NOON, last_repeat_similarity=0.7)
    assert facts_sha256(repeated) == facts_sha256(ALERT)


def test_the_digest_is_over_these_bytes():
    # Changing them would make every ledger that was written before disagree with its alerts.
    facts = (
        b'{"alert":"a-1","calibrated_rate":{"one_in":20000,"source":"evaluation"},'
        b'"camera":"gate","captured_utc":"2026-01-01T12:00:00.000Z","deployment":"d-1",'
        b'"entry":"e-1","face_box_px":[10,20,60,90],"frame_sequence":45,"latency_us":31000,'
        b'"margin_micro":100000,"media_time_us":1500000,"n_shots":2,'
        b'"similarity_micro":610000,"threshold_micro":500000,"track":3}'
    )
    assert facts_sha256(ALERT) == hashlib.sha256(facts).hexdigest()
