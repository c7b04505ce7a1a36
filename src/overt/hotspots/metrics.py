"""How good a ranking and a forecast were, once the offences have happened.

With n of N offences in the chosen cells, which are a of A in area: hit rate n/N; PAI (predictive
accuracy index, Chainey 2008) (n/N)/(a/A); PEI (predictive efficiency index, Hunt 2016) the PAI over
that of the best choice of the same area in hindsight. The log score is in bits per offence over the
uniform forecast: how much the forecast tells of where the next offence is.

Invariants: cells that a method holds to be equal are taken in no order: the expected hits count.
Must not: reward a forecast for certainty it does not have: each is mixed with 2 % of the uniform
one before its log score is taken, so that one surprise costs, but does not decide.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import norm

from overt.hotspots.mixture import with_floor
from overt.hotspots.projection import Floats

_N_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Hits:
    """What a choice of cells caught.

    Attributes:
        area_share: of the area, of the cells chosen.
        hit_rate: share of the offences in them.
        pai: predictive accuracy index.
        pei: predictive efficiency index.
    """

    area_share: float
    hit_rate: float
    pai: float
    pei: float


def hits_at(forecast: Floats, counts: Floats, areas_m2: Floats, area_share: float) -> Hits:
    """Return what the densest cells of a forecast caught.

    Args:
        forecast: expected share of offences of each cell.
        counts: offences that happened in each.
        areas_m2: of each.
        area_share: of the area to choose, over 0 and at most 1.
    """
    chosen, n_hits = _choose(forecast, counts, areas_m2, area_share)
    _, n_best = _choose(counts, counts, areas_m2, area_share)
    hit_rate = n_hits / counts.sum()
    return Hits(
        area_share=chosen,
        hit_rate=hit_rate,
        pai=hit_rate / chosen,
        pei=n_hits / n_best if n_best else 0.0,
    )


def _choose(
    forecast: Floats, counts: Floats, areas_m2: Floats, area_share: float
) -> tuple[float, float]:
    """Return the area share and the expected hits of the densest cells.

    As many whole cells are taken as come nearest to the area.
    """
    density = forecast / areas_m2
    order = np.argsort(-density, kind="stable")
    sorted_density = density[order]
    area = np.cumsum(areas_m2[order]) / areas_m2.sum()
    n = max(1, int(np.argmin(np.abs(area - area_share))) + 1)
    edge = sorted_density[n - 1]
    first = int(np.searchsorted(-sorted_density, -edge, side="left"))
    last = int(np.searchsorted(-sorted_density, -edge, side="right"))
    tied = float(counts[order[first:last]].sum())
    taken = float(counts[order[:first]].sum()) + tied * (n - first) / (last - first)
    return float(area[n - 1]), taken


def bits_per_event(forecast: Floats, counts: Floats, uniform: Floats) -> float:
    """Return the log score over the uniform forecast; all three have a value for each cell."""
    mixed = with_floor(forecast, uniform)
    happened = counts > 0
    gain = np.log2(mixed[happened] / uniform[happened])
    return float(counts[happened] @ gain / counts.sum())


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Cells for which about as much was expected.

    Attributes:
        n_cells: in it.
        expected: offences, forecast.
        observed: offences, happened.
        low: of what could be observed if the forecast were right, 5 % below.
        high: 5 % above.
    """

    n_cells: int
    expected: float
    observed: float
    low: float
    high: float


def calibration(expected: Floats, counts: Floats) -> list[CalibrationBin]:
    """Return bins of equal expected offences, from the coldest cells to the hottest.

    Args:
        expected: offences of each cell, forecast.
        counts: offences of each cell, happened.
    """
    order = np.argsort(expected, kind="stable")
    edges = np.cumsum(expected[order]) / expected.sum() * _N_BINS
    which = np.minimum(edges.astype(int), _N_BINS - 1)
    bins = []
    for each in np.unique(which):
        cells = order[which == each]
        mean = float(expected[cells].sum())
        # Offences of many cells together are near enough normal around their Poisson mean.
        reach = float(norm.ppf(0.95)) * np.sqrt(mean)
        bins.append(
            CalibrationBin(
                len(cells), mean, float(counts[cells].sum()), max(mean - reach, 0.0), mean + reach
            )
        )
    return bins
