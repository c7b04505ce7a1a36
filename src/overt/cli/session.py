"""One run as a person starts it: deployment, models, watchlist and sources put together.

    what is authorised → is it all here? → may it go live now? → live → run → what the life says

``overt run`` and ``overt demo`` both come here, so that the demo runs what a deployment runs.
"""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import FrameType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rich.console import Console

from overt.alerts.ports import RunStart
from overt.cli.display import RunDisplay
from overt.cli.wiring import LoadedModels, recogniser
from overt.core.clock import Clock
from overt.core.errors import AuthorityError, InputError, StateError
from overt.core.ids import CameraId, DeploymentId, EntryId, PersonId
from overt.core.memory import protect_process
from overt.deployment.acts import GoLive, MakeReady, Pause, Resume
from overt.deployment.authorising import capability_sha256
from overt.deployment.authority import Authority
from overt.deployment.capability import Capability, verify
from overt.deployment.guard import Guard
from overt.deployment.life import Life, LifeState
from overt.live.configuration import configuration_sha256
from overt.live.observer import BothObservers, Observer
from overt.live.pipeline import Recogniser
from overt.live.run import CameraSource, DeploymentRun, RunReport
from overt.matching.exact import ExactSearch
from overt.policy.pack import PolicyPack
from overt.policy.roles import Person, Right, Scope, check_right
from overt.store.store import Store
from overt.video.open import open_reader
from overt.video.sources import SourceSpec, parse_source
from overt.watchlist.current_search import CurrentlyComparable, CurrentSearch
from overt.watchlist.manifest import manifest_sha256
from overt.watchlist.stored import StoredWatchlist


@dataclass(frozen=True, slots=True)
class Authorised:
    """A deployment with its authority, as the store has it.

    Attributes:
        life: as it stands.
        capability: verified.
        capability_file: its bytes, as they were signed.
        pack: the policy pack under which it was authorised.
        watchlist: the list that it names.
    """

    life: Life
    capability: Capability
    capability_file: bytes
    pack: PolicyPack
    watchlist: StoredWatchlist

    @property
    def labels(self) -> dict[EntryId, str]:
        """What the list calls each entry; for the screen of the one who runs the deployment."""
        return {each.entry: each.label for each in self.watchlist.entries}


@dataclass(frozen=True, slots=True)
class Session:
    """Everything a run needs, checked against each other by :func:`run_session`.

    Attributes:
        authorised: the deployment.
        by: who starts it.
        models: the models in hand.
        sources: where each camera's frames come from.
        realtime: play recordings at their own pace, like cameras.
    """

    authorised: Authorised
    by: Person
    models: LoadedModels
    sources: Mapping[CameraId, SourceSpec]
    realtime: bool = False


def find_authorised(store: Store, deployment: DeploymentId, clock: Clock) -> Authorised:
    """Return a deployment that is authorised now.

    Raises:
        StateError: there is none of that name.
        AuthorityError: it has no authority, or none that is valid now.
        InputError: its list is not here.
        IntegrityError: what is kept was altered.
    """
    life, file = store.lives.get(deployment), store.lives.capability(deployment)
    if life is None:
        raise StateError(f"There is no deployment {deployment} here.")
    if life.authority is None or file is None:
        raise AuthorityError(f"The deployment is {life.state}: nobody has authorised it.")
    key = key_in(store)(PersonId(life.authority.authoriser))
    capability = verify(file, [] if key is None else [key])
    Authority(capability, clock)
    adopted = store.policies.get(capability.policy_sha256)
    if adopted is None:
        raise AuthorityError("The policy pack under which it was authorised is not here.")
    watchlist = store.watchlists.find(capability.watchlist_sha256)
    if watchlist is None:
        raise InputError("The authorised watchlist is not on this machine; import it first.")
    return Authorised(life, capability, file, adopted.pack, watchlist)


def named_by_file(store: Store, data: bytes) -> DeploymentId:
    """Return which deployment a capability file is for, if it is the one in force there.

    Raises:
        AuthorityError: it is forged, signed by nobody in the register, or not the one in force.
    """
    people = store.people.list()
    keys = (Ed25519PublicKey.from_public_bytes(each.public_key) for each in people)
    deployment = verify(data, keys).deployment
    in_force = store.lives.capability(deployment)
    if in_force is None or capability_sha256(in_force) != capability_sha256(data.rstrip(b"\n")):
        raise AuthorityError("The capability is not the one in force for its deployment here.")
    return deployment


def key_in(store: Store) -> Callable[[PersonId], Ed25519PublicKey | None]:
    """Return what looks up registered keys; a key stands for one person for good."""

    def key_of(person: PersonId) -> Ed25519PublicKey | None:
        found = next((each for each in store.people.list() if each.id == person), None)
        return None if found is None else Ed25519PublicKey.from_public_bytes(found.public_key)

    return key_of


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
    session: Session,
    store: Store,
    clock: Clock,
    console: Console,
    *,
    quiet: bool,
    watcher: Observer | None = None,
) -> tuple[RunReport, RunDisplay]:
    """Check authority and bindings, go live, then run to the end, showing progress.

    Args:
        session: what is run.
        store: where it is kept.
        clock: the node's clock.
        console: where progress is shown.
        quiet: show nothing.
        watcher: told of everything that the display is told of.

    Raises:
        AuthorityError: nothing was decoded.
        PolicyError, StateError: it may not go live now; every reason is in the message.
        IntegrityError: the list is of another vector space; nothing was decoded.
        OvertError: see :meth:`overt.live.run.DeploymentRun.run`.
    """
    protection = protect_process()
    if protection.in_words is not None and not quiet:
        console.print(protection.in_words, style="yellow", soft_wrap=True)
    found = session.authorised
    authority = Authority(found.capability, clock)
    parts = _recogniser(session, store, clock)
    authority.check_bindings(
        watchlist=manifest_sha256(found.watchlist.contract, found.watchlist.entries),
        detector=session.models.detector_sha256,
        contract=session.models.contract,
    )
    guard = Guard(
        authority=authority,
        capability_file=found.capability_file,
        pack=found.pack,
        reader=store.lives,
        key_of=key_in(store),
        clock=clock,
    )
    now = clock.now_utc()
    with RunDisplay(console, found.labels, found.life.deployment, quiet=quiet) as display:
        run = DeploymentRun(
            authority=authority,
            guard=guard,
            steps=store.lives,
            recogniser=parts,
            sources=_sources(session, clock, now),
            start=_start(session, parts, now),
            sink=store.run(),
            observer=display if watcher is None else BothObservers(display, watcher),
            clock=clock,
            protection=protection,
        )
        with _interrupting(run):
            _begin(session, store)
            return run.run(), display


def _recogniser(session: Session, store: Store, clock: Clock) -> Recogniser:
    """Return the models, and a search among those who may be compared, at every moment anew."""
    found = session.authorised
    if store.watchlist_lives.find(found.watchlist.id) is None:
        raise InputError("The watchlist was made before lists had a life: import it again.")
    who = CurrentlyComparable(store.watchlist_lives, found.watchlist.id, found.pack)
    search = CurrentSearch(found.watchlist, who, ExactSearch, clock.now_utc())
    return recogniser(session.models, found.watchlist, search)


def _begin(session: Session, store: Store) -> None:
    """Take the deployment live, as the person who starts the run.

    The lock on runs is held: if the life says that it is live, its node has stopped without a word.
    """
    life, by = session.authorised.life, session.by
    for camera in session.sources:
        where = Scope(life.deployment, life.application.watchlist_id, camera)
        with store.looks.recording_refusals(Right.RUN, by.id, where):
            check_right(by, Right.RUN, where).require()
    if life.state is LifeState.LIVE:
        stopped = Pause("The node stopped without saying so.")
        life = store.lives.act(life.deployment, stopped, None)
    if life.state is LifeState.PAUSED:
        store.lives.act(life.deployment, Resume(), by.id)
        return
    if life.state is LifeState.AUTHORISED:
        store.lives.act(life.deployment, MakeReady(), by.id)
    store.lives.act(life.deployment, GoLive(tuple(session.sources)), by.id)


def _sources(session: Session, clock: Clock, started_utc: datetime) -> list[CameraSource]:
    return [
        CameraSource(
            camera,
            open_reader(spec, camera, clock, started_utc=started_utc, realtime=session.realtime),
            is_live=spec.is_live or session.realtime,
        )
        for camera, spec in session.sources.items()
    ]


def _start(session: Session, parts: Recogniser, now: datetime) -> RunStart:
    found, models = session.authorised, session.models
    configuration = configuration_sha256(parts, models.runs_on)
    return RunStart(
        deployment=found.capability.deployment,
        capability_json=found.capability_file,
        capability_sha256=capability_sha256(found.capability_file),
        watchlist_sha256=found.watchlist.manifest_sha256,
        contract=models.contract,
        threshold=found.capability.rule.threshold,
        cameras=tuple(session.sources),
        started_utc=now,
        software={**models.software, "configuration": configuration},
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
