"""The lives of deployments: every act in one transaction with its ledger record, or not at all.

Invariants: of two processes that take the same step one wins, and the other is told so; an
authority that is over is recorded as over before anything else is done; what the policy refuses is
recorded as refused.
Must not: decide what is allowed; that is :mod:`overt.deployment.lifecycle`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.core.clock import Clock
from overt.core.errors import IntegrityError, PolicyError, StateError
from overt.core.ids import DeploymentId, PersonId, Sha256
from overt.deployment.acts import Apply, Authorise, DeploymentAct, Lapse, Ratify
from overt.deployment.application import Application
from overt.deployment.guard import Standing
from overt.deployment.life import Life
from overt.deployment.lifecycle import advance
from overt.deployment.situation import Situation
from overt.ledger.records import DeploymentStep, LedgerRecord, Refusal
from overt.store.database import Database
from overt.store.ledger import StoredLedger, UnitOfWork
from overt.store.models import DeploymentLifeRow, PolicyPackRow, PresenceBeatRow

Gather = Callable[[Session, Application, PersonId | None, datetime], Situation]
"""Finds out what holds for an application now, within the transaction of the act."""


class LifeArchive:
    """Keeps the lives of deployments. Safe to use from any thread and process."""

    def __init__(
        self, database: Database, ledger: StoredLedger, clock: Clock, gather: Gather
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._gather = gather

    def get(self, deployment: DeploymentId) -> Life | None:
        """Return a deployment's life as it was last recorded, or None if there is none.

        Raises:
            IntegrityError: it was altered.
            StorageError: it cannot be read.
        """
        with self._database.read() as session:
            return _life(session.get(DeploymentLifeRow, deployment))

    def list(self) -> tuple[Life, ...]:
        """Return every deployment, the one that changed last first."""
        newest = select(DeploymentLifeRow).order_by(DeploymentLifeRow.updated_utc.desc())
        with self._database.read() as session:
            return tuple(life for row in session.scalars(newest) if (life := _life(row)))

    def capability(self, deployment: DeploymentId) -> bytes | None:
        """Return the signed capability in force, byte for byte, or None if there is none."""
        with self._database.read() as session:
            row = session.get(DeploymentLifeRow, deployment)
            return None if row is None else row.capability_json

    def standing(self, deployment: DeploymentId) -> Standing | None:
        """See :meth:`overt.deployment.guard.LifeReader.standing`."""
        with self._database.read() as session:
            row = session.get(DeploymentLifeRow, deployment)
            life = _life(row)
            if row is None or life is None:
                return None
            in_force = _in_force(session, life.application.bindings.policy_sha256)
            return Standing(life, row.capability_json, _beats(session, deployment), in_force)

    def act(self, deployment: DeploymentId, act: DeploymentAct, by: PersonId | None) -> Life:
        """Take a step.

        Args:
            deployment: of which deployment.
            act: what is done.
            by: who does it; None for what the node or the clock does.

        Returns:
            The life after it, as it is now kept.

        Raises:
            StateError: there is no such deployment, it is not where this step can be taken, or
                somebody was faster.
            PolicyError: it is not allowed; that is recorded.
            AuthorityError: a capability or signature that does not fit.
            StorageError: it could not be kept; nothing was.
        """
        try:
            with self._ledger.transaction() as work:
                lapsed = self._lapse(work, deployment)
            with self._ledger.transaction() as work:
                return self._step(work, deployment, act, by, lapsed=lapsed)
        except PolicyError as refused:
            self._record_refusal(deployment, refused)
            raise

    def beat(self, deployment: DeploymentId, person: PersonId) -> int:
        """Note that an officer is present; return how often they have said so.

        Raises:
            StateError: they are not checked in there.
        """
        with self._database.write() as session:
            life = _life(session.get(DeploymentLifeRow, deployment))
            if life is None or person not in life.present():
                raise StateError(f"{person} is not checked in at this deployment.")
            row = session.get(PresenceBeatRow, (deployment, person))
            if row is None:
                row = PresenceBeatRow(deployment_id=deployment, person=person, n_beats=0)
                session.add(row)
            row.n_beats += 1
            row.last_utc = self._clock.now_utc()
            return row.n_beats

    def beats(self, deployment: DeploymentId) -> Mapping[PersonId, int]:
        """Return how often each officer has said to be present."""
        with self._database.read() as session:
            return _beats(session, deployment)

    def _lapse(self, work: UnitOfWork, deployment: DeploymentId) -> bool:
        """Record the end of an authority that is over, if that is not recorded yet."""
        life = _life(work.session.get(DeploymentLifeRow, deployment))
        if life is None or not life.lapsed(self._clock.now_utc()):
            return False
        self._step(work, deployment, Lapse(), None)
        return True

    def _step(
        self,
        work: UnitOfWork,
        deployment: DeploymentId,
        act: DeploymentAct,
        by: PersonId | None,
        *,
        lapsed: bool = False,
    ) -> Life:
        row = work.session.get(DeploymentLifeRow, deployment)
        before = _life(row)
        if lapsed and isinstance(act, Lapse) and before is not None:
            return before
        application = _application(before, act)
        now_utc = self._clock.now_utc()
        situation = self._gather(work.session, application, by, now_utc)
        after = advance(before, act, situation)
        if row is None:
            row = DeploymentLifeRow(id=deployment)
            work.session.add(row)
        row.state, row.version, row.document = after.state, after.version, after.to_bytes()
        row.updated_utc = after.last_step_utc
        if isinstance(act, Authorise | Ratify):
            row.capability_json = act.capability_file
        step = DeploymentStep(deployment, act.event, after.state, after.version, after.sha256, by)
        work.append(LedgerRecord.of(step, after.last_step_utc))
        return after

    def _record_refusal(self, deployment: DeploymentId, refused: PolicyError) -> None:
        with self._ledger.transaction() as work:
            for rule in refused.rules:
                refusal = Refusal(run=None, deployment=deployment, rule=rule)
                work.append(LedgerRecord.of(refusal, self._clock.now_utc()))


def _application(life: Life | None, act: DeploymentAct) -> Application:
    if isinstance(act, Apply):
        return act.application
    if life is None:
        raise StateError("There is no deployment of that name here.")
    return life.application


def _life(row: DeploymentLifeRow | None) -> Life | None:
    if row is None:
        return None
    life = Life.parse(row.document)
    if (life.deployment, life.state, life.version) != (row.id, row.state, row.version):
        raise IntegrityError("A deployment that the store keeps was altered.")
    return life


def _beats(session: Session, deployment: DeploymentId) -> dict[PersonId, int]:
    wanted = select(PresenceBeatRow).where(PresenceBeatRow.deployment_id == deployment)
    return {PersonId(row.person): row.n_beats for row in session.scalars(wanted)}


def _in_force(session: Session, policy_sha256: str) -> Sha256 | None:
    """Return which version is in force of the pack that has a version with this digest."""
    version = session.get(PolicyPackRow, policy_sha256)
    if version is None:
        return None
    newest = (
        select(PolicyPackRow.sha256)
        .where(PolicyPackRow.pack_id == version.pack_id)
        .order_by(PolicyPackRow.adopted_utc.desc())
        .limit(1)
    )
    found = session.scalar(newest)
    return None if found is None else Sha256(found)
