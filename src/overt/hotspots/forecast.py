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
from overt.hotspots.mixture import Component, Shares, Window, components_for, fit_weights, mix
from overt.hotspots.posterior import Dispersion, fit_dispersion
from overt.hotspots.projection import Floats

N_WINDOWS: Final = 3
RECENT_MONTHS: Final = 12
_NEGLIGIBLE: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of a window.

    Attributes:
        at: months; when it begins.
        n_months: its length.
        share: of all offences, of each cell, sum 1.
        total: offences expected in all.
        shape: of the Gamma distribution of each cell's rate.
        components: of the mixture.
        weights: of each, sum 1.
    """

    at: int
    n_months: int
    share: Floats
    total: float
    shape: Floats
    components: tuple[Component, ...]
    weights: Floats

    @property
    def expected(self) -> Floats:
        """Return offences expected of each cell."""
        return np.asarray(self.share * self.total)


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
    fitted = fit_weights(windows)
    trust = shares.trust(components, at)
    share = mix(fitted, shares.stacked(components, at), trust)
    trusted = fitted * trust / (fitted @ trust)
    total = shares.timeline.expected(at, n_months, RECENT_MONTHS)
    dispersion = _dispersion(shares, components, windows, starts, fitted)
    sampling = _sampling(shares, components, trusted, share, at)
    return Forecast(
        at=at,
        n_months=n_months,
        share=share,
        total=total,
        shape=dispersion.shape(share * total, sampling),
        components=components,
        weights=trusted,
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


def _sampling(
    shares: Shares, components: Sequence[Component], trusted: Floats, share: Floats, at: int
) -> Floats:
    """Return the squared coefficient of variation of each cell by the sampling of the past.

    Components rise and fall with the same offences, so their deviations add.
    """
    deviation = np.zeros_like(share)
    for component, weight in zip(components, trusted, strict=True):
        if weight > _NEGLIGIBLE:
            deviation += weight * shares.sampling(component, at)
    return np.asarray((deviation / share) ** 2)


def _dispersion(
    shares: Shares,
    components: Sequence[Component],
    windows: Sequence[Window],
    starts: Sequence[int],
    fitted: Floats,
) -> Dispersion:
    means, samplings, counts = [], [], []
    for window, start in zip(windows, starts, strict=True):
        share = mix(fitted, window.shares, window.trust)
        trusted = fitted * window.trust / (fitted @ window.trust)
        means.append(share * window.counts.sum())
        samplings.append(_sampling(shares, components, trusted, share, start))
        counts.append(window.counts)
    return fit_dispersion(np.concatenate(means), np.concatenate(samplings), np.concatenate(counts))
