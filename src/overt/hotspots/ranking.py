"""The ranked map: cells by what is expected of them, with how far that can be trusted.

    events → study and timeline → forecast of the next window → rates, ranks, tiers, significance

Invariants: only offences that victims and witnesses brought to notice raise a rank; what police
activity found stands beside it in a column of its own; cells are ranked by density over true areas.
Must not: print a rank without its interval.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

from overt.hotspots import posterior
from overt.hotspots.evaluation import default_window
from overt.hotspots.events import EventSet
from overt.hotspots.forecast import Forecast, make_forecast
from overt.hotspots.grids import Grid, ShiftedGrid, grid_for
from overt.hotspots.mixture import Shares
from overt.hotspots.projection import Floats
from overt.hotspots.significance import significance
from overt.hotspots.study import Study, make_study
from overt.hotspots.timeline import make_timeline

N_STAGES: Final = 5
N_TESTED: Final = 3
"""Windows before the end whose offences are tested for significance."""
SEED: Final = 20_260_401

Stage = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RankingOptions:
    """What is asked for.

    Attributes:
        resolution: as :func:`overt.hotspots.grids.grid_for` takes it.
        n_top: how many cells are called the worst.
        n_months: length of the window to come; 0 for the usual one.
        kinds: of offence; all if none.
        boundary: of the area, if not the reach of the offences.
        seed: of the draws.
    """

    resolution: str
    n_top: int = 100
    n_months: int = 0
    kinds: Sequence[str] = ()
    boundary: shapely.Geometry | None = None
    seed: int = SEED


@dataclass(frozen=True, slots=True)
class Ranking:
    """A ranked map.

    Attributes:
        cells: one row a cell, from the densest, columns as made below.
        study: the cells' ground.
        order: index of each row's cell in the study.
        forecast: that the rank is made of.
        weights: of the mixture's components everywhere.
        period: months of the data, first and last, and of the forecast.
        label: what the offences are.
        n_events: that raised ranks.
        n_significant: cells with more than their surroundings explain.
        shift_agreement: share of the worst cells that are still among them on a shifted grid.
    """

    cells: pl.DataFrame
    study: Study
    order: NDArray[np.int64]
    forecast: Forecast
    weights: Floats
    period: tuple[str, str, str, str]
    label: str
    n_events: int
    n_significant: int
    shift_agreement: float


def rank(events: EventSet, options: RankingOptions, *, stage: Stage | None = None) -> Ranking:
    """Return the ranked map of the window after the data.

    Args:
        events: all of them.
        options: what is asked for.
        stage: told the name of each of the :data:`N_STAGES` stages when it begins.

    Raises:
        InputError: too fine a resolution, an unknown kind, no offence, or too few months.
    """
    tell = stage or _nobody
    grid = grid_for(options.resolution, events.provenance.precision)
    chosen = events.select(kinds=options.kinds)
    reported = chosen.select(origin="victim")
    tell("laying cells")
    timeline = make_timeline(reported)
    study = _study(grid, reported, options.boundary)
    shares = Shares(study, timeline)
    n_months = options.n_months or default_window(timeline.n_months)
    tell("learning weights")
    forecast = make_forecast(shares, timeline.n_months, n_months)
    tell("drawing ranks")
    ranks = posterior.ranks(
        forecast.expected, study.areas_m2, forecast.shape, options.n_top, options.seed
    )
    tell("testing significance")
    window = timeline.counts_in(timeline.n_months - N_TESTED * n_months, timeline.n_months)
    surprise = significance(study, window)
    tell("shifting the grid")
    stays = _stays(reported, study, forecast, options)
    frame = _frame(
        study,
        forecast,
        ranks,
        {
            "n_recent": study.counts(window).astype(np.int64),
            "n_police": _found_by_police(chosen, study),
            "p_value": surprise.p_values,
            "q_value": surprise.q_values,
            "is_significant": surprise.is_hot,
            "stays_when_shifted": stays,
        },
    )
    order = np.argsort(ranks.rank, kind="stable")
    end = timeline.n_months
    return Ranking(
        cells=frame[order],
        study=study,
        order=order,
        forecast=forecast,
        weights=forecast.learnt.weights(shares, forecast.at),
        period=(
            timeline.name(0),
            timeline.name(end - 1),
            timeline.name(end),
            timeline.name(end + n_months - 1),
        ),
        label=events.provenance.label,
        n_events=int(timeline.counts_in(0, end).sum()),
        n_significant=int(surprise.is_hot.sum()),
        shift_agreement=float(stays[order[: options.n_top]].mean()),
    )


def _nobody(name: str) -> None:
    del name


def _study(grid: Grid, events: EventSet, boundary: shapely.Geometry | None) -> Study:
    return make_study(
        grid,
        events.frame["longitude"].to_numpy(),
        events.frame["latitude"].to_numpy(),
        boundary,
    )


def _frame(
    study: Study,
    forecast: Forecast,
    ranks: posterior.Ranks,
    more: dict[str, NDArray[np.generic]],
) -> pl.DataFrame:
    longitude, latitude = study.grid.centres(study.cells)
    known = posterior.rates(forecast.expected, forecast.shape)
    a_year = 12 / forecast.n_months
    return pl.DataFrame(
        {
            "rank": ranks.rank,
            "rank_low": ranks.low,
            "rank_high": ranks.high,
            "tier": ranks.tier,
            "p_top": ranks.p_top,
            "cell": list(study.grid.labels(study.cells)),
            "longitude": longitude,
            "latitude": latitude,
            "area_m2": study.areas_m2,
            "expected_a_year": known.mean * a_year,
            "low_a_year": known.low * a_year,
            "high_a_year": known.high * a_year,
            "density_a_year_km2": known.mean * a_year / study.areas_m2 * 1e6,
            **more,
        }
    )


def _found_by_police(chosen: EventSet, study: Study) -> NDArray[np.int64]:
    """Return what police activity found in each cell; shown, and never ranked."""
    found = chosen.select(origin="police").frame
    cells = study.grid.cells(found["longitude"].to_numpy(), found["latitude"].to_numpy())
    at = np.minimum(np.searchsorted(study.cells, cells), study.n_cells - 1)
    inside = study.cells[at] == cells
    return np.bincount(at[inside], minlength=study.n_cells).astype(np.int64)


def _stays(
    events: EventSet, study: Study, forecast: Forecast, options: RankingOptions
) -> NDArray[np.bool_]:
    """Return which cells' middles are in one of the worst cells of a shifted grid as well.

    The grid is moved by half a cell to the east and a third to the north; the weights stay.
    """
    step_m = study.grid.spacing_m
    shifted = _study(ShiftedGrid(study.grid, step_m / 2, step_m / 3), events, options.boundary)
    shares = Shares(shifted, make_timeline(events))
    share = forecast.learnt.mixed(shares, forecast.at)
    worst = np.argsort(-share / shifted.areas_m2, kind="stable")[: options.n_top]
    there = shifted.grid.cells(*study.grid.centres(study.cells))
    return np.isin(there, shifted.cells[worst])


def criteria(ranking: Ranking, options: RankingOptions, made_utc: datetime) -> dict[str, object]:
    """Return what the map was made by and from, for whoever has to repeat it."""
    forecast, learnt = ranking.forecast, ranking.forecast.learnt
    return {
        "label": ranking.label,
        "grid": ranking.study.grid.name,
        "n_cells": ranking.study.n_cells,
        "n_events": ranking.n_events,
        "kinds": list(options.kinds),
        "data_from": ranking.period[0],
        "data_to": ranking.period[1],
        "forecast_from": ranking.period[2],
        "forecast_to": ranking.period[3],
        "n_top": options.n_top,
        "seed": options.seed,
        "expected": round(forecast.total, 3),
        "weights": {
            str(component): round(float(weight), 4)
            for component, weight in zip(learnt.components, ranking.weights, strict=True)
        },
        "n_significant": ranking.n_significant,
        "shift_agreement": round(ranking.shift_agreement, 4),
        "made_utc": made_utc.isoformat(timespec="seconds"),
    }
