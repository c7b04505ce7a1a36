import numpy as np
import pytest

from overt.hotspots.metrics import bits_per_event, calibration, hits_at

RNG = np.random.default_rng(11)


def test_pai_and_pei_by_hand():
    """Four cells of one area; the densest half has 6 of 10 offences, the best half 9."""
    hits = hits_at(
        np.array([4.0, 3.0, 2.0, 1.0]), np.array([5.0, 1.0, 4.0, 0.0]), np.ones(4), area_share=0.5
    )
    assert (hits.area_share, hits.hit_rate) == (0.5, 0.6)
    assert hits.pai == pytest.approx(1.2)
    assert hits.pei == pytest.approx(6 / 9)


def test_density_and_not_the_count_is_chosen():
    hits = hits_at(np.array([3.0, 2.0]), np.array([0.0, 1.0]), np.array([3.0, 1.0]), 0.25)
    assert hits.hit_rate == 1


def test_equal_cells_are_taken_in_no_order():
    counts = RNG.poisson(1, 100).astype(float)
    for order in (np.arange(100), RNG.permutation(100)):
        hits = hits_at(np.ones(100), counts[order], np.ones(100), 0.2)
        assert hits.hit_rate == pytest.approx(0.2)


def test_a_perfect_choice_has_pei_one():
    counts = RNG.poisson(0.3, 500).astype(float)
    assert hits_at(counts, counts, np.ones(500), 0.05).pei == pytest.approx(1)


def test_the_uniform_forecast_tells_nothing_and_a_doubled_density_one_bit():
    uniform, counts = np.full(8, 1 / 8), np.array([1.0, 2, 0, 0, 0, 0, 0, 0])
    assert bits_per_event(uniform, counts, uniform) == pytest.approx(0)
    sharp = np.array([0.25, 0.25, 0.25, 0.25, 0, 0, 0, 0])
    assert bits_per_event(sharp, counts, uniform) == pytest.approx(np.log2(0.98 * 2 + 0.02))


def test_an_impossible_offence_costs_but_is_finite():
    uniform, counts = np.full(4, 1 / 4), np.array([1.0, 0, 0, 0])
    sure = np.array([0.0, 1, 0, 0])
    assert bits_per_event(sure, counts, uniform) == pytest.approx(np.log2(0.02))


def test_a_true_forecast_is_calibrated():
    expected = RNG.gamma(0.3, 1, 5_000)
    bins = calibration(expected, RNG.poisson(expected).astype(float))
    assert sum(b.n_cells for b in bins) == 5_000
    assert sum(b.low <= b.observed <= b.high for b in bins) >= 7
