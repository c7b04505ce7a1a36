import numpy as np
import pytest

from overt.hotspots.forecast import fit_correction, make_forecast
from overt.hotspots.h3_grid import H3Grid
from overt.hotspots.mixture import (
    FLOOR,
    Component,
    Shares,
    Window,
    components_for,
    fit_weights,
    mix,
    with_floor,
)
from overt.hotspots.study import make_study
from overt.hotspots.synthetic import CityPlan, make_city
from overt.hotspots.timeline import make_timeline

RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def shares():
    events = make_city(CityPlan(n_a_year=600, n_months=48, missing_months=(20, 21)), 5).events
    places = (events.frame[name].to_numpy() for name in ("longitude", "latitude"))
    return Shares(make_study(H3Grid(10), *places), make_timeline(events))


def random_window(n_components=4, n_cells=300, n_events=2_000, weights=(0.5, 0.3, 0.1, 0.1)):
    shares = RNG.dirichlet(np.full(n_cells, 0.3), n_components)
    shares[-1] = 1 / n_cells
    forecast = with_floor(np.array(weights) @ shares, shares[-1])
    counts = RNG.multinomial(n_events, forecast).astype(float)
    return Window(shares, np.ones(n_components), counts)


def likelihood(weights, windows):
    return sum(
        w.counts @ np.log(with_floor(mix(weights, w.shares, w.trust), w.shares[-1]))
        for w in windows
    )


def test_weights_that_made_the_data_are_found():
    fitted = fit_weights([random_window() for _ in range(3)])
    np.testing.assert_allclose(fitted, [0.5, 0.3, 0.1, 0.1], atol=0.04)


def test_no_other_weights_are_likelier():
    windows = [random_window(), random_window(n_events=500)]
    windows.append(Window(windows[0].shares, np.array([2.0, 1.0, 1.0, 1.0]), windows[0].counts))
    fitted = fit_weights(windows)
    best = likelihood(fitted, windows)
    for other in RNG.dirichlet(np.ones(4), 200):
        near = 0.95 * fitted + 0.05 * other
        assert likelihood(near, windows) <= best + 1e-3


def test_nothing_happened_gives_equal_weights():
    window = random_window()
    none = Window(window.shares, window.trust, np.zeros_like(window.counts))
    assert fit_weights([none]) == pytest.approx(0.25)


@pytest.mark.parametrize("component", components_for(48), ids=str)
def test_each_component_is_a_share(shares, component):
    share = shares.share(component, 36)
    assert share.sum() == pytest.approx(1)
    assert (share >= 0).all()
    assert (shares.sampling(component, 36) >= 0).all()


def test_a_component_knows_nothing_of_what_comes(shares):
    later = shares.timeline.months >= 30
    timeline = make_timeline(
        make_city(CityPlan(n_a_year=600, n_months=48, missing_months=(20, 21)), 5).events
    )
    timeline.months[later] = 47.5
    other = Shares(shares.study, timeline)
    for component in (Component("own", 24.0), Component("kernel", 72.0, 150.0), FLOOR):
        np.testing.assert_array_equal(shares.share(component, 30), other.share(component, 30))


def test_a_kernel_keeps_its_mass_even_if_narrower_than_a_cell(shares):
    weights = shares.timeline.counts_in(0, 48)
    for bandwidth_m in (80.0, 150.0, 400.0):
        mass = shares.study.smoothed(weights, bandwidth_m).sum()
        # What is lost has left the area, 1 km around the offences.
        assert 0.97 * weights.sum() < mass < 1.001 * weights.sum()


def test_the_sampling_deviation_is_that_of_redrawn_offences(shares):
    """Poisson bootstrap of the offences, beside the closed form."""
    component = Component("kernel", 72.0, 400.0)
    weights = shares.timeline.weights(48, 72.0)
    draws = np.stack(
        [
            shares.study.smoothed(weights * RNG.poisson(1, weights.size), 400.0) / weights.sum()
            for _ in range(60)
        ]
    )
    busy = np.argsort(-shares.share(component, 48))[:300]
    ratio = shares.sampling(component, 48)[busy] / draws.std(axis=0)[busy]
    assert np.median(ratio) == pytest.approx(1, abs=0.1)


def test_a_forecast_is_a_share_and_expects_what_was_usual(shares):
    forecast = make_forecast(shares, 48, 12)
    assert forecast.share.sum() == pytest.approx(1)
    assert forecast.learnt.weights(shares, 48).sum() == pytest.approx(1)
    assert forecast.learnt.busy.sum() == pytest.approx(1)
    assert forecast.expected.sum() == pytest.approx(600, rel=0.15)
    assert (forecast.shape > 0).all()


def test_a_missing_month_lowers_no_rate():
    whole = make_timeline(make_city(CityPlan(n_months=36), 1).events)
    gap = make_timeline(make_city(CityPlan(n_months=36, missing_months=(30, 31, 32)), 1).events)
    assert gap.expected(36, 12, 12) == pytest.approx(whole.expected(36, 12, 12), rel=0.1)
    assert gap.weights(36, 24.0).sum() == pytest.approx(whole.weights(36, 24.0).sum(), rel=0.1)
    assert gap.share_covered(24, 36) == pytest.approx(0.75)


def test_a_correction_moves_bands_towards_what_came():
    share = np.sort(RNG.dirichlet(np.full(500, 0.2)))
    tilted = share**0.7 / (share**0.7).sum()
    counts = RNG.multinomial(50_000, share).astype(float)
    corrected = fit_correction([tilted], [counts]).apply(tilted)
    assert corrected.sum() == pytest.approx(1)
    assert np.abs(corrected - share).sum() < 0.4 * np.abs(tilted - share).sum()
