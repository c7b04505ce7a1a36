"""``overt watchlist``: import pictures into a list, and show what is in it.

Exit codes: 0; 3 nothing could be enrolled or read; 4 a list that was altered; 7 not kept.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from overt.cli import wiring
from overt.cli.options import AsJson, Device, RuntimeName
from overt.core.clock import SystemClock
from overt.core.errors import InputError
from overt.core.ids import WatchlistId

if TYPE_CHECKING:
    from overt.watchlist.enrol import Accepted, Refused

app = typer.Typer(
    name="watchlist", help="Who is looked for: import pictures, show lists.", no_args_is_help=True
)


@app.command("import")
def import_pictures(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder or ZIP: one file a person, named by the file, or one folder a person."
        ),
    ],
    name: Annotated[str, typer.Option(help="What the list is called.")],
    runtime: RuntimeName = "openvino",
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Import pictures as a watchlist; every refusal is told with its reason.

    A second import of the same pictures under the same name changes nothing.
    """
    from overt.cli.results import people
    from overt.video.picture_sets import count_people, read_people
    from overt.watchlist.enrol import Accepted, Enroller, Refused, freeze

    n_people = count_people(source)
    console = Console(stderr=True, quiet=as_json)
    with wiring.open_models(runtime=runtime, device=device) as models:
        rows = Enroller(models.still_detector, models.embedder).enrol(read_people(source))
        verdicts = list(track(rows, "enrolling", total=n_people, console=console, transient=True))
        accepted = [row for row in verdicts if isinstance(row, Accepted)]
        refused = [row for row in verdicts if isinstance(row, Refused)]
        _print_refusals(console, refused)
        frozen = freeze(WatchlistId(name), name, models.contract, (row.entry for row in accepted))
    with wiring.open_store(SystemClock()) as store:
        store.watchlists.save(frozen)
    if as_json:
        _print_json(
            {
                "name": name,
                "sha256": frozen.manifest_sha256,
                "contract": frozen.contract,
                "n_entries": len(frozen.entries),
                "accepted": [_accepted_row(row) for row in accepted],
                "refused": [
                    {"row": row.row, "entry": row.label, "reason": row.reason} for row in refused
                ],
            }
        )
        return
    n_poor = sum(bool(row.warnings) for row in accepted)
    console.print(
        f"{people(len(frozen.entries))} on the list {name}, {n_poor:,} of them with a warning, "
        f"{len(refused):,} refused."
    )
    console.print(f"Its manifest is {frozen.manifest_sha256}")


def _accepted_row(row: "Accepted") -> dict[str, Any]:
    return {
        "row": row.row,
        "entry": row.entry.label,
        "entry_id": row.entry.entry,
        "n_references": len(row.entry.references),
        "warnings": list(row.warnings),
    }


def _print_refusals(console: Console, refused: "list[Refused]") -> None:
    for row in refused:
        console.print(
            f"[yellow]refused[/] row {row.row}, {escape(row.label)}: {row.reason}",
            highlight=False,
            soft_wrap=True,
        )


@app.command("show")
def show(
    name: Annotated[str | None, typer.Argument(help="Which list; all if none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show which lists are kept, their manifest, models and number of people."""
    with wiring.open_store(SystemClock()) as store:
        kept = store.watchlists.list()
    rows = [each for each in kept if name in (None, each.name)]
    if name is not None and not rows:
        raise InputError("There is no list of that name.")
    if as_json:
        _print_json(
            {
                "watchlists": [
                    {
                        "name": each.name,
                        "sha256": each.manifest_sha256,
                        "contract": each.contract,
                        "n_entries": each.n_entries,
                    }
                    for each in rows
                ]
            }
        )
        return
    table = Table("Name", "People", "Models", "Manifest", box=None)
    for each in rows:
        table.add_row(each.name, f"{each.n_entries:,}", each.contract, each.manifest_sha256)
    Console().print(table)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))
