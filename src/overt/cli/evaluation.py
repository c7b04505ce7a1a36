"""``overt eval``: how often it is right and wrong, on labelled pictures.

Exit codes: 0; 2 options that do not fit together; 3 data, labels or exclusions that cannot be used,
or too few people; 6 a runtime or device that is not there; 7 a file that could not be written;
9 whoever signs may not.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from overt.cli.options import AsJson, Device, RuntimeName
from overt.core.errors import UsageError

if TYPE_CHECKING:
    from overt.cli.evaluation_data import Sources
    from overt.evaluation.figures import Evaluation
    from overt.evaluation.groups import GroupTable

app = typer.Typer(
    name="eval", help="How often it is right and wrong, with intervals.", no_args_is_help=True
)

Data = Annotated[
    Path, typer.Option(help="Labelled pictures, folder or ZIP: one folder, or file, a person.")
]
Exclude = Annotated[
    Path | None,
    typer.Option(help="Label errors and kin to leave out: people or pictures, one a line."),
]


@app.command("identify")
def identify(
    data: Data,
    watchlist_size: Annotated[int, typer.Option(min=1, help="How many people are listed.")],
    nonmated: Annotated[
        Path | None, typer.Option(help="More pictures of people who are not on the list.")
    ] = None,
    exclude: Exclude = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the lot that says who is listed.")] = 0,
    fpir: Annotated[
        list[float] | None,
        typer.Option(min=0, max=1, help="False-positive rate to keep; repeatable."),
    ] = None,
    draws: Annotated[int, typer.Option(min=1, max=200, help="How many lists are drawn.")] = 5,
    references: Annotated[int, typer.Option(min=1, help="Of each listed person, at most.")] = 1,
    scores: Annotated[
        Literal["cosine", "centred", "t-shift", "s-norm", "as-norm"],
        typer.Option(help="How scores are made; all but the first need a cohort."),
    ] = "cosine",
    cohort_size: Annotated[
        int,
        typer.Option(
            min=0,
            help="Unlisted people kept apart to normalise scores; of --nonmated if given.",
        ),
    ] = 0,
    cache: Annotated[
        bool, typer.Option(help="Keep templates of these pictures for the next time.")
    ] = True,
    out: Annotated[Path | None, typer.Option(help="Where to write the evaluation record.")] = None,
    acting: Annotated[
        Path | None, typer.Option("--as", help="Signing key of whoever answers for the record.")
    ] = None,
    runtime: RuntimeName = "openvino",
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Measure open-set identification: who is found, and who is wrongly flagged, at each rate.

    Lists are drawn from the data by lot. The first picture of each listed person is the reference;
    the others are searched for, and so is everybody who is not listed.
    """
    from overt.cli.evaluation_data import read_sources
    from overt.cli.evaluation_identify import measure, write_record

    if (scores != "cosine") != bool(cohort_size):
        raise UsageError("Normalised scores need --cohort-size, and plain ones have no use for it.")
    if acting is not None and out is None:
        raise UsageError("What is signed is the record: say with --out where to write it.")
    console = Console(stderr=True, quiet=as_json)
    sources = read_sources(
        data, nonmated, exclude, runtime=runtime, device=device, keep=cache, console=console
    )
    found = measure(
        sources,
        list_size=watchlist_size,
        n_references=references,
        n_draws=draws,
        seed=seed,
        scores=scores,
        cohort_size=cohort_size,
        rates=tuple(fpir) if fpir else None,
    )
    signed_by = None if out is None else write_record(out, sources, found, acting)
    if as_json:
        print(json.dumps(_document(sources, found), indent=2))
        return
    _print(console, sources, found)
    if out is not None:
        said = f"signed by {signed_by}" if signed_by else "not signed by anybody"
        console.print(f"The record is in {out}, {said}.", markup=False, highlight=False)


def _document(sources: "Sources", found: "Evaluation") -> dict[str, Any]:
    """Return what ``--json`` prints."""
    from overt.cli.evaluation_identify import as_json_object

    return as_json_object(sources, found)


def _print(console: Console, sources: "Sources", found: "Evaluation") -> None:
    failures = found.failures
    console.print(
        f"{found.plan.n_draws} lists of {found.plan.list_size:,}, scores: {found.scoring}. "
        f"Not enrolled: {failures.n_unenrolled:,} of {failures.n_listed:,}. Without a face: "
        f"{failures.n_mated_unacquired + failures.n_nonmated_unacquired:,} of "
        f"{failures.n_mated + failures.n_nonmated:,} searches. "
        f"Left out: {len(sources.exclusions.people):,} people.",
        highlight=False,
    )
    table = Table(
        "FPIR at most", "threshold", "found (TPIR)", "95 % interval", "mated", "not mated", box=None
    )
    for point in found.points:
        table.add_row(
            f"{point.fpir:.2%}",
            "–" if point.threshold is None else f"{point.threshold:.4f}",
            "–" if point.tpir is None else f"{point.tpir:.1%}",
            "–"
            if point.tpir_interval is None
            else f"{point.tpir_interval.low:.1%} to {point.tpir_interval.high:.1%}",
            f"{point.n_mated:,}",
            f"{point.n_nonmated:,}" + ("" if point.enough else " (too few for this rate)"),
        )
    console.print(table)
    for each in found.groups:
        _print_groups(console, each.fpir, each.table)


def _print_groups(console: Console, fpir: float, groups: "GroupTable") -> None:
    what = "wrongly flagged" if groups.kind == "false_positive" else "missed"
    if not any(each.enough_data for each in groups.rates):
        console.print(f"{what} at {fpir:.2%}, by {groups.column}: not enough data", highlight=False)
        return
    table = Table(
        f"{what} at {fpir:.2%}, by {groups.column}", "rate", "95 % interval", "people", "to best",
        "Holm", box=None,
    )  # fmt: skip
    for each in groups.rates:
        table.add_row(
            each.group,
            f"{each.rate:.2%}",
            f"{each.interval.low:.2%} to {each.interval.high:.2%}",
            f"{each.n_people:,}",
            "–" if each.ratio_to_best is None else f"{each.ratio_to_best:.2f}",
            f"{each.p_holm:.3f}" if each.p_holm is not None else "not enough data",
        )
    console.print(table)
    if groups.spread is not None and groups.spread_if_equal is not None:
        console.print(
            f"Highest to lowest: {groups.spread:.2f}; "
            f"{groups.spread_if_equal:.2f} would be expected if all were treated alike.",
            highlight=False,
        )


@app.command("label-errors")
def label_errors(
    data: Data,
    out: Annotated[Path, typer.Option(help="The table to write (CSV), for --exclude.")],
    at_least: Annotated[
        float, typer.Option(min=-1, max=1, help="Similarity from which a pair is listed.")
    ] = 0.60,
    exclude: Exclude = None,
    cache: Annotated[
        bool, typer.Option(help="Keep templates of these pictures for the next time.")
    ] = True,
    runtime: RuntimeName = "openvino",
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """List the pairs that are most likely one person under two names, for somebody to look at."""
    from overt.cli.evaluation_data import read_sources
    from overt.cli.evaluation_identify import write_label_errors
    from overt.evaluation.label_errors import likely_errors

    console = Console(stderr=True, quiet=as_json)
    sources = read_sources(
        data, None, exclude, runtime=runtime, device=device, keep=cache, console=console
    )
    pairs = likely_errors(sources.data.pool(sources.exclusions), at_least)
    write_label_errors(out, sources.data.labelled, pairs)
    people = {
        sources.data.labelled.pictures[index].person
        for each in pairs
        for index in (each.first, each.second)
    }
    if as_json:
        print(json.dumps({"at_least": at_least, "n_pairs": len(pairs), "n_people": len(people)}))
        return
    console.print(
        f"{len(pairs):,} pairs of {len(people):,} people look like one person from {at_least} on. "
        f"Look at them, mark those that are kin, strike out those that are neither, and give the "
        f"rest to --exclude.",
        highlight=False,
    )
