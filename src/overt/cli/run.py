"""``overt run``: node and server in one process, for one deployment on given sources.

Exit codes: 0 the recording ended or the authority's window closed; 130 it was interrupted, and
closed properly; the others as in ``core/errors.py``.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overt.cli import wiring
from overt.cli.options import AsJson, Device, RuntimeName
from overt.core.clock import SystemClock
from overt.core.errors import EXIT_INTERRUPTED, InputError


def run(
    capability: Annotated[Path, typer.Argument(help="The signed capability file.")],
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
    """Run an authorised deployment. Nothing is decoded without a valid capability."""
    from overt.alerts.ports import StopReason
    from overt.cli.results import as_json as json_of
    from overt.cli.results import print_closing
    from overt.cli.session import Session, parse_cameras, run_session
    from overt.deployment.authority import Authority
    from overt.deployment.capability import verify
    from overt.deployment.keys import load_trusted

    clock = SystemClock()
    data = _read_capability(capability)
    allowed = verify(data, load_trusted(wiring.trusted_keys()))
    Authority(allowed, clock)
    sources = parse_cameras(camera or (), allowed)
    console = Console(stderr=True)
    with (
        wiring.open_store(clock) as store,
        wiring.open_models(runtime=runtime, device=device) as models,
    ):
        watchlist = store.watchlists.find(allowed.watchlist_sha256)
        if watchlist is None:
            raise InputError("The authorised watchlist is not on this machine; import it first.")
        session = Session(allowed, data, watchlist, models, sources, realtime)
        report, display = run_session(session, store, clock, console, quiet=as_json)
    if as_json:
        print(json.dumps(json_of(report, display, session.labels, None), indent=2))
    else:
        print_closing(console, report, display, None)
    if report.reason is StopReason.INTERRUPTED:
        raise typer.Exit(EXIT_INTERRUPTED)


def _read_capability(path: Path) -> bytes:
    from overt.deployment.capability import MAX_FILE_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError("The capability file cannot be read.") from error
