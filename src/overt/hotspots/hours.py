"""Hours of the week: when offences happen in the force, in an area, and, where data allow, a cell.

An offence of a known moment counts in its hour. One of an interval counts in every hour of it by
the share of the interval that the hour has (aoristic weights, Ratcliffe 2000): the middle of an
interval would mislead. Counts are smoothed around the week, which has no end. A cell's profile is
drawn to its area's (cells of H3 resolution 7, about 5 km²), and the area's to the force's, as far
as earlier windows showed that this predicts best: a handful of offences in a cell says little of
168 hours.

Hours are numbered from Monday midnight, local time: 0 to 167.

Invariants: profiles sum to 1; a cell is said to have a peak of its own only if its offences are ten
times likelier under one than under its area's profile.
Must not: give an hour to an offence whose month only is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import gammaln

from overt.core.errors import InputError
from overt.hotspots.events import EventSet
from overt.hotspots.h3_grid import H3Grid
from overt.hotspots.mixture import UNIFORM_SHARE
from overt.hotspots.projection import Floats
from overt.hotspots.study import Indices, Study

N_HOURS: Final = 168
AREA_RESOLUTION: Final = 7
BANDWIDTHS_H: Final = (1.0, 2.0, 3.0, 4.0)
STRENGTHS: Final = (10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0, float("inf"))
"""Offences that the profile above counts for; infinite: only the profile above."""

CLEAR_BITS: Final = 4.0
"""Less than that in all windows together is noise: one chance in sixteen."""

SUPPORT: Final = 10.0
_BLOCK_H: Final = 4
_BLOCK_STRENGTH: Final = 20.0


@dataclass(frozen=True, slots=True)
class WeekHours:
    """Offences' shares of hours of the week.

    Attributes:
        event: index of the offence, of each share.
        hour: 0 to 167.
        share: of the offence; the shares of one offence sum to 1.
        n_without: offences that tell no hour.
    """

    event: Indices
    hour: Indices
    share: Floats
    n_without: int

    def profile(self, weights: Floats) -> Floats:
        """Return the weight in each hour, shape (168,)."""
        return np.bincount(
            self.hour, weights=self.share * weights[self.event], minlength=N_HOURS
        ).astype(np.float64)

    def profiles(self, weights: Floats, group: Indices, n_groups: int) -> Floats:
        """Return the weight in each hour for each group of offences, shape (n_groups, 168)."""
        flat = group[self.event] * N_HOURS + self.hour
        counts = np.bincount(
            flat, weights=self.share * weights[self.event], minlength=n_groups * N_HOURS
        )
        return counts.reshape(n_groups, N_HOURS).astype(np.float64)


def week_hours(events: EventSet) -> WeekHours:
    """Return the hours of the week of each offence.

    Raises:
        InputError: none is known to the day.
    """
    frame = events.frame.with_row_index("event")
    timed = frame.filter(pl.col("time_precision") != "month")
    if timed.is_empty():
        raise InputError("Only months are known of these offences; months tell no hours.")
    monday = (pl.col("begins").dt.weekday().cast(pl.Float64) - 1) * 24
    begins = (
        monday
        + pl.col("begins").dt.hour().cast(pl.Float64)
        + pl.col("begins").dt.minute().cast(pl.Float64) / 60
    )
    lasts = (pl.col("ends") - pl.col("begins")).dt.total_seconds() / 3600
    spans = timed.select("event", begins=begins, lasts=lasts)
    event = spans["event"].to_numpy().astype(np.int64)
    # After a whole week every hour has its turn; the rest of a longer interval adds nothing.
    first = spans["begins"].to_numpy()
    last = first + np.minimum(spans["lasts"].to_numpy(), float(N_HOURS))
    n_touched = (np.ceil(np.maximum(last, first + 1e-9)) - np.floor(first)).astype(np.int64)
    which = np.repeat(np.arange(len(event)), n_touched)
    step = np.arange(len(which)) - np.repeat(np.cumsum(n_touched) - n_touched, n_touched)
    hour = np.floor(first)[which].astype(np.int64) + step
    inside = np.minimum(last[which], hour + 1) - np.maximum(first[which], hour)
    whole = (last - first)[which]
    share = np.where(whole > 0, inside / np.maximum(whole, 1e-9), 1.0)
    return WeekHours(event[which], hour % N_HOURS, share, len(frame) - len(timed))


def smooth(profile: Floats, bandwidth_h: float) -> Floats:
    """Return counts smoothed by a Gaussian around the week; the sum stays.

    Args:
        profile: shape (..., 168).
        bandwidth_h: standard deviation in hours.
    """
    away = np.arange(N_HOURS)
    away = np.minimum(away, N_HOURS - away)
    kernel = np.exp(-0.5 * (away / bandwidth_h) ** 2)
    spectrum = np.fft.rfft(profile, axis=-1) * np.fft.rfft(kernel / kernel.sum())
    return np.maximum(np.fft.irfft(spectrum, N_HOURS, axis=-1), 0.0)


@dataclass(frozen=True, slots=True)
class Pooling:
    """How profiles are drawn to the profile above; learnt.

    Attributes:
        bandwidth_h: of the smoothing of the force's profile.
        area: offences that the force's profile counts for in an area.
        cell: offences that the area's profile counts for in a cell.
    """

    bandwidth_h: float
    area: float
    cell: float


@dataclass(frozen=True, slots=True)
class Profiles:
    """Profiles of all levels; each row sums to 1.

    Attributes:
        force: shape (168,).
        areas: shape (n_areas, 168).
        cells: pooled, shape (n_cells, 168).
        n_of_cell: offences with an hour, of each cell.
        log_odds: of each cell, natural logarithm of how much likelier its offences are under a
            profile of its own than under its area's.
    """

    force: Floats
    areas: Floats
    cells: Floats
    n_of_cell: Floats
    log_odds: Floats

    @property
    def has_own(self) -> NDArray[np.bool_]:
        """Return which cells have a profile of their own that the data support."""
        return np.asarray(self.log_odds >= np.log(SUPPORT))


@dataclass(frozen=True)
class HoursModel:
    """Offences' hours in chosen cells and the areas around them.

    Attributes:
        hours: of all offences.
        cell_of: chosen cell of each offence, or the number of chosen cells for none.
        area_of: area of each offence.
        area_of_cell: area of each chosen cell.
        n_areas: how many there are.
    """

    hours: WeekHours
    cell_of: Indices
    area_of: Indices
    area_of_cell: Indices
    n_areas: int

    @property
    def n_cells(self) -> int:
        """Return how many cells are chosen."""
        return len(self.area_of_cell)

    def profiles(self, weights: Floats, pooling: Pooling) -> Profiles:
        """Return the profiles of offences with these weights."""
        width = pooling.bandwidth_h
        force = _normal(smooth(self.hours.profile(weights), width))
        in_area = smooth(self.hours.profiles(weights, self.area_of, self.n_areas), width)
        areas = _drawn(in_area, force[np.newaxis], pooling.area)
        raw = self.raw_cells(weights)
        above = areas[self.area_of_cell]
        cells = _drawn(smooth(raw, width), above, pooling.cell)
        return Profiles(force, areas, cells, raw.sum(axis=1), log_odds(raw, above))

    def raw_cells(self, weights: Floats) -> Floats:
        """Return the chosen cells' weights in each hour, shape (n_cells, 168)."""
        return self.hours.profiles(weights, self.cell_of, self.n_cells + 1)[:-1]

    def learn(self, pasts: Sequence[tuple[Floats, Floats]]) -> Pooling:
        """Return the pooling under which what came after is likeliest, all pasts together.

        Args:
            pasts: weights of the offences that were known, and of those to be foretold.
        """
        inf = float("inf")
        cells = [self.raw_cells(after) for _, after in pasts]
        areas = [self.hours.profiles(after, self.area_of, self.n_areas) for _, after in pasts]

        def score(level: str, pooling: Pooling, came: list[Floats]) -> float:
            total = 0.0
            for (before, _), counts in zip(pasts, came, strict=True):
                profile = getattr(self.profiles(before, pooling), level)
                total += _bits(profile, counts) * float(counts.sum())
            return total

        force = [counts.sum(axis=0) for counts in areas]
        width = max(BANDWIDTHS_H, key=lambda w: score("force", Pooling(w, inf, inf), force))
        area = _strongest({s: score("areas", Pooling(width, s, inf), areas) for s in STRENGTHS})
        cell = _strongest({s: score("cells", Pooling(width, area, s), cells) for s in STRENGTHS})
        return Pooling(width, area, cell)


def _strongest(scores: dict[float, float]) -> float:
    """Return the strongest pooling that no weaker one beats clearly, by :data:`CLEAR_BITS`."""
    best = max(scores.values())
    return max(strength for strength, score in scores.items() if score >= best - CLEAR_BITS)


def make_hours(events: EventSet, study: Study, chosen: Indices) -> HoursModel:
    """Return the model of chosen cells.

    Args:
        events: that the study was made from.
        study: the cells.
        chosen: indices of cells of the study.
    """
    slot = np.full(study.n_cells, len(chosen), np.int64)
    slot[chosen] = np.arange(len(chosen))
    areas = H3Grid(AREA_RESOLUTION)
    longitude, latitude = study.grid.centres(study.cells)
    names, area_of_cell = np.unique(areas.cells(longitude, latitude), return_inverse=True)
    return HoursModel(
        hours=week_hours(events),
        cell_of=slot[study.cell_of],
        area_of=area_of_cell[study.cell_of],
        area_of_cell=area_of_cell[chosen],
        n_areas=len(names),
    )


def log_odds(counts: Floats, above: Floats) -> Floats:
    """Return how much likelier counts are under a profile of their own than under the one above.

    Blocks of four hours are compared: Dirichlet-multinomial around the profile above, with the
    strength of 20 offences, over multinomial with the profile above.

    Args:
        counts: shape (n, 168).
        above: shape (n, 168), rows of sum 1.
    """
    blocks = len(counts), N_HOURS // _BLOCK_H, _BLOCK_H
    n, p = counts.reshape(blocks).sum(axis=2), above.reshape(blocks).sum(axis=2)
    p = np.maximum(p, 1e-12)
    alpha = _BLOCK_STRENGTH * p
    total = n.sum(axis=1)
    own = gammaln(_BLOCK_STRENGTH) - gammaln(_BLOCK_STRENGTH + total)
    own = own + (gammaln(alpha + n) - gammaln(alpha)).sum(axis=1)
    return np.asarray(own - (n * np.log(p)).sum(axis=1))


@dataclass(frozen=True, slots=True)
class Peak:
    """The busiest hours on end.

    Attributes:
        start: hour of the week at which they begin.
        n_hours: how many.
        share: of the week's offences in them.
    """

    start: int
    n_hours: int
    share: float

    def __str__(self) -> str:
        end = (self.start + self.n_hours) % N_HOURS
        return f"{_hour_name(self.start)} to {_hour_name(end)}"


def peak(profile: Floats, n_hours: int) -> Peak:
    """Return the ``n_hours`` on end with the largest share of a profile."""
    around = np.concatenate([profile, profile[: n_hours - 1]])
    sums = np.convolve(around, np.ones(n_hours), mode="valid")
    start = int(np.argmax(sums))
    return Peak(start, n_hours, float(sums[start]))


@dataclass(frozen=True, slots=True)
class HoursScore:
    """Log score of foretold hours in the chosen cells, in bits an offence over an even week.

    Attributes:
        method: ``raw cell``, ``smoothed cell``, ``force`` or ``pooled``.
        bits_per_event: mean over the folds.
    """

    method: str
    bits_per_event: float


@dataclass(frozen=True, slots=True)
class HoursFold:
    """One window to be foretold.

    Attributes:
        pasts: what pooling is learnt from; see :meth:`HoursModel.learn`.
        before: weights of the offences that are known.
        after: of those to be foretold.
    """

    pasts: Sequence[tuple[Floats, Floats]]
    before: Floats
    after: Floats


def score_hours(model: HoursModel, folds: Sequence[HoursFold]) -> list[HoursScore]:
    """Return how well each way foretold the hours of the chosen cells, means over the folds."""
    scores: dict[str, list[float]] = {}
    for fold in folds:
        pooling = model.learn(fold.pasts)
        found, raw = model.profiles(fold.before, pooling), model.raw_cells(fold.before)
        came = model.raw_cells(fold.after)
        for name, profile in (
            ("raw cell", _normal(raw)),
            ("smoothed cell", _normal(smooth(raw, pooling.bandwidth_h))),
            ("force", np.broadcast_to(found.force, raw.shape)),
            ("pooled", found.cells),
        ):
            scores.setdefault(name, []).append(_bits(profile, came))
    return [HoursScore(name, float(np.mean(bits))) for name, bits in scores.items()]


def _normal(profile: Floats) -> Floats:
    """Return rows of sum 1; an even week where there is nothing."""
    total = profile.sum(axis=-1, keepdims=True)
    return np.asarray(np.where(total > 0, profile / np.maximum(total, 1e-12), 1 / N_HOURS))


def _drawn(counts: Floats, above: Floats, strength: float) -> Floats:
    if np.isinf(strength):
        return np.broadcast_to(above, counts.shape)
    return _normal(counts + strength * above)


def _bits(profile: Floats, counts: Floats) -> float:
    """Return the log score over an even week, with the usual floor."""
    if counts.sum() == 0:
        return 0.0
    mixed = (1 - UNIFORM_SHARE) * profile + UNIFORM_SHARE / N_HOURS
    return float((counts * np.log2(mixed * N_HOURS)).sum() / counts.sum())


def _hour_name(hour: int) -> str:
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[hour // 24]
    return f"{day} {hour % 24:02}:00"
