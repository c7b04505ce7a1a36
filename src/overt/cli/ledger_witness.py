"""``overt ledger witness``: be the witness of somebody else's record. Needs no store.

Exit codes: 0; 3 a request that is none, or of an unknown log; 4 a signature or a proof that fails,
or a forked history; 7 what was seen could not be kept, and nothing was cosigned; 10 the request
does not begin where the last one ended, or the clock stands before it.
"""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overt.cli.ledger_files import (
    OutFile,
    format_unix_s,
    hand_out,
    print_json,
    read_file,
    say,
)
from overt.cli.options import AsJson
from overt.core.clock import SystemClock
from overt.core.errors import InputError, IntegrityError, OvertError, StateError
from overt.ledger.witness import Cosigned, Reason, Refused, Status, WatchedLog

app = typer.Typer(
    name="witness",
    help="Witness another party's record: check it, cosign it.",
    no_args_is_help=True,
)
State = Annotated[
    Path, typer.Option("--state", metavar="FOLDER", help="What the witness keeps; yours alone.")
]

_ERRORS: Final[dict[Status, type[OvertError]]] = {
    Status.BAD_REQUEST: InputError,
    Status.UNKNOWN_LOG: InputError,
    Status.BAD_SIGNATURE: IntegrityError,
    Status.BAD_PROOF: IntegrityError,
    Status.CONFLICT: StateError,
}


@app.command("init")
def init(
    name: Annotated[str, typer.Argument(help="Its name, for example witness.example/one.")],
    state: State,
    as_json: AsJson = False,
) -> None:
    """Make a witness: a key, and a folder to keep what it saw."""
    from overt.cli.ledger_witness_folder import WitnessFolder

    verifier = WitnessFolder.create(state, name).verifier
    if as_json:
        print_json({"name": verifier.name, "verifier_key": str(verifier)})
        return
    print(verifier)
    say("This is the witness's public key: hand it to the logs, and to whoever relies on it.")


@app.command("add-log")
def add_log(
    key: Annotated[str, typer.Argument(metavar="VKEY", help="The log's public key.")],
    state: State,
    origin: Annotated[
        str | None, typer.Option(help="The first line of its checkpoints, if not the key's name.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Cosign for this log from now on; with a key more, if it is known already."""
    from overt.cli.ledger_witness_folder import WitnessFolder
    from overt.ledger.notes import NoteVerifier

    verifier = NoteVerifier.parse(key)
    folder = WitnessFolder(state)
    if verifier.public_key == folder.verifier.public_key:
        raise InputError("The key is the witness's own: a log is nobody's witness but others'.")
    with folder.locked() as kept:
        log = kept.add_key(origin or verifier.name, verifier)
    if as_json:
        print_json(_log(log, ()))
        return
    say(f"Cosigning for {log.origin}; keys known of it: {len(log.keys)}.")


@app.command("cosign")
def cosign(
    request: Annotated[
        Path, typer.Argument(help="What the log sent (overt ledger request); - for standard input.")
    ],
    state: State,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Check a log's new checkpoint against everything seen before, and cosign it."""
    from overt.cli.ledger_witness_folder import WitnessFolder
    from overt.ledger.witness import add_checkpoint

    data = read_file(request)
    folder = WitnessFolder(state)
    cosigner = folder.cosigner()
    with folder.locked() as kept:
        time_s = int(SystemClock().now_utc().timestamp())
        answer = add_checkpoint(data, kept, cosigner, time_s)
        if isinstance(answer, Refused) and answer.reason is Reason.FORK:
            evidence = kept.keep_evidence(answer.evidence)
        else:
            evidence = ()
    if as_json:
        print_json(_answer(answer, evidence))
    if isinstance(answer, Refused):
        raise _error(answer, evidence)
    if out is not None or not as_json:
        hand_out(f"{answer.line}\n".encode(), out)
    say(f"Cosigned {answer.checkpoint.origin} at {answer.checkpoint.size:,} records.")


@app.command("status")
def status(state: State, as_json: AsJson = False) -> None:
    """Show the witness's key, and what it cosigned last of each log."""
    from overt.cli.ledger_witness_folder import WitnessFolder

    folder = WitnessFolder(state)
    with folder.locked() as kept:
        logs = [(log, kept.evidence(log.origin)) for log in kept.logs()]
    if as_json:
        shown = [_log(log, evidence) for log, evidence in logs]
        print_json({"verifier_key": str(folder.verifier), "logs": shown})
        return
    print(folder.verifier)
    if not logs:
        say("It cosigns for no log yet: overt ledger witness add-log")
        return
    table = Table("Log", "Records", "Root", "Cosigned", "", box=None)
    for log, evidence in logs:
        when = format_unix_s(log.head.time_s) if log.head else "never"
        forked = Text("forked: see its evidence", style="bold red") if evidence else Text("")
        table.add_row(Text(log.origin), f"{log.size:,}", log.root.hex()[:16], when, forked)
    Console().print(table)


def _error(refused: Refused, evidence: tuple[Path, ...]) -> OvertError:
    if refused.reason is Reason.FORK:
        return IntegrityError(
            f"{refused.sentence} Both checkpoints are kept as proof in the folder "
            f"{evidence[0].parent.name}."
        )
    return _ERRORS[refused.status](refused.sentence)


def _answer(answer: Cosigned | Refused, evidence: tuple[Path, ...]) -> dict[str, object]:
    if isinstance(answer, Cosigned):
        return {
            "status": Status.COSIGNED.value,
            "origin": answer.checkpoint.origin,
            "size": answer.checkpoint.size,
            "root_sha256": answer.checkpoint.root.hex(),
            "cosignature": str(answer.line),
        }
    return {
        "status": answer.status.value,
        "reason": str(answer.reason),
        "sentence": answer.sentence,
        "known_size": answer.known_size,
        "evidence": [str(path) for path in evidence],
    }


def _log(log: WatchedLog, evidence: tuple[Path, ...]) -> dict[str, object]:
    return {
        "origin": log.origin,
        "verifier_keys": [str(key) for key in log.keys],
        "size": log.size,
        "root_sha256": log.root.hex(),
        "cosigned_utc": format_unix_s(log.head.time_s) if log.head else None,
        "evidence": [str(path) for path in evidence],
    }
