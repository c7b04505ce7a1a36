"""``overt retention``: what is kept until when, what was deleted, and with which promises.

Every command that opens the store sweeps first; these look, sweep on request, and take the word of
a person for a medium that Overt does not reach. None of them names anybody on a list.

Exit codes: 0; 1 of ``status`` and of ``sweep``: something is overdue, or a medium waits for
somebody to confirm its destruction; 3 no such receipt or list; 4 something kept was altered; 7 not
done, or not yet in every file; 9 whoever asks may not.
"""

import json
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from overt.cli import wiring
from overt.cli.options import Acting, AsJson
from overt.cli.retention_document import (
    begun_document,
    deletion_document,
    standing_document,
    status_document,
)
from overt.core.clock import SystemClock, format_utc
from overt.core.errors import InputError
from overt.core.ids import WatchlistId
from overt.policy.roles import Right, Scope
from overt.retention.receipts import DeletionId
from overt.retention.wording import WHAT, headline, sentences

if TYPE_CHECKING:
    from overt.retention.sweeper import Standing
    from overt.store.deletions import Deletion
    from overt.store.sweeping import RetentionStatus

app = typer.Typer(
    name="retention", help="What is kept until when, and what was deleted.", no_args_is_help=True
)
EXIT_OVERDUE: Final = 1


@app.command("status")
def status(as_json: AsJson = False) -> None:
    """Show what is kept, how many, due when, held until when, and what is overdue.

    Nothing is deleted by it.
    """
    with wiring.open_store(SystemClock(), sweeps=False) as store:
        found = store.sweeper.status()
    if as_json:
        _print_json(status_document(found))
    else:
        _show(found)
    if _is_overdue(found):
        raise typer.Exit(EXIT_OVERDUE)


@app.command("sweep")
def sweep(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted; delete nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete what is due, and end what was begun, as every command does when it starts."""
    console = Console(stderr=True, quiet=as_json)
    with wiring.open_store(SystemClock(), sweeps=False) as store:
        if dry_run:
            _show_plan(store.sweeper.plan(), as_json=as_json)
            return
        swept = store.sweeper.sweep(lambda words: console.print(f"{words} …"))
    if as_json:
        _print_json(
            {
                "begun": [begun_document(each) for each in swept.begun],
                "receipts": [each.begun.id for each in swept.receipts],
                "n_waiting": swept.n_waiting,
            }
        )
        return
    for receipt in swept.receipts:
        _say(f"{headline(receipt)} Receipt {receipt.begun.id}.")
    if swept.n_waiting:
        _say(
            f"{swept.n_waiting:,} deletions are begun: rows and keys are gone. Their receipts "
            "follow when the run or the import that is under way is over."
        )
    if not swept.receipts and not swept.n_waiting:
        _say("Nothing is due.")


@app.command("receipts")
def receipts(
    deletion: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Which; all of them if none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what was deleted, or say of one deletion what is promised, and what is not."""
    with wiring.open_store(SystemClock(), sweeps=False) as store:
        if deletion is None:
            _list(store.deletions.list(), as_json=as_json)
            return
        found = store.deletions.get(DeletionId(deletion))
    if found is None:
        raise InputError("There is no deletion of that id: see overt retention receipts")
    if as_json:
        _print_json(deletion_document(found))
    elif found.receipt is None:
        _say("It is begun: rows and keys are gone. The receipt follows when the bytes are.")
    else:
        for sentence in sentences(found.receipt):
            _say(sentence)


@app.command("confirm-medium")
def confirm_medium(
    name: Annotated[str, typer.Argument(metavar="LIST", help="Imported from it.")],
    acting: Acting,
    as_json: AsJson = False,
) -> None:
    """Confirm that what Overt could not reach of a list's import medium is destroyed."""
    from overt.cli.identity import act_as, require

    watchlist = WatchlistId(name)
    with wiring.open_store(SystemClock()) as store:
        identity = act_as(store, acting)
        require(identity, Right.CONFIRM_MEDIUM, Scope(watchlist=watchlist))
        receipt = store.sweeper.confirm_medium(watchlist, identity.person.id)
    if receipt is None:
        raise InputError("Nothing of a medium of that list waits for anybody to confirm it.")
    if as_json:
        _print_json({"list": name, "receipt": receipt.begun.id})
    else:
        _say(f"Confirmed by {identity.person.id}. Receipt {receipt.begun.id}.")


def _is_overdue(found: "RetentionStatus") -> bool:
    to_go = any(each.is_to_go(found.now_utc) for each in found.standings)
    document = status_document(found)
    return to_go or bool(document["media_to_confirm"])


def _show(found: "RetentionStatus") -> None:
    console = Console()
    document = status_document(found)
    if not found.has_policy:
        _say("No policy pack was adopted here: nothing says how long anything is kept.")
    table = Table(Column("Of", overflow="fold"), "What", "How many", "Due", "Held until", box=None)
    for row in document["kept"]:
        due = row["due_utc"] or "not counted yet"
        table.add_row(
            Text(f"{row['owner_kind']} {row['owner']}"),
            row["what"],
            f"{row['n_items']:,}",
            Text(due, style="bold red" if row["overdue"] else ""),
            row["held_until_utc"] or (f"{row['n_held']:,} of them" if row["n_held"] else ""),
        )
    if document["kept"]:
        console.print(table)
    else:
        _say("Nothing is kept that has a deadline.")
    for begun in found.unfinished:
        _say(f"Begun, and waits for its receipt: {WHAT[begun.what]} of {begun.owner.id}.")
    for name, states in document["media_to_confirm"].items():
        told = ", ".join(f"{n:,} {state}" for state, n in sorted(states.items()))
        _say(
            f"Of the medium of the list {name}, Overt could not destroy: {told}. Destroy them, "
            f"then: overt retention confirm-medium {name} --as KEY"
        )
    for note in document["notes"]:
        _say(note)


def _show_plan(plan: "tuple[Standing, ...]", *, as_json: bool) -> None:
    if as_json:
        _print_json({"would_delete": [standing_document(each, None) for each in plan]})
        return
    for each in plan:
        due = "" if each.due_utc is None else f", due {format_utc(each.due_utc)}"
        _say(f"Would delete {WHAT[each.kept.what]} of {each.kept.owner.id}{due}.")
    if not plan:
        _say("Nothing is due.")


def _list(every: "tuple[Deletion, ...]", *, as_json: bool) -> None:
    if as_json:
        _print_json({"deletions": [deletion_document(each) for each in every]})
        return
    if not every:
        _say("Nothing was deleted here yet.")
        return
    table = Table("Deletion", "Begun", Column("Of", overflow="fold"), "What", "Why", "", box=None)
    for each in every:
        begun = each.begun
        table.add_row(
            begun.id,
            format_utc(begun.begun_utc),
            Text(f"{begun.owner.kind} {begun.owner.id}"),
            str(begun.what),
            str(begun.cause),
            "receipt" if each.receipt else "not finished",
        )
    Console().print(table)


def _say(text: str) -> None:
    Console().print(text, soft_wrap=True, markup=False, highlight=False)


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, indent=2))
