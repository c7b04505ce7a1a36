"""The ledger in the database, and the transaction that appends to it.

Whatever is recorded is written in the same transaction as its record, so that neither is ever there
without the other.

Invariants: records are numbered without a gap; the tree in memory is that of the last transaction
that was committed, by whichever process; the latest time of any record is known, so that a clock
that was set back is found out whatever was recorded since.
Must not: change or delete a record.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.core.clock import format_utc, parse_utc
from overt.core.errors import InputError, IntegrityError
from overt.ledger.merkle import CompactTree, leaf_hash
from overt.ledger.notes import Checkpoint, NoteSigner, open_checkpoint, sign_checkpoint
from overt.ledger.records import LedgerRecord
from overt.ledger.verify import check_covers, grown_from
from overt.store.database import Database
from overt.store.models import StoreFactRow
from overt.store.models_ledger import LedgerCheckpointRow, LedgerRecordRow

LATEST_UTC: Final = "ledger.latest_utc"
_BATCH: Final = 1000


@dataclass
class UnitOfWork:
    """One transaction: rows through ``session``, records through :meth:`append`.

    Attributes:
        session: committed when the transaction ends without an error.
        tree: the ledger's tree with everything appended so far.
        latest_utc: the latest time of what was appended; None before anything was.
    """

    session: Session
    tree: CompactTree
    latest_utc: datetime | None = None

    def append(self, record: LedgerRecord) -> int:
        """Add a record and return its number, counted from 0."""
        data, seq = record.to_bytes(), self.tree.size
        leaf = leaf_hash(data)
        self.session.add(LedgerRecordRow(seq=seq, leaf_hash=leaf, record=data))
        # Flushed now, since other rows of this transaction refer to the record.
        self.session.flush()
        self.tree = self.tree.append(leaf)
        self.latest_utc = max(record.time_utc, self.latest_utc or record.time_utc)
        return seq


@dataclass(frozen=True, slots=True)
class LedgerState:
    """What a verified ledger holds.

    Attributes:
        n_records: all of them.
        n_checkpointed: those that the last checkpoint covers; 0 without one.
        root: over all records.
    """

    n_records: int
    n_checkpointed: int
    root: bytes


class StoredLedger:
    """The append-only record. Safe to use from any thread."""

    def __init__(self, database: Database, signer: NoteSigner) -> None:
        self._database = database
        self._signer = signer
        self._tree = CompactTree()
        self._lock = threading.Lock()

    @property
    def verifier_key(self) -> str:
        """The log's public key, as C2SP tools read it."""
        return str(self._signer.verifier)

    @contextmanager
    def transaction(self) -> Iterator[UnitOfWork]:
        """Hand out a unit of work, committed at the end with everything appended, or not at all.

        Raises:
            StorageError: it could not be kept; nothing of it was.
        """
        with self._lock:
            with self._database.write() as session:
                work = UnitOfWork(session, _extended(self._tree, session))
                yield work
                _note_latest(work)
            self._tree = work.tree

    def sign_checkpoint(self, work: UnitOfWork) -> None:
        """Sign what the ledger holds, within ``work``; once for each size."""
        if work.session.get(LedgerCheckpointRow, work.tree.size) is None:
            note = sign_checkpoint(work.tree, self._signer)
            work.session.add(LedgerCheckpointRow(size=work.tree.size, note=note))

    def last_checkpoint(self) -> bytes | None:
        """Return the last signed note, or None before the first."""
        newest = select(LedgerCheckpointRow.note).order_by(LedgerCheckpointRow.size.desc()).limit(1)
        with self._database.read() as session:
            return session.scalars(newest).first()

    def records(self) -> Iterator[bytes]:
        """Yield every record's bytes, in order, from one state of the database."""
        with self._database.read() as session:
            for row in _rows(session):
                yield row.record

    def check_head(self) -> None:
        """Check the newest checkpoint against the stored hashes; quick, done at every open.

        Raises:
            IntegrityError: the ledger was cut short, altered, or signed with another key.
        """
        newest = select(LedgerCheckpointRow).order_by(LedgerCheckpointRow.size.desc()).limit(1)
        with self._database.read() as session:
            row = session.scalars(newest).first()
            if row is not None:
                check_covers(self._opened(row), _extended(CompactTree(), session, row.size))

    def verify(self) -> LedgerState:
        """Recompute everything from the records' bytes.

        Raises:
            IntegrityError: the first thing that does not fit: a record, its stored hash, its
                number, or a checkpoint.
        """
        with self._database.read() as session:
            checkpoints = self._checkpoints(session)
            waiting = {checkpoint.size: checkpoint for checkpoint in checkpoints}
            tree, latest = CompactTree(), None
            for row in _rows(session):
                if row.seq != tree.size or leaf_hash(row.record) != row.leaf_hash:
                    raise IntegrityError(f"Ledger record {tree.size} is missing or was altered.")
                tree = grown_from((row.record,), tree)
                time_utc = LedgerRecord.parse(row.record).time_utc
                latest = max(time_utc, latest or time_utc)
                if (checkpoint := waiting.pop(tree.size, None)) is not None:
                    check_covers(checkpoint, tree)
            if latest_recorded_utc(session) != latest:
                raise IntegrityError("The time of the last record was altered.")
        for checkpoint in waiting.values():
            check_covers(checkpoint, tree)
        return LedgerState(tree.size, checkpoints[-1].size if checkpoints else 0, tree.root)

    def _checkpoints(self, session: Session) -> list[Checkpoint]:
        rows = session.scalars(select(LedgerCheckpointRow).order_by(LedgerCheckpointRow.size))
        return [self._opened(row) for row in rows]

    def _opened(self, row: LedgerCheckpointRow) -> Checkpoint:
        try:
            checkpoint = open_checkpoint(row.note, self._signer.verifier)
        except InputError as error:
            raise IntegrityError("A checkpoint that the store keeps was altered.") from error
        if checkpoint.size != row.size:
            raise IntegrityError("A checkpoint that the store keeps stands in another's place.")
        return checkpoint


def latest_recorded_utc(session: Session) -> datetime | None:
    """Return the latest time that any record has, to the millisecond; None if there is no record.

    Raises:
        IntegrityError: what is kept of it was altered.
    """
    row = session.get(StoreFactRow, LATEST_UTC)
    if row is None:  # a store of before this was kept
        times = (LedgerRecord.parse(each.record).time_utc for each in _rows(session))
        return max(times, default=None)
    try:
        return parse_utc(row.value)
    except ValueError as error:
        raise IntegrityError("The time of the last record was altered.") from error


def _note_latest(work: UnitOfWork) -> None:
    if work.latest_utc is None:
        return
    row = work.session.get(StoreFactRow, LATEST_UTC)
    known = latest_recorded_utc(work.session)
    latest = format_utc(max(work.latest_utc, known or work.latest_utc))
    if row is None:
        work.session.add(StoreFactRow(name=LATEST_UTC, value=latest))
    else:
        row.value = latest


def _rows(session: Session) -> Iterator[LedgerRecordRow]:
    every = select(LedgerRecordRow).order_by(LedgerRecordRow.seq)
    return iter(session.scalars(every.execution_options(yield_per=_BATCH)))


def _extended(tree: CompactTree, session: Session, up_to: int | None = None) -> CompactTree:
    leaves = (
        select(LedgerRecordRow.leaf_hash)
        .where(LedgerRecordRow.seq >= tree.size)
        .order_by(LedgerRecordRow.seq)
    )
    if up_to is not None:
        leaves = leaves.where(LedgerRecordRow.seq < up_to)
    return tree.extend(session.scalars(leaves.execution_options(yield_per=_BATCH)))
