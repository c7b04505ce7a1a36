"""What is claimed of intervals, significance and regression to the mean, on known truth."""

import numpy as np
import pytest
import shapely

from overt.hotspots.evaluation import evaluate
from overt.hotspots.forecast import make_forecast
from overt.hotspots.grids import grid_for
from overt.hotspots.h3_grid import H3Grid
from overt.hotspots.hex_grid import HexGrid
from overt.hotspots.mixture import Shares
from overt.hotspots.posterior import rates
from overt.hotspots.projection import LocalPlane
from overt.hotspots.significance import significance, step_up
from overt.hotspots.study import make_study
from overt.hotspots.synthetic import CityPlan, Intervention, make_city
from overt.hotspots.timeline import make_timeline

N_MONTHS = 72


def shares_of(city, resolution="10"):
    grid = grid_for(resolution, city.events.provenance.precision)
    places = (city.events.frame[name].to_numpy() for name in ("longitude", "latitude"))
    return Shares(make_study(grid, *places), make_timeline(city.events))


def covered(plan, seed):
    """Return which cells of the city have their true rate in the 90 % interval, hottest first."""
    city = make_city(plan, seed)
    shares = shares_of(city)
    forecast = make_forecast(shares, N_MONTHS, 12)
    known = rates(forecast.expected, forecast.shape)
    truth = 12 * city.true_rates(shares.study.grid, shares.study.cells, N_MONTHS - 1, 1)
    east, north = LocalPlane(plan.longitude, plan.latitude).to_metres(
        *shares.study.grid.centres(shares.study.cells)
    )
    inside = np.maximum(np.abs(east), np.abs(north)) < plan.width_m / 2 - 150
    order = np.argsort(-forecast.expected)
    order = order[inside[order]]
    return ((known.low <= truth) & (truth <= known.high))[order]


PLANS = [
    CityPlan(),
    CityPlan(n_a_year=300),
    CityPlan(n_a_year=4_000),
    CityPlan(missing_months=(10, 11, 40, 41, 42), trend=0.9),
]


@pytest.mark.slow
def test_ninety_per_cent_intervals_hold_the_truth():
    cities = [covered(plan, seed) for plan in PLANS for seed in range(8)]
    everywhere = np.mean([cells.mean() for cells in cities])
    hottest = np.mean([cells[:200].mean() for cells in cities])
    assert 0.87 <= everywhere <= 0.93
    assert 0.87 <= hottest <= 0.93


def test_intervals_of_one_city_are_near_what_they_claim():
    cells = covered(CityPlan(), 2)
    assert cells.mean() > 0.8
    assert cells[:200].mean() > 0.8


def noise(mean_a_cell, seed, width_m):
    """Return the significance of every cell of an even city."""
    rng = np.random.default_rng(seed)
    west, north = LocalPlane(-1.5, 53.0).to_degrees(
        np.array([-width_m / 2, width_m / 2]), np.array([-width_m / 2, width_m / 2])
    )
    n = rng.poisson(mean_a_cell * width_m**2 / 8_660)
    study = make_study(
        HexGrid(),
        rng.uniform(*west, n),
        rng.uniform(*north, n),
        shapely.box(west[0], north[0], west[1], north[1]),
    )
    return significance(study, np.ones(n))


@pytest.mark.slow
@pytest.mark.parametrize("mean_a_cell", [0.01, 0.05, 0.5])
def test_pure_noise_shows_no_hotspot(mean_a_cell):
    maps = [noise(mean_a_cell, seed, 12_000.0).is_hot.any() for seed in range(20)]
    assert sum(maps) <= 1


def test_pure_noise_in_a_small_city_shows_no_hotspot():
    assert not any(noise(0.01, seed, 6_000.0).is_hot.any() for seed in range(5))


def test_a_planted_spot_is_found():
    rng = np.random.default_rng(1)
    spots = rng.uniform(-0.02, 0.02, (10, 2))
    noise_places = rng.uniform(-0.04, 0.04, (700, 2))
    places = np.vstack([noise_places, np.repeat(spots, 15, axis=0)])
    study = make_study(H3Grid(10), -1.5 + places[:, 0], 53.0 + places[:, 1])
    found = significance(study, np.ones(len(places)))
    planted = np.unique(study.cell_of[len(noise_places) :])
    assert found.is_hot[planted].all()
    assert found.is_hot.sum() <= len(planted) + 1


def test_step_up_is_that_of_benjamini_and_hochberg():
    """The example of their paper (1995): of 15 tests, the 4 least are rejected at 5 %."""
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
                0.4262, 0.5719, 0.6528, 0.7590, 1.000]  # fmt: skip
    q_values = step_up(np.array(p_values))
    assert (q_values <= 0.05).sum() == 4
    assert (np.diff(q_values) >= 0).all()


def test_regression_to_the_mean_is_foretold():
    city = make_city(CityPlan(n_a_year=800, n_months=120), 9)
    found = evaluate(shares_of(city), [60, 72, 84, 96, 108], 12, [0.005])
    fall, observed = 1 - found.predicted_ratio, 1 - found.observed_ratio
    assert observed > 0.3
    assert fall == pytest.approx(observed, rel=0.1)


def test_overt_tells_more_than_every_baseline():
    found = evaluate(shares_of(make_city(CityPlan(), 4)), [48, 60], 12, [0.005, 0.05])
    bits = {row.method: row.bits_per_event for row in found.rows}
    assert bits.pop("overt") > max(bits.values())


def test_an_intervention_changes_the_truth_and_the_data():
    plan = CityPlan(n_a_year=4_000, intervention=Intervention(month=36, n_places=50, effect=0.5))
    city = make_city(plan, 3)
    study = shares_of(city).study
    before = city.true_rates(study.grid, study.cells, 24, 12)
    after = city.true_rates(study.grid, study.cells, 36, 12)
    assert before.sum() == pytest.approx(4_000, rel=0.01)
    saved = city.rates[city.worst].sum() / 2
    assert before.sum() - after.sum() == pytest.approx(saved, rel=0.02)


def test_a_snapped_city_is_found_out_and_its_months_are_missing():
    city = make_city(CityPlan(snap_m=150.0, missing_months=(5,)), 1)
    assert city.events.provenance.precision.finest_resolution == 9
    states = [month.state for month in city.events.provenance.coverage]
    assert states.count("missing") == 1


def test_the_same_seed_gives_the_same_city():
    first, again = make_city(CityPlan(), 1), make_city(CityPlan(), 1)
    assert first.events.frame.equals(again.events.frame)
    assert not first.events.frame.equals(make_city(CityPlan(), 2).events.frame)
