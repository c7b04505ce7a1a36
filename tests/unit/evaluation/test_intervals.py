"""Intervals beside SciPy's own, and corrections beside their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from overt.evaluation.intervals import (
    benjamini_hochberg,
    clopper_pearson,
    holm,
    percentile_interval,
    resampled_people,
    upper_bound,
    wilson,
)

COUNTS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
P_VALUES = st.lists(st.floats(0, 1), max_size=12)


@given(COUNTS)
def test_intervals_are_those_of_the_second_implementation(counts):
    k, n = counts
    tested = stats.binomtest(k, n)
    for method, own in (("exact", clopper_pearson(k, n)), ("wilson", wilson(k, n))):
        expected = tested.proportion_ci(0.95, method=method)
        assert own.low == pytest.approx(expected.low, abs=1e-9)
        assert own.high == pytest.approx(expected.high, abs=1e-9)


@given(COUNTS)
def test_the_one_sided_bound_is_the_rate_at_which_so_few_are_rare(counts):
    k, n = counts
    bound = upper_bound(k, n)
    if k == n:
        assert bound == 1
    else:
        assert stats.binom.cdf(k, n, bound) == pytest.approx(0.05, abs=1e-9)


def test_nothing_seen_says_nothing():
    assert (clopper_pearson(0, 0).low, clopper_pearson(0, 0).high) == (0, 1)
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)
    assert (percentile_interval(np.zeros(0)).low, percentile_interval(np.zeros(0)).high) == (0, 1)
    with pytest.raises(ValueError, match="k ≤ n"):
        wilson(2, 1)


def test_zero_of_three_thousand_only_shows_less_than_one_in_a_thousand():
    assert upper_bound(0, 3000) == pytest.approx(0.000998, abs=1e-6)


@given(P_VALUES)
def test_holm_is_its_definition(p_values):
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    expected = [0.0] * len(p_values)
    for rank, index in enumerate(order):
        expected[index] = max(
            min(1.0, (len(p_values) - j) * p_values[order[j]]) for j in range(rank + 1)
        )
    assert holm(p_values) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_benjamini_hochberg_is_that_of_scipy(p_values):
    expected = stats.false_discovery_control(p_values)
    assert benjamini_hochberg(p_values) == pytest.approx(expected, abs=1e-12)


def test_people_are_drawn_with_replacement():
    drawn = resampled_people(7, 50, np.random.default_rng(1))
    assert drawn.shape == (50, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert resampled_people(0, 3, np.random.default_rng(1)).shape == (3, 0)
