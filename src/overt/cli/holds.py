"""``overt holds``: what is kept beyond its period, by whose decision, and until when.

Exit codes: 0; 3 no such owner or hold, or a reason that cannot be kept; 4 something kept was
altered; 7 it cannot be read or kept; 9 the person or the policy does not allow it; 10 nothing is
left to hold, or the hold is over.
Must not: print a reason that was just given, or one to anybody who may not read it.
"""

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from overt.cli import wiring
from overt.cli.alert_steps import find_alert, text_given
from overt.cli.deployment_steps import say
from overt.cli.options import Acting, AsJson
from overt.core.clock import SystemClock, format_utc
from overt.core.errors import InputError
from overt.policy.pack_data import DataKind

if TYPE_CHECKING:
    from overt.retention.holds import Hold
    from overt.retention.schedule import Owner
    from overt.store.holds import Asked
    from overt.store.store import Store

app = typer.Typer(
    name="holds", help="Data that is held beyond its period, by a decision.", no_args_is_help=True
)
# Written out, since the command line reads its choices from types; a test holds them to the enums.
Kind = Literal["alert", "deployment", "watchlist", "person"]
Ground = Literal["complaint", "evidence", "court-order", "data-subject-request", "oversight"]

HoldName = Annotated[str, typer.Argument(metavar="HOLD", help="Its id.")]
Days = Annotated[int, typer.Option(min=1, help="For how long from now; the policy limits it.")]
GroundOption = Annotated[Ground, typer.Option("--ground", help="Why, of the closed list.")]
Reason = Annotated[
    str, typer.Option(help="In words, sealed; - reads it from standard input, for no history.")
]


@app.command("list")
def list_holds(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that were released or expired.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what is held, what ends first first, and how many holds there were by ground."""
    from overt.retention import holds

    clock = SystemClock()
    with wiring.open_store(clock) as store:
        every = store.holds.list()
    now_utc = clock.now_utc()
    shown = [each for each in every if everything or each.holds_at(now_utc)]
    counted = holds.counts(every, now_utc)
    if as_json:
        rows = [_document(each, now_utc) for each in shown]
        print(json.dumps({"holds": rows, "counts": counted}, indent=2))
        return
    owner = Column("Of", overflow="fold")
    table = Table("Hold", owner, "Data", "Ground", "Until", "", box=None)
    for each in shown:
        table.add_row(
            each.id,
            Text(f"{each.owner_kind} {each.owner}"),
            ", ".join(each.data),
            str(each.ground),
            format_utc(each.until_utc),
            each.state_at(now_utc),
        )
    if shown:
        Console().print(table)
    else:
        say("Nothing is held.")


@app.command("show")
def show(hold: HoldName, acting: Acting, as_json: AsJson = False) -> None:
    """Show a hold and its reasons, to somebody who decides on it or audits."""
    from overt.cli.identity import act_as

    clock = SystemClock()
    with wiring.open_store(clock) as store:
        identity = act_as(store, acting)
        found = _found(store, hold)
        reasons = iter(store.holds.reasons(hold, identity.person.id))
    document = _document(found, clock.now_utc())
    for step in document["steps"]:
        step["reason"] = None if step["reason_sha256"] is None else next(reasons)
    if as_json:
        print(json.dumps(document, indent=2))
        return
    say(f"{found.id} of {found.owner_kind} {found.owner}: {document['state']}.")
    table = Table("", "Recorded", "Ground", "By", "At", "Until", "Reason", box=None)
    for step in document["steps"]:
        words = (step["event"], step["ground"], step["by"] or "", step["at_utc"])
        cells = (*words, step["until_utc"], step["reason"] or "")
        table.add_row(str(step["number"]), *map(Text, cells))
    Console().print(table)


@app.command("place")
def place(
    kind: Annotated[Kind, typer.Argument(help="Whose data.")],
    owner: Annotated[
        str, typer.Argument(metavar="ID", help="The alert, deployment, list, person.")
    ],
    acting: Acting,
    ground: GroundOption,
    reason: Reason,
    days: Days,
    data: Annotated[
        list[DataKind] | None, typer.Option("--data", help="Only this kind; all of it if none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep somebody's or something's data beyond its period, if it is still there."""
    from overt.cli.identity import act_as

    with wiring.open_store(SystemClock()) as store:
        identity = act_as(store, acting)
        asked = _asked(ground, reason, days)
        of = _owner(store, kind, owner)
        placed = store.holds.place(of, asked, identity.person.id, data or ())
    _tell(placed, as_json=as_json)


@app.command("extend")
def extend(
    hold: HoldName,
    acting: Acting,
    ground: GroundOption,
    reason: Reason,
    days: Days,
    as_json: AsJson = False,
) -> None:
    """Hold longer, by a new decision; one that is over cannot be extended."""
    from overt.cli.identity import act_as

    with wiring.open_store(SystemClock()) as store:
        identity = act_as(store, acting)
        extended = store.holds.extend(hold, _asked(ground, reason, days), identity.person.id)
    _tell(extended, as_json=as_json)


@app.command("release")
def release(hold: HoldName, acting: Acting, reason: Reason, as_json: AsJson = False) -> None:
    """End a hold before its time; what it held is deleted as if it had not been held."""
    from overt.cli.identity import act_as

    with wiring.open_store(SystemClock()) as store:
        identity = act_as(store, acting)
        released = store.holds.release(hold, text_given(reason), identity.person.id)
    _tell(released, as_json=as_json)


def _asked(ground: Ground, reason: str, days: int) -> "Asked":
    from overt.retention.holds import HoldGround
    from overt.store.holds import Asked

    try:
        until_utc = SystemClock().now_utc() + timedelta(days=days)
    except OverflowError as error:
        raise InputError("There is no such day.") from error
    return Asked(HoldGround(ground), text_given(reason), until_utc)


def _owner(store: "Store", kind: Kind, owner: str) -> "Owner":
    from overt.retention.schedule import Owner, OwnerKind

    # An alert is named by how its id begins, as elsewhere; unless its rows are gone.
    fitting = [each.id for each in store.alerts.list() if each.id.startswith(owner)]
    if kind == "alert" and fitting:
        owner = find_alert(store, owner).id
    return Owner(OwnerKind(kind), owner)


def _found(store: "Store", hold: str) -> "Hold":
    found = store.holds.get(hold)
    if found is None:
        raise InputError("There is no hold of that id.")
    return found


def _tell(hold: "Hold", *, as_json: bool) -> None:
    now_utc = SystemClock().now_utc()
    if as_json:
        print(json.dumps(_document(hold, now_utc), indent=2))
        return
    state = hold.state_at(now_utc)
    kinds = ", ".join(hold.data)
    if state == "held":
        say(f"{hold.id}: {kinds} of {hold.owner_kind} {hold.owner} until "
            f"{format_utc(hold.until_utc)}.")  # fmt: skip
    else:
        say(f"{hold.id} is {state}: it holds nothing any more.")


def _document(hold: "Hold", now_utc: datetime) -> dict[str, Any]:
    return {
        "id": hold.id,
        "owner_kind": str(hold.owner_kind),
        "owner": hold.owner,
        "data": [str(each) for each in hold.data],
        "ground": str(hold.ground),
        "state": hold.state_at(now_utc),
        "until_utc": format_utc(hold.until_utc),
        "steps": [
            {
                "number": step.number,
                "event": str(step.event),
                "ground": str(step.ground),
                "by": step.by,
                "at_utc": format_utc(step.at_utc),
                "until_utc": format_utc(step.until_utc),
                "reason_sha256": step.reason_sha256,
            }
            for step in hold.steps
        ],
    }
