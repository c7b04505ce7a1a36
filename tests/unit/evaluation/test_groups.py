"""Groups: who differs, who does not, and where data do not suffice."""

import numpy as np
import pytest

from overt.evaluation.groups import compare_groups


def people(rates, n_each, n_searches=4, seed=1):
    """Return errors, owners and groups: each person of a group errs at the group's rate."""
    rng = np.random.default_rng(seed)
    errors, owner, group = [], [], []
    for name, rate in rates.items():
        for _ in range(n_each):
            person = len(set(owner))
            wrong = rng.uniform(size=n_searches) < rate
            errors += wrong.tolist()
            owner += [person] * n_searches
            group += [name] * n_searches
    return np.array(errors), np.array(owner), np.array(group)


def test_a_group_that_differs_is_found_and_the_others_are_not_accused():
    table = compare_groups(
        "site", "false_positive", *people({"a": 0.1, "b": 0.1, "c": 0.1, "d": 0.3}, 150)
    )
    by_name = {each.group: each for each in table.rates}
    assert by_name["d"].p_holm < 0.01
    assert by_name["d"].ratio_to_best > 2
    assert table.spread == max(each.ratio_to_best for each in table.rates)
    assert table.spread_interval.low < table.spread < table.spread_interval.high
    assert table.spread_if_equal < table.spread


def test_equal_groups_are_seldom_accused():
    accused = 0
    for seed in range(25):
        table = compare_groups(
            "site", "false_positive", *people({"a": 0.2, "b": 0.2, "c": 0.2}, 40, 2, seed)
        )
        accused += any(each.p_holm < 0.05 for each in table.rates)
    assert accused <= 4


def test_rates_are_means_over_people():
    errors = np.array([True, True, True, False])
    table = compare_groups(
        "x", "false_negative", errors, np.array([0, 0, 0, 1]), np.array(["a"] * 4)
    )
    assert table.rates[0].rate == pytest.approx(0.5)
    assert (table.rates[0].n_errors, table.rates[0].n_searches) == (3, 4)


@pytest.mark.parametrize("n_each", [5, 29])
def test_too_few_people_are_not_compared(n_each):
    table = compare_groups("x", "false_positive", *people({"a": 0.5, "b": 0.5}, n_each))
    assert [each.enough_data for each in table.rates] == [False, False]
    assert [each.ratio_to_best for each in table.rates] == [None, None]
    assert table.spread is None


def test_a_rate_too_low_for_the_number_of_people_is_not_compared():
    errors, owner, group = people({"a": 0, "b": 0}, 100)
    errors[0] = True
    table = compare_groups("x", "false_positive", errors, owner, group)
    assert not any(each.enough_data for each in table.rates)
    assert table.rates[1].interval.low == 0
    assert table.rates[1].interval.high == pytest.approx(0.0362, abs=1e-4)


def test_searches_without_a_label_are_in_no_group():
    errors, owner, group = people({"a": 0.5, "": 0.5}, 40)
    table = compare_groups("x", "false_positive", errors, owner, group)
    assert [each.group for each in table.rates] == ["a"]
