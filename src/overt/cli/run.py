"""``overt run``: node and server in one process, for one deployment on given sources.

It takes the deployment live as the person whose key is given, waits until the officers have said
that they are there, and looks for as long as they do. What it was stopped by stands in the
deployment's life; within its window it can be started again.

Exit codes: 0 the recordings ended, the window closed or somebody ended the deployment; 130 it was
interrupted, and closed properly; 9 it may not go live, with every reason; 10 it is not where it
could go live; the others as in ``core/errors.py``.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from overt.cli import wiring
from overt.cli.options import Acting, AsJson, Device, RuntimeName
from overt.core.clock import SystemClock
from overt.core.errors import EXIT_INTERRUPTED, InputError
from overt.core.ids import DeploymentId

if TYPE_CHECKING:
    from overt.store.store import Store


def run(
    deployment: Annotated[
        str,
        typer.Argument(
            metavar="DEPLOYMENT|FILE", help="Which deployment, or its signed capability file."
        ),
    ],
    acting: Acting,
    camera: Annotated[
        list[str] | None,
        typer.Option(
            "--camera",
            help="NAME=SOURCE, once for each camera: a video file, a folder, frame_%05d.png, "
            "webcam:0 or rtsp://…",
        ),
    ] = None,
    realtime: Annotated[
        bool, typer.Option(help="Play recordings at their own pace, dropping late frames.")
    ] = False,
    runtime: RuntimeName = "openvino",
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Run a deployment: nothing is decoded without authority, nor without officers present."""
    from overt.alerts.ports import StopReason
    from overt.cli.identity import act_as
    from overt.cli.results import as_json as json_of
    from overt.cli.results import print_closing
    from overt.cli.session import Session, find_authorised, parse_cameras, run_session
    from overt.cli.sweeping import sweep_aloud, sweeping_beside

    clock = SystemClock()
    console = Console(stderr=True)
    with wiring.open_store(clock) as store:
        by = act_as(store, acting).person
        authorised = find_authorised(store, _named(store, deployment), clock)
        sources = parse_cameras(camera or (), authorised.capability)
        with wiring.open_models(runtime=runtime, device=device) as models:
            session = Session(authorised, by, models, sources, realtime)
            with sweeping_beside(store, console):
                report, display = run_session(session, store, clock, console, quiet=as_json)
        if as_json:
            print(json.dumps(json_of(report, display, authorised.labels, None), indent=2))
        else:
            print_closing(console, report, display, None)
        sweep_aloud(store, console)
    if report.reason is StopReason.INTERRUPTED:
        raise typer.Exit(EXIT_INTERRUPTED)


def _named(store: "Store", deployment: str) -> DeploymentId:
    """Return the deployment that is meant: by its id, or by its capability file."""
    from overt.cli.session import named_by_file

    path = Path(deployment)
    if "/" in deployment or path.suffix in {".json", ".cap"} or path.is_file():
        return named_by_file(store, _read_capability(path))
    return DeploymentId(deployment)


def _read_capability(path: Path) -> bytes:
    from overt.deployment.capability import MAX_FILE_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError("The capability file cannot be read.") from error
