"""Figures by group: who is falsely alerted on, and who is missed, more often than others.

False positives and false negatives apart (NISTIR 8280). A group's rate is the mean over its people
of each person's own rate, since one person gives several searches. A group is compared with
everybody else by a permutation test over people, and the p-values of one comparison are adjusted
together by Holm's method.

Invariants: too few people, or too few errors to be expected of them, is "not enough data": the rate
and its interval stand, no ratio and no test does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from overt.evaluation.curves import Ranks
from overt.evaluation.intervals import (
    Interval,
    benjamini_hochberg,
    clopper_pearson,
    holm,
    percentile_interval,
    resampled_people,
)

ErrorKind: TypeAlias = Literal["false_positive", "false_negative"]

MIN_PEOPLE: Final = 30
MIN_EXPECTED_ERRORS: Final = 5.0
"""Of a group that errs as often as all do: below it even none at all would not be remarkable."""

N_PERMUTATIONS: Final = 2_000
N_BOOTSTRAP: Final = 1_000


@dataclass(frozen=True, slots=True)
class GroupRate:
    """How often one group is wrongly treated.

    Attributes:
        group: value of the column.
        n_people: whose searches they are.
        n_searches: all of them.
        n_errors: searches that went wrong.
        rate: mean over the people, 0 to 1.
        interval: bootstrap over people; of Clopper and Pearson where nothing or everything went
            wrong.
        ratio_to_best: to the lowest rate of a group with enough data; None without enough data, or
            where the lowest is 0.
        p_value: that the group differs from all others; None without enough data.
        p_holm: adjusted over the groups compared here.
        p_bh: the same by Benjamini and Hochberg.
        enough_data: whether the group can be compared.
    """

    group: str
    n_people: int
    n_searches: int
    n_errors: int
    rate: float
    interval: Interval
    ratio_to_best: float | None = None
    p_value: float | None = None
    p_holm: float | None = None
    p_bh: float | None = None
    enough_data: bool = False


@dataclass(frozen=True, slots=True)
class GroupTable:
    """The groups of one column, for one kind of error at one threshold.

    Attributes:
        column: of the labels.
        kind: which error.
        rates: by group, in the order of their names.
        spread: highest to lowest rate among groups with enough data; None for fewer than two, or
            where the lowest is 0.
        spread_interval: bootstrap over people.
        spread_if_equal: how large chance alone makes it if all groups are treated alike: median of
            random regroupings.
    """

    column: str
    kind: ErrorKind
    rates: tuple[GroupRate, ...]
    spread: float | None
    spread_interval: Interval | None
    spread_if_equal: float | None


@dataclass(frozen=True, slots=True, eq=False)
class _People:
    """Searches summed by person.

    Attributes:
        rate: n, share of each person's searches that went wrong.
        n_searches: n.
        n_errors: n.
        group: n, index.
    """

    rate: NDArray[np.float64] = field(repr=False)
    n_searches: Ranks = field(repr=False)
    n_errors: Ranks = field(repr=False)
    group: Ranks = field(repr=False)


def compare_groups(
    column: str,
    kind: ErrorKind,
    errors: NDArray[np.bool_],
    owner: Ranks,
    values: NDArray[np.str_],
    *,
    seed: int = 0,
) -> GroupTable:
    """Compare the groups of a column.

    Args:
        column: its name.
        kind: which error.
        errors: n, whether each search went wrong.
        owner: n, whose search it is.
        values: n, the group of each search; those without one are left out. A person is in the
            group of their first search.
        seed: of permutations and bootstrap.
    """
    known = values != ""
    people, names = _by_person(errors[known], owner[known], values[known])
    overall = float(people.rate.mean()) if len(people.rate) else 0.0
    enough = [_enough(people, index, overall) for index in range(len(names))]
    compared = [index for index, each in enumerate(enough) if each]
    rng = np.random.default_rng(seed)
    p_values, equal = _permute(people, compared, rng)
    drawn = _bootstrap(people, len(names), rng)
    rates = _group_means(people.rate, people.group, len(names))
    best = min((rates[index] for index in compared), default=0.0)
    adjusted = dict(zip(compared, zip(p_values, holm(p_values), benjamini_hochberg(p_values),
                                      strict=True), strict=True))  # fmt: skip
    table = tuple(
        _row(people, name, index, float(rates[index]), drawn[:, index])
        for index, name in enumerate(names)
    )
    return GroupTable(
        column,
        kind,
        tuple(
            _compared(row, best, adjusted[index]) if enough[index] else row
            for index, row in enumerate(table)
        ),
        _spread(rates[compared]),
        None if len(compared) < 2 else percentile_interval(_spreads(drawn[:, compared])),
        equal,
    )


def _by_person(
    errors: NDArray[np.bool_], owner: Ranks, values: NDArray[np.str_]
) -> tuple[_People, list[str]]:
    """Return the people, and the groups that they are in."""
    people, first, number = np.unique(owner, return_index=True, return_inverse=True)
    n_searches = np.bincount(number, minlength=len(people))
    n_errors = np.bincount(number, weights=errors, minlength=len(people)).astype(np.int64)
    names, group = np.unique(values[first], return_inverse=True)
    summed = _People(n_errors / np.maximum(n_searches, 1), n_searches, n_errors, group)
    return summed, [str(name) for name in names]


def _enough(people: _People, group: int, overall: float) -> bool:
    n = int(np.count_nonzero(people.group == group))
    return n >= MIN_PEOPLE and n * overall >= MIN_EXPECTED_ERRORS


def _group_means(rate: NDArray[np.float64], group: Ranks, n: int) -> NDArray[np.float64]:
    counts = np.bincount(group, minlength=n)
    return np.bincount(group, weights=rate, minlength=n) / np.maximum(counts, 1)


def _permute(
    people: _People, compared: Sequence[int], rng: np.random.Generator
) -> tuple[list[float], float | None]:
    """Return each group's p-value, and the median spread if groups were drawn by lot."""
    if not compared:
        return [], None
    n_groups = int(people.group.max()) + 1
    counts = np.bincount(people.group, minlength=n_groups)
    overall = people.rate.mean()
    extent = np.abs(_group_means(people.rate, people.group, n_groups) - overall)
    # Whoever never errs adds nothing to a sum: only the others need to be put into groups.
    erring = people.rate[people.rate > 0]
    means = np.empty((N_PERMUTATIONS, n_groups))
    for index in range(N_PERMUTATIONS):
        drawn = rng.choice(people.group, len(erring), replace=False)
        means[index] = np.bincount(drawn, weights=erring, minlength=n_groups) / counts
    # The mean of a group and that of all others move together: one decides for both.
    reached = np.count_nonzero(np.abs(means - overall) >= extent - 1e-12, axis=0)
    spreads = _spreads(means[:, list(compared)])
    finite = spreads[np.isfinite(spreads)]
    equal = float(np.median(finite)) if len(compared) > 1 and finite.size else None
    return [float((reached[i] + 1) / (N_PERMUTATIONS + 1)) for i in compared], equal


def _bootstrap(people: _People, n_groups: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return each group's rate in each bootstrap sample, samples × groups."""
    drawn = np.empty((N_BOOTSTRAP, n_groups))
    for group in range(n_groups):
        own = people.rate[people.group == group]
        drawn[:, group] = resampled_people(len(own), N_BOOTSTRAP, rng) @ own / len(own)
    return drawn


def _spreads(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return highest to lowest of each row; not finite where the lowest is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(rates.max(axis=1) / rates.min(axis=1))


def _spread(rates: NDArray[np.float64]) -> float | None:
    return float(rates.max() / rates.min()) if len(rates) > 1 and rates.min() > 0 else None


def _row(
    people: _People, name: str, index: int, rate: float, drawn: NDArray[np.float64]
) -> GroupRate:
    own = people.group == index
    n_people, n_errors = int(np.count_nonzero(own)), int(people.n_errors[own].sum())
    n_searches = int(people.n_searches[own].sum())
    interval = (
        clopper_pearson(n_people if n_errors else 0, n_people)
        if n_errors in {0, n_searches}
        else percentile_interval(drawn)
    )
    return GroupRate(name, n_people, n_searches, n_errors, rate, interval)


def _compared(row: GroupRate, best: float, p: tuple[float, float, float]) -> GroupRate:
    return GroupRate(
        row.group,
        row.n_people,
        row.n_searches,
        row.n_errors,
        row.rate,
        row.interval,
        ratio_to_best=row.rate / best if best > 0 else None,
        p_value=p[0],
        p_holm=p[1],
        p_bh=p[2],
        enough_data=True,
    )
