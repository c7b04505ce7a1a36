"""``overt watchlist``: import pictures into a list, and show what is in it.

Exit codes: 0; 3 nothing could be enrolled or read; 4 a list that was altered; 7 not kept.
"""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from overt.cli import wiring
from overt.cli.options import AsJson
from overt.cli.watchlist_import import import_manifest, write_template
from overt.core.clock import SystemClock
from overt.core.errors import InputError

app = typer.Typer(
    name="watchlist", help="Who is looked for: import pictures, show lists.", no_args_is_help=True
)


app.command("import")(import_manifest)
app.command("template")(write_template)


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
