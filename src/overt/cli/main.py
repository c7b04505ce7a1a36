"""The command ``overt``: collects the sub-commands and turns errors into exit codes.

Invariant: an error of ours is one plain sentence on standard error and the exit code of its class
(``core/errors.py``); an interrupted run exits with 130.
"""

import sys

import cv2
import typer

from overt.cli import bench, deployment, models, watchlist
from overt.cli.demo import demo
from overt.cli.run import run
from overt.core.errors import EXIT_INTERRUPTED, OvertError

app = typer.Typer(
    name="overt",
    help="Accountable live facial recognition.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("demo")(demo)
app.command("run")(run)
app.add_typer(bench.app, name="bench")
app.add_typer(models.app, name="models")
app.add_typer(watchlist.app, name="watchlist")
app.add_typer(deployment.app, name="deployment")


def main() -> None:
    """Run the command line."""
    # The pipeline's own threads fill the cores; OpenCV's would only take them from each other.
    cv2.setNumThreads(1)
    try:
        app(standalone_mode=True)
    except OvertError as error:
        print(f"overt: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("overt: interrupted", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
