"""The steps of alerts' lives: taken in one transaction each, and read back without giving away.

Invariants: a step, its ledger record and the alert's state are there together or not at all; a
step is judged in the transaction that keeps it, so that of two people who are fast one is too late;
who reviews second reads no earlier review. A note is a ciphertext under the deployment's key.
Must not: decide what may follow (:mod:`overt.alerts.steps` does), or hand out a hidden review.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from overt.alerts.lifecycle import OPEN, AlertEvent, AlertState
from overt.alerts.steps import (
    RIGHT_FOR,
    AlertSoFar,
    AlertStep,
    StepRequest,
    StepRules,
    follow_each_other,
    take_step,
    visible_steps,
)
from overt.core.clock import Clock
from overt.core.errors import InputError, IntegrityError, PolicyError, StateError
from overt.core.ids import AlertId, CameraId, DeploymentId, PersonId, Sha256
from overt.ledger import acts
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.roles import RULE, Scope
from overt.retention.schedule import Subject
from overt.store import deployments
from overt.store.alerts import alert_state
from overt.store.database import Database
from overt.store.deletions import Deleted
from overt.store.keys import DataKey, Sealed, place_of
from overt.store.ledger import StoredLedger
from overt.store.ledger_records import records_of
from overt.store.looks import LookBook
from overt.store.models import AlertRow, AlertStepRow
from overt.store.models_ledger import LedgerRecordRow
from overt.store.people import registered_person

_BATCH: Final = 1000


class AlertSteps:
    """Takes and reads steps. Safe to use from any thread."""

    def __init__(
        self, database: Database, ledger: StoredLedger, machine_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._machine_key = machine_key
        self._clock = clock
        self._book = LookBook(ledger, clock)

    def take(
        self,
        alert_id: AlertId,
        asked: StepRequest,
        by: PersonId,
        rules: StepRules,
        *,
        for_safeguarding: bool = False,
    ) -> AlertStep:
        """Take a step for somebody, who is looked up in the register, and keep it.

        Args:
            alert_id: of which alert.
            asked: what is to be recorded.
            by: who asks; that it is them is for the caller to have made sure.
            rules: of the policy pack that the deployment stands under.
            for_safeguarding: whether the person is looked for as missing or vulnerable.

        Raises:
            PolicyError: they may not do this, or the policy does not allow it; on record.
            StateError: it is not the time for this step, somebody was faster, the clock went back,
                or a note can no longer be kept because the deployment's key was destroyed.
            InputError: there is no such alert, or the note cannot be kept.
            IntegrityError: what is kept was altered.
            StorageError: it could not be kept; nothing of it was.
        """
        where = Scope(self._deployment_of(alert_id))
        right = RIGHT_FOR.get(asked.event, asked.event)
        with (
            self._book.recording_refusals(right, by, where),
            self._ledger.transaction() as work,
        ):
            session = work.session
            row = session.get(AlertRow, alert_id)
            if row is None:
                raise InputError("There is no alert of that id.")
            actor = registered_person(session, by)
            if actor is None:
                raise PolicyError(f"{by} is not in the register of people.", (RULE,))
            key = self._key(session, row)
            alert = AlertSoFar(
                DeploymentId(row.deployment_id),
                CameraId(row.camera),
                _raised_utc(session, row),
                _steps(session, row, key),
                for_safeguarding,
            )
            step = take_step(alert, asked, actor, rules, self._clock.now_utc())
            kept = _sealed(row, step, key)
            act = acts.AlertStep(
                AlertId(row.id),
                step.number,
                step.event,
                step.state,
                step.person,
                _note_sha256(kept),
            )
            kept.ledger_seq = work.append(LedgerRecord.of(act, step.at_utc))
            row.state = step.state
            session.add(kept)
        return step

    def steps_for(self, alert_id: AlertId, reader: PersonId | None) -> tuple[AlertStep, ...]:
        """Return what somebody may see of an alert's steps, in order; none if there is no alert.

        While a second review is awaited the earlier ones are left out, but for the reader's own.
        Notes are None once the deployment's key was destroyed.

        Raises:
            IntegrityError: what is kept was altered.
            StorageError: it cannot be read.
        """
        with self._database.read() as session:
            row = session.get(AlertRow, alert_id)
            if row is None:
                return ()
            steps = _steps(session, row, self._key(session, row))
        return visible_steps(steps, reader)

    def states(self, deployment: DeploymentId | None = None) -> Mapping[AlertId, AlertState]:
        """Return where each alert of one deployment, or of all, is in its life.

        Raises:
            IntegrityError: a state was altered.
            StorageError: they cannot be read.
        """
        wanted = select(AlertRow)
        if deployment is not None:
            wanted = wanted.where(AlertRow.deployment_id == deployment)
        with self._database.read() as session:
            return {AlertId(row.id): alert_state(row) for row in session.scalars(wanted)}

    def n_open(self, deployment: DeploymentId) -> int:
        """Return how many alerts of a deployment still wait for a decision there."""
        return sum(state in OPEN for state in self.states(deployment).values())

    def _deployment_of(self, alert_id: AlertId) -> DeploymentId | None:
        with self._database.read() as session:
            row = session.get(AlertRow, alert_id)
            return None if row is None else DeploymentId(row.deployment_id)

    def _key(self, session: Session, row: AlertRow) -> DataKey | None:
        return deployments.key_of(session, DeploymentId(row.deployment_id), self._machine_key)


def check_steps_against_ledger(session: Session) -> None:
    """Check that steps and their records match one to one, and that each alert is where they lead.

    What is not there must be deleted on record.

    Raises:
        IntegrityError: a step without its record, a record without its step, one that differs from
            the other, or steps that do not follow each other.
    """
    n_matched, deleted = 0, Deleted(session)
    for seq, record in records_of(session, RecordKind.ALERT_STEP):
        wanted = select(AlertStepRow).where(AlertStepRow.ledger_seq == seq)
        row = session.scalars(wanted).first()
        if row is None and deleted.is_gone(Subject.ALERT, str(record.body["alert"])):
            continue
        recorded = dict(record.body), record.time_utc
        if row is None or _recorded(session, row, recorded[0], deleted) != recorded:
            raise IntegrityError(f"Ledger record {seq} does not match the step kept.")
        n_matched += 1
    n_steps = session.scalar(select(func.count()).select_from(AlertStepRow)) or 0
    if n_steps != n_matched:
        raise IntegrityError(f"{n_steps - n_matched} steps of alerts have no ledger record.")
    for alert in session.scalars(select(AlertRow).order_by(AlertRow.ledger_seq)).all():
        _steps(session, alert, key=None)


def _recorded(
    session: Session, row: AlertStepRow, body: Mapping[str, object], deleted: Deleted
) -> tuple[dict[str, object], datetime]:
    """Return what a step commits to; of a note that was deleted on record, what it did."""
    committed, at_utc = _committed(row)
    deployment = session.get_one(AlertRow, row.alert_id).deployment_id
    if row.ciphertext is None and deleted.is_gone(Subject.PICTURES, deployment, row.alert_id):
        committed["note_sha256"] = body["note_sha256"]
    return committed, at_utc


def _steps(session: Session, alert: AlertRow, key: DataKey | None) -> tuple[AlertStep, ...]:
    """Return every step of an alert, with its notes if there is a key."""
    ordered = (
        select(AlertStepRow).where(AlertStepRow.alert_id == alert.id).order_by(AlertStepRow.number)
    )
    steps = tuple(_opened(row, key) for row in session.scalars(ordered))
    if not follow_each_other(steps, alert_state(alert)):
        raise IntegrityError("The steps of an alert that the store keeps were altered.")
    return steps


def _opened(row: AlertStepRow, key: DataKey | None) -> AlertStep:
    try:
        return AlertStep(
            number=row.number,
            event=AlertEvent(row.event),
            state=AlertState(row.state),
            person=PersonId(row.person),
            at_utc=row.at_utc,
            note=_note(row, key),
        )
    except ValueError as error:
        raise IntegrityError("A step of an alert that the store keeps was altered.") from error


def _note(row: AlertStepRow, key: DataKey | None) -> str | None:
    if key is None or row.nonce is None or row.ciphertext is None:
        return None
    sealed = Sealed(row.nonce, row.ciphertext)
    return key.open(sealed, _place(row.alert_id, row.number)).decode()


def _sealed(alert: AlertRow, step: AlertStep, key: DataKey | None) -> AlertStepRow:
    row = AlertStepRow(
        alert_id=alert.id,
        number=step.number,
        event=step.event,
        state=step.state,
        person=step.person,
        at_utc=step.at_utc,
    )
    if step.note is None:
        return row
    if key is None:
        raise StateError(
            "The deployment's key was destroyed, so no note can be kept; leave it out."
        )
    sealed = key.seal(step.note.encode(), _place(alert.id, step.number))
    row.nonce, row.ciphertext = sealed.nonce, sealed.ciphertext
    return row


def _committed(row: AlertStepRow) -> tuple[dict[str, object], datetime]:
    body: dict[str, object] = {
        "alert": row.alert_id,
        "number": row.number,
        "event": row.event,
        "state": row.state,
        "by": row.person,
        "note_sha256": _note_sha256(row),
    }
    return body, row.at_utc


def _note_sha256(row: AlertStepRow) -> Sha256 | None:
    if row.nonce is None and row.ciphertext is None:
        return None
    return Sha256(hashlib.sha256((row.nonce or b"") + (row.ciphertext or b"")).hexdigest())


def _raised_utc(session: Session, alert: AlertRow) -> datetime:
    raised = session.get_one(LedgerRecordRow, alert.ledger_seq)
    try:
        return LedgerRecord.parse(raised.record).time_utc
    except InputError as error:
        raise IntegrityError("The record of an alert was altered.") from error


def _place(alert_id: str, number: int) -> str:
    return place_of("alert_steps", f"{alert_id}/{number}", "note")
