"""What is known of each cell's rate: a Gamma distribution, and what follows for ranks.

The mixture gives the mean λ of each cell. The truth lies from it for two reasons. The past is a
sample: that variance is known from the weights, since each offence of the past is one Poisson
event. And a mixture is wrong in its own ways, and places change: that excess is learnt from earlier
windows, whose counts are taken as negative binomial, in bands of cells of like mean. Then the rate
of a cell is Gamma with mean λ and the sum of both as its squared coefficient of variation.

Invariants: intervals hold the mean's 90 % from the 5th to the 95th percentile; the same seed draws
the same ranks.
Must not: call a rank certain that a draw contradicts.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import gammaln
from scipy.stats import gamma

from overt.hotspots.projection import Floats

LOW: Final = 0.05
HIGH: Final = 0.95
N_DRAWS: Final = 1_000
_N_CANDIDATES: Final = 20_000
_CHUNK: Final = 100
_SHAPE: Final = (0.05, 10_000.0)
N_BANDS: Final = 8
_USUAL_EXCESS: Final = 0.15
_PRIOR_SD: Final = 1.5

TIER_LIMITS: Final = ((0.9, "A"), (0.5, "B"), (0.1, "C"))
"""Least probability of being among the N worst, and the tier; the rest is tier D."""


@dataclass(frozen=True, slots=True)
class Dispersion:
    """How far true rates lie from the forecast beyond the sampling of the past.

    Attributes:
        log_mean: logarithm of the mean of each band of cells, ascending.
        excess: squared coefficient of variation of each band.
    """

    log_mean: tuple[float, ...]
    excess: tuple[float, ...]

    def shape(self, mean: Floats, sampling: Floats) -> Floats:
        """Return the shape of the Gamma distribution of each cell.

        Args:
            mean: expected offences.
            sampling: squared coefficient of variation from the sampling of the past.
        """
        log_mean = np.log(np.maximum(mean, 1e-300))
        excess = np.interp(log_mean, self.log_mean, self.excess)
        return np.asarray(np.clip(1 / np.maximum(sampling + excess, 1e-12), *_SHAPE))


def fit_dispersion(mean: Floats, sampling: Floats, counts: Floats) -> Dispersion:
    """Return the dispersion that makes the counts most likely, band by band.

    Args:
        mean: expected offences of each cell, all earlier windows together; over 0.
        sampling: squared coefficient of variation from the sampling of the past.
        counts: offences that happened.
    """
    order = np.argsort(mean, kind="stable")
    filled = np.cumsum(mean[order]) / mean.sum()
    band = np.minimum((filled * N_BANDS).astype(int), N_BANDS - 1)
    log_mean, excess = [], []
    for each in np.unique(band):
        cells = order[band == each]
        log_mean.append(float(np.log(mean[cells].mean())))
        excess.append(_excess(mean[cells], sampling[cells], counts[cells]))
    return Dispersion(tuple(log_mean), tuple(excess))


def _excess(mean: Floats, sampling: Floats, counts: Floats) -> float:
    happened = counts > 0

    def loss(log_excess: float) -> float:
        shape = np.clip(1 / (sampling + np.exp(log_excess)), *_SHAPE)
        none = shape * np.log1p(mean / shape)
        s, m, y = shape[happened], mean[happened], counts[happened]
        some = gammaln(y + s) - gammaln(s) + y * (np.log(m) - np.log(s + m))
        # Few data say little of it; before them it is somewhere around a coefficient of 0.4.
        prior = (log_excess - np.log(_USUAL_EXCESS)) ** 2 / (2 * _PRIOR_SD**2)
        return float(none.sum() - some.sum() + prior)

    found = minimize_scalar(loss, bounds=(-9.0, 3.0), method="bounded")
    return float(np.exp(found.x))


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


def rates(mean: Floats, shape: Floats) -> Rates:
    """Return the rate of each cell with its 90 % interval."""
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


def ranks(mean: Floats, areas_m2: Floats, shape: Floats, n_top: int, seed: int) -> Ranks:
    """Return ranks from draws of all cells' rates.

    Only the densest cells are drawn; the others are below them in every draw that matters, and
    their rank interval ends at the number of cells.

    Args:
        mean: expected offences of each cell.
        areas_m2: of each.
        shape: of the Gamma distribution of each rate.
        n_top: how many are called the worst.
        seed: of the draws.
    """
    n_cells = len(mean)
    order = np.argsort(-mean / areas_m2, kind="stable")
    drawn = order[: min(n_cells, max(_N_CANDIDATES // 4, min(_N_CANDIDATES, 20 * n_top)))]
    places = _draw_ranks(mean[drawn], areas_m2[drawn], shape[drawn], seed)
    rank = np.empty(n_cells, np.int64)
    rank[order] = np.arange(1, n_cells + 1)
    low, high = rank.copy(), np.full(n_cells, n_cells, np.int64)
    low[order[len(drawn) :]] = min(len(drawn) + 1, n_cells)
    low[drawn] = np.quantile(places, LOW, axis=0, method="lower")
    high[drawn] = np.quantile(places, HIGH, axis=0, method="higher")
    p_top = np.zeros(n_cells)
    p_top[drawn] = (places <= n_top).mean(axis=0)
    return Ranks(rank, low, high, p_top, [_tier(p) for p in p_top])


def _draw_ranks(mean: Floats, areas_m2: Floats, shape: Floats, seed: int) -> NDArray[np.int32]:
    """Return the rank of each cell in each draw, shape (n_draws, n_cells)."""
    rng = np.random.default_rng(seed)
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
