"""``overt deployment``: keys of those who authorise, and the capability they sign.

Exit codes: 0; 3 a file or value that cannot be used; 4 a key that others can read; 5 a capability
that is not valid here; 7 not written.
"""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from overt.cli import wiring
from overt.cli.options import AsJson
from overt.core.clock import SystemClock, format_utc, parse_utc
from overt.core.errors import InputError, StorageError
from overt.core.ids import CameraId, ContractId, DeploymentId, WatchlistId

if TYPE_CHECKING:
    from overt.deployment.capability import Calibration

app = typer.Typer(
    name="deployment", help="Authority: keys, and the capability they sign.", no_args_is_help=True
)
CapabilityFile = Annotated[Path, typer.Argument(help="The signed capability file.")]


@app.command("new-key")
def new_key(
    path: Annotated[Path, typer.Argument(help="Where the signing key is written.")],
) -> None:
    """Create the signing key of somebody who authorises, and its public half beside it."""
    from overt.deployment.keys import create_key

    create_key(path)
    Console(stderr=True).print(
        f"Signing key {path}: keep it with the person, not on the node.\n"
        f"Public key {path}.pub: make it known to a node by: overt deployment trust {path}.pub",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )


@app.command("trust")
def trust(
    public_key: Annotated[Path, typer.Argument(help="Public key of somebody who authorises.")],
) -> None:
    """Let capabilities signed by this key be used on this machine."""
    from overt.deployment.keys import load_public_key
    from overt.policy.signing import key_id

    known_as = key_id(load_public_key(public_key))
    folder = wiring.trusted_keys()
    try:
        wiring.home().mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(public_key, folder / f"{known_as}.pub")
    except OSError as error:
        raise StorageError("The public key could not be kept.") from error
    Console(stderr=True).print(f"Capabilities signed by {known_as} are accepted here.")


@app.command("authorise")
def authorise(
    deployment: Annotated[str, typer.Argument(help="Id of the deployment, lower case.")],
    camera: Annotated[list[str], typer.Option(help="Name of a camera; once for each.")],
    watchlist: Annotated[str, typer.Option(help="Name of the watchlist.")],
    authoriser: Annotated[str, typer.Option(help="Office or name of the one who authorises.")],
    key: Annotated[Path, typer.Option(help="The signing key of the one who authorises.")],
    out: Annotated[Path, typer.Option(help="Where the capability is written.")],
    minutes: Annotated[float, typer.Option(help="How long it lasts.", min=0.01)],
    start: Annotated[
        str | None, typer.Option(help="When it begins, with offset; now if not given.")
    ] = None,
    one_in: Annotated[
        int | None,
        typer.Option(
            min=1, help="Threshold for one false alert in so many strangers, from evidence."
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Threshold from evidence of your own.")
    ] = None,
    repeat_within_s: Annotated[
        float, typer.Option(help="Repeats of one person at one camera within this are folded.")
    ] = 60.0,
) -> None:
    """Sign a capability: these cameras, this list, these models, this threshold, this window."""
    from overt.deployment.capability import Capability, sign
    from overt.deployment.keys import load_private_key
    from overt.policy.locks import AlertRule

    signing_key = load_private_key(key)
    now = SystemClock().now_utc()
    begins, ends = _window(start, minutes, now)
    with wiring.open_store(SystemClock()) as store:
        listed = store.watchlists.load(WatchlistId(watchlist))
    if listed is None:
        raise InputError("There is no watchlist of that name on this machine.")
    limit, calibration = choose_threshold(listed.contract, len(listed.entries), one_in, threshold)
    with wiring.open_models() as models:
        detector_sha256 = models.detector_sha256
    try:
        rule = AlertRule(threshold=limit, repeat_within_s=repeat_within_s)
    except ValueError as error:
        raise InputError(f"The rule cannot be: {error}.") from error
    capability = Capability(
        deployment=DeploymentId(deployment),
        cameras=tuple(CameraId(name) for name in camera),
        not_before_utc=begins,
        not_after_utc=ends,
        watchlist_sha256=listed.manifest_sha256,
        detector_sha256=detector_sha256,
        contract=listed.contract,
        rule=rule,
        authoriser=authoriser,
        issued_utc=now,
        calibration=calibration,
    )
    data = sign(capability, signing_key)
    try:
        out.write_bytes(data)
    except OSError as error:
        raise StorageError("The capability file could not be written.") from error
    Console(stderr=True).print(
        f"Signed {out}: until {format_utc(capability.not_after_utc)}",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )


def _window(start: str | None, minutes: float, now_utc: datetime) -> tuple[datetime, datetime]:
    try:
        begins = parse_utc(start) if start else now_utc
        return begins, begins + timedelta(minutes=minutes)
    except ValueError as error:
        raise InputError(f"The start is no time: {error}.") from error
    except OverflowError as error:
        raise InputError("The capability would last longer than the calendar.") from error


def choose_threshold(
    contract: ContractId, n_entries: int, one_in: int | None, threshold: float | None
) -> "tuple[float, Calibration | None]":
    """Return the threshold and its evidence: from a record for ``one_in``, or as it was given.

    Raises:
        InputError: neither or both were given, or no record supports it.
    """
    from overt.deployment.calibration import supported_threshold

    if (one_in is None) == (threshold is None):
        raise InputError("Say how rare false alerts must be (--one-in), or name a --threshold.")
    if threshold is not None:
        return threshold, None
    return supported_threshold(wiring.calibrations(), contract, n_entries, one_in or 0)


@app.command("show")
def show(path: CapabilityFile, as_json: AsJson = False) -> None:
    """Show what a capability allows, and whether it is valid here and now."""
    from overt.deployment.authority import Authority
    from overt.deployment.capability import verify
    from overt.deployment.keys import load_trusted

    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError("The capability file cannot be read.") from error
    allowed = verify(data, load_trusted(wiring.trusted_keys()))
    document = json.loads(data)["capability"]
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        table = Table(box=None, show_header=False)
        table.add_column()
        table.add_column(overflow="fold")
        for name, value in document.items():
            table.add_row(name, json.dumps(value) if not isinstance(value, str) else value)
        Console().print(table)
    Authority(allowed, SystemClock())
    Console(stderr=True).print(f"Valid now, until {format_utc(allowed.not_after_utc)}")
