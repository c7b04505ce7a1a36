"""A threshold from a budget of false alerts, and how sure that is; or a plain refusal.

    budget: at most so many false alerts in so many faces
    → non-mated searches of this very list → a bound on the rate at each threshold → the least
      threshold whose bound keeps the budget

The bound is the exact one-sided one of Clopper and Pearson on how many strangers reached the
threshold, for any distribution. Where counts run out the budget is refused: a tail fitted to the
highest scores was exceeded in 7 of 100 splits where 5 are allowed, and is not used.

Choosing the threshold from the same searches that bound it would make the bound too low. So the
count is fixed beforehand: it is the largest number of strangers that may reach the threshold such
that its bound still keeps the budget, which depends on the number of searches alone; the threshold
is then an order statistic, and the bound is exact (a tolerance limit: Wilks 1941).

Invariants: one search a person; a search that failed is one that raised no alert; a budget that the
evidence cannot bear is refused, with how many strangers would suffice.
Must not: use anybody's group.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import poisson

from overt.core.errors import InputError
from overt.evaluation.curves import FAILED, ScoreArray, above
from overt.evaluation.intervals import upper_bound

MAX_SEARCHES: Final = 10**9


@dataclass(frozen=True, slots=True)
class Budget:
    """What is asked for.

    Attributes:
        fpir: false alerts for each face, at most.
        confidence: with which the bound holds, one-sided.
    """

    fpir: float
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Check the ranges once, here."""
        if not 0 < self.fpir < 1 or not 0.5 <= self.confidence < 1:
            raise ValueError("expected 0 < fpir < 1 and 0.5 ≤ confidence < 1")


def of_deployment(n_faces: int, n_alerts: int, probability: float, confidence: float) -> Budget:
    """Return the budget of at most ``n_alerts`` false alerts among ``n_faces`` with a probability.

    The rate is the highest at which the number of false alerts, a Poisson count, stays within
    ``n_alerts`` with that probability.

    Raises:
        ValueError: the numbers are none.
    """
    if n_faces < 1 or n_alerts < 0 or not 0 < probability < 1:
        raise ValueError("expected n_faces ≥ 1, n_alerts ≥ 0 and a probability")
    low, high = 0.0, float(n_faces)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if poisson.cdf(n_alerts, middle) >= probability else (low, middle)
        )
    return Budget(low / n_faces, confidence)


@dataclass(frozen=True, slots=True)
class SupportedThreshold:
    """What the evidence supports.

    Attributes:
        threshold: least score that raises an alert, in whole millionths.
        bound: on the FPIR there, one-sided, at the budget's confidence.
        n_searches: strangers, each searched once.
        n_reached: of them, those who reach the threshold.
    """

    threshold: float
    bound: float
    n_searches: int
    n_reached: int


@dataclass(frozen=True, slots=True)
class TooLittleEvidence:
    """The evidence cannot bear the budget.

    Attributes:
        n_searches: strangers who were searched.
        n_needed: how many would suffice if none of them may reach the threshold.
        reason: in plain words.
    """

    n_searches: int
    n_needed: int
    reason: str


def n_needed(budget: Budget, n_reached: int = 0) -> int:
    """Return how many strangers bound the budget if ``n_reached`` of them reach the threshold."""
    low, high = n_reached + 1, 1
    while upper_bound(min(n_reached, high), high, budget.confidence) > budget.fpir:
        high *= 2
        if high > MAX_SEARCHES:
            break
    while low < high:
        middle = (low + high) // 2
        if upper_bound(n_reached, middle, budget.confidence) <= budget.fpir:
            high = middle
        else:
            low = middle + 1
    return low


def may_reach(n_searches: int, budget: Budget) -> int | None:
    """Return how many of so many strangers may reach the threshold; None if not even none may."""
    if upper_bound(0, n_searches, budget.confidence) > budget.fpir:
        return None
    low, high = 0, n_searches
    while low < high:
        middle = (low + high + 1) // 2
        if upper_bound(middle, n_searches, budget.confidence) <= budget.fpir:
            low = middle
        else:
            high = middle - 1
    return low


def supported_threshold(
    nonmated: ScoreArray, budget: Budget
) -> SupportedThreshold | TooLittleEvidence:
    """Return the least threshold whose bound keeps the budget, or why there is none.

    Args:
        nonmated: best score of each stranger against the list that will be used, one a person.
        budget: what is asked for.

    Raises:
        InputError: there is no search.
    """
    n = len(nonmated)
    if not n:
        raise InputError("There is nobody to bound a rate of false alerts with.")
    ranked = np.sort(nonmated)[::-1]
    n_allowed = may_reach(n, budget)
    if n_allowed is not None:
        score = float(ranked[n_allowed]) if n_allowed < n else FAILED
        threshold = above(score) if score > FAILED else -1.0
        reached = int(np.count_nonzero(nonmated >= threshold))
        bound = upper_bound(n_allowed, n, budget.confidence)
        return SupportedThreshold(threshold, bound, n, reached)
    needed = n_needed(budget)
    reason = f"{n:,} strangers were searched, and {needed:,} would suffice if none reaches it."
    return TooLittleEvidence(n, needed, reason)
