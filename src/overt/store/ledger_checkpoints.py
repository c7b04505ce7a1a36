"""Checkpoints in the database: when one is signed, and what was signed.

All are kept. There are never more than records, since one size is signed once; each is smaller than
the record it was signed behind; and whoever holds an old one can be shown that it was ours.

Invariants: a checkpoint is written in a transaction that sees the records it covers.
Must not: read a clock; the time of a checkpoint is that of the newest record under it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from overt.core.errors import InputError, IntegrityError
from overt.ledger.kinds import RecordKind
from overt.ledger.merkle import CompactTree
from overt.ledger.notes import Checkpoint, NoteSigner, NoteVerifier, open_checkpoint
from overt.ledger.notes import sign_checkpoint as signed_note
from overt.ledger.records import LedgerRecord
from overt.store.models_ledger import LedgerCheckpointRow

SIGN_EVERY: Final = timedelta(seconds=50)
"""How much of the record may be unsigned. A run writes its counts once a minute, and each such
record is to be signed with its transaction, however late the one before was."""

SIGN_EVERY_N: Final = 4096
"""However fast records come: opening the store reads what follows the newest checkpoint."""

_CLOSING: Final = frozenset(
    {
        RecordKind.RUN_STOPPED,
        RecordKind.KEY_ROTATED,
        RecordKind.KEY_DESTROYED,
        RecordKind.DELETION_RECEIPT,
        RecordKind.WITNESS_TRUSTED,
    }
)
_CLOSED: Final = "closed"


def closes(record: LedgerRecord) -> bool:
    """Whether what a record says is over with it, so that it is signed at once."""
    is_last_step = record.kind is RecordKind.DEPLOYMENT_STEP and record.body["state"] == _CLOSED
    return is_last_step or record.kind in _CLOSING


def newest_checkpoint(session: Session) -> LedgerCheckpointRow | None:
    """Return the checkpoint over the most records, or None before the first."""
    newest = select(LedgerCheckpointRow).order_by(LedgerCheckpointRow.size.desc()).limit(1)
    return session.scalars(newest).first()


def checkpoint_at(session: Session, size: int | None) -> LedgerCheckpointRow:
    """Return the checkpoint over the first ``size`` records; the newest if None.

    Raises:
        InputError: there is none.
    """
    row = newest_checkpoint(session) if size is None else session.get(LedgerCheckpointRow, size)
    if row is None:
        which = "" if size is None else f" over the first {size} records"
        raise InputError(f"The ledger has no checkpoint{which}.")
    return row


def write_checkpoint(
    session: Session, tree: CompactTree, signer: NoteSigner, signed_utc: datetime | None
) -> None:
    """Sign a tree that has no checkpoint yet."""
    note = signed_note(tree, signer)
    row = {"size": tree.size, "note": note, "signed_utc": signed_utc}
    session.connection().execute(insert(LedgerCheckpointRow), [row])


def has_checkpoint(session: Session, size: int) -> bool:
    """Whether the first ``size`` records have a checkpoint of their own."""
    wanted = select(LedgerCheckpointRow.size).where(LedgerCheckpointRow.size == size)
    return session.scalar(wanted) is not None


def opened(row: LedgerCheckpointRow, log: NoteVerifier) -> Checkpoint:
    """Return what a row says, its signature verified.

    Raises:
        IntegrityError: it was altered, or stands in another's place.
    """
    try:
        checkpoint = open_checkpoint(row.note, log)
    except InputError as error:
        raise IntegrityError("A checkpoint that the store keeps was altered.") from error
    if checkpoint.size != row.size:
        raise IntegrityError("A checkpoint that the store keeps stands in another's place.")
    return checkpoint


def checkpoints(session: Session, log: NoteVerifier) -> Iterator[Checkpoint]:
    """Yield every checkpoint, the smallest first, as :func:`opened`."""
    rows = session.scalars(select(LedgerCheckpointRow).order_by(LedgerCheckpointRow.size))
    return (opened(row, log) for row in rows)
