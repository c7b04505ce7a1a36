"""``overt selftest``: whether the product does what it promises, tried on the product itself.

Exit codes: 0 it does; 1 it does not, or the test could not find what it planted itself; the others
as in ``core/errors.py``.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overt.cli import wiring
from overt.cli.options import AsJson
from overt.core.clock import SystemClock

app = typer.Typer(no_args_is_help=True, help="Try on this machine what the product promises.")


@app.callback()
def describe() -> None:
    """Try on this machine what the product promises."""


@app.command("forget")
def forget(
    runs: Annotated[int, typer.Option(min=1, help="How many faces pass, each another.")] = 3,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Chooses the faces; else by chance.")
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Go on after something was found.")
    ] = False,
    acting: Annotated[
        Path | None,
        typer.Option("--as", help="Put the result on record, as whoever has this signing key."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let drawn faces pass a real node, and search its memory and files for them."""
    from overt.cli.forgetting.recording import on_record
    from overt.cli.forgetting.trial import run_selftest
    from overt.cli.identity import act_as

    console = Console(stderr=True, quiet=as_json)
    clock = SystemClock()
    result = run_selftest(
        runs=runs,
        seed=seed,
        keep_going=keep_going,
        clock=clock,
        progress=lambda words: console.print(words, highlight=False),
    )
    if acting is not None:
        with wiring.open_store(clock) as store:
            on_record(store, result, act_as(store, acting).person.id)
    if as_json:
        print(json.dumps(result.as_dict(), indent=2))
    else:
        for line in result.lines():
            console.print(line, soft_wrap=True, highlight=False)
    if not result.ok:
        raise typer.Exit(1)
