"""The product's own forecast: weights learnt from earlier windows, and what is then expected.

The past before ``at`` is cut into windows as long as the one to come. The last :data:`N_WINDOWS` of
them with anything before them are each forecast from what was known at their beginning; what came
true fits the weights and the dispersion, which are then used for the window to come.

Invariants: nothing from ``at`` on is used.
Must not: fit anything on the window that it forecasts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from overt.core.errors import InputError
from overt.hotspots.learnt import Learnt
from overt.hotspots.mixture import Component, Shares, Window, components_for, with_floor
from overt.hotspots.posterior import fit_dispersion
from overt.hotspots.projection import Floats

N_WINDOWS: Final = 3
RECENT_MONTHS: Final = 12
_BAND_ENDS: Final = np.array([0.1, 0.25, 0.5, 0.75, 0.9, 0.96])
_USUAL_ERROR: Final = 0.15
_DRIFT: Final = 0.04


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of a window.

    Attributes:
        at: months; when it begins.
        n_months: its length.
        share: of all offences, of each cell, sum 1, before the floor that every method has.
        uniform: share of the area of each cell.
        total: offences expected in all.
        shape: of the Gamma distribution of each cell's rate.
        learnt: the mixture.
        past: earlier windows, as the same weights forecast them, the latest first.
    """

    at: int
    n_months: int
    share: Floats
    uniform: Floats
    total: float
    shape: Floats
    learnt: Learnt
    past: "tuple[PastWindow, ...]"

    @property
    def expected(self) -> Floats:
        """Return offences expected of each cell."""
        return np.asarray(with_floor(self.share, self.uniform) * self.total)


@dataclass(frozen=True, slots=True)
class PastWindow:
    """A window that weights were learnt from.

    Attributes:
        start: months; when it began.
        share: of all offences, of each cell, by what was known before it; floor included, sum 1.
        counts: that happened; not all 0.
    """

    start: int
    share: Floats
    counts: Floats


def make_forecast(shares: Shares, at: int, n_months: int) -> Forecast:
    """Return the forecast of the ``n_months`` from ``at``.

    Raises:
        InputError: less than two windows of the past, or no offence of late.
    """
    starts = window_starts(shares, at, n_months)
    if not starts:
        raise InputError(
            f"A forecast of {n_months} months needs offences of at least {2 * n_months} months "
            "before it; forecast fewer months, or add data."
        )
    total = shares.timeline.expected(at, n_months, RECENT_MONTHS)
    if total == 0:
        raise InputError(
            f"There is no offence in the last {RECENT_MONTHS} months supplied before "
            f"{shares.timeline.name(at)}, so none is expected anywhere; take more kinds of offence."
        )
    components = components_for(min(starts))
    windows = [_window(shares, components, start, n_months) for start in starts]
    alike = np.array([(start / at) ** 2 for start in starts])
    learnt = Learnt.fit(components, windows, alike)
    past = [learnt.mixed(shares, start) for start in starts]
    counts = [window.counts for window in windows]
    correction = fit_correction(past, counts, max(starts) / at)
    share = correction.apply(learnt.mixed(shares, at))
    uniform = shares.study.uniform
    foretold = [with_floor(correction.apply(mixed), uniform) for mixed in past]
    means = [each * count.sum() for each, count in zip(foretold, counts, strict=True)]
    samplings = [learnt.sampling(shares, start) for start in starts]
    dispersion = fit_dispersion(*(np.concatenate(v) for v in (means, samplings, counts)))
    return Forecast(
        at=at,
        n_months=n_months,
        share=share,
        uniform=uniform,
        total=total,
        shape=dispersion.shape(with_floor(share, uniform) * total, learnt.sampling(shares, at)),
        learnt=learnt,
        past=tuple(
            PastWindow(start, each, count)
            for start, each, count in zip(starts, foretold, counts, strict=True)
        ),
    )


def window_starts(shares: Shares, at: int, n_months: int) -> list[int]:
    """Return the beginnings of the windows that are learnt from, the latest first."""
    starts = range(at - n_months, n_months - 1, -n_months)
    return [start for start in starts if shares.window(start, start + n_months).sum() > 0][
        :N_WINDOWS
    ]


def _window(shares: Shares, components: Sequence[Component], start: int, n_months: int) -> Window:
    return Window(
        shares.stacked(components, start),
        shares.trust(components, start),
        shares.window(start, start + n_months),
    )


@dataclass(frozen=True, slots=True)
class Correction:
    """How much more or less than forecast came, from the coldest cells to the hottest.

    Attributes:
        log_share: logarithm of the mean share of each band of cells, ascending.
        factor: of what came over what was forecast in each band.
    """

    log_share: Floats
    factor: Floats

    def apply(self, share: Floats) -> Floats:
        """Return the corrected share of each cell, sum 1."""
        log_share = np.log(np.maximum(share, 1e-300))
        corrected = share * np.interp(log_share, self.log_share, self.factor)
        return np.asarray(corrected / corrected.sum())


def fit_correction(
    forecasts: Sequence[Floats], counts: Sequence[Floats], alike: float = 1.0
) -> Correction:
    """Return the correction of earlier forecasts.

    A band is drawn towards no correction by its sampling, and by how much bands change from one
    window to the next anyway.

    Args:
        forecasts: share of each cell, for each window.
        counts: of each cell, for each window.
        alike: months known before the latest of them, over months known now: with more known, less
            is wrong.
    """
    expected = np.concatenate([f * c.sum() for f, c in zip(forecasts, counts, strict=True)])
    share, came = np.concatenate(list(forecasts)), np.concatenate(list(counts))
    order = np.argsort(share, kind="stable")
    band = np.searchsorted(_BAND_ENDS, np.cumsum(expected[order]) / max(expected.sum(), 1e-12))
    log_share, factor = [], []
    for each in np.unique(band):
        cells = order[band == each]
        n = max(float(expected[cells].sum()), 1e-12)
        believed = _USUAL_ERROR**2 / (_USUAL_ERROR**2 + _DRIFT**2 + 1 / n)
        log_share.append(np.log(max(float(share[cells].mean()), 1e-300)))
        factor.append(1 + alike * believed * (float(came[cells].sum()) / n - 1))
    return Correction(np.array(log_share), np.array(factor))
