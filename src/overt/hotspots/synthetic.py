"""A city that never was, with everything known of it: for tests, and for teaching.

Rates are laid on a fine square lattice: a quiet background, broad clusters around centres, and a
few hot spots of one lattice cell. Offences are Poisson around them. Then come the troubles of real
data: a trend, hours of the week, places snapped to shared points, months that a force did not
supply, and an intervention with or without effect.

Invariants: the same plan and seed give the same city; the true rate of every offence's place is
known; no offence of a missing month is in the data.
Must not: resemble a real place or person.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from overt.hotspots.coverage import find_coverage
from overt.hotspots.events import SCHEMA, EventSet, Provenance, month_index, month_name
from overt.hotspots.grids import Cells, Grid
from overt.hotspots.mapping import Covers, Place
from overt.hotspots.precision import assess
from overt.hotspots.projection import Floats, LocalPlane

FORCE: Final = "Synthetic Police"
N_HOURS: Final = 168
_NEAR_M: Final = 25.0


@dataclass(frozen=True, slots=True)
class Intervention:
    """Something done at the worst places.

    Attributes:
        month: of the data, from which it works.
        n_places: worst lattice cells that it covers.
        effect: factor on their rates; 1 for none.
    """

    month: int
    n_places: int
    effect: float = 1.0


@dataclass(frozen=True, slots=True)
class CityPlan:
    """What the city is to be.

    Attributes:
        width_m: of the square city.
        pitch_m: of the lattice of true rates.
        n_months: of data.
        first_month: ``YYYY-MM``.
        n_a_year: offences expected in the first year.
        n_clusters: broad clusters; 0 for none.
        cluster_m: standard deviation of a cluster.
        cluster_share: of the offences, in clusters.
        n_spots: hot lattice cells; 0 for none.
        spot_share: of the offences, in hot cells.
        trend: factor on the rate from one year to the next.
        night_share: of the offences, on Friday and Saturday nights.
        snap_m: pitch of the points that places are moved to; 0 for exact places.
        missing_months: not supplied.
        intervention: if there is one.
        longitude: of the middle.
        latitude: of the middle.
    """

    width_m: float = 8_000.0
    pitch_m: float = 100.0
    n_months: int = 72
    first_month: str = "2018-01"
    n_a_year: float = 800.0
    n_clusters: int = 8
    cluster_m: float = 400.0
    cluster_share: float = 0.4
    n_spots: int = 60
    spot_share: float = 0.3
    trend: float = 1.0
    night_share: float = 0.35
    snap_m: float = 0.0
    missing_months: Sequence[int] = ()
    intervention: Intervention | None = None
    longitude: float = -1.5
    latitude: float = 53.0


@dataclass(frozen=True)
class City:
    """The city and its data.

    Attributes:
        plan: what it was made to.
        events: what a force would hold.
        east_m: of each lattice cell's middle, from the middle of the city.
        north_m: likewise.
        rates: true offences a year of each lattice cell in the first year.
        worst: lattice cells of the intervention.
    """

    plan: CityPlan
    events: EventSet
    east_m: Floats
    north_m: Floats
    rates: Floats
    worst: NDArray[np.int64] = field(repr=False)

    def true_rates(self, grid: Grid, cells: Cells, start: float, n_months: float) -> Floats:
        """Return the true expected offences of each cell in ``n_months`` from a month.

        Offences are spread evenly in a lattice cell, so its rate is shared among 25 parts of it.
        """
        plane = LocalPlane(self.plan.longitude, self.plan.latitude)
        totals = np.zeros(len(cells))
        steps = (np.arange(5) - 2) * self.plan.pitch_m / 5
        factors = _month_factors(self.plan)[int(start) : int(start + n_months)]
        rate = self.rates / 12 * factors.sum()
        if (change := self.plan.intervention) is not None:
            months = np.arange(int(start), int(start + n_months))
            after = factors[months >= change.month].sum() / factors.sum()
            rate = rate.copy()
            rate[self.worst] *= 1 - after * (1 - change.effect)
        for east in steps:
            for north in steps:
                places = plane.to_degrees(self.east_m + east, self.north_m + north)
                of = grid.cells(*places)
                at = np.minimum(np.searchsorted(cells, of), len(cells) - 1)
                found = cells[at] == of
                totals += np.bincount(at[found], weights=rate[found] / 25, minlength=len(cells))
        return totals


def make_city(plan: CityPlan, seed: int) -> City:
    """Return a city made to a plan."""
    rng = np.random.default_rng(seed)
    east_m, north_m, rate = _rates(plan, rng)
    worst = np.argsort(-rate)[: plan.intervention.n_places if plan.intervention else 0]
    cell, month = _draw(plan, rate, worst, rng)
    east = east_m[cell] + rng.uniform(-0.5, 0.5, len(cell)) * plan.pitch_m
    north = north_m[cell] + rng.uniform(-0.5, 0.5, len(cell)) * plan.pitch_m
    if plan.snap_m:
        east, north = (np.round(v / plan.snap_m) * plan.snap_m for v in (east, north))
    plane = LocalPlane(plan.longitude, plan.latitude)
    longitude, latitude = plane.to_degrees(east, north)
    frame = _frame(plan, longitude, latitude, month, rng)
    return City(plan, _events(plan, frame), east_m, north_m, rate, worst)


def _rates(plan: CityPlan, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Return the lattice and its true offences a year."""
    n = int(plan.width_m / plan.pitch_m)
    middles = (np.arange(n) - (n - 1) / 2) * plan.pitch_m
    east_m, north_m = (axis.ravel() for axis in np.meshgrid(middles, middles))
    clustered, spotted = np.zeros(n * n), np.zeros(n * n)
    for x, y in rng.uniform(-0.4, 0.4, (plan.n_clusters, 2)) * plan.width_m:
        away = ((east_m - x) ** 2 + (north_m - y) ** 2) / plan.cluster_m**2
        clustered += rng.gamma(2.0) * np.exp(-away / 2)
    if plan.n_spots:
        lure = clustered + max(clustered.mean(), 1e-9) / 2
        spots = rng.choice(n * n, plan.n_spots, replace=False, p=lure / lure.sum())
        spotted[spots] = rng.pareto(2.5, plan.n_spots) + 0.3
    rate = np.full(n * n, 1 / n**2)
    for part, share in ((clustered, plan.cluster_share), (spotted, plan.spot_share)):
        if part.sum() > 0:
            rate = rate * (1 - share) + share * part / part.sum()
    return east_m, north_m, rate * plan.n_a_year


def _month_factors(plan: CityPlan) -> Floats:
    return np.asarray(plan.trend ** (np.arange(plan.n_months) // 12), np.float64)


def _draw(
    plan: CityPlan, rate: Floats, worst: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the lattice cell and the month of each offence."""
    cells, months = [], []
    for month, factor in enumerate(_month_factors(plan)):
        mean = rate / 12 * factor
        if plan.intervention is not None and month >= plan.intervention.month:
            mean[worst] *= plan.intervention.effect
        # As many as a Poisson draw for each cell, in time that the offences and not the cells take.
        n = rng.poisson(mean.sum())
        at = np.searchsorted(np.cumsum(mean), rng.uniform(0, mean.sum(), n))
        if month not in plan.missing_months:
            cells.append(np.minimum(at, len(rate) - 1))
            months.append(np.full(n, month))
    return np.concatenate(cells), np.concatenate(months)


def night_hours() -> NDArray[np.bool_]:
    """Return which hours of the week, from Monday midnight, are the city's nights."""
    night = np.zeros(N_HOURS, bool)
    for day in (4, 5):
        night[day * 24 + 20 : day * 24 + 28] = True
    return night


def _frame(
    plan: CityPlan,
    longitude: Floats,
    latitude: Floats,
    month: NDArray[np.int64],
    rng: np.random.Generator,
) -> pl.DataFrame:
    first = month_index(plan.first_month)
    n = len(month)
    frame = pl.DataFrame({"longitude": longitude, "latitude": latitude, "month": first + month})
    # Three whole weeks from each month's first Monday: hours of the week have equal chances, and
    # no offence slips into the next month.
    week_hour = rng.integers(0, N_HOURS, n)
    at_night = rng.uniform(size=n) < plan.night_share
    week_hour[at_night] = rng.choice(np.flatnonzero(night_hours()), int(at_night.sum()))
    minutes = week_hour * 60 + rng.integers(0, 60, n) + rng.integers(0, 3, n) * N_HOURS * 60
    first_day = pl.datetime(pl.col("month") // 12, pl.col("month") % 12 + 1, 1)
    monday = first_day + pl.duration(days=(8 - first_day.dt.weekday()) % 7)
    if plan.snap_m:
        times = {"begins": first_day, "ends": first_day.dt.offset_by("1mo")}
    else:
        at = (monday + pl.duration(minutes=pl.lit(pl.Series(minutes)))).dt.cast_time_unit("us")
        times = {"begins": at, "ends": at}
    return frame.with_columns(
        event_id=pl.format("s{}", pl.int_range(pl.len())),
        force=pl.lit(FORCE),
        kind=pl.lit("synthetic offence"),
        origin=pl.lit("victim"),
        time_precision=pl.lit("month" if plan.snap_m else "instant"),
        snap_point=pl.lit(None, pl.UInt64),
        **times,
    )


def _events(plan: CityPlan, frame: pl.DataFrame) -> EventSet:
    first = month_index(plan.first_month)
    covers = Covers(
        first=plan.first_month,
        last=month_name(first + plan.n_months - 1),
        except_months=tuple(month_name(first + month) for month in plan.missing_months),
    )
    frame = frame.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()).sort("begins")
    provenance = Provenance(
        sources=(),
        precision=assess(
            frame["longitude"].to_numpy(),
            frame["latitude"].to_numpy(),
            Place(is_snapped=True) if plan.snap_m else Place(),
            lattice_m=0.0,
            only_months=bool(plan.snap_m),
        ),
        coverage=find_coverage(frame, covers),
        n_read=len(frame),
        n_refused=0,
        n_duplicates=0,
        label="synthetic offences",
    )
    return EventSet(frame, provenance)
