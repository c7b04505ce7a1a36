"""What is known of each cell's rate: a Gamma distribution, and what follows for ranks.

The mixture gives the mean λ of each cell. How far the truth lies from it is learnt from earlier
windows: their counts are taken as negative binomial with that mean and shape ``s = exp(a) λ^b``,
and a and b are those of the greatest likelihood. Then the rate of a cell is Gamma with shape s and
mean λ. With b = 1 this is the conjugate posterior of a fixed exposure; data may say otherwise.

Invariants: intervals hold the mean's 90 % from the 5th to the 95th percentile; the same seed draws
the same ranks.
Must not: call a rank certain that a draw contradicts.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln
from scipy.stats import gamma

from overt.hotspots.projection import Floats

LOW: Final = 0.05
HIGH: Final = 0.95
N_DRAWS: Final = 1_000
_N_CANDIDATES: Final = 20_000
_CHUNK: Final = 100
_LOG_SHAPE: Final = (-5.0, 9.0)

TIER_LIMITS: Final = ((0.9, "A"), (0.5, "B"), (0.1, "C"))
"""Least probability of being among the N worst, and the tier; the rest is tier D."""


@dataclass(frozen=True, slots=True)
class Dispersion:
    """How the shape of a cell's rate depends on its mean.

    Attributes:
        log_scale: a.
        exponent: b, from 0 to 2.
    """

    log_scale: float
    exponent: float

    def shape(self, mean: Floats) -> Floats:
        """Return the shape of the Gamma distribution of each mean."""
        log_shape = self.log_scale + self.exponent * np.log(np.maximum(mean, 1e-300))
        return np.asarray(np.exp(np.clip(log_shape, *_LOG_SHAPE)))


def fit_dispersion(mean: Floats, counts: Floats) -> Dispersion:
    """Return the dispersion that makes the counts most likely.

    Args:
        mean: expected offences of each cell, all earlier windows together; over 0.
        counts: offences that happened.
    """
    mean = mean * counts.sum() / mean.sum() if counts.sum() else mean
    happened = counts > 0

    def loss(parameters: Floats) -> float:
        shape = Dispersion(float(parameters[0]), float(parameters[1])).shape(mean)
        none = shape * (np.log(shape) - np.log(shape + mean))
        s, m, y = shape[happened], mean[happened], counts[happened]
        some = gammaln(y + s) - gammaln(s) + y * (np.log(m) - np.log(s + m))
        # A weak prior for the conjugate form, which few data cannot contradict.
        prior = (parameters[1] - 1) ** 2 / 2 + (parameters[0] - 1) ** 2 / 50
        return float(-none.sum() - some.sum() + prior)

    found = minimize(
        loss, np.array([1.0, 1.0]), method="L-BFGS-B", bounds=[(-6.0, 10.0), (0.0, 2.0)]
    )
    return Dispersion(float(found.x[0]), float(found.x[1]))


@dataclass(frozen=True, slots=True)
class Rates:
    """What is known of each cell's rate.

    Attributes:
        mean: expected offences.
        low: 5th percentile.
        high: 95th percentile.
    """

    mean: Floats
    low: Floats
    high: Floats


def rates(mean: Floats, dispersion: Dispersion) -> Rates:
    """Return the rate of each cell with its 90 % interval."""
    shape = dispersion.shape(mean)
    scale = mean / shape
    return Rates(
        mean,
        np.asarray(gamma.ppf(LOW, shape, scale=scale)),
        np.asarray(gamma.ppf(HIGH, shape, scale=scale)),
    )


@dataclass(frozen=True, slots=True)
class Ranks:
    """What is known of each cell's rank; rank 1 is the densest.

    Attributes:
        rank: by expected density.
        low: 5th percentile.
        high: 95th percentile.
        p_top: probability of being among the N densest.
        tier: A to D, by ``p_top``.
    """

    rank: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    p_top: Floats
    tier: list[str]


def ranks(mean: Floats, areas_m2: Floats, dispersion: Dispersion, n_top: int, seed: int) -> Ranks:
    """Return ranks from draws of all cells' rates.

    Only the densest cells are drawn; the others are below them in every draw that matters, and
    their rank interval ends at the number of cells.

    Args:
        mean: expected offences of each cell.
        areas_m2: of each.
        dispersion: of the rates.
        n_top: how many are called the worst.
        seed: of the draws.
    """
    n_cells = len(mean)
    order = np.argsort(-mean / areas_m2, kind="stable")
    drawn = order[: min(n_cells, max(_N_CANDIDATES // 4, min(_N_CANDIDATES, 20 * n_top)))]
    places = _draw_ranks(mean[drawn], areas_m2[drawn], dispersion, seed)
    rank = np.empty(n_cells, np.int64)
    rank[order] = np.arange(1, n_cells + 1)
    low, high = rank.copy(), np.full(n_cells, n_cells, np.int64)
    low[order[len(drawn) :]] = min(len(drawn) + 1, n_cells)
    low[drawn] = np.quantile(places, LOW, axis=0, method="lower")
    high[drawn] = np.quantile(places, HIGH, axis=0, method="higher")
    p_top = np.zeros(n_cells)
    p_top[drawn] = (places <= n_top).mean(axis=0)
    return Ranks(rank, low, high, p_top, [_tier(p) for p in p_top])


def _draw_ranks(
    mean: Floats, areas_m2: Floats, dispersion: Dispersion, seed: int
) -> NDArray[np.int32]:
    """Return the rank of each cell in each draw, shape (n_draws, n_cells)."""
    rng = np.random.default_rng(seed)
    shape = dispersion.shape(mean)
    scale = mean / shape / areas_m2
    places = np.empty((N_DRAWS, len(mean)), np.int32)
    numbers = np.arange(1, len(mean) + 1, dtype=np.int32)
    for start in range(0, N_DRAWS, _CHUNK):
        density = rng.gamma(shape, scale, (_CHUNK, len(mean)))
        order = np.argsort(-density, axis=1)
        np.put_along_axis(places[start : start + _CHUNK], order, numbers[np.newaxis], axis=1)
    return places


def _tier(p_top: float) -> str:
    return next((tier for limit, tier in TIER_LIMITS if p_top >= limit), "D")
