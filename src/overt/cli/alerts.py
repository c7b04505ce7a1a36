"""``overt alerts``: what was raised, what officers made of it, and its pictures side by side.

Without ``--as`` no name, no picture and no note is shown: who it may be is an entry's id, and stays
one for whoever may not read the alert. While a second review is awaited nobody is shown
the first, but the person who gave it.

Exit codes: 0; 3 there is no such alert; 4 something kept was altered; 5 no policy says who decides;
7 it cannot be read or kept; 9 the person may not; 10 it is not the time for that step.
"""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overt.alerts.lifecycle import words
from overt.cli import wiring
from overt.cli.alert_steps import AlertName, decide, engage, find_alert, outcome, result
from overt.cli.options import AsJson
from overt.core.clock import SystemClock, format_utc
from overt.core.errors import PolicyError
from overt.core.ids import AlertId, DeploymentId, EntryId, Sha256, WatchlistId
from overt.policy.roles import RULE, Right, Scope, check_right

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from overt.alerts.alert import Alert
    from overt.alerts.steps import AlertStep
    from overt.cli.contact_sheet import SheetRow
    from overt.cli.identity import Identity
    from overt.store.store import Store

    People = Mapping[EntryId, tuple[WatchlistId, str]]

SHORT_ID = 12
app = typer.Typer(name="alerts", help="Possible matches that were raised.", no_args_is_help=True)


app.command("decide")(decide)
app.command("engage")(engage)
app.command("outcome")(outcome)
app.command("result")(result)


@app.command("list")
def list_alerts(
    deployment: Annotated[str | None, typer.Argument(help="Which deployment; all if none.")] = None,
    acting: Annotated[
        Path | None,
        typer.Option("--as", help="Signing key of whoever looks; shows names where they may."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the alerts that are kept, oldest first; who it may be as an id, or by name with --as."""
    wanted = None if deployment is None else DeploymentId(deployment)
    with wiring.open_store(SystemClock()) as store:
        alerts = store.alerts.list(wanted)
        states = store.alert_steps.states(wanted)
        labels = _labels_for(store, acting, alerts)
    if as_json:
        rows = [
            {**_row(alert, labels.get(alert.id)), "state": states[alert.id]} for alert in alerts
        ]
        print(json.dumps({"alerts": rows}, indent=2))
        return
    table = Table(
        "Alert", "Seen", "Camera", "Possible match", "Similarity", "Repeats", "State", box=None
    )
    for alert in alerts:
        table.add_row(
            alert.id[:SHORT_ID],
            _local(alert.captured_utc),
            alert.camera,
            Text(labels.get(alert.id, alert.entry)),
            f"{alert.similarity:.3f}",
            str(alert.n_repeats),
            words(states[alert.id]),
        )
    Console().print(table)


@app.command("show")
def show(
    alert_id: AlertName,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Show its pictures in the terminal; needs --as.")
    ] = False,
    sheet: Annotated[
        Path | None,
        typer.Option(
            help="Write the watchlist's and the camera's pictures as a PNG, in clear; needs --as."
        ),
    ] = None,
    acting: Annotated[
        Path | None, typer.Option("--as", help="Signing key of whoever looks.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one alert and what was decided on it; with --as also who, its notes and pictures."""
    with wiring.open_store(SystemClock()) as store:
        alert = find_alert(store, alert_id)
        reader = _reader(store, acting, alert)
        people = {} if reader is None else _people(store)
        state = store.alert_steps.states(alert.deployment)[alert.id]
        steps = store.alert_steps.steps_for(alert.id, None if reader is None else reader.person.id)
        looks = pictures or sheet is not None
        row = _sheet_row(store, alert, people, reader) if looks else None
        if reader is not None:
            has_notes = any(step.note is not None for step in steps)
            _record_looks(reader, alert, people, row, with_notes=has_notes)
            if sheet is not None and row is not None:
                _export(reader, sheet, row)
    told = [_step(step, with_note=reader is not None) for step in steps]
    facts = {**_row(alert, _label(alert, people)), "state": state}
    if as_json:
        print(json.dumps({**facts, "steps": told}, indent=2))
    else:
        _print_alert(facts, told)
    if looks:
        _show_pictures(row, in_terminal=pictures and not as_json)


def _record_looks(
    reader: "Identity",
    alert: "Alert",
    people: "People",
    row: "SheetRow | None",
    *,
    with_notes: bool,
) -> None:
    """Put on record what somebody is about to be shown; nothing is shown without it."""
    from overt.store.looks import look_at_alert, look_at_list

    by, parts = reader.person.id, ["facts"]
    parts += ["notes"] if with_notes else []
    parts += ["pictures"] if row is not None else []
    looks = [look_at_alert(alert.id, part, by) for part in parts]
    if row is not None and row.reference is not None:
        listed, _ = people[alert.entry]
        looks.append(look_at_list(listed, alert.entry, "pictures", by))
    reader.store.looks.take(*looks)


def _export(reader: "Identity", sheet: Path, row: "SheetRow") -> None:
    from overt.cli import contact_sheet

    png = contact_sheet.as_png(contact_sheet.contact_sheet([row]))
    digest = Sha256(hashlib.sha256(png).hexdigest())
    reader.store.looks.export("alert-sheet", row.alert.id, digest, reader.person.id)
    contact_sheet.write_sheet(sheet, png)


def _reader(store: "Store", acting: Path | None, alert: "Alert") -> "Identity | None":
    """Return who looks, if they say so and may read the alert."""
    from overt.cli.identity import act_as, require

    if acting is None:
        return None
    identity = act_as(store, acting)
    require(identity, Right.READ_ALERT, _scope(alert))
    return identity


def _labels_for(
    store: "Store", acting: Path | None, alerts: "Collection[Alert]"
) -> dict[AlertId, str]:
    """Return what the lists call whom the alerts are about, of those that somebody may read.

    That they look at those is put on record first.
    """
    from overt.cli.identity import act_as
    from overt.store.looks import look_at_alert

    if acting is None:
        return {}
    reader = act_as(store, acting).person
    may_read = [
        alert for alert in alerts if check_right(reader, Right.READ_ALERT, _scope(alert)).allowed
    ]
    people = _people(store) if may_read else {}
    store.looks.take(*(look_at_alert(alert.id, "facts", reader.id) for alert in may_read))
    labels = ((alert.id, _label(alert, people)) for alert in may_read)
    return {alert: label for alert, label in labels if label is not None}


def _scope(alert: "Alert") -> Scope:
    return Scope(alert.deployment, camera=alert.camera)


def _sheet_row(
    store: "Store", alert: "Alert", people: "People", reader: "Identity | None"
) -> "SheetRow | None":
    """Return what a person may see of an alert's pictures, or None if they are no longer kept.

    The watchlist's picture is for those who compare the two, and for those who may see the list;
    an auditor sees what the camera saw.

    Raises:
        PolicyError: they may not look, or nobody has said who looks.
    """
    from overt.cli.contact_sheet import SheetRow
    from overt.cli.identity import require
    from overt.video.image import decode_still

    if reader is None:
        with store.looks.recording_refusals(Right.SEE_ALERT_FACES, None, _scope(alert)):
            raise PolicyError(
                "Pictures are shown to people of the register: say who looks, by --as.", (RULE,)
            )
    require(reader, Right.SEE_ALERT_FACES, _scope(alert))
    pictures = store.alerts.pictures(alert.id)
    found = people.get(alert.entry)
    if pictures is None or found is None:
        return None
    listed, label = found
    compares = any(
        check_right(reader.person, right, _scope(alert)).allowed
        for right in (Right.ADJUDICATE, Right.SEE_WATCHLIST_FACES)
    )
    references = store.watchlists.pictures(listed, alert.entry) if compares else None
    reference = decode_still(references[0]).bgr if references else None
    return SheetRow(alert, label, reference, pictures)


def _show_pictures(row: "SheetRow | None", *, in_terminal: bool) -> None:
    from overt.cli import contact_sheet

    console = Console()
    if row is None:
        Console(stderr=True).print("Its pictures, or the list's, are no longer kept.")
        return
    if in_terminal and console.is_terminal:
        console.print(contact_sheet.in_terminal([row], console.width))
    elif in_terminal:
        Console(stderr=True).print("This is no terminal; --sheet writes the pictures to a file.")


def _print_alert(facts: "Mapping[str, Any]", steps: "Sequence[Mapping[str, Any]]") -> None:
    console = Console()
    table = Table(box=None, show_header=False)
    for name, value in facts.items():
        if name != "label":  # stands under entry, too
            table.add_row(name, Text(str(value)))
    console.print(table)
    if not steps:
        return
    life = Table("", "Recorded", "By", "At", "Note", box=None)
    for step in steps:
        life.add_row(
            str(step["number"]),
            words(step["event"]),
            step["by"],
            step["at_utc"],
            Text(step["note"] or ""),
        )
    console.print(life)


def _step(step: "AlertStep", *, with_note: bool) -> dict[str, Any]:
    """Return a step for programs; a note is for those who show who they are."""
    return {
        "number": step.number,
        "event": step.event,
        "state": step.state,
        "by": step.person,
        "at_utc": format_utc(step.at_utc),
        "note": step.note if with_note else None,
        "has_note": step.note is not None,
    }


def _people(store: "Store") -> "People":
    """Return everybody on the lists that are still kept, with the list that they are on."""
    kept = (store.watchlists.cards(each.id) for each in store.watchlists.list())
    return {card.entry: (each.id, card.label) for each in kept if each for card in each.entries}


def _label(alert: "Alert", people: "People") -> str | None:
    found = people.get(alert.entry)
    return None if found is None else found[1]


def _row(alert: "Alert", label: str | None) -> dict[str, Any]:
    """Return an alert for programs; ``label`` is who it may be, None for whoever is not told."""
    from overt.cli.results import alert_facts

    told = {"label": label, "deployment": alert.deployment, "n_repeats": alert.n_repeats}
    return {**alert_facts(alert, alert.entry if label is None else label), **told}


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
