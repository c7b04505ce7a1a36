"""The ledger in the database, and the transaction that appends to it.

Whatever is recorded is written in the same transaction as its record, so that neither is ever there
without the other. Checkpoints are signed within the transactions that append: at once where
something closes, and otherwise as often as :mod:`overt.store.ledger_checkpoints` says.

Invariants: records are numbered without a gap; the tree in memory is that of the last transaction
that was committed, by whichever process, and grows by what that appended, never by what was there
before; the latest time of any record is known, so that a clock that was set back is found out
whatever was recorded since.
Must not: change or delete a record.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from overt.core.clock import Clock, format_utc
from overt.core.errors import IntegrityError
from overt.core.ids import PersonId
from overt.ledger import tiles
from overt.ledger.cosignature import Cosignature, WitnessVerifier, parse_lines
from overt.ledger.merkle import CompactTree
from overt.ledger.notes import NoteSigner
from overt.ledger.proof_file import ProofFile
from overt.ledger.verify import check_covers
from overt.store import ledger_witnesses
from overt.store.database import Database
from overt.store.ledger_checkpoints import (
    SIGN_EVERY,
    SIGN_EVERY_N,
    checkpoint_at,
    has_checkpoint,
    newest_checkpoint,
    opened,
    write_checkpoint,
)
from overt.store.ledger_tiles import (
    DatabaseTiles,
    build_tiles,
    leaf_hashes,
    n_full_tiles,
    tree_at,
)
from overt.store.ledger_verify import LATEST_UTC, LedgerState, latest_recorded_utc, verify
from overt.store.ledger_witnesses import TrustedWitness
from overt.store.ledger_work import LedgerHead, UnitOfWork
from overt.store.models import StoreFactRow
from overt.store.models_ledger import LedgerRecordRow

__all__ = ["LedgerState", "StoredLedger", "UnitOfWork", "latest_recorded_utc"]

_BATCH: Final = 1024


class StoredLedger:
    """The append-only record. Safe to use from any thread."""

    def __init__(self, database: Database, signer: NoteSigner, clock: Clock) -> None:
        self._database = database
        self._signer = signer
        self._clock = clock
        self._head: LedgerHead | None = None
        self._opened_at = CompactTree()
        self._lock = threading.Lock()

    @property
    def verifier_key(self) -> str:
        """The log's public key, as C2SP tools read it."""
        return str(self._signer.verifier)

    @contextmanager
    def transaction(self) -> Iterator[UnitOfWork]:
        """Hand out a unit of work, committed at the end with everything appended, or not at all.

        Raises:
            IntegrityError: the ledger is not what it was in the last transaction.
            StorageError: it could not be kept; nothing of it was.
        """
        with self._lock:
            with self._database.write() as session:
                before = self._caught_up(session)
                work = UnitOfWork(session, before)
                yield work
                after = self._concluded(work, before)
            self._head = after

    def sign_checkpoint(self, work: UnitOfWork) -> None:
        """Sign what the ledger holds at the end of ``work``, whatever is appended; once a size."""
        work.closes = True

    def sign_now(self) -> bytes:
        """Sign what the ledger holds, unless it is signed, and return the checkpoint.

        Raises:
            InputError: the ledger is empty.
            StorageError: it could not be kept.
        """
        with self.transaction() as work:
            self.sign_checkpoint(work)
        return self.checkpoint()

    def checkpoint(self, size: int | None = None) -> bytes:
        """Return the signed note over the first ``size`` records, with its cosignatures.

        Args:
            size: of which checkpoint; of the newest if None.

        Raises:
            InputError: there is none.
        """
        with self._database.read() as session:
            return ledger_witnesses.cosigned_note(session, checkpoint_at(session, size))

    def records(self, first: int = 0) -> Iterator[bytes]:
        """Yield the bytes of every record from a number on, in order, from one state."""
        wanted = (
            select(LedgerRecordRow.record)
            .where(LedgerRecordRow.seq >= first)
            .order_by(LedgerRecordRow.seq)
        )
        with self._database.read() as session:
            yield from session.scalars(wanted.execution_options(yield_per=_BATCH))

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that a record stands in the tree of a checkpoint (RFC 6962 §2.1.1).

        Args:
            index: the record's number, counted from 0.
            size: of which checkpoint; of the newest if None.

        Raises:
            InputError: there is no such record under it, or no such checkpoint.
            IntegrityError: a tile is missing.
        """
        return self.prove(index, size).proof

    def consistency_proof(self, old_size: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that a checkpoint's tree begins with an older one (RFC 6962 §2.1.2).

        Args:
            old_size: how many records the older tree has; it need not have a checkpoint here.
            size: of which checkpoint; of the newest if None.

        Raises:
            InputError: the older one is larger, or there is no such checkpoint.
            IntegrityError: a tile is missing.
        """
        with self._database.read() as session:
            size = checkpoint_at(session, size).size
            reader = DatabaseTiles(session, _n_records(session))
            return tiles.consistency_proof(reader, old_size, size)

    def prove(self, index: int, size: int | None = None) -> ProofFile:
        """Return a record with its proof and checkpoint; arguments as :meth:`inclusion_proof`."""
        with self._database.read() as session:
            row = checkpoint_at(session, size)
            reader = DatabaseTiles(session, _n_records(session))
            proof = tiles.inclusion_proof(reader, index, row.size)
            record = session.get_one(LedgerRecordRow, index).record
            return ProofFile(index, proof, ledger_witnesses.cosigned_note(session, row), record)

    def trust_witness(self, verifier_key: str, by: PersonId) -> WitnessVerifier:
        """Take in a witness, so that its cosignatures count here.

        Args:
            verifier_key: its public key as C2SP tools write it.
            by: who takes it in.

        Raises:
            InputError: it is no witness's key.
            StateError: its name stands for another key here, or its key has another name.
        """
        verifier = WitnessVerifier.parse(verifier_key)
        with self.transaction() as work:
            ledger_witnesses.trust(work, verifier, by, self._clock.now_utc())
        return verifier

    def witnesses(self) -> tuple[TrustedWitness, ...]:
        """Return the witnesses whose cosignatures count here.

        Raises:
            IntegrityError: one was altered.
        """
        with self._database.read() as session:
            return ledger_witnesses.witnesses(session)

    def add_cosignatures(self, size: int, lines: bytes) -> tuple[Cosignature, ...]:
        """Keep what witnesses answered for the checkpoint over the first ``size`` records.

        A witness's first cosignature of a checkpoint is kept, and recorded. Lines of keys that do
        not count here are left out.

        Args:
            size: of which checkpoint.
            lines: signature lines, each ended by a newline.

        Returns:
            What those say that count here.

        Raises:
            InputError: they are no signature lines, or there is no such checkpoint.
            IntegrityError: one says that it is of a witness that did not make it for this.
        """
        now_utc, log = self._clock.now_utc(), self._signer.verifier
        with self.transaction() as work:
            found = [
                ledger_witnesses.add_line(work, log, size, line, now_utc)
                for line in parse_lines(lines)
            ]
        return tuple(each for each in found if each is not None)

    def check_head(self) -> None:
        """Check the newest checkpoint against the tiles, and what follows on it; at every open.

        Raises:
            IntegrityError: the ledger was cut short, altered, or signed with another key.
        """
        with self._database.read() as session:
            n_records = _n_records(session)
            lacks_tiles = n_records >= tiles.TILE_WIDTH and n_full_tiles(session) == 0
        if lacks_tiles:
            with self._database.write() as session:
                build_tiles(session, _n_records(session))
        with self._lock, self._database.read() as session:
            self._opened_at = self._checked_tree(session)

    def verify(self) -> LedgerState:
        """Recompute everything from the records' bytes.

        Raises:
            IntegrityError: the first thing that does not fit: a record, its stored hash, its
                number, a tile, a checkpoint, or a cosignature.
        """
        with self._database.read() as session:
            return verify(session, self._signer.verifier)

    def _checked_tree(self, session: Session) -> CompactTree:
        n_records, newest = _n_records(session), newest_checkpoint(session)
        reader, tree = DatabaseTiles(session, n_records), CompactTree()
        if n_full_tiles(session) != n_records // tiles.TILE_WIDTH:
            raise IntegrityError("The ledger's tiles are not those of its records.")
        if newest is not None:
            tree = tree_at(reader, min(newest.size, n_records))
            check_covers(opened(newest, self._signer.verifier), tree)
        tree = tree.extend(leaf_hashes(session, tree.size))
        if tree != tree_at(reader, n_records):
            raise IntegrityError("The ledger's tiles are not those of its records.")
        return tree

    def _caught_up(self, session: Session) -> LedgerHead:
        """Return the head with what other processes have appended since."""
        head, tree = self._head, self._opened_at if self._head is None else self._head.tree
        fresh = _appended_since(session, tree.size)
        return head if head and not fresh else _head_with(session, tree.extend(fresh))

    def _concluded(self, work: UnitOfWork, before: LedgerHead) -> LedgerHead:
        """Write what goes with the records that were appended; return the head after them."""
        tree, latest_utc = work.tree, work.latest_utc
        if latest_utc is not None:
            _note_latest(work.session, before.latest_utc, latest_utc)
        head = replace(before, tree=tree, latest_utc=latest_utc)
        if not _is_due(work, before) or has_checkpoint(work.session, tree.size):
            return head
        write_checkpoint(work.session, tree, self._signer, latest_utc)
        return replace(head, signed_size=tree.size, signed_utc=latest_utc)


def _is_due(work: UnitOfWork, before: LedgerHead) -> bool:
    size, latest_utc = work.tree.size, work.latest_utc
    if latest_utc is None or size == 0:
        return False
    if work.closes or size == before.tree.size:
        return work.closes
    if before.signed_utc is None or size - before.signed_size >= SIGN_EVERY_N:
        return True
    return latest_utc - before.signed_utc >= SIGN_EVERY


def _head_with(session: Session, tree: CompactTree) -> LedgerHead:
    newest, latest_utc = newest_checkpoint(session), latest_recorded_utc(session)
    if newest is None:
        return LedgerHead(tree, latest_utc, 0, None)
    return LedgerHead(tree, latest_utc, newest.size, newest.signed_utc)


def _n_records(session: Session) -> int:
    last = session.scalar(select(func.max(LedgerRecordRow.seq)))
    return 0 if last is None else last + 1


def _appended_since(session: Session, size: int) -> list[bytes]:
    """Return the leaf hashes of the records after the first ``size``, the last of which is there.

    Raises:
        IntegrityError: it is not, or a number is missing.
    """
    first = max(size - 1, 0)
    wanted = (
        select(LedgerRecordRow.seq, LedgerRecordRow.leaf_hash)
        .where(LedgerRecordRow.seq >= first)
        .order_by(LedgerRecordRow.seq)
    )
    rows = session.execute(wanted).all()
    if first + len(rows) < size or any(seq != n for n, (seq, _) in enumerate(rows, first)):
        raise IntegrityError("Records of the ledger are missing: it is not what it was.")
    return [leaf for _, leaf in rows[size - first :]]


def _note_latest(session: Session, before: datetime | None, latest_utc: datetime) -> None:
    text = format_utc(latest_utc)
    if before is not None and format_utc(before) == text:
        return
    connection = session.connection()
    wanted = update(StoreFactRow).where(StoreFactRow.name == LATEST_UTC)
    if connection.execute(wanted.values(value=text)).rowcount == 0:
        connection.execute(insert(StoreFactRow), [{"name": LATEST_UTC, "value": text}])
