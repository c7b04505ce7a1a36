"""Rates against thresholds: FPIR, TPIR, the curve between them, ranks, histograms.

Definitions are those of ISO/IEC 19795-1 and NIST FRTE 1:N. A non-mated search is false-positive if
its best candidate reaches the threshold; a mated search is true-positive if the mate does, at
whatever rank. A search that failed has the score :data:`FAILED`, which no threshold reaches, and
stays in the denominator.

Invariants: a threshold is a whole number of millionths, rounded up, so that what a record says is
what was measured; its FPIR is at most the target.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from overt.evaluation.intervals import Weights

ScoreArray: TypeAlias = NDArray[np.float64]
Ranks: TypeAlias = NDArray[np.int64]

FAILED: Final = -math.inf
MILLION: Final = 1_000_000


def rate_at(scores: ScoreArray, threshold: float) -> float:
    """Return which share of searches reaches a threshold; not a number if there is none."""
    return float(np.count_nonzero(scores >= threshold) / len(scores)) if len(scores) else math.nan


def threshold_at(nonmated: ScoreArray, fpir: float) -> float:
    """Return the least threshold, in whole millionths, at which the FPIR is at most ``fpir``.

    Args:
        nonmated: best score of each non-mated search, n ≥ 1.
        fpir: 0 to 1.

    Returns:
        The threshold; :data:`FAILED` where any threshold would do.

    Raises:
        ValueError: there is no search, or the rate is none.
    """
    if not len(nonmated) or not 0 <= fpir <= 1:
        raise ValueError("expected at least one search and 0 ≤ fpir ≤ 1")
    n_allowed = allowed(len(nonmated), fpir)
    if n_allowed >= np.count_nonzero(nonmated > FAILED):
        return FAILED
    return above(float(np.partition(nonmated, -n_allowed - 1)[-n_allowed - 1]))


def allowed(n: int, fpir: float) -> int:
    """Return how many of ``n`` searches may be false-positive: 3 of 3,000 at 0.001, not 2."""
    return min(n, math.floor(n * fpir + 1e-9))


def above(score: float) -> float:
    """Return the least whole number of millionths above a score."""
    micro = math.floor(score * MILLION)
    while micro / MILLION <= score:
        micro += 1
    return micro / MILLION


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a detection error trade-off curve.

    Attributes:
        threshold: cosine similarity, or normalised score.
        fpir: share of non-mated searches with a candidate.
        fnir: share of mated searches without their mate.
    """

    threshold: float
    fpir: float
    fnir: float


def det_curve(
    mated: ScoreArray, nonmated: ScoreArray, rates: Sequence[float]
) -> tuple[CurvePoint, ...]:
    """Return the curve at each of the rates, in their order; a point that repeats comes once."""
    thresholds = dict.fromkeys(threshold_at(nonmated, rate) for rate in rates)
    return tuple(
        CurvePoint(threshold, rate_at(nonmated, threshold), 1 - rate_at(mated, threshold))
        for threshold in thresholds
        if threshold > FAILED
    )


def det_rates(n_nonmated: int, per_decade: int = 10) -> list[float]:
    """Return rates evenly on a logarithmic scale, from one search up to all of them."""
    if n_nonmated < 1:
        return []
    n = max(1, math.ceil(per_decade * math.log10(n_nonmated)))
    return [float(rate) for rate in np.geomspace(1 / n_nonmated, 1, n + 1)]


def cmc(ranks: Ranks, n_ranks: int) -> list[float]:
    """Return the share of mated searches whose mate is among the first 1, 2, … candidates.

    Args:
        ranks: of each mated search's mate, from 1; 0 where the search failed.
        n_ranks: how many ranks.
    """
    if not len(ranks):
        return []
    within = np.bincount(np.clip(ranks, 0, n_ranks + 1), minlength=n_ranks + 2)[1 : n_ranks + 1]
    return [float(share) for share in np.cumsum(within) / len(ranks)]


def histogram(scores: ScoreArray, edges: ScoreArray) -> list[int]:
    """Return how many scores lie in each bin, those beyond the ends in the outermost.

    Failed searches are in none.
    """
    real = np.clip(scores[scores > FAILED], edges[0], edges[-1])
    return [int(n) for n in np.histogram(real, edges)[0]]


def bootstrap_thresholds(
    nonmated: ScoreArray, owner: Ranks, weights: Weights, fpir: float
) -> ScoreArray:
    """Return the threshold in each bootstrap sample of people.

    Args:
        nonmated: n scores.
        owner: n, whose search each is.
        weights: samples × people, how often each person is drawn.
        fpir: the target.

    Returns:
        samples; as :func:`threshold_at` without the rounding to millionths.
    """
    order = np.argsort(-nonmated, kind="stable")
    scores, people = nonmated[order], owner[order]
    thresholds = np.full(len(weights), FAILED)
    for sample, drawn in enumerate(weights):
        reached = np.cumsum(drawn[people])
        n_allowed = math.floor(reached[-1] * fpir + 1e-9) if len(reached) else 0
        first_over = int(np.searchsorted(reached, n_allowed, side="right"))
        if first_over < len(scores) and scores[first_over] > FAILED:
            thresholds[sample] = np.nextafter(scores[first_over], np.inf)
    return thresholds


def bootstrap_rates(
    scores: ScoreArray, owner: Ranks, weights: Weights, thresholds: ScoreArray
) -> ScoreArray:
    """Return which share of searches reaches each sample's threshold, in that sample.

    Args:
        scores: n.
        owner: n, whose search each is.
        weights: samples × people.
        thresholds: samples, or one for all.
    """
    rates = np.full(len(weights), np.nan)
    for sample, (drawn, threshold) in enumerate(
        zip(weights, np.broadcast_to(thresholds, len(weights)), strict=True)
    ):
        times = drawn[owner]
        total = times.sum()
        if total:
            rates[sample] = times[scores >= threshold].sum() / total
    return rates
