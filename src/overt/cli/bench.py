"""``overt bench``: how fast, on this machine, beside a peer measured in the same run.

Every figure is a median over repeats with its least and greatest value; Overt and its peer take
turns, so that a machine that slows down slows both.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from overt.cli.measured import machine
from overt.cli.options import AsJson, Device, RuntimeName

app = typer.Typer(
    name="bench", help="Speed on this machine, beside a peer in the same run.", no_args_is_help=True
)


@app.command("pipeline")
def pipeline(
    clip: Annotated[
        Path | None, typer.Option(help="A video of your own; else a street is rendered.")
    ] = None,
    people: Annotated[
        Path | None, typer.Option(help="Portraits for the street; else the packaged two.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=12, help="Length of the rendered street.")] = 24.0,
    repeats: Annotated[int, typer.Option(min=1, max=50, help="Runs of each.")] = 5,
    peer_frames: Annotated[
        int, typer.Option(min=1, help="How many frames the slower peer is given in each run.")
    ] = 60,
    runtime: RuntimeName = "openvino",
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Frames a second from file to stored alert, beside the plain OpenCV loop, same weights."""
    from overt.cli.bench_pipeline import PipelineBench, measure_pipeline

    console = Console(stderr=True, quiet=as_json)
    bench: PipelineBench = measure_pipeline(
        clip=clip,
        people=people,
        seconds=seconds,
        repeats=repeats,
        peer_frames=peer_frames,
        runtime=runtime,
        device=device,
        console=console,
    )
    if as_json:
        print(json.dumps({"machine": machine(), **bench.as_dict()}, indent=2))
        return
    _print_machine(console)
    _print_pipeline(console, bench.as_dict())


def _print_machine(console: Console) -> None:
    facts = machine()
    console.print(
        f"{facts['processor']}, {facts['cores']} cores, {facts['system']}, Python {facts['python']}"
    )


def _print_pipeline(console: Console, figures: dict[str, Any]) -> None:
    table = Table("", "median", "least", "greatest", box=None)
    for name, row in (
        ("Overt, frames a second", figures["overt_fps"]),
        ("plain OpenCV loop, frames a second", figures["peer_fps"]),
        ("times faster, run by run", figures["ratio"]),
        ("decoding alone, frames a second", figures["decode_fps"]),
        ("Overt, processor time a frame, ms", figures["cpu_ms_a_frame"]),
        ("frame to stored alert, median, ms", figures["latency_median_ms"]),
        ("frame to stored alert, 99th percentile, ms", figures["latency_p99_ms"]),
    ):
        if row is not None:
            table.add_row(name, *(f"{row[key]:.1f}" for key in ("median", "min", "max")))
    console.print(
        f"{figures['n_frames']:,} frames, {figures['faces_a_frame']:.1f} faces a frame found"
    )
    console.print(table)
    stages = Table("stage of the frame path", "ms a frame", box=None)
    for stage, ms in figures["stage_ms_a_frame"].items():
        stages.add_row(stage, f"{ms:.2f}")
    console.print(stages)
    console.print(
        "wait: for the decoder, which has a thread of its own; detect: for the detector beyond "
        "what ran beside other stages.",
        style="dim",
    )


@app.command("match")
def match(
    sizes: Annotated[
        list[int] | None, typer.Option(min=1, help="Sizes of the list; repeatable.")
    ] = None,
    probes: Annotated[int, typer.Option(min=1, help="Probes for each size.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Milliseconds to compare one probe with a list, beside a plain NumPy product."""
    from overt.cli.bench_match import measure_match

    rows = measure_match(sizes or [2_500, 20_000, 100_000], probes)
    if as_json:
        print(json.dumps({"machine": machine(), "rows": rows}, indent=2))
        return
    console = Console(stderr=True)
    _print_machine(console)
    table = Table("entries", "dims", "Overt ms", "NumPy ms", "same answers as the oracle", box=None)
    for row in rows:
        table.add_row(
            f"{row['n']:,}",
            str(row["dims"]),
            f"{row['overt_ms']:.3f}",
            f"{row['numpy_ms']:.3f}",
            f"{row['agreement']:.0%}",
        )
    console.print(table)


@app.command("enrol")
def enrol(
    people: Annotated[
        Path | None, typer.Option(help="A folder or ZIP of pictures; else the packaged two.")
    ] = None,
    n_people: Annotated[int, typer.Option(min=1, help="How many people in each run.")] = 200,
    repeats: Annotated[int, typer.Option(min=1, max=50, help="Runs of each.")] = 5,
    runtime: RuntimeName = "openvino",
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """People enrolled a second, beside one thread and beside the plain OpenCV loop."""
    from overt.cli.bench_enrol import measure_enrol

    console = Console(stderr=True, quiet=as_json)
    figures = measure_enrol(
        people=people,
        n_people=n_people,
        repeats=repeats,
        runtime=runtime,
        device=device,
        console=console,
    ).as_dict()
    if as_json:
        print(json.dumps({"machine": machine(), **figures}, indent=2))
        return
    _print_machine(console)
    table = Table("", "median", "least", "greatest", box=None)
    for name, key in (
        ("Overt, people a second", "people_s"),
        ("Overt on one thread, people a second", "one_worker_people_s"),
        ("plain OpenCV loop, people a second", "peer_people_s"),
        ("times faster, run by run", "ratio"),
        ("Overt, processor time a person, ms", "cpu_ms_a_person"),
    ):
        table.add_row(name, *(f"{figures[key][each]:.1f}" for each in ("median", "min", "max")))
    console.print(
        f"{figures['n_people']:,} people, {figures['n_pictures']:,} pictures, "
        f"{figures['n_accepted']:,} people accepted"
    )
    console.print(table)


@app.command("hotspots")
def hotspots(
    sizes: Annotated[
        list[int] | None, typer.Option(min=1_000, help="Numbers of offences; repeatable.")
    ] = None,
    resolution: Annotated[str, typer.Option(help="H3 resolution, or hex100.")] = "10",
    as_json: AsJson = False,
) -> None:
    """Seconds from a raw table of offences to a ranked map, and the memory that takes."""
    from overt.cli.hotspots_bench import measure_hotspots

    rows = measure_hotspots(sizes or [100_000, 1_000_000], resolution)
    if as_json:
        print(json.dumps({"machine": machine(), "rows": rows}, indent=2))
        return
    console = Console(stderr=True)
    _print_machine(console)
    table = Table("offences", "cells", "ingest s", "rank s", "write s", "all s", "GiB", box=None)
    for row in rows:
        table.add_row(
            f"{row['n_rows']:,}",
            f"{row['n_cells']:,}",
            *(f"{row[key]:.1f}" for key in ("ingest_s", "rank_s", "write_s", "total_s")),
            f"{row['peak_memory_gib']:.1f}",
        )
    console.print(table)


@app.command("ledger")
def ledger(
    records: Annotated[int, typer.Option(min=1000, help="How many to append.")] = 100_000,
    folder: Annotated[
        Path | None, typer.Option(help="On which disk; else where temporary files lie.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Records appended a second, proofs and checks, beside plain appends to SQLite."""
    from overt.cli.bench_ledger import measure_ledger

    console = Console(stderr=True, quiet=as_json)
    figures = measure_ledger(records, folder, console).as_dict()
    if as_json:
        print(json.dumps({"machine": machine(), **figures}, indent=2))
        return
    _print_machine(console)
    _print_ledger(console, figures)


def _print_ledger(console: Console, figures: dict[str, Any]) -> None:
    table = Table("", "median", "least", "greatest", box=None)
    for name, key in (
        ("Overt, records a second, 1,000 a transaction", "overt_rate"),
        ("the same, processor time a record, µs", "cpu_us_a_record"),
        ("SQLite alone, the same bytes", "plain_rate"),
        ("SQLite with a chain of hashes, the same bytes", "chain_rate"),
        ("Overt, records a second, one a transaction", "single_rate"),
        ("SQLite alone, one a transaction", "plain_single_rate"),
        ("opening the store, ms", "open_ms"),
        ("an inclusion proof, ms", "inclusion_ms"),
        ("the same, bytes with its checkpoint", "inclusion_bytes"),
        ("a consistency proof, ms", "consistency_ms"),
        ("the same, bytes with its checkpoint", "consistency_bytes"),
    ):
        table.add_row(name, *(f"{figures[key][each]:,.1f}" for each in ("median", "min", "max")))
    marks = ", ".join(
        f"{rate:,} at {mark} %" for mark, rate in figures["records_a_second_at_percent"].items()
    )
    console.print(
        f"{figures['n_records']:,} records of {figures['bytes_a_record']:.0f} bytes, "
        f"{figures['disk_bytes_a_record']:.0f} on the disk: "
        f"{figures['records_a_second']:,} a second over all; {marks}"
    )
    console.print(table)
    console.print(
        f"verified in the database in {figures['verify_in_place_s']:.1f} s "
        f"({figures['verify_in_place_cpu_s']:.1f} s of a core); exported in "
        f"{figures['export_s']:.1f} s ({figures['export_cpu_s']:.1f}) at "
        f"{figures['export_bytes_a_record']:.0f} bytes a record; verified offline in "
        f"{figures['verify_offline_s']:.1f} s ({figures['verify_offline_cpu_s']:.1f})"
    )
