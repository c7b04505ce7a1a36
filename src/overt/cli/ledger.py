"""``overt ledger``: check this machine's record of what it did.

Exit codes: 0; 4 the first thing that does not fit; 7 it cannot be read.
"""

import json

import typer
from rich.console import Console

from overt.cli import ledger_witness, wiring
from overt.cli.options import AsJson
from overt.core.clock import SystemClock

app = typer.Typer(name="ledger", help="The record of every act: verify it.", no_args_is_help=True)


app.add_typer(ledger_witness.app, name="witness")


@app.command("verify")
def verify(as_json: AsJson = False) -> None:
    """Recompute the record from its bytes, and compare every alert with its entry in it."""
    with wiring.open_store(SystemClock()) as store:
        state = store.verify()
        key = store.ledger.verifier_key
    figures = {
        "verified": True,
        "n_records": state.n_records,
        "n_checkpointed": state.n_checkpointed,
        "root_sha256": state.root.hex(),
        "verifier_key": key,
    }
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    Console().print(
        f"The record holds together: {state.n_records:,} entries, {state.n_checkpointed:,} of "
        f"them under a signed checkpoint; root {state.root.hex()}."
    )
