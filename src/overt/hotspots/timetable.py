"""The timetable of the worst cells: their busiest hours, and how well such hours foretell.

Invariants: cells are chosen by what is expected of them, as in the ranking; the hours of a window
are foretold from before it.
Must not: show a cell's own peak where the data do not support one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from overt.hotspots.evaluation import default_folds, default_window
from overt.hotspots.events import EventSet
from overt.hotspots.grids import grid_for
from overt.hotspots.hours import HoursFold, HoursScore, Peak, Pooling, make_hours, peak, score_hours
from overt.hotspots.mixture import Component, Shares
from overt.hotspots.projection import Floats
from overt.hotspots.study import make_study
from overt.hotspots.timeline import Timeline, make_timeline

_HALF_LIFE: Final = 72.0
_N_PASTS: Final = 6


@dataclass(frozen=True, slots=True)
class CellHours:
    """One cell's hours.

    Attributes:
        cell: its label.
        longitude: of its middle.
        latitude: of its middle.
        n_events: with an hour.
        is_own: whether the peak is the cell's own; else it is its area's.
        odds: how much likelier its offences are under a profile of its own.
        peak: the busiest hours on end.
        profile: share of each hour of the week.
    """

    cell: str
    longitude: float
    latitude: float
    n_events: float
    is_own: bool
    odds: float
    peak: Peak
    profile: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Timetable:
    """Hours of the force and of its worst cells.

    Attributes:
        grid: of the cells.
        label: what the offences are.
        n_events: with an hour.
        n_without: offences that tell none.
        pooling: as learnt.
        force: share of each hour.
        force_peak: the busiest hours on end.
        cells: from the worst.
        scores: of ways to foretell; empty with too little data.
    """

    grid: str
    label: str
    n_events: int
    n_without: int
    pooling: Pooling
    force: tuple[float, ...]
    force_peak: Peak
    cells: tuple[CellHours, ...]
    scores: tuple[HoursScore, ...]


def make_timetable(
    events: EventSet,
    resolution: str,
    *,
    n_top: int,
    n_hours: int,
    kinds: Sequence[str] = (),
    boundary: shapely.Geometry | None = None,
) -> Timetable:
    """Return the hours of the ``n_top`` cells with the most decayed offences a square metre.

    Args:
        events: all of them.
        resolution: as :func:`overt.hotspots.grids.grid_for` takes it.
        n_top: how many cells.
        n_hours: length of a peak, 1 to 167.
        kinds: of offence; all if none.
        boundary: of the area.

    Raises:
        InputError: too fine a resolution, no hour known, or nothing to map.
    """
    reported = events.select(kinds=kinds, origin="victim")
    grid = grid_for(resolution, events.provenance.precision)
    study = make_study(
        grid,
        reported.frame["longitude"].to_numpy(),
        reported.frame["latitude"].to_numpy(),
        boundary,
    )
    timeline = make_timeline(reported)
    shares = Shares(study, timeline)
    end = timeline.n_months
    density = shares.share(Component("own", _HALF_LIFE), end) / study.areas_m2
    chosen = np.argsort(-density, kind="stable")[:n_top]
    model = make_hours(reported, study, chosen)
    window = default_window(end)
    pooling = model.learn(_pasts(timeline, end, window))
    found = model.profiles(timeline.counts_in(0, end), pooling)
    labels = grid.labels(study.cells[chosen])
    middles = np.column_stack(grid.centres(study.cells[chosen]))
    own = found.has_own
    cells = []
    for i, label in enumerate(labels):
        profile = found.cells[i] if own[i] else found.areas[model.area_of_cell[i]]
        cells.append(
            CellHours(
                cell=label,
                longitude=float(middles[i, 0]),
                latitude=float(middles[i, 1]),
                n_events=float(found.n_of_cell[i]),
                is_own=bool(own[i]),
                odds=float(np.exp(min(found.log_odds[i], 50.0))),
                peak=peak(profile, n_hours),
                profile=_rounded(profile),
            )
        )
    folds = [
        HoursFold(
            _pasts(timeline, start, window),
            timeline.counts_in(0, start),
            timeline.counts_in(start, start + window),
        )
        for start in default_folds(end, window)
        if start >= 2 * window
    ]
    return Timetable(
        grid=grid.name,
        label=events.provenance.label,
        n_events=len(reported.frame) - model.hours.n_without,
        n_without=model.hours.n_without,
        pooling=pooling,
        force=_rounded(found.force),
        force_peak=peak(found.force, n_hours),
        cells=tuple(cells),
        scores=tuple(score_hours(model, folds)) if folds else (),
    )


def _pasts(timeline: Timeline, at: int, window: int) -> list[tuple[Floats, Floats]]:
    """Return what was known before the last windows before ``at``, and what came in them."""
    starts = range(at - window, 0, -window)
    return [
        (timeline.counts_in(0, start), timeline.counts_in(start, start + window))
        for start in list(starts)[:_N_PASTS]
    ]


def _rounded(profile: Floats) -> tuple[float, ...]:
    return tuple(round(float(share), 6) for share in profile)
