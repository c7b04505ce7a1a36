"""``overt hotspots rank`` and ``evaluate``: what is expected where, and how good that is.

Exit codes: as ``overt hotspots``.
"""

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from overt.cli.options import AsJson
from overt.core.clock import SystemClock
from overt.core.errors import InputError, UsageError

if TYPE_CHECKING:
    import shapely

    from overt.hotspots.evaluation import Evaluation
    from overt.hotspots.events import EventSet
    from overt.hotspots.grids import Grid
    from overt.hotspots.mixture import Shares
    from overt.hotspots.ranking import Ranking

Events = Annotated[Path, typer.Argument(help="An events file of overt hotspots ingest.")]
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", help="Only this kind of offence; repeatable.")
]
Boundary = Annotated[
    Path | None,
    typer.Option(help="GeoJSON of the area; else the cells within 1 km of an offence."),
]
DEFAULT_SHARES = {"h3-10": (0.005, 0.05), "hex100": (0.005, 0.05)}


def rank(
    events: Events,
    out: Annotated[
        list[Path] | None,
        typer.Option(help="Map to write: .parquet (GeoParquet), .geojson or .csv; repeatable."),
    ] = None,
    resolution: Annotated[
        str, typer.Option(help="H3 resolution, or hex100: 100 m hexagons of the National Grid.")
    ] = "10",
    top: Annotated[int, typer.Option(min=1, help="How many cells are called the worst.")] = 100,
    months: Annotated[
        int, typer.Option(min=0, help="Length of the window to come; 0 for the usual one.")
    ] = 0,
    cells: Annotated[int, typer.Option(min=0, help="How many cells to write; 0 for all.")] = 0,
    kind: Kinds = None,
    boundary: Boundary = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws that give intervals.")] = 20260401,
    as_json: AsJson = False,
) -> None:
    """Rank cells by the offences expected of them, with intervals, tiers and significance.

    Only what victims and witnesses reported raises a rank. A resolution finer than the places are
    known is refused.
    """
    from overt.hotspots.events import read_events
    from overt.hotspots.outputs import check_format, write_ranking
    from overt.hotspots.ranking import N_STAGES, RankingOptions, criteria
    from overt.hotspots.ranking import rank as make_ranking

    for path in out or []:
        check_format(path)
    options = RankingOptions(
        resolution=resolution,
        n_top=top,
        n_months=months,
        kinds=tuple(kind or ()),
        boundary=read_area(boundary),
        seed=seed,
    )
    console = Console(stderr=True, quiet=as_json)
    with Progress(console=console, transient=True, disable=as_json) as progress:
        task = progress.add_task("reading", total=N_STAGES + 1)
        ranking = make_ranking(
            read_events(events),
            options,
            stage=lambda name: progress.update(task, advance=1, description=name),
        )
    said = criteria(ranking, options, SystemClock().now_utc())
    for path in out or []:
        write_ranking(ranking, said, path, cells or None)
    if as_json:
        worst = ranking.cells.head(top).to_dicts()
        print(json.dumps({**said, "cells": worst}, indent=2))
    else:
        _print_ranking(console, ranking, top)


def read_area(path: Path | None) -> "shapely.Geometry | None":
    """Return the area of a boundary file, if there is one."""
    from overt.hotspots.study import read_boundary

    if path is None:
        return None
    try:
        return read_boundary(path.read_bytes())
    except OSError as error:
        raise InputError(f"The boundary {path.name} cannot be read.") from error


def _print_ranking(console: Console, ranking: "Ranking", top: int) -> None:
    first, last, begins, ends = ranking.period
    console.print(
        f"{ranking.n_events:,} {ranking.label}, {first} to {last}; forecast {begins} to {ends}; "
        f"{ranking.study.n_cells:,} cells of {ranking.study.grid.name}.",
        highlight=False,
        soft_wrap=True,
    )
    table = Table(
        "rank", "90 %", "tier", "cell", "longitude", "latitude", "a year", "90 %", "hot", box=None
    )
    for row in ranking.cells.head(min(top, 20)).iter_rows(named=True):
        table.add_row(
            f"{row['rank']:,}",
            f"{row['rank_low']:,} to {row['rank_high']:,}",
            row["tier"],
            row["cell"],
            f"{row['longitude']:.5f}",
            f"{row['latitude']:.5f}",
            f"{row['expected_a_year']:.2f}",
            f"{row['low_a_year']:.2f} to {row['high_a_year']:.2f}",
            "yes" if row["is_significant"] else "",
        )
    console.print(table)
    tiers = ranking.cells.head(top)["tier"].value_counts().sort("tier")
    told = ", ".join(f"{n:,} in tier {tier}" for tier, n in tiers.iter_rows())
    console.print(
        f"Of the {top:,} worst: {told}; {ranking.shift_agreement:.0%} stay when the grid is moved. "
        f"{ranking.n_significant:,} cells have more than their surroundings explain.",
        highlight=False,
        soft_wrap=True,
    )


def evaluate(
    events: Events,
    resolution: Annotated[
        list[str] | None, typer.Option(help="H3 resolution or hex100; repeatable.")
    ] = None,
    area_share: Annotated[
        list[float] | None, typer.Option(help="Share of the area to choose; repeatable.")
    ] = None,
    window: Annotated[
        int, typer.Option(min=0, help="Months that are forecast at a time; 0 for the usual.")
    ] = 0,
    test_from: Annotated[
        str | None, typer.Option(help="First month to be forecast, YYYY-MM; else the second half.")
    ] = None,
    kind: Kinds = None,
    boundary: Boundary = None,
    as_json: AsJson = False,
) -> None:
    """How well this would have done forward in time, beside counts and KDE, and what falls anyway.

    Each window is forecast from what was known before it. The method of Overt is named overt.
    """
    from overt.hotspots.evaluation import default_folds, default_window
    from overt.hotspots.evaluation import evaluate as score
    from overt.hotspots.events import read_events
    from overt.hotspots.grids import grid_for
    from overt.hotspots.timeline import parse_month

    if any(not 0 < share <= 1 for share in area_share or []):
        raise UsageError("A share of the area is over 0 and at most 1.")
    read = read_events(events)
    chosen = read.select(kinds=kind or (), origin="victim")
    finest = read.provenance.precision.finest_resolution
    names = resolution or [str(r) for r in (9, 10) if r <= finest]
    area = read_area(boundary)
    console = Console(stderr=True, quiet=as_json)
    evaluations = []
    with Progress(console=console, transient=True, disable=as_json) as progress:
        for name in names:
            shares = _shares(grid_for(name, read.provenance.precision), chosen, area)
            n_months = shares.timeline.n_months
            length = window or default_window(n_months)
            folds = default_folds(n_months, length)
            if test_from is not None:
                folds = list(range(parse_month(test_from, shares.timeline), n_months, length))
            grid_name = shares.study.grid.name
            default = DEFAULT_SHARES.get(grid_name, (0.01,))
            task = progress.add_task(grid_name, total=len(folds))
            evaluations.append(
                score(
                    shares,
                    folds,
                    length,
                    area_share or default,
                    each_fold=partial(_advance, progress, task),
                )
            )
    if as_json:
        print(json.dumps(_evaluations_json(evaluations, read.provenance.label), indent=2))
    else:
        for each in evaluations:
            _print_evaluation(console, each)


def _advance(progress: Progress, task: TaskID, _: int) -> None:
    progress.update(task, advance=1)


def _shares(grid: "Grid", events: "EventSet", boundary: "shapely.Geometry | None") -> "Shares":
    from overt.hotspots.mixture import Shares
    from overt.hotspots.study import make_study
    from overt.hotspots.timeline import make_timeline

    longitude, latitude = events.frame["longitude"].to_numpy(), events.frame["latitude"].to_numpy()
    return Shares(make_study(grid, longitude, latitude, boundary), make_timeline(events))


def _resolution(grid_name: str) -> int | str:
    """Return the number of an H3 grid, as it is asked for, or the name of another."""
    number = grid_name.removeprefix("h3-")
    return int(number) if number.isdecimal() else grid_name


def _evaluations_json(evaluations: "list[Evaluation]", label: str) -> dict[str, object]:
    return {
        "label": label,
        "rows": [
            {**asdict(row), "resolution": _resolution(row.resolution)}
            for each in evaluations
            for row in each.rows
        ],
        "evaluations": [
            {
                "resolution": _resolution(each.resolution),
                "n_cells": each.n_cells,
                "window_months": each.n_months,
                "folds": list(each.folds),
                "n_events": each.n_events,
                "regression_to_the_mean": {
                    "n_worst": 100,
                    "predicted_ratio": each.predicted_ratio,
                    "observed_ratio": each.observed_ratio,
                    "city_ratio": each.city_ratio,
                    "folds": [asdict(fall) for fall in each.falls],
                },
                "calibration": [asdict(each_bin) for each_bin in each.calibration],
            }
            for each in evaluations
        ],
    }


def _print_evaluation(console: Console, evaluation: "Evaluation") -> None:
    console.print(
        f"{evaluation.resolution}: {evaluation.n_events:,} offences in {len(evaluation.folds)} "
        f"windows of {evaluation.n_months} months from {evaluation.folds[0]}, "
        f"{evaluation.n_cells:,} cells.",
        highlight=False,
        soft_wrap=True,
    )
    table = Table("method", "area", "hits", "PAI", "PEI", "bits an offence", box=None)
    for row in evaluation.rows:
        table.add_row(
            row.method,
            f"{row.area_share:.1%}",
            f"{row.hit_rate:.1%}",
            f"{row.pai:.1f}",
            f"{row.pei:.3f}",
            f"{row.bits_per_event:.2f}",
        )
    console.print(table)
    console.print(
        f"The 100 worst cells of one window kept {evaluation.observed_ratio:.2f} of their offences "
        f"in the next, with nobody doing anything; {evaluation.predicted_ratio:.2f} was forecast.",
        highlight=False,
        soft_wrap=True,
    )
