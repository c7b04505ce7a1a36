"""``overt ledger trust-witness``, ``cosigned`` and ``witnesses``: have the record witnessed.

Exit codes: 0; 3 a key or a file that cannot be used, or a line of nobody who is known; 4 a line
that was not made for the checkpoint; 7 not kept; 9 whoever asks may not; 10 the name or the key is
another witness's.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overt.cli import wiring
from overt.cli.ledger_acts import acting_for
from overt.cli.ledger_files import format_unix_s, print_json, read_file, say
from overt.cli.options import Acting, AsJson
from overt.core.clock import SystemClock
from overt.core.errors import InputError
from overt.ledger.cosignature import WitnessVerifier
from overt.ledger.notes import NoteVerifier
from overt.ledger.witness import AddCheckpoint


def trust_witness(
    key: Annotated[str, typer.Argument(metavar="VKEY", help="The witness's public key.")],
    acting: Acting,
    as_json: AsJson = False,
) -> None:
    """Take in a witness's key, so that its lines are kept here."""
    from overt.policy.roles import Right

    wanted = WitnessVerifier.parse(key)
    with wiring.open_store(SystemClock()) as store:
        by = acting_for(store, Right.TRUST_WITNESS, acting)
        own = NoteVerifier.parse(store.ledger.verifier_key)
        if wanted.public_key == own.public_key:
            raise InputError("The key is this record's own: nobody is their own witness.")
        store.ledger.trust_witness(key, by)
    if as_json:
        print_json({"name": wanted.name, "verifier_key": str(wanted)})
        return
    say(f"Lines of {wanted.name} are kept from now on: overt ledger request --for {wanted.name}")


def cosigned(
    answer: Annotated[Path, typer.Argument(help="What the witness sent; - for standard input.")],
    request: Annotated[
        Path | None,
        typer.Option(help="What it was asked with, if a newer checkpoint was signed since."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a witness's line against its checkpoint, and keep it."""
    lines = read_file(answer)
    asked = None if request is None else AddCheckpoint.parse(read_file(request))
    with wiring.open_store(SystemClock()) as store:
        note = store.ledger.checkpoint() if asked is None else asked.note
        size = AddCheckpoint(0, (), note).checkpoint.size
        found = store.ledger.add_cosignatures(size, lines)
    if not found:
        raise InputError("No known witness made any of the lines: overt ledger trust-witness")
    if as_json:
        kept = [{"name": c.witness.name, "at_utc": format_unix_s(c.time_s)} for c in found]
        print_json({"size": size, "cosigned": kept})
        return
    for each in found:
        say(f"{each.witness.name} cosigned {size:,} entries, {format_unix_s(each.time_s)}.")


def list_witnesses(as_json: AsJson = False) -> None:
    """List whose lines are kept here, and how far each has come."""
    with wiring.open_store(SystemClock()) as store:
        known = store.ledger.witnesses()
    if as_json:
        shown = [
            {
                "name": each.verifier.name,
                "verifier_key": str(each.verifier),
                "added_by": each.added_by,
                "n_cosigned": each.n_cosigned,
                "cosigned_size": each.cosigned_size,
            }
            for each in known
        ]
        print_json({"witnesses": shown})
        return
    if not known:
        say("No witness is known here yet: overt ledger trust-witness")
        return
    table = Table("Witness", "Taken in by", "Lines", "Entries", box=None)
    for each in known:
        figures = (f"{each.n_cosigned:,}", f"{each.cosigned_size:,}")
        table.add_row(Text(each.verifier.name), Text(each.added_by), *figures)
    Console().print(table)
