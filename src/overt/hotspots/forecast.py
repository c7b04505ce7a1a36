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
from overt.hotspots.mixture import (
    Component,
    Shares,
    Window,
    components_for,
    fit_weights,
    mix,
    with_floor,
)
from overt.hotspots.posterior import fit_dispersion
from overt.hotspots.projection import Floats

N_WINDOWS: Final = 3
RECENT_MONTHS: Final = 12
_NEGLIGIBLE: Final = 1e-4
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
        components: of the mixture.
        weights: of each, sum 1.
        past: earlier windows, as the same weights forecast them, the latest first.
    """

    at: int
    n_months: int
    share: Floats
    uniform: Floats
    total: float
    shape: Floats
    components: tuple[Component, ...]
    weights: Floats
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
        expected: offences of each cell, by what was known before it.
        counts: that happened.
    """

    start: int
    expected: Floats
    counts: Floats


def make_forecast(shares: Shares, at: int, n_months: int) -> Forecast:
    """Return the forecast of the ``n_months`` from ``at``.

    Raises:
        InputError: less than two windows of the past.
    """
    starts = window_starts(shares, at, n_months)
    if not starts:
        raise InputError(
            f"A forecast of {n_months} months needs offences of at least {2 * n_months} months "
            "before it; forecast fewer months, or add data."
        )
    components = components_for(min(starts))
    windows = [_window(shares, components, start, n_months) for start in starts]
    alike = [(start / at) ** 2 for start in starts]
    fitted = fit_weights([_weighed(w, a) for w, a in zip(windows, alike, strict=True)])
    learnt = _Learnt(shares, components, fitted)
    past = [learnt.mixed(start) for start in starts]
    counts = [window.counts for window in windows]
    correction = fit_correction(past, counts, max(starts) / at)
    share = correction.apply(learnt.mixed(at))
    total = shares.timeline.expected(at, n_months, RECENT_MONTHS)
    uniform = shares.study.uniform
    means = [
        with_floor(correction.apply(mixed), uniform) * count.sum()
        for mixed, count in zip(past, counts, strict=True)
    ]
    samplings = [learnt.sampling(start) for start in starts]
    dispersion = fit_dispersion(*(np.concatenate(v) for v in (means, samplings, counts)))
    return Forecast(
        at=at,
        n_months=n_months,
        share=share,
        uniform=uniform,
        total=total,
        shape=dispersion.shape(with_floor(share, uniform) * total, learnt.sampling(at)),
        components=components,
        weights=learnt.weights(at),
        past=tuple(
            PastWindow(
                start, mean * shares.timeline.expected(start, n_months, RECENT_MONTHS) / n, c
            )
            for start, mean, c in zip(starts, means, counts, strict=True)
            if (n := float(c.sum())) > 0
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


def _weighed(window: Window, weight: float) -> Window:
    """Return a window that counts less for the weights, the less was known before it."""
    return Window(window.shares, window.trust, window.counts * weight)


@dataclass(frozen=True, slots=True)
class _Learnt:
    """A fitted mixture, which can be asked of any time."""

    shares: Shares
    components: tuple[Component, ...]
    fitted: Floats

    def weights(self, at: int) -> Floats:
        """Return the weight of each component, sum 1."""
        trusted = self.fitted * self.shares.trust(self.components, at)
        return np.asarray(trusted / trusted.sum())

    def mixed(self, at: int) -> Floats:
        """Return the share of each cell."""
        weights = self.weights(at)
        return mix(weights, self.shares.stacked(self.components, at), np.ones_like(weights))

    def sampling(self, at: int) -> Floats:
        """Return the squared coefficient of variation of each cell by the sampling of the past.

        Components rise and fall with the same offences, so their deviations add.
        """
        uniform = self.shares.study.uniform
        deviation = np.zeros_like(uniform)
        for component, weight in zip(self.components, self.weights(at), strict=True):
            if weight > _NEGLIGIBLE:
                deviation += weight * self.shares.sampling(component, at)
        return np.asarray((deviation / with_floor(self.mixed(at), uniform)) ** 2)


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
