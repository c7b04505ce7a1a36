"""The budget: the bound holds over random splits, is not empty, and is refused when it must be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from overt.core.errors import InputError
from overt.evaluation.budget import (
    Budget,
    SupportedThreshold,
    TooLittleEvidence,
    may_reach,
    n_needed,
    of_deployment,
    supported_threshold,
)
from overt.evaluation.curves import FAILED
from overt.evaluation.intervals import upper_bound


@given(st.integers(1, 20_000), st.floats(0.0005, 0.3), st.floats(0.5, 0.99))
def test_so_many_may_reach_it_and_not_one_more(n, fpir, confidence):
    budget = Budget(fpir, confidence)
    most = may_reach(n, budget)
    if most is None:
        assert upper_bound(0, n, confidence) > fpir
        assert n_needed(budget) > n
    else:
        assert upper_bound(most, n, confidence) <= fpir
        assert most == n or upper_bound(most + 1, n, confidence) > fpir


def test_the_rule_of_three():
    assert n_needed(Budget(0.001)) == 2995
    assert n_needed(Budget(0.01)) == 299


@pytest.mark.parametrize("fpir", [0.01, 0.03])
@pytest.mark.parametrize("list_size", [10, 100, 1000])
def test_over_random_splits_the_bound_is_exceeded_in_at_most_one_in_twenty(fpir, list_size):
    """The best of n strangers' scores: known to the last digit, so the true rate is known too."""
    rng = np.random.default_rng(7)
    budget, n_exceeded, distance = Budget(fpir), 0, []
    truth = stats.norm(0, 0.1)
    best_possible = truth.ppf((1 - fpir) ** (1 / list_size))
    for _ in range(200):
        scores = truth.ppf(rng.uniform(size=1000) ** (1 / list_size))
        found = supported_threshold(scores, budget)
        assert isinstance(found, SupportedThreshold)
        assert isinstance(found, SupportedThreshold)
        true_rate = 1 - truth.cdf(found.threshold) ** list_size
        n_exceeded += true_rate > found.bound
        distance.append(found.threshold - best_possible)
    assert stats.binom.sf(n_exceeded - 1, 200, 0.05) > 0.01
    assert np.median(distance) < 0.03


def test_too_little_evidence_says_how_much_would_do():
    found = supported_threshold(np.linspace(0, 0.5, 200), Budget(0.001))
    assert isinstance(found, TooLittleEvidence)
    assert (found.n_searches, found.n_needed) == (200, 2995)
    with pytest.raises(InputError):
        supported_threshold(np.zeros(0), Budget(0.001))


def test_searches_that_failed_raise_no_alert_and_count():
    scores = np.full(400, FAILED)
    found = supported_threshold(scores, Budget(0.01))
    assert isinstance(found, SupportedThreshold)
    assert (found.n_searches, found.n_reached) == (400, 0)


def test_a_deployment_states_its_budget_in_alerts():
    budget = of_deployment(15_000, 1, 0.95, 0.95)
    assert stats.poisson.cdf(1, budget.fpir * 15_000) == pytest.approx(0.95, abs=1e-6)
    for bad in ((0, 1, 0.95), (10, -1, 0.95), (10, 1, 1.0)):
        with pytest.raises(ValueError, match="expected"):
            of_deployment(*bad, 0.95)


@pytest.mark.parametrize("bad", [(0.0, 0.9), (1.0, 0.9), (0.1, 1.0), (0.1, 0.1)])
def test_a_budget_has_ranges(bad):
    with pytest.raises(ValueError, match="expected"):
        Budget(*bad)
