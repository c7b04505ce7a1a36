"""``overt hotspots hours``: when offences happen, in the force and in its worst cells.

Exit codes: as ``overt hotspots``.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from overt.cli.hotspots_maps import Boundary, Events, Kinds, read_area
from overt.cli.options import AsJson
from overt.core.errors import StorageError

if TYPE_CHECKING:
    from overt.hotspots.timetable import Timetable


def hours(
    events: Events,
    resolution: Annotated[
        str, typer.Option(help="H3 resolution, or hex100: 100 m hexagons of the National Grid.")
    ] = "10",
    top: Annotated[int, typer.Option(min=1, help="How many of the worst cells.")] = 20,
    peak_hours: Annotated[int, typer.Option(min=1, max=167, help="Length of a peak.")] = 8,
    out: Annotated[
        Path | None, typer.Option(help="JSON to write, with every hour of every cell.")
    ] = None,
    kind: Kinds = None,
    boundary: Boundary = None,
    as_json: AsJson = False,
) -> None:
    """Show the busiest hours of the week; a cell has a peak of its own only if data support it.

    Offences of an interval count in every hour of it; those known to the month only, in none.
    """
    from overt.hotspots.events import read_events
    from overt.hotspots.timetable import make_timetable

    console = Console(stderr=True, quiet=as_json)
    with console.status("counting hours"):
        timetable = make_timetable(
            read_events(events),
            resolution,
            n_top=top,
            n_hours=peak_hours,
            kinds=tuple(kind or ()),
            boundary=read_area(boundary),
        )
    written = json.dumps(_as_json(timetable), indent=2)
    if out is not None:
        try:
            out.write_text(written, "utf-8")
        except OSError as error:
            raise StorageError(f"The hours could not be written to {out.name}.") from error
    if as_json:
        print(written)
    else:
        _print(console, timetable)


def _as_json(timetable: "Timetable") -> dict[str, object]:
    said = asdict(timetable)
    pooling = said["pooling"]
    said["pooling"] = {
        name: None if value == float("inf") else value for name, value in pooling.items()
    }
    for row in (said, *said["cells"]):
        key = "force_peak" if row is said else "peak"
        peak = row[key]
        row[key] = {**peak, "share": round(peak["share"], 6)}
    return said


def _print(console: Console, timetable: "Timetable") -> None:
    without = f", {timetable.n_without:,} without" if timetable.n_without else ""
    console.print(
        f"{timetable.n_events:,} {timetable.label} with an hour{without}. The busiest "
        f"{timetable.force_peak.n_hours} hours of the week: {timetable.force_peak}, "
        f"{timetable.force_peak.share:.1%} of all.",
        highlight=False,
        soft_wrap=True,
    )
    table = Table("cell", "longitude", "latitude", "offences", "busiest", "share", "", box=None)
    for cell in timetable.cells:
        table.add_row(
            cell.cell,
            f"{cell.longitude:.5f}",
            f"{cell.latitude:.5f}",
            f"{cell.n_events:,.0f}",
            str(cell.peak),
            f"{cell.peak.share:.1%}",
            "its own" if cell.is_own else "its area's",
        )
    console.print(table)
    for score in timetable.scores:
        console.print(
            f"  {score.method}: {score.bits_per_event:+.3f} bits an offence over an even week",
            style="dim",
            highlight=False,
        )
