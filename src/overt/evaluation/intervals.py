"""Intervals of rates, and corrections where many are compared.

Counts of independent people get the exact interval of Clopper and Pearson (Biometrika 26(4), 1934)
or Wilson's (JASA 22(158), 1927). Several pictures of one person are not independent: rates over
pictures get a percentile bootstrap in which people are drawn, with everything of theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import beta

Weights: TypeAlias = NDArray[np.float64]

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval of a rate.

    Attributes:
        low: 0 to 1.
        high: 0 to 1, at least ``low``.
    """

    low: float
    high: float


def clopper_pearson(k: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the exact interval of ``k`` of ``n``; everything where ``n`` is 0.

    Raises:
        ValueError: not 0 ≤ k ≤ n.
    """
    _check(k, n)
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, k, n - k + 1)) if k else 0.0
    high = float(beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    return Interval(low, high)


def upper_bound(k: int, n: int, confidence: float = CONFIDENCE) -> float:
    """Return what the rate behind ``k`` of ``n`` does not exceed, one-sided and exact.

    Raises:
        ValueError: not 0 ≤ k ≤ n.
    """
    _check(k, n)
    return float(beta.ppf(confidence, k + 1, n - k)) if k < n else 1.0


def wilson(k: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's score interval of ``k`` of ``n``; everything where ``n`` is 0.

    Raises:
        ValueError: not 0 ≤ k ≤ n.
    """
    _check(k, n)
    if n == 0:
        return Interval(0.0, 1.0)
    z = float(ndtri(1 - (1 - confidence) / 2))
    p, shrink = k / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / shrink
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / shrink
    return Interval(
        0.0 if k == 0 else max(0.0, float(centre - half)),
        1.0 if k == n else min(1.0, float(centre + half)),
    )


def _check(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise ValueError("expected 0 ≤ k ≤ n")


def resampled_people(n_people: int, n_samples: int, rng: np.random.Generator) -> Weights:
    """Return how often each person is in each bootstrap sample, samples × people."""
    if n_people == 0:
        return np.zeros((n_samples, 0))
    return rng.multinomial(n_people, np.full(n_people, 1 / n_people), n_samples).astype(np.float64)


def percentile_interval(values: NDArray[np.float64], confidence: float = CONFIDENCE) -> Interval:
    """Return the percentile interval of bootstrap replicates; everything if there is none."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return Interval(0.0, 1.0)
    tail = (1 - confidence) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return Interval(float(low), float(high))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that the chance of one false discovery is bounded (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = worst
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that the share of false discoveries is bounded (1995)."""
    n = len(p_values)
    order = np.argsort(p_values, kind="stable")
    adjusted, least = [0.0] * n, 1.0
    for rank in range(n, 0, -1):
        index = int(order[rank - 1])
        least = min(least, p_values[index] * n / rank)
        adjusted[index] = least
    return adjusted
