"""How well each method would have done: forward in time, on the same cells, beside the others.

Each fold stands at the beginning of a window with what was known then, ranks the cells and
forecasts them, and is scored on what came. Also: what the places that were worst in the window
before did next, which regression to the mean predicts without anybody having done anything.

Invariants: every method sees the same offences, cells and windows; the figures of a method are the
means of its folds.
Must not: choose anything by what it scores.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overt.core.errors import InputError
from overt.hotspots.baselines import baseline, baseline_names
from overt.hotspots.forecast import Forecast, make_forecast
from overt.hotspots.metrics import CalibrationBin, bits_per_event, calibration, hits_at
from overt.hotspots.mixture import Shares
from overt.hotspots.projection import Floats

OVERT: Final = "overt"
N_WORST: Final = 100
_DRAWN: Final = 20.0
LONG_WINDOW: Final = 12
SHORT_WINDOW: Final = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One method at one share of the area: means over the folds.

    Attributes:
        method: ``overt``, or the name of a baseline.
        resolution: of the grid.
        area_share: asked for.
        hit_rate: share of the offences in the chosen cells.
        pai: predictive accuracy index.
        pei: predictive efficiency index.
        bits_per_event: log score over the uniform forecast; the same at every share.
    """

    method: str
    resolution: str
    area_share: float
    hit_rate: float
    pai: float
    pei: float
    bits_per_event: float


@dataclass(frozen=True, slots=True)
class Fall:
    """What the worst cells of the last window did in the next.

    Attributes:
        start: of the next window.
        selected: offences of the worst cells in the window that they were chosen by.
        predicted: offences forecast for them, for as much of the next window as is covered.
        observed: offences that they had.
        city: ratio of all offences, next window to last, for as much as is covered.
    """

    start: str
    selected: float
    predicted: float
    observed: float
    city: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it.

    Attributes:
        resolution: of the grid.
        n_cells: compared.
        n_months: length of a window.
        folds: beginnings of the windows that were forecast.
        n_events: in all of these windows.
        rows: methods × area shares.
        falls: of the worst cells, one for each fold.
        calibration: of the last fold's forecast, from cold to hot.
    """

    resolution: str
    n_cells: int
    n_months: int
    folds: tuple[str, ...]
    n_events: int
    rows: tuple[Row, ...]
    falls: tuple[Fall, ...]
    calibration: tuple[CalibrationBin, ...]

    @property
    def predicted_ratio(self) -> float:
        """Return forecast over selected offences of the worst cells, all folds together."""
        return sum(f.predicted for f in self.falls) / sum(f.selected for f in self.falls)

    @property
    def city_ratio(self) -> float:
        """Return the mean ratio of all offences, a window to the last: the trend of the area."""
        return float(np.mean([fall.city for fall in self.falls]))

    @property
    def observed_ratio(self) -> float:
        """Return observed over selected offences of the worst cells, all folds together."""
        return sum(f.observed for f in self.falls) / sum(f.selected for f in self.falls)


def default_window(n_months: int) -> int:
    """Return the usual length of a window for this much data: a year, or three months."""
    return LONG_WINDOW if n_months >= 4 * LONG_WINDOW else SHORT_WINDOW


def default_folds(n_months: int, window: int) -> list[int]:
    """Return the windows of the second half, or the last one where there are few.

    Args:
        n_months: of the data.
        window: length of one.
    """
    n_windows = -(-n_months // window)
    first = n_windows // 2 if n_windows >= 6 else n_windows - 1
    return [start * window for start in range(first, n_windows)]


def evaluate(
    shares: Shares,
    folds: Sequence[int],
    window: int,
    area_shares: Sequence[float],
    *,
    each_fold: Callable[[int], None] | None = None,
) -> Evaluation:
    """Score ``overt`` and the baselines on these windows.

    Args:
        shares: of the study.
        folds: months at which the windows begin, ascending.
        window: their length in months.
        area_shares: of the area, each over 0 and at most 1.
        each_fold: told the beginning of each window that is done.

    Raises:
        InputError: no fold, too little before the first, or a window without an offence, of those
            that are forecast or the ones before them.
    """
    if not folds or folds[0] < 2 * window:
        raise InputError(
            f"The first window of {window} months needs two as long before it to learn from."
        )
    names = [OVERT, *baseline_names(shares, folds[0])]
    scores: dict[str, list[list[float]]] = {name: [] for name in names}
    falls = []
    n_events = 0
    bins: list[CalibrationBin] = []
    for start in folds:
        before = shares.window(start - window, start)
        counts = shares.window(start, start + window)
        for begins, window_counts in ((start - window, before), (start, counts)):
            if window_counts.sum() == 0:
                raise InputError(f"There is no offence in the window from {_name(shares, begins)}.")
        n_events += int(counts.sum())
        forecast = make_forecast(shares, start, window)
        for name in names:
            share = forecast.share if name == OVERT else baseline(name, shares, start)
            scores[name].append(_scores(shares, share, counts, area_shares))
        falls.append(_fall(shares, forecast, before, counts))
        bins = calibration(forecast.share * counts.sum(), counts)
        shares.forget(start - 2 * window)
        if each_fold is not None:
            each_fold(start)
    rows = [
        row
        for name in names
        for row in _rows(name, shares.study.grid.name, np.mean(scores[name], axis=0), area_shares)
    ]
    return Evaluation(
        resolution=shares.study.grid.name,
        n_cells=shares.study.n_cells,
        n_months=window,
        folds=tuple(_name(shares, start) for start in folds),
        n_events=n_events,
        rows=tuple(rows),
        falls=tuple(falls),
        calibration=tuple(bins),
    )


def _scores(
    shares: Shares, share: Floats, counts: Floats, area_shares: Sequence[float]
) -> list[float]:
    """Return bits, then hit rate, PAI and PEI at each area share."""
    study = shares.study
    scores = [bits_per_event(share, counts, study.uniform)]
    for area_share in area_shares:
        hits = hits_at(share, counts, study.areas_m2, area_share)
        scores += [hits.hit_rate, hits.pai, hits.pei]
    return scores


def _rows(name: str, resolution: str, means: Floats, area_shares: Sequence[float]) -> list[Row]:
    bits, rest = float(means[0]), means[1:].reshape(-1, 3)
    return [
        Row(name, resolution, area_share, float(hit), float(pai), float(pei), bits)
        for area_share, (hit, pai, pei) in zip(area_shares, rest, strict=True)
    ]


def _fall(shares: Shares, forecast: Forecast, before: Floats, counts: Floats) -> Fall:
    """Return what the cells with the most offences in the window before did next.

    Cells chosen for one bad window are no fair sample of cells for which as much is expected: by
    how much they kept more or less than was expected of them is learnt from earlier windows.
    """
    start, window = forecast.at, forecast.n_months
    worst = _worst(before)
    foretold, came = _DRAWN, _DRAWN
    for past in forecast.past:
        if past.start >= window:
            chosen = _worst(shares.window(past.start - window, past.start))
            foretold += float(past.share[chosen].sum() * past.counts.sum())
            came += float(past.counts[chosen].sum())
    end = min(start + window, shares.timeline.n_months)
    covered = shares.timeline.share_covered(start, end) * (end - start) / window
    return Fall(
        start=_name(shares, start),
        selected=float(before[worst].sum()),
        predicted=float(forecast.expected[worst].sum()) * covered * came / foretold,
        observed=float(counts[worst].sum()),
        city=float(counts.sum() / before.sum()),
    )


def _worst(counts: Floats) -> NDArray[np.int64]:
    return np.argsort(-counts, kind="stable")[:N_WORST]


def _name(shares: Shares, month: int) -> str:
    return shares.timeline.name(month)
