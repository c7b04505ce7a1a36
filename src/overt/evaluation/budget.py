"""A threshold from a budget of false alerts, and how sure that is; or a plain refusal.

    budget: at most so many false alerts in so many faces
    → non-mated searches of this very list → a bound on the rate at each threshold → the least
      threshold whose bound keeps the budget

Two ways to bound. Where enough strangers were searched, the exact one-sided bound of Clopper and
Pearson on how many of them reached the threshold, for any distribution. Where counts run out, a
generalised Pareto tail above a high score (Pickands 1975; Coles, *An Introduction to Statistical
Modeling of Extreme Values*, 2001, ch. 4), drawn anew from bootstrap samples, with the goodness of
its fit; it is never believed beyond :data:`MAX_EXTRAPOLATION` times what was counted.

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
from scipy.stats import genpareto, poisson

from overt.core.errors import InputError
from overt.evaluation.curves import FAILED, ScoreArray, above
from overt.evaluation.intervals import upper_bound

MIN_TAIL: Final = 50
"""Excesses that a tail is fitted to, at least."""

TAIL_SHARE: Final = 0.1
"""Of all searches, the highest scores are the tail."""

MAX_EXTRAPOLATION: Final = 3.0
"""A fitted tail is believed to rates so much lower than what counting alone could bound."""

MIN_P_FIT: Final = 0.1
"""A tail that fits worse than this is not used."""

N_BOOTSTRAP: Final = 500
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
class TailFit:
    """A fitted tail.

    Attributes:
        above: the score above which it is fitted.
        n_excesses: scores above that.
        shape: of the generalised Pareto distribution; negative means a highest possible score.
        scale: of it.
        p_fit: how often a tail drawn from the fit lies at least as far from its own fit
            (Anderson-Darling distance, parametric bootstrap).
    """

    above: float
    n_excesses: int
    shape: float
    scale: float
    p_fit: float


@dataclass(frozen=True, slots=True)
class SupportedThreshold:
    """What the evidence supports.

    Attributes:
        threshold: least score that raises an alert, in whole millionths.
        bound: on the FPIR there, one-sided, at the budget's confidence.
        method: ``counted`` or ``tail``.
        n_searches: strangers, each searched once.
        n_reached: of them, those who reach the threshold.
        tail: the fit; None where counting sufficed.
    """

    threshold: float
    bound: float
    method: str
    n_searches: int
    n_reached: int
    tail: TailFit | None = None


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
    nonmated: ScoreArray, budget: Budget, *, seed: int = 0
) -> SupportedThreshold | TooLittleEvidence:
    """Return the least threshold whose bound keeps the budget, or why there is none.

    Args:
        nonmated: best score of each stranger against the list that will be used, one a person.
        budget: what is asked for.
        seed: of the bootstrap.

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
        return SupportedThreshold(threshold, bound, "counted", n, reached)
    return _from_tail(ranked, budget, seed)


def _from_tail(
    ranked: ScoreArray, budget: Budget, seed: int
) -> SupportedThreshold | TooLittleEvidence:
    n, needed = len(ranked), n_needed(budget)
    if needed > n * MAX_EXTRAPOLATION:
        return TooLittleEvidence(
            n, needed, f"{n:,} strangers were searched, and no tail reaches so far beyond them."
        )
    n_tail = min(n - 1, max(MIN_TAIL, round(n * TAIL_SHARE)))
    start = float(ranked[n_tail]) if n > MIN_TAIL else FAILED
    excesses = ranked[ranked > start] - start if start > FAILED else ranked[:0]
    if len(excesses) < MIN_TAIL or excesses.max() <= 0:
        return TooLittleEvidence(n, needed, f"A tail needs {MIN_TAIL} scores above a high one.")
    rng = np.random.default_rng(seed)
    tail = _fit(excesses, start, rng)
    if tail.p_fit < MIN_P_FIT:
        return TooLittleEvidence(n, needed, "The tail of the scores fits no known form.")
    thresholds = np.empty(N_BOOTSTRAP)
    for index in range(N_BOOTSTRAP):
        drawn = rng.choice(ranked, n)
        over = drawn[drawn > start] - start
        thresholds[index] = start + _quantile(over, n, budget.fpir)
    # Never below what was seen: a bound must not rest on the fit where there are counts.
    score = max(float(np.quantile(thresholds, budget.confidence)), float(ranked[0]))
    threshold = above(score)
    return SupportedThreshold(threshold, budget.fpir, "tail", n, 0, tail)


def _quantile(over: ScoreArray, n: int, rate: float) -> float:
    """Return the excess that is exceeded at a rate, by a tail fitted to a sample's excesses."""
    if len(over) < 2 or len(over) / n <= rate:
        return 0.0
    shape, scale = _moments(over)
    return float(genpareto.isf(rate * n / len(over), shape, scale=scale))


def _moments(over: ScoreArray) -> tuple[float, float]:
    """Return shape and scale by probability-weighted moments (Hosking and Wallis 1987)."""
    ordered = np.sort(over)
    n = len(ordered)
    mean = float(ordered.mean())
    weighted = float(((n - np.arange(1, n + 1)) / max(n - 1, 1) * ordered).mean())
    if mean <= 2 * weighted:
        return 0.0, max(mean, 1e-12)
    k = mean / (mean - 2 * weighted) - 2
    scale = 2 * mean * weighted / (mean - 2 * weighted)
    return -k, max(scale, 1e-12)


def _fit(excesses: ScoreArray, start: float, rng: np.random.Generator) -> TailFit:
    shape, scale = _moments(excesses)
    distance = _anderson_darling(excesses, shape, scale)
    further = 0
    for _ in range(N_BOOTSTRAP):
        drawn = genpareto.rvs(shape, scale=scale, size=len(excesses), random_state=rng)
        further += _anderson_darling(drawn, *_moments(drawn)) >= distance
    return TailFit(start, len(excesses), shape, scale, (further + 1) / (N_BOOTSTRAP + 1))


def _anderson_darling(excesses: ScoreArray, shape: float, scale: float) -> float:
    ordered = np.clip(genpareto.cdf(np.sort(excesses), shape, scale=scale), 1e-12, 1 - 1e-12)
    n = len(ordered)
    ranks = 2 * np.arange(1, n + 1) - 1
    return float(-n - np.mean(ranks * (np.log(ordered) + np.log1p(-ordered[::-1]))))
