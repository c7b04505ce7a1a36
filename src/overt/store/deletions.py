"""Deletions on record: begun with what they delete, ended by a receipt, checked against the ledger.

    one transaction    rows and keys go ─ deletions row ─ record ``deletion.begun``
    (outside)          bytes leave the files
    one transaction    receipt ─ record ``deletion.receipt`` ─ signed checkpoint

Invariants: nothing is deleted without a row here and its record; a row without a receipt is
unfinished, and stays so until the bytes are gone.
Must not: delete anything itself, or decide when.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.core.clock import format_utc
from overt.core.errors import InputError, IntegrityError
from overt.core.ids import PersonId, Sha256
from overt.ledger.acts import DeletionBegun, DeletionReceipt
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.retention.receipts import (
    Begun,
    Cause,
    DeletionId,
    Receipt,
    exceptions_document,
)
from overt.retention.schedule import Owner, OwnerKind, Subject
from overt.store.database import Database
from overt.store.ledger import UnitOfWork, latest_recorded_utc
from overt.store.ledger_records import records_of
from overt.store.models_retention import DeletionRow

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be deleted, and why now.

    Attributes:
        what: goes.
        owner: whose.
        cause: why now.
        by: who; None for what happens of itself.
        due_utc: the pack's time, if it was that.
        policy_sha256: the pack that decided; None if no pack did.
        spared: ids of the owner's alerts that are held.
    """

    what: Subject
    owner: Owner
    cause: Cause
    by: PersonId | None = None
    due_utc: datetime | None = None
    policy_sha256: Sha256 | None = None
    spared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """What a transaction deleted: rows by table, and keys."""

    rows: Mapping[str, int] = field(default_factory=dict)
    n_keys: int = 0

    def __bool__(self) -> bool:
        return self.n_keys > 0 or any(self.rows.values())


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion on record; ``receipt`` is None until the bytes are gone."""

    begun: Begun
    receipt: Receipt | None

    @property
    def id(self) -> DeletionId:
        """Its id."""
        return self.begun.id


class DeletionArchive:
    """Reads deletions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> tuple[Deletion, ...]:
        """Return every deletion, in the order in which they began.

        Raises:
            IntegrityError: what is kept of one was altered.
            StorageError: they cannot be read.
        """
        with self._database.read() as session:
            return tuple(_deletion(row) for row in _rows(session))

    def get(self, deletion: DeletionId) -> Deletion | None:
        """Return a deletion, or None if there is none of that id; raises as :meth:`list`."""
        with self._database.read() as session:
            row = session.get(DeletionRow, deletion)
            return None if row is None else _deletion(row)

    def of(self, owner: Owner) -> tuple[Deletion, ...]:
        """Return the deletions of what one owner had, in order; raises as :meth:`list`."""
        with self._database.read() as session:
            wanted = (
                select(DeletionRow)
                .where(DeletionRow.owner_kind == owner.kind, DeletionRow.owner == owner.id)
                .order_by(DeletionRow.begun_seq)
            )
            return tuple(_deletion(row) for row in session.scalars(wanted))


def begin(work: UnitOfWork, order: Order, gone: Gone, at_utc: datetime) -> Begun:
    """Put on record that something was deleted in this transaction.

    Args:
        work: the transaction that deletes.
        order: what, and why now.
        gone: what was deleted, or is noise from now on.
        at_utc: when.
    """
    begun = Begun(
        what=order.what,
        owner=order.owner,
        cause=order.cause,
        due_utc=order.due_utc,
        policy_sha256=order.policy_sha256,
        by=order.by,
        begun_utc=at_utc,
        begun_seq=work.tree.size,
        rows=dict(gone.rows),
        n_keys=gone.n_keys,
        spared=order.spared,
    )
    seq = work.append(LedgerRecord.of(_begun_act(begun), at_utc))
    work.session.add(
        DeletionRow(
            id=begun.id,
            data=str(begun.what.data[0]),
            owner_kind=str(begun.owner.kind),
            owner=begun.owner.id,
            cause=str(begun.cause),
            due_utc=begun.due_utc,
            begun_utc=begun.begun_utc,
            begun=begun.to_bytes(),
            begun_seq=seq,
        )
    )
    work.session.flush()
    return begun


def end(work: UnitOfWork, receipt: Receipt) -> bool:
    """Keep a receipt with its record; return whether the deletion was still unfinished."""
    row = work.session.get_one(DeletionRow, receipt.begun.id)
    if row.receipt is not None:
        return False
    row.receipt = receipt.to_bytes()
    row.receipt_seq = work.append(LedgerRecord.of(_receipt_act(receipt), receipt.finished_utc))
    return True


def unfinished(session: Session, of: OwnerKind | None = None) -> list[Begun]:
    """Return the deletions that have no receipt yet, in the order in which they began.

    Args:
        session: of a transaction.
        of: only those of owners of this kind.

    Raises:
        IntegrityError: what is kept of one was altered.
    """
    waiting = select(DeletionRow).where(DeletionRow.receipt.is_(None))
    if of is not None:
        waiting = waiting.where(DeletionRow.owner_kind == of)
    rows = session.scalars(waiting.order_by(DeletionRow.begun_seq))
    return [_deletion(row).begun for row in rows]


def deletion_time(session: Session, now_utc: datetime) -> datetime:
    """Return what time it is for deletions: a clock that was set back gains nothing.

    Raises:
        IntegrityError: the time of the last record was altered.
    """
    return max(now_utc, latest_recorded_utc(session) or now_utc)


class Deleted:
    """What was deleted by record, for checks of what is not there any more.

    Raises:
        IntegrityError: what is kept of a deletion was altered.
    """

    def __init__(self, session: Session) -> None:
        self._owners: dict[tuple[Subject, str], list[Collection[str]]] = {}
        for row in _rows(session):
            begun = _deletion(row).begun
            spared = frozenset(begun.spared)
            self._owners.setdefault((begun.what, begun.owner.id), []).append(spared)

    def is_gone(self, what: Subject, owner: str, part: str = "") -> bool:
        """Whether something, or one part of it, was deleted on record."""
        return any(part not in spared for spared in self._owners.get((what, owner), ()))


def check_deletions_against_ledger(session: Session) -> None:
    """Check that deletions and their receipts match their records one to one, in every byte.

    Raises:
        IntegrityError: a deletion or a receipt without its record, a record without it, or one that
            differs from the other.
    """
    begun: dict[int, tuple[dict[str, object], str]] = {}
    receipts: dict[int, tuple[dict[str, object], str]] = {}
    for row in _rows(session):
        found = _deletion(row)
        begun[row.begun_seq] = _body(_begun_act(found.begun)), format_utc(found.begun.begun_utc)
        if (row.receipt_seq is None) != (found.receipt is None):
            raise IntegrityError("The receipt of a deletion does not match the ledger.")
        if found.receipt is not None and row.receipt_seq is not None:
            finished = format_utc(found.receipt.finished_utc)
            receipts[row.receipt_seq] = _body(_receipt_act(found.receipt)), finished
    waiting = {RecordKind.DELETION_BEGUN: begun, RecordKind.DELETION_RECEIPT: receipts}
    for seq, record in _deletion_records(session):
        expected = waiting[record.kind].pop(seq, None)
        if expected != (_plain(record.body), format_utc(record.time_utc)):
            raise IntegrityError(f"Ledger record {seq} does not match the deletion that is kept.")
    if begun or receipts:
        raise IntegrityError("A deletion that is kept has no ledger record.")


def _deletion_records(session: Session) -> Iterator[tuple[int, LedgerRecord]]:
    return records_of(session, RecordKind.DELETION_BEGUN, RecordKind.DELETION_RECEIPT)


def _rows(session: Session) -> Iterator[DeletionRow]:
    every = select(DeletionRow).order_by(DeletionRow.begun_seq)
    return iter(session.scalars(every.execution_options(yield_per=_BATCH)))


def _deletion(row: DeletionRow) -> Deletion:
    altered = IntegrityError("What the store keeps of a deletion was altered.")
    try:
        begun = Begun.parse(row.begun)
        receipt = None if row.receipt is None else Receipt.parse(row.receipt)
    except InputError as error:
        raise altered from error
    columns = (row.id, row.data, row.owner_kind, row.owner, row.cause, row.begun_seq)
    said = (
        hashlib.sha256(row.begun).hexdigest()[: len(row.id)],
        str(begun.what.data[0]),
        str(begun.owner.kind),
        begun.owner.id,
        str(begun.cause),
        begun.begun_seq,
    )
    if columns != said or (receipt is not None and receipt.begun != begun):
        raise altered
    return Deletion(begun, receipt)


def _begun_act(begun: Begun) -> DeletionBegun:
    return DeletionBegun(
        deletion=begun.id,
        data=str(begun.what.data[0]),
        owner_kind=str(begun.owner.kind),
        owner=begun.owner.id,
        cause=str(begun.cause),
        due_utc=None if begun.due_utc is None else format_utc(begun.due_utc),
        policy_sha256=begun.policy_sha256,
        by=begun.by,
    )


def _receipt_act(receipt: Receipt) -> DeletionReceipt:
    begun = receipt.begun
    return DeletionReceipt(
        deletion=begun.id,
        data=str(begun.what.data[0]),
        owner_kind=str(begun.owner.kind),
        owner=begun.owner.id,
        n_rows=receipt.n_rows,
        n_keys=begun.n_keys,
        n_files=receipt.n_files,
        promises=tuple(str(each) for each in receipt.promises),
        exceptions=exceptions_document(receipt.exceptions),
        receipt_sha256=receipt.sha256,
    )


def _body(act: DeletionBegun | DeletionReceipt) -> dict[str, object]:
    return _plain({each.name: getattr(act, each.name) for each in fields(act)})


def _plain(body: Mapping[str, object]) -> dict[str, object]:
    """Return a record's body with its arrays as lists, as they are read back."""
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in body.items()
    }
