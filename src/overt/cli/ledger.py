"""``overt ledger``: check this machine's record of what it did, hand it out, have it witnessed.

Exit codes: 0; 2 options that do not go together; 3 a key or a file that cannot be used; 4 the first
thing that does not fit; 7 it cannot be read, or what is handed out not written; 9 whoever asks may
not.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from overt.cli import ledger_proofs, ledger_witness, ledger_witnesses, wiring
from overt.cli.ledger_acts import Cosigned, Size, chosen_size, exporter
from overt.cli.ledger_export import check_export
from overt.cli.ledger_files import (
    OutFile,
    Quorum,
    WitnessKeys,
    hand_out_with,
    n_entries,
    print_json,
    progress_on_terminal,
    say,
)
from overt.cli.options import Acting, AsJson
from overt.core.clock import SystemClock
from overt.core.errors import UsageError
from overt.core.ids import Sha256
from overt.ledger.notes import Checkpoint, parse_note

if TYPE_CHECKING:
    from overt.store.store import Store

app = typer.Typer(
    name="ledger",
    help="The record of every act: verify it, prove what is in it, have it witnessed.",
    no_args_is_help=True,
)
app.add_typer(ledger_proofs.app, name="prove")
app.add_typer(ledger_witness.app, name="witness")


@app.command("verify")
def verify(
    export: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Check an export instead, without a store."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="VKEY", help="Of an export: the log's public key.")
    ] = None,
    witness: WitnessKeys = None,
    quorum: Quorum = None,
    previous: Annotated[
        Path | None, typer.Option(help="Of an export: a checkpoint that was kept earlier.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the record from its bytes, and compare every alert with its entry in it."""
    if export is not None:
        if key is None:
            raise UsageError("An export is checked against the log's public key: --key.")
        check_export(export, key, witness or [], quorum, previous, as_json=as_json)
        return
    if key or witness or previous or quorum is not None:
        raise UsageError("--key, --witness, --quorum and --previous go with --export.")
    with wiring.open_store(SystemClock(), sweeps=False) as store:
        state = store.verify()
        own_key = store.ledger.verifier_key
    if as_json:
        figures = {"n_records": state.n_records, "n_checkpointed": state.n_checkpointed}
        root = {"root_sha256": state.root.hex(), "verifier_key": own_key}
        print_json({"verified": True, **figures, **root})
        return
    Console().print(
        f"The record holds together: {state.n_records:,} entries, {state.n_checkpointed:,} of "
        f"them under a signed checkpoint; root {state.root.hex()}."
    )


@app.command("key")
def key(as_json: AsJson = False) -> None:
    """Print the record's public key, as other tools read it."""
    with wiring.open_store(SystemClock()) as store:
        own_key = store.ledger.verifier_key
    if as_json:
        print_json({"verifier_key": own_key})
    else:
        print(own_key)


@app.command("checkpoint")
def checkpoint(
    sign: Annotated[
        bool, typer.Option("--sign", help="Sign what the record holds now; takes --as.")
    ] = False,
    acting: Annotated[
        Path | None, typer.Option("--as", help="Signing key of whoever asks for a signature.")
    ] = None,
    size: Size = None,
    cosigned: Cosigned = False,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest signed checkpoint, with its witnesses' lines."""
    if sign and (acting is None or size is not None or cosigned):
        raise UsageError("--sign takes --as, and signs everything that is recorded.")
    with wiring.open_store(SystemClock()) as store:
        if sign:
            exporter(store, acting)
            store.ledger.sign_now()
        note = store.ledger.checkpoint(chosen_size(store, size, cosigned=cosigned))
    parsed = parse_note(note)
    head = Checkpoint.parse(parsed.text)
    figures = {"origin": head.origin, "size": head.size, "root_sha256": head.root.hex()}
    signed_by = [line.name for line in parsed.signatures]
    hand_out_with({**figures, "signed_by": signed_by}, note, out, as_json=as_json)


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="A new folder, or that of an earlier export.")],
    acting: Acting,
    size: Size = None,
    cosigned: Cosigned = False,
    as_json: AsJson = False,
) -> None:
    """Write the record out for auditors: every entry under a checkpoint, its tiles, the checkpoint.

    What lies there from an earlier export is added to, and compared.
    """
    from overt.ledger.export import ExportedLog

    with wiring.open_store(SystemClock()) as store:
        by = exporter(store, acting)
        note = store.ledger.checkpoint(chosen_size(store, size, cosigned=cosigned))
        store.looks.export("ledger", None, Sha256(hashlib.sha256(note).hexdigest()), by)
        head = Checkpoint.parse(parse_note(note).text)
        n_written = ExportedLog(folder).write(note, lambda first: _watched(store, first, head.size))
        n_newer = sum(1 for _ in store.ledger.records(head.size))
    if as_json:
        figures = {"n_records": head.size, "n_written": n_written, "n_newer": n_newer}
        print_json({"folder": str(folder), **figures, "root_sha256": head.root.hex()})
        return
    say(
        f"{folder} holds {n_entries(head.size)}, {n_written:,} of them new; "
        f"{n_newer:,} newer are not in it."
    )


@app.command("verifier")
def verifier(out: OutFile = None, as_json: AsJson = False) -> None:
    """Print the program with which outsiders check an export: one file, without Overt."""
    from importlib.resources import files

    program = files("overt.ledger").joinpath("outsider.py").read_bytes()
    digest = hashlib.sha256(program).hexdigest()
    hand_out_with({"sha256": digest}, program, out, as_json=as_json)


def _watched(store: "Store", first: int, size: int) -> Iterator[bytes]:
    """Yield records, and show how far it has come."""
    with progress_on_terminal("Exporting") as progress:
        for number, record in enumerate(store.ledger.records(first), first):
            if number % 1024 == 0:
                progress(number, size)
            yield record


app.command("check-proof")(ledger_proofs.check_proof)
app.command("request")(ledger_proofs.request)
app.command("trust-witness")(ledger_witnesses.trust_witness)
app.command("cosigned")(ledger_witnesses.cosigned)
app.command("witnesses")(ledger_witnesses.list_witnesses)
