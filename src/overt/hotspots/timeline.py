"""Offences on a time axis in months, with what each force supplied.

Time is counted in months from the first month of the set, with fractions. An offence in a month
that was not supplied in full is left out; in place of it, every other offence of the force counts a
little more, by the share of the (decayed) time that is missing. Thus a gap lowers no rate.

Invariants: an offence that is not covered has weight 0 everywhere.
Must not: know places.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from overt.core.errors import InputError
from overt.hotspots.events import EventSet, month_index, month_name
from overt.hotspots.projection import Floats

FOREVER: Final = float("inf")
"""Half-life of counts that do not decay."""


@dataclass(frozen=True)
class Timeline:
    """When each offence was, whose it is, and which months count.

    Attributes:
        first_month: index of month 0, as :func:`overt.hotspots.events.month_index`.
        n_months: from the first to the last covered month of any force.
        months: of each offence, months since month 0, with fractions.
        force_of: of each offence, index into the rows of ``covered``.
        covered: forces × months, whether the month counts.
    """

    first_month: int
    n_months: int
    months: Floats
    force_of: NDArray[np.int64]
    covered: NDArray[np.bool_]

    def counts_in(self, start: float, end: float) -> Floats:
        """Return 1 for each covered offence from ``start`` and before ``end``, else 0."""
        return (self._is_covered & (self.months >= start) & (self.months < end)).astype(float)

    def weights(self, at: float, half_life: float, since: float = 0.0) -> Floats:
        """Return the decayed weight of each covered offence before ``at``.

        Args:
            at: months; offences from then on weigh nothing.
            half_life: months, or :data:`FOREVER`.
            since: offences before it weigh nothing.
        """
        decayed = self.counts_in(since, at) * _decay(at - self.months, half_life)
        return decayed * self._supplied(at, half_life, since)[self.force_of]

    def exposure(self, at: float, half_life: float) -> float:
        """Return the decayed months before ``at`` that the forces supplied, on average."""
        middles = np.arange(self.n_months, dtype=np.float64) + 0.5
        weight = np.where(middles < at, _decay(at - middles, half_life), 0.0)
        if self._usual.sum() == 0:
            return float(weight.sum())
        return float(np.average(self.covered @ weight, weights=self._usual))

    def share_covered(self, start: int, end: int) -> float:
        """Return the share of the forces' months from ``start`` and before ``end`` that counts.

        Forces count by their usual number of offences.
        """
        shares = self.covered[:, start:end].mean(axis=1)
        if self._usual.sum() == 0:
            return 0.0
        return float(np.average(shares, weights=self._usual))

    def expected(self, at: int, n_months: int, n_recent: int) -> float:
        """Return how many offences ``n_months`` from ``at`` would have at the recent rate.

        Of each force the ``n_recent`` last covered months before ``at`` are taken.
        """
        total = 0.0
        for force, covered in enumerate(self.covered):
            recent = np.flatnonzero(covered[:at])[-n_recent:]
            if len(recent):
                of_force = (self.force_of == force) & (self.counts_in(0, at) > 0)
                n = np.isin(np.floor(self.months[of_force]), recent).sum()
                total += n / len(recent) * n_months
        return total

    def name(self, month: int) -> str:
        """Return ``YYYY-MM`` of a month of the line."""
        return month_name(self.first_month + month)

    @cached_property
    def _is_covered(self) -> NDArray[np.bool_]:
        month = np.clip(np.floor(self.months).astype(int), 0, self.n_months - 1)
        inside = (self.months >= 0) & (self.months < self.n_months)
        return np.asarray(inside & self.covered[self.force_of, month])

    @cached_property
    def _usual(self) -> Floats:
        """Return each force's usual number of offences a month."""
        n = np.bincount(self.force_of[self._is_covered], minlength=len(self.covered))
        return np.asarray(n / np.maximum(self.covered.sum(axis=1), 1))

    def _supplied(self, at: float, half_life: float, since: float) -> Floats:
        """Return for each force how much more its offences count for what is missing."""
        middles = np.arange(self.n_months, dtype=np.float64) + 0.5
        month_weight = np.where(
            (middles < at) & (middles >= since), _decay(at - middles, half_life), 0.0
        )
        there = self.covered @ month_weight
        return np.where(there > 0, month_weight.sum() / np.maximum(there, 1e-12), 0.0)


def make_timeline(events: EventSet) -> Timeline:
    """Return the timeline of a set.

    Raises:
        InputError: no offence, no covered month, or a force without a state for its months.
    """
    frame = events.frame
    if frame.is_empty():
        raise InputError("There is no offence to map.")
    known = [row for row in events.provenance.coverage if row.state == "covered"]
    if not known:
        raise InputError("No month of any force is covered.")
    first = min(month_index(row.month) for row in known)
    n_months = max(month_index(row.month) for row in known) - first + 1
    forces = sorted({row.force for row in events.provenance.coverage})
    at = {force: i for i, force in enumerate(forces)}
    covered = np.zeros((len(forces), n_months), bool)
    for row in known:
        covered[at[row.force], month_index(row.month) - first] = True
    if missing := sorted(set(frame["force"].unique()) - set(forces)):
        raise InputError(f"The events do not say which months {missing[0]} supplied.")
    return Timeline(
        first_month=first,
        n_months=n_months,
        months=_months(frame) - first,
        force_of=frame["force"].replace_strict(at, return_dtype=pl.Int64).to_numpy(),
        covered=covered,
    )


def parse_month(text: str, timeline: Timeline) -> int:
    """Return the month of the line that ``YYYY-MM`` names.

    Raises:
        InputError: it names none.
    """
    try:
        month = month_index(text) - timeline.first_month
    except ValueError as error:
        raise InputError(f"{text!r} is not a month: {error}.") from error
    if not 0 < month < timeline.n_months:
        raise InputError(
            f"The events are from {timeline.name(0)} to {timeline.name(timeline.n_months - 1)}; "
            f"{text} is not after the first of them and before the end."
        )
    return month


def half_lives_within(candidates: Iterable[float], span: float) -> list[float]:
    """Return the half-lives that can be told apart over ``span`` months, and no decay at all."""
    return [h for h in candidates if h <= span] + [FOREVER]


def _months(frame: pl.DataFrame) -> Floats:
    """Return months since year 0; where nothing finer is known, the middle of the month or day."""
    middle = pl.col("begins") + (pl.col("ends") - pl.col("begins")) / 2
    kept_in_month = pl.min_horizontal(
        middle, pl.col("begins").dt.month_end() + pl.duration(hours=23)
    )
    when = (
        pl.when(pl.col("time_precision") == "interval")
        .then(pl.col("begins"))
        .otherwise(kept_in_month)
    )
    parts = frame.select(
        year=when.dt.year().cast(pl.Float64),
        month=when.dt.month().cast(pl.Float64) - 1,
        day=(when - when.dt.month_start().dt.truncate("1d")).dt.total_seconds() / 86_400,
        n_days=when.dt.days_in_month().cast(pl.Float64),
    )
    whole = parts["year"] * 12 + parts["month"]
    return (whole + (parts["day"] / parts["n_days"]).clip(0, 1 - 1e-9)).to_numpy()


def _decay(age: Floats, half_life: float) -> Floats:
    if np.isinf(half_life):
        return np.ones_like(age)
    return np.asarray(0.5 ** (np.maximum(age, 0.0) / half_life))
