"""``overt watchlist``: who is looked for, from the manifest that is imported to the purge.

Exit codes: 0; 2 not understood; 3 nothing could be enrolled or read; 4 a list that was altered;
7 not kept; 9 policy, or a role, does not allow it; 10 not the time for it, or somebody was faster.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overt.cli.membership import was_on
from overt.cli.options import AsJson
from overt.cli.watchlist_acts import approve, confirm, decide, freeze, purge, reopen, withdraw
from overt.cli.watchlist_check import check
from overt.cli.watchlist_import import import_manifest, write_template

if TYPE_CHECKING:
    from overt.cli.watchlist_document import EntryDocument, ListDocument, WatchlistsDocument

app = typer.Typer(
    name="watchlist",
    help="Who is looked for: import, decide, freeze, confirm, purge.",
    no_args_is_help=True,
)
app.command("template")(write_template)
app.command("import")(import_manifest)
app.command("check")(check)
app.command("decide")(decide)
app.command("approve")(approve)
app.command("freeze")(freeze)
app.command("confirm")(confirm)
app.command("withdraw")(withdraw)
app.command("reopen")(reopen)


@app.command("show")
def show(
    name: Annotated[str | None, typer.Argument(help="Which list; all if none.")] = None,
    acting: Annotated[
        Path | None,
        typer.Option("--as", help="Signing key of somebody who may read names and grounds."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which lists there are, or one list with everybody on it.

    Without --as, people are ids. Pictures are never shown here.
    """
    from overt.cli.watchlist_view import gather

    document = gather(name, acting)
    if as_json:
        print(document.model_dump_json(indent=2))
    elif name is None:
        _tell_all(document)
    else:
        _tell_one(document.watchlists[0])


app.command("purge")(purge)
app.command("was-on")(was_on)


def _tell_all(document: "WatchlistsDocument") -> None:
    table = Table("Name", "State", "People", "Models", "Manifest", box=None)
    for each in document.watchlists:
        state = "without a life" if each.life is None else str(each.life.state)
        table.add_row(
            each.name, state, f"{each.n_entries:,}", each.contract or "", Text(each.sha256)
        )
    console = Console()
    console.print(table)
    for unfinished in document.unfinished_imports:
        console.print(
            f"An import into {unfinished.name} was interrupted: start it again, or purge it.",
            soft_wrap=True,
        )


def _tell_one(document: "ListDocument") -> None:
    from overt.cli.results import people

    console = Console()
    state = "from before lists had a life" if document.life is None else str(document.life.state)
    console.print(f"{document.name}: {people(document.n_entries)}, {state}", highlight=False)
    console.print(f"Manifest {document.sha256}", soft_wrap=True, highlight=False)
    if document.life is not None:
        for step in document.life.steps:
            console.print(
                f"{step.number:>4}  {step.at_utc:%Y-%m-%d %H:%M:%S}Z  {step.event}, by {step.by}",
                highlight=False,
                soft_wrap=True,
            )
    table = Table("Entry", "State", "Category", "Name", "Source", "Why here", box=None)
    for entry in document.entries or ():
        table.add_row(*map(Text, _cells(entry)))
    if document.entries:
        console.print(table)


def _cells(entry: "EntryDocument") -> tuple[str, ...]:
    known = entry.details
    if known is None:
        return entry.entry_id, str(entry.state), entry.category or "", "", "", ""
    source = f"{known.source_system} {known.source_reference}"
    return (
        entry.entry_id,
        str(entry.state),
        entry.category or "",
        known.name,
        source,
        known.reason_here,
    )
