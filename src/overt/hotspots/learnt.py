"""A mixture as learnt from earlier windows: weights for everywhere, and others where it is busy.

The offences of quiet cells, which are most, say how far to smooth there; the busiest part of the
cells is ordered by weights of its own, learnt from how the offences of earlier windows fell among
the cells that were the busiest by then. What share of all offences falls there is decided by
the weights of everywhere.

Invariants: shares sum to 1; nothing from the time that is asked about, or later, is in them.
Must not: look at ranks or hit rates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from overt.hotspots.mixture import Component, Shares, Window, fit_weights, mix, with_floor
from overt.hotspots.projection import Floats

BUSY_SHARE: Final = 0.15
"""Of the cells."""
_NEGLIGIBLE: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Learnt:
    """A fitted mixture, which can be asked of any study of the same ground and any time.

    Attributes:
        components: of the mixture.
        everywhere: weight of each before trust, sum 1.
        busy: likewise, of the order among the busiest cells.
    """

    components: tuple[Component, ...]
    everywhere: Floats
    busy: Floats

    @classmethod
    def fit(
        cls, components: tuple[Component, ...], windows: Sequence[Window], counts_for: Floats
    ) -> Self:
        """Return the mixture that makes these windows most likely.

        Args:
            components: of the windows.
            windows: earlier ones.
            counts_for: how much each of them counts.
        """
        pairs = list(zip(windows, counts_for, strict=True))
        everywhere = fit_weights([Window(w.shares, w.trust, w.counts * f) for w, f in pairs])
        parts = []
        for window, factor in pairs:
            busy = _busiest(mix(everywhere, window.shares, window.trust))
            among = _among(window.shares, busy)
            parts.append(Window(among, window.trust, window.counts[busy] * factor))
        return cls(components, everywhere, fit_weights(parts))

    def weights(self, shares: Shares, at: int) -> Floats:
        """Return the weight of each component everywhere, sum 1."""
        return self._trusted(self.everywhere, shares, at)

    def mixed(self, shares: Shares, at: int) -> Floats:
        """Return the share of each cell."""
        return self._mixed(shares, at)[0]

    def sampling(self, shares: Shares, at: int) -> Floats:
        """Return the squared coefficient of variation of each cell by the sampling of the past.

        Components rise and fall with the same offences, so their deviations add.
        """
        mixed, busy = self._mixed(shares, at)
        stacked = shares.stacked(self.components, at)
        masses = np.maximum(stacked[:, busy].sum(axis=1), 1e-12)
        among = self._trusted(self.busy, shares, at) * mixed[busy].sum() / masses
        deviation, of_busy = np.zeros_like(mixed), np.zeros(len(busy))
        everywhere = self.weights(shares, at)
        for component, weight, weight_busy in zip(self.components, everywhere, among, strict=True):
            if max(weight, weight_busy) > _NEGLIGIBLE:
                sampled = shares.sampling(component, at)
                deviation += weight * sampled
                of_busy += weight_busy * sampled[busy]
        deviation[busy] = of_busy
        return np.asarray((deviation / with_floor(mixed, shares.study.uniform)) ** 2)

    def _mixed(self, shares: Shares, at: int) -> tuple[Floats, NDArray[np.int64]]:
        """Return the share of each cell, and which are the busiest."""
        stacked, trust = shares.stacked(self.components, at), shares.trust(self.components, at)
        mixed = mix(self.everywhere, stacked, trust)
        busy = _busiest(mixed)
        mixed[busy] = mixed[busy].sum() * mix(self.busy, _among(stacked, busy), trust)
        return np.asarray(mixed / mixed.sum()), busy

    def _trusted(self, weights: Floats, shares: Shares, at: int) -> Floats:
        trusted = weights * shares.trust(self.components, at)
        return np.asarray(trusted / trusted.sum())


def _busiest(share: Floats) -> NDArray[np.int64]:
    return np.argsort(-share, kind="stable")[: max(1, int(BUSY_SHARE * len(share)))]


def _among(stacked: Floats, busy: NDArray[np.int64]) -> Floats:
    """Return the components' shares of what falls in the busiest cells, rows of sum 1."""
    inside = stacked[:, busy]
    masses = inside.sum(axis=1, keepdims=True)
    return np.asarray(np.where(masses > 0, inside / np.maximum(masses, 1e-12), 1 / len(busy)))
