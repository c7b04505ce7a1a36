"""Rates and thresholds, beside a slow second implementation of plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.evaluation.curves import (
    FAILED,
    above,
    allowed,
    bootstrap_rates,
    bootstrap_thresholds,
    cmc,
    det_curve,
    det_rates,
    histogram,
    rate_at,
    threshold_at,
)

SCORES = st.lists(
    st.one_of(st.floats(-1, 1), st.sampled_from([FAILED, 0.5, 0.25])), min_size=1, max_size=60
)
RATES = st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 1.0])


def slow_rate(scores, threshold):
    return sum(1 for score in scores if score >= threshold) / len(scores)


def slow_threshold(scores, rate):
    """Try every threshold that could matter, from the least."""
    candidates = sorted({above(score) for score in scores if score > FAILED})
    if slow_rate([s for s in scores if s > FAILED] + [FAILED], -10) * (len(scores)) == 0:
        return FAILED
    real = [score for score in scores if score > FAILED]
    if len(real) <= math.floor(rate * len(scores) + 1e-9):
        return FAILED
    return next(
        t for t in candidates if slow_rate(scores, t) * len(scores) <= allowed(len(scores), rate)
    )


@given(SCORES, RATES)
def test_a_threshold_is_that_of_the_second_implementation(scores, rate):
    assert threshold_at(np.array(scores), rate) == slow_threshold(scores, rate)


@given(SCORES, RATES)
def test_a_threshold_keeps_its_rate_and_is_a_whole_number_of_millionths(scores, rate):
    threshold = threshold_at(np.array(scores), rate)
    assert slow_rate(scores, max(threshold, -2)) <= rate + 1e-9 or threshold == FAILED
    if threshold > FAILED:
        assert threshold == round(threshold * 1e6) / 1e6


@given(SCORES, SCORES)
def test_a_curve_is_that_of_the_second_implementation_and_falls(mated, nonmated):
    points = det_curve(np.array(mated), np.array(nonmated), det_rates(len(nonmated)))
    for point in points:
        assert point.fpir == pytest.approx(slow_rate(nonmated, point.threshold), abs=1e-9)
        assert point.fnir == pytest.approx(1 - slow_rate(mated, point.threshold), abs=1e-9)
    assert [p.fpir for p in points] == sorted(p.fpir for p in points)
    assert [p.fnir for p in points] == sorted((p.fnir for p in points), reverse=True)


def test_three_of_three_thousand_are_one_in_a_thousand():
    assert allowed(3000, 0.001) == 3
    assert allowed(2999, 0.001) == 2


def test_failed_searches_stay_in_the_denominator():
    assert rate_at(np.array([0.9, FAILED, FAILED, FAILED]), 0.5) == 0.25


def test_no_search_gives_no_rate():
    assert math.isnan(rate_at(np.zeros(0), 0.5))
    with pytest.raises(ValueError, match="at least one search"):
        threshold_at(np.zeros(0), 0.5)


def test_ranks():
    assert cmc(np.array([1, 1, 3, 0]), 3) == [0.5, 0.5, 0.75]
    assert cmc(np.zeros(0, np.int64), 3) == []


def test_a_histogram_holds_everything_that_did_not_fail():
    edges = np.linspace(0, 1, 3)
    assert histogram(np.array([-1.0, 0.1, 0.7, 2.0, FAILED]), edges) == [2, 2]


@given(SCORES, st.lists(st.integers(0, 4), min_size=60, max_size=60), RATES, st.randoms())
def test_a_bootstrap_sample_is_the_repeated_list(scores, owners, rate, random):
    owner = np.array(owners[: len(scores)])
    weights = np.array([[random.randint(0, 3) for _ in range(5)] for _ in range(3)], float)
    nonmated = np.array(scores)
    thresholds = bootstrap_thresholds(nonmated, owner, weights, rate)
    rates = bootstrap_rates(nonmated, owner, weights, np.array([0.3]))
    for sample, drawn in enumerate(weights):
        repeated = [s for s, o in zip(scores, owner, strict=True) for _ in range(int(drawn[o]))]
        if not repeated:
            assert math.isnan(rates[sample])
            continue
        assert rates[sample] == pytest.approx(slow_rate(repeated, 0.3), abs=1e-9)
        expected = threshold_at(np.array(repeated), rate)
        if expected == FAILED:
            assert thresholds[sample] == FAILED
        else:
            assert expected - 2e-6 <= thresholds[sample] <= expected
