"""Recompute the stored ledger from its records, and compare with everything kept beside them.

Invariants: reads every byte of every record; every stored hash, tile, checkpoint and cosignature is
compared with what was recomputed; the first thing that does not fit is reported.
Must not: trust a stored hash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from overt.core.clock import parse_utc
from overt.core.errors import InputError, IntegrityError
from overt.ledger.kinds import RecordKind
from overt.ledger.merkle import CompactTree, leaf_hash
from overt.ledger.notes import Checkpoint, NoteVerifier
from overt.ledger.records import LedgerRecord
from overt.ledger.verify import check_covers
from overt.store.ledger_checkpoints import checkpoints
from overt.store.ledger_tiles import TileCheck
from overt.store.ledger_witnesses import check_witnesses
from overt.store.models import StoreFactRow
from overt.store.models_ledger import LedgerRecordRow

LATEST_UTC: Final = "ledger.latest_utc"
_BATCH: Final = 1024
_OF_WITNESSES: Final = frozenset({RecordKind.WITNESS_TRUSTED, RecordKind.CHECKPOINT_WITNESSED})


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


def verify(session: Session, log: NoteVerifier) -> LedgerState:
    """Recompute everything from the records' bytes.

    Raises:
        IntegrityError: the first thing that does not fit: a record, its stored hash, its number, a
            tile, a checkpoint, or a cosignature.
    """
    signed = list(checkpoints(session, log))
    recount = _Recount(session, signed)
    wanted = select(LedgerRecordRow.seq, LedgerRecordRow.leaf_hash, LedgerRecordRow.record)
    rows = session.execute(wanted.order_by(LedgerRecordRow.seq).execution_options(yield_per=_BATCH))
    for batch in rows.partitions():
        recount.extend(batch)
    recount.finish()
    check_witnesses(session, log, recount.of_witnesses)
    n_signed = signed[-1].size if signed else 0
    return LedgerState(recount.tree.size, n_signed, recount.tree.root)


def latest_recorded_utc(session: Session) -> datetime | None:
    """Return the latest time that any record has, to the millisecond; None if there is no record.

    Raises:
        IntegrityError: what is kept of it was altered.
    """
    row = session.get(StoreFactRow, LATEST_UTC)
    if row is None:  # a store of before this was kept
        records = session.scalars(
            select(LedgerRecordRow.record).execution_options(yield_per=_BATCH)
        )
        return max((LedgerRecord.parse(each).time_utc for each in records), default=None)
    try:
        return parse_utc(row.value)
    except ValueError as error:
        raise IntegrityError("The time of the last record was altered.") from error


class _Recount:
    """The ledger so far, recomputed."""

    def __init__(self, session: Session, signed: Sequence[Checkpoint]) -> None:
        self.tree = CompactTree()
        self._session = session
        self._tiles = TileCheck(session)
        self.of_witnesses: list[LedgerRecord] = []
        self._latest_utc: datetime | None = None
        self._signed = list(reversed(signed))

    def extend(self, rows: Sequence[Row[int, bytes, bytes]]) -> None:
        """Take in further records, in order."""
        leaves: list[bytes] = []
        for seq, (number, stored, record) in enumerate(rows, self.tree.size):
            leaf = leaf_hash(record)
            if number != seq or stored != leaf:
                raise IntegrityError(f"Ledger record {seq} is missing or was altered.")
            self._read(seq, record)
            leaves.append(leaf)
        self._tiles.extend(leaves)
        end = self.tree.size + len(leaves)
        while self._signed and self._signed[-1].size <= end:
            checkpoint = self._signed.pop()
            n_before = checkpoint.size - self.tree.size
            self.tree = self.tree.extend(leaves[:n_before])
            leaves = leaves[n_before:]
            check_covers(checkpoint, self.tree)
        self.tree = self.tree.extend(leaves)

    def finish(self) -> None:
        """Check what is only known at the end."""
        self._tiles.finish()
        for checkpoint in self._signed:
            check_covers(checkpoint, self.tree)
        if latest_recorded_utc(self._session) != self._latest_utc:
            raise IntegrityError("The time of the last record was altered.")

    def _read(self, seq: int, data: bytes) -> None:
        try:
            record = LedgerRecord.parse(data)
        except InputError as error:
            raise IntegrityError(f"Ledger record {seq} was altered: {error}") from error
        if self._latest_utc is None or record.time_utc > self._latest_utc:
            self._latest_utc = record.time_utc
        if record.kind in _OF_WITNESSES:
            self.of_witnesses.append(record)
