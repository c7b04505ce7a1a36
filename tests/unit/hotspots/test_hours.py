from datetime import datetime

import numpy as np
import polars as pl
import pytest

from overt.core.errors import InputError
from overt.hotspots.events import EventSet
from overt.hotspots.hours import N_HOURS, log_odds, peak, smooth, week_hours
from overt.hotspots.synthetic import CityPlan, make_city, night_hours
from overt.hotspots.timetable import make_timetable

CITY = make_city(CityPlan(n_a_year=600, n_months=60), 1)


def with_times(*spans):
    """Return events of these beginnings, ends and precisions."""
    at = datetime.fromisoformat
    frame = CITY.events.frame.head(len(spans)).with_columns(
        begins=pl.Series([at(b) for b, _, _ in spans], dtype=pl.Datetime("us")),
        ends=pl.Series([at(e) for _, e, _ in spans], dtype=pl.Datetime("us")),
        time_precision=pl.Series([p for _, _, p in spans]),
    )
    return EventSet(frame, CITY.events.provenance)


# 2024-01-01 was a Monday.
@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        ("2024-01-01 00:30", "2024-01-01 00:30", {0: 1.0}),
        ("2024-01-07 23:59", "2024-01-07 23:59", {167: 1.0}),
        ("2024-01-02 10:30", "2024-01-02 12:30", {34: 0.25, 35: 0.5, 36: 0.25}),
        ("2024-01-02 10:00", "2024-01-02 12:00", {34: 0.5, 35: 0.5}),
        ("2024-01-07 23:00", "2024-01-08 01:00", {167: 0.5, 0: 0.5}),
        ("2024-01-02 10:15", "2024-01-02 10:20", {34: 1.0}),
    ],
)
def test_an_interval_is_shared_between_its_hours(begins, ends, expected):
    hours = week_hours(with_times((begins, ends, "interval")))
    profile = hours.profile(np.ones(1))
    assert {int(h): profile[h] for h in np.flatnonzero(profile)} == pytest.approx(expected)


def test_a_month_tells_no_hour_and_a_long_interval_tells_little():
    spans = [
        ("2024-01-01", "2024-02-01", "month"),
        ("2024-01-01", "2024-03-01", "interval"),
        ("2024-01-02", "2024-01-03", "day"),
    ]
    hours = week_hours(with_times(*spans))
    assert hours.n_without == 1
    profile = hours.profile(np.ones(3))
    assert profile.sum() == pytest.approx(2)
    assert profile[24:48] == pytest.approx(1 / 24 + 1 / N_HOURS)
    assert profile[48:] == pytest.approx(1 / N_HOURS)
    with pytest.raises(InputError, match="months tell no hours"):
        week_hours(with_times(spans[0]))


def test_smoothing_goes_around_the_week_and_keeps_the_sum():
    profile = np.zeros(N_HOURS)
    profile[0] = 10
    smoothed = smooth(profile, 2.0)
    assert smoothed.sum() == pytest.approx(10)
    assert smoothed[1] == pytest.approx(smoothed[-1])
    assert smooth(np.roll(profile, 50), 2.0) == pytest.approx(np.roll(smoothed, 50), abs=1e-9)


def test_a_peak_may_lie_over_the_end_of_the_week():
    profile = np.zeros(N_HOURS)
    profile[[166, 167, 0, 1]] = 0.25
    found = peak(profile, 4)
    assert (found.start, found.share) == (166, pytest.approx(1))
    assert str(found) == "Sun 22:00 to Mon 02:00"


def test_only_clear_data_speak_for_a_profile_of_its_own():
    rng = np.random.default_rng(2)
    above = np.full((1, N_HOURS), 1 / N_HOURS)
    alike = [log_odds(rng.multinomial(60, above[0])[np.newaxis].astype(float), above)[0]
             for _ in range(200)]  # fmt: skip
    assert np.mean(np.array(alike) > np.log(10)) < 0.02
    own = np.zeros((1, N_HOURS))
    own[0, 40:48] = 8
    assert log_odds(own, above)[0] > np.log(10)
    assert log_odds(np.zeros((1, N_HOURS)), above)[0] == pytest.approx(0)


def test_the_nights_of_the_city_are_found():
    table = make_timetable(CITY.events, "10", n_top=20, n_hours=8)
    night = np.flatnonzero(night_hours())
    assert table.force_peak.start in set(night) - set(night + 1) | {night[0] - 1, night[0] + 1}
    scores = {score.method: score.bits_per_event for score in table.scores}
    assert scores["pooled"] >= scores["force"] - 0.02
    assert scores["pooled"] > scores["smoothed cell"] > scores["raw cell"]
    # All places of this city have the same hours, so none has its own.
    assert sum(cell.is_own for cell in table.cells) <= 1
    assert sum(table.cells[0].profile) == pytest.approx(1, abs=1e-3)
