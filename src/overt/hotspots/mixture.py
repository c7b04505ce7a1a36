"""The learnt mixture: own counts and kernels at several distances, weighted by what came true.

Each component is a share of all offences for each cell, made from what was known at a time. The
weights maximise the likelihood of the offences of later windows under the weighted sum. The
likelihood is concave in the weights, so that EM from equal weights finds the one maximum. It is an
empirical Bayes estimate that borrows from neighbours: the weight of the own count is how far a cell
is believed over its surroundings, in place and in time.

Invariants: components and weights sum to 1; weights are fitted as the forecast is scored, with its
floor; nothing from the window that is predicted is in a component.
Must not: look at ranks or hit rates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from overt.hotspots.projection import Floats
from overt.hotspots.study import Study
from overt.hotspots.timeline import FOREVER, Timeline, half_lives_within

BANDWIDTHS_M: Final = (80.0, 150.0, 400.0, 1_000.0)
OWN_HALF_LIVES: Final = (6.0, 24.0, 72.0)
KERNEL_HALF_LIVES: Final = (72.0,)

STRENGTHS: Final = (1.0, 4.0)
_POOLED_M: Final = (150.0, 400.0, 1_000.0)
_POOLED_FLOOR: Final = 0.05

UNIFORM_SHARE: Final = 0.02
"""Of every forecast, whatever its method: no cell is impossible, one surprise decides nothing."""

N_STEPS: Final = 150
STRIDE: Final = 4.0
"""EM steps taken at once, which their slow end allows; one that loses likelihood is taken back."""

TOLERANCE: Final = 1e-7
"""Nats an offence by which a step must still gain; less moves no forecast by a thousandth."""


@dataclass(frozen=True, slots=True)
class Component:
    """One way to share out the offences.

    Attributes:
        kind: ``own``, ``kernel``, ``pooled`` (own counts shrunk towards kernels) or ``floor``.
        half_life: months after which an offence counts half; infinite if it never does.
        bandwidth_m: of a kernel, else 0.
        strength: of a pooled count: the offences that the surroundings count for.
    """

    kind: str
    half_life: float = FOREVER
    bandwidth_m: float = 0.0
    strength: float = 0.0

    def __str__(self) -> str:
        if self.kind == "floor":
            return "floor"
        decay = "no decay" if np.isinf(self.half_life) else f"half-life {self.half_life:g} months"
        if self.kind == "pooled":
            return f"own cell shrunk by {self.strength:g} offences, {decay}"
        where = "own cell" if self.kind == "own" else f"kernel {self.bandwidth_m:g} m"
        return f"{where}, {decay}"


FLOOR: Final = Component("floor")


def components_for(n_months: float) -> tuple[Component, ...]:
    """Return the components that ``n_months`` of data can tell apart."""
    own = half_lives_within(OWN_HALF_LIVES, n_months)
    kernel = half_lives_within(KERNEL_HALF_LIVES, n_months)[:1]
    return (
        *(Component("own", half_life) for half_life in own),
        *(Component("kernel", half_life, b) for half_life in kernel for b in BANDWIDTHS_M),
        *(Component("pooled", kernel[0], strength=strength) for strength in STRENGTHS),
        FLOOR,
    )


def _alike(kernel: Component) -> list[Component]:
    """Return the mixture's kernels of the same half-life, or this one if it is none of them."""
    if kernel.bandwidth_m not in BANDWIDTHS_M:
        return [kernel]
    return [Component("kernel", kernel.half_life, bandwidth_m) for bandwidth_m in BANDWIDTHS_M]


@dataclass(frozen=True)
class Shares:
    """Makes components of one study and timeline, and keeps those it made.

    Attributes:
        study: the cells.
        timeline: the offences' times.
    """

    study: Study
    timeline: Timeline
    _kept: dict[tuple[Component, float], Floats] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _sampled: dict[tuple[Component, float], Floats] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def share(self, component: Component, at: float) -> Floats:
        """Return the component at a time, shape (n_cells,), sum 1."""
        if (component, at) not in self._kept:
            for made, share in self._make(component, at):
                self._kept[made, at] = share
        return self._kept[component, at]

    def stacked(self, components: Sequence[Component], at: float) -> Floats:
        """Return several, shape (n_components, n_cells)."""
        return np.stack([self.share(component, at) for component in components])

    def trust(self, components: Sequence[Component], at: float) -> Floats:
        """Return how many months' offences stand behind each own count, 1 for other components.

        A count is believed over its surroundings in proportion to the time that it was taken over:
        with a Gamma prior of weight κ months, a count over E months has the weight E / (κ + E).
        """
        return np.array(
            [
                self.timeline.exposure(at, c.half_life) if c.kind == "own" else 1.0
                for c in components
            ]
        )

    def sampling(self, component: Component, at: float) -> Floats:
        """Return the standard deviation of a component by the sampling of its offences.

        A kernel of bandwidth b squared is a kernel of bandwidth b / √2, times the share that it
        has in a cell in the middle: area / (4 π b²).
        """
        if component.kind == "floor":
            return np.zeros(self.study.n_cells)
        if (component, at) in self._sampled:
            return self._sampled[component, at]
        weights = self.timeline.weights(at, component.half_life)
        total = max(float(weights.sum()), 1e-12)
        if component.kind == "kernel":
            made = _alike(component)
            narrower = [each.bandwidth_m / np.sqrt(2) for each in made]
            squares = self.study.smoothed_each(weights**2, narrower)
            for each, squared in zip(made, squares, strict=True):
                share = self.study.areas_m2 / (4 * np.pi * each.bandwidth_m**2)
                deviation = np.sqrt(np.minimum(share, 1.0) * squared) / total
                self._sampled[each, at] = np.asarray(deviation)
            return self._sampled[component, at]
        own = np.sqrt(self.study.counts(weights**2)) / total
        if component.kind == "own":
            return np.asarray(own)
        expected = self._around(component.half_life, at) * total
        return np.asarray(own * expected / (component.strength + expected))

    def window(self, start: float, end: float) -> Floats:
        """Return the number of covered offences of each cell in a window."""
        return self.study.counts(self.timeline.counts_in(start, end))

    def forget(self, before: float) -> None:
        """Drop components of times before ``before``."""
        for kept in (self._kept, self._sampled):
            for key in [key for key in kept if key[1] < before]:
                del kept[key]

    def _make(self, component: Component, at: float) -> list[tuple[Component, Floats]]:
        """Return a component; of the mixture's kernels all that share a half-life, at one cost."""
        if component.kind == "floor":
            return [(component, self.study.uniform)]
        if component.kind == "pooled":
            return [(component, self._pooled(component, at))]
        weights = self.timeline.weights(at, component.half_life)
        if component.kind == "own":
            return [(component, self._normal(self.study.counts(weights)))]
        made = _alike(component)
        masses = self.study.smoothed_each(weights, [each.bandwidth_m for each in made])
        return [(each, self._normal(mass)) for each, mass in zip(made, masses, strict=True)]

    def _normal(self, mass: Floats) -> Floats:
        total = mass.sum()
        return np.asarray(mass / total) if total > 0 else self.study.uniform

    def _around(self, half_life: float, at: float) -> Floats:
        kernels = [self.share(Component("kernel", half_life, b), at) for b in _POOLED_M]
        near = np.mean(kernels, axis=0)
        return np.asarray((1 - _POOLED_FLOOR) * near + _POOLED_FLOOR * self.study.uniform)

    def _pooled(self, component: Component, at: float) -> Floats:
        """Return own counts under a Gamma prior of fixed shape around the kernels' mean.

        Unlike in the weighted sum, a busy place is believed over its surroundings more than a quiet
        one: the posterior mean of n offences with m expected is ``m (s + n) / (s + m)``.
        """
        half_life, strength = component.half_life, component.strength
        near = self._around(half_life, at)
        counts = self.study.counts(self.timeline.weights(at, half_life))
        expected = near * counts.sum()
        mass = expected * (strength + counts) / (strength + expected)
        total = mass.sum()
        return np.asarray(mass / total) if total > 0 else self.study.uniform


@dataclass(frozen=True, slots=True)
class Window:
    """What was known before a window, and what happened in it.

    Attributes:
        shares: components from before it, the floor last, shape (n_components, n_cells).
        trust: how much each component's weight is multiplied by for what it was made from.
        counts: offences in it, shape (n_cells,).
    """

    shares: Floats
    trust: Floats
    counts: Floats


def fit_weights(windows: Sequence[Window]) -> Floats:
    """Return the weights, before trust, that make these windows most likely; sum 1.

    The forecast of a window is ``weights * trust`` scaled to sum 1, times its shares. The steps are
    those of EM, with the scaling minorised by its tangent; each single step raises the likelihood.
    """
    happened = [window.counts > 0 for window in windows]
    shares = [
        with_floor(window.shares[:, cells], window.shares[-1, cells])
        for window, cells in zip(windows, happened, strict=True)
    ]
    counts = [w.counts[h] for w, h in zip(windows, happened, strict=True)]
    n_events = sum(float(c.sum()) for c in counts)
    weights = np.full(len(windows[0].shares), 1 / len(windows[0].shares))
    best, last, stride = weights, -np.inf, STRIDE
    for _ in range(N_STEPS if n_events else 0):
        likelihood = 0.0
        credit, cost = np.zeros_like(weights), np.zeros_like(weights)
        for window, share, count in zip(windows, shares, counts, strict=True):
            trusted = weights * window.trust
            mixed = trusted @ share
            credit += trusted * (share @ (count / mixed))
            cost += count.sum() * window.trust / trusted.sum()
            likelihood += float(count @ np.log(mixed / trusted.sum()))
        if likelihood < last and stride > 1:
            weights, stride, last = best, 1.0, -np.inf
            continue
        best, gained, last = weights, likelihood - last, likelihood
        if gained < TOLERANCE * n_events:
            break
        step = credit / cost / np.maximum(weights, 1e-300)
        weights = weights * step**stride
        weights /= weights.sum()
    return weights


def with_floor(shares: Floats, uniform: Floats) -> Floats:
    """Return forecasts mixed with :data:`UNIFORM_SHARE` of the uniform one, as all are scored."""
    return np.asarray((1 - UNIFORM_SHARE) * shares + UNIFORM_SHARE * uniform)


def mix(weights: Floats, shares: Floats, trust: Floats) -> Floats:
    """Return the forecast share of each cell, sum 1."""
    trusted = weights * trust
    return np.asarray((trusted / trusted.sum()) @ shares)
