"""``overt ledger prove``, ``request`` and ``check-proof``: proofs that anybody can check offline.

Exit codes: 0; 2 options that do not go together; 3 a file or a key that cannot be used, or no such
entry or checkpoint; 4 a proof that fails; 7 not written; 9 whoever asks may not.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overt.cli import wiring
from overt.cli.ledger_acts import Cosigned, Size, chosen_size, exporter
from overt.cli.ledger_export import policy_of
from overt.cli.ledger_files import (
    LogKey,
    OutFile,
    Quorum,
    WitnessKeys,
    format_unix_s,
    hand_out_with,
    n_entries,
    print_json,
    read_file,
    say,
)
from overt.cli.options import AsJson
from overt.core.clock import SystemClock
from overt.core.errors import InputError, IntegrityError, UsageError
from overt.core.ids import Sha256
from overt.ledger.cosignature import Cosignature, WitnessPolicy
from overt.ledger.merkle import verify_consistency
from overt.ledger.notes import Checkpoint, NoteVerifier, open_checkpoint, parse_note
from overt.ledger.proof_file import HEADER, ProofFile
from overt.ledger.records import LedgerRecord
from overt.ledger.witness import AddCheckpoint

if TYPE_CHECKING:
    from overt.store.store import Store

app = typer.Typer(
    name="prove",
    help="Prove that an entry stands in the record, or that it only grew.",
    no_args_is_help=True,
)


@app.command("record")
def record(
    number: Annotated[int, typer.Argument(min=0, metavar="N", help="Counted from 0.")],
    with_record: Annotated[
        bool, typer.Option("--with-record", help="The entry goes along; takes --as.")
    ] = False,
    acting: Annotated[
        Path | None, typer.Option("--as", help="Signing key of whoever takes the entry out.")
    ] = None,
    size: Size = None,
    cosigned: Cosigned = False,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Prove that an entry stands under a checkpoint."""
    if acting is not None and not with_record:
        raise UsageError("--as goes with --with-record: a proof alone says nothing of the entry.")
    with wiring.open_store(SystemClock()) as store:
        by = exporter(store, acting) if with_record else None
        proof = store.ledger.prove(number, chosen_size(store, size, cosigned=cosigned))
        data = (proof if with_record else replace(proof, record=None)).to_bytes()
        if by is not None:
            digest = Sha256(hashlib.sha256(data).hexdigest())
            store.looks.export("ledger-record", str(number), digest, by)
    size = Checkpoint.parse(parse_note(proof.note).text).size
    hand_out_with({"index": number, "size": size}, data, out, as_json=as_json)


@app.command("consistency")
def consistency(
    old_size: Annotated[int, typer.Argument(min=0, help="Entries under the earlier checkpoint.")],
    size: Size = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Prove that the record begins with what an earlier checkpoint was signed for."""
    with wiring.open_store(SystemClock()) as store:
        made = _request(store, old_size, size)
    hand_out_with(_sizes(made), made.to_bytes(), out, as_json=as_json)


def request(
    old_size: Annotated[
        int | None,
        typer.Argument(min=0, help="Entries under what the witness cosigned last; 0 for nothing."),
    ] = None,
    witness: Annotated[
        str | None,
        typer.Option("--for", metavar="NAME", help="A witness whose lines are kept here, instead."),
    ] = None,
    size: Size = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Write what a witness is asked with: the newest checkpoint, and a proof from its last one."""
    if (old_size is None) == (witness is None):
        raise UsageError("Say what the witness cosigned last: its number of entries, or --for.")
    with wiring.open_store(SystemClock()) as store:
        known = _cosigned_size(store, witness) if witness is not None else old_size
        made = _request(store, known or 0, size)
    hand_out_with(_sizes(made), made.to_bytes(), out, as_json=as_json)
    if made.old_size == made.checkpoint.size:
        say("That is what it cosigned last: nothing was signed since.")


def check_proof(
    proof: Annotated[Path, typer.Argument(help="What was proved; - for standard input.")],
    key: LogKey,
    witness: WitnessKeys = None,
    quorum: Quorum = None,
    entry: Annotated[
        Path | None, typer.Option("--record", help="The entry's bytes, if they are not in it.")
    ] = None,
    previous: Annotated[
        Path | None, typer.Option(help="The earlier checkpoint, for a proof from one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a proof, without a store: of an entry, or that the record only grew."""
    log, policy = NoteVerifier.parse(key), policy_of(witness or [], quorum)
    data = read_file(proof)
    if data.startswith(HEADER.encode()):
        if previous is not None:
            raise UsageError("--previous goes with a proof that the record only grew.")
        _check_record(ProofFile.parse(data), entry, log, policy, as_json=as_json)
        return
    if previous is None or entry is not None:
        raise UsageError("A proof that the record only grew takes --previous, and no --record.")
    _check_growth(AddCheckpoint.parse(data), read_file(previous), log, policy, as_json=as_json)


def _request(store: "Store", old_size: int, size: int | None) -> AddCheckpoint:
    note = store.ledger.checkpoint(size)
    covers = Checkpoint.parse(parse_note(note).text).size
    return AddCheckpoint(old_size, store.ledger.consistency_proof(old_size, covers), note)


def _sizes(made: AddCheckpoint) -> dict[str, int]:
    return {"old_size": made.old_size, "size": made.checkpoint.size}


def _cosigned_size(store: "Store", name: str) -> int:
    for each in store.ledger.witnesses():
        if each.verifier.name == name:
            return each.cosigned_size
    raise InputError("No witness of that name is known here: overt ledger trust-witness")


def _check_record(
    proof: ProofFile, entry: Path | None, log: NoteVerifier, policy: WitnessPolicy, *, as_json: bool
) -> None:
    data = proof.record if entry is None else read_file(entry)
    if data is None:
        raise UsageError("The entry is not in the proof: --record FILE.")
    checkpoint, cosigned = proof.check(data, log, policy)
    try:
        LedgerRecord.parse(data)
    except InputError as error:
        raise IntegrityError(f"The bytes stand in the log, but are no entry: {error}") from error
    if as_json:
        shown = {"index": proof.index, "record": json.loads(data)}
        print_json({"verified": True, **shown, **_under(checkpoint, cosigned)})
        return
    print(data.decode())
    say(f"This is entry {proof.index} of {checkpoint.origin}, {_words(checkpoint, cosigned)}")


def _check_growth(
    proof: AddCheckpoint, earlier: bytes, log: NoteVerifier, policy: WitnessPolicy, *, as_json: bool
) -> None:
    checkpoint, cosigned = policy.open(proof.note, log)
    old = open_checkpoint(earlier, log)
    if old.size != proof.old_size:
        raise InputError(
            f"The proof begins at {proof.old_size} entries, the earlier checkpoint at {old.size}."
        )
    verify_consistency(old.size, old.root, checkpoint.size, checkpoint.root, proof.proof)
    if as_json:
        print_json({"verified": True, "old_size": old.size, **_under(checkpoint, cosigned)})
        return
    print(f"{checkpoint.origin} only grew, from {old.size:,} to {n_entries(checkpoint.size)}.")
    say(f"The newer checkpoint is {_words(checkpoint, cosigned)}")


def _under(checkpoint: Checkpoint, cosigned: tuple[Cosignature, ...]) -> dict[str, object]:
    lines = [{"name": c.witness.name, "at_utc": format_unix_s(c.time_s)} for c in cosigned]
    root = {"root_sha256": checkpoint.root.hex(), "cosigned": lines}
    return {"origin": checkpoint.origin, "size": checkpoint.size, **root}


def _words(checkpoint: Checkpoint, cosigned: tuple[Cosignature, ...]) -> str:
    by = [f"{c.witness.name} ({format_unix_s(c.time_s)})" for c in cosigned]
    witnessed = f", and cosigned by {' and '.join(by)}" if by else ""
    return f"signed over {n_entries(checkpoint.size)}{witnessed}."
