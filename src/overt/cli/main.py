"""The command ``overt``: collects the sub-commands and turns errors into exit codes.

Invariant: an error of ours is one plain sentence on standard error and the exit code of its class
(``core/errors.py``); an interrupted run exits with 130.
"""

import signal
import sys
from typing import Annotated

import cv2
import typer

import overt
from overt.cli import (
    alerts,
    bench,
    deployment,
    evaluation,
    holds,
    hotspots,
    keys,
    ledger,
    models,
    people,
    policy,
    retention,
    selftest,
    watchlist,
)
from overt.cli.demo import demo
from overt.cli.run import run
from overt.cli.trace import trace
from overt.core.errors import EXIT_INTERRUPTED, OvertError

app = typer.Typer(
    name="overt",
    no_args_is_help=True,
    add_completion=False,
    epilog="Begin with: overt demo. Errors are one sentence on standard error; the exit codes are "
    "listed in the README.",
)
app.command("demo")(demo)
app.command("run")(run)
app.command("trace")(trace)
app.add_typer(alerts.app, name="alerts")
app.add_typer(bench.app, name="bench")
app.add_typer(evaluation.app, name="eval")
app.add_typer(holds.app, name="holds")
app.add_typer(hotspots.app, name="hotspots")
app.add_typer(keys.app, name="keys")
app.add_typer(ledger.app, name="ledger")
app.add_typer(models.app, name="models")
app.add_typer(people.app, name="people")
app.add_typer(policy.app, name="policy")
app.add_typer(retention.app, name="retention")
app.add_typer(selftest.app, name="selftest")
app.add_typer(watchlist.app, name="watchlist")
app.add_typer(deployment.app, name="deployment")


def _print_version(asked: bool) -> None:
    if asked:
        print(f"overt {overt.__version__}")
        raise typer.Exit


@app.callback()
def describe(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version."),
    ] = False,
) -> None:
    """Accountable live facial recognition.

    Cameras at an authorised deployment look for the people on its watchlist, and for nobody else.

    An officer decides on every possible match. Everybody else is forgotten at once.
    """


def _sentence(message: str) -> str:
    """Return a message as one line that begins and ends as a sentence does.

    What is no word, such as a file's name, begins as it is written.
    """
    line = " ".join(message.split())
    if line.partition(" ")[0].isalpha():
        line = line[:1].upper() + line[1:]
    return line + ("" if line.endswith((".", "!", "?")) else ".")


def main() -> None:
    """Run the command line."""
    # The pipeline's own threads fill the cores; OpenCV's would only take them from each other.
    cv2.setNumThreads(1)
    # What a run or a demo has to tidy away is tidied away for SIGTERM as for Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app(prog_name="overt", standalone_mode=True)
    except OvertError as error:
        print(f"overt: {_sentence(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("overt: interrupted", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
