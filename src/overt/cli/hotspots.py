"""``overt hotspots``: from tables of offences to ranked places and hours, and how good they are.

Exit codes: 0; 2 options that do not fit together; 3 a table, mapping or events file that cannot be
used, or a resolution finer than the places are known; 7 a result that could not be written.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TextColumn

from overt.cli.hotspots_hours import hours
from overt.cli.hotspots_maps import evaluate, rank
from overt.cli.options import AsJson
from overt.core.errors import InputError, StorageError

if TYPE_CHECKING:
    from overt.hotspots.ingest import Ingested
    from overt.hotspots.mapping import Mapping

app = typer.Typer(
    name="hotspots",
    help="Where and when offences concentrate: places and hours, never people.",
    no_args_is_help=True,
)


@app.command("ingest")
def ingest_sources(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Files, folders or ZIPs: police.uk street CSVs, or a force's tables."),
    ],
    out: Annotated[Path, typer.Option(help="The events file to write (Parquet).")],
    mapping: Annotated[
        Path | None,
        typer.Option(help="TOML that says what the columns mean; without it: police.uk."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="CSV of every row that was refused or a repeat, and why.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read and clean offences: only place, time, kind and force; each refusal is told.

    A month that a force did not supply is missing, and not zero. Places that are snapped to shared
    points are found out, and set the finest resolution.
    """
    from overt.hotspots.events import write_events
    from overt.hotspots.ingest import ingest
    from overt.hotspots.mapping import POLICE_UK
    from overt.hotspots.sources import count_tables

    meaning = POLICE_UK if mapping is None else _read_mapping(mapping)
    console = Console(stderr=True, quiet=as_json)
    with Progress(
        *Progress.get_default_columns(),
        TextColumn("{task.fields[name]}"),
        console=console,
        transient=True,
        disable=as_json,
    ) as progress:
        task = progress.add_task("reading", total=count_tables(sources), name="")
        ingested = ingest(
            sources, meaning, each_file=lambda name: progress.update(task, advance=1, name=name)
        )
    write_events(ingested.events, out)
    if report is not None:
        try:
            ingested.report.write_csv(report)
        except OSError as error:
            raise StorageError(f"The report could not be written to {report.name}.") from error
    if as_json:
        print(json.dumps(_ingested_json(ingested), indent=2))
    else:
        _print_ingested(console, ingested, out, report)


def _read_mapping(path: Path) -> "Mapping":
    from overt.hotspots.mapping import MAX_MAPPING_BYTES, load_mapping

    try:
        with path.open("rb") as file:
            return load_mapping(file.read(MAX_MAPPING_BYTES + 1))
    except OSError as error:
        raise InputError(f"The mapping {path.name} cannot be read.") from error


def _ingested_json(ingested: "Ingested") -> dict[str, object]:
    provenance = asdict(ingested.events.provenance)
    by_reason = ingested.report.group_by("reason").len().sort("reason")
    return {
        "n_events": len(ingested.events.frame),
        "n_left_out": ingested.n_left_out,
        **provenance,
        "by_reason": dict(by_reason.iter_rows()),
        "superseded": list(ingested.superseded),
    }


def _print_ingested(console: Console, ingested: "Ingested", out: Path, report: Path | None) -> None:
    said = ingested.events.provenance
    n_events = len(ingested.events.frame)
    console.print(
        f"{n_events:,} events of {said.n_read:,} rows in {escape(out.name)}; {said.n_refused:,} "
        f"refused, {said.n_duplicates:,} repeats, {ingested.n_left_out:,} of other kinds.",
        highlight=False,
        soft_wrap=True,
    )
    for reason, n in ingested.report.group_by("reason").len().sort("len", descending=True).rows():
        console.print(f"  {n:,}: {reason}", highlight=False, soft_wrap=True)
    for each in said.coverage:
        if each.state != "covered":
            console.print(
                f"[yellow]{each.state}[/] {escape(each.force)} {each.month}: {each.reason}",
                highlight=False,
                soft_wrap=True,
            )
    for name in ingested.superseded:
        console.print(f"[yellow]superseded[/] {escape(name)}: a later source has it again.")
    console.print(
        f"Finest resolution {said.precision.finest_resolution}: {said.precision.reason}",
        highlight=False,
        soft_wrap=True,
    )
    if len(ingested.report) and report is None:
        console.print("Name a file with --report to see each row.", style="dim")


app.command("rank")(rank)
app.command("evaluate")(evaluate)
app.command("hours")(hours)
