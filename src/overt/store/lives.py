"""The lives of deployments: every act in one transaction with its ledger record, or not at all.

Invariants: of two processes that take the same step one wins, and the other is told so; what
happens of itself, such as the end of an authority, is recorded before anything else is done; what
the policy refuses is recorded as refused; a key that must not outlive a step is destroyed with it.
Must not: decide what is allowed; that is :mod:`overt.deployment.lifecycle`.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.core.clock import Clock, format_utc
from overt.core.errors import IntegrityError, PolicyError, StateError
from overt.core.ids import DeploymentId, PersonId, Sha256
from overt.deployment.acts import Apply, Authorise, DeploymentAct, GoLive, Lapse, Ratify
from overt.deployment.guard import Standing
from overt.deployment.life import Life, Step
from overt.deployment.lifecycle import advance, follows
from overt.deployment.situation import Situation
from overt.ledger.acts import DeploymentStep, OverrideUsed, Refusal
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.facts import Route
from overt.policy.pack_authority import UrgentAuthorityRule
from overt.store.database import Database
from overt.store.endings import destroy_what_ends
from overt.store.finishing import Finisher
from overt.store.ledger import StoredLedger, UnitOfWork
from overt.store.ledger_records import records_of
from overt.store.memberships import Memberships, Register, keep_register, note_expiry
from overt.store.models import DeploymentLifeRow, PolicyPackRow, PresenceBeatRow
from overt.store.people import registered_person
from overt.store.situations import gather

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class _Taken:
    """A step as it was kept, and whether a key was destroyed with it."""

    life: Life
    destroyed: bool = False


class LifeArchive:
    """Keeps the lives of deployments. Safe to use from any thread and process."""

    def __init__(
        self,
        database: Database,
        ledger: StoredLedger,
        clock: Clock,
        memberships: Memberships,
        finisher: Finisher,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._memberships = memberships
        self._finisher = finisher

    def get(self, deployment: DeploymentId) -> Life | None:
        """Return a deployment's life as it was last recorded, or None if there is none.

        Raises:
            IntegrityError: it was altered.
            StorageError: it cannot be read.
        """
        with self._database.read() as session:
            return _life(session.get(DeploymentLifeRow, deployment))

    def list(self) -> tuple[Life, ...]:
        """Return every deployment, the one that changed last first; raises as :meth:`get`."""
        newest = select(DeploymentLifeRow).order_by(
            DeploymentLifeRow.updated_utc.desc(), DeploymentLifeRow.id
        )
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
            return Standing(life, row.capability_json, beats_of(session, deployment), in_force)

    def ask(
        self,
        deployment: DeploymentId,
        question: Callable[[Life, Situation], _Answer],
        by: PersonId | None = None,
    ) -> _Answer:
        """Return the answer to a question about how a deployment stands now; nothing is recorded.

        Args:
            deployment: of which deployment.
            question: asked within one transaction, so of one state of the store.
            by: who asks, where that matters.

        Raises:
            StateError: there is no such deployment.
            IntegrityError: it was altered.
            StorageError: it cannot be read.
        """
        with self._database.read() as session:
            life = _known(_life(session.get(DeploymentLifeRow, deployment)))
            return question(life, gather(session, life.application, by, self._clock.now_utc()))

    def act(self, deployment: DeploymentId, act: DeploymentAct, by: PersonId | None) -> Life:
        """Take a step.

        Args:
            deployment: of which deployment.
            act: what is done.
            by: who does it; None for what the node or the clock does.

        Returns:
            The life after it, and after what followed of itself, as it is now kept.

        Raises:
            StateError: there is no such deployment, it is not where this step can be taken, the
                clock was set back, or somebody was faster.
            PolicyError: it is not allowed; that is recorded.
            AuthorityError: a capability or signature that does not fit.
            InputError: a reason that cannot be recorded as it is.
            StorageError: it could not be kept, and nothing was; or it was, and what was destroyed
                is not yet overwritten in every file.
        """
        try:
            with self._ledger.transaction() as work:
                followed = self._follow(work, deployment)
            if followed is not None and isinstance(act, Lapse):
                return followed
            register = self._register_for(deployment, act, by)
            with self._ledger.transaction() as work:
                taken = self._step(work, deployment, act, by)
                if register is not None:
                    keep_register(work.session, deployment, register, taken.life.last_step_utc)
                after = self._follow(work, deployment) or taken.life
        except PolicyError as refused:
            self._record_refusal(deployment, refused)
            raise
        if taken.destroyed:
            self._finisher.finish()
        return after

    def beat(self, deployment: DeploymentId, person: PersonId) -> int:
        """Note that an officer is present; return how often they have said so.

        Raises:
            StateError: they are not checked in there, or were struck off.
        """
        with self._database.write() as session:
            life = _life(session.get(DeploymentLifeRow, deployment))
            registered = registered_person(session, person)
            if life is None or person not in life.present():
                raise StateError(f"{person} is not checked in at this deployment.")
            if registered is None or registered.struck_off:
                raise StateError(f"{person} was struck off the register.")
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
            return beats_of(session, deployment)

    def _follow(self, work: UnitOfWork, deployment: DeploymentId) -> Life | None:
        """Record what happens of itself as things stand; return the life after it, if anything."""
        life = _life(work.session.get(DeploymentLifeRow, deployment))
        if life is None:
            return None
        situation = gather(work.session, life.application, None, self._clock.now_utc())
        act = follows(life, situation)
        return None if act is None else self._step(work, deployment, act, None).life

    def _step(
        self,
        work: UnitOfWork,
        deployment: DeploymentId,
        act: DeploymentAct,
        by: PersonId | None,
    ) -> _Taken:
        row = work.session.get(DeploymentLifeRow, deployment)
        before = _life(row)
        application = act.application if isinstance(act, Apply) else _known(before).application
        situation = gather(work.session, application, by, self._clock.now_utc())
        after = advance(before, act, situation)
        if row is None:
            row = DeploymentLifeRow(id=after.deployment)
            work.session.add(row)
        row.state, row.version, row.document = after.state, after.version, after.to_bytes()
        row.updated_utc = after.last_step_utc
        if isinstance(act, Authorise | Ratify):
            row.capability_json = act.capability_file
        work.append(_record(after))
        if isinstance(act, Authorise) and act.route is Route.URGENT:
            work.append(_override(after))
        note_expiry(work.session, after, situation.pack, situation.now_utc)
        return _Taken(after, destroy_what_ends(work, after, situation.pack))

    def _register_for(
        self, deployment: DeploymentId, act: DeploymentAct, by: PersonId | None
    ) -> Register | None:
        """Return who is on the list of a deployment that is about to look for them, if not kept.

        Raises:
            PolicyError, StateError: it may not go live, so that nothing need be made for it.
        """
        if not isinstance(act, GoLive):
            return None
        life = self.ask(deployment, lambda life, now: advance(life, act, now), by)
        return self._memberships.prepare(life)

    def _record_refusal(self, deployment: DeploymentId, refused: PolicyError) -> None:
        with self._ledger.transaction() as work:
            for rule in dict.fromkeys(refused.rules):
                refusal = Refusal(run=None, deployment=deployment, rule=rule)
                work.append(LedgerRecord.of(refusal, self._clock.now_utc()))


def check_lives_against_ledger(session: Session) -> None:
    """Check that every life is the one that its records commit to, step by step, and none missing.

    Raises:
        IntegrityError: a life without its records, a record without its life, a step left out, or
            one that differs from the other; or a capability that is not the one of the authority.
    """
    recorded = _recorded_steps(session)
    for row in session.scalars(select(DeploymentLifeRow)):
        life, digest = _life(row), hashlib.sha256(row.document).hexdigest()
        steps = recorded.pop(row.id, [])
        if life is None or [_committed(step) for step in life.steps] != [s[:-1] for s in steps]:
            raise IntegrityError(f"The steps of deployment {row.id} do not match the ledger.")
        if steps[-1][-1] != digest:
            raise IntegrityError(f"The life of deployment {row.id} does not match the ledger.")
        signed = None if life.authority is None else life.authority.capability_sha256
        file = row.capability_json
        if signed != (None if file is None else hashlib.sha256(file).hexdigest()):
            raise IntegrityError(f"The capability of deployment {row.id} was altered.")
    if recorded:
        raise IntegrityError("A deployment that the ledger names is not there any more.")


def _recorded_steps(session: Session) -> dict[str, "list[tuple[object, ...]]"]:
    """Return, by deployment, each step as :func:`_committed` and the digest of the life then."""
    recorded: dict[str, list[tuple[object, ...]]] = {}
    for _, record in records_of(session, RecordKind.DEPLOYMENT_STEP):
        body, at = record.body, format_utc(record.time_utc)
        step = (body["version"], body["event"], body["state"], body["by"], at)
        steps = recorded.setdefault(str(body["deployment"]), [])
        steps.append((*step, body["document_sha256"]))
    return recorded


def _committed(step: Step) -> tuple[object, ...]:
    return (step.number, str(step.event), str(step.state), step.by, format_utc(step.at_utc))


def _record(after: Life) -> LedgerRecord:
    step = after.steps[-1]
    by = None if step.by is None else PersonId(step.by)
    act = DeploymentStep(after.deployment, step.event, step.state, step.number, after.sha256, by)
    return LedgerRecord.of(act, step.at_utc)


def _override(after: Life) -> LedgerRecord:
    """Return the record that an urgent authority stands in for an ordinary one, and until when."""
    step, given = after.steps[-1], after.authority
    if given is None or step.by is None:
        raise IntegrityError("An authority was given by nobody.")
    until_utc, by = format_utc(given.ends_utc), PersonId(step.by)
    act = OverrideUsed(UrgentAuthorityRule.id, after.deployment, until_utc, by)
    return LedgerRecord.of(act, step.at_utc)


def _known(life: Life | None) -> Life:
    if life is None:
        raise StateError("There is no deployment of that name here.")
    return life


def _life(row: DeploymentLifeRow | None) -> Life | None:
    if row is None:
        return None
    life = _parsed(row.document)
    if (life.deployment, life.state, life.version) != (row.id, row.state, row.version):
        raise IntegrityError("A deployment that the store keeps was altered.")
    return life


@lru_cache(maxsize=32)
def _parsed(document: bytes) -> Life:
    """Return a life; kept for those who look ten times a second, and frozen."""
    return Life.parse(document)


def beats_of(session: Session, deployment: DeploymentId) -> dict[PersonId, int]:
    """Return how often each officer has said to be present."""
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
