"""``overt alerts``: what was raised, and its pictures side by side.

Exit codes: 0; 3 there is no such alert; 4 something kept was altered; 7 it cannot be read.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from overt.cli import wiring
from overt.cli.options import AsJson
from overt.core.clock import SystemClock
from overt.core.errors import InputError
from overt.core.ids import AlertId, DeploymentId, EntryId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from overt.alerts.alert import Alert
    from overt.store.store import Store
    from overt.watchlist.stored import StoredEntry

SHORT_ID = 12
app = typer.Typer(name="alerts", help="Possible matches that were raised.", no_args_is_help=True)


@app.command("list")
def list_alerts(
    deployment: Annotated[str | None, typer.Argument(help="Which deployment; all if none.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the alerts that are kept, oldest first."""
    with wiring.open_store(SystemClock()) as store:
        alerts = store.alerts.list(None if deployment is None else DeploymentId(deployment))
        people = _people(store)
    if as_json:
        print(json.dumps({"alerts": [_row(alert, people) for alert in alerts]}, indent=2))
        return
    table = Table("Alert", "Seen", "Camera", "Possible match", "Similarity", "Repeats", box=None)
    for alert in alerts:
        table.add_row(
            alert.id[:SHORT_ID],
            _local(alert.captured_utc),
            alert.camera,
            _label(alert, people),
            f"{alert.similarity:.3f}",
            str(alert.n_repeats),
        )
    Console().print(table)


@app.command("show")
def show(
    alert_id: Annotated[str, typer.Argument(metavar="ALERT", help="Its id, or how it begins.")],
    sheet: Annotated[
        Path | None,
        typer.Option(help="Write the watchlist's and the camera's pictures as a PNG, in clear."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one alert, with its pictures in the terminal or as a file."""
    from overt.cli.contact_sheet import SheetRow, contact_sheet, in_terminal, write_sheet
    from overt.video.image import decode_still

    with wiring.open_store(SystemClock()) as store:
        alert = _find(store, alert_id)
        people = _people(store)
        pictures = store.alerts.pictures(alert.id)
    console = Console()
    if as_json:
        print(json.dumps(_row(alert, people), indent=2))
    else:
        table = Table(box=None, show_header=False)
        for name, value in _row(alert, people).items():
            table.add_row(name, str(value))
        console.print(table)
    entry = people.get(alert.entry)
    if pictures is None or entry is None:
        Console(stderr=True).print("Its pictures, or the list's, are no longer kept.")
        return
    reference = decode_still(entry.references[0].picture_jpeg).bgr
    row = SheetRow(alert, entry.label, reference, pictures)
    if sheet is not None:
        write_sheet(sheet, contact_sheet([row]))
    if not as_json and console.is_terminal:
        console.print(in_terminal([row], console.width))


def _find(store: "Store", beginning: str) -> "Alert":
    """Return the one alert whose id begins so."""
    whole = store.alerts.get(AlertId(beginning))
    fitting = [each for each in store.alerts.list() if each.id.startswith(beginning)]
    if whole is None and len(fitting) != 1:
        raise InputError(
            "Several alerts begin with that id." if fitting else "There is no alert of that id."
        )
    return whole or fitting[0]


def _people(store: "Store") -> "dict[EntryId, StoredEntry]":
    """Return everybody on the lists that are still kept."""
    lists = (store.watchlists.load(each.id) for each in store.watchlists.list())
    return {entry.entry: entry for kept in lists if kept is not None for entry in kept.entries}


def _label(alert: "Alert", people: "Mapping[EntryId, StoredEntry]") -> str:
    entry = people.get(alert.entry)
    return alert.entry if entry is None else entry.label


def _row(alert: "Alert", people: "Mapping[EntryId, StoredEntry]") -> dict[str, Any]:
    from overt.cli.results import alert_facts

    kept = {"deployment": alert.deployment, "n_repeats": alert.n_repeats}
    return {**alert_facts(alert, _label(alert, people)), **kept}


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
