"""The demonstration's authority: its people take the list and the deployment through a whole life.

Invariants: a demonstration runs under the same policy pack, by the same acts and with the same
presence as a deployment; what the pack would refuse there it refuses here, with the same reason.
"""

import math
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from overt.cli import wiring
from overt.cli.demo_force import DemoForce, Terms
from overt.cli.session import Session, find_authorised
from overt.cli.wiring import LoadedModels
from overt.core.clock import Clock
from overt.core.errors import InputError, OvertError
from overt.core.ids import CameraId, ContractId, DeploymentId
from overt.deployment.application import Evidence
from overt.deployment.calibration import supporting_evidence
from overt.store.store import Store
from overt.video.sources import SourceSpec
from overt.watchlist.stored import StoredWatchlist

PACK: Final = "uk-police"
REPEAT_WITHIN_S: Final = 60.0
BEAT_EVERY_S: Final = 0.5
"""Often, so that a demonstration does not wait for its officers."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the demonstration is asked to run with.

    Attributes:
        one_in: one false alert in so many strangers.
        threshold: named instead of taken from evidence; None to take it from there.
        least_threshold: never below this, since the crowd is of one kind.
        repeat_within_s: repeats within this are folded.
        realtime: play recordings at their own pace.
    """

    one_in: int
    threshold: float | None = None
    least_threshold: float = 0.0
    repeat_within_s: float = REPEAT_WITHIN_S
    realtime: bool = False


class Demonstration:
    """A deployment that is ready to go live, and the officers who are present at it.

    Attributes:
        session: what to run.
    """

    def __init__(self, session: Session, force: DemoForce) -> None:
        self.session = session
        self._force = force

    @contextmanager
    def officers_present(self) -> Iterator[None]:
        """Have the officers say that they are there, in a thread, for as long as this lasts."""
        ended = threading.Event()
        deployment = self.session.authorised.life.deployment

        def keep_on() -> None:
            while not ended.wait(BEAT_EVERY_S):
                try:
                    self._force.beat(deployment)
                except OvertError:
                    return  # they fall silent, and the node pauses and says so

        thread = threading.Thread(target=keep_on, name="demo-officers", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def authorise_demo(
    store: Store,
    clock: Clock,
    models: LoadedModels,
    watchlist: StoredWatchlist,
    sources: Mapping[CameraId, SourceSpec],
    asked: Asked,
) -> Demonstration:
    """Take a list and a deployment through the whole life, up to where it may go live.

    Raises:
        PolicyError: the policy pack does not allow what was asked for.
        InputError: no measurement supports it, or the rule cannot be.
    """
    toml = (wiring.policy_folder() / f"{PACK}.toml").read_bytes()
    force = DemoForce(store, clock, toml)
    listed = force.list_people(watchlist)
    evidence = _evidence(models.contract, len(listed.entries), asked.one_in)
    threshold, one_in = asked.threshold, None
    if threshold is None:
        threshold, one_in = max(evidence.threshold, asked.least_threshold), asked.one_in
    now_utc = clock.now_utc()
    terms = Terms(
        deployment=DeploymentId(f"demo-{secrets.token_hex(4)}"),
        cameras=tuple(sources),
        starts_utc=now_utc,
        ends_utc=now_utc + timedelta(hours=force.pack.rules.duration.max_h),
        contract=models.contract,
        detector_sha256=models.detector_sha256,
        threshold=threshold,
        evidence=evidence,
        false_alert_one_in=one_in,
        repeat_within_s=_whole_seconds(asked.repeat_within_s),
    )
    force.authorise(force.apply(terms, listed))
    force.make_ready(terms.deployment)
    authorised = find_authorised(store, terms.deployment, clock)
    return Demonstration(
        Session(authorised, force.operator, models, sources, asked.realtime), force
    )


def _evidence(contract: ContractId, n_entries: int, one_in: int) -> Evidence:
    """Return the evidence for a list of this size, or of the largest size that was measured.

    What does not cover the list the policy pack refuses, with its reason.

    Raises:
        InputError: nothing was measured at so rare a rate.
    """
    records = wiring.calibrations()
    try:
        return supporting_evidence(records, contract, n_entries, one_in)
    except InputError:
        sizes = [
            point.n_entries
            for record in records
            if record.contract == contract
            for point in record.points
            if point.one_in >= one_in
        ]
        if not sizes:
            raise
        return supporting_evidence(records, contract, max(sizes), one_in)


def _whole_seconds(seconds: float) -> int:
    if not math.isfinite(seconds):
        raise InputError("The rule cannot be: the folding time is endless.")
    return round(seconds)
