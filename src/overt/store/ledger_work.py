"""One transaction that appends to the ledger, beside whatever it records.

Records are written many at a time: before any other row of the transaction is written or anything
is read, since rows refer to their records, and at the end.

Invariants: records are numbered without a gap; their tiles are written with them.
Must not: commit; change or delete a record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import event, insert
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction

from overt.core.errors import InputError
from overt.ledger.merkle import CompactTree, leaf_hash
from overt.ledger.records import LedgerRecord
from overt.ledger.tiles import MAX_RECORD_BYTES
from overt.store.ledger_checkpoints import closes
from overt.store.ledger_tiles import write_tiles
from overt.store.models_ledger import LedgerRecordRow

_BATCH: Final = 1024


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """What is known of the ledger without reading it.

    Attributes:
        tree: over all records.
        latest_utc: the latest time of any record; None if there is none.
        signed_size: how many records the newest checkpoint covers; 0 without one.
        signed_utc: its time; None without one, or without a time.
    """

    tree: CompactTree
    latest_utc: datetime | None
    signed_size: int
    signed_utc: datetime | None


class UnitOfWork:
    """One transaction: rows through ``session``, records through :meth:`append`.

    Attributes:
        session: committed when the transaction ends without an error.
        latest_utc: the latest time of any record, with everything appended so far.
        closes: whether something appended is to be signed at once.
    """

    def __init__(self, session: Session, head: LedgerHead) -> None:
        self.session = session
        self.latest_utc = head.latest_utc
        self.closes = False
        self._tree = head.tree
        self._waiting: list[tuple[bytes, bytes]] = []
        event.listen(session, "before_flush", self._before_flush)
        event.listen(session, "do_orm_execute", self._before_execution)

    @property
    def n_records(self) -> int:
        """How many records the ledger holds, with everything appended so far."""
        return self._tree.size + len(self._waiting)

    @property
    def tree(self) -> CompactTree:
        """The ledger's tree with everything appended so far."""
        self._settle()
        return self._tree

    def append(self, record: LedgerRecord) -> int:
        """Add a record and return its number, counted from 0.

        Raises:
            InputError: it is larger than a record can be.
        """
        data, seq = record.to_bytes(), self.n_records
        if len(data) > MAX_RECORD_BYTES:
            raise InputError(f"A ledger record is larger than {MAX_RECORD_BYTES} bytes.")
        self._waiting.append((leaf_hash(data), data))
        if self.latest_utc is None or record.time_utc > self.latest_utc:
            self.latest_utc = record.time_utc
        self.closes = self.closes or closes(record)
        if len(self._waiting) >= _BATCH:
            self._settle()
        return seq

    def _settle(self) -> None:
        """Write the records that wait, and the tiles that they complete."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        first, leaves = self._tree.size, [leaf for leaf, _ in waiting]
        with self.session.no_autoflush:  # no row may come before the record that it refers to
            write_tiles(self.session, first, leaves)
        self.session.connection().execute(
            insert(LedgerRecordRow),
            [
                {"seq": seq, "leaf_hash": leaf, "record": data}
                for seq, (leaf, data) in enumerate(waiting, first)
            ],
        )
        self._tree = self._tree.extend(leaves)

    def _before_flush(
        self, _session: Session, _flush: UOWTransaction, _rows: Sequence[object] | None
    ) -> None:
        self._settle()

    def _before_execution(self, _execution: ORMExecuteState) -> None:
        self._settle()
