"""One run as a person starts it: models, watchlist, capability and sources put together.

``overt run`` and ``overt demo`` both come here, so that the demo runs what a deployment runs.
"""

import hashlib
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import FrameType

from rich.console import Console

from overt.alerts.ports import RunStart
from overt.cli.display import RunDisplay
from overt.cli.wiring import LoadedModels, recogniser
from overt.core.clock import Clock
from overt.core.errors import AuthorityError, InputError
from overt.core.ids import CameraId, EntryId, Sha256
from overt.deployment.authority import Authority
from overt.deployment.capability import Capability
from overt.live.run import CameraSource, DeploymentRun, RunReport
from overt.store.store import Store
from overt.video.open import open_reader
from overt.video.sources import SourceSpec, parse_source
from overt.watchlist.manifest import manifest_sha256
from overt.watchlist.stored import StoredWatchlist


@dataclass(frozen=True, slots=True)
class Session:
    """Everything a run needs, checked against each other by :func:`run_session`.

    Attributes:
        capability: verified.
        capability_file: its bytes, as they were signed.
        watchlist: the list in hand.
        models: the models in hand.
        sources: where each camera's frames come from.
        realtime: play recordings at their own pace, like cameras.
    """

    capability: Capability
    capability_file: bytes
    watchlist: StoredWatchlist
    models: LoadedModels
    sources: Mapping[CameraId, SourceSpec]
    realtime: bool = False

    @property
    def labels(self) -> dict[EntryId, str]:
        """What the list calls each entry; for the screen of the one who runs the deployment."""
        return {each.entry: each.label for each in self.watchlist.entries}


def parse_cameras(texts: Sequence[str], capability: Capability) -> dict[CameraId, SourceSpec]:
    """Read ``NAME=SOURCE`` for each camera; a bare source is for a capability's only camera.

    Raises:
        InputError: no camera, one twice, or a source that is not there.
    """
    sources: dict[CameraId, SourceSpec] = {}
    for text in texts:
        name, source = _split_camera(text, capability)
        if name in sources:
            raise InputError(f"The camera {name} is given twice.")
        sources[name] = parse_source(source)
    if not sources:
        raise InputError("There is no video: name a file, a folder or a camera.")
    return sources


def _split_camera(text: str, capability: Capability) -> tuple[CameraId, str]:
    """Return camera and source. An address may hold ``=`` and a password: it is never quoted."""
    name, equals, source = text.partition("=")
    if equals and not set(name) & set(":/\\"):
        if name not in capability.cameras:
            raise AuthorityError(f"The capability does not name the camera {name}.")
        return CameraId(name), source
    if len(capability.cameras) == 1:
        return capability.cameras[0], text
    raise InputError("Several cameras are authorised: say which is which by NAME=SOURCE.")


def run_session(
    session: Session, store: Store, clock: Clock, console: Console, *, quiet: bool
) -> tuple[RunReport, RunDisplay]:
    """Check authority and bindings, then run to the end, showing progress.

    Raises:
        AuthorityError: nothing was decoded.
        IntegrityError: the list is of another vector space; nothing was decoded.
        OvertError: see :meth:`overt.live.run.DeploymentRun.run`.
    """
    authority = Authority(session.capability, clock)
    parts = recogniser(session.models, session.watchlist)
    authority.check_bindings(
        watchlist=manifest_sha256(session.watchlist.contract, session.watchlist.entries),
        detector=session.models.detector_sha256,
        contract=session.models.contract,
    )
    now = clock.now_utc()
    with RunDisplay(console, session.labels, quiet=quiet) as display:
        run = DeploymentRun(
            authority=authority,
            recogniser=parts,
            sources=_sources(session, clock, now),
            start=_start(session, now),
            sink=store.run(),
            observer=display,
            clock=clock,
        )
        with _interrupting(run):
            return run.run(), display


def _sources(session: Session, clock: Clock, started_utc: datetime) -> list[CameraSource]:
    return [
        CameraSource(
            camera,
            open_reader(spec, camera, clock, started_utc=started_utc, realtime=session.realtime),
            is_live=spec.is_live or session.realtime,
        )
        for camera, spec in session.sources.items()
    ]


def _start(session: Session, now: datetime) -> RunStart:
    return RunStart(
        deployment=session.capability.deployment,
        capability_json=session.capability_file,
        capability_sha256=Sha256(hashlib.sha256(session.capability_file).hexdigest()),
        watchlist_sha256=session.watchlist.manifest_sha256,
        contract=session.models.contract,
        threshold=session.capability.rule.threshold,
        cameras=tuple(session.sources),
        started_utc=now,
        software=session.models.software,
    )


@contextmanager
def _interrupting(run: DeploymentRun) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the run properly instead of tearing it down."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        run.interrupt()

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
