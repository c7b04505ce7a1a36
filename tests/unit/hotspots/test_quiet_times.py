"""Windows without an offence: what cannot be said is refused, and nothing comes out infinite."""

import numpy as np
import pytest

from overt.core.errors import InputError
from overt.hotspots.evaluation import evaluate
from overt.hotspots.forecast import make_forecast
from overt.hotspots.h3_grid import H3Grid
from overt.hotspots.mixture import Shares
from overt.hotspots.study import make_study
from overt.hotspots.timeline import Timeline

N_MONTHS = 48
RNG = np.random.default_rng(11)


def shares_of(*months):
    """Return shares of one offence at the middle of each of these months, all covered."""
    n = len(months)
    longitude, latitude = RNG.normal(0, 0.005, n), RNG.normal(51.5, 0.005, n)
    covered = np.ones((1, N_MONTHS), bool)
    timeline = Timeline(24_240, N_MONTHS, np.array(months) + 0.5, np.zeros(n, np.int64), covered)
    return Shares(make_study(H3Grid(9), longitude, latitude), timeline)


def test_no_rank_is_made_of_nothing_expected():
    shares = shares_of(*range(36))
    with pytest.raises(InputError, match="last 12 months supplied before 2024-01"):
        make_forecast(shares, N_MONTHS, 12)


def test_one_offence_of_late_is_enough_to_expect_some():
    forecast = make_forecast(shares_of(*range(37)), N_MONTHS, 12)
    assert forecast.total == pytest.approx(1)
    assert np.isfinite(forecast.shape).all()
    assert (forecast.expected > 0).all()


@pytest.mark.parametrize(
    ("quiet", "named"), [(range(42, 45), "2023-07"), (range(45, 48), "2023-10")]
)
def test_no_fall_is_told_of_a_window_without_an_offence(quiet, named):
    shares = shares_of(*(month for month in range(N_MONTHS) if month not in quiet))
    with pytest.raises(InputError, match=f"no offence in the window from {named}"):
        evaluate(shares, [45], 3, [0.01])


def test_a_window_after_a_quiet_year_is_learnt_from():
    shares = shares_of(*range(12), *range(24, N_MONTHS))
    assert {past.start for past in make_forecast(shares, 36, 12).past} == {24}
    found = evaluate(shares, [36], 12, [0.01])
    assert np.isfinite(found.predicted_ratio)
    assert found.falls[0].predicted > 0
