"""Legal holds as they are kept: placed, extended and released, each with its ledger record.

Invariants: a hold and its record are there together or not at all; a decision is judged in the
transaction that keeps it, and so is whether what it would hold is still there; what is refused is
recorded by its rule; of a reason the ledger holds the digest of its ciphertext.
Must not: bring anything back; decide what may be held how long (:mod:`overt.retention.holds` does).
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.core.clock import Clock, format_utc
from overt.core.errors import InputError, IntegrityError, PolicyError, StateError
from overt.core.ids import PersonId, Sha256
from overt.ledger import acts
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.checks import note_limit_chars
from overt.policy.pack import PolicyPack
from overt.policy.pack_data import DataKind
from overt.policy.roles import RULE, Person, Right, Scope, check_right
from overt.retention import holds
from overt.retention.holds import HOLDABLE, Decision, Hold, HoldGround
from overt.retention.schedule import Owner
from overt.store.database import Database
from overt.store.holdable import packs_over, scope_over, still_there
from overt.store.keys import DataKey
from overt.store.ledger import StoredLedger, UnitOfWork
from overt.store.ledger_records import records_of
from overt.store.looks import LookBook
from overt.store.models_retention import HoldRow
from overt.store.people import registered_person
from overt.store.sealed_reasons import SealedReasons

ACT: Final = str(Right.PLACE_HOLD)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for.

    Attributes:
        ground: why, of the closed list.
        reason: in their own words; in no repr, error, log or record.
        until_utc: how long.
    """

    ground: HoldGround
    reason: str = field(repr=False)
    until_utc: datetime


class HoldArchive:
    """Keeps holds. Safe to use from any thread."""

    def __init__(
        self, database: Database, ledger: StoredLedger, machine_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._machine_key = machine_key
        self._clock = clock
        self._book = LookBook(ledger, clock)

    def place(
        self, owner: Owner, asked: Asked, by: PersonId, data: Collection[DataKind] = ()
    ) -> Hold:
        """Hold an owner's data, or what is still there of it, until a time.

        Args:
            owner: whose data.
            asked: why, and until when.
            by: who decides; that it is them is for the caller to have made sure.
            data: which kinds; all that can be held and are still there if none is named.

        Raises:
            InputError: there is no such owner, it has no such data, or the reason cannot be kept.
            StateError: what it would hold is gone.
            PolicyError: they may not, or not as long; that is recorded.
            StorageError: it could not be kept; nothing of it was.
        """
        refusals = self._book.recording_refusals(ACT, by, holds.scope_of(owner))
        with refusals, self._ledger.transaction() as work:
            session, now_utc = work.session, self._clock.now_utc()
            there = still_there(session, owner)
            person = _decider(session, by, owner)
            wanted = _wanted(owner, data, there)
            packs = packs_over(session, owner)
            id_ = f"hold-{secrets.token_hex(6)}"
            reasons = SealedReasons.begin(id_, self._machine_key)
            reasons = reasons.with_one_more(_text(asked.reason, packs), self._machine_key)
            hold = holds.place(
                id_,
                owner,
                wanted,
                _decision(asked, reasons, person, now_utc),
                holds.max_days_of(packs),
            )
            _keep(work, hold, reasons)
        return hold

    def extend(self, id_: str, asked: Asked, by: PersonId) -> Hold:
        """Hold longer, by a new decision; raises as :meth:`place`.

        Raises:
            StateError: the hold is over, or lasts as long without it.
        """
        with self._book.recording_refusals(ACT, by), self._ledger.transaction() as work:
            session, now_utc = work.session, self._clock.now_utc()
            row, hold = _found(session, id_)
            person = _decider(session, by, hold.held)
            _wanted(hold.held, hold.data, still_there(session, hold.held))
            packs = packs_over(session, hold.held)
            text = _text(asked.reason, packs)
            reasons = SealedReasons.of(row).with_one_more(text, self._machine_key)
            decision = _decision(asked, reasons, person, now_utc)
            hold = holds.extend(hold, decision, holds.max_days_of(packs))
            _keep(work, hold, reasons, row)
        return hold

    def release(self, id_: str, reason: str, by: PersonId) -> Hold:
        """End a hold before its time; raises as :meth:`extend`."""
        with self._book.recording_refusals(ACT, by), self._ledger.transaction() as work:
            session, now_utc = work.session, self._clock.now_utc()
            row, hold = _found(session, id_)
            person = _decider(session, by, hold.held)
            text = _text(reason, packs_over(session, hold.held))
            reasons = SealedReasons.of(row).with_one_more(text, self._machine_key)
            hold = holds.release(hold, person.id, now_utc, reasons.digests()[-1])
            _keep(work, hold, reasons, row)
        return hold

    def list(self) -> tuple[Hold, ...]:
        """Return every hold there ever was, what ends first first; raises as :meth:`get`."""
        with self._database.read() as session:
            return _every(session)

    def get(self, id_: str) -> Hold | None:
        """Return a hold, or None if there is none of that id.

        Raises:
            IntegrityError: it was altered.
            StorageError: it cannot be read.
        """
        with self._database.read() as session:
            row = session.get(HoldRow, id_)
            return None if row is None else _hold(row)

    def reasons(self, id_: str, by: PersonId) -> tuple[str, ...]:
        """Return a hold's reasons to somebody who may decide on it, or audits; that is recorded.

        Raises:
            InputError: there is no such hold.
            PolicyError: they may not; that is recorded.
            IntegrityError: what is kept was altered.
            StorageError: it could not be read, or the look not recorded.
        """
        with self._database.read() as session:
            row, hold = _found(session, id_)
            person = registered_person(session, by)
            scope = scope_over(session, hold.held)
            texts = SealedReasons.of(row).texts(self._machine_key)
        with self._book.recording_refusals(ACT, by, scope):
            _check_may_read(_registered(person, by), scope)
        self._book.take(acts.LookTaken(str(hold.owner_kind), hold.owner, None, "notes", by))
        return texts

    def until(self, owner_kind: str, owner: str, data: str) -> datetime | None:
        """See :meth:`overt.retention.sweeper.Holds.until`; as of now."""
        with self._database.read() as session:
            return standing_holds(session, self._clock.now_utc()).until(owner_kind, owner, data)


@dataclass(frozen=True, slots=True)
class StandingHolds:
    """The holds that hold something at one moment; implements ``retention.sweeper.Holds``."""

    moment: datetime
    by_owner: Mapping[tuple[str, str], tuple[Hold, ...]]

    def until(self, owner_kind: str, owner: str, data: str) -> datetime | None:
        """See :meth:`overt.retention.sweeper.Holds.until`."""
        found = self.by_owner.get((str(owner_kind), owner), ())
        return holds.latest_end(found, data, self.moment)


def standing_holds(session: Session, now_utc: datetime) -> StandingHolds:
    """Return what is held now, as it stands in a transaction.

    Raises:
        IntegrityError: a hold was altered.
    """
    wanted = select(HoldRow).where(HoldRow.ended_utc.is_(None), HoldRow.until_utc > now_utc)
    by_owner: dict[tuple[str, str], tuple[Hold, ...]] = {}
    for hold in map(_hold, session.scalars(wanted)):
        key = (str(hold.owner_kind), hold.owner)
        by_owner[key] = (*by_owner.get(key, ()), hold)
    return StandingHolds(now_utc, by_owner)


def record_expired(work: UnitOfWork, now_utc: datetime) -> int:
    """Put on record which holds came to their end of themselves; return how many.

    They hold nothing since then, whether or not this is called.
    """
    over = select(HoldRow).where(HoldRow.ended_utc.is_(None), HoldRow.until_utc <= now_utc)
    rows = work.session.scalars(over.order_by(HoldRow.until_utc)).all()
    for row in rows:
        _keep(work, holds.expire(_hold(row), now_utc), SealedReasons.of(row), row)
    return len(rows)


def check_holds_against_ledger(session: Session) -> None:
    """Check that every hold is what its records say, step by step, and that none is missing.

    Raises:
        IntegrityError: a hold without its records, a record without its hold, or one that differs.
    """
    recorded: dict[str, list[LedgerRecord]] = {}
    for _, record in records_of(session, RecordKind.HOLD_STEP):
        recorded.setdefault(str(record.body["hold"]), []).append(record)
    for hold_row in session.scalars(select(HoldRow)):
        hold, digests = _hold(hold_row), iter(SealedReasons.of(hold_row).digests())
        kept = [_record(hold, number).to_bytes() for number in range(len(hold.steps))]
        sealed = [None if step.reason_sha256 is None else next(digests, "") for step in hold.steps]
        said = [each.to_bytes() for each in recorded.pop(hold.id, [])]
        if kept != said or sealed != [step.reason_sha256 for step in hold.steps]:
            raise IntegrityError(f"The hold {hold.id} does not match the ledger.")
    if recorded:
        raise IntegrityError("A hold that the ledger names is not there any more.")


def _keep(work: UnitOfWork, hold: Hold, reasons: SealedReasons, row: HoldRow | None = None) -> None:
    if row is None:
        row = HoldRow(id=hold.id, owner_kind=str(hold.owner_kind), owner=hold.owner)
        work.session.add(row)
    last = hold.steps[-1]
    row.until_utc, row.version = hold.until_utc, len(hold.steps)
    row.ended_utc = last.at_utc if hold.is_over else None
    row.document = hold.to_bytes()
    reasons.write_to(row)
    work.append(_record(hold, len(hold.steps) - 1))


def _record(hold: Hold, index: int) -> LedgerRecord:
    step = hold.steps[index]
    act = acts.HoldStep(
        hold=hold.id,
        event=str(step.event),
        ground=str(step.ground),
        owner_kind=str(hold.owner_kind),
        owner=hold.owner,
        data=tuple(map(str, hold.data)),
        until_utc=format_utc(step.until_utc),
        reason_sha256=None if step.reason_sha256 is None else Sha256(step.reason_sha256),
        by=None if step.by is None else PersonId(step.by),
    )
    return LedgerRecord.of(act, step.at_utc)


def _decision(asked: Asked, reasons: SealedReasons, by: Person, now_utc: datetime) -> Decision:
    return Decision(asked.ground, asked.until_utc, reasons.digests()[-1], by, now_utc)


def _decider(session: Session, by: PersonId, owner: Owner) -> Person:
    person = _registered(registered_person(session, by), by)
    holds.check_may_decide(person, owner, scope_over(session, owner))
    return person


def _check_may_read(person: Person, scope: Scope) -> None:
    audits = check_right(person, Right.READ_RECORD, scope) & check_right(
        person, Right.READ_ALERT, scope
    )
    if not audits.allowed:
        check_right(person, Right.PLACE_HOLD, scope).require()


def _registered(person: Person | None, by: PersonId) -> Person:
    if person is None:
        raise PolicyError(f"{by} is not in the register of people.", (RULE,))
    return person


def _wanted(
    owner: Owner, data: Collection[DataKind], there: frozenset[DataKind]
) -> frozenset[DataKind]:
    able = frozenset(HOLDABLE.get(owner.kind, ()))
    named = frozenset(data) or able & there or able
    gone = sorted((named & able) - there)
    if gone:
        raise StateError(
            f"Of this there is nothing left to hold ({', '.join(gone)}): its rows were deleted or "
            "its key was destroyed, and a hold brings nothing back."
        )
    return named


def _text(reason: str, packs: Iterable[PolicyPack]) -> str:
    """Return a reason as it is kept.

    Raises:
        InputError: there is none, or it is longer than a note may be, or cannot be shown.
    """
    text = reason.strip()
    limit_chars = min(map(note_limit_chars, packs), default=0)
    if not text:
        raise InputError("A hold needs a reason in words.")
    if len(text) > limit_chars:
        raise InputError(f"The reason is longer than the {limit_chars} characters of the policy.")
    if not all(each.isprintable() or each == "\n" for each in text):
        raise InputError("The reason holds characters that cannot be shown.")
    return text


def _found(session: Session, id_: str) -> tuple[HoldRow, Hold]:
    row = session.get(HoldRow, id_)
    if row is None:
        raise InputError("There is no hold of that id.")
    return row, _hold(row)


def _every(session: Session) -> tuple[Hold, ...]:
    return tuple(
        map(_hold, session.scalars(select(HoldRow).order_by(HoldRow.until_utc, HoldRow.id)))
    )


def _hold(row: HoldRow) -> Hold:
    try:
        hold = Hold.parse(row.document)
    except InputError as error:
        raise IntegrityError("A hold that the store keeps was altered.") from error
    ended_utc = hold.steps[-1].at_utc if hold.is_over else None
    kept = (row.id, row.owner_kind, row.owner, row.until_utc, row.ended_utc, row.version)
    if kept != (hold.id, hold.owner_kind, hold.owner, hold.until_utc, ended_utc, len(hold.steps)):
        raise IntegrityError("A hold that the store keeps stands in another's place.")
    return hold
